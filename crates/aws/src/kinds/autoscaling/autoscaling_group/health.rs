//! How it is seen which machines are ill.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::canon::Duration;

/// How it is seen which machines are ill.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HealthCheck {
    /// Whose word counts. Absent: the load balancer's if there are target groups, else the machine's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<HealthType>,
    /// How long a new machine may boot before it counts as ill.
    pub grace: Duration,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            r#type: None,
            grace: Duration::seconds(300),
        }
    }
}

/// Whose word counts for a machine's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthType {
    /// That of EC2: whether the machine runs.
    Instance,
    /// That of its target groups, too: whether what runs on it answers.
    LoadBalancer,
}

impl HealthType {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Instance => "EC2",
            Self::LoadBalancer => "ELB",
        }
    }

    /// Reads AWS's list of checks; that of EC2 always counts.
    pub(super) fn read(checks: &str) -> Self {
        let mut checks = checks.split(',').map(str::trim);
        if checks.any(|check| check == Self::LoadBalancer.word()) {
            Self::LoadBalancer
        } else {
            Self::Instance
        }
    }
}

/// The same with nothing left open.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Health {
    pub(super) r#type: HealthType,
    pub(super) grace: Duration,
}
