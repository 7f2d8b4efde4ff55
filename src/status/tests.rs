use super::*;
use crate::observed::Phase;
use crate::plan::plan;
use crate::testing::{ago, desired, exited, observed, running, service, task};

const CHECK: &str = r#"{"name":"web","image":"web:1","healthCheck":{"command":["CMD","x"],"interval":5,"timeout":2,"retries":1,"startPeriod":0}}"#;
const PLAIN: &str = r#"{"name":"web","image":"web:1"}"#;

fn of(count: u32, wanted: &str, containers: &[Vec<crate::observed::ObservedContainer>]) -> ServiceStatus {
    let wanted = desired(&[("shop/web", service(count, &task("web", &[wanted])))]);
    let observed = observed(containers);
    let status = status(Some(&wanted), &observed, Some(&plan(&wanted, &observed)));
    status.services.into_iter().next().expect("one service")
}

fn brief(status: &ServiceStatus) -> String {
    let ServiceStatus { desired, running, healthy, pending, sync, health, restarts, .. } = status;
    let message = status.message.as_deref().unwrap_or("-");
    format!("{healthy}/{running}/{desired}+{pending} {} {} {restarts}: {message}", sync.as_str(), health.as_str())
}

#[test]
fn a_service_is_healthy_only_when_a_check_says_so() {
    let checked = running("shop/web/0", &task("web", &[CHECK]), 1);
    assert_eq!(brief(&of(1, CHECK, &[checked])), "1/1/1+0 Synced Healthy 0: -");
    let unchecked = running("shop/web/0", &task("web", &[PLAIN]), 1);
    assert_eq!(brief(&of(1, PLAIN, &[unchecked])), "1/1/1+0 Synced Running 0: -");
    assert_eq!(brief(&of(0, PLAIN, &[])), "0/0/0+0 OutOfSync Healthy 0: -");
}

#[test]
fn a_crash_loop_is_degraded_and_says_when_it_goes_on() {
    let mut dead = exited("shop/web/0", &task("web", &[PLAIN]), 3, 1, 1);
    dead[0].identity.failures = 4;
    dead[0].identity.deployment.completed = true;
    assert_eq!(
        brief(&of(1, PLAIN, &[dead])),
        "0/0/1+0 Synced Degraded 2: container web exited with code 1 after 2.0s; next try in 15s"
    );
}

#[test]
fn a_second_try_is_degraded_until_it_is_healthy() {
    let web = task("web", &[CHECK]);
    let (before, mut again) = (exited("shop/web/0", &web, 1, 1, 5), running("shop/web/0", &web, 2));
    again[0].identity.failures = 1;
    let healthy = of(1, CHECK, &[before.clone(), again.clone()]);
    assert_eq!(brief(&healthy), "1/1/1+0 Synced Healthy 1: 5.0s ago: container web exited with code 1 after 2.0s");
    again[0].health = crate::observed::Health::Starting;
    assert_eq!(of(1, CHECK, &[before, again]).health, Health::Degraded);
}

#[test]
fn a_rollout_tells_how_far_it_is() {
    let (old, new) = (task("web", &[r#"{"name":"web","image":"web:0"}"#]), task("web", &[PLAIN]));
    let tasks = [running("shop/web/0", &new, 1), running("shop/web/1", &old, 1)];
    let status = of(2, PLAIN, &tasks);
    assert_eq!((status.sync, status.health), (Sync::OutOfSync, Health::Progressing));
    let message = status.message.expect("a rollout has a message");
    let (from, to) = (old.revision.short(), new.revision.short());
    assert!(message.starts_with(&format!("web@{from} -> web@{to}, 1 of 2 replaced")), "{message}");
    assert_eq!(status.revisions.values().copied().collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn what_waits_for_its_first_check_progresses() {
    let mut starting = running("shop/web/0", &task("web", &[CHECK]), 1);
    starting[0].health = crate::observed::Health::Starting;
    assert_eq!(brief(&of(1, CHECK, &[starting])), "0/1/1+0 Synced Progressing 0: waits for its health check");
}

#[test]
fn a_service_that_nobody_wants_is_out_of_sync() {
    let wanted = desired(&[]);
    let observed = observed(&[running("shop/web/0", &task("web", &[PLAIN]), 1)]);
    let status = status(Some(&wanted), &observed, None);
    assert_eq!(brief(&status.services[0]), "1/1/0+0 OutOfSync Progressing 0: no manifest asks for it");
}

#[test]
fn stopped_tasks_come_latest_first() {
    let web = task("web", &[PLAIN]);
    let tasks = [
        exited("shop/web/0", &web, 1, 1, 60),
        exited("shop/web/0", &web, 2, 137, 20),
        exited("shop/web/1", &web, 1, 0, 40),
    ];
    let status = status(None, &observed(&tasks), None);
    let lines = status.stopped_tasks.iter().map(|task| format!("{} {} {}", task.slot, task.attempt, task.reason));
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            "0 2 container web was killed after 2.0s (exit code 137)",
            "1 1 container web exited with code 0 after 2.0s",
            "0 1 container web exited with code 1 after 2.0s",
        ]
    );
    assert_eq!(status.stopped_tasks[0].ended_at, Some(ago(20)));
}

#[test]
fn a_start_that_failed_never_ran() {
    let mut failed = exited("shop/web/0", &task("web", &[PLAIN]), 1, 0, 1);
    failed[0].phase = Phase::StartFailed { message: "exec format error".to_owned(), at: ago(1), blameless: false };
    let status = status(None, &observed(&[failed]), None);
    assert_eq!(status.stopped_tasks[0].reason, "container web could not start: exec format error");
    assert_eq!(status.stopped_tasks[0].exit_code, None);
    assert_eq!(status.services[0].health, Health::Degraded);
}
