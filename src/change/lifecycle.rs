//! How a change of what a container waits for, or of when it is started again, is shown.

use super::fields::{Differ, seconds};
use crate::desired::{RestartPolicy, StartDependency};

impl Differ<'_> {
    pub(super) fn dependencies(&mut self, old: &[StartDependency], new: &[StartDependency]) {
        let text = |all: &[StartDependency]| {
            let each = all.iter().map(|StartDependency { container_name, condition }| {
                format!("{container_name} {}", condition.as_str())
            });
            (!all.is_empty()).then(|| each.collect::<Vec<_>>().join(", "))
        };
        self.value("dependsOn", text(old), text(new));
    }

    pub(super) fn restart_policy(&mut self, old: Option<&RestartPolicy>, new: Option<&RestartPolicy>) {
        let codes = |RestartPolicy { ignored_exit_codes, restart_attempt_period: _ }: &RestartPolicy| {
            let codes = ignored_exit_codes.iter().map(i32::to_string);
            (!ignored_exit_codes.is_empty()).then(|| codes.collect::<Vec<_>>().join(", "))
        };
        let period = |policy: &RestartPolicy| seconds(policy.restart_attempt_period);
        self.value("restartPolicy.enabled", Some(old.is_some().to_string()), Some(new.is_some().to_string()));
        if let (Some(old), Some(new)) = (old, new) {
            self.value("restartPolicy.ignoredExitCodes", codes(old), codes(new));
            self.value("restartPolicy.restartAttemptPeriod", Some(period(old)), Some(period(new)));
        }
    }
}
