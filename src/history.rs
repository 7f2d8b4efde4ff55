//! What happened to services, kept beyond the containers: deployments and how they ended, and each task that failed with what it said.
//!
//! ```text
//! chronicle   which records follow from what the loop sees          (pure)
//! fold        the deployments that records tell of, for people      (pure)
//! file        a small file for each service: bounded, and read whatever state it is in
//! recorder    fetches the last lines of logs, and writes beside the loop
//! ```
//!
//! It is history and never truth: nothing is decided by it, and where it is lost or cannot be written everything else goes on. What
//! a program wrote may be anybody's secret: the values that we gave it are covered, and only the owner of the files can read them.

use serde::{Deserialize, Serialize};

use crate::desired::Revision;
use crate::observed::ContainerId;
use crate::ownership::Asked;
use crate::value::{ClusterName, ContainerName, ServiceName, Slot, Timestamp};

pub mod chronicle;
pub mod file;
pub mod fold;
pub mod recorder;

/// How the lines of a file are to be read. A line of a greater version is left as it is and not shown.
pub const VERSION: u32 = 1;

/// The last lines of a log that are kept: the end of a stack trace and the message above it.
pub const LOG_LINES_MAX: usize = 10;

/// The longest text that is kept, in characters: a line of a log, a reason, what a health check said.
pub const TEXT_CHARS_MAX: usize = 400;

/// The names of changed files and fields that are kept; after a change of branch there may be hundreds.
pub const NAMES_MAX: usize = 10;

/// Something that happened to a service: one line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// How it is to be read.
    pub version: u32,
    /// When it happened.
    pub at: Timestamp,
    /// The cluster.
    pub cluster: ClusterName,
    /// The service.
    pub service: ServiceName,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened to a service. A kind that a newer release adds is not known here, and its line is skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum What {
    /// It begins to move to another revision.
    DeploymentStarted {
        /// The revision that ran, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Revision>,
        /// The revision that is wanted.
        to: Revision,
        /// What asked for it.
        #[serde(flatten)]
        cause: Box<DeploymentCause>,
    },
    /// All of its tasks are of this revision and well.
    DeploymentCompleted {
        /// The revision.
        revision: Revision,
    },
    /// The deployment of this revision was given up.
    DeploymentFailed {
        /// The revision.
        revision: Revision,
        /// How many of its tasks failed.
        failures: u32,
        /// How the last of them failed, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The revision that takes its place, if there is one to go back to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rolled_back_to: Option<Revision>,
    },
    /// A task failed, and is replaced.
    TaskFailed(Box<TaskEnd>),
    /// A container ended, and its restart policy has it started again in place.
    ContainerRestarted(Box<TaskEnd>),
    /// Somebody else removed a task, and it is replaced.
    TaskLost {
        /// Where it was.
        slot: Slot,
    },
    /// Nothing of the service is left, and nobody wants it.
    ServiceDeleted,
    /// Somebody asked something of it beside its manifest.
    Intervention {
        /// When.
        asked_at: Timestamp,
        /// What.
        request: Asked,
    },
    /// What somebody had asked is done, has been taken back, or has run out.
    InterventionOver {
        /// When it had been asked.
        asked_at: Timestamp,
        /// What.
        request: Asked,
    },
}

/// What asked for a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentCause {
    /// The command: `reconcile --watch deploy`.
    pub by: String,
    /// The files and secrets that had changed, where that was seen; the first [`NAMES_MAX`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The fields that differ from what ran: `image`, `environment.PORT`; the first [`NAMES_MAX`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// What was checked out in the Git repository of the manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// How a task, or a container that is restarted in place, ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskEnd {
    /// Where it ran.
    pub slot: Slot,
    /// In a sentence without a full stop.
    pub reason: String,
    /// The container whose end it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerName>,
    /// The engine's id of that container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_id: Option<ContainerId>,
    /// What the task was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// Its exit code; `None` while it ran, and when it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Whether the kernel killed it for memory.
    #[serde(default)]
    pub oom_killed: bool,
    /// What its last failed health check said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_output: Option<String>,
    /// The last lines that it wrote, oldest first; at most [`LOG_LINES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// Why there are no lines, where they could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_missing: Option<String>,
}

impl What {
    /// Whether it tells of the service as a whole. Of such records there are few, and they are kept longer.
    pub fn is_deployment(&self) -> bool {
        match self {
            Self::DeploymentStarted { .. }
            | Self::DeploymentCompleted { .. }
            | Self::DeploymentFailed { .. }
            | Self::ServiceDeleted
            | Self::Intervention { .. }
            | Self::InterventionOver { .. } => true,
            Self::TaskFailed(_) | Self::ContainerRestarted(_) | Self::TaskLost { .. } => false,
        }
    }
}

/// The beginning of a text: no text of somebody else makes a record large.
pub(crate) fn bounded(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
