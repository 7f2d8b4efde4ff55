//! `kind: Service` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ApiVersion, Kind, Metadata};
use crate::image::PullBehavior;
use crate::value::{ClusterName, Family, ServiceName};

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
    /// here is one task. It is replaced old before new, and takes no `desiredCount`.
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
    /// When a deployment that does not come up is given up, and whether the last one that did takes its place. Without
    /// it that is so: `enable` and `rollback` are both true (ECS: both false).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_circuit_breaker: Option<DeploymentCircuitBreaker>,
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
