use super::*;
use crate::testing::{self, Mixed};

fn hint_where(variables: &[(&str, &str)]) -> Option<String> {
    hint("all is new", |name| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned()))
}

#[test]
fn only_a_check_is_told() {
    for variables in [&[][..], &[("CI", "false")], &[("CI", "")], &[("CI", "0")], &[("GITHUB_BASE_REF", "main")]] {
        assert_eq!(hint_where(variables), None, "{variables:?}");
    }
    assert_eq!(
        hint_where(&[("CI", "true")]).as_deref(),
        Some("note: all is new; to check a pull request: --against git:<base>")
    );
}

#[test]
fn an_engine_that_has_something_of_ours_is_not_spoken_of() {
    let Mixed { desired, observed, .. } = testing::mixed();
    assert_eq!(hint_of_empty(&desired, &observed), None);
}

#[test]
fn it_names_the_branch_where_that_is_known_and_can_be_copied() {
    for (name, value, base) in [
        ("GITHUB_BASE_REF", "main", "origin/main"),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "release/1.2", "origin/release/1.2"),
        ("GITHUB_BASE_REF", "", "<base>"),
        ("GITHUB_BASE_REF", "a;rm -rf /", "<base>"),
        ("GITHUB_BASE_REF", "a$(id)", "<base>"),
        ("OTHER", "main", "<base>"),
    ] {
        let hint = hint_where(&[("CI", "1"), (name, value)]).expect("a hint");
        assert!(hint.ends_with(&format!("--against git:{base}")), "{hint}");
    }
}
