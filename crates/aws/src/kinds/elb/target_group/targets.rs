//! The targets of a group: who they are, how they are, how they come and go.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use aws_sdk_ec2::types::Filter;
use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetHealthDescription};
use futures_util::future::try_join_all;
use serde::Serialize;
use terrace_core::error::Result;
use terrace_core::inventory::Seen;
use terrace_core::kind::Objection;
use terrace_core::known::Known;
use terrace_core::reference::Reference;
use terrace_core::said::Said;

use super::attributes::DELAY;
use super::{TargetGroupLive, TargetGroupSpec, TargetType};
use crate::client::Aws;
use crate::door::Op;
use crate::kinds::ec2::shared::filter;

/// One target.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Target {
    /// An instance's id, or an address.
    pub(super) id: String,
    port: Option<i32>,
    /// AWS's word for how it is.
    state: String,
    /// Why it is so, where it is not healthy.
    reason: Option<String>,
}

impl Target {
    fn read(raw: TargetHealthDescription) -> Option<Self> {
        let target = raw.target?;
        let health = raw.target_health;
        let reason = health.as_ref().and_then(|health| {
            let code = health.reason.as_ref()?.as_str().to_owned();
            Some(match &health.description {
                Some(said) => format!("{code}: {}", said.trim_end_matches('.')),
                None => code,
            })
        });
        let state = health.and_then(|health| health.state);
        Some(Self {
            reason,
            id: target.id?,
            port: target.port,
            state: state.map_or(String::new(), |state| state.as_str().to_owned()),
        })
    }

    /// Whether it ends what it has begun, and is no target any more.
    pub(super) fn is_draining(&self) -> bool {
        self.state == "draining"
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.state == "healthy"
    }

    /// How it is, and why.
    pub(super) fn state(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{} ({reason})", self.state),
            None => self.state.clone(),
        }
    }

    /// What it is called here: its id, with the port if that is not the group's.
    pub(super) fn called(&self, port: i32) -> String {
        match self.port {
            Some(own) if own != port => format!("{} at {own}", self.id),
            _ => self.id.clone(),
        }
    }

    fn description(&self, port: i32) -> TargetDescription {
        // One that was registered with a port of its own is found by that only (API reference,
        // DeregisterTargets).
        let own = self.port.filter(|own| *own != port);
        TargetDescription::builder()
            .id(&self.id)
            .set_port(own)
            .build()
    }
}

/// Who is wanted: instances by their ids, or by their addresses where targets are that.
pub(super) fn wanted(want: &TargetGroupSpec, known: &Known) -> Said {
    let output = match want.r#type {
        TargetType::Instance => "id",
        TargetType::Ip => "private_ip",
    };
    Said::all(
        want.targets
            .iter()
            .map(|target| known.output(target, output)),
    )
}

/// What is wrong with them.
pub(super) fn check(want: &TargetGroupSpec, wrong: &mut Vec<Objection>) {
    let literals = want
        .targets
        .iter()
        .filter_map(|target| match target.names() {
            Reference::Literal(text) => Some(text),
            Reference::Address(_) => None,
        });
    for text in literals {
        let (message, help) = match (want.r#type, text.parse::<Ipv4Addr>()) {
            (TargetType::Instance, Err(_)) if text.starts_with("i-") => continue,
            (TargetType::Ip, Ok(_)) => continue,
            (TargetType::Instance, _) => ("is no instance", "type = \"ip\" takes addresses"),
            (TargetType::Ip, Err(_)) => ("is no address", "write one, such as \"10.0.0.10\""),
        };
        let message = format!("`{text}` {message}");
        wrong.push(Objection::new("targets", message).help(help));
    }
}

/// All targets of a group, those included that are leaving.
pub(super) async fn health(cx: &Aws, arn: &str, seen: &Seen) -> Result<Vec<Target>> {
    let targets = cx.elb_health(arn, seen).await?;
    Ok(targets.iter().cloned().filter_map(Target::read).collect())
}

/// How many values a filter of EC2 takes (API reference, Filter).
const VALUES: usize = 200;

