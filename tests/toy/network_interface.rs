//! A network card of its own (a toy: `tests/cases/toy_kind.rs` adds it to a copy of this workspace).

use aws_sdk_ec2::types::{
    AttributeValue, Filter, NetworkInterface as Card, NetworkInterfaceStatus, ResourceType,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::error::Result;
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{About, Class, Create, Kind, Leave, Live, LiveRef, Outputs, Ready, Swap};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Id, Ref};
use terrace_core::said::Said;

use super::security_group::SecurityGroup;
use super::shared::{filter, marked, tags};
use super::subnet::Subnet;
use crate::client::{Aws, missing};
use crate::door::Op;

/// A network card that outlives the machine it is put into.
pub struct NetworkInterface;

/// A network card with a private address, which outlives the machine it is put into.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkInterfaceSpec {
    /// The subnet that its address is of.
    pub subnet: Ref<Subnet>,
    /// The groups that say who may talk to it, one at least.
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// What it is for.
    #[serde(default)]
    #[schemars(extend("examples" = ["For the licence", "For the firewall"]))]
    pub description: String,
}

/// A network card as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct NetworkInterfaceLive {
    id: String,
    address: Option<String>,
    subnet: Id<Subnet>,
    security_groups: Vec<String>,
    description: String,
    status: String,
}

impl Live for NetworkInterfaceLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "address" => json!(self.address) }
    }
}

const DESCRIBE: &str = "ec2:DescribeNetworkInterfaces";
const MODIFY: &str = "ec2:ModifyNetworkInterfaceAttribute";

impl Kind for NetworkInterface {
    const NAME: &'static str = "network_interface";
    const ABOUT: About = About::new(Class::Stateless, Create::Token, Swap::CreateFirst)
        .outputs(&["address"])
        .actions(&[
            DESCRIBE,
            MODIFY,
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ]);
    type Cx = Aws;
    type Spec = NetworkInterfaceSpec;
    type Live = NetworkInterfaceLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "subnet",
                |want, known| known.id(&want.subnet),
                |have| Said::of(&have.subnet),
            )
            .update(
                "security_groups",
                |want, known| known.ids(&want.security_groups),
                |have| Said::set(have.security_groups.clone()),
            )
            .update(
                "description",
                |want, _| Said::of(&want.description),
                |have| Said::of(&have.description),
            )
    }

    fn uses(have: &NetworkInterfaceLive) -> Vec<LiveRef> {
        let groups = have
            .security_groups
            .iter()
            .map(|group| LiveRef::new("security_groups", group));
        groups
            .chain([LiveRef::new("subnet", have.subnet.as_str())])
            .collect()
    }

    fn ready(have: &NetworkInterfaceLive) -> Ready {
        match have.status.as_str() {
            "pending" => Ready::Coming(have.status.clone()),
            _ => Ready::Ready,
        }
    }

    async fn discover(
        cx: &Aws,
        look: &Look,
        _seen: &Seen,
    ) -> Result<Vec<Found<NetworkInterfaceLive>>> {
        find(cx, cx.ec2_filters(look, "network-interface-id")).await
    }

    async fn create(
        cx: &Aws,
        want: &NetworkInterfaceSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<NetworkInterfaceLive> {
        const ACTION: &str = "ec2:CreateNetworkInterface";
        let (subnet, groups) = (
            &known.need(&want.subnet)?,
            &known.need_all(&want.security_groups)?,
        );
        let make = |token: String| async move {
            let marked = marked(ResourceType::NetworkInterface, mark);
            let call = || {
                let call = cx.ec2.create_network_interface().subnet_id(subnet.as_str());
                let call = call
                    .set_groups(Some(groups.clone()))
                    .description(&want.description);
                call.client_token(&token)
                    .tag_specifications(marked.clone())
                    .send()
            };
            let card = cx.mutate(Op::again(ACTION), call).await?.network_interface;
            read(
                card.ok_or_else(|| missing(ACTION, "network interface"))?,
                ACTION,
            )
        };
        let alive = |card: &NetworkInterfaceLive| {
            let filters = vec![filter("network-interface-id", &card.id)];
            async move { Ok(!find(cx, filters).await?.is_empty()) }
        };
        cx.ec2_tokened(mark, make, alive).await
    }

    async fn update(
        cx: &Aws,
        want: &NetworkInterfaceSpec,
        have: &NetworkInterfaceLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<NetworkInterfaceLive> {
        let mut live = have.clone();
        // A call takes one attribute.
        let change = || {
            cx.ec2
                .modify_network_interface_attribute()
                .network_interface_id(&have.id)
        };
        if part.has("security_groups") {
            let groups = known.need_all(&want.security_groups)?;
            cx.mutate(Op::again(MODIFY), || {
                change().set_groups(Some(groups.clone())).send()
            })
            .await?;
            live.security_groups = groups;
        }
        if part.has("description") {
            let text = AttributeValue::builder().value(&want.description).build();
            cx.mutate(Op::again(MODIFY), || {
                change().description(text.clone()).send()
            })
            .await?;
            live.description.clone_from(&want.description);
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &NetworkInterfaceLive, _leave: &Leave) -> Result<()> {
        let op = Op::again("ec2:DeleteNetworkInterface")
            .while_busy(&["InvalidNetworkInterface.InUse"], 5.0);
        cx.gone(
            cx.mutate(op, || {
                cx.ec2
                    .delete_network_interface()
                    .network_interface_id(&have.id)
                    .send()
            })
            .await,
        )
    }

    async fn tag(
        cx: &Aws,
        have: &NetworkInterfaceLive,
        set: &Tags,
        unset: &[String],
    ) -> Result<()> {
        cx.ec2_tag(&have.id, set, unset).await
    }
}

async fn find(cx: &Aws, filters: Vec<Filter>) -> Result<Vec<Found<NetworkInterfaceLive>>> {
    let cards = cx
        .read(DESCRIBE, || {
            let call = cx
                .ec2
                .describe_network_interfaces()
                .set_filters(Some(filters.clone()));
            let pages = call.into_paginator().page_size(1000).items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let found = |card: Card| {
        let tags = tags(card.tag_set.as_deref().unwrap_or_default());
        Ok(Found::new(read(card, DESCRIBE)?, tags))
    };
    cards.into_iter().map(found).collect()
}

fn read(card: Card, action: &str) -> Result<NetworkInterfaceLive> {
    let groups = card.groups.unwrap_or_default().into_iter();
    Ok(NetworkInterfaceLive {
        id: card
            .network_interface_id
            .ok_or_else(|| missing(action, "network interface id"))?,
        address: card.private_ip_address,
        subnet: Id::new(card.subnet_id.ok_or_else(|| missing(action, "subnet"))?),
        security_groups: groups.filter_map(|group| group.group_id).collect(),
        description: card.description.unwrap_or_default(),
        status: card
            .status
            .map_or_else(String::new, |status: NetworkInterfaceStatus| {
                status.to_string()
            }),
    })
}
