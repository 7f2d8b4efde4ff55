//! The sum of what a task uses, limited by a control group of the kernel around its containers.
//!
//! The Engine API limits containers one by one. Where this program is root on the engine's own host, and the engine's driver is
//! `cgroupfs`, it makes a group for each task that has limits, `/reconcile/CLUSTER/TASK`, and has the engine put the containers into it.
//! Elsewhere, also where systemd owns the groups, the limits hold for each container by itself; they do so here as well, so that nothing
//! is lost where a group turns out not to be the engine's.
//!
//! A group has no memory of its own: it can be made again at any time, and what is left of it goes once no container is in it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::OnceCell;

use super::answers::Inspected;
use super::connection::{Call, CallError, Connection};
use super::endpoint::Address;
use super::inspect;
use crate::desired::ContainerSpec;
use crate::observed::ContainerId;
use crate::ownership::{ContainerIdentity, TaskKey};

/// Where Linux has its control groups.
const ROOT: &str = "/sys/fs/cgroup";

/// The group around all of ours.
const OURS: &str = "reconcile";

/// In so many microseconds a group has its share of the processors once. Source: ECS, `CPUQuota`, and Docker.
const CPU_PERIOD: u64 = 100_000;
const CPU_UNITS: u64 = 1024;
const MEBIBYTE: u64 = 1 << 20;

/// The oldest kind of groups says "no limit" with the largest number of pages that there can be.
const UNLIMITED_BYTES: u64 = 1 << 62;

/// The kinds of groups in which limits are set, in the oldest kind: each has a tree of its own.
const LIMITING: [&str; 2] = ["memory", "cpu"];

/// How often a group is tried to be made.
const TRIES_MAX: usize = 5;

const INFO: Call = Call::new("info", 30);

/// What a task may use in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    /// In MiB.
    memory: Option<u32>,
    /// In units of 1/1024 of a processor.
    cpu: Option<u32>,
}

impl Limits {
    fn of(spec: &ContainerSpec) -> Option<Self> {
        let (memory, cpu) = (spec.task.memory, spec.task.cpu);
        (memory.is_some() || cpu.is_some()).then_some(Self { memory, cpu })
    }
}

/// The two kinds of control groups that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A tree for each resource.
    V1,
    /// One tree.
    V2,
}

/// What an engine says of its host and of the groups there.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Info {
    cgroup_driver: String,
    cgroup_version: String,
    kernel_version: String,
    name: String,
}

/// The control groups of this machine, as far as tasks have any.
#[derive(Debug, Clone)]
pub(super) struct TaskGroups {
    root: PathBuf,
    /// Which kind the engine and this machine both have; `None` inside where they do not.
    kind: Arc<OnceCell<Option<Kind>>>,
}

impl TaskGroups {
    pub(super) fn new() -> Self {
        Self { root: PathBuf::from(ROOT), kind: Arc::default() }
    }

    /// The group for a container that is to be created, with its limits; `None` where it is to be in the engine's own.
    pub(super) async fn prepare(
        &self,
        connection: &Connection,
        identity: &ContainerIdentity,
        spec: &ContainerSpec,
    ) -> Option<String> {
        let limits = Limits::of(spec)?;
        // An engine that does not answer now is asked again for the next container.
        let kind = (*self.kind.get_or_try_init(|| self.ask_kind(connection)).await.ok()?)?;
        let group = group_of(&identity.task);
        match self.write(kind, &group, limits) {
            Ok(()) => Some(format!("/{}", group.display())),
            Err(error) => {
                tracing::debug!(group = %group.display(), %error, "the limits of the task hold for each container by itself");
                None
            }
        }
    }

    /// Sets the limits of the group of a container that has just been started, where it has none: after a reboot the engine makes the
    /// group anew.
    pub(super) async fn uphold(&self, connection: &Connection, identity: &ContainerIdentity, id: &ContainerId) {
        let group = group_of(&identity.task);
        let Some(kind) = self.find_unlimited(&group) else { return };
        let Ok(Some(Inspected::Ours(container))) = inspect(connection, &id.0).await else { return };
        let Some(limits) = container.read_spec().and_then(|spec| Limits::of(spec)) else { return };
        if let Err(error) = self.write(kind, &group, limits) {
            tracing::warn!(group = %group.display(), %error, "the limits of a task hold for each of its containers by itself");
        }
    }

    /// Removes the group of a task, unless something runs in it.
    pub(super) fn discard(&self, task: &TaskKey) {
        self.remove(&group_of(task));
    }

    /// Whether any group is left, of whatever task.
    pub(super) fn has_any(&self) -> bool {
        self.trees().iter().any(|tree| tree.join(OURS).exists())
    }

