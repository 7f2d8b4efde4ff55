//! `reconcile logs`: what the tasks of a service, or one task, have written and go on to write.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use tokio::sync::{mpsc, oneshot, watch};

use super::exit::{self, Exit};
use super::named::{self, Named};
use super::output::{Output, Pipe};
use super::render::logs::{LogForm, LogLines, render_note};
use super::{Engine, Format, converge, parse_duration, signals};
use crate::clock;
use crate::engine::docker::ReadOnlyDocker;
use crate::engine::{EngineError, LogStream, LogTime, Observe};
use crate::logs::read::{Item, Note, Settings, follow, read};
use crate::logs::{Member, Target, Tasks, present, previous};
use crate::observed::ObservedContainer;
use crate::value::ContainerName;

/// How long an engine is waited for that does not answer any more: a restart of it takes seconds, an upgrade a minute.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// How many entries wait for whoever reads them. A log that is read slowly is fetched slowly.
pub(super) const ITEMS_MAX: usize = 256;

const AFTER_HELP: &str = "\
Examples:
  reconcile logs web                      what the tasks of a service have written
  reconcile logs -f shop/web --tail 20    the last lines, and then all that follow: also those of tasks that replace these
  reconcile logs shop/web/0 --previous    the task of this slot that ended last: why it crashed
  reconcile logs 3f2a -c app --since 10m  one container of one task

What containers wrote to stdout goes to stdout, what they wrote to stderr to stderr, as it is. Where there are several containers the
name of the task stands before each line; that tasks end and begin is said on stderr. Ended tasks can be read as long as they are kept:
of a service the last two that failed, of those of `reconcile run` what ended in the last three hours.";

/// Shows logs.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct LogsArguments {
    /// A service, as SERVICE or CLUSTER/SERVICE; or a task: its id or the beginning of it, or CLUSTER/SERVICE/SLOT.
    #[arg(value_name = "SERVICE|TASK")]
    what: String,
    /// Go on with what is written from now on: of a service until stopped, of a task until it has ended.
    #[arg(long, short = 'f')]
    follow: bool,
    /// Show the tasks that came before: in each slot the one that ended last.
    #[arg(long, conflicts_with = "follow")]
    previous: bool,
    /// Only what was written since then: a time such as 2026-11-20T10:00:00Z, or how long ago, such as 10m.
    #[arg(long, value_name = "DURATION|TIME", value_parser = parse_since)]
    since: Option<Since>,
    /// Only the last so many lines of each container.
    #[arg(long, short = 'n', value_name = "NUMBER")]
    tail: Option<usize>,
    /// Show when each line was written.
    #[arg(long)]
    timestamps: bool,
    /// Only the container of this name.
    #[arg(long, short = 'c', value_name = "CONTAINER")]
    container: Option<String>,
    /// Never put the name of the task before a line.
    #[arg(long)]
    no_prefix: bool,
    #[command(flatten)]
    engine: Engine,
    /// How it is printed; as JSON one object for each line.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "text")]
    output: Format,
}

/// From when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Ago(Duration),
    At(LogTime),
}

fn parse_since(text: &str) -> Result<Since, String> {
    if let Some(at) = LogTime::parse(text) {
        return Ok(Since::At(at));
    }
    let ago = parse_duration(text).map(Since::Ago);
    ago.map_err(|_| format!("expected a time such as 2026-11-20T10:00:00Z, or 90s, 10m or 1h, found `{text}`"))
}

impl LogsArguments {
    fn settings(&self) -> Settings {
        let since = self.since.map(|since| match since {
            Since::Ago(ago) => LogTime::from(clock::now().before(ago)),
            Since::At(at) => at,
        });
        Settings { since, tail: self.tail, patience: PATIENCE }
    }

    fn form(&self) -> LogForm {
        match self.output {
            Format::Text => LogForm::Text { timestamps: self.timestamps, names: !self.no_prefix },
            Format::Json => LogForm::Json,
        }
    }
}

pub(super) fn run(arguments: &LogsArguments, output: &Output) -> Result<u8, Exit> {
    let endpoint = arguments.engine.endpoint()?;
    converge::runtime(false)?.block_on(async {
        let mut signals = signals::Signals::new()?;
        let engine = ReadOnlyDocker::new(endpoint);
        tokio::select! {
            ended = show(&engine, arguments, output) => ended,
            // What nobody has read yet is not waited for.
            signal = signals.next() => Ok(signal.exit_code()),
        }
    })
}

