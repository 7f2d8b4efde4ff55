//! The loop: one `select!` over everything that can happen. Each thing that happens corrects what is known; then the whole is planned
//! anew. A single convergence is the same loop, left as soon as there is nothing more to do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::clock;
use crate::desired::DesiredState;
use crate::engine::{EngineError, Hint, Perform, Subjects};
use crate::event::{Event, EventKind};
use crate::execute::Executor;
use crate::history::recorder::Recorder;
use crate::image::PullProgress;
use crate::observed::{Doing, ObservedState};
use crate::plan::verdict::{FailedService, Verdict, has_begun, verdict};
use crate::plan::{Plan, Target};
use crate::pulls::{PullHistory, cleanup};
use crate::reconciler::{Command, Input, Limits, Reconciler, Tick};
use crate::value::{ClusterName, Timestamp};

pub mod files;
mod hearing;
mod probing;

use hearing::Hearing;
use probing::Prober;

/// How often everything is looked at again although nothing has happened. Losing a hint costs at most this long. At 500 containers a
/// list costs an engine some 50 ms of one core, so this is a thousandth of it.
const RESYNC: Duration = Duration::from_mins(1);

/// How often a call that is still under way, or an engine that does not answer, is mentioned.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// How often somebody who watches is shown how far a fetch is.
const PULLS_SHOWN: Duration = Duration::from_secs(1);

/// How often it is told in an event: a log of a slow fetch stays short.
const PULLS_TOLD: Duration = Duration::from_secs(15);

/// How long a loop that was asked to end waits for what it has begun.
const FAREWELL: Duration = Duration::from_secs(10);

/// Something outside the engine that the loop has to know of.
#[derive(Debug)]
pub enum Notice {
    /// The manifests ask for something else.
    Desired(Arc<DesiredState>),
    /// Something to tell the user.
    Tell(Event),
    /// A signal asks the loop to end.
    Stop(Signal),
}

/// A signal of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// `SIGINT`: Ctrl-C.
    Interrupt,
    /// `SIGTERM`.
    Terminate,
}

impl Signal {
    /// The exit code of a process that a signal ended.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// When the loop ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// As soon as there is nothing more to do, or after this long.
    Steady(Duration),
    /// As soon as every task runs, whether it is well or not; or has ended.
    Begun,
    /// Never.
    Stopped,
}

/// How a loop ended.
#[derive(Debug)]
pub enum Ending {
    /// Everything is as it was waited for.
    Converged,
    /// These services do not come up.
    Failed(Vec<FailedService>),
    /// The time was up before everything was as the manifests ask.
    TimedOut(Box<Plan>),
    /// The engine could not be asked.
    Unreachable(EngineError),
    /// Another directory holds a cluster, or so much would go that the user has to insist. Nothing was done.
    Refused(Refusal),
    /// A signal ended it.
    Signalled(Signal),
}

/// Who is told what happens.
pub trait Report {
    /// Something happened.
    fn event(&mut self, event: &Event);
    /// The loop has looked and decided.
    fn progress(&mut self, reconciler: &Reconciler, plan: Option<&Plan>);
    /// Images are being fetched: how far each is, and since when. Called every second while it lasts.
    fn pulling(&mut self, pulls: &[(String, PullProgress, Timestamp)]);
    /// Nothing has happened for a while; what is still under way is worth a line.
    fn heartbeat(&mut self, reconciler: &Reconciler);
}

/// The question whether a desired state may be put in force, given what runs. The answer says why not, and what to do.
pub type Gate = Box<dyn Fn(&DesiredState, &ObservedState) -> Result<(), Refusal> + Send>;

/// Why a desired state is not put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: String,
    /// What to do when it is meant.
    pub release: String,
}

/// What a loop works with.
pub struct Loop<'r, E, R> {
    engine: Arc<E>,
    executor: Executor<E>,
    prober: Prober<E>,
    reconciler: Reconciler,
    report: &'r mut R,
    notices: tokio::sync::mpsc::Receiver<Notice>,
    hearing: Hearing,
    subjects: Subjects,
    began_at: Timestamp,
    history: Option<PullHistory>,
    recorder: Option<Recorder>,
    cleans_up: bool,
    /// The removals of images under way.
    removals: JoinSet<Vec<(String, bool)>>,
}

