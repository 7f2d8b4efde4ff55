//! A story: services, what becomes of them, and what goes wrong meanwhile. It is data, and reads like a story.

use std::fmt;
use std::time::Duration;

use reconcile::desired::Condition;
use reconcile::engine::simulated::{Behaviour, CallKind, Checks, Fault, Image, Pace, Run, Start, Stop};

use super::by_hand::Asking;
use super::hooks::Hooks;

/// How many versions the task definition of a service has.
pub(super) const VERSIONS: usize = 3;

/// The names of the services of a story.
pub(super) const SERVICES: [&str; 4] = ["web", "api", "jobs", "mail"];

/// The names of the clusters of a story.
pub(super) const CLUSTERS: [&str; 2] = ["shop", "office"];

/// Everything that happens between the first look and the calm at the end.
#[derive(Debug, Clone)]
pub(super) struct Story {
    pub(super) seed: u64,
    pub(super) services: Vec<Draft>,
    pub(super) events: Vec<Event>,
    pub(super) pace: Pace,
    /// How many actions of each lane may be under way.
    pub(super) lanes: usize,
    /// The memory of the host, in MiB; `None` is more than anybody wants.
    pub(super) host_memory: Option<u32>,
}

/// A service as the manifests of a story ask for it.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) cluster: usize,
    /// Whether the manifests ask for it at all.
    pub(super) wanted: bool,
    pub(super) count: Option<u32>,
    pub(super) minimum: u32,
    pub(super) maximum: u32,
    /// Whether a deployment that fails is rolled back; without one it is tried for ever.
    pub(super) breaker: Option<bool>,
    pub(super) grace_secs: u64,
    pub(super) version: usize,
    pub(super) shape: Shape,
    pub(super) versions: [Version; VERSIONS],
    pub(super) hooks: Hooks,
}

/// What the task definition of a service is made of, in every version.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// Whether each container beyond the first is essential.
    pub(super) sidecars: Vec<bool>,
    /// The seconds between two health checks, and how many may fail.
    pub(super) checks: Option<(u32, u32)>,
    pub(super) static_port: Option<u16>,
    pub(super) dynamic_port: bool,
    pub(super) task_volume: bool,
    pub(super) shared_volume: bool,
    pub(super) stop_timeout_secs: u32,
    /// Whether the containers that are not essential end by themselves.
    pub(super) sidecars_end: bool,
    /// Who waits for whom, and for what. The first container has number 0.
    pub(super) order: Vec<Edge>,
    /// Whether what ends by itself ends with exit code 1.
    pub(super) ends_badly: bool,
    /// For how many seconds others wait for a container.
    pub(super) start_timeout: Option<u32>,
    /// The memory that each task reserves, in MiB.
    pub(super) memory: u32,
}

/// The container `from` depends on the container `on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) on: usize,
    pub(super) condition: Condition,
}

impl Shape {
    /// Whether a container ends by itself.
    pub(super) fn ends(&self, number: usize) -> bool {
        number > 0 && self.sidecars_end && !self.sidecars[number - 1]
    }

    /// Whether every condition can be met in time.
    pub(super) fn order_can_be_met(&self) -> bool {
        self.order.iter().all(|edge| match edge.condition {
            Condition::Start | Condition::Complete => true,
            Condition::Success => !self.ends_badly,
            Condition::Healthy => self.start_timeout.is_none_or(|timeout| timeout > 10),
        })
    }
}

/// How one version of a task definition behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) behaviour: Behaviour,
    pub(super) image: Image,
}

impl Version {
    /// Whether its tasks come up and stay up.
    pub(super) fn is_well(&self, checked: bool) -> bool {
        let Behaviour { start, run, health, .. } = &self.behaviour;
        *start == Start::Ok
            && *run == Run::Forever
            && (!checked || *health == Checks::Healthy)
            && self.image != Image::Missing
    }
}

