//! Where words go: data to stdout, talk to stderr. The only place that writes to either.

use std::io::{IsTerminal, Write};

use super::render::Style;
use crate::engine::LogStream;

/// The two streams of the process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    /// How data looks.
    pub(super) data: Style,
    /// How talk looks.
    pub(super) talk: Style,
    /// Whether talk goes to a terminal, where lines can be drawn anew.
    pub(super) talk_is_live: bool,
    /// Whether data goes to a terminal.
    pub(super) data_is_terminal: bool,
}

impl Output {
    /// The streams as the process has them. Escape codes only on a terminal, and never with `NO_COLOR` or on a dumb one.
    pub(super) fn new() -> Self {
        let style =
            |is_terminal: bool| Style { color: is_terminal && wants_color(), width: is_terminal.then(width).flatten() };
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { data: style(out), talk: style(err), talk_is_live: err && !dumb, data_is_terminal: out }
    }

    /// Writes data. Whoever closes the pipe has read enough: that is no error.
    pub(super) fn print(&self, text: &str) {
        self.print_bytes(text.as_bytes());
    }

    /// Writes data that need not be text.
    #[expect(clippy::unused_self, reason = "whoever prints has been given the streams")]
    pub(super) fn print_bytes(&self, bytes: &[u8]) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(bytes).and_then(|()| out.flush());
    }

    /// Says something to the person, as one or more whole lines.
    #[expect(clippy::unused_self, reason = "whoever talks has been given the streams")]
    pub(super) fn say(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        let _ = write!(err, "{text}{end}");
    }
}

/// What a stream of bytes is written to, in large pieces and in order.
#[derive(Debug)]
pub(super) struct Pipe {
    /// Whose bytes wait to be written.
    stream: LogStream,
    bytes: Vec<u8>,
}

/// So much is written at once.
const PIECE_BYTES: usize = 64 << 10;

impl Pipe {
    /// The two streams of the process.
    pub(super) fn new(_: &Output) -> Self {
        Self { stream: LogStream::Stdout, bytes: Vec::new() }
    }

    /// Writes `bytes`, now or with those that follow.
    pub(super) fn write(&mut self, stream: LogStream, bytes: &[u8]) -> std::io::Result<()> {
        if stream != self.stream || self.bytes.len() >= PIECE_BYTES {
            self.flush()?;
        }
        self.stream = stream;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) -> std::io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.bytes);
        match self.stream {
            LogStream::Stdout => {
                let mut out = std::io::stdout().lock();
                out.write_all(&bytes)?;
                out.flush()
            }
            LogStream::Stderr => std::io::stderr().lock().write_all(&bytes),
        }
    }
}

fn wants_color() -> bool {
    let variable = |name| std::env::var_os(name).is_some_and(|value: std::ffi::OsString| !value.is_empty());
    !variable("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The width of the terminal; a very narrow one is not laid out for.
fn width() -> Option<usize> {
    let (terminal_size::Width(columns), _) = terminal_size::terminal_size_of(std::io::stderr())?;
    (columns >= WIDTH_MIN).then_some(usize::from(columns))
}

/// Below this many columns a table is better broken by the terminal than cut by us.
const WIDTH_MIN: u16 = 40;
