//! Which records follow from what the loop sees. Pure.
//!
//! Whether a deployment has begun or ended is read off the plan and not off single events: a process that was killed in between goes on
//! where the file ends.

use std::collections::{BTreeMap, BTreeSet};

use super::{DeploymentCause, NAMES_MAX, Record, TaskEnd, VERSION, What, bounded};
use crate::change::{Before, changes};
use crate::desired::{DesiredService, DesiredState, Revision, TaskSpec};
use crate::event::{Event, EventKind};
use crate::observed::{ContainerId, Health, ObservedContainer, ObservedState, Phase};
use crate::plan::{About, Action, Cause, Plan, Wait, describe_end};
use crate::value::{ClusterName, ServiceName, Slot};

mod by_hand;

use by_hand::goal;

/// So many ends are remembered, to tell none of them twice; to do so once costs less than to remember all of them for ever.
const TOLD_MAX: usize = 5000;

/// Which service.
pub type Key = (ClusterName, ServiceName);

/// How the last deployment of a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    InProgress(Revision),
    Completed(Revision),
    Failed(Revision),
    Deleted,
}

/// A record, and the container whose log and health output belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The record so far. What a health check said is in it as it was said.
    pub record: Record,
    /// Who has the rest, and whose values are to be covered.
    pub evidence: Option<ContainerId>,
}

/// What has been told so far.
#[derive(Debug, Default)]
pub struct Chronicle {
    by: String,
    standings: BTreeMap<Key, Standing>,
    /// The ends that have been told.
    told: BTreeSet<String>,
    /// The slots that had a task.
    filled: BTreeSet<About>,
    /// The slots whose task has ended and has no successor that runs.
    ended: BTreeSet<About>,
    /// The files that changed last.
    files: Vec<String>,
    /// What people ask.
    asked: by_hand::Open,
}

impl Chronicle {
    /// Goes on after `records`, the oldest first. `by` is the command that is running.
    pub fn new(by: String, records: &[Record]) -> Self {
        let mut chronicle = Self { by, ..Self::default() };
        for record in records {
            chronicle.remember(record);
        }
        chronicle
    }

    fn remember(&mut self, record: &Record) {
        let standing = match &record.what {
            What::DeploymentStarted { to, .. } => Standing::InProgress(*to),
            What::DeploymentCompleted { revision } => Standing::Completed(*revision),
            What::DeploymentFailed { revision, .. } => Standing::Failed(*revision),
            What::ServiceDeleted => Standing::Deleted,
            What::TaskFailed(end) => {
                if self.told.len() > TOLD_MAX {
                    self.told.clear();
                }
                self.told.extend(end.container_id.as_ref().map(ToString::to_string));
                return;
            }
            What::ContainerRestarted(_) | What::TaskLost { .. } => return,
            What::Intervention { asked_at, request } => {
                self.asked.insert(by_hand::asked(record, *asked_at, request));
                return;
            }
            What::InterventionOver { asked_at, request } => {
                self.asked.remove(&by_hand::asked(record, *asked_at, request));
                return;
            }
        };
        self.standings.insert((record.cluster.clone(), record.service.clone()), standing);
    }

    /// Takes in that files changed: what is deployed from now on is their doing.
    pub fn note_files(&mut self, files: &[String]) {
        self.files = files.iter().take(NAMES_MAX).cloned().collect();
    }

    /// What is to be recorded of `events`, and of a plan where there is one.
    pub fn look(
        &mut self,
        desired: &DesiredState,
        observed: &ObservedState,
        plan: Option<&Plan>,
        events: &[Event],
    ) -> Vec<Draft> {
        let mut drafts = Vec::new();
        if let Some(plan) = plan {
            drafts.extend(self.asked(desired, observed));
            drafts.extend(self.begun(desired, observed, plan));
        }
        drafts.extend(events.iter().filter_map(|event| self.draft(desired, observed, event)));
        drafts.extend(plan.into_iter().flat_map(|plan| self.completed(desired, observed, plan)));
        if self.filled.is_empty() {
            let running = observed.containers.values().filter(|one| matches!(one.phase, Phase::Running { .. }));
            self.filled.extend(running.map(|container| About::task(&container.identity.task)));
        }
        drafts
    }

