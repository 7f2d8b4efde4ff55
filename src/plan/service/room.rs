//! Which tasks of a service go: to make room for another one, or because another one has taken over.

use super::Planner;
use crate::desired::{Resources, Sizes, reserve};
use crate::ownership::TaskKey;
use crate::plan::capacity::{Shortage, room_for};
use crate::plan::view::TaskState;
use crate::plan::world::World;
use crate::plan::{Cause, Wait};
use crate::value::Slot;

impl Planner<'_, '_> {
    /// Ends what stands in the way of a vacancy, as far as the minimum allows.
    pub(super) fn make_room(&mut self) {
        // What is already on its way out will leave room by itself.
        let mut leaving =
            self.indices(|member| member.state == TaskState::Ending || member.retired && member.is_alive()).len();
        for (vacancy, wait) in std::mem::take(&mut self.refused) {
            let victim = if let Wait::Port { holder, .. } = &wait {
                self.port_victim(holder)
            } else if let Wait::NeverFits(_) = &wait {
                Ok(None)
            } else if leaving > 0 {
                leaving -= 1;
                Ok(None)
            } else if let Wait::Resources(shortage) = &wait {
                Ok(self.room_victim(vacancy.slot, shortage))
            } else if let Wait::ResourceQueue { .. } = &wait {
                // Whoever comes first has to have enough before anything is stopped for the second.
                Ok(None)
            } else {
                self.victim(vacancy.slot)
            };
            match victim {
                Ok(Some(index)) => {
                    let is_sick = matches!(vacancy.cause, Cause::Unhealthy { .. });
                    let cause = if is_sick { vacancy.cause.clone() } else { self.farewell(index) };
                    self.end(index, &cause);
                    self.wait(vacancy.slot, Wait::Action);
                }
                Ok(None) => self.wait(vacancy.slot, wait),
                Err(because) => self.wait(vacancy.slot, because),
            }
        }
    }

    /// The task of this service that holds a port which is needed, if it may go.
    fn port_victim(&self, holder: &TaskKey) -> Result<Option<usize>, Wait> {
        let index = self.members.iter().position(|member| member.view.key == holder && member.is_alive());
        match index {
            Some(index) if !self.is_expendable(index) => Ok(None),
            Some(index) if self.may_lose(index) => Ok(Some(index)),
            Some(_) => Err(Wait::MinimumHealthy),
            None => Ok(None),
        }
    }

    /// Asks for room on the host for a task; says what there is to wait for.
    pub(super) fn ask_for_room(&mut self, task: &TaskKey, cause: &Cause) -> Option<Wait> {
        let (needs, room) = self.claim()?;
        if let Some(never) = self.never_fits() {
            return Some(never);
        }
        let World { queue, observed, .. } = &mut *self.world;
        queue.ask(observed, room, task, needs, cause)
    }

    /// That a task of this service would not fit even if nothing else ran.
    pub(super) fn never_fits(&self) -> Option<Wait> {
        let (needs, room) = self.claim()?;
        Shortage::of(needs, room, room).map(Wait::NeverFits)
    }

    /// What a task of this service reserves, and what the host has for it; `None` when there is nothing to ask for.
    fn claim(&self) -> Option<(Resources, Resources)> {
        let World { desired, observed, .. } = &*self.world;
        let room = room_for(desired, observed, self.cluster)?;
        let needs = self.service.task.reservation();
        (!needs.is_nothing()).then_some((needs, room))
    }

    /// The task that goes first where the host lacks room, if enough may go for one of the new ones to fit.
    fn room_victim(&self, slot: Slot, shortage: &Shortage) -> Option<usize> {
        let victim = self.victim(slot).ok().flatten()?;
        let mut to_lose = self.healthy().saturating_sub(self.floor);
        let may_go = self.indices(|member| member.is_alive() && member.state != TaskState::Ending);
        let may_go = may_go.into_iter().filter(|&index| self.is_expendable(index) && self.may_lose(index));
        let mut free = shortage.free;
        for index in may_go {
            let member = &self.members[index];
            if member.is_healthy() {
                let Some(fewer) = to_lose.checked_sub(1) else { continue };
                to_lose = fewer;
            }
            let sizes = member.view.observed().filter_map(|container| container.spec.as_deref()).map(Sizes::read);
            free += reserve(sizes);
        }
        shortage.needs.lacking(free).is_nothing().then_some(victim)
    }

    /// The task that goes first where room is needed: the sick before the healthy, the own slot before others.
    fn victim(&self, slot: Slot) -> Result<Option<usize>, Wait> {
        let rank = |&index: &usize| {
            let member = &self.members[index];
            (member.is_healthy(), member.view.slot() != slot, member.current, member.view.slot(), member.view.attempt())
        };
        let candidates =
            self.indices(|member| member.is_alive() && !member.retired && member.state != TaskState::Ending);
        match candidates.into_iter().filter(|&index| self.is_expendable(index)).min_by_key(rank) {
            Some(index) if self.may_lose(index) => Ok(Some(index)),
            Some(_) => Err(Wait::MinimumHealthy),
            None => Ok(None),
        }
    }

    /// Whether nobody wants this task for its own sake.
    fn is_expendable(&self, index: usize) -> bool {
        let member = &self.members[index];
        !member.retired
            && (!member.current || !self.is_wanted(member.view.slot()) || member.state == TaskState::Unhealthy)
    }

    /// Whether enough tasks stay healthy without this one.
    fn may_lose(&self, index: usize) -> bool {
        let member = &self.members[index];
        if member.is_unchecked() {
            // It may be one of the healthy ones: it goes only where it is not needed even so.
            return self.healthy() >= self.floor;
        }
        !member.is_settling() && (!member.is_healthy() || self.healthy() > self.floor)
    }

    /// Ends tasks whose slot has a healthy task of the current revision, and tasks beyond the desired count.
    pub(super) fn retire_superseded(&mut self) {
        let mut candidates = self.indices(|member| member.is_alive() && member.state != TaskState::Ending);
        // Scale-in takes the highest slot first: the order is a promise in the README.
        candidates.sort_by_key(|&index| {
            let view = &self.members[index].view;
            (std::cmp::Reverse(view.slot()), view.attempt())
        });
        for index in candidates {
            let slot = self.members[index].view.slot();
            if self.members[index].retired || !self.has_successor(index) && self.is_wanted(slot) {
                continue;
            }
            if self.may_lose(index) {
                let cause = self.farewell(index);
                self.end(index, &cause);
                self.wait(slot, Wait::Action);
            } else {
                self.wait(slot, Wait::MinimumHealthy);
            }
        }
    }

    /// Whether another task of the slot is current and healthy, and rather to be kept.
    fn has_successor(&self, index: usize) -> bool {
        let this = &self.members[index];
        self.members.iter().enumerate().any(|(other, member)| {
            let better = !this.current || !this.is_healthy() || member.view.attempt() > this.view.attempt();
            other != index && member.current && member.is_healthy() && better && member.view.slot() == this.view.slot()
        })
    }
}
