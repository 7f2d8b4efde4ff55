//! GitLab's code quality report: a list of issues. It is what the widget of a merge request and the marks beside its lines are made of.
//!
//! Source of the form: GitLab's documentation, "Code quality report format". An issue needs a path, a line and a fingerprint.

use serde_json::{Value, json};

use super::super::{clean_line, one_line};
use super::Report;
use super::finding::{Level, findings};

/// Errors and warnings. What merely changes is no matter of quality.
pub(super) fn document(report: &Report<'_>) -> Value {
    let found = findings(report).into_iter().filter(|finding| finding.level != Level::Notice);
    let issues = found.map(|finding| {
        let (path, line) = match &finding.place {
            Some(place) => (report.paths.name(&place.file), place.line),
            // An issue has to stand somewhere: what concerns no line concerns the directory.
            None => (report.paths.name(report.directory), 1),
        };
        let help: Vec<_> = finding.help.iter().map(|help| format!("; {}", one_line(help))).collect();
        json!({
            "description": format!("{}{}", one_line(&finding.message), help.concat()),
            "check_name": finding.rule.id(),
            "fingerprint": finding.fingerprint,
            "severity": if finding.level == Level::Error { "critical" } else { "minor" },
            "location": { "path": clean_line(&path), "lines": { "begin": line } },
        })
    });
    issues.collect()
}
