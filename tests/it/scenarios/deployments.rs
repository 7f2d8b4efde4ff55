//! Stories of deployments that fail: what is given up, what comes back, and that it stays so.

use std::collections::BTreeSet;
use std::time::Duration;

use insta::assert_snapshot;
use reconcile::desired::{PortMapping, Protocol};
use reconcile::engine::simulated::{Behaviour, ByHand, Checks, Simulated, Start, Stop};
use reconcile::observed::Phase;
use reconcile::ownership::RecordedSpec;
use reconcile::value::Timestamp;

use super::stage::{START, Stage, desired};
use super::{CHECK, STATIC_PORT, STOP_FIRST, exits, image, shop};

/// A shop in which `web:1` has been up for a while, and `web:2` does what `behaviour` says as soon as it is asked for.
fn with_bad_second(behaviour: Behaviour, container: &str, service: &str) -> Stage {
    let mut stage = Stage::new(&shop("web:1", container, service));
    stage.pass(30.0);
    stage.read();
    stage.engine.set_behaviour(image("web:2"), behaviour);
    stage.change(&shop("web:2", container, service));
    stage
}

fn never_healthy() -> Behaviour {
    Behaviour { health: Checks::Never, ..Behaviour::default() }
}

fn is_running(phase: &Phase) -> bool {
    matches!(phase, Phase::Running { .. })
}

/// The steps of a record, without what was said about them.
fn steps(record: &str) -> Vec<String> {
    record.lines().filter(|line| !line.contains("  * ")).map(str::to_owned).collect()
}

/// A reconciler that knows nothing looks on for an hour and does nothing, and still says that the deployment has failed.
fn prove_at_rest(mut stage: Stage) {
    let waits = stage.waits();
    assert!(waits.starts_with("wait shop/web: the deployment of revision"), "{waits}");
    assert_eq!(waits.lines().count(), 1, "nothing else is waited for:\n{waits}");
    stage.read();
    stage.kill_reconciler();
    stage.read();
    stage.pass(3600.0);
    assert_eq!(steps(&stage.read()), Vec::<String>::new(), "what was given up is not tried again");
    // What the health check of a running task said is not asked again.
    let without_output = |waits: &str| waits.replace(": the check failed", "");
    assert_eq!(without_output(&stage.waits()), without_output(&waits));
}

