//! What is to be run: the task definition that a family or a file names, with what this run changes about it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::RunArguments;
use crate::cli::exit::{self, Exit};
use crate::cli::output::Output;
use crate::cli::project::root_of;
use crate::cli::render::problems::render_problems;
use crate::desired::overrides::{ContainerOverride, OverrideError, TaskOverride, Variable};
use crate::desired::resolve::resolve_definition;
use crate::desired::{Inputs, TaskSpec};
use crate::document::File;
use crate::load::environment_files::{read_files, wanted_files};
use crate::load::files::Files;
use crate::load::secrets::{Need, bases_of, read_versions, wanted_secrets};
use crate::load::{load_directory, validate_loaded};
use crate::manifest::{Located, TaskDefinition};
use crate::problem::{Problem, sort_problems};
use crate::schema::Validated;
use crate::secret::Secrets;
use crate::spelling::suggest;
use crate::value::{ClusterName, ContainerName, Family};

/// The cluster of a task where nothing names one. Source: ECS.
const CLUSTER_DEFAULT: &str = "default";

/// A task definition, and the cluster that its manifests declare.
pub(super) struct Found {
    pub(super) task: TaskSpec,
    pub(super) cluster: ClusterName,
}

/// Finds what `what` names: a family in `directory`, or a file, with the family behind `#` where it holds several.
pub(super) fn find(what: &str, directory: &Path, secrets: &Secrets, output: &Output) -> Result<Found, Exit> {
    // No family has a dot or a slash, and nearly every file has one.
    let (path, family) = match Family::new(what) {
        Ok(family) => (directory, Some(family)),
        Err(_) => match what.split_once('#') {
            Some((path, family)) => {
                let error = |error| Exit::because(exit::USAGE, format!("`{family}` is no task definition: {error}"));
                (Path::new(path), Some(Family::new(family).map_err(error)?))
            }
            None => (Path::new(what), None),
        },
    };
    let loaded = load_directory(path);
    let validated = validate_loaded(&loaded);
    let mut problems = loaded.problems;
    problems.extend(validated.problems.iter().cloned());
    refuse_errors(&mut problems, &loaded.files, output)?;
    let located = choose(&validated, family.as_ref(), path)?;
    let mut problems = Vec::new();
    let inputs = read_references(located, &root_of(path), secrets, &mut problems);
    refuse_errors(&mut problems, &loaded.files, output)?;
    let cluster = match &validated.clusters[..] {
        [only] => only.manifest.metadata.name.clone(),
        _ => ClusterName::new(CLUSTER_DEFAULT).expect("it holds only letters"),
    };
    Ok(Found { task: resolve_definition(located, &inputs), cluster })
}

/// Says what is wrong, and goes on only when no error is among it.
fn refuse_errors(problems: &mut Vec<Problem>, files: &[Arc<File>], output: &Output) -> Result<(), Exit> {
    sort_problems(problems);
    if !problems.is_empty() {
        output.say(&render_problems(problems, files, output.talk.color));
    }
    if problems.iter().any(Problem::is_error) {
        return Err(Exit::because(exit::INVALID, "the manifests are not valid; nothing was run"));
    }
    Ok(())
}

/// Reads what the one definition refers to and what does not stand in it. What others refer to is not looked at.
fn read_references(
    located: &Located<TaskDefinition>,
    root: &Path,
    secrets: &Secrets,
    problems: &mut Vec<Problem>,
) -> Inputs {
    let only = std::slice::from_ref(located);
    secrets.remember_bases(bases_of(root, only));
    Inputs {
        environment_files: read_files(&Files::Disk, root, &wanted_files(only), problems),
        secret_versions: read_versions(secrets, &wanted_secrets(root, only), Need::Values, &BTreeMap::new(), problems),
    }
}

fn choose<'v>(
    validated: &'v Validated,
    family: Option<&Family>,
    path: &Path,
) -> Result<&'v Located<TaskDefinition>, Exit> {
    let invalid = |sentence: String| Exit::because(exit::INVALID, sentence);
    let all = &validated.task_definitions;
    let names = || all.iter().map(|located| located.manifest.metadata.name.as_str());
    let shown = path.display();
    let found: Vec<_> =
        all.iter().filter(|located| family.is_none_or(|family| located.manifest.metadata.name == *family)).collect();
    match (&found[..], family) {
        ([only], _) => Ok(only),
        ([], Some(family)) => {
            let help = suggest(family.as_str(), names());
            Err(invalid(format!("{shown} has no TaskDefinition `{family}`; {help}")))
        }
        ([], None) => Err(invalid(format!("{shown} holds no TaskDefinition"))),
        (_, Some(family)) => Err(invalid(format!("{shown} declares TaskDefinition `{family}` more than once"))),
        (_, None) => {
            let choices: Vec<_> = names().map(|name| format!("{shown}#{name}")).collect();
            Err(invalid(format!("{shown} holds several task definitions; name one: {}", choices.join(", "))))
        }
    }
}

/// The task with everything that this run changes.
pub(super) fn override_task(task: &TaskSpec, arguments: &RunArguments) -> Result<TaskSpec, Exit> {
    let usage = |error: OverrideError| Exit::new(exit::USAGE, error);
    let mut overrides = match &arguments.overrides {
        Some(text) => TaskOverride::parse(&read_text(text)?).map_err(usage)?,
        None => TaskOverride::default(),
    };
    if !arguments.arguments.is_empty() {
        let name = container_name(task, arguments.command.as_deref(), "--command CONTAINER")?;
        overrides.container_overrides.push(ContainerOverride::of_command(name, arguments.arguments.clone()));
    }
    for text in &arguments.environment {
        let (container, variable) = read_variable(text)?;
        let name = container_name(task, container, "-e CONTAINER:NAME=VALUE")?;
        overrides.container_overrides.push(ContainerOverride::of_variable(name, variable));
    }
    overrides.apply(task).map_err(usage)
}

/// The text itself, or that of the file behind `@`.
fn read_text(text: &str) -> Result<String, Exit> {
    match text.strip_prefix('@') {
        None => Ok(text.to_owned()),
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Exit::because(exit::USAGE, format!("the overrides cannot be read from {path}: {error}"))),
    }
}

/// The container that is meant: the one that is named, or the only one.
fn container_name(task: &TaskSpec, name: Option<&str>, how: &str) -> Result<String, Exit> {
    if let Some(name) = name {
        return Ok(name.to_owned());
    }
    match &task.containers[..] {
        [only] => Ok(only.name.to_string()),
        several => {
            let names: Vec<_> = several.iter().map(|container| container.name.as_str()).collect();
            let sentence = format!("`{}` has the containers {}; say which: {how}", task.family, names.join(", "));
            Err(Exit::because(exit::USAGE, sentence))
        }
    }
}

/// `[CONTAINER:]NAME=VALUE`. An error does not quote the value.
fn read_variable(text: &str) -> Result<(Option<&str>, Variable), Exit> {
    let Some((name, value)) = text.split_once('=') else {
        return Err(Exit::because(exit::USAGE, "a variable is given as NAME=VALUE, or as CONTAINER:NAME=VALUE"));
    };
    let (container, name) = match name.split_once(':') {
        Some((container, name)) if ContainerName::new(container).is_ok() => (Some(container), name),
        Some(_) | None => (None, name),
    };
    Ok((container, Variable { name: name.to_owned(), value: value.to_owned() }))
}
