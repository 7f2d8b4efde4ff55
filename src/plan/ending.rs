//! How a task ended: who is to blame for it, from when to when it ran, and the sentence that says so.

use std::fmt;

use super::order::{self, Because, Gate, Never};
use super::view::TaskView;
use crate::observed::{ContainerId, Exit, Health, ObservedContainer, Phase};
use crate::value::Timestamp;

/// How a task ended.
#[derive(Debug, Clone)]
pub(crate) enum Ending<'a> {
    /// A fact is missing: these containers have to be inspected.
    Unknown(Vec<ContainerId>),
    /// No container of it tells: they are being stopped, or somebody else has removed them.
    Untold,
    /// It ran from `started_at` to `ended_at`; both are the same when it never ran.
    Known { started_at: Timestamp, ended_at: Timestamp, unhealthy: bool, reason: Reason<'a> },
}

/// What ended a task. Most who ask how it ended do not ask for the sentence, so it is made when it is shown.
#[derive(Debug, Clone)]
pub(crate) enum Reason<'a> {
    /// An essential container of it could never be started.
    Never(Never<'a>),
    /// This container ended.
    Ended(&'a ObservedContainer),
}

impl fmt::Display for Reason<'_> {
    /// One sentence without a full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never(never) => never.fmt(f),
            Self::Ended(container) => f.write_str(&describe_end(container)),
        }
    }
}

impl<'a> TaskView<'a> {
    /// The container whose end ended the task.
    pub(crate) fn culprit(&self) -> Option<&'a ObservedContainer> {
        if let Some(never) = self.obstacle() {
            return never.root();
        }
        self.first_end().map(|(_, container)| container)
    }

    fn first_end(&self) -> Option<(Span, &'a ObservedContainer)> {
        self.observed()
            .filter(|container| container.identity.essential)
            .filter_map(|container| ended_at(container).map(|end| (end, container)))
            // Whoever was unhealthy is why the others were stopped, in whatever order they then ended.
            .min_by_key(|(end, container)| (!was_unhealthy(container), *end, &container.identity))
    }

    /// Why an essential container of it can never be started, where that is so: a task like this has failed to start.
    ///
    /// The container itself has been removed by then, as everything that never ran. What it waited for is still there.
    pub(crate) fn obstacle(&self) -> Option<Never<'a>> {
        let never = |gate: Gate<'a>| match gate {
            Gate::Never(never) => Some(never),
            Gate::Open | Gate::Waits { .. } | Gate::Unclear(_) => None,
        };
        let mut waiting =
            self.containers.iter().filter(|container| container.identity.essential && container.is_unstarted());
        if let Some(found) = waiting.find_map(|container| never(order::gate(self, container))) {
            return Some(found);
        }
        if !self.has_begun() {
            return None;
        }
        let wanted = self.context.spec.into_iter().flat_map(|spec| &spec.containers);
        let mut gone = wanted.filter(|spec| spec.essential && self.container(&spec.name).is_none());
        gone.find_map(|spec| never(order::gate_of(self, spec)))
    }

    /// How the task ended, in one sentence without a full stop, whatever is known of it.
    pub(crate) fn describe_ending(&self) -> String {
        match self.ending() {
            Ending::Known { reason, .. } => reason.to_string(),
            Ending::Untold if !self.is_busy() => "a container was removed by somebody else".to_owned(),
            Ending::Untold | Ending::Unknown(_) => "it ended; how is not known yet".to_owned(),
        }
    }

    /// How the task ended.
    pub(crate) fn ending(&self) -> Ending<'a> {
        let unknown: Vec<_> =
            self.observed().filter(|container| lacks_facts(container)).map(|c| c.id.clone()).collect();
        if !unknown.is_empty() {
            return Ending::Unknown(unknown);
        }
        if let Some(never) = self.obstacle()
            && let Some(end) = never.root().and_then(|root| span_of(root, never.because()))
        {
            let Span { started_at, ended_at } = end;
            return Ending::Known { started_at, ended_at, unhealthy: false, reason: Reason::Never(never) };
        }
        let Some((end, container)) = self.first_end() else { return Ending::Untold };
        let sick = self.observed().find(|container| container.identity.essential && was_unhealthy(container));
        let unhealthy = sick.is_some();
        let container = sick.unwrap_or(container);
        Ending::Known {
            started_at: end.started_at,
            ended_at: end.ended_at,
            unhealthy,
            reason: Reason::Ended(container),
        }
    }
}

