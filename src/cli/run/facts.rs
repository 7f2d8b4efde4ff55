//! What is known of the tasks of a run: the last that was seen of each container, and what stood in the way of those that never were.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use crate::cli::output::Output;
use crate::cli::render::progress::{Clock, render_event};
use crate::desired::TaskSpec;
use crate::event::{Event, EventKind};
use crate::image::PullProgress;
use crate::observed::{ContainerId, ObservedContainer, ObservedState, Phase};
use crate::ownership::TaskKey;
use crate::plan::{Cause, FailureKind, Plan, Target, Wait, Waiting};
use crate::reconciler::Reconciler;
use crate::status::task::{Circumstances, TaskReport, find_never_started, never_made, read_tasks};
use crate::value::{Attempt, ClusterName, ContainerName, ServiceName, Slot, TaskId, Timestamp};
use crate::watch::Report;

/// What is known.
pub(super) struct Facts {
    task: Arc<TaskSpec>,
    names: BTreeSet<ServiceName>,
    containers: BTreeMap<ContainerId, ObservedContainer>,
    obstacles: BTreeMap<ServiceName, BTreeMap<ContainerName, String>>,
    missing_images: BTreeSet<String>,
    never_started: BTreeMap<ServiceName, BTreeMap<ContainerName, String>>,
}

impl Facts {
    pub(super) fn new(task: Arc<TaskSpec>, names: BTreeSet<ServiceName>) -> Self {
        Self {
            task,
            names,
            containers: BTreeMap::new(),
            obstacles: BTreeMap::new(),
            missing_images: BTreeSet::new(),
            never_started: BTreeMap::new(),
        }
    }

    /// The images that the engine does not have and could not fetch.
    pub(super) fn missing_images(&self) -> BTreeSet<String> {
        self.missing_images.clone()
    }

    /// Remembers what is observed now. What is gone by now stays as it was seen last.
    fn learn(&mut self, observed: &ObservedState) {
        for (service, found) in find_never_started(observed, &self.task) {
            let known = self.never_started.entry(service).or_default();
            for (name, why) in found {
                known.entry(name).or_insert(why);
            }
        }
        for (id, container) in &observed.containers {
            if self.containers.get(id) != Some(container) {
                self.containers.insert(id.clone(), container.clone());
            }
        }
        for (id, container) in &mut self.containers {
            let is_known = matches!(container.phase, Phase::Exited { exit: Some(_) } | Phase::StartFailed { .. });
            if !is_known && !observed.containers.contains_key(id) {
                container.phase = Phase::Removing;
            }
        }
        for (target, failed) in &observed.failed_actions {
            self.learn_failure(target, failed);
        }
    }

    fn learn_failure(&mut self, target: &Target, failed: &crate::observed::FailedAction) {
        let crate::observed::FailedAction { identity, failure, .. } = failed;
        let (kind, containers): (_, Vec<ContainerName>) = match (target, identity) {
            (Target::Image(image), _) => {
                self.missing_images.insert(image.clone());
                let of_image = self.task.containers.iter().filter(|spec| spec.image == *image);
                ("CannotPullContainerError", of_image.map(|spec| spec.name.clone()).collect())
            }
            (Target::NewContainer(_), Some(identity)) => {
                let said = match failure.kind {
                    FailureKind::ImageMissing | FailureKind::Registry => format!("CannotPullContainerError: {failure}"),
                    // It says so itself.
                    FailureKind::ResourceInitialization => failure.to_string(),
                    FailureKind::NameTaken
                    | FailureKind::PortTaken
                    | FailureKind::Gone
                    | FailureKind::Conflict
                    | FailureKind::Refused
                    | FailureKind::Engine
                    | FailureKind::Unreachable => format!("CannotCreateContainerError: {failure}"),
                };
                let obstacle = (identity.container.clone(), said);
                self.obstacles.entry(identity.task.service.clone()).or_default().extend([obstacle]);
                return;
            }
            (Target::ClusterNetwork(_), _) => {
                ("ResourceInitializationError", self.task.containers.iter().map(|spec| spec.name.clone()).collect())
            }
            (Target::NewContainer(_) | Target::Network(_) | Target::Container(_) | Target::Volume(_), _) => return,
        };
        for name in &self.names {
            let obstacles = containers.iter().map(|container| (container.clone(), format!("{kind}: {failure}")));
            self.obstacles.entry(name.clone()).or_default().extend(obstacles);
        }
    }

