//! What is true: how each service is, and why it is not well.
//!
//! Two questions that do not depend on each other: is what runs what was asked for ([`Sync`]), and is it well ([`Health`])? All of it
//! is read from the engine, so that a status needs neither manifests nor a running `reconcile`; the manifests, where they are given,
//! add what should be, and the plan what is waited for.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::desired::{DesiredState, Protocol};
use crate::image::ImagePin;
use crate::observed::{ContainerId, ObservedState};
use crate::plan::Plan;
use crate::plan::deployment::find_in_force;
use crate::plan::lifecycle::{ContainerEnd, LastStatus, Stop};
use crate::value::{Attempt, ClusterName, ContainerName, ServiceName, Slot, TaskId, Timestamp};

pub mod diagnosis;
mod host;
mod message;
mod service;
pub mod task;

pub use host::{HostStatus, Used};

/// The version of the JSON form: minor numbers only add.
pub const FORMAT_VERSION: &str = "1.3";

/// Looks at everything of ours on the engine.
///
/// With manifests: what they ask for, and what they do not ask for any more. Without: everything that is there.
pub fn status(desired: Option<&DesiredState>, observed: &ObservedState, plan: Option<&Plan>) -> Status {
    // What is in force is what a service is measured by; that it is not what the manifests ask for is said beside it.
    let in_force = desired.map(|desired| find_in_force(desired, observed));
    let desired = in_force.as_ref().map(|in_force| &*in_force.desired);
    let (services, mut stopped_tasks) = service::read_services(desired, observed, plan);
    // The latest first: that is the one that somebody asks about.
    stopped_tasks.sort_by(|a, b| {
        (std::cmp::Reverse(a.ended_at), &a.cluster, &a.service, a.slot, a.attempt).cmp(&(
            std::cmp::Reverse(b.ended_at),
            &b.cluster,
            &b.service,
            b.slot,
            b.attempt,
        ))
    });
    let mut summary = Summary { services: services.len(), ..Summary::default() };
    for service in &services {
        *summary.sync.entry(service.sync).or_default() += 1;
        *summary.health.entry(service.health).or_default() += 1;
    }
    let host = HostStatus::of(desired, observed);
    Status { format_version: FORMAT_VERSION, kind: "Status", at: observed.at, host, services, stopped_tasks, summary }
}

/// How everything is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The version of this form.
    pub format_version: &'static str,
    /// What this is.
    pub kind: &'static str,
    /// When the engine was looked at.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// The host; absent when the engine does not tell how much it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<HostStatus>,
    /// How each service is, by name.
    pub services: Vec<ServiceStatus>,
    /// The tasks that ended and of which something is left, the latest first.
    pub stopped_tasks: Vec<StoppedTask>,
    /// All of it counted.
    pub summary: Summary,
}

/// How a service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// The cluster.
    pub cluster: ClusterName,
    /// The service.
    pub service: ServiceName,
    /// The revision that is wanted, or without manifests the youngest one: `web@9c1d42`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// How many tasks of each revision there are now.
    pub revisions: BTreeMap<String, u32>,
    /// The images that its running tasks of the revision above are made from, as far as they are pinned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<PinnedImage>,
    /// How many tasks there should be.
    pub desired: u32,
    /// How many run.
    pub running: u32,
    /// How many of those count as healthy.
    pub healthy: u32,
    /// How many are about to run.
    pub pending: u32,
    /// How far its deployment is.
    pub rollout_state: RolloutState,
    /// Whether what runs is what was asked for.
    pub sync: Sync,
    /// Whether it is well.
    pub health: Health,
    /// How many times a task was tried again in its slot.
    pub restarts: u32,
    /// When a task of it ended last, as far as something of it is left.
    #[serde(serialize_with = "as_text_if_any", skip_serializing_if = "Option::is_none")]
    pub last_stop_at: Option<Timestamp>,
    /// Since when all that runs has been running: the start of the youngest task.
    #[serde(serialize_with = "as_text_if_any", skip_serializing_if = "Option::is_none")]
    pub running_since: Option<Timestamp>,
    /// The tasks that have not stopped.
    pub tasks: Vec<TaskStatus>,
    /// Where it can be reached on the host.
    pub ports: Vec<PublishedAddress>,
    /// Why it is not well, or what is under way, in a sentence without a full stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How far a deployment is, in ECS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RolloutState {
    /// Not every task is of the wanted revision and well.
    InProgress,
    /// Every task is.
    Completed,
    /// It was given up: the tasks of the wanted revision failed too often.
    Failed,
}

