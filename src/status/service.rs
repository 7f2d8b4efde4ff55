//! One service: its tasks counted and judged.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Health, PinnedImage, PublishedAddress, RolloutState, ServiceStatus, StoppedTask, Sync, TaskStatus, message,
};
use crate::change::revision_name;
use crate::desired::{DesiredService, DesiredState, Revision};
use crate::observed::{self, ObservedState};
use crate::ownership::Source;
use crate::plan::ending::Ending;
use crate::plan::service::is_current;
use crate::plan::view::{TaskState, TaskView, with_last_tries};
use crate::plan::{Held, Plan, Wait};
use crate::plan::{group, lifecycle};
use crate::value::{ClusterName, ServiceName, Slot, Timestamp};

/// Every service, and every task that has ended.
pub(super) fn read_services(
    desired: Option<&DesiredState>,
    observed: &ObservedState,
    plan: Option<&Plan>,
) -> (Vec<ServiceStatus>, Vec<StoppedTask>) {
    let mut services = Vec::new();
    let mut stopped = Vec::new();
    for portrait in portraits(desired, observed, plan) {
        stopped.extend(portrait.stopped());
        services.push(portrait.status());
    }
    (services, stopped)
}

/// Every service that is wanted or there, by name.
pub(super) fn portraits<'a>(
    desired: Option<&'a DesiredState>,
    observed: &'a ObservedState,
    plan: Option<&'a Plan>,
) -> Vec<Portrait<'a>> {
    let mut tasks = group::tasks(observed);
    let wanted = desired.iter().flat_map(|desired| {
        let clusters = desired.clusters.iter();
        clusters
            .flat_map(|(cluster, wanted)| wanted.services.iter().map(move |(name, service)| ((cluster, name), service)))
    });
    let mut wanted: BTreeMap<_, _> = wanted.collect();
    for views in tasks.values_mut() {
        // `tasks` shows what belongs to no service.
        views.retain(|view| {
            let is_of_service = !view.source.is_standalone() && view.key.service.hook_place().is_none();
            is_of_service && desired.is_none_or(|desired| may_touch(desired, view.source))
        });
    }
    tasks.retain(|_, views| !views.is_empty());
    let names: BTreeSet<_> = wanted.keys().chain(tasks.keys()).copied().collect();
    let portraits = names.into_iter().map(|(cluster, name)| {
        let views = tasks.remove(&(cluster, name)).unwrap_or_default();
        Portrait::new(desired, wanted.remove(&(cluster, name)), observed, plan, (cluster, name), views)
    });
    portraits.collect()
}

fn may_touch(desired: &DesiredState, source: &Source) -> bool {
    desired.may_touch(source)
}

/// One task, judged.
pub(super) struct Member<'a> {
    pub(super) view: TaskView<'a>,
    pub(super) state: TaskState,
    /// Whether it is of the revision that is wanted.
    pub(super) current: bool,
}

impl Member<'_> {
    pub(super) fn is_up(&self) -> bool {
        self.state.is_alive() && self.state != TaskState::Ending
    }

    fn is_running(&self) -> bool {
        match self.state {
            TaskState::Pending(_) | TaskState::Healthy | TaskState::Unhealthy => true,
            TaskState::Assembling | TaskState::Ending | TaskState::Ended => false,
        }
    }

    pub(super) fn revision(&self) -> String {
        // A view is made from at least one container.
        let family = self.view.containers.first().map_or("", |first| first.identity.family.as_str());
        revision_name(family, self.view.key.revision)
    }
}

/// One service with all that is known of it.
pub(super) struct Portrait<'a> {
    pub(super) cluster: &'a ClusterName,
    pub(super) name: &'a ServiceName,
    pub(super) at: Timestamp,
    /// Whether there are manifests at all.
    compared: bool,
    /// What they ask for.
    pub(super) service: Option<&'a DesiredService>,
    pub(super) members: Vec<Member<'a>>,
    pub(super) wanted: u32,
    has_network: bool,
    /// What the plan waits for, for this service.
    pub(super) waits: Vec<(Option<Slot>, &'a Wait)>,
}

