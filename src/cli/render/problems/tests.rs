//! The forms in which problems are shown.

use proptest::prelude::*;

use super::*;
use crate::problem::Code;

fn file(text: &str) -> Arc<File> {
    Arc::new(File::new("m.yaml", text.to_owned()))
}

#[test]
fn the_long_form_shows_lines_places_and_the_repair() {
    let text = "# one\nspec:\n  desireCount: 4\n  other: 1\n";
    let file = file(text);
    let at = text.find("desireCount").expect("it is there");
    let problem = Problem::error(Code::UnknownField, "unknown field `desireCount`")
        .with_place(file.place(at..at + 11))
        .with_help("did you mean `desiredCount`?")
        .with_suggestion("desiredCount")
        .with_object("Service `web`");
    let shown = render_problems(std::slice::from_ref(&problem), &[Arc::clone(&file)], false);
    insta::assert_snapshot!(shown, @r"
    error[RC101]: unknown field `desireCount` (Service `web`)
     --> m.yaml:3:3
      |
    3 |   desireCount: 4
      |   ^^^^^^^^^^^
      |
    help: did you mean `desiredCount`?
      |
    3 |   desiredCount: 4
      |         +

    1 error in 1 file
    ");
    assert!(shown.is_ascii() && !shown.contains('\u{1b}'));
    assert!(render_problems(&[problem], &[file], true).contains('\u{1b}'));
}

#[test]
fn problems_without_text_or_place_are_shown_all_the_same() {
    let elsewhere =
        Problem::error(Code::Unreadable, "the file cannot be read").with_place(Place::start_of("gone.yaml".into()));
    let nowhere = Problem::error(Code::NoManifests, "there is no manifest").with_help("write one");
    let shown = render_problems(&[elsewhere, nowhere], &[], false);
    assert!(shown.contains("--> gone.yaml:1:1") && shown.contains("= help: write one"), "{shown}");
}

#[test]
fn what_is_not_shown_is_counted() {
    let file = file("a: 1\n");
    let problems = vec![Problem::warning(Code::Number, "odd").with_place(file.place(0..1)); 23];
    let shown = render_problems(&problems, &[file], false);
    assert_eq!(shown.matches("warning[RC013]").count(), SHOWN_MAX);
    assert!(shown.ends_with("... 3 more problems are not shown\n23 warnings in 1 file\n"), "{shown}");
    assert_eq!(render_short(&problems).lines().count(), 23);
    assert_eq!(render_problems(&[], &[], false), "");
}

#[test]
fn the_terminal_obeys_nothing_in_a_manifest() {
    let text = "a: \u{1b}[31mred \u{9b}1m \u{7f}\u{202e}\n";
    let file = file(text);
    let problem = Problem::error(Code::Syntax, "odd \u{1b}[31m key\nnext\u{9b}")
        .with_place(file.place(3..6))
        .with_help("help \u{9b}")
        .with_suggestion("a \u{9b}")
        .with_expected("\u{7f}", "\u{202e}")
        .with_related("there \u{1b}]0;", file.place(0..1))
        .with_object("\u{9b}");
    let short = render_short(std::slice::from_ref(&problem));
    assert!(short.starts_with("m.yaml:1:4: error[RC010]: odd  key\\nnext\\u{9b}; expected"), "{short}");
    let is_obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    for shown in [short, render_problems(&[problem], &[file], false)] {
        assert!(!shown.contains(is_obeyed), "{shown:?}");
    }
}

#[test]
fn a_very_long_line_is_named_and_not_shown() {
    let file = file(&format!("a: {}\n", "x".repeat(1 << 20)));
    let problem =
        Problem::error(Code::WrongType, "odd").with_place(file.place(3..1 << 19)).with_expected("this", "that");
    let shown = render_problems(&[problem], &[file], false);
    assert!(
        shown.len() < 500 && shown.contains("--> m.yaml:1:4") && shown.contains("expected this, found that"),
        "{shown}"
    );
}

#[test]
fn as_json_every_part_has_its_name() {
    let file = file("a: 1\n");
    let problem = Problem::error(Code::WrongType, "odd")
        .with_place(file.place(3..4))
        .with_expected("string", "integer 1")
        .with_related("here", file.place(0..1));
    let json = serde_json::to_value(&problem).expect("a problem has a JSON form");
    assert_eq!(json["code"], "RC103");
    assert_eq!(json["severity"], "error");
    assert_eq!(json["place"]["line"], 1);
    assert_eq!(json["place"]["endColumn"], 5);
    assert_eq!(json["related"][0]["place"]["file"], "m.yaml");
}

proptest! {
    #[test]
    fn no_place_makes_it_panic(text in "[a-c \n\r\t\u{e9}\u{1f600}\u{feff}]{0,40}", start in 0_usize..60, end in 0_usize..60, repair in "[a\n\u{e9}]{0,3}") {
        let file = file(&text);
        let other = Place { bytes: start..end, ..Place::start_of("m.yaml".into()) };
        let problem = Problem::error(Code::Syntax, "odd")
            .with_place(file.place(start..end))
            .with_related("there", other)
            .with_suggestion(repair);
        let _ = render_problems(&[problem], &[file], true);
    }
}
