//! Hearing what the engine hints at. A stream of hints that breaks is opened again, after a pause that grows while it keeps breaking.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use crate::engine::Hint;
use crate::value::Timestamp;

/// The longest pause between two tries: an engine that restarts is back in seconds, and asking costs it nothing.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How far before a break hints are asked for again. The engine keeps its latest ones, and hearing one twice does no harm.
const OVERLAP: Duration = Duration::from_secs(5);

/// The stream of hints, or when it is to be opened again.
pub(super) struct Hearing {
    stream: Option<BoxStream<'static, Hint>>,
    since: Timestamp,
    /// How often in a row it broke without a single hint.
    losses: u32,
    again_at: Option<Timestamp>,
}

impl Hearing {
    /// Nothing is heard yet; once it is, hints count from `since` on.
    pub(super) fn new(since: Timestamp) -> Self {
        Self { stream: None, since, losses: 0, again_at: None }
    }

    /// Whether it was never opened.
    pub(super) fn is_unused(&self) -> bool {
        self.stream.is_none() && self.again_at.is_none()
    }

    /// From when on hints are to be asked for.
    pub(super) fn since(&self) -> Timestamp {
        self.since
    }

    /// Hears this stream from now on.
    pub(super) fn open(&mut self, stream: BoxStream<'static, Hint>) {
        self.stream = Some(stream);
        self.again_at = None;
    }

    /// Takes in that the stream broke.
    pub(super) fn lose(&mut self, at: Timestamp) {
        self.stream = None;
        self.since = self.since.max(at.before(OVERLAP));
        self.losses = self.losses.saturating_add(1);
        let pause = crate::plan::restart::backoff(self.losses - 1).min(PAUSE_MAX);
        self.again_at = Some(at.after(pause));
    }

    /// When it is to be opened again, if it broke.
    pub(super) fn again_at(&self) -> Option<Timestamp> {
        self.again_at
    }

    /// The next hint; `None` when the stream broke. Waits for ever while there is no stream. Dropping it loses nothing.
    pub(super) async fn next(&mut self) -> Option<Hint> {
        let Some(stream) = &mut self.stream else { return std::future::pending().await };
        let hint = stream.next().await.filter(|hint| !matches!(hint, Hint::Lost));
        if hint.is_some() {
            self.losses = 0;
        }
        hint
    }
}

#[cfg(test)]
mod tests;
