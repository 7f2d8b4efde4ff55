//! `reconcile [DIR]` and `reconcile --watch [DIR]`.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::exit::{self, Exit};
use super::output::Output;
use super::project::{Project, Reading};
use super::report::Progress;
use super::wishes::Wishes;
use super::{ConvergeArguments, failure, housekeeping, render, signals};
use crate::change::{Row, service_changes};
use crate::clock;
use crate::desired::{DesiredState, Origins, TaskSpec};
use crate::engine::docker::Docker;
use crate::engine::{Observe, Perform};
use crate::event::{Event, EventKind};
use crate::history::file::Store;
use crate::history::recorder::Recorder;
use crate::load::secrets::Need;
use crate::lock::{LockError, Locks};
use crate::observed::{ObservedState, Phase};
use crate::plan::guard;
use crate::plan::id::PlanId;
use crate::pulls::PullHistory;
use crate::reconciler::Limits;
use crate::state::Directories;
use crate::watch::files::DirectoryWatch;
use crate::watch::{Ending, Gate, Loop, Notice, Refusal, Until, clusters_of};

/// How many notices may wait for the loop. It takes them at once; more than a few can only be a burst of signals.
const NOTICES_MAX: usize = 16;

pub(super) fn run(arguments: &ConvergeArguments, output: &Output) -> Result<u8, Exit> {
    let endpoint = arguments.engine.endpoint()?;
    let secrets = arguments.secrets.secrets();
    let reading = Reading { secrets: secrets.clone(), need: Need::Values, since: None };
    let project = read_valid(&arguments.directory.directory, &reading, output)?;
    let wishes = Wishes::of(arguments);
    let until = if arguments.watch { Until::Stopped } else { Until::Steady(arguments.timeout) };
    let name = endpoint.identity();
    runtime(arguments.watch)?.block_on(async {
        let mut locks = Locks::new(&name);
        locks.hold_exactly(&clusters_of(&project.desired)).await.map_err(refuse_lock)?;
        let engine = Arc::new(Docker::new(endpoint).with_secrets(secrets));
        let services = project.desired.services_and_hooks();
        services.map(|service| &service.task).try_for_each(|task| check_secret_files(&engine, task))?;
        project.put_secrets_in_force();
        if let Err(error) = engine.sweep(&project.desired.source).await {
            tracing::debug!(%error, "what was left behind stays until the next run");
        }
        let desired = wishes.added_to(&project.desired);
        let (notices, inbox) = mpsc::channel(NOTICES_MAX);
        signals::forward(notices.clone())?;
        let mut progress = Progress::new(output);
        if arguments.watch {
            let (watch, trouble) = DirectoryWatch::new(&project.directory, project.files_beside());
            announce(&progress, &project, &watch, trouble.as_deref(), &engine.describe());
            tokio::spawn(housekeeping::keep_tidy(engine.clone()));
            tokio::spawn(follow(
                Follower { watch, locks, project: Arc::new(project.clone()), wishes, notices: notices.clone() },
                *output,
            ));
        }
        let limits = if arguments.watch { Limits::for_watching(cores()) } else { limits() };
        let gate = gate(arguments.plan_id, arguments.allow_delete, arguments.directory.directory.display().to_string());
        let run = Loop::new(engine.clone(), desired, limits, &mut progress, inbox);
        let command = if arguments.watch { "reconcile --watch" } else { "reconcile" };
        let by = format!("{command} {}", project.directory.display());
        let run = run.with_history(PullHistory::open(&name)).with_recorder(recorder(by, &name, &project));
        let mut run = if arguments.watch && !arguments.keep_images { run.with_image_cleanup() } else { run };
        let ending = run.run(until, gate).await;
        run.finish_recording().await;
        let observed = run.reconciler().observed().clone();
        drop(run);
        progress.finish();
        conclude(&*engine, ending, &project, &observed, &progress, output).await
    })
}

/// What keeps the history of a run. `by` is its command.
pub(super) fn recorder(by: String, endpoint: &str, project: &Project) -> Recorder {
    let store = Store::new(&Directories::of_this_process().state, endpoint);
    Recorder::start(store, &project.desired, by, super::project::root_of(&project.directory))
}

