//! What a reviewer should see, each with its place: problems, refusals, risks and changes. The forms that mark lines are made of these.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::super::against::Forbidden;
use super::super::one_line;
use super::super::plan::render_difference;
use super::Report;
use crate::change::text::count_of;
use crate::change::{FieldChange, Reason, Row, RowAction};
use crate::cli::exit::Outcome;
use crate::problem::{Code, Place, Problem, Severity};

/// So many fields of one change are named; the rest is counted.
const FIELDS_MAX: usize = 4;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// It is refused.
    Error,
    /// It may hurt: something goes or is replaced, or works otherwise than meant.
    Warning,
    /// It is good to know.
    Notice,
}

/// What is found, by a name that stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    Problem(Code),
    Failed,
    Blocked,
    Forbidden,
    Risk,
    Delete,
    Replace,
    Restart,
    Update,
    Create,
}

impl Rule {
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Problem(code) => code.as_str(),
            Self::Failed => "plan.failed",
            Self::Blocked => "plan.blocked",
            Self::Forbidden => "plan.forbidden",
            Self::Risk => "plan.risk",
            Self::Delete => "plan.delete",
            Self::Replace => "plan.replace",
            Self::Restart => "plan.restart",
            Self::Update => "plan.update",
            Self::Create => "plan.create",
        }
    }

    pub(super) fn explanation(self) -> &'static str {
        match self {
            Self::Problem(code) => code.explanation(),
            Self::Failed => "No plan could be made.",
            Self::Blocked => "The plan would be refused.",
            Self::Forbidden => "The plan does what --fail-on forbids.",
            Self::Risk => "It works, and should be known before it is done.",
            Self::Delete => "A service or a cluster goes.",
            Self::Replace => "Running tasks are replaced.",
            Self::Restart => "Tasks that died or turned unhealthy are replaced by equal ones.",
            Self::Update => "A service changes, and no running task is replaced.",
            Self::Create => "A service or a cluster begins to be.",
        }
    }
}

/// One thing to be seen.
#[derive(Debug, Clone)]
pub(super) struct Finding<'a> {
    pub(super) level: Level,
    pub(super) rule: Rule,
    /// In a few words.
    pub(super) title: String,
    /// In a sentence without a full stop.
    pub(super) message: String,
    /// What to do.
    pub(super) help: Vec<String>,
    /// Where; what goes has no line any more.
    pub(super) place: Option<Place>,
    /// The problem behind it, which may know more.
    pub(super) problem: Option<&'a Problem>,
    /// Stays the same while lines move: a hash over the rule, the object and what is said of it.
    pub(super) fingerprint: String,
}

/// Everything to be seen, what matters most first.
pub(super) fn findings<'a>(report: &Report<'a>) -> Vec<Finding<'a>> {
    let mut found: Vec<_> = report.problems.iter().map(of_problem).collect();
    // What is wrong with the manifests tells why already.
    let failure = report.failure.filter(|_| report.outcome != Outcome::Invalid);
    found.extend(failure.map(|failure| new(Level::Error, Rule::Failed, "no plan", sentence(failure), None)));
    found.extend(objections(report));
    if let Some(plan) = report.plan {
        for row in &plan.overview.rows {
            found.push(of_row(row));
            found.extend(row.warnings.iter().map(|warning| {
                new(Level::Warning, Rule::Risk, "risk", warning.message.clone(), warning.place.clone())
            }));
        }
    }
    found.sort_by_key(|finding| finding.level);
    number(&mut found);
    found
}

/// Why the plan may not be done: what would be refused, and what `--fail-on` forbids.
pub(super) fn objections<'a>(report: &Report<'a>) -> impl Iterator<Item = Finding<'a>> {
    let blocked = report.plan.into_iter().flat_map(|plan| plan.blocked).map(|blocked| Finding {
        help: blocked.help.clone(),
        ..new(Level::Error, Rule::Blocked, "refused", blocked.message.clone(), None)
    });
    let rows = report.plan.into_iter().flat_map(|plan| &plan.overview.rows);
    let rows: BTreeMap<_, _> = rows.map(|row| (row.name(), row)).collect();
    let forbidden = report.plan.into_iter().flat_map(|plan| plan.ending.forbidden.iter().flatten());
    blocked.chain(forbidden.map(move |one| of_forbidden(one, rows.get(&one.object).copied())))
}

/// What `--fail-on` forbids, at the line that asks for it.
fn of_forbidden(Forbidden { kind, object }: &Forbidden, row: Option<&Row>) -> Finding<'static> {
    let goes = row.is_some_and(|row| row.action == RowAction::Delete);
    let what = match *kind {
        "delete" => "is deleted",
        "replace" => "has tasks that are replaced",
        "downtime" if goes => "has no task any more",
        "downtime" => "has no task for a time",
        _ => "is changed",
    };
    let message = format!("{object} {what}, which --fail-on {kind} forbids");
    new(Level::Error, Rule::Forbidden, "forbidden", message, row.and_then(place_of))
}

/// An error without the word.
fn sentence(failure: &str) -> String {
    one_line(failure.strip_prefix("error: ").unwrap_or(failure))
}

