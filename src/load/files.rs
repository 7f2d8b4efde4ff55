//! Where the files are read that manifests name: on the disk, or in the revision that the manifests are of.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::revision::Revision;
use crate::bounded;
use crate::git::{Blob, Node, Tree, TreeError};

/// Where files are read.
#[derive(Debug, Clone)]
pub enum Files {
    /// As they are now.
    Disk,
    /// As they were in a revision. What is in no revision, such as a file elsewhere on the host, is read as it is now.
    Revision(Arc<Revision>),
}

impl Files {
    /// Reads a regular file of at most `bytes_max` bytes.
    pub fn read(&self, path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
        let Self::Revision(revision) = self else { return bounded::read_bounded(path, bytes_max) };
        let Some(place) = revision.place_of(path) else { return bounded::read_bounded(path, bytes_max) };
        match find_file(&revision.tree, &place)? {
            Some(blob) => blob.read(bytes_max).map_err(io::Error::other),
            None if find_file(&revision.head, &place)?.is_none() => bounded::read_bounded(path, bytes_max),
            None => Err(io::Error::other("the revision does not have it")),
        }
    }

    /// Whether a path stays within a directory, by its text and by what its links lead to.
    pub fn is_inside(&self, root: &Path, path: &Path) -> bool {
        let Self::Revision(revision) = self else { return bounded::is_inside(root, path) };
        let places = (revision.place_of(root), revision.place_of(path));
        let (Some(root_place), Some(place)) = places else { return bounded::is_inside(root, path) };
        match (revision.tree.find(&root_place), revision.tree.find(&place)) {
            (Ok(Some(Node::Directory(root))), Ok(Some(Node::File(file)))) => file.path().starts_with(root.path()),
            _ => place.starts_with(root_place),
        }
    }
}

/// Whether a file could not be read only because this clone does not have it.
pub fn is_of_clone(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TreeError>());
    inner.is_some_and(TreeError::is_of_clone)
}

fn find_file(tree: &Tree, place: &Path) -> io::Result<Option<Blob>> {
    match tree.find(place).map_err(io::Error::other)? {
        Some(Node::File(blob)) => Ok(Some(blob)),
        Some(Node::Directory(_)) => Err(io::Error::other("it is not a regular file")),
        None => Ok(None),
    }
}
