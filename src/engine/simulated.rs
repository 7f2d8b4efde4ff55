//! An engine in memory, with a clock that the caller moves and faults on demand.
//!
//! It does what the real engine does, late lists, lost answers and failed starts included, and it is checked by the same contract
//! suite. A dry run seeds it with what was observed and forecasts a rollout by running the real planner on it; the tests run their
//! histories on it. It has no thread, no clock and no randomness of its own: the same calls give the same answers.
//!
//! There are two ways to perform an action. [`Simulated::perform`] does it at once. [`Simulated::begin`] takes the time that the real
//! engine takes: the action happens, and is answered, while [`Simulated::advance_to`] moves the clock. [`SimulatedHandle`] puts the
//! second behind the asynchronous door.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::desired::{Protocol, Resources};
use crate::engine::{Change, EngineError, Hint, Listing};
use crate::observed::{ContainerId, NetworkId, ObservedContainer, ObservedNetwork, ObservedState, ObservedVolume};
use crate::ownership::{ContainerIdentity, Source, TaskKey};
use crate::plan::{Action, Effect, Outcome};
use crate::value::{ClusterName, ServiceName, Slot, Timestamp};

mod actions;
mod behaviour;
mod calls;
mod check;
mod container;
mod fault;
mod handle;
mod images;
mod life;
mod logs;
mod meddle;
mod probes;
mod seed;
mod timers;

pub use behaviour::{Behaviour, Checks, Image, Pace, Run, Start, Stop, Subject};
pub use check::{Guard, Violated, Violation, Write};
pub use fault::{CallKind, Fault};
pub use handle::SimulatedHandle;
pub use meddle::ByHand;

use behaviour::Behaviours;
use calls::Call;
use container::Container;
use fault::Faults;
use timers::{Event, Timers};

/// The number of a call, counted from 0 in the order in which calls are begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// The engine.
#[derive(Debug, Clone)]
pub struct Simulated {
    now: Timestamp,
    containers: BTreeMap<ContainerId, Container>,
    /// Who holds which container name: the engine's lock.
    names: BTreeMap<String, ContainerId>,
    /// Our containers by slot.
    slots: BTreeMap<SlotKey, BTreeSet<ContainerId>>,
    networks: BTreeMap<NetworkId, Network>,
    volumes: BTreeMap<String, Volume>,
    host_ports: BTreeMap<(u16, Protocol), ContainerId>,
    next_dynamic_port: u16,
    images: images::Images,
    behaviours: Behaviours,
    pace: Pace,
    timers: Timers,
    ids_given: u64,
    calls_begun: u64,
    calls: BTreeMap<CallId, Call>,
    completed: BTreeMap<CallId, Outcome>,
    faults: Faults,
    reachable: bool,
    host: Option<Resources>,
    hints: Vec<Hint>,
    hints_muted: bool,
    writes: Vec<Write>,
    guards: BTreeMap<(ClusterName, ServiceName), Guard>,
    sources: Option<BTreeSet<Source>>,
    violations: Vec<Violated>,
}

/// A network, ours or somebody else's.
#[derive(Debug, Clone)]
struct Network {
    /// `None` when it is somebody else's and never shown.
    ours: Option<ObservedNetwork>,
}

/// A volume, ours or somebody else's.
#[derive(Debug, Clone)]
struct Volume {
    /// `None` when it is somebody else's and never shown.
    ours: Option<ObservedVolume>,
}

/// Where the engine begins to look for a free host port. Source: the usual `ip_local_port_range` of Linux.
const DYNAMIC_PORT_FIRST: u16 = 32_768;
/// The last host port that the engine gives out by itself.
const DYNAMIC_PORT_LAST: u16 = 60_999;

impl Simulated {
    /// An engine without any object, that has every image and whose programs all behave well.
    pub fn new(at: Timestamp) -> Self {
        Self {
            now: at,
            containers: BTreeMap::new(),
            names: BTreeMap::new(),
            slots: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            host_ports: BTreeMap::new(),
            next_dynamic_port: DYNAMIC_PORT_FIRST,
            images: images::Images::default(),
            behaviours: Behaviours::default(),
            pace: Pace::TYPICAL,
            timers: Timers::default(),
            ids_given: 0,
            calls_begun: 0,
            calls: BTreeMap::new(),
            completed: BTreeMap::new(),
            faults: Faults::default(),
            reachable: true,
            host: None,
            hints: Vec::new(),
            hints_muted: false,
            writes: Vec::new(),
            guards: BTreeMap::new(),
            sources: None,
            violations: Vec::new(),
        }
    }

