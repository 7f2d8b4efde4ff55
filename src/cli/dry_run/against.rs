//! `--against`: the worlds that manifests can be compared with where there is no engine, or the wrong one.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::super::exit::{self, Exit};
use super::super::project::{Project, Reading};
use super::super::render::against::{GitWorld, World};
use super::super::render::plan::{DesiredFrom, ObservedFrom};
use super::super::wishes::Wishes;
use super::{Seen, Stopped, cores, read_project};
use crate::bounded::read_bounded;
use crate::change::text::count_of;
use crate::cli::ConvergeArguments;
use crate::clock;
use crate::forecast::converge;
use crate::git::{Blob, Checkout, CommitId, GitError, Reference};
use crate::load::revision::{Revision, list_revision};
use crate::load::secrets::Need;
use crate::observed::ObservedState;
use crate::observed::snapshot::Snapshot;
use crate::problem::{Code, Problem};

/// The largest snapshot: the containers of some ten thousand services.
const SNAPSHOT_BYTES_MAX: usize = 256 << 20;

/// How many earlier states of the directory are tried when the manifests of the merge base are not valid.
const STATES_MAX: usize = 20;

/// What `--against` was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Against {
    /// The manifests where this revision and what is checked out parted.
    Git(Reference),
    /// What an engine showed when this file was made.
    Snapshot(PathBuf),
}

impl FromStr for Against {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("git", reference)) => {
                let hint = "; name a branch, a tag or a commit, such as git:origin/main";
                Reference::parse(reference).map(Self::Git).map_err(|error| format!("{error}{hint}"))
            }
            Some(("snapshot", "")) => Err("expected the name of a file after `snapshot:`".to_owned()),
            Some(("snapshot", file)) => Ok(Self::Snapshot(PathBuf::from(file))),
            _ => Err("expected git:REF, such as git:origin/main, or snapshot:FILE".to_owned()),
        }
    }
}

impl From<GitError> for Stopped {
    fn from(error: GitError) -> Self {
        Exit::new(exit::RUNTIME, error).into()
    }
}

