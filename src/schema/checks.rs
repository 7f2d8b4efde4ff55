//! What one document can tell about itself beyond the schema: fields that contradict each other or name each other.

use std::collections::BTreeMap;

use super::words::closest;
use crate::document::Document;
use crate::manifest::{
    Cluster, ContainerDefinition, HealthCheck, Manifest, Protocol, Service, TaskDefinition, Volume, VolumeScope,
};
use crate::problem::{Code, Problem};
use crate::value::{ClusterName, Family, Percent, ServiceName};

mod dependencies;

/// The number of containers that ECS accepts in a task definition.
const ECS_CONTAINERS_MAX: usize = 10;
/// ECS's defaults of the two limits of a deployment, in percent.
const MINIMUM_HEALTHY_PERCENT: u32 = 100;
const MAXIMUM_PERCENT: u32 = 200;

struct Checks<'a> {
    document: &'a Document,
    object: String,
    problems: &'a mut Vec<Problem>,
}

/// Adds what is wrong with a manifest that its schema accepts.
pub(super) fn check_manifest(manifest: &Manifest, document: &Document, problems: &mut Vec<Problem>) {
    let object = format!("{} `{}`", manifest.kind(), manifest.name());
    let mut checks = Checks { document, object, problems };
    match manifest {
        Manifest::Cluster(cluster) => checks.cluster(cluster),
        Manifest::TaskDefinition(definition) => checks.task_definition(definition),
        Manifest::Service(service) => checks.service(service),
    }
}