    /// Remembers what the host does not have for a task, in the words of ECS's `RunTask`.
    fn learn_plan(&mut self, plan: &Plan) {
        for Waiting { about, wait } in &plan.waits {
            let said = match wait {
                Wait::NeverFits(shortage) if shortage.lacks_memory() => format!("RESOURCE:MEMORY: {wait}"),
                Wait::NeverFits(_) => format!("RESOURCE:CPU: {wait}"),
                Wait::Port { .. } => format!("RESOURCE:PORTS: {wait}"),
                Wait::WrongPlatform { .. } => format!("CannotPullContainerError: {wait}"),
                Wait::Action
                | Wait::Health
                | Wait::Checking { .. }
                | Wait::Readiness { .. }
                | Wait::Settle { .. }
                | Wait::Grace { .. }
                | Wait::Backoff { .. }
                | Wait::MinimumHealthy
                | Wait::Maximum
                | Wait::Resources(_)
                | Wait::ResourceQueue { .. }
                | Wait::Retry { .. }
                | Wait::Network
                | Wait::Image
                | Wait::DeploymentFailed { .. }
                | Wait::Held(_)
                | Wait::Hook { .. }
                | Wait::End
                | Wait::Others
                | Wait::Dependency { .. } => continue,
            };
            let Some(service) = about.service.clone() else { continue };
            let of_all = self.task.containers.iter().map(|spec| (spec.name.clone(), said.clone()));
            self.obstacles.entry(service).or_default().extend(of_all);
        }
    }

    /// Every task of the run. `because` says why somebody asked for the end of one, if somebody did.
    pub(super) fn report(
        &self,
        cluster: &ClusterName,
        because: impl Fn(TaskId) -> Option<String>,
        at: Timestamp,
    ) -> Vec<TaskReport> {
        let observed = ObservedState { at, containers: self.containers.clone(), ..ObservedState::default() };
        let circumstances = |key: &TaskKey| Circumstances {
            stopped_because: because(key.id()),
            obstacles: self.obstacles.get(&key.service).cloned().unwrap_or_default(),
            never_started: self.never_started.get(&key.service).cloned().unwrap_or_default(),
            spec: Some(self.task.clone()),
        };
        let mut tasks = read_tasks(&observed, |key, _| circumstances(key));
        for name in &self.names {
            if !tasks.iter().any(|task| task.place.0 == *name) {
                let key = TaskKey {
                    cluster: cluster.clone(),
                    service: name.clone(),
                    slot: Slot(0),
                    revision: self.task.revision,
                    attempt: Attempt::FIRST,
                };
                tasks.push(never_made(&key, &self.task, &circumstances(&key)));
            }
        }
        tasks
    }
}

/// Feeds the facts while the loop runs, and says what a person has to know meanwhile.
pub(super) struct Watcher<'o> {
    facts: Rc<RefCell<Facts>>,
    output: &'o Output,
}

impl<'o> Watcher<'o> {
    pub(super) fn new(facts: Rc<RefCell<Facts>>, output: &'o Output) -> Self {
        Self { facts, output }
    }
}

impl Report for Watcher<'_> {
    fn event(&mut self, event: &Event) {
        // That it begins has been said with its id; how it ended is the result.
        let is_told = match &event.kind {
            EventKind::TaskUnhealthy { .. }
            | EventKind::TaskNotReady { .. }
            | EventKind::TaskUnchecked { .. }
            | EventKind::ImagePulling { .. }
            | EventKind::ImageProgress { .. }
            | EventKind::ImagePulled { .. }
            | EventKind::ActionFailed { .. }
            | EventKind::EngineLost { .. }
            | EventKind::EngineBack { .. }
            | EventKind::WaitingForRoom { .. }
            | EventKind::Waiting { .. } => true,
            EventKind::TaskStopping { cause } => *cause == Cause::Stopped,
            EventKind::TaskStarting { .. }
            | EventKind::TaskRunning
            | EventKind::TaskHealthy
            | EventKind::TaskReady
            | EventKind::TaskDied { .. }
            | EventKind::TaskStopped
            | EventKind::TaskDone { .. }
            | EventKind::BackingOff { .. }
            | EventKind::ContainerRestarting { .. }
            | EventKind::ImageRemoved { .. }
            | EventKind::NetworkCreated
            | EventKind::ServiceSteady { .. }
            | EventKind::DeploymentFailed { .. }
            | EventKind::HeldBack { .. }
            | EventKind::ServiceDeleted
            | EventKind::ManifestsChanged { .. }
            | EventKind::ManifestsInvalid { .. }
            | EventKind::ManifestsUnchanged
            | EventKind::Held { .. } => false,
        };
        if is_told {
            let clock = if self.output.talk_is_live { Clock::Short } else { Clock::Full };
            self.output.say(&render_event(event, clock, self.output.talk));
        }
    }

    fn progress(&mut self, reconciler: &Reconciler, plan: Option<&Plan>) {
        if reconciler.has_listed() {
            self.facts.borrow_mut().learn(reconciler.observed());
        }
        if let Some(plan) = plan {
            self.facts.borrow_mut().learn_plan(plan);
        }
    }

    fn pulling(&mut self, _: &[(String, PullProgress, Timestamp)]) {}

    fn heartbeat(&mut self, reconciler: &Reconciler) {
        if let Some(trouble) = reconciler.trouble() {
            self.output.say(&format!("waiting for the engine: {}", trouble.error));
        }
    }
}
