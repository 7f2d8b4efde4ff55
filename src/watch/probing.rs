//! The checks over the network: whose turn it is says the reconciler, here is asked and waited for the answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::clock;
use crate::engine::Observe;
use crate::probing::{Answer, Question};
use crate::reconciler::Reconciler;

/// How many questions are under way at most. One takes a millisecond where all is well; where nothing answers, those that do have
/// to wait for the timeouts of the others no longer than this number of containers makes them.
const QUESTIONS_MAX: usize = 256;

/// Asks containers over the network.
pub(super) struct Prober<E> {
    engine: Arc<E>,
    questions: JoinSet<(Question, Answer)>,
}

impl<E: Observe> Prober<E> {
    pub(super) fn new(engine: Arc<E>) -> Self {
        Self { engine, questions: JoinSet::new() }
    }

    /// Goes on asking until an answer tells something new. Dropping it loses nothing.
    pub(super) async fn news(&mut self, reconciler: &mut Reconciler) {
        loop {
            self.ask(reconciler);
            let next_at = reconciler.next_probe_at(|_, _, _| true).filter(|_| self.has_room());
            tokio::select! {
                Some(answered) = self.questions.join_next() => {
                    let is_news = match answered {
                        Ok((question, answer)) => reconciler.take_answer(clock::now(), &question, &answer),
                        // A question that panicked is a defect of ours; all that have no answer are asked again.
                        Err(error) => {
                            tracing::error!(%error, "a check over the network broke off");
                            self.questions.abort_all();
                            reconciler.ask_again(clock::now());
                            false
                        }
                    };
                    if is_news {
                        return;
                    }
                }
                () = sleep_until(next_at) => {}
            }
        }
    }

    fn has_room(&self) -> bool {
        self.questions.len() < QUESTIONS_MAX
    }

    /// Asks whatever is due.
    fn ask(&mut self, reconciler: &mut Reconciler) {
        while self.has_room()
            && let Some(question) = reconciler.next_question(clock::now())
        {
            let engine = self.engine.clone();
            self.questions.spawn(async move {
                let answer = engine.probe(&question).await;
                (question, answer)
            });
        }
    }
}

async fn sleep_until(at: Option<crate::value::Timestamp>) {
    match at {
        Some(at) => tokio::time::sleep(at.since(clock::now()) + Duration::from_millis(1)).await,
        None => std::future::pending().await,
    }
}
