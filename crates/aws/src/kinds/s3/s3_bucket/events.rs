//! Whom a bucket tells what happens in it: topics, queues and functions, and another bucket that keeps
//! the log.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{
    BucketLoggingStatus, Event, EventBridgeConfiguration, FilterRule, FilterRuleName,
    LambdaFunctionConfiguration, LoggingEnabled, NotificationConfiguration,
    NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter, TopicConfiguration,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::error::Result;
use terrace_core::kind::Objection;
use terrace_core::known::Known;
use terrace_core::late::Late;
use terrace_core::reference::Ref;
use terrace_core::said::Said;

use super::super::shared::of;
use super::S3Bucket;
use crate::client::Aws;
use crate::door::Op;
use crate::lookups::sns_topic::SnsTopic;
use crate::names::invalid;

/// Where it is written down who asked for what.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logging {
    /// The bucket that keeps the log. Its policy must let `logging.s3.amazonaws.com` put objects there.
    pub bucket: Ref<S3Bucket>,
    /// What the names of the log's objects begin with: `"assets/"`. Absent: with the date.
    #[serde(default)]
    pub prefix: String,
}

/// Who is told, of what.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notification {
    /// What happens: `"s3:ObjectCreated:*"`, `"s3:ObjectRemoved:*"`, `"s3:ObjectRestore:Completed"`.
    pub events: Vec<String>,
    /// To objects whose name begins so. Absent: to any.
    #[serde(default)]
    pub prefix: String,
    /// To objects whose name ends so: `".jpg"`. Absent: to any.
    #[serde(default)]
    pub suffix: String,
    /// Who is told: a topic, or by its ARN a queue or a function. Its own policy must let
    /// `s3.amazonaws.com` do that, or S3 refuses.
    pub to: Late<Ref<SnsTopic>>,
}

/// A log as AWS has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Logged {
    pub(super) bucket: String,
    pub(super) prefix: String,
}

/// One who is told, as AWS has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Told {
    pub(super) events: Vec<String>,
    pub(super) prefix: String,
    pub(super) suffix: String,
    pub(super) to: String,
}

/// All who are told: by name, and whether EventBridge is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Notified {
    pub(super) notifications: BTreeMap<String, Told>,
    pub(super) eventbridge: bool,
}

/// What is wrong with notifications that read well.
pub(super) fn check(notifications: &IndexMap<String, Notification>) -> Vec<Objection> {
    let mut wrong = Vec::new();
    for (name, notification) in notifications {
        let field = |part: &str| format!("notifications.{name}.{part}");
        if notification.events.is_empty() {
            wrong.push(Objection::new(field("events"), "of what is it to tell?"));
        }
        if let Some(event) = notification
            .events
            .iter()
            .find(|event| !event.starts_with("s3:"))
        {
            let message = format!("`{event}` is no event of S3");
            let help = format!("write \"s3:{event}\"");
            wrong.push(Objection::new(field("events"), message).help(help));
        }
    }
    wrong
}

/// The log that is wanted, as AWS will have it.
pub(super) fn logged(want: Option<&Logging>, known: &Known) -> Said {
    let Some(want) = want else {
        return Said::or_none(None);
    };
    match known.id(&want.bucket) {
        Said::Value(bucket) => Said::of(Logged {
            bucket: bucket.as_str().unwrap_or_default().to_owned(),
            prefix: want.prefix.clone(),
        }),
        later => later,
    }
}

/// Those who are to be told, as AWS will have them.
pub(super) fn told(want: &IndexMap<String, Notification>, known: &Known) -> Said {
    let mut all = BTreeMap::new();
    for (name, notification) in want {
        let to = match address(&notification.to, known) {
            Said::Value(to) => to.as_str().unwrap_or_default().to_owned(),
            later => return later,
        };
        all.insert(name, one(notification, to));
    }
    Said::of(all)
}

fn address(to: &Late<Ref<SnsTopic>>, known: &Known) -> Said {
    match to {
        Late::Known(to) => known.output(to, "arn"),
        Late::Later(expression) => Said::Later(expression.clone()),
    }
}

fn one(want: &Notification, to: String) -> Told {
    let mut events = want.events.clone();
    events.sort();
    Told {
        events,
        prefix: want.prefix.clone(),
        suffix: want.suffix.clone(),
        to,
    }
}

/// Where the log is kept, if it is.
pub(super) async fn read_logging(cx: &Aws, bucket: &str) -> Result<Option<Logged>> {
    let call = || of!(cx, bucket, get_bucket_logging).send();
    let answer = cx.read("s3:GetBucketLogging", call).await?;
    Ok(answer.logging_enabled.map(|logging| Logged {
        bucket: logging.target_bucket,
        prefix: logging.target_prefix,
    }))
}

/// Begins a log, or ends it.
pub(super) async fn put_logging(
    cx: &Aws,
    bucket: &str,
    want: Option<&Logging>,
    known: &Known,
) -> Result<Option<Logged>> {
    const ACTION: &str = "s3:PutBucketLogging";
    let logged = match want {
        Some(want) => Some(Logged {
            bucket: known.need(&want.bucket)?.into(),
            prefix: want.prefix.clone(),
        }),
        None => None,
    };
    let enabled = logged.as_ref().map(|logged| {
        let enabled = LoggingEnabled::builder().target_bucket(&logged.bucket);
        enabled.target_prefix(&logged.prefix).build()
    });
    let enabled = enabled
        .transpose()
        .map_err(|error| invalid(ACTION, error))?;
    let status = BucketLoggingStatus::builder()
        .set_logging_enabled(enabled)
        .build();
    // The other bucket's policy is set at the same time, and gets about slowly.
    let op = Op::again(ACTION).while_busy(&["InvalidTargetBucketForLogging"], 2.0);
    let call = || {
        of!(cx, bucket, put_bucket_logging)
            .bucket_logging_status(status.clone())
            .send()
    };
    cx.mutate(op, call).await.map(|_| logged)
}

