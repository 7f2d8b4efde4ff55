//! What the reconciler has to tell: events, derived from what changed between two pieces of knowledge.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Cause, ContainerId, Health, ObservedContainer, Phase, Plan, Reconciler, Step};
use crate::desired::Revision;
use crate::event::{Event, EventKind};
use crate::ownership::{ContainerIdentity, TaskKey};
use crate::plan::order::allows_restart;
use crate::plan::{About, Wait, describe_end};
use crate::value::{ClusterName, ServiceName, Timestamp};

/// So many tasks that failed to start are remembered; to tell of one twice costs less than to remember all of them for ever.
const FAILED_MAX: usize = 1000;

/// What has been told already.
#[derive(Debug, Default)]
pub(super) struct Told {
    events: Vec<Event>,
    /// The containers that we stopped: their end is no news.
    stopped: BTreeSet<ContainerId>,
    /// The containers that were seen alive: only their end is news.
    alive: BTreeSet<ContainerId>,
    /// The containers of which it was told that they cannot be checked.
    unchecked: BTreeSet<ContainerId>,
    /// The tasks of which it was told that they failed to start.
    failed: BTreeSet<TaskKey>,
    /// The pauses that have been announced.
    pauses: BTreeMap<About, Timestamp>,
    /// The failed deployments that have been announced.
    failed_deployments: BTreeSet<(About, Revision)>,
    /// What somebody holds back, and how.
    held: BTreeMap<About, String>,
    /// The services that are not as they should be, and since when.
    unsteady: BTreeMap<(ClusterName, ServiceName), Timestamp>,
}

