//! What the engine is told about a container and nothing else depends on, in its own words. Pure.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, DeviceMapping, DeviceRequest, HostConfig, HostConfigLogConfig, ResourcesUlimits,
};

use super::{MEBIBYTE, memory_bytes};
use crate::desired::{
    ContainerSpec, DeviceSpec, EngineOptions, Gpus, LinuxSpec, LogSpec, SwapSpec, TaskSettings, TmpfsSpec,
};
use crate::manifest::{DevicePermission, HostEntry, IpcMode, NetworkMode, PidMode, Ulimit};
use crate::observed::ContainerId;

/// One core, as the engine counts processor time.
const NANO_CPUS: i64 = 1_000_000_000;
/// One core, as ECS counts it.
const CPU_UNITS: i64 = 1024;

/// A list, or nothing: an empty list is not sent, so that a container with nothing special is asked for as it always was.
fn list<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

/// A flag that is sent only when it is on.
fn flag(is_on: bool) -> Option<bool> {
    is_on.then_some(true)
}

/// Adds the options of `spec` to the request that creates its container.
pub(super) fn add_options(body: &mut ContainerCreateBody, spec: &ContainerSpec, namespaces: Option<&ContainerId>) {
    let EngineOptions {
        hostname,
        dns_servers,
        dns_search_domains,
        extra_hosts,
        interactive,
        pseudo_terminal,
        privileged,
        readonly_root_filesystem,
        disable_networking,
        docker_security_options,
        ulimits,
        system_controls,
        linux_parameters,
        log_configuration,
        gpus,
    } = &spec.options;
    body.hostname.clone_from(hostname);
    body.open_stdin = flag(*interactive);
    body.tty = flag(*pseudo_terminal);
    body.network_disabled = flag(*disable_networking);
    let host = body.host_config.get_or_insert_default();
    host.dns = list(dns_servers.clone());
    host.dns_search = list(dns_search_domains.clone());
    host.extra_hosts = list(extra_hosts.iter().map(extra_host).collect());
    host.privileged = flag(*privileged);
    host.readonly_rootfs = flag(*readonly_root_filesystem);
    host.security_opt = list(docker_security_options.iter().map(|option| option.replacen(':', "=", 1)).collect());
    host.ulimits = list(ulimits.iter().map(ulimit).collect());
    let controls: HashMap<String, String> = system_controls.clone().into_iter().collect();
    host.sysctls = (!controls.is_empty()).then_some(controls);
    host.log_config = log_configuration.as_ref().map(log_config);
    host.device_requests = gpus.map(|gpus| vec![gpu_request(gpus)]);
    add_linux(host, linux_parameters, spec.memory_limit_mib());
    add_task(host, spec, namespaces);
}

fn extra_host(entry: &HostEntry) -> String {
    let HostEntry { hostname, ip_address } = entry;
    format!("{hostname}:{ip_address}")
}

fn ulimit(limit: &Ulimit) -> ResourcesUlimits {
    let Ulimit { name, soft_limit, hard_limit } = limit;
    ResourcesUlimits { name: Some(name.to_string()), soft: Some(*soft_limit), hard: Some(*hard_limit) }
}

fn log_config(log: &LogSpec) -> HostConfigLogConfig {
    // What is a secret is added where its value is known.
    let LogSpec { log_driver, options, secret_options: _ } = log;
    HostConfigLogConfig { typ: Some(log_driver.to_string()), config: Some(options.clone().into_iter().collect()) }
}

/// As `docker run --gpus` asks.
fn gpu_request(gpus: Gpus) -> DeviceRequest {
    let count = match gpus {
        Gpus::All => -1,
        Gpus::Count(count) => i64::from(count),
    };
    let capabilities = Some(vec![vec!["gpu".to_owned()]]);
    DeviceRequest { count: Some(count), capabilities, ..DeviceRequest::default() }
}

