//! `reconcile protect`: spares a task.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;

use super::exit::{self, Exit};
use super::named::{Found, find_task};
use super::output::Output;
use super::{Engine, converge, parse_duration, volumes};
use crate::clock;
use crate::engine::docker::Docker;
use crate::engine::{Listing, Observe, Perform};
use crate::ownership::{Asked, Intervention};

/// How long a task may be protected. Source: ECS `UpdateTaskProtection`.
const TIME_MIN: Duration = Duration::from_mins(1);
const TIME_MAX: Duration = Duration::from_hours(48);

const AFTER_HELP: &str = "\
Examples:
  reconcile protect shop/worker/0 --for 60m     let the job that it works on come to its end
  reconcile protect 8e57aee1c0b4                for two hours
  reconcile protect 8e57aee1c0b4 --off          not any more

A deployment goes on beside a protected task, as far as maximumPercent and its host ports allow, and ends when the time is up. A task that dies or
falls sick is replaced all the same, and `reconcile stop` and `reconcile delete` end it.";

/// Spares a task.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ProtectArguments {
    /// The id of the task or the beginning of it, or CLUSTER/SERVICE/SLOT; `reconcile tasks` shows them.
    #[arg(value_name = "TASK")]
    task: String,
    /// For how long: 1m to 48h.
    #[arg(long = "for", value_name = "TIME", default_value = "2h", value_parser = parse_time)]
    time: Duration,
    /// End its protection.
    #[arg(long, conflicts_with = "time")]
    off: bool,
    #[command(flatten)]
    engine: Engine,
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text)?;
    if (TIME_MIN..=TIME_MAX).contains(&time) {
        return Ok(time);
    }
    Err(format!("expected 1m to 48h, found `{text}`"))
}

pub(super) fn run(arguments: &ProtectArguments, output: &Output) -> Result<u8, Exit> {
    let endpoint = arguments.engine.endpoint()?;
    converge::runtime(false)?.block_on(async {
        let engine = Docker::new(endpoint);
        let listing = engine.list().await.map_err(|error| Exit::new(exit::UNREACHABLE, error))?;
        let found = find_task(&arguments.task, listing.containers.clone())?;
        let before = protections(&listing, &found);
        let id = found.key.id();
        if arguments.off {
            remove(&engine, &found, &before).await?;
            let said = if before.is_empty() { "was not protected" } else { "is not protected any more" };
            output.say(&format!("Task {id} {said}."));
            return Ok(exit::DONE);
        }
        if found.source.is_standalone() || !found.runs() {
            let sentence = format!("task {id} is no running task of a service: nothing would end it");
            return Err(Exit::because(exit::RUNTIME, sentence));
        }
        let at = clock::now();
        let until = at.after(arguments.time);
        let asked = Asked::Protection { task: found.key.clone(), until };
        let intervention = Intervention { service: found.key.service.clone(), at, asked };
        let written = engine.intervene(&found.key.cluster, &found.source, &intervention).await;
        written.map_err(|error| Exit::new(exit::UNREACHABLE, error))?;
        remove(&engine, &found, &before).await?;
        output.say(&format!("Task {id} is protected until {until}."));
        Ok(exit::DONE)
    })
}

/// The volumes that protect a task already.
fn protections(listing: &Listing, found: &Found) -> BTreeSet<String> {
    let ours = listing.volumes.iter().filter(|volume| volume.source == found.source);
    let protecting = ours.filter(|volume| {
        let asked = volume.intervention.as_ref().map(|intervention| &intervention.asked);
        matches!(asked, Some(Asked::Protection { task, .. }) if *task == found.key)
    });
    protecting.map(|volume| volume.name.clone()).collect()
}

async fn remove(engine: &Docker, found: &Found, names: &BTreeSet<String>) -> Result<(), Exit> {
    for name in names {
        volumes::remove(engine, &found.key.cluster, name).await?;
    }
    Ok(())
}
