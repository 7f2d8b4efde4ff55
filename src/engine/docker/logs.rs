//! The log of a container, as a stream of entries.
//!
//! Bollard's reader takes a log apart by its first bytes, which goes wrong where a terminal's raw stream begins with one of them. So the
//! container is asked whether it has a terminal, and the bytes are made out here. Times are always asked for: they tell which entries are
//! known already when a log is read again.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use serde::Deserialize;

use super::connection::{CallError, Connection};
use super::{INSPECT, LOGS, query};
use crate::engine::{EngineError, LogChunk, LogQuery, LogStream, LogTime};
use crate::observed::ContainerId;

/// The head of a frame: the stream, three zeros, and the length of what follows.
const FRAME_HEAD_BYTES: usize = 8;

/// A frame that is longer is none: the engine cuts lines after 16 KiB.
const FRAME_BYTES_MAX: usize = 64 << 20;

/// A time, and the space behind it, is never longer.
const TIME_BYTES_MAX: usize = 48;

/// Where the engine cuts a long line. Source: `defaultBufSize` of Docker's log copier.
const PIECE_BYTES: usize = 16 << 10;

/// What has to be known of a container to read its log.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    config: InspectedConfig,
    host_config: InspectedHostConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedConfig {
    #[serde(default)]
    tty: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedHostConfig {
    log_config: Option<InspectedLogConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedLogConfig {
    #[serde(rename = "Type", default)]
    driver: String,
}

type Entries = BoxStream<'static, Result<LogChunk, CallError>>;

/// The log of the container `id`.
pub(super) fn logs(
    connection: Arc<Connection>,
    id: ContainerId,
    query: LogQuery,
) -> BoxStream<'static, Result<LogChunk, EngineError>> {
    let endpoint = connection.endpoint().clone();
    let opened = async move { open(&connection, &id, query).await };
    let entries = stream::once(opened).try_flatten();
    entries.map_err(move |error| error.into_engine_error(LOGS, &endpoint)).boxed()
}

async fn open(connection: &Connection, id: &ContainerId, query: LogQuery) -> Result<Entries, CallError> {
    let inspected = match connection.get(INSPECT, &format!("/containers/{id}/json")).await {
        Ok(answer) => serde_json::from_slice::<Inspected>(&answer),
        Err(CallError::Refused { status: 404, .. }) => return Ok(stream::empty().boxed()),
        Err(error) => return Err(error),
    };
    let inspected = inspected.map_err(|error| CallError::Unreadable(error.to_string()))?;
    let chunks = connection.get_chunks(&logs_path(id, query), LOGS.limit)?;
    let reader = Reader { is_raw: inspected.config.tty, ..Reader::default() };
    let driver = inspected.host_config.log_config.map(|log| log.driver).unwrap_or_default();
    let entries = stream::try_unfold((chunks, reader), |(mut chunks, mut reader)| async move {
        loop {
            if let Some(entry) = reader.entries.pop_front() {
                return Ok(Some((entry, (chunks, reader))));
            }
            match chunks.try_next().await? {
                Some(chunk) => reader.read(chunk.as_ref())?,
                None if reader.finish() => {}
                None => return Ok(None),
            }
        }
    });
    Ok(name_driver(entries.boxed(), driver))
}

/// Says which log driver it is that cannot be read.
fn name_driver(entries: Entries, driver: String) -> Entries {
    let explain = move |error| {
        if let CallError::Refused { status, message } = &error
            && message.contains("does not support reading")
        {
            let message = format!("the log driver `{driver}` cannot be read back: look where it sends its lines to");
            return CallError::Refused { status: *status, message };
        }
        error
    };
    let entries = entries.map_err(explain);
    // One that is gone meanwhile has written nothing more.
    let is_gone = |entry: &Result<LogChunk, CallError>| matches!(entry, Err(CallError::Refused { status: 404, .. }));
    entries.take_while(move |entry| std::future::ready(!is_gone(entry))).boxed()
}

fn logs_path(id: &ContainerId, wanted: LogQuery) -> String {
    let LogQuery { since, tail, follow } = wanted;
    let mut pairs = vec![("stdout", "1".to_owned()), ("stderr", "1".to_owned()), ("timestamps", "1".to_owned())];
    pairs.extend(follow.then(|| ("follow", "1".to_owned())));
    pairs.extend(tail.map(|tail| ("tail", tail.to_string())));
    pairs.extend(since.map(|LogTime(since)| {
        const SECOND: i64 = 1_000_000_000;
        ("since", format!("{}.{:09}", since.div_euclid(SECOND), since.rem_euclid(SECOND)))
    }));
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| (*key, value.as_str())).collect();
    query(&format!("/containers/{id}/logs"), &pairs)
}

