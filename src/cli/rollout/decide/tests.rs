use super::*;
use crate::testing::task;

fn revision(image: &str) -> Revision {
    task("web", &[&format!(r#"{{"name":"web","image":"{image}"}}"#)]).revision
}

/// A service that went from `web:1` to `web:2`.
fn second() -> WaysBack {
    let (first, second) = (revision("web:1"), revision("web:2"));
    WaysBack {
        wanted: second,
        in_force: second,
        in_progress: false,
        is_mixed: false,
        previous: Some(first),
        available: vec![first],
        youngest_at: Some(Timestamp(1_700_000_000_700)),
    }
}

fn rolled_back() -> WaysBack {
    let (first, second) = (revision("web:1"), revision("web:2"));
    WaysBack { in_force: first, previous: Some(second), available: vec![second], ..self::second() }
}

fn written(asked: Asked) -> Vec<(String, Asked)> {
    vec![("volume".to_owned(), asked)]
}

fn rollback() -> Asked {
    Asked::Rollback { to: revision("web:1"), instead_of: revision("web:2") }
}

#[test]
fn what_is_written_down() {
    let to = |text: &str| Request::Rollback { to: Some(text.to_owned()) };
    let first = revision("web:1");
    let since = Timestamp(1_700_000_001_000);
    let moving = WaysBack { in_progress: true, ..second() };
    let table = [
        (Request::Rollback { to: None }, second(), vec![], Some(rollback()), 0),
        (to(&first.short()), second(), vec![], Some(rollback()), 0),
        (to(&format!("web@{}", first.short())), second(), vec![], Some(rollback()), 0),
        (to(&first.to_string()), second(), vec![], Some(rollback()), 0),
        // Back to what the manifest asks for is no rollback any more.
        (Request::Rollback { to: None }, rolled_back(), written(rollback()), None, 1),
        (Request::Abort, moving.clone(), vec![], Some(rollback()), 0),
        (Request::Abort, moving, written(Asked::Restart { since }), None, 1),
        (Request::Restart, second(), vec![], Some(Asked::Restart { since }), 0),
        (Request::Pause, second(), vec![], Some(Asked::Pause), 0),
        (Request::Resume, second(), written(Asked::Pause), None, 1),
        (Request::Resume, rolled_back(), written(rollback()), None, 1),
    ];
    for (request, ways, asked, expected, taken_back) in table {
        let decision = decide(&request, &ways, &asked).unwrap_or_else(|reason| panic!("{request:?}: {reason}"));
        assert_eq!((decision.asked, decision.taken_back.len()), (expected, taken_back), "{request:?}");
    }
}

#[test]
fn what_cannot_be_had_is_said() {
    let nothing_left = WaysBack { previous: None, available: vec![], ..second() };
    let fresh = WaysBack { youngest_at: None, ..nothing_left.clone() };
    let mixed = WaysBack { is_mixed: true, ..second() };
    for (request, ways, asked, expected) in [
        (Request::Rollback { to: None }, &nothing_left, vec![], "Change the manifest back"),
        (Request::Rollback { to: Some("ffffff".to_owned()) }, &second(), vec![], "name one with"),
        (Request::Rollback { to: Some(revision("web:2").short()) }, &second(), vec![], "is in force already"),
        (Request::Abort, &second(), vec![], "no deployment is under way"),
        (Request::Pause, &second(), written(Asked::Pause), "paused already"),
        (Request::Resume, &second(), vec![], "nothing is held back"),
        (Request::Restart, &fresh, vec![], "no task yet"),
        (Request::Restart, &mixed, vec![], "no restart is needed"),
        (Request::Restart, &second(), written(Asked::Pause), "it is paused"),
    ] {
        let said = decide(&request, ways, &asked).expect_err("it cannot be had");
        assert!(said.contains(expected), "{request:?}: {said}");
    }
}
