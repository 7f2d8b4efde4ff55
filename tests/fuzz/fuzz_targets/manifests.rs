//! Looks for manifests that are answered wrongly, guided by what code they reach: `scripts/fuzz` runs it.
//!
//! Half of the texts are made as the tests make theirs, line by line and with the names of fields, half byte by byte. The judge is that
//! of the tests.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

#[path = "../../it/mistakes/forms.rs"]
mod forms;
#[path = "../../it/mistakes/judge.rs"]
mod judge;
#[path = "../../it/mistakes/mutate.rs"]
#[allow(dead_code, reason = "the tests make whole texts with it")]
mod mutate;

/// Where the tests have their generator.
#[path = "../../it/properties"]
mod properties {
    #[allow(dead_code, reason = "the histories of the tests use more of it")]
    pub(crate) mod random;
}

use judge::Yard;
use mutate::{Corpus, mutate};
use properties::random::Random;

static YARD: LazyLock<Yard> = LazyLock::new(|| Yard::new().without_forecasts());
static CORPUS: LazyLock<Corpus> = LazyLock::new(|| Corpus::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")));

/// In so many of a hundred texts a mistake is one of the tests'.
const BY_LINES: u64 = 50;

fuzz_target!(|text: &[u8]| {
    if let Some(wrong) = YARD.judge(text) {
        panic!("{wrong}");
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random::new(seed.into());
    if !random.percent(BY_LINES) {
        return fuzzer_mutate(data, size, max_size);
    }
    let mut text = data[..size].to_vec();
    for _ in 0..random.between(1, 3) {
        mutate(&CORPUS, &mut text, &mut random);
    }
    text.truncate(max_size);
    data[..text.len()].copy_from_slice(&text);
    text.len()
});
