//! The checks over the network: whose turn it is says the reconciler, here is asked and waited for the answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::clock;
use crate::engine::Observe;
use crate::probing::{Answer, Question};
use crate::reconciler::Reconciler;
use crate::value::Timestamp;

/// How many questions are under way at most. One takes a millisecond where all is well; where nothing answers, those that do have
/// to wait for the timeouts of the others no longer than this number of containers makes them.
const QUESTIONS_MAX: usize = 256;

/// How long is waited for more questions before those that are due are asked together. To wake for each by itself costs as much as
/// asking it.
const TOGETHER: Duration = Duration::from_millis(50);

/// Asks containers over the network.
pub(super) struct Prober<E> {
    engine: Arc<E>,
    questions: JoinSet<(Question, Answer)>,
    /// Not before then is anybody asked again.
    next_round: Instant,
}

impl<E: Observe> Prober<E> {
    pub(super) fn new(engine: Arc<E>) -> Self {
        Self { engine, questions: JoinSet::new(), next_round: Instant::now() }
    }

    /// Goes on asking until an answer tells something new. Dropping it loses nothing.
    pub(super) async fn news(&mut self, reconciler: &mut Reconciler) {
        loop {
            if self.next_round <= Instant::now() {
                self.ask(reconciler);
            }
            let next_at = reconciler.next_probe_at(|_, _, _| true).filter(|_| self.has_room());
            let next_round = self.next_round;
            tokio::select! {
                Some(answered) = self.questions.join_next() => {
                    let is_news = match answered {
                        Ok((question, answer)) => reconciler.take_answer(clock::now(), &question, &answer),
                        Err(error) if error.is_cancelled() => false,
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
                () = sleep_until(next_at, next_round) => {}
            }
        }
    }

    fn has_room(&self) -> bool {
        self.questions.len() < QUESTIONS_MAX
    }

    /// Asks whatever is due.
    fn ask(&mut self, reconciler: &mut Reconciler) {
        let before = self.questions.len();
        while self.has_room()
            && let Some(question) = reconciler.next_question(clock::now())
        {
            let engine = self.engine.clone();
            self.questions.spawn(async move {
                let answer = engine.probe(&question).await;
                (question, answer)
            });
        }
        if self.questions.len() > before {
            self.next_round = Instant::now() + TOGETHER;
        }
    }
}

/// Sleeps until a question is due and may be asked; for ever when none is.
async fn sleep_until(at: Option<Timestamp>, not_before: Instant) {
    match at {
        // A millisecond more, or it would wake just before the time it waits for.
        Some(at) => {
            let due = Instant::now() + at.since(clock::now()) + Duration::from_millis(1);
            tokio::time::sleep_until(due.max(not_before)).await;
        }
        None => std::future::pending().await,
    }
}
