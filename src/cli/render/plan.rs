//! A plan: what would change, where in the manifests, what it would cost. As text for people, as JSON for programs.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use self::difference::render_difference;
use self::difference::render_whole_difference;
pub use self::look::{Detail, Diff, Look, render_summary};
use self::look::{render_unchanged, render_unified};
use super::against::{Ending, World, observed_json, render_next, render_observed};
use super::escape::json_text;
use super::simulation::{SimulationReport, render_simulations, simulation_json};
use super::{Style, Tone, one_line};
use crate::change::text::count_of;
use crate::change::{Overview, Reason, Row, RowAction, Summary};
use crate::plan::duration_text;
use crate::plan::id::PlanId;
use crate::problem::Problem;
use crate::value::Timestamp;

/// The version of the JSON form: minor numbers only add.
pub const FORMAT_VERSION: &str = "1.2";

/// The widest left column. What is longer sticks out and pushes nothing else aside.
const LEFT_WIDTH_MAX: usize = 68;

/// How wide the names of fields stand. What is longer, such as `deploymentConfiguration.maximumPercent`, sticks out as well.
const NAME_WIDTH_MIN: usize = 12;
const NAME_WIDTH_MAX: usize = 30;

/// A forecast of more lines is folded to its beginning and its end.
const FORECAST_LINES_MAX: usize = 20;
const FORECAST_HEAD: usize = 12;
const FORECAST_TAIL: usize = 6;

/// Everything that a printed plan tells.
#[derive(Debug, Clone, Copy)]
pub struct PlanReport<'a> {
    /// Where the manifests come from.
    pub desired: &'a DesiredFrom,
    /// What they were compared with.
    pub observed: &'a ObservedFrom,
    /// What would change.
    pub overview: &'a Overview,
    /// The steps, as the simulated engine took them.
    pub forecast: &'a [ForecastLine],
    /// What would happen if new tasks were not well, where that was asked.
    pub simulations: &'a [SimulationReport],
    /// Warnings about the manifests.
    pub diagnostics: &'a [Problem],
    /// Why it would be refused.
    pub blocked: &'a [Blocked],
    /// Its name.
    pub id: PlanId,
    /// How the command that shows it ends.
    pub ending: &'a Ending,
    /// The command that does it: `reconcile deploy/`.
    pub command: &'a str,
}

/// Where the manifests come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DesiredFrom {
    /// The directory as the user named it.
    pub source: String,
    /// The Git revision, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Whether files are not as they were committed, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
    /// How many files were read.
    pub files: usize,
    /// How many manifests they hold.
    pub manifests: usize,
}

/// What the manifests were compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedFrom {
    /// What it was, for people: `Docker 28.1 at unix:///var/run/docker.sock`, `origin/main at a01b77c`.
    pub engine: String,
    /// What kind of thing it was.
    pub world: World,
    /// How many containers of ours it has.
    pub containers: usize,
    /// When it was looked at.
    pub at: Timestamp,
}

/// One step of a forecast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForecastLine {
    /// How long after the beginning.
    pub at: Duration,
    /// What happens.
    pub text: String,
}

/// A reason why the plan would be refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Blocked {
    /// In one sentence without a full stop.
    pub message: String,
    /// What to know and to do.
    pub help: Vec<String>,
}

/// The plan as text. The answer is at the bottom, where the eye is.
pub fn render_plan(report: &PlanReport<'_>, style: Style) -> String {
    render_plan_as(report, Look::default(), style)
}

/// The plan as text, with as much in it as the user asked for.
pub fn render_plan_as(report: &PlanReport<'_>, look: Look, style: Style) -> String {
    if look.detail == Detail::Summary {
        return render_summary(report, style);
    }
    if !report.overview.has_changes() && report.blocked.is_empty() {
        let unchanged = render_unchanged(report.overview, look.detail);
        let simulations = render_simulations(report.simulations, style);
        let mut sections = vec![unchanged, simulations, render_warnings(report, style)];
        sections.push(render_no_changes(report));
        return sections.concat();
    }
    let mut sections = vec![render_header(report)];
    sections.push(match look.diff {
        Diff::Fields => render_rows(&report.overview.rows, look.detail, style),
        Diff::Unified => render_unified(&report.overview.rows, style),
    });
    sections.push(render_unchanged(report.overview, look.detail));
    sections.push(render_forecast(report.forecast, look.detail, style));
    sections.push(render_simulations(report.simulations, style));
    sections.push(render_warnings(report, style));
    sections.push(render_blocked(report.blocked, style));
    sections.push(render_end(report, style));
    sections.retain(|section| !section.is_empty());
    sections.join("\n")
}

/// `Plan: 1 create, 3 update (1 replaces tasks), 1 restart, 1 delete, 3 unchanged`
pub fn render_plan_line(summary: &Summary) -> String {
    format!("Plan:  {}", plan_words(summary))
}

