//! What a load balancer listens for (aws-semantics 3.21).

mod act;
mod action;
mod condition;
mod live;
mod rules;
mod switch;

use aws_sdk_elasticloadbalancingv2::types::{
    Action as RawAction, Certificate as Proof, ProtocolEnum,
};
use futures_util::future::try_join_all;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::error::{CloudError, Result};
use terrace_core::fields::{FieldChange, Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{self, Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Id, Ref, Reference};
use terrace_core::said::Said;
use terrace_core::sketch::{Role, Sketch};

use self::act::Act;
pub use self::action::{Action, ContentType, Forward, Redirect, Respond, Share, Shares, Web};
pub use self::condition::Match;
use self::live::{arn, listed, read, whole};
pub use self::rules::Rule;
use self::rules::Rules;
use self::switch::Switch;
use super::load_balancer::LoadBalancer;
pub use super::shared::Protocol;
use super::shared::{alike, if_there, tag_list};
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::kinds::acm::certificate::Certificate;
use crate::names::invalid;

/// What a load balancer listens for.
pub struct Listener;

/// What a load balancer listens for, and what it does with what it hears.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenerSpec {
    /// The load balancer that listens: one of the stack.
    pub load_balancer: Ref<LoadBalancer>,
    /// The port that it listens at; a load balancer has one listener a port.
    #[schemars(range(min = 1), extend("examples" = [8080, 8081]))]
    pub port: u16,
    /// What it is spoken to in. HTTP and HTTPS are for an application load balancer, the others for a
    /// network one.
    #[schemars(extend("x-no-law" = "with it come and go its certificates"))]
    pub protocol: Protocol,
    /// Its certificate. HTTPS and TLS need one.
    pub certificate: Option<Ref<Certificate>>,
    /// Certificates for other names, from which it chooses by the name that the client asks for.
    #[serde(default)]
    #[schemars(extend("examples" = [["certificate.other"], ["certificate.main", "certificate.other"]]))]
    pub certificates: Vec<Ref<Certificate>>,
    /// AWS's name for the versions of TLS and the ciphers that HTTPS and TLS may use.
    #[serde(default = "modern")]
    #[schemars(extend("examples" = ["ELBSecurityPolicy-TLS13-1-3-2021-06", "ELBSecurityPolicy-TLS13-1-2-2021-06"]))]
    pub ssl_policy: String,
    /// What it does with requests that fit no rule: one of `forward`, `redirect` and `respond`.
    #[schemars(extend("examples" = [
        { "redirect": { "protocol": "HTTPS", "port": 443, "status": 301 } },
        { "respond": { "status": 503, "body": "Back at noon." } },
    ]))]
    pub action: Action,
    /// What it does with some requests instead, by a name of your own for each rule.
    #[serde(default)]
    #[schemars(extend("x-keyed" = true, "examples" = [
        {
            "old": { "priority": 20, "match": { "path": ["/old/*", "/older/*"] }, "action": { "redirect": { "path": "/new" } } },
            "bots": { "priority": 10, "match": { "headers": { "user-agent": "*bot*" } }, "action": { "respond": { "status": 403 } } },
        },
        { "api": { "priority": 10, "match": { "host": "api.example.com" }, "action": { "forward": "target_group.app" } } },
    ]))]
    pub rules: IndexMap<String, Rule>,
}

/// What AWS recommends: TLS 1.3 and 1.2. Its own default differs by how a listener is made.
fn modern() -> String {
    "ELBSecurityPolicy-TLS13-1-2-2021-06".to_owned()
}

/// A listener as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct ListenerLive {
    id: String,
    load_balancer: Id<LoadBalancer>,
    port: i32,
    protocol: String,
    certificate: Option<String>,
    certificates: Vec<String>,
    ssl_policy: Option<String>,
    action: Act,
    rules: Rules,
}

impl Live for ListenerLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "arn" => json!(self.id) }
    }
}

