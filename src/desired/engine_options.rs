//! What the engine is told about a container and nothing else here depends on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::SecretSpec;
use crate::manifest::{Capability, DevicePermission, HostEntry, LogDriver, Ulimit};

/// What is passed on to the engine as it is. Each field at its default is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in ECS")]
pub struct EngineOptions {
    /// The name that the container has for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The name servers that the container asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_servers: Vec<String>,
    /// The domains in which a short name is looked up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_search_domains: Vec<String>,
    /// Lines that are added to `/etc/hosts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_hosts: Vec<HostEntry>,
    /// Whether the standard input stays open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interactive: bool,
    /// Whether the program gets a terminal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pseudo_terminal: bool,
    /// Whether the container may do what root on the host may do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub privileged: bool,
    /// Whether the container can only read its own file system.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub readonly_root_filesystem: bool,
    /// Whether the container has no network at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disable_networking: bool,
    /// Options of the host's security modules, in ECS's form: `apparmor:PROFILE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub docker_security_options: Vec<String>,
    /// The limits of its processes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ulimits: Vec<Ulimit>,
    /// Its settings of the kernel, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub system_controls: BTreeMap<String, String>,
    /// What it may ask of the Linux kernel.
    #[serde(default, skip_serializing_if = "LinuxSpec::is_default")]
    pub linux_parameters: LinuxSpec,
    /// Where its output goes; the engine decides when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_configuration: Option<LogSpec>,
    /// The graphics processors that it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<Gpus>,
}

/// What a container may ask of the Linux kernel, with every default filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinuxSpec {
    /// The rights that are added to the engine's own choice.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub capabilities_added: BTreeSet<Capability>,
    /// The rights that are taken from it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub capabilities_dropped: BTreeSet<Capability>,
    /// The devices of the host that it can use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceSpec>,
    /// Whether an init process runs the program.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub init_process_enabled: bool,
    /// The size of `/dev/shm` in MiB; the engine decides when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_memory_size: Option<u32>,
    /// Directories that are kept in memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tmpfs: Vec<TmpfsSpec>,
    /// Swap beside the memory, in MiB; the host decides when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swap: Option<SwapSpec>,
}

impl LinuxSpec {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a container uses swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SwapSpec {
    /// How much beside the memory, in MiB; 0 for none.
    pub max_swap: u32,
    /// How eagerly, 0 to 100; the host decides when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swappiness: Option<u8>,
}

/// A device of the host in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceSpec {
    /// The path on the host.
    pub host_path: String,
    /// The path in the container.
    pub container_path: String,
    /// What the container may do with it; never empty.
    pub permissions: BTreeSet<DevicePermission>,
}

/// A directory that is kept in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TmpfsSpec {
    /// The path in the container.
    pub container_path: String,
    /// The most that it holds, in MiB.
    pub size: u32,
    /// Options of the mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mount_options: Vec<String>,
}

/// Where the output of a container goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogSpec {
    /// The driver, never one of AWS's.
    pub log_driver: LogDriver,
    /// Options for the driver, none of which is a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// Options that are looked up when the container is created, by name. None of them is a file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_options: Vec<SecretSpec>,
}

/// How many graphics processors a container gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Gpus {
    /// All that the host has.
    All,
    /// So many.
    Count(u32),
}
