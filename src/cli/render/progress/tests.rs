use std::time::Duration;

use super::*;
use crate::observed::ObservedState;
use crate::plan::{About, Cause, Failure, FailureKind, plan};
use crate::testing::{self, NOW, ago};
use crate::value::Slot;

fn events() -> Vec<Event> {
    let (shop, web) = (testing::cluster("shop"), testing::service_name("web"));
    let task = Some(About::slot(&shop, &web, Slot(0)));
    let service = Some(About { cluster: shop.clone(), service: Some(web.clone()), slot: None });
    let cluster = Some(About::cluster(&shop));
    let failure = Failure { kind: FailureKind::PortTaken, message: "port is already\nallocated \u{1b}[31m".to_owned() };
    let files = ["a.yaml", "b.yaml", "c.yaml", "d.yaml"].map(str::to_owned).to_vec();
    let kinds = [
        (None, EventKind::ManifestsChanged { files }),
        (cluster, EventKind::NetworkCreated),
        (None, EventKind::ImagePulling { image: "web:2".to_owned() }),
        (None, EventKind::ImagePulled { image: "web:2".to_owned(), took: Duration::from_millis(4200) }),
        (task.clone(), EventKind::TaskStarting { cause: Cause::New }),
        (task.clone(), EventKind::TaskRunning),
        (task.clone(), EventKind::TaskHealthy),
        (task.clone(), EventKind::TaskUnhealthy { output: "connection refused".to_owned() }),
        (task.clone(), EventKind::TaskDied { reason: "container web exited with code 1 after 2.0s".to_owned() }),
        (task.clone(), EventKind::BackingOff { until: NOW.after(Duration::from_secs(40)), failures: 3 }),
        (task.clone(), EventKind::ActionFailed { action: "start shop/web/0 web @9c1d42".to_owned(), failure }),
        (task.clone(), EventKind::TaskStopping { cause: Cause::Superseded }),
        (task.clone(), EventKind::TaskStopped),
        (task, EventKind::Waiting { reason: "waits for its health check".to_owned(), since: ago(30) }),
        (service.clone(), EventKind::ServiceSteady { healthy: 3, desired: 3, took: Some(Duration::from_millis(6100)) }),
        (service, EventKind::ServiceDeleted),
        (None, EventKind::EngineLost { reason: "connection refused".to_owned(), since: ago(5) }),
        (None, EventKind::EngineBack { after: Duration::from_secs(75) }),
        (None, EventKind::ManifestsInvalid { errors: 1 }),
        (None, EventKind::ManifestsUnchanged),
        (
            None,
            EventKind::Held {
                reason: "it would delete 4 of 7 services".to_owned(),
                release: "--allow-delete=4".to_owned(),
            },
        ),
    ];
    kinds.map(|(about, kind)| Event { at: NOW, about, kind }).to_vec()
}

#[test]
fn each_event_is_one_line() {
    let lines: Vec<_> = events().iter().map(|event| render_event(event, Clock::Full, Style::PLAIN)).collect();
    assert_eq!(lines.concat(), testing::dedent(
        "
            2026-08-14T09:41:07Z manifests          changed   a.yaml, b.yaml, c.yaml and 1 more
            2026-08-14T09:41:07Z shop               created   its network
            2026-08-14T09:41:07Z image              pulling   web:2
            2026-08-14T09:41:07Z image              pulled    web:2 in 4.2s
            2026-08-14T09:41:07Z shop/web/0         starting  the slot has no task
            2026-08-14T09:41:07Z shop/web/0         running
            2026-08-14T09:41:07Z shop/web/0         healthy
            2026-08-14T09:41:07Z shop/web/0         unhealthy its health check failed: connection refused
            2026-08-14T09:41:07Z shop/web/0         died      container web exited with code 1 after 2.0s
            2026-08-14T09:41:07Z shop/web/0         waiting   failed 3 times in a row; next try in 40s
            2026-08-14T09:41:07Z shop/web/0         failed    start shop/web/0 web @9c1d42: port is already allocated
            2026-08-14T09:41:07Z shop/web/0         stopping  its successor has taken over
            2026-08-14T09:41:07Z shop/web/0         stopped
            2026-08-14T09:41:07Z shop/web/0         waiting   waits for its health check, for 30s
            2026-08-14T09:41:07Z shop/web           steady    3/3 healthy in 6.1s
            2026-08-14T09:41:07Z shop/web           deleted   no task of it is left
            2026-08-14T09:41:07Z engine             lost      no answer since 2026-08-14T09:41:02Z: connection refused; tasks keep running, nothing is decided meanwhile
            2026-08-14T09:41:07Z engine             back      answers again after 75s
            2026-08-14T09:41:07Z manifests          invalid   1 error in the manifests; what was last valid stays in force, and nothing was stopped
            2026-08-14T09:41:07Z manifests          unchanged the manifests ask for the same as before
            2026-08-14T09:41:07Z plan               held      it would delete 4 of 7 services; nothing was done. If it is meant: --allow-delete=4
            "
    ));
}

#[test]
fn a_terminal_shows_the_time_of_day_and_cuts_what_is_of_less_weight() {
    let narrow = Style { color: false, width: Some(64) };
    let lines: Vec<_> = events().iter().map(|event| render_event(event, Clock::Short, narrow)).collect();
    assert_eq!(lines[3], "09:41:07 image              pulled    web:2 in 4.2s\n");
    assert_eq!(lines[11], "09:41:07 shop/web/0         stopping  its successor has taken...\n");
    assert!(lines[8].ends_with("container web exited with code 1 after 2.0s\n"), "{}", lines[8]);
}

#[test]
fn colour_adds_nothing_but_escape_codes() {
    for event in events() {
        let plain = render_event(&event, Clock::Full, Style::PLAIN);
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
        assert_eq!(plain.lines().count(), 1, "{plain:?}");
        let coloured = render_event(&event, Clock::Full, Style { color: true, width: None });
        assert_eq!(testing::strip_colours(&coloured), plain);
    }
}

#[test]
fn json_has_the_reason_and_the_sentence() {
    let json: Vec<_> = events().iter().map(|event| serde_json::to_string(event).expect("an event is JSON")).collect();
    assert_eq!(
        json[8],
        r#"{"at":"2026-08-14T09:41:07Z","cluster":"shop","service":"web","slot":0,"reason":"TaskDied","message":"container web exited with code 1 after 2.0s"}"#
    );
    assert_eq!(
        json[18],
        r#"{"at":"2026-08-14T09:41:07Z","reason":"ManifestsInvalid","message":"1 error in the manifests; what was last valid stays in force, and nothing was stopped"}"#
    );
}

#[test]
fn what_is_under_way_is_listed_until_it_is_steady() {
    let testing::Mixed { desired, observed, .. } = testing::mixed();
    let status = crate::status::status(Some(&desired), &observed, Some(&plan(&desired, &observed)));
    let lines = render_live(&status, ago(18), Style { color: false, width: Some(70) });
    assert_eq!(lines.len(), 7);
    assert_eq!(lines[0], "degraded    shop/cache       0/1 healthy  its health check fails");
    assert_eq!(lines[6], "1/7 services steady, 18s");
    assert!(lines.iter().all(|line| line.chars().count() <= 70), "{lines:#?}");
    let nothing = ObservedState { at: NOW, ..ObservedState::default() };
    assert_eq!(
        render_live(&crate::status::status(None, &nothing, None), NOW, Style::PLAIN),
        ["0/0 services steady, 0ms"]
    );
}
