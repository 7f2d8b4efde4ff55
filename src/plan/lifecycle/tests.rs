use super::*;
use crate::desired::TaskSpec;
use crate::observed::{Health, ObservedState};
use crate::plan::group;
use crate::testing::{ago, exited, observed, running, task};

const INIT: &str = r#"{"name":"init","image":"init:1","essential":false}"#;
const WEB: &str = r#"{"name":"web","image":"web:1","dependsOn":[{"containerName":"init","condition":"SUCCESS"}]}"#;
const CHECKED: &str = r#"{"name":"web","image":"web:1","healthCheck":{"command":["CMD","x"],"interval":5,"timeout":2,"retries":1,"startPeriod":0}}"#;

fn view<'a>(observed: &'a ObservedState, task: &'a TaskSpec) -> TaskView<'a> {
    let view = group::tasks(observed).into_values().flatten().next().expect("one task");
    view.within(Some(task), true, observed)
}

fn status_of(containers: Vec<ObservedContainer>, task: &TaskSpec) -> LastStatus {
    let observed = observed(&[containers]);
    let view = view(&observed, task);
    last_status(&view, &view.state(crate::desired::Patience::default(), observed.at))
}

#[test]
fn a_task_is_running_when_every_container_has_come_to_rest() {
    let task = task("web", &[WEB, INIT]);
    let containers = |web: Phase, init: Phase| {
        let mut containers = running("shop/web/0", &task, 1);
        (containers[0].phase, containers[1].phase) = (web, init);
        containers
    };
    let ended = |code| exited("shop/web/0", &task, 1, code, 5).remove(1).phase;
    let runs = || Phase::Running { started_at: ago(9) };
    let cases = [
        (Phase::Created, Phase::Created, LastStatus::Pending),
        (Phase::Created, runs(), LastStatus::Pending),
        (Phase::Created, ended(0), LastStatus::Pending),
        (runs(), ended(0), LastStatus::Running),
        // Nothing runs, and what was never started is still to be removed.
        (Phase::Created, ended(1), LastStatus::Deprovisioning),
        (ended(1), runs(), LastStatus::Stopping),
        (ended(1), ended(0), LastStatus::Stopped),
    ];
    for (web, init, expected) in cases {
        assert_eq!(status_of(containers(web.clone(), init.clone()), &task), expected, "{web:?}, {init:?}");
    }
}

#[test]
fn a_task_whose_init_container_failed_failed_to_start() {
    let task = task("web", &[WEB, INIT]);
    // The container that was never started has been removed.
    let init = exited("shop/web/0", &task, 1, 3, 5).remove(1);
    let observed = observed(&[vec![init]]);
    let view = view(&observed, &task);
    let stop = stop(&view).expect("it is known");
    assert_eq!(stop.stop_code, StopCode::TaskFailedToStart);
    assert_eq!(
        stop.stopped_reason,
        "CannotStartContainerError: container web was never started: it waits for init to succeed, and container init exited with code 3 after 2.0s"
    );
    let codes = container_ends(&view).into_iter().map(|end| (end.name.to_string(), end.exit_code));
    let codes: Vec<_> = codes.collect();
    assert_eq!(codes, [("web".to_owned(), Some(143)), ("init".to_owned(), Some(3))]);
}

#[test]
fn a_stopped_task_says_why_in_the_words_of_ecs() {
    let task = task("web", &[CHECKED]);
    let told = |containers: Vec<ObservedContainer>, cause: Option<Cause>| {
        let mut observed = observed(&[containers]);
        let id = observed.containers.keys().next().cloned().expect("one container");
        observed.condemned.extend(cause.map(|cause| (id, cause)));
        let stop = stop(&view(&observed, &task)).expect("it is known");
        (stop.stop_code, stop.stopped_reason)
    };
    let ended = |code| exited("shop/web/0", &task, 1, code, 5);
    let exit = (StopCode::EssentialContainerExited, "Essential container in task exited".to_owned());
    assert_eq!(told(ended(1), None), exit);
    assert_eq!(told(ended(1), Some(Cause::TaskEnded)), exit);
    let mut sick = ended(137);
    sick[0].health = Health::Unhealthy;
    let health = (StopCode::ServiceSchedulerInitiated, "Task failed container health checks".to_owned());
    assert_eq!(told(sick, None), health);
    let (code, reason) = told(ended(143), Some(Cause::Surplus));
    assert_eq!(code, StopCode::ServiceSchedulerInitiated);
    assert!(reason.starts_with("Scaling activity initiated by (deployment web@"), "{reason}");
    let mut failed = ended(0);
    failed[0].phase = Phase::StartFailed { message: "exec format error".to_owned(), at: ago(1), blameless: false };
    let failed = told(failed, None);
    assert_eq!(failed, (StopCode::TaskFailedToStart, "CannotStartContainerError: exec format error".to_owned()));
}
