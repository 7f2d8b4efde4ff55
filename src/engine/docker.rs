//! The Docker Engine, or anything that speaks its API: the only place that names a type of bollard.
//!
//! ```text
//! endpoint     where the engine is               connection   one request, its limit, what its failure means
//! translate    our words -> request bodies       answers      the engine's JSON -> our words (with status_text and text)
//! hints        the stream of events              perform      one action, one call
//! host         how much it has                    usage        how much of that containers really use
//! secrets      the values that a new container is given          cgroups   the limits of a task as a whole
//! reach        how a container is asked over the network, from where we are
//! images       what there is under a reference   pull         fetching one, with the credentials of its registry
//! interventions                what a person asks of a service beside its manifest
//! logs         what containers write              exec         a process in a container, for a person
//! evidence     the last words of a container, without the values that it was given
//! ```
//!
//! [`ReadOnlyDocker`] asks questions and can do nothing else; [`Docker`] holds one and performs actions as well. Neither makes a call
//! before it is asked to: no ping, and no version but where Podman has to be told what Docker does in passing. Nothing is retried here; who looks again, and when, is decided by the loop.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptions;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use self::answers::Inspected;
use self::cgroups::TaskGroups;
use self::connection::{Call, CallError, Connection};
use self::credentials::ManifestSecrets;
pub use self::credentials::{NoSecrets, RepositorySecrets};
pub use self::endpoint::{Address, Certificates, Endpoint, EndpointError, Origin, Surroundings};
use self::secrets::Delivery;
use self::text::clean;
use crate::desired::Resources;
use crate::engine::{
    Attach, Attached, EngineError, Evidence, ExecId, ExecRequest, Hint, Listing, LogChunk, LogQuery, Observe, Perform,
    Subjects, TerminalSize,
};
use crate::image::{ImageId, ObservedImage, PullProgress};
use crate::observed::{ContainerId, ObservedContainer};
use crate::ownership::{self, Intervention, Source};
use crate::plan::{Action, Outcome};
use crate::probe;
use crate::probing::{Answer, Question};
use crate::secret::Secrets;
use crate::value::{ClusterName, Timestamp};

mod answers;
mod cgroups;
mod connection;
mod credentials;
mod endpoint;
mod evidence;
mod exec;
mod hints;
mod host;
mod images;
mod interventions;
mod logs;
mod own_image;
mod perform;
mod pull;
mod reach;
mod secrets;
mod status_text;
mod stops;
mod text;
mod translate;
mod usage;
mod withheld;

// A list of 500 containers takes 0.2 s beside a storm of starts, an inspection waits for its container's start, which takes seconds
// at the worst. Half a minute of silence is an engine that hangs.
const LIST: Call = Call::new("list", 30);
const INSPECT: Call = Call::new("inspect", 30);
const LOGS: Call = Call::new("logs", 30);
const IMAGES: Call = Call::new("list images", 30);
// An engine answers within 50 ms, and nothing depends on the answer enough to wait for it much longer.
const HOST: Call = Call::new("info", 5);

