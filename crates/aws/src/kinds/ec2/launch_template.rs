//! What the machines of a group are started from (aws-semantics 3.10).

mod content;
mod live;

use aws_sdk_ec2::types::ResourceType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::Text;
use terrace_core::error::{ErrorClass, Result};
use terrace_core::fields::{Fields, Part, Verdict};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::late::Late;
use terrace_core::mark::{self, Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::Ref;
use terrace_core::said::Said;
use terrace_core::sketch::{Role, Sketch};

use self::content::{Boot, Content};
use self::live::find;
use super::instance::{Credits, Machine, Metadata, RootVolume, fingerprint, tell_user_data};
use super::key_pair::KeyPair;
use super::security_group::SecurityGroup;
use super::shared::marked;
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::images::{self, architecture};
use crate::kinds::iam::instance_profile::InstanceProfile;
use crate::lookups::image::Image;
use crate::names::taken;

/// What the machines of a group are started from.
///
/// AWS keeps it in versions that never change: every change of the TOML makes another one and lets it
/// count. Older ones stay, because a group may still start machines from them.
pub struct LaunchTemplate;

/// What the machines of a group are started from. Every change makes a new version, and a group that
/// names the template renews its machines.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LaunchTemplateSpec {
    /// Its name, unique in the account and region. Absent: made from the stack's and its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["web", "web-2"]))]
    pub name: Option<String>,
    /// What machines start from: a family (`al2023`, `al2023-minimal`, `ubuntu-24.04`, `debian-12`), of
    /// which the newest image is taken, a looked-up `existing.image`, or an id (`ami-0abc`). Architecture
    /// follows the type. A newer image of the same family is no difference: raise `generation` to move on.
    #[schemars(extend("examples" = ["al2023", "al2023-minimal"]))]
    pub image: Ref<Image>,
    /// Their type, such as `t3.small`. A group may say further ones.
    #[schemars(extend("examples" = ["t3.micro", "t3.small"]))]
    pub r#type: String,
    /// Their firewalls. Absent: the VPC's default one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// The role they act in. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_profile: Option<Ref<InstanceProfile>>,
    /// The key with which `ssh` opens them. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_pair: Option<Ref<KeyPair>>,
    /// The disk they boot from.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "size": 20, "type": "gp3", "encrypted": true }, { "size": 30 }]))]
    pub root_volume: RootVolume,
    /// What they do when they first boot: a script or cloud-init's YAML, at most 16 KB. Not for secrets:
    /// whoever may describe templates can read it. Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["#!/bin/sh\necho one", "#!/bin/sh\necho two"]))]
    pub user_data: Option<Late<Text>>,
    /// How what runs on them learns of its machine and of its role.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "hop_limit": 2 }, { "http_tokens": "optional" }]))]
    pub metadata: Metadata,
    /// Whether their metrics come every minute instead of every five (they cost). A group that scales by
    /// them sees a crowd sooner.
    #[serde(default)]
    pub monitoring: bool,
    /// How they may exceed their share of the processor; only types such as `t3` and `t4g` have one.
    /// Absent: as the account has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits: Option<Credits>,
}

/// A launch template as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct LaunchTemplateLive {
    id: String,
    name: String,
    /// The version that counts: AWS's default one.
    version: i64,
    #[serde(flatten)]
    content: Content,
    /// A newer version, where making one count was cut short, or somebody made one by hand.
    #[serde(skip)]
    newer: Option<(i64, Content)>,
    /// All its tags: what is started from it gets those that are no mark.
    #[serde(skip)]
    tags: Tags,
}

impl Live for LaunchTemplateLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "name" => json!(self.name), "version" => json!(self.version.to_string()) }
    }
}

impl Kind for LaunchTemplate {
    const NAME: &'static str = "launch_template";
    const ABOUT: About = About::new(Class::Stateless, Create::Token, Swap::CreateFirst)
        .gone_at_once()
        .outputs(&["name", "version"])
        .actions(&[
            "ec2:DescribeLaunchTemplates",
            "ec2:DescribeLaunchTemplateVersions",
            "ec2:DescribeImages",
            "ssm:GetParameter",
            "ec2:CreateLaunchTemplate",
            "ec2:CreateLaunchTemplateVersion",
            "ec2:ModifyLaunchTemplate",
            "ec2:DeleteLaunchTemplate",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ]);
    type Cx = Aws;
    type Spec = LaunchTemplateSpec;
    type Live = LaunchTemplateLive;

