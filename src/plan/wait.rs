//! Why there is no more to do now: what waits, and for what.

use serde::Serialize;

use super::{Failure, Shortage};
use crate::desired::{Condition, Protocol, Revision};
use crate::image::Platform;
use crate::ownership::TaskKey;
use crate::value::{ClusterName, ContainerName, Family, HookStage, ServiceName, Slot, Timestamp};

/// Something and what it waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// What waits.
    #[serde(flatten)]
    pub about: About,
    /// What it waits for.
    #[serde(flatten)]
    pub wait: Wait,
}

/// What a wait or an event is about: a slot, a service or a whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// The cluster.
    pub cluster: ClusterName,
    /// The service, unless it is about the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// The slot, unless it is about the whole service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slot>,
}

impl About {
    /// A whole service.
    pub fn service(cluster: &ClusterName, service: &ServiceName) -> Self {
        Self { cluster: cluster.clone(), service: Some(service.clone()), slot: None }
    }

    /// A slot of a service.
    pub fn slot(cluster: &ClusterName, service: &ServiceName, slot: Slot) -> Self {
        Self { cluster: cluster.clone(), service: Some(service.clone()), slot: Some(slot) }
    }

    /// A whole cluster.
    pub fn cluster(cluster: &ClusterName) -> Self {
        Self { cluster: cluster.clone(), service: None, slot: None }
    }

    /// The slot that a task fills.
    pub fn task(task: &TaskKey) -> Self {
        Self::slot(&task.cluster, &task.service, task.slot)
    }
}

/// Why there is no more to do for a slot now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "wait")]
pub enum Wait {
    /// An action is under way.
    Action,
    /// The first verdict of a health check.
    Health,
    /// The first answer to our own check of what may have been well for long.
    Checking {
        /// What the last try said, if one failed.
        said: Option<String>,
    },
    /// A readiness check.
    Readiness {
        /// What the last one said, if one failed.
        said: Option<String>,
    },
    /// A task without a health check counts as healthy when it has run for a moment.
    Settle {
        /// When that is.
        until: Timestamp,
    },
    /// Unhealthy, but still within the grace period.
    Grace {
        /// When the period ends.
        until: Timestamp,
    },
    /// The last try failed; the next one begins later.
    Backoff {
        /// When it begins.
        until: Timestamp,
        /// How many tries have failed in a row.
        failures: u32,
    },
    /// `minimumHealthyPercent` keeps an old task until another one is healthy.
    MinimumHealthy,
    /// `maximumPercent` leaves no room for another task until one has stopped.
    Maximum,
    /// Another task holds a static host port.
    Port {
        /// The port on the host.
        port: u16,
        /// The transport protocol.
        protocol: Protocol,
        /// The task that holds it.
        holder: TaskKey,
    },
    /// The host has not enough processor time or memory that nobody has reserved.
    Resources(Shortage),
    /// Another task waits for room on the host, and it is that one's turn.
    ResourceQueue {
        /// The first in the queue.
        ahead: About,
    },
    /// It needs more than the host has for tasks.
    NeverFits(Shortage),
    /// An action failed; it is tried again later.
    Retry {
        /// When it is tried again.
        until: Timestamp,
        /// How many times in a row it has failed.
        failures: u32,
        /// What the engine said.
        failure: Failure,
    },
    /// The cluster's network does not exist yet.
    Network,
    /// The image is being fetched, or looked up.
    Image,
    /// The image is made for another kind of machine.
    WrongPlatform {
        /// The image reference.
        image: String,
        /// What it is made for.
        made_for: Platform,
        /// What the host is.
        host: Platform,
    },
    /// The deployment of the service was given up; it is not tried again before the manifest changes or somebody asks for it.
    #[serde(rename_all = "camelCase")]
    DeploymentFailed {
        /// The revision that failed.
        failed: Revision,
        /// How many of its tasks failed.
        failures: u32,
        /// How the last of them failed, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The revision that has taken its place, if there was one to go back to.
        #[serde(skip_serializing_if = "Option::is_none")]
        rolled_back_to: Option<Revision>,
    },
    /// A hook of the deployment has to end well before it goes on.
    Hook {
        /// The family of its task definition.
        hook: Family,
        /// The stage at which it runs.
        stage: HookStage,
        /// When its time is over, once it runs.
        until: Option<Timestamp>,
    },
    /// Somebody asked for it, beside the manifest.
    Held(Held),
    /// It runs, and its own end is what is waited for: it runs only once.
    End,
    /// It is a daemon, and stops after the others of its cluster that go.
    Others,
    /// A container waits for another one of its task.
    Dependency {
        /// The container that is not started yet.
        container: ContainerName,
        /// The one that it waits for.
        on: ContainerName,
        /// What that one has to come to.
        condition: Condition,
        /// When its `startTimeout` is over.
        until: Option<Timestamp>,
    },
}

/// What a person holds a service or a task with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "held")]
pub enum Held {
    /// The service was rolled back by hand, and stays there until its manifest asks for something else.
    RolledBack {
        /// The revision that is in force.
        to: Revision,
        /// The one that the manifest asks for.
        instead_of: Revision,
        /// Whether anything is left to make a task of that revision from.
        is_possible: bool,
    },
    /// Its rollout is paused.
    Paused {
        /// The revision that its manifest asks for, where another one stays in force meanwhile.
        #[serde(skip_serializing_if = "Option::is_none")]
        waiting: Option<Revision>,
    },
    /// The task is protected from deployments and scale-in.
    Protected {
        /// Until when.
        until: Timestamp,
    },
}

impl Wait {
    /// Whether it is for room on the host, or for a turn to get some.
    pub fn is_for_room(&self) -> bool {
        match self {
            Self::Resources(_) | Self::ResourceQueue { .. } | Self::NeverFits(_) => true,
            Self::Action
            | Self::Health
            | Self::Checking { .. }
            | Self::Readiness { .. }
            | Self::Settle { .. }
            | Self::Grace { .. }
            | Self::Backoff { .. }
            | Self::MinimumHealthy
            | Self::Maximum
            | Self::Port { .. }
            | Self::Retry { .. }
            | Self::Network
            | Self::Image
            | Self::WrongPlatform { .. }
            | Self::DeploymentFailed { .. }
            | Self::Held(_)
            | Self::Hook { .. }
            | Self::End
            | Self::Others
            | Self::Dependency { .. } => false,
        }
    }

    /// The time at which it ends by itself, if there is one.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Settle { until }
            | Self::Grace { until }
            | Self::Backoff { until, .. }
            | Self::Retry { until, .. }
            | Self::Held(Held::Protected { until }) => Some(*until),
            Self::Dependency { until, .. } | Self::Hook { until, .. } => *until,
            Self::Action
            | Self::Health
            | Self::Checking { .. }
            | Self::Readiness { .. }
            | Self::MinimumHealthy
            | Self::Maximum
            | Self::Port { .. }
            | Self::Resources(_)
            | Self::ResourceQueue { .. }
            | Self::NeverFits(_)
            | Self::Network
            | Self::Image
            | Self::WrongPlatform { .. }
            | Self::DeploymentFailed { .. }
            | Self::Held(Held::RolledBack { .. } | Held::Paused { .. })
            | Self::End
            | Self::Others => None,
        }
    }
}
