//! What is in force: what the manifests ask for, or the last good revision where that has failed.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::held;
use super::hooks::{self, HookPlan, HookPlans};
use super::{FailedDeployment, History, Standing, Standings};
use crate::desired::{DesiredState, TaskSpec};
use crate::observed::{Health, ObservedContainer, ObservedState, Phase};
use crate::plan::group::{Group, Groups};
use crate::plan::intervention::{self, ByService, Interventions};
use crate::plan::service::{judge, present_count};
use crate::value::{ClusterName, ServiceName};

/// What is in force: what the manifests ask for, but for the services whose deployment has failed.
pub(crate) struct InForce<'d> {
    pub(crate) desired: Cow<'d, DesiredState>,
    pub(crate) standings: Standings,
    pub(crate) interventions: ByService,
    pub(crate) hooks: HookPlans<'d>,
}

/// Finds out which deployments have failed, and puts the last good revision in the place of theirs.
pub(crate) fn find_in_force<'d>(desired: &'d DesiredState, observed: &ObservedState) -> InForce<'d> {
    find_in_force_among(desired, observed, &Groups::new(observed))
}

/// The same where it is known which containers make up which task.
pub(in crate::plan) fn find_in_force_among<'d>(
    desired: &'d DesiredState,
    observed: &ObservedState,
    groups: &Groups<'_>,
) -> InForce<'d> {
    let mut in_force = InForce::of(desired, intervention::read(desired, observed));
    let suspects = find_suspects(desired, observed);
    let hooked = hooks::hooked(desired);
    let held = held::find_held(desired, &in_force.interventions);
    if suspects.is_empty() && hooked.is_empty() && held.is_empty() {
        return in_force;
    }
    let concerned: BTreeSet<_> = suspects.iter().chain(&hooked).chain(&held).copied().collect();
    for (cluster, name) in concerned {
        let key = (cluster.clone(), name.clone());
        let asked = in_force.interventions.get(&key).cloned().unwrap_or_default();
        let is_suspect = suspects.contains(&(cluster, name));
        let Findings { hooks, standing } = look_into((desired, observed), groups, (cluster, name), &asked, is_suspect);
        in_force.hooks.extend(hooks.map(|plan| (key, plan)));
        if let Some((standing, instead)) = standing {
            in_force.put((cluster, name), standing, instead);
        }
    }
    in_force
}

/// What was found out about one service.
struct Findings<'d> {
    /// What becomes of its hooks, where it has any.
    hooks: Option<HookPlan<'d>>,
    /// How its deployment stands, where it may not simply go on, and what is in force instead.
    standing: Option<(Standing, Option<TaskSpec>)>,
}

fn look_into<'d>(
    (desired, observed): (&'d DesiredState, &ObservedState),
    groups: &Groups<'_>,
    (cluster, name): (&'d ClusterName, &'d ServiceName),
    asked: &Interventions,
    is_suspect: bool,
) -> Findings<'d> {
    let service = &desired.clusters[cluster].services[name];
    let Group { tasks, duplicates: _ } = groups.peek(cluster, name);
    let tasks: Vec<_> = judge((desired, observed), service, asked.restart_since, tasks).collect();
    let desired_count = service.desired_count.unwrap_or_else(|| present_count(tasks.iter().map(|(view, ..)| view)));
    let tasks = tasks.iter().map(|(view, state, current)| (view, state, *current));
    let history = History::new(service, desired_count, (observed.at, desired.retry_since), tasks.clone());
    if let Some((held, instead)) = history.held(asked) {
        return Findings { hooks: hooks::leave_all(service, name), standing: Some((Standing::Held(held), instead)) };
    }
    let (hooks, by_hook, good) = if service.hooks.is_empty() {
        (None, None, None)
    } else {
        let progress = history.progress(&tasks);
        let service = (service, &history);
        let (plan, standing, good) = hooks::plan_hooks((desired, observed), groups, (cluster, name), service, progress);
        (Some(plan), standing, good)
    };
    let by_tasks = if is_suspect { history.standing() } else { None };
    let standing = match (by_hook, by_tasks) {
        (Some(failed @ Standing::Failed(_)), _) => Some((failed, good)),
        (_, Some(Standing::Failed(failed))) => {
            let good = history.way_back();
            let rolled_back_to = good.as_ref().map(|good| good.revision);
            Some((Standing::Failed(FailedDeployment { rolled_back_to, ..failed }), good))
        }
        (_, Some(standing @ (Standing::Unclear | Standing::Hook(_) | Standing::Held(_)))) => Some((standing, None)),
        (by_hook, None) => by_hook.map(|standing| (standing, good)),
    };
    Findings { hooks, standing }
}

impl<'d> InForce<'d> {
    fn of(desired: &'d DesiredState, interventions: ByService) -> Self {
        let (standings, hooks) = (Standings::new(), HookPlans::new());
        Self { desired: Cow::Borrowed(desired), standings, interventions, hooks }
    }

    fn put(&mut self, (cluster, name): (&ClusterName, &ServiceName), standing: Standing, good: Option<TaskSpec>) {
        if let Some(good) = good {
            self.put_in_force((cluster, name), Arc::new(good));
        }
        self.standings.insert((cluster.clone(), name.clone()), standing);
    }

    pub(super) fn put_in_force(&mut self, (cluster, name): (&ClusterName, &ServiceName), task: Arc<TaskSpec>) {
        let clusters = &mut self.desired.to_mut().clusters;
        if let Some(service) = clusters.get_mut(cluster).and_then(|cluster| cluster.services.get_mut(name)) {
            service.task = task;
        }
    }
}

/// The services of which something has failed. On a host where all is well there is none, and looking costs next to nothing.
fn find_suspects<'d>(
    desired: &'d DesiredState,
    observed: &ObservedState,
) -> BTreeSet<(&'d ClusterName, &'d ServiceName)> {
    let failing = observed.containers.values().filter(|container| is_suspicious(container));
    let suspects = failing.filter_map(|container| {
        let task = &container.identity.task;
        let (cluster, wanted) = desired.clusters.get_key_value(&task.cluster)?;
        let (name, service) = wanted.services.get_key_value(&task.service)?;
        // What is left of other revisions says nothing of the one that is wanted.
        let wanted = service.task.revision;
        let concerns = task.revision == wanted || container.identity.deployment.instead_of == Some(wanted);
        (service.circuit_breaker.enabled && concerns).then_some((cluster, name))
    });
    suspects.collect()
}

fn is_suspicious(container: &ObservedContainer) -> bool {
    let ended = match container.phase {
        Phase::StartFailed { .. } | Phase::Exited { .. } | Phase::Removing => true,
        Phase::CreatedOrFailed | Phase::Created | Phase::Running { .. } | Phase::Paused => false,
    };
    ended
        || container.health == Health::Unhealthy
        || container.identity.failures > 0
        || container.identity.deployment.instead_of.is_some()
}
