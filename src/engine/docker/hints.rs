//! The engine's events as hints to look again.
//!
//! A reader of events that stalls slows the whole engine down, and then loses events without a word. So a task of its own does nothing
//! but empty the socket into a [`Mailbox`], where hints of one container fall together: however slowly the mailbox is emptied, it holds
//! at most one entry for each container.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use serde::Deserialize;
use tokio::sync::Notify;

use super::connection::{CallError, Connection};
use super::query;
use crate::engine::{Change, Hint, Subjects};
use crate::observed::ContainerId;
use crate::ownership::{self, Source};
use crate::value::Timestamp;

/// The engine sends the head of the answer at once. One that hangs takes the connection and sends nothing.
const HEAD_LIMIT: Duration = Duration::from_secs(30);

/// A line that is longer is no event: an event quotes the container's labels, and those are a few kilobytes.
const LINE_BYTES_MAX: usize = 4 << 20;

/// More containers than one engine has: whoever did not look at that many hints relists anyway.
const CONTAINERS_MAX: usize = 10_000;

/// What is asked for. Never `exec_*`: each check of each container's health makes three of those.
///
/// Podman 4.3 filters by its own words, `died` and `remove`, and then answers `die` and `remove`.
const EVENTS: [&str; 10] =
    ["create", "start", "die", "died", "destroy", "remove", "oom", "health_status", "pause", "unpause"];

/// The questions. An engine applies the filter for labels to what it knows of an object in an event: of networks and volumes that is
/// not the labels, and Docker 20.10 then tells nothing of them. So these are asked for without it, by a question of their own, and
/// their names say which may be ours: there are few of them, and a hint too many costs one list.
///
/// Podman 4.3 knows no filter for a label whatever its value, and every engine takes several labels for "all of them". So one source
/// is asked for by name; for several, which is rare, [`read_event`] sorts the events of all containers.
fn events_paths(since: Timestamp, sources: &BTreeSet<Source>) -> [String; 2] {
    let seconds = since.0.div_euclid(1000);
    let nanoseconds = since.0.rem_euclid(1000) * 1_000_000;
    let mut of_containers = serde_json::json!({ "type": ["container"], "event": EVENTS });
    if let (Some(source), 1) = (sources.first(), sources.len()) {
        of_containers["label"] = serde_json::json!([format!("{}={source}", ownership::SOURCE)]);
    }
    let of_others = serde_json::json!({ "type": ["network", "volume"], "event": ["create", "destroy", "remove"] });
    let since = format!("{seconds}.{nanoseconds:09}");
    [of_containers, of_others].map(|filters| query("/events", &[("since", &since), ("filters", &filters.to_string())]))
}

/// Hints from `since` on. The stream ends after [`Hint::Lost`]; dropping it closes the connection.
pub(super) fn hints(
    connection: Arc<Connection>,
    since: Timestamp,
    sources: BTreeSet<Source>,
    subjects: Subjects,
) -> BoxStream<'static, Hint> {
    let mailbox = Arc::new(Mailbox::default());
    let reader = AbortOnDrop(tokio::spawn({
        let mailbox = Arc::clone(&mailbox);
        async move {
            let [of_containers, of_others] = events_paths(since, &sources);
            let ended = tokio::select! {
                ended = read_events(&connection, &of_containers, &sources, &mailbox) => ended,
                ended = read_events(&connection, &of_others, &sources, &mailbox), if subjects == Subjects::Everything => ended,
            };
            let reason = match ended {
                Ok(()) => "the engine closed the stream".to_owned(),
                Err(error) => error.to_string(),
            };
            tracing::debug!(reason, "the stream of events broke");
            mailbox.close();
        }
    }));
    let unread = VecDeque::new();
    stream::unfold((mailbox, unread, reader), |(mailbox, mut unread, reader)| async move {
        if unread.is_empty() {
            unread = mailbox.take().await?;
        }
        let hint = unread.pop_front()?;
        Some((hint, (mailbox, unread, reader)))
    })
    .boxed()
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn read_events(
    connection: &Connection,
    path: &str,
    sources: &BTreeSet<Source>,
    mailbox: &Mailbox,
) -> Result<(), CallError> {
    let mut chunks = connection.get_chunks(path, HEAD_LIMIT)?;
    let mut line = Vec::new();
    while let Some(chunk) = chunks.try_next().await? {
        let mut rest = chunk.as_ref();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            line.extend_from_slice(&rest[..end]);
            if let Some(hint) = read_event(&line, sources) {
                mailbox.put(hint);
            }
            line.clear();
            rest = &rest[end + 1..];
        }
        line.extend_from_slice(rest);
        if line.len() > LINE_BYTES_MAX {
            return Err(CallError::Unreadable(format!("an event is longer than {LINE_BYTES_MAX} bytes")));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Type")]
    kind: Option<String>,
    #[serde(rename = "Action")]
    action: Option<String>,
    #[serde(rename = "Actor")]
    actor: Option<Actor>,
}

#[derive(Deserialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: Option<String>,
    #[serde(rename = "Attributes", default)]
    attributes: BTreeMap<String, serde_json::Value>,
}

