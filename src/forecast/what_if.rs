//! What would happen if the new tasks of a service were not well: the forecast with a fault in it.
//!
//! A fault concerns the tasks that would be made: what runs already goes on as it was observed, and what is rolled back to is well.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Forecast, HORIZON, Run, Until, waited_for};
use crate::change::revision_name;
use crate::change::text::count_of;
use crate::desired::{CheckMethod, ContainerSpec, DesiredService, DesiredState, TaskSpec};
use crate::engine::simulated::{self, Behaviour, Checks, Subject};
use crate::event::{Event, EventKind};
use crate::observed::ObservedState;
use crate::plan::{About, duration_text};
use crate::status::{Status, status};
use crate::value::{ClusterName, ContainerName, ServiceName, Timestamp};

/// A service within its cluster.
pub type ServiceKey = (ClusterName, ServiceName);

/// What is wrong with the new tasks of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No health check of theirs ever succeeds.
    NeverHealthy,
    /// Their essential containers end with an error, so long after their start.
    Crash {
        /// How long they run.
        after: Duration,
    },
    /// Their health checks fail until so long after their start.
    Slow {
        /// How long it takes.
        by: Duration,
    },
}

/// The exit code of a program that crashes.
const CRASHED: i64 = 1;

impl Fault {
    /// Whether it shows only where a health check looks.
    fn needs_check(self) -> bool {
        match self {
            Self::NeverHealthy | Self::Slow { .. } => true,
            Self::Crash { .. } => false,
        }
    }

    fn behaviour(self) -> Behaviour {
        let well = Behaviour::default();
        match self {
            Self::NeverHealthy => Behaviour { health: Checks::Never, ..well },
            Self::Crash { after } => Behaviour { run: simulated::Run::Exits { code: CRASHED, after }, ..well },
            Self::Slow { by } => Behaviour { health: Checks::HealthyAfter(by), ..well },
        }
    }

    /// The containers of a task that it hits; none where it would not show. One that is to end, and is waited for, ends well.
    fn hits(self, task: &TaskSpec) -> Vec<&ContainerName> {
        let ending: BTreeSet<_> = waited_for(task).collect();
        let is_hit = |container: &&Arc<ContainerSpec>| {
            let shows = if self.needs_check() { is_checked(container) } else { container.essential };
            shows && !ending.contains(&container.name)
        };
        task.containers.iter().filter(is_hit).map(|container| &container.name).collect()
    }

    /// Whether it would show in tasks of this kind.
    pub fn shows_in(self, task: &TaskSpec) -> bool {
        !self.hits(task).is_empty()
    }

    /// The question that a simulation answers: `If shop/web never becomes healthy`.
    pub fn question(self, services: &BTreeSet<ServiceKey>) -> String {
        const NAMED_MAX: usize = 3;
        let names: Vec<_> = services.iter().map(|(cluster, service)| format!("{cluster}/{service}")).collect();
        let who = match &names[..] {
            [only] => only.clone(),
            [rest @ .., last] if names.len() <= NAMED_MAX => format!("{} and {last}", rest.join(", ")),
            all => count_of(all.len() as u64, "service"),
        };
        let one = names.len() == 1;
        match self {
            Self::NeverHealthy => format!("If {who} never {} healthy", if one { "becomes" } else { "become" }),
            Self::Crash { after } => {
                let (crash, their) = if one { ("crashes", "its") } else { ("crash", "their") };
                format!("If {who} {crash} {} after {their} start", time_text(after))
            }
            Self::Slow { by } => {
                format!("If {who} {} {} to become healthy", if one { "takes" } else { "take" }, time_text(by))
            }
        }
    }
}

impl fmt::Display for Fault {
    /// As it is asked for: `crash=2s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverHealthy => f.write_str("never-healthy"),
            Self::Crash { after } => write!(f, "crash={}s", after.as_secs()),
            Self::Slow { by } => write!(f, "slow={}s", by.as_secs()),
        }
    }
}

/// A time as the user gave it: in whole seconds.
fn time_text(time: Duration) -> String {
    if time < Duration::from_secs(10) { format!("{}s", time.as_secs()) } else { duration_text(time) }
}

/// Whether the health of a container is checked.
fn is_checked(container: &ContainerSpec) -> bool {
    container.health_check.as_ref().is_some_and(|check| match &check.method {
        CheckMethod::Command(command) => command.first().is_none_or(|first| first != "NONE"),
        CheckMethod::Probe(_) => true,
    })
}

