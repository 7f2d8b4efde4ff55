//! What will happen in the simulated engine by itself, in the order of time and then of its planning.

use std::collections::BTreeMap;

use super::CallId;
use crate::observed::ContainerId;
use crate::plan::Outcome;
use crate::value::Timestamp;

/// Something that happens by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A call reaches the engine.
    Act(CallId),
    /// A call is answered.
    Answer(CallId, Outcome),
    /// A health check of a container has ended.
    Verdict(ContainerId),
    /// The program of a container ends.
    End(ContainerId, Ending),
    /// A list begins to tell the truth about a container that has ended, and these calls to stop it are answered.
    Stopped(Vec<CallId>),
}

/// How a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) code: i64,
    pub(super) oom_killed: bool,
}

impl Ending {
    pub(super) const TERMINATED: Self = Self::with(143);
    pub(super) const KILLED: Self = Self::with(137);
    pub(super) const OOM: Self = Self { code: 137, oom_killed: true };

    pub(super) const fn with(code: i64) -> Self {
        Self { code, oom_killed: false }
    }
}

/// A place in the queue: its time, and a number that makes the order of one moment that of planning.
pub(super) type TimerKey = (Timestamp, u64);

/// What is planned.
#[derive(Debug, Clone, Default)]
pub(super) struct Timers {
    queue: BTreeMap<TimerKey, Event>,
    planned: u64,
}

impl Timers {
    pub(super) fn plan(&mut self, at: Timestamp, event: Event) -> TimerKey {
        self.planned += 1;
        let key = (at, self.planned);
        self.queue.insert(key, event);
        key
    }

    pub(super) fn cancel(&mut self, key: Option<TimerKey>) {
        self.take(key);
    }

    /// Takes an event out of the plan.
    pub(super) fn take(&mut self, key: Option<TimerKey>) -> Option<(Timestamp, Event)> {
        let key = key?;
        self.queue.remove(&key).map(|event| (key.0, event))
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    /// Takes the next event that is due at `until`.
    pub(super) fn take_due(&mut self, until: Timestamp) -> Option<(Timestamp, Event)> {
        let next = self.queue.first_entry().filter(|entry| entry.key().0 <= until)?;
        let ((at, _), event) = next.remove_entry();
        Some((at, event))
    }

    /// Forgets everything that concerns a call.
    pub(super) fn drop_calls(&mut self) {
        self.queue.retain(|_, event| match event {
            Event::Act(_) | Event::Answer(..) => false,
            Event::Verdict(_) | Event::End(..) | Event::Stopped(_) => true,
        });
    }
}
