//! The deployments that records tell of, each on one row, and beside them how often tasks were replaced. Pure.

use serde::Serialize;

use super::{DeploymentCause, Record, What};
use crate::desired::Revision;
use crate::ownership::Asked;
use crate::value::{ClusterName, ServiceName, Timestamp};

/// One row of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// When it began.
    pub at: Timestamp,
    /// When it ended, where it did.
    pub ended_at: Option<Timestamp>,
    /// The cluster.
    pub cluster: ClusterName,
    /// The service.
    pub service: ServiceName,
    /// What it is.
    pub kind: RowKind,
}

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowKind {
    /// A service moved from one revision to another.
    Deployment {
        /// The revision that ran, if one did.
        from: Option<Revision>,
        /// The revision that was wanted.
        to: Revision,
        /// What asked for it; `None` when that is not remembered any more.
        cause: Option<DeploymentCause>,
        /// How it stands.
        state: RolloutState,
        /// How it failed.
        reason: Option<String>,
        /// The revision that took its place.
        rolled_back_to: Option<Revision>,
    },
    /// Tasks were replaced or restarted, and no deployment began or ended meanwhile.
    Replacements {
        /// How often.
        count: usize,
        /// Why, the last time.
        reason: String,
    },
    /// The service was deleted.
    Deletion,
    /// Somebody asked something of it by hand. It ends when it is done, has been taken back, or has run out.
    Intervention(Asked),
}

/// How a deployment stands: ECS's `rolloutState`, and one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RolloutState {
    /// It goes on, as far as was seen.
    InProgress,
    /// All tasks are of its revision and well.
    Completed,
    /// It was given up.
    Failed,
    /// Another one began before it ended.
    Superseded,
}

impl RolloutState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Superseded => "SUPERSEDED",
        }
    }
}

/// The rows of `records`, in the order in which they began. The records are the oldest first.
pub fn fold(records: &[Record]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for record in records {
        let last = |rows: &mut Vec<Row>, matches: &dyn Fn(&RowKind) -> bool| {
            let of_it = |row: &Row| row.cluster == record.cluster && row.service == record.service;
            rows.iter().rposition(|row| of_it(row) && matches(&row.kind))
        };
        let open = last(&mut rows, &|kind| matches!(kind, RowKind::Deployment { state: RolloutState::InProgress, .. }));
        match &record.what {
            What::DeploymentStarted { from, to, cause } => {
                if let Some(open) = open {
                    end(&mut rows[open], record.at, RolloutState::Superseded, None, None);
                }
                let cause = Some((**cause).clone());
                rows.push(new_row(record, deployment(*from, *to, cause)));
            }
            What::DeploymentCompleted { revision } => {
                let open = open.unwrap_or_else(|| begin_unseen(&mut rows, record, *revision));
                end(&mut rows[open], record.at, RolloutState::Completed, None, None);
            }
            What::DeploymentFailed { revision, failures: _, reason, rolled_back_to } => {
                let open = open.unwrap_or_else(|| begin_unseen(&mut rows, record, *revision));
                end(&mut rows[open], record.at, RolloutState::Failed, reason.clone(), *rolled_back_to);
            }
            What::TaskFailed(task) | What::ContainerRestarted(task) => {
                let newest = last(&mut rows, &|_| true);
                add_replacement(&mut rows, newest, record, &task.reason);
            }
            What::TaskLost { .. } => {
                let newest = last(&mut rows, &|_| true);
                add_replacement(&mut rows, newest, record, LOST);
            }
            What::ServiceDeleted => {
                if let Some(open) = open {
                    end(&mut rows[open], record.at, RolloutState::Superseded, None, None);
                }
                rows.push(new_row(record, RowKind::Deletion));
            }
            What::Intervention { asked_at, request } => {
                rows.push(Row { at: *asked_at, ..new_row(record, RowKind::Intervention(request.clone())) });
            }
            What::InterventionOver { asked_at: _, request } => {
                let is_it = |kind: &RowKind| matches!(kind, RowKind::Intervention(asked) if asked == request);
                if let Some(row) = last(&mut rows, &is_it) {
                    rows[row].ended_at = Some(record.at);
                }
            }
        }
    }
    rows
}

/// Why a task is replaced that is not there any more.
pub const LOST: &str = "it was gone: somebody else had removed it";

fn new_row(record: &Record, kind: RowKind) -> Row {
    let (cluster, service) = (record.cluster.clone(), record.service.clone());
    Row { at: record.at, ended_at: None, cluster, service, kind }
}

fn deployment(from: Option<Revision>, to: Revision, cause: Option<DeploymentCause>) -> RowKind {
    RowKind::Deployment { from, to, cause, state: RolloutState::InProgress, reason: None, rolled_back_to: None }
}

/// A row for a deployment whose beginning is not remembered.
fn begin_unseen(rows: &mut Vec<Row>, record: &Record, to: Revision) -> usize {
    rows.push(new_row(record, deployment(None, to, None)));
    rows.len() - 1
}

fn end(row: &mut Row, at: Timestamp, ended: RolloutState, why: Option<String>, back: Option<Revision>) {
    row.ended_at = Some(at);
    if let RowKind::Deployment { state, reason, rolled_back_to, from: _, to: _, cause: _ } = &mut row.kind {
        (*state, *reason, *rolled_back_to) = (ended, why, back);
    }
}

/// Counts a replacement on the newest row of its service, if that is one of replacements, or on a new one. Those that happen while a
/// deployment is under way have a row too: they are why it goes on.
fn add_replacement(rows: &mut Vec<Row>, newest: Option<usize>, record: &Record, why: &str) {
    let newest = newest.map(|newest| &mut rows[newest]);
    if let Some(Row { ended_at, kind: RowKind::Replacements { count, reason }, .. }) = newest {
        *count += 1;
        *ended_at = Some(record.at);
        why.clone_into(reason);
        return;
    }
    let kind = RowKind::Replacements { count: 1, reason: why.to_owned() };
    rows.push(Row { ended_at: Some(record.at), ..new_row(record, kind) });
}
