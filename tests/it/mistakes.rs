//! Manifests that nobody would write: whatever is made of good ones by chance is read, judged, planned and shown without a panic, without
//! a look outside of the directory, and without anything that a terminal, a runner or a reader of Markdown would obey.
//!
//! It begins with the files of `tests/corpus`, `tests/invalid` and `manifests`, each as it is. In `tests/corpus` is what `scripts/fuzz`
//! found: texts that reach code which no other one reaches, and every text that ever failed (`wrong-*`). `RECONCILE_MISTAKES` says how
//! many more are made of them, `RECONCILE_SEED` makes one and shows it.

use std::path::Path;
use std::time::Duration;

use reconcile::cli::render::report::Format;

use crate::properties::random::Random;
use crate::support::wait::Deadline;

mod forms;
mod judge;
mod mutate;

use forms::{Form, Said};
use judge::Yard;
use mutate::{Corpus, mistake};

/// How many mistakes are made where nobody says otherwise.
const MISTAKES: u64 = 10_000;

/// So long they are made, unless somebody says how many: a busy machine makes fewer. What is kept is judged whole all the same.
const MADE_FOR: Duration = Duration::from_secs(20);

/// The text with as few lines as still fail.
fn shrink(yard: &Yard, text: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let mut index = 0;
    while index < lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(index);
        if yard.judge(&fewer.concat()).is_some() {
            lines = fewer;
        } else {
            index += 1;
        }
    }
    lines.concat()
}

fn expect_none_wrong(yard: &Yard, name: &str, text: &[u8]) {
    if let Some(wrong) = yard.judge(text) {
        let least = shrink(yard, text);
        let wrong = yard.judge(&least).unwrap_or(wrong);
        panic!(
            "{name}: {wrong}\n\nKeep it in tests/corpus:\n{}\n{:?}",
            least.escape_ascii(),
            String::from_utf8_lossy(&least)
        );
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let digits = text.trim_start_matches("0x");
    u64::from_str_radix(digits, if digits.len() < text.len() { 16 } else { 10 }).ok()
}

/// What was kept is right for ever.
#[test]
fn what_was_kept_is_answered() {
    let yard = Yard::new();
    for (name, text) in &Corpus::read(Path::new(env!("CARGO_MANIFEST_DIR"))).files {
        expect_none_wrong(&yard, name, text);
    }
}

#[test]
fn what_nobody_would_write_is_answered() {
    let (yard, corpus) = (Yard::new(), Corpus::read(Path::new(env!("CARGO_MANIFEST_DIR"))));
    let (seed, count) = (number("RECONCILE_SEED"), number("RECONCILE_MISTAKES"));
    let seeds = seed.map_or(0..count.unwrap_or(MISTAKES), |seed| seed..seed + 1);
    let deadline = Deadline::after(MADE_FOR);
    for seed in seeds {
        let text = mistake(&corpus, &mut Random::new(seed));
        expect_none_wrong(&yard, &format!("seed {seed:#x}"), &text);
        if count.is_none() && deadline.is_over() {
            break;
        }
    }
}

/// The judge sees what it is there to see.
#[test]
fn a_look_outside_would_be_noticed() {
    let yard = Yard::new();
    let outside = yard.directory.path().join("outside.env").display().to_string();
    let corpus = Corpus::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    let (_, shop) = corpus.files.iter().find(|(name, _)| name.ends_with("corpus/shop.yaml")).expect("it is kept");
    let shop = String::from_utf8(shop.clone()).expect("it is text");
    assert_eq!(yard.judge(shop.as_bytes()), None);
    // An absolute path may lead anywhere: the user has said so.
    let said = yard.judge(shop.replace("value: web.env", &format!("value: {outside}")).as_bytes());
    assert!(said.is_some_and(|wrong| wrong.contains("outside of the directory")));
    for path in ["../outside.env", "link.env", "secrets/../../outside.env"] {
        let said = yard.say(shop.replace("value: web.env", &format!("value: {path}")).as_bytes());
        let text = &said[1].text;
        assert!(text.contains("outside of the directory of manifests"), "{path}: {text}");
    }
}

/// So does it see what would leave the form that it was put into.
#[test]
fn what_leaves_its_form_would_be_noticed() {
    let is_wrong = |form, text: &str| Said { form, lines: None, text: text.to_owned() }.wrong().is_some();
    let head = "<!-- reconcile:manifests -->\n### reconcile: no changes\n\n";
    let cases = [
        (Form::Colored, "\u{1b}[1mgood\u{1b}[0m", "\u{1b}[2Jgone"),
        (Form::Report(Format::Text), "a :: b", "  ::stop-commands::x"),
        (Form::Report(Format::Short), "a.yaml:1:1: error", "a ##[error]b"),
        (Form::Report(Format::Short), "::: a.yaml", "\u{202e}a"),
        (Form::Report(Format::Json), "{}", "{} {}"),
        (Form::Report(Format::Ndjson), "{}\n{}", "{}\n::error::"),
        (Form::Report(Format::Github), "::error file=a,line=1::b", "::set-output name=a::b"),
        (Form::Report(Format::Github), "::notice title=a%3A%3A::b", "::error title=a::\n::add-mask::b"),
        (Form::Report(Format::Junit), "<testsuites><testsuite/></testsuites>", "<testsuites><script/></testsuites>"),
        (Form::Report(Format::Markdown), "", "[a](b)"),
        (Form::Report(Format::Markdown), "| `@a` | b |", "| @a | b |"),
        (Form::Report(Format::Markdown), "| a&#124; | b |", "| a | b | c |"),
        (Form::Report(Format::Markdown), "| <code>&#60;</code> | b |", "| <img> | b |"),
        (Form::Report(Format::Markdown), "```diff\n<img>\n```", "```diff\n```\n<img>\n```"),
        (Form::Report(Format::Markdown), "````diff\n```\n````", "```diff\n````\n```"),
        (Form::Report(Format::Markdown), "| \\` | b |", "| ` | b |"),
    ];
    for (form, right, wrong) in cases {
        let head = if form == Form::Report(Format::Markdown) { head } else { "" };
        assert!(!is_wrong(form, &format!("{head}{right}")), "{form:?}: {right}");
        assert!(is_wrong(form, &format!("{head}{wrong}")), "{form:?}: {wrong}");
    }
}
