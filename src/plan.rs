//! The decision: from what should be and what the engine showed to what to do now, what is waited for, and when to look again.
//!
//! A plan holds only steps that are safe to begin now, all of them at once. No step waits for another step or for health: what must
//! come later is a [`Wait`] with its reason, and the next look decides again. Rollout, scaling, restart and clean-up are thereby one
//! code path, and a crash between any two steps costs nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::desired::{ContainerSpec, DesiredState, RepositoryCredentials, Revision};
use crate::image::Platform;
use crate::observed::{ContainerId, NetworkId, ObservedContainer, ObservedState};
use crate::ownership::{ContainerIdentity, Source};
use crate::value::{ClusterName, HookStage, Timestamp};

pub mod assume;
pub(crate) mod capacity;
pub(crate) mod deployment;
pub(crate) mod ending;
pub mod expire;
pub(crate) mod group;
pub mod guard;
pub mod id;
pub(crate) mod intervention;
pub mod lifecycle;
pub(crate) mod order;
mod prune;
pub(crate) mod restart;
pub(crate) mod service;
mod text;
pub mod verdict;
pub(crate) mod view;
mod wait;
mod world;

pub use capacity::Shortage;
pub use deployment::{WaysBack, ways_back};
pub(crate) use ending::describe_end;
pub(crate) use service::image::FETCH_COUNTS_FOR;
pub(crate) use text::duration_text;
pub use wait::{About, Held, Wait, Waiting};
pub(crate) use world::stop_timeout_secs;

/// Decides what to do now. Equal input gives an equal plan, whatever order it came in.
pub fn plan(desired: &DesiredState, observed: &ObservedState) -> Plan {
    let groups = group::Groups::new(observed);
    let in_force = deployment::find_in_force_among(desired, observed, &groups);
    let (mut plan, queue) = decide(&in_force, observed, groups, None);
    plan.asked_for_room = queue.asked();
    match queue.judge(&in_force.desired, observed) {
        None => plan,
        Some(answers) => {
            let (mut plan, queue) = decide(&in_force, observed, group::Groups::new(observed), Some(answers));
            plan.asked_for_room = queue.asked();
            plan
        }
    }
}

/// Decides what to do now where it is known who gets room on the host, or where everybody is taken to.
fn decide<'a>(
    in_force: &'a deployment::InForce<'_>,
    observed: &'a ObservedState,
    mut groups: group::Groups<'a>,
    answers: Option<capacity::Answers>,
) -> (Plan, capacity::Queue<'a>) {
    let mut world = world::World::new(in_force, observed, &groups, capacity::Queue::with(answers));
    for (cluster, wanted) in &in_force.desired.clusters {
        world.ensure_network(cluster);
        // Daemons are there for the others: what begins first begins with them.
        let daemons = wanted.services.iter().filter(|(_, service)| !service.scheduling.is_replica());
        let replicas = wanted.services.iter().filter(|(_, service)| service.scheduling.is_replica());
        for (name, service) in daemons.chain(replicas) {
            let group = groups.take(cluster, name);
            prune::remove_duplicates(&mut world, &group);
            service::plan_service(&mut world, (cluster, name), (service, None), group.tasks);
            for (task, hook, order) in in_force.hooks_of(cluster, name) {
                let group = groups.take(cluster, task);
                prune::remove_duplicates(&mut world, &group);
                service::plan_service(&mut world, (cluster, task), (&hook.service, Some(*order)), group.tasks);
            }
        }
    }
    prune::prune(&mut world, groups);
    (world.plan, world.queue)
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
    /// References of which it is needed what the engine has under them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unknown_images: BTreeSet<String>,
    /// The references that this decision looked up; what is known of others need not be kept.
    #[serde(skip)]
    pub used_images: BTreeSet<String>,
    /// Whether it matters how much the host has: a task that reserves some of it is to begin.
    #[serde(skip)]
    pub needs_host: bool,
    /// The slots that asked for room on the host, whether they got it or not. Who asks again keeps his place in the queue.
    #[serde(skip)]
    pub asked_for_room: BTreeSet<About>,
    /// When to look again although nothing has happened.
    pub wake_at: Option<Timestamp>,
}

