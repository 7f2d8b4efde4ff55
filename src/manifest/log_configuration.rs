//! Where the output of a container goes, as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::LogDriver;

/// Where the output of a container goes (ECS `LogConfiguration`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogConfiguration {
    /// The driver. `awslogs` and `awsfirelens` need services of AWS: with them, as without a `logConfiguration`, the engine's own
    /// choice holds.
    pub log_driver: LogDriver,
    /// Options for the driver.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}
