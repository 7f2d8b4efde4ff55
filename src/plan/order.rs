//! The order within a task: what a container waits for before it is started, who is started again in place, and who has to have ended
//! before a container is stopped. Judged from what was observed alone.
//!
//! The rules are ECS's: a dependency counts at the start only and is not watched afterwards, and the order of stopping is the order of
//! starting read backwards, whatever the condition.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::ending::{describe_end, was_unhealthy};
use super::view::{ContainerView, TaskView};
use crate::desired::{Condition, ContainerSpec, RestartPolicy, StartDependency};
use crate::observed::{ContainerId, Exit, Health, ObservedContainer, Phase};
use crate::value::{ContainerName, Timestamp};

/// So long a chain of containers that are gone is followed: longer than any that ECS takes.
const MISSING_DEPTH_MAX: usize = 100;

/// The fields of a spec that make an order.
const ORDER_FIELDS: &[&str] = &["\"dependsOn\"", "\"links\"", "\"networkMode\"", "\"pidMode\"", "\"ipcMode\""];

/// Whether a container may be started.
#[derive(Debug, Clone)]
pub(crate) enum Gate<'a> {
    /// Everything that it waits for has come about.
    Open,
    /// Something has not come about yet. `until` is when the first thing that it waits for is given up, if anything ever is.
    Waits { dependency: StartDependency, until: Option<Timestamp> },
    /// Something will never come about: it is never started.
    Never(Never<'a>),
    /// This container has to be inspected to know.
    Unclear(&'a ContainerId),
}

/// Why a container can never be started.
#[derive(Debug, Clone)]
pub(crate) struct Never<'a> {
    waiting: ContainerName,
    dependency: StartDependency,
    because: Because<'a>,
}

/// What became of a dependency, so that it can never be met.
#[derive(Debug, Clone)]
pub(crate) enum Because<'a> {
    /// It could not be started, or did not end as it should have.
    Ended(&'a ObservedContainer),
    /// Its `startTimeout` ran out first.
    TimedOut(&'a ObservedContainer, Duration),
    /// Somebody removed it.
    Gone,
    /// It can itself never be started.
    Blocked(Box<Never<'a>>),
}

impl<'a> Never<'a> {
    /// The container at the beginning of the chain, if it is still there.
    pub(crate) fn root(&self) -> Option<&'a ObservedContainer> {
        match self.because() {
            Because::Ended(container) | Because::TimedOut(container, _) => Some(container),
            Because::Gone | Because::Blocked(_) => None,
        }
    }

    /// What is at the beginning of the chain.
    pub(crate) fn because(&self) -> &Because<'a> {
        match &self.because {
            Because::Blocked(never) => never.because(),
            Because::Ended(_) | Because::TimedOut(..) | Because::Gone => &self.because,
        }
    }
}

impl fmt::Display for Never<'_> {
    /// `container web was never started: it waits for init to succeed, and container init exited with code 1 after 2.0s`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waiting, dependency: StartDependency { container_name, condition }, because } = self;
        write!(
            f,
            "container {waiting} was never started: it waits for {container_name} {}, and ",
            condition.in_words()
        )?;
        match because {
            Because::Ended(container) => f.write_str(&describe_end(container)),
            Because::TimedOut(_, timeout) => {
                write!(f, "the startTimeout of {container_name}, {}, ran out first", super::duration_text(*timeout))
            }
            Because::Gone => write!(f, "container {container_name} was removed by somebody else"),
            Because::Blocked(never) => never.fmt(f),
        }
    }
}

/// Whether `container`, which has never been started, may be.
pub(crate) fn gate<'a>(task: &TaskView<'a>, container: &ContainerView<'a>) -> Gate<'a> {
    match spec_of(task, container, ORDER_FIELDS) {
        Some(spec) => gate_at(task, spec, 0),
        None => Gate::Open,
    }
}

/// The same by the spec of a container that may not exist any more.
pub(crate) fn gate_of<'a>(task: &TaskView<'a>, spec: &ContainerSpec) -> Gate<'a> {
    gate_at(task, spec, 0)
}

