//! One name before many machines (aws-semantics 3.19).

mod attributes;
mod live;

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{LoadBalancerSchemeEnum, LoadBalancerTypeEnum};
use futures_util::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::{DnsName, Duration};
use terrace_core::error::Result;
use terrace_core::fields::{Fields, Part, Verdict};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{self, Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::Ref;
use terrace_core::said::Said;
use terrace_core::sketch::{Icon, Sketch, Stance};

pub use self::attributes::AccessLogs;
use self::attributes::{ATTRIBUTES, PROTECTION};
use self::live::{arn, read};
use super::shared::{alike, check_name, full_name, if_there, name, tag_list};
use crate::blockers::traffic::offered_by;
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::kinds::ec2::security_group::SecurityGroup;
use crate::kinds::ec2::subnet::Subnet;
use crate::names::taken;

/// One name before many machines.
pub struct LoadBalancer;

/// One name before many machines. What it listens for stands in `listener`s, who does the work in
/// `target_group`s. Its DNS name is AWS's: people should be given a `record` that leads to it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of AWS's")]
pub struct LoadBalancerSpec {
    /// Its name, unique in the account and region, at most 32 long. Absent: made from the stack's and its
    /// own.
    #[schemars(extend("examples" = ["shop-web", "shop-front"]))]
    pub name: Option<String>,
    /// What it understands of what passes through it.
    #[serde(default)]
    pub r#type: BalancerType,
    /// Whether it is reached from its own network only. It has private addresses then.
    #[serde(default)]
    pub internal: bool,
    /// The subnets that it stands in, one a zone: in two zones at least, for an application load balancer.
    /// Unless it is internal they must lead to the internet.
    #[schemars(extend("examples" = [["subnet.a", "subnet.b"], ["subnet.a", "subnet.c"]]))]
    pub subnets: Vec<Ref<Subnet>>,
    /// Its firewalls, one at least: a network load balancer made without any could never have one.
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// How long a connection may be silent, up to 4000s; of application load balancers only.
    #[serde(default = "a_minute")]
    #[schemars(extend("examples" = ["2m", "1m"]))]
    pub idle_timeout: Duration,
    /// Whether headers whose names break the rules are dropped; of application load balancers only.
    #[serde(default = "yes")]
    pub drop_invalid_headers: bool,
    /// Whether clients may speak HTTP/2; of application load balancers only.
    #[serde(default = "yes")]
    pub http2: bool,
    /// Whether targets get the `Host` header as the client sent it, even if the port is added to it
    /// otherwise; of application load balancers only.
    #[serde(default)]
    pub preserve_host: bool,
    /// Whether each of its nodes sends to the targets of all zones. An application load balancer always
    /// does; for a network one, traffic from zone to zone has a price.
    #[serde(default)]
    #[schemars(extend("x-no-law" = "an application load balancer always does"))]
    pub cross_zone: bool,
    /// Where it is written down who asked for what. Absent: nowhere.
    #[schemars(extend("examples" = [
        { "bucket": "s3_bucket.logs" },
        { "bucket": "s3_bucket.logs", "prefix": "web" },
    ]))]
    pub access_logs: Option<AccessLogs>,
}

fn yes() -> bool {
    true
}

fn a_minute() -> Duration {
    Duration::seconds(60)
}

/// What a load balancer understands of what passes through it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BalancerType {
    /// HTTP: it may choose by path, host and more.
    #[default]
    Application,
    /// Connections.
    Network,
}

impl BalancerType {
    fn word(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Network => "network",
        }
    }
}

/// A load balancer as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct LoadBalancerLive {
    id: String,
    name: String,
    dns_name: String,
    zone_id: String,
    vpc: String,
    r#type: String,
    internal: bool,
    state: String,
    /// Why it is in that state, where AWS says so.
    reason: Option<String>,
    subnets: Vec<String>,
    security_groups: Vec<String>,
    /// By AWS's names; nothing if it was made a moment ago and they have not been read.
    attributes: Option<BTreeMap<String, String>>,
}

