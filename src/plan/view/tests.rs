use super::*;
use crate::desired::Patience;
use crate::plan::group;
use crate::testing::{NOW, ago, observed, running, task};

const CHECKED: &str = r#"{"name":"web","image":"web:1","healthCheck":{"command":["CMD","x"],"interval":5,"timeout":2,"retries":1,"startPeriod":0}}"#;
const PLAIN: &str = r#"{"name":"proxy","image":"proxy:1"}"#;
const GRACE: Duration = Duration::from_secs(30);
const PATIENT: Patience = Patience { grace: GRACE, min_ready: Duration::ZERO };

/// The state of a task of a checked and an unchecked essential container, of which the latter has run for `plain_millis`.
fn state(health: Health, failures: u32, plain_millis: u64) -> TaskState {
    let task = task("web", &[CHECKED, PLAIN]);
    let mut containers = running("shop/web/0", &task, 1);
    containers[0].health = health;
    containers[1].phase = Phase::Running { started_at: NOW.before(Duration::from_millis(plain_millis)) };
    for container in &mut containers {
        container.identity.failures = failures;
    }
    let observed = observed(&[containers]);
    let tasks = group::tasks(&observed);
    tasks.values().flatten().next().expect("one task").clone().within(Some(&task), true, &observed).state(PATIENT, NOW)
}

#[test]
fn a_healthy_neighbour_does_not_vouch_for_a_container_without_a_check() {
    let settles_at = |secs_ago: u64, settle| TaskState::Pending(Wait::Settle { until: ago(secs_ago).after(settle) });
    let short = restart::SETTLE;
    assert_eq!(state(Health::Healthy, 0, 0), settles_at(0, short), "it has only just started");
    assert_eq!(state(Health::Healthy, 0, 100), TaskState::Healthy);
    assert_eq!(state(Health::Healthy, 4, 5_000), settles_at(5, Duration::from_secs(8)), "it failed before");
    assert_eq!(state(Health::Healthy, 4, 8_000), TaskState::Healthy);
}

#[test]
fn what_a_check_says_comes_before_settling() {
    assert_eq!(state(Health::Starting, 0, 0), TaskState::Pending(Wait::Health));
    assert_eq!(state(Health::Starting, 0, 60_000), TaskState::Pending(Wait::Health));
    assert_eq!(state(Health::Unhealthy, 0, 0), TaskState::Pending(Wait::Grace { until: NOW.after(GRACE) }));
    assert_eq!(state(Health::Unhealthy, 0, 60_000), TaskState::Unhealthy);
}

#[test]
fn a_healthy_container_with_a_check_need_not_settle() {
    let task = task("web", &[CHECKED]);
    let mut containers = running("shop/web/0", &task, 1);
    containers[0].phase = Phase::Running { started_at: NOW };
    let observed = observed(&[containers]);
    let tasks = group::tasks(&observed);
    let view = tasks.values().flatten().next().expect("one task");
    assert_eq!(view.clone().within(Some(&task), true, &observed).state(PATIENT, NOW), TaskState::Healthy);
}

#[test]
fn whoever_has_to_be_ready_for_longer_counts_later() {
    let patience = Patience { min_ready: Duration::from_secs(20), ..PATIENT };
    let task = task("web", &[CHECKED, PLAIN]);
    for (secs, expected) in
        [(19, TaskState::Pending(Wait::Settle { until: NOW.after(Duration::from_secs(1)) })), (20, TaskState::Healthy)]
    {
        let mut containers = running("shop/web/0", &task, 1);
        containers[0].health = Health::Healthy;
        // The youngest of them counts, whether it has a check or not.
        containers[0].phase = Phase::Running { started_at: ago(secs) };
        let observed = observed(&[containers]);
        let tasks = group::tasks(&observed);
        let view = tasks.values().flatten().next().expect("one task").clone().within(Some(&task), true, &observed);
        assert_eq!(view.state(patience, NOW), expected, "{secs} s");
    }
}
