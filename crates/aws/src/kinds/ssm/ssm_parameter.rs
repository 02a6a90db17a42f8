//! A setting that applications read (aws-semantics 4.16).

use std::collections::HashMap;

use aws_sdk_ssm::operation::put_parameter::builders::PutParameterFluentBuilder;
use aws_sdk_ssm::types::{
    Parameter, ParameterMetadata, ParameterStringFilter, ParameterTier, ParameterType,
    ResourceTypeForTagging,
};
use futures_util::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::Text;
use terrace_core::error::Result;
use terrace_core::fields::{Fields, Part, Verdict};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::late::Late;
use terrace_core::mark::{self, Mark, Tags};
use terrace_core::outputs;
use terrace_core::said::Said;
use terrace_core::sketch::Sketch;

use super::shared::{tag_list, tags};
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::names::{invalid, only};

/// A setting that applications read, by its name.
pub struct SsmParameter;

/// A setting that applications read, by its name.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SsmParameterSpec {
    /// Its name, such as `/shop/db_host`; derived if absent. Those that begin alike are read in one call.
    #[serde(default)]
    #[schemars(extend("examples" = ["/shop/site_url", "/shop/site"]))]
    pub name: Option<String>,
    /// Its value. What nobody may see belongs into a `secret`, and that one's ARN here.
    #[schemars(extend("examples" = ["https://shop.example.com", "https://www.example.com"]))]
    pub value: Late<Text>,
    /// `"String"`, or `"StringList"`: several, with commas between them.
    #[serde(default, rename = "type")]
    pub kind: ValueType,
    /// How much it holds: `"standard"` up to 4 KB and for free, `"advanced"` up to 8 KB.
    #[serde(default)]
    pub tier: Tier,
    /// What it is for.
    #[serde(default)]
    #[schemars(extend("examples" = ["Where the shop is.", "The shop's address."]))]
    pub description: String,
}

/// What a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ValueType {
    /// One text.
    #[default]
    String,
    /// Several, with commas between them.
    StringList,
    /// An encrypted one: refused, because its value would stand in TOML. Write a `secret`.
    SecureString,
}

/// How much a parameter holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// 4 KB, for free.
    #[default]
    Standard,
    /// 8 KB, at a price. There is no way back but a new one.
    Advanced,
}

/// A parameter as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct SsmParameterLive {
    id: String,
    arn: String,
    value: String,
    #[serde(rename = "type")]
    kind: String,
    tier: Tier,
    description: String,
}

impl Live for SsmParameterLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "arn" => json!(self.arn), "name" => json!(self.id) }
    }
}

