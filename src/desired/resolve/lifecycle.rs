//! When a container is started, and when it is started again: every default filled in.

use crate::desired::{Condition, RESTART_ATTEMPT_PERIOD_DEFAULT_SECS, RestartPolicy, StartDependency};
use crate::manifest;

pub(super) fn resolve_dependency(dependency: &manifest::ContainerDependency) -> StartDependency {
    let manifest::ContainerDependency { container_name, condition } = dependency;
    let condition = match condition {
        manifest::DependencyCondition::Start => Condition::Start,
        manifest::DependencyCondition::Complete => Condition::Complete,
        manifest::DependencyCondition::Success => Condition::Success,
        manifest::DependencyCondition::Healthy => Condition::Healthy,
    };
    StartDependency { container_name: container_name.clone(), condition }
}

/// A policy that is not enabled is none.
pub(super) fn resolve_restart_policy(policy: &manifest::RestartPolicy) -> Option<RestartPolicy> {
    let manifest::RestartPolicy { enabled, ignored_exit_codes, restart_attempt_period } = policy;
    enabled.then(|| RestartPolicy {
        ignored_exit_codes: ignored_exit_codes.clone(),
        restart_attempt_period: restart_attempt_period.unwrap_or(RESTART_ATTEMPT_PERIOD_DEFAULT_SECS),
    })
}
