//! The first look at a document: which version and kind it is.

use serde_json::{Map, Value};

use super::words;
use crate::document::Document;
use crate::manifest::{ApiVersion, Kind};
use crate::problem::{Code, Problem};
use crate::spelling::closest;

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
    check_version(document, root, problems);
    let kind = check_kind(document, root, problems)?;
    root.insert("apiVersion".to_owned(), Value::String(ApiVersion::V1.as_str().to_owned()));
    Some(kind)
}

fn value_of_name(root: &Map<String, Value>) -> &Value {
    root.get("metadata").and_then(|metadata| metadata.get("name")).unwrap_or(&Value::Null)
}

fn check_version(document: &Document, root: &Map<String, Value>, problems: &mut Vec<Problem>) {
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
            let mut problem = Problem::error(Code::Envelope, "this apiVersion is not known")
                .with_expected(expected, words::found(other))
                .with_help(format!("write `apiVersion: {expected}`"))
                .with_suggestion(expected);
            problem.place = document.place_of("/apiVersion");
            if document.is_broken("/apiVersion") {
                return;
            }
            problems.push(problem);
        }
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
    let meant = match text {
        "Deployment" | "StatefulSet" | "ReplicaSet" | "DaemonSet" => Some("Service"),
        "Pod" | "PodTemplate" | "Task" => Some("TaskDefinition"),
        "Namespace" => Some("Cluster"),
        _ => closest(text, Kind::ALL.into_iter().map(Kind::as_str)),
    };
    if let Some(meant) = meant {
        problem = problem.with_help(format!("did you mean `{meant}`?")).with_suggestion(meant);
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
