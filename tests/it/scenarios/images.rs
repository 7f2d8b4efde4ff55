//! Stories about images: when they are fetched, and which one the tasks of a deployment are made from.

use std::time::Duration;

use insta::assert_snapshot;
use reconcile::engine::simulated::{CallKind, Fault, Image, Pace};
use reconcile::image::Platform;
use reconcile::plan::FailureKind;

use super::stage::Stage;
use super::{STOP_FIRST, shop};

fn behaving(behavior: &str, image: &str) -> String {
    shop(image, "", &format!(", imagePullBehavior: {behavior}"))
}

/// What is done about images and containers, without their times.
fn steps(stage: &mut Stage) -> Vec<String> {
    let record = stage.read();
    let steps = record.lines().filter(|line| !line.contains("  * ")).map(|line| line[10..].to_owned());
    let told = steps.filter(|line| ["pull", "create shop"].iter().any(|word| line.starts_with(word)));
    told.map(|line| line.split(" @").next().unwrap_or_default().replace(": the manifests ask for it", "")).collect()
}

/// What a service of one task does at first, by behaviour, by whether the host has the image, and by whether a fetch succeeds.
#[test]
fn each_behaviour_fetches_in_its_own_way() {
    const PULL: &str = "pull web:1";
    const CREATE: &str = "create shop/web/0 web";
    let table: [(&str, bool, bool, &[&str]); 16] = [
        ("default", true, true, &[PULL, CREATE]),
        ("default", true, false, &[PULL, CREATE]),
        ("default", false, true, &[PULL, CREATE]),
        ("default", false, false, &[PULL, PULL]),
        ("always", true, true, &[PULL, CREATE]),
        ("always", true, false, &[PULL, PULL]),
        ("always", false, true, &[PULL, CREATE]),
        ("always", false, false, &[PULL, PULL]),
        ("once", true, true, &[PULL, CREATE]),
        ("once", true, false, &[PULL, PULL]),
        ("once", false, true, &[PULL, CREATE]),
        ("once", false, false, &[PULL, PULL]),
        ("prefer-cached", true, true, &[CREATE]),
        ("prefer-cached", true, false, &[CREATE]),
        ("prefer-cached", false, true, &[PULL, CREATE]),
        ("prefer-cached", false, false, &[PULL, PULL]),
    ];
    for (behavior, cached, succeeds, expected) in table {
        let mut stage = Stage::new(&behaving(behavior, "web:1"));
        stage.engine.set_image("web:1", if cached { Image::Present } else { Image::Pullable });
        for _ in 0..if succeeds { 0 } else { 9 } {
            stage.engine.inject_next(CallKind::PullImage, Fault::FailBefore(FailureKind::Registry));
        }
        stage.pass(8.0);
        assert_eq!(steps(&mut stage), expected, "{behavior}, cached: {cached}, a fetch succeeds: {succeeds}");
        let runs = expected.contains(&CREATE);
        assert_eq!(stage.waits().is_empty(), runs, "{behavior}, {cached}, {succeeds}: {}", stage.waits());
        if runs {
            stage.prove_quiet();
        }
    }
}

/// What the second deployment and a replacement do, by behaviour.
#[test]
fn a_replacement_and_a_second_deployment_fetch_in_their_own_way() {
    let table: [(&str, &[&str], &[&str]); 4] = [
        ("default", &[], &["pull web:1"]),
        ("always", &["pull web@sha256"], &["pull web:1"]),
        ("once", &[], &[]),
        ("prefer-cached", &[], &[]),
    ];
    for (behavior, replacement, deployment) in table {
        let mut stage = Stage::new(&behaving(behavior, "web:1"));
        stage.pass(120.0);
        steps(&mut stage);
        let running = stage.id("shop.web.0");
        stage.engine.kill(&running);
        stage.pass(60.0);
        let pulls = |stage: &mut Stage| -> Vec<String> {
            let short =
                |step: String| step.split_once("sha256").map_or(step.clone(), |(name, _)| format!("{name}sha256"));
            steps(stage).into_iter().filter(|step| step.starts_with("pull")).map(short).collect()
        };
        assert_eq!(pulls(&mut stage), replacement, "{behavior}: a replacement");
        stage.pass(120.0);
        stage.change(&shop("web:1", ", user: '1'", &format!(", imagePullBehavior: {behavior}")));
        stage.pass(60.0);
        assert_eq!(pulls(&mut stage), deployment, "{behavior}: a second deployment");
        stage.prove_quiet();
    }
}

#[test]
fn what_was_fetched_before_this_reconciler_began_counts_for_once() {
    let mut stage = Stage::new(&behaving("once", "web:1"));
    stage.remember_pull("web:1");
    stage.pass(10.0);
    assert_eq!(steps(&mut stage), ["create shop/web/0 web"]);
}

