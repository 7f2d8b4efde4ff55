//! What the planners of all services share: what should be, what is, and the plan as it grows.

use std::collections::{BTreeMap, BTreeSet};

use super::capacity::Queue;
use super::deployment::hooks::HookPlans;
use super::deployment::{InForce, Standing, Standings};
use super::group::Groups;
use super::intervention::{ByService, Interventions};
use super::order;
use super::view::{ContainerView, TaskView};
use super::{About, Action, Cause, FailureKind, Plan, Step, Target, Wait, Waiting, restart};
use crate::desired::{ContainerSpec, DesiredState, Protocol, STOP_TIMEOUT_DEFAULT_SECS};
use crate::observed::{NetworkId, ObservedContainer, ObservedNetwork, ObservedState, Phase};
use crate::ownership::{ContainerIdentity, Source, TaskKey};
use crate::value::{ClusterName, ServiceName};

pub(super) struct World<'a> {
    /// What is in force.
    pub(super) desired: &'a DesiredState,
    /// Where that is not what the manifests ask for.
    standings: &'a Standings,
    /// What people asked of services beside their manifests.
    pub(super) interventions: &'a ByService,
    /// The services that were asked to begin anew, and have.
    pub(super) restarted: BTreeSet<(ClusterName, ServiceName)>,
    /// The services whose old tasks wait for a hook.
    hooks: &'a HookPlans<'a>,
    pub(super) observed: &'a ObservedState,
    pub(super) plan: Plan,
    /// The host ports that tasks hold, or will hold once this plan is carried out.
    pub(super) held_ports: BTreeMap<(u16, Protocol), TaskKey>,
    /// Who wants room on the host.
    pub(super) queue: Queue<'a>,
    networks: BTreeMap<&'a ClusterName, Vec<&'a ObservedNetwork>>,
    /// What this plan works on already: several slots may ask for one image.
    targets: BTreeSet<Target>,
}

impl<'a> World<'a> {
    pub(super) fn new(
        in_force: &'a InForce<'_>,
        observed: &'a ObservedState,
        groups: &Groups<'a>,
        queue: Queue<'a>,
    ) -> Self {
        let InForce { desired, standings, interventions, hooks } = in_force;
        let desired = &**desired;
        let mut networks: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for network in observed.networks.values() {
            networks.entry(&network.cluster).or_default().push(network);
        }
        // Of several, the one that is in use is the one to keep, then one of ours, then the oldest: every look agrees on it.
        let in_use = |network: &ObservedNetwork| {
            let failed = observed.failed_actions.get(&Target::Network(network.id.clone()));
            failed.is_some_and(|failed| failed.failure.kind == FailureKind::Conflict)
        };
        for of_cluster in networks.values_mut().filter(|of_cluster| of_cluster.len() > 1) {
            let foreign = |network: &ObservedNetwork| !desired.may_touch(&network.source);
            of_cluster.sort_by_key(|network| {
                // One that was made for a task on its own gives way to that of a directory.
                let standalone = network.source.is_standalone();
                (!in_use(network), standalone, foreign(network), network.created_at, &network.id)
            });
        }
        let held_ports = held_ports(desired, observed, groups);
        let (plan, targets) = (Plan::default(), BTreeSet::new());
        let restarted = BTreeSet::new();
        Self {
            desired,
            standings,
            interventions,
            restarted,
            hooks,
            observed,
            plan,
            held_ports,
            queue,
            networks,
            targets,
        }
    }

