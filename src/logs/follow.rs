//! Which containers are to be read now: decided from what was observed, and from what has been read.
//!
//! A container that runs is read until it ends. One that has ended is read once more, from where the reading of it broke off, so whatever
//! became of that reading its end is not missed. A task that is replaced is thereby nothing special: its successor runs, and so it is read.

use std::collections::{BTreeMap, BTreeSet};

use super::{Member, Target, Tasks, has_ended, is_live, present};
use crate::observed::{ContainerId, ObservedContainer, Phase};
use crate::ownership::TaskKey;
use crate::plan::describe_end;
use crate::value::Timestamp;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Read a container from where it was read last, or from its beginning.
    Read {
        /// The container.
        member: Member,
        /// Whether to go on until it ends; otherwise it has ended.
        follow: bool,
    },
    /// A task has begun.
    Began(TaskKey),
    /// A task has ended, and everything that it wrote has been read.
    Ended(TaskKey, String),
    /// More than one container writes from now on.
    Several,
}

/// How far the reading of one container is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Reading {
    /// It is not being read, and there may be more to read.
    #[default]
    Closed,
    /// It is being read.
    Open {
        /// Whether for the last time: it had ended as that began.
        is_last: bool,
        /// When it had ended then.
        end: Option<Timestamp>,
    },
    /// Everything has been read of what ended then.
    Done {
        /// When it had ended. Started again in place, it may have ended once more when it is looked at next.
        end: Option<Timestamp>,
    },
    /// It cannot be read.
    Unreadable,
}

impl Reading {
    fn is_open(self) -> bool {
        matches!(self, Self::Open { .. })
    }

    fn is_over(self) -> bool {
        match self {
            Self::Done { .. } | Self::Unreadable => true,
            Self::Closed | Self::Open { .. } => false,
        }
    }
}

/// Who is read.
#[derive(Debug, Clone)]
pub struct Follow {
    target: Target,
    /// What had ended before anybody asked, and is not asked for.
    past: BTreeSet<ContainerId>,
    readings: BTreeMap<ContainerId, Reading>,
    /// Whether each known task has ended.
    tasks: BTreeMap<TaskKey, bool>,
    is_several: bool,
    /// Whether the container that is named has ended in every task: nobody waits for the rest of them.
    is_container_over: bool,
}

impl Follow {
    /// Begins with what there is.
    pub fn new(target: Target, containers: &[ObservedContainer]) -> Self {
        let present: BTreeSet<_> = present(&target, containers).into_iter().map(|container| &container.id).collect();
        let of_target = || containers.iter().filter(|container| target.includes_task(&container.identity.task));
        let is_past = |container: &&ObservedContainer| has_ended(container) && !present.contains(&container.id);
        let past: BTreeSet<_> = of_target().filter(is_past).map(|container| container.id.clone()).collect();
        let rest = of_target().filter(|container| !past.contains(&container.id));
        let tasks = rest.map(|container| (container.identity.task.clone(), false)).collect();
        Self { target, past, readings: BTreeMap::new(), tasks, is_several: false, is_container_over: false }
    }

    /// The containers that have to be looked at closely: a list does not tell how they ended, or whether they began.
    pub fn unclear(&self, containers: &[ObservedContainer]) -> Vec<ContainerId> {
        let is_unclear = |container: &&ObservedContainer| {
            matches!(container.phase, Phase::Exited { exit: None } | Phase::CreatedOrFailed)
        };
        self.of_target(containers).filter(is_unclear).map(|container| container.id.clone()).collect()
    }

    /// Decides by what is there now.
    pub fn look(&mut self, containers: &[ObservedContainer]) -> Vec<Order> {
        self.forget(containers);
        let mut orders = self.notice_new_tasks(containers);
        orders.extend(self.notice_several(containers));
        orders.extend(self.open_readings(containers));
        self.is_container_over = self.target.container.is_some() && self.are_read(containers);
        orders.extend(self.notice_ended_tasks(containers));
        orders
    }

    /// The reading of a container is over, for whatever reason.
    pub fn closed(&mut self, id: &ContainerId) {
        if let Some(reading) = self.readings.get_mut(id) {
            *reading = match *reading {
                Reading::Open { is_last: true, end } => Reading::Done { end },
                Reading::Open { is_last: false, .. } => Reading::Closed,
                Reading::Closed | Reading::Done { .. } | Reading::Unreadable => *reading,
            };
        }
    }

    /// The log of a container cannot be read: nothing more is asked of it, and nobody waits for it.
    pub fn unreadable(&mut self, id: &ContainerId) {
        self.readings.insert(id.clone(), Reading::Unreadable);
    }

    /// The reading of a container broke: its end is not known.
    pub fn broke(&mut self, id: &ContainerId) {
        if let Some(reading) = self.readings.get_mut(id).filter(|reading| reading.is_open()) {
            *reading = Reading::Open { is_last: false, end: None };
        }
    }

    /// Whether nothing is being read.
    pub fn is_idle(&self) -> bool {
        self.readings.values().all(|reading| !reading.is_open())
    }

    /// Whether nothing more will ever come. Of a service something may.
    pub fn is_over(&self) -> bool {
        match &self.target.tasks {
            Tasks::OfService(..) => false,
            Tasks::These(keys) => {
                let have_ended = || keys.iter().all(|key| self.tasks.get(key) == Some(&true));
                self.is_idle() && (self.is_container_over || have_ended())
            }
        }
    }

