//! Which images that we have fetched may go, by the rules of the ECS agent. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use super::PullHistory;
use crate::desired::DesiredState;
use crate::image::{ImageId, PullBehavior};
use crate::observed::ObservedState;

/// How often it is looked for images that may go. Source: the ECS agent, as the two below.
pub const CYCLE: Duration = Duration::from_mins(30);

/// How long ago an image was fetched before it may go.
const AGE_MIN: Duration = Duration::from_hours(1);

/// How many images go at a time.
const REMOVED_MAX: usize = 5;

/// Whether images that are fetched for `desired` may be removed again one day: not where they are fetched only when the host has none.
pub fn is_passing(desired: &DesiredState, image: &str) -> bool {
    let services = desired.services_and_hooks();
    let mut behaviors = services
        .filter(|service| service.task.containers.iter().any(|spec| spec.image == image))
        .map(|service| service.image_pull)
        .peekable();
    behaviors.peek().is_some() && behaviors.all(|behavior| behavior != PullBehavior::PreferCached)
}

/// Notes which images are in use, and names those that may go, the longest unused first.
///
/// An image may go when we fetched it more than an hour ago for somebody who fetches it anew, no container of ours refers to it and no
/// manifest names it. The engine itself keeps what any other container refers to, and nothing goes that has another content by now.
pub fn choose(history: &mut PullHistory, desired: &DesiredState, observed: &ObservedState) -> Vec<(String, ImageId)> {
    let mut in_use: BTreeSet<String> = BTreeSet::new();
    for container in observed.containers.values() {
        let Some(spec) = container.read_spec() else { continue };
        if let Some(pin) = &container.identity.image {
            history.use_image(&spec.image, &pin.id, container.created_at, observed.at);
            in_use.insert(pin.id.to_string());
        }
        in_use.insert(spec.image.clone());
    }
    let services = desired.services_and_hooks();
    in_use.extend(services.flat_map(|service| &service.task.containers).map(|spec| spec.image.clone()));
    // What was in use when, and under which id, is known from now on, also to the next process.
    history.save();
    let mut unused: Vec<_> = history
        .records()
        .filter(|(image, record)| {
            let is_old = observed.at.since(record.at) > AGE_MIN;
            let id_is_used = record.id.as_ref().is_some_and(|id| in_use.contains(&*id.0));
            record.is_passing && is_old && !in_use.contains(*image) && !id_is_used
        })
        .filter_map(|(image, record)| Some((record.used_at, image.clone(), record.id.clone()?)))
        .collect();
    unused.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    unused.into_iter().take(REMOVED_MAX).map(|(_, image, id)| (image, id)).collect()
}

#[cfg(test)]
mod tests;
