//! Tasks: as a table, one by one with their containers, and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::super::exit::{self, Outcome};
use super::{Cell, Style, Tone, json_document, one_line, table};
use crate::plan::duration_text;
use crate::plan::lifecycle::LastStatus;
use crate::status::task::{ContainerReport, TaskReport};
use crate::value::Timestamp;

/// The version of the JSON form: minor numbers only add.
const FORMAT_VERSION: &str = "1.1";

/// How many characters of a revision people read.
const REVISION_SHORT: usize = 6;

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    format_version: &'static str,
    kind: &'static str,
    tasks: Vec<TaskReport>,
    exit_code: u8,
    exit_code_from: ExitSource,
}

/// Where the exit code of a run comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ExitSource {
    /// From the essential containers: they ended so.
    Container,
    /// From a signal that this process got.
    Signal,
    /// From `--timeout`.
    Timeout,
    /// From `reconcile`: there is no exit code of a container to go by.
    Reconcile,
}

impl RunReport {
    /// The result of these tasks.
    pub fn new(tasks: Vec<TaskReport>, exit_code: u8, exit_code_from: ExitSource) -> Self {
        Self { format_version: FORMAT_VERSION, kind: "Run", tasks, exit_code, exit_code_from }
    }
}

/// Every task that there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct TaskList<'a> {
    format_version: &'static str,
    kind: &'static str,
    tasks: &'a [TaskReport],
}

/// The result of a run: a line for each task, and below it one for each container.
pub fn render_run(report: &RunReport, style: Style) -> String {
    let mut text = String::new();
    for task in &report.tasks {
        let name = format!("task {} ({}) in {}", task.task_id, definition(task), task.cluster);
        let status = style.paint(tone(task), task.last_status.as_str());
        let _ = writeln!(text, "{name}: {status}{}", one_line(&end(task)));
        let rows: Vec<_> = task.containers.iter().map(container_cells).collect();
        text.push_str(&table(&rows, "  ", style));
    }
    text
}

/// The result of a run as one JSON document.
pub fn render_run_json(report: &RunReport) -> String {
    let outcome = if report.exit_code == exit::DONE { Outcome::Done } else { Outcome::Failed };
    json(report, outcome, report.exit_code)
}

/// All tasks as one JSON document.
pub fn render_tasks_json(tasks: &[TaskReport]) -> String {
    json(&TaskList { format_version: FORMAT_VERSION, kind: "TaskList", tasks }, Outcome::Done, exit::DONE)
}

fn json(value: &impl Serialize, outcome: Outcome, code: u8) -> String {
    let value = serde_json::to_value(value).expect("a report holds only texts, numbers and flags under text keys");
    json_document(value, outcome, code)
}

/// All tasks, one to a line.
pub fn render_tasks(tasks: &[TaskReport], at: Timestamp, style: Style) -> String {
    if tasks.is_empty() {
        return "There is no task.\n".to_owned();
    }
    let titles = ["TASK", "CLUSTER", "GROUP", "TASKDEF", "STATUS", "EXIT", "SINCE", "REASON"];
    let titles = titles.into_iter().map(|title| Cell::toned(title, Tone::Faint)).collect();
    let rows = tasks.iter().map(|task| {
        let since = task.stopped_at.or(task.started_at).or(task.created_at);
        vec![
            Cell::new(task.task_id.to_string()),
            Cell::new(task.cluster.to_string()),
            Cell::new(task.group.clone()),
            Cell::new(definition(task)),
            Cell::toned(task.last_status.as_str(), tone(task)),
            Cell::new(exit_codes(task)),
            Cell::new(since.map_or_else(|| "-".to_owned(), |then| duration_text(at.since(then)))),
            Cell::new(one_line(task.stopped_reason.as_deref().unwrap_or_default())),
        ]
    });
    table(&std::iter::once(titles).chain(rows).collect::<Vec<_>>(), "", style)
}

fn definition(task: &TaskReport) -> String {
    let hash = task.revision.rsplit(':').next().unwrap_or_default();
    format!("{}@{}", task.family, hash.get(..REVISION_SHORT).unwrap_or(hash))
}

fn tone(task: &TaskReport) -> Tone {
    let failed = task.containers.iter().any(|container| container.essential && container.exit_code != Some(0));
    match task.last_status {
        LastStatus::Provisioning | LastStatus::Pending | LastStatus::Stopping | LastStatus::Deprovisioning => {
            Tone::Changing
        }
        LastStatus::Running => Tone::Good,
        LastStatus::Stopped if failed => Tone::Bad,
        LastStatus::Stopped => Tone::Usual,
    }
}

/// `, EssentialContainerExited: Essential container in task exited`.
fn end(task: &TaskReport) -> String {
    let code = task.stop_code.map(|code| format!(", {}", code.as_str())).unwrap_or_default();
    let reason = task.stopped_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{code}{reason}")
}

/// The exit codes of the essential containers: `0`, or of several `0,143`.
fn exit_codes(task: &TaskReport) -> String {
    let essential = task.containers.iter().filter(|container| container.essential);
    let codes: Vec<_> = essential.filter_map(|container| container.exit_code).map(|code| code.to_string()).collect();
    if codes.is_empty() { "-".to_owned() } else { codes.join(",") }
}

fn container_cells(container: &ContainerReport) -> Vec<Cell> {
    let ran = match (container.started_at, container.stopped_at) {
        (Some(from), Some(to)) => format!("ran {}", duration_text(to.since(from))),
        (Some(_), None) | (None, _) => String::new(),
    };
    let state = match container.exit_code {
        Some(code) => format!("exit code {code}"),
        None => container.last_status.as_str().to_lowercase(),
    };
    let reason = container.reason.as_deref().map(one_line).unwrap_or_default();
    vec![Cell::new(container.name.to_string()), Cell::new(state), Cell::new(ran), Cell::new(reason)]
}

#[cfg(test)]
mod tests;
