//! The log of writes, and what the engine notices of a reconciler that breaks a promise.
//!
//! A promise is judged as a call begins: by what was true then, counting the calls that have begun and not ended as if they had
//! happened already. What nobody could know, such as a program that ends a moment later, is no breach.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::container::Container;
use super::fault::Fault;
use super::{CallId, Simulated};
use crate::desired::Protocol;
use crate::observed::{ContainerId, Health, Phase};
use crate::ownership::{ContainerIdentity, Source, TaskKey};
use crate::plan::{Action, Outcome};
use crate::value::{Attempt, ClusterName, ServiceName, Slot, Timestamp};

/// A call that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// When it was begun.
    pub at: Timestamp,
    /// Its number.
    pub call: CallId,
    /// What was asked for.
    pub action: Arc<Action>,
    /// What went wrong with it.
    pub fault: Option<Fault>,
    /// What the caller heard, once it has.
    pub outcome: Option<Outcome>,
}

/// What a service promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// So many healthy tasks no action of ours goes below.
    pub floor: u32,
    /// So many live tasks no action of ours goes above.
    pub ceiling: u32,
    /// A task without a health check counts as healthy when it has run for so long.
    pub settle: Duration,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violated {
    /// When the call began.
    pub at: Timestamp,
    /// The call.
    pub call: CallId,
    /// What is wrong with it.
    pub violation: Violation,
}

/// What is wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// It names an object that does not carry our labels.
    ForeignTouched {
        /// The id or name of the object.
        object: String,
    },
    /// It names an object of a source that is not among those allowed.
    OtherSourceTouched {
        /// The id or name of the object.
        object: String,
        /// The directory that declared it.
        source: Source,
    },
    /// It stops a healthy task although there are too few.
    BelowFloor {
        /// The task.
        task: Box<TaskKey>,
        /// How many healthy tasks are left.
        healthy: u32,
        /// How many there should be at least.
        floor: u32,
    },
    /// It starts a task although there are too many.
    AboveCeiling {
        /// The task.
        task: Box<TaskKey>,
        /// How many live tasks there are then.
        live: u32,
        /// How many there may be at most.
        ceiling: u32,
    },
    /// It starts a container whose double lives.
    TwoLive {
        /// What both their labels say.
        identity: Box<ContainerIdentity>,
    },
    /// It starts a container that asks for a host port that another one of ours holds.
    PortGivenTwice {
        /// The port on the host.
        port: u16,
        /// The transport protocol.
        protocol: Protocol,
    },
    /// It creates a container of an earlier attempt than one that exists.
    AttemptWentBack {
        /// The task.
        task: Box<TaskKey>,
        /// The latest attempt that exists.
        latest: Attempt,
    },
}

impl Simulated {
    /// Every call since the log was last cleared, in the order in which they were begun.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Forgets the log of writes.
    pub fn clear_writes(&mut self) {
        self.writes.clear();
    }

    /// Every broken promise so far.
    pub fn violations(&self) -> &[Violated] {
        &self.violations
    }

    /// The ids and names of the objects without our labels that any call has named.
    pub fn foreign_touched(&self) -> BTreeSet<&str> {
        let violations = self.violations.iter().map(|violated| &violated.violation);
        violations
            .filter_map(|violation| match violation {
                Violation::ForeignTouched { object } => Some(object.as_str()),
                Violation::OtherSourceTouched { .. }
                | Violation::BelowFloor { .. }
                | Violation::AboveCeiling { .. }
                | Violation::TwoLive { .. }
                | Violation::PortGivenTwice { .. }
                | Violation::AttemptWentBack { .. } => None,
            })
            .collect()
    }

    /// Says what a service promises from now on; `None` takes the promise back.
    pub fn set_guard(&mut self, cluster: &ClusterName, service: &ServiceName, guard: Option<Guard>) {
        let key = (cluster.clone(), service.clone());
        match guard {
            Some(guard) => self.guards.insert(key, guard),
            None => self.guards.remove(&key),
        };
    }

