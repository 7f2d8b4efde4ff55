//! Tasks that run once: what they do not get, and what becomes of them when they have ended.

use super::{Cause, Planner, TaskState, Wait};
use crate::plan::ending::Ending;
use crate::value::Slot;

impl Planner<'_, '_> {
    /// Whether a slot has ever had a task, as far as anybody can know.
    pub(super) fn has_had_its_turn(&self, slot: Slot) -> bool {
        let is_here = |task: &crate::ownership::TaskKey| {
            task.cluster == *self.cluster && task.service == *self.name && task.slot == slot
        };
        let counts = |member: &super::Member<'_>| member.current && !member.past && member.view.slot() == slot;
        self.members.iter().any(counts) || self.world.observed.gone_tasks.iter().any(is_here)
    }

    /// A task that is not well gets no successor: it runs until it ends.
    pub(super) fn let_run(&mut self, slot: Slot) {
        let runs = |index: &usize| {
            let member = &self.members[*index];
            member.view.slot() == slot && member.state == TaskState::Unhealthy
        };
        if self.indices(|_| true).iter().any(runs) {
            self.wait(slot, Wait::End);
        }
    }

    /// Asks how the tasks ended that have ended, and removes them where nobody wants to look at them afterwards.
    pub(super) fn clean_up_once(&mut self, keep_ended: bool) {
        let has_successor = |index: &usize| {
            let (this, mut others) = (&self.members[*index], self.members.iter());
            (!this.current || this.past) && others.any(|other| other.current && !other.past && other.view.exists())
        };
        let superseded: Vec<_> = self.indices(|member| member.state == TaskState::Ended);
        let (superseded, ended): (Vec<_>, Vec<_>) = superseded.into_iter().partition(has_successor);
        for index in superseded {
            self.world.remove_task(&self.members[index].view, &Cause::Superseded);
        }
        for index in ended {
            match self.members[index].view.ending() {
                Ending::Unknown(containers) => self.world.plan.unknowns.extend(containers),
                Ending::Untold | Ending::Known { .. } if keep_ended => {}
                Ending::Untold | Ending::Known { .. } => {
                    self.world.remove_task(&self.members[index].view, &Cause::TaskEnded);
                }
            }
        }
    }
}
