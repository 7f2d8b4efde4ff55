//! When a container is started, and when it is started again, as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::ContainerName;

/// What a container waits for before it is started (ECS `ContainerDependency`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContainerDependency {
    /// Another container of the task.
    pub container_name: ContainerName,
    /// What it has to have come to: `START`, `COMPLETE`, `SUCCESS` or `HEALTHY`.
    pub condition: DependencyCondition,
}

/// What a dependency has to have come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum DependencyCondition {
    /// It runs, or has run.
    Start,
    /// It has ended, whatever its exit code. Not of an essential container: the task ends with it.
    Complete,
    /// It has ended with exit code 0. Not of an essential container: the task ends with it.
    Success,
    /// Its health check succeeds.
    Healthy,
}

impl DependencyCondition {
    /// As written in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Complete => "COMPLETE",
            Self::Success => "SUCCESS",
            Self::Healthy => "HEALTHY",
        }
    }
}

/// Whether a container that ends is started again in place (ECS `ContainerRestartPolicy`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestartPolicy {
    /// Whether it is. The task goes on meanwhile, also when the container is essential.
    pub enabled: bool,
    /// The exit codes after which it is not started again; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub ignored_exit_codes: Vec<i32>,
    /// How many seconds the container has to have run since it was last started, 60 to 1800; 300 by default. What ends
    /// sooner is not started again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 1800))]
    pub restart_attempt_period: Option<u32>,
}