impl Live for LoadBalancerLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! {
            "arn" => json!(self.id),
            "name" => json!(self.name),
            "full_name" => json!(full_name(&self.id)),
            "dns_name" => json!(self.dns_name),
            "zone_id" => json!(self.zone_id),
        }
    }
}

impl Kind for LoadBalancer {
    const NAME: &'static str = "load_balancer";
    const ABOUT: About = About::new(Class::Identity, Create::Name, Swap::CreateFirst)
        .outputs(&["arn", "name", "full_name", "dns_name", "zone_id"])
        // "VPC has no internet gateway" else; and whoever is led to it should reach it.
        .after(&["internet_gateway", "route_table", "subnet"])
        .actions(&[
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:CreateLoadBalancer",
            "iam:CreateServiceLinkedRole",
            "elasticloadbalancing:SetSubnets",
            "elasticloadbalancing:SetSecurityGroups",
            "elasticloadbalancing:ModifyLoadBalancerAttributes",
            "elasticloadbalancing:DeleteLoadBalancer",
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:RemoveTags",
            "ec2:DescribeVpcEndpointServiceConfigurations",
        ]);
    type Cx = Aws;
    type Spec = LoadBalancerSpec;
    type Live = LoadBalancerLive;

    fn fields() -> Fields<Self> {
        let fields = Fields::<Self>::new()
            .replace(
                "type",
                |want, _| Said::of(want.r#type),
                |have| Said::of(&have.r#type),
            )
            .replace(
                "internal",
                |want, _| Said::of(want.internal),
                |have| Said::of(have.internal),
            )
            .replace(
                "name",
                |want, _| Said::of(&want.name),
                |have| Said::of(&have.name),
            )
            .decide(
                "subnets",
                |want, known| known.ids(&want.subnets),
                |have| Said::set(&have.subnets),
                // Connections through a zone that goes are cut.
                |want, _| match want.r#type {
                    BalancerType::Application => Verdict::Update(Impact::None),
                    BalancerType::Network => Verdict::Update(Impact::Blip),
                },
            )
            .decide(
                "security_groups",
                |want, known| known.ids(&want.security_groups),
                |have| Said::set(&have.security_groups),
                |_, have| match have.security_groups.as_slice() {
                    // "You can't perform this operation on a Network Load Balancer unless you specified a
                    // security group when you created it" (API reference, SetSecurityGroups).
                    [] => Verdict::Replace,
                    _ => Verdict::Update(Impact::None),
                },
            );
        attributes::rows(fields)
    }

    fn sketch(_want: &LoadBalancerSpec) -> Sketch {
        Sketch::station("load balancer", Icon::Balancer).stands(Stance::Across)
    }

    fn uses(have: &LoadBalancerLive) -> Vec<LiveRef> {
        let subnets = have.subnets.iter();
        let groups = have.security_groups.iter();
        let subnets = subnets.map(|subnet| LiveRef::new("subnets", subnet));
        let groups = groups.map(|group| LiveRef::new("security_groups", group));
        let vpc = LiveRef::new("subnets", &have.vpc);
        let logs = have.log_bucket().into_iter();
        let logs = logs.map(|bucket| LiveRef::new("access_logs", bucket));
        subnets.chain(groups).chain(logs).chain([vpc]).collect()
    }

    fn ready(have: &LoadBalancerLive) -> Ready {
        match have.state.as_str() {
            "failed" => {
                let why = have.reason.as_deref().unwrap_or("AWS does not say why");
                Ready::Broken(format!("failed: {why}"))
            }
            "provisioning" => Ready::Coming(have.state.clone()),
            _ if have.attributes.is_none() => Ready::Coming("not visible yet".to_owned()),
            _ => Ready::Ready,
        }
    }

    fn protected(have: &LoadBalancerLive) -> bool {
        have.says(PROTECTION) == Some(true)
    }

    fn check(want: &LoadBalancerSpec) -> Vec<Objection> {
        let mut wrong: Vec<Objection> = check_name(want.name.as_ref()).into_iter().collect();
        let mut say = |field: &str, message: &str| wrong.push(Objection::new(field, message));
        match (want.r#type, want.subnets.len()) {
            (BalancerType::Application, 0 | 1) => {
                say(
                    "subnets",
                    "an application load balancer stands in two zones at least",
                );
            }
            (BalancerType::Network, 0) => say("subnets", "it stands in one zone at least"),
            _ => {}
        }
        if want.security_groups.is_empty() {
            say(
                "security_groups",
                "it has one at least: what it lets in nobody else can say",
            );
        }
        attributes::check(want, &mut wrong);
        wrong
    }

    fn claims(want: &LoadBalancerSpec) -> Vec<String> {
        let names = want.name.iter();
        names
            .map(|name| format!("the load balancer {name}"))
            .collect()
    }

    fn foretell(want: &LoadBalancerSpec, mark: &Mark) -> Outputs {
        outputs! { "name" => json!(name(want.name.as_ref(), mark)) }
    }

    async fn discover(cx: &Aws, look: &Look, seen: &Seen) -> Result<Vec<Found<LoadBalancerLive>>> {
        const ACTION: &str = "elasticloadbalancing:DescribeLoadBalancers";
        let one = match look {
            Look::Id(id) => Some(id),
            Look::Like(like) => like.get("id").or_else(|| like.get("name")),
            Look::Ours => None,
        };
        let mut balancers = match one {
            None => {
                let all = cx.elb_listed(seen).await?;
                cx.elb_found(all.balancers.clone(), arn, &all.tags, look)
            }
            Some(one) => {
                let answer = cx
                    .read(ACTION, || {
                        let call = cx.elb.describe_load_balancers();
                        if one.starts_with("arn:") {
                            call.load_balancer_arns(one).send()
                        } else {
                            call.names(one).send()
                        }
                    })
                    .await;
                let answer = if_there(answer)?.and_then(|answer| answer.load_balancers);
                cx.elb_tagged(answer.unwrap_or_default(), arn, look).await?
            }
        };
        if let Look::Like(like) = look {
            balancers.retain(|found| {
                alike(like, &found.tags, |property, value| match property {
                    "name" => found.live.load_balancer_name() == Some(value),
                    "id" => found.live.load_balancer_arn() == Some(value),
                    "dns_name" => {
                        let name = found.live.dns_name().unwrap_or_default();
                        DnsName::from_aws(name) == DnsName::from_aws(value)
                    }
                    "vpc" => found.live.vpc_id() == Some(value),
                    _ => false,
                })
            });
        }
        let found = balancers
            .into_iter()
            .map(|Found { live, mut tags, .. }| async move {
                let attributes = if_there(attributes::of(cx, arn(&live)).await)?;
                let Some(attributes) = attributes else {
                    return Ok(None);
                };
                let live = read(live, Some(attributes), ACTION)?;
                // The tag and AWS's own protection are one thing: where they differ, AWS's counts, and the
                // comparison of tags puts both right.
                if Self::protected(&live) {
                    tags.insert(mark::PROTECT.to_owned(), "true".to_owned());
                } else {
                    tags.remove(mark::PROTECT);
                }
                Ok(Some(Found::new(live, tags)))
            });
        Ok(try_join_all(found).await?.into_iter().flatten().collect())
    }

    async fn create(
        cx: &Aws,
        want: &LoadBalancerSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<LoadBalancerLive> {
        const ACTION: &str = "elasticloadbalancing:CreateLoadBalancer";
        // What was made a moment ago may not be seen here yet; and the first load balancer of an account
        // comes with a role of AWS's, which takes a while (aws-semantics 3.19).
        const UNSEEN: &[&str] = &[
            "SubnetNotFound",
            "InvalidSecurityGroup",
            "has no internet gateway",
            "service-linked role",
        ];
        let name = name(want.name.as_ref(), mark);
        let subnets = known.need_all(&want.subnets)?;
        let groups = known.need_all(&want.security_groups)?;
        let scheme = if want.internal {
            LoadBalancerSchemeEnum::Internal
        } else {
            LoadBalancerSchemeEnum::InternetFacing
        };
        let answer = cx
            .mutate(Op::again(ACTION).while_busy(UNSEEN, 2.0), || {
                let call = cx.elb.create_load_balancer().name(&name);
                call.r#type(LoadBalancerTypeEnum::from(want.r#type.word()))
                    .scheme(scheme.clone())
                    .set_subnets(Some(subnets.clone()))
                    .set_security_groups(Some(groups.clone()))
                    .set_tags(Some(tag_list(&mark.all_tags())))
                    .send()
            })
            .await;
        let live = match answer {
            Err(error) if error.is(&["DuplicateLoadBalancerName"]) => {
                let found = Self::discover(cx, &Look::Id(name), &Seen::default()).await?;
                taken(error, found.into_iter().next(), mark)?
            }
            answer => {
                let made = answer?
                    .load_balancers
                    .unwrap_or_default()
                    .into_iter()
                    .next();
                let made = made.ok_or_else(|| missing(ACTION, "load balancer"))?;
                read(cx.elb_made(ACTION, made, arn, mark).await?, None, ACTION)?
            }
        };
        // The creating call cannot say it. Without it the tag counts as absent, so that a crash in
        // between leaves an ordinary difference.
        if mark.protect {
            attributes::modify(cx, &live.id, &[(PROTECTION, "true".to_owned())]).await?;
        }
        Ok(live)
    }

    async fn update(
        cx: &Aws,
        want: &LoadBalancerSpec,
        have: &LoadBalancerLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<LoadBalancerLive> {
        let mut live = have.clone();
        if part.has("security_groups") {
            let groups = known.need_all(&want.security_groups)?;
            let op = Op::again("elasticloadbalancing:SetSecurityGroups")
                .while_busy(&["InvalidSecurityGroup"], 2.0);
            cx.mutate(op, || {
                let call = cx.elb.set_security_groups().load_balancer_arn(&have.id);
                call.set_security_groups(Some(groups.clone())).send()
            })
            .await?;
            live.security_groups = groups;
        }
        if part.has("subnets") {
            let subnets = known.need_all(&want.subnets)?;
            let op =
                Op::again("elasticloadbalancing:SetSubnets").while_busy(&["SubnetNotFound"], 2.0);
            cx.mutate(op, || {
                let call = cx.elb.set_subnets().load_balancer_arn(&have.id);
                call.set_subnets(Some(subnets.clone())).send()
            })
            .await?;
            live.subnets = subnets;
        }
        if part.has_any(ATTRIBUTES) {
            let fields = ATTRIBUTES.iter().copied().filter(|field| part.has(field));
            let fields: Vec<&str> = fields.collect();
            let attributes = attributes::wanted(want, known, &fields)?;
            attributes::modify(cx, &have.id, &attributes).await?;
            let pairs = attributes.into_iter();
            let pairs = pairs.map(|(key, value)| (key.to_owned(), value));
            live.attributes.get_or_insert_default().extend(pairs);
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &LoadBalancerLive, leave: &Leave) -> Result<()> {
        // Its listeners go with it. Its interfaces stay for minutes: whoever deletes its subnets, groups
        // or gateway waits for them.
        let op = Op::again("elasticloadbalancing:DeleteLoadBalancer")
            .while_busy(&["ResourceInUse"], 5.0);
        let call = || {
            let call = cx.elb.delete_load_balancer();
            call.load_balancer_arn(&have.id).send()
        };
        let blockers = || offered_by(cx, &have.id);
        cx.remove(op, leave, blockers, call).await
    }

    async fn tag(cx: &Aws, have: &LoadBalancerLive, set: &Tags, unset: &[String]) -> Result<()> {
        let on = set.get(mark::PROTECT).is_some_and(|value| value == "true");
        let off = unset.iter().any(|key| key == mark::PROTECT);
        if on || off {
            attributes::modify(cx, &have.id, &[(PROTECTION, on.to_string())]).await?;
        }
        cx.elb_tag(&have.id, set, unset).await
    }

    async fn unprotect(cx: &Aws, have: &LoadBalancerLive) -> Result<()> {
        attributes::modify(cx, &have.id, &[(PROTECTION, "false".to_owned())]).await
    }
}

impl LoadBalancerLive {
    fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.as_ref()?.get(key).map(String::as_str)
    }

    fn says(&self, key: &str) -> Option<bool> {
        self.attribute(key)?.parse().ok()
    }
}
