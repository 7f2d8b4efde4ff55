//! SARIF 2.1.0, as code scanning reads it: a rule for each kind of finding, a fingerprint that outlives moved lines.
//!
//! Source of the limits: GitHub's documentation, "SARIF support for code scanning": 25,000 results in a run.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::escape::uri_path;
use super::super::one_line;
use super::Report;
use super::finding::{Finding, Level, Rule, findings};
use crate::problem::Place;

/// More results in one run are refused.
pub(super) const RESULTS_MAX: usize = 25_000;

/// Errors and warnings. What merely changes would stay as an alert until somebody dismisses it.
pub(super) fn document(report: &Report<'_>) -> Value {
    let mut found: Vec<_> = findings(report).into_iter().filter(|finding| finding.level != Level::Notice).collect();
    let cut = found.len().saturating_sub(RESULTS_MAX);
    found.truncate(RESULTS_MAX);
    let rules: BTreeSet<Rule> = found.iter().map(|finding| finding.rule).collect();
    let rules: Vec<Rule> = rules.into_iter().collect();
    let results: Vec<_> = found.iter().map(|finding| result(report, finding, &rules)).collect();
    let mut invocation = json!({
        "executionSuccessful": report.failure.is_none(),
        "exitCode": report.exit_code,
        "properties": { "outcome": report.outcome.as_str() },
    });
    if cut > 0 {
        let text = format!("{cut} more results are not in this report: a run takes {RESULTS_MAX} at most");
        invocation["toolExecutionNotifications"] = json!([{ "level": "warning", "message": { "text": text } }]);
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "reconcile",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|rule| json!({
                    "id": rule.id(),
                    "shortDescription": { "text": rule.explanation() },
                })).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { "SRCROOT": { "description": { "text": "the top of the repository" } } },
            "invocations": [invocation],
            "results": results,
        }],
    })
}

fn result(report: &Report<'_>, finding: &Finding<'_>, rules: &[Rule]) -> Value {
    let help: Vec<_> = finding.help.iter().map(|help| format!("; {}", one_line(help))).collect();
    let location = match &finding.place {
        Some(place) => location(report, place),
        // An alert has to stand somewhere: what concerns no line concerns the directory.
        None => json!({ "physicalLocation": { "artifactLocation": artifact(report, report.directory) } }),
    };
    let mut value = json!({
        "ruleId": finding.rule.id(),
        "ruleIndex": rules.iter().position(|rule| *rule == finding.rule),
        "level": match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice => "note",
        },
        "message": { "text": format!("{}{}", one_line(&finding.message), help.concat()) },
        "locations": [location],
        "partialFingerprints": { "reconcileFinding/v1": finding.fingerprint },
    });
    let related = finding.problem.map_or(&[][..], |problem| &problem.related);
    if !related.is_empty() {
        let related = related.iter().enumerate().map(|(id, related)| {
            let mut value = self::location(report, &related.place);
            value["id"] = json!(id + 1);
            value["message"] = json!({ "text": one_line(&related.message) });
            value
        });
        value["relatedLocations"] = related.collect();
    }
    if let (Some(place), Some(text)) = (&finding.place, finding.problem.and_then(|it| it.suggestion.as_ref())) {
        value["fixes"] = json!([{
            "description": { "text": "write this instead" },
            "artifactChanges": [{
                "artifactLocation": artifact(report, &place.file),
                "replacements": [{ "deletedRegion": region(place), "insertedContent": { "text": text } }],
            }],
        }]);
    }
    value
}

fn location(report: &Report<'_>, place: &Place) -> Value {
    json!({ "physicalLocation": { "artifactLocation": artifact(report, &place.file), "region": region(place) } })
}

fn artifact(report: &Report<'_>, file: &str) -> Value {
    json!({ "uri": uri_path(&report.paths.name(file)), "uriBaseId": "SRCROOT" })
}

fn region(place: &Place) -> Value {
    let Place { file: _, line, column, end_line, end_column, bytes: _ } = place;
    json!({ "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column })
}
