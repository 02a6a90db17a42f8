//! How a group grows and shrinks by what it measures (aws-semantics 3.23).

mod calls;

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::MetricType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use terrace_core::canon::Duration;
use terrace_core::kind::Objection;
use terrace_core::known::Known;
use terrace_core::late::Late;
use terrace_core::reference::Ref;
use terrace_core::said::Said;

pub(super) use self::calls::{delete, describe, put};
use super::AutoscalingGroupSpec;
use crate::kinds::elb::shared::full_name;
use crate::kinds::elb::target_group::TargetGroup;

/// How a group grows and shrinks by what it measures.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// How it does so.
    pub r#type: PolicyType,
    /// What `target_tracking` holds: `cpu` (percent), `network_in`, `network_out` (bytes a minute),
    /// `requests_per_target` (a minute), each the average of its machines; with `namespace` any metric
    /// of CloudWatch that falls as machines are added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Where `target_tracking` holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// The target group whose requests count. Absent: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_group: Option<Ref<TargetGroup>>,
    /// The namespace of a metric of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its dimensions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, Late<String>>,
    /// What of several values counts: of a metric of one's own, or of what an alarm hands to `step`.
    /// Absent: the average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<Statistic>,
    /// Whether `target_tracking` takes machines away, too.
    #[serde(default = "yes")]
    pub scale_in: bool,
    /// What the numbers of `steps` are. Absent: machines more or less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjust: Option<Adjust>,
    /// What `step` does, by how far the alarm's metric is beyond its threshold. An `alarm` sets it off:
    /// `actions = ["{{ autoscaling_group.web.policies.burst.arn }}"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// The least number of machines by which `step` changes; with `adjust = "percent"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_change: Option<u32>,
    /// How long a new machine's own values do not count. Absent: the group's `warmup`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup: Option<Duration>,
}

fn yes() -> bool {
    true
}

/// How a policy scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicyType {
    /// It holds a metric where it should be, both ways, like a thermostat.
    TargetTracking,
    /// It does what an alarm says, the more the further the metric is off.
    Step,
}

/// What of several values counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Statistic {
    /// Their average.
    Average,
    /// The least.
    Minimum,
    /// The greatest.
    Maximum,
    /// Their number.
    SampleCount,
    /// All together.
    Sum,
}

impl Statistic {
    fn word(self) -> &'static str {
        match self {
            Self::Average => "Average",
            Self::Minimum => "Minimum",
            Self::Maximum => "Maximum",
            Self::SampleCount => "SampleCount",
            Self::Sum => "Sum",
        }
    }
}

/// What the numbers of steps are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Adjust {
    /// Machines more or less.
    #[default]
    Change,
    /// Percent of the machines there are, more or less.
    Percent,
    /// Machines there are to be.
    Exact,
}

const ADJUSTS: [(Adjust, &str); 3] = [
    (Adjust::Change, "ChangeInCapacity"),
    (Adjust::Percent, "PercentChangeInCapacity"),
    (Adjust::Exact, "ExactCapacity"),
];

/// One step: from how far beyond the alarm's threshold to how far, by how much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// From how far beyond the threshold. Absent: from any distance below `to`.
    #[serde(default)]
    pub from: Option<f64>,
    /// To how far. Absent: any further.
    #[serde(default)]
    pub to: Option<f64>,
    /// By how much it changes.
    pub by: i32,
}

/// The metrics that AWS takes of a group by itself.
const METRICS: [(&str, MetricType); 4] = [
    ("cpu", MetricType::AsgAverageCpuUtilization),
    ("network_in", MetricType::AsgAverageNetworkIn),
    ("network_out", MetricType::AsgAverageNetworkOut),
    (REQUESTS, MetricType::AlbRequestCountPerTarget),
];
const REQUESTS: &str = "requests_per_target";

/// A policy as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PolicyLive {
    pub(super) arn: String,
    /// AWS's word for its type.
    r#type: String,
    facts: Value,
}

/// Policies by name.
pub(super) type Policies = BTreeMap<String, PolicyLive>;

