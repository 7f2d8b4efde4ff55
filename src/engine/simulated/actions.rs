//! What each action does to the simulated engine, and what it answers.

use std::sync::Arc;

use super::behaviour::{Start, Stop};
use super::calls::{Call, Progress};
use super::container::Container;
use super::timers::{Ending, Event};
use super::{CallId, DYNAMIC_PORT_FIRST, DYNAMIC_PORT_LAST, Simulated, slot_of};
use crate::desired::{ContainerSpec, Protocol, VolumeSpec};
use crate::engine::{Change, Hint};
use crate::manifest::NetworkMode;
use crate::observed::{ContainerId, NetworkId, ObservedNetwork, ObservedVolume, Phase, PublishedPort};
use crate::ownership::{self, ContainerIdentity, RecordedSpec, Source, TaskKey};
use crate::plan::{Action, Effect, Failure, FailureKind, NewContainer, Outcome};
use crate::value::{ClusterName, Timestamp};

fn failed(kind: FailureKind, message: impl Into<String>) -> Outcome {
    Outcome::Failed(Failure { kind, message: message.into() })
}

fn no_such_container(id: &ContainerId) -> Outcome {
    failed(FailureKind::Gone, format!("No such container: {id}"))
}

impl Simulated {
    /// Lets an action happen.
    pub(super) fn carry_out(&mut self, call: CallId, open: &Call) -> Progress {
        Progress::Ended(match &*open.action {
            Action::CreateNetwork { cluster, source } => self.create_network(cluster, source),
            Action::RemoveNetwork { id, .. } => self.remove_network(id),
            Action::PullImage { image, platform, .. } => self.pull_image(image, platform.as_ref()),
            Action::CreateContainer(new) => self.create_container(new),
            Action::StartContainer { id, .. } => self.start_container(id),
            Action::StopContainer { id, stop_timeout, .. } => {
                return self.stop_container(call, id, *stop_timeout, open.instant);
            }
            Action::RemoveContainer { id, .. } => self.remove_container(id),
            Action::RemoveVolume { name, .. } => self.remove_volume(name),
        })
    }

    /// The name of a network is no lock: twice called is twice made.
    fn create_network(&mut self, cluster: &ClusterName, source: &Source) -> Outcome {
        let id = NetworkId::new(&self.new_id());
        let (cluster, source, created_at) = (cluster.clone(), source.clone(), self.now);
        self.insert_network(id.clone(), Some(ObservedNetwork { id: id.clone(), cluster, source, created_at }));
        Outcome::Done(Effect::Network(id))
    }

    pub(super) fn remove_network(&mut self, id: &NetworkId) -> Outcome {
        let in_use =
            self.containers.values().any(|container| container.is_live() && container.network.as_ref() == Some(id));
        if in_use {
            return failed(
                FailureKind::Conflict,
                format!("error while removing network: network {id} has active endpoints"),
            );
        }
        if self.networks.remove(id).is_some() {
            self.hint(Hint::Other);
        }
        Outcome::Done(Effect::Removed)
    }

    fn create_container(&mut self, new: &NewContainer) -> Outcome {
        if let Some(missing) = self.find_missing_image(new) {
            return Outcome::Failed(missing);
        }
        for name in new.identity.names() {
            let Some(holder) = self.names.get(&name).and_then(|id| self.containers.get(id)) else {
                return self.create_container_as(name, new);
            };
            let same = holder
                .identity
                .as_ref()
                .filter(|holder| holder.task == new.identity.task && holder.container == new.identity.container);
            match same {
                Some(same) if same.source == new.identity.source => return created(holder),
                // Another name would give the task a second container.
                Some(same) => {
                    let message = format!("`{name}` belongs to the same task as declared by {}", same.source);
                    return failed(FailureKind::NameTaken, message);
                }
                None => {}
            }
        }
        failed(FailureKind::NameTaken, format!("every name is taken, from `{}` on", new.identity.name()))
    }

    fn create_container_as(&mut self, name: String, new: &NewContainer) -> Outcome {
        if let Some(source) = new.volumes_from.iter().find(|source| !self.containers.contains_key(&source.id)) {
            return failed(FailureKind::Refused, format!("No such container: {}", source.id));
        }
        if let Some(missing) = self.make_volumes(&new.identity, &new.spec) {
            return failed(FailureKind::Refused, format!("no such volume: {missing}"));
        }
        let behaviour = self.behaviours.of(&new.identity, Some(&new.spec.image));
        let id = ContainerId::new(&self.new_id());
        let mut container = Container::new(id.clone(), name, self.now, behaviour);
        container.identity = Some(new.identity.clone());
        container.spec_text = Some(RecordedSpec::of(&new.spec));
        container.spec = Some(self.complete(new));
        container.network = joins_network(&new.spec).then(|| new.network.clone());
        let outcome = created(&container);
        self.insert(container);
        self.hint_container(&id, Change::Began);
        outcome
    }

