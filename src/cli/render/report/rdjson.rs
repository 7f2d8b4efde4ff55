//! Reviewdog's Diagnostic Format in JSON. Its columns count bytes of UTF-8, from 1; a suggestion becomes a fix at a click.

use serde_json::{Value, json};

use super::super::one_line;
use super::Report;
use super::finding::{Level, findings};
use crate::problem::Place;

pub(super) fn document(report: &Report<'_>) -> Value {
    let diagnostics = findings(report).into_iter().map(|finding| {
        let location = match &finding.place {
            Some(place) => json!({ "path": report.paths.name(&place.file), "range": range(report, place) }),
            None => json!({ "path": report.paths.name(report.directory) }),
        };
        let help: Vec<_> = finding.help.iter().map(|help| format!("\nhelp: {}", one_line(help))).collect();
        let mut value = json!({
            "message": format!("{}{}", one_line(&finding.message), help.concat()),
            "location": location,
            "severity": match finding.level {
                Level::Error => "ERROR",
                Level::Warning => "WARNING",
                Level::Notice => "INFO",
            },
            "code": { "value": finding.rule.id() },
        });
        if let (Some(place), Some(text)) = (&finding.place, finding.problem.and_then(|it| it.suggestion.as_ref())) {
            value["suggestions"] = json!([{ "range": range(report, place), "text": text }]);
        }
        value
    });
    json!({ "source": { "name": "reconcile" }, "diagnostics": diagnostics.collect::<Vec<_>>() })
}

fn range(report: &Report<'_>, place: &Place) -> Value {
    let text = report.files.iter().find(|file| **file.name() == *place.file).map(|file| file.text());
    let column = |byte: usize, otherwise: u32| {
        let before = text.and_then(|text| text.get(..byte));
        before.map_or(otherwise as usize, |before| {
            let line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
            // A mark at the beginning of a file is no part of its first line.
            line.trim_start_matches('\u{feff}').len() + 1
        })
    };
    json!({
        "start": { "line": place.line, "column": column(place.bytes.start, place.column) },
        "end": { "line": place.end_line, "column": column(place.bytes.end, place.end_column) },
    })
}
