//! `reconcile run`: runs a task once, outside any service, and ends as it ended.
//!
//! It is a convergence like any other, towards a task that is wanted once, on an engine of which only that task is seen. It takes no
//! lock: the task's name is its own, so it never meets what anybody else does in the cluster.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::Args;
use tokio::sync::mpsc;

use super::exit::{self, Exit};
use super::output::Output;
use super::render::tasks::{ExitSource, RunReport, render_run, render_run_json};
use super::scope::{Scope, Scoped};
use super::{Engine, Format, SecretArguments, converge, housekeeping, notes, parse_duration, signals};
use crate::clock;
use crate::desired::standalone::{Wish, desire_tasks};
use crate::desired::{DesiredState, TaskSpec};
use crate::engine::Observe;
use crate::engine::docker::Docker;
use crate::image::near_names;
use crate::ownership::Source;
use crate::plan::lifecycle::{LastStatus, StopCode};
use crate::plan::{duration_text, expire};
use crate::secret::Secrets;
use crate::status::task::{TaskReport, exit_code};
use crate::value::{ClusterName, ServiceName, TaskId};
use crate::watch::{Ending, Gate, Loop, Notice, Signal, Until};

mod definition;
mod detach;
mod facts;
mod watched;

use facts::{Facts, Watcher};
use watched::Watched;

/// The exit code of a run whose time was up. Source: `timeout(1)`.
const TIMED_OUT: u8 = 124;

/// How many notices may wait for the loop.
const NOTICES_MAX: usize = 16;

/// How long what a task that could not start has left behind may take to go.
const REMAINS_LIMIT: Duration = Duration::from_mins(2);

const AFTER_HELP: &str = "\
Examples:
  reconcile run migrate                             the task definition `migrate` of ./manifests, once
  reconcile run deploy/jobs.yaml#report --rm        one of several in a file; nothing is left of it
  reconcile run migrate -e DRY_RUN=1 -- migrate --all
  reconcile run migrate --logs                      with what it writes

Exit code: 0 when every essential container ended with 0; otherwise the code of the first that did not. 124 when --timeout ended it,
130 or 143 after a signal. A task that could not start ends with 4, and the other codes of `reconcile --help` mean what they mean
there; `exitCodeFrom` of `-o json` tells the code of a container from one of ours.";

/// Runs a task once.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct RunArguments {
    /// The family of a task definition in DIR, or a file that holds one; FILE#FAMILY where it holds several.
    #[arg(value_name = "FILE-OR-FAMILY")]
    what: String,
    /// The directory of manifests in which a family is looked up.
    #[arg(long = "dir", value_name = "DIR", default_value = "manifests", env = "RECONCILE_DIR")]
    directory: PathBuf,
    #[command(flatten)]
    engine: Engine,
    #[command(flatten)]
    secrets: SecretArguments,
    /// The cluster whose network the containers join. Without it the only one that the manifests declare, or else `default`.
    #[arg(long, value_name = "CLUSTER")]
    cluster: Option<String>,
    /// How many tasks are run, 1 to 10.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10))]
    count: u32,
    /// What this run changes about the definition, as the JSON of ECS's `overrides`; `@FILE` reads it from a file.
    #[arg(long = "override", value_name = "JSON")]
    overrides: Option<String>,
    /// The container that gets the command after `--`. It need not be named where there is only one.
    #[arg(long, value_name = "CONTAINER", requires = "arguments")]
    command: Option<String>,
    /// A variable of the environment; the container need not be named where there is only one. May be repeated.
    #[arg(long = "env", short = 'e', value_name = "[CONTAINER:]NAME=VALUE")]
    environment: Vec<String>,
    /// Wait until the task has ended. So it does without being told.
    #[arg(long, conflicts_with = "detach")]
    wait: bool,
    /// End as soon as the task runs. What has to be seen to until it ends goes on in the background.
    #[arg(long, short = 'd')]
    detach: bool,
    /// This is the process in the background.
    #[arg(long, hide = true, requires = "detach")]
    supervised: bool,
    /// End the task when it has not ended after this long, such as 90s or 10m.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// Show what the containers write while they run, all of it: the result then goes to stderr. With `-o json` it is the other way round.
    #[arg(long, conflicts_with = "detach")]
    logs: bool,
    /// Remove the containers as soon as the task has ended. Without it they stay for three hours.
    #[arg(long)]
    rm: bool,
    /// How the result is printed.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "text")]
    output: Format,
    /// The command of a container, after `--`.
    #[arg(last = true, value_name = "COMMAND")]
    arguments: Vec<String>,
}

/// What is run.
#[derive(Clone)]
struct Job {
    cluster: ClusterName,
    task: Arc<TaskSpec>,
    names: BTreeSet<ServiceName>,
    keep_ended: bool,
}

impl Job {
    fn desired(&self, wish: Wish) -> DesiredState {
        desire_tasks(Source::standalone(), &self.cluster, &self.names, &self.task, wish, self.keep_ended)
    }

