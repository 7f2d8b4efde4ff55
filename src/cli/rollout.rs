//! `reconcile rollout` and `reconcile rollback`: what a person asks of one service beside its manifest.
//!
//! It is written on the engine first, and then carried out: by whoever reconciles the cluster already, or else here, for this one
//! service and no other.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::sync::mpsc;

use super::exit::{self, Exit};
use super::output::Output;
use super::project::{Project, Reading};
use super::report::Progress;
use super::scope::{Scope, Scoped};
use super::{Engine, SecretArguments, converge, dry_run, parse_duration, signals, volumes};
use crate::clock;
use crate::desired::DesiredState;
use crate::engine::docker::Docker;
use crate::engine::{EngineError, Perform};
use crate::load::secrets::Need;
use crate::lock::{LockError, Locks};
use crate::observed::ObservedState;
use crate::ownership::{Asked, Intervention};
use crate::plan::{Held, Wait, plan, ways_back};
use crate::spelling;
use crate::value::{ClusterName, ServiceName, Timestamp};
use crate::watch::{Loop, Until};

mod decide;

use decide::{Decision, Request, decide};

const ROLLOUT_HELP: &str = "\
Examples:
  reconcile rollout restart web     replace every task of `web`, one after the other; tags and secrets are looked up anew
  reconcile rollout undo web        back to the revision before: the same as `reconcile rollback web`
  reconcile rollout abort web       break the deployment off that is under way, and go back
  reconcile rollout pause web       begin nothing new; what is lost is still replaced
  reconcile rollout resume web      go on, also after a pause, a rollback or an abort

What is asked for is kept on the engine, as a volume without content: it holds after a restart, and every `reconcile` heeds it.";

const ROLLBACK_HELP: &str = "\
Examples:
  reconcile rollback web                 to the revision that the deployment before had brought
  reconcile rollback web --to 4f2c9e     to this one, where the engine still has a task of it

It holds until the task definition in the manifest changes, or until `reconcile rollout resume`. Until then `status` and `--dry-run` say so.";

/// Steers the rollout of a service.
#[derive(Debug, Args)]
#[command(after_help = ROLLOUT_HELP)]
pub(super) struct RolloutArguments {
    #[command(subcommand)]
    command: RolloutCommand,
}

#[derive(Debug, Subcommand)]
enum RolloutCommand {
    /// Replace every task by a new one of the same revision. ECS: `forceNewDeployment`.
    Restart(ServiceArguments),
    /// Go back to the revision that the deployment before had brought.
    Undo(ServiceArguments),
    /// Break off the deployment that is under way, and go back to what served before it.
    Abort(ServiceArguments),
    /// Begin nothing new until it is resumed.
    Pause(ServiceArguments),
    /// Go on with what the manifest asks for.
    Resume(ServiceArguments),
}

/// Brings a service back to an earlier revision.
#[derive(Debug, Args)]
#[command(after_help = ROLLBACK_HELP)]
pub(super) struct RollbackArguments {
    #[command(flatten)]
    service: ServiceArguments,
    /// The revision, or the beginning of it. Without it the one that the deployment before had brought.
    #[arg(long, value_name = "REVISION")]
    to: Option<String>,
}

/// Which service, and where its manifest is.
#[derive(Debug, Args)]
struct ServiceArguments {
    /// The service, as SERVICE or CLUSTER/SERVICE.
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The directory of manifests that declares it.
    #[arg(long = "dir", value_name = "DIR", default_value = "manifests", env = "RECONCILE_DIR")]
    directory: PathBuf,
    #[command(flatten)]
    engine: Engine,
    #[command(flatten)]
    secrets: SecretArguments,
    /// How long to wait for the service to be steady, such as 90s or 10m.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    timeout: Duration,
}

