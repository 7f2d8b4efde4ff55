use super::*;
use crate::observed::ContainerId;
use crate::testing::{self, ago, desired, running, service, task};

const WEB: &str = r#"{"name":"web","image":"shop:1"}"#;

fn observed(containers: Vec<ObservedContainer>) -> ObservedState {
    let containers = containers.into_iter().map(|container| (container.id.clone(), container)).collect();
    ObservedState { at: testing::NOW, containers, ..ObservedState::default() }
}

fn id_of(count: u32, containers: Vec<ObservedContainer>) -> PlanId {
    PlanId::of(&desired(&[("shop/web", service(count, &task("web", &[WEB])))]), &observed(containers))
}

fn one() -> Vec<ObservedContainer> {
    running("shop/web/0", &task("web", &[WEB]), 1)
}

#[test]
fn it_is_read_as_it_is_written() {
    let id = id_of(1, one());
    assert_eq!(id.to_string().parse(), Ok(id));
    for text in ["", "3f9c2a71", "3f9c2a71-", "3f9c2a71-b7d104e", "+f9c2a71-b7d104e2", "3f9c2a71-b7d104e2-0", "xyz-abc"]
    {
        assert!(text.parse::<PlanId>().is_err(), "{text}");
    }
}

#[test]
fn time_tries_and_names_of_the_engine_do_not_count() {
    let id = id_of(1, one());
    let mut again = running("shop/web/0", &task("web", &[WEB]), 4);
    again[0].id = ContainerId::new("another");
    again[0].created_at = ago(5);
    again[0].phase = Phase::Running { started_at: ago(4) };
    again[0].health = Health::Starting;
    assert_eq!(id_of(1, again), id);
    // What was tried before in a slot that is filled now.
    let mut with_memory = one();
    let mut ended = running("shop/web/0", &task("web", &[WEB]), 2);
    ended[0].id = ContainerId::new("ended");
    ended[0].phase = Phase::Exited { exit: None };
    with_memory.extend(ended);
    assert_eq!(id_of(1, with_memory), id);
}

#[test]
fn what_a_reader_would_judge_by_counts() {
    let id = id_of(1, one());
    let gone = id_of(1, Vec::new());
    let mut sick = one();
    sick[0].health = Health::Unhealthy;
    let mut down = one();
    down[0].phase = Phase::Exited { exit: None };
    let other = running("shop/web/0", &task("web", &[r#"{"name":"web","image":"shop:2"}"#]), 1);
    for (what, now) in [("gone", gone), ("sick", id_of(1, sick)), ("down", id_of(1, down)), ("other", id_of(1, other))]
    {
        assert_eq!(id.moved(now), Some(Moved::Observed), "{what}");
    }
    assert_eq!(id.moved(id_of(2, one())), Some(Moved::Desired));
    assert_eq!(id.moved(id_of(2, Vec::new())), Some(Moved::Both));
    assert_eq!(id.moved(id), None);
}

#[test]
fn what_belongs_to_others_does_not_count() {
    let id = id_of(1, one());
    let mut with_others = one();
    with_others.extend(running("bank/api/0", &task("api", &[WEB]), 1).into_iter().map(|mut container| {
        container.identity.source = crate::ownership::Source::new("elsewhere");
        container
    }));
    assert_eq!(id_of(1, with_others), id);
}

#[test]
fn a_wish_to_try_once_more_counts_and_its_time_does_not() {
    let wanted = desired(&[("shop/web", service(1, &task("web", &[WEB])))]);
    let retry = |secs| DesiredState { retry_since: Some(ago(secs)), ..wanted.clone() };
    let id = |desired: &DesiredState| PlanId::of(desired, &observed(one()));
    assert_eq!(id(&retry(5)), id(&retry(9)));
    assert_ne!(id(&retry(5)), id(&wanted));
}
