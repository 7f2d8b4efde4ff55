//! What a single run of a task changes about its definition. Source: ECS `TaskOverride` and `ContainerOverride`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{ContainerSpec, TaskSpec};
use crate::manifest::{TaskCpu, TaskMemory};
use crate::spelling::suggest;

/// The longest text of overrides, in characters. Source: ECS `RunTask`.
pub const TEXT_LENGTH_MAX: usize = 8192;

/// The least and the most memory, in MiB, and the most CPU units, as in a task definition.
const MEMORY_MIB: std::ops::RangeInclusive<u32> = 6..=1_073_741_824;
const CPU_UNITS: std::ops::RangeInclusive<u32> = 0..=262_144;

/// What may be overridden of a container.
const FIELDS: [&str; 6] = ["name", "command", "environment", "cpu", "memory", "memoryReservation"];

/// Fields of a container definition that stay as they are, in ECS too.
const FIXED: [&str; 17] = [
    "image",
    "entryPoint",
    "portMappings",
    "essential",
    "healthCheck",
    "readinessCheck",
    "stopTimeout",
    "startTimeout",
    "mountPoints",
    "volumesFrom",
    "user",
    "workingDirectory",
    "dockerLabels",
    "dependsOn",
    "links",
    "secrets",
    "logConfiguration",
];

/// Fields of ECS's overrides that nothing answers to here.
const UNSUPPORTED: [&str; 7] = [
    "environmentFiles",
    "resourceRequirements",
    "taskRoleArn",
    "executionRoleArn",
    "ephemeralStorage",
    "inferenceAcceleratorOverrides",
    "networkConfiguration",
];

/// What a run changes about its definition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskOverride {
    /// What changes about each container. Of two for one container the later counts where both say something.
    #[serde(default)]
    pub container_overrides: Vec<ContainerOverride>,
    /// The processor time of the task instead of the definition's.
    #[serde(default)]
    pub cpu: Option<TaskCpu>,
    /// The memory of the task instead of the definition's.
    #[serde(default)]
    pub memory: Option<TaskMemory>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// What a run changes about one container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerOverride {
    /// The container's name.
    pub name: String,
    /// The command instead of the definition's.
    #[serde(default)]
    pub command: Option<Vec<String>>,
    /// More variables of the environment; one of a name that is there already replaces it.
    #[serde(default)]
    pub environment: Vec<Variable>,
    /// The relative share of the processor instead of the definition's, in units of 1/1024 of one.
    #[serde(default)]
    pub cpu: Option<u32>,
    /// The hard limit of memory instead of the definition's, in MiB.
    #[serde(default)]
    pub memory: Option<u32>,
    /// The memory kept for the container instead of the definition's, in MiB.
    #[serde(default)]
    pub memory_reservation: Option<u32>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// A variable of the environment. Source: ECS `KeyValuePair`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// The name, without `=`.
    pub name: String,
    /// The value.
    pub value: String,
}

/// Why an override cannot be done. No variant quotes a value of the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// The text is longer than ECS accepts.
    #[error("the overrides have {0} characters, and at most {TEXT_LENGTH_MAX} are accepted")]
    TooLong(usize),
    /// The text is not what it should be.
    #[error(
        "the overrides cannot be read: {0}\n  expected JSON such as {{\"containerOverrides\": [{{\"name\": \"web\", \"command\": [\"migrate\"]}}]}}"
    )]
    Unreadable(String),
    /// There is no such container.
    #[error("the task definition `{family}` has no container `{name}`; {help}")]
    UnknownContainer {
        /// The task definition.
        family: String,
        /// The name that was given.
        name: String,
        /// What was probably meant.
        help: String,
    },
    /// The field stays as the task definition has it.
    #[error("`{0}` cannot be overridden, in ECS neither: change it in the task definition, or write another one")]
    Fixed(String),
    /// ECS knows the field, and nothing answers to it here.
    #[error("the override of `{0}` is not supported here: leave it out")]
    Unsupported(String),
    /// There is no such field.
    #[error("`{field}` is no field of an override; {help}")]
    UnknownField {
        /// The field.
        field: String,
        /// What was probably meant.
        help: String,
    },
    /// A number is out of its range.
    #[error("container `{container}`: `{field}` is {value}, and has to be from {least} to {most}")]
    OutOfRange {
        /// The container.
        container: String,
        /// The field.
        field: &'static str,
        /// The number.
        value: u32,
        /// The smallest one.
        least: u32,
        /// The largest one.
        most: u32,
    },
    /// More memory would be kept than may be used.
    #[error("container `{0}`: `memoryReservation` has to be smaller than `memory`")]
    Reservation(String),
    /// A variable has no name, or one with `=`.
    #[error("container `{container}`: `{name}` is no name of a variable")]
    VariableName {
        /// The container.
        container: String,
        /// The name.
        name: String,
    },
}

