//! A container of the simulated engine: what is true of it, and how a list and an inspection show it.

use std::sync::Arc;
use std::time::Duration;

use super::CallId;
use super::behaviour::Behaviour;
use super::timers::TimerKey;
use crate::desired::{CheckMethod, CheckSpec, ContainerSpec, PortMapping, Protocol};
use crate::engine::LogChunk;
use crate::observed::{ContainerId, Health, NetworkId, ObservedContainer, Phase, PublishedPort};
use crate::ownership::{ContainerIdentity, RecordedSpec, task_volume_name};
use crate::value::Timestamp;

/// A container, ours or somebody else's.
#[derive(Debug, Clone)]
pub(super) struct Container {
    pub(super) id: ContainerId,
    pub(super) name: String,
    /// What its labels say; `None` when it is somebody else's and never shown.
    pub(super) identity: Option<ContainerIdentity>,
    pub(super) spec_text: Option<RecordedSpec>,
    /// The spec behind the text; of a seeded container it is read when it is first needed.
    pub(super) spec: Option<Arc<ContainerSpec>>,
    /// The host ports that it asks for when it is not made from a spec.
    pub(super) bindings: Vec<PortMapping>,
    pub(super) behaviour: Arc<Behaviour>,
    /// What its program has written.
    pub(super) written: Vec<LogChunk>,
    pub(super) created_at: Timestamp,
    /// Never one of the phases that only a list shows.
    pub(super) phase: Phase,
    pub(super) health: Health,
    pub(super) ports: Vec<PublishedPort>,
    /// The network that it joins when it starts.
    pub(super) network: Option<NetworkId>,
    /// When it was last started.
    pub(super) started_at: Timestamp,
    /// How many health checks have failed in a row.
    pub(super) checks_failed: u32,
    /// Whether its checks fail whatever its behaviour says.
    pub(super) made_unhealthy: bool,
    /// Whether its readiness checks fail whatever its behaviour says.
    pub(super) made_unready: bool,
    /// What a list goes on to show after its end, and until when.
    pub(super) late: Option<(Timestamp, Box<Late>)>,
    pub(super) verdict: Option<TimerKey>,
    pub(super) end: Option<TimerKey>,
    /// What is left of its run, while it is paused.
    pub(super) run_left: Option<(Duration, super::timers::Ending)>,
    /// The calls that wait for its end.
    pub(super) stop_calls: Vec<CallId>,
    /// Whether it ended because a call asked it to.
    pub(super) ended_by_call: bool,
    /// How many starts of it have begun and not ended.
    pub(super) starts_begun: u32,
    /// How many stops and removals of it have begun and not ended.
    pub(super) stops_begun: u32,
}

/// When the health of a container is checked, and what its failures mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checking {
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) retries: u32,
    pub(super) start_period: Duration,
}

/// What a list goes on to show of a container that has ended.
#[derive(Debug, Clone)]
pub(super) struct Late {
    phase: Phase,
    health: Health,
    ports: Vec<PublishedPort>,
}

impl Container {
    /// A container that has just been created.
    pub(super) fn new(id: ContainerId, name: String, created_at: Timestamp, behaviour: Arc<Behaviour>) -> Self {
        Self {
            id,
            name,
            identity: None,
            spec_text: None,
            spec: None,
            bindings: Vec::new(),
            behaviour,
            written: Vec::new(),
            created_at,
            phase: Phase::Created,
            health: Health::None,
            ports: Vec::new(),
            network: None,
            started_at: created_at,
            checks_failed: 0,
            made_unhealthy: false,
            made_unready: false,
            late: None,
            verdict: None,
            end: None,
            run_left: None,
            stop_calls: Vec::new(),
            ended_by_call: false,
            starts_begun: 0,
            stops_begun: 0,
        }
    }