// What is wrong with them.

impl Policy {
    pub(super) fn check(&self, key: &str, want: &AutoscalingGroupSpec) -> Vec<Objection> {
        let at = |name: &str| format!("policies.{key}.{name}");
        let mut wrong = match self.r#type {
            PolicyType::TargetTracking => self.check_tracking(&at),
            PolicyType::Step => self.check_step(&at),
        };
        if self.counts_requests() && self.of(want).is_none() {
            let (message, help) = match want.target_groups.as_slice() {
                [] => (
                    "it counts requests, and the group has no target group",
                    "name one in `target_groups`",
                ),
                _ => (
                    "the group has several target groups",
                    "say whose requests count: target_group = \"target_group.web\"",
                ),
            };
            wrong.push(Objection::new(at("metric"), message).help(help));
        }
        wrong
    }

    fn check_tracking(&self, at: &dyn Fn(&str) -> String) -> Vec<Objection> {
        let mut wrong = Vec::new();
        match (&self.metric, &self.namespace) {
            (None, _) => wrong.push(
                Objection::new(at("type"), "it holds no metric")
                    .help("write metric = \"cpu\" and target = 50"),
            ),
            (Some(metric), None) if METRICS.iter().all(|(word, _)| word != metric) => {
                let message = format!(
                    "`{metric}` is none of cpu, network_in, network_out, requests_per_target"
                );
                wrong.push(
                    Objection::new(at("metric"), message)
                        .help("for another say its `namespace` too"),
                );
            }
            _ => {}
        }
        if self.target.is_none() {
            wrong.push(Objection::new(at("type"), "it has no `target`").help("write target = 50"));
        }
        if self.namespace.is_none() {
            let own = [
                ("dimensions", !self.dimensions.is_empty()),
                ("statistic", self.statistic.is_some()),
            ];
            for (name, _) in own.iter().filter(|(_, said)| *said) {
                wrong.push(Objection::new(
                    at(name),
                    "it belongs to a metric with a `namespace`",
                ));
            }
        }
        if self.target_group.is_some() && !self.counts_requests() {
            wrong.push(Objection::new(
                at("target_group"),
                "it belongs to metric = \"requests_per_target\"",
            ));
        }
        let foreign = [
            ("adjust", self.adjust.is_some()),
            ("steps", !self.steps.is_empty()),
            ("min_change", self.min_change.is_some()),
        ];
        wrong.extend(belongs(&foreign, "step", at));
        wrong
    }

    fn check_step(&self, at: &dyn Fn(&str) -> String) -> Vec<Objection> {
        let foreign = [
            ("metric", self.metric.is_some()),
            ("target", self.target.is_some()),
            ("target_group", self.target_group.is_some()),
            ("namespace", self.namespace.is_some()),
            ("dimensions", !self.dimensions.is_empty()),
            ("scale_in", !self.scale_in),
        ];
        let mut wrong: Vec<Objection> = belongs(&foreign, "target_tracking", at).collect();
        if self.steps.is_empty() {
            wrong.push(
                Objection::new(at("type"), "it has no steps")
                    .help("write steps = [{ from = 0, by = 1 }]"),
            );
        }
        if self.min_change.is_some() && self.adjust != Some(Adjust::Percent) {
            wrong.push(Objection::new(
                at("min_change"),
                "it belongs to adjust = \"percent\"",
            ));
        }
        if matches!(
            self.statistic,
            Some(Statistic::SampleCount | Statistic::Sum)
        ) {
            wrong.push(Objection::new(
                at("statistic"),
                "a step goes by \"Average\", \"Minimum\" or \"Maximum\"",
            ));
        }
        let empty = |step: &Step| step.from.zip(step.to).is_some_and(|(from, to)| from >= to);
        if self.steps.iter().any(empty) {
            wrong.push(Objection::new(
                at("steps"),
                "a step ends where it begins, or before",
            ));
        }
        wrong
    }

    fn counts_requests(&self) -> bool {
        self.namespace.is_none() && self.metric.as_deref() == Some(REQUESTS)
    }

    /// The target group whose requests count.
    fn of<'a>(&'a self, want: &'a AutoscalingGroupSpec) -> Option<&'a Ref<TargetGroup>> {
        match (&self.target_group, want.target_groups.as_slice()) {
            (Some(group), _) | (None, [group]) => Some(group),
            _ => None,
        }
    }
}

