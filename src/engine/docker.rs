//! The Docker Engine, or anything that speaks its API: the only place that names a type of bollard.
//!
//! ```text
//! endpoint     where the engine is               connection   one request, its limit, what its failure means
//! translate    our words -> request bodies       answers      the engine's JSON -> our words (with status_text and text)
//! hints        the stream of events              perform      one action, one call
//! ```
//!
//! [`ReadOnlyDocker`] asks questions and can do nothing else; [`Docker`] holds one and performs actions as well. Neither makes a call
//! before it is asked to: no ping, no version. Nothing is retried here; who looks again, and when, is decided by the loop.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptions;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;

use self::answers::Inspected;
use self::connection::{Call, CallError, Connection};
pub use self::endpoint::{Address, Certificates, Endpoint, EndpointError, Origin, Surroundings};
use self::text::clean;
use crate::engine::{EngineError, Hint, Listing, Observe, Perform};
use crate::observed::{ContainerId, ObservedContainer};
use crate::ownership::{self, Source};
use crate::plan::{Action, Outcome};
use crate::value::Timestamp;

mod answers;
mod connection;
mod endpoint;
mod hints;
mod own_image;
mod perform;
mod status_text;
mod text;
mod translate;

// A list of 500 containers takes 0.2 s beside a storm of starts, an inspection waits for its container's start, which takes seconds
// at the worst. Half a minute of silence is an engine that hangs.
const LIST: Call = Call::new("list", 30);
const INSPECT: Call = Call::new("inspect", 30);
const LOGS: Call = Call::new("logs", 30);
const IMAGES: Call = Call::new("list images", 30);

/// More lines than anybody reads as the reason of a failure.
const LOG_LINES_MAX: usize = 1000;
/// The end of a log that is looked at: 1000 lines of 4 KB.
const LOG_BYTES_MAX: usize = 4 << 20;
/// The longest line that is passed on.
const LOG_LINE_CHARS_MAX: usize = 2000;

/// An engine that can only be read.
#[derive(Debug, Clone)]
pub struct ReadOnlyDocker {
    connection: Arc<Connection>,
}

/// An engine that can be read and changed.
#[derive(Debug, Clone)]
pub struct Docker {
    reading: ReadOnlyDocker,
}

impl ReadOnlyDocker {
    /// The engine at `endpoint`. No call is made, and the engine need not be there yet.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { connection: Arc::new(Connection::new(endpoint)) }
    }

    async fn ask<T>(
        &self,
        call: Call,
        path: &str,
        read: impl FnOnce(&[u8]) -> Result<T, serde_json::Error>,
    ) -> Result<T, EngineError> {
        let answer = self.connection.get(call, path).await;
        let read = answer.and_then(|answer| read(&answer).map_err(|error| CallError::Unreadable(error.to_string())));
        read.map_err(|error| error.into_engine_error(call, self.connection.endpoint()))
    }

    async fn read_log(&self, id: &ContainerId, lines: usize) -> Result<Vec<String>, CallError> {
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            tail: lines.min(LOG_LINES_MAX).to_string(),
            ..Default::default()
        };
        let mut frames = pin!(self.connection.client()?.logs(&id.0, Some(options)));
        let mut log = LogEnd::default();
        while let Some(frame) = frames.try_next().await? {
            log.add(&frame);
        }
        Ok(log.lines(lines))
    }
}

impl Docker {
    /// The engine at `endpoint`. No call is made, and the engine need not be there yet.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { reading: ReadOnlyDocker::new(endpoint) }
    }

    /// The same engine without the means to change it.
    pub fn read_only(&self) -> ReadOnlyDocker {
        self.reading.clone()
    }
}

impl Observe for ReadOnlyDocker {
    fn describe(&self) -> String {
        format!("Docker at {}", self.connection.endpoint())
    }

    async fn list(&self) -> Result<Listing, EngineError> {
        let filters = serde_json::json!({ "label": [ownership::CLUSTER] }).to_string();
        let containers = query("/containers/json", &[("all", "1"), ("filters", &filters)]);
        let networks = query("/networks", &[("filters", &filters)]);
        let volumes = query("/volumes", &[("filters", &filters)]);
        let (containers, networks, volumes) = tokio::try_join!(
            // The clock is read when the answer is there: a status text counts from when the engine wrote it, so a container
            // then never looks older than it is.
            self.ask(LIST, &containers, |answer| answers::read_containers(answer, now())),
            self.ask(LIST, &networks, answers::read_networks),
            self.ask(LIST, &volumes, answers::read_volumes),
        )?;
        Ok(Listing { containers, networks, volumes })
    }

