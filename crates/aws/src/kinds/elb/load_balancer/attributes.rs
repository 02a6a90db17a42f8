//! What AWS keeps of a load balancer as attributes.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::LoadBalancerAttribute;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use terrace_core::canon::Duration;
use terrace_core::error::Result;
use terrace_core::fields::Fields;
use terrace_core::kind::Objection;
use terrace_core::known::Known;
use terrace_core::reference::Ref;
use terrace_core::said::Said;

use super::{BalancerType, LoadBalancer, LoadBalancerLive, LoadBalancerSpec};
use crate::client::Aws;
use crate::door::Op;
use crate::kinds::s3::s3_bucket::S3Bucket;

/// The properties that are attributes.
pub(super) const ATTRIBUTES: &[&str] = &[
    "idle_timeout",
    "drop_invalid_headers",
    "http2",
    "preserve_host",
    "cross_zone",
    "access_logs",
];

pub(super) const PROTECTION: &str = "deletion_protection.enabled";
const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";
const DROP_HEADERS: &str = "routing.http.drop_invalid_header_fields.enabled";
const HTTP2: &str = "routing.http2.enabled";
const PRESERVE_HOST: &str = "routing.http.preserve_host_header.enabled";
const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";
const LOGS: &str = "access_logs.s3.enabled";
const LOGS_BUCKET: &str = "access_logs.s3.bucket";
const LOGS_PREFIX: &str = "access_logs.s3.prefix";

/// Where it is written down who asked for what.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessLogs {
    /// The bucket, of the same region. Its policy lets `logdelivery.elasticloadbalancing.amazonaws.com`
    /// write there.
    pub bucket: Ref<S3Bucket>,
    /// What the names of the files in it begin with, before AWS's own `AWSLogs/`. Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// Adds their rows.
pub(super) fn rows(fields: Fields<LoadBalancer>) -> Fields<LoadBalancer> {
    fields
        .update(
            "idle_timeout",
            |want, _| want.of_application(want.idle_timeout),
            |have| {
                let seconds = have
                    .attribute(IDLE_TIMEOUT)
                    .and_then(|text| text.parse().ok());
                Said::of(seconds.map(Duration::seconds))
            },
        )
        .update(
            "drop_invalid_headers",
            |want, _| want.of_application(want.drop_invalid_headers),
            |have| Said::of(have.says(DROP_HEADERS)),
        )
        .update(
            "http2",
            |want, _| want.of_application(want.http2),
            |have| Said::of(have.says(HTTP2)),
        )
        .update(
            "preserve_host",
            |want, _| want.of_application(want.preserve_host),
            |have| Said::of(have.says(PRESERVE_HOST)),
        )
        .update(
            "cross_zone",
            |want, _| match want.r#type {
                BalancerType::Application => Said::Nothing,
                BalancerType::Network => Said::of(want.cross_zone),
            },
            |have| Said::of(have.says(CROSS_ZONE)),
        )
        .update("access_logs", wanted_logs, |have| {
            let bucket = have.log_bucket();
            let prefix = have.attribute(LOGS_PREFIX);
            Said::Value(bucket.map_or(Value::Null, |bucket| logs(bucket, prefix)))
        })
}

impl LoadBalancerSpec {
    /// What is wanted of an application load balancer; a network one has no such attribute.
    fn of_application(&self, value: impl Serialize) -> Said {
        match self.r#type {
            BalancerType::Application => Said::of(value),
            BalancerType::Network => Said::Nothing,
        }
    }
}

fn logs(bucket: &str, prefix: Option<&str>) -> Value {
    match prefix.filter(|prefix| !prefix.is_empty()) {
        Some(prefix) => json!({ "bucket": bucket, "prefix": prefix }),
        None => json!({ "bucket": bucket }),
    }
}

fn wanted_logs(want: &LoadBalancerSpec, known: &Known) -> Said {
    let Some(to) = &want.access_logs else {
        return Said::Value(Value::Null);
    };
    match known.output(&to.bucket, "name") {
        Said::Value(bucket) => {
            let bucket = bucket.as_str().unwrap_or_default();
            Said::Value(logs(bucket, to.prefix.as_deref()))
        }
        later => later,
    }
}

