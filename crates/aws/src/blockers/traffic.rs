//! Load balancers and listeners that hold a target group or a certificate, and what holds a load balancer.

use aws_sdk_ec2::types::ServiceConfiguration;
use aws_sdk_elasticloadbalancingv2::types::{Action, ForwardActionConfig, Listener};
use futures_util::future::try_join_all;
use terrace_core::error::Result;

use super::{Blocker, Fate};
use crate::client::Aws;
use crate::kinds::ec2::shared::tags;
use crate::kinds::elb::shared::{full_name, if_there};

const LISTENERS: &str = "elasticloadbalancing:DescribeListeners";

/// The listeners of these load balancers that lead to a target group, by themselves or by a rule.
pub(crate) async fn leading_to(
    cx: &Aws,
    balancers: &[String],
    group: &str,
) -> Result<Vec<Blocker>> {
    let mut holding = Vec::new();
    for listener in listeners(cx, balancers).await? {
        if leads(listener.default_actions(), group) || by_rule(cx, &listener, group).await? {
            holding.push(listener);
        }
    }
    named(cx, &holding).await
}

/// The load balancers and distributions with a certificate; of a balancer the listeners that have it.
pub(crate) async fn proven_by(
    cx: &Aws,
    users: &[String],
    certificate: &str,
) -> Result<Vec<Blocker>> {
    let (balancers, others): (Vec<String>, Vec<String>) = users
        .iter()
        .cloned()
        .partition(|arn| arn.contains(":elasticloadbalancing:"));
    let all = listeners(cx, &balancers).await?;
    let has = |listener: &&Listener| {
        let mut certificates = listener.certificates().iter();
        certificates.any(|one| one.certificate_arn() == Some(certificate))
    };
    let holding: Vec<Listener> = all.iter().filter(has).cloned().collect();
    let mut blockers = named(cx, &holding).await?;
    // A balancer whose listeners no longer have it, or that is gone itself, lets go of it minutes later.
    for arn in &balancers {
        let listed = |one: &Listener| one.load_balancer_arn() == Some(arn);
        if !holding.iter().any(listed) {
            let words = "if it does not let go, take the certificate off its listeners";
            let what = format!("load balancer {}", full_name(arn));
            blockers.push(Blocker::new(what, Fate::Lingers(words.to_owned())));
        }
    }
    let other = |arn: &String| {
        let words = "take the certificate off it, if it does not let go";
        Blocker::new(arn, Fate::Lingers(words.to_owned()))
    };
    blockers.extend(others.iter().map(other));
    Ok(blockers)
}

/// The endpoint services by which other networks reach a load balancer. Needs
/// `ec2:DescribeVpcEndpointServiceConfigurations`.
pub(crate) async fn offered_by(cx: &Aws, balancer: &str) -> Result<Vec<Blocker>> {
    let services = cx
        .read("ec2:DescribeVpcEndpointServiceConfigurations", || {
            let call = cx.ec2.describe_vpc_endpoint_service_configurations();
            let pages = call.into_paginator().items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let offers = |service: &&ServiceConfiguration| {
        let arns = [
            service.network_load_balancer_arns(),
            service.gateway_load_balancer_arns(),
        ];
        arns.concat().iter().any(|arn| arn == balancer)
    };
    let blocker = |service: &ServiceConfiguration| {
        let id = service.service_id().unwrap_or_default();
        let command = format!("ec2 delete-vpc-endpoint-service-configurations --service-ids {id}");
        let remedy = cx.cli("give it another load balancer, or delete it", &command);
        let fate = cx.fate(&tags(service.tags()), remedy);
        Blocker::new(format!("endpoint service {id}"), fate)
    };
    Ok(services.iter().filter(offers).map(blocker).collect())
}

async fn listeners(cx: &Aws, balancers: &[String]) -> Result<Vec<Listener>> {
    let of = |arn: &String| {
        let arn = arn.clone();
        async move {
            let listed = cx
                .read(LISTENERS, || {
                    let call = cx.elb.describe_listeners().load_balancer_arn(&arn);
                    let pages = call.into_paginator().items().send();
                    pages.collect::<std::result::Result<Vec<_>, _>>()
                })
                .await;
            if_there(listed)
        }
    };
    let all = try_join_all(balancers.iter().map(of)).await?;
    Ok(all.into_iter().flatten().flatten().collect())
}

fn leads(actions: &[Action], group: &str) -> bool {
    actions.iter().any(|action| {
        let weighted = action
            .forward_config()
            .map(ForwardActionConfig::target_groups);
        let mut weighted = weighted.unwrap_or_default().iter();
        action.target_group_arn() == Some(group)
            || weighted.any(|one| one.target_group_arn() == Some(group))
    })
}

async fn by_rule(cx: &Aws, listener: &Listener, group: &str) -> Result<bool> {
    let arn = listener.listener_arn().unwrap_or_default();
    let rules = cx
        .read("elasticloadbalancing:DescribeRules", || {
            let call = cx.elb.describe_rules().listener_arn(arn);
            let pages = call.into_paginator().items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await;
    let rules = if_there(rules)?.unwrap_or_default();
    Ok(rules.iter().any(|rule| leads(rule.actions(), group)))
}

async fn named(cx: &Aws, listeners: &[Listener]) -> Result<Vec<Blocker>> {
    let arns: Vec<&str> = listeners
        .iter()
        .filter_map(|one| one.listener_arn())
        .collect();
    let tags = cx.elb_tags(&arns).await?;
    let blocker = |listener: &Listener| {
        let arn = listener.listener_arn().unwrap_or_default();
        let balancer = listener.load_balancer_arn().map(full_name);
        let what = format!(
            "the listener at port {} of load balancer {}",
            listener.port().unwrap_or_default(),
            balancer.unwrap_or_default()
        );
        let command = format!("elbv2 delete-listener --listener-arn {arn}");
        let remedy = cx.cli("lead it elsewhere, or delete it", &command);
        // What has no tags here went between the two calls.
        let fate = tags
            .get(arn)
            .map_or(Fate::Going, |tags| cx.fate(tags, remedy));
        Blocker::new(what, fate)
    };
    Ok(listeners.iter().map(blocker).collect())
}
