//! Who may talk to whom (aws-semantics 3.7).

mod rule;
mod side;

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{IpPermission, ResourceType};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::{Flow, Peer};
use terrace_core::error::Result;
use terrace_core::fields::{Fields, Part, Verdict};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Id, Ref, Reference};
use terrace_core::said::Said;
use terrace_core::sketch::{Admits, Role, Sketch, Who};

pub use self::rule::{EgressRule, IngressRule, Others, Protocol};
use self::rule::{check, wanted_in, wanted_out};
use self::side::Side;
use super::shared::{filter, marked, tags};
use super::vpc::Vpc;
use crate::blockers::network;
use crate::client::{Aws, missing};
use crate::door::Op;

/// Who may talk to whom, for whatever wears it.
pub struct SecurityGroup;

/// Who may talk to whom. Whatever wears the group (an instance, a load balancer, a database) lets
/// pass what one of its groups lets pass, and nothing else. Answers always pass.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroupSpec {
    /// The VPC that it belongs to.
    pub vpc: Ref<Vpc>,
    /// What may come in, by a name of your own for each rule. Nothing, if absent; what is not listed
    /// here is closed.
    #[serde(default)]
    #[schemars(extend("x-keyed" = true, "examples" = [
        { "web": { "port": 80, "from": "0.0.0.0/0" } },
        { "web": { "ports": "8000-8100", "from": ["10.0.0.0/8", "::/0"], "description": "x" } },
    ]))]
    pub ingress: IndexMap<String, IngressRule>,
    /// What may go out, by a name of your own for each rule. Everything (by IPv4), if absent;
    /// `egress = {}` is nothing.
    #[schemars(extend("x-keyed" = true, "examples" = [
        { "https": { "port": 443, "to": "0.0.0.0/0" } },
        { "dns": { "protocol": "udp", "port": 53, "to": "10.0.0.2/32" } },
    ]))]
    pub egress: Option<IndexMap<String, EgressRule>>,
    /// Its name, one of a kind in the VPC. Derived if absent.
    #[schemars(extend("examples" = ["web", "app"]))]
    pub name: Option<String>,
    /// What it is for. AWS fixes it when the group is made.
    #[schemars(extend("examples" = ["Web servers", "What people see"]))]
    pub description: Option<String>,
}

/// Rules as AWS keeps them: the text of each [`Flow`], and its description.
type Rules = BTreeMap<String, Option<String>>;

/// A security group as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct SecurityGroupLive {
    id: String,
    name: String,
    description: String,
    vpc: Id<Vpc>,
    ingress: Rules,
    egress: Rules,
}

impl Live for SecurityGroupLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "name" => json!(self.name) }
    }
}

/// What AWS lets out of a new group.
const EVERYTHING: &str = "all to 0.0.0.0/0";

