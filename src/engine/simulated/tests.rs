use crate::ownership::DeploymentMark;
use std::time::Duration;

use super::*;
use crate::desired::{ContainerSpec, PortMapping, Revision, Scheduling};
use crate::engine::{Change, Observe, Perform, Subjects};
use crate::observed::{Health, Phase};
use crate::ownership;
use crate::plan::{Effect, Failure, FailureKind, NewContainer};
use crate::value::{Attempt, ContainerName, Family};

const START: Timestamp = Timestamp(1_000_000_500);

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn cluster() -> ClusterName {
    ClusterName::new("shop").expect("a name")
}

fn service() -> ServiceName {
    ServiceName::new("web").expect("a name")
}

fn source() -> Source {
    Source::new("here")
}

fn identity(slot: u32, attempt: u32) -> ContainerIdentity {
    ContainerIdentity {
        task: TaskKey {
            cluster: cluster(),
            service: service(),
            slot: Slot(slot),
            revision: Revision::parse("1:9c1d42e07a31b5f8").expect("a revision"),
            attempt: Attempt(attempt),
        },
        container: ContainerName::new("nginx").expect("a name"),
        source: source(),
        family: Family::new("web").expect("a name"),
        failures: 0,
        essential: true,
        containers: 1,
        position: 0,
        deployment: DeploymentMark::default(),
        image: None,
        scheduling: Scheduling::default(),
    }
}

const CHECKED: &str = r#""healthCheck":{"command":["CMD","x"],"interval":10,"timeout":5,"retries":3,"startPeriod":0}"#;

