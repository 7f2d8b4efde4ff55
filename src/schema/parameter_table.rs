//! What becomes of every parameter of a task definition, as the table in the README.

use std::fmt::Write as _;

use serde_json::Value;

use super::generate::validation_schema;
use super::known::{Field, Shape};
use super::parameters::{CONTAINER_DEFINITION, TASK_DEFINITION_SPEC, VOLUME};
use crate::manifest::Kind;

/// One parameter: its path, what becomes of it, and how or why.
pub(super) struct Row {
    pub(super) path: String,
    pub(super) class: Class,
    pub(super) text: String,
}

/// What becomes of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Honoured,
    Accepted,
    Refused,
    NotYet,
    /// ECS does not have it.
    Extension,
}

/// How the description of a field begins that ECS does not have.
const EXTENSION: &str = "Not in ECS: ";

impl Class {
    /// What may become of a parameter of ECS.
    const ALL: [Self; 4] = [Self::Honoured, Self::Accepted, Self::Refused, Self::NotYet];

    fn as_str(self) -> &'static str {
        match self {
            Self::Honoured => "honoured",
            Self::Accepted => "accepted, no effect",
            Self::Refused => "refused",
            Self::NotYet => "not yet",
            Self::Extension => "not in ECS",
        }
    }
}

/// Every parameter of the objects of `shape`, in its order. What stands in a parameter that is not honoured has the same fate.
fn add_rows(rows: &mut Vec<Row>, shape: &Shape, schema: &Value, path: &str) {
    for (name, field) in shape.fields {
        let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
        let property = &schema["properties"][*name];
        let (class, text) = match field {
            Field::Plain | Field::Map | Field::Object(_) | Field::List(_) => {
                let description = sentences(property["description"].as_str().unwrap_or_default());
                match description.strip_prefix(EXTENSION) {
                    Some(rest) => (Class::Extension, rest.to_owned()),
                    None => (Class::Honoured, description),
                }
            }
            Field::Ignored(_, reason) => (Class::Accepted, (*reason).to_owned()),
            Field::Refused(advice) => (Class::Refused, (*advice).to_owned()),
            Field::NotYet => (Class::NotYet, "an error says so".to_owned()),
        };
        rows.push(Row { path: path.clone(), class, text });
        // The table is about ECS: what stands in something else is described by the schema.
        if class == Class::Extension {
            continue;
        }
        match field {
            Field::Object(inner) => add_rows(rows, inner, property, &path),
            Field::List(inner) => add_rows(rows, inner, &property["items"], &format!("{path}[]")),
            Field::Plain | Field::Map | Field::Ignored(..) | Field::Refused(_) | Field::NotYet => {}
        }
    }
}

/// Every parameter of a task definition, by its path in the request that registers it.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    add_rows(&mut rows, &TASK_DEFINITION_SPEC, &validation_schema(Kind::TaskDefinition)["properties"]["spec"], "");
    rows
}

/// A description in one line, in the form of a reason: without the last full stop.
fn sentences(description: &str) -> String {
    description.replace('\n', " ").trim_end_matches('.').to_owned()
}

/// The tables, in Markdown.
pub fn parameter_table() -> String {
    let rows = rows();
    let counts = Class::ALL.map(|class| {
        let count = rows.iter().filter(|row| row.class == class).count();
        format!("{count} {}", class.as_str())
    });
    let extensions = rows.iter().filter(|row| row.class == Class::Extension).count();
    let known = rows.len() - extensions;
    let mut text =
        format!("Of {known} parameters: {}. Besides, {extensions} that ECS does not have.\n", counts.join(", "));
    let container = "containerDefinitions[].";
    let volume = "volumes[].";
    let parts = [(TASK_DEFINITION_SPEC.name, ""), (CONTAINER_DEFINITION.name, container), (VOLUME.name, volume)];
    for (title, prefix) in parts {
        write!(text, "\n| {title} | here | how, or why not |\n|---|---|---|\n").expect("a String takes everything");
        for Row { path, class, text: how } in &rows {
            let name = if prefix.is_empty() {
                (!path.starts_with(container) && !path.starts_with(volume)).then_some(path.as_str())
            } else {
                path.strip_prefix(prefix)
            };
            let Some(name) = name else { continue };
            writeln!(text, "| `{name}` | {} | {} |", class.as_str(), how.replace('|', "\\|"))
                .expect("a String takes everything");
        }
    }
    text
}