    fn ids(&self) -> impl Iterator<Item = TaskId> + '_ {
        self.names.iter().filter_map(ServiceName::standalone_id)
    }
}

/// Why a run asked its tasks to end.
#[derive(Debug, Clone, Copy)]
enum EndedBy {
    Signal(Signal),
    Timeout(Duration),
    /// The process in front is gone before the task ran.
    Abandoned,
}

impl EndedBy {
    fn reason(self) -> String {
        match self {
            Self::Signal(_) | Self::Abandoned => notes::REASON_DEFAULT.to_owned(),
            Self::Timeout(after) => format!("Task timed out after {}", duration_text(after)),
        }
    }
}

/// Asks the tasks to end, for the first reason that comes up.
#[derive(Clone)]
struct Stopper {
    because: Arc<OnceLock<EndedBy>>,
    end: Arc<DesiredState>,
    ids: Arc<Vec<TaskId>>,
}

impl Stopper {
    fn new(job: &Job) -> Self {
        let end = Arc::new(job.desired(Wish::End));
        Self { because: Arc::default(), end, ids: Arc::new(job.ids().collect()) }
    }

    /// The notice that ends the tasks.
    fn stop(&self, because: EndedBy) -> Notice {
        if self.because.set(because).is_ok() {
            self.ids.iter().for_each(|id| notes::write(*id, &because.reason()));
        }
        Notice::Desired(self.end.clone())
    }
}

pub(super) fn run(arguments: &RunArguments, output: &Output) -> Result<u8, Exit> {
    if arguments.detach && !arguments.supervised {
        return detach::start(output);
    }
    let endpoint = arguments.engine.endpoint()?;
    let secrets = arguments.secrets.secrets();
    let job = prepare(arguments, &secrets, output)?;
    converge::runtime(false)?.block_on(async {
        let engine = Arc::new(Docker::new(endpoint).with_secrets(secrets));
        converge::check_secret_files(&engine, &job.task)?;
        let scope = Scope::Standalone(job.cluster.clone(), job.names.clone());
        let scoped = Arc::new(Scoped::new(engine.clone(), scope));
        let code = run_job(&job, &scoped, arguments, output).await?;
        if expire::may_have_expired(scoped.rest(), clock::now()) {
            // That something else could not be tidied up is no failure of this run; the next one tries again.
            let _ = housekeeping::tidy(engine, false).await;
        }
        Ok(code)
    })
}

fn prepare(arguments: &RunArguments, secrets: &Secrets, output: &Output) -> Result<Job, Exit> {
    let found = definition::find(&arguments.what, &arguments.directory, secrets, output)?;
    let cluster = match &arguments.cluster {
        Some(text) => ClusterName::new(text)
            .map_err(|error| Exit::because(exit::USAGE, format!("`{text}` is no cluster: {error}")))?,
        None => found.cluster,
    };
    let task = definition::override_task(&found.task, arguments)?;
    let mut names = BTreeSet::new();
    for _ in 0..arguments.count {
        names.insert(ServiceName::standalone(&task.family, new_id()?));
    }
    // What is removed cannot be read any more.
    let keep_ended = !arguments.rm || arguments.logs;
    Ok(Job { cluster, task: Arc::new(task), names, keep_ended })
}

/// An id that nobody else has.
fn new_id() -> Result<TaskId, Exit> {
    use std::io::Read;
    let mut bytes = [0; TaskId::BYTES];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(TaskId::new(bytes))
}

async fn run_job(
    job: &Job,
    engine: &Arc<Scoped<Docker>>,
    arguments: &RunArguments,
    output: &Output,
) -> Result<u8, Exit> {
    let (notices, inbox) = mpsc::channel(NOTICES_MAX);
    let stopper = Stopper::new(job);
    let signals = stopper.clone();
    signals::forward_as(notices.clone(), move |signal| signals.stop(EndedBy::Signal(signal)))?;
    if let Some(timeout) = arguments.timeout {
        let (notices, stopper) = (notices.clone(), stopper.clone());
        tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            // A loop that does not listen any more has ended already.
            let _ = notices.send(stopper.stop(EndedBy::Timeout(timeout))).await;
        });
    }
    for id in job.ids() {
        output.say(&format!("task {id} ({}) in {}", render_definition(&job.task), job.cluster));
    }
    let facts = Rc::new(RefCell::new(Facts::new(job.task.clone(), job.names.clone())));
    let mut watcher = Watcher::new(facts.clone(), output);
    let mut run = Loop::new(engine.clone(), Arc::new(job.desired(Wish::Run)), converge::limits(), &mut watcher, inbox);
    if arguments.detach {
        let front = detach::watch_front(notices.clone(), stopper.clone());
        let ending = run.run(Until::Begun, ungated()).await;
        let has_begun = matches!(ending, Ending::Converged) && stopper.because.get().is_none();
        if has_begun {
            front.let_go();
            let (text, code) = tell(job, &facts.borrow(), &stopper, arguments.output, output);
            detach::hand_over(output, &text, code);
        } else {
            drop(run);
            return conclude(job, engine, ending, &facts, &stopper, arguments, output).await;
        }
    }
    let shown = arguments.logs.then(|| Watched::start(engine.clone(), job, arguments.output, output));
    let ending = run.run(Until::Steady(Duration::MAX), ungated()).await;
    drop(run);
    if arguments.detach {
        // Whoever asked has been told.
        return Ok(exit::DONE);
    }
    if let (Some(shown), Ending::Converged) = (shown, &ending) {
        shown.finish().await;
        if arguments.rm {
            remove_remains(&Job { keep_ended: false, ..job.clone() }, engine, &facts, output).await;
        }
    }
    conclude(job, engine, ending, &facts, &stopper, arguments, output).await
}

