//! What a run refuses to do unless its user insists: take over what another directory declared, and delete much at once.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::desired::DesiredState;
use crate::observed::ObservedState;
use crate::ownership::Source;
use crate::value::{ClusterName, ServiceName};

/// More deletions than this are refused, however many services there are.
pub const DELETIONS_MAX: usize = 10;

/// A cluster that two directories claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The cluster.
    pub cluster: ClusterName,
    /// The directory that declared what runs.
    pub holder: Source,
    /// The directory that claims it now.
    pub claimant: Source,
}

/// The services that run and that nobody asks for any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deletions {
    /// The services that would be deleted.
    pub services: BTreeSet<(ClusterName, ServiceName)>,
    /// How many services of ours exist, those included.
    pub existing: usize,
}

impl Deletions {
    /// Whether it is more than one would delete by intention: more than half of what exists, or more than [`DELETIONS_MAX`].
    pub fn are_many(&self) -> bool {
        let count = self.services.len();
        count > DELETIONS_MAX || count * 2 > self.existing
    }

    /// Whether they may go. `allowed` is the number that the user gave back: it has to be exact, so that a script written for five
    /// does not one day delete fifty.
    pub fn are_allowed(&self, allowed: Option<usize>) -> bool {
        !self.are_many() || allowed == Some(self.services.len())
    }
}

/// The clusters of `desired` that hold what another directory declared, and that the user did not ask to take over.
///
/// A cluster belongs to the directories whose containers it holds. Only an empty one belongs to whoever made its network.
pub fn claims(desired: &DesiredState, observed: &ObservedState) -> Vec<Claim> {
    let mut holders: BTreeMap<&ClusterName, BTreeSet<&Source>> = BTreeMap::new();
    // Tasks that no manifest declares, and the networks made for them, may stand in any cluster.
    let declared = observed.containers.values().filter(|container| !container.identity.source.is_standalone());
    for container in declared {
        holders.entry(&container.identity.task.cluster).or_default().insert(&container.identity.source);
    }
    let inhabited: BTreeSet<_> = holders.keys().copied().collect();
    let networks = observed.networks.values().filter(|network| !network.source.is_standalone());
    for network in networks.filter(|network| !inhabited.contains(&network.cluster)) {
        holders.entry(&network.cluster).or_default().insert(&network.source);
    }
    let foreign = holders.into_iter().filter(|(cluster, _)| desired.clusters.contains_key(*cluster));
    foreign
        .flat_map(|(cluster, sources)| sources.into_iter().map(move |source| (cluster, source)))
        .filter(|(_, source)| **source != desired.source && !desired.adopted.contains(*source))
        .map(|(cluster, holder)| Claim {
            cluster: cluster.clone(),
            holder: holder.clone(),
            claimant: desired.source.clone(),
        })
        .collect()
}

/// The services of ours that run and that `desired` does not ask for.
pub fn deletions(desired: &DesiredState, observed: &ObservedState) -> Deletions {
    let ours = observed
        .containers
        .values()
        .map(|container| &container.identity)
        .filter(|identity| desired.may_touch(&identity.source) && identity.task.service.hook_place().is_none());
    let existing: BTreeSet<_> = ours.map(|identity| (&identity.task.cluster, &identity.task.service)).collect();
    let unwanted = existing.iter().filter(|(cluster, service)| {
        !desired.clusters.get(*cluster).is_some_and(|wanted| wanted.services.contains_key(*service))
    });
    Deletions {
        services: unwanted.map(|&(cluster, service)| (cluster.clone(), service.clone())).collect(),
        existing: existing.len(),
    }
}
