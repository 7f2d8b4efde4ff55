//! Checks over the network, which the reconciler makes itself.

use insta::assert_snapshot;
use reconcile::engine::simulated::{Behaviour, Checks};

use super::stage::Stage;
use super::{image, shop};

const CHECK: &str = ", healthCheck: { httpGet: { path: /health, port: 80 }, interval: 5, timeout: 2, retries: 2 }";
const READY: &str = ", readinessCheck: { tcpSocket: { port: 80 }, interval: 5, timeout: 2, retries: 2 }";

fn health(health: Checks) -> Behaviour {
    Behaviour { health, ..Behaviour::default() }
}

fn readiness(readiness: Checks) -> Behaviour {
    Behaviour { readiness, ..Behaviour::default() }
}

#[test]
fn a_task_is_healthy_as_soon_as_it_answers() {
    let mut stage = Stage::new(&shop("web:1", CHECK, ", desiredCount: 2"));
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
    0.000  create network of shop: the manifests ask for it
    0.090  create shop/web/0 web @c91c9b: the slot has no task
    0.090  create shop/web/1 web @c91c9b: the slot has no task
    0.090    * shop created its network
    0.090    * shop/web/0 starting the slot has no task
    0.090    * shop/web/1 starting the slot has no task
    0.099  start shop/web/0 web @c91c9b: the slot has no task
    0.099  start shop/web/1 web @c91c9b: the slot has no task
    0.442    * shop/web/0 running
    0.442    * shop/web/1 running
    0.462    * shop/web/0 healthy
    0.462    * shop/web/1 healthy
    0.462    * shop/web steady 2/2 healthy in 462ms
    ");
    stage.prove_quiet();
}

#[test]
fn a_task_that_answers_badly_is_replaced() {
    let mut stage = Stage::new(&shop("web:1", CHECK, ", desiredCount: 1"));
    stage.pass(60.0);
    stage.read();
    let sick = stage.id("shop.web.0");
    stage.engine.make_unhealthy(&sick);
    stage.note("it answers 503 from now on");
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    60.000  it answers 503 from now on
    70.000  create shop/web/0 web @c91c9b attempt 2: its health check fails: the check failed
    70.000    * shop/web/0 unhealthy its health check failed: the check failed
    70.000    * shop/web/0 starting in place of the one that failed
    70.009  start shop/web/0 web @c91c9b attempt 2: its health check fails: the check failed
    70.352    * shop/web/0 running
    70.372  stop shop/web/0 web @c91c9b: its successor has taken over
    70.372    * shop/web/0 healthy
    70.372    * shop/web/0 stopping its successor has taken over
    70.414    * shop/web/0 stopped
    70.414    * shop/web steady 1/1 healthy in 414ms
    ");
    stage.prove_quiet();
}

#[test]
fn a_task_that_never_answers_backs_off() {
    let mut stage = Stage::new(&shop("web:1", CHECK, ", desiredCount: 1"));
    stage.engine.set_behaviour(image("web:1"), health(Checks::Never));
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
     0.000  create network of shop: the manifests ask for it
     0.090  create shop/web/0 web @c91c9b: the slot has no task
     0.090    * shop created its network
     0.090    * shop/web/0 starting the slot has no task
     0.099  start shop/web/0 web @c91c9b: the slot has no task
     0.442    * shop/web/0 running
    10.442  create shop/web/0 web @c91c9b attempt 2: its health check fails: the check failed
    10.442    * shop/web/0 unhealthy its health check failed: the check failed
    10.442    * shop/web/0 starting in place of the one that failed
    10.451  start shop/web/0 web @c91c9b attempt 2: its health check fails: the check failed
    10.794    * shop/web/0 running
    20.794  stop shop/web/0 web @c91c9b: its health check fails: the check failed
    20.794    * shop/web/0 unhealthy its health check failed: the check failed
    20.794    * shop/web/0 stopping its health check fails: the check failed
    20.836  create shop/web/0 web @c91c9b attempt 3: its health check fails: the check failed
    20.836    * shop/web/0 stopped
    20.836    * shop/web/0 starting in place of the one that failed
    20.845  start shop/web/0 web @c91c9b attempt 3: its health check fails: the check failed
    21.188    * shop/web/0 running
    31.188    * shop/web/0 unhealthy its health check failed: the check failed
    31.188    * shop/web failed the deployment of revision c91c9b after 3 failures, the last: its health check fails: the check failed; there is nothing to roll back to, and no more tasks are started
    ");
}

#[test]
fn failures_in_the_grace_period_replace_nothing() {
    let service = ", desiredCount: 1, healthCheckGracePeriodSeconds: 60";
    let mut stage = Stage::new(&shop("web:1", CHECK, service));
    stage.pass(25.0);
    let sick = stage.id("shop.web.0");
    stage.engine.make_unhealthy(&sick);
    stage.pass(20.0);
    stage.read();
    assert_eq!(stage.waits(), "wait shop/web/0: unhealthy, within the grace period");
    stage.engine.make_well(&sick);
    stage.pass(30.0);
    assert_eq!(stage.id("shop.web.0"), sick, "it is the same task");
    stage.prove_quiet();
}

