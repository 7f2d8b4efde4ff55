//! What is ours and wanted by nobody: how it goes.
//!
//! Whether so much may go at all is the [guard](super::guard)'s question, asked before a plan is made.

use std::collections::BTreeSet;

use super::group::{Group, Groups};
use super::intervention::prune_interventions;
use super::view::{TaskState, TaskView};
use super::world::World;
use super::{About, Action, Cause, Step, Wait, Waiting};
use crate::desired::Patience;
use crate::observed::Doing;
use crate::ownership::TaskKey;
use crate::value::ClusterName;

/// Removes containers that claim to be a container which exists already.
pub(super) fn remove_duplicates(world: &mut World<'_>, group: &Group<'_>) {
    for container in &group.duplicates {
        if world.may_touch(&container.identity.source) {
            world.remove_container(container, &Cause::Duplicate);
        }
    }
}

/// Ends and removes the tasks of services that nobody wants; then the networks of clusters and the volumes of tasks that are gone.
pub(super) fn prune<'a>(world: &mut World<'a>, unwanted: Groups<'a>) {
    let (mut standalone, mut daemons) = (Vec::new(), Vec::new());
    let mut going = BTreeSet::new();
    for group in unwanted.rest() {
        remove_duplicates(world, &group);
        for task in group.tasks {
            match (task.source.is_standalone(), world.may_touch(task.source)) {
                (true, _) => standalone.push(task),
                (false, false) => {}
                (false, true) if task.is_of_daemon() => daemons.push(task),
                (false, true) => {
                    if !prune_task(world, &task) {
                        going.insert(&task.key.cluster);
                    }
                }
            }
        }
    }
    // Daemons serve the others to their end.
    for daemon in daemons {
        if daemon.may_run() && going.contains(&daemon.key.cluster) {
            world.wait(Waiting { about: About::task(daemon.key), wait: Wait::Others });
        } else {
            prune_task(world, &daemon);
        }
    }
    if world.desired.source.is_standalone() {
        super::expire::expire(world, &standalone);
    }
    prune_networks(world);
    prune_volumes(world);
    prune_interventions(world);
}

/// Ends a task, or removes what is left of it; whether it has ended.
fn prune_task<'a>(world: &mut World<'a>, task: &TaskView<'a>) -> bool {
    match task.state(Patience::default(), world.observed.at) {
        TaskState::Ended => {
            world.remove_task(task, &Cause::Removed);
            true
        }
        TaskState::Assembling
        | TaskState::Pending(_)
        | TaskState::Healthy
        | TaskState::Unhealthy
        | TaskState::Ending => {
            world.end_task(task, &Cause::Removed);
            false
        }
    }
}

fn prune_networks(world: &mut World<'_>) {
    if world.networked_clusters().iter().all(|cluster| world.desired.clusters.contains_key(*cluster)) {
        return;
    }
    let inhabited: BTreeSet<ClusterName> = inhabited_clusters(world);
    for cluster in world.networked_clusters() {
        if world.desired.clusters.contains_key(cluster) || inhabited.contains(cluster) {
            continue;
        }
        let networks: Vec<_> = world.networks_of(cluster).collect();
        for network in networks.into_iter().filter(|network| network.source == world.desired.source) {
            let action = Action::RemoveNetwork { cluster: cluster.clone(), id: network.id.clone() };
            world.act(About::cluster(cluster), Step { action, cause: Cause::Removed });
        }
    }
}

fn inhabited_clusters(world: &World<'_>) -> BTreeSet<ClusterName> {
    living_tasks(world).into_iter().map(|task| &task.cluster).collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

/// The tasks that have a container, or are about to.
fn living_tasks<'a>(world: &World<'a>) -> BTreeSet<&'a TaskKey> {
    let existing = world.observed.containers.values().map(|container| &container.identity.task);
    let created = world.observed.in_flight.values().filter_map(|in_flight| match &in_flight.doing {
        Doing::Create(identity) => Some(&identity.task),
        Doing::Start | Doing::Stop | Doing::Remove | Doing::Pull | Doing::Other => None,
    });
    existing.chain(created).collect()
}

/// A volume that lives with a task goes after the last container that may still use it.
fn prune_volumes(world: &mut World<'_>) {
    if world.observed.volumes.values().all(|volume| volume.task.is_none()) {
        return;
    }
    let living = living_tasks(world);
    let dead: Vec<_> = world
        .observed
        .volumes
        .values()
        .filter(|volume| volume.source == world.desired.source)
        .filter(|volume| volume.task.as_ref().is_some_and(|task| !living.contains(task)))
        // Another process may be about to create the first container of a task of its own: only what was seen to go is gone.
        .filter(|volume| !volume.source.is_standalone() || world.has_gone(volume.task.as_ref()))
        .cloned()
        .collect();
    for volume in dead {
        let about = About::cluster(&volume.cluster);
        let action = Action::RemoveVolume { name: volume.name, cluster: volume.cluster };
        world.act(about, Step { action, cause: Cause::TaskEnded });
    }
}