#[test]
fn one_fetch_serves_everybody_and_nothing_is_stopped_before_it() {
    let mut stage = Stage::new(&shop("web:1", "", STOP_FIRST));
    stage.pass(10.0);
    stage.read();
    stage.engine.set_image("web:2", Image::Pullable);
    stage.engine.set_pace(Pace { pull: Duration::from_mins(1), list_lag: Duration::ZERO, ..Pace::TYPICAL });
    stage.change(&shop("web:2", "", STOP_FIRST));
    stage.pass(90.0);
    assert_snapshot!(stage.read(), @r"
    10.000  the manifests change
    10.000  pull web:2: the manifests ask for it
    10.000    * pulling web:2
    70.000    * pulled web:2 in 60s
    70.000  stop shop/web/0 web @26df21: replaces revision 26df21
    70.000    * shop/web/0 stopping replaces revision 26df21
    70.042  create shop/web/0 web @bcd83e: replaces revision 26df21
    70.042    * shop/web/0 stopped
    70.042    * shop/web/0 starting replaces revision 26df21
    70.051  start shop/web/0 web @bcd83e: replaces revision 26df21
    70.394    * shop/web/0 running
    70.474    * shop/web steady 1/1 healthy in 60s
    ");
    stage.prove_quiet();
}

/// The image of a deployment is that of its first task, whatever its tag comes to mean.
#[test]
fn a_tag_that_is_built_anew_changes_nothing_until_the_task_definition_does() {
    let mut stage = Stage::new(&shop("web:1", "", ", desiredCount: 1"));
    let first = stage.engine.build_image("web:1");
    stage.pass(10.0);
    let pin = |stage: &Stage, slot: &str| stage.container(slot).identity.image.expect("it is pinned").id;
    assert_eq!(pin(&stage, "shop.web.0"), first);
    let second = stage.engine.build_image("web:1");
    let id = stage.id("shop.web.0");
    stage.engine.kill(&id);
    stage.pass(20.0);
    assert_eq!(pin(&stage, "shop.web.0"), first, "a replacement");
    stage.kill_reconciler();
    stage.change(&shop("web:1", "", ", desiredCount: 3"));
    stage.pass(20.0);
    assert_eq!(pin(&stage, "shop.web.2"), first, "a further task, of a reconciler that remembers nothing");
    stage.change(&shop("web:1", ", user: '1'", ", desiredCount: 3"));
    stage.pass(60.0);
    for slot in ["shop.web.0", "shop.web.1", "shop.web.2"] {
        assert_eq!(pin(&stage, slot), second, "the next deployment");
    }
    stage.prove_quiet();
}

#[test]
fn without_version_consistency_each_task_is_made_from_what_the_tag_means() {
    let mut stage = Stage::new(&shop("web:1", ", versionConsistency: disabled", ""));
    stage.pass(10.0);
    assert_eq!(stage.container("shop.web.0").identity.image, None);
    stage.prove_quiet();
}

#[test]
fn an_image_that_the_host_has_lost_comes_back_by_its_digest() {
    let mut stage = Stage::new(&shop("web:1", "", ""));
    stage.engine.set_image("web:1", Image::Pullable);
    stage.pass(20.0);
    let pin = stage.container("shop.web.0").identity.image.expect("it is pinned");
    assert_eq!(pin.digest.as_deref(), Some(&*format!("web@{}", pin.id)));
    stage.engine.push_image("web:1");
    stage.engine.remove_image(&pin.id);
    stage.read();
    let id = stage.id("shop.web.0");
    stage.engine.kill(&id);
    stage.pass(30.0);
    let done = steps(&mut stage);
    assert_eq!(done, ["create shop/web/0 web", &format!("pull web@{}", pin.id), "create shop/web/0 web"]);
    assert_eq!(stage.container("shop.web.0").identity.image, Some(pin), "the very same image");
    stage.prove_quiet();
}

#[test]
fn an_image_that_nobody_has_any_more_says_how_to_go_on() {
    let mut stage = Stage::new(&shop("web:1", "", ""));
    let built = stage.engine.build_image("web:1");
    stage.pass(20.0);
    stage.engine.build_image("web:1");
    stage.engine.remove_image(&built);
    let id = stage.id("shop.web.0");
    stage.engine.kill(&id);
    stage.pass(30.0);
    let waits = stage.waits();
    assert!(waits.contains("came from no registry") && waits.contains("versionConsistency: disabled"), "{waits}");
    stage.change(&shop("web:1", ", versionConsistency: disabled", ""));
    stage.pass(30.0);
    stage.prove_quiet();
}

#[test]
fn an_image_for_another_machine_is_fetched_for_the_one_that_is_named() {
    let mut stage = Stage::new(&shop("web:1", "", ""));
    stage.engine.set_image_platform("web:1", Platform::new("linux", "arm64"));
    let platform = "runtimePlatform: { cpuArchitecture: X86_64 }\n  containerDefinitions:";
    let text = shop("web:1", "", "").replace("containerDefinitions:", platform);
    stage.change(&text);
    stage.pass(10.0);
    assert_eq!(steps(&mut stage), ["pull web:1 for linux/amd64", "create shop/web/0 web"]);
    stage.prove_quiet();
    // Where the registry does not answer, it is for the engine to say what does not fit.
    let mut stage = Stage::new(&text);
    stage.engine.set_image_platform("web:1", Platform::new("linux", "arm64"));
    for _ in 0..9 {
        stage.engine.inject_next(CallKind::PullImage, Fault::FailBefore(FailureKind::Registry));
    }
    stage.pass(10.0);
    assert_eq!(steps(&mut stage), ["pull web:1 for linux/amd64", "create shop/web/0 web"]);
}

#[test]
fn an_image_for_another_machine_is_not_started() {
    let mut stage = Stage::new(&shop("web:1", "", ""));
    stage.pass(10.0);
    stage.engine.set_image_platform("web:2", Platform::new("linux", "arm64"));
    stage.change(&shop("web:2", "", ""));
    stage.pass(60.0);
    assert_snapshot!(stage.waits(), @"wait shop/web/0: the image web:2 is made for linux/arm64, and this host is linux/amd64");
    assert!(stage.container("shop.web.0").name.starts_with("shop.web.0"), "what runs goes on to run");
    stage.change(&shop("web:1", "", ""));
    stage.pass(10.0);
    stage.prove_quiet();
}