    /// The deployments that begin.
    fn begun(&mut self, desired: &DesiredState, observed: &ObservedState, plan: &Plan) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for key in busy(plan) {
            let Some(service) = find(desired, &key).filter(|service| !service.lifetime.is_once()) else { continue };
            let asked = service.task.revision;
            let Some(wanted) = goal(plan, &key, asked).filter(|wanted| self.begins(&key, *wanted, observed, plan))
            else {
                continue;
            };
            let before = newest_other(observed, &key, wanted);
            let from = before.map(|container| container.identity.task.revision).or_else(|| self.last_good(&key));
            // What it goes back to is in no manifest.
            let compared = before.filter(|_| wanted == asked);
            let fields = compared.map(|one| changed_fields(observed, one, &service.task)).unwrap_or_default();
            let (by, files) = (self.by.clone(), self.files.clone());
            let cause = Box::new(DeploymentCause { by, files, fields, commit: None });
            drafts.push(self.write(key, observed, What::DeploymentStarted { from, to: wanted, cause }, None));
        }
        drafts
    }

    fn begins(&self, key: &Key, wanted: Revision, observed: &ObservedState, plan: &Plan) -> bool {
        let creates = || {
            plan.steps.iter().any(|step| match &step.action {
                Action::CreateContainer(new) => {
                    let task = &new.identity.task;
                    let is_hook = task.cluster == key.0 && task.service.is_hook_of(&key.1);
                    is_of(&task.cluster, &task.service, key) && task.revision == wanted || is_hook
                }
                Action::StartContainer { .. }
                | Action::StopContainer { .. }
                | Action::RemoveContainer { .. }
                | Action::CreateNetwork { .. }
                | Action::RemoveNetwork { .. }
                | Action::PullImage { .. }
                | Action::RemoveVolume { .. } => false,
            })
        };
        match self.standings.get(key) {
            Some(Standing::InProgress(last) | Standing::Completed(last)) if *last == wanted => false,
            // Only somebody who insists has it tried again.
            Some(Standing::Failed(last)) if *last == wanted => creates(),
            Some(_) => !is_given_up(plan, key, wanted),
            // Of what ran before anything was recorded nobody knows when it began.
            None => !is_given_up(plan, key, wanted) && !of_service(observed, key).any(|task| task.revision == wanted),
        }
    }

    /// The revision that was deployed last, where nothing of it is left to be seen.
    fn last_good(&self, key: &Key) -> Option<Revision> {
        match self.standings.get(key)? {
            Standing::Completed(revision) => Some(*revision),
            Standing::InProgress(_) | Standing::Failed(_) | Standing::Deleted => None,
        }
    }

    /// The deployments that are done: nothing is to be done for the service, and nothing is waited for.
    fn completed(&mut self, desired: &DesiredState, observed: &ObservedState, plan: &Plan) -> Vec<Draft> {
        if !plan.unknowns.is_empty() || !plan.unknown_images.is_empty() {
            return Vec::new();
        }
        let busy = busy(plan);
        let mut done = Vec::new();
        for (cluster, wanted) in &desired.clusters {
            for (name, service) in &wanted.services {
                let key = (cluster.clone(), name.clone());
                if service.lifetime.is_once() || busy.contains(&key) {
                    continue;
                }
                let Some(revision) = goal(plan, &key, service.task.revision) else { continue };
                match self.standings.get(&key) {
                    Some(Standing::InProgress(last)) if *last == revision => done.push((key, revision)),
                    // Nobody saw it begin; what comes next is compared with it all the same.
                    None => {
                        self.standings.insert(key, Standing::Completed(revision));
                    }
                    Some(_) => {}
                }
            }
        }
        let draft = |(key, revision)| self.write(key, observed, What::DeploymentCompleted { revision }, None);
        done.into_iter().map(draft).collect()
    }

    fn draft(&mut self, desired: &DesiredState, observed: &ObservedState, event: &Event) -> Option<Draft> {
        let about = event.about.as_ref()?;
        let key = (about.cluster.clone(), about.service.clone()?);
        // A hook is told of with the deployment that it belongs to.
        if key.1.hook_place().is_some() || find(desired, &key).is_some_and(|service| service.lifetime.is_once()) {
            return None;
        }
        let at = ObservedAt { observed, event };
        match &event.kind {
            EventKind::TaskDied { reason } => self.fail(key, at, reason, What::TaskFailed),
            EventKind::TaskStopping { cause: Cause::Unhealthy { reason } } => {
                self.fail(key, at, reason, What::TaskFailed)
            }
            // What failed while nobody looked is known by its successor.
            EventKind::TaskStarting { cause: Cause::Died { reason } | Cause::Unhealthy { reason } } => {
                self.filled.insert(about.clone());
                self.fail(key, at, reason, What::TaskFailed)
            }
            EventKind::ContainerRestarting { reason } => self.fail(key, at, reason, What::ContainerRestarted),
            EventKind::TaskStarting { cause } => {
                let had_task = !self.filled.insert(about.clone());
                let is_steady = matches!(self.standings.get(&key), Some(Standing::Completed(_)));
                let is_lost = had_task && is_steady && *cause == Cause::New;
                let slot = about.slot.filter(|_| is_lost)?;
                Some(self.write(key, observed, What::TaskLost { slot }, None))
            }
            EventKind::TaskStopping { cause: Cause::Surplus | Cause::Removed } => {
                self.filled.remove(about);
                None
            }
            EventKind::DeploymentFailed { failed, failures, reason, rolled_back_to } => {
                if self.standings.get(&key) == Some(&Standing::Failed(*failed)) {
                    return None;
                }
                let culprit = reason.as_deref().and_then(|reason| at.culprit(reason)).map(|one| one.id.clone());
                let reason = reason.as_deref().map(bounded);
                let (revision, failures, rolled_back_to) = (*failed, *failures, *rolled_back_to);
                let what = What::DeploymentFailed { revision, failures, reason, rolled_back_to };
                Some(self.write(key, observed, what, culprit))
            }
            EventKind::ServiceDeleted => Some(self.write(key, observed, What::ServiceDeleted, None)),
            EventKind::TaskRunning => {
                self.ended.remove(about);
                None
            }
            EventKind::TaskStopping { .. }
            | EventKind::TaskHealthy
            | EventKind::TaskReady
            | EventKind::TaskNotReady { .. }
            | EventKind::TaskUnchecked { .. }
            | EventKind::TaskUnhealthy { .. }
            | EventKind::TaskStopped
            | EventKind::TaskDone { .. }
            | EventKind::BackingOff { .. }
            | EventKind::HeldBack { .. }
            | EventKind::WaitingForRoom { .. }
            | EventKind::ImagePulling { .. }
            | EventKind::ImageProgress { .. }
            | EventKind::ImagePulled { .. }
            | EventKind::ImageRemoved { .. }
            | EventKind::ActionFailed { .. }
            | EventKind::NetworkCreated
            | EventKind::ServiceSteady { .. }
            | EventKind::EngineLost { .. }
            | EventKind::EngineBack { .. }
            | EventKind::ManifestsChanged { .. }
            | EventKind::ManifestsInvalid { .. }
            | EventKind::ManifestsUnchanged
            | EventKind::Held { .. }
            | EventKind::Waiting { .. } => None,
        }
    }

    /// The end of a task, or of a container that is restarted, unless it has been told.
    fn fail(&mut self, key: Key, at: ObservedAt<'_>, reason: &str, what: fn(Box<TaskEnd>) -> What) -> Option<Draft> {
        let culprit = at.culprit(reason);
        let about = at.event.about.as_ref()?;
        let slot = about.slot?;
        let is_first = self.ended.insert(about.clone());
        let restarts = matches!(at.event.kind, EventKind::ContainerRestarting { .. });
        // A container that is restarted in place ends again and again.
        let is_new = match culprit {
            Some(container) if restarts => {
                let ended_at = container.phase.exit().map(|exit| exit.finished_at);
                self.told.insert(format!("{} {ended_at:?}", container.id))
            }
            Some(container) => self.told.insert(container.id.to_string()),
            // Nothing of it is left: either its end has been told, or somebody took it away before anyone could see how it ended.
            None if matches!(at.event.kind, EventKind::TaskStarting { .. }) => {
                return is_first.then(|| self.write(key, at.observed, What::TaskLost { slot }, None));
            }
            None => true,
        };
        if !is_new {
            return None;
        }
        let end = end_of(slot, reason, culprit);
        let evidence = culprit.map(|container| container.id.clone());
        Some(self.write(key, at.observed, what(Box::new(end)), evidence))
    }

    fn write(&mut self, key: Key, observed: &ObservedState, what: What, evidence: Option<ContainerId>) -> Draft {
        let (cluster, service) = key;
        let record = Record { version: VERSION, at: observed.at, cluster, service, what };
        self.remember(&record);
        Draft { record, evidence }
    }
}

