//! Drives the reconciler on the simulated engine as the loop of `watch.rs` does: everything that happens corrects what is known, then
//! the whole is planned anew, and what it says is begun.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use reconcile::desired::DesiredState;
use reconcile::engine::simulated::{CallId, Simulated, Subject};
use reconcile::engine::{EngineError, Hint, Listing};
use reconcile::image::ObservedImage;
use reconcile::observed::{ContainerId, ObservedContainer, ObservedState, Phase};
use reconcile::ownership::{ContainerIdentity, Source};
use reconcile::plan::{Action, Outcome, Plan, Step};
use reconcile::reconciler::{Command, Input, Limits, Reconciler};
use reconcile::value::Timestamp;

use super::hooks;
use super::manifests::{self, ENDING_IMAGE, FAILING_IMAGE};
use super::oracle::{LIST_LAG, Moment, Oracle, Scene, key_of, outcome_text};
use super::planted::Planted;
use super::random::Random;
use super::story::{Draft, Hints, Story};

/// How often everything is looked at again although nothing has happened; the loop has the same figure.
pub(super) const RESYNC: Duration = Duration::from_secs(60);

/// More ticks than this within one second, without anything that happened, are a hot loop.
const IDLE_TICKS_MAX: u32 = 100;

/// When every story begins.
const START: Timestamp = Timestamp(1_700_000_000_000);

/// A question on its way, an answer on its way, or a hint on its way.
#[derive(Debug)]
enum Errand {
    TakeList,
    BringList(Result<Listing, EngineError>, Moment, Timestamp),
    TakeInspection(String),
    BringInspection(String, Result<Option<ObservedContainer>, EngineError>, Moment),
    TakeImage(String),
    BringImage(String, Result<Option<ObservedImage>, EngineError>),
    TellHost,
    TellStops,
    BringHint(Hint),
    ListenAgain,
}

/// A reconciler, an engine, and the loop between them.
pub(super) struct World {
    pub(super) engine: Simulated,
    pub(super) reconciler: Option<Reconciler>,
    pub(super) drafts: Vec<Draft>,
    pub(super) source: Source,
    pub(super) adopted: BTreeSet<Source>,
    /// Since when what has failed is tried once more.
    pub(super) retry_since: Option<Timestamp>,
    pub(super) desired: Arc<DesiredState>,
    pub(super) oracle: Oracle,
    pub(super) random: Random,
    image_random: Random,
    pub(super) planted: Option<Planted>,
    pub(super) hints: Hints,
    pub(super) slow: Duration,
    pub(super) questions_to_fail: u32,
    pub(super) resync_at: Timestamp,
    pub(super) restart_at: Option<Timestamp>,
    pub(super) reachable_at: Option<Timestamp>,
    pub(super) last_plan: Option<Plan>,
    /// How many lists have to arrive before the end may be judged: the one that is under way may be old.
    pub(super) lists_due: u32,
    /// The objects of others, to be compared at the end.
    pub(super) strangers: Vec<ContainerId>,
    pub(super) port_holders: Vec<ContainerId>,
    /// What the names of the strangers' containers seem to say.
    pub(super) namesakes: Vec<(ContainerId, ContainerIdentity)>,
    pub(super) trace: Option<String>,
    open: BTreeMap<CallId, Box<Step>>,
    errands: BTreeMap<(Timestamp, u64), Errand>,
    sent: u64,
    wake_at: Option<Timestamp>,
    listening: bool,
    lanes: usize,
    idle: (Timestamp, u32),
    /// What planted bugs remember.
    pub(super) notes: super::planted::Notes,
}

