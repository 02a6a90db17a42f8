//! Instances as AWS tells of them.

use std::collections::{HashMap, HashSet};

use aws_sdk_ec2::types::{
    Filter, HttpTokensState, Instance as Machine, InstanceMetadataEndpointState,
    InstanceMetadataTagsState, InstanceType, MonitoringState,
};
use jiff::Timestamp;
use terrace_core::error::Result;
use terrace_core::inventory::Found;
use terrace_core::mark::Tags;
use terrace_core::reference::Id;

use super::super::shared::{filter, tags};
use super::super::volume::{DiskLive, disks};
use super::machine::is_burstable;
use super::{Credits, HttpTokens, InstanceLive, Metadata, Told};
use crate::client::{Aws, missing};

/// Filters of DescribeInstances with names of their own.
pub(super) const WORDS: &[(&str, &str)] = &[
    ("type", "instance-type"),
    ("image", "image-id"),
    ("private_ip", "private-ip-address"),
];

/// All states but `terminated`, in which an instance is still shown for an hour.
pub(super) fn alive() -> Filter {
    Filter::builder()
        .name("instance-state-name")
        .set_values(Some(
            ["pending", "running", "shutting-down", "stopping", "stopped"]
                .map(str::to_owned)
                .into(),
        ))
        .build()
}

