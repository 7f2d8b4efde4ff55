//! `reconcile why`: why the tasks of a service were replaced, with what they said, also when nothing is left of them.

use clap::Args;

use super::exit::{self, Exit};
use super::history::{find, nothing, read, store};
use super::output::Output;
use super::render::history::{render_why, render_why_json};
use super::{Engine, Format};
use crate::clock;

/// So many are shown unless more are asked for: a screen or two.
const LIMIT_DEFAULT: &str = "10";

const AFTER_HELP: &str = "\
Examples:
  reconcile why web                    the last ends of its tasks, the newest first
  reconcile why shop/web --limit 1     only the last one
  reconcile why web -o json            for programs

Shown is how each task ended, its exit code, what its health check said and the last lines that it wrote, as `reconcile` recorded them when
it happened: the container may be gone. The engine is not asked. Values of secrets and of sensitive variables are covered.";

/// Shows why tasks were replaced.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct WhyArguments {
    /// The service, as SERVICE or CLUSTER/SERVICE.
    #[arg(value_name = "SERVICE")]
    service: String,
    /// How many things are told.
    #[arg(long, short = 'n', value_name = "NUMBER", default_value = LIMIT_DEFAULT)]
    limit: usize,
    #[command(flatten)]
    engine: Engine,
    /// How it is printed.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "text")]
    output: Format,
}

pub(super) fn run(arguments: &WhyArguments, output: &Output) -> Result<u8, Exit> {
    let store = store(&arguments.engine)?;
    let mut records = read(&store)?;
    if records.is_empty() {
        output.say(&nothing(&store));
    } else {
        let (cluster, service) = find(&arguments.service, &records)?;
        records.retain(|record| record.cluster == cluster && record.service == service);
    }
    records.reverse();
    let more = records.len().saturating_sub(arguments.limit);
    records.truncate(arguments.limit);
    match arguments.output {
        Format::Text => output.print(&render_why(&records, more, clock::now(), output.data)),
        Format::Json => output.print(&render_why_json(&records)),
    }
    Ok(exit::DONE)
}
