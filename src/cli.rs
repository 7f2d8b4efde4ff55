//! The command line: what it understands, and which code each command ends with.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::engine::docker::Endpoint;
use crate::plan::id::PlanId;
use crate::secret::{self, Providers, Secrets};
use crate::state::Directories;

mod checks;
mod complete;
mod converge;
mod delete;
mod dry_run;
mod exec;
pub mod exit;
mod explain;
mod failure;
pub mod fix;
mod history;
mod housekeeping;
mod init;
mod logs;
mod man;
mod named;
mod notes;
mod output;
mod pause;
pub mod project;
mod protect;
mod publish;
pub mod render;
mod report;
mod rollout;
mod run;
mod scope;
mod signals;
mod snapshot;
mod status;
mod stop;
mod tasks;
mod terminal;
mod validate;
mod volumes;
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
  reconcile --dry-run --against git:origin/main deploy
                                   what a pull request would change; needs no engine
  reconcile --dry-run --simulate never-healthy:web deploy
                                   and how it would go if the new tasks of `web` never became healthy
  reconcile --dry-run --report sarif=plan.sarif --report markdown=comment.md deploy
                                   and for those who review it
  reconcile --watch deploy         keep the host as the directory says, until stopped
  reconcile status                 what runs, whether it is well, and why not
  reconcile validate deploy        say everything that is wrong with the manifests
  reconcile explain RC101          what a problem means, with an example
  reconcile delete --service shop/web
  reconcile run migrate            run a task once, and end with its exit code
  reconcile logs -f web            what the tasks of a service write, also those that replace these
  reconcile exec web -- sh         a shell in the task of a service
  reconcile history web            what was deployed, when and why, and how that ended
  reconcile rollback web           back to the revision before, until its manifest changes
  reconcile why web                why its tasks were replaced, with the last lines that they wrote

Exit codes:
  0  done                                       4  a service did not become healthy
  1  runtime error                              5  refused: owner, deletions, --plan-id, --fail-on
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
    /// Compare with something else than the engine: `git:REF`, the manifests where REF and what is checked out parted (for a pull
    /// request, such as git:origin/main; needs no engine, no network and no `git`); or `snapshot:FILE`, which `reconcile snapshot`
    /// has written on the host.
    #[arg(long, value_name = "WORLD", requires = "dry_run", conflicts_with = "host")]
    against: Option<dry_run::against::Against>,
    /// Do the plan of this id, which a dry run has shown, and no other: refused with code 5 when the manifests, or what runs, have
    /// changed since.
    #[arg(long, value_name = "ID", conflicts_with = "watch")]
    plan_id: Option<PlanId>,
    /// End with code 5 when the plan would do one of these: `delete`, `replace` (tasks), `downtime` (no task of a service is there for
    /// a time). Several are separated by commas.
    #[arg(long, value_name = "WHAT", value_delimiter = ',', requires = "dry_run")]
    fail_on: Vec<dry_run::fail_on::FailOn>,
    /// End with code 2 when there are changes.
    #[arg(long, requires = "dry_run")]
    detailed_exitcode: bool,
    #[command(flatten)]
    look: publish::LookArguments,
    /// How a plan is printed. Without it as text.
    #[arg(long, short = 'o', value_name = "FORMAT", requires = "dry_run")]
    output: Option<render::report::Format>,
    #[command(flatten)]
    reports: publish::ReportArguments,
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
    /// Say what the code of a problem means, with an example that is wrong and one that is right.
    Explain(explain::ExplainArguments),
    /// Write a directory to begin with: manifests, a schema for the editor, and a check for pull requests. Nothing is overwritten.
    Init(init::InitArguments),
    /// Print the JSON schema of a kind of manifest or of what is printed as JSON, or write all of them.
    Schema(SchemaArguments),
    /// Say what runs, whether it is well, and why not.
    Status(StatusArguments),
    /// Print what the engine is running as a file to compare with elsewhere: `reconcile --dry-run --against snapshot:FILE`.
    Snapshot(SnapshotArguments),
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
    /// Steer the rollout of one service by hand: begin anew, go back, break off, pause, go on.
    Rollout(rollout::RolloutArguments),
    /// Bring a service back to the revision before, or to another one; it stays there until its manifest changes.
    Rollback(rollout::RollbackArguments),
    /// Spare a task: until the time is up no deployment and no scale-in ends it.
    Protect(protect::ProtectArguments),
    /// Print what makes a shell complete commands, flags and the names of what runs.
    Completions(complete::CompletionsArguments),
    /// Print a manual page, or write all of them.
    Man(man::ManArguments),
    /// Hold the namespaces of a task until asked to end. It is what the containers of `reconcile-pause` run.
    #[command(hide = true)]
    Pause,
}