impl Plan {
    /// Whether there is nothing to do now.
    pub fn is_quiet(&self) -> bool {
        self.steps.is_empty() && self.unknowns.is_empty() && self.unknown_images.is_empty()
    }

    /// Whether there is nothing to do now and nothing that is waited for, but for what a person holds back.
    pub fn is_converged(&self) -> bool {
        self.is_quiet() && self.waits.iter().all(|waiting| matches!(waiting.wait, Wait::Held(_)))
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
        self.cause.lane()
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
    /// Fetches an image.
    PullImage {
        /// The image reference.
        image: String,
        /// Who may fetch it, where the manifest says.
        #[serde(skip_serializing_if = "Option::is_none")]
        credentials: Option<RepositoryCredentials>,
        /// What it has to be made for, where the manifest says; the engine takes what fits its host without.
        #[serde(skip_serializing_if = "Option::is_none")]
        platform: Option<Platform>,
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
    /// The container that has the values which the spec leaves out: the spec was read from its label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_from: Option<ContainerId>,
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

impl NewContainer {
    /// What the engine is asked to make it from: the image of its deployment, or whatever the tag means.
    pub fn image(&self) -> &str {
        self.identity.image.as_ref().map_or(&self.spec.image, |pin| &pin.id.0)
    }
}

impl Action {
    /// What it works on.
    pub fn target(&self) -> Target {
        match self {
            Self::CreateNetwork { cluster, .. } => Target::ClusterNetwork(cluster.clone()),
            Self::RemoveNetwork { id, .. } => Target::Network(id.clone()),
            Self::PullImage { image, .. } => Target::Image(image.clone()),
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
    /// Its restart policy has the container started again in place.
    Restarted {
        /// How it ended, in a sentence.
        reason: String,
    },
    /// The revision that the manifest asks for has failed; this one is the last that was deployed well.
    RolledBack {
        /// The revision that failed.
        failed: Revision,
    },
    /// The user asked to take over what another directory declared.
    Adopted,
    /// It runs at this stage of a deployment.
    Hook {
        /// The stage.
        stage: HookStage,
    },
    /// It has run for as long as it may.
    TimedOut {
        /// How long that is.
        after: Duration,
    },
    /// The desired count went down.
    Surplus,
    /// Somebody asked for a new deployment of what the manifest asks for.
    Redeployed,
    /// What somebody asked beside the manifest is over.
    InterventionOver,
    /// No manifest asks for it.
    Removed,
    /// Its successor has taken over.
    Superseded,
    /// The task that it belongs to has ended.
    TaskEnded,
    /// Somebody asked for its end.
    Stopped,
    /// An essential container of its task can never be started.
    FailedToStart {
        /// Why, in a sentence.
        reason: String,
    },
    /// There are two of it.
    Duplicate,
    /// The manifests ask for it.
    Wanted,
}

impl Cause {
    /// In which queue stands what is done for it.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Died { .. } | Self::Unhealthy { .. } | Self::Restarted { .. } | Self::RolledBack { .. } => {
                Lane::Repair
            }
            Self::New
            | Self::Outdated { .. }
            | Self::Redeployed
            | Self::InterventionOver
            | Self::Adopted
            | Self::Hook { .. }
            | Self::TimedOut { .. }
            | Self::Surplus
            | Self::Removed
            | Self::Superseded
            | Self::TaskEnded
            | Self::Stopped
            | Self::FailedToStart { .. }
            | Self::Duplicate
            | Self::Wanted => Lane::Rollout,
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
    /// The engine does not have the image, and the registry does not give it.
    ImageMissing,
    /// The image could not be fetched: the registry could not be reached, or did not go on.
    Registry,
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
    /// Something that the container needs before it can be created cannot be had: a secret. ECS: `ResourceInitializationError`.
    ResourceInitialization,
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
