//! A host in memory with a reconciler at work on it, and a record of what it does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use reconcile::desired::DesiredState;
use reconcile::desired::resolve::resolve;
use reconcile::engine::simulated::{CallId, Pace, Simulated};
use reconcile::load::{load_texts, validate_loaded};
use reconcile::observed::{ContainerId, ObservedContainer, Phase};
use reconcile::ownership::{self, Asked, Intervention, Source};
use reconcile::plan::{Step, Waiting};
use reconcile::reconciler::{Command, Input, Limits, Reconciler};
use reconcile::value::{ClusterName, ServiceName, Timestamp};

/// When every scenario begins.
pub(super) const START: Timestamp = Timestamp(1_700_000_000_000);

/// More looks than this without that anything happens are a hot loop.
const LOOKS_MAX: u32 = 200;

/// A host, its reconciler, and the record.
pub(super) struct Stage {
    pub(super) engine: Simulated,
    reconciler: Reconciler,
    calls: BTreeMap<CallId, Box<Step>>,
    record: String,
    waits: Vec<Waiting>,
    wake_at: Option<Timestamp>,
}

/// What manifests ask for. They have to be valid.
pub(super) fn desired(manifests: &str) -> Arc<DesiredState> {
    let loaded = load_texts(vec![("shop.yaml".to_owned(), manifests.to_owned())]);
    let validated = validate_loaded(&loaded);
    let resolved = resolve(Source::new("here"), &validated, &reconcile::desired::Inputs::default());
    let problems = loaded.problems.iter().chain(&validated.problems).chain(&resolved.problems);
    let errors: Vec<_> = problems.filter(|problem| problem.is_error()).collect();
    assert!(errors.is_empty(), "the manifests of a scenario are valid: {errors:?}");
    Arc::new(resolved.desired)
}

/// A reconciler that is there to stay.
fn watching(desired: Arc<DesiredState>) -> Reconciler {
    let mut reconciler = Reconciler::new(desired, Limits::for_cores(4));
    reconciler.ask_about_stops_early();
    reconciler
}

impl Stage {
    /// An empty host, and a reconciler that is to make it what the manifests say.
    pub(super) fn new(manifests: &str) -> Self {
        Self::on(Simulated::new(START), manifests)
    }

    /// A reconciler at work on a host.
    pub(super) fn on(engine: Simulated, manifests: &str) -> Self {
        Self::towards(engine, desired(manifests))
    }

    /// A reconciler that is to make a host what no manifest says.
    pub(super) fn towards(mut engine: Simulated, desired: Arc<DesiredState>) -> Self {
        // One answer comes long before the next question, so that a record reads in order.
        engine.set_pace(Pace { list_lag: Duration::ZERO, ..Pace::TYPICAL });
        Self {
            engine,
            reconciler: watching(desired),
            calls: BTreeMap::new(),
            record: String::new(),
            waits: Vec::new(),
            wake_at: None,
        }
    }

    /// An image was fetched before the reconciler began.
    pub(super) fn remember_pull(&mut self, image: &str) {
        let at = self.engine.now().before(Duration::from_hours(24));
        self.reconciler.remember_pulls(BTreeMap::from([(image.to_owned(), at)]));
    }

    /// The manifests change.
    pub(super) fn change(&mut self, manifests: &str) {
        self.note("the manifests change");
        self.reconciler.handle(self.engine.now(), Input::Desired(desired(manifests)));
    }

    /// Somebody asks something of `shop/web` beside its manifest.
    pub(super) fn ask(&mut self, asked: Asked) {
        let cluster = ClusterName::new("shop").expect("a name");
        let service = ServiceName::new("web").expect("a name");
        let intervention = Intervention { service, at: self.engine.now(), asked };
        self.note(
            &format!("somebody asks for {:?}", intervention.asked).split(' ').take(4).collect::<Vec<_>>().join(" "),
        );
        let labels = ownership::intervention_labels(&cluster, &Source::new("here"), &intervention);
        self.engine.add_volume_by_hand(&intervention.name(&cluster), &labels);
    }

    /// Somebody asks for one more try of what has failed.
    pub(super) fn retry(&mut self, manifests: &str) {
        let again = DesiredState { retry_since: Some(self.engine.now()), ..DesiredState::clone(&desired(manifests)) };
        self.want(again);
    }

    /// Something else is wanted.
    pub(super) fn want(&mut self, desired: DesiredState) {
        self.reconciler.handle(self.engine.now(), Input::Desired(Arc::new(desired)));
    }

    /// The reconciler is killed, and another one begins that knows nothing. What was under way goes on in the engine.
    pub(super) fn kill_reconciler(&mut self) {
        self.note("the reconciler is killed");
        self.calls.clear();
        self.engine.take_hints();
        self.reconciler = watching(self.reconciler.desired().clone());
    }

