//! The tasks behind the containers: what the engine showed, with what is under way laid over it.
//!
//! A task is what its containers make it. Nothing here decides anything: it says in which state a task is, and how it came there.

use std::time::Duration;

use super::Wait;
use crate::desired::{ContainerSpec, TaskSpec};
use crate::observed::{ContainerId, Doing, Exit, Health, ObservedContainer, Phase};
use crate::ownership::{ContainerIdentity, Source, TaskKey};
use crate::value::{Attempt, ContainerName, Slot, Timestamp};

use super::restart;

/// A container of a task, observed or about to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContainerView<'a> {
    pub(crate) identity: &'a ContainerIdentity,
    /// `None` while the container is being created.
    pub(crate) observed: Option<&'a ObservedContainer>,
    /// What is being done with it.
    pub(crate) doing: Option<&'a Doing>,
}

impl ContainerView<'_> {
    fn phase(&self) -> Option<&Phase> {
        self.observed.map(|observed| &observed.phase)
    }

    /// Whether its process may run now, or may have begun to.
    pub(crate) fn may_run(&self) -> bool {
        matches!(self.doing, Some(Doing::Start)) || matches!(self.phase(), Some(Phase::Running { .. } | Phase::Paused))
    }

    /// Whether it is being created, or has been and waits for its first start.
    pub(crate) fn is_about_to_run(&self) -> bool {
        match self.doing {
            Some(Doing::Create(_)) => true,
            Some(Doing::Stop | Doing::Remove) => false,
            Some(Doing::Start | Doing::Pull | Doing::Other) | None => {
                matches!(self.phase(), Some(Phase::Created | Phase::CreatedOrFailed))
            }
        }
    }

    /// Whether its process has ended, or can never begin.
    fn has_ended(&self) -> bool {
        match self.phase() {
            Some(Phase::StartFailed { .. } | Phase::Exited { .. } | Phase::Removing) => true,
            Some(Phase::CreatedOrFailed | Phase::Created | Phase::Running { .. } | Phase::Paused) | None => {
                matches!(self.doing, Some(Doing::Remove))
            }
        }
    }

    /// Whether it waits for its first start.
    pub(crate) fn is_created(&self) -> bool {
        matches!(self.phase(), Some(Phase::Created)) && self.doing.is_none()
    }

    fn has_started(&self) -> bool {
        self.may_run()
            || matches!(self.phase(), Some(Phase::StartFailed { .. } | Phase::Exited { .. } | Phase::Removing))
    }
}

/// One task of a service.
#[derive(Debug, Clone)]
pub(crate) struct TaskView<'a> {
    pub(crate) key: &'a TaskKey,
    pub(crate) source: &'a Source,
    /// How many tries had failed in a row before this one.
    pub(crate) failures: u32,
    pub(crate) containers: Vec<ContainerView<'a>>,
}

/// In which state a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TaskState {
    /// Not all of its containers exist and run yet.
    Assembling,
    /// It runs, and does not count as healthy yet.
    Pending(Wait),
    /// It runs and counts as healthy.
    Healthy,
    /// It runs, and its health check says that it should not.
    Unhealthy,
    /// It has ended, or is being ended, and something of it may still run.
    Ending,
    /// Nothing of it runs any more.
    Ended,
}

impl TaskState {
    /// Whether the task holds memory and ports, or is about to.
    pub(crate) fn is_alive(&self) -> bool {
        match self {
            Self::Assembling | Self::Pending(_) | Self::Healthy | Self::Unhealthy | Self::Ending => true,
            Self::Ended => false,
        }
    }

    /// Whether the task is, or may become, a healthy one.
    pub(crate) fn is_promising(&self) -> bool {
        match self {
            Self::Assembling | Self::Pending(_) | Self::Healthy => true,
            Self::Unhealthy | Self::Ending | Self::Ended => false,
        }
    }
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// A fact is missing: these containers have to be inspected.
    Unknown(Vec<ContainerId>),
    /// No container of it tells: they are being stopped, or somebody else has removed them.
    Untold,
    /// It ran from `started_at` to `ended_at`; both are the same when it never ran.
    Known { started_at: Timestamp, ended_at: Timestamp, unhealthy: bool, reason: String },
}

impl<'a> TaskView<'a> {
    pub(crate) fn slot(&self) -> Slot {
        self.key.slot
    }

    pub(crate) fn attempt(&self) -> Attempt {
        self.key.attempt
    }

    /// Whether something of it runs, or has been told to.
    pub(crate) fn may_run(&self) -> bool {
        self.containers.iter().any(ContainerView::may_run)
    }

    /// Whether at least one of its containers is known to exist.
    pub(crate) fn exists(&self) -> bool {
        self.containers.iter().any(|container| container.observed.is_some())
    }

    /// Whether something is being done with one of its containers.
    pub(crate) fn is_busy(&self) -> bool {
        self.containers.iter().any(|container| container.doing.is_some())
    }

    pub(crate) fn observed(&self) -> impl Iterator<Item = &'a ObservedContainer> + '_ {
        self.containers.iter().filter_map(|container| container.observed)
    }

