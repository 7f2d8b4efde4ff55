//! Stories on the simulated engine: manifests, what happens on the host, and every step of the reconciler with its cause and time.
//! Each ends by proving that the host has come to rest.

mod by_hand;
mod checks;
mod deployments;
mod hooks;
mod images;
mod life;
mod once;
mod room;
mod stage;
mod what_if;

use std::time::Duration;

use insta::assert_snapshot;
use reconcile::engine::simulated::{Behaviour, CallKind, Checks, Fault, Image, Run, Start, Subject};
use reconcile::plan::FailureKind;
use reconcile::value::Family;

use stage::Stage;

/// The manifests of a shop with one service, `web`. `container` and `service` are more of their fields.
fn shop(image: &str, container: &str, service: &str) -> String {
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
    - {{ name: web, image: '{image}'{container} }}
---
apiVersion: reconcile/v1
kind: Service
metadata: {{ name: web }}
spec: {{ cluster: shop, taskDefinition: web{service} }}
"
    )
}

const CHECK: &str = ", healthCheck: { command: [CMD, /ok], interval: 5, timeout: 2, retries: 2 }";
const STATIC_PORT: &str = ", portMappings: [{ containerPort: 80, hostPort: 8080 }]";
const STOP_FIRST: &str =
    ", desiredCount: 1, deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100 }";

fn family(name: &str) -> Subject {
    Subject::Family(Family::new(name).expect("a name"))
}

fn image(name: &str) -> Subject {
    Subject::Image(name.to_owned())
}

fn exits(code: i64, after_secs: u64) -> Behaviour {
    Behaviour { run: Run::Exits { code, after: Duration::from_secs(after_secs) }, ..Behaviour::default() }
}

#[test]
fn an_empty_host_becomes_what_the_manifests_say() {
    let mut stage = Stage::new(&shop("web:1", CHECK, ", desiredCount: 2"));
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    0.000  create network of shop: the manifests ask for it
    0.090  create shop/web/0 web @52f445: the slot has no task
    0.090  create shop/web/1 web @52f445: the slot has no task
    0.090    * shop created its network
    0.090    * shop/web/0 starting the slot has no task
    0.090    * shop/web/1 starting the slot has no task
    0.099  start shop/web/0 web @52f445: the slot has no task
    0.099  start shop/web/1 web @52f445: the slot has no task
    0.442    * shop/web/0 running
    0.442    * shop/web/1 running
    5.442    * shop/web/0 healthy
    5.442    * shop/web/1 healthy
    5.442    * shop/web steady 2/2 healthy in 5.4s
    ");
    stage.prove_quiet();
}

#[test]
fn a_change_is_rolled_out_new_before_old() {
    let mut stage = Stage::new(&shop("web:1", CHECK, ", desiredCount: 2"));
    stage.pass(20.0);
    stage.read();
    stage.change(&shop("web:2", CHECK, ", desiredCount: 2"));
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    20.000  the manifests change
    20.000  create shop/web/0 web @1c3963: replaces revision 52f445
    20.000  create shop/web/1 web @1c3963: replaces revision 52f445
    20.000    * shop/web/0 starting replaces revision 52f445
    20.000    * shop/web/1 starting replaces revision 52f445
    20.009  start shop/web/0 web @1c3963: replaces revision 52f445
    20.009  start shop/web/1 web @1c3963: replaces revision 52f445
    20.352    * shop/web/0 running
    20.352    * shop/web/1 running
    25.352    * shop/web/1 healthy
    25.352    * shop/web/0 healthy
    25.352  stop shop/web/1 web @52f445: replaces revision 52f445
    25.352  stop shop/web/0 web @52f445: replaces revision 52f445
    25.352    * shop/web/1 stopping replaces revision 52f445
    25.352    * shop/web/0 stopping replaces revision 52f445
    25.394  remove shop/web/1 web @52f445: replaces revision 52f445
    25.394    * shop/web/1 stopped
    25.394    * shop/web/0 stopped
    25.403    * shop/web steady 2/2 healthy in 5.4s
    ");
    stage.prove_quiet();
}

