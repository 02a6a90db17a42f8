//! A disk with a life of its own (aws-semantics 3.11).

mod disk;
mod snapshot;

use aws_sdk_ec2::types::{
    Filter, ResourceType, Volume as Disk, VolumeAttachmentState, VolumeState, VolumeType,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::Zone;
use terrace_core::error::Result;
use terrace_core::fields::{Fields, Part, Verdict};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{self, Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Id, Ref};
use terrace_core::said::Said;
use terrace_core::sketch::{Role, Sketch};

pub use self::disk::DiskType;
pub(super) use self::disk::{DiskLive, Shape, disks, modify};
use self::snapshot::final_snapshot;
use super::instance::Instance;
use super::shared::{filter, marked, tags};
use crate::client::{Aws, missing};
use crate::door::Op;

/// A disk that outlives the instance it is attached to.
///
/// Whoever takes it out of the TOML gets a final snapshot of it, which is kept on purpose (not in an
/// ephemeral environment).
pub struct Volume;

/// A disk that outlives the instance it is attached to. Taken out, it leaves a final snapshot behind.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeSpec {
    /// The zone it is in, by its letter (`"a"`): that of the instance it is attached to.
    #[schemars(extend("x-no-law" = "it is in the zone of the instance it is attached to"))]
    pub zone: Zone,
    /// Its size in GiB. It grows live, and never shrinks. The file system on it is grown on the
    /// instance (`growpart`, `resize2fs`, `xfs_growfs`). AWS takes at most four changes of a volume in
    /// 24 hours, each after the one before is through.
    #[schemars(extend("examples" = [10, 20]))]
    pub size: i32,
    /// Its type.
    #[serde(default)]
    #[schemars(extend("examples" = ["gp3"]))]
    pub r#type: DiskType,
    /// Its operations a second; only `gp3`, `io1` and `io2` take it. Absent: what the type gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [4000, 3000]))]
    pub iops: Option<i32>,
    /// Its throughput in MiB/s; only `gp3` takes it. Absent: what the type gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [250, 125]))]
    pub throughput: Option<i32>,
    /// Whether it is encrypted, with the account's default key.
    #[serde(default = "yes")]
    pub encrypted: bool,
    /// The snapshot it is filled from when it is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["snap-0123456789abcdef0", "snap-0fedcba9876543210"]))]
    pub snapshot: Option<String>,
    /// The instance it is attached to. Absent: none. Before it is taken from a running instance, it
    /// must be unmounted there, or AWS waits until it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Ref<Instance>>,
    /// The device it is there, such as `/dev/sdf`. Today's instances call it something like
    /// `/dev/nvme1n1`, with this name in the disk's own data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["/dev/sdf", "/dev/sdg"]))]
    pub device: Option<String>,
}

fn yes() -> bool {
    true
}

/// A volume as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct VolumeLive {
    disk: DiskLive,
    zone: String,
    zone_id: String,
    state: String,
    /// The instance it is attached to, the device there, and how far that is.
    instance: Option<Id<Instance>>,
    device: Option<String>,
    attachment: String,
    /// The address in its mark: for the name of its final snapshot.
    address: String,
}

impl Live for VolumeLive {
    fn id(&self) -> &str {
        &self.disk.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "zone" => json!(self.zone) }
    }
}

