//! The checks that we do ourselves, over the network: when each is due, and what a series of answers means.
//!
//! Pure. The shell asks ([`crate::probe`]), this decides. The rules are those of Docker's own checks, and with them ECS's:
//!
//! - `retries` failures in a row make a container unhealthy, and one success makes it healthy again.
//! - Until the first success, failures before the end of `startPeriod` do not count; and the first failure that counts is that of a
//!   check `interval` after the start, the next one `interval` later.
//! - The next check follows `interval` after the last one began.
//!
//! Docker leaves a container alone for a whole interval after its start. A check over the network costs next to nothing, so until the
//! first success it is tried every second: such a try can only find the container well.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::FixedState;

use crate::desired::{CheckSpec, Probe, Protocol};
use crate::manifest::NetworkMode;
use crate::observed::{ContainerId, Health, NetworkAddress, ObservedContainer, ObservedState, Phase, PublishedPort};
use crate::value::Timestamp;

/// How often is tried until the first success.
const QUICK: Duration = Duration::from_secs(1);

/// How long is waited for the address of a container that has just been started.
const ADDRESS_PAUSE: Duration = Duration::from_millis(20);

/// What a check is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Whether the container is well: when it is not, its task is replaced.
    Health,
    /// Whether the container can do its work now: when it cannot, others wait.
    Readiness,
}

impl Purpose {
    /// Writes a verdict where it belongs.
    pub fn write(self, container: &mut ObservedContainer, health: Health, output: Option<String>) {
        match self {
            Self::Health => (container.health, container.health_output) = (health, output),
            Self::Readiness => (container.readiness, container.readiness_output) = (health, output),
        }
    }
}

/// Where a container is to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the host's own network.
    Host,
    /// At an address of its own.
    Network(NetworkAddress),
    /// The engine names no address.
    Unknown,
}

/// Something to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Which container.
    pub container: ContainerId,
    /// What for.
    pub purpose: Purpose,
    /// What to ask.
    pub probe: Arc<Probe>,
    /// After how long without an answer it has failed.
    pub timeout: Duration,
    /// Where the container is.
    pub place: Place,
    /// The port of the host at which the probed port is published.
    pub published: Option<u16>,
    /// Which of our questions it is: the answer to one about an earlier life of the container says nothing.
    pub number: u64,
    /// When it was asked.
    pub at: Timestamp,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// All is well.
    Success,
    /// Not so: what was asked and what was answered, in a sentence.
    Failure(String),
    /// The container cannot be asked from here, which says nothing about it: why, and what to do.
    Unreachable(String),
}

/// What is known of one check of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What the answers so far mean.
    pub health: Health,
    /// What the last failure said.
    pub output: Option<String>,
}

/// The checks of one container over the network.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Probes {
    health: Option<CheckSpec<Arc<Probe>>>,
    readiness: Option<CheckSpec<Arc<Probe>>>,
    /// How the container is connected.
    mode: NetworkMode,
}

impl Probes {
    fn read(container: &ObservedContainer) -> Option<Self> {
        // Reading a spec is dear where hundreds are listed, and few have such a check.
        let spec = container.read_spec_with(&["\"httpGet\"", "\"tcpSocket\"", "\"grpc\""])?;
        let shared = |check: &CheckSpec<_>, probe: &Probe| {
            let &CheckSpec { method: _, interval, timeout, retries, start_period } = check;
            CheckSpec { method: Arc::new(probe.clone()), interval, timeout, retries, start_period }
        };
        let health = spec.health_check.as_ref().and_then(|check| Some(shared(check, check.method.probe()?)));
        let readiness = spec.readiness_check.as_ref().map(|check| {
            let &CheckSpec { ref method, interval, timeout, retries, start_period } = check;
            CheckSpec { method: Arc::new(method.clone()), interval, timeout, retries, start_period }
        });
        (health.is_some() || readiness.is_some()).then_some(Self { health, readiness, mode: spec.task.network_mode })
    }

    fn of(&self, purpose: Purpose) -> Option<&CheckSpec<Arc<Probe>>> {
        match purpose {
            Purpose::Health => self.health.as_ref(),
            Purpose::Readiness => self.readiness.as_ref(),
        }
    }
}

