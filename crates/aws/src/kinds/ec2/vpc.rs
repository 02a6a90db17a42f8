//! A network of one's own (aws-semantics 3.1).

use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, VpcAttributeName, VpcState};
use futures_util::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::Cidr4;
use terrace_core::error::Result;
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::outputs;
use terrace_core::said::Said;
use terrace_core::sketch::{Role, Sketch};

use super::shared::{marked, tags};
use crate::blockers::network;
use crate::client::{Aws, missing};
use crate::door::Op;

/// A private network, in one region, across all its zones.
pub struct Vpc;

/// A private network, in one region, across all its zones.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VpcSpec {
    /// The range of its addresses: between a /16 and a /28. Its subnets share it out.
    #[schemars(extend("examples" = ["10.0.0.0/16", "10.1.0.0/16"]))]
    pub cidr: Cidr4,
    /// Whether what runs in it can look names up at AWS's resolver.
    #[serde(default = "yes")]
    pub dns_support: bool,
    /// Whether instances with public addresses get public names. Databases that are reached from
    /// outside and private endpoints need it.
    #[serde(default = "yes")]
    pub dns_hostnames: bool,
}

fn yes() -> bool {
    true
}

/// A VPC as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct VpcLive {
    id: String,
    cidr: String,
    available: bool,
    dns_support: bool,
    dns_hostnames: bool,
}

impl Live for VpcLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "cidr" => json!(self.cidr) }
    }
}

