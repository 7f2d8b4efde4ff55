//! How long the pure planner takes: `SERVICES MILLISECONDS` a line, the median of several runs on a converged host, each with cold caches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reconcile::desired::{
    CircuitBreaker, ContainerSpec, DesiredCluster, DesiredService, DesiredState, Lifetime, TaskSpec,
};
use reconcile::observed::{ContainerId, Health, NetworkId, ObservedContainer, ObservedNetwork, ObservedState, Phase};
use reconcile::ownership::{ContainerIdentity, DeploymentMark, Source, TaskKey};
use reconcile::plan::plan;
use reconcile::value::{Attempt, ClusterName, ContainerName, Family, Percent, ServiceName, Slot, Timestamp};

const RUNS: usize = 9;
const NOW: Timestamp = Timestamp(1_800_000_000_000);

#[expect(clippy::disallowed_methods, reason = "a benchmark is about time")]
#[expect(clippy::print_stdout, reason = "its figures are its output")]
fn main() {
    for count in [1000, 10_000] {
        let (desired, observed) = host(count);
        assert!(plan(&desired, &observed).is_converged(), "a converged host has nothing to be done");
        let mut times: Vec<Duration> = (0..RUNS)
            .map(|_| {
                evict();
                let began = Instant::now();
                std::hint::black_box(plan(&desired, &observed).steps.len());
                began.elapsed()
            })
            .collect();
        times.sort();
        println!("{count} {:.2}", times[RUNS / 2].as_secs_f64() * 1000.0);
    }
}

/// Takes the host out of the processor's caches. Between two plans of the real loop an engine's answers, the events and the sleep of
/// the program pass through them; planning the same small host over and over would measure the caches and not the planner.
fn evict() {
    const BYTES: usize = 64 << 20;
    let waste = vec![1u8; BYTES];
    std::hint::black_box(waste.iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>());
}

/// A host with `count` services of one task each, all as they should be.
fn host(count: u32) -> (DesiredState, ObservedState) {
    let source = Source::new("bench");
    let cluster = ClusterName::new("bench").expect("a name");
    let mut services = BTreeMap::new();
    let mut observed = ObservedState { at: NOW, ..ObservedState::default() };
    let network = NetworkId::new("network");
    let created_at = NOW.before(Duration::from_hours(1));
    let listed = ObservedNetwork { id: network.clone(), cluster: cluster.clone(), source: source.clone(), created_at };
    observed.networks.insert(network, listed);
    for number in 0..count {
        let service = ServiceName::new(&format!("service-{number}")).expect("a name");
        let family = Family::new(&format!("task-{number}")).expect("a name");
        let text = format!(r#"{{"name":"web","image":"shop:1","environment":{{"NUMBER":"{number}"}}}}"#);
        let spec: ContainerSpec = serde_json::from_str(&text).expect("a spec");
        let task = Arc::new(TaskSpec::new(family.clone(), vec![Arc::new(spec)]));
        let key = TaskKey {
            cluster: cluster.clone(),
            service: service.clone(),
            slot: Slot(0),
            revision: task.revision,
            attempt: Attempt::FIRST,
        };
        let identity = ContainerIdentity {
            task: key,
            container: ContainerName::new("web").expect("a name"),
            source: source.clone(),
            family,
            failures: 0,
            essential: true,
            containers: 1,
            position: 0,
            deployment: DeploymentMark::default(),
            image: None,
        };
        // Ids in no visible order, as an engine gives them.
        let id = ContainerId::new(&format!("{:016x}", u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let container = ObservedContainer {
            id: id.clone(),
            name: identity.name(),
            identity,
            spec: Some(text.into()),
            phase: Phase::Running { started_at: created_at },
            health: Health::None,
            readiness: Health::None,
            readiness_output: None,
            address: None,
            health_output: None,
            created_at,
            ports: Vec::new(),
        };
        observed.containers.insert(id, container);
        let desired = DesiredService {
            desired_count: Some(1),
            minimum_healthy: Percent(100),
            maximum: Percent(200),
            circuit_breaker: CircuitBreaker::default(),
            health_check_grace: Duration::ZERO,
            image_pull: reconcile::image::PullBehavior::default(),
            task,
            lifetime: Lifetime::Kept,
        };
        services.insert(service, desired);
    }
    let clusters = BTreeMap::from([(cluster, DesiredCluster { services, ..DesiredCluster::default() })]);
    (DesiredState { source, adopted: BTreeSet::new(), clusters, retry_since: None }, observed)
}
