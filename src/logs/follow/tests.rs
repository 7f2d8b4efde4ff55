use super::*;
use crate::observed::Exit;
use crate::testing::{self, exited, running, task};
use crate::value::ContainerName;

const APP: &str = r#"{"name":"app","image":"app:1"}"#;
const SIDE: &str = r#"{"name":"side","image":"side:1","essential":false}"#;

fn of_service() -> Target {
    Target { tasks: Tasks::OfService(testing::cluster("shop"), testing::service_name("web")), container: None }
}

fn of_task(containers: &[ObservedContainer]) -> Target {
    let key = containers[0].identity.task.clone();
    Target { tasks: Tasks::These(BTreeSet::from([key])), container: None }
}

/// The orders in short.
fn told(orders: &[Order]) -> Vec<String> {
    let tell = |order: &Order| match order {
        Order::Read { member, follow } => {
            let how = if *follow { "follow" } else { "read" };
            format!("{how} {} {} {}", member.task.slot, member.task.attempt, member.container)
        }
        Order::Began(key) => format!("began {} {}", key.slot, key.attempt),
        Order::Ended(key, how) => format!("ended {} {}: {how}", key.slot, key.attempt),
        Order::Several => "several".to_owned(),
    };
    orders.iter().map(tell).collect()
}

fn ended(container: &ObservedContainer, code: i64) -> ObservedContainer {
    let exit = Exit {
        code,
        oom_killed: false,
        error: String::new(),
        started_at: testing::ago(9),
        finished_at: testing::ago(5),
        health_output: None,
    };
    ObservedContainer { phase: Phase::Exited { exit: Some(exit) }, ..container.clone() }
}

#[test]
fn a_replacement_is_read_from_its_beginning() {
    let web = task("web", &[APP]);
    let (old, first, second) =
        (exited("shop/web/0", &web, 1, 1, 60), running("shop/web/0", &web, 2), running("shop/web/0", &web, 3));
    let before = [old[0].clone(), first[0].clone()];
    let mut follow = Follow::new(of_service(), &before);
    // What had ended before is of no interest.
    assert_eq!(told(&follow.look(&before)), ["follow 0 2 app"]);
    assert_eq!(told(&follow.look(&before)), [] as [&str; 0]);
    // The list may lag behind the end of the log: it is read again, from where it was left.
    follow.closed(&first[0].id);
    assert_eq!(told(&follow.look(&before)), ["follow 0 2 app"]);
    follow.closed(&first[0].id);
    // The end is told when everything has been read.
    let crashed = ended(&first[0], 137);
    assert_eq!(told(&follow.look(std::slice::from_ref(&crashed))), ["read 0 2 app"]);
    assert!(!follow.is_idle());
    follow.closed(&first[0].id);
    let now = [crashed, second[0].clone()];
    let orders = told(&follow.look(&now));
    assert_eq!(orders[..2], ["began 0 3", "follow 0 3 app"]);
    assert!(orders[2].starts_with("ended 0 2: container app was killed"), "{orders:?}");
    assert_eq!(told(&follow.look(&now[1..])), [] as [&str; 0]);
    assert!(!follow.is_over(), "a service goes on");
}

#[test]
fn one_that_came_and_went_between_two_looks_is_read_as_well() {
    let web = task("web", &[APP]);
    let first = running("shop/web/0", &web, 1);
    let mut follow = Follow::new(of_service(), &first);
    follow.look(&first);
    let crashed = exited("shop/web/0", &web, 2, 3, 1);
    let now = [first[0].clone(), crashed[0].clone()];
    assert_eq!(told(&follow.look(&now)), ["began 0 2", "read 0 2 app"]);
    follow.closed(&crashed[0].id);
    assert!(told(&follow.look(&now))[0].starts_with("ended 0 2: "));
}

#[test]
fn a_reading_that_broke_is_taken_up_again() {
    let web = task("web", &[APP]);
    let first = running("shop/web/0", &web, 1);
    let crashed = [ended(&first[0], 1)];
    let mut follow = Follow::new(of_task(&first), &first);
    follow.look(&first);
    follow.closed(&first[0].id);
    assert_eq!(told(&follow.look(&crashed)), ["read 0 1 app"]);
    follow.broke(&first[0].id);
    follow.closed(&first[0].id);
    assert_eq!(told(&follow.look(&crashed)), ["read 0 1 app"]);
    assert!(!follow.is_over());
    follow.closed(&first[0].id);
    assert_eq!(follow.look(&crashed).len(), 1);
    assert!(follow.is_over(), "of a task nothing more will come");
}

