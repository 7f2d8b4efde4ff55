//! The secrets that task definitions name: which value each of them has now.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::in_parallel;
use crate::desired::inputs::SecretId;
use crate::desired::{SecretPurpose, SecretVersion};
use crate::manifest::{ContainerDefinition, Located, SecretProvider, SecretReference, TaskDefinition};
use crate::problem::{Code, Place, Problem};
use crate::secret::{Base, SecretError, SecretKey, SecretValue, Secrets};
use crate::value::Family;

mod since;

pub use since::versions_since;

/// How much has to be known of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// All of them: containers will be created. A value that cannot be had is an error, and a key is made where there is none.
    Values,
    /// Which ones have changed, as far as that can be told here. A value that cannot be had is a warning, and nothing is written.
    Comparison,
    /// Nothing: no file is read and no command is run.
    Nothing,
}

/// A secret that a manifest names.
#[derive(Debug, Clone)]
pub struct Wanted {
    id: SecretId,
    reference: SecretReference,
    base: Base,
    place: Place,
    /// Whether it must be a text: only a file may be anything.
    is_text: bool,
}

impl Wanted {
    /// The path of its file, where it is in one.
    pub fn path(&self) -> Option<PathBuf> {
        match &self.reference.provider {
            SecretProvider::File { path } => Some(self.base.path_of(path)),
            SecretProvider::Environment { .. } | SecretProvider::Command { .. } | SecretProvider::Aws { .. } => None,
        }
    }

    /// Refuses a value that cannot be what is wanted.
    fn check<'v>(&self, value: &'v SecretValue) -> Result<&'v SecretValue, SecretError> {
        if self.is_text {
            value.text()?;
        }
        Ok(value)
    }

    /// Whether a command has it, which costs more than reading a file.
    fn is_costly(&self) -> bool {
        match self.reference.provider {
            SecretProvider::Command { .. } | SecretProvider::Aws { .. } => true,
            SecretProvider::File { .. } | SecretProvider::Environment { .. } => false,
        }
    }
}

/// The secrets that `definitions` name. A reference of no known form has been refused by the validation of the task definition.
pub fn wanted_secrets(root: &Path, definitions: &[Located<TaskDefinition>]) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for located in definitions {
        let TaskDefinition { metadata, spec, .. } = &located.manifest;
        let base = Base { manifest: located.document.file().name().to_string(), root: root.to_owned() };
        for (index, container) in spec.container_definitions.iter().enumerate() {
            for Named { purpose, name, value_from, pointer, is_text } in secrets_of(container) {
                let Ok(reference) = SecretReference::parse(value_from) else { continue };
                let (family, container) = (metadata.name.clone(), container.name.clone());
                let id = SecretId { family, container, purpose, name: name.to_owned() };
                let place = located.place_of(&format!("/spec/containerDefinitions/{index}{pointer}/valueFrom"));
                wanted.push(Wanted { id, reference, base: base.clone(), place, is_text });
            }
        }
    }
    wanted
}

/// A secret as a container definition names it.
struct Named<'a> {
    purpose: SecretPurpose,
    name: &'a str,
    value_from: &'a str,
    /// Where it stands in the container definition.
    pointer: String,
    is_text: bool,
}

/// The secrets of a container; without those of a log driver that is not used, for it needs services of AWS.
fn secrets_of(container: &ContainerDefinition) -> impl Iterator<Item = Named<'_>> {
    let of_container = container.secrets.iter().enumerate().map(|(item, secret)| Named {
        purpose: SecretPurpose::Container,
        name: &secret.name,
        value_from: &secret.value_from,
        pointer: format!("/secrets/{item}"),
        is_text: secret.path.is_none(),
    });
    let log = container.log_configuration.iter().filter(|log| !log.log_driver.is_of_aws());
    let of_log = log.flat_map(|log| &log.secret_options).enumerate().map(|(item, option)| Named {
        purpose: SecretPurpose::LogOption,
        name: &option.name,
        value_from: &option.value_from,
        pointer: format!("/logConfiguration/secretOptions/{item}"),
        is_text: true,
    });
    of_container.chain(of_log)
}

