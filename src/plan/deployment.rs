//! Deployments: whether the revision that the manifests ask for has proven itself, and what is in force while it has failed.
//!
//! A deployment moves a service from one revision to another. It is in progress until every task of it has been up for a while; if
//! too many of its tasks fail before that, it has failed: the circuit breaker of ECS. The revision that the last completed deployment
//! had brought then takes its place. Everything that this needs is written on the containers: the failures on those that ended, the
//! way back on those that were made, and what there is to go back to is an ended task that is kept. A failed deployment is therefore
//! still one after a restart, of this program or of the engine, and stays one until the manifest asks for something else.

use std::collections::BTreeMap;

use super::ending::{Ending, was_unhealthy as was_unhealthy_at_end};
use super::restart::{self, Retry};
use super::view::{TaskState, TaskView};
use super::{Cause, Wait};
use crate::desired::{DesiredService, Revision, TaskSpec};
use crate::observed::Phase;
use crate::ownership::DeploymentMark;
use crate::value::{ClusterName, HookStage, ServiceName, Slot, Timestamp};

mod held;
pub(crate) mod hooks;
mod in_force;
mod way_back;

pub(crate) use held::HeldDeployment;
use hooks::HookStanding;
pub(super) use in_force::find_in_force_among;
pub(crate) use in_force::{InForce, find_in_force};
pub use way_back::{WaysBack, ways_back};

/// A slot has failed so often in a row before its deployment is given up.
const IN_A_ROW_MIN: u32 = 2;

/// The exit code of a program that was killed, and of one that was asked to end and did not say otherwise.
const SIGKILL_EXIT: i64 = 137;
const SIGTERM_EXIT: i64 = 143;

/// The services whose manifests are not in force, and why.
pub(crate) type Standings = BTreeMap<(ClusterName, ServiceName), Standing>;

/// How the deployment of a service stands, where it may not simply go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// How some of its tasks ended is not known yet, and it may have been too much: nothing new begins before that is known.
    Unclear,
    /// It was given up.
    Failed(FailedDeployment),
    /// It waits for a hook.
    Hook(HookStanding),
    /// Somebody asked for something else.
    Held(HeldDeployment),
}

/// A deployment that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedDeployment {
    /// The revision that failed: the one that the manifests ask for.
    pub(crate) revision: Revision,
    /// How many of its tasks failed.
    pub(crate) failures: u32,
    /// How the last of them failed, where that is known.
    pub(crate) reason: Option<String>,
    /// The revision that has taken its place.
    pub(crate) rolled_back_to: Option<Revision>,
    /// The stage of the hook that failed, where it was one and no task of the service.
    pub(crate) hook: Option<HookStage>,
}

/// A task of a service, judged.
#[derive(Clone, Copy)]
struct Try<'s, 'a> {
    view: &'s TaskView<'a>,
    state: &'s TaskState,
    created_at: Timestamp,
}

impl<'s, 'a> Try<'s, 'a> {
    fn revision(&self) -> Revision {
        self.view.key.revision
    }

    /// Whether something of it runs, or is to. What has ended is not alive again because it is being removed.
    fn is_alive(&self) -> bool {
        self.state.is_alive() && (*self.state != TaskState::Ending || self.view.may_run())
    }

    fn marks(&self) -> impl Iterator<Item = &'s DeploymentMark> + use<'s, 'a> {
        let containers = self.view.containers.iter();
        containers.map(|container| &container.identity.deployment)
    }

    fn is_instead_of(&self, revision: Revision) -> bool {
        self.marks().any(|mark| mark.instead_of == Some(revision))
    }

    /// Whether it has been up for so long that its end would be a first failure again.
    fn has_come_up(&self, at: Timestamp) -> bool {
        let ran = match self.state {
            TaskState::Healthy => self.view.started_at().map(|started_at| at.since(started_at)),
            TaskState::Ended | TaskState::Ending => match self.view.ending() {
                Ending::Known { started_at, ended_at, unhealthy: false, .. } => Some(ended_at.since(started_at)),
                Ending::Known { .. } | Ending::Unknown(_) | Ending::Untold => None,
            },
            TaskState::Assembling | TaskState::Pending(_) | TaskState::Unhealthy => None,
        };
        ran.is_some_and(|ran| restart::failures_after(self.view.failures, ran) == 0)
    }
}

