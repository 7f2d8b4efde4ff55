//! One container of a task definition, as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::health_check::{HealthCheck, ReadinessCheck};
use super::lifecycle::{ContainerDependency, RestartPolicy};
use super::linux_parameters::{LinuxParameters, ResourceRequirement, SystemControl, Ulimit};
use super::log_configuration::LogConfiguration;
use super::namespaces::{HostEntry, VolumeFrom, read_link};
use super::port_mapping::PortMapping;
use super::{EnvironmentFile, Secret, pattern};
use crate::image::VersionConsistency;
use crate::value::{ContainerName, VolumeName};

/// One container of a task (ECS `ContainerDefinition`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContainerDefinition {
    /// The name of the container, unique within the task definition: 1 to 255 letters, digits, hyphens and underscores.
    pub name: ContainerName,
    /// The image: `repository[:tag]` or `repository@sha256:digest`, at most 255 characters. Without a tag it is `latest`.
    #[schemars(length(min = 1, max = 255), regex(pattern = pattern::NO_SPACES), extend("examples" = ["nginx:1.27"]))]
    pub image: String,
    /// Who may fetch the image. Without it: what `docker login` has stored on the machine that runs `reconcile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_credentials: Option<RepositoryCredentials>,
    /// `enabled` (the default): the first task of a deployment looks up what the tag means, and all later ones are made
    /// from the very same image, until the task definition changes. `disabled`: each task is made from what the tag means
    /// when it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_consistency: Option<VersionConsistency>,
    /// The arguments of the program. It replaces the CMD of the image; no shell takes part and no variable is expanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// The program. It replaces the ENTRYPOINT of the image and, as in Docker, thereby drops its CMD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<Vec<String>>,
    /// Environment variables. Of two with the same name the last one counts, as in ECS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<EnvironmentVariable>,
    /// Files of environment variables, at most 10. Of a variable in several files the first file counts; `environment` and `secrets`
    /// always win over a file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub environment_files: Vec<EnvironmentFile>,
    /// Values that are looked up when the container is created and are written down nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// The ports that are published on the host. With network mode `host` they only say what the container uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub port_mappings: Vec<PortMapping>,
    /// Whether the task ends when this container ends, whatever its exit code: `true` by default. At least one container
    /// of a task is essential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub essential: Option<bool>,
    /// The relative share of processor time, in CPU units: 1024 are one core, 0 to 262144. It is a weight and not a
    /// limit. Nothing, 0 and 1 all mean the smallest weight, 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 262_144))]
    pub cpu: Option<u32>,
    /// The most memory that the container can use, in MiB, at least 6 (Docker's own minimum): beyond it the container is
    /// killed. Without it there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 6, max = 1_073_741_824))]
    pub memory: Option<u32>,
    /// The memory that is kept for the container when the host runs short, in MiB, at least 6. It is smaller than
    /// `memory` when both are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 6, max = 1_073_741_824))]
    pub memory_reservation: Option<u32>,
    /// How the container shows that it is well. A check built into the image is ignored, as in ECS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// Not in ECS: how the container shows that it can do its work now, over the network. A task that is not ready does not count as
    /// healthy, so a deployment waits for it; it is never replaced because of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness_check: Option<ReadinessCheck>,
    /// How many seconds the container has to end after the stop signal before it is killed: 0 to 86400, 30 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86_400))]
    pub stop_timeout: Option<u32>,
    /// What the container waits for before it is started: other containers of the task, and what they have to have come
    /// to. It is checked once, at the start. A container is stopped only after those that depend on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<ContainerDependency>,
    /// How many seconds after its own start others go on waiting for this container to end, to succeed or to be healthy:
    /// at least 2. When they are up, whoever waits for it is never started. Without it they wait for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2))]
    pub start_timeout: Option<u32>,
    /// Whether the container is started again in place when it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicy>,
    /// Where the volumes of the task appear in the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mount_points: Vec<MountPoint>,
    /// Who the program runs as: `user`, `user:group`, `uid`, `uid:gid`, `user:gid` or `uid:group`. Without it the image
    /// decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), regex(pattern = pattern::USER), extend("examples" = ["1000:1000"]))]
    pub user: Option<String>,
    /// The absolute directory in which the program starts. Without it the image decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = pattern::ABSOLUTE_PATH))]
    pub working_directory: Option<String>,
    /// Labels of the container. Those that start with `reconcile.` belong to `reconcile` itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub docker_labels: BTreeMap<String, String>,
    /// Other containers of the task that this one reaches by another name: `container` or `container:alias`. Only this container
    /// knows the name. Each of them is started before it. With network mode `bridge` only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(min = 1, max = 511), regex(pattern = pattern::LINK)))]
    pub links: Vec<String>,
    /// The name that the container has for itself, at most 64 characters. Without it the engine chooses one. Not with `awsvpc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = pattern::HOSTNAME))]
    pub hostname: Option<String>,
    /// The addresses of the name servers that the container asks. Not with `awsvpc`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_servers: Vec<String>,
    /// The domains in which a short name is looked up. Not with `awsvpc`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(min = 1), regex(pattern = pattern::NO_SPACES)))]
    pub dns_search_domains: Vec<String>,
    /// Lines that are added to `/etc/hosts`. Not with `awsvpc`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_hosts: Vec<HostEntry>,
    /// Whether the standard input of the program stays open: `false` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactive: Option<bool>,
    /// Whether the program gets a terminal: `false` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pseudo_terminal: Option<bool>,
    /// Whether the container may do what root on the host may do: `false` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<bool>,
    /// Whether the container can only read its own file system, apart from volumes and `tmpfs`: `false` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly_root_filesystem: Option<bool>,
    /// Whether the container has no network at all: `false` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_networking: Option<bool>,
    /// Options of the host's security modules: `no-new-privileges`, `apparmor:PROFILE`, `label:VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub docker_security_options: Vec<String>,
    /// The limits of the processes of the container. Without one the engine decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ulimits: Vec<Ulimit>,
    /// Settings of the kernel that the container has for itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub system_controls: Vec<SystemControl>,
    /// What the container may ask of the Linux kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux_parameters: Option<LinuxParameters>,
    /// Where the output of the container goes. Without it the engine decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_configuration: Option<LogConfiguration>,
    /// Other containers of the task whose volumes appear in this one, at the same paths. Each of them is created before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes_from: Vec<VolumeFrom>,
    /// Special resources of the host that the container needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_requirements: Vec<ResourceRequirement>,
}

