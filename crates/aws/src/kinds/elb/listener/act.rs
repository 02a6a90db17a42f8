//! What is done with a request, as AWS takes and shows it.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    Action as Raw, ActionTypeEnum, FixedResponseActionConfig, ForwardActionConfig,
    RedirectActionConfig, RedirectActionStatusCodeEnum, TargetGroupStickinessConfig,
    TargetGroupTuple,
};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use terrace_core::canon::Duration;
use terrace_core::known::Known;
use terrace_core::reference::Ref;
use terrace_core::said::Said;

use super::action::{Action, Forward, Share};
use crate::kinds::elb::target_group::TargetGroup;

/// An action with every part of it said.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    /// Weights by ARN, and for how many seconds a client keeps to one of them.
    Forward(BTreeMap<String, i32>, Option<u64>),
    /// Protocol, port, host, path, query and status, where they are not as the client has them.
    Redirect(BTreeMap<&'static str, String>),
    Respond(String, String, String),
    /// One that terrace has no word for.
    Other(String),
}

/// The parts of a redirect, and what AWS shows for one that stays as it is (API reference,
/// RedirectActionConfig).
const KEPT: [(&str, &str); 5] = [
    ("protocol", "#{protocol}"),
    ("port", "#{port}"),
    ("host", "#{host}"),
    ("path", "/#{path}"),
    ("query", "#{query}"),
];

impl Act {
    /// What is wanted, or the words for what is not known yet.
    pub(super) fn wanted(action: &Action, known: &Known) -> Result<Self, String> {
        let arn = |group: &Ref<TargetGroup>| match known.output(group, "arn") {
            Said::Later(what) => Err(what),
            said => Ok(said.text()),
        };
        Ok(match action {
            Action::Forward(Forward::One(group)) => Self::forward([(arn(group)?, 1)], None),
            Action::Forward(Forward::Several(shares)) => {
                let weight = |share: &Share| Ok((arn(&share.target)?, share.weight.into()));
                let weights: Result<Vec<_>, String> =
                    shares.weighted.values().map(weight).collect();
                Self::forward(weights?, shares.stickiness.map(Duration::as_seconds))
            }
            Action::Redirect(to) => {
                let said = [
                    ("protocol", to.protocol.map(|web| Said::of(web).text())),
                    ("port", to.port.map(|port| port.to_string())),
                    ("host", to.host.clone()),
                    ("path", to.path.clone()),
                    ("query", to.query.clone()),
                ];
                Self::redirect(said, to.status.to_string())
            }
            Action::Respond(with) => Self::Respond(
                with.status.to_string(),
                with.body.clone(),
                Said::of(with.content_type).text(),
            ),
        })
    }

    /// Where there is one target group only, its weight means nothing, nor does keeping to it.
    fn forward(weights: impl IntoIterator<Item = (String, i32)>, stickiness: Option<u64>) -> Self {
        let mut weights: BTreeMap<String, i32> = weights.into_iter().collect();
        if weights.len() == 1 {
            for weight in weights.values_mut() {
                *weight = 1;
            }
            return Self::Forward(weights, None);
        }
        Self::Forward(weights, stickiness)
    }

