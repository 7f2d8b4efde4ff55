//! The logs of tasks: whose are read, and how they are followed from one task to its successor.
//!
//! ```text
//! follow   which containers are to be read now, from what was observed (pure)
//! seen     which entries of a log are known when it is read again      (pure)
//! read     asks the engine, and hands out what the two decide
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::observed::{ContainerId, ObservedContainer, Phase};
use crate::ownership::TaskKey;
use crate::value::{ClusterName, ContainerName, ServiceName, Slot};

pub mod follow;
pub mod read;
pub mod seen;

/// Whose logs are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The tasks.
    pub tasks: Tasks,
    /// Only the container of this name.
    pub container: Option<ContainerName>,
}

/// Which tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tasks {
    /// Those of a service, also those that are yet to come.
    OfService(ClusterName, ServiceName),
    /// These only.
    These(BTreeSet<TaskKey>),
}

impl Target {
    /// Whether the log of a container is one of them. That of the owner of a task's namespaces never is: it writes nothing.
    pub fn includes(&self, container: &ObservedContainer) -> bool {
        let identity = &container.identity;
        let is_named = match &self.container {
            Some(name) => identity.container == *name,
            None => !identity.container.is_namespace_owner(),
        };
        is_named && self.includes_task(&identity.task)
    }

    fn includes_task(&self, key: &TaskKey) -> bool {
        match &self.tasks {
            Tasks::OfService(cluster, service) => key.cluster == *cluster && key.service == *service,
            Tasks::These(keys) => keys.contains(key),
        }
    }
}

/// Whether something of a container runs.
pub fn is_live(container: &ObservedContainer) -> bool {
    match container.phase {
        Phase::Running { .. } | Phase::Paused => true,
        Phase::CreatedOrFailed
        | Phase::Created
        | Phase::StartFailed { .. }
        | Phase::Exited { .. }
        | Phase::Removing => false,
    }
}

/// Whether a container has begun and ended.
fn has_ended(container: &ObservedContainer) -> bool {
    match container.phase {
        Phase::Exited { .. } | Phase::StartFailed { .. } | Phase::Removing => true,
        Phase::CreatedOrFailed | Phase::Created | Phase::Running { .. } | Phase::Paused => false,
    }
}

type Task<'a> = Vec<&'a ObservedContainer>;

/// The tasks of each slot that `target` is about, the oldest first.
fn tasks_by_slot<'a>(
    target: &Target,
    containers: &'a [ObservedContainer],
) -> BTreeMap<(&'a ClusterName, &'a ServiceName, Slot), Vec<Task<'a>>> {
    let mut tasks: BTreeMap<&TaskKey, Task<'_>> = BTreeMap::new();
    for container in containers.iter().filter(|container| target.includes_task(&container.identity.task)) {
        tasks.entry(&container.identity.task).or_default().push(container);
    }
    let mut slots: BTreeMap<_, Vec<Task<'_>>> = BTreeMap::new();
    for (key, containers) in tasks {
        slots.entry((&key.cluster, &key.service, key.slot)).or_default().push(containers);
    }
    for tasks in slots.values_mut() {
        tasks.sort_by_key(|task| task.iter().map(|container| container.created_at).min());
    }
    slots
}

/// The containers of the present tasks: in each slot those that run, and where none does the one that ended last.
pub fn present<'a>(target: &Target, containers: &'a [ObservedContainer]) -> Vec<&'a ObservedContainer> {
    let of_slot = |tasks: Vec<Task<'a>>| {
        let is_over = |task: &Task<'_>| task.iter().all(|container| has_ended(container));
        let last = tasks.len().saturating_sub(1);
        let has_live = tasks.iter().any(|task| !is_over(task));
        let tasks = tasks.into_iter().enumerate();
        tasks
            .filter(move |(index, task)| if has_live { !is_over(task) } else { *index == last })
            .flat_map(|(_, task)| task)
    };
    let found = tasks_by_slot(target, containers).into_values().flat_map(of_slot);
    found.filter(|container| target.includes(container)).collect()
}

/// The containers of the tasks that came before: in each slot the one that ended last. Of tasks that are named, the one that came before
/// each of them; `containers` holds all that there are.
pub fn previous<'a>(target: &Target, containers: &'a [ObservedContainer]) -> Vec<&'a ObservedContainer> {
    let of_slots = match &target.tasks {
        Tasks::OfService(..) => target.clone(),
        // The others of the slots are looked at as well.
        Tasks::These(keys) => {
            let is_in_slot = |one: &TaskKey, other: &TaskKey| {
                (&one.cluster, &one.service, one.slot) == (&other.cluster, &other.service, other.slot)
            };
            let all = containers.iter().map(|container| &container.identity.task);
            let in_slots = all.filter(|key| keys.iter().any(|named| is_in_slot(named, key)));
            Target { tasks: Tasks::These(in_slots.cloned().collect()), container: target.container.clone() }
        }
    };
    let before = |tasks: Vec<Task<'a>>| {
        let is_named = |task: &Task<'_>| match &target.tasks {
            Tasks::OfService(..) => false,
            Tasks::These(keys) => task.iter().any(|container| keys.contains(&container.identity.task)),
        };
        let end = tasks.iter().position(is_named).unwrap_or(tasks.len());
        let mut before = tasks.into_iter().take(end).filter(|task| task.iter().all(|container| has_ended(container)));
        before.next_back()
    };
    let found = tasks_by_slot(&of_slots, containers).into_values().filter_map(before).flatten();
    found.filter(|container| of_slots.includes(container)).collect()
}

/// What is read, in short: enough to name it before its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The engine's id.
    pub id: ContainerId,
    /// The task.
    pub task: TaskKey,
    /// The family of the task definition: what a task of no service is called by.
    pub family: crate::value::Family,
    /// The container.
    pub container: ContainerName,
    /// Whether the task has more than one container whose log can be read.
    pub has_siblings: bool,
}

impl Member {
    /// What a container is called.
    pub fn of(container: &ObservedContainer, all: &[ObservedContainer]) -> Self {
        let identity = &container.identity;
        let siblings = all.iter().map(|other| &other.identity);
        let siblings = siblings.filter(|other| other.task == identity.task && other.container != identity.container);
        Self {
            id: container.id.clone(),
            task: identity.task.clone(),
            family: identity.family.clone(),
            container: identity.container.clone(),
            has_siblings: siblings.into_iter().any(|other| !other.container.is_namespace_owner()),
        }
    }
}

#[cfg(test)]
mod tests;