#[test]
fn a_static_port_is_given_on_only_when_its_holder_is_gone() {
    let mut stage = Stage::new(&shop("web:1", STATIC_PORT, STOP_FIRST));
    stage.pass(20.0);
    stage.read();
    stage.change(&shop("web:2", STATIC_PORT, STOP_FIRST));
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    20.000  the manifests change
    20.000  stop shop/web/0 web @7cd339: replaces revision 7cd339
    20.000    * shop/web/0 stopping replaces revision 7cd339
    20.042  create shop/web/0 web @8f8403: replaces revision 7cd339
    20.042    * shop/web/0 stopped
    20.042    * shop/web/0 starting replaces revision 7cd339
    20.051  start shop/web/0 web @8f8403: replaces revision 7cd339
    20.394    * shop/web/0 running
    20.474    * shop/web steady 1/1 healthy in 474ms
    ");
    stage.prove_quiet();
}

#[test]
fn the_percentages_bound_a_rollout_from_both_sides() {
    let limits = ", desiredCount: 4, deploymentConfiguration: { minimumHealthyPercent: 75, maximumPercent: 125 }";
    let mut stage = Stage::new(&shop("web:1", "", limits));
    stage.pass(20.0);
    stage.read();
    stage.change(&shop("web:2", "", limits));
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    20.000  the manifests change
    20.000  create shop/web/0 web @bcd83e: replaces revision 26df21
    20.000  stop shop/web/1 web @26df21: replaces revision 26df21
    20.000    * shop/web/0 starting replaces revision 26df21
    20.000    * shop/web/1 stopping replaces revision 26df21
    20.009  start shop/web/0 web @bcd83e: replaces revision 26df21
    20.042  create shop/web/1 web @bcd83e: replaces revision 26df21
    20.042    * shop/web/1 stopped
    20.042    * shop/web/1 starting replaces revision 26df21
    20.051  start shop/web/1 web @bcd83e: replaces revision 26df21
    20.352    * shop/web/0 running
    20.394    * shop/web/1 running
    20.432  stop shop/web/2 web @26df21: replaces revision 26df21
    20.432    * shop/web/2 stopping replaces revision 26df21
    20.474  create shop/web/2 web @bcd83e: replaces revision 26df21
    20.474  stop shop/web/3 web @26df21: replaces revision 26df21
    20.474  remove shop/web/2 web @26df21: replaces revision 26df21
    20.474    * shop/web/2 stopped
    20.474    * shop/web/2 starting replaces revision 26df21
    20.474    * shop/web/3 stopping replaces revision 26df21
    20.483  start shop/web/2 web @bcd83e: the slot has no task
    20.516  create shop/web/3 web @bcd83e: replaces revision 26df21
    20.516  remove shop/web/3 web @26df21: replaces revision 26df21
    20.516    * shop/web/3 stopped
    20.516    * shop/web/3 starting replaces revision 26df21
    20.525  start shop/web/3 web @bcd83e: the slot has no task
    20.826    * shop/web/2 running
    20.868    * shop/web/3 running
    20.906  stop shop/web/0 web @26df21: replaces revision 26df21
    20.906    * shop/web/0 stopping replaces revision 26df21
    20.948  remove shop/web/1 web @26df21: replaces revision 26df21
    20.948    * shop/web/0 stopped
    20.957    * shop/web steady 4/4 healthy in 957ms
    ");
    stage.prove_quiet();
}

