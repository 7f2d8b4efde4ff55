//! What happened: a reason for machines and a sentence for people.

use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::change::text::{after_failures, count_of};
use crate::desired::Revision;
use crate::image::PullProgress;
use crate::plan::{About, Cause, Failure, duration_text};
use crate::value::Timestamp;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// To what; `None` when it concerns the whole run.
    pub about: Option<About>,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A task begins.
    TaskStarting {
        /// Why.
        cause: Cause,
    },
    /// All containers of a task run.
    TaskRunning,
    /// A task counts as healthy.
    TaskHealthy,
    /// A health check failed as often as it may.
    TaskUnhealthy {
        /// What it said.
        output: String,
    },
    /// A task can do its work.
    TaskReady,
    /// A readiness check failed as often as it may.
    TaskNotReady {
        /// What it said.
        output: String,
    },
    /// A task cannot be checked from here.
    TaskUnchecked {
        /// Why, and what to do.
        reason: String,
    },
    /// An essential container ended by itself.
    TaskDied {
        /// How, in a sentence.
        reason: String,
    },
    /// A container ended, and its restart policy has it started again in place; its task goes on.
    ContainerRestarting {
        /// How it ended, in a sentence.
        reason: String,
    },
    /// A task is asked to end.
    TaskStopping {
        /// Why.
        cause: Cause,
    },
    /// Nothing of a task that was asked to end runs any more.
    TaskStopped,
    /// The task of a hook has done its work.
    TaskDone {
        /// How it ended, in a sentence.
        reason: String,
    },
    /// The next try is put off.
    BackingOff {
        /// Until when.
        until: Timestamp,
        /// How many tries have failed in a row.
        failures: u32,
    },
    /// A task that should begin waits for processor time or memory of the host, or could never have them.
    WaitingForRoom {
        /// What is missing, or who comes first.
        reason: String,
    },
    /// An image is being fetched.
    ImagePulling {
        /// Its reference.
        image: String,
    },
    /// How far the fetch of an image is.
    ImageProgress {
        /// Its reference.
        image: String,
        /// How far.
        progress: PullProgress,
        /// Since when it is being fetched.
        since: Timestamp,
    },
    /// An image has been fetched.
    ImagePulled {
        /// Its reference.
        image: String,
        /// How long it took.
        took: Duration,
    },
    /// An image that we had fetched and that nobody needed any more was removed.
    ImageRemoved {
        /// Its reference.
        image: String,
    },
    /// The engine said no.
    ActionFailed {
        /// To what: `create shop/web/0 web @9c1d42`.
        action: String,
        /// What it said.
        failure: Failure,
    },
    /// A cluster has its network.
    NetworkCreated,
    /// Every task of a service is well and of the wanted revision.
    ServiceSteady {
        /// How many are healthy.
        healthy: u32,
        /// How many there should be.
        desired: u32,
        /// How long it took, where it was changed.
        took: Option<Duration>,
    },
    /// A deployment was given up.
    DeploymentFailed {
        /// The revision that failed.
        failed: Revision,
        /// How many of its tasks failed.
        failures: u32,
        /// How the last of them failed, where that is known.
        reason: Option<String>,
        /// The revision that takes its place, if there is one to go back to.
        rolled_back_to: Option<Revision>,
    },
    /// Somebody holds the service back, beside its manifest.
    HeldBack {
        /// How.
        reason: String,
    },
    /// Nothing of a service that nobody wants is left.
    ServiceDeleted,
    /// The engine does not answer any more.
    EngineLost {
        /// What was the last thing heard.
        reason: String,
        /// Since when.
        since: Timestamp,
    },
    /// The engine answers again.
    EngineBack {
        /// For how long it had not.
        after: Duration,
    },
    /// Manifests changed, and what they ask for is in force.
    ManifestsChanged {
        /// The files that changed, as the user names them.
        files: Vec<String>,
    },
    /// Manifests changed and cannot be used; what was last valid stays in force.
    ManifestsInvalid {
        /// How many errors they have.
        errors: usize,
    },
    /// Manifests changed, and ask for the same as before.
    ManifestsUnchanged,
    /// What the manifests ask for is not done until somebody insists.
    Held {
        /// Why, in a sentence.
        reason: String,
        /// What to do when it is meant.
        release: String,
    },
    /// It is still waited for something: a sign of life where otherwise nothing would be said for long.
    Waiting {
        /// For what, in words.
        reason: String,
        /// Since when.
        since: Timestamp,
    },
}

