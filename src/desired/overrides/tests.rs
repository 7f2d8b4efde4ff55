use super::*;
use crate::testing::task;

fn web() -> Arc<TaskSpec> {
    task(
        "web",
        &[
            r#"{"name":"web","image":"web:1","command":["serve"],"environment":{"A":"1","B":"2"},"memory":64}"#,
            r#"{"name":"log","image":"log:1","essential":false}"#,
        ],
    )
}

fn refuse(text: &str) -> String {
    TaskOverride::parse(text).and_then(|read| read.apply(&web())).unwrap_err().to_string()
}

#[test]
fn what_is_said_changes_and_the_rest_stays() {
    let text = r#"{"containerOverrides":[
        {"name":"web","command":["migrate","--all"],"environment":[{"name":"B","value":"3"},{"name":"C","value":""}],"cpu":128},
        {"name":"web","memory":128,"memoryReservation":32}
    ]}"#;
    let task = TaskOverride::parse(text).and_then(|read| read.apply(&web())).unwrap();
    assert_eq!(task.revision, web().revision);
    let [first, second] = &task.containers[..] else { panic!("two containers") };
    assert_eq!(first.command.as_deref(), Some(&["migrate".to_owned(), "--all".to_owned()][..]));
    let environment: Vec<_> = first.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(environment, ["A=1", "B=3", "C="]);
    assert_eq!((first.cpu, first.memory, first.memory_reservation), (128, Some(128), Some(32)));
    assert_eq!(first.image, "web:1");
    assert_eq!(*second, web().containers[1]);
    let sized = TaskOverride::parse(r#"{"cpu":"256","memory":"512"}"#).and_then(|read| read.apply(&web())).unwrap();
    assert!(
        sized.containers.iter().all(|container| (container.task.cpu, container.task.memory) == (Some(256), Some(512)))
    );
    assert_eq!(TaskOverride::parse("{}").and_then(|read| read.apply(&web())).unwrap(), *web());
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    let one = |fields: &str| format!(r#"{{"containerOverrides":[{{"name":"web",{fields}}}]}}"#);
    for (text, words) in [
        (one(r#""image":"web:2""#), "`image` cannot be overridden"),
        (one(r#""entryPoint":["sh"]"#), "`entryPoint` cannot be overridden"),
        (one(r#""portMappings":[]"#), "`portMappings` cannot be overridden"),
        (one(r#""environmentFiles":[]"#), "`environmentFiles` is not supported"),
        (one(r#""comand":["x"]"#), "did you mean `command`?"),
        (one(r#""memory":5"#), "`memory` is 5, and has to be from 6 to"),
        (one(r#""cpu":262145"#), "`cpu` is 262145"),
        (one(r#""memoryReservation":64"#), "has to be smaller than `memory`"),
        (one(r#""environment":[{"name":"A=B","value":"hunter2"}]"#), "`A=B` is no name of a variable"),
        (r#"{"containerOverrides":[{"name":"wbe"}]}"#.to_owned(), "did you mean `web`?"),
        (r#"{"containerOverrides":[{"name":"database"}]}"#.to_owned(), "there is `web`, `log`"),
        (r#"{"cpu":"much"}"#.to_owned(), "cannot be read"),
        (r#"{"taskRoleArn":"x"}"#.to_owned(), "`taskRoleArn` is not supported"),
        (r#"{"containeroverrides":[]}"#.to_owned(), "did you mean `containerOverrides`?"),
        ("[]".to_owned(), "cannot be read"),
        (one(r#""command":"hunter2""#), "cannot be read: expected a sequence"),
        (one(r#""environment":[{"name":"A","value":1234}]"#), "cannot be read: expected a string"),
        (format!("{{{}}}", " ".repeat(TEXT_LENGTH_MAX)), "have 8194 characters, and at most 8192"),
    ] {
        let said = refuse(&text);
        assert!(said.contains(words), "{text}: {said}");
        assert!(!said.contains("hunter2") && !said.contains("1234"), "{said}");
    }
}
