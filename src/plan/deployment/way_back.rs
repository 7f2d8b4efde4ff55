//! Where a service could go back to: what a person who wants it back is offered.

use super::{History, find_in_force};
use crate::desired::{DesiredState, Revision};
use crate::observed::ObservedState;
use crate::plan::group::{Group, Groups};
use crate::plan::intervention::has_settled;
use crate::plan::service::{judge, present_count};
use crate::value::{ClusterName, ServiceName, Timestamp};

/// How a service stands, and where it could go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaysBack {
    /// The revision that its manifest asks for.
    pub wanted: Revision,
    /// The revision that is in force: another one after a rollback.
    pub in_force: Revision,
    /// Whether a slot lacks a healthy task of it, or anything older still runs.
    pub in_progress: bool,
    /// Whether anything of another revision still runs.
    pub is_mixed: bool,
    /// The revision that the deployment before had brought, or that serves while this one is in progress.
    pub previous: Option<Revision>,
    /// The other revisions of which a task is left, whole; the youngest first.
    pub available: Vec<Revision>,
    /// When the youngest of its tasks was made.
    pub youngest_at: Option<Timestamp>,
}

/// How a service of the manifests stands; `None` when they do not ask for it.
pub fn ways_back(
    desired: &DesiredState,
    observed: &ObservedState,
    (cluster, name): (&ClusterName, &ServiceName),
) -> Option<WaysBack> {
    let wanted = desired.clusters.get(cluster)?.services.get(name)?.task.revision;
    let in_force = find_in_force(desired, observed);
    let service = in_force.desired.clusters.get(cluster)?.services.get(name)?;
    let asked = in_force.interventions.get(&(cluster.clone(), name.clone())).cloned().unwrap_or_default();
    let Group { tasks, duplicates: _ } = Groups::new(observed).take(cluster, name);
    let tasks: Vec<_> = judge((&in_force.desired, observed), service, asked.restart_since, tasks).collect();
    let desired_count = service.desired_count.unwrap_or_else(|| present_count(tasks.iter().map(|(view, ..)| view)));
    let youngest_at = tasks.iter().map(|(view, ..)| super::created_at(view)).max();
    let tasks = || tasks.iter().map(|(view, state, current)| (view, state, *current));
    let in_progress = !has_settled(desired_count, tasks());
    let history = History::new(service, desired_count, (observed.at, None), tasks());
    let mut others: Vec<_> = history.others.iter().filter(|other| other.revision() != service.task.revision).collect();
    others.sort_by_key(|other| (std::cmp::Reverse(other.created_at), other.view.key));
    let mut available = Vec::new();
    for other in &others {
        if !available.contains(&other.revision()) && history.read_revision(other.revision()).is_some() {
            available.push(other.revision());
        }
    }
    let previous = history.previous().filter(|revision| available.contains(revision));
    let is_mixed = others.iter().any(|other| other.is_alive());
    let in_force = service.task.revision;
    Some(WaysBack { wanted, in_force, in_progress, is_mixed, previous, available, youngest_at })
}
