//! The environment and the secrets of a container: files, variables, and which value each secret has.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::desired::inputs::{Inputs, SecretId, merge_variables, path_beside};
use crate::desired::{FileMode, FileOwner, SecretFile, SecretPurpose, SecretSpec, SecretVersion};
use crate::document::File;
use crate::manifest::{ContainerDefinition, Located, Secret, SecretOption, TaskDefinition};
use crate::value::{ContainerName, Family};

/// What the containers of one task definition refer to.
#[derive(Clone, Copy)]
pub(super) struct Configuration<'a> {
    pub(super) family: &'a Family,
    /// The file that the task definition was read from.
    pub(super) manifest: &'a str,
    pub(super) inputs: &'a Inputs,
}

impl Configuration<'_> {
    /// The environment of a container: the first file that has a variable, `environment` above all files, and no variable that is a
    /// secret. Of two entries of `environment` with one name the last counts, as in the ECS agent.
    pub(super) fn environment(self, container: &ContainerDefinition) -> BTreeMap<String, String> {
        let files = self.files(container);
        let variables = merge_variables(&files);
        let mut environment: BTreeMap<_, _> =
            variables.into_iter().map(|(name, (_, variable))| (name.to_owned(), variable.value.to_owned())).collect();
        environment.extend(container.environment.iter().map(|pair| (pair.name.clone(), pair.value.clone())));
        for secret in container.secrets.iter().filter(|secret| secret.path.is_none()) {
            environment.remove(&secret.name);
        }
        environment
    }

    /// The environment files that could be read, in the order in which they count.
    fn files(self, container: &ContainerDefinition) -> Vec<Arc<File>> {
        let paths = container.environment_files.iter().map(|file| path_beside(self.manifest, &file.value));
        paths.filter_map(|path| self.inputs.environment_files.get(&path).cloned()).collect()
    }

    /// The secrets of a container by name: their order means nothing.
    pub(super) fn secrets(self, container: &ContainerDefinition) -> Vec<SecretSpec> {
        let mut secrets: Vec<_> = container.secrets.iter().map(|secret| self.secret(container, secret)).collect();
        secrets.sort_by(|a, b| a.name.cmp(&b.name));
        secrets
    }

    /// The options of a log driver that are secrets, by name as well.
    pub(super) fn log_options(self, container: &ContainerDefinition, options: &[SecretOption]) -> Vec<SecretSpec> {
        let option = |SecretOption { name, value_from }: &SecretOption| SecretSpec {
            name: name.clone(),
            value_from: value_from.clone(),
            version: self.version(container, SecretPurpose::LogOption, name),
            file: None,
        };
        let mut options: Vec<_> = options.iter().map(option).collect();
        options.sort_by(|a, b| a.name.cmp(&b.name));
        options
    }

    fn version(self, container: &ContainerDefinition, purpose: SecretPurpose, name: &str) -> Option<SecretVersion> {
        let (family, container) = (self.family.clone(), container.name.clone());
        let id = SecretId { family, container, purpose, name: name.to_owned() };
        self.inputs.secret_versions.get(&id).copied()
    }

    fn secret(self, container: &ContainerDefinition, secret: &Secret) -> SecretSpec {
        let Secret { name, value_from, path, mode, owner } = secret;
        // Texts of another form have been refused by the validation of the task definition.
        let given_owner = owner.as_deref().and_then(|owner| FileOwner::parse(owner).ok());
        let users_owner = || container.user.as_deref().and_then(FileOwner::of_user).unwrap_or(FileOwner::ROOT);
        let file = path.as_ref().map(|path| SecretFile {
            path: path.clone(),
            mode: mode.as_deref().and_then(|mode| FileMode::parse(mode).ok()).unwrap_or(FileMode::DEFAULT),
            owner: given_owner.unwrap_or_else(users_owner),
        });
        SecretSpec {
            name: name.clone(),
            value_from: value_from.clone(),
            version: self.version(container, SecretPurpose::Container, name),
            file,
        }
    }
}

/// The environment files of every container of a task definition, for the places of their variables.
pub(super) fn environment_files(
    definition: &Located<TaskDefinition>,
    inputs: &Inputs,
) -> BTreeMap<ContainerName, Vec<Arc<File>>> {
    let TaskDefinition { metadata, spec, .. } = &definition.manifest;
    let configuration = Configuration { family: &metadata.name, manifest: definition.document.file().name(), inputs };
    let with_files = spec.container_definitions.iter().filter(|container| !container.environment_files.is_empty());
    with_files.map(|container| (container.name.clone(), configuration.files(container))).collect()
}