    /// Writes a line into the record.
    pub(super) fn note(&mut self, what: &str) {
        let after = self.engine.now().since(START);
        writeln!(self.record, "{:>8.3}  {what}", after.as_secs_f64()).expect("a text takes everything");
    }

    /// The record since it was last read.
    pub(super) fn read(&mut self) -> String {
        std::mem::take(&mut self.record)
    }

    /// Lets so much time pass.
    pub(super) fn pass(&mut self, secs: f64) {
        let until = self.engine.now().after(Duration::from_secs_f64(secs));
        self.hear();
        loop {
            self.look();
            let probe_at = self.reconciler.next_simulated_probe_at(&self.engine);
            let next = self.engine.next_event_at().into_iter().chain(self.wake_at).chain(probe_at).min();
            match next.filter(|next| *next < until) {
                Some(next) => self.advance(next),
                None => break,
            }
        }
        self.advance(until);
        self.look();
    }

    /// The container whose name begins so.
    pub(super) fn container(&self, name: &str) -> ObservedContainer {
        let found = self.engine.observe().containers.into_values().filter(|container| container.name.starts_with(name));
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|container| (!matches!(container.phase, Phase::Running { .. }), container.created_at));
        found.into_iter().next().unwrap_or_else(|| panic!("there is no container {name}"))
    }

    /// The id of the container whose name begins so.
    pub(super) fn id(&self, name: &str) -> ContainerId {
        self.container(name).id
    }

    /// What is waited for.
    pub(super) fn waits(&self) -> String {
        self.waits.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    /// Proves that the host has come to rest: nothing is waited for, and a reconciler that sees it for the first time does nothing,
    /// now and for an hour to come.
    pub(super) fn prove_quiet(mut self) {
        self.look();
        assert_eq!(self.waits(), "", "something is still waited for");
        self.read();
        self.kill_reconciler();
        self.read();
        self.pass(3600.0);
        let record = self.read();
        // It may say that all is well, and does nothing about it.
        let steps: Vec<_> = record.lines().filter(|line| !line.contains("  * ")).collect();
        assert_eq!(steps, Vec::<&str>::new(), "a converged host is left alone");
        assert_eq!(self.waits(), "", "a converged host waits for nothing");
    }

    /// Lets the reconciler look and decide until it has nothing more to begin.
    fn look(&mut self) {
        for _ in 0..LOOKS_MAX {
            let now = self.engine.now();
            let tick = self.reconciler.tick(now);
            let nothing_new = tick.commands.is_empty();
            for command in tick.commands {
                self.begin(now, command);
            }
            self.wake_at = tick.wake_at;
            if let Some(plan) = tick.plan {
                self.waits = plan.waits;
            }
            self.tell();
            if nothing_new {
                return;
            }
        }
        panic!("the reconciler looks and looks:\n{}", self.record);
    }

    fn begin(&mut self, now: Timestamp, command: Command) {
        match command {
            Command::List => {
                let answer = self.engine.try_list();
                self.reconciler.handle(now, Input::Listed(answer));
            }
            Command::Inspect(name) => {
                let answer = self.engine.try_inspect(&name);
                self.reconciler.handle(now, Input::Inspected(name, answer));
            }
            Command::AskHost => {
                self.reconciler.handle(now, Input::HostTold(Ok(self.engine.host())));
            }
            Command::AskStops(_) => {
                self.reconciler.handle(now, Input::StopsTold(Ok(self.engine.told_to_stop())));
            }
            Command::LookUpImage(image) => {
                let answer = Ok(self.engine.look_up_image(&image));
                self.reconciler.handle(now, Input::ImageLookedUp(image, answer));
            }
            Command::Perform(step) => {
                self.note(&step.to_string());
                let call = self.engine.begin(&step.action);
                self.calls.insert(call, step);
            }
        }
    }

    fn advance(&mut self, to: Timestamp) {
        self.engine.advance_to(to);
        self.hear();
    }

    /// Takes in what happened.
    fn hear(&mut self) {
        let now = self.engine.now();
        for (call, outcome) in self.engine.completed() {
            if let Some(step) = self.calls.remove(&call) {
                self.reconciler.handle(now, Input::Finished(step, outcome));
            }
        }
        for hint in self.engine.take_hints() {
            self.reconciler.handle(now, Input::Hint(hint));
        }
        self.reconciler.ask_simulated(&self.engine);
    }

    /// Writes down what the reconciler told.
    fn tell(&mut self) {
        for event in self.reconciler.take_events() {
            let about = event.about.as_ref().map(|about| format!("{about} ")).unwrap_or_default();
            let sentence = event.sentence();
            self.note(format!("  * {about}{} {sentence}", event.kind.word()).trim_end());
        }
    }
}
