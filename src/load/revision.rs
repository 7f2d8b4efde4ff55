//! The manifests of another Git revision, by the rules and with the names of those in the directory.

use std::path::{Component, Path, PathBuf};

use super::directory::{self, DIRECTORY_DEPTH_MAX, ENTRIES_MAX, FILES_MAX};
use super::{LOAD_BYTES_MAX, Loaded, RawFile, check_length, finish, in_parallel};
use crate::document::FILE_BYTES_MAX;
use crate::git::{Blob, Directory, Node, Tree, TreeError};
use crate::problem::{Code, Place, Problem};

/// The directory of manifests as it was in a commit.
#[derive(Debug, Clone)]
pub struct Revision {
    /// What the commit holds.
    pub tree: Tree,
    /// What is committed last: a file that is not in there has no history, and is taken as it is.
    pub head: Tree,
    /// The directory, or the file, as the user named it.
    pub named: PathBuf,
    /// Where it is in the repository.
    pub inside: PathBuf,
}

impl Revision {
    /// Whether the commit has the directory at all.
    pub fn exists(&self) -> bool {
        !matches!(self.tree.find(&self.inside), Ok(None))
    }

    /// Whether the commit has another text at this path, by the name of a file that a manifest led to.
    pub fn has_other(&self, name: &str, text: &str) -> bool {
        let found = self.place_of(Path::new(name)).map(|place| self.tree.find(&place));
        matches!(found, Some(Ok(Some(Node::File(blob)))) if !blob.holds(text))
    }

    /// A file of the commit, by the path that a manifest leads to. `None` when the commit does not have it.
    pub(super) fn read_committed(&self, path: &Path, bytes_max: usize) -> Option<Vec<u8>> {
        match self.tree.find(&self.place_of(path)?) {
            Ok(Some(Node::File(blob))) => blob.read(bytes_max).ok(),
            Ok(Some(Node::Directory(_)) | None) | Err(_) => None,
        }
    }

    /// Where in the repository a path is that was put together from the name of the directory. `None` when it is not in there.
    pub(super) fn place_of(&self, path: &Path) -> Option<PathBuf> {
        // Beside a single file the same directory begins as around many.
        let (named, inside) = match self.tree.find(&self.inside) {
            Ok(Some(Node::File(_))) => (self.named.parent()?, self.inside.parent()?),
            Ok(_) | Err(_) => (&*self.named, &*self.inside),
        };
        let (named, path) = (without_dots(named), without_dots(path));
        let below =
            if named.as_os_str().is_empty() && path.is_relative() { Ok(&*path) } else { path.strip_prefix(&named) };
        match below {
            Ok(below) => Some(inside.join(below)),
            Err(_) => path.strip_prefix(self.tree.work_tree()).ok().map(Path::to_owned),
        }
    }
}

fn without_dots(path: &Path) -> PathBuf {
    path.components().filter(|component| *component != Component::CurDir).collect()
}

/// Reads every manifest that the directory held.
pub fn load_revision(revision: &Revision) -> Loaded {
    let Walk { found, problems, .. } = walk(revision);
    let raw = read_blobs(&found);
    finish(raw, problems, &revision.named.display().to_string())
}

/// The manifests of a directory as they were committed, each with its name: what tells whether somebody has changed them since.
pub fn list_revision(revision: &Revision) -> Vec<(String, Blob)> {
    walk(revision).found.into_iter().map(|(path, blob)| (path.display().to_string(), blob)).collect()
}

fn walk(revision: &Revision) -> Walk<'_> {
    let mut walk = Walk { tree: &revision.tree, found: Vec::new(), problems: Vec::new(), entries: 0 };
    match revision.tree.find(&revision.inside) {
        Ok(Some(Node::File(blob))) => walk.found.push((revision.named.clone(), blob)),
        Ok(Some(Node::Directory(directory))) => walk.directory(&revision.named, &directory, &mut Vec::new()),
        Ok(None) => {}
        Err(error) => walk.report(&revision.named, &error),
    }
    // As a text: that is how the files of a directory are sorted.
    walk.found.sort_by_cached_key(|(path, _)| path.display().to_string());
    walk
}

