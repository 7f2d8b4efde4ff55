//! One task and how it is or how it ended, in the words of ECS's `Task`: what `run` and `tasks` tell.

use std::collections::BTreeMap;

use serde::Serialize;

use super::as_text_if_any;
use crate::desired::{ContainerSpec, TaskSpec};
use crate::observed::{Health, ObservedContainer, ObservedState, Phase};
use crate::ownership::{Source, TaskKey};
use crate::plan::group;
use crate::plan::lifecycle::{self, LastStatus, StopCode};
use crate::plan::view::TaskView;
use crate::value::{Attempt, ClusterName, ContainerName, Family, ServiceName, Slot, TaskId, Timestamp};

/// The longest reason, in characters. Source: ECS, which cuts there too.
const REASON_LENGTH_MAX: usize = 1024;

/// One task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskReport {
    /// The id.
    pub task_id: TaskId,
    /// The family of the task definition.
    pub family: Family,
    /// The content of the task definition, in full.
    pub revision: String,
    /// The cluster.
    pub cluster: ClusterName,
    /// What the task belongs to: `service:NAME`, or `family:FAMILY` when it belongs to no service. Source: ECS `group`.
    pub group: String,
    /// Where it is in its life.
    pub last_status: LastStatus,
    /// Where it should be.
    pub desired_status: LastStatus,
    /// Why it stopped, as one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_code: Option<StopCode>,
    /// Why it stopped, as a sentence of ECS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_reason: Option<String>,
    /// When its first container was created.
    #[serde(serialize_with = "as_text_if_any", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When the last of its essential containers was started.
    #[serde(serialize_with = "as_text_if_any", skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When the last of its containers ended.
    #[serde(serialize_with = "as_text_if_any", skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
    /// The containers, in the order of the definition where that is known.
    pub containers: Vec<ContainerReport>,
    /// Where it stands in its service.
    #[serde(skip)]
    pub place: (ServiceName, Slot, Attempt),
}

/// One container of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerReport {
    /// The name in the task definition.
    pub name: ContainerName,
    /// The image reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The digest of the image, where the reference names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// Whether its end ends the task.
    pub essential: bool,
    /// Where it is in its life.
    pub last_status: LastStatus,
    /// The exit code; none while it runs, and none when it never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// What went wrong with it: `Type: sentence`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was started.
    #[serde(serialize_with = "as_text_if_any", skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(serialize_with = "as_text_if_any", skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
    /// The engine's id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_id: Option<String>,
}

/// What is known of a task beside its containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// Why somebody asked for its end, if somebody did.
    pub stopped_because: Option<String>,
    /// Why containers could not be made: `Type: sentence`.
    pub obstacles: BTreeMap<ContainerName, String>,
    /// Why containers will never be started: what they depend on cannot come about.
    pub never_started: BTreeMap<ContainerName, String>,
    /// What it is made of, where that is known.
    pub spec: Option<std::sync::Arc<TaskSpec>>,
}

/// Every task that was observed.
pub fn read_tasks(
    observed: &ObservedState,
    circumstances: impl Fn(&TaskKey, &Source) -> Circumstances,
) -> Vec<TaskReport> {
    group::tasks(observed)
        .values()
        .flatten()
        .map(|view| read_task(view, observed, &circumstances(view.key, view.source)))
        .collect()
}

fn read_task(view: &TaskView<'_>, observed: &ObservedState, circumstances: &Circumstances) -> TaskReport {
    let view = &view.clone().within(circumstances.spec.as_deref(), true, observed);
    let last_status = lifecycle::last_status(view, &view.state(crate::desired::Patience::default(), observed.at));
    // A view is made from at least one container.
    let family = view.containers[0].identity.family.clone();
    let containers = read_containers(view, circumstances);
    let created_at = view.observed().map(|container| container.created_at).min();
    finish(view.key, family, last_status, created_at, containers, circumstances)
}

