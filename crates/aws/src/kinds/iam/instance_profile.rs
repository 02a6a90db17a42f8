//! What hands a role to machines (aws-semantics 3.13).

use futures_util::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::error::{ErrorClass, Result};
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::Ref;
use terrace_core::said::Said;
use terrace_core::sketch::Sketch;

use super::iam_role::IamRole;
use super::shared::{arn, path, tag_list, tags};
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::names::only;

/// What hands a role to machines.
pub struct InstanceProfile;

/// What hands a role to machines.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceProfileSpec {
    /// Its name; derived if absent.
    #[serde(default)]
    #[schemars(extend("examples" = ["web", "web-2"]))]
    pub name: Option<String>,
    /// The role. Machines that run already take a new one on after some minutes.
    pub role: Ref<IamRole>,
}

/// An instance profile as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct InstanceProfileLive {
    id: String,
    arn: String,
    role: Option<String>,
    role_arn: Option<String>,
}

impl Live for InstanceProfileLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "arn" => json!(self.arn), "name" => json!(self.id) }
    }
}

impl Kind for InstanceProfile {
    const NAME: &'static str = "instance_profile";
    const ABOUT: About = About::new(Class::Stateless, Create::Name, Swap::CreateFirst)
        .gone_at_once()
        .global()
        .outputs(&["arn", "name"])
        .actions(&[
            "iam:ListInstanceProfiles",
            "iam:GetInstanceProfile",
            "iam:CreateInstanceProfile",
            "iam:AddRoleToInstanceProfile",
            "iam:RemoveRoleFromInstanceProfile",
            "iam:PassRole",
            "iam:DeleteInstanceProfile",
            "iam:TagInstanceProfile",
            "iam:UntagInstanceProfile",
        ]);
    type Cx = Aws;
    type Spec = InstanceProfileSpec;
    type Live = InstanceProfileLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "name",
                |want, _| Said::of(&want.name),
                |have| Said::of(&have.id),
            )
            // Between the two calls it has no role.
            .update("role", role, |have| Said::of(&have.role))
            .impact(Impact::Blip)
    }

    fn sketch(_want: &InstanceProfileSpec) -> Sketch {
        Sketch::aside("instance profile")
    }

    fn uses(have: &InstanceProfileLive) -> Vec<LiveRef> {
        have.role_arn
            .iter()
            .map(|arn| LiveRef::new("role", arn))
            .collect()
    }

    fn ready(_have: &InstanceProfileLive) -> Ready {
        Ready::Ready
    }

    fn claims(want: &InstanceProfileSpec) -> Vec<String> {
        want.name
            .iter()
            .map(|name| format!("instance profile {}", name.to_lowercase()))
            .collect()
    }

    fn foretell(want: &InstanceProfileSpec, mark: &Mark) -> Outputs {
        let name = name(want, mark);
        outputs! { "arn" => json!(arn(&mark.identity, "instance-profile", &name)), "name" => json!(name) }
    }

    async fn discover(
        cx: &Aws,
        look: &Look,
        _seen: &Seen,
    ) -> Result<Vec<Found<InstanceProfileLive>>> {
        match look {
            Look::Ours => ours(cx).await,
            Look::Id(name) => Ok(one(cx, name).await?.into_iter().collect()),
            Look::Like(like) => {
                let name = only(like, Self::NAME, &["name", "id"])?;
                Ok(one(cx, name).await?.into_iter().collect())
            }
        }
    }

    async fn create(
        cx: &Aws,
        want: &InstanceProfileSpec,
        _known: &Known,
        mark: &Mark,
    ) -> Result<InstanceProfileLive> {
        const ACTION: &str = "iam:CreateInstanceProfile";
        let name = name(want, mark);
        let tags = tag_list(ACTION, &mark.all_tags())?;
        let answer = cx
            .mutate(Op::again(ACTION), || {
                let call = cx
                    .iam
                    .create_instance_profile()
                    .instance_profile_name(&name);
                call.path(path(&cx.identity))
                    .set_tags(Some(tags.clone()))
                    .send()
            })
            .await?;
        Ok(read(
            answer
                .instance_profile
                .ok_or_else(|| missing(ACTION, "profile"))?,
        ))
    }

    async fn update(
        cx: &Aws,
        want: &InstanceProfileSpec,
        have: &InstanceProfileLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<InstanceProfileLive> {
        let mut live = have.clone();
        if part.has("role") {
            // It can hold one role only: the old one must go first.
            if let Some(old) = &have.role {
                remove(cx, &have.id, old).await?;
            }
            let role = short(&known.need_output(&want.role, "name")?).to_owned();
            add(cx, &have.id, &role).await?;
            live.role_arn = Some(known.need_output(&want.role, "arn")?);
            live.role = Some(role);
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &InstanceProfileLive, _leave: &Leave) -> Result<()> {
        if let Some(role) = &have.role {
            remove(cx, &have.id, role).await?;
        }
        let op = Op::again("iam:DeleteInstanceProfile").while_busy(&["DeleteConflict"], 2.0);
        cx.gone(
            cx.mutate(op, || {
                cx.iam
                    .delete_instance_profile()
                    .instance_profile_name(&have.id)
                    .send()
            })
            .await,
        )
    }

    async fn tag(cx: &Aws, have: &InstanceProfileLive, set: &Tags, unset: &[String]) -> Result<()> {
        const ACTION: &str = "iam:TagInstanceProfile";
        if !set.is_empty() {
            let tags = tag_list(ACTION, set)?;
            cx.mutate(Op::again(ACTION), || {
                let call = cx
                    .iam
                    .tag_instance_profile()
                    .instance_profile_name(&have.id);
                call.set_tags(Some(tags.clone())).send()
            })
            .await?;
        }
        if !unset.is_empty() {
            cx.mutate(Op::again("iam:UntagInstanceProfile"), || {
                let call = cx
                    .iam
                    .untag_instance_profile()
                    .instance_profile_name(&have.id);
                call.set_tag_keys(Some(unset.to_vec())).send()
            })
            .await?;
        }
        Ok(())
    }
}

fn name(want: &InstanceProfileSpec, mark: &Mark) -> String {
    want.name.clone().unwrap_or_else(|| mark.name(128))
}

/// The role's name: calls take no ARN.
fn role(want: &InstanceProfileSpec, known: &Known) -> Said {
    match known.output(&want.role, "name") {
        Said::Value(serde_json::Value::String(name)) => Said::of(short(&name)),
        other => other,
    }
}

/// The name in a role's ARN: a reference may be one.
fn short(role: &str) -> &str {
    if role.starts_with("arn:") {
        role.rsplit('/').next().unwrap_or(role)
    } else {
        role
    }
}

async fn add(cx: &Aws, profile: &str, role: &str) -> Result<()> {
    const ACTION: &str = "iam:AddRoleToInstanceProfile";
    // A role that was made just now may not be seen everywhere yet.
    let op = Op::again(ACTION).while_busy(&["NoSuchEntity"], 2.0);
    let answer = cx
        .mutate(op, || {
            cx.iam
                .add_role_to_instance_profile()
                .instance_profile_name(profile)
                .role_name(role)
                .send()
        })
        .await;
    match answer {
        // There is room for one role: a call whose answer was lost may have put it there.
        Err(full) if full.class == ErrorClass::Quota => match one(cx, profile).await? {
            Some(found) if found.live.role.as_deref() == Some(role) => Ok(()),
            _ => Err(full),
        },
        answer => answer.map(drop),
    }
}

async fn remove(cx: &Aws, profile: &str, role: &str) -> Result<()> {
    let op = Op::again("iam:RemoveRoleFromInstanceProfile");
    let call = || {
        cx.iam
            .remove_role_from_instance_profile()
            .instance_profile_name(profile)
            .role_name(role)
    };
    cx.gone(cx.mutate(op, || call().send()).await)
}

/// All in our path. The listing has their roles but no tags, and AWS has no call for the tags of several:
/// one more call each.
async fn ours(cx: &Aws) -> Result<Vec<Found<InstanceProfileLive>>> {
    let profiles = cx
        .read("iam:ListInstanceProfiles", || {
            let pages = cx
                .iam
                .list_instance_profiles()
                .path_prefix(path(&cx.identity))
                .into_paginator();
            pages
                .page_size(1000)
                .items()
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let found = profiles
        .iter()
        .map(|profile| one(cx, &profile.instance_profile_name));
    Ok(try_join_all(found).await?.into_iter().flatten().collect())
}

async fn one(cx: &Aws, name: &str) -> Result<Option<Found<InstanceProfileLive>>> {
    const ACTION: &str = "iam:GetInstanceProfile";
    let answer = cx
        .read(ACTION, || {
            cx.iam
                .get_instance_profile()
                .instance_profile_name(name)
                .send()
        })
        .await;
    let profile = match answer {
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        answer => answer?
            .instance_profile
            .ok_or_else(|| missing(ACTION, "profile"))?,
    };
    let tags = tags(profile.tags.clone());
    Ok(Some(Found::new(read(profile), tags)))
}

fn read(profile: aws_sdk_iam::types::InstanceProfile) -> InstanceProfileLive {
    let role = profile.roles.into_iter().next();
    InstanceProfileLive {
        id: profile.instance_profile_name,
        arn: profile.arn,
        role: role.as_ref().map(|role| role.role_name.clone()),
        role_arn: role.map(|role| role.arn),
    }
}
