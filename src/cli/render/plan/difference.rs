//! How a field differs, on one line.

use super::super::cut;
use crate::change::{Change, FieldChange};

/// The longest value on a line of text; JSON has all of it.
const VALUE_WIDTH_MAX: usize = 44;

/// `old -> new`, or what may be said of it.
pub(crate) fn render_difference(field: &FieldChange) -> String {
    render(field, VALUE_WIDTH_MAX)
}

/// The same with nothing of the values cut.
pub(super) fn render_whole_difference(field: &FieldChange) -> String {
    render(field, usize::MAX)
}

fn render(field: &FieldChange, width: usize) -> String {
    if field.sensitive {
        return match field.change {
            Change::Added => "(sensitive, added)",
            Change::Changed => "(sensitive, changed)",
            Change::Removed => "(sensitive, removed)",
            Change::NotCompared => "(sensitive, not compared)",
        }
        .to_owned();
    }
    match (&field.from, &field.to) {
        (Some(from), Some(to)) if field.path.rsplit('.').next() == Some("image") => {
            let repository =
                |image: &str| image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map(|(name, _)| name.len());
            match (repository(from), repository(to)) {
                (Some(a), Some(b)) if from[..a] == to[..b] && !from.contains('@') => format!("{from} -> {}", &to[b..]),
                _ => format!("{from} -> {to}"),
            }
        }
        (Some(from), Some(to)) => {
            let (from, to) = shorten_pair(from, to, width);
            format!("{from} -> {to}")
        }
        (Some(from), None) => format!("{} -> (not set)", cut(from, width)),
        (None, Some(to)) => format!("(not set) -> {}", cut(to, width)),
        (None, None) => "(another order)".to_owned(),
    }
}

/// Two long values, cut so that the place where they differ is seen.
fn shorten_pair(from: &str, to: &str, width: usize) -> (String, String) {
    const BEFORE: usize = 12;
    if from.chars().count().max(to.chars().count()) <= width {
        return (from.to_owned(), to.to_owned());
    }
    let same = from.chars().zip(to.chars()).take_while(|(a, b)| a == b).count();
    let skipped = same.saturating_sub(BEFORE);
    let shorten = |text: &str| {
        let rest: String = text.chars().skip(skipped).collect();
        let prefix = if skipped > 0 { "..." } else { "" };
        cut(&format!("{prefix}{rest}"), width)
    };
    (shorten(from), shorten(to))
}

#[cfg(test)]
mod tests;
