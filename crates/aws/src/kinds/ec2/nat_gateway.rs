//! A way out of a network, and none in (aws-semantics 3.6).

use aws_sdk_ec2::types::{
    ConnectivityType, Filter, NatGateway as Gateway, NatGatewayState, ResourceType,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::error::{ErrorClass, Result};
use terrace_core::fields::{FieldChange, Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Id, Ref};
use terrace_core::said::Said;
use terrace_core::sketch::{Icon, Sketch};

use super::eip::Eip;
use super::shared::{filter, marked, tags};
use super::subnet::Subnet;
use crate::client::{Aws, missing};
use crate::door::Op;

/// A way out of a network, and none in.
pub struct NatGateway;

/// A way out of a network, and none in: for what has no public address and must fetch things from the
/// internet all the same. It costs money by the hour and by the gigabyte. Route tables lead to it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NatGatewaySpec {
    /// The subnet it stands in: a public one, whose own route leads to an internet gateway. In another
    /// subnet stands another gateway.
    pub subnet: Ref<Subnet>,
    /// The address by which the world sees all that goes through it. Kept while the gateway is replaced, it
    /// leaves minutes without a way out; with another one the new gateway comes first.
    pub eip: Option<Ref<Eip>>,
    /// Where it leads: to the internet, or to other private networks only.
    #[serde(default)]
    #[schemars(extend("x-no-law" = "a private one has no address"))]
    pub connectivity: Connectivity,
}

/// Where a gateway leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Connectivity {
    /// To the internet; it needs an `eip`.
    #[default]
    Public,
    /// To other private networks.
    Private,
}

/// A NAT gateway as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct NatGatewayLive {
    id: String,
    subnet: Id<Subnet>,
    eip: Option<Id<Eip>>,
    connectivity: Connectivity,
    address: Option<String>,
    private_ip: Option<String>,
    state: String,
    /// Why it failed.
    failure: Option<String>,
}

impl Live for NatGatewayLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        let mut outputs = outputs! {};
        for (name, address) in [("address", &self.address), ("private_ip", &self.private_ip)] {
            if let Some(address) = address {
                outputs.insert(name.to_owned(), json!(address));
            }
        }
        outputs
    }
}

