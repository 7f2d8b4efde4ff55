//! How the reconciler takes in an answer: of a list, of an inspection, of an action.

use super::{
    Action, ContainerId, ContainerIdentity, ContainerSpec, Effect, FailedAction, Failure, FailureKind, Health, Listing,
    ObservedContainer, Outcome, Phase, PublishedPort, Reconciler, Step, Target,
};
use crate::event::EventKind;
use crate::observed::{ObservedNetwork, ObservedVolume};
use crate::plan::About;
use crate::value::Timestamp;

impl Reconciler {
    /// Replaces what is known by a list, but for what is known better.
    pub(super) fn learn_listing(&mut self, listing: Listing) {
        let Some(asked_at) = self.listing.take() else { return };
        self.has_listed = true;
        self.room.listed_at = self.observed.at;
        // The list that an end of trouble asks for is this one.
        let list_wanted = self.list_wanted;
        self.trouble_is_over();
        self.list_wanted = list_wanted;
        let Listing { containers, networks, volumes, neighbours } = listing;
        self.observed.neighbours = neighbours.into_iter().collect();
        let mut before = std::mem::take(&mut self.observed.containers);
        for listed in containers {
            if !self.concerns(&listed.identity) {
                self.observed.neighbours.insert(listed.id.clone(), listed.into());
                continue;
            }
            let known = before.remove(&listed.id);
            self.learn_listed(known, listed, asked_at);
        }
        for (id, container) in before {
            if self.knows_better(&Target::Container(id.clone()), asked_at) {
                self.observed.containers.insert(id, container);
            } else {
                self.rounds.forget(&id);
                self.note_gone(&container);
            }
        }
        let Self { observed, .. } = self;
        observed.condemned.retain(|id, _| observed.containers.contains_key(id));
        self.settle_listed_doubts(asked_at);
        self.learn_networks(networks, asked_at);
        self.learn_volumes(volumes, asked_at);
        self.listed = asked_at;
        // What was known before this list was asked for is in it now, but an older answer may still be on its way.
        let oldest = self.inspecting.values().copied().min().unwrap_or(asked_at).min(asked_at);
        self.known.retain(|_, at| *at > oldest);
    }

    /// A list shows what became of networks and volumes. Of containers it lags behind; an inspection is on its way.
    fn settle_listed_doubts(&mut self, asked_at: u64) {
        let targets: Vec<_> = self.doubts.keys().cloned().collect();
        for target in targets {
            match target {
                Target::ClusterNetwork(_) | Target::Network(_) | Target::Volume(_) => {
                    self.settle_doubt(&target, asked_at);
                }
                Target::Image(_) | Target::NewContainer(_) | Target::Container(_) => {}
            }
        }
    }

    fn learn_listed(&mut self, known: Option<ObservedContainer>, listed: ObservedContainer, asked_at: u64) {
        let id = listed.id.clone();
        if self.knows_better(&Target::Container(id.clone()), asked_at) {
            // Known and newer, or removed since.
            self.observed.containers.extend(known.map(|known| (id, known)));
            return;
        }
        self.tell_change(known.as_ref(), &listed);
        let phase_before = known.as_ref().map(|known| known.phase.clone());
        let mut merged = match known {
            None => listed,
            Some(known) => {
                if has_ended(&known.phase) && is_running(&listed.phase) {
                    // A list lags behind an end by some 125 ms. Perhaps it was started again; an inspection tells.
                    self.inspect_wanted.insert(id.to_string());
                    known
                } else {
                    merge(known, listed)
                }
            }
        };
        self.complete(&mut merged, phase_before.as_ref());
        self.pardon_what_runs(&merged);
        self.observed.containers.insert(id, merged);
    }

    /// What was asked to end and runs nevertheless may be thought about anew.
    fn pardon_what_runs(&mut self, container: &ObservedContainer) {
        if is_running(&container.phase) {
            self.observed.condemned.remove(&container.id);
        }
    }

    fn learn_networks(&mut self, networks: Vec<ObservedNetwork>, asked_at: u64) {
        let mut before = std::mem::take(&mut self.observed.networks);
        let known =
            |this: &Self, network: &ObservedNetwork| this.knows_better(&Target::Network(network.id.clone()), asked_at);
        for network in networks {
            let removed = !before.contains_key(&network.id) && known(self, &network);
            before.remove(&network.id);
            if !removed {
                self.observed.networks.insert(network.id.clone(), network);
            }
        }
        let newer: Vec<_> = before.into_values().filter(|network| known(self, network)).collect();
        self.observed.networks.extend(newer.into_iter().map(|network| (network.id.clone(), network)));
    }