    /// Says whose objects may be touched; `None` allows those of every source.
    pub fn set_sources(&mut self, sources: Option<BTreeSet<Source>>) {
        self.sources = sources;
    }

    /// Forgets who was stopped by a call: whoever asked for it is gone, and nobody else can tell.
    pub fn forget_stops(&mut self) {
        self.containers.values_mut().for_each(|container| container.ended_by_call = false);
    }

    /// How many tasks of a service have a container that lives.
    pub fn live_tasks(&self, cluster: &ClusterName, service: &ServiceName) -> u32 {
        count(self.tasks(cluster, service).values().filter(|task| task.live))
    }

    /// How many tasks of a service are healthy: all their containers exist, and the essential ones run, without a health check for
    /// at least `settle`, with one healthy.
    pub fn healthy_tasks(&self, cluster: &ClusterName, service: &ServiceName, settle: Duration) -> u32 {
        count(self.tasks(cluster, service).values().filter(|task| task.is_healthy(self.now, settle)))
    }

    /// The tasks of a service, as its containers show them.
    fn tasks(&self, cluster: &ClusterName, service: &ServiceName) -> BTreeMap<&TaskKey, Task> {
        let key = |slot| (cluster.clone(), service.clone(), slot);
        let ids = self.slots.range(key(Slot(0))..=key(Slot(u32::MAX))).flat_map(|(_, ids)| ids);
        let mut tasks: BTreeMap<&TaskKey, Task> = BTreeMap::new();
        for container in ids.filter_map(|id| self.containers.get(id)) {
            if let Some(identity) = &container.identity {
                tasks.entry(&identity.task).or_default().add(container, identity);
            }
        }
        tasks
    }

    fn violate(&mut self, call: CallId, violation: Violation) {
        self.violations.push(Violated { at: self.now, call, violation });
    }

    /// Judges a call as it begins.
    pub(super) fn check_call(&mut self, call: CallId, action: &Action) {
        if let Some(violation) = self.check_owner(action) {
            self.violate(call, violation);
        }
        let violation = match action {
            Action::CreateContainer(new) => self.check_attempt(&new.identity),
            Action::StartContainer { id, .. } => {
                let id = id.clone();
                self.check_double(&id).or_else(|| self.check_ports(&id)).or_else(|| self.check_ceiling(&id))
            }
            Action::StopContainer { id, .. } | Action::RemoveContainer { id, .. } => self.check_floor(id),
            Action::CreateNetwork { .. }
            | Action::RemoveNetwork { .. }
            | Action::PullImage { .. }
            | Action::RemoveVolume { .. } => None,
        };
        if let Some(violation) = violation {
            self.violate(call, violation);
        }
    }

    /// Whether the object that a call names is one of ours, and of a source that is allowed.
    fn check_owner(&self, action: &Action) -> Option<Violation> {
        let (object, source) = match action {
            Action::StartContainer { id, .. }
            | Action::StopContainer { id, .. }
            | Action::RemoveContainer { id, .. } => {
                (&*id.0, self.containers.get(id)?.identity.as_ref().map(|identity| &identity.source))
            }
            Action::RemoveNetwork { id, .. } => {
                (&*id.0, self.networks.get(id)?.ours.as_ref().map(|network| &network.source))
            }
            Action::RemoveVolume { name, .. } => {
                (name.as_str(), self.volumes.get(name)?.ours.as_ref().map(|volume| &volume.source))
            }
            Action::CreateNetwork { .. } | Action::PullImage { .. } | Action::CreateContainer(_) => return None,
        };
        let object = object.to_owned();
        match source {
            None => Some(Violation::ForeignTouched { object }),
            Some(source) if self.sources.as_ref().is_some_and(|allowed| !allowed.contains(source)) => {
                Some(Violation::OtherSourceTouched { object, source: source.clone() })
            }
            Some(_) => None,
        }
    }

    fn check_attempt(&self, identity: &ContainerIdentity) -> Option<Violation> {
        let task = &identity.task;
        let others = self.in_slot_of(identity).filter_map(|container| container.identity.as_ref());
        let same = others.filter(|other| other.task.revision == task.revision && other.source == identity.source);
        let latest = same.map(|other| other.task.attempt).max()?;
        (latest > task.attempt).then(|| Violation::AttemptWentBack { task: Box::new(task.clone()), latest })
    }

