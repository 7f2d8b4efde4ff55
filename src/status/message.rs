//! Why a service is not well, in one sentence.

use super::service::{Member, Portrait};
use super::{Health, ServiceStatus, Sync};
use crate::change::text::count_of;
use crate::plan::ending::Ending;
use crate::plan::view::TaskState;
use crate::plan::{Wait, duration_text};
use crate::value::{Slot, Timestamp};

/// The most telling thing that can be said about a service; `None` when it is well and always was.
pub(super) fn describe(portrait: &Portrait<'_>, status: &ServiceStatus) -> Option<String> {
    if portrait.is_unwanted() {
        return Some("no manifest asks for it".to_owned());
    }
    if let Some(failure) = describe_failure(portrait) {
        return Some(failure);
    }
    // A refusal, a held port: what is in the way says more than that something is under way.
    if let Some(obstacle) = describe_obstacle(portrait) {
        return Some(obstacle);
    }
    if let Some(held) = portrait.held() {
        return Some(held.to_string());
    }
    let hook = portrait.waits.iter().find(|(_, wait)| matches!(wait, Wait::Hook { .. }));
    if let Some((_, hook)) = hook {
        return patience(hook, portrait.at);
    }
    if status.sync == Sync::OutOfSync
        && let Some(rollout) = describe_rollout(portrait, status)
    {
        return Some(rollout);
    }
    if status.health == Health::Progressing {
        return describe_progress(portrait);
    }
    if status.health == Health::Missing {
        return Some(format!("{} should run, and there is none", count_of(status.desired, "task")));
    }
    last_failure(portrait)
}

/// The first slot whose last try failed.
fn describe_failure(portrait: &Portrait<'_>) -> Option<String> {
    let failed: Vec<_> = portrait.slots().filter_map(|slot| Some((slot, portrait.failed_in(slot)?))).collect();
    let (slot, member) = failed.first()?;
    let task = if portrait.wanted > 1 { format!("task {slot}: ") } else { String::new() };
    let more = match failed.len() {
        1 => String::new(),
        others => format!(" (and {} more)", others - 1),
    };
    let next = next_try(portrait, Some(*slot)).map_or_else(String::new, |next| format!("; {next}"));
    Some(format!("{task}{}{more}{next}", how_it_failed(member)))
}

/// How a try failed, or is failing.
pub(super) fn how_it_failed(member: &Member<'_>) -> String {
    if member.state == TaskState::Unhealthy {
        return member.view.sickness();
    }
    member.view.describe_ending()
}

/// `next try in 40s`, when something is put off until a known time.
pub(super) fn next_try(portrait: &Portrait<'_>, slot: Option<Slot>) -> Option<String> {
    let concerned = portrait.waits.iter().filter(|(about, _)| slot.is_none() || about.is_none() || *about == slot);
    let until = concerned.filter_map(|(_, wait)| match wait {
        Wait::Backoff { until, .. } | Wait::Retry { until, .. } => Some(*until),
        Wait::Action
        | Wait::Health
        | Wait::Checking { .. }
        | Wait::Readiness { .. }
        | Wait::Settle { .. }
        | Wait::Grace { .. }
        | Wait::MinimumHealthy
        | Wait::Maximum
        | Wait::Port { .. }
        | Wait::Resources(_)
        | Wait::ResourceQueue { .. }
        | Wait::NeverFits(_)
        | Wait::Network
        | Wait::Image
        | Wait::WrongPlatform { .. }
        | Wait::DeploymentFailed { .. }
        | Wait::Held(_)
        | Wait::Hook { .. }
        | Wait::End
        | Wait::Others
        | Wait::Dependency { .. } => None,
    });
    until.min().map(|until| format!("next try {}", in_words(portrait.at, until)))
}

/// What is in the way of a task that has not begun, if something is.
pub(super) fn describe_obstacle(portrait: &Portrait<'_>) -> Option<String> {
    portrait.waits.iter().find_map(|(_, wait)| match wait {
        Wait::Retry { until, failure, .. } => Some(format!("{failure}; next try {}", in_words(portrait.at, *until))),
        Wait::Port { port, protocol, holder } => {
            let own = holder.cluster == *portrait.cluster && holder.service == *portrait.name;
            let holder = if own { format!("task {}", holder.slot) } else { holder.to_string() };
            Some(format!("host port {port}/{} is still held by {holder}", protocol.as_str()))
        }
        Wait::WrongPlatform { .. } | Wait::DeploymentFailed { .. } | Wait::NeverFits(_) => Some(wait.to_string()),
        Wait::Resources(_) | Wait::ResourceQueue { .. } => Some(format!("waits for room: {wait}")),
        Wait::Backoff { until, failures } => {
            let times = if *failures == 1 { "once".to_owned() } else { format!("{failures} times in a row") };
            Some(format!("failed {times}; next try {}", in_words(portrait.at, *until)))
        }
        Wait::Action
        | Wait::Health
        | Wait::Checking { .. }
        | Wait::Readiness { .. }
        | Wait::Settle { .. }
        | Wait::Grace { .. }
        | Wait::MinimumHealthy
        | Wait::Maximum
        | Wait::Network
        | Wait::Image
        | Wait::Held(_)
        | Wait::Hook { .. }
        | Wait::End
        | Wait::Others
        | Wait::Dependency { .. } => None,
    })
}

