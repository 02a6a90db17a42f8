//! A password that is known to nobody (aws-semantics 4.15).

mod find;

use aws_sdk_secretsmanager::types::Tag;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::Duration;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::fields::{Fields, Part, Verdict};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{self, Mark, Tags, digest};
use terrace_core::outputs;
use terrace_core::said::Said;
use terrace_core::sketch::Sketch;

use self::find::{Described, alive, one, ours, read};
use super::shared::tag_list;
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::names::{only, taken};

/// A password that is known to nobody: made when the secret is, and read by those who may.
pub struct Secret;

/// A password that is known to nobody: made when the secret is, and read by those who may.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretSpec {
    /// Its name; derived if absent.
    #[serde(default)]
    #[schemars(extend("examples" = ["shop/database", "shop/database-2"]))]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default)]
    #[schemars(extend("examples" = ["The database's password.", "The password of the shop's database."]))]
    pub description: String,
    /// Whose password it is: the secret is then `{ "username": .., "password": .. }`, as AWS's own
    /// tools want it, and else the bare password. A change makes a new password.
    #[serde(default)]
    #[schemars(extend("examples" = ["wordpress", "shop"]))]
    pub username: Option<String>,
    /// A number to raise for a new password.
    #[serde(default)]
    #[schemars(extend("examples" = [1, 2]))]
    pub rotate: Option<u32>,
    /// How long it can be brought back after it was deleted: between 7d and 30d. In an ephemeral
    /// environment it is gone at once.
    #[serde(default = "a_month")]
    #[schemars(extend("examples" = ["30d", "7d"]))]
    pub recovery: Duration,
}

fn a_month() -> Duration {
    Duration::days(30)
}

/// A secret as AWS has it; never what it holds.
#[derive(Clone, Debug, Serialize)]
pub struct SecretLive {
    id: String,
    name: String,
    description: String,
    /// The version in force.
    version: Option<String>,
    /// What its tags say of what it holds: AWS does not, short of giving it away.
    username: Option<String>,
    rotate: Option<String>,
    recovery: Option<String>,
}

impl Live for SecretLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "arn" => json!(self.id), "name" => json!(self.name), "version" => json!(self.version) }
    }
}