    fn redirect(
        said: impl IntoIterator<Item = (&'static str, Option<String>)>,
        status: String,
    ) -> Self {
        let own = |(part, value): (&'static str, Option<String>)| Some((part, value?));
        let parts = said.into_iter().filter_map(own);
        let parts = parts.filter(|(part, value)| !KEPT.contains(&(*part, value.as_str())));
        Self::Redirect(parts.chain([("status", status)]).collect())
    }

    /// Reads what AWS shows.
    pub(super) fn read(actions: &[Raw]) -> Self {
        let read = match actions {
            [one] => match one.r#type {
                Some(ActionTypeEnum::Forward) => Self::read_forward(one),
                Some(ActionTypeEnum::Redirect) => one.redirect_config().map(Self::read_redirect),
                Some(ActionTypeEnum::FixedResponse) => {
                    one.fixed_response_config().map(Self::read_respond)
                }
                _ => None,
            },
            _ => None,
        };
        let kinds = actions.iter().filter_map(|action| action.r#type.as_ref());
        let kinds: Vec<&str> = kinds.map(ActionTypeEnum::as_str).collect();
        read.unwrap_or_else(|| Self::Other(kinds.join(", ")))
    }

    fn read_forward(raw: &Raw) -> Option<Self> {
        // One target group is shown both ways, by itself and in a list (aws-semantics 3.21).
        let Some(config) = raw
            .forward_config()
            .filter(|all| !all.target_groups().is_empty())
        else {
            return Some(Self::forward([(raw.target_group_arn.clone()?, 1)], None));
        };
        let weight =
            |one: &TargetGroupTuple| Some((one.target_group_arn.clone()?, one.weight.unwrap_or(1)));
        let sticky = config.target_group_stickiness_config.as_ref();
        let sticky = sticky.filter(|sticky| sticky.enabled == Some(true));
        let seconds = sticky
            .and_then(|sticky| sticky.duration_seconds)
            .map(i64::from);
        let seconds = seconds.map(i64::cast_unsigned);
        Some(Self::forward(
            config.target_groups().iter().filter_map(weight),
            seconds,
        ))
    }

    fn read_redirect(raw: &RedirectActionConfig) -> Self {
        let status = match raw.status_code {
            Some(RedirectActionStatusCodeEnum::Http302) => "302",
            _ => "301",
        };
        let said = [
            ("protocol", raw.protocol.clone()),
            ("port", raw.port.clone()),
            ("host", raw.host.clone()),
            ("path", raw.path.clone()),
            ("query", raw.query.clone()),
        ];
        Self::redirect(said, status.to_owned())
    }

    fn read_respond(raw: &FixedResponseActionConfig) -> Self {
        let kind = raw.content_type.clone().filter(|kind| !kind.is_empty());
        Self::Respond(
            raw.status_code.clone().unwrap_or_default(),
            raw.message_body.clone().unwrap_or_default(),
            kind.unwrap_or_else(|| "text/plain".to_owned()),
        )
    }

    /// Writes it as AWS takes it.
    pub(super) fn write(&self) -> Raw {
        let raw = Raw::builder();
        match self {
            Self::Forward(weights, sticky) => {
                let raw = raw.r#type(ActionTypeEnum::Forward);
                if let (Some((arn, _)), 1) = (weights.first_key_value(), weights.len()) {
                    return raw.target_group_arn(arn).build();
                }
                let tuple = |(arn, weight): (&String, &i32)| {
                    TargetGroupTuple::builder()
                        .target_group_arn(arn)
                        .weight(*weight)
                        .build()
                };
                let seconds = sticky.map(|seconds| Duration::seconds(seconds).as_i32());
                let sticky = TargetGroupStickinessConfig::builder()
                    .enabled(seconds.is_some())
                    .set_duration_seconds(seconds);
                let config = ForwardActionConfig::builder()
                    .set_target_groups(Some(weights.iter().map(tuple).collect()))
                    .target_group_stickiness_config(sticky.build());
                raw.forward_config(config.build()).build()
            }
            Self::Redirect(parts) => {
                let part = |part: &str| parts.get(part).cloned();
                let status = match parts.get("status").map(String::as_str) {
                    Some("302") => RedirectActionStatusCodeEnum::Http302,
                    _ => RedirectActionStatusCodeEnum::Http301,
                };
                let config = RedirectActionConfig::builder()
                    .set_protocol(part("protocol"))
                    .set_port(part("port"))
                    .set_host(part("host"))
                    .set_path(part("path"))
                    .set_query(part("query"))
                    .status_code(status);
                raw.r#type(ActionTypeEnum::Redirect)
                    .redirect_config(config.build())
                    .build()
            }
            Self::Respond(status, body, kind) => {
                let body = Some(body.clone()).filter(|body| !body.is_empty());
                let config = FixedResponseActionConfig::builder()
                    .status_code(status)
                    .set_message_body(body)
                    .content_type(kind);
                raw.r#type(ActionTypeEnum::FixedResponse)
                    .fixed_response_config(config.build())
                    .build()
            }
            Self::Other(kind) => raw.r#type(ActionTypeEnum::from(kind.as_str())).build(),
        }
    }

    /// The target groups it forwards to.
    pub(super) fn groups(&self) -> impl Iterator<Item = &String> {
        let weights = match self {
            Self::Forward(weights, _) => Some(weights),
            _ => None,
        };
        weights.into_iter().flat_map(BTreeMap::keys)
    }

    /// As one side of a comparison.
    pub(super) fn said(&self) -> Value {
        match self {
            Self::Forward(weights, None) if weights.len() == 1 => {
                json!({ "forward": weights.keys().next() })
            }
            Self::Forward(weights, sticky) => {
                let mut forward = Map::new();
                forward.insert("weighted".to_owned(), json!(weights));
                if let Some(seconds) = sticky {
                    forward.insert("stickiness".to_owned(), json!(Duration::seconds(*seconds)));
                }
                json!({ "forward": forward })
            }
            Self::Redirect(parts) => json!({ "redirect": parts }),
            Self::Respond(status, body, kind) => {
                json!({ "respond": { "status": status, "body": body, "content_type": kind } })
            }
            Self::Other(kind) => json!({ "other": kind }),
        }
    }
}

impl Serialize for Act {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.said().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn act(action: &Value) -> Act {
        let action: Action = serde_json::from_value(action.clone()).unwrap();
        Act::wanted(&action, &Known::default()).unwrap()
    }

    #[test]
    fn an_action_comes_back() {
        for action in [
            json!({ "forward": "arn:a" }),
            json!({ "forward": { "weighted": { "a": { "target": "arn:a", "weight": 1 }, "b": { "target": "arn:b", "weight": 0 } } } }),
            json!({ "forward": { "stickiness": "1h", "weighted": { "a": { "target": "arn:a", "weight": 1 }, "b": { "target": "arn:b", "weight": 3 } } } }),
            json!({ "redirect": { "protocol": "HTTPS", "port": 443 } }),
            json!({ "redirect": { "path": "/new/#{path}", "status": 302 } }),
            json!({ "respond": { "status": 404, "body": "gone", "content_type": "text/html" } }),
        ] {
            let act = act(&action);
            assert_eq!(Act::read(&[act.write()]), act, "{action}");
        }
    }

    #[test]
    fn aws_shows_more_than_it_was_told() {
        let redirect = RedirectActionConfig::builder()
            .protocol("HTTPS")
            .port("443")
            .host("#{host}")
            .path("/#{path}")
            .query("#{query}")
            .status_code(RedirectActionStatusCodeEnum::Http301);
        let raw = Raw::builder()
            .r#type(ActionTypeEnum::Redirect)
            .redirect_config(redirect.build());
        let said = act(&json!({ "redirect": { "protocol": "HTTPS", "port": 443, "status": 301 } }));
        assert_eq!(Act::read(&[raw.build()]), said);
        let one = TargetGroupTuple::builder()
            .target_group_arn("arn:a")
            .weight(7)
            .build();
        let raw = Raw::builder()
            .r#type(ActionTypeEnum::Forward)
            .target_group_arn("arn:a")
            .forward_config(ForwardActionConfig::builder().target_groups(one).build());
        assert_eq!(
            Act::read(&[raw.build()]),
            act(&json!({ "forward": "arn:a" }))
        );
    }

    #[test]
    fn what_terrace_has_no_word_for_differs() {
        let login = Raw::builder()
            .r#type(ActionTypeEnum::AuthenticateOidc)
            .build();
        let forward = act(&json!({ "forward": "arn:a" }));
        assert_ne!(Act::read(&[login, forward.write()]), forward);
    }
}