fn add_linux(host: &mut HostConfig, linux: &LinuxSpec, memory_limit_mib: Option<u32>) {
    let LinuxSpec {
        capabilities_added,
        capabilities_dropped,
        devices,
        init_process_enabled,
        shared_memory_size,
        tmpfs,
        swap,
    } = linux;
    let names = |names: &std::collections::BTreeSet<_>| list(names.iter().map(ToString::to_string).collect());
    host.cap_add = names(capabilities_added);
    host.cap_drop = names(capabilities_dropped);
    host.devices = list(devices.iter().map(device).collect());
    host.init = flag(*init_process_enabled);
    host.shm_size = shared_memory_size.map(|size| i64::from(size) * MEBIBYTE);
    let mounts: HashMap<String, String> = tmpfs.iter().map(tmpfs_mount).collect();
    host.tmpfs = (!mounts.is_empty()).then_some(mounts);
    // The engine counts memory and swap together. Without a limit of memory the swap has been refused.
    if let (Some(SwapSpec { max_swap, swappiness }), Some(limit)) = (swap, memory_limit_mib) {
        host.memory_swap = Some(memory_bytes(limit) + i64::from(*max_swap) * MEBIBYTE);
        // Where the kernel has no such setting, as with cgroup v2, the engine drops it by itself.
        host.memory_swappiness = swappiness.map(i64::from);
    }
}

fn device(device: &DeviceSpec) -> DeviceMapping {
    let DeviceSpec { host_path, container_path, permissions } = device;
    let letter = |permission: &DevicePermission| match permission {
        DevicePermission::Read => 'r',
        DevicePermission::Write => 'w',
        DevicePermission::Mknod => 'm',
    };
    DeviceMapping {
        path_on_host: Some(host_path.clone()),
        path_in_container: Some(container_path.clone()),
        cgroup_permissions: Some(permissions.iter().map(letter).collect()),
    }
}

fn tmpfs_mount(tmpfs: &TmpfsSpec) -> (String, String) {
    let TmpfsSpec { container_path, size, mount_options } = tmpfs;
    let options = mount_options.iter().cloned().chain([format!("size={size}m")]).collect::<Vec<_>>();
    (container_path.clone(), options.join(","))
}

/// The limits of the task hold for each of its containers by itself, also where `cgroups` limits their sum.
fn add_task(host: &mut HostConfig, spec: &ContainerSpec, namespaces: Option<&ContainerId>) {
    let TaskSettings { network_mode: _, cpu, memory: _, pid_mode, ipc_mode, cpu_architecture: _, tags: _ } = &spec.task;
    host.nano_cpus = cpu.map(|units| i64::from(units) * NANO_CPUS / CPU_UNITS);
    host.pid_mode = match pid_mode {
        Some(PidMode::Host) => Some("host".to_owned()),
        // The owner itself has its own, which the others join.
        Some(PidMode::Task) => namespaces.map(joined),
        None => None,
    };
    host.ipc_mode = match ipc_mode {
        Some(IpcMode::Host) => Some("host".to_owned()),
        Some(IpcMode::None) => Some("none".to_owned()),
        Some(IpcMode::Task) => Some(namespaces.map_or_else(|| "shareable".to_owned(), joined)),
        None => None,
    };
}

/// The namespaces of another container, as the engine writes it.
fn joined(owner: &ContainerId) -> String {
    format!("container:{owner}")
}

/// The network of a container that is not on the network of its cluster.
pub(super) fn other_network(spec: &ContainerSpec, namespaces: Option<&ContainerId>) -> Option<String> {
    match spec.task.network_mode {
        NetworkMode::Host => Some("host".to_owned()),
        NetworkMode::None => Some("none".to_owned()),
        // The owner is on the network of the cluster, for all of them.
        NetworkMode::Awsvpc => namespaces.map(joined),
        // Whoever holds processes or memory only needs no network.
        NetworkMode::Bridge => spec.is_namespace_owner().then(|| "none".to_owned()),
    }
}
