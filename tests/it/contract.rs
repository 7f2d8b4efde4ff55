//! What an engine owes us: one suite, run on the simulated and on the real engine, so that the simulation cannot rot.
//!
//! A scenario knows only the engine's door and a [`Fixture`] for what others do to the engine. Each has a cluster of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reconcile::desired::{ContainerSpec, Revision};
use reconcile::engine::{Hint, Listing, Observe, Perform};
use reconcile::observed::{ContainerId, Exit, NetworkId, ObservedContainer, Phase};
use reconcile::ownership::{ContainerIdentity, DeploymentMark, Source, TaskKey};
use reconcile::plan::{Action, Effect, Failure, FailureKind, NewContainer, Outcome, VolumeSource};
use reconcile::value::{Attempt, ClusterName, ContainerName, Family, ServiceName, Slot, Timestamp};
use tokio::runtime::Runtime;
use tokio::time::Instant;

mod docker;
mod scenarios;
mod simulated;

/// How long a condition may take to come true on a busy machine before the test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// What runs in a container.
#[derive(Debug, Clone, Copy)]
enum Program {
    /// Runs until it is asked to end.
    Sleeps,
    /// Runs until it is killed.
    IgnoresTerm,
    /// Ends with a code after some seconds.
    Exits { code: i64, after_secs: u32 },
    /// Is not in the image.
    NotThere,
    /// Answers its health check well; from so many seconds on it does not.
    SickAfter(u32),
    /// Answers its health check well.
    Well,
    /// Takes memory until it is killed.
    TakesMemory,
    /// Writes a line and ends.
    Prints(&'static str),
}

/// A part of the contract that one of the engines is known not to keep. A scenario that comes to one says what is true instead, so
/// that nothing is skipped, and that an engine which has learnt it is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// An inspection shows that a start has failed, and why.
    FailedStartIsShown,
    /// An end for lack of memory is told from a kill.
    LackOfMemoryIsShown,
    /// A container that does not run does not keep its network from being removed.
    OnlyWhatRunsHoldsItsNetwork,
}

/// What a scenario needs of an engine beside its door. Whatever it made is gone when it is dropped.
trait Fixture: Sized + 'static {
    /// The engine.
    type Engine: Perform;

    /// The runtime that the scenario runs on.
    fn runtime() -> Runtime;

    /// Finds or makes an engine, and the images of the programs, for a cluster of this name.
    async fn new(cluster: &ClusterName) -> Self;

    fn engine(&self) -> &Self::Engine;

    /// Why this engine is known not to keep a promise; `None` when it has to.
    fn known_difference(&self, promise: Promise) -> Option<&'static str>;

    /// The fields of a spec that make a container run `program`.
    fn image_and_command(&self, program: Program) -> serde_json::Value;

    /// Kills the program of a container from outside.
    async fn kill(&self, id: &ContainerId);

    /// Adds a container of this name whose labels are ours but for one. Returns its id.
    async fn add_foreign(&self, name: &str) -> String;

    /// Whether a container is there, ours or not, and was never started.
    async fn is_untouched(&self, id: &str) -> bool;

    /// A host port that nobody holds.
    fn free_port(&self) -> u16;

    /// The time of the engine.
    fn now(&self) -> Timestamp;
}

/// A cluster on an engine, with a network.
struct World<F: Fixture> {
    fixture: F,
    cluster: ClusterName,
    network: NetworkId,
}

type Scenario<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs a scenario in a cluster of its own.
fn run<F: Fixture>(name: &str, scenario: impl for<'a> FnOnce(&'a World<F>) -> Scenario<'a>) {
    F::runtime().block_on(async {
        let cluster = ClusterName::new(&format!("contract-{}-{name}", std::process::id())).expect("a name");
        let fixture = F::new(&cluster).await;
        let action = Action::CreateNetwork { cluster: cluster.clone(), source: source() };
        let created = fixture.engine().perform(&action).await;
        let Outcome::Done(Effect::Network(network)) = created else { panic!("no network: {created:?}") };
        let world = World { fixture, cluster, network };
        scenario(&world).await;
    });
}

fn source() -> Source {
    Source::new("test://contract")
}

impl<F: Fixture> World<F> {
    fn engine(&self) -> &F::Engine {
        self.fixture.engine()
    }

