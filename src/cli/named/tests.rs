use super::*;
use crate::testing::{exited, running, task};

const APP: &str = r#"{"name":"app","image":"app:1"}"#;
const SIDE: &str = r#"{"name":"side","image":"side:1","essential":false}"#;
const OTHER: &str = r#"{"name":"other","image":"side:1"}"#;

fn all() -> Vec<ObservedContainer> {
    let web = task("web", &[APP, SIDE]);
    [
        running("shop/web/0", &web, 2),
        exited("shop/web/0", &web, 1, 1, 60),
        running("shop/web/1", &web, 1),
        running("shop/api/0", &web, 1),
        running("test/api/0", &web, 1),
        exited("shop/old/0", &web, 1, 1, 90),
        exited("shop/old/0", &web, 2, 1, 60),
    ]
    .concat()
}

#[track_caller]
fn expect_error(text: &str, code: u8, words: &str) {
    let error = find(text, all()).expect_err("it cannot be found");
    assert!(error.code == code && error.message().contains(words), "{} {}", error.code, error.message());
}

fn task_named(text: &str) -> TaskKey {
    match find(text, all()) {
        Ok(Named::Task(task)) => task.key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_service_is_found_by_its_name() {
    for text in ["web", "shop/web"] {
        let Ok(Named::Service(_, service, tasks)) = find(text, all()) else { panic!("{text}") };
        assert_eq!((service.as_str(), tasks.len()), ("web", 3));
    }
    expect_error("api", exit::USAGE, "`api` may be any of shop/api, test/api");
    assert!(matches!(find("test/api", all()), Ok(Named::Service(..))));
}

#[test]
fn a_task_is_found_by_its_id_and_by_its_place() {
    let key = task_named("shop/web/0");
    assert_eq!(key.attempt.0, 2, "that which runs");
    assert_eq!(task_named(&key.id().to_string()), key);
    assert_eq!(task_named(&key.id().to_string()[..6]), key);
    assert_eq!(task_named("shop/old/0").attempt.0, 2, "or else the last one");
}

#[test]
fn what_is_not_there_is_told_with_what_comes_near() {
    expect_error("wep", exit::RUNTIME, "there is no service or task `wep`; did you mean `web`?");
    expect_error("shop/web/7", exit::RUNTIME, "did you mean `shop/web/");
    expect_error("", exit::RUNTIME, "reconcile status");
    let error = find_task("web", all()).expect_err("a service is no task");
    assert!(error.message().contains("there is no task `web`"), "{}", error.message());
}

#[test]
fn a_container_is_chosen() {
    let found = |containers: &[&str]| Found {
        containers: running("shop/web/0", &task("web", containers), 1),
        ..tasks(running("shop/web/0", &task("web", containers), 1)).remove(0)
    };
    let name = |found: &Found| default_container(found).map(|container| container.identity.container.to_string());
    assert_eq!(name(&found(&[SIDE])).expect("the only one"), "side");
    assert_eq!(name(&found(&[SIDE, APP])).expect("the only essential one"), "app");
    let error = name(&found(&[APP, OTHER])).expect_err("who knows");
    assert!(error.message().contains("app, other: name one with -c"), "{}", error.message());
    let all = all();
    let all: Vec<_> = all.iter().collect();
    assert!(check_container("app", &all).is_ok());
    let error = check_container("ap", &all).expect_err("there is none");
    assert!(error.message().contains("did you mean `app`?"), "{}", error.message());
}
