//! How CloudFront proves to an origin that it is CloudFront who asks (aws-semantics 3.25).
//!
//! It carries no tags: its description is its mark.

use aws_sdk_cloudfront::types::{
    OriginAccessControlConfig as Config, OriginAccessControlOriginTypes,
    OriginAccessControlSigningBehaviors, OriginAccessControlSigningProtocols,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{self, Mark, Tags};
use terrace_core::outputs;
use terrace_core::said::Said;
use terrace_core::sketch::Sketch;

use super::shared::{is_stale, read, written};
use crate::blockers::edge::signed_by;
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::names::{invalid, taken};

/// How CloudFront proves to an origin that it is CloudFront who asks.
pub struct OriginAccessControl;

/// How a distribution proves to an origin that it is the one who asks: it signs its requests, and the
/// origin's policy names the distribution. So nobody reaches a bucket but by way of CloudFront.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginAccessControlSpec {
    /// Its name, unique in the account: 64 characters at most. Absent: made from the stack's and its own.
    #[schemars(extend("examples" = ["shop-assets", "shop-files"]))]
    pub name: Option<String>,
    /// What it is used with.
    #[serde(default)]
    pub r#type: OriginType,
    /// Which requests are signed.
    #[serde(default)]
    pub signing: Signing,
}

/// What an origin is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OriginType {
    /// Buckets.
    #[default]
    S3,
    /// Functions, by their URLs.
    Lambda,
    /// Containers of MediaStore.
    MediaStore,
    /// Channels of MediaPackage, version 2.
    MediaPackageV2,
}

/// Which requests are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Signing {
    /// All.
    #[default]
    Always,
    /// None.
    Never,
    /// Those that the client has not signed itself.
    NoOverride,
}

/// An origin access control as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct OriginAccessControlLive {
    id: String,
    name: String,
    r#type: String,
    signing: String,
}

impl Live for OriginAccessControlLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "name" => json!(self.name) }
    }
}

