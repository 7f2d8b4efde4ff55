//! What we want, in the words of the Engine API. Pure.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, Mount, MountType, MountVolumeOptions,
    MountVolumeOptionsDriverConfig, NetworkCreateRequest, NetworkingConfig, PortBinding, PortMap, RestartPolicy,
    RestartPolicyNameEnum, VolumeCreateRequest,
};

use crate::desired::{
    CheckMethod, CheckSpec, ContainerSpec, HealthCheckSpec, LinkSpec, MountSpec, VolumeDriver, VolumeSpec,
};
use crate::observed::NetworkId;
use crate::ownership::{self, ContainerIdentity, Source};
use crate::plan::{NewContainer, VolumeSource};
use crate::value::ClusterName;

mod options;

const MEBIBYTE: i64 = 1 << 20;
const NANOSECONDS: i64 = 1_000_000_000;

/// The engine refuses less. Source: ECS, which raises smaller values likewise.
const MEMORY_MIN_MIB: u32 = 6;

/// The kernel knows no fewer. Source: ECS, which passes 0 and 1 as 2.
const CPU_SHARES_MIN: u32 = 2;

/// The body of the request that creates a container.
pub(super) fn container_body(new: &NewContainer) -> ContainerCreateBody {
    let NewContainer { identity, spec, network: _, aliases: _, volumes_from, namespaces: _, values_from: _ } = new;
    let mut body = ContainerCreateBody {
        image: Some(new.image().to_owned()),
        entrypoint: spec.entry_point.clone(),
        cmd: spec.command.clone(),
        env: Some(spec.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        labels: Some(identity.labels(spec).into_iter().collect()),
        user: spec.user.clone(),
        working_dir: spec.working_directory.clone(),
        stop_timeout: Some(i64::from(spec.stop_timeout)),
        healthcheck: Some(health_config(spec.health_check.as_ref())),
        host_config: Some(host_config(identity, spec)),
        ..ContainerCreateBody::default()
    };
    add_network(&mut body, new);
    options::add_options(&mut body, spec, new.namespaces.as_ref());
    let sources = volumes_from
        .iter()
        .map(|VolumeSource { id, read_only }| format!("{}{}", id.0, if *read_only { ":ro" } else { "" }));
    let sources: Vec<String> = sources.collect();
    body.host_config.get_or_insert_default().volumes_from = (!sources.is_empty()).then_some(sources);
    body
}

/// Connects the container to the network of its cluster, and publishes its ports there; or to what its task has instead.
fn add_network(body: &mut ContainerCreateBody, new: &NewContainer) {
    let NewContainer { identity, spec, network, aliases, volumes_from: _, namespaces, values_from: _ } = new;
    let host = body.host_config.get_or_insert_default();
    if let Some(other) = options::other_network(spec, namespaces.as_ref()) {
        host.network_mode = Some(other);
        return;
    }
    // A container without any network would be refused with one.
    if spec.options.disable_networking {
        host.network_mode = Some("none".to_owned());
        return;
    }
    let links = spec.links.iter().map(|link| format!("{}:{}", linked_name(identity, link), link.alias));
    let links: Vec<String> = links.collect();
    let endpoint = EndpointSettings {
        aliases: Some(aliases.clone()),
        // Names that this container alone resolves, each to a name of the network.
        links: (!links.is_empty()).then_some(links),
        // By its id, since several networks may have one name.
        network_id: Some(network.0.to_string()),
        ..EndpointSettings::default()
    };
    host.network_mode = Some(network.0.to_string());
    host.port_bindings = Some(port_bindings(spec).into_iter().collect::<PortMap>());
    body.exposed_ports = Some(port_bindings(spec).into_keys().collect());
    body.networking_config =
        Some(NetworkingConfig { endpoints_config: Some(HashMap::from([(network.0.to_string(), endpoint)])) });
}

/// The name under which a container of the same task is known in the network, whatever it had to be called.
fn linked_name(identity: &ContainerIdentity, link: &LinkSpec) -> String {
    ContainerIdentity { container: link.container.clone(), ..identity.clone() }.name()
}

/// Lets a container whose best name is taken answer to it in the network all the same: links of its task go there.
pub(super) fn answer_to(body: &mut ContainerCreateBody, network: &NetworkId, name: &str) {
    let endpoints = body.networking_config.as_mut().and_then(|networking| networking.endpoints_config.as_mut());
    let Some(endpoint) = endpoints.and_then(|endpoints| endpoints.get_mut(&*network.0)) else { return };
    let aliases = endpoint.aliases.get_or_insert_default();
    if !aliases.iter().any(|alias| alias == name) {
        aliases.push(name.to_owned());
    }
}

fn host_config(identity: &ContainerIdentity, spec: &ContainerSpec) -> HostConfig {
    let mounts = spec.mount_points.iter().filter_map(|mount| volume_mount(identity, mount)).collect();
    HostConfig {
        memory: spec.memory_limit_mib().map(memory_bytes),
        memory_reservation: spec.memory_reservation.map(memory_bytes),
        cpu_shares: Some(i64::from(spec.cpu.max(CPU_SHARES_MIN))),
        // What is started again is the planner's decision.
        restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
        binds: Some(spec.mount_points.iter().filter_map(bind).collect()),
        mounts: Some(mounts),
        ..HostConfig::default()
    }
}

fn memory_bytes(mebibytes: u32) -> i64 {
    i64::from(mebibytes.max(MEMORY_MIN_MIB)) * MEBIBYTE
}

fn port_bindings(spec: &ContainerSpec) -> BTreeMap<String, Option<Vec<PortBinding>>> {
    let mut bindings: BTreeMap<String, Option<Vec<PortBinding>>> = BTreeMap::new();
    for port in &spec.port_mappings {
        // An empty host port is how the engine is asked to choose one.
        let host_port = port.static_host_port().map_or_else(String::new, |(port, _)| port.to_string());
        let key = format!("{}/{}", port.container_port, port.protocol.as_str());
        let binding = PortBinding { host_ip: None, host_port: Some(host_port) };
        bindings.entry(key).or_default().get_or_insert_default().push(binding);
    }
    bindings
}

/// The health check; where the spec has none for the engine, one that switches off what the image may bring: only the manifest counts.
fn health_config(check: Option<&HealthCheckSpec>) -> HealthConfig {
    let none = || HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() };
    let Some(CheckSpec { method, interval, timeout, retries, start_period }) = check else { return none() };
    let command = match method {
        CheckMethod::Command(command) => command,
        // We ask ourselves.
        CheckMethod::Probe(_) => return none(),
    };
    let nanoseconds = |seconds: u32| Some(i64::from(seconds) * NANOSECONDS);
    HealthConfig {
        test: Some(command.clone()),
        interval: nanoseconds(*interval),
        timeout: nanoseconds(*timeout),
        retries: Some(i64::from(*retries)),
        start_period: nanoseconds(*start_period),
        start_interval: None,
    }
}