impl<'a> Portrait<'a> {
    fn new(
        desired: Option<&DesiredState>,
        service: Option<&'a DesiredService>,
        observed: &'a ObservedState,
        plan: Option<&'a Plan>,
        (cluster, name): (&'a ClusterName, &'a ServiceName),
        views: Vec<TaskView<'a>>,
    ) -> Self {
        let youngest = youngest_revision(&views);
        let judge = |(view, is_last): (TaskView<'a>, bool)| {
            let current = match (desired, service) {
                (Some(desired), Some(service)) => *view.source == desired.source && is_current(&view, service),
                // Without manifests the youngest revision is taken for the wanted one.
                (Some(_) | None, None) | (None, Some(_)) => Some(view.key.revision) == youngest,
            };
            let spec = service.filter(|_| current).map(|service| &*service.task);
            let patience = service.map(|service| service.patience(current)).unwrap_or_default();
            let view = view.within(spec, is_last, observed);
            let state = view.state(patience, observed.at);
            Member { view, state, current }
        };
        let members: Vec<_> = with_last_tries(views).map(judge).collect();
        let present = members.iter().map(|member| member.view.slot().0.saturating_add(1)).max();
        let wanted = match (desired, service) {
            (Some(_), None) => 0,
            (_, Some(service)) => service.desired_count.unwrap_or(present.unwrap_or(1)),
            (None, None) => present.unwrap_or(0),
        };
        let waits =
            plan.iter().flat_map(|plan| &plan.waits).filter(|waiting| waiting.about.cluster == *cluster).filter_map(
                |waiting| {
                    let about = waiting.about.service.as_ref()?;
                    // What a hook waits for, its service waits for.
                    let slot = if about == name { waiting.about.slot } else { None };
                    (about == name || about.is_hook_of(name)).then_some((slot, &waiting.wait))
                },
            );
        let waits = waits.collect();
        let has_network = observed.networks.values().any(|network| network.cluster == *cluster);
        let compared = desired.is_some();
        Self { cluster, name, at: observed.at, compared, service, members, wanted, has_network, waits }
    }

    /// Whether the manifests do not ask for it any more.
    pub(super) fn is_unwanted(&self) -> bool {
        self.compared && self.service.is_none()
    }

    fn status(&self) -> ServiceStatus {
        let mut revisions: BTreeMap<String, u32> = BTreeMap::new();
        for member in self.members.iter().filter(|member| member.is_up()) {
            *revisions.entry(member.revision()).or_default() += 1;
        }
        let running = |member: &&Member<'_>| member.is_running();
        let mut status = ServiceStatus {
            cluster: self.cluster.clone(),
            service: self.name.clone(),
            revision: self.revision(),
            revisions,
            images: self.images(),
            desired: self.wanted,
            running: count(self.members.iter().filter(running)),
            healthy: count(self.members.iter().filter(|member| member.state == TaskState::Healthy)),
            pending: count(self.members.iter().filter(|member| member.state == TaskState::Assembling)),
            rollout_state: self.rollout_state(),
            sync: self.sync(),
            health: self.health(),
            restarts: self.restarts(),
            last_stop_at: self.members.iter().filter_map(|member| stop_of(&member.view)).max(),
            running_since: self.members.iter().filter(running).filter_map(|member| member.view.started_at()).max(),
            tasks: self.tasks(),
            ports: self.ports(),
            message: None,
        };
        status.message = message::describe(self, &status);
        status
    }

    pub(super) fn revision(&self) -> Option<String> {
        match self.service {
            Some(service) => Some(revision_name(service.task.family.as_str(), service.task.revision)),
            None => self.members.iter().find(|member| member.current).map(Member::revision),
        }
    }

    fn images(&self) -> Vec<PinnedImage> {
        let running = self.members.iter().filter(|member| member.current && member.is_running());
        let pinned = running.flat_map(|member| member.view.observed()).filter_map(|container| {
            let image = container.identity.image.clone()?;
            Some(PinnedImage { container: container.identity.container.clone(), image })
        });
        pinned.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether its deployment was given up.
    fn has_failed(&self) -> bool {
        self.waits.iter().any(|(_, wait)| matches!(wait, Wait::DeploymentFailed { .. }))
    }

    /// What somebody holds the service with.
    pub(super) fn held(&self) -> Option<&'a Held> {
        self.waits.iter().find_map(|(slot, wait)| {
            let Wait::Held(held) = wait else { return None };
            slot.is_none().then_some(held)
        })
    }

