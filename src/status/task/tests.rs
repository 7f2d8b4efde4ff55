use std::sync::Arc;

use super::*;
use crate::observed::{ContainerId, Exit};
use crate::testing::{NOW, ago, exited, observed, running, task as task_of};

const SLOT: &str = "shop/run.job.000102030405/0";

fn pair() -> Arc<TaskSpec> {
    task_of(
        "job",
        &[r#"{"name":"main","image":"job@sha256:0123"}"#, r#"{"name":"side","image":"log:1","essential":false}"#],
    )
}

fn report(containers: &[ObservedContainer], circumstances: &Circumstances) -> TaskReport {
    let mut tasks = read_tasks(&observed(&[containers.to_vec()]), |_, _| circumstances.clone());
    assert_eq!(tasks.len(), 1);
    tasks.remove(0)
}

fn known(spec: &Arc<TaskSpec>) -> Circumstances {
    Circumstances { spec: Some(spec.clone()), ..Circumstances::default() }
}

/// The end of a task: its stop code and its reason.
fn end(task: &TaskReport) -> (Option<&str>, Option<&str>) {
    (task.stop_code.map(StopCode::as_str), task.stopped_reason.as_deref())
}

#[test]
fn a_task_that_runs() {
    let task = pair();
    let found = report(&running(SLOT, &task, 1), &known(&task));
    assert_eq!((found.last_status, found.desired_status), (LastStatus::Running, LastStatus::Running));
    assert_eq!((found.task_id.to_string().as_str(), found.group.as_str()), ("000102030405", "family:job"));
    assert_eq!((end(&found), found.stopped_at, found.started_at), ((None, None), None, Some(ago(60))));
    let names: Vec<_> = found.containers.iter().map(|container| container.name.as_str()).collect();
    assert_eq!(names, ["main", "side"]);
    assert_eq!(found.containers[0].image_digest.as_deref(), Some("sha256:0123"));
    assert_eq!(found.containers[1].image_digest, None);
    assert_eq!(report(&running("shop/web/0", &task, 1), &known(&task)).group, "service:web");
}

#[test]
fn a_task_that_ended() {
    let task = pair();
    let mut containers = exited(SLOT, &task, 1, 3, 5);
    if let Phase::Exited { exit: Some(exit) } = &mut containers[1].phase {
        (exit.oom_killed, exit.code) = (true, 137);
    }
    let found = report(&containers, &known(&task));
    assert_eq!(end(&found), (Some("EssentialContainerExited"), Some("Essential container in task exited")));
    assert_eq!((found.last_status, found.stopped_at), (LastStatus::Stopped, Some(ago(5))));
    assert_eq!(found.containers[0].exit_code, Some(3));
    let reason = found.containers[1].reason.as_deref();
    assert_eq!(reason, Some("OutOfMemoryError: Container killed due to memory usage"));
    assert_eq!(exit_code(&[found]), Some(3));
    let asked = Circumstances { stopped_because: Some("Task stopped by user".to_owned()), ..known(&task) };
    assert_eq!(end(&report(&containers, &asked)), (Some("UserInitiated"), Some("Task stopped by user")));
}

#[test]
fn a_task_that_never_ran() {
    let task = pair();
    let mut containers = running(SLOT, &task, 1);
    containers[0].phase = Phase::StartFailed { message: "no such program".to_owned(), at: NOW, blameless: false };
    containers.truncate(1);
    let found = report(&containers, &known(&task));
    assert_eq!(end(&found), (Some("TaskFailedToStart"), Some("CannotStartContainerError: no such program")));
    assert_eq!(found.containers[1].last_status, LastStatus::Stopped);
    assert_eq!(exit_code(&[found]), None);
    let pull = "CannotPullContainerError: there is none".to_owned();
    let obstacles = BTreeMap::from([(task.containers[0].name.clone(), pull.clone())]);
    let found = never_made(&crate::testing::key(SLOT, &task), &task, &Circumstances { obstacles, ..known(&task) });
    assert_eq!(end(&found), (Some("TaskFailedToStart"), Some(pull.as_str())));
    assert_eq!((found.created_at, found.containers.len()), (None, 2));
}

#[test]
fn the_first_essential_end_that_is_not_well_counts() {
    let task = task_of("job", &[r#"{"name":"a","image":"a"}"#, r#"{"name":"b","image":"b"}"#]);
    let ended = |slot: &str, codes: [i64; 2], secs: [u64; 2]| {
        let mut containers = exited(slot, &task, 1, 0, 1);
        for (container, (code, secs)) in containers.iter_mut().zip(codes.into_iter().zip(secs)) {
            container.id = ContainerId::new(&format!("{slot}{}", container.name));
            container.phase = Phase::Exited {
                exit: Some(Exit {
                    code,
                    oom_killed: false,
                    error: String::new(),
                    started_at: ago(secs + 1),
                    finished_at: ago(secs),
                    health_output: None,
                }),
            };
        }
        report(&containers, &known(&task))
    };
    assert_eq!(exit_code(&[ended(SLOT, [0, 0], [9, 8])]), Some(0));
    assert_eq!(exit_code(&[ended(SLOT, [143, 42], [8, 9])]), Some(42));
    assert_eq!(exit_code(&[ended(SLOT, [42, 143], [9, 8])]), Some(42));
    let other = ended("shop/run.job.0a0102030405/0", [7, 0], [20, 20]);
    assert_eq!(exit_code(&[ended(SLOT, [143, 42], [8, 9]), other]), Some(7));
}
