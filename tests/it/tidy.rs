//! The house itself: where code may live, what it may name, and that nothing is forgotten.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::program::Program;

/// The modules from the top to the bottom: each may use those above it, and itself.
const LAYERS: [&str; 37] = [
    "value",
    "spelling",
    "image",
    "problem",
    "fix",
    "sensitive",
    "document",
    "manifest",
    "schema",
    "lint",
    "desired",
    "ownership",
    "observed",
    "probing",
    "plan",
    "change",
    "status",
    "event",
    // From here on it is the shell: it waits, reads files and clocks, and talks.
    "bounded",
    "state",
    "secret",
    "program",
    "probe",
    "engine",
    "reconciler",
    "clock",
    "logs",
    "source",
    "git",
    "load",
    "lock",
    "pulls",
    "history",
    "execute",
    "forecast",
    "watch",
    "cli",
];

/// The first of [`LAYERS`] that is not the core.
const SHELL: &str = "bounded";

/// What looks down all the same, and why.
const EXCEPTIONS: [(&str, &str); 2] = [
    // A desired state names its source, and a source is what the labels say.
    ("desired", "ownership"),
    // What is under way, and what failed, is observed in the planner's words.
    ("observed", "plan"),
];

/// What the core must not name: it would wait, read or print. Time reaches it as a value.
const NOT_IN_THE_CORE: [&str; 12] = [
    "async ",
    ".await",
    "tokio",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant::",
    "Timestamp::now",
    "println!",
];

/// Without its tests, a file has at most so many lines.
const LINES_MAX: usize = 500;

struct Source {
    /// Below `src`.
    path: String,
    text: String,
}

impl Source {
    /// The module at the top of the crate that it belongs to.
    fn module(&self) -> &str {
        let end = self.path.find(['/', '.']).unwrap_or(self.path.len());
        &self.path[..end]
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/") || self.path == "testing.rs"
    }

    /// Its lines of code, numbered from 1, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `directory` whose name ends in `.rs`, sorted.
fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory of the repository").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources() -> Vec<Source> {
    let directory = root().join("src");
    let files = rust_files(&directory).into_iter().map(|path| Source {
        text: read(&path),
        path: path.strip_prefix(&directory).expect("it was found there").display().to_string(),
    });
    files.collect()
}

/// The product: without its tests.
fn product() -> impl Iterator<Item = Source> {
    sources().into_iter().filter(|source| !source.is_test())
}

#[track_caller]
fn expect_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

/// The modules at the top of the crate that a line names.
fn named_modules(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

#[test]
fn each_layer_uses_only_those_above_it() {
    let place = |module: &str| LAYERS.iter().position(|layer| *layer == module);
    let mut offences = Vec::new();
    for source in product().filter(|source| !["main.rs", "lib.rs"].contains(&source.path.as_str())) {
        let module = source.module();
        let Some(own) = place(module) else {
            offences.push(format!("src/{}: has no place in LAYERS", source.path));
            continue;
        };
        for (number, line) in source.code() {
            for used in named_modules(line) {
                let is_below = place(used).is_some_and(|used| used > own);
                if is_below && !EXCEPTIONS.contains(&(module, used)) {
                    offences.push(format!("src/{}:{number}: {module} uses {used}", source.path));
                }
            }
        }
    }
    expect_none("a layer uses one below it", &offences);
}

#[test]
fn the_core_is_pure() {
    let shell = LAYERS.iter().position(|layer| *layer == SHELL).expect("it is one of them");
    let mut offences = Vec::new();
    // The reconciler stands below the engine's door because it speaks of hints; it is as pure as the core.
    for source in
        product().filter(|source| LAYERS[..shell].contains(&source.module()) || source.module() == "reconciler")
    {
        for (number, line) in source.code() {
            for word in NOT_IN_THE_CORE.iter().filter(|word| line.contains(**word)) {
                offences.push(format!("src/{}:{number}: `{}`", source.path, word.trim()));
            }
        }
    }
    expect_none("the core neither waits nor reads nor prints", &offences);
}

/// Whoever names `word` in code and is not allowed to.
fn who_names(word: &str, is_allowed: impl Fn(&str) -> bool) -> Vec<String> {
    let mut offences = Vec::new();
    for source in product().filter(|source| !is_allowed(&source.path)) {
        let lines = source.code().filter(|(_, line)| line.contains(word));
        offences.extend(lines.map(|(number, line)| format!("src/{}:{number}: {}", source.path, line.trim())));
    }
    offences
}

#[test]
fn only_the_docker_engine_names_a_docker_type() {
    // `main` names bollard to keep it quiet: it would print the environment of containers.
    let is_allowed = |path: &str| path.starts_with("engine/docker") || path == "main.rs";
    expect_none("bollard is named elsewhere", &who_names("bollard", is_allowed));
}

#[test]
fn only_one_file_prints() {
    // `main` hands the stream to the tracing.
    let is_allowed = |path: &str| ["cli/output.rs", "main.rs"].contains(&path);
    for word in ["println!", "print!(", "io::stdout", "io::stderr"] {
        expect_none("it prints", &who_names(word, is_allowed));
    }
}

#[test]
fn only_one_file_names_a_label() {
    let labels =
        ["cluster", "source", "service", "slot", "family", "revision", "attempt", "failures", "container", "spec"];
    for label in labels {
        let word = format!("\"reconcile.{label}");
        expect_none("a label is named outside of ownership.rs", &who_names(&word, |path| path == "ownership.rs"));
    }
}

#[test]
fn nothing_is_left_to_be_done_later() {
    for word in ["todo!", "dbg!", "unimplemented!", "FIXME", "XXX"] {
        expect_none("it was left for later", &who_names(word, |_| false));
    }
    let mut offences = Vec::new();
    // Switched off is only what measures, and says so. The words are put together here, or this file would offend.
    let ignored = format!("#[{}", "ignore");
    let measures = format!("{ignored} = \"a measurement\"]");
    for path in rust_files(&root().join("tests")).into_iter().chain(rust_files(&root().join("src"))) {
        let text = read(&path);
        let mut lines = text.lines().map(str::trim_start);
        if lines.any(|line| line.starts_with(&ignored) && line != measures) {
            offences.push(path.display().to_string());
        }
    }
    expect_none("a test is switched off", &offences);
}

#[test]
fn tests_stand_beside_their_file() {
    expect_none("its tests belong into a file of their own", &who_names("mod tests {", |_| false));
}

#[test]
fn every_file_says_what_it_is_for_and_is_short() {
    let mut offences = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if !source.is_test() && lines > LINES_MAX {
            offences.push(format!("src/{}: {lines} lines, {LINES_MAX} at most", source.path));
        }
        if !source.text.starts_with("//! ") && !source.path.ends_with("/tests.rs") {
            offences.push(format!("src/{}: does not open with `//!`", source.path));
        }
    }
    for path in rust_files(&root().join("tests")) {
        if !read(&path).starts_with("//! ") {
            offences.push(format!("{}: does not open with `//!`", path.display()));
        }
    }
    expect_none("a file is not as files are", &offences);
}

