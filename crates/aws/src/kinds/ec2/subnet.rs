//! One zone's share of a VPC's addresses (aws-semantics 3.2).

use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, SubnetState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::{Cidr4, Zone};
use terrace_core::error::Result;
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Id, Ref};
use terrace_core::said::Said;

use super::shared::{marked, tags};
use super::vpc::Vpc;
use crate::client::{Aws, missing};
use crate::door::Op;

/// One zone's share of a VPC's addresses.
pub struct Subnet;

/// One zone's share of a VPC's addresses.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubnetSpec {
    /// The VPC whose addresses it shares out.
    pub vpc: Ref<Vpc>,
    /// Its range: inside the VPC's, apart from its other subnets', between a /16 and a /28. AWS keeps
    /// five addresses of it.
    #[schemars(extend("examples" = ["10.0.0.0/24", "10.0.1.0/24"]))]
    pub cidr: Cidr4,
    /// The zone it is in, by its letter (`"a"`). A zone that AWS picks would differ from one
    /// environment to the next.
    #[schemars(extend("examples" = ["a", "b"]))]
    pub zone: Zone,
    /// Whether what is started in it gets a public address, if it does not say otherwise.
    #[serde(default)]
    pub public: bool,
}

/// A subnet as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct SubnetLive {
    id: String,
    arn: String,
    vpc: Id<Vpc>,
    cidr: String,
    zone: String,
    zone_id: String,
    available: bool,
    public: bool,
}

impl Live for SubnetLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! {
            "arn" => json!(self.arn),
            "cidr" => json!(self.cidr),
            "zone" => json!(self.zone),
        }
    }
}

impl Kind for Subnet {
    const NAME: &'static str = "subnet";
    const ABOUT: About = About::new(Class::Foundation, Create::Name, Swap::DeleteFirst)
        .outputs(&["arn", "cidr", "zone"])
        .actions(&[
            "ec2:DescribeSubnets",
            "ec2:CreateSubnet",
            "ec2:ModifySubnetAttribute",
            "ec2:DeleteSubnet",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ]);
    type Cx = Aws;
    type Spec = SubnetSpec;
    type Live = SubnetLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace("vpc", |want, known| known.id(&want.vpc), |have| Said::of(&have.vpc))
            .replace("cidr", |want, _| Said::of(&want.cidr), |have| Said::of(&have.cidr))
            .decide(
                "zone",
                |want, _| Said::of(&want.zone),
                |have| Said::of(&have.zone),
                |want, have| want.zone.verdict(&have.zone, &have.zone_id),
            )
            .update("public", |want, _| Said::of(want.public), |have| Said::of(have.public))
    }

    fn uses(have: &SubnetLive) -> Vec<LiveRef> {
        vec![LiveRef::new("vpc", have.vpc.as_str())]
    }

    fn ready(have: &SubnetLive) -> Ready {
        if have.available { Ready::Ready } else { Ready::Coming("pending".to_owned()) }
    }

    fn check(want: &SubnetSpec) -> Vec<Objection> {
        if (16..=28).contains(&want.cidr.bits()) {
            return Vec::new();
        }
        let bits = want.cidr.bits();
        let message = format!("a subnet's range is between a /16 and a /28, not a /{bits}");
        vec![Objection::new("cidr", message)]
    }

    fn foretell(want: &SubnetSpec, _mark: &Mark) -> Outputs {
        outputs! { "cidr" => json!(want.cidr) }
    }

    async fn discover(cx: &Aws, look: &Look, _seen: &Seen) -> Result<Vec<Found<SubnetLive>>> {
        let filters = cx.ec2_filters(look, "subnet-id");
        let subnets = cx
            .read("ec2:DescribeSubnets", || {
                let pages = cx.ec2.describe_subnets().set_filters(Some(filters.clone()));
                pages.into_paginator().page_size(1000).items().send().collect::<std::result::Result<Vec<_>, _>>()
            })
            .await?;
        subnets
            .into_iter()
            .map(|subnet| {
                let tags = tags(subnet.tags.as_deref().unwrap_or_default());
                Ok(Found::new(read(subnet, "ec2:DescribeSubnets")?, tags))
            })
            .collect()
    }

    async fn create(cx: &Aws, want: &SubnetSpec, known: &Known, mark: &Mark) -> Result<SubnetLive> {
        const ACTION: &str = "ec2:CreateSubnet";
        let vpc = known.need(&want.vpc)?;
        // Ranges of one VPC cannot overlap, so a repeated call is refused (InvalidSubnet.Conflict).
        let op = Op::again(ACTION).while_busy(&["InvalidVpcID.NotFound"], 2.0);
        let answer = cx
            .mutate(op, || {
                let call = cx.ec2.create_subnet().vpc_id(vpc.as_str());
                let call = match want.zone.id() {
                    Some(id) => call.availability_zone_id(id),
                    None => call.availability_zone(want.zone.in_region(&cx.region)),
                };
                call.cidr_block(want.cidr.to_string())
                    .tag_specifications(marked(ResourceType::Subnet, mark))
                    .send()
            })
            .await?;
        read(answer.subnet.ok_or_else(|| missing(ACTION, "subnet"))?, ACTION)
    }

    async fn update(
        cx: &Aws,
        want: &SubnetSpec,
        have: &SubnetLive,
        _known: &Known,
        part: &Part<'_>,
    ) -> Result<SubnetLive> {
        let mut live = have.clone();
        if part.has("public") {
            let on = AttributeBooleanValue::builder().value(want.public).build();
            cx.mutate(Op::again("ec2:ModifySubnetAttribute"), || {
                let call = cx.ec2.modify_subnet_attribute().subnet_id(&have.id);
                call.map_public_ip_on_launch(on.clone()).send()
            })
            .await?;
            live.public = want.public;
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &SubnetLive, _leave: &Leave) -> Result<()> {
        // Interfaces of load balancers and functions linger for up to twenty minutes.
        let op = Op::again("ec2:DeleteSubnet").while_busy(&["DependencyViolation"], 20.0);
        cx.gone(cx.mutate(op, || cx.ec2.delete_subnet().subnet_id(&have.id).send()).await)
    }

    async fn tag(cx: &Aws, have: &SubnetLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.ec2_tag(&have.id, set, unset).await
    }
}

fn read(subnet: aws_sdk_ec2::types::Subnet, action: &str) -> Result<SubnetLive> {
    Ok(SubnetLive {
        id: subnet.subnet_id.ok_or_else(|| missing(action, "subnet id"))?,
        arn: subnet.subnet_arn.unwrap_or_default(),
        vpc: Id::new(subnet.vpc_id.ok_or_else(|| missing(action, "vpc id"))?),
        cidr: subnet.cidr_block.unwrap_or_default(),
        zone: subnet.availability_zone.unwrap_or_default(),
        zone_id: subnet.availability_zone_id.unwrap_or_default(),
        available: subnet.state != Some(SubnetState::Pending),
        public: subnet.map_public_ip_on_launch.unwrap_or_default(),
    })
}
