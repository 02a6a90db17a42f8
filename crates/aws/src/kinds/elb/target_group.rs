//! Machines that share the work (aws-semantics 3.20).

mod attributes;
mod health;
mod live;
mod targets;

use aws_sdk_elasticloadbalancingv2::types::{ProtocolEnum, TargetTypeEnum};
use futures_util::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::Duration;
use terrace_core::error::Result;
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Kind, Leave, LiveRef, Objection, Outputs, Ready, Serving, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::Ref;
use terrace_core::said::Said;
use terrace_core::sketch::{Role, Sketch};

use self::attributes::{ATTRIBUTES, wanted};
pub use self::attributes::{Algorithm, Stickiness};
use self::health::Check;
pub use self::health::{CheckProtocol, HealthCheck};
pub use self::live::TargetGroupLive;
use self::live::{arn, read, whole};
use self::targets::{deregister, mark_members, register};
pub use super::shared::Protocol;
use super::shared::{alike, check_name, if_there, name, tag_list};
use crate::blockers::{Blocker, traffic};
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::kinds::autoscaling::autoscaling_group::AutoscalingGroup;
use crate::kinds::ec2::instance::Instance;
use crate::kinds::ec2::vpc::Vpc;
use crate::names::taken;

/// Machines that share the work.
pub struct TargetGroup;

/// Machines that share the work: a load balancer's listener forwards to those of them that are healthy.
/// An `autoscaling_group` brings its machines itself; `targets` are others.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetGroupSpec {
    /// Its name, unique in the account and region, at most 32 long. Absent: made from the stack's and its
    /// own.
    #[schemars(extend("examples" = ["shop-web", "shop-app"]))]
    pub name: Option<String>,
    /// The VPC that its targets are in.
    pub vpc: Ref<Vpc>,
    /// The port that its targets listen at.
    #[schemars(range(min = 1), extend("examples" = [8080, 8081]))]
    pub port: u16,
    /// What its targets are spoken to in. HTTP and HTTPS stand behind an application load balancer, the
    /// others behind a network one.
    #[serde(default)]
    pub protocol: Protocol,
    /// The version of HTTP; it means nothing to other protocols.
    #[serde(default)]
    pub version: Version,
    /// What its targets are to it.
    #[serde(default)]
    pub r#type: TargetType,
    /// How it is seen which targets work.
    #[serde(default)]
    #[schemars(extend("examples" = [
        { "path": "/healthz", "interval": "10s", "healthy": 2, "unhealthy": 3 },
        { "path": "/up", "status": "200-299" },
    ]))]
    pub health_check: HealthCheck,
    /// How long a target that leaves may end what it has begun, up to 1h.
    #[serde(default = "a_minute")]
    #[schemars(extend("examples" = ["2m", "1m"]))]
    pub deregistration_delay: Duration,
    /// The time in which a new target's share grows to the full, between 30s and 15m; `0s` is at once.
    /// Of HTTP and HTTPS only, and with the algorithm `round_robin`.
    #[serde(default = "at_once")]
    #[schemars(extend("x-no-law" = "not with every algorithm"))]
    pub slow_start: Duration,
    /// Whether and how a client keeps coming to the same target: `{ duration = "1h" }` by a cookie of the
    /// load balancer, `{ cookie = "SESSION" }` by one of the application, `{}` by its address behind a
    /// network load balancer. Absent: it does not.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "duration": "1h" }, { "cookie": "SESSION" }]))]
    pub stickiness: Option<Stickiness>,
    /// Which target gets the next request; of HTTP and HTTPS only.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Whether targets see the address of the client; of network load balancers only. Absent: as AWS has
    /// it, which depends on protocol and type.
    #[schemars(extend("x-no-law" = "behind network load balancers only"))]
    pub preserve_client_ip: Option<bool>,
    /// Whether each connection begins with a header that says who the client is (PROXY, version 2); of
    /// network load balancers only.
    #[serde(default)]
    #[schemars(extend("x-no-law" = "behind network load balancers only"))]
    pub proxy_protocol: bool,
    /// Targets other than those of autoscaling groups. One that is taken out ends what it has begun
    /// before the change counts as done. What is registered and not listed here is taken out.
    #[serde(default)]
    pub targets: Vec<Ref<Instance>>,
}

