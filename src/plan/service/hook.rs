//! The task of a hook: what it does not do before its turn, and how long it may take.

use super::{Planner, TaskState};
use crate::plan::deployment::hooks::{Order, begun_at};
use crate::plan::{Cause, Wait};
use crate::value::HookStage;

impl Planner<'_, '_> {
    /// The stage at which the task runs, where it is that of a hook which is to be made.
    pub(super) fn hook_stage(&self) -> Option<HookStage> {
        match self.order? {
            Order::Run { stage, timeout: _ } | Order::Make { stage } => Some(stage),
            Order::Leave => None,
        }
    }

    /// Whether no task is made, as it is that of a hook whose time is over or has not come.
    pub(super) fn makes_none(&self) -> bool {
        self.order == Some(Order::Leave)
    }

    /// Whether no task is started.
    pub(super) fn starts_none(&self) -> bool {
        match self.order {
            Some(Order::Make { .. } | Order::Leave) => true,
            Some(Order::Run { .. }) | None => false,
        }
    }

    /// Ends the task of a hook that has run for as long as it may.
    pub(super) fn end_overdue(&mut self) {
        let Some(Order::Run { stage: _, timeout }) = self.order else { return };
        let at = self.at();
        for index in self.indices(|member| member.is_alive() && member.state != TaskState::Ending) {
            let view = &self.members[index].view;
            if begun_at(view).is_some_and(|begun_at| begun_at.after(timeout) <= at) {
                let slot = view.slot();
                self.end(index, &Cause::TimedOut { after: timeout });
                self.wait(slot, Wait::Action);
            }
        }
    }
}
