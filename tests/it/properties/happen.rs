//! Lets the events of a story happen.

use std::collections::BTreeMap;

use reconcile::engine::simulated::{Behaviour, ByHand};
use reconcile::observed::{ContainerId, Phase};
use reconcile::ownership::{self, ContainerIdentity, DeploymentMark, Source};
use reconcile::plan::Outcome;
use reconcile::value::{Attempt, Slot};

use super::drive::World;
use super::manifests;
use super::oracle::key_of;
use super::story::{Deed, Event, Stranger};

/// Whose objects are never ours.
pub(super) const OTHER_SOURCE: &str = "elsewhere";

impl World {
    pub(super) fn happen(&mut self, event: Event) {
        self.tell(|| format!("# {event}"));
        match event {
            Event::Pass(time) => {
                let until = self.now().after(time);
                self.pass_until(until, |_| false);
            }
            Event::SetVersion(service, version) => self.change(service, |draft| draft.version = version),
            Event::SetCount(service, count) => self.change(service, |draft| draft.count = Some(count)),
            Event::SetPercents(service, minimum, maximum) => {
                self.change(service, |draft| (draft.minimum, draft.maximum) = (minimum, maximum));
            }
            Event::SetGrace(service, seconds) => self.change(service, |draft| draft.grace_secs = seconds),
            Event::Remove(service) => self.change(service, |draft| draft.wanted = false),
            Event::Return(service) => self.change(service, |draft| draft.wanted = true),
            Event::MoveCheckout => self.move_checkout(),
            Event::Crash(pause) => {
                self.kill_reconciler();
                self.restart_at = Some(self.now().after(pause));
            }
            Event::RestartEngine { live_restore } => self.restart_engine(live_restore),
            Event::Unreachable(time) => {
                self.engine.set_reachable(false);
                self.reachable_at = Some(self.now().after(time));
            }
            Event::Fault(kind, fault) => self.engine.inject_next(kind, fault),
            Event::FaultNext(fault) => self.engine.inject(fault),
            Event::FailQuestions(count) => self.questions_to_fail = count,
            Event::SlowAnswers(time) => self.slow = time,
            Event::Hints(hints) => self.hints = hints,
            Event::Meddle(which, deed) => self.meddle(which, deed),
            Event::RemoveNetwork => {
                let network = self.engine.list().networks.into_iter().find(|network| network.source == self.source);
                if let Some(network) = network {
                    self.engine.remove_network_by_hand(&network.id);
                }
            }
            Event::Stranger(stranger, service) => self.put_up(stranger, service),
            Event::Ask(service, asking) => self.ask_by_hand(service, asking),
        }
    }

    fn change(&mut self, service: usize, change: impl FnOnce(&mut super::story::Draft)) {
        change(&mut self.drafts[service]);
        // What was tried before the change counts for nothing after it.
        let key = (manifests::cluster_name(&self.drafts[service]), manifests::service_name(service));
        self.oracle.forget_memory_of(&key);
        self.desire();
    }

    fn move_checkout(&mut self) {
        let moved = format!("{}+", self.source);
        let before = std::mem::replace(&mut self.source, Source::new(&moved));
        self.adopted.insert(before);
        self.desire();
    }

    fn restart_engine(&mut self, live_restore: bool) {
        let live: Vec<_> = self.engine.observe().containers.into_values().collect();
        self.engine.restart_engine(live_restore);
        if !live_restore {
            // Theirs have ended with all others, and nobody starts them again.
            self.strangers.retain(|id| self.engine.inspect(&id.0).is_none());
            for container in
                live.iter().filter(|container| matches!(container.phase, Phase::Running { .. } | Phase::Paused))
            {
                let at = self.now();
                self.oracle.note_news(&container.id, key_of(&container.identity), at);
            }
        }
    }

    fn meddle(&mut self, which: usize, deed: Deed) {
        let mut containers: Vec<_> = self.engine.observe().containers.into_values().collect();
        containers.sort_by(|a, b| (a.created_at, &a.name).cmp(&(b.created_at, &b.name)));
        containers.retain(|container| container.identity.source.as_str() != OTHER_SOURCE);
        if containers.is_empty() {
            return;
        }
        let container = &containers[which % containers.len()];
        let (id, at) = (container.id.clone(), self.now());
        self.tell(|| format!("  ({deed:?} {})", container.name));
        match deed {
            Deed::Kill => self.engine.kill(&id),
            Deed::Crash => self.engine.crash(&id, 1),
            Deed::RunOutOfMemory => self.engine.run_out_of_memory(&id),
            Deed::Stop => self.engine.stop_by_hand(&id),
            Deed::Start => {
                self.oracle.note_tampering(&container.identity);
                self.oracle.note_revived(&id);
                // Nobody notices that what is being stopped, or has just ended, is started again before that is looked at.
                let long_ended = match &container.phase {
                    Phase::Exited { exit: Some(exit) } => at.since(exit.finished_at).as_secs() > 5,
                    _ => true,
                };
                long_ended && !self.is_being_stopped(&id) && matches!(self.engine.start_by_hand(&id), Outcome::Done(_))
            }
            Deed::Remove => {
                self.oracle.note_tampering(&container.identity);
                self.engine.remove_by_hand(&id)
            }
            // What is frozen while it is being stopped ends only when the engine thaws it; the simulated one does not.
            Deed::Pause => !self.is_being_stopped(&id) && self.engine.pause(&id),
            Deed::Unpause => self.engine.unpause(&id),
            Deed::Sicken => self.engine.make_unhealthy(&id),
        };
        self.oracle.note_news(&id, key_of(&container.identity), at);
    }