    /// The spec of a new container; what it leaves out is taken from the container that it names.
    fn complete(&self, new: &NewContainer) -> Arc<ContainerSpec> {
        let source = new.values_from.as_ref().and_then(|id| self.containers.get(id)?.spec.clone());
        let Some(source) = source else { return new.spec.clone() };
        let mut completed = new.spec.clone();
        let withheld = |(_, value): &(&String, &mut String)| *value == ownership::SENSITIVE;
        for (name, value) in Arc::make_mut(&mut completed).environment.iter_mut().filter(withheld) {
            if let Some(held) = source.environment.get(name) {
                held.clone_into(value);
            }
        }
        completed
    }

    /// Makes the volumes that a container is the first to use. Returns the name of one that is missing and may not be made.
    fn make_volumes(&mut self, identity: &ContainerIdentity, spec: &ContainerSpec) -> Option<String> {
        let wanted = spec.mount_points.iter().filter_map(|mount| match &mount.volume {
            VolumeSpec::Host { .. } => None,
            VolumeSpec::Task { .. } => {
                let name = ownership::task_volume_name(&identity.task, &mount.source_volume);
                Some((name, Some(identity.task.clone()), true))
            }
            VolumeSpec::Shared { autoprovision, .. } => Some((mount.source_volume.to_string(), None, *autoprovision)),
        });
        let wanted: Vec<(String, Option<TaskKey>, bool)> = wanted.collect();
        for (name, task, may_be_made) in wanted {
            if self.volumes.contains_key(&name) {
                continue;
            }
            if !may_be_made {
                return Some(name);
            }
            let (cluster, source) = (identity.task.cluster.clone(), identity.source.clone());
            self.insert_volume(name.clone(), Some(ObservedVolume { name, cluster, source, task, intervention: None }));
        }
        None
    }

    pub(super) fn start_container(&mut self, id: &ContainerId) -> Outcome {
        let Some(container) = self.containers.get_mut(id) else { return no_such_container(id) };
        match container.phase {
            Phase::Running { .. } => return Outcome::Done(Effect::Started),
            Phase::Paused => {
                return failed(FailureKind::Conflict, "cannot start a paused container, try unpause instead");
            }
            Phase::Removing => {
                return failed(FailureKind::Conflict, "container is marked for removal and cannot be started");
            }
            Phase::CreatedOrFailed | Phase::Created | Phase::StartFailed { .. } | Phase::Exited { .. } => {}
        }
        let network = container.network.clone();
        let start = self.choose_behaviour(id);
        if let Some(network) = network.filter(|network| !self.networks.contains_key(network)) {
            return self.fail_start(id, FailureKind::Refused, format!("network {network} not found"));
        }
        if let Err((port, protocol)) = self.bind_ports(id) {
            let protocol = protocol.as_str();
            let message = format!("Bind for 0.0.0.0:{port} failed: port is already allocated ({protocol})");
            return self.fail_start(id, FailureKind::PortTaken, message);
        }
        match start {
            Start::Ok => self.run_container(id),
            Start::BadCommand => {
                let message = "OCI runtime create failed: exec: executable file not found in $PATH: unknown";
                return self.fail_start(id, FailureKind::Refused, message.to_owned());
            }
            Start::EngineLeaves => {
                let message = "transport is closing: unavailable".to_owned();
                return self.fail_start(id, FailureKind::Engine, message);
            }
        }
        Outcome::Done(Effect::Started)
    }

    fn fail_start(&mut self, id: &ContainerId, kind: FailureKind, message: String) -> Outcome {
        self.release_ports(id);
        if let Some(container) = self.containers.get_mut(id) {
            container.phase = Phase::StartFailed {
                message: message.clone(),
                at: self.now,
                blameless: matches!(kind, FailureKind::PortTaken | FailureKind::Engine),
            };
        }
        self.hint_container(id, Change::Ended);
        failed(kind, message)
    }

    /// Looks up how a container behaves from now on.
    fn choose_behaviour(&mut self, id: &ContainerId) -> Start {
        let Some(container) = self.containers.get_mut(id) else { return Start::Ok };
        container.read_spec();
        let image = container.spec.as_ref().map(|spec| spec.image.as_str());
        // What is not ours has no family and no revision: it keeps the behaviour that it was made with.
        if let Some(identity) = &container.identity {
            container.behaviour = self.behaviours.of(identity, image);
        }
        container.behaviour.start
    }

