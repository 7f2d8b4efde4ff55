//! What the programs in the simulated containers have written.

use super::Simulated;
use crate::engine::{EngineError, LogChunk, LogQuery, LogStream, LogTime};
use crate::observed::ContainerId;

/// How far a log has been read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    query: LogQuery,
    /// How many entries were read or passed over; `None` before the first look.
    read: Option<usize>,
}

/// What comes next in a log.
pub(super) enum Next {
    /// An entry.
    Entry(LogChunk),
    /// Nothing yet.
    Later,
    /// Nothing any more.
    End,
}

impl Place {
    pub(super) fn new(query: LogQuery) -> Self {
        Self { query, read: None }
    }
}

impl Simulated {
    /// A program writes something.
    pub fn write_log(&mut self, id: &ContainerId, stream: LogStream, text: &str) {
        let at = Some(LogTime::from(self.now));
        if let Some(container) = self.containers.get_mut(id) {
            container.written.push(LogChunk { stream, at, bytes: text.as_bytes().to_vec() });
        }
    }

    /// A program that begins writes what its behaviour says.
    pub(super) fn write_first_lines(&mut self, id: &ContainerId) {
        let Some(container) = self.containers.get(id) else { return };
        for line in &container.behaviour.clone().log {
            self.write_log(id, LogStream::Stdout, &format!("{line}\n"));
        }
    }

    /// The last lines that a container of ours wrote, oldest first.
    pub fn log_tail(&self, id: &ContainerId, lines: usize) -> Vec<String> {
        let written = self.containers.get(id).filter(|container| container.identity.is_some());
        let written = written.map_or(&[][..], |container| &container.written);
        let last = &written[written.len().saturating_sub(lines)..];
        last.iter().map(|chunk| String::from_utf8_lossy(&chunk.bytes).trim_end().to_owned()).collect()
    }

    /// What comes next in the log of a container of ours.
    pub(super) fn next_of_log(&self, id: &ContainerId, place: &mut Place) -> Result<Next, EngineError> {
        self.check_reachable()?;
        let Some(container) = self.containers.get(id).filter(|container| container.identity.is_some()) else {
            return Ok(Next::End);
        };
        let written = &container.written;
        let is_wanted = |chunk: &LogChunk| place.query.since.is_none_or(|since| chunk.at >= Some(since));
        let first = || {
            let wanted: Vec<_> = written.iter().enumerate().filter(|(_, chunk)| is_wanted(chunk)).collect();
            let passed_over = place.query.tail.map_or(0, |tail| wanted.len().saturating_sub(tail));
            wanted.get(passed_over).map_or(written.len(), |(index, _)| *index)
        };
        let mut read = place.read.unwrap_or_else(first);
        while written.get(read).is_some_and(|chunk| !is_wanted(chunk)) {
            read += 1;
        }
        if let Some(chunk) = written.get(read) {
            place.read = Some(read + 1);
            return Ok(Next::Entry(chunk.clone()));
        }
        place.read = Some(read);
        Ok(if place.query.follow && container.is_live() { Next::Later } else { Next::End })
    }
}
