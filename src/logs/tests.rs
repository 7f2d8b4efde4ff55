use super::*;
use crate::observed::Exit;
use crate::testing::{self, exited, running, task};

const APP: &str = r#"{"name":"app","image":"app:1"}"#;
const SIDE: &str = r#"{"name":"side","image":"side:1","essential":false}"#;

fn target() -> Target {
    Target { tasks: Tasks::OfService(testing::cluster("shop"), testing::service_name("web")), container: None }
}

/// The ids of what was chosen.
fn names(chosen: &[&ObservedContainer]) -> Vec<String> {
    let name = |container: &&ObservedContainer| {
        let identity = &container.identity;
        format!("{} try {} {}", identity.task.slot, identity.task.attempt, identity.container)
    };
    chosen.iter().map(name).collect()
}

/// Slot 0 runs for the third time; slot 1 has ended for the second time.
fn crashing() -> Vec<ObservedContainer> {
    let web = task("web", &[APP, SIDE]);
    let mut all = Vec::new();
    for (slot, attempt, age, runs) in
        [(0, 1, 300_u64, false), (0, 2, 200, false), (0, 3, 100, true), (1, 1, 300, false), (1, 2, 50, false)]
    {
        let place = format!("shop/web/{slot}");
        let mut containers = if runs { running(&place, &web, attempt) } else { exited(&place, &web, attempt, 1, age) };
        for container in &mut containers {
            container.identity.task.attempt = crate::value::Attempt(attempt);
            container.created_at = testing::ago(age);
        }
        all.extend(containers);
    }
    all
}

#[test]
fn present_is_what_runs_or_else_what_ended_last() {
    let all = crashing();
    assert_eq!(names(&present(&target(), &all)), ["0 try 3 app", "0 try 3 side", "1 try 2 app", "1 try 2 side"]);
    let app = Target { container: Some(ContainerName::new("app").expect("a name")), ..target() };
    assert_eq!(names(&present(&app, &all)), ["0 try 3 app", "1 try 2 app"]);
}

#[test]
fn previous_is_what_ended_last() {
    let all = crashing();
    assert_eq!(names(&previous(&target(), &all)), ["0 try 2 app", "0 try 2 side", "1 try 2 app", "1 try 2 side"]);
    // Before a task that is named there was another one.
    let of = |slot: u32, attempt: u32| {
        let named = all.iter().map(|container| &container.identity.task);
        let key = named.clone().find(|key| key.slot.0 == slot && key.attempt.0 == attempt).expect("it is there");
        Target { tasks: Tasks::These(BTreeSet::from([key.clone()])), container: None }
    };
    assert_eq!(names(&previous(&of(0, 3), &all)), ["0 try 2 app", "0 try 2 side"]);
    assert_eq!(names(&previous(&of(0, 2), &all)), ["0 try 1 app", "0 try 1 side"]);
    assert_eq!(names(&previous(&of(1, 2), &all)), ["1 try 1 app", "1 try 1 side"]);
    assert!(previous(&of(0, 1), &all).is_empty());
}

#[test]
fn a_member_knows_whether_it_is_alone() {
    let all = crashing();
    assert!(Member::of(&all[0], &all).has_siblings);
    assert!(!Member::of(&all[0], &all[..1]).has_siblings);
}

#[test]
fn a_paused_container_lives() {
    let mut container = crashing().remove(0);
    assert!(!is_live(&container) && has_ended(&container));
    container.phase = Phase::Paused;
    assert!(is_live(&container) && !has_ended(&container));
    let exit: Option<Exit> = None;
    container.phase = Phase::Exited { exit };
    assert!(has_ended(&container));
}
