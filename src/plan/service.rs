//! One service: which of its tasks stay, which begin, which go.
//!
//! Each slot below the desired count wants one healthy task of the current revision. Where a slot lacks one, a task begins as soon
//! as `maximumPercent`, its static ports and its backoff leave room. A task that is not wanted any more goes once its successor is
//! healthy, or earlier where room is needed, and only while `minimumHealthyPercent` of the tasks stay healthy without it.

use std::collections::BTreeMap;

use super::restart::{self, Retry};
use super::view::{TaskState, TaskView};
use super::world::World;
use super::{About, Action, Cause, NewContainer, Step, VolumeSource, Wait, Waiting};
use crate::desired::{ContainerSpec, DesiredService, fingerprint};

use crate::ownership::{ContainerIdentity, TaskKey};
use crate::value::{Attempt, ClusterName, ServiceName, Slot, Timestamp};

mod room;

/// How many ended tasks of a service are kept although their successors exist: what a person wants to read the log of in the
/// morning. More would fill the host's disk with the traces of a crash loop.
const EVIDENCE_MAX: usize = 2;

/// A task with what follows from the desired state.
struct Member<'a> {
    view: TaskView<'a>,
    state: TaskState,
    /// Whether it is of the revision that is wanted.
    current: bool,
    /// Whether this plan ends it.
    retired: bool,
}

impl Member<'_> {
    fn is_alive(&self) -> bool {
        self.state.is_alive()
    }

    /// Whether it runs and will count as healthy in a moment. A list tells the age of a young task only coarsely, so a task that has
    /// long been healthy may look like this to a reconciler that has just begun: it is not lost until that is known.
    fn is_settling(&self) -> bool {
        matches!(self.state, TaskState::Pending(Wait::Settle { .. }))
    }

    fn is_healthy(&self) -> bool {
        self.state == TaskState::Healthy && !self.retired
    }
}

/// A slot that wants a new task.
struct Vacancy {
    slot: Slot,
    attempt: Attempt,
    failures: u32,
    cause: Cause,
}

struct Planner<'w, 'a> {
    world: &'w mut World<'a>,
    cluster: &'a ClusterName,
    name: &'a ServiceName,
    service: &'a DesiredService,
    members: Vec<Member<'a>>,
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
    service: &'a DesiredService,
    tasks: Vec<TaskView<'a>>,
) {
    let at = world.observed.at;
    let members = tasks.into_iter().filter(|view| world.may_touch(view.source)).map(|view| {
        let current = *view.source == world.desired.source && is_current(&view, service);
        let spec = current.then_some(&*service.task);
        let state = view.state(spec, service.health_check_grace, at);
        Member { view, state, current, retired: false }
    });
    let members: Vec<_> = members.collect();
    let desired_count = service.desired_count.unwrap_or_else(|| present_count(&members));
    let floor = service.minimum_healthy.ceil_of(desired_count);
    let ceiling = service.maximum.floor_of(desired_count);
    let begun = count(members.iter().filter(|member| member.view.may_run()));
    Planner { world, cluster, name, service, members, desired_count, floor, ceiling, begun, refused: Vec::new() }
        .plan();
}

