//! The limits of a task as a whole: its containers together may use no more, where this program can see to that.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::docker::{Container, Engine};
use crate::support::shop::{Service, Shop, service};

const IMAGE: &str = "reconcile-busybox:1";

/// Holds 40 MiB until it is killed.
const HOLD: &str = "[dd, if=/dev/zero, of=/dev/null, bs=40M, count=1000000]";

/// A task that may use 64 MiB and half a processor, of two containers.
fn two(command: &str) -> Service {
    service("web")
        .image(IMAGE)
        .command(command)
        .percent(0, 100)
        .container("stopTimeout: 2")
        .definition("memory: '64'")
        .definition("cpu: '512'")
        .beside(&format!("{{ name: other, image: '{IMAGE}', command: {command}, memory: 64, stopTimeout: 2 }}"))
}

fn open(test: &str) -> Shop {
    Shop::on(Engine::with_busybox(), test)
}

/// The group of a container, below each tree of the kernel; `None` where the engine was given none.
fn group_of(shop: &Shop, container: &Container) -> Option<PathBuf> {
    let parent = shop.engine.inspect(&container.id)["HostConfig"]["CgroupParent"].clone();
    Some(parent.as_str()?.trim_start_matches('/').into()).filter(|group: &PathBuf| !group.as_os_str().is_empty())
}

/// Where no group can be had, it has to be for a reason: these are the only ones.
#[track_caller]
fn expect_reason(shop: &Shop) {
    let info: Value = shop.engine.get("/info");
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|like| std::os::unix::fs::MetadataExt::uid(&like) == 0);
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let is_here = info["Name"] == name.trim();
    assert!(info["CgroupDriver"] != "cgroupfs" || !is_root || !is_here, "{info:#}");
}

/// The trees in which there is something at `group`.
fn trees_with(group: &Path) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let trees = std::fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    trees.chain([root.to_owned()]).filter(|tree| tree.join(group).is_dir()).collect()
}

fn read(group: &Path, files: &[&str]) -> String {
    let found = files.iter().find_map(|file| {
        std::fs::read_to_string(Path::new(file).parent()?.join(group).join(Path::new(file).file_name()?)).ok()
    });
    found.unwrap_or_default().trim().to_owned()
}

fn memory_limit(group: &Path) -> String {
    read(group, &["/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"])
}

#[test]
fn the_containers_of_a_task_have_its_limits_together() {
    let shop = open("sum");
    shop.write(&[two("[sleep, '1000000']")]);
    shop.converge();
    let containers = shop.running("web");
    let Some(group) = group_of(&shop, &containers[0]) else { return expect_reason(&shop) };
    assert_eq!(group_of(&shop, &containers[1]).as_ref(), Some(&group), "both are in it");
    assert!(group.starts_with(format!("reconcile/{}", shop.cluster)), "{}", group.display());
    assert_eq!(memory_limit(&group), "67108864");
    let quota = read(&group, &["/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu.max"]);
    assert_eq!(quota.split(' ').next(), Some("50000"));
    shop.expect_quiet();

    // Another revision has a group of its own.
    shop.write(&[two("[sleep, '1000001']")]);
    shop.converge();
    let next = group_of(&shop, &shop.running("web")[0]).expect("a group again");
    assert_ne!(next, group);
    shop.expect_quiet();

    // A task of the revision before is kept to go back to, with its group; what was before that is gone.
    shop.write(&[two("[sleep, '1000002']")]);
    shop.converge();
    assert_eq!(trees_with(&group), Vec::<PathBuf>::new());
    shop.expect_quiet();

    let deleted = crate::support::program::Program::new(["delete", shop.dir(), "--host", &shop.engine.host()]).run();
    deleted.expect_code(0);
    let cluster = group.parent().expect("the group of the cluster");
    assert_eq!(trees_with(cluster), Vec::<PathBuf>::new());
}

#[test]
fn a_task_that_uses_more_than_it_may_is_killed() {
    let shop = open("sum-oom");
    shop.write(&[two(HOLD).count(0)]);
    let host = shop.engine.host();
    let arguments = ["run", "--host", &host, "--dir", shop.dir(), "--timeout", "60s", "-o", "json", "web"];
    let state = shop.scratch.path().join("state");
    let ended = crate::support::program::Program::new(arguments).env("RECONCILE_STATE_DIR", state).run();
    let containers = shop.containers();
    if group_of(&shop, &containers[0]).is_none() {
        return expect_reason(&shop);
    }
    if std::fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() > 1) {
        // What is swapped out does not count.
        return;
    }
    ended.clone().expect_code(137).expect_said(&["OutOfMemoryError: Container killed due to memory usage"]);
}

#[test]
fn what_is_lost_or_left_of_groups_is_put_right() {
    let shop = open("sum-left");
    shop.write(&[two("[sleep, '1000000']")]);
    shop.converge();
    let first = shop.running("web").remove(0);
    let Some(group) = group_of(&shop, &first) else { return expect_reason(&shop) };
    let left = group.with_file_name("0123456789ab");
    for tree in trees_with(&group) {
        std::fs::create_dir(tree.join(&left)).expect("a group of our own");
    }

    // As after a reboot: the containers are there, and their group is not. A container that was never started is started.
    let containers = shop.running("web");
    let bodies: Vec<_> = containers.iter().map(|container| (container, shop.engine.inspect(&container.id))).collect();
    for container in &containers {
        shop.engine.remove(&container.id);
    }
    for tree in trees_with(&group) {
        std::fs::remove_dir(tree.join(&group)).expect("nothing runs in it");
    }
    for (container, mut inspected) in bodies {
        let (host, networks) = (inspected["HostConfig"].take(), inspected["NetworkSettings"]["Networks"].take());
        let mut body = inspected["Config"].take();
        body["HostConfig"] = host;
        let network = networks.as_object().and_then(|networks| networks.keys().next().cloned()).expect("a network");
        body["NetworkingConfig"] = serde_json::json!({ "EndpointsConfig": { network: {} } });
        shop.engine.create(&container.name, &body);
    }
    shop.converge();
    assert_eq!(group_of(&shop, &shop.running("web")[0]).as_ref(), Some(&group), "they were started, not made anew");
    assert_eq!(memory_limit(&group), "67108864");
    assert_eq!(trees_with(&left), Vec::<PathBuf>::new(), "what was left is swept");
}
