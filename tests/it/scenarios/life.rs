//! The life of a task: what its containers wait for, what becomes of those that wait in vain, who is started again, who stops first.
//! The cases are those of the ECS agent's own tests (`ordering_integ_test.go`).

use std::time::Duration;

use insta::assert_snapshot;
use reconcile::engine::simulated::{Behaviour, Checks, Run, Start, Stop};

use super::stage::Stage;
use super::{exits, image};

/// A service `web` of one task with these containers, each in the fields of its definition. An image is called like its container.
fn task(containers: &[&str]) -> String {
    task_of(1, containers)
}

fn task_of(count: u32, containers: &[&str]) -> String {
    let containers = containers.iter().map(|fields| {
        let name = fields.split(',').next().unwrap_or_default();
        let fields = fields.strip_prefix(name).unwrap_or_default();
        format!("    - {{ name: {name}, image: '{name}:1'{fields} }}\n")
    });
    let containers: String = containers.collect();
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
{containers}
---
apiVersion: reconcile/v1
kind: Service
metadata: {{ name: web }}
spec: {{ cluster: shop, taskDefinition: web, desiredCount: {count} }}
"
    )
}

/// A container that waits for `on`.
fn waits(name: &str, on: &str, condition: &str) -> String {
    format!("{name}, dependsOn: [{{ containerName: {on}, condition: {condition} }}]")
}

const CHECK: &str = ", healthCheck: { command: [CMD, /ok], interval: 5, timeout: 2, retries: 2 }";

/// The record without what is the same in every story: the network, the creation, the hash of the revision.
fn read(stage: &mut Stage) -> String {
    let text = stage.read();
    let lines = text.lines().filter(|line| !line.contains(" create ") && !line.contains("network"));
    let words = lines.map(|line| line.split(' ').filter(|word| !word.starts_with('@')).collect::<Vec<_>>().join(" "));
    words.collect::<Vec<_>>().join("\n")
}

