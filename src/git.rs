//! The Git repository around a directory of manifests: which commit a change is compared with, and what is in it.
//!
//! Objects and names are read in this process, and nothing else: no `git` is run, nothing is fetched, and no hook, filter or helper of
//! the repository can begin. The repository of a stranger, and one that belongs to another user, may therefore be read.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use gix::ObjectId;
use gix::ThreadSafeRepository as Repository;
use gix::bstr::ByteSlice;
use gix::prelude::ObjectIdExt;

mod tree;

pub use tree::{Blob, Directory, Entry, Node, Tree, TreeError};

use crate::spelling::closest;

/// The longest name of a revision. Git's own names of references end at the 255 bytes of a file name.
const REFERENCE_BYTES_MAX: usize = 300;

/// How many commits are looked through for another state of the directory.
const COMMITS_MAX: usize = 10_000;

/// Why a revision cannot be compared with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// There is no repository.
    #[error("{0} is not in a Git repository, so it has no revisions to compare with")]
    NoRepository(String),
    /// There is one, and it cannot be read.
    #[error("the Git repository {path} cannot be read: {reason}")]
    Unreadable {
        /// The work tree.
        path: String,
        /// What went wrong.
        reason: String,
    },
    /// Nothing has been committed.
    #[error("the Git repository {0} has no commit yet")]
    NoCommit(String),
    /// It can be no name.
    #[error("`{0}` cannot be the name of a Git revision")]
    NoName(String),
    /// No commit is called so.
    #[error("the Git repository has no commit `{reference}`; {help}")]
    Unknown {
        /// What was asked for.
        reference: String,
        /// What to do.
        help: String,
    },
    /// The history does not reach far enough.
    #[error(
        "this clone is shallow, and does not reach back to where `{0}` and HEAD parted: fetch the whole history (git fetch --unshallow; \
         `fetch-depth: 0` of actions/checkout; GIT_DEPTH: 0 of GitLab)"
    )]
    Shallow(String),
    /// They have nothing in common.
    #[error("`{0}` and HEAD have no common ancestor, so there is nothing to compare with")]
    Unrelated(String),
}

/// A commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitId(ObjectId);

impl CommitId {
    /// The first seven digits: what people read.
    pub fn short(self) -> String {
        self.0.to_hex_with_len(7).to_string()
    }
}

impl fmt::Display for CommitId {
    /// All digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.to_hex())
    }
}

/// A checked name of a revision: `main`, `origin/main`, `v1.2`, `HEAD~3`, `4f2c9e1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference(String);

impl Reference {
    /// Refuses what could be taken for anything else than a name.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        let is_plain = |c: char| !c.is_control() && !c.is_whitespace();
        // `REV:PATH` and `A..B` name no commit.
        let is_one = !text.contains(':') && !text.contains("..");
        let is_name = !text.is_empty() && text.len() <= REFERENCE_BYTES_MAX && !text.starts_with(['-', '^']);
        if is_name && is_one && text.chars().all(is_plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(GitError::NoName(text.chars().filter(|c| !c.is_control()).take(REFERENCE_BYTES_MAX).collect()))
        }
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A work tree with a directory of manifests in it.
#[derive(Debug, Clone)]
pub struct Checkout {
    repository: Repository,
    /// The work tree, without links.
    root: PathBuf,
    /// Where the manifests are below it; empty when they are the work tree.
    inside: PathBuf,
}

impl Checkout {
    /// The work tree around a directory, or around one file.
    pub fn around(path: &Path) -> Result<Self, GitError> {
        let none = || GitError::NoRepository(path.display().to_string());
        let real = path.canonicalize().map_err(|_| none())?;
        let root = real.ancestors().find(|above| above.join(".git").exists()).ok_or_else(none)?.to_owned();
        let repository = open(&root)?;
        // A link in the repository may have led elsewhere in another revision: it is its name that counts.
        let named = named_path(path).and_then(|named| named.strip_prefix(&root).map(Path::to_owned).ok());
        let inside = named.or_else(|| real.strip_prefix(&root).map(Path::to_owned).ok()).ok_or_else(none)?;
        Ok(Self { repository, root, inside })
    }

    /// Where the manifests are below the work tree.
    pub fn inside(&self) -> &Path {
        &self.inside
    }

    /// The commit that is checked out.
    pub fn head(&self) -> Result<CommitId, GitError> {
        let repository = self.repository.to_thread_local();
        let head = repository.head().map_err(|error| self.unreadable(&error))?;
        if head.is_unborn() {
            return Err(GitError::NoCommit(self.root.display().to_string()));
        }
        let id = repository.head_id().map_err(|error| self.unreadable(&error))?;
        Ok(CommitId(id.detach()))
    }

