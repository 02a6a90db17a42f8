//! Where a subnet's traffic goes (aws-semantics 3.4).

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{ResourceType, RouteOrigin};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::canon::Peer;
use terrace_core::error::{ErrorClass, Result};
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Id, Ref, Target};
use terrace_core::said::Said;
use terrace_core::sketch::Sketch;

use super::instance::Instance;
use super::internet_gateway::InternetGateway;
use super::nat_gateway::NatGateway;
use super::shared::{PrefixLists, filter, marked, tags};
use super::vpc::Vpc;
use super::vpc_endpoint::VpcEndpoint;
use crate::blockers::network;
use crate::client::{Aws, missing};
use crate::door::Op;

/// Where the traffic of some subnets goes.
pub struct RouteTable;

/// Where the traffic of some subnets goes. Inside the VPC it always finds its way; a route says where
/// else to. Subnets name their table; those that name none use the VPC's main one.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteTableSpec {
    /// The VPC that it belongs to.
    #[schemars(extend("x-no-law" = "its routes lead to what is in its VPC"))]
    pub vpc: Ref<Vpc>,
    /// Routes by a name of your own. What is not listed here is taken out; the ways within the VPC and
    /// to gateway endpoints are AWS's and stay.
    #[serde(default)]
    #[schemars(extend("x-keyed" = true, "examples" = [
        { "internet": { "destination": "0.0.0.0/0", "target": "internet_gateway.main" } },
        { "office": { "destination": "192.0.2.0/24", "target": "internet_gateway.main" } },
    ]))]
    pub routes: IndexMap<String, Route>,
}

/// One route.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The range of addresses that traffic is for (`"0.0.0.0/0"` is all the rest), or a prefix list.
    pub destination: Peer<PrefixLists>,
    /// Where it goes: an internet gateway, a NAT gateway, an instance, or an endpoint of a gateway load
    /// balancer. One of the type `gateway` puts its routes in by itself.
    pub target: Ref<RouteTargets>,
}

/// What a route may lead to. Its id tells EC2 what it is, so another kind is a word here and its
/// prefix in [`Way`].
pub struct RouteTargets;

impl Target for RouteTargets {
    const KINDS: &'static [&'static str] = &[
        InternetGateway::NAME,
        NatGateway::NAME,
        VpcEndpoint::NAME,
        Instance::NAME,
    ];
}

/// A route table as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct RouteTableLive {
    id: String,
    vpc: Id<Vpc>,
    /// Where to, by destination.
    routes: BTreeMap<String, String>,
    /// The ids of its associations, by subnet.
    associations: BTreeMap<String, String>,
}

impl RouteTableLive {
    /// The id of the association by which a subnet uses it.
    pub(crate) fn association(&self, subnet: &str) -> Option<&str> {
        self.associations.get(subnet).map(String::as_str)
    }
}

impl Live for RouteTableLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! {}
    }
}

