//! What containers have written, piece by piece.

use std::fmt;
use std::time::Duration;

use crate::value::Timestamp;

/// Which of its two streams a container wrote to. What a container with a terminal writes is all one stream: the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl LogStream {
    /// The name, as programs read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// When a line was written: nanoseconds since 1970-01-01T00:00:00Z. Finer than a [`Timestamp`], for it tells lines apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogTime(pub i64);

impl LogTime {
    /// Reads a time as RFC 3339 writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let time: jiff::Timestamp = text.parse().ok()?;
        i64::try_from(time.as_nanosecond()).ok().map(Self)
    }

    /// The time that is `duration` earlier.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl From<Timestamp> for LogTime {
    fn from(at: Timestamp) -> Self {
        Self(at.0.saturating_mul(1_000_000))
    }
}

impl fmt::Display for LogTime {
    /// RFC 3339 in UTC with nine digits of the second, as Docker prints it: `2026-08-14T09:41:07.000000000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(self.0.into()) {
            Ok(time) => write!(f, "{time:.9}"),
            Err(_) => write!(f, "{} ns", self.0),
        }
    }
}

/// What of a log is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Only what was written then or later.
    pub since: Option<LogTime>,
    /// Only the last so many entries; of what comes later everything.
    pub tail: Option<usize>,
    /// Whether to go on until the container ends. One that does not run is read once.
    pub follow: bool,
}

/// An entry of a log: a line with its end, or a piece of a longer one, byte for byte as the engine keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// Where it was written to.
    pub stream: LogStream,
    /// When it was written; the pieces of one line have one time. `None` when the engine does not tell.
    pub at: Option<LogTime>,
    /// What was written.
    pub bytes: Vec<u8>,
}
