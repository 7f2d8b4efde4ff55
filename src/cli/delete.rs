//! `reconcile delete`: stops and removes what a directory declared.
//!
//! It is a convergence towards nothing, on an engine of which only that part is seen which is to go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::exit::{self, Exit};
use super::output::Output;
use super::report::Progress;
use super::scope::{Scope, Scoped};
use super::{DeleteArguments, converge, signals, volumes};
use crate::desired::DesiredState;
use crate::engine::Observe;
use crate::engine::docker::Docker;
use crate::lock::Locks;
use crate::ownership::Source;
use crate::secret::{Providers, Secrets};
use crate::source::source_of;
use crate::state::Directories;
use crate::value::{ClusterName, ServiceName};
use crate::watch::{Ending, Loop, Until};

pub(super) fn run(arguments: &DeleteArguments, output: &Output) -> Result<u8, Exit> {
    let scope = read_scope(arguments)?;
    let directory = &arguments.directory.directory;
    let source = source_of(directory).map_err(|error| {
        let sentence =
            format!("cannot read {}: {error}; its name says whose containers may be deleted", directory.display());
        Exit::because(exit::INVALID, sentence)
    })?;
    let endpoint = arguments.engine.endpoint()?;
    converge::runtime(false)?.block_on(async {
        let mut locks = Locks::new(&endpoint.identity());
        // No secret is looked up, but the files of secrets go with their containers.
        let secrets = Arc::new(Secrets::new(Providers::default(), Directories::of_this_process()));
        let engine = Arc::new(Docker::new(endpoint).with_secrets(secrets));
        let scoped = Scoped::new(engine.clone(), scope);
        let clusters = clusters_in(&scoped, &source).await?;
        locks.hold_exactly(&clusters).await.map_err(converge::refuse_lock)?;
        let ending = delete(Arc::new(scoped.clone()), source.clone(), arguments, output).await?;
        let code = conclude(ending, output)?;
        if code == exit::DONE && arguments.volumes {
            remove_volumes(&scoped, &source, output).await?;
        }
        if code == exit::DONE {
            output.say(if clusters.is_empty() { "Nothing of this directory is there." } else { "Deleted." });
        }
        Ok(code)
    })
}

fn read_scope(arguments: &DeleteArguments) -> Result<Scope, Exit> {
    let usage = |sentence: String| Exit::because(exit::USAGE, sentence);
    if let Some(text) = &arguments.service {
        let names = text
            .split_once('/')
            .and_then(|(cluster, service)| Some((ClusterName::new(cluster).ok()?, ServiceName::new(service).ok()?)));
        let (cluster, service) =
            names.ok_or_else(|| usage(format!("`{text}` is not CLUSTER/SERVICE, such as shop/web")))?;
        return Ok(Scope::Service(cluster, service));
    }
    match &arguments.cluster {
        Some(text) => {
            let cluster = ClusterName::new(text).map_err(|error| usage(format!("`{text}` is no cluster: {error}")))?;
            Ok(Scope::Cluster(cluster))
        }
        None => Ok(Scope::All),
    }
}

/// The clusters in which something of the source is to be deleted.
async fn clusters_in(engine: &Scoped<Docker>, source: &Source) -> Result<BTreeSet<ClusterName>, Exit> {
    let listing = engine.list().await.map_err(|error| Exit::new(exit::UNREACHABLE, error))?;
    let of_containers = listing.containers.into_iter().map(|container| container.identity);
    let of_containers =
        of_containers.filter(|identity| identity.source == *source).map(|identity| identity.task.cluster);
    let of_networks =
        listing.networks.into_iter().filter(|network| network.source == *source).map(|network| network.cluster);
    let of_volumes = listing.volumes.into_iter().filter(|volume| volume.source == *source).map(|volume| volume.cluster);
    Ok(of_containers.chain(of_networks).chain(of_volumes).collect())
}

async fn delete(
    engine: Arc<Scoped<Docker>>,
    source: Source,
    arguments: &DeleteArguments,
    output: &Output,
) -> Result<Ending, Exit> {
    let nothing = DesiredState { source, adopted: BTreeSet::new(), clusters: BTreeMap::new(), retry_since: None };
    let (notices, inbox) = mpsc::channel(1);
    signals::forward(notices)?;
    let mut progress = Progress::new(output);
    let mut run = Loop::new(engine, Arc::new(nothing), converge::limits(), &mut progress, inbox);
    // Whoever names what is to be deleted need not be asked whether it is meant.
    let ending = run.run(Until::Steady(arguments.timeout), Box::new(|_, _| Ok(()))).await;
    drop(run);
    progress.finish();
    Ok(ending)
}

fn conclude(ending: Ending, output: &Output) -> Result<u8, Exit> {
    match ending {
        Ending::Converged => Ok(exit::DONE),
        Ending::Failed(services) => {
            let waits = services.iter().flat_map(|service| &service.waits);
            let lines: Vec<_> = waits.map(|waiting| format!("  {waiting}")).collect();
            output.say(&format!("error: not everything could be deleted\n{}", lines.join("\n")));
            Ok(exit::RUNTIME)
        }
        Ending::TimedOut(plan) => {
            output.say(&format!("error: not everything was deleted in time; run it again to go on\n{plan}"));
            Ok(exit::RUNTIME)
        }
        Ending::Unreachable(error) => Err(Exit::new(exit::UNREACHABLE, error)),
        Ending::Refused(refusal) => Err(Exit::because(exit::REFUSED, refusal.reason)),
        Ending::Signalled(signal) => Ok(signal.exit_code()),
    }
}

async fn remove_volumes(engine: &Scoped<Docker>, source: &Source, output: &Output) -> Result<(), Exit> {
    let listing = engine.list().await.map_err(|error| Exit::new(exit::UNREACHABLE, error))?;
    for volume in listing.volumes.into_iter().filter(|volume| volume.source == *source) {
        volumes::remove(engine, &volume.cluster, &volume.name).await?;
        output.say(&format!("removed volume {}", volume.name));
    }
    Ok(())
}
