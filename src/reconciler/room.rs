//! Who waits for room on the host, and when it is looked again whether there is any.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::Discriminant;
use std::time::Duration;

use super::{Plan, Reconciler, Tick};
use crate::event::EventKind;
use crate::plan::{About, Action, Wait, Waiting};
use crate::value::Timestamp;

/// How often everything is looked at while a task waits for what somebody else holds: of others the engine gives no hints. At 500
/// containers a list costs it some 50 ms of one core, so this is a hundredth of it, and only for so long.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What was told, and when it was looked.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// When a list last arrived.
    pub(super) listed_at: Timestamp,
    /// Of each slot that waits for room, what kind of wait was told.
    told: BTreeMap<About, Discriminant<Wait>>,
}

impl Reconciler {
    /// Keeps the order of those who wait for room, and tells when one begins to. Who has once asked keeps his place until he begins,
    /// or does not want to any more.
    pub(super) fn note_queue(&mut self, plan: &Plan) {
        let has_nobody =
            self.observed.queued.is_empty() && !plan.waits.iter().any(|waiting| is_for_room(&waiting.wait));
        if has_nobody {
            return;
        }
        let begins = plan.steps.iter().filter_map(|step| match &step.action {
            Action::CreateContainer(new) => Some(About::task(&new.identity.task)),
            Action::CreateNetwork { .. }
            | Action::RemoveNetwork { .. }
            | Action::PullImage { .. }
            | Action::StartContainer { .. }
            | Action::StopContainer { .. }
            | Action::RemoveContainer { .. }
            | Action::RemoveVolume { .. } => None,
        });
        let begins: BTreeSet<_> = begins.collect();
        let waits: BTreeSet<_> = plan.waits.iter().map(|waiting| &waiting.about).collect();
        let stays = |about: &About| waits.contains(about) && !begins.contains(about);
        self.observed.queued.retain(|about, _| stays(about));
        self.room.told.retain(|about, _| stays(about));
        for Waiting { about, wait } in plan.waits.iter().filter(|waiting| is_for_room(&waiting.wait)) {
            self.observed.queued.entry(about.clone()).or_insert(self.observed.at);
            // How much is free changes all the time, and that is no news.
            let kind = std::mem::discriminant(wait);
            if self.room.told.insert(about.clone(), kind) != Some(kind) {
                self.tell(Some(about.clone()), EventKind::WaitingForRoom { reason: wait.to_string() });
            }
        }
    }

    /// Looks again in a while when somebody else holds what a task waits for.
    pub(super) fn look_for_room(&mut self, plan: &Plan, tick: &mut Tick) {
        let waits =
            plan.waits.iter().any(|Waiting { wait, .. }| matches!(wait, Wait::Port { .. }) || is_for_room(wait));
        let has_others = || self.observed.containers.values().any(|container| !self.is_ours(&container.identity));
        if !waits || self.observed.neighbours.is_empty() && !has_others() {
            return;
        }
        let again_at = self.room.listed_at.after(LOOK_EVERY);
        if self.listing.is_some() {
            return;
        }
        if self.observed.at >= again_at {
            self.list_wanted = true;
        } else {
            tick.wake_at = Some(tick.wake_at.map_or(again_at, |other| other.min(again_at)));
        }
    }
}

fn is_for_room(wait: &Wait) -> bool {
    match wait {
        Wait::Resources(_) | Wait::ResourceQueue { .. } | Wait::NeverFits(_) => true,
        Wait::Action
        | Wait::Health
        | Wait::Settle { .. }
        | Wait::Grace { .. }
        | Wait::Backoff { .. }
        | Wait::MinimumHealthy
        | Wait::Maximum
        | Wait::Port { .. }
        | Wait::Retry { .. }
        | Wait::Network
        | Wait::Image
        | Wait::WrongPlatform { .. }
        | Wait::End
        | Wait::Dependency { .. } => false,
    }
}