    /// Takes the host ports of a container. The error is one that somebody else holds.
    fn bind_ports(&mut self, id: &ContainerId) -> Result<(), (u16, Protocol)> {
        let mappings = self.containers.get_mut(id).map(Container::port_mappings).unwrap_or_default();
        let mut wanted = mappings.iter().filter_map(|port| port.static_host_port());
        if let Some(taken) = wanted.find(|port| self.host_ports.contains_key(port)) {
            return Err(taken);
        }
        let mut ports = Vec::with_capacity(mappings.len());
        for mapping in mappings {
            let host_port = match mapping.host_port {
                0 => self.free_port(mapping.protocol).ok_or((0, mapping.protocol))?,
                host_port => host_port,
            };
            self.host_ports.insert((host_port, mapping.protocol), id.clone());
            ports.push(PublishedPort { container_port: mapping.container_port, host_port, protocol: mapping.protocol });
        }
        ports.sort_unstable();
        if let Some(container) = self.containers.get_mut(id) {
            container.ports = ports;
        }
        Ok(())
    }

    /// The next host port that nobody holds.
    fn free_port(&mut self, protocol: Protocol) -> Option<u16> {
        for _ in DYNAMIC_PORT_FIRST..=DYNAMIC_PORT_LAST {
            let port = self.next_dynamic_port;
            self.next_dynamic_port = if port == DYNAMIC_PORT_LAST { DYNAMIC_PORT_FIRST } else { port + 1 };
            if !self.host_ports.contains_key(&(port, protocol)) {
                return Some(port);
            }
        }
        None
    }

    fn stop_container(&mut self, call: CallId, id: &ContainerId, timeout_secs: u32, instant: bool) -> Progress {
        let Some(container) = self.containers.get_mut(id) else {
            return Progress::Ended(Outcome::Done(Effect::Removed));
        };
        if !container.is_live() {
            return Progress::Ended(Outcome::Done(Effect::Stopped));
        }
        let timeout = std::time::Duration::from_secs(timeout_secs.into());
        let (after, ending) = match container.behaviour.stop {
            Stop::Prompt if timeout_secs > 0 => (self.pace.stop, Ending::TERMINATED),
            Stop::Slow(after) if after < timeout => (after, Ending::TERMINATED),
            Stop::Prompt | Stop::IgnoresTerm | Stop::Slow(_) => {
                (timeout.saturating_add(self.pace.stop), Ending::KILLED)
            }
        };
        container.stop_calls.push(call);
        if instant {
            self.end_container(id, ending, "");
        } else {
            self.end_no_later_than(id, self.now.after(after), ending);
        }
        Progress::Stopping
    }

    /// The program of a container ends at `at`, unless it ends earlier by itself.
    fn end_no_later_than(&mut self, id: &ContainerId, at: Timestamp, ending: Ending) {
        let Some(container) = self.containers.get_mut(id) else { return };
        // A frozen program is thawed so that it can hear that it is to end.
        if let (Phase::Paused, Some((left, ending))) = (&container.phase, container.run_left.take()) {
            container.end = Some(self.timers.plan(self.now.after(left), Event::End(id.clone(), ending)));
        }
        if container.end.is_none_or(|(planned, _)| planned > at) {
            self.timers.cancel(container.end.take());
            container.end = Some(self.timers.plan(at, Event::End(id.clone(), ending)));
        }
    }

    fn remove_container(&mut self, id: &ContainerId) -> Outcome {
        match self.containers.get(id) {
            Some(container) if container.is_live() => {
                failed(FailureKind::Conflict, format!("You cannot remove a running container {id}"))
            }
            Some(_) => {
                self.forget(id);
                Outcome::Done(Effect::Removed)
            }
            None => Outcome::Done(Effect::Removed),
        }
    }

    fn remove_volume(&mut self, name: &str) -> Outcome {
        let task = self.volumes.get(name).and_then(|volume| volume.ours.as_ref()?.task.clone());
        let in_use = match task {
            // Only the containers of its task can have it.
            Some(task) => {
                let users: Vec<_> = self.slots.get(&slot_of(&task)).into_iter().flatten().cloned().collect();
                users.iter().any(|id| self.containers.get_mut(id).is_some_and(|container| container.uses_volume(name)))
            }
            None => self.containers.values_mut().any(|container| container.uses_volume(name)),
        };
        if in_use {
            return failed(FailureKind::Conflict, format!("remove {name}: volume is in use"));
        }
        if self.volumes.remove(name).is_some() {
            self.hint(Hint::Other);
        }
        Outcome::Done(Effect::Removed)
    }
}

/// Whether a container is on the network of its cluster.
fn joins_network(spec: &ContainerSpec) -> bool {
    match spec.task.network_mode {
        NetworkMode::Bridge => !spec.options.disable_networking && !spec.is_namespace_owner(),
        // The address is the owner's alone.
        NetworkMode::Awsvpc => spec.is_namespace_owner(),
        NetworkMode::Host | NetworkMode::None => false,
    }
}

fn created(container: &Container) -> Outcome {
    let seen = container.inspected().expect("only a container with an identity is compared or made here");
    Outcome::Done(Effect::Container(Box::new(seen)))
}
