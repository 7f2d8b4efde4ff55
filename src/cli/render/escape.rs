//! Text from outside, made harmless for the form that it is put into: whatever a name or a value holds, it stays text there.
//!
//! Everything printed goes through `one_line` or `clean_line` first, which write out what steers a terminal; what is here guards the
//! form around it.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{clean_line, is_steering, one_line};

/// A whole text for a log that the runner of GitHub reads as well: it takes `::` at the beginning of a line, and `##[` anywhere on it,
/// for a command.
pub(crate) fn log_text(text: &str) -> Cow<'_, str> {
    // Three of them begin the second place of a problem, and no command.
    let is_opened = |line: &str| line.starts_with("::") && !line.starts_with(":::");
    let is_command = |line: &str| is_opened(line.trim_start()) || line.contains("##[");
    if !text.lines().any(is_command) {
        return Cow::Borrowed(text);
    }
    let lines = text.split_inclusive('\n').map(|line| {
        let start = line.len() - line.trim_start().len();
        let mark = if is_opened(&line[start..]) { "\\" } else { "" };
        format!("{}{mark}{}", &line[..start], line[start..].replace("##[", "##\\["))
    });
    Cow::Owned(lines.collect())
}

/// Serialized JSON that may be shown in a terminal or a log. What is read from it stays the same.
pub(crate) fn json_text(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            // Space between the values; within a text they are escaped already.
            '\n' | '\r' | '\t' => text.push(character),
            '[' if text.ends_with("##") => text.push_str("\\u005b"),
            steering if is_steering(steering) => {
                let _ = write!(text, "\\u{:04x}", u32::from(steering));
            }
            shown => text.push(shown),
        }
    }
    text
}

/// The text of a command to the runner of GitHub, which ends with the line.
pub(crate) fn command_data(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(clean_line).collect();
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

/// A property of such a command.
pub(crate) fn command_property(text: &str) -> String {
    one_line(text).replace('%', "%25").replace(':', "%3A").replace(',', "%2C")
}

/// Text of an element or an attribute of XML 1.0.
pub(crate) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            escaped.push_str("&#10;");
        }
        for character in clean_line(line).chars() {
            match character {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&apos;"),
                '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
                shown => escaped.push(shown),
            }
        }
    }
    escaped
}

/// The path of a URI.
pub(crate) fn uri_path(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                escaped.push(char::from(byte));
            }
            other => {
                let _ = write!(escaped, "%{other:02X}");
            }
        }
    }
    escaped
}

/// A sentence in a cell of a table in Markdown. What stands between two backticks is shown as code, as our messages mean it.
pub(crate) fn markdown(text: &str) -> String {
    let text = one_line(text);
    let pieces: Vec<_> = text.split('`').collect();
    if pieces.len() % 2 == 0 {
        return markdown_words(&text);
    }
    let pieces = pieces.iter().enumerate().filter(|(_, piece)| !piece.is_empty());
    pieces.map(|(index, piece)| if index % 2 == 0 { markdown_words(piece) } else { code(piece) }).collect()
}

fn markdown_words(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text.char_indices().peekable();
    while let Some((at, character)) = rest.next() {
        let next = rest.peek().map_or(' ', |(_, next)| *next);
        match character {
            // A backslash before it would be taken for its own by some readers of tables.
            '|' => escaped.push_str("&#124;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // A person, and an issue: neither hears of a plan because a value looks like them. An escape does not prevent that.
            '@' | '#' if next.is_alphanumeric() => {
                let _ = write!(escaped, "{character}&#8203;");
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' => escaped.extend(['\\', character]),
            // Addresses become links by themselves.
            ':' if next == '/' => escaped.push_str("&#58;"),
            '.' if text[..at].to_ascii_lowercase().ends_with("www") => escaped.push_str("&#46;"),
            shown => escaped.push(shown),
        }
    }
    escaped
}

/// A name or a value as code in a cell of a table in Markdown: nothing in it is a link, a mention or a mark.
pub(crate) fn code(text: &str) -> String {
    let text = one_line(text);
    if !text.is_empty() && !text.contains(['`', '|', '\\', '<']) {
        return format!("`{text}`");
    }
    // No number of backticks is safe in every reader of tables; a character that is written as a number is never a mark.
    let mut escaped = String::from("<code>");
    for character in text.chars() {
        if character.is_ascii_punctuation() {
            let _ = write!(escaped, "&#{};", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped + "</code>"
}

/// Lines as they are, in a block that none of them can close.
pub(crate) fn fence(language: &str, lines: &[String]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| clean_line(line)).collect();
    let run = |line: &String| line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let marks = "`".repeat(lines.iter().map(run).max().unwrap_or(0).max(2) + 1);
    format!("{marks}{language}\n{}\n{marks}\n", lines.join("\n"))
}

/// A word in a comment of HTML, by which a comment on a pull request is found again.
pub(crate) fn marker(text: &str) -> String {
    let mut word = String::with_capacity(text.len());
    for character in text.trim_end_matches('/').chars() {
        match character {
            '-' if word.ends_with('-') => {}
            kept if kept.is_ascii_alphanumeric() || "-._/".contains(kept) => word.push(kept),
            _ => word.push('_'),
        }
    }
    word
}

#[cfg(test)]
pub(crate) mod tests;
