//! What is done with a request, as the TOML says it.

use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use terrace_core::canon::Duration;
use terrace_core::kind::Objection;
use terrace_core::reference::Ref;

use crate::kinds::elb::target_group::TargetGroup;

/// What is done with a request.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-choice" = true))]
pub enum Action {
    /// A target group, or `{ weighted = { blue = { target = "target_group.blue", weight = 90 }, .. } }`: a
    /// healthy target does the work.
    Forward(Forward),
    /// The client is sent elsewhere: `{ protocol = "HTTPS", port = 443, status = 301 }`.
    Redirect(Redirect),
    /// The load balancer itself answers: `{ status = 503, body = "Back at noon." }`.
    Respond(Respond),
}

/// One target group, or several.
#[derive(Clone, Debug)]
pub enum Forward {
    /// All goes there.
    One(Ref<TargetGroup>),
    /// Each gets its share.
    Several(Shares),
}

/// Several target groups, each of which gets its share.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// The target groups, by a name of your own for each.
    pub weighted: IndexMap<String, Share>,
    /// How long a client keeps coming to the same of them, up to 7d. Absent: each request goes by lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stickiness: Option<Duration>,
}

/// A target group's share.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The target group.
    pub target: Ref<TargetGroup>,
    /// Its share, in proportion to the sum of all.
    #[schemars(range(max = 999))]
    pub weight: u16,
}

impl Serialize for Forward {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(group) => group.serialize(serializer),
            Self::Several(shares) => shares.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Forward {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Forward;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a target group, or a table with `weighted` ones")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Forward, E> {
                let text: StrDeserializer<'_, E> = text.into_deserializer();
                Ref::deserialize(text).map(Forward::One)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Forward, A::Error> {
                Shares::deserialize(MapAccessDeserializer::new(map)).map(Forward::Several)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Forward {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Forward".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = Ref::<TargetGroup>::json_schema(generator);
        let several = generator.subschema_for::<Shares>();
        let about = "A target group, of which a healthy target does the work; or several, each with its share.";
        json_schema!({ "description": about, "anyOf": [one, several] })
    }
}

/// Where a client is sent. What is not said stays as the client asked for it. `#{host}`, `#{path}`,
/// `#{port}`, `#{protocol}` and `#{query}` stand for what it asked for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// The protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Web>,
    /// The port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The path, with its slash: `/new/#{path}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The query, without its question mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// 301 if that is for good, which browsers remember; 302 if it is for now.
    #[serde(default = "for_good")]
    pub status: u16,
}

fn for_good() -> u16 {
    301
}

/// What a client may be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Web {
    /// HTTP.
    Http,
    /// HTTPS.
    Https,
}

/// An answer of the load balancer's own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Respond {
    /// Its status: 2xx, 4xx or 5xx.
    pub status: u16,
    /// Its text, of 1024 bytes at most. Absent: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// What the text is.
    #[serde(default)]
    pub content_type: ContentType,
}

/// What an answer's text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ContentType {
    /// Text.
    #[default]
    #[serde(rename = "text/plain")]
    Plain,
    /// CSS.
    #[serde(rename = "text/css")]
    Css,
    /// HTML.
    #[serde(rename = "text/html")]
    Html,
    /// JavaScript.
    #[serde(rename = "application/javascript")]
    JavaScript,
    /// JSON.
    #[serde(rename = "application/json")]
    Json,
}

impl Action {
    /// Whether it is one of a network load balancer too.
    pub(super) fn is_forward(&self) -> bool {
        matches!(self, Self::Forward(_))
    }

    /// What is wrong with it, at `path`.
    pub(super) fn check(&self, path: &str, wrong: &mut Vec<Objection>) {
        let mut say = |field: &str, message: &str| {
            wrong.push(Objection::new(format!("{path}.{field}"), message));
        };
        match self {
            Self::Forward(Forward::One(_)) => {}
            Self::Forward(Forward::Several(shares)) => {
                if !(1..=5).contains(&shares.weighted.len()) {
                    say("forward.weighted", "there are one to five target groups");
                }
                if shares.weighted.values().any(|share| share.weight > 999) {
                    say("forward.weighted", "a weight is between 0 and 999");
                }
                let week = Duration::days(7);
                let zero = Duration::seconds(0);
                if shares
                    .stickiness
                    .is_some_and(|span| span > week || span == zero)
                {
                    say("forward.stickiness", "it lasts up to 7d");
                }
            }
            Self::Redirect(to) => {
                if !matches!(to.status, 301 | 302) {
                    say(
                        "redirect.status",
                        "301 is for good, 302 for now; there is no other",
                    );
                }
                if to.path.as_ref().is_some_and(|path| !path.starts_with('/')) {
                    say("redirect.path", "a path begins with a slash");
                }
                if to.protocol.is_none()
                    && to.port.is_none()
                    && to.host.is_none()
                    && to.path.is_none()
                {
                    let message = "it leads back to where it came from: say `protocol`, `port`, `host` or `path`";
                    say("redirect", message);
                }
            }
            Self::Respond(with) => {
                if !matches!(with.status, 200..=299 | 400..=599) {
                    say("respond.status", "it is 2xx, 4xx or 5xx");
                }
                if with.body.len() > 1024 {
                    say("respond.body", "it has 1024 bytes at most");
                }
            }
        }
    }
}
