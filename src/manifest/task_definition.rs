//! `kind: TaskDefinition` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// How the containers reach the network: `bridge` (the default) connects each of them to the network of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<NetworkMode>,
    /// The containers of a task, at least one. ECS accepts at most 10; more are allowed here, with a warning.
    #[schemars(length(min = 1))]
    pub container_definitions: Vec<ContainerDefinition>,
    /// The volumes that the containers can mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
}

/// How the containers of a task reach the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum NetworkMode {
    /// Each container has its own address on the cluster's Docker network.
    Bridge,
}
