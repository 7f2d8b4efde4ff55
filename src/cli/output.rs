//! Where words go: data to stdout, talk to stderr. The only place that writes to either.

use std::io::{IsTerminal, Write};

use super::render::Style;

/// The two streams of the process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    /// How data looks.
    pub(super) data: Style,
    /// How talk looks.
    pub(super) talk: Style,
    /// Whether talk goes to a terminal, where lines can be drawn anew.
    pub(super) talk_is_live: bool,
}

impl Output {
    /// The streams as the process has them. Escape codes only on a terminal, and never with `NO_COLOR` or on a dumb one.
    pub(super) fn new() -> Self {
        let style =
            |is_terminal: bool| Style { color: is_terminal && wants_color(), width: is_terminal.then(width).flatten() };
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { data: style(out), talk: style(err), talk_is_live: err && !dumb }
    }

    /// Writes data. Whoever closes the pipe has read enough: that is no error.
    #[expect(clippy::unused_self, reason = "whoever prints has been given the streams")]
    pub(super) fn print(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Says something to the person, as one or more whole lines.
    #[expect(clippy::unused_self, reason = "whoever talks has been given the streams")]
    pub(super) fn say(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        let _ = write!(err, "{text}{end}");
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
