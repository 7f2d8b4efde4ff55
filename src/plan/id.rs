//! The name of a plan: a digest of what is wanted and of what was observed, so that the very plan that somebody has read can be asked for.
//!
//! Of what was observed only that counts by which a reader would judge the plan: which tasks are there by slot and revision, and whether
//! they run and are well. When something happened, how often a task was tried and what the engine calls it do not count, nor does the
//! order in which any of it was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::deployment::{Standing, find_in_force};
use crate::desired::{DesiredCluster, DesiredHook, DesiredService, DesiredState};
use crate::observed::{Health, ObservedContainer, ObservedState, Phase};
use crate::ownership::TaskKey;
use crate::value::{ClusterName, ServiceName, Slot};

/// The name of a plan: `3f9c2a71-b7d104e2`. The first half is of what is wanted, the second of what was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlanId {
    desired: u32,
    observed: u32,
}

/// What is not as it was when a plan was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// The manifests, or what they refer to, ask for something else.
    Desired,
    /// What runs is not what it was.
    Observed,
    /// Both.
    Both,
}

impl Moved {
    /// In one sentence without a full stop.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Desired => "the manifests, or the files and secrets that they name, ask for something else than then",
            Self::Observed => "what runs is not what ran then",
            Self::Both => "the manifests ask for something else than then, and what runs is not what ran then",
        }
    }
}

impl PlanId {
    /// Names the plan that leads from `observed` to `desired`.
    pub fn of(desired: &DesiredState, observed: &ObservedState) -> Self {
        Self { desired: digest_desired(desired), observed: digest_observed(desired, observed) }
    }

    /// What has changed between the plan of this name and `now`; `None` when it is the same plan.
    pub fn moved(self, now: Self) -> Option<Moved> {
        match (self.desired == now.desired, self.observed == now.observed) {
            (true, true) => None,
            (false, true) => Some(Moved::Desired),
            (true, false) => Some(Moved::Observed),
            (false, false) => Some(Moved::Both),
        }
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{:08x}", self.desired, self.observed)
    }
}

/// A text that is not the id of a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of a plan, such as 3f9c2a71-b7d104e2")]
pub struct PlanIdError(String);

impl FromStr for PlanId {
    type Err = PlanIdError;
    fn from_str(text: &str) -> Result<Self, PlanIdError> {
        let half = |text: &str| {
            let is_hex = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_hex.then(|| u32::from_str_radix(text, 16).ok())?
        };
        let halves = text.split_once('-').and_then(|(desired, observed)| Some((half(desired)?, half(observed)?)));
        let (desired, observed) = halves.ok_or_else(|| PlanIdError(text.to_owned()))?;
        Ok(Self { desired, observed })
    }
}

/// A hash over texts, each with its length, so that no two lists run together into the same bytes.
struct Facts(Sha256);

impl Facts {
    fn new() -> Self {
        Self(Sha256::new())
    }

    fn add(&mut self, texts: &[&str]) {
        self.0.update((texts.len() as u64).to_be_bytes());
        for text in texts {
            self.0.update((text.len() as u64).to_be_bytes());
            self.0.update(text.as_bytes());
        }
    }

    fn finish(self) -> u32 {
        let digest = self.0.finalize();
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
    }
}

fn digest_desired(desired: &DesiredState) -> u32 {
    let DesiredState { source, adopted, clusters, retry_since } = desired;
    let mut facts = Facts::new();
    facts.add(&["source", source.as_str()]);
    for source in adopted {
        facts.add(&["adopted", source.as_str()]);
    }
    // That it is tried once more counts, not since when.
    facts.add(&["retry", if retry_since.is_some() { "yes" } else { "no" }]);
    for (name, DesiredCluster { reserved, services }) in clusters {
        facts.add(&["cluster", name.as_str(), &format!("{reserved:?}")]);
        for (name, service) in services {
            add_service(&mut facts, name, service);
        }
    }
    facts.finish()
}

/// What a derived `Debug` writes names every field there is.
fn add_service(facts: &mut Facts, name: &ServiceName, service: &DesiredService) {
    let DesiredService {
        desired_count,
        minimum_healthy,
        maximum,
        circuit_breaker,
        health_check_grace,
        min_ready,
        image_pull,
        task,
        hooks,
        lifetime,
        scheduling,
    } = service;
    let limits =
        format!("{desired_count:?} {minimum_healthy:?} {maximum:?} {circuit_breaker:?} {health_check_grace:?}");
    let revision = task.revision.to_string();
    let habits = format!("{image_pull:?} {lifetime:?} {min_ready:?} {scheduling:?}");
    facts.add(&["service", name.as_str(), task.family.as_str(), &revision, &limits, &habits]);
    for DesiredHook { stage, timeout, service } in hooks {
        facts.add(&["hook", stage.as_str(), &format!("{timeout:?}"), &service.task.revision.to_string()]);
    }
}

