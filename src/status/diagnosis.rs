//! Why a service did not become healthy: all that the next question needs, found without a further look at the engine.

use super::message::{describe_obstacle, how_it_failed, next_try, patience};
use super::service::{Member, Portrait, portraits};
use crate::change::text::count_of;
use crate::desired::DesiredState;
use crate::observed::{ContainerId, ObservedContainer, ObservedState, Phase};
use crate::ownership::ContainerIdentity;
use crate::plan::ending::Ending;
use crate::plan::view::TaskState;
use crate::plan::{FailureKind, Plan, Wait, duration_text};
use crate::value::{ClusterName, ServiceName, TaskId};

/// Why a service is not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The cluster.
    pub cluster: ClusterName,
    /// The service.
    pub service: ServiceName,
    /// What is wrong, in a few words.
    pub headline: String,
    /// What is known about it, each in a sentence without a full stop.
    pub facts: Vec<String>,
    /// The container whose log tells more, and its task.
    pub container: Option<(ContainerId, TaskId)>,
    /// The image that the engine neither has nor can fetch.
    pub missing_image: Option<String>,
    /// What of the service runs all the same.
    pub running_now: String,
    /// When it is tried again, if it is: `next try in 40s`.
    pub next_try: Option<String>,
}

/// Says why a service is not well; `None` when it is, or when nobody asks for it.
pub fn diagnose(
    desired: &DesiredState,
    observed: &ObservedState,
    plan: &Plan,
    (cluster, service): (&ClusterName, &ServiceName),
) -> Option<Diagnosis> {
    let portraits = portraits(Some(desired), observed, Some(plan));
    let portrait = portraits.into_iter().find(|portrait| portrait.cluster == cluster && portrait.name == service)?;
    portrait.service?;
    let mut diagnosis = Diagnosis {
        cluster: cluster.clone(),
        service: service.clone(),
        headline: String::new(),
        facts: Vec::new(),
        container: None,
        missing_image: None,
        running_now: running_now(&portrait),
        next_try: next_try(&portrait, None),
    };
    let failed = portrait.slots().find_map(|slot| portrait.failed_in(slot));
    if let Some(reason) = failed_hook(&portrait) {
        "a hook of its deployment failed".clone_into(&mut diagnosis.headline);
        diagnosis.facts.push(reason);
        diagnosis.container = last_hook(observed, (cluster, service));
    } else if let Some(failed) = failed {
        explain_failed_task(&mut diagnosis, &portrait, failed);
    } else if !explain_refusal(&mut diagnosis, &portrait) && !explain_wait(&mut diagnosis, &portrait) {
        return None;
    }
    diagnosis.facts.extend(describe_failed_deployment(&portrait));
    Some(diagnosis)
}

/// How a hook failed, where one did: no failures of tasks are counted then.
fn failed_hook(portrait: &Portrait<'_>) -> Option<String> {
    portrait.waits.iter().find_map(|(_, wait)| {
        let Wait::DeploymentFailed { failures: 0, reason, failed: _, rolled_back_to: _ } = wait else { return None };
        reason.clone()
    })
}

/// The container that ended last of the hooks of a service, and its task. They run one after another: it is the one that failed.
fn last_hook(
    observed: &ObservedState,
    (cluster, service): (&ClusterName, &ServiceName),
) -> Option<(ContainerId, TaskId)> {
    let of_hooks = observed.containers.values().filter(|container| {
        let ContainerIdentity { task, essential, .. } = &container.identity;
        let has_ended = matches!(container.phase, Phase::Exited { .. } | Phase::StartFailed { .. });
        *essential && has_ended && task.cluster == *cluster && task.service.is_hook_of(service)
    });
    let ended_at = |container: &&ObservedContainer| match &container.phase {
        Phase::StartFailed { at, .. } => Some(*at),
        Phase::Exited { exit } => exit.as_ref().map(|exit| exit.finished_at),
        Phase::CreatedOrFailed | Phase::Created | Phase::Running { .. } | Phase::Paused | Phase::Removing => None,
    };
    of_hooks.max_by_key(ended_at).map(|container| (container.id.clone(), container.identity.task.id()))
}

