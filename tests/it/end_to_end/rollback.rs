//! A bad commit on the real engine: it never gets to replace what is good, the exit code says so, and it is not tried again.

use crate::support::shop::{Shop, service};

const PASSWORD: &str = "environment: [{ name: DB_PASSWORD, value: hunter2 }]";

#[test]
fn a_bad_commit_is_rolled_back_and_not_tried_again() {
    let shop = Shop::new("rollback");
    shop.write(&[service("web").container("user: '1000'"), service("api")]);
    shop.converge();
    let good = shop.only("web");

    shop.write(&[service("web").command("[exit, '7']"), service("api")]);
    let ended = shop.fail();
    ended.expect_said(&["code 7", "rolled back to revision", "--retry"]);
    let back = shop.only("web");
    assert_eq!(back.label("revision"), good.label("revision"), "{:#?}", shop.containers());
    let tries = shop.containers().len();

    // Whoever comes next is told, and nothing is tried.
    shop.run(&[]).expect_code(4).expect_said(&["rolled back to revision"]);
    assert_eq!(shop.containers().len(), tries, "{:#?}", shop.containers());
    assert_eq!(shop.only("web").id, back.id);
    let plan = shop.run(&["--dry-run"]).expect_code(0);
    plan.expect_said(&["RC150", "--retry"]);
    let status = shop.program(&["status", "-o", "json"]).run().json();
    let web = status["services"].as_array().and_then(|all| all.iter().find(|one| one["service"] == "web"));
    assert_eq!(web.map(|web| &web["rolloutState"]), Some(&"FAILED".into()), "{status:#}");

    // On request it is tried again, and fails again.
    shop.run(&["--retry"]).expect_code(4).expect_said(&["code 7", "rolled back to revision"]);
    assert_eq!(shop.only("web").label("revision"), good.label("revision"));

    // The next commit is a new beginning.
    shop.write(&[service("web").container("user: '1001'"), service("api")]);
    shop.converge();
    shop.expect_tasks("web", 1);
    shop.expect_quiet();
}

#[test]
fn what_was_stopped_first_comes_back_with_all_its_values() {
    let shop = Shop::new("rollback-stop-first");
    shop.write(&[service("web").container(PASSWORD).percent(0, 100)]);
    shop.converge();
    let good = shop.only("web");
    shop.write(&[service("web").command("[exit, '7']").container(PASSWORD).percent(0, 100)]);
    shop.fail().expect_said(&["code 7", "rolled back to revision"]);
    let back = shop.only("web");
    assert_eq!(back.label("revision"), good.label("revision"));
    assert!(!good.label("image").is_empty());
    assert_eq!(back.label("image"), good.label("image"), "it is made from its own image, whatever the tag means now");
    let environment = shop.engine.inspect(&back.id)["Config"]["Env"].to_string();
    assert!(environment.contains("DB_PASSWORD=hunter2"), "{environment}");
    let labels = shop.engine.inspect(&back.id)["Config"]["Labels"].to_string();
    assert!(!labels.contains("hunter2"), "{labels}");
}
