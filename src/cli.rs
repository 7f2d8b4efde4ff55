//! The command line: what it understands, and which code each command ends with.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::engine::docker::Endpoint;
use crate::manifest::Kind;
use crate::secret::{self, Providers, Secrets};
use crate::state::Directories;

mod checks;
mod converge;
mod delete;
mod dry_run;
mod exec;
pub mod exit;
mod failure;
mod history;
mod housekeeping;
mod logs;
mod named;
mod notes;
mod output;
mod pause;
pub mod project;
pub mod render;
mod report;
mod run;
mod scope;
mod signals;
mod status;
mod stop;
mod tasks;
mod terminal;
mod validate;
mod why;
mod wishes;

use exit::Exit;
use output::Output;

/// ECS for a Docker host, driven from Git.
///
/// Reads a directory of Cluster, TaskDefinition and Service manifests, compares it with what the Docker Engine is running, and closes
/// the difference: once, on paper, or for ever.
#[derive(Debug, Parser)]
#[command(
    name = "reconcile",
    version,
    args_conflicts_with_subcommands = true,
    after_help = EXAMPLES,
    max_term_width = 100
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    converge: ConvergeArguments,
}

const EXAMPLES: &str = "\
Examples:
  reconcile                        make the host what ./manifests says, and wait until it is
  reconcile --dry-run deploy       say what would change, and where in the YAML that comes from
  reconcile --dry-run --simulate never-healthy:web deploy
                                   and how it would go if the new tasks of `web` never became healthy
  reconcile --watch deploy         keep the host as the directory says, until stopped
  reconcile status                 what runs, whether it is well, and why not
  reconcile validate deploy        say everything that is wrong with the manifests
  reconcile delete --service shop/web
  reconcile run migrate            run a task once, and end with its exit code
  reconcile logs -f web            what the tasks of a service write, also those that replace these
  reconcile exec web -- sh         a shell in the task of a service
  reconcile history web            what was deployed, when and why, and how that ended
  reconcile why web                why its tasks were replaced, with the last lines that they wrote

Exit codes:
  0  done                                       4  a service did not become healthy
  1  runtime error                              5  refused: another owner, or too many deletions
  2  changes exist (--detailed-exitcode only)   6  the engine cannot be reached
  3  the manifests are not valid               64  wrong usage      130, 143  stopped by a signal";

/// Where the manifests are.
#[derive(Debug, Clone, Args)]
struct Directory {
    /// The directory of manifests, or one file.
    #[arg(value_name = "DIR", default_value = "manifests", env = "RECONCILE_DIR")]
    directory: PathBuf,
}

/// Where the engine is.
#[derive(Debug, Clone, Args)]
struct Engine {
    /// The address of the engine, such as `unix:///var/run/docker.sock`. Without it: `DOCKER_HOST`, `DOCKER_CONTEXT`, Docker's current
    /// context, the default socket.
    #[arg(long, short = 'H', value_name = "ADDRESS")]
    host: Option<String>,
}

impl Engine {
    fn endpoint(&self) -> Result<Endpoint, Exit> {
        Endpoint::find(self.host.as_deref()).map_err(|error| Exit::new(exit::UNREACHABLE, error))
    }
}

/// Who has the values of secrets.
#[derive(Debug, Clone, Args)]
struct SecretArguments {
    /// Let secrets with `valueFrom: exec:NAME:KEY` be looked up by this program, which gets KEY as its last argument and prints the
    /// value. No shell takes part. The one named `aws` is asked for ARNs and parameter names of AWS.
    #[arg(long, value_name = "NAME=PROGRAM[,ARGUMENT...]", value_parser = parse_secret_command)]
    secret_command: Vec<(String, secret::Command)>,
}