impl Kind for SsmParameter {
    const NAME: &'static str = "ssm_parameter";
    // All it holds stands in the TOML, so nothing is lost with it. A name cannot be there twice.
    const ABOUT: About = About::new(Class::Stateless, Create::Name, Swap::DeleteFirst)
        .gone_at_once()
        .outputs(&["arn", "name"])
        .actions(&[
            "ssm:DescribeParameters",
            "ssm:GetParameters",
            "ssm:ListTagsForResource",
            "tag:GetResources",
            "ssm:PutParameter",
            "ssm:DeleteParameter",
            "ssm:AddTagsToResource",
            "ssm:RemoveTagsFromResource",
        ]);
    type Cx = Aws;
    type Spec = SsmParameterSpec;
    type Live = SsmParameterLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "name",
                |want, _| Said::of(&want.name),
                |have| Said::of(&have.id),
            )
            .impact(Impact::Blip)
            .update(
                "value",
                |want, _| want.value.said(),
                |have| Said::of(&have.value),
            )
            // AWS: a parameter's type cannot be changed.
            .replace(
                "type",
                |want, _| Said::of(want.kind),
                |have| Said::of(&have.kind),
            )
            .impact(Impact::Blip)
            .decide(
                "tier",
                |want, _| Said::of(want.tier),
                |have| Said::of(have.tier),
                |want, _| match want.tier {
                    Tier::Standard => Verdict::Replace,
                    Tier::Advanced => Verdict::Update(Impact::None),
                },
            )
            .impact(Impact::Blip)
            .update(
                "description",
                |want, _| Said::of(&want.description),
                |have| Said::of(&have.description),
            )
    }

    fn sketch(_want: &SsmParameterSpec) -> Sketch {
        Sketch::aside("SSM parameter")
    }

    fn uses(have: &SsmParameterLive) -> Vec<LiveRef> {
        // Who reads a host from it loses that host when it goes.
        have.value
            .split(',')
            .map(|value| LiveRef::new("value", value))
            .collect()
    }

    fn ready(_have: &SsmParameterLive) -> Ready {
        Ready::Ready
    }

    fn check(want: &SsmParameterSpec) -> Vec<Objection> {
        let mut wrong = Vec::new();
        if want.kind == ValueType::SecureString {
            let objection =
                Objection::new("type", "a value that nobody may see does not stand in TOML");
            wrong.push(
                objection.help(
                    "write a `secret`, and its ARN as the value here: \"{{ secret.db.arn }}\"",
                ),
            );
        }
        let length = want.value.known().map_or(1, |value| value.as_str().len());
        let (room, help) = match want.tier {
            Tier::Standard => (4096, "write tier = \"advanced\": it holds 8 KB"),
            Tier::Advanced => (8192, "put it into a bucket, and its name here"),
        };
        if length == 0 {
            wrong.push(Objection::new("value", "AWS has no empty parameters"));
        } else if length > room {
            let message = format!("it has {length} bytes, and {room} are allowed");
            wrong.push(Objection::new("value", message).help(help));
        }
        let name = want.name.as_deref().unwrap_or_default().to_lowercase();
        let name = name.trim_start_matches('/');
        if name.starts_with("aws") || name.starts_with("ssm") {
            wrong.push(Objection::new(
                "name",
                "names that begin with `aws` or `ssm` are AWS's own",
            ));
        }
        wrong
    }

    fn claims(want: &SsmParameterSpec) -> Vec<String> {
        want.name
            .iter()
            .map(|name| format!("parameter {name}"))
            .collect()
    }

    fn foretell(want: &SsmParameterSpec, mark: &Mark) -> Outputs {
        outputs! { "name" => json!(name(want, mark)) }
    }

    /// The listing has no tags, and Systems Manager has no call for those of several.
    async fn discover(cx: &Aws, look: &Look, seen: &Seen) -> Result<Vec<Found<SsmParameterLive>>> {
        let all = match look {
            Look::Ours => all(cx, &format!("tag:{}", mark::STACK), &cx.owner()).await,
            Look::Id(name) => all(cx, "Name", name).await,
            Look::Like(like) => all(cx, "Name", only(like, Self::NAME, &["name", "id"])?).await,
        };
        let found = try_join_all(all?.into_iter().map(|live| async move {
            let labels = cx
                .labels(look, seen, &live.arn, tags_of(cx, &live.id))
                .await?;
            Ok(labels.map(|labels| labels.on(live)))
        }));
        Ok(found.await?.into_iter().flatten().collect())
    }

    async fn create(
        cx: &Aws,
        want: &SsmParameterSpec,
        _known: &Known,
        mark: &Mark,
    ) -> Result<SsmParameterLive> {
        const ACTION: &str = "ssm:PutParameter";
        let name = name(want, mark);
        let live = SsmParameterLive {
            arn: arn(cx, &name),
            id: name,
            value: value(want)?,
            kind: aws_type(want.kind).as_str().to_owned(),
            tier: want.tier,
            description: want.description.clone(),
        };
        let tags = tag_list(ACTION, &mark.all_tags())?;
        let op = Op::again(ACTION);
        cx.mutate(op, || {
            put(cx, &live)
                .overwrite(false)
                .set_tags(Some(tags.clone()))
                .send()
        })
        .await?;
        Ok(live)
    }

    async fn update(
        cx: &Aws,
        want: &SsmParameterSpec,
        have: &SsmParameterLive,
        _known: &Known,
        part: &Part<'_>,
    ) -> Result<SsmParameterLive> {
        let mut live = have.clone();
        if part.has("value") {
            live.value = value(want)?;
        }
        if part.has("tier") {
            live.tier = want.tier;
        }
        if part.has("description") {
            live.description.clone_from(&want.description);
        }
        // One call writes it whole. Tags it takes only when it makes one.
        let op = Op::again("ssm:PutParameter").while_busy(&["TooManyUpdates"], 1.0);
        cx.mutate(op, || put(cx, &live).overwrite(true).send())
            .await?;
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &SsmParameterLive, _leave: &Leave) -> Result<()> {
        let op = Op::again("ssm:DeleteParameter");
        cx.gone(
            cx.mutate(op, || cx.ssm.delete_parameter().name(&have.id).send())
                .await,
        )
    }

    async fn tag(cx: &Aws, have: &SsmParameterLive, set: &Tags, unset: &[String]) -> Result<()> {
        const ACTION: &str = "ssm:AddTagsToResource";
        if !set.is_empty() {
            let tags = tag_list(ACTION, set)?;
            cx.mutate(Op::again(ACTION), || {
                let call = cx
                    .ssm
                    .add_tags_to_resource()
                    .resource_type(ResourceTypeForTagging::Parameter);
                call.resource_id(&have.id)
                    .set_tags(Some(tags.clone()))
                    .send()
            })
            .await?;
        }
        if !unset.is_empty() {
            cx.mutate(Op::again("ssm:RemoveTagsFromResource"), || {
                let call = cx
                    .ssm
                    .remove_tags_from_resource()
                    .resource_type(ResourceTypeForTagging::Parameter);
                call.resource_id(&have.id)
                    .set_tag_keys(Some(unset.to_vec()))
                    .send()
            })
            .await?;
        }
        Ok(())
    }
}

