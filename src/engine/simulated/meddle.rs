//! What others do to the engine while we look away: people, other programs, the machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::container::Container;
use super::timers::{Ending, Event};
use super::{Behaviour, Simulated};
use crate::desired::PortMapping;
use crate::engine::{Change, Hint};
use crate::observed::{ContainerId, Health, NetworkId, ObservedNetwork, ObservedVolume, Phase};
use crate::ownership::{self, ContainerIdentity, RecordedSpec};
use crate::plan::{FailureKind, Outcome};

/// A container that somebody else made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ByHand {
    /// Its name, perhaps one that we would have given.
    pub name: String,
    /// Its labels. With a complete set of ours it is one of ours, perhaps of another source; otherwise it is never shown.
    pub labels: BTreeMap<String, String>,
    /// The ports that it asks for.
    pub ports: Vec<PortMapping>,
    /// Whether it is started.
    pub running: bool,
    /// What its program does.
    pub behaviour: Behaviour,
}

impl Simulated {
    /// Somebody makes a container. The error says that its name or one of its ports is taken.
    pub fn add_by_hand(&mut self, new: ByHand) -> Result<ContainerId, FailureKind> {
        let ByHand { name, labels, ports, running, behaviour } = new;
        if self.names.contains_key(&name) {
            return Err(FailureKind::NameTaken);
        }
        let label = |key: &str| labels.get(key).map(String::as_str);
        let id = ContainerId::new(&self.new_id());
        let mut container = Container::new(id.clone(), name, self.now, Arc::new(behaviour));
        container.identity = ContainerIdentity::read(label);
        container.spec_text = container.identity.as_ref().and_then(|_| RecordedSpec::find(label));
        container.bindings = ports;
        self.insert(container);
        self.hint_container(&id, Change::Began);
        if running {
            return match self.start_by_hand(&id) {
                Outcome::Done(_) => Ok(id),
                Outcome::Failed(failure) => Err(failure.kind),
                Outcome::Unknown(_) => Err(FailureKind::Engine),
            };
        }
        Ok(id)
    }

    /// Where a container is in its life, ours or somebody else's; `None` when it does not exist.
    pub fn phase_of(&self, id: &ContainerId) -> Option<&Phase> {
        self.containers.get(id).map(|container| &container.phase)
    }

    /// Somebody makes a network. Only one with our labels is ever shown.
    pub fn add_network_by_hand(&mut self, labels: &BTreeMap<String, String>) -> NetworkId {
        let id = NetworkId::new(&self.new_id());
        let ours = ownership::read_cluster(|key| labels.get(key).map(String::as_str));
        let created_at = self.now;
        let ours = ours.map(|(cluster, source)| ObservedNetwork { id: id.clone(), cluster, source, created_at });
        self.insert_network(id.clone(), ours);
        id
    }

    /// Somebody makes a volume. Only one with our labels is ever shown.
    pub fn add_volume_by_hand(&mut self, name: &str, labels: &BTreeMap<String, String>) {
        let label = |key: &str| labels.get(key).map(String::as_str);
        let task = ownership::read_task_volume(label);
        let ours = ownership::read_cluster(label);
        let intervention = ownership::read_intervention(label);
        let name = name.to_owned();
        let ours =
            ours.map(|(cluster, source)| ObservedVolume { name: name.clone(), cluster, source, task, intervention });
        self.insert_volume(name, ours);
    }

    /// A program is killed. Returns whether it ran.
    pub fn kill(&mut self, id: &ContainerId) -> bool {
        self.end_now(id, Ending::KILLED)
    }

    /// A program ends by itself. Returns whether it ran.
    pub fn crash(&mut self, id: &ContainerId, code: i64) -> bool {
        self.end_now(id, Ending::with(code))
    }

    /// The kernel kills a program for memory. Returns whether it ran.
    pub fn run_out_of_memory(&mut self, id: &ContainerId) -> bool {
        self.end_now(id, Ending::OOM)
    }

    /// Somebody stops a container. Returns whether it ran.
    pub fn stop_by_hand(&mut self, id: &ContainerId) -> bool {
        self.end_now(id, Ending::TERMINATED)
    }

