//! Planted bugs: the suite has to find each of them, or it proves nothing about bugs that nobody planted.
//!
//! Each is bent in at a seam: what the reconciler is told of the manifests or the engine, what becomes of what it says. The product
//! has no switch for any of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use reconcile::desired::{DesiredService, DesiredState, Resources, TaskSpec};
use reconcile::engine::{Hint, Listing};
use reconcile::observed::{ContainerId, Exit, Health, ObservedContainer, ObservedNetwork, Phase};
use reconcile::ownership::{ContainerIdentity, Source, TaskKey};
use reconcile::plan::{Action, Cause, Effect, Failure, FailureKind, Outcome, Step, Target, Wait};
use reconcile::reconciler::Limits;
use reconcile::value::{Attempt, Percent, Timestamp};

use super::drive::World;
use super::happen::OTHER_SOURCE;

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Planted {
    NoLabelCheck,
    OtherSourceTakenForOurs,
    NetworkFoundByName,
    NameConflictTakenForDone,
    StopBelievedBeforeTheEnd,
    ListWithoutEnded,
    ListWithoutCreated,
    ListTrustedAfterDeath,
    TimeoutTakenForSuccess,
    TimeoutTakenForFailedTry,
    TimeoutTakenForFailure,
    HintsIgnored,
    OutcomeDropped,
    InFlightForgotten,
    LimitsIgnored,
    RepairsNeverBegin,
    WakeIgnored,
    FloorOffByOne,
    FloorRoundedDown,
    FloorIgnored,
    CeilingOffByOne,
    CeilingRoundedUp,
    BackoffLost,
    BackoffNeverReset,
    AttemptReset,
    TombstoneRemovedEarly,
    GraceMasksDeath,
    GraceIgnored,
    HealthIgnored,
    SiblingsLeftRunning,
    EverySidecarEssential,
    PruneForgotten,
    PruneOfEverySource,
    BrokenManifestTakenForEmpty,
    NewRevisionIgnored,
    CountInRevision,
    DoubleStart,
    StopWithoutCause,
    RunningRemoved,
    StopTimeoutIgnored,
    PortGivenTwice,
    EvidenceKeptForEver,
    VolumesLeft,
    NetworkRemovedFirst,
    NameNotResolved,
    StaleInspection,
    StartIgnoresConditions,
    StopIgnoresOrder,
    RoomIgnored,
    StoppingTakenForFree,
    HooksIgnored,
}

impl Planted {
    pub(super) const ALL: [Self; 51] = [
        Self::NoLabelCheck,
        Self::OtherSourceTakenForOurs,
        Self::NetworkFoundByName,
        Self::NameConflictTakenForDone,
        Self::StopBelievedBeforeTheEnd,
        Self::ListWithoutEnded,
        Self::ListWithoutCreated,
        Self::ListTrustedAfterDeath,
        Self::TimeoutTakenForSuccess,
        Self::TimeoutTakenForFailedTry,
        Self::TimeoutTakenForFailure,
        Self::HintsIgnored,
        Self::OutcomeDropped,
        Self::InFlightForgotten,
        Self::LimitsIgnored,
        Self::RepairsNeverBegin,
        Self::WakeIgnored,
        Self::FloorOffByOne,
        Self::FloorRoundedDown,
        Self::FloorIgnored,
        Self::CeilingOffByOne,
        Self::CeilingRoundedUp,
        Self::BackoffLost,
        Self::BackoffNeverReset,
        Self::AttemptReset,
        Self::TombstoneRemovedEarly,
        Self::GraceMasksDeath,
        Self::GraceIgnored,
        Self::HealthIgnored,
        Self::SiblingsLeftRunning,
        Self::EverySidecarEssential,
        Self::PruneForgotten,
        Self::PruneOfEverySource,
        Self::BrokenManifestTakenForEmpty,
        Self::NewRevisionIgnored,
        Self::CountInRevision,
        Self::DoubleStart,
        Self::StopWithoutCause,
        Self::RunningRemoved,
        Self::StopTimeoutIgnored,
        Self::PortGivenTwice,
        Self::EvidenceKeptForEver,
        Self::VolumesLeft,
        Self::NetworkRemovedFirst,
        Self::NameNotResolved,
        Self::StaleInspection,
        Self::StartIgnoresConditions,
        Self::StopIgnoresOrder,
        Self::RoomIgnored,
        Self::StoppingTakenForFree,
        Self::HooksIgnored,
    ];
}