    /// How the deployment of a service stands, where it may not simply go on.
    pub(super) fn standing(&self, cluster: &ClusterName, service: &ServiceName) -> Option<&'a Standing> {
        // Nothing has failed on most hosts, and then no name is copied.
        if self.standings.is_empty() {
            return None;
        }
        self.standings.get(&(cluster.clone(), service.clone()))
    }

    /// What was asked of a service beside its manifest.
    pub(super) fn asked_of(&self, cluster: &ClusterName, service: &ServiceName) -> Option<&'a Interventions> {
        if self.interventions.is_empty() {
            return None;
        }
        self.interventions.get(&(cluster.clone(), service.clone()))
    }

    /// Whether the old tasks of a service stay that need not make room.
    pub(super) fn keeps_old(&self, cluster: &ClusterName, service: &ServiceName) -> bool {
        !self.hooks.is_empty()
            && self.hooks.get(&(cluster.clone(), service.clone())).is_some_and(|hooks| hooks.keeps_old)
    }

    /// Whether what `source` declared is ours to change.
    pub(super) fn may_touch(&self, source: &Source) -> bool {
        self.desired.may_touch(source)
    }

    /// The network of a cluster; of several, the one that stays.
    pub(super) fn network(&self, cluster: &ClusterName) -> Option<&'a NetworkId> {
        self.networks_of(cluster).next().map(|network| &network.id)
    }

    pub(super) fn networks_of(&self, cluster: &ClusterName) -> impl Iterator<Item = &'a ObservedNetwork> + '_ {
        self.networks.get(cluster).into_iter().flatten().copied()
    }

    /// The clusters that have a network.
    pub(super) fn networked_clusters(&self) -> Vec<&'a ClusterName> {
        self.networks.keys().copied().collect()
    }

    /// Sees to it that a wanted cluster has one network.
    pub(super) fn ensure_network(&mut self, cluster: &ClusterName) {
        let mut networks = self.networks_of(cluster).cloned().collect::<Vec<_>>().into_iter();
        if networks.next().is_none() {
            let action = Action::CreateNetwork { cluster: cluster.clone(), source: self.desired.source.clone() };
            self.act(About::cluster(cluster), Step { action, cause: Cause::Wanted });
        }
        // A task on its own joins a network and tidies none up.
        let own = |network: &ObservedNetwork| network.source == self.desired.source && !network.source.is_standalone();
        for network in networks.filter(own) {
            let action = Action::RemoveNetwork { cluster: cluster.clone(), id: network.id };
            self.act(About::cluster(cluster), Step { action, cause: Cause::Duplicate });
        }
    }

    /// Whether a task is known to have been there and to be gone.
    pub(super) fn has_gone(&self, task: Option<&TaskKey>) -> bool {
        task.is_some_and(|task| self.observed.gone_tasks.contains(task))
    }

    /// Plans `step`, unless it is under way, or has just failed: then it says what there is to wait for.
    pub(super) fn step(&mut self, step: Step) -> Option<Wait> {
        let target = step.action.target();
        if self.observed.in_flight.contains_key(&target) {
            return Some(Wait::Action);
        }
        if let Some(failed) = self.observed.failed_actions.get(&target) {
            let until = failed.at.after(restart::backoff(failed.failures));
            if until > self.observed.at {
                return Some(Wait::Retry { until, failures: failed.failures, failure: failed.failure.clone() });
            }
        }
        if self.targets.insert(target) {
            self.plan.steps.push(step);
        }
        None
    }

    /// Plans `step`; whatever it is about waits for it.
    pub(super) fn act(&mut self, about: About, step: Step) {
        let wait = self.step(step).unwrap_or(Wait::Action);
        self.wait(Waiting { about, wait });
    }

    pub(super) fn wait(&mut self, waiting: Waiting) {
        if let Some(until) = waiting.wait.until() {
            self.plan.wake_at = Some(self.plan.wake_at.map_or(until, |other| other.min(until)));
        }
        // A slot may be told the same by several rules.
        if self.plan.waits.last() != Some(&waiting) {
            self.plan.waits.push(waiting);
        }
    }

    /// Ends a task: stops what runs of it, whoever depends on others before them, and once nothing runs, removes what has never run.
    /// What has ended stays, as the memory of the try. Removing first would leave, if it were cut off in between, something that runs
    /// and looks whole.
    pub(super) fn end_task(&mut self, task: &TaskView<'a>, cause: &Cause) {
        self.wait_if_busy(task);
        let runs = task.may_run();
        let supporting = order::find_supporting(task);
        for container in task.containers.iter().filter(|container| container.doing.is_none()) {
            let Some(observed) = container.observed else { continue };
            match observed.phase {
                Phase::Running { .. } | Phase::Paused if supporting.contains(&observed.identity.container) => {}
                Phase::Running { .. } | Phase::Paused => self.container_step(observed, stop(observed), cause),
                Phase::Created if !runs => self.container_step(observed, remove(observed), cause),
                Phase::CreatedOrFailed => self.plan.unknowns.push(observed.id.clone()),
                Phase::Created | Phase::StartFailed { .. } | Phase::Exited { .. } | Phase::Removing => {}
            }
        }
    }

    fn wait_if_busy(&mut self, task: &TaskView<'a>) {
        if task.is_busy() {
            self.wait(Waiting { about: About::task(task.key), wait: Wait::Action });
        }
    }

    /// Removes what is left of a task that has ended.
    pub(super) fn remove_task(&mut self, task: &TaskView<'a>, cause: &Cause) {
        self.wait_if_busy(task);
        for container in task.containers.iter().filter(|container| container.doing.is_none()) {
            if let Some(observed) = container.observed {
                self.container_step(observed, remove(observed), cause);
            }
        }
    }

    /// Stops or removes one container, whatever its task is.
    pub(super) fn remove_container(&mut self, container: &ObservedContainer, cause: &Cause) {
        let action = match container.phase {
            Phase::Running { .. } | Phase::Paused => stop(container),
            Phase::CreatedOrFailed
            | Phase::Created
            | Phase::StartFailed { .. }
            | Phase::Exited { .. }
            | Phase::Removing => remove(container),
        };
        self.container_step(container, action, cause);
    }

    fn container_step(&mut self, container: &ObservedContainer, action: Action, cause: &Cause) {
        let about = About::task(&container.identity.task);
        self.act(about, Step { action, cause: cause.clone() });
    }
}

