//! Problems as text: the way in which compilers show them, or one line each.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};

use self::mask::mask;
use super::clean_line as one_line;
use super::is_steering;
use crate::document::File;
use crate::fix::Fix;
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
        text.push_str(&without_steering(&renderer.render(&groups(problem, files))));
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
            write!(text, "{}: ", one_line(&place.to_string())).expect("a String takes any text");
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

/// Renders what was repaired: `fixed manifests/web.yaml:31:3: replicas -> desiredCount`.
pub fn render_fix(fix: &Fix) -> String {
    let Fix { place, from, to } = fix;
    one_line(&format!("fixed {place}: {from} -> {to}"))
}

/// A piece of a file without what a terminal might obey and the renderer does not cover: the control characters of two bytes. What stands
/// for each has two bytes as well, so that every place in the text stays where it is.
fn covered(text: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| c.is_control() && c.len_utf8() > 1;
    if text.contains(is_obeyed) { Cow::Owned(text.replace(is_obeyed, "\u{b7}")) } else { Cow::Borrowed(text) }
}

/// The renderer cleans the lines that it quotes, though not of every character that turns or ends a line. Its colours stay.
fn without_steering(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if is_steering(character) && !matches!(character, '\n' | '\u{1b}') {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
    }
    clean
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
    let title = one_line(&match &problem.object {
        Some(object) => format!("{} ({object})", problem.message),
        None => problem.message.clone(),
    });
    let mut group =
        level.primary_title(title).id(problem.code.as_str()).elements(Vec::<Snippet<'_, Annotation<'_>>>::new());
    let mut patch = None;
    let mut marks = Vec::new();
    if let Some(place) = &problem.place {
        let label = match (&problem.expected, &problem.found) {
            (Some(expected), Some(found)) => one_line(&format!("expected {expected}, found {found}")),
            _ => String::new(),
        };
        marks.push(Mark { place, kind: AnnotationKind::Primary, label });
        patch = problem.suggestion.as_ref().and_then(|text| patch_of(place, text, files));
    }
    marks.extend(problem.related.iter().map(|related| Mark {
        place: &related.place,
        kind: AnnotationKind::Context,
        label: one_line(&related.message),
    }));
    // What stands in the same file is shown in one piece, if it is near enough.
    let file = marks.first().map(|mark| Arc::clone(&mark.place.file));
    let (beside, elsewhere): (Vec<_>, Vec<_>) =
        marks.into_iter().partition(|mark| file.as_ref().is_some_and(|file| mark.place.file == *file));
    group = with_marks(group, beside, files);
    for mark in elsewhere {
        group = with_marks(group, vec![mark], files);
    }
    match (&problem.help, patch) {
        (help, Some(patch)) => {
            let help = help.as_deref().map_or_else(|| "write this instead".to_owned(), one_line);
            vec![group, Level::HELP.secondary_title(help).element(patch)]
        }
        (Some(help), None) => vec![group.element(Level::HELP.message(one_line(help)))],
        (None, None) => vec![group],
    }
}

/// A place with what is said of it.
struct Mark<'a> {
    place: &'a Place,
    kind: AnnotationKind,
    label: String,
}

/// Shows places of one file: in one piece where they are near each other, otherwise one by one.
fn with_marks<'a>(group: Group<'a>, marks: Vec<Mark<'a>>, files: &'a [Arc<File>]) -> Group<'a> {
    let places: Vec<&Place> = marks.iter().map(|mark| mark.place).collect();
    let Some(Window { text, first_line, spans }) = Window::around(&places, files) else {
        return match marks.len() {
            0 => group,
            1 => marks.into_iter().fold(group, without_text),
            _ => marks.into_iter().fold(group, |group, mark| with_marks(group, vec![mark], files)),
        };
    };
    let name = places.first().map(|place| one_line(&place.file)).unwrap_or_default();
    let annotations = marks.into_iter().zip(spans).map(|(Mark { kind, label, place: _ }, span)| {
        let annotation = kind.span(span);
        if label.is_empty() { annotation } else { annotation.label(label) }
    });
    group.element(Snippet::source(text).line_start(first_line).path(name).annotations(annotations))
}

/// Names a place whose text cannot be shown.
fn without_text<'a>(group: Group<'a>, Mark { place, label, kind: _ }: Mark<'a>) -> Group<'a> {
    let origin = Origin::path(one_line(&place.file)).line(place.line as usize).char_column(place.column as usize);
    let group = group.element(origin);
    if label.is_empty() { group } else { group.element(Level::NOTE.message(label)) }
}

fn patch_of<'a>(place: &'a Place, text: &'a str, files: &'a [Arc<File>]) -> Option<Snippet<'a, Patch<'a>>> {
    let mut window = Window::around(&[place], files).filter(|_| place.line == place.end_line)?;
    // A line that may not be shown as it is may not be shown as it should be either.
    if matches!(window.text, Cow::Owned(_)) || one_line(text) != text {
        return None;
    }
    Some(
        Snippet::source(window.text)
            .line_start(window.first_line)
            .path(one_line(&place.file))
            .patch(Patch::new(window.spans.pop()?, text.to_owned())),
    )
}

/// The lines around places of one file.
struct Window<'a> {
    text: Cow<'a, str>,
    first_line: usize,
    /// The places within the text.
    spans: Vec<Range<usize>>,
}

impl<'a> Window<'a> {
    /// The window, or nothing when the text is not at hand or its lines are too long to be shown.
    fn around(places: &[&Place], files: &'a [Arc<File>]) -> Option<Self> {
        // The files are sorted by name, but may come from a caller who did not care.
        let file = files.iter().find(|file| places.first().is_some_and(|place| *file.name() == place.file))?;
        let text = file.text();
        if text.is_empty() {
            return None;
        }
        let pieces: Vec<Range<usize>> = places.iter().map(|place| piece_of(place, text)).collect();
        let start = pieces.iter().map(|piece| piece.start).min()?;
        let end = pieces.iter().map(|piece| piece.end).max()?;
        let (first_line, lines) = file.lines_around(start..end, CONTEXT_LINES, 1);
        if lines.len() > WINDOW_BYTES_MAX {
            return None;
        }
        let text = text[lines.clone()].trim_end_matches(['\r', '\n']);
        // The renderer cuts its input at these bytes and panics when they are no boundaries.
        let within = |piece: Range<usize>| {
            let start = text.floor_char_boundary(piece.start.saturating_sub(lines.start).min(text.len()));
            start..text.floor_char_boundary(piece.end.saturating_sub(lines.start).clamp(start, text.len()))
        };
        let spans = pieces.into_iter().map(within).collect();
        let text = match covered(text) {
            Cow::Borrowed(text) => mask(text),
            Cow::Owned(text) => Cow::Owned(mask(&text).into_owned()),
        };
        Some(Self { text, first_line, spans })
    }
}

/// What is shown of a place: all of it, or its first line when there are many.
fn piece_of(place: &Place, text: &str) -> Range<usize> {
    let bytes = place.bytes.start.min(text.len())..place.bytes.end.min(text.len());
    if place.end_line - place.line <= PLACE_LINES_MAX {
        return bytes;
    }
    let line = text[bytes.clone()].find(['\r', '\n']).unwrap_or(bytes.len());
    bytes.start..bytes.start + line
}

#[cfg(test)]
mod tests;