/// How many slots a service fills now, the ended tasks of a crash loop included; a new service fills one.
fn present_count(members: &[Member<'_>]) -> u32 {
    members.iter().map(|member| member.view.slot().0.saturating_add(1)).max().unwrap_or(1)
}

/// Whether a task is of the revision that is wanted.
pub(crate) fn is_current(view: &TaskView<'_>, service: &DesiredService) -> bool {
    if view.key.revision == service.task.revision {
        return true;
    }
    // Another release named it by other rules: the specs themselves say whether they are the same.
    view.key.revision.scheme() != fingerprint::SCHEME
        && view.containers.len() == service.task.containers.len()
        && service.task.containers.iter().all(|wanted| {
            let text = view.container(&wanted.name).and_then(|container| container.observed?.spec.as_deref());
            let spec = text.and_then(|text| serde_json::from_str::<ContainerSpec>(text).ok());
            spec.is_some_and(|spec| spec == crate::ownership::redact(wanted))
        })
}

impl<'a> Planner<'_, 'a> {
    fn plan(mut self) {
        self.inspect_unclear();
        self.finish_endings();
        self.retire_hopeless();
        let vacancies = self.tend_slots();
        self.fill(vacancies);
        self.make_room();
        self.retire_superseded();
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
            let slot = self.members[index].view.slot();
            self.end(index, &Cause::TaskEnded);
            self.wait(slot, Wait::Action);
        }
        // What was never started of an ended task remembers nothing.
        for index in self.indices(|member| member.state == TaskState::Ended) {
            self.world.end_task(&self.members[index].view, &Cause::TaskEnded);
        }
    }

    /// Ends what can neither serve now nor be wanted later: tasks of another revision, or beyond the count, that are not up yet, and
    /// what is left of a try that was given up.
    fn retire_hopeless(&mut self) {
        for index in self.indices(|_| true) {
            let Member { view, state, current, .. } = &self.members[index];
            let slot = view.slot();
            let wanted = *current && self.is_wanted(slot);
            let hopeless = match state {
                TaskState::Pending(Wait::Settle { until }) => {
                    let until = *until;
                    if !wanted {
                        self.wait(slot, Wait::Settle { until });
                    }
                    false
                }
                TaskState::Pending(_) => !wanted,
                TaskState::Assembling => !wanted || self.was_tried_again(index),
                TaskState::Unhealthy => !self.is_wanted(slot),
                TaskState::Healthy | TaskState::Ending | TaskState::Ended => false,
            };
            if hopeless {
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
            TaskState::Pending(_) | TaskState::Healthy if view.has_stragglers() => self.assemble(index),
            TaskState::Pending(wait) => self.wait(slot, wait),
            TaskState::Healthy | TaskState::Unhealthy | TaskState::Ending | TaskState::Ended => {}
        }
    }

    /// Creates the containers that are missing; starts them when all exist.
    fn assemble(&mut self, index: usize) {
        let view = self.members[index].view.clone();
        let slot = view.slot();
        let cause = self.cause_of_try(slot, view.attempt());
        let vacancy = Vacancy { slot, attempt: view.attempt(), failures: view.failures, cause: cause.clone() };
        let missing: Vec<_> =
            self.service.task.containers.iter().filter(|spec| view.container(&spec.name).is_none()).cloned().collect();
        if !missing.is_empty() {
            if self.may_create(&vacancy) {
                self.create(&vacancy, &missing);
            }
            return;
        }
        if !view.may_run() {
            // The limit may have fallen since the containers were made, or somebody may have taken the port.
            let limit = (self.begun >= self.ceiling).then_some(Wait::Maximum);
            if let Some(wait) = self.port_conflict(Some(view.key)).or(limit) {
                self.refused.push((vacancy, wait));
                return;
            }
            self.begun += 1;
        }
        for container in view.containers.iter().filter(|container| container.is_created()) {
            let Some(observed) = container.observed else { continue };
            let action =
                Action::StartContainer { id: observed.id.clone(), identity: Box::new(observed.identity.clone()) };
            // The others start once it is known that all exist: a create that fails must not leave half a task running.
            if !view.containers.iter().any(|other| other.observed.is_none()) {
                self.act(slot, Step { action, cause: cause.clone() });
            }
        }
        self.wait(slot, Wait::Action);
    }

    /// Why the try `attempt` of `slot` is made: what became of the one before.
    fn cause_of_try(&self, slot: Slot, attempt: Attempt) -> Cause {
        let earlier =
            |member: &&Member<'a>| member.view.slot() == slot && (!member.current || member.view.attempt() < attempt);
        let before = self.members.iter().filter(earlier).max_by_key(|member| (member.current, member.view.attempt()));
        let Some(before) = before else { return Cause::New };
        if before.current {
            let reason = match restart::retry_after(&before.view, self.service.health_check_grace, self.at()) {
                Retry::At { reason, .. } => reason,
                Retry::Unknown(_) | Retry::Later => "it ended".to_owned(),
            };
            return match before.state {
                TaskState::Unhealthy => Cause::Unhealthy { reason: before.view.sickness() },
                TaskState::Assembling
                | TaskState::Pending(_)
                | TaskState::Healthy
                | TaskState::Ending
                | TaskState::Ended => Cause::Died { reason },
            };
        }
        if *before.view.source == self.world.desired.source {
            Cause::Outdated { from: before.view.key.revision }
        } else {
            Cause::Adopted
        }
    }

    /// What a new task in an empty slot would be, unless it has to wait.
    fn vacancy(&mut self, slot: Slot) -> Option<Vacancy> {
        let (at, grace) = (self.at(), self.service.health_check_grace);
        let last = self.members.iter().filter(|member| member.current && member.view.slot() == slot);
        let Some(last) = last.max_by_key(|member| member.view.attempt()) else {
            let attempt = self.first_attempt(slot);
            let cause = self.cause_of_try(slot, attempt);
            return Some(Vacancy { slot, attempt, failures: 0, cause });
        };
        let attempt = last.view.attempt().next();
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
        if until > at {
            self.wait(slot, Wait::Backoff { until, failures });
            return None;
        }
        Some(Vacancy { slot, attempt, failures, cause: self.cause_of_try(slot, attempt) })
    }

    /// The attempt with which a slot begins. What is taken over from another directory has names of its own, which are not given twice.
    fn first_attempt(&self, slot: Slot) -> Attempt {
        let tasks = self.members.iter().map(|member| member.view.key);
        let same = tasks.filter(|key| key.slot == slot && key.revision == self.service.task.revision);
        same.map(|key| key.attempt.next()).max().unwrap_or(Attempt::FIRST)
    }

    /// Begins a task in each vacancy that there is room for.
    fn fill(&mut self, vacancies: Vec<Vacancy>) {
        let mut alive = self.alive();
        for vacancy in vacancies {
            if let Some(wait) = self.port_conflict(None) {
                self.refused.push((vacancy, wait));
            } else if alive >= self.ceiling {
                self.refused.push((vacancy, Wait::Maximum));
            } else if self.may_create(&vacancy) {
                alive += 1;
                let containers = self.service.task.containers.clone();
                self.create(&vacancy, &containers);
            }
        }
    }

    /// The task other than `own` that holds a static port which a task needs.
    fn port_conflict(&self, own: Option<&TaskKey>) -> Option<Wait> {
        let held = &self.world.held_ports;
        self.service.task.static_host_ports().find_map(|(port, protocol)| {
            let holder = held.get(&(port, protocol)).filter(|holder| Some(*holder) != own)?.clone();
            Some(Wait::Port { port, protocol, holder })
        })
    }

    /// Whether nothing outside the service stands in the way of creating containers.
    fn may_create(&mut self, vacancy: &Vacancy) -> bool {
        let wait = match self.world.network(self.cluster) {
            None => Some(Wait::Network),
            Some(_) => self.image_wait(),
        };
        if let Some(wait) = wait {
            self.wait(vacancy.slot, wait);
            return false;
        }
        true
    }

    /// What there is to wait for when the engine lacks an image; the fetch of it is planned here.
    fn image_wait(&mut self) -> Option<Wait> {
        let missing = &self.world.observed.missing_images;
        if missing.is_empty() {
            return None;
        }
        let image = self.service.task.containers.iter().find_map(|spec| missing.get(&spec.image))?;
        let step = Step { action: Action::PullImage { image: image.clone() }, cause: Cause::Wanted };
        self.world.step(step).or(Some(Wait::Image))
    }

    fn create(&mut self, vacancy: &Vacancy, containers: &[std::sync::Arc<ContainerSpec>]) {
        let Some(network) = self.world.network(self.cluster) else { return };
        let task = TaskKey {
            cluster: self.cluster.clone(),
            service: self.name.clone(),
            slot: vacancy.slot,
            revision: self.service.task.revision,
            attempt: vacancy.attempt,
        };
        for port in self.service.task.static_host_ports() {
            self.world.held_ports.insert(port, task.clone());
        }
        for spec in containers {
            let needed = (self.volume_sources(&task, spec), self.namespaces(&task, spec));
            let (Some(volumes_from), Some(namespaces)) = needed else {
                // Its turn comes when they exist.
                self.wait(vacancy.slot, Wait::Action);
                continue;
            };
            let identity = ContainerIdentity {
                task: task.clone(),
                container: spec.name.clone(),
                source: self.world.desired.source.clone(),
                family: self.service.task.family.clone(),
                failures: vacancy.failures,
                essential: spec.essential,
                containers: count(self.service.task.containers.iter()),
            };
            let named = self.service.task.named_container() == Some(&spec.name);
            let aliases = if named { vec![self.name.to_string()] } else { Vec::new() };
            let new = NewContainer {
                identity,
                spec: spec.clone(),
                network: network.clone(),
                aliases,
                volumes_from,
                namespaces,
            };
            let action = Action::CreateContainer(Box::new(new));
            self.act(vacancy.slot, Step { action, cause: vacancy.cause.clone() });
        }
    }

    /// The containers whose volumes a new container of `task` has too; `None` when one of them does not exist yet.
    fn volume_sources(&self, task: &TaskKey, spec: &ContainerSpec) -> Option<Vec<VolumeSource>> {
        let sources = spec.volumes_from.iter().map(|from| {
            let member = self.members.iter().find(|member| member.view.key == task)?;
            let source = member.view.container(&from.source_container)?.observed?;
            Some(VolumeSource { id: source.id.clone(), read_only: from.read_only })
        });
        sources.collect()
    }

    /// The container whose namespaces a new container of `task` shares, if it shares any; `None` when that does not exist yet.
    fn namespaces(&self, task: &TaskKey, spec: &ContainerSpec) -> Option<Option<crate::observed::ContainerId>> {
        if !spec.joins_namespaces() {
            return Some(None);
        }
        let member = self.members.iter().find(|member| member.view.key == task)?;
        let owner =
            member.view.containers.iter().find(|container| container.identity.container.is_namespace_owner())?;
        Some(Some(owner.observed?.id.clone()))
    }

    /// Why a task that is not wanted for its own sake goes.
    fn farewell(&self, index: usize) -> Cause {
        let Member { view, current, .. } = &self.members[index];
        if !self.is_wanted(view.slot()) {
            Cause::Surplus
        } else if *view.source != self.world.desired.source {
            Cause::Adopted
        } else if *current {
            Cause::Superseded
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
        let mut ended = self.indices(|member| member.state == TaskState::Ended);
        ended.sort_by_key(|&index| std::cmp::Reverse(self.members[index].view.observed().map(|c| c.created_at).max()));
        let mut evidence = 0;
        for index in ended {
            let member = &self.members[index];
            let (slot, attempt) = (member.view.slot(), member.view.attempt());
            let succeeded = self.members.iter().any(|other| {
                other.current && other.view.slot() == slot && other.view.attempt() > attempt && other.view.exists()
            });
            let same = member.view.key.revision == self.service.task.revision;
            let keep = self.is_wanted(slot)
                && if member.current {
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

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
