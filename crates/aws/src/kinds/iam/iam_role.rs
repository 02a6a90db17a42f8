//! What a machine, a service or another account may do in this one (aws-semantics 3.12).

mod calls;
mod find;
mod trust;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use terrace_core::canon::Duration;
use terrace_core::canon::policy::{self, Policy, Written};
use terrace_core::error::{ErrorClass, Result};
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::late::Late;
use terrace_core::mark::{Mark, Tags};
use terrace_core::outputs;
use terrace_core::said::Said;
use terrace_core::sketch::Sketch;

use self::calls::{detach, drop_inline, put, set_trust};
use self::find::{attached, names, one, ours, read};
pub use self::trust::Trust;
use self::trust::{first, nobody};
use super::shared::{arn, document, path, tag_list};
use crate::blockers::roles;
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::names::{invalid, only};

/// What a machine, a service or another account may do in this one.
pub struct IamRole;

/// What a machine, a service or another account may do in this one.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IamRoleSpec {
    /// Its name; derived if absent. Policies elsewhere that name the role break when it is replaced.
    #[serde(default)]
    #[schemars(extend("examples" = ["web", "web-2"]))]
    pub name: Option<String>,
    /// Who may take it on: `{ service = "ec2.amazonaws.com" }`, `{ aws = ["123456789012"] }`,
    /// `{ federated = "arn:..", conditions = { .. } }`, or AWS's JSON as text.
    #[schemars(extend("examples" = [{ "service": "ec2.amazonaws.com" }, { "service": "lambda.amazonaws.com" }]))]
    pub trust: Written<Trust>,
    /// What it is for.
    #[serde(default)]
    #[schemars(extend("examples" = ["Runs the web servers.", "Runs the workers."]))]
    pub description: String,
    /// The longest that a session may last: between 1h and 12h. Machines renew theirs by themselves.
    #[serde(default = "an_hour")]
    #[schemars(extend("examples" = ["1h", "2h"]))]
    pub max_session_duration: Duration,
    /// A managed policy, by its ARN, beyond which nothing else can grant. One that is there and not
    /// named here stays: it may be your organisation's.
    #[serde(default)]
    #[schemars(extend("examples" = ["arn:aws:iam::aws:policy/PowerUserAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess"]))]
    pub permissions_boundary: Option<Late<String>>,
    /// Policies kept elsewhere that it has, by ARN: `"arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"`.
    #[serde(default)]
    #[schemars(extend("examples" = [["arn:aws:iam::aws:policy/ReadOnlyAccess"], ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]]))]
    pub managed_policies: Vec<Late<String>>,
    /// Its own policies, by name: each `{ statements = [..] }`, or AWS's JSON as text.
    #[serde(default)]
    #[schemars(extend("examples" = [
        { "read": { "statements": [{ "actions": ["s3:GetObject"], "resources": ["*"] }] } },
        { "read": { "statements": [{ "actions": ["s3:GetObject", "s3:ListBucket"], "resources": ["*"] }] } },
    ]))]
    pub policies: IndexMap<String, Policy>,
}

fn an_hour() -> Duration {
    Duration::seconds(3600)
}

/// A role as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct IamRoleLive {
    id: String,
    arn: String,
    description: String,
    max_session_duration: i32,
    permissions_boundary: Option<String>,
    trust: Value,
    managed_policies: Vec<String>,
    policies: BTreeMap<String, Value>,
}

impl Live for IamRoleLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "arn" => json!(self.arn), "name" => json!(self.id) }
    }
}

