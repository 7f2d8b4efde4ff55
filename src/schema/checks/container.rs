//! What a container can tell about itself.

use std::collections::BTreeMap;

use super::Checks;
use super::task_definition::container_names;
use crate::image::Reference;
use crate::manifest::{ContainerDefinition, TaskDefinitionSpec};
use crate::problem::{Code, Problem};

impl Checks<'_> {
    fn image(&mut self, pointer: &str, image: &str) {
        if let Err(error) = Reference::parse(image) {
            let problem = Problem::error(Code::Malformed, format!("`{image}` is not an image reference: {error}"))
                .with_help("an image is written repository[:tag] or repository@sha256:digest");
            self.report(&format!("{pointer}/image"), problem);
        }
    }

    pub(super) fn container(&mut self, pointer: &str, container: &ContainerDefinition, spec: &TaskDefinitionSpec) {
        let volumes = &spec.volumes;
        self.image(pointer, &container.image);
        match (container.memory, container.memory_reservation) {
            (Some(memory), Some(reservation)) if memory <= reservation => {
                let problem = Problem::error(Code::Conflict, "memoryReservation is not smaller than memory")
                    .with_expected(format!("less than {memory} MiB"), format!("{reservation} MiB"))
                    .with_related("the limit is here", self.document.nearest_place_of(&format!("{pointer}/memory")));
                self.report(&format!("{pointer}/memoryReservation"), problem);
            }
            _ => {}
        }
        self.health_checks(pointer, container, spec);
        self.environment(pointer, container);
        self.configuration(pointer, container);
        for (item, mount) in container.mount_points.iter().enumerate() {
            if volumes.iter().any(|volume| volume.name == mount.source_volume) {
                continue;
            }
            let name = mount.source_volume.as_str();
            let problem = Problem::error(Code::UndefinedReference, format!("there is no volume `{name}`"))
                .with_expected("the name of a volume in spec.volumes", format!("`{name}`"));
            let known = volumes.iter().enumerate();
            let known = known.map(|(index, volume)| (volume.name.as_str(), format!("/spec/volumes/{index}/name")));
            let add = |problem: Problem| problem.with_help(format!("add `- name: {name}` to spec.volumes"));
            let problem = self.with_closest(problem, "volume", name, known, add);
            self.report(&format!("{pointer}/mountPoints/{item}/sourceVolume"), problem);
        }
        self.unique_paths(pointer, container);
        self.labels(&format!("{pointer}/dockerLabels"), &container.docker_labels);
        self.volumes_from(pointer, container, spec);
        self.names_in_network(pointer, container, spec);
        self.kernel(pointer, container, spec);
    }

    fn volumes_from(&mut self, pointer: &str, container: &ContainerDefinition, spec: &TaskDefinitionSpec) {
        let pointer = format!("{pointer}/volumesFrom");
        let names = container.volumes_from.iter().map(|from| from.source_container.as_str());
        self.unique("container", &pointer, "sourceContainer", names);
        for (item, from) in container.volumes_from.iter().enumerate() {
            let (name, pointer) = (from.source_container.as_str(), format!("{pointer}/{item}/sourceContainer"));
            if name == container.name.as_str() {
                self.excluded(
                    &pointer,
                    "a container cannot take its own volumes",
                    "name another container of the task",
                );
            } else if !container_names(spec).any(|known| known == name) {
                self.undefined_container(&pointer, name, spec);
            }
        }
    }

    /// Refuses a path at which two things would be mounted.
    fn unique_paths(&mut self, pointer: &str, container: &ContainerDefinition) {
        let mut seen: BTreeMap<&str, String> = BTreeMap::new();
        let mounts = container.mount_points.iter().map(|mount| mount.container_path.as_str()).enumerate();
        let mounts = mounts.map(|(item, path)| (path, format!("{pointer}/mountPoints/{item}/containerPath")));
        let tmpfs = container.linux_parameters.iter().flat_map(|parameters| &parameters.tmpfs);
        let tmpfs = tmpfs.map(|tmpfs| tmpfs.container_path.as_str()).enumerate();
        let tmpfs = tmpfs.map(|(item, path)| (path, format!("{pointer}/linuxParameters/tmpfs/{item}/containerPath")));
        for (path, own) in mounts.chain(tmpfs) {
            match seen.get(path).cloned() {
                Some(first) => self.twice(&own, &first, format!("two volumes are mounted at `{path}`")),
                None => {
                    seen.insert(path, own);
                }
            }
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
}