/// Makes entries of the bytes of an answer, however they were cut on the way.
#[derive(Debug, Default)]
struct Reader {
    /// Whether there are no frames: the container has a terminal.
    is_raw: bool,
    bytes: Vec<u8>,
    /// How much at the beginning of `bytes` holds no end of a line.
    searched: usize,
    entries: VecDeque<LogChunk>,
}

impl Reader {
    fn read(&mut self, bytes: &[u8]) -> Result<(), CallError> {
        self.bytes.extend_from_slice(bytes);
        if self.is_raw {
            self.read_lines();
            return Ok(());
        }
        self.read_frames()
    }

    fn read_frames(&mut self) -> Result<(), CallError> {
        let mut begin = 0;
        while let Some((&[stream, _, _, _, a, b, c, d], rest)) =
            self.bytes[begin..].split_first_chunk::<FRAME_HEAD_BYTES>()
        {
            let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
            if length > FRAME_BYTES_MAX || stream > 3 {
                return Err(CallError::Unreadable("the log is not made of frames".to_owned()));
            }
            let Some(payload) = rest.get(..length) else { break };
            let stream = match stream {
                // The engine itself could not go on.
                3 => return Err(CallError::Broken(String::from_utf8_lossy(payload).trim().to_owned())),
                2 => LogStream::Stderr,
                _ => LogStream::Stdout,
            };
            let (at, line) = split_time(payload);
            self.entries.push_back(LogChunk { stream, at, bytes: line.to_vec() });
            begin += FRAME_HEAD_BYTES + length;
        }
        self.bytes.drain(..begin);
        Ok(())
    }

    /// A raw stream tells no more of its entries than that each begins with a time.
    fn read_lines(&mut self) {
        let mut begin = 0;
        while let Some(end) = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n') {
            let end = self.searched + end + 1;
            self.entries.extend(raw_entries(&self.bytes[begin..end]));
            (begin, self.searched) = (end, end);
        }
        self.bytes.drain(..begin);
        self.searched = self.bytes.len();
    }

    /// Takes what is left at the end of the answer; whether there was anything. Half a frame is nothing: its log is read again.
    fn finish(&mut self) -> bool {
        let rest = std::mem::take(&mut self.bytes);
        self.searched = 0;
        if self.is_raw {
            self.entries.extend(raw_entries(&rest));
        }
        !self.entries.is_empty()
    }
}

/// A line of a raw stream: one entry, or several where it is so long that the engine has cut it, each with the same time before it.
fn raw_entries(line: &[u8]) -> Vec<LogChunk> {
    let (at, mut rest) = split_time(line);
    let time = &line[..line.len() - rest.len()];
    let mut entries = Vec::new();
    let mut add = |bytes: &[u8]| entries.push(LogChunk { stream: LogStream::Stdout, at, bytes: bytes.to_vec() });
    while let Some((piece, after)) = rest.split_at_checked(PIECE_BYTES) {
        match after.strip_prefix(time) {
            Some(next) if !time.is_empty() => {
                add(piece);
                rest = next;
            }
            Some(_) | None => break,
        }
    }
    if !rest.is_empty() {
        add(rest);
    }
    entries
}

/// The time before an entry, and the entry.
fn split_time(entry: &[u8]) -> (Option<LogTime>, &[u8]) {
    let head = &entry[..entry.len().min(TIME_BYTES_MAX)];
    let Some(end) = head.iter().position(|byte| *byte == b' ') else { return (None, entry) };
    match std::str::from_utf8(&head[..end]).ok().and_then(LogTime::parse) {
        Some(at) => (Some(at), &entry[end + 1..]),
        None => (None, entry),
    }
}

#[cfg(test)]
mod tests;
