//! What a commit holds: its directories and files, with links followed inside of it and submodules looked up where they are checked out.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gix::ObjectId;
use gix::ThreadSafeRepository as Repository;
use gix::objs::tree::EntryKind;

/// How many links a path may lead over. Source: `MAXSYMLINKS` of Linux.
const LINKS_MAX: u32 = 40;

/// The longest target of a link. Source: `PATH_MAX` of Linux.
const LINK_BYTES_MAX: u64 = 4096;

/// Why something of a commit cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A link leads out of the repository, where nothing has a history.
    #[error("the symbolic link leads out of the Git repository, to {0}")]
    Outside(String),
    /// Links lead in a circle.
    #[error("the symbolic link cannot be followed: it leads back to itself")]
    Loop,
    /// The commit of a submodule is not here.
    #[error("the submodule {path} is not here at commit {commit}: git submodule update --init, with its history")]
    Submodule {
        /// The path of the submodule.
        path: String,
        /// The commit that is wanted.
        commit: String,
    },
    /// The clone leaves out some objects.
    #[error(
        "the object {0} cannot be had: this is a partial clone (clone without --filter: nothing is fetched here), or a damaged one"
    )]
    Missing(String),
    /// More bytes than may be read.
    #[error("it has {0} bytes, which is too much")]
    TooLarge(u64),
}

impl TreeError {
    /// Whether it is the fault of this clone, and says nothing of what was committed.
    pub fn is_of_clone(&self) -> bool {
        match self {
            Self::Submodule { .. } | Self::Missing(_) => true,
            Self::Outside(_) | Self::Loop | Self::TooLarge(_) => false,
        }
    }
}

/// What a commit holds.
#[derive(Debug, Clone)]
pub struct Tree {
    root: Directory,
    /// The work tree: submodules are looked for below it.
    checkout: PathBuf,
    /// Directories that were read.
    known: Arc<Mutex<BTreeMap<ObjectId, Arc<Entries>>>>,
}

/// A directory of a commit.
#[derive(Debug, Clone)]
pub struct Directory {
    repository: Repository,
    id: ObjectId,
    /// Where it really is below the root of the work tree.
    path: PathBuf,
}

/// A file of a commit.
#[derive(Debug, Clone)]
pub struct Blob {
    repository: Repository,
    id: ObjectId,
    /// Where it really is below the root of the work tree.
    path: PathBuf,
}

/// A name in a directory, and what it leads to: `None` for a link that leads to nothing.
pub type Entry = (PathBuf, Result<Option<Node>, TreeError>);

/// What a path leads to.
#[derive(Debug, Clone)]
pub enum Node {
    /// A file.
    File(Blob),
    /// A directory.
    Directory(Directory),
}

type Entries = BTreeMap<PathBuf, (EntryKind, ObjectId)>;

impl Directory {
    /// Where it really is below the root of the work tree.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Blob {
    /// Where it really is below the root of the work tree.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it holds just this. Line ends of Windows, which Git may put in when it checks a file out, make no difference.
    pub fn holds(&self, text: &str) -> bool {
        let is_same = |bytes: &[u8]| {
            let kind = self.id.kind();
            gix::objs::compute_hash(kind, gix::objs::Kind::Blob, bytes).is_ok_and(|id| id == self.id)
        };
        is_same(text.as_bytes()) || text.contains("\r\n") && is_same(text.replace("\r\n", "\n").as_bytes())
    }

    /// Its content, of at most `bytes_max` bytes.
    pub fn read(&self, bytes_max: usize) -> Result<Vec<u8>, TreeError> {
        read_object(&self.repository, self.id, bytes_max as u64)
    }
}

fn read_object(repository: &Repository, id: ObjectId, bytes_max: u64) -> Result<Vec<u8>, TreeError> {
    let missing = || TreeError::Missing(id.to_hex_with_len(12).to_string());
    let repository = repository.to_thread_local();
    let header = repository.find_header(id).map_err(|_| missing())?;
    if header.size() > bytes_max {
        return Err(TreeError::TooLarge(header.size()));
    }
    repository.find_object(id).map(|object| object.detach().data).map_err(|_| missing())
}

impl Tree {
    pub(super) fn new(repository: Repository, checkout: PathBuf, id: ObjectId) -> Self {
        let root = Directory { repository, id, path: PathBuf::new() };
        Self { root, checkout, known: Arc::default() }
    }

    /// The work tree of its repository.
    pub fn work_tree(&self) -> &Path {
        &self.checkout
    }

