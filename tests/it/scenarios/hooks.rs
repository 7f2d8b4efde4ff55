//! Stories of deployments with hooks: what runs before the first new task and after the last, and what happens when it fails.

use insta::assert_snapshot;
use reconcile::engine::simulated::{Behaviour, Simulated, Stop};
use reconcile::observed::Phase;

use super::stage::Stage;
use super::{exits, family};

/// A shop whose service has hooks. `web` and `migrate` are the images, `stages` what runs when, `service` more of its fields.
fn shop(web: &str, migrate: &str, hooks: &str, service: &str) -> String {
    format!(
        r"
apiVersion: reconcile/v1
kind: Cluster
metadata: {{ name: shop }}
---
apiVersion: reconcile/v1
kind: TaskDefinition
metadata: {{ name: web }}
spec:
  containerDefinitions:
    - {{ name: web, image: '{web}' }}
---
apiVersion: reconcile/v1
kind: TaskDefinition
metadata: {{ name: migrate }}
spec:
  containerDefinitions:
    - {{ name: migrate, image: '{migrate}', stopTimeout: 2 }}
---
apiVersion: reconcile/v1
kind: TaskDefinition
metadata: {{ name: smoke }}
spec:
  containerDefinitions:
    - {{ name: smoke, image: 'smoke:1' }}
---
apiVersion: reconcile/v1
kind: Service
metadata: {{ name: web }}
spec:
  cluster: shop
  taskDefinition: web
  deploymentConfiguration: {{ lifecycleHooks: [{hooks}] }}
  {service}
"
    )
}

const BEFORE: &str = "{ taskDefinition: migrate, lifecycleStages: [PRE_SCALE_UP], timeoutSeconds: 60 }";
const AFTER: &str = "{ taskDefinition: smoke, lifecycleStages: [POST_SCALE_UP], timeoutSeconds: 60 }";

/// A host on which a migration takes 5 s and a smoke test 3 s, both with these exit codes.
fn host(migrate: i64, smoke: i64) -> Simulated {
    let mut engine = Simulated::new(super::stage::START);
    engine.set_behaviour(family("migrate"), exits(migrate, 5));
    engine.set_behaviour(family("smoke"), exits(smoke, 3));
    engine
}

/// A shop with hooks of which `web:1` has been up for a while.
fn deployed(hooks: &str, service: &str) -> Stage {
    let mut stage = Stage::on(host(0, 0), &shop("web:1", "migrate:1", hooks, service));
    stage.pass(60.0);
    stage.read();
    stage
}

/// How many containers of a family have ever been started in the record.
fn starts(record: &str, name: &str) -> usize {
    record.lines().filter(|line| line.contains("  start ") && line.contains(&format!(" {name} @"))).count()
}

#[test]
fn a_first_deployment_runs_its_hooks_around_its_tasks() {
    let mut stage = Stage::on(host(0, 0), &shop("web:1", "migrate:1", &format!("{AFTER}, {BEFORE}"), ""));
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    0.000  create network of shop: the manifests ask for it
    0.090  create shop/web.PRE_SCALE_UP.migrate.26df21/0 migrate @f91cdf: a hook of the deployment, PRE_SCALE_UP
    0.090    * shop created its network
    0.090    * shop/web.PRE_SCALE_UP.migrate.26df21/0 starting a hook of the deployment, PRE_SCALE_UP
    0.099  start shop/web.PRE_SCALE_UP.migrate.26df21/0 migrate @f91cdf: a hook of the deployment, PRE_SCALE_UP
    0.442    * shop/web.PRE_SCALE_UP.migrate.26df21/0 running
    5.442    * shop/web.PRE_SCALE_UP.migrate.26df21/0 done container migrate exited with code 0 after 5.0s
    5.442  create shop/web.POST_SCALE_UP.smoke.26df21/0 smoke @cf163f: a hook of the deployment, POST_SCALE_UP
    5.442    * shop/web.POST_SCALE_UP.smoke.26df21/0 starting a hook of the deployment, POST_SCALE_UP
    5.451  create shop/web/0 web @26df21: the slot has no task
    5.451    * shop/web/0 starting the slot has no task
    5.460  start shop/web/0 web @26df21: the slot has no task
    5.803    * shop/web/0 running
    5.883  start shop/web.POST_SCALE_UP.smoke.26df21/0 smoke @cf163f: a hook of the deployment, POST_SCALE_UP
    6.226    * shop/web.POST_SCALE_UP.smoke.26df21/0 running
    9.226    * shop/web.POST_SCALE_UP.smoke.26df21/0 done container smoke exited with code 0 after 3.0s
    9.226    * shop/web steady 1/1 healthy in 9.2s
    ");
    stage.prove_quiet();
}