fn render_definition(task: &TaskSpec) -> String {
    format!("{}@{}", task.family, task.revision.short())
}

/// Nobody need be asked whether a task may run.
fn ungated() -> Gate {
    Box::new(|_, _| Ok(()))
}

/// Says how it ended.
async fn conclude(
    job: &Job,
    engine: &Arc<Scoped<Docker>>,
    ending: Ending,
    facts: &Rc<RefCell<Facts>>,
    stopper: &Stopper,
    arguments: &RunArguments,
    output: &Output,
) -> Result<u8, Exit> {
    match ending {
        Ending::Converged => {}
        Ending::Failed(_) | Ending::TimedOut(_) => {
            remove_remains(job, engine, facts, output).await;
            tell_near_images(&**engine, job, facts, output).await;
        }
        Ending::Unreachable(error) => return Err(Exit::new(exit::UNREACHABLE, error)),
        Ending::Refused(refusal) => return Err(Exit::because(exit::REFUSED, refusal.reason)),
        Ending::Signalled(signal) => return Ok(signal.exit_code()),
    }
    let (text, code) = tell(job, &facts.borrow(), stopper, arguments.output, output);
    match arguments.output {
        Format::Text if arguments.logs => output.say(&text),
        Format::Text | Format::Json => output.print(&text),
    }
    Ok(code)
}

/// Ends what exists already of a task that cannot be made whole.
async fn remove_remains(job: &Job, engine: &Arc<Scoped<Docker>>, facts: &Rc<RefCell<Facts>>, output: &Output) {
    let (_notices, inbox) = mpsc::channel(1);
    let mut watcher = Watcher::new(facts.clone(), output);
    let end = Arc::new(job.desired(Wish::End));
    let mut run = Loop::new(engine.clone(), end, converge::limits(), &mut watcher, inbox);
    // What cannot be removed now is removed by whoever tidies up later.
    let _ = run.run(Until::Steady(REMAINS_LIMIT), ungated()).await;
}

/// Says which images come near to those that are missing.
async fn tell_near_images<E: Observe>(engine: &E, job: &Job, facts: &Rc<RefCell<Facts>>, output: &Output) {
    let missing = facts.borrow().missing_images();
    if missing.is_empty() {
        return;
    }
    let names = engine.image_names().await.unwrap_or_default();
    for image in job.task.containers.iter().map(|container| &container.image).filter(|image| missing.contains(*image)) {
        match &near_names(image, &names)[..] {
            [] => output.say(&format!("this engine has no image with a name near to {image}")),
            near => output.say(&format!("there is no image {image}; did you mean {}?", near.join(" or "))),
        }
    }
}

/// The result as text, and the exit code that goes with it.
fn tell(job: &Job, facts: &Facts, stopper: &Stopper, format: Format, output: &Output) -> (String, u8) {
    let ended_by = stopper.because.get().copied();
    let because = |id| ended_by.map(EndedBy::reason).or_else(|| notes::read(id));
    let tasks = facts.report(&job.cluster, because, clock::now());
    let (code, source) = judge(&tasks, ended_by);
    let report = RunReport::new(tasks, code, source);
    let text = match format {
        Format::Text => render_run(&report, output.data),
        Format::Json => render_run_json(&report),
    };
    (text, code)
}

/// The exit code of a run, and where it comes from.
fn judge(tasks: &[TaskReport], ended_by: Option<EndedBy>) -> (u8, ExitSource) {
    match ended_by {
        Some(EndedBy::Signal(signal)) => return (signal.exit_code(), ExitSource::Signal),
        Some(EndedBy::Abandoned) => return (Signal::Terminate.exit_code(), ExitSource::Signal),
        Some(EndedBy::Timeout(_)) => return (TIMED_OUT, ExitSource::Timeout),
        None => {}
    }
    if tasks.iter().any(|task| task.stop_code == Some(StopCode::TaskFailedToStart)) {
        return (exit::UNHEALTHY, ExitSource::Reconcile);
    }
    let ended: Vec<_> = tasks.iter().filter(|task| task.last_status == LastStatus::Stopped).cloned().collect();
    match exit_code(&ended) {
        Some(code) => (u8::try_from(code).unwrap_or(exit::RUNTIME), ExitSource::Container),
        None => (exit::RUNTIME, ExitSource::Reconcile),
    }
}