pub(super) fn run(arguments: &RolloutArguments, output: &Output) -> Result<u8, Exit> {
    match &arguments.command {
        RolloutCommand::Restart(service) => ask(service, &Request::Restart, output),
        RolloutCommand::Undo(service) => ask(service, &Request::Rollback { to: None }, output),
        RolloutCommand::Abort(service) => ask(service, &Request::Abort, output),
        RolloutCommand::Pause(service) => ask(service, &Request::Pause, output),
        RolloutCommand::Resume(service) => ask(service, &Request::Resume, output),
    }
}

pub(super) fn roll_back(arguments: &RollbackArguments, output: &Output) -> Result<u8, Exit> {
    ask(&arguments.service, &Request::Rollback { to: arguments.to.clone() }, output)
}

/// One service of a directory, and the engine that it runs on.
struct Case<'a> {
    arguments: &'a ServiceArguments,
    /// The command, as the history tells it.
    by: String,
    engine: Arc<Docker>,
    identity: String,
    project: Project,
    cluster: ClusterName,
    service: ServiceName,
}

fn ask(arguments: &ServiceArguments, request: &Request, output: &Output) -> Result<u8, Exit> {
    let endpoint = arguments.engine.endpoint()?;
    let secrets = arguments.secrets.secrets();
    let reading = Reading { secrets: secrets.clone(), need: Need::Values, since: None };
    let project = converge::read_valid(&arguments.directory, &reading, output)?;
    let (cluster, service) = find_service(&arguments.service, &project.desired)?;
    converge::runtime(false)?.block_on(async {
        let identity = endpoint.identity();
        let engine = Arc::new(Docker::new(endpoint).with_secrets(secrets));
        let by = format!("{} {}", request.command(), arguments.service);
        let case = Case { arguments, by, engine, identity, project, cluster, service };
        let observed = case.observe().await?;
        let ways = ways_back(&case.project.desired, &observed, (&case.cluster, &case.service));
        let ways = ways.ok_or_else(|| Exit::because(exit::RUNTIME, "the manifests do not ask for this service"))?;
        let decision = decide(request, &ways, &case.asked(&observed))
            .map_err(|reason| Exit::because(exit::RUNTIME, format!("{}/{}: {reason}", case.cluster, case.service)))?;
        case.write(&decision).await?;
        output.say(&format!("{}/{}: {}", case.cluster, case.service, decision.said));
        case.carry_out(output).await
    })
}

/// The service that `text` names: SERVICE, where only one cluster has such a one, or CLUSTER/SERVICE.
fn find_service(text: &str, desired: &DesiredState) -> Result<(ClusterName, ServiceName), Exit> {
    let services = desired
        .clusters
        .iter()
        .flat_map(|(cluster, wanted)| wanted.services.keys().map(move |service| (cluster.clone(), service.clone())));
    let services: Vec<_> = services.collect();
    let is_named = |(cluster, service): &&(ClusterName, ServiceName)| {
        service.as_str() == text || format!("{cluster}/{service}") == text
    };
    let found: Vec<_> = services.iter().filter(is_named).cloned().collect();
    let full = |names: &[(ClusterName, ServiceName)]| -> Vec<String> {
        names.iter().map(|(cluster, service)| format!("{cluster}/{service}")).collect()
    };
    match <[_; 1]>::try_from(found) {
        Ok([only]) => Ok(only),
        Err(found) if found.is_empty() => {
            let mut names = full(&services);
            names.extend(services.iter().map(|(_, service)| service.to_string()));
            let hint = spelling::suggest(text, names.iter().map(String::as_str));
            Err(Exit::because(exit::RUNTIME, format!("the manifests ask for no service `{text}`; {hint}")))
        }
        Err(found) => Err(Exit::because(exit::USAGE, format!("`{text}` may be any of {}", full(&found).join(", ")))),
    }
}