    async fn inspect(&self, id_or_name: &str) -> Result<Option<ObservedContainer>, EngineError> {
        match inspect(&self.connection, id_or_name).await {
            Ok(Some(Inspected::Ours(container))) => Ok(Some(*container)),
            Ok(Some(Inspected::Foreign { .. }) | None) => Ok(None),
            Err(error) => Err(error.into_engine_error(INSPECT, self.connection.endpoint())),
        }
    }

    fn hints(&self, since: Timestamp, sources: BTreeSet<Source>) -> BoxStream<'static, Hint> {
        hints::hints(Arc::clone(&self.connection), since, sources)
    }

    async fn log_tail(&self, id: &ContainerId, lines: usize) -> Result<Vec<String>, EngineError> {
        match LOGS.within(self.read_log(id, lines)).await {
            Ok(lines) => Ok(lines),
            Err(CallError::Refused { status: 404, .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into_engine_error(LOGS, self.connection.endpoint())),
        }
    }

    async fn image_names(&self) -> Result<Vec<String>, EngineError> {
        self.ask(IMAGES, "/images/json", answers::read_image_names).await
    }
}

impl Observe for Docker {
    fn describe(&self) -> String {
        self.reading.describe()
    }

    async fn list(&self) -> Result<Listing, EngineError> {
        self.reading.list().await
    }

    async fn inspect(&self, id_or_name: &str) -> Result<Option<ObservedContainer>, EngineError> {
        self.reading.inspect(id_or_name).await
    }

    fn hints(&self, since: Timestamp, sources: BTreeSet<Source>) -> BoxStream<'static, Hint> {
        self.reading.hints(since, sources)
    }

    async fn log_tail(&self, id: &ContainerId, lines: usize) -> Result<Vec<String>, EngineError> {
        self.reading.log_tail(id, lines).await
    }

    async fn image_names(&self) -> Result<Vec<String>, EngineError> {
        self.reading.image_names().await
    }
}

impl Perform for Docker {
    async fn perform(&self, action: &Action) -> Outcome {
        perform::perform(&self.reading.connection, action).await
    }
}

/// What container has this id or name; `None` when there is none.
async fn inspect(connection: &Connection, id_or_name: &str) -> Result<Option<Inspected>, CallError> {
    // No container is called otherwise, and what else a text may hold would mean something in an address.
    let can_exist =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if !can_exist(id_or_name) {
        return Ok(None);
    }
    match connection.get(INSPECT, &format!("/containers/{id_or_name}/json")).await {
        Ok(answer) => {
            answers::read_container(&answer).map(Some).map_err(|error| CallError::Unreadable(error.to_string()))
        }
        Err(CallError::Refused { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An address with a query.
fn query(path: &str, pairs: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{path}?{query}")
}

/// Now, by the clock of this machine.
#[expect(
    clippy::disallowed_methods,
    reason = "the engine tells ages, not times: the shell reads the clock that they count back from"
)]
fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::default().after(since_epoch)
}

/// The end of a log.
#[derive(Default)]
struct LogEnd {
    bytes: Vec<u8>,
    is_stderr: bool,
}

impl LogEnd {
    /// Adds what came next. The engine cuts long lines into frames, so a frame need not end a line.
    fn add(&mut self, frame: &LogOutput) {
        let is_stderr = matches!(frame, LogOutput::StdErr { .. });
        if is_stderr != self.is_stderr && self.bytes.last().is_some_and(|byte| *byte != b'\n') {
            self.bytes.push(b'\n');
        }
        self.is_stderr = is_stderr;
        self.bytes.extend_from_slice(frame.as_ref());
        if self.bytes.len() > 2 * LOG_BYTES_MAX {
            self.bytes.drain(..self.bytes.len() - LOG_BYTES_MAX);
        }
    }

    /// The last `count` lines.
    fn lines(&self, count: usize) -> Vec<String> {
        let text = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        if text.is_empty() {
            return Vec::new();
        }
        let mut last: Vec<String> = text
            .rsplit(|byte| *byte == b'\n')
            .take(count)
            .map(|line| clean(line, LOG_LINE_CHARS_MAX).replace('\n', " "))
            .collect();
        last.reverse();
        last
    }
}

#[cfg(test)]
mod tests;