/// What a service has tried, as far as the engine remembers it.
pub(super) struct History<'s, 'a> {
    service: &'s DesiredService,
    desired_count: u32,
    at: Timestamp,
    retry_since: Option<Timestamp>,
    /// Since when tries of the wanted revision count: since another one was tried, or the user asked for one more try.
    since: Option<Timestamp>,
    /// The last try of each wanted slot with the wanted revision, of those that count.
    tries: BTreeMap<Slot, Try<'s, 'a>>,
    /// The tasks of other revisions.
    others: Vec<Try<'s, 'a>>,
}

impl<'s, 'a> History<'s, 'a> {
    /// From all tasks of a service: each with its state, and whether it is of the revision that is wanted.
    pub(super) fn new(
        service: &'s DesiredService,
        desired_count: u32,
        (at, retry_since): (Timestamp, Option<Timestamp>),
        tasks: impl Iterator<Item = (&'s TaskView<'a>, &'s TaskState, bool)>,
    ) -> Self {
        let tasks = tasks.map(|(view, state, current)| (Try { view, state, created_at: created_at(view) }, current));
        let (current, others): (Vec<_>, Vec<_>) = tasks.partition(|(_, current)| *current);
        let others: Vec<_> = others.into_iter().map(|(one, _)| one).collect();
        let newer = others.iter().filter(|other| !other.is_instead_of(service.task.revision));
        let since = newer.map(|other| other.created_at).max().max(retry_since);
        let mut history = Self { service, desired_count, at, retry_since, since, tries: BTreeMap::new(), others };
        for (one, _) in current {
            let slot = one.view.slot();
            let is_last = history.tries.get(&slot).is_none_or(|other| other.view.attempt() < one.view.attempt());
            if is_last && slot.0 < desired_count && !history.is_past(one.view, one.state) {
                history.tries.insert(slot, one);
            }
        }
        history
    }

    /// Whether a task of the wanted revision belongs to an earlier deployment of it: it has ended, and counts for nothing now.
    pub(super) fn is_past(&self, view: &TaskView<'_>, state: &TaskState) -> bool {
        *state == TaskState::Ended && self.since.is_some_and(|since| created_at(view) < since)
    }

    fn standing(&self) -> Option<Standing> {
        let rollback = self.rollback();
        if rollback.is_none() && (self.tries.is_empty() || self.has_completed()) {
            return None;
        }
        let threshold = self.service.circuit_breaker.threshold.of(self.desired_count);
        let known = || self.tries.values().filter_map(|one| self.failures_of(one));
        let failures = known().fold(0, u32::saturating_add);
        if !trips(threshold, known()) && rollback.is_none() {
            let at_worst = |one: &Try<'s, 'a>| self.failures_of(one).unwrap_or(one.view.faults().saturating_add(1));
            return trips(threshold, self.tries.values().map(at_worst)).then_some(Standing::Unclear);
        }
        Some(Standing::Failed(FailedDeployment {
            revision: self.service.task.revision,
            failures: failures.max(threshold),
            reason: self.last_reason(),
            rolled_back_to: None,
            hook: None,
        }))
    }

    /// A task that runs because this revision has failed.
    fn rollback(&self) -> Option<&Try<'s, 'a>> {
        self.instead().find(|other| other.is_alive())
    }

    /// The tasks that were made because this revision has failed. None of this revision was made since: nobody asked for another try.
    fn instead(&self) -> impl Iterator<Item = &Try<'s, 'a>> {
        let last_try = self.tries.values().map(|one| one.created_at).max().max(self.retry_since);
        let is_newer = move |other: &&Try<'_, '_>| last_try.is_none_or(|last_try| last_try <= other.created_at);
        let instead = self.others.iter().filter(|other| other.is_instead_of(self.service.task.revision));
        instead.filter(is_newer)
    }

    /// Whether every task of the deployment has been up for a while, and nothing of another one serves any more.
    fn has_completed(&self) -> bool {
        self.have_all(|one| one.has_come_up(self.at))
    }

    /// The same as a task is made in the place of another one: of what falls sick now and ran for long, it is known that it was well.
    ///
    /// Later that would not be known: what is sick and is kept all the same also runs for long.
    pub(super) fn had_completed(&self) -> bool {
        // What is deployed anew has proven itself before: its failures are retried, and nothing takes its place.
        self.others.iter().any(|other| other.revision() == self.service.task.revision)
            || self.have_all(|one| one.has_come_up(self.at) || self.was_well_for_long(one))
    }

    fn have_all(&self, have: impl Fn(&Try<'s, 'a>) -> bool) -> bool {
        let said = self.tries.values().flat_map(Try::marks).any(|mark| mark.completed);
        let is_alone = !self.others.iter().any(Try::is_alive);
        said || is_alone && !self.tries.is_empty() && self.tries.values().all(have)
    }

    fn was_well_for_long(&self, one: &Try<'s, 'a>) -> bool {
        let grace = self.service.health_check_grace;
        let failures = match one.state {
            TaskState::Unhealthy => restart::retry_unhealthy(one.view, grace, self.at).1,
            TaskState::Ending | TaskState::Ended if was_unhealthy(one.view) => {
                match restart::retry_after(one.view, grace, self.at) {
                    Retry::At { failures, .. } => failures,
                    Retry::Unknown(_) | Retry::Later => return false,
                }
            }
            TaskState::Ending
            | TaskState::Ended
            | TaskState::Healthy
            | TaskState::Assembling
            | TaskState::Pending(_) => return false,
        };
        failures == 0
    }

    /// How many failures in a row a slot has behind it; `None` while that is not known.
    fn failures_of(&self, one: &Try<'s, 'a>) -> Option<u32> {
        if let Some(Cause::Unhealthy { .. } | Cause::RolledBack { .. }) = one.view.context.condemned {
            return Some(one.view.faults().saturating_add(1));
        }
        // A list does not tell a container that could not be started from a new one.
        if one.view.unknowns().next().is_some() {
            return None;
        }
        let grace = self.service.health_check_grace;
        match one.state {
            TaskState::Healthy if !self.service.circuit_breaker.reset_on_healthy => Some(one.view.faults()),
            // How this try ends will say more.
            TaskState::Healthy | TaskState::Assembling | TaskState::Pending(_) => Some(0),
            // It has failed, however long it was kept since.
            TaskState::Unhealthy => Some(one.view.faults().saturating_add(1)),
            TaskState::Ending | TaskState::Ended if was_ended_from_outside(one.view) => Some(0),
            TaskState::Ending | TaskState::Ended => match restart::retry_after(one.view, grace, self.at) {
                Retry::Unknown(_) => None,
                Retry::Later => Some(0),
                Retry::At { .. } if was_unhealthy(one.view) => Some(one.view.faults().saturating_add(1)),
                Retry::At { failures, .. } => Some(faults_after(one.view, failures)),
            },
        }
    }

    fn last_reason(&self) -> Option<String> {
        let ends = self.tries.values().filter_map(|one| match (one.state, one.view.ending()) {
            (TaskState::Unhealthy, _) => Some((true, one.created_at, one.view.sickness())),
            // What was well as the others failed was stopped by us, and says nothing.
            (_, Ending::Known { ended_at, unhealthy, reason, .. }) => Some((unhealthy, ended_at, reason.to_string())),
            (_, Ending::Unknown(_) | Ending::Untold) => None,
        });
        ends.max().map(|(_, _, reason)| reason)
    }

    /// The revision that the last deployment before this one had brought well: where a rollback goes.
    pub(super) fn previous(&self) -> Option<Revision> {
        // A list tells to the second when a container was created: what has ended may be of an earlier deployment of this revision.
        let second = |at: Timestamp| at.0.div_euclid(1000);
        let is_of_this_one = |one: &&Try<'_, '_>| {
            one.is_alive() || self.since.is_none_or(|since| second(since) < second(one.created_at))
        };
        if let Some(mark) = self.tries.values().filter(is_of_this_one).flat_map(Try::marks).next() {
            return mark.previous;
        }
        let rank = |other: &&Try<'_, '_>| (other.is_alive(), other.created_at, other.view.key.clone());
        let last = self.others.iter().max_by_key(rank)?;
        // A new deployment of the same revision goes back where the one before it would have.
        if last.revision() != self.service.task.revision && self.was_good(last.revision()) {
            return Some(last.revision());
        }
        let is_there = |revision: &Revision| self.others.iter().any(|other| other.revision() == *revision);
        last.marks().filter_map(|mark| mark.previous).find(is_there)
    }

    /// Whether the deployment of another revision had come to a good end.
    fn was_good(&self, revision: Revision) -> bool {
        let of_revision = || self.others.iter().filter(|other| other.revision() == revision);
        let is_alone = !self.others.iter().any(|other| other.revision() != revision && other.is_alive());
        // What we have just stopped has not told yet how long it ran.
        let is_untold = |one: &Try<'_, '_>| one.view.failures == 0 && matches!(one.view.ending(), Ending::Unknown(_));
        // A list tells the age of a young task only coarsely: what has long been healthy may look as if it had just begun.
        let is_up = |one: &Try<'_, '_>| {
            matches!(one.state, TaskState::Healthy | TaskState::Pending(Wait::Settle { .. } | Wait::Checking { .. }))
        };
        let is_well = |one: &Try<'_, '_>| is_up(one) || one.has_come_up(self.at) || is_untold(one);
        // An earlier try of a slot that failed says nothing of the one that runs there now.
        let is_last = |one: &&Try<'_, '_>| {
            !of_revision()
                .any(|other| other.view.slot() == one.view.slot() && other.view.attempt() > one.view.attempt())
        };
        let said = of_revision().flat_map(Try::marks).any(|mark| mark.completed);
        said || is_alone && of_revision().filter(is_last).all(is_well)
    }

    /// What there is to go back to from a deployment that has failed, where anything is left of it.
    fn way_back(&self) -> Option<TaskSpec> {
        if self.service.circuit_breaker.rollback { self.last_good() } else { None }
    }

    /// The revision that was deployed well before this one, where anything is left of it.
    fn last_good(&self) -> Option<TaskSpec> {
        let healthy = || self.others.iter().filter(|other| *other.state == TaskState::Healthy);
        let serving = || healthy().max_by_key(|other| other.created_at).map(Try::revision);
        // Whoever has gone back once does not change his mind while what he went back to is not well.
        let returned = || self.instead().max_by_key(|other| other.created_at).map(Try::revision);
        let rollback = self.rollback().map(Try::revision).or_else(returned);
        let mut revisions = rollback.into_iter().chain(self.previous()).chain(serving());
        // What was noted may be gone by now; what serves is there.
        revisions.find_map(|revision| self.read_revision(revision))
    }

    /// The task definition behind another revision, where anything whole is left of it.
    fn read_revision(&self, revision: Revision) -> Option<TaskSpec> {
        let mut tasks: Vec<_> = self.others.iter().filter(|other| other.revision() == revision).collect();
        tasks.sort_by_key(|one| (!one.is_alive(), std::cmp::Reverse(one.created_at), one.view.key));
        tasks.into_iter().find_map(|one| read_task(one.view))
    }
}

fn was_unhealthy(view: &TaskView<'_>) -> bool {
    matches!(view.ending(), Ending::Known { unhealthy: true, .. })
}

/// How many failures in a row of a slot count against its deployment after this try, where the backoff counts `failures`.
pub(super) fn faults_after(view: &TaskView<'_>, failures: u32) -> u32 {
    match failures {
        0 => 0,
        _ if was_ended_from_outside(view) => view.faults(),
        _ => view.faults().saturating_add(1),
    }
}

/// Whether so many failures of the slots are too many.
///
/// One failure of each slot at once is forgiven: that is how it looks when the engine restarts beneath young tasks.
fn trips(threshold: u32, failures: impl Iterator<Item = u32>) -> bool {
    let (sum, most) = failures.fold((0_u32, 0), |(sum, most), one| (sum.saturating_add(one), most.max(one)));
    sum >= threshold && most >= threshold.min(IN_A_ROW_MIN)
}

/// Whether a task ended through no fault of its own: somebody killed it or asked it to end, or something else held its port.
fn was_ended_from_outside(view: &TaskView<'_>) -> bool {
    let Some(culprit) = view.culprit().filter(|culprit| !was_unhealthy_at_end(culprit)) else { return false };
    match &culprit.phase {
        Phase::StartFailed { blameless, .. } => *blameless,
        Phase::Exited { exit: Some(exit) } => {
            exit.code == SIGTERM_EXIT || exit.code == SIGKILL_EXIT && !exit.oom_killed
        }
        Phase::Exited { exit: None }
        | Phase::CreatedOrFailed
        | Phase::Created
        | Phase::Running { .. }
        | Phase::Paused
        | Phase::Removing => false,
    }
}

/// When a task came to be.
pub(super) fn created_at(view: &TaskView<'_>) -> Timestamp {
    view.observed().map(|container| container.created_at).max().unwrap_or_default()
}

/// The task definition that a task was made from, as its containers tell it; `None` when one of them is gone or cannot be read.
fn read_task(view: &TaskView<'_>) -> Option<TaskSpec> {
    let first = view.containers.first()?.identity;
    let mut containers: Vec<_> = view.observed().collect();
    if containers.len() != first.containers as usize {
        return None;
    }
    containers.sort_by_key(|container| container.identity.position);
    let specs = containers.into_iter().map(|container| container.read_spec().cloned());
    let containers = specs.collect::<Option<_>>()?;
    Some(TaskSpec { family: first.family.clone(), revision: view.key.revision, containers })
}
