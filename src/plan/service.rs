//! One service: which of its tasks stay, which begin, which go.
//!
//! Each slot below the desired count wants one healthy task of the current revision. Where a slot lacks one, a task begins as soon
//! as `maximumPercent`, its static ports and its backoff leave room. A task that is not wanted any more goes once its successor is
//! healthy, or earlier where room is needed, and only while `minimumHealthyPercent` of the tasks stay healthy without it.

use std::collections::BTreeMap;

use super::deployment::hooks::Order;
use super::deployment::{Standing, faults_after};
use super::restart::{self, Retry};
use super::view::{TaskState, TaskView};
use super::world::World;
use super::{About, Cause, Held, Step, Wait, Waiting};
use crate::desired::{DesiredService, Lifetime};
use crate::ownership::DeploymentMark;
use crate::value::{Attempt, ClusterName, ServiceName, Slot, Timestamp};

mod assemble;
mod hook;
pub(super) mod image;
mod judge;
mod mark;
mod once;
mod room;

pub(crate) use judge::is_current;
pub(super) use judge::{judge, present_count};

/// How many ended tasks of a service are kept although their successors exist: what a person wants to read the log of in the
/// morning. More would fill the host's disk with the traces of a crash loop.
const EVIDENCE_MAX: usize = 2;

/// A task with what follows from the desired state.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any of them may be so")]
struct Member<'a> {
    view: TaskView<'a>,
    state: TaskState,
    /// Whether it is of the revision that is wanted.
    current: bool,
    /// Whether it is of that revision and has ended, in an earlier deployment of it: it counts for nothing now.
    past: bool,
    /// Whether this plan ends it.
    retired: bool,
    /// Whether it was told to end before, and has not yet: nobody counts on it.
    leaving: bool,
}

impl Member<'_> {
    fn is_alive(&self) -> bool {
        self.state.is_alive()
    }

    /// Whether it runs, and nobody can tell whether it is well: we check it ourselves, and have not had an answer.
    fn is_unchecked(&self) -> bool {
        matches!(self.state, TaskState::Pending(Wait::Checking { .. }))
    }

    /// Whether it runs and will count as healthy in a moment. A list tells the age of a young task only coarsely, so a task that has
    /// long been healthy may look like this to a reconciler that has just begun: it is not lost until that is known.
    fn is_settling(&self) -> bool {
        matches!(self.state, TaskState::Pending(Wait::Settle { .. }))
    }

    /// Whether it runs, or would if one of its containers did not wait for another.
    fn holds_place(&self) -> bool {
        self.view.may_run() || self.state == TaskState::Assembling && self.view.has_begun()
    }

    /// Whether nothing of it runs just now, and something will be started again in place.
    fn is_between_runs(&self) -> bool {
        self.state == TaskState::Assembling && !self.view.may_run() && self.view.has_begun()
    }

    fn is_healthy(&self) -> bool {
        self.state == TaskState::Healthy && !self.retired && !self.leaving
    }
}

/// A slot that wants a new task.
struct Vacancy {
    slot: Slot,
    attempt: Attempt,
    failures: u32,
    /// How many of them count against the deployment.
    faults: u32,
    cause: Cause,
}

struct Planner<'w, 'a> {
    world: &'w mut World<'a>,
    cluster: &'a ClusterName,
    name: &'a ServiceName,
    service: &'a DesiredService,
    /// What is done about it, where it is the task of a hook.
    order: Option<Order>,
    members: Vec<Member<'a>>,
    /// How the deployment stands, where it may not simply go on.
    standing: Option<&'a Standing>,
    /// What the tasks that this plan makes will say of their deployment.
    mark: DeploymentMark,
    /// How many slots want a task.
    desired_count: u32,
    /// Our own actions leave at least so many tasks healthy.
    floor: u32,
    /// Our own actions let at most so many tasks exist.
    ceiling: u32,
    /// How many tasks run, or have been told to.
    begun: u32,
    /// The slots that want to begin a task, and what stands in their way.
    refused: Vec<(Vacancy, Wait)>,
}