/// What an event hints at. A line that is no event at all hints at something, for who knows what it was.
fn read_event(line: &[u8], sources: &BTreeSet<Source>) -> Option<Hint> {
    if line.trim_ascii().is_empty() {
        return None;
    }
    let Ok(event) = serde_json::from_slice::<Event>(line) else { return Some(Hint::Other) };
    let action = event.action.unwrap_or_default();
    if action.starts_with("exec_") {
        return None;
    }
    let kind = event.kind.as_deref();
    if event.actor.as_ref().is_some_and(|actor| is_foreign(kind, actor, sources)) {
        return None;
    }
    match (kind, event.actor.and_then(|actor| actor.id)) {
        (Some("container"), Some(id)) => Some(Hint::Container(ContainerId::new(&id), read_action(&action))),
        _ => Some(Hint::Other),
    }
}

/// Whether another source declared it, or nobody. Only a container's event is sure to tell its labels, if it tells anything; of the
/// others the name tells something.
fn is_foreign(kind: Option<&str>, actor: &Actor, sources: &BTreeSet<Source>) -> bool {
    let attribute = |key: &str| actor.attributes.get(key)?.as_str();
    match (ownership::read_source(attribute), kind) {
        (Some(source), _) => !sources.contains(&source),
        (None, Some("container")) => !actor.attributes.is_empty(),
        (None, Some("network")) => attribute("name").is_some_and(|name| !ownership::may_be_name(name)),
        (None, Some("volume")) => actor.id.as_deref().is_some_and(|name| !ownership::may_be_name(name)),
        (None, _) => false,
    }
}

fn read_action(action: &str) -> Change {
    match action {
        "create" | "start" => Change::Began,
        "die" | "died" | "oom" | "stop" | "kill" => Change::Ended,
        "destroy" | "remove" => Change::Removed,
        _ => Change::Other,
    }
}

/// Hints that nobody has looked at yet.
#[derive(Default)]
struct Mailbox {
    content: Mutex<Content>,
    changed: Notify,
}

#[derive(Default)]
struct Content {
    containers: BTreeMap<ContainerId, Change>,
    other: bool,
    lost: bool,
    closed: bool,
}

impl Mailbox {
    fn content(&self) -> MutexGuard<'_, Content> {
        // Every change below is whole before it could panic.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, hint: Hint) {
        let mut content = self.content();
        match hint {
            Hint::Container(id, change) if content.containers.len() < CONTAINERS_MAX => {
                // Several changes of one container are one hint, which then says no more than that something happened.
                let change = match content.containers.get(&id) {
                    Some(&before) if before != change => Change::Other,
                    Some(_) | None => change,
                };
                content.containers.insert(id, change);
            }
            Hint::Container(..) | Hint::Other => content.other = true,
            Hint::Lost => content.lost = true,
        }
        drop(content);
        self.changed.notify_one();
    }

    fn close(&self) {
        self.put(Hint::Lost);
    }

    /// Everything in the box, as soon as there is something; `None` when it was closed and has been emptied.
    async fn take(&self) -> Option<VecDeque<Hint>> {
        loop {
            {
                let mut content = self.content();
                if content.closed {
                    return None;
                }
                let containers = std::mem::take(&mut content.containers).into_iter();
                let mut hints: VecDeque<Hint> = containers.map(|(id, change)| Hint::Container(id, change)).collect();
                if std::mem::take(&mut content.other) {
                    hints.push_back(Hint::Other);
                }
                if content.lost {
                    content.closed = true;
                    hints.push_back(Hint::Lost);
                }
                if !hints.is_empty() {
                    return Some(hints);
                }
            }
            self.changed.notified().await;
        }
    }
}

#[cfg(test)]
mod tests;