#[test]
fn a_revision_that_never_is_healthy_replaces_nothing() {
    let mut stage = Stage::new(&shop("web:1", CHECK, ""));
    stage.engine.set_behaviour(image("web:2"), Behaviour { health: Checks::Never, ..Behaviour::default() });
    stage.pass(20.0);
    stage.read();
    stage.change(&shop("web:2", CHECK, ""));
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    20.000  the manifests change
    20.000  create shop/web/0 web @1c3963: replaces revision 52f445
    20.000    * shop/web/0 starting replaces revision 52f445
    20.009  start shop/web/0 web @1c3963: replaces revision 52f445
    20.352    * shop/web/0 running
    30.352    * shop/web/0 unhealthy its health check failed: the check failed
    30.352  stop shop/web/0 web @1c3963: its health check fails: the check failed
    30.352    * shop/web/0 stopping its health check fails: the check failed
    30.394    * shop/web/0 stopped
    30.394  create shop/web/0 web @1c3963 attempt 2: container web was stopped because it was unhealthy: the check failed
    30.394    * shop/web/0 starting in place of the one that failed
    30.403  start shop/web/0 web @1c3963 attempt 2: container web was stopped because it was unhealthy: the check failed
    30.746    * shop/web/0 running
    40.746    * shop/web/0 unhealthy its health check failed: the check failed
    40.746  stop shop/web/0 web @1c3963 attempt 2: its health check fails: the check failed
    40.746    * shop/web/0 stopping its health check fails: the check failed
    40.788    * shop/web/0 stopped
    40.788  create shop/web/0 web @1c3963 attempt 3: container web was stopped because it was unhealthy: the check failed
    40.788    * shop/web/0 starting in place of the one that failed
    40.797  start shop/web/0 web @1c3963 attempt 3: container web was stopped because it was unhealthy: the check failed
    41.140    * shop/web/0 running
    ");
    assert_snapshot!(stage.waits(), @r"wait shop/web/0: the first verdict of its health check");
    // Taken back, it is as if it had never been.
    stage.change(&shop("web:1", CHECK, ""));
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    50.000  the manifests change
    50.000  stop shop/web/0 web @1c3963 attempt 3: replaces revision 1c3963
    50.000  remove shop/web/0 web @1c3963 attempt 2: replaces revision 1c3963
    50.000  remove shop/web/0 web @1c3963: replaces revision 1c3963
    50.000    * shop/web/0 stopping replaces revision 1c3963
    50.042  remove shop/web/0 web @1c3963 attempt 3: replaces revision 1c3963
    50.042    * shop/web/0 stopped
    50.051    * shop/web steady 1/1 healthy in 30s
    ");
    stage.prove_quiet();
}

#[test]
fn a_killed_task_is_replaced_at_once() {
    let mut stage = Stage::new(&shop("web:1", "", ", desiredCount: 2"));
    stage.pass(60.0);
    stage.read();
    let killed = stage.id("shop.web.1");
    stage.note("web/1 is killed");
    stage.engine.kill(&killed);
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    60.000  web/1 is killed
    60.000    * shop/web/1 died container web was killed after 59s (exit code 137)
    60.000  create shop/web/1 web @26df21 attempt 2: container web was killed after 59s (exit code 137)
    60.000    * shop/web/1 starting in place of the one that failed
    60.009  start shop/web/1 web @26df21 attempt 2: container web was killed after 59s (exit code 137)
    60.352    * shop/web/1 running
    60.432    * shop/web steady 2/2 healthy in 432ms
    ");
    stage.prove_quiet();
}

#[test]
fn a_task_that_vanishes_is_noticed_and_replaced() {
    let mut stage = Stage::new(&shop("web:1", "", ""));
    stage.pass(60.0);
    stage.read();
    let removed = stage.id("shop.web.0");
    stage.note("somebody removes web/0");
    stage.engine.remove_by_hand(&removed);
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    60.000  somebody removes web/0
    60.000  create shop/web/0 web @26df21: the slot has no task
    60.000    * shop/web/0 starting the slot has no task
    60.009  start shop/web/0 web @26df21: the slot has no task
    60.352    * shop/web/0 running
    60.432    * shop/web steady 1/1 healthy in 432ms
    ");
    stage.prove_quiet();
}

