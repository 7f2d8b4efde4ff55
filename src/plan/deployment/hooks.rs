//! The hooks of a deployment: which of them runs now, what waits for it, and whether one has failed.
//!
//! Nothing is remembered but containers. That a hook has ended well is told by what is left of its task, which stays for as long as the
//! manifests ask for the revision. That the first stage is behind a deployment is told by its tasks: none of them is made before. And
//! that there is a hook for the end is told by its task, which is made, and not started, before the first of the others. Who clears
//! away what has ended therefore has no hook run twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{FailedDeployment, History, InForce, Standing, created_at, find_in_force};
use crate::desired::{DesiredHook, DesiredService, DesiredState, Revision, TaskSpec};
use crate::observed::{ObservedContainer, ObservedState, Phase};
use crate::plan::duration_text;
use crate::plan::ending::Ending;
use crate::plan::group::Groups;
use crate::plan::service::judge;
use crate::plan::view::{TaskState, TaskView};
use crate::value::{ClusterName, Family, HookStage, ServiceName, Slot, Timestamp};

/// The hooks of each service that has some.
pub(crate) type HookPlans<'d> = BTreeMap<(ClusterName, ServiceName), HookPlan<'d>>;

/// What becomes of the hooks of a service now.
#[derive(Debug, Default)]
pub(crate) struct HookPlan<'d> {
    /// Each hook under the name of its task, and what is done about it.
    pub(crate) tasks: Vec<(ServiceName, &'d DesiredHook, Order)>,
    /// Whether the old tasks stay that need not make room: a hook has yet to say that the new ones are good.
    pub(crate) keeps_old: bool,
}

/// What is done about the task of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// It runs, once, and for no longer than this.
    Run { stage: HookStage, timeout: Duration },
    /// It is made, and its turn comes later.
    Make { stage: HookStage },
    /// It is left as it is.
    Leave,
}

/// A hook that a deployment waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HookStanding {
    pub(crate) family: Family,
    pub(crate) stage: HookStage,
    /// When its time is over, once it runs.
    pub(crate) until: Option<Timestamp>,
    /// Whether no task of the deployment begins before it has ended.
    pub(crate) holds_new: bool,
    /// The revision that stays in force meanwhile.
    pub(crate) goes_on: Option<Revision>,
}

/// How far a deployment is without its hooks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    /// Whether a task of it has been made.
    pub(super) has_begun: bool,
    /// Whether it is to have no task at all.
    pub(super) is_empty: bool,
    /// Whether each of its slots has a healthy task.
    pub(super) is_up: bool,
}

/// How far a hook is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Nothing of it is there.
    Absent,
    /// What is there failed before somebody asked for one more try, or is of another revision of the hook and has not ended well.
    Stale,
    /// Another revision of the hook has ended well.
    Replaced,
    /// It is being made.
    Making,
    /// It is made, and has not been started.
    Made,
    /// It runs, or is being ended.
    Running { until: Option<Timestamp> },
    /// It has ended, and how is not known yet.
    Unclear,
    /// It ended well.
    Succeeded,
    /// It did not; the sentence says how.
    Failed(String),
}

/// One hook, judged.
struct Judged<'d> {
    name: ServiceName,
    hook: &'d DesiredHook,
    state: State,
    /// When the last of its tasks was made.
    made_at: Option<Timestamp>,
}

