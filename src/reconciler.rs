//! The reconciler: keeps what was observed, and says what to do next. Pure: it reads no clock and makes no call.
//!
//! The shell feeds it what happens ([`Input`]) and carries out what it says ([`Command`]). Every input only corrects what is known;
//! [`Reconciler::tick`] then plans anew from the whole. The simulated and the real engine are driven by this same code, so what the
//! property tests prove about it holds for the loop that users run.
//!
//! Knowledge ages: a list may lag behind a container's end, and an answer may be older than the outcome of an action that ended
//! while it was on its way. Every piece of knowledge therefore has a number in one order, and older never overwrites newer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::{ContainerSpec, DesiredState, Resources};
use crate::engine::{Change, EngineError, Hint, Listing};
use crate::event::EventKind;
use crate::image::ObservedImage;
use crate::observed::{
    ContainerId, Doing, FailedAction, Health, InFlight, ObservedContainer, ObservedState, Phase, PublishedPort,
};
use crate::ownership::ContainerIdentity;
use crate::plan::{Action, Cause, Effect, Failure, FailureKind, Lane, Outcome, Plan, Step, Target, plan};
use crate::probing::Rounds;
use crate::value::Timestamp;

mod images;
mod learn;
mod limits;
mod probes;
mod room;
mod stops;
mod tell;

pub use limits::Limits;

#[cfg(test)]
mod tests;

/// After so many failed inspections of one container in a row everything is listed again.
const INSPECTIONS_FAILED_MAX: u32 = 3;

/// Something that happened.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "an input is handed on once and never kept")]
pub enum Input {
    /// The answer to [`Command::List`].
    Listed(Result<Listing, EngineError>),
    /// The answer to [`Command::Inspect`].
    Inspected(String, Result<Option<ObservedContainer>, EngineError>),
    /// The answer to [`Command::AskHost`].
    HostTold(Result<Option<Resources>, EngineError>),
    /// The answer to [`Command::AskStops`].
    StopsTold(Result<BTreeMap<ContainerId, Timestamp>, EngineError>),
    /// The answer to [`Command::LookUpImage`].
    ImageLookedUp(String, Result<Option<ObservedImage>, EngineError>),
    /// The engine hinted at something.
    Hint(Hint),
    /// An action ended.
    Finished(Box<Step>, Outcome),
    /// The manifests ask for something else.
    Desired(Arc<DesiredState>),
    /// Some time has passed: look at everything again.
    Resync,
}

/// Something for the shell to begin. Its end comes back as an [`Input`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// List everything of ours.
    List,
    /// Look at one container, by id or by name.
    Inspect(String),
    /// Ask how much the host has.
    AskHost,
    /// Ask which containers were told to stop since then.
    AskStops(Timestamp),
    /// Ask what image there is under a reference.
    LookUpImage(String),
    /// Carry out an action.
    Perform(Box<Step>),
}

/// What to do now and when to look again.
#[derive(Debug, Default)]
pub struct Tick {
    /// What to begin now.
    pub commands: Vec<Command>,
    /// The decision behind it; `None` while the engine has not been seen yet.
    pub plan: Option<Plan>,
    /// When to tick again although nothing has happened.
    pub wake_at: Option<Timestamp>,
}

/// Since when the engine has not answered, and what it said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// The last error.
    pub error: EngineError,
    /// How many questions in a row had no answer.
    pub failures: u32,
    /// When it is asked again.
    pub retry_at: Timestamp,
}

