//! Lines of logs: as they are, with the name of their task before them, or as JSON.
//!
//! Without a name the bytes are passed on untouched, as they come. With names a line is held back until it is whole, so that those of
//! several containers are never mixed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Style, one_line};
use crate::engine::{LogChunk, LogStream, LogTime};
use crate::logs::Member;
use crate::logs::read::Note;
use crate::observed::ContainerId;
use crate::ownership::TaskKey;
use crate::plan::duration_text;

/// A line that is longer is cut where it is held back: that much of each container lies in memory.
const LINE_BYTES_MAX: usize = 1 << 20;

/// How many characters of a task's id stand before its lines.
const ID_SHORT: usize = 4;

/// The colours of names: those that neither warn nor are hard to read on black or white.
const COLORS: [anstyle::AnsiColor; 6] = [
    anstyle::AnsiColor::Cyan,
    anstyle::AnsiColor::Magenta,
    anstyle::AnsiColor::Green,
    anstyle::AnsiColor::Yellow,
    anstyle::AnsiColor::Blue,
    anstyle::AnsiColor::BrightCyan,
];

/// In which form logs are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    /// As they were written.
    Text {
        /// Whether the time stands before each line.
        timestamps: bool,
        /// Whether a name may stand before each line, where there are several containers.
        names: bool,
    },
    /// One JSON object for each line.
    Json,
}

/// Something to be printed, where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// Where it belongs.
    pub stream: LogStream,
    /// What it is.
    pub bytes: Vec<u8>,
}

/// A line whose end has not come yet.
#[derive(Debug, Default)]
struct Open {
    at: Option<LogTime>,
    /// What is held back of it.
    bytes: Vec<u8>,
    /// Whether something of it has been printed.
    has_begun: bool,
}

/// Makes lines of entries.
#[derive(Debug)]
pub struct LogLines {
    form: LogForm,
    /// How each of the two streams looks.
    styles: [Style; 2],
    has_names: bool,
    width: usize,
    open: BTreeMap<(ContainerId, LogStream), (Member, Open)>,
}

impl LogLines {
    /// No line yet. `is_several` when more than one container writes.
    pub fn new(form: LogForm, is_several: bool, stdout: Style, stderr: Style) -> Self {
        let mut lines = Self { form, styles: [stdout, stderr], has_names: false, width: 0, open: BTreeMap::new() };
        if is_several {
            // Nothing has been printed yet.
            let _ = lines.be_several();
        }
        lines
    }

    /// More than one container writes from now on: a line that has begun without a name ends first.
    pub fn be_several(&mut self) -> Vec<Printed> {
        if self.has_names || !matches!(self.form, LogForm::Text { names: true, .. }) {
            return Vec::new();
        }
        self.has_names = true;
        self.end_begun_lines()
    }

    fn end_begun_lines(&mut self) -> Vec<Printed> {
        let begun = self.open.iter_mut().filter(|(_, (_, open))| open.has_begun);
        let ends = begun.map(|((_, stream), (_, open))| {
            open.has_begun = false;
            Printed { stream: *stream, bytes: b"\n".to_vec() }
        });
        ends.collect()
    }

    /// What is to be printed of an entry, if anything.
    pub fn add(&mut self, member: &Member, entry: &LogChunk) -> Printed {
        let key = (member.id.clone(), entry.stream);
        let (_, mut open) = self.open.remove(&key).unwrap_or_else(|| (member.clone(), Open::default()));
        let mut bytes = Vec::new();
        for piece in entry.bytes.split_inclusive(|byte| *byte == b'\n') {
            self.add_piece(member, entry, piece, &mut open, &mut bytes);
        }
        if open.has_begun || !open.bytes.is_empty() {
            self.open.insert(key, (member.clone(), open));
        }
        Printed { stream: entry.stream, bytes }
    }

    fn add_piece(&mut self, member: &Member, entry: &LogChunk, piece: &[u8], open: &mut Open, into: &mut Vec<u8>) {
        let is_end = piece.ends_with(b"\n");
        if open.bytes.is_empty() {
            open.at = entry.at;
        }
        let is_held = self.has_names || self.form == LogForm::Json;
        if is_held {
            open.bytes.extend_from_slice(piece);
            if is_end || open.bytes.len() >= LINE_BYTES_MAX {
                let line = std::mem::take(&mut open.bytes);
                self.print_line(member, entry.stream, open.at, &line, into);
            }
            return;
        }
        if !open.has_begun {
            self.print_time(open.at, into);
        }
        into.extend_from_slice(piece);
        open.has_begun = !is_end;
    }