/// Decides what becomes of the hooks of a service, and how its deployment stands because of them.
pub(super) fn plan_hooks<'d>(
    (desired, observed): (&'d DesiredState, &ObservedState),
    groups: &Groups<'_>,
    (cluster, name): (&ClusterName, &ServiceName),
    (service, history): (&'d DesiredService, &History<'_, '_>),
    progress: Progress,
) -> (HookPlan<'d>, Option<Standing>, Option<TaskSpec>) {
    let hooks = service.named_hooks(name).map(|(task, hook)| {
        let (state, made_at) = judge_hook((desired, observed), groups, (cluster, &task), hook);
        Judged { name: task, hook, state, made_at }
    });
    let hooks: Vec<_> = hooks.collect();
    if let Some((failed, reason)) = hooks.iter().find_map(|hook| Some((hook, hook.failure(progress)?))) {
        let (standing, good) = give_up(failed, reason, history);
        return (HookPlan::of(hooks, |_, _| Order::Leave), Some(standing), good);
    }
    let due = hooks.iter().position(|hook| hook.is_due(progress));
    let Some(due) = due else {
        return (HookPlan::of(hooks, |_, _| Order::Leave), None, None);
    };
    let is_its_turn = hooks[due].hook.stage == HookStage::PreScaleUp || progress.has_begun && progress.is_up;
    // Of its own another one runs where somebody has removed what told how far the deployment was.
    let own_runs = hooks.iter().enumerate().any(|(index, hook)| index != due && hook.is_running());
    let waits_for_other = hooks[due].waits_to_begin() && (own_runs || others_run(groups, (cluster, name), &hooks));
    let keeps_old = progress.has_begun;
    let standing = (is_its_turn || !progress.has_begun || hooks[due].is_running())
        .then(|| hooks[due].standing(history, !progress.has_begun));
    let (standing, good) = standing.map_or((None, None), |(standing, good)| (Some(Standing::Hook(standing)), good));
    let plan = HookPlan::of(hooks, |index, hook| match index.cmp(&due) {
        std::cmp::Ordering::Equal if is_its_turn && !waits_for_other => hook.run(),
        _ if hook.is_running() => hook.run(),
        // Those at the end are all made before the first task is.
        std::cmp::Ordering::Equal if !is_its_turn => hook.make(),
        std::cmp::Ordering::Greater if !is_its_turn && hook.is_due(progress) => hook.make(),
        std::cmp::Ordering::Less | std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => Order::Leave,
    });
    (HookPlan { keeps_old, ..plan }, standing, good)
}

/// The hooks of a service that somebody holds back: they wait as it does. `None` where it has none.
pub(super) fn leave_all<'d>(service: &'d DesiredService, name: &ServiceName) -> Option<HookPlan<'d>> {
    let tasks: Vec<_> = service.named_hooks(name).map(|(task, hook)| (task, hook, Order::Leave)).collect();
    (!tasks.is_empty()).then_some(HookPlan { tasks, keeps_old: false })
}

/// The services that have hooks.
pub(super) fn hooked(desired: &DesiredState) -> BTreeSet<(&ClusterName, &ServiceName)> {
    let services = desired
        .clusters
        .iter()
        .flat_map(|(cluster, wanted)| wanted.services.iter().map(move |(name, service)| (cluster, name, service)));
    services.filter(|(.., service)| !service.hooks.is_empty()).map(|(cluster, name, _)| (cluster, name)).collect()
}

/// The same once all hooks that are still to run have ended well: what a change will have come to.
pub(crate) fn find_in_force_at_last<'d>(desired: &'d DesiredState, observed: &ObservedState) -> InForce<'d> {
    let mut in_force = find_in_force(desired, observed);
    let waits = in_force.standings.iter().filter(|(_, standing)| matches!(standing, Standing::Hook(_)));
    let waiting: Vec<_> = waits.map(|(key, _)| key.clone()).collect();
    for (cluster, name) in waiting {
        in_force.put_in_force((&cluster, &name), desired.clusters[&cluster].services[&name].task.clone());
    }
    in_force
}

impl<'d> InForce<'d> {
    /// The hooks of a service, each under the name of its task.
    pub(crate) fn hooks_of(
        &self,
        cluster: &ClusterName,
        name: &ServiceName,
    ) -> &[(ServiceName, &'d DesiredHook, Order)] {
        // Most hosts have none, and then no name is copied.
        if self.hooks.is_empty() {
            return &[];
        }
        self.hooks.get(&(cluster.clone(), name.clone())).map_or(&[], |hooks| &hooks.tasks)
    }
}

impl<'d> HookPlan<'d> {
    fn of(hooks: Vec<Judged<'d>>, order: impl Fn(usize, &Judged<'d>) -> Order) -> Self {
        let tasks = hooks.into_iter().enumerate().map(|(index, hook)| {
            let order = order(index, &hook);
            (hook.name, hook.hook, order)
        });
        Self { tasks: tasks.collect(), keeps_old: false }
    }
}

