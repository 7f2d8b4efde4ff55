//! How a change of the checks of a container is shown.

use super::fields::{Differ, seconds};
use super::text::words;
use crate::desired::{CheckMethod, CheckSpec, HealthCheckSpec, ReadinessCheckSpec};

impl Differ<'_> {
    pub(super) fn health_check(&mut self, old: Option<&HealthCheckSpec>, new: Option<&HealthCheckSpec>) {
        let (before, wanted) = (old.map(|check| &check.method), new.map(|check| &check.method));
        // Added or removed as a whole, it is told by what it does alone.
        let is_whole = old.is_none() || new.is_none();
        match (command(before), command(wanted)) {
            (Some(before), Some(wanted)) => self.word_list("healthCheck.command", Some(before), Some(wanted)),
            (before, wanted) if is_whole && (before.is_some() || wanted.is_some()) => {
                self.word_list("healthCheck", before, wanted);
            }
            _ => self.value("healthCheck", before.map(describe), wanted.map(describe)),
        }
        self.times("healthCheck", old, new);
    }

    pub(super) fn readiness_check(&mut self, old: Option<&ReadinessCheckSpec>, new: Option<&ReadinessCheckSpec>) {
        let text = |check: Option<&ReadinessCheckSpec>| check.map(|check| check.method.describe());
        self.value("readinessCheck", text(old), text(new));
        self.times("readinessCheck", old, new);
    }

    fn times<M>(&mut self, name: &str, old: Option<&CheckSpec<M>>, new: Option<&CheckSpec<M>>) {
        let (Some(before), Some(wanted)) = (old, new) else { return };
        let CheckSpec { method: _, interval, timeout, retries, start_period } = wanted;
        let mut value = |field: &str, old, new| self.value(&format!("{name}.{field}"), Some(old), Some(new));
        value("interval", seconds(before.interval), seconds(*interval));
        value("timeout", seconds(before.timeout), seconds(*timeout));
        value("retries", before.retries.to_string(), retries.to_string());
        value("startPeriod", seconds(before.start_period), seconds(*start_period));
    }
}

fn command(method: Option<&CheckMethod>) -> Option<&[String]> {
    match method? {
        CheckMethod::Command(command) => Some(command),
        CheckMethod::Probe(_) => None,
    }
}

fn describe(method: &CheckMethod) -> String {
    match method {
        CheckMethod::Command(command) => words(command).0,
        CheckMethod::Probe(probe) => probe.describe(),
    }
}
