//! What holds a network or a part of it: network interfaces, and whose they are; groups that refer to groups.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, NetworkInterface, RouteTable, Tag};
use futures_util::future::try_join_all;
use terrace_core::error::Result;
use terrace_core::mark::Tags;

use super::databases::databases;
use super::{Blocker, Fate};
use crate::client::Aws;
use crate::kinds::ec2::shared::{filter, tags};

/// Whose a network interface is. AWS says it in words (aws-semantics 3.1, 3.19).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Instance(String),
    Nat(String),
    Endpoint(String),
    /// The end of its ARN: `app/web/0123`.
    Balancer(String),
    Database,
    /// A function's name.
    Function(String),
    /// Another service of AWS, in its words.
    Service(String),
    /// Nobody's but its own: by its id.
    Itself(String),
}

impl Owner {
    fn of(interface: &NetworkInterface) -> Self {
        let words = interface.description().unwrap_or_default();
        let attached = interface.attachment().and_then(|to| to.instance_id());
        let says = |start: &str| words.strip_prefix(start).map(str::to_owned);
        if let Some(id) = attached {
            return Self::Instance(id.to_owned());
        }
        if let Some(id) = says("Interface for NAT Gateway ") {
            return Self::Nat(id);
        }
        if let Some(id) = says("VPC Endpoint Interface ") {
            return Self::Endpoint(id);
        }
        // A classic one has a name and no path.
        if let Some(path) = says("ELB ").filter(|name| name.contains('/')) {
            return Self::Balancer(path);
        }
        if words == "RDSNetworkInterface" {
            return Self::Database;
        }
        if let Some(function) = says("AWS Lambda VPC ENI-") {
            // A UUID follows the name.
            let name = function.len().saturating_sub(37);
            return Self::Function(function.get(..name).unwrap_or(&function).to_owned());
        }
        if interface.requester_managed() == Some(true) {
            let requester = interface.requester_id().unwrap_or("a service of AWS");
            let words = if words.is_empty() { requester } else { words };
            return Self::Service(words.to_owned());
        }
        Self::Itself(id(interface).to_owned())
    }

    /// What it is, and the id by which EC2 knows its tags.
    fn words(&self) -> (String, Option<&str>) {
        match self {
            Self::Instance(id) => (format!("instance {id}"), Some(id)),
            Self::Nat(id) => (format!("NAT gateway {id}"), Some(id)),
            Self::Endpoint(id) => (format!("VPC endpoint {id}"), Some(id)),
            Self::Balancer(path) => (format!("load balancer {path}"), None),
            Self::Database => ("a database".to_owned(), None),
            Self::Function(name) => (format!("function {name}"), None),
            Self::Service(words) => (format!("AWS's `{words}`"), None),
            Self::Itself(_) => (String::new(), None),
        }
    }
}

fn id(interface: &NetworkInterface) -> &str {
    interface.network_interface_id().unwrap_or_default()
}

/// The network interfaces that fit, by whose they are. Needs `ec2:DescribeNetworkInterfaces`,
/// `ec2:DescribeTags`, `elasticloadbalancing:DescribeTags` and `rds:DescribeDBInstances`.
pub(crate) async fn interfaces(cx: &Aws, filters: Vec<Filter>) -> Result<Vec<Blocker>> {
    grouped(cx, &find(cx, filters).await?).await
}

/// Those that hold a gateway, because they have a public address. Needs the same.
pub(crate) async fn public_interfaces(cx: &Aws, vpc: &str) -> Result<Vec<Blocker>> {
    let mut found = find(cx, vec![filter("vpc-id", vpc)]).await?;
    found.retain(|one| one.association().is_some_and(|to| to.public_ip().is_some()));
    grouped(cx, &found).await
}

/// The one that has an address. Needs the same, and `ec2:DescribeAddresses`.
pub(crate) async fn interfaces_at(cx: &Aws, allocation: &str) -> Result<Vec<Blocker>> {
    let answer = cx
        .read("ec2:DescribeAddresses", || {
            let call = cx.ec2.describe_addresses();
            call.filters(filter("allocation-id", allocation)).send()
        })
        .await?;
    let mut at = answer.addresses().iter();
    match at.find_map(|address| address.network_interface_id()) {
        Some(id) => interfaces(cx, vec![filter("network-interface-id", id)]).await,
        None => Ok(Vec::new()),
    }
}