/// Keeps what was observed, and says what to do next.
#[derive(Debug)]
pub struct Reconciler {
    desired: Arc<DesiredState>,
    observed: ObservedState,
    limits: Limits,
    /// Counts pieces of knowledge; a later one has a higher number.
    clock: u64,
    /// The number of the last thing known about a target.
    known: BTreeMap<Target, u64>,
    /// The number at which the list that is under way was asked for.
    listing: Option<u64>,
    list_wanted: bool,
    has_listed: bool,
    /// The inspections under way, and the numbers at which they were asked for.
    inspecting: BTreeMap<String, u64>,
    inspect_wanted: BTreeSet<String>,
    /// Inspections that the engine refused or did not answer: how often in a row, and when to ask again.
    inspect_failures: BTreeMap<String, (u32, Timestamp)>,
    /// The number at which the last list that arrived was asked for.
    listed: u64,
    /// Containers that something happened to while an action of ours was under way on them.
    disturbed: BTreeMap<ContainerId, Change>,
    /// Actions without an answer, and the numbers at which that was known. They may have happened: they count as under way until
    /// somebody has looked.
    doubts: BTreeMap<Target, u64>,
    /// What is asked about images.
    images: images::Questions,
    trouble: Option<Trouble>,
    room: room::Room,
    stops: stops::Stops,
    /// The checks over the network.
    rounds: Rounds,
    told: tell::Told,
}

impl Reconciler {
    /// A reconciler that has seen nothing yet.
    pub fn new(desired: Arc<DesiredState>, limits: Limits) -> Self {
        Self {
            desired,
            observed: ObservedState::default(),
            limits,
            clock: 0,
            known: BTreeMap::new(),
            listing: None,
            list_wanted: true,
            has_listed: false,
            inspecting: BTreeMap::new(),
            inspect_wanted: BTreeSet::new(),
            inspect_failures: BTreeMap::new(),
            listed: 0,
            disturbed: BTreeMap::new(),
            doubts: BTreeMap::new(),
            images: images::Questions::default(),
            trouble: None,
            room: room::Room::default(),
            stops: stops::Stops::default(),
            rounds: Rounds::default(),
            told: tell::Told::default(),
        }
    }

    /// What is known of the engine.
    pub fn observed(&self) -> &ObservedState {
        &self.observed
    }

    /// What should be.
    pub fn desired(&self) -> &Arc<DesiredState> {
        &self.desired
    }

    /// Whether the engine has been seen in whole at least once.
    pub fn has_listed(&self) -> bool {
        self.has_listed
    }

    /// Why the engine is not being worked on, if it is not.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// Whether anything that was begun has not ended.
    pub fn is_busy(&self) -> bool {
        self.listing.is_some()
            || !self.inspecting.is_empty()
            || self.images.is_asking()
            || self.room.is_asking()
            || self.stops.is_asking()
            || !self.observed.in_flight.is_empty()
    }

    /// Whether all that was begun and has not ended is that images are being fetched.
    pub fn is_fetching_only(&self) -> bool {
        let mut in_flight = self.observed.in_flight.values();
        self.has_listed
            && self.listing.is_none()
            && self.inspecting.is_empty()
            && in_flight.all(|in_flight| matches!(in_flight.doing, Doing::Pull))
    }

    /// Takes in something that happened at `at`.
    pub fn handle(&mut self, at: Timestamp, input: Input) {
        self.observed.at = at;
        match input {
            Input::Listed(Ok(listing)) => self.learn_listing(listing),
            Input::Listed(Err(error)) => {
                self.listing = None;
                self.list_wanted = true;
                self.meet_trouble(error);
            }
            Input::Inspected(name, Ok(container)) => self.learn_inspection(&name, container),
            Input::Inspected(name, Err(error)) => {
                self.inspecting.remove(&name);
                self.fail_inspection(name, &error);
            }
            Input::HostTold(answer) => self.learn_host(answer),
            Input::StopsTold(answer) => self.learn_stops(answer),
            Input::ImageLookedUp(image, answer) => self.learn_image(image, answer),
            Input::Hint(hint) => self.take_hint(hint),
            Input::Finished(step, outcome) => self.learn_outcome(&step, outcome),
            Input::Desired(desired) => self.desired = desired,
            Input::Resync => self.list_wanted = true,
        }
    }

