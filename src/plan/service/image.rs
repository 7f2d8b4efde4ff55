//! Which image the tasks of a service are made from, and when it is fetched first.
//!
//! The first task of a deployment looks up what its tags mean; the answer stands in the labels of its containers, and all later tasks
//! of the revision are made from the same images. What the engine has under a reference is a fact that is asked for only when a task is
//! to be made: a service at rest asks for nothing and fetches nothing.

use std::time::Duration;

use super::Planner;
use crate::desired::ContainerSpec;
use crate::image::{ImagePin, ObservedImage, PullBehavior, VersionConsistency};
use crate::plan::{Action, Cause, Step, Target, Wait};

/// How long a fetch counts for the tasks that are waiting for it, however it ended. Long enough for all slots of a rollout to begin,
/// short enough that the next deployment asks again.
pub(crate) const FETCH_COUNTS_FOR: Duration = Duration::from_mins(1);

/// How long it is believed that the engine has an image, while a task waits for something else, such as the end of another one.
const PRESENT_COUNTS_FOR: Duration = Duration::from_mins(1);

/// How long it is believed that the engine does not have an image: somebody may be building it just now, and asking
/// costs a millisecond.
const ABSENT_COUNTS_FOR: Duration = Duration::from_secs(1);

/// What is known of an image.
enum Known<'a> {
    /// Nothing that can still be relied on.
    Unknown,
    /// The engine does not have it.
    Absent,
    /// The engine has it.
    Present(&'a ObservedImage),
}

impl<'a> Planner<'_, 'a> {
    /// What there is to wait for before the containers of a task can be made; look-ups and fetches are planned here, those of all
    /// containers at once.
    pub(super) fn image_wait(&mut self) -> Option<Wait> {
        let service = self.service;
        let waits: Vec<_> = service.task.containers.iter().filter_map(|spec| self.wait_for_image(spec)).collect();
        // What somebody has to do something about is more telling than what comes by itself.
        let is_telling = |wait: &&Wait| **wait != Wait::Image;
        waits.iter().find(is_telling).or(waits.first()).cloned()
    }

    /// The image of the deployment, for a container that is to be made now: that of its other tasks, or what the tag means.
    pub(super) fn pin(&self, spec: &ContainerSpec) -> Option<ImagePin> {
        match spec.version_consistency {
            VersionConsistency::Disabled => None,
            VersionConsistency::Enabled => self.pinned(spec).cloned().or_else(|| match self.known(&spec.image) {
                Known::Present(image) => Some(image.pin(&spec.image)),
                Known::Absent | Known::Unknown => None,
            }),
        }
    }

    /// The image from which the first container of this name and revision was made.
    fn pinned(&self, spec: &ContainerSpec) -> Option<&'a ImagePin> {
        match spec.version_consistency {
            VersionConsistency::Disabled => None,
            VersionConsistency::Enabled => self.made_before(spec).find_map(|pin| pin),
        }
    }

    /// The images of the containers of this name and revision that exist or are being made.
    fn made_before<'s>(&'s self, spec: &'s ContainerSpec) -> impl Iterator<Item = Option<&'a ImagePin>> + 's {
        let tasks = self.members.iter().filter(|member| member.current);
        let containers = tasks.filter_map(|member| member.view.container(&spec.name));
        containers.map(|container| container.identity.image.as_ref())
    }

    fn wait_for_image(&mut self, spec: &ContainerSpec) -> Option<Wait> {
        if let Some(pin) = self.pinned(spec) {
            return self.wait_for_pinned(spec, pin);
        }
        if self.must_fetch(spec) {
            return Some(self.fetch(spec, &spec.image));
        }
        self.world.plan.used_images.insert(spec.image.clone());
        match self.known(&spec.image) {
            Known::Unknown => {
                self.world.plan.unknown_images.insert(spec.image.clone());
                Some(Wait::Image)
            }
            // A registry that gives an image which is then not there: the engine will say more when it is to make a container of it.
            Known::Absent if self.has_fetched(&spec.image) => None,
            Known::Absent => Some(self.fetch(spec, &spec.image)),
            Known::Present(image) => self.wait_for_platform(spec, image),
        }
    }

    /// Who names the processor knows what he does: perhaps the host emulates it. The registry may have the image for it, where the host
    /// has it for another one; without a registry the engine says more when it is to make a container of it.
    fn wait_for_platform(&mut self, spec: &ContainerSpec, image: &ObservedImage) -> Option<Wait> {
        let Some(wanted) = spec.platform() else {
            return image.unfit_host().map(|host| Wait::WrongPlatform {
                image: spec.image.clone(),
                made_for: image.platform.clone(),
                host: host.clone(),
            });
        };
        let has_asked = self.has_fetched(&spec.image) || self.has_failed_to_fetch(&spec.image);
        (!has_asked && !wanted.can_run(&image.platform)).then(|| self.fetch(spec, &spec.image))
    }

    /// A later task of a deployment is made from its image as long as the host has it; from the registry that image can be had again
    /// by its digest.
    fn wait_for_pinned(&mut self, spec: &ContainerSpec, pin: &ImagePin) -> Option<Wait> {
        self.world.plan.used_images.insert(pin.id.to_string());
        let digest = pin.digest.as_deref()?;
        let fetched = self.has_fetched(digest);
        let is_gone = matches!(self.known(&pin.id.0), Known::Absent);
        let ask = self.service.image_pull == PullBehavior::Always;
        (!fetched && (is_gone || ask)).then(|| self.fetch(spec, digest))
    }

    /// Whether an image is to be fetched although the host may have it.
    fn must_fetch(&self, spec: &ContainerSpec) -> bool {
        let begun = self.made_before(spec).next().is_some();
        match self.service.image_pull {
            PullBehavior::Default => !begun && !self.has_fetched(&spec.image) && !self.has_failed_to_fetch(&spec.image),
            PullBehavior::Always => !self.has_fetched(&spec.image),
            PullBehavior::Once => !begun && !self.world.observed.pulled.contains_key(&spec.image),
            PullBehavior::PreferCached => false,
        }
    }

    /// Fetches an image, once however many want it; says what there is to wait for.
    fn fetch(&mut self, spec: &ContainerSpec, image: &str) -> Wait {
        let action = Action::PullImage {
            image: image.to_owned(),
            credentials: spec.repository_credentials.clone(),
            platform: spec.platform(),
        };
        match self.world.step(Step { action, cause: Cause::Wanted }) {
            Some(Wait::Action) | None => Wait::Image,
            Some(wait) => wait,
        }
    }

    fn has_fetched(&self, image: &str) -> bool {
        let observed = self.world.observed;
        observed.pulled.get(image).is_some_and(|at| observed.at.since(*at) < FETCH_COUNTS_FOR)
    }

    fn has_failed_to_fetch(&self, image: &str) -> bool {
        let observed = self.world.observed;
        let failed = observed.failed_actions.get(&Target::Image(image.to_owned()));
        failed.is_some_and(|failed| observed.at.since(failed.at) < FETCH_COUNTS_FOR)
    }

    fn known(&self, image: &str) -> Known<'a> {
        let observed = self.world.observed;
        let Some(fact) = observed.images.get(image) else { return Known::Unknown };
        let age = observed.at.since(fact.at);
        match &fact.image {
            Some(image) if age < PRESENT_COUNTS_FOR => Known::Present(image),
            None if age < ABSENT_COUNTS_FOR => Known::Absent,
            Some(_) | None => Known::Unknown,
        }
    }
}
