//! What happened: a reason in one word for machines, and the facts for a sentence.

use std::time::Duration;

use serde::Serialize;

use crate::plan::{About, Cause, Failure};
use crate::value::Timestamp;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// To what, unless it concerns everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened. The name of the variant is the reason that machines read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all_fields = "camelCase")]
pub enum EventKind {
    /// A new task begins.
    TaskStarting {
        /// Why.
        cause: Cause,
        /// How often the slot had tried this revision, this try included.
        attempt: u32,
        /// The task definition, as people read it: `web@9c1d42`.
        revision: String,
    },
    /// All containers of a task run.
    TaskRunning,
    /// A task counts as healthy.
    TaskHealthy,
    /// The health check of a task has failed as often as it may.
    TaskUnhealthy,
    /// A task ended, and not by our action.
    TaskDied {
        /// How, in a sentence without a full stop.
        explanation: String,
    },
    /// A task is being ended.
    TaskStopping {
        /// Why.
        cause: Cause,
    },
    /// A task that was being ended has ended.
    TaskStopped,
    /// A slot waits before the next try.
    BackingOff {
        /// For how long.
        pause: Duration,
        /// How many tries have failed in a row.
        failures: u32,
    },
    /// An image is being fetched.
    ImagePulling {
        /// The image reference.
        image: String,
    },
    /// An image has been fetched.
    ImagePulled {
        /// The image reference.
        image: String,
    },
    /// The engine said no to an action; it is tried again.
    ActionFailed {
        /// The action, in words.
        action: String,
        /// What the engine said.
        failure: Failure,
    },
    /// The network of a cluster was created.
    NetworkCreated,
    /// The network of a cluster was removed.
    NetworkRemoved,
    /// A service is as its manifest asks.
    ServiceSteady {
        /// How many of its tasks are healthy: as many as are desired.
        healthy: u32,
        /// How long it took, where something had to be done.
        took: Duration,
    },
    /// Nothing of a service is left.
    ServiceDeleted,
    /// The engine does not answer.
    EngineLost {
        /// What is known about it.
        error: String,
    },
    /// The engine answers again.
    EngineBack {
        /// For how long it did not.
        after: Duration,
    },
    /// The manifests changed, and are valid.
    ManifestsChanged {
        /// How many services ask for something else.
        services: usize,
    },
    /// The manifests changed, and ask for the same.
    ManifestsUnchanged,
    /// The manifests are not valid: the last valid ones stay in force.
    ManifestsInvalid {
        /// How many errors there are.
        errors: usize,
        /// The first of them, in one line.
        first: String,
    },
    /// The manifests ask for something that is refused: the last ones stay in force.
    Held {
        /// Why, and what to do.
        explanation: String,
    },
}
