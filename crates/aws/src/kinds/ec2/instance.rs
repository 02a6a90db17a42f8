//! A machine of one's own, apart from any group (aws-semantics 3.11).

mod change;
mod launch;
mod live;
mod machine;
mod verdict;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::Text;
use terrace_core::error::Result;
use terrace_core::fields::{Fields, Part, Verdict};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Serving,
    Swap,
};
use terrace_core::known::Known;
use terrace_core::late::Late;
use terrace_core::mark::{self, Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Id, Ref};
use terrace_core::said::Said;
use terrace_core::sketch::{Icon, Sketch};

use self::change::{
    set_credits, set_groups, set_metadata, set_monitoring, set_profile, set_protection,
    set_shutdown, set_source_dest_check, set_tag, while_stopped,
};
use self::launch::run;
use self::live::{WORDS, alive, described, one};
pub use self::machine::{Credits, HttpTokens, Metadata, RootVolume};
pub(super) use self::machine::{Machine, fingerprint, member_tags, tell_user_data, user_data};
use self::verdict::{
    have_user_data, profile_verdict, root_verdict, type_verdict, user_data_verdict, want_groups,
    want_user_data,
};
use super::key_pair::KeyPair;
use super::security_group::SecurityGroup;
use super::subnet::Subnet;
use super::volume::{DiskLive, modify};
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::images;
use crate::kinds::iam::instance_profile::InstanceProfile;
use crate::lookups::image::Image;

/// A virtual machine.
///
/// Its root volume goes with it, and no snapshot of that is taken: what must last belongs on a `volume`,
/// in a database or in a bucket. Until `stateless = true` says so, it is taken to hold data.
pub struct Instance;

/// A virtual machine. Its root volume goes with it: what must last belongs on a `volume`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of AWS's")]
pub struct InstanceSpec {
    /// What it starts from: a family (`al2023`, `al2023-minimal`, `ubuntu-24.04`, `debian-12`), of which
    /// the newest image is taken, a looked-up `existing.image`, or an id (`ami-0abc`). Architecture
    /// follows the type. A newer image of the same family is no difference: raise `generation` to move on.
    #[schemars(extend("examples" = ["al2023", "al2023-minimal"]))]
    pub image: Ref<Image>,
    /// Its type, such as `t3.small`. A change stops and starts it: minutes of outage, and another public
    /// address unless an `eip` holds one. Between Intel or AMD and Graviton only `generation` leads.
    #[schemars(extend("examples" = ["t3.micro", "t3.small"]))]
    pub r#type: String,
    /// The subnet it is in. That one decides its zone and whether it gets a public address.
    pub subnet: Ref<Subnet>,
    /// Its firewalls. Absent: the VPC's default one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// The role it acts in. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_profile: Option<Ref<InstanceProfile>>,
    /// The key with which `ssh` opens it. It is written at the first boot and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_pair: Option<Ref<KeyPair>>,
    /// The disk it boots from.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "size": 20, "type": "gp3", "encrypted": true }, { "size": 30 }]))]
    pub root_volume: RootVolume,
    /// What it does at its first boot: a script or cloud-init's YAML, at most 16 KB. Not for secrets:
    /// whoever may describe instances can read it. AWS does not tell it in a list, so a fingerprint of
    /// it is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["#!/bin/sh\necho one", "#!/bin/sh\necho two"]))]
    pub user_data: Option<Late<Text>>,
    /// What a change of `user_data` does. Absent: nothing until the next replacement, and the plan says
    /// so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data_change: Option<UserDataChange>,
    /// How what runs on it learns of itself and of its role.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "hop_limit": 2 }, { "http_tokens": "optional" }]))]
    pub metadata: Metadata,
    /// Whether its metrics come every minute instead of every five (they cost).
    #[serde(default)]
    pub monitoring: bool,
    /// Whether it takes only what is sent to itself. `false` for one that forwards, such as a NAT or VPN.
    #[serde(default = "yes")]
    pub source_dest_check: bool,
    /// What shutting it down from within does.
    #[serde(default)]
    pub shutdown: Shutdown,
    /// Its private address. Absent: one of the subnet's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["10.0.1.10", "10.0.1.11"]))]
    pub private_ip: Option<std::net::Ipv4Addr>,
    /// How it may exceed its share of the processor; only types such as `t3` and `t4g` have one.
    /// Absent: as the account has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits: Option<Credits>,
    /// Whether it runs. `false` stops it: its disks and their cost remain.
    #[serde(default = "yes")]
    pub running: bool,
    /// Whether nothing on its own disks is worth keeping: a fact, not a wish. It may then be replaced
    /// and removed without consent.
    #[serde(default)]
    pub stateless: bool,
}

fn yes() -> bool {
    true
}

