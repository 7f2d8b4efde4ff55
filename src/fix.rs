//! Repairs that need no decision: what a problem suggests is written where it is wrong, and no other byte is touched.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use crate::problem::{Place, Problem};

/// One piece of a text that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Where it stood.
    pub place: Place,
    /// What was there.
    pub from: String,
    /// What is there now.
    pub to: String,
}

/// Writes into the text of a file what its problems suggest, as far as each can only have been meant one way. Gives the new text and
/// what was replaced, in the order of the text. What would not leave a file of JSON one is left alone.
pub fn apply<'p>(text: &str, problems: impl Iterator<Item = &'p Problem>) -> (String, Vec<Fix>) {
    let is_json = is_json(text);
    let mut wanted: BTreeMap<(usize, usize), Option<(&Place, &str)>> = BTreeMap::new();
    for problem in problems.filter(|problem| problem.fixable) {
        let (Some(place), Some(to)) = (&problem.place, &problem.suggestion) else { continue };
        if place.line != place.end_line || (is_json && !self::is_json(to)) {
            continue;
        }
        let repair = wanted.entry((place.bytes.start, place.bytes.end)).or_insert(Some((place, to)));
        if repair.is_some_and(|(_, other)| other != to) {
            // Two problems that want different things are a decision.
            *repair = None;
        }
    }
    let mut repaired = String::with_capacity(text.len());
    let mut fixes = Vec::new();
    let mut done = 0;
    for (place, to) in wanted.into_values().flatten() {
        let Some(from) = text.get(place.bytes.clone()).filter(|from| place.bytes.start >= done && from != &to) else {
            continue;
        };
        repaired.push_str(&text[done..place.bytes.start]);
        repaired.push_str(to);
        done = place.bytes.end;
        fixes.push(Fix { place: place.clone(), from: from.to_owned(), to: to.to_owned() });
    }
    repaired.push_str(&text[done..]);
    (repaired, fixes)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests;
