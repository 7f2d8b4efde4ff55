use super::*;
use crate::testing::{self, running, task};

const APP: &str = r#"{"name":"app","image":"app:1"}"#;
const SIDE: &str = r#"{"name":"side","image":"side:1","essential":false}"#;
const PLAIN: LogForm = LogForm::Text { timestamps: false, names: true };
const TIMED: LogForm = LogForm::Text { timestamps: true, names: true };

fn members() -> Vec<Member> {
    let all = [running("shop/web/0", &task("web", &[APP, SIDE]), 1), running("shop/web/1", &task("web", &[APP]), 1)];
    all.iter().flat_map(|task| task.iter().map(|container| Member::of(container, task))).collect()
}

fn chunk(stream: LogStream, text: &[u8]) -> LogChunk {
    LogChunk { stream, at: LogTime::parse("2026-11-21T08:42:21.5Z"), bytes: text.to_vec() }
}

fn out(text: &str) -> LogChunk {
    chunk(LogStream::Stdout, text.as_bytes())
}

fn lines(form: LogForm, is_several: bool) -> LogLines {
    LogLines::new(form, is_several, Style::PLAIN, Style::PLAIN)
}

fn text(printed: &Printed) -> String {
    String::from_utf8_lossy(&printed.bytes).into_owned()
}

#[test]
fn one_container_is_passed_on_byte_for_byte() {
    let member = &members()[0];
    let mut lines = lines(PLAIN, false);
    let mut all = Vec::new();
    let pieces: [&[u8]; 4] = [b"\x1b[31mred\x1b[0m\r\n", b"\xff\xfe half", b" of it", b"\n\nlast"];
    for piece in pieces {
        let printed = lines.add(member, &chunk(LogStream::Stdout, piece));
        assert_eq!((printed.stream, &*printed.bytes), (LogStream::Stdout, piece));
        all.extend(printed.bytes);
    }
    assert!(lines.finish().is_empty());
    assert_eq!(all, pieces.concat());
    assert_eq!(lines.add(member, &chunk(LogStream::Stderr, b"err\n")).stream, LogStream::Stderr);
}

#[test]
fn names_stand_before_whole_lines() {
    let members = members();
    let mut lines = lines(PLAIN, true);
    let id = |member: &Member| member.task.id().to_string()[..4].to_owned();
    // A piece of a line is held back, and nobody else's line gets between.
    assert_eq!(text(&lines.add(&members[0], &out("one "))), "");
    assert_eq!(text(&lines.add(&members[2], &out("two\n"))), format!("web/1 {} | two\n", id(&members[2])));
    assert_eq!(text(&lines.add(&members[0], &out("line\n"))), format!("web/0 {} app | one line\n", id(&members[0])));
    // From then on the bars stand below one another.
    assert_eq!(text(&lines.add(&members[2], &out("3\n"))), format!("web/1 {}     | 3\n", id(&members[2])));
    // What has no end is printed at the end.
    assert_eq!(text(&lines.add(&members[1], &out("no end"))), "");
    let rest = lines.finish();
    assert_eq!(text(&rest[0]), format!("web/0 {} side | no end\n", id(&members[1])));
}

#[test]
fn a_line_without_an_end_is_not_held_back_for_ever() {
    let mut lines = lines(PLAIN, true);
    let piece = "x".repeat(16 << 10);
    let printed: usize = (0..65).map(|_| lines.add(&members()[0], &out(&piece)).bytes.len()).sum();
    assert!((LINE_BYTES_MAX..LINE_BYTES_MAX + 100).contains(&printed), "{printed}");
}

#[test]
fn a_line_that_has_begun_ends_before_names_are_needed() {
    let mut lines = lines(PLAIN, false);
    assert_eq!(text(&lines.add(&members()[0], &out("half"))), "half");
    assert_eq!(lines.be_several().iter().map(text).collect::<Vec<_>>(), ["\n"]);
    assert!(lines.be_several().is_empty());
    assert!(text(&lines.add(&members()[0], &out("rest\n"))).ends_with(" app | rest\n"));
    // Whoever wants no names gets none.
    let mut bare = LogLines::new(LogForm::Text { timestamps: false, names: false }, true, Style::PLAIN, Style::PLAIN);
    assert_eq!(text(&bare.add(&members()[0], &out("bare\n"))), "bare\n");
}

#[test]
fn times_stand_before_lines_and_not_before_their_pieces() {
    let mut lines = lines(TIMED, false);
    let time = "2026-11-21T08:42:21.500000000Z ";
    assert_eq!(text(&lines.add(&members()[0], &out("a"))), format!("{time}a"));
    assert_eq!(text(&lines.add(&members()[0], &out("b\n"))), "b\n");
    assert_eq!(text(&lines.add(&members()[0], &out("c\n"))), format!("{time}c\n"));
}

#[test]
fn the_name_of_a_task_has_its_colour() {
    let style = Style { color: true, width: None };
    let mut lines = LogLines::new(PLAIN, true, style, Style::PLAIN);
    let colored = text(&lines.add(&members()[0], &out("x\n")));
    assert!(colored.starts_with("\u{1b}[") && colored.ends_with(" x\n"), "{colored:?}");
    assert_eq!(testing::strip_colours(&colored).lines().count(), 1);
    assert!(!text(&lines.add(&members()[0], &chunk(LogStream::Stderr, b"x\n"))).contains('\u{1b}'));
}

#[test]
fn programs_get_an_object_for_each_line() {
    let mut lines = lines(LogForm::Json, false);
    assert_eq!(text(&lines.add(&members()[0], &out("a \"quoted\" "))), "");
    let line = text(&lines.add(&members()[0], &out("line\n")));
    let json: serde_json::Value = serde_json::from_str(&line).expect("it is JSON");
    assert_eq!(json["log"], "a \"quoted\" line");
    assert_eq!((&json["service"], &json["slot"], &json["container"]), (&"web".into(), &0.into(), &"app".into()));
    assert_eq!((&json["time"], &json["stream"]), (&"2026-11-21T08:42:21.500000000Z".into(), &"stdout".into()));
}

#[test]
fn notes_are_one_line_and_steer_no_terminal() {
    let key = members()[0].task.clone();
    let id = key.id();
    assert_eq!(render_note(&Note::Began(key.clone())), format!("-- task {id} (shop/web/0) began"));
    let ended = render_note(&Note::Ended(key, "container app \u{1b}]0;x\u{7}\nended".to_owned()));
    assert!(ended.lines().count() == 1 && !ended.contains('\u{1b}'), "{ended:?}");
}
