//! Content near its readers (aws-semantics 3.26).
//!
//! A distribution is one document: every change reads it, changes what is to change, and sends all of it
//! back. It takes minutes until all edge locations have it, and it must be switched off before it can be
//! deleted. Lists of distributions have no tags, so the comment ends in a marker that says which ones may
//! be ours; the tags prove it.

mod behavior;
mod calls;
mod config;
mod edge;
mod form;
mod origin;
mod policies;
mod request;

use aws_sdk_cloudfront::types::{
    Distribution as Wire, DistributionConfig, DistributionConfigWithTags,
};
use futures_util::future::try_join_all;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::DnsName;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::late::Late;
use terrace_core::mark::{self, Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Ref, Reference};
use terrace_core::said::Said;
use terrace_core::sketch::{Icon, Sketch};

use self::behavior::Behavior;
use self::calls::{
    UPDATE, associate, change, explained, get, holders, inherited, is_deployed, is_like, taken,
};
use self::config::{COMMENT, Forms, blank, marked, reference, unmarked};
use self::edge::{Countries, ErrorPage, Http, Logging, PriceClass};
use self::origin::Origin;
use super::shared::tag_list;
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::index::Labels;
use crate::kinds::acm::certificate::Certificate;
use crate::names::invalid;

/// Content near its readers.
pub struct Distribution;

/// Content near its readers: a cache in hundreds of places, in front of servers and buckets. What it does
/// with a request depends on its path: the first of `behaviors` that is for it, else `default_behavior`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DistributionSpec {
    /// Whether it answers at all. Switched off, it costs nothing and keeps its name.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Names of yours that lead to it, by records with it as their `target`. No other distribution in the
    /// world may have them. They need a `certificate`.
    #[serde(default)]
    #[schemars(extend("examples" = [["www.shop.example"], ["shop.example", "www.shop.example"]], "x-no-law" = "they need a certificate"))]
    pub aliases: Vec<DnsName>,
    /// The certificate for those names: one of `region = "us-east-1"`, wherever the stack is. Absent:
    /// CloudFront's own, for the name that AWS gives it.
    #[schemars(extend("x-no-law" = "it must be in another region"))]
    pub certificate: Option<Ref<Certificate>>,
    /// The least that viewers' encryption must be capable of, by AWS's name. It means nothing without a
    /// `certificate`.
    #[serde(default = "tls")]
    #[schemars(extend("examples" = ["TLSv1.2_2021", "TLSv1.3_2025"], "x-no-law" = "it needs a certificate"))]
    pub ssl_policy: String,
    /// Where content comes from, by a name of your own for each.
    #[schemars(extend("x-keyed" = true, "examples" = [
        {
            "files": { "bucket": "s3_bucket.files", "access_control": "origin_access_control.files", "path": "/site" },
            "app": { "domain": "origin.shop.example", "headers": { "x-from": "cdn" }, "read_timeout": "60s" },
        },
        { "files": { "bucket": "s3_bucket.files", "access_control": "origin_access_control.files", "shield": "eu-west-3" } },
    ]))]
    pub origins: IndexMap<String, Origin>,
    /// What is done with a request that no other behavior is for.
    #[schemars(extend("examples" = [
        { "origin": "files", "cache_policy": "CachingDisabled", "methods": ["GET", "HEAD", "OPTIONS"], "origin_request_policy": "CORS-S3Origin" },
        { "origin": "files", "cache_policy": "CachingOptimized", "response_headers_policy": "SecurityHeadersPolicy" },
    ]))]
    pub default_behavior: Behavior,
    /// What is done with requests for certain paths: in order, the first that is for it wins.
    #[serde(default)]
    #[schemars(extend("examples" = [
        [
            { "path": "/static/*", "origin": "files", "cache_policy": "CachingOptimized" },
            { "path": "/api/*", "origin": "files", "cache_policy": "CachingDisabled", "methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"], "compress": false, "protocol": "https" },
        ],
        [{ "path": "*.jpg", "origin": "files", "cache_policy": "658327ea-f89d-4fab-a63d-7e88639e58f6" }],
    ]))]
    pub behaviors: Vec<Behavior>,
    /// The file that is answered where the path is `/`: `"index.html"`. Absent: what the origin says.
    #[serde(default)]
    #[schemars(extend("examples" = ["index.html", "start.html"]))]
    pub root_object: String,
    /// What is answered in place of an error, by its status.
    #[serde(default)]
    #[schemars(extend("x-keyed" = true, "examples" = [
        { "404": { "page": "/404.html" }, "503": { "ttl": "0s" } },
        { "403": { "page": "/index.html", "status": 200, "ttl": "5m" } },
    ]))]
    pub error_pages: IndexMap<String, ErrorPage>,
    /// The countries that see it. Absent: all.
    #[schemars(extend("examples" = [{ "only": ["FR", "BE"] }, { "except": ["KP"] }]))]
    pub countries: Option<Countries>,
    /// Where it is written down who asked for what. Absent: nowhere.
    #[schemars(extend("examples" = [{ "bucket": "s3_bucket.files", "prefix": "log/" }, { "bucket": "s3_bucket.files", "cookies": true }]))]
    pub logging: Option<Logging>,
    /// The firewall before it, by the ARN of a web ACL of the scope `CLOUDFRONT`. Absent: none.
    #[schemars(extend("examples" = [
        "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/0f0e0d0c-0b0a-0908-0706-050403020100",
        "arn:aws:wafv2:us-east-1:123456789012:global/webacl/strict/0f0e0d0c-0b0a-0908-0706-050403020101",
    ]))]
    pub web_acl: Option<Late<String>>,
    /// How many of the places it is in: the fewer, the cheaper.
    #[serde(default)]
    pub price_class: PriceClass,
    /// The newest HTTP that it speaks; older ones it speaks too.
    #[serde(default)]
    pub http_version: Http,
    /// Whether it is reached by IPv6 too. Its names then want an `AAAA` record beside the other one.
    #[serde(default = "yes")]
    pub ipv6: bool,
    /// A word to those who find it in the console: 60 characters at most.
    #[serde(default)]
    #[schemars(extend("examples" = ["the shop", "the shop and its files"]))]
    pub comment: String,
}

