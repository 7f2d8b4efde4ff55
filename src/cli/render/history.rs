//! The history: deployments as a table, what became of tasks in words, and both as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::exit::{self, Outcome};
use super::{Cell, Style, Tone, clean_line, json_document, one_line, table};
use crate::change::text::after_failures;
use crate::desired::Revision;
use crate::history::fold::{LOST, RolloutState, Row, RowKind};
use crate::history::{DeploymentCause, Record, TaskEnd, What};
use crate::ownership::Asked;
use crate::plan::duration_text;
use crate::value::Timestamp;

/// The version of the JSON form: minor numbers only add.
const FORMAT_VERSION: &str = "1.2";

/// More files and fields than this are counted and not named.
const SHOWN_MAX: usize = 3;

/// Deployments, one to a line, the newest last.
pub fn render_history(rows: &[Row], now: Timestamp, style: Style) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let titles = ["BEGAN", "AGO", "SERVICE", "REVISION", "STATUS", "TOOK", "CAUSE"];
    let titles = titles.into_iter().map(|title| Cell::toned(title, Tone::Faint)).collect();
    let mut cells = vec![titles];
    for row in rows {
        let [revision, status, took, cause] = describe(row);
        cells.push(vec![
            Cell::new(row.at.to_string()),
            Cell::new(duration_text(now.since(row.at))),
            Cell::new(format!("{}/{}", row.cluster, row.service)),
            Cell::new(revision),
            Cell::toned(status, tone(&row.kind)),
            Cell::new(took),
            Cell::new(one_line(&cause)),
        ]);
    }
    table(&cells, "", style)
}

/// Revision, status, duration and cause.
fn describe(row: &Row) -> [String; 4] {
    let took = row.ended_at.map_or_else(|| "-".to_owned(), |end| duration_text(end.since(row.at)));
    match &row.kind {
        RowKind::Deployment { from, to, cause, state, reason, rolled_back_to } => {
            // What went wrong is what is looked for; what asked for it stands behind.
            let mut why: Vec<_> = rolled_back_to.iter().map(|to| format!("rolled back to {}", to.short())).collect();
            why.extend(reason.clone());
            why.extend(cause.as_ref().map(cause_text));
            [moved(*from, *to), state.as_str().to_owned(), took, why.join("; ")]
        }
        RowKind::Replacements { count, reason } => {
            let why = match count {
                1 => reason.clone(),
                _ => format!("{count} times, the last: {reason}"),
            };
            let over = if *count == 1 { "-".to_owned() } else { took };
            ["-".to_owned(), "REPLACED".to_owned(), over, why]
        }
        RowKind::Deletion => {
            ["-".to_owned(), "DELETED".to_owned(), "-".to_owned(), "no manifest asks for it".to_owned()]
        }
        RowKind::Intervention(asked) => {
            let (word, said) = asked_text(asked);
            let revision = match asked {
                Asked::Rollback { to, instead_of } => moved(Some(*instead_of), *to),
                Asked::Restart { .. } | Asked::Pause | Asked::Protection { .. } => "-".to_owned(),
            };
            [revision, word.to_uppercase(), took, said]
        }
    }
}

fn tone(kind: &RowKind) -> Tone {
    match kind {
        RowKind::Deployment { state, .. } => match state {
            RolloutState::Completed => Tone::Good,
            RolloutState::InProgress => Tone::Changing,
            RolloutState::Failed => Tone::Bad,
            RolloutState::Superseded => Tone::Faint,
        },
        RowKind::Replacements { .. } | RowKind::Intervention(_) => Tone::Changing,
        RowKind::Deletion => Tone::Usual,
    }
}

/// What somebody asked: in a word, and in a sentence without a full stop.
fn asked_text(asked: &Asked) -> (&'static str, String) {
    match asked {
        Asked::Rollback { to, instead_of } => (
            "rolled back",
            format!("by hand to {}, for as long as the manifest asks for {}", to.short(), instead_of.short()),
        ),
        Asked::Restart { since: _ } => ("restarted", "by hand; every task is replaced by a new one".to_owned()),
        Asked::Pause => ("paused", "by hand; nothing new is rolled out".to_owned()),
        Asked::Protection { task, until } => {
            ("protected", format!("by hand until {until}; deployments and scale-in spare task {}", task.slot))
        }
    }
}

