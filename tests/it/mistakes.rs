//! Manifests that nobody would write: whatever is made of good ones by chance is read, judged, planned and shown without a panic, without
//! a look outside of the directory, and without anything that a terminal, a runner or a reader of Markdown would obey.
//!
//! It begins with the files of `tests/corpus`, `tests/invalid` and `manifests`, each as it is. In `tests/corpus` is what `scripts/fuzz`
//! found: texts that reach code which no other one reaches, and every text that ever failed. `RECONCILE_MISTAKES` says how many more
//! are made of them, `RECONCILE_SEED` makes one and shows it.

use std::path::Path;

use crate::properties::random::Random;

mod forms;
mod judge;
mod mutate;

use judge::Yard;
use mutate::{Corpus, mistake};

/// How many mistakes are made where nobody says otherwise.
const MISTAKES: u64 = 2000;

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

#[test]
fn what_nobody_would_write_is_answered() {
    let (yard, corpus) = (Yard::new(), Corpus::read(Path::new(env!("CARGO_MANIFEST_DIR"))));
    for (name, text) in &corpus.files {
        expect_none_wrong(&yard, name, text);
    }
    let seeds = match number("RECONCILE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RECONCILE_MISTAKES").unwrap_or(MISTAKES),
    };
    for seed in seeds {
        let text = mistake(&corpus, &mut Random::new(seed));
        expect_none_wrong(&yard, &format!("seed {seed:#x}"), &text);
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
