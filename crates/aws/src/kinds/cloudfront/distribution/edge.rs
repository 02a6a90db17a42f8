//! What happens at the edge: where that is, names and their certificate, error pages, countries, the log.

use std::collections::BTreeMap;

use aws_sdk_cloudfront::error::BuildError;
use aws_sdk_cloudfront::types::{
    Aliases, CustomErrorResponse, CustomErrorResponses, GeoRestriction, GeoRestrictionType,
    HttpVersion, LoggingConfig, MinimumProtocolVersion, PriceClass as WirePriceClass, Restrictions,
    SslSupportMethod, ViewerCertificate,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::canon::Duration;
use terrace_core::kind::Objection;
use terrace_core::known::Known;
use terrace_core::reference::Ref;

use super::super::shared::count;
use super::form::{Pen, some};
use crate::kinds::s3::s3_bucket::S3Bucket;

/// How many places a distribution is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PriceClass {
    /// North America, Europe and Israel.
    #[default]
    #[serde(rename = "100")]
    P100,
    /// All but South America, Australia and New Zealand.
    #[serde(rename = "200")]
    P200,
    /// All.
    #[serde(rename = "all")]
    All,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Http {
    /// HTTP/1.1.
    #[serde(rename = "http1.1")]
    One,
    /// HTTP/2.
    #[serde(rename = "http2")]
    Two,
    /// HTTP/3.
    #[serde(rename = "http3")]
    Three,
    /// HTTP/2 and HTTP/3.
    #[default]
    #[serde(rename = "http2and3")]
    TwoAndThree,
}

/// What is answered in place of an error.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorPage {
    /// The path of the page that is shown: `"/404.html"`. Absent: what the origin says.
    pub page: Option<String>,
    /// The status that viewers see: `200` for an application that finds its way in the browser. Absent: the
    /// error's own.
    pub status: Option<u16>,
    /// How long the error is remembered before the origin is asked again.
    #[serde(default = "ten")]
    pub ttl: Duration,
}

fn ten() -> Duration {
    Duration::seconds(10)
}

/// Where it is written down who asked for what.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logging {
    /// The bucket that keeps the log. It must have `ownership = "bucket_owner_preferred"`: CloudFront hands it
    /// over by an ACL.
    pub bucket: Ref<S3Bucket>,
    /// What the names of the log's objects begin with: `"site/"`. Absent: with the distribution's id.
    #[serde(default)]
    pub prefix: String,
    /// Whether the cookies of each request are written down too.
    #[serde(default)]
    pub cookies: bool,
}

/// The countries that see it, by their two letters: either `only` these, or all `except` these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Countries {
    /// Nobody else does: `only = ["FR", "BE"]`.
    Only(Vec<String>),
    /// Everybody else does: `except = ["KP"]`.
    Except(Vec<String>),
}

impl Countries {
    fn list(&self) -> &[String] {
        match self {
            Self::Only(list) | Self::Except(list) => list,
        }
    }

    /// Written one way: in order, each once.
    pub(super) fn ordered(&self) -> Self {
        let mut list = self.list().to_vec();
        list.sort();
        list.dedup();
        match self {
            Self::Only(_) => Self::Only(list),
            Self::Except(_) => Self::Except(list),
        }
    }

    /// As AWS has them; none if there is no restriction.
    pub(super) fn read(wire: Option<&Restrictions>) -> Option<Self> {
        let geo = wire.and_then(|wire| wire.geo_restriction.as_ref())?;
        let list = geo.items().to_vec();
        match geo.restriction_type {
            GeoRestrictionType::Whitelist => Some(Self::Only(list).ordered()),
            GeoRestrictionType::Blacklist => Some(Self::Except(list).ordered()),
            _ => None,
        }
    }

    /// As AWS takes them.
    pub(super) fn write(want: Option<&Self>) -> Result<Restrictions, BuildError> {
        let (kind, list) = match want {
            None => (GeoRestrictionType::None, &[][..]),
            Some(Self::Only(list)) => (GeoRestrictionType::Whitelist, list.as_slice()),
            Some(Self::Except(list)) => (GeoRestrictionType::Blacklist, list.as_slice()),
        };
        let geo = GeoRestriction::builder()
            .restriction_type(kind)
            .quantity(count(list))
            .set_items((!list.is_empty()).then(|| list.to_vec()));
        Ok(Restrictions::builder()
            .geo_restriction(geo.build()?)
            .build())
    }
}

impl PriceClass {
    pub(super) fn wire(self) -> WirePriceClass {
        match self {
            Self::P100 => WirePriceClass::PriceClass100,
            Self::P200 => WirePriceClass::PriceClass200,
            Self::All => WirePriceClass::PriceClassAll,
        }
    }

    pub(super) fn read(wire: &WirePriceClass) -> String {
        let word = wire.as_str();
        let word = word.strip_prefix("PriceClass_").unwrap_or(word);
        word.to_lowercase()
    }
}

impl Http {
    pub(super) fn wire(self) -> HttpVersion {
        match self {
            Self::One => HttpVersion::Http11,
            Self::Two => HttpVersion::Http2,
            Self::Three => HttpVersion::Http3,
            Self::TwoAndThree => HttpVersion::Http2and3,
        }
    }
}

