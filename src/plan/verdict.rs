//! What a plan says about how it will end: well, later, or not without a person.

use std::collections::BTreeMap;

use serde::Serialize;

use super::restart::backoff;
use super::{FailureKind, Plan, Wait, Waiting};
use crate::value::{ClusterName, ServiceName, Timestamp};

/// After so many failures in a row a single convergence gives up on a service. Two could still be a dependency that was not up yet.
const FAILURES_MAX: u32 = 3;

/// How a plan stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is as the manifests ask.
    Converged,
    /// Something is to be done, or waited for.
    Progressing,
    /// Nothing is left to be done but for these services, which will not come right by themselves soon.
    Failed(Vec<FailedService>),
}

/// A service that does not come up, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedService {
    /// The cluster.
    pub cluster: ClusterName,
    /// The service; `None` when it is about the cluster's network.
    pub service: Option<ServiceName>,
    /// What its slots wait for.
    pub waits: Vec<Waiting>,
}

/// Judges a plan of which nothing is under way any more, for a run that began at `began_at`.
pub fn verdict(plan: &Plan, began_at: Timestamp) -> Verdict {
    if plan.is_converged() {
        return Verdict::Converged;
    }
    if !plan.is_quiet() {
        return Verdict::Progressing;
    }
    let services = unfinished(plan);
    if services.iter().all(|service| is_hopeless(&service.waits, began_at)) {
        Verdict::Failed(services)
    } else {
        Verdict::Progressing
    }
}

/// Whether every task of a plan has begun to run: what is still waited for is only how it does, or how it ends.
pub fn has_begun(plan: &Plan) -> bool {
    plan.is_quiet()
        && plan.waits.iter().all(|waiting| match waiting.wait {
            Wait::Health
            | Wait::Checking { .. }
            | Wait::Readiness { .. }
            | Wait::Settle { .. }
            | Wait::Grace { .. }
            | Wait::Held(_)
            | Wait::End => true,
            Wait::Action
            | Wait::Dependency { .. }
            | Wait::Others
            | Wait::Backoff { .. }
            | Wait::MinimumHealthy
            | Wait::Maximum
            | Wait::Port { .. }
            | Wait::Resources(_)
            | Wait::ResourceQueue { .. }
            | Wait::NeverFits(_)
            | Wait::Retry { .. }
            | Wait::Network
            | Wait::WrongPlatform { .. }
            | Wait::DeploymentFailed { .. }
            | Wait::Hook { .. }
            | Wait::Image => false,
        })
}

/// The services that are not as the manifests ask, and what they wait for.
pub fn unfinished(plan: &Plan) -> Vec<FailedService> {
    let mut services: BTreeMap<_, Vec<&Waiting>> = BTreeMap::new();
    for waiting in plan.waits.iter().filter(|waiting| !matches!(waiting.wait, Wait::Held(_))) {
        // What a hook waits for, its service waits for.
        let service = waiting.about.service.as_ref().map(ServiceName::served);
        services.entry((&waiting.about.cluster, service)).or_default().push(waiting);
    }
    let services = services.into_iter().map(|((cluster, service), waits)| FailedService {
        cluster: cluster.clone(),
        service,
        waits: waits.into_iter().cloned().collect(),
    });
    services.collect()
}

/// Whether a service cannot come right by waiting: one of its slots keeps failing, or nothing that it waits for will happen.
fn is_hopeless(waits: &[Waiting], began_at: Timestamp) -> bool {
    // That a service waits for a hook says nothing where the hook itself waits for something.
    let is_told = |waiting: &&Waiting| !matches!(waiting.wait, Wait::Hook { .. });
    let mut told = waits.iter().filter(is_told).peekable();
    waits.iter().any(|waiting| keeps_failing(&waiting.wait, began_at)) || told.peek().is_some() && told.all(is_stuck)
}

fn keeps_failing(wait: &Wait, began_at: Timestamp) -> bool {
    match wait {
        // What failed before this run may have been repaired since: each run makes at least one try of its own.
        Wait::Backoff { failures, until } => *failures >= FAILURES_MAX && until.before(backoff(*failures)) >= began_at,
        Wait::Retry { failures, failure, .. } => {
            *failures >= FAILURES_MAX
                || match failure.kind {
                    FailureKind::ImageMissing | FailureKind::NameTaken | FailureKind::Refused => true,
                    FailureKind::PortTaken
                    | FailureKind::Registry
                    | FailureKind::Gone
                    | FailureKind::Conflict
                    | FailureKind::ResourceInitialization
                    | FailureKind::Engine
                    | FailureKind::Unreachable => false,
                }
        }
        Wait::WrongPlatform { .. } | Wait::NeverFits(_) => true,
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
        | Wait::Network
        | Wait::Image
        | Wait::DeploymentFailed { .. }
        | Wait::Held(_)
        | Wait::Hook { .. }
        | Wait::End
        | Wait::Others
        | Wait::Dependency { .. } => false,
    }
}

/// Whether only another decision of a person can end the wait.
fn is_stuck(Waiting { about, wait }: &Waiting) -> bool {
    match wait {
        Wait::MinimumHealthy
        | Wait::Maximum
        | Wait::Port { .. }
        | Wait::NeverFits(_)
        | Wait::WrongPlatform { .. }
        | Wait::Held(_)
        | Wait::DeploymentFailed { .. } => true,
        // Whoever runs a task once waits for its turn; a service is not made to wait for what may run for ever.
        Wait::Resources(_) | Wait::ResourceQueue { .. } => {
            about.service.as_ref().is_none_or(|name| name.standalone_id().is_none())
        }
        Wait::Action
        | Wait::Health
        | Wait::Checking { .. }
        | Wait::Readiness { .. }
        | Wait::Settle { .. }
        | Wait::Grace { .. }
        | Wait::Backoff { .. }
        | Wait::Retry { .. }
        | Wait::Network
        | Wait::Image
        | Wait::Hook { .. }
        | Wait::End
        | Wait::Others
        | Wait::Dependency { .. } => false,
    }
}