/// The answers to one check of one container, from one start of it to its end.
#[derive(Debug, Clone)]
struct Series {
    check: CheckSpec<Arc<Probe>>,
    started_at: Timestamp,
    verdict: Verdict,
    /// How many failures in a row have counted.
    failures: u32,
    /// Before the first success, failures of earlier questions do not count.
    counts_from: Timestamp,
    due: Timestamp,
    /// The number of the question that is under way.
    asked: Option<u64>,
}

impl Series {
    fn new(check: &CheckSpec<Arc<Probe>>, health: Health, started_at: Timestamp, at: Timestamp) -> Self {
        let counts_from = started_at.after(seconds(check.interval)).max(at);
        let verdict = Verdict { health, output: None };
        Self { check: check.clone(), started_at, verdict, failures: 0, counts_from, due: at, asked: None }
    }

    fn interval(&self) -> Duration {
        seconds(self.check.interval.max(1))
    }

    /// Whether it has come to no verdict yet.
    fn is_open(&self) -> bool {
        match self.verdict.health {
            Health::None | Health::Starting | Health::Unknown => true,
            Health::Healthy | Health::Unhealthy => false,
        }
    }

    /// Takes in the answer to what was asked at `asked_at`.
    fn record(&mut self, asked_at: Timestamp, answer: &Answer) {
        match answer {
            Answer::Success => {
                self.failures = 0;
                self.verdict = Verdict { health: Health::Healthy, output: None };
            }
            Answer::Failure(output) => {
                self.verdict.output = Some(output.clone());
                let in_start_period = asked_at.since(self.started_at) < seconds(self.check.start_period);
                if self.is_open() && (in_start_period || asked_at < self.counts_from) {
                    return;
                }
                self.failures = self.failures.saturating_add(1);
                self.counts_from = asked_at.after(self.interval());
                if self.failures >= self.check.retries.max(1) {
                    self.verdict.health = Health::Unhealthy;
                }
            }
            // It may be well and it may not; what was known of it is all that is known.
            Answer::Unreachable(output) => {
                self.verdict.output = Some(output.clone());
                if self.verdict.health == Health::Starting {
                    self.verdict.health = Health::Unknown;
                }
            }
        }
    }

    /// When the next question is due after one that was asked at `asked_at` and answered at `at`.
    fn next_due(&self, was_open: bool, asked_at: Timestamp, at: Timestamp, spread: f64) -> Timestamp {
        let interval = self.interval();
        if self.is_open() {
            let quick = asked_at.after(interval.min(QUICK));
            let counted = Some(self.counts_from).filter(|counted| *counted > asked_at);
            return counted.map_or(quick, |counted| quick.min(counted)).max(at);
        }
        // Containers that were started together are not checked together for ever.
        let pause = if was_open { interval.mul_f64(spread) } else { interval };
        asked_at.after(pause).max(at)
    }
}

/// The checks of all containers.
#[derive(Debug, Clone, Default)]
pub struct Rounds {
    /// What each container's spec says of checks over the network; most say nothing.
    known: BTreeMap<ContainerId, Option<Arc<Probes>>>,
    series: BTreeMap<(ContainerId, Purpose), Series>,
    queue: BTreeSet<(Timestamp, ContainerId, Purpose)>,
    /// What somebody else has found out before us.
    remembered: BTreeMap<(ContainerId, Purpose), Verdict>,
    /// What was wrong with containers that were unhealthy as they ended: the engine does not know.
    sick_ends: BTreeMap<ContainerId, String>,
    asked: u64,
}

impl Rounds {
    fn probes(&mut self, container: &ObservedContainer) -> Option<Arc<Probes>> {
        let known = self.known.entry(container.id.clone());
        known.or_insert_with(|| Probes::read(container).map(Arc::new)).clone()
    }

    /// Adds to what the engine shows of a container what we have found out. `is_new` when it was just started: otherwise, whatever
    /// is not known yet, it may have been well for long.
    pub fn complete(&mut self, container: &mut ObservedContainer, is_new: bool, at: Timestamp) {
        let Some(probes) = self.probes(container) else { return };
        match &mut container.phase {
            Phase::Running { started_at } => {
                let started_at = *started_at;
                let first = if is_new { Health::Starting } else { Health::Unknown };
                if is_new {
                    self.drop_series(&container.id);
                }
                self.sick_ends.remove(&container.id);
                for purpose in [Purpose::Health, Purpose::Readiness] {
                    if let Some(check) = probes.of(purpose) {
                        self.follow(&container.id, purpose, check, (first, started_at, at));
                    }
                }
                self.show(container);
            }
            // Nobody answers who is frozen; what was found out before holds when it is thawed.
            Phase::Paused | Phase::CreatedOrFailed | Phase::Created | Phase::StartFailed { .. } | Phase::Removing => {}
            Phase::Exited { exit } => {
                self.end(&container.id);
                if let Some(exit) = exit
                    && exit.health_output.is_none()
                {
                    exit.health_output = self.sick_ends.get(&container.id).cloned();
                }
            }
        }
    }

