//! The outcome in Markdown: the summary of a job, or a comment on a pull request.
//!
//! A platform that is given too much shows nothing at all, so there is a limit: whole services are left out, and it is said how many.

use super::super::against::{World, forbidden_words};
use super::super::escape::{code, fence, markdown, marker};
use super::super::plan::{PlanReport, compared, plan_words, render_difference, symbol};
use super::Report;
use super::finding::{effect, named_fields, place_of};
use crate::change::text::count_of;
use crate::change::{FieldChange, Reason, Row, RowAction};
use crate::cli::exit::Outcome;
use crate::problem::{Place, Problem, Severity};

/// The most that a comment takes. GitHub refuses more than 65,536 characters, which are never fewer bytes.
pub const COMMENT_BYTES_MAX: usize = 60_000;
/// The most that the summary of a job takes. GitHub drops the whole of it when it has more than 1 MiB.
pub const SUMMARY_BYTES_MAX: usize = 900 << 10;
/// What is kept free for what has to follow: closing marks, and how much was left out.
const RESERVED_BYTES: usize = 1500;
/// The full difference of one service is cut at so many lines.
const DIFFERENCE_LINES_MAX: usize = 200;

/// The outcome in Markdown, of at most `bytes_max` bytes.
pub fn render_markdown(report: &Report<'_>, bytes_max: usize) -> String {
    let mut page = Page { text: head(report), bytes_max };
    if let Some(failure) = report.failure.filter(|_| report.outcome != Outcome::Invalid) {
        page.add(&format!("{}\n", markdown(failure)));
    }
    for blocked in report.plan.map_or(&[][..], |plan| plan.blocked) {
        let help: Vec<_> = blocked.help.iter().map(|help| format!("\n> {}", markdown(help))).collect();
        page.add(&format!("> **Refused:** {}{}\n", markdown(&blocked.message), help.concat()));
    }
    let forbidden = report.plan.and_then(|plan| plan.ending.forbidden.as_deref()).unwrap_or_default();
    if !forbidden.is_empty() {
        page.add(&format!("> **Not allowed** by `--fail-on`: {}\n", markdown(&forbidden_words(forbidden))));
    }
    let errors = report.problems.iter().filter(|problem| problem.is_error());
    let errors = errors.map(|problem| problem_row(report, problem));
    let mut left_out = vec![(page.add_table("Errors", &PROBLEM_HEAD, errors), "error")];
    if let Some(plan) = report.plan {
        let rows = plan.overview.rows.iter().map(|row| change_row(report, row));
        left_out.push((page.add_table("", &CHANGE_HEAD, rows), "change"));
    }
    left_out.push((page.add_table("Warnings", &PROBLEM_HEAD, warnings(report)), "warning"));
    if let Some(plan) = report.plan {
        let has_lines =
            |row: &&Row| row.action == RowAction::Delete || !row.fields.is_empty() || !row.images.is_empty();
        let rows = plan.overview.rows.iter().filter(has_lines);
        left_out.push((page.add_details(rows.map(difference)), "full difference"));
    }
    left_out.retain(|(count, _)| *count > 0);
    if !left_out.is_empty() {
        let counted: Vec<_> = left_out.iter().map(|(count, noun)| count_of(*count as u64, noun)).collect();
        page.add_reserved(&format!(
            "Left out, because there is room for {} here: {}. The JSON of the plan has everything.\n",
            crate::bounded::bytes_text(bytes_max),
            counted.join(", ")
        ));
    }
    page.text
}

const PROBLEM_HEAD: [&str; 2] = ["Where", "What"];
const CHANGE_HEAD: [&str; 4] = ["", "Object", "Why", "Effect"];

/// A text that grows up to a limit.
struct Page {
    text: String,
    bytes_max: usize,
}

impl Page {
    fn has_room(&self, bytes: usize) -> bool {
        self.text.len() + bytes + RESERVED_BYTES <= self.bytes_max
    }

    /// Adds a paragraph, unless there is no room for it.
    fn add(&mut self, text: &str) {
        if self.has_room(text.len() + 1) {
            self.add_reserved(text);
        }
    }

