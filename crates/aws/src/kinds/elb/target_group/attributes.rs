//! What AWS keeps of a target group as attributes: how targets come, go and share the work.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::TargetGroupAttribute;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use terrace_core::canon::Duration;
use terrace_core::error::Result;
use terrace_core::fields::Fields;
use terrace_core::kind::Objection;
use terrace_core::said::Said;

use super::{TargetGroup, TargetGroupLive, TargetGroupSpec};
use crate::client::Aws;
use crate::door::Op;

/// How a client keeps coming to the same target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stickiness {
    /// The application's cookie that it goes by. Absent: one of the load balancer's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// How long it keeps coming, up to 7d. Absent: 1d.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
}

/// Which target gets the next request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with the fewest requests under way.
    LeastOutstandingRequests,
    /// Any, by lot.
    WeightedRandom,
}

/// The properties that are attributes.
pub(super) const ATTRIBUTES: &[&str] = &[
    "deregistration_delay",
    "slow_start",
    "stickiness",
    "algorithm",
    "preserve_client_ip",
    "proxy_protocol",
];

pub(super) const DELAY: &str = "deregistration_delay.timeout_seconds";
const SLOW_START: &str = "slow_start.duration_seconds";
const ALGORITHM: &str = "load_balancing.algorithm.type";
const CLIENT_IP: &str = "preserve_client_ip.enabled";
const PROXY: &str = "proxy_protocol_v2.enabled";
const STICKY: &str = "stickiness.enabled";
const STICKY_TYPE: &str = "stickiness.type";
const STICKY_COOKIE: &str = "stickiness.app_cookie.cookie_name";
const STICKY_APP: &str = "stickiness.app_cookie.duration_seconds";
const STICKY_OWN: &str = "stickiness.lb_cookie.duration_seconds";

/// Adds their rows.
pub(super) fn rows(fields: Fields<TargetGroup>) -> Fields<TargetGroup> {
    fields
        .update(
            "deregistration_delay",
            |want, _| Said::of(want.deregistration_delay),
            |have| Said::of(seconds(have, DELAY)),
        )
        .update(
            "slow_start",
            |want, _| Said::of(want.protocol.is_web().then_some(want.slow_start)),
            |have| Said::of(seconds(have, SLOW_START)),
        )
        .update(
            "stickiness",
            |want, _| {
                Said::Value(
                    want.stickiness
                        .as_ref()
                        .map_or(Value::Null, |s| sticky(want, s)),
                )
            },
            |have| Said::Value(live_sticky(have)),
        )
        .update(
            "algorithm",
            |want, _| Said::of(want.protocol.is_web().then_some(want.algorithm)),
            |have| Said::of(have.attribute(ALGORITHM)),
        )
        .update(
            "preserve_client_ip",
            |want, _| Said::of(want.preserve_client_ip),
            |have| Said::of(switch(have, CLIENT_IP)),
        )
        .update(
            "proxy_protocol",
            |want, _| Said::of((!want.protocol.is_web()).then_some(want.proxy_protocol)),
            |have| Said::of(switch(have, PROXY)),
        )
}

/// The attributes that a property is.
pub(super) fn wanted(want: &TargetGroupSpec, field: &str) -> Vec<(&'static str, String)> {
    let seconds = |span: Duration| span.as_seconds().to_string();
    match field {
        "deregistration_delay" => vec![(DELAY, seconds(want.deregistration_delay))],
        "slow_start" => vec![(SLOW_START, seconds(want.slow_start))],
        "algorithm" => vec![(ALGORITHM, Said::of(want.algorithm).text())],
        "preserve_client_ip" => {
            let said = want.preserve_client_ip.iter();
            said.map(|on| (CLIENT_IP, on.to_string())).collect()
        }
        "proxy_protocol" => vec![(PROXY, want.proxy_protocol.to_string())],
        _ => match &want.stickiness {
            None => vec![(STICKY, "false".to_owned())],
            Some(how) => {
                let mut all = vec![
                    (STICKY, "true".to_owned()),
                    (STICKY_TYPE, how.kind(want).to_owned()),
                ];
                match (&how.cookie, want.protocol.is_web()) {
                    (_, false) => {}
                    (None, true) => all.push((STICKY_OWN, seconds(how.lasts()))),
                    (Some(cookie), true) => {
                        all.push((STICKY_COOKIE, cookie.clone()));
                        all.push((STICKY_APP, seconds(how.lasts())));
                    }
                }
                all
            }
        },
    }
}

impl Stickiness {
    fn kind(&self, group: &TargetGroupSpec) -> &'static str {
        match (group.protocol.is_web(), &self.cookie) {
            (false, _) => "source_ip",
            (true, None) => "lb_cookie",
            (true, Some(_)) => "app_cookie",
        }
    }

    fn lasts(&self) -> Duration {
        self.duration.unwrap_or(Duration::days(1))
    }
}

