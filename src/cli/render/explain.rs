//! The codes of problems, and the page about each, as text for a terminal.

use std::fmt::Write;

use crate::problem::Code;

/// A line for each code: what it means, and whether a manifest may allow it.
pub fn render_codes() -> String {
    let mut text = String::new();
    for code in Code::ALL {
        let mark = if Code::ALLOWABLE.contains(code) { '*' } else { ' ' };
        writeln!(text, "{code}{mark} {}", code.explanation()).expect("a String takes any text");
    }
    text.push_str("\n* can be allowed in a manifest: metadata.annotations, `reconcile/allow: [CODE, ...]`\n");
    text
}

/// The page about a code.
pub fn render_page(code: Code) -> String {
    let mut text = format!("{code}: {}\n\n", code.explanation());
    let mut is_example = false;
    for line in code.page().lines() {
        if line.starts_with("```") {
            is_example = !is_example;
        } else if is_example {
            text.push_str(format!("    {line}").trim_end());
            text.push('\n');
        } else if let Some(heading) = line.strip_prefix("## ") {
            writeln!(text, "{heading}:").expect("a String takes any text");
        } else {
            writeln!(text, "{line}").expect("a String takes any text");
        }
    }
    if Code::ALLOWABLE.contains(&code) {
        writeln!(
            text,
            "\nWhere it is meant, allow it in the manifest:\n\n    metadata:\n      annotations:\n        reconcile/allow: [{code}]"
        )
        .expect("a String takes any text");
    }
    text
}

#[cfg(test)]
mod tests;
