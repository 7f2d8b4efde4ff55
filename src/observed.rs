//! What the engine showed, in our words.
//!
//! Only what carries our labels is in here: nothing that reads an [`ObservedState`] can touch anybody else's object. The state is
//! kept between two looks at the engine; an event, an inspection or the outcome of an action changes just the part it speaks of.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::desired::{ContainerSpec, Protocol, Resources};
use crate::image::ObservedImage;
use crate::ownership::{ContainerIdentity, Intervention, RecordedSpec, Source, TaskKey};
use crate::plan::{About, Cause, Lane, Target};
use crate::value::{ClusterName, Timestamp};

pub mod snapshot;

/// The engine's id of a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerId(pub Arc<str>);

/// The engine's id of a network.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NetworkId(pub Arc<str>);

impl ContainerId {
    /// Wraps the engine's text.
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The first characters: what people read.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl NetworkId {
    /// Wraps the engine's text.
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the engine showed, and what is under way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObservedState {
    /// Now: the only clock that the planner knows.
    pub at: Timestamp,
    /// The containers that carry our labels, of every source.
    pub containers: BTreeMap<ContainerId, ObservedContainer>,
    /// The networks that carry our labels.
    pub networks: BTreeMap<NetworkId, ObservedNetwork>,
    /// The volumes that carry our labels, by name.
    pub volumes: BTreeMap<String, ObservedVolume>,
    /// How much the host has, where the engine told. What is not known holds nothing up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Resources>,
    /// What else of ours takes room on the host: containers that are not looked after here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub neighbours: BTreeMap<ContainerId, Neighbour>,
    /// The slots whose tasks wait for room, and since when: first come, first served.
    #[serde(skip)]
    pub queued: BTreeMap<About, Timestamp>,
    /// The actions that have begun and not ended. Counted by the planner, never repeated.
    #[serde(skip)]
    pub in_flight: BTreeMap<Target, InFlight>,
    /// The last failure of each action that has failed and not succeeded since: what is tried again, and when, follows from it.
    #[serde(skip)]
    pub failed_actions: BTreeMap<Target, FailedAction>,
    /// The containers that were asked to end, and why. A task of which one did is never taken up again.
    #[serde(skip)]
    pub condemned: BTreeMap<ContainerId, Cause>,
    /// The containers that were told to end before we looked and still run, and until when that may take. Nobody counts on them.
    #[serde(skip)]
    pub leaving: BTreeMap<ContainerId, Timestamp>,
    /// What the engine has under the references that were asked about; kept only as long as a decision needs it.
    #[serde(skip)]
    pub images: BTreeMap<String, ImageFact>,
    /// The images that we have fetched, as far as somebody remembers, and when that was last.
    #[serde(skip)]
    pub pulled: BTreeMap<String, Timestamp>,
    /// Tasks of which a container was there and is gone: a task that runs only once has then had its turn.
    #[serde(skip)]
    pub gone_tasks: BTreeSet<TaskKey>,
}

/// What the engine had under an image reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFact {
    /// When it was asked.
    pub at: Timestamp,
    /// The image; `None` when it had none.
    pub image: Option<ObservedImage>,
}

/// An action that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAction {
    /// The container that it was about, if it was about one.
    pub identity: Option<Box<ContainerIdentity>>,
    /// How many times in a row it has failed.
    pub failures: u32,
    /// When it failed last.
    pub at: Timestamp,
    /// What the engine said to it.
    pub failure: crate::plan::Failure,
}

/// An action that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// When it began.
    pub since: Timestamp,
    /// What it is doing.
    pub doing: Doing,
    /// Which queue it came from.
    pub lane: Lane,
}

/// What an action in flight is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    /// A container is being created: it may exist at any moment.
    Create(Box<ContainerIdentity>),
    /// A container is being started.
    Start,
    /// A container is being stopped.
    Stop,
    /// A container is being removed.
    Remove,
    /// An image is being fetched.
    Pull,
    /// A network or a volume is being worked on.
    Other,
}

/// A container of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObservedContainer {
    /// The engine's id.
    pub id: ContainerId,
    /// The engine's name of it, without a leading slash.
    pub name: String,
    /// What its labels say.
    pub identity: ContainerIdentity,
    /// The spec that it was made from, as its label holds it.
    pub spec: Option<RecordedSpec>,
    /// Where it is in its life.
    pub phase: Phase,
    /// What its health check says.
    pub health: Health,
    /// What the last failed check printed, while it runs and is unhealthy; only an inspection tells.
    #[serde(default)]
    pub health_output: Option<String>,
    /// What its readiness check says.
    #[serde(default)]
    pub readiness: Health,
    /// What the last failed readiness check said.
    #[serde(default)]
    pub readiness_output: Option<String>,
    /// Where it is in the network of its cluster, while it runs there.
    #[serde(default)]
    pub address: Option<NetworkAddress>,
    /// When it was created.
    pub created_at: Timestamp,
    /// The ports that it has on the host now.
    #[serde(default)]
    pub ports: Vec<PublishedPort>,
}

impl ObservedContainer {
    /// The spec that it was made from, where the label can be read.
    pub fn read_spec(&self) -> Option<&Arc<ContainerSpec>> {
        self.spec.as_ref()?.read()
    }

