//! What a plan was compared with, how the command that shows it ends, and what to do next.

use serde::Serialize;
use serde_json::{Value, json};

use super::plan::{ObservedFrom, PlanReport};
use super::{clean_line, one_line};
use crate::change::text::count_of;
use crate::cli::exit::Outcome;

/// What manifests are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum World {
    /// An engine.
    Engine,
    /// The manifests of another Git revision, brought about on the simulated engine.
    Git(GitWorld),
    /// What an engine showed when this file was made.
    Snapshot(String),
}

/// The manifests of another Git revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GitWorld {
    /// What the user named.
    pub reference: String,
    /// The commit from which that and what is checked out both come.
    pub merge_base: String,
    /// The commit whose manifests were compared with: the merge base, or the last one before it whose manifests were valid.
    pub commit: String,
    /// How many manifests it has.
    pub manifests: usize,
    /// In how many files.
    pub files: usize,
}

/// How the command ends that shows a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// In a word.
    pub outcome: Outcome,
    /// The exit code.
    pub code: u8,
    /// What `--fail-on` named and the plan does; `None` when nothing was named.
    pub forbidden: Option<Vec<Forbidden>>,
}

/// Something that the plan does and that `--fail-on` named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forbidden {
    /// What it is: `delete`, `replace` or `downtime`.
    pub kind: &'static str,
    /// Of which cluster or service: `shop/web`.
    pub object: String,
}

/// So many forbidden things are named; the rest is counted.
const NAMED_MAX: usize = 10;

/// `delete shop/cron; replace shop/web`
pub fn forbidden_words(found: &[Forbidden]) -> String {
    let named: Vec<_> = found.iter().take(NAMED_MAX).map(|one| format!("{} {}", one.kind, one.object)).collect();
    let more = match found.len() - named.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{}{more}", named.join("; "))
}

/// `Observed  Docker 28.1: 9 containers of ours, 09:41:07Z`, or what was compared with instead.
pub(super) fn render_observed(observed: &ObservedFrom) -> String {
    let ObservedFrom { engine, world, containers, at } = observed;
    let (engine, containers, time) = (one_line(engine), count_of(*containers as u64, "container"), at.to_string());
    match world {
        World::Engine => format!("Observed  {engine}: {containers} of ours, {}", time.get(11..).unwrap_or(&time)),
        World::Git(GitWorld { manifests: 0, .. }) => format!("Against   {engine}: no manifests there, so all is new"),
        World::Git(GitWorld { manifests, files, .. }) => {
            let manifests = count_of(*manifests as u64, "manifest");
            format!("Against   {engine}: {manifests} in {}, not what really runs", count_of(*files as u64, "file"))
        }
        World::Snapshot(file) => format!("Against   the snapshot {file} of {engine}: {containers} of ours, {time}"),
    }
}

/// The last lines of a plan: how to do it.
pub(super) fn render_next(report: &PlanReport<'_>) -> String {
    let (id, command) = (report.id, clean_line(report.command));
    match (report.blocked.len(), &report.observed.world) {
        (0, World::Engine) => format!("Nothing was changed. To do just this:\n  {command} --plan-id {id}\n"),
        (0, World::Git(_) | World::Snapshot(_)) => {
            format!("Nothing was changed. This is plan {id}. To do it, on the host:\n  {command}\n")
        }
        _ => "Nothing was changed, and nothing would be: see above.\n".to_owned(),
    }
}

pub(super) fn observed_json(observed: &ObservedFrom) -> Value {
    let ObservedFrom { engine, world, containers, at } = observed;
    let mut value = json!({ "source": "", "engine": engine, "containers": containers, "readAt": at.to_string() });
    value["source"] = match world {
        World::Engine => json!("engine"),
        World::Git(git) => {
            value["git"] = json!(git);
            json!("git")
        }
        World::Snapshot(file) => {
            value["file"] = json!(file);
            json!("snapshot")
        }
    };
    value
}

#[cfg(test)]
mod tests;
