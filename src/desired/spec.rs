//! What a task is made of, resolved in full.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::health_check::{HealthCheckSpec, Probe, ReadinessCheckSpec};
use super::{EngineOptions, RestartPolicy, Revision, SecretPurpose, SecretSpec, StartDependency, TaskSettings};
use crate::image::{Platform, VersionConsistency};
use crate::value::{ContainerName, Family, VolumeName};

/// A task definition, resolved in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSpec {
    /// The family: the name of the task definition.
    pub family: Family,
    /// The name of this content. Equal content has an equal revision.
    pub revision: Revision,
    /// The containers, in the order in which the manifest lists them; never empty, at least one essential.
    pub containers: Vec<Arc<ContainerSpec>>,
}

/// One container of a task definition, resolved in full.
///
/// Serialized with ECS's field names: this is the text that a container of ours carries as its spec, and a path into it is a path
/// into the manifest. A field at its default is left out, so that a new field with a default changes no text and no fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerSpec {
    /// The name, unique within the task definition.
    pub name: ContainerName,
    /// The image reference as the manifest gives it.
    pub image: String,
    /// Who may fetch the image; without it, what `docker login` has stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_credentials: Option<RepositoryCredentials>,
    /// Whether all tasks of a deployment are made from one image.
    #[serde(default, skip_serializing_if = "VersionConsistency::is_default")]
    pub version_consistency: VersionConsistency,
    /// Whether the end of this container ends the task.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub essential: bool,
    /// Overrides the image's entry point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<Vec<String>>,
    /// Overrides the image's command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// The environment. A value whose name says that it is sensitive is left out of labels and of everything printed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// What is looked up when the container is created, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretSpec>,
    /// The ports that are published on the host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub port_mappings: Vec<PortMapping>,
    /// The relative share of the processor, in units of 1/1024 of one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cpu: u32,
    /// The hard limit of memory, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// The soft limit of memory, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_reservation: Option<u32>,
    /// How it is found out whether the container is healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheckSpec>,
    /// How we find out whether the container can do its work now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness_check: Option<ReadinessCheckSpec>,
    /// Seconds between SIGTERM and SIGKILL.
    #[serde(default = "default_stop_timeout_secs", skip_serializing_if = "is_default_stop_timeout_secs")]
    pub stop_timeout: u32,
    /// What the manifest says has to be before it is started. Read it through [`ContainerSpec::start_dependencies`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<StartDependency>,
    /// Seconds after its own start for which others wait for it to end, to succeed or to be healthy; for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_timeout: Option<u32>,
    /// When it is started again in place; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicy>,
    /// What is mounted into the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mount_points: Vec<MountSpec>,
    /// The user, and perhaps the group, that the container runs as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The directory that the command starts in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// The user's own labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub docker_labels: BTreeMap<String, String>,
    /// Other containers of the task, and the names by which this one reaches them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkSpec>,
    /// Other containers of the task whose volumes it has. They are created before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes_from: Vec<VolumesFromSpec>,
    /// What the engine is told and nothing else depends on.
    #[serde(flatten)]
    pub options: EngineOptions,
    /// What holds for the task as a whole.
    #[serde(default, skip_serializing_if = "TaskSettings::is_default")]
    pub task: TaskSettings,
}

/// Another container of the task under another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkSpec {
    /// The other container.
    pub container: ContainerName,
    /// The name by which it is reached.
    pub alias: String,
}

/// Another container of the task whose volumes are used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumesFromSpec {
    /// The other container.
    pub source_container: ContainerName,
    /// Whether they can only be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
}

impl ContainerSpec {
    /// An essential container of an image, with every default.
    pub fn new(name: ContainerName, image: &str) -> Self {
        Self {
            name,
            image: image.to_owned(),
            essential: true,
            entry_point: None,
            command: None,
            repository_credentials: None,
            version_consistency: VersionConsistency::default(),
            environment: BTreeMap::new(),
            secrets: Vec::new(),
            port_mappings: Vec::new(),
            cpu: 0,
            memory: None,
            memory_reservation: None,
            health_check: None,
            readiness_check: None,
            stop_timeout: STOP_TIMEOUT_DEFAULT_SECS,
            depends_on: Vec::new(),
            start_timeout: None,
            restart_policy: None,
            mount_points: Vec::new(),
            user: None,
            working_directory: None,
            docker_labels: BTreeMap::new(),
            links: Vec::new(),
            volumes_from: Vec::new(),
            options: EngineOptions::default(),
            task: TaskSettings::default(),
        }
    }

    /// All that is looked up when the container is created, and what each is for.
    pub fn all_secrets(&self) -> impl Iterator<Item = (SecretPurpose, &SecretSpec)> {
        let of_log = self.options.log_configuration.iter().flat_map(|log| &log.secret_options);
        let of_container = self.secrets.iter().map(|secret| (SecretPurpose::Container, secret));
        of_container.chain(of_log.map(|secret| (SecretPurpose::LogOption, secret)))
    }