impl Judged<'_> {
    fn run(&self) -> Order {
        match self.state {
            // It may have ended well.
            State::Unclear => Order::Leave,
            State::Absent
            | State::Stale
            | State::Replaced
            | State::Making
            | State::Made
            | State::Running { .. }
            | State::Succeeded
            | State::Failed(_) => Order::Run { stage: self.hook.stage, timeout: self.hook.timeout },
        }
    }

    fn make(&self) -> Order {
        if self.state == State::Unclear { Order::Leave } else { Order::Make { stage: self.hook.stage } }
    }

    fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Whether nothing of it runs or has run.
    fn waits_to_begin(&self) -> bool {
        matches!(self.state, State::Absent | State::Stale | State::Replaced | State::Making | State::Made)
    }

    /// How it failed, where that concerns the deployment: what comes before the first task is over once there is one.
    fn failure(&self, progress: Progress) -> Option<&str> {
        match &self.state {
            State::Failed(_) if self.hook.stage == HookStage::PreScaleUp && progress.has_begun => None,
            State::Failed(reason) => Some(reason),
            State::Absent
            | State::Stale
            | State::Replaced
            | State::Making
            | State::Made
            | State::Running { .. }
            | State::Unclear
            | State::Succeeded => None,
        }
    }

    /// Whether something is to be done about it before the deployment may go on, or before it is over.
    fn is_due(&self, progress: Progress) -> bool {
        let Progress { has_begun, is_empty, is_up: _ } = progress;
        match (self.hook.stage, &self.state) {
            (_, State::Succeeded | State::Failed(_)) => false,
            (_, State::Running { .. }) => true,
            // What is for the end and was not made before the first task is of no concern: the service had no such hook then.
            (HookStage::PreScaleUp, _) | (HookStage::PostScaleUp, State::Absent | State::Replaced) => {
                !has_begun && !is_empty
            }
            (HookStage::PostScaleUp, State::Made) => has_begun,
            (HookStage::PostScaleUp, State::Stale | State::Making | State::Unclear) => !is_empty,
        }
    }

    fn standing(&self, history: &History<'_, '_>, holds_new: bool) -> (HookStanding, Option<TaskSpec>) {
        let until = match self.state {
            // What is overdue is being ended, and there is no time to wait for.
            State::Running { until } => until.filter(|until| history.at < *until),
            State::Absent
            | State::Stale
            | State::Replaced
            | State::Making
            | State::Made
            | State::Unclear
            | State::Succeeded
            | State::Failed(_) => None,
        };
        let good = if holds_new { history.still_serving(self.made_at) } else { None };
        let goes_on = good.as_ref().map(|good| good.revision);
        let (family, stage) = (self.hook.family().clone(), self.hook.stage);
        (HookStanding { family, stage, until, holds_new, goes_on }, good)
    }
}

/// The deployment after a hook of it has failed. What is good stays in force or comes back, whatever the circuit breaker is told to do:
/// nothing else than this hook could say that the new revision may serve.
fn give_up(hook: &Judged<'_>, reason: &str, history: &History<'_, '_>) -> (Standing, Option<TaskSpec>) {
    let good = history.still_serving(hook.made_at).or_else(|| match hook.hook.stage {
        HookStage::PreScaleUp => None,
        HookStage::PostScaleUp => history.last_good(),
    });
    let stage = hook.hook.stage;
    let failed = FailedDeployment {
        revision: history.service.task.revision,
        failures: 0,
        reason: Some(format!("the hook `{}` ({stage}) failed: {reason}", hook.hook.family())),
        rolled_back_to: good.as_ref().map(|good| good.revision),
        hook: Some(stage),
    };
    (Standing::Failed(failed), good)
}

