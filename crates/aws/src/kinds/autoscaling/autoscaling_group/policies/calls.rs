//! The calls that read and change policies.

use std::collections::HashMap;

use aws_sdk_autoscaling::types::{
    CustomizedMetricSpecification, MetricDimension, MetricStatistic, PredefinedMetricSpecification,
    ScalingPolicy, StepAdjustment, TargetTrackingConfiguration,
};
use aws_sdk_elasticloadbalancingv2::types::TargetGroup;
use serde_json::{Value, json};
use terrace_core::canon::Duration;
use terrace_core::error::{ErrorClass, Result};
use terrace_core::inventory::Seen;
use terrace_core::known::Known;

use super::super::super::shared::{change, is_gone, number};
use super::super::AutoscalingGroupSpec;
use super::{
    ADJUSTS, Adjust, METRICS, Own, Policies, Policy, PolicyLive, PolicyType, Statistic, Step,
    Tracking, step, tracking,
};
use crate::client::Aws;
use crate::kinds::elb::shared::full_name;
use crate::kinds::elb::target_group;
use crate::names::invalid;

const TRACKING: &str = "TargetTrackingScaling";
const STEP: &str = "StepScaling";

// What AWS says.

/// All policies of a group.
pub(in super::super) async fn describe(cx: &Aws, group: &str, seen: &Seen) -> Result<Policies> {
    let policies = cx
        .read("autoscaling:DescribePolicies", || {
            let call = cx
                .autoscaling
                .describe_policies()
                .auto_scaling_group_name(group);
            let pages = call.into_paginator().page_size(100).items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let labels: Vec<String> = policies.iter().filter_map(resource_label).collect();
    let balancers = if labels.is_empty() {
        HashMap::new()
    } else {
        balancers(cx, &labels, seen).await?
    };
    Ok(policies
        .into_iter()
        .filter_map(|policy| read(policy, &balancers))
        .collect())
}

fn resource_label(policy: &ScalingPolicy) -> Option<String> {
    let tracked = policy.target_tracking_configuration.as_ref()?;
    tracked
        .predefined_metric_specification
        .as_ref()?
        .resource_label
        .clone()
}

/// Whose requests these labels count: target group by target group the load balancer that uses it now.
async fn balancers(cx: &Aws, labels: &[String], seen: &Seen) -> Result<HashMap<String, String>> {
    let mut found = HashMap::new();
    for counted in labels.iter().filter_map(|text| halves(text)) {
        let arn = cx.arn("elasticloadbalancing", counted.1);
        if let Some(balancer) = balancer_of(cx, &arn, seen).await? {
            found.insert(counted.1.to_owned(), balancer);
        }
    }
    Ok(found)
}

/// The load balancer's and the target group's half of a label.
fn halves(label: &str) -> Option<(&str, &str)> {
    let at = label.find("/targetgroup/")?;
    Some((&label[..at], &label[at + 1..]))
}

/// The first half of the label of what is forwarded to a target group. A discovery lists all of them anyway.
async fn balancer_of(cx: &Aws, arn: &str, seen: &Seen) -> Result<Option<String>> {
    let first = |group: &TargetGroup| {
        let balancer = group.load_balancer_arns().first();
        balancer.map(|arn| full_name(arn).to_owned())
    };
    if seen.lists::<target_group::TargetGroup>() {
        let all = cx.elb_listed(seen).await?;
        let mut groups = all.groups.iter();
        let group = groups.find(|group| group.target_group_arn() == Some(arn));
        return Ok(group.and_then(first));
    }
    let answer = cx
        .read("elasticloadbalancing:DescribeTargetGroups", || {
            cx.elb
                .describe_target_groups()
                .target_group_arns(arn)
                .send()
        })
        .await;
    let groups = match answer {
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        answer => answer?.target_groups.unwrap_or_default(),
    };
    Ok(groups.iter().find_map(first))
}

fn read(
    policy: ScalingPolicy,
    balancers: &HashMap<String, String>,
) -> Option<(String, PolicyLive)> {
    let kind = policy.policy_type.unwrap_or_default();
    let warmup = policy
        .estimated_instance_warmup
        .map(|s| Duration::seconds(s.unsigned_abs().into()));
    let facts = match (kind.as_str(), policy.target_tracking_configuration) {
        (TRACKING, Some(tracked)) => read_tracking(tracked, warmup, balancers),
        (STEP, _) => {
            let word = policy.adjustment_type.unwrap_or_default();
            let adjust = ADJUSTS.iter().find(|(_, theirs)| *theirs == word);
            let steps = policy.step_adjustments.unwrap_or_default();
            step(
                adjust.map_or(Adjust::Change, |(adjust, _)| *adjust),
                steps.iter().map(read_step).collect(),
                policy
                    .metric_aggregation_type
                    .as_deref()
                    .unwrap_or("Average"),
                (
                    policy.min_adjustment_magnitude.map(i32::unsigned_abs),
                    warmup,
                ),
            )
        }
        // Made by hand: it goes, or is put in the form of what is wanted under its name.
        (other, _) => json!({ "type": other }),
    };
    let live = PolicyLive {
        arn: policy.policy_arn.unwrap_or_default(),
        r#type: kind,
        facts,
    };
    Some((policy.policy_name?, live))
}

fn read_tracking(
    is: TargetTrackingConfiguration,
    warmup: Option<Duration>,
    balancers: &HashMap<String, String>,
) -> Value {
    let usual = is.predefined_metric_specification;
    let label = usual
        .as_ref()
        .and_then(|usual| usual.resource_label.clone());
    let requests_of = label.as_deref().and_then(halves).map(|(balancer, group)| {
        // Another load balancer may forward to it since: then the metric stands still.
        match balancers.get(group) {
            Some(now) if now != balancer => format!("{group} behind {balancer}"),
            _ => group.to_owned(),
        }
    });
    let word = usual
        .and_then(|usual| usual.predefined_metric_type)
        .map(|kind| {
            let known = METRICS.iter().find(|(_, theirs)| *theirs == kind);
            known.map_or(kind.as_str().to_owned(), |(word, _)| (*word).to_owned())
        });
    let own = is.customized_metric_specification;
    let name = own.as_ref().and_then(|own| own.metric_name.clone());
    tracking(Tracking {
        metric: word.or(name).unwrap_or_default(),
        own: own.map(|own| Own {
            namespace: own.namespace.unwrap_or_default(),
            dimensions: (own.dimensions.unwrap_or_default().into_iter())
                .filter_map(|one| Some((one.name?, one.value.unwrap_or_default().into())))
                .collect(),
            statistic: own
                .statistic
                .map(|is| is.as_str().to_owned())
                .unwrap_or_default(),
        }),
        requests_of,
        target: is.target_value.unwrap_or_default(),
        scale_in: !is.disable_scale_in.unwrap_or_default(),
        warmup,
    })
}

fn read_step(is: &StepAdjustment) -> Step {
    Step {
        from: is.metric_interval_lower_bound,
        to: is.metric_interval_upper_bound,
        by: is.scaling_adjustment.unwrap_or_default(),
    }
}

// What changes them.

/// Puts these policies, each under its name.
pub(in super::super) async fn put(
    cx: &Aws,
    want: &AutoscalingGroupSpec,
    known: &Known,
    group: (&str, &Policies),
    keys: impl Iterator<Item = &String>,
) -> Result<()> {
    let (group, have) = group;
    for key in keys {
        let Some(policy) = want.policies.get(key) else {
            continue;
        };
        let kind = match policy.r#type {
            PolicyType::TargetTracking => TRACKING,
            PolicyType::Step => STEP,
        };
        if have.get(key).is_some_and(|is| is.r#type != kind) {
            // A policy keeps its type.
            delete(cx, group, key).await?;
        }
        let tracked = match policy.r#type {
            PolicyType::TargetTracking => Some(tracked(cx, policy, want, known).await?),
            PolicyType::Step => None,
        };
        put_one(cx, group, key, policy, tracked).await?;
    }
    Ok(())
}

