//! What the command line asks for beside the manifests.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ConvergeArguments;
use crate::clock;
use crate::desired::DesiredState;
use crate::ownership::Source;
use crate::value::Timestamp;

/// What holds for as long as the program runs, whatever becomes of the manifests meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Wishes {
    adopted: BTreeSet<Source>,
    retry_since: Option<Timestamp>,
}

impl Wishes {
    /// What the user said, now.
    pub(super) fn of(arguments: &ConvergeArguments) -> Self {
        Self {
            adopted: arguments.adopt.iter().map(|source| Source::new(source)).collect(),
            retry_since: arguments.retry.then(clock::now),
        }
    }

    /// What is wanted in all.
    pub(super) fn added_to(&self, desired: &DesiredState) -> Arc<DesiredState> {
        let Self { adopted, retry_since } = self.clone();
        Arc::new(DesiredState { adopted, retry_since, ..desired.clone() })
    }
}