impl<'s, 'a> History<'s, 'a> {
    /// How far the deployment is, its hooks left out of account.
    pub(super) fn progress(
        &self,
        tasks: &(impl Iterator<Item = (&'s TaskView<'a>, &'s TaskState, bool)> + Clone),
    ) -> Progress {
        let has_begun = tasks.clone().any(|(view, state, current)| {
            // What has ended is so also while it is being removed.
            let is_over = matches!(state, TaskState::Ended | TaskState::Ending) && !view.may_run();
            let is_past = is_over && self.since.is_some_and(|since| created_at(view) < since);
            // What is taken over from another directory has been deployed there.
            let is_taken_over = view.key.revision == self.service.task.revision && !is_over;
            view.exists() && if current { !is_past } else { is_taken_over }
        });
        let is_well = |slot: Slot| {
            let mut tasks = tasks.clone();
            tasks.any(|(view, state, current)| current && view.slot() == slot && *state == TaskState::Healthy)
        };
        let is_up = self.desired_count > 0 && (0..self.desired_count).map(Slot).all(is_well);
        Progress { has_begun, is_empty: self.desired_count == 0, is_up }
    }

    /// The revision that served as a hook began, where it had come to a good end; what was made of it since counts as well.
    fn still_serving(&self, since: Option<Timestamp>) -> Option<TaskSpec> {
        let rank = |other: &&super::Try<'_, 'a>| (other.is_alive(), other.created_at, other.view.key.clone());
        let made_since = self.others.iter().filter(|other| since.is_some_and(|since| since < other.created_at));
        if let Some(last) = made_since.max_by_key(rank) {
            return self.read_revision(last.revision());
        }
        let last = self.others.iter().max_by_key(rank)?;
        if self.has_stood(last.revision()) { self.read_revision(last.revision()) } else { None }
    }

    /// Whether a revision was all that served, and none of its tasks has failed. What is coming up of it is taken to do so: it may be a
    /// repair, and must not be given up because it is there.
    fn has_stood(&self, revision: Revision) -> bool {
        let of_revision = || self.others.iter().filter(|other| other.revision() == revision);
        let is_last = |one: &&super::Try<'_, 'a>| {
            let mut others = of_revision().filter(|other| other.view.slot() == one.view.slot());
            !others.any(|other| other.view.attempt() > one.view.attempt())
        };
        let has_failed = |one: &super::Try<'_, 'a>| match one.state {
            TaskState::Ended | TaskState::Ending => {
                !one.has_come_up(self.at) && matches!(one.view.ending(), Ending::Known { .. })
            }
            TaskState::Assembling | TaskState::Pending(_) | TaskState::Healthy | TaskState::Unhealthy => false,
        };
        let is_alone = !self.others.iter().any(|other| other.revision() != revision && other.is_alive());
        let said = of_revision().flat_map(super::Try::marks).any(|mark| mark.completed);
        said || is_alone && !of_revision().filter(is_last).any(has_failed)
    }
}

fn judge_hook(
    (desired, observed): (&DesiredState, &ObservedState),
    groups: &Groups<'_>,
    (cluster, name): (&ClusterName, &ServiceName),
    hook: &DesiredHook,
) -> (State, Option<Timestamp>) {
    let tasks: Vec<_> = judge((desired, observed), &hook.service, None, groups.peek(cluster, name).tasks).collect();
    let made_at = tasks.iter().map(|(view, ..)| created_at(view)).max();
    let last = tasks.iter().filter(|(.., current)| *current).max_by_key(|(view, ..)| view.attempt());
    let Some((view, state, _)) = last else {
        let newest = tasks.iter().max_by_key(|(view, ..)| created_at(view));
        let newest = newest.map(|(view, state, _)| state_of(view, state, hook.timeout));
        let state = match newest {
            None => State::Absent,
            Some(State::Succeeded) => State::Replaced,
            Some(State::Unclear) => State::Unclear,
            Some(_) => State::Stale,
        };
        return (state, made_at);
    };
    let found = state_of(view, state, hook.timeout);
    let is_past = desired.retry_since.is_some_and(|since| created_at(view) < since);
    (if is_past && matches!(found, State::Failed(_)) { State::Stale } else { found }, made_at)
}

fn state_of(view: &TaskView<'_>, state: &TaskState, timeout: Duration) -> State {
    match state {
        TaskState::Assembling if !view.has_begun() => {
            let wanted = view.containers.first().map_or(0, |first| first.identity.containers as usize);
            if view.observed().count() == wanted { State::Made } else { State::Making }
        }
        TaskState::Assembling | TaskState::Pending(_) | TaskState::Healthy | TaskState::Unhealthy => {
            State::Running { until: begun_at(view).map(|begun_at| begun_at.after(timeout)) }
        }
        TaskState::Ending => State::Running { until: None },
        TaskState::Ended => how_it_ended(view, timeout),
    }
}

fn how_it_ended(view: &TaskView<'_>, timeout: Duration) -> State {
    match view.ending() {
        Ending::Unknown(_) => State::Unclear,
        Ending::Untold => State::Failed("nothing is left that could tell how it ended".to_owned()),
        Ending::Known { ended_at, .. }
            if begun_at(view).is_some_and(|begun_at| timeout <= ended_at.since(begun_at)) =>
        {
            State::Failed(format!("it had not ended after its timeout of {}", duration_text(timeout)))
        }
        Ending::Known { unhealthy, reason, .. } => {
            let exit = view.culprit().and_then(|culprit| culprit.phase.exit());
            let is_well = exit.is_some_and(|exit| exit.code == 0 && !exit.oom_killed);
            if is_well && !unhealthy && view.obstacle().is_none() {
                State::Succeeded
            } else {
                State::Failed(reason.to_string())
            }
        }
    }
}

/// When the first of its containers was started.
pub(crate) fn begun_at(view: &TaskView<'_>) -> Option<Timestamp> {
    let started_at = |container: &ObservedContainer| match &container.phase {
        Phase::Running { started_at } => Some(*started_at),
        Phase::Paused => Some(container.created_at),
        Phase::Exited { exit } => exit.as_ref().map(|exit| exit.started_at),
        Phase::StartFailed { at, .. } => Some(*at),
        Phase::CreatedOrFailed | Phase::Created | Phase::Removing => None,
    };
    view.observed().filter_map(started_at).min()
}

/// Whether a task of another hook of the service still runs: of a deployment that is not wanted any more.
fn others_run(groups: &Groups<'_>, (cluster, name): (&ClusterName, &ServiceName), hooks: &[Judged<'_>]) -> bool {
    let own: BTreeSet<_> = hooks.iter().map(|hook| &hook.name).collect();
    groups.views().filter(|view| view.may_run()).any(|view| {
        let task = &view.identity.task;
        task.cluster == *cluster && task.service.is_hook_of(name) && !own.contains(&task.service)
    })
}