    fn fields() -> Fields<Self> {
        const MOVES: &[&str] = &["version"];
        Fields::<Self>::new()
            .replace(
                "name",
                |want, _| Said::of(&want.name),
                |have| Said::of(&have.name),
            )
            .decide("image", want_image, have_image, |want, have| {
                let is = &have.content.image;
                if images::same(&want.image, &is.id, is.family.as_deref()) {
                    Verdict::Same
                } else {
                    Verdict::Update(Impact::None)
                }
            })
            .disturbs(MOVES)
            .update(
                "type",
                |want, _| Said::of(&want.r#type),
                |have| Said::of(&have.content.r#type),
            )
            .disturbs(MOVES)
            .update(
                "security_groups",
                |want, known| known.ids(&want.security_groups),
                |have| Said::set(&have.content.security_groups),
            )
            .disturbs(MOVES)
            .update(
                "instance_profile",
                |want, known| {
                    let profile = want.instance_profile.as_ref();
                    Said::or_none(profile.map(|profile| known.output(profile, "arn")))
                },
                |have| Said::or_none(have.content.instance_profile.as_ref().map(Said::of)),
            )
            .disturbs(MOVES)
            .update(
                "key_pair",
                |want, known| {
                    let key = want.key_pair.as_ref();
                    Said::or_none(key.map(|key| known.output(key, "name")))
                },
                |have| Said::or_none(have.content.key_pair.as_ref().map(Said::of)),
            )
            .disturbs(MOVES)
            .update(
                "root_volume",
                |want, _| Said::of(&want.root_volume),
                |have| Said::of(&have.content.root_volume),
            )
            .disturbs(MOVES)
            .update(
                "user_data",
                |want, _| {
                    Said::or_none(want.user_data.as_ref().map(|text| match text {
                        Late::Known(text) => Said::of(fingerprint(text.as_str())),
                        later @ Late::Later(_) => later.said(),
                    }))
                },
                |have| Said::or_none(have.content.user_data.as_ref().map(Said::of)),
            )
            .tell(
                |want| tell_user_data(want.user_data.as_ref()),
                |_| "the text it has".to_owned(),
            )
            .disturbs(MOVES)
            .update(
                "metadata",
                |want, _| Said::of(&want.metadata),
                |have| Said::of(&have.content.metadata),
            )
            .disturbs(MOVES)
            .update(
                "monitoring",
                |want, _| Said::of(want.monitoring),
                |have| Said::of(have.content.monitoring),
            )
            .disturbs(MOVES)
            .update(
                "credits",
                |want, _| Said::or_none(want.credits.map(Said::of)),
                |have| Said::or_none(have.content.credits.map(Said::of)),
            )
            .disturbs(MOVES)
    }

    fn sketch(want: &LaunchTemplateSpec) -> Sketch {
        Sketch::new(Role::Note, "launch template").title(&want.r#type)
    }

    fn uses(have: &LaunchTemplateLive) -> Vec<LiveRef> {
        let is = &have.content;
        let groups = is.security_groups.iter();
        let groups = groups.map(|id| LiveRef::new("security_groups", id));
        let profile = is.instance_profile.iter();
        let profile = profile.map(|arn| LiveRef::new("instance_profile", arn));
        let key = is.key_pair.iter();
        let key = key.map(|name| LiveRef::new("key_pair", name));
        groups.chain(profile).chain(key).collect()
    }

    fn ready(_have: &LaunchTemplateLive) -> Ready {
        Ready::Ready
    }

    fn check(want: &LaunchTemplateSpec) -> Vec<Objection> {
        let machine = Machine {
            image: &want.image,
            r#type: &want.r#type,
            root_volume: &want.root_volume,
            user_data: want.user_data.as_ref(),
            metadata: &want.metadata,
            credits: want.credits,
        };
        let mut wrong = machine.check();
        // CreateLaunchTemplate: 3 to 128 of these.
        let letter = |c: char| c.is_ascii_alphanumeric() || "().-/_".contains(c);
        if let Some(name) = &want.name
            && !((3..=LIMIT).contains(&name.len()) && name.chars().all(letter))
        {
            let message = format!(
                "a name here is 3 to {LIMIT} letters, digits, dots, dashes, slashes, underscores or parentheses"
            );
            wrong.push(Objection::new("name", message));
        }
        wrong
    }

    fn claims(want: &LaunchTemplateSpec) -> Vec<String> {
        let names = want.name.iter();
        names
            .map(|name| format!("the launch template {name}"))
            .collect()
    }

    fn foretell(want: &LaunchTemplateSpec, mark: &Mark) -> Outputs {
        outputs! { "name" => json!(name(want, mark)) }
    }

    async fn discover(
        cx: &Aws,
        look: &Look,
        _seen: &Seen,
    ) -> Result<Vec<Found<LaunchTemplateLive>>> {
        find(cx, look).await
    }

    async fn create(
        cx: &Aws,
        want: &LaunchTemplateSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<LaunchTemplateLive> {
        const ACTION: &str = "ec2:CreateLaunchTemplate";
        let content = Content::wanted(want, known, chosen(cx, want, known).await?)?;
        let (name, tags) = (name(want, mark), mark.all_tags());
        let call = |token: String| {
            let (content, name, tags) = (&content, &name, &tags);
            async move {
                cx.mutate(Op::again(ACTION), || {
                    cx.ec2
                        .create_launch_template()
                        .client_token(&token)
                        .launch_template_name(name)
                        .set_version_description(content.description())
                        .launch_template_data(content.request(tags))
                        .tag_specifications(marked(ResourceType::LaunchTemplate, mark))
                        .send()
                })
                .await?
                .launch_template
                .and_then(|template| template.launch_template_id)
                .ok_or_else(|| missing(ACTION, "template"))
            }
        };
        let alive = |id: &String| {
            let look = Look::Id(id.clone());
            async move { Ok(!find(cx, &look).await?.is_empty()) }
        };
        match cx.ec2_tokened(mark, call, alive).await {
            Ok(id) => Ok(LaunchTemplateLive {
                id,
                name,
                version: 1,
                content,
                newer: None,
                tags,
            }),
            Err(error) if error.class == ErrorClass::Conflict => {
                let look = Look::Like([("name".to_owned(), name)].into());
                taken(error, find(cx, &look).await?.pop(), mark)
            }
            Err(error) => Err(error),
        }
    }

    async fn update(
        cx: &Aws,
        want: &LaunchTemplateSpec,
        have: &LaunchTemplateLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<LaunchTemplateLive> {
        // The image stays unless the TOML moves it: the plan says what changes, and a newer image of the
        // same family is no part of it.
        let moves = architecture(&want.r#type) != architecture(&have.content.r#type);
        let image = if part.has("image") || moves {
            chosen(cx, want, known).await?
        } else {
            have.content.image.clone()
        };
        let content = Content::wanted(want, known, image)?;
        let content = have.content.changed(content, part);
        let version = match &have.newer {
            // Made by a run that was cut short before it counted.
            Some((version, newer)) if *newer == content => *version,
            _ => add_version(cx, have, &content).await?,
        };
        cx.mutate(Op::again("ec2:ModifyLaunchTemplate"), || {
            cx.ec2
                .modify_launch_template()
                .launch_template_id(&have.id)
                .default_version(version.to_string())
                .send()
        })
        .await?;
        Ok(LaunchTemplateLive {
            version,
            content,
            newer: None,
            ..have.clone()
        })
    }

    async fn delete(cx: &Aws, have: &LaunchTemplateLive, _leave: &Leave) -> Result<()> {
        let call = || cx.ec2.delete_launch_template().launch_template_id(&have.id);
        let op = Op::again("ec2:DeleteLaunchTemplate");
        cx.gone(cx.mutate(op, || call().send()).await)
    }

    async fn tag(cx: &Aws, have: &LaunchTemplateLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.ec2_tag(&have.id, set, unset).await
    }
}

impl LaunchTemplateLive {
    /// What machines that are started from it use, besides itself.
    pub(crate) fn machines_use(&self) -> Vec<String> {
        let uses = LaunchTemplate::uses(self).into_iter();
        uses.map(|used| used.to).collect()
    }
}

/// How long a name may be.
const LIMIT: usize = 128;

fn name(want: &LaunchTemplateSpec, mark: &Mark) -> String {
    want.name.clone().unwrap_or_else(|| mark.name(LIMIT))
}

fn want_image(want: &LaunchTemplateSpec, known: &Known) -> Said {
    known.id(&want.image)
}

fn have_image(have: &LaunchTemplateLive) -> Said {
    let is = &have.content.image;
    Said::of(images::told(is.family.as_deref(), &is.id))
}

/// The image that is wanted, the newest if it is a family.
async fn chosen(cx: &Aws, want: &LaunchTemplateSpec, known: &Known) -> Result<Boot> {
    let images::Chosen { id, root_device } =
        images::choose(cx, &want.image, &want.r#type, known).await?;
    Ok(Boot {
        id,
        family: images::family(&want.image).map(str::to_owned),
        root_device,
    })
}

/// Makes a version of the whole content, which does not count yet.
async fn add_version(cx: &Aws, have: &LaunchTemplateLive, content: &Content) -> Result<i64> {
    const ACTION: &str = "ec2:CreateLaunchTemplateVersion";
    // What the same call made whose answer was lost: never what an earlier change made.
    let last = have
        .newer
        .as_ref()
        .map_or(have.version, |(version, _)| *version);
    let token = mark::digest(&[&have.id, &last.to_string(), &content.digest()]);
    let answer = cx
        .mutate(Op::again(ACTION), || {
            cx.ec2
                .create_launch_template_version()
                .client_token(&token[..32])
                .launch_template_id(&have.id)
                .set_version_description(content.description())
                .launch_template_data(content.request(&have.tags))
                .send()
        })
        .await?;
    answer
        .launch_template_version
        .and_then(|version| version.version_number)
        .ok_or_else(|| missing(ACTION, "version"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use terrace_core::fields::{Effect, FieldChange};

    use super::*;

    fn spec(more: &serde_json::Value) -> LaunchTemplateSpec {
        let mut table = json!({ "image": "al2023", "type": "t3.small" });
        table
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        serde_json::from_value(table).unwrap()
    }

    fn content(want: &LaunchTemplateSpec) -> Content {
        let image = Boot {
            id: "ami-1".into(),
            family: images::family(&want.image).map(str::to_owned),
            root_device: "/dev/xvda".into(),
        };
        Content::wanted(want, &Known::default(), image).unwrap()
    }

    fn live(want: &LaunchTemplateSpec) -> LaunchTemplateLive {
        LaunchTemplateLive {
            id: "lt-1".into(),
            name: "web".into(),
            version: 3,
            content: content(want),
            newer: None,
            tags: Tags::new(),
        }
    }

    fn changes(
        want: &LaunchTemplateSpec,
        have: &LaunchTemplateLive,
    ) -> Vec<(&'static str, Effect)> {
        let changes = LaunchTemplate::fields().diff(want, have, &Known::default());
        let changes = changes.into_iter();
        changes
            .map(|change| (change.field, change.effect))
            .collect()
    }

    #[test]
    fn what_it_was_made_of_is_no_difference() {
        let want = spec(&json!({ "user_data": "#!/bin/sh", "credits": "standard" }));
        assert_eq!(changes(&want, &live(&want)), []);
    }

    #[test]
    fn any_image_of_the_family_will_do() {
        let want = spec(&json!({}));
        let mut have = live(&want);
        have.content.image.id = "ami-2".into();
        assert_eq!(changes(&want, &have), []);
        let pinned = spec(&json!({ "image": "ami-2" }));
        assert_eq!(changes(&pinned, &have), []);
        let other = spec(&json!({ "image": "al2023-minimal" }));
        assert_eq!(changes(&other, &have), [("image", Effect::Update)]);
    }

    #[test]
    fn user_data_is_written_and_never_shown() {
        let want = spec(&json!({ "user_data": "#!/bin/sh\necho hello" }));
        let have = live(&want);
        let request = have.content.request(&Tags::new());
        assert_eq!(request.user_data.unwrap(), "IyEvYmluL3NoCmVjaG8gaGVsbG8=");
        let shown = format!("{have:?} {}", serde_json::to_string(&have).unwrap());
        assert!(
            !shown.contains("IyEv") && !shown.contains("hello"),
            "{shown}"
        );
    }

    #[test]
    fn only_what_changes_is_changed() {
        let old = content(&spec(&json!({ "user_data": "one", "monitoring": true })));
        let new = content(&spec(&json!({ "user_data": "two" })));
        let change = FieldChange::new("user_data", Effect::Update, Said::Nothing, Said::Nothing);
        let part = [change];
        let changed = old.changed(new.clone(), &Part::new(&part));
        assert_eq!(changed.user_data, new.user_data);
        assert!(changed.monitoring);
    }

    #[test]
    fn what_is_started_from_it_carries_tags_but_no_mark() {
        let tags: Tags = [
            ("team", "shop"),
            ("terrace:stack", "shop/prod"),
            ("terrace:id", "launch_template.web"),
            ("terrace:gen", "1"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let request = content(&spec(&json!({}))).request(&tags);
        for on in request.tag_specifications.unwrap() {
            let mut keys: Vec<String> = (on.tags.unwrap().into_iter())
                .filter_map(|tag| tag.key)
                .collect();
            keys.sort();
            assert_eq!(keys, ["team", "terrace:member-of", "terrace:stack"]);
        }
    }
}
