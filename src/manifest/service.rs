//! `kind: Service` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ApiVersion, Kind, Metadata};
use crate::image::PullBehavior;
use crate::value::{ClusterName, Family, HookStage, ServiceName};

/// A number of tasks made from one task definition. Tasks that die or turn unhealthy are replaced, and a change of the
/// task definition is rolled out within the limits of `deploymentConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    /// The version of the format: `reconcile/v1`.
    pub api_version: ApiVersion,
    /// `Service`.
    #[schemars(with = "String", extend("const" = "Service"))]
    pub kind: Kind,
    /// What identifies the service within its cluster. The name is also the DNS name of its tasks.
    pub metadata: Metadata<ServiceName>,
    /// What the service runs.
    pub spec: ServiceSpec,
}

/// The fields of ECS `CreateService`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceSpec {
    /// The name once more, as ECS spells it. When it is given it equals `metadata.name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_name: Option<ServiceName>,
    /// The name of the Cluster that the service belongs to.
    pub cluster: ClusterName,
    /// The family of the task definition to run, without a revision: revisions are named by their content here, and a
    /// service always runs what the manifests say now.
    #[schemars(extend("examples" = ["web"]))]
    pub task_definition: Family,
    /// How many tasks to keep running, 0 to 5000 (the ECS quota). Without it the present number stays as it is, and a
    /// new service starts with 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 5000))]
    pub desired_count: Option<u32>,
    /// How far a deployment may go below and above the desired count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_configuration: Option<DeploymentConfiguration>,
    /// For how many seconds after the start of a task a failing health check is overlooked, 0 to 2147483647; 0 by
    /// default. A task that ends is replaced at once all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub health_check_grace_period_seconds: Option<u32>,
    /// When the images of this service are fetched, where it is not as the Cluster says. An extension: in ECS it is the
    /// agent's setting `ECS_IMAGE_PULL_BEHAVIOR`. Changing it replaces no task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_behavior: Option<PullBehavior>,
    /// How tasks are placed: `REPLICA` (the default) keeps the desired count running, `DAEMON` one task on each host, which
    /// here is one task. It is replaced old before new, starts before the other tasks of its cluster and stops after those that go
    /// with it, and takes no `desiredCount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduling_strategy: Option<SchedulingStrategy>,
}

/// The limits of a deployment, in percent of the desired count (ECS `DeploymentConfiguration`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeploymentConfiguration {
    /// The share of the desired count that stays healthy during a deployment, rounded up: 0 to 100 percent, 100 by
    /// default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub minimum_healthy_percent: Option<u32>,
    /// The share of the desired count that may exist during a deployment, old and new tasks together, rounded down:
    /// 100 to 1000 percent, 200 by default. With 100 an old task stops before a new one starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 1000))]
    pub maximum_percent: Option<u32>,
    /// For how many seconds a task has to have run before it counts as healthy, 0 to 3600; 0 by default. A task without a
    /// health check has to run for 0.08 s in any case. An extension: in Kubernetes it is `minReadySeconds`. A program that
    /// ends some seconds after its start is found out by it before it has replaced anything. Changing it replaces no task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub min_ready_seconds: Option<u32>,
    /// When a deployment that does not come up is given up, and whether the last one that did takes its place. Without
    /// it that is so: `enable` and `rollback` are both true (ECS: both false).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_circuit_breaker: Option<DeploymentCircuitBreaker>,
    /// Tasks that run once in each deployment, at the stages that they name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifecycle_hooks: Vec<LifecycleHook>,
}

/// A task that runs once at a stage of each deployment of the service, such as a migration (ECS `DeploymentLifecycleHook`,
/// which calls a Lambda function instead).
///
/// The deployment goes on when it has ended with exit code 0. Any other end fails the deployment. What only changes the
/// number of tasks, replaces one that has died, or rolls a failed deployment back runs no hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LifecycleHook {
    /// The family of the task definition to run. An extension.
    #[schemars(extend("examples" = ["migrate"]))]
    pub task_definition: Family,
    /// When it runs: `PRE_SCALE_UP`, before the first task of the new revision is made; `POST_SCALE_UP`, after all of them
    /// are healthy and before the old ones go that the percentages let stay until then. ECS's other stages are about
    /// shares of traffic, and are refused.
    #[schemars(length(min = 1))]
    pub lifecycle_stages: Vec<LifecycleStage>,
    /// For how many seconds it may run, 1 to 86400; 3600 by default. After that it is stopped and has failed. An
    /// extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub timeout_seconds: Option<u32>,
}

