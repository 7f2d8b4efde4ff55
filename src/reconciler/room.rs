//! Who waits for room on the host, how much that has, and when it is looked again whether there is any.
//!
//! How much the host has is asked when the first task wants some of it, and again only after a time without the engine: one that comes
//! back may have moved to a larger machine. Where nothing is to be done nobody asks: the answer takes an engine longer than its lists.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Command, Plan, Reconciler, Tick};
use crate::desired::Resources;
use crate::engine::EngineError;
use crate::event::EventKind;
use crate::plan::restart::backoff;
use crate::plan::{About, Action, Step, Wait, Waiting};
use crate::value::Timestamp;

/// How often everything is looked at while a task waits for what somebody else holds: of others the engine gives no hints. At 500
/// containers a list costs it some 50 ms of one core, so this is a hundredth of it, and only for so long.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Whether it is known how much the host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host {
    /// It is asked when somebody wants room, but not before a time: the question may have had no answer so often in a row.
    Unasked { failures: u32, retry_at: Timestamp },
    /// It is being asked.
    Asking { failures: u32 },
    /// What the engine said is known, be it that it does not say.
    Told,
}

impl Default for Host {
    fn default() -> Self {
        Self::Unasked { failures: 0, retry_at: Timestamp::default() }
    }
}

/// What was told, and when it was looked.
#[derive(Debug, Default)]
pub(super) struct Room {
    host: Host,
    /// Whether it is asked before anybody wants room.
    asks_early: bool,
    /// When a list last arrived.
    pub(super) listed_at: Timestamp,
    /// The slots of which it was told that they wait for room, and whether for ever.
    told: BTreeMap<About, bool>,
}

impl Room {
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.host, Host::Asking { .. })
    }

    /// Asks again at the next occasion.
    pub(super) fn forget_host(&mut self) {
        if self.host == Host::Told {
            self.host = Host::default();
        }
    }

    /// Whether a step may begin now: what a plan does with tasks may rest on there being room.
    pub(super) fn lets_begin(&self, step: &Step, plan: &Plan) -> bool {
        let takes_no_room = matches!(step.action, Action::CreateNetwork { .. } | Action::PullImage { .. });
        self.host == Host::Told || !plan.needs_host || takes_no_room
    }
}

impl Reconciler {
    /// Asks how much the host has as soon as it can. Whoever goes on for ever will need to know, and the first repair shall not wait.
    pub fn ask_about_host_early(&mut self) {
        self.room.asks_early = true;
    }

    /// Asks how much the host has as soon as somebody wants some of it.
    pub(super) fn ask_about_host(&mut self, plan: &Plan, tick: &mut Tick) {
        let Host::Unasked { failures, retry_at } = self.room.host else { return };
        if !plan.needs_host && !self.room.asks_early {
            return;
        }
        if retry_at > self.observed.at {
            tick.wake_at = Some(tick.wake_at.map_or(retry_at, |other| other.min(retry_at)));
            return;
        }
        self.room.host = Host::Asking { failures };
        tick.commands.push(Command::AskHost);
    }

    /// Takes in how much the host has.
    pub(super) fn learn_host(&mut self, answer: Result<Option<Resources>, EngineError>) {
        match answer {
            Ok(told) => {
                self.room.host = Host::Told;
                self.observed.host = told;
            }
            Err(error) => {
                let failures = match self.room.host {
                    Host::Asking { failures } => failures.saturating_add(1),
                    Host::Unasked { .. } | Host::Told => 1,
                };
                tracing::debug!(failures, %error, "the engine did not tell how much the host has");
                self.room.host = Host::Unasked { failures, retry_at: self.observed.at.after(backoff(failures)) };
                // Whether the engine is there at all is found out by a list.
                self.list_wanted |= failures >= super::INSPECTIONS_FAILED_MAX;
            }
        }
    }

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
