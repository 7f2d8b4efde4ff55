//! `reconcile tasks`: every task, of a service or on its own, that runs or has stopped lately.

use std::sync::Arc;

use clap::Args;
use futures_util::StreamExt;

use super::exit::{self, Exit};
use super::output::Output;
use super::render::tasks::{render_tasks, render_tasks_json};
use super::{Engine, Format, converge, housekeeping, notes};
use crate::clock;
use crate::engine::docker::{Docker, ReadOnlyDocker};
use crate::engine::{EngineError, Observe};
use crate::observed::{ObservedState, Phase};
use crate::plan::expire::{ENDED_KEPT, ENDED_MAX};
use crate::plan::lifecycle::LastStatus;
use crate::secret::{Providers, Secrets};
use crate::state::Directories;
use crate::status::task::{Circumstances, TaskReport, read_tasks};
use crate::value::Timestamp;
use crate::watch::Ending;

/// How many questions are under way at once. The engine answers hundreds in a second; more in flight only wait for each other.
const QUESTIONS_MAX: usize = 8;

/// How many stopped containers are looked at closely: those of all tasks on their own, and of services as many again.
const STOPPED_MAX: usize = 2 * ENDED_MAX;

/// Shows every task.
#[derive(Debug, Args)]
pub(super) struct TasksArguments {
    #[command(flatten)]
    engine: Engine,
    /// Only those of this cluster.
    #[arg(long, value_name = "CLUSTER")]
    cluster: Option<String>,
    /// Also those that stopped more than three hours ago.
    #[arg(long)]
    all: bool,
    /// Remove what is left of tasks on their own that stopped more than three hours ago, and of their networks those that nobody uses.
    #[arg(long, conflicts_with_all = ["cluster", "all"])]
    prune: bool,
    /// How it is printed.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "text")]
    output: Format,
}

pub(super) fn run(arguments: &TasksArguments, output: &Output) -> Result<u8, Exit> {
    let endpoint = arguments.engine.endpoint()?;
    converge::runtime(false)?.block_on(async {
        if arguments.prune {
            // No secret is looked up, but the files of secrets go with their containers.
            let secrets = Arc::new(Secrets::new(Providers::default(), Directories::of_this_process()));
            let ending = housekeeping::tidy(Arc::new(Docker::new(endpoint.clone()).with_secrets(secrets)), true).await;
            match ending {
                Ending::Unreachable(error) => return Err(Exit::new(exit::UNREACHABLE, error)),
                Ending::Failed(services) => {
                    let waits = services.iter().flat_map(|service| &service.waits);
                    waits.for_each(|waiting| output.say(&format!("warning: {waiting}")));
                }
                Ending::Converged | Ending::TimedOut(_) | Ending::Refused(_) | Ending::Signalled(_) => {}
            }
        }
        let engine = ReadOnlyDocker::new(endpoint);
        let observed = observe(&engine).await.map_err(|error| Exit::new(exit::UNREACHABLE, error))?;
        let mut tasks = read_tasks(&observed, |key, _| Circumstances {
            stopped_because: notes::read(key.id()),
            ..Circumstances::default()
        });
        tasks.retain(|task| is_shown(task, arguments, observed.at));
        tasks.sort_by_key(|task| {
            let is_over = task.last_status == LastStatus::Stopped;
            (is_over, std::cmp::Reverse(task.stopped_at), task.cluster.clone(), task.place.clone())
        });
        match arguments.output {
            Format::Text => output.print(&render_tasks(&tasks, observed.at, output.data)),
            Format::Json => output.print(&render_tasks_json(&tasks)),
        }
        Ok(exit::DONE)
    })
}

fn is_shown(task: &TaskReport, arguments: &TasksArguments, at: Timestamp) -> bool {
    let is_recent = task.last_status != LastStatus::Stopped
        || task.stopped_at.or(task.created_at).is_some_and(|then| at.since(then) <= ENDED_KEPT);
    (arguments.all || is_recent) && arguments.cluster.as_ref().is_none_or(|name| task.cluster.as_str() == name)
}

/// Looks at everything, and closely at what has stopped: a list does not tell how it ended.
async fn observe<E: Observe>(engine: &E) -> Result<ObservedState, EngineError> {
    let listing = engine.list().await?;
    let containers = listing.containers.into_iter().map(|container| (container.id.clone(), container));
    let mut observed = ObservedState { at: clock::now(), containers: containers.collect(), ..ObservedState::default() };
    let unclear = observed
        .containers
        .values()
        .filter(|container| matches!(container.phase, Phase::Exited { exit: None } | Phase::CreatedOrFailed));
    let mut unclear: Vec<_> = unclear.map(|container| (container.created_at, container.id.clone())).collect();
    unclear.sort_by(|a, b| b.cmp(a));
    let questions = unclear.into_iter().take(STOPPED_MAX).map(|(_, id)| async move {
        let found = engine.inspect(&id.0).await;
        (id, found)
    });
    let mut answers = futures_util::stream::iter(questions).buffer_unordered(QUESTIONS_MAX);
    while let Some((id, found)) = answers.next().await {
        match found? {
            Some(container) => observed.containers.insert(id, container),
            None => observed.containers.remove(&id),
        };
    }
    Ok(observed)
}
