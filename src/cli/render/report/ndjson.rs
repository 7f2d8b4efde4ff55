//! The JSON document in pieces, one on each line: what reads it can begin with the first.

use serde_json::{Value, json};

use super::super::escape::json_text;

/// The lists of the document, and what each piece of them is called.
const LISTS: [(&str, &str); 5] = [
    ("changes", "plan.change"),
    ("forecast", "plan.forecast"),
    ("simulations", "plan.simulation"),
    ("blocked", "plan.blocked"),
    ("diagnostics", "diagnostic"),
];

/// What stands in the first line, for who wants to know what follows.
const HEAD: [&str; 6] = ["formatVersion", "kind", "reconcileVersion", "source", "desired", "observed"];

/// `version` first, `summary` last: whatever the document holds and no other line does is in one of them.
pub(super) fn render(document: &Value) -> String {
    let mut lines = Vec::new();
    let (mut head, mut end) = (json!({ "type": "version" }), json!({ "type": "summary" }));
    for (key, value) in document.as_object().into_iter().flatten() {
        if LISTS.iter().any(|(list, _)| list == key) {
            continue;
        }
        let line = if HEAD.contains(&key.as_str()) { &mut head } else { &mut end };
        line[key] = value.clone();
    }
    lines.push(head);
    for (list, name) in LISTS {
        for item in document[list].as_array().into_iter().flatten() {
            let mut line = json!({ "type": name });
            for (key, value) in item.as_object().into_iter().flatten() {
                line[key] = value.clone();
            }
            lines.push(line);
        }
    }
    lines.push(end);
    lines.iter().map(|line| format!("{}\n", json_text(&line.to_string()))).collect::<Vec<_>>().concat()
}
