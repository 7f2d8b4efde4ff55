//! The JSON schemas (draft 2020-12), made from the types in `manifest`.

use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::manifest::{Cluster, Kind, Service, TaskDefinition};

/// The schema against which documents are validated.
pub(super) fn validation_schema(kind: Kind) -> Value {
    match kind {
        Kind::Cluster => schema_of::<Cluster>(),
        Kind::TaskDefinition => schema_of::<TaskDefinition>(),
        Kind::Service => schema_of::<Service>(),
    }
    .into()
}

fn schema_of<T: JsonSchema>() -> Schema {
    let mut settings = SchemaSettings::draft2020_12().for_deserialize();
    settings.inline_subschemas = true;
    settings.transforms.push(Box::new(RecursiveTransform(simplify)));
    settings.into_generator().into_root_schema_for::<T>()
}

/// Removes what would only blur messages: the null branch of an optional field, and the list of one schema for every
/// value of an enum.
fn simplify(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
    if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
        branches.retain(|branch| branch.get("type") != Some(&json!("null")));
        if let [Value::Object(only)] = branches.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            adopt(object, only);
        }
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(branches)) = object.get("oneOf") {
        let values: Option<Vec<Value>> = branches.iter().map(|branch| branch.get("const").cloned()).collect();
        if let Some(values) = values {
            object.remove("oneOf");
            object.insert("type".to_owned(), json!("string"));
            object.insert("enum".to_owned(), Value::Array(values));
        }
    }
    // The names of Rust's number types mean nothing to a reader of the schema.
    if object.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
        object.remove("format");
    }
}

/// Takes over the keywords of a schema; the description of the field wins over that of its type.
fn adopt(object: &mut Map<String, Value>, from: Map<String, Value>) {
    for (keyword, value) in from {
        object.entry(keyword).or_insert(value);
    }
}

/// Lets the user's own keys pass in editors: they start with `x-`.
fn allow_own_keys(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("additionalProperties") == Some(&Value::Bool(false)) {
        object.insert("patternProperties".to_owned(), json!({ "^x-": true }));
    }
}

/// The schema of a kind as a file for editors and other tools.
pub fn schema_text(kind: Kind) -> String {
    let value = validation_schema(kind);
    // The schema is an object, so this conversion always succeeds.
    let mut schema = Schema::try_from(value).unwrap_or_default();
    RecursiveTransform(allow_own_keys).transform(&mut schema);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