#[test]
fn an_unhealthy_task_goes_when_its_successor_is_healthy() {
    let mut stage = Stage::new(&shop("web:1", CHECK, ""));
    stage.pass(60.0);
    stage.read();
    let sick = stage.id("shop.web.0");
    stage.note("web/0 falls sick");
    stage.engine.make_unhealthy(&sick);
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    60.000  web/0 falls sick
    60.000    * shop/web/0 unhealthy its health check failed: the check failed
    60.000  create shop/web/0 web @52f445 attempt 2: its health check fails: the check failed
    60.000    * shop/web/0 starting in place of the one that failed
    60.009  start shop/web/0 web @52f445 attempt 2: its health check fails: the check failed
    60.352    * shop/web/0 running
    65.352    * shop/web/0 healthy
    65.352  stop shop/web/0 web @52f445: its successor has taken over
    65.352    * shop/web/0 stopping its successor has taken over
    65.394    * shop/web/0 stopped
    65.394    * shop/web steady 1/1 healthy in 5.3s
    ");
    stage.prove_quiet();
}

#[test]
fn the_grace_period_overlooks_unhealthy_and_never_dead() {
    let grace = ", healthCheckGracePeriodSeconds: 60";
    let mut stage = Stage::new(&shop("web:1", CHECK, grace));
    stage.engine.set_behaviour(family("web"), Behaviour { health: Checks::Never, ..Behaviour::default() });
    stage.pass(30.0);
    assert_snapshot!(stage.waits(), @r"wait shop/web/0: unhealthy, within the grace period");
    stage.engine.set_behaviour(family("web"), Behaviour::default());
    let dead = stage.id("shop.web.0");
    stage.read();
    stage.note("web/0 is killed");
    stage.engine.kill(&dead);
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    30.000  web/0 is killed
    30.000    * shop/web/0 died container web was stopped because it was unhealthy: the check failed
    30.000  create shop/web/0 web @52f445 attempt 2: container web was stopped because it was unhealthy: the check failed
    30.000    * shop/web/0 starting in place of the one that failed
    30.009  start shop/web/0 web @52f445 attempt 2: container web was stopped because it was unhealthy: the check failed
    30.352    * shop/web/0 running
    35.352    * shop/web/0 healthy
    35.352    * shop/web steady 1/1 healthy in 35s
    ");
    stage.prove_quiet();
}

