//! Who may talk to whom (aws-semantics 3.7).

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType, UserIdGroupPair,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::{Flow, Peer, Peers, Ports};
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::fields::{Fields, Part, Verdict};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Id, Ref, Reference, Target};
use terrace_core::said::Said;
use terrace_core::sketch::{Admits, Role, Sketch, Who};

use super::shared::{PrefixLists, filter, marked, tags};
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

/// One rule for what comes in.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IngressRule {
    /// Where from: a range of addresses (`"0.0.0.0/0"` is everywhere), another group (all that wears
    /// it), a prefix list, or several of them.
    pub from: Peers<Others>,
    /// The port it is for.
    pub port: Option<u16>,
    /// A range of ports, in place of `port`: `"8000-8100"`.
    pub ports: Option<Ports>,
    /// The protocol. `all` and ICMP have no ports.
    #[serde(default)]
    pub protocol: Protocol,
    /// What it is for.
    pub description: Option<String>,
}

/// One rule for what goes out.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EgressRule {
    /// Where to: a range of addresses (`"0.0.0.0/0"` is everywhere), another group (all that wears it),
    /// a prefix list, or several of them.
    pub to: Peers<Others>,
    /// The port it is for.
    pub port: Option<u16>,
    /// A range of ports, in place of `port`: `"8000-8100"`.
    pub ports: Option<Ports>,
    /// The protocol. `all` and ICMP have no ports.
    #[serde(default)]
    pub protocol: Protocol,
    /// What it is for.
    pub description: Option<String>,
}

/// What may stand for a range of addresses in a rule.
pub struct Others;

impl Target for Others {
    const KINDS: &'static [&'static str] = &[SecurityGroup::NAME, PrefixLists::KINDS[0]];
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// ICMP, such as ping, of IPv4.
    Icmp,
    /// ICMP of IPv6.
    Icmpv6,
    /// Everything.
    All,
}

impl Protocol {
    fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::All => "all",
        }
    }
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

/// What both kinds of rules say.
struct Rule<'a> {
    inward: bool,
    peers: &'a Peers<Others>,
    port: Option<u16>,
    ports: Option<Ports>,
    protocol: Protocol,
    description: Option<&'a str>,
}

impl<'a> From<&'a IngressRule> for Rule<'a> {
    fn from(rule: &'a IngressRule) -> Self {
        Self {
            inward: true,
            peers: &rule.from,
            port: rule.port,
            ports: rule.ports,
            protocol: rule.protocol,
            description: rule.description.as_deref(),
        }
    }
}

impl<'a> From<&'a EgressRule> for Rule<'a> {
    fn from(rule: &'a EgressRule) -> Self {
        Self {
            inward: false,
            peers: &rule.to,
            port: rule.port,
            ports: rule.ports,
            protocol: rule.protocol,
            description: rule.description.as_deref(),
        }
    }
}

fn check(path: &str, rule: &Rule<'_>, wrong: &mut Vec<Objection>) {
    let mut object = |field: &str, message: &str, help: &str| {
        wrong.push(Objection::new(format!("{path}.{field}"), message).help(help));
    };
    let has_ports = matches!(rule.protocol, Protocol::Tcp | Protocol::Udp);
    match (rule.port, rule.ports) {
        (Some(_), Some(_)) => object("ports", "beside `port`", "write one of the two"),
        (None, None) if has_ports => object(
            "port",
            "it is not said which",
            "write `port`, `ports = \"0-65535\"`, or `protocol = \"all\"`",
        ),
        (Some(_), None) if !has_ports => object("port", "this protocol has none", "leave it out"),
        (None, Some(_)) if !has_ports => object("ports", "this protocol has none", "leave it out"),
        _ => {}
    }
    if rule.peers.is_empty() {
        let field = if rule.inward { "from" } else { "to" };
        object(
            field,
            "an empty list lets nothing pass",
            "leave the rule out",
        );
    }
}

fn wanted_in(want: &SecurityGroupSpec, known: &Known) -> Said {
    wanted(want.ingress.values().map(Rule::from), known)
}

fn wanted_out(want: &SecurityGroupSpec, known: &Known) -> Said {
    match &want.egress {
        Some(rules) => wanted(rules.values().map(Rule::from), known),
        None => Said::of(Rules::from([(EVERYTHING.to_owned(), None)])),
    }
}

/// One rule of the TOML is as many of AWS's as it has far ends.
fn wanted<'a>(rules: impl Iterator<Item = Rule<'a>>, known: &Known) -> Said {
    let mut wanted = Rules::new();
    for rule in rules {
        let one = rule.port.map(|port| Ports {
            from: port,
            to: port,
        });
        let ports = rule
            .ports
            .or(one)
            .map(|ports| (ports.from.into(), ports.to.into()));
        for peer in rule.peers {
            let peer = peer.said(known).text();
            let flow = Flow::new(rule.protocol.word(), ports, rule.inward, peer);
            wanted.insert(flow.to_string(), rule.description.map(str::to_owned));
        }
    }
    Said::of(wanted)
}

/// One of the two lists of rules, and EC2's calls for it.
#[derive(Clone, Copy)]
enum Side {
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
    fn field(self) -> &'static str {
        match self {
            Self::In => "ingress",
            Self::Out => "egress",
        }
    }

    fn rules(self, live: &SecurityGroupLive) -> &Rules {
        match self {
            Self::In => &live.ingress,
            Self::Out => &live.egress,
        }
    }

    fn rules_mut(self, live: &mut SecurityGroupLive) -> &mut Rules {
        match self {
            Self::In => &mut live.ingress,
            Self::Out => &mut live.egress,
        }
    }

    /// Opens all of them, or none: one that is there already refuses the whole call.
    async fn authorize(self, cx: &Aws, id: &str, rules: &Rules) -> Result<()> {
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

    async fn describe(self, cx: &Aws, id: &str, rules: &Rules) -> Result<()> {
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
    async fn revoke(self, cx: &Aws, id: &str, rules: &Rules) -> Result<()> {
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
