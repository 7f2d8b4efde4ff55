//! Two revisions of a task, field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::place::Site;
use super::text::{plain, volume, words};
use super::{Change, FieldChange};
use crate::desired::{
    ContainerSpec, MountSpec, Origin, PortMapping, Protocol, RepositoryCredentials, Revision, TaskSpec, fingerprint,
};
use crate::ownership::{SENSITIVE, is_sensitive};
use crate::problem::Place;
use crate::value::Family;

mod secrets;

/// A revision that runs, as far as the labels of its containers tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// The family of the task definition.
    pub family: Family,
    /// The name of the content.
    pub revision: Revision,
    /// The containers, with sensitive values left out. Empty when none of them could be read.
    pub containers: Vec<Arc<ContainerSpec>>,
}

/// How two revisions of a task differ, in the order in which a spec lists its fields.
///
/// Empty when nothing of the old revision can be read, and when both are the same.
pub fn changes(old: &Before, new: &TaskSpec, origin: Option<&Origin>) -> Vec<FieldChange> {
    if old.revision == new.revision || old.containers.is_empty() {
        return Vec::new();
    }
    let mut differ = Differ {
        site: Site::new(origin),
        secrets: Secrets::judge(old, new),
        index: 0,
        prefix: None,
        found: Vec::new(),
    };
    differ.task(old, new);
    if differ.found.is_empty() {
        // The order of a list is part of a revision, and the fields above do not show it.
        differ.add("containerDefinitions", None, None, false, |site| site.in_definition("/spec/containerDefinitions"));
    }
    differ.found
}

/// What is known about sensitive values, which the engine was never told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secrets {
    /// None of those that both revisions have has changed.
    Unchanged,
    /// There is just one, and it has changed.
    Changed,
    /// There is no telling.
    NotCompared,
}

impl Secrets {
    /// A revision is the hash of the content with its sensitive values. Filled with the new values, the old content has the old
    /// revision exactly when those values are the old ones.
    fn judge(old: &Before, new: &TaskSpec) -> Self {
        let mut filled = Vec::with_capacity(old.containers.len());
        let mut shared = 0;
        for wanted in &new.containers {
            let Some(before) = old.containers.iter().find(|before| before.name == wanted.name) else { continue };
            let mut before = (**before).clone();
            shared += fill(&mut before.environment, &wanted.environment);
            if let (Some(before), Some(wanted)) =
                (&mut before.options.log_configuration, &wanted.options.log_configuration)
            {
                shared += fill(&mut before.options, &wanted.options);
            }
            filled.push(Arc::new(before));
        }
        let complete = filled.len() == old.containers.len()
            && filled.iter().all(|container| {
                let log_options = container.options.log_configuration.iter().flat_map(|log| log.options.values());
                container.environment.values().chain(log_options).all(|value| value != SENSITIVE)
            });
        if !complete || old.revision.scheme() != fingerprint::SCHEME {
            return Self::NotCompared;
        }
        if Revision::of(&old.family, &filled) == old.revision {
            Self::Unchanged
        } else if shared == 1 && filled.len() == 1 {
            Self::Changed
        } else {
            // One of several, or the containers once stood in another order.
            Self::NotCompared
        }
    }
}

/// Fills in the new values where the old ones were never told, and counts them.
fn fill(before: &mut BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> usize {
    let mut filled = 0;
    for (name, value) in before.iter_mut().filter(|(_, value)| *value == SENSITIVE) {
        if let Some(wanted) = wanted.get(name) {
            wanted.clone_into(value);
            filled += 1;
        }
    }
    filled
}

mod options;

pub(super) struct Differ<'a> {
    site: Site<'a>,
    secrets: Secrets,
    /// The place of the current container in the manifest's list.
    index: usize,
    prefix: Option<String>,
    found: Vec<FieldChange>,
}

