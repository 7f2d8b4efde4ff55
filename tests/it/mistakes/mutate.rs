//! Mistakes: what becomes of good manifests when they are edited by chance.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::properties::random::Random;

/// What is put where it does not belong.
const WORDS: [&str; 84] = [
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
    "::error::obeyed",
    "##[error]obeyed",
    "\"\\n::stop-commands::x\"",
    "<!-- -->",
    "--><script>",
    "</details>",
    "]]>",
    "&amp;",
    "`",
    "``````",
    "\\`",
    "| x |",
    "@everyone",
    "#1",
    "[a](b)",
    "www.example.com",
    "$(touch ran)",
    "${HOME}",
    "\"\\u2028\"",
    "%0A::error::",
];

/// How files may be called.
const NAMES: [&str; 8] = [
    "b.yaml",
    "a.json",
    "below/c.yml",
    "\u{1b}[31m.yaml",
    "::error file=x::.yaml",
    "../out.yaml",
    "a|b`c<d>@e.yaml",
    "two\\nlines.yaml",
];

/// What leads deeper each time that it stands there.
const NESTS: [&str; 4] = ["[", "{ a: ", "- ", "[{ b: [] }, "];

/// The texts that mistakes are made of.
pub(super) struct Corpus {
    /// Each file by its path below the repository.
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// The lines of all of them.
    lines: Vec<Vec<u8>>,
    /// The names of the fields.
    fields: Vec<String>,
    /// The values of fields that have only some.
    values: Vec<String>,
}

impl Corpus {
    /// Reads the files of the repository that are meant as manifests, right or wrong. What was kept may have any name.
    pub(super) fn read(repository: &Path) -> Self {
        let mut files = Vec::new();
        for directory in ["tests/corpus", "tests/invalid", "manifests", "src/cli/init"] {
            for entry in std::fs::read_dir(repository.join(directory)).expect("a directory of the repository").flatten()
            {
                let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
                let is_manifest = path.extension().is_some_and(|extension| extension == "yaml" || extension == "json");
                if is_manifest || directory == "tests/corpus" {
                    files.push((format!("{directory}/{name}"), std::fs::read(path).expect("it was listed")));
                }
            }
        }
        files.sort();
        let lines = files.iter().flat_map(|(_, text)| text.split_inclusive(|byte| *byte == b'\n')).map(<[u8]>::to_vec);
        let (fields, values) = words_of_schemas(repository);
        Self { lines: lines.collect(), fields, values, files }
    }
}

/// The names of all fields, and the values of those that have only some.
fn words_of_schemas(repository: &Path) -> (Vec<String>, Vec<String>) {
    let (mut names, mut values) = (BTreeSet::new(), BTreeSet::new());
    for kind in ["Cluster", "TaskDefinition", "Service"] {
        let text = std::fs::read_to_string(repository.join(format!("schemas/{kind}.json"))).expect("each has a schema");
        let mut open = vec![serde_json::from_str::<Value>(&text).expect("a schema is JSON")];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(map) => {
                    let properties = map.get("properties").and_then(Value::as_object);
                    names.extend(properties.into_iter().flat_map(|properties| properties.keys().cloned()));
                    let among = map.get("enum").and_then(Value::as_array).into_iter().flatten().chain(map.get("const"));
                    values.extend(among.filter_map(Value::as_str).map(str::to_owned));
                    open.extend(map.into_iter().map(|(_, value)| value));
                }
                Value::Array(items) => open.extend(items),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }
    (names.into_iter().collect(), values.into_iter().collect())
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

/// Makes one mistake.
pub(super) fn mutate(corpus: &Corpus, text: &mut Vec<u8>, random: &mut Random) {
    let mut lines: Vec<Vec<u8>> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        lines.push(Vec::new());
    }
    let line = random.index(lines.len());
    match random.below(14) {
        0 => drop(lines.remove(line)),
        1 => lines.insert(line, lines[line].clone()),
        2 => {
            let other = random.index(lines.len());
            lines.swap(line, other);
        }
        3 => lines.insert(line, corpus.lines[random.index(corpus.lines.len())].clone()),
        4..=6 => replace_value(corpus, &mut lines[line], random),
        7 => {
            let at = random.index(lines[line].len() + 1);
            let word = random.pick(&WORDS).as_bytes().to_vec();
            lines[line].splice(at..at, word);
        }
        8 => {
            let name = random.pick(&NAMES);
            lines.insert(line, format!("#### {name}\n").into_bytes());
        }
        9 => replace_key(&mut lines[line], &corpus.fields, random),
        10 => {
            let end = (line + 1 + random.index(12)).min(lines.len());
            let block = lines[line..end].to_vec();
            let at = random.index(lines.len());
            lines.splice(at..at, block);
        }
        11 => {
            let at = random.index(lines[line].len() + 1);
            let depth = random.pick(&[3, 60, 130, 600]);
            let nested = random.pick(&NESTS).repeat(depth);
            lines[line].splice(at..at, nested.into_bytes());
        }
        12 => {
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

/// Puts the name of another field in the place of a key.
fn replace_key(line: &mut Vec<u8>, fields: &[String], random: &mut Random) {
    let colons: Vec<usize> = line.windows(2).enumerate().filter(|(_, pair)| *pair == b": ").map(|(at, _)| at).collect();
    if colons.is_empty() {
        return;
    }
    let end = random.pick(&colons);
    let start = line[..end].iter().rposition(|byte| !byte.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
    line.splice(start..end, fields[random.index(fields.len())].bytes());
}

/// Puts a word in the place of a value: behind a colon, and up to what ends it.
fn replace_value(corpus: &Corpus, line: &mut Vec<u8>, random: &mut Random) {
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
    let of_schemas = random.percent(25).then(|| corpus.values[random.index(corpus.values.len())].clone());
    let word = of_schemas.unwrap_or_else(|| random.pick(&WORDS).to_owned()).into_bytes();
    line.splice(start..end.max(start), word);
}
