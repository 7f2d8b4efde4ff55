//! What the manifests refer to and what does not stand in them: read by the shell, and handed to the core as data.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::{SecretPurpose, SecretVersion};
use crate::document::File;
use crate::value::{ContainerName, Family};

/// The content of every environment file, and which value every secret has.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The environment files by their paths, as [`path_beside`] builds them. One that cannot be read is not there.
    pub environment_files: BTreeMap<PathBuf, Arc<File>>,
    /// Which value a secret has. One that cannot be read is not there.
    pub secret_versions: BTreeMap<SecretId, SecretVersion>,
}

/// A secret of a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretId {
    /// The task definition.
    pub family: Family,
    /// The container.
    pub container: ContainerName,
    /// What it is for.
    pub purpose: SecretPurpose,
    /// The name of the secret, unique for its purpose.
    pub name: String,
}

impl PartialEq for Inputs {
    fn eq(&self, other: &Self) -> bool {
        let texts = |inputs: &'_ Self| -> Vec<(PathBuf, String)> {
            let files = inputs.environment_files.iter();
            files.map(|(path, file)| (path.clone(), file.text().to_owned())).collect()
        };
        self.secret_versions == other.secret_versions && texts(self) == texts(other)
    }
}

/// The path of what a manifest names: an absolute one as it is, another one beside the manifest. `.` and `..` are followed in the text.
pub fn path_beside(manifest: &str, path: &str) -> PathBuf {
    let parent = Path::new(manifest).parent().unwrap_or_else(|| Path::new(""));
    let mut whole = PathBuf::new();
    for component in parent.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(whole.components().next_back(), Some(Component::Normal(_))) => {
                whole.pop();
            }
            // Above the root there is nothing.
            Component::ParentDir if whole == Path::new("/") => {}
            Component::ParentDir | Component::Normal(_) | Component::RootDir | Component::Prefix(_) => {
                whole.push(component);
            }
        }
    }
    whole
}

/// One variable of an environment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileVariable<'a> {
    /// The name, as it stands before the first `=`.
    pub name: &'a str,
    /// Everything after that.
    pub value: &'a str,
    /// The line, without its end.
    pub bytes: Range<usize>,
}

/// The variables of an environment file, in the order of their lines.
///
/// By the rules of the ECS agent: a line that starts with `#`, has no `=` or has nothing before it is skipped; the first `=` separates
/// name and value; nothing is trimmed but the end of the line, which may be that of Windows; no quote and no `$` means anything.
pub fn variables_of(text: &str) -> impl Iterator<Item = FileVariable<'_>> {
    let mut at = 0;
    text.split_inclusive('\n').filter_map(move |whole| {
        let start = at;
        at += whole.len();
        let line = whole.strip_suffix('\n').unwrap_or(whole);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (name, value) = line.split_once('=').filter(|(name, _)| !name.is_empty() && !line.starts_with('#'))?;
        Some(FileVariable { name, value, bytes: start..start + line.len() })
    })
}

/// The variables of several files: of one that is in several files the first file counts; within a file the last line.
pub fn merge_variables<'a>(
    files: impl IntoIterator<Item = &'a Arc<File>>,
) -> BTreeMap<&'a str, (&'a Arc<File>, FileVariable<'a>)> {
    let mut merged = BTreeMap::new();
    for file in files {
        let of_file: BTreeMap<_, _> = variables_of(file.text()).map(|variable| (variable.name, variable)).collect();
        for (name, variable) in of_file {
            merged.entry(name).or_insert((file, variable));
        }
    }
    merged
}

#[cfg(test)]
mod tests;
