//! How much the host has, as the engine tells it.

use serde::Deserialize;

use crate::desired::Resources;

/// One processor in CPU units. Source: ECS.
const UNITS: u64 = 1024;

/// The processors and the memory of an answer. A size that is missing or nothing is not a size.
pub(super) fn read(answer: &[u8]) -> Result<Option<Resources>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Info {
        #[serde(rename = "NCPU")]
        processors: u64,
        #[serde(rename = "MemTotal")]
        memory_bytes: u64,
    }
    let Info { processors, memory_bytes } = serde_json::from_slice(answer)?;
    let host = Resources { cpu: processors.saturating_mul(UNITS), memory: memory_bytes >> 20 };
    Ok((host.cpu > 0 && host.memory > 0).then_some(host))
}

#[cfg(test)]
mod tests;