    fn learn_volumes(&mut self, volumes: Vec<ObservedVolume>, asked_at: u64) {
        self.observed.volumes.clear();
        for volume in volumes {
            if !self.knows_better(&Target::Volume(volume.name.clone()), asked_at) {
                self.observed.volumes.insert(volume.name.clone(), volume);
            }
        }
    }

    /// Takes in a close look at one container.
    pub(super) fn learn_inspection(&mut self, name: &str, container: Option<ObservedContainer>) {
        let Some(asked_at) = self.inspecting.remove(name) else { return };
        self.inspect_failures.remove(name);
        self.trouble_is_over();
        if asked_at < self.listed {
            // A list that was asked for later has arrived already.
            self.inspect_wanted.insert(name.to_owned());
            return;
        }
        for target in [Target::NewContainer(name.to_owned()), Target::Container(ContainerId::new(name))] {
            self.settle_doubt(&target, asked_at);
        }
        let found = container.filter(|container| self.concerns(&container.identity));
        let id = found.as_ref().map_or_else(|| ContainerId::new(name), |container| container.id.clone());
        let target = Target::Container(id.clone());
        let knows_better = self.knows_better(&target, asked_at);
        match found {
            Some(_) if knows_better && self.observed.in_flight.contains_key(&target) => {
                self.disturbed.insert(id, crate::engine::Change::Other);
            }
            Some(_) if knows_better => {
                self.inspect_wanted.insert(id.to_string());
            }
            Some(container) => self.know(container),
            None if knows_better => {}
            None => self.forget(&id),
        }
    }

    /// Takes in the outcome of an action.
    pub(super) fn learn_outcome(&mut self, step: &Step, outcome: Outcome) {
        let target = step.action.target();
        let in_flight = self.observed.in_flight.remove(&target);
        let since = in_flight.as_ref().map_or(self.observed.at, |in_flight| in_flight.since);
        match outcome {
            Outcome::Done(effect) => {
                self.observed.failed_actions.remove(&target);
                self.learn_effect(&step.action, effect, since);
            }
            Outcome::Failed(failure) => self.learn_failure(&step.action, failure),
            Outcome::Unknown(message) => {
                self.remember_failure(&step.action, Failure { kind: FailureKind::Engine, message });
                self.look_again(&step.action);
                // Fetching an image twice does no harm, and nothing tells whether it was fetched.
                if let Some(in_flight) = in_flight.filter(|_| !matches!(target, Target::Image(_))) {
                    self.observed.in_flight.insert(target.clone(), in_flight);
                    self.doubt(target.clone());
                }
            }
        }
        if let Target::Container(id) = target
            && let Some(change) = self.disturbed.remove(&id)
        {
            self.look_at(&id, change);
        }
    }

    fn learn_effect(&mut self, action: &Action, effect: Effect, since: Timestamp) {
        match (action, effect) {
            (Action::CreateNetwork { cluster, source }, Effect::Network(id)) => {
                let network = ObservedNetwork {
                    id: id.clone(),
                    cluster: cluster.clone(),
                    source: source.clone(),
                    created_at: self.observed.at,
                };
                self.observed.networks.insert(id.clone(), network);
                self.note(Target::Network(id));
                self.tell(Some(About::cluster(cluster)), EventKind::NetworkCreated);
            }
            (Action::RemoveNetwork { id, .. }, Effect::Removed) => {
                self.observed.networks.remove(id);
                self.note(Target::Network(id.clone()));
            }
            (Action::RemoveVolume { name, .. }, Effect::Removed) => {
                self.observed.volumes.remove(name);
                self.note(Target::Volume(name.clone()));
            }
            (Action::PullImage { image, .. }, Effect::Pulled) => {
                self.learn_pulled(image);
                self.tell(None, EventKind::ImagePulled { image: image.clone(), took: self.observed.at.since(since) });
            }
            (Action::CreateContainer(new), Effect::Container(container)) => {
                self.expect_volumes(&container, &new.spec);
                self.know(*container);
            }
            (Action::StartContainer { id, .. }, Effect::Started) => {
                self.begin_to_run(id);
                self.tell_started(id);
            }
            (Action::StopContainer { id, .. }, Effect::Stopped) => {
                if let Some(container) = self.observed.containers.get_mut(id) {
                    container.phase = Phase::Exited { exit: None };
                    container.ports.clear();
                }
                self.note(Target::Container(id.clone()));
                self.tell_stopped(id);
            }
            // What is to be stopped may have been removed by somebody else.
            (Action::RemoveContainer { id, .. } | Action::StopContainer { id, .. }, Effect::Removed) => self.forget(id),
            (action, _) => {
                // An engine that answers one question with the answer to another is not believed, and not asked again at once.
                let message = "the engine answered something else".to_owned();
                self.remember_failure(action, Failure { kind: FailureKind::Engine, message });
                self.look_again(action);
            }
        }
    }