#[test]
fn no_file_is_called_mod() {
    let files = rust_files(&root().join("src")).into_iter().chain(rust_files(&root().join("tests")));
    let offences: Vec<_> =
        files.filter(|path| path.ends_with("mod.rs")).map(|path| path.display().to_string()).collect();
    expect_none("`foo.rs` with `foo/bar.rs` is the style", &offences);
}

/// The file that has to declare the module in `path`.
fn parent_of(path: &Path) -> Vec<PathBuf> {
    let directory = path.parent().expect("a file is in a directory");
    let beside = directory.with_extension("rs");
    vec![beside, directory.join("lib.rs"), directory.join("main.rs")]
}

#[test]
fn no_file_is_forgotten() {
    let mut offences = Vec::new();
    let files = rust_files(&root().join("src")).into_iter().chain(rust_files(&root().join("tests/it")));
    for path in files {
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if ["lib", "main"].contains(&name.as_str()) {
            continue;
        }
        let declaration = format!("mod {name};");
        let is_declared = parent_of(&path)
            .iter()
            .filter_map(|parent| std::fs::read_to_string(parent).ok())
            .any(|text| text.lines().any(|line| line.trim_end().ends_with(&declaration)));
        if !is_declared {
            offences.push(format!("{}: no `{declaration}` in its parent", path.display()));
        }
    }
    expect_none("a file is compiled by nobody", &offences);
}

#[test]
fn every_invalid_manifest_has_its_golden_problems() {
    let directory = root().join("tests/invalid");
    let mut stems: BTreeSet<PathBuf> = BTreeSet::new();
    for entry in std::fs::read_dir(directory).expect("a directory of the repository").flatten() {
        stems.insert(entry.path().with_extension(""));
    }
    let is_whole = |stem: &PathBuf| {
        let has = |extension: &str| stem.with_extension(extension).exists();
        has("txt") && (has("yaml") || has("json"))
    };
    let offences: Vec<_> = stems.iter().filter(|stem| !is_whole(stem)).map(|stem| stem.display().to_string()).collect();
    expect_none("it has no counterpart", &offences);
}

#[test]
fn the_manifests_of_the_repository_are_valid() {
    let directory = root().join("manifests");
    let ended = Program::new(["validate".as_ref(), directory.as_os_str()]).run().expect_code(0);
    assert!(!ended.all().contains("warning["), "{ended}");
}

/// The first words of the commands in a Markdown text that begin with the program's name, as `reconcile NAME`.
fn commands(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for piece in text.split(['\n', '`']).map(|piece| piece.trim().trim_start_matches("$ ")) {
        let mut parts = piece.split_whitespace();
        if parts.next() == Some("reconcile") {
            words.extend(parts.filter(|part| part.starts_with("--")).map(|part| {
                part.split_once('=')
                    .map_or(part, |(flag, _)| flag)
                    .trim_matches(|c: char| !c.is_alphanumeric() && c != '-')
                    .to_owned()
            }));
        }
    }
    words
}

#[test]
fn the_flags_in_the_readme_exist() {
    let Ok(readme) = std::fs::read_to_string(root().join("README.md")) else { return };
    let mut help = String::new();
    let help_of = [
        "validate",
        "schema",
        "status",
        "delete",
        "run",
        "stop",
        "tasks",
        "logs",
        "exec",
        "history",
        "why",
        "rollback",
        "rollout",
        "protect",
        "explain",
        "init",
        "completions",
        "man",
    ]
    .map(|command| vec![command, "--help"]);
    for arguments in help_of.iter().chain([&vec!["--help"]]) {
        help.push_str(&Program::new(arguments).run().expect_code(0).stdout);
    }
    let offences: Vec<_> = commands(&readme).into_iter().filter(|flag| !help.contains(flag.as_str())).collect();
    expect_none("README.md names a flag that does not exist", &offences);
}