/// What an engine showed when the snapshot was made.
pub(super) fn see_snapshot(arguments: &ConvergeArguments, file: &Path) -> Result<Seen, Stopped> {
    // Which values secrets have here says nothing about those that they have on the host.
    let reading = Reading { secrets: arguments.secrets.secrets(), need: Need::Nothing, since: None };
    let project = read_project(&arguments.directory.directory, &reading)?;
    let shown = file.display().to_string();
    let refuse =
        |reason: String| Exit::because(exit::RUNTIME, format!("the snapshot {shown} cannot be read: {reason}"));
    let bytes = read_bounded(file, SNAPSHOT_BYTES_MAX).map_err(|error| refuse(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| refuse("it is not UTF-8".to_owned()))?;
    let Snapshot { engine, observed, .. } = Snapshot::parse(&text).map_err(|error| refuse(error.to_string()))?;
    let from =
        ObservedFrom { engine, world: World::Snapshot(shown), containers: observed.containers.len(), at: observed.at };
    let desired = Wishes::of(arguments).added_to(&project.desired);
    let desired_from = super::desired_from(&project);
    Ok(Seen { project, desired, before: None, observed, from, desired_from })
}

/// The manifests where `reference` and what is checked out parted, brought about on the simulated engine.
pub(super) fn see_git(arguments: &ConvergeArguments, reference: &Reference) -> Result<Seen, Stopped> {
    let directory = &arguments.directory.directory;
    let secrets = arguments.secrets.secrets();
    let reading = |since| Reading { secrets: secrets.clone(), need: Need::Nothing, since };
    if !directory.exists() {
        // Its problem says so, in the words that every command has for it.
        read_project(directory, &reading(None))?;
    }
    let checkout = Checkout::around(directory)?;
    let (head, merge_base) = (checkout.head()?, checkout.merge_base(reference)?);
    let base = find_base(&checkout, directory, (head, merge_base), &reading)?;
    let Base { commit, revision, .. } = &base;
    let world = GitWorld {
        reference: reference.as_str().to_owned(),
        merge_base: merge_base.to_string(),
        commit: commit.to_string(),
        manifests: base.project.as_ref().map_or(0, |before| before.manifests),
        files: base.project.as_ref().map_or(0, |before| before.files.len()),
    };
    let (engine, warning, revision) =
        (base.name(merge_base, reference), base.warn(merge_base, reference), revision.clone());
    let at = clock::now();
    // Of many manifests the documents take more memory than all the rest: those of the base go before the others come.
    let before = base.project.map(|before| Arc::new(before.desired));
    let observed = match &before {
        Some(before) => converge(before, at, cores()),
        None => ObservedState { at, ..ObservedState::default() },
    };
    let mut project = read_project(directory, &reading(Some(revision.clone())))?;
    project.problems.extend(warning);
    let from = ObservedFrom { engine, world: World::Git(world), containers: observed.containers.len(), at };
    let desired_from = DesiredFrom {
        revision: Some(head.to_string()),
        dirty: Some(is_dirty(&project, &revision)),
        ..super::desired_from(&project)
    };
    let desired = Wishes::of(arguments).added_to(&project.desired);
    Ok(Seen { project, desired, before, observed, from, desired_from })
}

/// What is compared with.
struct Base {
    commit: CommitId,
    revision: Arc<Revision>,
    /// Its manifests; `None` where the commit does not have the directory.
    project: Option<Project>,
    /// How many errors the manifests of the merge base have, where an earlier commit had to stand in.
    errors: usize,
}

impl Base {
    /// `origin/main at a01b77c`
    fn name(&self, merge_base: CommitId, reference: &Reference) -> String {
        let (reference, commit) = (reference.as_str(), self.commit.short());
        if self.commit == merge_base {
            format!("{reference} at {commit}")
        } else {
            format!("{reference} at {commit}, the last valid manifests before {}", merge_base.short())
        }
    }

    fn warn(&self, merge_base: CommitId, reference: &Reference) -> Option<Problem> {
        let count = count_of(self.errors as u64, "error");
        let message = format!(
            "the manifests of {} at {} are not valid ({count}): compared with {}, the last valid ones, which such a host keeps",
            reference.as_str(),
            merge_base.short(),
            self.commit.short(),
        );
        (self.errors > 0).then(|| Problem::warning(Code::InvalidBase, message))
    }
}

/// The manifests of the merge base, or the last valid ones before: a host whose manifests turn invalid keeps what it has.
fn find_base(
    checkout: &Checkout,
    directory: &Path,
    (head, merge_base): (CommitId, CommitId),
    reading: &impl Fn(Option<Arc<Revision>>) -> Reading,
) -> Result<Base, Stopped> {
    let head = checkout.tree(head)?;
    let read = |commit| -> Result<(Arc<Revision>, Option<Project>), GitError> {
        let (named, inside) = (directory.to_owned(), checkout.inside().to_owned());
        let revision = Arc::new(Revision { tree: checkout.tree(commit)?, head: head.clone(), named, inside });
        let project = revision.exists().then(|| Project::read_revision(&revision, &reading(Some(revision.clone()))));
        Ok((revision, project))
    };
    let (revision, project) = read(merge_base)?;
    let errors = project.as_ref().map_or(0, Project::errors);
    if errors == 0 {
        return Ok(Base { commit: merge_base, revision, project, errors });
    }
    let is_whole = |project: &Project| project.problems.iter().all(|problem| problem.code != Code::NotInClone);
    let is_here = project.as_ref().is_none_or(is_whole);
    let earlier = if is_here { checkout.earlier(merge_base, STATES_MAX) } else { Vec::new() };
    for commit in earlier {
        let (revision, project) = read(commit)?;
        if project.as_ref().is_none_or(|project| project.errors() == 0) {
            return Ok(Base { commit, revision, project, errors });
        }
        // Whether these were valid nobody can tell, so none before them can be the last that were.
        if !project.as_ref().is_none_or(is_whole) {
            break;
        }
    }
    let invalid = project.map(|project| (project.problems, project.files)).unwrap_or_default();
    let (code, what) = if is_here {
        (exit::INVALID, "not valid, nor are those of any commit before it that is here")
    } else {
        (exit::RUNTIME, "not all in this clone")
    };
    let sentence = format!(
        "the manifests of the merge base, {}, are {what}; there is nothing to compare with",
        merge_base.short()
    );
    Err(Stopped { exit: Exit::because(code, sentence), problems: invalid.0, files: invalid.1, documents: Vec::new() })
}

/// Whether the manifests, or the files beside them that have a history, are not as they were committed last.
fn is_dirty(project: &Project, base: &Arc<Revision>) -> bool {
    let head = Revision { tree: base.head.clone(), ..Revision::clone(base) };
    let committed = list_revision(&head);
    let mut texts = project.texts();
    let is_same = |(name, blob): &(String, Blob)| texts.get(name).is_some_and(|file| blob.holds(file.text()));
    if committed.len() != project.files.len() || !committed.iter().all(is_same) {
        return true;
    }
    for (name, _) in &committed {
        texts.remove(name);
    }
    texts.iter().any(|(name, file)| head.has_other(name, file.text()))
}