/// What would happen.
#[derive(Debug)]
pub struct Simulation {
    /// What happens, in order, and how long it takes.
    pub forecast: Forecast,
    /// How it goes for each service that the fault concerns.
    pub ends: Vec<End>,
}

impl Simulation {
    /// Whether it came to rest; otherwise it was cut off.
    pub fn is_at_rest(&self) -> bool {
        self.forecast.verdict.is_some()
    }
}

/// How it goes for a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The cluster.
    pub cluster: ClusterName,
    /// The service.
    pub service: ServiceName,
    /// How many tasks there should be.
    pub desired: u32,
    /// How many were healthy when it began.
    pub healthy_at_first: u32,
    /// How many were healthy when the fewest were.
    pub healthy_at_least: u32,
    /// How many were healthy when it ended.
    pub healthy_at_last: u32,
    /// How many tries failed.
    pub failures: u32,
    /// When its deployment was given up, if it was.
    pub given_up: Option<GivenUp>,
    /// When it was last found steady, or after it was given up: when it was first so.
    pub steady_after: Option<Duration>,
    /// For how long it was looked at, where that was cut off.
    pub cut_off_after: Option<Duration>,
}

/// How a deployment was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// How long after the beginning.
    pub after: Duration,
    /// The failures that were counted.
    pub failures: u32,
    /// What takes its place, if there is something to go back to: `web@9c1d42`.
    pub rolled_back_to: Option<String>,
}

/// Forecasts a run in which the new tasks of `services` have a fault. It is told until nothing more happens, or to the limit.
pub fn simulate(
    desired: &Arc<DesiredState>,
    observed: &ObservedState,
    cores: usize,
    (fault, services): (Fault, &BTreeSet<ServiceKey>),
) -> Simulation {
    let mut run = Run::new(desired, observed, cores);
    let wanted: BTreeMap<&ServiceKey, &DesiredService> =
        services.iter().filter_map(|key| Some((key, desired.clusters.get(&key.0)?.services.get(&key.1)?))).collect();
    // What was observed has been taken up already, and goes on as it was.
    for ((cluster, name), service) in &wanted {
        for container in fault.hits(&service.task) {
            let (revision, container) = (service.task.revision, container.clone());
            let subject = Subject::OfService(cluster.clone(), name.clone(), revision, container);
            run.engine.set_behaviour(subject, fault.behaviour());
        }
    }
    let began_at = run.began_at;
    let mut counts = BTreeMap::new();
    // The first decision may stop something already.
    count(&mut counts, services, &status(Some(desired), observed, None));
    let forecast = run.go(Until::AtRest, |reconciler, plan| {
        count(&mut counts, services, &status(Some(reconciler.desired()), reconciler.observed(), Some(plan)));
    });
    let cut_off_after = forecast.verdict.is_none().then(|| cut_off(&forecast));
    let ends = wanted.into_iter().filter_map(|(key, service)| {
        let counts = counts.get(key)?;
        Some(End { cut_off_after, ..counts.end(key, service, &forecast.events, began_at) })
    });
    Simulation { ends: ends.collect(), forecast }
}

/// How long was looked at what did not come to rest. What comes next lies behind the limit, unless it was too much.
fn cut_off(forecast: &Forecast) -> Duration {
    if forecast.exhausted { forecast.took } else { HORIZON }
}

/// How many tasks of a service were healthy.
#[derive(Debug, Clone, Copy)]
struct Counts {
    desired: u32,
    at_first: u32,
    at_least: u32,
    at_last: u32,
}

fn count(counts: &mut BTreeMap<ServiceKey, Counts>, services: &BTreeSet<ServiceKey>, status: &Status) {
    for found in &status.services {
        let key = (found.cluster.clone(), found.service.clone());
        if !services.contains(&key) {
            continue;
        }
        // Beside the old ones there may be more than are wanted.
        let (desired, healthy) = (found.desired, found.healthy.min(found.desired));
        let counts =
            counts.entry(key).or_insert(Counts { desired, at_first: healthy, at_least: healthy, at_last: healthy });
        *counts = Counts { desired, at_least: counts.at_least.min(healthy), at_last: healthy, ..*counts };
    }
}

