use super::*;
use crate::testing::{key, task};

const WEB: &str = r#"{"name":"main","image":"web:1"}"#;

/// A directory like the one that Linux has, with the files that its groups come with.
fn machine(kind: Kind) -> (tempfile::TempDir, TaskGroups) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_owned();
    match kind {
        Kind::V1 => ["memory", "cpu", "pids"].into_iter().for_each(|tree| fs::create_dir(root.join(tree)).unwrap()),
        Kind::V2 => fs::write(root.join("cgroup.controllers"), "cpu memory").unwrap(),
    }
    (directory, TaskGroups { root, kind: Arc::default() })
}

fn read(groups: &TaskGroups, path: &str) -> String {
    fs::read_to_string(groups.root.join(path)).unwrap_or_default()
}

fn group() -> PathBuf {
    group_of(&key("shop/web/0", &task("web", &[WEB])))
}

#[test]
fn limits_are_written_as_each_kind_wants_them() {
    let name = group().display().to_string();
    for (limits, memory, quota) in [
        (Limits { memory: Some(64), cpu: None }, "67108864", ""),
        (Limits { memory: None, cpu: Some(512) }, "", "50000"),
        (Limits { memory: Some(6), cpu: Some(128) }, "6291456", "12500"),
    ] {
        let (_directory, groups) = machine(Kind::V1);
        groups.write(Kind::V1, &group(), limits).unwrap();
        assert_eq!(read(&groups, &format!("memory/{name}/memory.limit_in_bytes")), memory);
        assert_eq!(read(&groups, &format!("cpu/{name}/cpu.cfs_quota_us")), quota);
        assert_eq!(read(&groups, &format!("cpu/{name}/cpu.cfs_period_us")).is_empty(), quota.is_empty());

        let (_directory, groups) = machine(Kind::V2);
        groups.write(Kind::V2, &group(), limits).unwrap();
        assert_eq!(read(&groups, &format!("{name}/memory.max")), memory);
        let both = if quota.is_empty() { String::new() } else { format!("{quota} 100000") };
        assert_eq!(read(&groups, &format!("{name}/cpu.max")), both);
        for outer in ["", "reconcile/", "reconcile/shop/"] {
            assert_eq!(read(&groups, &format!("{outer}cgroup.subtree_control")), "+memory +cpu", "{outer}");
        }
        assert!(!groups.root.join(&name).join("cgroup.subtree_control").exists(), "that of the task is the engine's");
    }
}

/// The engine counts the share of a container in whole billionths: no container may be above its group, or the kernel refuses it.
#[test]
fn no_container_has_more_than_the_group_of_its_task() {
    for units in [128_u64, 129, 333, 1000, 1023, 1024, 4095, 196_608] {
        let of_container = units * 1_000_000_000 / CPU_UNITS * CPU_PERIOD / 1_000_000_000;
        assert!(of_container <= units * CPU_PERIOD / CPU_UNITS, "{units}");
    }
}

#[test]
fn only_a_group_without_any_limit_has_lost_them() {
    for (kind, memory_file, cpu_file, rows) in [
        (
            Kind::V1,
            "memory/{}/memory.limit_in_bytes",
            "cpu/{}/cpu.cfs_quota_us",
            [
                ("9223372036854771712\n", "-1\n", true),
                ("67108864\n", "-1\n", false),
                ("9223372036854771712\n", "50000\n", false),
            ],
        ),
        (
            Kind::V2,
            "{}/memory.max",
            "{}/cpu.max",
            [
                ("max\n", "max 100000\n", true),
                ("67108864\n", "max 100000\n", false),
                ("max\n", "50000 100000\n", false),
            ],
        ),
    ] {
        let (_directory, groups) = machine(kind);
        assert_eq!(groups.find_unlimited(&group()), None, "there is none");
        groups.write(kind, &group(), Limits { memory: None, cpu: None }).unwrap();
        for (memory, cpu, is_unlimited) in rows {
            for (file, text) in [(memory_file, memory), (cpu_file, cpu)] {
                fs::write(groups.root.join(file.replace("{}", &group().display().to_string())), text).unwrap();
            }
            assert_eq!(groups.find_unlimited(&group()).is_some(), is_unlimited, "{kind:?} {memory} {cpu}");
        }
    }
}

#[test]
fn a_group_goes_with_its_task_and_what_was_left_is_swept() {
    let task = task("web", &[WEB]);
    let keys = ["shop/web/0", "shop/web/1", "bank/api/0"].map(|place| key(place, &task));
    let (_directory, groups) = machine(Kind::V1);
    let make = || {
        for tree in ["memory", "cpu", "pids"] {
            for key in &keys {
                fs::create_dir_all(groups.root.join(tree).join(group_of(key))).unwrap();
            }
        }
    };
    let count = || {
        let trees = groups.trees();
        trees.iter().map(|tree| keys.iter().filter(|key| tree.join(group_of(key)).exists()).count()).sum::<usize>()
    };
    make();
    assert_eq!(count(), 9);
    groups.discard(&keys[0]);
    assert_eq!(count(), 6, "in every tree");
    groups.discard(&keys[1]);
    assert!(!groups.root.join("pids/reconcile/shop").exists() && groups.root.join("pids/reconcile/bank").exists());
    groups.discard(&keys[2]);
    assert!(!groups.has_any());

    make();
    let existing = crate::testing::container(&keys[1], &task, &task.containers[0]).identity;
    // Something runs in it, although nobody knows of it.
    for tree in ["memory", "cpu", "pids"] {
        fs::create_dir(groups.root.join(tree).join(group_of(&keys[2])).join("abc")).unwrap();
    }
    groups.sweep([&existing].into_iter());
    assert_eq!(count(), 6);
    groups.discard(&keys[1]);
    assert!(groups.has_any());
}
