//! `reconcile --watch`: whatever changes, in the files or on the engine, is followed; and a signal ends it without ending a task.

use std::path::Path;
use std::process::Command;

use crate::support::docker::IMAGE_NEXT;
use crate::support::program::Running;
use crate::support::proxy::Proxy;
use crate::support::shop::{Shop, manifests, service};
use crate::support::wait::until;

/// Waits until a service has so many running tasks, all of this image.
#[track_caller]
fn wait_for(shop: &Shop, run: &Running, name: &str, count: usize, image: &str) {
    let is_so = || {
        let running = shop.running(name);
        running.len() == count && running.iter().all(|container| container.image == image)
    };
    let what = format!("{count} of {name} run from {image}");
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| until(&what, is_so)));
    assert!(outcome.is_ok(), "waited in vain until {what}; it said:\n{}", run.talk());
}

fn git(directory: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(arguments);
    let output = command.current_dir(directory).output().expect("this test needs `git`");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_saved_file_is_followed_and_a_broken_one_is_not() {
    let shop = Shop::new("watch");
    shop.write(&[service("web"), service("api")]);
    let run = shop.watch();
    wait_for(&shop, &run, "web", 1, "reconcile-shop:1");
    wait_for(&shop, &run, "api", 1, "reconcile-shop:1");
    let api = shop.only("api").id;

    shop.write(&[service("web").count(2).image(IMAGE_NEXT), service("api")]);
    wait_for(&shop, &run, "web", 2, IMAGE_NEXT);
    let before = shop.ids();

    // What cannot be read is said, and the last good state stays in force: also against the engine.
    shop.write_text("kind: [");
    run.wait_for_talk("shop.yaml:");
    shop.engine.kill(&before["web/0/main"]);
    until("the killed one is replaced", || {
        let ids = shop.running("web");
        ids.len() == 2 && ids.iter().all(|container| container.id != before["web/0/main"])
    });
    assert_eq!(shop.only("api").id, api);

    // And what is good again is followed again, in place as well as by a rename.
    let text = manifests(&shop.cluster, &[service("web"), service("api")]);
    std::fs::write(shop.directory.join("shop.yaml"), text).expect("a file in our own directory");
    wait_for(&shop, &run, "web", 1, "reconcile-shop:1");
    assert_eq!(shop.only("api").id, api);
    // The old ones are gone before anybody else looks.
    until("it is scaled in", || shop.ids().len() == 2);
    run.signal("TERM");
    let ended = run.wait().expect_code(143);
    ended.expect_said(&["Tasks go on running"]);
    assert_eq!(shop.ids().len(), 2);
}

#[test]
fn new_and_removed_files_and_directories_are_followed() {
    let shop = Shop::new("files");
    shop.write(&[service("web"), service("api")]);
    let run = shop.watch();
    wait_for(&shop, &run, "web", 1, "reconcile-shop:1");
    let sub = shop.directory.join("more");
    std::fs::create_dir(&sub).expect("a directory in our own");
    let text = manifests(&shop.cluster, &[service("late")]);
    let without_cluster = text.split_once("---").map(|(_, rest)| rest.to_owned()).expect("several documents");
    std::fs::write(sub.join("late.yaml"), without_cluster).expect("a file in our own directory");
    wait_for(&shop, &run, "late", 1, "reconcile-shop:1");
    std::fs::remove_dir_all(&sub).expect("our own directory");
    wait_for(&shop, &run, "late", 0, "reconcile-shop:1");
    wait_for(&shop, &run, "web", 1, "reconcile-shop:1");
}

#[test]
fn a_mass_deletion_is_held_and_said() {
    let shop = Shop::new("held");
    shop.write(&[service("web"), service("api"), service("old")]);
    let run = shop.watch();
    for name in ["web", "api", "old"] {
        wait_for(&shop, &run, name, 1, "reconcile-shop:1");
    }
    shop.write(&[service("web")]);
    run.wait_for_talk("--allow-delete=2");
    assert_eq!(shop.ids().len(), 3);
    shop.write(&[service("web"), service("api")]);
    wait_for(&shop, &run, "old", 0, "reconcile-shop:1");
    assert_eq!(shop.ids().len(), 2);
}

#[test]
fn a_checkout_half_way_is_waited_for() {
    let shop = Shop::new("git");
    let root = shop.scratch.path();
    git(root, &["init", "-q"]);
    shop.write(&[service("web"), service("api")]);
    git(root, &["add", "."]);
    git(root, &["commit", "-qm", "one"]);
    shop.write(&[service("web").count(2), service("api")]);
    git(root, &["commit", "-qam", "two"]);
    git(root, &["checkout", "-q", "HEAD~1"]);
    let run = shop.watch();
    wait_for(&shop, &run, "web", 1, "reconcile-shop:1");
    wait_for(&shop, &run, "api", 1, "reconcile-shop:1");

    // Half of a checkout: the lock is there, and so is a file that is not whole.
    let lock = root.join(".git/index.lock");
    std::fs::write(&lock, "").expect("a file in our own directory");
    shop.write_text("kind: [");
    shop.engine.kill(&shop.only("api").id);
    until("the engine is still followed", || shop.running("api").len() == 1);
    assert!(!run.talk().contains("shop.yaml:"), "a half-written file was read:\n{}", run.talk());
    std::fs::remove_file(&lock).expect("our own file");
    git(root, &["checkout", "-qf", "-"]);
    wait_for(&shop, &run, "web", 2, "reconcile-shop:1");
}

#[test]
fn a_directory_behind_a_link_may_be_swapped() {
    let shop = Shop::new("link");
    let (one, two) = (shop.scratch.path().join("one"), shop.scratch.path().join("two"));
    for (directory, count) in [(&one, 1), (&two, 2)] {
        std::fs::create_dir(directory).expect("a directory in our own");
        let text = manifests(&shop.cluster, &[service("web").count(count)]);
        std::fs::write(directory.join("shop.yaml"), text).expect("a file in our own directory");
    }
    let link = shop.scratch.path().join("current");
    std::os::unix::fs::symlink("one", &link).expect("a link");
    let run = shop.program_at(&shop.engine.host(), &link, &["--watch"]).start();
    wait_for(&shop, &run, "web", 1, "reconcile-shop:1");
    let next = shop.scratch.path().join("next");
    std::os::unix::fs::symlink("two", &next).expect("a link");
    std::fs::rename(&next, &link).expect("a link in our own directory");
    wait_for(&shop, &run, "web", 2, "reconcile-shop:1");
}

#[test]
fn what_happens_on_the_engine_is_followed() {
    let shop = Shop::new("follow");
    shop.write(&[service("web").count(2)]);
    let mut run = shop.watch();
    wait_for(&shop, &run, "web", 2, "reconcile-shop:1");
    let before = shop.ids();
    shop.engine.kill(&before["web/0/main"]);
    until("the killed one is replaced", || shop.ids().get("web/0/main").is_some_and(|id| *id != before["web/0/main"]));
    run.wait_for_talk("died");
    shop.engine.remove(&before["web/1/main"]);
    until("the removed one is replaced", || shop.ids().get("web/1/main").is_some_and(|id| *id != before["web/1/main"]));
    assert!(run.is_running());
}

#[test]
fn a_lost_stream_of_events_loses_nothing() {
    let shop = Shop::new("stream");
    shop.write(&[service("web")]);
    let proxy = Proxy::before(&shop.engine.socket);
    let run = shop.program_at(&proxy.host(), &shop.directory, &["--watch"]).start();
    wait_for(&shop, &run, "web", 1, "reconcile-shop:1");
    let mut before = shop.only("web").id;
    for _ in 0..3 {
        until("there is a stream to break", || proxy.break_streams() > 0);
        shop.engine.kill(&before);
        until("the killed one is replaced", || shop.running("web").iter().any(|container| container.id != before));
        before = shop.only("web").id;
    }
}

#[test]
fn the_second_signal_does_not_wait() {
    let shop = Shop::new("signal");
    shop.write(&[service("web").command("[ignore-term]").container("stopTimeout: 60")]);
    let run = shop.watch();
    wait_for(&shop, &run, "web", 1, "reconcile-shop:1");
    let before = shop.only("web").id;
    shop.write(&[service("web").percent(0, 100).container("stopTimeout: 60").command("[sleep]")]);
    run.wait_for_talk("stopping");
    // A stop of a minute is under way: the first signal would wait for it, a while.
    run.signal("INT");
    run.signal("INT");
    run.wait().expect_code(130);
    shop.engine.remove(&before);
}

#[test]
fn two_do_not_work_on_one_cluster() {
    let shop = Shop::new("lock");
    shop.write(&[service("web")]);
    let run = shop.watch();
    wait_for(&shop, &run, "web", 1, "reconcile-shop:1");
    let holder = format!("process {}", run.id());
    for arguments in [&["--watch"][..], &[], &["delete"]] {
        let ended = shop.run(arguments).expect_code(5);
        ended.expect_said(&[&holder, &shop.cluster]);
    }
    // Looking is free.
    shop.run(&["--dry-run"]).expect_code(0);
    shop.run(&["status"]).expect_code(0);
    // Whoever is killed holds nothing any more.
    run.signal("KILL");
    run.wait().expect_code(137);
    shop.converge();
}
