//! Target groups as AWS tells of them.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::TargetGroup as Group;
use futures_util::future::try_join;
use serde::Serialize;
use serde_json::json;
use terrace_core::error::Result;
use terrace_core::inventory::Seen;
use terrace_core::kind::{Live, Outputs};
use terrace_core::outputs;
use terrace_core::reference::Id;

use super::super::shared::full_name;
use super::attributes::{self, attribute};
use super::health::Check;
use super::targets::{self, Target};
use crate::client::{Aws, missing};
use crate::kinds::ec2::vpc::Vpc;

/// A target group as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct TargetGroupLive {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) vpc: Option<Id<Vpc>>,
    pub(super) port: i32,
    pub(super) protocol: String,
    pub(super) version: Option<String>,
    pub(super) r#type: String,
    pub(super) health_check: Check,
    /// By AWS's names; nothing if it was made a moment ago and they cannot be read yet.
    pub(super) attributes: Option<BTreeMap<String, String>>,
    /// Those that no autoscaling group brought, by what they are called in the TOML.
    pub(super) targets: BTreeMap<String, Target>,
    /// How many targets there are, and how many of them are healthy: what a traffic switch waits for.
    pub(super) registered: usize,
    pub(super) healthy: usize,
    /// How many of the others are in which state, with AWS's reason.
    pub(super) ill: BTreeMap<String, usize>,
    /// Those that end what they have begun, and that no autoscaling group brought, by id.
    pub(super) draining: Vec<String>,
    /// The load balancers that forward to it, by ARN.
    pub(super) load_balancers: Vec<String>,
}

impl Live for TargetGroupLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! {
            "arn" => json!(self.id),
            "name" => json!(self.name),
            "full_name" => json!(full_name(&self.id)),
        }
    }
}

impl TargetGroupLive {
    /// Whether it has a target that answers.
    pub(in crate::kinds::elb) fn answers(&self) -> bool {
        self.healthy > 0
    }

    pub(super) fn attribute(&self, key: &str) -> Option<&str> {
        attribute(self.attributes.as_ref()?, key)
    }
}

pub(super) fn arn(group: &Group) -> &str {
    group.target_group_arn().unwrap_or_default()
}

/// A group with what its listing leaves out: two more calls.
pub(super) async fn whole(
    cx: &Aws,
    group: Group,
    action: &str,
    seen: &Seen,
) -> Result<TargetGroupLive> {
    let (attributes, targets) = try_join(
        attributes::of(cx, arn(&group)),
        targets::health(cx, arn(&group), seen),
    )
    .await?;
    read(group, Some(attributes), &targets, action)
}

pub(super) fn read(
    group: Group,
    attributes: Option<BTreeMap<String, String>>,
    targets: &[Target],
    action: &str,
) -> Result<TargetGroupLive> {
    let health_check = Check::read(&group);
    let port = group.port.unwrap_or_default();
    let staying = || targets.iter().filter(|target| !target.is_draining());
    let mut ill: BTreeMap<String, usize> = BTreeMap::new();
    for target in staying().filter(|target| !target.is_healthy()) {
        *ill.entry(target.state()).or_default() += 1;
    }
    let draining = targets.iter().filter(|target| target.is_draining());
    Ok(TargetGroupLive {
        id: group
            .target_group_arn
            .ok_or_else(|| missing(action, "ARN"))?,
        name: group.target_group_name.unwrap_or_default(),
        vpc: group.vpc_id.map(Id::new),
        port,
        protocol: group
            .protocol
            .map_or(String::new(), |protocol| protocol.as_str().to_owned()),
        version: group.protocol_version,
        r#type: group
            .target_type
            .map_or(String::new(), |of| of.as_str().to_owned()),
        health_check,
        attributes,
        registered: staying().count(),
        healthy: staying().filter(|target| target.is_healthy()).count(),
        ill,
        draining: draining.map(|target| target.id.clone()).collect(),
        targets: staying()
            .map(|target| (target.called(port), target.clone()))
            .collect(),
        load_balancers: group.load_balancer_arns.unwrap_or_default(),
    })
}