/// The spec of a container: the wanted one where the task is of the wanted revision, or else the one that it carries.
///
/// A task of one container has no order, and a label without one of `fields` tells nothing about it: neither is read.
fn spec_of<'a>(task: &TaskView<'a>, container: &ContainerView<'a>, fields: &[&str]) -> Option<&'a ContainerSpec> {
    if let Some(spec) = task.context.spec {
        let spec = spec.containers.iter().find(|spec| spec.name == container.identity.container);
        return spec.map(|spec| &**spec);
    }
    if container.identity.containers < 2 {
        return None;
    }
    container.observed?.read_spec_with(fields).map(|spec| &**spec)
}

fn gate_at<'a>(task: &TaskView<'a>, spec: &ContainerSpec, depth: usize) -> Gate<'a> {
    let (mut unclear, mut waits, mut earliest) = (None, None, None::<Timestamp>);
    for dependency in spec.start_dependencies() {
        let never =
            |because| Gate::Never(Never { waiting: spec.name.clone(), dependency: dependency.clone(), because });
        match stand(task, &dependency, depth) {
            Stand::Met => {}
            Stand::Never(because) => return never(because),
            Stand::Unclear(id) => unclear = unclear.or(Some(id)),
            Stand::Waits { until } => {
                earliest = earliest.into_iter().chain(until).min();
                waits = waits.or(Some(dependency));
            }
        }
    }
    match (unclear, waits) {
        (Some(id), _) => Gate::Unclear(id),
        (None, Some(dependency)) => Gate::Waits { dependency, until: earliest },
        (None, None) => Gate::Open,
    }
}

/// How one dependency stands.
enum Stand<'a> {
    Met,
    Waits { until: Option<Timestamp> },
    Never(Because<'a>),
    Unclear(&'a ContainerId),
}

fn stand<'a>(task: &TaskView<'a>, dependency: &StartDependency, depth: usize) -> Stand<'a> {
    let waits = Stand::Waits { until: None };
    let condition = dependency.condition;
    let Some(container) = task.container(&dependency.container_name) else {
        return stand_of_missing(task, &dependency.container_name, depth);
    };
    let Some(observed) = container.observed else { return waits };
    match &observed.phase {
        Phase::CreatedOrFailed => Stand::Unclear(&observed.id),
        // A ring, which only a label of another release can hold, waits for ever.
        Phase::Created if depth >= task.containers.len() => waits,
        Phase::Created => {
            let gate = spec_of(task, container, ORDER_FIELDS).map(|spec| gate_at(task, spec, depth + 1));
            match gate {
                Some(Gate::Never(never)) => Stand::Never(Because::Blocked(Box::new(never))),
                Some(Gate::Open | Gate::Waits { .. } | Gate::Unclear(_)) | None => waits,
            }
        }
        Phase::StartFailed { .. } | Phase::Removing => Stand::Never(Because::Ended(observed)),
        Phase::Paused if condition == Condition::Start => Stand::Met,
        Phase::Paused => waits,
        Phase::Running { started_at } => stand_of_running(task, container, observed, (*started_at, condition)),
        Phase::Exited { exit } => match succession(task, container) {
            _ if condition == Condition::Start => Stand::Met,
            Succession::Restarts => waits,
            Succession::Unclear(id) => Stand::Unclear(id),
            Succession::Ends => stand_of_ended(task, container, observed, (exit.as_ref(), condition)),
        },
    }
}

/// All containers of a task exist before the first is started: what is missing later was removed, by somebody, or by us because it
/// could never be started.
fn stand_of_missing<'a>(task: &TaskView<'a>, name: &ContainerName, depth: usize) -> Stand<'a> {
    if !task.has_begun() {
        return Stand::Waits { until: None };
    }
    let spec = task.context.spec.filter(|_| depth < MISSING_DEPTH_MAX);
    let spec = spec.and_then(|spec| spec.containers.iter().find(|spec| spec.name == *name));
    match spec.map(|spec| gate_at(task, spec, depth + 1)) {
        Some(Gate::Never(never)) => Stand::Never(Because::Blocked(Box::new(never))),
        Some(Gate::Open | Gate::Waits { .. } | Gate::Unclear(_)) | None => Stand::Never(Because::Gone),
    }
}

