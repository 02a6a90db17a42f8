//! The whole of a distribution, written one way: what is compared, and what is sent.

use std::collections::BTreeMap;

use aws_sdk_cloudfront::error::BuildError;
use aws_sdk_cloudfront::types::{
    Aliases, CacheBehaviors, DistributionConfig, HttpVersion, Origins, PriceClass as WirePriceClass,
};
use serde::Serialize;
use terrace_core::canon::DnsName;
use terrace_core::error::Result;
use terrace_core::known::Known;
use terrace_core::late::Late;
use terrace_core::mark::{Identity, digest};
use terrace_core::said::Said;

use super::super::shared::count;
use super::DistributionSpec;
use super::behavior::BehaviorForm;
use super::edge::{
    Countries, ErrorForms, LogForm, PriceClass, read_certificate, read_errors, read_tls,
    wanted_errors, write_aliases, write_certificate, write_errors,
};
use super::form::{Pen, some};
use super::origin::OriginForm;
use crate::names::invalid;

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Forms {
    pub(super) enabled: bool,
    pub(super) aliases: Vec<String>,
    pub(super) certificate: Option<String>,
    /// None where the certificate is CloudFront's own.
    pub(super) ssl_policy: Option<String>,
    pub(super) origins: BTreeMap<String, OriginForm>,
    pub(super) default_behavior: Option<BehaviorForm>,
    pub(super) behaviors: Vec<BehaviorForm>,
    pub(super) root_object: String,
    pub(super) error_pages: ErrorForms,
    pub(super) countries: Option<Countries>,
    pub(super) logging: Option<LogForm>,
    pub(super) web_acl: Option<String>,
    pub(super) price_class: String,
    pub(super) http_version: String,
    pub(super) ipv6: bool,
    /// None where our marker is not in it.
    pub(super) comment: Option<String>,
}

impl Forms {
    /// As the TOML wants it; the pen knows what is still open.
    pub(super) fn wanted(want: &DistributionSpec, known: &Known) -> (Self, Pen) {
        let mut pen = Pen::default();
        let origin =
            |(key, want): (&String, _)| (key.clone(), OriginForm::wanted(want, known, &mut pen));
        let origins = want.origins.iter().map(origin).collect();
        let default = BehaviorForm::wanted(&want.default_behavior, &mut pen);
        let behaviors = want.behaviors.iter();
        let behaviors = behaviors
            .map(|want| BehaviorForm::wanted(want, &mut pen))
            .collect();
        let logging = want.logging.as_ref();
        let logging = logging.map(|want| LogForm::wanted(want, known, &mut pen));
        let certificate = want.certificate.as_ref().map(|one| known.id(one));
        let forms = Self {
            enabled: want.enabled,
            aliases: ordered(want.aliases.iter().map(DnsName::to_string)),
            ssl_policy: certificate.as_ref().map(|_| want.ssl_policy.clone()),
            certificate: pen.maybe(certificate),
            origins,
            default_behavior: Some(default),
            behaviors,
            root_object: want.root_object.clone(),
            error_pages: wanted_errors(&want.error_pages),
            countries: want.countries.as_ref().map(Countries::ordered),
            logging,
            web_acl: pen.maybe(want.web_acl.as_ref().map(Late::said)),
            price_class: Said::of(want.price_class).text(),
            http_version: Said::of(want.http_version).text(),
            ipv6: want.ipv6,
            comment: Some(want.comment.clone()),
        };
        (forms, pen)
    }

    /// The same for hands, which write only what is known.
    pub(super) fn settled(want: &DistributionSpec, known: &Known, action: &str) -> Result<Self> {
        let (forms, pen) = Self::wanted(want, known);
        pen.settled(action)?;
        Ok(forms)
    }

