//! What a dry run says of a fault: a shop that runs, or does not yet, a change, and how it would go.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use insta::assert_snapshot;
use reconcile::event::EventKind;
use reconcile::forecast::what_if::{Fault, ServiceKey, Simulation, simulate};
use reconcile::observed::ObservedState;
use reconcile::value::{ClusterName, ServiceName, Timestamp};

use super::stage::{Stage, desired};
use super::{CHECK, STOP_FIRST, shop};

const CRASH: Fault = Fault::Crash { after: Duration::from_secs(2) };
const BREAKER_OFF: &str = ", deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } }";

fn web() -> ServiceKey {
    let (cluster, service) = (ClusterName::new("shop"), ServiceName::new("web"));
    (cluster.expect("a name"), service.expect("a name"))
}

/// A shop in which `web:1` has been up for a minute.
fn running(container: &str, service: &str) -> ObservedState {
    let mut stage = Stage::new(&shop("web:1", container, service));
    stage.pass(60.0);
    stage.engine.observe()
}

fn empty() -> ObservedState {
    ObservedState { at: Timestamp(1_700_000_000_000), ..ObservedState::default() }
}

fn ask(fault: Fault, observed: &ObservedState, manifests: &str) -> Simulation {
    simulate(&desired(manifests), observed, 4, (fault, &BTreeSet::from([web()])))
}

/// What would be printed.
fn tell(fault: Fault, observed: &ObservedState, manifests: &str) -> String {
    let simulation = ask(fault, observed, manifests);
    let mut text = format!("{}:\n", fault.question(&BTreeSet::from([web()])));
    for event in &simulation.forecast.events {
        if matches!(event.kind, EventKind::TaskStopped | EventKind::TaskRunning) {
            continue;
        }
        let about = event.about.as_ref().map(ToString::to_string).unwrap_or_default();
        let after = event.at.since(observed.at).as_secs_f64();
        writeln!(text, "{after:>8.3} {about} {} {}", event.kind.word(), event.sentence()).expect("a text takes all");
    }
    text.extend(simulation.ends.iter().map(ToString::to_string));
    text
}

/// The last line alone.
fn sum_up(fault: Fault, observed: &ObservedState, manifests: &str) -> String {
    ask(fault, observed, manifests).ends.iter().map(ToString::to_string).collect()
}

const TWO: &str = ", desiredCount: 2";