#[test]
fn a_rollout_waits_until_the_new_tasks_are_ready() {
    let service = ", desiredCount: 1";
    let mut stage = Stage::new(&shop("web:1", READY, service));
    stage.pass(20.0);
    stage.read();
    stage.engine.set_behaviour(image("web:2"), readiness(Checks::Never));
    stage.change(&shop("web:2", READY, service));
    stage.pass(600.0);
    assert_snapshot!(stage.read(), @r"
    20.000  the manifests change
    20.000  create shop/web/0 web @86cba4: replaces revision d4e044
    20.000    * shop/web/0 starting replaces revision d4e044
    20.009  start shop/web/0 web @86cba4: replaces revision d4e044
    20.352    * shop/web/0 running
    30.352    * shop/web/0 not ready its readiness check failed: the check failed
    ");
    assert_snapshot!(stage.waits(), @"wait shop/web/0: its readiness check: the check failed");
}

#[test]
fn a_task_that_is_not_ready_is_not_replaced() {
    let mut stage = Stage::new(&shop("web:1", READY, ", desiredCount: 1"));
    stage.pass(20.0);
    stage.read();
    let task = stage.id("shop.web.0");
    stage.engine.make_unready(&task);
    stage.note("it has lost its database");
    stage.pass(3600.0);
    stage.engine.make_ready(&task);
    stage.note("it has found it again");
    stage.pass(20.0);
    assert_snapshot!(stage.read(), @r"
      20.000  it has lost its database
      30.000    * shop/web/0 not ready its readiness check failed: the check failed
    3620.000  it has found it again
    3625.000    * shop/web/0 ready
    3625.000    * shop/web steady 1/1 healthy in 59m
    ");
    assert_eq!(stage.id("shop.web.0"), task);
    stage.prove_quiet();
}

#[test]
fn a_reconciler_that_has_just_begun_ends_nothing_that_it_has_not_asked() {
    let service = ", desiredCount: 2, deploymentConfiguration: { minimumHealthyPercent: 100, maximumPercent: 150 }";
    let mut stage = Stage::new(&shop("web:1", CHECK, service));
    stage.pass(60.0);
    stage.read();
    stage.kill_reconciler();
    // Whatever the new one does first, it does before any answer is there.
    stage.change(&shop("web:2", CHECK, service));
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    60.000  the reconciler is killed
    60.000  the manifests change
    60.000  create shop/web/0 web @949269: replaces revision c91c9b
    60.000    * shop/web/0 starting replaces revision c91c9b
    60.009  start shop/web/0 web @949269: replaces revision c91c9b
    60.352    * shop/web/0 running
    60.372  stop shop/web/1 web @c91c9b: replaces revision c91c9b
    60.372    * shop/web/0 healthy
    60.372    * shop/web/1 stopping replaces revision c91c9b
    60.414  create shop/web/1 web @949269: replaces revision c91c9b
    60.414    * shop/web/1 stopped
    60.414    * shop/web/1 starting replaces revision c91c9b
    60.423  start shop/web/1 web @949269: replaces revision c91c9b
    60.766    * shop/web/1 running
    60.786  stop shop/web/0 web @c91c9b: replaces revision c91c9b
    60.786    * shop/web/1 healthy
    60.786    * shop/web/0 stopping replaces revision c91c9b
    60.828  remove shop/web/0 web @c91c9b: replaces revision c91c9b
    60.828    * shop/web/0 stopped
    60.837    * shop/web steady 2/2 healthy in 837ms
    ");
    stage.prove_quiet();
}

#[test]
fn what_is_sick_when_the_reconciler_begins_has_all_its_tries_before_it_is_replaced() {
    let mut stage = Stage::new(&shop("web:1", CHECK, ", desiredCount: 1"));
    stage.pass(60.0);
    stage.read();
    let sick = stage.id("shop.web.0");
    stage.engine.make_unhealthy(&sick);
    stage.kill_reconciler();
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    60.000  the reconciler is killed
    65.000  create shop/web/0 web @c91c9b attempt 2: its health check fails: the check failed
    65.000    * shop/web/0 unhealthy its health check failed: the check failed
    65.000    * shop/web/0 starting in place of the one that failed
    65.009  start shop/web/0 web @c91c9b attempt 2: its health check fails: the check failed
    65.352    * shop/web/0 running
    65.372  stop shop/web/0 web @c91c9b: its successor has taken over
    65.372    * shop/web/0 healthy
    65.372    * shop/web/0 stopping its successor has taken over
    65.414    * shop/web/0 stopped
    65.414    * shop/web steady 1/1 healthy in 5.4s
    ");
    stage.prove_quiet();
}

#[test]
fn a_container_that_waits_for_another_to_be_healthy_does_not_wait_for_it_to_be_ready() {
    let manifests = r"
apiVersion: reconcile/v1
kind: Cluster
metadata: { name: shop }
---
apiVersion: reconcile/v1
kind: TaskDefinition
metadata: { name: web }
spec:
  containerDefinitions:
    - name: db
      image: 'db:1'
      healthCheck: { tcpSocket: { port: 5432 }, interval: 5 }
      readinessCheck: { tcpSocket: { port: 5433 }, interval: 5 }
    - name: web
      image: 'web:1'
      dependsOn: [{ containerName: db, condition: HEALTHY }]
---
apiVersion: reconcile/v1
kind: Service
metadata: { name: web }
spec: { cluster: shop, taskDefinition: web, desiredCount: 1 }
";
    let mut stage = Stage::new(manifests);
    let slow = readiness(Checks::Never);
    stage.engine.set_behaviour(image("db:1"), slow);
    stage.pass(10.0);
    let record = stage.read();
    assert!(record.contains("start shop/web/0 web"), "{record}");
    assert_eq!(stage.waits(), "wait shop/web/0: its readiness check: the check failed");
}
