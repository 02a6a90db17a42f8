//! Changes of a live group.

use std::collections::BTreeSet;

use aws_sdk_autoscaling::types::{DeletionProtection, TrafficSourceIdentifier};
use terrace_core::canon::Duration;
use terrace_core::error::Result;
use terrace_core::fields::Part;
use terrace_core::known::Known;
use terrace_core::mark::{self, Tags};

use super::super::shared::{change, number};
use super::health::Health;
use super::launch::Launch;
use super::live::one;
use super::refresh::Renewal;
use super::{
    AutoscalingGroupLive, AutoscalingGroupSpec, hooks, members, policies, refresh, schedules,
};
use crate::client::Aws;

pub(super) fn protection(on: bool) -> DeletionProtection {
    if on {
        DeletionProtection::PreventAllDeletion
    } else {
        DeletionProtection::None
    }
}

pub(super) async fn protect(cx: &Aws, group: &str, on: bool) -> Result<()> {
    let call = || {
        let call = cx
            .autoscaling
            .update_auto_scaling_group()
            .auto_scaling_group_name(group);
        call.deletion_protection(protection(on)).send()
    };
    cx.mutate(change("autoscaling:UpdateAutoScalingGroup"), call)
        .await
        .map(drop)
}

/// Machines that run already, and their disks, get what new ones would be started with.
pub(super) async fn tag_machines(
    cx: &Aws,
    group: &str,
    set: &Tags,
    unset: &[String],
) -> Result<()> {
    let passes = |key: &String| !key.starts_with(mark::OURS);
    let set: Tags = (set.iter().filter(|(key, _)| passes(key)))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let unset: Vec<String> = unset.iter().filter(|key| passes(key)).cloned().collect();
    if set.is_empty() && unset.is_empty() {
        return Ok(());
    }
    let Some(live) = one(cx, group).await? else {
        return Ok(());
    };
    let all = live
        .staying()
        .flat_map(|member| [&member.id].into_iter().chain(&member.volumes));
    let all: Vec<String> = all.cloned().collect();
    for some in all.chunks(500) {
        cx.ec2_tag_all(some, &set, &unset).await?;
    }
    Ok(())
}

/// One change of a group.
pub(super) struct Change<'a> {
    pub(super) cx: &'a Aws,
    pub(super) want: &'a AutoscalingGroupSpec,
    pub(super) have: &'a AutoscalingGroupLive,
    pub(super) known: &'a Known,
    pub(super) part: &'a Part<'a>,
}

