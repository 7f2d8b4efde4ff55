//! Hooks of the services of a story: how they end, and what must be true of them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reconcile::desired::{DesiredHook, DesiredService, DesiredState, TaskSpec};
use reconcile::engine::simulated::{Behaviour, Run, Simulated, Start, Subject};
use reconcile::image::PullBehavior;
use reconcile::observed::{ObservedContainer, ObservedState, Phase};
use reconcile::ownership::ContainerIdentity;
use reconcile::plan::{Action, Step};
use reconcile::value::{Family, HookStage, ServiceName};

use super::manifests;
use super::oracle::{Oracle, Scene, key_of};
use super::random::Random;
use super::story::{Draft, SERVICES};

/// How long a hook may run.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How a hook ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Well,
    Fails,
    Hangs,
    CannotStart,
}

impl Fate {
    fn behaviour(self) -> Behaviour {
        let exits = |code, secs| Run::Exits { code, after: Duration::from_secs(secs) };
        match self {
            Self::Well => Behaviour { run: exits(0, 2), ..Behaviour::default() },
            Self::Fails => Behaviour { run: exits(1, 1), ..Behaviour::default() },
            Self::Hangs => Behaviour::default(),
            Self::CannotStart => Behaviour { start: Start::BadCommand, ..Behaviour::default() },
        }
    }
}

/// The hooks of a service, one for each stage at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hooks {
    pub(super) before: Option<Fate>,
    pub(super) after: Option<Fate>,
}

impl Hooks {
    /// Few services have hooks, and most of those end well.
    pub(super) fn random(random: &mut Random) -> Self {
        if !random.percent(20) {
            return Self::default();
        }
        let fates = [Fate::Well, Fate::Well, Fate::Well, Fate::Well, Fate::Fails, Fate::Hangs, Fate::CannotStart];
        let mut fate = |percent| random.percent(percent).then(|| random.pick(&fates));
        Self { before: fate(75), after: fate(50) }
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether a deployment can come by them.
    pub(super) fn are_well(self) -> bool {
        [self.before, self.after].into_iter().flatten().all(|fate| fate == Fate::Well)
    }

    fn each(self) -> impl Iterator<Item = (&'static str, HookStage, Fate)> {
        let before = self.before.map(|fate| ("before", HookStage::PreScaleUp, fate));
        before.into_iter().chain(self.after.map(|fate| ("after", HookStage::PostScaleUp, fate)))
    }
}

impl fmt::Display for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.each().try_for_each(|(name, _, fate)| write!(f, ", a hook {name} it ({fate:?})"))
    }
}

fn image(index: usize, name: &str) -> String {
    format!("{name}-{}:1", SERVICES[index])
}

/// Has the hooks of a service behave as they are to.
pub(super) fn set_behaviours(engine: &mut Simulated, index: usize, draft: &Draft) {
    for (name, _, fate) in draft.hooks.each() {
        engine.set_behaviour(Subject::Image(image(index, name)), fate.behaviour());
    }
}

/// The hooks of a service as the manifests ask for them.
pub(super) fn desired(index: usize, draft: &Draft) -> Vec<DesiredHook> {
    let hook = |(name, stage, _)| {
        let container = manifests::container(name, image(index, name), true, 2);
        let task = TaskSpec::new(Family::new(name).expect("a name"), vec![Arc::new(container)]);
        DesiredHook::new(stage, TIMEOUT, PullBehavior::default(), Arc::new(task))
    };
    draft.hooks.each().map(hook).collect()
}

/// The hook that a container belongs to, where the manifests ask for it as it is, and its service.
fn wanted<'d>(
    identity: &ContainerIdentity,
    desired: &'d DesiredState,
) -> Option<(&'d DesiredService, &'d DesiredHook)> {
    let served = identity.task.service.served();
    let service = desired.clusters.get(&identity.task.cluster)?.services.get(&served)?;
    let mut hooks = service.named_hooks(&served);
    hooks.find(|(name, _)| *name == identity.task.service).map(|(_, hook)| (service, hook))
}

/// Whether a container ended well and in time.
fn has_succeeded(container: &ObservedContainer) -> bool {
    container
        .phase
        .exit()
        .is_some_and(|exit| exit.code == 0 && !exit.oom_killed && exit.finished_at.since(exit.started_at) < TIMEOUT)
}