/// What a planted bug remembers between two moments.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The steps that were changed on their way, by what they became.
    changed: Vec<(Action, Box<Step>)>,
    /// What a list showed of each container last.
    listed: BTreeMap<ContainerId, ObservedContainer>,
    inspected: BTreeMap<String, ObservedContainer>,
    failures: BTreeMap<TaskKey, u32>,
    doubled: BTreeSet<ContainerId>,
    desired: Option<Arc<DesiredState>>,
    count: u64,
}

impl World {
    fn has(&self, planted: Planted) -> bool {
        self.planted == Some(planted)
    }

    pub(super) fn heeds_wakes(&self) -> bool {
        !self.has(Planted::WakeIgnored)
    }

    /// What the manifests ask for, for everybody.
    pub(super) fn bend_manifests(&self, mut desired: DesiredState) -> DesiredState {
        if self.has(Planted::CountInRevision) {
            for service in desired.clusters.values_mut().flat_map(|cluster| cluster.services.values_mut()) {
                let mut task = TaskSpec::clone(&service.task);
                let mut first = (*task.containers[0]).clone();
                first.environment.insert("COUNT".to_owned(), format!("{:?}", service.desired_count));
                task.containers[0] = Arc::new(first);
                service.task = Arc::new(TaskSpec::new(task.family, task.containers));
            }
        }
        desired
    }

    /// What the reconciler is told that the manifests ask for.
    pub(super) fn bend_desired(&mut self) -> Arc<DesiredState> {
        let Some(planted) = self.planted else { return self.desired.clone() };
        let mut desired = (*self.desired).clone();
        let services = desired.clusters.values_mut().flat_map(|cluster| cluster.services.values_mut());
        match planted {
            Planted::FloorOffByOne => services.for_each(|service| lower_floor(service, 1)),
            Planted::FloorRoundedDown => services.for_each(|service| {
                let count = service.desired_count.unwrap_or(1).max(1);
                service.minimum_healthy = Percent(service.minimum_healthy.floor_of(count) * 100 / count);
            }),
            Planted::FloorIgnored => services.for_each(|service| service.minimum_healthy = Percent(0)),
            Planted::CeilingOffByOne => services.for_each(|service| {
                let count = service.desired_count.unwrap_or(1).max(1);
                service.maximum = Percent(service.maximum.0 + 100_u32.div_ceil(count));
            }),
            Planted::CeilingRoundedUp => services.for_each(|service| {
                let count = service.desired_count.unwrap_or(1).max(1);
                service.maximum = Percent((service.maximum.ceil_of(count) * 100).div_ceil(count));
            }),
            Planted::HooksIgnored => services.for_each(|service| service.hooks.clear()),
            Planted::GraceIgnored => services.for_each(|service| service.health_check_grace = Duration::ZERO),
            Planted::PruneOfEverySource => {
                desired.adopted.insert(Source::new(OTHER_SOURCE));
            }
            Planted::BrokenManifestTakenForEmpty => {
                self.notes.count += 1;
                // The third change is half written.
                if self.notes.count == 3 {
                    desired.clusters.clear();
                }
            }
            Planted::NewRevisionIgnored => {
                if let Some(before) = &self.notes.desired {
                    keep_tasks(&mut desired, before);
                }
                self.notes.desired = Some(Arc::new(desired.clone()));
            }
            _ => {}
        }
        Arc::new(desired)
    }

    pub(super) fn bend_limits(&self, limits: Limits) -> Limits {
        match self.planted {
            Some(Planted::LimitsIgnored) => Limits { repair: 99, rollout: 99, retire: 99, pull: 99 },
            Some(Planted::RepairsNeverBegin) => Limits { repair: 0, ..limits },
            _ => limits,
        }
    }

