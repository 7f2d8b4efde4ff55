use super::*;

fn spec(text: &str) -> ContainerSpec {
    serde_json::from_str(text).expect("a spec")
}

fn given(text: &str) -> Given {
    serde_json::from_str(text).expect("an answer")
}

#[test]
fn values_of_secrets_and_of_sensitive_variables_are_covered() {
    let spec = spec(
        r#"{"name":"main","image":"x","secrets":[{"name":"LICENCE","valueFrom":"file:a"}],
            "logConfiguration":{"logDriver":"splunk","secretOptions":[{"name":"splunk-url","valueFrom":"env:B"}]}}"#,
    );
    let given = given(
        r#"{"Config":{"Env":["LICENCE=first-line\nsecond-line","DB_PASSWORD=hunter2","MODE=production","PIN_KEY=abc"]},
            "HostConfig":{"LogConfig":{"Type":"splunk","Config":{"splunk-url":"very-secret","tag":"plain"}}}}"#,
    );
    let values = values(&given, &spec).expect("all can be read");
    let text = "first-line second-line hunter2 production abc very-secret plain".to_owned();
    assert_eq!(
        cover(text, &values),
        format!("{SENSITIVE} {SENSITIVE} {SENSITIVE} production abc {SENSITIVE} plain"),
        "what is shorter than {COVERED_CHARS_MIN} characters is in every other word"
    );
}

#[test]
fn a_longer_value_is_covered_before_one_that_is_part_of_it() {
    let given = given(r#"{"Config":{"Env":["A_TOKEN=hunter2","B_TOKEN=hunter2-and-more"]}}"#);
    let values = values(&given, &spec(r#"{"name":"main","image":"x"}"#)).expect("all can be read");
    assert_eq!(cover("it is hunter2-and-more".to_owned(), &values), format!("it is {SENSITIVE}"));
}

#[test]
fn secret_files_are_read_where_they_are_mounted_from_or_nothing_is_told() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "in-a-file\n").expect("a file");
    let spec = spec(
        r#"{"name":"main","image":"x",
            "secrets":[{"name":"A","valueFrom":"file:a","path":"/run/a","mode":"0400","owner":"0:0"}]}"#,
    );
    let mount =
        serde_json::json!({"Config": {"Env": null}, "Mounts": [{"Source": file.path(), "Destination": "/run/a"}]});
    let mounted = given(&mount.to_string());
    assert_eq!(values(&mounted, &spec), Some(vec!["in-a-file".to_owned()]));
    assert_eq!(values(&given(r#"{"Config":{}}"#), &spec), None);
    file.close().expect("it is ours");
    assert_eq!(values(&mounted, &spec), None);
}
