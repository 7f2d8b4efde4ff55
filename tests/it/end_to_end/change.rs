//! From what the manifests asked for to what they ask for now: exactly the difference.

use std::collections::BTreeSet;

use crate::support::docker::IMAGE_NEXT;
use crate::support::shop::{HEALTH_CHECK, Shop, service};
use crate::support::wait::now_secs;

#[test]
fn only_what_changed_is_replaced() {
    let shop = Shop::new("change");
    shop.write(&[service("web").count(2), service("api"), service("old")]);
    shop.converge();
    let before = shop.ids();

    shop.write(&[service("web").count(2).image(IMAGE_NEXT), service("api"), service("old")]);
    let plan = shop.run(&["--dry-run"]).expect_code(0);
    plan.expect_said(&["image", "reconcile-shop:1 -> :2", "shop.yaml:"]);
    shop.converge();
    let after = shop.ids();
    assert_eq!((&before["api/0/main"], &before["old/0/main"]), (&after["api/0/main"], &after["old/0/main"]));
    assert!(before["web/0/main"] != after["web/0/main"] && before["web/1/main"] != after["web/1/main"]);
    assert!(shop.running("web").iter().all(|container| container.image == IMAGE_NEXT));
    shop.expect_quiet();
}

#[test]
fn what_a_task_does_not_see_replaces_no_task() {
    let shop = Shop::new("quiet");
    let api = || service("api").command("[sick]").container(HEALTH_CHECK);
    shop.write(&[service("web").count(2).percent(100, 200), api()]);
    shop.converge();
    let before = shop.ids();
    shop.write(&[service("web").count(3).percent(50, 150), api().line("healthCheckGracePeriodSeconds: 7")]);
    shop.converge();
    let mut after = shop.ids();
    assert!(after.remove("web/2/main").is_some(), "{after:#?}");
    assert_eq!(before, after);
}

#[test]
fn scaling_in_takes_the_highest_slots() {
    let shop = Shop::new("scale");
    shop.write(&[service("web").count(4)]);
    shop.converge();
    let before = shop.ids();
    shop.write(&[service("web").count(2)]);
    shop.converge();
    let after = shop.ids();
    shop.expect_tasks("web", 2);
    assert_eq!((&before["web/0/main"], &before["web/1/main"]), (&after["web/0/main"], &after["web/1/main"]));
    shop.write(&[service("web").count(0)]);
    shop.converge();
    assert_eq!(shop.running("web"), []);
    shop.expect_quiet();
}

/// How few and how many containers were up at a time, as the engine told it.
fn extremes(events: &[(String, String)], up_when: &str, already_up: BTreeSet<String>) -> (usize, usize) {
    let mut up = already_up;
    let (mut fewest, mut most) = (up.len(), up.len());
    for (id, action) in events {
        if action == up_when {
            up.insert(id.clone());
        } else if action == "die" || action == "health_status: unhealthy" {
            up.remove(id);
        }
        fewest = fewest.min(up.len());
        most = most.max(up.len());
    }
    (fewest, most)
}

#[test]
fn a_rollout_keeps_within_the_percentages() {
    let shop = Shop::new("roll");
    let web = |value: &str| {
        let environment = format!("environment: [{{ name: NEW, value: '{value}' }}]");
        service("web").count(4).percent(75, 125).container(&environment)
    };
    shop.write(&[web("1")]);
    shop.converge();
    shop.let_settle();
    let before: BTreeSet<_> = shop.ids().into_values().collect();
    let since = now_secs();
    shop.write(&[web("2")]);
    shop.converge();
    let after: BTreeSet<_> = shop.ids().into_values().collect();
    assert!(after.len() == 4 && after.is_disjoint(&before), "{after:#?}");
    let events = shop.engine.events(&shop.label(), since);
    let events: Vec<_> =
        events.into_iter().filter(|(id, action)| !(before.contains(id) && action == "start")).collect();
    let (fewest, most) = extremes(&events, "start", before);
    assert!(fewest >= 3 && most <= 5, "{fewest} to {most} ran at a time: {events:#?}");
    shop.expect_quiet();
}

#[test]
fn a_rollout_with_health_checks_never_has_too_few_healthy_tasks() {
    let shop = Shop::new("healthy");
    let web = |value: &str| {
        let environment = format!("environment: [{{ name: NEW, value: '{value}' }}]");
        let web = service("web").count(2).percent(100, 200).command("[sick]");
        web.container(HEALTH_CHECK).container(&environment)
    };
    shop.write(&[web("1")]);
    shop.converge();
    assert!(shop.running("web").iter().all(|container| container.status.contains("(healthy)")));
    let before: BTreeSet<_> = shop.ids().into_values().collect();
    let since = now_secs();
    shop.write(&[web("2")]);
    shop.converge();
    let events = shop.engine.events(&shop.label(), since);
    let (fewest, most) = extremes(&events, "health_status: healthy", before);
    assert!(fewest >= 2 && most <= 4, "{fewest} to {most} were healthy at a time: {events:#?}");
    shop.expect_tasks("web", 2);
}

#[test]
fn what_cannot_run_twice_stops_before_it_starts() {
    let shop = Shop::new("port-roll");
    // A port that the engine has just given away and got back is free.
    let probe = shop.start_foreign(
        &format!("{}-probe", shop.cluster),
        &serde_json::json!({ "ExposedPorts": { "1/tcp": {} }, "HostConfig": { "PortBindings": { "1/tcp": [{}] } } }),
    );
    let inspected = shop.engine.inspect(&probe);
    let port = inspected["NetworkSettings"]["Ports"]["1/tcp"][0]["HostPort"].as_str().unwrap_or_default().to_owned();
    shop.engine.remove(&probe);
    let web = |value: &str| {
        let mapping = format!("portMappings: [{{ containerPort: 8080, hostPort: {port} }}]");
        let environment = format!("environment: [{{ name: NEW, value: '{value}' }}]");
        service("web").command("[sick]").percent(0, 100).container(&mapping).container(&environment)
    };
    shop.write(&[web("1")]);
    shop.converge();
    let before = shop.only("web").id;
    shop.write(&[web("2")]);
    shop.converge();
    assert_ne!(shop.only("web").id, before);
    shop.expect_quiet();
}

#[test]
fn a_rollout_right_after_a_convergence_keeps_within_the_percentages() {
    let shop = Shop::new("roll-now");
    let web = |value: &str| {
        let environment = format!("environment: [{{ name: NEW, value: '{value}' }}]");
        service("web").count(4).percent(75, 125).container(&environment)
    };
    shop.write(&[web("1")]);
    shop.converge();
    let before: BTreeSet<_> = shop.ids().into_values().collect();
    let since = now_secs();
    shop.write(&[web("2")]);
    shop.converge();
    let events = shop.engine.events(&shop.label(), since);
    let events: Vec<_> =
        events.into_iter().filter(|(id, action)| !(before.contains(id) && action == "start")).collect();
    let (fewest, most) = extremes(&events, "start", before);
    assert!(fewest >= 3 && most <= 5, "{fewest} to {most} ran at a time: {events:#?}");
}
