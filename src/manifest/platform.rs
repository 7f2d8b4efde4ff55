//! What kind of host a task is for, and the user's own tags, as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern;

/// The kind of host that a task is for (ECS `RuntimePlatform`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuntimePlatform {
    /// The processor that the images are made for. Without it the engine's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_architecture: Option<CpuArchitecture>,
    /// `LINUX`. What begins with `WINDOWS_` is refused: a Linux engine can never run it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = pattern::OPERATING_SYSTEM), extend("examples" = ["LINUX"]))]
    pub operating_system_family: Option<String>,
}

/// A kind of processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum CpuArchitecture {
    /// Intel and AMD, 64 bits: `amd64` for Docker.
    #[serde(rename = "X86_64")]
    X86_64,
    /// ARM, 64 bits: `arm64` for Docker.
    #[serde(rename = "ARM64")]
    Arm64,
}

impl CpuArchitecture {
    /// As Docker calls it.
    pub fn docker_name(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// Where ECS would let the task run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Compatibility {
    /// On instances of the user's own.
    #[serde(rename = "EC2")]
    Ec2,
    /// On AWS's machines.
    #[serde(rename = "FARGATE")]
    Fargate,
    /// On machines outside of AWS.
    #[serde(rename = "EXTERNAL")]
    External,
    /// On instances that ECS looks after.
    #[serde(rename = "MANAGED_INSTANCES")]
    ManagedInstances,
}

/// A tag (ECS `Tag`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tag {
    /// The name: 1 to 128 characters, unique within the task definition.
    #[schemars(length(min = 1, max = 128))]
    pub key: String,
    /// The value: at most 256 characters, none by default.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub value: String,
}
