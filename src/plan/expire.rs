//! What becomes of tasks that no manifest declares. Nobody wants them twice and nobody takes them back: one that has ended stays for a
//! while, so that its log can be read, and then goes.

use std::cmp::Reverse;
use std::time::Duration;

use super::Cause;
use super::ending::Ending;
use super::view::{TaskState, TaskView};
use super::world::World;
use crate::desired::Patience;
use crate::observed::Phase;
use crate::value::Timestamp;

/// How long a task that has ended stays. Source: the ECS agent, `ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION`.
pub const ENDED_KEPT: Duration = Duration::from_hours(3);

/// How many tasks that have ended stay at most: a script that runs one every few seconds must not fill the disk in three hours.
pub const ENDED_MAX: usize = 100;

/// Ends what is left of tasks whose essential container has ended, and removes those that ended long ago.
pub(super) fn expire<'a>(world: &mut World<'a>, tasks: &[TaskView<'a>]) {
    let at = world.observed.at;
    let mut ended = Vec::new();
    for task in tasks {
        match task.state(Patience::default(), at) {
            // Whoever looked after it may be gone; two that stop it do no harm.
            TaskState::Ending => world.end_task(task, &Cause::TaskEnded),
            TaskState::Ended => ended.push(task),
            TaskState::Assembling if !task.may_run() && is_over(world, task, at) => {
                world.end_task(task, &Cause::Removed);
            }
            TaskState::Assembling | TaskState::Pending(_) | TaskState::Healthy | TaskState::Unhealthy => {}
        }
    }
    ended.sort_by_key(|task| (Reverse(created_at(task)), task.key));
    for (rank, task) in ended.into_iter().enumerate() {
        if rank >= ENDED_MAX || is_over(world, task, at) {
            world.remove_task(task, &Cause::Removed);
        }
    }
}

/// Whether the last that happened to a task that does not run was long ago. What has to be known for that is asked for.
fn is_over(world: &mut World<'_>, task: &TaskView<'_>, at: Timestamp) -> bool {
    let is_old = |then: Timestamp| at.since(then) > ENDED_KEPT;
    if !created_at(task).is_some_and(is_old) {
        return false;
    }
    if let Ending::Unknown(containers) = task.ending() {
        world.plan.unknowns.extend(containers);
        return false;
    }
    task.observed().all(|container| container.phase.exit().is_none_or(|exit| is_old(exit.finished_at)))
}

/// When its youngest container was created.
fn created_at(task: &TaskView<'_>) -> Option<Timestamp> {
    task.observed().map(|container| container.created_at).max()
}

/// Whether a list shows something that `expire` may have to see to. It may be wrong in saying yes.
pub fn may_have_expired<'a>(
    containers: impl IntoIterator<Item = &'a crate::observed::ObservedContainer>,
    at: Timestamp,
) -> bool {
    let idle = containers.into_iter().filter(|container| {
        container.identity.source.is_standalone() && !matches!(container.phase, Phase::Running { .. } | Phase::Paused)
    });
    let mut tasks = std::collections::BTreeSet::new();
    for container in idle {
        if at.since(container.created_at) > ENDED_KEPT {
            return true;
        }
        tasks.insert(&container.identity.task);
    }
    tasks.len() > ENDED_MAX
}