impl Checks<'_> {
    fn report(&mut self, pointer: &str, problem: Problem) {
        let place = self.document.nearest_place_of(pointer);
        self.problems.push(problem.with_place(place).with_object(self.object.clone()));
    }

    fn report_key(&mut self, pointer: &str, problem: Problem) {
        let place = self.document.key_place_of(pointer).unwrap_or_else(|| self.document.nearest_place_of(pointer));
        self.problems.push(problem.with_place(place).with_object(self.object.clone()));
    }

    fn same_name(&mut self, field: &str, given: Option<&str>, name: &str) {
        let Some(given) = given.filter(|given| *given != name) else { return };
        let problem = Problem::error(Code::NameMismatch, format!("`{field}` and metadata.name differ"))
            .with_expected(format!("`{name}`"), format!("`{given}`"))
            .with_help(format!("remove `{field}`: metadata.name is enough"))
            .with_related("the name is given here", self.document.nearest_place_of("/metadata/name"));
        self.report(&format!("/spec/{field}"), problem);
    }

    fn cluster(&mut self, cluster: &Cluster) {
        let given = cluster.spec.cluster_name.as_ref().map(ClusterName::as_str);
        self.same_name("clusterName", given, cluster.metadata.name.as_str());
    }

    fn service(&mut self, service: &Service) {
        let given = service.spec.service_name.as_ref().map(ServiceName::as_str);
        self.same_name("serviceName", given, service.metadata.name.as_str());
        let configuration = service.spec.deployment_configuration.clone().unwrap_or_default();
        let minimum = Percent(configuration.minimum_healthy_percent.unwrap_or(MINIMUM_HEALTHY_PERCENT));
        let maximum = Percent(configuration.maximum_percent.unwrap_or(MAXIMUM_PERCENT));
        let Some(desired) = service.spec.desired_count.filter(|count| *count > 0) else { return };
        if minimum.ceil_of(desired) >= desired && maximum.floor_of(desired) <= desired {
            let message = format!(
                "a deployment cannot move: for {desired} desired, at least {} must stay healthy and at most {} may exist",
                minimum.ceil_of(desired),
                maximum.floor_of(desired)
            );
            let problem = Problem::warning(Code::DeploymentStuck, message)
                .with_help("lower minimumHealthyPercent or raise maximumPercent");
            self.report_key("/spec/deploymentConfiguration", problem);
        }
    }

    fn task_definition(&mut self, definition: &TaskDefinition) {
        let spec = &definition.spec;
        let given = spec.family.as_ref().map(Family::as_str);
        self.same_name("family", given, definition.metadata.name.as_str());
        let containers = &spec.container_definitions;
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
        self.unique("container", "/spec/containerDefinitions", names);
        let names = spec.volumes.iter().map(|volume| volume.name.as_str());
        self.unique("volume", "/spec/volumes", names);
        self.host_ports(containers);
        self.dependencies(containers);
        for (index, container) in containers.iter().enumerate() {
            self.container(&format!("/spec/containerDefinitions/{index}"), container, &spec.volumes);
        }
        for (index, volume) in spec.volumes.iter().enumerate() {
            self.volume(&format!("/spec/volumes/{index}"), volume);
        }
    }

    fn unique<'n>(&mut self, what: &str, list: &str, names: impl Iterator<Item = &'n str>) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, name) in names.enumerate() {
            let Some(first) = seen.get(name) else {
                seen.insert(name, index);
                continue;
            };
            let problem = Problem::error(Code::Duplicate, format!("two of these have the {what} name `{name}`"))
                .with_related("the first is here", self.document.nearest_place_of(&format!("{list}/{first}/name")));
            self.report(&format!("{list}/{index}/name"), problem);
        }
    }

    fn host_ports(&mut self, containers: &[ContainerDefinition]) {
        let mut seen: BTreeMap<(u16, Protocol), String> = BTreeMap::new();
        for (index, container) in containers.iter().enumerate() {
            for (item, mapping) in container.port_mappings.iter().enumerate() {
                let Some(port) = mapping.host_port.filter(|port| *port != 0) else { continue };
                let pointer = format!("/spec/containerDefinitions/{index}/portMappings/{item}/hostPort");
                let protocol = mapping.protocol.unwrap_or(Protocol::Tcp);
                if let Some(first) = seen.get(&(port, protocol)) {
                    let message = format!("the host port {port}/{} is given twice in one task", protocol.as_str());
                    let problem = Problem::error(Code::Duplicate, message)
                        .with_related("it is first given here", self.document.nearest_place_of(first));
                    self.report(&pointer, problem);
                } else {
                    seen.insert((port, protocol), pointer);
                }
            }
        }
    }

    fn container(&mut self, pointer: &str, container: &ContainerDefinition, volumes: &[Volume]) {
        match (container.memory, container.memory_reservation) {
            (Some(memory), Some(reservation)) if memory <= reservation => {
                let problem = Problem::error(Code::Conflict, "memoryReservation is not smaller than memory")
                    .with_expected(format!("less than {memory} MiB"), format!("{reservation} MiB"))
                    .with_related("the limit is here", self.document.nearest_place_of(&format!("{pointer}/memory")));
                self.report(&format!("{pointer}/memoryReservation"), problem);
            }
            _ => {}
        }
        if let Some(check) = &container.health_check {
            self.health_check(pointer, check);
        }
        self.environment(pointer, container);
        for (item, mount) in container.mount_points.iter().enumerate() {
            if volumes.iter().any(|volume| volume.name == mount.source_volume) {
                continue;
            }
            let name = mount.source_volume.as_str();
            let mut problem = Problem::error(Code::UndefinedReference, format!("there is no volume `{name}`"))
                .with_expected("the name of a volume in spec.volumes", format!("`{name}`"));
            if let Some(meant) = closest(name, volumes.iter().map(|volume| volume.name.as_str())) {
                problem = problem.with_help(format!("did you mean `{meant}`?")).with_suggestion(meant);
            } else {
                problem = problem.with_help(format!("add `- name: {name}` to spec.volumes"));
            }
            self.report(&format!("{pointer}/mountPoints/{item}/sourceVolume"), problem);
        }
        self.unique_paths(pointer, container);
        self.labels(&format!("{pointer}/dockerLabels"), &container.docker_labels);
    }

    fn unique_paths(&mut self, pointer: &str, container: &ContainerDefinition) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (item, mount) in container.mount_points.iter().enumerate() {
            let path = mount.container_path.as_str();
            let Some(first) = seen.get(path) else {
                seen.insert(path, item);
                continue;
            };
            let first = self.document.nearest_place_of(&format!("{pointer}/mountPoints/{first}/containerPath"));
            let problem = Problem::error(Code::Duplicate, format!("two volumes are mounted at `{path}`"))
                .with_related("the first is here", first);
            self.report(&format!("{pointer}/mountPoints/{item}/containerPath"), problem);
        }
    }

    fn environment(&mut self, pointer: &str, container: &ContainerDefinition) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (item, variable) in container.environment.iter().enumerate() {
            if let Some(first) = seen.insert(variable.name.as_str(), item) {
                let first = self.document.nearest_place_of(&format!("{pointer}/environment/{first}/name"));
                let message = format!("the variable `{}` is given twice; the last value counts", variable.name);
                let problem = Problem::warning(Code::Duplicate, message).with_related("it is also given here", first);
                self.report(&format!("{pointer}/environment/{item}/name"), problem);
            }
        }
    }

    fn health_check(&mut self, pointer: &str, check: &HealthCheck) {
        let first = check.command.first().map_or("", String::as_str);
        if first != "CMD" && first != "CMD-SHELL" {
            let problem = Problem::error(Code::Malformed, "a health check begins with CMD or CMD-SHELL")
                .with_expected("\"CMD\" or \"CMD-SHELL\"", format!("{first:?}"))
                .with_help("\"CMD\" runs a program with arguments, \"CMD-SHELL\" gives one line to the shell");
            self.report(&format!("{pointer}/healthCheck/command/0"), problem);
        } else if first == "CMD-SHELL" && check.command.len() > 2 {
            let problem = Problem::error(Code::Conflict, "CMD-SHELL takes one line for the shell")
                .with_expected("one text after CMD-SHELL", format!("{} texts", check.command.len() - 1))
                .with_help("join them into one text, or use CMD");
            self.report(&format!("{pointer}/healthCheck/command/2"), problem);
        }
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

    fn labels(&mut self, pointer: &str, labels: &BTreeMap<String, String>) {
        for key in labels.keys().filter(|key| key.starts_with("reconcile.")) {
            let problem = Problem::error(Code::Reserved, format!("the label `{key}` belongs to reconcile itself"))
                .with_help("choose a name that does not start with `reconcile.`");
            self.report_key(&format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), problem);
        }
    }
}