/// That nothing more is tried, and what runs instead.
fn describe_failed_deployment(portrait: &Portrait<'_>) -> Option<String> {
    let (failed, failures, rolled_back_to) = portrait.waits.iter().find_map(|(_, wait)| {
        let Wait::DeploymentFailed { failed, failures, rolled_back_to, reason: _ } = wait else { return None };
        Some((failed, failures, rolled_back_to))
    })?;
    let instead = match rolled_back_to {
        Some(revision) => format!("rolled back to revision {}", revision.short()),
        None => "there was nothing to roll back to".to_owned(),
    };
    let after = match failures {
        0 => String::new(),
        failures => format!(" after {}", count_of(u64::from(*failures), "failure")),
    };
    let instead = match rolled_back_to {
        Some(revision) if *failures == 0 => format!("revision {} serves", revision.short()),
        Some(_) | None => instead,
    };
    let what = if *failures == 0 { "its task definition or that of the hook" } else { "the task definition" };
    let revision = failed.short();
    Some(format!(
        "the deployment of revision {revision} was given up{after}; {instead}; it is tried again when {what} changes, or with --retry"
    ))
}

fn explain_failed_task(diagnosis: &mut Diagnosis, portrait: &Portrait<'_>, failed: &Member<'_>) {
    let tried = failed.view.attempt().0;
    let times = if tried > 1 { format!(" ({tried} tries)") } else { String::new() };
    let revision = failed.view.key.revision.short();
    let task = format!("task {} @{revision}, try {tried}", failed.view.key);
    let culprit = failed.view.culprit().or_else(|| failed.view.observed().next());
    diagnosis.container = culprit.map(|container| (container.id.clone(), container.identity.task.id()));
    if failed.state == TaskState::Unhealthy {
        diagnosis.headline = format!("its task is unhealthy{times}");
        let since = failed.view.started_at().map(|at| duration_text(portrait.at.since(at)));
        let since = since.map_or_else(String::new, |since| format!(", {since} after it started"));
        diagnosis.facts.push(format!("{task}: {}{since}", failed.view.sickness()));
        return;
    }
    let ago = match failed.view.ending() {
        Ending::Known { ended_at, .. } => format!(", {} ago", duration_text(portrait.at.since(ended_at))),
        Ending::Unknown(_) | Ending::Untold => String::new(),
    };
    diagnosis.facts.push(format!("{task}: {}{ago}", how_it_failed(failed)));
    diagnosis.headline = match culprit.map(|container| &container.phase) {
        Some(Phase::StartFailed { .. }) => format!("its task cannot be started{times}"),
        Some(Phase::Exited { exit: Some(exit) }) if exit.oom_killed => format!("its task runs out of memory{times}"),
        Some(Phase::Exited { exit: Some(exit) }) if exit.health_output.is_some() => {
            format!("its task becomes unhealthy{times}")
        }
        _ if tried > 1 => format!("its task keeps ending{times}"),
        _ => "its task ended".to_owned(),
    };
    diagnosis.facts.extend(culprit.and_then(|container| hint(portrait, container)));
}

/// What the exit code or the message means, where people often wonder.
fn hint(portrait: &Portrait<'_>, container: &ObservedContainer) -> Option<String> {
    let spec = portrait.service?.task.containers.iter().find(|spec| spec.name == container.identity.container)?;
    match &container.phase {
        Phase::Exited { exit: Some(exit) } if exit.oom_killed => Some(match spec.memory {
            Some(memory) => format!("its limit is {memory} MiB (memory)"),
            None => "it has no limit of its own: the host ran out of memory".to_owned(),
        }),
        // It was stopped by us, and its health check has said why.
        Phase::Exited { exit: Some(exit) } if exit.health_output.is_some() => None,
        Phase::Exited { exit: Some(exit) } => match exit.code {
            126 => Some("exit code 126 usually means that the program cannot be executed".to_owned()),
            127 => Some("exit code 127 usually means that the program was not found".to_owned()),
            137 => Some("it was not out of memory: somebody killed it".to_owned()),
            139 => Some("exit code 139 is a crash of the program (segmentation fault)".to_owned()),
            0 => Some("exit code 0: a program of a service is not supposed to end".to_owned()),
            _ => None,
        },
        Phase::StartFailed { message, .. } if message.contains("exec format error") => {
            Some("the image is probably made for another kind of processor".to_owned())
        }
        Phase::StartFailed { message, .. } if message.contains("no such file or directory") => {
            Some("the program is not in the image, or it is a script whose interpreter is not".to_owned())
        }
        Phase::Exited { exit: None }
        | Phase::StartFailed { .. }
        | Phase::CreatedOrFailed
        | Phase::Created
        | Phase::Running { .. }
        | Phase::Paused
        | Phase::Removing => None,
    }
}

