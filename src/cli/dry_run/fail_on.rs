//! `--fail-on`: what a plan may not do.

use clap::ValueEnum;

use super::super::render::against::{Forbidden, forbidden_words};
use crate::change::{Overview, Row, RowAction};

/// What a plan may be forbidden to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(in crate::cli) enum FailOn {
    /// To delete a cluster or a service.
    Delete,
    /// To replace running tasks because the manifests ask for others.
    Replace,
    /// To leave a service without a task for a time, or for good.
    Downtime,
}

impl FailOn {
    fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Replace => "replace",
            Self::Downtime => "downtime",
        }
    }

    fn is_done_by(self, row: &Row) -> bool {
        match self {
            Self::Delete => row.action == RowAction::Delete,
            Self::Replace => row.action == RowAction::Replace,
            Self::Downtime => row.downtime,
        }
    }
}

/// What the plan does of it.
pub(super) fn find_forbidden(asked: &[FailOn], overview: &Overview) -> Vec<Forbidden> {
    let mut asked = asked.to_vec();
    asked.sort_unstable();
    asked.dedup();
    let found = asked.into_iter().flat_map(|kind| {
        let rows = overview.rows.iter().filter(move |row| kind.is_done_by(row));
        rows.map(move |row| Forbidden { kind: kind.as_str(), object: row.name() })
    });
    found.collect()
}

/// `The plan has what --fail-on forbids (exit code 5): delete shop/cron; replace shop/web.`
pub(super) fn describe_forbidden(found: &[Forbidden]) -> String {
    format!("The plan has what --fail-on forbids (exit code 5): {}.", forbidden_words(found))
}

#[cfg(test)]
mod tests;
