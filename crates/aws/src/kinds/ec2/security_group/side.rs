//! The two lists of rules of a group, and EC2's calls for them.

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};
use terrace_core::canon::Flow;
use terrace_core::error::{CloudError, ErrorClass, Result};

use super::super::shared::filter;
use super::{Rules, SecurityGroupLive, find};
use crate::client::Aws;
use crate::door::Op;

/// One of the two lists of rules, and EC2's calls for it.
#[derive(Clone, Copy)]
pub(super) enum Side {
    In,
    Out,
}

/// The same call for either side: all rules at once, because EC2 allows few of these a second.
macro_rules! call {
    ($cx:expr, $side:expr, $id:expr, $rules:expr, $inward:ident $in:literal, $outward:ident $out:literal) => {{
        let permissions = permissions($rules);
        match $side {
            Side::In => {
                let op = Op::again($in).while_busy(UNSEEN, 5.0);
                let call = || {
                    let call = $cx.ec2.$inward().group_id($id);
                    call.set_ip_permissions(Some(permissions.clone())).send()
                };
                $cx.mutate(op, call).await.map(drop)
            }
            Side::Out => {
                let op = Op::again($out).while_busy(UNSEEN, 5.0);
                let call = || {
                    let call = $cx.ec2.$outward().group_id($id);
                    call.set_ip_permissions(Some(permissions.clone())).send()
                };
                $cx.mutate(op, call).await.map(drop)
            }
        }
    }};
}

/// What was made just now may be unknown for a while.
const UNSEEN: &[&str] = &["InvalidGroup.NotFound", "InvalidGroupId.NotFound"];

impl Side {
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::In => "ingress",
            Self::Out => "egress",
        }
    }

    pub(super) fn rules(self, live: &SecurityGroupLive) -> &Rules {
        match self {
            Self::In => &live.ingress,
            Self::Out => &live.egress,
        }
    }

    pub(super) fn rules_mut(self, live: &mut SecurityGroupLive) -> &mut Rules {
        match self {
            Self::In => &mut live.ingress,
            Self::Out => &mut live.egress,
        }
    }

    /// Opens all of them, or none: one that is there already refuses the whole call.
    pub(super) async fn authorize(self, cx: &Aws, id: &str, rules: &Rules) -> Result<()> {
        if rules.is_empty() {
            return Ok(());
        }
        let answer = self.try_authorize(cx, id, rules).await;
        let there = match answer {
            Err(error) if error.class == ErrorClass::Conflict => self.live(cx, id, error).await?,
            answer => return answer,
        };
        // Somebody was here meanwhile, or our own call and its answer was lost.
        let differs = |(rule, _): &(&String, &Option<String>)| !there.contains_key(*rule);
        let missing = pick(rules, differs);
        if !missing.is_empty() {
            self.try_authorize(cx, id, &missing).await?;
        }
        let described = |(rule, text): &(&String, &Option<String>)| {
            there.get(*rule).is_some_and(|is| is != *text)
        };
        self.describe(cx, id, &pick(rules, described)).await
    }

    async fn try_authorize(self, cx: &Aws, id: &str, rules: &Rules) -> Result<()> {
        call!(
            cx, self, id, rules,
            authorize_security_group_ingress "ec2:AuthorizeSecurityGroupIngress",
            authorize_security_group_egress "ec2:AuthorizeSecurityGroupEgress"
        )
    }

    pub(super) async fn describe(self, cx: &Aws, id: &str, rules: &Rules) -> Result<()> {
        if rules.is_empty() {
            return Ok(());
        }
        call!(
            cx, self, id, rules,
            update_security_group_rule_descriptions_ingress
            "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
            update_security_group_rule_descriptions_egress
            "ec2:UpdateSecurityGroupRuleDescriptionsEgress"
        )
    }

    /// Closes all of them. One that is closed already refuses the whole call.
    pub(super) async fn revoke(self, cx: &Aws, id: &str, rules: &Rules) -> Result<()> {
        if rules.is_empty() {
            return Ok(());
        }
        let there = match self.try_revoke(cx, id, rules).await {
            Err(error) if error.class == ErrorClass::NotFound => self.live(cx, id, error).await?,
            answer => return answer,
        };
        let still = pick(rules, |(rule, _)| there.contains_key(*rule));
        if still.is_empty() {
            return Ok(());
        }
        self.try_revoke(cx, id, &still).await
    }

    async fn try_revoke(self, cx: &Aws, id: &str, rules: &Rules) -> Result<()> {
        call!(
            cx, self, id, rules,
            revoke_security_group_ingress "ec2:RevokeSecurityGroupIngress",
            revoke_security_group_egress "ec2:RevokeSecurityGroupEgress"
        )
    }

    /// Its rules as they are now; the error stands if the group itself is gone.
    async fn live(self, cx: &Aws, id: &str, error: CloudError) -> Result<Rules> {
        let found = find(cx, vec![filter("group-id", id)]).await?;
        let group = found.first().ok_or(error)?;
        Ok(self.rules(&group.live).clone())
    }
}

fn pick(rules: &Rules, which: impl Fn(&(&String, &Option<String>)) -> bool) -> Rules {
    let picked = rules.iter().filter(which);
    picked
        .map(|(rule, text)| (rule.clone(), text.clone()))
        .collect()
}

/// Rules as EC2's calls take them.
fn permissions(rules: &Rules) -> Vec<IpPermission> {
    let permission = |(rule, text): (&String, &Option<String>)| {
        let flow = Flow::read(rule)?;
        let (from, to) = flow.wire_ports().unzip();
        let permission = IpPermission::builder()
            .ip_protocol(flow.wire_protocol())
            .set_from_port(from)
            .set_to_port(to);
        let text = text.clone();
        Some(towards(permission, &flow.peer, text).build())
    };
    rules.iter().filter_map(permission).collect()
}

type Builder = aws_sdk_ec2::types::builders::IpPermissionBuilder;

fn towards(permission: Builder, peer: &str, text: Option<String>) -> Builder {
    if peer.starts_with("sg-") {
        let group = UserIdGroupPair::builder().group_id(peer);
        permission.user_id_group_pairs(group.set_description(text).build())
    } else if peer.starts_with("pl-") {
        let list = PrefixListId::builder().prefix_list_id(peer);
        permission.prefix_list_ids(list.set_description(text).build())
    } else if peer.contains(':') {
        let range = Ipv6Range::builder().cidr_ipv6(peer);
        permission.ipv6_ranges(range.set_description(text).build())
    } else {
        let range = IpRange::builder().cidr_ip(peer);
        permission.ip_ranges(range.set_description(text).build())
    }
}