/// What a change of user data does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserDataChange {
    /// It is stopped, told and started. cloud-init runs a plain script at the first boot only, so this
    /// is for user data that says otherwise.
    Restart,
    /// It is replaced.
    Replace,
}

/// What shutting an instance down from within does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shutdown {
    /// It is stopped, and can be started again.
    #[default]
    Stop,
    /// It is gone.
    Terminate,
}

impl Shutdown {
    fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Terminate => "terminate",
        }
    }
}

/// An instance as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct InstanceLive {
    id: String,
    arn: String,
    state: String,
    /// Why it is in that state, where AWS says more than that somebody wanted it so.
    failure: Option<String>,
    image: String,
    r#type: String,
    architecture: String,
    subnet: Id<Subnet>,
    zone: String,
    security_groups: Vec<String>,
    /// The profile's ARN.
    instance_profile: Option<String>,
    /// The key's name.
    key_pair: Option<String>,
    private_ip: Option<String>,
    public_ip: Option<String>,
    private_dns_name: Option<String>,
    public_dns_name: Option<String>,
    root: DiskLive,
    /// Other volumes attached to it.
    volumes: Vec<String>,
    metadata: Metadata,
    monitoring: bool,
    source_dest_check: bool,
    credits: Option<String>,
    #[serde(flatten)]
    told: Told,
}

/// What only its tags say, because AWS does not, or not in a list.
#[derive(Clone, Debug, Serialize)]
struct Told {
    /// The image its creation was told, such as `al2023`.
    family: Option<String>,
    /// The fingerprint of its user data, or [`NONE`].
    user_data: Option<String>,
    shutdown: String,
    stateless: bool,
    protect: bool,
}

const STATELESS: &str = "terrace:stateless";
const USER_DATA: &str = "terrace:fp.user_data";
const IMAGE: &str = "terrace:fp.image";
const SHUTDOWN: &str = "terrace:fp.shutdown";
/// The fingerprint of no user data.
const NONE: &str = "none";

impl Told {
    fn read(tags: &Tags) -> Self {
        let says = |key: &str| tags.get(key).is_some_and(|value| value == "true");
        Self {
            family: tags.get(IMAGE).cloned(),
            user_data: tags.get(USER_DATA).cloned(),
            shutdown: tags
                .get(SHUTDOWN)
                .cloned()
                .unwrap_or_else(|| Shutdown::Stop.word().to_owned()),
            stateless: says(STATELESS),
            protect: says(mark::PROTECT),
        }
    }
}

impl Live for InstanceLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! {
            "arn" => json!(self.arn),
            "address" => json!(self.private_ip),
            "private_ip" => json!(self.private_ip),
            "public_ip" => json!(self.public_ip),
            "private_dns_name" => json!(self.private_dns_name),
            "public_dns_name" => json!(self.public_dns_name),
            "zone" => json!(self.zone),
            "root_volume" => json!(self.root.id),
        }
    }
}

impl Kind for Instance {
    const NAME: &'static str = "instance";
    const ABOUT: About = About::new(Class::Data, Create::Token, Swap::CreateFirst)
        .outputs(&[
            "arn",
            "address",
            "private_ip",
            "public_ip",
            "private_dns_name",
            "public_dns_name",
            "zone",
            "root_volume",
        ])
        // What it fetches while it boots needs the way out.
        .after(&[
            "internet_gateway",
            "nat_gateway",
            "route_table",
            "subnet",
            "vpc_endpoint",
        ])
        .actions(&[
            "ec2:DescribeInstances",
            "ec2:DescribeVolumes",
            "ec2:DescribeVolumesModifications",
            "ec2:DescribeInstanceCreditSpecifications",
            "ec2:DescribeImages",
            "ec2:DescribeInstanceTypeOfferings",
            "ec2:DescribeIamInstanceProfileAssociations",
            "ssm:GetParameter",
            "ec2:RunInstances",
            "ec2:StopInstances",
            "ec2:StartInstances",
            "ec2:ModifyInstanceAttribute",
            "ec2:ModifyInstanceMetadataOptions",
            "ec2:ModifyInstanceCreditSpecification",
            "ec2:MonitorInstances",
            "ec2:UnmonitorInstances",
            "ec2:ModifyVolume",
            "ec2:AssociateIamInstanceProfile",
            "ec2:ReplaceIamInstanceProfileAssociation",
            "ec2:DisassociateIamInstanceProfile",
            "iam:PassRole",
            "ec2:TerminateInstances",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ]);
    type Cx = Aws;
    type Spec = InstanceSpec;
    type Live = InstanceLive;

