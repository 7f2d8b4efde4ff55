//! The life of a task on the real engine: init containers, and the order in which containers start and stop.

use crate::support::docker::IMAGE;
use crate::support::shop::{Shop, service};

/// A container beside `main`.
fn beside(name: &str, command: &str, more: &str) -> String {
    format!("{{ name: {name}, image: '{IMAGE}', memory: 64, command: {command}{more} }}")
}

const AFTER_INIT: &str = "dependsOn: [{ containerName: init, condition: SUCCESS }]";

/// A time of the container `name` of a service, as text that sorts: the engine leaves out zeros at its end.
fn time(shop: &Shop, name: &str, field: &str) -> String {
    let containers = shop.containers();
    let found = containers.iter().find(|container| container.label("container") == name);
    let id = &found.unwrap_or_else(|| panic!("there is no container {name}: {containers:#?}")).id;
    let text = shop.engine.inspect(id)["State"][field].as_str().unwrap_or_default().to_owned();
    format!("{:0<29}", text.trim_end_matches('Z').replace('.', " "))
}

#[test]
fn an_application_starts_when_its_init_container_has_succeeded() {
    let shop = Shop::new("init");
    let init = beside("init", "[exit, '0', after, '1']", ", essential: false");
    shop.write(&[service("web").container(AFTER_INIT).beside(&init)]);
    shop.converge();
    assert_eq!(shop.only("web").label("container"), "main");
    assert!(time(&shop, "init", "FinishedAt") <= time(&shop, "main", "StartedAt"), "{:#?}", shop.containers());
    shop.expect_quiet();
}

#[test]
fn an_init_container_that_fails_is_told_and_its_application_never_starts() {
    let shop = Shop::new("init-fails");
    let init = beside("init", "[exit, '7']", ", essential: false");
    shop.write(&[service("web").container(AFTER_INIT).beside(&init)]);
    let ended = shop.run(&["--timeout", "60s"]).expect_code(4);
    ended.expect_said(&["main was never started", "waits for init to succeed", "code 7"]);
    let status = shop.program(&["status", "-o", "json"]).run().json();
    let stopped = &status["stoppedTasks"][0];
    assert_eq!(stopped["stopCode"], "TaskFailedToStart", "{status:#}");
    let ends = stopped["containers"].as_array().map(|all| all.iter().map(|end| &end["exitCode"]).collect::<Vec<_>>());
    assert_eq!(ends, Some(vec![&143.into(), &7.into()]), "{status:#}");
    let started = shop.containers().into_iter().filter(|container| container.label("container") == "main").count();
    assert_eq!(started, 0, "what never ran is removed");

    // A repaired manifest is a new beginning.
    let init = beside("init", "[exit, '0']", ", essential: false");
    shop.write(&[service("web").container(AFTER_INIT).beside(&init)]);
    shop.converge();
    shop.expect_tasks("web", 1);
    shop.expect_quiet();
}

#[test]
fn a_task_stops_in_the_reverse_order_each_container_in_its_own_time() {
    let shop = Shop::new("order");
    let proxy =
        beside("proxy", "[ignore-term]", ", stopTimeout: 1, dependsOn: [{ containerName: db, condition: START }]");
    let db = beside("db", "[sleep]", "");
    let job = beside("job", "[sleep]", "");
    let main = service("web").container("dependsOn: [{ containerName: proxy, condition: START }]");
    shop.write(&[main.beside(&proxy).beside(&db).beside(&job)]);
    shop.converge();
    for (first, then) in [("db", "proxy"), ("proxy", "main")] {
        assert!(time(&shop, first, "StartedAt") <= time(&shop, then, "StartedAt"), "{first} starts before {then}");
    }
    // The end of an essential container ends the task; what is left of it tells in which order.
    let job = shop.containers().into_iter().find(|container| container.label("container") == "job");
    let ended = job.expect("it has just been made").label("attempt").to_owned();
    let id = shop.ids()["web/0/job"].clone();
    shop.engine.kill(&id);
    shop.converge();
    let of_old = |name: &str| {
        let containers = shop.containers();
        let old = containers.iter().find(|c| c.label("container") == name && c.label("attempt") == ended);
        let old = old.unwrap_or_else(|| panic!("nothing is left of {name}: {containers:#?}"));
        let text = shop.engine.inspect(&old.id)["State"]["FinishedAt"].as_str().unwrap_or_default().to_owned();
        format!("{:0<29}", text.trim_end_matches('Z').replace('.', " "))
    };
    for (first, then) in [("main", "proxy"), ("proxy", "db")] {
        assert!(of_old(first) <= of_old(then), "{first} ends before {then}: {} {}", of_old(first), of_old(then));
    }
    shop.expect_quiet();
}