    fn check_double(&self, id: &ContainerId) -> Option<Violation> {
        let identity = self.containers.get(id)?.identity.as_ref()?;
        let mut others = self.in_slot_of(identity).filter(|other| other.id != *id && will_live(other));
        let double = others.any(|other| {
            other.identity.as_ref().is_some_and(|o| o.task == identity.task && o.container == identity.container)
        });
        double.then(|| Violation::TwoLive { identity: Box::new(identity.clone()) })
    }

    fn check_ports(&mut self, id: &ContainerId) -> Option<Violation> {
        let container = self.containers.get_mut(id).filter(|container| !container.is_live())?;
        let wanted = container.static_ports();
        let source = container.identity.as_ref()?.source.clone();
        let held = wanted.into_iter().find(|port| {
            let holder = self.host_ports.get(port).and_then(|holder| self.containers.get(holder));
            holder.is_some_and(|holder| holder.identity.as_ref().is_some_and(|identity| identity.source == source))
        });
        held.map(|(port, protocol)| Violation::PortGivenTwice { port, protocol })
    }

    fn check_ceiling(&self, id: &ContainerId) -> Option<Violation> {
        let started = &self.containers.get(id)?.identity.as_ref()?.task;
        let guard = self.guards.get(&(started.cluster.clone(), started.service.clone()))?;
        let tasks = self.tasks(&started.cluster, &started.service);
        if tasks.get(started).is_some_and(|task| task.live) {
            return None;
        }
        let live = count(tasks.values().filter(|task| task.live)) + 1;
        let task = Box::new(started.clone());
        (live > guard.ceiling).then_some(Violation::AboveCeiling { task, live, ceiling: guard.ceiling })
    }

    fn check_floor(&self, id: &ContainerId) -> Option<Violation> {
        let stopped = &self.containers.get(id)?.identity.as_ref()?.task;
        let Guard { floor, settle, .. } = *self.guards.get(&(stopped.cluster.clone(), stopped.service.clone()))?;
        let tasks = self.tasks(&stopped.cluster, &stopped.service);
        if !tasks.get(stopped)?.is_healthy(self.now, settle) {
            return None;
        }
        let healthy = count(tasks.values().filter(|task| task.is_healthy(self.now, settle))).saturating_sub(1);
        let task = Box::new(stopped.clone());
        (healthy < floor).then_some(Violation::BelowFloor { task, healthy, floor })
    }
}

/// What the containers of a task come to.
#[derive(Debug, Default)]
struct Task {
    /// How many containers it should have.
    wanted: u32,
    exist: u32,
    live: bool,
    /// Whether an essential container is not well, or is about to be stopped.
    failing: bool,
    /// The latest start of an essential container without a health check.
    settling_since: Option<Timestamp>,
}

impl Task {
    fn add(&mut self, container: &Container, identity: &ContainerIdentity) {
        self.wanted = identity.containers;
        self.exist += 1;
        self.live |= will_live(container);
        // A task of which one container was stopped is on its way out.
        self.failing |= container.ended_by_call;
        if !identity.essential {
            return;
        }
        let well = match container.health {
            Health::None | Health::Healthy => container.is_running() && container.stops_begun == 0,
            Health::Starting | Health::Unknown | Health::Unhealthy => false,
        };
        self.failing |= !well;
        if let (Phase::Running { started_at }, Health::None) = (&container.phase, container.health) {
            self.settling_since = self.settling_since.max(Some(*started_at));
        }
    }

    fn is_healthy(&self, now: Timestamp, settle: Duration) -> bool {
        let settled = self.settling_since.is_none_or(|since| now.since(since) >= settle);
        self.exist >= self.wanted && !self.failing && settled
    }
}

/// Whether a container lives, or has been asked to.
fn will_live(container: &Container) -> bool {
    container.is_live() || container.starts_begun > 0
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
