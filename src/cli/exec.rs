//! `reconcile exec`: a command in a container that runs, for a person.
//!
//! It holds what a plan never does, [`Attach`]: the engine is changed by whatever the command does.

use std::io::Read;
use std::time::Duration;

use clap::Args;
use futures_util::StreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use super::exit::{self, Exit};
use super::named::{self, Found, Named};
use super::output::{Output, Pipe};
use super::terminal::{self, RawMode};
use super::{Engine, converge, signals};
use crate::engine::docker::Docker;
use crate::engine::{Attach, Attached, EngineError, ExecId, ExecRequest, LogStream, Observe};
use crate::logs::is_live;
use crate::observed::{ContainerId, ObservedContainer, Phase};
use crate::plan::describe_end;

/// How many pieces of input or output may wait.
const PIECES_MAX: usize = 16;

/// So much is read at once.
const PIECE_BYTES: usize = 32 << 10;

/// How long the engine may take to say how a command ended whose output has ended: it knows within milliseconds.
const END_LIMIT: Duration = Duration::from_secs(10);
const END_EVERY: Duration = Duration::from_millis(20);

/// What a shell says of a command that is not there, and of one that cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;

/// What a closed terminal ends with: 128 and the number of SIGHUP.
const HUNG_UP: u8 = 129;

const AFTER_HELP: &str = "\
Examples:
  reconcile exec web -- sh                       a shell in the task of a service; of several tasks in that of the lowest slot
  reconcile exec shop/web/1 -c app -- env        a command in one container of one task
  reconcile exec 3f2a -i -- tar x < files.tar    the input goes to the command

Exit code: that of the command; 127 when the container has no such command, 126 when it cannot be run, 130 or 143 when a signal ended
this program. The command then goes on in the container, unless the end of its input ends it.";

/// Runs a command in a container.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ExecArguments {
    /// A task: its id or the beginning of it, or CLUSTER/SERVICE/SLOT. Or a service, as SERVICE or CLUSTER/SERVICE.
    #[arg(value_name = "TASK|SERVICE")]
    what: String,
    /// The container. Without it the only one of the task, or else the only essential one.
    #[arg(long, short = 'c', value_name = "CONTAINER")]
    container: Option<String>,
    /// Pass our input on. So it is without being told where both input and output are terminals.
    #[arg(long, short = 'i')]
    interactive: bool,
    /// Give the command a terminal. So it is without being told where both input and output are terminals.
    #[arg(long, short = 't')]
    tty: bool,
    /// Give the command neither input nor terminal without being told.
    #[arg(long, short = 'T', conflicts_with = "tty")]
    no_tty: bool,
    /// The user, as a name or number, with `:GROUP` behind it or not. Without it that of the container.
    #[arg(long, short = 'u', value_name = "USER")]
    user: Option<String>,
    /// The directory. Without it that of the container.
    #[arg(long, short = 'w', value_name = "DIR")]
    workdir: Option<String>,
    /// A variable of the environment. May be repeated.
    #[arg(long = "env", short = 'e', value_name = "NAME=VALUE", value_parser = parse_variable)]
    environment: Vec<String>,
    #[command(flatten)]
    engine: Engine,
    /// The command, after `--`. No shell takes part.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

fn parse_variable(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(text.to_owned()),
        _ => Err(format!("expected NAME=VALUE, found `{text}`")),
    }
}

impl ExecArguments {
    fn request(&self, output: &Output) -> ExecRequest {
        let is_talk = !self.no_tty && terminal::is_input() && output.data_is_terminal;
        let tty = self.tty || (is_talk && !self.interactive);
        ExecRequest {
            command: self.command.clone(),
            stdin: self.interactive || is_talk,
            tty,
            size: terminal::size().filter(|_| tty),
            user: self.user.clone(),
            directory: self.workdir.clone(),
            environment: self.environment.clone(),
        }
    }
}

pub(super) fn run(arguments: &ExecArguments, output: &Output) -> Result<u8, Exit> {
    let endpoint = arguments.engine.endpoint()?;
    let request = arguments.request(output);
    converge::runtime(false)?.block_on(async {
        let engine = Docker::new(endpoint);
        let unreachable = |error: EngineError| Exit::new(exit::UNREACHABLE, error);
        let containers = engine.list().await.map_err(unreachable)?.containers;
        let task = find_task(arguments, containers, output)?;
        let container = find_container(&engine, &task, arguments.container.as_deref()).await?;
        let place = format!("container {} of task {}", container.identity.container, task.key.id());
        Session { engine: &engine, request: &request, place, output }.run(&container.id).await
    })
}

