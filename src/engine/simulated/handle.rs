//! The simulated engine behind the asynchronous door, on the clock of the runtime.
//!
//! With the runtime's clock paused a whole day passes in a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Simulated;
use super::logs::{Next, Place};
use crate::desired::Resources;
use crate::engine::{EngineError, Evidence, Hint, Listing, LogChunk, LogQuery, Observe, Perform, Subjects};
use crate::image::{ImageId, ObservedImage};
use crate::observed::{ContainerId, ObservedContainer};
use crate::ownership::{self, Intervention, Source};
use crate::plan::{Action, Outcome};
use crate::probing::{Answer, Question};
use crate::value::{ClusterName, Timestamp};

/// A simulated engine whose clock is that of the runtime. Clones share the engine.
#[derive(Debug, Clone)]
pub struct SimulatedHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    engine: Mutex<Simulated>,
    /// The runtime's clock, and the engine's, when they were joined.
    joined: (Instant, Timestamp),
    /// Tells those who wait that something may have changed.
    changed: watch::Sender<u64>,
}

impl SimulatedHandle {
    /// Joins the clock of an engine to that of the runtime.
    pub fn new(engine: Simulated) -> Self {
        let joined = (Instant::now(), engine.now());
        Self { shared: Arc::new(Shared { engine: Mutex::new(engine), joined, changed: watch::Sender::new(0) }) }
    }

    /// Does something with the engine as it is now.
    pub fn with<T>(&self, work: impl FnOnce(&mut Simulated) -> T) -> T {
        let done = self.look(work);
        self.shared.changed.send_modify(|count| *count = count.wrapping_add(1));
        done
    }

    /// Does something with the engine that changes nothing for those who wait.
    fn look<T>(&self, work: impl FnOnce(&mut Simulated) -> T) -> T {
        // A panic in the work of a test leaves an engine that is still whole: it is only data.
        let mut engine = self.shared.engine.lock().unwrap_or_else(PoisonError::into_inner);
        let (instant, at) = self.shared.joined;
        engine.advance_to(at.after(instant.elapsed()));
        work(&mut engine)
    }

    /// Waits until `ask` has an answer. It is asked again whenever something may have changed.
    async fn wait_for<T>(&self, mut ask: impl FnMut(&mut Simulated) -> Option<T>) -> T {
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let (answer, next) = self.look(|engine| (ask(engine), engine.next_event_at()));
            if let Some(answer) = answer {
                return answer;
            }
            let (instant, at) = self.shared.joined;
            let pause = next.map(|next| next.since(at));
            tokio::select! {
                () = sleep_until(instant, pause) => {}
                // The sender lives in `self`: it is never gone.
                _ = changed.changed() => {}
            }
        }
    }
}

/// Sleeps until `pause` after `instant`; for ever without one.
async fn sleep_until(instant: Instant, pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep_until(instant + pause).await,
        None => std::future::pending().await,
    }
}

impl Observe for SimulatedHandle {
    fn describe(&self) -> String {
        "a simulated engine".to_owned()
    }

    async fn list(&self) -> Result<Listing, EngineError> {
        self.look(|engine| engine.try_list())
    }

    async fn told_to_stop(&self, _: Timestamp) -> Result<BTreeMap<ContainerId, Timestamp>, EngineError> {
        self.look(|engine| engine.check_reachable().map(|()| engine.told_to_stop()))
    }

    async fn inspect(&self, id_or_name: &str) -> Result<Option<ObservedContainer>, EngineError> {
        self.look(|engine| engine.try_inspect(id_or_name))
    }

    fn hints(&self, _: Timestamp, _: BTreeSet<Source>, _: Subjects) -> BoxStream<'static, Hint> {
        let handle = self.clone();
        let state = Some((handle, Vec::new().into_iter()));
        let hints = stream::unfold(state, |state| async move {
            let (handle, mut taken) = state?;
            loop {
                if let Some(hint) = taken.next() {
                    let lost = hint == Hint::Lost;
                    return Some((hint, (!lost).then_some((handle, taken))));
                }
                taken = handle
                    .wait_for(|engine| Some(engine.take_hints()).filter(|hints| !hints.is_empty()))
                    .await
                    .into_iter();
            }
        });
        hints.boxed()
    }

    async fn log_tail(&self, id: &ContainerId, lines: usize) -> Result<Vec<String>, EngineError> {
        self.look(|engine| engine.check_reachable().map(|()| engine.log_tail(id, lines)))
    }

    async fn evidence(
        &self,
        id: &ContainerId,
        lines: usize,
        texts: Vec<String>,
    ) -> Result<Option<Evidence>, EngineError> {
        // Nothing here is secret: its containers write what a test has them write.
        let found = self.inspect(&id.0).await?;
        let log = self.log_tail(id, lines).await?;
        Ok(found.map(|_| Evidence { log, texts }))
    }

    fn logs(&self, id: &ContainerId, query: LogQuery) -> BoxStream<'static, Result<LogChunk, EngineError>> {
        let state = Some((self.clone(), id.clone(), Place::new(query)));
        let entries = stream::unfold(state, |state| async move {
            let (handle, id, mut place) = state?;
            let next = handle.wait_for(|engine| match engine.next_of_log(&id, &mut place) {
                Ok(Next::Entry(entry)) => Some(Some(Ok(entry))),
                Ok(Next::Later) => None,
                Ok(Next::End) => Some(None),
                Err(error) => Some(Some(Err(error))),
            });
            let next = next.await?;
            let goes_on = next.is_ok();
            Some((next, goes_on.then_some((handle, id, place))))
        });
        entries.boxed()
    }

    async fn probe(&self, question: &Question) -> Answer {
        self.look(|engine| engine.probe(question))
    }

    async fn host(&self) -> Result<Option<Resources>, EngineError> {
        self.look(|engine| engine.check_reachable().map(|()| engine.host()))
    }

    async fn look_up_image(&self, reference: &str) -> Result<Option<ObservedImage>, EngineError> {
        self.look(|engine| engine.check_reachable().map(|()| engine.look_up_image(reference)))
    }

    async fn image_names(&self) -> Result<Vec<String>, EngineError> {
        self.look(|engine| engine.check_reachable().map(|()| engine.image_names()))
    }
}

impl Perform for SimulatedHandle {
    async fn perform(&self, action: &Action) -> Outcome {
        let call = self.with(|engine| engine.begin(action));
        self.wait_for(|engine| engine.take_outcome(call)).await
    }

    async fn intervene(
        &self,
        cluster: &ClusterName,
        source: &Source,
        intervention: &Intervention,
    ) -> Result<(), EngineError> {
        self.with(|engine| {
            let labels = ownership::intervention_labels(cluster, source, intervention);
            engine.check_reachable().map(|()| engine.add_volume_by_hand(&intervention.name(cluster), &labels))
        })
    }

    async fn remove_images(&self, images: &[(String, ImageId)]) -> Vec<(String, bool)> {
        self.with(|engine| engine.remove_unused_images(images))
    }
}
