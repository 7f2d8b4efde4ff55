//! The canonical hash behind a revision.
//!
//! Every field is named here by exhaustive destructuring: a new field does not compile until someone has decided how it counts.
//! A field at its default adds nothing to the hash, so that a new field with a default leaves every existing revision as it is.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    ContainerSpec, MountSpec, PortMapping, RepositoryCredentials, RestartPolicy, SecretFile, SecretSpec,
    StartDependency, VolumeDriver, VolumeSpec,
};
use crate::image::VersionConsistency;
use crate::value::Family;

mod checks;
mod options;

/// The rules by which a fingerprint is computed. A change of rule takes the next number.
///
/// Two revisions of different schemes cannot be compared by their hashes; their specs are compared then.
pub const SCHEME: u16 = 1;

/// The content of a task definition, named by its hash: `1:9c1d42e07a31b5f8`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Revision {
    scheme: u16,
    hash: u64,
}

/// A text that is not a revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a revision: expected SCHEME:HASH, such as 1:9c1d42e07a31b5f8")]
pub struct RevisionError(String);

impl Revision {
    /// Names the content of `containers`.
    pub fn of(family: &Family, containers: &[Arc<ContainerSpec>]) -> Self {
        let mut canonical = Canonical(Sha256::new());
        canonical.text("family", family.as_str());
        for container in containers {
            add_container(&mut canonical, container);
        }
        let digest = canonical.0.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self { scheme: SCHEME, hash: u64::from_be_bytes(first) }
    }

    /// Reads the text of a label.
    pub fn parse(text: &str) -> Result<Self, RevisionError> {
        let parsed = text.split_once(':').and_then(|(scheme, hash)| {
            let hash = (hash.len() == 16).then(|| u64::from_str_radix(hash, 16).ok())??;
            Some(Self { scheme: scheme.parse().ok()?, hash })
        });
        parsed.ok_or_else(|| RevisionError(text.to_owned()))
    }

    /// The rules by which it was computed.
    pub fn scheme(self) -> u16 {
        self.scheme
    }

    /// The first six hexadecimal digits: what people read, and what a container's name holds.
    pub fn short(self) -> String {
        format!("{:06x}", self.hash >> 40)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:016x}", self.scheme, self.hash)
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Revision {
    type Error = RevisionError;
    fn try_from(text: String) -> Result<Self, RevisionError> {
        Self::parse(&text)
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> String {
        revision.to_string()
    }
}

/// A hash over named texts, each with its length, so that no two contents run together into the same bytes.
struct Canonical(Sha256);

impl Canonical {
    fn text(&mut self, name: &str, value: &str) {
        for part in [name, value] {
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part.as_bytes());
        }
    }

    fn text_if_any(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn number(&mut self, name: &str, value: impl Into<u64>) {
        self.text(name, &value.into().to_string());
    }

    fn texts<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a String>) {
        values.into_iter().for_each(|value| self.text(name, value));
        self.text(name, "end");
    }

    fn pairs<'a>(&mut self, name: &str, pairs: impl IntoIterator<Item = (&'a String, &'a String)>) {
        for (key, value) in pairs {
            self.text(name, key);
            self.text(key, value);
        }
    }
}

/// Where the image comes from.
fn add_provenance(
    canonical: &mut Canonical,
    credentials: Option<&RepositoryCredentials>,
    consistency: VersionConsistency,
) {
    if let Some(RepositoryCredentials { credentials_parameter }) = credentials {
        canonical.text("credentialsParameter", credentials_parameter);
    }
    if consistency != VersionConsistency::default() {
        canonical.text("versionConsistency", consistency.as_str());
    }
}

