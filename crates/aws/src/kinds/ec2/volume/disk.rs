//! What volumes and the root volumes of instances have in common: what they are made of, how large
//! and how fast they are.

use std::collections::HashMap;

use aws_sdk_ec2::types::{
    Filter, Volume as Disk, VolumeModification, VolumeModificationState, VolumeType,
};
use futures_util::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::error::Result;
use terrace_core::fields::Verdict;
use terrace_core::kind::{Impact, Objection};

use super::super::shared::filter;
use crate::client::{Aws, missing};
use crate::door::Op;

/// What a disk is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiskType {
    /// Solid state for everything; the default.
    #[default]
    Gp3,
    /// Its predecessor.
    Gp2,
    /// Solid state whose operations a second are paid for one by one.
    Io1,
    /// The same, and more durable.
    Io2,
    /// Magnetic, for much data read in order.
    St1,
    /// Magnetic, for data seldom read.
    Sc1,
    /// Magnetic, of the first generation.
    Standard,
}

impl DiskType {
    /// Its name in TOML and in AWS.
    pub(in crate::kinds::ec2) fn word(self) -> &'static str {
        match self {
            Self::Gp3 => "gp3",
            Self::Gp2 => "gp2",
            Self::Io1 => "io1",
            Self::Io2 => "io2",
            Self::St1 => "st1",
            Self::Sc1 => "sc1",
            Self::Standard => "standard",
        }
    }

    /// Reads AWS's name.
    pub(in crate::kinds::ec2) fn read(word: &str) -> Option<Self> {
        [
            Self::Gp3,
            Self::Gp2,
            Self::Io1,
            Self::Io2,
            Self::St1,
            Self::Sc1,
            Self::Standard,
        ]
        .into_iter()
        .find(|kind| kind.word() == word)
    }
}

/// What the TOML says of a disk, its own or an instance's root; `None`: AWS chooses.
#[derive(Clone, Copy, Debug)]
pub(in crate::kinds::ec2) struct Shape {
    pub(in crate::kinds::ec2) size: Option<i32>,
    pub(in crate::kinds::ec2) r#type: DiskType,
    pub(in crate::kinds::ec2) iops: Option<i32>,
    pub(in crate::kinds::ec2) throughput: Option<i32>,
}

impl Shape {
    /// What AWS would refuse.
    pub(in crate::kinds::ec2) fn check(self, field: &str) -> Vec<Objection> {
        let path = |name: &str| match field {
            "" => name.to_owned(),
            field => format!("{field}.{name}"),
        };
        let mut wrong = Vec::new();
        if self.size.is_some_and(|size| !(1..=65_536).contains(&size)) {
            wrong.push(Objection::new(
                path("size"),
                "a size is in GiB, from 1 to 65536",
            ));
        }
        let word = self.r#type.word();
        if self.iops.is_some()
            && !matches!(self.r#type, DiskType::Gp3 | DiskType::Io1 | DiskType::Io2)
        {
            let message = format!("{word} takes no `iops`");
            wrong.push(
                Objection::new(path("iops"), message).help("leave it out, or write type = \"gp3\""),
            );
        }
        if self.iops.is_none() && matches!(self.r#type, DiskType::Io1 | DiskType::Io2) {
            wrong.push(Objection::new(path("iops"), format!("{word} needs `iops`")));
        }
        if self.throughput.is_some() && self.r#type != DiskType::Gp3 {
            let message = format!("{word} takes no `throughput`");
            wrong.push(
                Objection::new(path("throughput"), message)
                    .help("leave it out, or write type = \"gp3\""),
            );
        }
        wrong
    }

    /// Whether a live disk is so.
    pub(in crate::kinds::ec2) fn fits(self, have: &DiskLive) -> bool {
        let same = |want: Option<i32>, have: Option<i32>| want.is_none() || want == have;
        same(self.size, Some(have.size))
            && self.r#type.word() == have.r#type
            && same(self.iops, have.iops)
            && same(self.throughput, have.throughput)
    }

    /// What a live disk of another size means.
    pub(in crate::kinds::ec2) fn verdict(self, have: &DiskLive) -> Verdict {
        match self.size {
            Some(size) if size < have.size => Verdict::Refuse(format!(
                "a disk of {} GiB cannot shrink to {size}; make another one and copy the files",
                have.size
            )),
            _ => Verdict::Update(Impact::None),
        }
    }
}

/// What AWS says of a disk. While a change is being carried out, it is told as it will be.
#[derive(Clone, Debug, Default, Serialize)]
pub(in crate::kinds::ec2) struct DiskLive {
    pub(in crate::kinds::ec2) id: String,
    pub(in crate::kinds::ec2) size: i32,
    pub(in crate::kinds::ec2) r#type: String,
    pub(in crate::kinds::ec2) iops: Option<i32>,
    pub(in crate::kinds::ec2) throughput: Option<i32>,
    pub(in crate::kinds::ec2) encrypted: bool,
    pub(in crate::kinds::ec2) modifying: bool,
}

