//! Problems as text: the way in which compilers show them, or one line each.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};

use self::mask::mask;
use crate::document::File;
use crate::problem::{Place, Problem, Severity};

mod mask;

/// How many problems are shown in full: nobody reads more at once, and the rest is counted.
pub const SHOWN_MAX: usize = 20;
/// How many lines around a place are shown.
const CONTEXT_LINES: usize = 2;
/// A place that spans more lines is shown by its first one.
const PLACE_LINES_MAX: u32 = 6;
/// The most text that is shown around a place. Longer lines are not made for reading, and cost time to lay out.
const WINDOW_BYTES_MAX: usize = 4096;

/// Renders problems with the lines that they concern, and a last line that counts them. `files` are those that were
/// loaded; a place in any other file is shown without its text.
pub fn render_problems(problems: &[Problem], files: &[Arc<File>], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut text = String::new();
    for problem in problems.iter().take(SHOWN_MAX) {
        text.push_str(&renderer.render(&groups(problem, files)));
        text.push_str("\n\n");
    }
    if let Some(more) = problems.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        let noun = if more == 1 { "problem is" } else { "problems are" };
        writeln!(text, "... {more} more {noun} not shown").expect("a String takes any text");
    }
    if !problems.is_empty() {
        writeln!(text, "{}", count(problems)).expect("a String takes any text");
    }
    text
}

/// Renders one line for each problem, for editors, `grep` and screen readers:
/// `manifests/web.yaml:31:3: error[RC101]: unknown field`.
pub fn render_short(problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems {
        if let Some(place) = &problem.place {
            write!(text, "{place}: ").expect("a String takes any text");
        }
        let Problem { code, message, .. } = problem;
        write!(text, "{}[{code}]: {}", problem.severity.as_str(), one_line(message)).expect("a String takes any text");
        if let (Some(expected), Some(found)) = (&problem.expected, &problem.found) {
            write!(text, "; expected {}, found {}", one_line(expected), one_line(found))
                .expect("a String takes any text");
        }
        if let Some(help) = &problem.help {
            write!(text, "; help: {}", one_line(help)).expect("a String takes any text");
        }
        text.push('\n');
    }
    text
}

/// A text without line breaks and control characters, which a terminal might obey.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `3 errors and 1 warning in 2 files`
fn count(problems: &[Problem]) -> String {
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let number = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(number(errors, "error"));
    }
    if problems.len() > errors {
        parts.push(number(problems.len() - errors, "warning"));
    }
    let mut files: Vec<&str> =
        problems.iter().filter_map(|problem| problem.place.as_ref()).map(|place| &*place.file).collect();
    files.sort_unstable();
    files.dedup();
    match files.len() {
        0 => parts.join(" and "),
        count => format!("{} in {}", parts.join(" and "), number(count, "file")),
    }
}

fn groups<'a>(problem: &'a Problem, files: &'a [Arc<File>]) -> Vec<Group<'a>> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = match &problem.object {
        Some(object) => format!("{} ({object})", problem.message),
        None => problem.message.clone(),
    };
    let mut group =
        level.primary_title(title).id(problem.code.as_str()).elements(Vec::<Snippet<'_, Annotation<'_>>>::new());
    let mut patch = None;
    if let Some(place) = &problem.place {
        let label = match (&problem.expected, &problem.found) {
            (Some(expected), Some(found)) => format!("expected {expected}, found {found}"),
            _ => String::new(),
        };
        group = with_place(group, place, AnnotationKind::Primary, label, files);
        patch = problem.suggestion.as_ref().and_then(|text| patch_of(place, text, files));
    }
    for related in &problem.related {
        group = with_place(group, &related.place, AnnotationKind::Context, related.message.clone(), files);
    }
    match (&problem.help, patch) {
        (help, Some(patch)) => {
            let help = help.clone().unwrap_or_else(|| "write this instead".to_owned());
            vec![group, Level::HELP.secondary_title(help).element(patch)]
        }
        (Some(help), None) => vec![group.element(Level::HELP.message(help.clone()))],
        (None, None) => vec![group],
    }
}

fn with_place<'a>(
    group: Group<'a>,
    place: &'a Place,
    kind: AnnotationKind,
    label: String,
    files: &'a [Arc<File>],
) -> Group<'a> {
    let Some(window) = Window::around(place, files) else {
        let origin = Origin::path(&*place.file).line(place.line as usize).char_column(place.column as usize);
        let group = group.element(origin);
        return if label.is_empty() { group } else { group.element(Level::NOTE.message(label)) };
    };
    let mut annotation = kind.span(window.span.clone());
    if !label.is_empty() {
        annotation = annotation.label(label);
    }
    let snippet = Snippet::source(window.text).line_start(window.first_line).path(&*place.file).annotation(annotation);
    group.element(snippet)
}

fn patch_of<'a>(place: &'a Place, text: &'a str, files: &'a [Arc<File>]) -> Option<Snippet<'a, Patch<'a>>> {
    let window = Window::around(place, files).filter(|_| place.line == place.end_line)?;
    // A line that may not be shown as it is may not be shown as it should be either.
    if matches!(window.text, Cow::Owned(_)) {
        return None;
    }
    Some(
        Snippet::source(window.text)
            .line_start(window.first_line)
            .path(&*place.file)
            .patch(Patch::new(window.span, text.to_owned())),
    )
}

/// The lines around a place.
struct Window<'a> {
    text: Cow<'a, str>,
    first_line: usize,
    /// The place within the text.
    span: Range<usize>,
}

impl<'a> Window<'a> {
    /// The window, or nothing when the text is not at hand or its lines are too long to be shown.
    fn around(place: &Place, files: &'a [Arc<File>]) -> Option<Self> {
        // The files are sorted by name, but may come from a caller who did not care.
        let file = files.iter().find(|file| *file.name() == place.file)?;
        let text = file.text();
        if text.is_empty() {
            return None;
        }
        let mut bytes = place.bytes.start.min(text.len())..place.bytes.end.min(text.len());
        if place.end_line - place.line > PLACE_LINES_MAX {
            let line = text[bytes.clone()].find(['\r', '\n']).unwrap_or(bytes.len());
            bytes.end = bytes.start + line;
        }
        let (first_line, lines) = file.lines_around(bytes.clone(), CONTEXT_LINES, 1);
        if lines.len() > WINDOW_BYTES_MAX {
            return None;
        }
        let text = text[lines.clone()].trim_end_matches(['\r', '\n']);
        // The renderer cuts its input at these bytes and panics when they are no boundaries.
        let start = text.floor_char_boundary(bytes.start.saturating_sub(lines.start).min(text.len()));
        let end = text.floor_char_boundary(bytes.end.saturating_sub(lines.start).clamp(start, text.len()));
        Some(Self { text: mask(text), first_line, span: start..end })
    }
}

#[cfg(test)]
mod tests;