    /// Whether the engine keeps a promise. One that it is known not to keep is named.
    #[expect(clippy::print_stdout, reason = "`--show-output` shows it, for a test that passes as well")]
    fn keeps(&self, promise: Promise) -> bool {
        let difference = self.fixture.known_difference(promise);
        if let Some(reason) = difference {
            println!("known difference: {promise:?}: {reason}");
        }
        difference.is_none()
    }

    fn identity(&self, attempt: u32) -> ContainerIdentity {
        ContainerIdentity {
            task: TaskKey {
                cluster: self.cluster.clone(),
                service: ServiceName::new("web").expect("a name"),
                slot: Slot(0),
                revision: Revision::parse("1:9c1d42e07a31b5f8").expect("a revision"),
                attempt: Attempt(attempt),
            },
            container: ContainerName::new("app").expect("a name"),
            source: source(),
            family: Family::new("web").expect("a name"),
            failures: attempt - 1,
            essential: true,
            containers: 1,
            position: 0,
            deployment: DeploymentMark::default(),
            image: None,
            scheduling: reconcile::desired::Scheduling::default(),
        }
    }

    /// A spec that runs a program, with more fields.
    fn spec(&self, program: Program, fields: serde_json::Value) -> ContainerSpec {
        let mut spec = serde_json::json!({ "name": "app" });
        for more in [self.fixture.image_and_command(program), fields] {
            let (Some(spec), serde_json::Value::Object(more)) = (spec.as_object_mut(), more) else {
                panic!("fields are an object");
            };
            spec.extend(more);
        }
        serde_json::from_value(spec).expect("a spec")
    }

    async fn create_from(&self, identity: ContainerIdentity, spec: ContainerSpec) -> Outcome {
        self.create_with_volumes_of(Vec::new(), identity, spec).await
    }

    async fn create_with_volumes_of(
        &self,
        volumes_from: Vec<VolumeSource>,
        identity: ContainerIdentity,
        spec: ContainerSpec,
    ) -> Outcome {
        let (network, aliases) = (self.network.clone(), vec!["web".to_owned()]);
        let new = NewContainer {
            identity,
            spec: Arc::new(spec),
            network,
            aliases,
            volumes_from,
            namespaces: None,
            values_from: None,
        };
        self.engine().perform(&Action::CreateContainer(Box::new(new))).await
    }

    async fn create(&self, attempt: u32, program: Program, fields: serde_json::Value) -> ObservedContainer {
        created(self.create_from(self.identity(attempt), self.spec(program, fields)).await)
    }

    async fn start(&self, container: &ObservedContainer) -> Outcome {
        let (id, identity) = (container.id.clone(), Box::new(container.identity.clone()));
        self.engine().perform(&Action::StartContainer { id, identity }).await
    }

    async fn run(&self, attempt: u32, program: Program, fields: serde_json::Value) -> ObservedContainer {
        let container = self.create(attempt, program, fields).await;
        assert_eq!(self.start(&container).await, Outcome::Done(Effect::Started));
        container
    }

    async fn stop(&self, container: &ObservedContainer, stop_timeout: u32) -> Outcome {
        let (id, identity) = (container.id.clone(), Box::new(container.identity.clone()));
        self.engine().perform(&Action::StopContainer { id, identity, stop_timeout }).await
    }

    async fn remove(&self, container: &ObservedContainer) -> Outcome {
        let (id, identity) = (container.id.clone(), Box::new(container.identity.clone()));
        self.engine().perform(&Action::RemoveContainer { id, identity }).await
    }

    async fn remove_network(&self, id: &NetworkId) -> Outcome {
        self.engine().perform(&Action::RemoveNetwork { cluster: self.cluster.clone(), id: id.clone() }).await
    }

    async fn remove_volume(&self, name: &str) -> Outcome {
        self.engine().perform(&Action::RemoveVolume { name: name.to_owned(), cluster: self.cluster.clone() }).await
    }

    async fn find(&self, id_or_name: &str) -> Option<ObservedContainer> {
        self.engine().inspect(id_or_name).await.expect("an answer")
    }

    async fn inspect(&self, container: &ObservedContainer) -> ObservedContainer {
        self.find(&container.id.0).await.expect("it exists")
    }

