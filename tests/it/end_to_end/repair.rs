//! What runs no more as it should: it is replaced.

use crate::support::shop::{HEALTH_CHECK, Shop, service};
use crate::support::wait::until;

#[test]
fn what_has_vanished_comes_back() {
    let shop = Shop::new("vanish");
    shop.write(&[service("web").count(2)]);
    shop.converge();
    let before = shop.ids();
    shop.engine.remove(&before["web/0/main"]);
    shop.converge();
    let after = shop.ids();
    assert_eq!(after["web/1/main"], before["web/1/main"]);
    assert_ne!(after["web/0/main"], before["web/0/main"]);
    shop.expect_quiet();
}

#[test]
fn what_has_died_or_was_stopped_is_replaced() {
    let shop = Shop::new("die");
    shop.write(&[service("web").count(3)]);
    shop.converge();
    let before = shop.ids();
    shop.engine.kill(&before["web/0/main"]);
    shop.engine.call("POST", &format!("/containers/{}/stop", before["web/1/main"]), None);
    shop.converge();
    let after = shop.ids();
    assert_eq!(after.len(), 3, "{after:#?}");
    assert_eq!(after["web/2/main"], before["web/2/main"]);
    assert!(after["web/0/main"] != before["web/0/main"] && after["web/1/main"] != before["web/1/main"]);
    shop.expect_quiet();
}

#[test]
fn what_is_unhealthy_is_replaced() {
    let shop = Shop::new("unhealthy");
    shop.write(&[service("web").command("[sick]").container(HEALTH_CHECK)]);
    shop.converge();
    let before = shop.only("web");
    let (code, said) = shop.engine.exec(&before.id, &["/shop", "check", "http://localhost:8080/sicken"]);
    assert_eq!(code, 0, "{said}");
    until("the engine finds it unhealthy", || shop.only("web").status.contains("(unhealthy)"));
    shop.converge().expect_said(&["unhealthy"]);
    let after = shop.only("web");
    assert_ne!(after.id, before.id);
    assert!(after.status.contains("(healthy)"), "{after:#?}");
    shop.expect_quiet();
}

#[test]
fn a_network_that_was_removed_comes_back() {
    let shop = Shop::new("network");
    shop.write(&[service("web")]);
    shop.converge();
    shop.engine.remove(&shop.only("web").id);
    let network = shop.engine.networks(&shop.label())[0]["Id"].as_str().unwrap_or_default().to_owned();
    shop.engine.call("DELETE", &format!("/networks/{network}"), None);
    shop.converge();
    assert_eq!(shop.engine.networks(&shop.label()).len(), 1);
    shop.expect_tasks("web", 1);
    shop.expect_quiet();
}

#[test]
fn a_container_that_ignores_the_wish_to_end_is_ended() {
    let shop = Shop::new("stubborn");
    shop.write(&[service("web").command("[ignore-term]").container("stopTimeout: 2")]);
    shop.converge();
    shop.write(&[service("web").command("[sleep]").container("stopTimeout: 2")]);
    shop.converge();
    shop.expect_tasks("web", 1);
    shop.expect_quiet();
}

/// A run that has nothing to do but wait hears of what it waits for: only the engine can say that a check has passed.
#[test]
fn what_a_run_left_behind_begun_is_waited_for_by_the_next_one() {
    let shop = Shop::new("begun");
    shop.write(&[service("web").command("[sick]").container(HEALTH_CHECK)]);
    shop.run(&["--timeout", "1s"]).expect_code(4);
    let begun = shop.only("web");
    // Less than a minute, after which everything is looked at again anyway.
    shop.run(&["--timeout", "30s"]).expect_code(0);
    assert_eq!(shop.only("web").id, begun.id);
    shop.expect_quiet();
}