    /// Decides what to begin at `at`.
    pub fn tick(&mut self, at: Timestamp) -> Tick {
        self.observed.at = at;
        if let Some(trouble) = &self.trouble
            && at < trouble.retry_at
        {
            return Tick { wake_at: Some(trouble.retry_at), ..Tick::default() };
        }
        let mut tick = Tick::default();
        self.look(&mut tick);
        // While the engine does not answer, nothing is begun on what may have changed since.
        if !self.has_listed || self.trouble.is_some() {
            return tick;
        }
        self.forget_stops();
        let plan = plan(&self.desired, &self.observed);
        for id in &plan.unknowns {
            self.inspect_wanted.insert(id.to_string());
        }
        self.ask_about_images(&plan);
        tick.wake_at = plan.wake_at;
        self.ask_about_host(&plan, &mut tick);
        self.ask_about_stops(&plan, &mut tick);
        self.look_for_room(&plan, &mut tick);
        self.look(&mut tick);
        self.note_queue(&plan);
        self.tell_plan(&plan);
        for step in self.within_limits(&plan) {
            self.tell_begin(&step);
            self.begin(&step);
            tick.commands.push(Command::Perform(Box::new(step)));
        }
        tick.plan = Some(plan);
        tick
    }

    /// Asks the engine what is to be known.
    fn look(&mut self, tick: &mut Tick) {
        if self.list_wanted && self.listing.is_none() {
            self.list_wanted = false;
            self.clock += 1;
            self.listing = Some(self.clock);
            tick.commands.push(Command::List);
        }
        if self.trouble.is_some() {
            return;
        }
        self.images.look(self.observed.at, tick);
        for name in std::mem::take(&mut self.inspect_wanted) {
            let retry_at = self.inspect_failures.get(&name).map_or(self.observed.at, |&(_, retry_at)| retry_at);
            if retry_at > self.observed.at {
                tick.wake_at = Some(tick.wake_at.map_or(retry_at, |other| other.min(retry_at)));
                self.inspect_wanted.insert(name);
            } else if self.inspecting.contains_key(&name) {
                // The answer under way may be too old: ask again when it is there.
                self.inspect_wanted.insert(name);
            } else {
                self.clock += 1;
                self.inspecting.insert(name.clone(), self.clock);
                tick.commands.push(Command::Inspect(name));
            }
        }
    }

    /// An inspection without an answer says nothing about the rest of the engine. Only when it happens again and again the whole is
    /// looked at, which tells whether the engine is there at all.
    fn fail_inspection(&mut self, name: String, error: &EngineError) {
        let failures = self.inspect_failures.get(&name).map_or(1, |&(failures, _)| failures.saturating_add(1));
        let retry_at = self.observed.at.after(crate::plan::restart::backoff(failures));
        tracing::debug!(name, failures, %error, "an inspection failed");
        self.inspect_failures.insert(name.clone(), (failures, retry_at));
        self.inspect_wanted.insert(name);
        self.list_wanted |= failures >= INSPECTIONS_FAILED_MAX;
    }

    fn begin(&mut self, step: &Step) {
        let doing = match &step.action {
            Action::CreateContainer(new) => Doing::Create(Box::new(new.identity.clone())),
            Action::StartContainer { .. } => Doing::Start,
            Action::StopContainer { .. } => Doing::Stop,
            Action::RemoveContainer { .. } => Doing::Remove,
            Action::PullImage { .. } => Doing::Pull,
            Action::CreateNetwork { .. } | Action::RemoveNetwork { .. } | Action::RemoveVolume { .. } => Doing::Other,
        };
        if let Action::StopContainer { id, .. } = &step.action
            && step.cause != Cause::Duplicate
        {
            self.observed.condemned.entry(id.clone()).or_insert_with(|| step.cause.clone());
        }
        let in_flight = InFlight { since: self.observed.at, doing, lane: step.lane() };
        self.observed.in_flight.insert(step.action.target(), in_flight);
    }

    fn meet_trouble(&mut self, error: EngineError) {
        let at = self.observed.at;
        self.room.forget_host();
        if self.trouble.is_none() {
            self.tell(None, EventKind::EngineLost { reason: error.to_string(), since: self.observed.at });
        }
        let (since, failures) = self.trouble.as_ref().map_or((at, 1), |before| (before.since, before.failures + 1));
        // 1, 2, 4 and then every 5 seconds: an engine that restarts is back in seconds, and asking costs it nothing.
        let pause = crate::plan::restart::backoff(failures).min(std::time::Duration::from_secs(5));
        self.trouble = Some(Trouble { since, error, failures, retry_at: at.after(pause) });
        self.list_wanted = true;
    }

