//! What is ours, and how it is called: the only place that writes or reads a label or builds a name.
//!
//! A container, network or volume is ours when its labels say so, never because of its name. An object without a complete set of
//! labels is somebody else's. Names are built from the same facts, joined by dots: a dot cannot occur in a name of ECS, so two
//! different identities never get one name. Creating an object twice therefore collides, which makes a name the lock on its identity.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::desired::{ContainerSpec, Revision, Scheduling};
use crate::image::{ImageId, ImagePin};
pub use crate::sensitive::is_sensitive;
use crate::value::{Attempt, ClusterName, ContainerName, Family, ServiceName, Slot, TaskId, VolumeName};

mod intervention;
mod recorded;

pub use intervention::{Asked, Intervention};
pub use recorded::RecordedSpec;

/// The prefix of every label of ours. It is reserved: a manifest cannot set a label below it.
pub const LABEL_PREFIX: &str = "reconcile.";

/// The label that every object of ours carries; an engine is asked for it.
pub const CLUSTER: &str = "reconcile.cluster";
/// The label that says who declared an object; an engine is asked for its events by it.
pub const SOURCE: &str = "reconcile.source";
const SERVICE: &str = "reconcile.service";
const SLOT: &str = "reconcile.slot";
const FAMILY: &str = "reconcile.family";
const REVISION: &str = "reconcile.revision";
const ATTEMPT: &str = "reconcile.attempt";
const FAILURES: &str = "reconcile.failures";
const CONTAINER: &str = "reconcile.container";
const ESSENTIAL: &str = "reconcile.essential";
const CONTAINERS: &str = "reconcile.containers";
const POSITION: &str = "reconcile.position";
const DEPLOYMENT: &str = "reconcile.deployment";
const DEPLOYMENT_FAILURES: &str = "reconcile.deployment-failures";
const PREVIOUS: &str = "reconcile.previous-revision";
const INSTEAD_OF: &str = "reconcile.instead-of";
const SPEC: &str = "reconcile.spec";
const VOLUME: &str = "reconcile.volume";
const INTERVENTION: &str = "reconcile.intervention";
const IMAGE: &str = "reconcile.image";
const IMAGE_DIGEST: &str = "reconcile.image-digest";
const SCHEDULING: &str = "reconcile.scheduling-strategy";

/// The label of the images that are made of this very program; its value is the version.
pub const OWN_IMAGE: &str = "reconcile.program";

/// The image of the container that holds the namespaces of a task. The number belongs to what its command line means, not to a release:
/// a newer program finds what an older one made good enough, and replaces no task because of it.
pub const PAUSE_IMAGE: &str = "reconcile-pause:1";
/// The prefix of the labels that hold the user's tags.
const TAG_PREFIX: &str = "reconcile.tag.";

/// The rollout states of a deployment, in ECS's words.
const COMPLETED: &str = "COMPLETED";
const IN_PROGRESS: &str = "IN_PROGRESS";

/// What the label of a daemon says; that of a replica is left out.
const DAEMON: &str = "DAEMON";

/// What stands in a label and in print where a sensitive value was.
pub const SENSITIVE: &str = "(sensitive)";

/// The name of the source of tasks that no manifest declares.
const STANDALONE: &str = "(run)";

/// Who declared an object: a stable name of a directory of manifests, such as its Git remote and path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Source(Arc<str>);

impl Source {
    /// Names a source.
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The source of tasks that no manifest declares: those of `reconcile run`. No directory is ever called so: the name of one is
    /// an address or an absolute path.
    pub fn standalone() -> Self {
        Self::new(STANDALONE)
    }