fn stand_of_running<'a>(
    task: &TaskView<'a>,
    container: &ContainerView<'a>,
    observed: &'a ObservedContainer,
    (started_at, condition): (Timestamp, Condition),
) -> Stand<'a> {
    match condition {
        Condition::Start => return Stand::Met,
        Condition::Healthy if observed.health == Health::Healthy => return Stand::Met,
        Condition::Healthy | Condition::Complete | Condition::Success => {}
    }
    match start_timeout(task, container) {
        None => Stand::Waits { until: None },
        Some(timeout) if started_at.after(timeout) <= task.context.at => {
            Stand::Never(Because::TimedOut(observed, timeout))
        }
        Some(timeout) => Stand::Waits { until: Some(started_at.after(timeout)) },
    }
}

/// An end that came too late is none: whoever waited has been given up by then, and stays so.
fn stand_of_ended<'a>(
    task: &TaskView<'a>,
    container: &ContainerView<'a>,
    observed: &'a ObservedContainer,
    (exit, condition): (Option<&Exit>, Condition),
) -> Stand<'a> {
    let Some(exit) = exit else { return Stand::Unclear(&observed.id) };
    let ran = exit.finished_at.since(exit.started_at);
    if let Some(timeout) = start_timeout(task, container).filter(|timeout| *timeout <= ran) {
        return Stand::Never(Because::TimedOut(observed, timeout));
    }
    match condition {
        Condition::Start | Condition::Complete => Stand::Met,
        Condition::Success if exit.code == 0 => Stand::Met,
        Condition::Success | Condition::Healthy => Stand::Never(Because::Ended(observed)),
    }
}

/// For how long after its start others wait for a container.
fn start_timeout(task: &TaskView<'_>, container: &ContainerView<'_>) -> Option<Duration> {
    let timeout_secs = spec_of(task, container, &["startTimeout"])?.start_timeout?;
    Some(Duration::from_secs(timeout_secs.into()))
}

/// What follows when a container has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Succession<'a> {
    /// Nothing: it stays ended, or it has not ended at all.
    Ends,
    /// It is started again in place.
    Restarts,
    /// It has to be inspected to know.
    Unclear(&'a ContainerId),
}

/// Whether a container that has ended is started again in place: ECS's checks, in its order.
///
/// Only in a task that is wanted, and not after we stopped it: of a container that was unhealthy as it ended, that is most likely so.
pub(crate) fn succession<'a>(task: &TaskView<'a>, container: &ContainerView<'a>) -> Succession<'a> {
    let Some(observed) = container.observed else { return Succession::Ends };
    let Phase::Exited { exit } = &observed.phase else { return Succession::Ends };
    if !task.context.in_place || task.context.condemned.is_some() {
        return Succession::Ends;
    }
    let spec =
        task.context.spec.and_then(|spec| spec.containers.iter().find(|spec| spec.name == observed.identity.container));
    let Some(policy) = spec.and_then(|spec| spec.restart_policy.as_ref()) else { return Succession::Ends };
    match exit {
        _ if was_unhealthy(observed) => Succession::Ends,
        None => Succession::Unclear(&observed.id),
        Some(exit) if allows_restart(policy, exit) => Succession::Restarts,
        Some(_) => Succession::Ends,
    }
}

/// Whether a policy has a container started again that ended like this.
pub(crate) fn allows_restart(policy: &RestartPolicy, exit: &Exit) -> bool {
    let is_ignored = policy.ignored_exit_codes.iter().any(|code| i64::from(*code) == exit.code);
    let period = Duration::from_secs(policy.restart_attempt_period.into());
    // With an error the engine says that it could not start the program again.
    !is_ignored && exit.error.is_empty() && exit.finished_at.since(exit.started_at) >= period
}

/// The containers of a task that may not be stopped yet: somebody who depends on them still runs.
pub(crate) fn find_supporting(task: &TaskView<'_>) -> BTreeSet<ContainerName> {
    let running = || task.containers.iter().filter(|container| container.may_run());
    let mut supporting = BTreeSet::new();
    if running().nth(1).is_none() {
        return supporting;
    }
    for container in running() {
        let spec = spec_of(task, container, ORDER_FIELDS);
        let names = spec.iter().flat_map(|spec| spec.start_dependencies()).map(|on| on.container_name);
        supporting.extend(names);
    }
    // In a ring everybody would wait for everybody.
    if running().all(|container| supporting.contains(&container.identity.container)) {
        supporting.clear();
    }
    supporting
}

#[cfg(test)]
mod tests;