/// Unpacking costs more than reading: it is done on several threads, and put together in order.
fn read_blobs(found: &[(PathBuf, Blob)]) -> Vec<RawFile> {
    let mut total = 0;
    let read = in_parallel(found, |(_, blob)| blob.read(FILE_BYTES_MAX));
    let files = found.iter().zip(read).map(|((path, _), read)| {
        let name = path.display().to_string();
        let bytes = match read {
            Ok(bytes) => {
                total += bytes.len();
                if total <= LOAD_BYTES_MAX { Ok(bytes) } else { Err(too_much(&name)) }
            }
            Err(TreeError::TooLarge(bytes)) => check_length(bytes, &name).map(|()| Vec::new()),
            Err(error) => Err(Box::new(unreadable(&name, &error))),
        };
        RawFile { name, bytes }
    });
    files.collect()
}

fn too_much(name: &str) -> Box<Problem> {
    let message = format!("the manifests together have more than {} MiB", LOAD_BYTES_MAX >> 20);
    Box::new(Problem::error(Code::Limit, message).with_place(Place::start_of(name.into())))
}

fn unreadable(name: &str, error: &TreeError) -> Problem {
    let code = match error {
        TreeError::Loop => Code::SymlinkLoop,
        TreeError::Submodule { .. } | TreeError::Missing(_) => Code::NotInClone,
        TreeError::Outside(_) | TreeError::TooLarge(_) => Code::Unreadable,
    };
    Problem::error(code, error.to_string()).with_place(Place::start_of(name.into()))
}

struct Walk<'a> {
    tree: &'a Tree,
    found: Vec<(PathBuf, Blob)>,
    problems: Vec<Problem>,
    entries: usize,
}

impl Walk<'_> {
    fn report(&mut self, path: &Path, error: &TreeError) {
        self.problems.push(unreadable(&path.display().to_string(), error));
    }

    /// `above` are the real paths of the directories that lead here.
    fn directory(&mut self, named: &Path, directory: &Directory, above: &mut Vec<PathBuf>) {
        if above.iter().any(|path| path == directory.path()) {
            return self.report(named, &TreeError::Loop);
        }
        if above.len() > DIRECTORY_DEPTH_MAX {
            let problem =
                Problem::error(Code::Limit, format!("the directory is more than {DIRECTORY_DEPTH_MAX} levels deep"));
            return self.problems.push(problem.with_place(Place::start_of(named.display().to_string().into())));
        }
        let entries = match self.tree.list(directory) {
            Ok(entries) => entries,
            Err(error) => return self.report(named, &error),
        };
        above.push(directory.path().to_owned());
        for (name, node) in entries.into_iter().filter(|(name, _)| !directory::is_skipped(&name.to_string_lossy())) {
            self.entries += 1;
            if self.entries > ENTRIES_MAX || self.found.len() >= FILES_MAX {
                let message = format!("there are more than {FILES_MAX} manifests or {ENTRIES_MAX} entries");
                self.problems.push(Problem::error(Code::Limit, message));
                break;
            }
            let path = named.join(&name);
            match node {
                Ok(Some(Node::Directory(below))) => self.directory(&path, &below, above),
                Ok(Some(Node::File(blob))) if directory::is_manifest(&path) => self.found.push((path, blob)),
                // What is no manifest by its name is not read, and a link may lead to anything.
                Ok(Some(Node::File(_))) => {}
                Ok(None) => {
                    let problem = Problem::error(Code::Unreadable, "the symbolic link leads to nothing");
                    self.problems.push(problem.with_place(Place::start_of(path.display().to_string().into())));
                }
                Err(error) => self.report(&path, &error),
            }
        }
        above.pop();
    }
}