    /// As AWS has it.
    pub(super) fn read(wire: &DistributionConfig, owner: &str) -> Self {
        let certificate = wire.viewer_certificate.as_ref();
        let aliases = wire.aliases.iter().flat_map(Aliases::items);
        let origins = wire.origins.iter().flat_map(|all| &all.items);
        let behaviors = wire.cache_behaviors.iter().flat_map(CacheBehaviors::items);
        Self {
            enabled: wire.enabled,
            aliases: ordered(aliases.map(|name| DnsName::from_aws(name).to_string())),
            certificate: read_certificate(certificate),
            ssl_policy: read_tls(certificate),
            origins: origins
                .map(|origin| (origin.id.clone(), OriginForm::read(origin)))
                .collect(),
            default_behavior: wire
                .default_cache_behavior
                .as_ref()
                .map(BehaviorForm::read_default),
            behaviors: behaviors.map(BehaviorForm::read).collect(),
            root_object: wire.default_root_object.clone().unwrap_or_default(),
            error_pages: read_errors(wire.custom_error_responses.as_ref()),
            countries: Countries::read(wire.restrictions.as_ref()),
            logging: LogForm::read(wire.logging.as_ref()),
            web_acl: some(wire.web_acl_id()),
            price_class: wire.price_class.as_ref().map_or_else(
                || PriceClass::read(&WirePriceClass::PriceClassAll),
                PriceClass::read,
            ),
            http_version: wire
                .http_version
                .as_ref()
                .map_or("http2", HttpVersion::as_str)
                .to_owned(),
            // In lists AWS leaves it out where it is on.
            ipv6: wire.is_ipv6_enabled.unwrap_or(true),
            comment: unmarked(&wire.comment, owner),
        }
    }

    /// Writes those properties that are `concerned` over what AWS has. All else stays as it is, what
    /// terrace has no word for included.
    pub(super) fn write(
        &self,
        want: &DistributionSpec,
        wire: &mut DistributionConfig,
        owner: &str,
        concerned: impl Fn(&str) -> bool,
    ) -> std::result::Result<(), BuildError> {
        if concerned("enabled") {
            wire.enabled = self.enabled;
        }
        if concerned("aliases") {
            wire.aliases = Some(write_aliases(&self.aliases)?);
        }
        if concerned("certificate") || concerned("ssl_policy") {
            let arn = self.certificate.as_deref();
            wire.viewer_certificate = Some(write_certificate(arn, &want.ssl_policy));
        }
        if concerned("origins") {
            let live = wire.origins.take().map(|all| all.items).unwrap_or_default();
            let one = |(key, form): (&String, &OriginForm)| {
                form.write(key, live.iter().find(|live| live.id == *key))
            };
            let all: std::result::Result<Vec<_>, _> = self.origins.iter().map(one).collect();
            let all = all?;
            let origins = Origins::builder().quantity(count(&all));
            wire.origins = Some(origins.set_items(Some(all)).build()?);
        }
        if concerned("default_behavior")
            && let Some(form) = &self.default_behavior
        {
            let live = wire.default_cache_behavior.take();
            wire.default_cache_behavior = Some(form.write_default(live.as_ref())?);
        }
        if concerned("behaviors") {
            let live = wire.cache_behaviors.take();
            let live = live.and_then(|all| all.items).unwrap_or_default();
            let all: std::result::Result<Vec<_>, _> = self
                .behaviors
                .iter()
                .map(|form| form.write(&live))
                .collect();
            let all = all?;
            let behaviors = CacheBehaviors::builder().quantity(count(&all));
            let items = (!all.is_empty()).then_some(all);
            wire.cache_behaviors = Some(behaviors.set_items(items).build()?);
        }
        if concerned("root_object") {
            wire.default_root_object = Some(self.root_object.clone());
        }
        if concerned("error_pages") {
            wire.custom_error_responses = Some(write_errors(&self.error_pages)?);
        }
        if concerned("countries") {
            wire.restrictions = Some(Countries::write(self.countries.as_ref())?);
        }
        if concerned("logging") {
            wire.logging = Some(LogForm::write(self.logging.as_ref()));
        }
        if concerned("web_acl") {
            wire.web_acl_id = Some(self.web_acl.clone().unwrap_or_default());
        }
        if concerned("price_class") {
            wire.price_class = Some(want.price_class.wire());
        }
        if concerned("http_version") {
            wire.http_version = Some(want.http_version.wire());
        }
        if concerned("ipv6") {
            wire.is_ipv6_enabled = Some(self.ipv6);
        }
        if concerned("comment") {
            wire.comment = marked(&want.comment, owner);
        }
        Ok(())
    }

