//! One schema for every kind of manifest, for files that hold several.
//!
//! It is draft-07, which every version of the YAML language server reads, and it decides by `kind` first, so that an editor complains
//! about the fields of the kind that is meant and about no other.

use serde_json::{Value, json};

use super::editor::editor_schema;
use crate::manifest::{ApiVersion, Kind};

/// The schema of all kinds as a file for editors and other tools.
pub fn combined_schema_text() -> String {
    let mut text = serde_json::to_string_pretty(&combined_schema()).unwrap_or_default();
    text.push('\n');
    text
}

pub(super) fn combined_schema() -> Value {
    let mut branches: Vec<Value> = Kind::ALL.into_iter().map(branch).collect();
    branches.push(plain_branch());
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A manifest of reconcile",
        "description": "A Cluster, a TaskDefinition or a Service; or a task definition as Amazon ECS has it, without an envelope.",
        "type": "object",
        "properties": {
            "apiVersion": {
                "description": "The version of the format.",
                "type": "string",
                "enum": [ApiVersion::V1.as_str()],
            },
            "kind": {
                "description": "What the document describes: a group of services (Cluster), what a task is made of (TaskDefinition), or how \
                                many tasks are kept running (Service).",
                "type": "string",
                "enum": Kind::ALL.map(Kind::as_str),
            },
        },
        "allOf": branches,
    })
}

/// Documents of a kind have the fields of that kind.
fn branch(kind: Kind) -> Value {
    json!({
        "if": { "required": ["kind"], "properties": { "kind": { "const": kind.as_str() } } },
        "then": without_dialect(editor_schema(kind)),
    })
}

/// Without a kind it is a task definition of ECS, or something is missing.
fn plain_branch() -> Value {
    let mut definition = editor_schema(Kind::TaskDefinition)["properties"]["spec"].take();
    // What stands at the root of a plain task definition is also its name.
    definition["required"] = json!(["family", "containerDefinitions"]);
    json!({
        "if": { "not": { "anyOf": [{ "required": ["kind"] }, { "required": ["apiVersion"] }] } },
        "then": {
            "if": { "required": ["taskDefinition"] },
            "then": {
                "properties": { "taskDefinition": definition.clone(), "tags": definition["properties"]["tags"].clone() },
                "patternProperties": { "^x-": true },
                "additionalProperties": false,
            },
            "else": {
                "if": { "required": ["containerDefinitions"] },
                "then": definition,
                "else": { "required": ["apiVersion", "kind", "metadata", "spec"] },
            },
        },
        "else": { "required": ["apiVersion", "kind"] },
    })
}

fn without_dialect(mut schema: Value) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
    }
    schema
}
