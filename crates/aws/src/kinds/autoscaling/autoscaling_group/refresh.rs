//! The renewal of a group's machines: AWS's instance refresh, which replaces them a few at a time and goes
//! on only while the new ones are healthy.

use aws_sdk_autoscaling::types::{
    DesiredConfiguration, InstanceRefresh as Told, RefreshPreferences, StandbyInstances,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::error::Result;
use terrace_core::kind::Objection;

use super::super::shared::{change, number};
use super::AutoscalingGroupLive;
use super::launch::Launch;
use crate::client::{Aws, missing};

/// How machines are renewed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InstanceRefresh {
    /// How many of a hundred machines are healthy all the while. With 100 new ones are started before old
    /// ones go.
    #[schemars(range(max = 100))]
    pub min_healthy: u32,
    /// How many of a hundred there are at most meanwhile: between 100 and 200, and at most 100 above
    /// `min_healthy`.
    #[schemars(range(min = 100, max = 200))]
    pub max_healthy: u32,
    /// Whether the old ones are brought back if the new ones do not get healthy.
    pub rollback: bool,
}

impl Default for InstanceRefresh {
    fn default() -> Self {
        Self {
            min_healthy: 100,
            max_healthy: 150,
            rollback: true,
        }
    }
}

impl InstanceRefresh {
    pub(super) fn check(&self) -> Vec<Objection> {
        let mut wrong = Vec::new();
        if self.min_healthy > 100 {
            let message = "of a hundred, at most a hundred";
            wrong.push(Objection::new("instance_refresh.min_healthy", message));
        }
        // RefreshPreferences: 100 to 200, and no more than 100 apart.
        if !(100..=200).contains(&self.max_healthy)
            || self.max_healthy.saturating_sub(self.min_healthy) > 100
        {
            let message = "it is between 100 and 200, and at most 100 above `min_healthy`";
            wrong.push(Objection::new("instance_refresh.max_healthy", message));
        }
        wrong
    }
}

/// The newest renewal of a group.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Refresh {
    pub(super) status: String,
    percent: i32,
    reason: Option<String>,
    /// What the machines are to be started from, where that differs from before.
    pub(super) launch: Option<Launch>,
    #[serde(skip)]
    pub(super) started: Option<i64>,
    #[serde(skip)]
    ended: Option<i64>,
}

impl Refresh {
    /// Whether it goes on.
    pub(super) fn is_active(&self) -> bool {
        [
            "Pending",
            "InProgress",
            "Baking",
            "Cancelling",
            "RollbackInProgress",
        ]
        .contains(&self.status.as_str())
    }

    /// What the group will be started from, if it goes on to its end.
    pub(super) fn leads_to(&self) -> Option<&Launch> {
        let forward = ["Pending", "InProgress", "Baking"].contains(&self.status.as_str());
        self.launch.as_ref().filter(|_| forward)
    }

    /// How far it is, for people.
    pub(super) fn progress(&self) -> String {
        let why = self.reason.as_deref().map(plain).unwrap_or_default();
        match self.status.as_str() {
            "Pending" => "about to renew its machines".to_owned(),
            "Baking" => "watching its renewed machines for a while".to_owned(),
            "Cancelling" => "ending the renewal of its machines".to_owned(),
            "RollbackInProgress" => format!("taking the renewal of its machines back ({why})"),
            _ => format!("renewing its machines, {}% done", self.percent),
        }
    }

    /// What became of it, if it came to nothing, and `group` is not yet beyond it: told for a while, because
    /// nothing else says to whoever waits that it has ended.
    pub(super) fn failed(&self, group: &Launch, now: Timestamp) -> Option<String> {
        const WHILE: i64 = 600;
        let what = match self.status.as_str() {
            "Failed" => "the renewal of its machines failed",
            "RollbackSuccessful" => "the renewal of its machines failed, and the old ones are back",
            "RollbackFailed" => {
                "the renewal of its machines failed, and so did bringing the old ones back"
            }
            "Cancelled" => "the renewal of its machines was cancelled",
            _ => return None,
        };
        let recent = self.ended.is_some_and(|end| end + WHILE > now.as_second());
        let beyond = self.launch.as_ref().is_some_and(|to| {
            let number = |launch: &Launch| launch.version.parse::<u64>().ok();
            to.template == group.template && number(to) <= number(group)
        });
        let why = self
            .reason
            .as_deref()
            .map(plain)
            .filter(|why| !why.is_empty());
        let why = why.map_or(String::new(), |why| format!(": {why}"));
        (recent && !beyond).then(|| format!("{what}{why}"))
    }
}

fn plain(reason: &str) -> &str {
    reason.trim_end_matches('.')
}

/// The newest renewal of a group, of the last six weeks.
pub(super) async fn newest(cx: &Aws, group: &str) -> Result<Option<Refresh>> {
    let mut token: Option<String> = None;
    let mut newest: Option<Told> = None;
    loop {
        let answer = cx
            .read("autoscaling:DescribeInstanceRefreshes", || {
                let call = cx.autoscaling.describe_instance_refreshes();
                call.auto_scaling_group_name(group)
                    .set_next_token(token.clone())
                    .send()
            })
            .await?;
        for told in answer.instance_refreshes.unwrap_or_default() {
            // One that has not begun yet is the newest of all.
            let begun = |told: &Told| told.start_time.map_or(i64::MAX, |at| at.secs());
            if newest
                .as_ref()
                .is_none_or(|newest| begun(&told) > begun(newest))
            {
                newest = Some(told);
            }
        }
        token = answer.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(newest.map(read));
        }
    }
}