/// Adds what is to be done for one service.
pub(super) fn plan_service<'a>(
    world: &mut World<'a>,
    (cluster, name): (&'a ClusterName, &'a ServiceName),
    (service, order): (&'a DesiredService, Option<Order>),
    tasks: Vec<TaskView<'a>>,
) {
    let asked = world.asked_of(cluster, name);
    let restart_since = asked.and_then(|asked| asked.restart_since);
    let members = judge((world.desired, world.observed), service, restart_since, tasks);
    let observed = world.observed;
    let members = members.map(|(view, state, current)| {
        let leaving = view.observed().any(|container| observed.leaving.contains_key(&container.id));
        Member { view, state, current, past: false, retired: false, leaving }
    });
    let mut members: Vec<_> = members.collect();
    let desired_count =
        service.desired_count.unwrap_or_else(|| present_count(members.iter().map(|member| &member.view)));
    let standing = world.standing(cluster, name);
    let mark = mark::read_history(world, service, (desired_count, standing), &mut members);
    let floor = service.minimum_healthy.ceil_of(desired_count);
    let ceiling = service.maximum.floor_of(desired_count);
    let begun = count(members.iter().filter(|member| member.holds_place()));
    let between_runs = members.iter().filter(|member| member.is_between_runs()).map(|member| member.view.key);
    world.queue.between_runs.extend(between_runs);
    let refused = Vec::new();
    Planner {
        world,
        cluster,
        name,
        service,
        order,
        members,
        standing,
        mark,
        desired_count,
        floor,
        ceiling,
        begun,
        refused,
    }
    .plan();
}

