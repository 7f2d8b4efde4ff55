//! Nothing is forgotten: each file is run, and each honoured parameter is in one.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::{NAMES, program};

/// Honoured, and yet in no file: why not.
const NOT_HERE: [(&str, &str); 5] = [
    ("containerDefinitions[].resourceRequirements", NO_GPU),
    ("containerDefinitions[].resourceRequirements[].type", NO_GPU),
    ("containerDefinitions[].resourceRequirements[].value", NO_GPU),
    ("containerDefinitions[].repositoryCredentials", NO_REGISTRY),
    ("containerDefinitions[].repositoryCredentials.credentialsParameter", NO_REGISTRY),
];

/// Why no registry is asked.
const NO_REGISTRY: &str =
    "an image behind a password needs a registry, and a task definition in a file cannot bring one along";

/// Why graphics processors are not asked for.
const NO_GPU: &str = "few machines have a graphics processor that an engine can give to a container";

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/ecs")
}

/// The files of `tests/ecs`, without their extension.
fn stems() -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory()).expect("a directory of the repository").flatten();
    let json = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|found| found == "json"));
    json.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
}

#[test]
fn each_file_is_run() {
    let names: BTreeSet<_> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(stems(), names);
}

/// Adds the path of everything that stands in `value`.
fn add_paths(paths: &mut BTreeSet<String>, value: &Value, path: &str) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        for item in value.as_array().into_iter().flatten() {
            add_paths(paths, item, &format!("{path}[]"));
        }
        add_paths(paths, value, &path);
        paths.insert(path);
    }
}

/// The parameters that the program says it honours, by their paths.
fn honoured() -> BTreeSet<String> {
    let table = program(&["schema", "--parameters"]).run().expect_code(0).stdout;
    let mut prefixes = ["", "containerDefinitions[].", "volumes[]."].into_iter();
    let mut prefix = "";
    let mut paths = BTreeSet::new();
    for line in table.lines() {
        let mut cells = line.split('|').map(str::trim).skip(1);
        match (cells.next(), cells.next()) {
            (Some(_), Some("here")) => prefix = prefixes.next().expect("a table for each of three"),
            (Some(name), Some("honoured")) => {
                paths.insert(format!("{prefix}{}", name.trim_matches('`')));
            }
            _ => {}
        }
    }
    assert_eq!(prefixes.next(), None, "a table is missing in what the program says:\n{table}");
    paths
}

#[test]
fn each_honoured_parameter_is_in_a_file() {
    let mut named = BTreeSet::new();
    for stem in stems() {
        let path = directory().join(format!("{stem}.json"));
        let text = std::fs::read_to_string(&path).expect("a file of the repository");
        let definition: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{stem}: {error}"));
        assert_eq!(definition["family"], stem.as_str(), "a file is called as its family");
        add_paths(&mut named, &definition, "");
    }
    let excused: BTreeSet<_> = NOT_HERE.iter().map(|(path, _)| (*path).to_owned()).collect();
    let honoured = honoured();
    let missing: Vec<_> = honoured.iter().filter(|path| !named.contains(*path) && !excused.contains(*path)).collect();
    assert!(missing.is_empty(), "no file of tests/ecs has {missing:#?}");
    let needless: Vec<_> = excused.intersection(&named).collect();
    assert!(needless.is_empty(), "these need no excuse: {needless:#?}");
}
