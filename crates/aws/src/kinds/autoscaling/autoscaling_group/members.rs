//! A group's machines: which there are, and how many of them serve.

use std::collections::{HashMap, HashSet};

use aws_sdk_autoscaling::types::{Instance, ScalingActivityStatusCode};
use aws_sdk_ec2::types::{Filter, Instance as Machine};
use aws_sdk_elasticloadbalancingv2::types::TargetHealthStateEnum;
use futures_util::future::try_join_all;
use serde::Serialize;
use terrace_core::error::{ErrorClass, Result};
use terrace_core::inventory::Seen;

use super::super::shared::if_there;
use super::launch::Launch;
use crate::client::Aws;

/// One machine of a group.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Member {
    pub(super) id: String,
    /// AWS's word for where it is on its way: `Pending`, `InService`, `Terminating`.
    pub(super) state: String,
    /// Whether it is well, and healthy in every target group where that counts.
    pub(super) well: bool,
    /// The template it was started from, and its version.
    pub(super) template: Option<(String, String)>,
    pub(super) r#type: String,
    /// Nothing while it is just coming.
    pub(super) subnet: Option<String>,
    #[serde(skip)]
    pub(super) volumes: Vec<String>,
}

impl Member {
    /// Whether it serves, or will: not on its way out, and not put aside by a person.
    pub(super) fn stays(&self) -> bool {
        let state = self.state.as_str();
        state.starts_with("Pending") || state == "InService" || state.starts_with("ReplacingRoot")
    }

    pub(super) fn serves(&self) -> bool {
        self.state == "InService" && self.well
    }

