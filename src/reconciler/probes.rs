//! How the reconciler takes part in the checks over the network: it says who is to be asked, and takes in the answers.

use super::{ContainerId, Health, ObservedContainer, ObservedState, Phase, Reconciler};
use crate::engine::simulated::Simulated;
use crate::probing::{Answer, Place, Purpose, Question, Verdict, holder_of_address, way_to};
use crate::value::Timestamp;

impl Reconciler {
    /// Takes over what was found out by asking before this reconciler began.
    pub fn remember_answers(&mut self, observed: &ObservedState) {
        self.rounds.remember(observed);
    }

    /// When the next check over the network is due. Those about which `matters` says no are left out.
    pub fn next_probe_at(&self, matters: impl Fn(&ContainerId, Purpose, Health) -> bool) -> Option<Timestamp> {
        if self.is_blind() { None } else { self.rounds.next_at(matters) }
    }

    /// The next check that is due at `at`. Its answer is to be handed to [`Reconciler::take_answer`], whatever it is.
    pub fn next_question(&mut self, at: Timestamp) -> Option<Question> {
        if self.is_blind() {
            return None;
        }
        while let Some((id, purpose)) = self.rounds.next_due(at) {
            let running = self.observed.containers.get(&id);
            let Some(container) = running.filter(|container| matches!(container.phase, Phase::Running { .. })) else {
                self.rounds.skip(&id);
                continue;
            };
            let Some((port, mode)) = self.rounds.way_to(&id, purpose) else {
                self.rounds.skip(&id);
                continue;
            };
            let holder = holder_of_address(&self.observed, container, mode);
            let way = way_to(holder, port, mode);
            if way.0 == Place::Unknown && self.is_looking_at(&holder.id) {
                self.rounds.put_off(&id, purpose, at);
                continue;
            }
            if let Some(question) = self.rounds.ask((&id, purpose), way, at) {
                return Some(question);
            }
        }
        None
    }

    /// Lets a simulated engine answer at once whatever is due. Returns whether something is known now that was not before.
    pub fn ask_simulated(&mut self, engine: &Simulated) -> bool {
        let at = engine.now();
        let mut is_news = false;
        while let Some(question) = self.next_question(at) {
            let answer = engine.probe(&question);
            is_news |= self.take_answer(at, &question, &answer);
        }
        is_news
    }

    /// When the next check is due from which a simulated engine has something to tell.
    pub fn next_simulated_probe_at(&self, engine: &Simulated) -> Option<Timestamp> {
        self.next_probe_at(|id, purpose, health| engine.can_tell_news(id, purpose, health))
    }

    /// Asks again whatever has had no answer: nobody is going to bring one.
    pub fn ask_again(&mut self, at: Timestamp) {
        self.rounds.ask_again(at);
    }

    /// Takes in an answer. Returns whether something is known now that was not before: then a tick has something to decide.
    pub fn take_answer(&mut self, at: Timestamp, question: &Question, answer: &Answer) -> bool {
        let Some(verdict) = self.rounds.record(question, answer, at) else { return false };
        self.observed.at = at;
        let Some(container) = self.observed.containers.get_mut(&question.container) else { return false };
        if !matches!(container.phase, Phase::Running { .. }) {
            return false;
        }
        let before = container.clone();
        let Verdict { health, output } = verdict;
        question.purpose.write(container, health, output);
        let after = container.clone();
        let has_changed = (before.health, before.readiness) != (after.health, after.readiness);
        self.tell_change(Some(&before), &after);
        if let Answer::Unreachable(reason) = answer {
            self.tell_unchecked(&after, reason);
        }
        // What the failures say meanwhile is worth showing, and there is nothing to decide about it.
        has_changed
    }

    /// Adds to what the engine shows of a container what our own checks have found out.
    pub(super) fn complete(&mut self, container: &mut ObservedContainer, before: Option<&Phase>) {
        if !self.is_ours(&container.identity) {
            return;
        }
        let is_new = before.is_some_and(|phase| !matches!(phase, Phase::Running { .. } | Phase::Paused));
        self.rounds.complete(container, is_new, self.observed.at);
    }

    /// Whether nothing is known of the engine, or not any more.
    fn is_blind(&self) -> bool {
        !self.has_listed
    }

    /// Whether an inspection of a container is on its way.
    fn is_looking_at(&self, id: &ContainerId) -> bool {
        self.inspecting.contains_key(&*id.0) || self.inspect_wanted.contains(&*id.0)
    }
}
