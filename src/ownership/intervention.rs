//! What a person asks of a service beside its manifest: to go back, to begin anew, to wait, to spare a task.
//!
//! It is written on the engine, as a volume without content whose labels say it: there every reconciler sees it, it costs no look of
//! its own, and it outlives this program and the engine. Each is a new object and the youngest of its kind counts, so replacing one is
//! never half done.

use serde::{Deserialize, Serialize};

use super::TaskKey;
use crate::desired::Revision;
use crate::value::{ClusterName, ServiceName, Timestamp};

/// What a person asked of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intervention {
    /// The service.
    pub service: ServiceName,
    /// When it was asked.
    pub at: Timestamp,
    /// What was asked.
    pub asked: Asked,
}

/// What can be asked of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "asked")]
pub enum Asked {
    /// That it goes back to a revision, for as long as its manifest asks for the other one.
    Rollback {
        /// The revision that it goes to.
        to: Revision,
        /// The one that the manifest asks for.
        instead_of: Revision,
    },
    /// That each task made before a time is replaced. ECS: `forceNewDeployment`.
    Restart {
        /// The time. Engines list when a container was created to the second, so it is a whole one.
        since: Timestamp,
    },
    /// That nothing new is rolled out.
    Pause,
    /// That no deployment and no scale-in ends a task. ECS: task scale-in protection.
    Protection {
        /// The task.
        task: TaskKey,
        /// Until when.
        until: Timestamp,
    },
}

impl Asked {
    fn word(&self) -> &'static str {
        match self {
            Self::Rollback { .. } => "rollback",
            Self::Restart { .. } => "restart",
            Self::Pause => "pause",
            Self::Protection { .. } => "protection",
        }
    }
}

impl Intervention {
    /// The name of the volume that says it. Each has one of its own.
    pub fn name(&self, cluster: &ClusterName) -> String {
        let Self { service, at, asked } = self;
        let of_task = match asked {
            Asked::Protection { task, .. } => format!(".{}", task.id()),
            Asked::Rollback { .. } | Asked::Restart { .. } | Asked::Pause => String::new(),
        };
        format!("{}{cluster}.{service}.{}{of_task}.{}", super::LABEL_PREFIX, asked.word(), at.0)
    }
}
