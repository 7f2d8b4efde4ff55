//! What people ask of services beside their manifests.

use crate::support::program::Program;
use crate::support::shop::{Shop, service};
use crate::support::wait::until;

/// A command about a service of the shop.
fn ask(shop: &Shop, arguments: &[&str]) -> Program {
    let mut all = arguments.to_vec();
    all.extend(["--dir", shop.dir()]);
    Program::new(all)
}

/// The revision of the task in a slot; empty where there is none.
fn revision(shop: &Shop, slot: &str) -> String {
    let Some(id) = shop.ids().get(slot).cloned() else { return String::new() };
    let label = &shop.engine.inspect(&id)["Config"]["Labels"]["reconcile.revision"];
    label.as_str().unwrap_or_default().to_owned()
}

/// A shop that went from one revision to the next; the names of both.
fn second(name: &str) -> (Shop, String, String) {
    let shop = Shop::new(name);
    shop.write(&[service("web").count(2).container("environment: [{ name: A_SECRET, value: hush }]")]);
    shop.converge();
    let first = revision(&shop, "web/0/main");
    shop.write(&[service("web").count(2).container("environment: [{ name: A_SECRET, value: psst }]")]);
    shop.converge();
    let second = revision(&shop, "web/0/main");
    assert_ne!(first, second);
    (shop, first, second)
}

#[test]
fn a_rollback_by_hand_holds_and_is_taken_back() {
    let (shop, first, second) = second("byhand");
    ask(&shop, &["rollback", "web"]).run().expect_code(0).expect_said(&["back to revision"]);
    assert_eq!((revision(&shop, "web/0/main"), revision(&shop, "web/1/main")), (first.clone(), first.clone()));
    // What labels leave out was read from the task before.
    let values = shop.engine.inspect(&shop.ids()["web/0/main"])["Config"]["Env"].to_string();
    assert!(values.contains("A_SECRET=hush"), "{values}");
    // It holds, and is said.
    shop.converge().expect_said(&["rolled back by hand", "rollout resume"]);
    assert_eq!(revision(&shop, "web/0/main"), first);
    shop.run(&["--dry-run"]).expect_code(0).expect_said(&["RC151"]);
    ask(&shop, &["rollback", "web"]).run().expect_code(0);
    assert_eq!(
        revision(&shop, "web/0/main"),
        second,
        "the revision before the one in force is what the manifest asks for"
    );
    ask(&shop, &["rollout", "resume", "web"]).run().expect_code(1).expect_said(&["nothing is held back"]);
    shop.expect_quiet();
}

#[test]
fn a_restart_replaces_what_runs() {
    let (shop, _, second) = second("restart");
    let before = shop.ids();
    ask(&shop, &["rollout", "restart", "web"]).run().expect_code(0);
    let after = shop.ids();
    assert!(before.iter().all(|(slot, id)| after[slot] != *id), "{before:?} {after:?}");
    assert_eq!(revision(&shop, "web/1/main"), second);
    shop.expect_quiet();
}

#[test]
fn who_watches_heeds_what_is_asked() {
    let (shop, first, second) = second("heeded");
    let watch = shop.watch();
    watch.wait_for_talks("steady", 1);
    let said = ask(&shop, &["rollback", "web"]).run().expect_code(0);
    said.expect_said(&["carries it out"]);
    let all_are = |revision: &str| {
        let running = shop.running("web");
        running.len() == 2 && running.iter().all(|one| one.label("revision") == revision)
    };
    until("the watcher goes back", || all_are(&first));
    watch.wait_for_talks("steady", 2);
    ask(&shop, &["rollout", "resume", "web"]).run().expect_code(0);
    until("the watcher goes on", || all_are(&second));
    watch.wait_for_talks("steady", 3);
    drop(watch);
    shop.expect_quiet();
}

#[test]
fn a_protected_task_outlives_a_scale_in() {
    let (shop, _, _) = second("protect");
    let spared = shop.ids()["web/1/main"].clone();
    let task = format!("{}/web/1", shop.cluster);
    Program::new(["protect", &task, "--for", "30m"]).run().expect_code(0).expect_said(&["is protected until"]);
    shop.write(&[service("web").count(1).container("environment: [{ name: A_SECRET, value: psst }]")]);
    shop.converge().expect_said(&["protected until"]);
    assert_eq!(shop.ids().get("web/1/main"), Some(&spared));
    Program::new(["protect", &task, "--off"]).run().expect_code(0);
    shop.converge();
    assert_eq!(shop.ids().get("web/1/main"), None);
    shop.expect_quiet();
}
