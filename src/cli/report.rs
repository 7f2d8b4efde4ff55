//! What a run says while it goes on: a line for each thing that happens, and on a terminal a last line that shows how far it is.

use std::collections::BTreeSet;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;
use super::render::progress;
use crate::clock;
use crate::event::{Event, EventKind};
use crate::image::PullProgress;
use crate::observed::{Doing, InFlight};
use crate::plan::{Plan, duration_text};
use crate::reconciler::Reconciler;
use crate::value::Timestamp;
use crate::watch::Report;

/// Tells a person what happens.
pub(super) struct Progress<'o> {
    output: &'o Output,
    bar: Option<ProgressBar>,
    began_at: Timestamp,
    /// What the last line says: how everything stands, and how far each fetch is.
    standing: String,
    pulls: Vec<String>,
}

impl<'o> Progress<'o> {
    pub(super) fn new(output: &'o Output) -> Self {
        let bar = output.talk_is_live.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style =
                ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            bar.set_style(style.tick_chars("|/-\\ "));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { output, bar, began_at: clock::now(), standing: String::new(), pulls: Vec::new() }
    }

    /// Says something without disturbing the last line.
    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.say(text)),
            None => self.output.say(text),
        }
    }

    /// Takes the last line away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Draws the last line.
    fn show(&self) {
        let Some(bar) = &self.bar else { return };
        let elapsed = duration_text(clock::now().since(self.began_at));
        let parts =
            std::iter::once(self.standing.clone()).chain(self.pulls.iter().map(|pull| format!("pulling {pull}")));
        bar.set_message(format!("{} - {elapsed}", parts.collect::<Vec<_>>().join("; ")));
    }

    /// On a screen the day is known; in a log it is not.
    fn clock(&self) -> progress::Clock {
        if self.output.talk_is_live { progress::Clock::Short } else { progress::Clock::Full }
    }

    pub(super) fn began_at(&self) -> Timestamp {
        self.began_at
    }
}

impl Report for Progress<'_> {
    fn event(&mut self, event: &Event) {
        // The services of a cluster are steady one by one; that each of their tasks runs has been said before.
        if !matches!(event.kind, EventKind::TaskStopped) {
            self.say(&progress::render_event(event, self.clock(), self.output.talk));
        }
    }

    fn progress(&mut self, reconciler: &Reconciler, plan: Option<&Plan>) {
        if self.bar.is_none() {
            return;
        }
        let is_pulled = |in_flight: &InFlight| in_flight.doing == Doing::Pull;
        if !reconciler.observed().in_flight.values().any(is_pulled) {
            self.pulls.clear();
        }
        self.standing = plan.map_or_else(|| "looking at the engine".to_owned(), |plan| standing(reconciler, plan));
        self.show();
    }

    fn pulling(&mut self, pulls: &[(String, PullProgress, Timestamp)]) {
        self.pulls = pulls
            .iter()
            .map(|(image, progress, since)| {
                format!("{image}: {progress}, for {}", duration_text(clock::now().since(*since)))
            })
            .collect();
        self.show();
    }

    fn heartbeat(&mut self, reconciler: &Reconciler) {
        let now = clock::now();
        if let Some(trouble) = reconciler.trouble() {
            let pause = duration_text(now.since(trouble.since));
            self.say(&format!("waiting for the engine, for {pause}: {}", trouble.error));
        }
        let old = |since: Timestamp| now.since(since) >= Duration::from_secs(20);
        // How far a fetch is has an event of its own.
        let is_due = |call: &InFlight| old(call.since) && call.doing != Doing::Pull;
        for (target, in_flight) in reconciler.observed().in_flight.iter().filter(|(_, call)| is_due(call)) {
            let pause = duration_text(now.since(in_flight.since));
            self.say(&format!("waiting for the engine, for {pause}: {target}"));
        }
    }
}

/// How many services are steady, and what the first of the others waits for.
fn standing(reconciler: &Reconciler, plan: &Plan) -> String {
    let services: usize = reconciler.desired().clusters.values().map(|cluster| cluster.services.len()).sum();
    let waiting: BTreeSet<_> =
        plan.waits.iter().filter_map(|wait| Some((&wait.about.cluster, wait.about.service.as_ref()?))).collect();
    let steady = services.saturating_sub(waiting.len());
    match plan.waits.first() {
        Some(first) => format!("{steady} of {services} services steady; {}: {}", first.about, first.wait),
        None => format!("{steady} of {services} services steady"),
    }
}
