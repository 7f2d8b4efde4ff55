//! Who was told to stop before we began to look.
//!
//! A task that was told to stop and has not ended yet looks like any other: a reconciler that begins anew, because the one before was
//! killed, would count on it and stop another one besides. So before it stops anything for the first time, it asks the engine.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Action, Cause, Command, ContainerId, EngineError, Phase, Plan, Reconciler, Step, Tick};
use crate::plan::stop_timeout_secs;
use crate::value::Timestamp;

/// The longest `stopTimeout`: whatever was told to stop before that has ended.
const LOOK_BACK: Duration = Duration::from_hours(24);

/// Whether it is known who was told to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Stops {
    /// It is asked when somebody wants to stop something.
    #[default]
    Unasked,
    /// It is asked at the first occasion.
    Wanted,
    Asking,
    /// What the engine remembers is known, be it nothing. Later stops are our own.
    Told,
}

impl Stops {
    pub(super) fn is_asking(self) -> bool {
        self == Self::Asking
    }

    /// Whether a step may begin now.
    pub(super) fn let_begin(self, step: &Step) -> bool {
        self == Self::Told || !ends_what_may_serve(step)
    }
}

/// Whether a step ends a task that may be well, because it is not needed any more: only for such a one it matters who else serves.
fn ends_what_may_serve(step: &Step) -> bool {
    let is_stop = matches!(step.action, Action::StopContainer { .. });
    is_stop
        && match step.cause {
            Cause::Outdated { .. }
            | Cause::Redeployed
            | Cause::RolledBack { .. }
            | Cause::Adopted
            | Cause::Surplus
            | Cause::Superseded
            | Cause::New
            | Cause::Wanted => true,
            Cause::Died { .. }
            | Cause::Unhealthy { .. }
            | Cause::Restarted { .. }
            | Cause::Removed
            | Cause::TaskEnded
            | Cause::Hook { .. }
            | Cause::TimedOut { .. }
            | Cause::InterventionOver
            | Cause::Stopped
            | Cause::FailedToStart { .. }
            | Cause::Duplicate => false,
        }
}

impl Reconciler {
    /// Asks who was told to stop as soon as it can. Whoever goes on for ever will need to know, and the first stop shall not wait.
    pub fn ask_about_stops_early(&mut self) {
        self.stops = Stops::Wanted;
    }

    /// Asks before something is stopped for the first time. Who goes on to run when his time is up counts again.
    pub(super) fn ask_about_stops(&mut self, plan: &Plan, tick: &mut Tick) {
        tick.wake_at = tick.wake_at.into_iter().chain(self.observed.leaving.values().copied()).min();
        let asks = match self.stops {
            Stops::Unasked => plan.steps.iter().any(ends_what_may_serve),
            Stops::Wanted => true,
            Stops::Asking | Stops::Told => false,
        };
        if asks {
            self.stops = Stops::Asking;
            tick.commands.push(Command::AskStops(self.observed.at.before(LOOK_BACK)));
        }
    }

    /// Takes in who was told to stop. An engine that does not say so holds nothing up.
    pub(super) fn learn_stops(&mut self, answer: Result<BTreeMap<ContainerId, Timestamp>, EngineError>) {
        self.stops = Stops::Told;
        let told = answer.unwrap_or_else(|error| {
            tracing::debug!(%error, "the engine did not tell who was told to stop");
            BTreeMap::new()
        });
        for (id, at) in told {
            if let Some(container) = self.observed.containers.get(&id) {
                let timeout = Duration::from_secs(stop_timeout_secs(container).into());
                self.observed.leaving.insert(id, at.after(timeout));
            }
        }
        self.forget_stops();
    }

    /// Forgets who has ended, or was given up as somebody who does not end.
    pub(super) fn forget_stops(&mut self) {
        let (at, containers) = (self.observed.at, &self.observed.containers);
        let runs = |id: &ContainerId| {
            containers.get(id).is_some_and(|one| matches!(one.phase, Phase::Running { .. } | Phase::Paused))
        };
        self.observed.leaving.retain(|id, until| *until > at && runs(id));
    }
}
