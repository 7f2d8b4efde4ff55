use super::*;
use crate::plan::plan;
use crate::status::status;
use crate::testing::{self, Mixed, SECRETS};

fn mixed() -> Status {
    let Mixed { desired, observed, .. } = testing::mixed();
    status(Some(&desired), &observed, Some(&plan(&desired, &observed)))
}

#[test]
fn everything_at_a_glance() {
    assert_eq!(render_status(&mixed(), "Docker 28.1", Style::PLAIN), testing::dedent(
        "
            Docker 28.1, 2026-08-14T09:41:07Z

            SERVICE           TASKDEF        TASKS  SYNC       HEALTH              RESTARTS  UP   PORTS                      MESSAGE
            shop/api          cron@1b7078    1/1    Synced     Running (no check)  0         60s
            shop/cache        cache@b38d8b   0/1    Synced     Degraded            0         60s                             its health check fails
            shop/legacy-cron  cron@1b7078    1/0    OutOfSync  Progressing         0         60s                             no manifest asks for it
            shop/proxy        proxy@97da13   0/1    Synced     Degraded            0         -                               container proxy was killed because it ran out of memory (exit code 137)
            shop/search       search@845356  0/2    OutOfSync  Missing             0         -                               2 tasks should run, and there is none
            shop/web          web@66478b     3/3    OutOfSync  Progressing         0         60s  32768,32769,32770->80/tcp  web@657cca -> web@66478b, 0 of 3 replaced; minimumHealthyPercent keeps the old tasks until others are healthy
            shop/worker       worker@1d3ffb  2/4    OutOfSync  Progressing         0         60s                             2 tasks to start

            Stopped tasks
              shop/proxy/0  proxy@97da13 try 1  6m ago  container proxy was killed because it ran out of memory (exit code 137)

            7 services: 1 running, 3 progressing, 2 degraded, 1 missing; 3 synced, 4 out of sync
            "
    ));
}

#[test]
fn on_a_narrow_screen_messages_stand_below() {
    let text = render_status(&mixed(), "Docker 28.1", Style { color: false, width: Some(110) });
    assert!(!text.contains("MESSAGE"), "{text}");
    assert!(text.contains("\n  shop/cache: its health check fails\n"), "{text}");
    assert!(text.contains("32768,32769,32770->80/tcp"), "{text}");
}

#[test]
fn without_manifests_the_engine_alone_tells() {
    let Mixed { observed, .. } = testing::mixed();
    let text = render_status(&status(None, &observed, None), "Docker 28.1", Style::PLAIN);
    assert!(text.contains("shop/web          web@657cca     3/3    Unknown  Running (no check)"), "{text}");
    assert!(text.contains("\n6 services: 4 running, 2 degraded\n"), "{text}");
    let empty = crate::observed::ObservedState { at: testing::NOW, ..Default::default() };
    let text = render_status(&status(None, &empty, None), "Docker 28.1", Style::PLAIN);
    assert_eq!(text, "Docker 28.1, 2026-08-14T09:41:07Z\nThere is no service.\n");
}

#[test]
fn colour_adds_nothing_but_escape_codes() {
    let plain = render_status(&mixed(), "Docker 28.1", Style::PLAIN);
    assert!(plain.is_ascii() && !plain.contains('\u{1b}'), "{plain}");
    let coloured = render_status(&mixed(), "Docker 28.1", Style { color: true, width: None });
    assert_eq!(testing::strip_colours(&coloured), plain);
}

/// **Invariant 10.** No secret's value is in a status.
#[test]
fn no_sensitive_value_is_printed() {
    let text = render_status(&mixed(), "Docker 28.1", Style::PLAIN) + &render_status_json(&mixed());
    assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
}

#[test]
fn json_has_a_version_and_times_that_people_read() {
    let json: serde_json::Value = serde_json::from_str(&render_status_json(&mixed())).expect("it is JSON");
    assert_eq!(json["formatVersion"], "1.2");
    assert_eq!(json["at"], "2026-08-14T09:41:07Z");
    assert_eq!(json["services"][3]["lastStopAt"], "2026-08-14T09:35:07Z");
    assert_eq!(json["stoppedTasks"][0]["exitCode"], 137);
    assert_eq!(json["summary"]["services"], 7);
}
