//! Alarms as CloudWatch takes them and tells of them.

use aws_sdk_cloudwatch::operation::put_metric_alarm::builders::PutMetricAlarmFluentBuilder;
use aws_sdk_cloudwatch::types::{AlarmType, ComparisonOperator, Dimension, MetricAlarm, Statistic};
use terrace_core::error::{ErrorClass, Result};
use terrace_core::mark::Tags;

use super::super::shared::tags;
use super::{AlarmLive, MissingData, PLAIN};
use crate::client::{Aws, missing};

pub(super) fn put(cx: &Aws, live: &AlarmLive) -> PutMetricAlarmFluentBuilder {
    let dimension =
        |(name, value): (&String, &String)| Dimension::builder().name(name).value(value).build();
    let call = cx.cloudwatch.put_metric_alarm().alarm_name(&live.id);
    let call = call
        .alarm_description(&live.description)
        .namespace(&live.namespace)
        .metric_name(&live.metric);
    let call = call.set_dimensions(Some(live.dimensions.iter().map(dimension).collect()));
    let call = if PLAIN.contains(&live.statistic.as_str()) {
        call.statistic(Statistic::from(live.statistic.as_str()))
    } else {
        call.extended_statistic(&live.statistic)
    };
    call.comparison_operator(ComparisonOperator::from(live.comparison.as_str()))
        .threshold(live.threshold)
        .period(live.period)
        .evaluation_periods(live.periods)
        .datapoints_to_alarm(live.datapoints)
        .treat_missing_data(&live.missing_data)
        .actions_enabled(live.enabled)
        .set_alarm_actions(Some(live.actions.clone()))
        .set_ok_actions(Some(live.ok_actions.clone()))
}

pub(super) enum Which<'a> {
    Beginning(&'a str),
    Name(&'a str),
}

pub(super) async fn list(cx: &Aws, which: Which<'_>) -> Result<Vec<AlarmLive>> {
    let alarms = cx
        .read("cloudwatch:DescribeAlarms", || {
            let call = cx
                .cloudwatch
                .describe_alarms()
                .alarm_types(AlarmType::MetricAlarm);
            let call = match which {
                Which::Beginning(prefix) => call.alarm_name_prefix(prefix),
                Which::Name(name) => call.alarm_names(name),
            };
            call.into_paginator()
                .page_size(100)
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let alarms = alarms
        .into_iter()
        .flat_map(|page| page.metric_alarms.unwrap_or_default());
    alarms.map(read).collect()
}

pub(super) async fn tags_of(cx: &Aws, arn: &str) -> Result<Option<Tags>> {
    let answer = cx
        .read("cloudwatch:ListTagsForResource", || {
            cx.cloudwatch
                .list_tags_for_resource()
                .resource_arn(arn)
                .send()
        })
        .await;
    match answer {
        // It has gone since it was listed.
        Err(error) if error.class == ErrorClass::NotFound => Ok(None),
        answer => Ok(Some(tags(answer?.tags()))),
    }
}

fn read(alarm: MetricAlarm) -> Result<AlarmLive> {
    const ACTION: &str = "cloudwatch:DescribeAlarms";
    let periods = alarm.evaluation_periods.unwrap_or(1);
    let dimensions = alarm.dimensions.unwrap_or_default().into_iter();
    Ok(AlarmLive {
        id: alarm.alarm_name.ok_or_else(|| missing(ACTION, "name"))?,
        arn: alarm.alarm_arn.ok_or_else(|| missing(ACTION, "arn"))?,
        description: alarm.alarm_description.unwrap_or_default(),
        namespace: alarm.namespace.unwrap_or_default(),
        metric: alarm.metric_name.unwrap_or_default(),
        dimensions: dimensions
            .filter_map(|one| Some((one.name?, one.value.unwrap_or_default())))
            .collect(),
        statistic: alarm
            .statistic
            .map(|statistic| statistic.as_str().to_owned())
            .or(alarm.extended_statistic)
            .unwrap_or_default(),
        comparison: alarm
            .comparison_operator
            .map(|one| one.as_str().to_owned())
            .unwrap_or_default(),
        threshold: alarm.threshold.unwrap_or_default(),
        period: alarm.period.unwrap_or_default(),
        periods,
        datapoints: alarm.datapoints_to_alarm.unwrap_or(periods),
        missing_data: alarm
            .treat_missing_data
            .unwrap_or_else(|| MissingData::Missing.word().to_owned()),
        enabled: alarm.actions_enabled.unwrap_or(true),
        actions: alarm.alarm_actions.unwrap_or_default(),
        ok_actions: alarm.ok_actions.unwrap_or_default(),
    })
}
