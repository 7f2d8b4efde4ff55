//! Hooks of a deployment, as plans.

use super::*;
use crate::desired::DesiredHook;
use crate::image::PullBehavior;
use crate::observed::{ContainerId, ObservedContainer};
use crate::plan::guard::deletions;
use crate::value::HookStage::{self, PostScaleUp, PreScaleUp};

fn job(family: &str) -> Arc<TaskSpec> {
    task_of(family, &[&format!(r#"{{"name":"main","image":"{family}:1"}}"#)])
}

fn hook(family: &str, stage: HookStage) -> DesiredHook {
    DesiredHook::new(stage, Duration::from_mins(1), PullBehavior::default(), job(family))
}

/// A service of `count` tasks with these hooks.
fn hooked(count: u32, task: &Arc<TaskSpec>, hooks: &[DesiredHook]) -> DesiredService {
    DesiredService { hooks: hooks.to_vec(), ..service(count, task) }
}

/// The slot of a hook's task in a deployment of `task` as the service `web`.
fn slot(family: &str, stage: HookStage, task: &TaskSpec) -> String {
    format!("shop/web.{stage}.{family}.{}/0", task.revision.short())
}

/// The task of a hook, running.
fn runs(family: &str, stage: HookStage, task: &TaskSpec) -> Vec<ObservedContainer> {
    let mut containers = running(&slot(family, stage, task), &job(family), 1);
    containers[0].id = ContainerId::new(&format!("{:0<64}", if stage == PreScaleUp { "aaa" } else { "bbb" }));
    containers[0].phase = Phase::Running { started_at: ago(20) };
    containers
}

/// The same after it ended.
fn ended(family: &str, stage: HookStage, task: &TaskSpec, code: i64) -> Vec<ObservedContainer> {
    let mut containers = exited(&slot(family, stage, task), &job(family), 1, code, 5);
    containers[0].id = runs(family, stage, task)[0].id.clone();
    containers
}

/// The same, made and not started.
fn made(family: &str, stage: HookStage, task: &TaskSpec) -> Vec<ObservedContainer> {
    let mut containers = runs(family, stage, task);
    containers[0].phase = Phase::Created;
    containers
}

#[test]
fn nothing_new_begins_before_the_first_stage_is_over() {
    let (old, new) = (web("web:1", ""), web("web:2", ""));
    let wanted = hooked(1, &new, &[hook("migrate", PreScaleUp), hook("seed", PreScaleUp)]);
    let serving = || running("shop/web/0", &old, 1);
    assert_snapshot!(plan_web(wanted.clone(), &[serving()]), @r"
    create shop/web.PRE_SCALE_UP.migrate.bcd83e/0 main @a78f9a: a hook of the deployment, PRE_SCALE_UP
    wait shop/web: the hook `migrate` (PRE_SCALE_UP)
    wait shop/web.PRE_SCALE_UP.migrate.bcd83e/0: an action is under way
    ");
    assert_snapshot!(plan_web(wanted.clone(), &[serving(), runs("migrate", PreScaleUp, &new)]), @r"
    wait shop/web: the end of the hook `migrate` (PRE_SCALE_UP)
    wait shop/web.PRE_SCALE_UP.migrate.bcd83e/0: its end
    look again at 1786700507000
    ");
    let first = ended("migrate", PreScaleUp, &new, 0);
    assert_snapshot!(plan_web(wanted.clone(), &[serving(), first.clone()]), @r"
    create shop/web.PRE_SCALE_UP.seed.bcd83e/0 main @e44ba7: a hook of the deployment, PRE_SCALE_UP
    wait shop/web: the hook `seed` (PRE_SCALE_UP)
    wait shop/web.PRE_SCALE_UP.seed.bcd83e/0: an action is under way
    ");
    let mut second = ended("seed", PreScaleUp, &new, 0);
    second[0].id = ContainerId::new(&"c".repeat(64));
    assert_snapshot!(plan_web(wanted.clone(), &[serving(), first.clone(), second]), @r"
    create shop/web/0 web @bcd83e: replaces revision 26df21
    wait shop/web/0: an action is under way
    ");
    let mut failed = ended("seed", PreScaleUp, &new, 1);
    failed[0].id = ContainerId::new(&"c".repeat(64));
    assert_snapshot!(plan_web(wanted, &[serving(), first, failed]), @r"wait shop/web: the deployment of revision bcd83e failed: the hook `seed` (PRE_SCALE_UP) failed: container main exited with code 1 after 2.0s; revision 26df21 serves");
}

#[test]
fn the_hook_of_the_last_stage_is_made_first_and_run_last() {
    let (old, new) = (web("web:1", ""), web("web:2", ""));
    let wanted = hooked(1, &new, &[hook("smoke", PostScaleUp)]);
    let (before, after) = (|| running("shop/web/0", &old, 1), || running("shop/web/0", &new, 1));
    assert_snapshot!(plan_web(wanted.clone(), &[before()]), @r"
    create shop/web.POST_SCALE_UP.smoke.bcd83e/0 main @2633c9: a hook of the deployment, POST_SCALE_UP
    wait shop/web: the hook `smoke` (POST_SCALE_UP)
    wait shop/web.POST_SCALE_UP.smoke.bcd83e/0: an action is under way
    ");
    assert_snapshot!(plan_web(wanted.clone(), &[before(), made("smoke", PostScaleUp, &new)]), @r"
    create shop/web/0 web @bcd83e: replaces revision 26df21
    wait shop/web/0: an action is under way
    ");
    assert_snapshot!(plan_web(wanted.clone(), &[before(), after(), made("smoke", PostScaleUp, &new)]), @r"
    start shop/web.POST_SCALE_UP.smoke.bcd83e/0 main @2633c9: a hook of the deployment, POST_SCALE_UP
    wait shop/web: the hook `smoke` (POST_SCALE_UP)
    wait shop/web.POST_SCALE_UP.smoke.bcd83e/0: an action is under way
    ");
    assert_snapshot!(plan_web(wanted.clone(), &[before(), after(), runs("smoke", PostScaleUp, &new)]), @r"
    wait shop/web: the end of the hook `smoke` (POST_SCALE_UP)
    wait shop/web.POST_SCALE_UP.smoke.bcd83e/0: its end
    look again at 1786700507000
    ");
    assert_snapshot!(plan_web(wanted.clone(), &[before(), after(), ended("smoke", PostScaleUp, &new, 0)]), @r"
    stop shop/web/0 web @26df21: replaces revision 26df21
    wait shop/web/0: an action is under way
    ");
    assert_snapshot!(plan_web(wanted, &[before(), after(), ended("smoke", PostScaleUp, &new, 1)]), @r"
    stop shop/web/0 web @bcd83e: revision bcd83e failed
    wait shop/web: the deployment of revision bcd83e failed: the hook `smoke` (POST_SCALE_UP) failed: container main exited with code 1 after 2.0s; revision 26df21 serves
    wait shop/web/0: an action is under way
    ");
}

#[test]
fn what_has_been_deployed_runs_no_hook() {
    let task = web("web:1", "");
    let hooks = [hook("migrate", PreScaleUp), hook("smoke", PostScaleUp)];
    let serving = || running("shop/web/0", &task, 1);
    // It has got hooks since, or somebody has cleared away what had ended.
    assert_eq!(plan_web(hooked(1, &task, &hooks), &[serving()]), "");
    assert_snapshot!(plan_web(hooked(2, &task, &hooks), &[serving()]), @r"
    create shop/web/1 web @26df21: the slot has no task
    wait shop/web/1: an action is under way
    ");
    // A service without tasks has nothing to prepare for.
    assert_eq!(
        plan_web(hooked(0, &task, &hooks), &[serving()]).lines().filter(|line| line.contains("SCALE_UP")).count(),
        0
    );
}

#[test]
fn a_hook_that_takes_too_long_is_stopped() {
    let (old, new) = (web("web:1", ""), web("web:2", ""));
    let wanted = hooked(1, &new, &[hook("migrate", PreScaleUp)]);
    let mut late = runs("migrate", PreScaleUp, &new);
    late[0].phase = Phase::Running { started_at: ago(60) };
    assert_snapshot!(plan_web(wanted.clone(), &[running("shop/web/0", &old, 1), late]), @r"
    stop shop/web.PRE_SCALE_UP.migrate.bcd83e/0 main @a78f9a: its timeout of 60s is over
    wait shop/web: the hook `migrate` (PRE_SCALE_UP)
    wait shop/web.PRE_SCALE_UP.migrate.bcd83e/0: an action is under way
    ");
    // It says that all is well, and it is too late for that.
    let mut done = ended("migrate", PreScaleUp, &new, 0);
    let Phase::Exited { exit: Some(exit) } = &mut done[0].phase else { panic!("it has ended") };
    exit.started_at = ago(65);
    assert_snapshot!(plan_web(wanted, &[running("shop/web/0", &old, 1), done]), @r"wait shop/web: the deployment of revision bcd83e failed: the hook `migrate` (PRE_SCALE_UP) failed: it had not ended after its timeout of 60s; revision 26df21 serves");
}

#[test]
fn hooks_are_no_services_that_could_be_deleted() {
    let (old, new) = (web("web:1", ""), web("web:2", ""));
    let wanted = desired(&[("shop/web", hooked(1, &new, &[hook("migrate", PreScaleUp)]))]);
    let state = observed(&[running("shop/web/0", &old, 1), ended("migrate", PreScaleUp, &old, 0)]);
    let gone = deletions(&wanted, &state);
    assert_eq!((gone.services.len(), gone.existing), (0, 1), "the hook of an earlier deployment counts for nothing");
}
