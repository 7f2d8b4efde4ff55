//! How much is begun at once, and in which order: repairs have a limit of their own and never queue behind rollouts.

use std::collections::BTreeMap;

use super::{Action, Doing, InFlight, Lane, Plan, Reconciler, Step};

/// How many actions of each lane are under way at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Starts and creations that repair a running service. They never queue behind the others.
    pub repair: usize,
    /// Starts and creations of rollouts.
    pub rollout: usize,
    /// Stops and removals: they mostly wait for a process to end.
    pub retire: usize,
    /// Images fetched at once.
    pub pull: usize,
}

impl Limits {
    /// The limits for an engine with `cores` processors.
    ///
    /// Measured on Docker 20.10: starts per second grow up to one per core in flight and a little beyond it; with three per core the
    /// cores stay busy to the end of a rollout, and with more only the time of each start grows.
    pub fn for_cores(cores: usize) -> Self {
        let starts = (3 * cores).clamp(4, 16);
        Self { repair: starts, rollout: starts, retire: 16, pull: 3 }
    }

    /// The same for whoever stays to repair. What a rollout has begun when a task dies has to end before the repair has the engine to
    /// itself: measured on four cores, a repair amid it took 3.0 times as long as alone with three starts a core, 2.3 to 3.4 times
    /// with two, and 2.5 to 2.8 with one and a half; a rollout of 30 tasks takes 5 % longer with these than with two.
    pub fn for_watching(cores: usize) -> Self {
        Self { rollout: (3 * cores / 2).clamp(4, 16), ..Self::for_cores(cores) }
    }
}

impl Reconciler {
    /// The steps that may begin now: as many as the limits allow, and none that takes room before it is known how much there is. The
    /// rest is planned again at the next tick, on newer facts.
    pub(super) fn within_limits(&self, plan: &Plan) -> Vec<Step> {
        let rollout = if self.is_repairing(plan) { ROLLOUT_BESIDE_REPAIRS } else { usize::MAX };
        let mut room = BTreeMap::from([
            (Queue::Repair, self.limits.repair),
            (Queue::Rollout, rollout.min(self.limits.rollout)),
            (Queue::Retire, self.limits.retire),
            (Queue::Pull, self.limits.pull),
        ]);
        for in_flight in self.observed.in_flight.values() {
            if let Some(free) = room.get_mut(&in_flight.queue()) {
                *free = free.saturating_sub(1);
            }
        }
        let mut begun = Vec::new();
        for step in &plan.steps {
            let free = room.entry(queue(step)).or_default();
            if *free > 0 && self.room.lets_begin(step, plan) && self.stops.let_begin(step) {
                *free -= 1;
                begun.push(step.clone());
            }
        }
        begun
    }

    /// Whether a running service is getting back what it has lost, now or as soon as this plan is begun.
    fn is_repairing(&self, plan: &Plan) -> bool {
        let may_begin = |step: &Step| self.room.lets_begin(step, plan) && self.stops.let_begin(step);
        self.observed.in_flight.values().any(|in_flight| in_flight.queue() == Queue::Repair)
            || plan.steps.iter().any(|step| queue(step) == Queue::Repair && may_begin(step))
    }
}

/// So much of a rollout goes on while something is repaired: an engine that starts a dozen containers at once takes three times as long
/// for each, and what is lost serves nobody meanwhile.
const ROLLOUT_BESIDE_REPAIRS: usize = 1;

/// Which limit a step counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Queue {
    Repair,
    Rollout,
    Retire,
    Pull,
}

fn queue(step: &Step) -> Queue {
    match (&step.action, step.lane()) {
        (Action::PullImage { .. }, _) => Queue::Pull,
        (_, Lane::Repair) => Queue::Repair,
        (
            Action::StopContainer { .. }
            | Action::RemoveContainer { .. }
            | Action::RemoveNetwork { .. }
            | Action::RemoveVolume { .. },
            Lane::Rollout,
        ) => Queue::Retire,
        (Action::CreateNetwork { .. } | Action::CreateContainer(_) | Action::StartContainer { .. }, Lane::Rollout) => {
            Queue::Rollout
        }
    }
}

impl InFlight {
    fn queue(&self) -> Queue {
        match (&self.doing, self.lane) {
            (Doing::Pull, _) => Queue::Pull,
            (_, Lane::Repair) => Queue::Repair,
            (Doing::Stop | Doing::Remove, Lane::Rollout) => Queue::Retire,
            (Doing::Create(_) | Doing::Start | Doing::Other, Lane::Rollout) => Queue::Rollout,
        }
    }
}