/// How a task is, by what a list of the engine already tells. Better ones come later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standby {
    /// It is not whole, has ended, or was never started.
    Down,
    /// It runs, and a check says that it should not.
    Sick,
    /// It runs, and nothing is said against it.
    Up,
}

impl Standby {
    fn of(container: &ObservedContainer) -> Self {
        let is_sick = [container.health, container.readiness].contains(&Health::Unhealthy);
        match container.phase {
            Phase::Running { .. } if is_sick => Self::Sick,
            Phase::Running { .. } => Self::Up,
            Phase::Paused => Self::Sick,
            Phase::CreatedOrFailed
            | Phase::Created
            | Phase::StartFailed { .. }
            | Phase::Exited { .. }
            | Phase::Removing => Self::Down,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Sick => "sick",
            Self::Up => "up",
        }
    }
}

fn digest_observed(desired: &DesiredState, observed: &ObservedState) -> u32 {
    let is_ours = |cluster: &ClusterName| desired.clusters.contains_key(cluster);
    let mut facts = Facts::new();
    let networks = observed.networks.values().filter(|network| {
        is_ours(&network.cluster) && !network.source.is_standalone() || desired.may_touch(&network.source)
    });
    let networks: BTreeSet<_> = networks.map(|network| (&network.cluster, &network.source)).collect();
    for (cluster, source) in networks {
        facts.add(&["network", cluster.as_str(), source.as_str()]);
    }
    for line in tasks(desired, observed) {
        facts.add(&line.each_ref().map(String::as_str));
    }
    for ((cluster, service), standing) in &find_in_force(desired, observed).standings {
        match standing {
            Standing::Failed(_) => facts.add(&["given up", cluster.as_str(), service.as_str()]),
            Standing::Held(held) => {
                let in_force = held.in_force.map(|revision| revision.to_string()).unwrap_or_default();
                facts.add(&["held back", cluster.as_str(), service.as_str(), &in_force]);
            }
            // How far a hook is shows in its task.
            Standing::Hook(_) | Standing::Unclear => {}
        }
    }
    facts.finish()
}

/// One line for each task that counts. Of those that are down only that counts which leaves its slot empty: the others are memories.
fn tasks(desired: &DesiredState, observed: &ObservedState) -> Vec<[String; 6]> {
    let mut standbys: BTreeMap<&TaskKey, (&crate::ownership::Source, Standby)> = BTreeMap::new();
    for container in observed.containers.values() {
        let identity = &container.identity;
        let counts = desired.clusters.contains_key(&identity.task.cluster) && !identity.source.is_standalone();
        if !identity.essential || !counts && !desired.may_touch(&identity.source) {
            continue;
        }
        let standby = Standby::of(container);
        let known = standbys.entry(&identity.task).or_insert((&identity.source, standby));
        known.1 = known.1.min(standby);
    }
    let mut filled: BTreeSet<(&ClusterName, &ServiceName, Slot)> = BTreeSet::new();
    for (key, (_, standby)) in &standbys {
        if *standby > Standby::Down {
            filled.insert((&key.cluster, &key.service, key.slot));
        }
    }
    let counting = standbys.into_iter().filter(|(key, (_, standby))| {
        *standby > Standby::Down || !filled.contains(&(&key.cluster, &key.service, key.slot))
    });
    let line = |key: &TaskKey, source: &str, standby: Standby| {
        let TaskKey { cluster, service, slot, revision, attempt: _ } = key;
        [
            cluster.to_string(),
            service.to_string(),
            slot.to_string(),
            revision.to_string(),
            source.to_owned(),
            standby.as_str().to_owned(),
        ]
    };
    let mut lines: Vec<_> = counting.map(|(key, (source, standby))| line(key, source.as_str(), standby)).collect();
    // Several tries of one revision that are down are one fact; two that run are two.
    lines.sort();
    lines.dedup_by(|a, b| a == b && a[5] == Standby::Down.as_str());
    lines
}

#[cfg(test)]
mod tests;
