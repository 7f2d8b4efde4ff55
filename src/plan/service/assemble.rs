//! How a task comes up: its containers are created all at once, and each is started as soon as what it waits for has come about.

use std::sync::Arc;

use super::{Planner, Vacancy, count};
use crate::desired::{ContainerSpec, StartDependency};
use crate::observed::ContainerId;
use crate::ownership::{ContainerIdentity, DeploymentMark, TaskKey};
use crate::plan::order::{self, Gate, Succession};
use crate::plan::view::{ContainerView, TaskView};
use crate::plan::{Action, Cause, NewContainer, Step, VolumeSource, Wait, describe_end};
use crate::value::Slot;

impl<'a> Planner<'_, 'a> {
    /// Creates the containers that are missing; starts those whose turn it is when all exist.
    pub(super) fn assemble(&mut self, index: usize) {
        let view = self.members[index].view.clone();
        let slot = view.slot();
        let cause = self.cause_of_try(slot, view.attempt());
        let (attempt, failures, faults) = (view.attempt(), view.failures, view.faults());
        let vacancy = Vacancy { slot, attempt, failures, faults, cause: cause.clone() };
        // Whether it has begun is to be known first: a list does not tell a container that could not be started from a new one.
        if view.unknowns().next().is_some() {
            return self.wait(slot, Wait::Action);
        }
        // What is missing of a task that has begun was removed by somebody: an init container is not run twice.
        if !self.makes_none() && !view.has_begun() && !self.create_missing(&view, &vacancy) {
            return;
        }
        if self.starts_none() && !view.has_begun() {
            return;
        }
        if !view.may_run() && !self.may_start(&view, vacancy) {
            return;
        }
        // The others start once it is known that all exist: a create that fails must not leave half a task running.
        if view.is_busy() {
            self.wait(slot, Wait::Action);
        }
        if view.containers.iter().all(|container| container.observed.is_some()) {
            for container in &view.containers {
                self.go_on(slot, &view, container, &cause);
            }
        }
    }

    /// Creates what is missing of a task that has not begun. Whether nothing is.
    fn create_missing(&mut self, view: &TaskView<'a>, vacancy: &Vacancy) -> bool {
        let wanted = &self.service.task.containers;
        let missing: Vec<_> = wanted.iter().filter(|spec| view.container(&spec.name).is_none()).cloned().collect();
        if !missing.is_empty() && self.may_create(vacancy) {
            self.create(vacancy, &missing);
        }
        missing.is_empty()
    }

    /// Whether a task of which nothing runs may go on: the limit may have fallen since its containers were made, or somebody may
    /// have taken the port.
    fn may_start(&mut self, view: &TaskView<'a>, vacancy: Vacancy) -> bool {
        let others = self.begun.saturating_sub(u32::from(view.has_begun()));
        let limit = (others >= self.ceiling).then_some(Wait::Maximum);
        let wait = self.port_conflict(Some(view.key)).or(limit);
        // What has begun keeps its room.
        let wait = wait.or_else(|| if view.has_begun() { None } else { self.ask_for_room(view.key, &vacancy.cause) });
        if let Some(wait) = wait {
            self.refused.push((vacancy, wait));
            return false;
        }
        self.begun = others + 1;
        true
    }

    /// Starts a container, for the first time or again, or says what it waits for.
    fn go_on(&mut self, slot: Slot, view: &TaskView<'a>, container: &ContainerView<'a>, cause: &Cause) {
        let Some(observed) = container.observed.filter(|_| container.doing.is_none()) else { return };
        let cause = match order::succession(view, container) {
            Succession::Restarts => Cause::Restarted { reason: describe_end(observed) },
            Succession::Unclear(id) => return self.look_at(slot, id),
            Succession::Ends if container.is_created() => match order::gate(view, container) {
                Gate::Open => cause.clone(),
                Gate::Unclear(id) => return self.look_at(slot, id),
                Gate::Waits { dependency, until } => {
                    let StartDependency { container_name: on, condition } = dependency;
                    let container = observed.identity.container.clone();
                    return self.wait(slot, Wait::Dependency { container, on, condition, until });
                }
                Gate::Never(_) => return,
            },
            Succession::Ends => return,
        };
        let action = Action::StartContainer { id: observed.id.clone(), identity: Box::new(observed.identity.clone()) };
        self.act(slot, Step { action, cause });
    }

    fn look_at(&mut self, slot: Slot, id: &ContainerId) {
        self.world.plan.unknowns.push(id.clone());
        self.wait(slot, Wait::Action);
    }

    /// The task other than `own` that holds a static port which a task needs.
    pub(super) fn port_conflict(&self, own: Option<&TaskKey>) -> Option<Wait> {
        let held = &self.world.held_ports;
        self.service.task.static_host_ports().find_map(|(port, protocol)| {
            let holder = held.get(&(port, protocol)).filter(|holder| Some(*holder) != own)?.clone();
            Some(Wait::Port { port, protocol, holder })
        })
    }

    /// The task that a vacancy would get.
    pub(super) fn task_key(&self, vacancy: &Vacancy) -> TaskKey {
        TaskKey {
            cluster: self.cluster.clone(),
            service: self.name.clone(),
            slot: vacancy.slot,
            revision: self.service.task.revision,
            attempt: vacancy.attempt,
        }
    }

    /// Whether nothing outside the service stands in the way of creating containers.
    pub(super) fn may_create(&mut self, vacancy: &Vacancy) -> bool {
        // Images are looked up and fetched while the network is being made.
        let image = self.image_wait();
        let wait = match self.world.network(self.cluster) {
            None => Some(Wait::Network),
            Some(_) => image,
        };
        if let Some(wait) = wait {
            self.wait(vacancy.slot, wait);
            return false;
        }
        true
    }

    pub(super) fn create(&mut self, vacancy: &Vacancy, containers: &[Arc<ContainerSpec>]) {
        let Some(network) = self.world.network(self.cluster) else { return };
        let task = self.task_key(vacancy);
        for port in self.service.task.static_host_ports() {
            self.world.held_ports.insert(port, task.clone());
        }
        for spec in containers {
            let namespaces = self.namespaces(&task, spec);
            let is_early = spec.joins_namespaces() && namespaces.is_none();
            let Some(volumes_from) = self.volume_sources(&task, spec).filter(|_| !is_early) else {
                // Its turn comes when they exist.
                self.wait(vacancy.slot, Wait::Action);
                continue;
            };
            let identity = ContainerIdentity {
                task: task.clone(),
                container: spec.name.clone(),
                source: self.world.desired.source.clone(),
                family: self.service.task.family.clone(),
                failures: vacancy.failures,
                essential: spec.essential,
                containers: count(self.service.task.containers.iter()),
                position: count(self.service.task.containers.iter().take_while(|other| other.name != spec.name)),
                deployment: DeploymentMark { failures: vacancy.faults, ..self.mark.clone() },
                image: self.pin(spec),
                scheduling: self.service.scheduling,
            };
            // A task that runs once is nobody's service: nobody looks for it by a name.
            let named = !self.service.lifetime.is_once() && self.service.task.named_container() == Some(&spec.name);
            let aliases = if named { vec![self.name.to_string()] } else { Vec::new() };
            let new = NewContainer {
                identity,
                spec: spec.clone(),
                network: network.clone(),
                aliases,
                volumes_from,
                namespaces,
                values_from: self.values_from(spec),
            };
            let action = Action::CreateContainer(Box::new(new));
            self.act(vacancy.slot, Step { action, cause: vacancy.cause.clone() });
        }
    }

    /// The container that has the values which the spec of a rollback leaves out.
    fn values_from(&self, spec: &ContainerSpec) -> Option<ContainerId> {
        self.is_restored().then_some(())?;
        let tasks = self.members.iter().filter(|member| member.current);
        let containers = tasks.filter_map(|member| member.view.container(&spec.name)?.observed);
        containers.map(|observed| observed.id.clone()).min()
    }

    /// The containers whose volumes a new container of `task` has too; `None` when one of them does not exist yet.
    fn volume_sources(&self, task: &TaskKey, spec: &ContainerSpec) -> Option<Vec<VolumeSource>> {
        let sources = spec.volumes_from.iter().map(|from| {
            let member = self.members.iter().find(|member| member.view.key == task)?;
            let source = member.view.container(&from.source_container)?.observed?;
            Some(VolumeSource { id: source.id.clone(), read_only: from.read_only })
        });
        sources.collect()
    }

    /// The container whose namespaces a new container of `task` shares, if it shares any and that exists.
    fn namespaces(&self, task: &TaskKey, spec: &ContainerSpec) -> Option<ContainerId> {
        let member = self.members.iter().find(|member| spec.joins_namespaces() && member.view.key == task)?;
        let mut containers = member.view.containers.iter();
        let owner = containers.find(|container| container.identity.container.is_namespace_owner())?;
        Some(owner.observed?.id.clone())
    }
}