fn yes() -> bool {
    true
}

fn tls() -> String {
    "TLSv1.2_2021".to_owned()
}

/// A distribution as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct DistributionLive {
    id: String,
    arn: String,
    dns_name: String,
    deployed: bool,
    #[serde(flatten)]
    is: Forms,
}

/// The zone that Amazon keeps the names of all distributions in (Route 53 API reference, `AliasTarget`).
const ZONE: &str = "Z2FDTNDATAQYW2";

impl Live for DistributionLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! {
            "arn" => json!(self.arn),
            "dns_name" => json!(self.dns_name),
            "zone_id" => json!(ZONE),
        }
    }
}

/// What must be known of AWS: the row of a property whose form is compared.
macro_rules! form {
    ($field:ident) => {
        (
            |want: &DistributionSpec, known: &Known| {
                Said::or_none(Some(Said::of(Forms::wanted(want, known).0.$field)))
            },
            |have: &DistributionLive| Said::or_none(Some(Said::of(&have.is.$field))),
        )
    };
}

impl Kind for Distribution {
    const NAME: &'static str = "distribution";
    const ABOUT: About = About::new(Class::Identity, Create::Token, Swap::CreateFirst)
        .global()
        .outputs(&["arn", "dns_name", "zone_id"])
        .actions(&[
            "cloudfront:ListDistributions",
            "cloudfront:ListTagsForResource",
            "tag:GetResources",
            "cloudfront:GetDistribution",
            "cloudfront:GetDistributionConfig",
            "cloudfront:CreateDistribution",
            "cloudfront:CreateDistributionWithTags",
            "cloudfront:UpdateDistribution",
            "cloudfront:AssociateAlias",
            "cloudfront:DeleteDistribution",
            "cloudfront:TagResource",
            "cloudfront:UntagResource",
        ]);
    type Cx = Aws;
    type Spec = DistributionSpec;
    type Live = DistributionLive;

