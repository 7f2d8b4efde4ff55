//! What a series of answers means, and when the next question is due.

use std::fmt::Write as _;

use super::*;
use crate::testing::{NOW, running, task};

/// A container with these checks that has just been started, or of which we see only now that it runs.
fn container(checks: &str) -> ObservedContainer {
    let text = format!(r#"{{"name":"web","image":"web:1",{checks}}}"#);
    let mut container = running("shop/web/0", &task("web", &[&text]), 1).remove(0);
    container.health = Health::None;
    container.phase = Phase::Running { started_at: NOW };
    container
}

fn health(interval: u32, retries: u32, start_period: u32) -> String {
    format!(
        r#""healthCheck":{{"httpGet":{{"path":"/","port":80}},"interval":{interval},"timeout":2,"retries":{retries},"startPeriod":{start_period}}}"#
    )
}

/// Asks a container for `secs` seconds, each time with an answer of `script`: the last one again and again. What each question came
/// to: its second, and the health after it. Only what is new is told.
fn play(checks: &str, is_new: bool, script: &str, secs: u64) -> String {
    let (mut rounds, mut container) = (Rounds::default(), container(checks));
    rounds.complete(&mut container, is_new, NOW);
    let mut told = format!("{:?}", container.health);
    let mut answers = script.chars();
    let mut answer = answers.next();
    let end = NOW.after(Duration::from_secs(secs));
    while let Some(at) = rounds.next_at(|_, _, _| true).filter(|at| *at <= end) {
        let (id, purpose) = rounds.next_due(at).expect("it is due");
        let question = rounds.ask((&id, purpose), (Place::Host, None), at).expect("it is followed");
        let said = match answer.expect("a script has an answer") {
            '+' => Answer::Success,
            '?' => Answer::Unreachable("elsewhere".to_owned()),
            _ => Answer::Failure("no".to_owned()),
        };
        answer = answers.next().or(answer);
        let before = container.health;
        if let Some(verdict) = rounds.record(&question, &said, at) {
            container.health = verdict.health;
        }
        if container.health != before {
            write!(told, " {:.0}s {:?}", at.since(NOW).as_secs_f64(), container.health).unwrap();
        }
    }
    told
}

#[test]
fn answers_become_verdicts_as_dockers_do() {
    let cases = [
        // One success is enough, and is found within a second of coming about.
        (health(30, 3, 0), true, "+", 90, "Starting 0s Healthy"),
        (health(30, 3, 0), true, "--+", 90, "Starting 2s Healthy"),
        (health(30, 3, 0), true, "----------+", 90, "Starting 10s Healthy"),
        // Without one it takes as long as Docker takes: as many intervals as there are retries.
        (health(30, 3, 0), true, "-", 89, "Starting"),
        (health(30, 3, 0), true, "-", 120, "Starting 90s Unhealthy"),
        (health(5, 1, 0), true, "-", 120, "Starting 5s Unhealthy"),
        (health(1, 3, 0), true, "-", 120, "Starting 3s Unhealthy"),
        // Failures in the start period do not count.
        (health(10, 2, 60), true, "-", 300, "Starting 70s Unhealthy"),
        // One that we see for the first time has the same patience.
        (health(10, 2, 0), false, "-", 120, "Unknown 20s Unhealthy"),
        (health(10, 2, 0), false, "+", 120, "Unknown 0s Healthy"),
        // Who cannot be asked is neither well nor sick, for ever.
        (health(5, 1, 0), true, "?", 300, "Starting 0s Unknown"),
        (health(5, 1, 0), true, "???+", 300, "Starting 0s Unknown 3s Healthy"),
        (health(5, 1, 0), true, "+?", 300, "Starting 0s Healthy"),
    ];
    for (checks, is_new, script, secs, expected) in cases {
        assert_eq!(play(&checks, is_new, script, secs), expected, "{checks} {script}");
    }
}

#[test]
fn failures_in_a_row_make_a_healthy_container_unhealthy() {
    // The second question falls somewhere in the first interval, the same for the same container always.
    let told = play(&health(10, 3, 0), true, "+--+---+", 100);
    let words: Vec<_> = told.split(' ').filter(|word| !word.ends_with('s')).collect();
    assert_eq!(words, ["Starting", "Healthy", "Unhealthy", "Healthy"], "two failures are not three: {told}");
}

#[test]
fn the_end_of_a_container_is_remembered_until_it_runs_again() {
    let (mut rounds, mut container) = (Rounds::default(), container(&health(5, 1, 0)));
    rounds.complete(&mut container, true, NOW);
    let at = NOW.after(Duration::from_secs(5));
    for at in [NOW, at] {
        while let Some((id, purpose)) = rounds.next_due(at) {
            let question = rounds.ask((&id, purpose), (Place::Host, None), at).unwrap();
            rounds.record(&question, &Answer::Failure("answered 503".to_owned()), at);
        }
    }
    let exit = crate::observed::Exit {
        code: 0,
        oom_killed: false,
        error: String::new(),
        started_at: NOW,
        finished_at: at,
        health_output: None,
    };
    container.phase = Phase::Exited { exit: Some(exit) };
    for _ in 0..2 {
        let mut ended = container.clone();
        rounds.complete(&mut ended, false, at);
        assert_eq!(ended.phase.exit().unwrap().health_output.as_deref(), Some("answered 503"));
    }
    assert_eq!(rounds.next_at(|_, _, _| true), None, "nobody is asked who has ended");
    container.phase = Phase::Running { started_at: at };
    rounds.complete(&mut container, true, at);
    assert_eq!(container.health, Health::Starting);
    rounds.forget(&container.id);
    assert_eq!((rounds.series.len(), rounds.queue.len(), rounds.known.len()), (0, 0, 0));
}

#[test]
fn the_answer_to_a_question_about_an_earlier_life_says_nothing() {
    let (mut rounds, mut container) = (Rounds::default(), container(&health(5, 1, 0)));
    rounds.complete(&mut container, true, NOW);
    let question = rounds.ask((&container.id, Purpose::Health), (Place::Host, None), NOW).unwrap();
    assert_eq!(rounds.next_at(|_, _, _| true), None, "it is not asked again before it has answered");
    container.health = Health::None;
    rounds.complete(&mut container, true, NOW);
    assert_eq!(rounds.record(&question, &Answer::Success, NOW), None);
    assert_eq!(container.health, Health::Starting);
}

#[test]
fn questions_without_an_answer_are_asked_again() {
    let (mut rounds, mut container) = (Rounds::default(), container(&health(5, 1, 0)));
    rounds.complete(&mut container, true, NOW);
    let lost = rounds.ask((&container.id, Purpose::Health), (Place::Host, None), NOW).unwrap();
    rounds.ask_again(NOW);
    assert!(rounds.next_due(NOW).is_some());
    assert_eq!(rounds.record(&lost, &Answer::Success, NOW), None, "it comes too late");
}

#[test]
fn only_checks_over_the_network_are_ours() {
    let command =
        r#""healthCheck":{"command":["CMD","/httpGet"],"interval":5,"timeout":2,"retries":1,"startPeriod":0}"#;
    let readiness =
        r#""readinessCheck":{"tcpSocket":{"port":80},"interval":5,"timeout":2,"retries":1,"startPeriod":0}"#;
    for (checks, health, readiness) in [
        (command.to_owned(), Health::None, Health::None),
        (readiness.to_owned(), Health::None, Health::Starting),
        (format!("{command},{readiness}"), Health::None, Health::Starting),
        (format!("{},{readiness}", self::health(5, 1, 0)), Health::Starting, Health::Starting),
    ] {
        let (mut rounds, mut container) = (Rounds::default(), container(&checks));
        rounds.complete(&mut container, true, NOW);
        assert_eq!((container.health, container.readiness), (health, readiness), "{checks}");
    }
}

#[test]
fn containers_that_begin_together_are_spread_over_the_interval() {
    let mut spread_over = BTreeSet::new();
    for number in 0..100 {
        let place = spread(&ContainerId::new(&format!("container-{number}")), Purpose::Health);
        assert!((0.0..1.0).contains(&place), "{place}");
        spread_over.insert((place * 10.0).to_string().chars().next());
    }
    assert_eq!(spread_over.len(), 10, "every tenth of an interval has some of a hundred");
}