/// What is answered in place of an error, written one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ErrorForm {
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    ttl: Duration,
}

/// All of them, by the error's status.
pub(super) type ErrorForms = BTreeMap<String, ErrorForm>;

/// As the TOML wants them.
pub(super) fn wanted_errors(want: &IndexMap<String, ErrorPage>) -> ErrorForms {
    let form = |(code, want): (&String, &ErrorPage)| {
        // AWS wants both or none (CloudFront API reference, `CustomErrorResponse`).
        let status = want.page.as_ref().map(|_| {
            want.status
                .map_or_else(|| code.clone(), |status| status.to_string())
        });
        let form = ErrorForm {
            page: want.page.clone(),
            status,
            ttl: want.ttl,
        };
        (code.clone(), form)
    };
    want.iter().map(form).collect()
}

/// As AWS has them.
pub(super) fn read_errors(wire: Option<&CustomErrorResponses>) -> ErrorForms {
    let form = |wire: &CustomErrorResponse| {
        let seconds = wire.error_caching_min_ttl.unwrap_or(10).cast_unsigned();
        let form = ErrorForm {
            page: some(wire.response_page_path()),
            status: some(wire.response_code()),
            ttl: Duration::seconds(seconds),
        };
        (wire.error_code.to_string(), form)
    };
    wire.into_iter()
        .flat_map(CustomErrorResponses::items)
        .map(form)
        .collect()
}

/// As AWS takes them.
pub(super) fn write_errors(forms: &ErrorForms) -> Result<CustomErrorResponses, BuildError> {
    let one = |(code, form): (&String, &ErrorForm)| {
        CustomErrorResponse::builder()
            .error_code(code.parse().unwrap_or_default())
            .response_page_path(form.page.clone().unwrap_or_default())
            .response_code(form.status.clone().unwrap_or_default())
            .error_caching_min_ttl(form.ttl.as_i32().into())
            .build()
    };
    let all: Result<Vec<_>, _> = forms.iter().map(one).collect();
    let all = all?;
    CustomErrorResponses::builder()
        .quantity(count(&all))
        .set_items((!all.is_empty()).then_some(all))
        .build()
}

/// The log, written one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct LogForm {
    pub(super) bucket: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    prefix: String,
    cookies: bool,
}

impl LogForm {
    /// As the TOML wants it. CloudFront names buckets by the domain without a region.
    pub(super) fn wanted(want: &Logging, known: &Known, pen: &mut Pen) -> Self {
        let name = pen.text(&known.output(&want.bucket, "name"));
        Self {
            bucket: format!("{name}.s3.amazonaws.com"),
            prefix: want.prefix.clone(),
            cookies: want.cookies,
        }
    }

    /// As AWS has it; none if there is no log.
    pub(super) fn read(wire: Option<&LoggingConfig>) -> Option<Self> {
        let wire = wire.filter(|wire| !wire.bucket.is_empty())?;
        Some(Self {
            bucket: wire.bucket.clone(),
            prefix: wire.prefix.clone(),
            cookies: wire.include_cookies,
        })
    }

    /// As AWS takes it.
    pub(super) fn write(want: Option<&Self>) -> LoggingConfig {
        let on = |form: &Self| (form.bucket.clone(), form.prefix.clone(), form.cookies);
        let (bucket, prefix, cookies) = want.map(on).unwrap_or_default();
        LoggingConfig::builder()
            .enabled(want.is_some())
            .bucket(bucket)
            .prefix(prefix)
            .include_cookies(cookies)
            .build()
    }

    /// The name of the bucket.
    pub(super) fn bucket_name(&self) -> &str {
        self.bucket.split(".s3.").next().unwrap_or(&self.bucket)
    }
}

/// The certificate of a distribution: ACM's by its ARN, an older one by its id.
pub(super) fn read_certificate(wire: Option<&ViewerCertificate>) -> Option<String> {
    let wire = wire?;
    some(wire.acm_certificate_arn()).or_else(|| some(wire.iam_certificate_id()))
}

/// What viewers must be able to speak; nothing is told where the certificate is CloudFront's own.
pub(super) fn read_tls(wire: Option<&ViewerCertificate>) -> Option<String> {
    read_certificate(wire)?;
    let version = wire?.minimum_protocol_version.as_ref()?;
    Some(version.as_str().to_owned())
}

/// As AWS takes them both.
pub(super) fn write_certificate(arn: Option<&str>, tls: &str) -> ViewerCertificate {
    match arn {
        None => ViewerCertificate::builder()
            .cloud_front_default_certificate(true)
            .build(),
        Some(arn) => ViewerCertificate::builder()
            .cloud_front_default_certificate(false)
            .acm_certificate_arn(arn)
            .ssl_support_method(SslSupportMethod::SniOnly)
            .minimum_protocol_version(MinimumProtocolVersion::from(tls))
            .build(),
    }
}

