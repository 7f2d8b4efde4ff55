//! Tasks that wait for room on the host.

use insta::assert_snapshot;
use reconcile::desired::Resources;
use reconcile::engine::simulated::{Simulated, Stop};
use reconcile::ownership::Source;
use reconcile::value::Timestamp;

use super::stage::{Stage, desired};
use super::{Behaviour, exits, image};

const START: Timestamp = Timestamp(1_700_000_000_000);

/// A cluster of services, each with how many tasks it wants, its image, its memory in MiB, and more of its fields.
fn shop(services: &[(&str, u32, &str, u32, &str)]) -> String {
    let services = services.iter().map(|(name, count, image, memory, more)| {
        format!(
            "---\napiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: {{ name: {name} }}\nspec:\n  \
             containerDefinitions:\n    - {{ name: {name}, image: '{image}', memory: {memory}, stopTimeout: 5 }}\n\
             ---\napiVersion: reconcile/v1\nkind: Service\nmetadata: {{ name: {name} }}\n\
             spec: {{ cluster: shop, taskDefinition: {name}, desiredCount: {count}{more} }}\n"
        )
    });
    let services: Vec<_> = services.collect();
    format!("apiVersion: reconcile/v1\nkind: Cluster\nmetadata: {{ name: shop }}\n{}", services.concat())
}

/// A host with so much memory, in MiB.
fn host(memory: u64) -> Simulated {
    let mut engine = Simulated::new(START);
    engine.set_host(Some(Resources { cpu: 4096, memory }));
    engine
}

/// What happened, without the steps.
fn told(stage: &mut Stage) -> String {
    let record = stage.read();
    let told: Vec<_> = record.lines().filter(|line| line.contains("  * ")).collect();
    told.join("\n")
}

/// Which tasks run, in order.
fn running(stage: &Stage) -> Vec<String> {
    let truth = stage.engine.observe();
    let running = truth
        .containers
        .values()
        .filter(|container| matches!(container.phase, reconcile::observed::Phase::Running { .. }));
    let mut running: Vec<_> = running.map(|container| container.identity.task.to_string()).collect();
    running.sort();
    running
}