    fn follow(
        &mut self,
        id: &ContainerId,
        purpose: Purpose,
        check: &CheckSpec<Arc<Probe>>,
        (first, started_at, at): (Health, Timestamp, Timestamp),
    ) {
        if self.series.contains_key(&(id.clone(), purpose)) {
            return;
        }
        let mut series = Series::new(check, first, started_at, at);
        if let Some(verdict) = self.remembered.remove(&(id.clone(), purpose)) {
            series.verdict = verdict;
        }
        self.queue.insert((at, id.clone(), purpose));
        self.series.insert((id.clone(), purpose), series);
    }

    /// Takes over what somebody else has found out about containers that run.
    pub fn remember(&mut self, observed: &ObservedState) {
        for (id, container) in &observed.containers {
            let ObservedContainer { health, health_output, readiness, readiness_output, .. } = container;
            let verdicts =
                [(Purpose::Health, *health, health_output), (Purpose::Readiness, *readiness, readiness_output)];
            for (purpose, health, output) in verdicts {
                if matches!(health, Health::Healthy | Health::Unhealthy) {
                    self.remembered.insert((id.clone(), purpose), Verdict { health, output: output.clone() });
                }
            }
        }
    }

    /// Whether a container is checked over the network.
    pub fn checks(&mut self, container: &ObservedContainer) -> bool {
        self.probes(container).is_some()
    }

    /// Writes the verdicts on a container.
    fn show(&self, container: &mut ObservedContainer) {
        let of = |purpose| self.series.get(&(container.id.clone(), purpose)).map(|series| series.verdict.clone());
        let (health, readiness) = (of(Purpose::Health), of(Purpose::Readiness));
        // What an engine says of its own accord counts: that it starts the container again and again.
        if let Some(Verdict { health, output }) = health
            && container.health != Health::Unhealthy
        {
            Purpose::Health.write(container, health, output);
        }
        if let Some(Verdict { health, output }) = readiness {
            Purpose::Readiness.write(container, health, output);
        }
    }

    /// The container does not run any more.
    fn end(&mut self, id: &ContainerId) {
        let series = self.series.get(&(id.clone(), Purpose::Health));
        if let Some(series) = series.filter(|series| series.verdict.health == Health::Unhealthy) {
            self.sick_ends.insert(id.clone(), series.verdict.output.clone().unwrap_or_default());
        }
        self.drop_series(id);
    }

    fn drop_series(&mut self, id: &ContainerId) {
        for purpose in [Purpose::Health, Purpose::Readiness] {
            if let Some(series) = self.series.remove(&(id.clone(), purpose)) {
                self.queue.remove(&(series.due, id.clone(), purpose));
            }
        }
    }

    /// The container does not exist any more.
    pub fn forget(&mut self, id: &ContainerId) {
        self.drop_series(id);
        self.known.remove(id);
        self.sick_ends.remove(id);
    }

    /// When the next question is due. Those about which `matters` says no are left out: nobody would learn anything from them.
    pub fn next_at(&self, matters: impl Fn(&ContainerId, Purpose, Health) -> bool) -> Option<Timestamp> {
        let mut queue = self.queue.iter();
        let of =
            |id: &ContainerId, purpose| self.series.get(&(id.clone(), purpose)).map(|series| series.verdict.health);
        let next = queue.find(|(_, id, purpose)| of(id, *purpose).is_some_and(|health| matters(id, *purpose, health)));
        next.map(|(at, ..)| *at)
    }

    /// Whose turn it is at `at`: the next question that is due.
    pub fn next_due(&self, at: Timestamp) -> Option<(ContainerId, Purpose)> {
        self.queue.first().filter(|(due, ..)| *due <= at).map(|(_, id, purpose)| (id.clone(), *purpose))
    }