fn remove(container: &ObservedContainer) -> Action {
    Action::RemoveContainer { id: container.id.clone(), identity: Box::new(container.identity.clone()) }
}

fn stop(container: &ObservedContainer) -> Action {
    Action::StopContainer {
        id: container.id.clone(),
        identity: Box::new(container.identity.clone()),
        stop_timeout: stop_timeout_secs(container),
    }
}

/// The time that a container was promised when it was made.
pub(crate) fn stop_timeout_secs(container: &ObservedContainer) -> u32 {
    container.read_spec().map_or(STOP_TIMEOUT_DEFAULT_SECS, |spec| spec.stop_timeout)
}

fn held_ports(
    desired: &DesiredState,
    observed: &ObservedState,
    groups: &Groups<'_>,
) -> BTreeMap<(u16, Protocol), TaskKey> {
    let mut held = BTreeMap::new();
    let mut about_to_run = Vec::new();
    // What others run holds its ports as well; what they are about to run, the engine tells when it is too late.
    for neighbour in observed.neighbours.values() {
        for port in &neighbour.ports {
            let holder = held.entry((port.host_port, port.protocol)).or_insert(&neighbour.task);
            *holder = (&neighbour.task).max(holder);
        }
    }
    // The containers come in no order: of several that claim one port, the names say which is named as its holder.
    for container in groups.views() {
        let task = &container.identity.task;
        for port in container.observed.filter(|_| container.may_run()).into_iter().flat_map(|observed| &observed.ports)
        {
            let holder = held.entry((port.host_port, port.protocol)).or_insert(task);
            *holder = task.max(holder);
        }
        if container.is_about_to_run() {
            about_to_run.push(container);
        }
    }
    // Collected by reference first: a converged host has thousands of ports and needs none of these keys.
    let mut ports: BTreeMap<_, _> = held.into_iter().map(|(port, task)| (port, task.clone())).collect();
    // What is not up yet holds what it will need: two tasks that are being made at once must not be given one port.
    about_to_run.sort_by_key(|container| &container.identity.task);
    for container in about_to_run {
        for port in promised_ports(desired, container) {
            ports.entry(port).or_insert_with(|| container.identity.task.clone());
        }
    }
    ports
}

/// The static ports of a container that does not run yet.
fn promised_ports(desired: &DesiredState, container: &ContainerView<'_>) -> Vec<(u16, Protocol)> {
    let of_spec = |spec: &ContainerSpec| spec.port_mappings.iter().filter_map(|port| port.static_host_port()).collect();
    if let Some(observed) = container.observed {
        return observed.read_spec().map(|spec| of_spec(spec)).unwrap_or_default();
    }
    let ContainerIdentity { task, container, .. } = container.identity;
    let service = desired.clusters.get(&task.cluster).and_then(|cluster| cluster.services.get(&task.service));
    let wanted = service.filter(|service| service.task.revision == task.revision);
    let spec = wanted.and_then(|service| service.task.containers.iter().find(|spec| spec.name == *container));
    spec.map(|spec| of_spec(spec)).unwrap_or_default()
}
