//! Foreign text made fit to print: what containers and engines write may hold anything, escape sequences included.

/// What stands at the end of a text that was cut.
const CUT: char = '…';

/// `bytes` as text without escape sequences and control characters other than line ends and tabs, trimmed, and cut after `chars_max`.
pub(super) fn clean(bytes: &[u8], chars_max: usize) -> String {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character == '\u{1b}' {
            skip_escape_sequence(&mut rest);
        } else if is_printable(character) {
            cleaned.push(character);
        }
    }
    let trimmed = cleaned.trim();
    match trimmed.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}{CUT}", &trimmed[..end]),
        None => trimmed.to_owned(),
    }
}

/// Skips what follows an ESC: a control sequence to its final character, an operating system command to its end, or one character.
fn skip_escape_sequence(rest: &mut std::str::Chars<'_>) {
    match rest.next() {
        Some('[') => {
            rest.find(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
        Some(']') => {
            // It ends with BEL, or with ESC and a backslash that goes the way of every control character and one more.
            if rest.find(|c| matches!(c, '\u{7}' | '\u{1b}')) == Some('\u{1b}') {
                rest.next();
            }
        }
        Some(_) | None => {}
    }
}

/// Whether a character leaves the terminal alone: no controls, and none of the marks that reorder the text around them.
fn is_printable(character: char) -> bool {
    let reorders = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    matches!(character, '\n' | '\t') || !(character.is_control() || reorders)
}

/// Whether a start failed because the engine itself was on its way out, or has forgotten half of it: the words of containerd.
pub(super) fn tells_of_engine(message: &str) -> bool {
    message.ends_with(": unavailable") || message.starts_with("task ") && message.ends_with(": already exists")
}

#[cfg(test)]
mod tests;
