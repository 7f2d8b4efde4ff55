//! A part of an engine: what a deletion of one cluster or service may see. What it does not see it cannot touch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use futures_util::stream::BoxStream;

use crate::desired::Resources;
use crate::engine::{EngineError, Evidence, Hint, Listing, LogChunk, LogQuery, Observe, Perform, Subjects};
use crate::image::{ImageId, ObservedImage, PullProgress};
use crate::observed::{ContainerId, ObservedContainer, ObservedVolume};
use crate::ownership::{Intervention, Source, TaskKey};
use crate::plan::{Action, Outcome};
use crate::probing::{Answer, Question};
use crate::value::{ClusterName, ServiceName, Timestamp};

/// What is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everything.
    All,
    /// One cluster.
    Cluster(ClusterName),
    /// One service; the network of its cluster stays.
    Service(ClusterName, ServiceName),
    /// One service, and the network that its tasks join.
    Rollout(ClusterName, ServiceName),
    /// These tasks of no service, and the network that they need.
    Standalone(ClusterName, BTreeSet<ServiceName>),
    /// One task of a service, and the network that it is in.
    Task(TaskKey),
    /// Everything but the networks, where it is not said that they are to be seen too.
    Housekeeping {
        /// Whether networks that nobody uses may go.
        networks: bool,
    },
}

/// Whether a task is one of a service, or of a hook of it.
fn is_of(task: &TaskKey, service: &ServiceName) -> bool {
    task.service == *service || task.service.is_hook_of(service)
}

impl Scope {
    pub(super) fn includes(&self, container: &ObservedContainer) -> bool {
        let task = &container.identity.task;
        match self {
            Self::All | Self::Housekeeping { .. } => true,
            Self::Cluster(cluster) => task.cluster == *cluster,
            Self::Service(cluster, service) | Self::Rollout(cluster, service) => {
                task.cluster == *cluster && is_of(task, service)
            }
            Self::Standalone(cluster, names) => task.cluster == *cluster && names.contains(&task.service),
            Self::Task(key) => task == key,
        }
    }

    pub(super) fn includes_cluster(&self, name: &ClusterName) -> bool {
        match self {
            Self::All => true,
            Self::Cluster(cluster) | Self::Standalone(cluster, _) | Self::Rollout(cluster, _) => cluster == name,
            Self::Task(key) => key.cluster == *name,
            Self::Service(..) => false,
            Self::Housekeeping { networks } => *networks,
        }
    }

    /// Whether what somebody asked is asked of something that is seen.
    fn includes_intervention(&self, volume: &ObservedVolume) -> bool {
        let of = |name: &ServiceName| volume.intervention.as_ref().is_some_and(|asked| asked.service == *name);
        match self {
            Self::All => true,
            Self::Cluster(cluster) => volume.cluster == *cluster,
            Self::Service(cluster, service) | Self::Rollout(cluster, service) => {
                volume.cluster == *cluster && of(service)
            }
            Self::Standalone(..) | Self::Task(_) | Self::Housekeeping { .. } => false,
        }
    }

    fn restrict(&self, mut listing: Listing) -> Listing {
        listing.networks.retain(|network| self.includes_cluster(&network.cluster));
        listing.volumes.retain(|volume| match (self, &volume.task) {
            _ if volume.intervention.is_some() => self.includes_intervention(volume),
            (Self::Service(cluster, service) | Self::Rollout(cluster, service), Some(task)) => {
                task.cluster == *cluster && is_of(task, service)
            }
            (Self::Standalone(cluster, names), Some(task)) => task.cluster == *cluster && names.contains(&task.service),
            (Self::Task(key), Some(task)) => task == key,
            (Self::Housekeeping { .. }, Some(_)) => true,
            (Self::Standalone(..) | Self::Task(_) | Self::Housekeeping { .. }, None) => false,
            (Self::All | Self::Cluster(_) | Self::Service(..) | Self::Rollout(..), _) => {
                self.includes_cluster(&volume.cluster)
            }
        });
        listing
    }
}

/// An engine of which only a part is seen.
#[derive(Debug, Clone)]
pub(super) struct Scoped<E> {
    pub(super) engine: Arc<E>,
    pub(super) scope: Scope,
    /// What the first list held that is not in the scope.
    rest: Arc<OnceLock<Vec<ObservedContainer>>>,
}

impl<E> Scoped<E> {
    pub(super) fn new(engine: Arc<E>, scope: Scope) -> Self {
        Self { engine, scope, rest: Arc::default() }
    }

    /// The containers that the first list held and that are not in the scope.
    pub(super) fn rest(&self) -> &[ObservedContainer] {
        self.rest.get().map_or(&[], Vec::as_slice)
    }
}

impl<E: Observe> Observe for Scoped<E> {
    fn describe(&self) -> String {
        self.engine.describe()
    }

    async fn list(&self) -> Result<Listing, EngineError> {
        let mut listing = self.engine.list().await?;
        let (seen, rest) = listing.containers.into_iter().partition(|container| self.scope.includes(container));
        listing.containers = seen;
        let neighbours =
            rest.iter().map(|container: &ObservedContainer| (container.id.clone(), container.clone().into()));
        listing.neighbours.extend(neighbours);
        // A later list tells nothing more that anybody asks for.
        let _ = self.rest.set(rest);
        Ok(self.scope.restrict(listing))
    }

    async fn host(&self) -> Result<Option<Resources>, EngineError> {
        self.engine.host().await
    }

    async fn told_to_stop(&self, since: Timestamp) -> Result<BTreeMap<ContainerId, Timestamp>, EngineError> {
        self.engine.told_to_stop(since).await
    }

    async fn inspect(&self, id_or_name: &str) -> Result<Option<ObservedContainer>, EngineError> {
        let found = self.engine.inspect(id_or_name).await?;
        Ok(found.filter(|container| self.scope.includes(container)))
    }

    fn hints(&self, since: Timestamp, sources: BTreeSet<Source>, subjects: Subjects) -> BoxStream<'static, Hint> {
        self.engine.hints(since, sources, subjects)
    }

    async fn log_tail(&self, id: &ContainerId, lines: usize) -> Result<Vec<String>, EngineError> {
        self.engine.log_tail(id, lines).await
    }

    async fn evidence(
        &self,
        id: &ContainerId,
        lines: usize,
        texts: Vec<String>,
    ) -> Result<Option<Evidence>, EngineError> {
        self.engine.evidence(id, lines, texts).await
    }

    fn logs(&self, id: &ContainerId, query: LogQuery) -> BoxStream<'static, Result<LogChunk, EngineError>> {
        self.engine.logs(id, query)
    }

    async fn probe(&self, question: &Question) -> Answer {
        self.engine.probe(question).await
    }

    async fn look_up_image(&self, reference: &str) -> Result<Option<ObservedImage>, EngineError> {
        self.engine.look_up_image(reference).await
    }

    fn pulls(&self) -> BTreeMap<String, PullProgress> {
        self.engine.pulls()
    }

    async fn image_names(&self) -> Result<Vec<String>, EngineError> {
        self.engine.image_names().await
    }
}

impl<E: Perform> Perform for Scoped<E> {
    async fn perform(&self, action: &Action) -> Outcome {
        self.engine.perform(action).await
    }

    async fn intervene(
        &self,
        cluster: &ClusterName,
        source: &Source,
        intervention: &Intervention,
    ) -> Result<(), EngineError> {
        self.engine.intervene(cluster, source, intervention).await
    }

    async fn remove_images(&self, _: &[(String, ImageId)]) -> Vec<(String, bool)> {
        // Who deletes a part of what there is has no business with images.
        Vec::new()
    }
}