impl Reconciler {
    /// What happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.told.events)
    }

    pub(super) fn tell(&mut self, about: Option<About>, kind: EventKind) {
        self.told.events.push(Event { at: self.observed.at, about, kind });
    }

    fn tell_task(&mut self, task: &TaskKey, kind: EventKind) {
        self.tell(Some(About::task(task)), kind);
    }

    /// Tells that an action begins, where that is the first sign of something.
    pub(super) fn tell_begin(&mut self, step: &Step) {
        self.tell_failed_to_start(step);
        match &step.action {
            Action::CreateContainer(new) => {
                if !self.has_sibling(&new.identity, |_| true) && !self.is_creating_sibling(&new.identity) {
                    self.tell_task(&new.identity.task, EventKind::TaskStarting { cause: step.cause.clone() });
                }
            }
            Action::StopContainer { id, identity, .. } => {
                if !self.is_stopping_task(&identity.task) && !self.told.failed.contains(&identity.task) {
                    self.tell_task(&identity.task, EventKind::TaskStopping { cause: step.cause.clone() });
                }
                self.told.stopped.insert(id.clone());
            }
            Action::PullImage { image, .. } => self.tell(None, EventKind::ImagePulling { image: image.clone() }),
            Action::StartContainer { identity, .. } => {
                if let Cause::Restarted { reason } = &step.cause {
                    self.tell_task(&identity.task, EventKind::ContainerRestarting { reason: reason.clone() });
                }
            }
            Action::CreateNetwork { .. }
            | Action::RemoveNetwork { .. }
            | Action::RemoveContainer { .. }
            | Action::RemoveVolume { .. } => {}
        }
    }

    /// Tells once why a task failed to start, as the first of what is left of it goes.
    fn tell_failed_to_start(&mut self, step: &Step) {
        if let (Cause::FailedToStart { reason }, Some(identity)) = (&step.cause, step.action.identity())
            && self.told.failed.insert(identity.task.clone())
        {
            self.tell_task(&identity.task, EventKind::TaskDied { reason: reason.clone() });
        }
    }

    fn has_sibling(&self, identity: &ContainerIdentity, matches: impl Fn(&ObservedContainer) -> bool) -> bool {
        identity.containers > 1
            && self.observed.containers.values().any(|other| {
                other.identity.task == identity.task && other.identity.container != identity.container && matches(other)
            })
    }

    fn is_creating_sibling(&self, identity: &ContainerIdentity) -> bool {
        identity.containers > 1
            && self.observed.in_flight.values().any(|in_flight| match &in_flight.doing {
                super::Doing::Create(other) => other.task == identity.task && other.container != identity.container,
                super::Doing::Start
                | super::Doing::Stop
                | super::Doing::Remove
                | super::Doing::Pull
                | super::Doing::Other => false,
            })
    }

    fn is_stopping_task(&self, task: &TaskKey) -> bool {
        self.told.stopped.iter().any(|id| self.observed.containers.get(id).is_some_and(|c| c.identity.task == *task))
    }

    /// Tells that a task runs, once the last of its essential containers has been started.
    pub(super) fn tell_started(&mut self, id: &ContainerId) {
        let Some(container) = self.observed.containers.get(id) else { return };
        let identity = container.identity.clone();
        let waits = |other: &ObservedContainer| {
            other.identity.essential && matches!(other.phase, Phase::Created | Phase::CreatedOrFailed)
        };
        if identity.essential && !self.has_sibling(&identity, waits) {
            self.tell_task(&identity.task, EventKind::TaskRunning);
        }
    }

    /// Tells that a task has been stopped, once the last of its containers has ended.
    pub(super) fn tell_stopped(&mut self, id: &ContainerId) {
        let Some(container) = self.observed.containers.get(id) else { return };
        let identity = container.identity.clone();
        if !self.has_sibling(&identity, |other| matches!(other.phase, Phase::Running { .. } | Phase::Paused)) {
            self.tell_task(&identity.task, EventKind::TaskStopped);
        }
    }

    /// Tells what is new about a container, compared with what was known of it.
    pub(super) fn tell_change(&mut self, before: Option<&ObservedContainer>, after: &ObservedContainer) {
        if !after.identity.essential || !self.is_ours(&after.identity) {
            return;
        }
        let task = &after.identity.task;
        let was_alive = match &after.phase {
            Phase::Created | Phase::Running { .. } | Phase::Paused => {
                self.told.alive.insert(after.id.clone());
                false
            }
            Phase::Exited { exit: Some(_) } | Phase::StartFailed { .. } => self.told.alive.remove(&after.id),
            Phase::CreatedOrFailed | Phase::Exited { exit: None } | Phase::Removing => false,
        };
        if was_alive && !self.told.stopped.contains(&after.id) && !may_restart(after) {
            let is_done = task.service.hook_place().is_some() && after.phase.exit().is_some_and(|exit| exit.code == 0);
            let reason = describe_end(after);
            self.tell_task(task, if is_done { EventKind::TaskDone { reason } } else { EventKind::TaskDied { reason } });
        }
        let running = matches!(after.phase, Phase::Running { .. });
        let health_before = before.map(|before| before.health);
        if running && health_before.is_some_and(|health| health != after.health) {
            match after.health {
                // It was so all the time; we have only just begun to look.
                Health::Healthy if health_before == Some(Health::Unknown) => {}
                Health::Healthy => self.tell_task(task, EventKind::TaskHealthy),
                Health::Unhealthy => self.tell_task(
                    task,
                    EventKind::TaskUnhealthy { output: after.health_output.clone().unwrap_or_default() },
                ),
                Health::None | Health::Starting | Health::Unknown => {}
            }
        }
        let readiness_before = before.map_or(Health::None, |before| before.readiness);
        if running && readiness_before != after.readiness {
            match (readiness_before, after.readiness) {
                (Health::Starting | Health::Unhealthy, Health::Healthy) => {
                    self.tell_task(task, EventKind::TaskReady);
                }
                (_, Health::Unhealthy) => {
                    let output = after.readiness_output.clone().unwrap_or_default();
                    self.tell_task(task, EventKind::TaskNotReady { output });
                }
                (_, Health::None | Health::Starting | Health::Unknown | Health::Healthy) => {}
            }
        }
    }

    /// Tells once of each container that it cannot be checked from here.
    pub(super) fn tell_unchecked(&mut self, container: &ObservedContainer, reason: &str) {
        if self.told.unchecked.insert(container.id.clone()) {
            self.tell_task(&container.identity.task, EventKind::TaskUnchecked { reason: reason.to_owned() });
        }
    }

    /// What was known of a container that is gone need not be kept.
    pub(super) fn tell_gone(&mut self, id: &ContainerId) {
        // A task of which nothing is left is not told of again.
        if self.told.failed.len() > FAILED_MAX {
            self.told.failed.clear();
        }
        self.told.stopped.remove(id);
        self.told.alive.remove(id);
        self.told.unchecked.remove(id);
    }

    /// Tells what a new plan says about services: that one has to wait, that one is as it should be.
    pub(super) fn tell_plan(&mut self, plan: &Plan) {
        let at = self.observed.at;
        // While a container is looked at the pause is not planned; it goes on all the same.
        let mut pauses = std::mem::take(&mut self.told.pauses);
        pauses.retain(|_, until| *until > at);
        let mut unsteady = BTreeMap::new();
        let mut failed_deployments = BTreeSet::new();
        let mut held_back = BTreeMap::new();
        for waiting in &plan.waits {
            if let Wait::DeploymentFailed { failed, failures, reason, rolled_back_to } = &waiting.wait {
                let key = (waiting.about.clone(), *failed);
                if !self.told.failed_deployments.contains(&key) {
                    let (failed, failures) = (*failed, *failures);
                    let (reason, rolled_back_to) = (reason.clone(), *rolled_back_to);
                    let kind = EventKind::DeploymentFailed { failed, failures, reason, rolled_back_to };
                    self.tell(Some(waiting.about.clone()), kind);
                }
                failed_deployments.insert(key);
                // What was rolled back to is steady once nothing else is waited for.
                if rolled_back_to.is_some() {
                    continue;
                }
            }
            if let Wait::Held(held) = &waiting.wait {
                let reason = held.to_string();
                if self.told.held.get(&waiting.about) != Some(&reason) {
                    self.tell(Some(waiting.about.clone()), EventKind::HeldBack { reason: reason.clone() });
                }
                held_back.insert(waiting.about.clone(), reason);
                continue;
            }
            if let Wait::Backoff { until, failures } = waiting.wait {
                if pauses.get(&waiting.about) != Some(&until) {
                    let kind = EventKind::BackingOff { until, failures };
                    self.tell(Some(waiting.about.clone()), kind);
                }
                pauses.insert(waiting.about.clone(), until);
            }
            if let Some(service) = &waiting.about.service {
                let key = (waiting.about.cluster.clone(), service.clone());
                let since = self.told.unsteady.get(&key).copied().unwrap_or(at);
                unsteady.entry(key).or_insert(since);
            }
        }
        self.told.pauses = pauses;
        self.told.failed_deployments = failed_deployments;
        self.told.held = held_back;
        let before = std::mem::replace(&mut self.told.unsteady, unsteady);
        for ((cluster, service), since) in before {
            if !self.told.unsteady.contains_key(&(cluster.clone(), service.clone())) {
                self.tell_steady(&cluster, &service, since);
            }
        }
    }

    fn tell_steady(&mut self, cluster: &ClusterName, service: &ServiceName, since: Timestamp) {
        // The end of a hook's task has been told.
        if service.hook_place().is_some() {
            return;
        }
        let about = About { cluster: cluster.clone(), service: Some(service.clone()), slot: None };
        let wanted = self.desired.clusters.get(cluster).and_then(|wanted| wanted.services.get(service));
        let kind = match wanted {
            // A task that runs once is over then, and that has been told.
            Some(wanted) if wanted.lifetime.is_once() => return,
            None => EventKind::ServiceDeleted,
            Some(wanted) => {
                let healthy = wanted.desired_count.unwrap_or_else(|| self.slots_of(cluster, service));
                let took = Some(self.observed.at.since(since));
                EventKind::ServiceSteady { healthy, desired: healthy, took }
            }
        };
        self.tell(Some(about), kind);
    }

    fn slots_of(&self, cluster: &ClusterName, service: &ServiceName) -> u32 {
        let tasks = self.observed.containers.values().map(|container| &container.identity.task);
        let of_service = tasks.filter(|task| task.cluster == *cluster && task.service == *service);
        of_service.map(|task| task.slot.0 + 1).max().unwrap_or(0)
    }
}

/// Whether the restart policy of a container that has ended has it started again.
fn may_restart(container: &ObservedContainer) -> bool {
    let Some(exit) = container.phase.exit() else { return false };
    // Most containers have none, and their specs need not be read.
    let spec = container.read_spec_with(&["restartPolicy"]);
    spec.and_then(|spec| spec.restart_policy.as_ref()).is_some_and(|policy| allows_restart(policy, exit))
}