impl Case<'_> {
    async fn observe(&self) -> Result<ObservedState, Exit> {
        let observed = dry_run::observe(&self.engine.read_only(), &self.project.desired).await;
        observed.map_err(|error: EngineError| Exit::new(exit::UNREACHABLE, error))
    }

    /// What is asked of the service already: the name of the volume, and what it says.
    fn asked(&self, observed: &ObservedState) -> Vec<(String, Asked)> {
        let ours = observed
            .volumes
            .values()
            .filter(|volume| volume.cluster == self.cluster && self.project.desired.may_touch(&volume.source));
        let asked = ours.filter_map(|volume| Some((volume.name.clone(), volume.intervention.clone()?)));
        asked.filter(|(_, asked)| asked.service == self.service).map(|(name, asked)| (name, asked.asked)).collect()
    }

    /// Writes down what is asked for now, and then takes back what is not any more: cut off in between, nothing is lost.
    async fn write(&self, decision: &Decision) -> Result<(), Exit> {
        if let Some(asked) = &decision.asked {
            if let Asked::Restart { since } = asked {
                wait_until(*since).await;
            }
            let intervention = Intervention { service: self.service.clone(), at: clock::now(), asked: asked.clone() };
            let written = self.engine.intervene(&self.cluster, &self.project.desired.source, &intervention).await;
            written.map_err(|error| Exit::new(exit::UNREACHABLE, error))?;
        }
        for name in &decision.taken_back {
            volumes::remove(&*self.engine, &self.cluster, name).await?;
        }
        Ok(())
    }

    /// Brings the one service to where it is now asked to be, unless somebody else is at it.
    async fn carry_out(mut self, output: &Output) -> Result<u8, Exit> {
        let mut locks = Locks::new(&self.identity);
        match locks.hold_exactly(&[self.cluster.clone()].into()).await {
            Ok(()) => {}
            Err(LockError::Held { holder, .. }) => {
                output.say(&format!("Written down. {holder} carries it out."));
                return Ok(exit::DONE);
            }
            Err(error @ LockError::System { .. }) => return Err(Exit::new(exit::RUNTIME, error)),
        }
        self.project.desired.clusters.retain(|cluster, _| *cluster == self.cluster);
        for wanted in self.project.desired.clusters.values_mut() {
            wanted.services.retain(|service, _| *service == self.service);
        }
        self.project.put_secrets_in_force();
        let scoped = Scoped::new(self.engine.clone(), Scope::Rollout(self.cluster.clone(), self.service.clone()));
        let desired = Arc::new(self.project.desired.clone());
        let (notices, inbox) = mpsc::channel(1);
        signals::forward(notices)?;
        let mut progress = Progress::new(output);
        let run = Loop::new(Arc::new(scoped), desired, converge::limits(), &mut progress, inbox);
        let mut run = run.with_recorder(converge::recorder(self.by, &self.identity, &self.project));
        let ending = run.run(Until::Steady(self.arguments.timeout), Box::new(|_, _| Ok(()))).await;
        run.finish_recording().await;
        let observed = run.reconciler().observed().clone();
        drop(run);
        progress.finish();
        converge::conclude(&*self.engine, ending, &self.project, &observed, &progress, output).await
    }
}

/// Waits for a moment that is less than a second away.
async fn wait_until(at: Timestamp) {
    tokio::time::sleep(at.since(clock::now()).min(Duration::from_secs(2))).await;
}

/// What people hold back in a directory, a line for each.
pub(super) fn held_back(desired: &DesiredState, observed: &ObservedState) -> Vec<String> {
    let waits = plan(desired, observed).waits.into_iter();
    let held = waits.filter_map(|waiting| {
        let Wait::Held(held) = waiting.wait else { return None };
        let about = waiting.about;
        Some(match held {
            Held::Protected { .. } => format!("{about}: {held}"),
            Held::RolledBack { .. } | Held::Paused { .. } => {
                format!("{about}: {held}. To go on: reconcile rollout resume {about}")
            }
        })
    });
    held.collect()
}
