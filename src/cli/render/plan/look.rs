//! How much of a plan is shown as text: a line for each service, what matters, or everything; field by field, or as a difference.

use std::collections::BTreeSet;

use clap::ValueEnum;

use super::super::{Style, Tone, clean_line, one_line};
use super::difference::render_difference;
use super::{PlanReport, render_legend, render_plan_line, symbol};
use crate::change::text::count_of;
use crate::change::{FieldChange, Overview, Reason, Row, RowAction};

/// How a plan is shown as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// How much of it.
    pub detail: Detail,
    /// How what differs is shown.
    pub diff: Diff,
}

/// How much of a plan is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Detail {
    /// One line for each service, and the counts.
    Summary,
    /// What changes, with long values cut and long forecasts folded.
    #[default]
    Usual,
    /// All of it, and what stays as it is.
    Everything,
}

/// How what differs is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Diff {
    /// Field by field, each with its place.
    #[default]
    Fields,
    /// The service before and after as YAML, as `diff -u` and `kubectl diff` show it.
    Unified,
}

/// One line for each service that changes, and the counts.
pub fn render_summary(report: &PlanReport<'_>, style: Style) -> String {
    let rows = &report.overview.rows;
    let width = rows.iter().map(|row| row.name().chars().count()).max().unwrap_or(0);
    let rows = rows.iter().map(|row| {
        let (sign, _, tone) = symbol(row.action);
        let gap = " ".repeat(4 - sign.len());
        format!("{}{gap}{:<width$}  {}\n", style.paint(tone, sign), row.name(), summary_of(row))
    });
    let blocked = report.blocked.iter().map(|blocked| format!("error: {}\n", one_line(&blocked.message)));
    format!(
        "{}{}{}\n",
        rows.collect::<String>(),
        blocked.collect::<String>(),
        style.paint(Tone::Strong, &render_plan_line(&report.overview.summary()))
    )
}

/// `image a:1 -> a:2, environment.PORT (3 tasks replaced)`
fn summary_of(row: &Row) -> String {
    let tasks = &row.tasks;
    let counts = format!("{} -> {} tasks", tasks.now, tasks.wanted);
    match (row.action, &row.service) {
        (RowAction::Create, Some(_)) => counts,
        (RowAction::Create, None) => row.reason.to_string(),
        (RowAction::Delete, Some(_)) => format!("removed: {} stopped", count_of(tasks.stop, "task")),
        (RowAction::Delete, None) => "removed".to_owned(),
        (RowAction::Restart, _) => {
            let detail = row.detail.as_deref().map(one_line).unwrap_or_default();
            let first = detail.split("; ").next().unwrap_or_default();
            format!("{}: {first}, {} restarted", row.reason, count_of(tasks.start, "task"))
        }
        (RowAction::Update | RowAction::Replace, _) => {
            let names: Vec<_> = match &*row.fields {
                [] => row.detail.iter().map(|detail| one_line(detail)).collect(),
                [only] => vec![one_line(&format!("{} {}", only.path, render_difference(only)))],
                fields => fields.iter().map(|field| one_line(&field.path)).collect(),
            };
            let replaced = match tasks.replaced {
                0 => String::new(),
                count => format!(" ({} replaced)", count_of(count, "task")),
            };
            let reason = if row.reason == Reason::SpecChanged { String::new() } else { format!("{}: ", row.reason) };
            format!("{reason}{}{replaced}", names.join(", "))
        }
    }
}

/// What stays as it is, where everything is to be seen.
pub(super) fn render_unchanged(overview: &Overview, detail: Detail) -> String {
    if detail != Detail::Everything {
        return String::new();
    }
    let changed: BTreeSet<_> = overview.rows.iter().map(Row::name).collect();
    let names = overview.unchanged_names.iter().filter(|name| !changed.contains(*name));
    let kind = |name: &str| if name.contains('/') { "service" } else { "cluster" };
    names.map(|name| format!("=   {} {name}  unchanged\n", kind(name))).collect::<Vec<_>>().concat()
}

/// Each service with its difference.
pub(super) fn render_unified(rows: &[Row], style: Style) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let blocks = rows.iter().map(|row| {
        let (sign, _, tone) = symbol(row.action);
        let kind = if row.service.is_some() { "service" } else { "cluster" };
        let head = style.paint(Tone::Strong, &format!("{kind} {}", row.name()));
        let gap = " ".repeat(4 - sign.len());
        let detail = row.detail.as_ref().map_or_else(String::new, |detail| format!(": {}", one_line(detail)));
        format!("{}{gap}{head}  {}{detail}\n{}", style.paint(tone, sign), row.reason, unified_of(row, style))
    });
    format!("{}\n{}", render_legend(rows, style), blocks.collect::<Vec<_>>().join("\n"))
}

fn unified_of(row: &Row, style: Style) -> String {
    let difference = row.sides.unified(&row.name());
    let lines = difference.lines().map(|line| {
        let tone = match line.get(..1) {
            Some("+") => Tone::Good,
            Some("-") => Tone::Bad,
            Some("@") => Tone::Faint,
            _ => Tone::Usual,
        };
        format!("{}\n", style.paint(tone, &clean_line(line)))
    });
    // What nobody may read is the same on both sides, and what no container shows is on neither: it is told all the same.
    let is_elsewhere =
        |field: &&FieldChange| field.sensitive || !(field.replaces_tasks || field.path == "desiredCount");
    let others = row.fields.iter().filter(is_elsewhere);
    let others =
        others.map(|field| format!("# {}\n", one_line(&format!("{} {}", field.path, render_difference(field)))));
    lines.chain(others).collect()
}
