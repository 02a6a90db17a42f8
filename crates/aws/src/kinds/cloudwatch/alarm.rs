//! A number to watch, and whom to wake (aws-semantics 3.30).

mod calls;

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::ComparisonOperator;
use futures_util::future::try_join_all;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use terrace_core::canon::Duration;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::late::Late;
use terrace_core::mark::{Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Ref, Target};
use terrace_core::said::Said;
use terrace_core::sketch::Sketch;

use self::calls::{Which, list, put, tags_of};
use super::shared::tag_list;
use crate::client::Aws;
use crate::door::Op;
use crate::lookups::LookUpKind;
use crate::lookups::sns_topic::SnsTopic;
use crate::names::{invalid, only, partition, taken};

/// A number to watch, and whom to wake.
pub struct Alarm;

/// What an alarm sets off: a topic of SNS, or by its ARN anything else.
pub type Action = Late<Ref<SnsTopic>>;

impl Target for SnsTopic {
    const KINDS: &'static [&'static str] = &[SnsTopic::NAME];
}

/// A number to watch, and whom to wake. Its name is always derived: AWS finds alarms by the beginning of
/// their names only.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmSpec {
    /// What it means when it rings.
    #[serde(default)]
    #[schemars(extend("examples" = ["The database is busy.", "Look at the slow queries."]))]
    pub description: String,
    /// Whose number it is: `"AWS/RDS"`.
    #[schemars(extend("examples" = ["AWS/RDS", "AWS/EC2"]))]
    pub namespace: String,
    /// The number: `"CPUUtilization"`.
    #[schemars(extend("examples" = ["CPUUtilization", "NetworkIn"]))]
    pub metric: String,
    /// Of what: `{ DBInstanceIdentifier = "{{ db_instance.main.name }}" }`.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "InstanceId": "i-0123456789abcdef0" }, { "InstanceId": "i-0fedcba9876543210" }]))]
    pub dimensions: IndexMap<String, Late<String>>,
    /// How the numbers of a period become one: `"Average"`, `"Sum"`, `"Minimum"`, `"Maximum"`,
    /// `"SampleCount"`, or a percentile such as `"p99"`.
    #[schemars(extend("examples" = ["Average", "p99"]))]
    pub statistic: String,
    /// It rings above this. One of `above` and `below`.
    #[serde(default)]
    #[schemars(extend("examples" = [80, 90]))]
    pub above: Option<f64>,
    /// It rings below this.
    #[serde(default)]
    #[schemars(extend("x-no-law" = "it excludes `above`"))]
    pub below: Option<f64>,
    /// How long a period is: `"10s"`, `"20s"`, `"30s"`, or minutes.
    #[schemars(extend("examples" = ["60s", "5m"]))]
    pub period: Duration,
    /// How many of the last periods are looked at.
    #[serde(default = "one_period")]
    #[schemars(extend("examples" = [3, 2]))]
    pub periods: u32,
    /// In how many of these the number must be out of bounds; all, if absent.
    #[serde(default)]
    #[schemars(extend("examples" = [1, 2]))]
    pub datapoints: Option<u32>,
    /// What a period without numbers counts for.
    #[serde(default)]
    pub missing_data: MissingData,
    /// Whether it sets anything off. Switched off, it still shows how things are.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What it sets off when it rings: topics, or ARNs.
    #[serde(default)]
    #[schemars(extend("examples" = [["arn:aws:sns:eu-west-3:123456789012:desk"], ["arn:aws:sns:eu-west-3:123456789012:oncall"]]))]
    pub actions: Vec<Action>,
    /// What it sets off when all is well again.
    #[serde(default)]
    #[schemars(extend("examples" = [["arn:aws:sns:eu-west-3:123456789012:desk"], ["arn:aws:sns:eu-west-3:123456789012:oncall"]]))]
    pub ok_actions: Vec<Action>,
}

fn yes() -> bool {
    true
}

fn one_period() -> u32 {
    1
}

/// What a period without numbers counts for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingData {
    /// For nothing: when all are missing, the alarm says that it does not know.
    #[default]
    Missing,
    /// It stays as it was.
    Ignore,
    /// For out of bounds.
    Breaching,
    /// For within bounds.
    NotBreaching,
}

impl MissingData {
    /// AWS's word.
    fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Ignore => "ignore",
            Self::Breaching => "breaching",
            Self::NotBreaching => "notBreaching",
        }
    }
}

