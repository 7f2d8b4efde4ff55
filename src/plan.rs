//! The decision: from what should be and what the engine showed to what to do now, what is waited for, and when to look again.
//!
//! A plan holds only steps that are safe to begin now, all of them at once. No step waits for another step or for health: what must
//! come later is a [`Wait`] with its reason, and the next look decides again. Rollout, scaling, restart and clean-up are thereby one
//! code path, and a crash between any two steps costs nothing.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::desired::{ContainerSpec, DesiredState, Protocol, Revision};
use crate::observed::{ContainerId, NetworkId, ObservedContainer, ObservedState};
use crate::ownership::{ContainerIdentity, Source, TaskKey};
use crate::value::{ClusterName, ServiceName, Slot, Timestamp};

pub(crate) mod group;
pub mod guard;
mod prune;
pub(crate) mod restart;
pub(crate) mod service;
mod text;
pub mod verdict;
pub(crate) mod view;
mod world;

pub(crate) use text::duration_text;
pub(crate) use view::describe_end;

/// Decides what to do now. Equal input gives an equal plan, whatever order it came in.
pub fn plan(desired: &DesiredState, observed: &ObservedState) -> Plan {
    let mut groups = group::Groups::new(observed);
    let mut world = world::World::new(desired, observed, &groups);
    for (cluster, wanted) in &desired.clusters {
        world.ensure_network(cluster);
        for (name, service) in &wanted.services {
            let group = groups.take(cluster, name);
            prune::remove_duplicates(&mut world, &group);
            service::plan_service(&mut world, (cluster, name), service, group.tasks);
        }
    }
    prune::prune(&mut world, groups);
    world.plan
}

/// What to do now, what is waited for, and when to look again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct Plan {
    /// What to do now. The order says which matters more; none waits for another.
    pub steps: Vec<Step>,
    /// Why there is no more to do now.
    pub waits: Vec<Waiting>,
    /// Containers of which a fact is needed that only an inspection tells.
    pub unknowns: Vec<ContainerId>,
    /// When to look again although nothing has happened.
    pub wake_at: Option<Timestamp>,
}

impl Plan {
    /// Whether there is nothing to do now.
    pub fn is_quiet(&self) -> bool {
        self.steps.is_empty() && self.unknowns.is_empty()
    }

    /// Whether there is nothing to do now and nothing that is waited for.
    pub fn is_converged(&self) -> bool {
        self.is_quiet() && self.waits.is_empty()
    }
}

/// One action with its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// Why it is done.
    pub cause: Cause,
}

impl Step {
    /// Which queue it stands in: a repair never queues behind a rollout.
    pub fn lane(&self) -> Lane {
        match &self.cause {
            Cause::Died { .. } | Cause::Unhealthy { .. } => Lane::Repair,
            Cause::New
            | Cause::Outdated { .. }
            | Cause::Adopted
            | Cause::Surplus
            | Cause::Removed
            | Cause::Superseded
            | Cause::TaskEnded
            | Cause::Duplicate
            | Cause::Wanted => Lane::Rollout,
        }
    }
}

/// A queue of the executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Lane {
    /// A running service has lost something.
    Repair,
    /// Everything else.
    Rollout,
}

/// One call to the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "action")]
pub enum Action {
    /// Creates the network of a cluster.
    CreateNetwork {
        /// The cluster.
        cluster: ClusterName,
        /// The directory that declares it.
        source: Source,
    },
    /// Removes a network of ours.
    RemoveNetwork {
        /// The cluster.
        cluster: ClusterName,
        /// The network.
        id: NetworkId,
    },
    /// Fetches an image that the engine does not have.
    PullImage {
        /// The image reference.
        image: String,
    },
    /// Creates a container, and with it the volumes that it is the first to use.
    CreateContainer(Box<NewContainer>),
    /// Starts a container that has been created.
    StartContainer {
        /// The container.
        id: ContainerId,
        /// What its labels say.
        identity: Box<ContainerIdentity>,
    },
    /// Asks a container to end, and ends it when its time is up.
    #[serde(rename_all = "camelCase")]
    StopContainer {
        /// The container.
        id: ContainerId,
        /// What its labels say.
        identity: Box<ContainerIdentity>,
        /// Seconds between SIGTERM and SIGKILL.
        stop_timeout: u32,
    },
    /// Removes a container that does not run, with its anonymous volumes.
    RemoveContainer {
        /// The container.
        id: ContainerId,
        /// What its labels say.
        identity: Box<ContainerIdentity>,
    },
    /// Removes a volume that lived as long as its task.
    RemoveVolume {
        /// The name on the host.
        name: String,
        /// The cluster that it belongs to.
        cluster: ClusterName,
    },
}

