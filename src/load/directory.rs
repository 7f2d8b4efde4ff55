//! Which files of a directory are manifests.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::problem::{Code, Place, Problem};

/// The most files. One file per service and task definition of five thousand services.
pub(super) const FILES_MAX: usize = 10_000;
/// The most directory entries that are looked at: links can make a few directories look like millions.
pub(super) const ENTRIES_MAX: usize = 100_000;
/// The deepest directory below the one that was given.
pub(super) const DIRECTORY_DEPTH_MAX: usize = 32;

/// One file to read.
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) name: String,
}

/// The manifests under a directory, sorted by name; the file itself when it is one.
pub(super) fn list(path: &Path, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let name = path.display().to_string();
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            let message = if error.kind() == io::ErrorKind::NotFound {
                format!("{name} does not exist")
            } else {
                format!("{name} cannot be read: {error}")
            };
            problems.push(Problem::error(Code::Unreadable, message));
            return Vec::new();
        }
    };
    if !metadata.is_dir() {
        return vec![Entry { path: path.to_owned(), name }];
    }
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut walk = Walk { found: Vec::new(), problems, ancestors: vec![real], entries: 0, stopped: false };
    walk.directory(path);
    let mut found = walk.found;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

struct Walk<'a> {
    found: Vec<Entry>,
    problems: &'a mut Vec<Problem>,
    /// The real paths of the directories that lead here.
    ancestors: Vec<PathBuf>,
    entries: usize,
    stopped: bool,
}

impl Walk<'_> {
    fn report(&mut self, path: &Path, code: Code, message: impl Into<String>) {
        let place = Place::start_of(path.display().to_string().into());
        self.problems.push(Problem::error(code, message).with_place(place));
    }

    fn directory(&mut self, path: &Path) {
        let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.report(path, Code::Unreadable, format!("the directory cannot be read: {error}"));
                return;
            }
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if self.stopped || is_skipped(&entry.file_name().to_string_lossy()) {
                continue;
            }
            self.entries += 1;
            if self.entries > ENTRIES_MAX || self.found.len() >= FILES_MAX {
                let message = format!("there are more than {FILES_MAX} manifests or {ENTRIES_MAX} entries");
                self.report(path, Code::Limit, message);
                self.stopped = true;
                return;
            }
            self.entry(&entry.path());
        }
    }

    fn entry(&mut self, path: &Path) {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => {
                self.unreadable_entry(path, &error);
                return;
            }
        };
        if !metadata.is_dir() {
            if is_manifest(path) {
                self.found.push(Entry { path: path.to_owned(), name: path.display().to_string() });
            }
            return;
        }
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if self.ancestors.contains(&real) {
            self.report(path, Code::SymlinkLoop, "the symbolic link leads back to a directory above it");
        } else if self.ancestors.len() > DIRECTORY_DEPTH_MAX {
            let message = format!("the directory is more than {DIRECTORY_DEPTH_MAX} levels deep");
            self.report(path, Code::Limit, message);
        } else {
            self.ancestors.push(real);
            self.directory(path);
            self.ancestors.pop();
        }
    }

    fn unreadable_entry(&mut self, path: &Path, error: &io::Error) {
        let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
        match (is_link, error.kind()) {
            // It was removed while the directory was being read.
            (false, io::ErrorKind::NotFound) => {}
            // A link may lead to a directory of manifests, whatever its own name is.
            (true, io::ErrorKind::NotFound) => {
                self.report(path, Code::Unreadable, "the symbolic link leads to nothing");
            }
            (true, kind) if kind != io::ErrorKind::PermissionDenied => {
                self.report(path, Code::SymlinkLoop, format!("the symbolic link cannot be followed: {error}"));
            }
            _ => self.report(path, Code::Unreadable, format!("this cannot be read: {error}")),
        }
    }
}

pub(super) fn is_manifest(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Hidden entries, and what editors leave behind while they save. What they leave behind under another extension, such as
/// `web.yaml~` or `#web.yaml#`, is no manifest by its name already.
pub(super) fn is_skipped(name: &str) -> bool {
    name.starts_with('.')
        || name.starts_with('#')
        || name.ends_with('~')
        || name.contains("___jb_")
        || name.contains("-go-tmp-umask")
}
