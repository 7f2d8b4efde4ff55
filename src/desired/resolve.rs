//! From valid manifests to the desired state: follows every reference, fills in every default, refuses what contradicts itself.
//!
//! Each manifest has been validated by itself before; here is what concerns more than one of them. All problems are found at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::{
    CircuitBreaker, DesiredCluster, DesiredHook, DesiredService, DesiredState, Inputs, Lifetime, Origin, Origins,
    Protocol, Resources, Scheduling, TaskSpec, Threshold,
};
use crate::image::PullBehavior;
use crate::manifest::{
    Cluster, ClusterSpec, DeploymentCircuitBreaker, Kind, Located, SchedulingStrategy, Service, TaskDefinition,
    ThresholdConfiguration, ThresholdType,
};
use crate::ownership::Source;
use crate::problem::{Code, Place, Problem, sort_problems};
use crate::schema::Validated;
use crate::spelling::closest;
use crate::value::{ClusterName, Family, Percent, ServiceName};

mod configuration;
mod health_check;
mod hook;
mod lifecycle;
mod options;
mod task;

/// The share of the desired count that stays healthy where the manifest does not say. Source: ECS, REPLICA.
pub const MINIMUM_HEALTHY_DEFAULT: Percent = Percent(100);

/// The share of the desired count that may exist at once where the manifest does not say. Source: ECS, REPLICA.
pub const MAXIMUM_DEFAULT: Percent = Percent(200);

/// The longest name that DNS can resolve as one label. Source: RFC 1035, 2.3.4.
const DNS_LABEL_MAX: usize = 63;

/// What the manifests ask for, and what is wrong with them. With an error among the problems the state is not complete, and nothing
/// may be done by it.
#[derive(Debug)]
pub struct Resolved {
    /// What should be.
    pub desired: DesiredState,
    /// The documents behind each service.
    pub origins: Origins,
    /// What is wrong, sorted.
    pub problems: Vec<Problem>,
}

/// Resolves the manifests of `source`, with what they refer to.
pub fn resolve(source: Source, manifests: &Validated, inputs: &Inputs) -> Resolved {
    let mut problems = Vec::new();
    let clusters = index(&manifests.clusters, "Cluster", |cluster| cluster.metadata.name.clone(), &mut problems);
    let definitions = index(
        &manifests.task_definitions,
        "TaskDefinition",
        |definition| definition.metadata.name.clone(),
        &mut problems,
    );
    let services = index(
        &manifests.services,
        "Service",
        |service| Key(service.spec.cluster.clone(), service.metadata.name.clone()),
        &mut problems,
    );
    let tasks: BTreeMap<&Family, Arc<TaskSpec>> =
        definitions.iter().map(|(family, located)| (family, Arc::new(task::resolve_task(located, inputs)))).collect();
    let mut desired = DesiredState {
        source,
        adopted: BTreeSet::new(),
        clusters: clusters.iter().map(|(name, located)| (name.clone(), resolve_cluster(&located.manifest))).collect(),
        retry_since: None,
    };
    let mut origins = Origins::new();
    for (Key(cluster, name), located) in &services {
        let known_cluster = check_cluster(located, &clusters, manifests, &mut problems);
        let task = find_task(located, &definitions, &tasks, manifests, &mut problems);
        check_name(located, &mut problems);
        let image_pull = located.manifest.spec.image_pull_behavior;
        let image_pull = image_pull.unwrap_or_else(|| pull_behavior(clusters.get(cluster)));
        let hooks = hook::resolve_hooks(located, image_pull, &definitions, &tasks, (manifests, &mut problems));
        let (true, Some((definition, task)), Some(hooks)) = (known_cluster, task, hooks) else { continue };
        let service = resolve_service(&located.manifest, image_pull, task, hooks);
        check_room(located, definition, &service, &mut problems);
        let origin = Origin {
            service: located.document.clone(),
            task_definition: definition.document.clone(),
            environment_files: Arc::new(configuration::environment_files(definition, inputs)),
        };
        origins.insert((cluster.clone(), name.clone()), origin);
        if let Some(cluster) = desired.clusters.get_mut(cluster) {
            cluster.services.insert(name.clone(), service);
        }
    }
    check_ports(&desired, &services, &definitions, &mut problems);
    // A service that is not valid may be the one that uses it.
    if manifests.invalid.is_empty() {
        warn_unused(&definitions, &manifests.services, &mut problems);
    }
    sort_problems(&mut problems);
    Resolved { desired, origins, problems }
}

