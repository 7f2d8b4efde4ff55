//! That nothing of ECS is forgotten, and that the README says what the table says.

use std::fs;
use std::path::Path;

use super::super::parameter_table::{Class, parameter_table, rows};

fn repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every name that ECS knows is in the table, or stands in something that is not honoured as a whole; and no other name is.
#[test]
fn every_parameter_of_ecs_has_exactly_one_fate() {
    let list = fs::read_to_string(repository("tests/parameters/ecs.txt")).expect("the list is part of the repository");
    let known: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    let rows = rows();
    let is_inside = |path: &str, parent: &str| {
        path.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.') || rest.starts_with("[]."))
    };
    for path in &known {
        let fates: Vec<_> = rows
            .iter()
            .filter(|row| row.path == *path || row.class != Class::Honoured && is_inside(path, &row.path))
            .collect();
        assert_eq!(fates.len(), 1, "{path} has {} fates", fates.len());
    }
    for row in &rows {
        assert!(known.contains(&row.path.as_str()), "ECS has no parameter {}", row.path);
        assert!(!row.text.is_empty(), "{} says nothing", row.path);
    }
}

/// Compares the part of the README that is made from the table, or writes it when `RECONCILE_BLESS` is set.
#[test]
fn the_readme_has_the_table() {
    let path = repository("README.md");
    let Ok(readme) = fs::read_to_string(&path) else { return };
    let begin = "<!-- parameters: begin; made by `reconcile schema --parameters` -->\n";
    let end = "<!-- parameters: end -->";
    let (before, rest) = readme.split_once(begin).expect("the table has a beginning");
    let (_, after) = rest.split_once(end).expect("the table has an end");
    let expected = format!("{before}{begin}\n{}\n{end}{after}", parameter_table());
    if std::env::var_os("RECONCILE_BLESS").is_some() {
        fs::write(&path, expected).expect("the repository is writable when blessing");
        return;
    }
    assert!(
        readme == expected,
        "the table in README.md is stale: run `RECONCILE_BLESS=1 cargo test --lib schema`, or paste `reconcile schema --parameters`"
    );
}