/// `web@9c1d42 -> web@4f2c9e, 2 of 3 replaced`.
fn describe_rollout(portrait: &Portrait<'_>, status: &ServiceStatus) -> Option<String> {
    let wanted = portrait.revision()?;
    let others: Vec<_> = status.revisions.keys().filter(|revision| **revision != wanted).cloned().collect();
    if !others.is_empty() {
        let is_done = |slot: &Slot| portrait.last_in(*slot).is_some_and(|last| last.state == TaskState::Healthy);
        let done = portrait.slots().filter(is_done).count();
        let waiting = progress(portrait).map_or_else(String::new, |progress| format!("; {progress}"));
        return Some(format!("{} -> {wanted}, {done} of {} replaced{waiting}", others.join(", "), portrait.wanted));
    }
    let up = u64::from(status.running + status.pending);
    match (up, u64::from(portrait.wanted)) {
        (0, _) => None,
        (now, wanted) if now < wanted => Some(format!("{} to start", count_of(wanted - now, "task"))),
        (now, wanted) if now > wanted => Some(format!("{} to stop", count_of(now - wanted, "task"))),
        (_, _) => Some("to be changed".to_owned()),
    }
}

fn describe_progress(portrait: &Portrait<'_>) -> Option<String> {
    progress(portrait).or_else(|| Some("starting".to_owned()))
}

/// What is waited for that will most likely come by itself.
fn progress(portrait: &Portrait<'_>) -> Option<String> {
    portrait.waits.iter().find_map(|(_, wait)| patience(wait, portrait.at))
}

/// A wait that will most likely end by itself, in words.
pub(super) fn patience(wait: &Wait, at: Timestamp) -> Option<String> {
    match wait {
        Wait::Image => Some("its image is being fetched".to_owned()),
        Wait::Network => Some("the network of its cluster is being made".to_owned()),
        Wait::Health => Some("waits for its health check".to_owned()),
        Wait::Checking { said: None } => Some("its health check has just begun".to_owned()),
        Wait::Checking { said: Some(said) } => Some(format!("its health check has not succeeded yet: {said}")),
        Wait::Readiness { said: None } => Some("waits for its readiness check".to_owned()),
        Wait::Readiness { said: Some(said) } => Some(format!("not ready: {said}")),
        Wait::Settle { .. } => Some("just started".to_owned()),
        Wait::Grace { until } => Some(format!("unhealthy, overlooked for another {}", duration_text(until.since(at)))),
        Wait::Dependency { container, on, condition, until } => {
            let until = until.map(|until| format!(", for another {}", duration_text(until.since(at))));
            Some(format!("{container} waits for `{on}` {}{}", condition.in_words(), until.unwrap_or_default()))
        }
        Wait::Hook { until, .. } => {
            let until = until.map(|until| format!(", for another {} at most", duration_text(until.since(at))));
            Some(format!("waits for {wait}{}", until.unwrap_or_default()))
        }
        Wait::MinimumHealthy => Some("minimumHealthyPercent keeps the old tasks until others are healthy".to_owned()),
        Wait::Maximum => Some("maximumPercent leaves no room until a task has stopped".to_owned()),
        Wait::Action
        | Wait::Backoff { .. }
        | Wait::Port { .. }
        | Wait::Resources(_)
        | Wait::ResourceQueue { .. }
        | Wait::NeverFits(_)
        | Wait::Retry { .. }
        | Wait::WrongPlatform { .. }
        | Wait::DeploymentFailed { .. } => None,
        Wait::Held(held) => Some(held.to_string()),
        Wait::End => Some("runs until it ends".to_owned()),
        Wait::Others => Some("stops after the others of its cluster".to_owned()),
    }
}

/// What happened last, when all is well again.
fn last_failure(portrait: &Portrait<'_>) -> Option<String> {
    let ended = portrait.members.iter().filter(|member| member.current && member.state == TaskState::Ended);
    let last = ended.filter_map(|member| match member.view.ending() {
        Ending::Known { ended_at, reason, .. } => Some((ended_at, reason.to_string())),
        Ending::Unknown(_) | Ending::Untold => None,
    });
    let (at, reason) = last.max()?;
    Some(format!("{} ago: {reason}", duration_text(portrait.at.since(at))))
}

/// `in 40s`, or `now` when the time has come.
fn in_words(now: Timestamp, until: Timestamp) -> String {
    if until > now { format!("in {}", duration_text(until.since(now))) } else { "now".to_owned() }
}