async fn find(cx: &Aws, filters: Vec<Filter>) -> Result<Vec<NetworkInterface>> {
    cx.read("ec2:DescribeNetworkInterfaces", || {
        let call = cx.ec2.describe_network_interfaces();
        let call = call.set_filters(Some(filters.clone()));
        let pages = call.into_paginator().items().send();
        pages.collect::<std::result::Result<Vec<_>, _>>()
    })
    .await
}

async fn grouped(cx: &Aws, found: &[NetworkInterface]) -> Result<Vec<Blocker>> {
    let mut owners: BTreeMap<Owner, Vec<&NetworkInterface>> = BTreeMap::new();
    for interface in found {
        owners
            .entry(Owner::of(interface))
            .or_default()
            .push(interface);
    }
    let ids = owners.keys().filter_map(|owner| owner.words().1);
    let tags = tags_of(cx, ids.map(str::to_owned).collect()).await?;
    let blockers = owners
        .iter()
        .map(|(owner, interfaces)| named(cx, owner, interfaces, &tags));
    Ok(try_join_all(blockers)
        .await?
        .into_iter()
        .flatten()
        .collect())
}

/// The tags of several things of EC2, by id.
async fn tags_of(cx: &Aws, ids: Vec<String>) -> Result<BTreeMap<String, Tags>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let filters = Filter::builder().name("resource-id").set_values(Some(ids));
    let filters = filters.build();
    let found = cx
        .read("ec2:DescribeTags", || {
            let call = cx.ec2.describe_tags().filters(filters.clone());
            let pages = call.into_paginator().items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let mut tags: BTreeMap<String, Tags> = BTreeMap::new();
    for tag in found {
        if let (Some(id), Some(key)) = (tag.resource_id, tag.key) {
            let value = tag.value.unwrap_or_default();
            tags.entry(id).or_default().insert(key, value);
        }
    }
    Ok(tags)
}

async fn named(
    cx: &Aws,
    owner: &Owner,
    interfaces: &[&NetworkInterface],
    tags: &BTreeMap<String, Tags>,
) -> Result<Vec<Blocker>> {
    let ids: Vec<&str> = interfaces.iter().map(|one| id(one)).collect();
    let by = format!("network interface {}", ids.join(", "));
    let (words, tagged) = owner.words();
    let tags = tagged.and_then(|id| tags.get(id)).cloned();
    let tags = tags.unwrap_or_default();
    let fate = match owner {
        Owner::Instance(id) => {
            let command = format!("ec2 terminate-instances --instance-ids {id}");
            cx.fate(&tags, cx.cli("if nobody needs it, terminate it", &command))
        }
        Owner::Nat(id) => {
            let command = format!("ec2 delete-nat-gateway --nat-gateway-id {id}");
            cx.fate(&tags, cx.cli("if nobody needs it, delete it", &command))
        }
        Owner::Endpoint(id) => {
            let command = format!("ec2 delete-vpc-endpoints --vpc-endpoint-ids {id}");
            cx.fate(&tags, cx.cli("if nobody needs it, delete it", &command))
        }
        Owner::Balancer(path) => balancer(cx, path).await?,
        Owner::Database => {
            let found = database(cx, interfaces).await?;
            if !found.is_empty() {
                return Ok(found);
            }
            Fate::Lingers("look for the databases of this network".to_owned())
        }
        Owner::Function(name) => Fate::Lingers(cx.cli(
            "if it is still there, take it out of the network",
            &format!("lambda get-function --function-name {name}"),
        )),
        Owner::Service(_) => Fate::Lingers("look for what it serves, and delete that".to_owned()),
        Owner::Itself(id) => {
            let own = interfaces.first().map(|one| self::tags(one.tag_set()));
            let command = format!("ec2 delete-network-interface --network-interface-id {id}");
            let remedy = cx.cli("if nobody needs it, delete it", &command);
            let what = match interfaces.first().and_then(|one| one.description()) {
                Some(words) if !words.is_empty() => format!("{by} (`{words}`)"),
                _ => by,
            };
            let fate = cx.fate(&own.unwrap_or_default(), remedy);
            return Ok(vec![Blocker::new(what, fate)]);
        }
    };
    Ok(vec![Blocker::new(format!("{words} by {by}"), fate)])
}

/// A balancer that is gone leaves its interfaces behind for minutes (aws-semantics 3.19).
async fn balancer(cx: &Aws, path: &str) -> Result<Fate> {
    let arn = cx.arn("elasticloadbalancing", &format!("loadbalancer/{path}"));
    let command = format!("elbv2 delete-load-balancer --load-balancer-arn {arn}");
    let remedy = cx.cli("if nobody needs it, delete it", &command);
    let tags = cx.elb_tags(&[&arn]).await?;
    Ok(tags
        .get(&arn)
        .map_or(Fate::Going, |tags| cx.fate(tags, remedy)))
}

/// RDS does not say whose an interface is: those in the same network with one of its groups.
async fn database(cx: &Aws, interfaces: &[&NetworkInterface]) -> Result<Vec<Blocker>> {
    databases(cx, |database| {
        let groups = database.vpc_security_groups().iter();
        let groups: Vec<&str> = groups
            .filter_map(|group| group.vpc_security_group_id())
            .collect();
        interfaces.iter().any(|interface| {
            let mut own = interface.groups().iter();
            own.any(|group| group.group_id().is_some_and(|id| groups.contains(&id)))
        })
    })
    .await
}

/// The groups whose rules refer to a group. Needs `ec2:DescribeSecurityGroups`.
pub(crate) async fn referring(cx: &Aws, group: &str) -> Result<Vec<Blocker>> {
    let by = ["ip-permission.group-id", "egress.ip-permission.group-id"];
    let lists = by.map(|name| groups(cx, vec![filter(name, group)]));
    let mut found: Vec<Blocker> = Vec::new();
    for list in try_join_all(lists).await? {
        for one in list {
            if one.id != group && !found.iter().any(|known| known.what == one.words()) {
                let does = format!("take the rule that refers to {group} out of it");
                let command = format!(
                    "ec2 describe-security-group-rules --filters Name=group-id,Values={}",
                    one.id
                );
                let fate = cx.fate(&one.tags, cx.cli(&does, &command));
                found.push(Blocker::new(one.words(), fate));
            }
        }
    }
    Ok(found)
}

struct Group {
    id: String,
    name: String,
    tags: Tags,
}

impl Group {
    fn words(&self) -> String {
        format!("security group {} (`{}`)", self.id, self.name)
    }
}

async fn groups(cx: &Aws, filters: Vec<Filter>) -> Result<Vec<Group>> {
    let found = cx
        .read("ec2:DescribeSecurityGroups", || {
            let call = cx.ec2.describe_security_groups();
            let call = call.set_filters(Some(filters.clone()));
            let pages = call.into_paginator().items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let group = |one: aws_sdk_ec2::types::SecurityGroup| Group {
        tags: tags(one.tags()),
        id: one.group_id.unwrap_or_default(),
        name: one.group_name.unwrap_or_default(),
    };
    Ok(found.into_iter().map(group).collect())
}

/// All that stands in a VPC and must go before it: interfaces, and else what has none.
pub(crate) async fn standing_in(cx: &Aws, vpc: &str) -> Result<Vec<Blocker>> {
    let own = || vec![filter("vpc-id", vpc)];
    let mut found = interfaces(cx, own()).await?;
    found.extend(subnets(cx, own()).await?);
    for group in groups(cx, own()).await? {
        // The default group goes with the VPC.
        if group.name != "default" {
            let command = format!("ec2 delete-security-group --group-id {}", group.id);
            let fate = cx.fate(&group.tags, cx.cli("delete it", &command));
            found.push(Blocker::new(group.words(), fate));
        }
    }
    found.extend(gateways(cx, vpc).await?);
    found.extend(tables(cx, own()).await?);
    Ok(found)
}

fn plain(cx: &Aws, what: &str, id: Option<&str>, tags: &[Tag], delete: &str) -> Blocker {
    let id = id.unwrap_or_default();
    let remedy = cx.cli("delete it", &format!("ec2 {delete} {id}"));
    Blocker::new(format!("{what} {id}"), cx.fate(&self::tags(tags), remedy))
}

async fn subnets(cx: &Aws, filters: Vec<Filter>) -> Result<Vec<Blocker>> {
    let found = cx
        .read("ec2:DescribeSubnets", || {
            let call = cx.ec2.describe_subnets();
            let call = call.set_filters(Some(filters.clone()));
            let pages = call.into_paginator().items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let blocker = |one: &aws_sdk_ec2::types::Subnet| {
        plain(
            cx,
            "subnet",
            one.subnet_id(),
            one.tags(),
            "delete-subnet --subnet-id",
        )
    };
    Ok(found.iter().map(blocker).collect())
}

async fn gateways(cx: &Aws, vpc: &str) -> Result<Vec<Blocker>> {
    let found = cx
        .read("ec2:DescribeInternetGateways", || {
            let call = cx.ec2.describe_internet_gateways();
            let call = call.filters(filter("attachment.vpc-id", vpc));
            let pages = call.into_paginator().items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let blocker = |one: &aws_sdk_ec2::types::InternetGateway| {
        let id = one.internet_gateway_id();
        let detach = format!("detach-internet-gateway --vpc-id {vpc} --internet-gateway-id");
        plain(cx, "internet gateway", id, one.tags(), &detach)
    };
    Ok(found.iter().map(blocker).collect())
}

/// The subnets that a route table still serves. Needs `ec2:DescribeRouteTables` and `ec2:DescribeTags`.
pub(crate) async fn served_by(cx: &Aws, table: &str) -> Result<Vec<Blocker>> {
    let found = find_tables(cx, vec![filter("route-table-id", table)]).await?;
    let served: Vec<(&str, &str)> = found
        .iter()
        .flat_map(RouteTable::associations)
        .filter_map(|one| Some((one.subnet_id()?, one.route_table_association_id()?)))
        .collect();
    let subnets = served.iter().map(|(subnet, _)| (*subnet).to_owned());
    let tags = tags_of(cx, subnets.collect()).await?;
    let blocker = |(subnet, association): (&str, &str)| {
        let command = format!("ec2 disassociate-route-table --association-id {association}");
        let remedy = cx.cli("take the table from it", &command);
        let tags = tags.get(subnet).cloned().unwrap_or_default();
        Blocker::new(format!("subnet {subnet}"), cx.fate(&tags, remedy))
    };
    Ok(served.into_iter().map(blocker).collect())
}

async fn find_tables(cx: &Aws, filters: Vec<Filter>) -> Result<Vec<RouteTable>> {
    cx.read("ec2:DescribeRouteTables", || {
        let call = cx.ec2.describe_route_tables();
        let call = call.set_filters(Some(filters.clone()));
        let pages = call.into_paginator().items().send();
        pages.collect::<std::result::Result<Vec<_>, _>>()
    })
    .await
}

async fn tables(cx: &Aws, filters: Vec<Filter>) -> Result<Vec<Blocker>> {
    let found = find_tables(cx, filters).await?;
    // The main table goes with the VPC.
    let side = |table: &&RouteTable| {
        !table
            .associations()
            .iter()
            .any(|one| one.main() == Some(true))
    };
    let blocker = |one: &RouteTable| {
        let id = one.route_table_id();
        plain(
            cx,
            "route table",
            id,
            one.tags(),
            "delete-route-table --route-table-id",
        )
    };
    Ok(found.iter().filter(side).map(blocker).collect())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::NetworkInterfaceAttachment;

    use super::*;

    fn interface(words: &str, managed: bool) -> NetworkInterface {
        NetworkInterface::builder()
            .network_interface_id("eni-1")
            .description(words)
            .requester_managed(managed)
            .requester_id("amazon-x")
            .build()
    }

    #[test]
    fn whose_an_interface_is() {
        let function = "AWS Lambda VPC ENI-resize-12345678-1234-1234-1234-123456789012";
        for (words, managed, owner) in [
            (
                "ELB app/web/0123",
                true,
                Owner::Balancer("app/web/0123".to_owned()),
            ),
            ("ELB old", true, Owner::Service("ELB old".to_owned())),
            (
                "Interface for NAT Gateway nat-1",
                true,
                Owner::Nat("nat-1".to_owned()),
            ),
            (
                "VPC Endpoint Interface vpce-1",
                true,
                Owner::Endpoint("vpce-1".to_owned()),
            ),
            ("RDSNetworkInterface", true, Owner::Database),
            (function, true, Owner::Function("resize".to_owned())),
            (
                "ElastiCache shop",
                true,
                Owner::Service("ElastiCache shop".to_owned()),
            ),
            ("", true, Owner::Service("amazon-x".to_owned())),
            ("printer", false, Owner::Itself("eni-1".to_owned())),
        ] {
            assert_eq!(Owner::of(&interface(words, managed)), owner, "{words}");
        }
        let to = NetworkInterfaceAttachment::builder()
            .instance_id("i-1")
            .build();
        let mut attached = interface("", false);
        attached.attachment = Some(to);
        assert_eq!(Owner::of(&attached), Owner::Instance("i-1".to_owned()));
    }
}