async fn put_one(
    cx: &Aws,
    group: &str,
    key: &str,
    policy: &Policy,
    tracked: Option<TargetTrackingConfiguration>,
) -> Result<()> {
    cx.mutate(change("autoscaling:PutScalingPolicy"), || {
        let call = cx
            .autoscaling
            .put_scaling_policy()
            .auto_scaling_group_name(group)
            .policy_name(key)
            .set_estimated_instance_warmup(policy.warmup.map(Duration::as_i32));
        if let Some(tracked) = &tracked {
            let call = call.policy_type(TRACKING);
            return call.target_tracking_configuration(tracked.clone()).send();
        }
        let adjust = policy.adjust.unwrap_or_default();
        let word = ADJUSTS
            .iter()
            .find(|(is, _)| *is == adjust)
            .map_or("", |(_, word)| word);
        let step = |step: &Step| {
            StepAdjustment::builder()
                .set_metric_interval_lower_bound(step.from)
                .set_metric_interval_upper_bound(step.to)
                .scaling_adjustment(step.by)
                .build()
        };
        call.policy_type(STEP)
            .adjustment_type(word)
            .metric_aggregation_type(policy.statistic.unwrap_or(Statistic::Average).word())
            .set_min_adjustment_magnitude(policy.min_change.map(number))
            .set_step_adjustments(Some(policy.steps.iter().map(step).collect()))
            .send()
    })
    .await
    .map(drop)
}