    /// Whether it is that of tasks that no manifest declares.
    pub fn is_standalone(&self) -> bool {
        &*self.0 == STANDALONE
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One running copy of a task definition, as its containers' labels name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskKey {
    /// The cluster.
    pub cluster: ClusterName,
    /// The service within the cluster.
    pub service: ServiceName,
    /// The place within the service.
    pub slot: Slot,
    /// The content of the task definition.
    pub revision: Revision,
    /// How often the slot had tried this revision, this try included.
    pub attempt: Attempt,
}

impl TaskKey {
    /// The id of the task: its own when it belongs to no service; otherwise one that follows from the rest of the key.
    pub fn id(&self) -> TaskId {
        let Self { cluster, service, slot, revision, attempt } = self;
        service.standalone_id().unwrap_or_else(|| {
            let digest = Sha256::digest(format!("{cluster}/{service}/{slot}/{revision}/{attempt}"));
            let mut bytes = [0; TaskId::BYTES];
            bytes.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
            TaskId::new(bytes)
        })
    }
}

impl fmt::Display for TaskKey {
    /// `shop/web/0`, what people read; `{:#}` adds revision and attempt: `shop/web/0 @9c1d42 attempt 2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.cluster, self.service, self.slot)?;
        if f.alternate() {
            write!(f, " @{} attempt {}", self.revision.short(), self.attempt)?;
        }
        Ok(())
    }
}

/// How the deployment stood that made a container: what a later look cannot find out any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentMark {
    /// Whether it had completed by then: what fails later is no failure of the deployment.
    pub completed: bool,
    /// The revision that the last completed deployment before it had brought: where a rollback goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Revision>,
    /// The revision that had failed and that it was made instead of: it is a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<Revision>,
    /// How many failures in a row of the slot count against it. Unlike those that the backoff grows with they leave out what somebody
    /// killed, and what something else was to blame for.
    #[serde(default)]
    pub failures: u32,
}

impl DeploymentMark {
    fn labels(&self) -> impl Iterator<Item = (&'static str, String)> {
        let Self { completed, previous, instead_of, failures } = self;
        let state = if *completed { COMPLETED } else { IN_PROGRESS };
        let previous = previous.map(|revision| (PREVIOUS, revision.to_string()));
        let instead_of = instead_of.map(|revision| (INSTEAD_OF, revision.to_string()));
        let state = [(DEPLOYMENT, state.to_owned()), (DEPLOYMENT_FAILURES, failures.to_string())];
        state.into_iter().chain(previous).chain(instead_of)
    }

    /// What an earlier release made says nothing of it, and is taken for completed.
    fn read<'a>(label: &impl Fn(&str) -> Option<&'a str>) -> Self {
        let revision = |key| label(key).and_then(|text| Revision::parse(text).ok());
        Self {
            completed: label(DEPLOYMENT) != Some(IN_PROGRESS),
            previous: revision(PREVIOUS),
            instead_of: revision(INSTEAD_OF),
            // An earlier release had one count for both.
            failures: label(DEPLOYMENT_FAILURES)
                .or(label(FAILURES))
                .and_then(|text| text.parse().ok())
                .unwrap_or_default(),
        }
    }
}

/// Everything that the labels of a container say, but for its spec.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerIdentity {
    /// The task that it belongs to.
    pub task: TaskKey,
    /// Its name in the task definition.
    pub container: ContainerName,
    /// The directory that declared it.
    pub source: Source,
    /// The family of the task definition.
    pub family: Family,
    /// How many tries of the slot had failed in a row before this one: what the backoff grows with.
    pub failures: u32,
    /// Whether its end ends the task.
    pub essential: bool,
    /// How many containers the task has in all.
    pub containers: u32,
    /// Its place among them, as the task definition lists them; from 0.
    #[serde(default)]
    pub position: u32,
    /// How its deployment stood when it was made.
    #[serde(default)]
    pub deployment: DeploymentMark,
    /// The image that every task of its deployment is made from; `None` when each is made from what the tag means then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImagePin>,
    /// How its service was placed when it was made: what nobody wants any more is in no manifest.
    #[serde(default, skip_serializing_if = "Scheduling::is_replica")]
    pub scheduling: Scheduling,
}

