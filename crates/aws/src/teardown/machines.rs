//! What a teardown may leave behind in EC2: machines, disks, their snapshots, addresses, interfaces.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, NetworkInterfaceStatus};
use terrace_core::error::Result;
use terrace_core::mark::{self, Tags};

use super::{Fate, Ours, Rest};
use crate::client::Aws;
use crate::kinds::ec2::shared::{filter, tags};

/// What is listed here.
pub(super) const LISTED: &[&str] = &[
    "instances",
    "volumes",
    "volume snapshots",
    "addresses",
    "network interfaces",
];

/// How many values AWS takes in one filter.
const VALUES: usize = 200;

/// All of a paginated list for each of several filters.
macro_rules! list {
    ($cx:expr, $action:literal, $call:ident, $looks:expr) => {{
        let mut all = Vec::new();
        for look in $looks {
            let some = $cx
                .read($action, || {
                    let pages = $cx.ec2.$call().set_filters(Some(look.clone()));
                    pages
                        .into_paginator()
                        .items()
                        .send()
                        .collect::<std::result::Result<Vec<_>, _>>()
                })
                .await?;
            all.extend(some);
        }
        all
    }};
}

/// Of what there is something with our mark, with a name of ours, or kept for us: ids, as the tags tell. One list
/// of tags for all of them spares the lists of those of which there is none.
struct Tagged {
    marked: Vec<String>,
    named: Vec<String>,
    kept: Vec<String>,
}

impl Tagged {
    async fn of(cx: &Aws, ours: &Ours) -> Result<Self> {
        let prefix = format!("{}*", ours.prefix);
        let (marked, named, kept) = tokio::try_join!(
            tagged(cx, mark::STACK, &ours.owner),
            tagged(cx, "Name", &prefix),
            tagged(cx, mark::KEPT, &ours.owner),
        )?;
        Ok(Self {
            marked,
            named,
            kept,
        })
    }
}

/// The ids of all in EC2 that has a tag with this key and value.
pub(super) async fn tagged(cx: &Aws, key: &str, value: &str) -> Result<Vec<String>> {
    let filters = vec![filter("key", key), filter("value", value)];
    let found = list!(cx, "ec2:DescribeTags", describe_tags, [filters]);
    Ok(found
        .into_iter()
        .filter_map(|tag| tag.resource_id)
        .collect())
}

/// Whether an id is among them that begins so.
fn any(ids: &[String], kind: &str) -> bool {
    ids.iter().any(|id| id.starts_with(kind))
}

/// Finds them.
pub(super) async fn look(cx: &Aws, ours: &Ours) -> Result<Vec<Fate>> {
    let tagged = &Tagged::of(cx, ours).await?;
    let (machines, disks, snapshots, addresses, interfaces) = tokio::try_join!(
        instances(cx, ours, tagged),
        volumes(cx, ours, tagged),
        snapshots(cx, ours, tagged),
        addresses(cx, ours, tagged),
        interfaces(cx, ours, tagged),
    )?;
    // Several filters may find the same.
    let mut all: BTreeMap<String, Fate> = BTreeMap::new();
    for fate in [machines, disks, snapshots, addresses, interfaces]
        .into_iter()
        .flatten()
    {
        let (Fate::Remains(rest) | Fate::Kept(rest)) = &fate;
        all.insert(rest.id.clone(), fate);
    }
    Ok(all.into_values().collect())
}

/// By mark, by name, and by what of ours a thing is in or of. Ids begin with `kind`.
fn looks(
    (ours, tagged): (&Ours, &Tagged),
    kind: &str,
    (by, values): (&str, &[String]),
) -> Vec<Vec<Filter>> {
    let mut looks = Vec::new();
    if any(&tagged.marked, kind) {
        looks.push(vec![filter(format!("tag:{}", mark::STACK), &ours.owner)]);
    }
    if any(&tagged.named, kind) {
        looks.push(vec![filter("tag:Name", format!("{}*", ours.prefix))]);
    }
    looks.extend(values.chunks(VALUES).map(|some| {
        let filter = Filter::builder().name(by).set_values(Some(some.to_vec()));
        vec![filter.build()]
    }));
    looks
}

/// Why something is ours: by its tags, or by what of ours it is in.
fn why(ours: &Ours, tags: &Tags, held: Option<&str>, known: &[String]) -> Option<String> {
    let named = tags.get("Name").map(String::as_str);
    ours.why(tags, named).or_else(|| {
        let held = held.filter(|held| known.iter().any(|id| id == held))?;
        Some(format!("{held} was ours, and it is still there"))
    })
}

async fn instances(cx: &Aws, ours: &Ours, tagged: &Tagged) -> Result<Vec<Fate>> {
    // A terminated one is listed for about an hour, and costs nothing
    // (EC2 User Guide, "Terminate Amazon EC2 instances").
    let states = ["pending", "running", "stopping", "stopped"];
    let living = Filter::builder()
        .name("instance-state-name")
        .set_values(Some(states.map(str::to_owned).to_vec()))
        .build();
    let mut looks = looks((ours, tagged), "i-", ("vpc-id", &ours.networks));
    for look in &mut looks {
        look.push(living.clone());
    }
    let mut found = Vec::new();
    for look in looks {
        let pages = cx
            .read("ec2:DescribeInstances", || {
                let pages = cx.ec2.describe_instances().set_filters(Some(look.clone()));
                pages
                    .into_paginator()
                    .items()
                    .send()
                    .collect::<std::result::Result<Vec<_>, _>>()
            })
            .await?;
        found.extend(
            pages
                .into_iter()
                .flat_map(|page| page.instances.unwrap_or_default()),
        );
    }
    let fate = |one: &aws_sdk_ec2::types::Instance| {
        let why = why(ours, &tags(one.tags()), one.vpc_id(), &ours.networks)?;
        let remove = "aws ec2 terminate-instances --instance-ids";
        Some(Fate::Remains(ours.rest(
            "instance",
            one.instance_id()?,
            why,
            remove,
        )))
    };
    Ok(found.iter().filter_map(fate).collect())
}

