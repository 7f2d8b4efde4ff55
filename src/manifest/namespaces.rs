//! What the containers of a task share with each other and with the host, and how they are known in the network, as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern;
use crate::value::ContainerName;

/// How the containers of a task reach the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum NetworkMode {
    /// Each container has its own address on the cluster's Docker network.
    #[default]
    Bridge,
    /// The containers use the host's network as if they were its own programs.
    Host,
    /// The task has one address for all of its containers.
    Awsvpc,
    /// The containers have no network.
    None,
}

impl NetworkMode {
    /// As written in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Host => "host",
            Self::Awsvpc => "awsvpc",
            Self::None => "none",
        }
    }
}

/// Which processes the containers of a task see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum PidMode {
    /// All processes of the host.
    Host,
    /// Those of all containers of the task.
    Task,
}

/// With whom the containers of a task share memory, semaphores and message queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum IpcMode {
    /// With the host.
    Host,
    /// With the containers of the task.
    Task,
    /// With nobody, and without `/dev/shm`.
    None,
}

/// A line of `/etc/hosts` (ECS `HostEntry`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostEntry {
    /// The name.
    #[schemars(regex(pattern = pattern::HOST_ENTRY))]
    pub hostname: String,
    /// Its address, or `host-gateway` for that of the host.
    pub ip_address: String,
}

/// The volumes of another container (ECS `VolumeFrom`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VolumeFrom {
    /// The name of another container of the task.
    pub source_container: ContainerName,
    /// Whether the container can only read them: `false` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
}

/// An entry of `links`: the other container, and the name by which it is reached.
pub fn read_link(text: &str) -> (&str, &str) {
    text.split_once(':').unwrap_or((text, text))
}
