//! What the programs in the simulated containers do, and how long the engine takes: data, chosen by the caller.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::desired::Revision;
use crate::ownership::{ContainerIdentity, TaskKey};
use crate::plan::Action;
use crate::value::{ClusterName, ContainerName, Family, ServiceName};

/// What a program does, from its start to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// Whether it can be started at all.
    pub start: Start,
    /// When it ends by itself.
    pub run: Run,
    /// What its health check finds, whoever carries it out. Without effect when the container has no health check.
    pub health: Checks,
    /// What its readiness check finds. Without effect when the container has none.
    pub readiness: Checks,
    /// What it does when it is asked to end.
    pub stop: Stop,
    /// What it has written, oldest line first.
    pub log: Vec<String>,
}

/// Whether a program can be started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// It starts.
    #[default]
    Ok,
    /// The image has no such program: the engine fails to start it and leaves the container.
    BadCommand,
    /// The engine goes away as it starts it, and leaves the container.
    EngineLeaves,
}

/// When a program ends by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Run {
    /// Never.
    #[default]
    Forever,
    /// With an exit code, some time after its start.
    Exits {
        /// The exit code.
        code: i64,
        /// How long it runs.
        after: Duration,
    },
    /// The kernel kills it for memory, some time after its start.
    Oom {
        /// How long it runs.
        after: Duration,
    },
}

/// What a health check finds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Checks {
    /// Every check succeeds.
    #[default]
    Healthy,
    /// No check succeeds.
    Never,
    /// Well for one period, sick for the next, and so on.
    Flaps(Duration),
    /// Well until so long after its start, sick from then on.
    SickAfter(Duration),
    /// Sick until so long after its start, well from then on.
    HealthyAfter(Duration),
    /// Every check takes until its timeout.
    Hang,
}

/// What a program does when it is asked to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stop {
    /// It ends at once.
    #[default]
    Prompt,
    /// It goes on until the engine kills it.
    IgnoresTerm,
    /// It ends after so long, or when the engine kills it.
    Slow(Duration),
}

/// Whose behaviour it is. The most exact subject wins: a container of one service before one of any, that before a revision before a
/// family before an image before the default.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Every container made from this image.
    Image(String),
    /// Every container of this family.
    Family(Family),
    /// Every container of this revision.
    Revision(Revision),
    /// The container of this name of this revision.
    Container(Revision, ContainerName),
    /// The container of this name of this revision, in the tasks of one service: others may have tasks of the same revision.
    OfService(ClusterName, ServiceName, Revision, ContainerName),
}

/// Who behaves how.
#[derive(Debug, Clone, Default)]
pub(super) struct Behaviours {
    pub(super) of_subject: BTreeMap<Subject, Arc<Behaviour>>,
    pub(super) of_others: Arc<Behaviour>,
}

impl Behaviours {
    /// How a container of this identity and image behaves.
    pub(super) fn of(&self, identity: &ContainerIdentity, image: Option<&str>) -> Arc<Behaviour> {
        if self.of_subject.is_empty() {
            return self.of_others.clone();
        }
        let TaskKey { cluster, service, slot: _, revision, attempt: _ } = &identity.task;
        let container = || identity.container.clone();
        let subjects = [
            Some(Subject::OfService(cluster.clone(), service.clone(), *revision, container())),
            Some(Subject::Container(*revision, container())),
            Some(Subject::Revision(*revision)),
            Some(Subject::Family(identity.family.clone())),
            image.map(|image| Subject::Image(image.to_owned())),
        ];
        let found = subjects.into_iter().flatten().find_map(|subject| self.of_subject.get(&subject));
        found.unwrap_or(&self.of_others).clone()
    }
}

/// Whether the engine has an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Image {
    /// It has it.
    #[default]
    Present,
    /// It does not, and a pull brings it.
    Pullable,
    /// It does not, and no pull brings it.
    Missing,
}

/// How long the engine takes for a call that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Creating or removing a network.
    pub network: Duration,
    /// Fetching an image.
    pub pull: Duration,
    /// Creating a container.
    pub create: Duration,
    /// Starting a container.
    pub start: Duration,
    /// From the request to stop until a prompt program has ended.
    pub stop: Duration,
    /// Removing a container or a volume.
    pub remove: Duration,
    /// For how long a list goes on to show a container as running whose program has ended.
    pub list_lag: Duration,
}

impl Pace {
    /// Medians of Docker 20.10 on four cores, with a user-defined bridge. A pull has no typical time; this one is a guess.
    pub const TYPICAL: Self = Self {
        network: Duration::from_millis(90),
        pull: Duration::from_secs(5),
        create: Duration::from_millis(9),
        start: Duration::from_millis(343),
        stop: Duration::from_millis(42),
        remove: Duration::from_millis(9),
        list_lag: Duration::from_millis(125),
    };

    /// No call takes time and the list is never late.
    pub const INSTANT: Self = Self {
        network: Duration::ZERO,
        pull: Duration::ZERO,
        create: Duration::ZERO,
        start: Duration::ZERO,
        stop: Duration::ZERO,
        remove: Duration::ZERO,
        list_lag: Duration::ZERO,
    };

    /// How long `action` takes until it has happened; of a stop, until the program is asked to end.
    pub(super) fn of(&self, action: &Action) -> Duration {
        match action {
            Action::CreateNetwork { .. } | Action::RemoveNetwork { .. } => self.network,
            Action::PullImage { .. } => self.pull,
            Action::CreateContainer(_) => self.create,
            Action::StartContainer { .. } => self.start,
            Action::StopContainer { .. } => Duration::ZERO,
            Action::RemoveContainer { .. } | Action::RemoveVolume { .. } => self.remove,
        }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::TYPICAL
    }
}