/// What happens to hints on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hints {
    InTime,
    Late,
    Twice,
    Lost,
}

/// What a person does to a container of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Kill,
    Crash,
    RunOutOfMemory,
    Stop,
    Start,
    Remove,
    Pause,
    Unpause,
    Sicken,
}

/// What somebody else puts on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stranger {
    /// A container with one of our names and no label.
    Namesake,
    /// A container with one of our names and some of our labels.
    HalfLabelled,
    /// A complete container of another source in our cluster.
    OtherSource,
    /// A network that says it is of our cluster, made by another source.
    Network,
    /// A container that holds a static port.
    PortHolder,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Pass(Duration),
    SetVersion(usize, usize),
    SetCount(usize, u32),
    SetPercents(usize, u32, u32),
    SetGrace(usize, u64),
    Remove(usize),
    Return(usize),
    MoveCheckout,
    Crash(Duration),
    RestartEngine { live_restore: bool },
    Unreachable(Duration),
    Fault(CallKind, Fault),
    FaultNext(Fault),
    FailQuestions(u32),
    SlowAnswers(Duration),
    Hints(Hints),
    Meddle(usize, Deed),
    RemoveNetwork,
    Stranger(Stranger, usize),
    Ask(usize, Asking),
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Story {:#x}: {} actions at most in each lane, a start takes {:?}.",
            self.seed, self.lanes, self.pace.start
        )?;
        if let Some(memory) = self.host_memory {
            writeln!(f, "  The host has {memory} MiB.")?;
        }
        for (index, draft) in self.services.iter().enumerate() {
            writeln!(f, "  {}: {draft}", SERVICES[index])?;
        }
        for (number, event) in self.events.iter().enumerate() {
            writeln!(f, "  {:2}. {event}", number + 1)?;
        }
        writeln!(f, "  Then everything is calm.")
    }
}

