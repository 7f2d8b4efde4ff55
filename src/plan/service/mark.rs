//! What a service remembers of its deployments: what new tasks are marked with, and which ended ones are kept for it.

use std::cmp::Reverse;

use super::{Member, Planner};
use crate::desired::{DesiredService, Revision};
use crate::ownership::DeploymentMark;
use crate::plan::deployment::{FailedDeployment, History, Standing, created_at};
use crate::plan::ending::Ending;
use crate::plan::view::TaskState;
use crate::plan::world::World;
use crate::plan::{About, Wait, Waiting};
use crate::value::Slot;

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
    if is_converged || service.lifetime.is_once() {
        return DeploymentMark::default();
    }
    let times = (world.observed.at, world.desired.retry_since);
    let tasks = members.iter().map(|member| (&member.view, &member.state, member.current));
    let history = History::new(service, desired_count, times, tasks);
    let past: Vec<bool> = members.iter().map(|m| m.current && history.is_past(&m.view, &m.state)).collect();
    let mark = match standing {
        Some(Standing::Failed(FailedDeployment { revision, rolled_back_to: Some(_), .. })) => {
            DeploymentMark { completed: true, previous: history.previous(), instead_of: Some(*revision) }
        }
        Some(Standing::Failed(_) | Standing::Unclear) | None => {
            DeploymentMark { completed: history.had_completed(), previous: history.previous(), instead_of: None }
        }
    };
    members.iter_mut().zip(past).for_each(|(member, past)| member.past = past);
    mark
}

impl Planner<'_, '_> {
    /// Says that the deployment was given up, where it was.
    pub(super) fn tell_standing(&mut self) {
        let Some(Standing::Failed(failed)) = self.standing else { return };
        let FailedDeployment { revision, failures, reason, rolled_back_to } = failed.clone();
        let wait = Wait::DeploymentFailed { failed: revision, failures, reason, rolled_back_to };
        self.world.wait(Waiting { about: About::service(self.cluster, self.name), wait });
        // A person will want to know how it failed.
        let evidence = self.members.iter().filter(|member| member.view.key.revision == failed.revision);
        for member in evidence.filter(|member| member.state == TaskState::Ended) {
            if let Ending::Unknown(containers) = member.view.ending() {
                self.world.plan.unknowns.extend(containers);
            }
        }
    }

    /// Whether nothing new may begin: the deployment was given up with nothing to go back to, or may have to be.
    pub(super) fn is_held(&self) -> bool {
        match self.standing {
            Some(Standing::Unclear | Standing::Failed(FailedDeployment { rolled_back_to: None, .. })) => true,
            Some(Standing::Failed(_)) | None => false,
        }
    }

    /// What an empty slot waits for while nothing new may begin.
    pub(super) fn wait_for_standing(&mut self, slot: Slot) {
        match self.standing {
            // The containers that have to be inspected are asked for by the slots that they belong to.
            Some(Standing::Unclear) => self.wait(slot, Wait::Action),
            // It was said of the whole service.
            Some(Standing::Failed(_)) | None => {}
        }
    }

    /// The revision that has failed, where the one in force is a rollback from it.
    pub(super) fn failed_from(&self) -> Option<Revision> {
        match self.standing {
            Some(Standing::Failed(FailedDeployment { revision, rolled_back_to: Some(_), .. })) => Some(*revision),
            Some(Standing::Failed(_) | Standing::Unclear) | None => None,
        }
    }

    /// Whether an ended task is kept because of what it remembers: what there is to go back to, or that a revision failed.
    pub(super) fn is_remembered(&self, index: usize) -> bool {
        let member = &self.members[index];
        let revision = member.view.key.revision;
        if member.current {
            return false;
        }
        if self.failed_from() == Some(revision) {
            return self.is_last_of(index, |other| other.view.slot() == member.view.slot());
        }
        let is_alive = |other: &Member<'_>| other.view.key.revision == revision && other.state != TaskState::Ended;
        self.mark.previous == Some(revision) && !self.members.iter().any(is_alive) && self.is_last_of(index, |_| true)
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
