//! `kind: Cluster` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ApiVersion, Kind, Metadata, TaskCpu, TaskMemory};
use crate::image::PullBehavior;
use crate::value::ClusterName;

/// A group of services. Its tasks share one Docker network, on which each service is reached by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cluster {
    /// The version of the format: `reconcile/v1`.
    pub api_version: ApiVersion,
    /// `Cluster`.
    #[schemars(with = "String", extend("const" = "Cluster"))]
    pub kind: Kind,
    /// What identifies the cluster.
    pub metadata: Metadata<ClusterName>,
    /// What the cluster is made of. It may be left out: nothing in it is required.
    #[serde(default)]
    pub spec: ClusterSpec,
}

/// The fields of ECS `CreateCluster`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSpec {
    /// The name once more, as ECS spells it. When it is given it equals `metadata.name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_name: Option<ClusterName>,
    /// When images are fetched, for every service that does not say so itself. An extension: in ECS it is the agent's
    /// setting `ECS_IMAGE_PULL_BEHAVIOR`. `prefer-cached` (the default here): only an image that the host does not
    /// have. `default`: once for each deployment; where that fails, the image that the host has is used. `always`: for
    /// each deployment and each new task, and a task whose image cannot be fetched does not start. `once`: an image that was never
    /// fetched on this host before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_behavior: Option<PullBehavior>,
    /// Processor time that the tasks of this cluster leave to whatever else runs on the host: units, 1024 of which are one processor,
    /// or a text such as `"0.5 vCPU"`. Without it they may reserve all that the host has. An extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserved_cpu: Option<TaskCpu>,
    /// Memory that the tasks of this cluster leave to whatever else runs on the host: a number of MiB, or a text such as `"1 GB"`.
    /// Without it they may reserve all that the host has. An extension: in ECS it is the agent's setting `ECS_RESERVED_MEMORY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserved_memory: Option<TaskMemory>,
}
