//! What a service remembers of its deployments: what new tasks are marked with, and which ended ones are kept for it.

use std::cmp::Reverse;

use super::{Member, Planner};
use crate::desired::{DesiredService, Revision};
use crate::ownership::DeploymentMark;
use crate::plan::deployment::hooks::HookStanding;
use crate::plan::deployment::{FailedDeployment, HeldDeployment, History, Standing, created_at};
use crate::plan::ending::Ending;
use crate::plan::intervention::has_settled;
use crate::plan::view::TaskState;
use crate::plan::world::World;
use crate::plan::{About, Held, Wait, Waiting};
use crate::value::{HookStage, Slot, Timestamp};

/// Says which members belong to an earlier deployment of the same revision, and what new tasks will say of theirs.
pub(super) fn read_history(
    world: &World<'_>,
    service: &DesiredService,
    (desired_count, standing): (u32, Option<&Standing>),
    members: &mut [Member<'_>],
) -> DeploymentMark {
    // Where every slot has its task, and there is nothing else, nothing is made that could say anything.
    let is_settled = |member: &Member<'_>| member.current && member.state == TaskState::Healthy;
    let is_converged = members.len() == desired_count as usize && members.iter().all(is_settled);
    if service.lifetime.is_once() {
        let is_past = |view| world.desired.retry_since.is_some_and(|since| created_at(view) < since);
        for one in members {
            one.past = one.state == TaskState::Ended && is_past(&one.view);
        }
        return DeploymentMark::default();
    }
    if is_converged {
        return DeploymentMark::default();
    }
    let times = (world.observed.at, world.desired.retry_since);
    let tasks = members.iter().map(|member| (&member.view, &member.state, member.current));
    let history = History::new(service, desired_count, times, tasks);
    let past: Vec<bool> = members.iter().map(|m| m.current && history.is_past(&m.view, &m.state)).collect();
    let mark = match standing {
        Some(Standing::Failed(FailedDeployment { revision, rolled_back_to: Some(_), hook: None, .. })) => {
            DeploymentMark { completed: true, previous: history.previous(), instead_of: Some(*revision), failures: 0 }
        }
        // Where somebody goes back to has been deployed before, and is not given up again for the one that he left.
        Some(Standing::Held(HeldDeployment { in_force: Some(_), .. })) => {
            DeploymentMark { completed: true, previous: history.previous(), instead_of: None, failures: 0 }
        }
        // What a hook has failed is remembered by the hook.
        Some(Standing::Failed(_) | Standing::Unclear | Standing::Hook(_) | Standing::Held(_)) | None => {
            DeploymentMark {
                completed: history.had_completed(),
                previous: history.previous(),
                instead_of: None,
                failures: 0,
            }
        }
    };
    members.iter_mut().zip(past).for_each(|(member, past)| member.past = past);
    mark
}

impl Planner<'_, '_> {
    /// Says that the deployment was given up, or that somebody holds it back.
    pub(super) fn tell_standing(&mut self) {
        let about = About::service(self.cluster, self.name);
        let failed = match self.standing {
            Some(Standing::Failed(failed)) => failed,
            Some(Standing::Held(HeldDeployment { held, .. })) => {
                return self.world.wait(Waiting { about, wait: Wait::Held(held.clone()) });
            }
            Some(Standing::Hook(HookStanding { family, stage, until, holds_new: _, goes_on: _ })) => {
                let wait = Wait::Hook { hook: family.clone(), stage: *stage, until: *until };
                return self.world.wait(Waiting { about, wait });
            }
            Some(Standing::Unclear) | None => return,
        };
        let FailedDeployment { revision, failures, reason, rolled_back_to, hook: _ } = failed.clone();
        let wait = Wait::DeploymentFailed { failed: revision, failures, reason, rolled_back_to };
        self.world.wait(Waiting { about, wait });
        // A person will want to know how it failed.
        let evidence = self.members.iter().filter(|member| member.view.key.revision == failed.revision);
        for member in evidence.filter(|member| member.state == TaskState::Ended) {
            if let Ending::Unknown(containers) = member.view.ending() {
                self.world.plan.unknowns.extend(containers);
            }
        }
    }

    /// Whether nothing new may begin in a slot: the deployment was given up with nothing to go back to, may have to be, or somebody
    /// holds it back.
    pub(super) fn is_held(&self, slot: Slot) -> bool {
        match self.standing {
            Some(Standing::Unclear | Standing::Failed(FailedDeployment { rolled_back_to: None, .. })) => true,
            Some(Standing::Held(HeldDeployment { held: Held::Paused { .. }, in_force: None })) => {
                // What is lost in the middle of a rollout is replaced, and what serves is left alone.
                let serves = |member: &Member<'_>| member.is_alive() && !member.current;
                let serves_here = |member: &Member<'_>| serves(member) && member.view.slot() == slot;
                self.members.iter().any(serves_here) || !self.members.iter().any(Member::is_alive)
            }
            Some(Standing::Hook(hook)) => hook.holds_new && hook.goes_on.is_none(),
            Some(Standing::Failed(_) | Standing::Held(_)) | None => false,
        }
    }

    /// Until when a task is protected from deployments and scale-in.
    pub(super) fn protected_until(&self, index: usize) -> Option<Timestamp> {
        let asked = self.world.asked_of(self.cluster, self.name)?;
        asked.protected.get(self.members[index].view.key).copied()
    }

    /// Notes that every task is as new as somebody asked for.
    pub(super) fn note_restarted(&mut self) {
        let asked = self.world.asked_of(self.cluster, self.name);
        let members = self.members.iter().map(|member| (&member.view, &member.state, member.current));
        if asked.is_some_and(|asked| asked.restart_since.is_some()) && has_settled(self.desired_count, members) {
            self.world.restarted.insert((self.cluster.clone(), self.name.clone()));
        }
    }

    /// Whether what is in force was read from the labels of what runs: they leave out some values.
    pub(super) fn is_restored(&self) -> bool {
        match self.standing {
            Some(Standing::Hook(hook)) => hook.goes_on.is_some(),
            Some(Standing::Failed(failed)) => failed.rolled_back_to.is_some(),
            Some(Standing::Held(held)) => held.in_force.is_some(),
            Some(Standing::Unclear) | None => false,
        }
    }

    /// What an empty slot waits for while nothing new may begin.
    pub(super) fn wait_for_standing(&mut self, slot: Slot) {
        match self.standing {
            // The containers that have to be inspected are asked for by the slots that they belong to.
            Some(Standing::Unclear) => self.wait(slot, Wait::Action),
            // It was said of the whole service.
            Some(Standing::Failed(_) | Standing::Hook(_) | Standing::Held(_)) | None => {}
        }
    }

    /// The revision that has failed, where the one in force is a rollback from it.
    pub(super) fn failed_from(&self) -> Option<Revision> {
        match self.standing {
            // What served as a hook failed before the first task goes on as though nothing had been asked for.
            Some(Standing::Failed(FailedDeployment { hook: Some(HookStage::PreScaleUp), .. })) => None,
            Some(Standing::Failed(FailedDeployment { revision, rolled_back_to: Some(_), .. })) => Some(*revision),
            Some(Standing::Failed(_) | Standing::Unclear | Standing::Hook(_) | Standing::Held(_)) | None => None,
        }
    }

    /// Whether an ended task is kept because of what it remembers: what there is to go back to, or that a revision failed.
    pub(super) fn is_remembered(&self, index: usize) -> bool {
        let member = &self.members[index];
        let revision = member.view.key.revision;
        // What another directory declared of the revision in force is nothing to go back to.
        if member.current || revision == self.service.task.revision {
            return false;
        }
        if self.failed_from() == Some(revision) {
            return self.is_last_of(index, |other| other.view.slot() == member.view.slot());
        }
        // Also while others of the revision still run: two may end at once, and each would be removed for the other's sake.
        self.mark.previous == Some(revision) && self.is_last_of(index, |_| true)
    }

    /// Whether no other ended task of its revision, of those that `matches`, is younger.
    fn is_last_of(&self, index: usize, matches: impl Fn(&Member<'_>) -> bool) -> bool {
        let this = &self.members[index];
        let rank = |member: &Member<'_>| (created_at(&member.view), member.view.attempt(), Reverse(member.view.slot()));
        let others = self.members.iter().filter(|other| {
            other.view.key.revision == this.view.key.revision && other.state == TaskState::Ended && matches(other)
        });
        others.map(rank).max() == Some(rank(this))
    }
}
