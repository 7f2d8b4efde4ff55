//! `kind: TaskDefinition` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::namespaces::{IpcMode, NetworkMode, PidMode};
use super::platform::{Compatibility, RuntimePlatform, Tag};
use super::task_size::{TaskCpu, TaskMemory};
use super::{ApiVersion, ContainerDefinition, Kind, Metadata, Volume};
use crate::value::Family;

/// The recipe of a task: containers that start together, on one network and with shared volumes. A change of anything in
/// it makes a new revision, which every service that uses it then rolls out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskDefinition {
    /// The version of the format: `reconcile/v1`.
    pub api_version: ApiVersion,
    /// `TaskDefinition`.
    #[schemars(with = "String", extend("const" = "TaskDefinition"))]
    pub kind: Kind,
    /// What identifies the task definition: its family.
    pub metadata: Metadata<Family>,
    /// What a task is made of.
    pub spec: TaskDefinitionSpec,
}

/// The fields of ECS `RegisterTaskDefinition`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskDefinitionSpec {
    /// The name once more, as ECS spells it. When it is given it equals `metadata.name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// How the containers reach the network: `bridge` (the default) connects each of them to the network of the cluster, `host` lets
    /// them use the host's own, where no name of a service leads to them, and `none` leaves them without. With `awsvpc` the task has
    /// one address: its containers reach each other at `localhost`, and each port gets a free one of the host, whatever `hostPort` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<NetworkMode>,
    /// The containers of a task, at least one. ECS accepts at most 10; more are allowed here, with a warning.
    #[schemars(length(min = 1))]
    pub container_definitions: Vec<ContainerDefinition>,
    /// The volumes that the containers can mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// The processor time of the whole task: a number of CPU units, of which 1024 are one core, or a text such as `.5 vCPU`; 128 to
    /// 196608 units. It limits the sum of the containers where reconcile is root on the engine's host and the engine's cgroup driver is
    /// `cgroupfs`; elsewhere each container by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<TaskCpu>,
    /// The memory of the whole task: a number of MiB, or a text such as `1GB`; at least 6 MiB. It limits the
    /// sum of the containers where reconcile is root on the engine's host and the engine's cgroup driver is `cgroupfs`. Everywhere it is
    /// the limit of each container that has no `memory` of its own, which cannot be above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<TaskMemory>,
    /// Which processes the containers see: their own by default, `host` for all of the host, `task` for those of the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid_mode: Option<PidMode>,
    /// With whom the containers share memory, semaphores and message queues: `host`, or `none` for nobody. Without it the engine
    /// decides. `task` shares them within the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipc_mode: Option<IpcMode>,
    /// The kind of host that the images are for: they are fetched for it, also when the host has them for another one. What is then still
    /// for another one is refused when the container is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_platform: Option<RuntimePlatform>,
    /// Where ECS is to accept the task definition. With `FARGATE` what Fargate would refuse is pointed out, as a warning.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires_compatibilities: Vec<Compatibility>,
    /// Tags, at most 50. Each becomes the label `reconcile.tag.KEY` of every container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tags: Vec<Tag>,
}
