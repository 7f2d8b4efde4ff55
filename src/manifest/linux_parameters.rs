//! What a container may ask of the Linux kernel, as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern;
use super::words::{Capability, UlimitName};

/// What a container may ask of the Linux kernel (ECS `LinuxParameters`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinuxParameters {
    /// The rights of the kernel that the container has, compared with Docker's own choice. A privileged container has all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<KernelCapabilities>,
    /// The devices of the host that the container can use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
    /// Whether a small init process runs the program, passes signals on and reaps what is left: `false` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_process_enabled: Option<bool>,
    /// The size of `/dev/shm`, in MiB. Without it the engine decides: 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_073_741_824))]
    pub shared_memory_size: Option<u32>,
    /// Directories of the container that are kept in memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tmpfs: Vec<Tmpfs>,
    /// How much swap the container can use beside its memory, in MiB: 0 for none. It needs a limit of memory. Without it the host
    /// decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_073_741_824))]
    pub max_swap: Option<u32>,
    /// How eagerly the memory of the container is swapped, 0 to 100. It counts only together with `maxSwap`, and not on a host with
    /// cgroup v2, where the kernel has no such setting and the engine drops it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub swappiness: Option<u8>,
}

/// Rights of the kernel (ECS `KernelCapabilities`): what is dropped goes first, then comes what is added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KernelCapabilities {
    /// The rights that are added, without `CAP_`. With `ALL` the container has all but those that are dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<Capability>,
    /// The rights that are taken away, without `CAP_`. With `ALL` the container has only those that are added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<Capability>,
}

/// A device of the host (ECS `Device`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Device {
    /// The absolute path on the host.
    #[schemars(regex(pattern = pattern::ABSOLUTE_PATH))]
    pub host_path: String,
    /// The absolute path in the container: that on the host by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = pattern::ABSOLUTE_PATH))]
    pub container_path: Option<String>,
    /// What the container may do with it: all of `read`, `write` and `mknod` by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<DevicePermission>,
}

/// What a container may do with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum DevicePermission {
    /// Read from it.
    Read,
    /// Write to it.
    Write,
    /// Make another file for it.
    Mknod,
}

/// A directory that is kept in memory (ECS `Tmpfs`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tmpfs {
    /// The absolute path in the container.
    #[schemars(regex(pattern = pattern::ABSOLUTE_PATH))]
    pub container_path: String,
    /// The most that it holds, in MiB.
    #[schemars(range(min = 1, max = 1_073_741_824))]
    pub size: u32,
    /// Options of the mount, such as `noexec` or `mode=1777`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(pattern = pattern::MOUNT_OPTION)))]
    pub mount_options: Vec<String>,
}

/// A limit of the processes of a container (ECS `Ulimit`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ulimit {
    /// Which limit.
    pub name: UlimitName,
    /// The limit that holds at first, which the program may raise to the hard one; -1 for none.
    #[schemars(range(min = -1))]
    pub soft_limit: i64,
    /// The highest that the soft limit can be raised to; -1 for none.
    #[schemars(range(min = -1))]
    pub hard_limit: i64,
}

/// A setting of the kernel (ECS `SystemControl`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SystemControl {
    /// Its name, one of those that each container can have for itself: `net.*`, `fs.mqueue.*`, and of `kernel.*` those for shared
    /// memory, semaphores and messages.
    #[schemars(extend("examples" = ["net.core.somaxconn"]))]
    pub namespace: String,
    /// Its value, always a string: quote numbers.
    pub value: String,
}

/// A special resource of the host (ECS `ResourceRequirement`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceRequirement {
    /// `GPU`: what an NVIDIA engine gives. `InferenceAccelerator` and `NeuronDevice` are refused: they exist on AWS only.
    #[serde(rename = "type")]
    pub kind: ResourceType,
    /// How many whole GPUs, or `ALL`.
    #[schemars(regex(pattern = pattern::GPUS), extend("examples" = ["1"]))]
    pub value: String,
}

/// Which special resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ResourceType {
    /// Graphics processors.
    #[serde(rename = "GPU")]
    Gpu,
    /// Elastic Inference, which AWS has ended.
    InferenceAccelerator,
    /// Chips for machine learning that only AWS has.
    NeuronDevice,
}
