//! What can go wrong with a call: data, chosen by the caller for one call to come.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::plan::{Action, FailureKind};

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The engine says no, and nothing has happened.
    FailBefore(FailureKind),
    /// It did not happen, and no answer comes.
    LostBefore,
    /// It happened, and no answer comes.
    LostAfter,
    /// No answer comes, and so long after that was noticed, it happens: an engine goes on when its client hangs up.
    LostWhileRunning(Duration),
    /// The engine cannot be reached.
    Unreachable,
    /// It takes so much longer.
    Delay(Duration),
}

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallKind {
    /// [`Action::CreateNetwork`].
    CreateNetwork,
    /// [`Action::RemoveNetwork`].
    RemoveNetwork,
    /// [`Action::PullImage`].
    PullImage,
    /// [`Action::CreateContainer`].
    CreateContainer,
    /// [`Action::StartContainer`].
    StartContainer,
    /// [`Action::StopContainer`].
    StopContainer,
    /// [`Action::RemoveContainer`].
    RemoveContainer,
    /// [`Action::RemoveVolume`].
    RemoveVolume,
}

impl CallKind {
    /// Every kind, for a test that wants each to have been hit.
    pub const ALL: [Self; 8] = [
        Self::CreateNetwork,
        Self::RemoveNetwork,
        Self::PullImage,
        Self::CreateContainer,
        Self::StartContainer,
        Self::StopContainer,
        Self::RemoveContainer,
        Self::RemoveVolume,
    ];

    /// The kind of an action.
    pub fn of(action: &Action) -> Self {
        match action {
            Action::CreateNetwork { .. } => Self::CreateNetwork,
            Action::RemoveNetwork { .. } => Self::RemoveNetwork,
            Action::PullImage { .. } => Self::PullImage,
            Action::CreateContainer(_) => Self::CreateContainer,
            Action::StartContainer { .. } => Self::StartContainer,
            Action::StopContainer { .. } => Self::StopContainer,
            Action::RemoveContainer { .. } => Self::RemoveContainer,
            Action::RemoveVolume { .. } => Self::RemoveVolume,
        }
    }
}

/// The faults to come.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    /// By the number of the call.
    by_number: BTreeMap<u64, Fault>,
    /// By the kind of call, the next one first.
    by_kind: BTreeMap<CallKind, VecDeque<Fault>>,
}

impl Faults {
    /// Lets the call with this number go wrong.
    pub(super) fn at(&mut self, number: u64, fault: Fault) {
        self.by_number.insert(number, fault);
    }

    /// Lets the next call of this kind go wrong that has no fault yet.
    pub(super) fn next_of(&mut self, kind: CallKind, fault: Fault) {
        self.by_kind.entry(kind).or_default().push_back(fault);
    }

    /// What goes wrong with this call.
    pub(super) fn take(&mut self, number: u64, kind: CallKind) -> Option<Fault> {
        self.by_number.remove(&number).or_else(|| self.by_kind.get_mut(&kind)?.pop_front())
    }

    pub(super) fn clear(&mut self) {
        self.by_number.clear();
        self.by_kind.clear();
    }
}