fn sticky(group: &TargetGroupSpec, how: &Stickiness) -> Value {
    match how.kind(group) {
        "app_cookie" => json!({ "cookie": how.cookie, "duration": how.lasts() }),
        "lb_cookie" => json!({ "duration": how.lasts() }),
        other => json!({ "by": other }),
    }
}

fn live_sticky(have: &TargetGroupLive) -> Value {
    if switch(have, STICKY) != Some(true) {
        return Value::Null;
    }
    match have.attribute(STICKY_TYPE) {
        Some("app_cookie") => {
            let cookie = have.attribute(STICKY_COOKIE);
            json!({ "cookie": cookie, "duration": seconds(have, STICKY_APP) })
        }
        Some("lb_cookie") => json!({ "duration": seconds(have, STICKY_OWN) }),
        other => json!({ "by": other }),
    }
}

fn seconds(have: &TargetGroupLive, key: &str) -> Option<Duration> {
    have.attribute(key)?.parse().ok().map(Duration::seconds)
}

fn switch(have: &TargetGroupLive, key: &str) -> Option<bool> {
    have.attribute(key)?.parse().ok()
}

/// An attribute's value. AWS writes one that is not set as empty.
pub(super) fn attribute<'a>(
    attributes: &'a BTreeMap<String, String>,
    key: &str,
) -> Option<&'a str> {
    let value = attributes.get(key).map(String::as_str);
    value.filter(|value| !value.is_empty())
}

/// What is wrong with them.
pub(super) fn check(want: &TargetGroupSpec, wrong: &mut Vec<Objection>) {
    let mut say = |field: &str, message: &str| wrong.push(Objection::new(field, message));
    if want.deregistration_delay > Duration::seconds(3600) {
        say(
            "deregistration_delay",
            "a target may take 1h at most to leave",
        );
    }
    let slow = want.slow_start.as_seconds();
    if slow != 0 && !(30..=900).contains(&slow) {
        say("slow_start", "it takes 30s to 15m, or none: \"0s\"");
    }
    if slow != 0 && want.algorithm != Algorithm::RoundRobin {
        say(
            "slow_start",
            "it goes with the algorithm `round_robin` only",
        );
    }
    if let Some(how) = &want.stickiness {
        let reserved = |cookie: &String| cookie.is_empty() || cookie.starts_with("AWSALB");
        if how.cookie.as_ref().is_some_and(reserved) {
            say(
                "stickiness.cookie",
                "a cookie has a name, and `AWSALB` begins those of AWS",
            );
        }
        if !(1..=604_800).contains(&how.lasts().as_seconds()) {
            say("stickiness.duration", "it lasts up to 7d");
        }
    }
    if want.protocol.is_web() {
        let message = "behind an application load balancer there is no such thing";
        if want.preserve_client_ip.is_some() {
            say("preserve_client_ip", message);
        }
        if want.proxy_protocol {
            say("proxy_protocol", message);
        }
        return;
    }
    let message = "it is for HTTP and HTTPS";
    if slow != 0 {
        say("slow_start", message);
    }
    if want.algorithm != Algorithm::RoundRobin {
        say("algorithm", message);
    }
    if want
        .stickiness
        .as_ref()
        .is_some_and(|how| *how != Stickiness::default())
    {
        let message = "behind a network load balancer a client is known by its address: write {}";
        say("stickiness", message);
    }
}

/// All attributes of a group.
pub(super) async fn of(cx: &Aws, arn: &str) -> Result<BTreeMap<String, String>> {
    let answer = cx
        .read("elasticloadbalancing:DescribeTargetGroupAttributes", || {
            let call = cx.elb.describe_target_group_attributes();
            call.target_group_arn(arn).send()
        })
        .await?;
    let attributes = answer.attributes.unwrap_or_default().into_iter();
    let pair = |one: TargetGroupAttribute| Some((one.key?, one.value.unwrap_or_default()));
    Ok(attributes.filter_map(pair).collect())
}

/// Sets attributes.
pub(super) async fn modify(
    cx: &Aws,
    arn: &str,
    attributes: &[(&'static str, String)],
) -> Result<()> {
    let attribute = |(key, value): &(&'static str, String)| {
        TargetGroupAttribute::builder()
            .key(*key)
            .value(value)
            .build()
    };
    let attributes: Vec<_> = attributes.iter().map(attribute).collect();
    // It may have been made a moment ago.
    let op = Op::again("elasticloadbalancing:ModifyTargetGroupAttributes")
        .while_busy(&["TargetGroupNotFound"], 2.0);
    cx.mutate(op, || {
        let call = cx
            .elb
            .modify_target_group_attributes()
            .target_group_arn(arn);
        call.set_attributes(Some(attributes.clone())).send()
    })
    .await?;
    Ok(())
}