/// The task that one valid definition describes, used by a service or not.
pub fn resolve_definition(definition: &Located<TaskDefinition>, inputs: &Inputs) -> TaskSpec {
    task::resolve_task(definition, inputs)
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key(ClusterName, ServiceName);

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// Finds each manifest by its name; the second of a name is a problem, and does not count.
fn index<'a, T, K: Ord + std::fmt::Display>(
    manifests: &'a [Located<T>],
    kind: &str,
    key: impl Fn(&T) -> K,
    problems: &mut Vec<Problem>,
) -> BTreeMap<K, &'a Located<T>> {
    let mut found: BTreeMap<K, &Located<T>> = BTreeMap::new();
    for located in manifests {
        let name = key(&located.manifest);
        if let Some(first) = found.get(&name) {
            let problem = Problem::error(Code::Duplicate, format!("{kind} `{name}` is declared twice"))
                .with_place(located.place_of("/metadata/name"))
                .with_related("declared here first", first.place_of("/metadata/name"))
                .with_help("rename one of them, or remove it");
            problems.push(problem);
        } else {
            found.insert(name, located);
        }
    }
    found
}

fn object(located: &Located<Service>) -> String {
    format!("Service `{}/{}`", located.manifest.spec.cluster, located.manifest.metadata.name)
}

fn check_cluster(
    located: &Located<Service>,
    clusters: &BTreeMap<ClusterName, &Located<Cluster>>,
    manifests: &Validated,
    problems: &mut Vec<Problem>,
) -> bool {
    let wanted = &located.manifest.spec.cluster;
    if clusters.contains_key(wanted) || manifests.is_invalid(Kind::Cluster, wanted.as_str()) {
        return clusters.contains_key(wanted);
    }
    let candidates = clusters.iter().map(|(name, cluster)| (name.as_str(), cluster.place_of("/metadata/name")));
    let place = located.place_of("/spec/cluster");
    problems.push(undefined("Cluster", wanted.as_str(), place, candidates).with_object(object(located)));
    false
}

fn find_task<'a>(
    located: &Located<Service>,
    definitions: &BTreeMap<Family, &'a Located<TaskDefinition>>,
    tasks: &BTreeMap<&Family, Arc<TaskSpec>>,
    manifests: &Validated,
    problems: &mut Vec<Problem>,
) -> Option<(&'a Located<TaskDefinition>, Arc<TaskSpec>)> {
    let family = &located.manifest.spec.task_definition;
    if let (Some(definition), Some(task)) = (definitions.get(family), tasks.get(family)) {
        return Some((definition, task.clone()));
    }
    if manifests.is_invalid(Kind::TaskDefinition, family.as_str()) {
        return None;
    }
    let candidates =
        definitions.iter().map(|(family, definition)| (family.as_str(), definition.place_of("/metadata/name")));
    let place = located.place_of("/spec/taskDefinition");
    problems.push(undefined("TaskDefinition", family.as_str(), place, candidates).with_object(object(located)));
    None
}

/// A reference to something that no manifest declares, with the name that comes nearest.
fn undefined<'a>(kind: &str, name: &str, place: Place, candidates: impl Iterator<Item = (&'a str, Place)>) -> Problem {
    let problem =
        Problem::error(Code::UndefinedReference, format!("{kind} `{name}` is not declared")).with_place(place);
    let candidates: BTreeMap<&str, Place> = candidates.collect();
    let nearest = closest(name, candidates.keys().copied()).and_then(|meant| candidates.get_key_value(meant));
    match nearest {
        Some((&candidate, place)) => problem
            .with_help(format!("did you mean `{candidate}`?"))
            .with_suggestion(candidate)
            .with_related(format!("a {kind} with a similar name is declared here"), place.clone()),
        None => problem.with_help(format!("add a manifest of kind {kind} with `metadata.name: {name}`")),
    }
}

fn check_name(located: &Located<Service>, problems: &mut Vec<Problem>) {
    let name = located.manifest.metadata.name.as_str();
    if name.len() > DNS_LABEL_MAX {
        let message = format!(
            "the name has {} characters: tasks run, but nothing can reach them by a name of over {DNS_LABEL_MAX}",
            name.len()
        );
        let problem = Problem::warning(Code::OutOfRange, message).with_place(located.place_of("/metadata/name"));
        problems.push(problem.with_object(object(located)));
    }
}