fn belongs<'a>(
    said: &'a [(&'a str, bool)],
    to: &'a str,
    at: &'a dyn Fn(&str) -> String,
) -> impl Iterator<Item = Objection> + 'a {
    let said = said.iter().filter(|(_, said)| *said);
    said.map(move |(name, _)| Objection::new(at(name), format!("it belongs to type = \"{to}\"")))
}

// Both sides of a comparison.

pub(super) fn want_policies(want: &AutoscalingGroupSpec, known: &Known) -> Said {
    let facts = |(key, policy): (&String, &Policy)| (key.clone(), policy.facts(want, known));
    Said::Value(Value::Object(want.policies.iter().map(facts).collect()))
}

pub(super) fn have_policies(have: &Policies) -> Said {
    let facts = |(key, policy): (&String, &PolicyLive)| (key.clone(), policy.facts.clone());
    Said::Value(Value::Object(have.iter().map(facts).collect()))
}

impl Policy {
    fn facts(&self, want: &AutoscalingGroupSpec, known: &Known) -> Value {
        let statistic = self.statistic.unwrap_or(Statistic::Average).word();
        match self.r#type {
            PolicyType::TargetTracking => {
                let dimension = |(name, value): (&String, &Late<String>)| {
                    (name.clone(), value.said().text().into())
                };
                tracking(Tracking {
                    metric: self.metric.clone().unwrap_or_default(),
                    own: self.namespace.clone().map(|namespace| Own {
                        namespace,
                        dimensions: self.dimensions.iter().map(dimension).collect(),
                        statistic: statistic.to_owned(),
                    }),
                    requests_of: (self.of(want).filter(|_| self.counts_requests()))
                        .map(|group| full_name(&known.output(group, "arn").text()).to_owned()),
                    target: self.target.unwrap_or_default(),
                    scale_in: self.scale_in,
                    warmup: self.warmup,
                })
            }
            PolicyType::Step => step(
                self.adjust.unwrap_or_default(),
                self.steps.clone(),
                statistic,
                (self.min_change, self.warmup),
            ),
        }
    }
}

struct Tracking {
    metric: String,
    own: Option<Own>,
    requests_of: Option<String>,
    target: f64,
    scale_in: bool,
    warmup: Option<Duration>,
}

struct Own {
    namespace: String,
    dimensions: Map<String, Value>,
    statistic: String,
}

fn tracking(is: Tracking) -> Value {
    let mut facts = json!({
        "type": PolicyType::TargetTracking,
        "metric": is.metric,
        "target": is.target,
        "scale_in": is.scale_in,
    });
    if let Some(own) = is.own {
        facts["namespace"] = own.namespace.into();
        facts["dimensions"] = own.dimensions.into();
        facts["statistic"] = own.statistic.into();
    }
    if let Some(group) = is.requests_of {
        facts["target_group"] = group.into();
    }
    if let Some(warmup) = is.warmup {
        facts["warmup"] = json!(warmup);
    }
    facts
}

fn step(
    adjust: Adjust,
    mut steps: Vec<Step>,
    statistic: &str,
    (min_change, warmup): (Option<u32>, Option<Duration>),
) -> Value {
    let lowest = |step: &Step| step.from.unwrap_or(f64::NEG_INFINITY);
    steps.sort_by(|a, b| lowest(a).total_cmp(&lowest(b)));
    let mut facts = json!({
        "type": PolicyType::Step,
        "adjust": adjust,
        "steps": steps,
        "statistic": statistic,
    });
    if let Some(n) = min_change {
        facts["min_change"] = n.into();
    }
    if let Some(warmup) = warmup {
        facts["warmup"] = json!(warmup);
    }
    facts
}
