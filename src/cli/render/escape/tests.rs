use super::*;

/// Names and values that want to be something else.
pub(crate) const HOSTILE: [&str; 16] = [
    "\u{1b}[31mred\u{1b}]0;title\u{7}",
    "one\ntwo\r\nthree\u{2028}four",
    "\u{202e}gpj.exe\u{2066}",
    "\u{9b}31m\u{7f}\u{0}",
    "a\n::error file=x,line=1::boom",
    "::set-output name=a::b",
    "##[add-mask]x ##[error]y",
    "100%0A::warning::z",
    "`code` ``` and | pipes \\| \\` ````",
    "</details><script>alert(1)</script><!-- -->",
    "[click](javascript:alert(1)) ![x](https://a.example/b) https://a.example www.a.example",
    "@everyone #1 owner/repo#2 a@b.example",
    "]]><failure/>&amp;&#0;\u{ffff}",
    "\"quoted\" 'text' \\ {} \u{0}",
    "a,b:c,d=e",
    "x --> y -- z",
];

#[test]
fn a_log_holds_no_commands() {
    let cases = [
        ("nothing special ::here\n", "nothing special ::here\n"),
        ("::error::a\n  ::add-mask::b\nc", "\\::error::a\n  \\::add-mask::b\nc"),
        ("  ::: a.yaml:1:1", "  ::: a.yaml:1:1"),
        ("value ##[error]x\n##[a] ##[b]", "value ##\\[error]x\n##\\[a] ##\\[b]"),
    ];
    for (text, expected) in cases {
        assert_eq!(log_text(text), expected);
    }
}

#[test]
fn json_stays_what_it_was_and_steers_nothing() {
    for text in HOSTILE {
        let value = serde_json::json!({ text: [text, "##["] });
        let shown = json_text(&format!("{value:#}"));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("it is JSON"), value);
        assert!(!shown.chars().any(|c| c != '\n' && is_steering(c)), "{shown}");
        assert!(!shown.contains("##["), "{shown}");
        assert!(shown.lines().all(|line| !line.trim_start().starts_with("::")), "{shown}");
    }
}

#[test]
fn commands_end_where_they_should() {
    assert_eq!(command_data("50% done\nnext: a, b"), "50%25 done%0Anext: a, b");
    assert_eq!(command_property("a:b,c%d\ne"), "a%3Ab%2Cc%25d e");
    for text in HOSTILE {
        for escaped in [command_data(text), command_property(text)] {
            assert!(!escaped.contains(['\n', '\r', '\u{1b}', '\u{202e}', '\u{2028}']), "{escaped:?}");
        }
        assert!(!command_property(text).contains([':', ',']), "{text}");
    }
}

#[test]
fn xml_is_read_back_as_text() {
    for text in HOSTILE {
        let document = format!("<a b=\"{0}\">{0}</a>", xml(text));
        let read = roxmltree::Document::parse(&document).unwrap_or_else(|error| panic!("{error}: {document}"));
        let root = read.root_element();
        assert_eq!(root.children().filter(roxmltree::Node::is_element).count(), 0, "{document}");
        assert_eq!(root.attribute("b"), root.text(), "{document}");
    }
    assert_eq!(xml("a < b & \"c\"\nd\u{1b}[1me"), "a &lt; b &amp; &quot;c&quot;&#10;de");
}

#[test]
fn paths_are_uris() {
    assert_eq!(uri_path("deploy/a b#c?d%\u{e4}:1.yaml"), "deploy/a%20b%23c%3Fd%25%C3%A4%3A1.yaml");
}

#[test]
fn markdown_shows_marks_instead_of_obeying_them() {
    let cases = [
        ("unknown field `a`", "unknown field `a`"),
        ("one ` alone", "one \\` alone"),
        ("`a|b` is no name", "<code>a&#124;b</code> is no name"),
        ("a|b *c* _d_ [e](f) <g> &h;", "a&#124;b \\*c\\* \\_d\\_ \\[e\\](f) &lt;g&gt; &amp;h;"),
        ("@user and a#1 and # 1", "@&#8203;user and a#&#8203;1 and \\# 1"),
        ("see https://a.example and www.b.example", "see https&#58;//a.example and www&#46;b.example"),
        ("two\nlines", "two lines"),
    ];
    for (text, expected) in cases {
        assert_eq!(markdown(text), expected, "{text}");
    }
    for text in HOSTILE {
        let shown = markdown(text).replace("<code>", "").replace("</code>", "");
        assert!(!shown.contains(['\n', '|', '<', '>', '\u{1b}']), "{shown}");
        for (at, _) in shown.match_indices(['@', '#']) {
            let is_safe = shown[..at].matches('`').count() % 2 == 1 || shown[..at].ends_with('&');
            assert!(is_safe || !shown[at + 1..].starts_with(char::is_alphanumeric), "{shown}");
        }
    }
}

#[test]
fn code_is_one_span() {
    assert_eq!(code("shop/web"), "`shop/web`");
    assert_eq!(code(""), "<code></code>");
    assert_eq!(code("a`b"), "<code>a&#96;b</code>");
    for text in HOSTILE {
        let shown = code(text);
        let inner = shown.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        let coded = || shown.strip_prefix("<code>").and_then(|rest| rest.strip_suffix("</code>"));
        let inner = inner.or_else(coded).expect("it is one of both");
        assert!(!inner.contains(['<', '`', '|', '\\', '\n']), "{shown}");
    }
}

#[test]
fn no_line_closes_its_block() {
    let lines: Vec<_> = HOSTILE.map(str::to_owned).into();
    let block = fence("diff", &lines);
    let (first, rest) = block.split_once('\n').expect("a first line");
    let marks = first.strip_suffix("diff").expect("the language");
    assert_eq!(marks, "`````");
    assert_eq!(rest.matches(marks).count(), 1, "{block}");
    assert_eq!(rest.lines().count(), lines.len() + 1, "{block}");
    assert_eq!(fence("", &["a".to_owned()]), "```\na\n```\n");
}

#[test]
fn a_marker_never_ends_its_comment() {
    assert_eq!(marker("deploy/shop/"), "deploy/shop");
    assert_eq!(marker("a-->b--c"), "a-_b-c");
    for text in HOSTILE {
        let word = marker(text);
        assert!(!word.contains("--") && !word.contains(['>', ' ', '\n']), "{word}");
    }
}