impl ContainerIdentity {
    /// The labels of the container, the user's own first, ours on top.
    pub fn labels(&self, spec: &ContainerSpec) -> BTreeMap<String, String> {
        let Self {
            task,
            container,
            source,
            family,
            failures,
            essential,
            containers,
            position,
            deployment,
            image,
            scheduling,
        } = self;
        let TaskKey { cluster, service, slot, revision, attempt } = task;
        let ours = [
            (CLUSTER, cluster.to_string()),
            (SOURCE, source.to_string()),
            (SERVICE, service.to_string()),
            (SLOT, slot.to_string()),
            (FAMILY, family.to_string()),
            (REVISION, revision.to_string()),
            (ATTEMPT, attempt.to_string()),
            (FAILURES, failures.to_string()),
            (CONTAINER, container.to_string()),
            (ESSENTIAL, essential.to_string()),
            (CONTAINERS, containers.to_string()),
            (POSITION, position.to_string()),
            (SPEC, spec_text(spec)),
        ];
        let pinned = image.iter().flat_map(|ImagePin { id, digest }| {
            let digest = digest.as_ref().map(|digest| (IMAGE_DIGEST, digest.to_string()));
            std::iter::once((IMAGE, id.to_string())).chain(digest)
        });
        let daemon = (!scheduling.is_replica()).then(|| (SCHEDULING, DAEMON.to_owned()));
        let mut labels = spec.docker_labels.clone();
        labels.extend(spec.task.tags.iter().map(|(key, value)| (format!("{TAG_PREFIX}{key}"), value.clone())));
        labels.extend(
            ours.into_iter()
                .chain(deployment.labels())
                .chain(pinned)
                .chain(daemon)
                .map(|(key, value)| (key.to_owned(), value)),
        );
        labels
    }

    /// Reads the labels of a container; `None` when it is not, or not wholly, ours.
    pub fn read<'a>(label: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        Some(Self {
            task: read_task(&label)?,
            container: ContainerName::new(label(CONTAINER)?).ok()?,
            source: Source::new(label(SOURCE)?),
            family: Family::new(label(FAMILY)?).ok()?,
            failures: label(FAILURES)?.parse().ok()?,
            essential: label(ESSENTIAL)?.parse().ok()?,
            containers: label(CONTAINERS)?.parse().ok()?,
            position: label(POSITION).and_then(|text| text.parse().ok()).unwrap_or_default(),
            deployment: DeploymentMark::read(&label),
            image: label(IMAGE).map(|id| ImagePin { id: ImageId::new(id), digest: label(IMAGE_DIGEST).map(Arc::from) }),
            scheduling: if label(SCHEDULING) == Some(DAEMON) { Scheduling::Daemon } else { Scheduling::Replica },
        })
    }

    /// The names that the container may have, the best first.
    ///
    /// The later ones are for the case that somebody else's object already has the first: that object is not touched.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let TaskKey { cluster, service, slot, revision, attempt } = &self.task;
        let name = format!("{cluster}.{service}.{slot}.{}.{}.{attempt}", self.container, revision.short());
        std::iter::once(name.clone()).chain((2..=NAMES_TRIED_MAX).map(move |n| format!("{name}.{n}")))
    }

    /// The best of its names: what it is called unless somebody else's container has that name.
    pub fn name(&self) -> String {
        self.names().next().unwrap_or_default()
    }
}

/// How many names are tried before a name held by somebody else is an error. Each try costs one call; one foreign holder is
/// already rare, five are a person at work who wants to be told.
const NAMES_TRIED_MAX: u32 = 5;

fn read_task<'a>(label: &impl Fn(&str) -> Option<&'a str>) -> Option<TaskKey> {
    Some(TaskKey {
        cluster: ClusterName::new(label(CLUSTER)?).ok()?,
        service: ServiceName::read(label(SERVICE)?).ok()?,
        slot: Slot(label(SLOT)?.parse().ok()?),
        revision: Revision::parse(label(REVISION)?).ok()?,
        attempt: Attempt(label(ATTEMPT)?.parse().ok()?),
    })
}