#[test]
fn a_change_waits_for_the_migration_and_the_old_for_the_smoke_test() {
    let hooks = format!("{BEFORE}, {AFTER}");
    let mut stage = deployed(&hooks, "desiredCount: 2");
    stage.change(&shop("web:2", "migrate:2", &hooks, "desiredCount: 2"));
    stage.pass(3.0);
    assert_snapshot!(stage.waits(), @r"
    wait shop/web: the end of the hook `migrate` (PRE_SCALE_UP)
    wait shop/web.PRE_SCALE_UP.migrate.bcd83e/0: its end
    ");
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    60.000  the manifests change
    60.000  remove shop/web.POST_SCALE_UP.smoke.26df21/0 smoke @cf163f: no manifest asks for it
    60.000  remove shop/web.PRE_SCALE_UP.migrate.26df21/0 migrate @f91cdf: no manifest asks for it
    60.000  create shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @bd6bf4: a hook of the deployment, PRE_SCALE_UP
    60.000    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 starting a hook of the deployment, PRE_SCALE_UP
    60.009  start shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @bd6bf4: a hook of the deployment, PRE_SCALE_UP
    60.352    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 running
    65.352    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 done container migrate exited with code 0 after 5.0s
    65.352  create shop/web.POST_SCALE_UP.smoke.bcd83e/0 smoke @cf163f: a hook of the deployment, POST_SCALE_UP
    65.352    * shop/web.POST_SCALE_UP.smoke.bcd83e/0 starting a hook of the deployment, POST_SCALE_UP
    65.361  create shop/web/0 web @bcd83e: replaces revision 26df21
    65.361  create shop/web/1 web @bcd83e: replaces revision 26df21
    65.361    * shop/web/0 starting replaces revision 26df21
    65.361    * shop/web/1 starting replaces revision 26df21
    65.370  start shop/web/0 web @bcd83e: replaces revision 26df21
    65.370  start shop/web/1 web @bcd83e: replaces revision 26df21
    65.713    * shop/web/0 running
    65.713    * shop/web/1 running
    65.793  start shop/web.POST_SCALE_UP.smoke.bcd83e/0 smoke @cf163f: a hook of the deployment, POST_SCALE_UP
    66.136    * shop/web.POST_SCALE_UP.smoke.bcd83e/0 running
    69.136    * shop/web.POST_SCALE_UP.smoke.bcd83e/0 done container smoke exited with code 0 after 3.0s
    69.136  stop shop/web/1 web @26df21: replaces revision 26df21
    69.136  stop shop/web/0 web @26df21: replaces revision 26df21
    69.136    * shop/web/1 stopping replaces revision 26df21
    69.136    * shop/web/0 stopping replaces revision 26df21
    69.178  remove shop/web/1 web @26df21: replaces revision 26df21
    69.178    * shop/web/1 stopped
    69.178    * shop/web/0 stopped
    69.187    * shop/web steady 2/2 healthy in 9.1s
    ");
    stage.prove_quiet();
}

#[test]
fn a_failed_migration_replaces_nothing_until_something_changes() {
    let mut stage = deployed(BEFORE, "desiredCount: 2");
    stage.engine.set_behaviour(family("migrate"), exits(3, 5));
    stage.change(&shop("web:2", "migrate:1", BEFORE, "desiredCount: 2"));
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    60.000  the manifests change
    60.000  remove shop/web.PRE_SCALE_UP.migrate.26df21/0 migrate @f91cdf: no manifest asks for it
    60.000  create shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @f91cdf: a hook of the deployment, PRE_SCALE_UP
    60.000    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 starting a hook of the deployment, PRE_SCALE_UP
    60.009  start shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @f91cdf: a hook of the deployment, PRE_SCALE_UP
    60.352    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 running
    65.352    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 died container migrate exited with code 3 after 5.0s
    65.352    * shop/web failed the deployment of revision bcd83e: the hook `migrate` (PRE_SCALE_UP) failed: container migrate exited with code 3 after 5.0s; revision 26df21 serves
    65.352    * shop/web steady 2/2 healthy in 5.3s
    ");
    assert_snapshot!(stage.waits(), @r"wait shop/web: the deployment of revision bcd83e failed: the hook `migrate` (PRE_SCALE_UP) failed: container migrate exited with code 3 after 5.0s; revision 26df21 serves");
    stage.kill_reconciler();
    stage.pass(600.0);
    assert_eq!(starts(&stage.read(), "migrate"), 0, "what failed is not tried again");
    // The old revision is kept up all the same.
    let killed = stage.id("shop.web.1");
    stage.engine.kill(&killed);
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    690.000    * shop/web/1 died container web was killed after 11m (exit code 137)
    690.000  create shop/web/1 web @26df21 attempt 2: container web was killed after 11m (exit code 137)
    690.000    * shop/web/1 starting in place of the one that failed
    690.009  start shop/web/1 web @26df21 attempt 2: container web was killed after 11m (exit code 137)
    690.352    * shop/web/1 running
    690.432    * shop/web steady 2/2 healthy in 432ms
    ");
    // The migration is mended.
    stage.engine.set_behaviour(family("migrate"), exits(0, 5));
    stage.change(&shop("web:2", "migrate:2", BEFORE, "desiredCount: 2"));
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    720.000  the manifests change
    720.000  create shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @bd6bf4: a hook of the deployment, PRE_SCALE_UP
    720.000    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 starting a hook of the deployment, PRE_SCALE_UP
    720.009  start shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @bd6bf4: a hook of the deployment, PRE_SCALE_UP
    720.009  remove shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @f91cdf: its successor has taken over
    720.352    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 running
    725.352    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 done container migrate exited with code 0 after 5.0s
    725.352  create shop/web/0 web @bcd83e: replaces revision 26df21
    725.352  create shop/web/1 web @bcd83e: replaces revision 26df21
    725.352    * shop/web/0 starting replaces revision 26df21
    725.352    * shop/web/1 starting replaces revision 26df21
    725.361  start shop/web/0 web @bcd83e: replaces revision 26df21
    725.361  start shop/web/1 web @bcd83e: replaces revision 26df21
    725.704    * shop/web/0 running
    725.704    * shop/web/1 running
    725.784  stop shop/web/1 web @26df21 attempt 2: replaces revision 26df21
    725.784  stop shop/web/0 web @26df21: replaces revision 26df21
    725.784    * shop/web/1 stopping replaces revision 26df21
    725.784    * shop/web/0 stopping replaces revision 26df21
    725.826  remove shop/web/1 web @26df21: replaces revision 26df21
    725.826  remove shop/web/0 web @26df21: replaces revision 26df21
    725.826    * shop/web/1 stopped
    725.826    * shop/web/0 stopped
    725.835    * shop/web steady 2/2 healthy in 5.8s
    ");
    stage.prove_quiet();
}

#[test]
fn a_migration_that_hangs_is_stopped_and_has_failed() {
    let mut stage = deployed(BEFORE, "");
    stage.engine.set_behaviour(family("migrate"), Behaviour::default());
    stage.change(&shop("web:2", "migrate:1", BEFORE, ""));
    stage.pass(120.0);
    assert_snapshot!(stage.read(), @r"
     60.000  the manifests change
     60.000  remove shop/web.PRE_SCALE_UP.migrate.26df21/0 migrate @f91cdf: no manifest asks for it
     60.000  create shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @f91cdf: a hook of the deployment, PRE_SCALE_UP
     60.000    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 starting a hook of the deployment, PRE_SCALE_UP
     60.009  start shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @f91cdf: a hook of the deployment, PRE_SCALE_UP
     60.352    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 running
    120.352  stop shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @f91cdf: its timeout of 60s is over
    120.352    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 stopping its timeout of 60s is over
    120.394    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 stopped
    120.394    * shop/web failed the deployment of revision bcd83e: the hook `migrate` (PRE_SCALE_UP) failed: it had not ended after its timeout of 60s; revision 26df21 serves
    120.394    * shop/web steady 1/1 healthy in 60s
    ");
    assert_snapshot!(stage.waits(), @r"wait shop/web: the deployment of revision bcd83e failed: the hook `migrate` (PRE_SCALE_UP) failed: it had not ended after its timeout of 60s; revision 26df21 serves");
    stage.kill_reconciler();
    stage.pass(600.0);
    assert_eq!(starts(&stage.read(), "migrate"), 0, "what failed is not tried again");
}

#[test]
fn a_reconciler_that_is_killed_goes_on_with_the_hook() {
    for at in [0.05, 0.3, 3.0, 5.45, 5.6, 6.0] {
        let hooks = format!("{BEFORE}, {AFTER}");
        let mut stage = deployed(&hooks, "desiredCount: 2");
        stage.change(&shop("web:2", "migrate:2", &hooks, "desiredCount: 2"));
        stage.pass(at);
        stage.kill_reconciler();
        stage.pass(60.0);
        let record = stage.read();
        assert!(!record.contains(" attempt 2"), "killed after {at} s:\n{record}");
        assert!(starts(&record, "migrate") > 0 && starts(&record, "smoke") > 0, "killed after {at} s:\n{record}");
        stage.prove_quiet();
    }
}

#[test]
fn an_engine_that_restarts_kills_the_hook_and_nothing_is_replaced() {
    let mut stage = deployed(BEFORE, "");
    stage.change(&shop("web:2", "migrate:2", BEFORE, ""));
    stage.pass(3.0);
    let hook = stage.id("shop.web.PRE");
    stage.note("the engine restarts, and kills what takes too long to end");
    stage.engine.kill(&hook);
    stage.engine.restart_engine(false);
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    60.000  the manifests change
    60.000  remove shop/web.PRE_SCALE_UP.migrate.26df21/0 migrate @f91cdf: no manifest asks for it
    60.000  create shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @bd6bf4: a hook of the deployment, PRE_SCALE_UP
    60.000    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 starting a hook of the deployment, PRE_SCALE_UP
    60.009  start shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @bd6bf4: a hook of the deployment, PRE_SCALE_UP
    60.352    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 running
    63.000  the engine restarts, and kills what takes too long to end
    63.000    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 died container migrate was killed after 2.6s (exit code 137)
    63.000    * shop/web/0 died container web exited with code 0 after 57s
    63.000  create shop/web/0 web @26df21 attempt 2: container web exited with code 0 after 57s
    63.000    * shop/web failed the deployment of revision bcd83e: the hook `migrate` (PRE_SCALE_UP) failed: container migrate was killed after 2.6s (exit code 137); revision 26df21 serves
    63.000    * shop/web/0 starting in place of the one that failed
    63.009  start shop/web/0 web @26df21 attempt 2: container web exited with code 0 after 57s
    63.352    * shop/web/0 running
    63.432    * shop/web steady 1/1 healthy in 3.4s
    ");
    let web = stage.container("shop.web.0");
    assert!(matches!(web.phase, Phase::Running { .. }), "the old revision serves again");
}

#[test]
fn an_engine_that_restarts_and_keeps_its_containers_changes_nothing() {
    let hooks = format!("{BEFORE}, {AFTER}");
    let mut stage = deployed(&hooks, "");
    stage.change(&shop("web:2", "migrate:2", &hooks, ""));
    for secs in [3.0, 2.5, 2.0, 30.0] {
        stage.pass(secs);
        stage.engine.restart_engine(true);
    }
    stage.pass(30.0);
    let record = stage.read();
    assert_eq!((starts(&record, "migrate"), starts(&record, "smoke")), (1, 1), "{record}");
    assert!(!record.contains(" attempt 2"), "{record}");
    stage.prove_quiet();
}

#[test]
fn a_change_while_a_hook_runs_ends_it_before_the_next_begins() {
    let mut stage = deployed(BEFORE, "");
    let deaf = Behaviour { stop: Stop::IgnoresTerm, ..Behaviour::default() };
    stage.engine.set_behaviour(family("migrate"), deaf);
    stage.change(&shop("web:2", "migrate:2", BEFORE, ""));
    stage.pass(3.0);
    stage.engine.set_behaviour(family("migrate"), exits(0, 5));
    stage.change(&shop("web:3", "migrate:3", BEFORE, ""));
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    60.000  the manifests change
    60.000  remove shop/web.PRE_SCALE_UP.migrate.26df21/0 migrate @f91cdf: no manifest asks for it
    60.000  create shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @bd6bf4: a hook of the deployment, PRE_SCALE_UP
    60.000    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 starting a hook of the deployment, PRE_SCALE_UP
    60.009  start shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @bd6bf4: a hook of the deployment, PRE_SCALE_UP
    60.352    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 running
    63.000  the manifests change
    63.000  stop shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @bd6bf4: no manifest asks for it
    63.000    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 stopping no manifest asks for it
    65.042  remove shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @bd6bf4: no manifest asks for it
    65.042    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 stopped
    65.042  create shop/web.PRE_SCALE_UP.migrate.a8c8b1/0 migrate @bc6550: a hook of the deployment, PRE_SCALE_UP
    65.042    * shop/web.PRE_SCALE_UP.migrate.a8c8b1/0 starting a hook of the deployment, PRE_SCALE_UP
    65.051  start shop/web.PRE_SCALE_UP.migrate.a8c8b1/0 migrate @bc6550: a hook of the deployment, PRE_SCALE_UP
    65.394    * shop/web.PRE_SCALE_UP.migrate.a8c8b1/0 running
    70.394    * shop/web.PRE_SCALE_UP.migrate.a8c8b1/0 done container migrate exited with code 0 after 5.0s
    70.394  create shop/web/0 web @a8c8b1: replaces revision 26df21
    70.394    * shop/web/0 starting replaces revision 26df21
    70.403  start shop/web/0 web @a8c8b1: replaces revision 26df21
    70.746    * shop/web/0 running
    70.826  stop shop/web/0 web @26df21: replaces revision 26df21
    70.826    * shop/web/0 stopping replaces revision 26df21
    70.868    * shop/web/0 stopped
    70.868    * shop/web steady 1/1 healthy in 10s
    ");
    stage.prove_quiet();
}

#[test]
fn a_task_that_dies_while_the_migration_runs_is_replaced_by_its_like() {
    let mut stage = deployed(BEFORE, "");
    stage.change(&shop("web:2", "migrate:2", BEFORE, ""));
    stage.pass(2.0);
    let killed = stage.id("shop.web.0");
    stage.note("web/0 is killed");
    stage.engine.kill(&killed);
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    60.000  the manifests change
    60.000  remove shop/web.PRE_SCALE_UP.migrate.26df21/0 migrate @f91cdf: no manifest asks for it
    60.000  create shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @bd6bf4: a hook of the deployment, PRE_SCALE_UP
    60.000    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 starting a hook of the deployment, PRE_SCALE_UP
    60.009  start shop/web.PRE_SCALE_UP.migrate.bcd83e/0 migrate @bd6bf4: a hook of the deployment, PRE_SCALE_UP
    60.352    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 running
    62.000  web/0 is killed
    62.000    * shop/web/0 died container web was killed after 56s (exit code 137)
    62.000  create shop/web/0 web @26df21 attempt 2: container web was killed after 56s (exit code 137)
    62.000    * shop/web/0 starting in place of the one that failed
    62.009  start shop/web/0 web @26df21 attempt 2: container web was killed after 56s (exit code 137)
    62.352    * shop/web/0 running
    65.352    * shop/web.PRE_SCALE_UP.migrate.bcd83e/0 done container migrate exited with code 0 after 5.0s
    65.352  create shop/web/0 web @bcd83e: replaces revision 26df21
    65.352    * shop/web/0 starting replaces revision 26df21
    65.361  start shop/web/0 web @bcd83e: replaces revision 26df21
    65.704    * shop/web/0 running
    65.784  stop shop/web/0 web @26df21 attempt 2: replaces revision 26df21
    65.784    * shop/web/0 stopping replaces revision 26df21
    65.826  remove shop/web/0 web @26df21: replaces revision 26df21
    65.826    * shop/web/0 stopped
    65.835    * shop/web steady 1/1 healthy in 5.8s
    ");
    stage.prove_quiet();
}

#[test]
fn a_failed_smoke_test_brings_back_what_was() {
    let mut stage = deployed(AFTER, "desiredCount: 2");
    stage.engine.set_behaviour(family("smoke"), exits(1, 3));
    stage.change(&shop("web:2", "migrate:1", AFTER, "desiredCount: 2"));
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    60.000  the manifests change
    60.000  remove shop/web.POST_SCALE_UP.smoke.26df21/0 smoke @cf163f: no manifest asks for it
    60.000  create shop/web.POST_SCALE_UP.smoke.bcd83e/0 smoke @cf163f: a hook of the deployment, POST_SCALE_UP
    60.000    * shop/web.POST_SCALE_UP.smoke.bcd83e/0 starting a hook of the deployment, POST_SCALE_UP
    60.009  create shop/web/0 web @bcd83e: replaces revision 26df21
    60.009  create shop/web/1 web @bcd83e: replaces revision 26df21
    60.009    * shop/web/0 starting replaces revision 26df21
    60.009    * shop/web/1 starting replaces revision 26df21
    60.018  start shop/web/0 web @bcd83e: replaces revision 26df21
    60.018  start shop/web/1 web @bcd83e: replaces revision 26df21
    60.361    * shop/web/0 running
    60.361    * shop/web/1 running
    60.441  start shop/web.POST_SCALE_UP.smoke.bcd83e/0 smoke @cf163f: a hook of the deployment, POST_SCALE_UP
    60.784    * shop/web.POST_SCALE_UP.smoke.bcd83e/0 running
    63.784    * shop/web.POST_SCALE_UP.smoke.bcd83e/0 died container smoke exited with code 1 after 3.0s
    63.784  stop shop/web/1 web @bcd83e: revision bcd83e failed
    63.784  stop shop/web/0 web @bcd83e: revision bcd83e failed
    63.784    * shop/web failed the deployment of revision bcd83e: the hook `smoke` (POST_SCALE_UP) failed: container smoke exited with code 1 after 3.0s; revision 26df21 serves
    63.784    * shop/web/1 stopping revision bcd83e failed
    63.784    * shop/web/0 stopping revision bcd83e failed
    63.826    * shop/web/1 stopped
    63.826    * shop/web/0 stopped
    63.826    * shop/web steady 2/2 healthy in 3.8s
    ");
    assert_snapshot!(stage.waits(), @r"wait shop/web: the deployment of revision bcd83e failed: the hook `smoke` (POST_SCALE_UP) failed: container smoke exited with code 1 after 3.0s; revision 26df21 serves");
    stage.kill_reconciler();
    stage.pass(600.0);
    let record = stage.read();
    assert_eq!((starts(&record, "smoke"), starts(&record, "web")), (0, 0), "what failed is not tried again:\n{record}");
    // Somebody insists.
    stage.engine.set_behaviour(family("smoke"), exits(0, 3));
    stage.retry(&shop("web:2", "migrate:1", AFTER, "desiredCount: 2"));
    stage.pass(60.0);
    let record = stage.read();
    assert_eq!((starts(&record, "smoke"), starts(&record, "web")), (1, 2), "{record}");
    stage.prove_quiet();
}

#[test]
fn a_failed_smoke_test_brings_back_what_had_to_go_first() {
    let stop_first = "desiredCount: 1";
    let hooks = format!("{AFTER}], minimumHealthyPercent: 0, maximumPercent: 100, x-none: [");
    let mut stage = deployed(&hooks, stop_first);
    stage.engine.set_behaviour(family("smoke"), exits(1, 3));
    stage.change(&shop("web:2", "migrate:1", &hooks, stop_first));
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    60.000  the manifests change
    60.000  remove shop/web.POST_SCALE_UP.smoke.26df21/0 smoke @cf163f: no manifest asks for it
    60.000  create shop/web.POST_SCALE_UP.smoke.bcd83e/0 smoke @cf163f: a hook of the deployment, POST_SCALE_UP
    60.000    * shop/web.POST_SCALE_UP.smoke.bcd83e/0 starting a hook of the deployment, POST_SCALE_UP
    60.009  stop shop/web/0 web @26df21: replaces revision 26df21
    60.009    * shop/web/0 stopping replaces revision 26df21
    60.051  create shop/web/0 web @bcd83e: replaces revision 26df21
    60.051    * shop/web/0 stopped
    60.051    * shop/web/0 starting replaces revision 26df21
    60.060  start shop/web/0 web @bcd83e: replaces revision 26df21
    60.403    * shop/web/0 running
    60.483  start shop/web.POST_SCALE_UP.smoke.bcd83e/0 smoke @cf163f: a hook of the deployment, POST_SCALE_UP
    60.826    * shop/web.POST_SCALE_UP.smoke.bcd83e/0 running
    63.826    * shop/web.POST_SCALE_UP.smoke.bcd83e/0 died container smoke exited with code 1 after 3.0s
    63.826  stop shop/web/0 web @bcd83e: revision bcd83e failed
    63.826    * shop/web failed the deployment of revision bcd83e: the hook `smoke` (POST_SCALE_UP) failed: container smoke exited with code 1 after 3.0s; revision 26df21 serves
    63.826    * shop/web/0 stopping revision bcd83e failed
    63.868  create shop/web/0 web @26df21 attempt 2: revision bcd83e failed
    63.868    * shop/web/0 stopped
    63.868    * shop/web/0 starting revision bcd83e failed
    63.877  start shop/web/0 web @26df21 attempt 2: revision bcd83e failed
    64.220    * shop/web/0 running
    64.300    * shop/web steady 1/1 healthy in 4.3s
    ");
    stage.kill_reconciler();
    stage.pass(600.0);
    let record = stage.read();
    assert_eq!((starts(&record, "smoke"), starts(&record, "web")), (0, 0), "what failed is not tried again:\n{record}");
}

#[test]
fn what_is_no_deployment_runs_no_hook() {
    let hooks = format!("{BEFORE}, {AFTER}");
    let mut stage = deployed(&hooks, "desiredCount: 2");
    stage.change(&shop("web:1", "migrate:1", &hooks, "desiredCount: 4"));
    stage.pass(30.0);
    let killed = stage.id("shop.web.2");
    stage.engine.kill(&killed);
    stage.pass(30.0);
    // Somebody clears away whatever has ended, the tasks of the hooks among it.
    for hook in ["shop.web.PRE", "shop.web.POST"] {
        let id = stage.id(hook);
        stage.engine.remove_by_hand(&id);
    }
    stage.pass(30.0);
    stage.change(&shop("web:1", "migrate:2", &hooks, "desiredCount: 3"));
    stage.pass(60.0);
    let one_more = format!("{hooks}, {{ taskDefinition: migrate, lifecycleStages: [POST_SCALE_UP] }}");
    stage.change(&shop("web:1", "migrate:2", &one_more, "desiredCount: 3"));
    stage.pass(60.0);
    let record = stage.read();
    assert_eq!((starts(&record, "migrate"), starts(&record, "smoke")), (0, 0), "{record}");
    assert_eq!(starts(&record, "web"), 3, "two more, and one that was killed:\n{record}");
    stage.prove_quiet();
}

#[test]
fn a_way_back_in_the_manifests_is_a_deployment_of_its_own() {
    let mut stage = deployed(BEFORE, "");
    stage.change(&shop("web:2", "migrate:1", BEFORE, ""));
    stage.pass(60.0);
    stage.change(&shop("web:1", "migrate:1", BEFORE, ""));
    stage.pass(60.0);
    let record = stage.read();
    assert_eq!((starts(&record, "migrate"), starts(&record, "web")), (2, 2), "{record}");
    stage.prove_quiet();
}

#[test]
fn a_smoke_test_that_changes_afterwards_does_not_run_again() {
    let both = format!("{BEFORE}, {{ taskDefinition: migrate, lifecycleStages: [POST_SCALE_UP] }}");
    let mut stage = deployed(&both, "");
    stage.change(&shop("web:1", "migrate:2", &both, ""));
    stage.pass(60.0);
    let record = stage.read();
    assert_eq!(starts(&record, "migrate"), 0, "{record}");
    stage.prove_quiet();
}
