//! A service of AWS, reached without the internet (aws-semantics 3.8).

mod live;

use aws_sdk_ec2::operation::modify_vpc_endpoint::builders::ModifyVpcEndpointFluentBuilder;
use aws_sdk_ec2::types::ResourceType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::canon::Policy;
use terrace_core::canon::policy::{self, Written};
use terrace_core::error::Result;
use terrace_core::fields::{FieldChange, Fields, Part, Verdict};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, LiveRef, Objection, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::reference::Ref;
use terrace_core::said::Said;
use terrace_core::sketch::{Role, Sketch};

use self::live::{aws_type, cleared, find, full, is_full, pascal, read, restricts};
use super::route_table::RouteTable;
use super::security_group::SecurityGroup;
use super::shared::{filter, marked};
use super::subnet::Subnet;
use super::vpc::Vpc;
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::error;
use crate::names::invalid;

pub use self::live::VpcEndpointLive;

/// A service of AWS, reached without the internet.
pub struct VpcEndpoint;

/// A service of AWS, reached from within a VPC without the internet. AWS allows few changes of endpoints a
/// minute, so many of them take a while.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VpcEndpointSpec {
    /// The VPC from which the service is reached.
    #[schemars(extend("x-no-law" = "its subnets and route tables are of its VPC"))]
    pub vpc: Ref<Vpc>,
    /// The service: `"s3"`, `"dynamodb"`, `"ssm"`, `"ecr.dkr"`, in the VPC's own region; or its full name, such
    /// as `"com.amazonaws.vpce.eu-west-3.vpce-svc-0123456789abcdef0"`.
    #[schemars(extend("examples" = ["ssm", "sqs"]))]
    pub service: String,
    /// By which way it is reached.
    #[serde(default, rename = "type")]
    #[schemars(extend("x-no-law" = "each type has properties of its own"))]
    pub way: Way,
    /// The tables that lead to it, of a `gateway`. It puts its routes there by itself.
    #[serde(default)]
    #[schemars(extend("x-no-law" = "only a gateway has them"))]
    pub route_tables: Vec<Ref<RouteTable>>,
    /// The subnets that it has an address in: of an `interface` one in each zone, of a
    /// `gateway_load_balancer` one.
    #[serde(default)]
    pub subnets: Vec<Ref<Subnet>>,
    /// Who may reach it, of an `interface`: port 443 must be open. Absent: what the VPC's default group says.
    #[serde(default)]
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// Whether the service's usual name leads to it within the VPC, of an `interface`. The VPC needs
    /// `dns_hostnames`.
    #[serde(default = "yes")]
    pub private_dns: bool,
    /// Who may do what by way of it, beside what is allowed anyway: `{ statements = [..] }`, or AWS's JSON as
    /// text. Absent: everybody everything.
    #[serde(default)]
    #[schemars(extend("examples" = [
        { "statements": [{ "principals": "*", "actions": ["ssm:GetParameter"], "resources": ["*"] }] },
        { "statements": [{ "principals": { "aws": "123456789012" }, "actions": ["ssm:*"], "resources": ["*"] }] },
    ]))]
    pub policy: Option<Policy>,
}

fn yes() -> bool {
    true
}

/// By which way a service is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// By routes: S3 and DynamoDB only, for free.
    #[default]
    Gateway,
    /// By addresses in the VPC's own subnets, at a price by the hour.
    Interface,
    /// By routes to appliances that look at what passes. Route tables name it as a `target`.
    GatewayLoadBalancer,
}