#[derive(Debug, Args)]
struct ValidateArguments {
    #[command(flatten)]
    directory: Directory,
    /// Repair first what can only have been meant one way: fields that are misspelt or have their name in Kubernetes or Compose, texts
    /// without quotes, numbers and switches with them, and the like. Nothing else in a file is touched, comments and layout included;
    /// what is repaired is said.
    #[arg(long)]
    fix: bool,
    /// How problems are printed. Without it as text, with the lines that they concern.
    #[arg(long, short = 'o', value_name = "FORMAT")]
    output: Option<render::report::Format>,
    #[command(flatten)]
    reports: publish::ReportArguments,
}

#[derive(Debug, Args)]
struct SchemaArguments {
    /// The kind of manifest, or `plan` or `validation` for what is printed as JSON; without it all schemas are written to files.
    #[arg(value_name = "KIND", value_parser = validate::parse_described)]
    kind: Option<validate::Described>,
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
struct SnapshotArguments {
    #[command(flatten)]
    engine: Engine,
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
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let output = Output::new();
    if let Some(answered) = complete::answer(&arguments, &output) {
        return finish(answered, &output);
    }
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let ended = match arguments.command {
        None if !arguments.converge.dry_run && !arguments.converge.reports.is_empty() => {
            Err(Exit::because(exit::USAGE, "--report and --no-ci need --dry-run: a report tells what would be done"))
        }
        None if arguments.converge.dry_run => dry_run::run(&arguments.converge, &output),
        None => converge::run(&arguments.converge, &output),
        Some(Command::Validate(arguments)) => validate::run(&arguments, &output),
        Some(Command::Explain(arguments)) => Ok(explain::run(&arguments, &output)),
        Some(Command::Init(arguments)) => init::run(&arguments, &output),
        Some(Command::Completions(arguments)) => complete::run(&arguments, &output),
        Some(Command::Man(arguments)) => man::run(&arguments, &output),
        Some(Command::Schema(arguments)) => validate::print_schema(&arguments, &output),
        Some(Command::Status(arguments)) => status::run(&arguments, &output),
        Some(Command::Snapshot(arguments)) => snapshot::run(&arguments, &output),
        Some(Command::Delete(arguments)) => delete::run(&arguments, &output),
        Some(Command::Run(arguments)) => run::run(&arguments, &output),
        Some(Command::Stop(arguments)) => stop::run(&arguments, &output),
        Some(Command::Tasks(arguments)) => tasks::run(&arguments, &output),
        Some(Command::Logs(arguments)) => logs::run(&arguments, &output),
        Some(Command::Exec(arguments)) => exec::run(&arguments, &output),
        Some(Command::History(arguments)) => history::run(&arguments, &output),
        Some(Command::Why(arguments)) => why::run(&arguments, &output),
        Some(Command::Rollout(arguments)) => rollout::run(&arguments, &output),
        Some(Command::Rollback(arguments)) => rollout::roll_back(&arguments, &output),
        Some(Command::Protect(arguments)) => protect::run(&arguments, &output),
        Some(Command::Pause) => pause::run(),
    };
    finish(ended, &output)
}

/// Says why a command failed, and ends with its code.
fn finish(ended: Result<u8, Exit>, output: &Output) -> ExitCode {
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

#[cfg(test)]
mod tests;
