//! What a container can tell about what it asks of the kernel.

use super::Checks;
use crate::manifest::{
    ContainerDefinition, IpcMode, LinuxParameters, NetworkMode, ResourceType, SystemControl, TaskDefinitionSpec, Ulimit,
};
use crate::problem::{Code, Problem};

/// The settings of the kernel that belong to the messages, semaphores and memory that a container shares. Source: ECS `SystemControl`.
const IPC_CONTROLS: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

fn is_ipc_control(namespace: &str) -> bool {
    IPC_CONTROLS.contains(&namespace) || namespace.starts_with("fs.mqueue.")
}

impl Checks<'_> {
    pub(super) fn kernel(&mut self, pointer: &str, container: &ContainerDefinition, spec: &TaskDefinitionSpec) {
        let names = container.ulimits.iter().map(|limit| limit.name.as_str());
        self.unique("name", &format!("{pointer}/ulimits"), "name", names);
        for (item, limit) in container.ulimits.iter().enumerate() {
            self.ulimit(&format!("{pointer}/ulimits/{item}"), limit);
        }
        let names = container.system_controls.iter().map(|control| control.namespace.as_str());
        self.unique("name", &format!("{pointer}/systemControls"), "namespace", names);
        for (item, control) in container.system_controls.iter().enumerate() {
            self.system_control(&format!("{pointer}/systemControls/{item}/namespace"), control, spec);
        }
        for (item, option) in container.docker_security_options.iter().enumerate() {
            self.security_option(&format!("{pointer}/dockerSecurityOptions/{item}"), option);
        }
        if let Some(parameters) = &container.linux_parameters {
            let pointer = format!("{pointer}/linuxParameters");
            self.devices(&pointer, parameters);
            self.swap(&pointer, parameters, container.memory.is_some() || spec.memory.is_some());
        }
        self.resources(pointer, container);
    }

    fn ulimit(&mut self, pointer: &str, limit: &Ulimit) {
        let Ulimit { name, soft_limit, hard_limit } = limit;
        // -1 is no limit, which is above every number.
        if *hard_limit != -1 && (*soft_limit == -1 || soft_limit > hard_limit) {
            let hard = self.document.nearest_place_of(&format!("{pointer}/hardLimit"));
            let problem = Problem::error(Code::Conflict, format!("the soft limit of `{name}` is above the hard one"))
                .with_expected(format!("at most {hard_limit}"), soft_limit.to_string())
                .with_related("the hard limit is here", hard);
            self.report(&format!("{pointer}/softLimit"), problem);
        }
    }

    fn system_control(&mut self, pointer: &str, control: &SystemControl, spec: &TaskDefinitionSpec) {
        let name = control.namespace.as_str();
        if name.starts_with("net.") && spec.network_mode == Some(NetworkMode::Host) {
            let message = format!("`{name}` would change the host's own network");
            self.excluded(pointer, message, "set it on the host, or choose another network mode");
        } else if is_ipc_control(name) && spec.ipc_mode == Some(IpcMode::Host) {
            let message = format!("`{name}` would change what the host shares");
            self.excluded(pointer, message, "set it on the host, or choose another ipcMode");
        } else if !name.starts_with("net.") && !is_ipc_control(name) {
            let problem =
                Problem::error(Code::NotAllowed, format!("`{name}` holds for the whole host, not for a container"))
                    .with_expected(format!("net.*, fs.mqueue.* or {}", IPC_CONTROLS.join(", ")), format!("`{name}`"))
                    .with_help("set it on the host");
            self.report(pointer, problem);
        }
    }

    fn security_option(&mut self, pointer: &str, option: &str) {
        let (kind, rest) = option.split_once(':').unwrap_or((option, ""));
        let problem = match (kind, rest) {
            ("no-new-privileges", "" | "true" | "false") => return,
            ("apparmor" | "label", rest) if !rest.is_empty() => return,
            ("credentialspec", _) => Problem::error(Code::Refused, "credential specs are for Windows")
                .with_help("remove it: a Linux engine has nothing for it"),
            _ => Problem::error(Code::NotAllowed, "this security option is not known")
                .with_expected("no-new-privileges, apparmor:PROFILE or label:VALUE", format!("{option:?}")),
        };
        self.report(pointer, problem);
    }

    fn devices(&mut self, pointer: &str, parameters: &LinuxParameters) {
        let paths = parameters.devices.iter();
        let paths = paths.map(|device| device.container_path.as_ref().unwrap_or(&device.host_path).as_str());
        self.unique("path", &format!("{pointer}/devices"), "containerPath", paths);
        for (item, device) in parameters.devices.iter().enumerate() {
            let mut permissions = device.permissions.clone();
            permissions.sort_unstable();
            permissions.dedup();
            if permissions.len() < device.permissions.len() {
                let problem = Problem::error(Code::Duplicate, "a permission is given twice");
                self.report(&format!("{pointer}/devices/{item}/permissions"), problem);
            }
        }
    }

    fn swap(&mut self, pointer: &str, parameters: &LinuxParameters, has_limit: bool) {
        if parameters.max_swap.is_some() && !has_limit {
            let message = "`maxSwap` is counted beside a limit of memory, and there is none";
            self.conflict(&format!("{pointer}/maxSwap"), message, "give the container, or the task, a `memory`");
        }
        if parameters.swappiness.is_some() && parameters.max_swap.is_none() {
            let problem =
                Problem::warning(Code::NoEffect, "no effect: `swappiness` counts only together with `maxSwap`")
                    .with_help("add `maxSwap`, or remove it");
            self.report_key(&format!("{pointer}/swappiness"), problem);
        }
    }

    fn resources(&mut self, pointer: &str, container: &ContainerDefinition) {
        let pointer = format!("{pointer}/resourceRequirements");
        let mut has_gpu = false;
        for (item, requirement) in container.resource_requirements.iter().enumerate() {
            let pointer = format!("{pointer}/{item}/type");
            match requirement.kind {
                ResourceType::Gpu if has_gpu => {
                    self.report(&pointer, Problem::error(Code::Duplicate, "GPUs are asked for twice"));
                }
                ResourceType::Gpu => has_gpu = true,
                ResourceType::InferenceAccelerator | ResourceType::NeuronDevice => {
                    let problem = Problem::error(Code::Refused, "only AWS has devices of this kind")
                        .with_expected("GPU", "another device")
                        .with_help("the program would run without its device; remove it if it can");
                    self.report(&pointer, problem);
                }
            }
        }
    }
}
