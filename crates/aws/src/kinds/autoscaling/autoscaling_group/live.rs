//! Groups as AWS tells of them.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_autoscaling::types::{AutoScalingGroup as Told, DeletionProtection, Filter};
use aws_sdk_ec2::types::Instance as Machine;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;
use terrace_core::canon::Duration;
use terrace_core::error::Result;
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{Live, Ready};
use terrace_core::mark;

use super::super::shared::{if_there, tags};
use super::health::{Health, HealthType};
use super::hooks::{self, Hooks};
use super::launch::Launch;
use super::members::{self, Failure, Member};
use super::policies::{self, Policies};
use super::refresh::{self, Refresh};
use super::schedules::{self, Schedules};
use crate::client::{Aws, missing};
use crate::kinds::ec2::launch_template::LaunchTemplate;

/// An autoscaling group as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct AutoscalingGroupLive {
    pub(super) id: String,
    pub(super) arn: String,
    /// Said only while it is being deleted.
    pub(super) status: Option<String>,
    /// What it starts machines from.
    pub(super) launch: Launch,
    pub(super) subnets: BTreeSet<String>,
    /// By ARN.
    pub(super) target_groups: BTreeSet<String>,
    pub(super) min: i32,
    pub(super) max: i32,
    pub(super) desired: i32,
    pub(super) health_check: Health,
    pub(super) warmup: Option<Duration>,
    pub(super) termination_policies: Vec<String>,
    pub(super) capacity_rebalance: bool,
    pub(super) protected: bool,
    pub(super) policies: Policies,
    pub(super) schedules: Schedules,
    pub(super) hooks: Hooks,
    pub(super) members: Vec<Member>,
    /// Target groups on their way in or out, in words.
    pub(super) passing: Vec<String>,
    pub(super) refresh: Option<Refresh>,
    /// Told only while machines are missing.
    pub(super) failure: Option<Failure>,
    /// What machines use besides, by way of the template.
    #[serde(skip)]
    pub(super) machines_use: Vec<String>,
    /// When all this was seen.
    #[serde(skip)]
    pub(super) seen: Timestamp,
}