    /// The same, where the label has any of these words. What most specs do not have need not be looked for in all of them.
    pub(crate) fn read_spec_with(&self, words: &[&str]) -> Option<&Arc<ContainerSpec>> {
        self.spec.as_ref().filter(|spec| spec.mentions(words))?.read()
    }

    /// The label itself.
    pub(crate) fn spec_text(&self) -> Option<&str> {
        self.spec.as_ref().map(RecordedSpec::text)
    }
}

/// A container that carries our labels and that somebody else looks after: another directory in another cluster, or another process.
/// All that counts of it is what it takes of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Neighbour {
    /// The task that it belongs to.
    pub task: TaskKey,
    /// Who declared it.
    pub source: Source,
    /// The spec that it was made from, as its label holds it.
    pub spec: Option<RecordedSpec>,
    /// Where it is in its life.
    pub phase: Phase,
    /// When it was created.
    pub created_at: Timestamp,
    /// The ports that it has on the host.
    #[serde(default)]
    pub ports: Vec<PublishedPort>,
}

impl Neighbour {
    /// The label that holds the spec.
    pub(crate) fn spec_text(&self) -> Option<&str> {
        self.spec.as_ref().map(RecordedSpec::text)
    }
}

impl From<ObservedContainer> for Neighbour {
    fn from(container: ObservedContainer) -> Self {
        let ObservedContainer { identity, spec, phase, created_at, ports, .. } = container;
        Self { task: identity.task, source: identity.source, spec, phase, created_at, ports }
    }
}

/// Where a container is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "phase")]
pub enum Phase {
    /// It exists and has never been started, or its start failed: a list does not tell which. Inspect it.
    CreatedOrFailed,
    /// It exists and has never been started.
    Created,
    /// The engine could not start it.
    #[serde(rename_all = "camelCase")]
    StartFailed {
        /// What the engine said.
        message: String,
        /// When that was.
        at: Timestamp,
        /// Whether that was no fault of its own: something else held a host port that it publishes, or the engine went away.
        #[serde(default)]
        blameless: bool,
    },
    /// Its process runs.
    #[serde(rename_all = "camelCase")]
    Running {
        /// When it was started; never earlier than the truth, later by at most the coarseness of a list.
        started_at: Timestamp,
    },
    /// Its process runs and is frozen.
    Paused,
    /// Its process has ended. Of a container that was only listed, times and cause are not known.
    Exited {
        /// How it ended; `None` until it is inspected.
        exit: Option<Exit>,
    },
    /// The engine is removing it, or failed to.
    Removing,
}

impl Phase {
    /// How it ended, when it has ended and that is known.
    pub fn exit(&self) -> Option<&Exit> {
        match self {
            Self::Exited { exit } => exit.as_ref(),
            Self::CreatedOrFailed
            | Self::Created
            | Self::StartFailed { .. }
            | Self::Running { .. }
            | Self::Paused
            | Self::Removing => None,
        }
    }
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exit {
    /// The exit code; 137 is SIGKILL, 143 is SIGTERM.
    pub code: i64,
    /// Whether the kernel killed it for memory.
    pub oom_killed: bool,
    /// What the engine said, if anything.
    pub error: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// The output of the last health check, when it was unhealthy as it ended.
    pub health_output: Option<String>,
}

/// What a health check says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Health {
    /// There is no health check.
    #[default]
    None,
    /// No verdict yet.
    Starting,
    /// We check it ourselves, and have not been able to tell yet: it may have been well for long.
    Unknown,
    /// The last check succeeded.
    Healthy,
    /// As many checks in a row failed as the health check allows retries.
    Unhealthy,
}

/// Where a container is in a network of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkAddress {
    /// Its own address.
    pub ip: IpAddr,
    /// The address of the host in that network: whoever has it can reach the container.
    pub gateway: Option<IpAddr>,
}

/// A port that a container has on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedPort {
    /// The port inside the container.
    pub container_port: u16,
    /// The port on the host.
    pub host_port: u16,
    /// The transport protocol.
    pub protocol: Protocol,
}

impl PublishedPort {
    /// The ports of the host that a container of this spec has as soon as it runs.
    pub fn all_static(spec: &ContainerSpec) -> impl Iterator<Item = Self> + '_ {
        spec.port_mappings.iter().filter_map(|port| {
            let (host_port, protocol) = port.static_host_port()?;
            Some(Self { container_port: port.container_port, host_port, protocol })
        })
    }
}

/// A network of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObservedNetwork {
    /// The engine's id.
    pub id: NetworkId,
    /// The cluster that it belongs to.
    pub cluster: ClusterName,
    /// The directory that declared it.
    pub source: Source,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A volume of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObservedVolume {
    /// The name on the host.
    pub name: String,
    /// The cluster that it belongs to.
    pub cluster: ClusterName,
    /// The directory that declared it.
    pub source: Source,
    /// The task that it lives and dies with; `None` when it outlives every task.
    pub task: Option<TaskKey>,
    /// What a person asks by it; `None` of a volume that somebody uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervention: Option<Intervention>,
}
