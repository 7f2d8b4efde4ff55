//! Tasks that run once, on their own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use insta::assert_snapshot;
use reconcile::desired::standalone::{Wish, desire_tasks};
use reconcile::desired::{ContainerSpec, DesiredState, TaskSpec};
use reconcile::engine::simulated::{Behaviour, Checks, Run, Simulated, Start, Stop};
use reconcile::ownership::Source;
use reconcile::value::{ClusterName, Family, ServiceName, TaskId, Timestamp};

use super::stage::Stage;
use super::{exits, image};

const START: Timestamp = Timestamp(1_700_000_000_000);

const SIDE: &str = r#"{"name":"side","image":"side:1","essential":false,"stopTimeout":2}"#;

/// A task of the container `main` and perhaps another one.
fn job(more: &[&str]) -> Arc<TaskSpec> {
    let main = [r#"{"name":"main","image":"job:1"}"#];
    let containers = main.iter().chain(more).map(|text| {
        let spec: ContainerSpec = serde_json::from_str(text).expect("a spec");
        Arc::new(spec)
    });
    Arc::new(TaskSpec::new(Family::new("job").expect("a name"), containers.collect()))
}

fn wish(task: &Arc<TaskSpec>, wish: Wish, keep_ended: bool) -> DesiredState {
    let name = ServiceName::standalone(&task.family, TaskId::new([0, 0, 0, 0, 0, 1]));
    let cluster = ClusterName::new("shop").expect("a name");
    desire_tasks(Source::standalone(), &cluster, &BTreeSet::from([name]), task, wish, keep_ended)
}

/// A host on which the programs behave so, and a reconciler that runs a task on it.
fn run(task: &Arc<TaskSpec>, behaviours: &[(&str, Behaviour)]) -> Stage {
    let mut engine = Simulated::new(START);
    for (name, behaviour) in behaviours {
        engine.set_behaviour(image(name), behaviour.clone());
    }
    Stage::towards(engine, Arc::new(wish(task, Wish::Run, true)))
}

#[test]
fn it_runs_once_and_its_end_is_the_end() {
    let mut stage = run(&job(&[]), &[("job:1", exits(3, 5))]);
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    0.000  create network of shop: the manifests ask for it
    0.090  create shop/run.job.000000000001/0 main @38a466: the slot has no task
    0.090    * shop created its network
    0.090    * shop/run.job.000000000001/0 starting the slot has no task
    0.099  start shop/run.job.000000000001/0 main @38a466: the slot has no task
    0.442    * shop/run.job.000000000001/0 running
    5.442    * shop/run.job.000000000001/0 died container main exited with code 3 after 5.0s
    ");
    stage.prove_quiet();
}

#[test]
fn the_rest_ends_with_it_in_its_own_time() {
    let deaf = Behaviour { stop: Stop::IgnoresTerm, ..Behaviour::default() };
    let mut stage = run(&job(&[SIDE]), &[("job:1", exits(0, 5)), ("side:1", deaf)]);
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    0.000  create network of shop: the manifests ask for it
    0.090  create shop/run.job.000000000001/0 main @84be54: the slot has no task
    0.090  create shop/run.job.000000000001/0 side @84be54: the slot has no task
    0.090    * shop created its network
    0.090    * shop/run.job.000000000001/0 starting the slot has no task
    0.099  start shop/run.job.000000000001/0 main @84be54: the slot has no task
    0.099  start shop/run.job.000000000001/0 side @84be54: the slot has no task
    0.442    * shop/run.job.000000000001/0 running
    5.442  stop shop/run.job.000000000001/0 side @84be54: its task has ended
    5.442    * shop/run.job.000000000001/0 stopping its task has ended
    5.442    * shop/run.job.000000000001/0 died container main exited with code 0 after 5.0s
    7.484    * shop/run.job.000000000001/0 stopped
    ");
    stage.prove_quiet();
}

#[test]
fn what_cannot_start_is_not_tried_again() {
    let bad = Behaviour { start: Start::BadCommand, ..Behaviour::default() };
    let mut stage = run(&job(&[]), &[("job:1", bad)]);
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    0.000  create network of shop: the manifests ask for it
    0.090  create shop/run.job.000000000001/0 main @38a466: the slot has no task
    0.090    * shop created its network
    0.090    * shop/run.job.000000000001/0 starting the slot has no task
    0.099  start shop/run.job.000000000001/0 main @38a466: the slot has no task
    0.442    * shop/run.job.000000000001/0 died container main could not start: OCI runtime create failed: exec: executable file not found in $PATH: unknown
    ");
    stage.prove_quiet();
}

#[test]
fn what_is_not_well_runs_on() {
    let check = r#"{"name":"side","image":"side:1","healthCheck":{"command":["CMD","/ok"],"interval":5,"timeout":2,"retries":2,"startPeriod":0}}"#;
    let sick = Behaviour {
        health: Checks::Never,
        run: Run::Exits { code: 0, after: Duration::from_mins(2) },
        ..Behaviour::default()
    };
    let mut stage = run(&job(&[check]), &[("side:1", sick)]);
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
     0.000  create network of shop: the manifests ask for it
     0.090  create shop/run.job.000000000001/0 main @f6a632: the slot has no task
     0.090  create shop/run.job.000000000001/0 side @f6a632: the slot has no task
     0.090    * shop created its network
     0.090    * shop/run.job.000000000001/0 starting the slot has no task
     0.099  start shop/run.job.000000000001/0 main @f6a632: the slot has no task
     0.099  start shop/run.job.000000000001/0 side @f6a632: the slot has no task
     0.442    * shop/run.job.000000000001/0 running
    10.442    * shop/run.job.000000000001/0 unhealthy its health check failed: the check failed
    ");
    assert_snapshot!(stage.waits(), @r"wait shop/run.job.000000000001/0: its end");
    stage.pass(120.0);
    assert_snapshot!(stage.read(), @r"
    120.442  stop shop/run.job.000000000001/0 main @f6a632: its task has ended
    120.442    * shop/run.job.000000000001/0 stopping its task has ended
    120.442    * shop/run.job.000000000001/0 died container side was stopped because it was unhealthy: the check failed
    120.484    * shop/run.job.000000000001/0 stopped
    ");
    stage.prove_quiet();
}

#[test]
fn a_reconciler_that_is_killed_on_the_way_begins_no_second_one() {
    let task = job(&[SIDE]);
    for killed_after in [0.0, 0.02, 0.1, 0.2, 0.35, 0.6, 1.0, 3.0, 5.05] {
        let mut stage = run(&task, &[("job:1", exits(1, 5))]);
        stage.pass(killed_after);
        stage.kill_reconciler();
        stage.pass(60.0);
        let observed = stage.engine.observe();
        assert_eq!(observed.containers.len(), 2, "killed after {killed_after} s\n{}", stage.read());
        assert!(observed.containers.values().all(|container| container.phase.exit().is_some()), "{observed:#?}");
        stage.prove_quiet();
    }
}

#[test]
fn it_is_stopped_when_that_is_wanted_and_goes_when_that_is_wanted() {
    let task = job(&[]);
    let mut stage = run(&task, &[]);
    stage.pass(10.0);
    stage.read();
    stage.want(wish(&task, Wish::End, true));
    stage.pass(10.0);
    assert_snapshot!(stage.read(), @r"
    10.000  stop shop/run.job.000000000001/0 main @38a466: somebody asked for its end
    10.000    * shop/run.job.000000000001/0 stopping somebody asked for its end
    10.042    * shop/run.job.000000000001/0 stopped
    ");
    // Three hours later whoever comes by tidies up.
    stage.want(DesiredState {
        source: Source::standalone(),
        adopted: BTreeSet::new(),
        clusters: BTreeMap::new(),
        retry_since: None,
    });
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @"");
    stage.engine.advance(Duration::from_hours(3));
    stage.kill_reconciler();
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    10880.000  the reconciler is killed
    10880.000  remove shop/run.job.000000000001/0 main @38a466: no manifest asks for it
    10880.009  remove network of shop: no manifest asks for it
    10880.009    * shop/run.job.000000000001 deleted no task of it is left
    ");
    stage.prove_quiet();
}

#[test]
fn what_nobody_looks_at_goes_as_soon_as_it_is_understood() {
    let task = job(&[
        r#"{"name":"side","image":"side:1","mountPoints":[{"sourceVolume":"data","containerPath":"/data","volume":{"kind":"task"}}]}"#,
    ]);
    let mut engine = Simulated::new(START);
    engine.set_behaviour(image("job:1"), exits(0, 1));
    let mut stage = Stage::towards(engine, Arc::new(wish(&task, Wish::Run, false)));
    stage.pass(20.0);
    let observed = stage.engine.observe();
    assert!(observed.containers.is_empty() && observed.volumes.is_empty(), "{}", stage.read());
    assert_eq!(observed.networks.len(), 1);
}
