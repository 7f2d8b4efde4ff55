//! What a change means: which services and clusters would be touched, why, and which line of which manifest asks for it.
//!
//! Whether anything is done is the [planner's](crate::plan) decision alone; this module explains it. Two things cannot be seen in the
//! engine and are never listed as changed: the percentages of a deployment and the grace period, which are written on no container.
//! The desired count is not written there either: it is compared with the number of slots that have a task.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::problem::Place;
use crate::value::{ClusterName, ServiceName};

mod checks;
mod fields;
mod impact;
mod lifecycle;
mod overview;
mod place;
mod settings;
mod sides;
pub(crate) mod text;

pub use fields::{Before, changes};
pub(crate) use overview::revision_name;
pub use overview::service_changes;
pub use settings::add_settings;
pub use sides::Sides;

/// One field of a manifest that differs from what runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// Which field: `image`, `environment.PORT`, `portMappings[80/tcp].hostPort`. The container's name stands in front when the task
    /// has more than one: `web.image`.
    pub path: String,
    /// What happened to it.
    pub change: Change,
    /// What runs. `None` when it was not set, and when it is sensitive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What is wanted. `None` when it is not set any more, and when it is sensitive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Whether it holds something that is never printed.
    pub sensitive: bool,
    /// Where the new value is written; for a field that is gone, the nearest object around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Whether running tasks are replaced because of it.
    pub replaces_tasks: bool,
}

/// What happened to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// It was not set.
    Added,
    /// It has another value.
    Changed,
    /// It is not set any more.
    Removed,
    /// It is sensitive, so that the engine was not told its value: it may or may not differ.
    NotCompared,
}

/// Everything that would change, and what would not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// One row for each cluster and service that changes, in the order of their names; what goes comes last.
    pub rows: Vec<Row>,
    /// How many clusters and services stay as they are.
    pub unchanged: usize,
    /// What they are called: `shop`, `shop/web`.
    pub unchanged_names: Vec<String>,
    /// How many of those are still waiting for something that has been begun, such as the first verdict of a health check.
    pub settling: usize,
}

/// A cluster or a service that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The cluster.
    pub cluster: ClusterName,
    /// The service; `None` when it is about the cluster itself, which is its network.
    pub service: Option<ServiceName>,
    /// What is done.
    pub action: RowAction,
    /// Why. There is exactly one reason: the first of those that apply, in the order of [`Reason`].
    pub reason: Reason,
    /// The reason in more words: how a task ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The revisions that run and that will not run any more: `web@9c1d42`.
    pub from_revisions: Vec<String>,
    /// The revision that is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_revision: Option<String>,
    /// The image of each container that is wanted, for a service that is new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// What differs, field by field.
    pub fields: Vec<FieldChange>,
    /// What it means for tasks.
    pub tasks: TaskCounts,
    /// Whether there is a time, be it short, at which none of its tasks is there for its users.
    pub downtime: bool,
    /// How it will go, in sentences.
    pub impact: Vec<String>,
    /// What the user should know before it is done.
    pub warnings: Vec<Warning>,
    /// The manifest that asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What the service is made of, before and after.
    #[serde(skip)]
    pub sides: Sides,
}

impl Row {
    /// `shop/web`, or `shop` for the cluster itself.
    pub fn name(&self) -> String {
        match &self.service {
            Some(service) => format!("{}/{service}", self.cluster),
            None => self.cluster.to_string(),
        }
    }
}

/// What is done with a cluster or service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RowAction {
    /// It does not exist yet.
    Create,
    /// No running task is replaced.
    Update,
    /// Running tasks are replaced.
    Replace,
    /// Tasks that died or turned unhealthy are replaced by equal ones.
    Restart,
    /// It goes.
    Delete,
}

/// Why something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It does not exist yet.
    New,
    /// No manifest asks for it any more.
    Removed,
    /// The user asked to take over what another directory declared.
    Adopted,
    /// The manifests ask for something else than what runs.
    SpecChanged,
    /// A health check failed as often as it may.
    Unhealthy,
    /// Something that should run does not.
    Drift,
    /// What was asked for runs; something of an earlier try is cleared away.
    Leftovers,
}

impl Reason {
    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Removed => "removed",
            Self::Adopted => "adopted",
            Self::SpecChanged => "specChanged",
            Self::Unhealthy => "unhealthy",
            Self::Drift => "drift",
            Self::Leftovers => "leftovers",
        }
    }
}

impl fmt::Display for Reason {
    /// As people read it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::New => "new",
            Self::Removed => "removed",
            Self::Adopted => "adopted",
            Self::SpecChanged => "spec changed",
            Self::Unhealthy => "unhealthy",
            Self::Drift => "drift",
            Self::Leftovers => "leftovers",
        })
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What a change means for the tasks of a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskCounts {
    /// How many run or are being started now.
    pub now: u32,
    /// How many will run.
    pub wanted: u32,
    /// How many begin, those that replace another included.
    pub start: u32,
    /// How many end, those that are replaced included.
    pub stop: u32,
    /// How many end because another takes their slot.
    pub replaced: u32,
}

/// Something that works, and that the user should know before it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// In one sentence without a full stop.
    pub message: String,
    /// The line that could be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// How many rows there are of each kind, and what they mean for tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// How many are created.
    pub create: usize,
    /// How many are changed, those whose tasks are replaced included.
    pub update: usize,
    /// How many of the changed ones have tasks replaced.
    pub replace_tasks: usize,
    /// How many are repaired.
    pub restart: usize,
    /// How many are deleted.
    pub delete: usize,
    /// How many stay as they are.
    pub unchanged: usize,
    /// What it means for tasks, all rows together.
    pub tasks: TaskTotals,
}

/// How many tasks begin and end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskTotals {
    /// How many begin.
    pub start: u32,
    /// How many end.
    pub stop: u32,
    /// How many of those end because another takes their slot.
    pub replaced: u32,
}

impl Overview {
    /// Whether anything would change.
    pub fn has_changes(&self) -> bool {
        !self.rows.is_empty()
    }

    /// Counts the rows.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { unchanged: self.unchanged, ..Summary::default() };
        for row in &self.rows {
            match row.action {
                RowAction::Create => summary.create += 1,
                RowAction::Update => summary.update += 1,
                RowAction::Replace => {
                    summary.update += 1;
                    summary.replace_tasks += 1;
                }
                RowAction::Restart => summary.restart += 1,
                RowAction::Delete => summary.delete += 1,
            }
            summary.tasks.start += row.tasks.start;
            summary.tasks.stop += row.tasks.stop;
            summary.tasks.replaced += row.tasks.replaced;
        }
        summary
    }
}

#[cfg(test)]
mod tests;