    fn fields() -> Fields<Self> {
        const MOVES: &[&str] = &["public_ip", "public_dns_name"];
        Fields::<Self>::new()
            .decide(
                "image",
                |want, known| known.id(&want.image),
                |have| Said::of(images::told(have.told.family.as_deref(), &have.image)),
                |want, have| {
                    let same = images::same(&want.image, &have.image, have.told.family.as_deref());
                    if same { Verdict::Same } else { Verdict::Replace }
                },
            )
            .decide("type", |want, _| Said::of(&want.r#type), |have| Said::of(&have.r#type), type_verdict)
            .impact(Impact::Outage)
            .disturbs(MOVES)
            .replace("subnet", |want, known| known.id(&want.subnet), |have| Said::of(&have.subnet))
            .update("security_groups", want_groups, |have| Said::set(&have.security_groups))
            .decide(
                "instance_profile",
                |want, known| {
                    Said::or_none(want.instance_profile.as_ref().map(|profile| known.output(profile, "arn")))
                },
                |have| Said::or_none(have.instance_profile.as_ref().map(Said::of)),
                profile_verdict,
            )
            .seed("key_pair")
            .decide(
                "root_volume",
                |want, _| Said::of(&want.root_volume),
                |have| {
                    let DiskLive { size, r#type, iops, throughput, encrypted, .. } = &have.root;
                    Said::of(json!({
                        "size": size, "type": r#type, "iops": iops, "throughput": throughput, "encrypted": encrypted,
                    }))
                },
                root_verdict,
            )
            .decide("user_data", want_user_data, have_user_data, user_data_verdict)
            .tell(|want| tell_user_data(want.user_data.as_ref()), |_| "the text it has".to_owned())
            .seed("user_data_change")
            .update("metadata", |want, _| Said::of(&want.metadata), |have| Said::of(&have.metadata))
            .update("monitoring", |want, _| Said::of(want.monitoring), |have| Said::of(have.monitoring))
            .update(
                "source_dest_check",
                |want, _| Said::of(want.source_dest_check),
                |have| Said::of(have.source_dest_check),
            )
            .update("shutdown", |want, _| Said::of(want.shutdown), |have| Said::of(&have.told.shutdown))
            .replace("private_ip", |want, _| Said::of(want.private_ip), |have| Said::of(&have.private_ip))
            .update("credits", |want, _| Said::of(want.credits), |have| Said::of(&have.credits))
            .decide(
                "running",
                |want, _| Said::of(want.running),
                |have| Said::of(have.runs()),
                |want, _| Verdict::Update(if want.running { Impact::None } else { Impact::Outage }),
            )
            .disturbs(MOVES)
            .update("stateless", |want, _| Said::of(want.stateless), |have| Said::of(have.told.stateless))
    }

    fn class(_want: Option<&InstanceSpec>, have: &InstanceLive) -> Class {
        // What is live counts: a stage that says `stateless` means it once what it holds is done.
        if have.told.stateless {
            Class::Stateless
        } else {
            Class::Data
        }
    }

    fn sketch(want: &InstanceSpec) -> Sketch {
        let disk = want.root_volume.size;
        let disk = disk.map(|size| format!("boot disk {size} GiB"));
        let sketch = Sketch::station("instance", Icon::Machine).note(&want.r#type);
        disk.into_iter().fold(sketch, Sketch::note)
    }

    fn uses(have: &InstanceLive) -> Vec<LiveRef> {
        let mut uses = vec![LiveRef::new("subnet", have.subnet.as_str())];
        uses.extend(
            have.security_groups
                .iter()
                .map(|id| LiveRef::new("security_groups", id)),
        );
        uses.extend(
            have.instance_profile
                .iter()
                .map(|arn| LiveRef::new("instance_profile", arn)),
        );
        uses.extend(
            have.key_pair
                .iter()
                .map(|name| LiveRef::new("key_pair", name)),
        );
        // They go after it: its shutdown is what unmounts them.
        uses.extend(have.volumes.iter().map(|id| LiveRef::new("volumes", id)));
        uses
    }

    fn ready(have: &InstanceLive) -> Ready {
        let why = |state: &str| match &have.failure {
            Some(failure) => format!("{state}: {failure}"),
            None => state.to_owned(),
        };
        match have.state.as_str() {
            "terminated" => Ready::Broken(why("terminated")),
            state @ "shutting-down" => Ready::Dying(why(state)),
            state @ ("pending" | "stopping") => Ready::Coming(state.to_owned()),
            _ if have.root.modifying => Ready::Coming("modifying its root volume".to_owned()),
            _ => Ready::Ready,
        }
    }

    fn serving(have: &InstanceLive) -> Serving {
        match have.state.as_str() {
            "stopped" => Serving::NotYet(have.state.clone()),
            _ => Serving::of(Self::ready(have)),
        }
    }

    fn protected(have: &InstanceLive) -> bool {
        have.told.protect
    }

    fn check(want: &InstanceSpec) -> Vec<Objection> {
        let machine = Machine {
            image: &want.image,
            r#type: &want.r#type,
            root_volume: &want.root_volume,
            user_data: want.user_data.as_ref(),
            metadata: &want.metadata,
            credits: want.credits,
        };
        machine.check()
    }

    fn foretell(want: &InstanceSpec, _mark: &Mark) -> Outputs {
        let mut outputs = Outputs::new();
        if let Some(address) = want.private_ip {
            outputs.insert("address".to_owned(), json!(address));
            outputs.insert("private_ip".to_owned(), json!(address));
        }
        outputs
    }

    async fn discover(cx: &Aws, look: &Look, _seen: &Seen) -> Result<Vec<Found<InstanceLive>>> {
        let mut filters = cx.ec2_filters_by(look, "instance-id", WORDS);
        if !matches!(look, Look::Id(_)) {
            filters.push(alive());
        }
        described(cx, filters).await
    }

    async fn create(
        cx: &Aws,
        want: &InstanceSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<InstanceLive> {
        let chosen = images::choose(cx, &want.image, &want.r#type, known).await?;
        let run = |token: String| run(cx, want, known, mark, &chosen, token);
        let alive = |id: &String| {
            let id = id.clone();
            async move { Ok(one(cx, &id).await?.is_some()) }
        };
        let id = cx.ec2_tokened(mark, run, alive).await?;
        one(cx, &id)
            .await?
            .ok_or_else(|| missing("ec2:DescribeInstances", "instance that was just started"))
    }

    async fn update(
        cx: &Aws,
        want: &InstanceSpec,
        have: &InstanceLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<InstanceLive> {
        let mut live = have.clone();
        if part.has("security_groups") {
            live.security_groups = set_groups(cx, want, have, known).await?;
        }
        if part.has("instance_profile") {
            live.instance_profile = set_profile(cx, want, have, known).await?;
        }
        if part.has("root_volume") {
            let shape = want.root_volume.shape();
            modify(cx, &have.root.id, shape).await?;
            live.root = have.root.becoming(shape);
        }
        if part.has("metadata") {
            set_metadata(cx, want, have).await?;
            live.metadata = want.metadata.clone();
        }
        if part.has("monitoring") {
            set_monitoring(cx, want, have).await?;
            live.monitoring = want.monitoring;
        }
        if part.has("source_dest_check") {
            set_source_dest_check(cx, want, have).await?;
            live.source_dest_check = want.source_dest_check;
        }
        if part.has("shutdown") {
            set_shutdown(cx, want, have).await?;
            want.shutdown.word().clone_into(&mut live.told.shutdown);
        }
        if let (true, Some(credits)) = (part.has("credits"), want.credits) {
            set_credits(cx, have, credits).await?;
            live.credits = Some(credits.word().to_owned());
        }
        if part.has("stateless") {
            set_tag(cx, have, STATELESS, want.stateless.then_some("true")).await?;
            live.told.stateless = want.stateless;
        }
        if part.has_any(&["type", "user_data", "running"]) {
            while_stopped(cx, want, part, &mut live).await?;
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &InstanceLive, _leave: &Leave) -> Result<()> {
        let answer = cx
            .mutate(Op::again("ec2:TerminateInstances"), || {
                cx.ec2.terminate_instances().instance_ids(&have.id).send()
            })
            .await;
        cx.gone(answer)
    }

    async fn tag(cx: &Aws, have: &InstanceLive, set: &Tags, unset: &[String]) -> Result<()> {
        // AWS's own protection follows the tag, and its root volume the tags that are not ours; both
        // first, because the instance's tags are what is compared.
        let protect = (set.get(mark::PROTECT).map(|value| value == "true")).or_else(|| {
            unset
                .iter()
                .any(|key| key == mark::PROTECT)
                .then_some(false)
        });
        if let Some(on) = protect {
            set_protection(cx, &have.id, on).await?;
        }
        let passes = |key: &String| !key.starts_with(mark::OURS);
        let for_root: Tags = set
            .iter()
            .filter(|(key, _)| passes(key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let off_root: Vec<String> = unset.iter().filter(|key| passes(key)).cloned().collect();
        if !have.root.id.is_empty() {
            cx.ec2_tag(&have.root.id, &for_root, &off_root).await?;
        }
        cx.ec2_tag(&have.id, set, unset).await
    }

    async fn unprotect(cx: &Aws, have: &InstanceLive) -> Result<()> {
        set_protection(cx, &have.id, false).await
    }
}

impl InstanceLive {
    fn runs(&self) -> bool {
        matches!(self.state.as_str(), "pending" | "running")
    }
}

#[cfg(test)]
mod tests;
