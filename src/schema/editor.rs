//! The schemas as editors get them: with what the validation does not need, and people do.

use schemars::Schema;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Value, json};

use super::generate::validation_schema;
use crate::manifest::Kind;

const CONTAINER: &str = "containerDefinitions[]";

/// A field by its kind, the path of the object around it below `spec`, and its name; and what holds where it is not given.
type Default = (Kind, &'static str, &'static str, fn() -> Value);

/// What holds where a field is not given.
pub(super) const DEFAULTS: &[Default] = &[
    (Kind::Cluster, "", "imagePullBehavior", || json!("prefer-cached")),
    (Kind::Service, "", "healthCheckGracePeriodSeconds", || json!(0)),
    (Kind::Service, "", "schedulingStrategy", || json!("REPLICA")),
    (Kind::Service, "deploymentConfiguration", "minimumHealthyPercent", || json!(100)),
    (Kind::Service, "deploymentConfiguration", "maximumPercent", || json!(200)),
    (Kind::TaskDefinition, "", "networkMode", || json!("bridge")),
    (Kind::TaskDefinition, CONTAINER, "essential", || json!(true)),
    (Kind::TaskDefinition, CONTAINER, "stopTimeout", || json!(30)),
    (Kind::TaskDefinition, CONTAINER, "versionConsistency", || json!("enabled")),
    (Kind::TaskDefinition, CONTAINER, "interactive", || json!(false)),
    (Kind::TaskDefinition, CONTAINER, "pseudoTerminal", || json!(false)),
    (Kind::TaskDefinition, CONTAINER, "privileged", || json!(false)),
    (Kind::TaskDefinition, CONTAINER, "readonlyRootFilesystem", || json!(false)),
    (Kind::TaskDefinition, CONTAINER, "disableNetworking", || json!(false)),
    (Kind::TaskDefinition, "containerDefinitions[].portMappings[]", "protocol", || json!("tcp")),
    (Kind::TaskDefinition, "containerDefinitions[].mountPoints[]", "readOnly", || json!(false)),
    (Kind::TaskDefinition, "containerDefinitions[].volumesFrom[]", "readOnly", || json!(false)),
    (Kind::TaskDefinition, "containerDefinitions[].healthCheck", "interval", || json!(30)),
    (Kind::TaskDefinition, "containerDefinitions[].healthCheck", "timeout", || json!(5)),
    (Kind::TaskDefinition, "containerDefinitions[].healthCheck", "retries", || json!(3)),
    (Kind::TaskDefinition, "containerDefinitions[].healthCheck", "startPeriod", || json!(0)),
    (Kind::TaskDefinition, "containerDefinitions[].healthCheck.httpGet", "path", || json!("/")),
    (Kind::TaskDefinition, "containerDefinitions[].healthCheck.httpGet", "scheme", || json!("HTTP")),
    (Kind::TaskDefinition, "containerDefinitions[].readinessCheck", "interval", || json!(30)),
    (Kind::TaskDefinition, "containerDefinitions[].readinessCheck", "timeout", || json!(5)),
    (Kind::TaskDefinition, "containerDefinitions[].readinessCheck", "retries", || json!(3)),
    (Kind::TaskDefinition, "containerDefinitions[].readinessCheck", "startPeriod", || json!(0)),
    (Kind::TaskDefinition, "containerDefinitions[].readinessCheck.httpGet", "path", || json!("/")),
    (Kind::TaskDefinition, "containerDefinitions[].readinessCheck.httpGet", "scheme", || json!("HTTP")),
    (Kind::TaskDefinition, "containerDefinitions[].restartPolicy", "restartAttemptPeriod", || json!(300)),
    (Kind::TaskDefinition, "containerDefinitions[].linuxParameters", "initProcessEnabled", || json!(false)),
    (Kind::TaskDefinition, "volumes[].dockerVolumeConfiguration", "scope", || json!("task")),
    (Kind::TaskDefinition, "volumes[].dockerVolumeConfiguration", "autoprovision", || json!(false)),
    (Kind::TaskDefinition, "volumes[].dockerVolumeConfiguration", "driver", || json!("local")),
];

/// The schema of a kind as a file for editors and other tools.
pub fn schema_text(kind: Kind) -> String {
    let mut text = serde_json::to_string_pretty(&editor_schema(kind)).unwrap_or_default();
    text.push('\n');
    text
}

/// The schema of a kind with defaults, the user's own keys, and a mark at what has no effect.
pub(super) fn editor_schema(kind: Kind) -> Value {
    let mut value = validation_schema(kind);
    for (_, path, field, default) in DEFAULTS.iter().filter(|(of, ..)| *of == kind) {
        if let Some(property) = value.pointer_mut(&pointer_of(path, field)).and_then(Value::as_object_mut) {
            property.insert("default".to_owned(), default());
        }
    }
    // The schema is an object, so this conversion always succeeds.
    let mut schema = Schema::try_from(value).unwrap_or_default();
    RecursiveTransform(for_people).transform(&mut schema);
    schema.into()
}

/// Where the schema of a field is: `volumes[].host` and `sourcePath` as `/properties/spec/properties/volumes/items/...`.
pub(super) fn pointer_of(path: &str, field: &str) -> String {
    let mut pointer = "/properties/spec".to_owned();
    for token in path.split('.').filter(|token| !token.is_empty()) {
        let name = token.trim_end_matches("[]");
        let items = if name == token { "" } else { "/items" };
        pointer.extend(["/properties/", name, items]);
    }
    pointer.extend(["/properties/", field]);
    pointer
}

/// Lets the user's own keys pass (they start with `x-`), and marks what has no effect as editors mark what is deprecated.
fn for_people(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("additionalProperties") == Some(&Value::Bool(false)) {
        object.insert("patternProperties".to_owned(), json!({ "^x-": true }));
    }
    let description = object.get("description").and_then(Value::as_str).filter(|text| text.starts_with("No effect"));
    if let Some(description) = description.map(str::to_owned) {
        object.insert("deprecated".to_owned(), Value::Bool(true));
        object.insert("deprecationMessage".to_owned(), Value::String(description));
    }
}