fn a_minute() -> Duration {
    Duration::seconds(60)
}

fn at_once() -> Duration {
    Duration::seconds(0)
}

/// The version of HTTP that targets are spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Version {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2.
    Http2,
    /// gRPC.
    Grpc,
}

impl Version {
    fn word(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP1",
            Self::Http2 => "HTTP2",
            Self::Grpc => "GRPC",
        }
    }
}

/// What the targets of a group are to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetType {
    /// Instances.
    #[default]
    Instance,
    /// Addresses: `targets` may hold private addresses beside instances.
    Ip,
}

impl TargetType {
    fn word(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Ip => "ip",
        }
    }
}

impl Kind for TargetGroup {
    const NAME: &'static str = "target_group";
    const ABOUT: About = About::new(Class::Stateless, Create::Name, Swap::CreateFirst)
        .gone_at_once()
        .outputs(&["arn", "name", "full_name"])
        .actions(&[
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            "elasticloadbalancing:DescribeTargetHealth",
            "elasticloadbalancing:DescribeTags",
            "ec2:DescribeInstances",
            "elasticloadbalancing:CreateTargetGroup",
            "elasticloadbalancing:ModifyTargetGroup",
            "elasticloadbalancing:ModifyTargetGroupAttributes",
            "elasticloadbalancing:RegisterTargets",
            "elasticloadbalancing:DeregisterTargets",
            "elasticloadbalancing:DeleteTargetGroup",
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeRules",
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:RemoveTags",
        ]);
    type Cx = Aws;
    type Spec = TargetGroupSpec;
    type Live = TargetGroupLive;

