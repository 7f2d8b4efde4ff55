//! The tasks behind the containers: what the engine showed, with what is under way laid over it.
//!
//! A task is what its containers make it. Nothing here decides anything: it says in which state a task is.

use std::time::Duration;

use super::{Cause, Wait};
use crate::desired::{Patience, TaskSpec};
use crate::observed::{ContainerId, Doing, Health, ObservedContainer, ObservedState, Phase};
use crate::ownership::{ContainerIdentity, Source, TaskKey};
use crate::value::{Attempt, ContainerName, Slot, Timestamp};

use super::order::{self, Gate, Succession};
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
    pub(super) fn has_ended(&self) -> bool {
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

    /// Whether it exists and has never been started, whatever is being done with it.
    pub(super) fn is_unstarted(&self) -> bool {
        matches!(self.phase(), Some(Phase::Created)) && !self.may_run()
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
    pub(crate) context: Context<'a>,
}

/// What is known of a task beyond its containers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Context<'a> {
    /// When it is looked at.
    pub(crate) at: Timestamp,
    /// What it should consist of, where that is known: of the revision that is wanted.
    pub(crate) spec: Option<&'a TaskSpec>,
    /// Whether its containers may be started again in place: only those of a task that is wanted.
    pub(crate) in_place: bool,
    /// Why it was told to end, if it was.
    pub(crate) condemned: Option<&'a Cause>,
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

impl<'a> TaskView<'a> {
    /// The same task, seen with what is known beyond its containers: what it should consist of, and whether it is wanted.
    pub(crate) fn within(mut self, spec: Option<&'a TaskSpec>, wanted: bool, observed: &'a ObservedState) -> Self {
        let (in_place, condemned) = (spec.is_some() && wanted, self.sentence(observed));
        self.context = Context { at: observed.at, spec, in_place, condemned };
        self
    }

    /// Why it was told to end, once that has had an effect: a stop that failed may be thought better of. That somebody ended it says
    /// more than that the rest had to follow.
    fn sentence(&self, observed: &'a ObservedState) -> Option<&'a Cause> {
        if observed.condemned.is_empty() {
            return None;
        }
        let gone = self.containers.iter().filter(|one| one.has_ended() || matches!(one.doing, Some(Doing::Stop)));
        let causes = gone.filter_map(|container| observed.condemned.get(&container.observed?.id));
        causes.min_by_key(|cause| **cause == Cause::TaskEnded)
    }

    pub(crate) fn slot(&self) -> Slot {
        self.key.slot
    }

    pub(crate) fn attempt(&self) -> Attempt {
        self.key.attempt
    }

    /// Whether its service was a daemon when it was made.
    pub(super) fn is_of_daemon(&self) -> bool {
        self.containers.first().is_some_and(|first| !first.identity.scheduling.is_replica())
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

    /// How many failures in a row of its slot, before it, count against its deployment.
    pub(crate) fn faults(&self) -> u32 {
        self.containers.first().map_or(0, |first| first.identity.deployment.failures)
    }

    /// The containers that have to be inspected before anything is decided about the task.
    pub(crate) fn unknowns(&self) -> impl Iterator<Item = &'a ContainerId> + '_ {
        let unclear = self.observed().filter(|container| matches!(container.phase, Phase::CreatedOrFailed));
        unclear.map(|container| &container.id)
    }

    /// In which state the task is.
    ///
    /// It only moves forward: once an essential container has ended for good, or the task was told to end, nothing brings it back.
    pub(crate) fn state(&self, patience: Patience, at: Timestamp) -> TaskState {
        let ending =
            self.containers.iter().any(|container| matches!(container.doing, Some(Doing::Stop | Doing::Remove)));
        let condemned = self.context.condemned.is_some();
        if condemned || ending || self.has_vanished() || self.containers.iter().any(|one| self.is_lost(one)) {
            return if self.may_run() || self.is_busy() { TaskState::Ending } else { TaskState::Ended };
        }
        if self.is_frozen() {
            return TaskState::Unhealthy;
        }
        if self.is_incomplete() {
            return self.early_sickness(patience.grace, at).unwrap_or(TaskState::Assembling);
        }
        self.health(patience, at)
    }

    /// Whether a container that matters has ended for good, or can never start.
    fn is_lost(&self, container: &ContainerView<'a>) -> bool {
        if !container.identity.essential {
            return false;
        }
        if container.has_ended() {
            return match order::succession(self, container) {
                Succession::Ends => true,
                Succession::Restarts | Succession::Unclear(_) => false,
            };
        }
        container.is_unstarted() && matches!(order::gate(self, container), Gate::Never(_))
    }

    /// Whether a container that matters is gone although the task had begun.
    fn has_vanished(&self) -> bool {
        if !self.has_begun() {
            return false;
        }
        // What it should consist of is not known of another revision, but that something of it matters is.
        let Some(spec) = self.context.spec else {
            return !self.containers.iter().any(|container| container.identity.essential);
        };
        // Counting is cheaper than comparing names: of one revision, as many containers as it has are all that it has.
        let is_whole = self.key.revision == spec.revision && self.containers.len() == spec.containers.len();
        !is_whole && spec.containers.iter().any(|wanted| wanted.essential && self.container(&wanted.name).is_none())
    }

    /// Whether an essential container of it has ended and is about to be started again in place.
    pub(super) fn is_restarting(&self) -> bool {
        self.containers.iter().any(|one| one.identity.essential && one.has_ended())
    }

    /// Whether one of its containers has never been started, or nobody knows whether.
    pub(super) fn has_unstarted(&self) -> bool {
        self.observed().any(|container| matches!(container.phase, Phase::Created | Phase::CreatedOrFailed))
    }

    /// Whether one of its containers has been started, or told to.
    pub(crate) fn has_begun(&self) -> bool {
        self.containers.iter().any(ContainerView::has_started)
    }

    /// Whether a container waits for its start, or for its start again, although the task is up.
    pub(super) fn has_stragglers(&self) -> bool {
        let waits = |container: &ContainerView<'a>| match order::succession(self, container) {
            Succession::Ends => container.is_created(),
            Succession::Restarts | Succession::Unclear(_) => true,
        };
        self.containers.iter().any(waits)
    }

    /// Whether a container that matters is missing or has not been started. Once the essential ones run the task serves, and its health
    /// is theirs alone.
    fn is_incomplete(&self) -> bool {
        let missing =
            self.containers.len() < self.containers.first().map_or(0, |first| first.identity.containers as usize);
        let waiting = self.containers.iter().filter(|container| container.identity.essential).any(|container| {
            matches!(container.doing, Some(Doing::Start | Doing::Create(_)))
                || matches!(container.phase(), Some(Phase::Created | Phase::CreatedOrFailed))
                // What has ended and does not end the task is about to be started again.
                || container.has_ended()
        });
        waiting || (missing && !self.has_begun())
    }

    /// Whether somebody froze a container that matters: it serves nobody, and what waits for it to be healthy waits for ever.
    fn is_frozen(&self) -> bool {
        self.observed().any(|container| container.identity.essential && container.phase == Phase::Paused)
    }

    /// What a health check says of a task that is not complete yet: others may wait for it to be healthy, and it never will be.
    fn early_sickness(&self, grace: Duration, at: Timestamp) -> Option<TaskState> {
        let sick =
            |container: &&ObservedContainer| container.identity.essential && container.health == Health::Unhealthy;
        let until = self.observed().filter(sick).filter_map(started_at).max()?.after(grace);
        Some(if at < until { TaskState::Pending(Wait::Grace { until }) } else { TaskState::Unhealthy })
    }

    fn health(&self, patience: Patience, at: Timestamp) -> TaskState {
        let essential = || self.observed().filter(|container| container.identity.essential);
        let says = |health| essential().any(|container| container.health == health);
        let pending = |wait: Wait| wait.until().filter(|until| at < *until).map(|_| TaskState::Pending(wait));
        if says(Health::Unhealthy) {
            let started_at = essential().filter_map(started_at).max().unwrap_or(at);
            return pending(Wait::Grace { until: started_at.after(patience.grace) }).unwrap_or(TaskState::Unhealthy);
        }
        if says(Health::Starting) {
            return TaskState::Pending(Wait::Health);
        }
        if let Some(wait) = self.open_question() {
            return TaskState::Pending(wait);
        }
        // A check speaks for its own container only: one without a check has to prove itself beside a healthy one too.
        let unchecked = essential().filter(|container| container.health == Health::None).filter_map(started_at).max();
        let is_vouched_for = unchecked.is_none() && says(Health::Healthy);
        let settled = (!is_vouched_for).then(|| unchecked.unwrap_or(at).after(restart::settle(self.failures)));
        let ready = essential().filter_map(started_at).max().map(|started_at| started_at.after(patience.min_ready));
        let until = settled.max(ready).unwrap_or(at);
        pending(Wait::Settle { until }).unwrap_or(TaskState::Healthy)
    }

    /// What of our own checks stands between the task and its place among the healthy ones.
    fn open_question(&self) -> Option<Wait> {
        let essential = || self.observed().filter(|container| container.identity.essential);
        if let Some(one) = essential().find(|container| container.health == Health::Unknown) {
            return Some(Wait::Checking { said: one.health_output.clone() });
        }
        // Until it is known that it is not ready it may have been so for long.
        if let Some(one) = essential().find(|container| container.readiness == Health::Unknown) {
            return Some(Wait::Checking { said: one.readiness_output.clone() });
        }
        let unready =
            |container: &&ObservedContainer| matches!(container.readiness, Health::Starting | Health::Unhealthy);
        essential().find(unready).map(|one| Wait::Readiness { said: one.readiness_output.clone() })
    }

    /// When the youngest of its essential containers was started; `None` when none runs.
    pub(crate) fn started_at(&self) -> Option<Timestamp> {
        let essential = self.observed().filter(|container| container.identity.essential);
        // Of a frozen program nobody tells when it was started; it was no earlier than it was created.
        essential.filter_map(|c| if c.phase == Phase::Paused { Some(c.created_at) } else { started_at(c) }).max()
    }

    /// How long after its start it may take until a task that never is healthy has been found out and ended.
    pub(crate) fn sickness_found_after(&self, grace: Duration) -> Duration {
        let specs = self.observed().filter_map(ObservedContainer::read_spec);
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
}

/// The tasks of a service, which are in order, each with whether it is the last try of its slot: only that one may be taken up again.
pub(crate) fn with_last_tries<'a>(tasks: Vec<TaskView<'a>>) -> impl Iterator<Item = (TaskView<'a>, bool)> {
    let mut tasks = tasks.into_iter().peekable();
    std::iter::from_fn(move || {
        let view = tasks.next()?;
        let goes_on = |next: &TaskView<'a>| next.slot() == view.slot() && next.key.revision == view.key.revision;
        let is_last = !tasks.peek().is_some_and(goes_on);
        Some((view, is_last))
    })
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

#[cfg(test)]
mod tests;
