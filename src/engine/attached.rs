//! A process that is run in a container which is there already, with its input and output in our hands.

use std::future::Future;
use std::pin::Pin;

use futures_util::stream::BoxStream;
use tokio::io::AsyncWrite;

use super::{EngineError, LogStream, Observe};
use crate::observed::ContainerId;

/// What is run, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecRequest {
    /// The program and its arguments; no shell takes part.
    pub command: Vec<String>,
    /// Whether it has an input.
    pub stdin: bool,
    /// Whether it has a terminal. Its two outputs are then one.
    pub tty: bool,
    /// The size of the terminal at first, where there is one.
    pub size: Option<TerminalSize>,
    /// As whom it runs: a name or number, with `:GROUP` behind it or not; the user of the container without it.
    pub user: Option<String>,
    /// Where it begins; the directory of the container without it.
    pub directory: Option<String>,
    /// Variables of its environment beside those of the container: `NAME=VALUE`.
    pub environment: Vec<String>,
}

/// How large a terminal is, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// How many characters a line has.
    pub columns: u16,
    /// How many lines there are.
    pub rows: u16,
}

/// The engine's name of a process that it runs for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecId(pub String);

/// What a process writes, until it ends or lets go of its outputs.
pub type ExecOutput = BoxStream<'static, Result<(LogStream, Vec<u8>), EngineError>>;

/// A process under way. Who drops it lets go of the process, and does not end it.
pub struct Attached {
    /// What it is asked by.
    pub id: ExecId,
    /// What it writes.
    pub output: ExecOutput,
    /// What it reads. To shut it down is the end of its input.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
}

/// The third part of the door: processes in containers. It writes, for what such a process does is anybody's guess, so a dry run does not
/// have it; and it is not [`super::Perform`], for no plan ever holds such a step. The simulated engine has no processes, so it is not there.
pub trait Attach: Observe {
    /// Begins a process.
    fn exec(
        &self,
        container: &ContainerId,
        request: &ExecRequest,
    ) -> impl Future<Output = Result<Attached, EngineError>> + Send;

    /// Says how large the terminal is now. One that is just being started is waited for.
    fn resize(&self, exec: &ExecId, size: TerminalSize) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// How the process ended; `None` while it runs.
    fn exit_code(&self, exec: &ExecId) -> impl Future<Output = Result<Option<i64>, EngineError>> + Send;
}
