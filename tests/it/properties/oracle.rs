//! What must never happen: judged from the truth in the engine, at each action as it begins.
//!
//! Nobody can act on what nobody could know. What happened to a container unbidden counts as known once an inspection, or a list that
//! no longer lags, has been handed over; until then the service is spared the judgements that depend on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reconcile::desired::{Condition, DesiredState, Revision, StartDependency};
use reconcile::engine::Change;
use reconcile::engine::simulated::{CallId, Fault, Simulated, Violated, Violation};
use reconcile::observed::{ContainerId, Exit, Health, ObservedContainer, ObservedState, Phase};
use reconcile::ownership::{ContainerIdentity, Source, TaskKey};
use reconcile::plan::{Action, Cause, NewContainer, Outcome, Step, Target};
use reconcile::value::{ClusterName, ServiceName, Slot, Timestamp};

use super::happen::OTHER_SOURCE;

/// A service of a story.
pub(super) type ServiceKey = (ClusterName, ServiceName);

/// For how long a list may show what has ended as running.
pub(super) const LIST_LAG: Duration = Duration::from_millis(125);

/// So many calls on one target within [`HOT_WINDOW`] are a hot loop.
const HOT_CALLS: usize = 8;
const HOT_WINDOW: Duration = Duration::from_secs(8);

pub(super) fn key_of(identity: &ContainerIdentity) -> ServiceKey {
    (identity.task.cluster.clone(), identity.task.service.clone())
}

/// A number for each moment at which something was seen or happened, finer than the clock.
pub(super) type Moment = u64;

#[derive(Debug)]
struct News {
    service: ServiceKey,
    moment: Moment,
    at: Timestamp,
}

/// Watches the actions of a reconciler.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    pub(super) violations: Vec<String>,
    pub(super) moment: Moment,
    engine_violations: usize,
    /// What has happened unbidden and is not known yet.
    news: BTreeMap<ContainerId, News>,
    /// The calls of reconcilers that are gone, and calls that were answered before they happened.
    ghosts: BTreeMap<CallId, (ServiceKey, Target)>,
    ghosts_until: BTreeMap<ServiceKey, Timestamp>,
    /// Until when something may happen of which its beginner was told that nobody knows.
    unsettled_until: Option<Timestamp>,
    /// The slots in which somebody removed something: what the memory of the slot was is gone.
    tampered: BTreeSet<(ServiceKey, Slot)>,
    /// The services of which somebody removed a container, or started one again. Of an outdated task nobody can tell whether it can
    /// do without what is missing; the engine counts it as unhealthy.
    crippled: BTreeSet<ServiceKey>,
    recent: BTreeMap<Target, Vec<Timestamp>>,
    /// What somebody started again after it had ended.
    revived: BTreeSet<ContainerId>,
    /// The tasks of which this reconciler stopped something: they are never taken up again.
    condemned: BTreeSet<TaskKey>,
    /// Of which revision the last task of each service was made, and how often that has changed.
    turns: BTreeMap<ServiceKey, (Revision, u32)>,
    /// In which of these turns each task was made.
    turn_of: BTreeMap<TaskKey, u32>,
    /// The tasks that this reconciler began to end when nobody wanted their service: they go, also where it is wanted again meanwhile.
    dismissed: BTreeSet<TaskKey>,
    /// What had ended before, of what a task cannot do without.
    ended: BTreeSet<ContainerId>,
    /// The tasks that had ended, and began again by a call that somebody who is gone had left under way.
    begun_again: BTreeSet<TaskKey>,
    /// The services that somebody steered by hand: what they run may have to give way although the manifest asks for it.
    pub(super) steered: BTreeSet<ServiceKey>,
}

/// What an action is judged by.
pub(super) struct Scene<'s> {
    pub(super) truth: &'s ObservedState,
    pub(super) desired: &'s DesiredState,
    pub(super) open: &'s BTreeMap<CallId, Box<Step>>,
    pub(super) lanes: usize,
}

