//! What the engine answers, made out: from its JSON to our words. Pure.
//!
//! Lenient on purpose. A field that is missing, a state that is new, a container that is only half labelled: each costs what it says
//! and nothing else. Of the labels of a container only ours are kept, and texts are borrowed from the answer where they can be.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

mod address;
mod ports;

use address::Endpoint;
pub(super) use ports::tells_of_port;
use ports::{holds_ports, host_network_ports, published, without_repetition};

use super::secrets::cover_log_options;
use super::status_text;
use super::text::{clean, tells_of_engine};
use crate::desired::CheckMethod;
use crate::observed::{
    ContainerId, Exit, Health, NetworkId, ObservedContainer, ObservedNetwork, ObservedVolume, Phase,
};
use crate::ownership::{self, ContainerIdentity, RecordedSpec};
use crate::value::Timestamp;

/// As much of a health check's output as is worth keeping: the last words of a `curl` or a stack trace's head.
const HEALTH_OUTPUT_CHARS_MAX: usize = 500;

/// The longest error of a container that is kept; the engine quotes the whole chain of runtimes below it.
const ERROR_CHARS_MAX: usize = 2000;

/// A text that is borrowed from the answer when it holds no escapes.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The labels with our prefix.
#[derive(Default)]
struct Labels<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Labels<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| &**value)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Labels<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ours<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Ours<'a> {
            type Value = Labels<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Labels::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut labels = Vec::new();
                while let Some(Text(key)) = map.next_key()? {
                    if key.starts_with(ownership::LABEL_PREFIX) {
                        labels.push((key, map.next_value::<Text<'de>>()?.0));
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Labels(labels))
            }
        }
        deserializer.deserialize_any(Ours(std::marker::PhantomData))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedContainer<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    names: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    labels: Labels<'a>,
    #[serde(borrow)]
    state: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    created: Option<i64>,
    #[serde(borrow)]
    ports: Option<Vec<ListedPort<'a>>>,
    #[serde(borrow)]
    network_settings: Option<InspectedNetworkSettings<'a>>,
}

#[derive(Deserialize)]
struct ListedPort<'a> {
    #[serde(rename = "IP", borrow)]
    ip: Option<Text<'a>>,
    #[serde(rename = "PrivatePort")]
    container_port: i64,
    #[serde(rename = "PublicPort")]
    host_port: Option<i64>,
    #[serde(rename = "Type", borrow)]
    protocol: Option<Text<'a>>,
}

/// Reads a list of containers that was answered at `now`.
pub(super) fn read_containers(answer: &[u8], now: Timestamp) -> Result<Vec<ObservedContainer>, serde_json::Error> {
    let listed: Vec<ListedContainer<'_>> = serde_json::from_slice(answer)?;
    Ok(listed.iter().filter_map(|container| read_listed(container, now)).collect())
}

fn read_listed(container: &ListedContainer<'_>, now: Timestamp) -> Option<ObservedContainer> {
    let label = |key: &str| container.labels.get(key);
    let identity = ContainerIdentity::read(label)?;
    let status = container.status.as_ref().map_or("", |status| &*status.0);
    let state = container.state.as_ref().map_or("", |state| &*state.0);
    let (phase, health) = read_listed_phase(state, status, now);
    let ports = container.ports.iter().filter(|_| holds_ports(&phase)).flatten().filter_map(|port| {
        let published = published(port.container_port, port.host_port?, port.protocol.as_ref().map_or("tcp", |p| &p.0));
        Some((port.ip.as_ref().map_or("", |ip| &*ip.0), published?))
    });
    let spec = RecordedSpec::find(label);
    let of_host = host_network_ports(spec.as_ref(), &phase);
    let ports = of_host.unwrap_or_else(|| without_repetition(ports));
    let network = container.network_settings.as_ref().filter(|_| holds_ports(&phase));
    Some(ObservedContainer {
        health_output: None,
        id: ContainerId::new(&container.id.0),
        name: own_name(container.names.iter().flatten().map(|name| &*name.0)),
        identity,
        spec,
        phase,
        health,
        readiness: Health::None,
        readiness_output: None,
        address: network.and_then(InspectedNetworkSettings::address),
        created_at: Timestamp(container.created.unwrap_or_default().saturating_mul(1000)),
        ports,
    })
}

