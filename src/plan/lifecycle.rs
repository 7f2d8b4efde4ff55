//! A task in ECS's words: its status, why it stopped, and what became of each of its containers. Read from what was observed.

use serde::Serialize;

use super::ending::{Ending, was_unhealthy};
use super::order::{self, Gate, Never};
use super::view::{ContainerView, TaskState, TaskView};
use super::{Cause, describe_end, duration_text};
use crate::desired::ContainerSpec;
use crate::observed::{ObservedContainer, Phase};
use crate::value::ContainerName;

/// The exit code of a container that was never started because of what it depends on. Source: ECS agent; 143 is the end by SIGTERM.
pub const NEVER_STARTED_EXIT_CODE: i64 = 143;

/// Where a task is in its life (ECS `lastStatus`). It only moves forward.
///
/// ECS's ACTIVATING and DEACTIVATING, the time of registering with a load balancer, do not occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LastStatus {
    /// Nothing of it exists yet.
    Provisioning,
    /// Its containers are being made, or one of them has not come to rest: it starts, or waits for another, or others wait for its end.
    Pending,
    /// Every container runs, or is not essential and has ended.
    Running,
    /// Something of it runs and is to end.
    Stopping,
    /// Nothing of it runs, and what was never started is being removed.
    Deprovisioning,
    /// Nothing of it runs any more.
    Stopped,
}

impl LastStatus {
    /// As ECS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// What kind of reason a task stopped for (ECS `stopCode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum StopCode {
    /// An essential container could not be started.
    TaskFailedToStart,
    /// An essential container ended by itself.
    EssentialContainerExited,
    /// A person asked for it.
    UserInitiated,
    /// The service has no use for it any more: it is unhealthy, outdated or one too many.
    ServiceSchedulerInitiated,
}

impl StopCode {
    /// As ECS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TaskFailedToStart => "TaskFailedToStart",
            Self::EssentialContainerExited => "EssentialContainerExited",
            Self::UserInitiated => "UserInitiated",
            Self::ServiceSchedulerInitiated => "ServiceSchedulerInitiated",
        }
    }
}

/// Why a task stopped, in ECS's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stop {
    /// What kind of reason.
    pub stop_code: StopCode,
    /// The reason.
    pub stopped_reason: String,
}

/// What became of a container of a task that has stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerEnd {
    /// Its name in the task definition.
    pub name: ContainerName,
    /// The exit code; [`NEVER_STARTED_EXIT_CODE`] when it waited in vain, `None` when it could not be started or nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// What went wrong with it, as ECS writes it: `Type: text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where a task is in its life. `state` is [its own](TaskView::state).
pub(crate) fn last_status(task: &TaskView<'_>, state: &TaskState) -> LastStatus {
    match state {
        TaskState::Ended if task.has_unstarted() => LastStatus::Deprovisioning,
        TaskState::Ended => LastStatus::Stopped,
        TaskState::Ending if task.may_run() => LastStatus::Stopping,
        TaskState::Ending => LastStatus::Deprovisioning,
        TaskState::Assembling if !task.exists() => LastStatus::Provisioning,
        // A container that is started again in place leaves the task running.
        TaskState::Assembling if task.is_restarting() => LastStatus::Running,
        TaskState::Assembling => LastStatus::Pending,
        TaskState::Pending(_) | TaskState::Healthy | TaskState::Unhealthy if is_waiting(task) => LastStatus::Pending,
        TaskState::Pending(_) | TaskState::Healthy | TaskState::Unhealthy => LastStatus::Running,
    }
}

/// Whether a container of a task has yet to be started, and may still be.
fn is_waiting(task: &TaskView<'_>) -> bool {
    let mut unstarted = task.containers.iter().filter(|container| container.is_unstarted());
    unstarted.any(|container| !matches!(order::gate(task, container), Gate::Never(_)))
}

/// Why a task stopped, as far as what is left of it tells.
pub(crate) fn stop(task: &TaskView<'_>) -> Option<Stop> {
    let told = task.context.condemned.and_then(|cause| stop_for(cause, task));
    told.or_else(|| {
        let failed = |reason| Stop { stop_code: StopCode::TaskFailedToStart, stopped_reason: reason };
        if let Some(never) = task.obstacle() {
            return Some(failed(cannot_start(&never.to_string())));
        }
        let Ending::Known { unhealthy, .. } = task.ending() else { return None };
        let culprit = task.culprit()?;
        Some(match &culprit.phase {
            Phase::StartFailed { message, .. } => failed(cannot_start(message)),
            Phase::Exited { .. } | Phase::Running { .. } if unhealthy || was_unhealthy(culprit) => unhealthy_stop(),
            Phase::Exited { .. }
            | Phase::CreatedOrFailed
            | Phase::Created
            | Phase::Running { .. }
            | Phase::Paused
            | Phase::Removing => Stop {
                stop_code: StopCode::EssentialContainerExited,
                stopped_reason: "Essential container in task exited".to_owned(),
            },
        })
    })
}

