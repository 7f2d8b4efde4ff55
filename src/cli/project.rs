//! A directory of manifests, read, validated and resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::desired::resolve::resolve;
use crate::desired::{DesiredState, Inputs, Origins};
use crate::document::{Document, File};
use crate::lint::lint;
use crate::load::environment_files::{self, wanted_files};
use crate::load::files::Files;
use crate::load::revision::{Revision, load_revision};
use crate::load::secrets::{self, Need, bases_of, read_versions, versions_since, wanted_secrets};
use crate::load::{ContentDigest, Loaded, load_directory, validate_loaded};
use crate::ownership::Source;
use crate::problem::{Problem, sort_problems};
use crate::schema::Validated;
use crate::secret::{Base, Secrets};
use crate::source::source_of;
use crate::value::{Family, Timestamp};

/// What a directory asks for.
#[derive(Debug, Clone)]
pub struct Project {
    /// The directory as the user named it.
    pub directory: PathBuf,
    /// Its files, for quoting.
    pub files: Vec<Arc<File>>,
    /// How many manifests there are.
    pub manifests: usize,
    /// The manifests as they are written, in the order of the files and of their text.
    pub documents: Vec<Arc<Document>>,
    /// What they ask for; complete only when there is no error.
    pub desired: DesiredState,
    /// Where each service is written.
    pub origins: Origins,
    /// Everything that is wrong, sorted.
    pub problems: Vec<Problem>,
    /// What whoever reviews the manifests should think about; `with_advice` adds it to the problems.
    advice: Vec<Problem>,
    /// The same as long as no file changes.
    digest: ContentDigest,
    /// What was wrong before anything was read as a manifest.
    unread: Vec<Problem>,
    /// What the manifests refer to, as it was read.
    references: References,
    reading: Reading,
}

/// How the values of secrets are read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Who has them.
    pub secrets: Arc<Secrets>,
    /// How much has to be known of them.
    pub need: Need,
    /// The revision that they are compared with instead: then nobody is asked for a value.
    pub since: Option<Arc<Revision>>,
}

/// How often commands are asked again which value a secret has, while the manifests stay as they are. Files and the environment are
/// looked at whenever the manifests are.
const COMMANDS_EVERY: Duration = Duration::from_mins(1);

/// What manifests refer to and what does not stand in them.
#[derive(Debug, Clone)]
struct References {
    environment_files: Vec<environment_files::Wanted>,
    secrets: Vec<secrets::Wanted>,
    bases: BTreeMap<Family, Base>,
    inputs: Inputs,
    problems: Vec<Problem>,
    /// When commands were last asked.
    asked_at: Timestamp,
}

impl References {
    fn of(validated: &Validated, files: &Files, root: &Path, reading: &Reading) -> Self {
        let nothing = Self {
            environment_files: wanted_files(&validated.task_definitions),
            secrets: wanted_secrets(root, &validated.task_definitions),
            bases: bases_of(root, &validated.task_definitions),
            inputs: Inputs::default(),
            problems: Vec::new(),
            asked_at: Timestamp::default(),
        };
        nothing.read_again(files, root, reading)
    }

    fn read_again(&self, files: &Files, root: &Path, reading: &Reading) -> Self {
        let Self { environment_files, secrets, bases: _, inputs: before, problems: _, asked_at } = self;
        let now = clock::now();
        let is_time = now.since(*asked_at) >= COMMANDS_EVERY;
        let known = if is_time { BTreeMap::new() } else { before.secret_versions.clone() };
        let mut problems = Vec::new();
        let inputs = Inputs {
            environment_files: environment_files::read_files(files, root, environment_files, &mut problems),
            secret_versions: match &reading.since {
                Some(revision) => versions_since(revision, files, secrets),
                None => read_versions(&reading.secrets, secrets, reading.need, &known, &mut problems),
            },
        };
        let asked_at = if is_time { now } else { *asked_at };
        Self { inputs, problems, asked_at, ..self.clone() }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.inputs == other.inputs && self.problems == other.problems
    }
}

