//! `reconcile history`: what was deployed, when and why, and how that ended.

use std::collections::BTreeSet;

use clap::Args;

use super::exit::{self, Exit};
use super::output::Output;
use super::render::history::{render_history, render_history_json};
use super::{Engine, Format};
use crate::clock;
use crate::history::Record;
use crate::history::file::Store;
use crate::history::fold::fold;
use crate::spelling;
use crate::state::Directories;
use crate::value::{ClusterName, ServiceName};

const AFTER_HELP: &str = "\
Examples:
  reconcile history                    of all services, the newest last
  reconcile history shop/web           of one
  reconcile history web --limit 3      the last three
  reconcile history -o json            for programs

It is written by `reconcile` and `reconcile --watch` of the same user on this machine, and it is read without asking the engine. Of each
service the last 100 deployments and ends of tasks are remembered. REVISION is what a deployment went from and to; CAUSE the files that
had changed, the commit that was checked out, and the fields that differ. Between deployments stands how often tasks were replaced:
`reconcile why SERVICE` tells each of them.";

/// Shows what was deployed.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct HistoryArguments {
    /// Only this service, as SERVICE or CLUSTER/SERVICE.
    #[arg(value_name = "SERVICE")]
    service: Option<String>,
    /// Only the last so many rows.
    #[arg(long, short = 'n', value_name = "NUMBER")]
    limit: Option<usize>,
    #[command(flatten)]
    engine: Engine,
    /// How it is printed.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "text")]
    output: Format,
}

pub(super) fn run(arguments: &HistoryArguments, output: &Output) -> Result<u8, Exit> {
    let store = store(&arguments.engine)?;
    let mut records = read(&store)?;
    if let Some(name) = &arguments.service
        && !records.is_empty()
    {
        let (cluster, service) = find(name, &records)?;
        records.retain(|record| record.cluster == cluster && record.service == service);
    }
    if records.is_empty() {
        output.say(&nothing(&store));
    }
    let mut rows = fold(&records);
    if let Some(limit) = arguments.limit {
        rows.drain(..rows.len().saturating_sub(limit));
    }
    match arguments.output {
        Format::Text => output.print(&render_history(&rows, clock::now(), output.data)),
        Format::Json => output.print(&render_history_json(&rows)),
    }
    Ok(exit::DONE)
}

/// The history of the engine that is meant. It is not asked anything.
pub(super) fn store(engine: &Engine) -> Result<Store, Exit> {
    Ok(Store::new(&Directories::of_this_process().state, &engine.endpoint()?.identity()))
}

pub(super) fn read(store: &Store) -> Result<Vec<Record>, Exit> {
    let explain = |error| {
        let place = store.directory().display();
        Exit::because(
            exit::RUNTIME,
            format!("the history in {place} cannot be read: {error}; ask as the user who wrote it"),
        )
    };
    store.read_all().map_err(explain)
}

/// What is said where nothing is known.
pub(super) fn nothing(store: &Store) -> String {
    format!(
        "Nothing is recorded yet of this engine by this user: there is nothing in {}. `reconcile` and `reconcile --watch` record what they do.",
        store.directory().display()
    )
}

/// The service that `text` names among those of which something is recorded.
pub(super) fn find(text: &str, records: &[Record]) -> Result<(ClusterName, ServiceName), Exit> {
    let all: BTreeSet<_> = records.iter().map(|record| (record.cluster.clone(), record.service.clone())).collect();
    let full = |(cluster, service): &(ClusterName, ServiceName)| format!("{cluster}/{service}");
    let is_named = |key: &&(ClusterName, ServiceName)| key.1.as_str() == text || full(key) == text;
    let found: Vec<_> = all.iter().filter(is_named).collect();
    match &found[..] {
        [only] => Ok((*only).clone()),
        [] => {
            let names: BTreeSet<_> = all.iter().flat_map(|key| [key.1.to_string(), full(key)]).collect();
            let meant = spelling::closest(text, names.iter().map(String::as_str));
            let hint = meant.map_or_else(
                || "`reconcile history` shows all that is recorded".to_owned(),
                |meant| format!("did you mean `{meant}`?"),
            );
            Err(Exit::because(exit::RUNTIME, format!("nothing is recorded of a service `{text}`; {hint}")))
        }
        several => {
            let names: Vec<_> = several.iter().map(|key| full(key)).collect();
            Err(Exit::because(exit::USAGE, format!("`{text}` may be any of {}", names.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests;
