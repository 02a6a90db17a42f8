//! A public address that stays (aws-semantics 3.5).

use aws_sdk_ec2::types::{DomainType, ResourceType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::error::{ErrorClass, Result};
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Id, Ref};
use terrace_core::said::Said;
use terrace_core::sketch::{Role, Sketch};

use super::instance::Instance;
use super::shared::{marked, tags};
use crate::blockers::network;
use crate::client::{Aws, missing};
use crate::door::Op;

/// A public address that stays.
pub struct Eip;

/// A public address that stays, whatever comes and goes behind it. It costs money from the day it is
/// made, and once released it belongs to somebody else.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EipSpec {
    /// The instance that answers at it. Absent: no instance does; a NAT gateway may still name it.
    pub instance: Option<Ref<Instance>>,
}

/// An elastic address as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct EipLive {
    id: String,
    address: String,
    instance: Option<Id<Instance>>,
    /// The association's own id: with an instance, or with the interface of a NAT gateway.
    association: Option<String>,
}

impl Live for EipLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "address" => json!(self.address) }
    }
}

impl Kind for Eip {
    const NAME: &'static str = "eip";
    const ABOUT: About = About::new(Class::Identity, Create::Blind, Swap::CreateFirst)
        .gone_at_once()
        .outputs(&["address"])
        // Without a way to the internet an address cannot be mapped (Gateway.NotAttached).
        .after(&["internet_gateway"])
        .actions(&[
            "ec2:DescribeAddresses",
            "ec2:AllocateAddress",
            "ec2:AssociateAddress",
            "ec2:DisassociateAddress",
            "ec2:ReleaseAddress",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeTags",
            "elasticloadbalancing:DescribeTags",
            "rds:DescribeDBInstances",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ]);
    type Cx = Aws;
    type Spec = EipSpec;
    type Live = EipLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .update(
                "instance",
                |want, known| Said::or_none(want.instance.as_ref().map(|one| known.id(one))),
                |have| Said::or_none(have.instance.as_ref().map(Said::of)),
            )
            .late()
            .impact(Impact::Blip)
            .leads()
    }

    fn sketch(_want: &EipSpec) -> Sketch {
        Sketch::new(Role::Note, "elastic IP")
    }

    fn uses(have: &EipLive) -> Vec<LiveRef> {
        let instance = have.instance.iter();
        instance
            .map(|id| LiveRef::new("instance", id.as_str()))
            .collect()
    }

    fn ready(_have: &EipLive) -> Ready {
        Ready::Ready
    }

    async fn discover(cx: &Aws, look: &Look, _seen: &Seen) -> Result<Vec<Found<EipLive>>> {
        const ACTION: &str = "ec2:DescribeAddresses";
        let words = [("address", "public-ip")];
        let filters = cx.ec2_filters_by(look, "allocation-id", &words);
        // All in one answer: this call has no pages.
        let answer = cx
            .read(ACTION, || {
                let call = cx.ec2.describe_addresses();
                call.set_filters(Some(filters.clone())).send()
            })
            .await?;
        let found = |address: aws_sdk_ec2::types::Address| {
            let there = |text: Option<String>| text.filter(|text| !text.is_empty());
            let tags = tags(address.tags.as_deref().unwrap_or_default());
            let live = EipLive {
                id: address
                    .allocation_id
                    .ok_or_else(|| missing(ACTION, "allocation id"))?,
                address: address.public_ip.unwrap_or_default(),
                instance: there(address.instance_id).map(Id::new),
                association: there(address.association_id),
            };
            Ok(Found::new(live, tags))
        };
        answer
            .addresses
            .unwrap_or_default()
            .into_iter()
            .map(found)
            .collect()
    }

    async fn create(cx: &Aws, _want: &EipSpec, _known: &Known, mark: &Mark) -> Result<EipLive> {
        const ACTION: &str = "ec2:AllocateAddress";
        let marked = marked(ResourceType::ElasticIp, mark);
        let answer = cx
            .mutate(Op::once(ACTION), || {
                let call = cx.ec2.allocate_address().domain(DomainType::Vpc);
                call.tag_specifications(marked.clone()).send()
            })
            .await?;
        Ok(EipLive {
            id: answer
                .allocation_id
                .ok_or_else(|| missing(ACTION, "allocation id"))?,
            address: answer.public_ip.unwrap_or_default(),
            instance: None,
            association: None,
        })
    }

    async fn update(
        cx: &Aws,
        want: &EipSpec,
        have: &EipLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<EipLive> {
        let mut live = have.clone();
        if part.has("instance") {
            // Taken off first: an address is never taken from whoever may have it meanwhile.
            disassociate(cx, &live).await?;
            (live.instance, live.association) = (None, None);
            if let Some(instance) = &want.instance {
                let instance = known.need(instance)?;
                live.association = Some(associate(cx, &live, &instance).await?);
                live.instance = Some(instance);
            }
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &EipLive, leave: &Leave) -> Result<()> {
        if have.instance.is_some() {
            disassociate(cx, have).await?;
        }
        // A NAT gateway that is being deleted gives it back at its end.
        let op = Op::again("ec2:ReleaseAddress").while_busy(&["InvalidIPAddress.InUse"], 10.0);
        let blockers = || network::interfaces_at(cx, &have.id);
        let call = || cx.ec2.release_address().allocation_id(&have.id).send();
        cx.remove(op, leave, blockers, call).await
    }

    async fn tag(cx: &Aws, have: &EipLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.ec2_tag(&have.id, set, unset).await
    }

    async fn clear(cx: &Aws, have: &EipLive, _field: &str) -> Result<()> {
        disassociate(cx, have).await
    }
}

async fn associate(cx: &Aws, have: &EipLive, instance: &Id<Instance>) -> Result<String> {
    const ACTION: &str = "ec2:AssociateAddress";
    // An instance takes an address only once it runs; a new one may be unknown for a while.
    const BUSY: &[&str] = &[
        "InvalidInstanceID",
        "InvalidInstanceID.NotFound",
        "IncorrectInstanceState",
        "InvalidAllocationID.NotFound",
        "Gateway.NotAttached",
    ];
    let op = Op::again(ACTION).while_busy(BUSY, 5.0);
    let call = || {
        let call = cx.ec2.associate_address().allocation_id(&have.id);
        let call = call.instance_id(instance.as_str());
        call.allow_reassociation(false).send()
    };
    match cx.mutate(op, call).await {
        Err(error) if error.class == ErrorClass::InUse => Err(error.hinted(
            "something else has this address: take it off there, or look at who put it there",
        )),
        answer => answer?
            .association_id
            .ok_or_else(|| missing(ACTION, "association id")),
    }
}

async fn disassociate(cx: &Aws, have: &EipLive) -> Result<()> {
    let Some(association) = &have.association else {
        return Ok(());
    };
    let op = Op::again("ec2:DisassociateAddress");
    let call = || {
        cx.ec2
            .disassociate_address()
            .association_id(association)
            .send()
    };
    cx.gone(cx.mutate(op, call).await)
}
