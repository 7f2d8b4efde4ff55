//! `reconcile --dry-run`: what would change, why, and how it would go. It holds the reading half of the engine only.

use std::path::Path;
use std::sync::Arc;

use super::checks::ask_once;
use super::exit::{self, Exit, Outcome};
use super::output::Output;
use super::project::{Project, Reading};
use super::publish::Publisher;
use super::render::against::{Ending, World};
use super::render::plan::{Blocked, DesiredFrom, ForecastLine, ObservedFrom, PlanReport};
use super::render::report::Report;
use super::wishes::Wishes;
use super::{ConvergeArguments, converge};
use crate::change::{Overview, add_settings, service_changes};
use crate::clock;
use crate::desired::DesiredState;
use crate::document::{Document, File};
use crate::engine::docker::ReadOnlyDocker;
use crate::engine::{EngineError, Observe};
use crate::event::EventKind;
use crate::forecast::{Forecast, forecast};
use crate::load::secrets::Need;
use crate::observed::{ImageFact, ObservedState};
use crate::plan::assume::{OtherKey, assume_secrets};
use crate::plan::id::PlanId;
use crate::plan::{Held, Wait, Waiting, plan};
use crate::problem::{Code, Problem, sort_problems};
use crate::pulls::PullHistory;
use crate::watch::Refusal;

pub(super) mod against;
mod ci;
pub(super) mod fail_on;
pub(super) mod simulate;

use against::Against;
use fail_on::{describe_forbidden, find_forbidden};

/// How many rounds of inspections a decision may need. One inspection answers all that can be asked of a container.
const INSPECTIONS_MAX: usize = 3;

/// What is wanted, and what it is compared with.
struct Seen {
    project: Project,
    /// With what the command line adds.
    desired: Arc<DesiredState>,
    /// What was wanted before, where other manifests are compared with.
    before: Option<Arc<DesiredState>>,
    observed: ObservedState,
    from: ObservedFrom,
    desired_from: DesiredFrom,
}

/// Why no plan can be made.
struct Stopped {
    exit: Exit,
    /// What is wrong with the manifests, where that is why.
    problems: Vec<Problem>,
    /// The files that they are quoted from.
    files: Vec<Arc<File>>,
    /// What these hold.
    documents: Vec<Arc<Document>>,
}

impl From<Exit> for Stopped {
    fn from(exit: Exit) -> Self {
        Self { exit, problems: Vec::new(), files: Vec::new(), documents: Vec::new() }
    }
}

pub(super) fn run(arguments: &ConvergeArguments, output: &Output) -> Result<u8, Exit> {
    let publisher = Publisher::new(&arguments.reports, arguments.output, arguments.look.look(), output)?;
    let seen = match &arguments.against {
        None => see_engine(arguments, output),
        Some(Against::Git(reference)) => against::see_git(arguments, reference),
        Some(Against::Snapshot(file)) => against::see_snapshot(arguments, file),
    };
    let name = arguments.directory.directory.display().to_string();
    match seen.and_then(|seen| Ok(tell(arguments, seen, (output, &publisher))?)) {
        Ok(code) => Ok(code),
        Err(Stopped { exit, problems, files, documents }) => {
            // Nobody has to hear of a plan that was not asked for as it should be.
            if exit.code != exit::USAGE {
                publisher.publish(&Report {
                    outcome: Outcome::of_error(exit.code),
                    exit_code: exit.code,
                    directory: &name,
                    problems: &problems,
                    files: &files,
                    documents: &documents,
                    plan: None,
                    failure: Some(&exit.message()),
                    paths: publisher.paths(),
                })?;
            }
            Err(exit)
        }
    }
}

fn read_project(directory: &Path, reading: &Reading) -> Result<Project, Stopped> {
    let project = Project::read(directory, reading);
    if project.errors() == 0 {
        return Ok(project);
    }
    let exit = Exit::because(exit::INVALID, "the manifests are not valid; nothing was changed");
    Err(Stopped { exit, problems: project.problems, files: project.files, documents: project.documents })
}