fn add_container(canonical: &mut Canonical, container: &ContainerSpec) {
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
    } = container;
    canonical.text("container", name.as_str());
    canonical.text("image", image);
    add_provenance(canonical, repository_credentials.as_ref(), *version_consistency);
    if !essential {
        canonical.text("essential", "false");
    }
    if let Some(entry_point) = entry_point {
        canonical.texts("entryPoint", entry_point);
    }
    if let Some(command) = command {
        canonical.texts("command", command);
    }
    canonical.pairs("environment", environment);
    for secret in secrets {
        add_secret(canonical, secret);
    }
    for port in port_mappings {
        add_port(canonical, *port);
    }
    add_resources(canonical, *cpu, *memory, *memory_reservation);
    checks::add_checks(canonical, health_check.as_ref(), readiness_check.as_ref());
    if *stop_timeout != super::STOP_TIMEOUT_DEFAULT_SECS {
        canonical.number("stopTimeout", *stop_timeout);
    }
    add_life(canonical, (depends_on, *start_timeout, restart_policy.as_ref()));
    for mount in mount_points {
        add_mount(canonical, mount);
    }
    canonical.text_if_any("user", user.as_deref());
    canonical.text_if_any("workingDirectory", working_directory.as_deref());
    canonical.pairs("dockerLabels", docker_labels);
    options::add_neighbours(canonical, links, volumes_from);
    options::add_options(canonical, engine_options);
    options::add_task(canonical, task);
}

fn add_resources(canonical: &mut Canonical, cpu: u32, memory: Option<u32>, reservation: Option<u32>) {
    if cpu != 0 {
        canonical.number("cpu", cpu);
    }
    if let Some(memory) = memory {
        canonical.number("memory", memory);
    }
    if let Some(reservation) = reservation {
        canonical.number("memoryReservation", reservation);
    }
}

fn add_secret(canonical: &mut Canonical, secret: &SecretSpec) {
    let SecretSpec { name, value_from, version, file } = secret;
    canonical.text("secret", name);
    canonical.text("valueFrom", value_from);
    if let Some(version) = version {
        canonical.text("version", &version.to_string());
    }
    if let Some(SecretFile { path, mode, owner }) = file {
        canonical.text("path", path);
        canonical.text("mode", &mode.to_string());
        canonical.text("owner", &owner.to_string());
    }
}

fn add_port(canonical: &mut Canonical, port: PortMapping) {
    let PortMapping { container_port, host_port, protocol } = port;
    canonical.number("containerPort", container_port);
    canonical.number("hostPort", host_port);
    canonical.text("protocol", protocol.as_str());
}

type Life<'a> = (&'a [StartDependency], Option<u32>, Option<&'a RestartPolicy>);

/// When a container is started, and when it is started again.
fn add_life(canonical: &mut Canonical, (depends_on, start_timeout, restart_policy): Life<'_>) {
    for StartDependency { container_name, condition } in depends_on {
        canonical.text("dependsOn", container_name.as_str());
        canonical.text("condition", condition.as_str());
    }
    if let Some(timeout) = start_timeout {
        canonical.number("startTimeout", timeout);
    }
    let Some(RestartPolicy { ignored_exit_codes, restart_attempt_period }) = restart_policy else { return };
    canonical.number("restartAttemptPeriod", *restart_attempt_period);
    for code in ignored_exit_codes {
        canonical.text("ignoredExitCode", &code.to_string());
    }
}

fn add_mount(canonical: &mut Canonical, mount: &MountSpec) {
    let MountSpec { source_volume, container_path, read_only, volume } = mount;
    canonical.text("mountPoint", source_volume.as_str());
    canonical.text("containerPath", container_path);
    canonical.text("readOnly", if *read_only { "true" } else { "false" });
    match volume {
        VolumeSpec::Host { source_path } => canonical.text("host", source_path),
        VolumeSpec::Task { driver } => add_driver(canonical, "task", driver),
        VolumeSpec::Shared { autoprovision, driver } => {
            canonical.text("autoprovision", if *autoprovision { "true" } else { "false" });
            add_driver(canonical, "shared", driver);
        }
    }
}

fn add_driver(canonical: &mut Canonical, scope: &str, driver: &VolumeDriver) {
    let VolumeDriver { name, options, labels } = driver;
    canonical.text("scope", scope);
    if let Some(name) = name {
        canonical.text("driver", name);
    }
    canonical.pairs("driverOpts", options);
    canonical.pairs("labels", labels);
}

#[cfg(test)]
mod tests;