fn moved(from: Option<Revision>, to: Revision) -> String {
    from.map_or_else(|| to.short(), |from| format!("{} -> {}", from.short(), to.short()))
}

/// `shop.yaml; commit 3f2a9c1d42e0 (main); image, command; by reconcile --watch deploy`
fn cause_text(cause: &DeploymentCause) -> String {
    let DeploymentCause { by, files, fields, commit } = cause;
    let mut parts = Vec::new();
    if !files.is_empty() {
        parts.push(name_some(files));
    }
    parts.extend(commit.as_ref().map(|commit| format!("commit {commit}")));
    if !fields.is_empty() {
        parts.push(format!("changed {}", name_some(fields)));
    }
    parts.push(format!("by {by}"));
    parts.join("; ")
}

fn name_some(names: &[String]) -> String {
    let shown = names.iter().take(SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What happened to one service, the newest first; `more` is how much older there is.
pub fn render_why(records: &[Record], more: usize, now: Timestamp, style: Style) -> String {
    let mut text = String::new();
    for record in records {
        let (word, tone, sentence) = headline(&record.what);
        let place = place(record);
        let ago = duration_text(now.since(record.at));
        let word = style.paint(tone, word);
        let _ = writeln!(text, "{}  {ago} ago  {place} {word}: {}", record.at, one_line(&sentence));
        if let What::TaskFailed(end) | What::ContainerRestarted(end) = &record.what {
            add_end(&mut text, end);
        }
    }
    if more > 0 {
        let _ = writeln!(text, "... and {more} older: --limit {}", records.len() + more);
    }
    text
}

fn place(record: &Record) -> String {
    let service = format!("{}/{}", record.cluster, record.service);
    match &record.what {
        What::TaskFailed(end) | What::ContainerRestarted(end) => format!("{service}/{}", end.slot),
        What::TaskLost { slot } => format!("{service}/{slot}"),
        What::DeploymentStarted { .. }
        | What::DeploymentCompleted { .. }
        | What::DeploymentFailed { .. }
        | What::ServiceDeleted
        | What::Intervention { .. }
        | What::InterventionOver { .. } => service,
    }
}

fn headline(what: &What) -> (&'static str, Tone, String) {
    match what {
        What::DeploymentStarted { from, to, cause } => {
            ("deploying", Tone::Changing, format!("{}; {}", moved(*from, *to), cause_text(cause)))
        }
        What::DeploymentCompleted { revision } => ("deployed", Tone::Good, format!("revision {}", revision.short())),
        What::DeploymentFailed { revision, failures, reason, rolled_back_to } => {
            let how = after_failures(*failures, reason.as_deref());
            let next = match rolled_back_to {
                None => "there was nothing to roll back to".to_owned(),
                Some(good) if *failures == 0 => format!("{} serves", good.short()),
                Some(good) => format!("rolled back to {}", good.short()),
            };
            ("failed", Tone::Bad, format!("the deployment of revision {}{how}; {next}", revision.short()))
        }
        What::TaskFailed(end) => ("replaced", Tone::Bad, end.reason.clone()),
        What::ContainerRestarted(end) => ("restarted in place", Tone::Changing, end.reason.clone()),
        What::TaskLost { .. } => ("replaced", Tone::Changing, LOST.to_owned()),
        What::ServiceDeleted => ("deleted", Tone::Usual, "no manifest asks for it".to_owned()),
        What::Intervention { asked_at: _, request } => {
            let (word, said) = asked_text(request);
            (word, Tone::Changing, said)
        }
        What::InterventionOver { asked_at, request } => {
            let (word, _) = asked_text(request);
            ("over", Tone::Usual, format!("{word} by hand, as was asked at {asked_at}"))
        }
    }
}

fn add_end(text: &mut String, end: &TaskEnd) {
    let mut say = |line: &str| text.extend(["   = ", line, "\n"]);
    if let Some(revision) = end.revision {
        say(&format!("revision {}", revision.short()));
    }
    match end.exit_code {
        Some(code) if end.oom_killed => say(&format!("exit code {code}: it ran out of memory")),
        Some(code) => say(&format!("exit code {code}")),
        None => {}
    }
    if let Some(output) = &end.health_output {
        say(&format!("its health check said: {}", one_line(output)));
    }
    match (&end.log[..], &end.log_missing) {
        ([], Some(why)) => say(&format!("its log is not known: {}", one_line(why))),
        ([], None) => say("its log was empty"),
        (log, _) => {
            let lines = log.iter().map(|line| format!("\n       {}", clean_line(line)).trim_end().to_owned());
            say(&format!("last log lines:{}", lines.collect::<String>()));
        }
    }
}

/// Deployments as one JSON document, the oldest first.
pub fn render_history_json(rows: &[Row]) -> String {
    let rows: Vec<_> = rows.iter().map(row_json).collect();
    json_text(&json!({ "formatVersion": FORMAT_VERSION, "kind": "History", "rows": rows }))
}

fn row_json(row: &Row) -> Value {
    let mut value = json!({
        "at": row.at.to_string(),
        "endedAt": row.ended_at.map(|at| at.to_string()),
        "cluster": row.cluster,
        "service": row.service,
    });
    let more = match &row.kind {
        RowKind::Deployment { from, to, cause, state, reason, rolled_back_to } => json!({
            "kind": "deployment",
            "from": from.map(|revision| revision.to_string()),
            "to": to.to_string(),
            "cause": cause,
            "rolloutState": state,
            "reason": reason,
            "rolledBackTo": rolled_back_to.map(|revision| revision.to_string()),
        }),
        RowKind::Replacements { count, reason } => {
            json!({ "kind": "replacements", "count": count, "reason": reason })
        }
        RowKind::Deletion => json!({ "kind": "deletion" }),
        RowKind::Intervention(asked) => {
            json!({ "kind": "intervention", "request": asked_json(asked) })
        }
    };
    merge(&mut value, more);
    value
}

/// Records as one JSON document, the newest first.
pub fn render_why_json(records: &[Record]) -> String {
    let records: Vec<_> = records.iter().map(record_json).collect();
    json_text(&json!({ "formatVersion": FORMAT_VERSION, "kind": "Why", "records": records }))
}

fn record_json(record: &Record) -> Value {
    let mut value = serde_json::to_value(record).expect("a record holds only texts, numbers and flags under text keys");
    // How a line of the file is to be read is nobody's business here, and a time is written as everywhere.
    if let Value::Object(fields) = &mut value {
        fields.remove("version");
        fields.insert("at".to_owned(), record.at.to_string().into());
        if let What::Intervention { asked_at, request } | What::InterventionOver { asked_at, request } = &record.what {
            fields.insert("askedAt".to_owned(), asked_at.to_string().into());
            fields.insert("request".to_owned(), asked_json(request));
        }
    }
    value
}

/// Times are written as everywhere.
fn asked_json(asked: &Asked) -> Value {
    match asked {
        Asked::Rollback { to, instead_of } => {
            json!({ "asked": "rollback", "to": to.to_string(), "insteadOf": instead_of.to_string() })
        }
        Asked::Restart { since } => json!({ "asked": "restart", "since": since.to_string() }),
        Asked::Pause => json!({ "asked": "pause" }),
        Asked::Protection { task, until } => {
            json!({ "asked": "protection", "task": task.to_string(), "until": until.to_string() })
        }
    }
}

fn merge(value: &mut Value, more: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (value, more) {
        fields.extend(more);
    }
}

fn json_text(value: &Value) -> String {
    json_document(value.clone(), Outcome::Done, exit::DONE)
}

#[cfg(test)]
mod tests;