fn name(want: &SsmParameterSpec, mark: &Mark) -> String {
    want.name.clone().unwrap_or_else(|| mark.name(1000))
}

/// The answer of a creation has no ARN.
fn arn(cx: &Aws, name: &str) -> String {
    let partition = crate::names::partition(&cx.region);
    let name = name.trim_start_matches('/');
    format!(
        "arn:{partition}:ssm:{}:{}:parameter/{name}",
        cx.region, cx.identity.account
    )
}

fn value(want: &SsmParameterSpec) -> Result<String> {
    let value = want
        .value
        .need()
        .map_err(|why| invalid("ssm:PutParameter", why))?;
    Ok(value.as_str().to_owned())
}

fn aws_type(kind: ValueType) -> ParameterType {
    match kind {
        ValueType::String => ParameterType::String,
        ValueType::StringList => ParameterType::StringList,
        ValueType::SecureString => ParameterType::SecureString,
    }
}

fn put(cx: &Aws, live: &SsmParameterLive) -> PutParameterFluentBuilder {
    let tier = match live.tier {
        Tier::Standard => ParameterTier::Standard,
        Tier::Advanced => ParameterTier::Advanced,
    };
    let call = cx
        .ssm
        .put_parameter()
        .name(&live.id)
        .value(&live.value)
        .tier(tier);
    call.r#type(ParameterType::from(live.kind.as_str()))
        .description(&live.description)
}

/// All that a filter lets through. The listing has no values: ten a call.
async fn all(cx: &Aws, key: &str, value: &str) -> Result<Vec<SsmParameterLive>> {
    const ACTION: &str = "ssm:DescribeParameters";
    let filter = ParameterStringFilter::builder()
        .key(key)
        .option("Equals")
        .values(value)
        .build();
    let filter = filter.map_err(|error| invalid(ACTION, error))?;
    let pages = cx
        .read(ACTION, || {
            let pages = cx
                .ssm
                .describe_parameters()
                .parameter_filters(filter.clone())
                .into_paginator();
            pages
                .page_size(50)
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let listed = pages
        .into_iter()
        .flat_map(|page| page.parameters.unwrap_or_default());
    let listed: Vec<ParameterMetadata> = listed.collect();
    let names: Vec<String> = listed
        .iter()
        .filter_map(|parameter| parameter.name.clone())
        .collect();
    let values = try_join_all(names.chunks(10).map(|names| values(cx, names))).await?;
    let mut values: HashMap<String, Parameter> = values.into_iter().flatten().collect();
    // One without a value has gone since it was listed.
    let found = listed.into_iter().filter_map(|listed| {
        let parameter = values.remove(listed.name.as_deref()?)?;
        Some((listed, parameter))
    });
    found
        .map(|(listed, parameter)| read(listed, parameter))
        .collect()
}

/// The values of up to ten; names that are not there are left out.
async fn values(cx: &Aws, names: &[String]) -> Result<Vec<(String, Parameter)>> {
    let answer = cx
        .read("ssm:GetParameters", || {
            cx.ssm
                .get_parameters()
                .set_names(Some(names.to_vec()))
                .send()
        })
        .await?;
    let parameters = answer.parameters.unwrap_or_default().into_iter();
    Ok(parameters
        .filter_map(|parameter| Some((parameter.name.clone()?, parameter)))
        .collect())
}

async fn tags_of(cx: &Aws, name: &str) -> Result<Option<Tags>> {
    let answer = cx
        .read("ssm:ListTagsForResource", || {
            let call = cx
                .ssm
                .list_tags_for_resource()
                .resource_type(ResourceTypeForTagging::Parameter);
            call.resource_id(name).send()
        })
        .await;
    match answer {
        // The code by which Systems Manager says that it is not there.
        Err(error) if error.is(&["InvalidResourceId"]) => Ok(None),
        answer => Ok(Some(tags(answer?.tag_list))),
    }
}

fn read(listed: ParameterMetadata, parameter: Parameter) -> Result<SsmParameterLive> {
    const ACTION: &str = "ssm:GetParameters";
    let kind = listed.r#type.ok_or_else(|| missing(ACTION, "type"))?;
    Ok(SsmParameterLive {
        id: listed.name.ok_or_else(|| missing(ACTION, "name"))?,
        arn: listed
            .arn
            .or(parameter.arn)
            .ok_or_else(|| missing(ACTION, "arn"))?,
        // An encrypted value is not asked for in the clear, and not kept as it comes either.
        value: match kind {
            ParameterType::SecureString => String::new(),
            _ => parameter.value.unwrap_or_default(),
        },
        kind: kind.as_str().to_owned(),
        tier: match listed.tier {
            Some(ParameterTier::Advanced) => Tier::Advanced,
            _ => Tier::Standard,
        },
        description: listed.description.unwrap_or_default(),
    })
}
