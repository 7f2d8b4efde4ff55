//! Documents from hostile and from ordinary texts, with the exact place of everything.

use std::time::Instant;

use proptest::prelude::*;
use serde_json::json;

use super::scalar::{Plain, resolve};
use super::*;
use crate::problem::Code;

fn read(text: &str) -> (Arc<File>, Chunk) {
    let file = Arc::new(File::new("m.yaml", text.to_owned()));
    let chunk = read_file(&file, &Budget::default());
    (file, chunk)
}

fn values(text: &str) -> Vec<Value> {
    let (_, chunk) = read(text);
    assert!(chunk.problems.is_empty(), "{text}: {:?}", chunk.problems);
    chunk.documents.iter().map(Document::to_value).collect()
}

/// Code, `line:column` and the text at the place of every problem.
fn problems(text: &str) -> Vec<(Code, String, String)> {
    let (file, chunk) = read(text);
    let describe = |problem: &Problem| {
        let place = problem.place.as_ref().expect("every problem of a text has a place");
        (problem.code, format!("{}:{}", place.line, place.column), file.text()[place.bytes.clone()].to_owned())
    };
    chunk.problems.iter().map(describe).collect()
}

#[test]
fn plain_scalars_follow_the_core_schema_of_yaml_1_2() {
    let cases = [
        ("", Plain::Null),
        ("~", Plain::Null),
        ("null", Plain::Null),
        ("nUll", Plain::Text),
        ("true", Plain::Bool(true)),
        ("FALSE", Plain::Bool(false)),
        ("yes", Plain::Text),
        ("on", Plain::Text),
        ("y", Plain::Text),
        ("12", Plain::Integer),
        ("-12", Plain::Integer),
        ("+12", Plain::Integer),
        ("012", Plain::Integer),
        ("0o14", Plain::Integer),
        ("0xFF", Plain::Integer),
        ("0b101", Plain::Text),
        ("1_000", Plain::Text),
        ("12:30", Plain::Text),
        ("1.5", Plain::Float),
        ("1.", Plain::Float),
        (".5", Plain::Float),
        ("1e3", Plain::Float),
        (".", Plain::Text),
        ("-", Plain::Text),
        ("1e", Plain::Text),
        ("1.2.3", Plain::Text),
        ("1e999", Plain::Unrepresentable),
        (".inf", Plain::Unrepresentable),
        ("-.INF", Plain::Unrepresentable),
        (".nan", Plain::Unrepresentable),
        ("18446744073709551615", Plain::Integer),
        ("18446744073709551616", Plain::Unrepresentable),
        ("-9223372036854775809", Plain::Unrepresentable),
        ("0x", Plain::Text),
        ("0o8", Plain::Text),
        ("=", Plain::Text),
        ("2026-01-01", Plain::Text),
        ("99999999999999999999999999999999999999999999999", Plain::Unrepresentable),
    ];
    for (text, expected) in cases {
        assert_eq!(resolve(text), expected, "{text}");
    }
    assert_eq!(scalar::number("0x10"), json!(16));
    assert_eq!(scalar::number("3.0"), json!(3));
    assert_eq!(scalar::number("1.5"), json!(1.5));
}

