//! The hooks of a deployment: tasks that run once at a stage of it (ECS `DeploymentLifecycleHook`).
//!
//! To the planner each is a service of its own with one slot that is filled once, under a name that says which deployment it belongs to.
//! What it has come to is therefore written where all is written: on its containers.

use std::sync::Arc;
use std::time::Duration;

use super::{CircuitBreaker, DesiredService, DesiredState, Lifetime, Scheduling, TaskSpec};
use crate::image::PullBehavior;
use crate::value::{Family, HookStage, Percent, ServiceName};

/// How long a hook may run where the manifest does not say. ECS waits for a day, which is long on a host that somebody looks at.
pub const HOOK_TIMEOUT_DEFAULT: Duration = Duration::from_hours(1);

/// A task that runs once at a stage of each deployment of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredHook {
    /// When it runs.
    pub stage: HookStage,
    /// How long it may run.
    pub timeout: Duration,
    /// The task, as a service of its own.
    pub service: DesiredService,
}

impl DesiredHook {
    /// A hook that runs `task`. Its images are fetched as those of its service.
    pub fn new(stage: HookStage, timeout: Duration, image_pull: PullBehavior, task: Arc<TaskSpec>) -> Self {
        let service = DesiredService {
            desired_count: Some(1),
            // One that is outdated ends before the next one begins: two migrations never run at once.
            minimum_healthy: Percent(0),
            maximum: Percent(100),
            circuit_breaker: CircuitBreaker { enabled: false, ..CircuitBreaker::default() },
            health_check_grace: Duration::ZERO,
            min_ready: Duration::ZERO,
            image_pull,
            task,
            lifetime: Lifetime::Once { keep_ended: true },
            scheduling: Scheduling::default(),
            hooks: Vec::new(),
        };
        Self { stage, timeout, service }
    }

    /// The family of its task definition: what people call it.
    pub fn family(&self) -> &Family {
        &self.service.task.family
    }
}

impl DesiredService {
    /// The hooks, each with the name in whose place its task stands while `self` is deployed as the service `name`.
    pub fn named_hooks(&self, name: &ServiceName) -> impl Iterator<Item = (ServiceName, &DesiredHook)> {
        let revision = if self.hooks.is_empty() { String::new() } else { self.task.revision.short() };
        let (name, hooks) = (name.clone(), self.hooks.iter());
        hooks.map(move |hook| (ServiceName::hook(&name, hook.stage, hook.family(), &revision), hook))
    }
}

impl DesiredState {
    /// Every service, and every hook of one as the service that it is to the planner.
    pub fn services_and_hooks(&self) -> impl Iterator<Item = &DesiredService> {
        let services = self.clusters.values().flat_map(|cluster| cluster.services.values());
        services.flat_map(|service| std::iter::once(service).chain(service.hooks.iter().map(|hook| &hook.service)))
    }
}