impl Kind for Listener {
    const NAME: &'static str = "listener";
    const ABOUT: About = About::new(Class::Stateless, Create::Name, Swap::DeleteFirst)
        .gone_at_once()
        .outputs(&["arn"])
        .actions(&[
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeListenerCertificates",
            "elasticloadbalancing:DescribeRules",
            "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            "elasticloadbalancing:DescribeTargetHealth",
            "ec2:DescribeInstances",
            "elasticloadbalancing:CreateListener",
            "elasticloadbalancing:ModifyListener",
            "elasticloadbalancing:AddListenerCertificates",
            "elasticloadbalancing:RemoveListenerCertificates",
            "elasticloadbalancing:CreateRule",
            "elasticloadbalancing:ModifyRule",
            "elasticloadbalancing:SetRulePriorities",
            "elasticloadbalancing:DeleteRule",
            "elasticloadbalancing:DeleteListener",
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:RemoveTags",
        ]);
    type Cx = Aws;
    type Spec = ListenerSpec;
    type Live = ListenerLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "load_balancer",
                |want, known| known.id(&want.load_balancer),
                |have| Said::of(&have.load_balancer),
            )
            .serves()
            .update(
                "port",
                |want, _| Said::of(want.port),
                |have| Said::of(have.port),
            )
            .impact(Impact::Blip)
            .update(
                "protocol",
                |want, _| Said::of(want.protocol),
                |have| Said::of(&have.protocol),
            )
            .impact(Impact::Blip)
            .update(
                "certificate",
                |want, known| {
                    let certificate = want.certificate.as_ref();
                    Said::or_none(certificate.map(|proof| known.output(proof, "arn")))
                },
                |have| Said::or_none(have.certificate.as_ref().map(Said::of)),
            )
            .update(
                "ssl_policy",
                |want, _| Said::of(want.is_secure().then_some(&want.ssl_policy)),
                |have| Said::of(&have.ssl_policy),
            )
            .update(
                "action",
                |want, known| match Act::wanted(&want.action, known) {
                    Ok(act) => Said::Value(act.said()),
                    Err(what) => Said::Later(what),
                },
                |have| Said::Value(have.action.said()),
            )
            .leads()
            .update(
                "certificates",
                |want, known| {
                    let arns = want.certificates.iter();
                    Said::all(arns.map(|proof| known.output(proof, "arn")))
                },
                |have| Said::set(&have.certificates),
            )
            .set("rules", rules::wanted, |have| rules::said(&have.rules))
            .leads()
    }

    fn swap(have: &ListenerLive, changes: &[FieldChange]) -> Swap {
        let moves = |field: &str| changes.iter().any(|change| change.field == field);
        // A load balancer has one listener a port, and a target group one load balancer (API reference,
        // TargetGroup): what forwards can stand beside its successor only if that forwards elsewhere.
        let stays = have.action.groups().next().is_some() && !moves("action")
            || have
                .rules
                .values()
                .any(|rule| rule.act().groups().next().is_some())
                && !moves("rules");
        if moves("load_balancer") && !stays {
            Swap::CreateFirst
        } else {
            Swap::DeleteFirst
        }
    }

    fn sketch(want: &ListenerSpec) -> Sketch {
        let enters = format!("{} {}", want.protocol.word(), want.port);
        Sketch::new(Role::Note, "listener").title(enters)
    }

    fn uses(have: &ListenerLive) -> Vec<LiveRef> {
        let mut uses = vec![LiveRef::new("load_balancer", have.load_balancer.as_str())];
        let own = have.action.groups();
        uses.extend(own.map(|group| LiveRef::new("action", group)));
        let others = have.rules.values().flat_map(|rule| rule.act().groups());
        uses.extend(others.map(|group| LiveRef::new("rules", group)));
        let proof = have.certificate.iter();
        uses.extend(proof.map(|proof| LiveRef::new("certificate", proof)));
        let proofs = have.certificates.iter();
        uses.extend(proofs.map(|proof| LiveRef::new("certificates", proof)));
        uses
    }

    fn ready(_have: &ListenerLive) -> Ready {
        Ready::Ready
    }

    fn check(want: &ListenerSpec) -> Vec<Objection> {
        let mut wrong = Vec::new();
        let ours = match want.load_balancer.names() {
            Reference::Address(address) => !address.existing,
            Reference::Literal(_) => false,
        };
        if !ours {
            // Listeners are found under the load balancers of the stack: those of a whole account would
            // be a call for each.
            let message = "a listener stands on a load balancer of its own stack";
            wrong.push(Objection::new("load_balancer", message));
        }
        let mut say = |field: &str, message: &str| wrong.push(Objection::new(field, message));
        if want.port == 0 {
            say("port", "a port is between 1 and 65535");
        }
        match (want.is_secure(), &want.certificate) {
            (true, None) => say("certificate", "HTTPS and TLS need a certificate"),
            (false, Some(_)) => say("certificate", "only HTTPS and TLS have one"),
            _ => {}
        }
        if !want.is_secure() && !want.certificates.is_empty() {
            say("certificates", "only HTTPS and TLS have any");
        }
        if !want.protocol.is_web() && !want.action.is_forward() {
            say("action", "a network load balancer can only forward");
        }
        want.action.check("action", &mut wrong);
        rules::check(want, &mut wrong);
        wrong
    }

    async fn discover(cx: &Aws, look: &Look, seen: &Seen) -> Result<Vec<Found<ListenerLive>>> {
        let listed = match look {
            Look::Id(arn) => if_there(listed(cx, None, Some(arn)).await)?.unwrap_or_default(),
            Look::Like(like) => match (like.get("id"), like.get("load_balancer")) {
                (None, None) => {
                    let message = "an existing `listener` is looked up by its `id`, or its `load_balancer` and more";
                    return Err(invalid("terrace:look-up", message));
                }
                (arn, balancer) => if_there(listed(cx, balancer, arn).await)?.unwrap_or_default(),
            },
            Look::Ours => {
                let balancers = seen.all::<LoadBalancer>().await?;
                let under = balancers.iter().map(|found| async move {
                    let balancer = found.live.id().to_owned();
                    Ok(if_there(listed(cx, Some(&balancer), None).await)?.unwrap_or_default())
                });
                try_join_all(under).await?.concat()
            }
        };
        let mut listeners = cx.elb_tagged(listed, arn, look).await?;
        if let Look::Like(like) = look {
            listeners.retain(|found| {
                let live = &found.live;
                alike(like, &found.tags, |property, value| match property {
                    "id" => live.listener_arn() == Some(value),
                    "load_balancer" => live.load_balancer_arn() == Some(value),
                    "port" => live.port().is_some_and(|port| port.to_string() == value),
                    _ => false,
                })
            });
        }
        let found = listeners
            .into_iter()
            .map(|Found { live, tags, .. }| async move {
                let live = if_there(whole(cx, live).await)?;
                Ok(live.map(|live| Found::new(live, tags)))
            });
        Ok(try_join_all(found).await?.into_iter().flatten().collect())
    }

    async fn create(
        cx: &Aws,
        want: &ListenerSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<ListenerLive> {
        const ACTION: &str = "elasticloadbalancing:CreateListener";
        let balancer = known.need(&want.load_balancer)?;
        let action = want.act(known, ACTION)?.write();
        let proof = want.proof(known)?;
        let policy = want.is_secure().then(|| want.ssl_policy.clone());
        let answer = cx
            .mutate(Op::again(ACTION).while_busy(UNSEEN, 2.0), || {
                let call = cx
                    .elb
                    .create_listener()
                    .load_balancer_arn(balancer.as_str());
                call.port(want.port.into())
                    .protocol(ProtocolEnum::from(want.protocol.word()))
                    .set_certificates(proof.clone().map(|proof| vec![proof]))
                    .set_ssl_policy(policy.clone())
                    .default_actions(action.clone())
                    .set_tags(Some(tag_list(&mark.all_tags())))
                    .send()
            })
            .await;
        match answer {
            Err(error) if error.is(&["DuplicateListener"]) => {
                taken(cx, error, want, balancer.as_str(), mark).await
            }
            answer => {
                let made = answer?.listeners.unwrap_or_default().into_iter().next();
                let made = made.ok_or_else(|| missing(ACTION, "listener"))?;
                read(
                    cx.elb_made(ACTION, made, arn, mark).await?,
                    Vec::new(),
                    Rules::new(),
                    ACTION,
                )
            }
        }
    }

    async fn update(
        cx: &Aws,
        want: &ListenerSpec,
        have: &ListenerLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<ListenerLive> {
        let mut live = have.clone();
        if part.has_any(&["port", "protocol", "certificate", "ssl_policy", "action"]) {
            modify(cx, want, known, &mut live, part).await?;
        }
        rules::update(cx, want, known, &mut live, part).await?;
        if part.has("certificates") {
            let arns = want.certificates.iter();
            let arns = arns.map(|proof| known.need_output(proof, "arn"));
            set_certificates(cx, &mut live, arns.collect::<Result<_>>()?).await?;
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &ListenerLive, _leave: &Leave) -> Result<()> {
        let op =
            Op::again("elasticloadbalancing:DeleteListener").while_busy(&["ResourceInUse"], 5.0);
        let call = || cx.elb.delete_listener().listener_arn(&have.id).send();
        cx.gone(cx.mutate(op, call).await)
    }

    async fn tag(cx: &Aws, have: &ListenerLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.elb_tag(&have.id, set, unset).await
    }
}

/// What was made a moment ago and may not be seen here yet; a certificate that was issued a moment ago is
/// `UnsupportedCertificate` for a while (aws-semantics 3.21).
const UNSEEN: &[&str] = &[
    "LoadBalancerNotFound",
    "TargetGroupNotFound",
    "CertificateNotFound",
    "UnsupportedCertificate",
];

impl ListenerSpec {
    fn is_secure(&self) -> bool {
        matches!(self.protocol, Protocol::Https | Protocol::Tls)
    }

    fn act(&self, known: &Known, action: &'static str) -> Result<Act> {
        Act::wanted(&self.action, known).map_err(|what| invalid(action, what))
    }

    fn proof(&self, known: &Known) -> Result<Option<Proof>> {
        let arn = |certificate| known.need_output(certificate, "arn");
        let arn = self.certificate.as_ref().map(arn).transpose()?;
        Ok(arn.map(|arn| proof(&arn)))
    }
}

fn proof(arn: &str) -> Proof {
    Proof::builder().certificate_arn(arn).build()
}

/// One call for all that a listener itself is. With TLS come its certificate and its policy; AWS takes
/// both away with it (API reference, ModifyListener).
async fn modify(
    cx: &Aws,
    want: &ListenerSpec,
    known: &Known,
    live: &mut ListenerLive,
    part: &Part<'_>,
) -> Result<()> {
    const ACTION: &str = "elasticloadbalancing:ModifyListener";
    let secure = want.is_secure();
    let changes = |field: &str| part.has(field) || part.has("protocol");
    let proof = if secure && changes("certificate") {
        want.proof(known)?
    } else {
        None
    };
    let policy = (secure && changes("ssl_policy")).then(|| want.ssl_policy.clone());
    let act = if part.has("action") {
        Some(want.act(known, ACTION)?)
    } else {
        None
    };
    if let Some(act) = &act
        && let Some(switch) = Switch::between(&live.action, act)
    {
        let id = live.id.as_str();
        let put = |meanwhile: RawAction| async move {
            cx.mutate(Op::again(ACTION), || {
                let call = cx.elb.modify_listener().listener_arn(id);
                call.default_actions(meanwhile.clone()).send()
            })
            .await
            .map(drop)
        };
        switch.prepare(cx, &live.action, put).await?;
    }
    let protocol = ProtocolEnum::from(want.protocol.word());
    let answer = cx
        .mutate(Op::again(ACTION).while_busy(UNSEEN, 2.0), || {
            let call = cx.elb.modify_listener().listener_arn(&live.id);
            call.set_port(part.has("port").then_some(want.port.into()))
                .set_protocol(part.has("protocol").then(|| protocol.clone()))
                .set_certificates(proof.clone().map(|proof| vec![proof]))
                .set_ssl_policy(policy.clone())
                .set_default_actions(act.as_ref().map(|act| vec![act.write()]))
                .send()
        })
        .await?;
    let changed = answer.listeners.unwrap_or_default().into_iter().next();
    let changed = changed.ok_or_else(|| missing(ACTION, "listener"))?;
    let certificates = if secure {
        live.certificates.clone()
    } else {
        Vec::new()
    };
    *live = read(changed, certificates, live.rules.clone(), ACTION)?;
    Ok(())
}

/// Puts its further certificates right. A call takes one (API reference, AddListenerCertificates).
async fn set_certificates(cx: &Aws, live: &mut ListenerLive, wanted: Vec<String>) -> Result<()> {
    for arn in wanted.iter().filter(|arn| !live.certificates.contains(arn)) {
        let op = Op::again("elasticloadbalancing:AddListenerCertificates");
        cx.mutate(op.while_busy(UNSEEN, 2.0), || {
            let call = cx.elb.add_listener_certificates();
            call.listener_arn(&live.id).certificates(proof(arn)).send()
        })
        .await?;
    }
    for arn in live.certificates.iter().filter(|arn| !wanted.contains(arn)) {
        let op = Op::again("elasticloadbalancing:RemoveListenerCertificates");
        cx.mutate(op, || {
            let call = cx.elb.remove_listener_certificates();
            call.listener_arn(&live.id).certificates(proof(arn)).send()
        })
        .await?;
    }
    live.certificates = wanted;
    Ok(())
}

/// The port is taken: by what an earlier call made, whose answer was lost, or by another.
async fn taken(
    cx: &Aws,
    refused: CloudError,
    want: &ListenerSpec,
    balancer: &str,
    mark: &Mark,
) -> Result<ListenerLive> {
    let like = [
        ("load_balancer", balancer.to_owned()),
        ("port", want.port.to_string()),
    ];
    let like = like
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    let found = Listener::discover(cx, &Look::Like(like), &Seen::default()).await?;
    let wanted = mark.all_tags();
    let keys = [mark::STACK, mark::ID, mark::GENERATION];
    let ours = |found: &Found<ListenerLive>| {
        keys.iter()
            .all(|key| found.tags.get(*key) == wanted.get(*key))
    };
    match found.into_iter().find(ours) {
        Some(found) => Ok(found.live),
        None => Err(refused.hinted("another listener of this load balancer has this `port`")),
    }
}
