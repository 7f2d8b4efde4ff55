//! The values that a label leaves out, read from a container that has them: for a task whose spec was read from a label.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::INSPECT;
use super::connection::{CallError, Connection};
use super::perform::No;
use crate::desired::ContainerSpec;
use crate::ownership::SENSITIVE;
use crate::plan::{FailureKind, NewContainer};

/// The same container with every value that its spec leaves out.
pub(super) async fn complete<'a>(connection: &Connection, new: &'a NewContainer) -> Result<Cow<'a, NewContainer>, No> {
    let Some(source) = new.values_from.as_ref().filter(|_| lacks_values(&new.spec)) else {
        return Ok(Cow::Borrowed(new));
    };
    let answer = connection.get(INSPECT, &format!("/containers/{}/json", source.0)).await;
    let answer = answer.map_err(|error| {
        if matches!(error, CallError::Refused { status: 404, .. }) {
            let message = format!("container {} is gone, and only it had the values", source.short());
            return No::failed(FailureKind::Gone, message);
        }
        No::of_question(connection, INSPECT, error)
    })?;
    let held = serde_json::from_slice::<Held>(&answer).map_err(|error| {
        No::failed(
            FailureKind::Engine,
            format!("the environment of container {} cannot be read: {error}", source.short()),
        )
    })?;
    let mut completed = new.clone();
    held.add_to(Arc::make_mut(&mut completed.spec));
    if lacks_values(&completed.spec) {
        let message = format!("container {} does not have every value that the task needs", source.short());
        return Err(No::failed(FailureKind::Refused, message));
    }
    Ok(Cow::Owned(completed))
}

fn lacks_values(spec: &ContainerSpec) -> bool {
    let options = spec.options.log_configuration.iter().flat_map(|log| log.options.values());
    spec.environment.values().chain(options).any(|value| value == SENSITIVE)
}

/// What a container was made with, as far as labels leave it out.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Held {
    config: HeldConfig,
    host_config: HeldHostConfig,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct HeldConfig {
    env: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct HeldHostConfig {
    log_config: HeldLogConfig,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct HeldLogConfig {
    config: Option<BTreeMap<String, String>>,
}

impl Held {
    fn add_to(&self, spec: &mut ContainerSpec) {
        let environment = self.config.env.iter().flatten().filter_map(|variable| variable.split_once('='));
        let environment: BTreeMap<&str, &str> = environment.collect();
        for (name, value) in spec.environment.iter_mut().filter(|(_, value)| *value == SENSITIVE) {
            if let Some(held) = environment.get(name.as_str()) {
                (*held).clone_into(value);
            }
        }
        let options = spec.options.log_configuration.iter_mut().flat_map(|log| &mut log.options);
        for (name, value) in options.filter(|(_, value)| *value == SENSITIVE) {
            if let Some(held) = self.host_config.log_config.config.as_ref().and_then(|config| config.get(name)) {
                held.clone_into(value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
