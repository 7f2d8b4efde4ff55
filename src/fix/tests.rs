use super::*;
use crate::document::File;
use crate::problem::Code;

fn problem(file: &File, bytes: std::ops::Range<usize>, to: &str) -> Problem {
    Problem::error(Code::UnknownField, "wrong").with_place(file.place(bytes)).with_fix(to)
}

#[test]
fn only_what_is_certain_is_written_and_nothing_else_is_touched() {
    let file = File::new("m.yaml", "\u{feff}aa: 1 # note\r\nbb: 2\r\n".to_owned());
    let uncertain = Problem { fixable: false, ..problem(&file, 17..19, "no") };
    let (text, fixes) = apply(file.text(), [problem(&file, 3..5, "cc"), uncertain].iter());
    assert_eq!(text, "\u{feff}cc: 1 # note\r\nbb: 2\r\n");
    assert_eq!((fixes.len(), fixes[0].from.as_str(), fixes[0].to.as_str()), (1, "aa", "cc"));
    assert_eq!(fixes[0].place.to_string(), "m.yaml:1:1");
}

#[test]
fn what_two_problems_want_differently_is_a_decision() {
    let file = File::new("m.yaml", "aa: 1\n".to_owned());
    let same = [problem(&file, 0..2, "bb"), problem(&file, 0..2, "bb")];
    assert_eq!(apply(file.text(), same.iter()).0, "bb: 1\n");
    let different = [problem(&file, 0..2, "bb"), problem(&file, 0..2, "cc")];
    assert_eq!(apply(file.text(), different.iter()), ("aa: 1\n".to_owned(), Vec::new()));
    let within = [problem(&file, 0..5, "bb: 2"), problem(&file, 4..5, "3")];
    assert_eq!(apply(file.text(), within.iter()).0, "bb: 2\n");
}

#[test]
fn json_stays_json() {
    let file = File::new("m.json", "{ \"aa\": \"80:80\" }".to_owned());
    let problems = [problem(&file, 2..6, "\"bb\""), problem(&file, 8..15, "{ containerPort: 80 }")];
    assert_eq!(apply(file.text(), problems.iter()).0, "{ \"bb\": \"80:80\" }");
}
