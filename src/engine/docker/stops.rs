//! Who was told to stop: the engine shows it nowhere, but its latest events tell.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::connection::Call;
use super::query;
use crate::observed::ContainerId;
use crate::value::Timestamp;

/// The engine has its latest events at hand; what it cannot tell at once is not worth waiting for.
pub(super) const TOLD: Call = Call::new("events", 5);

/// The signals that ask a program to end: TERM, and what images name in its place. What is killed is gone at once.
const SIGNALS: [&str; 4] = ["15", "2", "3", "28"];

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Actor")]
    actor: Actor,
    #[serde(rename = "timeNano")]
    nanoseconds: i64,
}

#[derive(Deserialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Attributes", default)]
    attributes: BTreeMap<String, serde_json::Value>,
}

/// The question for all signals that were sent to containers from `since` to `until`.
pub(super) fn path(since: Timestamp, until: Timestamp) -> String {
    let time = |at: Timestamp| format!("{}.{:03}000000", at.0.div_euclid(1000), at.0.rem_euclid(1000));
    let filters = serde_json::json!({ "type": ["container"], "event": ["kill"] }).to_string();
    query("/events", &[("since", &time(since)), ("until", &time(until)), ("filters", &filters)])
}

/// Who was asked to end, and when for the first time.
pub(super) fn read(body: &[u8]) -> Result<BTreeMap<ContainerId, Timestamp>, serde_json::Error> {
    let mut told = BTreeMap::new();
    for event in serde_json::Deserializer::from_slice(body).into_iter::<Event>() {
        let event = event?;
        let signal = event.actor.attributes.get("signal").and_then(serde_json::Value::as_str).unwrap_or_default();
        if SIGNALS.contains(&signal) {
            let at = Timestamp(event.nanoseconds / 1_000_000);
            told.entry(ContainerId::new(&event.actor.id)).or_insert(at);
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests;
