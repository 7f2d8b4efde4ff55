//! Secrets whose values are not known here: what runs is taken to have the right ones.
//!
//! A dry run may look from a machine that cannot read a secret, or that has another key to digest it with. What it does not know it
//! must not call a change. Whoever really converges knows every value, and never assumes anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::{ContainerSpec, DesiredService, DesiredState, SecretSpec, TaskSpec};
use crate::observed::ObservedState;
use crate::ownership::TaskKey;
use crate::value::{ClusterName, ContainerName, ServiceName, Timestamp};

/// A secret whose digest was made with the key of another machine, so that it cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OtherKey {
    /// The cluster.
    pub cluster: ClusterName,
    /// The service.
    pub service: ServiceName,
    /// The container of its task definition.
    pub container: ContainerName,
    /// The name of the secret.
    pub secret: String,
}

/// What is wanted, with every secret that cannot be compared as it runs. The second value names those that have a version of another
/// machine's key; those without any version are known to whoever read them.
pub fn assume_secrets(desired: &DesiredState, observed: &ObservedState) -> (DesiredState, BTreeSet<OtherKey>) {
    let mut assumed = desired.clone();
    let mut others = BTreeSet::new();
    for (cluster, wanted) in &mut assumed.clusters {
        for (name, service) in &mut wanted.services {
            if service.task.containers.iter().all(|container| container.all_secrets().next().is_none()) {
                continue;
            }
            let running = running(desired, observed, cluster, name);
            let Some((task, found)) = assume(service, &running) else { continue };
            service.task = Arc::new(task);
            others.extend(found.into_iter().map(|(container, secret)| OtherKey {
                cluster: cluster.clone(),
                service: name.clone(),
                container,
                secret,
            }));
        }
    }
    (assumed, others)
}

/// The tasks of a service by their containers' specs, the newest first.
fn running<'a>(
    desired: &DesiredState,
    observed: &'a ObservedState,
    cluster: &ClusterName,
    service: &ServiceName,
) -> Vec<(&'a TaskKey, BTreeMap<&'a ContainerName, &'a ContainerSpec>)> {
    let mut tasks: BTreeMap<&TaskKey, (Timestamp, BTreeMap<&ContainerName, &ContainerSpec>)> = BTreeMap::new();
    for container in observed.containers.values() {
        let identity = &container.identity;
        let is_its = identity.task.cluster == *cluster && identity.task.service == *service;
        if !is_its || !desired.may_touch(&identity.source) {
            continue;
        }
        let Some(spec) = container.read_spec() else { continue };
        let (created_at, specs) = tasks.entry(&identity.task).or_default();
        *created_at = (*created_at).max(container.created_at);
        specs.insert(&identity.container, spec);
    }
    let mut tasks: Vec<_> = tasks.into_iter().map(|(key, (created_at, specs))| (created_at, key, specs)).collect();
    tasks.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)));
    tasks.into_iter().map(|(_, key, specs)| (key, specs)).collect()
}

type Found = Vec<(ContainerName, String)>;

/// The task of a service as one of those that run would have it: the newest that is then of the very revision, else the newest.
fn assume(
    service: &DesiredService,
    running: &[(&TaskKey, BTreeMap<&ContainerName, &ContainerSpec>)],
) -> Option<(TaskSpec, Found)> {
    let mut first = None;
    for (key, specs) in running {
        let filled = fill(&service.task, specs);
        if filled.0.revision == key.revision {
            return Some(filled);
        }
        first = first.or(Some(filled));
    }
    first
}

fn fill(task: &TaskSpec, specs: &BTreeMap<&ContainerName, &ContainerSpec>) -> (TaskSpec, Found) {
    let mut found = Vec::new();
    let containers = task.containers.iter().map(|wanted| {
        let Some(before) = specs.get(&wanted.name).filter(|_| wanted.all_secrets().next().is_some()) else {
            return wanted.clone();
        };
        let mut container = (**wanted).clone();
        for (purpose, secret) in container.all_secrets_mut() {
            let of_before = before.all_secrets().filter(|(of, _)| *of == purpose).map(|(_, secret)| secret);
            if fill_secret(secret, of_before) {
                found.push((wanted.name.clone(), secret.name.clone()));
            }
        }
        Arc::new(container)
    });
    let containers = containers.collect();
    (task.with_containers(containers), found)
}

/// Takes over the version of a secret that cannot be compared; tells whether that is because of another key.
fn fill_secret<'a>(secret: &mut SecretSpec, mut before: impl Iterator<Item = &'a SecretSpec>) -> bool {
    let same = before.find(|before| before.name == secret.name && before.value_from == secret.value_from);
    let Some(running) = same.and_then(|before| before.version) else { return false };
    match secret.version {
        Some(wanted) if wanted.key == running.key => false,
        wanted => {
            secret.version = Some(running);
            wanted.is_some()
        }
    }
}

#[cfg(test)]
mod tests;
