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
    assert_eq!(json["formatVersion"], "1.3");
    assert_eq!((&json["outcome"], &json["exitCode"]), (&"done".into(), &0.into()));
    assert_eq!(json["at"], "2026-08-14T09:41:07Z");
    assert_eq!(json["services"][3]["lastStopAt"], "2026-08-14T09:35:07Z");
    assert_eq!(json["stoppedTasks"][0]["exitCode"], 137);
    assert_eq!(json["summary"]["services"], 7);
}

#[test]
fn the_host_has_a_line() {
    use crate::desired::Resources;
    use crate::status::Used;
    let Mixed { desired, mut observed, .. } = testing::mixed();
    observed.host = Some(Resources { cpu: 4096, memory: 2000 });
    let web = testing::task("web", &[r#"{"name":"web","image":"web:1","cpu":256,"memory":512}"#]);
    observed.neighbours =
        testing::running("other/web/0", &web, 1).into_iter().map(|one| (one.id.clone(), one.into())).collect();
    let mut status = status(Some(&desired), &observed, None);
    let host = |status: &Status| render_status(status, "Docker 28.1", Style::PLAIN).lines().nth(1).map(str::to_owned);
    assert_eq!(
        host(&status).as_deref(),
        Some(
            "Host: 512 of 2000 MiB of memory and 256 of 4096 CPU units are reserved by 1 task; 1488 MiB and 3840 units are free"
        )
    );
    let json: serde_json::Value = serde_json::from_str(&render_status_json(&status)).expect("it is JSON");
    let reserved = serde_json::json!({
        "capacity": { "cpu": 4096, "memory": 2000 },
        "reserved": { "cpu": 256, "memory": 512 },
        "headroom": { "cpu": 3840, "memory": 1488 },
        "tasks": 1,
    });
    assert_eq!(json["host"], reserved);
    let used = Used { resources: Resources { cpu: 3, memory: 70 }, containers: 9 };
    status.host.as_mut().expect("it is known").used = Some(used);
    let text = render_status(&status, "Docker 28.1", Style::PLAIN);
    assert_eq!(text.lines().nth(2), Some("In use: 70 MiB of memory and 3 CPU units by 9 containers"));
}