impl SecretArguments {
    fn secrets(&self) -> Arc<Secrets> {
        let providers = Providers::new(self.secret_command.iter().cloned());
        Arc::new(Secrets::new(providers, Directories::of_this_process()))
    }
}

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct ConvergeArguments {
    #[command(flatten)]
    directory: Directory,
    #[command(flatten)]
    engine: Engine,
    #[command(flatten)]
    secrets: SecretArguments,
    /// Say what would be done, and do nothing. Nothing that changes the engine can be called.
    #[arg(long, conflicts_with = "watch")]
    dry_run: bool,
    /// Keep the host as the directory says, until stopped. Tasks go on running afterwards.
    #[arg(long)]
    watch: bool,
    /// How long to wait for everything to be steady, such as 90s or 10m.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration, conflicts_with_all = ["dry_run", "watch"])]
    timeout: Duration,
    /// Allow exactly this many services to be deleted, when so many at once would be refused.
    #[arg(long, value_name = "NUMBER")]
    allow_delete: Option<usize>,
    /// Take over what another directory declared. The name is the one that the refusal printed.
    #[arg(long, value_name = "SOURCE")]
    adopt: Vec<String>,
    /// Try deployments once more that were given up because too many of their tasks failed.
    #[arg(long)]
    retry: bool,
    /// Remove no image. Without it images that were fetched for `imagePullBehavior` `default`, `always` or `once` go when nobody has
    /// needed them for an hour.
    #[arg(long, requires = "watch")]
    keep_images: bool,
    /// Show as well how it would go if new tasks were not well: `never-healthy`, `crash`, `crash=30s` or `slow=30s`. It concerns
    /// every service that changes, or only SERVICE, which is a service or CLUSTER/SERVICE. May be repeated: each is told by itself.
    #[arg(long, value_name = "FAULT[:SERVICE]", requires = "dry_run", value_parser = dry_run::simulate::parse_asked)]
    simulate: Vec<dry_run::simulate::Asked>,
    /// End with code 2 when there are changes.
    #[arg(long, requires = "dry_run")]
    detailed_exitcode: bool,
    /// How a plan is printed.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "text", requires = "dry_run")]
    output: Format,
}

/// In which form data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say everything that is wrong with the manifests; needs no engine.
    Validate(ValidateArguments),
    /// Print the JSON schema of a kind, or write those of all kinds.
    Schema(SchemaArguments),
    /// Say what runs, whether it is well, and why not.
    Status(StatusArguments),
    /// Stop and remove what a directory declared: all of it, one cluster or one service. Volumes stay unless asked.
    Delete(DeleteArguments),
    /// Run a task once, outside any service, and end as it ended.
    Run(run::RunArguments),
    /// End one task in order; that of a service is replaced.
    Stop(stop::StopArguments),
    /// Show every task, of a service or on its own, that runs or has stopped lately.
    Tasks(tasks::TasksArguments),
    /// Show what the tasks of a service, or one task, have written; `-f` goes on, also over replacements.
    Logs(logs::LogsArguments),
    /// Run a command in a container of a task that runs, and end with its exit code.
    Exec(exec::ExecArguments),
    /// Say what was deployed, when and why, and how that ended; needs no engine.
    History(history::HistoryArguments),
    /// Say why the tasks of a service were replaced, with the last lines that they wrote; needs no engine.
    Why(why::WhyArguments),
    /// Hold the namespaces of a task until asked to end. It is what the containers of `reconcile-pause` run.
    #[command(hide = true)]
    Pause,
}

#[derive(Debug, Args)]
struct ValidateArguments {
    #[command(flatten)]
    directory: Directory,
    /// How problems are printed.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "text")]
    output: ProblemFormat,
}

/// In which form problems are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProblemFormat {
    /// With the lines that they concern.
    Text,
    /// One line for each, for editors and `grep`.
    Short,
    /// For programs.
    Json,
}

#[derive(Debug, Args)]
struct SchemaArguments {
    /// The kind; without it the schemas of all kinds are written to files.
    #[arg(value_name = "KIND", value_parser = parse_kind)]
    kind: Option<Kind>,
    /// Print what becomes of every parameter of an ECS task definition, as tables in Markdown.
    #[arg(long, conflicts_with_all = ["kind", "directory"])]
    parameters: bool,
    /// The directory that the files are written to.
    #[arg(long, value_name = "DIR", default_value = "schemas")]
    directory: PathBuf,
}