/// The task that is meant; of a service the running one of the lowest slot.
fn find_task(arguments: &ExecArguments, containers: Vec<ObservedContainer>, output: &Output) -> Result<Found, Exit> {
    match named::find(&arguments.what, containers)? {
        Named::Task(task) => Ok(task),
        Named::Service(cluster, service, tasks) => {
            let mut running = named::running(tasks);
            if running.is_empty() {
                let sentence = format!(
                    "no task of service {cluster}/{service} runs; `reconcile logs {cluster}/{service}` may tell why"
                );
                return Err(Exit::because(exit::RUNTIME, sentence));
            }
            let count = running.len();
            let first = running.swap_remove(0);
            if count > 1 {
                let (key, id) = (&first.key, first.key.id());
                output.say(&format!("in task {id} ({key}), one of {count} that run"));
            }
            Ok(first)
        }
    }
}

/// The container that is meant, which has to run.
async fn find_container<E: Observe>(engine: &E, task: &Found, name: Option<&str>) -> Result<ObservedContainer, Exit> {
    let all: Vec<_> = task.containers.iter().collect();
    let container = match name {
        Some(name) => {
            named::check_container(name, &all)?;
            let mut named = all.into_iter().filter(|container| container.identity.container.as_str() == name);
            named.next().expect("it has just been checked that there is one")
        }
        None => named::default_container(task)?,
    };
    if is_live(container) && container.phase != Phase::Paused {
        return Ok(container.clone());
    }
    // A list does not tell how it ended.
    let inspected = engine.inspect(&container.id.0).await.ok().flatten();
    let id = task.key.id();
    let end = describe_end(inspected.as_ref().unwrap_or(container));
    let hint = if container.phase == Phase::Paused { "" } else { "; `reconcile logs` shows what it wrote" };
    Err(Exit::because(exit::RUNTIME, format!("nothing can be run in task {id}: {end}{hint}")))
}

/// A command under way.
struct Session<'a, E> {
    engine: &'a E,
    request: &'a ExecRequest,
    /// Where, for people.
    place: String,
    output: &'a Output,
}

/// How a command let go of us.
enum End {
    /// Its output has ended.
    Output,
    /// Nobody reads what it writes.
    NotRead,
    /// We were asked to end.
    Signal(u8),
}

impl<E: Attach> Session<'_, E> {
    async fn run(&self, container: &ContainerId) -> Result<u8, Exit> {
        // Heard before the terminal is changed: nothing ends the process then that does not put it back.
        let mut signals = signals::Signals::new()?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let attached = self.engine.exec(container, self.request).await.map_err(|error| self.explain(error))?;
        let Attached { id, mut output, input } = attached;
        let raw = if self.request.tty && self.request.stdin { RawMode::enter()? } else { None };
        let feeding = tokio::spawn(feed(input, self.request.stdin));
        let mut screen = Screen::start(self.output);
        let mut complaint = Vec::new();
        let end = {
            let resizing = self.follow_size(&id);
            let copying = copy(&mut output, &mut screen, &mut complaint);
            tokio::select! {
                // It never ends by itself.
                () = resizing => End::Output,
                copied = copying => copied.map_err(|error| self.explain(error))?,
                signal = signals.next() => End::Signal(signal.exit_code()),
                _ = hang_up.recv() => End::Signal(HUNG_UP),
            }
        };
        feeding.abort();
        if matches!(end, End::Output) {
            screen.finish().await;
        }
        drop(raw);
        match end {
            End::NotRead => Ok(exit::DONE),
            End::Signal(code) => {
                self.output.say("the command goes on in the container");
                Ok(code)
            }
            End::Output => self.conclude(&id, &complaint).await,
        }
    }

    /// Tells the command how large the terminal is, at first and whenever that changes.
    async fn follow_size(&self, id: &ExecId) {
        let changes = signal(SignalKind::window_change());
        if let (true, Ok(mut changes)) = (self.request.tty, changes) {
            loop {
                if let Some(size) = terminal::size() {
                    // A command that has just ended has no terminal any more.
                    let _ = self.engine.resize(id, size).await;
                }
                if changes.recv().await.is_none() {
                    break;
                }
            }
        }
        std::future::pending::<()>().await;
    }

    /// The exit code of a command whose output has ended.
    async fn conclude(&self, id: &ExecId, complaint: &[u8]) -> Result<u8, Exit> {
        let ask = async {
            loop {
                if let Some(code) = self.engine.exit_code(id).await? {
                    return Ok::<_, EngineError>(code);
                }
                tokio::time::sleep(END_EVERY).await;
            }
        };
        let Ok(code) = tokio::time::timeout(END_LIMIT, ask).await else {
            let sentence = format!("the command has closed its output and goes on in {}", self.place);
            return Err(Exit::because(exit::RUNTIME, sentence));
        };
        let code = code.map_err(|error| self.explain(error))?;
        let code = u8::try_from(code).unwrap_or(exit::RUNTIME);
        if complaint.is_empty() {
            return Ok(code);
        }
        if [NOT_RUN, NOT_FOUND].contains(&code) {
            return Err(self.explain_not_run(&String::from_utf8_lossy(complaint)));
        }
        // It looked like one, and was the output of the command.
        self.output.print_bytes(complaint);
        Ok(code)
    }

    /// Why the engine could not begin the command, in its words.
    fn explain_not_run(&self, complaint: &str) -> Exit {
        let mut why = complaint.trim();
        for words in ["OCI runtime exec failed: ", "exec failed: ", "unable to start container process: "] {
            why = why.strip_prefix(words).unwrap_or(why);
        }
        let why = why.strip_suffix(": unknown").unwrap_or(why);
        let is_missing = ["executable file not found", "no such file or directory"].iter().any(|w| why.contains(w));
        let code = if is_missing { NOT_FOUND } else { NOT_RUN };
        let command = &self.request.command[0];
        Exit::because(code, format!("`{command}` cannot be run in {}: {why}", self.place))
    }

    fn explain(&self, error: EngineError) -> Exit {
        match error {
            EngineError::Refused { message, .. } => {
                Exit::because(exit::RUNTIME, format!("nothing can be run in {}: {message}", self.place))
            }
            error @ (EngineError::Unreachable { .. } | EngineError::NoAnswer { .. }) => {
                Exit::new(exit::UNREACHABLE, error)
            }
        }
    }
}