impl DiskLive {
    /// The same as it will be, once a change asked for is carried out.
    pub(in crate::kinds::ec2) fn becoming(&self, want: Shape) -> Self {
        Self {
            size: want.size.unwrap_or(self.size),
            r#type: want.r#type.word().to_owned(),
            iops: want.iops.or(self.iops),
            throughput: want.throughput.or(self.throughput),
            modifying: true,
            ..self.clone()
        }
    }
}

/// All disks that fit, with what is being changed of them told as it will be: else a second plan would
/// ask for the same change again.
pub(in crate::kinds::ec2) async fn disks(
    cx: &Aws,
    filters: Vec<Filter>,
) -> Result<Vec<(Disk, DiskLive)>> {
    let disks = cx
        .read("ec2:DescribeVolumes", || {
            let pages = cx.ec2.describe_volumes().set_filters(Some(filters.clone()));
            pages
                .into_paginator()
                .page_size(500)
                .items()
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    // Where there are none, nothing of them is under way. The latest change of a disk tells what it is or will
    // be, also if it ended between the two calls.
    let ids: Vec<String> = disks
        .iter()
        .filter_map(|disk| disk.volume_id.clone())
        .collect();
    let changes = try_join_all(ids.chunks(VALUES).map(|ids| {
        let these = Filter::builder().name("volume-id");
        let these = these.set_values(Some(ids.to_vec())).build();
        modifications(cx, vec![these])
    }));
    let changes: HashMap<String, VolumeModification> =
        changes.await?.into_iter().flatten().collect();
    disks
        .into_iter()
        .map(|disk| {
            let id = disk
                .volume_id
                .clone()
                .ok_or_else(|| missing("ec2:DescribeVolumes", "volume id"))?;
            let change = changes.get(&id).filter(|change| !has_failed(change));
            let target = |pick: fn(&VolumeModification) -> Option<i32>| change.and_then(pick);
            let kind = change
                .and_then(|change| change.target_volume_type.clone())
                .or(disk.volume_type.clone());
            let live = DiskLive {
                size: target(|change| change.target_size)
                    .or(disk.size)
                    .unwrap_or_default(),
                r#type: kind
                    .map(|kind| kind.as_str().to_owned())
                    .unwrap_or_default(),
                iops: target(|change| change.target_iops).or(disk.iops),
                throughput: target(|change| change.target_throughput).or(disk.throughput),
                encrypted: disk.encrypted.unwrap_or_default(),
                modifying: change.is_some_and(|change| {
                    change.modification_state == Some(VolumeModificationState::Modifying)
                }),
                id,
            };
            Ok((disk, live))
        })
        .collect()
}

/// How many values a filter of EC2 takes (API reference, Filter).
const VALUES: usize = 200;

fn has_failed(change: &VolumeModification) -> bool {
    change.modification_state == Some(VolumeModificationState::Failed)
}

async fn modifications(
    cx: &Aws,
    filters: Vec<Filter>,
) -> Result<HashMap<String, VolumeModification>> {
    let changes = cx
        .read("ec2:DescribeVolumesModifications", || {
            let pages = cx
                .ec2
                .describe_volumes_modifications()
                .set_filters(Some(filters.clone()));
            pages
                .into_paginator()
                .page_size(500)
                .items()
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    Ok(changes
        .into_iter()
        .filter_map(|change| Some((change.volume_id.clone()?, change)))
        .collect())
}

/// Changes a disk while it is in use.
pub(in crate::kinds::ec2) async fn modify(cx: &Aws, id: &str, want: Shape) -> Result<()> {
    const BUSY: &str = "IncorrectModificationState";
    let change = || async {
        let answer = cx
            .mutate(Op::once("ec2:ModifyVolume"), || {
                cx.ec2
                    .modify_volume()
                    .volume_id(id)
                    .set_size(want.size)
                    .volume_type(VolumeType::from(want.r#type.word()))
                    .set_iops(want.iops)
                    .set_throughput(want.throughput)
                    .send()
            })
            .await;
        match answer {
            Ok(_) => Ok(Some(())),
            // A change is under way: this very one, if its answer was lost.
            Err(error) if error.is(&[BUSY]) => {
                let under_way = modifications(cx, vec![filter("volume-id", id)]).await?;
                Ok(under_way
                    .get(id)
                    .is_some_and(|change| asks_for(change, want))
                    .then_some(()))
            }
            Err(error) => Err(error),
        }
    };
    let waited = cx.until(1.0, "the change before this one", change).await;
    waited.map_err(|error| match error.operation.as_str() {
        "terrace:wait" => {
            error.hinted("AWS works on a changed volume for hours; apply again later")
        }
        _ => error,
    })
}

fn asks_for(change: &VolumeModification, want: Shape) -> bool {
    let same = |want: Option<i32>, target: Option<i32>| want.is_none() || want == target;
    same(want.size, change.target_size)
        && change
            .target_volume_type
            .as_ref()
            .is_some_and(|kind| kind.as_str() == want.r#type.word())
        && same(want.iops, change.target_iops)
        && same(want.throughput, change.target_throughput)
}
