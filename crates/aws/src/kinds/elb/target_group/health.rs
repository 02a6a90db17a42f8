//! How a target group sees which of its targets work: the check as the TOML says it, with what each
//! protocol takes for granted, and as AWS has it.

use aws_sdk_elasticloadbalancingv2::types::{Matcher, ProtocolEnum, TargetGroup};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::canon::Duration;
use terrace_core::error::Result;
use terrace_core::kind::{Objection, Serving};

use super::{Protocol, TargetGroupLive, Version};
use crate::client::Aws;
use crate::door::Op;

/// How it is seen which targets work. What is not said here is as the protocol has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HealthCheck {
    /// The protocol it asks in. Absent: that of the group, and TCP for what is not HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<CheckProtocol>,
    /// The port it asks at. Absent: the one that the target gets its traffic at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// What it asks for. Absent: `/`, and `/AWS.ALB/healthcheck` of gRPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Which answers are good: `"200"`, `"200,301"`, `"200-399"`; for gRPC its own codes. Absent: `200`
    /// behind an application load balancer, `200-399` behind a network one, `12` of gRPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The time from one check to the next, 5s to 5m. Absent: 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// How long an answer may take, 2s to 2m. Absent: 5s behind an application load balancer; behind a
    /// network one 6s for HTTP, 10s for the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// How many good answers in a row make a target healthy. Absent: 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 10))]
    pub healthy: Option<u8>,
    /// How many bad answers in a row make it unhealthy. Absent: 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 10))]
    pub unhealthy: Option<u8>,
}

/// What a check asks in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CheckProtocol {
    /// HTTP.
    Http,
    /// HTTPS; the certificate is not looked at.
    Https,
    /// A connection is enough.
    Tcp,
}

impl From<CheckProtocol> for Protocol {
    fn from(protocol: CheckProtocol) -> Self {
        match protocol {
            CheckProtocol::Http => Self::Http,
            CheckProtocol::Https => Self::Https,
            CheckProtocol::Tcp => Self::Tcp,
        }
    }
}

/// The port at which a target gets its traffic, in AWS's words.
const SAME_PORT: &str = "traffic-port";

/// A check with every part of it said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Check {
    pub(super) protocol: String,
    pub(super) port: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) healthy: i32,
    pub(super) unhealthy: i32,
    /// Whether the status is one of gRPC's.
    #[serde(skip)]
    pub(super) grpc: bool,
}

impl HealthCheck {
    /// The check of a group. Where nothing is said it is as AWS makes it (API reference,
    /// CreateTargetGroup; of the two time-outs that AWS's pages give for HTTP, the shorter).
    pub(super) fn of(&self, group: Protocol, version: Version) -> Check {
        let protocol = self.asks(group);
        let grpc = version == Version::Grpc && group.is_web();
        let seconds = match (group.is_web(), protocol) {
            (true, _) => 5,
            (false, Protocol::Http) => 6,
            (false, _) => 10,
        };
        let path = if grpc { "/AWS.ALB/healthcheck" } else { "/" };
        let status = match (grpc, group.is_web()) {
            (true, _) => "12",
            (false, true) => "200",
            (false, false) => "200-399",
        };
        let of_web = |said: &Option<String>, default: &str| {
            let text = || said.clone().unwrap_or_else(|| default.to_owned());
            protocol.is_web().then(text)
        };
        Check {
            protocol: protocol.word().to_owned(),
            port: self
                .port
                .map_or(SAME_PORT.to_owned(), |port| port.to_string()),
            path: of_web(&self.path, path),
            status: of_web(&self.status, status),
            interval: self.interval.unwrap_or(Duration::seconds(30)),
            timeout: self.timeout.unwrap_or(Duration::seconds(seconds)),
            healthy: self.healthy.unwrap_or(5).into(),
            unhealthy: self.unhealthy.unwrap_or(2).into(),
            grpc,
        }
    }

    fn asks(&self, group: Protocol) -> Protocol {
        match self.protocol {
            Some(protocol) => protocol.into(),
            None if group.is_web() => group,
            None => Protocol::Tcp,
        }
    }

    /// What is wrong with it.
    pub(super) fn check(&self, group: Protocol, version: Version, wrong: &mut Vec<Objection>) {
        let check = self.of(group, version);
        let mut say = |field: &str, message: &str| {
            wrong.push(Objection::new(format!("health_check.{field}"), message));
        };
        if group.is_web() && self.protocol == Some(CheckProtocol::Tcp) {
            say(
                "protocol",
                "a group that speaks HTTP or HTTPS is asked in one of these",
            );
        }
        if !self.asks(group).is_web() {
            let message = "a check by TCP asks for nothing: it is for HTTP and HTTPS";
            if self.path.is_some() {
                say("path", message);
            }
            if self.status.is_some() {
                say("status", message);
            }
        }
        if self
            .path
            .as_ref()
            .is_some_and(|path| !path.starts_with('/'))
        {
            say("path", "a path begins with a slash");
        }
        if !(5..=300).contains(&check.interval.as_seconds()) {
            say("interval", "targets are asked every 5s to 5m");
        }
        if !(2..=120).contains(&check.timeout.as_seconds()) {
            say("timeout", "an answer is awaited for 2s to 2m");
        }
        // A network load balancer may wait for one answer until it asks again.
        let (timeout, interval) = (check.timeout, check.interval);
        if timeout > interval || group.is_web() && timeout == interval {
            say("timeout", "it is shorter than `interval`");
        }
        for (field, count) in [("healthy", check.healthy), ("unhealthy", check.unhealthy)] {
            if !(2..=10).contains(&count) {
                say(field, "it takes 2 to 10 answers in a row");
            }
        }
    }
}