#[test]
fn ordinary_documents_become_values() {
    let cases = [
        ("a: 1\n", vec![json!({"a": 1})]),
        ("a: 1\n---\nb: 2\n---\n# nothing\n---\n...\nc: 3\n", vec![json!({"a": 1}), json!({"b": 2}), json!({"c": 3})]),
        ("\u{feff}a: 1\n", vec![json!({"a": 1})]),
        ("a: 1\r\nb: |\r\n  x\r\n  y\r\n---\r\nc: 2\r\n", vec![json!({"a": 1, "b": "x\ny\n"}), json!({"c": 2})]),
        ("a: x\ty\nb: \"\\t\\u263A\"\n", vec![json!({"a": "x\ty", "b": "\t\u{263a}"})]),
        ("{\n\t\"a\": [1,\n\t\t2],\n\t\"b\": {}\n}\n", vec![json!({"a": [1, 2], "b": {}})]),
        ("a: &x [1, 2]\nb: *x\n", vec![json!({"a": [1, 2], "b": [1, 2]})]),
        ("a: &x 1\nb: *x\nc: &x 2\nd: *x\n", vec![json!({"a": 1, "b": 1, "c": 2, "d": 2})]),
        ("a: &x k\n*x : v\n", vec![json!({"a": "k", "k": "v"})]),
        ("a: &b { x: 1, y: 2 }\nc: { <<: *b, y: 3 }\n", vec![json!({"a": {"x": 1, "y": 2}, "c": {"y": 3, "x": 1}})]),
        ("c: { <<: [{ x: 1 }, { x: 2, z: 3 }], y: 3 }\n", vec![json!({"c": {"y": 3, "x": 1, "z": 3}})]),
        ("\"<<\": 1\n", vec![json!({"<<": 1})]),
        ("a: !!str 12\nb: !!int \"7\"\nc: ! 5\n", vec![json!({"a": "12", "b": 7, "c": "5"})]),
        ("a: >-\n  x\n  y\nb: 'it''s'\n", vec![json!({"a": "x y", "b": "it's"})]),
        ("a:\nb: ~\n", vec![json!({"a": null, "b": null})]),
        ("", vec![]),
        ("# only a comment\n", vec![]),
        ("---\n---\n", vec![]),
    ];
    for (text, expected) in cases {
        assert_eq!(values(text), expected, "{text}");
    }
}

#[test]
fn problems_have_exact_places() {
    let cases: &[(&str, Code, &str, &str)] = &[
        ("a: 1\nb: 2\na: 3\n", Code::DuplicateKey, "3:1", "a"),
        ("a: 1\r\n\"a\": 3\r\n", Code::DuplicateKey, "2:1", "\"a\""),
        ("x: { \u{1f600}: 1, \u{1f600}: 2 }\n", Code::DuplicateKey, "1:12", "\u{1f600}"),
        ("\u{feff}80: 1\n", Code::KeyNotString, "1:1", "80"),
        ("a: { true: 1 }\n", Code::KeyNotString, "1:6", "true"),
        ("? [a, b]\n: 1\n", Code::KeyNotString, "1:3", "["),
        ("a: 1\n---\nb: 1e999\n", Code::Number, "3:4", "1e999"),
        ("a: 18446744073709551616\n", Code::Number, "1:4", "18446744073709551616"),
        ("a: 012\n", Code::Number, "1:4", "012"),
        ("a: *nothing\n", Code::Alias, "1:4", "*nothing"),
        ("a: &x [*x]\n", Code::Alias, "1:8", "*x"),
        ("a: { <<: 1 }\n", Code::Alias, "1:10", "1"),
        ("a: !Ref b\n", Code::Tag, "1:4", "!Ref"),
        ("a: !!set { b }\n", Code::Tag, "1:4", "!!set"),
        ("a: \"x\\0y\"\n", Code::Malformed, "1:4", "\"x\\0y\""),
        ("a: b: c\n", Code::Syntax, "1:5", ":"),
        ("a: 1\n\tb: 2\n", Code::Syntax, "2:1", "\t"),
        ("a:\n\tb: 2\n", Code::Syntax, "2:2", "b"),
        ("a: \u{1}x\n", Code::Syntax, "1:4", ""),
        ("%YAML 1.1\n---\na: 1\n", Code::Syntax, "1:1", "%"),
    ];
    for (text, code, position, cut) in cases {
        assert_eq!(problems(text), [(*code, (*position).to_owned(), (*cut).to_owned())], "{text:?}");
    }
}

#[test]
fn a_broken_document_spoils_no_other() {
    for broken in ["a: [1, 2\n", "a: \"x\n", "a: b: c\n", "{\n", "- a\nb: 1\n"] {
        let text = format!("first: 1\n---\n{broken}---\nthird: 3\n");
        let (_, chunk) = read(&text);
        let documents: Vec<Value> = chunk.documents.iter().map(Document::to_value).collect();
        assert_eq!(documents.first(), Some(&json!({"first": 1})), "{text}");
        assert_eq!(documents.last(), Some(&json!({"third": 3})), "{text}");
        let bad: Vec<_> = chunk.problems.iter().filter_map(|problem| problem.place.as_ref()).collect();
        assert_eq!(bad.len(), 1, "{text}");
        assert!(bad[0].line >= 3 && bad[0].line <= 2 + 5, "{text}: {}", bad[0]);
    }
}