/// `1 create, 3 update (1 replaces tasks), 3 unchanged`
pub(super) fn plan_words(summary: &Summary) -> String {
    let Summary { create, update, replace_tasks, restart, delete, unchanged, tasks: _ } = *summary;
    let replacing = match replace_tasks {
        0 => String::new(),
        1 => " (1 replaces tasks)".to_owned(),
        more => format!(" ({more} replace tasks)"),
    };
    let mut parts = Vec::new();
    for (count, word) in [(create, "create"), (update, "update"), (restart, "restart"), (delete, "delete")] {
        if count > 0 {
            let replacing = if word == "update" { &*replacing } else { "" };
            parts.push(format!("{count} {word}{replacing}"));
        }
    }
    parts.push(format!("{unchanged} unchanged"));
    parts.join(", ")
}

fn render_header(report: &PlanReport<'_>) -> String {
    let DesiredFrom { files, manifests, .. } = report.desired;
    let source = render_source(report.desired);
    format!(
        "Desired   {source}: {} in {}, all valid\n{}\n",
        count_of(*manifests as u64, "manifest"),
        count_of(*files as u64, "file"),
        render_observed(report.observed)
    )
}

fn render_source(desired: &DesiredFrom) -> String {
    let changed = if desired.dirty == Some(true) { " with changes that are not committed" } else { "" };
    one_line(&match &desired.revision {
        Some(revision) => format!("{} @ {}{changed}", desired.source, revision.get(..7).unwrap_or(revision)),
        None => desired.source.clone(),
    })
}

/// What was compared with what.
pub(super) fn compared(report: &PlanReport<'_>) -> (String, String) {
    (render_source(report.desired), one_line(&report.observed.engine))
}

pub(super) fn symbol(action: RowAction) -> (&'static str, &'static str, Tone) {
    match action {
        RowAction::Create => ("+", "create", Tone::Good),
        RowAction::Update => ("~", "update", Tone::Changing),
        RowAction::Replace => ("-/+", "update, replaces tasks", Tone::Changing),
        RowAction::Restart => ("!", "restart", Tone::Bad),
        RowAction::Delete => ("-", "delete", Tone::Bad),
    }
}

fn render_rows(rows: &[Row], detail: Detail, style: Style) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let blocks: Vec<_> = rows.iter().map(|row| row_lines(row, detail)).collect();
    // What has nothing beside it needs no column, and what is very long would tear the others apart.
    let widest =
        |widths: &mut dyn Iterator<Item = usize>| widths.filter(|width| *width <= LEFT_WIDTH_MAX).max().unwrap_or(0);
    let lines = || blocks.iter().flatten();
    let left = widest(&mut lines().filter(|line| !line.middle.is_empty()).map(|line| line.left.chars().count()));
    let middle = widest(&mut lines().filter(|line| !line.right.is_empty()).map(|line| line.middle.chars().count()));
    let blocks = rows.iter().zip(&blocks).map(|(row, lines)| {
        let (sign, _, tone) = symbol(row.action);
        let lines = lines.iter().enumerate().map(|(index, line)| {
            let sign = if index == 0 { sign } else { "" };
            let sign = format!("{}{}", style.paint(tone, sign), " ".repeat(4 - sign.len()));
            let gap = " ".repeat(left.saturating_sub(line.left.chars().count()));
            let left = if index == 0 { style.paint(Tone::Strong, &line.left) } else { line.left.clone() };
            let (left, middle) = (format!("{left}{gap}"), format!("{:<middle$}", line.middle));
            let right = style.paint(if line.right.starts_with("<-") { tone } else { Tone::Usual }, &line.right);
            format!("{}\n", format!("{sign}{left}  {middle}  {right}").trim_end())
        });
        lines.collect::<String>()
    });
    format!("{}\n{}", render_legend(rows, style), blocks.collect::<Vec<_>>().join("\n"))
}

/// The signs that are used, and no others.
fn render_legend(rows: &[Row], style: Style) -> String {
    let all = [RowAction::Create, RowAction::Update, RowAction::Replace, RowAction::Restart, RowAction::Delete];
    let used = all.into_iter().filter(|action| rows.iter().any(|row| row.action == *action));
    let legend: Vec<_> =
        used.map(symbol).map(|(sign, word, tone)| format!("{} {word}", style.paint(tone, sign))).collect();
    format!("  {}\n", legend.join("   "))
}

/// One line of a row: what, why or where, and what follows from it.
struct Line {
    left: String,
    middle: String,
    right: String,
}

impl Line {
    fn new(left: String, middle: impl Into<String>, right: impl Into<String>) -> Self {
        Self { left, middle: middle.into(), right: right.into() }
    }
}