#[test]
fn what_does_not_fit_begins_when_room_is_really_free() {
    let mut engine = host(1000);
    // It takes its five seconds to stop: until then its memory is not free.
    engine.set_behaviour(image("a:1"), Behaviour { stop: Stop::IgnoresTerm, ..Behaviour::default() });
    let manifests = |a| shop(&[("a", a, "a:1", 600, ""), ("b", 1, "b:1", 600, ""), ("c", 1, "c:1", 100, "")]);
    let mut stage = Stage::on(engine, &manifests(1));
    stage.pass(30.0);
    assert_eq!(running(&stage), ["shop/a/0"]);
    assert_snapshot!(stage.waits(), @r"
    wait shop/b/0: needs 600 MiB of memory; 400 MiB of 1000 MiB are not reserved
    wait shop/c/0: its turn: shop/b/0 waits for room on the host before it
    ");
    assert_snapshot!(told(&mut stage), @r"
    0.000    * shop/b/0 waiting needs 600 MiB of memory; 400 MiB of 1000 MiB are not reserved
    0.000    * shop/c/0 waiting its turn: shop/b/0 waits for room on the host before it
    0.090    * shop created its network
    0.090    * shop/a/0 starting the slot has no task
    0.442    * shop/a/0 running
    0.522    * shop/a steady 1/1 healthy in 522ms
    ");
    stage.change(&manifests(0));
    stage.pass(3.0);
    assert_eq!(running(&stage), ["shop/a/0"], "it is being stopped");
    assert_snapshot!(stage.waits(), @r"
    wait shop/a/0: an action is under way
    wait shop/b/0: needs 600 MiB of memory; 400 MiB of 1000 MiB are not reserved
    wait shop/c/0: its turn: shop/b/0 waits for room on the host before it
    ");
    stage.pass(30.0);
    assert_snapshot!(told(&mut stage), @r"
    30.000    * shop/a/0 stopping the desired count went down
    35.042    * shop/a/0 stopped
    35.042    * shop/b/0 starting the slot has no task
    35.042    * shop/c/0 starting the slot has no task
    35.051    * shop/a steady 0/0 healthy in 5.0s
    35.394    * shop/b/0 running
    35.394    * shop/c/0 running
    35.474    * shop/b steady 1/1 healthy in 35s
    35.474    * shop/c steady 1/1 healthy in 35s
    ");
    assert_eq!(running(&stage), ["shop/b/0", "shop/c/0"]);
    stage.prove_quiet();
}

/// Source: `TestHostResourceManagerTrickleQueue` of the Amazon ECS agent.
#[test]
fn a_queue_trickles_in_as_room_becomes_free() {
    let mut stage = Stage::on(host(1000), &shop(&[("web", 6, "web:1", 300, "")]));
    stage.pass(30.0);
    assert_eq!(running(&stage), ["shop/web/0", "shop/web/1", "shop/web/2"]);
    assert_snapshot!(stage.waits(), @r"
    wait shop/web/3: needs 300 MiB of memory; 100 MiB of 1000 MiB are not reserved
    wait shop/web/4: its turn: shop/web/3 waits for room on the host before it
    wait shop/web/5: its turn: shop/web/3 waits for room on the host before it
    ");
    // Its host becomes larger while nobody looks: the next list tells.
    stage.engine.set_host(Some(Resources { cpu: 4096, memory: 1500 }));
    stage.kill_reconciler();
    stage.pass(30.0);
    assert_eq!(running(&stage).len(), 5);
    stage.change(&shop(&[("web", 5, "web:1", 300, "")]));
    stage.pass(30.0);
    stage.prove_quiet();
}

/// Source: `TestHostResourceManagerStopTaskNotBlockWaitingTasks` of the Amazon ECS agent.
#[test]
fn who_leaves_the_queue_blocks_nobody() {
    let manifests = |b| shop(&[("a", 1, "a:1", 600, ""), ("b", b, "b:1", 500, ""), ("c", 1, "c:1", 300, "")]);
    let mut stage = Stage::on(host(1000), &manifests(1));
    stage.pass(30.0);
    assert_eq!(running(&stage), ["shop/a/0"]);
    stage.change(&manifests(0));
    stage.pass(30.0);
    assert_eq!(running(&stage), ["shop/a/0", "shop/c/0"]);
    stage.prove_quiet();
}

#[test]
fn a_task_that_was_made_before_room_was_counted_runs_on() {
    let manifests = shop(&[("a", 2, "a:1", 600, ""), ("b", 1, "b:1", 600, "")]);
    let mut stage = Stage::on(Simulated::new(START), &manifests);
    stage.pass(30.0);
    assert_eq!(running(&stage).len(), 3);
    stage.engine.set_host(Some(Resources { cpu: 4096, memory: 1000 }));
    stage.prove_quiet();
}

#[test]
fn what_could_never_fit_is_told_and_holds_nobody_up() {
    let mut stage = Stage::on(host(1000), &shop(&[("a", 1, "a:1", 1001, ""), ("b", 1, "b:1", 1000, "")]));
    stage.pass(60.0);
    assert_eq!(running(&stage), ["shop/b/0"]);
    assert_snapshot!(stage.waits(), @"wait shop/a/0: needs 1001 MiB of memory; this host has 1000 MiB for tasks");
    assert_snapshot!(told(&mut stage), @r"
    0.000    * shop/a/0 waiting needs 1001 MiB of memory; this host has 1000 MiB for tasks
    0.090    * shop created its network
    0.090    * shop/b/0 starting the slot has no task
    0.442    * shop/b/0 running
    0.522    * shop/b steady 1/1 healthy in 522ms
    ");
}

#[test]
fn a_rollout_without_room_for_one_more_goes_on_where_the_minimum_lets_one_go_first() {
    let manifests = |version: u32, minimum: u32| {
        let more = format!(", deploymentConfiguration: {{ minimumHealthyPercent: {minimum}, maximumPercent: 200 }}");
        shop(&[("web", 2, &format!("web:{version}"), 400, &more)])
    };
    let mut stage = Stage::on(host(1000), &manifests(1, 100));
    stage.pass(30.0);
    stage.read();
    stage.change(&manifests(2, 100));
    stage.pass(60.0);
    assert_snapshot!(stage.waits(), @r"
    wait shop/web/0: needs 400 MiB of memory; 200 MiB of 1000 MiB are not reserved
    wait shop/web/1: its turn: shop/web/0 waits for room on the host before it
    ");
    assert_snapshot!(stage.read(), @r"
    30.000  the manifests change
    30.000    * shop/web/0 waiting needs 400 MiB of memory; 200 MiB of 1000 MiB are not reserved
    30.000    * shop/web/1 waiting its turn: shop/web/0 waits for room on the host before it
    ");
    stage.change(&manifests(2, 50));
    stage.pass(120.0);
    assert_snapshot!(told(&mut stage), @r"
    90.000    * shop/web/0 stopping replaces revision dfd7b5
    90.042    * shop/web/0 stopped
    90.042    * shop/web/0 starting replaces revision dfd7b5
    90.394    * shop/web/0 running
    90.474    * shop/web/1 stopping replaces revision dfd7b5
    90.516    * shop/web/1 stopped
    90.516    * shop/web/1 starting replaces revision dfd7b5
    90.868    * shop/web/1 running
    90.948    * shop/web steady 2/2 healthy in 60s
    ");
    stage.prove_quiet();
}

/// A task that has died has lost its room, and gets it back before anybody who only wants more.
#[test]
fn a_repair_is_not_overtaken() {
    let mut engine = host(1000);
    engine.set_behaviour(image("z:1"), exits(1, 30));
    let mut stage = Stage::on(engine, &shop(&[("a", 2, "a:1", 400, ""), ("z", 1, "z:1", 300, "")]));
    // a has room for two and z for none: it is not the order of the names that decides who is repaired.
    stage.pass(20.0);
    assert_eq!(running(&stage), ["shop/a/0", "shop/a/1"]);
    assert_snapshot!(stage.waits(), @"wait shop/z/0: needs 300 MiB of memory; 200 MiB of 1000 MiB are not reserved");
    stage.engine.set_host(Some(Resources { cpu: 4096, memory: 1100 }));
    stage.kill_reconciler();
    stage.pass(10.0);
    assert_eq!(running(&stage), ["shop/a/0", "shop/a/1", "shop/z/0"]);
    stage.change(&shop(&[("a", 3, "a:1", 400, ""), ("z", 1, "z:1", 300, "")]));
    stage.pass(60.0);
    assert_eq!(running(&stage), ["shop/a/0", "shop/a/1", "shop/z/0"]);
    assert_snapshot!(stage.waits(), @"wait shop/a/2: needs 400 MiB of memory; 0 MiB of 1100 MiB are not reserved");
}

/// Another directory looks after a task in another cluster. Its end is not hinted at; it is looked for.
#[test]
fn the_tasks_of_others_count_until_they_end() {
    let mut engine = host(1000);
    engine.set_behaviour(image("other:1"), exits(0, 60));
    let other = shop(&[("other", 1, "other:1", 600, "")]).replace("shop", "elsewhere");
    let mut theirs = desired(&other).as_ref().clone();
    theirs.source = Source::new("elsewhere");
    let mut elsewhere = Stage::towards(engine, std::sync::Arc::new(theirs));
    elsewhere.pass(5.0);
    let engine = elsewhere.engine;
    let mut stage = Stage::on(engine, &shop(&[("web", 1, "web:1", 600, "")]));
    stage.pass(30.0);
    assert_eq!(running(&stage), ["elsewhere/other/0"]);
    assert_snapshot!(stage.waits(), @"wait shop/web/0: needs 600 MiB of memory; 400 MiB of 1000 MiB are not reserved");
    stage.pass(60.0);
    assert_eq!(running(&stage), ["shop/web/0"]);
}