/// One limit, reported once, fast.
fn assert_limit(text: &str) {
    let start = Instant::now();
    let (_, chunk) = read(text);
    assert!(chunk.documents.is_empty());
    assert_eq!(chunk.problems.len(), 1, "{:?}", chunk.problems.first());
    assert!(matches!(chunk.problems[0].code, Code::Limit | Code::Syntax), "{:?}", chunk.problems[0]);
    // A bomb that goes off takes for ever; a busy machine without optimisation may take seconds.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn bombs_end_in_a_limit() {
    let laugh = |level: usize| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", "));
    let laughs: Vec<String> = (1..12).map(laugh).collect();
    assert_limit(&format!("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{}", laughs.concat()));
    let long = format!("a: &a {}\nb:\n{}", "x".repeat(100_000), "- *a\n".repeat(20_000));
    assert_limit(&long);
    assert_limit(&"[".repeat(100_000));
    assert_limit(&"{a: ".repeat(100_000));
    assert_limit(&(0..2000).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n"));
    let chain = (1..200)
        .fold("a0: &a0 [x]\n".to_owned(), |text, level| text + &format!("a{level}: &a{level} [*a{}]\n", level - 1));
    assert_limit(&chain);
    assert_limit(&format!("[{}]", "a,".repeat(DOCUMENT_NODES_MAX + 1)));
}

#[test]
fn many_problems_of_one_document_are_cut_off() {
    let text = (0..10_000).fold(String::new(), |text, _| text + "a: 1\n");
    assert_eq!(problems(&text).len(), DOCUMENT_PROBLEMS_MAX);
}

#[test]
fn pointers_lead_to_places() {
    let text = "spec:\n  list:\n    - image: \"web:1\"\n      empty:\n  \"a/b~c\": { d: [x, yy] }\n";
    let (file, chunk) = read(text);
    let document = &chunk.documents[0];
    let cut = |place: Place| file.text()[place.bytes].to_owned();
    let cases = [
        ("/spec/list/0/image", "\"web:1\"", "image"),
        ("/spec/list/0/empty", "empty", "empty"),
        ("/spec/a~1b~0c/d/1", "yy", "yy"),
        ("/spec/a~1b~0c/d", "[x, yy]", "d"),
        ("/spec/a~1b~0c", "{ d: [x, yy] }", "\"a/b~c\""),
    ];
    for (pointer, value, key) in cases {
        assert_eq!(document.place_of(pointer).map(cut).as_deref(), Some(value), "{pointer}");
        assert_eq!(document.key_place_of(pointer).map(cut).as_deref(), Some(key), "{pointer}");
    }
    assert_eq!(document.place_of("/spec/missing"), None);
    assert_eq!(document.nearest_place_of("/spec/missing/deeper").to_string(), "m.yaml:1:1");
    assert_eq!(document.nearest_place_of("/spec/list/0/missing").to_string(), "m.yaml:3:7");
    assert_eq!(document.place_of("/spec/list/0/image").expect("it is there").end_column, 21);
}

#[test]
fn values_behind_aliases_have_two_places() {
    let text = "a: &x { k: 1 }\nb: *x\nc: &s word\nd: *s\n";
    let (file, chunk) = read(text);
    let document = &chunk.documents[0];
    let cut = |place: Place| file.text()[place.bytes].to_owned();
    assert_eq!(document.place_of("/b").map(cut).as_deref(), Some("*x"));
    assert_eq!(document.alias_target_of("/b").map(cut).as_deref(), Some("{ k: 1 }"));
    assert_eq!(document.place_of("/b/k").map(cut).as_deref(), Some("1"));
    assert_eq!(document.alias_target_of("/d").map(cut).as_deref(), Some("word"));
    assert_eq!(document.alias_target_of("/c"), None);
}

