//! Daemons: the first to start and the last to stop.

use super::*;
use crate::desired::Scheduling;
use crate::observed::ObservedContainer;

fn daemon(task: &Arc<TaskSpec>) -> DesiredService {
    DesiredService { scheduling: Scheduling::Daemon, ..stop_first(task) }
}

fn of_daemon(mut containers: Vec<ObservedContainer>) -> Vec<ObservedContainer> {
    for container in &mut containers {
        container.identity.scheduling = Scheduling::Daemon;
    }
    containers
}

#[test]
fn it_starts_before_the_others_and_its_containers_say_what_they_are() {
    let task = web("web:1", "");
    let mut state = ObservedState { at: NOW, ..ObservedState::default() };
    add_network(&mut state, "shop");
    let desired =
        desired(&[("shop/api", service(1, &task)), ("shop/logs", daemon(&task)), ("shop/web", service(1, &task))]);
    let state = with_images(&desired, state);
    let decided = plan(&desired, &state);
    assert_snapshot!(decided, @r"
    create shop/logs/0 web @26df21: the slot has no task
    create shop/api/0 web @26df21: the slot has no task
    create shop/web/0 web @26df21: the slot has no task
    wait shop/logs/0: an action is under way
    wait shop/api/0: an action is under way
    wait shop/web/0: an action is under way
    ");
    let is_daemon: Vec<_> = decided.steps.iter().filter_map(|step| step.action.identity()).collect();
    assert_eq!(is_daemon.iter().map(|one| one.scheduling.is_replica()).collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn it_stops_when_the_others_that_go_have_ended() {
    let task = web("web:1", "");
    let logs = of_daemon(running("shop/logs/0", &task, 1));
    // Another cluster has others to wait for, or none.
    let lonely = of_daemon(running("office/logs/0", &task, 1));
    let all = [logs.clone(), running("shop/web/0", &task, 1), lonely];
    assert_snapshot!(plan_of(&[], &observed(&all)), @r"
    stop shop/web/0 web @26df21: no manifest asks for it
    stop office/logs/0 web @26df21: no manifest asks for it
    wait shop/web/0: an action is under way
    wait office/logs/0: an action is under way
    wait shop/logs/0: the others of its cluster, which stop before it: it is a daemon
    ");
    let rest = [logs.clone(), exited("shop/web/0", &task, 1, 0, 1)];
    assert_snapshot!(plan_of(&[], &observed(&rest)), @r"
    remove shop/web/0 web @26df21: no manifest asks for it
    stop shop/logs/0 web @26df21: no manifest asks for it
    wait shop/web/0: an action is under way
    wait shop/logs/0: an action is under way
    ");
    // Where the others stay, it has nobody to wait for.
    let stays = [logs, running("shop/web/0", &task, 1)];
    assert_snapshot!(plan_of(&[("shop/web", service(1, &task))], &observed(&stays)), @r"
    stop shop/logs/0 web @26df21: no manifest asks for it
    wait shop/logs/0: an action is under way
    ");
}
