use super::*;
use crate::testing::{Mixed, SECRETS, ago, mixed};

fn snapshot() -> Snapshot {
    let Mixed { mut observed, .. } = mixed();
    // Only as long as a decision needs them.
    observed.images.clear();
    for container in observed.containers.values_mut() {
        container.health_output = Some(SECRETS.join(" "));
        container.readiness_output = Some(SECRETS.join(" "));
    }
    if let Some(container) = observed.containers.values_mut().next() {
        let health_output = Some(SECRETS.join(" "));
        let (started_at, finished_at) = (ago(9), ago(5));
        let exit = Exit { code: 1, oom_killed: false, error: String::new(), started_at, finished_at, health_output };
        container.phase = Phase::Exited { exit: Some(exit) };
        let text = format!(r#"{{"name":"x","image":"x:1","environment":{{"DB_PASSWORD":"{}"}}}}"#, SECRETS[0]);
        container.spec = Some(RecordedSpec::from(text));
    }
    Snapshot::of("Docker 28.1".to_owned(), observed)
}

#[test]
fn it_is_read_as_it_was_written() {
    let snapshot = snapshot();
    let text = serde_json::to_string_pretty(&snapshot).expect("it is data");
    assert_eq!(Snapshot::parse(&text), Ok(snapshot));
}

#[test]
fn nothing_secret_and_nothing_that_a_program_printed_is_in_it() {
    let text = serde_json::to_string(&snapshot()).expect("it is data");
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(text.contains("(sensitive)"), "{text}");
}

#[test]
fn what_is_something_else_is_refused_with_the_reason() {
    for (text, reason) in [
        ("", "it is no snapshot: EOF while parsing"),
        ("[]", "it is no snapshot: "),
        ("{}", "its `kind` is missing"),
        (r#"{"kind":"Status","formatVersion":"1.2"}"#, "its `kind` is Status; `reconcile snapshot` makes one"),
        (
            r#"{"kind":"Snapshot","formatVersion":"2.0","reconcileVersion":"9.0.0"}"#,
            "reconcile 9.0.0 wrote it, in the form 2.0",
        ),
        (r#"{"kind":"Snapshot","formatVersion":"1.9"}"#, "missing field"),
    ] {
        let error = Snapshot::parse(text).expect_err(text).to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}
