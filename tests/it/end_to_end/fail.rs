//! What cannot come up: the run ends with 4 and says why, long before the time is up.

use serde_json::json;

use crate::support::shop::{Shop, service};
use crate::support::wait::until;

/// The highest `(attempt, failures)` of a service's containers.
fn tries(shop: &Shop) -> (u32, u32) {
    let number = |text: &str| text.parse().unwrap_or(0);
    let all = shop.containers();
    all.iter().map(|c| (number(c.label("attempt")), number(c.label("failures")))).max().unwrap_or_default()
}

#[test]
fn a_crash_loop_is_told_with_its_exit_code_and_its_last_words() {
    let shop = Shop::new("crash");
    shop.write(&[service("web").command("[exit, '7']"), service("api")]);
    let ended = shop.fail();
    ended.expect_said(&["/web", "code 7", "ending with exit code 7 in 0 s", "1 of 2 services steady, 1 failed"]);
    shop.expect_tasks("api", 1);
    let (attempts, failures) = tries(&shop);
    assert!(attempts >= 3 && failures >= 2, "{attempts} attempts, {failures} failures");

    // A new process goes on where the last one was: attempts are never counted from the beginning.
    shop.fail().expect_said(&["code 7"]);
    let (later_attempts, later_failures) = tries(&shop);
    assert!(later_attempts >= attempts && later_failures >= failures, "{later_attempts} {later_failures}");
    let tombstones = shop.containers().into_iter().filter(|container| !container.is_running()).count();
    assert!(tombstones <= 5, "tombstones pile up: {:#?}", shop.containers());

    // A changed manifest is a new beginning.
    shop.write(&[service("web").command("[sleep]"), service("api")]);
    shop.converge();
    shop.expect_tasks("web", 1);
    assert_eq!(shop.only("web").label("attempt"), "1");
    shop.expect_quiet();
}

#[test]
fn a_missing_image_is_told_with_those_that_are_near() {
    let shop = Shop::new("image");
    shop.write(&[service("web").image("localhost:1/reconcile-shop:1"), service("api")]);
    let ended = shop.run(&[]).expect_code(4);
    ended.expect_said(&["localhost:1/reconcile-shop:1", "did you mean", "reconcile-shop:1"]);
    shop.expect_tasks("api", 1);
}

#[test]
fn a_command_that_does_not_exist_is_told() {
    let shop = Shop::new("command");
    shop.write(&[service("web").container("entryPoint: [/no/such/program]")]);
    shop.run(&[]).expect_code(4).expect_said(&["/no/such/program"]);
}

#[test]
fn a_port_that_somebody_else_holds_is_told() {
    let shop = Shop::new("taken");
    let holder = shop.start_foreign(
        &format!("{}-holder", shop.cluster),
        &json!({ "ExposedPorts": { "80/tcp": {} }, "HostConfig": { "PortBindings": { "80/tcp": [{}] } } }),
    );
    let inspected = shop.engine.inspect(&holder);
    let port = inspected["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"].as_str().unwrap_or_default().to_owned();
    shop.write(&[service("web").container(&format!("portMappings: [{{ containerPort: 80, hostPort: {port} }}]"))]);
    shop.run(&[]).expect_code(4).expect_said(&[&port, "port"]);
    assert_eq!(shop.engine.inspect(&holder)["State"], inspected["State"], "the holder was not touched");

    // Once it is free, it is taken; the pause after so many failures may have to end first.
    shop.engine.remove(&holder);
    until("the free port is taken", || shop.run(&[]).code() == 0);
    shop.expect_tasks("web", 1);
    shop.expect_quiet();
}

#[test]
fn a_task_that_never_becomes_healthy_is_told() {
    let shop = Shop::new("sick");
    let check =
        "healthCheck: { command: [CMD, /shop, check, 'http://localhost:1/'], interval: 5, timeout: 2, retries: 1 }";
    shop.write(&[service("web").container(check)]);
    let ended = shop.run(&["--timeout", "20s"]).expect_code(4);
    ended.expect_said(&["/web", "health check"]);
}

#[test]
fn too_little_memory_is_told() {
    let shop = Shop::new("oom");
    shop.write(&[service("web").command("[oom]")]);
    shop.fail().expect_said(&["memory"]);
}

#[test]
fn a_time_that_is_up_is_told() {
    let shop = Shop::new("late");
    let check = "healthCheck: { command: [CMD, /shop, check, 'http://localhost:1/'], interval: 60, retries: 9 }";
    shop.write(&[service("web").container(check)]);
    shop.run(&["--timeout", "2s"]).expect_code(4).expect_said(&["--timeout"]);
    assert_eq!(shop.running("web").len(), 1, "what was begun is left as it is");
}

#[test]
fn a_failed_check_is_told_with_what_it_said() {
    let shop = Shop::new("sick-said");
    let check =
        "healthCheck: { command: [CMD, /shop, check, 'http://localhost:1/'], interval: 5, timeout: 2, retries: 1 }";
    shop.write(&[service("web").container(check)]);
    shop.run(&["--timeout", "20s"]).expect_code(4).expect_said(&["/web", "localhost:1"]);
}