impl LoadBalancerLive {
    /// The bucket that it writes its log to.
    pub(super) fn log_bucket(&self) -> Option<&str> {
        let bucket = self.attribute(LOGS_BUCKET)?;
        (self.says(LOGS) == Some(true)).then_some(bucket)
    }
}

/// The attributes that several properties are.
pub(super) fn wanted(
    want: &LoadBalancerSpec,
    known: &Known,
    fields: &[&str],
) -> Result<Vec<(&'static str, String)>> {
    let mut all = Vec::new();
    for field in fields {
        all.extend(of_field(want, known, field)?);
    }
    Ok(all)
}

fn of_field(
    want: &LoadBalancerSpec,
    known: &Known,
    field: &str,
) -> Result<Vec<(&'static str, String)>> {
    Ok(match field {
        "idle_timeout" => vec![(IDLE_TIMEOUT, want.idle_timeout.as_seconds().to_string())],
        "drop_invalid_headers" => vec![(DROP_HEADERS, want.drop_invalid_headers.to_string())],
        "http2" => vec![(HTTP2, want.http2.to_string())],
        "preserve_host" => vec![(PRESERVE_HOST, want.preserve_host.to_string())],
        "cross_zone" => vec![(CROSS_ZONE, want.cross_zone.to_string())],
        _ => match &want.access_logs {
            None => vec![(LOGS, "false".to_owned())],
            Some(to) => vec![
                (LOGS, "true".to_owned()),
                (LOGS_BUCKET, known.need_output(&to.bucket, "name")?),
                (LOGS_PREFIX, to.prefix.clone().unwrap_or_default()),
            ],
        },
    })
}

/// What is wrong with them.
pub(super) fn check(want: &LoadBalancerSpec, wrong: &mut Vec<Objection>) {
    let mut say = |field: &str, message: &str| wrong.push(Objection::new(field, message));
    if !(1..=4000).contains(&want.idle_timeout.as_seconds()) {
        say("idle_timeout", "a connection may be silent for 1s to 4000s");
    }
    let slash = |prefix: &String| prefix.starts_with('/') || prefix.ends_with('/');
    let logs = want.access_logs.as_ref();
    if logs.is_some_and(|logs| logs.prefix.as_ref().is_some_and(slash)) {
        say(
            "access_logs.prefix",
            "no slash stands at its ends: AWS puts one after it",
        );
    }
    if want.r#type == BalancerType::Network {
        let message = "it is for application load balancers";
        for (field, said) in [
            ("idle_timeout", want.idle_timeout != super::a_minute()),
            ("drop_invalid_headers", !want.drop_invalid_headers),
            ("http2", !want.http2),
            ("preserve_host", want.preserve_host),
        ] {
            if said {
                say(field, message);
            }
        }
    }
}

/// All attributes of a load balancer.
pub(super) async fn of(cx: &Aws, arn: &str) -> Result<BTreeMap<String, String>> {
    let answer = cx
        .read(
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            || {
                let call = cx.elb.describe_load_balancer_attributes();
                call.load_balancer_arn(arn).send()
            },
        )
        .await?;
    let attributes = answer.attributes.unwrap_or_default().into_iter();
    let pair = |one: LoadBalancerAttribute| Some((one.key?, one.value.unwrap_or_default()));
    Ok(attributes.filter_map(pair).collect())
}

/// Sets attributes.
pub(super) async fn modify(
    cx: &Aws,
    arn: &str,
    attributes: &[(&'static str, String)],
) -> Result<()> {
    let attribute = |(key, value): &(&'static str, String)| {
        LoadBalancerAttribute::builder()
            .key(*key)
            .value(value)
            .build()
    };
    let attributes: Vec<_> = attributes.iter().map(attribute).collect();
    // It may have been made a moment ago, and the policy of a bucket for its log comes after the bucket.
    let op = Op::again("elasticloadbalancing:ModifyLoadBalancerAttributes")
        .while_busy(&["LoadBalancerNotFound", "Access Denied for bucket"], 3.0);
    cx.mutate(op, || {
        let call = cx
            .elb
            .modify_load_balancer_attributes()
            .load_balancer_arn(arn);
        call.set_attributes(Some(attributes.clone())).send()
    })
    .await?;
    Ok(())
}