impl Kind for NatGateway {
    const NAME: &'static str = "nat_gateway";
    const ABOUT: About = About::new(Class::Stateless, Create::Token, Swap::DeleteFirst)
        .outputs(&["address", "private_ip"])
        // Without a way to the internet its creation fails (Gateway.NotAttached).
        .after(&["internet_gateway"])
        .actions(&[
            "ec2:DescribeNatGateways",
            "ec2:CreateNatGateway",
            "ec2:DeleteNatGateway",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ]);
    type Cx = Aws;
    type Spec = NatGatewaySpec;
    type Live = NatGatewayLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "subnet",
                |want, known| known.id(&want.subnet),
                |have| Said::of(&have.subnet),
            )
            .impact(Impact::Outage)
            .replace(
                "eip",
                |want, known| Said::or_none(want.eip.as_ref().map(|eip| known.id(eip))),
                |have| Said::or_none(have.eip.as_ref().map(Said::of)),
            )
            .impact(Impact::Blip)
            .replace(
                "connectivity",
                |want, _| Said::of(want.connectivity),
                |have| Said::of(have.connectivity),
            )
            .impact(Impact::Outage)
    }

    // An address has one gateway at a time.
    fn swap(have: &NatGatewayLive, changes: &[FieldChange]) -> Swap {
        let moves = changes.iter().any(|change| change.field == "eip");
        match &have.eip {
            Some(_) if !moves => Swap::DeleteFirst,
            _ => Swap::CreateFirst,
        }
    }

    fn sketch(_want: &NatGatewaySpec) -> Sketch {
        Sketch::station("NAT gateway", Icon::Gate)
    }

    fn uses(have: &NatGatewayLive) -> Vec<LiveRef> {
        let eip = have.eip.iter();
        let eip = eip.map(|eip| LiveRef::new("eip", eip.as_str()));
        eip.chain([LiveRef::new("subnet", have.subnet.as_str())])
            .collect()
    }

    fn ready(have: &NatGatewayLive) -> Ready {
        match have.state.as_str() {
            "pending" => Ready::Coming("pending".to_owned()),
            "failed" => {
                let why = have.failure.as_deref().unwrap_or("AWS does not say why");
                Ready::Broken(format!("failed: {why}"))
            }
            "deleting" | "deleted" => Ready::Dying(have.state.clone()),
            _ => Ready::Ready,
        }
    }

    fn check(want: &NatGatewaySpec) -> Vec<Objection> {
        match (want.connectivity, &want.eip) {
            (Connectivity::Public, None) => {
                let message = "a way to the internet needs an address to be seen by";
                let help = "write eip = \"eip.nat\", with [eip.nat] beside it";
                vec![Objection::new("eip", message).help(help)]
            }
            (Connectivity::Private, Some(_)) => {
                let message = "a private gateway has no public address";
                vec![Objection::new("eip", message)]
            }
            _ => Vec::new(),
        }
    }

    async fn discover(cx: &Aws, look: &Look, _seen: &Seen) -> Result<Vec<Found<NatGatewayLive>>> {
        let mut filters = cx.ec2_filters(look, "nat-gateway-id");
        filters.push(states(ALIVE));
        find(cx, filters).await
    }

    async fn create(
        cx: &Aws,
        want: &NatGatewaySpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<NatGatewayLive> {
        const ACTION: &str = "ec2:CreateNatGateway";
        let (cx, subnet) = (&cx, &known.need(&want.subnet)?);
        let eip = &want.eip.as_ref().map(|eip| known.need(eip)).transpose()?;
        if let Some(eip) = eip {
            released(cx, eip).await?;
        }
        let connectivity = match want.connectivity {
            Connectivity::Public => ConnectivityType::Public,
            Connectivity::Private => ConnectivityType::Private,
        };
        let connectivity = &connectivity;
        let make = |token: String| async move {
            let op = Op::again(ACTION).while_busy(UNSEEN, 2.0);
            let marked = marked(ResourceType::Natgateway, mark);
            let call = || {
                let call = cx.ec2.create_nat_gateway().client_token(&token);
                call.subnet_id(subnet.as_str())
                    .set_allocation_id(eip.clone().map(String::from))
                    .connectivity_type(connectivity.clone())
                    .tag_specifications(marked.clone())
                    .send()
            };
            let answer = match cx.mutate(op, call).await {
                Err(error) if error.class == ErrorClass::InUse => {
                    return Err(error.hinted("something else has its `eip`: take that off first"));
                }
                answer => answer?,
            };
            let gateway = answer.nat_gateway;
            read(
                gateway.ok_or_else(|| missing(ACTION, "NAT gateway"))?,
                ACTION,
            )
        };
        // One that failed is no ghost: it says why.
        let alive = |made: &NatGatewayLive| {
            let filters = vec![
                filter("nat-gateway-id", &made.id),
                states(&["pending", "available", "failed"]),
            ];
            async move { Ok(!find(cx, filters).await?.is_empty()) }
        };
        cx.ec2_tokened(mark, make, alive).await
    }

    async fn update(
        _cx: &Aws,
        _want: &NatGatewaySpec,
        have: &NatGatewayLive,
        _known: &Known,
        _part: &Part<'_>,
    ) -> Result<NatGatewayLive> {
        // AWS changes nothing of one but its tags.
        Ok(have.clone())
    }

    async fn delete(cx: &Aws, have: &NatGatewayLive, _leave: &Leave) -> Result<()> {
        let op = Op::again("ec2:DeleteNatGateway");
        let call = || cx.ec2.delete_nat_gateway().nat_gateway_id(&have.id).send();
        cx.gone(cx.mutate(op, call).await)
    }

    async fn tag(cx: &Aws, have: &NatGatewayLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.ec2_tag(&have.id, set, unset).await
    }
}

/// What was made just now may be unknown for a while.
const UNSEEN: &[&str] = &["InvalidSubnetID.NotFound", "InvalidAllocationID.NotFound"];

/// A deleted one is described for about an hour, with its tags (rule R2).
const ALIVE: &[&str] = &["pending", "available", "failed", "deleting"];

fn states(states: &[&str]) -> Filter {
    let filter = Filter::builder().name("state");
    let states = states.iter().map(|state| (*state).to_owned()).collect();
    filter.set_values(Some(states)).build()
}

/// Waits for a gateway that is on its way out to let go of its address: with one that is taken, a new
/// gateway would fail.
async fn released(cx: &Aws, eip: &Id<Eip>) -> Result<()> {
    let free = || async {
        let leaving = find(cx, vec![states(&["deleting"])]).await?;
        let holds = |found: &Found<NatGatewayLive>| found.live.eip.as_ref() == Some(eip);
        Ok((!leaving.iter().any(holds)).then_some(()))
    };
    cx.until(
        3.0,
        "the deletion of the gateway that has its address",
        free,
    )
    .await
}

