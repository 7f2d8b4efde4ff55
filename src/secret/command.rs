//! One run of a command that has secrets: no shell, bounded in time and in what it prints.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::str::FromStr;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::SECRET_BYTES_MAX;
use crate::bounded::bytes_text;

/// How long a command may take. It stands between a commit and its roll-out; one that asks somebody else's server needs a moment.
const LIMIT: Duration = Duration::from_secs(20);

/// How long the end of a command that was killed is waited for.
const KILLED_LIMIT: Duration = Duration::from_secs(2);

/// A program with arguments. The key that is asked for is added as the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    program: String,
    arguments: Vec<String>,
}

/// Why a command gave no value. What it printed is not repeated: it may be the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("the command `{name}` cannot be started: {program}: {reason}")]
    Start {
        /// The name that it was given.
        name: String,
        /// The program.
        program: String,
        /// What the operating system said.
        reason: String,
    },
    /// It failed.
    #[error("the command `{name}` failed for the key `{key}`: {status}; run it by hand to see why: {line}")]
    Failed {
        /// The name that it was given.
        name: String,
        /// What it was asked for.
        key: String,
        /// How it ended.
        status: String,
        /// The whole command.
        line: String,
    },
    /// It took too long.
    #[error(
        "the command `{name}` gave no answer for the key `{key}` within {seconds} s; run it by hand to see why: {line}"
    )]
    TimedOut {
        /// The name that it was given.
        name: String,
        /// What it was asked for.
        key: String,
        /// How long was waited.
        seconds: u64,
        /// The whole command.
        line: String,
    },
    /// It printed too much.
    #[error("the command `{name}` printed more than {} for the key `{key}`", bytes_text(SECRET_BYTES_MAX))]
    TooLong {
        /// The name that it was given.
        name: String,
        /// What it was asked for.
        key: String,
    },
}

impl FromStr for Command {
    type Err = String;

    /// `PROGRAM[,ARGUMENT...]`; an argument with a comma needs a script around it.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',').map(str::to_owned);
        let program = parts.next().filter(|program| !program.is_empty()).ok_or("expected PROGRAM[,ARGUMENT...]")?;
        Ok(Self { program, arguments: parts.collect() })
    }
}

impl Command {
    /// Runs it for `key` and gives what it printed.
    pub(super) fn run(&self, name: &str, key: &str) -> Result<Vec<u8>, CommandError> {
        self.run_within(name, key, LIMIT)
    }

    fn run_within(&self, name: &str, key: &str, limit: Duration) -> Result<Vec<u8>, CommandError> {
        let (name, key) = (name.to_owned(), key.to_owned());
        let start = |error: std::io::Error| CommandError::Start {
            name: name.clone(),
            program: self.program.clone(),
            reason: error.to_string(),
        };
        let child = std::process::Command::new(&self.program)
            .args(&self.arguments)
            .arg(&key)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // What a command complains of may hold a value as well.
            .stderr(Stdio::null())
            // A group of its own, so that what it starts can be ended with it.
            .process_group(0)
            .spawn()
            .map_err(start)?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (sender, answer) = mpsc::channel();
        std::thread::spawn(move || sender.send(listen(child)));
        let ended = answer.recv_timeout(limit);
        if matches!(ended, Err(RecvTimeoutError::Timeout)) {
            // It is still there: only the thread takes note of its end, and it has not.
            let _ = group.map(|group| kill_process_group(group, Signal::KILL));
            let _ = answer.recv_timeout(KILLED_LIMIT);
        }
        let line = || self.line(&key);
        match ended {
            Err(_) => Err(CommandError::TimedOut { line: line(), name, key, seconds: limit.as_secs() }),
            Ok(Err(error)) => Err(start(error)),
            Ok(Ok((_, bytes))) if bytes.len() > SECRET_BYTES_MAX => Err(CommandError::TooLong { name, key }),
            Ok(Ok((status, bytes))) if status.success() => Ok(bytes),
            Ok(Ok((status, _))) => Err(CommandError::Failed { line: line(), name, key, status: status.to_string() }),
        }
    }

    /// The command as a person would type it.
    fn line(&self, key: &str) -> String {
        let words = std::iter::once(&*self.program).chain(self.arguments.iter().map(String::as_str)).chain([key]);
        let quote = |word: &str| {
            let is_plain =
                !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=@%+".contains(c));
            if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
        };
        words.map(quote).collect::<Vec<_>>().join(" ")
    }
}

/// Reads what a command prints, up to a little more than it may, and waits for its end.
fn listen(mut child: Child) -> std::io::Result<(ExitStatus, Vec<u8>)> {
    let mut bytes = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        // Closed when it is dropped here: whoever goes on printing is told so by a signal.
        stdout.take(SECRET_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    }
    Ok((child.wait()?, bytes))
}

#[cfg(test)]
mod tests;
