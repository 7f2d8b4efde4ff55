//! Small worlds for tests: a desired state, what runs of it, and the documents in between, each in a line or two.
#![expect(clippy::unwrap_used, reason = "a test that is given nonsense should fail where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::desired::{ContainerSpec, DesiredCluster, DesiredService, DesiredState, TaskSpec};
use crate::observed::{
    ContainerId, Exit, Health, NetworkId, ObservedContainer, ObservedNetwork, ObservedState, Phase, PublishedPort,
};
use crate::ownership::{self, ContainerIdentity, Source, TaskKey};
use crate::value::{Attempt, ClusterName, ContainerName, Family, Percent, ServiceName, Slot, Timestamp};

/// Now, in every small world: 2026-08-14T09:41:07Z.
pub(crate) const NOW: Timestamp = Timestamp(1_786_700_467_000);

/// The time that lies `secs` before [`NOW`].
pub(crate) fn ago(secs: u64) -> Timestamp {
    NOW.before(Duration::from_secs(secs))
}

/// The source of every small world.
pub(crate) fn source() -> Source {
    Source::new("git@example.org:shop.git//deploy")
}

pub(crate) fn cluster(name: &str) -> ClusterName {
    ClusterName::new(name).unwrap()
}

pub(crate) fn service_name(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

/// A container spec from the JSON that a label holds.
pub(crate) fn spec(json: &str) -> ContainerSpec {
    serde_json::from_str(json).unwrap()
}

/// A task of containers, each as the JSON that a label holds.
pub(crate) fn task(family: &str, containers: &[&str]) -> Arc<TaskSpec> {
    let containers = containers.iter().map(|json| Arc::new(spec(json))).collect();
    Arc::new(TaskSpec::new(Family::new(family).unwrap(), containers))
}

/// A service of `count` tasks with the default limits of a deployment.
pub(crate) fn service(count: u32, task: &Arc<TaskSpec>) -> DesiredService {
    DesiredService {
        desired_count: Some(count),
        minimum_healthy: Percent(100),
        maximum: Percent(200),
        health_check_grace: Duration::ZERO,
        task: task.clone(),
    }
}

/// A desired state of services named `cluster/service`.
pub(crate) fn desired(services: &[(&str, DesiredService)]) -> DesiredState {
    let mut clusters: BTreeMap<_, DesiredCluster> = BTreeMap::new();
    for (name, service) in services {
        let (of, name) = name.split_once('/').unwrap();
        clusters.entry(cluster(of)).or_default().services.insert(service_name(name), service.clone());
    }
    DesiredState { source: source(), adopted: BTreeSet::new(), clusters }
}

/// The key of the first try of a slot named `cluster/service/slot`.
pub(crate) fn key(slot: &str, task: &TaskSpec) -> TaskKey {
    let mut parts = slot.split('/');
    TaskKey {
        cluster: cluster(parts.next().unwrap()),
        service: service_name(parts.next().unwrap()),
        slot: Slot(parts.next().unwrap().parse().unwrap()),
        revision: task.revision,
        attempt: Attempt::FIRST,
    }
}

/// The containers of a task in the slot `cluster/service/slot`, running for a minute; healthy where the spec has a check.
pub(crate) fn running(slot: &str, task: &TaskSpec, attempt: u32) -> Vec<ObservedContainer> {
    let key = TaskKey { attempt: Attempt(attempt), ..key(slot, task) };
    task.containers.iter().map(|spec| container(&key, task, spec)).collect()
}

/// One container of a task, running for a minute.
pub(crate) fn container(key: &TaskKey, task: &TaskSpec, spec: &ContainerSpec) -> ObservedContainer {
    let identity = ContainerIdentity {
        task: key.clone(),
        container: spec.name.clone(),
        source: source(),
        family: task.family.clone(),
        failures: 0,
        essential: spec.essential,
        containers: u32::try_from(task.containers.len()).unwrap(),
    };
    let labels = identity.labels(spec);
    let name = identity.name();
    let ports = spec.port_mappings.iter().map(|port| PublishedPort {
        container_port: port.container_port,
        host_port: if port.host_port == 0 { 32_768 + u16::try_from(key.slot.0).unwrap() } else { port.host_port },
        protocol: port.protocol,
    });
    ObservedContainer {
        id: ContainerId::new(&format!("{:0<64}", name.replace(|c: char| !c.is_ascii_hexdigit(), ""))),
        name,
        identity,
        spec: ownership::read_spec(|label| labels.get(label).map(String::as_str)),
        phase: Phase::Running { started_at: ago(60) },
        health: if spec.health_check.is_some() { Health::Healthy } else { Health::None },
        created_at: ago(60),
        ports: ports.collect(),
    }
}

/// The same task after it ended: its containers exited with `code`, `secs` ago, after two seconds.
pub(crate) fn exited(slot: &str, task: &TaskSpec, attempt: u32, code: i64, secs: u64) -> Vec<ObservedContainer> {
    let exit = Exit {
        code,
        oom_killed: false,
        error: String::new(),
        started_at: ago(secs + 2),
        finished_at: ago(secs),
        health_output: None,
    };
    let mut containers = running(slot, task, attempt);
    for container in &mut containers {
        container.phase = Phase::Exited { exit: Some(exit.clone()) };
        container.created_at = ago(secs + 3);
        container.health = Health::None;
        container.ports.clear();
    }
    containers
}

/// What the engine shows of these containers and the networks of their clusters.
pub(crate) fn observed(containers: &[Vec<ObservedContainer>]) -> ObservedState {
    let mut state = ObservedState { at: NOW, ..ObservedState::default() };
    for container in containers.iter().flatten() {
        add_network(&mut state, container.identity.task.cluster.as_str());
        state.containers.insert(container.id.clone(), container.clone());
    }
    state
}

/// Gives a cluster its network.
pub(crate) fn add_network(state: &mut ObservedState, name: &str) {
    let id = NetworkId::new(&format!("network-of-{name}"));
    let network = ObservedNetwork { id: id.clone(), cluster: cluster(name), source: source(), created_at: ago(3600) };
    state.networks.insert(id, network);
}

/// The name of a container.
pub(crate) fn container_name(name: &str) -> ContainerName {
    ContainerName::new(name).unwrap()
}

/// The only document of a file.
pub(crate) fn document(file: &str, text: &str) -> Arc<crate::document::Document> {
    let file = Arc::new(crate::document::File::new(file, text.to_owned()));
    let chunk = crate::document::read_file(&file, &crate::document::Budget::default());
    Arc::new(chunk.documents.into_iter().next().unwrap())
}

/// The text of a file without the indentation that it has in a test.
pub(crate) fn dedent(text: &str) -> String {
    let lines = text.trim_start_matches('\n').trim_end().lines();
    let indent = lines.clone().filter(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start().len());
    let indent = indent.min().unwrap_or(0);
    lines.map(|line| format!("{}\n", line.get(indent..).unwrap_or(""))).collect()
}
