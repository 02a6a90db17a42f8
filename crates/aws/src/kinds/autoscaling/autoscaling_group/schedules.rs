//! Changes of a group's size by the clock (aws-semantics 3.23).

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::ScheduledUpdateGroupAction;
use aws_smithy_types::DateTime;
use indexmap::IndexMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::error::Result;
use terrace_core::kind::Objection;

use super::super::shared::{change, is_gone, number};
use crate::client::Aws;

/// A change of a group's size by the clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// When it happens again and again: minute, hour, day of the month, month, day of the week, as in
    /// `"0 8 * * MON-FRI"`. Absent: once, at `start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// Not before this moment, such as `"2027-11-27T06:00:00Z"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Not after this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// The least number of machines from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// The greatest number of machines from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// The number of machines then; policies and later schedules change it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<u32>,
    /// Whose clock `cron` goes by, such as `"Europe/Paris"`.
    #[serde(default = "utc")]
    pub time_zone: String,
}

const UTC: &str = "UTC";

fn utc() -> String {
    UTC.to_owned()
}

/// Schedules by name.
pub(super) type Schedules = BTreeMap<String, Schedule>;

impl Schedule {
    pub(super) fn check(&self, key: &str) -> Vec<Objection> {
        let at = |name: &str| format!("schedules.{key}.{name}");
        let mut wrong = Vec::new();
        if self.min.is_none() && self.max.is_none() && self.desired.is_none() {
            let objection = Objection::new(format!("schedules.{key}"), "it changes nothing");
            wrong.push(objection.help("say `min`, `max` or `desired`"));
        }
        match &self.cron {
            None if self.start.is_none() => wrong.push(
                Objection::new(format!("schedules.{key}"), "it never happens")
                    .help("write cron = \"0 8 * * MON-FRI\", or a `start`"),
            ),
            Some(cron) if cron.split_whitespace().count() != 5 => wrong.push(
                Objection::new(
                    at("cron"),
                    "a schedule has five fields: minute, hour, day, month, weekday",
                )
                .help("such as \"0 8 * * MON-FRI\""),
            ),
            _ => {}
        }
        for (name, time) in [("start", &self.start), ("end", &self.end)] {
            if let Some(time) = time
                && moment(time).is_none()
            {
                let message = format!("`{time}` is no moment");
                wrong.push(
                    Objection::new(at(name), message)
                        .help("one reads like \"2027-11-27T06:00:00Z\""),
                );
            }
        }
        wrong
    }

    /// The same in the form that AWS tells, as far as it does. When something that happens again and
    /// again began is not told: AWS puts the next time there.
    fn canonical(&self) -> Self {
        let time = |time: &Option<String>| {
            time.as_ref()
                .and_then(|time| moment(time))
                .map(|at| at.to_string())
        };
        Self {
            start: if self.cron.is_some() {
                None
            } else {
                time(&self.start)
            },
            end: time(&self.end),
            time_zone: match self.time_zone.as_str() {
                "" | "Etc/UTC" | "Etc/GMT" | "GMT" => utc(),
                zone => zone.to_owned(),
            },
            ..self.clone()
        }
    }

