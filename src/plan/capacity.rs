//! Room on the host: what all tasks of ours reserve of it, and which of those that want to begin may.
//!
//! Source: ECS. A task reserves what its definition asks for, from the moment at which its first container is made until it is known
//! that nothing of it runs any more: being told to stop frees nothing. What runs is counted without being asked, and may exceed the
//! host; nothing is stopped for that.
//!
//! Who comes first: repairs before rollouts, for a service that has lost something has the better claim; then whoever has waited
//! longest; then by cluster, service and slot. Where the first does not fit, nobody behind it begins, however small: otherwise small
//! tasks would keep a large one waiting for ever. What asks for nothing waits for nobody, and what could never fit keeps nobody waiting.
//!
//! A plan is made as though there were room. Only when what it would begin does not fit is it made again, with the answers known: a
//! host that has room pays nothing, and one that has settled not even for adding up.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use foldhash::fast::FixedState;
use serde::Serialize;

use super::{About, Cause, Lane, Target, Wait};
use crate::desired::{DesiredState, Resources, Revision, Sizes, reserve};
use crate::observed::{Doing, ObservedState, Phase};
use crate::ownership::{Source, TaskKey};
use crate::value::{ClusterName, Timestamp};

/// How long a container of which only a list tells is taken for one that is about to start. Whoever looks after it knows within a
/// second whether its start has failed; it may stay for hours after that.
const ABOUT_TO_START: Duration = Duration::from_mins(1);

/// What a task needs, and what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shortage {
    /// What the task reserves.
    pub needs: Resources,
    /// What nobody has reserved.
    pub free: Resources,
    /// What there is for tasks.
    pub host: Resources,
}

impl Shortage {
    /// The shortage of a task in `free`; `None` when it fits.
    pub(crate) fn of(needs: Resources, free: Resources, host: Resources) -> Option<Self> {
        (!needs.lacking(free).is_nothing()).then_some(Self { needs, free, host })
    }

    /// Whether it is memory that does not suffice.
    pub fn lacks_memory(&self) -> bool {
        self.needs.lacking(self.free).memory > 0
    }
}

/// What the host has for the tasks of a cluster: all but what the cluster leaves to others.
pub(crate) fn room_for(desired: &DesiredState, observed: &ObservedState, cluster: &ClusterName) -> Option<Resources> {
    let left = desired.clusters.get(cluster).map(|cluster| cluster.reserved).unwrap_or_default();
    observed.host.map(|host| host.without(left))
}

/// Somebody who wants to begin a task, or to start what has been made of it.
#[derive(Debug)]
pub(super) struct Request {
    task: TaskKey,
    needs: Resources,
    /// What the host has for its cluster; `None` while that is not known, and then it gets what it needs.
    room: Option<Resources>,
    lane: Lane,
    /// Since when it has been waiting.
    since: Option<Timestamp>,
}

/// Who wants room.
#[derive(Debug, Default)]
pub(super) struct Queue<'a> {
    requests: Vec<Request>,
    /// Tasks that hold their room although nothing of them runs just now.
    pub(super) between_runs: Vec<&'a TaskKey>,
    /// Who gets it; `None` while that is not known, and everybody is taken to.
    answers: Option<Answers>,
}

/// Who gets room, and what the others wait for.
#[derive(Debug, Default)]
pub(super) struct Answers {
    granted: BTreeSet<TaskKey>,
    refused: BTreeMap<TaskKey, Wait>,
    /// The first that has to wait.
    head: Option<About>,
}

impl<'a> Queue<'a> {
    pub(super) fn with(answers: Option<Answers>) -> Self {
        Self { answers, ..Self::default() }
    }

    /// Asks for the room of a task; says what there is to wait for.
    pub(super) fn ask(
        &mut self,
        observed: &ObservedState,
        room: Option<Resources>,
        task: &TaskKey,
        needs: Resources,
        cause: &Cause,
    ) -> Option<Wait> {
        let since = observed.queued.get(&About::task(task)).copied();
        self.requests.push(Request { task: task.clone(), needs, room, lane: cause.lane(), since });
        self.answers.as_ref()?.to(task)
    }

    /// Who has asked.
    pub(super) fn asked(&self) -> BTreeSet<About> {
        self.requests.iter().map(|request| About::task(&request.task)).collect()
    }