    fn fields() -> Fields<Self> {
        attributes::rows(
            Fields::<Self>::new()
                .replace(
                    "vpc",
                    |want, known| known.id(&want.vpc),
                    |have| Said::of(&have.vpc),
                )
                .replace(
                    "port",
                    |want, _| Said::of(want.port),
                    |have| Said::of(have.port),
                )
                .replace(
                    "protocol",
                    |want, _| Said::of(want.protocol),
                    |have| Said::of(&have.protocol),
                )
                .replace(
                    "version",
                    |want, _| Said::of(want.protocol.is_web().then_some(want.version)),
                    |have| Said::of(&have.version),
                )
                .replace(
                    "type",
                    |want, _| Said::of(want.r#type),
                    |have| Said::of(&have.r#type),
                )
                .replace(
                    "name",
                    |want, _| Said::of(&want.name),
                    |have| Said::of(&have.name),
                )
                .update(
                    "health_check",
                    |want, _| Said::of(want.check()),
                    |have| Said::of(&have.health_check),
                ),
        )
        .set("targets", targets::wanted, |have| {
            Said::set(have.targets.keys())
        })
        .late()
        .leads()
    }

    fn sketch(want: &TargetGroupSpec) -> Sketch {
        let port = format!("{} {}", want.protocol.word(), want.port);
        Sketch::new(Role::Link, "target group").title(port)
    }

    fn uses(have: &TargetGroupLive) -> Vec<LiveRef> {
        let vpc = have.vpc.iter().map(|vpc| LiveRef::new("vpc", vpc.as_str()));
        let targets = have.targets.values().map(|target| &target.id);
        let targets = targets
            .chain(&have.draining)
            .map(|id| LiveRef::new("targets", id));
        vpc.chain(targets).collect()
    }

    fn ready(have: &TargetGroupLive) -> Ready {
        if have.attributes.is_none() {
            return Ready::Coming("not visible yet".to_owned());
        }
        // A run that was cut off while they left has not waited for them.
        match have.draining.len() {
            0 => Ready::Ready,
            _ => Ready::Coming(format!("draining {}", have.draining.join(", "))),
        }
    }

    fn serving(have: &TargetGroupLive) -> Serving {
        health::serving(have)
    }

    fn awaited(_want: &TargetGroupSpec) -> Option<&'static str> {
        Some("healthy targets of")
    }

    fn patience(have: &TargetGroupLive, usual: f64) -> f64 {
        // A machine boots before it answers the first of the checks that must go well.
        let check = &have.health_check;
        usual + 3.0 + f64::from(check.interval.as_i32() * check.healthy) / 60.0
    }

    fn check(want: &TargetGroupSpec) -> Vec<Objection> {
        let mut wrong: Vec<Objection> = check_name(want.name.as_ref()).into_iter().collect();
        if want.port == 0 {
            wrong.push(Objection::new("port", "a port is between 1 and 65535"));
        }
        if !want.protocol.is_web() && want.version != Version::Http1 {
            wrong.push(Objection::new(
                "version",
                "only HTTP and HTTPS have versions",
            ));
        }
        want.health_check
            .check(want.protocol, want.version, &mut wrong);
        attributes::check(want, &mut wrong);
        targets::check(want, &mut wrong);
        wrong
    }

    fn claims(want: &TargetGroupSpec) -> Vec<String> {
        want.name
            .iter()
            .map(|name| format!("the target group {name}"))
            .collect()
    }

    fn foretell(want: &TargetGroupSpec, mark: &Mark) -> Outputs {
        outputs! { "name" => json!(name(want.name.as_ref(), mark)) }
    }

    async fn discover(cx: &Aws, look: &Look, seen: &Seen) -> Result<Vec<Found<TargetGroupLive>>> {
        const ACTION: &str = "elasticloadbalancing:DescribeTargetGroups";
        let one = match look {
            Look::Id(id) => Some(id),
            Look::Like(like) => like.get("id").or_else(|| like.get("name")),
            Look::Ours => None,
        };
        let mut groups = match one {
            None => {
                let all = cx.elb_listed(seen).await?;
                cx.elb_found(all.groups.clone(), arn, &all.tags, look)
            }
            Some(one) => {
                let answer = cx
                    .read(ACTION, || {
                        let call = cx.elb.describe_target_groups();
                        if one.starts_with("arn:") {
                            call.target_group_arns(one).send()
                        } else {
                            call.names(one).send()
                        }
                    })
                    .await;
                let answer = if_there(answer)?.and_then(|answer| answer.target_groups);
                cx.elb_tagged(answer.unwrap_or_default(), arn, look).await?
            }
        };
        if let Look::Like(like) = look {
            groups.retain(|found| {
                alike(like, &found.tags, |property, value| match property {
                    "name" => found.live.target_group_name() == Some(value),
                    "id" => found.live.target_group_arn() == Some(value),
                    "vpc" => found.live.vpc_id() == Some(value),
                    _ => false,
                })
            });
        }
        let found = groups
            .into_iter()
            .map(|Found { live, tags, .. }| async move {
                let live = if_there(whole(cx, live, ACTION, seen).await)?;
                Ok(live.map(|live| Found::new(live, tags)))
            });
        let mut found: Vec<_> = try_join_all(found).await?.into_iter().flatten().collect();
        // The members of our own groups are known to these.
        let ours = seen.all::<AutoscalingGroup>().await?;
        let ours = ours.iter().flat_map(|found| found.live.machines());
        mark_members(
            cx,
            found.iter_mut().map(|found| &mut found.live),
            ours.collect(),
        )
        .await?;
        Ok(found)
    }

    async fn create(
        cx: &Aws,
        want: &TargetGroupSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<TargetGroupLive> {
        const ACTION: &str = "elasticloadbalancing:CreateTargetGroup";
        let (name, check) = (name(want.name.as_ref(), mark), want.check());
        let vpc = known.need(&want.vpc)?;
        // A VPC made a moment ago may not be seen here yet.
        let op = Op::again(ACTION).while_busy(&["does not exist", "InvalidVpcID.NotFound"], 2.0);
        let answer = cx
            .mutate(op, || {
                let version = want.protocol.is_web().then(|| want.version.word());
                let call = cx
                    .elb
                    .create_target_group()
                    .name(&name)
                    .vpc_id(vpc.as_str());
                call.port(want.port.into())
                    .protocol(ProtocolEnum::from(want.protocol.word()))
                    .set_protocol_version(version.map(str::to_owned))
                    .target_type(TargetTypeEnum::from(want.r#type.word()))
                    .health_check_protocol(ProtocolEnum::from(check.protocol.as_str()))
                    .health_check_port(&check.port)
                    .set_health_check_path(check.path.clone())
                    .set_matcher(check.matcher())
                    .health_check_interval_seconds(check.interval.as_i32())
                    .health_check_timeout_seconds(check.timeout.as_i32())
                    .healthy_threshold_count(check.healthy)
                    .unhealthy_threshold_count(check.unhealthy)
                    .set_tags(Some(tag_list(&mark.all_tags())))
                    .send()
            })
            .await;
        let answer = match answer {
            Err(error) if error.is(&["DuplicateTargetGroupName"]) => {
                let found = Self::discover(cx, &Look::Id(name), &Seen::default()).await?;
                return taken(error, found.into_iter().next(), mark);
            }
            answer => answer?,
        };
        let made = answer.target_groups.unwrap_or_default().into_iter().next();
        let made = made.ok_or_else(|| missing(ACTION, "target group"))?;
        let made = cx.elb_made(ACTION, made, arn, mark).await?;
        match if_there(whole(cx, made.clone(), ACTION, &Seen::default()).await)? {
            Some(live) => Ok(live),
            None => read(made, None, &[], ACTION),
        }
    }

    async fn update(
        cx: &Aws,
        want: &TargetGroupSpec,
        have: &TargetGroupLive,
        _known: &Known,
        part: &Part<'_>,
    ) -> Result<TargetGroupLive> {
        let mut live = have.clone();
        if part.has("health_check") {
            live.health_check = health::modify(cx, &have.id, want.check()).await?;
        }
        if part.has_any(ATTRIBUTES) {
            let attributes = ATTRIBUTES.iter().filter(|field| part.has(field));
            let attributes: Vec<_> = attributes.flat_map(|field| wanted(want, field)).collect();
            attributes::modify(cx, &have.id, &attributes).await?;
            let pairs = attributes
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value));
            live.attributes.get_or_insert_default().extend(pairs);
        }
        register(cx, &mut live, part.added("targets").keys()).await?;
        deregister(cx, &mut live, part.removed("targets").keys()).await?;
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &TargetGroupLive, leave: &Leave) -> Result<()> {
        // A listener that went a moment ago still holds it.
        let op =
            Op::again("elasticloadbalancing:DeleteTargetGroup").while_busy(&["ResourceInUse"], 5.0);
        let call = || {
            cx.elb
                .delete_target_group()
                .target_group_arn(&have.id)
                .send()
        };
        cx.remove(op, leave, || listeners(cx, &have.id), call).await
    }

    async fn tag(cx: &Aws, have: &TargetGroupLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.elb_tag(&have.id, set, unset).await
    }
}

impl TargetGroupSpec {
    fn check(&self) -> Check {
        self.health_check.of(self.protocol, self.version)
    }
}

/// The listeners that lead to a group.
async fn listeners(cx: &Aws, group: &str) -> Result<Vec<Blocker>> {
    let found = cx
        .read("elasticloadbalancing:DescribeTargetGroups", || {
            cx.elb
                .describe_target_groups()
                .target_group_arns(group)
                .send()
        })
        .await?;
    let mut balancers: Vec<String> = found
        .target_groups()
        .iter()
        .flat_map(|group| group.load_balancer_arns().to_vec())
        .collect();
    balancers.sort();
    balancers.dedup();
    traffic::leading_to(cx, &balancers, group).await
}
