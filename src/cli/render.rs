//! Everything that is printed, as text. Nothing here prints: each function returns what its caller writes where it belongs.

use std::fmt::Write as _;

use anstyle::AnsiColor;
use serde_json::Value;

use super::exit::Outcome;

pub mod against;
pub(crate) mod escape;
pub mod explain;
pub mod failure;
pub mod history;
pub mod logs;
pub mod plan;
pub mod problems;
pub mod progress;
pub mod report;
pub mod simulation;
pub mod status;
pub mod tasks;

/// A document with how its command ended: some wrappers swallow the exit code.
pub(crate) fn json_document(mut document: Value, outcome: Outcome, code: u8) -> String {
    document["outcome"] = outcome.as_str().into();
    document["exitCode"] = code.into();
    format!("{document:#}\n")
}

/// How text is to look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether escape codes may be used. They never carry a meaning that the words do not.
    pub color: bool,
    /// How many columns a line may take; `None` when it is nobody's screen, and nothing is to be cut.
    pub width: Option<usize>,
}

impl Style {
    /// Plain text of any width: what a file and a test get.
    pub const PLAIN: Self = Self { color: false, width: None };

    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let style = anstyle::Style::new();
        let style = match tone {
            Tone::Good => style.fg_color(Some(AnsiColor::Green.into())),
            Tone::Changing => style.fg_color(Some(AnsiColor::Yellow.into())),
            Tone::Bad => style.fg_color(Some(AnsiColor::Red.into())),
            Tone::Faint => style.dimmed(),
            Tone::Strong => style.bold(),
            Tone::Usual => return text.to_owned(),
        };
        format!("{style}{text}{style:#}")
    }
}

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// All is well, or something comes.
    Good,
    /// It is under way, or changes.
    Changing,
    /// It is broken, or goes.
    Bad,
    /// Of less weight.
    Faint,
    /// Of more weight.
    Strong,
    /// As any other text.
    Usual,
}

/// Text from outside on one line: line ends become spaces, and what would steer the terminal is written out.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for part in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        push_clean(&mut line, part);
    }
    line
}

/// One line from outside as it is, its spaces included, with what would steer the terminal written out.
pub(crate) fn clean_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    push_clean(&mut line, text.trim_end());
    line
}

fn push_clean(line: &mut String, text: &str) {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            // Programs colour their logs: those codes are dropped whole, they hide nothing.
            '\u{1b}' if characters.peek() == Some(&'[') => {
                characters.next();
                characters.find(|end| matches!(end, '@'..='~'));
            }
            '\t' => line.push_str("    "),
            steering if is_steering(steering) => line.extend(steering.escape_default()),
            shown => line.push(shown),
        }
    }
}

/// Whether a character steers the terminal, the direction of writing or the end of a line.
fn is_steering(character: char) -> bool {
    let turns =
        |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns(character) || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// The beginning of a text that is longer than `width` columns.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(3)).collect();
    format!("{kept}...")
}

/// One cell of a table.
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Usual }
    }

    pub(crate) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

/// Rows in columns, as wide as their widest cell, two spaces apart; no spaces at the ends of lines, and nothing cut.
pub(crate) fn table(rows: &[Vec<Cell>], indent: &str, style: Style) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        // The last cell of a row pushes nothing aside.
        let cells = rows.iter().filter(|row| column + 1 < row.len()).filter_map(|row| row.get(column));
        cells.map(|cell| cell.text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        let last = row.iter().rposition(|cell| !cell.text.is_empty());
        for (column, cell) in row.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
            let is_last = Some(column) == last;
            line.push_str(&style.paint(cell.tone, &cell.text));
            if !is_last {
                let padding = widths[column].saturating_sub(cell.text.chars().count()) + 2;
                line.extend(std::iter::repeat_n(' ', padding));
            }
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