impl TaskOverride {
    /// Reads ECS's JSON of the overrides of a run.
    pub fn parse(text: &str) -> Result<Self, OverrideError> {
        match text.chars().count() {
            length if length > TEXT_LENGTH_MAX => return Err(OverrideError::TooLong(length)),
            _ => {}
        }
        let read: Self = serde_json::from_str(text).map_err(|error| OverrideError::Unreadable(describe(&error)))?;
        read.others
            .keys()
            .try_for_each(|field| Err(refuse_field(field, &["containerOverrides", "cpu", "memory"], false)))?;
        let of_containers = read.container_overrides.iter().flat_map(|container| container.others.keys());
        of_containers.into_iter().try_for_each(|field| Err(refuse_field(field, &FIELDS, true)))?;
        Ok(read)
    }

    /// The task with everything overridden. It keeps the name of its revision: what was run is still that definition.
    pub fn apply(&self, task: &TaskSpec) -> Result<TaskSpec, OverrideError> {
        let mut containers = task.containers.clone();
        if self.cpu.is_some() || self.memory.is_some() {
            for container in containers.iter_mut().map(Arc::make_mut) {
                container.task.cpu = self.cpu.as_ref().map(|cpu| cpu.0).or(container.task.cpu);
                container.task.memory = self.memory.as_ref().map(|memory| memory.0).or(container.task.memory);
            }
        }
        for change in &self.container_overrides {
            let found = containers.iter_mut().find(|container| container.name.as_str() == change.name);
            let container = found.ok_or_else(|| unknown_container(task, &change.name))?;
            change.apply(Arc::make_mut(container))?;
        }
        Ok(TaskSpec { containers, ..task.clone() })
    }
}

impl ContainerOverride {
    /// Another command.
    pub fn of_command(name: String, command: Vec<String>) -> Self {
        Self { name, command: Some(command), ..Self::default() }
    }

    /// One more variable.
    pub fn of_variable(name: String, variable: Variable) -> Self {
        Self { name, environment: vec![variable], ..Self::default() }
    }

    fn apply(&self, container: &mut ContainerSpec) -> Result<(), OverrideError> {
        let Self { name, command, environment, cpu, memory, memory_reservation, others: _ } = self;
        let check = |field, value: &Option<u32>, range: &std::ops::RangeInclusive<u32>| match value {
            Some(value) if !range.contains(value) => Err(OverrideError::OutOfRange {
                container: name.clone(),
                field,
                value: *value,
                least: *range.start(),
                most: *range.end(),
            }),
            Some(_) | None => Ok(()),
        };
        check("cpu", cpu, &CPU_UNITS)?;
        check("memory", memory, &MEMORY_MIB)?;
        check("memoryReservation", memory_reservation, &MEMORY_MIB)?;
        if let Some(command) = command {
            container.command = Some(command.clone());
        }
        for Variable { name: variable, value } in environment {
            if variable.is_empty() || variable.contains('=') {
                return Err(OverrideError::VariableName { container: name.clone(), name: variable.clone() });
            }
            container.environment.insert(variable.clone(), value.clone());
        }
        container.cpu = cpu.unwrap_or(container.cpu);
        container.memory = memory.or(container.memory);
        container.memory_reservation = memory_reservation.or(container.memory_reservation);
        match (container.memory, container.memory_reservation) {
            (Some(memory), Some(reservation)) if reservation >= memory => Err(OverrideError::Reservation(name.clone())),
            (_, _) => Ok(()),
        }
    }
}

/// What is wrong with a text, without what it says: that may be nobody's business.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(", expected ").map_or_else(|| text.clone(), |(_, expected)| format!("expected {expected}"))
}

fn refuse_field(field: &str, known: &[&str], of_container: bool) -> OverrideError {
    if of_container && FIXED.contains(&field) {
        OverrideError::Fixed(field.to_owned())
    } else if UNSUPPORTED.contains(&field) {
        OverrideError::Unsupported(field.to_owned())
    } else {
        let help = suggest(field, known.iter().copied());
        OverrideError::UnknownField { field: field.to_owned(), help }
    }
}

fn unknown_container(task: &TaskSpec, name: &str) -> OverrideError {
    let names = task.containers.iter().map(|container| container.name.as_str());
    OverrideError::UnknownContainer {
        family: task.family.to_string(),
        name: name.to_owned(),
        help: suggest(name, names),
    }
}

#[cfg(test)]
mod tests;
