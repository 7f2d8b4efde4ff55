//! Seeding: the simulated engine takes up what was observed of a real one.

use std::collections::BTreeMap;

use super::Simulated;
use super::behaviour::Run;
use super::container::Container;
use super::timers::{Ending, Event};
use crate::observed::{Exit, Health, ObservedContainer, ObservedState, Phase};
use crate::value::Timestamp;

impl Simulated {
    /// Takes up what was observed, and its clock if that is later. What runs goes on to run, what is unhealthy stays so. What a list
    /// did not tell is filled in: a container that has not run was never started, one that has ended ended well.
    ///
    /// Only the objects are taken: what is in flight and what failed without a container belong to the caller.
    pub fn seed(&mut self, observed: &ObservedState) {
        self.now = self.now.max(observed.at);
        self.seed_images(observed);
        self.host = observed.host;
        let mut networks = BTreeMap::new();
        for network in observed.networks.values() {
            networks.entry((&network.cluster, &network.source)).or_insert(&network.id);
            self.insert_network(network.id.clone(), Some(network.clone()));
        }
        for volume in observed.volumes.values() {
            self.insert_volume(volume.name.clone(), Some(volume.clone()));
        }
        // What was observed has happened already: it is no news.
        self.hints.clear();
        for seen in observed.containers.values() {
            let mut container = self.seed_container(seen);
            let owner = (&seen.identity.task.cluster, &seen.identity.source);
            container.network = networks.get(&owner).map(|id| (*id).clone());
            for port in container.ports.iter().filter(|_| container.is_live()) {
                self.host_ports.insert((port.host_port, port.protocol), container.id.clone());
            }
            // What ends by itself has as long to run as if it had just been started.
            if let (true, Run::Exits { code, after }) = (container.is_live(), container.behaviour.run) {
                let end = Event::End(seen.id.clone(), Ending::with(code));
                container.end = Some(self.timers.plan(self.now.after(after), end));
            }
            self.insert(container);
            self.plan_verdict(&seen.id);
        }
    }

    fn seed_container(&self, seen: &ObservedContainer) -> Container {
        let mut container =
            Container::new(seen.id.clone(), seen.name.clone(), seen.created_at, self.behaviours.of_others.clone());
        container.identity = Some(seen.identity.clone());
        container.spec_text.clone_from(&seen.spec);
        if !self.behaviours.of_subject.is_empty() {
            let image = container.read_spec().map(|spec| spec.image.as_str());
            container.behaviour = self.behaviours.of(&seen.identity, image);
        }
        container.phase = known_phase(seen, self.now);
        if let Phase::Running { started_at } = container.phase {
            container.started_at = started_at;
        }
        if container.is_live() {
            // What we found out by ourselves the engine does not know.
            container.health = if container.is_probed() { Health::None } else { seen.health };
            container.made_unready = seen.readiness == Health::Unhealthy;
            container.ports.clone_from(&seen.ports);
            container.made_unhealthy = seen.health == Health::Unhealthy;
        }
        container
    }
}

/// The phase of a container, with what only an inspection tells filled in.
fn known_phase(seen: &ObservedContainer, now: Timestamp) -> Phase {
    match &seen.phase {
        Phase::CreatedOrFailed => Phase::Created,
        Phase::Exited { exit: None } => Phase::Exited {
            exit: Some(Exit {
                code: 0,
                oom_killed: false,
                error: String::new(),
                started_at: seen.created_at,
                finished_at: now,
                health_output: None,
            }),
        },
        Phase::Created
        | Phase::StartFailed { .. }
        | Phase::Running { .. }
        | Phase::Paused
        | Phase::Exited { exit: Some(_) }
        | Phase::Removing => seen.phase.clone(),
    }
}