    /// Whether it will never happen again. AWS forgets such ones, and refuses new ones.
    fn is_over(&self, now: Timestamp) -> bool {
        let past = |time: &Option<String>| {
            let at = time.as_ref().and_then(|time| moment(time));
            at.is_some_and(|at| at <= now)
        };
        past(&self.end) || (self.cron.is_none() && past(&self.start))
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    let at: Timestamp = text.parse().ok()?;
    Timestamp::from_second(at.as_second()).ok()
}

/// What the TOML wants, in AWS's form.
pub(super) fn wanted(want: &IndexMap<String, Schedule>) -> Schedules {
    let canonical = |(key, schedule): (&String, &Schedule)| (key.clone(), schedule.canonical());
    want.iter().map(canonical).collect()
}

/// What is wanted and not yet over, or is there all the same.
pub(super) fn due(
    want: &IndexMap<String, Schedule>,
    have: &Schedules,
    now: Timestamp,
) -> Schedules {
    let mut due = wanted(want);
    due.retain(|key, schedule| !schedule.is_over(now) || have.contains_key(key));
    due
}

/// Puts what is due in place of what is there.
pub(super) async fn set(
    cx: &Aws,
    group: &str,
    want: &IndexMap<String, Schedule>,
    have: &Schedules,
) -> Result<()> {
    let now = Timestamp::now();
    let due = due(want, have, now);
    for (key, _) in have.iter().filter(|(key, is)| due.get(*key) != Some(is)) {
        // Also before another is put in its place: what a call leaves out, AWS leaves as it was, the next
        // time included.
        delete(cx, group, key).await?;
    }
    for (key, schedule) in due {
        let (Some(want), false) = (want.get(&key), have.get(&key) == Some(&schedule)) else {
            continue;
        };
        let at = |time: &Option<String>| {
            let at = time.as_ref().and_then(|time| moment(time));
            at.filter(|at| *at > now)
                .map(|at| DateTime::from_secs(at.as_second()))
        };
        cx.mutate(change("autoscaling:PutScheduledUpdateGroupAction"), || {
            cx.autoscaling
                .put_scheduled_update_group_action()
                .auto_scaling_group_name(group)
                .scheduled_action_name(&key)
                .set_recurrence(want.cron.clone())
                // A beginning that is past would be refused.
                .set_start_time(at(&want.start))
                .set_end_time(at(&want.end))
                .set_min_size(want.min.map(number))
                .set_max_size(want.max.map(number))
                .set_desired_capacity(want.desired.map(number))
                .set_time_zone((schedule.time_zone != UTC).then(|| schedule.time_zone.clone()))
                .send()
        })
        .await?;
    }
    Ok(())
}

async fn delete(cx: &Aws, group: &str, key: &str) -> Result<()> {
    let call = || {
        let call = cx.autoscaling.delete_scheduled_action();
        call.auto_scaling_group_name(group)
            .scheduled_action_name(key)
            .send()
    };
    match cx
        .mutate(change("autoscaling:DeleteScheduledAction"), call)
        .await
    {
        // One that has had its time goes by itself.
        Err(error) if is_gone(&error) => Ok(()),
        answer => answer.map(drop),
    }
}

/// All schedules of a group.
pub(super) async fn describe(cx: &Aws, group: &str) -> Result<Schedules> {
    let actions = cx
        .read("autoscaling:DescribeScheduledActions", || {
            let call = cx
                .autoscaling
                .describe_scheduled_actions()
                .auto_scaling_group_name(group);
            let pages = call.into_paginator().page_size(100).items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    Ok(actions.into_iter().filter_map(read).collect())
}

fn read(action: ScheduledUpdateGroupAction) -> Option<(String, Schedule)> {
    let time = |time: Option<DateTime>| {
        let at = Timestamp::from_second(time?.secs()).ok()?;
        Some(at.to_string())
    };
    let number = |n: Option<i32>| n.map(i32::unsigned_abs);
    // Optional texts come empty, too.
    let schedule = Schedule {
        cron: action.recurrence.filter(|cron| !cron.is_empty()),
        start: time(action.start_time),
        end: time(action.end_time),
        min: number(action.min_size),
        max: number(action.max_size),
        desired: number(action.desired_capacity),
        time_zone: action.time_zone.unwrap_or_default(),
    };
    Some((action.scheduled_action_name?, schedule.canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn once(start: &str) -> Schedule {
        Schedule {
            cron: None,
            start: Some(start.to_owned()),
            end: None,
            min: Some(4),
            max: None,
            desired: None,
            time_zone: utc(),
        }
    }

    #[test]
    fn what_is_over_is_wanted_no_more() {
        let want: IndexMap<String, Schedule> = [
            ("past".to_owned(), once("2020-01-01T00:00:00Z")),
            ("coming".to_owned(), once("2120-01-01T01:00:00+01:00")),
        ]
        .into();
        let due = due(&want, &Schedules::new(), Timestamp::UNIX_EPOCH);
        assert_eq!(due.len(), 2);
        let due = super::due(&want, &Schedules::new(), Timestamp::now());
        assert_eq!(due.keys().collect::<Vec<_>>(), ["coming"]);
        assert_eq!(due["coming"].start.as_deref(), Some("2120-01-01T00:00:00Z"));
    }

    #[test]
    fn what_comes_again_is_told_without_its_beginning() {
        let daily = Schedule {
            cron: Some("0 8 * * *".to_owned()),
            ..once("2120-01-01T00:00:00Z")
        };
        assert_eq!(daily.canonical().start, None);
        assert!(!daily.is_over(Timestamp::now()));
    }
}