impl Oracle {
    pub(super) fn violate(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    pub(super) fn next_moment(&mut self) -> Moment {
        self.moment += 1;
        self.moment
    }

    /// Something happened to a container that no call of ours explains.
    pub(super) fn note_news(&mut self, id: &ContainerId, service: ServiceKey, at: Timestamp) {
        let moment = self.next_moment();
        self.news.insert(id.clone(), News { service, moment, at });
    }

    /// The engine gave a hint, whether or not it will arrive.
    pub(super) fn note_hint(
        &mut self,
        seen: &ObservedContainer,
        change: Change,
        open: &BTreeMap<CallId, Box<Step>>,
        at: Timestamp,
    ) {
        if change == Change::Ended && seen.identity.essential {
            self.ended.insert(seen.id.clone());
        } else if change == Change::Began && self.ended.contains(&seen.id) {
            self.begun_again.insert(seen.identity.task.clone());
        }
        let explained = open.values().any(|step| match &step.action {
            Action::StartContainer { id, .. } => *id == seen.id && change == Change::Began,
            Action::StopContainer { id, .. } | Action::RemoveContainer { id, .. } => {
                *id == seen.id && matches!(change, Change::Ended | Change::Removed)
            }
            Action::CreateContainer(new) => new.identity == seen.identity,
            Action::CreateNetwork { .. }
            | Action::RemoveNetwork { .. }
            | Action::PullImage { .. }
            | Action::RemoveVolume { .. } => false,
        });
        if !explained {
            self.note_news(&seen.id, key_of(&seen.identity), at);
        }
    }

    pub(super) fn note_inspected(&mut self, id: &ContainerId, taken: Moment) {
        if self.news.get(id).is_some_and(|news| news.moment < taken) {
            self.news.remove(id);
        }
    }

    /// A list was handed over. Of a container on which an action is under way it is not believed.
    pub(super) fn note_listed(&mut self, taken: Moment, at: Timestamp, open: &BTreeMap<CallId, Box<Step>>) {
        let acting: BTreeSet<Target> = open.values().map(|step| step.action.target()).collect();
        self.news.retain(|id, news| {
            news.moment > taken || news.at.after(LIST_LAG) > at || acting.contains(&Target::Container(id.clone()))
        });
    }

    /// Calls that are under way outlive the reconciler that began them.
    pub(super) fn note_crash(&mut self, open: &BTreeMap<CallId, Box<Step>>, at: Timestamp) {
        self.condemned.clear();
        self.dismissed.clear();
        for (call, step) in open {
            match step.action.identity() {
                Some(identity) => {
                    self.ghosts.insert(*call, (key_of(identity), step.action.target()));
                }
                // A network that a ghost makes is a second one, until a list shows it.
                None => self.unsettled_until = self.unsettled_until.max(Some(at.after(Duration::from_secs(2)))),
            }
        }
    }

    /// Whether the call was of a reconciler that is gone. What it did is known to nobody yet.
    pub(super) fn note_ghost_ended(&mut self, call: CallId, at: Timestamp) -> bool {
        let Some((service, target)) = self.ghosts.remove(&call) else { return false };
        match target {
            Target::Container(id) => self.note_news(&id, service, at),
            Target::ClusterNetwork(_)
            | Target::Network(_)
            | Target::Image(_)
            | Target::NewContainer(_)
            | Target::Volume(_) => {
                self.ghosts_until.insert(service, at.after(Duration::from_millis(1)));
            }
        }
        true
    }

    /// A call was answered; it may happen later all the same.
    pub(super) fn note_lost(&mut self, step: &Step, fault: Option<Fault>, at: Timestamp) {
        if let (Action::StartContainer { id, .. }, Some(identity)) = (&step.action, step.action.identity()) {
            self.note_news(id, key_of(identity), at);
        }
        if let Some(Fault::LostWhileRunning(by)) = fault {
            self.unsettled_until = self.unsettled_until.max(Some(at.after(by).after(Duration::from_secs(1))));
        }
        if let (Some(Fault::LostWhileRunning(by)), Some(identity)) = (fault, step.action.identity()) {
            let stopping = match &step.action {
                Action::StopContainer { stop_timeout, .. } => Duration::from_secs(u64::from(*stop_timeout) + 1),
                _ => Duration::from_millis(1),
            };
            let until = at.after(by).after(stopping);
            let known = self.ghosts_until.entry(key_of(identity)).or_insert(until);
            *known = (*known).max(until);
        }
    }

    /// A stop has been answered well.
    pub(super) fn note_stopped(&mut self, step: &Step, outcome: &Outcome) {
        if let (Action::StopContainer { identity, .. }, Outcome::Done(_)) = (&step.action, outcome)
            && step.cause != Cause::Duplicate
        {
            self.condemned.insert(identity.task.clone());
        }
    }

    pub(super) fn note_revived(&mut self, id: &ContainerId) {
        self.revived.insert(id.clone());
    }

    pub(super) fn note_tampering(&mut self, identity: &ContainerIdentity) {
        self.tampered.insert((key_of(identity), identity.task.slot));
        self.crippled.insert(key_of(identity));
    }

    pub(super) fn forget_memory_of(&mut self, service: &ServiceKey) {
        for slot in 0..16 {
            self.tampered.insert((service.clone(), Slot(slot)));
        }
    }

    fn is_spared(&self, service: &ServiceKey, at: Timestamp) -> bool {
        self.news.values().any(|news| news.service == *service)
            || self.ghosts.values().any(|(ghost, _)| ghost == service)
            || self.ghosts_until.get(service).is_some_and(|until| *until > at)
    }

    /// Whether nobody could know all of a service, or somebody has removed something of it or started it again.
    pub(super) fn is_unclear(&self, service: &ServiceKey, scene: &Scene<'_>) -> bool {
        self.is_spared(service, scene.truth.at) || self.crippled.contains(service)
    }

    fn is_anybody_spared(&self, at: Timestamp) -> bool {
        !self.news.is_empty() || !self.ghosts.is_empty() || self.ghosts_until.values().any(|until| *until > at)
    }

    /// Judges what the engine noticed itself.
    pub(super) fn judge_engine(&mut self, engine: &Simulated) {
        let all = engine.violations();
        let new: Vec<Violated> = all[self.engine_violations..].to_vec();
        self.engine_violations = all.len();
        for Violated { at, violation, .. } in new {
            let spared = match &violation {
                Violation::BelowFloor { task, .. } => {
                    let service = (task.cluster.clone(), task.service.clone());
                    // What another directory runs under the name of a task of ours makes the engine count wrongly.
                    // So does a task of which something has not been started yet: it is not up for us.
                    let half = engine
                        .observe()
                        .containers
                        .values()
                        .any(|other| other.identity.task == **task && other.phase == Phase::Created);
                    let unclear = self.dismissed.contains(&**task)
                        || self.crippled.contains(&service)
                        || others(engine, &service) > 0
                        || half;
                    unclear || self.is_spared(&service, at)
                }
                Violation::AboveCeiling { task, live, ceiling } => {
                    let service = (task.cluster.clone(), task.service.clone());
                    // The engine counts what another directory runs in the service; we cannot.
                    let revived = self.crippled.contains(&service) && !self.revived.is_empty();
                    live - others(engine, &service) <= *ceiling || revived || self.is_spared(&service, at)
                }
                Violation::PortGivenTwice { .. } => self.is_anybody_spared(at),
                // Two directories may each have one.
                Violation::TwoLive { identity } => {
                    engine.observe().containers.values().filter(|other| other.identity == **identity).count() < 2
                }
                Violation::ForeignTouched { .. }
                | Violation::OtherSourceTouched { .. }
                | Violation::AttemptWentBack { .. } => false,
            };
            if !spared {
                self.violate(format!("{violation:?}"));
            }
        }
    }

    /// Judges a step as it begins.
    pub(super) fn judge(&mut self, step: &Step, scene: &Scene<'_>) {
        let at = scene.truth.at;
        let target = step.action.target();
        if scene.open.values().any(|open| open.action.target() == target) {
            self.violate(format!("{step} begins while something is under way there"));
        }
        self.judge_lane(step, scene);
        self.judge_pace(target, at);
        match &step.action {
            Action::CreateContainer(new) => self.judge_create(new, &step.cause, scene),
            Action::StopContainer { id, stop_timeout, .. } => {
                self.judge_stop_order(step, id, scene);
                self.judge_stop(step, id, *stop_timeout, scene);
            }
            Action::RemoveContainer { id, .. } => self.judge_remove(step, id, scene),
            Action::RemoveNetwork { cluster, .. } => {
                let ours =
                    scene.truth.containers.values().filter(|other| other.identity.source.as_str() != OTHER_SOURCE);
                let inhabited = ours.filter(|other| other.identity.task.cluster == *cluster).count() > 0;
                let double = scene.truth.networks.values().filter(|network| network.cluster == *cluster).count() > 1;
                if inhabited && !double && !self.is_anybody_spared(at) {
                    self.violate(format!("{step} while its containers exist"));
                }
            }
            Action::RemoveVolume { name, .. } => {
                let task = scene.truth.volumes.get(name).and_then(|volume| volume.task.as_ref());
                if self.is_anybody_spared(at) {
                    return;
                }
                let mut ours =
                    scene.truth.containers.values().filter(|other| other.identity.source.as_str() != OTHER_SOURCE);
                if task.is_some_and(|task| ours.any(|other| other.identity.task == *task)) {
                    self.violate(format!("{step} while its task exists"));
                }
            }
            Action::StartContainer { id, .. } => self.judge_start(step, id, scene),
            Action::CreateNetwork { .. } | Action::PullImage { .. } => {}
        }
    }

    fn judge_lane(&mut self, step: &Step, scene: &Scene<'_>) {
        let Some(lane) = lane_of(step) else { return };
        let busy = scene.open.values().filter(|open| lane_of(open) == Some(lane)).count();
        if busy >= scene.lanes {
            self.violate(format!("{step} begins although {busy} actions of its lane are under way"));
        }
    }

    fn judge_pace(&mut self, target: Target, at: Timestamp) {
        let recent = self.recent.entry(target.clone()).or_default();
        recent.retain(|before| at.since(*before) < HOT_WINDOW);
        recent.push(at);
        let calls = recent.len();
        if calls > HOT_CALLS {
            self.violate(format!("a hot loop: {calls} calls on {target:?} within {HOT_WINDOW:?}"));
        }
    }

    fn judge_create(&mut self, new: &NewContainer, cause: &Cause, scene: &Scene<'_>) {
        let identity = &new.identity;
        let task = &identity.task;
        let service = key_of(identity);
        if task.service.hook_place().is_some() {
            return self.judge_hook(identity, scene);
        }
        self.judge_order_of_hooks(identity, scene);
        let (revision, turn) = self.turns.entry(service.clone()).or_insert((task.revision, 0));
        if std::mem::replace(revision, task.revision) != task.revision {
            *turn += 1;
        }
        self.turn_of.insert(task.clone(), *turn);
        let wanted = scene.desired.clusters.get(&task.cluster).and_then(|cluster| cluster.services.get(&task.service));
        let Some(wanted) = wanted else {
            return self.violate(format!("{task:#} is created though nobody wants it"));
        };
        if let Cause::RolledBack { failed } = cause {
            // What it goes back to is for the end of the story to judge.
            let goes_back = wanted.circuit_breaker.rollback || !wanted.hooks.is_empty();
            if *failed != wanted.task.revision || !goes_back {
                self.violate(format!("{task:#} is a rollback from what nobody wants, or though nobody wants it"));
            }
            return;
        }
        // While a hook runs, or after it has failed, what served before is kept up.
        if task.revision != wanted.task.revision && !wanted.hooks.is_empty() {
            return;
        }
        // What is in force while somebody steers is for the end of the story to judge.
        let is_wanted = task.revision == wanted.task.revision || self.steered.contains(&service);
        if !is_wanted || wanted.desired_count.is_some_and(|count| task.slot.0 >= count) {
            self.violate(format!("{task:#} is created though nobody wants it"));
        }
        let named = wanted.task.named_container() == Some(&identity.container);
        if named != new.aliases.iter().any(|alias| alias == task.service.as_str()) {
            self.violate(format!("{task:#} {} does not answer to the right name", identity.container));
        }
        let being_created = scene.open.values().any(|step| match &step.action {
            Action::CreateContainer(other) => other.identity.task == *task,
            Action::CreateNetwork { .. }
            | Action::RemoveNetwork { .. }
            | Action::PullImage { .. }
            | Action::StartContainer { .. }
            | Action::StopContainer { .. }
            | Action::RemoveContainer { .. }
            | Action::RemoveVolume { .. } => false,
        });
        let has_begun = being_created || scene.truth.containers.values().any(|other| other.identity.task == *task);
        // A revision that comes back after another one, or is deployed anew, begins afresh.
        let is_fresh = matches!(cause, Cause::Adopted | Cause::Outdated { .. } | Cause::Redeployed);
        let is_fresh = is_fresh || self.steered.contains(&service);
        if !has_begun && task.attempt.0 > 1 && !is_fresh && !self.is_spared(&service, scene.truth.at) {
            self.judge_retry(identity, scene);
        }
        if !has_begun {
            self.tampered.remove(&(service, task.slot));
        }
    }

    /// A further try remembers the one before, and comes no earlier than its pause allows.
    fn judge_retry(&mut self, identity: &ContainerIdentity, scene: &Scene<'_>) {
        let task = &identity.task;
        let tampered = self.tampered.contains(&(key_of(identity), task.slot));
        let before: Vec<_> = scene
            .truth
            .containers
            .values()
            .filter(|other| {
                let earlier = &other.identity.task;
                other.identity.source == identity.source
                    && earlier.slot == task.slot
                    && (&earlier.cluster, &earlier.service, &earlier.revision)
                        == (&task.cluster, &task.service, &task.revision)
                    && earlier.attempt.0 + 1 == task.attempt.0
            })
            .collect();
        // What is taken over from another directory has taken the names of the tries before.
        let taken_over = scene.truth.containers.values().any(|other| {
            let theirs = &other.identity.task;
            other.identity.source != identity.source
                && (&theirs.cluster, &theirs.service, theirs.slot) == (&task.cluster, &task.service, task.slot)
        });
        let being_taken_over = scene.open.values().filter_map(|step| step.action.identity()).any(|theirs| {
            theirs.source != identity.source && key_of(theirs) == key_of(identity) && theirs.task.slot == task.slot
        });
        if tampered || taken_over || being_taken_over {
            return;
        }
        let at = scene.truth.at;
        let wanted = scene.desired.clusters.get(&task.cluster).and_then(|cluster| cluster.services.get(&task.service));
        let is_ordered = wanted.is_some_and(|wanted| wanted.task.containers.iter().any(|c| !c.depends_on.is_empty()));
        let unstarted = before.iter().any(|other| other.identity.essential && other.phase == Phase::Created);
        if is_ordered && (unstarted || before.len() < identity.containers as usize) {
            // What could never start has been removed, and why it could not is for the scenarios to say.
            return;
        }
        // What an earlier deployment of the revision has left says nothing about this one.
        let turn_of = |key: &TaskKey| self.turn_of.get(key).copied();
        if before.first().is_some_and(|other| turn_of(&other.identity.task) != turn_of(task)) {
            return;
        }
        match how_it_ended(&before, at) {
            Before::Missing => self.violate(format!("{task:#} is created, and nothing remembers the try before")),
            Before::Well => self.violate(format!("{task:#} is created though the try before did not fail")),
            Before::Sick { started_at, failures } => {
                let after = failures_after_sickness(failures, at.since(started_at), found_after(&before, scene));
                if at < started_at.after(pause(after)) {
                    self.violate(format!("{task:#} is created before the pause after an unhealthy try is over"));
                }
                // A list tells the start of a task only coarsely.
                if identity.failures > failures + 1 || identity.failures < after {
                    self.violate(format!("{task:#} remembers {} failures and not {after}", identity.failures));
                }
            }
            Before::Ended { started_at, ended_at, failures, sick } => {
                let ran = ended_at.since(started_at);
                let after_sickness = failures_after_sickness(failures, ran, found_after(&before, scene));
                // What was sick when it was told to end may have been well again before it did.
                let was_told = before.first().is_some_and(|other| self.condemned.contains(&other.identity.task));
                let (after, from) = if sick || was_told && identity.failures == after_sickness {
                    (after_sickness, started_at)
                } else {
                    (failures_after(failures, ran), ended_at)
                };
                if identity.failures != after {
                    self.violate(format!("{task:#} remembers {} failures and not {after}", identity.failures));
                }
                if at < from.after(pause(after)) {
                    self.violate(format!("{task:#} is created before the pause is over"));
                }
            }
            Before::Untold => {}
        }
    }

    /// **Invariant 12.** Memory is never given twice: what runs, what is being started and this together fit on the host.
    fn judge_room(&mut self, step: &Step, container: &ObservedContainer, scene: &Scene<'_>) {
        let Some(host) = scene.truth.host else { return };
        let task_of = |other: &ObservedContainer| (other.identity.task.clone(), other.identity.source.clone());
        let runs = |phase: &Phase| matches!(phase, Phase::Running { .. } | Phase::Paused);
        let truth = scene.truth.containers.values();
        let mut tasks: BTreeSet<_> = truth.clone().filter(|other| runs(&other.phase)).map(task_of).collect();
        tasks.extend(scene.open.values().filter_map(|open| match &open.action {
            Action::StartContainer { id, .. } => scene.truth.containers.get(id).map(task_of),
            _ => None,
        }));
        let own: u64 = memory_of(scene, &task_of(container));
        // What has begun keeps what it has.
        if own == 0 || !tasks.insert(task_of(container)) || self.is_anybody_spared(scene.truth.at) {
            return;
        }
        let reserved: u64 = tasks.iter().map(|task| memory_of(scene, task)).sum();
        if reserved > host.memory {
            self.violate(format!("{step} although {reserved} MiB are then reserved of {} MiB", host.memory));
        }
    }

    /// **Invariant 11.** No container starts before its conditions hold.
    fn judge_start(&mut self, step: &Step, id: &ContainerId, scene: &Scene<'_>) {
        let Some(container) = scene.truth.containers.get(id) else { return };
        self.judge_room(step, container, scene);
        if container.identity.task.service.hook_place().is_some() {
            self.judge_hook_start(step, container, scene);
        }
        if self.is_spared(&key_of(&container.identity), scene.truth.at) {
            return;
        }
        for StartDependency { container_name: name, condition } in dependencies(container) {
            let on = scene.truth.containers.values().find(|other| {
                other.identity.task == container.identity.task
                    && other.identity.source == container.identity.source
                    && other.identity.container == *name
            });
            let holds = on.is_some_and(|on| match condition {
                Condition::Start => {
                    matches!(on.phase, Phase::Running { .. } | Phase::Paused | Phase::Exited { .. })
                }
                Condition::Complete => matches!(on.phase, Phase::Exited { .. }),
                Condition::Success => on.phase.exit().is_some_and(|exit| exit.code == 0),
                Condition::Healthy => matches!(on.phase, Phase::Running { .. }) && on.health == Health::Healthy,
            });
            if !holds {
                self.violate(format!("{step} before {name} has come to {}", condition.as_str()));
            }
        }
    }

    /// **Invariant 11.** No container stops before those that depend on it.
    fn judge_stop_order(&mut self, step: &Step, id: &ContainerId, scene: &Scene<'_>) {
        let Some(container) = scene.truth.containers.get(id) else { return };
        let identity = &container.identity;
        if step.cause == Cause::Duplicate || self.is_spared(&key_of(identity), scene.truth.at) {
            return;
        }
        let siblings = scene.truth.containers.values().filter(|other| {
            other.identity.task == identity.task && other.identity.source == identity.source && other.id != *id
        });
        for other in siblings.filter(|other| matches!(other.phase, Phase::Running { .. } | Phase::Paused)) {
            if dependencies(other).iter().any(|on| on.container_name == identity.container) {
                self.violate(format!("{step} while {} runs, which depends on it", other.identity.container));
            }
        }
    }

    /// A task that is well and wanted is not stopped; neither is one that is given time.
    fn judge_stop(&mut self, step: &Step, id: &ContainerId, stop_timeout: u32, scene: &Scene<'_>) {
        let Some(container) = scene.truth.containers.get(id) else { return };
        let identity = &container.identity;
        let promised = container.read_spec().map_or(30, |spec| spec.stop_timeout);
        if stop_timeout != promised {
            self.violate(format!("{step} with {stop_timeout} s and not the {promised} s that it was promised"));
        }
        let service = key_of(identity);
        if self.is_spared(&service, scene.truth.at) {
            return;
        }
        let is_wanted =
            scene.desired.clusters.get(&service.0).is_some_and(|cluster| cluster.services.contains_key(&service.1));
        if !is_wanted {
            self.dismissed.insert(identity.task.clone());
        }
        let Some(grace) = wanted_grace(identity, scene) else { return };
        let is_of_it = |other: &&ObservedContainer| {
            (&other.identity.task, &other.identity.source) == (&identity.task, &identity.source)
        };
        let task: Vec<_> = scene.truth.containers.values().filter(is_of_it).collect();
        let rivals = scene.truth.containers.values().any(|other| {
            other.identity.task.attempt != identity.task.attempt
                && other.identity.task.slot == identity.task.slot
                && key_of(&other.identity) == service
                && other.identity.task.revision == identity.task.revision
                && matches!(other.phase, Phase::Running { .. })
        });
        let double =
            scene.truth.containers.values().any(|other| other.id != container.id && other.identity == *identity);
        // Once one of its containers is being stopped, the others go too.
        let ending = scene.open.values().any(|open| match &open.action {
            Action::StopContainer { identity: other, .. } => other.task == identity.task,
            _ => false,
        });
        let gives_way = matches!(step.cause, Cause::RolledBack { failed } if failed == identity.task.revision);
        if gives_way
            || self.steered.contains(&service)
            || rivals
            || double
            || ending
            || self.condemned.contains(&identity.task)
            || self.begun_again.contains(&identity.task)
        {
            return;
        }
        let spared_by_grace = |container: &&ObservedContainer| match container.phase {
            Phase::Running { started_at } => scene.truth.at < started_at.after(grace),
            _ => false,
        };
        let essential = || task.iter().filter(|container| container.identity.essential);
        let complete = task.len() == identity.containers as usize;
        let all_run = essential().all(|container| matches!(container.phase, Phase::Running { .. }));
        let sick = essential().any(|container| container.health == Health::Unhealthy);
        if complete
            && all_run
            && (!sick || essential().filter(|c| c.health == Health::Unhealthy).all(|c| spared_by_grace(c)))
        {
            self.violate(format!("{step}, without any reason"));
        }
    }

    fn judge_remove(&mut self, step: &Step, id: &ContainerId, scene: &Scene<'_>) {
        let Some(container) = scene.truth.containers.get(id) else { return };
        let lives = |other: &ObservedContainer| matches!(other.phase, Phase::Running { .. } | Phase::Paused);
        let live = lives(container);
        // The rest of it was started by somebody who is gone, and may be wanted again later.
        let is_rest = |other: &ObservedContainer| other.identity.task == container.identity.task && lives(other);
        if !live && step.cause == Cause::Removed && scene.truth.containers.values().any(is_rest) {
            self.crippled.insert(key_of(&container.identity));
        }
        if live && !self.revived.contains(id) && !self.is_spared(&key_of(&container.identity), scene.truth.at) {
            self.violate(format!("{step} while it runs"));
        }
    }

    /// Whether a service is without news and ghosts: everything about it is known.
    pub(super) fn is_all_known(&self, at: Timestamp) -> bool {
        !self.is_anybody_spared(at) && self.unsettled_until.is_none_or(|until| until < at)
    }
}

/// The memory that a task reserves, by the labels of its containers.
fn memory_of(scene: &Scene<'_>, task: &(TaskKey, Source)) -> u64 {
    let containers = scene.truth.containers.values();
    let its = containers.filter(|other| (&other.identity.task, &other.identity.source) == (&task.0, &task.1));
    let memory = its.filter_map(|container| {
        let spec = container.read_spec()?;
        spec.memory_reservation.or(spec.memory)
    });
    memory.map(u64::from).sum()
}

/// What a container depends on, by its label.
fn dependencies(container: &ObservedContainer) -> &[StartDependency] {
    container.read_spec().map(|spec| &*spec.depends_on).unwrap_or_default()
}

/// How many tasks of a service another directory runs.
fn others(engine: &Simulated, service: &ServiceKey) -> u32 {
    let truth = engine.observe();
    let theirs = truth.containers.values().filter(|container| {
        key_of(&container.identity) == *service && container.identity.source.as_str() == OTHER_SOURCE
    });
    u32::try_from(theirs.count()).expect("a handful")
}

/// The grace period of a container's service, where the container's task is wanted as it is.
fn wanted_grace(identity: &ContainerIdentity, scene: &Scene<'_>) -> Option<Duration> {
    let task = &identity.task;
    let wanted = scene.desired.clusters.get(&task.cluster)?.services.get(&task.service)?;
    // By content and not by name: a change of the count that renames a revision replaces what need not be replaced.
    let image = &wanted.task.containers.first()?.image;
    let main = scene
        .truth
        .containers
        .values()
        .find(|other| other.identity.task == *task && other.identity.container.as_str() == task.service.as_str());
    let same = main.and_then(|main| main.read_spec()).is_some_and(|spec| spec.image == *image);
    let current = (same || task.revision == wanted.task.revision)
        && identity.source == scene.desired.source
        && wanted.desired_count.is_none_or(|count| task.slot.0 < count);
    current.then_some(wanted.health_check_grace)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LaneOf {
    Repair,
    Rollout,
    Retire,
    Pull,
}

/// Networks and volumes are so few that no lane is made for them.
fn lane_of(step: &Step) -> Option<LaneOf> {
    match (&step.action, &step.cause) {
        (Action::PullImage { .. }, _) => Some(LaneOf::Pull),
        (Action::RemoveNetwork { .. } | Action::RemoveVolume { .. } | Action::CreateNetwork { .. }, _) => None,
        (_, Cause::Died { .. } | Cause::Unhealthy { .. } | Cause::Restarted { .. } | Cause::RolledBack { .. }) => {
            Some(LaneOf::Repair)
        }
        (Action::StopContainer { .. } | Action::RemoveContainer { .. }, _) => Some(LaneOf::Retire),
        (Action::CreateContainer(_) | Action::StartContainer { .. }, _) => Some(LaneOf::Rollout),
    }
}

enum Before {
    Missing,
    Well,
    Untold,
    Sick { started_at: Timestamp, failures: u32 },
    Ended { started_at: Timestamp, ended_at: Timestamp, failures: u32, sick: bool },
}

/// How the try before ended, from the truth.
fn how_it_ended(containers: &[&ObservedContainer], at: Timestamp) -> Before {
    let Some(first) = containers.first() else { return Before::Missing };
    let failures = first.identity.failures;
    let essential = || containers.iter().filter(|container| container.identity.essential);
    let ends = essential().filter_map(|container| match &container.phase {
        Phase::Exited { exit: Some(Exit { started_at, finished_at, health_output, .. }) } => {
            Some((*finished_at, *started_at, &container.identity, health_output.is_some()))
        }
        Phase::StartFailed { at, .. } => Some((*at, *at, &container.identity, false)),
        _ => None,
    });
    // Whoever was sick is why the others were stopped.
    let any_sick = essential().any(|container| container.health == Health::Unhealthy);
    if let Some((_, ended_at, started_at, _, sick)) =
        ends.map(|(ended, started, id, sick)| (!sick, ended, started, id, sick)).min()
    {
        let sick = sick || any_sick;
        return Before::Ended { started_at, ended_at, failures, sick };
    }
    if containers.len() < first.identity.containers as usize {
        return Before::Untold;
    }
    let started_at = essential().filter_map(|container| match container.phase {
        Phase::Running { started_at } => Some(started_at),
        // Of a frozen one nobody tells more than when it was created, and a list tells that to the second.
        Phase::Paused => Some(Timestamp(container.created_at.0 / 1000 * 1000)),
        _ => None,
    });
    let sick = essential().any(|container| container.health == Health::Unhealthy || container.phase == Phase::Paused);
    match sick {
        true => Before::Sick { started_at: started_at.max().unwrap_or(at), failures },
        false => Before::Well,
    }
}

/// The pause after so many failures: 1 s, 2 s, 4 s and so on, at most 5 minutes.
fn pause(failures: u32) -> Duration {
    let seconds = if failures == 0 { 0 } else { 2_u64.saturating_pow(failures - 1).min(300) };
    Duration::from_secs(seconds)
}

fn failures_after(failures: u32, ran: Duration) -> u32 {
    if ran >= Duration::from_secs(10) && ran >= pause(failures) { 0 } else { failures + 1 }
}

/// A task that was never well is ended when that is found out and the pause is over; one that ran far longer had come up.
fn failures_after_sickness(failures: u32, ran: Duration, found_after: Duration) -> u32 {
    if ran >= Duration::from_secs(10) + 2 * found_after.max(pause(failures + 1)) { 0 } else { failures + 1 }
}

/// How long it may take until a task that never is healthy is found out and ended, by what its specs say.
fn found_after(containers: &[&ObservedContainer], scene: &Scene<'_>) -> Duration {
    let seconds = containers.iter().filter_map(|container| {
        let spec = container.read_spec()?;
        let check = spec.health_check.as_ref();
        let checks = check.map_or(0, |check| check.retries * (check.interval + check.timeout) + check.start_period);
        Some(u64::from(checks + spec.stop_timeout))
    });
    let grace = wanted_grace(&containers[0].identity, scene).unwrap_or_default();
    grace + Duration::from_secs(seconds.max().unwrap_or(0))
}

/// Whether a task is healthy in truth.
pub(super) fn is_well(task: &[&ObservedContainer]) -> bool {
    let essential = task.iter().any(|container| container.identity.essential);
    essential
        && task.iter().filter(|container| container.identity.essential).all(|container| {
            matches!(container.phase, Phase::Running { .. })
                && matches!(container.health, Health::None | Health::Healthy)
        })
}

/// The containers of each task of a service.
pub(super) fn tasks_of<'t>(
    truth: &'t ObservedState,
    service: &ServiceKey,
) -> BTreeMap<&'t TaskKey, Vec<&'t ObservedContainer>> {
    let mut tasks: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for container in truth.containers.values() {
        let task = &container.identity.task;
        if (&task.cluster, &task.service) == (&service.0, &service.1)
            && container.identity.source.as_str() != OTHER_SOURCE
        {
            tasks.entry(task).or_default().push(container);
        }
    }
    tasks
}

/// What an outcome was, for a trace.
pub(super) fn outcome_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(_) => "done".to_owned(),
        Outcome::Failed(failure) => format!("failed, {:?}: {failure}", failure.kind),
        Outcome::Unknown(message) => format!("unknown: {message}"),
    }
}