    fn learn_failure(&mut self, action: &Action, failure: Failure) {
        match (action, failure.kind) {
            (Action::CreateContainer(new), FailureKind::ImageMissing) => self.learn_missing_image(action, new, failure),
            (Action::PullImage { image, .. }, _) => {
                // Before the next try it is looked up whether somebody has built it meanwhile.
                self.observed.images.remove(image);
                self.remember_failure(action, failure);
            }
            (Action::CreateContainer(_), FailureKind::Gone) => {
                // The network that it was to join is gone.
                self.list_wanted = true;
                self.remember_failure(action, failure);
            }
            (
                Action::StartContainer { id, .. }
                | Action::StopContainer { id, .. }
                | Action::RemoveContainer { id, .. },
                FailureKind::Gone,
            ) => self.forget(&id.clone()),
            (
                Action::CreateNetwork { .. }
                | Action::RemoveNetwork { .. }
                | Action::CreateContainer(_)
                | Action::StartContainer { .. }
                | Action::StopContainer { .. }
                | Action::RemoveContainer { .. }
                | Action::RemoveVolume { .. },
                FailureKind::ImageMissing
                | FailureKind::Registry
                | FailureKind::NameTaken
                | FailureKind::PortTaken
                | FailureKind::Gone
                | FailureKind::Conflict
                | FailureKind::Refused
                | FailureKind::ResourceInitialization
                | FailureKind::Engine
                | FailureKind::Unreachable,
            ) => {
                self.remember_failure(action, failure);
                // Of a container a refusal leaves something behind: a start that failed, a removal of what runs again.
                if action.identity().is_some() {
                    self.look_again(action);
                }
            }
        }
    }

    pub(super) fn remember_failure(&mut self, action: &Action, failure: Failure) {
        let target = action.target();
        // Of a start that failed the container itself tells.
        if !matches!(action, Action::StartContainer { .. }) {
            let about = action.identity().map(|identity| About::task(&identity.task));
            self.tell(about, EventKind::ActionFailed { action: action.to_string(), failure: failure.clone() });
        }
        let failures = self.observed.failed_actions.get(&target).map_or(0, |failed| failed.failures).saturating_add(1);
        let identity = action.identity().cloned().map(Box::new);
        let failed = FailedAction { identity, failures, at: self.observed.at, failure };
        self.observed.failed_actions.insert(target, failed);
    }

    /// Asks for the facts that an action has left in doubt.
    fn look_again(&mut self, action: &Action) {
        match action {
            Action::CreateContainer(new) => {
                self.inspect_wanted.insert(new.identity.name());
            }
            Action::StartContainer { id, .. }
            | Action::StopContainer { id, .. }
            | Action::RemoveContainer { id, .. } => {
                self.inspect_wanted.insert(id.to_string());
            }
            Action::CreateNetwork { .. } | Action::RemoveNetwork { .. } | Action::RemoveVolume { .. } => {
                self.list_wanted = true;
            }
            Action::PullImage { .. } => {}
        }
    }

    /// What a start tells without another question: it runs from now on, under the ports that its spec fixes.
    fn begin_to_run(&mut self, id: &ContainerId) {
        let at = self.observed.at;
        if let Some(container) = self.observed.containers.get_mut(id) {
            let spec = container.read_spec().cloned();
            container.phase = Phase::Running { started_at: at };
            let is_checked = spec.as_ref().is_some_and(|spec| spec.health_check.is_some());
            container.health = if is_checked { Health::Starting } else { Health::None };
            container.ports = spec.iter().flat_map(|spec| PublishedPort::all_static(spec)).collect();
            container.address = None;
            self.rounds.complete(container, true, at);
            // Whoever is asked over the network needs an address, and only the engine knows it.
            if self.rounds.checks(container) || container.identity.container.is_namespace_owner() {
                self.inspect_wanted.insert(id.to_string());
            }
        }
        self.note(Target::Container(id.clone()));
    }

