use super::*;
use crate::desired::TaskSpec;
use crate::observed::ObservedState;
use crate::plan::group;
use crate::testing::{NOW, ago, exited, observed, running, task};

const DB: &str = r#"{"name":"db","image":"db:1","essential":false,"startTimeout":30,"healthCheck":{"command":["CMD","x"],"interval":5,"timeout":2,"retries":1,"startPeriod":0}}"#;

fn waiting(condition: &str) -> std::sync::Arc<TaskSpec> {
    let web =
        format!(r#"{{"name":"web","image":"web:1","dependsOn":[{{"containerName":"db","condition":"{condition}"}}]}}"#);
    task("web", &[&web, DB])
}

fn in_words(gate: &Gate<'_>) -> String {
    match gate {
        Gate::Open => "open".to_owned(),
        Gate::Waits { until: None, .. } => "waits".to_owned(),
        Gate::Waits { until: Some(until), .. } => format!("waits {}s", until.since(NOW).as_secs()),
        Gate::Never(_) => "never".to_owned(),
        Gate::Unclear(_) => "unclear".to_owned(),
    }
}

/// The gate of `web`, which has not been started, while `db` is in this phase and health. `wanted` says whether the task is of the
/// revision that is wanted: of another one its labels have to tell.
fn gate_when(condition: &str, phase: &Phase, health: Health, wanted: bool) -> String {
    let task = waiting(condition);
    let mut containers = running("shop/web/0", &task, 1);
    containers[0].phase = Phase::Created;
    (containers[1].phase, containers[1].health) = (phase.clone(), health);
    let observed = observed(&[containers]);
    let view = the_task(&observed, wanted.then_some(&*task));
    let web = view.containers.iter().find(|one| one.identity.container.as_str() == "web").expect("it was made");
    in_words(&gate(&view, web))
}

fn the_task<'a>(observed: &'a ObservedState, spec: Option<&'a TaskSpec>) -> TaskView<'a> {
    let view = group::tasks(observed).into_values().flatten().next().expect("one task");
    view.within(spec, true, observed)
}

fn ended(code: i64, ran_secs: u64) -> Phase {
    let mut phase = exited("shop/web/0", &waiting("START"), 1, code, 1).remove(1).phase;
    if let Phase::Exited { exit: Some(exit) } = &mut phase {
        exit.started_at = exit.finished_at.before(Duration::from_secs(ran_secs));
    }
    phase
}

#[test]
fn each_condition_in_each_state() {
    let runs = |secs| Phase::Running { started_at: ago(secs) };
    let failed = || Phase::StartFailed { message: "no such program".to_owned(), at: ago(1), blameless: false };
    // The state of the dependency, and what START, COMPLETE, SUCCESS and HEALTHY make of it.
    let table: [(Phase, Health, [&str; 4]); 13] = [
        (Phase::Created, Health::None, ["waits"; 4]),
        (Phase::CreatedOrFailed, Health::None, ["unclear"; 4]),
        (failed(), Health::None, ["never"; 4]),
        (Phase::Removing, Health::None, ["never"; 4]),
        (runs(10), Health::Starting, ["open", "waits 20s", "waits 20s", "waits 20s"]),
        (runs(10), Health::Unhealthy, ["open", "waits 20s", "waits 20s", "waits 20s"]),
        (runs(10), Health::Healthy, ["open", "waits 20s", "waits 20s", "open"]),
        (runs(30), Health::Starting, ["open", "never", "never", "never"]),
        (runs(30), Health::Healthy, ["open", "never", "never", "open"]),
        (Phase::Paused, Health::None, ["open", "waits", "waits", "waits"]),
        (ended(0, 5), Health::None, ["open", "open", "open", "never"]),
        (ended(1, 5), Health::None, ["open", "open", "never", "never"]),
        // What ended after everybody had given it up.
        (ended(0, 30), Health::None, ["open", "never", "never", "never"]),
    ];
    for (phase, health, expected) in &table {
        for (condition, expected) in ["START", "COMPLETE", "SUCCESS", "HEALTHY"].iter().zip(expected) {
            for wanted in [true, false] {
                let found = gate_when(condition, phase, *health, wanted);
                assert_eq!(&found, expected, "{condition} of {phase:?}, {health:?}, wanted {wanted}");
            }
        }
    }
    assert_eq!(gate_when("SUCCESS", &Phase::Exited { exit: None }, Health::None, true), "unclear");
    assert_eq!(gate_when("START", &Phase::Exited { exit: None }, Health::None, true), "open");
}

#[test]
fn a_chain_fails_from_its_beginning_also_when_its_middle_is_gone() {
    let on = |name: &str, on: &str, condition: &str| {
        format!(
            r#"{{"name":"{name}","image":"x:1","essential":{},"dependsOn":[{{"containerName":"{on}","condition":"{condition}"}}]}}"#,
            name == "web"
        )
    };
    let init = r#"{"name":"init","image":"init:1","essential":false}"#;
    let task = task("web", &[&on("web", "proxy", "START"), &on("proxy", "init", "SUCCESS"), init]);
    let mut containers = running("shop/web/0", &task, 1);
    containers[2].phase = ended(3, 2);
    let only = containers.split_off(2);
    let observed = observed(&[only]);
    let view = the_task(&observed, Some(&task));
    let never = view.obstacle().expect("web can never be started");
    assert_eq!(
        never.to_string(),
        "container web was never started: it waits for proxy to start, and container proxy was never started: it waits for init to succeed, and container init exited with code 3 after 2.0s"
    );
    assert_eq!(never.root().map(|root| root.identity.container.as_str()), Some("init"));
}

#[test]
fn a_restart_policy_is_asked_in_the_order_of_the_agent() {
    let policy = RestartPolicy { ignored_exit_codes: vec![3], restart_attempt_period: 60 };
    let exit = |code, ran_secs, error: &str| {
        let phase = ended(code, ran_secs);
        let mut exit = phase.exit().expect("it has ended").clone();
        error.clone_into(&mut exit.error);
        exit
    };
    let cases = [
        (exit(1, 60, ""), true),
        (exit(0, 600, ""), true),
        (exit(1, 59, ""), false),
        (exit(3, 600, ""), false),
        (exit(1, 600, "cannot be started again"), false),
    ];
    for (exit, expected) in cases {
        assert_eq!(allows_restart(&policy, &exit), expected, "{exit:?}");
    }
}

#[test]
fn only_the_last_try_of_a_wanted_task_is_taken_up_again() {
    let policy = r#"{"name":"web","image":"web:1","restartPolicy":{"restartAttemptPeriod":60}}"#;
    let task = task("web", &[policy]);
    let mut containers = exited("shop/web/0", &task, 1, 1, 5);
    if let Phase::Exited { exit: Some(exit) } = &mut containers[0].phase {
        exit.started_at = ago(100);
    }
    let mut observed = observed(&[containers]);
    let follows = |observed: &ObservedState, wanted: bool| {
        let view = group::tasks(observed).into_values().flatten().next().expect("one task");
        let view = view.within(Some(&task), wanted, observed);
        succession(&view, &view.containers[0]) == Succession::Restarts
    };
    assert!(follows(&observed, true));
    assert!(!follows(&observed, false), "nobody wants it");
    let id = observed.containers.keys().next().cloned().expect("one container");
    observed.condemned.insert(id, crate::plan::Cause::Surplus);
    assert!(!follows(&observed, true), "it was told to end");
}

#[test]
fn whoever_is_depended_on_stops_last_and_a_ring_stops_at_once() {
    let supporting = |containers: &[&str]| {
        let task = task("web", containers);
        let observed = observed(&[running("shop/web/0", &task, 1)]);
        // Of a task of another revision only its labels tell.
        let view = group::tasks(&observed).into_values().flatten().next().expect("one task");
        find_supporting(&view).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let on = |name: &str, on: &str| {
        format!(r#"{{"name":"{name}","image":"x:1","dependsOn":[{{"containerName":"{on}","condition":"START"}}]}}"#)
    };
    let db = r#"{"name":"db","image":"db:1"}"#;
    assert_eq!(supporting(&[&on("web", "db"), &on("log", "db"), db]), ["db"]);
    assert_eq!(supporting(&[&on("web", "proxy"), &on("proxy", "db"), db]), ["db", "proxy"]);
    assert_eq!(supporting(&[db]), Vec::<String>::new());
    assert_eq!(supporting(&[&on("a", "b"), &on("b", "a")]), Vec::<String>::new());
}

/// A link makes an order too, for a task of whatever revision.
#[test]
fn whoever_is_linked_to_starts_first_and_stops_last() {
    let web = r#"{"name":"web","image":"web:1","links":[{"container":"db","alias":"store"}]}"#;
    let task = task("web", &[web, r#"{"name":"db","image":"db:1"}"#]);
    let mut containers = running("shop/web/0", &task, 1);
    let up = observed(&[containers.clone()]);
    for container in &mut containers {
        container.phase = Phase::Created;
    }
    let made = observed(&[containers]);
    for spec in [Some(&*task), None] {
        let view = the_task(&made, spec);
        let gates = view.containers.iter().map(|one| (one.identity.container.as_str(), in_words(&gate(&view, one))));
        assert_eq!(gates.collect::<Vec<_>>(), [("db", "open".to_owned()), ("web", "waits".to_owned())]);
        let supporting = find_supporting(&the_task(&up, spec));
        assert_eq!(supporting.iter().map(ContainerName::as_str).collect::<Vec<_>>(), ["db"]);
    }
}
