//! Where content comes from.

use aws_sdk_cloudfront::error::BuildError;
use aws_sdk_cloudfront::types::{
    CustomHeaders, CustomOriginConfig, Origin as Wire, OriginCustomHeader, OriginProtocolPolicy,
    OriginShield, OriginSslProtocols, S3OriginConfig, SslProtocol,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::canon::{DnsName, Duration};
use terrace_core::kind::Objection;
use terrace_core::known::Known;
use terrace_core::late::Late;
use terrace_core::reference::{Ref, Reference};

use super::super::origin_access_control::OriginAccessControl;
use super::super::shared::count;
use super::form::{Hidden, HiddenTexts, Pen, some};
use crate::kinds::s3::s3_bucket::S3Bucket;

/// Where content comes from: exactly one of `domain` and `bucket` says.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The name of a server, such as the one that a record gives to a load balancer. Not a name that
    /// leads to this distribution: it would ask itself.
    pub domain: Option<Late<DnsName>>,
    /// The bucket that the files are in.
    pub bucket: Option<Ref<S3Bucket>>,
    /// How the distribution proves to the origin that it is the one who asks. Absent: not at all.
    pub access_control: Option<Ref<OriginAccessControl>>,
    /// How a server is spoken to. Absent: `https`.
    pub protocol: Option<OriginProtocol>,
    /// The port of the server. Absent: 443 for `https`, 80 for `http`.
    pub port: Option<u16>,
    /// What is put before the path of every request: `"/site"`.
    #[serde(default)]
    pub path: String,
    /// Headers that are added to every request, by name. Plans do not show what they say, since it may be
    /// what lets the distribution in.
    #[serde(default)]
    pub headers: IndexMap<String, Late<String>>,
    /// How often it is tried to connect: between 1 and 3 times.
    #[serde(default = "three")]
    pub connect_attempts: i32,
    /// How long each try may take: between 1s and 10s.
    #[serde(default = "ten")]
    pub connect_timeout: Duration,
    /// How long a server may think before it answers, and between two parts of its answer: between 1s and
    /// 180s, where more than 120s must be asked of AWS. Absent: 30s.
    pub read_timeout: Option<Duration>,
    /// How long a connection to a server is kept without being used: between 1s and 180s, where more than
    /// 120s must be asked of AWS. Absent: 5s.
    pub keepalive_timeout: Option<Duration>,
    /// The region near the origin where one more cache stands, so that it is asked less: `"eu-west-3"`.
    /// Absent: there is none.
    pub shield: Option<String>,
}

fn three() -> i32 {
    DEFAULT_ATTEMPTS
}

fn ten() -> Duration {
    Duration::seconds(10)
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OriginProtocol {
    /// Encrypted.
    #[default]
    Https,
    /// In the clear.
    Http,
    /// As the viewer speaks to the distribution.
    MatchViewer,
}

impl OriginProtocol {
    fn wire(self) -> OriginProtocolPolicy {
        match self {
            Self::Https => OriginProtocolPolicy::HttpsOnly,
            Self::Http => OriginProtocolPolicy::HttpOnly,
            Self::MatchViewer => OriginProtocolPolicy::MatchViewer,
        }
    }

    fn read(wire: &OriginProtocolPolicy) -> Self {
        match wire {
            OriginProtocolPolicy::HttpOnly => Self::Http,
            OriginProtocolPolicy::MatchViewer => Self::MatchViewer,
            _ => Self::Https,
        }
    }
}

// What CloudFront takes for what is not said (CloudFront API reference, `Origin`, `CustomOriginConfig`).
const DEFAULT_ATTEMPTS: i32 = 3;
const DEFAULT_CONNECT: i32 = 10;
const DEFAULT_READ: i32 = 30;
const DEFAULT_KEEPALIVE: i32 = 5;
const HTTP: i32 = 80;
const HTTPS: i32 = 443;

/// An origin, written one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct OriginForm {
    pub(super) domain: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) access_control: Option<String>,
    /// None for a bucket.
    #[serde(flatten)]
    server: Option<Server>,
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    #[serde(skip_serializing_if = "HiddenTexts::is_empty")]
    headers: HiddenTexts,
    #[serde(skip_serializing_if = "is_three")]
    connect_attempts: i32,
    #[serde(skip_serializing_if = "is_ten")]
    connect_timeout: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    shield: Option<String>,
}

