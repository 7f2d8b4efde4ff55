//! How long the pure planner takes, the median of several runs, each with cold caches: a line `SERVICES MILLISECONDS` for a converged host
//! with so many services of one task, and `rollout-TASKS MILLISECONDS` for a service of so many tasks in the middle of a deployment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reconcile::desired::{
    CircuitBreaker, ContainerSpec, DesiredCluster, DesiredService, DesiredState, Lifetime, Scheduling, TaskSpec,
};
use reconcile::observed::{ContainerId, Health, NetworkId, ObservedContainer, ObservedNetwork, ObservedState, Phase};
use reconcile::ownership::{ContainerIdentity, DeploymentMark, Source, TaskKey};
use reconcile::plan::plan;
use reconcile::value::{Attempt, ClusterName, ContainerName, Family, Percent, ServiceName, Slot, Timestamp};

const RUNS: usize = 9;
const ROLLOUT_TASKS: u32 = 1000;
const NOW: Timestamp = Timestamp(1_800_000_000_000);

#[expect(clippy::print_stdout, reason = "its figures are its output")]
fn main() {
    for count in [1000, 10_000] {
        let (desired, observed) = converged_host(count);
        assert!(plan(&desired, &observed).is_converged(), "a converged host has nothing to be done");
        println!("{count} {:.2}", measure(&desired, &observed));
    }
    let (desired, observed) = host_in_a_rollout(ROLLOUT_TASKS);
    let plan = plan(&desired, &observed);
    assert!(!plan.steps.is_empty() && !plan.waits.is_empty(), "a deployment in its middle has begun and has not ended");
    println!("rollout-{ROLLOUT_TASKS} {:.2}", measure(&desired, &observed));
}

/// Milliseconds of one plan.
#[expect(clippy::disallowed_methods, reason = "a benchmark is about time")]
fn measure(desired: &DesiredState, observed: &ObservedState) -> f64 {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            evict();
            let began = Instant::now();
            std::hint::black_box(plan(desired, observed).steps.len());
            began.elapsed()
        })
        .collect();
    times.sort();
    times[RUNS / 2].as_secs_f64() * 1000.0
}

/// Takes the host out of the processor's caches. Between two plans of the real loop an engine's answers, the events and the sleep of
/// the program pass through them; planning the same small host over and over would measure the caches and not the planner.
fn evict() {
    const BYTES: usize = 64 << 20;
    let waste = vec![1u8; BYTES];
    std::hint::black_box(waste.iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>());
}

/// A host with `count` services of one task each, all as they should be.
fn converged_host(count: u32) -> (DesiredState, ObservedState) {
    let mut host = Host::new();
    for number in 0..count {
        let task = task(&format!("task-{number}"), &number.to_string());
        let service = ServiceName::new(&format!("service-{number}")).expect("a name");
        host.run(&service, &task, Slot(0), long_ago());
        host.want(service, task, 1, Percent(200));
    }
    host.finish()
}

/// A host with one service of `count` tasks, half-way from one revision to the next, at `maximumPercent` 150: a third of the old tasks have
/// gone, the new tasks of half of the slots are healthy, those of a quarter have just been started, and the rest is yet to come.
fn host_in_a_rollout(count: u32) -> (DesiredState, ObservedState) {
    let mut host = Host::new();
    let service = ServiceName::new("web").expect("a name");
    let (old, new) = (task("web", "old"), task("web", "new"));
    for slot in count / 3..count {
        host.run(&service, &old, Slot(slot), long_ago());
    }
    for slot in 0..count / 4 * 3 {
        let is_up = slot < count / 2;
        let started_at = NOW.before(if is_up { Duration::from_secs(5) } else { Duration::from_millis(10) });
        host.run(&service, &new, Slot(slot), started_at);
    }
    host.want(service, new, count, Percent(150));
    host.finish()
}

fn long_ago() -> Timestamp {
    NOW.before(Duration::from_hours(1))
}

fn task(family: &str, value: &str) -> Arc<TaskSpec> {
    let text = format!(r#"{{"name":"web","image":"shop:1","environment":{{"VALUE":"{value}"}}}}"#);
    let spec: ContainerSpec = serde_json::from_str(&text).expect("a spec");
    Arc::new(TaskSpec::new(Family::new(family).expect("a name"), vec![Arc::new(spec)]))
}

/// What is wanted and what runs, as it is put together.
struct Host {
    source: Source,
    cluster: ClusterName,
    services: BTreeMap<ServiceName, DesiredService>,
    observed: ObservedState,
}

impl Host {
    fn new() -> Self {
        let source = Source::new("bench");
        let cluster = ClusterName::new("bench").expect("a name");
        let mut observed = ObservedState { at: NOW, ..ObservedState::default() };
        let id = NetworkId::new("network");
        let created_at = long_ago();
        let network = ObservedNetwork { id: id.clone(), cluster: cluster.clone(), source: source.clone(), created_at };
        observed.networks.insert(id, network);
        Self { source, cluster, services: BTreeMap::new(), observed }
    }

    fn want(&mut self, service: ServiceName, task: Arc<TaskSpec>, count: u32, maximum: Percent) {
        let desired = DesiredService {
            desired_count: Some(count),
            minimum_healthy: Percent(100),
            maximum,
            circuit_breaker: CircuitBreaker::default(),
            health_check_grace: Duration::ZERO,
            min_ready: Duration::ZERO,
            hooks: Vec::new(),
            image_pull: reconcile::image::PullBehavior::default(),
            task,
            lifetime: Lifetime::Kept,
            scheduling: Scheduling::default(),
        };
        self.services.insert(service, desired);
    }

    /// A task that runs since `started_at`.
    fn run(&mut self, service: &ServiceName, task: &TaskSpec, slot: Slot, started_at: Timestamp) {
        let key = TaskKey {
            cluster: self.cluster.clone(),
            service: service.clone(),
            slot,
            revision: task.revision,
            attempt: Attempt::FIRST,
        };
        let identity = ContainerIdentity {
            task: key,
            container: ContainerName::new("web").expect("a name"),
            source: self.source.clone(),
            family: task.family.clone(),
            failures: 0,
            essential: true,
            containers: 1,
            position: 0,
            deployment: DeploymentMark::default(),
            image: None,
            scheduling: Scheduling::default(),
        };
        // Ids in no visible order, as an engine gives them.
        let number = self.observed.containers.len() as u64;
        let id = ContainerId::new(&format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let text = serde_json::to_string(&task.containers[0]).expect("a spec is text");
        let container = ObservedContainer {
            id: id.clone(),
            name: identity.name(),
            identity,
            spec: Some(text.into()),
            phase: Phase::Running { started_at },
            health: Health::None,
            readiness: Health::None,
            readiness_output: None,
            address: None,
            health_output: None,
            created_at: started_at,
            ports: Vec::new(),
        };
        self.observed.containers.insert(id, container);
    }

    fn finish(self) -> (DesiredState, ObservedState) {
        let cluster = DesiredCluster { services: self.services, ..DesiredCluster::default() };
        let clusters = BTreeMap::from([(self.cluster, cluster)]);
        let desired = DesiredState { source: self.source, adopted: BTreeSet::new(), clusters, retry_since: None };
        (desired, self.observed)
    }
}