impl Kind for Vpc {
    const NAME: &'static str = "vpc";
    const ABOUT: About = About::new(Class::Foundation, Create::Blind, Swap::CreateFirst)
        .gone_at_once()
        .outputs(&["cidr"])
        .actions(&[
            "ec2:DescribeVpcs",
            "ec2:DescribeVpcAttribute",
            "ec2:CreateVpc",
            "ec2:ModifyVpcAttribute",
            "ec2:DeleteVpc",
            "ec2:DescribeSubnets",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeInternetGateways",
            "ec2:DescribeRouteTables",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeTags",
            "elasticloadbalancing:DescribeTags",
            "rds:DescribeDBInstances",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ]);
    type Cx = Aws;
    type Spec = VpcSpec;
    type Live = VpcLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "cidr",
                |want, _| Said::of(want.cidr),
                |have| Said::of(&have.cidr),
            )
            .update(
                "dns_hostnames",
                |want, _| Said::of(want.dns_hostnames),
                |have| Said::of(have.dns_hostnames),
            )
            .update(
                "dns_support",
                |want, _| Said::of(want.dns_support),
                |have| Said::of(have.dns_support),
            )
    }

    fn sketch(want: &VpcSpec) -> Sketch {
        Sketch::new(Role::Network, "VPC").note(want.cidr.to_string())
    }

    fn uses(_have: &VpcLive) -> Vec<LiveRef> {
        Vec::new()
    }

    fn ready(have: &VpcLive) -> Ready {
        if have.available {
            Ready::Ready
        } else {
            Ready::Coming("pending".to_owned())
        }
    }

    fn check(want: &VpcSpec) -> Vec<Objection> {
        let mut wrong = Vec::new();
        if !(16..=28).contains(&want.cidr.bits()) {
            let message = format!(
                "a VPC's range is between a /16 and a /28, not a /{}",
                want.cidr.bits()
            );
            wrong.push(Objection::new("cidr", message));
        }
        if want.dns_hostnames && !want.dns_support {
            let message = "public names need `dns_support`";
            wrong
                .push(Objection::new("dns_hostnames", message).help("write dns_hostnames = false"));
        }
        wrong
    }

    fn foretell(want: &VpcSpec, _mark: &Mark) -> Outputs {
        outputs! { "cidr" => json!(want.cidr) }
    }

    async fn discover(cx: &Aws, look: &Look, _seen: &Seen) -> Result<Vec<Found<VpcLive>>> {
        let filters = cx.ec2_filters_by(look, "vpc-id", &[("default", "is-default")]);
        let vpcs = cx
            .read("ec2:DescribeVpcs", || {
                let pages = cx.ec2.describe_vpcs().set_filters(Some(filters.clone()));
                pages
                    .into_paginator()
                    .page_size(1000)
                    .items()
                    .send()
                    .collect::<std::result::Result<Vec<_>, _>>()
            })
            .await?;
        // DescribeVpcs leaves the DNS attributes out: two more calls each.
        try_join_all(vpcs.into_iter().map(|vpc| async move {
            let id = vpc
                .vpc_id
                .ok_or_else(|| missing("ec2:DescribeVpcs", "vpc id"))?;
            let (dns_support, dns_hostnames) = tokio::try_join!(
                attribute(cx, &id, VpcAttributeName::EnableDnsSupport),
                attribute(cx, &id, VpcAttributeName::EnableDnsHostnames),
            )?;
            let live = VpcLive {
                id,
                cidr: vpc.cidr_block.unwrap_or_default(),
                available: vpc.state != Some(VpcState::Pending),
                dns_support,
                dns_hostnames,
            };
            Ok(Found::new(
                live,
                tags(vpc.tags.as_deref().unwrap_or_default()),
            ))
        }))
        .await
    }

    async fn create(cx: &Aws, want: &VpcSpec, _known: &Known, mark: &Mark) -> Result<VpcLive> {
        const ACTION: &str = "ec2:CreateVpc";
        let answer = cx
            .mutate(Op::once(ACTION), || {
                cx.ec2
                    .create_vpc()
                    .cidr_block(want.cidr.to_string())
                    .tag_specifications(marked(ResourceType::Vpc, mark))
                    .send()
            })
            .await?;
        let vpc = answer.vpc.ok_or_else(|| missing(ACTION, "vpc"))?;
        Ok(VpcLive {
            id: vpc.vpc_id.ok_or_else(|| missing(ACTION, "vpc id"))?,
            cidr: vpc.cidr_block.unwrap_or_else(|| want.cidr.to_string()),
            available: vpc.state == Some(VpcState::Available),
            // What AWS gives a new VPC that is not the account's default one.
            dns_support: true,
            dns_hostnames: false,
        })
    }

    async fn update(
        cx: &Aws,
        want: &VpcSpec,
        have: &VpcLive,
        _known: &Known,
        part: &Part<'_>,
    ) -> Result<VpcLive> {
        let mut live = have.clone();
        // One attribute a call; names need the resolver, so it comes first.
        if part.has("dns_support") {
            let on = switch(want.dns_support);
            cx.mutate(Op::again("ec2:ModifyVpcAttribute"), || {
                let call = cx.ec2.modify_vpc_attribute().vpc_id(&have.id);
                call.enable_dns_support(on.clone()).send()
            })
            .await?;
            live.dns_support = want.dns_support;
        }
        if part.has("dns_hostnames") {
            let on = switch(want.dns_hostnames);
            cx.mutate(Op::again("ec2:ModifyVpcAttribute"), || {
                let call = cx.ec2.modify_vpc_attribute().vpc_id(&have.id);
                call.enable_dns_hostnames(on.clone()).send()
            })
            .await?;
            live.dns_hostnames = want.dns_hostnames;
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &VpcLive, leave: &Leave) -> Result<()> {
        // Interfaces of what was deleted just now linger for a while.
        let op = Op::again("ec2:DeleteVpc").while_busy(&["DependencyViolation"], 5.0);
        let blockers = || network::standing_in(cx, &have.id);
        let call = || cx.ec2.delete_vpc().vpc_id(&have.id).send();
        cx.remove(op, leave, blockers, call).await
    }

    async fn tag(cx: &Aws, have: &VpcLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.ec2_tag(&have.id, set, unset).await
    }
}

fn switch(on: bool) -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(on).build()
}

async fn attribute(cx: &Aws, id: &str, name: VpcAttributeName) -> Result<bool> {
    let answer = cx
        .read("ec2:DescribeVpcAttribute", || {
            cx.ec2
                .describe_vpc_attribute()
                .vpc_id(id)
                .attribute(name.clone())
                .send()
        })
        .await?;
    let value = match name {
        VpcAttributeName::EnableDnsSupport => answer.enable_dns_support,
        _ => answer.enable_dns_hostnames,
    };
    Ok(value.and_then(|value| value.value).unwrap_or_default())
}