/// What a server has and a bucket does not.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Server {
    protocol: OriginProtocol,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<i32>,
    #[serde(skip_serializing_if = "is_thirty")]
    read_timeout: i32,
    #[serde(skip_serializing_if = "is_five")]
    keepalive_timeout: i32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_three(value: &i32) -> bool {
    *value == DEFAULT_ATTEMPTS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_ten(value: &i32) -> bool {
    *value == DEFAULT_CONNECT
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_thirty(value: &i32) -> bool {
    *value == DEFAULT_READ
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_five(value: &i32) -> bool {
    *value == DEFAULT_KEEPALIVE
}

impl Server {
    fn of(want: &Origin) -> Self {
        let protocol = want.protocol.unwrap_or_default();
        let usual = match protocol {
            OriginProtocol::Http => Some(HTTP),
            OriginProtocol::Https => Some(HTTPS),
            OriginProtocol::MatchViewer => None,
        };
        let port = want.port.map(i32::from);
        Self {
            protocol,
            port: port.filter(|port| Some(*port) != usual),
            read_timeout: want.read_timeout.map_or(DEFAULT_READ, Duration::as_i32),
            keepalive_timeout: want
                .keepalive_timeout
                .map_or(DEFAULT_KEEPALIVE, Duration::as_i32),
        }
    }

    fn read(wire: &CustomOriginConfig) -> Self {
        let protocol = OriginProtocol::read(&wire.origin_protocol_policy);
        let port = match protocol {
            OriginProtocol::Http => Some(wire.http_port).filter(|port| *port != HTTP),
            OriginProtocol::Https => Some(wire.https_port).filter(|port| *port != HTTPS),
            OriginProtocol::MatchViewer => None,
        };
        Self {
            protocol,
            port,
            read_timeout: wire.origin_read_timeout.unwrap_or(DEFAULT_READ),
            keepalive_timeout: wire.origin_keepalive_timeout.unwrap_or(DEFAULT_KEEPALIVE),
        }
    }

    fn write(
        &self,
        live: Option<CustomOriginConfig>,
    ) -> std::result::Result<CustomOriginConfig, BuildError> {
        let mut wire = if let Some(live) = live {
            live
        } else {
            let safe = OriginSslProtocols::builder()
                .quantity(1)
                .items(SslProtocol::TlSv12);
            CustomOriginConfig::builder()
                .http_port(HTTP)
                .https_port(HTTPS)
                .origin_protocol_policy(self.protocol.wire())
                .origin_ssl_protocols(safe.build()?)
                .build()?
        };
        wire.origin_protocol_policy = self.protocol.wire();
        let on = |protocol, usual| match self.port {
            Some(port) if self.protocol == protocol => port,
            _ => usual,
        };
        wire.http_port = on(OriginProtocol::Http, HTTP);
        wire.https_port = on(OriginProtocol::Https, HTTPS);
        wire.origin_read_timeout = Some(self.read_timeout);
        wire.origin_keepalive_timeout = Some(self.keepalive_timeout);
        Ok(wire)
    }
}

impl OriginForm {
    /// As the TOML wants it.
    pub(super) fn wanted(want: &Origin, known: &Known, pen: &mut Pen) -> Self {
        let bucket = want.bucket.as_ref();
        let domain = match (bucket, &want.domain) {
            (Some(bucket), _) => pen.text(&known.output(bucket, "dns_name")),
            (None, Some(domain)) => pen.text(&domain.said()),
            (None, None) => String::new(),
        };
        let header = |(name, value): (&String, &Late<String>)| {
            (name.clone(), Hidden(pen.text(&value.said())))
        };
        let headers = want.headers.iter().map(header).collect();
        Self {
            domain,
            access_control: pen.maybe(want.access_control.as_ref().map(|one| known.id(one))),
            server: bucket.is_none().then(|| Server::of(want)),
            path: want.path.clone(),
            headers,
            connect_attempts: want.connect_attempts,
            connect_timeout: want.connect_timeout.as_i32(),
            shield: want.shield.clone(),
        }
    }

    /// As AWS has it.
    pub(super) fn read(wire: &Wire) -> Self {
        let headers = wire.custom_headers.iter().flat_map(CustomHeaders::items);
        let header = |header: &OriginCustomHeader| {
            (
                header.header_name.clone(),
                Hidden(header.header_value.clone()),
            )
        };
        let shield = wire.origin_shield.as_ref().filter(|shield| shield.enabled);
        Self {
            domain: wire.domain_name.clone(),
            access_control: some(wire.origin_access_control_id()),
            server: wire.custom_origin_config.as_ref().map(Server::read),
            path: wire.origin_path.clone().unwrap_or_default(),
            headers: headers.map(header).collect(),
            connect_attempts: wire.connection_attempts.unwrap_or(DEFAULT_ATTEMPTS),
            connect_timeout: wire.connection_timeout.unwrap_or(DEFAULT_CONNECT),
            shield: shield.and_then(|shield| shield.origin_shield_region.clone()),
        }
    }

    /// As AWS takes it: over what it has, so that what terrace has no word for stays.
    pub(super) fn write(
        &self,
        id: &str,
        live: Option<&Wire>,
    ) -> std::result::Result<Wire, BuildError> {
        let mut wire = match live {
            Some(live) => live.clone(),
            None => Wire::builder().id(id).domain_name(&self.domain).build()?,
        };
        wire.domain_name.clone_from(&self.domain);
        wire.origin_access_control_id = Some(self.access_control.clone().unwrap_or_default());
        wire.origin_path = Some(self.path.clone());
        let headers: std::result::Result<Vec<_>, _> = self
            .headers
            .iter()
            .map(|(name, value)| {
                let header = OriginCustomHeader::builder().header_name(name);
                header.header_value(&value.0).build()
            })
            .collect();
        let headers = headers?;
        let all = CustomHeaders::builder().quantity(count(&headers));
        let all = all.set_items((!headers.is_empty()).then_some(headers));
        wire.custom_headers = Some(all.build()?);
        wire.connection_attempts = Some(self.connect_attempts);
        wire.connection_timeout = Some(self.connect_timeout);
        let shield = OriginShield::builder()
            .enabled(self.shield.is_some())
            .set_origin_shield_region(self.shield.clone());
        wire.origin_shield = Some(shield.build()?);
        if let Some(server) = &self.server {
            wire.custom_origin_config = Some(server.write(wire.custom_origin_config.take())?);
            wire.s3_origin_config = None;
        } else {
            let bucket = || S3OriginConfig::builder().origin_access_identity("").build();
            let live = wire.s3_origin_config.take();
            // An access identity, the old way, and an access control exclude each other.
            let live = live.filter(|_| self.access_control.is_none());
            wire.s3_origin_config = Some(live.unwrap_or_else(bucket));
            wire.custom_origin_config = None;
        }
        Ok(wire)
    }
}

/// What is wrong with an origin that reads well.
pub(super) fn check(key: &str, want: &Origin, wrong: &mut Vec<Objection>) {
    let at = |field: &str| format!("origins.{key}.{field}");
    if want.domain.is_some() == want.bucket.is_some() {
        let message = "either `domain` or `bucket` says where content comes from";
        wrong.push(Objection::new(format!("origins.{key}"), message));
    }
    if let Some(Reference::Literal(name)) = want.bucket.as_ref().map(Ref::names) {
        let message = format!("`{name}` is no resource of the stack, so nobody knows its region");
        let help = "look it up as `existing`";
        wrong.push(Objection::new(at("bucket"), message).help(help));
    }
    let of_servers = [
        ("protocol", want.protocol.is_some()),
        ("port", want.port.is_some()),
        ("read_timeout", want.read_timeout.is_some()),
        ("keepalive_timeout", want.keepalive_timeout.is_some()),
    ];
    for (field, _) in of_servers.iter().filter(|(_, said)| *said) {
        if want.bucket.is_some() {
            let message = "it is for servers, and means nothing to a bucket";
            wrong.push(Objection::new(at(field), message).help("leave it out"));
        }
    }
    if want.port.is_some() && want.protocol == Some(OriginProtocol::MatchViewer) {
        let message = "two protocols have two ports";
        wrong.push(Objection::new(at("port"), message).help("leave it out, or name one protocol"));
    }
    if !want.path.is_empty() && (!want.path.starts_with('/') || want.path.ends_with('/')) {
        let message = "it begins with a slash and does not end with one: \"/site\"";
        wrong.push(Objection::new(at("path"), message));
    }
    if !(1..=3).contains(&want.connect_attempts) {
        let message = "it is tried between 1 and 3 times";
        wrong.push(Objection::new(at("connect_attempts"), message));
    }
    let spans = [
        ("connect_timeout", Some(want.connect_timeout), 10),
        ("read_timeout", want.read_timeout, 180),
        ("keepalive_timeout", want.keepalive_timeout, 180),
    ];
    for (field, span, longest) in spans {
        if span.is_some_and(|span| !(1..=longest).contains(&span.as_seconds())) {
            let message = format!("it is between 1s and {longest}s");
            wrong.push(Objection::new(at(field), message));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn form(toml: &str) -> OriginForm {
        let want: Origin = toml::from_str(toml).unwrap();
        let mut pen = Pen::default();
        let form = OriginForm::wanted(&want, &Known::default(), &mut pen);
        pen.settled("test").unwrap();
        form
    }

    #[test]
    fn an_origin_comes_back() {
        for toml in [
            "domain = \"a.example.com\"",
            "domain = \"a.example.com\"\nprotocol = \"http\"\nport = 8080\npath = \"/site\"",
            "domain = \"a.example.com\"\nport = 443\nread_timeout = \"60s\"\nshield = \"eu-west-3\"",
            "domain = \"a.example.com\"\nprotocol = \"match-viewer\"\nheaders = { x-key = \"v\" }",
        ] {
            let form = form(toml);
            let wire = form.write("app", None).unwrap();
            assert_eq!(OriginForm::read(&wire), form, "{toml}");
        }
    }

    #[test]
    fn what_is_usual_is_not_said() {
        let form = form("domain = \"a.example.com\"\nport = 443\nread_timeout = \"30s\"");
        let said = serde_json::to_value(&form).unwrap();
        assert_eq!(
            said,
            json!({ "domain": "a.example.com", "protocol": "https" })
        );
    }

    #[test]
    fn what_a_header_says_is_shown_to_nobody() {
        let form = form("domain = \"a.example.com\"\nheaders = { x-key = \"tops3cret\" }");
        let shown = format!("{form:?} {}", serde_json::to_string(&form).unwrap());
        assert!(!shown.contains("tops3cret"), "{shown}");
        let other = self::form("domain = \"a.example.com\"\nheaders = { x-key = \"other\" }");
        assert_ne!(
            serde_json::to_value(&form).unwrap(),
            serde_json::to_value(&other).unwrap()
        );
    }

    #[test]
    fn what_terrace_has_no_word_for_stays() {
        let form = form("domain = \"a.example.com\"");
        let mut live = form.write("app", None).unwrap();
        live.response_completion_timeout = Some(90);
        let again = form.write("app", Some(&live)).unwrap();
        assert_eq!(again, live);
    }

    #[test]
    fn a_server_becomes_a_bucket() {
        let server = form("domain = \"a.example.com\"");
        let mut bucket = server.clone();
        bucket.server = None;
        bucket.domain = "b.s3.eu-west-3.amazonaws.com".to_owned();
        bucket.access_control = Some("E1".to_owned());
        let live = server.write("app", None).unwrap();
        let wire = bucket.write("app", Some(&live)).unwrap();
        assert!(wire.custom_origin_config.is_none() && wire.s3_origin_config.is_some());
        assert_eq!(OriginForm::read(&wire), bucket);
    }

    #[test]
    fn an_access_control_ends_the_old_way() {
        let mut bucket = form("domain = \"b.s3.eu-west-3.amazonaws.com\"");
        bucket.server = None;
        let mut live = bucket.write("files", None).unwrap();
        let old = S3OriginConfig::builder()
            .origin_access_identity("origin-access-identity/cloudfront/E1");
        live.s3_origin_config = Some(old.build());
        assert_eq!(bucket.write("files", Some(&live)).unwrap(), live);
        bucket.access_control = Some("E2".to_owned());
        let wire = bucket.write("files", Some(&live)).unwrap();
        assert_eq!(wire.s3_origin_config.unwrap().origin_access_identity, "");
    }
}