async fn volumes(cx: &Aws, ours: &Ours, tagged: &Tagged) -> Result<Vec<Fate>> {
    let looks = looks(
        (ours, tagged),
        "vol-",
        ("attachment.instance-id", &ours.instances),
    );
    let found = list!(cx, "ec2:DescribeVolumes", describe_volumes, looks);
    let fate = |one: &aws_sdk_ec2::types::Volume| {
        use aws_sdk_ec2::types::VolumeState;
        if matches!(
            one.state(),
            Some(VolumeState::Deleting | VolumeState::Deleted)
        ) {
            return None;
        }
        let mut machines = one.attachments().iter().filter_map(|one| one.instance_id());
        let held = machines.next();
        let why = why(ours, &tags(one.tags()), held, &ours.instances)?;
        let remove = "aws ec2 delete-volume --volume-id";
        Some(Fate::Remains(ours.rest(
            "volume",
            one.volume_id()?,
            why,
            remove,
        )))
    };
    Ok(found.iter().filter_map(fate).collect())
}

async fn snapshots(cx: &Aws, ours: &Ours, tagged: &Tagged) -> Result<Vec<Fate>> {
    let mut looks = looks((ours, tagged), "snap-", ("volume-id", &ours.volumes));
    if any(&tagged.kept, "snap-") {
        looks.push(vec![filter(format!("tag:{}", mark::KEPT), &ours.owner)]);
    }
    for look in &mut looks {
        // Without it those of everybody who shares theirs are searched, too.
        look.push(filter("owner-id", &cx.identity.account));
    }
    let found = list!(cx, "ec2:DescribeSnapshots", describe_snapshots, looks);
    let fate = |one: &aws_sdk_ec2::types::Snapshot| {
        let tags = tags(one.tags());
        let remove = "aws ec2 delete-snapshot --snapshot-id";
        let rest = |why: String| -> Option<Rest> {
            Some(ours.rest("volume snapshot", one.snapshot_id()?, why, remove))
        };
        if tags.get(mark::KEPT) == Some(&ours.owner) {
            let of = tags.get(mark::KEPT_OF).map_or("a volume", String::as_str);
            return rest(format!("the final snapshot of {of}")).map(Fate::Kept);
        }
        let named = tags.get("Name").map(String::as_str);
        if let Some(why) = ours.why(&tags, named) {
            return rest(why).map(Fate::Remains);
        }
        let of = one.volume_id()?;
        if !ours.volumes.iter().any(|id| id == of) {
            return None;
        }
        rest(format!(
            "made from {of}, which was ours, and not by terrace"
        ))
        .map(Fate::Kept)
    };
    Ok(found.iter().filter_map(fate).collect())
}

async fn addresses(cx: &Aws, ours: &Ours, tagged: &Tagged) -> Result<Vec<Fate>> {
    let mut found = Vec::new();
    // This list has no pages.
    for look in looks(
        (ours, tagged),
        "eipalloc-",
        ("instance-id", &ours.instances),
    ) {
        let answer = cx
            .read("ec2:DescribeAddresses", || {
                cx.ec2
                    .describe_addresses()
                    .set_filters(Some(look.clone()))
                    .send()
            })
            .await?;
        found.extend(answer.addresses.unwrap_or_default());
    }
    let fate = |one: &aws_sdk_ec2::types::Address| {
        let why = why(ours, &tags(one.tags()), one.instance_id(), &ours.instances)?;
        let remove = "aws ec2 release-address --allocation-id";
        Some(Fate::Remains(ours.rest(
            "address",
            one.allocation_id()?,
            why,
            remove,
        )))
    };
    Ok(found.iter().filter_map(fate).collect())
}

async fn interfaces(cx: &Aws, ours: &Ours, tagged: &Tagged) -> Result<Vec<Fate>> {
    let looks = looks((ours, tagged), "eni-", ("vpc-id", &ours.networks));
    let found = list!(
        cx,
        "ec2:DescribeNetworkInterfaces",
        describe_network_interfaces,
        looks
    );
    let fate = |one: &aws_sdk_ec2::types::NetworkInterface| {
        let why = why(ours, &tags(one.tag_set()), one.vpc_id(), &ours.networks)?;
        let why = match one.description().filter(|text| !text.is_empty()) {
            Some(text) => format!("{why}; AWS says of it: {text}"),
            None => why,
        };
        let remove = "aws ec2 delete-network-interface --network-interface-id";
        let rest = ours.rest(
            "network interface",
            one.network_interface_id()?,
            why,
            remove,
        );
        Some(Fate::Remains(Rest {
            // The interface is free; what it is the interface of is not (Amazon VPC pricing).
            billable: one.status() == Some(&NetworkInterfaceStatus::InUse),
            ..rest
        }))
    };
    Ok(found.iter().filter_map(fate).collect())
}
