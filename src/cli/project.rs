//! A directory of manifests, read, validated and resolved.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::desired::resolve::resolve;
use crate::desired::{DesiredState, Origins};
use crate::document::File;
use crate::load::{ContentDigest, Loaded, load_directory, validate_loaded};
use crate::ownership::Source;
use crate::problem::{Problem, sort_problems};
use crate::source::source_of;

/// What a directory asks for.
#[derive(Debug, Clone)]
pub struct Project {
    /// The directory as the user named it.
    pub directory: PathBuf,
    /// Its files, for quoting.
    pub files: Vec<Arc<File>>,
    /// How many manifests there are.
    pub manifests: usize,
    /// What they ask for; complete only when there is no error.
    pub desired: DesiredState,
    /// Where each service is written.
    pub origins: Origins,
    /// Everything that is wrong, sorted.
    pub problems: Vec<Problem>,
    /// The same as long as no file changes.
    digest: ContentDigest,
    /// What was wrong before anything was read as a manifest.
    unread: Vec<Problem>,
}

impl Project {
    /// Reads a directory, or one file.
    pub fn read(directory: &Path) -> Self {
        Self::understand(directory, load_directory(directory))
    }

    /// Reads it again; `None` when no file has changed. Looking costs little then: nothing is validated.
    pub fn read_again(&self) -> Option<Self> {
        let loaded = load_directory(&self.directory);
        let is_same = loaded.digest == self.digest && loaded.problems == self.unread;
        (!is_same).then(|| Self::understand(&self.directory, loaded))
    }

    /// The same files with another state in force: that of `before`, the last one that was valid.
    #[must_use]
    pub fn with_state_of(self, before: &Self) -> Self {
        Self { desired: before.desired.clone(), origins: before.origins.clone(), ..self }
    }

    fn understand(directory: &Path, loaded: Loaded) -> Self {
        // Of what cannot be found the problems say so; its name is never used.
        let source = source_of(directory).unwrap_or_else(|_| Source::new(&directory.display().to_string()));
        let validated = validate_loaded(&loaded);
        let resolved = resolve(source, &validated);
        let mut problems = loaded.problems.clone();
        problems.extend(validated.problems);
        problems.extend(resolved.problems);
        sort_problems(&mut problems);
        Self {
            directory: directory.to_owned(),
            files: loaded.files,
            manifests: loaded.documents.len(),
            desired: resolved.desired,
            origins: resolved.origins,
            problems,
            digest: loaded.digest,
            unread: loaded.problems,
        }
    }

    /// How many of the problems are errors: with one, nothing may be done.
    pub fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.is_error()).count()
    }
}