async fn find(cx: &Aws, filters: Vec<Filter>) -> Result<Vec<Found<NatGatewayLive>>> {
    const ACTION: &str = "ec2:DescribeNatGateways";
    let gateways = cx
        .read(ACTION, || {
            let call = cx.ec2.describe_nat_gateways();
            // Here alone the parameter is called `Filter`.
            let pages = call.set_filter(Some(filters.clone())).into_paginator();
            let pages = pages.page_size(1000).items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let found = |gateway: Gateway| {
        let tags = tags(gateway.tags.as_deref().unwrap_or_default());
        Ok(Found::new(read(gateway, ACTION)?, tags))
    };
    gateways.into_iter().map(found).collect()
}

fn read(gateway: Gateway, action: &str) -> Result<NatGatewayLive> {
    let there = |text: Option<String>| text.filter(|text| !text.is_empty());
    let mut addresses = gateway.nat_gateway_addresses.unwrap_or_default();
    // Further addresses may have been given to it elsewhere.
    addresses.sort_by_key(|address| address.is_primary == Some(false));
    let first = addresses.into_iter().next();
    let (eip, address, private_ip) = match first {
        Some(first) => (first.allocation_id, first.public_ip, first.private_ip),
        None => (None, None, None),
    };
    let failure = match (gateway.failure_code, gateway.failure_message) {
        (Some(code), Some(message)) => Some(format!("{code}, {message}")),
        (code, message) => code.or(message),
    };
    let state = gateway.state.as_ref().map(NatGatewayState::as_str);
    Ok(NatGatewayLive {
        id: gateway
            .nat_gateway_id
            .ok_or_else(|| missing(action, "NAT gateway id"))?,
        subnet: Id::new(gateway.subnet_id.unwrap_or_default()),
        eip: there(eip).map(Id::new),
        connectivity: match gateway.connectivity_type {
            Some(ConnectivityType::Private) => Connectivity::Private,
            _ => Connectivity::Public,
        },
        address: there(address),
        private_ip: there(private_ip),
        state: state.unwrap_or_default().to_owned(),
        failure: there(failure),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use terrace_core::fields::Effect;

    use super::*;

    fn gateway(eip: Option<&str>) -> NatGatewayLive {
        NatGatewayLive {
            id: "nat-1".to_owned(),
            subnet: Id::new("subnet-1"),
            eip: eip.map(Id::new),
            connectivity: Connectivity::Public,
            address: None,
            private_ip: None,
            state: "available".to_owned(),
            failure: None,
        }
    }

    fn change(field: &'static str) -> FieldChange {
        FieldChange::new(field, Effect::Replace, Said::Nothing, Said::Nothing)
    }

    #[test]
    fn only_a_kept_address_makes_the_old_one_go_first() {
        let public = gateway(Some("eipalloc-1"));
        let swap = NatGateway::swap;
        assert_eq!(swap(&public, &[change("subnet")]), Swap::DeleteFirst);
        assert_eq!(swap(&public, &[]), Swap::DeleteFirst);
        let both = [change("subnet"), change("eip")];
        assert_eq!(swap(&public, &both), Swap::CreateFirst);
        assert_eq!(swap(&gateway(None), &[change("subnet")]), Swap::CreateFirst);
    }

    #[test]
    fn one_that_failed_says_why() {
        let mut failed = gateway(None);
        failed.state = "failed".to_owned();
        failed.failure = Some("Gateway.NotAttached".to_owned());
        let broken = Ready::Broken("failed: Gateway.NotAttached".to_owned());
        assert_eq!(NatGateway::ready(&failed), broken);
    }

    #[test]
    fn a_public_one_has_an_address_and_a_private_one_has_none() {
        let wrong = |table: serde_json::Value| {
            let spec: NatGatewaySpec = serde_json::from_value(table).unwrap();
            NatGateway::check(&spec).len()
        };
        assert_eq!(wrong(json!({ "subnet": "subnet-1" })), 1);
        assert_eq!(
            wrong(json!({ "subnet": "subnet-1", "eip": "eipalloc-1" })),
            0
        );
        let private = json!({ "subnet": "subnet-1", "connectivity": "private" });
        assert_eq!(wrong(private), 0);
        let both = json!({ "subnet": "subnet-1", "connectivity": "private", "eip": "eipalloc-1" });
        assert_eq!(wrong(both), 1);
    }
}