    fn end_now(&mut self, id: &ContainerId, ending: Ending) -> bool {
        let ran = self.containers.get(id).is_some_and(Container::is_live);
        self.end_container(id, ending, "");
        ran
    }

    /// Somebody starts a container.
    pub fn start_by_hand(&mut self, id: &ContainerId) -> Outcome {
        self.start_container(id)
    }

    /// Somebody removes a container, running or not. Returns whether it was there.
    pub fn remove_by_hand(&mut self, id: &ContainerId) -> bool {
        self.end_container(id, Ending::KILLED, "");
        let there = self.containers.contains_key(id);
        self.forget(id);
        there
    }

    /// Somebody removes a network that no running container has joined. Returns whether it is gone.
    pub fn remove_network_by_hand(&mut self, id: &NetworkId) -> bool {
        matches!(self.remove_network(id), Outcome::Done(_))
    }

    /// Somebody freezes a program: it does nothing, and its health is not checked. Returns whether it ran.
    pub fn pause(&mut self, id: &ContainerId) -> bool {
        let now = self.now;
        let Some(container) = self.containers.get_mut(id).filter(|container| container.is_running()) else {
            return false;
        };
        container.phase = Phase::Paused;
        if let Some((at, event)) = self.timers.take(container.end.take())
            && let Event::End(_, ending) = event
        {
            container.run_left = Some((at.since(now), ending));
        }
        self.timers.cancel(container.verdict.take());
        self.hint_container(id, Change::Other);
        true
    }

    /// Somebody thaws a frozen program. Returns whether it was frozen.
    pub fn unpause(&mut self, id: &ContainerId) -> bool {
        let Some(container) = self.containers.get_mut(id).filter(|container| container.phase == Phase::Paused) else {
            return false;
        };
        container.phase = Phase::Running { started_at: container.started_at };
        if let Some((left, ending)) = container.run_left.take() {
            container.end = Some(self.timers.plan(self.now.after(left), Event::End(id.clone(), ending)));
        }
        self.plan_verdict(id);
        self.hint_container(id, Change::Other);
        true
    }

    /// A program falls sick: its container is unhealthy now, and stays so. Returns whether it has a health check and runs.
    pub fn make_unhealthy(&mut self, id: &ContainerId) -> bool {
        let running = self.containers.get_mut(id).filter(|container| container.is_running());
        let Some(container) = running else { return false };
        if container.is_probed() {
            // The engine does not know.
            container.made_unhealthy = true;
            return true;
        }
        if container.health == Health::None {
            return false;
        }
        container.made_unhealthy = true;
        container.health = Health::Unhealthy;
        self.plan_verdict(id);
        self.hint_container(id, Change::Other);
        true
    }

    /// A program that was made sick is well again: the next check finds what its behaviour says. Returns whether it was sick.
    pub fn make_well(&mut self, id: &ContainerId) -> bool {
        let Some(container) = self.containers.get_mut(id).filter(|container| container.made_unhealthy) else {
            return false;
        };
        container.made_unhealthy = false;
        self.plan_verdict(id);
        true
    }

    /// The engine itself is restarted. Calls under way are not answered, and hints are lost. Without live restore every program ends;
    /// none is started again.
    pub fn restart_engine(&mut self, live_restore: bool) {
        self.abandon_calls();
        if !live_restore {
            let live: Vec<_> = self.containers.values().filter(|container| container.is_live()).collect();
            let live: Vec<_> = live.into_iter().map(|container| container.id.clone()).collect();
            for id in live {
                self.end_container(&id, Ending::with(0), "");
                if let Some(container) = self.containers.get_mut(&id) {
                    container.late = None;
                }
            }
        }
        self.lose_hints();
        self.hint(Hint::Lost);
    }

    /// Says whether the engine can be reached. While it cannot, no call arrives and no question is answered; its containers live on.
    pub fn set_reachable(&mut self, reachable: bool) {
        self.reachable = reachable;
    }

    /// The hints that nobody has taken yet are lost, and nobody is told.
    pub fn lose_hints(&mut self) {
        self.hints.clear();
    }

    /// Says whether hints are lost from now on.
    pub fn mute_hints(&mut self, muted: bool) {
        self.hints_muted = muted;
    }
}
