//! How what the engine is told, and what holds for the task as a whole, counts in a fingerprint.

use super::Canonical;
use crate::desired::{
    DeviceSpec, EngineOptions, Gpus, LinkSpec, LinuxSpec, LogSpec, SwapSpec, TaskSettings, TmpfsSpec, VolumesFromSpec,
};
use crate::manifest::{DevicePermission, HostEntry, IpcMode, NetworkMode, PidMode, Ulimit};

/// Adds a flag that is off by default.
fn add_flag(canonical: &mut Canonical, name: &str, is_on: bool) {
    if is_on {
        canonical.text(name, "true");
    }
}

/// Adds a list that is empty by default.
fn add_list(canonical: &mut Canonical, name: &str, list: &[String]) {
    if !list.is_empty() {
        canonical.texts(name, list);
    }
}

pub(super) fn add_neighbours(canonical: &mut Canonical, links: &[LinkSpec], volumes_from: &[VolumesFromSpec]) {
    for LinkSpec { container, alias } in links {
        canonical.text("link", container.as_str());
        canonical.text("alias", alias);
    }
    for VolumesFromSpec { source_container, read_only } in volumes_from {
        canonical.text("volumesFrom", source_container.as_str());
        canonical.text("readOnly", if *read_only { "true" } else { "false" });
    }
}

pub(super) fn add_options(canonical: &mut Canonical, options: &EngineOptions) {
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
    } = options;
    if let Some(hostname) = hostname {
        canonical.text("hostname", hostname);
    }
    add_list(canonical, "dnsServers", dns_servers);
    add_list(canonical, "dnsSearchDomains", dns_search_domains);
    for HostEntry { hostname, ip_address } in extra_hosts {
        canonical.text("extraHost", hostname);
        canonical.text("ipAddress", ip_address);
    }
    add_flag(canonical, "interactive", *interactive);
    add_flag(canonical, "pseudoTerminal", *pseudo_terminal);
    add_flag(canonical, "privileged", *privileged);
    add_flag(canonical, "readonlyRootFilesystem", *readonly_root_filesystem);
    add_flag(canonical, "disableNetworking", *disable_networking);
    add_list(canonical, "dockerSecurityOptions", docker_security_options);
    for Ulimit { name, soft_limit, hard_limit } in ulimits {
        canonical.text("ulimit", name.as_str());
        canonical.text("softLimit", &soft_limit.to_string());
        canonical.text("hardLimit", &hard_limit.to_string());
    }
    canonical.pairs("systemControls", system_controls);
    add_linux(canonical, linux_parameters);
    if let Some(LogSpec { log_driver, options, secret_options }) = log_configuration {
        canonical.text("logDriver", log_driver.as_str());
        canonical.pairs("logOptions", options);
        for secret in secret_options {
            super::add_secret(canonical, secret);
        }
    }
    match gpus {
        None => {}
        Some(Gpus::All) => canonical.text("gpus", "ALL"),
        Some(Gpus::Count(count)) => canonical.number("gpus", *count),
    }
}

fn add_linux(canonical: &mut Canonical, linux: &LinuxSpec) {
    let LinuxSpec {
        capabilities_added,
        capabilities_dropped,
        devices,
        init_process_enabled,
        shared_memory_size,
        tmpfs,
        swap,
    } = linux;
    for capability in capabilities_added {
        canonical.text("addedCapability", capability.as_str());
    }
    for capability in capabilities_dropped {
        canonical.text("droppedCapability", capability.as_str());
    }
    for DeviceSpec { host_path, container_path, permissions } in devices {
        canonical.text("device", host_path);
        canonical.text("containerPath", container_path);
        for permission in permissions {
            canonical.text(
                "permission",
                match permission {
                    DevicePermission::Read => "read",
                    DevicePermission::Write => "write",
                    DevicePermission::Mknod => "mknod",
                },
            );
        }
    }
    add_flag(canonical, "initProcessEnabled", *init_process_enabled);
    if let Some(size) = shared_memory_size {
        canonical.number("sharedMemorySize", *size);
    }
    for TmpfsSpec { container_path, size, mount_options } in tmpfs {
        canonical.text("tmpfs", container_path);
        canonical.number("size", *size);
        canonical.texts("mountOptions", mount_options);
    }
    if let Some(SwapSpec { max_swap, swappiness }) = swap {
        canonical.number("maxSwap", *max_swap);
        if let Some(swappiness) = swappiness {
            canonical.number("swappiness", *swappiness);
        }
    }
}

pub(super) fn add_task(canonical: &mut Canonical, task: &TaskSettings) {
    let TaskSettings { network_mode, cpu, memory, pid_mode, ipc_mode, cpu_architecture, tags } = task;
    match network_mode {
        NetworkMode::Bridge => {}
        mode @ (NetworkMode::Host | NetworkMode::Awsvpc | NetworkMode::None) => {
            canonical.text("networkMode", mode.as_str());
        }
    }
    if let Some(cpu) = cpu {
        canonical.number("taskCpu", *cpu);
    }
    if let Some(memory) = memory {
        canonical.number("taskMemory", *memory);
    }
    match pid_mode {
        None => {}
        Some(PidMode::Host) => canonical.text("pidMode", "host"),
        Some(PidMode::Task) => canonical.text("pidMode", "task"),
    }
    match ipc_mode {
        None => {}
        Some(IpcMode::Host) => canonical.text("ipcMode", "host"),
        Some(IpcMode::Task) => canonical.text("ipcMode", "task"),
        Some(IpcMode::None) => canonical.text("ipcMode", "none"),
    }
    if let Some(architecture) = cpu_architecture {
        canonical.text("cpuArchitecture", architecture.docker_name());
    }
    canonical.pairs("tags", tags);
}