#[test]
fn a_crash_loop_backs_off_across_restarts_of_the_reconciler() {
    let for_ever = ", deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } }";
    let mut stage = Stage::new(&shop("web:1", "", for_ever));
    stage.engine.set_behaviour(family("web"), exits(3, 1));
    stage.pass(5.5);
    stage.kill_reconciler();
    stage.pass(12.0);
    assert_snapshot!(stage.read(), @r"
     0.000  create network of shop: the manifests ask for it
     0.090  create shop/web/0 web @26df21: the slot has no task
     0.090    * shop created its network
     0.090    * shop/web/0 starting the slot has no task
     0.099  start shop/web/0 web @26df21: the slot has no task
     0.442    * shop/web/0 running
     0.522    * shop/web steady 1/1 healthy in 522ms
     1.442    * shop/web/0 died container web exited with code 3 after 1.0s
     1.442    * shop/web/0 waiting failed once; next try in 1.0s
     2.442  create shop/web/0 web @26df21 attempt 2: container web exited with code 3 after 1.0s
     2.442    * shop/web/0 starting in place of the one that failed
     2.451  start shop/web/0 web @26df21 attempt 2: container web exited with code 3 after 1.0s
     2.794    * shop/web/0 running
     3.794    * shop/web/0 died container web exited with code 3 after 1.0s
     3.794    * shop/web/0 waiting failed 2 times in a row; next try in 2.0s
     5.500  the reconciler is killed
     5.500    * shop/web/0 waiting failed 2 times in a row; next try in 294ms
     5.794  create shop/web/0 web @26df21 attempt 3: container web exited with code 3 after 1.0s
     5.794    * shop/web/0 starting in place of the one that failed
     5.803  start shop/web/0 web @26df21 attempt 3: container web exited with code 3 after 1.0s
     6.146    * shop/web/0 running
     7.146    * shop/web/0 died container web exited with code 3 after 1.0s
     7.146    * shop/web/0 waiting failed 3 times in a row; next try in 4.0s
    11.146  create shop/web/0 web @26df21 attempt 4: container web exited with code 3 after 1.0s
    11.146    * shop/web/0 starting in place of the one that failed
    11.155  start shop/web/0 web @26df21 attempt 4: container web exited with code 3 after 1.0s
    11.155  remove shop/web/0 web @26df21: its successor has taken over
    11.498    * shop/web/0 running
    12.498    * shop/web/0 died container web exited with code 3 after 1.0s
    12.498    * shop/web/0 waiting failed 4 times in a row; next try in 8.0s
    ");
    stage.note("the program is mended");
    stage.engine.set_behaviour(family("web"), Behaviour::default());
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    17.500  the program is mended
    20.498  create shop/web/0 web @26df21 attempt 5: container web exited with code 3 after 1.0s
    20.498    * shop/web/0 starting in place of the one that failed
    20.507  start shop/web/0 web @26df21 attempt 5: container web exited with code 3 after 1.0s
    20.507  remove shop/web/0 web @26df21 attempt 2: its successor has taken over
    20.850    * shop/web/0 running
    28.850    * shop/web steady 1/1 healthy in 23s
    ");
    stage.prove_quiet();
}

#[test]
fn scale_in_takes_the_highest_slot_and_scale_out_fills_the_next() {
    let mut stage = Stage::new(&shop("web:1", "", ", desiredCount: 3"));
    stage.pass(60.0);
    stage.read();
    stage.change(&shop("web:1", "", ", desiredCount: 1"));
    stage.pass(20.0);
    stage.change(&shop("web:1", "", ", desiredCount: 2"));
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    60.000  the manifests change
    60.000  stop shop/web/2 web @26df21: the desired count went down
    60.000  stop shop/web/1 web @26df21: the desired count went down
    60.000    * shop/web/2 stopping the desired count went down
    60.000    * shop/web/1 stopping the desired count went down
    60.042  remove shop/web/1 web @26df21: the desired count went down
    60.042  remove shop/web/2 web @26df21: the desired count went down
    60.042    * shop/web/2 stopped
    60.042    * shop/web/1 stopped
    60.051    * shop/web steady 1/1 healthy in 51ms
    80.000  the manifests change
    80.000  create shop/web/1 web @26df21: the slot has no task
    80.000    * shop/web/1 starting the slot has no task
    80.009  start shop/web/1 web @26df21: the slot has no task
    80.352    * shop/web/1 running
    80.432    * shop/web steady 2/2 healthy in 432ms
    ");
    stage.prove_quiet();
}

#[test]
fn what_no_manifest_asks_for_goes_with_its_network() {
    let mut stage = Stage::new(&shop("web:1", "", ""));
    stage.pass(60.0);
    stage.read();
    stage.change("apiVersion: reconcile/v1\nkind: Cluster\nmetadata: { name: other }\n");
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    60.000  the manifests change
    60.000  create network of other: the manifests ask for it
    60.000  stop shop/web/0 web @26df21: no manifest asks for it
    60.000    * shop/web/0 stopping no manifest asks for it
    60.042  remove shop/web/0 web @26df21: no manifest asks for it
    60.042    * shop/web/0 stopped
    60.051  remove network of shop: no manifest asks for it
    60.051    * shop/web deleted no task of it is left
    60.090    * other created its network
    ");
    stage.prove_quiet();
}

#[test]
fn a_missing_image_is_asked_for_again_and_again_and_more_and_more_seldom() {
    let mut stage = Stage::new(&shop("web:1", "", ""));
    stage.engine.set_image("web:1", Image::Missing);
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
     0.000  create network of shop: the manifests ask for it
     0.000  pull web:1: the manifests ask for it
     0.000    * pulling web:1
     0.090    * shop created its network
     5.000    * failed pull web:1: manifest for web:1 not found
     6.000  pull web:1: the manifests ask for it
     6.000    * pulling web:1
    11.000    * failed pull web:1: manifest for web:1 not found
    13.000  pull web:1: the manifests ask for it
    13.000    * pulling web:1
    18.000    * failed pull web:1: manifest for web:1 not found
    ");
    assert_snapshot!(stage.waits(), @r"wait shop/web/0: a pause after 3 failures in a row: manifest for web:1 not found");
    stage.note("the image is there");
    stage.engine.set_image("web:1", Image::Present);
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    20.000  the image is there
    22.000  create shop/web/0 web @26df21: the slot has no task
    22.000    * shop/web/0 starting the slot has no task
    22.009  start shop/web/0 web @26df21: the slot has no task
    22.352    * shop/web/0 running
    22.432    * shop/web steady 1/1 healthy in 22s
    ");
    stage.prove_quiet();
}

#[test]
fn a_program_that_cannot_start_says_why() {
    let mut stage = Stage::new(&shop("web:1", "", ""));
    stage.engine.set_behaviour(family("web"), Behaviour { start: Start::BadCommand, ..Behaviour::default() });
    stage.pass(2.0);
    assert_snapshot!(stage.read(), @r"
    0.000  create network of shop: the manifests ask for it
    0.090  create shop/web/0 web @26df21: the slot has no task
    0.090    * shop created its network
    0.090    * shop/web/0 starting the slot has no task
    0.099  start shop/web/0 web @26df21: the slot has no task
    0.442    * shop/web/0 died container web could not start: OCI runtime create failed: exec: executable file not found in $PATH: unknown
    0.442    * shop/web/0 waiting failed once; next try in 1.0s
    1.442  create shop/web/0 web @26df21 attempt 2: container web could not start: OCI runtime create failed: exec: executable file not found in $PATH: unknown
    1.442    * shop/web/0 starting in place of the one that failed
    1.451  start shop/web/0 web @26df21 attempt 2: container web could not start: OCI runtime create failed: exec: executable file not found in $PATH: unknown
    1.794    * shop/web/0 died container web could not start: OCI runtime create failed: exec: executable file not found in $PATH: unknown
    1.794    * shop/web/0 waiting failed 2 times in a row; next try in 2.0s
    ");
    stage.engine.set_behaviour(family("web"), Behaviour::default());
    stage.pass(30.0);
    stage.prove_quiet();
}

#[test]
fn a_kill_in_the_middle_of_a_rollout_changes_nothing_about_its_end() {
    let mut stage = Stage::new(&shop("web:1", CHECK, ", desiredCount: 2"));
    stage.pass(20.0);
    stage.read();
    stage.change(&shop("web:2", CHECK, ", desiredCount: 2"));
    // One container exists and the other is being created.
    stage.pass(0.2);
    stage.kill_reconciler();
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    20.000  the manifests change
    20.000  create shop/web/0 web @1c3963: replaces revision 52f445
    20.000  create shop/web/1 web @1c3963: replaces revision 52f445
    20.000    * shop/web/0 starting replaces revision 52f445
    20.000    * shop/web/1 starting replaces revision 52f445
    20.009  start shop/web/0 web @1c3963: replaces revision 52f445
    20.009  start shop/web/1 web @1c3963: replaces revision 52f445
    20.200  the reconciler is killed
    20.200  start shop/web/0 web @1c3963: replaces revision 52f445
    20.200  start shop/web/1 web @1c3963: replaces revision 52f445
    20.543    * shop/web/0 running
    20.543    * shop/web/1 running
    25.352    * shop/web/1 healthy
    25.352    * shop/web/0 healthy
    25.352  stop shop/web/1 web @52f445: replaces revision 52f445
    25.352  stop shop/web/0 web @52f445: replaces revision 52f445
    25.352    * shop/web/1 stopping replaces revision 52f445
    25.352    * shop/web/0 stopping replaces revision 52f445
    25.394  remove shop/web/1 web @52f445: replaces revision 52f445
    25.394    * shop/web/1 stopped
    25.394    * shop/web/0 stopped
    25.403    * shop/web steady 2/2 healthy in 5.2s
    ");
    stage.prove_quiet();
}

#[test]
fn a_start_without_an_answer_is_looked_at_and_not_repeated() {
    let mut stage = Stage::new(&shop("web:1", "", ""));
    stage.engine.inject_next(CallKind::StartContainer, Fault::LostAfter);
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    0.000  create network of shop: the manifests ask for it
    0.090  create shop/web/0 web @26df21: the slot has no task
    0.090    * shop created its network
    0.090    * shop/web/0 starting the slot has no task
    0.099  start shop/web/0 web @26df21: the slot has no task
    0.522    * shop/web steady 1/1 healthy in 522ms
    ");
    stage.prove_quiet();
}

#[test]
fn a_create_that_fails_is_tried_again_later() {
    let mut stage = Stage::new(&shop("web:1", "", ""));
    stage.engine.inject_next(CallKind::CreateContainer, Fault::FailBefore(FailureKind::Engine));
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    0.000  create network of shop: the manifests ask for it
    0.090  create shop/web/0 web @26df21: the slot has no task
    0.090    * shop created its network
    0.090    * shop/web/0 starting the slot has no task
    0.099    * shop/web/0 failed create shop/web/0 web @26df21: simulated failure
    1.099  create shop/web/0 web @26df21: the slot has no task
    1.099    * shop/web/0 starting the slot has no task
    1.108  start shop/web/0 web @26df21: the slot has no task
    1.451    * shop/web/0 running
    1.531    * shop/web steady 1/1 healthy in 1.5s
    ");
    stage.prove_quiet();
}

#[test]
fn an_engine_that_was_away_is_looked_at_as_a_whole() {
    let mut stage = Stage::new(&shop("web:1", "", ""));
    stage.pass(60.0);
    stage.read();
    stage.note("the engine is restarted, and every program with it");
    stage.engine.restart_engine(false);
    stage.engine.set_reachable(false);
    stage.pass(4.0);
    stage.note("the engine is back");
    stage.engine.set_reachable(true);
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    60.000  the engine is restarted, and every program with it
    60.000    * lost no answer since 2023-11-14T22:14:20Z: cannot reach the engine at simulated: connection refused; tasks keep running, nothing is decided meanwhile
    64.000  the engine is back
    67.000    * back answers again after 7.0s
    67.000    * shop/web/0 died container web exited with code 0 after 59s
    67.000  create shop/web/0 web @26df21 attempt 2: container web exited with code 0 after 59s
    67.000    * shop/web/0 starting in place of the one that failed
    67.009  start shop/web/0 web @26df21 attempt 2: container web exited with code 0 after 59s
    67.352    * shop/web/0 running
    67.432    * shop/web steady 1/1 healthy in 432ms
    ");
    stage.prove_quiet();
}

#[test]
fn only_the_template_replaces_tasks() {
    let mut stage = Stage::new(&shop("web:1", CHECK, ", desiredCount: 2"));
    stage.pass(60.0);
    stage.read();
    let policy = ", desiredCount: 2, healthCheckGracePeriodSeconds: 30, deploymentConfiguration: { minimumHealthyPercent: 50, maximumPercent: 150 }";
    stage.change(&shop("web:1", CHECK, policy));
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @"60.000  the manifests change");
    stage.prove_quiet();
}