    pub(crate) fn container(&self, name: &ContainerName) -> Option<&ContainerView<'a>> {
        self.containers.iter().find(|container| container.identity.container == *name)
    }

    /// The containers that have to be inspected before anything is decided about the task.
    pub(crate) fn unknowns(&self) -> impl Iterator<Item = &'a ContainerId> + '_ {
        let unclear = self.observed().filter(|container| matches!(container.phase, Phase::CreatedOrFailed));
        unclear.map(|container| &container.id)
    }

    /// In which state the task is at `at`. `spec` is what it should consist of, where that is known.
    pub(crate) fn state(&self, spec: Option<&TaskSpec>, grace: Duration, at: Timestamp) -> TaskState {
        let running = self.may_run();
        let ending =
            self.containers.iter().any(|container| matches!(container.doing, Some(Doing::Stop | Doing::Remove)));
        let broken = self.containers.iter().any(|container| container.identity.essential && container.has_ended());
        if broken || ending || self.has_vanished(spec) {
            let busy = self.containers.iter().any(|container| container.doing.is_some());
            return if running || busy { TaskState::Ending } else { TaskState::Ended };
        }
        if self.is_incomplete() {
            return TaskState::Assembling;
        }
        self.health(grace, at)
    }

    /// Whether a container that matters is gone although the task had begun.
    fn has_vanished(&self, spec: Option<&TaskSpec>) -> bool {
        if !self.containers.iter().any(ContainerView::has_started) {
            return false;
        }
        // What it should consist of is not known of another revision, but that something of it matters is.
        let Some(spec) = spec else {
            return !self.containers.iter().any(|container| container.identity.essential);
        };
        // Counting is cheaper than comparing names: of one revision, as many containers as it has are all that it has.
        let is_whole = self.key.revision == spec.revision && self.containers.len() == spec.containers.len();
        !is_whole && spec.containers.iter().any(|wanted| wanted.essential && self.container(&wanted.name).is_none())
    }

    /// Whether a container waits for its start although the task is up: one that is not essential.
    pub(super) fn has_stragglers(&self) -> bool {
        self.containers.iter().any(ContainerView::is_created)
    }

    /// Whether a container that matters is missing or has not been started. Once the essential ones run the task serves, and its health
    /// is theirs alone.
    fn is_incomplete(&self) -> bool {
        let begun = self.containers.iter().any(ContainerView::has_started);
        let missing =
            self.containers.len() < self.containers.first().map_or(0, |first| first.identity.containers as usize);
        let waiting = self.containers.iter().filter(|container| container.identity.essential).any(|container| {
            matches!(container.doing, Some(Doing::Start | Doing::Create(_)))
                || matches!(container.phase(), Some(Phase::Created | Phase::CreatedOrFailed))
        });
        waiting || (missing && !begun)
    }

    fn health(&self, grace: Duration, at: Timestamp) -> TaskState {
        let essential = || self.observed().filter(|container| container.identity.essential);
        let says = |health| essential().any(|container| container.health == health);
        let pending = |wait: Wait| wait.until().filter(|until| at < *until).map(|_| TaskState::Pending(wait));
        if essential().any(|container| container.phase == Phase::Paused) {
            return TaskState::Unhealthy;
        }
        if says(Health::Unhealthy) {
            let started_at = essential().filter_map(started_at).max().unwrap_or(at);
            return pending(Wait::Grace { until: started_at.after(grace) }).unwrap_or(TaskState::Unhealthy);
        }
        if says(Health::Starting) {
            return TaskState::Pending(Wait::Health);
        }
        if !says(Health::None) && says(Health::Healthy) {
            return TaskState::Healthy;
        }
        // A check speaks for its own container only: one without a check has to prove itself beside a healthy one too.
        let unchecked = essential().filter(|container| container.health == Health::None);
        let started_at = unchecked.filter_map(started_at).max().unwrap_or(at);
        pending(Wait::Settle { until: started_at.after(restart::settle(self.failures)) }).unwrap_or(TaskState::Healthy)
    }

    /// When the youngest of its essential containers was started; `None` when none runs.
    pub(crate) fn started_at(&self) -> Option<Timestamp> {
        let essential = self.observed().filter(|container| container.identity.essential);
        // Of a frozen program nobody tells when it was started; it was no earlier than it was created.
        essential.filter_map(|c| if c.phase == Phase::Paused { Some(c.created_at) } else { started_at(c) }).max()
    }

    /// How long after its start it may take until a task that never is healthy has been found out and ended.
    pub(crate) fn sickness_found_after(&self, grace: Duration) -> Duration {
        let specs = self.observed().filter_map(read_spec);
        let longest = specs.map(|spec| {
            let checks = spec.health_check.as_ref().map_or(0, |check| {
                let each = check.interval.saturating_add(check.timeout);
                check.retries.max(1).saturating_mul(each).saturating_add(check.start_period)
            });
            u64::from(checks.saturating_add(spec.stop_timeout))
        });
        grace.saturating_add(Duration::from_secs(longest.max().unwrap_or(0)))
    }

    /// What makes it unhealthy, in a sentence without a full stop.
    pub(crate) fn sickness(&self) -> String {
        let said =
            self.observed().filter(|container| container.identity.essential).find_map(|c| c.health_output.as_deref());
        match said.filter(|output| !output.is_empty()) {
            Some(output) => format!("its health check fails: {output}"),
            None => "its health check fails".to_owned(),
        }
    }

    /// The container whose end ended the task.
    pub(crate) fn culprit(&self) -> Option<&'a ObservedContainer> {
        self.first_end().map(|(_, container)| container)
    }

    fn first_end(&self) -> Option<(Span, &'a ObservedContainer)> {
        self.observed()
            .filter(|container| container.identity.essential)
            .filter_map(|container| ended_at(container).map(|end| (end, container)))
            // Whoever was unhealthy is why the others were stopped, in whatever order they then ended.
            .min_by_key(|(end, container)| (!was_unhealthy(container), *end, &container.identity))
    }

    /// How the task ended.
    pub(crate) fn ending(&self) -> Ending {
        let unknown: Vec<_> =
            self.observed().filter(|container| lacks_facts(container)).map(|c| c.id.clone()).collect();
        if !unknown.is_empty() {
            return Ending::Unknown(unknown);
        }
        let Some((end, container)) = self.first_end() else { return Ending::Untold };
        let sick = self.observed().find(|container| container.identity.essential && was_unhealthy(container));
        let unhealthy = sick.is_some();
        let container = sick.unwrap_or(container);
        Ending::Known { started_at: end.started_at, ended_at: end.ended_at, unhealthy, reason: describe_end(container) }
    }
}