impl EventKind {
    /// The reason for machines, in CamelCase. It is never given a new meaning.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TaskStarting { .. } => "TaskStarting",
            Self::TaskRunning => "TaskRunning",
            Self::TaskHealthy => "TaskHealthy",
            Self::TaskUnhealthy { .. } => "TaskUnhealthy",
            Self::TaskReady => "TaskReady",
            Self::TaskNotReady { .. } => "TaskNotReady",
            Self::TaskUnchecked { .. } => "TaskUnchecked",
            Self::TaskDied { .. } => "TaskDied",
            Self::ContainerRestarting { .. } => "ContainerRestarting",
            Self::TaskStopping { .. } => "TaskStopping",
            Self::TaskStopped => "TaskStopped",
            Self::TaskDone { .. } => "TaskDone",
            Self::BackingOff { .. } => "BackingOff",
            Self::WaitingForRoom { .. } => "WaitingForRoom",
            Self::ImagePulling { .. } => "ImagePulling",
            Self::ImageProgress { .. } => "ImageProgress",
            Self::ImagePulled { .. } => "ImagePulled",
            Self::ImageRemoved { .. } => "ImageRemoved",
            Self::ActionFailed { .. } => "ActionFailed",
            Self::NetworkCreated => "NetworkCreated",
            Self::ServiceSteady { .. } => "ServiceSteady",
            Self::DeploymentFailed { .. } => "DeploymentFailed",
            Self::HeldBack { .. } => "HeldBack",
            Self::ServiceDeleted => "ServiceDeleted",
            Self::EngineLost { .. } => "EngineLost",
            Self::EngineBack { .. } => "EngineBack",
            Self::ManifestsChanged { .. } => "ManifestsChanged",
            Self::ManifestsInvalid { .. } => "ManifestsInvalid",
            Self::ManifestsUnchanged => "ManifestsUnchanged",
            Self::Held { .. } => "Held",
            Self::Waiting { .. } => "Waiting",
        }
    }

    /// One word for people: what a line of progress begins with.
    pub fn word(&self) -> &'static str {
        match self {
            Self::TaskStarting { .. } => "starting",
            Self::TaskRunning => "running",
            Self::TaskHealthy => "healthy",
            Self::TaskUnhealthy { .. } => "unhealthy",
            Self::TaskReady => "ready",
            Self::TaskNotReady { .. } => "not ready",
            Self::TaskUnchecked { .. } => "unchecked",
            Self::TaskDied { .. } => "died",
            Self::ContainerRestarting { .. } => "restarting",
            Self::TaskStopping { .. } => "stopping",
            Self::TaskStopped => "stopped",
            Self::TaskDone { .. } => "done",
            Self::BackingOff { .. } | Self::WaitingForRoom { .. } | Self::Waiting { .. } => "waiting",
            Self::ImagePulling { .. } | Self::ImageProgress { .. } => "pulling",
            Self::ImagePulled { .. } => "pulled",
            Self::ImageRemoved { .. } => "removed",
            Self::ActionFailed { .. } | Self::DeploymentFailed { .. } => "failed",
            Self::NetworkCreated => "created",
            Self::ServiceSteady { .. } => "steady",
            Self::ServiceDeleted => "deleted",
            Self::EngineLost { .. } => "lost",
            Self::EngineBack { .. } => "back",
            Self::ManifestsChanged { .. } => "changed",
            Self::ManifestsInvalid { .. } => "invalid",
            Self::ManifestsUnchanged => "unchanged",
            Self::Held { .. } | Self::HeldBack { .. } => "held",
        }
    }
}

