//! What ECS would refuse for the places where the task definition asks to be accepted. All of it works here: these are warnings.

use super::Checks;
use crate::manifest::{Compatibility, ContainerDefinition, NetworkMode, TaskDefinitionSpec};
use crate::problem::{Code, Problem};

/// The processor times that Fargate has, in CPU units, and with each the memory in MiB: the least, the most, and the step between.
/// Source: ECS `RegisterTaskDefinition`. (The smallest has 512, 1024 and 2048 only.)
const SIZES: [(u32, u32, u32, u32); 7] = [
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16_384, 1024),
    (4096, 8192, 30_720, 1024),
    (8192, 16_384, 61_440, 4096),
    (16_384, 32_768, 122_880, 8192),
];

/// Whether Fargate has this memory with this processor time.
fn is_a_size(cpu: u32, memory: u32) -> bool {
    SIZES.iter().any(|(units, least, most, step)| {
        *units == cpu
            && (*least..=*most).contains(&memory)
            && memory.is_multiple_of(*step)
            && (*units > 256 || memory != 1536)
    })
}

impl Checks<'_> {
    pub(super) fn compatibilities(&mut self, spec: &TaskDefinitionSpec) {
        if spec.requires_compatibilities.contains(&Compatibility::Fargate) {
            self.fargate(spec);
        }
        if spec.requires_compatibilities.is_empty() || spec.memory.is_some() {
            return;
        }
        let has_none =
            |container: &ContainerDefinition| container.memory.is_none() && container.memory_reservation.is_none();
        for (index, container) in spec.container_definitions.iter().enumerate().filter(|(_, one)| has_none(one)) {
            let message = format!("container `{}` has neither memory nor memoryReservation", container.name);
            let help = "ECS wants one of them, or a memory of the task";
            self.ecs_would_refuse(&format!("/spec/containerDefinitions/{index}/name"), message, help);
        }
    }

    fn fargate(&mut self, spec: &TaskDefinitionSpec) {
        if spec.network_mode != Some(NetworkMode::Awsvpc) {
            self.ecs_would_refuse("/spec/networkMode", "Fargate has network mode `awsvpc` only".to_owned(), "");
        }
        match (spec.cpu, spec.memory) {
            (Some(cpu), Some(memory)) if is_a_size(cpu.0, memory.0) => {}
            (Some(cpu), Some(memory)) => {
                let message = format!("Fargate has no size of {} CPU units and {} MiB", cpu.0, memory.0);
                let of_cpu = SIZES.iter().find(|(units, ..)| *units == cpu.0);
                let help = match of_cpu {
                    Some((units, least, most, step)) => {
                        format!("with {units} units it has {least} to {most} MiB in steps of {step}")
                    }
                    None => format!("it has {} units", SIZES.map(|(units, ..)| units.to_string()).join(", ")),
                };
                self.ecs_would_refuse("/spec/memory", message, &help);
            }
            (None, _) | (_, None) => {
                let message = "Fargate needs the cpu and the memory of the task".to_owned();
                self.ecs_would_refuse("/spec/requiresCompatibilities", message, "");
            }
        }
        let sum: u64 = spec.container_definitions.iter().filter_map(|container| container.cpu).map(u64::from).sum();
        if let Some(cpu) = spec.cpu.filter(|cpu| sum > u64::from(cpu.0)) {
            let message = format!("the containers want {sum} CPU units together, and the task has {}", cpu.0);
            self.ecs_would_refuse("/spec/cpu", message, "");
        }
        for (index, container) in spec.container_definitions.iter().enumerate() {
            if container.privileged == Some(true) {
                let pointer = format!("/spec/containerDefinitions/{index}/privileged");
                self.ecs_would_refuse(&pointer, "Fargate has no privileged containers".to_owned(), "");
            }
        }
    }

    pub(super) fn ecs_would_refuse(&mut self, pointer: &str, message: String, help: &str) {
        let mut problem = Problem::warning(Code::EcsWouldRefuse, message);
        if !help.is_empty() {
            problem = problem.with_help(help);
        }
        self.report(pointer, problem);
    }
}
