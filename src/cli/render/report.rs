//! One outcome in many forms: each is made from the same values, none from the text of another.

use std::fmt;
use std::sync::Arc;

use clap::ValueEnum;
use serde_json::{Value, json};

pub use self::paths::Paths;
use super::escape::{json_text, log_text};
use super::plan::{FORMAT_VERSION, Look, PlanReport, plan_json, render_plan_as, render_summary};
use super::problems::{render_problems, render_short};
use super::{Style, one_line};
use crate::cli::exit::Outcome;
use crate::document::{Document, File};
use crate::problem::{Problem, Severity};

pub mod paths;

mod finding;
mod github;
mod gitlab;
mod junit;
mod markdown;
mod ndjson;
mod rdjson;
mod sarif;
pub mod schema;

pub use github::{render_annotations, render_outputs};
pub use markdown::{COMMENT_BYTES_MAX, SUMMARY_BYTES_MAX, render_markdown};

/// The version of the JSON form of what is wrong with manifests: minor numbers only add.
pub const VALIDATION_FORMAT_VERSION: &str = "1.0";

/// In which form an outcome is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One line for each, for editors and `grep`.
    Short,
    /// For programs: one document; `reconcile schema plan` and `reconcile schema validation` describe it.
    Json,
    /// For programs: the same in pieces, one on each line.
    Ndjson,
    /// For a comment on a pull request or merge request; at most 60,000 bytes.
    Markdown,
    /// Annotations of GitHub: workflow commands, at most 10 of each level.
    Github,
    /// Code quality of GitLab.
    Gitlab,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// XML in the form of `JUnit`: a test for each manifest, and one for the plan.
    Junit,
    /// For reviewdog: its Diagnostic Format in JSON.
    Rdjson,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Text => "text",
            Self::Short => "short",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Markdown => "markdown",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Rdjson => "rdjson",
        })
    }
}

/// Everything that is told of a validation or a dry run.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// How it ended.
    pub outcome: Outcome,
    /// The exit code of the program.
    pub exit_code: u8,
    /// The directory as the user named it.
    pub directory: &'a str,
    /// What is wrong with the manifests, sorted.
    pub problems: &'a [Problem],
    /// The files that were read.
    pub files: &'a [Arc<File>],
    /// What they hold, in order.
    pub documents: &'a [Arc<Document>],
    /// What would change, where a plan was made.
    pub plan: Option<&'a PlanReport<'a>>,
    /// Why there is no plan, where one was asked for.
    pub failure: Option<&'a str>,
    /// How files are called within their repository.
    pub paths: &'a Paths,
}

impl Report<'_> {
    /// How many problems are of this severity.
    fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }
}

/// Tells an outcome in one form.
pub fn render_report(report: &Report<'_>, format: Format, look: Look, style: Style) -> String {
    match format {
        Format::Text => log_text(&render_text(report, look, style)).into_owned(),
        Format::Short => log_text(&render_short_text(report)).into_owned(),
        Format::Json => pretty(&document(report)),
        Format::Ndjson => ndjson::render(&document(report)),
        Format::Markdown => render_markdown(report, COMMENT_BYTES_MAX),
        Format::Github => render_annotations(report),
        Format::Gitlab => pretty(&gitlab::document(report)),
        Format::Sarif => pretty(&sarif::document(report)),
        Format::Junit => junit::render(report),
        Format::Rdjson => pretty(&rdjson::document(report)),
    }
}

fn pretty(document: &Value) -> String {
    json_text(&format!("{document:#}\n"))
}

fn render_text(report: &Report<'_>, look: Look, style: Style) -> String {
    if let Some(plan) = report.plan {
        return render_plan_as(plan, look, style);
    }
    let problems = render_problems(report.problems, report.files, style.color);
    report.failure.map_or(problems.clone(), |failure| format!("{problems}{}\n", one_line(failure)))
}

fn render_short_text(report: &Report<'_>) -> String {
    let plan = report.plan.map_or_else(String::new, |plan| render_summary(plan, Style::PLAIN));
    let failure = report.failure.map_or_else(String::new, |failure| format!("{}\n", one_line(failure)));
    format!("{}{plan}{failure}", render_short(report.problems))
}

/// The outcome as one JSON document: the plan, why there is none, or what is wrong with the manifests.
fn document(report: &Report<'_>) -> Value {
    let mut document = match (report.plan, report.failure) {
        (Some(plan), _) => plan_json(plan),
        (None, Some(failure)) => json!({
            "formatVersion": FORMAT_VERSION,
            "kind": "Plan",
            "reconcileVersion": env!("CARGO_PKG_VERSION"),
            "error": failure,
            "diagnostics": report.problems,
        }),
        (None, None) => json!({
            "formatVersion": VALIDATION_FORMAT_VERSION,
            "kind": "Validation",
            "reconcileVersion": env!("CARGO_PKG_VERSION"),
            "source": report.directory,
            "summary": {
                "files": report.files.len(),
                "manifests": report.documents.len(),
                "errors": report.count(Severity::Error),
                "warnings": report.count(Severity::Warning),
            },
            "diagnostics": report.problems,
        }),
    };
    document["outcome"] = json!(report.outcome.as_str());
    document["exitCode"] = json!(report.exit_code);
    document
}

#[cfg(test)]
mod tests;
