//! Values as text, without anything that nobody else should read and without characters that would steer a terminal.

use serde_json::Value;

use crate::desired::{VolumeDriver, VolumeSpec};
use crate::ownership::{SENSITIVE, is_sensitive};

/// A text as it is, or quoted when it would not be recognised as it is: empty, with spaces around it, or with characters that
/// cannot be seen.
pub(super) fn plain(text: &str) -> String {
    let hides = text.is_empty() || text.trim() != text || text.chars().any(is_unprintable);
    if hides { format!("{text:?}") } else { text.to_owned() }
}

/// Whether a character steers the terminal or the direction of writing instead of showing something.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A list of words, as in the manifest, with sensitive words replaced; and whether there was one.
pub(super) fn words(words: &[String]) -> (String, bool) {
    let mut any = false;
    let mut previous = "";
    let mut shown = Vec::new();
    for word in words {
        let hidden = hide_word(previous, word);
        any |= hidden.is_some();
        shown.push(format!("{:?}", hidden.as_deref().unwrap_or(word)));
        previous = word;
    }
    (format!("[{}]", shown.join(", ")), any)
}

/// `--token=abc`, `abc` after `--token`, `TOKEN=abc` and an address with a password do not belong on a screen.
fn hide_word(previous: &str, word: &str) -> Option<String> {
    let flag = |text: &str| is_sensitive(&text.trim_start_matches('-').replace('-', "_"), "");
    if let Some((name, value)) = word.split_once('=')
        && !name.contains(char::is_whitespace)
        && !value.is_empty()
        && (flag(name) || is_sensitive("", value))
    {
        return Some(format!("{name}={SENSITIVE}"));
    }
    let after_flag = previous.starts_with('-') && !previous.contains('=') && flag(previous) && !word.starts_with('-');
    // A whole line for a shell may hold one anywhere in it.
    let within = word.contains(char::is_whitespace)
        && word
            .split_whitespace()
            .zip(std::iter::once("").chain(word.split_whitespace()))
            .any(|(part, before)| hide_word(before, part).is_some());
    (after_flag || within || is_sensitive("", word)).then(|| SENSITIVE.to_owned())
}

/// Covers the sensitive ones of a list of words, as it stands in JSON.
pub(super) fn hide_words(words: &mut [Value]) {
    let mut previous = String::new();
    for word in words {
        let Value::String(text) = word else { continue };
        let hidden = hide_word(&previous, text);
        previous = std::mem::take(text);
        *word = Value::String(hidden.unwrap_or_else(|| previous.clone()));
    }
}

/// Covers a value that is sensitive by its name or by its form.
pub(super) fn hide_texts(name: &str, text: &mut String) {
    // Where a secret is, and what it is called, is no secret.
    let name = if name == "valueFrom" || name == "name" { "" } else { name };
    // Mount options put a password behind a comma: `o: addr=nas,password=…`.
    if is_sensitive(name, text) || text.split(',').any(|part| hide_word("", part).is_some()) {
        SENSITIVE.clone_into(text);
    }
}

/// What a volume is, in words; and whether something was left out.
pub(super) fn volume(volume: &VolumeSpec) -> (String, bool) {
    match volume {
        VolumeSpec::Host { source_path } => (format!("host directory {}", plain(source_path)), false),
        VolumeSpec::Task { driver } => with_driver("volume of the task", driver),
        VolumeSpec::Shared { autoprovision: true, driver } => with_driver("shared volume", driver),
        VolumeSpec::Shared { autoprovision: false, driver } => with_driver("shared volume that exists already", driver),
    }
}

fn with_driver(what: &str, driver: &VolumeDriver) -> (String, bool) {
    let VolumeDriver { name, options, labels } = driver;
    let mut parts = vec![what.to_owned()];
    let mut any = false;
    parts.extend(name.iter().map(|name| format!("driver {}", plain(name))));
    for (prefix, pairs) in [("option", options), ("label", labels)] {
        for (key, value) in pairs {
            // Mount options put a password behind a comma: `o: addr=nas,password=…`.
            let hidden = is_sensitive(key, value) || value.split(',').any(|part| hide_word("", part).is_some());
            any |= hidden;
            let value = if hidden { SENSITIVE.to_owned() } else { plain(value) };
            parts.push(format!("{prefix} {}={value}", plain(key)));
        }
    }
    (parts.join(", "), any)
}

/// A number of things with the right ending: `1 task`, `3 tasks`.
pub(crate) fn count_of(count: impl Into<u64>, thing: &str) -> String {
    let count = count.into();
    match count {
        1 => format!("1 {thing}"),
        _ if thing.ends_with("ss") => format!("{count} {thing}es"),
        _ => format!("{count} {thing}s"),
    }
}

/// How a deployment failed: after so many failures of its tasks, or, where those are none, because a hook said no.
pub(crate) fn after_failures(failures: u32, reason: Option<&str>) -> String {
    match (failures, reason) {
        (0, Some(reason)) => format!(": {reason}"),
        (failures, Some(reason)) => format!(" after {}, the last: {reason}", count_of(u64::from(failures), "failure")),
        (failures, None) => format!(" after {}", count_of(u64::from(failures), "failure")),
    }
}