    fn fields() -> Fields<Self> {
        let row = |fields: Fields<Self>, name, (want, have): (Want, Have)| {
            let fields = fields.update(name, want, have);
            if name == "origins" {
                fields.leads()
            } else {
                fields
            }
        };
        let rows: [(&'static str, (Want, Have)); 14] = [
            ("enabled", form!(enabled)),
            ("aliases", form!(aliases)),
            ("origins", form!(origins)),
            ("default_behavior", form!(default_behavior)),
            ("behaviors", form!(behaviors)),
            ("root_object", form!(root_object)),
            ("error_pages", form!(error_pages)),
            ("countries", form!(countries)),
            ("logging", form!(logging)),
            ("web_acl", form!(web_acl)),
            ("price_class", form!(price_class)),
            ("http_version", form!(http_version)),
            ("ipv6", form!(ipv6)),
            ("comment", form!(comment)),
        ];
        let fields = rows
            .into_iter()
            .fold(Fields::<Self>::new(), |fields, (name, sides)| {
                row(fields, name, sides)
            });
        fields
            .update(
                "certificate",
                |want, known| Said::or_none(want.certificate.as_ref().map(|one| known.id(one))),
                |have| Said::or_none(have.is.certificate.as_ref().map(Said::of)),
            )
            .update(
                "ssl_policy",
                |want, _| Said::of(want.certificate.as_ref().map(|_| &want.ssl_policy)),
                |have| Said::of(&have.is.ssl_policy),
            )
    }

    fn sketch(want: &DistributionSpec) -> Sketch {
        let bucket = |origin: &String| match want.origins.get(origin)?.bucket.as_ref()?.names() {
            Reference::Address(bucket) => Some(bucket.clone()),
            Reference::Literal(_) => None,
        };
        let ways = want.behaviors.iter();
        let ways = ways.filter_map(|way| Some((bucket(&way.origin)?, way.path.clone()?)));
        Sketch {
            ways: ways.collect(),
            ..Sketch::station("CloudFront distribution", Icon::Globe)
        }
    }

    fn uses(have: &DistributionLive) -> Vec<LiveRef> {
        let names = have.is.names().into_iter();
        names
            .map(|(field, name)| LiveRef::new(field, name))
            .collect()
    }

    fn ready(have: &DistributionLive) -> Ready {
        if have.deployed {
            return Ready::Ready;
        }
        Ready::Coming("being deployed to all edge locations, usually 3 to 15 minutes".to_owned())
    }

    fn check(want: &DistributionSpec) -> Vec<Objection> {
        let mut wrong = Vec::new();
        for (key, origin) in &want.origins {
            origin::check(key, origin, &mut wrong);
        }
        if want.origins.is_empty() {
            let message = "content must come from somewhere";
            wrong.push(Objection::new("origins", message));
        }
        let origins: Vec<&str> = want.origins.keys().map(String::as_str).collect();
        behavior::check(
            "default_behavior",
            &want.default_behavior,
            &origins,
            &mut wrong,
        );
        for (index, behavior) in want.behaviors.iter().enumerate() {
            let at = format!("behaviors.{index}");
            behavior::check(&at, behavior, &origins, &mut wrong);
            let mut before = want.behaviors.iter().take(index);
            if behavior.path.is_some() && before.any(|one| one.path == behavior.path) {
                let message = "a behavior before it is for the same path";
                wrong.push(Objection::new(format!("{at}.path"), message));
            }
        }
        edge::check_ssl_policy(&want.ssl_policy, &mut wrong);
        edge::check_errors(&want.error_pages, &mut wrong);
        edge::check_countries(want.countries.as_ref(), &mut wrong);
        if !want.aliases.is_empty() && want.certificate.is_none() {
            let message = "names of your own need a `certificate`";
            let help = "write certificate = \"certificate.<name>\", one of region = \"us-east-1\"";
            wrong.push(Objection::new("aliases", message).help(help));
        }
        if want.comment.chars().count() > COMMENT {
            let message = format!("a comment has {COMMENT} characters at most");
            wrong.push(Objection::new("comment", message));
        }
        if want.root_object.starts_with('/') {
            let message = "it has no slash in front: \"index.html\"";
            wrong.push(Objection::new("root_object", message));
        }
        wrong
    }

    fn claims(want: &DistributionSpec) -> Vec<String> {
        let aliases = want.aliases.iter();
        aliases
            .map(|alias| format!("the distribution of {alias}"))
            .collect()
    }

    fn foretell(_want: &DistributionSpec, _mark: &Mark) -> Outputs {
        outputs! { "zone_id" => json!(ZONE) }
    }

    async fn discover(cx: &Aws, look: &Look, seen: &Seen) -> Result<Vec<Found<DistributionLive>>> {
        let owner = cx.owner();
        let ids: Vec<(String, String)> = match look {
            Look::Id(id) => {
                let found = match get(cx, id).await? {
                    Some(wire) => found(cx, wire, None).await?,
                    None => None,
                };
                return Ok(found.into_iter().collect());
            }
            Look::Ours => {
                let mut all = cx.distributions().await?;
                all.retain(|one| unmarked(&one.comment, &owner).is_some());
                all.into_iter().map(|one| (one.id, one.arn)).collect()
            }
            Look::Like(like) => {
                let all = cx.distributions().await?.into_iter();
                let fits = all.filter(|one| like.iter().all(|property| is_like(one, property)));
                fits.map(|one| (one.id, one.arn)).collect()
            }
        };
        let found = try_join_all(ids.into_iter().map(async |(id, arn)| {
            let own = cx.cloudfront_tags(&arn);
            let Some(labels) = cx.labels(look, seen, &arn, own).await? else {
                return Ok(None);
            };
            let tags = &labels.tags;
            let fits = match look {
                Look::Like(like) => like.iter().all(|(property, value)| {
                    property
                        .strip_prefix("tags.")
                        .is_none_or(|key| tags.get(key) == Some(value))
                }),
                // The comment says a new name of the stack before the tags do.
                _ => cx.owns(tags),
            };
            match get(cx, &id).await? {
                Some(wire) if fits => found(cx, wire, Some(labels)).await,
                _ => Ok(None),
            }
        }))
        .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(
        cx: &Aws,
        want: &DistributionSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<DistributionLive> {
        const ACTION: &str = "cloudfront:CreateDistribution";
        let mut forms = Forms::settled(want, known, ACTION)?;
        forms.check_certificate(ACTION)?;
        let (tags, token) = (mark.all_tags(), mark.token(""));
        let mut attempt = 0;
        while attempt < 100 {
            let wrong = |error| invalid(ACTION, error);
            let reference = reference(&mark.identity, &token, attempt);
            let mut config = blank(&reference).map_err(wrong)?;
            let write = forms.write(want, &mut config, &cx.owner(), |_| true);
            write.map_err(wrong)?;
            let config = DistributionConfigWithTags::builder()
                .distribution_config(config)
                .tags(tag_list(ACTION, &tags)?)
                .build();
            let answer = cx
                .mutate(Op::again(ACTION), || {
                    let call = cx.cloudfront.create_distribution_with_tags();
                    let call = call.distribution_config_with_tags(config.clone());
                    call.send()
                })
                .await;
            match answer {
                Ok(answer) => {
                    let made = answer.distribution;
                    return read(cx, made.ok_or_else(|| missing(ACTION, "distribution"))?);
                }
                // Made by a call whose answer was lost, or by one for what is deleted since.
                Err(error) if error.is(&["DistributionAlreadyExists"]) => {
                    let ours = Self::discover(cx, &Look::Ours, &Seen::default()).await?;
                    let same = |found: &Found<DistributionLive>| {
                        [mark::ID, mark::GENERATION]
                            .iter()
                            .all(|key| found.tags.get(*key) == tags.get(*key))
                    };
                    if let Some(found) = ours.into_iter().find(same) {
                        return Ok(found.live);
                    }
                    attempt += 1;
                }
                Err(error) if error.is(&[TAKEN]) && !forms.aliases.is_empty() => {
                    let all = cx.distributions().await?;
                    let holders = holders(&all, &forms.aliases, None);
                    if inherited(cx, &holders, &tags).await?.is_empty() {
                        return Err(taken(error, &forms.aliases, &holders, None));
                    }
                    // What it replaces has them, and keeps them until this one can answer: the next
                    // comparison moves them.
                    forms.aliases.clear();
                }
                Err(error) => return Err(explained(error)),
            }
        }
        let message = format!("{} was created and deleted a hundred times", mark.address);
        Err(CloudError::new(ACTION, ErrorClass::Quota, message).hinted("raise its `generation`"))
    }

    async fn update(
        cx: &Aws,
        want: &DistributionSpec,
        have: &DistributionLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<DistributionLive> {
        let (forms, owner) = (Forms::settled(want, known, UPDATE)?, cx.owner());
        if part.has("certificate") {
            forms.check_certificate(UPDATE)?;
        }
        let edit = |config: &mut DistributionConfig| {
            let concerned = |field: &str| part.has(field);
            let write = forms.write(want, config, &owner, concerned);
            write.map_err(|error| invalid(UPDATE, error))
        };
        let mut changed = change(cx, &have.id, edit).await;
        for last in [false, true] {
            let Err(error) = &changed else { break };
            if !error.is(&[TAKEN]) {
                break;
            }
            let (error, all) = (error.clone(), cx.distributions().await?);
            let holders = holders(&all, &forms.aliases, Some(&have.id));
            let tags = cx.cloudfront_tags(&have.arn).await?.unwrap_or_default();
            let inherited = inherited(cx, &holders, &tags).await?;
            if last || inherited.is_empty() {
                return Err(taken(error, &forms.aliases, &holders, Some(&have.id)));
            }
            for alias in inherited {
                associate(cx, &have.id, &alias).await?;
            }
            changed = change(cx, &have.id, edit).await;
        }
        let gone = || CloudError::new(UPDATE, ErrorClass::NotFound, format!("{} is gone", have.id));
        read(cx, changed.map_err(explained)?.ok_or_else(gone)?)
    }

    async fn delete(cx: &Aws, have: &DistributionLive, leave: &Leave) -> Result<()> {
        calls::delete(cx, &have.id, &leave.progress).await
    }

    /// A distribution is ours by its tags, and found by the marker in its comment: both come and go.
    async fn tag(cx: &Aws, have: &DistributionLive, set: &Tags, unset: &[String]) -> Result<()> {
        let owner = cx.owner();
        let comes = set.contains_key(mark::STACK);
        let goes = unset.iter().any(|key| key == mark::STACK);
        let stale = |comment: &str| goes || unmarked(comment, &owner).is_none();
        let listed = if comes || goes {
            get(cx, &have.id).await?
        } else {
            None
        };
        let config = listed.and_then(|wire| wire.distribution_config);
        if config.is_some_and(|config| stale(&config.comment)) {
            change(cx, &have.id, |config| {
                let mut names = cx.owners().into_iter();
                let plain = names.find_map(|name| unmarked(&config.comment, &name));
                let plain = plain.unwrap_or_else(|| config.comment.clone());
                config.comment = if comes { marked(&plain, &owner) } else { plain };
                Ok(())
            })
            .await?;
        }
        cx.cloudfront_tag(&have.arn, set, unset).await
    }
}

type Want = terrace_core::fields::Want<Distribution>;
type Have = terrace_core::fields::Have<Distribution>;

/// A name belongs to another distribution already.
const TAKEN: &str = "CNAMEAlreadyExists";

fn read(cx: &Aws, wire: Wire) -> Result<DistributionLive> {
    const ACTION: &str = "cloudfront:GetDistribution";
    let config = wire.distribution_config;
    let config = config.ok_or_else(|| missing(ACTION, "configuration"))?;
    Ok(DistributionLive {
        deployed: is_deployed(&wire.status),
        is: Forms::read(&config, &cx.owner()),
        id: wire.id,
        arn: wire.arn,
        dns_name: wire.domain_name,
    })
}

async fn found(
    cx: &Aws,
    wire: Wire,
    labels: Option<Labels>,
) -> Result<Option<Found<DistributionLive>>> {
    let labels = match labels {
        Some(labels) => Some(labels),
        None => cx.cloudfront_tags(&wire.arn).await?.map(Labels::own),
    };
    labels
        .map(|labels| Ok(labels.on(read(cx, wire)?)))
        .transpose()
}
