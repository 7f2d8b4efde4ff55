//! Quoted lines without what nobody else should read.
//!
//! A line of a manifest that is wrong cannot be read as a manifest, so this goes by the text: where a word on a line names something
//! sensitive, or a value is an address with a password, the values on that line and on its neighbours are covered. Rather too much
//! than too little: the place and the key are what a person needs.

use std::borrow::Cow;

use crate::ownership::is_sensitive;

/// Covers sensitive values with stars, byte for byte, so that every place in the text stays where it is.
pub(super) fn mask(text: &str) -> Cow<'_, str> {
    let lines: Vec<&str> = text.split('\n').collect();
    let tells: Vec<bool> = lines.iter().map(|line| is_telling(line)).collect();
    if !tells.contains(&true) {
        return Cow::Borrowed(text);
    }
    let near = |index: usize| tells[index.saturating_sub(1)..(index + 2).min(tells.len())].contains(&true);
    let masked: Vec<_> = lines
        .iter()
        .enumerate()
        .map(|(index, line)| if near(index) { Cow::Owned(cover(line)) } else { Cow::Borrowed(*line) })
        .collect();
    Cow::Owned(masked.join("\n"))
}

fn is_telling(line: &str) -> bool {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    // What stands as `valueFrom` and is no reference may be the secret itself.
    line.split(word).any(|word| is_sensitive(word, "") || word == "valueFrom")
        || line.split_whitespace().any(|word| is_sensitive("", word.trim_matches(['"', '\'', ','])))
}

/// Covers the value of every `key: value` on a line, unless the key is `name`: that is what tells which variable is meant.
fn cover(line: &str) -> String {
    let mut covered = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(colon) = rest.find(": ") {
        let (before, after) = rest.split_at(colon + 2);
        covered.push_str(before);
        let key = before.trim_end_matches(": ").rsplit([' ', '{', ',', '-', '"', '\'']).next().unwrap_or_default();
        // A value that opens a mapping or a list is covered pair by pair.
        let end = if after.trim_start().starts_with(['{', '[']) {
            0
        } else {
            after.find([',', '}', ']']).unwrap_or(after.len())
        };
        let value = &after[..end];
        if key == "name" {
            covered.push_str(value);
        } else {
            covered.extend(value.bytes().map(|byte| if byte == b' ' { ' ' } else { '*' }));
        }
        rest = &after[end..];
        if end == 0 && !rest.contains(": ") {
            break;
        }
    }
    covered.push_str(rest);
    covered
}

#[cfg(test)]
mod tests;
