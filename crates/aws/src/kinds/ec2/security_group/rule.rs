//! Rules as the TOML has them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::canon::{Flow, Peers, Ports};
use terrace_core::kind::{Kind, Objection};
use terrace_core::known::Known;
use terrace_core::reference::Target;
use terrace_core::said::Said;

use super::super::shared::PrefixLists;
use super::{EVERYTHING, Rules, SecurityGroup, SecurityGroupSpec};

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
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::All => "all",
        }
    }
}

/// What both kinds of rules say.
pub(super) struct Rule<'a> {
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

pub(super) fn check(path: &str, rule: &Rule<'_>, wrong: &mut Vec<Objection>) {
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

pub(super) fn wanted_in(want: &SecurityGroupSpec, known: &Known) -> Said {
    wanted(want.ingress.values().map(Rule::from), known)
}

pub(super) fn wanted_out(want: &SecurityGroupSpec, known: &Known) -> Said {
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