impl<'a> Planner<'_, 'a> {
    fn plan(mut self) {
        self.tell_standing();
        self.inspect_unclear();
        self.finish_endings();
        self.end_overdue();
        self.retire_hopeless();
        let vacancies = self.tend_slots();
        self.fill(vacancies);
        self.make_room();
        self.retire_superseded();
        self.note_restarted();
        self.clean_up();
    }

    fn at(&self) -> Timestamp {
        self.world.observed.at
    }

    fn is_wanted(&self, slot: Slot) -> bool {
        slot.0 < self.desired_count
    }

    fn wait(&mut self, slot: Slot, wait: Wait) {
        self.world.wait(Waiting { about: About::slot(self.cluster, self.name, slot), wait });
    }

    /// Plans a step for a slot; the slot then waits for it, or for the time at which it may be tried again.
    fn act(&mut self, slot: Slot, step: Step) {
        let wait = self.world.step(step).unwrap_or(Wait::Action);
        self.wait(slot, wait);
    }

    fn alive(&self) -> u32 {
        count(self.members.iter().filter(|member| member.is_alive()))
    }

    fn healthy(&self) -> u32 {
        count(self.members.iter().filter(|member| member.is_healthy()))
    }

    fn inspect_unclear(&mut self) {
        let unclear = self.members.iter().flat_map(|member| member.view.unknowns());
        self.world.plan.unknowns.extend(unclear.cloned());
    }

    /// Goes on with what has begun to end: the rest of a task whose essential container is gone.
    fn finish_endings(&mut self) {
        for index in self.indices(|member| member.state == TaskState::Ending) {
            let view = &self.members[index].view;
            let (slot, cause) = (view.slot(), why_it_ends(view));
            self.end(index, &cause);
            self.wait(slot, Wait::Action);
        }
        // What was never started of an ended task remembers nothing.
        for index in self.indices(|member| member.state == TaskState::Ended && member.view.has_unstarted()) {
            let cause = why_it_ends(&self.members[index].view);
            self.world.end_task(&self.members[index].view, &cause);
        }
    }

    /// Ends what can neither serve now nor be wanted later: tasks of another revision, or beyond the count, that are not up yet, and
    /// what is left of a try that was given up.
    fn retire_hopeless(&mut self) {
        let is_short = !self.service.lifetime.is_once() && self.healthy() < self.floor;
        for index in self.indices(|_| true) {
            let member = &self.members[index];
            let Member { view, state, current, .. } = member;
            let slot = view.slot();
            let wanted = *current && self.is_wanted(slot);
            // It may be serving already, and its check has yet to say so: where too few are healthy it goes only for want of room.
            let is_hoped_for = is_short && *state == TaskState::Pending(Wait::Health);
            if let TaskState::Pending(wait) = state
                && (member.is_settling() || member.is_unchecked() || is_hoped_for)
            {
                let wait = wait.clone();
                if !wanted {
                    self.wait(slot, wait);
                }
                continue;
            }
            let hopeless = match state {
                TaskState::Pending(_) => !wanted,
                TaskState::Assembling => !wanted || self.was_tried_again(index),
                TaskState::Unhealthy => !self.is_wanted(slot),
                TaskState::Healthy | TaskState::Ending | TaskState::Ended => false,
            };
            if hopeless && let Some(until) = self.protected_until(index) {
                self.wait(slot, Wait::Held(Held::Protected { until }));
            } else if hopeless {
                let cause = self.farewell(index);
                self.end(index, &cause);
                self.wait(slot, Wait::Action);
            }
        }
    }

    /// Whether its slot has had a later try.
    fn was_tried_again(&self, index: usize) -> bool {
        let this = &self.members[index].view;
        let current = self.members.iter().filter(|other| other.current && other.view.exists());
        current.filter(|other| other.view.slot() == this.slot()).any(|other| other.view.attempt() > this.attempt())
    }

    /// Looks after each wanted slot: goes on with a task that is not up yet, and says where one is missing.
    fn tend_slots(&mut self) -> Vec<Vacancy> {
        let mut vacancies = Vec::new();
        let mut best: BTreeMap<Slot, usize> = BTreeMap::new();
        for index in self.indices(|member| member.current && !member.retired && member.state.is_promising()) {
            let rank = |index: usize| (self.members[index].is_healthy(), self.members[index].view.attempt());
            let slot = self.members[index].view.slot();
            if best.get(&slot).is_none_or(|&other| rank(other) < rank(index)) {
                best.insert(slot, index);
            }
        }
        for slot in (0..self.desired_count).map(Slot) {
            match best.get(&slot) {
                Some(&index) => self.tend(index),
                None if self.makes_none() || self.service.lifetime.is_once() && self.has_had_its_turn(slot) => {
                    self.let_run(slot);
                }
                None => vacancies.extend(self.vacancy(slot)),
            }
        }
        vacancies
    }

    fn tend(&mut self, index: usize) {
        let Member { view, state, .. } = &self.members[index];
        let slot = view.slot();
        match state.clone() {
            TaskState::Assembling => self.assemble(index),
            TaskState::Pending(wait) => {
                if view.has_stragglers() {
                    self.assemble(index);
                }
                self.wait(slot, wait);
            }
            TaskState::Healthy if view.has_stragglers() => self.assemble(index),
            TaskState::Healthy if self.service.lifetime.is_once() => self.wait(slot, Wait::End),
            TaskState::Healthy | TaskState::Unhealthy | TaskState::Ending | TaskState::Ended => {}
        }
    }

    /// Why the try `attempt` of `slot` is made: what became of the one before.
    fn cause_of_try(&self, slot: Slot, attempt: Attempt) -> Cause {
        if let Some(stage) = self.hook_stage() {
            return Cause::Hook { stage };
        }
        if let Some(failed) = self.failed_from() {
            return Cause::RolledBack { failed };
        }
        let earlier = |member: &&Member<'a>| {
            member.view.slot() == slot && !member.past && (!member.current || member.view.attempt() < attempt)
        };
        let before = self.members.iter().filter(earlier).max_by_key(|member| (member.current, member.view.attempt()));
        let Some(before) = before else { return Cause::New };
        if before.current {
            return match before.state {
                TaskState::Unhealthy => Cause::Unhealthy { reason: before.view.sickness() },
                TaskState::Assembling
                | TaskState::Pending(_)
                | TaskState::Healthy
                | TaskState::Ending
                | TaskState::Ended => Cause::Died { reason: before.view.describe_ending() },
            };
        }
        let is_same = is_current(&before.view, self.service);
        if *before.view.source == self.world.desired.source && is_same {
            Cause::Redeployed
        } else if *before.view.source == self.world.desired.source {
            Cause::Outdated { from: before.view.key.revision }
        } else {
            Cause::Adopted
        }
    }

    /// What a new task in an empty slot would be, unless it has to wait.
    fn vacancy(&mut self, slot: Slot) -> Option<Vacancy> {
        let (at, grace) = (self.at(), self.service.health_check_grace);
        let is_try = |member: &&Member<'a>| member.current && !member.past && member.view.slot() == slot;
        let last = self.members.iter().filter(is_try);
        let Some(last) = last.max_by_key(|member| member.view.attempt()) else {
            let attempt = self.next_attempt(slot);
            let cause = self.cause_of_try(slot, attempt);
            return Some(Vacancy { slot, attempt, failures: 0, faults: 0, cause });
        };
        let attempt = self.next_attempt(slot);
        let (until, failures) = match (&last.state, restart::retry_after(&last.view, grace, at)) {
            (TaskState::Unhealthy, _) => restart::retry_unhealthy(&last.view, grace, at),
            (_, Retry::At { until, failures, .. }) => (until, failures),
            (_, Retry::Unknown(containers)) => {
                self.world.plan.unknowns.extend(containers);
                self.wait(slot, Wait::Action);
                return None;
            }
            (_, Retry::Later) => {
                self.wait(slot, Wait::Action);
                return None;
            }
        };
        if self.is_held(slot) {
            self.wait_for_standing(slot);
            return None;
        }
        if until > at {
            self.wait(slot, Wait::Backoff { until, failures });
            return None;
        }
        let faults = faults_after(&last.view, failures);
        Some(Vacancy { slot, attempt, failures, faults, cause: self.cause_of_try(slot, attempt) })
    }

    /// The number of the next try of a slot. What an earlier deployment of the revision left, or what is taken over from another
    /// directory, has names of its own, which are not given twice.
    fn next_attempt(&self, slot: Slot) -> Attempt {
        let tasks = self.members.iter().map(|member| member.view.key);
        let same = tasks.filter(|key| key.slot == slot && key.revision == self.service.task.revision);
        same.map(|key| key.attempt.next()).max().unwrap_or(Attempt::FIRST)
    }

    /// Begins a task in each vacancy that there is room for.
    fn fill(&mut self, vacancies: Vec<Vacancy>) {
        let mut alive = self.alive();
        // Before room is made for it: no task is stopped for one whose image is not there yet.
        let is_open = vacancies.iter().any(|vacancy| !self.is_held(vacancy.slot));
        let never = if is_open { self.never_fits() } else { None };
        let image = if is_open && never.is_none() { self.image_wait() } else { None };
        for vacancy in vacancies {
            if self.is_held(vacancy.slot) {
                self.wait_for_standing(vacancy.slot);
            } else if let Some(never) = &never {
                self.wait(vacancy.slot, never.clone());
            } else if let Some(wait) = &image {
                // While its image is on its way nobody overtakes it.
                if *wait == Wait::Image {
                    let _ = self.ask_for_room(&self.task_key(&vacancy), &vacancy.cause);
                }
                self.wait(vacancy.slot, wait.clone());
            } else if let Some(wait) = self.port_conflict(None) {
                self.refused.push((vacancy, wait));
            } else if alive >= self.ceiling {
                self.refused.push((vacancy, Wait::Maximum));
            } else if let Some(wait) = self.ask_for_room(&self.task_key(&vacancy), &vacancy.cause) {
                self.refused.push((vacancy, wait));
            } else if self.may_create(&vacancy) {
                alive += 1;
                let containers = self.service.task.containers.clone();
                self.create(&vacancy, &containers);
            }
        }
    }

    /// Why a task that is not wanted for its own sake goes.
    fn farewell(&self, index: usize) -> Cause {
        let Member { view, current, .. } = &self.members[index];
        if self.service.lifetime.is_once() && *current {
            Cause::Stopped
        } else if !self.is_wanted(view.slot()) {
            Cause::Surplus
        } else if *view.source != self.world.desired.source {
            Cause::Adopted
        } else if self.failed_from() == Some(view.key.revision) {
            Cause::RolledBack { failed: view.key.revision }
        } else if *current {
            Cause::Superseded
        } else if is_current(view, self.service) {
            Cause::Redeployed
        } else {
            Cause::Outdated { from: view.key.revision }
        }
    }

    fn end(&mut self, index: usize, cause: &Cause) {
        self.members[index].retired = true;
        self.world.end_task(&self.members[index].view, cause);
    }

    /// Removes ended tasks, but for those that are still the memory of their slot, and a few for people to look at.
    fn clean_up(&mut self) {
        if let Lifetime::Once { keep_ended } = self.service.lifetime {
            self.clean_up_once(keep_ended);
            return;
        }
        let mut ended = self.indices(|member| member.state == TaskState::Ended);
        ended.sort_by_key(|&index| std::cmp::Reverse(self.members[index].view.observed().map(|c| c.created_at).max()));
        let mut evidence = 0;
        for index in ended {
            let member = &self.members[index];
            let (slot, attempt) = (member.view.slot(), member.view.attempt());
            let succeeded = self.members.iter().any(|other| {
                other.current && other.view.slot() == slot && other.view.attempt() > attempt && other.view.has_begun()
            });
            let same = member.view.key.revision == self.service.task.revision;
            let keep = self.is_wanted(slot)
                && if self.is_remembered(index) {
                    true
                } else if member.current {
                    evidence += usize::from(succeeded);
                    !succeeded || evidence <= EVIDENCE_MAX
                } else {
                    // What is taken over from another directory keeps its number until a successor has the next one.
                    same && !succeeded
                };
            if !keep {
                let cause =
                    if member.current && self.is_wanted(slot) { Cause::Superseded } else { self.farewell(index) };
                self.world.remove_task(&self.members[index].view, &cause);
            }
        }
    }

    fn indices(&self, matches: impl Fn(&Member<'a>) -> bool) -> Vec<usize> {
        self.members.iter().enumerate().filter(|(_, member)| matches(member)).map(|(index, _)| index).collect()
    }
}

/// Why the rest of a task goes that has begun to end.
fn why_it_ends(view: &TaskView<'_>) -> Cause {
    if let Some(cause) = view.context.condemned {
        return cause.clone();
    }
    match view.obstacle() {
        Some(never) => Cause::FailedToStart { reason: never.to_string() },
        None => Cause::TaskEnded,
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
