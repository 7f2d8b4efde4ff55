//! A file of environment variables, as a container definition names it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the name of an environment file ends. Source: ECS `EnvironmentFile`.
pub const ENVIRONMENT_FILE_EXTENSION: &str = ".env";

/// One file of environment variables (ECS `EnvironmentFile`).
///
/// A line is `NAME=VALUE`, split at the first `=`. A line that starts with `#`, has no `=` or has nothing before it is skipped. Nothing
/// is trimmed, no quote has a meaning, and nothing is replaced in a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentFile {
    /// Where the file is: `file` is a file of this host, which ECS does not have. `s3` is known and refused.
    #[serde(rename = "type")]
    pub kind: EnvironmentFileType,
    /// The path of the file, which ends in `.env`: relative to the directory of the manifest and then within the directory of
    /// manifests, or absolute.
    #[schemars(length(min = 1))]
    pub value: String,
}

/// Where an environment file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentFileType {
    /// An object of Amazon S3.
    S3,
    /// A file of this host.
    File,
}