impl Kind for IamRole {
    const NAME: &'static str = "iam_role";
    // Its users need its policies, not only the role (aws-semantics 7.7).
    const ABOUT: About = About::new(Class::Identity, Create::Name, Swap::CreateFirst)
        .gone_at_once()
        .global()
        .late_first()
        .outputs(&["arn", "name"])
        .actions(&[
            "iam:ListRoles",
            "iam:GetAccountAuthorizationDetails",
            "iam:GetRole",
            "iam:ListRolePolicies",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:CreateRole",
            "iam:UpdateRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:PutRolePermissionsBoundary",
            "iam:AttachRolePolicy",
            "iam:DetachRolePolicy",
            "iam:PutRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:DeleteRole",
            "iam:ListInstanceProfilesForRole",
            "iam:TagRole",
            "iam:UntagRole",
        ]);
    type Cx = Aws;
    type Spec = IamRoleSpec;
    type Live = IamRoleLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "name",
                |want, _| Said::of(&want.name),
                |have| Said::of(&have.id),
            )
            .impact(Impact::Outage)
            .update(
                "trust",
                |want, _| want.trust.said(),
                |have| Said::of(&have.trust),
            )
            .late()
            .update(
                "description",
                |want, _| Said::of(&want.description),
                |have| Said::of(&have.description),
            )
            .update(
                "max_session_duration",
                |want, _| Said::of(want.max_session_duration),
                |have| Said::of(seconds(have.max_session_duration)),
            )
            .update(
                "permissions_boundary",
                |want, _| {
                    want.permissions_boundary
                        .as_ref()
                        .map_or(Said::Nothing, Late::said)
                },
                |have| Said::of(&have.permissions_boundary),
            )
            .set(
                "managed_policies",
                |want, _| Said::all(want.managed_policies.iter().map(Late::said)),
                |have| Said::set(&have.managed_policies),
            )
            .set(
                "policies",
                |want, _| inline(want),
                |have| Said::of(&have.policies),
            )
            .late()
    }

    fn sketch(_want: &IamRoleSpec) -> Sketch {
        Sketch::aside("role")
    }

    fn uses(have: &IamRoleLive) -> Vec<LiveRef> {
        let trust = policy::names(&have.trust)
            .into_iter()
            .map(|arn| LiveRef::new("trust", arn));
        let policies = have.policies.values().flat_map(policy::names);
        let policies = policies.map(|arn| LiveRef::new("policies", arn));
        let managed = have
            .managed_policies
            .iter()
            .map(|arn| LiveRef::new("managed_policies", arn));
        let boundary = have
            .permissions_boundary
            .iter()
            .map(|arn| LiveRef::new("permissions_boundary", arn));
        trust
            .chain(policies)
            .chain(managed)
            .chain(boundary)
            .collect()
    }

    fn ready(_have: &IamRoleLive) -> Ready {
        Ready::Ready
    }

    fn check(want: &IamRoleSpec) -> Vec<Objection> {
        let mut wrong = Vec::new();
        if let Some(why) = want.trust.wrong() {
            wrong.push(Objection::new("trust", why));
        }
        if want.trust.sketch()["Statement"] == json!([]) {
            let help = "write { service = \"ec2.amazonaws.com\" } for machines";
            wrong.push(Objection::new("trust", "nobody may take it on").help(help));
        }
        if !(3_600..=43_200).contains(&want.max_session_duration.as_seconds()) {
            let message = "a session lasts between 1h and 12h";
            wrong.push(Objection::new("max_session_duration", message));
        }
        for (name, policy) in &want.policies {
            let field = || format!("policies.{name}");
            let statements = match policy {
                Written::Table(table) => table.statements.as_slice(),
                _ => &[],
            };
            if let Some(why) = policy.wrong() {
                wrong.push(Objection::new(field(), why));
            }
            if statements
                .iter()
                .any(|statement| statement.principals.is_some())
            {
                let message = "a role's own policy concerns that role: it has no `principals`";
                wrong.push(
                    Objection::new(field(), message)
                        .help("who may take the role on stands in `trust`"),
                );
            }
            if statements
                .iter()
                .any(|statement| statement.resources.is_empty())
            {
                let message = "a role's own policy says to what: a statement lacks `resources`";
                wrong.push(
                    Objection::new(field(), message).help("write resources = [\"*\"] for anything"),
                );
            }
        }
        wrong
    }

    fn claims(want: &IamRoleSpec) -> Vec<String> {
        want.name
            .iter()
            .map(|name| format!("role {}", name.to_lowercase()))
            .collect()
    }

    fn foretell(want: &IamRoleSpec, mark: &Mark) -> Outputs {
        let name = name(want, mark);
        outputs! { "arn" => json!(arn(&mark.identity, "role", &name)), "name" => json!(name) }
    }

    async fn discover(cx: &Aws, look: &Look, _seen: &Seen) -> Result<Vec<Found<IamRoleLive>>> {
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
        want: &IamRoleSpec,
        _known: &Known,
        mark: &Mark,
    ) -> Result<IamRoleLive> {
        const ACTION: &str = "iam:CreateRole";
        let name = name(want, mark);
        let trust = first(cx, &want.trust);
        let boundary = boundary(ACTION, want)?;
        let tags = tag_list(ACTION, &mark.all_tags())?;
        let answer = cx
            .mutate(Op::again(ACTION), || {
                cx.iam
                    .create_role()
                    .path(path(&cx.identity))
                    .role_name(&name)
                    .assume_role_policy_document(&trust)
                    .description(&want.description)
                    .max_session_duration(want.max_session_duration.as_i32())
                    .set_permissions_boundary(boundary.clone())
                    .set_tags(Some(tags.clone()))
                    .send()
            })
            .await?;
        let role = answer.role.ok_or_else(|| missing(ACTION, "role"))?;
        let live = read(role, ACTION, Vec::new(), BTreeMap::new())?;
        // The answer may leave out what it was just told.
        Ok(IamRoleLive {
            trust: document(ACTION, &trust)?,
            description: want.description.clone(),
            max_session_duration: want.max_session_duration.as_i32(),
            permissions_boundary: boundary,
            ..live
        })
    }

    async fn update(
        cx: &Aws,
        want: &IamRoleSpec,
        have: &IamRoleLive,
        _known: &Known,
        part: &Part<'_>,
    ) -> Result<IamRoleLive> {
        let mut live = have.clone();
        if part.has("trust") {
            const ACTION: &str = "iam:UpdateAssumeRolePolicy";
            let trust = want.trust.send().map_err(|why| invalid(ACTION, why))?;
            set_trust(cx, &have.id, &trust).await?;
            live.trust = document(ACTION, &trust)?;
        }
        if part.has_any(&["description", "max_session_duration"]) {
            if part.has("description") {
                live.description.clone_from(&want.description);
            }
            if part.has("max_session_duration") {
                live.max_session_duration = want.max_session_duration.as_i32();
            }
            // Both: AWS takes what is left out for its default.
            cx.mutate(Op::again("iam:UpdateRole"), || {
                let call = cx.iam.update_role().role_name(&have.id);
                call.description(&live.description)
                    .max_session_duration(live.max_session_duration)
                    .send()
            })
            .await?;
        }
        if part.has("permissions_boundary") {
            const ACTION: &str = "iam:PutRolePermissionsBoundary";
            live.permissions_boundary = boundary(ACTION, want)?;
            if let Some(arn) = &live.permissions_boundary {
                cx.mutate(Op::again(ACTION), || {
                    cx.iam
                        .put_role_permissions_boundary()
                        .role_name(&have.id)
                        .permissions_boundary(arn)
                        .send()
                })
                .await?;
            }
        }
        for arn in part.added("managed_policies").keys() {
            cx.mutate(Op::again("iam:AttachRolePolicy"), || {
                cx.iam
                    .attach_role_policy()
                    .role_name(&have.id)
                    .policy_arn(arn)
                    .send()
            })
            .await?;
            live.managed_policies.push(arn.clone());
        }
        for arn in part.removed("managed_policies").keys() {
            detach(cx, &have.id, arn).await?;
            live.managed_policies.retain(|attached| attached != arn);
        }
        for name in part.added("policies").keys() {
            if let Some(policy) = want.policies.get(name) {
                live.policies
                    .insert(name.clone(), put(cx, &have.id, name, policy).await?);
            }
        }
        for name in part.removed("policies").keys() {
            drop_inline(cx, &have.id, name).await?;
            live.policies.remove(name);
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &IamRoleLive, leave: &Leave) -> Result<()> {
        // What hangs on it now, not when the plan was made: a role with policies is not deleted.
        let hanging = async { tokio::try_join!(attached(cx, &have.id), names(cx, &have.id)) };
        let (managed, written) = match hanging.await {
            Err(error) if error.class == ErrorClass::NotFound => return Ok(()),
            hanging => hanging?,
        };
        for arn in &managed {
            detach(cx, &have.id, arn).await?;
        }
        for name in &written {
            drop_inline(cx, &have.id, name).await?;
        }
        // An instance profile that was just deleted still holds it for a moment.
        let op = Op::again("iam:DeleteRole").while_busy(HELD, 2.0);
        let call = || cx.iam.delete_role().role_name(&have.id).send();
        cx.remove(op, leave, || roles::hanging_on(cx, &have.id), call)
            .await
    }

    async fn tag(cx: &Aws, have: &IamRoleLive, set: &Tags, unset: &[String]) -> Result<()> {
        const ACTION: &str = "iam:TagRole";
        if !set.is_empty() {
            let tags = tag_list(ACTION, set)?;
            cx.mutate(Op::again(ACTION), || {
                cx.iam
                    .tag_role()
                    .role_name(&have.id)
                    .set_tags(Some(tags.clone()))
                    .send()
            })
            .await?;
        }
        if !unset.is_empty() {
            cx.mutate(Op::again("iam:UntagRole"), || {
                cx.iam
                    .untag_role()
                    .role_name(&have.id)
                    .set_tag_keys(Some(unset.to_vec()))
                    .send()
            })
            .await?;
        }
        Ok(())
    }

    async fn clear(cx: &Aws, have: &IamRoleLive, field: &str) -> Result<()> {
        match field {
            "trust" => set_trust(cx, &have.id, &nobody(cx)).await,
            "policies" => {
                for name in have.policies.keys() {
                    drop_inline(cx, &have.id, name).await?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn name(want: &IamRoleSpec, mark: &Mark) -> String {
    want.name.clone().unwrap_or_else(|| mark.name(64))
}

/// A role that something still holds for a moment.
const HELD: &[&str] = &[
    "DeleteConflict",
    "ConcurrentModification",
    "EntityTemporarilyUnmodifiable",
];

fn seconds(seconds: i32) -> Duration {
    Duration::seconds(seconds.unsigned_abs().into())
}

fn boundary(action: &'static str, want: &IamRoleSpec) -> Result<Option<String>> {
    let boundary = want
        .permissions_boundary
        .as_ref()
        .map(Late::need)
        .transpose();
    boundary
        .map(Option::<&String>::cloned)
        .map_err(|why| invalid(action, why))
}

/// By name; what in one of them is known only later leaves the others comparable.
fn inline(want: &IamRoleSpec) -> Said {
    let policies = want
        .policies
        .iter()
        .map(|(name, policy)| (name.clone(), policy.sketch()));
    Said::Value(policies.collect::<Map<_, _>>().into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn spec(table: Value) -> IamRoleSpec {
        serde_json::from_value(table).unwrap()
    }

    #[test]
    fn what_no_role_can_be_is_told() {
        let wrong = |table: Value| -> Vec<String> {
            IamRole::check(&spec(table))
                .into_iter()
                .map(|objection| objection.field)
                .collect()
        };
        assert!(wrong(json!({ "trust": { "service": "ec2.amazonaws.com" } })).is_empty());
        assert_eq!(wrong(json!({ "trust": {} })), ["trust"]);
        assert_eq!(wrong(json!({ "trust": "{" })), ["trust"]);
        let policy = json!({ "statements": [{ "actions": "*", "principals": "*" }] });
        let table = json!({ "trust": { "aws": "123456789012" }, "policies": { "all": policy }, "max_session_duration": "30m" });
        assert_eq!(
            wrong(table),
            ["max_session_duration", "policies.all", "policies.all"]
        );
    }
}
