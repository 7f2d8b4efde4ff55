//! Tasks that belong to no service, as the planner sees them: each is a service of its own that has one slot, filled once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::{CircuitBreaker, DesiredCluster, DesiredService, DesiredState, Lifetime, Scheduling, TaskSpec};
use crate::image::PullBehavior;
use crate::ownership::Source;
use crate::value::{ClusterName, Percent, ServiceName};

/// What is to become of the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// They run, each once.
    Run,
    /// They end, if they have not ended yet, and none begins.
    End,
}

/// The desired state in which the tasks of `names` exist, and nothing else. `source` is that of the tasks.
pub fn desire_tasks(
    source: Source,
    cluster: &ClusterName,
    names: &BTreeSet<ServiceName>,
    task: &Arc<TaskSpec>,
    wish: Wish,
    keep_ended: bool,
) -> DesiredState {
    let service = DesiredService {
        desired_count: Some(match wish {
            Wish::Run => 1,
            Wish::End => 0,
        }),
        minimum_healthy: Percent(0),
        maximum: Percent(100),
        circuit_breaker: CircuitBreaker { enabled: false, ..CircuitBreaker::default() },
        health_check_grace: Duration::ZERO,
        min_ready: Duration::ZERO,
        image_pull: PullBehavior::default(),
        task: task.clone(),
        lifetime: Lifetime::Once { keep_ended },
        scheduling: Scheduling::default(),
        hooks: Vec::new(),
    };
    let services = names.iter().map(|name| (name.clone(), service.clone())).collect();
    let clusters = BTreeMap::from([(cluster.clone(), DesiredCluster { services, ..DesiredCluster::default() })]);
    DesiredState { source, adopted: BTreeSet::new(), clusters, retry_since: None }
}