    /// Whether another revision is in force than the one that its manifest asks for, because somebody wants it so.
    fn is_held_elsewhere(&self) -> bool {
        self.held().is_some_and(|held| match held {
            Held::RolledBack { .. } | Held::Paused { waiting: Some(_) } => true,
            Held::Paused { waiting: None } | Held::Protected { .. } => false,
        })
    }

    /// Whether its deployment goes on only when a hook has ended well.
    fn waits_for_hook(&self) -> bool {
        self.waits.iter().any(|(_, wait)| matches!(wait, Wait::Hook { .. }))
    }

    fn rollout_state(&self) -> RolloutState {
        let is_well =
            |slot: Slot| self.in_slot(slot).any(|member| member.current && member.state == TaskState::Healthy);
        let is_old = |member: &Member<'_>| member.is_up() && !member.current;
        if self.has_failed() {
            RolloutState::Failed
        } else if self.waits_for_hook() {
            RolloutState::InProgress
        } else if self.slots().all(is_well) && !self.members.iter().any(is_old) {
            RolloutState::Completed
        } else {
            RolloutState::InProgress
        }
    }

    fn sync(&self) -> Sync {
        if !self.compared {
            return Sync::Unknown;
        }
        if self.has_failed() || self.is_held_elsewhere() || self.waits_for_hook() {
            return Sync::OutOfSync;
        }
        let is_filled = |slot: Slot| self.members.iter().any(|member| member.current && member.view.slot() == slot);
        let is_odd = |member: &Member<'_>| member.is_up() && (!member.current || !self.is_wanted(member.view.slot()));
        let synced = self.service.is_some()
            && self.has_network
            && self.slots().all(is_filled)
            && !self.members.iter().any(is_odd);
        if synced { Sync::Synced } else { Sync::OutOfSync }
    }

    fn health(&self) -> Health {
        let is_well =
            |slot: Slot| self.in_slot(slot).any(|member| member.current && member.state == TaskState::Healthy);
        let refused = self.waits.iter().any(|(_, wait)| matches!(wait, Wait::Retry { .. } | Wait::Backoff { .. }));
        let trying_again = |slot: Slot| {
            let last = self.last_in(slot);
            last.is_some_and(|last| last.is_up() && last.state != TaskState::Healthy && last.view.failures > 0)
        };
        let failed = |slot: Slot| !is_well(slot) && (self.failed_in(slot).is_some() || trying_again(slot));
        if self.slots().any(failed) || refused {
            Health::Degraded
        } else if self.members.iter().any(|member| member.view.unknowns().next().is_some()) {
            Health::Unknown
        } else if self.wanted > 0 && !self.members.iter().any(Member::is_up) {
            Health::Missing
        } else if self.wanted == 0 && self.members.iter().any(Member::is_up) {
            // What goes is not well, however well it is.
            Health::Progressing
        } else if self.slots().all(is_well) && !self.members.iter().any(|member| member.is_up() && !member.current) {
            if self.has_check() || self.wanted == 0 { Health::Healthy } else { Health::Running }
        } else {
            Health::Progressing
        }
    }

    fn has_check(&self) -> bool {
        let wanted = self.service.map(|service| &service.task.containers);
        wanted.into_iter().flatten().any(|container| container.essential && container.health_check.is_some())
            || self.members.iter().filter(|member| member.is_running()).any(|member| {
                let mut essential = member.view.observed().filter(|container| container.identity.essential);
                essential.any(|container| container.health != observed::Health::None)
            })
    }