impl Check {
    /// The check of a live group.
    pub(super) fn read(group: &TargetGroup) -> Self {
        let seconds = |said: Option<i32>| {
            Duration::seconds(u64::try_from(said.unwrap_or_default()).unwrap_or_default())
        };
        let protocol = group.health_check_protocol.as_ref();
        let protocol = protocol.map_or(String::new(), |protocol| protocol.as_str().to_owned());
        // What a check by TCP once asked for, as HTTP, means nothing.
        let web = protocol.starts_with("HTTP");
        let matcher = group.matcher.as_ref();
        let grpc = matcher.and_then(|matcher| matcher.grpc_code.clone());
        let http = matcher.and_then(|matcher| matcher.http_code.clone());
        Self {
            protocol,
            port: group
                .health_check_port
                .clone()
                .unwrap_or_else(|| SAME_PORT.to_owned()),
            path: group.health_check_path.clone().filter(|_| web),
            grpc: grpc.is_some(),
            status: grpc.or(http).filter(|_| web),
            interval: seconds(group.health_check_interval_seconds),
            timeout: seconds(group.health_check_timeout_seconds),
            healthy: group.healthy_threshold_count.unwrap_or_default(),
            unhealthy: group.unhealthy_threshold_count.unwrap_or_default(),
        }
    }

    /// The answers that are good, as a call takes them.
    pub(super) fn matcher(&self) -> Option<Matcher> {
        let status = self.status.clone()?;
        let matcher = Matcher::builder();
        Some(if self.grpc {
            matcher.grpc_code(status).build()
        } else {
            matcher.http_code(status).build()
        })
    }
}

/// Whether all its targets are healthy, and that there are some.
pub(super) fn serving(have: &TargetGroupLive) -> Serving {
    let all = have.registered;
    if all == 0 {
        return Serving::NotYet("it has no targets".to_owned());
    }
    let state = |(state, count): (&String, &usize)| {
        let (noun, verb) = match (all, count) {
            (1, _) => ("target", "is"),
            (_, 1) => ("targets", "is"),
            _ => ("targets", "are"),
        };
        format!("{count} of {all} {noun} {verb} {state}")
    };
    let ill: Vec<String> = have.ill.iter().map(state).collect();
    match ill.len() {
        0 => Serving::Yes,
        _ => Serving::NotYet(ill.join(", ")),
    }
}

/// Gives a group another check.
pub(super) async fn modify(cx: &Aws, arn: &str, check: Check) -> Result<Check> {
    cx.mutate(Op::again("elasticloadbalancing:ModifyTargetGroup"), || {
        let call = cx.elb.modify_target_group().target_group_arn(arn);
        call.health_check_protocol(ProtocolEnum::from(check.protocol.as_str()))
            .health_check_port(&check.port)
            .set_health_check_path(check.path.clone())
            .set_matcher(check.matcher())
            .health_check_interval_seconds(check.interval.as_i32())
            .health_check_timeout_seconds(check.timeout.as_i32())
            .healthy_threshold_count(check.healthy)
            .unhealthy_threshold_count(check.unhealthy)
            .send()
    })
    .await?;
    Ok(check)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(check: &HealthCheck, group: Protocol) -> Vec<String> {
        let mut wrong = Vec::new();
        check.check(group, Version::Http1, &mut wrong);
        wrong.into_iter().map(|one| one.field).collect()
    }

    #[test]
    fn what_is_not_said_follows_from_the_protocol() {
        let check = |group, version| HealthCheck::default().of(group, version);
        let web = check(Protocol::Http, Version::Http1);
        assert_eq!(
            (web.status.as_deref(), web.path.as_deref()),
            (Some("200"), Some("/"))
        );
        let tcp = check(Protocol::Tls, Version::Http1);
        assert_eq!(
            (tcp.protocol.as_str(), tcp.path, tcp.timeout.as_seconds()),
            ("TCP", None, 10)
        );
        let grpc = check(Protocol::Https, Version::Grpc);
        assert_eq!(
            (grpc.protocol.as_str(), grpc.status.as_deref()),
            ("HTTPS", Some("12"))
        );
    }

    #[test]
    fn a_check_that_aws_refuses() {
        assert!(wrong(&HealthCheck::default(), Protocol::Http).is_empty());
        assert!(wrong(&HealthCheck::default(), Protocol::Udp).is_empty());
        let quick = HealthCheck {
            interval: Some(Duration::seconds(5)),
            ..HealthCheck::default()
        };
        assert_eq!(wrong(&quick, Protocol::Http), ["health_check.timeout"]);
        let path = HealthCheck {
            path: Some("up".into()),
            ..HealthCheck::default()
        };
        assert_eq!(wrong(&path, Protocol::Http), ["health_check.path"]);
        assert_eq!(wrong(&path, Protocol::Tcp), ["health_check.path"; 2]);
        let few = HealthCheck {
            healthy: Some(1),
            ..HealthCheck::default()
        };
        assert_eq!(wrong(&few, Protocol::Http), ["health_check.healthy"]);
    }
}
