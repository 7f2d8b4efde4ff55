//! What would happen: the real planner at work on the simulated engine, seeded with what was observed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::desired::{Condition, DesiredState, TaskSpec};
use crate::engine::simulated::{self, Behaviour, CallId, Simulated, Subject};
use crate::event::Event;
use crate::observed::ObservedState;
use crate::plan::Step;
use crate::plan::verdict::{Verdict, verdict};
use crate::reconciler::{Command, Input, Limits, Reconciler};
use crate::value::Timestamp;

/// How far a forecast looks ahead. What has not settled by then waits for a person, or for a very slow health check.
const HORIZON: Duration = Duration::from_hours(1);

/// How many times a forecast looks again at most: a rollout that needs more is told only in its beginning.
const LOOKS_MAX: usize = 5000;

/// A forecast.
#[derive(Debug)]
pub struct Forecast {
    /// What happens, in order.
    pub events: Vec<Event>,
    /// How it ends; `None` when it has not ended within the limits of a forecast.
    pub verdict: Option<Verdict>,
    /// How long it takes.
    pub took: Duration,
}

/// Forecasts what a run towards `desired` would do to what was observed, if every image is there and every program behaves well.
pub fn forecast(desired: &Arc<DesiredState>, observed: &ObservedState, cores: usize) -> Forecast {
    let mut engine = Simulated::new(observed.at);
    let services = desired.clusters.values().flat_map(|cluster| cluster.services.values());
    services.for_each(|service| end_what_is_waited_for(&mut engine, &service.task));
    engine.seed(observed);
    let began_at = engine.now();
    let mut run = Run {
        reconciler: Reconciler::new(desired.clone(), limits(desired, cores)),
        engine,
        calls: BTreeMap::new(),
        began_at,
    };
    run.reconciler.remember_pulls(observed.pulled.clone());
    run.reconciler.remember_answers(observed);
    let mut events = Vec::new();
    let mut ended = None;
    for _ in 0..LOOKS_MAX {
        let wake_at = match run.look() {
            Look::Ended(verdict) => {
                ended = Some(verdict);
                break;
            }
            Look::Again(wake_at) => wake_at,
        };
        let next = run
            .engine
            .next_event_at()
            .into_iter()
            .chain(wake_at)
            .chain(run.reconciler.next_simulated_probe_at(&run.engine))
            .min();
        let Some(next) = next.filter(|next| next.since(began_at) <= HORIZON) else { break };
        run.advance(next);
        events.extend(run.reconciler.take_events());
    }
    events.extend(run.reconciler.take_events());
    Forecast { events, verdict: ended, took: run.engine.now().since(began_at) }
}

/// How long a container is taken to run whose end others wait for. Nobody knows; what matters is that it ends well.
const ONE_SHOT: Duration = Duration::from_secs(1);

/// Lets the containers end well whose end others of their task wait for: init containers, migrations.
fn end_what_is_waited_for(engine: &mut Simulated, task: &TaskSpec) {
    for dependency in task.containers.iter().flat_map(|container| container.start_dependencies()) {
        match dependency.condition {
            Condition::Start | Condition::Healthy => {}
            Condition::Complete | Condition::Success => {
                let subject = Subject::Container(task.revision, dependency.container_name.clone());
                let run = simulated::Run::Exits { code: 0, after: ONE_SHOT };
                engine.set_behaviour(subject, Behaviour { run, ..Behaviour::default() });
            }
        }
    }
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

struct Run {
    reconciler: Reconciler,
    engine: Simulated,
    calls: BTreeMap<CallId, Box<Step>>,
    began_at: Timestamp,
}

enum Look {
    Ended(Verdict),
    Again(Option<Timestamp>),
}

impl Run {
    /// Lets the reconciler look and decide until it has nothing more to begin.
    fn look(&mut self) -> Look {
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
            let judged =
                tick.plan.as_ref().filter(|_| !self.reconciler.is_busy()).map(|plan| verdict(plan, self.began_at));
            return match judged {
                Some(ended @ (Verdict::Converged | Verdict::Failed(_))) => Look::Ended(ended),
                Some(Verdict::Progressing) | None => Look::Again(tick.wake_at),
            };
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
