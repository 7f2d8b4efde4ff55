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
