//! An endpoint as AWS has it, and what AWS calls things.

use aws_sdk_ec2::types::{Filter, State, VpcEndpoint as Endpoint, VpcEndpointType};
use serde::Serialize;
use serde_json::{Value, json};
use terrace_core::canon::policy;
use terrace_core::error::Result;
use terrace_core::inventory::Found;
use terrace_core::kind::{Live, Outputs};
use terrace_core::outputs;
use terrace_core::reference::Id;

use super::super::shared::{filter, tags};
use super::super::vpc::Vpc;
use super::Way;
use crate::client::{Aws, missing};
use crate::names::invalid;

/// An endpoint as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct VpcEndpointLive {
    pub(super) id: String,
    pub(super) vpc: Id<Vpc>,
    /// As the TOML would say it, where that is short.
    pub(super) service: String,
    pub(super) service_name: String,
    #[serde(rename = "type")]
    pub(super) way: Way,
    pub(super) route_tables: Vec<String>,
    pub(super) subnets: Vec<String>,
    pub(super) security_groups: Vec<String>,
    pub(super) private_dns: bool,
    pub(super) policy: Option<Value>,
    pub(super) dns_name: Option<String>,
    pub(super) state: String,
    pub(super) failure: Option<String>,
}

impl Live for VpcEndpointLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        let mut outputs = outputs! {};
        if let Some(name) = &self.dns_name {
            outputs.insert("dns_name".to_owned(), json!(name));
        }
        outputs
    }
}

/// All that pass the filters, but for those that are only a trace of what was.
pub(super) async fn find(cx: &Aws, filters: Vec<Filter>) -> Result<Vec<Found<VpcEndpointLive>>> {
    const ACTION: &str = "ec2:DescribeVpcEndpoints";
    let endpoints = cx
        .read(ACTION, || {
            let call = cx.ec2.describe_vpc_endpoints();
            let pages = call.set_filters(Some(filters.clone())).into_paginator();
            let pages = pages.page_size(1000).items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let found = endpoints.into_iter().map(|endpoint| {
        let tags = tags(endpoint.tags.as_deref().unwrap_or_default());
        Ok(Found::new(read(cx, endpoint, ACTION)?, tags))
    });
    let found: Result<Vec<_>> = found.collect();
    let mut found = found?;
    found.retain(|found| found.live.state != "deleted");
    Ok(found)
}

/// Waits for an endpoint for the same that is on its way out: until it is gone it holds its routes, or
/// its name.
pub(super) async fn cleared(cx: &Aws, vpc: &Id<Vpc>, service: &str) -> Result<()> {
    let free = || async {
        let filters = vec![
            filter("vpc-id", vpc.as_str()),
            filter("service-name", full(cx, service)),
        ];
        let same = find(cx, filters).await?;
        let leaving = same.iter().any(|found| found.live.state == "deleting");
        Ok((!leaving).then_some(()))
    };
    cx.until(3.0, "the deletion of the endpoint before it", free)
        .await
}

/// One endpoint.
pub(super) fn read(cx: &Aws, endpoint: Endpoint, action: &'static str) -> Result<VpcEndpointLive> {
    let service_name = endpoint.service_name.unwrap_or_default();
    let short = service_name.strip_prefix(&full(cx, ""));
    let way = match endpoint.vpc_endpoint_type {
        Some(VpcEndpointType::Interface) => Way::Interface,
        Some(VpcEndpointType::GatewayLoadBalancer) => Way::GatewayLoadBalancer,
        _ => Way::Gateway,
    };
    let policy = endpoint.policy_document.filter(|text| !text.is_empty());
    let policy = policy.map(|text| policy::read(&text).map_err(|why| invalid(action, why)));
    let groups = endpoint.groups.unwrap_or_default().into_iter();
    let mut names = endpoint.dns_entries.unwrap_or_default().into_iter();
    let failure = endpoint.last_error.and_then(|error| error.message);
    Ok(VpcEndpointLive {
        id: endpoint
            .vpc_endpoint_id
            .ok_or_else(|| missing(action, "endpoint id"))?,
        vpc: Id::new(endpoint.vpc_id.unwrap_or_default()),
        service: short.unwrap_or(&service_name).to_owned(),
        service_name,
        way,
        route_tables: endpoint.route_table_ids.unwrap_or_default(),
        subnets: endpoint.subnet_ids.unwrap_or_default(),
        security_groups: groups.filter_map(|group| group.group_id).collect(),
        private_dns: way == Way::Interface && endpoint.private_dns_enabled.unwrap_or_default(),
        policy: policy.transpose()?.and_then(restricts),
        dns_name: names.find_map(|name| name.dns_name),
        // The documentation writes `Available`, the API `available`.
        state: endpoint
            .state
            .as_ref()
            .map(State::as_str)
            .unwrap_or_default()
            .to_lowercase(),
        failure: endpoint.failure_reason.or(failure),
    })
}

/// Whether a service is called by its full name: those of AWS, of its partners, and of anybody
/// (AWS PrivateLink Guide).
pub(super) fn is_full(service: &str) -> bool {
    ["com.amazonaws.", "cn.com.amazonaws.", "aws."]
        .iter()
        .any(|begins| service.starts_with(begins))
}

pub(super) fn full(cx: &Aws, service: &str) -> String {
    match is_full(service) {
        true => service.to_owned(),
        false => format!("com.amazonaws.{}.{service}", cx.region),
    }
}

pub(super) fn aws_type(way: Way) -> VpcEndpointType {
    match way {
        Way::Gateway => VpcEndpointType::Gateway,
        Way::Interface => VpcEndpointType::Interface,
        Way::GatewayLoadBalancer => VpcEndpointType::GatewayLoadBalancer,
    }
}

/// `gateway_load_balancer` in AWS's spelling.
pub(super) fn pascal(word: &str) -> String {
    let upper = |part: &str| {
        let mut letters = part.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    word.split('_').map(upper).collect()
}

/// What a policy forbids; nothing, if it lets everybody do everything, which is AWS's default.
pub(super) fn restricts(document: Value) -> Option<Value> {
    let all = json!([{ "Effect": "Allow", "Principal": "*", "Action": ["*"], "Resource": ["*"] }]);
    Some(document).filter(|document| document["Statement"] != all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_everybody_do_everything_restricts_nothing() {
        let aws = json!({ "Version": "2008-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "*", "Resource": "*" },
        ] });
        assert_eq!(restricts(policy::canonical(&aws)), None);
        let less = json!({ "Statement": [{ "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*" }] });
        assert!(restricts(policy::canonical(&less)).is_some());
    }

    #[test]
    fn types_in_aws_s_spelling() {
        assert_eq!(pascal("gateway_load_balancer"), "GatewayLoadBalancer");
        assert_eq!(pascal("Interface"), "Interface");
        assert!(is_full("com.amazonaws.eu-west-3.s3") && !is_full("ecr.api"));
    }
}
