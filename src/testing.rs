//! Small worlds for tests: a desired state, what runs of it, and the documents in between, each in a line or two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::desired::{
    CircuitBreaker, ContainerSpec, DesiredCluster, DesiredService, DesiredState, Lifetime, Scheduling, TaskSpec,
};
use crate::image::{ImageId, ObservedImage, Platform};
use crate::observed::{
    ContainerId, Exit, Health, ImageFact, NetworkId, ObservedContainer, ObservedNetwork, ObservedState, ObservedVolume,
    Phase, PublishedPort,
};
use crate::ownership::{Asked, ContainerIdentity, DeploymentMark, Intervention, RecordedSpec, Source, TaskKey};
use crate::value::{Attempt, ClusterName, Family, Percent, ServiceName, Slot, Timestamp};

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
    ServiceName::read(name).unwrap()
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
        circuit_breaker: CircuitBreaker::default(),
        health_check_grace: Duration::ZERO,
        min_ready: Duration::ZERO,
        image_pull: crate::image::PullBehavior::default(),
        task: task.clone(),
        lifetime: Lifetime::Kept,
        scheduling: Scheduling::default(),
        hooks: Vec::new(),
    }
}

/// A desired state of services named `cluster/service`.
pub(crate) fn desired(services: &[(&str, DesiredService)]) -> DesiredState {
    let mut clusters: BTreeMap<_, DesiredCluster> = BTreeMap::new();
    for (name, service) in services {
        let (of, name) = name.split_once('/').unwrap();
        clusters.entry(cluster(of)).or_default().services.insert(service_name(name), service.clone());
    }
    DesiredState { source: source(), adopted: BTreeSet::new(), clusters, retry_since: None }
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
        position: 0,
        deployment: DeploymentMark::default(),
        image: None,
        scheduling: Scheduling::default(),
    };
    let labels = identity.labels(spec);
    let name = identity.name();
    let ports = spec.port_mappings.iter().map(|port| PublishedPort {
        container_port: port.container_port,
        host_port: if port.host_port == 0 { 32_768 + u16::try_from(key.slot.0).unwrap() } else { port.host_port },
        protocol: port.protocol,
    });
    ObservedContainer {
        health_output: None,
        id: ContainerId::new(&format!("{:0<64}", name.replace(|c: char| !c.is_ascii_hexdigit(), ""))),
        name,
        identity,
        spec: RecordedSpec::find(|label| labels.get(label).map(String::as_str)),
        phase: Phase::Running { started_at: ago(60) },
        health: if spec.health_check.is_some() { Health::Healthy } else { Health::None },
        readiness: Health::None,
        readiness_output: None,
        address: None,
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

/// The engine has every image that is wanted and of which nothing else is known.
pub(crate) fn with_images(desired: &DesiredState, mut state: ObservedState) -> ObservedState {
    let services = desired.services_and_hooks();
    for spec in services.flat_map(|service| &service.task.containers) {
        let fact = || ImageFact { at: state.at, image: Some(image_of(&spec.image)) };
        state.images.entry(spec.image.clone()).or_insert_with(fact);
    }
    state
}

/// What an engine has under a reference: an image that was made here.
pub(crate) fn image_of(reference: &str) -> ObservedImage {
    let platform = Platform::new("linux", "amd64");
    let id = ImageId::new(&format!("sha256:id-of-{reference}"));
    ObservedImage { id, digests: Vec::new(), platform: platform.clone(), host: Some(platform) }
}

/// Gives a cluster its network.
pub(crate) fn add_network(state: &mut ObservedState, name: &str) {
    let id = NetworkId::new(&format!("network-of-{name}"));
    let network = ObservedNetwork { id: id.clone(), cluster: cluster(name), source: source(), created_at: ago(3600) };
    state.networks.insert(id, network);
}

/// Lets somebody have asked something of a service (`CLUSTER/SERVICE`) a minute ago.
pub(crate) fn add_intervention(state: &mut ObservedState, service: &str, asked: Asked) {
    let (cluster_name, service) = service.split_once('/').expect("CLUSTER/SERVICE");
    let intervention = Intervention { service: service_name(service), at: ago(60), asked };
    let cluster = cluster(cluster_name);
    let name = intervention.name(&cluster);
    let volume =
        ObservedVolume { name: name.clone(), cluster, source: source(), task: None, intervention: Some(intervention) };
    state.volumes.insert(name, volume);
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
    lines.flat_map(|line| [line.get(indent..).unwrap_or(""), "\n"]).collect()
}

/// A world in which something of everything is to be done, and the manifests behind it.
pub(crate) struct Mixed {
    pub(crate) desired: DesiredState,
    pub(crate) observed: ObservedState,
    pub(crate) origins: crate::desired::Origins,
}

/// The secret of the mixed world, before and after: neither is ever to be seen.
pub(crate) const SECRETS: [&str; 2] = ["hunter2-before", "hunter3-after"];

/// The mixed world: a service of each kind of change.
pub(crate) fn mixed() -> Mixed {
    let web = |tag: &str, secret: &str| {
        let text = format!(
            r#"{{"name":"web","image":"ghcr.io/acme/web:{tag}","environment":{{"DB_PASSWORD":"{secret}"}},"portMappings":[{{"containerPort":80}}]}}"#
        );
        task("web", &[&text])
    };
    let check = r#""healthCheck":{"command":["CMD","/ok"],"interval":5,"timeout":2,"retries":5,"startPeriod":0}"#;
    let cache = task("cache", &[&format!(r#"{{"name":"cache","image":"redis:7",{check}}}"#)]);
    let proxy = task(
        "proxy",
        &[r#"{"name":"proxy","image":"envoy:1","memory":64,"portMappings":[{"containerPort":8080,"hostPort":8080}]}"#],
    );
    let worker = task("worker", &[r#"{"name":"worker","image":"ghcr.io/acme/worker:1"}"#]);
    let search = task("search", &[r#"{"name":"search","image":"ghcr.io/acme/search:1.0.3"}"#]);
    let cron = task("cron", &[r#"{"name":"cron","image":"cron:1"}"#]);
    let old = web("2.3.1", SECRETS[0]);
    let mut sick = running("shop/cache/0", &cache, 1);
    sick[0].health = Health::Unhealthy;
    let mut dead = exited("shop/proxy/0", &proxy, 1, 137, 360);
    if let Phase::Exited { exit: Some(exit) } = &mut dead[0].phase {
        exit.oom_killed = true;
    }
    let mut containers = vec![sick, dead, running("shop/legacy-cron/0", &cron, 1), running("shop/api/0", &cron, 1)];
    containers.extend([0, 1, 2].map(|slot| running(&format!("shop/web/{slot}"), &old, 1)));
    containers.extend([0, 1].map(|slot| running(&format!("shop/worker/{slot}"), &worker, 1)));
    let stop_first = |mut service: DesiredService, minimum| {
        (service.minimum_healthy, service.maximum) = (Percent(minimum), Percent(100));
        service
    };
    let services = [
        ("shop/api", service(1, &cron)),
        ("shop/cache", stop_first(service(1, &cache), 0)),
        ("shop/proxy", stop_first(service(1, &proxy), 0)),
        ("shop/search", service(2, &search)),
        ("shop/web", stop_first(service(3, &web("2.4.0", SECRETS[1])), 66)),
        ("shop/worker", service(4, &worker)),
    ];
    let origins = services.iter().map(|(name, service)| {
        let (of, name) = name.split_once('/').unwrap();
        ((cluster(of), service_name(name)), origin(name, service))
    });
    let origins = origins.collect();
    let desired = desired(&services);
    let observed = with_images(&desired, observed(&containers));
    Mixed { desired, observed, origins }
}

/// The manifests of a service of one container, as somebody might have written them.
fn origin(name: &str, service: &DesiredService) -> crate::desired::Origin {
    let container = &service.task.containers[0];
    let count = service.desired_count.unwrap_or(1);
    let written = format!(
        "apiVersion: reconcile/v1\nkind: Service\nmetadata: {{ name: {name} }}\nspec:\n  desiredCount: {count}\n  deploymentConfiguration:\n    minimumHealthyPercent: {}\n",
        service.minimum_healthy.0
    );
    let environment =
        container.environment.iter().map(|(name, value)| format!("        - {{ name: {name}, value: {value} }}\n"));
    let definition = format!(
        "apiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: {{ name: {name} }}\nspec:\n  containerDefinitions:\n    - name: {}\n      image: {}\n      memory: 64\n      environment:\n{}",
        container.name,
        container.image,
        environment.collect::<Vec<_>>().concat()
    );
    crate::desired::Origin {
        service: document(&format!("deploy/{name}.yaml"), &written),
        task_definition: document(&format!("deploy/{name}-task.yaml"), &definition),
        environment_files: Arc::default(),
    }
}

/// A text without its colours.
pub(crate) fn strip_colours(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}
