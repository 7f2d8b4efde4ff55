//! Why a service did not become healthy: which task, why, what runs all the same, and what to do next.

use super::plan::render_difference;
use super::{Style, Tone, clean_line, one_line};
use crate::change::FieldChange;
use crate::status::diagnosis::Diagnosis;

/// The last lines of a log that are shown: the end of a stack trace and the message above it.
pub const LOG_LINES_MAX: usize = 10;

/// More fields than this are counted and not listed.
const FIELDS_MAX: usize = 4;

/// Everything that is printed about a service that did not become healthy.
#[derive(Debug, Clone, Copy)]
pub struct FailureReport<'a> {
    /// What is wrong.
    pub diagnosis: &'a Diagnosis,
    /// The last lines that the container of the diagnosis wrote, oldest first.
    pub log: &'a [String],
    /// Images that the engine has and whose names come near to the missing one.
    pub near_images: &'a [String],
    /// What this run changed about the service: most failures come from there.
    pub fields: &'a [FieldChange],
    /// The command that shows what would be done: `reconcile deploy/ --dry-run`.
    pub command: &'a str,
}

/// The block for one service. It always ends with what runs now and what to do next.
pub fn render_failure(report: &FailureReport<'_>, style: Style) -> String {
    let diagnosis = report.diagnosis;
    let name = format!("{}/{}", diagnosis.cluster, diagnosis.service);
    let mut text = format!("{}: {name}: {}\n", style.paint(Tone::Bad, "error"), one_line(&diagnosis.headline));
    let mut say = |line: &str| text.extend(["   = ", line, "\n"]);
    for fact in &diagnosis.facts {
        say(&one_line(fact));
    }
    if let Some(image) = &diagnosis.missing_image {
        match report.near_images {
            [] => say(&format!("this engine has no image with a name near to {image}")),
            near => say(&format!("did you mean {}?", near.join(" or "))),
        }
    }
    render_log(report, &mut say);
    for field in report.fields.iter().take(FIELDS_MAX) {
        let place = field.place.as_ref().map_or_else(String::new, |place| format!(" at {place}"));
        say(&format!("changed in this run{place}: {} {}", field.path, render_difference(field)));
    }
    if report.fields.len() > FIELDS_MAX {
        say(&format!("and {} more fields", report.fields.len() - FIELDS_MAX));
    }
    say(&format!("now running: {}", diagnosis.running_now));
    let mut next = Vec::new();
    next.extend(diagnosis.container.iter().map(|(_, task)| format!("reconcile logs {task}")));
    if let Some(place) = report.fields.iter().find_map(|field| field.place.as_ref()) {
        next.push(format!("edit {place}"));
    }
    next.push(report.command.to_owned());
    say(&format!("next: {}", next.join("  |  ")));
    if let Some(next_try) = &diagnosis.next_try {
        say(&format!("reconcile --watch would go on by itself: {next_try}"));
    }
    text
}

fn render_log(report: &FailureReport<'_>, say: &mut impl FnMut(&str)) {
    if report.diagnosis.container.is_none() {
        return;
    }
    if report.log.is_empty() {
        return say("its log is empty");
    }
    let shown = &report.log[report.log.len().saturating_sub(LOG_LINES_MAX)..];
    let lines = shown.iter().map(|line| format!("\n       {}", clean_line(line)).trim_end().to_owned());
    say(&format!("last log lines:{}", lines.collect::<String>()));
}

/// The line below all blocks: `4 of 6 services steady, 1 failed, 1 not finished.`
pub fn render_outcome(done: usize, failed: usize, unfinished: usize) -> String {
    let total = done + failed + unfinished;
    let services = if total == 1 { "service" } else { "services" };
    let mut parts = vec![format!("{done} of {total} {services} steady")];
    parts.extend((failed > 0).then(|| format!("{failed} failed")));
    parts.extend((unfinished > 0).then(|| format!("{unfinished} not finished")));
    format!("{}.\n", parts.join(", "))
}

#[cfg(test)]
mod tests;