async fn show<E: Observe>(engine: &E, arguments: &LogsArguments, output: &Output) -> Result<u8, Exit> {
    let unreachable = |error: EngineError| Exit::new(exit::UNREACHABLE, error);
    let containers = engine.list().await.map_err(unreachable)?.containers;
    let target = target(arguments, &containers)?;
    let chosen = if arguments.previous { previous(&target, &containers) } else { present(&target, &containers) };
    if arguments.previous && chosen.is_empty() {
        let what = &arguments.what;
        return Err(Exit::because(exit::RUNTIME, format!("no task that came before is kept of `{what}`")));
    }
    let members: Vec<_> = chosen.into_iter().map(|container| Member::of(container, &containers)).collect();
    let lines = LogLines::new(arguments.form(), members.len() > 1, output.data, output.talk);
    let printer = Printer::start(output, lines, Told::ALL);
    let settings = arguments.settings();
    let could_read = if arguments.follow {
        // The sender lives as long as the reading: nobody says that it is to finish.
        let (_never, finish) = watch::channel(false);
        follow(engine, &target, &containers, &settings, finish, &printer.items).await
    } else {
        let count = members.len();
        read(engine, members, &settings, &printer.items).await.map(|readable| readable > 0 || count == 0)
    };
    printer.finish().await;
    if could_read.map_err(unreachable)? {
        return Ok(exit::DONE);
    }
    Err(Exit::because(exit::RUNTIME, "no log could be read"))
}

/// Whose logs are asked for.
fn target(arguments: &LogsArguments, containers: &[ObservedContainer]) -> Result<Target, Exit> {
    let (tasks, found) = match named::find(&arguments.what, containers.to_vec())? {
        Named::Service(cluster, service, tasks) => (Tasks::OfService(cluster, service), tasks),
        Named::Task(task) => (Tasks::These(BTreeSet::from([task.key.clone()])), vec![task]),
    };
    let container = arguments.container.as_deref().map(|name| {
        let all: Vec<_> = found.iter().flat_map(|task| &task.containers).collect();
        // What is no name of a container is none that exists.
        named::check_container(name, &all)?;
        ContainerName::new(name).map_err(|error| Exit::because(exit::USAGE, format!("`{name}`: {error}")))
    });
    Ok(Target { tasks, container: container.transpose()? })
}

/// What is told, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// Where all of it goes; without it each line where its container wrote it to.
    pub(super) only: Option<LogStream>,
    /// Whether it is told that tasks begin and end.
    pub(super) tasks: bool,
}

impl Told {
    const ALL: Self = Self { only: None, tasks: true };
}

/// Prints what is read, on a thread of its own: whoever reads our output may take any time, and the engine is not kept waiting for it.
pub(super) struct Printer {
    pub(super) items: mpsc::Sender<Item>,
    ended: oneshot::Receiver<()>,
}

impl Printer {
    /// Starts it.
    pub(super) fn start(output: &Output, mut lines: LogLines, told: Told) -> Self {
        let (items, mut inbox) = mpsc::channel(ITEMS_MAX);
        let mut pipe = Pipe::new(output);
        let (done, ended) = oneshot::channel();
        // The runtime waits for its own threads when it ends, and this one may never end: its reader has stopped reading.
        std::thread::spawn(move || {
            // Whoever closes the pipe has read enough; the reading ends when there is nobody to hand to.
            let _ = print(&mut inbox, &mut lines, &mut pipe, told);
            let _ = done.send(());
        });
        Self { items, ended }
    }

    /// Waits until everything is printed.
    pub(super) async fn finish(self) {
        drop(self.items);
        let _ = self.ended.await;
    }
}

fn print(inbox: &mut mpsc::Receiver<Item>, lines: &mut LogLines, pipe: &mut Pipe, told: Told) -> std::io::Result<()> {
    loop {
        let Ok(item) = inbox.try_recv() else {
            // Nothing more for now.
            pipe.flush()?;
            match inbox.blocking_recv() {
                Some(item) => print_item(item, lines, pipe, told)?,
                None => break,
            }
            continue;
        };
        print_item(item, lines, pipe, told)?;
    }
    for printed in lines.finish() {
        pipe.write(told.only.unwrap_or(printed.stream), &printed.bytes)?;
    }
    pipe.flush()
}

fn print_item(item: Item, lines: &mut LogLines, pipe: &mut Pipe, told: Told) -> std::io::Result<()> {
    match item {
        Item::Entry(member, entry) => {
            let printed = lines.add(&member, &entry);
            pipe.write(told.only.unwrap_or(printed.stream), &printed.bytes)
        }
        Item::Note(Note::Began(_) | Note::Ended(..)) if !told.tasks => Ok(()),
        Item::Note(note) => pipe.write(LogStream::Stderr, format!("{}\n", render_note(&note)).as_bytes()),
        Item::Several => {
            let ends = lines.be_several();
            ends.into_iter().try_for_each(|printed| pipe.write(told.only.unwrap_or(printed.stream), &printed.bytes))
        }
    }
}

#[cfg(test)]
mod tests;
