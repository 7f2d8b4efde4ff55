//! What would happen: the real planner at work on the simulated engine, seeded with what was observed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::desired::{Condition, DesiredState, TaskSpec};
use crate::engine::simulated::{self, Behaviour, CallId, Simulated, Subject};
use crate::event::Event;
use crate::observed::ObservedState;
use crate::plan::verdict::{Verdict, verdict};
use crate::plan::{Plan, Step, Wait};
use crate::reconciler::{Command, Input, Limits, Reconciler};
use crate::value::{ContainerName, Timestamp};

pub mod what_if;

/// How far a forecast looks ahead. What has not settled by then waits for a person, or for a very slow health check.
const HORIZON: Duration = Duration::from_hours(1);

/// How many times a forecast looks again at most: a rollout that needs more is told only in its beginning.
const LOOKS_MAX: usize = 5000;

/// How many tasks are looked at in all in a forecast that goes on until nothing happens any more: some seconds of work.
const TASKS_LOOKED_AT_MAX: usize = 500_000;

/// How many times it looks all the same, however many tasks there are: a deployment that is given up takes some tries.
const LOOKS_MIN: usize = 300;

/// A forecast.
#[derive(Debug)]
pub struct Forecast {
    /// What happens, in order.
    pub events: Vec<Event>,
    /// How it ends; `None` when it has not ended within the limits of a forecast.
    pub verdict: Option<Verdict>,
    /// How long it takes.
    pub took: Duration,
    /// Whether there was too much to tell, so that it was cut off before the limit of time.
    pub exhausted: bool,
}

/// Forecasts what a run towards `desired` would do to what was observed, if every image is there and every program behaves well.
pub fn forecast(desired: &Arc<DesiredState>, observed: &ObservedState, cores: usize) -> Forecast {
    Run::new(desired, observed, cores).go(Until::Judged, |_, _| {})
}

/// How long what was brought about has run when it is looked at: nobody waits any more to see whether it stays up.
const CALM: Duration = Duration::from_mins(1);

/// What would run on a host with nothing on it but what `desired` asks for, brought about at `at` with everything going well.
///
/// What can never begin is not there, just as on a real host.
pub fn converge(desired: &Arc<DesiredState>, at: Timestamp, cores: usize) -> ObservedState {
    let nothing = ObservedState { at, ..ObservedState::default() };
    let mut run = Run::new(desired, &nothing, cores);
    run.drive(Until::Judged, |_, _| {});
    let observed = run.reconciler.observed().clone();
    ObservedState {
        at: observed.at.after(CALM),
        queued: BTreeMap::new(),
        in_flight: BTreeMap::new(),
        failed_actions: BTreeMap::new(),
        condemned: BTreeMap::new(),
        ..observed
    }
}

/// How long a container is taken to run whose end others wait for. Nobody knows; what matters is that it ends well.
const ONE_SHOT: Duration = Duration::from_secs(1);

/// Lets the containers end well whose end others of their task wait for: init containers, migrations.
fn end_what_is_waited_for(engine: &mut Simulated, task: &TaskSpec) {
    for container in waited_for(task) {
        let subject = Subject::Container(task.revision, container);
        let run = simulated::Run::Exits { code: 0, after: ONE_SHOT };
        engine.set_behaviour(subject, Behaviour { run, ..Behaviour::default() });
    }
}

/// Lets the tasks of hooks end well.
fn end_hooks(engine: &mut Simulated, desired: &DesiredState) {
    for (cluster, wanted) in &desired.clusters {
        let hooks = wanted.services.iter().flat_map(|(name, service)| service.named_hooks(name));
        for (name, hook) in hooks {
            let task = &hook.service.task;
            for container in task.containers.iter().filter(|container| container.essential) {
                let subject = Subject::OfService(cluster.clone(), name.clone(), task.revision, container.name.clone());
                let run = simulated::Run::Exits { code: 0, after: ONE_SHOT };
                engine.set_behaviour(subject, Behaviour { run, ..Behaviour::default() });
            }
        }
    }
}

/// The containers of a task whose end others of it wait for.
fn waited_for(task: &TaskSpec) -> impl Iterator<Item = ContainerName> + '_ {
    let dependencies = task.containers.iter().flat_map(|container| container.start_dependencies());
    let ending = dependencies.filter(|dependency| match dependency.condition {
        Condition::Start | Condition::Healthy => false,
        Condition::Complete | Condition::Success => true,
    });
    ending.map(|dependency| dependency.container_name.clone())
}

/// As many actions at once as a real run would begin; for very many services more, for the sake of the one who waits for the answer.
fn limits(desired: &DesiredState, cores: usize) -> Limits {
    let services: usize = desired.clusters.values().map(|cluster| cluster.services.len()).sum();
    let limits = Limits::for_cores(cores);
    let wide = |limit: usize| if services > 500 { usize::MAX } else { limit };
    Limits {
        repair: wide(limits.repair),
        rollout: wide(limits.rollout),
        retire: wide(limits.retire),
        pull: limits.pull,
    }
}

/// How far a forecast goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Until a run would end.
    Judged,
    /// Until nothing more happens, also after a run would have ended.
    AtRest,
}

