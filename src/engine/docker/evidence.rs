//! The last words of a container as they may be kept on a disk: without the values that it was given and nobody else should read.
//!
//! The engine shows what a container was given as variables and as options of its log driver; a secret that is a file is read from the
//! memory that it was mounted from. Where one of them cannot be read nothing is told at all.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::secrets::COVERED_CHARS_MIN;
use super::{CallError, INSPECT, ReadOnlyDocker};
use crate::bounded::read_bounded;
use crate::desired::ContainerSpec;
use crate::engine::{EngineError, Evidence, Observe};
use crate::observed::ContainerId;
use crate::ownership::SENSITIVE;
use crate::sensitive::is_sensitive;

/// A larger file is no secret that could be covered in a line.
const FILE_BYTES_MAX: usize = 1 << 20;

/// What the engine shows of a container that was given values.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    config: GivenConfig,
    #[serde(default)]
    host_config: GivenHostConfig,
    #[serde(default)]
    mounts: Vec<GivenMount>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenConfig {
    env: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GivenHostConfig {
    log_config: GivenLogConfig,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GivenLogConfig {
    config: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct GivenMount {
    source: String,
    destination: String,
}

impl ReadOnlyDocker {
    /// The last lines of a container, and `texts` about it, with the values covered.
    pub(super) async fn covered_evidence(
        &self,
        id: &ContainerId,
        lines: usize,
        texts: Vec<String>,
    ) -> Result<Option<Evidence>, EngineError> {
        let Some(container) = self.inspect(&id.0).await? else { return Ok(None) };
        let path = format!("/containers/{}/json", id.0);
        let given = match self.connection.get(INSPECT, &path).await {
            Ok(answer) => serde_json::from_slice::<Given>(&answer).ok(),
            Err(CallError::Refused { status: 404, .. }) => None,
            Err(error) => return Err(error.into_engine_error(INSPECT, self.connection.endpoint())),
        };
        let (Some(given), Some(spec)) = (given, container.read_spec()) else { return Ok(None) };
        let Some(values) = values(&given, spec) else { return Ok(None) };
        let log = self.log_tail(id, lines).await?;
        let cover_all = |texts: Vec<String>| texts.into_iter().map(|text| cover(text, &values)).collect();
        Ok(Some(Evidence { log: cover_all(log), texts: cover_all(texts) }))
    }
}

/// The values that nobody else should read, the longest first; `None` when one of them cannot be read.
fn values(given: &Given, spec: &ContainerSpec) -> Option<Vec<String>> {
    let mut values = Vec::new();
    let variables = given.config.env.iter().flatten().filter_map(|variable| variable.split_once('='));
    let is_secret = |name: &str| spec.secrets.iter().any(|secret| secret.file.is_none() && secret.name == name);
    values.extend(
        variables
            .filter(|(name, value)| is_secret(name) || is_sensitive(name, value))
            .map(|(_, value)| value.to_owned()),
    );
    let secret_options = spec.options.log_configuration.iter().flat_map(|log| &log.secret_options);
    let options = given.host_config.log_config.config.as_ref();
    values.extend(secret_options.filter_map(|option| options?.get(&option.name)).cloned());
    for file in spec.secrets.iter().filter_map(|secret| secret.file.as_ref()) {
        let mount = given.mounts.iter().find(|mount| mount.destination == file.path)?;
        let bytes = read_bounded(Path::new(&mount.source), FILE_BYTES_MAX).ok()?;
        values.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    // A log is kept in lines, so a value of several is looked for line by line.
    let mut lines: Vec<String> =
        values.iter().flat_map(|value| value.lines()).map(|line| line.trim().to_owned()).collect();
    lines.retain(|line| line.chars().count() >= COVERED_CHARS_MIN);
    lines.sort_by_key(|line| std::cmp::Reverse(line.len()));
    lines.dedup();
    Some(lines)
}

fn cover(text: String, values: &[String]) -> String {
    values.iter().fold(text, |text, value| text.replace(value.as_str(), SENSITIVE))
}

#[cfg(test)]
mod tests;
