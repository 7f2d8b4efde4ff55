//! What people asked of services beside their manifests, and when that is over.
//!
//! A rollback by hand holds for as long as the manifest asks for the revision that it leads away from; a restart until every task is
//! newer; a pause until somebody ends it; a protection until its time is up or its task is gone. What is over is removed, and so is
//! what is asked of a service that nobody wants.

use std::collections::{BTreeMap, BTreeSet};

use super::view::{TaskState, TaskView};
use super::world::World;
use super::{About, Action, Cause, Step};
use crate::desired::{DesiredState, Revision};
use crate::observed::{ObservedContainer, ObservedState, ObservedVolume};
use crate::ownership::{Asked, Intervention, TaskKey};
use crate::value::{ClusterName, ServiceName, Slot, Timestamp};

/// What is asked of one service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Interventions {
    /// Where it goes back to, as long as its manifest asks for the other one.
    pub(crate) rollback: Option<Rollback>,
    /// Tasks made earlier are to be replaced.
    pub(crate) restart_since: Option<Timestamp>,
    /// Nothing new is rolled out.
    pub(crate) paused: bool,
    /// The tasks that are spared, and until when.
    pub(crate) protected: BTreeMap<TaskKey, Timestamp>,
}

/// A rollback that somebody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rollback {
    pub(crate) to: Revision,
    pub(crate) instead_of: Revision,
}

/// What is asked of all services. Mostly nothing is, and then it costs nothing.
pub(crate) type ByService = BTreeMap<(ClusterName, ServiceName), Interventions>;

/// Reads what is asked of the services that are wanted. Of several of a kind the youngest counts.
pub(crate) fn read(desired: &DesiredState, observed: &ObservedState) -> ByService {
    let asked = observed.volumes.values().filter(|volume| desired.may_touch(&volume.source));
    let mut asked: Vec<_> = asked.filter_map(|volume| Some((volume, volume.intervention.as_ref()?))).collect();
    asked.sort_by_key(|(volume, intervention)| (intervention.at, &volume.name));
    let mut by_service = ByService::new();
    for (ObservedVolume { cluster, .. }, Intervention { service: name, at: _, asked }) in asked {
        let Some(service) = desired.clusters.get(cluster).and_then(|cluster| cluster.services.get(name)) else {
            continue;
        };
        let of_service = by_service.entry((cluster.clone(), name.clone())).or_default();
        match asked {
            Asked::Rollback { to, instead_of } => {
                let holds = *instead_of == service.task.revision;
                of_service.rollback = holds.then_some(Rollback { to: *to, instead_of: *instead_of });
            }
            Asked::Restart { since } => of_service.restart_since = Some(*since),
            Asked::Pause => of_service.paused = true,
            Asked::Protection { task, until } if *until > observed.at => {
                of_service.protected.insert(task.clone(), *until);
            }
            Asked::Protection { task, .. } => {
                of_service.protected.remove(task);
            }
        }
    }
    by_service
}

/// Whether a task was made before its service was asked to begin anew. One of which nothing exists yet is being made now.
pub(crate) fn is_stale(view: &TaskView<'_>, restart_since: Option<Timestamp>) -> bool {
    let Some(since) = restart_since else { return false };
    view.observed().map(|container| container.created_at).max().is_some_and(|created_at| created_at < since)
}

/// Removes what is asked no more: it is over, replaced by something younger, or about a service that nobody wants.
pub(super) fn prune_interventions(world: &mut World<'_>) {
    let volumes = world.observed.volumes.values().filter(|volume| volume.source == world.desired.source);
    let asked = volumes.filter_map(|volume| Some((volume, volume.intervention.as_ref()?)));
    let over: Vec<_> = asked.filter(|(volume, intervention)| is_over(world, volume, intervention)).collect();
    for (volume, _) in over {
        let action = Action::RemoveVolume { name: volume.name.clone(), cluster: volume.cluster.clone() };
        world.act(About::cluster(&volume.cluster), Step { action, cause: Cause::InterventionOver });
    }
}

fn is_over(world: &World<'_>, volume: &ObservedVolume, intervention: &Intervention) -> bool {
    let key = (volume.cluster.clone(), intervention.service.clone());
    let Some(asked) = world.interventions.get(&key) else { return true };
    let is_younger = |other: &&ObservedVolume| {
        (&other.cluster, &other.source) == (&volume.cluster, &volume.source)
            && other.intervention.as_ref().is_some_and(|other_one| {
                other_one.service == intervention.service
                    && (other_one.at, &other.name) > (intervention.at, &volume.name)
                    && is_same_kind(&other_one.asked, &intervention.asked)
            })
    };
    let is_over = match &intervention.asked {
        Asked::Rollback { .. } => asked.rollback.is_none(),
        Asked::Restart { .. } => world.restarted.contains(&key),
        Asked::Pause => false,
        Asked::Protection { task, .. } => {
            let is_of_it = |container: &ObservedContainer| container.identity.task == *task;
            !asked.protected.contains_key(task) || !world.observed.containers.values().any(is_of_it)
        }
    };
    is_over || world.observed.volumes.values().any(|other| is_younger(&other))
}

fn is_same_kind(a: &Asked, b: &Asked) -> bool {
    match (a, b) {
        (Asked::Rollback { .. }, Asked::Rollback { .. })
        | (Asked::Restart { .. }, Asked::Restart { .. })
        | (Asked::Pause, Asked::Pause) => true,
        (Asked::Protection { task: a, .. }, Asked::Protection { task: b, .. }) => a == b,
        (Asked::Rollback { .. } | Asked::Restart { .. } | Asked::Pause | Asked::Protection { .. }, _) => false,
    }
}

/// Whether every slot of a service has a healthy task of the revision in force, and nothing else of it is left.
pub(super) fn has_settled<'s, 'a: 's>(
    desired_count: u32,
    mut members: impl Iterator<Item = (&'s TaskView<'a>, &'s TaskState, bool)>,
) -> bool {
    let mut filled = BTreeSet::new();
    members.all(|(view, state, current)| {
        if current && *state == TaskState::Healthy {
            filled.insert(view.slot());
        }
        *state == TaskState::Ended || current
    }) && (0..desired_count).all(|slot| filled.contains(&Slot(slot)))
}