    /// The same, to be changed.
    pub fn all_secrets_mut(&mut self) -> impl Iterator<Item = (SecretPurpose, &mut SecretSpec)> {
        let of_log = self.options.log_configuration.iter_mut().flat_map(|log| &mut log.secret_options);
        let of_container = self.secrets.iter_mut().map(|secret| (SecretPurpose::Container, secret));
        of_container.chain(of_log.map(|secret| (SecretPurpose::LogOption, secret)))
    }

    /// What its image has to be made for, where the manifest says. The owner of the namespaces is ours, and made for the host.
    pub fn platform(&self) -> Option<Platform> {
        let architecture = self.task.cpu_architecture.filter(|_| !self.is_namespace_owner())?;
        Some(Platform::new("linux", architecture.docker_name()))
    }

    /// What is asked over the network to find out whether it is healthy.
    pub fn health_probe(&self) -> Option<&Probe> {
        self.health_check.as_ref()?.method.probe()
    }

    /// The most memory that it can use, in MiB: its own limit, or that of the task.
    pub fn memory_limit_mib(&self) -> Option<u32> {
        match (self.memory, self.task.memory) {
            (Some(own), Some(task)) => Some(own.min(task)),
            (own, task) => own.or(task),
        }
    }
}

/// Who may fetch an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryCredentials {
    /// Where the secret is that holds user and password. It is a name and not a secret.
    pub credentials_parameter: String,
}

/// Seconds between SIGTERM and SIGKILL where the manifest does not say. Source: ECS `stopTimeout`.
pub const STOP_TIMEOUT_DEFAULT_SECS: u32 = 30;

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_yes(value: &bool) -> bool {
    *value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

fn default_stop_timeout_secs() -> u32 {
    STOP_TIMEOUT_DEFAULT_SECS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_default_stop_timeout_secs(value: &u32) -> bool {
    *value == STOP_TIMEOUT_DEFAULT_SECS
}

/// A port of a container that is published on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortMapping {
    /// The port inside the container.
    pub container_port: u16,
    /// The port on the host; 0 lets the engine choose one for each task.
    #[serde(default, skip_serializing_if = "is_dynamic")]
    pub host_port: u16,
    /// The transport protocol.
    #[serde(default, skip_serializing_if = "Protocol::is_default")]
    pub protocol: Protocol,
}

impl PortMapping {
    /// The port on the host when the manifest fixes it.
    pub fn static_host_port(self) -> Option<(u16, Protocol)> {
        (self.host_port != 0).then_some((self.host_port, self.protocol))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_dynamic(port: &u16) -> bool {
    *port == 0
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP, the default.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_default(&self) -> bool {
        *self == Self::Tcp
    }

    /// The name that Docker and ECS both use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Something that is mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MountSpec {
    /// The volume's name in the task definition.
    pub source_volume: VolumeName,
    /// Where it appears in the container.
    pub container_path: String,
    /// Whether the container may only read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// What the volume is.
    pub volume: VolumeSpec,
}

/// What a volume of a task definition is on a Docker host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum VolumeSpec {
    /// A directory of the host; made when it does not exist.
    #[serde(rename_all = "camelCase")]
    Host {
        /// The absolute path on the host.
        source_path: String,
    },
    /// A volume that lives as long as the task and is shared by its containers.
    Task {
        /// The volume driver and its options.
        #[serde(default, skip_serializing_if = "VolumeDriver::is_default")]
        driver: VolumeDriver,
    },
    /// A volume of the host, known by the volume's name, that outlives every task.
    Shared {
        /// Whether it is made when it does not exist.
        autoprovision: bool,
        /// The volume driver and its options.
        #[serde(default, skip_serializing_if = "VolumeDriver::is_default")]
        driver: VolumeDriver,
    },
}

/// The driver of a Docker volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeDriver {
    /// The driver's name; `local` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Options for the driver.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// The user's own labels on the volume.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl VolumeDriver {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl TaskSpec {
    /// Names `containers` by their content.
    pub fn new(family: Family, containers: Vec<Arc<ContainerSpec>>) -> Self {
        let revision = Revision::of(&family, &containers);
        Self { family, revision, containers }
    }

    /// The same task definition with other content in its containers.
    #[must_use]
    pub fn with_containers(&self, containers: Vec<Arc<ContainerSpec>>) -> Self {
        Self::new(self.family.clone(), containers)
    }

    /// The container that answers to the service's name: the one that has the address of all, else the first that publishes a port,
    /// else the first essential one.
    pub fn named_container(&self) -> Option<&ContainerName> {
        let owner = self.containers.iter().find(|container| container.is_namespace_owner());
        if let Some(owner) = owner.filter(|owner| owner.task.shares_network()) {
            return Some(&owner.name);
        }
        let published = self.containers.iter().find(|container| !container.port_mappings.is_empty());
        published
            .or_else(|| self.containers.iter().find(|container| container.essential))
            .map(|container| &container.name)
    }

    /// The host ports that each task of this revision holds for itself.
    pub fn static_host_ports(&self) -> impl Iterator<Item = (u16, Protocol)> + '_ {
        self.containers.iter().flat_map(|container| &container.port_mappings).filter_map(|port| port.static_host_port())
    }
}