    /// The commit from which what is checked out and `reference` both come: what a pull request is compared with.
    pub fn merge_base(&self, reference: &Reference) -> Result<CommitId, GitError> {
        let head = self.head()?;
        let tip = self.find(reference)?;
        let repository = self.repository.to_thread_local();
        let is_shallow = repository.is_shallow().unwrap_or(false);
        match repository.merge_base(tip.0, head.0) {
            Ok(Some(base)) => Ok(CommitId(base.detach())),
            Ok(None) | Err(_) if is_shallow => Err(GitError::Shallow(reference.0.clone())),
            Ok(None) => Err(GitError::Unrelated(reference.0.clone())),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    fn find(&self, reference: &Reference) -> Result<CommitId, GitError> {
        let repository = self.repository.to_thread_local();
        let found = repository.rev_parse_single(reference.0.as_str()).ok();
        let commit = found.and_then(|id| id.object().ok()?.peel_to_commit().ok());
        match commit {
            Some(commit) => Ok(CommitId(commit.id)),
            None => {
                Err(GitError::Unknown { reference: reference.0.clone(), help: unknown_help(&repository, reference) })
            }
        }
    }

    /// What a commit holds.
    pub fn tree(&self, commit: CommitId) -> Result<Tree, GitError> {
        let id = self.tree_id(commit).ok_or_else(|| GitError::Unreadable {
            path: self.root.display().to_string(),
            reason: format!("the commit {commit} is not there in whole"),
        })?;
        Ok(Tree::new(self.repository.clone(), self.root.clone(), id))
    }

    fn tree_id(&self, commit: CommitId) -> Option<ObjectId> {
        let repository = self.repository.to_thread_local();
        let commit = repository.find_commit(commit.0).ok()?;
        commit.tree_id().ok().map(gix::Id::detach)
    }

    /// The commits before `commit`, the latest first, in which the directory was another than in all after them: what was merged before.
    /// At most `states_max`, and none behind the end of a shallow clone.
    pub fn earlier(&self, commit: CommitId, states_max: usize) -> Vec<CommitId> {
        let repository = self.repository.to_thread_local();
        let state = |id: ObjectId| {
            let tree = repository.find_commit(id).ok()?.tree().ok()?;
            let whole = self.inside.as_os_str().is_empty();
            if whole { Some(tree.id) } else { Some(tree.lookup_entry_by_path(&self.inside).ok()??.object_id()) }
        };
        let mut seen: BTreeSet<Option<ObjectId>> = BTreeSet::from([state(commit.0)]);
        let Ok(walk) = commit.0.attach(&repository).ancestors().first_parent_only().all() else { return Vec::new() };
        let before = walk.take(COMMITS_MAX).map_while(Result::ok).map(|info| info.id);
        before.filter(|id| seen.insert(state(*id))).map(CommitId).take(states_max).collect()
    }

    fn unreadable(&self, error: &impl fmt::Display) -> GitError {
        GitError::Unreadable { path: self.root.display().to_string(), reason: error.to_string() }
    }
}

/// Opens a repository. Neither the configuration of the user and the host nor the environment has a say, and whose it is does not matter:
/// of what is read here nothing can make a program run.
fn open(root: &Path) -> Result<Repository, GitError> {
    let options = gix::open::Options::isolated().with(gix::sec::Trust::Full);
    let unreadable =
        |error: gix::Error| GitError::Unreadable { path: root.display().to_string(), reason: error.to_string() };
    let repository = Repository::open_opts(root, options).map_err(unreadable)?;
    let kept =
        repository.to_thread_local().config_snapshot().string("extensions.refStorage").map(|kept| kept.to_string());
    match kept.filter(|kept| kept != "files") {
        None => Ok(repository),
        Some(kept) => Err(GitError::Unreadable {
            path: root.display().to_string(),
            reason: format!("its references are kept as {kept}, and only those kept as files are understood"),
        }),
    }
}

/// The path with every link followed but the last one. `None` where its end is no name.
fn named_path(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let Some(Component::Normal(name)) = absolute.components().next_back() else { return None };
    Some(absolute.parent()?.canonicalize().ok()?.join(name))
}

/// What to do about a name that nothing has.
fn unknown_help(repository: &gix::Repository, reference: &Reference) -> String {
    let names = reference_names(repository);
    let remote = format!("origin/{}", reference.0);
    if names.contains(&remote) {
        return format!("did you mean `git:{remote}`?");
    }
    let branch = reference.0.strip_prefix("origin/").unwrap_or(&reference.0);
    if repository.is_shallow().unwrap_or(false) {
        return format!(
            "this clone is shallow: fetch the whole history (git fetch --unshallow origin {branch}; `fetch-depth: 0` of actions/checkout; \
             GIT_DEPTH: 0 of GitLab)"
        );
    }
    match closest(&reference.0, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `git:{near}`?"),
        None => format!("nothing is fetched here: git fetch origin {branch}"),
    }
}

/// The branches and tags as people call them.
fn reference_names(repository: &gix::Repository) -> BTreeSet<String> {
    let Ok(platform) = repository.references() else { return BTreeSet::new() };
    let Ok(all) = platform.all() else { return BTreeSet::new() };
    let names = all.flatten().map(|found| found.name().shorten().to_str_lossy().into_owned());
    names.collect()
}

#[cfg(test)]
mod tests;