    /// All that it names, with the property that does.
    pub(super) fn names(&self) -> Vec<(&'static str, &str)> {
        let mut names: Vec<(&'static str, &str)> = Vec::new();
        names.extend(
            self.certificate
                .iter()
                .map(|arn| ("certificate", arn.as_str())),
        );
        for origin in self.origins.values() {
            names.push(("origins", &origin.domain));
            names.extend(
                origin
                    .access_control
                    .iter()
                    .map(|id| ("origins", id.as_str())),
            );
        }
        let behaviors = self.default_behavior.iter().chain(&self.behaviors);
        let functions = behaviors.flat_map(BehaviorForm::functions);
        names.extend(functions.map(|arn| ("behaviors", arn.as_str())));
        names.extend(
            self.logging
                .iter()
                .map(|log| ("logging", log.bucket_name())),
        );
        names.extend(self.web_acl.iter().map(|arn| ("web_acl", arn.as_str())));
        names
    }

    /// The certificate must be where CloudFront looks for it. (In China it looks elsewhere.)
    pub(super) fn check_certificate(&self, action: &'static str) -> Result<()> {
        let arn = self.certificate.as_deref().unwrap_or_default();
        match arn.split(':').nth(3) {
            Some(region) if region != "us-east-1" && arn.starts_with("arn:aws:acm:") => {
                let message =
                    format!("{arn} is in {region}, and CloudFront takes those of us-east-1 only");
                Err(invalid(action, message)
                    .hinted("write region = \"us-east-1\" on the certificate"))
            }
            _ => Ok(()),
        }
    }
}

fn ordered(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names
}

/// How long a comment of the TOML may be: CloudFront keeps 128 characters (CloudFront API reference,
/// `DistributionConfig`), and the marker needs the rest.
pub(super) const COMMENT: usize = 60;

/// What stands at the end of a comment: lists say comments and no tags, so that it tells which ones may be
/// ours.
pub(super) fn marker(owner: &str) -> String {
    if owner.len() <= 50 {
        format!("[terrace {owner}]")
    } else {
        format!("[terrace {}]", &digest(&[owner])[..16])
    }
}

/// A comment with the marker.
pub(super) fn marked(comment: &str, owner: &str) -> String {
    format!("{comment} {}", marker(owner))
        .trim_start()
        .to_owned()
}

/// A comment without the marker; `None` if it has none.
pub(super) fn unmarked(comment: &str, owner: &str) -> Option<String> {
    let marker = marker(owner);
    comment
        .contains(&marker)
        .then(|| comment.replace(&marker, "").trim().to_owned())
}

/// What is known of a distribution that is to be made, before anything else is said of it.
pub(super) fn blank(reference: &str) -> std::result::Result<DistributionConfig, BuildError> {
    let config = DistributionConfig::builder().caller_reference(reference);
    config.comment("").enabled(true).build()
}

/// The `CallerReference` of a creation: always the same for the same one, so that a repeated call makes no
/// second. Those of deleted distributions stay used for ever, so there is always a next one.
pub(super) fn reference(identity: &Identity, token: &str, attempt: u32) -> String {
    match attempt {
        0 => format!("terrace:{}:{token}", identity.owner()),
        attempt => format!("terrace:{}:{token}:{attempt}", identity.owner()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const OWNER: &str = "shop/prod";

    fn spec(toml: &str) -> DistributionSpec {
        toml::from_str(toml).unwrap()
    }

    fn forms(want: &DistributionSpec) -> Forms {
        Forms::settled(want, &Known::default(), "test").unwrap()
    }

    fn made(want: &DistributionSpec) -> DistributionConfig {
        let mut wire = blank("reference").unwrap();
        forms(want).write(want, &mut wire, OWNER, |_| true).unwrap();
        wire
    }

    const SMALL: &str = r#"
origins = { app = { domain = "origin.example.com" } }
default_behavior = { origin = "app", cache_policy = "CachingDisabled" }
"#;

    const FULL: &str = r#"
aliases = ["www.example.com", "example.com"]
certificate = "arn:aws:acm:us-east-1:123456789012:certificate/a"
price_class = "all"
root_object = "index.html"
http_version = "http2"
ipv6 = false
comment = "the shop"
web_acl = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/b"
logging = { bucket = "logs", prefix = "site/" }
countries = { except = ["KP"] }
default_behavior = { origin = "app", cache_policy = "CachingDisabled", origin_request_policy = "AllViewer" }
behaviors = [
  { path = "/b/*", origin = "app", cache_policy = "CachingOptimized" },
  { path = "/a/*", origin = "files", cache_policy = "CachingOptimized" },
]
[origins]
app = { domain = "origin.example.com" }
files = { domain = "files.example.com", protocol = "http" }
[error_pages]
404 = { page = "/404.html" }
"#;

    #[test]
    fn what_is_written_reads_the_same() {
        for toml in [SMALL, FULL] {
            let want = spec(toml);
            assert_eq!(Forms::read(&made(&want), OWNER), forms(&want), "{toml}");
        }
    }

    #[test]
    fn what_aws_fills_in_makes_no_difference() {
        let want = spec(SMALL);
        let mut wire = made(&want);
        // What comes back of what was not said: CloudFront's own certificate has a version nobody chose.
        wire.viewer_certificate
            .as_mut()
            .unwrap()
            .minimum_protocol_version = Some("TLSv1".into());
        wire.staging = Some(false);
        wire.continuous_deployment_policy_id = Some(String::new());
        wire.origins.as_mut().unwrap().items[0].origin_access_control_id = Some(String::new());
        assert_eq!(Forms::read(&wire, OWNER), forms(&want));
    }

    #[test]
    fn the_order_of_behaviors_counts_and_that_of_names_does_not() {
        let want = spec(FULL);
        let mut wire = made(&want);
        wire.aliases
            .as_mut()
            .unwrap()
            .items
            .as_mut()
            .unwrap()
            .reverse();
        wire.origins.as_mut().unwrap().items.reverse();
        assert_eq!(Forms::read(&wire, OWNER), forms(&want));
        let behaviors = wire.cache_behaviors.as_mut().unwrap();
        behaviors.items.as_mut().unwrap().reverse();
        assert_ne!(Forms::read(&wire, OWNER), forms(&want));
    }

    #[test]
    fn only_what_is_concerned_is_written() {
        let (small, full) = (spec(SMALL), spec(FULL));
        let mut wire = made(&full);
        wire.origin_groups = Some(
            aws_sdk_cloudfront::types::OriginGroups::builder()
                .quantity(0)
                .build()
                .unwrap(),
        );
        let before = wire.clone();
        forms(&small)
            .write(&small, &mut wire, OWNER, |field| field == "price_class")
            .unwrap();
        assert_ne!(wire, before);
        wire.price_class.clone_from(&before.price_class);
        assert_eq!(wire, before);
    }

    #[test]
    fn a_comment_carries_the_marker() {
        assert_eq!(marked("", OWNER), "[terrace shop/prod]");
        assert_eq!(unmarked("[terrace shop/prod]", OWNER).as_deref(), Some(""));
        let text = marked("the shop", OWNER);
        assert_eq!(unmarked(&text, OWNER).as_deref(), Some("the shop"));
        assert_eq!(unmarked("the shop", OWNER), None);
        assert_eq!(unmarked(&text, "shop/pro"), None);
        let long = format!("{}/{}", "s".repeat(60), "e".repeat(60));
        let full = marked(&"c".repeat(COMMENT), &long);
        assert!(full.len() <= 128, "{full}");
        assert!(unmarked(&full, &long).is_some());
    }

    #[test]
    fn a_certificate_of_another_region_is_refused() {
        let want = spec(&FULL.replace(
            "us-east-1:123456789012:certificate",
            "eu-west-3:123456789012:certificate",
        ));
        let refused = forms(&want).check_certificate("test").unwrap_err();
        assert!(refused.message.contains("eu-west-3"), "{refused}");
        assert!(forms(&spec(FULL)).check_certificate("test").is_ok());
        assert!(forms(&spec(SMALL)).check_certificate("test").is_ok());
    }

    #[test]
    fn what_is_open_is_written_by_nobody() {
        let mut want = spec(SMALL);
        want.web_acl = Some(Late::Later("web_acl.main.arn".to_owned()));
        assert!(Forms::settled(&want, &Known::default(), "test").is_err());
    }
}