    fn put_up(&mut self, stranger: Stranger, service: usize) {
        let identity = self.next_identity(service);
        let draft = &self.drafts[service];
        let cluster = manifests::cluster_name(draft);
        let other = Source::new(OTHER_SOURCE);
        let mut new = ByHand { name: identity.name(), running: true, ..ByHand::default() };
        let spec = self.desired.clusters.get(&cluster).and_then(|wanted| wanted.services.get(&identity.task.service));
        let labels = spec.map(|service| {
            let theirs = ContainerIdentity { source: other.clone(), ..identity.clone() };
            theirs.labels(&service.task.containers[0])
        });
        match stranger {
            Stranger::Namesake => {}
            Stranger::HalfLabelled => {
                new.labels = labels.unwrap_or_default();
                new.labels.remove("reconcile.attempt");
            }
            Stranger::OtherSource => {
                let Some(mut labels) = labels else { return };
                // It holds no port of ours: what two directories fight over is refused before anything is planned.
                labels.insert("reconcile.spec".to_owned(), r#"{"name":"web","image":"theirs:1"}"#.to_owned());
                new.labels = labels;
                new.name = format!("theirs-{}", self.strangers.len());
            }
            Stranger::Network => {
                let labels = ownership::cluster_labels(&cluster, &other);
                self.engine.add_network_by_hand(&labels);
                self.engine
                    .add_network_by_hand(&BTreeMap::from([("name".to_owned(), ownership::network_name(&cluster))]));
                return;
            }
            Stranger::PortHolder => {
                let Some(host_port) = draft.shape.static_port else { return };
                new.name = format!("holder-{}", self.port_holders.len());
                new.ports = vec![reconcile::desired::PortMapping {
                    container_port: 80,
                    host_port,
                    protocol: Default::default(),
                }];
            }
        }
        new.behaviour = Behaviour::default();
        let Ok(id) = self.engine.add_by_hand(new) else { return };
        match stranger {
            Stranger::PortHolder => self.port_holders.push(id),
            Stranger::Namesake | Stranger::HalfLabelled => {
                self.namesakes.push((id.clone(), identity));
                self.strangers.push(id);
            }
            Stranger::OtherSource | Stranger::Network => self.strangers.push(id),
        }
    }

    /// What the next container of a service would be called.
    fn next_identity(&mut self, service: usize) -> ContainerIdentity {
        let draft = &self.drafts[service];
        let (cluster, name) = (manifests::cluster_name(draft), manifests::service_name(service));
        let mut all = self.drafts.clone();
        all[service].wanted = true;
        let desired = manifests::desired(&all, &self.source, &self.adopted);
        let task = desired.clusters[&cluster].services[&name].task.clone();
        let slot = Slot(u32::try_from(self.random.below(3)).expect("small"));
        let of_slot = self.engine.observe().containers.into_values().map(|container| container.identity.task);
        let of_slot = of_slot.filter(|key| (&key.cluster, &key.service, key.slot) == (&cluster, &name, slot));
        let attempt = of_slot.filter(|key| key.revision == task.revision).map(|key| key.attempt.next()).max();
        ContainerIdentity {
            task: ownership::TaskKey {
                cluster,
                service: name,
                slot,
                revision: task.revision,
                attempt: attempt.unwrap_or(Attempt::FIRST),
            },
            container: task.containers[0].name.clone(),
            source: self.source.clone(),
            family: task.family.clone(),
            failures: 0,
            essential: true,
            containers: u32::try_from(task.containers.len()).expect("a handful"),
            position: 0,
            deployment: DeploymentMark::default(),
            image: None,
            scheduling: reconcile::desired::Scheduling::default(),
        }
    }

    /// Whether a container of others is as it was put up.
    pub(super) fn is_untouched(&self, id: &ContainerId) -> bool {
        // What is not ours is not shown; removing or stopping it is noticed by the engine as it is tried.
        self.engine.inspect(&id.0).is_none_or(|container| matches!(container.phase, Phase::Running { .. }))
    }
}
