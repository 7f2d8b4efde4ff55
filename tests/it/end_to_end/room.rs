//! What tasks reserve is counted against the host, and what does not fit waits.

use crate::support::program::Program;
use crate::support::shop::{Service, Shop, service};
use crate::support::wait::until;

/// The memory of the host, in MiB.
fn capacity(shop: &Shop) -> u64 {
    shop.write(&[service("web").count(0)]);
    let host = shop.run(&["status", "-o", "json"]).expect_code(0).json()["host"].clone();
    host["capacity"]["memory"].as_u64().unwrap_or_else(|| panic!("it is told: {host:#}"))
}

/// A service whose task reserves so much, in MiB. It uses next to nothing of it.
fn reserving(name: &str, memory: u64) -> Service {
    service(name).definition(&format!("memory: {memory}"))
}

#[test]
fn what_is_larger_than_the_host_is_refused_and_the_rest_comes_up() {
    let shop = Shop::new("room-never");
    let capacity = capacity(&shop);
    shop.write(&[reserving("huge", capacity + 1), service("web")]);
    let dry = shop.run(&["--dry-run"]).expect_code(0);
    dry.expect_said(&["huge can never begin", &format!("needs {} MiB of memory", capacity + 1)]);
    let failed = shop.fail();
    failed.expect_said(&["huge", &format!("needs {} MiB of memory", capacity + 1), &format!("{capacity} MiB")]);
    assert_eq!(shop.ids().into_keys().collect::<Vec<_>>(), ["web/0/main"]);
    let status = shop.run(&["status"]).expect_code(0);
    status.expect_said(&["Host: ", "needs ", &format!("of {capacity} MiB of memory")]);
    let used = shop.run(&["status", "--usage", "-o", "json"]).expect_code(0).json()["host"]["used"].clone();
    assert!(used["containers"].as_u64() >= Some(1) && used["memory"].is_u64() && used["cpu"].is_u64(), "{used:#}");
}

#[test]
fn the_second_begins_when_the_first_is_gone() {
    let shop = Shop::new("room-queue");
    let capacity = capacity(&shop);
    // Each is more than half of the host: only one fits, whatever small things other tests reserve.
    let large = capacity * 11 / 20;
    shop.write(&[reserving("first", large), reserving("second", large)]);
    shop.fail().expect_said(&["second", &format!("needs {large} MiB of memory")]);
    assert_eq!(shop.ids().into_keys().collect::<Vec<_>>(), ["first/0/main"]);
    let watch = shop.watch();
    watch.wait_for_talk(&format!("needs {large} MiB of memory"));
    shop.write(&[reserving("first", large).count(0), reserving("second", large)]);
    until("the second task runs", || shop.running("second").len() == 1 && shop.running("first").is_empty());
    watch.signal("TERM");
    watch.wait();

    // A task on its own waits for its turn, and its time is limited where somebody says so.
    let run = |more: &[&str]| {
        let host = shop.engine.host();
        let all = ["run", "--host", &host, "--dir", shop.dir(), "--cluster", &shop.cluster];
        let state = shop.scratch.path().join("state");
        Program::new(all.into_iter().chain(more.iter().copied())).env("RECONCILE_STATE_DIR", state)
    };
    run(&["first", "--timeout", "2s"]).run().expect_code(124).expect_said(&["waiting", "needs ", "MiB of memory"]);
    let started = run(&["first", "--rm", "--", "exit", "7"]).start();
    shop.write(&[reserving("first", large).count(0), reserving("second", large).count(0)]);
    shop.converge();
    started.wait().expect_code(7);
}

#[test]
fn a_single_run_that_can_never_fit_fails_at_once() {
    let shop = Shop::new("room-run");
    let capacity = capacity(&shop);
    shop.write(&[reserving("huge", capacity + 1).count(0)]);
    let host = shop.engine.host();
    let ended = Program::new(["run", "--host", &host, "--dir", shop.dir(), "huge"])
        .env("RECONCILE_STATE_DIR", shop.scratch.path().join("state"))
        .run();
    ended.expect_code(4).expect_said(&["RESOURCE:MEMORY", &format!("needs {} MiB of memory", capacity + 1)]);
    assert!(shop.containers().is_empty());
}
