//! Values, types and paths in plain words, and the search for the word that was meant.

use serde_json::Value;

use super::foreign::{FOREIGN_WORDS, Foreign, NO_COUNTERPART};
use super::known::{Field, SHAPES, Shape};
use crate::spelling::{closest, is_only_like, plain};

/// The longest piece of a value that is shown.
const SHOWN_MAX: usize = 40;

/// `/spec/containerDefinitions/0/image` as `spec.containerDefinitions[0].image`.
pub(super) fn path_in_words(pointer: &str) -> String {
    let mut path = String::new();
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        if !token.is_empty() && token.bytes().all(|b| b.is_ascii_digit()) {
            path.push('[');
            path.push_str(&token);
            path.push(']');
        } else if path.is_empty() {
            path.push_str(&token);
        } else {
            path.push('.');
            path.push_str(&token);
        }
    }
    path
}

/// A value as "integer 8080" or "a list".
pub(super) fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("boolean {value}"),
        Value::Number(number) if number.is_f64() => format!("number {number}"),
        Value::Number(number) => format!("integer {number}"),
        Value::String(text) => format!("string {}", quoted(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

/// A text between quotes, cut when it is long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The name of a JSON type as users know it.
pub(super) fn type_name(name: &str) -> &str {
    match name {
        "array" => "a list",
        "object" => "a mapping",
        other => other,
    }
}

/// What to say about a field that is not known where it stands.
pub(super) enum Advice {
    /// Another field of the same object was meant; when the word is nothing but a slip of it, no other can have been.
    Rename { meant: &'static str, is_certain: bool },
    /// The word of another tool for a field of the same object.
    Called(&'static Foreign),
    /// The field is right, but stands in another object.
    BelongsTo(&'static str),
    /// The ECS word for it stands in another object.
    CalledInOther(&'static Foreign, &'static str),
    /// There is no such thing.
    Nothing(&'static str),
    /// These are the fields.
    List(String),
}

/// Looks for the field that was meant: the word of another tool first, then a slip, then a field of another object.
pub(super) fn advise(key: &str, shape: &'static Shape) -> Advice {
    let is_key = |word: &str| plain(word) == plain(key);
    if let Some(same) = shape.supported().find(|name| is_key(name)) {
        return Advice::Rename { meant: same, is_certain: true };
    }
    let foreign = || FOREIGN_WORDS.iter().filter(|foreign| is_key(foreign.word));
    if let Some((_, advice)) = NO_COUNTERPART.iter().find(|(word, _)| *word == key) {
        return Advice::Nothing(advice);
    }
    if let Some(foreign) = foreign().find(|foreign| is_supported(shape, foreign.ours)) {
        return Advice::Called(foreign);
    }
    if let Some(meant) = closest(key, shape.supported()) {
        return Advice::Rename { meant, is_certain: is_only_like(key, meant, shape.supported()) };
    }
    if let Some(other) = SHAPES.iter().find(|other| other.field(key).is_some()) {
        return Advice::BelongsTo(other.name);
    }
    if let Some((_, advice)) = NO_COUNTERPART.iter().find(|(word, _)| is_key(word)) {
        return Advice::Nothing(advice);
    }
    let elsewhere = |foreign: &'static Foreign| {
        SHAPES.iter().find(|other| is_supported(other, foreign.ours)).map(|other| (foreign, other.name))
    };
    if let Some((foreign, other)) = foreign().find_map(elsewhere) {
        return Advice::CalledInOther(foreign, other);
    }
    let names: Vec<&str> = shape.supported().collect();
    Advice::List(names.join(", "))
}

fn is_supported(shape: &Shape, name: &str) -> bool {
    shape.field(name).is_some_and(Field::is_accepted)
}