#[test]
fn a_log_that_cannot_be_read_is_not_asked_for_again() {
    let web = task("web", &[APP]);
    let first = running("shop/web/0", &web, 1);
    let mut follow = Follow::new(of_task(&first), &first);
    follow.look(&first);
    follow.unreadable(&first[0].id);
    follow.closed(&first[0].id);
    assert_eq!(told(&follow.look(&first)), [] as [&str; 0]);
    assert_eq!(follow.look(&[ended(&first[0], 0)]).len(), 1);
    assert!(follow.is_over());
}

#[test]
fn started_again_in_place_it_goes_on() {
    let web = task("web", &[APP]);
    let first = running("shop/web/0", &web, 1);
    let mut follow = Follow::new(of_service(), &first);
    follow.look(&first);
    follow.closed(&first[0].id);
    let crashed = [ended(&first[0], 1)];
    follow.look(&crashed);
    follow.closed(&first[0].id);
    assert!(told(&follow.look(&crashed))[0].starts_with("ended 0 1"));
    // It has been started again, and ended again, since the last look.
    let mut again = crashed.clone();
    if let Phase::Exited { exit: Some(exit) } = &mut again[0].phase {
        exit.finished_at = testing::ago(1);
    }
    assert_eq!(told(&follow.look(&again)), ["read 0 1 app"]);
    follow.closed(&first[0].id);
    assert_eq!(told(&follow.look(&again)), [] as [&str; 0]);
    assert_eq!(told(&follow.look(&first)), ["follow 0 1 app", "began 0 1"]);
}

#[test]
fn a_task_is_over_when_an_essential_container_is() {
    let web = task("web", &[APP, SIDE]);
    let all = running("shop/web/0", &web, 1);
    let mut follow = Follow::new(of_task(&all), &all);
    assert_eq!(told(&follow.look(&all)), ["several", "follow 0 1 app", "follow 0 1 side"]);
    // The other one is about to be stopped.
    let half = [ended(&all[0], 1), all[1].clone()];
    follow.closed(&all[0].id);
    assert_eq!(told(&follow.look(&half)), ["read 0 1 app"]);
    follow.closed(&all[0].id);
    follow.look(&half);
    assert!(!follow.is_over());
    follow.closed(&all[1].id);
    let none = [ended(&all[0], 1), ended(&all[1], 143)];
    assert_eq!(told(&follow.look(&none)), ["read 0 1 side"]);
    follow.closed(&all[1].id);
    assert!(told(&follow.look(&none))[0].contains("container app exited with code 1"));
    assert!(follow.is_over());
}

#[test]
fn a_container_that_is_named_is_all_that_is_waited_for() {
    let web = task("web", &[APP, SIDE]);
    let all = running("shop/web/0", &web, 1);
    let side = ContainerName::new("side").expect("a name");
    let mut follow = Follow::new(Target { container: Some(side), ..of_task(&all) }, &all);
    assert_eq!(told(&follow.look(&all)), ["follow 0 1 side"]);
    follow.closed(&all[1].id);
    let half = [all[0].clone(), ended(&all[1], 0)];
    follow.look(&half);
    follow.closed(&all[1].id);
    follow.look(&half);
    assert!(follow.is_over());
}

#[test]
fn a_task_that_is_not_there_yet_is_waited_for_and_one_that_is_gone_is_over() {
    let web = task("web", &[APP]);
    let first = running("shop/web/0", &web, 1);
    let mut follow = Follow::new(of_task(&first), &[]);
    follow.look(&[]);
    assert!(!follow.is_over());
    assert_eq!(told(&follow.look(&first)), ["began 0 1", "follow 0 1 app"]);
    follow.closed(&first[0].id);
    assert_eq!(told(&follow.look(&[])), ["ended 0 1: it was removed"]);
    assert!(follow.is_over());
}

#[test]
fn what_a_list_does_not_tell_is_asked_for() {
    let web = task("web", &[APP]);
    let mut first = running("shop/web/0", &web, 1);
    let follow = Follow::new(of_service(), &first);
    assert!(follow.unclear(&first).is_empty());
    first[0].phase = Phase::Exited { exit: None };
    assert_eq!(follow.unclear(&first), [first[0].id.clone()]);
    first[0].phase = Phase::CreatedOrFailed;
    assert_eq!(follow.unclear(&first), [first[0].id.clone()]);
}
