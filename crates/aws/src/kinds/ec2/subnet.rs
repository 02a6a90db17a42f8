//! One zone's share of a VPC's addresses (aws-semantics 3.2).

use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, SubnetState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::{Cidr4, Zone};
use terrace_core::error::{ErrorClass, Result};
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Id, Ref};
use terrace_core::said::Said;
use terrace_core::sketch::{Role, Sketch};

use super::route_table::{self, RouteTable, RouteTableLive};
use super::shared::{filter, marked, tags};
use super::vpc::Vpc;
use crate::blockers::network;
use crate::client::{Aws, missing};
use crate::door::Op;

/// One zone's share of a VPC's addresses.
pub struct Subnet;

/// One zone's share of a VPC's addresses.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubnetSpec {
    /// The VPC whose addresses it shares out.
    #[schemars(extend("x-no-law" = "its route table is of its VPC"))]
    pub vpc: Ref<Vpc>,
    /// Its range: inside the VPC's, apart from its other subnets', between a /16 and a /28. AWS keeps
    /// five addresses of it.
    #[schemars(extend("examples" = ["10.0.0.0/24", "10.0.1.0/24"], "x-share-of" = "vpc.cidr"))]
    pub cidr: Cidr4,
    /// The zone it is in, by its letter (`"a"`). A zone that AWS picks would differ from one
    /// environment to the next.
    #[schemars(extend("examples" = ["a", "b"]))]
    pub zone: Zone,
    /// Whether what is started in it gets a public address, if it does not say otherwise.
    #[serde(default)]
    pub public: bool,
    /// Where its traffic goes. Absent: wherever the VPC's main table says, which is nowhere outside in a
    /// VPC of ours.
    pub route_table: Option<Ref<RouteTable>>,
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
    route_table: Option<Associated>,
}