fn new<'a>(level: Level, rule: Rule, title: &str, message: String, place: Option<Place>) -> Finding<'a> {
    let fingerprint = format!("{}\0{message}", rule.id());
    Finding { level, rule, title: title.to_owned(), message, help: Vec::new(), place, problem: None, fingerprint }
}

/// Turns what identifies each into its fingerprint. Of equal ones each has its number.
fn number(found: &mut [Finding<'_>]) {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for finding in found {
        let times = seen.entry(finding.fingerprint.clone()).or_default();
        let digest = Sha256::digest(format!("{}\0{times}", finding.fingerprint));
        *times += 1;
        finding.fingerprint = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    }
}

fn of_problem(problem: &Problem) -> Finding<'_> {
    let Problem {
        code,
        severity,
        message,
        place,
        expected,
        found,
        help,
        suggestion: _,
        related: _,
        object,
        fixable: _,
    } = problem;
    let level = match severity {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
    };
    let mut text = message.clone();
    if let (Some(expected), Some(found)) = (expected, found) {
        text = format!("{text}; expected {expected}, found {found}");
    }
    // The explanation is a sentence; as a title it needs no full stop.
    let title = format!("{code} {}", code.explanation().split(['.', ';', ',', ':']).next().unwrap_or_default());
    let file = place.as_ref().map_or("", |place| &place.file);
    Finding {
        help: help.iter().cloned().collect(),
        problem: Some(problem),
        fingerprint: format!("{code}\0{file}\0{}\0{message}", object.as_deref().unwrap_or_default()),
        ..new(level, Rule::Problem(*code), &title, text, place.clone())
    }
}

fn of_row(row: &Row) -> Finding<'static> {
    let (level, rule) = match row.action {
        RowAction::Delete => (Level::Warning, Rule::Delete),
        RowAction::Replace => (Level::Warning, Rule::Replace),
        RowAction::Restart => (Level::Notice, Rule::Restart),
        RowAction::Update => (Level::Notice, Rule::Update),
        RowAction::Create => (Level::Notice, Rule::Create),
    };
    let name = row.name();
    let (title, why) = (effect(row), why(row));
    let how: Vec<_> = row.impact.iter().map(|impact| format!("; {}", one_line(impact))).collect();
    let message = format!("{name}: {why}; {title}{}", how.concat());
    let title = if row.action == RowAction::Delete { format!("{name} goes: {title}") } else { title };
    Finding { fingerprint: format!("{}\0{name}", rule.id()), ..new(level, rule, &title, message, place_of(row)) }
}

/// The line that asks for a change: that of the field which replaces tasks, or the first that changed, or the manifest.
pub(super) fn place_of(row: &Row) -> Option<Place> {
    let with_place = || row.fields.iter().filter(|field| field.place.is_some());
    let field = with_place().find(|field| field.replaces_tasks).or_else(|| with_place().next());
    field.and_then(|field| field.place.clone()).or_else(|| row.place.clone())
}

/// Why a change is made: `image a:1 -> a:2, environment.PORT 80 -> 81`, or its reason.
pub(super) fn why(row: &Row) -> String {
    let is_told_by_fields = row.reason == Reason::SpecChanged && !row.fields.is_empty();
    let reason = (!is_told_by_fields).then(|| row.reason.to_string());
    let (told, more) = named_fields(row);
    let told = told.iter().map(|field| format!("{} {}", one_line(&field.path), one_line(&render_difference(field))));
    let more = (more > 0).then(|| format!("{} more", count_of(more as u64, "field")));
    let detail = row.detail.as_deref().map(one_line);
    reason.into_iter().chain(detail).chain(told).chain(more).collect::<Vec<_>>().join(", ")
}

/// The fields that are named, those that replace tasks first, and how many more there are.
pub(super) fn named_fields(row: &Row) -> (Vec<&FieldChange>, usize) {
    let mut fields: Vec<_> = row.fields.iter().collect();
    fields.sort_by_key(|field| !field.replaces_tasks);
    let more = fields.len().saturating_sub(FIELDS_MAX);
    fields.truncate(FIELDS_MAX);
    (fields, more)
}

/// What a change does to tasks: `replaces 3 tasks`.
pub(super) fn effect(row: &Row) -> String {
    let tasks = &row.tasks;
    let counted = |verb: &str, count: u32| (count > 0).then(|| format!("{verb} {}", count_of(count, "task")));
    if row.service.is_none() {
        return match row.action {
            RowAction::Create => "creates the network of the cluster",
            RowAction::Delete => "removes the network of the cluster",
            RowAction::Update | RowAction::Replace | RowAction::Restart if row.reason == Reason::Leftovers => {
                "clears away what is left over"
            }
            RowAction::Update | RowAction::Replace | RowAction::Restart => "no task begins or ends",
        }
        .to_owned();
    }
    let parts = match row.action {
        RowAction::Create | RowAction::Update | RowAction::Replace => {
            let new = tasks.start.saturating_sub(tasks.replaced);
            let gone = tasks.stop.saturating_sub(tasks.replaced);
            [counted("replaces", tasks.replaced), counted("starts", new), counted("stops", gone)]
        }
        RowAction::Restart => [counted("restarts", tasks.start), None, None],
        RowAction::Delete => [counted("stops", tasks.stop), None, None],
    };
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "no task begins or ends".to_owned() } else { parts.join(", ") }
}
