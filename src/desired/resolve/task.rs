//! One task definition: from the fields as written to the spec with every default filled in.
//!
//! Every manifest type is destructured in full, so that a new field does not compile until its meaning is decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::configuration::Configuration;
use super::health_check::{resolve_health_check, resolve_readiness_check};
use super::lifecycle::{resolve_dependency, resolve_restart_policy};
use super::options::{resolve_options, resolve_ports, resolve_settings};
use crate::desired::namespace_owner::add_namespace_owner;
use crate::desired::{
    ContainerSpec, Inputs, LinkSpec, MountSpec, RepositoryCredentials, STOP_TIMEOUT_DEFAULT_SECS, TaskSettings,
    TaskSpec, VolumeDriver, VolumeSpec, VolumesFromSpec,
};
use crate::manifest::{self, read_link};
use crate::value::{ContainerName, VolumeName};

/// Resolves a task definition that has been validated, with what it refers to.
pub(super) fn resolve_task(located: &manifest::Located<manifest::TaskDefinition>, inputs: &Inputs) -> TaskSpec {
    let definition = &located.manifest;
    let manifest::TaskDefinition { api_version: _, kind: _, metadata, spec } = definition;
    let volumes: BTreeMap<&VolumeName, VolumeSpec> =
        spec.volumes.iter().map(|volume| (&volume.name, resolve_volume(volume))).collect();
    let settings = resolve_settings(spec);
    let configuration = Configuration { family: &metadata.name, manifest: located.document.file().name(), inputs };
    let containers = spec.container_definitions.iter();
    let mut containers: Vec<_> =
        containers.map(|container| resolve_container(container, &volumes, settings.clone(), configuration)).collect();
    add_namespace_owner(&mut containers, &settings);
    TaskSpec::new(metadata.name.clone(), containers.into_iter().map(Arc::new).collect())
}

#[expect(clippy::too_many_lines, reason = "two lines for each field of a container, and no thought besides")]
fn resolve_container(
    container: &manifest::ContainerDefinition,
    volumes: &BTreeMap<&VolumeName, VolumeSpec>,
    task: TaskSettings,
    configuration: Configuration<'_>,
) -> ContainerSpec {
    let manifest::ContainerDefinition {
        name,
        image,
        repository_credentials,
        version_consistency,
        command,
        entry_point,
        environment: _,
        environment_files: _,
        secrets: _,
        port_mappings,
        essential,
        cpu,
        memory,
        memory_reservation,
        stop_timeout,
        depends_on,
        start_timeout,
        restart_policy,
        mount_points,
        user,
        working_directory,
        docker_labels,
        links,
        volumes_from,
        // These are what the functions of `health_check` are for.
        health_check: _,
        readiness_check: _,
        // These are what `resolve_options` is for.
        hostname: _,
        dns_servers: _,
        dns_search_domains: _,
        extra_hosts: _,
        interactive: _,
        pseudo_terminal: _,
        privileged: _,
        readonly_root_filesystem: _,
        disable_networking: _,
        docker_security_options: _,
        ulimits: _,
        system_controls: _,
        linux_parameters: _,
        log_configuration: _,
        resource_requirements: _,
    } = container;
    ContainerSpec {
        name: name.clone(),
        image: image.clone(),
        repository_credentials: repository_credentials.as_ref().map(resolve_credentials),
        version_consistency: version_consistency.unwrap_or_default(),
        essential: essential.unwrap_or(true),
        entry_point: entry_point.clone(),
        command: command.clone(),
        environment: configuration.environment(container),
        secrets: configuration.secrets(container),
        port_mappings: port_mappings.iter().flat_map(|mapping| resolve_ports(mapping, task.network_mode)).collect(),
        cpu: cpu.unwrap_or(0),
        memory: *memory,
        memory_reservation: *memory_reservation,
        health_check: resolve_health_check(container),
        readiness_check: resolve_readiness_check(container),
        stop_timeout: stop_timeout.unwrap_or(STOP_TIMEOUT_DEFAULT_SECS),
        depends_on: depends_on.iter().map(resolve_dependency).collect(),
        start_timeout: *start_timeout,
        restart_policy: restart_policy.as_ref().and_then(resolve_restart_policy),
        mount_points: mount_points.iter().filter_map(|mount| resolve_mount(mount, volumes)).collect(),
        user: user.clone(),
        working_directory: working_directory.clone(),
        docker_labels: docker_labels.clone(),
        links: links.iter().filter_map(|link| resolve_link(link)).collect(),
        volumes_from: volumes_from.iter().map(resolve_volumes_from).collect(),
        options: resolve_options(configuration, container),
        task,
    }
}

fn resolve_credentials(credentials: &manifest::RepositoryCredentials) -> RepositoryCredentials {
    let manifest::RepositoryCredentials { credentials_parameter } = credentials;
    RepositoryCredentials { credentials_parameter: credentials_parameter.clone() }
}

/// A link to what is no container has been refused by the validation of the task definition.
fn resolve_link(link: &str) -> Option<LinkSpec> {
    let (container, alias) = read_link(link);
    Some(LinkSpec { container: ContainerName::new(container).ok()?, alias: alias.to_owned() })
}

fn resolve_volumes_from(from: &manifest::VolumeFrom) -> VolumesFromSpec {
    let manifest::VolumeFrom { source_container, read_only } = from;
    VolumesFromSpec { source_container: source_container.clone(), read_only: read_only.unwrap_or(false) }
}

/// A mount of a volume that is not declared has been refused by the validation of the task definition.
fn resolve_mount(mount: &manifest::MountPoint, volumes: &BTreeMap<&VolumeName, VolumeSpec>) -> Option<MountSpec> {
    let manifest::MountPoint { source_volume, container_path, read_only } = mount;
    Some(MountSpec {
        source_volume: source_volume.clone(),
        container_path: container_path.clone(),
        read_only: read_only.unwrap_or(false),
        volume: volumes.get(source_volume)?.clone(),
    })
}

fn resolve_volume(volume: &manifest::Volume) -> VolumeSpec {
    let manifest::Volume { name: _, host, docker_volume_configuration } = volume;
    if let Some(source_path) = host.as_ref().and_then(|host| host.source_path.clone()) {
        return VolumeSpec::Host { source_path };
    }
    let Some(configuration) = docker_volume_configuration else {
        return VolumeSpec::Task { driver: VolumeDriver::default() };
    };
    let manifest::DockerVolumeConfiguration { scope, autoprovision, driver, driver_opts, labels } = configuration;
    let driver = VolumeDriver { name: driver.clone(), options: driver_opts.clone(), labels: labels.clone() };
    match scope {
        None | Some(manifest::VolumeScope::Task) => VolumeSpec::Task { driver },
        Some(manifest::VolumeScope::Shared) => {
            VolumeSpec::Shared { autoprovision: autoprovision.unwrap_or(false), driver }
        }
    }
}