/// What the engine is running.
fn see_engine(arguments: &ConvergeArguments, output: &Output) -> Result<Seen, Stopped> {
    let endpoint = arguments.engine.endpoint()?;
    let reading = Reading { secrets: arguments.secrets.secrets(), need: Need::Comparison, since: None };
    let project = read_project(&arguments.directory.directory, &reading)?;
    let desired = Wishes::of(arguments).added_to(&project.desired);
    let history = PullHistory::open(&endpoint.identity());
    let engine = ReadOnlyDocker::new(endpoint);
    let mut observed = converge::runtime(false)?
        .block_on(observe(&engine, &desired))
        .inspect_err(|_| output.say(&ci::hint_of_none().unwrap_or_default()))
        .map_err(|error| Exit::new(exit::UNREACHABLE, error))?;
    observed.pulled = history.pulled();
    if let Some(hint) = ci::hint_of_empty(&desired, &observed) {
        output.say(&hint);
    }
    let (containers, at) = (observed.containers.len(), observed.at);
    let from = ObservedFrom { engine: engine.describe(), world: World::Engine, containers, at };
    let desired_from = desired_from(&project);
    Ok(Seen { project, desired, before: None, observed, from, desired_from })
}

/// Explains the plan, and says with which exit code that ends.
fn tell(arguments: &ConvergeArguments, seen: Seen, (output, publisher): (&Output, &Publisher<'_>)) -> Result<u8, Exit> {
    let Seen { mut project, desired, before, observed, from, desired_from } = seen;
    let (desired, other_keys) = assume_secrets(&desired, &observed);
    let desired = Arc::new(desired);
    let not_compared: Vec<_> = other_keys.iter().map(|other| not_compared(other, &project)).collect();
    project.problems.extend(not_compared);
    let failed = failed_deployments(&desired, &observed, &project);
    project.problems.extend(failed);
    sort_problems(&mut project.problems);
    let refusals = refusals(arguments, &desired, &observed);
    let mut overview = service_changes(&desired, &observed, &project.origins);
    if let Some(before) = before {
        add_settings(&mut overview, &before, &desired, &project.origins);
    }
    let forecast = if overview.has_changes() { forecast_lines(&desired, &observed) } else { Vec::new() };
    let simulations = simulate::answer(&arguments.simulate, &desired, &observed, &overview)?;
    let ending = ending(arguments, &refusals, &overview);
    let report = PlanReport {
        desired: &desired_from,
        observed: &from,
        overview: &overview,
        forecast: &forecast,
        simulations: &simulations,
        diagnostics: &project.problems,
        blocked: &refusals.iter().map(blocked).collect::<Vec<_>>(),
        id: PlanId::of(&desired, &observed),
        ending: &ending,
        command: &command(arguments),
    };
    publisher.publish(&Report {
        outcome: ending.outcome,
        exit_code: ending.code,
        directory: &arguments.directory.directory.display().to_string(),
        problems: &project.problems,
        files: &project.files,
        documents: &project.documents,
        plan: Some(&report),
        failure: None,
        paths: publisher.paths(),
    })?;
    match ending.outcome {
        Outcome::Forbidden => output.say(&describe_forbidden(ending.forbidden.as_deref().unwrap_or_default())),
        Outcome::Changes if ending.code == exit::CHANGES => {
            output.say("The plan has changes (exit code 2 because of --detailed-exitcode).");
        }
        Outcome::Changes
        | Outcome::Unchanged
        | Outcome::Refused
        | Outcome::Done
        | Outcome::Invalid
        | Outcome::Unreachable
        | Outcome::Usage
        | Outcome::Failed => {}
    }
    Ok(ending.code)
}

/// Why a run would not do it.
fn refusals(arguments: &ConvergeArguments, desired: &DesiredState, observed: &ObservedState) -> Vec<Refusal> {
    let directory = arguments.directory.directory.display().to_string();
    let moved = converge::refuse_moved(arguments.plan_id, desired, observed, &directory);
    let refused = converge::refuse(desired, observed, arguments.allow_delete, &directory);
    [moved, refused].into_iter().filter_map(Result::err).collect()
}

/// How it ends: of what applies, what weighs most.
fn ending(arguments: &ConvergeArguments, refusals: &[Refusal], overview: &Overview) -> Ending {
    let forbidden = find_forbidden(&arguments.fail_on, overview);
    let (outcome, code) = if !refusals.is_empty() {
        (Outcome::Refused, exit::REFUSED)
    } else if !forbidden.is_empty() {
        (Outcome::Forbidden, exit::REFUSED)
    } else if overview.has_changes() {
        (Outcome::Changes, if arguments.detailed_exitcode { exit::CHANGES } else { exit::DONE })
    } else {
        (Outcome::Unchanged, exit::DONE)
    };
    Ending { outcome, code, forbidden: (!arguments.fail_on.is_empty()).then_some(forbidden) }
}

/// The command that does it, with what the command line asked for beside the manifests.
fn command(arguments: &ConvergeArguments) -> String {
    let mut command = format!("reconcile {}", arguments.directory.directory.display());
    command.extend(arguments.adopt.iter().map(|source| format!(" --adopt '{source}'")));
    command.extend(arguments.allow_delete.map(|count| format!(" --allow-delete={count}")));
    if arguments.retry {
        command.push_str(" --retry");
    }
    command
}

/// Looks at the engine until nothing more has to be known for a decision.
pub(super) async fn observe<E: Observe>(engine: &E, desired: &DesiredState) -> Result<ObservedState, EngineError> {
    let (listing, host) = tokio::join!(engine.list(), engine.host());
    let listing = listing?;
    let mut observed = ObservedState {
        at: clock::now(),
        containers: listing.containers.into_iter().map(|container| (container.id.clone(), container)).collect(),
        networks: listing.networks.into_iter().map(|network| (network.id.clone(), network)).collect(),
        volumes: listing.volumes.into_iter().map(|volume| (volume.name.clone(), volume)).collect(),
        // What is not known holds nothing up.
        host: host.unwrap_or_default(),
        neighbours: listing.neighbours.into_iter().collect(),
        ..ObservedState::default()
    };
    ask_once(engine, &mut observed).await;
    for _ in 0..INSPECTIONS_MAX {
        let plan = plan(&assume_secrets(desired, &observed).0, &observed);
        if plan.unknowns.is_empty() && plan.unknown_images.is_empty() {
            break;
        }
        for image in plan.unknown_images {
            let found = engine.look_up_image(&image).await?;
            observed.images.insert(image, ImageFact { at: observed.at, image: found });
        }
        for id in plan.unknowns {
            match engine.inspect(&id.0).await? {
                Some(container) => observed.containers.insert(id, container),
                None => observed.containers.remove(&id),
            };
        }
    }
    Ok(observed)
}

/// A secret that another machine has digested.
fn not_compared(other: &OtherKey, project: &Project) -> Problem {
    let OtherKey { cluster, service, container, secret } = other;
    let message = format!(
        "the secret `{secret}` of the container `{container}` is not compared: another machine, or another key of this one, started what runs; a run from here replaces the tasks that use it"
    );
    let place = project.origins.get(&(cluster.clone(), service.clone()));
    let place = place.map(|origin| origin.task_definition.nearest_place_of("/metadata/name"));
    let problem =
        Problem::warning(Code::SecretNotCompared, message).with_object(format!("Service `{cluster}/{service}`"));
    Problem { place, ..problem }
}

/// The deployments that were given up and those that somebody holds back: the plan does without them.
fn failed_deployments(desired: &DesiredState, observed: &ObservedState, project: &Project) -> Vec<Problem> {
    let problems = plan(desired, observed).waits.into_iter().filter_map(|Waiting { about, wait }| {
        let (code, message) = if let Wait::DeploymentFailed { .. } = wait {
            let again = "it is tried again when the task definition changes, or with --retry";
            (Code::DeploymentFailed, format!("{wait}; {again}"))
        } else if let Wait::Held(Held::Protected { .. }) = wait {
            (Code::HeldBack, wait.to_string())
        } else if let Wait::Held(_) = wait {
            (Code::HeldBack, format!("{wait}; it goes on with `reconcile rollout resume`"))
        } else {
            return None;
        };
        let problem = Problem::warning(code, message).with_object(format!("Service `{about}`"));
        let origin = about.service.and_then(|service| project.origins.get(&(about.cluster, service)));
        Some(Problem {
            place: origin.map(|origin| origin.task_definition.nearest_place_of("/metadata/name")),
            ..problem
        })
    });
    problems.collect()
}

fn desired_from(project: &Project) -> DesiredFrom {
    DesiredFrom {
        source: project.directory.display().to_string(),
        revision: None,
        dirty: None,
        files: project.files.len(),
        manifests: project.manifests,
    }
}

fn blocked(refusal: &Refusal) -> Blocked {
    let Refusal { reason, release } = refusal;
    Blocked { message: reason.clone(), help: vec![format!("if this is meant: {release}")] }
}

/// How many processors this machine has.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

fn forecast_lines(desired: &Arc<DesiredState>, observed: &ObservedState) -> Vec<ForecastLine> {
    lines(&forecast(desired, observed, cores()), observed)
}

/// What is told of a forecast.
fn lines(forecast: &Forecast, observed: &ObservedState) -> Vec<ForecastLine> {
    let told =
        forecast.events.iter().filter(|event| !matches!(event.kind, EventKind::TaskStopped | EventKind::TaskRunning));
    told.map(|event| {
        let about = event.about.as_ref().map(ToString::to_string).unwrap_or_default();
        let text = format!("{about:<18} {:<9} {}", event.kind.word(), event.sentence()).trim_end().to_owned();
        ForecastLine { at: event.at.since(observed.at), text }
    })
    .collect()
}