impl Event {
    /// What happened, in a sentence without a full stop. It goes on from the [word](EventKind::word) and may be empty.
    pub fn sentence(&self) -> String {
        match &self.kind {
            // How the one before ended has just been told.
            EventKind::TaskStarting { cause: Cause::Died { .. } | Cause::Unhealthy { .. } } => {
                "in place of the one that failed".to_owned()
            }
            EventKind::TaskStarting { cause } | EventKind::TaskStopping { cause } => cause.to_string(),
            EventKind::TaskUnhealthy { output } if output.is_empty() => "its health check failed".to_owned(),
            EventKind::TaskUnhealthy { output } => format!("its health check failed: {output}"),
            EventKind::TaskNotReady { output } if output.is_empty() => "its readiness check failed".to_owned(),
            EventKind::TaskNotReady { output } => format!("its readiness check failed: {output}"),
            EventKind::TaskUnchecked { reason }
            | EventKind::TaskDied { reason }
            | EventKind::TaskDone { reason }
            | EventKind::ContainerRestarting { reason }
            | EventKind::HeldBack { reason }
            | EventKind::WaitingForRoom { reason } => reason.clone(),
            EventKind::TaskRunning | EventKind::TaskHealthy | EventKind::TaskReady | EventKind::TaskStopped => {
                String::new()
            }
            EventKind::BackingOff { until, failures } => {
                let times = if *failures == 1 { "once".to_owned() } else { format!("{failures} times in a row") };
                format!("failed {times}; next try in {}", duration_text(until.since(self.at)))
            }
            EventKind::ImagePulling { image } => image.clone(),
            EventKind::ImageRemoved { image } => format!("{image}: no container refers to it"),
            EventKind::ImageProgress { image, progress, since } => {
                format!("{image}: {progress}, for {}", duration_text(self.at.since(*since)))
            }
            EventKind::ImagePulled { image, took } => format!("{image} in {}", duration_text(*took)),
            EventKind::ActionFailed { action, failure } => format!("{action}: {failure}"),
            EventKind::NetworkCreated => "its network".to_owned(),
            EventKind::ServiceSteady { healthy, desired, took } => {
                let took = took.map_or_else(String::new, |took| format!(" in {}", duration_text(took)));
                format!("{healthy}/{desired} healthy{took}")
            }
            EventKind::DeploymentFailed { failed, failures, reason, rolled_back_to } => {
                let how = after_failures(*failures, reason.as_deref());
                let next = match rolled_back_to {
                    Some(revision) if *failures == 0 => format!("revision {} serves", revision.short()),
                    Some(revision) => format!("rolling back to revision {}", revision.short()),
                    None => "there is nothing to roll back to, and no more tasks are started".to_owned(),
                };
                format!("the deployment of revision {}{how}; {next}", failed.short())
            }
            EventKind::ServiceDeleted => "no task of it is left".to_owned(),
            EventKind::EngineLost { reason, since } => {
                format!("no answer since {since}: {reason}; tasks keep running, nothing is decided meanwhile")
            }
            EventKind::EngineBack { after } => format!("answers again after {}", duration_text(*after)),
            EventKind::ManifestsChanged { files } => name_some(files),
            EventKind::ManifestsInvalid { errors } => {
                let errors = count_of(*errors as u64, "error");
                format!("{errors} in the manifests; what was last valid stays in force, and nothing was stopped")
            }
            EventKind::ManifestsUnchanged => "the manifests ask for the same as before".to_owned(),
            EventKind::Held { reason, release } => format!("{reason}; nothing was done. If it is meant: {release}"),
            EventKind::Waiting { reason, since } => {
                format!("{reason}, for {}", duration_text(self.at.since(*since)))
            }
        }
    }
}

/// A few names, and how many more there are: after a change of branch it may be hundreds.
fn name_some(names: &[String]) -> String {
    const SHOWN_MAX: usize = 3;
    let shown = names.iter().take(SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl Serialize for Event {
    /// `{"at":"2026-08-14T09:41:07Z","cluster":"shop","service":"web","slot":0,"reason":"TaskDied","message":"…"}`
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("at", &self.at.to_string())?;
        if let Some(About { cluster, service, slot }) = &self.about {
            map.serialize_entry("cluster", cluster)?;
            if let Some(service) = service {
                map.serialize_entry("service", service)?;
            }
            if let Some(slot) = slot {
                map.serialize_entry("slot", slot)?;
            }
        }
        map.serialize_entry("reason", self.kind.reason())?;
        map.serialize_entry("message", &self.sentence())?;
        map.end()
    }
}
