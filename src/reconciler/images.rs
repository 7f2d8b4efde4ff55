//! What is asked and learned about images.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Command, Failure, Reconciler, Tick};
use crate::engine::EngineError;
use crate::image::ObservedImage;
use crate::observed::ImageFact;
use crate::plan::restart::backoff;
use crate::plan::{NewContainer, Plan};
use crate::value::Timestamp;

/// The questions about images: those under way, those to be asked, and those that had no answer.
#[derive(Debug, Default)]
pub(super) struct Questions {
    asking: BTreeSet<String>,
    wanted: BTreeSet<String>,
    /// How often in a row there was no answer, and when to ask again.
    failures: BTreeMap<String, (u32, Timestamp)>,
}

impl Questions {
    pub(super) fn is_asking(&self) -> bool {
        !self.asking.is_empty()
    }

    /// Asks what may be asked now.
    pub(super) fn look(&mut self, at: Timestamp, tick: &mut Tick) {
        for image in std::mem::take(&mut self.wanted) {
            if self.asking.contains(&image) {
                continue;
            }
            let retry_at = self.failures.get(&image).map_or(at, |&(_, retry_at)| retry_at);
            if retry_at > at {
                tick.wake_at = Some(tick.wake_at.map_or(retry_at, |other| other.min(retry_at)));
            } else {
                self.asking.insert(image.clone());
                tick.commands.push(Command::LookUpImage(image));
            }
        }
    }
}

impl Reconciler {
    /// Remembers which images were fetched before this reconciler began.
    pub fn remember_pulls(&mut self, pulled: BTreeMap<String, Timestamp>) {
        self.observed.pulled = pulled;
    }

    /// Takes up what a plan has to know about images, and forgets what it did not look at: what nobody needs now may be another image
    /// when somebody does.
    pub(super) fn ask_about_images(&mut self, plan: &Plan) {
        self.observed.images.retain(|image, _| plan.used_images.contains(image));
        self.images.failures.retain(|image, _| plan.used_images.contains(image));
        self.images.wanted.clone_from(&plan.unknown_images);
    }

    /// Takes in what the engine has under a reference.
    pub(super) fn learn_image(&mut self, image: String, answer: Result<Option<ObservedImage>, EngineError>) {
        self.images.asking.remove(&image);
        match answer {
            Ok(found) => {
                self.images.failures.remove(&image);
                self.observed.images.insert(image, ImageFact { at: self.observed.at, image: found });
            }
            Err(error) => {
                let failures = self.images.failures.get(&image).map_or(1, |&(failures, _)| failures.saturating_add(1));
                tracing::debug!(image, failures, %error, "an image could not be looked up");
                let retry_at = self.observed.at.after(backoff(failures));
                self.images.failures.insert(image, (failures, retry_at));
                // Whether the engine is there at all is found out by a list.
                self.list_wanted |= failures >= super::INSPECTIONS_FAILED_MAX;
            }
        }
    }

    /// An image has been fetched: whatever was thought to be missing may be there now.
    pub(super) fn learn_pulled(&mut self, image: &str) {
        self.observed.images.clear();
        self.observed.pulled.insert(image.to_owned(), self.observed.at);
    }

    /// The engine does not have the image that a container was to be made from.
    pub(super) fn learn_missing_image(&mut self, action: &Action, new: &NewContainer, failure: Failure) {
        let pin = new.identity.image.as_ref();
        // What can be asked of a registry: nothing, when the image was never in one.
        let remote = match pin {
            Some(pin) => pin.digest.as_deref(),
            None => Some(&*new.spec.image),
        };
        let fetched = remote.is_some_and(|remote| self.has_just_fetched(remote));
        let fact = ImageFact { at: self.observed.at, image: None };
        match (pin, remote) {
            // The tag may mean another image by now, and the first task of a deployment takes what it means.
            (Some(pin), None) if !self.is_first(new) => {
                let message = pin.describe_loss(&new.spec.image);
                self.remember_failure(action, Failure { message, ..failure });
            }
            (_, Some(_)) if fetched => self.remember_failure(action, failure),
            (_, Some(_) | None) => {
                self.observed.images.remove(&new.spec.image);
                self.observed.images.insert(new.image().to_owned(), fact);
            }
        }
    }

    /// Whether no other container of its name and revision exists.
    fn is_first(&self, new: &NewContainer) -> bool {
        let wanted = &new.identity;
        let same = |other: &crate::ownership::ContainerIdentity| {
            let (a, b) = (&other.task, &wanted.task);
            (&a.cluster, &a.service, a.revision, &other.container)
                == (&b.cluster, &b.service, b.revision, &wanted.container)
        };
        !self.observed.containers.values().any(|container| same(&container.identity))
    }

    fn has_just_fetched(&self, image: &str) -> bool {
        let since = |at: &Timestamp| self.observed.at.since(*at);
        self.observed.pulled.get(image).is_some_and(|at| since(at) < crate::plan::FETCH_COUNTS_FOR)
    }
}