async fn tracked(
    cx: &Aws,
    policy: &Policy,
    want: &AutoscalingGroupSpec,
    known: &Known,
) -> Result<TargetTrackingConfiguration> {
    const ACTION: &str = "autoscaling:PutScalingPolicy";
    let config = TargetTrackingConfiguration::builder()
        .target_value(policy.target.unwrap_or_default())
        .disable_scale_in(!policy.scale_in);
    let metric = policy.metric.as_deref().unwrap_or_default();
    if let Some(namespace) = &policy.namespace {
        let mut own = CustomizedMetricSpecification::builder()
            .metric_name(metric)
            .namespace(namespace)
            .statistic(MetricStatistic::from(
                policy.statistic.unwrap_or(Statistic::Average).word(),
            ));
        for (name, value) in &policy.dimensions {
            let value = value.need().map_err(|why| invalid(ACTION, why))?;
            own = own.dimensions(MetricDimension::builder().name(name).value(value).build());
        }
        return Ok(config.customized_metric_specification(own.build()).build());
    }
    let kind = METRICS
        .iter()
        .find(|(word, _)| *word == metric)
        .map(|(_, kind)| kind.clone());
    let mut usual = PredefinedMetricSpecification::builder().set_predefined_metric_type(kind);
    if let (true, Some(group)) = (policy.counts_requests(), policy.of(want)) {
        usual = usual.resource_label(counted(cx, &known.need_output(group, "arn")?).await?);
    }
    Ok(config
        .predefined_metric_specification(usual.build())
        .build())
}

/// The label of requests to a target group. There is none before a listener forwards to it.
async fn counted(cx: &Aws, arn: &str) -> Result<String> {
    let group = full_name(arn);
    let seen = Seen::default();
    let look = || balancer_of(cx, arn, &seen);
    let balancer = cx
        .until(1.0, &format!("a listener that forwards to {group}"), look)
        .await;
    let balancer = balancer.map_err(|error| {
        error.hinted("a policy that counts requests needs an application load balancer")
    })?;
    Ok(format!("{balancer}/{group}"))
}

/// Drops a policy; the alarms of target tracking go with it.
pub(in super::super) async fn delete(cx: &Aws, group: &str, key: &str) -> Result<()> {
    let call = || {
        let call = cx.autoscaling.delete_policy();
        call.auto_scaling_group_name(group).policy_name(key).send()
    };
    match cx.mutate(change("autoscaling:DeletePolicy"), call).await {
        Err(error) if is_gone(&error) || error.message.contains("Unable to find policy") => Ok(()),
        answer => answer.map(drop),
    }
}
