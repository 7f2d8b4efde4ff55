//! What each form of a report must be, whatever the manifests hold: whole, and left by nothing that was put into it.

use reconcile::cli::render::report::Format;
use serde_json::Value;

/// In which form something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A report.
    Report(Format),
    /// Text with colours.
    Colored,
    /// A value of the program, which nobody is shown.
    Value,
}

/// What is said of a text in one form.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) form: Form,
    /// How many lines it has, where that is known.
    pub(crate) lines: Option<usize>,
    pub(crate) text: String,
}

impl Said {
    /// What is wrong with it.
    pub(crate) fn wrong(&self) -> Option<String> {
        let Self { form, lines, text } = self;
        if let Some(lines) = lines.filter(|lines| text.lines().count() != *lines) {
            return Some(format!("it has not {lines} lines:\n{text}"));
        }
        match form {
            Form::Value => obeyed(text, is_obeyed_by_terminals),
            Form::Colored => obeyed(&without_colors(text), is_steering).or_else(|| wrong_with_log(text)),
            Form::Report(format) => obeyed(text, is_steering).or_else(|| wrong_with_report(*format, text)),
        }
    }
}

fn obeyed(text: &str, is_obeyed: fn(char) -> bool) -> Option<String> {
    let control = text.chars().find(|c| is_obeyed(*c) && *c != '\n')?;
    let lines = text.lines().filter(|line| line.contains(control)).collect::<Vec<_>>().join("\n");
    Some(format!("a terminal would obey {control:?} in\n{lines:?}"))
}

/// Whether a character steers the terminal or turns the direction of writing.
fn is_obeyed_by_terminals(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same, and what marks a direction or ends a line elsewhere.
fn is_steering(c: char) -> bool {
    is_obeyed_by_terminals(c) || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// The text without the codes of colours, which are the only ones that are ours.
fn without_colors(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let code = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').len();
        // What is no colour stays, and is noticed.
        plain.push_str(piece[code..].strip_prefix('m').unwrap_or("\u{1b}"));
    }
    plain
}

fn wrong_with_report(format: Format, text: &str) -> Option<String> {
    match format {
        Format::Text | Format::Short => wrong_with_log(text),
        Format::Json | Format::Gitlab | Format::Sarif | Format::Rdjson => {
            wrong_with_log(text).or_else(|| wrong_with_json(text))
        }
        Format::Ndjson => wrong_with_log(text).or_else(|| text.lines().find_map(wrong_with_json)),
        Format::Markdown => wrong_with_markdown(text).map(|wrong| format!("{wrong}\n\n{text}")),
        Format::Github => text.lines().find_map(wrong_with_annotation),
        Format::Junit => wrong_with_xml(text).map(|wrong| format!("{wrong}\n{text}")),
    }
}

/// The runner of GitHub reads every log, and obeys some of its lines.
fn wrong_with_log(text: &str) -> Option<String> {
    let is_command = |line: &&str| {
        let start = line.trim_start();
        (start.starts_with("::") && !start.starts_with(":::")) || line.contains("##[")
    };
    text.lines().find(is_command).map(|line| format!("a runner would obey {line:?}"))
}

fn wrong_with_json(text: &str) -> Option<String> {
    serde_json::from_str::<Value>(text).err().map(|error| format!("it is no JSON: {error}\n{text}"))
}

fn wrong_with_annotation(line: &str) -> Option<String> {
    let is_ours = || {
        let (word, rest) = line.strip_prefix("::")?.split_once(' ')?;
        let (properties, _) = rest.split_once("::")?;
        let known = ["file", "line", "endLine", "col", "endColumn", "title"];
        let is_known = |property: &str| property.split_once('=').is_some_and(|(key, _)| known.contains(&key));
        (["error", "warning", "notice"].contains(&word) && properties.split(',').all(is_known)).then_some(())
    };
    is_ours().is_none().then(|| format!("it is no annotation: {line}"))
}

fn wrong_with_xml(text: &str) -> Option<String> {
    let document = match roxmltree::Document::parse(text) {
        Ok(document) => document,
        Err(error) => return Some(format!("it is no XML: {error}")),
    };
    let known = ["testsuites", "testsuite", "testcase", "failure", "system-out"];
    let mut elements = document.descendants().filter(roxmltree::Node::is_element);
    let stranger = elements.find(|element| !known.contains(&element.tag_name().name()))?;
    Some(format!("<{}> is none of our elements", stranger.tag_name().name()))
}

/// Of every line it is known how it begins, a row has its cells, and no element, link, address or mention is there that was not meant.
fn wrong_with_markdown(text: &str) -> Option<String> {
    let mut fence: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let marks = &line[..line.len() - line.trim_start_matches('`').len()];
        match fence {
            Some(open) if marks.len() >= open.len() => {
                if line != open {
                    return Some(format!("a block is closed by {line:?}"));
                }
                fence = None;
            }
            Some(_) => {}
            None if marks.len() >= 3 => fence = Some(marks),
            None => {
                let wrong = wrong_with_line(index, line);
                if wrong.is_some() {
                    return wrong.map(|wrong| format!("{wrong} in {line:?}"));
                }
            }
        }
    }
    fence.map(|_| "a block stays open".to_owned())
}

const STARTS: [&str; 11] = [
    "| ",
    "|---",
    "> ",
    "**Errors**",
    "**Warnings**",
    "Compared ",
    "Left out, ",
    "<details><summary>Full difference</summary>",
    "</details>",
    "### reconcile: ",
    "<!-- reconcile:",
];

fn wrong_with_line(index: usize, line: &str) -> Option<String> {
    if line.is_empty() {
        return None;
    }
    let start = STARTS.iter().find(|start| line.starts_with(**start));
    let is_at_its_place = match start {
        None => false,
        Some(&"<!-- reconcile:") => index == 0 && line.matches("-->").count() == 1 && line.ends_with(" -->"),
        Some(&"### reconcile: ") => index == 1,
        Some(&"| ") => [3, 5].contains(&line.matches('|').count()),
        Some(_) => true,
    };
    if !is_at_its_place {
        return Some("nothing of ours begins so".to_owned());
    }
    let tags = ["br>", "code>", "/code>", "details>", "/details>", "summary>", "/summary>", "!-- reconcile:"];
    if let Some(tag) = line.split('<').skip(1).find(|tag| !tags.iter().any(|known| tag.starts_with(known))) {
        return Some(format!("<{tag} is opened"));
    }
    let words = match without_code(line) {
        Ok(words) => words,
        Err(wrong) => return Some(wrong.to_owned()),
    };
    let is_mention = words.split('@').skip(1).any(|rest| rest.starts_with(char::is_alphanumeric));
    let is_link = words.contains("](") || words.contains("://") || words.contains("www.");
    (is_link || is_mention).then(|| "a link or a mention was not meant".to_owned())
}

/// A line without what is shown as code, where nothing is a link or a mention, and without characters that are escaped.
fn without_code(line: &str) -> Result<String, &'static str> {
    let mut words = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '`' => {
                characters.find(|c| *c == '`').ok_or("code stays open")?;
                words.push(' ');
            }
            shown => words.push(shown),
        }
    }
    Ok(words)
}