impl Project {
    /// Reads a directory, or one file.
    pub fn read(directory: &Path, reading: &Reading) -> Self {
        Self::understand(directory, reading, load_directory(directory), &Files::Disk)
    }

    /// Reads the directory as it was in another revision.
    pub fn read_revision(revision: &Arc<Revision>, reading: &Reading) -> Self {
        let files = Files::Revision(revision.clone());
        Self::understand(&revision.named, reading, load_revision(revision), &files)
    }

    /// Reads it again; `None` when no file and no secret has changed. Looking costs little then: nothing is validated.
    pub fn read_again(&mut self) -> Option<Self> {
        let loaded = load_directory(&self.directory);
        if loaded.digest == self.digest && loaded.problems == self.unread {
            let references = self.references.read_again(&Files::Disk, &root_of(&self.directory), &self.reading);
            if references.is_same(&self.references) {
                self.references = references;
                return None;
            }
        }
        Some(Self::understand(&self.directory, &self.reading, loaded, &Files::Disk))
    }

    /// The same files with another state in force: that of `before`, the last one that was valid.
    #[must_use]
    pub fn with_state_of(self, before: &Self) -> Self {
        Self { desired: before.desired.clone(), origins: before.origins.clone(), ..self }
    }

    /// Makes of what was loaded from a directory what it asks for; what the manifests refer to is read in `files`.
    pub fn understand(directory: &Path, reading: &Reading, loaded: Loaded, files: &Files) -> Self {
        // Of what cannot be found the problems say so; its name is never used.
        let source = source_of(directory).unwrap_or_else(|_| Source::new(&directory.display().to_string()));
        let validated = validate_loaded(&loaded);
        let references = References::of(&validated, files, &root_of(directory), reading);
        let resolved = resolve(source, &validated, &references.inputs);
        let advice = lint(&validated);
        let mut problems = loaded.problems.clone();
        problems.extend(validated.problems);
        problems.extend(references.problems.iter().cloned());
        problems.extend(resolved.problems);
        sort_problems(&mut problems);
        Self {
            directory: directory.to_owned(),
            files: loaded.files,
            manifests: loaded.documents.len(),
            documents: loaded.documents,
            desired: resolved.desired,
            origins: resolved.origins,
            problems,
            advice,
            digest: loaded.digest,
            unread: loaded.problems,
            references,
            reading: reading.clone(),
        }
    }

    /// The same with advice among the problems: for who looks at manifests, not for who runs them.
    #[must_use]
    pub fn with_advice(mut self) -> Self {
        self.problems.append(&mut self.advice);
        sort_problems(&mut self.problems);
        self
    }

    /// The files outside of the manifests that are read as well: environment files, and those of secrets.
    pub fn files_beside(&self) -> BTreeSet<PathBuf> {
        let environment_files = self.references.environment_files.iter().map(|file| file.path.clone());
        environment_files.chain(self.references.secrets.iter().filter_map(secrets::Wanted::path)).collect()
    }

    /// Lets the secrets of this directory be looked up from now on, when containers are created.
    pub fn put_secrets_in_force(&self) {
        self.reading.secrets.remember_bases(self.references.bases.clone());
    }

    /// The names of the secrets that have another value than `before`.
    pub fn changed_secrets(&self, before: &Self) -> BTreeSet<String> {
        let (old, new) = (&before.references.inputs.secret_versions, &self.references.inputs.secret_versions);
        let changed = new.iter().filter(|(id, version)| old.get(id).is_some_and(|old| old != *version));
        changed.map(|(id, _)| format!("secret {}", id.name)).collect()
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
pub(super) fn root_of(directory: &Path) -> PathBuf {
    let around = || directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    if directory.is_file() { around().unwrap_or_else(|| Path::new(".")).to_owned() } else { directory.to_owned() }
}