    /// Adds a paragraph for which room was kept.
    fn add_reserved(&mut self, text: &str) {
        self.text.push('\n');
        self.text.push_str(text);
    }

    /// Adds a table with as many of the rows as there is room for; says how many there was none for.
    fn add_table(&mut self, title: &str, head: &[&str], rows: impl Iterator<Item = String>) -> usize {
        let title = if title.is_empty() { String::new() } else { format!("**{title}**\n\n") };
        let opening = format!("\n{title}| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
        self.add_blocks(&opening, rows, "")
    }

    /// Adds what is folded away until somebody wants to see it.
    fn add_details(&mut self, blocks: impl Iterator<Item = String>) -> usize {
        self.add_blocks("\n<details><summary>Full difference</summary>\n\n", blocks, "</details>\n")
    }

    fn add_blocks(&mut self, opening: &str, blocks: impl Iterator<Item = String>, closing: &str) -> usize {
        let (mut is_open, mut left_out) = (false, 0);
        for block in blocks {
            let around = if is_open { 0 } else { opening.len() + closing.len() };
            if !self.has_room(around + block.len()) {
                left_out += 1;
                continue;
            }
            if !is_open {
                self.text.push_str(opening);
                is_open = true;
            }
            self.text.push_str(&block);
        }
        if is_open {
            self.text.push_str(closing);
        }
        left_out
    }
}

fn head(report: &Report<'_>) -> String {
    let counted = |severity, noun| count_of(report.count(severity) as u64, noun);
    let words = report.plan.map(|plan| plan_words(&plan.overview.summary())).unwrap_or_default();
    let title = match report.outcome {
        Outcome::Changes => words,
        Outcome::Refused => format!("refused: {words}"),
        Outcome::Forbidden => format!("not allowed: {words}"),
        Outcome::Unchanged => "no changes".to_owned(),
        Outcome::Done => format!("{} valid", count_of(report.documents.len() as u64, "manifest")),
        Outcome::Invalid => format!("{} in the manifests", counted(Severity::Error, "error")),
        Outcome::Unreachable | Outcome::Usage | Outcome::Failed => "no plan could be made".to_owned(),
    };
    // It is found again by its first line, and so updated instead of posted anew.
    let marker = marker(report.directory);
    let compared = report.plan.map_or_else(String::new, |plan| {
        let (desired, observed) = compared(plan);
        // A reviewer must not take it for what the host has.
        let only =
            if matches!(plan.observed.world, World::Git(_)) { ": manifests only, not what really runs" } else { "" };
        let changes = report.outcome != Outcome::Unchanged;
        let id = if changes { format!(" This is plan `{}`.", plan.id) } else { String::new() };
        format!("\nCompared {} with {}{only}.{}{id}\n", code(&desired), code(&observed), waiting(plan))
    });
    format!("<!-- reconcile:{marker} -->\n### reconcile: {title}\n{compared}")
}

fn waiting(plan: &PlanReport<'_>) -> String {
    match plan.overview.settling {
        0 => String::new(),
        1 => " 1 service is not yet healthy.".to_owned(),
        more => format!(" {more} services are not yet healthy."),
    }
}

/// A place as a link, where it can be looked at.
fn place_link(report: &Report<'_>, place: &Place) -> String {
    link(report, place, &code(&format!("{}:{}", report.paths.name(&place.file), place.line)))
}

fn link(report: &Report<'_>, place: &Place, text: &str) -> String {
    report.paths.page(place).map_or_else(|| text.to_owned(), |page| format!("[{text}]({page})"))
}

fn problem_row(report: &Report<'_>, problem: &Problem) -> String {
    let place = problem.place.as_ref().map_or_else(String::new, |place| place_link(report, place));
    let expected = match (&problem.expected, &problem.found) {
        (Some(expected), Some(found)) => markdown(&format!("; expected {expected}, found {found}")),
        _ => String::new(),
    };
    let object = problem.object.as_ref().map_or_else(String::new, |object| format!(" ({})", markdown(object)));
    let help = problem.help.as_ref().map_or_else(String::new, |help| format!("<br>help: {}", markdown(help)));
    format!("| {place} | {}: {}{expected}{object}{help} |\n", problem.code, markdown(&problem.message))
}

/// Warnings about the manifests, and what should be known of the changes.
fn warnings<'a>(report: &'a Report<'_>) -> impl Iterator<Item = String> + 'a {
    let problems = report.problems.iter().filter(|it| !it.is_error()).map(|it| problem_row(report, it));
    let rows = report.plan.into_iter().flat_map(|plan| &plan.overview.rows).flat_map(|row| &row.warnings);
    let risks = rows.map(|warning| {
        let place = warning.place.as_ref().map_or_else(String::new, |place| place_link(report, place));
        format!("| {place} | {} |\n", markdown(&warning.message))
    });
    problems.chain(risks)
}

fn change_row(report: &Report<'_>, row: &Row) -> String {
    let (sign, ..) = symbol(row.action);
    let mut effects = effect(row);
    if row.tasks.replaced > 0 || row.action == RowAction::Delete && row.tasks.stop > 0 {
        effects = format!("**{effects}**");
    }
    let impact: Vec<_> = row.impact.iter().map(|impact| format!("<br>{}", markdown(impact))).collect();
    format!("| `{sign}` | {} | {} | {effects}{} |\n", code(&row.name()), why(report, row), impact.concat())
}

/// The reason of a change; each field leads to its line.
fn why(report: &Report<'_>, row: &Row) -> String {
    let (fields, more) = named_fields(row);
    let mut parts: Vec<_> = fields.into_iter().map(|field| field_words(report, field)).collect();
    if row.reason != Reason::SpecChanged || parts.is_empty() {
        let reason = row.reason.to_string();
        let reason = match place_of(row).filter(|_| parts.is_empty()) {
            Some(place) if report.paths.page(&place).is_some() => link(report, &place, &reason),
            Some(place) => format!("{reason} {}", place_link(report, &place)),
            None => reason,
        };
        parts.insert(0, reason);
    }
    parts.extend(row.detail.as_ref().map(|detail| markdown(detail)));
    parts.extend((more > 0).then(|| format!("{} more", count_of(more as u64, "field"))));
    parts.join(", ")
}

fn field_words(report: &Report<'_>, field: &FieldChange) -> String {
    let told =
        format!("{} {}", code(&field.path), markdown(&format!("`{}`", render_difference(field).replace('`', "'"))));
    match &field.place {
        Some(place) if report.paths.page(place).is_some() => link(report, place, &told),
        Some(place) => format!("{told} {}", place_link(report, place)),
        None => told,
    }
}

/// The fields of a service as a block that is coloured like a difference.
fn difference(row: &Row) -> String {
    let kind = if row.service.is_some() { "service" } else { "cluster" };
    let mut lines = vec![format!("{} {kind} {}", sign_of_line(row.action), row.name())];
    lines.extend(row.images.iter().map(|image| format!("+   image: {image}")));
    for field in &row.fields {
        let FieldChange { path, from, to, sensitive, .. } = field;
        if *sensitive || (from.is_none() && to.is_none()) {
            lines.push(format!("!   {path}: {}", render_difference(field)));
        }
        lines.extend(from.iter().map(|from| format!("-   {path}: {from}")));
        lines.extend(to.iter().map(|to| format!("+   {path}: {to}")));
    }
    if let Some(more) = lines.len().checked_sub(DIFFERENCE_LINES_MAX).filter(|more| *more > 0) {
        lines.truncate(DIFFERENCE_LINES_MAX);
        lines.push(format!("    ... {}", count_of(more as u64, "more line")));
    }
    fence("diff", &lines) + "\n"
}

/// The sign that colours a line of a difference.
fn sign_of_line(action: RowAction) -> &'static str {
    match action {
        RowAction::Create => "+",
        RowAction::Delete => "-",
        RowAction::Update | RowAction::Replace | RowAction::Restart => "!",
    }
}