impl Kind for Secret {
    const NAME: &'static str = "secret";
    const ABOUT: About = About::new(Class::Data, Create::Name, Swap::CreateFirst)
        .outputs(&["arn", "name", "version"])
        .actions(&[
            "secretsmanager:ListSecrets",
            "secretsmanager:DescribeSecret",
            "secretsmanager:GetRandomPassword",
            "secretsmanager:CreateSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:UpdateSecret",
            "secretsmanager:RestoreSecret",
            "secretsmanager:DeleteSecret",
            "secretsmanager:TagResource",
            "secretsmanager:UntagResource",
        ]);
    type Cx = Aws;
    type Spec = SecretSpec;
    type Live = SecretLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "name",
                |want, _| Said::of(&want.name),
                |have| Said::of(&have.name),
            )
            .update(
                "description",
                |want, _| Said::of(&want.description),
                |have| Said::of(&have.description),
            )
            // One that was made elsewhere does not say whose it is: it is taken as it is.
            .decide(
                "username",
                |want, _| Said::or_none(want.username.as_ref().map(Said::of)),
                |have| Said::of(&have.username),
                |want, have| match &have.username {
                    Some(known) if *known != fingerprint(want.username.as_deref()) => {
                        Verdict::Update(Impact::Blip)
                    }
                    _ => Verdict::Same,
                },
            )
            .tell(
                |want| want.username.clone().unwrap_or_default(),
                |_| "the one it has".to_owned(),
            )
            .disturbs(&["version"])
            .update(
                "rotate",
                |want, _| Said::of(want.rotate.map(|n| n.to_string())),
                |have| Said::of(&have.rotate),
            )
            .impact(Impact::Blip)
            .disturbs(&["version"])
            .decide(
                "recovery",
                |want, _| Said::of(want.recovery.to_string()),
                |have| Said::of(&have.recovery),
                |want, have| match have.recovery {
                    None if want.recovery == a_month() => Verdict::Same,
                    _ => Verdict::Update(Impact::None),
                },
            )
    }

    fn sketch(_want: &SecretSpec) -> Sketch {
        Sketch::aside("secret")
    }

    fn uses(_have: &SecretLive) -> Vec<LiveRef> {
        Vec::new()
    }

    fn ready(_have: &SecretLive) -> Ready {
        Ready::Ready
    }

    fn check(want: &SecretSpec) -> Vec<Objection> {
        let mut wrong = Vec::new();
        if !matches!(want.recovery.as_days(), Some(7..=30)) {
            wrong.push(Objection::new(
                "recovery",
                "a secret can be brought back for 7d to 30d, in whole days",
            ));
        }
        if want.name.as_deref().is_some_and(ends_like_an_arn) {
            let message =
                "AWS takes a dash and six characters at the end for those it adds to ARNs";
            wrong.push(Objection::new("name", message).help("choose another ending"));
        }
        wrong
    }

    fn claims(want: &SecretSpec) -> Vec<String> {
        want.name
            .iter()
            .map(|name| format!("secret {name}"))
            .collect()
    }

    // Its ARN ends in what only AWS knows.
    fn foretell(want: &SecretSpec, mark: &Mark) -> Outputs {
        outputs! { "name" => json!(name(want, mark)) }
    }

    async fn discover(cx: &Aws, look: &Look, _seen: &Seen) -> Result<Vec<Found<SecretLive>>> {
        match look {
            Look::Ours => ours(cx).await,
            Look::Id(id) => Ok(one(cx, id).await?.and_then(alive).into_iter().collect()),
            Look::Like(like) => {
                let id = only(like, Self::NAME, &["name", "id"])?;
                Ok(one(cx, id).await?.and_then(alive).into_iter().collect())
            }
        }
    }

    async fn create(
        cx: &Aws,
        want: &SecretSpec,
        _known: &Known,
        mark: &Mark,
    ) -> Result<SecretLive> {
        const ACTION: &str = "secretsmanager:CreateSecret";
        let name = name(want, mark);
        let value = value(cx, want).await?;
        let mut tags = mark.all_tags();
        tags.extend(facts(want));
        let create = |op: Op| {
            let call = cx
                .secrets
                .create_secret()
                .name(&name)
                .set_tags(Some(tag_list(&tags)));
            let call = call.description(&want.description).secret_string(&value);
            // The token becomes the first version's id.
            let call = call.client_request_token(mark.token(""));
            cx.mutate(op, move || call.clone().send())
        };
        let answer = match create(Op::again(ACTION)).await {
            Err(refused) if refused.class == ErrorClass::Conflict => {
                return taken(refused, one(cx, &name).await?.and_then(alive), mark);
            }
            // The name of a deleted secret stays taken while it can be brought back.
            Err(refused) if refused.message.contains(DELETED) => match one(cx, &name).await? {
                Some(gone) => return restore(cx, refused, gone, mark).await,
                None => create(Op::again(ACTION).while_busy(&[DELETED], 2.0)).await?,
            },
            answer => answer?,
        };
        let arn = answer.arn.ok_or_else(|| missing(ACTION, "arn"))?;
        let versions = answer.version_id.map(|id| (id, vec![CURRENT.to_owned()]));
        let versions = versions.into_iter().collect();
        Ok(read(
            arn,
            Some(name),
            Some(want.description.clone()),
            Some(&versions),
            &tags,
        ))
    }

    async fn update(
        cx: &Aws,
        want: &SecretSpec,
        have: &SecretLive,
        _known: &Known,
        part: &Part<'_>,
    ) -> Result<SecretLive> {
        let mut live = have.clone();
        if part.has("description") {
            cx.mutate(Op::again("secretsmanager:UpdateSecret"), || {
                let call = cx.secrets.update_secret().secret_id(&have.id);
                call.description(&want.description).send()
            })
            .await?;
            live.description.clone_from(&want.description);
        }
        // One that was made elsewhere keeps what it holds; from now on its tags say how often it was raised.
        if part.has("username") || (part.has("rotate") && have.rotate.is_some()) {
            live.version = Some(put(cx, want, have).await?);
        }
        let mut said = facts(want);
        said.retain(|key, _| {
            key.strip_prefix(mark::FINGERPRINT)
                .is_some_and(|field| part.has(field))
        });
        if !said.is_empty() {
            Self::tag(cx, have, &said, &[]).await?;
            let told = |field: &str, old: &Option<String>| {
                said.get(&format!("{}{field}", mark::FINGERPRINT))
                    .cloned()
                    .or_else(|| old.clone())
            };
            live.username = told("username", &have.username);
            live.rotate = told("rotate", &have.rotate);
            live.recovery = told("recovery", &have.recovery);
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &SecretLive, leave: &Leave) -> Result<()> {
        let recovery: Option<Duration> =
            have.recovery.as_deref().and_then(|span| span.parse().ok());
        let days = recovery
            .and_then(Duration::as_days)
            .and_then(|days| i64::try_from(days).ok());
        let answer = cx
            .mutate(Op::again("secretsmanager:DeleteSecret"), || {
                let call = cx.secrets.delete_secret().secret_id(&have.id);
                if leave.ephemeral {
                    call.force_delete_without_recovery(true).send()
                } else {
                    call.recovery_window_in_days(days.unwrap_or(30)).send()
                }
            })
            .await;
        match answer {
            // By a call whose answer was lost, or by somebody else: it is as good as gone.
            Err(error) if error.message.contains(MARKED) => Ok(()),
            answer => cx.gone(answer),
        }
    }

    async fn tag(cx: &Aws, have: &SecretLive, set: &Tags, unset: &[String]) -> Result<()> {
        if !set.is_empty() {
            let tags: Vec<Tag> = tag_list(set);
            cx.mutate(Op::again("secretsmanager:TagResource"), || {
                cx.secrets
                    .tag_resource()
                    .secret_id(&have.id)
                    .set_tags(Some(tags.clone()))
                    .send()
            })
            .await?;
        }
        if !unset.is_empty() {
            cx.mutate(Op::again("secretsmanager:UntagResource"), || {
                cx.secrets
                    .untag_resource()
                    .secret_id(&have.id)
                    .set_tag_keys(Some(unset.to_vec()))
                    .send()
            })
            .await?;
        }
        Ok(())
    }
}

