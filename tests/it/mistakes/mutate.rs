//! Mistakes: what becomes of good manifests when they are edited by chance.

use std::path::Path;

use crate::properties::random::Random;

/// What is put where it does not belong.
const WORDS: [&str; 64] = [
    "null",
    "~",
    "true",
    "yes",
    "0",
    "-1",
    "1e999",
    "012",
    "0x1f",
    "99999999999999999999",
    ".inf",
    "4294967296",
    "3.5",
    "\"\"",
    "''",
    "[]",
    "{}",
    "[[]]",
    "{ a: b }",
    "- ",
    "---",
    "...",
    "&anchor",
    "*anchor",
    "*nothing",
    "<<",
    "<<: *defaults",
    "!!str",
    "!Ref",
    "|",
    ">-",
    "\"",
    "'",
    "{",
    "]",
    "#",
    ": ",
    "? ",
    "\t",
    "\r",
    "\r\n",
    "\u{0}",
    "\u{1b}[31m",
    "\"\\e[2J\"",
    "\"\\x07bell\"",
    "\u{9b}1m",
    "\u{7f}",
    "\u{202e}",
    "\u{feff}",
    "\u{2028}",
    "\u{1f600}",
    "é",
    "../outside.env",
    "link.env",
    "secrets/../../outside.env",
    "file:../outside",
    "file:secrets/link",
    "file:secrets/../../outside",
    "env:PATH",
    "exec:cat:../outside",
    "x-own",
    "replicas",
    "reconcile.cluster",
    "%25s",
];

/// The texts that mistakes are made of.
pub(super) struct Corpus {
    /// Each file by its path below the repository.
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// The lines of all of them.
    lines: Vec<Vec<u8>>,
}

impl Corpus {
    /// Reads the files of the repository that are meant as manifests, right or wrong.
    pub(super) fn read(repository: &Path) -> Self {
        let mut files = Vec::new();
        for directory in ["tests/corpus", "tests/invalid", "manifests", "src/cli/init"] {
            for entry in std::fs::read_dir(repository.join(directory)).expect("a directory of the repository").flatten()
            {
                let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
                if path.extension().is_some_and(|extension| extension == "yaml" || extension == "json") {
                    files.push((format!("{directory}/{name}"), std::fs::read(path).expect("it was listed")));
                }
            }
        }
        files.sort();
        let lines = files.iter().flat_map(|(_, text)| text.split_inclusive(|byte| *byte == b'\n')).map(<[u8]>::to_vec);
        Self { lines: lines.collect(), files }
    }
}

/// A text with a few mistakes. Half of them begin with what is valid, so that some get through to the plan.
pub(super) fn mistake(corpus: &Corpus, random: &mut Random) -> Vec<u8> {
    let valid = corpus.files.iter().position(|(name, _)| name.ends_with("corpus/shop.yaml")).unwrap_or_default();
    let base = if random.percent(50) { valid } else { random.index(corpus.files.len()) };
    let mut text = corpus.files[base].1.clone();
    for _ in 0..random.between(1, 4) {
        mutate(corpus, &mut text, random);
    }
    text
}

fn mutate(corpus: &Corpus, text: &mut Vec<u8>, random: &mut Random) {
    let mut lines: Vec<Vec<u8>> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        lines.push(Vec::new());
    }
    let line = random.index(lines.len());
    match random.below(10) {
        0 => drop(lines.remove(line)),
        1 => lines.insert(line, lines[line].clone()),
        2 => {
            let other = random.index(lines.len());
            lines.swap(line, other);
        }
        3 => lines.insert(line, corpus.lines[random.index(corpus.lines.len())].clone()),
        4..=6 => replace_value(&mut lines[line], random),
        7 => {
            let at = random.index(lines[line].len() + 1);
            let word = random.pick(&WORDS).as_bytes().to_vec();
            lines[line].splice(at..at, word);
        }
        8 => {
            let indent = random.index(5);
            lines[line].splice(0..0, std::iter::repeat_n(b' ', indent));
        }
        _ => {
            if let Some(byte) = lines[line].first_mut() {
                *byte = u8::try_from(random.below(256)).expect("below 256");
            }
        }
    }
    *text = lines.concat();
}

/// Puts a word in the place of a value: behind a colon, and up to what ends it.
fn replace_value(line: &mut Vec<u8>, random: &mut Random) {
    let colons: Vec<usize> =
        line.windows(2).enumerate().filter(|(_, pair)| *pair == b": ").map(|(at, _)| at + 2).collect();
    if colons.is_empty() {
        return;
    }
    let start = random.pick(&colons);
    let end = line[start..]
        .iter()
        .position(|byte| matches!(byte, b',' | b'}' | b']' | b'\n'))
        .map_or(line.len(), |end| start + end);
    let word = random.pick(&WORDS).as_bytes().to_vec();
    line.splice(start..end.max(start), word);
}