/// With what the engine's own complaint begins that it could not begin a command. It sends it in place of the output.
const COMPLAINTS: [&[u8]; 3] = [b"OCI runtime exec failed:", b"unable to find user", b"unable to find group"];

/// Copies what a command writes. A complaint of the engine is kept back.
async fn copy(
    output: &mut crate::engine::ExecOutput,
    screen: &mut Screen,
    complaint: &mut Vec<u8>,
) -> Result<End, EngineError> {
    let mut is_first = true;
    while let Some(piece) = output.next().await {
        let (stream, bytes) = piece?;
        if std::mem::take(&mut is_first) && COMPLAINTS.iter().any(|words| bytes.starts_with(words)) {
            *complaint = bytes;
            continue;
        }
        // More than a complaint is none.
        let kept = std::mem::take(complaint);
        if !kept.is_empty() && !screen.show(LogStream::Stdout, kept).await {
            return Ok(End::NotRead);
        }
        if !screen.show(stream, bytes).await {
            return Ok(End::NotRead);
        }
    }
    Ok(End::Output)
}

/// Passes our input on, and its end. The reading thread is not waited for: a read from a terminal ends with the next key only.
async fn feed(mut input: std::pin::Pin<Box<dyn AsyncWrite + Send>>, has_stdin: bool) {
    if has_stdin {
        let (pieces, mut inbox) = mpsc::channel::<Vec<u8>>(PIECES_MAX);
        std::thread::spawn(move || {
            let mut stdin = std::io::stdin().lock();
            let mut buffer = vec![0; PIECE_BYTES];
            while let Ok(length @ 1..) = stdin.read(&mut buffer) {
                if pieces.blocking_send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        while let Some(piece) = inbox.recv().await {
            // A command that has ended reads no more.
            if input.write_all(&piece).await.is_err() || input.flush().await.is_err() {
                return;
            }
        }
        let _ = input.shutdown().await;
    }
    // To let go of it would close the output as well.
    std::future::pending::<()>().await;
}

/// Prints on a thread of its own, for whoever reads may take any time.
struct Screen {
    pieces: mpsc::Sender<(LogStream, Vec<u8>)>,
    ended: oneshot::Receiver<()>,
}

impl Screen {
    fn start(output: &Output) -> Self {
        let (pieces, mut inbox) = mpsc::channel::<(LogStream, Vec<u8>)>(PIECES_MAX);
        let (done, ended) = oneshot::channel();
        let mut pipe = Pipe::new(output);
        std::thread::spawn(move || {
            while let Some((stream, bytes)) = inbox.blocking_recv() {
                if pipe.write(stream, &bytes).and_then(|()| pipe.flush()).is_err() {
                    break;
                }
            }
            drop(inbox);
            let _ = done.send(());
        });
        Self { pieces, ended }
    }

    /// Shows something; whether anybody reads it.
    async fn show(&mut self, stream: LogStream, bytes: Vec<u8>) -> bool {
        self.pieces.send((stream, bytes)).await.is_ok()
    }

    /// Waits until everything is shown.
    async fn finish(self) {
        drop(self.pieces);
        let _ = self.ended.await;
    }
}

#[cfg(test)]
mod tests;
