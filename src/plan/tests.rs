//! Plans as text: a small world, and everything that is decided about it.

use std::collections::BTreeSet;

use insta::assert_snapshot;

use std::time::Duration;

use super::*;
use crate::desired::{DesiredService, TaskSpec};
use crate::observed::{Doing, FailedAction, Health, InFlight, ObservedState, Phase};
use crate::testing::{
    NOW, add_network, ago, desired, exited, observed, running, service, task as task_of, with_images,
};
use crate::value::Percent;

mod daemons;
mod hooks;
mod once;

const CHECK: &str = r#","healthCheck":{"command":["CMD","/ok"],"interval":5,"timeout":2,"retries":2,"startPeriod":0}"#;

/// A task of one container `web`, with more of its fields.
fn web(image: &str, more: &str) -> Arc<TaskSpec> {
    task_of("web", &[&format!(r#"{{"name":"web","image":"{image}"{more}}}"#)])
}

fn port(number: u16) -> String {
    format!(r#","portMappings":[{{"containerPort":80,"hostPort":{number}}}]"#)
}

/// A service of which old and new never exist together.
fn stop_first(task: &Arc<TaskSpec>) -> DesiredService {
    DesiredService { minimum_healthy: Percent(0), maximum: Percent(100), ..service(1, task) }
}

fn plan_of(services: &[(&str, DesiredService)], observed: &ObservedState) -> String {
    let desired = desired(services);
    let observed = with_images(&desired, observed.clone());
    plan(&desired, &observed).to_string()
}

/// The state of one service `shop/web` with these containers.
fn plan_web(wanted: DesiredService, containers: &[Vec<crate::observed::ObservedContainer>]) -> String {
    plan_of(&[("shop/web", wanted)], &observed(containers))
}

#[test]
fn nothing_is_created_before_the_network_exists() {
    let empty = ObservedState { at: NOW, ..ObservedState::default() };
    assert_snapshot!(plan_of(&[("shop/web", service(2, &web("web:1", "")))], &empty), @r"
    create network of shop: the manifests ask for it
    wait shop: an action is under way
    wait shop/web/0: the network of its cluster
    wait shop/web/1: the network of its cluster
    ");
}

#[test]
fn every_empty_slot_gets_a_task_at_once() {
    let mut state = ObservedState { at: NOW, ..ObservedState::default() };
    add_network(&mut state, "shop");
    assert_snapshot!(plan_of(&[("shop/web", service(3, &web("web:1", "")))], &state), @r"
    create shop/web/0 web @26df21: the slot has no task
    create shop/web/1 web @26df21: the slot has no task
    create shop/web/2 web @26df21: the slot has no task
    wait shop/web/0: an action is under way
    wait shop/web/1: an action is under way
    wait shop/web/2: an action is under way
    ");
}

#[test]
fn a_converged_service_is_left_alone() {
    let task = web("web:1", CHECK);
    assert_snapshot!(plan_web(service(1, &task), &[running("shop/web/0", &task, 1)]), @"");
}

#[test]
fn an_old_task_stays_until_its_successor_is_healthy() {
    let (old, new) = (web("web:1", CHECK), web("web:2", CHECK));
    assert_snapshot!(plan_web(service(1, &new), &[running("shop/web/0", &old, 1)]), @r"
    create shop/web/0 web @1c3963: replaces revision 52f445
    wait shop/web/0: an action is under way
    ");
    let mut young = running("shop/web/0", &new, 1);
    young[0].health = Health::Starting;
    assert_snapshot!(plan_web(service(1, &new), &[running("shop/web/0", &old, 1), young.clone()]), @r"wait shop/web/0: the first verdict of its health check");
    young[0].health = Health::Healthy;
    assert_snapshot!(plan_web(service(1, &new), &[running("shop/web/0", &old, 1), young]), @r"
    stop shop/web/0 web @52f445: replaces revision 52f445
    wait shop/web/0: an action is under way
    ");
}

#[test]
fn an_old_task_that_may_be_well_is_not_lost_while_too_few_are() {
    let (old, new) = (web("web:1", CHECK), web("web:2", CHECK));
    let young = |slot: &str| {
        let mut young = running(slot, &old, 1);
        young[0].health = Health::Starting;
        young
    };
    assert_snapshot!(plan_web(service(2, &new), &[running("shop/web/0", &old, 1), young("shop/web/1")]), @r"
    create shop/web/0 web @1c3963: replaces revision 52f445
    create shop/web/1 web @1c3963: replaces revision 52f445
    wait shop/web/1: the first verdict of its health check
    wait shop/web/0: an action is under way
    wait shop/web/1: an action is under way
    ");
    // All that are promised are there.
    let half = DesiredService { minimum_healthy: Percent(50), ..service(2, &new) };
    assert_snapshot!(plan_web(half, &[running("shop/web/0", &old, 1), young("shop/web/1")]), @r"
    stop shop/web/1 web @52f445: replaces revision 52f445
    create shop/web/0 web @1c3963: replaces revision 52f445
    create shop/web/1 web @1c3963: replaces revision 52f445
    wait shop/web/1: an action is under way
    wait shop/web/0: an action is under way
    wait shop/web/1: an action is under way
    ");
    // It makes room for a new one where no more may exist.
    let full = DesiredService { maximum: Percent(100), ..service(2, &new) };
    assert_snapshot!(plan_web(full, &[running("shop/web/0", &old, 1), young("shop/web/1")]), @r"
    stop shop/web/1 web @52f445: replaces revision 52f445
    wait shop/web/1: the first verdict of its health check
    wait shop/web/1: an action is under way
    wait shop/web/0: an action is under way
    wait shop/web/1: minimumHealthyPercent keeps a task until another one is healthy
    ");
}

#[test]
fn an_old_task_goes_first_where_no_more_may_exist() {
    let (old, new) = (web("web:1", ""), web("web:2", ""));
    assert_snapshot!(plan_web(stop_first(&new), &[running("shop/web/0", &old, 1)]), @r"
    stop shop/web/0 web @26df21: replaces revision 26df21
    wait shop/web/0: an action is under way
    ");
}

#[test]
fn percentages_that_leave_no_room_are_named() {
    let (old, new) = (web("web:1", ""), web("web:2", ""));
    let stuck = DesiredService { maximum: Percent(100), ..service(1, &new) };
    assert_snapshot!(plan_web(stuck, &[running("shop/web/0", &old, 1)]), @r"wait shop/web/0: minimumHealthyPercent keeps a task until another one is healthy");
}

#[test]
fn a_static_port_waits_for_its_holder() {
    let holder = web("web:1", &port(8080));
    let wanted = task_of("api", &[&format!(r#"{{"name":"api","image":"api:1"{}}}"#, port(8080))]);
    let services = [("shop/api", service(1, &wanted)), ("shop/web", service(1, &holder))];
    assert_snapshot!(plan_of(&services, &observed(&[running("shop/web/0", &holder, 1)])), @r"wait shop/api/0: host port 8080/tcp is held by shop/web/0");
}

#[test]
fn of_two_that_want_a_port_the_first_gets_it() {
    let task = web("web:1", &port(8080));
    let mut state = ObservedState { at: NOW, ..ObservedState::default() };
    add_network(&mut state, "shop");
    let two = DesiredService { desired_count: Some(2), ..service(2, &task) };
    assert_snapshot!(plan_of(&[("shop/web", two)], &state), @r"
    create shop/web/0 web @7cd339: the slot has no task
    wait shop/web/0: an action is under way
    wait shop/web/1: host port 8080/tcp is held by shop/web/0
    ");
}

#[test]
fn a_dead_task_is_tried_again_after_its_pause() {
    let task = web("web:1", "");
    let dead = |secs| {
        let mut dead = exited("shop/web/0", &task, 4, 1, secs);
        dead[0].identity.failures = 3;
        dead[0].identity.deployment.completed = true;
        dead
    };
    assert_snapshot!(plan_web(service(1, &task), &[dead(2)]), @r"
    wait shop/web/0: a pause after 4 failures in a row
    look again at 1786700473000
    ");
    assert_snapshot!(plan_web(service(1, &task), &[dead(20)]), @r"
    create shop/web/0 web @26df21 attempt 5: container web exited with code 1 after 2.0s
    wait shop/web/0: an action is under way
    ");
}

#[test]
fn an_end_that_is_not_understood_is_inspected_first() {
    let task = web("web:1", "");
    let mut dead = exited("shop/web/0", &task, 1, 1, 1);
    dead[0].phase = Phase::Exited { exit: None };
    assert_snapshot!(plan_web(service(1, &task), &[dead]), @r"
    wait shop/web/0: an action is under way
    inspect eb0eb26df2110000000000000000000000000000000000000000000000000000
    ");
}

#[test]
fn an_unhealthy_task_waits_for_its_successor_or_goes_first() {
    let task = web("web:1", CHECK);
    let mut sick = running("shop/web/0", &task, 1);
    sick[0].health = Health::Unhealthy;
    sick[0].health_output = Some("connection refused".to_owned());
    assert_snapshot!(plan_web(service(1, &task), std::slice::from_ref(&sick)), @r"
    create shop/web/0 web @52f445 attempt 2: its health check fails: connection refused
    wait shop/web/0: an action is under way
    ");
    assert_snapshot!(plan_web(stop_first(&task), &[sick]), @r"
    stop shop/web/0 web @52f445: its health check fails: connection refused
    wait shop/web/0: an action is under way
    ");
}

#[test]
fn within_the_grace_period_unhealthy_is_overlooked() {
    let task = web("web:1", CHECK);
    let mut sick = running("shop/web/0", &task, 1);
    sick[0].health = Health::Unhealthy;
    let graceful = DesiredService { health_check_grace: Duration::from_mins(5), ..service(1, &task) };
    assert_snapshot!(plan_web(graceful, &[sick]), @r"
    wait shop/web/0: unhealthy, within the grace period
    look again at 1786700707000
    ");
}

#[test]
fn the_rest_of_a_task_goes_with_its_essential_container() {
    let task =
        task_of("web", &[r#"{"name":"web","image":"web:1"}"#, r#"{"name":"log","image":"log:1","essential":false}"#]);
    let mut half = running("shop/web/0", &task, 1);
    half[0] = exited("shop/web/0", &task, 1, 1, 1).remove(0);
    assert_snapshot!(plan_web(service(1, &task), &[half.clone()]), @r"
    stop shop/web/0 log @9630c6: its task has ended
    create shop/web/0 web @9630c6 attempt 2: container web exited with code 1 after 2.0s
    create shop/web/0 log @9630c6 attempt 2: container web exited with code 1 after 2.0s
    wait shop/web/0: an action is under way
    ");
    // A sidecar that ends costs the task nothing.
    let mut alone = running("shop/web/0", &task, 1);
    alone[1] = exited("shop/web/0", &task, 1, 0, 1).remove(1);
    assert_snapshot!(plan_web(service(1, &task), &[alone]), @"");
}

#[test]
fn all_containers_of_a_task_exist_before_one_is_started() {
    let task = task_of("web", &[r#"{"name":"web","image":"web:1"}"#, r#"{"name":"log","image":"log:1"}"#]);
    let mut made = running("shop/web/0", &task, 1);
    for container in &mut made {
        container.phase = Phase::Created;
    }
    let second = made.pop().into_iter().collect::<Vec<_>>();
    assert_snapshot!(plan_web(service(1, &task), std::slice::from_ref(&second)), @r"
    create shop/web/0 web @d09afc: the slot has no task
    wait shop/web/0: an action is under way
    ");
    assert_snapshot!(plan_web(service(1, &task), &[made, second]), @r"
    start shop/web/0 log @d09afc: the slot has no task
    start shop/web/0 web @d09afc: the slot has no task
    wait shop/web/0: an action is under way
    ");
}

#[test]
fn scale_in_takes_the_highest_slots() {
    let task = web("web:1", "");
    let three = [0, 1, 2].map(|slot| running(&format!("shop/web/{slot}"), &task, 1));
    assert_snapshot!(plan_web(service(1, &task), &three), @r"
    stop shop/web/2 web @26df21: the desired count went down
    stop shop/web/1 web @26df21: the desired count went down
    wait shop/web/2: an action is under way
    wait shop/web/1: an action is under way
    ");
}

#[test]
fn without_a_desired_count_as_many_stay_as_there_are() {
    let task = web("web:1", "");
    let three = [0, 1, 2].map(|slot| running(&format!("shop/web/{slot}"), &task, 1));
    let unsaid = DesiredService { desired_count: None, ..service(1, &task) };
    assert_snapshot!(plan_web(unsaid, &three), @"");
}

#[test]
fn what_nobody_wants_goes_and_what_is_foreign_stays() {
    let task = web("web:1", "");
    let ours = running("shop/old/0", &task, 1);
    let mut foreign = running("shop/other/0", &task, 1);
    foreign[0].identity.source = crate::ownership::Source::new("elsewhere");
    let state = observed(&[running("shop/web/0", &task, 1), ours, foreign.clone()]);
    assert_snapshot!(plan_of(&[("shop/web", service(1, &task))], &state), @r"
    stop shop/old/0 web @26df21: no manifest asks for it
    wait shop/old/0: an action is under way
    ");
    let mut adopting = desired(&[("shop/other", service(1, &task))]);
    adopting.adopted = BTreeSet::from([crate::ownership::Source::new("elsewhere")]);
    assert_snapshot!(plan(&adopting, &with_images(&adopting, observed(&[foreign]))), @r"
    create shop/other/0 web @26df21 attempt 2: taken over from another directory
    wait shop/other/0: an action is under way
    ");
}

#[test]
fn of_two_equal_containers_the_older_stays() {
    let task = web("web:1", "");
    let first = running("shop/web/0", &task, 1);
    let mut second = first.clone();
    second[0].id = crate::observed::ContainerId::new("second");
    second[0].created_at = ago(30);
    assert_snapshot!(plan_web(service(1, &task), &[second, first]), @r"
    stop shop/web/0 web @26df21: there are two of it
    wait shop/web/0: an action is under way
    ");
}

#[test]
fn what_is_under_way_is_counted_and_not_repeated() {
    let task = web("web:1", "");
    let identity = running("shop/web/0", &task, 1).remove(0).identity;
    let mut state = ObservedState { at: NOW, ..ObservedState::default() };
    add_network(&mut state, "shop");
    let creating = InFlight { since: ago(1), doing: Doing::Create(Box::new(identity.clone())), lane: Lane::Rollout };
    state.in_flight.insert(Target::NewContainer(identity.name()), creating);
    assert_snapshot!(plan_of(&[("shop/web", service(1, &task))], &state), @r"wait shop/web/0: an action is under way");
}

#[test]
fn what_has_failed_is_tried_again_later() {
    let task = web("web:1", "");
    let mut state = ObservedState { at: NOW, ..ObservedState::default() };
    add_network(&mut state, "shop");
    let failure = Failure { kind: FailureKind::Refused, message: "no such device".to_owned() };
    let identity = running("shop/web/0", &task, 1).remove(0).identity;
    let target = Target::NewContainer(identity.name());
    let failed = FailedAction { identity: Some(Box::new(identity)), failures: 3, at: ago(1), failure };
    state.failed_actions.insert(target, failed);
    assert_snapshot!(plan_of(&[("shop/web", service(1, &task))], &state), @r"
    wait shop/web/0: a pause after 3 failures in a row: no such device
    look again at 1786700470000
    ");
}

#[test]
fn a_missing_image_is_pulled_once_for_all_who_want_it() {
    let task = web("web:1", "");
    let mut state = ObservedState { at: NOW, ..ObservedState::default() };
    add_network(&mut state, "shop");
    state.images.insert("web:1".to_owned(), crate::observed::ImageFact { at: NOW, image: None });
    assert_snapshot!(plan_of(&[("shop/web", service(3, &task))], &state), @r"
    pull web:1: the manifests ask for it
    wait shop/web/0: its image
    wait shop/web/1: its image
    wait shop/web/2: its image
    ");
}

#[test]
fn an_image_for_another_machine_is_refused_unless_the_machine_is_named() {
    let arm = crate::image::Platform::new("linux", "arm64");
    let image = crate::image::ObservedImage { platform: arm, ..crate::testing::image_of("web:1") };
    let mut state = ObservedState { at: NOW, ..ObservedState::default() };
    add_network(&mut state, "shop");
    state.images.insert("web:1".to_owned(), crate::observed::ImageFact { at: NOW, image: Some(image) });
    let plan_with = |more: &str| plan_of(&[("shop/web", service(1, &web("web:1", more)))], &state);
    let plain = plan_with("");
    assert_eq!(plain, "wait shop/web/0: the image web:1 is made for linux/arm64, and this host is linux/amd64\n");
    assert!(plan_with(r#","task":{"cpuArchitecture":"ARM64"}"#).starts_with("create shop/web/0 web"));
    // The registry may have the one that is named; it is asked once.
    let named = r#","task":{"cpuArchitecture":"X86_64"}"#;
    let pull = "pull web:1 for linux/amd64: the manifests ask for it\nwait shop/web/0: its image\n";
    assert_eq!(plan_with(named), pull);
    state.pulled.insert("web:1".to_owned(), NOW);
    let after = plan_of(&[("shop/web", service(1, &web("web:1", named)))], &state);
    assert!(after.starts_with("create shop/web/0 web"), "{after}");
}

#[test]
fn the_order_of_what_was_seen_does_not_matter() {
    let (old, new) = (web("web:1", ""), web("web:2", ""));
    let mut containers: Vec<_> = (0..4).map(|slot| running(&format!("shop/web/{slot}"), &old, 1)).collect();
    let forwards = plan_web(service(4, &new), &containers);
    containers.reverse();
    assert_eq!(plan_web(service(4, &new), &containers), forwards);
}

/// A container takes its volumes from one that exists: the engine would refuse it before.
#[test]
fn whose_volumes_are_used_is_created_first() {
    let two = task_of(
        "web",
        &[
            r#"{"name":"web","image":"web:1","volumesFrom":[{"sourceContainer":"keeper","readOnly":true}]}"#,
            r#"{"name":"keeper","image":"keeper:1"}"#,
        ],
    );
    let mut empty = ObservedState { at: NOW, ..ObservedState::default() };
    add_network(&mut empty, "shop");
    assert_snapshot!(plan_of(&[("shop/web", service(1, &two))], &empty), @r"
    create shop/web/0 keeper @87fda6: the slot has no task
    wait shop/web/0: an action is under way
    ");
    let mut keeper = running("shop/web/0", &two, 1);
    keeper.retain(|container| container.identity.container.as_str() == "keeper");
    keeper[0].phase = Phase::Created;
    let state = observed(&[keeper.clone()]);
    assert_snapshot!(plan_of(&[("shop/web", service(1, &two))], &state), @r"
    create shop/web/0 web @87fda6: the slot has no task
    wait shop/web/0: an action is under way
    ");
    let desired = desired(&[("shop/web", service(1, &two))]);
    let plan = plan(&desired, &with_images(&desired, state));
    let Action::CreateContainer(new) = &plan.steps[0].action else { panic!("{plan}") };
    assert_eq!(new.volumes_from, [VolumeSource { id: keeper[0].id.clone(), read_only: true }]);
}

/// Two tasks of which nobody can tell yet whether they are well: they may be all that a service has.
#[test]
fn what_has_not_been_asked_yet_is_not_ended_by_mistake() {
    let (old, new) = (web("web:1", CHECK), web("web:2", CHECK));
    let unknown = |slot: &str| {
        let mut containers = running(slot, &old, 1);
        containers[0].health = Health::Unknown;
        containers
    };
    let both = [unknown("shop/web/0"), unknown("shop/web/1")];
    assert_snapshot!(plan_web(service(2, &old), &both), @r"
    wait shop/web/0: an answer to its health check
    wait shop/web/1: an answer to its health check
    ");
    let careful = DesiredService { minimum_healthy: Percent(50), maximum: Percent(100), ..service(2, &new) };
    assert_snapshot!(plan_web(careful.clone(), &both), @r"
    wait shop/web/0: an answer to its health check
    wait shop/web/1: an answer to its health check
    wait shop/web/0: minimumHealthyPercent keeps a task until another one is healthy
    wait shop/web/1: minimumHealthyPercent keeps a task until another one is healthy
    ");
    assert_snapshot!(plan_web(service(1, &old), &both), @r"
    wait shop/web/1: an answer to its health check
    wait shop/web/0: an answer to its health check
    wait shop/web/1: minimumHealthyPercent keeps a task until another one is healthy
    ");
    // One that is well is enough for half of two: of the other it need not be known.
    let one_is_well = [running("shop/web/0", &old, 1), unknown("shop/web/1")];
    assert_snapshot!(plan_web(careful, &one_is_well), @r"
    stop shop/web/1 web @52f445: replaces revision 52f445
    wait shop/web/1: an answer to its health check
    wait shop/web/1: an action is under way
    wait shop/web/0: an action is under way
    wait shop/web/1: minimumHealthyPercent keeps a task until another one is healthy
    ");
}

#[test]
fn what_is_not_ready_is_waited_for_and_never_replaced() {
    let task = web("web:1", CHECK);
    let mut unready = running("shop/web/0", &task, 1);
    (unready[0].readiness, unready[0].readiness_output) = (Health::Unhealthy, Some("no database".to_owned()));
    assert_snapshot!(plan_web(service(1, &task), std::slice::from_ref(&unready)), @"wait shop/web/0: its readiness check: no database");
    assert_snapshot!(plan_web(stop_first(&task), &[unready]), @"wait shop/web/0: its readiness check: no database");
}