impl<'r, E: Perform, R: Report> Loop<'r, E, R> {
    /// A loop that works towards `desired` and listens to `notices`.
    pub fn new(
        engine: Arc<E>,
        desired: Arc<DesiredState>,
        limits: Limits,
        report: &'r mut R,
        notices: tokio::sync::mpsc::Receiver<Notice>,
    ) -> Self {
        let executor = Executor::new(engine.clone());
        let prober = Prober::new(engine.clone());
        let reconciler = Reconciler::new(desired, limits);
        let began_at = clock::now();
        Self {
            engine,
            executor,
            prober,
            reconciler,
            report,
            notices,
            hearing: Hearing::new(began_at),
            subjects: Subjects::Containers,
            began_at,
            history: None,
            recorder: None,
            cleans_up: false,
            removals: JoinSet::new(),
        }
    }

    /// Remembers which images were fetched before, and goes on to note which are.
    #[must_use]
    pub fn with_history(mut self, history: PullHistory) -> Self {
        self.reconciler.remember_pulls(history.pulled());
        self.history = Some(history);
        self
    }

    /// Records what happens to services.
    #[must_use]
    pub fn with_recorder(mut self, recorder: Recorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Waits a moment until what was recorded is written.
    pub async fn finish_recording(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            recorder.finish().await;
        }
    }

    /// Removes images that were fetched and that nobody needs any more, every half hour.
    #[must_use]
    pub fn with_image_cleanup(mut self) -> Self {
        self.cleans_up = true;
        self
    }

    /// What is known at the end.
    pub fn reconciler(&self) -> &Reconciler {
        &self.reconciler
    }

    /// Runs until `until`. Nothing is begun before `gate` has let the desired state pass.
    pub async fn run(&mut self, until: Until, gate: Gate) -> Ending {
        let mut gate_passed = false;
        let mut resync = tokio::time::interval_at(tokio::time::Instant::now() + RESYNC, RESYNC);
        let mut cleanup = tokio::time::interval_at(tokio::time::Instant::now() + cleanup::CYCLE, cleanup::CYCLE);
        let (mut pulls_shown, mut pulls_told) = (unhurried(PULLS_SHOWN), unhurried(PULLS_TOLD));
        let mut heartbeat = tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
        if until == Until::Stopped {
            self.subjects = Subjects::Everything;
            // Listening comes before looking: what happens in between is then a hint and not a loss.
            self.listen();
            self.reconciler.ask_about_host_early();
            self.reconciler.ask_about_stops_early();
        }
        let mut deadline = match until {
            Until::Steady(timeout) => Some(self.began_at.after(timeout)),
            Until::Begun | Until::Stopped => None,
        };
        loop {
            if self.hearing.again_at().is_some_and(|again_at| again_at <= clock::now()) {
                // What the engine has forgotten to tell meanwhile is found by looking.
                self.listen();
                self.take(Input::Resync);
            }
            if self.reconciler.has_listed() && !gate_passed {
                if let Err(refusal) = gate(self.reconciler.desired(), self.reconciler.observed()) {
                    return Ending::Refused(refusal);
                }
                gate_passed = true;
            }
            let wake_at = if gate_passed || !self.reconciler.is_busy() {
                let tick = self.reconciler.tick(clock::now());
                if let Some(ending) = self.judge(until, &tick) {
                    return ending;
                }
                self.carry_out(tick)
            } else {
                None
            };
            let listen_at = self.hearing.again_at();
            // Somebody who has nothing to wait for is not woken every second.
            let is_pulling = is_pulling(self.reconciler.observed());
            tokio::select! {
                input = self.executor.ended() => self.take(input),
                hint = self.hearing.next() => self.take_hint(hint),
                notice = self.notices.recv() => {
                    if let Some(ending) = self.take_notice(notice, &gate) {
                        return self.say_farewell(ending).await;
                    }
                }
                () = self.prober.news(&mut self.reconciler) => {}
                () = sleep_until(wake_at) => {}
                () = sleep_until(listen_at) => {}
                () = sleep_until(deadline) => deadline = None,
                _ = resync.tick() => self.take(Input::Resync),
                _ = pulls_shown.tick(), if is_pulling => self.report.pulling(&self.pulls()),
                _ = pulls_told.tick(), if is_pulling => self.tell_pulls(),
                _ = cleanup.tick(), if self.cleans_up => self.clean_up_images(),
                Some(removed) = self.removals.join_next() => self.tell_removed(removed.unwrap_or_default()),
                _ = heartbeat.tick() => self.report.heartbeat(&self.reconciler),
            }
            self.take_what_is_ready();
        }
    }