fn read(told: Told) -> Refresh {
    let to = told.desired_configuration;
    let to = to.filter(|to| to.launch_template.is_some() || to.mixed_instances_policy.is_some());
    Refresh {
        status: told
            .status
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        percent: told.percentage_complete.unwrap_or_default(),
        reason: told.status_reason,
        launch: to.map(|to| Launch::read(to.launch_template, to.mixed_instances_policy)),
        started: told.start_time.map(|at| at.secs()),
        ended: told.end_time.map(|at| at.secs()),
    }
}

/// A renewal to be.
pub(super) struct Renewal<'a> {
    /// What machines are to be started from, where that changes. The group itself takes it over once the
    /// renewal has succeeded.
    pub(super) to: Option<&'a Launch>,
    /// Whether those that are started from the right thing stay.
    pub(super) skip_matching: bool,
    pub(super) how: &'a InstanceRefresh,
}

/// Renews a group's machines. Another renewal under way is not what is wanted any more, and gives way.
pub(super) async fn start(
    cx: &Aws,
    have: &AutoscalingGroupLive,
    renewal: &Renewal<'_>,
) -> Result<()> {
    match begin(cx, have, renewal).await {
        Err(error) if error.is(&["InstanceRefreshInProgress"]) => {
            cancel(cx, &have.id).await?;
            begin(cx, have, renewal).await
        }
        answer => answer,
    }
}

async fn begin(cx: &Aws, have: &AutoscalingGroupLive, renewal: &Renewal<'_>) -> Result<()> {
    const ACTION: &str = "autoscaling:StartInstanceRefresh";
    let to = renewal.to.map(|to| {
        let (plain, mixed) = to.forms();
        DesiredConfiguration::builder()
            .set_launch_template(plain)
            .set_mixed_instances_policy(mixed)
            .build()
    });
    // AWS brings back only what it can tell: a fixed version, from which another is wanted.
    let rollback = renewal.how.rollback && to.is_some() && have.launch.is_fixed();
    let preferences = RefreshPreferences::builder()
        .min_healthy_percentage(number(renewal.how.min_healthy))
        .max_healthy_percentage(number(renewal.how.max_healthy))
        .skip_matching(renewal.skip_matching)
        .auto_rollback(rollback)
        // What a person has put aside is that person's.
        .standby_instances(StandbyInstances::Ignore)
        .build();
    let answer = cx
        .mutate(change(ACTION), || {
            cx.autoscaling
                .start_instance_refresh()
                .auto_scaling_group_name(&have.id)
                .set_desired_configuration(to.clone())
                .preferences(preferences.clone())
                .send()
        })
        .await?;
    answer
        .instance_refresh_id
        .map(drop)
        .ok_or_else(|| missing(ACTION, "refresh"))
}

async fn cancel(cx: &Aws, group: &str) -> Result<()> {
    let call = || {
        cx.autoscaling
            .cancel_instance_refresh()
            .auto_scaling_group_name(group)
            .send()
    };
    match cx
        .mutate(change("autoscaling:CancelInstanceRefresh"), call)
        .await
    {
        // It has ended since.
        Err(error) if error.is(&["ActiveInstanceRefreshNotFound"]) => return Ok(()),
        answer => answer.map(drop)?,
    }
    let over = || async {
        let newest = newest(cx, group).await?;
        Ok(newest
            .is_none_or(|newest| !newest.is_active())
            .then_some(()))
    };
    cx.until(5.0, "the end of another renewal", over).await
}

#[cfg(test)]
mod tests {
    use aws_sdk_autoscaling::types::InstanceRefreshStatus;

    use super::*;

    fn launch(version: &str) -> Launch {
        Launch {
            template: "lt-1".to_owned(),
            version: version.to_owned(),
            instances: None,
        }
    }

    fn refresh(status: &InstanceRefreshStatus) -> Refresh {
        Refresh {
            status: status.as_str().to_owned(),
            percent: 50,
            reason: Some("Instances failed to become healthy in time.".to_owned()),
            launch: Some(launch("4")),
            started: Some(0),
            ended: Some(Timestamp::now().as_second()),
        }
    }

    #[test]
    fn a_renewal_under_way_says_where_it_leads() {
        let on = refresh(&InstanceRefreshStatus::InProgress);
        assert!(on.is_active());
        assert_eq!(on.leads_to(), Some(&launch("4")));
        assert_eq!(on.progress(), "renewing its machines, 50% done");
        let back = refresh(&InstanceRefreshStatus::RollbackInProgress);
        assert!(back.is_active());
        assert_eq!(back.leads_to(), None);
    }

    #[test]
    fn a_failure_is_told_until_the_group_is_beyond_it() {
        let now = Timestamp::now();
        let failed = refresh(&InstanceRefreshStatus::RollbackSuccessful);
        let told = failed.failed(&launch("3"), now).unwrap_or_default();
        assert!(
            told.contains("old ones are back: Instances failed"),
            "{told}"
        );
        assert_eq!(failed.failed(&launch("5"), now), None);
        let later = now + jiff::Span::new().hours(1);
        assert_eq!(failed.failed(&launch("3"), later), None);
        let fine = refresh(&InstanceRefreshStatus::Successful);
        assert_eq!(fine.failed(&launch("3"), now), None);
    }
}