impl Kind for Volume {
    const NAME: &'static str = "volume";
    const ABOUT: About = About::new(Class::Data, Create::Token, Swap::DeleteFirst)
        .leaves("a final snapshot")
        .outputs(&["zone"])
        .actions(&[
            "ec2:DescribeVolumes",
            "ec2:DescribeVolumesModifications",
            "ec2:CreateVolume",
            "ec2:ModifyVolume",
            "ec2:AttachVolume",
            "ec2:DetachVolume",
            "ec2:DescribeSnapshots",
            "ec2:CreateSnapshot",
            "ec2:DeleteVolume",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ]);
    type Cx = Aws;
    type Spec = VolumeSpec;
    type Live = VolumeLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .decide(
                "zone",
                |want, _| Said::of(&want.zone),
                |have| Said::of(&have.zone),
                |want, have| want.zone.verdict(&have.zone, &have.zone_id),
            )
            .decide(
                "size",
                |want, _| Said::of(want.size),
                |have| Said::of(have.disk.size),
                |want, have| want.shape().verdict(&have.disk),
            )
            .update(
                "type",
                |want, _| Said::of(want.r#type),
                |have| Said::of(&have.disk.r#type),
            )
            .update(
                "iops",
                |want, _| Said::of(want.iops),
                |have| Said::of(have.disk.iops),
            )
            .update(
                "throughput",
                |want, _| Said::of(want.throughput),
                |have| Said::of(have.disk.throughput),
            )
            .replace(
                "encrypted",
                |want, _| Said::of(want.encrypted),
                |have| Said::of(have.disk.encrypted),
            )
            .seed("snapshot")
            .decide(
                "instance",
                |want, known| {
                    Said::or_none(want.instance.as_ref().map(|instance| known.id(instance)))
                },
                |have| Said::or_none(have.instance.as_ref().map(Said::of)),
                |_, have| Verdict::Update(taken_away(have)),
            )
            .late()
            .decide(
                "device",
                |want, _| Said::or_none(want.device.as_ref().map(Said::of)),
                |have| Said::or_none(have.device.as_ref().map(Said::of)),
                |_, have| Verdict::Update(taken_away(have)),
            )
            .late()
    }

    // Not the instance: a volume lives without one. It is the instance that uses its volumes, and so it
    // goes first: AWS detaches them then, all unmounted by its shutdown, while a volume taken from a
    // running instance stays `busy` for as long as it is mounted.
    fn sketch(want: &VolumeSpec) -> Sketch {
        let size = format!("{} GiB {}", want.size, want.r#type.word());
        Sketch::new(Role::Note, "disk").note(size)
    }

    fn uses(_have: &VolumeLive) -> Vec<LiveRef> {
        Vec::new()
    }

    fn ready(have: &VolumeLive) -> Ready {
        match (have.state.as_str(), have.attachment.as_str()) {
            ("creating", _) => Ready::Coming("creating".to_owned()),
            ("deleting" | "deleted", _) => Ready::Dying(have.state.clone()),
            ("error", _) => {
                Ready::Broken("error: its snapshot or its key could not be used".to_owned())
            }
            (_, "busy") => Ready::Coming("detaching: it is still mounted".to_owned()),
            (_, passing @ ("attaching" | "detaching")) => Ready::Coming(passing.to_owned()),
            _ if have.disk.modifying => Ready::Coming("modifying".to_owned()),
            _ => Ready::Ready,
        }
    }

    fn check(want: &VolumeSpec) -> Vec<Objection> {
        let mut wrong = want.shape().check("");
        match (&want.instance, &want.device) {
            (Some(_), None) => {
                let message = "a volume that is attached to an instance is a device there";
                wrong.push(Objection::new("device", message).help("write device = \"/dev/sdf\""));
            }
            (None, Some(_)) => {
                wrong.push(Objection::new("device", "a device of which `instance`?"));
            }
            _ => {}
        }
        if want
            .device
            .as_ref()
            .is_some_and(|device| !device.starts_with("/dev/"))
        {
            let help = "write \"/dev/sdf\" to \"/dev/sdp\"";
            wrong.push(Objection::new("device", "a device begins with /dev/").help(help));
        }
        wrong
    }

    async fn discover(cx: &Aws, look: &Look, _seen: &Seen) -> Result<Vec<Found<VolumeLive>>> {
        let filters = cx.ec2_filters_by(look, "volume-id", WORDS);
        let disks = disks(cx, filters).await?;
        // The mark alone says "ours", but a root volume has the stack's tag too.
        Ok(disks
            .into_iter()
            .filter(|(disk, _)| disk.state != Some(VolumeState::Deleted))
            .map(|(disk, live)| {
                let tags = tags(disk.tags());
                Found::new(read(&disk, live, &tags), tags)
            })
            .collect())
    }

    async fn create(
        cx: &Aws,
        want: &VolumeSpec,
        _known: &Known,
        mark: &Mark,
    ) -> Result<VolumeLive> {
        let make = |token: String| make(cx, want, mark, token);
        let alive = |id: &String| {
            let filters = vec![filter("volume-id", id)];
            async move { Ok(living(cx, filters).await?.is_some()) }
        };
        let id = cx.ec2_tokened(mark, make, alive).await?;
        let seen = living(cx, vec![filter("volume-id", &id)]).await?;
        seen.ok_or_else(|| missing("ec2:DescribeVolumes", "volume that was just made"))
    }

    async fn update(
        cx: &Aws,
        want: &VolumeSpec,
        have: &VolumeLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<VolumeLive> {
        let mut live = have.clone();
        if part.has_any(&["size", "type", "iops", "throughput"]) {
            modify(cx, &have.disk.id, want.shape()).await?;
            live.disk = have.disk.becoming(want.shape());
        }
        if part.has_any(&["instance", "device"]) {
            if have.instance.is_some() {
                detach(cx, have).await?;
                (live.instance, live.device, live.attachment) = (None, None, String::new());
            }
            if let (Some(instance), Some(device)) = (&want.instance, &want.device) {
                let instance = known.need(instance)?;
                attach(cx, &have.disk.id, &instance, device).await?;
                live.instance = Some(instance);
                live.device = Some(device.clone());
                "attaching".clone_into(&mut live.attachment);
            }
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &VolumeLive, leave: &Leave) -> Result<()> {
        // Its instance may have gone just before, and taken the attachment with it.
        let id = &have.disk.id;
        let Some(now) = living(cx, vec![filter("volume-id", id)]).await? else {
            return Ok(());
        };
        if now.instance.is_some() {
            detach(cx, &now).await?;
        }
        if !leave.ephemeral {
            final_snapshot(cx, &now, leave).await?;
        }
        let op = Op::again("ec2:DeleteVolume").while_busy(&["VolumeInUse", "IncorrectState"], 5.0);
        cx.gone(
            cx.mutate(op, || cx.ec2.delete_volume().volume_id(id).send())
                .await,
        )
    }

    async fn tag(cx: &Aws, have: &VolumeLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.ec2_tag(&have.disk.id, set, unset).await
    }

    async fn clear(cx: &Aws, have: &VolumeLive, _field: &str) -> Result<()> {
        if have.instance.is_some() {
            detach(cx, have).await?;
        }
        Ok(())
    }
}

/// Filters of DescribeVolumes with names of their own.
const WORDS: &[(&str, &str)] = &[
    ("type", "volume-type"),
    ("instance", "attachment.instance-id"),
];

impl VolumeSpec {
    fn shape(&self) -> Shape {
        Shape {
            size: Some(self.size),
            r#type: self.r#type,
            iops: self.iops,
            throughput: self.throughput,
        }
    }
}

/// Whoever reads from it stands still until it is back; a new attachment disturbs nobody.
fn taken_away(have: &VolumeLive) -> Impact {
    if have.instance.is_some() {
        Impact::Outage
    } else {
        Impact::None
    }
}

async fn make(cx: &Aws, want: &VolumeSpec, mark: &Mark, token: String) -> Result<String> {
    const ACTION: &str = "ec2:CreateVolume";
    let answer = cx
        .mutate(Op::again(ACTION), || {
            let call = cx.ec2.create_volume().client_token(&token);
            let call = match want.zone.id() {
                Some(id) => call.availability_zone_id(id),
                None => call.availability_zone(want.zone.in_region(&cx.region)),
            };
            call.size(want.size)
                .volume_type(VolumeType::from(want.r#type.word()))
                .set_iops(want.iops)
                .set_throughput(want.throughput)
                .encrypted(want.encrypted)
                .set_snapshot_id(want.snapshot.clone())
                .tag_specifications(marked(ResourceType::Volume, mark))
                .send()
        })
        .await?;
    answer.volume_id.ok_or_else(|| missing(ACTION, "volume id"))
}

/// The volume that fits, if it lives.
async fn living(cx: &Aws, filters: Vec<Filter>) -> Result<Option<VolumeLive>> {
    let found = disks(cx, filters).await?.into_iter();
    let mut alive = found
        .map(|(disk, live)| read(&disk, live, &tags(disk.tags())))
        .filter(|live| !matches!(live.state.as_str(), "deleting" | "deleted"));
    Ok(alive.next())
}

fn read(disk: &Disk, live: DiskLive, tags: &Tags) -> VolumeLive {
    let attachment = disk
        .attachments()
        .iter()
        .find(|one| one.state != Some(VolumeAttachmentState::Detached));
    // One on its way out is no attachment any more, but the volume is not free yet.
    let leaving = |state: Option<&VolumeAttachmentState>| {
        matches!(
            state,
            Some(VolumeAttachmentState::Detaching | VolumeAttachmentState::Busy)
        )
    };
    let held = attachment.filter(|one| !leaving(one.state.as_ref()));
    let word = |state: Option<&str>| state.unwrap_or_default().to_owned();
    VolumeLive {
        disk: live,
        zone: disk.availability_zone.clone().unwrap_or_default(),
        zone_id: disk.availability_zone_id.clone().unwrap_or_default(),
        state: word(disk.state.as_ref().map(VolumeState::as_str)),
        instance: held.and_then(|one| one.instance_id.clone()).map(Id::new),
        device: held.and_then(|one| one.device.clone()),
        attachment: word(
            attachment
                .and_then(|one| one.state.as_ref())
                .map(VolumeAttachmentState::as_str),
        ),
        address: tags.get(mark::ID).cloned().unwrap_or_default(),
    }
}

async fn attach(cx: &Aws, id: &str, instance: &Id<Instance>, device: &str) -> Result<()> {
    // An instance that is just starting takes no volume yet.
    let op = Op::again("ec2:AttachVolume").while_busy(&["IncorrectState"], 5.0);
    let answer = cx
        .mutate(op, || {
            cx.ec2
                .attach_volume()
                .volume_id(id)
                .instance_id(instance.as_str())
                .device(device)
                .send()
        })
        .await;
    let Err(error) = answer else { return Ok(()) };
    // A repeated call finds its own work done.
    let now = living(cx, vec![filter("volume-id", id)]).await?;
    let done = now.is_some_and(|now| {
        now.instance.as_ref() == Some(instance) && now.device.as_deref() == Some(device)
    });
    if error.is(&["VolumeInUse"]) && done {
        Ok(())
    } else {
        Err(error)
    }
}

/// Takes it from its instance, and waits until it is free.
async fn detach(cx: &Aws, have: &VolumeLive) -> Result<()> {
    let id = &have.disk.id;
    let answer = cx
        .mutate(Op::again("ec2:DetachVolume"), || {
            cx.ec2.detach_volume().volume_id(id).send()
        })
        .await;
    match answer {
        // It is free already, or will be: its instance has gone.
        Err(error) if !error.is(&["IncorrectState"]) => return cx.gone(Err::<(), _>(error)),
        _ => {}
    }
    let free = || async {
        let now = disks(cx, vec![filter("volume-id", id)]).await?;
        let held = now
            .iter()
            .any(|(disk, _)| disk.state == Some(VolumeState::InUse));
        Ok((!held).then_some(()))
    };
    let waited = cx
        .until(1.0, "taking the volume from its instance", free)
        .await;
    waited.map_err(|error| {
        error
            .hinted("unmount it on the instance (`umount`), or stop the instance, and run it again")
    })
}
