//! `reconcile --dry-run`: what would change, why, and how it would go. It holds the reading half of the engine only.

use std::sync::Arc;

use super::checks::ask_once;
use super::exit::{self, Exit};
use super::output::Output;
use super::project::{Project, Reading};
use super::render::plan::{
    Blocked, DesiredFrom, ForecastLine, ObservedFrom, PlanReport, render_plan, render_plan_json,
};
use super::wishes::Wishes;
use super::{ConvergeArguments, Format, converge};
use crate::change::service_changes;
use crate::clock;
use crate::desired::DesiredState;
use crate::engine::docker::ReadOnlyDocker;
use crate::engine::{EngineError, Observe};
use crate::event::EventKind;
use crate::forecast::{Forecast, forecast};
use crate::load::secrets::Need;
use crate::observed::{ImageFact, ObservedState};
use crate::plan::assume::{OtherKey, assume_secrets};
use crate::plan::{Wait, Waiting, plan};
use crate::problem::{Code, Problem, sort_problems};
use crate::pulls::PullHistory;
use crate::watch::Refusal;

pub(super) mod simulate;

/// How many rounds of inspections a decision may need. One inspection answers all that can be asked of a container.
const INSPECTIONS_MAX: usize = 3;

pub(super) fn run(arguments: &ConvergeArguments, output: &Output) -> Result<u8, Exit> {
    let endpoint = arguments.engine.endpoint()?;
    let directory = &arguments.directory.directory;
    let reading = Reading { secrets: arguments.secrets.secrets(), need: Need::Comparison };
    let mut project = Project::read(directory, &reading);
    if project.errors() > 0 {
        return converge::read_valid(directory, &reading, output).map(|_| exit::INVALID);
    }
    let desired = Wishes::of(arguments).added_to(&project.desired);
    let history = PullHistory::open(&endpoint.to_string());
    let engine = ReadOnlyDocker::new(endpoint);
    let mut observed = converge::runtime(false)?
        .block_on(observe(&engine, &desired))
        .map_err(|error| Exit::new(exit::UNREACHABLE, error))?;
    let (desired, other_keys) = assume_secrets(&desired, &observed);
    let desired = Arc::new(desired);
    let not_compared: Vec<_> = other_keys.iter().map(|other| not_compared(other, &project)).collect();
    project.problems.extend(not_compared);
    let failed = failed_deployments(&desired, &observed, &project);
    project.problems.extend(failed);
    sort_problems(&mut project.problems);
    observed.pulled = history.pulled();
    let refusal = converge::refuse(&desired, &observed, arguments.allow_delete, &directory.display().to_string()).err();
    let overview = service_changes(&desired, &observed, &project.origins);
    let forecast = if overview.has_changes() { forecast_lines(&desired, &observed) } else { Vec::new() };
    let simulations = simulate::answer(&arguments.simulate, &desired, &observed, &overview)?;
    let report = PlanReport {
        desired: &desired_from(&project),
        observed: &ObservedFrom { engine: engine.describe(), containers: observed.containers.len(), at: observed.at },
        overview: &overview,
        forecast: &forecast,
        simulations: &simulations,
        diagnostics: &project.problems,
        blocked: &refusal.iter().map(blocked).collect::<Vec<_>>(),
        command: &format!("reconcile {}", directory.display()),
    };
    match arguments.output {
        Format::Text => output.print(&render_plan(&report, output.data)),
        Format::Json => output.print(&render_plan_json(&report)),
    }
    if refusal.is_some() {
        return Ok(exit::REFUSED);
    }
    if arguments.detailed_exitcode && overview.has_changes() {
        output.say("The plan has changes (exit code 2 because of --detailed-exitcode).");
        return Ok(exit::CHANGES);
    }
    Ok(exit::DONE)
}

/// Looks at the engine until nothing more has to be known for a decision.
pub(super) async fn observe<E: Observe>(engine: &E, desired: &DesiredState) -> Result<ObservedState, EngineError> {
    let listing = engine.list().await?;
    let mut observed = ObservedState {
        at: clock::now(),
        containers: listing.containers.into_iter().map(|container| (container.id.clone(), container)).collect(),
        networks: listing.networks.into_iter().map(|network| (network.id.clone(), network)).collect(),
        volumes: listing.volumes.into_iter().map(|volume| (volume.name.clone(), volume)).collect(),
        host: listing.host,
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

/// The deployments that were given up: the plan does without them.
fn failed_deployments(desired: &DesiredState, observed: &ObservedState, project: &Project) -> Vec<Problem> {
    let waits = plan(desired, observed).waits;
    let failed = waits.into_iter().filter(|waiting| matches!(waiting.wait, Wait::DeploymentFailed { .. }));
    let problems = failed.map(|Waiting { about, wait }| {
        let message = format!("{wait}; it is tried again when the task definition changes, or with --retry");
        let problem = Problem::warning(Code::DeploymentFailed, message).with_object(format!("Service `{about}`"));
        let origin = about.service.and_then(|service| project.origins.get(&(about.cluster, service)));
        Problem { place: origin.map(|origin| origin.task_definition.nearest_place_of("/metadata/name")), ..problem }
    });
    problems.collect()
}

fn desired_from(project: &Project) -> DesiredFrom {
    DesiredFrom {
        source: project.directory.display().to_string(),
        revision: None,
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