    /// The port that is asked, and how the container is connected.
    pub fn way_to(&self, id: &ContainerId, purpose: Purpose) -> Option<(u16, NetworkMode)> {
        let probes = self.known.get(id)?.as_ref()?;
        Some((probes.of(purpose)?.method.port(), probes.mode))
    }

    /// Puts a question off whose address is on its way.
    pub fn put_off(&mut self, id: &ContainerId, purpose: Purpose, at: Timestamp) {
        self.plan(id, purpose, at.after(ADDRESS_PAUSE));
    }

    fn plan(&mut self, id: &ContainerId, purpose: Purpose, due: Timestamp) {
        let Some(series) = self.series.get_mut(&(id.clone(), purpose)) else { return };
        self.queue.remove(&(series.due, id.clone(), purpose));
        series.due = due;
        self.queue.insert((due, id.clone(), purpose));
    }

    /// Asks a question. It is not due again before its answer is there.
    pub fn ask(
        &mut self,
        (id, purpose): (&ContainerId, Purpose),
        (place, published): (Place, Option<u16>),
        at: Timestamp,
    ) -> Option<Question> {
        self.asked += 1;
        let number = self.asked;
        let series = self.series.get_mut(&(id.clone(), purpose))?;
        self.queue.remove(&(series.due, id.clone(), purpose));
        series.asked = Some(number);
        Some(Question {
            container: id.clone(),
            purpose,
            probe: series.check.method.clone(),
            timeout: seconds(series.check.timeout),
            place,
            published,
            number,
            at: series.due.max(at.before(series.interval())),
        })
    }

    /// Whatever was asked and has had no answer is due again.
    pub fn ask_again(&mut self, at: Timestamp) {
        for ((id, purpose), series) in self.series.iter_mut().filter(|(_, series)| series.asked.is_some()) {
            (series.asked, series.due) = (None, at);
            self.queue.insert((at, id.clone(), *purpose));
        }
    }

    /// A question that cannot be asked: its container does not run.
    pub fn skip(&mut self, id: &ContainerId) {
        self.end(id);
    }

    /// Takes in an answer; returns the verdict when it is another one than before.
    pub fn record(&mut self, question: &Question, answer: &Answer, at: Timestamp) -> Option<Verdict> {
        let Question { container, purpose, number, at: asked_at, .. } = question;
        let series = self.series.get_mut(&(container.clone(), *purpose))?;
        if series.asked != Some(*number) {
            return None;
        }
        series.asked = None;
        let (before, was_open) = (series.verdict.clone(), series.is_open());
        series.record(*asked_at, answer);
        let due = series.next_due(was_open, *asked_at, at, spread(container, *purpose));
        let verdict = series.verdict.clone();
        self.plan(container, *purpose, due);
        (verdict != before).then_some(verdict)
    }
}

/// The container that has the address of a container: itself, or the one that has that of its whole task.
pub fn holder_of_address<'a>(
    observed: &'a ObservedState,
    container: &'a ObservedContainer,
    mode: NetworkMode,
) -> &'a ObservedContainer {
    match mode {
        NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None => container,
        NetworkMode::Awsvpc => {
            let task = &container.identity.task;
            let mut others = observed.containers.values();
            let owner = others.find(|one| one.identity.container.is_namespace_owner() && one.identity.task == *task);
            owner.unwrap_or(container)
        }
    }
}

/// Where a container is whose address this one has, and under which port of the host it can be reached as well.
pub fn way_to(holder: &ObservedContainer, port: u16, mode: NetworkMode) -> (Place, Option<u16>) {
    if mode == NetworkMode::Host {
        return (Place::Host, Some(port));
    }
    let asked = |published: &&PublishedPort| published.container_port == port && published.protocol == Protocol::Tcp;
    let published = holder.ports.iter().find(asked).map(|published| published.host_port);
    (holder.address.map_or(Place::Unknown, Place::Network), published)
}

/// Where in its interval a check falls: a number below 1 that looks random and is the same for ever.
fn spread(id: &ContainerId, purpose: Purpose) -> f64 {
    let [first, second, ..] = FixedState::with_seed(0).hash_one((id, purpose)).to_be_bytes();
    f64::from(u16::from_be_bytes([first, second])) / f64::from(u16::MAX).next_up()
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}

#[cfg(test)]
mod tests;
