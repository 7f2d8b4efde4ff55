//! What GitHub's runner reads: annotations as workflow commands, and the outputs of a step.
//!
//! Source of the limits: `problem-matchers.md` of actions/toolkit: 10 annotations of each level in a step. What is beyond is dropped
//! there without a word, so it is left out here, with one.

use std::fmt::Write as _;

use super::super::escape::{command_data, command_property};
use super::Report;
use super::finding::{Finding, Level, findings};
use crate::change::Summary;
use crate::change::text::count_of;
use crate::problem::{Place, Severity};

/// So many annotations of one level are shown in a step.
pub(super) const ANNOTATIONS_MAX: usize = 10;

/// Everything to be seen as workflow commands. Where there is too much, the last one of a level counts the rest.
pub fn render_annotations(report: &Report<'_>) -> String {
    let found = findings(report);
    let mut text = String::new();
    for (level, word) in [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Notice, "notice")] {
        let found: Vec<_> = found.iter().filter(|finding| finding.level == level).collect();
        let shown = if found.len() > ANNOTATIONS_MAX { ANNOTATIONS_MAX - 1 } else { found.len() };
        for finding in &found[..shown] {
            let _ = writeln!(text, "{}", annotation(report, word, finding));
        }
        if let Some(more) = found.len().checked_sub(shown).filter(|more| *more > 0) {
            let more = count_of(more as u64, &format!("more {word}"));
            let _ = writeln!(
                text,
                "::{word} title={more}::and {more}; a step shows {ANNOTATIONS_MAX}, the log has them all"
            );
        }
    }
    text
}

fn annotation(report: &Report<'_>, word: &str, finding: &Finding<'_>) -> String {
    let Finding { title, message, help, place, .. } = finding;
    let mut properties = Vec::new();
    let mut told = String::new();
    if let Some(place) = place {
        let Place { file, line, column, end_line, end_column, bytes: _ } = place;
        let file = report.paths.name(file);
        properties.push(format!("file={}", command_property(&file)));
        properties.push(format!("line={line},endLine={end_line}"));
        // Columns are only understood within one line.
        if line == end_line {
            properties.push(format!("col={column},endColumn={end_column}"));
        }
        // The log does not show the properties.
        told = format!("{file}:{line}:{column}: ");
    }
    properties.push(format!("title={}", command_property(title)));
    let help: Vec<_> = help.iter().map(|help| format!("\nhelp: {help}")).collect();
    format!("::{word} {}::{}", properties.join(","), command_data(&format!("{told}{message}{}", help.concat())))
}

/// The outputs of a step, one on each line. Every value is a number or a word of ours.
pub fn render_outputs(report: &Report<'_>) -> String {
    // A plan's risks are shown as warnings, so they are counted as such.
    let rows = report.plan.into_iter().flat_map(|plan| &plan.overview.rows);
    let risks: usize = rows.map(|row| row.warnings.len()).sum();
    let mut outputs = vec![
        ("outcome", report.outcome.as_str().to_owned()),
        ("exit-code", report.exit_code.to_string()),
        ("errors", report.count(Severity::Error).to_string()),
        ("warnings", (report.count(Severity::Warning) + risks).to_string()),
    ];
    if let Some(plan) = report.plan {
        let Summary { create, update, replace_tasks, restart, delete, unchanged, tasks: _ } = plan.overview.summary();
        outputs.push(("plan-id", plan.id.to_string()));
        outputs.push(("has-changes", plan.overview.has_changes().to_string()));
        let counts = [
            ("creates", create),
            ("updates", update),
            ("replaces", replace_tasks),
            ("restarts", restart),
            ("deletes", delete),
            ("unchanged", unchanged),
        ];
        outputs.extend(counts.map(|(name, count)| (name, count.to_string())));
    }
    outputs.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<Vec<_>>().concat()
}