    /// What a path below the root of the work tree leads to; `None` when the commit does not have it.
    pub fn find(&self, path: &Path) -> Result<Option<Node>, TreeError> {
        let mut links = 0;
        Ok(self.follow(vec![self.root.clone()], path, &mut links)?.map(|(_, node)| node))
    }

    /// The names in a directory, in order.
    pub fn list(&self, directory: &Directory) -> Result<Vec<Entry>, TreeError> {
        let entries = self.entries(directory)?;
        let nodes = entries.iter().map(|(name, (kind, id))| {
            let path = directory.path.join(name);
            let node = match kind {
                EntryKind::Blob | EntryKind::BlobExecutable => {
                    Ok(Some(Node::File(Blob { repository: directory.repository.clone(), id: *id, path })))
                }
                EntryKind::Tree => {
                    Ok(Some(Node::Directory(Directory { repository: directory.repository.clone(), id: *id, path })))
                }
                EntryKind::Link | EntryKind::Commit => self.find(&path),
            };
            (name.clone(), node)
        });
        Ok(nodes.collect())
    }

    /// Goes along `path` from the last of `above`, which leads there from the root.
    fn follow(
        &self,
        mut above: Vec<Directory>,
        path: &Path,
        links: &mut u32,
    ) -> Result<Option<(Vec<Directory>, Node)>, TreeError> {
        let mut components = path.components();
        while let Some(component) = components.next() {
            let outside = || TreeError::Outside(path.display().to_string());
            let name = match component {
                Component::CurDir => continue,
                Component::RootDir | Component::Prefix(_) => return Err(outside()),
                Component::ParentDir if above.len() == 1 => return Err(outside()),
                Component::ParentDir => {
                    above.pop();
                    continue;
                }
                Component::Normal(name) => name,
            };
            // The root is never taken away.
            let Some(here) = above.last() else { return Ok(None) };
            let Some((kind, id)) = self.entries(here)?.get(Path::new(name)).copied() else { return Ok(None) };
            let (repository, below) = (here.repository.clone(), here.path.join(name));
            match kind {
                EntryKind::Tree => above.push(Directory { repository, id, path: below }),
                EntryKind::Commit => above.push(self.open_submodule(&below, id)?),
                EntryKind::Blob | EntryKind::BlobExecutable => {
                    let is_last = components.as_path().as_os_str().is_empty();
                    let file = Node::File(Blob { repository, id, path: below });
                    return Ok(is_last.then_some((above, file)));
                }
                EntryKind::Link => {
                    *links += 1;
                    if *links > LINKS_MAX {
                        return Err(TreeError::Loop);
                    }
                    let target = read_object(&repository, id, LINK_BYTES_MAX)?;
                    let target = Path::new(OsStr::from_bytes(&target));
                    let rest = components.as_path();
                    let whole = if rest.as_os_str().is_empty() { target.to_owned() } else { target.join(rest) };
                    return self.follow(above, &whole, links);
                }
            }
        }
        let last = above.last().cloned();
        Ok(last.map(|directory| (above, Node::Directory(directory))))
    }

    /// The commit of a submodule is in a repository of its own, where that is checked out.
    fn open_submodule(&self, path: &Path, commit: ObjectId) -> Result<Directory, TreeError> {
        let tree = || {
            let repository = super::open(&self.checkout.join(path)).ok()?;
            let id = repository.to_thread_local().find_commit(commit).ok()?.tree_id().ok()?.detach();
            Some(Directory { repository, id, path: path.to_owned() })
        };
        tree().ok_or_else(|| TreeError::Submodule {
            path: path.display().to_string(),
            commit: commit.to_hex_with_len(12).to_string(),
        })
    }

    fn entries(&self, directory: &Directory) -> Result<Arc<Entries>, TreeError> {
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&directory.id) {
            return Ok(known.clone());
        }
        let missing = || TreeError::Missing(directory.id.to_hex_with_len(12).to_string());
        let repository = directory.repository.to_thread_local();
        let tree = repository.find_tree(directory.id).map_err(|_| missing())?;
        let mut entries = Entries::new();
        for entry in tree.iter() {
            let entry = entry.map_err(|_| missing())?;
            let name = PathBuf::from(OsStr::from_bytes(entry.filename()));
            entries.insert(name, (entry.mode().kind(), entry.object_id()));
        }
        let entries = Arc::new(entries);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(directory.id, entries.clone());
        Ok(entries)
    }
}
