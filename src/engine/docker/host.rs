//! How much the host has. It is asked once, beside the first list, and again only after a time without the engine: an engine that
//! comes back may have moved to a larger machine.

use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::connection::{Call, CallError, Connection};
use crate::desired::Resources;

/// An engine answers within 50 ms, and nothing depends on the answer enough to wait for it much longer.
const INFO: Call = Call::new("info", 5);

/// One processor in CPU units. Source: ECS.
const UNITS: u64 = 1024;

/// What is known of the host.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Answer>);

#[derive(Debug, Clone, Copy, Default)]
enum Answer {
    /// It has not been asked.
    #[default]
    Unasked,
    /// It was asked; `None` of an engine that did not tell.
    Told(Option<Resources>),
}

impl Known {
    fn answer(&self) -> Answer {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, answer: Answer) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// Asks again at the next occasion.
    pub(super) fn forget(&self) {
        self.set(Answer::Unasked);
    }
}

/// How much the host has; `None` when the engine does not tell. It never fails: what is not known holds nothing up.
pub(super) async fn resources(connection: &Connection) -> Option<Resources> {
    if let Answer::Told(told) = connection.host.answer() {
        return told;
    }
    let told = match connection.get(INFO, "/info").await {
        Ok(answer) => read(&answer),
        // The list beside it fails as well, and is asked for again.
        Err(CallError::Unreachable(_) | CallError::Broken(_)) => return None,
        Err(error @ (CallError::NoAnswer { .. } | CallError::Unreadable(_) | CallError::Refused { .. })) => {
            tracing::warn!(%error, "the engine does not tell how much the host has: nothing waits for room");
            None
        }
    };
    connection.host.set(Answer::Told(told));
    told
}

/// The processors and the memory of an answer. A size that is missing or nothing is not a size.
fn read(answer: &[u8]) -> Option<Resources> {
    #[derive(Deserialize)]
    struct Info {
        #[serde(rename = "NCPU")]
        processors: u64,
        #[serde(rename = "MemTotal")]
        memory_bytes: u64,
    }
    let Info { processors, memory_bytes } = serde_json::from_slice(answer).ok()?;
    let host = Resources { cpu: processors.saturating_mul(UNITS), memory: memory_bytes >> 20 };
    (host.cpu > 0 && host.memory > 0).then_some(host)
}

#[cfg(test)]
mod tests;