impl Kind for SecurityGroup {
    const NAME: &'static str = "security_group";
    const ABOUT: About = About::new(Class::Stateless, Create::Name, Swap::CreateFirst)
        .gone_at_once()
        .outputs(&["name"])
        .actions(&[
            "ec2:DescribeSecurityGroups",
            "ec2:CreateSecurityGroup",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
            "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
            "ec2:RevokeSecurityGroupIngress",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:DeleteSecurityGroup",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeTags",
            "elasticloadbalancing:DescribeTags",
            "rds:DescribeDBInstances",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ]);
    type Cx = Aws;
    type Spec = SecurityGroupSpec;
    type Live = SecurityGroupLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "vpc",
                |want, known| known.id(&want.vpc),
                |have| Said::of(&have.vpc),
            )
            .replace(
                "name",
                |want, _| Said::of(&want.name),
                |have| Said::of(&have.name),
            )
            .decide(
                "description",
                |want, _| Said::of(&want.description),
                |have| Said::of(&have.description),
                |_, _| Verdict::Next("AWS fixes it when the group is made"),
            )
            .set("ingress", wanted_in, |have| Said::of(&have.ingress))
            .late()
            .set("egress", wanted_out, |have| Said::of(&have.egress))
            .late()
    }

    fn sketch(want: &SecurityGroupSpec) -> Sketch {
        let mut sketch = Sketch::new(Role::Guard, "security group");
        for rule in want.ingress.values() {
            let ports = rule.ports.map(|ports| ports.to_string());
            let by = rule.port.map(|port| port.to_string()).or(ports);
            let by = by.unwrap_or_else(|| rule.protocol.word().to_owned());
            sketch.admits.extend(rule.from.iter().filter_map(|peer| {
                let from = match peer {
                    Peer::Range(range) if range.to_string().ends_with("/0") => Who::Anyone,
                    Peer::Named(group) => match group.names() {
                        Reference::Address(address) => Who::Guard(address.clone()),
                        Reference::Literal(_) => return None,
                    },
                    Peer::Range(_) | Peer::Later(_) => return None,
                };
                Some(Admits {
                    from,
                    by: by.clone(),
                })
            }));
        }
        sketch
    }

    fn uses(have: &SecurityGroupLive) -> Vec<LiveRef> {
        let peers = |rules: &Rules, field: &'static str| {
            let peers = rules.keys().filter_map(|rule| Flow::read(rule));
            peers
                .map(|flow| LiveRef::new(field, flow.peer))
                .collect::<Vec<_>>()
        };
        let mut uses = vec![LiveRef::new("vpc", have.vpc.as_str())];
        uses.extend(peers(&have.ingress, "ingress"));
        uses.extend(peers(&have.egress, "egress"));
        uses
    }

    fn ready(_have: &SecurityGroupLive) -> Ready {
        Ready::Ready
    }

    fn check(want: &SecurityGroupSpec) -> Vec<Objection> {
        let mut wrong = Vec::new();
        for (key, rule) in &want.ingress {
            check(&format!("ingress.{key}"), &rule.into(), &mut wrong);
        }
        for (key, rule) in want.egress.iter().flatten() {
            check(&format!("egress.{key}"), &rule.into(), &mut wrong);
        }
        if want
            .name
            .as_ref()
            .is_some_and(|name| name.starts_with("sg-"))
        {
            let message = "a group's name does not begin with `sg-`: its id does";
            wrong.push(Objection::new("name", message));
        }
        wrong
    }

    fn foretell(want: &SecurityGroupSpec, mark: &Mark) -> Outputs {
        outputs! { "name" => json!(name(want, mark)) }
    }

    async fn discover(
        cx: &Aws,
        look: &Look,
        _seen: &Seen,
    ) -> Result<Vec<Found<SecurityGroupLive>>> {
        let words = [("name", "group-name")];
        find(cx, cx.ec2_filters_by(look, "group-id", &words)).await
    }

    async fn create(
        cx: &Aws,
        want: &SecurityGroupSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<SecurityGroupLive> {
        const ACTION: &str = "ec2:CreateSecurityGroup";
        let (vpc, name) = (known.need(&want.vpc)?, name(want, mark));
        let derived = || format!("{} of {}", mark.address, mark.identity.owner());
        let description = want.description.clone().unwrap_or_else(derived);
        let marked = marked(ResourceType::SecurityGroup, mark);
        let op = Op::again(ACTION).while_busy(&["InvalidVpcID.NotFound"], 2.0);
        let answer = cx
            .mutate(op, || {
                let call = cx.ec2.create_security_group().vpc_id(vpc.as_str());
                let call = call.group_name(&name).description(&description);
                call.tag_specifications(marked.clone()).send()
            })
            .await?;
        Ok(SecurityGroupLive {
            id: answer.group_id.ok_or_else(|| missing(ACTION, "group id"))?,
            name,
            description,
            vpc,
            ingress: Rules::new(),
            egress: Rules::from([(EVERYTHING.to_owned(), None)]),
        })
    }

    async fn update(
        cx: &Aws,
        _want: &SecurityGroupSpec,
        have: &SecurityGroupLive,
        _known: &Known,
        part: &Part<'_>,
    ) -> Result<SecurityGroupLive> {
        let mut live = have.clone();
        for side in [Side::In, Side::Out] {
            let changed = part.changed(side.field());
            let described = |value: serde_json::Value| value.as_str().map(str::to_owned);
            let added = part.added(side.field()).into_iter();
            let added = added.map(|(rule, value)| (rule, described(value)));
            let (again, new): (Rules, Rules) =
                added.partition(|(rule, _)| changed.contains_key(rule));
            let removed = part.removed(side.field()).into_iter();
            let removed: Rules = removed
                .map(|(rule, value)| (rule, described(value)))
                .collect();
            // Opened before closed, so that what changes its form passes all the time.
            side.authorize(cx, &have.id, &new).await?;
            side.describe(cx, &have.id, &again).await?;
            side.revoke(cx, &have.id, &removed).await?;
            let rules = side.rules_mut(&mut live);
            rules.extend(new.into_iter().chain(again));
            rules.retain(|rule, _| !removed.contains_key(rule));
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &SecurityGroupLive, leave: &Leave) -> Result<()> {
        // Interfaces of load balancers linger for a quarter of an hour, those of functions longer.
        let op = Op::again("ec2:DeleteSecurityGroup").while_busy(&["DependencyViolation"], 45.0);
        let blockers = || async {
            let mut found = network::interfaces(cx, vec![filter("group-id", &have.id)]).await?;
            found.extend(network::referring(cx, &have.id).await?);
            Ok(found)
        };
        let call = || cx.ec2.delete_security_group().group_id(&have.id).send();
        cx.remove(op, leave, blockers, call).await
    }

    async fn tag(cx: &Aws, have: &SecurityGroupLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.ec2_tag(&have.id, set, unset).await
    }

    async fn clear(cx: &Aws, have: &SecurityGroupLive, field: &str) -> Result<()> {
        for side in [Side::In, Side::Out] {
            if side.field() == field {
                cx.gone(side.revoke(cx, &have.id, side.rules(have)).await)?;
            }
        }
        Ok(())
    }
}

fn name(want: &SecurityGroupSpec, mark: &Mark) -> String {
    want.name.clone().unwrap_or_else(|| mark.name(255))
}

/// All groups that pass the filters. Their rules come along, so that a thousand groups cost as many
/// calls as one.
async fn find(
    cx: &Aws,
    filters: Vec<aws_sdk_ec2::types::Filter>,
) -> Result<Vec<Found<SecurityGroupLive>>> {
    const ACTION: &str = "ec2:DescribeSecurityGroups";
    let groups = cx
        .read(ACTION, || {
            let call = cx.ec2.describe_security_groups();
            let pages = call.set_filters(Some(filters.clone())).into_paginator();
            let pages = pages.page_size(1000).items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let found = |group: aws_sdk_ec2::types::SecurityGroup| {
        let tags = tags(group.tags.as_deref().unwrap_or_default());
        let live = SecurityGroupLive {
            id: group.group_id.ok_or_else(|| missing(ACTION, "group id"))?,
            name: group.group_name.unwrap_or_default(),
            description: group.description.unwrap_or_default(),
            vpc: Id::new(group.vpc_id.ok_or_else(|| missing(ACTION, "vpc id"))?),
            ingress: read(group.ip_permissions.unwrap_or_default(), true),
            egress: read(group.ip_permissions_egress.unwrap_or_default(), false),
        };
        Ok(Found::new(live, tags))
    };
    groups.into_iter().map(found).collect()
}

/// EC2 lists far ends by protocol and ports; each is a rule.
fn read(permissions: Vec<IpPermission>, inward: bool) -> Rules {
    let mut rules = Rules::new();
    for permission in permissions {
        let protocol = permission.ip_protocol.unwrap_or_default();
        let ports = permission.from_port.zip(permission.to_port);
        let mut add = |peer: Option<String>, text: Option<String>| {
            let Some(peer) = peer else { return };
            let flow = Flow::new(&protocol, ports, inward, peer);
            rules.insert(flow.to_string(), text.filter(|text| !text.is_empty()));
        };
        for range in permission.ip_ranges.unwrap_or_default() {
            add(range.cidr_ip, range.description);
        }
        for range in permission.ipv6_ranges.unwrap_or_default() {
            add(range.cidr_ipv6, range.description);
        }
        for list in permission.prefix_list_ids.unwrap_or_default() {
            add(list.prefix_list_id, list.description);
        }
        for group in permission.user_id_group_pairs.unwrap_or_default() {
            add(group.group_id, group.description);
        }
    }
    rules
}