    /// Volumes that live with a task appear with its first container; they are known from then on, or nobody would remove them.
    fn expect_volumes(&mut self, container: &ObservedContainer, spec: &ContainerSpec) {
        let ContainerIdentity { task, source, .. } = &container.identity;
        for mount in &spec.mount_points {
            if matches!(mount.volume, crate::desired::VolumeSpec::Task { .. }) {
                let name = crate::ownership::task_volume_name(task, &mount.source_volume);
                let volume = ObservedVolume {
                    name: name.clone(),
                    cluster: task.cluster.clone(),
                    source: source.clone(),
                    task: Some(task.clone()),
                    intervention: None,
                };
                self.observed.volumes.insert(name, volume);
            }
        }
    }

    fn know(&mut self, mut container: ObservedContainer) {
        clamp_times(&mut container, self.observed.at);
        let before = self.observed.containers.remove(&container.id);
        if let Some(before) = &before {
            keep_what_was_read(&mut container, before);
        }
        self.complete(&mut container, before.as_ref().map(|before| &before.phase));
        if let (Phase::StartFailed { at, .. }, Some(Phase::Created)) =
            (&mut container.phase, before.as_ref().map(|b| &b.phase))
        {
            // The engine keeps no time for a start that failed: it was just now.
            *at = self.observed.at;
        }
        self.tell_change(before.as_ref(), &container);
        self.pardon_what_runs(&container);
        self.note(Target::Container(container.id.clone()));
        let created = Target::NewContainer(container.identity.name());
        // A container of another directory may have the name: then nothing has been created yet.
        if self
            .observed
            .failed_actions
            .get(&created)
            .is_some_and(|failed| failed.identity.as_deref() == Some(&container.identity))
        {
            self.observed.failed_actions.remove(&created);
        }
        self.observed.containers.insert(container.id.clone(), container);
    }

    fn forget(&mut self, id: &ContainerId) {
        if let Some(container) = self.observed.containers.remove(id) {
            self.note_gone(&container);
        }
        self.observed.condemned.remove(id);
        self.rounds.forget(id);
        self.tell_gone(id);
        self.observed.failed_actions.remove(&Target::Container(id.clone()));
        self.note(Target::Container(id.clone()));
    }

    /// Notes that a task has had its turn although nothing of it may be left to show that. Only tasks that run once need it.
    fn note_gone(&mut self, container: &ObservedContainer) {
        let identity = &container.identity;
        if identity.source.is_standalone() && self.is_ours(identity) {
            self.observed.gone_tasks.insert(identity.task.clone());
        }
    }

    /// An answer of any kind shows that the engine is back; a list is still due.
    fn trouble_is_over(&mut self) {
        if let Some(trouble) = self.trouble.take() {
            self.list_wanted = true;
            self.tell(None, EventKind::EngineBack { after: self.observed.at.since(trouble.since) });
        }
    }
}

fn is_running(phase: &Phase) -> bool {
    matches!(phase, Phase::Running { .. } | Phase::Paused)
}

fn has_ended(phase: &Phase) -> bool {
    matches!(phase, Phase::Exited { .. } | Phase::StartFailed { .. } | Phase::Removing)
}

/// A list is newer but coarser: what it says of the present counts, and what it cannot know stays as it was.
fn merge(known: ObservedContainer, mut listed: ObservedContainer) -> ObservedContainer {
    keep_what_was_read(&mut listed, &known);
    let phase = match (known.phase, listed.phase) {
        (known @ Phase::Running { .. }, Phase::Running { .. })
        | (known @ (Phase::Created | Phase::StartFailed { .. }), Phase::CreatedOrFailed)
        | (known @ Phase::Exited { exit: Some(_) }, Phase::Exited { exit: None }) => known,
        (_, listed) => listed,
    };
    let health_output = known.health_output.filter(|_| listed.health == Health::Unhealthy);
    ObservedContainer { phase, health_output, created_at: known.created_at, ..listed }
}

/// A label that says what it said before has perhaps been read already.
fn keep_what_was_read(container: &mut ObservedContainer, before: &ObservedContainer) {
    if container.spec == before.spec {
        container.spec.clone_from(&before.spec);
    }
}

/// Nothing has happened in the future: an engine whose clock is ahead must not make a slot wait for hours.
fn clamp_times(container: &mut ObservedContainer, now: Timestamp) {
    match &mut container.phase {
        Phase::Running { started_at } => *started_at = (*started_at).min(now),
        Phase::StartFailed { at, .. } => *at = (*at).min(now),
        Phase::Exited { exit: Some(exit) } => {
            exit.finished_at = exit.finished_at.min(now);
            exit.started_at = exit.started_at.min(exit.finished_at);
        }
        Phase::Exited { exit: None } | Phase::CreatedOrFailed | Phase::Created | Phase::Paused | Phase::Removing => {}
    }
}