impl fmt::Display for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, wanted, count, minimum, maximum, breaker, grace_secs, version, shape, versions, hooks } =
            self;
        if !wanted {
            f.write_str("not wanted at first; ")?;
        }
        match count {
            Some(count) => write!(f, "{count} tasks")?,
            None => f.write_str("as many tasks as there are")?,
        }
        write!(f, " in {}, {minimum}/{maximum} percent, grace {grace_secs} s, version {version}", CLUSTERS[*cluster])?;
        match breaker {
            Some(true) => f.write_str(", rolled back when it fails")?,
            Some(false) => f.write_str(", given up when it fails")?,
            None => {}
        }
        write!(f, "{hooks}")?;
        let Shape {
            sidecars,
            checks,
            static_port,
            dynamic_port,
            task_volume,
            shared_volume,
            stop_timeout_secs,
            sidecars_end,
            order,
            ends_badly,
            start_timeout,
            memory,
        } = shape;
        if *memory > 0 {
            write!(f, ", {memory} MiB each")?;
        }
        for essential in sidecars {
            f.write_str(if *essential { ", an essential sidecar" } else { ", a sidecar" })?;
        }
        for Edge { from, on, condition } in order {
            write!(f, ", {from} waits for {on} ({})", condition.as_str())?;
        }
        if let Some(timeout) = start_timeout {
            write!(f, ", start timeout {timeout} s")?;
        }
        if *ends_badly {
            write!(f, ", what ends fails")?;
        }
        if *sidecars_end {
            f.write_str(" that ends by itself")?;
        }
        if let Some((interval, retries)) = checks {
            write!(f, ", checked every {interval} s with {retries} retries")?;
        }
        if let Some(port) = static_port {
            write!(f, ", on port {port}")?;
        }
        for (has, what) in [
            (dynamic_port, "a dynamic port"),
            (task_volume, "a volume of the task"),
            (shared_volume, "a shared volume"),
        ] {
            if *has {
                write!(f, ", {what}")?;
            }
        }
        write!(f, ", stop timeout {stop_timeout_secs} s")?;
        for (number, version) in versions.iter().enumerate() {
            write!(f, "; version {number} {version}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Behaviour { start, run, health, stop, log: _, readiness: _ } = &self.behaviour;
        match start {
            Start::Ok => {}
            Start::BadCommand => return f.write_str("cannot be started"),
            Start::EngineLeaves => return f.write_str("is left by the engine as it starts"),
        }
        match run {
            Run::Forever => f.write_str("runs")?,
            Run::Exits { code, after } => write!(f, "exits with {code} after {after:?}")?,
            Run::Oom { after } => write!(f, "runs out of memory after {after:?}")?,
        }
        match health {
            Checks::Healthy => {}
            Checks::Never => f.write_str(", never healthy")?,
            Checks::Flaps(period) => write!(f, ", flapping every {period:?}")?,
            Checks::SickAfter(after) => write!(f, ", sick after {after:?}")?,
            Checks::HealthyAfter(after) => write!(f, ", healthy after {after:?}")?,
            Checks::Hang => f.write_str(", checks hang")?,
        }
        match stop {
            Stop::Prompt => {}
            Stop::IgnoresTerm => f.write_str(", ignores SIGTERM")?,
            Stop::Slow(after) => write!(f, ", takes {after:?} to stop")?,
        }
        match self.image {
            Image::Present => Ok(()),
            Image::Pullable => f.write_str(", to be pulled"),
            Image::Missing => f.write_str(", in no registry"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(time) => write!(f, "{time:?} pass."),
            Self::SetVersion(service, version) => write!(f, "{} changes to version {version}.", SERVICES[*service]),
            Self::SetCount(service, count) => write!(f, "{} is to have {count} tasks.", SERVICES[*service]),
            Self::SetPercents(service, minimum, maximum) => {
                write!(f, "{} gets {minimum}/{maximum} percent.", SERVICES[*service])
            }
            Self::SetGrace(service, seconds) => write!(f, "{} gets a grace period of {seconds} s.", SERVICES[*service]),
            Self::Remove(service) => write!(f, "Nobody wants {} any more.", SERVICES[*service]),
            Self::Return(service) => write!(f, "{} is wanted again.", SERVICES[*service]),
            Self::MoveCheckout => f.write_str("The checkout moves, and takes over what it had declared."),
            Self::Crash(pause) => write!(f, "The reconciler is killed, and another one begins {pause:?} later."),
            Self::RestartEngine { live_restore: true } => f.write_str("The engine restarts; programs live on."),
            Self::RestartEngine { live_restore: false } => f.write_str("The engine restarts; every program ends."),
            Self::Unreachable(time) => write!(f, "The engine cannot be reached for {time:?}."),
            Self::Fault(kind, fault) => write!(f, "The next {kind:?}: {fault:?}."),
            Self::FaultNext(fault) => write!(f, "The next call: {fault:?}."),
            Self::FailQuestions(count) => write!(f, "The next {count} questions get no answer."),
            Self::SlowAnswers(time) => write!(f, "Answers to questions take up to {time:?} from now on."),
            Self::Hints(Hints::InTime) => f.write_str("Hints come in time from now on."),
            Self::Hints(Hints::Late) => f.write_str("Hints come late from now on."),
            Self::Hints(Hints::Twice) => f.write_str("Hints come twice from now on."),
            Self::Hints(Hints::Lost) => f.write_str("Hints are lost from now on."),
            Self::Meddle(which, deed) => {
                write!(f, "Somebody does this to container {which} of those there are: {deed:?}.")
            }
            Self::RemoveNetwork => f.write_str("Somebody removes a network."),
            Self::Stranger(stranger, service) => {
                write!(f, "Somebody puts up, beside {}: {stranger:?}.", SERVICES[*service])
            }
            Self::Ask(service, asking) => write!(f, "Somebody asks {} to {asking}.", SERVICES[*service]),
        }
    }
}