    /// Decides who gets room; `None` when there is enough for all.
    pub(super) fn judge(self, desired: &DesiredState, observed: &'a ObservedState) -> Option<Answers> {
        let Self { requests, between_runs, answers: _ } = self;
        if requests.is_empty() || observed.host.is_none() {
            return None;
        }
        let own = between_runs.into_iter().map(|task| (task, &desired.source)).collect();
        let ledger = Ledger::new(Some(desired), observed, own);
        let answers = admit(requests, &desired.source, &ledger);
        answers.head.is_some().then_some(answers)
    }
}

impl Answers {
    fn to(&self, task: &TaskKey) -> Option<Wait> {
        if self.granted.contains(task) {
            return None;
        }
        let behind = || self.head.clone().map(|ahead| Wait::ResourceQueue { ahead });
        self.refused.get(task).cloned().or_else(behind)
    }
}

fn admit(mut requests: Vec<Request>, source: &Source, ledger: &Ledger<'_>) -> Answers {
    requests.sort_by(|a, b| a.rank().cmp(&b.rank()));
    let mut answers = Answers::default();
    // What has been made and not started holds its room already. It starts as far as there is any: somebody else may have made
    // something at the same moment, or the host may have become smaller. The order is one on which all processes agree.
    let mut used = ledger.begun();
    let (made, new): (Vec<_>, Vec<_>) = requests.into_iter().partition(|request| ledger.holds((&request.task, source)));
    let made: BTreeMap<_, _> = made.iter().map(|request| ((&request.task, source), request)).collect();
    for (task, reserves) in ledger.promised() {
        if let Some(request) = made.get(&task) {
            answers.answer(request, used);
        }
        used += reserves;
    }
    for request in new {
        if let Some(ahead) = answers.head.clone() {
            answers.refused.insert(request.task, Wait::ResourceQueue { ahead });
        } else {
            answers.answer(&request, used);
            used += request.needs;
        }
    }
    answers
}

impl Request {
    fn rank(&self) -> (Lane, Timestamp, &TaskKey) {
        (self.lane, self.since.unwrap_or(Timestamp(i64::MAX)), &self.task)
    }
}

impl Answers {
    fn answer(&mut self, request: &Request, used: Resources) {
        let Request { task, needs, room, lane: _, since: _ } = request;
        let shortage = room.and_then(|room| Shortage::of(*needs, room.without(used), room));
        let Some(shortage) = shortage else {
            self.granted.insert(task.clone());
            return;
        };
        self.refused.insert(task.clone(), Wait::Resources(shortage));
        self.head.get_or_insert_with(|| About::task(task));
    }
}

/// A task and who declared it: two directories may each have one of the same key.
type Owned<'a> = (&'a TaskKey, &'a Source);

/// What every task of ours reserves, whoever looks after it.
#[derive(Debug)]
pub(crate) struct Ledger<'a> {
    tasks: Vec<(Owned<'a>, Entry)>,
    /// The place of each task in the list.
    places: HashMap<Owned<'a>, usize, FixedState>,
}

#[derive(Debug, Default)]
struct Entry {
    /// Whether something of it has been started.
    has_begun: bool,
    /// Whether it is known what it reserves, by its revision.
    is_known: bool,
    /// What its containers ask for, where that has to be read from their labels.
    sizes: Vec<Sizes>,
    reserves: Resources,
}

/// Whether a container holds room for its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Its process runs, or may.
    Runs,
    /// It has been made, or is being made.
    Promised,
    /// It has ended.
    No,
}

impl<'a> Ledger<'a> {
    /// Adds up what is reserved. What the manifests ask for need not be read from labels.
    pub(crate) fn new(
        desired: Option<&DesiredState>,
        observed: &'a ObservedState,
        between_runs: Vec<Owned<'a>>,
    ) -> Self {
        let mut ledger = Self { tasks: Vec::new(), places: HashMap::default() };
        for (task, _, hold) in containers(observed) {
            match hold {
                Hold::Runs => ledger.entry(task).has_begun = true,
                Hold::Promised => {
                    ledger.entry(task);
                }
                Hold::No => {}
            }
        }
        for task in between_runs {
            ledger.entry(task).has_begun = true;
        }
        ledger.read_sizes(desired, observed);
        ledger
    }

    fn entry(&mut self, task: Owned<'a>) -> &mut Entry {
        let place = *self.places.entry(task).or_insert(self.tasks.len());
        if place == self.tasks.len() {
            self.tasks.push((task, Entry::default()));
        }
        &mut self.tasks[place].1
    }

