//! When a deployment is given up (ECS `DeploymentCircuitBreaker`).

/// The rule by which a deployment that does not come up is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircuitBreaker {
    /// Whether a deployment is ever given up. ECS leaves it off; here it is on unless the manifest says otherwise.
    pub enabled: bool,
    /// Whether the last revision that was deployed well takes its place.
    pub rollback: bool,
    /// How many failures it takes.
    pub threshold: Threshold,
    /// Whether a healthy task takes back the failures of its slot: then only failures in a row count.
    pub reset_on_healthy: bool,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self { enabled: true, rollback: true, threshold: Threshold::default(), reset_on_healthy: true }
    }
}

/// After how many failures of its tasks a deployment is given up (ECS `ThresholdConfiguration`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// A share of the desired count in percent, rounded up, but at least 3 and at most 200.
    BoundedPercent(u32),
    /// A share of the desired count in percent, rounded up, but at least 1.
    UnboundedPercent(u32),
    /// A number, at least 1.
    Count(u32),
}

impl Default for Threshold {
    fn default() -> Self {
        Self::BoundedPercent(50)
    }
}

impl Threshold {
    /// How many failures it takes where so many tasks are desired.
    pub fn of(self, desired_count: u32) -> u32 {
        let share = |percent: u32| {
            let share = (u64::from(desired_count) * u64::from(percent)).div_ceil(100);
            u32::try_from(share).unwrap_or(u32::MAX)
        };
        match self {
            Self::BoundedPercent(percent) => share(percent).clamp(3, 200),
            Self::UnboundedPercent(percent) => share(percent).max(1),
            Self::Count(count) => count.max(1),
        }
    }
}

#[cfg(test)]
mod tests;
