//! The one place that reads the clock of the machine.

use std::time::SystemTime;

use crate::value::Timestamp;

/// Now.
#[expect(clippy::disallowed_methods, reason = "everything else is told the time")]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