impl Kind for VpcEndpoint {
    const NAME: &'static str = "vpc_endpoint";
    const ABOUT: About = About::new(Class::Stateless, Create::Token, Swap::DeleteFirst)
        .outputs(&["dns_name"])
        .actions(&[
            "ec2:DescribeVpcEndpoints",
            "ec2:CreateVpcEndpoint",
            "ec2:ModifyVpcEndpoint",
            "ec2:DeleteVpcEndpoints",
            "ec2:CreateTags",
            "ec2:DeleteTags",
            "route53:AssociateVPCWithHostedZone",
        ]);
    type Cx = Aws;
    type Spec = VpcEndpointSpec;
    type Live = VpcEndpointLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "vpc",
                |want, known| known.id(&want.vpc),
                |have| Said::of(&have.vpc),
            )
            .decide(
                "service",
                |want, _| Said::of(&want.service),
                |have| Said::of(&have.service),
                |want, have| match want.service == have.service_name {
                    true => Verdict::Same,
                    false => Verdict::Replace,
                },
            )
            .impact(Impact::Blip)
            .replace(
                "type",
                |want, _| Said::of(want.way),
                |have| Said::of(have.way),
            )
            .impact(Impact::Blip)
            .set(
                "route_tables",
                |want, known| match want.way {
                    Way::Gateway => known.ids(&want.route_tables),
                    _ => Said::Nothing,
                },
                |have| Said::set(have.route_tables.clone()),
            )
            // What is under way through a table breaks off when its routes change.
            .impact(Impact::Blip)
            .set(
                "subnets",
                |want, known| match want.way {
                    Way::Gateway => Said::Nothing,
                    _ => known.ids(&want.subnets),
                },
                |have| Said::set(have.subnets.clone()),
            )
            .set(
                "security_groups",
                |want, known| match (want.way, want.security_groups.as_slice()) {
                    (Way::Interface, [_, ..]) => known.ids(&want.security_groups),
                    _ => Said::Nothing,
                },
                |have| Said::set(have.security_groups.clone()),
            )
            .update(
                "private_dns",
                |want, _| match want.way {
                    Way::Interface => Said::of(want.private_dns),
                    _ => Said::Nothing,
                },
                |have| Said::of(have.private_dns),
            )
            .impact(Impact::Blip)
            .update("policy", restriction, |have| {
                Said::or_none(Some(Said::of(&have.policy)))
            })
    }

    // Two of one service in one VPC would fight over its routes, or its name.
    fn swap(have: &VpcEndpointLive, changes: &[FieldChange]) -> Swap {
        let same = !changes
            .iter()
            .any(|change| ["vpc", "service", "type"].contains(&change.field));
        match have.way {
            Way::Gateway if same => Swap::DeleteFirst,
            Way::Interface if same && have.private_dns => Swap::DeleteFirst,
            _ => Swap::CreateFirst,
        }
    }

    fn sketch(want: &VpcEndpointSpec) -> Sketch {
        Sketch::new(Role::Note, "endpoint").title(format!("{} endpoint", want.service))
    }

    fn uses(have: &VpcEndpointLive) -> Vec<LiveRef> {
        let of = |field: &'static str, ids: &[String]| -> Vec<LiveRef> {
            ids.iter().map(|id| LiveRef::new(field, id)).collect()
        };
        let mut uses = of("route_tables", &have.route_tables);
        uses.extend(of("subnets", &have.subnets));
        uses.extend(of("security_groups", &have.security_groups));
        uses.push(LiveRef::new("vpc", have.vpc.as_str()));
        let named = have.policy.iter().flat_map(policy::names);
        uses.extend(named.map(|arn| LiveRef::new("policy", arn)));
        uses
    }

    fn ready(have: &VpcEndpointLive) -> Ready {
        let why = || match &have.failure {
            Some(failure) => format!("{}: {failure}", have.state),
            None => have.state.clone(),
        };
        match have.state.as_str() {
            "pending" => Ready::Coming("pending".to_owned()),
            "pendingacceptance" => {
                Ready::Coming("pending: whoever offers the service must accept it".to_owned())
            }
            "deleting" | "deleted" => Ready::Dying(have.state.clone()),
            "failed" | "rejected" | "expired" => Ready::Broken(why()),
            _ => Ready::Ready,
        }
    }

    fn check(want: &VpcEndpointSpec) -> Vec<Objection> {
        let mut wrong = Vec::new();
        let foreign = |field: &str, said: bool, of: &str| {
            let message = format!("only an endpoint of the type `{of}` has this");
            said.then(|| Objection::new(field, message))
        };
        if want.way != Way::Gateway {
            wrong.extend(foreign(
                "route_tables",
                !want.route_tables.is_empty(),
                "gateway",
            ));
        }
        if want.way != Way::Interface {
            let groups = !want.security_groups.is_empty();
            wrong.extend(foreign("security_groups", groups, "interface"));
        }
        match want.way {
            Way::Gateway => {
                wrong.extend(foreign("subnets", !want.subnets.is_empty(), "interface"));
                // S3's directory buckets are the third (AWS PrivateLink Guide, gateway endpoints).
                let known = ["s3", "dynamodb", "s3express"].contains(&want.service.as_str());
                if !known && !is_full(&want.service) {
                    let message = format!("`{}` is not reached by routes", want.service);
                    let help = "write type = \"interface\", and the subnets it is to stand in";
                    wrong.push(Objection::new("type", message).help(help));
                }
            }
            Way::Interface if want.subnets.is_empty() => {
                let message = "an interface has an address in at least one subnet";
                wrong.push(Objection::new("subnets", message));
            }
            Way::GatewayLoadBalancer if want.subnets.len() != 1 => {
                let message = "an endpoint of a gateway load balancer stands in one subnet";
                wrong.push(Objection::new("subnets", message));
            }
            _ => {}
        }
        if let Some(policy) = &want.policy {
            if want.way == Way::GatewayLoadBalancer {
                let message = "an endpoint of a gateway load balancer has no policy";
                wrong.push(Objection::new("policy", message));
            }
            if let Some(why) = policy.wrong() {
                wrong.push(Objection::new("policy", why));
            }
            let statements = match policy {
                Written::Table(table) => table.statements.as_slice(),
                _ => &[],
            };
            if statements
                .iter()
                .any(|statement| statement.principals.is_none())
            {
                let message =
                    "an endpoint's policy says whom it concerns: a statement lacks `principals`";
                wrong.push(
                    Objection::new("policy", message)
                        .help("write principals = \"*\" for everybody"),
                );
            }
        }
        wrong
    }

    async fn discover(cx: &Aws, look: &Look, _seen: &Seen) -> Result<Vec<Found<VpcEndpointLive>>> {
        const WORDS: &[(&str, &str)] =
            &[("service", "service-name"), ("type", "vpc-endpoint-type")];
        let mut look = look.clone();
        if let Look::Like(properties) = &mut look {
            for (property, value) in properties {
                match property.as_str() {
                    "service" => *value = full(cx, value),
                    "type" => *value = pascal(value),
                    _ => {}
                }
            }
        }
        find(cx, cx.ec2_filters_by(&look, "vpc-endpoint-id", WORDS)).await
    }

    async fn create(
        cx: &Aws,
        want: &VpcEndpointSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<VpcEndpointLive> {
        const ACTION: &str = "ec2:CreateVpcEndpoint";
        let (cx, vpc) = (&cx, &known.need(&want.vpc)?);
        let route_tables = &filled(known.need_all(&want.route_tables)?);
        let subnets = &filled(known.need_all(&want.subnets)?);
        let groups = &filled(known.need_all(&want.security_groups)?);
        let policy = want.policy.as_ref().map(Policy::send).transpose();
        let policy = &policy.map_err(|why| invalid(ACTION, why))?;
        cleared(cx, vpc, &want.service).await?;
        let make = |token: String| async move {
            let op = Op::again(ACTION).while_busy(UNSEEN, 2.0);
            let marked = marked(ResourceType::VpcEndpoint, mark);
            let call = || {
                let call = cx.ec2.create_vpc_endpoint().client_token(&token);
                call.vpc_id(vpc.as_str())
                    .service_name(full(cx, &want.service))
                    .vpc_endpoint_type(aws_type(want.way))
                    .set_route_table_ids(route_tables.clone())
                    .set_subnet_ids(subnets.clone())
                    .set_security_group_ids(groups.clone())
                    // What it means to be absent here depends on the version of the API.
                    .set_private_dns_enabled(
                        (want.way == Way::Interface).then_some(want.private_dns),
                    )
                    .set_policy_document(policy.clone())
                    .tag_specifications(marked.clone())
                    .send()
            };
            let endpoint = cx.mutate(op, call).await?.vpc_endpoint;
            read(
                cx,
                endpoint.ok_or_else(|| missing(ACTION, "endpoint"))?,
                ACTION,
            )
        };
        let alive = |made: &VpcEndpointLive| {
            let filters = vec![filter("vpc-endpoint-id", &made.id)];
            async move {
                let found = find(cx, filters).await?;
                let dying = |one: &Found<VpcEndpointLive>| one.live.state == "deleting";
                Ok(found.iter().any(|one| !dying(one)))
            }
        };
        cx.ec2_tokened(mark, make, alive).await
    }

    async fn update(
        cx: &Aws,
        want: &VpcEndpointSpec,
        have: &VpcEndpointLive,
        _known: &Known,
        part: &Part<'_>,
    ) -> Result<VpcEndpointLive> {
        const ACTION: &str = "ec2:ModifyVpcEndpoint";
        let mut live = have.clone();
        let (added, removed) = (
            |field: &str| filled(part.added(field).keys().cloned().collect()),
            |field: &str| filled(part.removed(field).keys().cloned().collect()),
        );
        let mut call = cx
            .ec2
            .modify_vpc_endpoint()
            .vpc_endpoint_id(&have.id)
            .set_add_route_table_ids(added("route_tables"))
            .set_remove_route_table_ids(removed("route_tables"))
            .set_add_subnet_ids(added("subnets"))
            .set_remove_subnet_ids(removed("subnets"))
            .set_add_security_group_ids(added("security_groups"))
            .set_remove_security_group_ids(removed("security_groups"));
        if part.has("private_dns") {
            call = call.private_dns_enabled(want.private_dns);
            live.private_dns = want.private_dns;
        }
        if part.has("policy") {
            call = with_policy(call, want.policy.as_ref())?;
            let policy = want.policy.as_ref();
            live.policy = policy.and_then(|policy| restricts(policy.sketch()));
        }
        // It takes one change at a time, and none before it is available.
        let op = Op::again(ACTION).while_busy(&["IncorrectState", "OperationInProgress"], 10.0);
        cx.mutate(op, || call.clone().send()).await?;
        for (field, ids) in [
            ("route_tables", &mut live.route_tables),
            ("subnets", &mut live.subnets),
            ("security_groups", &mut live.security_groups),
        ] {
            let removed = part.removed(field);
            ids.retain(|id| !removed.contains_key(id));
            ids.extend(part.added(field).keys().cloned());
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &VpcEndpointLive, _leave: &Leave) -> Result<()> {
        const ACTION: &str = "ec2:DeleteVpcEndpoints";
        let call = || {
            cx.ec2
                .delete_vpc_endpoints()
                .vpc_endpoint_ids(&have.id)
                .send()
        };
        let answer = cx.mutate(Op::again(ACTION), call).await?;
        // The answer is good even if nothing was deleted.
        let kept = answer
            .unsuccessful()
            .first()
            .and_then(|kept| kept.error.as_ref());
        match kept {
            Some(why) => {
                let code = why.code.as_deref().unwrap_or_default();
                let message = why.message.as_deref().unwrap_or(code);
                cx.gone::<()>(Err(error::inside(ACTION, code, message)))
            }
            None => Ok(()),
        }
    }

    async fn tag(cx: &Aws, have: &VpcEndpointLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.ec2_tag(&have.id, set, unset).await
    }
}

/// What was made just now may be unknown for a while.
const UNSEEN: &[&str] = &[
    "InvalidVpcID.NotFound",
    "InvalidVpcId.NotFound",
    "InvalidRouteTableId.NotFound",
    "InvalidRouteTableID.NotFound",
    "InvalidSubnetID.NotFound",
    "InvalidSubnetId.NotFound",
    "InvalidGroup.NotFound",
    "InvalidSecurityGroupId.NotFound",
];

fn filled(ids: Vec<String>) -> Option<Vec<String>> {
    Some(ids).filter(|ids| !ids.is_empty())
}

/// The restriction that is wanted.
fn restriction(want: &VpcEndpointSpec, _: &Known) -> Said {
    match want.policy.as_ref().map(Written::said) {
        _ if want.way == Way::GatewayLoadBalancer => Said::Nothing,
        Some(Said::Value(document)) => Said::or_none(restricts(document).map(Said::of)),
        said => Said::or_none(said),
    }
}

fn with_policy(
    call: ModifyVpcEndpointFluentBuilder,
    policy: Option<&Policy>,
) -> Result<ModifyVpcEndpointFluentBuilder> {
    Ok(match policy {
        Some(policy) => {
            let text = policy
                .send()
                .map_err(|why| invalid("ec2:ModifyVpcEndpoint", why))?;
            call.policy_document(text)
        }
        None => call.reset_policy(true),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    fn wrong(table: Value) -> Vec<String> {
        let spec: VpcEndpointSpec = serde_json::from_value(table).unwrap();
        let wrong = VpcEndpoint::check(&spec);
        wrong.into_iter().map(|objection| objection.field).collect()
    }

    #[test]
    fn each_type_has_its_own_properties() {
        let gateway = json!({ "vpc": "vpc-1", "service": "s3", "route_tables": ["rtb-1"] });
        assert!(wrong(gateway).is_empty());
        let interface = json!({ "vpc": "vpc-1", "service": "ssm", "type": "interface", "subnets": ["subnet-1"] });
        assert!(wrong(interface).is_empty());
        assert_eq!(wrong(json!({ "vpc": "vpc-1", "service": "ssm" })), ["type"]);
        let mixed = json!({ "vpc": "vpc-1", "service": "s3", "subnets": ["subnet-1"], "security_groups": ["sg-1"] });
        assert_eq!(wrong(mixed), ["security_groups", "subnets"]);
        let nowhere = json!({ "vpc": "vpc-1", "service": "ssm", "type": "interface", "route_tables": ["rtb-1"] });
        assert_eq!(wrong(nowhere), ["route_tables", "subnets"]);
    }
}