    /// Says how much the host has; it is told when it is asked for. Nothing is said of a new engine, and then there is room for all.
    pub fn set_host(&mut self, host: Option<Resources>) {
        self.host = host;
    }

    /// Says how long calls take from now on.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Says how a subject's containers behave from their next start on.
    pub fn set_behaviour(&mut self, subject: Subject, behaviour: Behaviour) {
        self.behaviours.of_subject.insert(subject, Arc::new(behaviour));
    }

    /// Says how the containers behave, from their next start on, of which nothing else is said.
    pub fn set_default_behaviour(&mut self, behaviour: Behaviour) {
        self.behaviours.of_others = Arc::new(behaviour);
    }

    /// The time of the engine.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When something happens by itself next; `None` when nothing ever will.
    pub fn next_event_at(&self) -> Option<Timestamp> {
        self.timers.next_at()
    }

    /// Moves the clock, and lets everything happen that is due on the way.
    pub fn advance(&mut self, by: Duration) {
        self.advance_to(self.now.after(by));
    }

    /// Moves the clock to `at`, and lets everything happen that is due on the way. The clock never goes back.
    pub fn advance_to(&mut self, at: Timestamp) {
        while let Some((due, event)) = self.timers.take_due(at) {
            self.now = self.now.max(due);
            self.happen(event);
        }
        self.now = self.now.max(at);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Act(call) => self.act(call),
            Event::Answer(call, outcome) => self.answer(call, outcome),
            Event::Verdict(id) => self.judge_health(&id),
            Event::End(id, ending) => self.end_container(&id, ending, ""),
            Event::Stopped(calls) => {
                for call in calls {
                    self.finish(call, Outcome::Done(Effect::Stopped));
                }
            }
        }
    }

    /// Everything that carries our labels, as a list shows it: late and coarse.
    pub fn list(&self) -> Listing {
        Listing {
            containers: self.containers.values().filter_map(|container| container.listed(self.now)).collect(),
            networks: self.networks.values().filter_map(|network| network.ours.clone()).collect(),
            volumes: self.volumes.values().filter_map(|volume| volume.ours.clone()).collect(),
            neighbours: Vec::new(),
        }
    }

    /// How much the host has, where it was said.
    pub fn host(&self) -> Option<Resources> {
        self.host
    }

    /// [`Simulated::list`], unless the engine cannot be reached.
    pub fn try_list(&self) -> Result<Listing, EngineError> {
        self.check_reachable().map(|()| self.list())
    }

    /// The truth about one container, by id or by name. `None` when it does not exist or is not ours.
    pub fn inspect(&self, id_or_name: &str) -> Option<ObservedContainer> {
        self.find(id_or_name)?.inspected()
    }

    /// [`Simulated::inspect`], unless the engine cannot be reached.
    pub fn try_inspect(&self, id_or_name: &str) -> Result<Option<ObservedContainer>, EngineError> {
        self.check_reachable().map(|()| self.inspect(id_or_name))
    }

    /// The environment that a container of ours was made with.
    pub fn environment_of(&self, id: &ContainerId) -> BTreeMap<String, String> {
        let spec = self.containers.get(id).and_then(|container| container.spec.as_ref());
        spec.map(|spec| spec.environment.clone()).unwrap_or_default()
    }

    /// The whole truth at once, as many inspections would show it. No action in flight is in it: its beginner knows those.
    pub fn observe(&self) -> ObservedState {
        let containers = self.containers.values().filter_map(Container::inspected);
        let networks = self.networks.values().filter_map(|network| network.ours.clone());
        let volumes = self.volumes.values().filter_map(|volume| volume.ours.clone());
        ObservedState {
            at: self.now,
            containers: containers.map(|container| (container.id.clone(), container)).collect(),
            networks: networks.map(|network| (network.id.clone(), network)).collect(),
            volumes: volumes.map(|volume| (volume.name.clone(), volume)).collect(),
            host: self.host,
            ..ObservedState::default()
        }
    }

    /// Brings an observation up to date with the truth at the cost of what changed: it uses up the hints. What is in flight and what
    /// failed without a container are left as they are.
    pub fn refresh(&mut self, observed: &mut ObservedState) {
        observed.at = self.now;
        let mut all = false;
        let mut others = false;
        for hint in self.take_hints() {
            match hint {
                Hint::Container(id, _) => match self.containers.get(&id).and_then(Container::inspected) {
                    Some(container) => {
                        observed.containers.insert(id, container);
                    }
                    None => {
                        observed.containers.remove(&id);
                    }
                },
                Hint::Other => others = true,
                Hint::Lost => all = true,
            }
        }
        if all {
            let truth = self.observe();
            observed.containers = truth.containers;
        }
        if all || others {
            let networks = self.networks.values().filter_map(|network| network.ours.clone());
            let volumes = self.volumes.values().filter_map(|volume| volume.ours.clone());
            observed.networks = networks.map(|network| (network.id.clone(), network)).collect();
            observed.volumes = volumes.map(|volume| (volume.name.clone(), volume)).collect();
        }
    }

    /// The hints since they were last taken, oldest first.
    pub fn take_hints(&mut self) -> Vec<Hint> {
        std::mem::take(&mut self.hints)
    }

    fn hint(&mut self, hint: Hint) {
        if !self.hints_muted {
            self.hints.push(hint);
        }
    }

    /// A hint about a container, unless it is somebody else's.
    fn hint_container(&mut self, id: &ContainerId, change: Change) {
        if self.containers.get(id).is_some_and(|container| container.identity.is_some()) {
            self.hint(Hint::Container(id.clone(), change));
        }
    }

    fn check_reachable(&self) -> Result<(), EngineError> {
        if self.reachable {
            return Ok(());
        }
        Err(EngineError::Unreachable { endpoint: "simulated".to_owned(), reason: "connection refused".to_owned() })
    }

    fn find(&self, id_or_name: &str) -> Option<&Container> {
        let by_name = || self.names.get(id_or_name).and_then(|id| self.containers.get(id));
        self.containers.get(&ContainerId::new(id_or_name)).or_else(by_name)
    }

    /// A new id. Ids are given out in no visible order, as by the real engine, so that nothing can come to rely on one. What was seeded
    /// may come from another simulated engine, and keeps its own.
    fn new_id(&mut self) -> String {
        // Multiplication by an odd number permutes the numbers of 48 bits: every id is given once.
        const SCRAMBLE: u64 = 0x9e37_79b9_7f4b;
        loop {
            self.ids_given += 1;
            let id = format!("{:012x}", self.ids_given.wrapping_mul(SCRAMBLE) & 0xffff_ffff_ffff);
            let is_taken = self.containers.contains_key(&ContainerId::new(&id))
                || self.networks.contains_key(&NetworkId::new(&id));
            if !is_taken {
                return id;
            }
        }
    }

    /// The containers of ours in the slot of one.
    fn in_slot_of<'a>(&'a self, identity: &ContainerIdentity) -> impl Iterator<Item = &'a Container> + use<'a> {
        self.slots.get(&slot_of(&identity.task)).into_iter().flatten().filter_map(|id| self.containers.get(id))
    }

    /// Keeps a container, its name and its place.
    fn insert(&mut self, container: Container) {
        self.names.insert(container.name.clone(), container.id.clone());
        if let Some(identity) = &container.identity {
            self.slots.entry(slot_of(&identity.task)).or_default().insert(container.id.clone());
        }
        self.containers.insert(container.id.clone(), container);
    }

    /// Forgets a container, its name and its place.
    fn forget(&mut self, id: &ContainerId) {
        self.hint_container(id, Change::Removed);
        let Some(container) = self.containers.remove(id) else { return };
        self.names.remove(&container.name);
        if let Some(identity) = &container.identity {
            let slot = slot_of(&identity.task);
            if let Some(ids) = self.slots.get_mut(&slot) {
                ids.remove(id);
                if ids.is_empty() {
                    self.slots.remove(&slot);
                }
            }
        }
    }

    /// Makes a volume or network known.
    fn insert_network(&mut self, id: NetworkId, ours: Option<ObservedNetwork>) {
        if ours.is_some() {
            self.hint(Hint::Other);
        }
        self.networks.insert(id, Network { ours });
    }

    fn insert_volume(&mut self, name: String, ours: Option<ObservedVolume>) {
        if ours.is_some() {
            self.hint(Hint::Other);
        }
        self.volumes.insert(name, Volume { ours });
    }

    /// Performs an action at once: the clock stands still, unless a fault delays it.
    pub fn perform(&mut self, action: &Action) -> Outcome {
        calls::perform(self, action)
    }
}

/// A slot of a service.
type SlotKey = (ClusterName, ServiceName, Slot);

fn slot_of(task: &TaskKey) -> SlotKey {
    (task.cluster.clone(), task.service.clone(), task.slot)
}

#[cfg(test)]
mod tests;
