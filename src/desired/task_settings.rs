//! What holds for a task as a whole. Each of its containers carries it, since containers are all that the engine remembers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::manifest::{CpuArchitecture, IpcMode, NetworkMode, PidMode};

/// What a task definition says about the task as a whole. Each field at its default is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskSettings {
    /// How the containers reach the network.
    #[serde(default, skip_serializing_if = "is_bridge")]
    pub network_mode: NetworkMode,
    /// The processor time of the task, in units of 1/1024 of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// The memory of the task, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// Which processes the containers see; their own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid_mode: Option<PidMode>,
    /// With whom they share memory, semaphores and message queues; the engine decides when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipc_mode: Option<IpcMode>,
    /// The processor that the images are for; the engine's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_architecture: Option<CpuArchitecture>,
    /// The user's tags, by their keys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl TaskSettings {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_bridge(mode: &NetworkMode) -> bool {
    *mode == NetworkMode::Bridge
}
