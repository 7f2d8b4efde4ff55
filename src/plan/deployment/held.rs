//! What is in force while somebody holds a service back.

use std::collections::BTreeSet;

use super::{History, Try};
use crate::desired::{DesiredState, Revision, TaskSpec};
use crate::plan::Held;
use crate::plan::intervention::{ByService, Interventions, Rollback};
use crate::plan::view::TaskState;
use crate::value::{ClusterName, ServiceName};

/// A deployment that somebody holds back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldDeployment {
    /// How.
    pub(crate) held: Held,
    /// The revision that is in force instead; `None` where that is the wanted one, or where nothing is left of it.
    pub(crate) in_force: Option<Revision>,
}

/// The services that somebody holds back.
pub(super) fn find_held<'d>(
    desired: &'d DesiredState,
    interventions: &ByService,
) -> BTreeSet<(&'d ClusterName, &'d ServiceName)> {
    let held = interventions.iter().filter(|(_, asked)| asked.rollback.is_some() || asked.paused);
    let held = held.filter_map(|((cluster, service), _)| {
        let (cluster, wanted) = desired.clusters.get_key_value(cluster)?;
        Some((cluster, wanted.services.get_key_value(service)?.0))
    });
    held.collect()
}

impl History<'_, '_> {
    /// How somebody holds the service back, and what is in force then.
    pub(super) fn held(&self, asked: &Interventions) -> Option<(HeldDeployment, Option<TaskSpec>)> {
        if let Some(Rollback { to, instead_of }) = asked.rollback {
            let instead = self.read_revision(to);
            let held = Held::RolledBack { to, instead_of, is_possible: instead.is_some() };
            return Some((HeldDeployment { held, in_force: instead.as_ref().map(|task| task.revision) }, instead));
        }
        // A rollout that has begun stays where it is; before it has begun, what serves is in force.
        let has_begun = self.tries.values().any(Try::is_alive);
        let serving = self.others.iter().filter(|other| !has_begun && other.is_alive());
        let serving = serving.max_by_key(|other| (*other.state == TaskState::Healthy, other.created_at));
        let instead = serving.and_then(|serving| self.read_revision(serving.revision()));
        let in_force = instead.as_ref().map(|task| task.revision);
        let held = Held::Paused { waiting: in_force.map(|_| self.service.task.revision) };
        asked.paused.then_some((HeldDeployment { held, in_force }, instead))
    }
}