    /// The fetches under way: how far each is, and since when.
    fn pulls(&self) -> Vec<(String, PullProgress, Timestamp)> {
        let progress = self.engine.pulls();
        let under_way = self.reconciler.observed().in_flight.iter().filter_map(|(target, in_flight)| match target {
            Target::Image(image) => Some((image.clone(), progress.get(image).copied()?, in_flight.since)),
            Target::ClusterNetwork(_)
            | Target::Network(_)
            | Target::NewContainer(_)
            | Target::Container(_)
            | Target::Volume(_) => None,
        });
        under_way.collect()
    }

    /// Begins to remove images that nobody needs.
    fn clean_up_images(&mut self) {
        let (desired, observed) = (self.reconciler.desired(), self.reconciler.observed());
        // A fetch and a removal of one image exclude each other; the next cycle comes.
        let Some(history) = self.history.as_mut().filter(|_| !is_pulling(observed)) else { return };
        let unused = cleanup::choose(history, desired, observed);
        if !unused.is_empty() && self.removals.is_empty() {
            let engine = self.engine.clone();
            self.removals.spawn(async move { engine.remove_images(&unused).await });
        }
    }

    fn tell_removed(&mut self, gone: Vec<(String, bool)>) {
        for (image, was_removed) in gone {
            if let Some(history) = &mut self.history {
                history.forget(&image);
            }
            if !was_removed {
                continue;
            }
            self.report.event(&Event { at: clock::now(), about: None, kind: EventKind::ImageRemoved { image } });
        }
    }

    fn tell_pulls(&mut self) {
        // That it has begun has just been told.
        let is_old = |(_, _, since): &(String, PullProgress, Timestamp)| clock::now().since(*since) >= PULLS_TOLD / 2;
        for (image, progress, since) in self.pulls().into_iter().filter(is_old) {
            let kind = EventKind::ImageProgress { image, progress, since };
            self.report.event(&Event { at: clock::now(), about: None, kind });
        }
    }

    /// Whether a single convergence is over.
    fn judge(&mut self, until: Until, tick: &Tick) -> Option<Ending> {
        self.tell(tick.plan.as_ref());
        self.report.progress(&self.reconciler, tick.plan.as_ref());
        let timeout = match until {
            Until::Steady(timeout) => timeout,
            Until::Begun => Duration::MAX,
            Until::Stopped => return None,
        };
        if let Some(trouble) = self.reconciler.trouble() {
            let unreachable = matches!(trouble.error, EngineError::Unreachable { .. });
            // An engine that was never there will not appear; one that was there may be restarting.
            let given_up = clock::now().since(self.began_at) >= timeout;
            return (given_up || unreachable && !self.reconciler.has_listed())
                .then(|| Ending::Unreachable(trouble.error.clone()));
        }
        let plan = tick.plan.as_ref()?;
        // An image that nobody waits for any more may arrive when it likes.
        if self.reconciler.is_fetching_only() && plan.is_converged() {
            return Some(Ending::Converged);
        }
        if !self.reconciler.is_busy() && tick.commands.is_empty() {
            if until == Until::Begun && has_begun(plan) {
                return Some(Ending::Converged);
            }
            match verdict(plan, self.began_at) {
                Verdict::Converged => return Some(Ending::Converged),
                Verdict::Failed(services) => return Some(Ending::Failed(services)),
                Verdict::Progressing => {}
            }
        }
        let is_late = clock::now().since(self.began_at) >= timeout;
        is_late.then(|| Ending::TimedOut(Box::new(plan.clone())))
    }