    /// What the list shows of this cluster.
    async fn list(&self) -> Listing {
        let mut listing = self.engine().list().await.expect("an answer");
        listing.containers.retain(|container| container.identity.task.cluster == self.cluster);
        listing.networks.retain(|network| network.cluster == self.cluster);
        listing.volumes.retain(|volume| volume.cluster == self.cluster);
        listing
    }

    async fn listed(&self, container: &ObservedContainer) -> ObservedContainer {
        let listing = self.list().await;
        listing.containers.into_iter().find(|listed| listed.id == container.id).expect("it is listed")
    }

    /// Looks again and again until what is seen is as wanted.
    async fn until(
        &self,
        what: &str,
        look: impl AsyncFn() -> ObservedContainer,
        wanted: impl Fn(&ObservedContainer) -> bool,
    ) -> ObservedContainer {
        let begun = Instant::now();
        loop {
            let seen = look().await;
            if wanted(&seen) {
                return seen;
            }
            assert!(begun.elapsed() < PATIENCE, "never {what}: {seen:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What is left of a start that failed.
    async fn failed(&self, container: &ObservedContainer) -> ObservedContainer {
        let failed = self.inspect(container).await;
        if self.keeps(Promise::FailedStartIsShown) {
            assert!(matches!(&failed.phase, Phase::StartFailed { message, .. } if !message.is_empty()), "{failed:?}");
        } else {
            assert_eq!(failed.phase, Phase::Created);
        }
        failed
    }

    async fn until_ended(&self, container: &ObservedContainer) -> Exit {
        let ended = self.until(
            "ended",
            async || self.inspect(container).await,
            |seen| matches!(seen.phase, Phase::Exited { .. }),
        );
        exit_of(ended.await)
    }
}

fn created(outcome: Outcome) -> ObservedContainer {
    let Outcome::Done(Effect::Container(container)) = outcome else { panic!("not created: {outcome:?}") };
    *container
}

fn failure(outcome: Outcome) -> Failure {
    let Outcome::Failed(failure) = outcome else { panic!("not a failure: {outcome:?}") };
    failure
}

fn kind_of(outcome: Outcome) -> FailureKind {
    failure(outcome).kind
}

fn exit_of(container: ObservedContainer) -> Exit {
    let Phase::Exited { exit: Some(exit) } = container.phase else { panic!("not ended: {container:?}") };
    exit
}

/// The next hint about a container.
async fn next_hint(hints: &mut BoxStream<'static, Hint>, id: &ContainerId) -> Hint {
    let next = async {
        loop {
            let hint = hints.next().await.expect("the stream goes on");
            if matches!(&hint, Hint::Container(about, _) if about == id) {
                return hint;
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.expect("a hint in time")
}

/// Names every scenario once; each engine makes its tests from this list.
macro_rules! for_every_scenario {
    ($fixture:ty) => {
        $crate::contract::for_every_scenario! { $fixture:
            creating_twice_creates_once,
            the_volumes_of_another_container,
            ports_in_the_network_of_the_host,
            a_foreign_container_keeps_its_name,
            a_task_of_another_source_is_not_doubled,
            starting_twice_is_no_error,
            stopping_twice_is_no_error,
            a_program_that_ignores_the_signal_is_killed,
            what_runs_is_not_removed,
            removing_twice_is_no_error,
            a_missing_image,
            an_image_that_a_container_refers_to_stays,
            a_bad_command_leaves_a_failed_container,
            a_taken_port_leaves_a_failed_container,
            dynamic_ports_are_reported,
            an_end_has_a_code_and_times,
            an_end_for_memory,
            the_list_shows_only_ours,
            an_end_is_inspected_at_once_and_listed_later,
            health_is_known_after_the_first_check,
            sickness_is_found_and_explained,
            labels_survive,
            networks_come_and_go,
            a_container_whose_network_is_gone,
            a_volume_of_a_task,
            a_volume_that_outlives_its_task,
            hints_tell_of_every_change,
            the_last_lines_of_a_log,
        }
    };
    ($fixture:ty: $($scenario:ident,)+) => {
        $(
            #[test]
            fn $scenario() {
                $crate::contract::run::<$fixture>(stringify!($scenario), |world| {
                    Box::pin($crate::contract::scenarios::$scenario(world))
                });
            }
        )+
    };
}
use for_every_scenario;
