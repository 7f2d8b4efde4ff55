//! When a task that failed is tried again.

use std::time::Duration;

use super::ending::Ending;
use super::view::TaskView;
use crate::observed::ContainerId;
use crate::value::Timestamp;

/// How long a task without a health check has to run before it counts as healthy.
///
/// ECS waits 40 s. Here it is long enough to see a process that fails as it starts: on a host with five times as much work as cores an
/// engine told of such an end within 51 ms of the start. And it is short enough not to be felt at a desk. What dies later is replaced,
/// and counts as a failure, all the same.
pub(crate) const SETTLE: Duration = Duration::from_millis(80);

/// How long a task without a health check has to run before it counts as healthy, after so many failures in a row: whoever has failed
/// before has to prove more.
pub(super) fn settle(failures: u32) -> Duration {
    SETTLE.max(backoff(failures).min(LONG_ENOUGH_MIN))
}

/// The pause after the first failure; it doubles with each failure in a row.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// The longest pause. Kubernetes chose the same: often enough that a repaired dependency is noticed, seldom enough to cost nothing.
const BACKOFF_MAX: Duration = Duration::from_mins(5);

/// A task that ran this long had come up; its end is a first failure again. Docker's own restart policy has the same figure.
const LONG_ENOUGH_MIN: Duration = Duration::from_secs(10);

/// Whether and when a slot may be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Retry {
    /// These containers have to be inspected to know.
    Unknown(Vec<ContainerId>),
    /// Something is under way that will tell.
    Later,
    /// Not before `until`; the next try then remembers `failures`.
    At { until: Timestamp, failures: u32 },
}

/// The pause after `failures` failures in a row.
pub(crate) fn backoff(failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        n => BACKOFF_FIRST.saturating_mul(1_u32.checked_shl(n - 1).unwrap_or(u32::MAX)).min(BACKOFF_MAX),
    }
}

/// How many failures in a row there are once a task that had `failures` behind it ends after `ran`.
///
/// A task has to outlive the pause that came before it, or a crash loop slower than [`LONG_ENOUGH_MIN`] would never back off.
pub(super) fn failures_after(failures: u32, ran: Duration) -> u32 {
    if ran >= LONG_ENOUGH_MIN.max(backoff(failures)) { 0 } else { failures.saturating_add(1) }
}

/// The same for a task that was unhealthy, where finding that out takes up to `found_after`.
///
/// Nobody tells since when it was unhealthy. A task that never was well is ended when that is found out and the pause is over; only
/// one that ran for much longer had come up. Counting the time that it was kept as a success would undo the backoff.
pub(super) fn failures_after_sickness(failures: u32, ran: Duration, found_after: Duration) -> u32 {
    let more = failures.saturating_add(1);
    let kept = found_after.max(backoff(more)).saturating_mul(2);
    if ran >= LONG_ENOUGH_MIN.saturating_add(kept) { 0 } else { more }
}

/// When the slot of `task`, which has ended or is ending, may be tried again. Its service has this grace period.
pub(super) fn retry_after(task: &TaskView<'_>, grace: Duration, at: Timestamp) -> Retry {
    match task.ending() {
        Ending::Unknown(containers) => Retry::Unknown(containers),
        Ending::Untold if task.is_busy() => Retry::Later,
        // Somebody removed it by hand: that is no failure of the task, and no reason to wait.
        Ending::Untold => Retry::At { until: at, failures: task.failures },
        Ending::Known { started_at, ended_at, unhealthy: true, reason: _ } => {
            let ran = ended_at.since(started_at);
            let failures = failures_after_sickness(task.failures, ran, task.sickness_found_after(grace));
            // We stopped it, at a time of our choice: counting from that stop would make it wait twice.
            Retry::At { until: started_at.after(backoff(failures)), failures }
        }
        Ending::Known { started_at, ended_at, unhealthy: false, reason: _ } => {
            let failures = failures_after(task.failures, ended_at.since(started_at));
            Retry::At { until: ended_at.after(backoff(failures)), failures }
        }
    }
}

/// When a task that runs and is unhealthy may be replaced.
pub(super) fn retry_unhealthy(task: &TaskView<'_>, grace: Duration, at: Timestamp) -> (Timestamp, u32) {
    let started_at = task.started_at().unwrap_or(at);
    let failures = failures_after_sickness(task.failures, at.since(started_at), task.sickness_found_after(grace));
    (started_at.after(backoff(failures)), failures)
}