/// Whether a container was unhealthy when it ended. Some engines go on to say so of its health; all keep what the check said last.
pub(super) fn was_unhealthy(container: &ObservedContainer) -> bool {
    match &container.phase {
        Phase::Exited { exit: Some(exit) } => exit.health_output.is_some() || container.health == Health::Unhealthy,
        Phase::Exited { exit: None }
        | Phase::CreatedOrFailed
        | Phase::Created
        | Phase::StartFailed { .. }
        | Phase::Running { .. }
        | Phase::Paused
        | Phase::Removing => container.health == Health::Unhealthy,
    }
}

fn lacks_facts(container: &ObservedContainer) -> bool {
    matches!(container.phase, Phase::CreatedOrFailed | Phase::Exited { exit: None })
}

/// From when to when something ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    ended_at: Timestamp,
    started_at: Timestamp,
}

fn ended_at(container: &ObservedContainer) -> Option<Span> {
    match &container.phase {
        Phase::Exited { exit: Some(exit) } => Some(Span { ended_at: exit.finished_at, started_at: exit.started_at }),
        Phase::StartFailed { at, .. } => Some(Span { ended_at: *at, started_at: *at }),
        Phase::Exited { exit: None }
        | Phase::CreatedOrFailed
        | Phase::Created
        | Phase::Running { .. }
        | Phase::Paused
        | Phase::Removing => None,
    }
}

/// From when to when the container ran that kept another from starting.
fn span_of(root: &ObservedContainer, because: &Because<'_>) -> Option<Span> {
    match (ended_at(root), &root.phase, because) {
        (Some(span), _, _) => Some(span),
        (None, Phase::Running { started_at }, Because::TimedOut(_, timeout)) => {
            Some(Span { ended_at: started_at.after(*timeout), started_at: *started_at })
        }
        (None, _, _) => None,
    }
}

/// How a container ended, in one sentence without a full stop.
pub(crate) fn describe_end(container: &ObservedContainer) -> String {
    let name = &container.identity.container;
    match &container.phase {
        Phase::StartFailed { message, .. } => format!("container {name} could not start: {message}"),
        Phase::Exited { exit: Some(exit) } => {
            format!("container {name} {}", describe_exit(exit, was_unhealthy(container)))
        }
        Phase::Exited { exit: None } => format!("container {name} ended"),
        Phase::CreatedOrFailed | Phase::Created => format!("container {name} was never started"),
        Phase::Running { .. } if was_unhealthy(container) => format!("container {name} is unhealthy"),
        Phase::Running { .. } => format!("container {name} runs"),
        Phase::Paused => format!("container {name} is paused"),
        Phase::Removing => format!("container {name} is being removed"),
    }
}

fn describe_exit(exit: &Exit, unhealthy: bool) -> String {
    if exit.oom_killed {
        return "was killed because it ran out of memory (exit code 137)".to_owned();
    }
    if unhealthy {
        let output = exit.health_output.as_deref().filter(|output| !output.is_empty());
        return match output {
            Some(output) => format!("was stopped because it was unhealthy: {output}"),
            None => "was stopped because it was unhealthy".to_owned(),
        };
    }
    let ran = super::duration_text(exit.finished_at.since(exit.started_at));
    match exit.code {
        137 => format!("was killed after {ran} (exit code 137)"),
        143 => format!("was terminated after {ran} (exit code 143)"),
        code => format!("exited with code {code} after {ran}"),
    }
}
