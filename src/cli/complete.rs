//! `reconcile completions`: what a shell asks while somebody types, with names that only the engine or the manifests know.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Command, CommandFactory};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{EnvCompleter, Shells};

use super::exit::{self, Exit};
use super::output::Output;
use super::{Arguments, converge};
use crate::engine::Observe;
use crate::engine::docker::{Endpoint, ReadOnlyDocker};
use crate::load::{load_directory, validate_loaded};
use crate::ownership::TaskKey;
use crate::problem::Code;

/// With this variable set to the name of a shell, the program answers what the shell asks instead of running.
const VARIABLE: &str = "RECONCILE_COMPLETE";

/// How long the engine is waited for while somebody types.
const PATIENCE: Duration = Duration::from_millis(500);

const AFTER_HELP: &str = "\
The names of services and tasks are those of the engine at the moment of typing, those of task definitions are read from the manifests.

  bash         source <(reconcile completions bash)                in ~/.bashrc
  zsh          source <(reconcile completions zsh)                 in ~/.zshrc
  fish         reconcile completions fish | source                 in ~/.config/fish/config.fish
  elvish       eval (reconcile completions elvish | slurp)         in ~/.config/elvish/rc.elv
  powershell   reconcile completions powershell | Out-String | Invoke-Expression";

/// Prints what makes a shell ask.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct CompletionsArguments {
    /// The shell.
    shell: clap_complete::Shell,
}

pub(super) fn run(arguments: &CompletionsArguments, output: &Output) -> Result<u8, Exit> {
    let mut script = Vec::new();
    find(arguments.shell.to_string().as_ref())?.write_registration(
        VARIABLE,
        "reconcile",
        "reconcile",
        "reconcile",
        &mut script,
    )?;
    output.print_bytes(&script);
    Ok(exit::DONE)
}

/// Answers a shell; `None` when no shell asks.
pub(super) fn answer(arguments: &[OsString], output: &Output) -> Option<Result<u8, Exit>> {
    let shell = std::env::var_os(VARIABLE).filter(|shell| !shell.is_empty())?;
    Some(answer_shell(&shell, arguments, output))
}

fn answer_shell(shell: &OsStr, arguments: &[OsString], output: &Output) -> Result<u8, Exit> {
    // The words so far stand behind `--`.
    let words: Vec<_> = arguments.iter().skip_while(|word| *word != "--").skip(1).cloned().collect();
    let mut answer = Vec::new();
    let directory = std::env::current_dir().ok();
    find(shell)?.write_complete(&mut command(), words, directory.as_deref(), &mut answer)?;
    output.print_bytes(&answer);
    Ok(exit::DONE)
}

fn find(shell: &OsStr) -> Result<&'static dyn EnvCompleter, Exit> {
    let Shells(shells) = Shells::builtins();
    let name = shell.to_string_lossy();
    shells
        .iter()
        .copied()
        .find(|shell| shell.is(&name))
        .ok_or_else(|| Exit::because(exit::USAGE, format!("`{name}` is not a shell that is known")))
}

/// Who knows names.
type Names = fn() -> Vec<CompletionCandidate>;

/// Where the names of an argument come from: the command, the argument, and who knows them.
const NAMES: [(&str, &str, Names); 8] = [
    ("logs", "what", services_and_tasks),
    ("exec", "what", services_and_tasks),
    ("stop", "task", tasks),
    ("history", "service", services),
    ("why", "service", services),
    ("delete", "service", services),
    ("run", "what", families),
    ("explain", "code", codes),
];

/// The command line, with where its names come from.
fn command() -> Command {
    NAMES.into_iter().fold(Arguments::command(), |command, (subcommand, name, names)| {
        command.mut_subcommand(subcommand, |subcommand| {
            // `mut_arg` would move it behind the others, and with it its position.
            subcommand.mut_args(|argument| {
                let is_meant = argument.get_id() == name;
                if is_meant { argument.add(ArgValueCandidates::new(names)) } else { argument }
            })
        })
    })
}

fn services() -> Vec<CompletionCandidate> {
    candidates(service_names(&keys()))
}

fn tasks() -> Vec<CompletionCandidate> {
    candidates(task_names(&keys()))
}

fn services_and_tasks() -> Vec<CompletionCandidate> {
    let keys = keys();
    candidates(service_names(&keys).chain(task_names(&keys)))
}

fn service_names(keys: &BTreeSet<TaskKey>) -> impl Iterator<Item = String> {
    let of_services = keys.iter().filter(|key| key.service.standalone_id().is_none());
    of_services.map(|key| format!("{}/{}", key.cluster, key.service))
}

fn task_names(keys: &BTreeSet<TaskKey>) -> impl Iterator<Item = String> {
    keys.iter().map(ToString::to_string)
}

/// The task definitions of the directory that `run` reads.
fn families() -> Vec<CompletionCandidate> {
    let directory = std::env::var_os("RECONCILE_DIR").map_or_else(|| PathBuf::from("manifests"), PathBuf::from);
    let definitions = validate_loaded(&load_directory(&directory)).task_definitions;
    candidates(definitions.iter().map(|located| located.manifest.metadata.name.to_string()))
}

fn codes() -> Vec<CompletionCandidate> {
    let candidate = |code: &Code| CompletionCandidate::new(code.as_str()).help(Some(code.explanation().into()));
    Code::ALL.iter().map(candidate).collect()
}

fn candidates(names: impl Iterator<Item = String>) -> Vec<CompletionCandidate> {
    names.collect::<BTreeSet<_>>().into_iter().map(CompletionCandidate::new).collect()
}

/// The tasks of ours on the engine. Where it does not answer at once there are none: nobody waits for a completion.
fn keys() -> BTreeSet<TaskKey> {
    let Ok(endpoint) = Endpoint::find(None) else { return BTreeSet::new() };
    let Ok(runtime) = converge::runtime(false) else { return BTreeSet::new() };
    let engine = ReadOnlyDocker::new(endpoint);
    let listing = runtime.block_on(async { tokio::time::timeout(PATIENCE, engine.list()).await });
    let Ok(Ok(listing)) = listing else { return BTreeSet::new() };
    listing.containers.into_iter().map(|container| container.identity.task).collect()
}

#[cfg(test)]
mod tests;