#[test]
fn documents_are_cut_only_at_markers() {
    let pieces = |text: &str| split_documents(text).into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>();
    assert_eq!(pieces("a\n---\nb\n--- c\n----\n ---\n---"), ["a\n", "---\nb\n", "--- c\n----\n ---\n", "---"]);
    assert_eq!(pieces("---\r\na\r\n---\r\nb"), ["---\r\na\r\n", "---\r\nb"]);
    assert_eq!(pieces(""), [""]);
}

/// Any JSON value, as a text that YAML reads as well.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        "[ -~\u{e9}\u{1f600}\t]{0,12}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::btree_map("[a-z][a-z<-]{0,5}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[-a-c:*&!%{}\\[\\],'\"|>#?~ \n\t\r0<\u{feff}\u{e9}]{0,60}") {
        let (file, chunk) = read(&text);
        for document in &chunk.documents {
            let _ = document.to_value();
            let _ = document.nearest_place_of("/a/0");
        }
        for place in chunk.problems.iter().filter_map(|problem| problem.place.as_ref()) {
            prop_assert!(file.text().get(place.bytes.clone()).is_some());
        }
    }

    #[test]
    fn what_is_written_is_read_back(value in any_json()) {
        prop_assume!(!value.is_null());
        for text in [value.to_string(), serde_json::to_string_pretty(&value).expect("a value"), serde_yaml::to_string(&value).expect("a value")] {
            let (_, chunk) = read(&text);
            prop_assert!(chunk.problems.is_empty(), "{}: {:?}", text, chunk.problems);
            prop_assert_eq!(&chunk.documents[0].to_value(), &value, "{}", text);
        }
    }
}

/// Every value of a plain task definition, seen as a manifest, has the place where it is written.
#[test]
fn a_plain_task_definition_is_seen_as_a_manifest() {
    let inner = r#"{ "family": "web", "cpu": 5, "containerDefinitions": [{ "name": "a/b", "links": ["x"] }] }"#;
    let wrapped = format!(r#"{{ "taskDefinition": {inner}, "tags": [{{ "key": "team" }}], "more": 1 }}"#);
    let expected = json!({
        "apiVersion": "reconcile/v1", "kind": "TaskDefinition", "metadata": { "name": "web" },
        "spec": { "cpu": 5, "containerDefinitions": [{ "name": "a/b", "links": ["x"] }] },
    });
    assert_eq!(values(inner), std::slice::from_ref(&expected));
    let mut with_tags = expected.clone();
    with_tags["spec"]["tags"] = json!([{ "key": "team" }]);
    with_tags["more"] = json!(1);
    assert_eq!(values(&wrapped), [with_tags]);
    for (text, tags) in [(inner, None), (&wrapped, Some("\"team\""))] {
        let (file, chunk) = read(text);
        let document = &chunk.documents[0];
        assert!(document.is_plain_task_definition());
        let at = |pointer: &str| document.place_of(pointer).map(|place| file.text()[place.bytes].to_owned());
        assert_eq!(at("/metadata/name").as_deref(), Some("\"web\""));
        assert_eq!(at("/spec/cpu").as_deref(), Some("5"));
        assert_eq!(at("/spec/containerDefinitions/0/links/0").as_deref(), Some("\"x\""));
        assert_eq!(at("/spec/tags/0/key").as_deref(), tags);
        assert_eq!(at("/spec/volumes"), None);
        assert_eq!(at("/kind"), None);
        // What is not written has the place of what is around it.
        for pointer in ["/spec/memory", "/kind", "/metadata", "/spec/tags/7"] {
            document.nearest_place_of(pointer);
        }
    }
    for other in [
        r#"{ "kind": "TaskDefinition", "containerDefinitions": [] }"#,
        r#"{ "taskDefinition": "web", "containers": [] }"#,
        r#"{ "taskDefinition": { "family": "web" } }"#,
        "[]",
        "containerDefinitions",
    ] {
        let (_, chunk) = read(other);
        assert!(chunk.documents.iter().all(|document| !document.is_plain_task_definition()), "{other}");
    }
}
