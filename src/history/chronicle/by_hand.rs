//! What people ask of services beside their manifests: told when it is first seen, and when it is over.

use std::collections::BTreeSet;

use super::{Chronicle, Draft, Key, find};
use crate::desired::{DesiredState, Revision};
use crate::history::{Record, What};
use crate::observed::ObservedState;
use crate::ownership::{Asked, Intervention};
use crate::plan::{Held, Plan, Wait};
use crate::value::{ClusterName, Timestamp};

/// What is asked, as far as it has been told, and is not over.
pub(super) type Open = BTreeSet<(ClusterName, Intervention)>;

impl Chronicle {
    /// What is asked that was not before, and what is asked no more.
    pub(super) fn asked(&mut self, desired: &DesiredState, observed: &ObservedState) -> Vec<Draft> {
        let ours = observed.volumes.values().filter(|volume| desired.may_touch(&volume.source));
        let asked = ours.filter_map(|volume| Some((volume.cluster.clone(), volume.intervention.clone()?)));
        let now: Open =
            asked.filter(|(cluster, one)| find(desired, &(cluster.clone(), one.service.clone())).is_some()).collect();
        if now == self.asked {
            return Vec::new();
        }
        let over = self.asked.difference(&now).cloned().map(|(cluster, Intervention { service, at, asked })| {
            ((cluster, service), What::InterventionOver { asked_at: at, request: asked })
        });
        let new = now.difference(&self.asked).cloned().map(|(cluster, Intervention { service, at, asked })| {
            ((cluster, service), What::Intervention { asked_at: at, request: asked })
        });
        let changes: Vec<(Key, What)> = over.chain(new).collect();
        changes.into_iter().map(|(key, what)| self.write(key, observed, what, None)).collect()
    }
}

/// What a record tells to be asked, or to be over.
pub(super) fn asked(record: &Record, at: Timestamp, request: &Asked) -> (ClusterName, Intervention) {
    (record.cluster.clone(), Intervention { service: record.service.clone(), at, asked: request.clone() })
}

/// The revision that a service is brought to: what its manifest asks for, unless somebody had it go back. `None` while it is kept
/// from going anywhere.
pub(super) fn goal(plan: &Plan, (cluster, service): &Key, manifest: Revision) -> Option<Revision> {
    let of_it =
        plan.waits.iter().filter(|one| one.about.cluster == *cluster && one.about.service.as_ref() == Some(service));
    let held = of_it.filter_map(|waiting| if let Wait::Held(held) = &waiting.wait { Some(held) } else { None });
    let mut goals = held.filter_map(|held| match held {
        Held::RolledBack { to, instead_of: _, is_possible } => Some(is_possible.then_some(*to)),
        Held::Paused { waiting: Some(_) } => Some(None),
        Held::Paused { waiting: None } | Held::Protected { .. } => None,
    });
    goals.next().unwrap_or(Some(manifest))
}
