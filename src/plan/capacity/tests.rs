use std::sync::Arc;

use insta::assert_snapshot;

use super::*;
use crate::desired::{DesiredService, TaskSpec};
use crate::observed::{InFlight, ObservedContainer};
use crate::ownership::Source;
use crate::plan::plan;
use crate::testing::{NOW, add_network, ago, desired, exited, observed, running, service, task, with_images};
use crate::value::Percent;

/// A task that reserves this memory, in MiB.
fn of_memory(image: &str, memory: u32) -> Arc<TaskSpec> {
    task("web", &[&format!(r#"{{"name":"web","image":"{image}","memory":{memory}}}"#)])
}

/// A task that reserves this processor time, in units.
fn of_cpu(cpu: u32) -> Arc<TaskSpec> {
    task("web", &[&format!(r#"{{"name":"web","image":"web:1","cpu":{cpu}}}"#)])
}

/// A host of two processors and 1000 MiB on which these run.
fn host(containers: &[Vec<ObservedContainer>]) -> ObservedState {
    let mut state = observed(containers);
    add_network(&mut state, "shop");
    state.host = Some(Resources { cpu: 2048, memory: 1000 });
    state
}

fn decide(services: &[(&str, DesiredService)], state: ObservedState) -> String {
    let desired = desired(services);
    let state = with_images(&desired, state);
    plan(&desired, &state).to_string()
}

fn total(state: &ObservedState) -> (u64, u64) {
    let Resources { cpu, memory } = Ledger::new(None, state, Vec::new()).total();
    (cpu, memory)
}

#[test]
fn what_does_not_fit_waits_and_whoever_comes_after_it_too() {
    let services = [
        ("shop/a", service(2, &of_memory("a:1", 400))),
        ("shop/b", service(1, &of_memory("b:1", 300))),
        ("shop/c", service(1, &of_memory("c:1", 100))),
        ("shop/d", service(1, &of_memory("d:1", 0))),
    ];
    assert_snapshot!(decide(&services, host(&[])), @r"
    create shop/a/0 web @63a7c3: the slot has no task
    create shop/a/1 web @63a7c3: the slot has no task
    create shop/d/0 web @71a199: the slot has no task
    wait shop/a/0: an action is under way
    wait shop/a/1: an action is under way
    wait shop/b/0: needs 300 MiB of memory; 200 MiB of 1000 MiB are not reserved
    wait shop/c/0: its turn: shop/b/0 waits for room on the host before it
    wait shop/d/0: an action is under way
    ");
}

#[test]
fn a_host_of_which_nobody_knows_the_size_has_room_for_all() {
    let state = ObservedState { host: None, ..host(&[]) };
    assert_snapshot!(decide(&[("shop/a", service(1, &of_memory("a:1", 4_000_000)))], state), @r"
    create shop/a/0 web @74d26d: the slot has no task
    wait shop/a/0: an action is under way
    ");
}

#[test]
fn what_could_never_fit_holds_nobody_up() {
    let services = [("shop/a", service(1, &of_memory("a:1", 1001))), ("shop/b", service(1, &of_memory("b:1", 1000)))];
    assert_snapshot!(decide(&services, host(&[])), @r"
    create shop/b/0 web @904392: the slot has no task
    wait shop/a/0: needs 1001 MiB of memory; this host has 1000 MiB for tasks
    wait shop/b/0: an action is under way
    ");
    let both = task("web", &[r#"{"name":"web","image":"web:1","cpu":4096,"memory":8192}"#]);
    assert_snapshot!(decide(&[("shop/a", service(1, &both))], host(&[])), @"wait shop/a/0: needs 8192 MiB of memory; this host has 1000 MiB for tasks; it also needs 4096 CPU units; this host has 2048 CPU units for tasks");
}

#[test]
fn processor_time_is_counted_like_memory() {
    let services = [("shop/a", service(3, &of_cpu(1024)))];
    assert_snapshot!(decide(&services, host(&[])), @r"
    create shop/a/0 web @52350b: the slot has no task
    create shop/a/1 web @52350b: the slot has no task
    wait shop/a/0: an action is under way
    wait shop/a/1: an action is under way
    wait shop/a/2: needs 1024 CPU units; 0 of 2048 CPU units are not reserved
    ");
}

#[test]
fn a_repair_comes_before_a_rollout_and_then_whoever_has_waited_longest() {
    let (small, large) = (of_memory("web:1", 400), of_memory("web:2", 500));
    let services = [
        ("shop/a", service(1, &large)),
        ("shop/b", service(1, &small)),
        ("shop/c", service(1, &small)),
        ("shop/z", service(1, &small)),
    ];
    let mut state = host(&[exited("shop/z/0", &small, 1, 1, 60), running("shop/b/0", &small, 1)]);
    // z has lost its task; 600 MiB are free: after z, too little for a.
    assert_snapshot!(decide(&services, state.clone()), @r"
    create shop/z/0 web @4b70d2 attempt 2: container web exited with code 1 after 2.0s
    wait shop/a/0: needs 500 MiB of memory; 200 MiB of 1000 MiB are not reserved
    wait shop/c/0: its turn: shop/a/0 waits for room on the host before it
    wait shop/z/0: an action is under way
    ");
    let about = |name: &str| About::task(&crate::testing::key(name, &small));
    state.queued.insert(about("shop/c/0"), ago(60));
    state.queued.insert(about("shop/a/0"), ago(30));
    assert_snapshot!(decide(&services, state), @r"
    create shop/z/0 web @4b70d2 attempt 2: container web exited with code 1 after 2.0s
    wait shop/a/0: its turn: shop/c/0 waits for room on the host before it
    wait shop/c/0: needs 400 MiB of memory; 200 MiB of 1000 MiB are not reserved
    wait shop/z/0: an action is under way
    ");
}

#[test]
fn a_cluster_may_leave_room_to_others() {
    let mut desired = desired(&[("shop/a", service(2, &of_memory("a:1", 300)))]);
    let reserved = Resources { cpu: 0, memory: 500 };
    desired.clusters.values_mut().for_each(|cluster| cluster.reserved = reserved);
    let state = with_images(&desired, host(&[]));
    assert_snapshot!(plan(&desired, &state).to_string(), @r"
    create shop/a/0 web @5558c6: the slot has no task
    wait shop/a/0: an action is under way
    wait shop/a/1: needs 300 MiB of memory; 200 MiB of 500 MiB are not reserved
    ");
    let all = Resources { cpu: 4096, memory: 4096 };
    desired.clusters.values_mut().for_each(|cluster| cluster.reserved = all);
    assert_snapshot!(plan(&desired, &state).to_string(), @r"
    wait shop/a/0: needs 300 MiB of memory; this host has 0 MiB for tasks
    wait shop/a/1: needs 300 MiB of memory; this host has 0 MiB for tasks
    ");
}

#[test]
fn a_rollout_without_room_for_one_more_waits_unless_one_may_go_first() {
    let (old, new) = (of_memory("web:1", 600), of_memory("web:2", 600));
    let state = || host(&[running("shop/web/0", &old, 1)]);
    assert_snapshot!(decide(&[("shop/web", service(1, &new))], state()), @"wait shop/web/0: needs 600 MiB of memory; 400 MiB of 1000 MiB are not reserved");
    let may_go = DesiredService { minimum_healthy: Percent(0), ..service(1, &new) };
    assert_snapshot!(decide(&[("shop/web", may_go.clone())], state()), @r"
    stop shop/web/0 web @34b7db: replaces revision 34b7db
    wait shop/web/0: an action is under way
    ");
    // Nothing is stopped for one that would not fit even then.
    let other = of_memory("other:1", 300);
    let full = host(&[running("shop/web/0", &old, 1), running("shop/other/0", &other, 1)]);
    let larger = DesiredService { task: of_memory("web:2", 800), ..may_go };
    assert_snapshot!(decide(&[("shop/other", service(1, &other)), ("shop/web", larger)], full), @"wait shop/web/0: needs 800 MiB of memory; 100 MiB of 1000 MiB are not reserved");
}

#[test]
fn what_runs_keeps_running_on_a_host_that_is_too_small() {
    let large = of_memory("web:1", 900);
    let state = host(&[running("shop/a/0", &large, 1), running("shop/b/0", &large, 1)]);
    assert_snapshot!(decide(&[("shop/a", service(1, &large)), ("shop/b", service(1, &large))], state), @"");
}

#[test]
fn what_was_made_and_not_started_starts_as_far_as_there_is_room() {
    let large = of_memory("web:1", 600);
    let mut state = host(&[running("shop/a/0", &large, 1), running("shop/b/0", &large, 1)]);
    for container in state.containers.values_mut() {
        (container.phase, container.health) = (Phase::Created, crate::observed::Health::None);
    }
    let services = [("shop/a", service(1, &large)), ("shop/b", service(1, &large))];
    assert_snapshot!(decide(&services, state), @r"
    start shop/a/0 web @34b7db: the slot has no task
    wait shop/a/0: an action is under way
    wait shop/b/0: needs 600 MiB of memory; 400 MiB of 1000 MiB are not reserved
    ");
}

#[test]
fn what_others_run_counts_and_what_they_hold_is_not_touched() {
    let large = of_memory("web:1", 600);
    let mut state = host(&[]);
    for mut container in running("other/web/0", &large, 1) {
        container.identity.source = Source::new("elsewhere");
        state.neighbours.insert(container.id.clone(), container.into());
    }
    assert_snapshot!(decide(&[("shop/a", service(1, &large))], state), @"wait shop/a/0: needs 600 MiB of memory; 400 MiB of 1000 MiB are not reserved");
}

#[test]
fn a_port_of_others_is_waited_for() {
    let holder =
        task("web", &[r#"{"name":"web","image":"web:1","portMappings":[{"containerPort":80,"hostPort":8080}]}"#]);
    let mut state = host(&[]);
    for container in running("other/web/0", &holder, 1) {
        state.neighbours.insert(container.id.clone(), container.into());
    }
    assert_snapshot!(decide(&[("shop/a", service(1, &holder))], state), @"wait shop/a/0: host port 8080/tcp is held by other/web/0");
}

/// What a container holds for its task, through its whole life.
#[test]
fn a_task_holds_its_room_until_nothing_of_it_runs() {
    let web = of_memory("web:1", 100);
    let with = |phase: Phase, age: u64, doing: Option<Doing>| {
        let mut state = host(&[running("shop/web/0", &web, 1)]);
        let container = state.containers.values_mut().next().unwrap();
        (container.phase, container.created_at) = (phase, ago(age));
        let target = Target::Container(container.id.clone());
        if let Some(doing) = doing {
            state.in_flight.insert(target, InFlight { since: NOW, doing, lane: Lane::Rollout });
        }
        total(&state).1
    };
    let runs = || Phase::Running { started_at: ago(5) };
    let failed = || Phase::StartFailed { message: String::new(), at: ago(5), blameless: false };
    for (phase, age, doing, expected) in [
        (runs(), 5, None, 100),
        (runs(), 5, Some(Doing::Stop), 100),
        (Phase::Paused, 5, None, 100),
        (Phase::Created, 500, None, 100),
        (Phase::Created, 500, Some(Doing::Start), 100),
        (Phase::Created, 500, Some(Doing::Remove), 0),
        // A list does not tell a new container from one that could not be started.
        (Phase::CreatedOrFailed, 5, None, 100),
        (Phase::CreatedOrFailed, 500, None, 0),
        (failed(), 5, None, 0),
        (Phase::Exited { exit: None }, 5, None, 0),
        (Phase::Exited { exit: None }, 5, Some(Doing::Start), 100),
        (Phase::Removing, 5, None, 0),
    ] {
        assert_eq!(with(phase.clone(), age, doing.clone()), expected, "{phase:?} {doing:?}");
    }
}

#[test]
fn a_container_that_has_ended_is_part_of_its_task_while_another_runs() {
    let two = task(
        "web",
        &[
            r#"{"name":"init","image":"i:1","memory":50,"essential":false}"#,
            r#"{"name":"web","image":"w:1","memory":100}"#,
        ],
    );
    let mut state = host(&[running("shop/web/0", &two, 1)]);
    assert_eq!(total(&state), (0, 150));
    let init = state.containers.values_mut().find(|one| one.identity.container.as_str() == "init").unwrap();
    init.phase = Phase::Exited { exit: None };
    assert_eq!(total(&state), (0, 150));
}

#[test]
fn the_manifests_say_what_a_task_reserves_that_is_being_made() {
    let web = of_memory("web:1", 600);
    let mut state = host(&[]);
    let containers = running("shop/web/0", &web, 1);
    let doing = Doing::Create(Box::new(containers[0].identity.clone()));
    state
        .in_flight
        .insert(Target::NewContainer("name".to_owned()), InFlight { since: NOW, doing, lane: Lane::Rollout });
    let desired = desired(&[("shop/web", service(2, &web))]);
    assert_eq!(Ledger::new(Some(&desired), &state, Vec::new()).total().memory, 600);
    let state = with_images(&desired, state);
    assert_snapshot!(plan(&desired, &state).to_string(), @r"
    wait shop/web/0: an action is under way
    wait shop/web/1: needs 600 MiB of memory; 400 MiB of 1000 MiB are not reserved
    ");
}

/// A task whose container is about to be started again in place keeps its room.
#[test]
fn nobody_takes_the_room_of_a_task_between_two_runs() {
    let restarts =
        task("web", &[r#"{"name":"web","image":"web:1","memory":600,"restartPolicy":{"restartAttemptPeriod":0}}"#]);
    let other = of_memory("other:1", 600);
    let state = host(&[exited("shop/web/0", &restarts, 1, 1, 0)]);
    assert_snapshot!(decide(&[("shop/a", service(1, &other)), ("shop/web", service(1, &restarts))], state), @r"
    start shop/web/0 web @5b882e: its restart policy: container web exited with code 1 after 2.0s
    wait shop/a/0: needs 600 MiB of memory; 400 MiB of 1000 MiB are not reserved
    wait shop/web/0: an action is under way
    ");
}

/// Two directories may each have a task of the same key: one says nothing about the other.
#[test]
fn a_task_of_another_directory_lends_no_room() {
    let web = of_memory("web:1", 600);
    let mut state = host(&[]);
    for mut container in running("shop/web/0", &web, 1) {
        container.identity.source = Source::new("elsewhere");
        state.containers.insert(container.id.clone(), container);
    }
    assert_snapshot!(decide(&[("shop/web", service(1, &web))], state), @"wait shop/web/0: needs 600 MiB of memory; 400 MiB of 1000 MiB are not reserved");
}