    fn read_sizes(&mut self, desired: Option<&DesiredState>, observed: &'a ObservedState) {
        let services = desired.into_iter().flat_map(DesiredState::services_and_hooks);
        let known: HashMap<Revision, Resources, FixedState> =
            services.map(|service| (service.task.revision, service.task.reservation())).collect();
        for ((task, _), entry) in &mut self.tasks {
            if let Some(reserves) = known.get(&task.revision) {
                (entry.reserves, entry.is_known) = (*reserves, true);
            }
        }
        // A container that has ended is part of its task all the same.
        for (task, spec, _) in containers(observed) {
            let entry = self.places.get(&task).map(|place| &mut self.tasks[*place].1);
            if let (Some(entry), Some(spec)) = (entry.filter(|entry| !entry.is_known), spec) {
                entry.sizes.push(Sizes::read(spec));
            }
        }
        for (_, entry) in self.tasks.iter_mut().filter(|(_, entry)| !entry.is_known) {
            entry.reserves = reserve(std::mem::take(&mut entry.sizes));
        }
    }

    /// What is reserved, all together.
    pub(crate) fn total(&self) -> Resources {
        self.tasks.iter().fold(Resources::default(), |sum, (_, entry)| sum.and(entry.reserves))
    }

    /// How many tasks reserve something.
    pub(crate) fn count(&self) -> usize {
        self.tasks.iter().filter(|(_, entry)| !entry.reserves.is_nothing()).count()
    }

    fn holds(&self, task: Owned<'_>) -> bool {
        self.places.contains_key(&task)
    }

    fn begun(&self) -> Resources {
        let begun = self.tasks.iter().filter(|(_, entry)| entry.has_begun);
        begun.fold(Resources::default(), |sum, (_, entry)| sum.and(entry.reserves))
    }

    /// The tasks that have not begun, in order.
    fn promised(&self) -> Vec<(Owned<'a>, Resources)> {
        let promised = self.tasks.iter().filter(|(_, entry)| !entry.has_begun);
        let mut promised: Vec<_> = promised.map(|(task, entry)| (*task, entry.reserves)).collect();
        promised.sort_by_key(|(task, _)| *task);
        promised
    }
}

/// Every container of ours that exists or is being made: its task, its spec, and whether it holds room.
fn containers(observed: &ObservedState) -> impl Iterator<Item = (Owned<'_>, Option<&str>, Hold)> {
    let at = observed.at;
    let looked_after = observed.containers.values().map(move |container| {
        let in_flight = if observed.in_flight.is_empty() {
            None
        } else {
            observed.in_flight.get(&Target::Container(container.id.clone()))
        };
        let doing = in_flight.map(|in_flight| &in_flight.doing);
        let hold = hold(&container.phase, doing, at.since(container.created_at));
        ((&container.identity.task, &container.identity.source), container.spec_text(), hold)
    });
    let neighbours = observed.neighbours.values().map(move |neighbour| {
        let hold = hold(&neighbour.phase, None, at.since(neighbour.created_at));
        ((&neighbour.task, &neighbour.source), neighbour.spec_text(), hold)
    });
    let created = observed.in_flight.values().filter_map(|in_flight| match &in_flight.doing {
        Doing::Create(identity) => Some(((&identity.task, &identity.source), None, Hold::Promised)),
        Doing::Start | Doing::Stop | Doing::Remove | Doing::Pull | Doing::Other => None,
    });
    looked_after.chain(neighbours).chain(created)
}

fn hold(phase: &Phase, doing: Option<&Doing>, age: Duration) -> Hold {
    if matches!(doing, Some(Doing::Start)) {
        return Hold::Runs;
    }
    let is_going = matches!(doing, Some(Doing::Stop | Doing::Remove));
    match phase {
        Phase::Running { .. } | Phase::Paused => Hold::Runs,
        Phase::Created if !is_going => Hold::Promised,
        Phase::CreatedOrFailed if !is_going && age < ABOUT_TO_START => Hold::Promised,
        Phase::Created
        | Phase::CreatedOrFailed
        | Phase::StartFailed { .. }
        | Phase::Exited { .. }
        | Phase::Removing => Hold::No,
    }
}

#[cfg(test)]
mod tests;