/// A task of which no container was ever made.
pub fn never_made(key: &TaskKey, spec: &TaskSpec, circumstances: &Circumstances) -> TaskReport {
    let of_spec = spec.containers.iter().map(|container| not_made(container, circumstances, LastStatus::Stopped));
    finish(key, spec.family.clone(), LastStatus::Stopped, None, of_spec.collect(), circumstances)
}

fn finish(
    key: &TaskKey,
    family: Family,
    last_status: LastStatus,
    created_at: Option<Timestamp>,
    containers: Vec<ContainerReport>,
    circumstances: &Circumstances,
) -> TaskReport {
    let is_over = last_status == LastStatus::Stopped;
    let is_ending = is_over || last_status == LastStatus::Stopping || circumstances.stopped_because.is_some();
    let (stop_code, stopped_reason) = if is_ending { read_end(&containers, circumstances) } else { (None, None) };
    let essential = containers.iter().filter(|container| container.essential);
    TaskReport {
        task_id: key.id(),
        group: match key.service.standalone_id() {
            Some(_) => format!("family:{family}"),
            None => format!("service:{}", key.service),
        },
        family,
        revision: key.revision.to_string(),
        cluster: key.cluster.clone(),
        last_status,
        desired_status: if is_ending { LastStatus::Stopped } else { LastStatus::Running },
        stop_code,
        stopped_reason,
        created_at,
        started_at: essential.filter_map(|container| container.started_at).max(),
        stopped_at: containers.iter().filter_map(|container| container.stopped_at).max().filter(|_| is_over),
        containers,
        place: (key.service.clone(), key.slot, key.attempt),
    }
}

/// Why a task is over.
fn read_end(containers: &[ContainerReport], circumstances: &Circumstances) -> (Option<StopCode>, Option<String>) {
    let cut = |text: &str| Some(text.chars().take(REASON_LENGTH_MAX).collect());
    let essential = || containers.iter().filter(|container| container.essential);
    if let Some(reason) = essential().find(|container| container.started_at.is_none()).and_then(|c| c.reason.as_ref()) {
        return (Some(StopCode::TaskFailedToStart), cut(reason));
    }
    if let Some(reason) = &circumstances.stopped_because {
        return (Some(StopCode::UserInitiated), cut(reason));
    }
    if essential().any(|container| container.stopped_at.is_some()) {
        return (Some(StopCode::EssentialContainerExited), cut("Essential container in task exited"));
    }
    if essential().any(|container| container.last_status == LastStatus::Stopped) {
        return (Some(StopCode::EssentialContainerExited), cut("Somebody else removed a container of the task"));
    }
    (None, None)
}

/// The containers that are there, and those of the definition that are not.
fn read_containers(view: &TaskView<'_>, circumstances: &Circumstances) -> Vec<ContainerReport> {
    let mut there: BTreeMap<_, _> =
        view.observed().map(|container| (&container.identity.container, read_container(container))).collect();
    let missing = if there.values().any(|container| container.last_status == LastStatus::Stopped) {
        LastStatus::Stopped
    } else {
        LastStatus::Pending
    };
    let of_spec = circumstances.spec.iter().flat_map(|spec| &spec.containers).map(|spec| {
        let found = there.remove(&spec.name);
        if let Some(found) = found.as_ref().filter(|found| found.started_at.is_some()) {
            return found.clone();
        }
        let told = circumstances.never_started.get(&spec.name).cloned();
        if let Some(why) = told.or_else(|| lifecycle::why_never_started(view, spec)) {
            return never_started(spec, &why);
        }
        found.unwrap_or_else(|| not_made(spec, circumstances, missing))
    });
    let mut containers: Vec<_> = of_spec.collect();
    containers.extend(there.into_values());
    containers
}

/// A container that could never be started, because what it depends on cannot come about: as if SIGTERM had ended it. Source: the ECS
/// agent, `handleTerminalDependencyError`.
fn never_started(spec: &ContainerSpec, why: &str) -> ContainerReport {
    let reason = format!("CannotStartContainerError: {why}");
    let nothing = not_made(spec, &Circumstances::default(), LastStatus::Stopped);
    ContainerReport { exit_code: Some(lifecycle::NEVER_STARTED_EXIT_CODE), reason: Some(reason), ..nothing }
}

