//! `reconcile stop`: ends one task in order. What it belongs to decides what comes after.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::mpsc;

use super::exit::{self, Exit};
use super::named::{Found, find_task};
use super::output::Output;
use super::report::Progress;
use super::scope::{Scope, Scoped};
use super::{Engine, converge, notes, signals};
use crate::desired::TaskSpec;
use crate::desired::standalone::{Wish, desire_tasks};
use crate::engine::Observe;
use crate::engine::docker::Docker;
use crate::observed::ObservedContainer;
use crate::ownership::TaskKey;
use crate::watch::{Ending, Loop, Until};

/// Ends one task.
#[derive(Debug, Args)]
pub(super) struct StopArguments {
    /// The id of the task or the beginning of it, or CLUSTER/SERVICE/SLOT; `reconcile tasks` shows them.
    #[arg(value_name = "TASK")]
    task: String,
    /// Why; `run` and `tasks` tell it.
    #[arg(long, value_name = "TEXT", value_parser = parse_reason, default_value = notes::REASON_DEFAULT)]
    reason: String,
    #[command(flatten)]
    engine: Engine,
}

/// The reason of a stop. Source of the limit: ECS `StopTask`.
fn parse_reason(text: &str) -> Result<String, String> {
    match text.chars().count() {
        length if length > notes::REASON_LENGTH_MAX => {
            Err(format!("it has {length} characters, and at most {} are accepted", notes::REASON_LENGTH_MAX))
        }
        _ => Ok(text.to_owned()),
    }
}

/// What a task is made of, as far as its labels tell.
fn spec_of(found: &Found) -> TaskSpec {
    let specs = found.containers.iter().filter_map(ObservedContainer::read_spec);
    TaskSpec {
        family: found.containers[0].identity.family.clone(),
        revision: found.key.revision,
        containers: specs.cloned().collect(),
    }
}

pub(super) fn run(arguments: &StopArguments, output: &Output) -> Result<u8, Exit> {
    let endpoint = arguments.engine.endpoint()?;
    converge::runtime(false)?.block_on(async {
        let engine = Arc::new(Docker::new(endpoint));
        let listing = engine.list().await.map_err(|error| Exit::new(exit::UNREACHABLE, error))?;
        let found = find_task(&arguments.task, listing.containers)?;
        let id = found.key.id();
        if !found.runs() {
            output.say(&format!("Task {id} has stopped already."));
            return Ok(exit::DONE);
        }
        let is_standalone = found.source.is_standalone();
        if !is_standalone {
            let TaskKey { cluster, service, .. } = &found.key;
            output.say(&format!("Task {id} belongs to service {cluster}/{service}, which will replace it."));
        }
        notes::write(id, &arguments.reason);
        let ending = stop(engine, &found, output).await?;
        conclude(&ending, output, &format!("Task {id} has stopped."))
    })
}

async fn stop(engine: Arc<Docker>, found: &Found, output: &Output) -> Result<Ending, Exit> {
    let Found { key, source, .. } = found;
    let scoped = Arc::new(Scoped::new(engine, Scope::Task(key.clone())));
    let names = BTreeSet::from([key.service.clone()]);
    let task = Arc::new(spec_of(found));
    let desired = Arc::new(desire_tasks(source.clone(), &key.cluster, &names, &task, Wish::End, true));
    let (notices, inbox) = mpsc::channel(1);
    signals::forward(notices)?;
    let mut progress = Progress::new(output);
    let mut run = Loop::new(scoped, desired, converge::limits(), &mut progress, inbox);
    let ending = run.run(Until::Steady(Duration::MAX), Box::new(|_, _| Ok(()))).await;
    drop(run);
    progress.finish();
    Ok(ending)
}

fn conclude(ending: &Ending, output: &Output, done: &str) -> Result<u8, Exit> {
    match ending {
        Ending::Converged => {
            output.say(done);
            Ok(exit::DONE)
        }
        Ending::Failed(services) => {
            let waits = services.iter().flat_map(|service| &service.waits);
            let lines: Vec<_> = waits.map(|waiting| format!("  {waiting}")).collect();
            Err(Exit::because(exit::RUNTIME, format!("the task could not be stopped\n{}", lines.join("\n"))))
        }
        Ending::TimedOut(plan) => {
            Err(Exit::because(exit::RUNTIME, format!("the task was not stopped in time\n{plan}")))
        }
        Ending::Unreachable(error) => Err(Exit::new(exit::UNREACHABLE, error.clone())),
        Ending::Refused(refusal) => Err(Exit::because(exit::REFUSED, refusal.reason.clone())),
        Ending::Signalled(signal) => Ok(signal.exit_code()),
    }
}
