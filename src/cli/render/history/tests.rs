use std::time::Duration;

use super::*;
use crate::history::fold::fold;
use crate::observed::ContainerId;
use crate::testing::{NOW, cluster, service_name};
use crate::value::{ContainerName, Slot};

fn revision(digit: char) -> Revision {
    Revision::parse(&format!("1:{}", digit.to_string().repeat(16))).expect("a revision")
}

fn record(minute: u64, what: What) -> Record {
    let at = NOW.after(Duration::from_mins(minute));
    Record { version: 1, at, cluster: cluster("shop"), service: service_name("web"), what }
}

fn end() -> TaskEnd {
    TaskEnd {
        slot: Slot(2),
        reason: "container main exited with code 7 after 3.0s".to_owned(),
        container: Some(ContainerName::new("main").expect("a name")),
        container_id: Some(ContainerId::new("abc")),
        revision: Some(revision('b')),
        exit_code: Some(7),
        oom_killed: false,
        health_output: None,
        log: vec!["panic: no database\u{1b}[2J".to_owned(), "  at main.rs:7".to_owned()],
        log_missing: None,
    }
}

/// A rollout, a bad one that is rolled back, an unhealthy task, a lost one, and the end.
fn story() -> Vec<Record> {
    let cause = |files: &[&str], fields: &[&str], commit: Option<&str>| {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Box::new(DeploymentCause {
            by: "reconcile --watch deploy".to_owned(),
            files: own(files),
            fields: own(fields),
            commit: commit.map(ToOwned::to_owned),
        })
    };
    let unhealthy = TaskEnd {
        reason: "container main is unhealthy".to_owned(),
        exit_code: None,
        health_output: Some("GET /health:\n500".to_owned()),
        log: Vec::new(),
        log_missing: Some("the engine did not give it in time".to_owned()),
        ..end()
    };
    let (a, b, c) = (revision('a'), revision('b'), revision('c'));
    vec![
        record(0, What::DeploymentStarted { from: None, to: a, cause: cause(&[], &[], None) }),
        record(1, What::DeploymentCompleted { revision: a }),
        record(
            5,
            What::DeploymentStarted {
                from: Some(a),
                to: b,
                cause: cause(&["shop.yaml"], &["image", "cpu", "memory", "user"], Some("3f2a9c1d42e0 (main)")),
            },
        ),
        record(6, What::TaskFailed(Box::new(end()))),
        record(7, What::TaskFailed(Box::new(end()))),
        record(
            8,
            What::DeploymentFailed { revision: b, failures: 2, reason: Some(end().reason), rolled_back_to: Some(a) },
        ),
        record(9, What::TaskFailed(Box::new(unhealthy))),
        record(20, What::DeploymentStarted { from: Some(a), to: c, cause: cause(&["shop.yaml"], &["image"], None) }),
        record(21, What::DeploymentStarted { from: Some(a), to: b, cause: cause(&["shop.yaml"], &["image"], None) }),
        record(22, What::TaskLost { slot: Slot(0) }),
        record(23, What::ServiceDeleted),
    ]
}

fn now() -> Timestamp {
    NOW.after(Duration::from_hours(1))
}

