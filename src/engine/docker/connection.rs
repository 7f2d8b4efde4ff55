//! The way to the engine: one request, its time limit, and what its failure means.
//!
//! Two things are done differently from what bollard offers. Its time limit covers only the head of an answer and whole seconds, so
//! every call is wrapped in a limit of its own. And its models are closed: one value that they do not know, such as Podman's state
//! `stopped`, spoils a whole list. So answers are read as bytes ([`Connection::get`]) and made out by [`super::answers`].

use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

use futures_util::{Stream, StreamExt, TryStreamExt};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::answers;
use super::endpoint::{Address, Endpoint};
use super::pull::Pulls;
use super::reach::{Vantage, find_vantage};
use super::text::clean;
use crate::engine::EngineError;
use crate::image::Platform;

/// A kind of call and how long it may take.
///
/// The limits are not about speed but about an engine that hangs: it takes the connection and never answers. Each is far above the
/// slowest answer that a loaded engine has given, for a limit that strikes too early leaves an action in doubt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// What the call does, for messages.
    pub(super) name: &'static str,
    /// How long it may take.
    pub(super) limit: Duration,
}

impl Call {
    /// A call of this name that may take `seconds`.
    pub(super) const fn new(name: &'static str, seconds: u64) -> Self {
        Self { name, limit: Duration::from_secs(seconds) }
    }

    /// Waits for `work`, but no longer than the call may take.
    pub(super) async fn within<T>(self, work: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        let begun = Instant::now();
        let result = match tokio::time::timeout(self.limit, work).await {
            Ok(result) => result,
            Err(_) => Err(CallError::NoAnswer { seconds: self.limit.as_secs() }),
        };
        let milliseconds = begun.elapsed().as_millis();
        match &result {
            Ok(_) => tracing::debug!(call = self.name, milliseconds, "the engine answered"),
            // What the engine says may quote a secret: it is told where values can be covered.
            Err(CallError::Refused { status, .. }) => {
                tracing::debug!(call = self.name, milliseconds, status, "the engine refused");
            }
            Err(error) => tracing::debug!(call = self.name, milliseconds, %error, "the engine did not do it"),
        }
        result
    }
}

pub(super) const VERSION: Call = Call::new("version", 30);

/// Bollard's own limit is never the one that strikes.
const BOLLARD_LIMIT_SECS: u64 = 7 * 24 * 60 * 60;

/// An answer that is longer is no answer: 500 containers with large specs list as 2 MB.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// The longest message of an engine that is passed on. Its own are below 500 characters; some quote a program's output.
const MESSAGE_CHARS_MAX: usize = 2000;

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// There was no connection: nothing was sent.
    #[error("{0}")]
    Unreachable(String),
    /// The time was up: what was asked for may have happened, or may happen yet.
    #[error("no answer within {seconds} s")]
    NoAnswer {
        /// How long was waited.
        seconds: u64,
    },
    /// The connection broke: what was asked for may have happened, or may happen yet.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// There was an answer that cannot be made out.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// The engine answered that it will not or cannot.
    #[error("{message}")]
    Refused {
        /// The status code of HTTP.
        status: u16,
        /// What the engine said.
        message: String,
    },
}

impl CallError {
    /// The error of a question.
    pub(super) fn into_engine_error(self, call: Call, endpoint: &Endpoint) -> EngineError {
        match self {
            Self::NoAnswer { seconds } => EngineError::NoAnswer { call: call.name, seconds },
            Self::Unreachable(_) | Self::Broken(_) => {
                EngineError::Unreachable { endpoint: endpoint.to_string(), reason: self.to_string() }
            }
            Self::Unreadable(_) | Self::Refused { .. } => {
                EngineError::Refused { call: call.name, message: self.to_string() }
            }
        }
    }
}

impl From<bollard::errors::Error> for CallError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "bollard's errors are many, and its next release has more")]
    fn from(error: bollard::errors::Error) -> Self {
        use bollard::errors::Error as Bollard;
        match error {
            Bollard::DockerResponseServerError { status_code, message } => {
                Self::Refused { status: status_code, message: clean(message.as_bytes(), MESSAGE_CHARS_MAX) }
            }
            // An answer that began well: Docker reports progress first, Podman says 200 before it has tried anything.
            Bollard::DockerStreamError { error } => {
                Self::Refused { status: 200, message: clean(error.as_bytes(), MESSAGE_CHARS_MAX) }
            }
            Bollard::HyperLegacyError { err } if err.is_connect() => Self::Unreachable(root_cause(&err)),
            Bollard::SocketNotFoundError(_) => Self::Unreachable("there is no such socket".to_owned()),
            Bollard::NoHomePathError
            | Bollard::CertPathError { .. }
            | Bollard::CertMultipleKeys { .. }
            | Bollard::CertParseError { .. }
            | Bollard::URLParseError { .. }
            | Bollard::InvalidURIError { .. } => Self::Unreachable(error.to_string()),
            Bollard::JsonDataError { .. } | Bollard::JsonSerdeError { .. } => Self::Unreadable(error.to_string()),
            Bollard::RequestTimeoutError => Self::Broken("no answer in time".to_owned()),
            other => Self::Broken(root_cause(&other)),
        }
    }
}