impl ContainerDefinition {
    /// The containers that come before this one without `dependsOn` saying so: whoever it links to is started first, and whoever it
    /// takes volumes from is created first. Source: the ECS agent.
    pub fn implied_dependencies(&self) -> impl Iterator<Item = &str> {
        let links = self.links.iter().map(|link| read_link(link).0);
        links.chain(self.volumes_from.iter().map(|from| from.source_container.as_str()))
    }
}

/// Who may fetch the image (ECS `RepositoryCredentials`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepositoryCredentials {
    /// Where the secret is that holds `{"username": "…", "password": "…"}`: a name, never the secret itself.
    #[schemars(length(min = 1), regex(pattern = pattern::NO_SPACES))]
    pub credentials_parameter: String,
}

/// One environment variable (ECS `KeyValuePair`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentVariable {
    /// The name, without `=`.
    #[schemars(regex(pattern = pattern::VARIABLE))]
    pub name: String,
    /// The value, always a string: quote numbers and `true`.
    pub value: String,
}

/// Where a volume appears in a container (ECS `MountPoint`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MountPoint {
    /// The name of a volume in `volumes`.
    pub source_volume: VolumeName,
    /// The absolute path in the container.
    #[schemars(regex(pattern = pattern::ABSOLUTE_PATH))]
    pub container_path: String,
    /// Whether the container can only read it: `false` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
}