    fn of_target<'a>(&self, containers: &'a [ObservedContainer]) -> impl Iterator<Item = &'a ObservedContainer> {
        let is_wanted = |container: &&ObservedContainer| {
            self.target.includes_task(&container.identity.task) && !self.past.contains(&container.id)
        };
        containers.iter().filter(is_wanted)
    }

    /// Whether each of the containers that are read has ended, and been read to its end.
    fn are_read(&self, containers: &[ObservedContainer]) -> bool {
        let mut members = self.of_target(containers).filter(|container| self.target.includes(container)).peekable();
        let is_read = |container: &ObservedContainer| {
            has_ended(container) && self.readings.get(&container.id).is_none_or(|reading| reading.is_over())
        };
        members.peek().is_some() && members.all(is_read)
    }

    /// What is gone does not come back, under its id.
    fn forget(&mut self, containers: &[ObservedContainer]) {
        let there: BTreeSet<_> = containers.iter().map(|container| &container.id).collect();
        self.past.retain(|id| there.contains(id));
        self.readings.retain(|id, reading| reading.is_open() || there.contains(id));
    }

    fn notice_new_tasks(&mut self, containers: &[ObservedContainer]) -> Vec<Order> {
        let begun = self.of_target(containers).filter(|container| is_live(container) || has_ended(container));
        let begun: BTreeSet<_> = begun.map(|container| container.identity.task.clone()).collect();
        let new: Vec<_> = begun.into_iter().filter(|key| !self.tasks.contains_key(key)).collect();
        self.tasks.extend(new.iter().map(|key| (key.clone(), false)));
        new.into_iter().map(Order::Began).collect()
    }

    fn notice_several(&mut self, containers: &[ObservedContainer]) -> Option<Order> {
        let writers = self.of_target(containers).filter(|container| self.target.includes(container));
        let writers = writers.filter(|container| is_live(container)).count();
        let is_news = writers > 1 && !self.is_several;
        self.is_several |= is_news;
        is_news.then_some(Order::Several)
    }

    fn open_readings(&mut self, containers: &[ObservedContainer]) -> Vec<Order> {
        let readable: Vec<_> = self.of_target(containers).filter(|container| self.target.includes(container)).collect();
        let mut orders = Vec::new();
        for container in readable {
            let follow = is_live(container);
            if !follow && !matches!(container.phase, Phase::Exited { .. }) {
                continue;
            }
            let end = container.phase.exit().map(|exit| exit.finished_at);
            let reading = self.readings.entry(container.id.clone()).or_default();
            // One that was started again has more to tell.
            match reading {
                Reading::Open { .. } | Reading::Unreadable => continue,
                Reading::Done { end: before } if !follow && *before == end => continue,
                Reading::Done { .. } | Reading::Closed => {}
            }
            *reading = Reading::Open { is_last: !follow, end };
            orders.push(Order::Read { member: Member::of(container, containers), follow });
        }
        orders
    }

    fn notice_ended_tasks(&mut self, containers: &[ObservedContainer]) -> Vec<Order> {
        let mut there: BTreeMap<&TaskKey, Vec<&ObservedContainer>> = BTreeMap::new();
        for container in self.of_target(containers) {
            there.entry(&container.identity.task).or_default().push(container);
        }
        let mut orders = Vec::new();
        let mut gone = BTreeSet::new();
        for (key, has_ended) in &mut self.tasks {
            let found = there.get(key);
            let is_read = |container: &&ObservedContainer| match self.readings.get(&container.id) {
                Some(reading) => reading.is_over(),
                None => !matches!(container.phase, Phase::Exited { .. }) || !self.target.includes(container),
            };
            let end = match found {
                None => Some("it was removed".to_owned()),
                Some(task) => how_it_ended(task).filter(|_| task.iter().all(is_read)),
            };
            match end {
                Some(how) if !*has_ended => {
                    *has_ended = true;
                    orders.push(Order::Ended(key.clone(), how));
                }
                // Its containers are started again in place.
                None if *has_ended && found.is_some_and(|task| task.iter().any(|container| is_live(container))) => {
                    *has_ended = false;
                    orders.push(Order::Began(key.clone()));
                }
                Some(_) | None => {}
            }
            if found.is_none() {
                gone.insert(key.clone());
            }
        }
        if matches!(self.target.tasks, Tasks::OfService(..)) {
            self.tasks.retain(|key, _| !gone.contains(key));
        }
        orders
    }
}

/// How a task ended: nothing of it runs, and an essential container has ended or all have. `None` while it has not.
fn how_it_ended(task: &[&ObservedContainer]) -> Option<String> {
    if task.iter().any(|container| is_live(container)) {
        return None;
    }
    let ended = || task.iter().copied().filter(|container| has_ended(container));
    let by_essential = || ended().filter(|container| container.identity.essential);
    let are_all_over = ended().count() == task.len();
    // What the owner of the namespaces ends with says nothing.
    let told = by_essential().filter(|container| !container.identity.container.is_namespace_owner());
    let told = told.min_by_key(|container| container.phase.exit().map(|exit| exit.finished_at));
    told.or_else(|| ended().next().filter(|_| are_all_over)).map(describe_end)
}

#[cfg(test)]
mod tests;