impl Kind for RouteTable {
    const NAME: &'static str = "route_table";
    const ABOUT: About = About::new(Class::Stateless, Create::Token, Swap::CreateFirst)
        .gone_at_once()
        .actions(&[
            "ec2:DescribeRouteTables",
            "ec2:CreateRouteTable",
            "ec2:DeleteRouteTable",
            "ec2:CreateRoute",
            "ec2:ReplaceRoute",
            "ec2:DeleteRoute",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ]);
    type Cx = Aws;
    type Spec = RouteTableSpec;
    type Live = RouteTableLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "vpc",
                |want, known| known.id(&want.vpc),
                |have| Said::of(&have.vpc),
            )
            .set("routes", wanted, |have| Said::of(&have.routes))
            .late()
            .impact(Impact::Blip)
    }

    fn sketch(_want: &RouteTableSpec) -> Sketch {
        Sketch::aside("route table")
    }

    fn uses(have: &RouteTableLive) -> Vec<LiveRef> {
        let ends = have.routes.iter().flat_map(|(to, by)| [to, by]);
        let routes = ends.map(|id| LiveRef::new("routes", id));
        routes
            .chain([LiveRef::new("vpc", have.vpc.as_str())])
            .collect()
    }

    fn ready(_have: &RouteTableLive) -> Ready {
        Ready::Ready
    }

    async fn discover(cx: &Aws, look: &Look, _seen: &Seen) -> Result<Vec<Found<RouteTableLive>>> {
        find(cx, cx.ec2_filters(look, "route-table-id")).await
    }

    async fn create(
        cx: &Aws,
        want: &RouteTableSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<RouteTableLive> {
        const ACTION: &str = "ec2:CreateRouteTable";
        let (cx, vpc) = (&cx, &known.need(&want.vpc)?);
        let make = |token: String| async move {
            let op = Op::again(ACTION).while_busy(&["InvalidVpcID.NotFound"], 2.0);
            let marked = marked(ResourceType::RouteTable, mark);
            let call = || {
                let call = cx.ec2.create_route_table().vpc_id(vpc.as_str());
                call.client_token(&token)
                    .tag_specifications(marked.clone())
                    .send()
            };
            let table = cx.mutate(op, call).await?.route_table;
            read(table.ok_or_else(|| missing(ACTION, "route table"))?, ACTION)
        };
        let alive = |table: &RouteTableLive| {
            let filters = vec![filter("route-table-id", &table.id)];
            async move { Ok(!find(cx, filters).await?.is_empty()) }
        };
        cx.ec2_tokened(mark, make, alive).await
    }

    async fn update(
        cx: &Aws,
        _want: &RouteTableSpec,
        have: &RouteTableLive,
        _known: &Known,
        part: &Part<'_>,
    ) -> Result<RouteTableLive> {
        let mut live = have.clone();
        let changed = part.changed("routes");
        for (destination, target) in part.added("routes") {
            let target = target.as_str().unwrap_or_default().to_owned();
            if changed.contains_key(&destination) {
                replace(cx, &have.id, &destination, &target).await?;
            } else {
                add(cx, &have.id, &destination, &target).await?;
            }
            live.routes.insert(destination, target);
        }
        for destination in part.removed("routes").keys() {
            remove(cx, &have.id, destination).await?;
            live.routes.remove(destination);
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &RouteTableLive, leave: &Leave) -> Result<()> {
        let op = Op::again("ec2:DeleteRouteTable").while_busy(&["DependencyViolation"], 5.0);
        let blockers = || network::served_by(cx, &have.id);
        let call = || cx.ec2.delete_route_table().route_table_id(&have.id).send();
        cx.remove(op, leave, blockers, call).await
    }

    async fn tag(cx: &Aws, have: &RouteTableLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.ec2_tag(&have.id, set, unset).await
    }

    async fn clear(cx: &Aws, have: &RouteTableLive, _field: &str) -> Result<()> {
        for destination in have.routes.keys() {
            remove(cx, &have.id, destination).await?;
        }
        Ok(())
    }
}

/// Targets by destination, which AWS allows once in a table.
fn wanted(want: &RouteTableSpec, known: &Known) -> Said {
    let route = |route: &Route| {
        let destination = route.destination.said(known).text();
        (destination, known.id(&route.target).text())
    };
    Said::of(want.routes.values().map(route).collect::<BTreeMap<_, _>>())
}

/// The parameters of a call that routes: EC2 has one for every kind of destination and target.
macro_rules! to {
    ($call:expr, $destination:expr) => {{
        let Way {
            ipv4,
            ipv6,
            prefix_list,
            ..
        } = Way::of($destination);
        $call
            .set_destination_cidr_block(ipv4)
            .set_destination_ipv6_cidr_block(ipv6)
            .set_destination_prefix_list_id(prefix_list)
    }};
    ($call:expr, $destination:expr, by $target:expr) => {{
        let Way {
            gateway,
            nat,
            instance,
            interface,
            endpoint,
            ..
        } = Way::of($target);
        to!($call, $destination)
            .set_gateway_id(gateway)
            .set_nat_gateway_id(nat)
            .set_instance_id(instance)
            .set_network_interface_id(interface)
            .set_vpc_endpoint_id(endpoint)
    }};
}

/// A destination or a target, by what its text says it is.
struct Way {
    ipv4: Option<String>,
    ipv6: Option<String>,
    prefix_list: Option<String>,
    gateway: Option<String>,
    nat: Option<String>,
    instance: Option<String>,
    interface: Option<String>,
    endpoint: Option<String>,
}

impl Way {
    fn of(text: &str) -> Self {
        let when = |holds: bool| holds.then(|| text.to_owned());
        Self {
            ipv4: when(text.contains('/') && !text.contains(':')),
            ipv6: when(text.contains('/') && text.contains(':')),
            prefix_list: when(text.starts_with("pl-")),
            gateway: when(text.starts_with("igw-")),
            nat: when(text.starts_with("nat-")),
            instance: when(text.starts_with("i-")),
            interface: when(text.starts_with("eni-")),
            endpoint: when(text.starts_with("vpce-")),
        }
    }
}

/// What was made just now may be unknown for a while.
const UNSEEN: &[&str] = &[
    "InvalidRouteTableID.NotFound",
    "InvalidInternetGatewayID.NotFound",
    "InvalidGatewayID.NotFound",
    "InvalidNatGatewayID.NotFound",
    "InvalidNetworkInterfaceID.NotFound",
    "InvalidInstanceID.NotFound",
    "InvalidVpcEndpointId.NotFound",
];

async fn add(cx: &Aws, table: &str, destination: &str, target: &str) -> Result<()> {
    let op = Op::again("ec2:CreateRoute").while_busy(UNSEEN, 5.0);
    let call = || to!(cx.ec2.create_route().route_table_id(table), destination, by target).send();
    match cx.mutate(op, call).await {
        // One that leads elsewhere came in between.
        Err(error) if error.class == ErrorClass::Conflict => {
            replace(cx, table, destination, target).await
        }
        answer => answer.map(drop),
    }
}

async fn replace(cx: &Aws, table: &str, destination: &str, target: &str) -> Result<()> {
    let op = Op::again("ec2:ReplaceRoute").while_busy(UNSEEN, 5.0);
    let call = || to!(cx.ec2.replace_route().route_table_id(table), destination, by target).send();
    cx.mutate(op, call).await.map(drop)
}

async fn remove(cx: &Aws, table: &str, destination: &str) -> Result<()> {
    let op = Op::again("ec2:DeleteRoute");
    let call = || to!(cx.ec2.delete_route().route_table_id(table), destination).send();
    cx.gone(cx.mutate(op, call).await)
}

/// All tables that pass the filters. Their routes and associations come along.
pub(crate) async fn find(
    cx: &Aws,
    filters: Vec<aws_sdk_ec2::types::Filter>,
) -> Result<Vec<Found<RouteTableLive>>> {
    const ACTION: &str = "ec2:DescribeRouteTables";
    let tables = cx
        .read(ACTION, || {
            let call = cx.ec2.describe_route_tables();
            let pages = call.set_filters(Some(filters.clone())).into_paginator();
            // The largest page that this call takes.
            let pages = pages.page_size(100).items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let found = |table: aws_sdk_ec2::types::RouteTable| {
        let tags = tags(table.tags.as_deref().unwrap_or_default());
        Ok(Found::new(read(table, ACTION)?, tags))
    };
    tables.into_iter().map(found).collect()
}

fn read(table: aws_sdk_ec2::types::RouteTable, action: &str) -> Result<RouteTableLive> {
    let associations = table.associations.unwrap_or_default().into_iter();
    let associations = associations.filter_map(|association| {
        // The main one and those of gateways name no subnet.
        Some((
            association.subnet_id?,
            association.route_table_association_id?,
        ))
    });
    Ok(RouteTableLive {
        id: table
            .route_table_id
            .ok_or_else(|| missing(action, "route table id"))?,
        vpc: Id::new(table.vpc_id.ok_or_else(|| missing(action, "vpc id"))?),
        routes: table
            .routes
            .unwrap_or_default()
            .into_iter()
            .filter_map(read_route)
            .collect(),
        associations: associations.collect(),
    })
}

/// A route of a person's: not those that the VPC itself, a VPN or a gateway endpoint put in.
fn read_route(route: aws_sdk_ec2::types::Route) -> Option<(String, String)> {
    let propagated = route
        .origin
        .is_some_and(|origin| origin != RouteOrigin::CreateRoute);
    let gateway = route.gateway_id.filter(|id| !id.is_empty());
    let ours_not = gateway.as_deref().is_some_and(|id| {
        id == "local" || (id.starts_with("vpce-") && route.destination_prefix_list_id.is_some())
    });
    if propagated || ours_not {
        return None;
    }
    let destination = [
        route.destination_cidr_block,
        route.destination_ipv6_cidr_block,
        route.destination_prefix_list_id,
    ];
    // A route to an instance names its interface too, so the instance comes first.
    let target = [
        gateway,
        route.nat_gateway_id,
        route.instance_id,
        route.network_interface_id,
        route.vpc_peering_connection_id,
        route.transit_gateway_id,
        route.egress_only_internet_gateway_id,
        route.carrier_gateway_id,
        route.local_gateway_id,
        route.core_network_arn,
    ];
    let first = |texts: &[Option<String>]| {
        texts
            .iter()
            .flatten()
            .find(|text| !text.is_empty())
            .cloned()
    };
    Some((first(&destination)?, first(&target).unwrap_or_default()))
}
