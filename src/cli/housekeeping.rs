//! Tidying up after tasks that no manifest declares: those that ended long ago go. The planner knows which; here it is only asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::converge;
use super::scope::{Scope, Scoped};
use crate::desired::DesiredState;
use crate::engine::docker::Docker;
use crate::event::Event;
use crate::image::PullProgress;
use crate::ownership::Source;
use crate::plan::Plan;
use crate::reconciler::Reconciler;
use crate::value::Timestamp;
use crate::watch::{Ending, Loop, Report, Until};

/// How often a reconciler that runs for ever tidies up. A list of everything is all that it costs when there is nothing to do.
const EVERY: Duration = Duration::from_mins(5);

/// How long tidying up may take. What is left is for the next time.
const LIMIT: Duration = Duration::from_mins(2);

/// Tidies up once; networks that nobody uses go only where that is said.
pub(super) async fn tidy(engine: Arc<Docker>, networks: bool) -> Ending {
    let nothing = DesiredState {
        source: Source::standalone(),
        adopted: BTreeSet::new(),
        clusters: BTreeMap::new(),
        retry_since: None,
    };
    let scoped = Arc::new(Scoped::new(engine, Scope::Housekeeping { networks }));
    let (_notices, inbox) = mpsc::channel(1);
    let mut quiet = Quiet;
    let mut run = Loop::new(scoped, Arc::new(nothing), converge::limits(), &mut quiet, inbox);
    run.run(Until::Steady(LIMIT), Box::new(|_, _| Ok(()))).await
}

/// Tidies up for ever.
pub(super) async fn keep_tidy(engine: Arc<Docker>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let ending = tidy(engine.clone(), false).await;
        tracing::debug!(?ending, "tidied up");
    }
}

/// Nobody has to know.
struct Quiet;

impl Report for Quiet {
    fn event(&mut self, event: &Event) {
        tracing::debug!(?event, "while tidying up");
    }

    fn progress(&mut self, _: &Reconciler, _: Option<&Plan>) {}

    fn pulling(&mut self, _: &[(String, PullProgress, Timestamp)]) {}

    fn heartbeat(&mut self, _: &Reconciler) {}
}