/// A container to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewContainer {
    /// What its labels will say.
    pub identity: ContainerIdentity,
    /// What it is made of.
    #[serde(skip)]
    pub spec: Arc<ContainerSpec>,
    /// The network of its cluster.
    pub network: NetworkId,
    /// The names by which the other containers of the network reach it.
    pub aliases: Vec<String>,
    /// The containers of its task whose volumes it has too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes_from: Vec<VolumeSource>,
    /// The container whose namespaces it shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<ContainerId>,
}

/// A container whose volumes another one has too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSource {
    /// The container.
    pub id: ContainerId,
    /// Whether the other one can only read them.
    pub read_only: bool,
}

/// What an action works on. At most one action works on a target at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The network of a cluster, which may not exist yet.
    ClusterNetwork(ClusterName),
    /// A network.
    Network(NetworkId),
    /// An image reference.
    Image(String),
    /// A container that does not exist yet, by its best name.
    NewContainer(String),
    /// A container.
    Container(ContainerId),
    /// A volume.
    Volume(String),
}

impl Action {
    /// What it works on.
    pub fn target(&self) -> Target {
        match self {
            Self::CreateNetwork { cluster, .. } => Target::ClusterNetwork(cluster.clone()),
            Self::RemoveNetwork { id, .. } => Target::Network(id.clone()),
            Self::PullImage { image } => Target::Image(image.clone()),
            Self::CreateContainer(new) => Target::NewContainer(new.identity.name()),
            Self::StartContainer { id, .. } | Self::StopContainer { id, .. } | Self::RemoveContainer { id, .. } => {
                Target::Container(id.clone())
            }
            Self::RemoveVolume { name, .. } => Target::Volume(name.clone()),
        }
    }

    /// The container that it is about, if it is about one.
    pub fn identity(&self) -> Option<&ContainerIdentity> {
        match self {
            Self::CreateContainer(new) => Some(&new.identity),
            Self::StartContainer { identity, .. }
            | Self::StopContainer { identity, .. }
            | Self::RemoveContainer { identity, .. } => Some(identity),
            Self::CreateNetwork { .. }
            | Self::RemoveNetwork { .. }
            | Self::PullImage { .. }
            | Self::RemoveVolume { .. } => None,
        }
    }
}

/// Why a step is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "cause")]
pub enum Cause {
    /// The slot had no task.
    New,
    /// The manifest asks for another revision.
    Outdated {
        /// The revision that runs.
        from: Revision,
    },
    /// An essential container ended.
    Died {
        /// How, in a sentence.
        reason: String,
    },
    /// A health check failed as often as it may.
    Unhealthy {
        /// What it said.
        reason: String,
    },
    /// The user asked to take over what another directory declared.
    Adopted,
    /// The desired count went down.
    Surplus,
    /// No manifest asks for it.
    Removed,
    /// Its successor has taken over.
    Superseded,
    /// The task that it belongs to has ended.
    TaskEnded,
    /// There are two of it.
    Duplicate,
    /// The manifests ask for it.
    Wanted,
}

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
    /// The image is being fetched.
    Image,
}

impl Wait {
    /// The time at which it ends by itself, if there is one.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Settle { until }
            | Self::Grace { until }
            | Self::Backoff { until, .. }
            | Self::Retry { until, .. } => Some(*until),
            Self::Action
            | Self::Health
            | Self::MinimumHealthy
            | Self::Maximum
            | Self::Port { .. }
            | Self::Network
            | Self::Image => None,
        }
    }
}

/// What an action came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, or it was so already.
    Done(Effect),
    /// The engine said no.
    Failed(Failure),
    /// No answer: it may have happened. Look again before deciding.
    Unknown(String),
}

/// What is known of the engine after an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The network exists.
    Network(NetworkId),
    /// The container exists, as it is now.
    Container(Box<ObservedContainer>),
    /// The container runs.
    Started,
    /// The container does not run any more; how it ended is not known.
    Stopped,
    /// The object does not exist any more.
    Removed,
    /// The engine has the image.
    Pulled,
}

/// Why the engine said no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What kind of no.
    pub kind: FailureKind,
    /// What the engine said.
    pub message: String,
}

/// What kind of no the engine said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureKind {
    /// The engine does not have the image, or could not fetch it.
    ImageMissing,
    /// Somebody else's objects hold every name that would do.
    NameTaken,
    /// Another program or container holds a host port.
    PortTaken,
    /// The object does not exist.
    Gone,
    /// The object is in use or in another state than the action needs.
    Conflict,
    /// The request can never succeed as it is: a bad command, a bad mount.
    Refused,
    /// The engine has a problem of its own.
    Engine,
    /// The engine could not be reached: nothing was sent.
    Unreachable,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests;