/// By which table its traffic goes.
#[derive(Clone, Debug, Serialize)]
struct Associated {
    table: Id<RouteTable>,
    /// The association's own id, by which it is changed.
    id: String,
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
        .gone_at_once()
        .outputs(&["arn", "cidr", "zone"])
        // What starts in it fetches things at once, by the routes that it should have.
        .late_first()
        .actions(&[
            "ec2:DescribeSubnets",
            "ec2:DescribeRouteTables",
            "ec2:AssociateRouteTable",
            "ec2:ReplaceRouteTableAssociation",
            "ec2:DisassociateRouteTable",
            "ec2:CreateSubnet",
            "ec2:ModifySubnetAttribute",
            "ec2:DeleteSubnet",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeTags",
            "elasticloadbalancing:DescribeTags",
            "rds:DescribeDBInstances",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ]);
    type Cx = Aws;
    type Spec = SubnetSpec;
    type Live = SubnetLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "vpc",
                |want, known| known.id(&want.vpc),
                |have| Said::of(&have.vpc),
            )
            .replace(
                "cidr",
                |want, _| Said::of(want.cidr),
                |have| Said::of(&have.cidr),
            )
            .decide(
                "zone",
                |want, _| Said::of(&want.zone),
                |have| Said::of(&have.zone),
                |want, have| want.zone.verdict(&have.zone, &have.zone_id),
            )
            .update(
                "public",
                |want, _| Said::of(want.public),
                |have| Said::of(have.public),
            )
            .update(
                "route_table",
                |want, known| Said::or_none(want.route_table.as_ref().map(|table| known.id(table))),
                |have| {
                    Said::or_none(
                        have.route_table
                            .as_ref()
                            .map(|is| Said::of(is.table.as_str())),
                    )
                },
            )
            .late()
            .impact(Impact::Blip)
    }

    fn sketch(want: &SubnetSpec) -> Sketch {
        Sketch::new(Role::Ground { open: want.public }, "subnet")
            .note(want.cidr.to_string())
            .zone(&want.zone)
    }

    fn uses(have: &SubnetLive) -> Vec<LiveRef> {
        let table = have.route_table.iter();
        let table = table.map(|is| LiveRef::new("route_table", is.table.as_str()));
        table
            .chain([LiveRef::new("vpc", have.vpc.as_str())])
            .collect()
    }

    fn ready(have: &SubnetLive) -> Ready {
        if have.available {
            Ready::Ready
        } else {
            Ready::Coming("pending".to_owned())
        }
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

    async fn discover(cx: &Aws, look: &Look, seen: &Seen) -> Result<Vec<Found<SubnetLive>>> {
        let words = [("default", "default-for-az")];
        let mut subnets = find(cx, cx.ec2_filters_by(look, "subnet-id", &words)).await?;
        // A table tells its subnets, a subnet not its table. Ours are listed already; one that is not
        // ours is found by the call that changes the association.
        let tables = match look {
            Look::Ours => seen.all::<RouteTable>().await?,
            Look::Id(id) => {
                route_table::find(cx, vec![filter("association.subnet-id", id)]).await?
            }
            Look::Like(_) => Vec::new(),
        };
        for subnet in &mut subnets {
            subnet.live.route_table = associated(&tables, &subnet.live.id);
        }
        Ok(subnets)
    }

    async fn create(cx: &Aws, want: &SubnetSpec, known: &Known, mark: &Mark) -> Result<SubnetLive> {
        const ACTION: &str = "ec2:CreateSubnet";
        let vpc = known.need(&want.vpc)?;
        // Ranges of one VPC cannot overlap, so a repeated call is refused (InvalidSubnet.Conflict), and
        // what the first one made is found by its mark.
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
        read(
            answer.subnet.ok_or_else(|| missing(ACTION, "subnet"))?,
            ACTION,
        )
    }

    async fn update(
        cx: &Aws,
        want: &SubnetSpec,
        have: &SubnetLive,
        known: &Known,
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
        if part.has("route_table") {
            live.route_table = match &want.route_table {
                Some(table) => Some(associate(cx, have, known.need(table)?).await?),
                None => disassociate(cx, have).await.map(|()| None)?,
            };
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &SubnetLive, leave: &Leave) -> Result<()> {
        // Interfaces of load balancers and functions linger for up to twenty minutes.
        let op = Op::again("ec2:DeleteSubnet").while_busy(&["DependencyViolation"], 20.0);
        let blockers = || network::interfaces(cx, vec![filter("subnet-id", &have.id)]);
        let call = || cx.ec2.delete_subnet().subnet_id(&have.id).send();
        cx.remove(op, leave, blockers, call).await
    }

    async fn tag(cx: &Aws, have: &SubnetLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.ec2_tag(&have.id, set, unset).await
    }

    async fn clear(cx: &Aws, have: &SubnetLive, _field: &str) -> Result<()> {
        disassociate(cx, have).await
    }
}

/// Gives a subnet its table, in place of the one it has.
async fn associate(cx: &Aws, have: &SubnetLive, table: Id<RouteTable>) -> Result<Associated> {
    let answer = match &have.route_table {
        Some(is) => replace(cx, &is.id, &table).await,
        None => add(cx, &have.id, &table).await,
    };
    match answer {
        // Somebody gave it another table meanwhile, perhaps one that is not ours; or our own call went
        // through before, and its answer was lost.
        Err(error) if matches!(error.class, ErrorClass::InUse | ErrorClass::NotFound) => {
            let same = vec![filter("association.subnet-id", &have.id)];
            match associated(&route_table::find(cx, same).await?, &have.id) {
                Some(is) if is.table == table => Ok(is),
                Some(is) => replace(cx, &is.id, &table).await,
                None => Err(error),
            }
        }
        answer => answer,
    }
}

async fn add(cx: &Aws, subnet: &str, table: &Id<RouteTable>) -> Result<Associated> {
    const ACTION: &str = "ec2:AssociateRouteTable";
    let op = Op::again(ACTION).while_busy(UNSEEN, 5.0);
    let call = || {
        let call = cx
            .ec2
            .associate_route_table()
            .route_table_id(table.as_str());
        call.subnet_id(subnet).send()
    };
    let id = cx.mutate(op, call).await?.association_id;
    let id = id.ok_or_else(|| missing(ACTION, "association id"))?;
    Ok(Associated {
        table: table.clone(),
        id,
    })
}

/// In one go, without a moment by the main table. The association gets another id.
async fn replace(cx: &Aws, association: &str, table: &Id<RouteTable>) -> Result<Associated> {
    const ACTION: &str = "ec2:ReplaceRouteTableAssociation";
    let op = Op::again(ACTION).while_busy(UNSEEN, 5.0);
    let call = || {
        let call = cx
            .ec2
            .replace_route_table_association()
            .association_id(association);
        call.route_table_id(table.as_str()).send()
    };
    let id = cx.mutate(op, call).await?.new_association_id;
    let id = id.ok_or_else(|| missing(ACTION, "association id"))?;
    Ok(Associated {
        table: table.clone(),
        id,
    })
}

async fn disassociate(cx: &Aws, have: &SubnetLive) -> Result<()> {
    let Some(is) = &have.route_table else {
        return Ok(());
    };
    let op = Op::again("ec2:DisassociateRouteTable");
    let call = || {
        cx.ec2
            .disassociate_route_table()
            .association_id(&is.id)
            .send()
    };
    cx.gone(cx.mutate(op, call).await)
}

/// What was made just now may be unknown for a while.
const UNSEEN: &[&str] = &["InvalidRouteTableID.NotFound", "InvalidSubnetID.NotFound"];

/// By which of these tables a subnet's traffic goes.
fn associated(tables: &[Found<RouteTableLive>], subnet: &str) -> Option<Associated> {
    let by = |found: &Found<RouteTableLive>| {
        let id = found.live.association(subnet)?.to_owned();
        Some(Associated {
            table: Id::new(found.live.id()),
            id,
        })
    };
    tables.iter().find_map(by)
}

async fn find(
    cx: &Aws,
    filters: Vec<aws_sdk_ec2::types::Filter>,
) -> Result<Vec<Found<SubnetLive>>> {
    const ACTION: &str = "ec2:DescribeSubnets";
    let subnets = cx
        .read(ACTION, || {
            let call = cx.ec2.describe_subnets();
            let pages = call.set_filters(Some(filters.clone())).into_paginator();
            let pages = pages.page_size(1000).items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let found = |subnet: aws_sdk_ec2::types::Subnet| {
        let tags = tags(subnet.tags.as_deref().unwrap_or_default());
        Ok(Found::new(read(subnet, ACTION)?, tags))
    };
    subnets.into_iter().map(found).collect()
}

fn read(subnet: aws_sdk_ec2::types::Subnet, action: &str) -> Result<SubnetLive> {
    Ok(SubnetLive {
        id: subnet
            .subnet_id
            .ok_or_else(|| missing(action, "subnet id"))?,
        arn: subnet.subnet_arn.unwrap_or_default(),
        vpc: Id::new(subnet.vpc_id.ok_or_else(|| missing(action, "vpc id"))?),
        cidr: subnet.cidr_block.unwrap_or_default(),
        zone: subnet.availability_zone.unwrap_or_default(),
        zone_id: subnet.availability_zone_id.unwrap_or_default(),
        available: subnet.state != Some(SubnetState::Pending),
        public: subnet.map_public_ip_on_launch.unwrap_or_default(),
        route_table: None,
    })
}
