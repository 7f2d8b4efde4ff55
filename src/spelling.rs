//! "Did you mean": the one of several names that was probably meant by a name that does not exist.

use similar::TextDiff;

/// How alike two words are before one is taken for a slip of the other, from 0 to 1: two letters in three stay where they are.
const ALIKE_MIN: f32 = 0.66;

/// How alike two words are before nobody would ask whether one is a slip of the other: four letters in five stay where they are.
const CERTAIN_MIN: f32 = 0.8;

/// A very long word is no slip, and comparing it would take long.
const WORD_BYTES_MAX: usize = 64;

/// The one of several words that was probably meant: the same but for case, hyphens and underscores, or else the most alike.
pub fn closest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let candidates: Vec<&str> = candidates.collect();
    if let Some(same) = candidates.iter().find(|candidate| plain(candidate) == plain(word)) {
        return Some(same);
    }
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    similar::get_close_matches(word, &candidates, 1, ALIKE_MIN).first().copied()
}

/// `did you mean ...?`, where one name comes near; otherwise all that there are.
pub fn suggest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<_> = known.collect();
    if let Some(meant) = closest(name, known.iter().copied()) {
        return format!("did you mean `{meant}`?");
    }
    if known.is_empty() {
        return "there is none".to_owned();
    }
    format!("there is {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
}

/// Whether `meant` is the only one of several words that comes near, and comes very near: nobody would ask.
pub fn is_only_like<'a>(word: &str, meant: &str, candidates: impl Iterator<Item = &'a str>) -> bool {
    likeness(word, meant) >= CERTAIN_MIN
        && candidates.filter(|other| *other != meant).all(|other| !are_alike(word, other))
}

/// Whether one may be a slip of the other.
pub fn are_alike(one: &str, other: &str) -> bool {
    likeness(one, other) >= ALIKE_MIN
}

/// How much of two words is the same and in the same order, from 0 to 1.
pub fn likeness(one: &str, other: &str) -> f32 {
    TextDiff::from_chars(one, other).ratio()
}

/// A word without case, hyphens and underscores.
pub fn plain(word: &str) -> String {
    word.chars().filter(|c| *c != '_' && *c != '-').flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
