//! The documents as written: one type per kind, with the field names, units, defaults and meaning of Amazon ECS.
//!
//! Nothing is filled in here: an absent field stays `None`, so that a later stage can tell "not given" from "given as
//! the default". The doc comments of the fields are the descriptions in the JSON schemas.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::problem::{Code, Place};

mod annotations;
mod cluster;
mod container_definition;
mod environment_file;
mod health_check;
mod lifecycle;
mod linux_parameters;
mod log_configuration;
mod namespaces;
pub(crate) mod pattern;
mod platform;
mod port_mapping;
mod secret;
mod service;
mod task_definition;
mod task_size;
mod volume;
mod words;

pub use annotations::{AllowedCode, Annotations};
pub use cluster::{Cluster, ClusterSpec};
pub use container_definition::{ContainerDefinition, EnvironmentVariable, MountPoint, RepositoryCredentials};
pub use environment_file::{ENVIRONMENT_FILE_EXTENSION, EnvironmentFile, EnvironmentFileType};
pub use health_check::{
    Grpc, HealthCheck, HttpGet, HttpHeader, PortReference, Probe, ReadinessCheck, Scheme, TcpSocket,
};
pub use lifecycle::{ContainerDependency, DependencyCondition, RestartPolicy};
pub use linux_parameters::{
    Device, DevicePermission, KernelCapabilities, LinuxParameters, ResourceRequirement, ResourceType, SystemControl,
    Tmpfs, Ulimit,
};
pub use log_configuration::{LogConfiguration, SecretOption};
pub use namespaces::{HostEntry, IpcMode, NetworkMode, PidMode, VolumeFrom, read_link};
pub use platform::{Compatibility, CpuArchitecture, RuntimePlatform, Tag};
pub use port_mapping::{PortMapping, Protocol};
pub use secret::{ReferenceError, Secret, SecretProvider, SecretReference};
pub use service::{
    DeploymentCircuitBreaker, DeploymentConfiguration, LifecycleHook, LifecycleStage, SchedulingStrategy, Service,
    ServiceSpec, ThresholdConfiguration, ThresholdType,
};
pub use task_definition::{TaskDefinition, TaskDefinitionSpec};
pub use task_size::{SizeError, TaskCpu, TaskMemory};
pub use volume::{DockerVolumeConfiguration, HostVolume, Volume, VolumeScope};
pub use words::{Capability, LogDriver, UlimitName, UnknownWord};

/// The version of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ApiVersion {
    /// The first version, and the only one so far.
    #[serde(rename = "reconcile/v1")]
    V1,
}

impl ApiVersion {
    /// As written in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "reconcile/v1",
        }
    }
}

/// What a document describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Kind {
    /// A group of services that share a network and an owner.
    Cluster,
    /// A recipe: the containers that together make one task.
    TaskDefinition,
    /// A number of copies of a task definition that are kept running.
    Service,
}

impl Kind {
    /// Every kind, in the order in which they depend on each other.
    pub const ALL: [Self; 3] = [Self::Cluster, Self::TaskDefinition, Self::Service];

    /// As written in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::TaskDefinition => "TaskDefinition",
            Self::Service => "Service",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What identifies the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Metadata<N> {
    /// The name: 1 to 255 letters, digits, hyphens and underscores.
    pub name: N,
    /// Notes about the object, as in Kubernetes: each is a text, and yours to choose. Those that begin with `reconcile/` are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
}

impl<N> Metadata<N> {
    /// Whether a warning with this code is allowed.
    pub fn allows(&self, code: Code) -> bool {
        self.annotations.as_ref().is_some_and(|annotations| annotations.allows(code))
    }
}

/// One valid document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// `kind: Cluster`
    Cluster(Cluster),
    /// `kind: TaskDefinition`
    TaskDefinition(TaskDefinition),
    /// `kind: Service`
    Service(Service),
}

impl Manifest {
    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Cluster(_) => Kind::Cluster,
            Self::TaskDefinition(_) => Kind::TaskDefinition,
            Self::Service(_) => Kind::Service,
        }
    }

    /// The notes about it.
    pub fn annotations(&self) -> Option<&Annotations> {
        match self {
            Self::Cluster(cluster) => cluster.metadata.annotations.as_ref(),
            Self::TaskDefinition(definition) => definition.metadata.annotations.as_ref(),
            Self::Service(service) => service.metadata.annotations.as_ref(),
        }
    }

    /// Whether a warning with this code is allowed by the manifest itself.
    pub fn allows(&self, code: Code) -> bool {
        self.annotations().is_some_and(|annotations| annotations.allows(code))
    }

    /// The name in its metadata.
    pub fn name(&self) -> &str {
        match self {
            Self::Cluster(cluster) => cluster.metadata.name.as_str(),
            Self::TaskDefinition(definition) => definition.metadata.name.as_str(),
            Self::Service(service) => service.metadata.name.as_str(),
        }
    }
}

/// A manifest together with the document that it was read from, so that any field can be traced to its place.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// The manifest.
    pub manifest: T,
    /// Where it was written.
    pub document: Arc<Document>,
}

impl<T> Located<T> {
    /// The place of the value at a JSON pointer such as `/spec/containerDefinitions/0/image`. A field that is not
    /// written has the place of the nearest object around it that is.
    pub fn place_of(&self, pointer: &str) -> Place {
        self.document.nearest_place_of(pointer)
    }
}