fn unhealthy_stop() -> Stop {
    Stop {
        stop_code: StopCode::ServiceSchedulerInitiated,
        stopped_reason: "Task failed container health checks".to_owned(),
    }
}

/// Why a task stopped that we told to end; `None` where its own end says more.
fn stop_for(cause: &Cause, task: &TaskView<'_>) -> Option<Stop> {
    match cause {
        Cause::Unhealthy { .. } => Some(unhealthy_stop()),
        Cause::Outdated { .. }
        | Cause::Redeployed
        | Cause::Adopted
        | Cause::Surplus
        | Cause::Removed
        | Cause::Superseded => {
            let family = task.containers.first().map_or("", |first| first.identity.family.as_str());
            let deployment = format!("{family}@{}", task.key.revision.short());
            let stopped_reason = format!("Scaling activity initiated by (deployment {deployment})");
            Some(Stop { stop_code: StopCode::ServiceSchedulerInitiated, stopped_reason })
        }
        Cause::Stopped => {
            Some(Stop { stop_code: StopCode::UserInitiated, stopped_reason: "Task stopped by user".to_owned() })
        }
        Cause::TimedOut { after } => {
            let stopped_reason = format!("Task ran for longer than {}", duration_text(*after));
            Some(Stop { stop_code: StopCode::ServiceSchedulerInitiated, stopped_reason })
        }
        Cause::New
        | Cause::Hook { .. }
        | Cause::Died { .. }
        | Cause::Restarted { .. }
        | Cause::RolledBack { .. }
        | Cause::InterventionOver
        | Cause::TaskEnded
        | Cause::FailedToStart { .. }
        | Cause::Duplicate
        | Cause::Wanted => None,
    }
}

fn cannot_start(text: &str) -> String {
    format!("CannotStartContainerError: {text}")
}

/// What became of each container of a task that has stopped, in the order of its definition where that is known.
pub(crate) fn container_ends(task: &TaskView<'_>) -> Vec<ContainerEnd> {
    let never = |name: &ContainerName, gate: Gate<'_>| match gate {
        Gate::Never(never) => never_started(name, &never),
        Gate::Open | Gate::Waits { .. } | Gate::Unclear(_) => {
            ContainerEnd { name: name.clone(), exit_code: None, reason: None }
        }
    };
    let Some(spec) = task.context.spec else {
        return task.observed().map(end_of).collect();
    };
    let ends = spec.containers.iter().map(|spec| match task.container(&spec.name) {
        Some(container) if container.is_unstarted() => never(&spec.name, order::gate(task, container)),
        Some(container) => match container.observed {
            Some(observed) => end_of(observed),
            None => ContainerEnd { name: spec.name.clone(), exit_code: None, reason: None },
        },
        None => never(&spec.name, order::gate_of(task, spec)),
    });
    ends.collect()
}

/// Why a container that has not been started never will be, where that is so.
pub(crate) fn why_never_started(task: &TaskView<'_>, spec: &ContainerSpec) -> Option<String> {
    if !task.container(&spec.name).is_none_or(ContainerView::is_unstarted) {
        return None;
    }
    match order::gate_of(task, spec) {
        Gate::Never(never) => Some(never.to_string()),
        Gate::Open | Gate::Waits { .. } | Gate::Unclear(_) => None,
    }
}

fn never_started(name: &ContainerName, never: &Never<'_>) -> ContainerEnd {
    let reason = Some(cannot_start(&never.to_string()));
    ContainerEnd { name: name.clone(), exit_code: Some(NEVER_STARTED_EXIT_CODE), reason }
}

fn end_of(container: &ObservedContainer) -> ContainerEnd {
    let exit = container.phase.exit();
    let reason = match &container.phase {
        Phase::StartFailed { message, .. } => Some(cannot_start(message)),
        Phase::Exited { exit: Some(exit) } if exit.oom_killed => {
            Some("OutOfMemoryError: Container killed due to memory usage".to_owned())
        }
        Phase::Exited { .. } if was_unhealthy(container) => Some(describe_end(container)),
        Phase::Exited { .. }
        | Phase::CreatedOrFailed
        | Phase::Created
        | Phase::Running { .. }
        | Phase::Paused
        | Phase::Removing => None,
    };
    ContainerEnd { name: container.identity.container.clone(), exit_code: exit.map(|exit| exit.code), reason }
}

#[cfg(test)]
mod tests;
