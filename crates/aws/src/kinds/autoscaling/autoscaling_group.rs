//! A group of machines that heals and scales (aws-semantics 3.22).

mod change;
mod check;
mod health;
mod hooks;
mod launch;
mod live;
mod members;
mod policies;
mod refresh;
mod schedules;

use aws_sdk_autoscaling::types::DeletionProtection;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::Duration;
use terrace_core::error::{ErrorClass, Result};
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

use self::change::{Change, protect, tag_machines};
use self::health::Health;
pub use self::health::{HealthCheck, HealthType};
pub use self::hooks::{Hook, Moment, Outcome};
pub use self::launch::Instances;
use self::launch::{Launch, want_template};
pub use self::live::AutoscalingGroupLive;
use self::live::{find, one};
pub use self::policies::{Adjust, Policy, PolicyType, Statistic, Step};
use self::policies::{have_policies, want_policies};
pub use self::refresh::InstanceRefresh;
pub use self::schedules::Schedule;
use super::shared::{change, is_gone, number, tag_list};
use crate::client::{Aws, missing};
use crate::kinds::ec2::launch_template::LaunchTemplate;
use crate::kinds::ec2::subnet::Subnet;
use crate::kinds::elb::target_group::TargetGroup;
use crate::names::taken;

/// A group of machines that heals and scales.
pub struct AutoscalingGroup;

/// A group of machines that heals and scales: what falls ill is replaced, and what is too few or too many
/// is made up for. Nothing on its machines lasts.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AutoscalingGroupSpec {
    /// Its name, unique in the account and region. Absent: made from the stack's and its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["web", "web-2"]))]
    pub name: Option<String>,
    /// What machines start from. A new version of it renews them all, a few at a time, and goes on only
    /// while the new ones are healthy.
    pub launch_template: Ref<LaunchTemplate>,
    /// Types of machines in place of the template's one, and how many may be spot ones. Absent: the
    /// template's, and none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [
        { "types": ["t3.micro", "t3a.micro"], "on_demand": 1, "spot": 50 },
        { "types": ["t3.micro"] },
    ]))]
    pub instances: Option<Instances>,
    /// The subnets that machines are spread over. Those in one that is taken out are renewed elsewhere.
    #[schemars(extend("examples" = [["subnet.a", "subnet.b"], ["subnet.b"]]))]
    pub subnets: Vec<Ref<Subnet>>,
    /// The target groups that machines join.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_groups: Vec<Ref<TargetGroup>>,
    /// The least number of machines. Where a schedule says `min`, this is what it begins with.
    #[schemars(extend("examples" = [1, 2]))]
    pub min: u32,
    /// The greatest number of machines. Where a schedule says `max`, this is what it begins with.
    #[schemars(extend("examples" = [3, 4]))]
    pub max: u32,
    /// The number of machines. Absent: as it is, at first the least. With policies or schedules it is what
    /// the group begins with, and theirs from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [3, 2]))]
    pub desired: Option<u32>,
    /// How it is seen which machines are ill.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "grace": "2m" }, { "grace": "5m" }]))]
    pub health_check: HealthCheck,
    /// How long a new machine takes until it works as hard as the others: till then its own values do
    /// not count, and a renewal waits. Absent: AWS takes the grace period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["90s", "2m"]))]
    pub warmup: Option<Duration>,
    /// How machines are renewed, whenever they are.
    #[serde(default)]
    pub instance_refresh: InstanceRefresh,
    /// Which machines go first, when there are too many: AWS's words, such as `OldestInstance`.
    #[serde(default = "usual_policies")]
    #[schemars(extend("examples" = [["OldestInstance"], ["Default"]]))]
    pub termination_policies: Vec<String>,
    /// Whether a spot machine that AWS may soon take back is replaced before it does.
    #[serde(default)]
    pub capacity_rebalance: bool,
    /// How it grows and shrinks by what it measures. Each has an output of its own:
    /// `{{ autoscaling_group.web.policies.burst.arn }}`.
    #[serde(default)]
    #[schemars(extend("examples" = [
        { "cpu": { "type": "target_tracking", "metric": "cpu", "target": 60 } },
        { "burst": { "type": "step", "steps": [{ "from": 0, "by": 1 }] } },
    ]))]
    pub policies: IndexMap<String, Policy>,
    /// How its size changes by the clock.
    #[serde(default)]
    #[schemars(extend("examples" = [
        { "morning": { "cron": "0 8 * * MON-FRI", "desired": 2, "time_zone": "Europe/Paris" } },
        { "night": { "cron": "0 22 * * *", "desired": 1 } },
    ]))]
    pub schedules: IndexMap<String, Schedule>,
    /// Pauses at the beginning and the end of a machine's life.
    #[serde(default)]
    #[schemars(extend("examples" = [
        { "drain": { "on": "terminate", "timeout": "2m", "then": "continue" } },
        { "drain": { "on": "terminate", "timeout": "3m" } },
    ]))]
    pub hooks: IndexMap<String, Hook>,
}