/// The spec as a label: canonical JSON without the values that are nobody's business.
pub(crate) fn spec_text(spec: &ContainerSpec) -> String {
    serde_json::to_string(&redact(spec)).expect("a container spec holds only texts, numbers and flags under text keys")
}

/// A copy of `spec` in which each sensitive value of the environment and of the options of the log driver is replaced by
/// [`SENSITIVE`].
pub fn redact(spec: &ContainerSpec) -> ContainerSpec {
    let mut redacted = spec.clone();
    let log_options = redacted.options.log_configuration.iter_mut().flat_map(|log| &mut log.options);
    for (name, value) in redacted.environment.iter_mut().chain(log_options) {
        if is_sensitive(name, value) {
            SENSITIVE.clone_into(value);
        }
    }
    redacted
}

/// The name of a cluster's network. Docker lets several networks have one name, so a network is addressed by its id.
pub fn network_name(cluster: &ClusterName) -> String {
    format!("{LABEL_PREFIX}{cluster}")
}

/// Whether a network, or a volume that says what somebody asks, could be called so. It proves nothing: the labels do.
pub fn may_be_name(name: &str) -> bool {
    name.starts_with(LABEL_PREFIX)
}

/// The labels of an object that belongs to a cluster as a whole: its network, a shared volume.
pub fn cluster_labels(cluster: &ClusterName, source: &Source) -> BTreeMap<String, String> {
    BTreeMap::from([(CLUSTER.to_owned(), cluster.to_string()), (SOURCE.to_owned(), source.to_string())])
}

/// Reads who declared an object.
pub fn read_source<'a>(label: impl Fn(&str) -> Option<&'a str>) -> Option<Source> {
    label(SOURCE).map(Source::new)
}

/// Reads the labels of an object that belongs to a cluster as a whole.
pub fn read_cluster<'a>(label: impl Fn(&str) -> Option<&'a str>) -> Option<(ClusterName, Source)> {
    Some((ClusterName::new(label(CLUSTER)?).ok()?, Source::new(label(SOURCE)?)))
}

/// The name on the host of a volume that lives as long as its task.
pub fn task_volume_name(task: &TaskKey, volume: &VolumeName) -> String {
    let TaskKey { cluster, service, slot, revision, attempt } = task;
    format!("{cluster}.{service}.{slot}.{volume}.{}.{attempt}", revision.short())
}

/// The labels of a volume that lives as long as its task.
pub fn task_volume_labels(task: &TaskKey, source: &Source, volume: &VolumeName) -> BTreeMap<String, String> {
    let TaskKey { cluster, service, slot, revision, attempt } = task;
    let mut labels = cluster_labels(cluster, source);
    labels.extend(
        [
            (SERVICE, service.to_string()),
            (SLOT, slot.to_string()),
            (REVISION, revision.to_string()),
            (ATTEMPT, attempt.to_string()),
            (VOLUME, volume.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    labels
}

/// The labels of the volume that says what a person asked of a service.
pub fn intervention_labels(
    cluster: &ClusterName,
    source: &Source,
    intervention: &Intervention,
) -> BTreeMap<String, String> {
    let text = serde_json::to_string(intervention).expect("it holds only texts and numbers under text keys");
    let mut labels = cluster_labels(cluster, source);
    labels.insert(INTERVENTION.to_owned(), text);
    labels
}

/// Reads what a person asked of a service; `None` of any other volume, and of what a later release wrote in a way of its own.
pub fn read_intervention<'a>(label: impl Fn(&str) -> Option<&'a str>) -> Option<Intervention> {
    serde_json::from_str(label(INTERVENTION)?).ok()
}

/// Reads which task a volume lives and dies with; `None` for a volume that outlives every task.
pub fn read_task_volume<'a>(label: impl Fn(&str) -> Option<&'a str>) -> Option<TaskKey> {
    label(VOLUME)?;
    read_task(&label)
}

#[cfg(test)]
mod tests;
