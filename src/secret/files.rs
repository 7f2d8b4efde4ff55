//! Values as files for containers: in memory, each mounted read-only into the one container that wants it.
//!
//! They lie in a file system of kind tmpfs, which is memory and no disk; below a directory that only its owner can enter; for each engine
//! and source apart, and in a directory for each container, which goes with the container. A run that is killed leaves them, and the
//! next one sweeps. A reboot takes them, and with them the containers cannot be started again, so their tasks are replaced.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::SecretValue;
use crate::desired::{FileMode, FileOwner};

/// The kinds of file systems that are memory. Source: statfs(2).
const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;

/// The place of the files for one engine.
#[derive(Debug, Clone)]
pub struct SecretFiles {
    directory: PathBuf,
    engine: String,
}

/// One file.
#[derive(Debug)]
pub struct Content<'a> {
    /// Its permissions.
    pub mode: FileMode,
    /// Who owns it.
    pub owner: FileOwner,
    /// What it holds.
    pub value: &'a SecretValue,
}

/// Why a value cannot be a file.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// It would be on a disk.
    #[error(
        "secrets with a `path` are kept in memory, and {0} is not on a tmpfs: mount one there, or name a directory that is with RECONCILE_RUNTIME_DIR"
    )]
    NotMemory(String),
    /// The operating system said no.
    #[error("the files of secrets cannot be written below {directory}: {reason}")]
    System {
        /// The directory.
        directory: String,
        /// What it said.
        reason: io::Error,
    },
}

impl SecretFiles {
    /// The files below the runtime directory for the engine of this name.
    pub fn new(runtime: &Path, engine: &str) -> Self {
        Self { directory: runtime.join("secrets"), engine: engine.to_owned() }
    }

    /// Makes the directory where it is not there, and makes sure that it is memory.
    pub fn check(&self) -> Result<(), FilesError> {
        let directory = &self.directory;
        let made = make_directory(directory).and_then(|()| is_memory(directory)).map_err(|error| self.system(error))?;
        if made { Ok(()) } else { Err(FilesError::NotMemory(directory.display().to_string())) }
    }

    /// Writes the files of a container, in place of any that are there, and gives their paths in the same order.
    pub fn write<'a>(
        &self,
        source: &str,
        container: &str,
        contents: impl Iterator<Item = Content<'a>>,
    ) -> Result<Vec<PathBuf>, FilesError> {
        self.check()?;
        let directory = self.of_container(source, container);
        let write = || -> io::Result<Vec<PathBuf>> {
            make_directory(&directory)?;
            contents.enumerate().map(|(index, content)| write_file(&directory, index, &content)).collect()
        };
        write().map_err(|error| {
            self.remove(source, container);
            self.system(error)
        })
    }

    /// Removes the files of a container. Where they are mounted they stay until the container is gone.
    pub fn remove(&self, source: &str, container: &str) {
        remove(&self.of_container(source, container));
        // The last one takes the directory with it.
        let _ = std::fs::remove_dir(self.of_source(source));
    }

    /// Whether there are any files of a source.
    pub fn has_any(&self, source: &str) -> bool {
        std::fs::read_dir(self.of_source(source)).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// Removes the files of all containers of a source but those that exist.
    pub fn sweep(&self, source: &str, existing: impl Iterator<Item = String>) {
        let existing: BTreeSet<_> = existing.map(|container| short_hash(&[&container])).collect();
        let entries = std::fs::read_dir(self.of_source(source)).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| !existing.contains(&*entry.file_name().to_string_lossy())) {
            remove(&entry.path());
        }
        let _ = std::fs::remove_dir(self.of_source(source));
    }

    fn of_source(&self, source: &str) -> PathBuf {
        self.directory.join(short_hash(&[&self.engine, source]))
    }

    /// The directory of a container's files. The name of a container may be longer than a file's can be.
    pub fn of_container(&self, source: &str, container: &str) -> PathBuf {
        self.of_source(source).join(short_hash(&[container]))
    }

    fn system(&self, reason: io::Error) -> FilesError {
        FilesError::System { directory: self.directory.display().to_string(), reason }
    }
}

fn remove(directory: &Path) {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(directory = %directory.display(), %error, "files of secrets cannot be removed");
        }
        Ok(()) | Err(_) => {}
    }
}

fn short_hash(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\n"));
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    format!("{:032x}", u128::from_be_bytes(first))
}

fn make_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

fn is_memory(directory: &Path) -> io::Result<bool> {
    let kind = rustix::fs::statfs(directory)?.f_type;
    Ok([TMPFS, RAMFS].contains(&kind))
}

/// Written beside its place and then put there: a container sees the whole file or none.
fn write_file(directory: &Path, index: usize, content: &Content<'_>) -> io::Result<PathBuf> {
    let Content { mode, owner, value } = content;
    let (path, beside) = (directory.join(index.to_string()), directory.join(format!("{index}.new")));
    let _ = std::fs::remove_file(&beside);
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(value.bytes())?;
    std::os::unix::fs::fchown(&file, Some(owner.uid), Some(owner.gid))?;
    file.set_permissions(Permissions::from_mode(mode.bits()))?;
    std::fs::rename(&beside, &path)?;
    Ok(path)
}

#[cfg(test)]
mod tests;