    /// Whether it is as new ones would be.
    pub(super) fn fits(&self, launch: &Launch) -> bool {
        let template = self.template.as_ref().is_none_or(|(template, version)| {
            *template == launch.template && (*version == launch.version || !launch.is_fixed())
        });
        let types = launch.instances.as_ref().map(|is| &is.types);
        template && types.is_none_or(|types| types.contains(&self.r#type))
    }
}

/// What EC2 knows of the machines of these groups, by their ids; those that are gone are not among them.
pub(super) async fn machines(cx: &Aws, groups: &[String]) -> Result<HashMap<String, Machine>> {
    let mut found = HashMap::new();
    let values = |name: &str, values: Vec<String>| {
        let filter = Filter::builder().name(name);
        filter.set_values(Some(values)).build()
    };
    let states = ["pending", "running", "shutting-down", "stopping", "stopped"];
    // AWS takes at most 200 values in a filter.
    for some in groups.chunks(200) {
        let filters = vec![
            values("tag:aws:autoscaling:groupName", some.to_vec()),
            values("instance-state-name", states.map(str::to_owned).into()),
        ];
        let reservations = cx
            .read("ec2:DescribeInstances", || {
                let call = cx.ec2.describe_instances();
                let call = call.set_filters(Some(filters.clone()));
                let pages = call.into_paginator().page_size(1000).items().send();
                pages.collect::<std::result::Result<Vec<_>, _>>()
            })
            .await?;
        let machines = reservations
            .into_iter()
            .flat_map(|reservation| reservation.instances.unwrap_or_default());
        found.extend(machines.filter_map(|machine| Some((machine.instance_id.clone()?, machine))));
    }
    Ok(found)
}

/// A machine as its group tells of it, with what EC2 knows.
pub(super) fn read(
    member: Instance,
    machine: Option<&Machine>,
    healthy: Option<&HashSet<String>>,
) -> Member {
    let id = member.instance_id.unwrap_or_default();
    let template = member.launch_template;
    let disks = machine.map(Machine::block_device_mappings);
    let volumes = disks.unwrap_or_default().iter();
    Member {
        state: (member.lifecycle_state)
            .map(|state| state.as_str().to_owned())
            .unwrap_or_default(),
        well: member.health_status.as_deref() != Some("Unhealthy")
            && healthy.is_none_or(|healthy| healthy.contains(&id)),
        template: template.and_then(|is| Some((is.launch_template_id?, is.version?))),
        r#type: member.instance_type.unwrap_or_default(),
        subnet: machine.and_then(|machine| machine.subnet_id.clone()),
        volumes: volumes
            .filter_map(|disk| disk.ebs()?.volume_id.clone())
            .collect(),
        id,
    }
}

/// The machines that every one of these target groups finds healthy, or does not look at because nothing
/// is forwarded to it.
pub(super) async fn healthy(
    cx: &Aws,
    target_groups: &[String],
    seen: &Seen,
) -> Result<HashSet<String>> {
    let all = target_groups.iter().map(|arn| healthy_in(cx, arn, seen));
    let mut all = try_join_all(all).await?.into_iter();
    let first = all.next().unwrap_or_default();
    Ok(all.fold(first, |both, more| &both & &more))
}

async fn healthy_in(cx: &Aws, arn: &str, seen: &Seen) -> Result<HashSet<String>> {
    let targets = match cx.elb_health(arn, seen).await {
        Err(error) if error.class == ErrorClass::NotFound => return Ok(HashSet::new()),
        answer => answer?,
    };
    let fine = targets.iter().filter(|target| {
        let health = target.target_health.as_ref();
        let unused = health.and_then(|health| health.reason.as_ref());
        health.and_then(|health| health.state.as_ref()) == Some(&TargetHealthStateEnum::Healthy)
            || unused.is_some_and(|reason| reason.as_str() == "Target.NotInUse")
    });
    Ok(fine
        .filter_map(|target| target.target()?.id.clone())
        .collect())
}

/// Why the last try to start a machine came to nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Failure {
    pub(super) message: String,
    /// The activity's own id, by which a later one is told from it.
    #[serde(skip)]
    pub(super) activity: String,
    #[serde(skip)]
    pub(super) at: i64,
}

impl Failure {
    /// Whether trying again can only come to the same. What is in short supply may be had later, and what
    /// was made just now is not known everywhere yet.
    ///
    /// AWS gives words and no codes. These are those of the EC2 Auto Scaling user guide, on failures to
    /// launch instances; unverified, and a wrong guess is waited for and told while it lasts.
    pub(super) fn is_permanent(&self) -> bool {
        const WORDS: &[&str] = &[
            "does not exist",
            "no longer exists",
            "not supported",
            "not authorized",
            "does not match the architecture",
            "Client error on launch",
            "is pending, and cannot be run",
            "vCPU limit",
            "vCPU capacity than your current",
            "already running",
            "maximum number of",
            "is invalid",
        ];
        const PASSING: &[&str] = &["Invalid IAM Instance Profile", "sufficient"];
        let says = |list: &[&str]| list.iter().any(|words| self.message.contains(words));
        says(WORDS) && !says(PASSING)
    }
}

/// The failure of a group's newest activity, if that failed; nothing if the group is gone.
pub(super) async fn failure(cx: &Aws, group: &str) -> Result<Option<Failure>> {
    let answer = cx
        .read("autoscaling:DescribeScalingActivities", || {
            // The newest come first.
            let call = cx.autoscaling.describe_scaling_activities();
            call.auto_scaling_group_name(group).max_records(1).send()
        })
        .await;
    let newest = if_there(answer)?.and_then(|answer| answer.activities?.into_iter().next());
    Ok(newest
        .filter(|activity| activity.status_code == Some(ScalingActivityStatusCode::Failed))
        .map(|activity| Failure {
            message: (activity.status_message.or(activity.description))
                .unwrap_or_default()
                .trim_end_matches(" Launching EC2 instance failed.")
                .trim_end_matches('.')
                .to_owned(),
            activity: activity.activity_id.unwrap_or_default(),
            at: activity.start_time.map(|at| at.secs()).unwrap_or_default(),
        }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_trying_again_cannot_better_is_permanent() {
        let failure = |message: &str| Failure {
            message: message.to_owned(),
            activity: String::new(),
            at: 0,
        };
        for message in [
            "The image id '[ami-0abc]' does not exist",
            "The key pair 'ops' does not exist",
            "You have requested more vCPU capacity than your current vCPU limit of 5 allows for the instance bucket",
            "Client.InternalError: Client error on launch",
        ] {
            assert!(failure(message).is_permanent(), "{message}");
        }
        for message in [
            "We currently do not have sufficient t3.small capacity in the Availability Zone you requested",
            "Value (web) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
            "",
        ] {
            assert!(!failure(message).is_permanent(), "{message}");
        }
    }
}
