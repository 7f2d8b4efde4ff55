//! The volumes of a task definition, as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern;
use crate::value::VolumeName;

/// A volume of a task (ECS `Volume`). With neither `host` nor `dockerVolumeConfiguration` it is an empty one that lives
/// and dies with the task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Volume {
    /// The name by which `mountPoints` refer to it.
    pub name: VolumeName,
    /// A directory of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<HostVolume>,
    /// A Docker volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_volume_configuration: Option<DockerVolumeConfiguration>,
}

/// A directory of the host (ECS `HostVolumeProperties`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostVolume {
    /// The absolute path on the host. A missing directory is created. Without a path the volume is an empty one that
    /// lives and dies with the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = pattern::ABSOLUTE_PATH))]
    pub source_path: Option<String>,
}

/// A Docker volume (ECS `DockerVolumeConfiguration`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DockerVolumeConfiguration {
    /// `task` (the default): the volume lives and dies with the task. `shared`: it outlives it, and every task that names
    /// it gets the same one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<VolumeScope>,
    /// Whether a `shared` volume that does not exist is created: `false` by default. Only with `scope: shared`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoprovision: Option<bool>,
    /// The volume driver: `local` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub driver: Option<String>,
    /// Options for the volume driver.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub driver_opts: BTreeMap<String, String>,
    /// Labels of the volume. Those that start with `reconcile.` belong to `reconcile` itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// How long a Docker volume lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum VolumeScope {
    /// As long as the task.
    Task,
    /// Until it is deleted by hand.
    Shared,
}
