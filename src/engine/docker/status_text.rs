//! The status line of a listed container: `Up 5 seconds (healthy)`, `Exited (137) 3 minutes ago`.
//!
//! A list tells health and age only in this text, made for people. It is read leniently: a text that is not understood says nothing.

use std::time::Duration;

use crate::observed::Health;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Docker rounds to whole hours, halves upwards, before it counts in hours, days, weeks or months.
const HALF_HOUR: u64 = HOUR / 2;

/// How long the container has been up at the least; `None` when the text does not say that it is up.
pub(super) fn read_up_at_least(status: &str) -> Option<Duration> {
    let age = status.strip_prefix("Up ")?;
    let age = age.split_once('(').map_or(age, |(age, _)| age).trim();
    Some(Duration::from_secs(read_age_at_least(age)))
}

/// The least number of seconds that Docker prints as `age`; 0, which is always true, for a text that it does not print.
fn read_age_at_least(age: &str) -> u64 {
    match age {
        "About a minute" => return MINUTE,
        "About an hour" => return HOUR,
        _ => {}
    }
    let Some((number, unit)) = age.split_once(' ') else { return 0 };
    let Ok(number) = number.parse::<u64>() else { return 0 };
    let (seconds, rounding) = match unit {
        "second" | "seconds" => (1, 0),
        "minute" | "minutes" => (MINUTE, 0),
        "hour" | "hours" => (HOUR, HALF_HOUR),
        "day" | "days" => (DAY, HALF_HOUR),
        "week" | "weeks" => (7 * DAY, HALF_HOUR),
        "month" | "months" => (30 * DAY, HALF_HOUR),
        "year" | "years" => (365 * DAY, 0),
        _ => return 0,
    };
    number.saturating_mul(seconds).saturating_sub(rounding)
}

/// What the text says of the health check.
pub(super) fn read_health(status: &str) -> Health {
    if !status.starts_with("Up") {
        Health::None
    } else if status.ends_with("(healthy)") {
        Health::Healthy
    } else if status.ends_with("(unhealthy)") {
        Health::Unhealthy
    } else if status.ends_with("(health: starting)") || status.ends_with("(starting)") {
        Health::Starting
    } else {
        Health::None
    }
}

#[cfg(test)]
mod tests;