    /// Removes the groups of the tasks that have no container any more: what a run that was killed has left behind.
    pub(super) fn sweep<'a>(&self, existing: impl Iterator<Item = &'a ContainerIdentity>) {
        let existing: BTreeSet<_> = existing.map(|identity| group_of(&identity.task)).collect();
        let mut left = BTreeSet::new();
        for tree in self.trees() {
            let tasks = directories_in(&tree.join(OURS)).into_iter().flat_map(|cluster| directories_in(&cluster));
            left.extend(tasks.filter_map(|task| task.strip_prefix(&tree).map(Path::to_owned).ok()));
        }
        left.difference(&existing).for_each(|group| self.remove(group));
    }

    /// Removes a group from every tree, and those around it with the last one in them. The kernel refuses where anything runs.
    fn remove(&self, group: &Path) {
        for tree in self.trees() {
            match fs::remove_dir(tree.join(group)) {
                // What runs is in all trees.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return,
                Ok(()) | Err(_) => {}
            }
            let around = group.ancestors().skip(1).filter(|outer| !outer.as_os_str().is_empty());
            // The first that holds something else is the last to be tried.
            let _ = around.map(|outer| fs::remove_dir(tree.join(outer))).find(Result::is_err);
        }
    }

    /// What kind of groups the engine has, where they are those of this machine and ours to write.
    async fn ask_kind(&self, connection: &Connection) -> Result<Option<Kind>, CallError> {
        let is_here = matches!(connection.endpoint().address, Address::Unix(_));
        let Some(kind) = self.kind_here().filter(|_| is_here) else { return Ok(None) };
        let answer = connection.get(INFO, "/info").await?;
        let info: Info = serde_json::from_slice(&answer).unwrap_or_default();
        let is_same_host = ["hostname", "osrelease"].into_iter().zip([&info.name, &info.kernel_version]);
        let is_same_host = is_same_host.into_iter().all(|(file, told)| {
            fs::read_to_string(format!("/proc/sys/kernel/{file}")).is_ok_and(|text| text.trim() == told)
        });
        let reason = if !is_same_host {
            "the engine is on another host"
        } else if info.cgroup_driver != "cgroupfs" {
            "the engine leaves control groups to systemd"
        } else if connection.is_podman().await? {
            "the engine is Podman"
        } else if info.kind() != kind {
            "the engine has control groups of another kind"
        } else {
            return Ok(Some(kind));
        };
        tracing::debug!(reason, "the limits of tasks hold for each container by itself");
        Ok(None)
    }

    fn kind_here(&self) -> Option<Kind> {
        if self.root.join("cgroup.controllers").exists() {
            return Some(Kind::V2);
        }
        LIMITING.iter().all(|kind| self.root.join(kind).is_dir()).then_some(Kind::V1)
    }

    /// The trees of groups: one, or one for each kind of resource.
    fn trees(&self) -> Vec<PathBuf> {
        match self.kind_here() {
            None => Vec::new(),
            Some(Kind::V2) => vec![self.root.clone()],
            Some(Kind::V1) => directories_in(&self.root),
        }
    }

    /// The kind of a group that exists and has no limit at all.
    fn find_unlimited(&self, group: &Path) -> Option<Kind> {
        let read = |file: PathBuf| fs::read_to_string(file).map(|text| text.trim().to_owned()).ok();
        let kind = self.kind_here()?;
        let is_unlimited = match kind {
            Kind::V1 => {
                let memory = read(self.root.join("memory").join(group).join("memory.limit_in_bytes"))?;
                let cpu = read(self.root.join("cpu").join(group).join("cpu.cfs_quota_us"))?;
                memory.parse::<u64>().is_ok_and(|bytes| bytes >= UNLIMITED_BYTES) && cpu == "-1"
            }
            Kind::V2 => {
                let group = self.root.join(group);
                read(group.join("memory.max"))? == "max" && read(group.join("cpu.max"))?.starts_with("max")
            }
        };
        is_unlimited.then_some(kind)
    }

    /// Makes a group where there is none, and sets its limits.
    fn write(&self, kind: Kind, group: &Path, limits: Limits) -> io::Result<()> {
        let Limits { memory, cpu } = limits;
        let bytes = memory.map(|memory| (u64::from(memory) * MEBIBYTE).to_string());
        let quota = cpu.map(|cpu| u64::from(cpu) * CPU_PERIOD / CPU_UNITS);
        match kind {
            Kind::V1 => {
                let [memory, cpu] = LIMITING.map(|tree| self.root.join(tree).join(group));
                make_directory(&memory)?;
                make_directory(&cpu)?;
                if let Some(bytes) = bytes {
                    fs::write(memory.join("memory.limit_in_bytes"), bytes)?;
                }
                if let Some(quota) = quota {
                    fs::write(cpu.join("cpu.cfs_period_us"), CPU_PERIOD.to_string())?;
                    fs::write(cpu.join("cpu.cfs_quota_us"), quota.to_string())?;
                }
            }
            Kind::V2 => {
                let directory = self.root.join(group);
                make_directory(&directory)?;
                // Each group gives its resources on to those in it. In that of the task the engine does so.
                let around = group.ancestors().skip(1).collect::<Vec<_>>();
                for outer in around.into_iter().rev() {
                    fs::write(self.root.join(outer).join("cgroup.subtree_control"), "+memory +cpu")?;
                }
                if let Some(bytes) = bytes {
                    fs::write(directory.join("memory.max"), bytes)?;
                }
                if let Some(quota) = quota {
                    fs::write(directory.join("cpu.max"), format!("{quota} {CPU_PERIOD}"))?;
                }
            }
        }
        Ok(())
    }
}

impl Info {
    fn kind(&self) -> Kind {
        // Engines that say nothing are older than the second kind.
        if self.cgroup_version == "2" { Kind::V2 } else { Kind::V1 }
    }
}

/// Where the group of a task is, below the root of a tree.
fn group_of(task: &TaskKey) -> PathBuf {
    [OURS, task.cluster.as_str(), &task.id().to_string()].iter().collect()
}

/// Makes a directory and those around it, although an empty one of those may be taken away meanwhile with another task.
fn make_directory(directory: &Path) -> io::Result<()> {
    for _ in 1..TRIES_MAX {
        match fs::create_dir_all(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            made => return made,
        }
    }
    fs::create_dir_all(directory)
}

/// The directories in one, without links: some kinds of groups have two names.
fn directories_in(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests;
