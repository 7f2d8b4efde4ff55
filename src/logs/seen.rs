//! Which entries of a log are known already when it is read again: after the connection broke, or after a container was started again.
//!
//! An engine is asked for what was written at some time or later, and its times are no ladder: two entries may have the same, and of the two
//! streams one may be kept a little after a later one of the other. So the last second is always read again, and what of it has been handed
//! out already is counted by time and stream, and left out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::{LogChunk, LogStream, LogTime};

/// How much later than its time an entry may be kept.
const SLACK: Duration = Duration::from_secs(1);

/// How many times are remembered at most: some 8 MB. A container that writes more in a second has the older ones forgotten.
const TIMES_MAX: usize = 100_000;

type Key = (LogTime, LogStream);

/// What of one log has been handed out.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// How many entries there were of each of the last times.
    counts: BTreeMap<Key, u32>,
    /// Those that come once more, in a log that is read again.
    repeats: BTreeMap<Key, u32>,
    /// The first entry, where those before it were left out because they were too many.
    floor: Option<LogTime>,
    is_cut: bool,
    is_again: bool,
}

impl Seen {
    /// Nothing has been handed out. `is_cut` when only the end of the log is read: what was left out then is left out ever after.
    pub fn new(is_cut: bool) -> Self {
        Self { is_cut, ..Self::default() }
    }

    /// From when on the log has to be read again; `None` from where it was read at first.
    pub fn since(&self) -> Option<LogTime> {
        self.counts.first_key_value().map(|((at, _), _)| *at)
    }

    /// The log is read again, from [`Seen::since`] on.
    pub fn begin_again(&mut self) {
        self.repeats.clone_from(&self.counts);
        self.is_again = true;
    }

    /// Whether an entry is to be handed out.
    pub fn is_new(&mut self, entry: &LogChunk) -> bool {
        // Of an engine that tells no times nothing can be known.
        let Some(at) = entry.at else { return true };
        let key = (at, entry.stream);
        if let Some(count) = self.repeats.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.repeats.remove(&key);
            }
            return false;
        }
        if self.is_again && self.floor.is_some_and(|floor| at <= floor) {
            return false;
        }
        if self.is_cut && self.floor.is_none() {
            self.floor = Some(at);
        }
        self.remember(key);
        true
    }

    fn remember(&mut self, key: Key) {
        let newest = self.counts.last_key_value().map_or(key.0, |((at, _), _)| key.0.max(*at));
        let oldest = newest.before(SLACK);
        if key.0 >= oldest {
            *self.counts.entry(key).or_default() += 1;
        }
        while self.counts.len() > TIMES_MAX || self.counts.first_key_value().is_some_and(|((at, _), _)| *at < oldest) {
            self.counts.pop_first();
        }
    }
}

#[cfg(test)]
mod tests;
