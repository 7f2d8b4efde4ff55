//! Hooks of a deployment on the real engine: a migration before the first new task, a smoke test before the old ones go.

use crate::support::docker::{Container, IMAGE_NEXT};
use crate::support::program::Program;
use crate::support::shop::{Service, Shop, service};

/// What the hooks run: `migrate` before, `smoke` after. No service runs them.
fn hooks(migrate: &str, smoke: &str) -> [Service; 2] {
    [service("migrate").command(migrate).count(0), service("smoke").command(smoke).count(0)]
}

fn web(image: &str) -> Service {
    service("web").count(2).image(image).line(
        "deploymentConfiguration: { lifecycleHooks: [{ taskDefinition: migrate, lifecycleStages: [PRE_SCALE_UP], \
         timeoutSeconds: 30 }, { taskDefinition: smoke, lifecycleStages: [POST_SCALE_UP], timeoutSeconds: 30 }] }",
    )
}

fn write(shop: &Shop, image: &str, [migrate, smoke]: [Service; 2]) {
    shop.write(&[web(image), migrate, smoke]);
}

/// The tasks of hooks that are there, by family.
fn hook_tasks(shop: &Shop, family: &str) -> Vec<Container> {
    let containers = shop.containers().into_iter();
    containers.filter(|one| one.label("family") == family && one.label("service").contains("SCALE_UP")).collect()
}

const WELL: &str = "[exit, '0', after, '1']";

#[test]
fn hooks_run_once_around_a_deployment() {
    let shop = Shop::new("hooks");
    write(&shop, "reconcile-shop:1", hooks("[print, the tables are there]", WELL));
    let ended = shop.converge();
    let text = format!("{ended}");
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("nothing is said of {words:?}: {text}"));
    assert!(place("migrate.") < place("/web/0 "), "{text}");
    let last = text.rfind("done      container main exited with code 0").unwrap_or_default();
    assert!(place("/web/0 ") < last, "{text}");
    let (migrate, smoke) = (hook_tasks(&shop, "migrate"), hook_tasks(&shop, "smoke"));
    assert_eq!((migrate.len(), smoke.len()), (1, 1), "{:#?}", shop.containers());
    shop.expect_quiet();

    // A scale-out and a loss are no deployments.
    let [a, b] = hooks("[print, the tables are there]", WELL);
    shop.write(&[web("reconcile-shop:1").count(3), a, b]);
    shop.converge();
    shop.engine.kill(&shop.running("web")[0].id);
    shop.converge();
    assert_eq!(shop.running("web").len(), 3);
    assert_eq!(hook_tasks(&shop, "migrate")[0].id, migrate[0].id, "it did not run again");
    assert_eq!(hook_tasks(&shop, "smoke")[0].id, smoke[0].id, "it did not run again");
    shop.expect_quiet();
}

#[test]
fn a_failed_migration_replaces_nothing_and_is_told_with_its_log() {
    let shop = Shop::new("hooks-fail");
    write(&shop, "reconcile-shop:1", hooks(WELL, WELL));
    shop.converge();
    let before = shop.ids();
    let good: Vec<_> = shop.running("web").into_iter().map(|container| container.id).collect();

    write(&shop, IMAGE_NEXT, hooks("[bogus, migration]", WELL));
    let plan = shop.run(&["--dry-run"]).expect_code(0);
    plan.expect_said(&["the hook `migrate` runs before the first task (PRE_SCALE_UP)", "image"]);
    let ended = shop.fail();
    ended.expect_said(&[
        "the hook `migrate` (PRE_SCALE_UP) failed",
        "code 64",
        "last log lines",
        "shop write FILE TEXT",
        "--retry",
    ]);
    let after: Vec<_> = shop.running("web").into_iter().map(|container| container.id).collect();
    assert_eq!(good, after, "{before:#?}");
    // Whoever comes next is told, and it does not run again.
    let failed = hook_tasks(&shop, "migrate");
    shop.run(&[]).expect_code(4).expect_said(&["(PRE_SCALE_UP) failed"]);
    assert_eq!(hook_tasks(&shop, "migrate")[0].id, failed[0].id);
    let status = shop.program(&["status", "-o", "json"]).run().json();
    let web = status["services"].as_array().and_then(|all| all.iter().find(|one| one["service"] == "web"));
    assert_eq!(web.map(|web| &web["rolloutState"]), Some(&"FAILED".into()), "{status:#}");
    assert_eq!(status["services"].as_array().map(Vec::len), Some(3), "hooks are no services: {status:#}");

    // The mended migration is tried, and then all goes on.
    write(&shop, IMAGE_NEXT, hooks("[print, mended]", WELL));
    shop.converge();
    assert!(shop.running("web").iter().all(|container| container.image == IMAGE_NEXT), "{:#?}", shop.containers());
    shop.expect_quiet();
}

#[test]
fn a_failed_smoke_test_brings_back_what_was() {
    let shop = Shop::new("hooks-smoke");
    write(&shop, "reconcile-shop:1", hooks(WELL, WELL));
    shop.converge();
    let good: Vec<_> = shop.running("web").into_iter().map(|container| container.id).collect();
    write(&shop, IMAGE_NEXT, hooks(WELL, "[exit, '9', after, '1']"));
    shop.fail().expect_said(&["the hook `smoke` (POST_SCALE_UP) failed", "code 9"]);
    let after: Vec<_> = shop.running("web").into_iter().map(|container| container.id).collect();
    assert_eq!(good, after, "the old tasks had stayed until then");
}

#[test]
fn history_tells_of_a_hook_that_failed_and_a_deleted_service_takes_its_hooks_along() {
    let shop = Shop::new("hooks-told");
    let (host, state) = (shop.engine.host(), shop.scratch.path().join("state"));
    let ask = |arguments: &[&str]| {
        let all = arguments.iter().copied().chain(["--host", host.as_str()]);
        Program::new(all).env("RECONCILE_STATE_DIR", &state).run().expect_code(0)
    };
    write(&shop, "reconcile-shop:1", hooks("[exit, '5']", WELL));
    shop.program(&[]).env("RECONCILE_STATE_DIR", &state).run().expect_code(4);
    assert_eq!(shop.running("web"), [], "nothing began");
    ask(&["history"]).expect_said(&["/web", "FAILED", "the hook `migrate` (PRE_SCALE_UP) failed", "code 5"]);
    ask(&["tasks", "--all"]).expect_said(&["web.PRE_SCALE_UP.migrate", "STOPPED"]);

    shop.program(&["delete", "--service", &format!("{}/web", shop.cluster)]).run().expect_code(0);
    assert_eq!(hook_tasks(&shop, "migrate"), [], "{:#?}", shop.containers());
}
