//! What the manifests of a story ask for, as the reconciler is told, and as the promises follow from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use reconcile::desired::{
    CheckMethod, CircuitBreaker, ContainerSpec, DesiredCluster, DesiredService, DesiredState, EngineOptions,
    HealthCheckSpec, Lifetime, MountSpec, PortMapping, Protocol, Scheduling, StartDependency, TaskSettings, TaskSpec,
    VolumeDriver, VolumeSpec, VolumesFromSpec,
};
use reconcile::engine::simulated::Guard;
use reconcile::ownership::Source;
use reconcile::value::{ClusterName, ContainerName, Family, Percent, ServiceName, VolumeName};

use super::hooks;
use super::story::{CLUSTERS, Draft, Edge, SERVICES};

/// How long a task without a health check has to run before it counts as healthy.
pub(super) const SETTLE: Duration = Duration::from_millis(80);

pub(super) fn cluster_name(draft: &Draft) -> ClusterName {
    ClusterName::new(CLUSTERS[draft.cluster]).expect("a name")
}

pub(super) fn service_name(index: usize) -> ServiceName {
    ServiceName::new(SERVICES[index]).expect("a name")
}

/// Which service of a story has this name.
pub(super) fn service_index(name: &ServiceName) -> usize {
    SERVICES.iter().position(|known| *known == name.served().as_str()).expect("every service of a story is known")
}

/// The image of the first container of a version; its behaviour goes by it.
pub(super) fn image(service: usize, version: usize) -> String {
    format!("{}:{version}", SERVICES[service])
}

/// The image of the sidecars that end by themselves, and badly.
pub(super) const FAILING_IMAGE: &str = "fail:1";

/// The image of the sidecars that end by themselves.
pub(super) const ENDING_IMAGE: &str = "init:1";

/// What all drafts together ask for.
pub(super) fn desired(drafts: &[Draft], source: &Source, adopted: &BTreeSet<Source>) -> DesiredState {
    let mut clusters: BTreeMap<ClusterName, DesiredCluster> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate().filter(|(_, draft)| draft.wanted) {
        let cluster = clusters.entry(cluster_name(draft)).or_default();
        cluster.services.insert(service_name(index), service(index, draft));
    }
    DesiredState { source: source.clone(), adopted: adopted.clone(), clusters, retry_since: None }
}

fn service(index: usize, draft: &Draft) -> DesiredService {
    DesiredService {
        desired_count: draft.count,
        minimum_healthy: Percent(draft.minimum),
        maximum: Percent(draft.maximum),
        circuit_breaker: CircuitBreaker {
            enabled: draft.breaker.is_some(),
            rollback: draft.breaker == Some(true),
            ..CircuitBreaker::default()
        },
        health_check_grace: Duration::from_secs(draft.grace_secs),
        min_ready: Duration::ZERO,
        image_pull: reconcile::image::PullBehavior::default(),
        task: Arc::new(task(index, draft)),
        lifetime: Lifetime::Kept,
        scheduling: Scheduling::default(),
        hooks: hooks::desired(index, draft),
    }
}

fn task(index: usize, draft: &Draft) -> TaskSpec {
    let shape = &draft.shape;
    let mut main = container(SERVICES[index], image(index, draft.version), true, shape.stop_timeout_secs);
    if shape.memory > 0 {
        // What is set aside counts, and not the limit above it.
        (main.memory_reservation, main.memory) = (Some(shape.memory), Some(2 * shape.memory));
    }
    main.health_check = shape.checks.map(|(interval, retries)| HealthCheckSpec {
        method: CheckMethod::Command(vec!["CMD".to_owned(), "check".to_owned()]),
        interval,
        timeout: 2,
        retries,
        start_period: 0,
    });
    let host_ports = shape.static_port.into_iter().chain(shape.dynamic_port.then_some(0));
    main.port_mappings = (80..)
        .zip(host_ports)
        .map(|(container_port, host_port)| PortMapping { container_port, host_port, protocol: Protocol::Tcp })
        .collect();
    if shape.task_volume {
        main.mount_points.push(mount("scratch", VolumeSpec::Task { driver: VolumeDriver::default() }));
    }
    if shape.shared_volume {
        main.mount_points
            .push(mount("data", VolumeSpec::Shared { autoprovision: true, driver: VolumeDriver::default() }));
    }
    let mut containers = vec![main];
    for (number, essential) in shape.sidecars.iter().enumerate() {
        let image = match (shape.ends(number + 1), shape.ends_badly) {
            (false, _) => "side:1",
            (true, false) => ENDING_IMAGE,
            (true, true) => FAILING_IMAGE,
        };
        let name = format!("side{number}");
        let mut sidecar = container(&name, image.to_owned(), *essential, shape.stop_timeout_secs);
        if shape.task_volume {
            // It is created after the first one.
            let source_container = ContainerName::new(SERVICES[index]).expect("a name");
            sidecar.volumes_from.push(VolumesFromSpec { source_container, read_only: false });
        }
        containers.push(sidecar);
    }
    for Edge { from, on, condition } in &shape.order {
        let container_name = containers[*on].name.clone();
        containers[*from].depends_on.push(StartDependency { container_name, condition: *condition });
    }
    for container in &mut containers {
        container.start_timeout = shape.start_timeout;
    }
    let containers = containers.into_iter().map(Arc::new).collect();
    TaskSpec::new(Family::new(SERVICES[index]).expect("a name"), containers)
}