/// The spec that a container carries, where it can be read.
pub(super) fn read_spec(container: &ObservedContainer) -> Option<ContainerSpec> {
    serde_json::from_str(container.spec.as_deref()?).ok()
}

/// Whether a container was unhealthy when it ended. Some engines go on to say so of its health; all keep what the check said last.
fn was_unhealthy(container: &ObservedContainer) -> bool {
    match &container.phase {
        Phase::Exited { exit: Some(exit) } => exit.health_output.is_some() || container.health == Health::Unhealthy,
        Phase::Exited { exit: None }
        | Phase::CreatedOrFailed
        | Phase::Created
        | Phase::StartFailed { .. }
        | Phase::Running { .. }
        | Phase::Paused
        | Phase::Removing => container.health == Health::Unhealthy,
    }
}

fn started_at(container: &ObservedContainer) -> Option<Timestamp> {
    match container.phase {
        Phase::Running { started_at } => Some(started_at),
        Phase::CreatedOrFailed
        | Phase::Created
        | Phase::StartFailed { .. }
        | Phase::Paused
        | Phase::Exited { .. }
        | Phase::Removing => None,
    }
}

fn lacks_facts(container: &ObservedContainer) -> bool {
    matches!(container.phase, Phase::CreatedOrFailed | Phase::Exited { exit: None })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    ended_at: Timestamp,
    started_at: Timestamp,
}

fn ended_at(container: &ObservedContainer) -> Option<Span> {
    match &container.phase {
        Phase::Exited { exit: Some(exit) } => Some(Span { ended_at: exit.finished_at, started_at: exit.started_at }),
        Phase::StartFailed { at, .. } => Some(Span { ended_at: *at, started_at: *at }),
        Phase::Exited { exit: None }
        | Phase::CreatedOrFailed
        | Phase::Created
        | Phase::Running { .. }
        | Phase::Paused
        | Phase::Removing => None,
    }
}

/// How a container ended, in one sentence without a full stop.
pub(crate) fn describe_end(container: &ObservedContainer) -> String {
    let name = &container.identity.container;
    match &container.phase {
        Phase::StartFailed { message, .. } => format!("container {name} could not start: {message}"),
        Phase::Exited { exit: Some(exit) } => {
            format!("container {name} {}", describe_exit(exit, was_unhealthy(container)))
        }
        Phase::Exited { exit: None } => format!("container {name} ended"),
        Phase::CreatedOrFailed | Phase::Created => format!("container {name} was never started"),
        Phase::Running { .. } if was_unhealthy(container) => format!("container {name} is unhealthy"),
        Phase::Running { .. } => format!("container {name} runs"),
        Phase::Paused => format!("container {name} is paused"),
        Phase::Removing => format!("container {name} is being removed"),
    }
}

fn describe_exit(exit: &Exit, unhealthy: bool) -> String {
    if exit.oom_killed {
        return "was killed because it ran out of memory (exit code 137)".to_owned();
    }
    if unhealthy {
        let output = exit.health_output.as_deref().filter(|output| !output.is_empty());
        return match output {
            Some(output) => format!("was stopped because it was unhealthy: {output}"),
            None => "was stopped because it was unhealthy".to_owned(),
        };
    }
    let ran = super::duration_text(exit.finished_at.since(exit.started_at));
    match exit.code {
        137 => format!("was killed after {ran} (exit code 137)"),
        143 => format!("was terminated after {ran} (exit code 143)"),
        code => format!("exited with code {code} after {ran}"),
    }
}

#[cfg(test)]
mod tests;