/// An alarm as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct AlarmLive {
    id: String,
    arn: String,
    description: String,
    namespace: String,
    metric: String,
    dimensions: BTreeMap<String, String>,
    statistic: String,
    comparison: String,
    threshold: f64,
    period: i32,
    periods: i32,
    datapoints: i32,
    missing_data: String,
    enabled: bool,
    actions: Vec<String>,
    ok_actions: Vec<String>,
}

impl Live for AlarmLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "arn" => json!(self.arn), "name" => json!(self.id) }
    }
}

impl Kind for Alarm {
    const NAME: &'static str = "alarm";
    const ABOUT: About = About::new(Class::Stateless, Create::Name, Swap::CreateFirst)
        .gone_at_once()
        .outputs(&["arn", "name"])
        .actions(&[
            "cloudwatch:DescribeAlarms",
            "cloudwatch:ListTagsForResource",
            "tag:GetResources",
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:DeleteAlarms",
            "cloudwatch:TagResource",
            "cloudwatch:UntagResource",
        ]);
    type Cx = Aws;
    type Spec = AlarmSpec;
    type Live = AlarmLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .update(
                "description",
                |want, _| Said::of(&want.description),
                |have| Said::of(&have.description),
            )
            .update(
                "namespace",
                |want, _| Said::of(&want.namespace),
                |have| Said::of(&have.namespace),
            )
            .update(
                "metric",
                |want, _| Said::of(&want.metric),
                |have| Said::of(&have.metric),
            )
            .update(
                "dimensions",
                |want, _| dimensions(want),
                |have| Said::of(&have.dimensions),
            )
            .update(
                "statistic",
                |want, _| Said::of(&want.statistic),
                |have| Said::of(&have.statistic),
            )
            .update(
                "above",
                |want, _| Said::of(want.above),
                |have| threshold(have, &ABOVE),
            )
            .update(
                "below",
                |want, _| Said::of(want.below),
                |have| threshold(have, &BELOW),
            )
            .update(
                "period",
                |want, _| Said::of(want.period),
                |have| Said::of(span(have.period)),
            )
            .update(
                "periods",
                |want, _| Said::of(want.periods),
                |have| Said::of(have.periods),
            )
            .update(
                "datapoints",
                |want, _| Said::of(datapoints(want)),
                |have| Said::of(have.datapoints),
            )
            .update(
                "missing_data",
                |want, _| Said::of(want.missing_data.word()),
                |have| Said::of(&have.missing_data),
            )
            .update(
                "enabled",
                |want, _| Said::of(want.enabled),
                |have| Said::of(have.enabled),
            )
            .update(
                "actions",
                |want, known| arns(&want.actions, known),
                |have| Said::set(&have.actions),
            )
            .update(
                "ok_actions",
                |want, known| arns(&want.ok_actions, known),
                |have| Said::set(&have.ok_actions),
            )
    }

    fn sketch(_want: &AlarmSpec) -> Sketch {
        Sketch::aside("alarm")
    }

    fn uses(have: &AlarmLive) -> Vec<LiveRef> {
        let watched = have
            .dimensions
            .values()
            .map(|value| LiveRef::new("dimensions", value));
        let actions = have.actions.iter().map(|arn| LiveRef::new("actions", arn));
        let ok_actions = have
            .ok_actions
            .iter()
            .map(|arn| LiveRef::new("ok_actions", arn));
        watched.chain(actions).chain(ok_actions).collect()
    }

    // It begins without data and makes up its mind: nothing waits for that.
    fn ready(_have: &AlarmLive) -> Ready {
        Ready::Ready
    }

    fn check(want: &AlarmSpec) -> Vec<Objection> {
        let mut wrong = Vec::new();
        match (want.above, want.below) {
            (None, None) => wrong.push(
                Objection::new("above", "it never rings")
                    .help("say when: above = 80, or below = 10"),
            ),
            (Some(_), Some(_)) => wrong.push(
                Objection::new("below", "it rings above or below one number")
                    .help("make two alarms of it"),
            ),
            _ => {}
        }
        let seconds = want.period.as_seconds();
        if !(matches!(seconds, 10 | 20 | 30) || (seconds > 0 && seconds.is_multiple_of(60))) {
            wrong.push(Objection::new(
                "period",
                "a period is 10s, 20s, 30s or whole minutes",
            ));
        }
        if want.periods == 0 || want.datapoints.is_some_and(|n| n == 0 || n > want.periods) {
            let message = format!("it looks at {} periods", want.periods);
            wrong.push(Objection::new(
                if want.periods == 0 {
                    "periods"
                } else {
                    "datapoints"
                },
                message,
            ));
        }
        if !is_statistic(&want.statistic) {
            let message = format!("`{}` is no statistic", want.statistic);
            let help =
                "write \"Average\", \"Sum\", \"Minimum\", \"Maximum\", \"SampleCount\" or \"p99\"";
            wrong.push(Objection::new("statistic", message).help(help));
        }
        for (field, actions) in [("actions", &want.actions), ("ok_actions", &want.ok_actions)] {
            if actions.len() > 5 {
                wrong.push(Objection::new(
                    field,
                    "an alarm sets off five things at most",
                ));
            }
        }
        wrong
    }

    fn foretell(_want: &AlarmSpec, mark: &Mark) -> Outputs {
        outputs! { "name" => json!(mark.name(LIMIT)) }
    }

    /// The listing has no tags, and CloudWatch has no call for those of several.
    async fn discover(cx: &Aws, look: &Look, seen: &Seen) -> Result<Vec<Found<AlarmLive>>> {
        let prefix = cx.identity.prefix();
        let alarms = match look {
            Look::Ours => list(cx, Which::Beginning(&prefix)).await,
            Look::Id(name) => list(cx, Which::Name(name)).await,
            Look::Like(like) => {
                list(cx, Which::Name(only(like, Self::NAME, &["name", "id"])?)).await
            }
        };
        let found = try_join_all(alarms?.into_iter().map(|live| async move {
            let labels = cx
                .labels(look, seen, &live.arn, tags_of(cx, &live.arn))
                .await?;
            Ok(labels.map(|labels| labels.on(live)))
        }));
        Ok(found.await?.into_iter().flatten().collect())
    }

    async fn create(cx: &Aws, want: &AlarmSpec, known: &Known, mark: &Mark) -> Result<AlarmLive> {
        const ACTION: &str = "cloudwatch:PutMetricAlarm";
        let live = wanted(cx, want, known, mark.name(LIMIT))?;
        // The call would overwrite whatever has the name, so that must be known first.
        let there = Self::discover(cx, &Look::Id(live.id.clone()), &Seen::default())
            .await?
            .pop();
        if let Some(there) = there {
            let refused = CloudError::new(
                ACTION,
                ErrorClass::Conflict,
                format!("there is an alarm `{}`", live.id),
            );
            return taken(refused, Some(there), mark);
        }
        let tags = tag_list(&mark.all_tags());
        cx.mutate(Op::again(ACTION), || {
            put(cx, &live).set_tags(Some(tags.clone())).send()
        })
        .await?;
        Ok(live)
    }

    async fn update(
        cx: &Aws,
        want: &AlarmSpec,
        have: &AlarmLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<AlarmLive> {
        let new = wanted(cx, want, known, have.id.clone())?;
        // One call writes it whole: what is not to change is written as it is.
        let mut live = have.clone();
        for field in part.fields() {
            match field {
                "description" => live.description.clone_from(&new.description),
                "namespace" => live.namespace.clone_from(&new.namespace),
                "metric" => live.metric.clone_from(&new.metric),
                "dimensions" => live.dimensions.clone_from(&new.dimensions),
                "statistic" => live.statistic.clone_from(&new.statistic),
                "above" | "below" => {
                    live.comparison.clone_from(&new.comparison);
                    live.threshold = new.threshold;
                }
                "period" => live.period = new.period,
                "periods" => live.periods = new.periods,
                "datapoints" => live.datapoints = new.datapoints,
                "missing_data" => live.missing_data.clone_from(&new.missing_data),
                "enabled" => live.enabled = new.enabled,
                "actions" => live.actions.clone_from(&new.actions),
                "ok_actions" => live.ok_actions.clone_from(&new.ok_actions),
                _ => {}
            }
        }
        cx.mutate(Op::again("cloudwatch:PutMetricAlarm"), || {
            put(cx, &live).send()
        })
        .await?;
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &AlarmLive, _leave: &Leave) -> Result<()> {
        let op = Op::again("cloudwatch:DeleteAlarms");
        cx.gone(
            cx.mutate(op, || {
                cx.cloudwatch.delete_alarms().alarm_names(&have.id).send()
            })
            .await,
        )
    }

    async fn tag(cx: &Aws, have: &AlarmLive, set: &Tags, unset: &[String]) -> Result<()> {
        if !set.is_empty() {
            let tags = tag_list(set);
            cx.mutate(Op::again("cloudwatch:TagResource"), || {
                cx.cloudwatch
                    .tag_resource()
                    .resource_arn(&have.arn)
                    .set_tags(Some(tags.clone()))
                    .send()
            })
            .await?;
        }
        if !unset.is_empty() {
            cx.mutate(Op::again("cloudwatch:UntagResource"), || {
                let call = cx.cloudwatch.untag_resource().resource_arn(&have.arn);
                call.set_tag_keys(Some(unset.to_vec())).send()
            })
            .await?;
        }
        Ok(())
    }
}

