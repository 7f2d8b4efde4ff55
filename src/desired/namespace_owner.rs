//! The container that owns the namespaces of a task: its network with `networkMode: awsvpc`, its processes with `pidMode: task`, its
//! shared memory with `ipcMode: task`.
//!
//! It does nothing but be there. It begins before the others and ends after them, so they keep what they share when one of them is
//! started again in place; and it is essential, for without it the others have lost each other. Source: the pause containers of the
//! Amazon ECS agent.

use std::collections::BTreeMap;

use super::{ContainerSpec, EngineOptions, TaskSettings};
use crate::manifest::{IpcMode, NetworkMode, PidMode};
use crate::ownership::PAUSE_IMAGE;
use crate::value::ContainerName;

/// It ends as soon as it is asked to.
const STOP_TIMEOUT_SECS: u32 = 5;

impl TaskSettings {
    /// Whether the containers of the task share a namespace that none of them owns.
    pub fn needs_namespace_owner(&self) -> bool {
        self.shares_network() || self.shares_processes() || self.shares_memory()
    }

    /// Whether the containers have one address together.
    pub fn shares_network(&self) -> bool {
        match self.network_mode {
            NetworkMode::Awsvpc => true,
            NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None => false,
        }
    }

    /// Whether the containers see each other's processes.
    pub fn shares_processes(&self) -> bool {
        self.pid_mode == Some(PidMode::Task)
    }

    /// Whether the containers share memory, semaphores and message queues.
    pub fn shares_memory(&self) -> bool {
        self.ipc_mode == Some(IpcMode::Task)
    }
}

impl ContainerSpec {
    /// Whether it is the container that owns the namespaces of its task.
    pub fn is_namespace_owner(&self) -> bool {
        self.name.is_namespace_owner()
    }

    /// Whether it lives in namespaces that another container owns, which has to exist before it.
    pub fn joins_namespaces(&self) -> bool {
        self.task.needs_namespace_owner() && !self.is_namespace_owner()
    }
}

/// Adds the owner to the containers of a task that needs one, and moves to it what belongs to the namespaces it owns.
pub(super) fn add_namespace_owner(containers: &mut Vec<ContainerSpec>, task: &TaskSettings) {
    if !task.needs_namespace_owner() {
        return;
    }
    let published = containers.iter().filter(|_| task.shares_network()).flat_map(|container| &container.port_mappings);
    let mut port_mappings = Vec::new();
    for port in published {
        if !port_mappings.contains(port) {
            port_mappings.push(*port);
        }
    }
    let mut system_controls = BTreeMap::new();
    for container in containers.iter_mut() {
        // Of several values the one of the last container counts, as in ECS.
        system_controls.extend(take_shared_controls(&mut container.options.system_controls, task));
    }
    let owner = ContainerSpec {
        stop_timeout: STOP_TIMEOUT_SECS,
        command: Some(vec!["pause".to_owned()]),
        port_mappings,
        options: EngineOptions { system_controls, ..EngineOptions::default() },
        task: TaskSettings { cpu: None, memory: None, ..task.clone() },
        ..ContainerSpec::new(ContainerName::namespace_owner(), PAUSE_IMAGE)
    };
    containers.push(owner);
}

/// The kernel parameters of the namespaces that are shared: whoever joins a namespace cannot set them.
fn take_shared_controls(controls: &mut BTreeMap<String, String>, task: &TaskSettings) -> BTreeMap<String, String> {
    let shared = |name: &str| {
        let of_network = name.starts_with("net.");
        (of_network && task.shares_network()) || (!of_network && task.shares_memory())
    };
    let (moved, kept) = std::mem::take(controls).into_iter().partition(|(name, _)| shared(name));
    *controls = kept;
    moved
}

#[cfg(test)]
mod tests;