/// A directory of the host in the short form, for only that makes the directory when it does not exist.
fn bind(mount: &MountSpec) -> Option<String> {
    let (source, target) = (host_path(mount)?, &mount.container_path);
    let mode = if mount.read_only { ":ro" } else { "" };
    (!needs_long_form(source, target)).then(|| format!("{source}:{target}{mode}"))
}

/// Whether a path holds the sign that separates the parts of the short form.
fn needs_long_form(source: &str, target: &str) -> bool {
    source.contains(':') || target.contains(':')
}

fn host_path(mount: &MountSpec) -> Option<&str> {
    match &mount.volume {
        VolumeSpec::Host { source_path } => Some(source_path),
        VolumeSpec::Task { .. } | VolumeSpec::Shared { .. } => None,
    }
}

/// A mount in the long form: every volume, and a directory of the host where the short form cannot say it.
fn volume_mount(identity: &ContainerIdentity, mount: &MountSpec) -> Option<Mount> {
    let ContainerIdentity { task, source: owner, .. } = identity;
    let volume = &mount.source_volume;
    let (kind, source, options) = match &mount.volume {
        VolumeSpec::Host { source_path } if needs_long_form(source_path, &mount.container_path) => {
            (MountType::BIND, source_path.clone(), None)
        }
        VolumeSpec::Host { .. } => return None,
        VolumeSpec::Task { driver } => {
            let labels = ownership::task_volume_labels(task, owner, volume);
            let options = volume_options(labels, driver);
            (MountType::VOLUME, ownership::task_volume_name(task, volume), Some(options))
        }
        VolumeSpec::Shared { driver, .. } => {
            let options = volume_options(ownership::cluster_labels(&task.cluster, owner), driver);
            (MountType::VOLUME, volume.to_string(), Some(options))
        }
    };
    Some(Mount {
        typ: Some(kind),
        source: Some(source),
        target: Some(mount.container_path.clone()),
        read_only: Some(mount.read_only),
        volume_options: options,
        ..Mount::default()
    })
}

fn volume_options(ours: BTreeMap<String, String>, driver: &VolumeDriver) -> MountVolumeOptions {
    let VolumeDriver { name, options, labels } = driver;
    let config = MountVolumeOptionsDriverConfig {
        name: name.clone(),
        options: (!options.is_empty()).then(|| options.clone().into_iter().collect()),
    };
    MountVolumeOptions {
        labels: Some(labels.clone().into_iter().chain(ours).collect()),
        driver_config: (name.is_some() || !options.is_empty()).then_some(config),
        ..MountVolumeOptions::default()
    }
}

/// The bodies of the requests that make the volumes which come with the container.
pub(super) fn volume_bodies(identity: &ContainerIdentity, spec: &ContainerSpec) -> Vec<VolumeCreateRequest> {
    let comes_along = |mount: &&MountSpec| match &mount.volume {
        VolumeSpec::Task { .. } | VolumeSpec::Shared { autoprovision: true, .. } => true,
        VolumeSpec::Shared { autoprovision: false, .. } | VolumeSpec::Host { .. } => false,
    };
    let mounts = spec.mount_points.iter().filter(comes_along).filter_map(|mount| volume_mount(identity, mount));
    let body = |mount: Mount| {
        let options = mount.volume_options.unwrap_or_default();
        let driver = options.driver_config.unwrap_or_default();
        VolumeCreateRequest {
            name: mount.source,
            driver: driver.name,
            driver_opts: driver.options,
            labels: options.labels,
            ..VolumeCreateRequest::default()
        }
    };
    mounts.map(body).collect()
}

/// The volumes that have to exist before the container can be created.
pub(super) fn volumes_that_must_exist(spec: &ContainerSpec) -> impl Iterator<Item = &str> {
    spec.mount_points.iter().filter_map(|mount| match &mount.volume {
        VolumeSpec::Shared { autoprovision: false, .. } => Some(mount.source_volume.as_str()),
        VolumeSpec::Shared { autoprovision: true, .. } | VolumeSpec::Host { .. } | VolumeSpec::Task { .. } => None,
    })
}

/// The body of the request that creates the network of a cluster.
pub(super) fn network_body(cluster: &ClusterName, source: &Source) -> NetworkCreateRequest {
    NetworkCreateRequest {
        name: ownership::network_name(cluster),
        driver: Some("bridge".to_owned()),
        labels: Some(ownership::cluster_labels(cluster, source).into_iter().collect()),
        ..NetworkCreateRequest::default()
    }
}

#[cfg(test)]
mod tests;
