//! What the engine is told, and what holds for the task as a whole, field by field.

use std::collections::BTreeMap;

use super::super::text::{plain, words};
use super::{Differ, keys, mebibytes};
use crate::desired::{
    DeviceSpec, EngineOptions, Gpus, LinkSpec, LinuxSpec, LogSpec, SwapSpec, TaskSettings, TmpfsSpec, VolumesFromSpec,
};
use crate::manifest::{CpuArchitecture, DevicePermission, HostEntry, IpcMode, NetworkMode, PidMode, Ulimit};

/// A list as text; nothing when it is empty.
fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> Option<String> {
    (!items.is_empty()).then(|| items.iter().map(text).collect::<Vec<_>>().join(", "))
}

/// A flag as text; nothing when it is off, as it is by default.
fn flag(is_on: bool) -> Option<String> {
    is_on.then(|| "true".to_owned())
}

impl Differ<'_> {
    pub(super) fn links(&mut self, old: &[LinkSpec], new: &[LinkSpec]) {
        let text = |links: &[LinkSpec]| list(links, |LinkSpec { container, alias }| format!("{container}:{alias}"));
        self.value("links", text(old), text(new));
    }

    pub(super) fn volumes_from(&mut self, old: &[VolumesFromSpec], new: &[VolumesFromSpec]) {
        let text = |from: &[VolumesFromSpec]| {
            list(from, |VolumesFromSpec { source_container, read_only }| {
                format!("{source_container}{}", if *read_only { " (read only)" } else { "" })
            })
        };
        self.value("volumesFrom", text(old), text(new));
    }

    pub(super) fn options(&mut self, old: &EngineOptions, new: &EngineOptions) {
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
        } = new;
        let texts = |items: &[String]| (!items.is_empty()).then(|| words(items).0);
        self.value("hostname", old.hostname.as_deref().map(plain), hostname.as_deref().map(plain));
        self.value("dnsServers", texts(&old.dns_servers), texts(dns_servers));
        self.value("dnsSearchDomains", texts(&old.dns_search_domains), texts(dns_search_domains));
        let hosts = |hosts: &[HostEntry]| {
            list(hosts, |HostEntry { hostname, ip_address }| format!("{}={}", plain(hostname), plain(ip_address)))
        };
        self.value("extraHosts", hosts(&old.extra_hosts), hosts(extra_hosts));
        self.value("interactive", flag(old.interactive), flag(*interactive));
        self.value("pseudoTerminal", flag(old.pseudo_terminal), flag(*pseudo_terminal));
        self.value("privileged", flag(old.privileged), flag(*privileged));
        let flags = (old.readonly_root_filesystem, *readonly_root_filesystem);
        self.value("readonlyRootFilesystem", flag(flags.0), flag(flags.1));
        self.value("disableNetworking", flag(old.disable_networking), flag(*disable_networking));
        let options = (&old.docker_security_options, docker_security_options);
        self.value("dockerSecurityOptions", texts(options.0), texts(options.1));
        let limits = |limits: &[Ulimit]| {
            list(limits, |Ulimit { name, soft_limit, hard_limit }| format!("{name}={soft_limit}:{hard_limit}"))
        };
        self.value("ulimits", limits(&old.ulimits), limits(ulimits));
        let controls = |controls: &BTreeMap<String, String>| {
            let pairs: Vec<_> = controls.iter().collect();
            list(&pairs, |(name, value)| format!("{}={}", plain(name), plain(value)))
        };
        self.value("systemControls", controls(&old.system_controls), controls(system_controls));
        self.linux(&old.linux_parameters, linux_parameters);
        self.log(old.log_configuration.as_ref(), log_configuration.as_ref());
        let gpus_text = |gpus: Gpus| match gpus {
            Gpus::All => "GPU ALL".to_owned(),
            Gpus::Count(count) => format!("GPU {count}"),
        };
        self.value("resourceRequirements", old.gpus.map(gpus_text), gpus.map(gpus_text));
    }

    fn linux(&mut self, old: &LinuxSpec, new: &LinuxSpec) {
        let LinuxSpec {
            capabilities_added,
            capabilities_dropped,
            devices,
            init_process_enabled,
            shared_memory_size,
            tmpfs,
            swap,
        } = new;
        let names = |names: &std::collections::BTreeSet<_>| {
            list(&names.iter().collect::<Vec<_>>(), |name: &&crate::manifest::Capability| name.to_string())
        };
        let path = |field: &str| format!("linuxParameters.{field}");
        self.value(&path("capabilities.add"), names(&old.capabilities_added), names(capabilities_added));
        self.value(&path("capabilities.drop"), names(&old.capabilities_dropped), names(capabilities_dropped));
        let device_list = |devices: &[DeviceSpec]| list(devices, device);
        self.value(&path("devices"), device_list(&old.devices), device_list(devices));
        let flags = (old.init_process_enabled, *init_process_enabled);
        self.value(&path("initProcessEnabled"), flag(flags.0), flag(flags.1));
        let sizes = (old.shared_memory_size.map(mebibytes), shared_memory_size.map(mebibytes));
        self.value(&path("sharedMemorySize"), sizes.0, sizes.1);
        let mounts = |mounts: &[TmpfsSpec]| {
            list(mounts, |TmpfsSpec { container_path, size, mount_options }| {
                let options: String =
                    mount_options.iter().flat_map(|option| [", ".to_owned(), plain(option)]).collect();
                format!("{} ({size} MiB{options})", plain(container_path))
            })
        };
        self.value(&path("tmpfs"), mounts(&old.tmpfs), mounts(tmpfs));
        let limit = |swap: &Option<SwapSpec>| swap.map(|swap| mebibytes(swap.max_swap));
        self.value(&path("maxSwap"), limit(&old.swap), limit(swap));
        let eagerness =
            |swap: &Option<SwapSpec>| swap.and_then(|swap| swap.swappiness).map(|number| number.to_string());
        self.value(&path("swappiness"), eagerness(&old.swap), eagerness(swap));
    }

    fn log(&mut self, old: Option<&LogSpec>, new: Option<&LogSpec>) {
        let driver = |log: Option<&LogSpec>| log.map(|log| log.log_driver.to_string());
        self.value("logConfiguration.logDriver", driver(old), driver(new));
        let none = BTreeMap::new();
        let options = |log: Option<&LogSpec>| log.map_or_else(|| none.clone(), |log| log.options.clone());
        let secrets = |log: Option<&LogSpec>| log.map_or_else(Vec::new, |log| log.secret_options.clone());
        let (old_secrets, new_secrets) = (secrets(old), secrets(new));
        let (old, new, index) = (options(old), options(new), self.index);
        self.secret_values("logConfiguration.options", &old, &new, |site, name, _| site.of_log_option(index, name));
        self.secrets("logConfiguration.secretOptions", &old_secrets, &new_secrets);
    }

    /// The task as a whole: the same for every container, and told once.
    pub(super) fn settings(&mut self, old: &TaskSettings, new: &TaskSettings) {
        let prefix = self.prefix.take();
        let TaskSettings { network_mode, cpu, memory, pid_mode, ipc_mode, cpu_architecture, tags } = new;
        let mode = |mode: NetworkMode| Some(mode.as_str().to_owned());
        self.setting("networkMode", mode(old.network_mode), mode(*network_mode));
        self.setting("cpu", old.cpu.map(|cpu| cpu.to_string()), cpu.map(|cpu| cpu.to_string()));
        self.setting("memory", old.memory.map(mebibytes), memory.map(mebibytes));
        let pid = |mode: PidMode| match mode {
            PidMode::Host => "host".to_owned(),
            PidMode::Task => "task".to_owned(),
        };
        self.setting("pidMode", old.pid_mode.map(pid), pid_mode.map(pid));
        let ipc = |mode: IpcMode| match mode {
            IpcMode::Host => "host".to_owned(),
            IpcMode::Task => "task".to_owned(),
            IpcMode::None => "none".to_owned(),
        };
        self.setting("ipcMode", old.ipc_mode.map(ipc), ipc_mode.map(ipc));
        let architecture = |architecture: CpuArchitecture| architecture.docker_name().to_owned();
        let platforms = (old.cpu_architecture.map(architecture), cpu_architecture.map(architecture));
        self.setting("runtimePlatform.cpuArchitecture", platforms.0, platforms.1);
        for key in keys(&old.tags, tags) {
            let text = |tags: &BTreeMap<String, String>| tags.get(key).map(|value| plain(value));
            self.setting(&format!("tags.{}", plain(key)), text(&old.tags), text(tags));
        }
        self.prefix = prefix;
    }

    /// A field of the task definition, unless another container has told of it already.
    fn setting(&mut self, field: &str, from: Option<String>, to: Option<String>) {
        // Beside the fields of a single container, those of the task would be taken for its own.
        let path = format!("task.{field}");
        if from == to || self.found.iter().any(|found| found.path == path) {
            return;
        }
        let pointer = match field.split_once('.') {
            Some(("tags", _)) => "/spec/tags".to_owned(),
            Some(_) | None => format!("/spec/{}", field.replace('.', "/")),
        };
        self.add(&path, from, to, false, |site| site.in_definition(&pointer));
    }
}

fn device(device: &DeviceSpec) -> String {
    let DeviceSpec { host_path, container_path, permissions } = device;
    let letters: String = permissions.iter().copied().map(permission_letter).collect();
    format!("{}:{}:{letters}", plain(host_path), plain(container_path))
}

fn permission_letter(permission: DevicePermission) -> char {
    match permission {
        DevicePermission::Read => 'r',
        DevicePermission::Write => 'w',
        DevicePermission::Mknod => 'm',
    }
}