/// How long a name may be.
const LIMIT: usize = 255;
const ABOVE: ComparisonOperator = ComparisonOperator::GreaterThanThreshold;
const BELOW: ComparisonOperator = ComparisonOperator::LessThanThreshold;
const PLAIN: [&str; 5] = ["Average", "Sum", "Minimum", "Maximum", "SampleCount"];

/// `p99`, `tm90`, `TM(10%:90%)`: whether AWS may take it is AWS's to say, but a word it is not.
fn is_statistic(text: &str) -> bool {
    let number = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let number = number.strip_prefix('(').unwrap_or(number);
    PLAIN.contains(&text)
        || (number.len() < text.len()
            && number.starts_with(|c: char| c.is_ascii_digit() || c == ':'))
}

fn span(seconds: i32) -> Duration {
    Duration::seconds(seconds.unsigned_abs().into())
}

fn datapoints(want: &AlarmSpec) -> u32 {
    want.datapoints.unwrap_or(want.periods)
}

fn dimensions(want: &AlarmSpec) -> Said {
    let mut said = Map::new();
    for (name, value) in &want.dimensions {
        match value.said() {
            Said::Value(value) => drop(said.insert(name.clone(), value)),
            open => return open,
        }
    }
    Said::Value(said.into())
}

fn threshold(have: &AlarmLive, comparison: &ComparisonOperator) -> Said {
    if have.comparison == comparison.as_str() {
        Said::of(have.threshold)
    } else {
        Said::Nothing
    }
}

