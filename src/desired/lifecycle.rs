//! When a container is started, and when it is started again.

use serde::{Deserialize, Serialize};

use super::{ContainerSpec, LinkSpec};
use crate::value::ContainerName;

/// Seconds that a container has to have run before it is started again in place, where the manifest does not say. Source: ECS
/// `restartAttemptPeriod`.
pub const RESTART_ATTEMPT_PERIOD_DEFAULT_SECS: u32 = 300;

/// What a container waits for before it is started.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartDependency {
    /// Another container of the task.
    pub container_name: ContainerName,
    /// What it has to have come to.
    pub condition: Condition,
}

/// What a dependency has to have come to. Source: ECS `ContainerDependency`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Condition {
    /// It runs, or has run.
    Start,
    /// It has ended, with whatever exit code.
    Complete,
    /// It has ended with exit code 0.
    Success,
    /// Its health check succeeds.
    Healthy,
}

impl Condition {
    /// The name in ECS.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Complete => "COMPLETE",
            Self::Success => "SUCCESS",
            Self::Healthy => "HEALTHY",
        }
    }

    /// What is waited for, in words: "waits for `init` to succeed".
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Start => "to start",
            Self::Complete => "to end",
            Self::Success => "to succeed",
            Self::Healthy => "to be healthy",
        }
    }
}

/// Under which circumstances a container that ended is started again in place; without one it never is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestartPolicy {
    /// The exit codes after which it is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored_exit_codes: Vec<i32>,
    /// Seconds that it has to have run since it was last started.
    pub restart_attempt_period: u32,
}

impl ContainerSpec {
    /// Everything that has to be before the container is started: the one place for what the manifest says and for what follows from
    /// its other fields.
    ///
    /// The same relation, read backwards, is the order in which the containers of a task are stopped.
    pub fn start_dependencies(&self) -> impl Iterator<Item = StartDependency> {
        // A name that leads nowhere is in nobody's `/etc/hosts`: whoever is linked to runs. Source: the ECS agent.
        let started =
            |link: &LinkSpec| StartDependency { container_name: link.container.clone(), condition: Condition::Start };
        // What is shared is there before it is joined, and until everybody has left.
        let owner = self.joins_namespaces().then(ContainerName::namespace_owner);
        let joined = owner.map(|container_name| StartDependency { container_name, condition: Condition::Start });
        self.depends_on.iter().cloned().chain(self.links.iter().map(started)).chain(joined)
    }
}
