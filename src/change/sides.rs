//! What a service is made of before and after, as texts that can be compared line by line.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Before;
use super::overview::revision_name;
use super::text::{hide_texts, hide_words};
use crate::desired::{ContainerSpec, Revision, TaskSpec};
use crate::ownership::redact;
use crate::value::Family;

/// So many lines around a change are shown.
const CONTEXT_LINES: usize = 3;

/// What a service is made of, before and after. Its texts are made when somebody wants them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sides {
    /// What runs; `None` when it is new.
    pub(super) before: Option<Side>,
    /// What is wanted; `None` when it goes.
    pub(super) after: Option<Side>,
}

impl fmt::Debug for Sides {
    /// The values in it are for nobody to see.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |side: &Option<Side>| side.as_ref().map(Side::name);
        f.debug_struct("Sides").field("before", &name(&self.before)).field("after", &name(&self.after)).finish()
    }
}

/// A service as it is, or as it should be.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Side {
    family: Family,
    revision: Revision,
    count: u32,
    containers: Vec<Arc<ContainerSpec>>,
}

impl Side {
    pub(super) fn running(before: Before, count: u32) -> Self {
        let Before { family, revision, containers } = before;
        Self { family, revision, count, containers }
    }

    pub(super) fn wanted(task: &TaskSpec, count: u32) -> Self {
        let TaskSpec { family, revision, containers } = task;
        Self { family: family.clone(), revision: *revision, count, containers: containers.clone() }
    }

    fn name(&self) -> String {
        revision_name(self.family.as_str(), self.revision)
    }

    /// As YAML, with ECS's names for the fields. What nobody else should read is left out.
    fn text(&self) -> String {
        let mut containers: Vec<_> = self.containers.iter().map(|container| json!(redact(container))).collect();
        let mut definition = Map::new();
        definition.insert("family".to_owned(), json!(self.family));
        // What holds for the task as a whole is written on each container, and told once.
        for container in containers.iter_mut().filter_map(Value::as_object_mut) {
            if let Some(Value::Object(task)) = container.shift_remove("task") {
                definition.extend(task);
            }
        }
        definition.insert("containerDefinitions".to_owned(), Value::Array(containers));
        let mut value = json!({ "desiredCount": self.count, "taskDefinition": definition });
        hide(&mut value, "");
        serde_yaml::to_string(&value).expect("a tree of texts, numbers and flags is YAML")
    }
}

/// Covers what is sensitive by its name, its form or the word before it, and drops what only identifies the value of a secret.
fn hide(value: &mut Value, key: &str) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("valueFrom") {
                fields.shift_remove("version");
            }
            fields.iter_mut().for_each(|(key, value)| hide(value, key));
        }
        Value::Array(items) if items.iter().all(Value::is_string) => hide_words(items),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, key)),
        Value::String(text) => hide_texts(key, text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Sides {
    /// Both as a unified difference: empty when there is none to be seen.
    pub fn unified(&self, name: &str) -> String {
        let text = |side: &Option<Side>| side.as_ref().map(Side::text).unwrap_or_default();
        let header = |side: &Option<Side>, what| match side {
            Some(side) => format!("{name}  {} ({what})", side.name()),
            None => "/dev/null".to_owned(),
        };
        let (old, new) = (text(&self.before), text(&self.after));
        similar::TextDiff::from_lines(&old, &new)
            .unified_diff()
            .context_radius(CONTEXT_LINES)
            .header(&header(&self.before, "running"), &header(&self.after, "wanted"))
            .to_string()
    }
}

#[cfg(test)]
mod tests;
