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
    /// More options for the driver, whose values are looked up when the container is created. One that is in `options` as well has the
    /// value from here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_options: Vec<SecretOption>,
}

/// An option of a log driver whose value is a secret (ECS `Secret`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretOption {
    /// The name of the option. Unique in the list.
    #[schemars(length(min = 1), extend("examples" = ["splunk-token"]))]
    pub name: String,
    /// Where the value is: the same forms as in `secrets`.
    #[schemars(length(min = 1), extend("examples" = ["file:secrets/splunk-token"]))]
    pub value_from: String,
}
