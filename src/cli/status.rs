//! `reconcile status`: what runs, whether it is well, and why not.

use std::path::PathBuf;

use super::exit::{self, Exit};
use super::output::Output;
use super::project::{Project, Reading};
use super::render::status::{render_status, render_status_json};
use super::{Format, StatusArguments, converge, dry_run};
use crate::desired::DesiredState;
use crate::engine::Observe;
use crate::engine::docker::ReadOnlyDocker;
use crate::load::secrets::Need;
use crate::observed::{Health, ObservedContainer, ObservedState, Phase};
use crate::plan::assume::assume_secrets;
use crate::plan::plan;
use crate::status::{Used, status};

/// How many ended tasks are looked at closely: those that are shown, and a few to choose from.
const ENDED_MAX: usize = 24;

/// The directory that is compared with when none is named and it exists.
const DIRECTORY_DEFAULT: &str = "manifests";

pub(super) fn run(arguments: &StatusArguments, output: &Output) -> Result<u8, Exit> {
    let endpoint = arguments.engine.endpoint()?;
    let desired = read_desired(arguments, output)?;
    let engine = ReadOnlyDocker::new(endpoint);
    let nothing = || DesiredState {
        source: crate::ownership::Source::new(""),
        adopted: std::collections::BTreeSet::new(),
        clusters: std::collections::BTreeMap::new(),
        retry_since: None,
    };
    let looked = converge::runtime(false)?.block_on(async {
        let mut observed = dry_run::observe(&engine, desired.as_ref().unwrap_or(&nothing())).await?;
        look_at_ended(&engine, &mut observed).await?;
        let used = if arguments.usage { Some(measure(&engine, &observed).await) } else { None };
        Ok((observed, used))
    });
    let (observed, used): (ObservedState, Option<Used>) =
        looked.map_err(|error: crate::engine::EngineError| Exit::new(exit::UNREACHABLE, error))?;
    let desired = desired.map(|desired| assume_secrets(&desired, &observed).0);
    let plan = desired.as_ref().map(|desired| plan(desired, &observed));
    let mut status = status(desired.as_ref(), &observed, plan.as_ref());
    if let Some(host) = &mut status.host {
        host.used = used;
    }
    match arguments.output {
        Format::Text => output.print(&render_status(&status, &engine.describe(), output.data)),
        Format::Json => output.print(&render_status_json(&status)),
    }
    Ok(exit::DONE)
}

/// What the manifests ask for; `None` when there are none to compare with.
fn read_desired(arguments: &StatusArguments, output: &Output) -> Result<Option<DesiredState>, Exit> {
    let directory = match &arguments.directory {
        Some(directory) => directory.clone(),
        None if PathBuf::from(DIRECTORY_DEFAULT).is_dir() => PathBuf::from(DIRECTORY_DEFAULT),
        None => return Ok(None),
    };
    let reading = Reading { secrets: arguments.secrets.secrets(), need: Need::Comparison, since: None };
    let project = Project::read(&directory, &reading);
    if project.errors() == 0 {
        return Ok(Some(project.desired));
    }
    if arguments.directory.is_some() {
        return converge::read_valid(&directory, &reading, output).map(|project| Some(project.desired));
    }
    output.say(&format!("warning: {} is not valid, so nothing is compared with it", directory.display()));
    Ok(None)
}

/// Measures what all containers of ours use.
async fn measure(engine: &ReadOnlyDocker, observed: &ObservedState) -> Used {
    let running = observed.containers.values().filter(|one| matches!(one.phase, Phase::Running { .. } | Phase::Paused));
    let running: Vec<_> = running.map(|container| container.id.clone()).collect();
    let (resources, containers) = engine.usage(&running).await;
    Used { resources, containers }
}

/// A list does not tell how a container ended, nor what a failed check said; for the latest ones it is worth a question.
async fn look_at_ended<E: Observe>(engine: &E, observed: &mut ObservedState) -> Result<(), crate::engine::EngineError> {
    let worth_a_look = |container: &&ObservedContainer| {
        // What we asked ourselves has said why already, and the engine knows nothing of it.
        matches!(container.phase, Phase::Exited { exit: None })
            || container.health == Health::Unhealthy && container.health_output.is_none()
    };
    let ended = observed.containers.values().filter(worth_a_look);
    let mut ended: Vec<_> = ended.map(|container| (container.created_at, container.id.clone())).collect();
    ended.sort_by(|a, b| b.cmp(a));
    for (_, id) in ended.into_iter().take(ENDED_MAX) {
        if let Some(container) = engine.inspect(&id.0).await? {
            observed.containers.insert(id, container);
        }
    }
    Ok(())
}
