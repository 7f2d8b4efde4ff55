use insta::assert_snapshot;

use super::*;
use crate::observed::Phase;
use crate::status::task::{Circumstances, read_tasks};
use crate::testing::{NOW, exited, observed, running, task as task_of};

fn tasks() -> Vec<TaskReport> {
    let task =
        task_of("job", &[r#"{"name":"main","image":"job:1"}"#, r#"{"name":"side","image":"log:1","essential":false}"#]);
    let mut ended = exited("shop/run.job.000102030405/0", &task, 1, 42, 5);
    if let Phase::Exited { exit: Some(exit) } = &mut ended[1].phase {
        (exit.oom_killed, exit.code) = (true, 137);
    }
    let state = observed(&[ended, running("shop/web/0", &task, 1)]);
    read_tasks(&state, |_, _| Circumstances::default())
}

#[test]
fn a_run_is_told_container_by_container() {
    let report = RunReport::new(tasks(), 42, ExitSource::Container);
    assert_snapshot!(render_run(&report, Style::PLAIN), @r"
    task 000102030405 (job@38b819) in shop: STOPPED, EssentialContainerExited: Essential container in task exited
      main  exit code 42   ran 2.0s
      side  exit code 137  ran 2.0s  OutOfMemoryError: Container killed due to memory usage
    task b3ecaac439d1 (job@38b819) in shop: RUNNING
      main  running
      side  running
    ");
    let json: serde_json::Value = serde_json::from_str(&render_run_json(&report)).unwrap();
    assert_eq!((&json["exitCode"], &json["exitCodeFrom"]), (&42.into(), &"container".into()));
    let task = &json["tasks"][0];
    assert_eq!(task["taskId"], "000102030405");
    assert_eq!(task["stopCode"], "EssentialContainerExited");
    assert_eq!(task["lastStatus"], "STOPPED");
    assert_eq!(task["containers"][0]["exitCode"], 42);
}

#[test]
fn all_tasks_stand_in_one_table() {
    assert_snapshot!(render_tasks(&tasks(), NOW, Style::PLAIN), @r"
    TASK          CLUSTER  GROUP        TASKDEF     STATUS   EXIT  SINCE  REASON
    000102030405  shop     family:job   job@38b819  STOPPED  42    5.0s   Essential container in task exited
    b3ecaac439d1  shop     service:web  job@38b819  RUNNING  -     60s
    ");
    assert_snapshot!(render_tasks(&[], NOW, Style::PLAIN), @r"There is no task.");
}