impl Until {
    /// Whether a run that is judged so is told to its end; `busy` when the engine has something coming.
    fn is_over(self, verdict: &Verdict, busy: bool) -> bool {
        match (self, verdict) {
            (_, Verdict::Progressing) => false,
            (Self::Judged, Verdict::Converged | Verdict::Failed(_)) => true,
            (Self::AtRest, Verdict::Converged) => !busy,
            (Self::AtRest, Verdict::Failed(services)) => {
                let mut waits = services.iter().flat_map(|service| &service.waits).map(|waiting| &waiting.wait);
                !busy && !waits.any(|wait| matches!(wait, Wait::Backoff { .. } | Wait::Retry { .. }))
            }
        }
    }
}

struct Run {
    reconciler: Reconciler,
    engine: Simulated,
    calls: BTreeMap<CallId, Box<Step>>,
    began_at: Timestamp,
}

/// What a look has found.
struct Look {
    verdict: Option<Verdict>,
    wake_at: Option<Timestamp>,
}

impl Run {
    fn new(desired: &Arc<DesiredState>, observed: &ObservedState, cores: usize) -> Self {
        let mut engine = Simulated::new(observed.at);
        desired.services_and_hooks().for_each(|service| end_what_is_waited_for(&mut engine, &service.task));
        end_hooks(&mut engine, desired);
        engine.seed(observed);
        let began_at = engine.now();
        let mut reconciler = Reconciler::new(desired.clone(), limits(desired, cores));
        reconciler.remember_pulls(observed.pulled.clone());
        reconciler.remember_answers(observed);
        Self { reconciler, engine, calls: BTreeMap::new(), began_at }
    }

    /// Lets time pass. After each decision `watch` is shown what is known and what was decided.
    fn go(mut self, until: Until, watch: impl FnMut(&Reconciler, &Plan)) -> Forecast {
        self.drive(until, watch)
    }

    fn drive(&mut self, until: Until, mut watch: impl FnMut(&Reconciler, &Plan)) -> Forecast {
        let mut events = Vec::new();
        let (mut ended, mut exhausted) = (None, true);
        for _ in 0..self.looks_max(until) {
            let Look { verdict, wake_at } = self.look(&mut watch);
            let next_event_at = self.engine.next_event_at();
            ended = verdict.filter(|verdict| until.is_over(verdict, next_event_at.is_some()));
            if ended.is_some() {
                exhausted = false;
                break;
            }
            let probe_at = self.reconciler.next_simulated_probe_at(&self.engine);
            let next = next_event_at.into_iter().chain(wake_at).chain(probe_at).min();
            let Some(next) = next.filter(|next| next.since(self.began_at) <= HORIZON) else {
                exhausted = false;
                break;
            };
            self.advance(next);
            events.extend(self.reconciler.take_events());
        }
        events.extend(self.reconciler.take_events());
        Forecast { events, verdict: ended, took: self.engine.now().since(self.began_at), exhausted }
    }

    /// How many times it looks at most. A look takes as long as there are tasks, and what goes on for ever is cut off the sooner.
    fn looks_max(&self, until: Until) -> usize {
        let services = self.reconciler.desired().clusters.values().flat_map(|cluster| cluster.services.values());
        let tasks: usize = services.map(|service| service.desired_count.unwrap_or(1) as usize).sum();
        match until {
            Until::Judged => LOOKS_MAX,
            Until::AtRest => (TASKS_LOOKED_AT_MAX / tasks.max(1)).clamp(LOOKS_MIN, LOOKS_MAX),
        }
    }

    /// Lets the reconciler look and decide until it has nothing more to begin.
    fn look(&mut self, watch: &mut impl FnMut(&Reconciler, &Plan)) -> Look {
        loop {
            let now = self.engine.now();
            let tick = self.reconciler.tick(now);
            let mut answered = false;
            for command in tick.commands {
                match command {
                    Command::List => {
                        answered = true;
                        self.reconciler.handle(now, Input::Listed(Ok(self.engine.list())));
                    }
                    Command::Inspect(name) => {
                        answered = true;
                        let found = self.engine.inspect(&name);
                        self.reconciler.handle(now, Input::Inspected(name, Ok(found)));
                    }
                    Command::AskHost => {
                        answered = true;
                        self.reconciler.handle(now, Input::HostTold(Ok(self.engine.host())));
                    }
                    Command::AskStops(_) => {
                        answered = true;
                        self.reconciler.handle(now, Input::StopsTold(Ok(self.engine.told_to_stop())));
                    }
                    Command::LookUpImage(image) => {
                        answered = true;
                        let found = self.engine.look_up_image(&image);
                        self.reconciler.handle(now, Input::ImageLookedUp(image, Ok(found)));
                    }
                    Command::Perform(step) => {
                        let call = self.engine.begin(&step.action);
                        self.calls.insert(call, step);
                    }
                }
            }
            if answered {
                continue;
            }
            if let Some(plan) = &tick.plan {
                watch(&self.reconciler, plan);
            }
            let idle = tick.plan.as_ref().filter(|_| !self.reconciler.is_busy());
            return Look { verdict: idle.map(|plan| verdict(plan, self.began_at)), wake_at: tick.wake_at };
        }
    }

    /// Moves the clock, and takes in what happened meanwhile.
    fn advance(&mut self, to: Timestamp) {
        self.engine.advance_to(to);
        for (call, outcome) in self.engine.completed() {
            if let Some(step) = self.calls.remove(&call) {
                self.reconciler.handle(to, Input::Finished(step, outcome));
            }
        }
        for hint in self.engine.take_hints() {
            self.reconciler.handle(to, Input::Hint(hint));
        }
        self.reconciler.ask_simulated(&self.engine);
    }
}