fn row_lines(row: &Row, detail: Detail) -> Vec<Line> {
    let kind = if row.service.is_some() { "service" } else { "cluster" };
    let place = row.place.as_ref().map(|place| one_line(&place.to_string()));
    let is_whole = detail == Detail::Everything;
    let detail = row.detail.as_deref().map(one_line).unwrap_or_default();
    // The first half of a sentence fits beside the reason, the second half stands below it.
    let (detail, more) = detail.split_once("; ").unwrap_or((&detail, ""));
    let beside = match (row.action, row.tasks.replaced) {
        _ if !detail.is_empty() => detail.to_owned(),
        (RowAction::Replace, 1) => "1 task replaced".to_owned(),
        (RowAction::Replace, replaced) => format!("{replaced} tasks replaced"),
        (RowAction::Create | RowAction::Update | RowAction::Restart | RowAction::Delete, _) => {
            place.filter(|_| row.fields.is_empty()).unwrap_or_default()
        }
    };
    let mut lines = vec![Line::new(format!("{kind} {}", row.name()), row.reason.to_string(), beside)];
    let widths = row.fields.iter().map(|field| field.path.chars().count()).filter(|width| *width <= NAME_WIDTH_MAX);
    let width = widths.max().unwrap_or(0).max(NAME_WIDTH_MIN);
    let item = |name: &str, text: &str| format!("  {name:<width$}  {text}");
    // A changed count says the same as the numbers of tasks.
    let is_counted = row.fields.iter().any(|field| field.path == "desiredCount");
    if (row.tasks.now != row.tasks.wanted && !is_counted) || !more.is_empty() {
        let counts = item("tasks", &format!("{} -> {}", row.tasks.now, row.tasks.wanted));
        let images = one_line(&row.images.join(", "));
        lines.push(Line::new(counts, if more.is_empty() { images } else { more.to_owned() }, ""));
    }
    for field in &row.fields {
        let mark = if field.replaces_tasks && row.tasks.replaced > 0 { "<- replaces tasks" } else { "" };
        let place = field.place.as_ref().map_or_else(String::new, |place| one_line(&place.to_string()));
        let difference = if is_whole { render_whole_difference(field) } else { render_difference(field) };
        lines.push(Line::new(item(&one_line(&field.path), &one_line(&difference)), place, mark));
    }
    let word = match row.reason {
        Reason::Removed => "note",
        Reason::Unhealthy | Reason::Drift => "restart",
        Reason::New | Reason::Adopted | Reason::SpecChanged | Reason::Leftovers => "rollout",
    };
    lines.extend(row.impact.iter().map(|impact| Line::new(item(word, &one_line(impact)), "", "")));
    lines
}

fn render_forecast(forecast: &[ForecastLine], detail: Detail, style: Style) -> String {
    if forecast.is_empty() {
        return String::new();
    }
    let lines_max = if detail == Detail::Everything { usize::MAX } else { FORECAST_LINES_MAX };
    let title = style.paint(Tone::Strong, "Forecast, if all goes well");
    format!("{title}\n{}", render_timeline_of(forecast, lines_max))
}

/// The steps of a forecast, each on a line with its time; many are folded.
pub(super) fn render_timeline(forecast: &[ForecastLine]) -> String {
    render_timeline_of(forecast, FORECAST_LINES_MAX)
}

fn render_timeline_of(forecast: &[ForecastLine], lines_max: usize) -> String {
    let times: Vec<_> = forecast.iter().map(|line| format!("+{}", duration_text(line.at))).collect();
    let width = times.iter().map(String::len).max().unwrap_or(0);
    let mut lines: Vec<_> = forecast
        .iter()
        .zip(&times)
        .map(|(line, time)| format!("  {time:<width$}  {}\n", one_line(&line.text)))
        .collect();
    if lines.len() > lines_max {
        let folded = lines.len() - FORECAST_HEAD - FORECAST_TAIL;
        let note = format!("  {:<width$}  ({folded} more steps; -o json has all of them)\n", "...");
        lines.splice(FORECAST_HEAD..FORECAST_HEAD + folded, [note]);
    }
    lines.concat()
}

fn render_warnings(report: &PlanReport<'_>, style: Style) -> String {
    let at = |place: &Option<crate::problem::Place>| {
        place.as_ref().map_or_else(String::new, |place| format!("  {}", one_line(&place.to_string())))
    };
    let problems = report.diagnostics.iter().map(|problem| {
        let tone = if problem.is_error() { Tone::Bad } else { Tone::Changing };
        let head = style.paint(tone, &format!("{}[{}]", problem.severity.as_str(), problem.code));
        format!("{head}: {}{}\n", one_line(&problem.message), at(&problem.place))
    });
    let warnings = report.overview.rows.iter().flat_map(|row| &row.warnings).map(|warning| {
        format!("{}: {}{}\n", style.paint(Tone::Changing, "warning"), one_line(&warning.message), at(&warning.place))
    });
    problems.chain(warnings).collect()
}

