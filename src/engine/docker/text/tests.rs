use super::*;

#[test]
fn only_what_can_be_printed_is_left() {
    for (given, expected) in [
        (&b"  plain\n"[..], "plain"),
        (b"one\r\ntwo\rthree", "one\ntwo\nthree"),
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07text \x1b]8;;http://x\x1b\\link", "text link"),
        (b"\x1b", ""),
        (b"\x1b[", ""),
        (b"bell\x07 null\0 tab\t.", "bell null tab\t."),
        (b"not utf-8: \xff", "not utf-8: \u{fffd}"),
        ("a\u{202e}b".as_bytes(), "ab"),
        ("grüße 🦀".as_bytes(), "grüße 🦀"),
    ] {
        assert_eq!(clean(given, 100), expected);
    }
}

#[test]
fn long_text_is_cut_between_characters() {
    assert_eq!(clean("🦀🦀🦀".as_bytes(), 3), "🦀🦀🦀");
    assert_eq!(clean("🦀🦀🦀🦀".as_bytes(), 3), "🦀🦀🦀…");
}

#[test]
fn what_the_engine_says_when_it_was_its_own_fault() {
    let table = [
        ("transport is closing: unavailable", true),
        ("task 5ab5432a5961c829f5435ee7f704c35c628bef1b0b3ebf6ed04bb861d314f350: already exists", true),
        ("OCI runtime create failed: exec: \"nope\": executable file not found in $PATH: unknown", false),
        ("the task of this program: already exists, it says", false),
    ];
    for (message, expected) in table {
        assert_eq!(tells_of_engine(message), expected, "{message}");
    }
}