/// The engine said no to something: the last failure of an action.
fn explain_refusal(diagnosis: &mut Diagnosis, portrait: &Portrait<'_>) -> bool {
    let refusal = portrait.waits.iter().find_map(|(slot, wait)| {
        let Wait::Retry { failures, failure, .. } = wait else { return None };
        Some((slot, *failures, failure))
    });
    let Some((slot, failures, failure)) = refusal else { return false };
    let headline = match failure.kind {
        FailureKind::ImageMissing => "its image cannot be had",
        FailureKind::Registry => "its image cannot be fetched now",
        FailureKind::NameTaken => "somebody else's containers hold its names",
        FailureKind::PortTaken => "something else holds its host port",
        FailureKind::Refused => "the engine refuses it",
        FailureKind::ResourceInitialization => "a secret of it cannot be had",
        FailureKind::Gone | FailureKind::Conflict | FailureKind::Engine => "the engine fails",
        FailureKind::Unreachable => "the engine cannot be reached",
    };
    headline.clone_into(&mut diagnosis.headline);
    let task = slot.map_or_else(String::new, |slot| format!("task {}/{}/{slot}: ", portrait.cluster, portrait.name));
    let times = if failures == 1 { "tried once".to_owned() } else { format!("tried {failures} times") };
    diagnosis.facts.push(format!("{task}{failure} ({times})"));
    if matches!(failure.kind, FailureKind::ImageMissing | FailureKind::Registry) {
        // The failure does not say which of the images; where only one is spoken of, it is that one.
        let of_service = portrait.service.iter().flat_map(|service| &service.task.containers);
        let hooks = portrait.service.iter().flat_map(|service| &service.hooks);
        let containers = of_service.chain(hooks.flat_map(|hook| &hook.service.task.containers));
        let images: Vec<_> = containers.map(|container| container.image.clone()).collect();
        let named = images.iter().find(|image| failure.message.contains(image.as_str())).cloned();
        diagnosis.missing_image = named.or_else(|| images.into_iter().next());
    }
    true
}

/// Nothing has failed, and yet it does not come up.
fn explain_wait(diagnosis: &mut Diagnosis, portrait: &Portrait<'_>) -> bool {
    let pending = portrait.members.iter().filter(|member| member.current).find_map(|member| {
        let TaskState::Pending(wait) = &member.state else { return None };
        Some((member, wait))
    });
    let (headline, fact) = if let Some(obstacle) = describe_obstacle(portrait) {
        ("a task cannot begin", obstacle)
    } else if let Some((member, wait)) = pending {
        let since = member.view.started_at().unwrap_or(portrait.at);
        let ago = duration_text(portrait.at.since(since));
        let essential = member.view.observed().find(|container| container.identity.essential);
        diagnosis.container = essential.map(|container| (container.id.clone(), container.identity.task.id()));
        let state = patience(wait, portrait.at).unwrap_or_else(|| wait.to_string());
        let fact = format!("task {}: started {ago} ago; {state}", member.view.key);
        ("a task has not become healthy", fact)
    } else if let Some((_, wait)) = portrait.waits.first() {
        ("it is not finished", patience(wait, portrait.at).unwrap_or_else(|| wait.to_string()))
    } else {
        return false;
    };
    headline.clone_into(&mut diagnosis.headline);
    diagnosis.facts.push(fact);
    true
}

/// What of the service runs, by revision.
fn running_now(portrait: &Portrait<'_>) -> String {
    let mut revisions: std::collections::BTreeMap<String, (bool, u32)> = std::collections::BTreeMap::new();
    for member in portrait.members.iter().filter(|member| member.state == TaskState::Healthy) {
        let found = revisions.entry(member.revision()).or_insert((member.current, 0));
        found.1 += 1;
    }
    if revisions.is_empty() {
        return match portrait.wanted {
            1 => "its only task is not healthy: the service is down".to_owned(),
            wanted => format!("none of its {wanted} tasks is healthy: the service is down"),
        };
    }
    let of_each = revisions.iter().map(|(revision, (current, count))| {
        let age = if *current { "" } else { " (old)" };
        format!("{count} on {revision}{age}")
    });
    let total: u32 = revisions.values().map(|(_, count)| count).sum();
    let verb = if portrait.wanted == 1 { "task is" } else { "tasks are" };
    format!("{total} of {} {verb} healthy: {}", portrait.wanted, of_each.collect::<Vec<_>>().join(", "))
}
