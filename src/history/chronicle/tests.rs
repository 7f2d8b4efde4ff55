use std::sync::Arc;

use super::*;
use crate::desired::TaskSpec;
use crate::ownership::Asked;
use crate::plan::{Waiting, plan};
use crate::testing::{
    NOW, add_intervention, add_network, desired, exited, observed, running, service, task, with_images,
};

fn web(image: &str) -> Arc<TaskSpec> {
    task("web", &[&format!(r#"{{"name":"web","image":"{image}"}}"#)])
}

fn wanted(spec: &Arc<TaskSpec>) -> DesiredState {
    desired(&[("shop/web", service(1, spec))])
}

/// What is recorded when the planner looks at these containers.
fn look(chronicle: &mut Chronicle, desired: &DesiredState, containers: &[Vec<ObservedContainer>]) -> Vec<What> {
    let mut shown = observed(containers);
    add_network(&mut shown, "shop");
    let shown = with_images(desired, shown);
    let decided = plan(desired, &shown);
    chronicle.look(desired, &shown, Some(&decided), &[]).into_iter().map(|draft| draft.record.what).collect()
}

fn tell(chronicle: &mut Chronicle, desired: &DesiredState, shown: &ObservedState, kind: EventKind) -> Vec<Draft> {
    let about = About::slot(&crate::testing::cluster("shop"), &crate::testing::service_name("web"), Slot(0));
    chronicle.look(desired, shown, None, &[Event { at: NOW, about: Some(about), kind }])
}

#[test]
fn a_deployment_is_told_once_from_its_beginning_to_its_end() {
    let (old, new) = (web("web:1"), web("web:2"));
    let mut chronicle = Chronicle::new("reconcile deploy".to_owned(), &[]);
    chronicle.note_files(&["shop.yaml".to_owned()]);
    let began = look(&mut chronicle, &wanted(&old), &[]);
    let [What::DeploymentStarted { from: None, to, cause }] = &began[..] else { panic!("{began:?}") };
    assert_eq!((*to, &*cause.by, &cause.files[..]), (old.revision, "reconcile deploy", &["shop.yaml".to_owned()][..]));
    assert_eq!(look(&mut chronicle, &wanted(&old), &[]), [], "it goes on");
    let there = running("shop/web/0", &old, 1);
    let done = look(&mut chronicle, &wanted(&old), std::slice::from_ref(&there));
    assert_eq!(done, [What::DeploymentCompleted { revision: old.revision }]);
    assert_eq!(look(&mut chronicle, &wanted(&old), std::slice::from_ref(&there)), []);

    let began = look(&mut chronicle, &wanted(&new), std::slice::from_ref(&there));
    let [What::DeploymentStarted { from, to, cause }] = &began[..] else { panic!("{began:?}") };
    assert_eq!((*from, *to, &cause.fields[..]), (Some(old.revision), new.revision, &["image".to_owned()][..]));
}

#[test]
fn a_process_that_was_killed_in_between_goes_on_where_the_file_ends() {
    let (old, new) = (web("web:1"), web("web:2"));
    let mut first = Chronicle::new("a".to_owned(), &[]);
    let there = running("shop/web/0", &old, 1);
    let mut shown = observed(std::slice::from_ref(&there));
    add_network(&mut shown, "shop");
    let shown = with_images(&wanted(&new), shown);
    let decided = plan(&wanted(&new), &shown);
    let records: Vec<_> =
        first.look(&wanted(&new), &shown, Some(&decided), &[]).into_iter().map(|draft| draft.record).collect();
    assert_eq!(records.len(), 1);

    let mut second = Chronicle::new("b".to_owned(), &records);
    assert_eq!(look(&mut second, &wanted(&new), &[there]), [], "it has begun already");
    let after = running("shop/web/0", &new, 1);
    let completed = What::DeploymentCompleted { revision: new.revision };
    assert_eq!(look(&mut second, &wanted(&new), std::slice::from_ref(&after)), std::slice::from_ref(&completed));
    let done = Record { what: completed, ..records[0].clone() };
    let mut third = Chronicle::new("c".to_owned(), &[records[0].clone(), done]);
    assert_eq!(look(&mut third, &wanted(&new), &[after]), []);
}

#[test]
fn what_ran_before_anything_was_recorded_is_no_deployment() {
    let old = web("web:1");
    let mut chronicle = Chronicle::new(String::new(), &[]);
    assert_eq!(look(&mut chronicle, &wanted(&old), &[running("shop/web/0", &old, 1)]), []);
    assert_eq!(look(&mut chronicle, &wanted(&old), &[]), [], "and a task that is lost begins none");
}

#[test]
fn another_number_of_tasks_is_no_deployment() {
    let old = web("web:1");
    let mut chronicle = Chronicle::new(String::new(), &[]);
    let there = running("shop/web/0", &old, 1);
    assert_eq!(look(&mut chronicle, &wanted(&old), std::slice::from_ref(&there)), []);
    assert_eq!(look(&mut chronicle, &desired(&[("shop/web", service(3, &old))]), &[there]), []);
}

#[test]
fn a_failure_is_told_once_whoever_tells_it_and_also_when_it_was_not_seen() {
    let old = web("web:1");
    let desired = wanted(&old);
    let shown = observed(&[exited("shop/web/0", &old, 1, 7, 1)]);
    let reason = describe_end(shown.containers.values().next().expect("it is there"));
    let died = EventKind::TaskDied { reason: reason.clone() };
    let starting = EventKind::TaskStarting { cause: Cause::Died { reason } };
    for kinds in [[died.clone(), starting.clone()], [starting.clone(), starting]] {
        let mut chronicle = Chronicle::new(String::new(), &[]);
        let [draft] = &tell(&mut chronicle, &desired, &shown, kinds[0].clone())[..] else { panic!("nothing is told") };
        let What::TaskFailed(end) = &draft.record.what else { panic!("{draft:?}") };
        assert_eq!((end.exit_code, end.revision, end.slot), (Some(7), Some(old.revision), Slot(0)));
        assert_eq!(draft.evidence.as_ref(), shown.containers.keys().next());
        assert_eq!(tell(&mut chronicle, &desired, &shown, kinds[1].clone()), []);
        let mut next = Chronicle::new(String::new(), std::slice::from_ref(&draft.record));
        assert_eq!(tell(&mut next, &desired, &shown, kinds[1].clone()), [], "nor by the next process");
    }
}

#[test]
fn an_unhealthy_task_is_told_with_what_its_check_said() {
    let old = web("web:1");
    let mut shown = observed(&[running("shop/web/0", &old, 1)]);
    for container in shown.containers.values_mut() {
        container.health = Health::Unhealthy;
        container.health_output = Some("no answer".to_owned());
    }
    let cause = Cause::Unhealthy { reason: "no answer".to_owned() };
    let mut chronicle = Chronicle::new(String::new(), &[]);
    let drafts = tell(&mut chronicle, &wanted(&old), &shown, EventKind::TaskStopping { cause });
    let [Draft { record: Record { what: What::TaskFailed(end), .. }, evidence: Some(_) }] = &drafts[..] else {
        panic!("{drafts:?}")
    };
    assert_eq!((end.health_output.as_deref(), end.exit_code), (Some("no answer"), None));
}

#[test]
fn a_task_that_somebody_removed_is_told_and_one_that_is_added_is_not() {
    let old = web("web:1");
    let desired = wanted(&old);
    let mut chronicle = Chronicle::new(String::new(), &[]);
    look(&mut chronicle, &desired, &[running("shop/web/0", &old, 1)]);
    let new = || EventKind::TaskStarting { cause: Cause::New };
    let whats: Vec<_> =
        tell(&mut chronicle, &desired, &observed(&[]), new()).into_iter().map(|d| d.record.what).collect();
    assert_eq!(whats, [What::TaskLost { slot: Slot(0) }]);
    let stopping = EventKind::TaskStopping { cause: Cause::Surplus };
    assert_eq!(tell(&mut chronicle, &desired, &observed(&[]), stopping), []);
    assert_eq!(tell(&mut chronicle, &desired, &observed(&[]), new()), []);
}

#[test]
fn a_task_that_was_killed_and_taken_away_before_anybody_looked_is_told_once() {
    let old = web("web:1");
    let desired = wanted(&old);
    let mut chronicle = Chronicle::new(String::new(), &[]);
    let starting = || EventKind::TaskStarting { cause: Cause::Died { reason: "container web ended".to_owned() } };
    for _ in 0..2 {
        let drafts = tell(&mut chronicle, &desired, &observed(&[]), starting());
        let whats: Vec<_> = drafts.into_iter().map(|draft| draft.record.what).collect();
        assert_eq!(whats, [What::TaskLost { slot: Slot(0) }]);
        assert_eq!(tell(&mut chronicle, &desired, &observed(&[]), starting()), [], "a second try of the same");
        assert_eq!(tell(&mut chronicle, &desired, &observed(&[]), EventKind::TaskRunning), []);
    }
}

#[test]
fn a_failed_deployment_is_told_once_and_begins_anew_only_for_another_revision_or_a_new_try() {
    let (good, bad) = (web("web:1"), web("web:2"));
    let desired = wanted(&bad);
    let mut chronicle = Chronicle::new(String::new(), &[]);
    look(&mut chronicle, &wanted(&good), &[running("shop/web/0", &good, 1)]);
    let there = running("shop/web/0", &good, 1);
    assert_eq!(look(&mut chronicle, &desired, std::slice::from_ref(&there)).len(), 1);
    let failed = || EventKind::DeploymentFailed {
        failed: bad.revision,
        failures: 3,
        reason: Some("container web exited with code 7 after 0ms".to_owned()),
        rolled_back_to: Some(good.revision),
    };
    let shown = observed(std::slice::from_ref(&there));
    assert_eq!(tell(&mut chronicle, &desired, &shown, failed()).len(), 1);
    assert_eq!(tell(&mut chronicle, &desired, &shown, failed()), [], "the next look tells it again");
    let about = About::service(&crate::testing::cluster("shop"), &crate::testing::service_name("web"));
    let wait =
        Wait::DeploymentFailed { failed: bad.revision, failures: 3, reason: None, rolled_back_to: Some(good.revision) };
    let given_up = Plan { waits: vec![Waiting { about, wait }], ..Plan::default() };
    assert_eq!(chronicle.look(&desired, &shown, Some(&given_up), &[]), []);
    assert_eq!(look(&mut chronicle, &desired, &[there]).len(), 1, "somebody has it tried once more");
}

/// What is recorded when somebody asks for this, and runs the planner.
fn look_asked(
    chronicle: &mut Chronicle,
    desired: &DesiredState,
    containers: &[Vec<ObservedContainer>],
    asked: &[Asked],
) -> Vec<Record> {
    let mut shown = observed(containers);
    add_network(&mut shown, "shop");
    for asked in asked {
        add_intervention(&mut shown, "shop/web", asked.clone());
    }
    let shown = with_images(desired, shown);
    let decided = plan(desired, &shown);
    chronicle.look(desired, &shown, Some(&decided), &[]).into_iter().map(|draft| draft.record).collect()
}

#[test]
fn what_somebody_asks_is_told_with_the_deployment_that_it_brings_and_when_it_is_over() {
    let (old, new) = (web("web:1"), web("web:2"));
    let (to, instead_of) = (old.revision, new.revision);
    let desired = wanted(&new);
    let mut chronicle = Chronicle::new("reconcile rollback web".to_owned(), &[]);
    let after = running("shop/web/0", &new, 1);
    assert_eq!(look(&mut chronicle, &desired, std::slice::from_ref(&after)), []);

    // What can be gone back to is read from a task that has ended.
    let there = [exited("shop/web/1", &old, 1, 0, 1), after];
    let rollback = Asked::Rollback { to, instead_of };
    let records = look_asked(&mut chronicle, &desired, &there, std::slice::from_ref(&rollback));
    let [What::Intervention { asked_at: _, request }, What::DeploymentStarted { from, to: begun, cause }] =
        &records.iter().map(|record| record.what.clone()).collect::<Vec<_>>()[..]
    else {
        panic!("{records:?}")
    };
    assert_eq!((request, *from, *begun, cause.fields.len()), (&rollback, Some(instead_of), to, 0));
    assert_eq!(look_asked(&mut chronicle, &desired, &there, std::slice::from_ref(&rollback)), [], "it is told once");

    // Another process finds in the file what was told.
    let mut next = Chronicle::new(String::new(), &records);
    assert_eq!(look_asked(&mut next, &desired, &there, &[rollback]), []);
    let over = look_asked(&mut next, &desired, &there, &[]);
    assert!(matches!(&over[0].what, What::InterventionOver { .. }), "{over:?}");
}

#[test]
fn nothing_is_deployed_while_its_rollout_is_paused() {
    let (old, new) = (web("web:1"), web("web:2"));
    let mut chronicle = Chronicle::new(String::new(), &[]);
    let there = [running("shop/web/0", &old, 1)];
    assert_eq!(look(&mut chronicle, &wanted(&old), &there), []);
    // A task that is lost meanwhile is replaced by its like.
    let desired = desired(&[("shop/web", service(2, &new))]);
    let records = look_asked(&mut chronicle, &desired, &there, &[Asked::Pause]);
    assert!(matches!(&records[..], [Record { what: What::Intervention { .. }, .. }]), "{records:?}");
}