impl Counts {
    fn end(self, key: &ServiceKey, service: &DesiredService, events: &[Event], began_at: Timestamp) -> End {
        let (cluster, name) = key.clone();
        let mut end = End {
            cluster,
            service: name,
            desired: self.desired,
            healthy_at_first: self.at_first,
            healthy_at_least: self.at_least,
            healthy_at_last: self.at_last,
            failures: 0,
            given_up: None,
            steady_after: None,
            cut_off_after: None,
        };
        let is_about = |about: &About| about.cluster == end.cluster && about.service.as_ref() == Some(&end.service);
        let events: Vec<_> = events.iter().filter(|event| event.about.as_ref().is_some_and(is_about)).collect();
        for event in events {
            end.take_in(event, service, event.at.since(began_at));
        }
        end
    }
}

impl End {
    fn take_in(&mut self, event: &Event, service: &DesiredService, after: Duration) {
        if let EventKind::TaskDied { .. } | EventKind::TaskUnhealthy { .. } = &event.kind {
            self.failures += 1;
        }
        if let (EventKind::DeploymentFailed { failures, rolled_back_to, .. }, None) = (&event.kind, &self.given_up) {
            let rolled_back_to = rolled_back_to.map(|to| revision_name(service.task.family.as_str(), to));
            self.given_up = Some(GivenUp { after, failures: *failures, rolled_back_to });
            self.steady_after = None;
        }
        let is_final = self.given_up.is_none() || self.steady_after.is_none();
        if let (EventKind::ServiceSteady { .. }, true) = (&event.kind, is_final) {
            self.steady_after = Some(after);
        }
    }

    /// How many stayed up, where any were.
    fn lowest(&self) -> String {
        let Self { desired, healthy_at_first, healthy_at_least, .. } = self;
        if *healthy_at_first == 0 {
            return "none was healthy before".to_owned();
        }
        match healthy_at_least {
            0 => format!("down to 0 of {desired} healthy on the way"),
            least => format!("never fewer than {least} of {desired} healthy"),
        }
    }

    /// When it is as well as it gets.
    fn is_well(&self) -> bool {
        self.healthy_at_last >= self.desired
    }

    fn outcome(&self) -> String {
        let limit = |after: Duration| format!("{}, where the simulation ends", duration_text(after));
        let failures = |count: u32| count_of(u64::from(count), "failure");
        let lowest = self.lowest();
        let last = format!("{} of {} healthy", self.healthy_at_last, self.desired);
        match (&self.given_up, self.cut_off_after) {
            (Some(GivenUp { after, failures: counted, rolled_back_to }), cut_off) => {
                let given_up = format!("given up after {} at {}", failures(*counted), duration_text(*after));
                match (rolled_back_to, cut_off) {
                    (None, _) => format!("{given_up}; {lowest}; it stops trying and nothing is rolled back: {last}"),
                    (Some(revision), _) if self.is_well() => {
                        let back_after = self.steady_after.unwrap_or(*after);
                        format!("{given_up}; {lowest}; back on {revision} at {}", duration_text(back_after))
                    }
                    (Some(revision), Some(cut_off)) => {
                        format!("{given_up}; {lowest}; not yet back on {revision} after {}", limit(cut_off))
                    }
                    (Some(revision), None) => format!("{given_up}; {lowest}; back on {revision} with {last}"),
                }
            }
            (None, Some(cut_off)) if self.failures > 0 => {
                format!("never given up; {} within {}; {lowest}", failures(self.failures), limit(cut_off))
            }
            (None, _) if self.is_well() && self.steady_after.is_some() => {
                let after = duration_text(self.steady_after.unwrap_or_default());
                let tries =
                    if self.failures > 0 { format!(" after {}", failures(self.failures)) } else { String::new() };
                let up = format!("comes up at {after}{tries}; {lowest}");
                match self.cut_off_after {
                    Some(cut_off) => format!("{up}; nothing fails within {}", limit(cut_off)),
                    None => up,
                }
            }
            (None, Some(cut_off)) => format!("no end within {}; {lowest}; {last}", limit(cut_off)),
            (None, None) => format!("comes to rest with {last}; {lowest}"),
        }
    }
}

impl fmt::Display for End {
    /// `shop/web: given up after 3 failures at 31s; never fewer than 2 of 2 healthy; back on web@52f445 at 31s`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}: {}", self.cluster, self.service, self.outcome())
    }
}

#[cfg(test)]
mod tests;