/// An event, and what was observed as it was told.
#[derive(Clone, Copy)]
struct ObservedAt<'a> {
    observed: &'a ObservedState,
    event: &'a Event,
}

impl<'a> ObservedAt<'a> {
    /// The container that an event about a slot or a service blames: the newest whose end reads so, or else the newest that is not well.
    fn culprit(self, reason: &str) -> Option<&'a ObservedContainer> {
        let about = self.event.about.as_ref()?;
        let is_meant = |container: &&ObservedContainer| {
            let task = &container.identity.task;
            task.cluster == about.cluster
                && about.service.as_ref().is_some_and(|name| *name == task.service || task.service.is_hook_of(name))
                && about.slot.is_none_or(|slot| slot == task.slot)
                && !container.identity.container.is_namespace_owner()
        };
        let of_it = || self.observed.containers.values().filter(is_meant);
        let is_named = |container: &&ObservedContainer| {
            let end = describe_end(container);
            if container.identity.task.service.hook_place().is_some() { reason.ends_with(&end) } else { reason == end }
        };
        let named = of_it().filter(is_named);
        named.max_by_key(|container| container.created_at).or_else(|| {
            // Which of several tasks of a service is meant is not to be guessed.
            about.slot?;
            let is_ill = |container: &&ObservedContainer| match &container.phase {
                Phase::Exited { .. } | Phase::StartFailed { .. } => true,
                Phase::Running { .. } => container.health == Health::Unhealthy,
                Phase::CreatedOrFailed | Phase::Created | Phase::Paused | Phase::Removing => false,
            };
            of_it().filter(is_ill).max_by_key(|container| (container.identity.essential, container.created_at))
        })
    }
}

