//! `reconcile --dry-run --simulate FAULT[:SERVICE]`: what is asked, which services it concerns, and what would happen to them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::super::exit::{self, Exit};
use super::super::parse_duration;
use super::super::render::simulation::SimulationReport;
use super::{cores, lines};
use crate::change::{Overview, Row};
use crate::desired::DesiredState;
use crate::forecast::what_if::{Fault, ServiceKey, simulate};
use crate::observed::ObservedState;
use crate::spelling::suggest;

/// For how long a program runs that crashes, where nobody says.
const CRASH_AFTER: Duration = Duration::from_secs(1);

/// What `--simulate` was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Asked {
    fault: Fault,
    /// The service as the user named it; without one every service that changes.
    service: Option<String>,
}

/// `never-healthy`, `crash`, `crash=30s`, `slow=30s`, each perhaps with `:SERVICE`.
pub(in crate::cli) fn parse_asked(text: &str) -> Result<Asked, String> {
    let (fault, service) = match text.split_once(':') {
        Some((_, "")) => return Err("expected a service after `:`, such as shop/web".to_owned()),
        Some((fault, service)) => (fault, Some(service.to_owned())),
        None => (text, None),
    };
    let (name, time) = match fault.split_once('=') {
        Some((name, time)) => (name, Some(time)),
        None => (fault, None),
    };
    let fault = match (name, time) {
        ("never-healthy", None) => Fault::NeverHealthy,
        ("never-healthy", Some(_)) => return Err("`never-healthy` takes no time".to_owned()),
        ("crash", None) => Fault::Crash { after: CRASH_AFTER },
        ("crash", Some(time)) => Fault::Crash { after: parse_duration(time)? },
        ("slow", Some(time)) => Fault::Slow { by: parse_duration(time)? },
        ("slow", None) => return Err("`slow` needs a time, such as slow=30s".to_owned()),
        (unknown, _) => {
            let known = ["never-healthy", "crash", "slow"];
            return Err(format!("there is no fault `{unknown}`; {}", suggest(unknown, known.into_iter())));
        }
    };
    Ok(Asked { fault, service })
}

/// Answers each question. Wrong usage when one names a service that there is not.
pub(super) fn answer(
    asked: &[Asked],
    desired: &Arc<DesiredState>,
    observed: &ObservedState,
    overview: &Overview,
) -> Result<Vec<SimulationReport>, Exit> {
    asked.iter().map(|asked| answer_one(asked, desired, observed, overview)).collect()
}

fn answer_one(
    asked: &Asked,
    desired: &Arc<DesiredState>,
    observed: &ObservedState,
    overview: &Overview,
) -> Result<SimulationReport, Exit> {
    let Asked { fault, service } = asked;
    let starts = overview.rows.iter().filter(|row| row.tasks.start > 0).filter_map(key_of);
    let starts: BTreeSet<_> = starts.filter(|key| task_of(desired, key).is_some()).collect();
    let (mut notes, named) = match service {
        Some(name) => {
            let key = find_service(name, desired)?;
            if starts.contains(&key) {
                (Vec::new(), BTreeSet::from([key]))
            } else {
                (
                    vec![format!("no task of {} would begin, so nothing is simulated for it", name_of(&key))],
                    BTreeSet::new(),
                )
            }
        }
        None if starts.is_empty() => {
            (vec!["no task of any service would begin, so nothing is simulated".to_owned()], BTreeSet::new())
        }
        None => (Vec::new(), starts),
    };
    let shows = |key: &ServiceKey| task_of(desired, key).is_some_and(|task| fault.shows_in(task));
    let (concerned, hidden): (BTreeSet<_>, BTreeSet<_>) = named.into_iter().partition(shows);
    notes.extend(hidden.iter().map(|key| {
        let name = name_of(key);
        format!("{name} has no health check, so nothing would notice; what can be simulated is crash:{name}")
    }));
    let asked = match service {
        Some(service) => format!("{fault}:{service}"),
        None => fault.to_string(),
    };
    let mut report = SimulationReport { asked, notes, ..SimulationReport::default() };
    if !concerned.is_empty() {
        let simulation = simulate(desired, observed, cores(), (*fault, &concerned));
        report.question = Some(fault.question(&concerned));
        report.timeline = lines(&simulation.forecast, observed);
        report.took = simulation.forecast.took;
        report.at_rest = simulation.is_at_rest();
        report.ends = simulation.ends;
    }
    Ok(report)
}

fn key_of(row: &Row) -> Option<ServiceKey> {
    Some((row.cluster.clone(), row.service.clone()?))
}

fn task_of<'a>(desired: &'a DesiredState, (cluster, service): &ServiceKey) -> Option<&'a crate::desired::TaskSpec> {
    Some(&desired.clusters.get(cluster)?.services.get(service)?.task)
}

fn name_of((cluster, service): &ServiceKey) -> String {
    format!("{cluster}/{service}")
}

/// The service of the manifests that is called so: SERVICE, where only one cluster has such a one, or CLUSTER/SERVICE.
fn find_service(name: &str, desired: &DesiredState) -> Result<ServiceKey, Exit> {
    let clusters = desired.clusters.iter();
    let keys = clusters
        .flat_map(|(cluster, wanted)| wanted.services.keys().map(move |service| (cluster.clone(), service.clone())));
    let keys: Vec<ServiceKey> = keys.collect();
    let is_meant = |key: &&ServiceKey| key.1.as_str() == name || name_of(key) == name;
    let meant: Vec<_> = keys.iter().filter(is_meant).collect();
    match &meant[..] {
        [only] => Ok((*only).clone()),
        [] => {
            let names: BTreeSet<_> = keys.iter().flat_map(|key| [name_of(key), key.1.to_string()]).collect();
            // All that there are, each by its full name, where none comes near.
            let hint = match crate::spelling::closest(name, names.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => suggest(name, keys.iter().map(name_of).collect::<Vec<_>>().iter().map(String::as_str)),
            };
            Err(Exit::because(exit::USAGE, format!("--simulate: the manifests have no service `{name}`; {hint}")))
        }
        several => {
            let names: Vec<_> = several.iter().map(|key| name_of(key)).collect();
            let sentence = format!("--simulate: `{name}` may be any of {}", names.join(", "));
            Err(Exit::because(exit::USAGE, sentence))
        }
    }
}

#[cfg(test)]
mod tests;
