//! A directory of manifests, read, validated and resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::desired::resolve::resolve;
use crate::desired::{DesiredState, Inputs, Origins};
use crate::document::File;
use crate::load::environment_files::{self, wanted_files};
use crate::load::{ContentDigest, Loaded, load_directory, validate_loaded};
use crate::ownership::Source;
use crate::problem::{Problem, sort_problems};
use crate::schema::Validated;
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
    /// What the manifests refer to, as it was read.
    references: References,
}

/// What manifests refer to and what does not stand in them.
#[derive(Debug, Clone)]
struct References {
    environment_files: Vec<environment_files::Wanted>,
    inputs: Inputs,
    problems: Vec<Problem>,
}

impl References {
    fn of(validated: &Validated, root: &Path) -> Self {
        let environment_files = wanted_files(&validated.task_definitions);
        Self { environment_files, inputs: Inputs::default(), problems: Vec::new() }.read_again(root)
    }

    fn read_again(&self, root: &Path) -> Self {
        let mut problems = Vec::new();
        let environment_files = environment_files::read_files(root, &self.environment_files, &mut problems);
        let inputs = Inputs { environment_files, ..Inputs::default() };
        Self { environment_files: self.environment_files.clone(), inputs, problems }
    }
}

impl Project {
    /// Reads a directory, or one file.
    pub fn read(directory: &Path) -> Self {
        Self::understand(directory, load_directory(directory))
    }

    /// Reads it again; `None` when no file has changed. Looking costs little then: nothing is validated.
    pub fn read_again(&self) -> Option<Self> {
        let loaded = load_directory(&self.directory);
        let is_same = loaded.digest == self.digest && loaded.problems == self.unread && {
            let references = self.references.read_again(&root_of(&self.directory));
            references.inputs == self.references.inputs && references.problems == self.references.problems
        };
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
        let references = References::of(&validated, &root_of(directory));
        let resolved = resolve(source, &validated, &references.inputs);
        let mut problems = loaded.problems.clone();
        problems.extend(validated.problems);
        problems.extend(references.problems.iter().cloned());
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
            references,
        }
    }

    /// The files outside of the manifests that a change of may concern: the environment files.
    pub fn files_beside(&self) -> BTreeSet<PathBuf> {
        self.references.environment_files.iter().map(|file| file.path.clone()).collect()
    }

    /// The texts of everything that was read, by the name of the file.
    pub fn texts(&self) -> BTreeMap<String, Arc<File>> {
        let files = self.files.iter().chain(self.references.inputs.environment_files.values());
        files.map(|file| (file.name().to_string(), file.clone())).collect()
    }

    /// How many of the problems are errors: with one, nothing may be done.
    pub fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.is_error()).count()
    }
}

/// The directory that relative paths may not leave: that of the manifests, or the one around a single manifest.
fn root_of(directory: &Path) -> PathBuf {
    let around = || directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    if directory.is_file() { around().unwrap_or_else(|| Path::new(".")).to_owned() } else { directory.to_owned() }
}
