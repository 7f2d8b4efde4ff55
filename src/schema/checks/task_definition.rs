//! What a task definition can tell about itself as a whole.

use std::collections::BTreeMap;

use super::Checks;
use crate::manifest::{ContainerDefinition, TaskDefinition, TaskDefinitionSpec, Volume, VolumeScope};
use crate::problem::{Code, Problem};
use crate::value::{ContainerName, Family};

/// The number of containers that ECS accepts in a task definition.
const ECS_CONTAINERS_MAX: usize = 10;
/// The processor time of a task, in CPU units. Source: ECS `RegisterTaskDefinition`.
const TASK_CPU: std::ops::RangeInclusive<u32> = 128..=196_608;
/// Docker's own minimum of memory, in MiB.
const TASK_MEMORY_MIN: u32 = 6;

impl Checks<'_> {
    pub(super) fn task_definition(&mut self, definition: &TaskDefinition) {
        let spec = &definition.spec;
        let given = spec.family.as_ref().map(Family::as_str);
        self.same_name("family", given, definition.metadata.name.as_str());
        let containers = &spec.container_definitions;
        self.container_list(containers);
        let names = spec.volumes.iter().map(|volume| volume.name.as_str());
        self.unique("volume name", "/spec/volumes", "name", names);
        self.unique("tag", "/spec/tags", "key", spec.tags.iter().map(|tag| tag.key.as_str()));
        self.reserved_name(containers);
        self.size(spec);
        self.platform(spec);
        self.ports(spec);
        self.implied_order(containers);
        self.dependencies(containers);
        for (index, container) in containers.iter().enumerate() {
            self.container(&format!("/spec/containerDefinitions/{index}"), container, spec);
        }
        for (index, volume) in spec.volumes.iter().enumerate() {
            self.volume(&format!("/spec/volumes/{index}"), volume);
        }
        self.logging(containers);
        self.compatibilities(spec);
    }

    fn container_list(&mut self, containers: &[ContainerDefinition]) {
        if containers.len() > ECS_CONTAINERS_MAX {
            let message =
                format!("ECS accepts at most {ECS_CONTAINERS_MAX} containers, these are {}", containers.len());
            self.report_key("/spec/containerDefinitions", Problem::warning(Code::EcsWouldRefuse, message));
        }
        if containers.iter().all(|container| container.essential == Some(false)) {
            let problem = Problem::error(Code::NoEssentialContainer, "no container is essential")
                .with_expected("at least one essential container", "`essential: false` for all")
                .with_help("a task ends with an essential container; remove `essential: false` from one");
            self.report_key("/spec/containerDefinitions", problem);
        }
        let names = containers.iter().map(|container| container.name.as_str());
        self.unique("container name", "/spec/containerDefinitions", "name", names);
    }

    /// Refuses the name of the container that owns the namespaces of a task.
    fn reserved_name(&mut self, containers: &[ContainerDefinition]) {
        for (index, container) in containers.iter().enumerate() {
            if container.name.is_namespace_owner() {
                let message = format!("the container name `{}` belongs to reconcile itself", container.name);
                let problem = Problem::error(Code::Reserved, message)
                    .with_help("it is the container that holds what the others share; choose another name");
                self.report(&format!("/spec/containerDefinitions/{index}/name"), problem);
            }
        }
    }

    fn size(&mut self, spec: &TaskDefinitionSpec) {
        if let Some(cpu) = spec.cpu.filter(|cpu| !TASK_CPU.contains(&cpu.0)) {
            let problem = Problem::error(Code::OutOfRange, "the cpu of the task is out of range")
                .with_expected(format!("{} to {} CPU units", TASK_CPU.start(), TASK_CPU.end()), cpu.0.to_string())
                .with_help("1024 units are one core: write 512, or \"0.5 vCPU\"");
            self.report("/spec/cpu", problem);
        }
        let Some(task) = spec.memory.map(|memory| memory.0) else { return };
        if task < TASK_MEMORY_MIN {
            let problem = Problem::error(Code::OutOfRange, "the memory of the task is out of range")
                .with_expected(format!("at least {TASK_MEMORY_MIN} MiB"), format!("{task} MiB"))
                .with_help("write a number of MiB, or a text such as \"1 GB\"");
            self.report("/spec/memory", problem);
        }
        let mut is_above = false;
        for (index, container) in spec.container_definitions.iter().enumerate() {
            let limits = [("memory", container.memory), ("memoryReservation", container.memory_reservation)];
            for (field, own) in limits {
                let Some(own) = own.filter(|own| *own > task) else { continue };
                let message = format!("the {field} of container `{}` is above the memory of the task", container.name);
                let problem = Problem::error(Code::Conflict, message)
                    .with_expected(format!("at most {task} MiB"), format!("{own} MiB"))
                    .with_related("the memory of the task", self.document.nearest_place_of("/spec/memory"));
                self.report(&format!("/spec/containerDefinitions/{index}/{field}"), problem);
                is_above = true;
            }
        }
        // ECS's words: "the total amount of memory reserved for all containers within a task".
        let reserved = spec.container_definitions.iter().filter_map(|one| one.memory_reservation.or(one.memory));
        let sum: u64 = reserved.map(u64::from).sum();
        if sum > u64::from(task) && !is_above {
            let message = format!("the containers reserve {sum} MiB together, and the task has {task} MiB");
            self.ecs_would_refuse("/spec/memory", message, "what the task has counts against the host");
        }
    }

    fn platform(&mut self, spec: &TaskDefinitionSpec) {
        let family = spec.runtime_platform.as_ref().and_then(|platform| platform.operating_system_family.as_deref());
        let Some(family) = family.filter(|family| *family != "LINUX") else { return };
        let problem = Problem::error(Code::Refused, "a Linux engine can never run containers for Windows")
            .with_expected("LINUX", format!("`{family}`"))
            .with_help("use images for Linux, and `operatingSystemFamily: LINUX`");
        self.report("/spec/runtimePlatform/operatingSystemFamily", problem);
    }

    /// Refuses containers that would each have to come before the other.
    fn implied_order(&mut self, containers: &[ContainerDefinition]) {
        let by_name: BTreeMap<&str, &ContainerDefinition> =
            containers.iter().map(|container| (container.name.as_str(), container)).collect();
        for (index, container) in containers.iter().enumerate() {
            let own = container.name.as_str();
            let mut open: Vec<&str> = container.implied_dependencies().filter(|name| *name != own).collect();
            let mut seen: Vec<&str> = Vec::new();
            while let Some(name) = open.pop() {
                if name == own {
                    let field = if container.links.is_empty() { "volumesFrom" } else { "links" };
                    let message =
                        format!("container `{own}` comes after itself: `links` and `volumesFrom` make a circle");
                    let help = "whoever is linked to starts first; remove one of the links";
                    self.conflict(&format!("/spec/containerDefinitions/{index}/{field}"), message, help);
                    return;
                }
                if !seen.contains(&name) {
                    seen.push(name);
                    open.extend(by_name.get(name).into_iter().flat_map(|other| other.implied_dependencies()));
                }
            }
        }
    }

    /// Warns once of log drivers that need services of AWS.
    fn logging(&mut self, containers: &[ContainerDefinition]) {
        let of_aws = |container: &ContainerDefinition| {
            container.log_configuration.as_ref().map(|log| log.log_driver).filter(|driver| driver.is_of_aws())
        };
        let found = containers.iter().enumerate().find_map(|(index, container)| Some((index, of_aws(container)?)));
        let Some((index, driver)) = found else { return };
        let message = format!("no effect on a Docker host: the log driver `{driver}`");
        let problem = Problem::warning(Code::NoEffect, message)
            .with_help("it needs a service of AWS: the output goes where the engine's own logging puts it, and its options are not used");
        self.report(&format!("/spec/containerDefinitions/{index}/logConfiguration/logDriver"), problem);
    }

    fn volume(&mut self, pointer: &str, volume: &Volume) {
        let Some(configuration) = &volume.docker_volume_configuration else { return };
        if volume.host.is_some() {
            let message = "a volume has either `host` or `dockerVolumeConfiguration`";
            let host = self.document.key_place_of(&format!("{pointer}/host"));
            let mut problem = Problem::error(Code::Conflict, message).with_help("remove one of the two");
            if let Some(host) = host {
                problem = problem.with_related("the other is here", host);
            }
            self.report_key(&format!("{pointer}/dockerVolumeConfiguration"), problem);
        }
        let pointer = format!("{pointer}/dockerVolumeConfiguration");
        if configuration.autoprovision.is_some() && configuration.scope != Some(VolumeScope::Shared) {
            let problem = Problem::error(Code::Conflict, "`autoprovision` is only for a volume with `scope: shared`")
                .with_help("a volume of the task is always created; remove `autoprovision`, or add `scope: shared`");
            self.report_key(&format!("{pointer}/autoprovision"), problem);
        }
        self.labels(&format!("{pointer}/labels"), &configuration.labels);
    }
}

/// The names of the containers, for what refers to one of them.
pub(super) fn container_names(spec: &TaskDefinitionSpec) -> impl Iterator<Item = &str> {
    spec.container_definitions.iter().map(|container| ContainerName::as_str(&container.name))
}