fn render_blocked(blocked: &[Blocked], style: Style) -> String {
    let lines = blocked.iter().map(|blocked| {
        let help: Vec<_> = blocked.help.iter().map(|help| format!("   = {}\n", one_line(help))).collect();
        format!("{}: {}\n{}", style.paint(Tone::Bad, "error"), one_line(&blocked.message), help.concat())
    });
    lines.collect()
}

fn render_end(report: &PlanReport<'_>, style: Style) -> String {
    let summary = report.overview.summary();
    let tasks = summary.tasks;
    let end = render_next(report);
    format!(
        "{}\nTasks: {} start, {} stop, {} replaced\n{end}",
        style.paint(Tone::Strong, &render_plan_line(&summary)),
        tasks.start,
        tasks.stop,
        tasks.replaced
    )
}

fn render_no_changes(report: &PlanReport<'_>) -> String {
    let Overview { unchanged, settling, .. } = report.overview;
    let verb = if *unchanged == 1 { "matches" } else { "match" };
    let settling = match settling {
        0 => String::new(),
        1 => " 1 service is not yet healthy.".to_owned(),
        more => format!(" {more} services are not yet healthy."),
    };
    format!(
        "No changes. {} {verb} {} (compared with {}).{settling}\n",
        count_of(*unchanged as u64, "object"),
        render_source(report.desired),
        one_line(&report.observed.engine),
    )
}

/// The plan as one JSON document.
pub fn render_plan_json(report: &PlanReport<'_>) -> String {
    json_text(&format!("{:#}\n", plan_json(report)))
}

/// The plan as a value.
pub(super) fn plan_json(report: &PlanReport<'_>) -> Value {
    let changes: Vec<Value> = report.overview.rows.iter().map(row_json).collect();
    let mut diagnostics: Vec<Value> = report.diagnostics.iter().map(|problem| json!(problem)).collect();
    for row in &report.overview.rows {
        for warning in &row.warnings {
            let mut value = json!({ "severity": "warning", "message": warning.message, "object": row.name() });
            add(&mut value, "place", warning.place.as_ref());
            diagnostics.push(value);
        }
    }
    let mut document = json!({
        "formatVersion": FORMAT_VERSION,
        "kind": "Plan",
        "reconcileVersion": env!("CARGO_PKG_VERSION"),
        "planId": report.id.to_string(),
        "outcome": report.ending.outcome.as_str(),
        "exitCode": report.ending.code,
        "desired": report.desired,
        "observed": observed_json(report.observed),
        "hasChanges": report.overview.has_changes(),
        "blocked": report.blocked,
        "summary": report.overview.summary(),
        "changes": changes,
        "forecast": forecast_json(report.forecast),
        "diagnostics": diagnostics,
    });
    if let Some(forbidden) = &report.ending.forbidden {
        document["forbidden"] = json!(forbidden);
    }
    if !report.simulations.is_empty() {
        document["simulations"] = report.simulations.iter().map(simulation_json).collect();
    }
    document
}

/// The steps of a forecast, all of them.
pub(super) fn forecast_json(forecast: &[ForecastLine]) -> Value {
    forecast.iter().map(|line| json!({ "afterMs": millis(line.at), "text": line.text })).collect()
}

/// A time as JSON.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn row_json(row: &Row) -> Value {
    let (kind, name) = match &row.service {
        Some(service) => ("Service", service.to_string()),
        None => ("Cluster", row.cluster.to_string()),
    };
    // A replacement is an update that says so: a reader that does not know the difference still sees an update.
    let action = match row.action {
        RowAction::Create => "create",
        RowAction::Update | RowAction::Replace => "update",
        RowAction::Restart => "restart",
        RowAction::Delete => "delete",
    };
    let mut value = json!({
        "id": format!("{}/{}", kind.to_lowercase(), row.name()),
        "kind": kind,
        "cluster": row.cluster,
        "name": name,
        "action": action,
        "replacesTasks": row.action == RowAction::Replace,
        "reason": row.reason,
    });
    add(&mut value, "detail", row.detail.as_ref());
    add(&mut value, "place", row.place.as_ref());
    value["fromRevisions"] = json!(row.from_revisions);
    add(&mut value, "toRevision", row.to_revision.as_ref());
    value["tasks"] = json!(row.tasks);
    value["downtime"] = json!(row.downtime);
    value["fields"] = json!(row.fields);
    value["impact"] = json!(row.impact);
    value
}

fn add<T: Serialize>(value: &mut Value, key: &str, field: Option<&T>) {
    if let Some(field) = field {
        value[key] = json!(field);
    }
}

mod difference;
mod look;

#[cfg(test)]
mod tests;
