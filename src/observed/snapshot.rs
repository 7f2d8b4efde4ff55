//! What was observed, as a file: made on the host, and compared with where there is no engine.
//!
//! It holds what the labels hold, and no more of a value than they do. What programs printed is left out: it may be anything.

use serde::{Deserialize, Serialize};

use super::{Exit, Neighbour, ObservedContainer, ObservedState, Phase};
use crate::ownership::RecordedSpec;

/// The version of the form: minor numbers only add.
pub const FORMAT_VERSION: &str = "1.0";

/// What the document says that it is.
pub const KIND: &str = "Snapshot";

/// What was observed, and of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The version of the form.
    pub format_version: String,
    /// [`KIND`].
    pub kind: String,
    /// The release that wrote it.
    pub reconcile_version: String,
    /// The engine, for people.
    pub engine: String,
    /// What it showed.
    pub observed: ObservedState,
}

/// Why a text is no snapshot that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It is something else.
    #[error("it is no snapshot: {0}; `reconcile snapshot` makes one on the host")]
    Other(String),
    /// A later release wrote it.
    #[error("reconcile {version} wrote it, in the form {form}, which this release cannot read")]
    Later {
        /// The release.
        version: String,
        /// The version of its form.
        form: String,
    },
}

/// What every document says of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    format_version: String,
    #[serde(default)]
    reconcile_version: String,
}

impl Snapshot {
    /// What `engine` showed, without what is nobody's business.
    pub fn of(engine: String, mut observed: ObservedState) -> Self {
        observed.containers.values_mut().for_each(redact_container);
        observed.neighbours.values_mut().for_each(redact_neighbour);
        Self {
            format_version: FORMAT_VERSION.to_owned(),
            kind: KIND.to_owned(),
            reconcile_version: env!("CARGO_PKG_VERSION").to_owned(),
            engine,
            observed,
        }
    }

    /// Reads what [`Snapshot`] was written as.
    pub fn parse(text: &str) -> Result<Self, SnapshotError> {
        let other = |error: serde_json::Error| SnapshotError::Other(error.to_string());
        let head: Head = serde_json::from_str(text).map_err(other)?;
        if head.kind != KIND {
            let kind = if head.kind.is_empty() {
                "its `kind` is missing".to_owned()
            } else {
                format!("its `kind` is {}", head.kind)
            };
            return Err(SnapshotError::Other(kind));
        }
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        if major(&head.format_version) != major(FORMAT_VERSION) {
            return Err(SnapshotError::Later { version: head.reconcile_version, form: head.format_version });
        }
        serde_json::from_str(text).map_err(other)
    }
}

/// A release before this one may have let more into its labels.
fn redact_spec(spec: &mut Option<RecordedSpec>) {
    *spec = spec.as_ref().and_then(RecordedSpec::read).map(|read| RecordedSpec::of(read));
}

fn redact_container(container: &mut ObservedContainer) {
    let ObservedContainer {
        id: _,
        name: _,
        identity: _,
        spec,
        phase,
        health: _,
        health_output,
        readiness: _,
        readiness_output,
        address: _,
        created_at: _,
        ports: _,
    } = container;
    redact_spec(spec);
    redact_phase(phase);
    (*health_output, *readiness_output) = (None, None);
}

fn redact_neighbour(neighbour: &mut Neighbour) {
    let Neighbour { task: _, source: _, spec, phase, created_at: _, ports: _ } = neighbour;
    redact_spec(spec);
    redact_phase(phase);
}

fn redact_phase(phase: &mut Phase) {
    match phase {
        Phase::Exited { exit: Some(Exit { health_output, .. }) } => *health_output = None,
        Phase::Exited { exit: None }
        | Phase::CreatedOrFailed
        | Phase::Created
        | Phase::StartFailed { .. }
        | Phase::Running { .. }
        | Phase::Paused
        | Phase::Removing => {}
    }
}

#[cfg(test)]
mod tests;