impl World {
    pub(super) fn new(story: &Story, planted: Option<Planted>, traced: bool) -> Self {
        let mut engine = Simulated::new(START);
        engine.set_pace(story.pace);
        let host = |memory: u32| reconcile::desired::Resources { cpu: 4096, memory: memory.into() };
        engine.set_host(story.host_memory.map(host));
        for (index, draft) in story.services.iter().enumerate() {
            for (number, version) in draft.versions.iter().enumerate() {
                let image = manifests::image(index, number);
                engine.set_image(&image, version.image);
                engine.set_behaviour(Subject::Image(image), version.behaviour.clone());
            }
        }
        for (index, draft) in story.services.iter().enumerate() {
            hooks::set_behaviours(&mut engine, index, draft);
        }
        let ending = reconcile::engine::simulated::Run::Exits { code: 0, after: Duration::from_secs(1) };
        let ending = reconcile::engine::simulated::Behaviour { run: ending, ..Default::default() };
        engine.set_behaviour(Subject::Image(ENDING_IMAGE.to_owned()), ending);
        let failing = reconcile::engine::simulated::Run::Exits { code: 1, after: Duration::from_secs(1) };
        let failing = reconcile::engine::simulated::Behaviour { run: failing, ..Default::default() };
        engine.set_behaviour(Subject::Image(FAILING_IMAGE.to_owned()), failing);
        let source = Source::new("here");
        let mut world = Self {
            engine,
            reconciler: None,
            drafts: story.services.clone(),
            desired: Arc::new(manifests::desired(&[], &source, &BTreeSet::new())),
            source,
            adopted: BTreeSet::new(),
            retry_since: None,
            oracle: Oracle::default(),
            random: Random::new(story.seed ^ 0x5eed),
            image_random: Random::new(story.seed ^ 0x1a6e),
            planted,
            hints: Hints::InTime,
            slow: Duration::ZERO,
            questions_to_fail: 0,
            resync_at: START.after(RESYNC),
            restart_at: None,
            reachable_at: None,
            last_plan: None,
            lists_due: 0,
            strangers: Vec::new(),
            port_holders: Vec::new(),
            namesakes: Vec::new(),
            trace: traced.then(String::new),
            open: BTreeMap::new(),
            errands: BTreeMap::new(),
            sent: 0,
            wake_at: None,
            listening: false,
            lanes: story.lanes,
            idle: (START, 0),
            notes: super::planted::Notes::default(),
        };
        world.desire();
        world.begin_reconciler();
        world
    }

    pub(super) fn now(&self) -> Timestamp {
        self.engine.now()
    }

