use super::*;

fn value(text: &str) -> SecretValue {
    SecretValue::new(text.as_bytes().to_vec()).unwrap()
}

#[test]
fn a_variable_has_no_final_line_break_and_a_file_has_every_byte() {
    for (bytes, text) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a ", "a "), ("", ""), ("\n", "")] {
        assert_eq!(value(bytes).text(), Ok(text));
        assert_eq!(value(bytes).bytes(), bytes.as_bytes());
    }
    assert_eq!(value("a\0b").text(), Err(SecretError::NotText));
    assert_eq!(SecretValue::new(vec![0xff]).unwrap().text(), Err(SecretError::NotText));
    assert_eq!(SecretValue::new(vec![0; SECRET_BYTES_MAX + 1]), Err(SecretError::TooLarge));
}

#[test]
fn an_entry_of_a_json_object_is_a_value() {
    let object = value(r#"{"a":"x y","n":5432,"b":true,"l":[],"z":null}"#);
    for (key, expected) in
        [("a", Some("x y")), ("n", Some("5432")), ("b", Some("true")), ("l", None), ("z", None), ("?", None)]
    {
        let found = object.entry(key).ok();
        assert_eq!(found.as_ref().map(|value| value.text().unwrap()), expected, "{key}");
    }
    assert!(matches!(value("hunter2").entry("a"), Err(SecretError::NotJson { .. })));
    assert!(matches!(value("[1]").entry("a"), Err(SecretError::NotJson { .. })));
}

#[test]
fn nothing_prints_a_value() {
    assert!(!format!("{:?}", value("hunter2")).contains("hunter2"));
    let error = value(r#"{"a":"hunter2""#).entry("a").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
