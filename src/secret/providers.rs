//! Who has the values: files, the environment of this process, and the commands that its user configured.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Command, SECRET_BYTES_MAX, SecretError, SecretValue};
use crate::bounded::{is_inside, read_bounded};
use crate::desired::inputs::path_beside;
use crate::manifest::{SecretProvider, SecretReference};

/// The name of the command that is asked for what is in AWS.
const AWS: &str = "aws";

/// Where the relative paths of a manifest begin, and which directory they stay in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Base {
    /// The file of the manifest.
    pub manifest: String,
    /// The directory of manifests.
    pub root: PathBuf,
}

impl Base {
    /// The path of a file that the manifest names.
    pub fn path_of(&self, path: &str) -> PathBuf {
        path_beside(&self.manifest, path)
    }
}

/// Who has values. The commands are configured where reconcile is started: a manifest cannot make it run a program.
#[derive(Debug, Clone, Default)]
pub struct Providers {
    commands: BTreeMap<String, Command>,
}

impl Providers {
    /// With these commands, by name.
    pub fn new(commands: impl IntoIterator<Item = (String, Command)>) -> Self {
        Self { commands: commands.into_iter().collect() }
    }

    /// Looks up what `reference` names. It reads files and may run a command: not for a thread that others wait for.
    pub fn resolve(&self, reference: &SecretReference, base: &Base) -> Result<SecretValue, SecretError> {
        let SecretReference { provider, json_key } = reference;
        let value = match provider {
            SecretProvider::File { path } => read_file(path, base),
            SecretProvider::Environment { name } => read_variable(name),
            SecretProvider::Command { name, key } => match self.commands.get(name) {
                Some(command) => SecretValue::new(command.run(name, key)?),
                None => Err(SecretError::NoCommand { name: name.clone() }),
            },
            SecretProvider::Aws { id } => match self.commands.get(AWS) {
                Some(command) => SecretValue::new(command.run(AWS, id)?),
                None => Err(SecretError::NoAws),
            },
        }?;
        match json_key {
            Some(key) => value.entry(key),
            None => Ok(value),
        }
    }
}

fn read_file(path: &str, base: &Base) -> Result<SecretValue, SecretError> {
    let whole = base.path_of(path);
    let shown = || whole.display().to_string();
    if !Path::new(path).is_absolute() && !is_inside(&base.root, &whole) {
        return Err(SecretError::Outside { path: shown(), root: base.root.display().to_string() });
    }
    let bytes = read_bounded(&whole, SECRET_BYTES_MAX);
    SecretValue::new(bytes.map_err(|error| SecretError::File { path: shown(), reason: error.to_string() })?)
}

fn read_variable(name: &str) -> Result<SecretValue, SecretError> {
    use std::os::unix::ffi::OsStringExt;
    let value = std::env::var_os(name).ok_or_else(|| SecretError::NoVariable { name: name.to_owned() })?;
    SecretValue::new(value.into_vec())
}