/// When the images of a cluster's services are fetched.
fn pull_behavior(cluster: Option<&&Located<Cluster>>) -> PullBehavior {
    let Some(cluster) = cluster else { return PullBehavior::default() };
    let ClusterSpec { cluster_name: _, image_pull_behavior, reserved_cpu: _, reserved_memory: _ } =
        &cluster.manifest.spec;
    image_pull_behavior.unwrap_or_default()
}

/// A cluster before it has services.
fn resolve_cluster(cluster: &Cluster) -> DesiredCluster {
    let ClusterSpec { cluster_name: _, image_pull_behavior: _, reserved_cpu, reserved_memory } = &cluster.spec;
    let reserved = Resources {
        cpu: reserved_cpu.map_or(0, |cpu| cpu.0.into()),
        memory: reserved_memory.map_or(0, |memory| memory.0.into()),
    };
    DesiredCluster { reserved, services: BTreeMap::new() }
}

fn resolve_service(
    service: &Service,
    image_pull: PullBehavior,
    task: Arc<TaskSpec>,
    hooks: Vec<DesiredHook>,
) -> DesiredService {
    let Service { api_version: _, kind: _, metadata: _, spec } = service;
    let crate::manifest::ServiceSpec {
        service_name: _,
        cluster: _,
        task_definition: _,
        desired_count,
        deployment_configuration,
        health_check_grace_period_seconds,
        image_pull_behavior: _,
        scheduling_strategy,
    } = spec;
    let deployment = deployment_configuration.clone().unwrap_or_default();
    // Of a daemon two tasks never exist on one host, so the old one goes first (ECS: 0 and 100 percent).
    let scheduling = match scheduling_strategy {
        None | Some(SchedulingStrategy::Replica) => Scheduling::Replica,
        Some(SchedulingStrategy::Daemon) => Scheduling::Daemon,
    };
    let (desired_count, minimum, maximum) = match scheduling {
        Scheduling::Replica => (*desired_count, MINIMUM_HEALTHY_DEFAULT, MAXIMUM_DEFAULT),
        Scheduling::Daemon => (Some(1), Percent(0), Percent(100)),
    };
    DesiredService {
        desired_count,
        minimum_healthy: deployment.minimum_healthy_percent.map_or(minimum, Percent),
        maximum: deployment.maximum_percent.map_or(maximum, Percent),
        health_check_grace: Duration::from_secs(health_check_grace_period_seconds.unwrap_or(0).into()),
        min_ready: Duration::from_secs(deployment.min_ready_seconds.unwrap_or(0).into()),
        image_pull,
        circuit_breaker: deployment.deployment_circuit_breaker.as_ref().map(resolve_breaker).unwrap_or_default(),
        task,
        lifetime: Lifetime::Kept,
        scheduling,
        hooks,
    }
}

fn resolve_breaker(written: &DeploymentCircuitBreaker) -> CircuitBreaker {
    let DeploymentCircuitBreaker { enable, rollback, reset_on_healthy_task, threshold_configuration } = written;
    let threshold = threshold_configuration.as_ref().map(|ThresholdConfiguration { kind, value }| match kind {
        ThresholdType::BoundedPercent => Threshold::BoundedPercent(*value),
        ThresholdType::UnboundedPercent => Threshold::UnboundedPercent(*value),
        ThresholdType::Count => Threshold::Count(*value),
    });
    CircuitBreaker {
        enabled: *enable,
        rollback: *rollback,
        threshold: threshold.unwrap_or_default(),
        reset_on_healthy: reset_on_healthy_task.unwrap_or(true),
    }
}

