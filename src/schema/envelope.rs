//! The first look at a document: which version and kind it is.

use serde_json::{Map, Value};

use super::foreign::{FOREIGN_KINDS, KUBERNETES_SERVICE};
use super::words;
use crate::document::Document;
use crate::manifest::{ApiVersion, Kind};
use crate::problem::{Code, Problem};
use crate::spelling::{closest, plain};

/// The kind that says by which schema the document is read. A wrong version is reported and then taken as right, so that
/// the rest of the document is checked all the same.
pub(super) fn read_kind(document: &Document, value: &mut Value, problems: &mut Vec<Problem>) -> Option<Kind> {
    let Value::Object(root) = value else {
        let problem =
            Problem::error(Code::Envelope, "a manifest is a mapping with apiVersion, kind, metadata and spec")
                .with_place(document.nearest_place_of("/-"))
                .with_expected("a mapping", words::found(value));
        problems.push(problem);
        return None;
    };
    if root.get("kind").is_none_or(Value::is_null) {
        problems.push(without_kind(document, root));
        return None;
    }
    if document.is_plain_task_definition() && value_of_name(root).is_null() && !document.is_broken("/metadata/name") {
        problems.push(without_family(document));
        return None;
    }
    if !check_version(document, root, problems) {
        return None;
    }
    let kind = check_kind(document, root, problems)?;
    root.insert("apiVersion".to_owned(), Value::String(ApiVersion::V1.as_str().to_owned()));
    Some(kind)
}

fn value_of_name(root: &Map<String, Value>) -> &Value {
    root.get("metadata").and_then(|metadata| metadata.get("name")).unwrap_or(&Value::Null)
}

/// Whether the rest of the document is worth looking at: not when it is one of Kubernetes.
fn check_version(document: &Document, root: &Map<String, Value>, problems: &mut Vec<Problem>) -> bool {
    let expected = ApiVersion::V1.as_str();
    match root.get("apiVersion") {
        Some(Value::String(version)) if version == expected => {}
        None | Some(Value::Null) => {
            let place = document.key_place_of("/apiVersion").or_else(|| document.key_place_of("/kind"));
            let mut problem = Problem::error(Code::Envelope, "the document does not say its apiVersion")
                .with_expected(format!("apiVersion: {expected}"), "nothing")
                .with_help(format!("add the line `apiVersion: {expected}`"));
            problem.place = place;
            problems.push(problem);
        }
        Some(other) => {
            if document.is_broken("/apiVersion") {
                return true;
            }
            let kind = root.get("kind").and_then(Value::as_str).unwrap_or_default();
            if FOREIGN_KINDS.iter().any(|(foreign, _)| *foreign == kind) {
                // What has to be done is told with the kind.
                return true;
            }
            let problem = Problem::error(Code::Envelope, "this apiVersion is not known")
                .with_expected(expected, words::found(other));
            let is_foreign = is_service_of_kubernetes(root);
            let mut problem = if is_foreign {
                problem.with_help(KUBERNETES_SERVICE)
            } else {
                let suggestion = like_source(document, "/apiVersion", expected);
                problem.with_help(format!("write `apiVersion: {expected}`")).with_suggestion(suggestion)
            };
            problem.place = document.place_of("/apiVersion");
            problems.push(problem);
            return !is_foreign;
        }
    }
    true
}

/// Whether it is a Service as Kubernetes has it, which is something else under the same name.
fn is_service_of_kubernetes(root: &Map<String, Value>) -> bool {
    let spec = root.get("spec").and_then(Value::as_object);
    let has_field =
        |spec: &Map<String, Value>| ["selector", "clusterIP", "ports"].iter().any(|key| spec.contains_key(*key));
    root.get("kind").and_then(Value::as_str) == Some("Service") && spec.is_some_and(has_field)
}

/// A word with the quotes of the value that it replaces.
fn like_source(document: &Document, pointer: &str, word: &str) -> String {
    match document.source_of(pointer).and_then(|source| source.chars().next()) {
        Some(quote @ ('"' | '\'')) => format!("{quote}{word}{quote}"),
        _ => word.to_owned(),
    }
}

fn check_kind(document: &Document, root: &Map<String, Value>, problems: &mut Vec<Problem>) -> Option<Kind> {
    let value = root.get("kind")?;
    let text = value.as_str().unwrap_or("");
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == text) {
        return Some(kind);
    }
    let mut problem = Problem::error(Code::Envelope, "this kind is not known")
        .with_expected("Cluster, TaskDefinition or Service", words::found(value));
    if let Some((_, advice)) = FOREIGN_KINDS.iter().find(|(kind, _)| *kind == text) {
        problem = problem.with_help(format!("this is a {text} of Kubernetes: {advice}"));
    } else if let Some(meant) = closest(text, Kind::ALL.into_iter().map(Kind::as_str)) {
        let suggestion = like_source(document, "/kind", meant);
        problem = problem.with_help(format!("did you mean `{meant}`?")).with_suggestion(suggestion);
        problem.fixable = plain(meant) == plain(text);
    } else if text == "Task" {
        problem = problem.with_help("did you mean `TaskDefinition`?");
    }
    problem.place = document.place_of("/kind");
    problems.push(problem);
    None
}

/// A document that does not say its kind, with what it looks like.
fn without_kind(document: &Document, root: &Map<String, Value>) -> Problem {
    let place = document.key_place_of("/apiVersion").unwrap_or_else(|| document.nearest_place_of("/-"));
    let mut problem = Problem::error(Code::Envelope, "the document does not say its kind")
        .with_place(place)
        .with_expected("kind: Cluster, TaskDefinition or Service", "nothing");
    let help = if root.contains_key("services") {
        "this looks like a Compose file; each of its services becomes a TaskDefinition and a Service"
    } else if root.contains_key("AWSTemplateFormatVersion") || root.contains_key("Resources") {
        "this looks like a CloudFormation template, which is not read"
    } else {
        "add `apiVersion: reconcile/v1` and a `kind`; keep files that are no manifests in another directory"
    };
    problem.help = Some(help.to_owned());
    problem
}

/// A plain task definition that does not say what it is called.
fn without_family(document: &Document) -> Problem {
    Problem::error(Code::PlainTaskDefinition, "this plain ECS task definition has no `family`, which would be its name")
        .with_place(document.nearest_place_of("/metadata/name"))
        .with_expected("the field `family`", "nothing")
        .with_help("add a `family`: a Service names it in `taskDefinition`")
}
