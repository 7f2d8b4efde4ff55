//! Which tasks of a service go: to make room for another one, or because another one has taken over.

use super::Planner;
use crate::desired::{Resources, Sizes, reserve};
use crate::observed::ObservedContainer;
use crate::ownership::TaskKey;
use crate::plan::capacity::{Shortage, room_for};
use crate::plan::view::TaskState;
use crate::plan::world::World;
use crate::plan::{Cause, Held, Wait};
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
            Some(index) if let Some(until) = self.protected_until(index) => Err(Wait::Held(Held::Protected { until })),
            Some(index) if !self.is_expendable(index) => Ok(None),
            Some(index) if self.may_lose(index) => Ok(Some(index)),
            Some(_) => Err(Wait::MinimumHealthy),
            None => Ok(None),
        }
    }

    /// Asks for room on the host for a task; says what there is to wait for.
    pub(super) fn ask_for_room(&mut self, task: &TaskKey, cause: &Cause) -> Option<Wait> {
        let needs = self.needs()?;
        if let Some(never) = self.never_fits() {
            return Some(never);
        }
        let World { queue, observed, desired, .. } = &mut *self.world;
        queue.ask(observed, room_for(desired, observed, self.cluster), task, needs, cause)
    }

    /// That a task of this service would not fit even if nothing else ran.
    pub(super) fn never_fits(&mut self) -> Option<Wait> {
        let needs = self.needs()?;
        self.world.plan.needs_host = true;
        let room = room_for(self.world.desired, self.world.observed, self.cluster)?;
        Shortage::of(needs, room, room).map(Wait::NeverFits)
    }

    /// What a task of this service reserves; `None` when that is nothing.
    fn needs(&self) -> Option<Resources> {
        Some(self.service.task.reservation()).filter(|needs| !needs.is_nothing())
    }

    /// The task that goes first where the host lacks room, if enough may go for one of the new ones to fit.
    fn room_victim(&self, slot: Slot, shortage: &Shortage) -> Option<usize> {
        let victim = self.victim(slot).ok().flatten()?;
        let mut to_lose = self.healthy().saturating_sub(self.floor);
        let may_go = self.indices(|member| member.is_alive() && member.state != TaskState::Ending);
        let may_go = may_go.into_iter().filter(|&index| !self.is_protected(index) && self.is_expendable(index));
        let may_go = may_go.filter(|&index| self.may_lose(index));
        let mut free = shortage.free;
        for index in may_go {
            let member = &self.members[index];
            if member.is_healthy() {
                let Some(fewer) = to_lose.checked_sub(1) else { continue };
                to_lose = fewer;
            }
            let sizes = member.view.observed().filter_map(ObservedContainer::spec_text).map(Sizes::read);
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
        let (spared, free): (Vec<_>, Vec<_>) = candidates
            .into_iter()
            .filter(|&index| self.is_expendable(index))
            .partition(|&index| self.is_protected(index));
        match free.into_iter().min_by_key(rank) {
            Some(index) if self.may_lose(index) => Ok(Some(index)),
            Some(_) => Err(Wait::MinimumHealthy),
            None => match spared.into_iter().filter_map(|index| self.protected_until(index)).min() {
                Some(until) => Err(Wait::Held(Held::Protected { until })),
                None => Ok(None),
            },
        }
    }

    fn is_protected(&self, index: usize) -> bool {
        self.protected_until(index).is_some()
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
        let keeps_old = self.world.keeps_old(self.cluster, self.name);
        for index in candidates {
            let slot = self.members[index].view.slot();
            if keeps_old && !self.members[index].current && self.is_wanted(slot) {
                continue;
            }
            if self.members[index].retired || !self.has_successor(index) && self.is_wanted(slot) {
                continue;
            }
            // Protection is from deployments and scale-in: what is sick is replaced all the same.
            let is_sick = self.members[index].state == TaskState::Unhealthy && self.is_wanted(slot);
            if let Some(until) = self.protected_until(index).filter(|_| !is_sick) {
                self.wait(slot, Wait::Held(Held::Protected { until }));
            } else if self.may_lose(index) {
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