/// The threads of a run. One is enough for whoever mostly waits; a second one keeps the events of the engine flowing meanwhile.
pub(super) fn runtime(is_long: bool) -> Result<tokio::runtime::Runtime, Exit> {
    let mut builder = if is_long {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    Ok(builder.worker_threads(2).enable_all().build()?)
}

/// The limits of a single run.
pub(super) fn limits() -> Limits {
    Limits::for_cores(cores())
}

/// The engine is taken to have as many processors as this machine: mostly it is this machine.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Reads the manifests; says what is wrong with them; goes on only when no error is among it.
pub(super) fn read_valid(directory: &Path, reading: &Reading, output: &Output) -> Result<Project, Exit> {
    let project = Project::read(directory, reading);
    if !project.problems.is_empty() {
        output.say(&render::problems::render_problems(&project.problems, &project.files, output.talk.color));
    }
    match project.errors() {
        0 => Ok(project),
        _ => Err(Exit::because(exit::INVALID, "the manifests are not valid; nothing was changed")),
    }
}

/// Refuses before anything is started what no container could be given.
pub(super) fn check_secret_files(engine: &Docker, task: &TaskSpec) -> Result<(), Exit> {
    let mut secrets = task.containers.iter().flat_map(|container| &container.secrets);
    let Some(secret) = secrets.find(|secret| secret.file.is_some()) else { return Ok(()) };
    let explain = |error| format!("the secret `{}` cannot be a file: {error}; nothing was changed", secret.name);
    engine.check_secret_files().map_err(|error| Exit::because(exit::RUNTIME, explain(error)))
}

pub(super) fn refuse_lock(error: LockError) -> Exit {
    match &error {
        LockError::Held { .. } => Exit::because(
            exit::REFUSED,
            format!("{error}; only one may work on a cluster at a time. Stop that one, or let it do the work"),
        ),
        LockError::System { .. } => Exit::new(exit::RUNTIME, error),
    }
}

/// Refuses another plan than the one that was asked for, to take over what another directory declared, and to delete much at once.
fn gate(plan_id: Option<PlanId>, allow_delete: Option<usize>, directory: String) -> Gate {
    Box::new(move |desired: &DesiredState, observed: &ObservedState| {
        refuse_moved(plan_id, desired, observed, &directory)?;
        refuse(desired, observed, allow_delete, &directory)
    })
}

/// Why the plan of this id cannot be done any more, if it cannot.
pub(super) fn refuse_moved(
    asked: Option<PlanId>,
    desired: &DesiredState,
    observed: &ObservedState,
    directory: &str,
) -> Result<(), Refusal> {
    const NAMED_MAX: usize = 10;
    let Some(asked) = asked else { return Ok(()) };
    let now = PlanId::of(desired, observed);
    let Some(moved) = asked.moved(now) else { return Ok(()) };
    let rows = service_changes(desired, observed, &Origins::new()).rows;
    let names: Vec<_> = rows.iter().take(NAMED_MAX).map(Row::name).collect();
    let more = if rows.len() > names.len() { ", ..." } else { "" };
    let would = match names.len() {
        0 => "nothing would change now".to_owned(),
        _ => format!("now it would change {}{more}", names.join(", ")),
    };
    Err(Refusal {
        reason: format!("the plan {asked} is out of date: {}; {would}", moved.describe()),
        release: format!("look at what it is now, with reconcile --dry-run {directory}; it is plan {now}"),
    })
}

/// Why a desired state may not be put in force, if it may not.
pub(super) fn refuse(
    desired: &DesiredState,
    observed: &ObservedState,
    allow_delete: Option<usize>,
    directory: &str,
) -> Result<(), Refusal> {
    if let Some(claim) = guard::claims(desired, observed).first() {
        return Err(Refusal {
            reason: format!(
                "cluster `{}` was declared by `{}`, and this directory is `{}`",
                claim.cluster, claim.holder, claim.claimant
            ),
            release: format!("reconcile {directory} --adopt '{}'", claim.holder),
        });
    }
    let deletions = guard::deletions(desired, observed);
    if deletions.are_allowed(allow_delete) {
        return Ok(());
    }
    let count = deletions.services.len();
    let names: Vec<_> =
        deletions.services.iter().take(10).map(|(cluster, service)| format!("{cluster}/{service}")).collect();
    let more = if count > names.len() { ", ..." } else { "" };
    Err(Refusal {
        reason: format!("{count} of {} services would be deleted: {}{more}", deletions.existing, names.join(", ")),
        release: format!("reconcile {directory} --allow-delete={count}"),
    })
}

fn announce(progress: &Progress<'_>, project: &Project, watch: &DirectoryWatch, trouble: Option<&str>, engine: &str) {
    let files = project.files.len();
    progress.say(&format!(
        "Watching {} ({files} file{}, {}) - {engine}",
        project.directory.display(),
        if files == 1 { "" } else { "s" },
        watch.describe()
    ));
    if let Some(trouble) = trouble {
        progress.say(&format!("warning: no hints of changed files: {trouble}"));
    }
}

/// What follows the manifests while the loop runs.
struct Follower {
    watch: DirectoryWatch,
    locks: Locks,
    project: Arc<Project>,
    wishes: Wishes,
    notices: mpsc::Sender<Notice>,
}

/// Reads the manifests whenever they may have changed, and hands on what they ask for. Ends with the loop.
async fn follow(mut follower: Follower, output: Output) {
    loop {
        follower.watch.changed().await;
        follower.locks.answer();
        let mut before = Project::clone(&follower.project);
        let read = tokio::task::spawn_blocking(move || {
            let read = before.read_again();
            (before, read)
        });
        let Ok((before, read)) = read.await else { continue };
        follower.project = Arc::new(before);
        let Some(project) = read else { continue };
        let notice = follower.weigh(&project, &output).await;
        // Of manifests that are not valid only the text is remembered, so that it is not told twice.
        let project = if project.errors() == 0 { project } else { project.with_state_of(&follower.project) };
        follower.watch.watch_beside(project.files_beside());
        follower.project = Arc::new(project);
        for notice in notice {
            if follower.notices.send(notice).await.is_err() {
                return;
            }
        }
    }
}

impl Follower {
    /// What the loop is told about manifests that have changed.
    async fn weigh(&mut self, project: &Project, output: &Output) -> Vec<Notice> {
        let tell = |kind| Notice::Tell(Event { at: clock::now(), about: None, kind });
        let errors = project.errors();
        if errors > 0 {
            output.say(render::problems::render_short(&project.problems).trim_end());
            return vec![tell(EventKind::ManifestsInvalid { errors })];
        }
        // Even where the same is wanted, its manifest may stand elsewhere now.
        project.put_secrets_in_force();
        if project.desired == self.project.desired {
            return vec![tell(EventKind::ManifestsUnchanged)];
        }
        let clusters = clusters_of(&project.desired).union(&clusters_of(&self.project.desired)).cloned().collect();
        if let Err(error) = self.locks.hold_exactly(&clusters).await {
            let (reason, release) = (error.to_string(), "stop that one first".to_owned());
            return vec![tell(EventKind::Held { reason, release })];
        }
        let files = changed_files(&self.project, project);
        let desired = self.wishes.added_to(&project.desired);
        vec![tell(EventKind::ManifestsChanged { files }), Notice::Desired(desired)]
    }
}

/// The names of the files that are not what they were.
fn changed_files(before: &Project, after: &Project) -> Vec<String> {
    let secrets = after.changed_secrets(before);
    let texts = |project: &Project| -> BTreeSet<(String, String)> {
        project.texts().into_iter().map(|(name, file)| (name, file.text().to_owned())).collect()
    };
    let (before, after) = (texts(before), texts(after));
    let names: BTreeSet<_> = before.symmetric_difference(&after).map(|(name, _)| name.clone()).collect();
    names.into_iter().chain(secrets).collect()
}

/// Says how it ended, and turns that into an exit code.
pub(super) async fn conclude<E: Perform>(
    engine: &E,
    ending: Ending,
    project: &Project,
    observed: &ObservedState,
    progress: &Progress<'_>,
    output: &Output,
) -> Result<u8, Exit> {
    match ending {
        Ending::Converged => {
            output.say(&steady(&project.desired, observed, progress.began_at()));
            for held in super::rollout::held_back(&project.desired, observed) {
                output.say(&held);
            }
            Ok(exit::DONE)
        }
        Ending::Failed(services) => {
            output.say(&failure::explain(engine, &services, project, observed, output).await);
            Ok(exit::UNHEALTHY)
        }
        Ending::TimedOut(plan) => {
            let services = crate::plan::verdict::unfinished(&plan);
            output.say(&failure::explain(engine, &services, project, observed, output).await);
            output.say("The time of --timeout was up. What was begun goes on when `reconcile` is run again.");
            Ok(exit::UNHEALTHY)
        }
        Ending::Unreachable(error) => Err(Exit::new(exit::UNREACHABLE, error)),
        Ending::Refused(Refusal { reason, release }) => {
            Err(Exit::because(exit::REFUSED, format!("{reason}; nothing was changed\n  if this is meant: {release}")))
        }
        Ending::Signalled(signal) => {
            output.say("Stopped. Tasks go on running.");
            Ok(signal.exit_code())
        }
    }
}

/// The last line of a run that ended well.
fn steady(desired: &DesiredState, observed: &ObservedState, began_at: crate::value::Timestamp) -> String {
    let services: usize = desired.clusters.values().map(|cluster| cluster.services.len()).sum();
    let tasks: BTreeSet<_> = observed
        .containers
        .values()
        .filter(|container| container.identity.source == desired.source)
        .filter(|container| matches!(container.phase, Phase::Running { .. }))
        .map(|container| &container.identity.task)
        .collect();
    let counted = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let took = crate::plan::duration_text(clock::now().since(began_at));
    format!("Steady: {}, {} ({took}).", counted(services, "service"), counted(tasks.len(), "task"))
}