    pub(super) fn bend_listing(&mut self, listing: &mut Listing) {
        let Some(planted) = self.planted else { return };
        match planted {
            Planted::NoLabelCheck => {
                let fakes = self.namesakes.iter().map(|(id, identity)| ObservedContainer {
                    id: id.clone(),
                    phase: Phase::Running { started_at: self.now() },
                    ..self.failed_try(identity)
                });
                listing.containers.extend(fakes);
            }
            Planted::OtherSourceTakenForOurs => {
                for container in &mut listing.containers {
                    container.identity.source = self.source.clone();
                }
            }
            Planted::NetworkFoundByName => {
                for network in &mut listing.networks {
                    *network = ObservedNetwork { source: self.source.clone(), ..network.clone() };
                }
            }
            Planted::ListWithoutEnded => {
                listing.containers.retain(|container| !matches!(container.phase, Phase::Exited { .. }));
            }
            Planted::ListWithoutCreated => {
                listing.containers.retain(|container| container.phase != Phase::CreatedOrFailed);
            }
            Planted::ListTrustedAfterDeath => {
                self.notes.listed = listing.containers.iter().map(|c| (c.id.clone(), c.clone())).collect();
            }
            _ => {}
        }
        for container in &mut listing.containers {
            self.bend_container(container);
        }
    }

    /// How much the host has, as the reconciler is told.
    pub(super) fn bend_host(&self) -> Option<Resources> {
        let host = self.engine.host();
        match self.planted {
            Some(Planted::RoomIgnored) => None,
            // Whoever is being stopped is taken to be gone already.
            Some(Planted::StoppingTakenForFree) => {
                let is_stop = |step: &&Step| matches!(step.action, Action::StopContainer { .. });
                let leaving = self.open_steps().filter(is_stop).count() as u64;
                host.map(|host| Resources { memory: host.memory + 300 * leaving, ..host })
            }
            _ => host,
        }
    }

    pub(super) fn bend_inspection(&mut self, name: &str, seen: Option<ObservedContainer>) -> Option<ObservedContainer> {
        let mut seen = seen?;
        match self.planted {
            Some(Planted::ListTrustedAfterDeath) => {
                // What a list said is believed once more than what an inspection says.
                if let Some(listed) = self.notes.listed.remove(&seen.id)
                    && matches!(listed.phase, Phase::Running { .. })
                    && matches!(seen.phase, Phase::Exited { .. })
                {
                    return Some(listed);
                }
            }
            Some(Planted::StaleInspection) => {
                let before = self.notes.inspected.insert(name.to_owned(), seen.clone());
                return Some(before.unwrap_or(seen));
            }
            _ => {}
        }
        self.bend_container(&mut seen);
        Some(seen)
    }

