//! What the reconciler believes, whom, and how much it begins at once.

use super::*;
use crate::observed::Exit;
use crate::ownership::RecordedSpec;
use crate::testing::{NOW, add_network, desired, observed, running, service, task};

const LIMITS: Limits = Limits { repair: 2, rollout: 2, retire: 2, pull: 1 };

fn at(secs: u64) -> Timestamp {
    NOW.after(std::time::Duration::from_secs(secs))
}

fn web() -> Arc<crate::desired::TaskSpec> {
    task("web", &[r#"{"name":"web","image":"web:1"}"#])
}

/// What a list shows of these containers and of the network of their cluster.
fn listing(containers: &[Vec<ObservedContainer>]) -> Listing {
    let mut state = observed(containers);
    add_network(&mut state, "shop");
    Listing {
        neighbours: Vec::new(),
        containers: state.containers.into_values().collect(),
        networks: state.networks.into_values().collect(),
        volumes: Vec::new(),
    }
}

/// A reconciler that has just asked for its first list.
fn asking(count: u32) -> Reconciler {
    let mut reconciler = Reconciler::new(Arc::new(desired(&[("shop/web", service(count, &web()))])), LIMITS);
    assert_eq!(reconciler.tick(NOW).commands, [Command::List], "it looks before it does anything");
    reconciler
}

/// A reconciler that has seen one running task, and found nothing to do.
fn at_rest() -> (Reconciler, ObservedContainer) {
    let mut reconciler = asking(1);
    let containers = running("shop/web/0", &web(), 1);
    reconciler.handle(NOW, Input::Listed(Ok(listing(std::slice::from_ref(&containers)))));
    assert_eq!(reconciler.tick(NOW).commands, []);
    (reconciler, containers.into_iter().next().unwrap())
}

fn ended(container: &ObservedContainer) -> ObservedContainer {
    let exit = Exit {
        code: 1,
        oom_killed: false,
        error: String::new(),
        started_at: container.created_at,
        finished_at: NOW,
        health_output: None,
    };
    ObservedContainer { phase: Phase::Exited { exit: Some(exit) }, ..container.clone() }
}

/// What is performed of the commands, in words.
fn performed(tick: &Tick) -> Vec<String> {
    let steps = tick.commands.iter().filter_map(|command| match command {
        Command::Perform(step) => Some(step.action.to_string()),
        Command::List | Command::AskHost | Command::AskStops(_) | Command::Inspect(_) | Command::LookUpImage(_) => None,
    });
    steps.collect()
}

/// It asks what `web:1` is, and is answered.
fn look_up_web(reconciler: &mut Reconciler, at: Timestamp) {
    assert_eq!(
        reconciler.tick(at).commands,
        [Command::LookUpImage("web:1".to_owned())],
        "before it makes anything of it"
    );
    let image = crate::testing::image_of("web:1");
    reconciler.handle(at, Input::ImageLookedUp("web:1".to_owned(), Ok(Some(image))));
}

fn unreachable() -> EngineError {
    EngineError::Unreachable { endpoint: "unix:///nowhere".to_owned(), reason: "refused".to_owned() }
}

#[test]
fn no_more_is_begun_at_once_than_the_limits_allow() {
    let mut reconciler = asking(5);
    reconciler.handle(NOW, Input::Listed(Ok(listing(&[]))));
    look_up_web(&mut reconciler, NOW);
    let tick = reconciler.tick(NOW);
    assert_eq!(performed(&tick).len(), LIMITS.rollout);
    assert_eq!(reconciler.tick(NOW).commands, [], "what is under way takes its place");
    assert!(reconciler.is_busy());
}

#[test]
fn a_rollout_makes_way_for_a_repair() {
    let services = desired(&[("shop/api", service(20, &web())), ("shop/web", service(1, &web()))]);
    let mut reconciler = Reconciler::new(Arc::new(services), Limits { repair: 8, rollout: 8, ..LIMITS });
    assert_eq!(reconciler.tick(NOW).commands, [Command::List]);
    // It ended long enough ago for its pause to be over.
    let dead = crate::testing::exited("shop/web/0", &web(), 1, 1, 60);
    reconciler.handle(NOW, Input::Listed(Ok(listing(&[dead]))));
    look_up_web(&mut reconciler, NOW);
    let begun = performed(&reconciler.tick(NOW));
    let of_web = begun.iter().filter(|step| step.contains("shop/web/0")).count();
    assert_eq!((of_web, begun.len() - of_web), (1, 1), "{begun:#?}");
    assert_eq!(performed(&reconciler.tick(NOW)), Vec::<String>::new(), "no more begins while the repair goes on");
}

#[test]
fn who_stays_to_repair_begins_fewer_starts_at_once() {
    for (cores, alone, watching) in [(1, 4, 4), (2, 6, 4), (4, 12, 6), (32, 16, 16)] {
        let limits = Limits::for_cores(cores);
        assert_eq!(limits.rollout, alone, "{cores} cores");
        assert_eq!(Limits::for_watching(cores), Limits { rollout: watching, ..limits }, "{cores} cores");
    }
}

#[test]
fn an_end_that_an_event_tells_is_believed_and_inspected() {
    let (mut reconciler, container) = at_rest();
    reconciler.handle(at(1), Input::Hint(Hint::Container(container.id.clone(), Change::Ended)));
    assert_eq!(reconciler.observed().containers[&container.id].phase, Phase::Exited { exit: None });
    assert_eq!(reconciler.tick(at(1)).commands, [Command::Inspect(container.id.to_string())]);
}

#[test]
fn a_list_that_lags_behind_an_end_is_not_believed() {
    let (mut reconciler, container) = at_rest();
    reconciler.handle(at(1), Input::Resync);
    assert_eq!(reconciler.tick(at(1)).commands, [Command::List]);
    reconciler.handle(at(1), Input::Hint(Hint::Container(container.id.clone(), Change::Ended)));
    // The list was asked for before the end, and shows the container as running.
    reconciler.handle(at(1), Input::Listed(Ok(listing(&[vec![container.clone()]]))));
    assert!(matches!(reconciler.observed().containers[&container.id].phase, Phase::Exited { .. }));
}

#[test]
fn what_has_been_read_of_a_label_outlives_the_next_look() {
    let (mut reconciler, container) = at_rest();
    let spec = |reconciler: &Reconciler| {
        let container = &reconciler.observed().containers[&container.id];
        container.read_spec().expect("it can be read").clone()
    };
    let read = spec(&reconciler);
    let anew = || ObservedContainer {
        spec: container.spec.as_ref().map(|spec| RecordedSpec::from(spec.text())),
        ..container.clone()
    };
    reconciler.handle(at(60), Input::Resync);
    assert_eq!(reconciler.tick(at(60)).commands, [Command::List]);
    reconciler.handle(at(60), Input::Listed(Ok(listing(&[vec![anew()]]))));
    assert!(Arc::ptr_eq(&read, &spec(&reconciler)), "a list");
    let outcome = Outcome::Done(Effect::Container(Box::new(anew())));
    let identity = Box::new(container.identity.clone());
    let action = Action::StartContainer { id: container.id.clone(), identity };
    reconciler.handle(at(61), Input::Finished(Box::new(Step { action, cause: Cause::Wanted }), outcome));
    assert!(Arc::ptr_eq(&read, &spec(&reconciler)), "a close look");
}

#[test]
fn an_answer_that_is_older_than_a_list_is_asked_for_again() {
    let (mut reconciler, container) = at_rest();
    let id = container.id.to_string();
    reconciler.handle(at(1), Input::Hint(Hint::Container(container.id.clone(), Change::Other)));
    assert_eq!(reconciler.tick(at(1)).commands, [Command::Inspect(id.clone())]);
    reconciler.handle(at(2), Input::Resync);
    assert_eq!(reconciler.tick(at(2)).commands, [Command::List]);
    reconciler.handle(at(2), Input::Listed(Ok(listing(&[vec![container.clone()]]))));
    reconciler.handle(at(2), Input::Inspected(id.clone(), Ok(Some(ended(&container)))));
    assert!(matches!(reconciler.observed().containers[&container.id].phase, Phase::Running { .. }));
    assert_eq!(reconciler.tick(at(2)).commands, [Command::Inspect(id)]);
}

#[test]
fn what_our_own_action_explains_is_not_looked_at() {
    let mut reconciler = asking(1);
    let mut made = running("shop/web/0", &web(), 1);
    made[0].phase = Phase::Created;
    let id = made[0].id.clone();
    reconciler.handle(NOW, Input::Listed(Ok(listing(&[made]))));
    let tick = reconciler.tick(NOW);
    let [Command::Perform(step)] = &*tick.commands else { panic!("it starts the container: {:?}", tick.commands) };
    reconciler.handle(NOW, Input::Hint(Hint::Container(id.clone(), Change::Began)));
    reconciler.handle(NOW, Input::Finished(step.clone(), Outcome::Done(Effect::Started)));
    assert_eq!(reconciler.tick(NOW).commands, [], "the start is known, and nobody has to be asked");
    assert!(matches!(reconciler.observed().containers[&id].phase, Phase::Running { .. }));
}

#[test]
fn an_end_during_our_own_start_is_looked_at_when_the_start_is_answered() {
    let mut reconciler = asking(1);
    let mut made = running("shop/web/0", &web(), 1);
    made[0].phase = Phase::Created;
    let id = made[0].id.clone();
    reconciler.handle(NOW, Input::Listed(Ok(listing(&[made]))));
    let tick = reconciler.tick(NOW);
    let [Command::Perform(step)] = &*tick.commands else { panic!("it starts the container: {:?}", tick.commands) };
    reconciler.handle(NOW, Input::Hint(Hint::Container(id.clone(), Change::Ended)));
    reconciler.handle(NOW, Input::Finished(step.clone(), Outcome::Done(Effect::Started)));
    assert_eq!(reconciler.tick(NOW).commands, [Command::Inspect(id.to_string())]);
}

#[test]
fn an_action_without_an_answer_counts_as_under_way_until_somebody_has_looked() {
    let mut reconciler = asking(1);
    reconciler.handle(NOW, Input::Listed(Ok(listing(&[]))));
    look_up_web(&mut reconciler, NOW);
    let tick = reconciler.tick(NOW);
    let [Command::Perform(step)] = &*tick.commands else { panic!("it creates: {:?}", tick.commands) };
    reconciler.handle(at(60), Input::Finished(step.clone(), Outcome::Unknown("no answer within 60 s".to_owned())));
    let next = reconciler.tick(at(60));
    let made = running("shop/web/0", &web(), 1).remove(0);
    assert!(next.commands.contains(&Command::Inspect(made.name.clone())), "it asks by name: {:?}", next.commands);
    assert_eq!(performed(&next), [""; 0], "a second container is not created meanwhile");
    reconciler.handle(at(60), Input::Inspected(made.name.clone(), Ok(Some(made))));
    assert_eq!(performed(&reconciler.tick(at(60))), [""; 0], "it had happened");
}

#[test]
fn without_an_engine_nothing_is_begun_and_it_is_asked_ever_more_seldom() {
    let (mut reconciler, _) = at_rest();
    reconciler.handle(at(1), Input::Resync);
    let mut now = at(1);
    let mut pauses = Vec::new();
    for _ in 0..5 {
        assert_eq!(reconciler.tick(now).commands, [Command::List]);
        reconciler.handle(now, Input::Listed(Err(unreachable())));
        let tick = reconciler.tick(now);
        assert!(tick.commands.is_empty() && tick.plan.is_none());
        let next = tick.wake_at.expect("it will ask again");
        pauses.push(next.since(now).as_secs());
        now = next;
    }
    assert_eq!(pauses, [1, 2, 4, 5, 5]);
    assert_eq!(reconciler.trouble().map(|trouble| (trouble.since, trouble.failures)), Some((at(1), 5)));
    let events: Vec<_> = reconciler.take_events().into_iter().map(|event| event.kind.reason()).collect();
    assert_eq!(events.iter().filter(|reason| **reason == "EngineLost").count(), 1, "it is told once: {events:?}");
}

#[test]
fn a_question_that_fails_again_and_again_asks_for_the_whole() {
    let (mut reconciler, container) = at_rest();
    let id = container.id.to_string();
    reconciler.handle(at(1), Input::Hint(Hint::Container(container.id.clone(), Change::Other)));
    let mut now = at(1);
    for failures in 1..=INSPECTIONS_FAILED_MAX {
        let tick = reconciler.tick(now);
        assert!(tick.commands.contains(&Command::Inspect(id.clone())), "try {failures}: {:?}", tick.commands);
        let refused = EngineError::Unreachable { endpoint: String::new(), reason: "500".to_owned() };
        reconciler.handle(now, Input::Inspected(id.clone(), Err(refused)));
        now = now.after(std::time::Duration::from_mins(5));
    }
    assert!(reconciler.tick(now).commands.contains(&Command::List));
}

#[test]
fn what_belongs_to_others_is_not_even_remembered() {
    let mut reconciler = asking(1);
    let mut foreign = running("elsewhere/web/0", &web(), 1);
    foreign[0].identity.source = crate::ownership::Source::new("somebody else");
    reconciler.handle(NOW, Input::Listed(Ok(listing(&[foreign]))));
    assert!(reconciler.observed().containers.is_empty());
}

#[test]
fn how_much_the_host_has_is_asked_when_somebody_wants_some_of_it() {
    // One that has settled wants nothing, and of one that reserves nothing nobody asks either.
    let (mut reconciler, _) = at_rest();
    assert_eq!(reconciler.tick(at(1)).commands, []);
    let large = task("web", &[r#"{"name":"web","image":"web:1","memory":300}"#]);
    let wanted = desired(&[("shop/web", service(1, &large))]);
    let mut reconciler = Reconciler::new(Arc::new(wanted), LIMITS);
    let _ = reconciler.tick(NOW);
    reconciler.handle(NOW, Input::Listed(Ok(listing(&[]))));
    // Both questions are asked at once.
    let commands = reconciler.tick(NOW).commands;
    assert!(commands.contains(&Command::AskHost) && commands.len() == 2, "{commands:?}");
    let image = crate::testing::image_of("web:1");
    reconciler.handle(NOW, Input::ImageLookedUp("web:1".to_owned(), Ok(Some(image))));
    assert_eq!(reconciler.tick(NOW).commands, [], "nothing takes room before it is known how much there is");
    assert!(reconciler.is_busy());
    let unanswered = EngineError::NoAnswer { call: "info", seconds: 5 };
    reconciler.handle(at(1), Input::HostTold(Err(unanswered)));
    let tick = reconciler.tick(at(1));
    assert_eq!((tick.commands, tick.wake_at), (Vec::new(), Some(at(2))), "it is asked again, but not at once");
    assert_eq!(reconciler.tick(at(2)).commands, [Command::AskHost]);
    reconciler.handle(at(2), Input::HostTold(Ok(Some(Resources { cpu: 1024, memory: 200 }))));
    assert_eq!(performed(&reconciler.tick(at(2))), [] as [&str; 0]);
    // An engine that was gone may come back on a larger machine.
    reconciler.handle(at(3), Input::Resync);
    assert_eq!(reconciler.tick(at(3)).commands, [Command::List]);
    reconciler.handle(at(3), Input::Listed(Err(unreachable())));
    assert_eq!(reconciler.tick(at(9)).commands, [Command::List]);
    reconciler.handle(at(9), Input::Listed(Ok(listing(&[]))));
    assert!(reconciler.tick(at(9)).commands.contains(&Command::AskHost));
}
