//! What a person names on the command line: a task, or a service.

use std::collections::{BTreeMap, BTreeSet};

use super::exit::{self, Exit};
use crate::logs::is_live;
use crate::observed::{ObservedContainer, Phase};
use crate::ownership::{Source, TaskKey};
use crate::spelling;
use crate::value::{ClusterName, ContainerName, ServiceName};

/// How many tasks are named that may be meant.
const CHOICES_MAX: usize = 5;

/// A task with its containers.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) key: TaskKey,
    pub(super) source: Source,
    pub(super) containers: Vec<ObservedContainer>,
}

impl Found {
    /// Whether something of it runs, or is about to.
    pub(super) fn runs(&self) -> bool {
        self.containers.iter().any(|container| match container.phase {
            Phase::CreatedOrFailed | Phase::Created | Phase::Running { .. } | Phase::Paused => true,
            Phase::StartFailed { .. } | Phase::Exited { .. } | Phase::Removing => false,
        })
    }
}

/// What was named.
#[derive(Debug, Clone)]
pub(super) enum Named {
    /// A service, with all of its tasks that there are.
    Service(ClusterName, ServiceName, Vec<Found>),
    /// One task.
    Task(Found),
}

/// The one task that `text` names: its id or the beginning of it, or CLUSTER/SERVICE/SLOT.
pub(super) fn find_task(text: &str, containers: Vec<ObservedContainer>) -> Result<Found, Exit> {
    let tasks = tasks(containers);
    let names = known_names(&tasks, false);
    pick_task(text, tasks)?
        .ok_or_else(|| not_found("task", text, &names, "`reconcile tasks --all` shows those that there are"))
}

/// The task or the service that `text` names. A service is SERVICE, where only one cluster has such a one, or CLUSTER/SERVICE.
pub(super) fn find(text: &str, containers: Vec<ObservedContainer>) -> Result<Named, Exit> {
    let tasks = tasks(containers);
    let names = known_names(&tasks, true);
    let is_named = |key: &TaskKey| {
        let is_service = key.service.standalone_id().is_none();
        is_service && (key.service.as_str() == text || format!("{}/{}", key.cluster, key.service) == text)
    };
    let services: BTreeSet<_> = tasks.iter().map(|task| &task.key).filter(|key| is_named(key)).collect();
    let services: BTreeSet<_> = services.into_iter().map(|key| (key.cluster.clone(), key.service.clone())).collect();
    if services.len() > 1 {
        let names: Vec<_> = services.iter().map(|(cluster, service)| format!("{cluster}/{service}")).collect();
        return Err(Exit::because(exit::USAGE, format!("`{text}` may be any of {}", names.join(", "))));
    }
    if let Some((cluster, service)) = services.into_iter().next() {
        let is_of_it = |task: &Found| task.key.cluster == cluster && task.key.service == service;
        let of_it = tasks.into_iter().filter(is_of_it).collect();
        return Ok(Named::Service(cluster, service, of_it));
    }
    let found = pick_task(text, tasks)?;
    found.map(Named::Task).ok_or_else(|| {
        not_found("service or task", text, &names, "`reconcile status` and `reconcile tasks --all` show what there is")
    })
}

fn tasks(containers: Vec<ObservedContainer>) -> Vec<Found> {
    let mut tasks: BTreeMap<(TaskKey, Source), Vec<ObservedContainer>> = BTreeMap::new();
    for container in containers {
        let key = (container.identity.task.clone(), container.identity.source.clone());
        tasks.entry(key).or_default().push(container);
    }
    tasks.into_iter().map(|((key, source), containers)| Found { key, source, containers }).collect()
}

fn pick_task(text: &str, tasks: Vec<Found>) -> Result<Option<Found>, Exit> {
    let is_named =
        |key: &TaskKey| (!text.is_empty() && key.id().to_string().starts_with(text)) || key.to_string() == text;
    let mut found: Vec<_> = tasks.into_iter().filter(|task| is_named(&task.key)).collect();
    if found.len() > 1 && found.iter().any(Found::runs) {
        // A slot has had several tasks; those that have ended are not meant.
        found.retain(Found::runs);
    }
    if found.len() > 1 && found.iter().all(|task| task.key.to_string() == text && !task.runs()) {
        // Of those that a slot has had, the last one.
        found.sort_by_key(|task| task.containers.iter().map(|container| container.created_at).min());
        found.drain(..found.len() - 1);
    }
    if found.len() <= 1 {
        return Ok(found.pop());
    }
    let ids: Vec<_> = found.iter().take(CHOICES_MAX).map(|found| found.key.id().to_string()).collect();
    let more = if found.len() > ids.len() { ", ..." } else { "" };
    let sentence = format!("`{text}` may be any of {} tasks: {}{more}", found.len(), ids.join(", "));
    Err(Exit::because(exit::USAGE, sentence))
}

/// Every name that could have been meant.
fn known_names(tasks: &[Found], with_services: bool) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for Found { key, .. } in tasks {
        names.extend([key.id().to_string(), key.to_string()]);
        if with_services && key.service.standalone_id().is_none() {
            names.extend([key.service.to_string(), format!("{}/{}", key.cluster, key.service)]);
        }
    }
    names
}

fn not_found(what: &str, text: &str, names: &BTreeSet<String>, otherwise: &str) -> Exit {
    let meant = spelling::closest(text, names.iter().map(String::as_str));
    let hint = meant.map_or_else(|| otherwise.to_owned(), |meant| format!("did you mean `{meant}`?"));
    Exit::because(exit::RUNTIME, format!("there is no {what} `{text}`; {hint}"))
}

/// Checks that one of `containers` is called `name`.
pub(super) fn check_container(name: &str, containers: &[&ObservedContainer]) -> Result<(), Exit> {
    let readable = containers.iter().map(|container| &container.identity.container);
    let names: BTreeSet<_> = readable.filter(|name| !name.is_namespace_owner()).map(ContainerName::as_str).collect();
    if names.contains(name) {
        return Ok(());
    }
    let hint = spelling::suggest(name, names.into_iter());
    Err(Exit::because(exit::USAGE, format!("there is no container `{name}`; {hint}")))
}

/// The container that is meant when none is named: the only one, or else the only essential one.
pub(super) fn default_container(task: &Found) -> Result<&ObservedContainer, Exit> {
    let own: Vec<_> =
        task.containers.iter().filter(|container| !container.identity.container.is_namespace_owner()).collect();
    let essential: Vec<_> = own.iter().copied().filter(|container| container.identity.essential).collect();
    match (&own[..], &essential[..]) {
        ([only], _) | (_, [only]) => Ok(only),
        _ => {
            let names: BTreeSet<_> = own.iter().map(|container| container.identity.container.as_str()).collect();
            let names: Vec<_> = names.into_iter().collect();
            let id = task.key.id();
            let sentence = format!("task {id} has the containers {}: name one with -c", names.join(", "));
            Err(Exit::because(exit::USAGE, sentence))
        }
    }
}

/// The tasks of a service that run, by slot.
pub(super) fn running(tasks: Vec<Found>) -> Vec<Found> {
    let mut running: Vec<_> = tasks.into_iter().filter(|task| task.containers.iter().any(is_live)).collect();
    running.sort_by_key(|task| task.key.slot);
    running
}

#[cfg(test)]
mod tests;
