//! What should be: every default filled in, every reference followed, nothing optional that has an answer.
//!
//! A value of these types has been checked in full, so the planner has no error to report.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod circuit_breaker;
mod engine_options;
pub mod fingerprint;
mod health_check;
mod hook;
pub mod inputs;
mod lifecycle;
mod namespace_owner;
pub mod overrides;
mod reservation;
pub mod resolve;
mod secret;
mod spec;
pub mod standalone;
mod task_settings;

pub use circuit_breaker::{CircuitBreaker, Threshold};
pub use engine_options::{DeviceSpec, EngineOptions, Gpus, LinuxSpec, LogSpec, SwapSpec, TmpfsSpec};
pub use fingerprint::Revision;
pub use health_check::{
    CheckMethod, CheckSpec, GrpcSpec, HealthCheckSpec, HttpGetSpec, Probe, ReadinessCheckSpec, TcpSocketSpec,
};
pub use hook::{DesiredHook, HOOK_TIMEOUT_DEFAULT};
pub use inputs::Inputs;
pub use lifecycle::{Condition, RESTART_ATTEMPT_PERIOD_DEFAULT_SECS, RestartPolicy, StartDependency};
pub use reservation::{Resources, Sizes, reserve};
pub use secret::{FileMode, FileOwner, FormError, SecretFile, SecretPurpose, SecretSpec, SecretVersion};
pub use spec::{
    ContainerSpec, LinkSpec, MountSpec, PortMapping, Protocol, RepositoryCredentials, STOP_TIMEOUT_DEFAULT_SECS,
    TaskSpec, VolumeDriver, VolumeSpec, VolumesFromSpec,
};
pub use task_settings::TaskSettings;

use crate::document::{Document, File};
use crate::image::PullBehavior;
use crate::ownership::Source;
use crate::value::{ClusterName, ContainerName, Percent, ServiceName, Timestamp};

/// The documents behind a service, so that a difference can be traced to the line that causes it.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The Service.
    pub service: Arc<Document>,
    /// The TaskDefinition that it uses.
    pub task_definition: Arc<Document>,
    /// The environment files of each container, in the order in which they count.
    pub environment_files: Arc<BTreeMap<ContainerName, Vec<Arc<File>>>>,
}

/// The origin of every service.
///
/// It stands beside the desired state and not in it: a manifest that only moved or was reformatted asks for nothing new.
pub type Origins = BTreeMap<(ClusterName, ServiceName), Origin>;

/// Everything that one directory of manifests asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredState {
    /// The directory that asks.
    pub source: Source,
    /// Other sources whose objects this directory takes over, because its user said so.
    pub adopted: BTreeSet<Source>,
    /// The clusters and their services.
    pub clusters: BTreeMap<ClusterName, DesiredCluster>,
    /// Since when deployments that had failed are tried once more, because the user said so. What failed before counts no more.
    pub retry_since: Option<Timestamp>,
}

impl DesiredState {
    /// Whether what `source` declared is ours to change.
    pub fn may_touch(&self, source: &Source) -> bool {
        // A task that no manifest declares is nobody's to take over.
        *source == self.source || self.adopted.contains(source) && !source.is_standalone()
    }
}

/// A cluster: a set of services that share one network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DesiredCluster {
    /// What its tasks leave of the host to whatever else runs there.
    pub reserved: Resources,
    /// The services of the cluster.
    pub services: BTreeMap<ServiceName, DesiredService>,
}

/// A service: a number of equal tasks that is kept up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredService {
    /// How many tasks should run; `None` keeps as many as there are, and is 1 for a service that is new.
    pub desired_count: Option<u32>,
    /// The share of the desired count that our own actions leave healthy; rounded up.
    pub minimum_healthy: Percent,
    /// The share of the desired count that may exist at once; rounded down.
    pub maximum: Percent,
    /// When a deployment is given up.
    pub circuit_breaker: CircuitBreaker,
    /// For how long after its start a task may be unhealthy without being replaced.
    pub health_check_grace: Duration,
    /// How long a task has to have run before it counts as healthy.
    pub min_ready: Duration,
    /// When its images are fetched.
    pub image_pull: PullBehavior,
    /// What each task is made of.
    pub task: Arc<TaskSpec>,
    /// How often a slot is filled.
    pub lifetime: Lifetime,
    /// Whether it is there for the others.
    pub scheduling: Scheduling,
    /// What runs once in each deployment, in the order in which it runs.
    pub hooks: Vec<DesiredHook>,
}

/// How long the tasks of a service are waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Patience {
    /// For how long after its start a task may be unhealthy without being replaced.
    pub grace: Duration,
    /// How long a task has to have run before it counts as healthy.
    pub min_ready: Duration,
}

impl DesiredService {
    /// How long its tasks are waited for. Those that are not wanted any more have nothing to prove.
    pub fn patience(&self, is_current: bool) -> Patience {
        let min_ready = if is_current { self.min_ready } else { Duration::ZERO };
        Patience { grace: self.health_check_grace, min_ready }
    }
}

/// How the tasks of a service are placed. ECS: `schedulingStrategy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Scheduling {
    /// As many as are asked for.
    #[default]
    Replica,
    /// One on each host, for the sake of the others: the first to start and the last to stop.
    Daemon,
}

impl Scheduling {
    /// Whether it is [`Scheduling::Replica`], which no label has to say.
    pub fn is_replica(&self) -> bool {
        match self {
            Self::Replica => true,
            Self::Daemon => false,
        }
    }
}

/// How often a slot of a service is filled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// Again and again: a task that ends, or is not well, is replaced. Every service of a manifest.
    #[default]
    Kept,
    /// Once: a slot that has ever had a task gets no other, however that one ended. Source: ECS `RunTask`.
    Once {
        /// Whether a task that has ended stays, for people to look at.
        keep_ended: bool,
    },
}

impl Lifetime {
    /// Whether a slot is filled only once.
    pub fn is_once(self) -> bool {
        match self {
            Self::Kept => false,
            Self::Once { .. } => true,
        }
    }
}
