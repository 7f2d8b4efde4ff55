//! The XML of `JUnit`: a test for each manifest, and one for the plan. A warning fails no test: it is what the test printed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::Style;
use super::super::escape::xml;
use super::super::plan::render_summary;
use super::super::problems::render_short;
use super::Report;
use super::finding::{Rule, objections};
use crate::change::text::count_of;
use crate::document::Document;
use crate::problem::Problem;

/// One test.
struct Case {
    name: String,
    /// The file, and the line in it.
    place: Option<(String, u32)>,
    /// What kind of failure it is, its first sentence, and all that there is to say.
    failure: Option<(String, String, String)>,
    printed: String,
}

pub(super) fn render(report: &Report<'_>) -> String {
    let mut suites = vec![("manifests", manifest_cases(report))];
    suites.extend(plan_case(report).map(|case| ("plan", vec![case])));
    let tests: usize = suites.iter().map(|(_, cases)| cases.len()).sum();
    let failures: usize = suites.iter().map(|(_, cases)| count_failures(cases)).sum();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"reconcile\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n"
    );
    for (name, cases) in &suites {
        let (tests, failures) = (cases.len(), count_failures(cases));
        let _ = writeln!(
            text,
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">"
        );
        for case in cases {
            render_case(&mut text, name, case);
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn count_failures(cases: &[Case]) -> usize {
    cases.iter().filter(|case| case.failure.is_some()).count()
}

fn render_case(text: &mut String, suite: &str, case: &Case) {
    let Case { name, place, failure, printed } = case;
    let class = place.as_ref().map_or(suite, |(file, _)| file);
    let _ = write!(text, "    <testcase classname=\"{}\" name=\"{}\"", xml(class), xml(name));
    if let Some((file, line)) = place {
        let _ = write!(text, " file=\"{}\" line=\"{line}\"", xml(file));
    }
    if failure.is_none() && printed.is_empty() {
        text.push_str("/>\n");
        return;
    }
    text.push_str(">\n");
    if let Some((kind, message, details)) = failure {
        let (kind, message, details) = (xml(kind), xml(message), xml(details));
        let _ = writeln!(text, "      <failure type=\"{kind}\" message=\"{message}\">{details}</failure>");
    }
    if !printed.is_empty() {
        let _ = writeln!(text, "      <system-out>{}</system-out>", xml(printed));
    }
    text.push_str("    </testcase>\n");
}

fn manifest_cases(report: &Report<'_>) -> Vec<Case> {
    let starts: Vec<_> = report.documents.iter().map(|document| document.nearest_place_of("/~")).collect();
    let mut by_file: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, start) in starts.iter().enumerate() {
        by_file.entry(&start.file).or_default().push(index);
    }
    let mut of_document: BTreeMap<usize, Vec<Problem>> = BTreeMap::new();
    let mut of_file: BTreeMap<&str, Vec<Problem>> = BTreeMap::new();
    for problem in report.problems {
        let place = problem.place.as_ref();
        let documents = place.and_then(|place| by_file.get(&*place.file));
        let begun = |index: &&usize| place.is_some_and(|place| starts[**index].bytes.start <= place.bytes.start);
        match documents.and_then(|found| found.iter().rev().find(begun).or_else(|| found.first())) {
            Some(index) => of_document.entry(*index).or_default().push(problem.clone()),
            None => {
                of_file.entry(place.map_or("", |place| &place.file)).or_default().push(problem.clone());
            }
        }
    }
    let documents = report.documents.iter().zip(&starts).enumerate().map(|(index, (document, start))| {
        let place = Some((report.paths.name(&start.file), start.line));
        case(name_of(document, index), place, &of_document.remove(&index).unwrap_or_default())
    });
    let mut cases: Vec<_> = documents.collect();
    cases.extend(of_file.into_iter().map(|(file, problems)| {
        let place = (!file.is_empty()).then(|| (report.paths.name(file), 1));
        let name = if file.is_empty() { report.directory } else { "file" };
        case(name.to_owned(), place, &problems)
    }));
    cases
}

fn case(name: String, place: Option<(String, u32)>, problems: &[Problem]) -> Case {
    let (errors, warnings): (Vec<_>, Vec<_>) = problems.iter().cloned().partition(Problem::is_error);
    let failure = errors.first().map(|first| {
        let more = match errors.len() - 1 {
            0 => String::new(),
            more => format!(" (and {})", count_of(more as u64, "more error")),
        };
        (first.code.to_string(), format!("{}{more}", first.message), render_short(&errors))
    });
    Case { name, place, failure, printed: render_short(&warnings) }
}

/// `Service web`
fn name_of(document: &Document, index: usize) -> String {
    let value = document.to_value();
    let text = |pointer: &str| value.pointer(pointer).and_then(serde_json::Value::as_str).map(str::to_owned);
    let name = text("/metadata/name").or_else(|| text("/family"));
    match (text("/kind"), name) {
        (Some(kind), Some(name)) => format!("{kind} {name}"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => format!("document {}", index + 1),
    }
}

/// The plan fails where it could not be made, would be refused, or does what `--fail-on` forbids.
fn plan_case(report: &Report<'_>) -> Option<Case> {
    let name = "plan".to_owned();
    if let Some(failure) = report.failure {
        let failure = Some((Rule::Failed.id().to_owned(), failure.to_owned(), failure.to_owned()));
        return Some(Case { name, place: None, failure, printed: String::new() });
    }
    let printed = render_summary(report.plan?, Style::PLAIN);
    let refused: Vec<_> = objections(report).collect();
    let failure = refused.first().map(|first| {
        let told: Vec<_> = refused.iter().flat_map(|one| std::iter::once(&one.message).chain(&one.help)).collect();
        let told: Vec<_> = told.into_iter().map(String::as_str).collect();
        (first.rule.id().to_owned(), first.message.clone(), told.join("\n"))
    });
    Some(Case { name, place: None, failure, printed })
}