/// All who are told.
pub(super) async fn read_notified(cx: &Aws, bucket: &str) -> Result<Notified> {
    let call = || of!(cx, bucket, get_bucket_notification_configuration).send();
    let answer = cx.read("s3:GetBucketNotification", call).await?;
    let topics = answer.topic_configurations.unwrap_or_default().into_iter();
    let topics = topics.map(|told| (told.id, told.topic_arn, told.events, told.filter));
    let queues = answer.queue_configurations.unwrap_or_default().into_iter();
    let queues = queues.map(|told| (told.id, told.queue_arn, told.events, told.filter));
    let functions = answer.lambda_function_configurations.unwrap_or_default();
    let functions = functions
        .into_iter()
        .map(|told| (told.id, told.lambda_function_arn, told.events, told.filter));
    let all = topics.chain(queues).chain(functions);
    let by_name = all.map(|(id, to, events, filter)| {
        let mut events: Vec<String> = events
            .iter()
            .map(|event| event.as_str().to_owned())
            .collect();
        events.sort();
        let rules = filter.and_then(|filter| filter.key);
        let rules = rules.and_then(|key| key.filter_rules).unwrap_or_default();
        // AWS has been seen to write `Prefix` where `prefix` was put.
        let value = |name: &str| {
            let named = rules.iter().find(|rule| {
                let is = rule.name.as_ref().map(FilterRuleName::as_str);
                is.is_some_and(|is| is.eq_ignore_ascii_case(name))
            });
            named
                .and_then(|rule| rule.value.clone())
                .unwrap_or_default()
        };
        let told = Told {
            events,
            prefix: value("prefix"),
            suffix: value("suffix"),
            to,
        };
        (id.unwrap_or_default(), told)
    });
    Ok(Notified {
        notifications: by_name.collect(),
        eventbridge: answer.event_bridge_configuration.is_some(),
    })
}

/// Those who are to be told, now that all of them exist.
pub(super) fn need(
    want: &IndexMap<String, Notification>,
    known: &Known,
) -> Result<BTreeMap<String, Told>> {
    let mut by_name = BTreeMap::new();
    for (name, notification) in want {
        let to = notification.to.need().map_err(|why| invalid(PUT, why))?;
        let to = known.need_output(to, "arn")?;
        by_name.insert(name.clone(), one(notification, to));
    }
    Ok(by_name)
}

const PUT: &str = "s3:PutBucketNotification";

/// Tells all who are to be told: one document, written whole.
pub(super) async fn put_notified(cx: &Aws, bucket: &str, want: &Notified) -> Result<()> {
    let wrong = |error| invalid(PUT, error);
    let mut document = NotificationConfiguration::builder().set_event_bridge_configuration(
        want.eventbridge
            .then(|| EventBridgeConfiguration::builder().build()),
    );
    for (name, told) in &want.notifications {
        let events: Vec<Event> = told
            .events
            .iter()
            .map(|e| Event::from(e.as_str()))
            .collect();
        let (id, filter) = (name.as_str(), filter(told));
        // An ARN says by its third part what it is of.
        document = match told.to.split(':').nth(2) {
            Some("sqs") => document.queue_configurations(
                QueueConfiguration::builder()
                    .id(id)
                    .queue_arn(&told.to)
                    .set_events(Some(events))
                    .set_filter(filter)
                    .build()
                    .map_err(wrong)?,
            ),
            Some("lambda") => document.lambda_function_configurations(
                LambdaFunctionConfiguration::builder()
                    .id(id)
                    .lambda_function_arn(&told.to)
                    .set_events(Some(events))
                    .set_filter(filter)
                    .build()
                    .map_err(wrong)?,
            ),
            _ => document.topic_configurations(
                TopicConfiguration::builder()
                    .id(id)
                    .topic_arn(&told.to)
                    .set_events(Some(events))
                    .set_filter(filter)
                    .build()
                    .map_err(wrong)?,
            ),
        };
    }
    let document = document.build();
    // S3 tries each of them first, and a permission given just now gets about slowly.
    let op = Op::again(PUT).while_busy(&["Unable to validate the following destination"], 1.0);
    let call = || {
        of!(cx, bucket, put_bucket_notification_configuration)
            .notification_configuration(document.clone())
            .send()
    };
    cx.mutate(op, call).await.map(drop)
}

fn filter(told: &Told) -> Option<NotificationConfigurationFilter> {
    let ends = [
        (FilterRuleName::Prefix, &told.prefix),
        (FilterRuleName::Suffix, &told.suffix),
    ];
    let said = ends.into_iter().filter(|(_, value)| !value.is_empty());
    let rules: Vec<FilterRule> = said
        .map(|(name, value)| FilterRule::builder().name(name).value(value).build())
        .collect();
    if rules.is_empty() {
        return None;
    }
    let key = S3KeyFilter::builder().set_filter_rules(Some(rules)).build();
    Some(NotificationConfigurationFilter::builder().key(key).build())
}
