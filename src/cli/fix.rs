//! `reconcile validate --fix`: writes what can only have been meant one way into the manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use super::exit::{self, Exit};
use super::output::Output;
use super::render::problems::render_fix;
use crate::fix::{Fix, apply};
use crate::load::{Loaded, load_directory, load_texts, validate_loaded};
use crate::problem::Problem;

/// How often what was repaired is looked at again: a field with another name may hold more that can be repaired now.
const ROUNDS_MAX: usize = 8;

/// Repairs the manifests of a directory, or one file, and says what it did.
pub(super) fn run(directory: &Path, output: &Output) -> Result<(), Exit> {
    let loaded = load_directory(directory);
    let mut total = 0;
    for Repaired { name, before, after, fixes } in repair(&loaded) {
        replace(Path::new(&*name), &before, &after).map_err(|error| {
            Exit::because(exit::RUNTIME, format!("{name} cannot be written, and is as it was: {error}"))
        })?;
        for fix in &fixes {
            output.say(&render_fix(fix));
        }
        total += fixes.len();
    }
    if total == 0 {
        output.say("Nothing was changed: there is nothing that can only have been meant one way.");
    }
    Ok(())
}

/// How many problems could be repaired.
pub(super) fn count(problems: &[Problem]) -> usize {
    problems.iter().filter(|problem| problem.fixable && problem.suggestion.is_some()).count()
}

/// A file with another text.
#[derive(Debug)]
pub struct Repaired {
    /// Its name, as it was loaded.
    pub name: Arc<str>,
    /// The text that was read.
    pub before: String,
    /// The text that is to be written.
    pub after: String,
    /// What was replaced, in the order of the text.
    pub fixes: Vec<Fix>,
}

/// What would be written. Nothing is yet.
pub fn repair(loaded: &Loaded) -> Vec<Repaired> {
    let original: BTreeMap<Arc<str>, &str> =
        loaded.files.iter().map(|file| (file.name().clone(), file.text())).collect();
    let mut texts: BTreeMap<Arc<str>, String> =
        original.iter().map(|(name, text)| (name.clone(), (*text).to_owned())).collect();
    let mut fixes: BTreeMap<Arc<str>, Vec<Fix>> = BTreeMap::new();
    let mut problems = validate_loaded(loaded).problems;
    for _ in 0..ROUNDS_MAX {
        let concerned: BTreeSet<Arc<str>> = problems
            .iter()
            .filter(|problem| problem.fixable)
            .filter_map(|problem| Some(problem.place.as_ref()?.file.clone()))
            .collect();
        let mut has_changed = false;
        for name in concerned {
            let Some(text) = texts.get_mut(&name) else { continue };
            let of_file =
                problems.iter().filter(|problem| problem.place.as_ref().is_some_and(|place| place.file == name));
            let (after, done) = apply(text, of_file);
            if done.is_empty() || !is_as_readable(&name, text, &after) {
                continue;
            }
            *text = after;
            fixes.entry(name).or_default().extend(done);
            has_changed = true;
        }
        if !has_changed {
            break;
        }
        problems = validate_loaded(&load(&texts)).problems;
    }
    let repaired = fixes.into_iter().filter_map(|(name, mut fixes)| {
        fixes.sort_by(|a, b| a.place.cmp(&b.place));
        let (before, after) = ((*original.get(&name)?).to_owned(), texts.remove(&name)?);
        Some(Repaired { name, before, after, fixes })
    });
    repaired.collect()
}

fn load(texts: &BTreeMap<Arc<str>, String>) -> Loaded {
    load_texts(texts.iter().map(|(name, text)| (name.to_string(), text.clone())).collect())
}

/// Whether a file can be read as well as before: as many documents, and no more that is not understood. Otherwise the repair was none.
fn is_as_readable(name: &str, before: &str, after: &str) -> bool {
    let read = |text: &str| {
        let loaded = load_texts(vec![(name.to_owned(), text.to_owned())]);
        (loaded.documents.len(), loaded.problems.len())
    };
    let ((documents, problems), (documents_after, problems_after)) = (read(before), read(after));
    documents == documents_after && problems_after <= problems
}

/// Puts a text in the place of a file, in one step: whoever reads it sees the old one or the new one. Who may read it, and whose it is,
/// stays as it was; a link goes on leading to the same file.
fn replace(path: &Path, before: &str, after: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    if fs::read(&path)? != before.as_bytes() {
        return Err(io::Error::other("somebody has changed it meanwhile"));
    }
    let metadata = fs::metadata(&path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Hidden files are no manifests.
    let beside = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = write_beside(&beside, after, &metadata).and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write_beside(beside: &Path, text: &str, like: &fs::Metadata) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    file.write_all(text.as_bytes())?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        std::os::unix::fs::fchown(&file, Some(like.uid()), Some(like.gid()))?;
    }
    file.set_permissions(like.permissions())?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