    /// Begins what is to be done; says when to look again although nothing happens.
    fn carry_out(&mut self, tick: Tick) -> Option<Timestamp> {
        // Whoever only looks needs no hints. Whoever acts does, and whoever waits for what only the engine can tell, such as a check
        // that passes; both from the moment at which they began to look.
        let acts = tick.commands.iter().any(|command| matches!(command, Command::Perform(_)));
        let waits = tick.plan.is_some() && !self.reconciler.is_busy();
        if (acts || waits) && self.hearing.is_unused() {
            self.listen();
        }
        for command in tick.commands {
            self.executor.begin(command);
        }
        tick.wake_at
    }

    fn listen(&mut self) {
        let desired = self.reconciler.desired();
        let sources = desired.adopted.iter().chain([&desired.source]).cloned().collect();
        self.hearing.open(self.engine.hints(self.hearing.since(), sources, self.subjects));
    }

    fn take(&mut self, input: Input) {
        self.reconciler.handle(clock::now(), input);
    }

    fn take_hint(&mut self, hint: Option<Hint>) {
        match hint {
            Some(Hint::Lost) | None => {
                self.hearing.lose(clock::now());
                self.take(Input::Hint(Hint::Lost));
            }
            Some(hint @ (Hint::Container(..) | Hint::Other)) => self.take(Input::Hint(hint)),
        }
    }

    fn take_notice(&mut self, notice: Option<Notice>, gate: &Gate) -> Option<Ending> {
        match notice {
            Some(Notice::Desired(desired)) => {
                match gate(&desired, self.reconciler.observed()) {
                    Ok(()) => self.take(Input::Desired(desired)),
                    Err(Refusal { reason, release }) => {
                        let kind = EventKind::Held { reason, release };
                        self.report.event(&Event { at: clock::now(), about: None, kind });
                    }
                }
                None
            }
            Some(Notice::Tell(event)) => {
                if let Some(recorder) = &mut self.recorder {
                    recorder.notice(&event);
                }
                self.report.event(&event);
                None
            }
            Some(Notice::Stop(signal)) => Some(Ending::Signalled(signal)),
            None => Some(Ending::Signalled(Signal::Terminate)),
        }
    }

    /// Several things often happen at once; one plan for all of them is enough.
    fn take_what_is_ready(&mut self) {
        while let Some(input) = self.executor.already_ended() {
            self.take(input);
        }
    }

    fn tell(&mut self, plan: Option<&Plan>) {
        let events = self.reconciler.take_events();
        if let Some(recorder) = &mut self.recorder {
            let seen = (&**self.reconciler.desired(), self.reconciler.observed());
            recorder.look(&self.engine, seen, plan, &events);
        }
        for event in events {
            if let (EventKind::ImagePulled { image, .. }, Some(history)) = (&event.kind, &mut self.history) {
                history.note(image, event.at, cleanup::is_passing(self.reconciler.desired(), image));
            }
            self.report.event(&event);
        }
    }

    /// Lets what has begun come to its end, for a while: a call that is cut off may leave the engine doing half of it. Nothing new
    /// begins, and tasks go on running.
    async fn say_farewell(&mut self, ending: Ending) -> Ending {
        let deadline = tokio::time::Instant::now() + FAREWELL;
        while !self.reconciler.observed().in_flight.is_empty() {
            tokio::select! {
                input = self.executor.ended() => self.take(input),
                notice = self.notices.recv() => {
                    if matches!(notice, Some(Notice::Stop(_)) | None) {
                        break;
                    }
                }
                () = tokio::time::sleep_until(deadline) => break,
            }
        }
        self.tell(None);
        ending
    }
}

/// The clusters that a desired state works on.
pub fn clusters_of(desired: &DesiredState) -> BTreeSet<ClusterName> {
    desired.clusters.keys().cloned().collect()
}

fn is_pulling(observed: &ObservedState) -> bool {
    observed.in_flight.values().any(|in_flight| in_flight.doing == Doing::Pull)
}

/// An interval that makes up for nothing: what was not shown in time need not be shown.
fn unhurried(period: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    interval
}

async fn sleep_until(at: Option<Timestamp>) {
    match at {
        // A millisecond more, or the loop would wake just before the time it waits for, and do nothing.
        Some(at) => tokio::time::sleep(at.since(clock::now()) + Duration::from_millis(1)).await,
        None => std::future::pending().await,
    }
}
