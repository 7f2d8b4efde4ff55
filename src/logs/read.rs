//! Reading logs: the engine is asked, and what comes is handed out in order, once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{BoxStream, SelectAll};
use futures_util::{StreamExt, stream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::follow::{Follow, Order};
use super::seen::Seen;
use super::{Member, Target, Tasks};
use crate::clock;
use crate::engine::{EngineError, Hint, LogChunk, LogQuery, LogTime, Observe, Subjects};
use crate::observed::{ContainerId, ObservedContainer};
use crate::ownership::{Source, TaskKey};

/// How often everything is listed anew, whatever the hints say: they may be lost.
const LIST_EVERY: Duration = Duration::from_secs(5);

/// After a hint others follow soon.
const AFTER_HINT: Duration = Duration::from_millis(50);

/// After a log has ended: the list lags a container's end by some 125 ms.
const AFTER_END: Duration = Duration::from_millis(200);

/// The pauses between two tries to reach an engine that does not answer: they double from the first to the last.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LAST: Duration = Duration::from_secs(5);

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Of what is there already, only what was written then or later.
    pub since: Option<LogTime>,
    /// Of what is there already, only the last so many entries of each container.
    pub tail: Option<usize>,
    /// How long an engine that does not answer is waited for.
    pub patience: Duration,
}

/// What is handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A container has written something.
    Entry(Arc<Member>, LogChunk),
    /// Something that a person wants to know.
    Note(Note),
    /// More than one container writes from now on.
    Several,
}

/// Something that a person wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A task has begun.
    Began(TaskKey),
    /// A task has ended, and so.
    Ended(TaskKey, String),
    /// The log of a container cannot be read, and why.
    Unreadable(Arc<Member>, String),
    /// The engine does not answer; how long it is waited for.
    EngineLost(EngineError, Duration),
    /// It answers again.
    EngineBack,
}

/// Who gets it has gone away: nobody reads on.
#[derive(Debug)]
struct Gone;

/// Why reading broke off.
enum Broken {
    Gone,
    Engine(EngineError),
}

impl From<Gone> for Broken {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

/// Reads what `members` have written so far, in the order of its times. Says how many could be read.
pub async fn read<E: Observe>(
    engine: &E,
    members: Vec<Member>,
    settings: &Settings,
    out: &mpsc::Sender<Item>,
) -> Result<usize, EngineError> {
    let query = LogQuery { since: settings.since, tail: settings.tail, follow: false };
    let count = members.len();
    match read_past(engine, members, query, out, &mut BTreeMap::new()).await {
        Ok(unreadable) => Ok(count - unreadable.len()),
        Err(Broken::Gone) => Ok(count),
        Err(Broken::Engine(error)) => Err(error),
    }
}

/// A log, and what comes next in it.
struct Head {
    member: Arc<Member>,
    next: LogChunk,
    rest: BoxStream<'static, Result<LogChunk, EngineError>>,
}

/// Reads several logs at once. Says which cannot be read.
async fn read_past<E: Observe>(
    engine: &E,
    members: Vec<Member>,
    query: LogQuery,
    out: &mpsc::Sender<Item>,
    seen: &mut BTreeMap<ContainerId, Seen>,
) -> Result<Vec<ContainerId>, Broken> {
    let mut unreadable = Vec::new();
    let mut heads = Vec::new();
    for member in members {
        seen.insert(member.id.clone(), Seen::new(query.tail.is_some()));
        let rest = engine.logs(&member.id, query);
        let id = member.id.clone();
        match advance(Arc::new(member), rest, out).await? {
            Ok(head) => heads.extend(head),
            Err(Unreadable) => unreadable.push(id),
        }
    }
    while let Some(index) = heads.iter().enumerate().min_by_key(|(_, head)| head.next.at).map(|(index, _)| index) {
        let Head { member, next, rest } = heads.swap_remove(index);
        if seen.get_mut(&member.id).is_none_or(|seen| seen.is_new(&next)) {
            send(out, Item::Entry(member.clone(), next)).await?;
        }
        heads.extend(advance(member, rest, out).await?.ok().flatten());
    }
    Ok(unreadable)
}

/// A log that cannot be read.
struct Unreadable;

/// Takes the next entry of a log; `None` at its end.
async fn advance(
    member: Arc<Member>,
    mut rest: BoxStream<'static, Result<LogChunk, EngineError>>,
    out: &mpsc::Sender<Item>,
) -> Result<Result<Option<Head>, Unreadable>, Broken> {
    match rest.next().await {
        Some(Ok(next)) => Ok(Ok(Some(Head { member, next, rest }))),
        None => Ok(Ok(None)),
        Some(Err(EngineError::Refused { message, .. })) => {
            send(out, Item::Note(Note::Unreadable(member, message))).await?;
            Ok(Err(Unreadable))
        }
        Some(Err(error @ (EngineError::Unreachable { .. } | EngineError::NoAnswer { .. }))) => {
            Err(Broken::Engine(error))
        }
    }
}

async fn send(out: &mpsc::Sender<Item>, item: Item) -> Result<(), Gone> {
    out.send(item).await.map_err(|_| Gone)
}

/// What comes from a log that is being read.
enum Event {
    Entry(LogChunk),
    Failed(EngineError),
    Closed,
}

/// Since when the engine has not answered.
struct Trouble {
    since: Instant,
    pause: Duration,
}

/// Following.
struct Reader<'a, E> {
    engine: &'a E,
    settings: &'a Settings,
    out: &'a mpsc::Sender<Item>,
    follow: Follow,
    seen: BTreeMap<ContainerId, Seen>,
    members: BTreeMap<ContainerId, Arc<Member>>,
    /// Those that were there at first, of which only a part may be wanted.
    first: BTreeSet<ContainerId>,
    streams: SelectAll<BoxStream<'static, (ContainerId, Event)>>,
    next_look: Instant,
    /// How many logs in a row have ended without an entry.
    idle_ends: u32,
    trouble: Option<Trouble>,
    begun: LogTime,
}