#[test]
fn a_change_that_never_gets_healthy_is_rolled_back() {
    let mut stage = with_bad_second(never_healthy(), CHECK, "");
    stage.pass(120.0);
    assert_snapshot!(stage.read(), @r"
    30.000  the manifests change
    30.000  create shop/web/0 web @1c3963: replaces revision 52f445
    30.000    * shop/web/0 starting replaces revision 52f445
    30.009  start shop/web/0 web @1c3963: replaces revision 52f445
    30.352    * shop/web/0 running
    40.352    * shop/web/0 unhealthy its health check failed: the check failed
    40.352  stop shop/web/0 web @1c3963: its health check fails: the check failed
    40.352    * shop/web/0 stopping its health check fails: the check failed
    40.394    * shop/web/0 stopped
    40.394  create shop/web/0 web @1c3963 attempt 2: container web was stopped because it was unhealthy: the check failed
    40.394    * shop/web/0 starting in place of the one that failed
    40.403  start shop/web/0 web @1c3963 attempt 2: container web was stopped because it was unhealthy: the check failed
    40.746    * shop/web/0 running
    50.746    * shop/web/0 unhealthy its health check failed: the check failed
    50.746  stop shop/web/0 web @1c3963 attempt 2: its health check fails: the check failed
    50.746    * shop/web/0 stopping its health check fails: the check failed
    50.788    * shop/web/0 stopped
    50.788  create shop/web/0 web @1c3963 attempt 3: container web was stopped because it was unhealthy: the check failed
    50.788    * shop/web/0 starting in place of the one that failed
    50.797  start shop/web/0 web @1c3963 attempt 3: container web was stopped because it was unhealthy: the check failed
    51.140    * shop/web/0 running
    61.140    * shop/web/0 unhealthy its health check failed: the check failed
    61.140  stop shop/web/0 web @1c3963 attempt 3: revision 1c3963 failed
    61.140  remove shop/web/0 web @1c3963: revision 1c3963 failed
    61.140    * shop/web failed the deployment of revision 1c3963 after 3 failures, the last: its health check fails: the check failed; rolling back to revision 52f445
    61.140    * shop/web/0 stopping revision 1c3963 failed
    61.182  remove shop/web/0 web @1c3963 attempt 2: revision 1c3963 failed
    61.182    * shop/web/0 stopped
    61.191    * shop/web steady 1/1 healthy in 31s
    ");
    prove_at_rest(stage);
}

#[test]
fn a_change_that_stops_the_old_first_comes_back_to_it() {
    let mut stage = with_bad_second(exits(1, 2), "", STOP_FIRST);
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    30.000  the manifests change
    30.000  stop shop/web/0 web @26df21: replaces revision 26df21
    30.000    * shop/web/0 stopping replaces revision 26df21
    30.042  create shop/web/0 web @bcd83e: replaces revision 26df21
    30.042    * shop/web/0 stopped
    30.042    * shop/web/0 starting replaces revision 26df21
    30.051  start shop/web/0 web @bcd83e: replaces revision 26df21
    30.394    * shop/web/0 running
    30.474    * shop/web steady 1/1 healthy in 474ms
    32.394    * shop/web/0 died container web exited with code 1 after 2.0s
    32.394    * shop/web/0 waiting failed once; next try in 1.0s
    33.394  create shop/web/0 web @bcd83e attempt 2: container web exited with code 1 after 2.0s
    33.394    * shop/web/0 starting in place of the one that failed
    33.403  start shop/web/0 web @bcd83e attempt 2: container web exited with code 1 after 2.0s
    33.746    * shop/web/0 running
    34.746    * shop/web steady 1/1 healthy in 2.3s
    35.746    * shop/web/0 died container web exited with code 1 after 2.0s
    35.746    * shop/web/0 waiting failed 2 times in a row; next try in 2.0s
    37.746  create shop/web/0 web @bcd83e attempt 3: container web exited with code 1 after 2.0s
    37.746    * shop/web/0 starting in place of the one that failed
    37.755  start shop/web/0 web @bcd83e attempt 3: container web exited with code 1 after 2.0s
    38.098    * shop/web/0 running
    40.098    * shop/web/0 died container web exited with code 1 after 2.0s
    40.098  create shop/web/0 web @26df21 attempt 2: revision bcd83e failed
    40.098  remove shop/web/0 web @bcd83e attempt 2: revision bcd83e failed
    40.098  remove shop/web/0 web @bcd83e: revision bcd83e failed
    40.098    * shop/web failed the deployment of revision bcd83e after 3 failures, the last: container web exited with code 1 after 2.0s; rolling back to revision 26df21
    40.098    * shop/web/0 starting revision bcd83e failed
    40.107  start shop/web/0 web @26df21 attempt 2: revision bcd83e failed
    40.450    * shop/web/0 running
    40.530    * shop/web steady 1/1 healthy in 4.7s
    ");
    prove_at_rest(stage);
}

#[test]
fn a_change_that_cannot_even_start_is_rolled_back() {
    let mut stage =
        with_bad_second(Behaviour { start: Start::BadCommand, ..Behaviour::default() }, "", ", desiredCount: 2");
    stage.pass(60.0);
    assert_snapshot!(stage.waits(), @r"wait shop/web: the deployment of revision bcd83e failed after 4 failures: container web could not start: OCI runtime create failed: exec: executable file not found in $PATH: unknown; rolled back to revision 26df21");
    prove_at_rest(stage);
}

#[test]
fn half_a_rollout_goes_all_the_way_back() {
    let limits = ", desiredCount: 4, deploymentConfiguration: { minimumHealthyPercent: 75, maximumPercent: 100 }";
    let mut stage = with_bad_second(exits(1, 8), "", limits);
    stage.pass(300.0);
    assert_eq!(stage.engine.observe().containers.values().filter(|one| is_running(&one.phase)).count(), 4);
    prove_at_rest(stage);
}

#[test]
fn a_first_deployment_that_fails_stops_trying_and_keeps_its_evidence() {
    let mut stage = Stage::new(&shop("web:1", "", ""));
    stage.engine.set_behaviour(image("web:1"), exits(1, 2));
    stage.pass(120.0);
    assert_snapshot!(stage.read(), @r"
     0.000  create network of shop: the manifests ask for it
     0.090  create shop/web/0 web @26df21: the slot has no task
     0.090    * shop created its network
     0.090    * shop/web/0 starting the slot has no task
     0.099  start shop/web/0 web @26df21: the slot has no task
     0.442    * shop/web/0 running
     0.522    * shop/web steady 1/1 healthy in 522ms
     2.442    * shop/web/0 died container web exited with code 1 after 2.0s
     2.442    * shop/web/0 waiting failed once; next try in 1.0s
     3.442  create shop/web/0 web @26df21 attempt 2: container web exited with code 1 after 2.0s
     3.442    * shop/web/0 starting in place of the one that failed
     3.451  start shop/web/0 web @26df21 attempt 2: container web exited with code 1 after 2.0s
     3.794    * shop/web/0 running
     4.794    * shop/web steady 1/1 healthy in 2.3s
     5.794    * shop/web/0 died container web exited with code 1 after 2.0s
     5.794    * shop/web/0 waiting failed 2 times in a row; next try in 2.0s
     7.794  create shop/web/0 web @26df21 attempt 3: container web exited with code 1 after 2.0s
     7.794    * shop/web/0 starting in place of the one that failed
     7.803  start shop/web/0 web @26df21 attempt 3: container web exited with code 1 after 2.0s
     8.146    * shop/web/0 running
    10.146    * shop/web/0 died container web exited with code 1 after 2.0s
    10.146    * shop/web failed the deployment of revision 26df21 after 3 failures, the last: container web exited with code 1 after 2.0s; there is nothing to roll back to, and no more tasks are started
    ");
    assert_eq!(stage.engine.observe().containers.len(), 3, "what it left is there to be looked at");
    prove_at_rest(stage);
}

#[test]
fn a_deployment_that_has_completed_is_never_given_up() {
    let mut stage = Stage::new(&shop("web:1", "", ""));
    stage.pass(30.0);
    stage.engine.set_behaviour(image("web:1"), exits(1, 1));
    let id = stage.id("shop.web.0");
    stage.engine.kill(&id);
    stage.pass(300.0);
    assert!(stage.waits().starts_with("wait shop/web/0: a pause after"), "{}", stage.waits());
    stage.kill_reconciler();
    stage.engine.set_behaviour(image("web:1"), Behaviour::default());
    stage.pass(400.0);
    stage.prove_quiet();
}

#[test]
fn what_was_given_up_stays_so_when_the_reconciler_is_killed_half_way() {
    for after in [3.0, 9.0, 14.0, 19.0, 24.0, 30.0, 31.0, 36.0] {
        let mut stage = with_bad_second(exits(1, 3), "", STOP_FIRST);
        stage.pass(after);
        stage.kill_reconciler();
        stage.pass(120.0);
        let running = stage.container("shop.web.0");
        assert!(is_running(&running.phase), "killed after {after} s: the service is back");
        prove_at_rest(stage);
    }
}

#[test]
fn another_change_takes_the_place_of_a_failed_one() {
    let mut stage = with_bad_second(never_healthy(), CHECK, "");
    stage.pass(120.0);
    stage.change(&shop("web:3", CHECK, ""));
    stage.pass(60.0);
    stage.prove_quiet();
}

#[test]
fn the_manifest_may_go_back_too() {
    let mut stage = with_bad_second(never_healthy(), CHECK, "");
    stage.pass(120.0);
    stage.read();
    stage.change(&shop("web:1", CHECK, ""));
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    150.000  the manifests change
    150.000  remove shop/web/0 web @1c3963 attempt 3: replaces revision 1c3963
    150.009    * shop/web steady 1/1 healthy in 9ms
    ");
    stage.prove_quiet();
}

#[test]
fn a_failed_change_is_tried_once_more_on_request() {
    let mut stage = with_bad_second(never_healthy(), CHECK, "");
    stage.pass(120.0);
    stage.read();
    stage.engine.set_behaviour(image("web:2"), Behaviour::default());
    let retry_since: Option<Timestamp> = Some(stage.engine.now());
    let mut wanted = (*desired(&shop("web:2", CHECK, ""))).clone();
    wanted.retry_since = retry_since;
    stage.want(wanted);
    stage.pass(1.0);
    stage.want((*desired(&shop("web:2", CHECK, ""))).clone());
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    150.000  create shop/web/0 web @1c3963 attempt 4: replaces revision 52f445
    150.000    * shop/web/0 starting replaces revision 52f445
    150.009  start shop/web/0 web @1c3963 attempt 4: replaces revision 52f445
    150.352    * shop/web/0 running
    155.352    * shop/web/0 healthy
    155.352  stop shop/web/0 web @52f445: replaces revision 52f445
    155.352    * shop/web/0 stopping replaces revision 52f445
    155.394    * shop/web/0 stopped
    155.394    * shop/web steady 1/1 healthy in 5.3s
    ");
    stage.prove_quiet();
}

#[test]
fn what_is_no_fault_of_a_deployment_does_not_fail_it() {
    // Somebody kills its young tasks again and again.
    let mut stage = Stage::new(&shop("web:1", "", ", desiredCount: 3"));
    for _ in 0..6 {
        stage.pass(4.0);
        for slot in 0..3 {
            let id = stage.id(&format!("shop.web.{slot}"));
            stage.engine.kill(&id);
        }
    }
    stage.pass(120.0);
    stage.prove_quiet();

    // The engine restarts beneath them: all of them end at once, as if by themselves.
    let mut stage = Stage::new(&shop("web:1", "", ", desiredCount: 3"));
    stage.engine.set_behaviour(image("web:1"), exits(0, 2));
    stage.pass(2.6);
    stage.engine.set_behaviour(image("web:1"), Behaviour::default());
    stage.pass(60.0);
    stage.prove_quiet();

    // The engine goes away while it starts them, and once more after that.
    let mut stage = Stage::new(&shop("web:1", "", ", desiredCount: 3"));
    let leaves = Behaviour { start: Start::EngineLeaves, ..Behaviour::default() };
    stage.engine.set_behaviour(image("web:1"), leaves);
    stage.pass(2.6);
    stage.engine.set_behaviour(image("web:1"), Behaviour::default());
    stage.pass(60.0);
    stage.prove_quiet();

    // Something else holds its port for a while.
    let mut stage = Stage::new(&shop("web:1", STATIC_PORT, ""));
    let ports = vec![PortMapping { container_port: 80, host_port: 8080, protocol: Protocol::Tcp }];
    let holder = ByHand { name: "holder".to_owned(), ports, running: true, ..ByHand::default() };
    let holder = stage.engine.add_by_hand(holder).expect("the port is free");
    stage.pass(60.0);
    assert!(stage.waits().contains("a pause after"), "{}", stage.waits());
    stage.engine.remove_by_hand(&holder);
    stage.pass(120.0);
    stage.prove_quiet();
}

#[test]
fn a_reconciler_that_begins_anew_does_not_count_on_what_was_told_to_stop() {
    let service = ", desiredCount: 5, deploymentConfiguration: { minimumHealthyPercent: 75, maximumPercent: 125 }";
    let mut stage = Stage::new(&shop("web:1", "", service));
    stage
        .engine
        .set_behaviour(image("web:1"), Behaviour { stop: Stop::Slow(Duration::from_secs(20)), ..Behaviour::default() });
    stage.pass(30.0);
    // A task that has failed before has to prove itself: it is not the first to go.
    for pause in [2.0, 4.0] {
        let id = stage.id("shop.web.1");
        stage.engine.kill(&id);
        stage.pass(pause);
    }
    stage.read();
    stage.change(&shop("web:2", "", service));
    stage.pass(1.0);
    stage.kill_reconciler();
    stage.pass(15.0);
    let record = stage.read();
    let (before, after) = record.split_once("the reconciler is killed").expect("it was");
    let stops = |record: &str| -> BTreeSet<String> {
        let stops = record.lines().filter_map(|line| line.split_once("  stop "));
        stops.map(|(_, stop)| stop.to_owned()).collect()
    };
    // Those two are on their way out, and of five four have to stay healthy.
    assert_eq!(stops(before).len(), 2, "{record}");
    assert!(stops(after).is_subset(&stops(before)), "{record}");
    stage.pass(300.0);
    stage.prove_quiet();
}

#[test]
fn an_outage_long_after_a_deployment_does_not_fail_it() {
    let mut stage = Stage::new(&shop("web:1", CHECK, ", desiredCount: 2"));
    stage.pass(30.0);
    stage.change(&shop("web:2", CHECK, ", desiredCount: 2"));
    stage.pass(3600.0);
    // What every task asks for is gone: those that run fall sick, and those that begin are never well.
    stage.engine.set_behaviour(image("web:2"), never_healthy());
    for slot in 0..2 {
        let sick = stage.id(&format!("shop.web.{slot}"));
        stage.engine.make_unhealthy(&sick);
    }
    stage.pass(600.0);
    assert!(!stage.waits().contains("failed after"), "{}", stage.waits());
    stage.engine.set_behaviour(image("web:2"), Behaviour::default());
    stage.pass(600.0);
    stage.prove_quiet();
}

#[test]
fn more_tasks_of_a_deployment_that_has_completed_do_not_fail_it() {
    let mut stage = Stage::new(&shop("web:1", "", ""));
    stage.pass(30.0);
    stage.change(&shop("web:2", "", ""));
    stage.pass(30.0);
    stage.engine.set_behaviour(image("web:2"), exits(1, 1));
    stage.change(&shop("web:2", "", ", desiredCount: 3"));
    stage.pass(60.0);
    let waits = stage.waits();
    assert!(waits.contains("wait shop/web/1: a pause after") && !waits.contains("failed after"), "{waits}");
    assert_eq!(stage.container("shop.web.0").identity.task.attempt.0, 1, "what runs is left alone");
    stage.engine.set_behaviour(image("web:2"), Behaviour::default());
    stage.pass(400.0);
    stage.prove_quiet();
}

#[test]
fn without_a_breaker_it_is_tried_for_ever() {
    let off = ", deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } }";
    let mut stage = with_bad_second(never_healthy(), CHECK, off);
    stage.pass(600.0);
    assert!(!stage.waits().contains("the deployment of revision"), "{}", stage.waits());
    stage.engine.set_behaviour(image("web:2"), Behaviour::default());
    stage.pass(400.0);
    stage.prove_quiet();
}

#[test]
fn without_rollback_what_runs_stays_and_no_more_begins() {
    let hold = ", deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false,
        thresholdConfiguration: { type: COUNT, value: 1 } } }";
    let mut stage = with_bad_second(never_healthy(), CHECK, hold);
    stage.pass(120.0);
    assert_snapshot!(stage.read(), @r"
    30.000  the manifests change
    30.000  create shop/web/0 web @1c3963: replaces revision 52f445
    30.000    * shop/web/0 starting replaces revision 52f445
    30.009  start shop/web/0 web @1c3963: replaces revision 52f445
    30.352    * shop/web/0 running
    40.352    * shop/web/0 unhealthy its health check failed: the check failed
    40.352    * shop/web failed the deployment of revision 1c3963 after 1 failure, the last: its health check fails: the check failed; there is nothing to roll back to, and no more tasks are started
    ");
    let old = stage.container("shop.web.0");
    assert!(is_running(&old.phase) && old.identity.task.attempt.0 == 1);
    prove_at_rest(stage);
}

#[test]
fn values_that_no_label_holds_come_back_with_a_rollback() {
    let container = ", environment: [{ name: DB_PASSWORD, value: hunter2 }]";
    let mut stage = with_bad_second(exits(1, 2), container, STOP_FIRST);
    stage.pass(60.0);
    let back = stage.container("shop.web.0");
    assert!(!back.spec.as_ref().is_some_and(|spec| spec.mentions(&["hunter2"])), "no label holds it");
    let environment = stage.engine.environment_of(&back.id);
    assert_eq!(environment.get("DB_PASSWORD").map(String::as_str), Some("hunter2"));
    stage.pass(Duration::from_mins(1).as_secs_f64());
    prove_at_rest(stage);
}

#[test]
fn whoever_has_to_be_ready_for_a_while_replaces_nothing_before() {
    let service = ", deploymentConfiguration: { minReadySeconds: 5 }";
    let mut stage = with_bad_second(exits(1, 2), "", service);
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    30.000  the manifests change
    30.000  create shop/web/0 web @bcd83e: replaces revision 26df21
    30.000    * shop/web/0 starting replaces revision 26df21
    30.009  start shop/web/0 web @bcd83e: replaces revision 26df21
    30.352    * shop/web/0 running
    32.352    * shop/web/0 died container web exited with code 1 after 2.0s
    32.352    * shop/web/0 waiting failed once; next try in 1.0s
    33.352  create shop/web/0 web @bcd83e attempt 2: container web exited with code 1 after 2.0s
    33.352    * shop/web/0 starting in place of the one that failed
    33.361  start shop/web/0 web @bcd83e attempt 2: container web exited with code 1 after 2.0s
    33.704    * shop/web/0 running
    35.704    * shop/web/0 died container web exited with code 1 after 2.0s
    35.704    * shop/web/0 waiting failed 2 times in a row; next try in 2.0s
    37.704  create shop/web/0 web @bcd83e attempt 3: container web exited with code 1 after 2.0s
    37.704    * shop/web/0 starting in place of the one that failed
    37.713  start shop/web/0 web @bcd83e attempt 3: container web exited with code 1 after 2.0s
    38.056    * shop/web/0 running
    40.056    * shop/web/0 died container web exited with code 1 after 2.0s
    40.056  remove shop/web/0 web @bcd83e attempt 2: revision bcd83e failed
    40.056  remove shop/web/0 web @bcd83e: revision bcd83e failed
    40.056    * shop/web failed the deployment of revision bcd83e after 3 failures, the last: container web exited with code 1 after 2.0s; rolling back to revision 26df21
    40.065    * shop/web steady 1/1 healthy in 10s
    ");
    prove_at_rest(stage);
}

#[test]
fn a_killed_deployment_leaves_a_way_back() {
    // A change is killed after its first start, at any moment; then a bad commit comes.
    for millis in [5, 50, 200, 400, 450, 470, 480, 500] {
        let mut stage = Stage::new(&shop("web:1", "", ", desiredCount: 2"));
        stage.pass(60.0);
        stage.change(&shop("web:2", "", ", desiredCount: 2"));
        stage.pass(f64::from(millis) / 1000.0);
        stage.kill_reconciler();
        stage.pass(30.0);
        stage.engine.set_behaviour(image("web:3"), exits(1, 0));
        stage.change(&shop("web:3", "", ", desiredCount: 2"));
        stage.pass(60.0);
        let running = stage.engine.observe().containers.into_values().filter(|one| is_running(&one.phase));
        let specs: Vec<_> = running.filter_map(|one| one.spec).collect();
        let is_second = |spec: &RecordedSpec| spec.mentions(&["web:2"]);
        assert!(specs.len() == 2 && specs.iter().all(is_second), "killed after {millis} ms:\n{}", stage.read());
        prove_at_rest(stage);
    }
}

#[test]
fn what_somebody_kills_does_not_count_against_a_deployment() {
    let mut stage = Stage::new(&shop("web:1", CHECK, ""));
    stage.pass(30.0);
    stage.change(&shop("web:2", CHECK, ""));
    stage.pass(2.0);
    // Twice somebody kills its young task, and once that is sick: of three failures that the breaker allows that is one.
    for pause in [2.0, 4.0] {
        let id = stage.engine.observe().containers.into_values().filter(|one| is_running(&one.phase));
        let young = id.max_by_key(|one| one.created_at).expect("it runs");
        stage.engine.kill(&young.id);
        stage.pass(pause);
    }
    let running = stage.engine.observe().containers.into_values().filter(|one| is_running(&one.phase));
    let young = running.max_by_key(|one| one.created_at).expect("it runs");
    stage.engine.make_unhealthy(&young.id);
    stage.pass(60.0);
    let record = stage.read();
    assert!(!record.contains("  * shop/web failed"), "{record}");
    stage.prove_quiet();
}

/// What a deployment went back to is there for want of anything better, and need not be well itself.
#[test]
fn what_was_gone_back_to_stays_in_force_while_it_is_sick() {
    let service = ", desiredCount: 2";
    let check = ", healthCheck: { command: [CMD, /ok], interval: 5, timeout: 2, retries: 1 }";
    let mut engine = Simulated::new(START);
    let flaps = Behaviour { health: Checks::Flaps(Duration::from_secs(5)), ..Behaviour::default() };
    engine.set_behaviour(image("web:1"), flaps);
    engine.set_behaviour(image("web:2"), Behaviour { start: Start::BadCommand, ..Behaviour::default() });
    let mut stage = Stage::on(engine, &shop("web:1", check, service));
    // One is killed, so that they are well and sick in turn.
    stage.pass(1.3);
    let id = stage.id("shop.web.0");
    stage.engine.kill(&id);
    stage.pass(3.0);
    stage.change(&shop("web:2", check, service));
    stage.pass(600.0);
    assert!(stage.waits().contains("wait shop/web: the deployment of revision"), "{}", stage.waits());
    stage.read();
    stage.pass(1800.0);
    // The longest pause is five minutes.
    let record = stage.read();
    let creates = record.lines().filter(|line| line.contains("create shop/web/0 ")).count();
    assert!((1..=6).contains(&creates), "they are tried again, each time after the longest pause:\n{record}");
    assert!(!record.contains("replaces revision"), "nothing else takes their place:\n{record}");
}