    /// The slots that should hold a task.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..self.wanted).map(Slot)
    }

    fn is_wanted(&self, slot: Slot) -> bool {
        slot.0 < self.wanted
    }

    fn in_slot(&self, slot: Slot) -> impl Iterator<Item = &Member<'a>> {
        self.members.iter().filter(move |member| member.view.slot() == slot)
    }

    /// The last try of the wanted revision in a slot.
    pub(super) fn last_in(&self, slot: Slot) -> Option<&Member<'a>> {
        self.in_slot(slot).filter(|member| member.current).max_by_key(|member| member.view.attempt())
    }

    /// The last try in a slot when it has died or is unhealthy.
    pub(super) fn failed_in(&self, slot: Slot) -> Option<&Member<'a>> {
        self.last_in(slot).filter(|last| match last.state {
            TaskState::Unhealthy | TaskState::Ending | TaskState::Ended => true,
            TaskState::Assembling | TaskState::Pending(_) | TaskState::Healthy => false,
        })
    }

    fn restarts(&self) -> u32 {
        let mut tries: BTreeMap<Slot, u32> = BTreeMap::new();
        for member in self.members.iter().filter(|member| member.current) {
            let most = tries.entry(member.view.slot()).or_default();
            *most = (*most).max(member.view.attempt().0.saturating_sub(1));
        }
        tries.values().sum()
    }

    fn ports(&self) -> Vec<PublishedAddress> {
        let running = self.members.iter().filter(|member| member.is_running());
        let mut ports: Vec<_> = running
            .flat_map(|member| member.view.observed().map(|container| (member.view.slot(), container)))
            .flat_map(|(slot, container)| {
                container.ports.iter().map(move |port| PublishedAddress {
                    container: container.identity.container.clone(),
                    container_port: port.container_port,
                    protocol: port.protocol,
                    host_port: port.host_port,
                    slot,
                })
            })
            .collect();
        ports.sort();
        // An engine lists a port once for each address family.
        ports.dedup();
        ports
    }

    fn tasks(&self) -> Vec<TaskStatus> {
        let present = self.members.iter().filter(|member| member.state != TaskState::Ended);
        let tasks = present.map(|member| TaskStatus {
            slot: member.view.slot(),
            revision: member.revision(),
            attempt: member.view.attempt(),
            last_status: lifecycle::last_status(&member.view, &member.state),
        });
        tasks.collect()
    }

    fn stopped(&self) -> Vec<StoppedTask> {
        let ended = self.members.iter().filter(|member| member.state == TaskState::Ended);
        ended.filter_map(|member| stopped_task(&member.view, member.revision())).collect()
    }
}

/// The revision of the container that was created last.
fn youngest_revision(views: &[TaskView<'_>]) -> Option<Revision> {
    let created = |view: &TaskView<'_>| view.observed().map(|container| container.created_at).max();
    views.iter().max_by_key(|view| (created(view), view.key.revision)).map(|view| view.key.revision)
}

fn stop_of(view: &TaskView<'_>) -> Option<Timestamp> {
    match view.ending() {
        Ending::Known { ended_at, .. } => Some(ended_at),
        Ending::Unknown(_) | Ending::Untold => None,
    }
}

/// How a task ended: why it failed to start, or how the container ended whose end ended it.
fn told_reason(view: &TaskView<'_>, culprit: &observed::ObservedContainer) -> String {
    view.obstacle().map_or_else(|| crate::plan::describe_end(culprit), |never| never.to_string())
}

fn stopped_task(view: &TaskView<'_>, revision: String) -> Option<StoppedTask> {
    let culprit = view.culprit().or_else(|| view.observed().next())?;
    let exit = culprit.phase.exit();
    Some(StoppedTask {
        task_id: view.key.id(),
        cluster: view.key.cluster.clone(),
        service: view.key.service.clone(),
        slot: view.slot(),
        revision,
        attempt: view.attempt(),
        container_name: culprit.name.clone(),
        container_id: culprit.id.clone(),
        ended_at: stop_of(view),
        reason: told_reason(view, culprit),
        stop: lifecycle::stop(view),
        containers: lifecycle::container_ends(view),
        exit_code: exit.map(|exit| exit.code),
        out_of_memory: exit.is_some_and(|exit| exit.oom_killed),
        health_output: exit.and_then(|exit| exit.health_output.clone()).filter(|output| !output.is_empty()),
    })
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