/// AWS's words for a name whose secret is deleted and can still be brought back.
const DELETED: &str = "scheduled for deletion";
/// Its words for such a secret: "marked deleted", "marked for deletion".
const MARKED: &str = "marked";
/// The stage of the version in force.
const CURRENT: &str = "AWSCURRENT";

/// The derived name ends in a dash and six characters, which AWS asks names not to do: it would look for
/// a secret by the wrong half of an ARN.
fn name(want: &SecretSpec, mark: &Mark) -> String {
    want.name.clone().unwrap_or_else(|| {
        let name = mark.name(512);
        match name.rsplit_once('-') {
            Some((readable, unique)) => format!("{readable}_{unique}"),
            None => name,
        }
    })
}

fn ends_like_an_arn(name: &str) -> bool {
    let ending = name.rsplit_once('-').map(|(_, ending)| ending);
    ending.is_some_and(|ending| {
        ending.len() == 6 && ending.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// What the tags say of the value, which AWS does not give back without giving it away.
fn facts(want: &SecretSpec) -> Tags {
    let key = |field: &str| format!("{}{field}", mark::FINGERPRINT);
    Tags::from([
        (key("username"), fingerprint(want.username.as_deref())),
        (key("rotate"), want.rotate.unwrap_or_default().to_string()),
        (key("recovery"), want.recovery.to_string()),
    ])
}

fn fingerprint(input: Option<&str>) -> String {
    digest(&[input.unwrap_or_default()])[..16].to_owned()
}

/// A new value: 32 letters and digits of AWS's own making, bare or beside whose they are.
async fn value(cx: &Aws, want: &SecretSpec) -> Result<String> {
    const ACTION: &str = "secretsmanager:GetRandomPassword";
    let answer = cx
        .read(ACTION, || {
            let call = cx.secrets.get_random_password().password_length(32);
            call.exclude_punctuation(true)
                .require_each_included_type(true)
                .send()
        })
        .await?;
    let password = answer
        .random_password
        .ok_or_else(|| missing(ACTION, "password"))?;
    Ok(match &want.username {
        Some(username) => json!({ "username": username, "password": password }).to_string(),
        None => password,
    })
}

/// Puts a new value in force; answers its version.
async fn put(cx: &Aws, want: &SecretSpec, have: &SecretLive) -> Result<String> {
    let value = value(cx, want).await?;
    // The same for the same change: a repeated one makes no second version.
    let facts = facts(want);
    let facts: Vec<&str> = facts.values().map(String::as_str).collect();
    let old = have.version.as_deref().unwrap_or_default();
    let token = digest(&[&have.id, old, &facts.join(" ")])[..32].to_owned();
    let answer = cx
        .mutate(Op::again("secretsmanager:PutSecretValue"), || {
            let call = cx.secrets.put_secret_value().secret_id(&have.id);
            call.secret_string(&value)
                .client_request_token(&token)
                .send()
        })
        .await;
    match answer {
        // A call whose answer was lost, perhaps in a run before, has put another value there.
        Err(error) if error.class == ErrorClass::Conflict => Ok(token),
        answer => Ok(answer?.version_id.unwrap_or(token)),
    }
}

/// Brings back a secret of ours. It keeps what it held; whatever else differs is found by the next
/// comparison.
async fn restore(
    cx: &Aws,
    refused: CloudError,
    gone: Described,
    mark: &Mark,
) -> Result<SecretLive> {
    let (stack, id) = (mark.identity.owner(), mark.address.to_string());
    let tags = &gone.found.tags;
    if tags.get(mark::STACK) != Some(&stack) || tags.get(mark::ID) != Some(&id) {
        return Err(refused.hinted("it is not ours to bring back: choose another `name`"));
    }
    let live = gone.found.live;
    cx.mutate(Op::again("secretsmanager:RestoreSecret"), || {
        cx.secrets.restore_secret().secret_id(&live.id).send()
    })
    .await?;
    let wanted = mark.all_tags();
    let old = tags
        .keys()
        .filter(|key| !wanted.contains_key(*key) && !key.starts_with(mark::FINGERPRINT));
    let old: Vec<String> = old.cloned().collect();
    Secret::tag(cx, &live, &wanted, &old).await?;
    Ok(live)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use terrace_core::mark::{Generation, Identity};

    use super::*;

    #[test]
    fn no_name_ends_like_an_arn() {
        let identity = Identity {
            stack: "shop".into(),
            environment: "prod".into(),
            account: "123456789012".into(),
            region: "eu-west-3".into(),
        };
        let mark = Mark {
            identity,
            address: "secret.db".parse().unwrap(),
            generation: Generation::first(1),
            tags: Tags::new(),
            protect: false,
            ephemeral: None,
            salt: String::new(),
        };
        let spec: SecretSpec = serde_json::from_value(json!({})).unwrap();
        let derived = name(&spec, &mark);
        assert!(derived.starts_with("shop-prod-secret-db_"), "{derived}");
        assert!(!ends_like_an_arn(&derived));
        assert!(ends_like_an_arn("shop-ab12CD"));
        assert!(!ends_like_an_arn("shop-database"));
    }

    #[test]
    fn a_value_is_never_among_the_facts() {
        let spec: SecretSpec = serde_json::from_value(json!({ "username": "wordpress" })).unwrap();
        assert!(
            facts(&spec)
                .values()
                .all(|fact| !fact.contains("wordpress"))
        );
    }
}
