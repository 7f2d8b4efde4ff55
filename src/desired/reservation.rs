//! How much of the host a task reserves.
//!
//! Source: ECS. What the task asks for as a whole counts if it is given; otherwise what its containers ask for together: their `cpu`,
//! and of each its `memoryReservation`, or else its `memory`. A task that asks for nothing reserves nothing.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::{ContainerSpec, TaskSpec};

/// An amount of processor time and memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// Processor time, in units of 1/1024 of one processor.
    pub cpu: u64,
    /// Memory, in MiB.
    pub memory: u64,
}

impl Resources {
    /// Whether it is nothing at all.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// What is left when `other` is taken away; never less than nothing.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(other.cpu), memory: self.memory.saturating_sub(other.memory) }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { cpu: self.cpu.saturating_add(other.cpu), memory: self.memory.saturating_add(other.memory) }
    }

    /// What of it does not fit into `room`, of each kind in full or not at all: nothing when it fits.
    #[must_use]
    pub fn lacking(self, room: Self) -> Self {
        let lacking = |needed: u64, room: u64| if needed > room { needed } else { 0 };
        Self { cpu: lacking(self.cpu, room.cpu), memory: lacking(self.memory, room.memory) }
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Self) {
        *self = self.and(other);
    }
}

/// What one container and its task ask for: all that is needed of a spec to know what it reserves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sizes {
    #[serde(default)]
    cpu: u32,
    memory: Option<u32>,
    memory_reservation: Option<u32>,
    #[serde(default)]
    task: TaskSizes,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
struct TaskSizes {
    cpu: Option<u32>,
    memory: Option<u32>,
}

impl Sizes {
    /// Reads the spec that a container carries; what cannot be read asks for nothing.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

impl From<&ContainerSpec> for Sizes {
    fn from(spec: &ContainerSpec) -> Self {
        Self {
            cpu: spec.cpu,
            memory: spec.memory,
            memory_reservation: spec.memory_reservation,
            task: TaskSizes { cpu: spec.task.cpu, memory: spec.task.memory },
        }
    }
}

/// What a task of these containers reserves.
pub fn reserve(containers: impl IntoIterator<Item = Sizes>) -> Resources {
    let (mut together, mut task) = (Resources::default(), TaskSizes::default());
    for Sizes { cpu, memory, memory_reservation, task: of_task } in containers {
        let memory = memory_reservation.or(memory).unwrap_or(0);
        together += Resources { cpu: cpu.into(), memory: memory.into() };
        // The container that holds the namespaces carries no size of the task; the others carry the same.
        task = TaskSizes { cpu: task.cpu.or(of_task.cpu), memory: task.memory.or(of_task.memory) };
    }
    Resources { cpu: task.cpu.map_or(together.cpu, u64::from), memory: task.memory.map_or(together.memory, u64::from) }
}

impl TaskSpec {
    /// What each task of this revision reserves of the host.
    pub fn reservation(&self) -> Resources {
        reserve(self.containers.iter().map(|container| Sizes::from(&**container)))
    }
}

#[cfg(test)]
mod tests;
