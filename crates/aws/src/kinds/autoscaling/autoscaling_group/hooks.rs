//! Pauses at the beginning and the end of a machine's life (aws-semantics 3.23).

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::{LifecycleHook, LifecycleHookSpecification};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::canon::Duration;
use terrace_core::error::Result;
use terrace_core::kind::Objection;

use super::super::shared::{change, is_gone};
use crate::client::Aws;

/// A pause at the beginning or the end of a machine's life, until somebody says that it may go on
/// (`aws autoscaling complete-lifecycle-action`) or its time is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// When it pauses.
    pub on: Moment,
    /// How long at most: between 30s and 2h.
    #[serde(default = "an_hour")]
    pub timeout: Duration,
    /// What comes then.
    #[serde(default)]
    pub then: Outcome,
}

fn an_hour() -> Duration {
    Duration::seconds(3600)
}

/// When a machine pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// Before it joins the group.
    Launch,
    /// Before it is ended.
    Terminate,
}

/// What comes after a pause in which nobody said anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The machine is ended.
    #[default]
    Abandon,
    /// It goes on as if there had been no pause; one that is to end, ends.
    Continue,
}

/// Hooks by name.
pub(super) type Hooks = BTreeMap<String, Hook>;

impl Moment {
    fn word(self) -> &'static str {
        match self {
            Self::Launch => "autoscaling:EC2_INSTANCE_LAUNCHING",
            Self::Terminate => "autoscaling:EC2_INSTANCE_TERMINATING",
        }
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Abandon => "ABANDON",
            Self::Continue => "CONTINUE",
        }
    }
}

impl Hook {
    pub(super) fn check(&self, key: &str) -> Option<Objection> {
        // PutLifecycleHook: 30 to 7200 seconds.
        let fits = (30..=7200).contains(&self.timeout.as_seconds());
        let field = format!("hooks.{key}.timeout");
        (!fits).then(|| Objection::new(field, "a pause lasts between 30s and 2h"))
    }

    fn read(hook: &LifecycleHook) -> Option<(String, Self)> {
        let on = hook.lifecycle_transition.as_deref() == Some(Moment::Terminate.word());
        let goes_on = hook.default_result.as_deref() == Some(Outcome::Continue.word());
        let seconds = hook.heartbeat_timeout.unwrap_or(3600).unsigned_abs();
        let read = Self {
            on: if on {
                Moment::Terminate
            } else {
                Moment::Launch
            },
            timeout: Duration::seconds(seconds.into()),
            then: if goes_on {
                Outcome::Continue
            } else {
                Outcome::Abandon
            },
        };
        Some((hook.lifecycle_hook_name.clone()?, read))
    }
}

/// The hooks for the creating call, so that the first machines have them.
pub(super) fn first(hooks: &IndexMap<String, Hook>) -> Option<Vec<LifecycleHookSpecification>> {
    let one = |(key, hook): (&String, &Hook)| {
        LifecycleHookSpecification::builder()
            .lifecycle_hook_name(key)
            .lifecycle_transition(hook.on.word())
            .heartbeat_timeout(hook.timeout.as_i32())
            .default_result(hook.then.word())
            .build()
    };
    (!hooks.is_empty()).then(|| hooks.iter().map(one).collect())
}

/// All hooks of a group.
pub(super) async fn describe(cx: &Aws, group: &str) -> Result<Hooks> {
    // All in one answer: this call has no pages.
    let answer = cx
        .read("autoscaling:DescribeLifecycleHooks", || {
            cx.autoscaling
                .describe_lifecycle_hooks()
                .auto_scaling_group_name(group)
                .send()
        })
        .await?;
    Ok(answer
        .lifecycle_hooks()
        .iter()
        .filter_map(Hook::read)
        .collect())
}

/// Puts a hook, or another in its place.
pub(super) async fn put(cx: &Aws, group: &str, key: &str, hook: &Hook) -> Result<()> {
    cx.mutate(change("autoscaling:PutLifecycleHook"), || {
        cx.autoscaling
            .put_lifecycle_hook()
            .auto_scaling_group_name(group)
            .lifecycle_hook_name(key)
            .lifecycle_transition(hook.on.word())
            .heartbeat_timeout(hook.timeout.as_i32())
            .default_result(hook.then.word())
            .send()
    })
    .await
    .map(drop)
}

/// Drops a hook; machines that pause for it go on.
pub(super) async fn delete(cx: &Aws, group: &str, key: &str) -> Result<()> {
    let call = || {
        let call = cx.autoscaling.delete_lifecycle_hook();
        call.auto_scaling_group_name(group)
            .lifecycle_hook_name(key)
            .send()
    };
    match cx
        .mutate(change("autoscaling:DeleteLifecycleHook"), call)
        .await
    {
        Err(error) if is_gone(&error) || error.message.contains("No Lifecycle Hook found") => {
            Ok(())
        }
        answer => answer.map(drop),
    }
}
