//! How much of the host containers really use: for people, and only when they ask. Nothing is decided by it.
//!
//! Processor time is a counter, so each container is asked twice. A question with `one-shot` costs the engine some milliseconds;
//! without it the engine itself would wait for a second sample, for each container a second or two.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tokio::time::Instant;

use super::connection::Call;
use super::{INSPECTIONS_AT_ONCE, ReadOnlyDocker};
use crate::desired::Resources;
use crate::observed::ContainerId;

const STATS: Call = Call::new("stats", 10);

/// The time over which the use of the processors is measured.
const BETWEEN: Duration = Duration::from_secs(1);

/// What one container has used, as it was told at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sample {
    /// Nanoseconds of processor time since it was started.
    cpu_nanos: u64,
    /// Bytes of memory, without the files of which the kernel keeps copies and could forget them.
    memory_bytes: u64,
}

impl ReadOnlyDocker {
    /// What these containers use together, measured over a second. One that ends meanwhile, or of which the engine tells nothing,
    /// is left out: the second value says how many were measured.
    pub async fn usage(&self, containers: &[ContainerId]) -> (Resources, usize) {
        let before = self.samples(containers).await;
        tokio::time::sleep(BETWEEN).await;
        let after = self.samples(containers).await;
        let both = after.iter().filter_map(|(id, (at, now))| {
            let (earlier, then) = before.get(id)?;
            Some((at.duration_since(*earlier), *then, *now))
        });
        let used: Vec<_> = both.map(|(over, then, now)| used(over, then, now)).collect();
        let bytes = after.iter().filter(|(id, _)| before.contains_key(*id)).map(|(_, (_, now))| now.memory_bytes);
        let memory = bytes.fold(0_u64, u64::saturating_add) >> 20;
        (Resources { cpu: used.iter().sum(), memory }, used.len())
    }

    async fn samples<'c>(&self, containers: &'c [ContainerId]) -> BTreeMap<&'c ContainerId, (Instant, Sample)> {
        let looks = containers.iter().map(async |id| {
            let path = format!("/containers/{}/stats?stream=false&one-shot=true", id.0);
            let answer = self.connection.get(STATS, &path).await.ok()?;
            Some((id, (Instant::now(), read(&answer)?)))
        });
        stream::iter(looks).buffer_unordered(INSPECTIONS_AT_ONCE).filter_map(async |sample| sample).collect().await
    }
}

/// The processor time between two samples, in units of 1/1024 of a processor.
fn used(over: Duration, then: Sample, now: Sample) -> u64 {
    let nanos = over.as_nanos().max(1);
    let units = u128::from(now.cpu_nanos.saturating_sub(then.cpu_nanos)) * 1024 / nanos;
    u64::try_from(units).unwrap_or(u64::MAX)
}

/// Reads a sample. A container that does not run has none.
fn read(answer: &[u8]) -> Option<Sample> {
    #[derive(Deserialize)]
    struct Stats {
        cpu_stats: Cpu,
        memory_stats: Memory,
    }
    #[derive(Deserialize)]
    struct Cpu {
        cpu_usage: CpuUsage,
    }
    #[derive(Deserialize)]
    struct CpuUsage {
        total_usage: u64,
    }
    #[derive(Deserialize)]
    struct Memory {
        usage: u64,
        #[serde(default)]
        stats: BTreeMap<String, serde_json::Value>,
    }
    let Stats { cpu_stats, memory_stats } = serde_json::from_slice(answer).ok()?;
    // The first is told with version 1 of control groups, the second with version 2.
    let files =
        ["total_inactive_file", "inactive_file"].iter().find_map(|name| memory_stats.stats.get(*name)?.as_u64());
    Some(Sample {
        cpu_nanos: cpu_stats.cpu_usage.total_usage,
        memory_bytes: memory_stats.usage.saturating_sub(files.unwrap_or(0)),
    })
}

#[cfg(test)]
mod tests;
