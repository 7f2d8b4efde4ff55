use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::history::{DeploymentCause, TaskEnd, What};
use crate::testing::{cluster, service_name, task};
use crate::value::{Slot, Timestamp};

fn record(at: i64, what: What) -> Record {
    Record { version: VERSION, at: Timestamp(at), cluster: cluster("shop"), service: service_name("web"), what }
}

fn failed(at: i64) -> Record {
    let end = TaskEnd {
        slot: Slot(0),
        reason: "container main exited with code 1 after 3.0s".to_owned(),
        container: None,
        container_id: None,
        revision: None,
        exit_code: Some(1),
        oom_killed: false,
        health_output: None,
        log: vec!["last words".to_owned()],
        log_missing: None,
    };
    record(at, What::TaskFailed(Box::new(end)))
}

fn started(at: i64) -> Record {
    let to = task("web", &[r#"{"name":"web","image":"web:1"}"#]).revision;
    record(at, What::DeploymentStarted { from: None, to, cause: Box::new(DeploymentCause::default()) })
}

fn read(store: &Store) -> Vec<Record> {
    store.read(&cluster("shop"), &service_name("web"))
}

#[test]
fn what_is_written_is_read_again_by_its_owner_alone() {
    let state = tempfile::tempdir().expect("a directory");
    let store = Store::new(&state.path().join("new"), "unix:///a");
    assert_eq!(store.read_all().expect("nothing is there"), []);
    let all = [started(1), failed(2), record(3, What::ServiceDeleted)];
    for record in &all {
        store.append(record).expect("it can be written");
    }
    assert_eq!(read(&store), all);
    assert_eq!(store.read_all().expect("it is there"), all);
    assert_eq!(Store::new(&state.path().join("new"), "unix:///b").read_all().expect("nothing is there"), []);
    let mode = |path: &Path| std::fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode(store.directory()), 0o700);
    assert_eq!(mode(&store.path(&cluster("shop"), &service_name("web"))), 0o600);
}

#[test]
fn what_cannot_be_understood_is_skipped_and_spoils_nothing() {
    let state = tempfile::tempdir().expect("a directory");
    let store = Store::new(state.path(), "e");
    store.append(&failed(1)).expect("it can be written");
    let path = store.path(&cluster("shop"), &service_name("web"));
    let whole = std::fs::read_to_string(&path).expect("it is text");
    let line = whole.trim_end();
    let newer = line.replace(r#""version":1"#, r#""version":2"#);
    let more = line.replace(r#""version":1"#, r#""version":1,"mood":"sad""#);
    let kind = line.replace("taskFailed", "taskDreamt");
    for (text, known) in [
        (whole[..whole.len() / 2].to_owned(), 1),
        (line.to_owned(), 2),
        (format!("{newer}\n"), 1),
        (format!("{kind}\n"), 1),
        (format!("{more}\n"), 2),
        ("\u{0}\u{0}\u{0}".to_owned(), 1),
        (String::new(), 1),
    ] {
        std::fs::write(&path, &text).expect("a file");
        store.append(&failed(9)).expect("it can be written");
        assert_eq!(read(&store).len(), known, "{text}");
        let after = std::fs::read_to_string(&path).expect("it is text");
        assert!(after.starts_with(&text), "what was there stays: {after}");
    }
    std::fs::write(&path, b"\xff\xfe\n").expect("a file");
    assert_eq!(read(&store), []);
}

#[test]
fn a_crash_loop_is_bounded_and_leaves_the_deployments() {
    let state = tempfile::tempdir().expect("a directory");
    let store = Store::new(state.path(), "e");
    store.append(&started(0)).expect("it can be written");
    let last = i64::try_from(3 * LINES_MAX).expect("a small number");
    for at in 1..=last {
        store.append(&failed(at)).expect("it can be written");
    }
    let records = read(&store);
    assert!(records.len() <= LINES_MAX + 1, "{}", records.len());
    assert!(records.len() > RECORDS_MAX);
    assert_eq!(records[0], started(0));
    let times: Vec<_> = records[1..].iter().map(|record| record.at.0).collect();
    assert!(times.windows(2).all(|pair| pair[0] + 1 == pair[1]), "those that go are the oldest");
    assert_eq!(times.last(), Some(&last));
    assert_eq!(
        std::fs::read_dir(store.directory()).expect("a directory").count(),
        1,
        "nothing is left beside the file"
    );
}

#[test]
fn large_lines_are_bounded_too() {
    let state = tempfile::tempdir().expect("a directory");
    let store = Store::new(state.path(), "e");
    let mut large = failed(1);
    if let What::TaskFailed(end) = &mut large.what {
        end.log = vec!["x".repeat(20_000)];
    }
    for _ in 0..60 {
        store.append(&large).expect("it can be written");
    }
    let path = store.path(&cluster("shop"), &service_name("web"));
    assert!(std::fs::metadata(path).expect("it exists").len() <= BYTES_MAX as u64 + 2 * 20_500);
}

#[test]
fn only_so_many_services_are_remembered() {
    let state = tempfile::tempdir().expect("a directory");
    let store = Store::new(state.path(), "e");
    for number in 0..FILES_MAX + 5 {
        let record = Record { service: service_name(&format!("web{number}")), ..failed(1) };
        store.append(&record).expect("it can be written");
    }
    assert_eq!(std::fs::read_dir(store.directory()).expect("a directory").count(), FILES_MAX);
}

#[test]
fn long_names_have_files_of_their_own() {
    let state = tempfile::tempdir().expect("a directory");
    let store = Store::new(state.path(), "e");
    let long = |end: &str| service_name(&format!("{}{end}", "n".repeat(250)));
    for end in ["a", "b"] {
        store.append(&Record { service: long(end), ..failed(1) }).expect("it can be written");
    }
    assert_eq!(store.read(&cluster("shop"), &long("a")).len(), 1);
}

#[test]
fn where_nothing_can_be_written_that_is_said() {
    let store = Store::new(Path::new("/dev/null/none"), "e");
    assert!(store.append(&failed(1)).is_err());
    assert_eq!(read(&store), []);
}