/// The innermost error: the outer ones only say that there is one.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// The way to one engine. Each request has a connection of its own, so none is ever stale.
#[derive(Debug)]
pub(super) struct Connection {
    endpoint: Endpoint,
    /// Made at the first call that finds a socket: bollard makes no client for one that does not exist yet.
    client: OnceLock<bollard::Docker>,
    /// Whether the engine is Podman, once somebody wanted to know.
    is_podman: OnceCell<bool>,
    /// What the host of the engine is, once it has been asked.
    pub(super) host_platform: OnceLock<Platform>,
    /// Where we are, seen from the engine, once somebody wanted to know.
    vantage: OnceCell<Vantage>,
    /// How far the fetches under way are.
    pub(super) pulls: Pulls,
}

impl Connection {
    /// A way to `endpoint`. Nothing is sent.
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            client: OnceLock::new(),
            is_podman: OnceCell::new(),
            host_platform: OnceLock::new(),
            vantage: OnceCell::new(),
            pulls: Pulls::default(),
        }
    }

    /// Where it leads.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Bollard's client.
    pub(super) fn client(&self) -> Result<&bollard::Docker, CallError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let version = bollard::API_DEFAULT_VERSION;
        let client = match &self.endpoint.address {
            Address::Unix(path) => {
                bollard::Docker::connect_with_unix(&path.to_string_lossy(), BOLLARD_LIMIT_SECS, version)?
            }
            Address::Tcp(host) => bollard::Docker::connect_with_http(host, BOLLARD_LIMIT_SECS, version)?,
            Address::Tls(host, files) => bollard::Docker::connect_with_ssl(
                host,
                &files.key,
                &files.certificate,
                &files.authority,
                BOLLARD_LIMIT_SECS,
                version,
            )?,
        };
        Ok(self.client.get_or_init(|| client))
    }

    /// Whether the engine is Podman: for the few things that Docker does in passing and Podman has to be told. It is asked once.
    pub(super) async fn is_podman(&self) -> Result<bool, CallError> {
        let ask = async || {
            match self.get(VERSION, "/version").await {
                Ok(answer) => {
                    answers::read_is_podman(&answer).map_err(|error| CallError::Unreadable(error.to_string()))
                }
                // Whatever has no version is not Podman.
                Err(CallError::Refused { status: 404, .. }) => Ok(false),
                Err(error) => Err(error),
            }
        };
        self.is_podman.get_or_try_init(ask).await.copied()
    }

    /// Where we are, seen from the engine. It is asked once.
    pub(super) async fn vantage(&self) -> Result<&Vantage, CallError> {
        self.vantage.get_or_try_init(|| find_vantage(self)).await
    }

    /// Asks for `path` and returns the whole answer.
    pub(super) async fn get(&self, call: Call, path: &str) -> Result<Vec<u8>, CallError> {
        call.within(async {
            let mut chunks = self.get_chunks(path, Duration::from_secs(BOLLARD_LIMIT_SECS))?;
            let mut answer = Vec::new();
            while let Some(chunk) = chunks.try_next().await? {
                answer.extend_from_slice(chunk.as_ref());
                if answer.len() > ANSWER_BYTES_MAX {
                    return Err(CallError::Unreadable(format!("it is longer than {ANSWER_BYTES_MAX} bytes")));
                }
            }
            Ok(answer)
        })
        .await
    }

    /// Asks for `path` and returns the answer as it comes in; its head must come within `limit`.
    ///
    /// Bollard hands out the bytes of an answer for one question only, the export of a container, which like every question is a
    /// GET without a body. That question is asked, and a modifier of the request has it ask for `path` instead. The transport,
    /// the status codes and the errors are thereby bollard's, on a socket as well as with TLS.
    pub(super) fn get_chunks(
        &self,
        path: &str,
        limit: Duration,
    ) -> Result<impl Stream<Item = Result<impl AsRef<[u8]> + use<>, CallError>> + Send + Unpin + use<>, CallError> {
        let path = path.to_owned();
        let client = self.client()?.clone().with_timeout(limit).with_request_modifier(move |mut request| {
            let mut parts = request.uri().clone().into_parts();
            parts.path_and_query = Some(path.parse().expect("paths are built from encoded parts"));
            *request.uri_mut() = parts.try_into().expect("only the path of a valid address was replaced");
            request
        });
        Ok(client.export_container("any").map(|chunk| chunk.map_err(CallError::from)))
    }
}