#[derive(Debug, Args)]
struct StatusArguments {
    /// The directory of manifests to compare with. Without it `manifests`, where there is such a directory; otherwise everything of
    /// ours on the engine is shown as it is.
    #[arg(value_name = "DIR", env = "RECONCILE_DIR")]
    directory: Option<PathBuf>,
    #[command(flatten)]
    engine: Engine,
    #[command(flatten)]
    secrets: SecretArguments,
    /// Measure what our containers really use of the host, too. It takes more than a second.
    #[arg(long)]
    usage: bool,
    /// How it is printed.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "text")]
    output: Format,
}

#[derive(Debug, Args)]
struct DeleteArguments {
    #[command(flatten)]
    directory: Directory,
    #[command(flatten)]
    engine: Engine,
    /// Delete only this service.
    #[arg(long, value_name = "CLUSTER/SERVICE", conflicts_with = "cluster")]
    service: Option<String>,
    /// Delete only this cluster.
    #[arg(long, value_name = "CLUSTER")]
    cluster: Option<String>,
    /// Delete the shared volumes as well, with all that is in them.
    #[arg(long, conflicts_with = "service")]
    volumes: bool,
    /// How long to wait until everything is gone, such as 90s or 10m.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    timeout: Duration,
}

/// Runs the command that `arguments` name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let output = Output::new();
    let ended = match arguments.command {
        None if arguments.converge.dry_run => dry_run::run(&arguments.converge, &output),
        None => converge::run(&arguments.converge, &output),
        Some(Command::Validate(arguments)) => validate::run(&arguments, &output),
        Some(Command::Schema(arguments)) => validate::print_schema(&arguments, &output),
        Some(Command::Status(arguments)) => status::run(&arguments, &output),
        Some(Command::Delete(arguments)) => delete::run(&arguments, &output),
        Some(Command::Run(arguments)) => run::run(&arguments, &output),
        Some(Command::Stop(arguments)) => stop::run(&arguments, &output),
        Some(Command::Tasks(arguments)) => tasks::run(&arguments, &output),
        Some(Command::Logs(arguments)) => logs::run(&arguments, &output),
        Some(Command::Exec(arguments)) => exec::run(&arguments, &output),
        Some(Command::History(arguments)) => history::run(&arguments, &output),
        Some(Command::Why(arguments)) => why::run(&arguments, &output),
        Some(Command::Pause) => pause::run(),
    };
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(exit) => {
            output.say(&exit.message());
            ExitCode::from(exit.code)
        }
    }
}

/// Wrong usage has a code of its own: clap's 2 means "there are changes" here.
fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe is no reason to complain about.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::DONE })
}

/// `90s`, `10m`, `1h`, or a plain number of seconds.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(end) => text.split_at(end),
        None => (text, "s"),
    };
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(format!("expected a number with s, m or h, such as 90s, found `{text}`")),
    };
    let number: u64 = number.parse().map_err(|_| format!("expected a time such as 90s, 10m or 1h, found `{text}`"))?;
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}

/// `NAME=PROGRAM[,ARGUMENT...]`
fn parse_secret_command(text: &str) -> Result<(String, secret::Command), String> {
    let expected = || format!("expected NAME=PROGRAM[,ARGUMENT...], found `{text}`");
    let (name, command) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(expected)?;
    Ok((name.to_owned(), command.parse().map_err(|_| expected())?))
}

fn parse_kind(text: &str) -> Result<Kind, String> {
    let same = |kind: &Kind| kind.as_str().eq_ignore_ascii_case(text);
    let known = || Kind::ALL.map(Kind::as_str).join(", ");
    Kind::ALL.into_iter().find(same).ok_or_else(|| format!("`{text}` is not a kind; the kinds are {}", known()))
}

#[cfg(test)]
mod tests;