fn end_of(slot: Slot, reason: &str, culprit: Option<&ObservedContainer>) -> TaskEnd {
    let exit = culprit.and_then(|container| container.phase.exit());
    let said = exit.and_then(|exit| exit.health_output.as_deref());
    let said = said.or_else(|| culprit.and_then(|container| container.health_output.as_deref()));
    TaskEnd {
        slot,
        reason: bounded(reason),
        container: culprit.map(|container| container.identity.container.clone()),
        container_id: culprit.map(|container| container.id.clone()),
        revision: culprit.map(|container| container.identity.task.revision),
        exit_code: exit.map(|exit| exit.code),
        oom_killed: exit.is_some_and(|exit| exit.oom_killed),
        health_output: said.filter(|said| !said.is_empty()).map(bounded),
        log: Vec::new(),
        log_missing: None,
    }
}

/// The services for which something is to be done or waited for. That a deployment was given up is no such thing.
fn busy(plan: &Plan) -> BTreeSet<Key> {
    let acted = plan.steps.iter().filter_map(|step| step.action.identity()).map(|identity| &identity.task);
    let acted = acted.map(|task| (task.cluster.clone(), task.service.clone()));
    let is_open = |wait: &Wait| !matches!(wait, Wait::DeploymentFailed { .. } | Wait::Held(_));
    let waited = plan.waits.iter().filter(|waiting| is_open(&waiting.wait)).map(|waiting| &waiting.about);
    let waited = waited.filter_map(|about| Some((about.cluster.clone(), about.service.clone()?)));
    acted.chain(waited).collect()
}

/// Whether this revision of a service is not deployed any more.
fn is_given_up(plan: &Plan, key: &Key, revision: Revision) -> bool {
    plan.waits.iter().any(|waiting| {
        let service = waiting.about.service.as_ref();
        let is_of_it = service.is_some_and(|service| is_of(&waiting.about.cluster, service, key));
        is_of_it && matches!(&waiting.wait, Wait::DeploymentFailed { failed, .. } if *failed == revision)
    })
}

fn find<'a>(desired: &'a DesiredState, (cluster, service): &Key) -> Option<&'a DesiredService> {
    desired.clusters.get(cluster)?.services.get(service)
}

fn is_of(cluster: &ClusterName, service: &ServiceName, key: &Key) -> bool {
    *cluster == key.0 && *service == key.1
}

fn of_service<'a>(observed: &'a ObservedState, key: &Key) -> impl Iterator<Item = &'a crate::ownership::TaskKey> {
    let tasks = observed.containers.values().map(|container| &container.identity.task);
    let (cluster, service) = key.clone();
    tasks.filter(move |task| task.cluster == cluster && task.service == service)
}

/// The newest container of another revision, one that runs before one that does not.
fn newest_other<'a>(observed: &'a ObservedState, key: &Key, wanted: Revision) -> Option<&'a ObservedContainer> {
    let others = observed.containers.values().filter(|container| {
        let task = &container.identity.task;
        is_of(&task.cluster, &task.service, key) && task.revision != wanted
    });
    others.max_by_key(|container| (matches!(container.phase, Phase::Running { .. }), container.created_at))
}

/// The names of the fields in which a new task differs from the one that `container` belongs to.
fn changed_fields(observed: &ObservedState, container: &ObservedContainer, new: &TaskSpec) -> Vec<String> {
    let mut of_task: Vec<_> =
        observed.containers.values().filter(|other| other.identity.task == container.identity.task).collect();
    of_task.sort_by_key(|other| other.identity.position);
    let named = of_task.iter().filter(|other| !other.identity.container.is_namespace_owner());
    let containers = named.filter_map(|other| other.read_spec().cloned()).collect();
    let identity = &container.identity;
    let before = Before { family: identity.family.clone(), revision: identity.task.revision, containers };
    changes(&before, new, None).into_iter().map(|change| change.path).take(NAMES_MAX).collect()
}

#[cfg(test)]
mod tests;
