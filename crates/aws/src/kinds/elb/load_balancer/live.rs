//! A load balancer as AWS's answers have it.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{LoadBalancer as Balancer, LoadBalancerSchemeEnum};
use terrace_core::canon::DnsName;
use terrace_core::error::Result;

use super::LoadBalancerLive;
use crate::client::missing;

/// Its ARN.
pub(super) fn arn(balancer: &Balancer) -> &str {
    balancer.load_balancer_arn().unwrap_or_default()
}

/// Reads AWS's answer.
pub(super) fn read(
    balancer: Balancer,
    attributes: Option<BTreeMap<String, String>>,
    action: &str,
) -> Result<LoadBalancerLive> {
    let (state, reason) = match balancer.state {
        Some(state) => (state.code, state.reason),
        None => (None, None),
    };
    let zones = balancer.availability_zones.unwrap_or_default();
    let mut security_groups = balancer.security_groups.unwrap_or_default();
    let mut subnets: Vec<String> = zones
        .into_iter()
        .filter_map(|zone| zone.subnet_id)
        .collect();
    security_groups.sort();
    subnets.sort();
    Ok(LoadBalancerLive {
        id: balancer
            .load_balancer_arn
            .ok_or_else(|| missing(action, "ARN"))?,
        name: balancer.load_balancer_name.unwrap_or_default(),
        // AWS keeps the capitals of a name, and the DNS knows none.
        dns_name: DnsName::from_aws(balancer.dns_name.as_deref().unwrap_or_default()).to_string(),
        zone_id: balancer.canonical_hosted_zone_id.unwrap_or_default(),
        vpc: balancer.vpc_id.unwrap_or_default(),
        r#type: balancer
            .r#type
            .map_or(String::new(), |of| of.as_str().to_owned()),
        internal: balancer.scheme == Some(LoadBalancerSchemeEnum::Internal),
        state: state.map_or(String::new(), |code| code.as_str().to_owned()),
        reason: reason.filter(|reason| !reason.is_empty()),
        subnets,
        security_groups,
        attributes,
    })
}
