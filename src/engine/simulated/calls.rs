//! Calls: how an action is begun, happens, is answered, or is not.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fault::{CallKind, Fault};
use super::timers::Event;
use super::{CallId, Simulated, Write};
use crate::observed::ContainerId;
use crate::plan::{Action, Failure, FailureKind, Outcome};
use crate::value::Timestamp;

/// A call that has begun and not ended.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) action: Arc<Action>,
    /// The place of the call in the log of writes.
    written: usize,
    reply: Reply,
    /// Whether the caller has been told what it will ever be told.
    answered: bool,
    /// Whether it happens without taking time.
    pub(super) instant: bool,
}

/// What the caller hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reply {
    /// What the action came to.
    Outcome,
    /// That no answer came, when the action has happened.
    Lost,
    /// Nothing more: it was already told that no answer came.
    Nothing,
}

/// What an action came to, or that it is still under way.
pub(super) enum Progress {
    Ended(Outcome),
    /// The container has been asked to end.
    Stopping,
}

impl Simulated {
    /// Lets the next call that has not begun go wrong.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.at(self.calls_begun, fault);
    }

    /// Lets the call with this number go wrong. The first call of an engine has number 0.
    pub fn inject_at(&mut self, call: CallId, fault: Fault) {
        self.faults.at(call.0, fault);
    }

    /// Lets the next call of a kind go wrong. Said twice, it means the next two.
    pub fn inject_next(&mut self, kind: CallKind, fault: Fault) {
        self.faults.next_of(kind, fault);
    }

    /// Takes back every fault to come.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// The containers that live and were told to end, and when.
    pub fn told_to_stop(&self) -> BTreeMap<ContainerId, Timestamp> {
        let told_at = |calls: &[CallId]| calls.iter().find_map(|call| self.calls.get(call)).map(|call| call.written);
        let live = self.containers.values().filter(|container| container.is_live());
        let told = live.filter_map(|one| Some((one.id.clone(), self.writes.get(told_at(&one.stop_calls)?)?.at)));
        told.collect()
    }

    /// How many calls have begun.
    pub fn calls_begun(&self) -> u64 {
        self.calls_begun
    }

    /// Begins an action. It happens and is answered while the clock is moved.
    pub fn begin(&mut self, action: &Action) -> CallId {
        let (call, fault) = self.open(action, false);
        let ready = self.now.after(self.pace.of(action));
        self.send(call, fault, ready);
        call
    }

    /// The answers since they were last taken, in the order of the calls.
    pub fn completed(&mut self) -> Vec<(CallId, Outcome)> {
        std::mem::take(&mut self.completed).into_iter().collect()
    }

    /// The answer to one call, when there is one.
    pub fn take_outcome(&mut self, call: CallId) -> Option<Outcome> {
        self.completed.remove(&call)
    }

    /// Notes the beginning of a call and finds out what is to go wrong with it.
    fn open(&mut self, action: &Action, instant: bool) -> (CallId, Option<Fault>) {
        let call = CallId(self.calls_begun);
        let fault = if self.reachable {
            self.faults.take(self.calls_begun, CallKind::of(action))
        } else {
            Some(Fault::Unreachable)
        };
        self.calls_begun += 1;
        self.check_call(call, action);
        let action = Arc::new(action.clone());
        self.note_begun(&action, 1);
        let written = self.writes.len();
        self.writes.push(Write { at: self.now, call, action: action.clone(), fault, outcome: None });
        self.calls.insert(call, Call { action, written, reply: Reply::Outcome, answered: false, instant });
        (call, fault)
    }

    /// Plans what becomes of a call that would happen at `ready`.
    fn send(&mut self, call: CallId, fault: Option<Fault>, ready: Timestamp) {
        let lost = || Outcome::Unknown("the answer was lost".to_owned());
        let failed = |kind, message: &str| Outcome::Failed(Failure { kind, message: message.to_owned() });
        match fault {
            None => self.plan_act(call, ready, Reply::Outcome),
            Some(Fault::Delay(by)) => self.plan_act(call, ready.after(by), Reply::Outcome),
            Some(Fault::LostAfter) => self.plan_act(call, ready, Reply::Lost),
            Some(Fault::LostWhileRunning(by)) => {
                self.timers.plan(ready, Event::Answer(call, lost()));
                self.plan_act(call, ready.after(by), Reply::Nothing);
            }
            Some(Fault::LostBefore) => {
                self.timers.plan(ready, Event::Answer(call, lost()));
            }
            Some(Fault::FailBefore(kind)) => {
                self.timers.plan(ready, Event::Answer(call, failed(kind, "simulated failure")));
            }
            Some(Fault::Unreachable) => {
                let outcome = failed(FailureKind::Unreachable, "cannot reach the engine");
                self.timers.plan(self.now, Event::Answer(call, outcome));
            }
        }
    }

    fn plan_act(&mut self, call: CallId, at: Timestamp, reply: Reply) {
        if let Some(open) = self.calls.get_mut(&call) {
            open.reply = reply;
        }
        self.timers.plan(at, Event::Act(call));
    }

    /// A call reaches the engine.
    pub(super) fn act(&mut self, call: CallId) {
        let Some(open) = self.calls.get(&call).cloned() else { return };
        match self.carry_out(call, &open) {
            Progress::Ended(outcome) => self.finish(call, outcome),
            Progress::Stopping => {}
        }
    }

    /// An action has come to something: the caller hears of it, or does not.
    pub(super) fn finish(&mut self, call: CallId, outcome: Outcome) {
        let Some(open) = self.calls.get(&call) else { return };
        match open.reply {
            Reply::Outcome => self.answer(call, outcome),
            Reply::Lost => self.answer(call, Outcome::Unknown("the answer was lost".to_owned())),
            Reply::Nothing => self.close(call),
        }
    }

    /// The caller hears of a call. A call that is to happen yet stays open.
    pub(super) fn answer(&mut self, call: CallId, outcome: Outcome) {
        let Some(open) = self.calls.get_mut(&call) else { return };
        open.answered = true;
        if let Some(write) = self.writes.get_mut(open.written).filter(|write| write.call == call) {
            write.outcome = Some(outcome.clone());
        }
        if open.reply != Reply::Nothing {
            self.close(call);
        }
        self.completed.insert(call, outcome);
    }

    fn close(&mut self, call: CallId) {
        if let Some(open) = self.calls.remove(&call) {
            self.note_begun(&open.action, -1);
        }
    }

    /// Counts, on the container that it is about, that a call has begun or ended.
    fn note_begun(&mut self, action: &Action, by: i32) {
        let (id, start) = match action {
            Action::StartContainer { id, .. } => (id, true),
            Action::StopContainer { id, .. } | Action::RemoveContainer { id, .. } => (id, false),
            Action::CreateNetwork { .. }
            | Action::RemoveNetwork { .. }
            | Action::PullImage { .. }
            | Action::CreateContainer(_)
            | Action::RemoveVolume { .. } => return,
        };
        if let Some(container) = self.containers.get_mut(id) {
            let count = if start { &mut container.starts_begun } else { &mut container.stops_begun };
            *count = count.saturating_add_signed(by);
        }
    }

    /// Every call that is under way ends without an answer, and what has not happened does not happen.
    pub(super) fn abandon_calls(&mut self) {
        self.timers.drop_calls();
        let open: Vec<_> = self.calls.iter().map(|(call, open)| (*call, open.answered)).collect();
        for (call, answered) in open {
            if !answered {
                self.answer(call, Outcome::Unknown("the engine went away".to_owned()));
            }
            self.close(call);
        }
        for container in self.containers.values_mut() {
            container.stop_calls.clear();
        }
    }
}

/// Performs an action at once.
pub(super) fn perform(engine: &mut Simulated, action: &Action) -> Outcome {
    let (call, fault) = engine.open(action, true);
    engine.send(call, fault, engine.now);
    let until = match fault {
        Some(Fault::Delay(by)) => engine.now.after(by),
        Some(
            Fault::FailBefore(_)
            | Fault::LostBefore
            | Fault::LostAfter
            | Fault::LostWhileRunning(_)
            | Fault::Unreachable,
        )
        | None => engine.now,
    };
    engine.advance_to(until);
    engine.take_outcome(call).expect("a call that takes no time is answered when the clock has reached its time")
}
