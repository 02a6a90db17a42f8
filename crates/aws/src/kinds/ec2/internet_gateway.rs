//! A network's way to the internet (aws-semantics 3.3).

use aws_sdk_ec2::types::ResourceType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::error::{ErrorClass, Result};
use terrace_core::fields::{Fields, Part, Verdict};
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

use super::shared::{marked, tags};
use super::vpc::Vpc;
use crate::blockers::network;
use crate::client::{Aws, missing};
use crate::door::Op;

/// A VPC's way to the internet, and back.
pub struct InternetGateway;

/// A VPC's way to the internet, and back. Subnets whose route table leads to it are public.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InternetGatewaySpec {
    /// The VPC that it opens. A VPC has one at most.
    pub vpc: Ref<Vpc>,
}

/// An internet gateway as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct InternetGatewayLive {
    id: String,
    vpc: Option<Id<Vpc>>,
}

impl Live for InternetGatewayLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! {}
    }
}

impl Kind for InternetGateway {
    const NAME: &'static str = "internet_gateway";
    const ABOUT: About = About::new(Class::Stateless, Create::Blind, Swap::CreateFirst)
        .gone_at_once()
        .actions(&[
            "ec2:DescribeInternetGateways",
            "ec2:CreateInternetGateway",
            "ec2:AttachInternetGateway",
            "ec2:DetachInternetGateway",
            "ec2:DeleteInternetGateway",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeTags",
            "elasticloadbalancing:DescribeTags",
            "rds:DescribeDBInstances",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ]);
    type Cx = Aws;
    type Spec = InternetGatewaySpec;
    type Live = InternetGatewayLive;

    fn fields() -> Fields<Self> {
        // One that is attached stays where it is: it cannot be detached while its VPC has public
        // addresses, so another VPC gets another gateway.
        Fields::<Self>::new().decide(
            "vpc",
            |want, known| known.id(&want.vpc),
            |have| Said::of(&have.vpc),
            |_, have| match have.vpc {
                None => Verdict::Update(Impact::None),
                Some(_) => Verdict::Replace,
            },
        )
    }

    fn sketch(_want: &InternetGatewaySpec) -> Sketch {
        Sketch::new(Role::Note, "internet gateway")
    }

    fn uses(have: &InternetGatewayLive) -> Vec<LiveRef> {
        let vpc = have.vpc.iter();
        vpc.map(|vpc| LiveRef::new("vpc", vpc.as_str())).collect()
    }

    fn ready(_have: &InternetGatewayLive) -> Ready {
        Ready::Ready
    }

    async fn discover(
        cx: &Aws,
        look: &Look,
        _seen: &Seen,
    ) -> Result<Vec<Found<InternetGatewayLive>>> {
        const ACTION: &str = "ec2:DescribeInternetGateways";
        let words = [("vpc", "attachment.vpc-id")];
        let filters = cx.ec2_filters_by(look, "internet-gateway-id", &words);
        let gateways = cx
            .read(ACTION, || {
                let call = cx.ec2.describe_internet_gateways();
                let pages = call.set_filters(Some(filters.clone())).into_paginator();
                let pages = pages.page_size(1000).items().send();
                pages.collect::<std::result::Result<Vec<_>, _>>()
            })
            .await?;
        let found = |gateway: aws_sdk_ec2::types::InternetGateway| {
            let tags = tags(gateway.tags.as_deref().unwrap_or_default());
            Ok(Found::new(read(gateway, ACTION)?, tags))
        };
        gateways.into_iter().map(found).collect()
    }

    async fn create(
        cx: &Aws,
        _want: &InternetGatewaySpec,
        _known: &Known,
        mark: &Mark,
    ) -> Result<InternetGatewayLive> {
        const ACTION: &str = "ec2:CreateInternetGateway";
        let marked = marked(ResourceType::InternetGateway, mark);
        let answer = cx
            .mutate(Op::once(ACTION), || {
                let call = cx.ec2.create_internet_gateway();
                call.tag_specifications(marked.clone()).send()
            })
            .await?;
        let gateway = answer.internet_gateway;
        read(
            gateway.ok_or_else(|| missing(ACTION, "internet gateway"))?,
            ACTION,
        )
    }

    async fn update(
        cx: &Aws,
        want: &InternetGatewaySpec,
        have: &InternetGatewayLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<InternetGatewayLive> {
        let mut live = have.clone();
        if part.has("vpc") {
            let vpc = known.need(&want.vpc)?;
            attach(cx, &have.id, vpc.as_str()).await?;
            live.vpc = Some(vpc);
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &InternetGatewayLive, leave: &Leave) -> Result<()> {
        if let Some(vpc) = &have.vpc {
            // "Network has some mapped public address(es)": those of what is ending just now.
            let op =
                Op::again("ec2:DetachInternetGateway").while_busy(&["DependencyViolation"], 15.0);
            let call = || {
                let call = cx.ec2.detach_internet_gateway().vpc_id(vpc.as_str());
                call.internet_gateway_id(&have.id).send()
            };
            let blockers = || network::public_interfaces(cx, vpc.as_str());
            cx.remove(op, leave, blockers, call).await?;
        }
        let op = Op::again("ec2:DeleteInternetGateway").while_busy(&["DependencyViolation"], 5.0);
        let call = || {
            cx.ec2
                .delete_internet_gateway()
                .internet_gateway_id(&have.id)
                .send()
        };
        cx.gone(cx.mutate(op, call).await)
    }

    async fn tag(cx: &Aws, have: &InternetGatewayLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.ec2_tag(&have.id, set, unset).await
    }
}

/// Attaches it. AWS answers a repeated call with `Resource.AlreadyAssociated`, and one for a VPC that
/// has another gateway with the same or a like code: only a look tells them apart.
async fn attach(cx: &Aws, id: &str, vpc: &str) -> Result<()> {
    const UNSEEN: &[&str] = &["InvalidInternetGatewayID.NotFound", "InvalidVpcID.NotFound"];
    let op = Op::again("ec2:AttachInternetGateway").while_busy(UNSEEN, 5.0);
    let answer = cx
        .mutate(op, || {
            let call = cx.ec2.attach_internet_gateway();
            call.internet_gateway_id(id).vpc_id(vpc).send()
        })
        .await;
    let error = match answer {
        Ok(_) => return Ok(()),
        Err(error) if error.class == ErrorClass::InUse => error,
        Err(error) => return Err(error),
    };
    let look = Look::Id(id.to_owned());
    let found = InternetGateway::discover(cx, &look, &Seen::default()).await?;
    let there = |found: &Found<InternetGatewayLive>| {
        found.live.vpc.as_ref().is_some_and(|is| is.as_str() == vpc)
    };
    if found.iter().any(there) {
        Ok(())
    } else {
        Err(error)
    }
}

fn read(gateway: aws_sdk_ec2::types::InternetGateway, action: &str) -> Result<InternetGatewayLive> {
    // The state of an attachment is `available` here, whatever the documentation says.
    let mut attached = gateway.attachments.unwrap_or_default().into_iter();
    let vpc = attached.find_map(|attachment| attachment.vpc_id);
    Ok(InternetGatewayLive {
        id: gateway
            .internet_gateway_id
            .ok_or_else(|| missing(action, "internet gateway id"))?,
        vpc: vpc.map(Id::new),
    })
}