/// All instances that fit, but for members of groups and those terminated as somebody wished.
pub(super) async fn described(cx: &Aws, filters: Vec<Filter>) -> Result<Vec<Found<InstanceLive>>> {
    let reservations = cx
        .read("ec2:DescribeInstances", || {
            let pages = cx
                .ec2
                .describe_instances()
                .set_filters(Some(filters.clone()));
            pages
                .into_paginator()
                .page_size(1000)
                .items()
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let machines: Vec<Machine> = reservations
        .into_iter()
        .flat_map(|reservation| reservation.instances.unwrap_or_default())
        .collect();
    let machines: Vec<Machine> = machines
        .into_iter()
        .filter(|machine| {
            !machine
                .tags()
                .iter()
                .any(|tag| tag.key() == Some("aws:autoscaling:groupName"))
        })
        .filter(|machine| state(machine) != "terminated" || failure(machine).is_some())
        .collect();
    let (roots, unlimited) = tokio::try_join!(roots(cx, &machines), unlimited(cx, &machines))?;
    machines
        .into_iter()
        .map(|machine| {
            let tags = tags(machine.tags());
            Ok(Found::new(
                read(cx, &machine, &tags, &roots, &unlimited)?,
                tags,
            ))
        })
        .collect()
}

/// What a creating call made, unless it has been ended since. A launch that failed is shown as that.
pub(super) async fn one(cx: &Aws, id: &str) -> Result<Option<InstanceLive>> {
    let found = described(cx, vec![filter("instance-id", id)]).await?;
    let mut living = found.into_iter().map(|found| found.live);
    Ok(living.find(|live| live.state != "shutting-down" || live.failure.is_some()))
}

/// The root volumes, by their ids. A list of instances says nothing of their disks but ids.
pub(super) async fn roots(cx: &Aws, machines: &[Machine]) -> Result<HashMap<String, DiskLive>> {
    let ids: Vec<String> = machines
        .iter()
        .filter_map(|machine| root(machine).map(str::to_owned))
        .collect();
    let mut found = HashMap::new();
    // AWS takes at most 200 values in a filter.
    for some in ids.chunks(200) {
        let filter = Filter::builder()
            .name("volume-id")
            .set_values(Some(some.to_vec()))
            .build();
        let some = disks(cx, vec![filter]).await?;
        found.extend(some.into_iter().map(|(_, disk)| (disk.id.clone(), disk)));
    }
    Ok(found)
}

/// Which burstable instances have unlimited credits.
pub(super) async fn unlimited(cx: &Aws, machines: &[Machine]) -> Result<HashSet<String>> {
    let bursts =
        |machine: &&Machine| is_burstable(machine.instance_type().map_or("", InstanceType::as_str));
    let ids: Vec<String> = machines
        .iter()
        .filter(bursts)
        .filter_map(|machine| machine.instance_id.clone())
        .collect();
    let mut found = HashSet::new();
    for some in ids.chunks(200) {
        // By filter, because an id that is not there is an error.
        let filter = Filter::builder()
            .name("instance-id")
            .set_values(Some(some.to_vec()))
            .build();
        let answer = cx
            .read("ec2:DescribeInstanceCreditSpecifications", || {
                let call = cx
                    .ec2
                    .describe_instance_credit_specifications()
                    .filters(filter.clone());
                call.into_paginator()
                    .page_size(1000)
                    .items()
                    .send()
                    .collect::<std::result::Result<Vec<_>, _>>()
            })
            .await?;
        let unlimited = answer
            .into_iter()
            .filter(|one| one.cpu_credits() == Some("unlimited"));
        found.extend(unlimited.filter_map(|one| one.instance_id));
    }
    Ok(found)
}

pub(super) fn root(machine: &Machine) -> Option<&str> {
    let device = machine.root_device_name()?;
    let mapping = machine
        .block_device_mappings()
        .iter()
        .find(|mapping| mapping.device_name() == Some(device))?;
    mapping.ebs()?.volume_id()
}

pub(super) fn state(machine: &Machine) -> &str {
    machine
        .state()
        .and_then(|state| state.name())
        .map_or("pending", |name| name.as_str())
}

/// Why a launch came to nothing, such as `Client.VolumeLimitExceeded`. Only of one begun a moment ago: a
/// machine that lived and was ended is no failed launch, whatever ended it.
pub(super) fn failure(machine: &Machine) -> Option<String> {
    let reason = machine.state_reason()?;
    let code = reason.code().unwrap_or_default();
    let wished = [
        "Client.UserInitiatedShutdown",
        "Client.InstanceInitiatedShutdown",
        "pending",
        "",
    ];
    let recent = Timestamp::now().as_second() - 600;
    let begun = machine
        .launch_time()
        .is_some_and(|time| time.secs() > recent);
    (begun && !wished.contains(&code)).then(|| reason.message().unwrap_or(code).to_owned())
}

pub(super) fn read(
    cx: &Aws,
    machine: &Machine,
    tags: &Tags,
    roots: &HashMap<String, DiskLive>,
    unlimited: &HashSet<String>,
) -> Result<InstanceLive> {
    const ACTION: &str = "ec2:DescribeInstances";
    let root = root(machine).map(str::to_owned).unwrap_or_default();
    let attached = machine.block_device_mappings().iter();
    let attached = attached
        .filter_map(|mapping| mapping.ebs()?.volume_id())
        .map(str::to_owned);
    let machine_type = machine
        .instance_type()
        .map(|kind| kind.as_str().to_owned())
        .unwrap_or_default();
    // Optional texts come empty, too.
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let id = machine
        .instance_id
        .clone()
        .ok_or_else(|| missing(ACTION, "instance id"))?;
    Ok(InstanceLive {
        arn: cx.arn("ec2", &format!("instance/{id}")),
        state: state(machine).to_owned(),
        failure: failure(machine),
        image: machine.image_id.clone().unwrap_or_default(),
        architecture: machine
            .architecture()
            .map(|a| a.as_str().to_owned())
            .unwrap_or_default(),
        // None once it is terminated.
        subnet: Id::new(machine.subnet_id.clone().unwrap_or_default()),
        zone: machine
            .placement()
            .and_then(|place| place.availability_zone.clone())
            .unwrap_or_default(),
        security_groups: machine
            .security_groups()
            .iter()
            .filter_map(|group| group.group_id.clone())
            .collect(),
        instance_profile: machine
            .iam_instance_profile()
            .and_then(|profile| profile.arn.clone()),
        key_pair: text(&machine.key_name),
        private_ip: text(&machine.private_ip_address),
        public_ip: text(&machine.public_ip_address),
        private_dns_name: text(&machine.private_dns_name),
        public_dns_name: text(&machine.public_dns_name),
        volumes: attached.filter(|id| *id != root).collect(),
        root: roots.get(&root).cloned().unwrap_or_default(),
        metadata: read_metadata(machine),
        monitoring: machine.monitoring().is_some_and(|monitoring| {
            matches!(
                monitoring.state(),
                Some(MonitoringState::Enabled | MonitoringState::Pending)
            )
        }),
        source_dest_check: machine.source_dest_check.unwrap_or(true),
        credits: is_burstable(&machine_type).then(|| {
            let credits = if unlimited.contains(&id) {
                Credits::Unlimited
            } else {
                Credits::Standard
            };
            credits.word().to_owned()
        }),
        r#type: machine_type,
        told: Told::read(tags),
        id,
    })
}

pub(super) fn read_metadata(machine: &Machine) -> Metadata {
    let options = machine.metadata_options();
    let tokens = options.and_then(|options| options.http_tokens());
    Metadata {
        enabled: options.and_then(|options| options.http_endpoint())
            != Some(&InstanceMetadataEndpointState::Disabled),
        http_tokens: match tokens {
            Some(HttpTokensState::Required) => HttpTokens::Required,
            _ => HttpTokens::Optional,
        },
        hop_limit: options
            .and_then(|options| options.http_put_response_hop_limit)
            .unwrap_or(1),
        tags: options.and_then(|options| options.instance_metadata_tags())
            == Some(&InstanceMetadataTagsState::Enabled),
    }
}