impl Oracle {
    /// A hook is made when the manifests ask for it, and not again after it has ended well.
    pub(super) fn judge_hook(&mut self, identity: &ContainerIdentity, scene: &Scene<'_>) {
        let task = &identity.task;
        let Some((service, hook)) = wanted(identity, scene.desired) else {
            return self.violate(format!("{task:#} is created though nobody wants it"));
        };
        if service.desired_count == Some(0) || task.revision != hook.service.task.revision {
            self.violate(format!("{task:#} is created though nobody wants it"));
        }
        if self.is_unclear(&key_of(identity), scene) {
            return;
        }
        let mut same = scene.truth.containers.values().filter(|other| {
            let its = &other.identity;
            (&its.task.service, &its.task.cluster, its.task.revision, &its.source)
                == (&task.service, &task.cluster, task.revision, &identity.source)
        });
        if same.any(has_succeeded) {
            self.violate(format!("{task:#} is created though the hook has ended well"));
        }
    }

    /// Two hooks of a service never run at once, and none that has ended is started again.
    pub(super) fn judge_hook_start(&mut self, step: &Step, container: &ObservedContainer, scene: &Scene<'_>) {
        let identity = &container.identity;
        let served = identity.task.service.served();
        let others = scene.truth.containers.values().filter(|other| {
            other.id != container.id
                && other.identity.task.cluster == identity.task.cluster
                && other.identity.task.service.is_hook_of(&served)
                && matches!(other.phase, Phase::Running { .. } | Phase::Paused)
        });
        let others: Vec<_> = others.map(|other| other.identity.clone()).collect();
        if others.iter().any(|other| !self.is_unclear(&key_of(other), scene)) {
            self.violate(format!("{step} while another hook of its service runs"));
        }
    }

    /// **Hooks.** No task of a revision begins before the hook has ended well that comes before it.
    pub(super) fn judge_order_of_hooks(&mut self, identity: &ContainerIdentity, scene: &Scene<'_>) {
        let task = &identity.task;
        let Some(service) =
            scene.desired.clusters.get(&task.cluster).and_then(|wanted| wanted.services.get(&task.service))
        else {
            return;
        };
        if service.task.revision != task.revision || has_begun(identity, scene.truth, scene) {
            return;
        }
        for (name, hook) in service.named_hooks(&task.service).filter(|(_, hook)| hook.stage == HookStage::PreScaleUp) {
            let key = (task.cluster.clone(), name.clone());
            let mut its = scene
                .truth
                .containers
                .values()
                .filter(|other| other.identity.task.service == name && other.identity.task.cluster == task.cluster);
            if !its.any(has_succeeded) && !self.is_unclear(&key, scene) {
                self.violate(format!("{task:#} is created before the hook {} has ended well", hook.family()));
            }
        }
    }
}

/// Whether a task of the revision is there, or is being made.
fn has_begun(identity: &ContainerIdentity, truth: &ObservedState, scene: &Scene<'_>) -> bool {
    let is_of_it = |other: &ContainerIdentity| {
        (&other.task.cluster, &other.task.service, other.task.revision)
            == (&identity.task.cluster, &identity.task.service, identity.task.revision)
    };
    let being_made = scene.open.values().any(|step| match &step.action {
        Action::CreateContainer(new) => is_of_it(&new.identity),
        _ => false,
    });
    being_made || truth.containers.values().any(|other| is_of_it(&other.identity))
}

/// What is left of hooks at the end: nothing that runs, and nothing of another deployment.
pub(super) fn check(truth: &ObservedState, name: &ServiceName, service: &DesiredService) -> Vec<String> {
    let names: Vec<_> = service.named_hooks(name).map(|(name, _)| name).collect();
    let hooks = truth.containers.values().filter(|container| container.identity.task.service.is_hook_of(name));
    let wrong = hooks.filter(|container| {
        let is_live = matches!(container.phase, Phase::Running { .. } | Phase::Paused);
        is_live || !names.contains(&container.identity.task.service)
    });
    wrong.map(|container| format!("{:#} is left over", container.identity.task)).collect()
}