    fn print_time(&self, at: Option<LogTime>, into: &mut Vec<u8>) {
        if let (LogForm::Text { timestamps: true, .. }, Some(at)) = (self.form, at) {
            into.extend_from_slice(format!("{at} ").as_bytes());
        }
    }

    fn print_line(&mut self, member: &Member, stream: LogStream, at: Option<LogTime>, line: &[u8], into: &mut Vec<u8>) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        match self.form {
            LogForm::Json => into.extend_from_slice(json_line(member, stream, at, line).as_bytes()),
            LogForm::Text { .. } => {
                into.extend_from_slice(self.name(member, stream).as_bytes());
                self.print_time(at, into);
                into.extend_from_slice(line);
                into.push(b'\n');
            }
        }
    }

    /// What stands before each line: `web/0 1a2b app | `.
    fn name(&mut self, member: &Member, stream: LogStream) -> String {
        let container = if member.has_siblings { format!(" {}", member.container) } else { String::new() };
        let id = member.task.id().to_string();
        let name = format!("{} {}{container}", place(member), id.get(..ID_SHORT).unwrap_or(&id));
        self.width = self.width.max(name.chars().count());
        let name = format!("{name:<width$} |", width = self.width);
        let style = self.styles[usize::from(stream == LogStream::Stderr)];
        if !style.color {
            return format!("{name} ");
        }
        // The same task has the same colour in every run.
        let color = u64::from_str_radix(&id, 16).unwrap_or_default() % COLORS.len() as u64;
        let color = COLORS[usize::try_from(color).unwrap_or_default()];
        let paint = anstyle::Style::new().fg_color(Some(color.into()));
        format!("{paint}{name}{paint:#} ")
    }

    /// Prints what is still held back, at the end of everything.
    pub fn finish(&mut self) -> Vec<Printed> {
        let mut printed = Vec::new();
        for ((_, stream), (member, open)) in std::mem::take(&mut self.open) {
            if !open.bytes.is_empty() {
                let mut bytes = Vec::new();
                self.print_line(&member, stream, open.at, &open.bytes, &mut bytes);
                printed.push(Printed { stream, bytes });
            }
        }
        printed
    }
}

/// Where a task is: `web/0`; the family of one that belongs to no service.
fn place(member: &Member) -> String {
    match member.task.service.standalone_id() {
        Some(_) => member.family.to_string(),
        None => format!("{}/{}", member.task.service, member.task.slot),
    }
}

/// A line as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    cluster: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<u32>,
    family: &'a str,
    task_id: String,
    container: &'a str,
    stream: &'a str,
    log: &'a str,
}

fn json_line(member: &Member, stream: LogStream, at: Option<LogTime>, line: &[u8]) -> String {
    let is_standalone = member.task.service.standalone_id().is_some();
    let line = JsonLine {
        time: at.map(|at| at.to_string()),
        cluster: member.task.cluster.as_str(),
        service: (!is_standalone).then_some(member.task.service.as_str()),
        slot: (!is_standalone).then_some(member.task.slot.0),
        family: member.family.as_str(),
        task_id: member.task.id().to_string(),
        container: member.container.as_str(),
        stream: stream.as_str(),
        log: &String::from_utf8_lossy(line),
    };
    let text = serde_json::to_string(&line).expect("a line holds only texts and numbers under text keys");
    format!("{text}\n")
}

/// Something that a person wants to know while logs are followed.
pub fn render_note(note: &Note) -> String {
    let name = |key: &TaskKey| match key.service.standalone_id() {
        Some(id) => format!("task {id}"),
        None => format!("task {} ({key})", key.id()),
    };
    match note {
        Note::Began(key) => format!("-- {} began", name(key)),
        Note::Ended(key, how) => format!("-- {} ended: {}", name(key), one_line(how)),
        Note::Unreadable(member, why) => {
            let Member { task, container, .. } = &**member;
            format!("-- the log of container {container} of {} cannot be read: {}", name(task), one_line(why))
        }
        Note::EngineLost(error, patience) => {
            let error = one_line(&error.to_string());
            format!("-- {error}; trying again for {}", duration_text(*patience))
        }
        Note::EngineBack => "-- the engine answers again".to_owned(),
    }
}

#[cfg(test)]
mod tests;
