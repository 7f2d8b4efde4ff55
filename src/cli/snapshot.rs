//! `reconcile snapshot`: what the engine is running, to be compared with elsewhere.

use super::exit::{self, Exit};
use super::output::Output;
use super::{SnapshotArguments, converge, dry_run};
use crate::desired::DesiredState;
use crate::engine::docker::ReadOnlyDocker;
use crate::engine::{EngineError, Observe};
use crate::observed::snapshot::Snapshot;
use crate::observed::{ContainerId, ObservedState, Phase};
use crate::ownership::Source;

pub(super) fn run(arguments: &SnapshotArguments, output: &Output) -> Result<u8, Exit> {
    let engine = ReadOnlyDocker::new(arguments.engine.endpoint()?);
    let observed = converge::runtime(false)?
        .block_on(look_at_all(&engine))
        .map_err(|error| Exit::new(exit::UNREACHABLE, error))?;
    let snapshot = Snapshot::of(engine.describe(), observed);
    output.print(&format!("{}\n", serde_json::to_string_pretty(&snapshot)?));
    Ok(exit::DONE)
}

/// Whoever reads the snapshot cannot ask again: whatever a list does not tell is asked now.
async fn look_at_all<E: Observe>(engine: &E) -> Result<ObservedState, EngineError> {
    let nothing = DesiredState {
        source: Source::new(""),
        adopted: std::collections::BTreeSet::new(),
        clusters: std::collections::BTreeMap::new(),
        retry_since: None,
    };
    let mut observed = dry_run::observe(engine, &nothing).await?;
    let unclear = observed.containers.values().filter(|container| match container.phase {
        Phase::CreatedOrFailed | Phase::Exited { exit: None } => true,
        Phase::Created
        | Phase::StartFailed { .. }
        | Phase::Running { .. }
        | Phase::Paused
        | Phase::Exited { exit: Some(_) }
        | Phase::Removing => false,
    });
    let unclear: Vec<ContainerId> = unclear.map(|container| container.id.clone()).collect();
    for id in unclear {
        match engine.inspect(&id.0).await? {
            Some(container) => observed.containers.insert(id, container),
            None => observed.containers.remove(&id),
        };
    }
    Ok(observed)
}