impl ServiceStatus {
    /// `shop/web`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.cluster, self.service)
    }

    /// Whether it runs as it was asked to, and nothing is under way.
    pub fn is_steady(&self) -> bool {
        let is_synced = match self.sync {
            Sync::Synced | Sync::Unknown => true,
            Sync::OutOfSync => false,
        };
        is_synced && self.health.is_well()
    }
}

/// The image that all tasks of a deployment are made from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedImage {
    /// The container.
    pub container: ContainerName,
    /// The image.
    #[serde(flatten)]
    pub image: ImagePin,
}

/// Whether what runs is what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Sync {
    /// Every slot holds a task of the revision that is wanted, and there is nothing else.
    Synced,
    /// Something is still to be done.
    OutOfSync,
    /// There are no manifests to compare with.
    Unknown,
}

impl Sync {
    /// As printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "Synced",
            Self::OutOfSync => "OutOfSync",
            Self::Unknown => "Unknown",
        }
    }
}

/// Whether a service is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Health {
    /// All tasks run, and their health checks succeed.
    Healthy,
    /// All tasks run. They have no health check: whether they are well, nobody knows.
    Running,
    /// Something is under way, and nothing has gone wrong with it so far.
    Progressing,
    /// A task has died or turned unhealthy, or cannot be started.
    Degraded,
    /// Tasks should run, and there is none.
    Missing,
    /// The engine has not yet told enough.
    Unknown,
}

impl Health {
    /// As printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Running => "Running",
            Self::Progressing => "Progressing",
            Self::Degraded => "Degraded",
            Self::Missing => "Missing",
            Self::Unknown => "Unknown",
        }
    }

    /// Whether there is nothing to worry about and nothing to wait for.
    pub fn is_well(self) -> bool {
        match self {
            Self::Healthy | Self::Running => true,
            Self::Progressing | Self::Degraded | Self::Missing | Self::Unknown => false,
        }
    }
}

/// A port of a running task on the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedAddress {
    /// The container.
    pub container: ContainerName,
    /// The port inside the container.
    pub container_port: u16,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The port on every address of the host.
    pub host_port: u16,
    /// The slot of the task.
    pub slot: Slot,
}

/// A task that ended, and what is left of it to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoppedTask {
    /// The cluster.
    pub cluster: ClusterName,
    /// The service.
    pub service: ServiceName,
    /// The slot.
    pub slot: Slot,
    /// `web@9c1d42`.
    pub revision: String,
    /// How often its slot had tried the revision, this try included.
    pub attempt: Attempt,
    /// The id: what `reconcile logs` takes.
    pub task_id: TaskId,
    /// The container whose end ended the task, by the engine's name.
    pub container_name: String,
    /// The same by its id.
    pub container_id: ContainerId,
    /// When it ended, where that is known.
    #[serde(serialize_with = "as_text_if_any", skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How it ended, in a sentence without a full stop.
    pub reason: String,
    /// Why it stopped, in ECS's words, where that is known.
    #[serde(flatten)]
    pub stop: Option<Stop>,
    /// What became of each of its containers.
    pub containers: Vec<ContainerEnd>,
    /// The exit code; `None` when it never ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Whether it was killed for memory.
    pub out_of_memory: bool,
    /// What its health check said last, when it was unhealthy as it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_output: Option<String>,
}

/// A task that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatus {
    /// The slot.
    pub slot: Slot,
    /// `web@9c1d42`.
    pub revision: String,
    /// How often its slot had tried the revision, this try included.
    pub attempt: Attempt,
    /// Where it is in its life, in ECS's words.
    pub last_status: LastStatus,
}

/// Everything counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// How many services there are.
    pub services: usize,
    /// How many of each kind.
    pub health: BTreeMap<Health, usize>,
    /// How many of each kind.
    pub sync: BTreeMap<Sync, usize>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn as_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

#[expect(clippy::ref_option, reason = "serde passes a reference")]
fn as_text_if_any<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests;
