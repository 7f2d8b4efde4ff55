//! A plain ECS task definition, seen as if it had the envelope of a manifest.
//!
//! What `RegisterTaskDefinition` takes has no envelope, and what `DescribeTaskDefinition` gives has another one. Here both are read as
//! `apiVersion`, `kind`, `metadata.name` (the family) and `spec`, and each pointer into that leads to the place where it is written.

use serde_json::{Map, Value, json};

use super::{Document, Holds};

/// The field that only a task definition has.
const MARK: &str = "containerDefinitions";
/// The field around it in what `DescribeTaskDefinition` gives.
const WRAPPER: &str = "taskDefinition";
/// What stands beside the wrapper and belongs into it.
const TAGS: &str = "tags";

/// Finds the node that holds the fields of a plain task definition.
pub(super) fn find(document: &Document) -> Option<usize> {
    let root = document.nodes.first().filter(|root| root.holds == Holds::Mapping)?;
    let has = |index: usize, key: &str| document.child(index, key).is_some();
    if root.size <= 1 || has(0, "apiVersion") || has(0, "kind") {
        return None;
    }
    if has(0, MARK) {
        return Some(0);
    }
    document.child(0, WRAPPER).filter(|inner| document.nodes[*inner].holds == Holds::Mapping && has(*inner, MARK))
}

/// The node at a pointer into the manifest, or the last one on the way with `false`. `inner` holds the fields of the task definition.
pub(super) fn walk(document: &Document, inner: usize, pointer: &str) -> (usize, bool) {
    let below = |name: &str| pointer.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    if let Some(rest) = below("/spec/tags").filter(|_| document.child(inner, TAGS).is_none()) {
        // Where nothing is beside the wrapper either, the task definition is what is nearest.
        let tags = document.child(0, TAGS).map(|tags| document.walk_from(tags, rest));
        return tags.unwrap_or((inner, false));
    }
    if let Some(rest) = below("/spec") {
        return document.walk_from(inner, rest);
    }
    if let Some(rest) = below("/metadata/name") {
        return document.child(inner, "family").map_or((inner, false), |family| document.walk_from(family, rest));
    }
    if ["/metadata", "/apiVersion", "/kind"].into_iter().any(|name| below(name).is_some()) {
        return (inner, false);
    }
    document.walk_from(0, pointer)
}

/// The manifest as a value.
pub(super) fn to_value(document: &Document, inner: usize) -> Value {
    let fields = |index: usize| match document.value_at(index) {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    let mut spec = fields(inner);
    let mut around = if inner == 0 { Map::new() } else { fields(0) };
    around.shift_remove(WRAPPER);
    if !spec.contains_key(TAGS)
        && let Some(tags) = around.shift_remove(TAGS)
    {
        spec.insert(TAGS.to_owned(), tags);
    }
    let mut metadata = Map::new();
    if let Some(family) = spec.shift_remove("family") {
        metadata.insert("name".to_owned(), family);
    }
    let mut manifest = Map::new();
    manifest.insert("apiVersion".to_owned(), json!("reconcile/v1"));
    manifest.insert("kind".to_owned(), json!("TaskDefinition"));
    manifest.insert("metadata".to_owned(), Value::Object(metadata));
    manifest.insert("spec".to_owned(), Value::Object(spec));
    // What else stands around it is not known, and is said to be so at its own place.
    manifest.extend(around);
    Value::Object(manifest)
}