/// Names as AWS takes them.
pub(super) fn write_aliases(names: &[String]) -> Result<Aliases, BuildError> {
    Aliases::builder()
        .quantity(count(names))
        .set_items((!names.is_empty()).then(|| names.to_vec()))
        .build()
}

/// The errors that another page can be shown for (CloudFront developer guide, "Generate custom error
/// responses").
const ERRORS: [&str; 11] = [
    "400", "403", "404", "405", "414", "416", "500", "501", "502", "503", "504",
];

/// What is wrong with the word for what viewers must be able to speak.
pub(super) fn check_ssl_policy(want: &str, wrong: &mut Vec<Objection>) {
    let known = MinimumProtocolVersion::values();
    if !known.contains(&want) {
        let message = format!("`{want}` is no policy of CloudFront's");
        let help = format!("those are {}", known.join(", "));
        wrong.push(Objection::new("ssl_policy", message).help(help));
    }
}

/// What is wrong with error pages that read well.
pub(super) fn check_errors(want: &IndexMap<String, ErrorPage>, wrong: &mut Vec<Objection>) {
    for (code, page) in want {
        let at = |field: &str| format!("error_pages.{code}.{field}");
        if !ERRORS.contains(&code.as_str()) {
            let message = format!("`{code}` is no error that a page can be shown for");
            let help = format!("those are {}", ERRORS.join(", "));
            wrong.push(Objection::new(format!("error_pages.{code}"), message).help(help));
        }
        if page
            .page
            .as_ref()
            .is_some_and(|page| !page.starts_with('/'))
        {
            wrong.push(Objection::new(at("page"), "a path begins with a slash"));
        }
        if page.status.is_some() && page.page.is_none() {
            let message = "another status needs a `page` to be shown with it";
            wrong.push(Objection::new(at("status"), message));
        }
    }
}

/// What is wrong with countries that read well.
pub(super) fn check_countries(want: Option<&Countries>, wrong: &mut Vec<Objection>) {
    let Some(want) = want else { return };
    let is_code = |text: &String| text.len() == 2 && text.chars().all(|c| c.is_ascii_uppercase());
    if let Some(other) = want.list().iter().find(|text| !is_code(text)) {
        let message = format!("`{other}` is no country by its two letters, such as \"FR\"");
        wrong.push(Objection::new("countries", message));
    }
    if want.list().is_empty() {
        let message = "an empty list says nothing";
        wrong.push(Objection::new("countries", message).help("leave it out: everybody sees it"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn errors(toml: &str) -> IndexMap<String, ErrorPage> {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn error_pages_come_back() {
        let want = errors(
            "404 = { page = \"/404.html\", ttl = \"5m\" }\n403 = { ttl = \"0s\" }\n503 = { page = \"/index.html\", status = 200 }",
        );
        let forms = wanted_errors(&want);
        let wire = write_errors(&forms).unwrap();
        assert_eq!(wire.quantity, 3);
        assert_eq!(read_errors(Some(&wire)), forms);
        assert_eq!(forms["404"].status.as_deref(), Some("404"));
    }

    #[test]
    fn countries_come_back_in_any_order() {
        let want = Countries::Only(vec!["FR".into(), "BE".into(), "FR".into()]).ordered();
        let wire = Countries::write(Some(&want)).unwrap();
        assert_eq!(Countries::read(Some(&wire)), Some(want));
        let none = Countries::write(None).unwrap();
        assert_eq!(Countries::read(Some(&none)), None);
    }

    #[test]
    fn a_log_comes_back() {
        let form = LogForm {
            bucket: "logs.s3.amazonaws.com".into(),
            prefix: "site/".into(),
            cookies: false,
        };
        let wire = LogForm::write(Some(&form));
        assert_eq!(LogForm::read(Some(&wire)), Some(form.clone()));
        assert_eq!(form.bucket_name(), "logs");
        let none = LogForm::write(None);
        assert_eq!(LogForm::read(Some(&none)), None);
    }

    #[test]
    fn a_certificate_comes_back() {
        let arn = "arn:aws:acm:us-east-1:123456789012:certificate/a";
        let wire = write_certificate(Some(arn), "TLSv1.2_2021");
        assert_eq!(read_certificate(Some(&wire)).as_deref(), Some(arn));
        assert_eq!(read_tls(Some(&wire)).as_deref(), Some("TLSv1.2_2021"));
        // CloudFront's own says TLSv1, which nobody can change.
        let own = write_certificate(None, "TLSv1.2_2021");
        assert_eq!(
            (read_certificate(Some(&own)), read_tls(Some(&own))),
            (None, None)
        );
    }

    #[test]
    fn mistakes_are_told() {
        let mut wrong = Vec::new();
        check_errors(
            &errors("418 = {}\n404 = { status = 200 }\n403 = { page = \"x\" }"),
            &mut wrong,
        );
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        check_countries(Some(&Countries::Except(vec!["France".into()])), &mut wrong);
        check_ssl_policy("TLSv1.2_2021", &mut wrong);
        check_ssl_policy("TLS1.2", &mut wrong);
        assert_eq!(wrong.len(), 5, "{wrong:?}");
    }
}