impl Kind for OriginAccessControl {
    const NAME: &'static str = "origin_access_control";
    const ABOUT: About = About::new(Class::Stateless, Create::Name, Swap::CreateFirst)
        .gone_at_once()
        .global()
        .marks_only()
        .outputs(&["name"])
        .actions(&[
            "cloudfront:ListOriginAccessControls",
            "cloudfront:GetOriginAccessControl",
            "cloudfront:CreateOriginAccessControl",
            "cloudfront:UpdateOriginAccessControl",
            "cloudfront:DeleteOriginAccessControl",
            "cloudfront:ListDistributions",
            "cloudfront:ListTagsForResource",
        ]);
    type Cx = Aws;
    type Spec = OriginAccessControlSpec;
    type Live = OriginAccessControlLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .update(
                "name",
                |want, _| Said::of(&want.name),
                |have| Said::of(&have.name),
            )
            .update(
                "type",
                |want, _| Said::of(want.r#type),
                |have| Said::of(&have.r#type),
            )
            .update(
                "signing",
                |want, _| Said::of(want.signing),
                |have| Said::of(&have.signing),
            )
    }

    fn sketch(_want: &OriginAccessControlSpec) -> Sketch {
        Sketch::aside("origin access control")
    }

    fn uses(_have: &OriginAccessControlLive) -> Vec<LiveRef> {
        Vec::new()
    }

    fn ready(_have: &OriginAccessControlLive) -> Ready {
        Ready::Ready
    }

    fn check(want: &OriginAccessControlSpec) -> Vec<Objection> {
        let fits = |name: &&String| !(1..=64).contains(&name.chars().count());
        let wrong = want.name.iter().find(fits);
        let message = "its name has between 1 and 64 characters";
        wrong
            .map(|_| Objection::new("name", message))
            .into_iter()
            .collect()
    }

    fn claims(want: &OriginAccessControlSpec) -> Vec<String> {
        let name = want.name.iter();
        name.map(|name| format!("the origin access control {name}"))
            .collect()
    }

    fn foretell(want: &OriginAccessControlSpec, mark: &Mark) -> Outputs {
        outputs! { "name" => json!(name(want, mark)) }
    }

    async fn discover(
        cx: &Aws,
        look: &Look,
        _seen: &Seen,
    ) -> Result<Vec<Found<OriginAccessControlLive>>> {
        let owner = cx.owner();
        let mut found = list(cx).await?;
        found.retain(|found| match look {
            Look::Ours => found.tags.get(mark::STACK) == Some(&owner),
            Look::Id(id) => found.live.id == *id,
            Look::Like(like) => like
                .iter()
                .all(|(property, value)| match property.as_str() {
                    "id" => found.live.id == *value,
                    "name" => found.live.name == *value,
                    "type" => found.live.r#type == *value,
                    _ => false,
                }),
        });
        Ok(found)
    }

    async fn create(
        cx: &Aws,
        want: &OriginAccessControlSpec,
        _known: &Known,
        mark: &Mark,
    ) -> Result<OriginAccessControlLive> {
        const ACTION: &str = "cloudfront:CreateOriginAccessControl";
        let name = name(want, mark);
        let config = Config::builder()
            .name(&name)
            .description(described(ACTION, &mark.all_tags())?)
            .signing_protocol(OriginAccessControlSigningProtocols::Sigv4)
            .signing_behavior(want.signing.wire())
            .origin_access_control_origin_type(want.r#type.wire());
        let config = config.build().map_err(|error| invalid(ACTION, error))?;
        let answer = cx
            .mutate(Op::again(ACTION), || {
                let call = cx.cloudfront.create_origin_access_control();
                call.origin_access_control_config(config.clone()).send()
            })
            .await;
        match answer {
            Ok(answer) => {
                let made = answer.origin_access_control;
                let id = made.ok_or_else(|| missing(ACTION, "id"))?.id;
                Ok(live(id, &config))
            }
            Err(error) if error.is(&["OriginAccessControlAlreadyExists"]) => {
                let found = list(cx).await?;
                taken(
                    error,
                    found.into_iter().find(|found| found.live.name == name),
                    mark,
                )
            }
            Err(error) => Err(error),
        }
    }

    async fn update(
        cx: &Aws,
        want: &OriginAccessControlSpec,
        have: &OriginAccessControlLive,
        _known: &Known,
        part: &Part<'_>,
    ) -> Result<OriginAccessControlLive> {
        let config = change(cx, &have.id, |config| {
            if let Some(name) = want.name.as_ref().filter(|_| part.has("name")) {
                config.name.clone_from(name);
            }
            if part.has("type") {
                config.origin_access_control_origin_type = want.r#type.wire();
            }
            if part.has("signing") {
                config.signing_behavior = want.signing.wire();
            }
            Ok(())
        })
        .await?;
        Ok(live(have.id.clone(), &config))
    }

    async fn delete(cx: &Aws, have: &OriginAccessControlLive, leave: &Leave) -> Result<()> {
        for attempt in 1.. {
            let Some((_, etag)) = get(cx, &have.id).await? else {
                return Ok(());
            };
            // A distribution that let go of it is still being deployed.
            let op = Op::again("cloudfront:DeleteOriginAccessControl")
                .while_busy(&["OriginAccessControlInUse"], 10.0);
            let call = || {
                let call = cx.cloudfront.delete_origin_access_control().id(&have.id);
                call.if_match(&etag).send()
            };
            let blockers = || signed_by(cx, &have.id);
            match cx.remove(op, leave, blockers, call).await {
                Err(error) if is_stale(&error, attempt) => {}
                answer => return answer,
            }
        }
        Ok(())
    }

    async fn tag(
        cx: &Aws,
        have: &OriginAccessControlLive,
        set: &Tags,
        unset: &[String],
    ) -> Result<()> {
        change(cx, &have.id, |config| {
            let mut tags = read(config.description.as_deref().unwrap_or_default());
            tags.retain(|key, _| !unset.contains(key));
            tags.extend(set.clone());
            config.description = Some(described(UPDATE, &tags)?);
            Ok(())
        })
        .await
        .map(drop)
    }
}

const UPDATE: &str = "cloudfront:UpdateOriginAccessControl";

impl OriginType {
    fn wire(self) -> OriginAccessControlOriginTypes {
        match self {
            Self::S3 => OriginAccessControlOriginTypes::S3,
            Self::Lambda => OriginAccessControlOriginTypes::Lambda,
            Self::MediaStore => OriginAccessControlOriginTypes::Mediastore,
            Self::MediaPackageV2 => OriginAccessControlOriginTypes::Mediapackagev2,
        }
    }
}

impl Signing {
    fn wire(self) -> OriginAccessControlSigningBehaviors {
        match self {
            Self::Always => OriginAccessControlSigningBehaviors::Always,
            Self::Never => OriginAccessControlSigningBehaviors::Never,
            Self::NoOverride => OriginAccessControlSigningBehaviors::NoOverride,
        }
    }
}

fn name(want: &OriginAccessControlSpec, mark: &Mark) -> String {
    want.name.clone().unwrap_or_else(|| mark.name(64))
}

/// A description that is the mark. It has room for 256 characters (CloudFront API reference,
/// `OriginAccessControlConfig`).
fn described(action: &'static str, tags: &Tags) -> Result<String> {
    let text = written(tags);
    if text.chars().count() <= 256 {
        return Ok(text);
    }
    let message = format!("`{text}` is longer than the 256 characters that mark it");
    Err(invalid(action, message).hinted("give the stack, the module or itself a shorter name"))
}

fn live(id: String, config: &Config) -> OriginAccessControlLive {
    OriginAccessControlLive {
        id,
        name: config.name.clone(),
        r#type: config.origin_access_control_origin_type.as_str().to_owned(),
        signing: config.signing_behavior.as_str().to_owned(),
    }
}

/// All of the account, ours or not.
async fn list(cx: &Aws) -> Result<Vec<Found<OriginAccessControlLive>>> {
    let items = cx
        .read("cloudfront:ListOriginAccessControls", || {
            let pages = cx.cloudfront.list_origin_access_controls();
            let pages = pages.into_paginator().items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let found = items.into_iter().map(|item| {
        let live = OriginAccessControlLive {
            id: item.id,
            name: item.name,
            r#type: item.origin_access_control_origin_type.as_str().to_owned(),
            signing: item.signing_behavior.as_str().to_owned(),
        };
        Found::new(live, read(&item.description))
    });
    Ok(found.collect())
}

/// One as it is, and the version that a change must quote; `None` if it is gone.
async fn get(cx: &Aws, id: &str) -> Result<Option<(Config, String)>> {
    const ACTION: &str = "cloudfront:GetOriginAccessControl";
    let answer = cx
        .read(ACTION, || {
            cx.cloudfront.get_origin_access_control().id(id).send()
        })
        .await;
    let answer = match answer {
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        answer => answer?,
    };
    let control = answer.origin_access_control;
    let config = control.and_then(|control| control.origin_access_control_config);
    let config = config.ok_or_else(|| missing(ACTION, "configuration"))?;
    Ok(Some((
        config,
        answer.e_tag.ok_or_else(|| missing(ACTION, "ETag"))?,
    )))
}

/// Changes what `edit` changes; a change takes the whole configuration.
async fn change(cx: &Aws, id: &str, edit: impl Fn(&mut Config) -> Result<()>) -> Result<Config> {
    for attempt in 1.. {
        let Some((mut config, etag)) = get(cx, id).await? else {
            break;
        };
        let before = config.clone();
        edit(&mut config)?;
        // What was stale may be our own change, delivered twice or its answer lost.
        if attempt > 1 && config == before {
            return Ok(config);
        }
        let answer = cx
            .mutate(Op::again(UPDATE), || {
                let call = cx.cloudfront.update_origin_access_control().id(id);
                let call = call.if_match(&etag);
                call.origin_access_control_config(config.clone()).send()
            })
            .await;
        match answer {
            Err(error) if is_stale(&error, attempt) => {}
            answer => return answer.map(|_| config),
        }
    }
    let message = format!("{id} is gone");
    Err(CloudError::new(UPDATE, ErrorClass::NotFound, message))
}
