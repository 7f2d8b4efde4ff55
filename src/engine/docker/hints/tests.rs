use super::*;

fn container(id: &str) -> Hint {
    Hint::Container(ContainerId::new(id), Change::Began)
}

fn other(id: &str, change: Change) -> Hint {
    Hint::Container(ContainerId::new(id), change)
}

#[test]
fn the_questions_name_what_is_wanted() {
    let filters = |sources: &[&str]| {
        let sources = sources.iter().map(|source| Source::new(source)).collect();
        events_paths(Timestamp(1_700_000_000_042), &sources).map(|path| {
            let filters = path.strip_prefix("/events?since=1700000000.042000000&").expect("the start").to_owned();
            let (_, json) = form_urlencoded::parse(filters.as_bytes()).next().expect("filters");
            serde_json::from_str::<serde_json::Value>(&json).expect("JSON")
        })
    };
    let [one, others] = filters(&["git@example.org:a=b \"ä\""]);
    assert_eq!(one["label"], serde_json::json!(["reconcile.source=git@example.org:a=b \"ä\""]));
    assert_eq!(one["type"], serde_json::json!(["container"]));
    assert_eq!(others["label"], serde_json::Value::Null, "Docker 20.10 would tell nothing");
    assert_eq!(others["type"], serde_json::json!(["network", "volume"]));
    let [several, _] = filters(&["one", "two"]);
    assert_eq!(several["label"], serde_json::Value::Null, "all labels would have to match");
    for event in ["create", "die", "died", "destroy", "remove", "health_status"] {
        assert!(one["event"].as_array().is_some_and(|events| events.contains(&event.into())), "{event}");
    }
    assert!(!one.to_string().contains("exec"), "{one}");
}

#[test]
fn events_are_read_leniently() {
    for (line, expected) in [
        (
            r#"{"Type":"container","Action":"die","Actor":{"ID":"abc","Attributes":{"exitCode":"137","reconcile.source":"ours"}}}"#,
            Some(other("abc", Change::Ended)),
        ),
        (r#"{"Type":"container","Action":"start","Actor":{"ID":"abc"}}"#, Some(container("abc"))),
        (r#"{"Type":"container","Action":"destroy","Actor":{"ID":"abc"}}"#, Some(other("abc", Change::Removed))),
        // Podman 4.3.
        (
            r#"{"status":"remove","id":"abc","from":"docker.io/library/shop:1","Type":"container","Action":"remove","Actor":{"ID":"abc","Attributes":{"image":"docker.io/library/shop:1","name":"shop","podId":"","reconcile.source":"ours"}},"scope":"local","time":1795239140,"timeNano":1795239140968291533}"#,
            Some(other("abc", Change::Removed)),
        ),
        (
            r#"{"Type":"container","Action":"died","Actor":{"ID":"abc","Attributes":{"reconcile.source":"ours"}}}"#,
            Some(other("abc", Change::Ended)),
        ),
        (
            r#"{"Type":"container","Action":"health_status: healthy","Actor":{"ID":"abc"}}"#,
            Some(other("abc", Change::Other)),
        ),
        (r#"{"Type":"container","Action":"a new one","Actor":{"ID":"abc"}}"#, Some(other("abc", Change::Other))),
        (r#"{"Type":"container","Action":"exec_die","Actor":{"ID":"abc"}}"#, None),
        (r#"{"Type":"network","Action":"destroy","Actor":{"ID":"net"}}"#, Some(Hint::Other)),
        (r#"{"Type":"a new one","Action":"x","Actor":{"ID":"net"}}"#, Some(Hint::Other)),
        ("{}", Some(Hint::Other)),
        ("not json", Some(Hint::Other)),
        ("", None),
        ("\r", None),
    ] {
        assert_eq!(read_event(line.as_bytes(), &sources()), expected, "{line}");
    }
}

fn sources() -> BTreeSet<Source> {
    BTreeSet::from([Source::new("ours")])
}

#[test]
fn what_another_directory_declared_is_no_news() {
    let line = |source: &str| {
        format!(
            r#"{{"Type":"container","Action":"die","Actor":{{"ID":"abc","Attributes":{{"reconcile.source":"{source}"}}}}}}"#
        )
    };
    assert_eq!(read_event(line("ours").as_bytes(), &sources()), Some(other("abc", Change::Ended)));
    assert_eq!(read_event(line("theirs").as_bytes(), &sources()), None);
    let unlabelled = r#"{"Type":"container","Action":"die","Actor":{"ID":"abc","Attributes":{"image":"shop:1"}}}"#;
    assert_eq!(read_event(unlabelled.as_bytes(), &sources()), None, "nobody declared it");
    // Of these the labels are not told, but the name is.
    for (event, expected) in [
        (r#"{"Type":"network","Action":"destroy","Actor":{"ID":"net","Attributes":{"name":"reconcile.shop"}}}"#, true),
        (r#"{"Type":"network","Action":"destroy","Actor":{"ID":"net","Attributes":{"name":"bridge"}}}"#, false),
        (r#"{"Type":"volume","Action":"create","Actor":{"ID":"reconcile.shop.web.pause.1","Attributes":{}}}"#, true),
        (r#"{"Type":"volume","Action":"create","Actor":{"ID":"0af5","Attributes":{"driver":"local"}}}"#, false),
    ] {
        assert_eq!(read_event(event.as_bytes(), &sources()), expected.then_some(Hint::Other), "{event}");
    }
}

#[tokio::test]
async fn hints_of_one_container_fall_together() {
    let mailbox = Mailbox::default();
    for id in ["b", "a", "b", "a"] {
        mailbox.put(container(id));
    }
    mailbox.put(Hint::Other);
    assert_eq!(mailbox.take().await.map(Vec::from), Some(vec![container("a"), container("b"), Hint::Other]));
    mailbox.put(container("c"));
    mailbox.close();
    assert_eq!(mailbox.take().await.map(Vec::from), Some(vec![container("c"), Hint::Lost]));
    assert_eq!(mailbox.take().await, None, "nothing comes after the end");
}

#[tokio::test]
async fn different_changes_of_one_container_are_something() {
    let mailbox = Mailbox::default();
    for change in [Change::Began, Change::Began, Change::Ended] {
        mailbox.put(other("a", change));
    }
    assert_eq!(mailbox.take().await.map(Vec::from), Some(vec![other("a", Change::Other)]));
}

#[tokio::test]
async fn too_many_containers_become_one_hint() {
    let mailbox = Mailbox::default();
    for number in 0..CONTAINERS_MAX + 100 {
        mailbox.put(container(&number.to_string()));
    }
    let hints = mailbox.take().await.expect("hints");
    assert_eq!(hints.len(), CONTAINERS_MAX + 1);
    assert_eq!(hints.back(), Some(&Hint::Other));
}

#[tokio::test]
async fn a_waiting_reader_is_woken() {
    let mailbox = Arc::new(Mailbox::default());
    let reader = tokio::spawn({
        let mailbox = Arc::clone(&mailbox);
        async move { mailbox.take().await }
    });
    tokio::task::yield_now().await;
    mailbox.put(container("a"));
    assert_eq!(reader.await.expect("no panic").map(Vec::from), Some(vec![container("a")]));
}
