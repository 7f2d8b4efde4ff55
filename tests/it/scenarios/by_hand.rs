//! Stories of what people ask of services beside their manifests: to go back, to begin anew, to wait, to spare a task.

use std::time::Duration;

use insta::assert_snapshot;
use reconcile::ownership::Asked;
use reconcile::plan::{Action, Effect, Outcome};

use super::shop;
use super::stage::{Stage, desired};

const TWO: &str = ", desiredCount: 2";

/// The revision that manifests ask for.
fn revision(manifests: &str) -> reconcile::desired::Revision {
    let desired = desired(manifests);
    let cluster = desired.clusters.values().next().expect("a cluster");
    cluster.services.values().next().expect("a service").task.revision
}

/// How many volumes are left that say what somebody asked for.
fn asked(stage: &Stage) -> usize {
    stage.engine.observe().volumes.values().filter(|volume| volume.intervention.is_some()).count()
}

/// Somebody takes back what he asked for.
fn take_back(stage: &mut Stage) {
    let volumes = stage.engine.observe().volumes.into_values();
    let volume = volumes.into_iter().find(|volume| volume.intervention.is_some()).expect("it is written");
    let removal = Action::RemoveVolume { name: volume.name, cluster: volume.cluster };
    assert_eq!(stage.engine.perform(&removal), Outcome::Done(Effect::Removed));
    stage.note("somebody takes it back");
}

/// A shop whose `web` went from `web:1` to `web:2` a while ago.
fn second(service: &str) -> Stage {
    let mut stage = Stage::new(&shop("web:1", "", service));
    stage.pass(60.0);
    stage.change(&shop("web:2", "", service));
    stage.pass(60.0);
    stage.read();
    stage
}

/// A shop that was brought back to `web:1` by hand, and in which a task was lost since.
fn rolled_back() -> Stage {
    let mut stage = second(TWO);
    let (first, second) = (revision(&shop("web:1", "", TWO)), revision(&shop("web:2", "", TWO)));
    stage.ask(Asked::Rollback { to: first, instead_of: second });
    stage.pass(660.0);
    let id = stage.id("shop.web.0");
    stage.engine.kill(&id);
    stage.pass(10.0);
    stage.read();
    stage
}

