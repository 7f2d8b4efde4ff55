//! What the engine is asked for by each task definition of `tests/ecs`, between which every honoured parameter stands.

use std::fmt::Write as _;
use std::path::Path;

use super::*;
use crate::desired::resolve::resolve_definition;
use crate::desired::{Inputs, TaskSpec};
use crate::load::{load_texts, validate_loaded};
use crate::observed::ContainerId;
use crate::ownership::LABEL_PREFIX;

/// The labels that the user wrote, beside those that are ours.
const TAGS: &str = "reconcile.tag.";

fn resolve(stem: &str, text: &str) -> TaskSpec {
    let validated = validate_loaded(&load_texts(vec![(format!("{stem}.json"), text.to_owned())]));
    let located = validated.task_definitions.first().unwrap_or_else(|| panic!("{stem}: {:?}", validated.problems));
    resolve_definition(located, &Inputs::default())
}

/// The request for one container of a task. Other containers are known by their names, as if these were their ids.
fn request(task: &TaskSpec, spec: &Arc<ContainerSpec>) -> Value {
    let mut new = new_container(r#"{"name":"a","image":"b"}"#);
    new.identity.container = spec.name.clone();
    new.spec = spec.clone();
    let owner = task.containers.iter().find(|container| container.is_namespace_owner());
    new.namespaces = owner.filter(|_| spec.joins_namespaces()).map(|_| ContainerId::new("owner"));
    let sources = spec
        .volumes_from
        .iter()
        .map(|from| VolumeSource { id: ContainerId::new(from.source_container.as_str()), read_only: from.read_only });
    new.volumes_from = sources.collect();
    let mut body = tidied(serde_json::to_value(container_body(&new)).expect("JSON"));
    // The script of a case says what it finds, not what is asked for.
    if body["Cmd"].as_array().is_some_and(|words| words.len() == 3 && words[0] == "sh") {
        body["Cmd"] = Value::Null;
    }
    // Asked for beside the body.
    if let Some(platform) = spec.platform() {
        body["?platform"] = platform.to_string().into();
    }
    body
}

/// A value with its fields in order, since some of the engine's own types have none, and without our own labels.
fn tidied(value: Value) -> Value {
    let is_ours = |name: &str| name.starts_with(LABEL_PREFIX) && !name.starts_with(TAGS);
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.into_iter().filter(|(name, _)| !is_ours(name)).collect();
            Value::Object(fields.into_iter().map(|(name, value)| (name, tidied(value))).collect())
        }
        Value::Array(items) => items.into_iter().map(tidied).collect(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

/// What of `value` is not in `usual`, and what of `usual` is not in it.
fn unusual(value: &Value, usual: &Value) -> Option<Value> {
    if value == usual {
        return None;
    }
    let (Some(fields), Some(usual)) = (value.as_object(), usual.as_object()) else { return Some(value.clone()) };
    let names: std::collections::BTreeSet<_> = fields.keys().chain(usual.keys()).collect();
    let of = |fields: &serde_json::Map<String, Value>, name: &str| fields.get(name).cloned().unwrap_or_default();
    let found =
        names.into_iter().filter_map(|name| Some((name.clone(), unusual(&of(fields, name), &of(usual, name))?)));
    Some(Value::Object(found.collect()))
}

/// `RECONCILE_BLESS=1` writes the file anew.
#[test]
fn what_is_asked_for_by_every_definition() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ecs");
    let entries = std::fs::read_dir(&directory).expect("a directory of the repository").flatten();
    let mut paths: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == "json"))
        .collect();
    paths.sort();
    let plain = resolve(
        "plain",
        r#"{"family":"plain","containerDefinitions":[{"name":"main","image":"reconcile-busybox:1","memory":32}]}"#,
    );
    let usual = request(&plain, &plain.containers[0]);
    let mut text = String::from(
        "# What the engine is asked for beyond the usual, by each container of each file beside this one.\n",
    );
    for path in paths {
        let stem = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let task = resolve(&stem, &std::fs::read_to_string(&path).expect("a file of the repository"));
        for spec in &task.containers {
            let found = unusual(&request(&task, spec), &usual).unwrap_or_else(|| json!({}));
            writeln!(text, "{stem}/{} {found}", spec.name).expect("a text takes everything");
        }
    }
    let golden = directory.join("requests.txt");
    if std::env::var_os("RECONCILE_BLESS").is_some() {
        std::fs::write(&golden, text).expect("the repository is writable when blessing");
        return;
    }
    let found = std::fs::read_to_string(&golden).unwrap_or_default();
    for (found, expected) in found.lines().zip(text.lines()) {
        assert_eq!(found, expected, "{} is stale, or the request is wrong", golden.display());
    }
    assert_eq!(
        found.lines().count(),
        text.lines().count(),
        "{} is stale: run the tests once with RECONCILE_BLESS=1",
        golden.display()
    );
}