#[test]
fn deployments_are_a_table_with_the_newest_last() {
    insta::assert_snapshot!(render_history(&fold(&story()), now(), Style::PLAIN), @r"
    BEGAN                 AGO  SERVICE   REVISION          STATUS      TOOK  CAUSE
    2026-08-14T09:41:07Z  60m  shop/web  aaaaaa            COMPLETED   60s   by reconcile --watch deploy
    2026-08-14T09:46:07Z  55m  shop/web  aaaaaa -> bbbbbb  FAILED      3m    rolled back to aaaaaa; container main exited with code 7 after 3.0s; shop.yaml; commit 3f2a9c1d42e0 (main); changed image, cpu, memory and 1 more; by reconcile --watch deploy
    2026-08-14T09:47:07Z  54m  shop/web  -                 REPLACED    3m    3 times, the last: container main is unhealthy
    2026-08-14T10:01:07Z  40m  shop/web  aaaaaa -> cccccc  SUPERSEDED  60s   shop.yaml; changed image; by reconcile --watch deploy
    2026-08-14T10:02:07Z  39m  shop/web  aaaaaa -> bbbbbb  SUPERSEDED  2m    shop.yaml; changed image; by reconcile --watch deploy
    2026-08-14T10:03:07Z  38m  shop/web  -                 REPLACED    -     it was gone: somebody else had removed it
    2026-08-14T10:04:07Z  37m  shop/web  -                 DELETED     -     no manifest asks for it
    ");
}

#[test]
fn each_end_of_a_task_is_told_with_what_it_said() {
    let mut records = story();
    records.reverse();
    insta::assert_snapshot!(render_why(&records, 3, now(), Style::PLAIN), @r"
    2026-08-14T10:04:07Z  37m ago  shop/web deleted: no manifest asks for it
    2026-08-14T10:03:07Z  38m ago  shop/web/0 replaced: it was gone: somebody else had removed it
    2026-08-14T10:02:07Z  39m ago  shop/web deploying: aaaaaa -> bbbbbb; shop.yaml; changed image; by reconcile --watch deploy
    2026-08-14T10:01:07Z  40m ago  shop/web deploying: aaaaaa -> cccccc; shop.yaml; changed image; by reconcile --watch deploy
    2026-08-14T09:50:07Z  51m ago  shop/web/2 replaced: container main is unhealthy
       = revision bbbbbb
       = its health check said: GET /health: 500
       = its log is not known: the engine did not give it in time
    2026-08-14T09:49:07Z  52m ago  shop/web failed: the deployment of revision bbbbbb after 2 failures, the last: container main exited with code 7 after 3.0s; rolled back to aaaaaa
    2026-08-14T09:48:07Z  53m ago  shop/web/2 replaced: container main exited with code 7 after 3.0s
       = revision bbbbbb
       = exit code 7
       = last log lines:
           panic: no database
             at main.rs:7
    2026-08-14T09:47:07Z  54m ago  shop/web/2 replaced: container main exited with code 7 after 3.0s
       = revision bbbbbb
       = exit code 7
       = last log lines:
           panic: no database
             at main.rs:7
    2026-08-14T09:46:07Z  55m ago  shop/web deploying: aaaaaa -> bbbbbb; shop.yaml; commit 3f2a9c1d42e0 (main); changed image, cpu, memory and 1 more; by reconcile --watch deploy
    2026-08-14T09:42:07Z  59m ago  shop/web deployed: revision aaaaaa
    2026-08-14T09:41:07Z  60m ago  shop/web deploying: aaaaaa; by reconcile --watch deploy
    ... and 3 older: --limit 14
    ");
}

/// A rollback that was taken back, a restart, and a pause that holds.
fn by_hand() -> Vec<Record> {
    let began = |minute: u64, request: &Asked| {
        let asked_at = NOW.after(Duration::from_mins(minute));
        record(minute, What::Intervention { asked_at, request: request.clone() })
    };
    let over = |minute: u64, asked: u64, request: &Asked| {
        let asked_at = NOW.after(Duration::from_mins(asked));
        record(minute, What::InterventionOver { asked_at, request: request.clone() })
    };
    let rollback = Asked::Rollback { to: revision('a'), instead_of: revision('b') };
    let restart = Asked::Restart { since: NOW.after(Duration::from_mins(10)) };
    let cause = DeploymentCause { by: "reconcile rollback web".to_owned(), ..DeploymentCause::default() };
    vec![
        began(1, &rollback),
        record(1, What::DeploymentStarted { from: Some(revision('b')), to: revision('a'), cause: Box::new(cause) }),
        record(2, What::DeploymentCompleted { revision: revision('a') }),
        over(9, 1, &rollback),
        began(10, &restart),
        over(12, 10, &restart),
        began(13, &Asked::Pause),
    ]
}

#[test]
fn what_was_asked_by_hand_stands_between_the_deployments() {
    insta::assert_snapshot!(render_history(&fold(&by_hand()), now(), Style::PLAIN), @r"
    BEGAN                 AGO  SERVICE   REVISION          STATUS       TOOK  CAUSE
    2026-08-14T09:42:07Z  59m  shop/web  bbbbbb -> aaaaaa  ROLLED BACK  8m    by hand to aaaaaa, for as long as the manifest asks for bbbbbb
    2026-08-14T09:42:07Z  59m  shop/web  bbbbbb -> aaaaaa  COMPLETED    60s   by reconcile rollback web
    2026-08-14T09:51:07Z  50m  shop/web  -                 RESTARTED    2m    by hand; every task is replaced by a new one
    2026-08-14T09:54:07Z  47m  shop/web  -                 PAUSED       -     by hand; nothing new is rolled out
    ");
    insta::assert_snapshot!(render_why(&by_hand(), 0, now(), Style::PLAIN), @r"
    2026-08-14T09:42:07Z  59m ago  shop/web rolled back: by hand to aaaaaa, for as long as the manifest asks for bbbbbb
    2026-08-14T09:42:07Z  59m ago  shop/web deploying: bbbbbb -> aaaaaa; by reconcile rollback web
    2026-08-14T09:43:07Z  58m ago  shop/web deployed: revision aaaaaa
    2026-08-14T09:50:07Z  51m ago  shop/web over: rolled back by hand, as was asked at 2026-08-14T09:42:07Z
    2026-08-14T09:51:07Z  50m ago  shop/web restarted: by hand; every task is replaced by a new one
    2026-08-14T09:53:07Z  48m ago  shop/web over: restarted by hand, as was asked at 2026-08-14T09:51:07Z
    2026-08-14T09:54:07Z  47m ago  shop/web paused: by hand; nothing new is rolled out
    ");
    let rows: Value = serde_json::from_str(&render_history_json(&fold(&by_hand()))).expect("it is JSON");
    let asked = json!({ "asked": "rollback", "to": "1:aaaaaaaaaaaaaaaa", "insteadOf": "1:bbbbbbbbbbbbbbbb" });
    assert_eq!((&rows["rows"][0]["kind"], &rows["rows"][0]["request"]), (&json!("intervention"), &asked));
    let why: Value = serde_json::from_str(&render_why_json(&by_hand())).expect("it is JSON");
    assert_eq!((&why["records"][0]["request"], &why["records"][3]["kind"]), (&asked, &json!("interventionOver")));
    assert_eq!(why["records"][3]["askedAt"], json!(NOW.after(Duration::from_mins(1)).to_string()));
}

#[test]
fn what_is_remembered_only_in_part_is_told_as_far_as_it_goes() {
    let tail = [story()[5].clone(), story()[1].clone()];
    let rows = fold(&tail);
    let states: Vec<_> = rows
        .iter()
        .map(|row| match &row.kind {
            RowKind::Deployment { state, cause: None, .. } => state.as_str(),
            other @ (RowKind::Deployment { .. }
            | RowKind::Replacements { .. }
            | RowKind::Deletion
            | RowKind::Intervention(_)) => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(states, ["FAILED", "COMPLETED"]);
    assert_eq!(render_history(&[], now(), Style::PLAIN), "");
}

#[test]
fn json_has_every_row_and_times_that_can_be_read() {
    let rows: Value = serde_json::from_str(&render_history_json(&fold(&story()))).expect("it is JSON");
    assert_eq!((&rows["kind"], &rows["formatVersion"]), (&json!("History"), &json!("1.2")));
    assert_eq!((&rows["outcome"], &rows["exitCode"]), (&json!("done"), &json!(0)));
    assert_eq!(rows["rows"][1]["rolledBackTo"], json!("1:aaaaaaaaaaaaaaaa"));
    assert_eq!(rows["rows"][1]["cause"]["commit"], json!("3f2a9c1d42e0 (main)"));
    let why: Value = serde_json::from_str(&render_why_json(&story())).expect("it is JSON");
    assert_eq!(why["records"][3]["at"], json!(NOW.after(Duration::from_mins(6)).to_string()));
    assert_eq!((&why["records"][3]["kind"], &why["records"][3]["exitCode"]), (&json!("taskFailed"), &json!(7)));
    assert_eq!(why["records"][3]["version"], Value::Null);
}