fn mount(name: &str, volume: VolumeSpec) -> MountSpec {
    let source_volume = VolumeName::new(name).expect("a name");
    MountSpec { source_volume, container_path: format!("/{name}"), read_only: false, volume }
}

pub(super) fn container(name: &str, image: String, essential: bool, stop_timeout: u32) -> ContainerSpec {
    ContainerSpec {
        name: ContainerName::new(name).expect("a name"),
        image,
        repository_credentials: None,
        version_consistency: reconcile::image::VersionConsistency::default(),
        essential,
        entry_point: None,
        command: None,
        environment: BTreeMap::new(),
        secrets: Vec::new(),
        port_mappings: Vec::new(),
        cpu: 0,
        memory: None,
        memory_reservation: None,
        health_check: None,
        readiness_check: None,
        stop_timeout,
        depends_on: Vec::new(),
        start_timeout: None,
        restart_policy: None,
        mount_points: Vec::new(),
        user: None,
        working_directory: None,
        docker_labels: BTreeMap::new(),
        links: Vec::new(),
        volumes_from: Vec::new(),
        options: EngineOptions::default(),
        task: TaskSettings::default(),
    }
}

impl Draft {
    /// So many healthy tasks no action of ours goes below. Written down a second time on purpose, in another way.
    pub(super) fn floor(&self) -> u32 {
        let count = self.count.unwrap_or(1);
        (0..=count).find(|healthy| healthy * 100 >= count * self.minimum).unwrap_or(count)
    }

    /// So many tasks no action of ours goes above.
    pub(super) fn ceiling(&self) -> u32 {
        let count = self.count.unwrap_or(1);
        (0..).take_while(|tasks| tasks * 100 <= count * self.maximum).last().unwrap_or(0)
    }

    /// What the engine holds us to. A service that keeps as many tasks as there are promises nothing.
    pub(super) fn guard(&self) -> Option<Guard> {
        let promises = self.wanted && self.count.is_some();
        promises.then(|| Guard { floor: self.floor(), ceiling: self.ceiling(), settle: SETTLE })
    }

    /// The most memory that its tasks may reserve at once, in MiB; `None` when nobody can say.
    pub(super) fn most_memory(&self) -> Option<u32> {
        match self.count {
            _ if self.shape.memory == 0 || !self.wanted => Some(0),
            Some(count) => Some(self.ceiling().max(count) * self.shape.memory),
            None => None,
        }
    }

    /// Whether the service can come to rest with all of its tasks healthy.
    pub(super) fn can_be_well(&self, index: usize, all: &[Draft]) -> bool {
        let count = self.count.unwrap_or(1);
        let may_move = count == 0 || self.floor() < count || self.ceiling() > count;
        let port_is_free = self.shape.static_port.is_none_or(|port| {
            let rivals = all.iter().enumerate().filter(|(other, _)| *other != index);
            let alone =
                rivals.filter(|(_, rival)| rival.wanted).all(|(_, rival)| rival.shape.static_port != Some(port));
            alone && count <= 1 && self.count.is_some() && self.floor() == 0
        });
        may_move
            && port_is_free
            && self.shape.order_can_be_met()
            && self.hooks.are_well()
            && self.versions[self.version].is_well(self.shape.checks.is_some())
    }
}