fn usual_policies() -> Vec<String> {
    vec!["Default".to_owned()]
}

impl AutoscalingGroupSpec {
    fn health(&self) -> Health {
        let usual = if self.target_groups.is_empty() {
            HealthType::Instance
        } else {
            HealthType::LoadBalancer
        };
        Health {
            r#type: self.health_check.r#type.unwrap_or(usual),
            grace: self.health_check.grace,
        }
    }

    /// What a change of its machines does: they serve all the while, or some of them do.
    fn renewal_impact(&self) -> Impact {
        if self.instance_refresh.min_healthy >= 100 {
            Impact::None
        } else {
            Impact::Blip
        }
    }

    fn scheduled(&self, what: fn(&Schedule) -> Option<u32>) -> bool {
        self.schedules
            .values()
            .any(|schedule| what(schedule).is_some())
    }
}

impl Live for AutoscalingGroupLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        let mut outputs = outputs! { "arn" => json!(self.arn), "name" => json!(self.id) };
        for (key, policy) in &self.policies {
            outputs.insert(format!("policies.{key}.arn"), json!(policy.arn));
        }
        outputs
    }
}

/// A change of these renews the machines, and takes its minutes for each of them.
const RENEWS: &[&str] = &["launch_template", "instances"];

impl Kind for AutoscalingGroup {
    const NAME: &'static str = "autoscaling_group";
    const ABOUT: About = About::new(Class::Stateless, Create::Name, Swap::CreateFirst)
        .outputs(&["arn", "name"])
        // What machines fetch while they boot needs the way out, and without a listener no load balancer
        // finds them healthy.
        .after(&[
            "internet_gateway",
            "nat_gateway",
            "route_table",
            "subnet",
            "vpc_endpoint",
            "listener",
        ])
        .actions(&[
            "autoscaling:DescribeAutoScalingGroups",
            "autoscaling:DescribePolicies",
            "autoscaling:DescribeScheduledActions",
            "autoscaling:DescribeInstanceRefreshes",
            "autoscaling:DescribeLifecycleHooks",
            "autoscaling:DescribeTrafficSources",
            "autoscaling:DescribeScalingActivities",
            "ec2:DescribeInstances",
            "elasticloadbalancing:DescribeTargetHealth",
            "elasticloadbalancing:DescribeTargetGroups",
            "autoscaling:CreateAutoScalingGroup",
            "autoscaling:UpdateAutoScalingGroup",
            "autoscaling:AttachTrafficSources",
            "autoscaling:DetachTrafficSources",
            "autoscaling:PutScalingPolicy",
            "autoscaling:DeletePolicy",
            "autoscaling:PutScheduledUpdateGroupAction",
            "autoscaling:DeleteScheduledAction",
            "autoscaling:PutLifecycleHook",
            "autoscaling:DeleteLifecycleHook",
            "autoscaling:StartInstanceRefresh",
            "autoscaling:CancelInstanceRefresh",
            "autoscaling:DeleteAutoScalingGroup",
            "autoscaling:CreateOrUpdateTags",
            "autoscaling:DeleteTags",
            "ec2:CreateTags",
            "ec2:DeleteTags",
            // AWS asks of whoever makes a group what its template starts.
            "ec2:RunInstances",
            "iam:PassRole",
            "iam:CreateServiceLinkedRole",
        ]);
    type Cx = Aws;
    type Spec = AutoscalingGroupSpec;
    type Live = AutoscalingGroupLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "name",
                |want, _| Said::of(&want.name),
                |have| Said::of(&have.id),
            )
            .decide(
                "launch_template",
                |want, known| want_template(&want.launch_template, known),
                |have| have.effective().said(),
                |want, _| Verdict::Update(want.renewal_impact()),
            )
            // A template that starts no machines, or sick ones, is mended by another one.
            .early()
            .decide(
                "instances",
                |want, _| Said::or_none(want.instances.as_ref().map(Said::of)),
                |have| Said::or_none(have.effective().instances.as_ref().map(Said::of)),
                |want, _| Verdict::Update(want.renewal_impact()),
            )
            .early()
            .set(
                "subnets",
                |want, known| known.ids(&want.subnets),
                |have| Said::set(have.standing()),
            )
            .set(
                "target_groups",
                |want, known| {
                    Said::all(
                        want.target_groups
                            .iter()
                            .map(|group| known.output(group, "arn")),
                    )
                },
                |have| Said::set(&have.target_groups),
            )
            .serves()
            .decide(
                "min",
                |want, _| Said::of(want.min),
                |have| Said::of(have.min),
                |want, _| unless(want.scheduled(|schedule| schedule.min)),
            )
            .decide(
                "max",
                |want, _| Said::of(want.max),
                |have| Said::of(have.max),
                |want, _| unless(want.scheduled(|schedule| schedule.max)),
            )
            .decide(
                "desired",
                |want, _| Said::of(want.desired),
                |have| Said::of(have.desired),
                |want, _| unless(!want.policies.is_empty() || !want.schedules.is_empty()),
            )
            .update(
                "health_check",
                |want, _| Said::of(want.health()),
                |have| Said::of(&have.health_check),
            )
            .update(
                "warmup",
                |want, _| Said::or_none(want.warmup.map(Said::of)),
                |have| Said::or_none(have.warmup.map(Said::of)),
            )
            .seed("instance_refresh")
            .update(
                "termination_policies",
                |want, _| Said::of(&want.termination_policies),
                |have| Said::of(&have.termination_policies),
            )
            .update(
                "capacity_rebalance",
                |want, _| Said::of(want.capacity_rebalance),
                |have| Said::of(have.capacity_rebalance),
            )
            .set("policies", want_policies, |have| {
                have_policies(&have.policies)
            })
            .decide(
                "schedules",
                |want, _| Said::of(schedules::wanted(&want.schedules)),
                |have| Said::of(&have.schedules),
                |want, have| {
                    unless(
                        schedules::due(&want.schedules, &have.schedules, have.seen)
                            == have.schedules,
                    )
                },
            )
            .set(
                "hooks",
                |want, _| Said::of(&want.hooks),
                |have| Said::of(&have.hooks),
            )
    }

    fn sketch(want: &AutoscalingGroupSpec) -> Sketch {
        let machines = match (want.min, want.max) {
            (1, 1) => "1 instance".to_owned(),
            (min, max) if min == max => format!("{max} instances"),
            (min, max) => format!("{min} to {max} instances"),
        };
        Sketch::station("auto scaling group", Icon::Machines)
            .stands(Stance::Across)
            .note(machines)
    }

    fn uses(have: &AutoscalingGroupLive) -> Vec<LiveRef> {
        let templates = have
            .templates()
            .into_iter()
            .chain(have.machines_use.clone());
        let templates = templates.map(|id| LiveRef::new("launch_template", id));
        let subnets = have
            .standing()
            .into_iter()
            .map(|id| LiveRef::new("subnets", id));
        let groups = have
            .target_groups
            .iter()
            .map(|arn| LiveRef::new("target_groups", arn));
        templates.chain(subnets).chain(groups).collect()
    }

    fn ready(have: &AutoscalingGroupLive) -> Ready {
        have.ready()
    }

    fn patience(have: &AutoscalingGroupLive, usual: f64) -> f64 {
        have.patience(usual, crate::minutes::of(Self::NAME).change(RENEWS[0]))
    }

    fn lasts(have: &AutoscalingGroupLive, field: &str, usual: f64) -> f64 {
        if RENEWS.contains(&field) {
            return have.renewal(usual);
        }
        usual
    }

    fn protected(have: &AutoscalingGroupLive) -> bool {
        have.protected
    }

    fn check(want: &AutoscalingGroupSpec) -> Vec<Objection> {
        want.check()
    }

    fn claims(want: &AutoscalingGroupSpec) -> Vec<String> {
        want.name
            .iter()
            .map(|name| format!("the autoscaling group {name}"))
            .collect()
    }

    fn foretell(want: &AutoscalingGroupSpec, mark: &Mark) -> Outputs {
        outputs! { "name" => json!(name(want, mark)), "id" => json!(name(want, mark)) }
    }

    async fn discover(
        cx: &Aws,
        look: &Look,
        seen: &Seen,
    ) -> Result<Vec<Found<AutoscalingGroupLive>>> {
        find(cx, look, seen).await
    }

    async fn create(
        cx: &Aws,
        want: &AutoscalingGroupSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<AutoscalingGroupLive> {
        const ACTION: &str = "autoscaling:CreateAutoScalingGroup";
        // What was made just now is not known to it at once, an instance profile least of all.
        let op = change(ACTION).while_busy(
            &["Invalid IAM Instance Profile", "ServiceLinkedRoleFailure"],
            2.0,
        );
        let (name, tags) = (name(want, mark), mark.all_tags());
        let (plain, mixed) = Launch::wanted(want, known)?.forms();
        let subnets = known.need_all(&want.subnets)?.join(",");
        let mut groups = Vec::new();
        for group in &want.target_groups {
            groups.push(known.need_output(group, "arn")?);
        }
        let health = want.health();
        let answer = cx
            .mutate(op, || {
                cx.autoscaling
                    .create_auto_scaling_group()
                    .auto_scaling_group_name(&name)
                    .set_launch_template(plain.clone())
                    .set_mixed_instances_policy(mixed.clone())
                    .min_size(number(want.min))
                    .max_size(number(want.max))
                    .set_desired_capacity(want.desired.map(number))
                    .vpc_zone_identifier(&subnets)
                    .set_target_group_arns((!groups.is_empty()).then(|| groups.clone()))
                    .health_check_type(health.r#type.word())
                    .health_check_grace_period(health.grace.as_i32())
                    .set_default_instance_warmup(want.warmup.map(Duration::as_i32))
                    .set_termination_policies(Some(want.termination_policies.clone()))
                    .capacity_rebalance(want.capacity_rebalance)
                    .set_deletion_protection(
                        mark.protect
                            .then_some(DeletionProtection::PreventAllDeletion),
                    )
                    .set_lifecycle_hook_specification_list(hooks::first(&want.hooks))
                    .set_tags(Some(tag_list(&name, &tags)))
                    .send()
            })
            .await;
        match answer {
            Ok(_) => one(cx, &name)
                .await?
                .ok_or_else(|| missing(ACTION, "group that was just made")),
            Err(error) if error.class == ErrorClass::Conflict => {
                let found = find(cx, &Look::Id(name), &Seen::default()).await?;
                taken(error, found.into_iter().next(), mark)
            }
            Err(error) => Err(error),
        }
    }

    async fn update(
        cx: &Aws,
        want: &AutoscalingGroupSpec,
        have: &AutoscalingGroupLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<AutoscalingGroupLive> {
        Change {
            cx,
            want,
            have,
            known,
            part,
        }
        .carry_out()
        .await?;
        // What hangs on a group moves no machine: the rest is as it was.
        if part.fields() == ["policies"] {
            return live::with_policies(cx, have).await;
        }
        one(cx, &have.id)
            .await?
            .ok_or_else(|| missing("autoscaling:DescribeAutoScalingGroups", "group"))
    }

    async fn delete(cx: &Aws, have: &AutoscalingGroupLive, _leave: &Leave) -> Result<()> {
        let op = change("autoscaling:DeleteAutoScalingGroup")
            .while_busy(&["ScalingActivityInProgress"], 20.0);
        let call = || {
            let call = cx.autoscaling.delete_auto_scaling_group();
            // Its machines go with it.
            call.auto_scaling_group_name(&have.id)
                .force_delete(true)
                .send()
        };
        match cx.mutate(op, call).await {
            Err(error) if is_gone(&error) => {}
            answer => answer.map(drop)?,
        }
        // The group does not wait for them, and they hold subnets and security groups.
        let group = [have.id.clone()];
        let gone = || async {
            Ok(members::machines(cx, &group)
                .await?
                .is_empty()
                .then_some(()))
        };
        cx.until(3.0, "the end of its machines", gone).await
    }

    async fn tag(
        cx: &Aws,
        have: &AutoscalingGroupLive,
        set: &Tags,
        unset: &[String],
    ) -> Result<()> {
        // AWS's own protection follows the tag, and machines and their disks the tags that are no mark; all
        // of them first, because the group's tags are what is compared.
        let dropped = unset
            .iter()
            .any(|key| key == mark::PROTECT)
            .then_some(false);
        if let Some(on) = set
            .get(mark::PROTECT)
            .map(|value| value == "true")
            .or(dropped)
        {
            protect(cx, &have.id, on).await?;
        }
        tag_machines(cx, &have.id, set, unset).await?;
        if !set.is_empty() {
            let tags = tag_list(&have.id, set);
            let call = || {
                cx.autoscaling
                    .create_or_update_tags()
                    .set_tags(Some(tags.clone()))
            };
            cx.mutate(change("autoscaling:CreateOrUpdateTags"), || call().send())
                .await?;
        }
        if !unset.is_empty() {
            let unset: Tags = unset
                .iter()
                .map(|key| (key.clone(), String::new()))
                .collect();
            let tags = tag_list(&have.id, &unset);
            let call = || cx.autoscaling.delete_tags().set_tags(Some(tags.clone()));
            cx.mutate(change("autoscaling:DeleteTags"), || call().send())
                .await?;
        }
        Ok(())
    }

    async fn unprotect(cx: &Aws, have: &AutoscalingGroupLive) -> Result<()> {
        protect(cx, &have.id, false).await
    }
}

/// How long a name may be.
const LIMIT: usize = 255;

fn name(want: &AutoscalingGroupSpec, mark: &Mark) -> String {
    want.name.clone().unwrap_or_else(|| mark.name(LIMIT))
}

fn unless(same: bool) -> Verdict {
    if same {
        Verdict::Same
    } else {
        Verdict::Update(Impact::None)
    }
}

#[cfg(test)]
mod tests;