/// Where the task definitions stand: what is relative in their references begins there.
pub fn bases_of(root: &Path, definitions: &[Located<TaskDefinition>]) -> BTreeMap<Family, Base> {
    let base = |located: &Located<TaskDefinition>| Base {
        manifest: located.document.file().name().to_string(),
        root: root.to_owned(),
    };
    definitions.iter().map(|located| (located.manifest.metadata.name.clone(), base(located))).collect()
}

/// Which value each secret has. What commands have is taken from `known` where it is there.
pub fn read_versions(
    secrets: &Secrets,
    wanted: &[Wanted],
    need: Need,
    known: &BTreeMap<SecretId, SecretVersion>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<SecretId, SecretVersion> {
    if wanted.is_empty() {
        return BTreeMap::new();
    }
    let Some(key) = find_key(secrets, wanted, need, problems) else { return BTreeMap::new() };
    let (reused, asked): (Vec<_>, Vec<_>) =
        wanted.iter().partition(|secret| secret.is_costly() && known.contains_key(&secret.id));
    let values = look_up(secrets, &asked);
    let mut versions: BTreeMap<_, _> =
        reused.iter().filter_map(|secret| Some((secret.id.clone(), *known.get(&secret.id)?))).collect();
    for secret in asked {
        // Every one of them was looked up just now.
        let Some(value) = values.get(&(&secret.reference, &secret.base)) else { continue };
        match value.as_ref().map_err(Clone::clone).and_then(|value| secret.check(value)) {
            Ok(value) => {
                versions.insert(secret.id.clone(), key.version_of(&secret.id, value));
            }
            Err(error) => problems.push(explain(secret, &error, need)),
        }
    }
    versions
}

/// The key, if there is one or one may be made; with the problems that there are without.
fn find_key(secrets: &Secrets, wanted: &[Wanted], need: Need, problems: &mut Vec<Problem>) -> Option<SecretKey> {
    match need {
        Need::Nothing => None,
        Need::Values => match secrets.key() {
            Ok(key) => Some(key),
            Err(error) => {
                let first = wanted.first().map(|secret| secret.place.clone());
                problems.push(Problem { place: first, ..Problem::error(Code::SecretUnavailable, error.to_string()) });
                None
            }
        },
        Need::Comparison => {
            let reason = match secrets.find_key() {
                Ok(Some(key)) => return Some(key),
                Ok(None) => "this machine has no key to compare it with, and the first run from here replaces the tasks that use it".to_owned(),
                Err(error) => error.to_string(),
            };
            problems.extend(wanted.iter().map(|secret| {
                let message = format!("the secret `{}` is not compared: {reason}", secret.id.name);
                Problem::warning(Code::SecretNotCompared, message).with_place(secret.place.clone())
            }));
            None
        }
    }
}

/// Every value, each looked up once however many containers want it.
fn look_up<'a>(
    secrets: &Secrets,
    wanted: &[&'a Wanted],
) -> BTreeMap<(&'a SecretReference, &'a Base), Result<SecretValue, SecretError>> {
    let mut distinct: Vec<_> = wanted.iter().map(|secret| (&secret.reference, &secret.base)).collect();
    distinct.sort();
    distinct.dedup();
    let values = in_parallel(&distinct, |(reference, base)| secrets.resolve(reference, base));
    distinct.into_iter().zip(values).collect()
}

fn explain(secret: &Wanted, error: &SecretError, need: Need) -> Problem {
    let name = &secret.id.name;
    let object = format!("TaskDefinition `{}`", secret.id.family);
    let problem = match need {
        Need::Values | Need::Nothing => {
            Problem::error(Code::SecretUnavailable, format!("the secret `{name}` cannot be had: {error}"))
        }
        Need::Comparison => Problem::warning(
            Code::SecretNotCompared,
            format!("the secret `{name}` is not compared, for it cannot be had here: {error}"),
        ),
    };
    problem.with_place(secret.place.clone()).with_object(object)
}

#[cfg(test)]
mod tests;