/// The ARNs of what an alarm sets off.
fn arns(actions: &[Action], known: &Known) -> Said {
    Said::all(actions.iter().map(|action| match action {
        Late::Known(reference) => known.output(reference, "arn"),
        Late::Later(expression) => Said::Later(expression.clone()),
    }))
}

fn need_arns(actions: &[Action], known: &Known) -> Result<Vec<String>> {
    let arn = |action: &Action| {
        let reference = action
            .need()
            .map_err(|why| invalid("cloudwatch:PutMetricAlarm", why))?;
        known.need_output(reference, "arn")
    };
    actions.iter().map(arn).collect()
}

/// The alarm as it is to be.
fn wanted(cx: &Aws, want: &AlarmSpec, known: &Known, name: String) -> Result<AlarmLive> {
    let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let value = |(name, value): (&String, &Late<String>)| {
        let value = value
            .need()
            .map_err(|why| invalid("cloudwatch:PutMetricAlarm", why))?;
        Ok((name.clone(), value.clone()))
    };
    let (comparison, threshold) = match (want.above, want.below) {
        (Some(above), _) => (ABOVE, above),
        (None, below) => (BELOW, below.unwrap_or_default()),
    };
    let (partition, account) = (partition(&cx.region), &cx.identity.account);
    Ok(AlarmLive {
        arn: format!(
            "arn:{partition}:cloudwatch:{}:{account}:alarm:{name}",
            cx.region
        ),
        id: name,
        description: want.description.clone(),
        namespace: want.namespace.clone(),
        metric: want.metric.clone(),
        dimensions: want.dimensions.iter().map(value).collect::<Result<_>>()?,
        statistic: want.statistic.clone(),
        comparison: comparison.as_str().to_owned(),
        threshold,
        period: want.period.as_i32(),
        periods: number(want.periods),
        datapoints: number(datapoints(want)),
        missing_data: want.missing_data.word().to_owned(),
        enabled: want.enabled,
        actions: need_arns(&want.actions, known)?,
        ok_actions: need_arns(&want.ok_actions, known)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_told_from_other_words() {
        assert!(
            ["Average", "p99", "p99.9", "tm90", "TM(10%:90%)", "PR(:300)"]
                .iter()
                .all(|text| is_statistic(text))
        );
        assert!(
            ["average", "", "99", "p", "Avg"]
                .iter()
                .all(|text| !is_statistic(text))
        );
    }
}