    /// What the reconciler is told of one container.
    fn bend_container(&self, container: &mut ObservedContainer) {
        match self.planted {
            Some(Planted::EverySidecarEssential) => container.identity.essential = true,
            Some(Planted::HealthIgnored) if container.health == Health::Unhealthy => container.health = Health::Healthy,
            Some(Planted::PortGivenTwice) => container.ports.clear(),
            Some(Planted::GraceMasksDeath) => {
                let draft = &self.drafts[super::manifests::service_index(&container.identity.task.service)];
                if let Phase::Exited { exit: Some(Exit { started_at, .. }) } = &container.phase {
                    let until = started_at.after(Duration::from_secs(draft.grace_secs.max(1) * 100));
                    if draft.grace_secs > 0 && self.now() < until {
                        container.phase = Phase::Running { started_at: *started_at };
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn bend_hint(&self, hint: Hint) -> Option<Hint> {
        (!self.has(Planted::HintsIgnored)).then_some(hint)
    }

    /// What becomes of the steps that the reconciler says.
    pub(super) fn bend_steps(&mut self, steps: Vec<Box<Step>>) -> Vec<Box<Step>> {
        let Some(planted) = self.planted else { return steps };
        self.act_before(planted);
        let mut bent = Vec::new();
        for step in steps {
            bent.extend(self.bend_step(planted, step));
        }
        bent
    }

    fn bend_step(&mut self, planted: Planted, step: Box<Step>) -> Option<Box<Step>> {
        let swallow = |world: &mut Self, step: Box<Step>, effect: Effect| {
            let at = world.now();
            let reconciler = world.reconciler.as_mut().expect("it has just said so");
            reconciler.handle(at, reconcile::reconciler::Input::Finished(step, Outcome::Done(effect)));
            None
        };
        match (planted, &step.action) {
            (Planted::BackoffLost, Action::CreateContainer(_)) => {
                Some(self.rename(step, |identity| identity.failures = 0))
            }
            (Planted::BackoffNeverReset, Action::CreateContainer(new)) => {
                let slot = TaskKey { attempt: Attempt::FIRST, ..new.identity.task.clone() };
                let most = self.notes.failures.entry(slot).or_default();
                *most = new.identity.failures.max(*most);
                let most = *most;
                Some(self.rename(step, |identity| identity.failures = most))
            }
            (Planted::AttemptReset, Action::CreateContainer(_)) => {
                Some(self.rename(step, |identity| identity.task.attempt = Attempt::FIRST))
            }
            (Planted::SiblingsLeftRunning, Action::StopContainer { identity, .. })
                if step.cause == Cause::TaskEnded && identity.containers > 1 =>
            {
                swallow(self, step, Effect::Stopped)
            }
            (Planted::PruneForgotten, Action::StopContainer { .. } | Action::RemoveContainer { .. })
                if step.cause == Cause::Removed =>
            {
                swallow(self, step, Effect::Removed)
            }
            (Planted::EvidenceKeptForEver, Action::RemoveContainer { .. }) if step.cause == Cause::Superseded => {
                swallow(self, step, Effect::Removed)
            }
            (Planted::VolumesLeft, Action::RemoveVolume { .. }) => swallow(self, step, Effect::Removed),
            (Planted::RunningRemoved, Action::StopContainer { id, identity, .. }) => {
                let action = Action::RemoveContainer { id: id.clone(), identity: identity.clone() };
                Some(self.replace(step, action))
            }
            (Planted::StopTimeoutIgnored, Action::StopContainer { id, identity, .. }) => {
                let action = Action::StopContainer { id: id.clone(), identity: identity.clone(), stop_timeout: 0 };
                Some(self.replace(step, action))
            }
            (Planted::StartIgnoresConditions, Action::StartContainer { identity, .. }) => {
                let Some(other) = self.sibling(identity, |phase| *phase == Phase::Created) else { return Some(step) };
                let identity = Box::new(other.identity);
                Some(self.replace(step, Action::StartContainer { id: other.id, identity }))
            }
            (Planted::StopIgnoresOrder, Action::StopContainer { id, identity, .. }) => {
                // Whom it depends on goes first.
                let seen = self.engine.inspect(&id.0);
                let spec = seen.as_ref().and_then(ObservedContainer::read_spec);
                let supports = |other: &ObservedContainer| {
                    let name = &other.identity.container;
                    spec.is_some_and(|spec| spec.depends_on.iter().any(|on| on.container_name == *name))
                };
                let other = self.sibling(identity, |phase| matches!(phase, Phase::Running { .. }));
                let Some(other) = other.filter(supports) else { return Some(step) };
                let stop_timeout = other.read_spec().map_or(30, |spec| spec.stop_timeout);
                let identity = Box::new(other.identity);
                Some(self.replace(step, Action::StopContainer { id: other.id, identity, stop_timeout }))
            }
            (Planted::NameNotResolved, Action::CreateContainer(new)) => {
                let mut new = new.clone();
                new.aliases.clear();
                Some(self.replace(step, Action::CreateContainer(new)))
            }
            (Planted::StopBelievedBeforeTheEnd, Action::StopContainer { id, .. }) => {
                let id = id.clone();
                let action = step.action.clone();
                self.engine.begin(&action);
                let _ = id;
                swallow(self, step, Effect::Stopped)
            }
            (Planted::InFlightForgotten, _) => {
                self.notes.count += 1;
                let again = Outcome::Failed(Failure { kind: FailureKind::Engine, message: "forgotten".to_owned() });
                if self.notes.count % 4 == 0 {
                    let at = self.now();
                    let reconciler = self.reconciler.as_mut().expect("it has just said so");
                    reconciler.handle(at, reconcile::reconciler::Input::Finished(step.clone(), again));
                }
                Some(step)
            }
            _ => Some(step),
        }
    }

    /// What a planted bug does by itself, before the reconciler's own steps.
    fn act_before(&mut self, planted: Planted) {
        match planted {
            Planted::TombstoneRemovedEarly => {
                let waits = self
                    .last_plan
                    .as_ref()
                    .is_some_and(|plan| plan.waits.iter().any(|waiting| matches!(waiting.wait, Wait::Backoff { .. })));
                let ended = self.engine.observe().containers.into_values();
                let mut ended =
                    ended.filter(|c| c.identity.source == self.source && matches!(c.phase, Phase::Exited { .. }));
                if let (true, Some(container)) = (waits, ended.next()) {
                    let identity = Box::new(container.identity);
                    self.act_beside(&Action::RemoveContainer { id: container.id, identity });
                }
            }
            Planted::StopWithoutCause => {
                self.notes.count += 1;
                let mut live = self.engine.observe().containers.into_values();
                let live = live.find(|c| c.identity.source == self.source && c.health == Health::None);
                if let (Some(container), 0) = (live, self.notes.count % 9) {
                    self.stop_beside(&container);
                }
            }
            Planted::DoubleStart => {
                let created = self.engine.observe().containers.into_values();
                let created: Vec<_> = created
                    .filter(|c| matches!(c.phase, Phase::Running { .. }) && c.identity.source == self.source)
                    .collect();
                for container in created {
                    if self.notes.doubled.insert(container.id.clone()) {
                        self.double(&container);
                    }
                }
            }
            Planted::NetworkRemovedFirst => {
                let networks = self.engine.list().networks;
                let unwanted = networks
                    .into_iter()
                    .find(|n| n.source == self.source && !self.desired.clusters.contains_key(&n.cluster));
                if let Some(network) = unwanted {
                    let action = Action::RemoveNetwork { cluster: network.cluster, id: network.id };
                    self.begin_beside(Step { action, cause: Cause::Removed });
                }
            }
            _ => {}
        }
    }

    /// A container of the same task in another phase and at rest, whose turn it is not yet.
    fn sibling(&self, identity: &ContainerIdentity, is_meant: impl Fn(&Phase) -> bool) -> Option<ObservedContainer> {
        let busy: Vec<_> = self.open_steps().map(|step| step.action.target()).collect();
        self.engine.observe().containers.into_values().find(|other| {
            (&other.identity.task, &other.identity.source) == (&identity.task, &identity.source)
                && other.identity.container != identity.container
                && !busy.contains(&Target::Container(other.id.clone()))
                && is_meant(&other.phase)
        })
    }

    fn stop_beside(&mut self, container: &ObservedContainer) {
        let step = Step {
            action: Action::StopContainer {
                id: container.id.clone(),
                identity: Box::new(container.identity.clone()),
                stop_timeout: 30,
            },
            cause: Cause::Surplus,
        };
        self.begin_beside(step);
    }

    fn double(&mut self, container: &ObservedContainer) {
        let Some(spec) = container.read_spec() else { return };
        let new = reconcile::engine::simulated::ByHand {
            name: format!("{}.double", container.name),
            labels: container.identity.labels(spec),
            ..Default::default()
        };
        if let Ok(id) = self.engine.add_by_hand(new) {
            self.notes.doubled.insert(id.clone());
            self.act_beside(&Action::StartContainer { id, identity: Box::new(container.identity.clone()) });
        }
    }

    fn rename(&mut self, step: Box<Step>, change: impl FnOnce(&mut ContainerIdentity)) -> Box<Step> {
        let Action::CreateContainer(new) = &step.action else { return step };
        let mut new = new.clone();
        change(&mut new.identity);
        self.replace(step, Action::CreateContainer(new))
    }

    fn replace(&mut self, step: Box<Step>, action: Action) -> Box<Step> {
        let bent = Box::new(Step { action: action.clone(), cause: step.cause.clone() });
        self.notes.changed.push((action, step));
        bent
    }

    /// What the reconciler hears of a step.
    pub(super) fn bend_outcome(&mut self, step: Box<Step>, outcome: Outcome) -> Option<(Box<Step>, Outcome)> {
        let original = self.notes.changed.iter().position(|(action, _)| *action == step.action);
        let step = original.map_or(step, |place| self.notes.changed.swap_remove(place).1);
        let outcome = match (self.planted, outcome) {
            (Some(Planted::OutcomeDropped), outcome) => {
                self.notes.count += 1;
                if self.notes.count % 5 == 0 {
                    return None;
                }
                outcome
            }
            (Some(Planted::TimeoutTakenForSuccess), Outcome::Unknown(message)) => match &step.action {
                Action::StartContainer { .. } => Outcome::Done(Effect::Started),
                Action::StopContainer { .. } => Outcome::Done(Effect::Stopped),
                Action::RemoveContainer { .. } | Action::RemoveNetwork { .. } | Action::RemoveVolume { .. } => {
                    Outcome::Done(Effect::Removed)
                }
                Action::PullImage { .. } => Outcome::Done(Effect::Pulled),
                Action::CreateNetwork { .. } | Action::CreateContainer(_) => Outcome::Unknown(message),
            },
            (Some(Planted::TimeoutTakenForFailedTry), Outcome::Unknown(message)) => match &step.action {
                Action::CreateContainer(new) => {
                    Outcome::Done(Effect::Container(Box::new(self.failed_try(&new.identity))))
                }
                _ => Outcome::Unknown(message),
            },
            (Some(Planted::TimeoutTakenForFailure), Outcome::Unknown(message)) => {
                Outcome::Failed(Failure { kind: FailureKind::Engine, message })
            }
            (Some(Planted::NameConflictTakenForDone), Outcome::Failed(failure))
                if failure.kind == FailureKind::NameTaken =>
            {
                Outcome::Failed(failure)
            }
            (_, outcome) => outcome,
        };
        let outcome = match outcome {
            Outcome::Done(Effect::Container(mut container)) => {
                if self.has(Planted::NameConflictTakenForDone)
                    && let Some(stranger) = self.strangers.first()
                    && container.name.rsplit('.').next() != Some(&container.identity.task.attempt.to_string())
                {
                    container.id = stranger.clone();
                }
                self.bend_container(&mut container);
                Outcome::Done(Effect::Container(container))
            }
            other => other,
        };
        Some((step, outcome))
    }

    fn failed_try(&self, identity: &ContainerIdentity) -> ObservedContainer {
        let at: Timestamp = self.now();
        ObservedContainer {
            readiness: Health::None,
            readiness_output: None,
            address: None,
            health_output: None,
            id: ContainerId::new(&identity.name()),
            name: identity.name(),
            identity: identity.clone(),
            spec: None,
            phase: Phase::StartFailed { message: "timeout".to_owned(), at, blameless: false },
            health: Health::None,
            created_at: at,
            ports: Vec::new(),
        }
    }
}

fn lower_floor(service: &mut DesiredService, by: u32) {
    let count = service.desired_count.unwrap_or(1).max(1);
    let floor = service.minimum_healthy.ceil_of(count).saturating_sub(by);
    service.minimum_healthy = Percent(floor * 100 / count);
}

fn keep_tasks(desired: &mut DesiredState, before: &DesiredState) {
    for (cluster, wanted) in &mut desired.clusters {
        let before = before.clusters.get(cluster);
        for (name, service) in &mut wanted.services {
            if let Some(known) = before.and_then(|before| before.services.get(name)) {
                service.task = known.task.clone();
            }
        }
    }
}