impl AutoscalingGroupLive {
    /// The ids of its machines, however they are.
    pub(crate) fn machines(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.id.as_str())
    }

    /// Machines that serve, or will.
    pub(super) fn staying(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.stays())
    }

    fn renewing(&self) -> Option<&Refresh> {
        self.refresh.as_ref().filter(|refresh| refresh.is_active())
    }

    /// What its machines are started from: what they are renewed to, while that goes on; else what one of
    /// them was started from, where that is not what new ones would be: they are yet to be renewed.
    pub(super) fn effective(&self) -> Launch {
        if let Some(refresh) = self.renewing() {
            return refresh.leads_to().unwrap_or(&self.launch).clone();
        }
        let mut launch = self.launch.clone();
        let Some(other) = self.staying().find(|member| !member.fits(&self.launch)) else {
            return launch;
        };
        let template = other.template.as_ref();
        if let Some((template, version)) = template.filter(|_| launch.is_fixed()) {
            launch.template.clone_from(template);
            launch.version.clone_from(version);
        }
        if let Some(instances) = &mut launch.instances
            && !instances.types.contains(&other.r#type)
        {
            instances.types.push(other.r#type.clone());
        }
        launch
    }

    /// The subnets it stands in: also those in which machines are left that are yet to be renewed.
    pub(super) fn standing(&self) -> BTreeSet<String> {
        let mut subnets = self.subnets.clone();
        if self.renewing().is_none() {
            subnets.extend(self.staying().filter_map(|member| member.subnet.clone()));
        }
        subnets
    }

    /// Whether its size moves by itself.
    fn moves(&self) -> bool {
        !self.policies.is_empty() || !self.schedules.is_empty()
    }

    /// How many machines serve, and how many should.
    fn serving(&self) -> (usize, usize) {
        let serving = self.members.iter().filter(|member| member.serves()).count();
        let wanted = if self.moves() { self.min } else { self.desired };
        (serving, usize::try_from(wanted).unwrap_or_default())
    }

    pub(super) fn ready(&self) -> Ready {
        if self.status.is_some() {
            return Ready::Dying("being deleted".to_owned());
        }
        let failure = self.failure.as_ref();
        let told = failure.map_or(String::new(), |failure| {
            format!("; the last try to start one failed: {}", failure.message)
        });
        if let Some(refresh) = self.renewing() {
            let since = refresh.started.unwrap_or(i64::MAX);
            let hopeless = failure.filter(|failure| failure.at >= since && failure.is_permanent());
            return match hopeless {
                Some(failure) => Ready::Stuck(format!(
                    "renewing its machines gets no further: {}",
                    failure.message
                )),
                None => Ready::Coming(format!("{}{told}", refresh.progress())),
            };
        }
        let (serving, wanted) = self.serving();
        if serving < wanted {
            return match failure.filter(|failure| failure.is_permanent()) {
                Some(failure) => {
                    Ready::Stuck(format!("it cannot start machines: {}", failure.message))
                }
                None => Ready::Coming(format!(
                    "at {serving} of {wanted} machines in service{told}"
                )),
            };
        }
        if let Some(why) =
            (self.refresh.as_ref()).and_then(|refresh| refresh.failed(&self.launch, self.seen))
        {
            return Ready::Stuck(why);
        }
        match self.passing.first() {
            Some(passing) => Ready::Coming(passing.clone()),
            None => Ready::Ready,
        }
    }

    /// Typical minutes until it is ready; `each` is what a machine takes to start.
    pub(super) fn patience(&self, usual: f64, each: f64) -> f64 {
        if self.renewing().is_none() {
            return usual;
        }
        self.renewal(each).max(usual)
    }

    /// Typical minutes of a renewal: it takes one machine after the other at worst, each with its start and
    /// the time in which it gets warm.
    pub(super) fn renewal(&self, each: f64) -> f64 {
        // RefreshPreferences, InstanceWarmup: the group's, or else its grace period.
        let warm = self.warmup.unwrap_or(self.health_check.grace).as_i32();
        f64::from(self.desired) * (each + f64::from(warm) / 60.0)
    }
}

/// All groups that fit.
pub(super) async fn find(
    cx: &Aws,
    look: &Look,
    seen: &Seen,
) -> Result<Vec<Found<AutoscalingGroupLive>>> {
    let groups = list(cx, look).await?;
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let alive = groups.iter().filter(|group| group.status.is_none());
    let names: Vec<String> = alive
        .filter_map(|group| group.auto_scaling_group_name.clone())
        .collect();
    let machines = members::machines(cx, &names).await?;
    // What its template names is known to the template: a listing of ours waits for that of templates.
    let templates = match look {
        Look::Ours => seen.all::<LaunchTemplate>().await?,
        _ => Vec::new(),
    };
    let uses: HashMap<&str, Vec<String>> = (templates.iter())
        .map(|found| (found.live.id(), found.live.machines_use()))
        .collect();
    let read = groups.into_iter().map(|group| {
        let (machines, uses) = (&machines, &uses);
        async move {
            let tags = tags(group.tags.as_deref().unwrap_or_default());
            let Some(mut live) = if_there(Box::pin(read(cx, group, machines, seen)).await)? else {
                return Ok(None);
            };
            let templates = live.templates();
            let used = templates.iter().filter_map(|id| uses.get(id.as_str()));
            live.machines_use = used.flatten().cloned().collect();
            Ok(Some(Found::new(live, tags)))
        }
    });
    Ok(try_join_all(read).await?.into_iter().flatten().collect())
}

impl AutoscalingGroupLive {
    /// The templates that it starts machines from, did, or will.
    pub(super) fn templates(&self) -> BTreeSet<String> {
        let own = [self.launch.template.clone()];
        let coming = self.renewing().and_then(Refresh::leads_to);
        let coming = coming.map(|launch| launch.template.clone());
        let old = self.staying().filter_map(|member| member.template.clone());
        let old = old.map(|(template, _)| template);
        let all = own.into_iter().chain(coming).chain(old);
        all.filter(|id| !id.is_empty()).collect()
    }
}

async fn list(cx: &Aws, look: &Look) -> Result<Vec<Told>> {
    let mut names: Option<Vec<String>> = None;
    let mut filters = Vec::new();
    let mut tagged = |key: &str, value: &str| {
        let filter = Filter::builder().name(format!("tag:{key}")).values(value);
        filters.push(filter.build());
    };
    match look {
        Look::Ours => tagged(mark::STACK, &cx.owner()),
        Look::Id(name) => names = Some(vec![name.clone()]),
        Look::Like(like) => {
            for (property, value) in like {
                match property.strip_prefix("tags.") {
                    Some(key) => tagged(key, value),
                    None => names = Some(vec![value.clone()]),
                }
            }
        }
    }
    cx.read("autoscaling:DescribeAutoScalingGroups", || {
        let call = cx.autoscaling.describe_auto_scaling_groups();
        let call = call.set_auto_scaling_group_names(names.clone());
        let call = call.set_filters((!filters.is_empty()).then(|| filters.clone()));
        let pages = call.into_paginator().page_size(100).items().send();
        pages.collect::<std::result::Result<Vec<_>, _>>()
    })
    .await
}

/// One group by its name.
pub(super) async fn one(cx: &Aws, name: &str) -> Result<Option<AutoscalingGroupLive>> {
    let found = find(cx, &Look::Id(name.to_owned()), &Seen::default()).await?;
    Ok(found.into_iter().next().map(|found| found.live))
}

/// The same with its policies as they are now: AWS gives them ARNs of its own.
pub(super) async fn with_policies(
    cx: &Aws,
    have: &AutoscalingGroupLive,
) -> Result<AutoscalingGroupLive> {
    Ok(AutoscalingGroupLive {
        policies: policies::describe(cx, &have.id, &Seen::default()).await?,
        ..have.clone()
    })
}

async fn read(
    cx: &Aws,
    group: Told,
    machines: &HashMap<String, Machine>,
    seen: &Seen,
) -> Result<AutoscalingGroupLive> {
    const ACTION: &str = "autoscaling:DescribeAutoScalingGroups";
    let mut live = bare(group.clone(), ACTION)?;
    if live.status.is_some() {
        return Ok(live);
    }
    let targets: Vec<String> = live.target_groups.iter().cloned().collect();
    let judged = live.health_check.r#type == HealthType::LoadBalancer && !targets.is_empty();
    let healthy = async {
        match judged {
            true => members::healthy(cx, &targets, seen).await.map(Some),
            false => Ok(None),
        }
    };
    let (policies, schedules, hooks, refresh, passing, healthy) = tokio::try_join!(
        policies::describe(cx, &live.id, seen),
        schedules::describe(cx, &live.id),
        hooks::describe(cx, &live.id),
        refresh::newest(cx, &live.id),
        passing(cx, &live.id),
        healthy,
    )?;
    live.policies = policies;
    live.schedules = schedules;
    live.hooks = hooks;
    live.refresh = refresh;
    live.passing = passing;
    let members = group.instances.unwrap_or_default().into_iter();
    live.members = members
        .map(|member| {
            let machine = machines.get(member.instance_id().unwrap_or_default());
            members::read(member, machine, healthy.as_ref())
        })
        .collect();
    let (serving, wanted) = live.serving();
    if serving < wanted || live.renewing().is_some() {
        live.failure = members::failure(cx, &live.id).await?;
    }
    Ok(live)
}

/// What the listing alone says.
fn bare(group: Told, action: &str) -> Result<AutoscalingGroupLive> {
    let subnets = group.vpc_zone_identifier.unwrap_or_default();
    let subnets = subnets.split(',').map(str::trim);
    let checks = group.health_check_type.unwrap_or_default();
    let span = |seconds: i32| Duration::seconds(seconds.unsigned_abs().into());
    let protection = group.deletion_protection;
    Ok(AutoscalingGroupLive {
        id: group
            .auto_scaling_group_name
            .ok_or_else(|| missing(action, "name"))?,
        arn: group.auto_scaling_group_arn.unwrap_or_default(),
        status: group.status.filter(|status| !status.is_empty()),
        launch: Launch::read(group.launch_template, group.mixed_instances_policy),
        subnets: subnets
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
            .collect(),
        target_groups: group
            .target_group_arns
            .unwrap_or_default()
            .into_iter()
            .collect(),
        min: group.min_size.unwrap_or_default(),
        max: group.max_size.unwrap_or_default(),
        desired: group.desired_capacity.unwrap_or_default(),
        health_check: Health {
            r#type: HealthType::read(&checks),
            grace: span(group.health_check_grace_period.unwrap_or_default()),
        },
        warmup: group.default_instance_warmup.filter(|s| *s >= 0).map(span),
        termination_policies: group.termination_policies.unwrap_or_default(),
        capacity_rebalance: group.capacity_rebalance.unwrap_or_default(),
        protected: protection.is_some_and(|is| is != DeletionProtection::None),
        policies: Policies::new(),
        schedules: Schedules::new(),
        hooks: Hooks::new(),
        members: Vec::new(),
        passing: Vec::new(),
        refresh: None,
        failure: None,
        machines_use: Vec::new(),
        seen: Timestamp::now(),
    })
}

/// Target groups on their way in or out.
async fn passing(cx: &Aws, group: &str) -> Result<Vec<String>> {
    let mut token: Option<String> = None;
    let mut passing = Vec::new();
    loop {
        let answer = cx
            .read("autoscaling:DescribeTrafficSources", || {
                let call = cx.autoscaling.describe_traffic_sources();
                call.auto_scaling_group_name(group)
                    .set_next_token(token.clone())
                    .send()
            })
            .await?;
        for source in answer.traffic_sources.unwrap_or_default() {
            let name = source.identifier.unwrap_or_default();
            let name = name.split('/').nth(1).unwrap_or(&name);
            match source.state.as_deref() {
                Some("Adding") => passing.push(format!("registering its machines with {name}")),
                Some("Removing") => {
                    passing.push(format!("waiting for {name} to let its machines go"));
                }
                _ => {}
            }
        }
        token = answer.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(passing);
        }
    }
}
