//! The life of a container: it runs, its health is judged, it ends.

use std::time::Duration;

use super::Simulated;
use super::behaviour::{Checks, Run};
use super::container::{Checking, Container};
use super::timers::{Ending, Event};
use crate::engine::Change;
use crate::observed::{ContainerId, Exit, Health, Phase};
use crate::plan::{Effect, Outcome};
use crate::value::Timestamp;

impl Simulated {
    /// The program of a container begins to run.
    pub(super) fn run_container(&mut self, id: &ContainerId) {
        let Some(container) = self.containers.get_mut(id) else { return };
        let check = container.health_check();
        container.phase = Phase::Running { started_at: self.now };
        container.started_at = self.now;
        container.ended_by_call = false;
        container.late = None;
        container.checks_failed = 0;
        container.made_unhealthy = false;
        container.made_unready = false;
        container.health = if check.is_some() { Health::Starting } else { Health::None };
        let end = match container.behaviour.run {
            Run::Forever => None,
            Run::Exits { code, after } => Some((after, Ending::with(code))),
            Run::Oom { after } => Some((after, Ending::OOM)),
        };
        container.end =
            end.map(|(after, ending)| self.timers.plan(self.now.after(after), Event::End(id.clone(), ending)));
        self.write_first_lines(id);
        self.plan_verdict(id);
        self.hint_container(id, Change::Began);
    }

    /// Plans the next end of a health check that can change anything.
    pub(super) fn plan_verdict(&mut self, id: &ContainerId) {
        let Some(container) = self.containers.get_mut(id) else { return };
        self.timers.cancel(container.verdict.take());
        // In this state no check will ever find anything new, so none is planned: time can then be skipped.
        if container.health == Health::Healthy && container.is_well_for_good() {
            return;
        }
        if container.health == Health::Unhealthy && container.is_sick_for_good() {
            return;
        }
        let Some(check) = container.health_check() else { return };
        if container.is_running() {
            let at = container.next_verdict_at(check, self.now);
            container.verdict = Some(self.timers.plan(at, Event::Verdict(id.clone())));
        }
    }

    /// A health check has ended.
    pub(super) fn judge_health(&mut self, id: &ContainerId) {
        let Some(container) = self.containers.get_mut(id) else { return };
        container.verdict = None;
        let Some(check) = container.health_check() else { return };
        let before = container.health;
        if container.check_succeeds(self.now) {
            container.checks_failed = 0;
            container.health = Health::Healthy;
        } else {
            // Failures in the start period count only once the container has been healthy.
            if before != Health::Starting || self.now.since(container.started_at) >= check.start_period {
                container.checks_failed += 1;
            }
            if container.checks_failed >= check.retries {
                container.health = Health::Unhealthy;
            }
        }
        if container.health != before {
            self.hint_container(id, Change::Other);
        }
        self.plan_verdict(id);
    }

    /// The program of a container has ended.
    pub(super) fn end_container(&mut self, id: &ContainerId, ending: Ending, error: &str) {
        let now = self.now;
        let lag = self.pace.list_lag;
        let Some(container) = self.containers.get_mut(id).filter(|container| container.is_live()) else { return };
        let unhealthy = container.health == Health::Unhealthy;
        let health_output = unhealthy.then(|| container.health_output());
        self.timers.cancel(container.end.take());
        self.timers.cancel(container.verdict.take());
        let calls = std::mem::take(&mut container.stop_calls);
        container.ended_by_call = !calls.is_empty();
        let instant = calls.iter().any(|call| self.calls.get(call).is_some_and(|open| open.instant));
        // The caller of an instant stop has waited until the list is right.
        if lag > Duration::ZERO && !instant {
            container.be_late_until(now.after(lag));
        }
        container.phase = Phase::Exited {
            exit: Some(Exit {
                code: ending.code,
                oom_killed: ending.oom_killed,
                error: error.to_owned(),
                started_at: container.started_at,
                finished_at: now,
                health_output,
            }),
        };
        container.health = Health::None;
        container.run_left = None;
        self.release_ports(id);
        self.hint_container(id, Change::Ended);
        if instant {
            for call in calls {
                self.finish(call, Outcome::Done(Effect::Stopped));
            }
        } else if lag > Duration::ZERO || !calls.is_empty() {
            self.timers.plan(now.after(lag), Event::Stopped(calls));
        }
    }

    /// Gives back the host ports of a container.
    pub(super) fn release_ports(&mut self, id: &ContainerId) {
        let Some(container) = self.containers.get_mut(id) else { return };
        let held = std::mem::take(&mut container.ports);
        for port in held {
            self.host_ports.remove(&(port.host_port, port.protocol));
        }
    }
}

impl Container {
    /// Whether a health check that ends at `now` succeeds.
    pub(super) fn check_succeeds(&self, now: Timestamp) -> bool {
        !self.made_unhealthy && finds_well(self.behaviour.health, now.since(self.started_at))
    }

    pub(super) fn is_well_for_good(&self) -> bool {
        !self.made_unhealthy
            && match self.behaviour.health {
                Checks::Healthy => true,
                // It has been found well, so its time is over.
                Checks::HealthyAfter(_) => self.health == Health::Healthy,
                Checks::Never | Checks::Hang | Checks::Flaps(_) | Checks::SickAfter(_) => false,
            }
    }

    pub(super) fn is_sick_for_good(&self) -> bool {
        self.made_unhealthy
            || match self.behaviour.health {
                Checks::Never | Checks::Hang => true,
                // Its sickness has begun when a check has failed.
                Checks::SickAfter(_) => self.checks_failed > 0,
                Checks::Healthy | Checks::Flaps(_) | Checks::HealthyAfter(_) => false,
            }
    }

    /// When the next check ends that can change anything; the last one ended at `now`.
    fn next_verdict_at(&self, check: Checking, now: Timestamp) -> Timestamp {
        let hangs = self.behaviour.health == Checks::Hang;
        let period = check.interval + if hangs { check.timeout } else { Duration::ZERO };
        // Checks that cannot change anything are skipped: successes before the sickness, failures that do not count.
        let nothing_before = if self.health == Health::Starting && self.is_sick_for_good() {
            self.started_at.after(check.start_period)
        } else if let (Health::Healthy, Checks::SickAfter(after)) = (self.health, self.behaviour.health) {
            self.started_at.after(after)
        } else {
            now
        };
        let skip = nothing_before.since(now);
        let periods = skip.as_millis().div_ceil(period.as_millis()).max(1);
        now.after(period.saturating_mul(u32::try_from(periods).unwrap_or(u32::MAX)))
    }

    /// What the last check said of a program that runs and is unhealthy.
    pub(super) fn sickness(&self) -> Option<String> {
        let is_sick = self.health == Health::Unhealthy && matches!(self.phase, Phase::Running { .. });
        is_sick.then(|| self.health_output())
    }

    /// What the last check said.
    fn health_output(&self) -> String {
        match self.behaviour.health {
            Checks::Hang => "Health check exceeded timeout".to_owned(),
            Checks::Healthy | Checks::Never | Checks::Flaps(_) | Checks::SickAfter(_) | Checks::HealthyAfter(_) => {
                "the check failed".to_owned()
            }
        }
    }
}

/// What a check finds in a program that has run for `age`.
pub(super) fn finds_well(checks: Checks, age: Duration) -> bool {
    match checks {
        Checks::Healthy => true,
        Checks::Never | Checks::Hang => false,
        Checks::SickAfter(after) => age < after,
        Checks::HealthyAfter(after) => age >= after,
        Checks::Flaps(period) => (age.as_millis() / period.as_millis().max(1)).is_multiple_of(2),
    }
}