impl Change<'_> {
    /// Carries it out: what is only set first, then what machines must be renewed for.
    pub(super) async fn carry_out(&self) -> Result<()> {
        let launch = self.launch()?;
        self.settings(launch.as_ref()).await?;
        self.target_groups().await?;
        self.policies().await?;
        if self.part.has("schedules") {
            let (want, have) = (&self.want.schedules, &self.have.schedules);
            schedules::set(self.cx, &self.have.id, want, have).await?;
        }
        for key in self.part.added("hooks").keys() {
            if let Some(hook) = self.want.hooks.get(key) {
                hooks::put(self.cx, &self.have.id, key, hook).await?;
            }
        }
        for key in self.part.removed("hooks").keys() {
            hooks::delete(self.cx, &self.have.id, key).await?;
        }
        self.renew(launch.as_ref()).await
    }

    /// What machines are to be started from from now on, if that changes.
    fn launch(&self) -> Result<Option<Launch>> {
        if !self.part.has_any(&["launch_template", "instances"]) {
            return Ok(None);
        }
        let mut launch = Launch::wanted(self.want, self.known)?;
        if !self.part.has("instances") {
            launch.instances.clone_from(&self.have.launch.instances);
        }
        if !self.part.has("launch_template") {
            launch.template.clone_from(&self.have.launch.template);
            launch.version.clone_from(&self.have.launch.version);
        }
        Ok(Some(launch))
    }

    /// Whether a machine must go for it. Only AWS knows the template's own type, so where types of its own
    /// are dropped it decides.
    fn renews(&self, launch: &Launch) -> bool {
        let drops = self.have.launch.instances.is_some() && launch.instances.is_none();
        let mut staying = self.have.staying().peekable();
        staying.peek().is_some() && (drops || staying.any(|member| !member.fits(launch)))
    }

    fn subnets(&self) -> BTreeSet<String> {
        let mut subnets = self.have.subnets.clone();
        subnets.extend(self.part.added("subnets").into_iter().map(|(id, _)| id));
        for id in self.part.removed("subnets").keys() {
            subnets.remove(id);
        }
        subnets
    }

    /// All that one call sets.
    async fn settings(&self, launch: Option<&Launch>) -> Result<()> {
        let Self {
            cx,
            want,
            have,
            part,
            ..
        } = self;
        let bare = cx
            .autoscaling
            .update_auto_scaling_group()
            .auto_scaling_group_name(&have.id);
        let mut call = bare.clone();
        if part.has("min") {
            call = call.min_size(number(want.min));
        }
        if part.has("max") {
            call = call.max_size(number(want.max));
        }
        if part.has("desired") {
            call = call.set_desired_capacity(want.desired.map(number));
        }
        if part.has("health_check") {
            let Health { r#type, grace } = want.health();
            call = call
                .health_check_type(r#type.word())
                .health_check_grace_period(grace.as_i32());
        }
        if part.has("warmup") {
            // UpdateAutoScalingGroup: -1 removes it.
            call = call.default_instance_warmup(want.warmup.map_or(-1, Duration::as_i32));
        }
        if part.has("termination_policies") {
            call = call.set_termination_policies(Some(want.termination_policies.clone()));
        }
        if part.has("capacity_rebalance") {
            call = call.capacity_rebalance(want.capacity_rebalance);
        }
        let subnets = self.subnets();
        if subnets != have.subnets {
            let subnets: Vec<String> = subnets.into_iter().collect();
            call = call.vpc_zone_identifier(subnets.join(","));
        }
        let at_once = launch.filter(|launch| !self.renews(launch));
        if let Some(launch) = at_once {
            let (plain, mixed) = launch.forms();
            call = call
                .set_launch_template(plain)
                .set_mixed_instances_policy(mixed);
        }
        if call.as_input() == bare.as_input() {
            return Ok(());
        }
        let op = change("autoscaling:UpdateAutoScalingGroup")
            .while_busy(&["Invalid IAM Instance Profile"], 2.0);
        cx.mutate(op, || call.clone().send()).await?;
        match (at_once, &have.failure) {
            (Some(_), Some(failure)) => self.next_try(&failure.activity).await,
            _ => Ok(()),
        }
    }

    /// It could not start machines; whether it can now is seen at its next try.
    async fn next_try(&self, last: &str) -> Result<()> {
        let tried = || async {
            let failure = members::failure(self.cx, &self.have.id).await?;
            Ok(failure
                .is_none_or(|failure| failure.activity != last)
                .then_some(()))
        };
        self.cx
            .until(2.0, "the next try to start a machine", tried)
            .await
    }

    async fn target_groups(&self) -> Result<()> {
        let sources =
            |arns: serde_json::Map<String, serde_json::Value>| -> Vec<TrafficSourceIdentifier> {
                let source = |arn: String| {
                    TrafficSourceIdentifier::builder()
                        .identifier(arn)
                        .r#type("elbv2")
                };
                arns.into_iter()
                    .map(|(arn, _)| source(arn).build())
                    .collect()
            };
        let (cx, group) = (self.cx, &self.have.id);
        // AttachTrafficSources and DetachTrafficSources take ten at a time.
        for some in sources(self.part.added("target_groups")).chunks(10) {
            let call = || {
                cx.autoscaling
                    .attach_traffic_sources()
                    .auto_scaling_group_name(group)
            };
            let call = || call().set_traffic_sources(Some(some.to_vec())).send();
            cx.mutate(change("autoscaling:AttachTrafficSources"), call)
                .await?;
        }
        for some in sources(self.part.removed("target_groups")).chunks(10) {
            let call = || {
                cx.autoscaling
                    .detach_traffic_sources()
                    .auto_scaling_group_name(group)
            };
            let call = || call().set_traffic_sources(Some(some.to_vec())).send();
            cx.mutate(change("autoscaling:DetachTrafficSources"), call)
                .await?;
        }
        Ok(())
    }

    async fn policies(&self) -> Result<()> {
        let Self {
            cx,
            want,
            have,
            known,
            part,
        } = self;
        let put = part.added("policies");
        policies::put(cx, want, known, (&have.id, &have.policies), put.keys()).await?;
        for key in part.removed("policies").keys() {
            policies::delete(cx, &have.id, key).await?;
        }
        Ok(())
    }

    async fn renew(&self, launch: Option<&Launch>) -> Result<()> {
        let subnets = self.subnets();
        let left =
            |subnet: &Option<String>| subnet.as_ref().is_some_and(|id| !subnets.contains(id));
        let strays =
            self.part.has("subnets") && self.have.staying().any(|member| left(&member.subnet));
        let to = launch.filter(|launch| self.renews(launch));
        if to.is_none() && !strays {
            return Ok(());
        }
        let renewal = Renewal {
            to: to.filter(|launch| **launch != self.have.launch),
            // What AWS compares is what machines are started from, not where.
            skip_matching: !strays,
            how: &self.want.instance_refresh,
        };
        refresh::start(self.cx, self.have, &renewal).await
    }
}
