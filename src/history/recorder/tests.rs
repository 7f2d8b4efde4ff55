use super::*;
use crate::history::{TaskEnd, VERSION};
use crate::testing::{NOW, cluster, desired, service_name};
use crate::value::Slot;

fn failed(said: &str) -> Record {
    let end = TaskEnd {
        slot: Slot(0),
        reason: format!("container main was stopped because it was unhealthy: {said}"),
        container: None,
        container_id: None,
        revision: None,
        exit_code: Some(137),
        oom_killed: false,
        health_output: Some(said.to_owned()),
        log: Vec::new(),
        log_missing: None,
    };
    let (cluster, service) = (cluster("shop"), service_name("web"));
    Record { version: VERSION, at: NOW, cluster, service, what: What::TaskFailed(Box::new(end)) }
}

#[test]
fn what_a_program_said_is_left_out_where_nobody_can_cover_values() {
    let record = without_evidence(failed("wrong password: hunter2"), Some("gone"));
    let text = serde_json::to_string(&record).expect("it is JSON");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(text.contains(r#""reason":"container main was stopped because it was unhealthy""#), "{text}");
}

#[test]
fn what_comes_back_covered_takes_the_place_of_what_was_said() {
    let record = failed("hunter2");
    let texts = texts_of(&record.what).into_iter().map(|text| text.replace("hunter2", "***")).collect();
    let record = with_evidence(record, Evidence { log: vec!["x".repeat(5000)], texts });
    let What::TaskFailed(end) = &record.what else { panic!("{record:?}") };
    assert_eq!(end.health_output.as_deref(), Some("***"));
    assert!(end.reason.ends_with("unhealthy: ***"), "{}", end.reason);
    assert!(end.log[0].len() < 1000, "a line is bounded");
}

#[tokio::test]
async fn what_is_handed_over_is_written_before_the_end_and_a_disk_that_refuses_harms_nobody() {
    let state = tempfile::tempdir().expect("a directory");
    let store = Store::new(state.path(), "e");
    for (store, count) in [(store.clone(), 1), (Store::new("/dev/null/none".as_ref(), "e"), 0)] {
        let recorder = Recorder::start(store.clone(), &desired(&[]), String::new(), state.path().to_owned());
        hand_over(&recorder.records, failed("x"));
        recorder.finish().await;
        assert_eq!(store.read(&cluster("shop"), &service_name("web")).len(), count);
    }
}

#[tokio::test]
async fn more_than_is_kept_in_memory_is_forgotten_and_nobody_waits() {
    let (records, mut inbox) = mpsc::channel(1);
    for _ in 0..3 {
        hand_over(&records, failed("x"));
    }
    drop(records);
    assert!(inbox.recv().await.is_some());
    assert!(inbox.recv().await.is_none());
}
