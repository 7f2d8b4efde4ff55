//! The JSON schemas (draft 2020-12), made from the types in `manifest`.

use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::known::{Field, Shape, document_shape};
use crate::manifest::{Cluster, Kind, Service, TaskDefinition};

/// The schema against which documents are validated.
pub(super) fn validation_schema(kind: Kind) -> Value {
    let schema = match kind {
        Kind::Cluster => schema_of::<Cluster>(),
        Kind::TaskDefinition => schema_of::<TaskDefinition>(),
        Kind::Service => schema_of::<Service>(),
    };
    let mut schema = schema.into();
    add_ignored(&mut schema, document_shape(kind));
    schema
}

/// Adds the fields that are accepted without effect: no type has them, and yet they may be written.
fn add_ignored(schema: &mut Value, shape: &Shape) {
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (name, field) in shape.fields {
        match field {
            Field::Ignored(json_type, reason) => {
                let mut property = json!({ "description": format!("No effect on a Docker host: {reason}.") });
                if !json_type.is_empty() {
                    property["type"] = json!(json_type);
                }
                properties.entry(*name).or_insert(property);
            }
            Field::Object(inner) => {
                if let Some(property) = properties.get_mut(*name) {
                    add_ignored(property, inner);
                }
            }
            Field::List(inner) => {
                if let Some(items) = properties.get_mut(*name).and_then(|property| property.get_mut("items")) {
                    add_ignored(items, inner);
                }
            }
            Field::Plain | Field::Map | Field::Refused(_) | Field::NotYet => {}
        }
    }
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
