//! Fields of ECS that are accepted without an effect on a Docker host: each reason is told once for a document.

use serde_json::Value;

use super::explain::object_name;
use super::known::{Field, Shape};
use crate::document::Document;
use crate::manifest::Kind;
use crate::problem::{Code, Place, Problem};

/// How many names of fields are told with one reason.
const NAMES_MAX: usize = 3;

/// The fields that were found with one reason.
struct Found {
    reason: &'static str,
    names: Vec<String>,
    place: Place,
}

/// Takes the fields without effect out of a value, and warns of them.
pub(super) fn take_ignored(
    kind: Kind,
    value: &mut Value,
    shape: &'static Shape,
    document: &Document,
    problems: &mut Vec<Problem>,
) {
    let object = object_name(kind, value);
    let mut found = Vec::new();
    walk(value, shape, document, &mut String::new(), &mut found);
    problems.extend(found.into_iter().map(|Found { reason, names, place }| {
        let shown = names.iter().take(NAMES_MAX).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(NAMES_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Problem::warning(Code::NoEffect, format!("no effect on a Docker host: {shown}{more}"))
            .with_place(place)
            .with_help(reason)
            .with_object(object.clone())
    }));
}

fn walk(value: &mut Value, shape: &'static Shape, document: &Document, pointer: &mut String, found: &mut Vec<Found>) {
    let Value::Object(map) = value else { return };
    map.retain(|key, value| {
        let Some(Field::Ignored(json_type, reason)) = shape.field(key) else { return true };
        // What has the wrong type has been told of already.
        if !is_nothing(value) && has_type(value, json_type) {
            let path = format!("{pointer}/{key}");
            note(found, reason, key, document.key_place_of(&path).unwrap_or_else(|| document.nearest_place_of(&path)));
        }
        false
    });
    let length = pointer.len();
    for (key, value) in map.iter_mut() {
        match (shape.field(key), value) {
            (Some(Field::Object(inner)), value) => {
                pointer.extend(["/", key]);
                walk(value, inner, document, pointer, found);
                pointer.truncate(length);
            }
            (Some(Field::List(inner)), Value::Array(items)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    pointer.extend(["/", key, "/", &index.to_string()]);
                    walk(item, inner, document, pointer, found);
                    pointer.truncate(length);
                }
            }
            _ => {}
        }
    }
}

fn note(found: &mut Vec<Found>, reason: &'static str, name: &str, place: Place) {
    match found.iter_mut().find(|known| known.reason == reason) {
        Some(known) if known.names.iter().any(|other| other == name) => {}
        Some(known) => known.names.push(name.to_owned()),
        None => found.push(Found { reason, names: vec![name.to_owned()], place }),
    }
}

fn has_type(value: &Value, json_type: &str) -> bool {
    match json_type {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

/// Whether a value asks for nothing, so that nobody has to be told that it has no effect.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}