/// Reads what `target` has written, and then what it goes on to write: until it has ended, or until `finish` says that nothing more is
/// begun, and everything there is has been read. `containers` is what the engine has listed. Says whether any log could be read.
pub async fn follow<E: Observe>(
    engine: &E,
    target: &Target,
    containers: &[ObservedContainer],
    settings: &Settings,
    finish: watch::Receiver<bool>,
    out: &mpsc::Sender<Item>,
) -> Result<bool, EngineError> {
    let members = super::present(target, containers);
    let members: Vec<_> = members.into_iter().map(|container| Member::of(container, containers)).collect();
    let sources = sources(target, containers);
    let mut reader = Reader {
        engine,
        settings,
        out,
        follow: Follow::new(target.clone(), containers),
        seen: BTreeMap::new(),
        members: BTreeMap::new(),
        first: members.iter().map(|member| member.id.clone()).collect(),
        streams: SelectAll::new(),
        next_look: Instant::now(),
        idle_ends: 0,
        trouble: None,
        begun: clock::now().into(),
    };
    match reader.run(members, sources, finish).await {
        Ok(could_read) => Ok(could_read),
        Err(Broken::Gone) => Ok(true),
        Err(Broken::Engine(error)) => Err(error),
    }
}

/// Who declared the tasks: only their hints are heard.
fn sources(target: &Target, containers: &[ObservedContainer]) -> BTreeSet<Source> {
    let of_target = containers.iter().filter(|container| target.includes_task(&container.identity.task));
    let mut sources: BTreeSet<_> = of_target.map(|container| container.identity.source.clone()).collect();
    match &target.tasks {
        // A task that no manifest declares need not be there yet.
        Tasks::These(keys) if keys.iter().any(|key| key.service.standalone_id().is_some()) => {
            sources.insert(Source::standalone());
        }
        Tasks::These(_) | Tasks::OfService(..) => {}
    }
    sources
}