impl Differ<'_> {
    fn task(&mut self, old: &Before, new: &TaskSpec) {
        let TaskSpec { family, revision: _, containers } = new;
        if old.family != *family {
            self.add("taskDefinition", Some(old.family.to_string()), Some(family.to_string()), false, |site| {
                site.in_service("/spec/taskDefinition")
            });
        }
        if let ([before], [wanted]) = (&*old.containers, &**containers) {
            self.container(before, wanted);
            return;
        }
        for (index, wanted) in containers.iter().enumerate() {
            self.index = index;
            match old.containers.iter().find(|before| before.name == wanted.name) {
                Some(before) => {
                    self.prefix = Some(wanted.name.to_string());
                    self.container(before, wanted);
                    self.prefix = None;
                }
                None => self.add(wanted.name.as_str(), None, Some(plain(&wanted.image)), false, |site| {
                    site.in_container(index, "")
                }),
            }
        }
        for before in old.containers.iter().filter(|before| containers.iter().all(|wanted| wanted.name != before.name))
        {
            self.add(before.name.as_str(), Some(plain(&before.image)), None, false, |site| {
                site.in_definition("/spec/containerDefinitions")
            });
        }
    }

    fn container(&mut self, old: &ContainerSpec, new: &ContainerSpec) {
        // Named one by one: a new field does not compile until someone has decided how a change of it is shown.
        let ContainerSpec {
            name,
            image,
            repository_credentials,
            version_consistency,
            essential,
            entry_point,
            command,
            environment,
            secrets,
            port_mappings,
            cpu,
            memory,
            memory_reservation,
            health_check,
            readiness_check,
            stop_timeout,
            depends_on,
            start_timeout,
            restart_policy,
            mount_points,
            user,
            working_directory,
            docker_labels,
            links,
            volumes_from,
            options: engine_options,
            task,
        } = new;
        self.value("name", Some(plain(old.name.as_str())), Some(plain(name.as_str())));
        self.value("image", Some(plain(&old.image)), Some(plain(image)));
        let parameter = |credentials: &Option<RepositoryCredentials>| {
            credentials.as_ref().map(|credentials| plain(&credentials.credentials_parameter))
        };
        let parameters = (parameter(&old.repository_credentials), parameter(repository_credentials));
        self.value("repositoryCredentials.credentialsParameter", parameters.0, parameters.1);
        let consistency = (old.version_consistency.as_str(), version_consistency.as_str());
        self.value("versionConsistency", Some(consistency.0.to_owned()), Some(consistency.1.to_owned()));
        self.value("essential", Some(old.essential.to_string()), Some(essential.to_string()));
        self.word_list("entryPoint", old.entry_point.as_deref(), entry_point.as_deref());
        self.word_list("command", old.command.as_deref(), command.as_deref());
        self.environment(&old.environment, environment);
        self.secrets("secrets", &old.secrets, secrets);
        self.ports(&old.port_mappings, port_mappings);
        self.value("cpu", Some(old.cpu.to_string()), Some(cpu.to_string()));
        self.value("memory", old.memory.map(mebibytes), memory.map(mebibytes));
        self.value("memoryReservation", old.memory_reservation.map(mebibytes), memory_reservation.map(mebibytes));
        self.health_check(old.health_check.as_ref(), health_check.as_ref());
        self.readiness_check(old.readiness_check.as_ref(), readiness_check.as_ref());
        self.value("stopTimeout", Some(seconds(old.stop_timeout)), Some(seconds(*stop_timeout)));
        self.dependencies(&old.depends_on, depends_on);
        self.value("startTimeout", old.start_timeout.map(seconds), start_timeout.map(seconds));
        self.restart_policy(old.restart_policy.as_ref(), restart_policy.as_ref());
        self.mounts(&old.mount_points, mount_points);
        self.value("user", old.user.as_deref().map(plain), user.as_deref().map(plain));
        let directories = (old.working_directory.as_deref(), working_directory.as_deref());
        self.value("workingDirectory", directories.0.map(plain), directories.1.map(plain));
        self.labels(&old.docker_labels, docker_labels);
        self.links(&old.links, links);
        self.volumes_from(&old.volumes_from, volumes_from);
        self.options(&old.options, engine_options);
        self.settings(&old.task, task);
    }

    /// A field of the container that is written under its own name.
    pub(super) fn value(&mut self, field: &str, from: Option<String>, to: Option<String>) {
        if from != to {
            let (index, pointer) = (self.index, format!("/{}", field.replace('.', "/")));
            self.add(field, from, to, false, |site| site.in_container(index, &pointer));
        }
    }

    pub(super) fn word_list(&mut self, field: &str, old: Option<&[String]>, new: Option<&[String]>) {
        if old == new {
            return;
        }
        let (from, to) = (old.map(words), new.map(words));
        // Where only the hidden words differ, the two texts are the same: then there is nothing to show but that.
        let hidden = from == to;
        let (index, pointer) = (self.index, format!("/{}", field.replace('.', "/")));
        self.add(field, from.map(|(text, _)| text), to.map(|(text, _)| text), hidden, |site| {
            site.in_container(index, &pointer)
        });
    }

    fn environment(&mut self, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) {
        let index = self.index;
        self.secret_values("environment", old, new, |site, name, is_wanted| {
            if is_wanted { site.of_variable(index, name) } else { site.in_container(index, "/environment") }
        });
    }

    /// Values of which some may be sensitive, and then were never told to the engine.
    fn secret_values(
        &mut self,
        field: &str,
        old: &BTreeMap<String, String>,
        new: &BTreeMap<String, String>,
        place: impl Fn(&Site<'_>, &str, bool) -> Option<Place>,
    ) {
        for name in keys(old, new) {
            let (before, wanted) = (old.get(name), new.get(name));
            let hidden =
                [before, wanted].iter().flatten().any(|value| *value == SENSITIVE || is_sensitive(name, value));
            // A value that is not sensitive any more is another value.
            let withheld = before.is_some_and(|before| before == SENSITIVE)
                && wanted.is_some_and(|wanted| is_sensitive(name, wanted));
            if before == wanted || withheld && self.secrets == Secrets::Unchanged {
                continue;
            }
            let path = format!("{field}.{}", plain(name));
            let texts = (before.map(|value| plain(value)), wanted.map(|value| plain(value)));
            self.add(&path, texts.0, texts.1, hidden, |site| place(site, name, wanted.is_some()));
            if withheld
                && self.secrets == Secrets::NotCompared
                && let Some(last) = self.found.last_mut()
            {
                last.change = Change::NotCompared;
            }
        }
    }

    fn ports(&mut self, old: &[PortMapping], new: &[PortMapping]) {
        let index = self.index;
        let (old, new) = (host_ports(old), host_ports(new));
        for &(port, protocol) in keys(&old, &new) {
            let (before, wanted) = (old.get(&(port, protocol)), new.get(&(port, protocol)));
            if before == wanted {
                continue;
            }
            let protocol = protocol.as_str();
            let field = if before.is_some() && wanted.is_some() { ".hostPort" } else { "" };
            let pointer = if field.is_empty() { "" } else { "/hostPort" };
            let path = format!("portMappings[{port}/{protocol}]{field}");
            let text = |hosts: &Vec<u16>| hosts.iter().map(|host| host_port(*host)).collect::<Vec<_>>().join(", ");
            self.add(&path, before.map(text), wanted.map(text), false, |site| {
                site.of_port(index, port, protocol, pointer)
            });
        }
    }

    fn mounts(&mut self, old: &[MountSpec], new: &[MountSpec]) {
        let index = self.index;
        let by_path = |mounts: &'_ [MountSpec]| -> BTreeMap<String, MountSpec> {
            mounts.iter().map(|mount| (mount.container_path.clone(), mount.clone())).collect()
        };
        let (old, new) = (by_path(old), by_path(new));
        for container_path in keys(&old, &new) {
            let path = format!("mountPoints[{}]", plain(container_path));
            let (Some(before), Some(wanted)) = (old.get(container_path), new.get(container_path)) else {
                let name = |mount: &MountSpec| mount.source_volume.to_string();
                let texts = (old.get(container_path).map(name), new.get(container_path).map(name));
                self.add(&path, texts.0, texts.1, false, |site| site.of_mount(index, container_path, ""));
                continue;
            };
            let MountSpec { source_volume, container_path: _, read_only, volume: wanted_volume } = wanted;
            if before.source_volume != *source_volume {
                let texts = (before.source_volume.to_string(), source_volume.to_string());
                self.add(&format!("{path}.sourceVolume"), Some(texts.0), Some(texts.1), false, |site| {
                    site.of_mount(index, container_path, "/sourceVolume")
                });
            }
            if before.read_only != *read_only {
                let texts = (before.read_only.to_string(), read_only.to_string());
                self.add(&format!("{path}.readOnly"), Some(texts.0), Some(texts.1), false, |site| {
                    site.of_mount(index, container_path, "/readOnly")
                });
            }
            if before.volume != *wanted_volume {
                let (from, to) = (volume(&before.volume), volume(wanted_volume));
                let hidden = from == to;
                // A volume belongs to the task, however many containers mount it.
                let prefix = self.prefix.take();
                let path = format!("volumes[{source_volume}]");
                if self.found.iter().all(|found| found.path != path) {
                    self.add(&path, Some(from.0), Some(to.0), hidden, |site| site.of_volume(source_volume.as_str()));
                }
                self.prefix = prefix;
            }
        }
    }

    fn labels(&mut self, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) {
        let index = self.index;
        for name in keys(old, new) {
            let (before, wanted) = (old.get(name), new.get(name));
            if before == wanted {
                continue;
            }
            let hidden = [before, wanted].iter().flatten().any(|value| is_sensitive(name, value));
            let path = format!("dockerLabels.{}", plain(name));
            let texts = (before.map(|value| plain(value)), wanted.map(|value| plain(value)));
            self.add(&path, texts.0, texts.1, hidden, |site| site.of_label(index, name));
        }
    }

    /// Adds one difference. The texts of a sensitive one end here.
    fn add(
        &mut self,
        path: &str,
        from: Option<String>,
        to: Option<String>,
        sensitive: bool,
        place: impl FnOnce(&Site<'_>) -> Option<Place>,
    ) {
        let change = match (&from, &to) {
            (None, Some(_)) => Change::Added,
            (Some(_), None) => Change::Removed,
            (Some(_), Some(_)) | (None, None) => Change::Changed,
        };
        let path = match &self.prefix {
            Some(prefix) => format!("{prefix}.{path}"),
            None => path.to_owned(),
        };
        let (from, to) = if sensitive { (None, None) } else { (from, to) };
        let place = place(&self.site);
        self.found.push(FieldChange { path, change, from, to, sensitive, place, replaces_tasks: true });
    }
}

/// The keys of both, in order, each once.
fn keys<'a, K: Ord, V>(old: &'a BTreeMap<K, V>, new: &'a BTreeMap<K, V>) -> BTreeSet<&'a K> {
    old.keys().chain(new.keys()).collect()
}

/// The host ports of each container port: one may be published several times.
fn host_ports(mappings: &[PortMapping]) -> BTreeMap<(u16, Protocol), Vec<u16>> {
    let mut ports: BTreeMap<_, Vec<u16>> = BTreeMap::new();
    for PortMapping { container_port, host_port, protocol } in mappings {
        ports.entry((*container_port, *protocol)).or_default().push(*host_port);
    }
    for hosts in ports.values_mut() {
        hosts.sort_unstable();
    }
    ports
}

fn host_port(port: u16) -> String {
    if port == 0 { "any free port".to_owned() } else { port.to_string() }
}

fn mebibytes(count: u32) -> String {
    format!("{count} MiB")
}

pub(super) fn seconds(count: u32) -> String {
    format!("{count}s")
}