    fn take_hint(&mut self, hint: Hint) {
        match hint {
            Hint::Lost | Hint::Other => self.list_wanted = true,
            Hint::Container(id, change) => self.take_container_hint(id, change),
        }
    }

    /// Looks at a container that something happened to, unless our own action explains it.
    fn take_container_hint(&mut self, id: ContainerId, change: Change) {
        let target = Target::Container(id.clone());
        if self.doubts.contains_key(&target) {
            // It may be what is in doubt that happens only now.
            self.inspect_wanted.insert(id.to_string());
            return;
        }
        if let Some(in_flight) = self.observed.in_flight.get(&target) {
            let explained = match (&in_flight.doing, change) {
                (Doing::Start, Change::Began)
                | (Doing::Stop, Change::Ended)
                | (Doing::Remove, Change::Ended | Change::Removed) => true,
                (Doing::Create(_) | Doing::Start | Doing::Stop | Doing::Remove | Doing::Pull | Doing::Other, _) => {
                    false
                }
            };
            if !explained {
                self.disturbed.insert(id, change);
            }
            return;
        }
        let known = self.observed.containers.get(&id).map(|container| &container.phase);
        let news = match (known, change) {
            // A container that we do not know may be the one that is being created: its answer is on the way, and it tells all.
            (None, Change::Began) => {
                let mut awaited = self.observed.in_flight.keys().filter(|target| !self.doubts.contains_key(target));
                !awaited.any(|target| matches!(target, Target::NewContainer(_)))
            }
            (None, Change::Removed | Change::Ended | Change::Other)
            | (Some(Phase::Created | Phase::Running { .. }), Change::Began) => false,
            (Some(_), _) => true,
        };
        if news {
            self.look_at(&id, change);
        }
    }

    /// Looks at a container that something happened to. That its process ended is certain already; how it ended is not.
    fn look_at(&mut self, id: &ContainerId, change: Change) {
        if let (Some(container), Change::Ended) = (self.observed.containers.get_mut(id), change)
            && matches!(container.phase, Phase::Running { .. } | Phase::Paused)
        {
            container.phase = Phase::Exited { exit: None };
            container.ports.clear();
            self.note(Target::Container(id.clone()));
        }
        self.inspect_wanted.insert(id.to_string());
    }

    /// Whether a container matters here: whether it is ours, or stands in a cluster that we want.
    fn concerns(&self, identity: &ContainerIdentity) -> bool {
        self.is_ours(identity) || self.desired.clusters.contains_key(&identity.task.cluster)
    }

    /// Whether a container is ours to change.
    fn is_ours(&self, identity: &ContainerIdentity) -> bool {
        self.desired.may_touch(&identity.source)
    }

    /// Notes that something new is known about a target.
    fn note(&mut self, target: Target) {
        self.clock += 1;
        self.known.insert(target, self.clock);
    }

    /// Whether something is known about a target that is newer than an answer which was asked for at `asked_at`.
    fn knows_better(&self, target: &Target, asked_at: u64) -> bool {
        let acting = self.observed.in_flight.contains_key(target) && !self.doubts.contains_key(target);
        acting || self.known.get(target).is_some_and(|&at| at > asked_at)
    }

    /// An action had no answer: until somebody has looked it may have happened, or may not.
    fn doubt(&mut self, target: Target) {
        self.note(target.clone());
        self.doubts.insert(target, self.clock);
    }

    /// Whoever was asked at `asked_at` saw what became of the target.
    fn settle_doubt(&mut self, target: &Target, asked_at: u64) {
        if self.doubts.get(target).is_some_and(|&since| since < asked_at) {
            self.doubts.remove(target);
            self.observed.in_flight.remove(target);
        }
    }
}
