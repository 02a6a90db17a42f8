//! A listener as AWS's answers have it.

use aws_sdk_elasticloadbalancingv2::types::Listener as Raw;
use terrace_core::error::Result;
use terrace_core::reference::Id;

use super::ListenerLive;
use super::act::Act;
use super::rules::{self, Rules};
use crate::client::{Aws, missing};

/// Its ARN.
pub(super) fn arn(listener: &Raw) -> &str {
    listener.listener_arn().unwrap_or_default()
}

/// Listeners of a load balancer, or one by its ARN.
pub(super) async fn listed(
    cx: &Aws,
    balancer: Option<&String>,
    arn: Option<&String>,
) -> Result<Vec<Raw>> {
    cx.read("elasticloadbalancing:DescribeListeners", || {
        let call = cx.elb.describe_listeners();
        let call = match arn {
            Some(arn) => call.listener_arns(arn),
            None => call.set_load_balancer_arn(balancer.cloned()).page_size(400),
        };
        let pages = call.into_paginator().items().send();
        pages.collect::<std::result::Result<Vec<_>, _>>()
    })
    .await
}

/// A listener with what its listing leaves out: its rules, and its further certificates.
pub(super) async fn whole(cx: &Aws, listener: Raw) -> Result<ListenerLive> {
    const ACTION: &str = "elasticloadbalancing:DescribeListenerCertificates";
    let id = arn(&listener).to_owned();
    let rules = rules::of(cx, &id).await?;
    let mut certificates = Vec::new();
    if !listener.certificates().is_empty() {
        let all = cx
            .read(ACTION, || {
                let call = cx
                    .elb
                    .describe_listener_certificates()
                    .page_size(400)
                    .listener_arn(&id);
                let pages = call.into_paginator().items().send();
                pages.collect::<std::result::Result<Vec<_>, _>>()
            })
            .await?;
        let others = all.into_iter().filter(|one| one.is_default != Some(true));
        certificates.extend(others.filter_map(|one| one.certificate_arn));
    }
    read(listener, certificates, rules, ACTION)
}

/// Reads AWS's answer.
pub(super) fn read(
    listener: Raw,
    certificates: Vec<String>,
    rules: Rules,
    action: &str,
) -> Result<ListenerLive> {
    let own = listener.certificates().first();
    Ok(ListenerLive {
        certificate: own.and_then(|own| own.certificate_arn.clone()),
        action: Act::read(listener.default_actions()),
        id: listener
            .listener_arn
            .ok_or_else(|| missing(action, "ARN"))?,
        load_balancer: Id::new(listener.load_balancer_arn.unwrap_or_default()),
        port: listener.port.unwrap_or_default(),
        protocol: listener
            .protocol
            .map_or(String::new(), |protocol| protocol.as_str().to_owned()),
        ssl_policy: listener.ssl_policy.filter(|policy| !policy.is_empty()),
        certificates,
        rules,
    })
}