#[test]
fn never_healthy_beside_the_old() {
    let told = tell(Fault::NeverHealthy, &running(CHECK, TWO), &shop("web:2", CHECK, TWO));
    assert_snapshot!(told, @r"
    If shop/web never becomes healthy:
       0.000 shop/web/0 starting replaces revision 52f445
       0.000 shop/web/1 starting replaces revision 52f445
      10.352 shop/web/1 unhealthy its health check failed: the check failed
      10.352 shop/web/0 unhealthy its health check failed: the check failed
      10.352 shop/web/0 stopping its health check fails: the check failed
      10.352 shop/web/1 stopping its health check fails: the check failed
      10.519 shop/web/0 starting in place of the one that failed
      10.519 shop/web/1 starting in place of the one that failed
      20.871 shop/web/1 unhealthy its health check failed: the check failed
      20.871 shop/web/0 unhealthy its health check failed: the check failed
      20.871 shop/web failed the deployment of revision 1c3963 after 4 failures, the last: its health check fails: the check failed; rolling back to revision 52f445
      20.871 shop/web/1 stopping revision 1c3963 failed
      20.871 shop/web/0 stopping revision 1c3963 failed
      21.047 shop/web steady 2/2 healthy in 21s
    shop/web: given up after 4 failures at 20s; never fewer than 2 of 2 healthy; back on web@52f445 at 21s
    ");
}

#[test]
fn crashing_in_the_place_of_the_old() {
    assert_snapshot!(tell(CRASH, &running("", STOP_FIRST), &shop("web:2", "", STOP_FIRST)), @r"
    If shop/web crashes 2s after its start:
       0.000 shop/web/0 stopping replaces revision 26df21
       0.167 shop/web/0 starting replaces revision 26df21
       0.599 shop/web steady 1/1 healthy in 599ms
       2.519 shop/web/0 died container web exited with code 1 after 2.0s
       2.519 shop/web/0 waiting failed once; next try in 1.0s
       3.519 shop/web/0 starting in place of the one that failed
       4.871 shop/web steady 1/1 healthy in 2.3s
       5.871 shop/web/0 died container web exited with code 1 after 2.0s
       5.871 shop/web/0 waiting failed 2 times in a row; next try in 2.0s
       7.871 shop/web/0 starting in place of the one that failed
      10.223 shop/web/0 died container web exited with code 1 after 2.0s
      10.223 shop/web failed the deployment of revision bcd83e after 3 failures, the last: container web exited with code 1 after 2.0s; rolling back to revision 26df21
      10.223 shop/web/0 starting revision bcd83e failed
      10.655 shop/web steady 1/1 healthy in 4.7s
    shop/web: given up after 3 failures at 10s; down to 0 of 1 healthy on the way; back on web@26df21 at 10s
    ");
}

#[test]
fn slow_beside_the_old() {
    let slow = |seconds| Fault::Slow { by: Duration::from_secs(seconds) };
    let (observed, wanted) = (running(CHECK, TWO), shop("web:2", CHECK, TWO));
    assert_snapshot!(tell(slow(7), &observed, &wanted), @r"
    If shop/web takes 7s to become healthy:
       0.000 shop/web/0 starting replaces revision 52f445
       0.000 shop/web/1 starting replaces revision 52f445
      10.352 shop/web/1 healthy 
      10.352 shop/web/0 healthy 
      10.352 shop/web/1 stopping replaces revision 52f445
      10.352 shop/web/0 stopping replaces revision 52f445
      10.528 shop/web steady 2/2 healthy in 10s
    shop/web: comes up at 10s; never fewer than 2 of 2 healthy
    ");
    assert_snapshot!(sum_up(slow(30), &observed, &wanted), @"shop/web: given up after 4 failures at 20s; never fewer than 2 of 2 healthy; back on web@52f445 at 21s");
}

#[test]
fn a_first_deployment() {
    assert_snapshot!(tell(CRASH, &empty(), &shop("web:1", "", "")), @r"
    If shop/web crashes 2s after its start:
       0.090 shop created its network
       0.090 shop/web/0 starting the slot has no task
       0.522 shop/web steady 1/1 healthy in 522ms
       2.442 shop/web/0 died container web exited with code 1 after 2.0s
       2.442 shop/web/0 waiting failed once; next try in 1.0s
       3.442 shop/web/0 starting in place of the one that failed
       4.794 shop/web steady 1/1 healthy in 2.3s
       5.794 shop/web/0 died container web exited with code 1 after 2.0s
       5.794 shop/web/0 waiting failed 2 times in a row; next try in 2.0s
       7.794 shop/web/0 starting in place of the one that failed
      10.146 shop/web/0 died container web exited with code 1 after 2.0s
      10.146 shop/web failed the deployment of revision 26df21 after 3 failures, the last: container web exited with code 1 after 2.0s; there is nothing to roll back to, and no more tasks are started
    shop/web: given up after 3 failures at 10s; none was healthy before; it stops trying and nothing is rolled back: 0 of 1 healthy
    ");
    assert_snapshot!(sum_up(Fault::NeverHealthy, &empty(), &shop("web:1", CHECK, TWO)), @"shop/web: given up after 4 failures at 20s; none was healthy before; it stops trying and nothing is rolled back: 0 of 2 healthy");
    assert_snapshot!(sum_up(Fault::Slow { by: Duration::from_secs(7) }, &empty(), &shop("web:1", CHECK, TWO)), @"shop/web: comes up at 10s; none was healthy before");
}

#[test]
fn without_a_breaker_it_ends_at_the_limit() {
    let (observed, wanted) = (running(CHECK, BREAKER_OFF), shop("web:2", CHECK, BREAKER_OFF));
    assert_snapshot!(sum_up(Fault::NeverHealthy, &observed, &wanted), @"shop/web: never given up; 20 failures within 60m, where the simulation ends; never fewer than 1 of 1 healthy");
    let crashing = ask(CRASH, &observed, &wanted);
    assert!(!crashing.is_at_rest() && !crashing.forecast.exhausted);
    assert_snapshot!(crashing.ends[0], @"shop/web: never given up; 20 failures within 60m, where the simulation ends; never fewer than 1 of 1 healthy");
    let slow = Fault::Slow { by: Duration::from_hours(2) };
    assert_snapshot!(sum_up(slow, &observed, &wanted), @"shop/web: never given up; 20 failures within 60m, where the simulation ends; never fewer than 1 of 1 healthy");
}

#[test]
fn a_breaker_with_patience_is_told_to_its_end() {
    let patient = ", deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true,
        thresholdConfiguration: { type: COUNT, value: 9 } } }";
    assert_snapshot!(sum_up(CRASH, &running("", patient), &shop("web:2", "", patient)), @"shop/web: given up after 9 failures at 4m; down to 0 of 1 healthy on the way; back on web@26df21 at 4m");
}

#[test]
fn without_rollback_it_stops_trying() {
    let hold = ", deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } }";
    assert_snapshot!(sum_up(Fault::NeverHealthy, &running(CHECK, hold), &shop("web:2", CHECK, hold)), @"shop/web: given up after 3 failures at 31s; never fewer than 1 of 1 healthy; it stops trying and nothing is rolled back: 1 of 1 healthy");
}

#[test]
fn a_crash_long_after_the_deployment_is_no_failure_of_it() {
    let late = Fault::Crash { after: Duration::from_mins(20) };
    assert_snapshot!(sum_up(late, &running("", TWO), &shop("web:2", "", TWO)), @"shop/web: never given up; 4 failures within 60m, where the simulation ends; down to 0 of 2 healthy on the way");
    let later = Fault::Crash { after: Duration::from_hours(2) };
    assert_snapshot!(sum_up(later, &running("", TWO), &shop("web:2", "", TWO)), @"shop/web: comes up at 608ms; never fewer than 2 of 2 healthy; nothing fails within 60m, where the simulation ends");
}

#[test]
fn only_the_new_task_of_a_larger_service_is_hit() {
    let (observed, wanted) = (running(CHECK, TWO), shop("web:1", CHECK, ", desiredCount: 3"));
    assert_snapshot!(sum_up(Fault::NeverHealthy, &observed, &wanted), @r"shop/web: never given up; 20 failures within 60m, where the simulation ends; never fewer than 2 of 3 healthy");
}

#[test]
fn another_service_with_the_same_tasks_is_not_hit() {
    let other = "---\napiVersion: reconcile/v1\nkind: Service\nmetadata: { name: twin }\nspec: { cluster: shop, taskDefinition: web }\n";
    let told = tell(Fault::NeverHealthy, &empty(), &(shop("web:1", CHECK, "") + other));
    assert!(told.contains("shop/twin/0 healthy") && !told.contains("shop/twin/0 unhealthy"), "{told}");
    assert!(!told.contains("shop/web/0 healthy"), "{told}");
}