/// `TestDependencyStart`, in a chain.
#[test]
fn a_chain_of_starts_goes_one_after_the_other() {
    let mut stage = Stage::new(&task(&[&waits("c", "b", "START"), &waits("b", "a", "START"), "a"]));
    stage.pass(5.0);
    assert_snapshot!(read(&mut stage), @r"
    0.090    * shop/web/0 starting the slot has no task
    0.099  start shop/web/0 a the slot has no task
    0.442  start shop/web/0 b the slot has no task
    0.785  start shop/web/0 c the slot has no task
    1.128    * shop/web/0 running
    1.208    * shop/web steady 1/1 healthy in 1.2s
    ");
    stage.prove_quiet();
}

/// `TestDependencyStart`: what has run and ended did start.
#[test]
fn what_has_ended_did_start() {
    let mut stage = Stage::new(&task(&[&waits("web", "init", "START"), "init, essential: false"]));
    stage.engine.set_behaviour(image("init:1"), exits(7, 0));
    stage.pass(5.0);
    assert_snapshot!(read(&mut stage), @r"
    0.090    * shop/web/0 starting the slot has no task
    0.099  start shop/web/0 init the slot has no task
    0.442  start shop/web/0 web the slot has no task
    0.785    * shop/web/0 running
    0.865    * shop/web steady 1/1 healthy in 865ms
    ");
    stage.prove_quiet();
}

/// `TestDependencyComplete`.
#[test]
fn complete_waits_for_the_end_whatever_it_is() {
    let mut stage = Stage::new(&task(&[&waits("web", "init", "COMPLETE"), "init, essential: false"]));
    stage.engine.set_behaviour(image("init:1"), exits(3, 4));
    stage.pass(2.0);
    assert_snapshot!(stage.waits(), @r"wait shop/web/0: web waits for init to end");
    stage.pass(5.0);
    assert_snapshot!(read(&mut stage), @r"
    0.090    * shop/web/0 starting the slot has no task
    0.099  start shop/web/0 init the slot has no task
    4.442  start shop/web/0 web the slot has no task
    4.785    * shop/web/0 running
    4.865    * shop/web steady 1/1 healthy in 4.8s
    ");
    stage.prove_quiet();
}

/// `TestDependencySuccess`, across a restart of the reconciler.
#[test]
fn success_waits_for_exit_code_0() {
    let mut stage = Stage::new(&task(&[&waits("web", "init", "SUCCESS"), "init, essential: false"]));
    stage.engine.set_behaviour(image("init:1"), exits(0, 4));
    stage.pass(2.0);
    assert_snapshot!(stage.waits(), @r"wait shop/web/0: web waits for init to succeed");
    stage.kill_reconciler();
    stage.pass(5.0);
    assert_snapshot!(read(&mut stage), @r"
    0.090    * shop/web/0 starting the slot has no task
    0.099  start shop/web/0 init the slot has no task
    2.000  the reconciler is killed
    4.442  start shop/web/0 web the slot has no task
    4.785    * shop/web/0 running
    4.865    * shop/web steady 1/1 healthy in 2.8s
    ");
    stage.prove_quiet();
}

/// `TestDependencySuccessErrored`: the task fails to start, and the next try comes after the usual pause.
#[test]
fn an_init_container_that_fails_fails_the_task() {
    let mut stage = Stage::new(&task(&[&waits("web", "init", "SUCCESS"), "init, essential: false"]));
    stage.engine.set_behaviour(image("init:1"), exits(1, 1));
    stage.pass(3.0);
    assert_snapshot!(read(&mut stage), @r"
    0.090    * shop/web/0 starting the slot has no task
    0.099  start shop/web/0 init the slot has no task
    1.442  remove shop/web/0 web container web was never started: it waits for init to succeed, and container init exited with code 1 after 1.0s
    1.442    * shop/web/0 waiting failed once; next try in 1.0s
    1.442    * shop/web/0 died container web was never started: it waits for init to succeed, and container init exited with code 1 after 1.0s
    2.442    * shop/web/0 starting in place of the one that failed
    2.451  start shop/web/0 init attempt 2: container web was never started: it waits for init to succeed, and container init exited with code 1 after 1.0s
    ");
    // The third try finds its database.
    stage.engine.set_behaviour(image("init:1"), exits(0, 1));
    stage.pass(30.0);
    assert_snapshot!(read(&mut stage), @r"
    3.794  remove shop/web/0 web attempt 2: container web was never started: it waits for init to succeed, and container init exited with code 1 after 1.0s
    3.794    * shop/web/0 waiting failed 2 times in a row; next try in 2.0s
    3.794    * shop/web/0 died container web was never started: it waits for init to succeed, and container init exited with code 1 after 1.0s
    5.794    * shop/web/0 starting in place of the one that failed
    5.803  start shop/web/0 init attempt 3: container web was never started: it waits for init to succeed, and container init exited with code 1 after 1.0s
    7.146  start shop/web/0 web attempt 3: container web was never started: it waits for init to succeed, and container init exited with code 1 after 1.0s
    7.489    * shop/web/0 running
    9.489    * shop/web steady 1/1 healthy in 9.4s
    ");
    stage.prove_quiet();
}

/// `TestDependencySuccessTimeout`: whoever waits is given up, and what it waited for is stopped with the task.
#[test]
fn success_that_takes_too_long_never_comes() {
    let mut stage = Stage::new(&task(&[
        &waits("web", "init", "SUCCESS"),
        "init, essential: false, startTimeout: 5, stopTimeout: 3",
    ]));
    let slow = Behaviour { stop: Stop::IgnoresTerm, ..exits(0, 60) };
    stage.engine.set_behaviour(image("init:1"), slow);
    stage.pass(3.0);
    assert_snapshot!(stage.waits(), @r"wait shop/web/0: web waits for init to succeed");
    stage.pass(7.0);
    assert_snapshot!(read(&mut stage), @r"
    0.090    * shop/web/0 starting the slot has no task
    0.099  start shop/web/0 init the slot has no task
    5.442  stop shop/web/0 init container web was never started: it waits for init to succeed, and the startTimeout of init, 5.0s, ran out first
    5.442    * shop/web/0 waiting failed once; next try in 1.0s
    5.442    * shop/web/0 died container web was never started: it waits for init to succeed, and the startTimeout of init, 5.0s, ran out first
    6.442    * shop/web/0 starting in place of the one that failed
    6.451  start shop/web/0 init attempt 2: container web was never started: it waits for init to succeed, and the startTimeout of init, 5.0s, ran out first
    8.484  remove shop/web/0 web container web was never started: it waits for init to succeed, and the startTimeout of init, 5.0s, ran out first
    8.484    * shop/web/0 stopped
    ");
    stage.engine.set_behaviour(image("init:1"), exits(0, 1));
    stage.pass(30.0);
    read(&mut stage);
    stage.prove_quiet();
}

/// `TestDependencyHealthCheck`.
#[test]
fn healthy_waits_for_the_health_check() {
    let mut stage = Stage::new(&task(&[&waits("web", "db", "HEALTHY"), &format!("db{CHECK}")]));
    stage.pass(2.0);
    assert_snapshot!(stage.waits(), @r"wait shop/web/0: web waits for db to be healthy");
    stage.pass(5.0);
    assert_snapshot!(read(&mut stage), @r"
    0.090    * shop/web/0 starting the slot has no task
    0.099  start shop/web/0 db the slot has no task
    5.442    * shop/web/0 healthy
    5.442  start shop/web/0 web the slot has no task
    5.785    * shop/web/0 running
    5.865    * shop/web steady 1/1 healthy in 5.8s
    ");
    stage.prove_quiet();
}

/// `TestDependencyHealthyTimeout`.
#[test]
fn health_that_takes_too_long_never_comes() {
    let db = format!("db, essential: false, startTimeout: 8{CHECK}");
    let mut stage = Stage::new(&task(&[&waits("web", "db", "HEALTHY"), &db]));
    stage.engine.set_behaviour(image("db:1"), Behaviour { health: Checks::Never, ..Behaviour::default() });
    stage.pass(9.5);
    assert_snapshot!(read(&mut stage), @r"
    0.090    * shop/web/0 starting the slot has no task
    0.099  start shop/web/0 db the slot has no task
    8.442  stop shop/web/0 db container web was never started: it waits for db to be healthy, and the startTimeout of db, 8.0s, ran out first
    8.442    * shop/web/0 waiting failed once; next try in 1.0s
    8.442    * shop/web/0 died container web was never started: it waits for db to be healthy, and the startTimeout of db, 8.0s, ran out first
    8.484  remove shop/web/0 web container web was never started: it waits for db to be healthy, and the startTimeout of db, 8.0s, ran out first
    8.484    * shop/web/0 stopped
    8.484    * shop/web/0 waiting failed once; next try in 1.0s
    9.484    * shop/web/0 starting in place of the one that failed
    9.493  start shop/web/0 db attempt 2: container web was never started: it waits for db to be healthy, and the startTimeout of db, 8.0s, ran out first
    ");
    stage.engine.set_behaviour(image("db:1"), Behaviour::default());
    stage.pass(30.0);
    read(&mut stage);
    stage.prove_quiet();
}

/// An essential container that is sick is replaced with its task, although others still wait for it.
#[test]
fn a_sick_dependency_that_is_essential_fails_the_task() {
    let mut stage = Stage::new(&task(&[&waits("web", "db", "HEALTHY"), &format!("db{CHECK}")]));
    stage.engine.set_behaviour(image("db:1"), Behaviour { health: Checks::Never, ..Behaviour::default() });
    stage.pass(11.5);
    assert_snapshot!(read(&mut stage), @r"
     0.090    * shop/web/0 starting the slot has no task
     0.099  start shop/web/0 db the slot has no task
    10.442    * shop/web/0 unhealthy its health check failed: the check failed
    10.442    * shop/web/0 starting in place of the one that failed
    10.451  start shop/web/0 db attempt 2: its health check fails: the check failed
    ");
    stage.engine.set_behaviour(image("db:1"), Behaviour::default());
    stage.pass(60.0);
    read(&mut stage);
    stage.prove_quiet();
}

#[test]
fn a_dependency_that_cannot_start_ends_all_that_wait_for_it() {
    let last = "last, essential: false, dependsOn: [{ containerName: proxy, condition: START }]";
    let proxy = "proxy, essential: false, dependsOn: [{ containerName: init, condition: SUCCESS }]";
    let mut stage = Stage::new(&task(&["web", last, proxy, "init, essential: false"]));
    stage.engine.set_behaviour(image("init:1"), Behaviour { start: Start::BadCommand, ..Behaviour::default() });
    stage.pass(5.0);
    // None of them is essential: the task serves on without them.
    assert_snapshot!(read(&mut stage), @r"
    0.090    * shop/web/0 starting the slot has no task
    0.099  start shop/web/0 init the slot has no task
    0.099  start shop/web/0 web the slot has no task
    0.442    * shop/web/0 running
    0.522    * shop/web steady 1/1 healthy in 522ms
    ");
    stage.prove_quiet();
}

/// `TestMultipleContainerDependency`.
#[test]
fn a_container_may_wait_for_several() {
    let web =
        "web, dependsOn: [{ containerName: init, condition: SUCCESS }, { containerName: db, condition: HEALTHY }]";
    let mut stage = Stage::new(&task(&[web, "init, essential: false", &format!("db{CHECK}")]));
    stage.engine.set_behaviour(image("init:1"), exits(0, 3));
    stage.pass(1.0);
    assert_snapshot!(stage.waits(), @r"wait shop/web/0: web waits for init to succeed");
    stage.pass(3.0);
    assert_snapshot!(stage.waits(), @r"wait shop/web/0: web waits for db to be healthy");
    stage.pass(5.0);
    assert_snapshot!(read(&mut stage), @r"
    0.090    * shop/web/0 starting the slot has no task
    0.099  start shop/web/0 db the slot has no task
    0.099  start shop/web/0 init the slot has no task
    5.442    * shop/web/0 healthy
    5.442  start shop/web/0 web the slot has no task
    5.785    * shop/web/0 running
    5.865    * shop/web steady 1/1 healthy in 5.8s
    ");
    stage.prove_quiet();
}

/// A sidecar that waits does not make a serving task unhealthy; a convergence waits for it all the same.
#[test]
fn a_sidecar_that_waits_holds_up_nobody() {
    let log = "log, essential: false, dependsOn: [{ containerName: warm, condition: COMPLETE }]";
    let mut stage = Stage::new(&task(&["web", log, "warm, essential: false"]));
    stage.engine.set_behaviour(image("warm:1"), exits(0, 20));
    stage.pass(5.0);
    assert_snapshot!(stage.waits(), @r"wait shop/web/0: log waits for warm to end");
    stage.pass(25.0);
    assert_snapshot!(read(&mut stage), @r"
     0.090    * shop/web/0 starting the slot has no task
     0.099  start shop/web/0 warm the slot has no task
     0.099  start shop/web/0 web the slot has no task
     0.442    * shop/web/0 running
    20.442  start shop/web/0 log the slot has no task
    20.442    * shop/web steady 1/1 healthy in 20s
    ");
    stage.prove_quiet();
}

/// `TestShutdownOrder` and `TestGranularStopTimeout`: the order of starting backwards, each with its own time.
#[test]
fn a_task_stops_in_the_reverse_order() {
    let containers = [
        "web, stopTimeout: 4, dependsOn: [{ containerName: proxy, condition: START }]",
        "proxy, stopTimeout: 2, dependsOn: [{ containerName: db, condition: START }]",
        "db, stopTimeout: 9",
        "log, essential: false, stopTimeout: 6",
    ];
    let mut stage = Stage::new(&task(&containers));
    for name in ["web:1", "proxy:1", "log:1"] {
        stage.engine.set_behaviour(image(name), Behaviour { stop: Stop::IgnoresTerm, ..Behaviour::default() });
    }
    stage.pass(10.0);
    read(&mut stage);
    stage.change(&task_of(0, &containers));
    stage.pass(5.0);
    // Wanted again while it stops: what has begun to end goes on to end, and a new one takes its place.
    stage.change(&task(&containers));
    stage.pass(20.0);
    assert_snapshot!(read(&mut stage), @r"
    10.000  the manifests change
    10.000  stop shop/web/0 log the desired count went down
    10.000  stop shop/web/0 web the desired count went down
    10.000    * shop/web/0 stopping the desired count went down
    14.042  stop shop/web/0 proxy the desired count went down
    15.000  the manifests change
    15.000    * shop/web/0 starting in place of the one that failed
    15.009  start shop/web/0 db attempt 2: container web was killed after 12s (exit code 137)
    15.009  start shop/web/0 log attempt 2: container web was killed after 12s (exit code 137)
    15.352  start shop/web/0 proxy attempt 2: container web was killed after 12s (exit code 137)
    15.695  start shop/web/0 web attempt 2: container web was killed after 12s (exit code 137)
    16.038    * shop/web/0 running
    16.084  stop shop/web/0 db the desired count went down
    16.126    * shop/web/0 stopped
    16.126    * shop/web steady 1/1 healthy in 6.1s
    ");
    stage.prove_quiet();
}

/// The end of an essential container ends the task; those that depend on others go first.
#[test]
fn the_end_of_an_essential_container_stops_the_rest_in_order() {
    let containers = [
        &waits("web", "proxy", "START"),
        &waits("proxy", "db", "START"),
        "db",
        "job, dependsOn: [{ containerName: db, condition: START }]",
    ];
    let mut stage = Stage::new(&task(&containers));
    stage.engine.set_behaviour(image("job:1"), exits(5, 3));
    stage.pass(4.5);
    assert_snapshot!(read(&mut stage), @r"
    0.090    * shop/web/0 starting the slot has no task
    0.099  start shop/web/0 db the slot has no task
    0.442  start shop/web/0 job the slot has no task
    0.442  start shop/web/0 proxy the slot has no task
    0.785  start shop/web/0 web the slot has no task
    1.128    * shop/web/0 running
    1.208    * shop/web steady 1/1 healthy in 1.2s
    3.785  stop shop/web/0 web its task has ended
    3.785    * shop/web/0 stopping its task has ended
    3.785    * shop/web/0 died container job exited with code 5 after 3.0s
    3.785    * shop/web/0 waiting failed once; next try in 1.0s
    3.827  stop shop/web/0 proxy its task has ended
    3.869  stop shop/web/0 db its task has ended
    3.911    * shop/web/0 stopped
    ");
    stage.engine.set_behaviour(image("job:1"), Behaviour::default());
    stage.pass(60.0);
    read(&mut stage);
    stage.prove_quiet();
}

#[test]
fn a_restart_policy_starts_a_container_again_in_place() {
    let policy = "web, restartPolicy: { enabled: true, restartAttemptPeriod: 60, ignoredExitCodes: [3] }";
    let mut stage = Stage::new(&task(&[policy, "log, essential: false"]));
    stage.engine.set_behaviour(image("web:1"), exits(1, 90));
    stage.pass(100.0);
    assert_snapshot!(read(&mut stage), @r"
     0.090    * shop/web/0 starting the slot has no task
     0.099  start shop/web/0 log the slot has no task
     0.099  start shop/web/0 web the slot has no task
     0.442    * shop/web/0 running
     0.522    * shop/web steady 1/1 healthy in 522ms
    90.442  start shop/web/0 web its restart policy: container web exited with code 1 after 90s
    90.442    * shop/web/0 restarting container web exited with code 1 after 90s
    90.785    * shop/web/0 running
    90.865    * shop/web steady 1/1 healthy in 423ms
    ");
    // An exit code that is ignored ends the task.
    stage.engine.set_behaviour(image("web:1"), exits(3, 90));
    stage.pass(90.0);
    read(&mut stage);
    stage.pass(100.0);
    assert_snapshot!(read(&mut stage), @r"
    271.128    * shop/web/0 died container web exited with code 3 after 90s
    271.128  stop shop/web/0 log its task has ended
    271.128    * shop/web/0 stopping its task has ended
    271.128    * shop/web/0 starting in place of the one that failed
    271.137  start shop/web/0 log attempt 2: container web exited with code 3 after 90s
    271.137  start shop/web/0 web attempt 2: container web exited with code 3 after 90s
    271.170    * shop/web/0 stopped
    271.480    * shop/web/0 running
    271.560    * shop/web steady 1/1 healthy in 432ms
    ");
    stage.engine.set_behaviour(image("web:1"), Behaviour::default());
    stage.pass(200.0);
    read(&mut stage);
    stage.prove_quiet();
}

#[test]
fn what_ends_too_early_is_not_started_again_in_place() {
    let policy = "web, restartPolicy: { enabled: true, restartAttemptPeriod: 60 }";
    let mut stage = Stage::new(&task(&[policy]));
    stage.engine.set_behaviour(image("web:1"), exits(1, 59));
    stage.pass(60.0);
    assert_snapshot!(read(&mut stage), @r"
     0.090    * shop/web/0 starting the slot has no task
     0.099  start shop/web/0 web the slot has no task
     0.442    * shop/web/0 running
     0.522    * shop/web steady 1/1 healthy in 522ms
    59.442    * shop/web/0 died container web exited with code 1 after 59s
    59.442    * shop/web/0 starting in place of the one that failed
    59.451  start shop/web/0 web attempt 2: container web exited with code 1 after 59s
    59.794    * shop/web/0 running
    59.874    * shop/web steady 1/1 healthy in 432ms
    ");
    stage.engine.set_behaviour(image("web:1"), Behaviour::default());
    stage.pass(60.0);
    read(&mut stage);
    stage.prove_quiet();
}

/// A task that is told to end is not started again by its policy: neither in the middle of it, nor by a reconciler that begins then.
#[test]
fn a_restart_policy_does_not_resist_a_stop() {
    let containers = ["web, restartPolicy: { enabled: true, restartAttemptPeriod: 60 }"];
    let mut stage = Stage::new(&task_of(2, &containers));
    stage.pass(100.0);
    read(&mut stage);
    stage.change(&task_of(1, &containers));
    stage.pass(0.01);
    stage.kill_reconciler();
    stage.pass(5.0);
    assert_snapshot!(read(&mut stage), @r"
    100.000  the manifests change
    100.000  stop shop/web/1 web the desired count went down
    100.000    * shop/web/1 stopping the desired count went down
    100.010  the reconciler is killed
    100.010  stop shop/web/1 web the desired count went down
    100.010    * shop/web/1 stopping the desired count went down
    100.042  remove shop/web/1 web the desired count went down
    100.042    * shop/web/1 stopped
    100.051    * shop/web steady 1/1 healthy in 41ms
    ");
    stage.prove_quiet();
}

#[test]
fn a_sidecar_with_a_restart_policy_is_started_again() {
    let log = "log, essential: false, restartPolicy: { enabled: true, restartAttemptPeriod: 60 }";
    let mut stage = Stage::new(&task(&["web", log]));
    stage.engine.set_behaviour(
        image("log:1"),
        Behaviour { run: Run::Oom { after: Duration::from_secs(61) }, ..Behaviour::default() },
    );
    stage.pass(70.0);
    stage.engine.set_behaviour(image("log:1"), Behaviour::default());
    stage.pass(70.0);
    assert_snapshot!(read(&mut stage), @r"
      0.090    * shop/web/0 starting the slot has no task
      0.099  start shop/web/0 log the slot has no task
      0.099  start shop/web/0 web the slot has no task
      0.442    * shop/web/0 running
      0.522    * shop/web steady 1/1 healthy in 522ms
     61.442  start shop/web/0 log its restart policy: container log was killed because it ran out of memory (exit code 137)
     61.442    * shop/web/0 restarting container log was killed because it ran out of memory (exit code 137)
     61.785    * shop/web steady 1/1 healthy in 343ms
    122.785  start shop/web/0 log its restart policy: container log was killed because it ran out of memory (exit code 137)
    122.785    * shop/web/0 restarting container log was killed because it ran out of memory (exit code 137)
    123.128    * shop/web steady 1/1 healthy in 343ms
    ");
    stage.prove_quiet();
}