    /// Whether its program lives, frozen or not.
    pub(super) fn is_live(&self) -> bool {
        match self.phase {
            Phase::Running { .. } | Phase::Paused => true,
            Phase::CreatedOrFailed
            | Phase::Created
            | Phase::StartFailed { .. }
            | Phase::Exited { .. }
            | Phase::Removing => false,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.is_live() && self.phase != Phase::Paused
    }

    /// The spec, as far as there is one that can be read.
    pub(super) fn read_spec(&mut self) -> Option<&Arc<ContainerSpec>> {
        if self.spec.is_none() {
            self.spec = self.spec_text.as_ref().and_then(RecordedSpec::read).cloned();
        }
        self.spec.as_ref()
    }

    /// When its health is checked by the engine; `None` when it is not.
    pub(super) fn health_check(&mut self) -> Option<Checking> {
        let check = self.read_spec()?.health_check.as_ref()?;
        let CheckSpec { method, interval, timeout, retries, start_period } = check;
        let command = match method {
            CheckMethod::Command(command) => command,
            CheckMethod::Probe(_) => return None,
        };
        let seconds = |count: u32| Duration::from_secs(count.into());
        (command.first().is_none_or(|first| first != "NONE")).then(|| Checking {
            interval: seconds((*interval).max(1)),
            timeout: seconds(*timeout),
            retries: (*retries).max(1),
            start_period: seconds(*start_period),
        })
    }

    /// Whether it is asked over the network for its health.
    pub(super) fn is_probed(&mut self) -> bool {
        self.read_spec().is_some_and(|spec| spec.health_probe().is_some())
    }

    /// The ports that it asks for: container port, host port or 0, protocol.
    pub(super) fn port_mappings(&mut self) -> Vec<PortMapping> {
        match self.read_spec() {
            Some(spec) => spec.port_mappings.clone(),
            None => self.bindings.clone(),
        }
    }

    pub(super) fn static_ports(&mut self) -> Vec<(u16, Protocol)> {
        self.port_mappings().into_iter().filter_map(PortMapping::static_host_port).collect()
    }

    /// Whether it has the volume of this name on the host.
    pub(super) fn uses_volume(&mut self, name: &str) -> bool {
        let Some(task) = self.identity.as_ref().map(|identity| identity.task.clone()) else { return false };
        self.read_spec().is_some_and(|spec| {
            spec.mount_points.iter().any(|mount| match &mount.volume {
                crate::desired::VolumeSpec::Host { .. } => false,
                crate::desired::VolumeSpec::Task { .. } => task_volume_name(&task, &mount.source_volume) == name,
                crate::desired::VolumeSpec::Shared { .. } => mount.source_volume.as_str() == name,
            })
        })
    }

    /// Remembers what a list goes on to show until `until`.
    pub(super) fn be_late_until(&mut self, until: Timestamp) {
        let late = Late { phase: self.phase.clone(), health: self.health, ports: self.ports.clone() };
        self.late = Some((until, Box::new(late)));
    }

    /// What an inspection shows: the truth. `None` when it is somebody else's.
    pub(super) fn inspected(&self) -> Option<ObservedContainer> {
        Some(ObservedContainer {
            health_output: self.sickness(),
            id: self.id.clone(),
            name: self.name.clone(),
            identity: self.identity.clone()?,
            spec: self.spec_text.clone(),
            phase: self.phase.clone(),
            health: self.health,
            readiness: Health::None,
            readiness_output: None,
            address: None,
            created_at: self.created_at,
            ports: self.ports.clone(),
        })
    }

    /// What a list shows: late, and coarse.
    pub(super) fn listed(&self, now: Timestamp) -> Option<ObservedContainer> {
        let (phase, health, ports) = match &self.late {
            Some((until, late)) if now < *until => (&late.phase, late.health, &late.ports),
            Some(_) | None => (&self.phase, self.health, &self.ports),
        };
        let (phase, health) = match phase {
            Phase::CreatedOrFailed | Phase::Created | Phase::StartFailed { .. } => (Phase::CreatedOrFailed, health),
            Phase::Running { started_at } => (Phase::Running { started_at: latest_start(*started_at, now) }, health),
            // A list says of a frozen program that it is frozen, and nothing of its health.
            Phase::Paused => (Phase::Paused, Health::None),
            Phase::Exited { .. } => (Phase::Exited { exit: None }, Health::None),
            Phase::Removing => (Phase::Removing, Health::None),
        };
        Some(ObservedContainer {
            health_output: None,
            id: self.id.clone(),
            name: self.name.clone(),
            identity: self.identity.clone()?,
            spec: self.spec_text.clone(),
            phase,
            health,
            readiness: Health::None,
            readiness_output: None,
            address: None,
            created_at: Timestamp(self.created_at.0.div_euclid(1000) * 1000),
            ports: ports.clone(),
        })
    }
}

/// The latest start of which a list says the same: it tells how long a container has been up in words such as `Up 5 minutes`.
fn latest_start(started_at: Timestamp, now: Timestamp) -> Timestamp {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let up = now.since(started_at).as_secs();
    let at_least = match up {
        0..MINUTE => up,
        MINUTE..HOUR => up / MINUTE * MINUTE,
        // Hours are rounded, days and more are cut off from rounded hours.
        HOUR.. => {
            let hours = (up + HOUR / 2) / HOUR;
            if hours < 48 { (hours * HOUR - HOUR / 2).max(HOUR) } else { hours / 24 * DAY - HOUR / 2 }
        }
    };
    now.before(Duration::from_secs(at_least.min(up)))
}