/// Where a list has to be completed by inspections. An engine answers no faster for more of them.
const INSPECTIONS_AT_ONCE: usize = 8;

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
    secrets: Delivery,
    registry_secrets: Arc<dyn RepositorySecrets>,
    groups: TaskGroups,
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

    /// The containers with the health that the list of Podman 4.3 does not tell: there, and only there, each that is checked is asked
    /// for. Without that one with a check would look like one without, which counts as well as soon as it has run a while.
    async fn with_health(&self, listed: Vec<ObservedContainer>) -> Result<Vec<ObservedContainer>, EngineError> {
        let looks = listed.into_iter().map(async |container| {
            if !answers::lacks_health(&container) {
                return Ok(container);
            }
            // One that is gone meanwhile stays as it was listed; its end is known soon.
            Ok(self.inspect(&container.id.0).await?.unwrap_or(container))
        });
        stream::iter(looks).buffered(INSPECTIONS_AT_ONCE).try_collect().await
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
        Self {
            secrets: Delivery::none(),
            registry_secrets: Arc::new(NoSecrets),
            groups: TaskGroups::new(),
            reading: ReadOnlyDocker::new(endpoint),
        }
    }

    /// The same engine, with the means to look secrets up when a container is created. Without them no container with a secret is.
    #[must_use]
    pub fn with_secrets(self, secrets: Arc<Secrets>) -> Self {
        let delivery = Delivery::new(secrets.clone(), self.reading.connection.endpoint());
        Self { secrets: delivery, registry_secrets: Arc::new(ManifestSecrets(secrets)), ..self }
    }

    /// Whether secrets can be given to containers as files: the reason, if they cannot.
    pub fn check_secret_files(&self) -> Result<(), String> {
        self.secrets.check_files()
    }

    /// Removes the files of secrets and the control groups whose containers are gone: what a run that was killed has left behind.
    pub async fn sweep(&self, source: &Source) -> Result<(), EngineError> {
        if self.secrets.has_files(source) || self.groups.has_any() {
            let listing = self.list().await?;
            let existing = || listing.containers.iter().map(|container| &container.identity);
            self.secrets.sweep(source, existing());
            self.groups.sweep(existing());
        }
        Ok(())
    }

    /// The same engine, to which the secrets that `repositoryCredentials` names are known.
    #[must_use]
    pub fn with_registry_secrets(self, registry_secrets: Arc<dyn RepositorySecrets>) -> Self {
        Self { registry_secrets, ..self }
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
        let containers = self.with_health(containers).await?;
        Ok(Listing { containers, networks, volumes, neighbours: Vec::new() })
    }

    async fn host(&self) -> Result<Option<Resources>, EngineError> {
        match self.ask(HOST, "/info", host::read).await {
            // A socket may be guarded by a proxy that lets only some questions through.
            Err(error @ EngineError::Refused { .. }) => {
                tracing::warn!(%error, "the engine does not tell how much the host has: nothing waits for room");
                Ok(None)
            }
            answer => answer,
        }
    }

    async fn told_to_stop(&self, since: Timestamp) -> Result<BTreeMap<ContainerId, Timestamp>, EngineError> {
        self.ask(stops::TOLD, &stops::path(since, now()), stops::read).await
    }

    async fn inspect(&self, id_or_name: &str) -> Result<Option<ObservedContainer>, EngineError> {
        match inspect(&self.connection, id_or_name).await {
            Ok(Some(Inspected::Ours(container))) => Ok(Some(*container)),
            Ok(Some(Inspected::Foreign { .. }) | None) => Ok(None),
            Err(error) => Err(error.into_engine_error(INSPECT, self.connection.endpoint())),
        }
    }

    fn hints(&self, since: Timestamp, sources: BTreeSet<Source>, subjects: Subjects) -> BoxStream<'static, Hint> {
        hints::hints(Arc::clone(&self.connection), since, sources, subjects)
    }

    async fn log_tail(&self, id: &ContainerId, lines: usize) -> Result<Vec<String>, EngineError> {
        match LOGS.within(self.read_log(id, lines)).await {
            Ok(lines) => Ok(lines),
            Err(CallError::Refused { status: 404, .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into_engine_error(LOGS, self.connection.endpoint())),
        }
    }

    async fn evidence(
        &self,
        id: &ContainerId,
        lines: usize,
        texts: Vec<String>,
    ) -> Result<Option<Evidence>, EngineError> {
        self.covered_evidence(id, lines, texts).await
    }

    fn logs(&self, id: &ContainerId, query: LogQuery) -> BoxStream<'static, Result<LogChunk, EngineError>> {
        logs::logs(Arc::clone(&self.connection), id.clone(), query)
    }

    async fn probe(&self, question: &Question) -> Answer {
        let vantage = match self.connection.vantage().await {
            Ok(vantage) => vantage,
            Err(error) => return Answer::Unreachable(format!("the engine does not say where it runs: {error}")),
        };
        match reach::destination(question, vantage, reach::is_here) {
            Ok(destination) => probe::ask(&question.probe, &destination, question.timeout).await,
            Err(reason) => Answer::Unreachable(reason),
        }
    }

    async fn look_up_image(&self, reference: &str) -> Result<Option<ObservedImage>, EngineError> {
        let found = images::look_up(&self.connection, reference).await;
        found.map_err(|error| error.into_engine_error(images::LOOK_UP, self.connection.endpoint()))
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

    async fn host(&self) -> Result<Option<Resources>, EngineError> {
        self.reading.host().await
    }

    async fn told_to_stop(&self, since: Timestamp) -> Result<BTreeMap<ContainerId, Timestamp>, EngineError> {
        self.reading.told_to_stop(since).await
    }

    async fn inspect(&self, id_or_name: &str) -> Result<Option<ObservedContainer>, EngineError> {
        self.reading.inspect(id_or_name).await
    }

    fn hints(&self, since: Timestamp, sources: BTreeSet<Source>, subjects: Subjects) -> BoxStream<'static, Hint> {
        self.reading.hints(since, sources, subjects)
    }

    async fn log_tail(&self, id: &ContainerId, lines: usize) -> Result<Vec<String>, EngineError> {
        self.reading.log_tail(id, lines).await
    }

    async fn evidence(
        &self,
        id: &ContainerId,
        lines: usize,
        texts: Vec<String>,
    ) -> Result<Option<Evidence>, EngineError> {
        self.reading.evidence(id, lines, texts).await
    }

    fn logs(&self, id: &ContainerId, query: LogQuery) -> BoxStream<'static, Result<LogChunk, EngineError>> {
        self.reading.logs(id, query)
    }

    async fn probe(&self, question: &Question) -> Answer {
        self.reading.probe(question).await
    }

    async fn look_up_image(&self, reference: &str) -> Result<Option<ObservedImage>, EngineError> {
        self.reading.look_up_image(reference).await
    }

    fn pulls(&self) -> BTreeMap<String, PullProgress> {
        self.reading.connection.pulls.read()
    }

    async fn image_names(&self) -> Result<Vec<String>, EngineError> {
        self.reading.image_names().await
    }
}

impl Attach for Docker {
    async fn exec(&self, container: &ContainerId, request: &ExecRequest) -> Result<Attached, EngineError> {
        exec::exec(&self.reading.connection, container, request).await
    }

    async fn resize(&self, exec: &ExecId, size: TerminalSize) -> Result<(), EngineError> {
        exec::resize(&self.reading.connection, exec, size).await
    }

    async fn exit_code(&self, exec: &ExecId) -> Result<Option<i64>, EngineError> {
        exec::exit_code(&self.reading.connection, exec).await
    }
}

impl Perform for Docker {
    async fn perform(&self, action: &Action) -> Outcome {
        let connection = &self.reading.connection;
        perform::perform(connection, &self.secrets, &*self.registry_secrets, &self.groups, action).await
    }

    async fn intervene(
        &self,
        cluster: &ClusterName,
        source: &Source,
        intervention: &Intervention,
    ) -> Result<(), EngineError> {
        let connection = &self.reading.connection;
        let written = interventions::write(connection, cluster, source, intervention).await;
        written.map_err(|error| error.into_engine_error(interventions::WRITE, connection.endpoint()))
    }

    async fn remove_images(&self, images: &[(String, ImageId)]) -> Vec<(String, bool)> {
        images::remove(&self.reading.connection, images).await
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