#[test]
fn a_rollback_by_hand_is_made_and_remembered() {
    let mut stage = second(TWO);
    let (first, second) = (revision(&shop("web:1", "", TWO)), revision(&shop("web:2", "", TWO)));
    stage.ask(Asked::Rollback { to: first, instead_of: second });
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    120.000  somebody asks for Rollback
    120.000  create shop/web/0 web @26df21 attempt 2: replaces revision bcd83e
    120.000  create shop/web/1 web @26df21: replaces revision bcd83e
    120.000    * shop/web held rolled back by hand to revision 26df21, as long as its manifest asks for bcd83e
    120.000    * shop/web/0 starting replaces revision bcd83e
    120.000    * shop/web/1 starting replaces revision bcd83e
    120.009  start shop/web/0 web @26df21 attempt 2: replaces revision bcd83e
    120.009  start shop/web/1 web @26df21: replaces revision bcd83e
    120.352    * shop/web/0 running
    120.352    * shop/web/1 running
    120.432  stop shop/web/1 web @bcd83e: replaces revision bcd83e
    120.432  stop shop/web/0 web @bcd83e: replaces revision bcd83e
    120.432    * shop/web/1 stopping replaces revision bcd83e
    120.432    * shop/web/0 stopping replaces revision bcd83e
    120.474  remove shop/web/1 web @bcd83e: replaces revision bcd83e
    120.474    * shop/web/1 stopped
    120.474    * shop/web/0 stopped
    120.483    * shop/web steady 2/2 healthy in 483ms
    ");
    assert_snapshot!(stage.waits(), @"wait shop/web: rolled back by hand to revision 26df21, as long as its manifest asks for bcd83e");
    // It is remembered on the engine.
    stage.kill_reconciler();
    stage.read();
    stage.pass(600.0);
    assert_snapshot!(stage.read(), @r"
    180.000    * shop/web held rolled back by hand to revision 26df21, as long as its manifest asks for bcd83e
    ");
    // What is lost meanwhile comes back as it was.
    let id = stage.id("shop.web.0");
    stage.engine.kill(&id);
    stage.pass(10.0);
    assert_snapshot!(stage.read(), @r"
    780.000    * shop/web/0 died container web was killed after 10m (exit code 137)
    780.000  create shop/web/0 web @26df21 attempt 3: container web was killed after 10m (exit code 137)
    780.000    * shop/web/0 starting in place of the one that failed
    780.009  start shop/web/0 web @26df21 attempt 3: container web was killed after 10m (exit code 137)
    780.352    * shop/web/0 running
    780.432    * shop/web steady 2/2 healthy in 432ms
    ");
}

#[test]
fn a_rollback_by_hand_holds_until_the_manifest_changes() {
    let mut stage = rolled_back();
    // A change that is none of the task definition leaves it there.
    stage.change(&shop("web:2", "", ", desiredCount: 3"));
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    790.000  the manifests change
    790.000  create shop/web/2 web @26df21: the slot has no task
    790.000    * shop/web/2 starting the slot has no task
    790.009  start shop/web/2 web @26df21: the slot has no task
    790.352    * shop/web/2 running
    790.432    * shop/web steady 3/3 healthy in 432ms
    ");
    stage.change(&shop("web:3", "", TWO));
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    820.000  the manifests change
    820.000  stop shop/web/2 web @26df21: the desired count went down
    820.000  remove shop/web/0 web @bcd83e: replaces revision bcd83e
    820.000  remove shop/web/0 web @26df21: replaces revision 26df21
    820.000  remove volume reconcile.shop.web.rollback.1700000120000: what somebody asked for is over
    820.000    * shop/web/2 stopping the desired count went down
    820.009  create shop/web/0 web @a8c8b1: replaces revision 26df21
    820.009    * shop/web/0 starting replaces revision 26df21
    820.018  start shop/web/0 web @a8c8b1: replaces revision 26df21
    820.042  create shop/web/1 web @a8c8b1: replaces revision 26df21
    820.042  remove shop/web/2 web @26df21: the desired count went down
    820.042  remove shop/web/0 web @26df21 attempt 2: replaces revision 26df21
    820.042    * shop/web/2 stopped
    820.042    * shop/web/1 starting replaces revision 26df21
    820.051  start shop/web/1 web @a8c8b1: replaces revision 26df21
    820.361    * shop/web/0 running
    820.394    * shop/web/1 running
    820.441  stop shop/web/0 web @26df21 attempt 3: replaces revision 26df21
    820.441    * shop/web/0 stopping replaces revision 26df21
    820.474  stop shop/web/1 web @26df21: replaces revision 26df21
    820.474    * shop/web/1 stopping replaces revision 26df21
    820.483    * shop/web/0 stopped
    820.516  remove shop/web/1 web @26df21: replaces revision 26df21
    820.516    * shop/web/1 stopped
    820.525    * shop/web steady 2/2 healthy in 525ms
    ");
    assert_eq!(asked(&stage), 0, "what is over is removed");
    stage.prove_quiet();
}

#[test]
fn what_was_rolled_back_by_hand_goes_on_where_that_is_taken_back() {
    let mut stage = second(TWO);
    let (first, second) = (revision(&shop("web:1", "", TWO)), revision(&shop("web:2", "", TWO)));
    stage.ask(Asked::Rollback { to: first, instead_of: second });
    stage.pass(60.0);
    stage.read();
    take_back(&mut stage);
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    180.000  somebody takes it back
    180.000  create shop/web/0 web @bcd83e attempt 2: replaces revision 26df21
    180.000  create shop/web/1 web @bcd83e: replaces revision 26df21
    180.000    * shop/web/0 starting replaces revision 26df21
    180.000    * shop/web/1 starting replaces revision 26df21
    180.009  start shop/web/0 web @bcd83e attempt 2: replaces revision 26df21
    180.009  start shop/web/1 web @bcd83e: replaces revision 26df21
    180.352    * shop/web/0 running
    180.352    * shop/web/1 running
    180.432  stop shop/web/1 web @26df21: replaces revision 26df21
    180.432  stop shop/web/0 web @26df21 attempt 2: replaces revision 26df21
    180.432    * shop/web/1 stopping replaces revision 26df21
    180.432    * shop/web/0 stopping replaces revision 26df21
    180.474  remove shop/web/1 web @26df21: replaces revision 26df21
    180.474  remove shop/web/0 web @26df21: replaces revision 26df21
    180.474    * shop/web/1 stopped
    180.474    * shop/web/0 stopped
    180.483    * shop/web steady 2/2 healthy in 483ms
    ");
    stage.prove_quiet();
}

#[test]
fn a_rollback_to_what_is_gone_cannot_be_had() {
    let mut stage = second("");
    let (unknown, second) = (revision(&shop("web:9", "", "")), revision(&shop("web:2", "", "")));
    stage.ask(Asked::Rollback { to: unknown, instead_of: second });
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    120.000  somebody asks for Rollback
    120.000    * shop/web held rolled back by hand to revision 69c833, as long as its manifest asks for bcd83e; nothing is left of that revision, so the manifest is in force
    ");
    stage.change(&shop("web:3", "", ""));
    stage.pass(60.0);
    stage.prove_quiet();
}

#[test]
fn a_restart_replaces_each_task_once() {
    let mut stage = second(TWO);
    let since = stage.engine.now();
    stage.ask(Asked::Restart { since });
    stage.pass(0.5);
    stage.kill_reconciler();
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    120.000  somebody asks for Restart
    120.000  create shop/web/0 web @bcd83e attempt 2: somebody asked for a new deployment
    120.000  create shop/web/1 web @bcd83e attempt 2: somebody asked for a new deployment
    120.000    * shop/web/0 starting somebody asked for a new deployment
    120.000    * shop/web/1 starting somebody asked for a new deployment
    120.009  start shop/web/0 web @bcd83e attempt 2: somebody asked for a new deployment
    120.009  start shop/web/1 web @bcd83e attempt 2: somebody asked for a new deployment
    120.352    * shop/web/0 running
    120.352    * shop/web/1 running
    120.432  stop shop/web/1 web @bcd83e: somebody asked for a new deployment
    120.432  stop shop/web/0 web @bcd83e: somebody asked for a new deployment
    120.432    * shop/web/1 stopping somebody asked for a new deployment
    120.432    * shop/web/0 stopping somebody asked for a new deployment
    120.474  remove shop/web/0 web @bcd83e: somebody asked for a new deployment
    120.474  remove shop/web/1 web @bcd83e: somebody asked for a new deployment
    120.474  remove volume reconcile.shop.web.restart.1700000120000: what somebody asked for is over
    120.474    * shop/web/1 stopped
    120.474    * shop/web/0 stopped
    120.483    * shop/web steady 2/2 healthy in 483ms
    120.500  the reconciler is killed
    120.580    * shop/web steady 2/2 healthy in 80ms
    ");
    assert_eq!(asked(&stage), 0);
    stage.prove_quiet();
}

#[test]
fn a_paused_rollout_begins_nothing_and_goes_on_later() {
    let mut stage = second(TWO);
    stage.ask(Asked::Pause);
    stage.pass(1.0);
    stage.change(&shop("web:3", "", TWO));
    stage.pass(30.0);
    let id = stage.id("shop.web.1");
    stage.engine.kill(&id);
    stage.pass(30.0);
    assert_snapshot!(stage.read(), @r"
    120.000  somebody asks for Pause
    120.000    * shop/web held its rollout is paused
    121.000  the manifests change
    121.000    * shop/web held its rollout is paused; revision a8c8b1 waits
    151.000    * shop/web/1 died container web was killed after 90s (exit code 137)
    151.000  create shop/web/1 web @bcd83e attempt 2: container web was killed after 90s (exit code 137)
    151.000    * shop/web/1 starting in place of the one that failed
    151.009  start shop/web/1 web @bcd83e attempt 2: container web was killed after 90s (exit code 137)
    151.352    * shop/web/1 running
    151.432    * shop/web steady 2/2 healthy in 432ms
    ");
    assert_snapshot!(stage.waits(), @"wait shop/web: its rollout is paused; revision a8c8b1 waits");
    take_back(&mut stage);
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    181.000  somebody takes it back
    181.000  remove shop/web/0 web @26df21: replaces revision 26df21
    181.000  create shop/web/0 web @a8c8b1: replaces revision bcd83e
    181.000    * shop/web/0 starting replaces revision bcd83e
    181.009  start shop/web/0 web @a8c8b1: replaces revision bcd83e
    181.009  create shop/web/1 web @a8c8b1: replaces revision bcd83e
    181.009    * shop/web/1 starting replaces revision bcd83e
    181.018  start shop/web/1 web @a8c8b1: replaces revision bcd83e
    181.352    * shop/web/0 running
    181.361    * shop/web/1 running
    181.432  stop shop/web/0 web @bcd83e: replaces revision bcd83e
    181.432    * shop/web/0 stopping replaces revision bcd83e
    181.441  stop shop/web/1 web @bcd83e attempt 2: replaces revision bcd83e
    181.441    * shop/web/1 stopping replaces revision bcd83e
    181.474  remove shop/web/1 web @bcd83e: replaces revision bcd83e
    181.474    * shop/web/0 stopped
    181.483  remove shop/web/0 web @bcd83e: replaces revision bcd83e
    181.483    * shop/web/1 stopped
    181.492    * shop/web steady 2/2 healthy in 492ms
    ");
    stage.prove_quiet();
}

#[test]
fn a_protected_task_is_spared_until_its_time_is_up() {
    let mut stage = second(TWO);
    let task = stage.container("shop.web.1").identity.task;
    let until = stage.engine.now().after(Duration::from_mins(10));
    stage.ask(Asked::Protection { task, until });
    stage.pass(1.0);
    stage.change(&shop("web:2", "", ", desiredCount: 1"));
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    120.000  somebody asks for Protection
    121.000  the manifests change
    121.000    * shop/web/1 held it is protected until 2023-11-14T22:25:20Z
    ");
    stage.change(&shop("web:3", "", ", desiredCount: 1"));
    stage.pass(60.0);
    assert_snapshot!(stage.read(), @r"
    181.000  the manifests change
    181.000  remove shop/web/0 web @26df21: replaces revision 26df21
    181.009  stop shop/web/0 web @bcd83e: replaces revision bcd83e
    181.009    * shop/web/0 stopping replaces revision bcd83e
    181.051  create shop/web/0 web @a8c8b1: replaces revision bcd83e
    181.051    * shop/web/0 stopped
    181.051    * shop/web/0 starting replaces revision bcd83e
    181.060  start shop/web/0 web @a8c8b1: replaces revision bcd83e
    181.403    * shop/web/0 running
    181.483    * shop/web steady 1/1 healthy in 483ms
    ");
    stage.pass(600.0);
    assert_snapshot!(stage.read(), @r"
    720.000  stop shop/web/1 web @bcd83e: the desired count went down
    720.000  remove volume reconcile.shop.web.protection.f5beaa3ebfb0.1700000120000: what somebody asked for is over
    720.000    * shop/web/1 stopping the desired count went down
    720.042  remove shop/web/1 web @bcd83e: the desired count went down
    720.042    * shop/web/1 stopped
    720.051    * shop/web steady 1/1 healthy in 51ms
    ");
    assert_eq!(asked(&stage), 0);
    stage.prove_quiet();
}

#[test]
fn after_a_rollback_and_a_pause_the_revision_before_is_known() {
    let mut stage = rolled_back();
    stage.ask(Asked::Pause);
    stage.pass(1.0);
    stage.change(&shop("web:3", "", TWO));
    stage.pass(30.0);
    take_back(&mut stage);
    stage.pass(600.0);
    stage.kill_reconciler();
    stage.change(&shop("web:4", "", TWO));
    stage.pass(600.0);
    let third = revision(&shop("web:3", "", TWO));
    assert_eq!(stage.container("shop.web.0").identity.deployment.previous, Some(third));
    stage.prove_quiet();
}