/// A stage of a deployment (ECS `DeploymentLifecycleHookStage`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(inline)]
pub enum LifecycleStage {
    /// Before the first task of the new revision is made.
    PreScaleUp,
    /// After all tasks of the new revision are healthy.
    PostScaleUp,
    /// Refused: several deployments of one service are never under way.
    ReconcileService,
    /// Refused: no traffic is shifted.
    TestTrafficShift,
    /// Refused: no traffic is shifted.
    PostTestTrafficShift,
    /// Refused: no traffic is shifted.
    PreProductionTrafficShift,
    /// Refused: no traffic is shifted.
    ProductionTrafficShift,
    /// Refused: no traffic is shifted.
    PostProductionTrafficShift,
}

impl LifecycleStage {
    /// As ECS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreScaleUp => "PRE_SCALE_UP",
            Self::PostScaleUp => "POST_SCALE_UP",
            Self::ReconcileService => "RECONCILE_SERVICE",
            Self::TestTrafficShift => "TEST_TRAFFIC_SHIFT",
            Self::PostTestTrafficShift => "POST_TEST_TRAFFIC_SHIFT",
            Self::PreProductionTrafficShift => "PRE_PRODUCTION_TRAFFIC_SHIFT",
            Self::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            Self::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
        }
    }

    /// The stage at which a hook can run here; `None` for those that mean nothing without shares of traffic.
    pub fn honoured(self) -> Option<HookStage> {
        match self {
            Self::PreScaleUp => Some(HookStage::PreScaleUp),
            Self::PostScaleUp => Some(HookStage::PostScaleUp),
            Self::ReconcileService
            | Self::TestTrafficShift
            | Self::PostTestTrafficShift
            | Self::PreProductionTrafficShift
            | Self::ProductionTrafficShift
            | Self::PostProductionTrafficShift => None,
        }
    }
}

/// The circuit breaker of a service's deployments (ECS `DeploymentCircuitBreaker`).
///
/// A task fails when it cannot start, ends before it has been up for 10 s, or is unhealthy. Once as many have failed as
/// the threshold says, the deployment is given up: it starts no more tasks, and is not tried again before the task
/// definition changes or `--retry` is given. A deployment that has completed is never given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeploymentCircuitBreaker {
    /// Whether a deployment is ever given up.
    pub enable: bool,
    /// Whether a deployment that was given up is followed by the last revision that was deployed well.
    pub rollback: bool,
    /// Whether a task that becomes healthy takes back the failures before it, so that only failures in a row count; true
    /// by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_on_healthy_task: Option<bool>,
    /// How many failures it takes; half of the desired count by default, but at least 3 and at most 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold_configuration: Option<ThresholdConfiguration>,
}

/// After how many failures a deployment is given up (ECS `ThresholdConfiguration`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThresholdConfiguration {
    /// What `value` means.
    #[serde(rename = "type")]
    pub kind: ThresholdType,
    /// 1 to 100 percent of the desired count, rounded up; or a number of tasks, from 1 on.
    #[schemars(range(min = 1, max = 5000))]
    pub value: u32,
}

/// What the value of a threshold means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(inline)]
pub enum ThresholdType {
    /// A share of the desired count in percent, but at least 3 tasks and at most 200.
    BoundedPercent,
    /// A share of the desired count in percent, but at least 1 task.
    UnboundedPercent,
    /// A number of tasks.
    Count,
}

/// How the tasks of a service are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum SchedulingStrategy {
    /// Keep the desired count of tasks running.
    Replica,
    /// Keep one task running on each host: on this one.
    Daemon,
}