/// A spec with more fields.
fn spec(fields: &str) -> Arc<ContainerSpec> {
    let comma = if fields.is_empty() { "" } else { "," };
    let text = format!(r#"{{"name":"nginx","image":"shop:1"{comma}{fields}}}"#);
    Arc::new(serde_json::from_str(&text).expect("a spec"))
}

fn create_action(network: &NetworkId, identity: ContainerIdentity, fields: &str) -> Action {
    let new = NewContainer {
        identity,
        spec: spec(fields),
        network: network.clone(),
        aliases: Vec::new(),
        volumes_from: Vec::new(),
        namespaces: None,
        values_from: None,
    };
    Action::CreateContainer(Box::new(new))
}

fn network(engine: &mut Simulated) -> NetworkId {
    if let Some(network) = engine.list().networks.first() {
        return network.id.clone();
    }
    let outcome = engine.perform(&Action::CreateNetwork { cluster: cluster(), source: source() });
    let Outcome::Done(Effect::Network(id)) = outcome else { panic!("{outcome:?}") };
    id
}

fn create(engine: &mut Simulated, identity: ContainerIdentity, fields: &str) -> ObservedContainer {
    let network = network(engine);
    let outcome = engine.perform(&create_action(&network, identity, fields));
    let Outcome::Done(Effect::Container(container)) = outcome else { panic!("{outcome:?}") };
    *container
}

fn start_action(container: &ObservedContainer) -> Action {
    Action::StartContainer { id: container.id.clone(), identity: Box::new(container.identity.clone()) }
}

fn stop_action(container: &ObservedContainer, stop_timeout: u32) -> Action {
    let identity = Box::new(container.identity.clone());
    Action::StopContainer { id: container.id.clone(), identity, stop_timeout }
}

fn remove_action(container: &ObservedContainer) -> Action {
    Action::RemoveContainer { id: container.id.clone(), identity: Box::new(container.identity.clone()) }
}

fn run(engine: &mut Simulated, slot: u32, fields: &str) -> ObservedContainer {
    let container = create(engine, identity(slot, 1), fields);
    assert_eq!(engine.perform(&start_action(&container)), Outcome::Done(Effect::Started));
    inspect(engine, &container.id)
}

fn inspect(engine: &Simulated, id: &ContainerId) -> ObservedContainer {
    engine.inspect(&id.0).expect("it exists")
}

fn listed(engine: &Simulated, id: &ContainerId) -> ObservedContainer {
    engine.list().containers.into_iter().find(|container| container.id == *id).expect("it is listed")
}

fn kind_of(outcome: Outcome) -> FailureKind {
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    failure.kind
}

fn exit_of(container: ObservedContainer) -> crate::observed::Exit {
    let Phase::Exited { exit: Some(exit) } = container.phase else { panic!("{container:?}") };
    exit
}

fn behaving(behaviour: Behaviour) -> Simulated {
    let mut engine = Simulated::new(START);
    engine.set_default_behaviour(behaviour);
    engine
}

#[test]
fn a_list_is_coarse_and_an_inspection_exact() {
    let mut engine = Simulated::new(START);
    let container = run(&mut engine, 0, "");
    engine.advance(Duration::from_millis(2700));
    assert_eq!(inspect(&engine, &container.id).phase, Phase::Running { started_at: START });
    let seen = listed(&engine, &container.id);
    assert_eq!(seen.phase, Phase::Running { started_at: Timestamp(START.0 + 700) }, "up for at least 2 s");
    assert_eq!(seen.created_at, Timestamp(1_000_000_000));
    for up in [59, 60, 119, 3_599, 3_600, 5_399, 5_400, 86_400, 172_800, 400 * 86_400] {
        engine.advance_to(START.after(seconds(up)));
        let Phase::Running { started_at } = listed(&engine, &container.id).phase else { panic!("it runs") };
        assert!(started_at >= START, "never earlier than the truth, after {up} s");
        assert!(started_at.since(START) <= seconds(86_400), "after {up} s");
    }
}

#[test]
fn a_list_lags_behind_an_end() {
    let mut engine = Simulated::new(START);
    let container = run(&mut engine, 0, r#""portMappings":[{"containerPort":80}]"#);
    engine.take_hints();
    engine.kill(&container.id);
    assert_eq!(engine.take_hints(), [Hint::Container(container.id.clone(), Change::Ended)]);
    assert_eq!(exit_of(inspect(&engine, &container.id)).code, 137);
    let late = listed(&engine, &container.id);
    assert!(matches!(late.phase, Phase::Running { .. }) && late.ports.len() == 1, "{late:?}");
    assert_eq!(engine.next_event_at(), Some(START.after(Duration::from_millis(125))));
    engine.advance(Duration::from_millis(125));
    let right = listed(&engine, &container.id);
    assert_eq!((right.phase, right.ports), (Phase::Exited { exit: None }, Vec::new()));
    assert_eq!(engine.next_event_at(), None);
}

#[test]
fn a_begun_action_happens_when_its_time_has_come() {
    let mut engine = Simulated::new(START);
    let network = network(&mut engine);
    let create = engine.begin(&create_action(&network, identity(0, 1), ""));
    assert!(engine.completed().is_empty() && engine.list().containers.is_empty());
    engine.advance_to(engine.next_event_at().expect("the call"));
    let completed = engine.completed();
    let [(call, Outcome::Done(Effect::Container(container)))] = completed.as_slice() else { panic!("{completed:?}") };
    assert_eq!((*call, engine.now()), (create, START.after(Pace::TYPICAL.create)));

    let start = engine.begin(&start_action(container));
    engine.advance(Pace::TYPICAL.start);
    assert_eq!(engine.take_outcome(start), Some(Outcome::Done(Effect::Started)));

    let begun = engine.now();
    let stop = engine.begin(&stop_action(container, 30));
    engine.advance(Pace::TYPICAL.stop);
    assert_eq!(exit_of(inspect(&engine, &container.id)).code, 143);
    assert_eq!(engine.take_outcome(stop), None, "the engine answers when its list is right");
    engine.advance(Pace::TYPICAL.list_lag);
    assert_eq!(engine.take_outcome(stop), Some(Outcome::Done(Effect::Stopped)));
    assert_eq!(listed(&engine, &container.id).phase, Phase::Exited { exit: None });
    assert_eq!(engine.now().since(begun), Pace::TYPICAL.stop + Pace::TYPICAL.list_lag);
}

#[test]
fn how_long_a_stop_takes() {
    let stop = Pace::TYPICAL.stop;
    for (behaviour, timeout, after, code) in [
        (Stop::Prompt, 30, stop, 143),
        (Stop::Prompt, 0, stop, 137),
        (Stop::IgnoresTerm, 5, seconds(5) + stop, 137),
        (Stop::Slow(seconds(3)), 5, seconds(3), 143),
        (Stop::Slow(seconds(9)), 5, seconds(5) + stop, 137),
    ] {
        let mut engine = behaving(Behaviour { stop: behaviour, ..Behaviour::default() });
        let container = run(&mut engine, 0, "");
        let calls = [engine.begin(&stop_action(&container, timeout)), engine.begin(&stop_action(&container, timeout))];
        engine.advance(seconds(60));
        let exit = exit_of(inspect(&engine, &container.id));
        assert_eq!((exit.code, exit.finished_at), (code, START.after(after)), "{behaviour:?} within {timeout} s");
        for call in calls {
            assert_eq!(engine.take_outcome(call), Some(Outcome::Done(Effect::Stopped)));
        }
    }
}

#[test]
fn what_health_checks_find() {
    let fields = r#""healthCheck":{"command":["CMD","x"],"interval":10,"timeout":5,"retries":3,"startPeriod":20}"#;
    let verdicts = |health| {
        let mut engine = behaving(Behaviour { health, ..Behaviour::default() });
        let container = run(&mut engine, 0, fields);
        let mut changes = Vec::new();
        let mut last = container.health;
        for second in 0..200 {
            engine.advance_to(START.after(seconds(second)));
            let health = inspect(&engine, &container.id).health;
            if health != last {
                changes.push((second, health));
            }
            last = health;
        }
        (changes, engine.next_event_at())
    };
    let (healthy, unhealthy) = (Health::Healthy, Health::Unhealthy);
    assert_eq!(verdicts(Checks::Healthy), (vec![(10, healthy)], None), "then nothing is new, so time can be skipped");
    assert_eq!(verdicts(Checks::Never), (vec![(40, unhealthy)], None), "failures count from 20 s on");
    assert_eq!(verdicts(Checks::Hang), (vec![(60, unhealthy)], None), "each check takes its 5 s, too");
    assert_eq!(verdicts(Checks::SickAfter(seconds(95))), (vec![(10, healthy), (120, unhealthy)], None));
    assert_eq!(verdicts(Checks::SickAfter(seconds(5))).0, [(40, unhealthy)]);
    assert_eq!(verdicts(Checks::HealthyAfter(seconds(25))), (vec![(30, healthy)], None), "and it stays so");
    assert_eq!(verdicts(Checks::HealthyAfter(seconds(65))).0, [(40, unhealthy), (70, healthy)]);
    let flapping = verdicts(Checks::Flaps(seconds(60)));
    assert_eq!(flapping.0, [(10, healthy), (80, unhealthy), (120, healthy)]);
    assert!(flapping.1.is_some());
}

#[test]
fn sickness_comes_and_goes() {
    let mut engine = Simulated::new(START);
    let container = run(&mut engine, 0, CHECKED);
    engine.advance(seconds(10));
    assert!(engine.make_unhealthy(&container.id));
    engine.advance(seconds(100));
    assert_eq!(inspect(&engine, &container.id).health, Health::Unhealthy);
    assert!(engine.make_well(&container.id));
    engine.advance(seconds(10));
    assert_eq!(inspect(&engine, &container.id).health, Health::Healthy);
    engine.make_unhealthy(&container.id);
    engine.kill(&container.id);
    let end = inspect(&engine, &container.id);
    assert_eq!(end.health, Health::None);
    assert!(exit_of(end).health_output.is_some());
}

#[test]
fn programs_end_by_themselves() {
    for (run_until, code, oom_killed) in
        [(Run::Exits { code: 3, after: seconds(7) }, 3, false), (Run::Oom { after: seconds(7) }, 137, true)]
    {
        let mut engine = behaving(Behaviour { run: run_until, ..Behaviour::default() });
        let container = run(&mut engine, 0, CHECKED);
        engine.advance(seconds(6));
        assert!(engine.pause(&container.id));
        engine.advance(seconds(50));
        assert_eq!((inspect(&engine, &container.id).phase, engine.next_event_at()), (Phase::Paused, None));
        assert!(engine.unpause(&container.id));
        engine.advance(seconds(50));
        let exit = exit_of(inspect(&engine, &container.id));
        assert_eq!((exit.code, exit.oom_killed), (code, oom_killed));
        assert_eq!((exit.started_at, exit.finished_at), (START, START.after(seconds(57))));
    }
}

#[test]
fn the_most_exact_behaviour_wins() {
    let mut engine = Simulated::new(START);
    let exits = |code| Behaviour { run: Run::Exits { code, after: seconds(1) }, ..Behaviour::default() };
    let subjects = [
        Subject::Image("shop:1".to_owned()),
        Subject::Family(Family::new("web").expect("a name")),
        Subject::Revision(identity(0, 1).task.revision),
    ];
    engine.set_default_behaviour(exits(9));
    for (code, subject) in (0..).zip(subjects) {
        engine.set_behaviour(subject, exits(code));
        let container = run(&mut engine, u32::try_from(code).expect("small"), "");
        engine.advance(seconds(1));
        assert_eq!(exit_of(inspect(&engine, &container.id)).code, code);
    }
}

#[test]
fn every_fault_does_what_it_says() {
    let lost = Outcome::Unknown("the answer was lost".to_owned());
    let late = seconds(3);
    let cases = [
        (Fault::FailBefore(FailureKind::Engine), None, [false, false]),
        (Fault::Unreachable, None, [false, false]),
        (Fault::LostBefore, Some(&lost), [false, false]),
        (Fault::LostAfter, Some(&lost), [true, true]),
        (Fault::LostWhileRunning(late), Some(&lost), [false, true]),
        (Fault::Delay(late), None, [false, true]),
    ];
    for begun in [false, true] {
        for (fault, outcome, happened) in cases {
            let mut engine = Simulated::new(START);
            let container = create(&mut engine, identity(0, 1), "");
            engine.inject_next(CallKind::StartContainer, fault);
            engine.inject_next(CallKind::StopContainer, Fault::Unreachable);
            let is_running = |engine: &Simulated| matches!(inspect(engine, &container.id).phase, Phase::Running { .. });
            let answer = if begun {
                let call = engine.begin(&start_action(&container));
                engine.advance(Pace::TYPICAL.start);
                assert_eq!(is_running(&engine), happened[0], "{fault:?}");
                engine.take_outcome(call)
            } else {
                Some(engine.perform(&start_action(&container)))
            };
            engine.advance(late);
            assert_eq!(is_running(&engine), happened[1], "{fault:?}");
            match (fault, answer) {
                (Fault::FailBefore(kind), Some(Outcome::Failed(failure))) => assert_eq!(failure.kind, kind),
                (Fault::Unreachable, Some(Outcome::Failed(failure))) => {
                    assert_eq!(failure.kind, FailureKind::Unreachable);
                }
                (Fault::Delay(_), answer) => assert_eq!(answer, (!begun).then_some(Outcome::Done(Effect::Started))),
                (_, answer) => assert_eq!(answer.as_ref(), outcome, "{fault:?}"),
            }
            assert_eq!(engine.writes().last().and_then(|write| write.fault), Some(fault));
            assert_eq!(engine.writes().len(), 3);
        }
    }
}

#[test]
fn faults_hit_the_call_that_they_are_meant_for() {
    let mut engine = Simulated::new(START);
    let container = run(&mut engine, 0, "");
    engine.inject_at(CallId(engine.calls_begun() + 1), Fault::Unreachable);
    assert_eq!(engine.perform(&stop_action(&container, 1)), Outcome::Done(Effect::Stopped));
    assert_eq!(kind_of(engine.perform(&remove_action(&container))), FailureKind::Unreachable);
    engine.inject(Fault::Unreachable);
    engine.clear_faults();
    assert_eq!(engine.perform(&remove_action(&container)), Outcome::Done(Effect::Removed));
}

#[test]
fn a_restart_of_the_engine() {
    for live_restore in [false, true] {
        let mut engine = Simulated::new(START);
        let container = run(&mut engine, 0, "");
        let waiting = create(&mut engine, identity(1, 1), "");
        engine.inject(Fault::LostWhileRunning(seconds(5)));
        let calls = [engine.begin(&start_action(&waiting)), engine.begin(&stop_action(&container, 60))];
        engine.restart_engine(live_restore);
        let runs = matches!(listed(&engine, &container.id).phase, Phase::Running { .. });
        assert_eq!(runs, live_restore);
        if !live_restore {
            assert_eq!(exit_of(inspect(&engine, &container.id)).code, 0);
        }
        assert_eq!(engine.take_hints(), [Hint::Lost]);
        let completed = engine.completed();
        assert_eq!(completed.iter().map(|(call, _)| *call).collect::<Vec<_>>(), calls);
        assert!(completed.iter().all(|(_, outcome)| matches!(outcome, Outcome::Unknown(_))), "{completed:?}");
        engine.advance(seconds(100));
        assert_eq!(inspect(&engine, &waiting.id).phase, Phase::Created, "a start under way is forgotten");
        engine.set_reachable(false);
        assert!(engine.try_list().is_err() && engine.try_inspect(&waiting.name).is_err());
        assert_eq!(kind_of(engine.perform(&start_action(&waiting))), FailureKind::Unreachable);
    }
}

#[test]
fn foreign_objects_are_kept_and_never_shown() {
    let mut engine = Simulated::new(START);
    let mut look_alike = identity(0, 1).labels(&spec(""));
    look_alike.remove("reconcile.attempt");
    let port = PortMapping { container_port: 80, host_port: 8080, protocol: Protocol::Tcp };
    let by_hand = ByHand {
        name: identity(0, 1).name(),
        labels: look_alike,
        ports: vec![port],
        running: true,
        ..ByHand::default()
    };
    let foreign = engine.add_by_hand(by_hand.clone()).expect("nobody else is there");
    assert_eq!(engine.add_by_hand(by_hand), Err(FailureKind::NameTaken));
    engine.add_volume_by_hand("data", &BTreeMap::new());
    let foreign_network = engine.add_network_by_hand(&BTreeMap::new());
    assert_eq!((engine.list(), engine.take_hints()), (Listing::default(), Vec::new()));
    assert_eq!((engine.inspect(&foreign.0), engine.inspect(&identity(0, 1).name())), (None, None));

    let ours = create(&mut engine, identity(0, 1), r#""portMappings":[{"containerPort":80,"hostPort":8080}]"#);
    assert_eq!(ours.name, format!("{}.2", identity(0, 1).name()));
    assert_eq!(kind_of(engine.perform(&start_action(&ours))), FailureKind::PortTaken);
    assert!(engine.violations().is_empty(), "{:?}", engine.violations());

    let identity = Box::new(identity(0, 1));
    engine.perform(&Action::StopContainer { id: foreign.clone(), identity, stop_timeout: 1 });
    engine.perform(&Action::RemoveVolume { name: "data".to_owned(), cluster: cluster() });
    engine.perform(&Action::RemoveNetwork { id: foreign_network.clone(), cluster: cluster() });
    assert_eq!(engine.foreign_touched(), BTreeSet::from([&*foreign.0, "data", &*foreign_network.0]));
}

#[test]
fn objects_of_another_source_are_shown() {
    let mut engine = Simulated::new(START);
    let mut other = identity(0, 1);
    other.source = Source::new("there");
    let labels = other.labels(&spec(""));
    let by_hand = ByHand { name: other.name(), labels, running: true, ..ByHand::default() };
    let theirs = engine.add_by_hand(by_hand).expect("nobody else is there");
    assert_eq!(inspect(&engine, &theirs).identity, other);
    let network = network(&mut engine);
    assert_eq!(kind_of(engine.perform(&create_action(&network, identity(0, 1), ""))), FailureKind::NameTaken);
    engine.set_sources(Some(BTreeSet::from([source()])));
    engine.perform(&stop_action(&inspect(&engine, &theirs), 1));
    let violation = &engine.violations().first().expect("it is not ours").violation;
    assert!(matches!(violation, Violation::OtherSourceTouched { .. }), "{violation:?}");
}

#[test]
fn broken_promises_are_noticed() {
    let mut engine = Simulated::new(START);
    let guard = Guard { floor: 2, ceiling: 3, settle: Duration::ZERO };
    engine.set_guard(&cluster(), &service(), Some(guard));
    let tasks: Vec<_> = (0..3).map(|slot| run(&mut engine, slot, "")).collect();
    assert_eq!(engine.live_tasks(&cluster(), &service()), 3);
    assert_eq!(engine.healthy_tasks(&cluster(), &service(), seconds(1)), 0, "they have not settled");
    engine.begin(&stop_action(&tasks[0], 10));
    assert!(engine.violations().is_empty(), "{:?}", engine.violations());
    engine.begin(&stop_action(&tasks[1], 10));
    let floor = |engine: &Simulated| engine.violations().last().map(|violated| violated.violation.clone());
    let task = Box::new(tasks[1].identity.task.clone());
    assert_eq!(floor(&engine), Some(Violation::BelowFloor { task, healthy: 1, floor: 2 }), "what has begun counts");

    let fourth = create(&mut engine, identity(3, 1), "");
    engine.begin(&start_action(&fourth));
    let task = Box::new(fourth.identity.task.clone());
    assert_eq!(floor(&engine), Some(Violation::AboveCeiling { task, live: 4, ceiling: 3 }));

    create(&mut engine, identity(4, 2), "");
    create(&mut engine, identity(4, 1), "");
    let task = Box::new(identity(4, 1).task);
    assert_eq!(floor(&engine), Some(Violation::AttemptWentBack { task, latest: Attempt(2) }));

    engine.set_guard(&cluster(), &service(), None);
    let port = r#""portMappings":[{"containerPort":80,"hostPort":8080}]"#;
    run(&mut engine, 5, port);
    let second = create(&mut engine, identity(6, 1), port);
    engine.perform(&start_action(&second));
    assert_eq!(floor(&engine), Some(Violation::PortGivenTwice { port: 8080, protocol: Protocol::Tcp }));

    let twin = identity(2, 1).labels(&spec(""));
    let twin = engine.add_by_hand(ByHand { name: "twin".to_owned(), labels: twin, ..ByHand::default() });
    let twin = inspect(&engine, &twin.expect("its name is free"));
    engine.perform(&start_action(&twin));
    assert_eq!(floor(&engine), Some(Violation::TwoLive { identity: Box::new(identity(2, 1)) }));
}

#[test]
fn images_are_there_or_can_be_fetched_or_neither() {
    let mut engine = Simulated::new(START);
    let network = network(&mut engine);
    let create = create_action(&network, identity(0, 1), "");
    let pull = Action::PullImage { image: "shop:1".to_owned(), credentials: None, platform: None };
    engine.set_default_image(Image::Missing);
    assert_eq!(kind_of(engine.perform(&create)), FailureKind::ImageMissing);
    assert_eq!(kind_of(engine.perform(&pull)), FailureKind::ImageMissing);
    engine.set_image("shop:1", Image::Pullable);
    assert_eq!(kind_of(engine.perform(&create)), FailureKind::ImageMissing);
    assert_eq!(engine.perform(&pull), Outcome::Done(Effect::Pulled));
    assert_eq!(engine.image_names(), ["shop:1"]);
    assert!(matches!(engine.perform(&create), Outcome::Done(Effect::Container(_))));
}

#[test]
fn a_seeded_engine_shows_what_it_was_seeded_with() {
    let mut first = Simulated::new(START);
    let mount = r#""mountPoints":[{"sourceVolume":"tmp","containerPath":"/tmp","volume":{"kind":"task"}}]"#;
    let port = r#""portMappings":[{"containerPort":80,"hostPort":8080}]"#;
    let healthy = run(&mut first, 0, &format!("{CHECKED},{port}"));
    let sick = run(&mut first, 1, CHECKED);
    let fresh = create(&mut first, identity(2, 1), mount);
    run(&mut first, 3, "");
    first.advance(seconds(20));
    first.make_unhealthy(&sick.id);
    first.kill(&fresh.id);
    let observed = first.observe();

    let mut second = Simulated::new(Timestamp(0));
    second.seed(&observed);
    assert_eq!((second.observe(), second.take_hints()), (observed, Vec::new()));
    assert_eq!(second.next_event_at(), None, "all is well or sick for good");
    second.advance(seconds(1000));
    assert_eq!(inspect(&second, &sick.id).health, Health::Unhealthy);
    let volume = ownership::task_volume_name(&fresh.identity.task, &serde_json::from_str(r#""tmp""#).expect("a name"));
    let remove = Action::RemoveVolume { name: volume, cluster: cluster() };
    assert_eq!(kind_of(second.perform(&remove)), FailureKind::Conflict);
    second.perform(&remove_action(&fresh));
    assert_eq!(second.perform(&remove), Outcome::Done(Effect::Removed));
    let rival = create(&mut second, identity(4, 1), port);
    assert_eq!(kind_of(second.perform(&start_action(&rival))), FailureKind::PortTaken);
    second.perform(&stop_action(&healthy, 1));
    assert_eq!(second.perform(&start_action(&rival)), Outcome::Done(Effect::Started));
}

#[test]
fn an_observation_is_kept_up_to_date_at_the_cost_of_what_changed() {
    let mut engine = Simulated::new(START);
    let mut observed = engine.observe();
    let container = run(&mut engine, 0, CHECKED);
    let gone = create(&mut engine, identity(1, 1), "");
    engine.refresh(&mut observed);
    assert_eq!(observed, engine.observe());
    engine.advance(seconds(15));
    engine.perform(&remove_action(&gone));
    engine.refresh(&mut observed);
    assert_eq!(observed, engine.observe());
    engine.lose_hints();
    engine.kill(&container.id);
    engine.restart_engine(false);
    engine.refresh(&mut observed);
    assert_eq!(observed, engine.observe());
}

#[test]
fn the_same_calls_give_the_same_bytes() {
    let story = || {
        let mut engine = behaving(Behaviour { health: Checks::Flaps(seconds(7)), ..Behaviour::default() });
        for slot in 0..5 {
            let container = run(&mut engine, slot, CHECKED);
            engine.begin(&stop_action(&container, 3));
            engine.advance(seconds(1));
        }
        format!("{engine:?}")
    };
    assert_eq!(story(), story());
}

#[tokio::test(start_paused = true)]
async fn behind_the_asynchronous_door() {
    use futures_util::StreamExt;
    let handle = SimulatedHandle::new(Simulated::new(START));
    let action = Action::CreateNetwork { cluster: cluster(), source: source() };
    let Outcome::Done(Effect::Network(network)) = handle.perform(&action).await else { panic!("no network") };
    let mut hints = handle.hints(START, BTreeSet::new(), Subjects::Everything);
    let create = create_action(&network, identity(0, 1), CHECKED);
    let Outcome::Done(Effect::Container(container)) = handle.perform(&create).await else { panic!("no container") };
    assert_eq!(handle.perform(&start_action(&container)).await, Outcome::Done(Effect::Started));
    let begun = handle.with(|engine| engine.now());
    assert_eq!(begun, START.after(Pace::TYPICAL.network + Pace::TYPICAL.create + Pace::TYPICAL.start));
    let id = container.id.clone();
    let mut next = async || hints.next().await;
    assert_eq!(next().await, Some(Hint::Other), "the network");
    for change in [Change::Began, Change::Began, Change::Other] {
        assert_eq!(next().await, Some(Hint::Container(id.clone(), change)));
    }
    assert_eq!(handle.with(|engine| engine.now()), begun.after(seconds(10)), "the first verdict");
    assert_eq!(handle.inspect(&id.0).await.expect("an answer").map(|seen| seen.health), Some(Health::Healthy));
    let restart = async {
        tokio::time::sleep(seconds(1)).await;
        handle.with(|engine| engine.restart_engine(true));
    };
    let (hint, ()) = tokio::join!(next(), restart);
    assert_eq!((hint, next().await), (Some(Hint::Lost), None));
    handle.with(|engine| engine.set_reachable(false));
    assert!(handle.list().await.is_err());
    let outcome = handle.perform(&remove_action(&container)).await;
    assert!(matches!(outcome, Outcome::Failed(Failure { kind: FailureKind::Unreachable, .. })), "{outcome:?}");
}

/// Does some work and says how long it took, for `--nocapture`.
#[expect(clippy::disallowed_methods, reason = "this is a measurement")]
fn measure<T>(what: &str, work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = std::time::Instant::now();
    let done = work();
    let took = begun.elapsed();
    std::io::Write::write_all(&mut std::io::stderr(), format!("{what}: {took:?}\n").as_bytes())
        .expect("stderr is open");
    (done, took)
}

/// What ten thousand services cost: one task each, created, started, healthy, observed. The limits are generous: a debug build on a
/// busy machine.
#[test]
fn ten_thousand_containers_are_cheap() {
    let mut engine = Simulated::new(START);
    let network = network(&mut engine);
    let mut observed = engine.observe();
    let actions = (0..10_000).map(|slot| {
        let mut identity = identity(slot, 1);
        identity.task.service = ServiceName::new(&format!("web-{slot}")).expect("a name");
        create_action(&network, identity, CHECKED)
    });
    let actions: Vec<_> = actions.collect();
    let ((), rolled_out) = measure("rolling 10,000 out", || {
        for action in &actions {
            engine.begin(action);
        }
        while let Some(next) = engine.next_event_at() {
            engine.advance_to(next);
            for (_, outcome) in engine.completed() {
                if let Outcome::Done(Effect::Container(container)) = outcome {
                    engine.begin(&start_action(&container));
                }
            }
        }
    });
    let ((), refreshed) = measure("refreshing", || engine.refresh(&mut observed));
    let (listing, listed) = measure("listing", || engine.list());
    assert!(listing.containers.len() == 10_000 && listing.containers.iter().all(|seen| seen.health == Health::Healthy));
    let mut copy = Simulated::new(START);
    let ((), seeded) = measure("seeding", || copy.seed(&observed));
    assert!(rolled_out + refreshed + listed + seeded < seconds(30));
}

/// What a property test does thousands of times: three slots, five lives each, looked at after every step.
#[test]
fn a_short_history_is_cheap() {
    let history = || {
        let mut engine = Simulated::new(START);
        for attempt in 1..=5 {
            for slot in 0..3 {
                let container = create(&mut engine, identity(slot, attempt), CHECKED);
                engine.begin(&start_action(&container));
                engine.advance(seconds(11));
                assert_eq!(listed(&engine, &container.id).health, Health::Healthy);
                engine.kill(&container.id);
                engine.advance(seconds(1));
            }
            for container in engine.list().containers {
                engine.perform(&remove_action(&container));
            }
        }
    };
    let ((), took) = measure("100 short histories", || (0..100).for_each(|_| history()));
    assert!(took < seconds(30));
}