impl<E: Observe> Reader<'_, E> {
    async fn run(
        &mut self,
        members: Vec<Member>,
        sources: BTreeSet<Source>,
        mut finish: watch::Receiver<bool>,
    ) -> Result<bool, Broken> {
        let mut hints = self.engine.hints(clock::now(), sources.clone(), Subjects::Containers);
        if self.settings.tail != Some(0) {
            let query = LogQuery { since: self.settings.since, tail: self.settings.tail, follow: false };
            match read_past(self.engine, members, query, self.out, &mut self.seen).await {
                Ok(unreadable) if !unreadable.is_empty() && unreadable.len() == self.first.len() => return Ok(false),
                Ok(unreadable) => unreadable.iter().for_each(|id| self.follow.unreadable(id)),
                Err(Broken::Gone) => return Ok(true),
                // It is taken up where it broke.
                Err(Broken::Engine(error)) => self.be_in_trouble(error).await?,
            }
        }
        let mut is_last_look = false;
        loop {
            let is_over = self.trouble.is_none() && (is_last_look || self.follow.is_over());
            if is_over && self.streams.is_empty() {
                return Ok(true);
            }
            tokio::select! {
                Some((id, event)) = self.streams.next(), if !self.streams.is_empty() => self.hear(&id, event).await?,
                hint = hints.next() => {
                    if matches!(hint, None | Some(Hint::Lost)) {
                        // The pause before the next look is one before the next stream as well.
                        hints = self.hints_later(sources.clone());
                    }
                    self.look_within(AFTER_HINT);
                }
                () = tokio::time::sleep_until(self.next_look) => {
                    let is_asked_to_finish = *finish.borrow();
                    let orders = self.look().await?;
                    is_last_look = is_asked_to_finish && orders == Some(0) && self.streams.is_empty();
                }
                Ok(()) = finish.changed() => self.look_within(Duration::ZERO),
                () = self.out.closed() => return Ok(true),
            }
        }
    }

    fn hints_later(&self, sources: BTreeSet<Source>) -> BoxStream<'static, Hint> {
        let since = clock::now();
        let hints = self.engine.hints(since, sources, Subjects::Containers);
        let pause = stream::once(tokio::time::sleep(RETRY_LAST)).filter_map(|()| std::future::ready(None));
        pause.chain(hints).boxed()
    }

    fn look_within(&mut self, pause: Duration) {
        if self.trouble.is_none() {
            self.next_look = self.next_look.min(Instant::now() + pause);
        }
    }

    /// Looks at what there is; says how many orders came of it, if the engine answered.
    async fn look(&mut self) -> Result<Option<usize>, Broken> {
        self.next_look = Instant::now() + LIST_EVERY;
        let containers = match self.observe().await {
            Ok(containers) => containers,
            Err(error) => {
                self.be_in_trouble(error).await?;
                return Ok(None);
            }
        };
        if self.trouble.take().is_some() {
            send(self.out, Item::Note(Note::EngineBack)).await?;
        }
        let there: BTreeSet<_> = containers.iter().map(|container| container.id.clone()).collect();
        self.seen.retain(|id, _| there.contains(id) || self.members.contains_key(id));
        let orders = self.follow.look(&containers);
        let count = orders.len();
        for order in orders {
            let item = match order {
                Order::Read { member, follow } => {
                    self.open(member, follow);
                    continue;
                }
                Order::Began(key) => Item::Note(Note::Began(key)),
                Order::Ended(key, how) => Item::Note(Note::Ended(key, how)),
                Order::Several => Item::Several,
            };
            send(self.out, item).await?;
        }
        Ok(Some(count))
    }

    async fn observe(&mut self) -> Result<Vec<ObservedContainer>, EngineError> {
        let mut containers = self.engine.list().await?.containers;
        for id in self.follow.unclear(&containers) {
            let found = self.engine.inspect(&id.0).await?;
            containers.retain(|container| container.id != id);
            containers.extend(found);
        }
        Ok(containers)
    }

    /// Opens a log where it was left, or at its beginning.
    fn open(&mut self, member: Member, follow: bool) {
        let id = member.id.clone();
        let is_first = self.first.contains(&id);
        let seen = self.seen.entry(id.clone()).or_default();
        let base = match self.settings.tail {
            Some(0) if is_first => Some(self.begun),
            Some(_) | None if is_first => self.settings.since,
            Some(_) | None => None,
        };
        let query = LogQuery { since: seen.since().or(base), tail: None, follow };
        seen.begin_again();
        self.members.insert(id.clone(), Arc::new(member));
        let log = self.engine.logs(&id, query).map(|entry| match entry {
            Ok(entry) => Event::Entry(entry),
            Err(error) => Event::Failed(error),
        });
        let log = log.chain(stream::once(std::future::ready(Event::Closed)));
        self.streams.push(log.map(move |event| (id.clone(), event)).boxed());
    }

    async fn hear(&mut self, id: &ContainerId, event: Event) -> Result<(), Broken> {
        let Some(member) = self.members.get(id).cloned() else { return Ok(()) };
        match event {
            Event::Entry(entry) => {
                if self.seen.entry(id.clone()).or_default().is_new(&entry) {
                    self.idle_ends = 0;
                    send(self.out, Item::Entry(member, entry)).await?;
                }
            }
            Event::Failed(EngineError::Refused { message, .. }) => {
                self.follow.unreadable(id);
                send(self.out, Item::Note(Note::Unreadable(member, message))).await?;
            }
            Event::Failed(EngineError::Unreachable { .. } | EngineError::NoAnswer { .. }) => self.follow.broke(id),
            Event::Closed => {
                self.members.remove(id);
                self.follow.closed(id);
                let pause = AFTER_END.saturating_mul(1 << self.idle_ends.min(5)).min(LIST_EVERY);
                self.idle_ends += 1;
                self.look_within(pause);
            }
        }
        Ok(())
    }

    /// The engine does not answer: says so once, and gives up when it does not for too long.
    async fn be_in_trouble(&mut self, error: EngineError) -> Result<(), Broken> {
        let now = Instant::now();
        let is_news = self.trouble.is_none();
        let trouble = self.trouble.get_or_insert(Trouble { since: now, pause: RETRY_FIRST });
        if now.duration_since(trouble.since) >= self.settings.patience {
            return Err(Broken::Engine(error));
        }
        self.next_look = now + trouble.pause;
        trouble.pause = trouble.pause.saturating_mul(2).min(RETRY_LAST);
        if is_news {
            send(self.out, Item::Note(Note::EngineLost(error, self.settings.patience))).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