/// Whether the list of an engine kept the health of a container to itself: the container is checked, and the list said nothing.
///
/// Podman 4.3 tells it only when it is asked for one container. Docker names the health of everything that is checked.
pub(super) fn lacks_health(listed: &ObservedContainer) -> bool {
    let is_silent = listed.health == Health::None && matches!(listed.phase, Phase::Running { .. });
    if !is_silent {
        return false;
    }
    // Reading a spec is dear where hundreds are listed. All other values in it that one can choose are texts.
    let spec = listed.read_spec_with(&[r#""healthCheck":{"#]);
    spec.and_then(|spec| spec.health_check.as_ref()).is_some_and(|check| match &check.method {
        CheckMethod::Command(command) => command.first().is_some_and(|word| word != "NONE"),
        CheckMethod::Probe(_) => false,
    })
}

/// A container's own name among those that it is listed with: the one that is not a link of another container.
fn own_name<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut plain = names.map(|name| name.strip_prefix('/').unwrap_or(name)).filter(|name| !name.contains('/'));
    plain.next().unwrap_or_default().to_owned()
}

/// Phase and health by the state and the status text of a list.
///
/// A container that its restart policy is about to start again has a policy that we never set: somebody changed it. It counts as
/// running and unhealthy, because it has to be stopped before it can be removed. A state that is new to us says only "inspect it".
fn read_listed_phase(state: &str, status: &str, now: Timestamp) -> (Phase, Health) {
    let at_least = status_text::read_up_at_least(status).unwrap_or_default();
    let running = Phase::Running { started_at: now.before(at_least) };
    match state {
        "running" | "stopping" => (running, status_text::read_health(status)),
        "restarting" => (running, Health::Unhealthy),
        "paused" => (Phase::Paused, status_text::read_health(status)),
        "exited" | "stopped" => (Phase::Exited { exit: None }, Health::None),
        "removing" | "dead" => (Phase::Removing, Health::None),
        _ => (Phase::CreatedOrFailed, Health::None),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedContainer<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    created: Option<Text<'a>>,
    #[serde(borrow)]
    config: Option<InspectedConfig<'a>>,
    #[serde(borrow)]
    state: Option<InspectedState<'a>>,
    #[serde(borrow)]
    network_settings: Option<InspectedNetworkSettings<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedConfig<'a> {
    #[serde(borrow, default)]
    labels: Labels<'a>,
    healthcheck: Option<InspectedHealthcheck>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedHealthcheck {
    retries: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedState<'a> {
    #[serde(borrow)]
    status: Option<Text<'a>>,
    running: bool,
    #[serde(rename = "OOMKilled")]
    oom_killed: bool,
    exit_code: i64,
    #[serde(borrow)]
    error: Option<Text<'a>>,
    #[serde(borrow)]
    started_at: Option<Text<'a>>,
    #[serde(borrow)]
    finished_at: Option<Text<'a>>,
    #[serde(borrow)]
    health: Option<InspectedHealth<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedHealth<'a> {
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    log: Option<Vec<InspectedCheck<'a>>>,
    failing_streak: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedCheck<'a> {
    #[serde(borrow)]
    output: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedNetworkSettings<'a> {
    #[serde(borrow)]
    ports: Option<BTreeMap<Text<'a>, Option<Vec<InspectedBinding<'a>>>>>,
    #[serde(borrow)]
    networks: Option<BTreeMap<Text<'a>, Option<Endpoint<'a>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedBinding<'a> {
    #[serde(borrow)]
    host_ip: Option<Text<'a>>,
    #[serde(borrow)]
    host_port: Option<Text<'a>>,
}

/// A container that was inspected.
#[derive(Debug)]
pub(super) enum Inspected {
    /// It is ours.
    Ours(Box<ObservedContainer>),
    /// It is somebody else's.
    Foreign {
        /// The engine's id of it.
        id: ContainerId,
    },
}

/// Reads one container in full.
pub(super) fn read_container(answer: &[u8]) -> Result<Inspected, serde_json::Error> {
    let container: InspectedContainer<'_> = serde_json::from_slice(answer)?;
    let id = ContainerId::new(&container.id.0);
    let retries = container.config.as_ref().and_then(|config| config.healthcheck.as_ref()?.retries);
    let labels = container.config.map(|config| config.labels).unwrap_or_default();
    let label = |key: &str| labels.get(key);
    let Some(identity) = ContainerIdentity::read(label) else { return Ok(Inspected::Foreign { id }) };
    let created_at = read_time(container.created.as_ref()).unwrap_or_default();
    let mut state = container.state.unwrap_or_default();
    let spec = RecordedSpec::find(label);
    let covered = state.error.as_ref().and_then(|error| cover_log_options(spec.as_ref(), &error.0));
    state.error = covered.map(|error| Text(error.into())).or(state.error);
    let (phase, health) = read_inspected_phase(&state, retries, created_at);
    let is_sick = health == Health::Unhealthy && matches!(phase, Phase::Running { .. });
    let health_output = state.health.as_ref().filter(|_| is_sick).and_then(|health| last_words(health, retries));
    let network = container.network_settings.as_ref().filter(|_| holds_ports(&phase));
    let address = network.and_then(InspectedNetworkSettings::address);
    let ports = container.network_settings.and_then(|settings| settings.ports).unwrap_or_default();
    let bindings = ports.iter().filter(|_| holds_ports(&phase)).flat_map(|(port, bindings)| {
        let (container_port, protocol) = port.0.split_once('/').unwrap_or((&port.0, "tcp"));
        bindings.iter().flatten().filter_map(move |binding| {
            let host_port = binding.host_port.as_ref()?.0.parse().ok()?;
            let published = published(container_port.parse().ok()?, host_port, protocol)?;
            Some((binding.host_ip.as_ref().map_or("", |ip| &*ip.0), published))
        })
    });
    let of_host = host_network_ports(spec.as_ref(), &phase);
    let ports = of_host.unwrap_or_else(|| without_repetition(bindings));
    Ok(Inspected::Ours(Box::new(ObservedContainer {
        health_output,
        id,
        name: own_name(container.name.iter().map(|name| &*name.0)),
        identity,
        spec,
        phase,
        health,
        readiness: Health::None,
        readiness_output: None,
        address,
        created_at,
        ports,
    })))
}

/// Phase and health by the state of an inspection. The notes at [`read_listed_phase`] hold here too.
fn read_inspected_phase(state: &InspectedState<'_>, retries: Option<i64>, created_at: Timestamp) -> (Phase, Health) {
    let started_at = read_time(state.started_at.as_ref()).unwrap_or(created_at);
    let finished_at = read_time(state.finished_at.as_ref());
    let error = state.error.as_ref().map_or_else(String::new, |error| clean(error.0.as_bytes(), ERROR_CHARS_MAX));
    let health = read_inspected_health(state.health.as_ref());
    let exited = |error| Phase::Exited {
        exit: Some(Exit {
            code: state.exit_code,
            oom_killed: state.oom_killed,
            error,
            started_at,
            finished_at: finished_at.unwrap_or(started_at),
            health_output: state.health.as_ref().and_then(|health| last_words(health, retries)),
        }),
    };
    match state.status.as_ref().map_or("", |status| &*status.0) {
        "running" | "stopping" => (Phase::Running { started_at }, health),
        "restarting" => (Phase::Running { started_at }, Health::Unhealthy),
        "paused" => (Phase::Paused, health),
        "exited" | "stopped" => (exited(error), Health::None),
        "removing" | "dead" => (Phase::Removing, Health::None),
        "created" | "configured" | "initialized" if state.exit_code == 0 && error.is_empty() => {
            (Phase::Created, Health::None)
        }
        "created" | "configured" | "initialized" => {
            let message = if error.is_empty() { format!("exit code {}", state.exit_code) } else { error };
            // The engine keeps no time of a start that failed. We start what we have created, so the two are close.
            let blameless = tells_of_port(&message) || tells_of_engine(&message);
            (Phase::StartFailed { message, at: finished_at.unwrap_or(created_at), blameless }, Health::None)
        }
        _ if state.running => (Phase::Running { started_at }, health),
        _ if finished_at.is_some() => (exited(error), Health::None),
        _ => (Phase::Created, Health::None),
    }
}

fn read_inspected_health(health: Option<&InspectedHealth<'_>>) -> Health {
    match health.and_then(|health| health.status.as_ref()).map_or("", |status| &*status.0) {
        "healthy" => Health::Healthy,
        "unhealthy" => Health::Unhealthy,
        "starting" => Health::Starting,
        _ => Health::None,
    }
}

/// What the last check of a container said that was unhealthy as it ended.
///
/// The engine calls every container unhealthy that has ended, so only the failures in a row tell whether it was so before.
fn last_words(health: &InspectedHealth<'_>, retries: Option<i64>) -> Option<String> {
    let was_unhealthy = match health.failing_streak {
        // Without a number of retries the engine allows three.
        Some(streak) => streak >= retries.filter(|retries| *retries > 0).unwrap_or(3),
        None => read_inspected_health(Some(health)) == Health::Unhealthy,
    };
    let last = health.log.as_ref().filter(|_| was_unhealthy)?.last()?;
    let output = clean(last.output.as_ref()?.0.as_bytes(), HEALTH_OUTPUT_CHARS_MAX);
    (!output.is_empty()).then_some(output)
}

/// A point in time as the engine writes it; `None` for the year 1, which is how it writes "never".
fn read_time(text: Option<&Text<'_>>) -> Option<Timestamp> {
    let time: jiff::Timestamp = text?.0.parse().ok()?;
    let milliseconds = time.as_millisecond();
    (milliseconds > 0).then_some(Timestamp(milliseconds))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedNetwork<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    created: Option<Text<'a>>,
    #[serde(borrow, default)]
    labels: Labels<'a>,
}

/// Reads a list of networks.
pub(super) fn read_networks(answer: &[u8]) -> Result<Vec<ObservedNetwork>, serde_json::Error> {
    let listed: Vec<ListedNetwork<'_>> = serde_json::from_slice(answer)?;
    let ours = listed.iter().filter_map(|network| {
        let (cluster, source) = ownership::read_cluster(|key| network.labels.get(key))?;
        let created_at = read_time(network.created.as_ref()).unwrap_or_default();
        Some(ObservedNetwork { id: NetworkId::new(&network.id.0), cluster, source, created_at })
    });
    Ok(ours.collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedVolumes<'a> {
    #[serde(borrow)]
    volumes: Option<Vec<ListedVolume<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedVolume<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow, default)]
    labels: Labels<'a>,
}

/// Reads a list of volumes.
pub(super) fn read_volumes(answer: &[u8]) -> Result<Vec<ObservedVolume>, serde_json::Error> {
    let listed: ListedVolumes<'_> = serde_json::from_slice(answer)?;
    let ours = listed.volumes.iter().flatten().filter_map(|volume| {
        let label = |key: &str| volume.labels.get(key);
        let (cluster, source) = ownership::read_cluster(label)?;
        let task = ownership::read_task_volume(label);
        let intervention = ownership::read_intervention(label);
        Some(ObservedVolume { name: volume.name.0.to_string(), cluster, source, task, intervention })
    });
    Ok(ours.collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedImage {
    repo_tags: Option<Vec<String>>,
}

/// Reads the names of the images, each once and in order.
pub(super) fn read_image_names(answer: &[u8]) -> Result<Vec<String>, serde_json::Error> {
    let listed: Vec<ListedImage> = serde_json::from_slice(answer)?;
    let names = listed.into_iter().filter_map(|image| image.repo_tags).flatten();
    let names: BTreeSet<String> = names.map(|name| short_image_name(&name).to_owned()).collect();
    // What has lost its name is listed as `<none>:<none>`.
    Ok(names.into_iter().filter(|name| !name.starts_with('<')).collect())
}

/// The name of an image as people write it and Docker lists it. Podman 4.3 lists all names in full.
fn short_image_name(name: &str) -> &str {
    let path = name.strip_prefix("docker.io/").unwrap_or(name);
    path.strip_prefix("library/").filter(|_| path.len() < name.len()).unwrap_or(path)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    components: Option<Vec<VersionedComponent>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VersionedComponent {
    name: Option<String>,
}

/// Reads from its version whether the engine is Podman.
pub(super) fn read_is_podman(answer: &[u8]) -> Result<bool, serde_json::Error> {
    let version: Version = serde_json::from_slice(answer)?;
    let mut names = version.components.into_iter().flatten().filter_map(|component| component.name);
    Ok(names.any(|name| name == "Podman Engine"))
}

#[cfg(test)]
mod tests;
