//! Tasks that run once, as plans; and that nobody else touches them.

use super::*;
use crate::desired::standalone::{Wish, desire_tasks};
use crate::desired::{DesiredState, Lifetime};
use crate::observed::{ContainerId, ObservedContainer, ObservedVolume};
use crate::ownership::Source;
use crate::plan::guard::{claims, deletions};
use crate::testing::{cluster, service_name, source, with_images};
use crate::value::ServiceName;
use crate::value::{Family, TaskId};

/// The name of a task on its own.
fn name() -> ServiceName {
    ServiceName::standalone(&Family::new("job").unwrap(), TaskId::new([0, 1, 2, 3, 4, 5]))
}

fn job() -> Arc<TaskSpec> {
    task_of("job", &[r#"{"name":"main","image":"job:1"}"#])
}

fn pair() -> Arc<TaskSpec> {
    task_of("job", &[r#"{"name":"main","image":"job:1"}"#, r#"{"name":"side","image":"log:1","essential":false}"#])
}

/// What these containers are when they belong to a task on its own.
fn alone(mut containers: Vec<ObservedContainer>) -> Vec<ObservedContainer> {
    for container in &mut containers {
        container.identity.source = Source::standalone();
    }
    containers
}

fn slot() -> String {
    format!("shop/{}/0", name())
}

fn wish(task: &Arc<TaskSpec>, wish: Wish, keep_ended: bool) -> DesiredState {
    desire_tasks(Source::standalone(), &cluster("shop"), &BTreeSet::from([name()]), task, wish, keep_ended)
}

fn plan_run(task: &Arc<TaskSpec>, containers: &[Vec<ObservedContainer>]) -> String {
    let wanted = wish(task, Wish::Run, true);
    plan(&wanted, &with_images(&wanted, observed(containers))).to_string()
}

#[test]
fn it_begins_like_any_task_and_then_its_end_is_waited_for() {
    let task = job();
    let wanted = wish(&task, Wish::Run, true);
    let mut empty = with_images(&wanted, ObservedState { at: NOW, ..ObservedState::default() });
    assert_snapshot!(plan(&wanted, &empty), @r"
    create network of shop: the manifests ask for it
    wait shop: an action is under way
    wait shop/run.job.000102030405/0: the network of its cluster
    ");
    add_network(&mut empty, "shop");
    let first = plan(&wanted, &empty);
    assert_snapshot!(first, @r"
    create shop/run.job.000102030405/0 main @38a466: the slot has no task
    wait shop/run.job.000102030405/0: an action is under way
    ");
    let Action::CreateContainer(new) = &first.steps[0].action else { panic!("{first}") };
    assert!(new.aliases.is_empty(), "nobody looks for it by a name");
    assert_snapshot!(plan_run(&task, &[alone(running(&slot(), &task, 1))]), @r"wait shop/run.job.000102030405/0: its end");
}

#[test]
fn a_slot_that_has_had_a_task_gets_no_other() {
    let task = job();
    for code in [0, 1] {
        let ended = alone(exited(&slot(), &task, 1, code, 1));
        assert_eq!(plan_run(&task, &[ended]), "", "what ended with {code} stays, and is not repeated");
    }
    let mut unclear = alone(exited(&slot(), &task, 1, 1, 1));
    unclear[0].phase = Phase::Exited { exit: None };
    assert!(plan_run(&task, &[unclear]).starts_with("inspect "));
    let mut failed = alone(running(&slot(), &task, 1));
    failed[0].phase = Phase::StartFailed { message: "no such program".to_owned(), at: ago(1), blameless: false };
    assert_eq!(plan_run(&task, &[failed]), "");
    let mut sick = alone(running(&slot(), &task, 1));
    sick[0].health = Health::Unhealthy;
    assert_snapshot!(plan_run(&task, &[sick]), @r"wait shop/run.job.000102030405/0: its end");
    // Somebody has removed it.
    let mut gone = observed(&[]);
    add_network(&mut gone, "shop");
    gone.gone_tasks.insert(alone(running(&slot(), &task, 1)).remove(0).identity.task);
    assert_eq!(plan(&wish(&task, Wish::Run, true), &gone).to_string(), "");
}

#[test]
fn its_essential_container_ends_it() {
    let task = pair();
    let mut half = alone(running(&slot(), &task, 1));
    half[0] = alone(exited(&slot(), &task, 1, 0, 1)).remove(0);
    assert_snapshot!(plan_run(&task, &[half]), @r"
    stop shop/run.job.000102030405/0 side @38b819: its task has ended
    wait shop/run.job.000102030405/0: an action is under way
    ");
    let mut side = alone(running(&slot(), &task, 1));
    side[1] = alone(exited(&slot(), &task, 1, 0, 1)).remove(1);
    assert_snapshot!(plan_run(&task, &[side]), @r"wait shop/run.job.000102030405/0: its end");
}

#[test]
fn it_ends_when_it_is_asked_to() {
    let task = job();
    let runs = observed(&[alone(running(&slot(), &task, 1))]);
    assert_snapshot!(plan(&wish(&task, Wish::End, true), &runs), @r"
    stop shop/run.job.000102030405/0 main @38a466: somebody asked for its end
    wait shop/run.job.000102030405/0: an action is under way
    ");
    let mut made = alone(running(&slot(), &task, 1));
    made[0].phase = Phase::Created;
    assert_snapshot!(plan(&wish(&task, Wish::End, true), &observed(&[made])), @r"
    remove shop/run.job.000102030405/0 main @38a466: somebody asked for its end
    wait shop/run.job.000102030405/0: an action is under way
    ");
    let ended = observed(&[alone(exited(&slot(), &task, 1, 143, 1))]);
    assert_eq!(plan(&wish(&task, Wish::End, true), &ended).to_string(), "");
    assert_snapshot!(plan(&wish(&task, Wish::Run, false), &ended), @r"
    remove shop/run.job.000102030405/0 main @38a466: its task has ended
    wait shop/run.job.000102030405/0: an action is under way
    ");
    let mut empty = observed(&[]);
    add_network(&mut empty, "shop");
    assert_eq!(plan(&wish(&task, Wish::End, true), &empty).to_string(), "");
}

#[test]
fn no_directory_touches_claims_or_counts_it() {
    let task = job();
    let web = web("web:1", "");
    let mut state =
        observed(&[alone(running(&slot(), &task, 1)), alone(exited("shop/run.job.0a0b0c0d0e0f/0", &task, 1, 0, 9))]);
    for network in state.networks.values_mut() {
        network.source = Source::standalone();
    }
    let volume = ObservedVolume {
        name: "scratch".to_owned(),
        cluster: cluster("shop"),
        source: Source::standalone(),
        task: Some(crate::testing::key("shop/run.job.0f0e0d0c0b0a/0", &task)),
        intervention: None,
    };
    state.volumes.insert(volume.name.clone(), volume);
    // A directory that declares the cluster uses its network as it is.
    let here = desired(&[("shop/web", service(1, &web))]);
    assert_snapshot!(plan(&here, &with_images(&here, state.clone())), @r"
    create shop/web/0 web @26df21: the slot has no task
    wait shop/web/0: an action is under way
    ");
    assert_eq!(claims(&here, &state), []);
    assert_eq!(deletions(&here, &state).existing, 0);
    // One that declares nothing removes nothing.
    let nothing = DesiredState {
        source: source(),
        adopted: BTreeSet::new(),
        clusters: std::collections::BTreeMap::new(),
        retry_since: None,
    };
    assert_eq!(plan(&nothing, &state).to_string(), "");
    // Nor does one that wants to take over everything.
    let greedy = DesiredState { adopted: BTreeSet::from([Source::standalone()]), ..nothing };
    assert_eq!(plan(&greedy, &state).to_string(), "");
    assert_eq!(deletions(&greedy, &state).existing, 0);
}

#[test]
fn it_takes_no_port_that_a_task_holds_and_none_is_taken_from_it() {
    let with_port = task_of("job", &[&format!(r#"{{"name":"main","image":"job:1"{}}}"#, port(8080))]);
    let web = web("web:1", &port(8080));
    let busy = observed(&[alone(running(&slot(), &with_port, 1))]);
    assert_snapshot!(plan_of(&[("shop/web", stop_first(&web))], &busy), @r"wait shop/web/0: host port 8080/tcp is held by shop/run.job.000102030405/0");
    let other = observed(&[running("shop/web/0", &web, 1)]);
    let wanted = wish(&with_port, Wish::Run, true);
    assert_snapshot!(plan(&wanted, &with_images(&wanted, other)), @r"wait shop/run.job.000102030405/0: host port 8080/tcp is held by shop/web/0");
}

/// The state in which somebody only tidies up.
fn housekeeping() -> DesiredState {
    DesiredState {
        source: Source::standalone(),
        adopted: BTreeSet::new(),
        clusters: std::collections::BTreeMap::new(),
        retry_since: None,
    }
}

#[test]
fn what_ended_stays_for_three_hours() {
    let task = job();
    let hours = |hours: u64| alone(exited(&slot(), &task, 1, 0, hours * 3600 + 60));
    assert_eq!(plan(&housekeeping(), &observed(&[hours(2)])).to_string(), "");
    assert_snapshot!(plan(&housekeeping(), &observed(&[hours(3)])), @r"
    remove shop/run.job.000102030405/0 main @38a466: no manifest asks for it
    wait shop/run.job.000102030405/0: an action is under way
    ");
    let mut old = hours(3);
    old[0].phase = Phase::Exited { exit: None };
    assert!(plan(&housekeeping(), &observed(&[old])).to_string().starts_with("inspect "), "who knows when it ended");
    let mut late = hours(3);
    if let Phase::Exited { exit: Some(exit) } = &mut late[0].phase {
        exit.finished_at = ago(60);
    }
    assert_eq!(plan(&housekeeping(), &observed(&[late])).to_string(), "", "it ran for long and ended just now");
    let mut running_long = alone(running(&slot(), &task, 1));
    running_long[0].created_at = ago(9 * 3600);
    assert_eq!(plan(&housekeeping(), &observed(&[running_long])).to_string(), "");
    // A service of somebody's is none of its business.
    assert_eq!(plan(&housekeeping(), &observed(&[exited("shop/web/0", &task, 1, 0, 9 * 3600)])).to_string(), "");
}

#[test]
fn the_rest_of_a_task_that_nobody_looks_after_goes_too() {
    let task = pair();
    let mut half = alone(running(&slot(), &task, 1));
    half[0] = alone(exited(&slot(), &task, 1, 0, 1)).remove(0);
    assert_snapshot!(plan(&housekeeping(), &observed(&[half])), @r"
    stop shop/run.job.000102030405/0 side @38b819: its task has ended
    wait shop/run.job.000102030405/0: an action is under way
    ");
}

#[test]
fn only_so_many_stay() {
    let task = job();
    let tasks: Vec<_> = (0..expire::ENDED_MAX + 2)
        .map(|number| {
            let mut ended = alone(exited(&format!("shop/run.job.{number:012x}/0"), &task, 1, 0, 60));
            ended[0].id = ContainerId::new(&format!("{number:064}"));
            ended[0].created_at = ago(100_u64 + number as u64);
            ended
        })
        .collect();
    let state = observed(&tasks);
    assert!(expire::may_have_expired(state.containers.values(), NOW));
    let plan = plan(&housekeeping(), &state);
    let gone: Vec<_> =
        plan.steps.iter().filter_map(|step| step.action.identity()).map(|i| i.task.service.to_string()).collect();
    assert_eq!(gone, ["run.job.000000000064", "run.job.000000000065"], "the oldest");
    assert!(!expire::may_have_expired(state.containers.values().take(3), NOW));
}

#[test]
fn a_service_is_kept() {
    assert_eq!(service(1, &job()).lifetime, Lifetime::Kept);
    assert_eq!(service_name("web").standalone_id(), None);
}
