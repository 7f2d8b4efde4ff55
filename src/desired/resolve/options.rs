//! What the engine is told about a container, and what holds for the task as a whole: from the fields as written to the spec.

use super::configuration::Configuration;
use crate::desired::{
    DeviceSpec, EngineOptions, Gpus, LinuxSpec, LogSpec, PortMapping, Protocol, SwapSpec, TaskSettings, TmpfsSpec,
};
use crate::manifest::{self, DevicePermission, NetworkMode};

/// What holds for the task as a whole.
pub(super) fn resolve_settings(spec: &manifest::TaskDefinitionSpec) -> TaskSettings {
    let manifest::TaskDefinitionSpec {
        family: _,
        network_mode,
        container_definitions: _,
        volumes: _,
        cpu,
        memory,
        pid_mode,
        ipc_mode,
        runtime_platform,
        requires_compatibilities: _,
        tags,
    } = spec;
    let manifest::RuntimePlatform { cpu_architecture, operating_system_family: _ } =
        runtime_platform.clone().unwrap_or_default();
    TaskSettings {
        network_mode: network_mode.unwrap_or_default(),
        cpu: cpu.map(|cpu| cpu.0),
        memory: memory.map(|memory| memory.0),
        pid_mode: *pid_mode,
        ipc_mode: *ipc_mode,
        cpu_architecture,
        tags: tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
    }
}

/// One mapping for each port. In the host's own network every port is the host's.
pub(super) fn resolve_ports(mapping: &manifest::PortMapping, mode: NetworkMode) -> Vec<PortMapping> {
    let manifest::PortMapping { container_port: _, container_port_range: _, host_port, protocol, name: _ } = mapping;
    let protocol = match protocol {
        None | Some(manifest::Protocol::Tcp) => Protocol::Tcp,
        Some(manifest::Protocol::Udp) => Protocol::Udp,
    };
    // A range that cannot be read has been refused by the validation of the task definition.
    let Some((first, last)) = mapping.container_ports() else { return Vec::new() };
    let host_port = |container_port| match mode {
        NetworkMode::Host => container_port,
        // Every task has an address of its own: it never holds a port of the host, and gets a free one to be reached from there.
        NetworkMode::Awsvpc => 0,
        NetworkMode::Bridge | NetworkMode::None => host_port.unwrap_or(0),
    };
    let ports = first..=last;
    ports.map(|container_port| PortMapping { container_port, host_port: host_port(container_port), protocol }).collect()
}

/// What the engine is told and nothing else depends on.
pub(super) fn resolve_options(
    configuration: Configuration<'_>,
    container: &manifest::ContainerDefinition,
) -> EngineOptions {
    let is_on = |flag: Option<bool>| flag.unwrap_or(false);
    EngineOptions {
        hostname: container.hostname.clone(),
        dns_servers: container.dns_servers.clone(),
        dns_search_domains: container.dns_search_domains.clone(),
        extra_hosts: container.extra_hosts.clone(),
        interactive: is_on(container.interactive),
        pseudo_terminal: is_on(container.pseudo_terminal),
        privileged: is_on(container.privileged),
        readonly_root_filesystem: is_on(container.readonly_root_filesystem),
        disable_networking: is_on(container.disable_networking),
        docker_security_options: container.docker_security_options.clone(),
        ulimits: container.ulimits.clone(),
        system_controls: container
            .system_controls
            .iter()
            .map(|manifest::SystemControl { namespace, value }| (namespace.clone(), value.clone()))
            .collect(),
        linux_parameters: container.linux_parameters.as_ref().map(resolve_linux).unwrap_or_default(),
        log_configuration: container
            .log_configuration
            .as_ref()
            .and_then(|log| resolve_log(configuration, container, log)),
        gpus: resolve_gpus(&container.resource_requirements),
    }
}

fn resolve_linux(parameters: &manifest::LinuxParameters) -> LinuxSpec {
    let manifest::LinuxParameters {
        capabilities,
        devices,
        init_process_enabled,
        shared_memory_size,
        tmpfs,
        max_swap,
        swappiness,
    } = parameters;
    let manifest::KernelCapabilities { add, drop } = capabilities.clone().unwrap_or_default();
    LinuxSpec {
        capabilities_added: add.into_iter().collect(),
        capabilities_dropped: drop.into_iter().collect(),
        devices: devices.iter().map(resolve_device).collect(),
        init_process_enabled: init_process_enabled.unwrap_or(false),
        shared_memory_size: *shared_memory_size,
        tmpfs: tmpfs
            .iter()
            .map(|manifest::Tmpfs { container_path, size, mount_options }| TmpfsSpec {
                container_path: container_path.clone(),
                size: *size,
                mount_options: mount_options.clone(),
            })
            .collect(),
        // Alone, `swappiness` means nothing. Source: ECS `LinuxParameters`.
        swap: max_swap.map(|max_swap| SwapSpec { max_swap, swappiness: *swappiness }),
    }
}

fn resolve_device(device: &manifest::Device) -> DeviceSpec {
    let manifest::Device { host_path, container_path, permissions } = device;
    let all = [DevicePermission::Read, DevicePermission::Write, DevicePermission::Mknod];
    DeviceSpec {
        host_path: host_path.clone(),
        container_path: container_path.as_ref().unwrap_or(host_path).clone(),
        permissions: if permissions.is_empty() { all.into() } else { permissions.iter().copied().collect() },
    }
}

/// `None` where the engine decides: also for the drivers that need services of AWS. An option that is a secret counts above one of the
/// same name that is none. Source: the ECS agent, `PopulateSecrets`.
fn resolve_log(
    configuration: Configuration<'_>,
    container: &manifest::ContainerDefinition,
    log: &manifest::LogConfiguration,
) -> Option<LogSpec> {
    let manifest::LogConfiguration { log_driver, options, secret_options } = log;
    let is_secret = |name: &String| secret_options.iter().any(|secret| secret.name == *name);
    (!log_driver.is_of_aws()).then(|| LogSpec {
        log_driver: *log_driver,
        options: options.clone().into_iter().filter(|(name, _)| !is_secret(name)).collect(),
        secret_options: configuration.log_options(container, secret_options),
    })
}

/// What else may be required has been refused by the validation of the task definition.
fn resolve_gpus(requirements: &[manifest::ResourceRequirement]) -> Option<Gpus> {
    requirements.iter().find_map(|manifest::ResourceRequirement { kind, value }| match kind {
        manifest::ResourceType::Gpu if value == "ALL" => Some(Gpus::All),
        manifest::ResourceType::Gpu => value.parse().ok().map(Gpus::Count),
        manifest::ResourceType::InferenceAccelerator | manifest::ResourceType::NeuronDevice => None,
    })
}
