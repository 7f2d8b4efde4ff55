//! A process in a container, with its input and output.

use std::sync::Arc;

use bollard::container::LogOutput;
use bollard::exec::{ResizeExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use futures_util::{StreamExt, TryStreamExt};

use super::connection::{Call, CallError, Connection};
use crate::engine::{Attached, EngineError, ExecId, ExecRequest, LogStream, TerminalSize};
use crate::observed::ContainerId;

// A process begins within 0.2 s, on a busy engine within some seconds. Docker itself waits for 10 s before it gives up a resize.
const CREATE: Call = Call::new("exec", 60);
const START: Call = Call::new("exec", 60);
const RESIZE: Call = Call::new("resize terminal", 30);
const LOOK: Call = Call::new("inspect exec", 30);

/// What would let go of the process. Docker's own, Ctrl-P Ctrl-Q, holds back every Ctrl-P until the next key, which in a shell means the
/// command before; it cannot be switched off, so it is one that nobody types.
const DETACH_KEYS: &str = "ctrl-@,ctrl-^,ctrl-@,ctrl-^,ctrl-@,ctrl-^";

/// Begins a process.
pub(super) async fn exec(
    connection: &Arc<Connection>,
    container: &ContainerId,
    request: &ExecRequest,
) -> Result<Attached, EngineError> {
    let fail = |call: Call| move |error: CallError| error.into_engine_error(call, connection.endpoint());
    let config = config(request);
    let created = CREATE.within(async { Ok(connection.client()?.create_exec(&container.0, config).await?) }).await;
    let id = created.map_err(fail(CREATE))?.id;
    // A terminal is asked for above, and here it is not: Docker then frames what it writes as any other output. The raw stream would be
    // taken for frames by bollard where it happens to begin like one. Podman frames by what was asked for above.
    let options = StartExecOptions { detach: false, tty: false, output_capacity: None };
    let started = START.within(async { Ok(connection.client()?.start_exec(&id, Some(options)).await?) }).await;
    let StartExecResults::Attached { output, input } = started.map_err(fail(START))? else {
        let error = CallError::Unreadable("the engine let go of the process".to_owned());
        return Err(fail(START)(error));
    };
    let connection = Arc::clone(connection);
    let output = output.map_ok(read_output).map_err(move |error| {
        let error = CallError::from(error);
        error.into_engine_error(START, connection.endpoint())
    });
    Ok(Attached { id: ExecId(id), output: output.boxed(), input })
}

fn config(request: &ExecRequest) -> ExecConfig {
    let ExecRequest { command, stdin, tty, size, user, directory, environment } = request;
    ExecConfig {
        attach_stdin: Some(*stdin),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        console_size: size.map(|TerminalSize { columns, rows }| vec![rows.into(), columns.into()]),
        detach_keys: tty.then(|| DETACH_KEYS.to_owned()),
        tty: Some(*tty),
        env: Some(environment.clone()),
        cmd: Some(command.clone()),
        user: user.clone(),
        working_dir: directory.clone(),
        ..ExecConfig::default()
    }
}

fn read_output(frame: LogOutput) -> (LogStream, Vec<u8>) {
    match frame {
        LogOutput::StdErr { message } => (LogStream::Stderr, message.into()),
        LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
            (LogStream::Stdout, message.into())
        }
    }
}

/// Says how large a terminal is now.
pub(super) async fn resize(connection: &Connection, exec: &ExecId, size: TerminalSize) -> Result<(), EngineError> {
    let options = ResizeExecOptions { width: size.columns, height: size.rows };
    let resized = RESIZE.within(async { Ok(connection.client()?.resize_exec(&exec.0, options).await?) }).await;
    resized.map_err(|error| error.into_engine_error(RESIZE, connection.endpoint()))
}

/// How a process ended.
pub(super) async fn exit_code(connection: &Connection, exec: &ExecId) -> Result<Option<i64>, EngineError> {
    let found = LOOK.within(async { Ok(connection.client()?.inspect_exec(&exec.0).await?) }).await;
    let found = found.map_err(|error| error.into_engine_error(LOOK, connection.endpoint()))?;
    Ok(found.exit_code.filter(|_| found.running != Some(true)))
}
