//! One round of the checks over the network, for whoever looks only once: `status` and the dry run.
//!
//! A single success tells that a container is well. A single failure tells nothing yet: what follows from it is the decision of the
//! run that has seen those before it.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use crate::engine::Observe;
use crate::observed::{ContainerId, Health, ObservedState, Phase};
use crate::probing::{Answer, Place, Purpose, Question, Rounds, Verdict, holder_of_address, way_to};

/// How many questions are under way at once.
const QUESTIONS_MAX: usize = 64;

/// Longer nobody waits who only wants to look.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks every container once that is checked over the network, and adds what it answers to what was observed.
pub(super) async fn ask_once<E: Observe>(engine: &E, observed: &mut ObservedState) {
    let mut rounds = Rounds::default();
    let questions = questions(&mut rounds, observed);
    let asked = questions.into_iter().map(|question| async move {
        let answer = engine.probe(&question).await;
        (question, answer)
    });
    let answers: Vec<(Question, Answer)> = stream::iter(asked).buffer_unordered(QUESTIONS_MAX).collect().await;
    for (question, answer) in answers {
        let verdict = rounds.record(&question, &answer, observed.at);
        let container = observed.containers.get_mut(&question.container);
        if let (Some(Verdict { health, output }), Some(container)) = (verdict, container) {
            question.purpose.write(container, health, output);
        }
    }
}

/// What there is to ask, of those that run and that no engine calls unhealthy.
fn questions(rounds: &mut Rounds, observed: &mut ObservedState) -> Vec<Question> {
    let at = observed.at;
    let running = observed.containers.values_mut().filter(|container| matches!(container.phase, Phase::Running { .. }));
    running.filter(|container| container.health != Health::Unhealthy).for_each(|container| {
        rounds.complete(container, false, at);
    });
    let mut questions = Vec::new();
    while let Some((id, purpose)) = rounds.next_due(at) {
        let Some(way) = way(rounds, observed, &id, purpose) else {
            rounds.skip(&id);
            continue;
        };
        if let Some(question) = rounds.ask((&id, purpose), way, at) {
            questions.push(Question { timeout: question.timeout.min(PATIENCE), ..question });
        }
    }
    questions
}

fn way(rounds: &Rounds, observed: &ObservedState, id: &ContainerId, purpose: Purpose) -> Option<(Place, Option<u16>)> {
    let container = observed.containers.get(id)?;
    let (port, mode) = rounds.way_to(id, purpose)?;
    Some(way_to(holder_of_address(observed, container, mode), port, mode))
}