/// Warns of a service that can run and can never be updated.
fn check_room(
    located: &Located<Service>,
    definition: &Located<TaskDefinition>,
    service: &DesiredService,
    problems: &mut Vec<Problem>,
) {
    let may_warn = !located.manifest.metadata.allows(Code::DeploymentStuck);
    let count = service.desired_count.unwrap_or(1);
    let (floor, ceiling) = (service.minimum_healthy.ceil_of(count), service.maximum.floor_of(count));
    if count == 0 {
        return;
    }
    let place = located.place_of("/spec/deploymentConfiguration");
    if let Some((port, _)) = service.task.static_host_ports().next() {
        if count > 1 {
            let message = format!("{count} tasks cannot all have the host port {port}");
            let problem = Problem::error(Code::Conflict, message)
                .with_place(located.place_of("/spec/desiredCount"))
                .with_help("leave `hostPort` out to have a free port chosen for each task, or set `desiredCount: 1`");
            let problem = with_host_port(problem, definition, port);
            problems.push(problem.with_object(object(located)));
        } else if floor > 0 && may_warn {
            let message = format!(
                "the service runs, but cannot be updated: the old task keeps host port {port} until it stops, and minimumHealthyPercent {} keeps the old task",
                service.minimum_healthy.0
            );
            let problem = Problem::warning(Code::DeploymentStuck, message)
                .with_place(place)
                .with_help("set `deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100 }`: each update is then a short outage");
            let problem = with_host_port(problem, definition, port);
            problems.push(problem.with_object(object(located)));
        }
    } else if floor == count && ceiling == count && may_warn {
        let message = format!(
            "the service runs, but cannot be updated: of {count} no task may stop (minimumHealthyPercent {}) and none may be added (maximumPercent {})",
            service.minimum_healthy.0, service.maximum.0
        );
        let problem = Problem::warning(Code::DeploymentStuck, message).with_place(place).with_help(
            "lower minimumHealthyPercent, or raise maximumPercent, until the rounded numbers leave room for one task",
        );
        problems.push(problem.with_object(object(located)));
    }
}

/// Shows where a task definition fixes a port of the host.
fn with_host_port(problem: Problem, definition: &Located<TaskDefinition>, port: u16) -> Problem {
    for (index, container) in definition.manifest.spec.container_definitions.iter().enumerate() {
        for (item, mapping) in container.port_mappings.iter().enumerate() {
            let field = match (mapping.host_port, mapping.container_port) {
                (Some(host), _) if host == port => "hostPort",
                // In the host's own network a port is the same on both sides.
                (None | Some(0), Some(own)) if own == port => "containerPort",
                (Some(_) | None, Some(_) | None) => continue,
            };
            let pointer = format!("/spec/containerDefinitions/{index}/portMappings/{item}/{field}");
            return problem.with_related(format!("host port {port} is fixed here"), definition.place_of(&pointer));
        }
    }
    problem
}

/// Refuses a static host port that two services want.
fn check_ports(
    desired: &DesiredState,
    located: &BTreeMap<Key, &Located<Service>>,
    definitions: &BTreeMap<Family, &Located<TaskDefinition>>,
    problems: &mut Vec<Problem>,
) {
    let mut holders: BTreeMap<(u16, Protocol), Key> = BTreeMap::new();
    for (cluster, wanted) in &desired.clusters {
        for (name, service) in &wanted.services {
            let ports: BTreeSet<_> = service.task.static_host_ports().collect();
            for (port, protocol) in ports {
                let key = Key(cluster.clone(), name.clone());
                let Some(first) = holders.get(&(port, protocol)) else {
                    holders.insert((port, protocol), key);
                    continue;
                };
                let place = |key: &Key| located.get(key).map(|located| located.place_of("/spec/taskDefinition"));
                let definition = |key: &Key| definitions.get(&located.get(key)?.manifest.spec.task_definition);
                let message = format!("host port {port}/{} is wanted by `{first}` and by `{key}`", protocol.as_str());
                let mut problem = Problem::error(Code::Conflict, message)
                    .with_help("give one of them another `hostPort`, or leave it out to have a free one chosen");
                problem.place = place(&key);
                if let Some(other) = place(first) {
                    problem = problem.with_related("the other service", other);
                }
                let mut ends: Vec<_> = [&key, first].into_iter().filter_map(definition).collect();
                ends.dedup_by_key(|definition| definition.manifest.metadata.name.clone());
                problem = ends.into_iter().fold(problem, |problem, end| with_host_port(problem, end, port));
                problems.push(problem);
            }
        }
    }
    hook::check_ports(desired, &holders, located, problems);
}

fn warn_unused(
    definitions: &BTreeMap<Family, &Located<TaskDefinition>>,
    services: &[Located<Service>],
    problems: &mut Vec<Problem>,
) {
    let by_services = services.iter().map(|service| &service.manifest.spec.task_definition);
    let by_hooks = services.iter().flat_map(hook::written).map(|hook| &hook.task_definition);
    let used: BTreeSet<_> = by_services.chain(by_hooks).collect();
    let may_warn = |located: &Located<TaskDefinition>| !located.manifest.metadata.allows(Code::Unused);
    for (family, located) in definitions.iter().filter(|(family, located)| !used.contains(family) && may_warn(located))
    {
        let message = format!("no service uses TaskDefinition `{family}`");
        problems.push(Problem::warning(Code::Unused, message).with_place(located.place_of("/metadata/name")));
    }
}

#[cfg(test)]
mod tests;
