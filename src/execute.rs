//! Carries out what the reconciler says, and brings back what came of it. It makes no choice and never retries.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::engine::Perform;
use crate::reconciler::{Command, Input};

/// The calls under way. How many there may be is the reconciler's decision.
pub struct Executor<E> {
    engine: Arc<E>,
    calls: JoinSet<Input>,
}

impl<E: Perform> Executor<E> {
    /// An executor without any call under way.
    pub fn new(engine: Arc<E>) -> Self {
        Self { engine, calls: JoinSet::new() }
    }

    /// Begins what the reconciler said.
    pub fn begin(&mut self, command: Command) {
        let engine = self.engine.clone();
        match command {
            Command::List => {
                self.calls.spawn(async move { Input::Listed(engine.list().await) });
            }
            Command::Inspect(name) => {
                self.calls.spawn(async move {
                    let answer = engine.inspect(&name).await;
                    Input::Inspected(name, answer)
                });
            }
            Command::AskHost => {
                self.calls.spawn(async move { Input::HostTold(engine.host().await) });
            }
            Command::AskStops(since) => {
                self.calls.spawn(async move { Input::StopsTold(engine.told_to_stop(since).await) });
            }
            Command::LookUpImage(image) => {
                self.calls.spawn(async move {
                    let answer = engine.look_up_image(&image).await;
                    Input::ImageLookedUp(image, answer)
                });
            }
            Command::Perform(step) => {
                self.calls.spawn(async move {
                    let outcome = engine.perform(&step.action).await;
                    Input::Finished(step, outcome)
                });
            }
        }
    }

    /// The next call that ends. Waits for ever while none is under way. Dropping it loses nothing.
    pub async fn ended(&mut self) -> Input {
        loop {
            match self.calls.join_next().await {
                Some(Ok(input)) => return input,
                // A call that panicked is a defect of ours; the next list shows what became of its action.
                Some(Err(error)) => {
                    tracing::error!(%error, "a call to the engine broke off");
                    return Input::Resync;
                }
                None => std::future::pending().await,
            }
        }
    }

    /// A call that has ended already, if there is one.
    pub fn already_ended(&mut self) -> Option<Input> {
        match self.calls.try_join_next()? {
            Ok(input) => Some(input),
            Err(error) => {
                tracing::error!(%error, "a call to the engine broke off");
                Some(Input::Resync)
            }
        }
    }
}
