//! How much of the host is reserved, and how much there is.

use serde::Serialize;

use crate::desired::{DesiredState, Resources};
use crate::observed::ObservedState;
use crate::plan::capacity::Ledger;

/// The host, and what all tasks of ours take of it, whoever declared them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostStatus {
    /// What it has.
    pub capacity: Resources,
    /// What tasks have reserved; it may be more than there is, of what ran before it was counted.
    pub reserved: Resources,
    /// What is left to reserve.
    pub headroom: Resources,
    /// How many tasks have reserved something.
    pub tasks: usize,
    /// What the containers really use, where somebody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<Used>,
}

/// What containers really use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Used {
    /// All of them together, measured over a second.
    #[serde(flatten)]
    pub resources: Resources,
    /// How many were measured.
    pub containers: usize,
}

impl HostStatus {
    /// What is known of the host; `None` when the engine does not tell how much it has.
    pub(super) fn of(desired: Option<&DesiredState>, observed: &ObservedState) -> Option<Self> {
        let capacity = observed.host?;
        let ledger = Ledger::new(desired, observed, Vec::new());
        let reserved = ledger.total();
        let (headroom, tasks) = (capacity.without(reserved), ledger.count());
        Some(Self { capacity, reserved, headroom, tasks, used: None })
    }
}