    pub(super) fn has_failed(&self) -> bool {
        !self.oracle.violations.is_empty()
    }

    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        let at = self.now().since(START);
        if let Some(trace) = &mut self.trace {
            writeln!(trace, "{:>10.3} {}", at.as_secs_f64(), what()).expect("a text takes everything");
        }
    }

    /// Works out anew what the manifests ask for, and what that promises.
    pub(super) fn desire(&mut self) {
        let desired = manifests::desired(&self.drafts, &self.source, &self.adopted);
        let desired = DesiredState { retry_since: self.retry_since, ..desired };
        self.desired = Arc::new(self.bend_manifests(desired));
        for (index, draft) in self.drafts.iter().enumerate() {
            self.engine.set_guard(&manifests::cluster_name(draft), &manifests::service_name(index), draft.guard());
        }
        self.engine.set_sources(Some(self.adopted.iter().chain([&self.source]).cloned().collect()));
        let told = self.bend_desired();
        if let Some(reconciler) = &mut self.reconciler {
            reconciler.handle(self.engine.now(), Input::Desired(told));
            self.tick();
        }
    }

    /// A reconciler begins that has seen nothing yet.
    pub(super) fn begin_reconciler(&mut self) {
        let limits =
            self.bend_limits(Limits { repair: self.lanes, rollout: self.lanes, retire: self.lanes, pull: self.lanes });
        let told = self.bend_desired();
        self.reconciler = Some(Reconciler::new(told, limits));
        self.resync_at = self.now().after(RESYNC);
        self.listening = true;
        self.engine.take_hints();
        self.tell(|| "a reconciler begins".to_owned());
        self.tick();
    }

    /// The reconciler is killed. What it began goes on in the engine.
    pub(super) fn kill_reconciler(&mut self) {
        self.oracle.note_crash(&self.open, self.engine.now());
        self.engine.forget_stops();
        // A list will lag behind what has just ended, and whoever knew it is gone.
        for container in self.engine.observe().containers.values() {
            let at = self.now();
            if let Phase::Exited { exit: Some(exit) } = &container.phase
                && at.since(exit.finished_at) <= LIST_LAG
            {
                self.oracle.note_news(&container.id, key_of(&container.identity), at);
            }
        }
        self.open.clear();
        self.errands.clear();
        self.wake_at = None;
        self.reconciler = None;
        self.notes = super::planted::Notes::default();
        self.tell(|| "the reconciler is killed".to_owned());
    }

    /// Lets time pass until `until`, or until `is_over`.
    pub(super) fn pass_until(&mut self, until: Timestamp, is_over: impl Fn(&Self) -> bool) -> bool {
        while !self.has_failed() {
            // What somebody did just now is on its way already.
            self.collect_hints();
            if is_over(self) {
                return true;
            }
            let next = self.next_at();
            if next > until {
                self.engine.advance_to(until);
                return false;
            }
            self.step(next.max(self.now()));
        }
        true
    }

    fn next_at(&self) -> Timestamp {
        // A millisecond more, as the loop does.
        let wake =
            self.wake_at.filter(|_| self.heeds_wakes()).map(|at| at.max(self.now()).after(Duration::from_millis(1)));
        let timer = self.reconciler.as_ref().map(|_| self.resync_at);
        let errand = self.errands.first_key_value().map(|((at, _), _)| *at);
        let all = [self.engine.next_event_at(), errand, wake, timer, self.restart_at, self.reachable_at];
        all.into_iter().flatten().min().unwrap_or(Timestamp(i64::MAX))
    }

    fn step(&mut self, at: Timestamp) {
        let woken = self.wake_at.is_some_and(|wake_at| wake_at < at) && self.heeds_wakes();
        self.engine.advance_to(at);
        if self.reachable_at.is_some_and(|reachable_at| reachable_at <= at) {
            self.reachable_at = None;
            self.engine.set_reachable(true);
        }
        // Hints first: an action that has just ended still explains them.
        self.collect_hints();
        let mut inputs = self.collect_outcomes();
        while let Some(entry) = self.errands.first_entry().filter(|entry| entry.key().0 <= at) {
            let errand = entry.remove();
            inputs.extend(self.run(errand));
        }
        if self.restart_at.is_some_and(|restart_at| restart_at <= at) {
            self.restart_at = None;
            self.begin_reconciler();
            return;
        }
        let Some(reconciler) = &mut self.reconciler else { return };
        if self.resync_at <= at {
            self.resync_at = at.after(RESYNC);
            inputs.push(Input::Resync);
        }
        if inputs.is_empty() && !woken {
            return;
        }
        if inputs.is_empty() {
            self.count_idle_tick(at);
        } else {
            for input in inputs {
                reconciler.handle(at, input);
            }
        }
        self.tick();
    }

    fn count_idle_tick(&mut self, at: Timestamp) {
        if at.since(self.idle.0) > Duration::from_secs(1) {
            self.idle = (at, 0);
        }
        self.idle.1 += 1;
        if self.idle.1 > IDLE_TICKS_MAX {
            self.oracle.violate("a hot loop: it wakes again and again although nothing happens");
        }
    }

    /// What the engine has answered since.
    fn collect_outcomes(&mut self) -> Vec<Input> {
        let mut inputs = Vec::new();
        for (call, outcome) in self.engine.completed() {
            let at = self.now();
            if self.oracle.note_ghost_ended(call, at) {
                continue;
            }
            let Some(step) = self.open.remove(&call) else { continue };
            self.tell(|| format!("  ... {}: {}", step.action, outcome_text(&outcome)));
            self.oracle.note_stopped(&step, &outcome);
            if matches!(outcome, Outcome::Unknown(_)) {
                let fault =
                    self.engine.writes().iter().rev().find(|write| write.call == call).and_then(|write| write.fault);
                self.oracle.note_lost(&step, fault, at);
            }
            inputs.extend(self.bend_outcome(step, outcome).map(|(step, outcome)| Input::Finished(step, outcome)));
        }
        inputs
    }

    fn collect_hints(&mut self) {
        for hint in self.engine.take_hints() {
            let at = self.now();
            if let Hint::Container(id, change) = &hint
                && let Some(seen) = self.engine.inspect(&id.0)
            {
                self.oracle.note_hint(&seen, *change, &self.open, at);
            }
            if !self.listening || self.hints == Hints::Lost {
                continue;
            }
            let Some(hint) = self.bend_hint(hint) else { continue };
            let delay = match self.hints {
                Hints::InTime | Hints::Lost | Hints::Twice => self.random.below(3),
                Hints::Late => self.random.below(700),
            };
            if self.hints == Hints::Twice {
                let again = self.random.below(300);
                self.send(Duration::from_millis(again), Errand::BringHint(hint.clone()));
            }
            self.send(Duration::from_millis(delay), Errand::BringHint(hint));
        }
    }

    fn send(&mut self, after: Duration, errand: Errand) {
        self.sent += 1;
        self.errands.insert((self.now().after(after), self.sent), errand);
    }

    fn send_soon(&mut self, errand: Errand) {
        let delay = self.delay();
        self.send(delay, errand);
    }

    fn send_slowly(&mut self, errand: Errand) {
        let delay = self.image_delay();
        self.send(delay, errand);
    }

    /// An answer is taken somewhere on the way, and arrives later.
    fn delay(&mut self) -> Duration {
        let most = u64::try_from(self.slow.as_millis()).expect("a few seconds");
        Duration::from_millis(self.random.below(4) + if most == 0 { 0 } else { self.random.below(most) / 2 })
    }

    /// A question about an image takes as long as any other, by a source of its own: it came later, and a kept seed goes on to tell the
    /// same story.
    fn image_delay(&mut self) -> Duration {
        let most = u64::try_from(self.slow.as_millis()).expect("a few seconds");
        Duration::from_millis(
            self.image_random.below(4) + if most == 0 { 0 } else { self.image_random.below(most) / 2 },
        )
    }

    fn run(&mut self, errand: Errand) -> Option<Input> {
        match errand {
            Errand::TakeList => {
                let taken = self.oracle.next_moment();
                let mut answer = self.ask("list").and_then(|()| self.engine.try_list());
                if let Ok(listing) = &mut answer {
                    self.random.shuffle(&mut listing.containers);
                    self.random.shuffle(&mut listing.networks);
                    self.bend_listing(listing);
                }
                let (delay, at) = (self.delay(), self.now());
                self.send(delay, Errand::BringList(answer, taken, at));
                None
            }
            Errand::TakeInspection(name) => {
                let taken = self.oracle.next_moment();
                let answer = self.ask("inspect").and_then(|()| self.engine.try_inspect(&name));
                let answer = answer.map(|container| self.bend_inspection(&name, container));
                let delay = self.delay();
                self.send(delay, Errand::BringInspection(name, answer, taken));
                None
            }
            Errand::BringList(answer, taken, at) => {
                if answer.is_ok() {
                    self.lists_due = self.lists_due.saturating_sub(1);
                    self.oracle.note_listed(taken, at, &self.open);
                }
                Some(Input::Listed(answer))
            }
            Errand::BringInspection(name, answer, taken) => {
                if let Ok(seen) = &answer {
                    let id = seen.as_ref().map_or_else(|| ContainerId::new(&name), |container| container.id.clone());
                    self.oracle.note_inspected(&id, taken);
                }
                Some(Input::Inspected(name, answer))
            }
            Errand::TakeImage(image) => {
                let answer = self.ask("look up image").map(|()| self.engine.look_up_image(&image));
                let delay = self.image_delay();
                self.send(delay, Errand::BringImage(image, answer));
                None
            }
            Errand::TellHost => Some(Input::HostTold(self.ask("info").map(|()| self.bend_host()))),
            Errand::TellStops => Some(Input::StopsTold(Ok(self.engine.told_to_stop()))),
            Errand::BringImage(image, answer) => Some(Input::ImageLookedUp(image, answer)),
            Errand::ListenAgain => {
                self.listening = true;
                Some(Input::Resync)
            }
            Errand::BringHint(hint) => {
                if hint == Hint::Lost {
                    self.listening = false;
                    self.send(Duration::ZERO, Errand::ListenAgain);
                }
                Some(Input::Hint(hint))
            }
        }
    }

    fn ask(&mut self, call: &'static str) -> Result<(), EngineError> {
        if self.questions_to_fail == 0 {
            return Ok(());
        }
        self.questions_to_fail -= 1;
        Err(EngineError::NoAnswer { call, seconds: 10 })
    }

    pub(super) fn tick(&mut self) {
        let at = self.now();
        let planted_host = (self.planted == Some(Planted::StoppingTakenForFree)).then(|| self.bend_host());
        let Some(reconciler) = &mut self.reconciler else { return };
        if let Some(host) = planted_host {
            reconciler.handle(at, Input::HostTold(Ok(host)));
        }
        let tick = reconciler.tick(at);
        reconciler.take_events();
        self.wake_at = tick.wake_at;
        if tick.plan.is_some() {
            self.last_plan = tick.plan;
        }
        let mut steps = Vec::new();
        for command in tick.commands {
            match command {
                Command::List => self.send_soon(Errand::TakeList),
                Command::Inspect(name) => self.send_soon(Errand::TakeInspection(name)),
                Command::AskHost => self.send_slowly(Errand::TellHost),
                Command::AskStops(_) => self.send(Duration::ZERO, Errand::TellStops),
                Command::LookUpImage(image) => self.send_slowly(Errand::TakeImage(image)),
                Command::Perform(step) => steps.push(step),
            }
        }
        let steps = self.bend_steps(steps);
        if steps.is_empty() {
            return;
        }
        let truth = self.engine.observe();
        for step in steps {
            self.begin(step, &truth);
        }
    }

    fn begin(&mut self, step: Box<Step>, truth: &ObservedState) {
        self.tell(|| step.to_string());
        let scene = Scene { truth, desired: &self.desired, open: &self.open, lanes: self.lanes };
        self.oracle.judge(&step, &scene);
        let call = self.engine.begin(&step.action);
        self.oracle.judge_engine(&self.engine);
        self.open.insert(call, step);
    }

    /// A planted bug does something beside the reconciler.
    pub(super) fn act_beside(&mut self, action: &Action) {
        self.engine.perform(action);
        self.oracle.judge_engine(&self.engine);
    }

    /// A planted bug begins a step that the reconciler never said.
    pub(super) fn begin_beside(&mut self, step: Step) {
        let truth = self.engine.observe();
        self.begin(Box::new(step), &truth);
    }

    /// Whether the loop has nothing under way.
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty()
            && self.errands.is_empty()
            && self.restart_at.is_none()
            && self.reconciler.as_ref().is_some_and(|reconciler| reconciler.has_listed() && !reconciler.is_busy())
    }

    /// Whether a call to stop a container is under way, be it of a reconciler that is gone.
    pub(super) fn is_being_stopped(&self, id: &ContainerId) -> bool {
        let writes = self.engine.writes().iter().filter(|write| write.outcome.is_none());
        writes
            .map(|write| &*write.action)
            .any(|action| matches!(action, Action::StopContainer { id: other, .. } if other == id))
    }

    /// The calls of this reconciler that are under way.
    pub(super) fn open_steps(&self) -> impl Iterator<Item = &Step> {
        self.open.values().map(|step| &**step)
    }
}
