//! Who waits for room on the host, and when it is looked again whether there is any.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Plan, Reconciler, Tick};
use crate::event::EventKind;
use crate::plan::{About, Wait, Waiting};
use crate::value::Timestamp;

/// How often everything is looked at while a task waits for what somebody else holds: of others the engine gives no hints. At 500
/// containers a list costs it some 50 ms of one core, so this is a hundredth of it, and only for so long.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What was told, and when it was looked.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// When a list last arrived.
    pub(super) listed_at: Timestamp,
    /// The slots of which it was told that they wait for room, and whether for ever.
    told: BTreeMap<About, bool>,
}

impl Reconciler {
    /// Keeps the order of those who want room, and tells when one has to wait. Who has once asked keeps his place until he begins, or
    /// does not want to any more.
    pub(super) fn note_queue(&mut self, plan: &Plan) {
        let (at, asked) = (self.observed.at, &plan.asked_for_room);
        let before = std::mem::take(&mut self.observed.queued);
        let since = |about: &About| before.get(about).copied().unwrap_or(at);
        self.observed.queued = asked.iter().map(|about| (about.clone(), since(about))).collect();
        let waits: BTreeSet<_> =
            plan.waits.iter().filter(|waiting| waiting.wait.is_for_room()).map(|waiting| &waiting.about).collect();
        self.room.told.retain(|about, _| asked.contains(about) || waits.contains(about));
        for Waiting { about, wait } in plan.waits.iter().filter(|waiting| waiting.wait.is_for_room()) {
            // How much is free and who comes first change all the time, and that is no news.
            let for_ever = matches!(wait, Wait::NeverFits(_));
            if self.room.told.insert(about.clone(), for_ever) != Some(for_ever) {
                self.tell(Some(about.clone()), EventKind::WaitingForRoom { reason: wait.to_string() });
            }
        }
    }

    /// Looks again in a while when somebody else holds what a task waits for.
    pub(super) fn look_for_room(&mut self, plan: &Plan, tick: &mut Tick) {
        let waits =
            plan.waits.iter().any(|Waiting { wait, .. }| matches!(wait, Wait::Port { .. }) || wait.is_for_room());
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
