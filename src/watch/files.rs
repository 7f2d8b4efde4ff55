//! Hints that a manifest changed.
//!
//! Directories are watched, never files: an editor that saves by renaming replaces the file. A hint only says "read everything again";
//! whether anything changed is decided by the content. Where the operating system gives no hints, the directory is read every few
//! seconds instead.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// How long nothing may happen before the directory is read: an editor, or `git checkout`, writes several files in a row.
const QUIET: Duration = Duration::from_millis(200);

/// How long a directory that never comes to rest is waited for.
const QUIET_MAX: Duration = Duration::from_secs(2);

/// How long a Git operation is waited for. After that the lock is taken for one that a crash left behind.
const GIT_MAX: Duration = Duration::from_mins(1);

/// How often the directory is read although nothing hinted at a change: hints get lost.
const RESYNC: Duration = Duration::from_secs(30);

/// How often it is read where there are no hints at all.
const POLL: Duration = Duration::from_secs(2);

/// Waits for changes below a directory.
#[derive(Debug)]
pub struct DirectoryWatch {
    directory: PathBuf,
    /// Files that are read beside the manifests.
    beside: BTreeSet<PathBuf>,
    hints: mpsc::Receiver<()>,
    hint: mpsc::Sender<()>,
    /// `None` where the operating system gives no hints; the reason has been told then.
    watcher: Option<RecommendedWatcher>,
}

impl DirectoryWatch {
    /// Begins to watch the directory, and the files `beside` it that count as well. The second value says why there are no hints, where
    /// there are none.
    pub fn new(directory: &Path, beside: BTreeSet<PathBuf>) -> (Self, Option<String>) {
        // One hint is as good as many.
        let (hint, hints) = mpsc::channel(1);
        let mut watch = Self { directory: directory.to_owned(), beside, hints, hint, watcher: None };
        let trouble = watch.arm().err().map(|error| explain(&error));
        (watch, trouble)
    }

    /// How changes are noticed, for people.
    pub fn describe(&self) -> String {
        match self.watcher {
            Some(_) => "told by the operating system".to_owned(),
            None => format!("read every {} s", POLL.as_secs()),
        }
    }

    /// Watches these files from now on, in place of those before. A file that need not be there yet is watched in its directory.
    pub fn watch_beside(&mut self, beside: BTreeSet<PathBuf>) {
        if beside != self.beside {
            self.beside = beside;
            // Where this fails, the next look renews the watch.
            let _ = self.arm();
        }
    }

    /// Watches what the directory consists of now. A directory that was replaced is another one, although its name is the same.
    pub fn arm(&mut self) -> notify::Result<()> {
        let hint = self.hint.clone();
        let scope = Scope::of(&self.directory, &self.beside);
        let parents = scope.parents();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !scope.concerns(&event)) {
                return;
            }
            let _ = hint.try_send(());
        })?;
        let mode = if self.directory.is_dir() { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        watcher.watch(&self.directory, mode)?;
        for parent in parents {
            // A parent that cannot be watched costs no more than the time until the next look.
            let _ = watcher.watch(&parent, RecursiveMode::NonRecursive);
        }
        self.watcher = Some(watcher);
        Ok(())
    }

    /// Waits until the directory may have changed and has come to rest. Dropping it loses no hint that was not seen.
    pub async fn changed(&mut self) {
        let longest = if self.watcher.is_some() { RESYNC } else { POLL };
        if tokio::time::timeout(longest, self.hints.recv()).await.is_ok() {
            self.rest().await;
        }
        wait_for_git(&self.directory).await;
        // What happens from here on is a new hint: the watch is renewed before the directory is read.
        if self.watcher.is_some()
            && let Err(error) = self.arm()
        {
            tracing::debug!(%error, "the directory cannot be watched now");
            self.watcher = None;
        } else if self.watcher.is_none() {
            let _ = self.arm();
        }
    }

    async fn rest(&mut self) {
        let deadline = tokio::time::Instant::now() + QUIET_MAX;
        while tokio::time::Instant::now() < deadline {
            if tokio::time::timeout(QUIET, self.hints.recv()).await.is_err() {
                return;
            }
        }
    }
}

/// The paths at which something that happens may concern the manifests: the directory under its own name and the real one, for the
/// case that it is replaced, and what its links lead to.
#[derive(Debug)]
struct Scope {
    directory: PathBuf,
    targets: Vec<PathBuf>,
}

impl Scope {
    fn of(directory: &Path, beside: &BTreeSet<PathBuf>) -> Self {
        let links = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
        let links = links.filter(|path| path.is_symlink());
        let targets = std::iter::once(directory.to_owned()).chain(links).filter_map(|path| path.canonicalize().ok());
        // A file is named as it was given and, where it is a link, as what it leads to. What lies below the directory is watched already.
        let beside = beside
            .iter()
            .filter(|path| !path.starts_with(directory))
            .flat_map(|path| std::iter::once(path.clone()).chain(path.canonicalize().ok()));
        Self { directory: directory.to_owned(), targets: targets.chain(beside).collect() }
    }

    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.directory).chain(&self.targets)
    }

    /// The directories in which these paths may be replaced.
    fn parents(&self) -> Vec<PathBuf> {
        let mut parents: Vec<_> = self.paths().filter_map(|path| parent(path)).collect();
        parents.sort();
        parents.dedup();
        parents.retain(|parent| *parent != self.directory);
        parents
    }

    /// Whether an event may have changed a manifest. Reading is an event as well: whoever reads on it would read for ever. And a
    /// parent tells of all its other children.
    fn concerns(&self, event: &notify::Event) -> bool {
        let is_here = |path: &PathBuf| {
            self.paths().any(|known| {
                path.starts_with(known) || path.file_name().is_some() && path.file_name() == known.file_name()
            })
        };
        !matches!(event.kind, EventKind::Access(_))
            && (event.paths.is_empty() || event.need_rescan() || event.paths.iter().any(is_here))
    }
}

fn parent(path: &Path) -> Option<PathBuf> {
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_owned() })
}

/// Waits while Git is in the middle of changing files.
async fn wait_for_git(directory: &Path) {
    let Ok(real) = directory.canonicalize() else { return };
    let Some(git) = real.ancestors().map(|root| root.join(".git")).find(|git| git.is_dir()) else { return };
    let deadline = tokio::time::Instant::now() + GIT_MAX;
    while git.join("index.lock").exists() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(QUIET).await;
    }
}

fn explain(error: &notify::Error) -> String {
    if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) {
        return "the limit of watched directories is reached (raise fs.inotify.max_user_watches)".to_owned();
    }
    error.to_string()
}

#[cfg(test)]
mod tests;
