use super::*;

fn container(id: &str) -> Hint {
    Hint::Container(ContainerId::new(id), Change::Began)
}

fn other(id: &str, change: Change) -> Hint {
    Hint::Container(ContainerId::new(id), change)
}

#[test]
fn the_question_names_what_is_wanted() {
    let path = events_path(Timestamp(1_700_000_000_042));
    assert!(path.starts_with("/events?since=1700000000.042000000&filters=%7B"), "{path}");
    assert!(!path.contains("exec"), "{path}");
    assert!(path.parse::<std::path::PathBuf>().is_ok() && path.is_ascii());
}

#[test]
fn events_are_read_leniently() {
    for (line, expected) in [
        (
            r#"{"Type":"container","Action":"die","Actor":{"ID":"abc","Attributes":{"exitCode":"137"}}}"#,
            Some(other("abc", Change::Ended)),
        ),
        (r#"{"Type":"container","Action":"start","Actor":{"ID":"abc"}}"#, Some(container("abc"))),
        (r#"{"Type":"container","Action":"destroy","Actor":{"ID":"abc"}}"#, Some(other("abc", Change::Removed))),
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
