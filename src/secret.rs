//! The values of secrets: where they come from, and how it is known that one has changed.
//!
//! ```text
//! value      a value that is never printed          providers  file, environment, command -> value
//! command    one run of a configured command        key        value -> version, which may be stored
//! files      values as files in memory, for the containers that want them so
//! ```
//!
//! A value is looked up twice: when the manifests are read, to know which value it is (its [version](crate::desired::SecretVersion)), and when a container is
//! created, to give it to the engine. In between it is kept nowhere. The core and the plan never see one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError, RwLock};

use crate::desired::SecretSpec;
use crate::desired::inputs::SecretId;
use crate::manifest::SecretReference;
use crate::state::Directories;
use crate::value::Family;

mod command;
pub mod files;
mod key;
mod providers;
mod value;

pub use command::{Command, CommandError};
pub use key::{KeyError, SecretKey};
pub use providers::{Base, Providers};
pub use value::{SECRET_BYTES_MAX, SecretError, SecretValue};

/// Everything that is needed to look secrets up.
#[derive(Debug)]
pub struct Secrets {
    /// Who has values.
    pub providers: Providers,
    /// Where the key is kept.
    pub directories: Directories,
    key: Mutex<Option<SecretKey>>,
    bases: RwLock<BTreeMap<Family, Base>>,
}

impl Secrets {
    /// Nothing is read yet.
    pub fn new(providers: Providers, directories: Directories) -> Self {
        Self { providers, directories, key: Mutex::new(None), bases: RwLock::new(BTreeMap::new()) }
    }

    /// Looks up what `reference` names; what is relative in it begins at `base`.
    ///
    /// It reads files and may run a command: not for a thread that others wait for.
    pub fn resolve(&self, reference: &SecretReference, base: &Base) -> Result<SecretValue, SecretError> {
        self.providers.resolve(reference, base)
    }

    /// The key of this machine; `None` when it has none.
    pub fn find_key(&self) -> Result<Option<SecretKey>, KeyError> {
        let mut key = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if key.is_none() {
            *key = SecretKey::find(&self.directories.state)?;
        }
        Ok(key.clone())
    }

    /// The key of this machine, which is made when there is none.
    pub fn key(&self) -> Result<SecretKey, KeyError> {
        let mut key = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        match &*key {
            Some(key) => Ok(key.clone()),
            None => Ok(key.insert(SecretKey::find_or_make(&self.directories.state)?).clone()),
        }
    }

    /// Remembers where the task definitions stand: what is relative in their references begins there.
    pub fn remember_bases(&self, bases: BTreeMap<Family, Base>) {
        *self.bases.write().unwrap_or_else(PoisonError::into_inner) = bases;
    }

    /// Looks up what a task definition refers to, as its manifest says it: anything that has the form of a `valueFrom`.
    ///
    /// Like [`resolve`](Self::resolve), not for a thread that others wait for.
    pub fn resolve_for(&self, family: &Family, value_from: &str) -> Result<SecretValue, SecretError> {
        let reference = SecretReference::parse(value_from)?;
        let base = self.bases.read().unwrap_or_else(PoisonError::into_inner).get(family).cloned();
        self.resolve(&reference, &base.ok_or(SecretError::NoBase)?)
    }

    /// Looks up what several task definitions may refer to with the same words, such as the credentials for an image that they share: of
    /// the places where they stand, the first by family from which it can be had.
    ///
    /// Like [`resolve`](Self::resolve), not for a thread that others wait for.
    pub fn resolve_for_any(&self, value_from: &str) -> Result<SecretValue, SecretError> {
        let reference = SecretReference::parse(value_from)?;
        let bases: BTreeSet<Base> =
            self.bases.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let mut last = SecretError::NoBase;
        for base in bases {
            match self.resolve(&reference, &base) {
                Ok(value) => return Ok(value),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Looks up the value of a container that is being created.
    ///
    /// # Errors
    /// When it cannot be had, and when it is another one than the one that the revision was named for.
    pub fn value_of(&self, id: &SecretId, secret: &SecretSpec) -> Result<SecretValue, SecretError> {
        let value = self.resolve_for(&id.family, &secret.value_from)?;
        let version = self.key()?.version_of(id, &value);
        if secret.version == Some(version) { Ok(value) } else { Err(SecretError::Changed) }
    }
}

#[cfg(test)]
mod tests;