/// Takes the members of autoscaling groups out of the lists of targets: they come and go by the groups'
/// hands. Those of `ours` are known to be that; of the others only their tags tell it (rule R12).
pub(super) async fn mark_members(
    cx: &Aws,
    groups: impl Iterator<Item = &mut TargetGroupLive>,
    ours: BTreeSet<&str>,
) -> Result<()> {
    let groups: Vec<_> = groups.collect();
    let instances = groups.iter().flat_map(|group| {
        let staying = group.targets.values().map(|target| &target.id);
        staying.chain(&group.draining)
    });
    let instances = instances.filter(|id| id.starts_with("i-") && !ours.contains(id.as_str()));
    let instances = instances.cloned();
    let instances: Vec<String> = instances.collect::<BTreeSet<_>>().into_iter().collect();
    let members = instances.chunks(VALUES).map(|ids| members(cx, ids));
    let mut members: BTreeSet<String> =
        try_join_all(members).await?.into_iter().flatten().collect();
    members.extend(ours.into_iter().map(str::to_owned));
    for group in groups {
        group
            .targets
            .retain(|_, target| !members.contains(&target.id));
        group.draining.retain(|id| !members.contains(id));
    }
    Ok(())
}

async fn members(cx: &Aws, ids: &[String]) -> Result<Vec<String>> {
    let these = Filter::builder()
        .name("instance-id")
        .set_values(Some(ids.to_vec()))
        .build();
    let filters = vec![these, filter("tag-key", "aws:autoscaling:groupName")];
    let reservations = cx
        .read("ec2:DescribeInstances", || {
            let call = cx
                .ec2
                .describe_instances()
                .set_filters(Some(filters.clone()));
            let pages = call.into_paginator().page_size(1000).items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let instances = reservations
        .into_iter()
        .flat_map(|one| one.instances.unwrap_or_default());
    Ok(instances
        .filter_map(|instance| instance.instance_id)
        .collect())
}

/// Registers instances or addresses.
pub(super) async fn register(
    cx: &Aws,
    group: &mut TargetGroupLive,
    ids: impl Iterator<Item = &String>,
) -> Result<()> {
    let new = ids.map(|id| Target {
        id: id.clone(),
        port: None,
        state: "initial".to_owned(),
        reason: None,
    });
    let new: Vec<Target> = new.collect();
    if new.is_empty() {
        return Ok(());
    }
    // "The following targets are not in a running state and cannot be registered": it was started a
    // moment ago.
    let op = Op::again("elasticloadbalancing:RegisterTargets")
        .while_busy(&["not in a running state"], 5.0);
    let targets: Vec<_> = new
        .iter()
        .map(|target| target.description(group.port))
        .collect();
    cx.mutate(op, || {
        let call = cx.elb.register_targets().target_group_arn(&group.id);
        call.set_targets(Some(targets.clone())).send()
    })
    .await?;
    group.registered += new.len();
    *group.ill.entry("initial".to_owned()).or_default() += new.len();
    group
        .targets
        .extend(new.into_iter().map(|target| (target.id.clone(), target)));
    Ok(())
}

/// Takes targets out, and waits until they have ended what they had begun: what they are may be deleted
/// then.
pub(super) async fn deregister(
    cx: &Aws,
    group: &mut TargetGroupLive,
    names: impl Iterator<Item = &String>,
) -> Result<()> {
    let old: Vec<Target> = names
        .filter_map(|name| group.targets.remove(name))
        .collect();
    if old.is_empty() {
        return Ok(());
    }
    let targets: Vec<_> = old
        .iter()
        .map(|target| target.description(group.port))
        .collect();
    cx.mutate(Op::again("elasticloadbalancing:DeregisterTargets"), || {
        let call = cx.elb.deregister_targets().target_group_arn(&group.id);
        call.set_targets(Some(targets.clone())).send()
    })
    .await?;
    let delay: f64 = group
        .attribute(DELAY)
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or_default();
    let (id, going) = (&group.id, &old);
    let left = || async move {
        let busy =
            |target: &Target| target.is_draining() && going.iter().any(|gone| gone.id == target.id);
        let busy = health(cx, id, &Seen::default()).await?.iter().any(busy);
        Ok((!busy).then_some(()))
    };
    cx.until(delay / 60.0, "draining the targets that leave", left)
        .await?;
    group.registered = group.registered.saturating_sub(old.len());
    let healthy = old.iter().filter(|target| target.is_healthy()).count();
    group.healthy = group.healthy.saturating_sub(healthy);
    Ok(())
}