/// The containers of tasks made of `spec` that will never be started, and why. It has to be asked while the task is under way: later a
/// dependency whose time was up has ended, and nobody sees that it ended too late.
pub fn find_never_started(
    observed: &ObservedState,
    spec: &TaskSpec,
) -> BTreeMap<ServiceName, BTreeMap<ContainerName, String>> {
    let mut found: BTreeMap<ServiceName, BTreeMap<ContainerName, String>> = BTreeMap::new();
    for view in group::tasks(observed).into_values().flatten() {
        let view = view.within(Some(spec), true, observed);
        for container in &spec.containers {
            if let Some(why) = lifecycle::why_never_started(&view, container) {
                found.entry(view.key.service.clone()).or_default().insert(container.name.clone(), why);
            }
        }
    }
    found
}

fn not_made(spec: &ContainerSpec, circumstances: &Circumstances, last_status: LastStatus) -> ContainerReport {
    ContainerReport {
        name: spec.name.clone(),
        image: Some(spec.image.clone()),
        image_digest: digest_of(&spec.image),
        essential: spec.essential,
        last_status,
        exit_code: None,
        reason: circumstances.obstacles.get(&spec.name).cloned(),
        started_at: None,
        stopped_at: None,
        runtime_id: None,
    }
}

fn read_container(container: &ObservedContainer) -> ContainerReport {
    let image = container.read_spec().map(|spec| spec.image.clone());
    let exit = container.phase.exit();
    let (last_status, started_at) = match &container.phase {
        Phase::CreatedOrFailed | Phase::Created => (LastStatus::Pending, None),
        Phase::Running { started_at } => (LastStatus::Running, Some(*started_at)),
        Phase::Paused => (LastStatus::Running, None),
        Phase::StartFailed { .. } | Phase::Removing => (LastStatus::Stopped, None),
        Phase::Exited { exit } => (LastStatus::Stopped, exit.as_ref().map(|exit| exit.started_at)),
    };
    ContainerReport {
        name: container.identity.container.clone(),
        image_digest: image.as_deref().and_then(digest_of),
        image,
        essential: container.identity.essential,
        last_status,
        exit_code: exit.map(|exit| exit.code),
        reason: read_reason(container),
        started_at,
        stopped_at: exit.map(|exit| exit.finished_at),
        runtime_id: Some(container.id.to_string()),
    }
}

/// What went wrong with a container, in the words of the ECS agent.
fn read_reason(container: &ObservedContainer) -> Option<String> {
    match &container.phase {
        Phase::StartFailed { message, .. } => Some(format!("CannotStartContainerError: {message}")),
        Phase::Exited { exit: Some(exit) } if exit.oom_killed => {
            Some("OutOfMemoryError: Container killed due to memory usage".to_owned())
        }
        Phase::Exited { exit: Some(exit) } if !exit.error.is_empty() => {
            Some(format!("ContainerRuntimeError: {}", exit.error))
        }
        Phase::Running { .. } if container.health == Health::Unhealthy => Some("Container is unhealthy".to_owned()),
        Phase::CreatedOrFailed
        | Phase::Created
        | Phase::Running { .. }
        | Phase::Paused
        | Phase::Exited { .. }
        | Phase::Removing => None,
    }
}

/// The digest that an image reference names.
fn digest_of(image: &str) -> Option<String> {
    image.split_once('@').map(|(_, digest)| digest.to_owned())
}

/// The exit code that stands for tasks: that of the first essential container that ended otherwise than with 0; 0 when all ended so.
/// `None` when one did not run or nobody knows how it ended.
pub fn exit_code(tasks: &[TaskReport]) -> Option<i64> {
    let mut essential: Vec<_> =
        tasks.iter().flat_map(|task| &task.containers).filter(|container| container.essential).collect();
    essential.sort_by_key(|container| container.stopped_at);
    let codes = || essential.iter().map(|container| container.exit_code);
    codes().flatten().find(|code| *code != 0).or_else(|| codes().all(|code| code == Some(0)).then_some(0))
}

#[cfg(test)]
mod tests;
