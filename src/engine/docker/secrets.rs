//! The values of secrets on their way into a container that is being created.
//!
//! A value is in the create request's environment or in the options of its log driver, where `docker inspect` shows it to whoever may ask
//! the engine, as on ECS; or it is a file in memory that is mounted into the container, which the engine does not show. It is in no label
//! and in no answer of ours.

use std::sync::Arc;

use bollard::models::{ContainerCreateBody, Mount, MountType};

use super::answers::Inspected;
use super::endpoint::{Address, Endpoint};
use super::perform::No;
use crate::desired::inputs::SecretId;
use crate::desired::{ContainerSpec, SecretFile, SecretPurpose, SecretSpec};
use crate::ownership::{ContainerIdentity, RecordedSpec, SENSITIVE, Source};
use crate::plan::{Failure, FailureKind, NewContainer};
use crate::secret::files::{Content, SecretFiles};
use crate::secret::{SecretValue, Secrets};

/// Shorter values are not looked for in an engine's messages: they are in every other word.
pub(super) const COVERED_CHARS_MIN: usize = 4;

/// What the engine says of a log driver begins like this; what it says then may quote an option.
const LOG_DRIVER_FAILED: &str = "logging driver: ";

/// A message of the engine about a container of this spec, without what it may quote of a secret option of the log driver: the engine
/// reads most of them no earlier than at the start, when no value is at hand any more.
pub(super) fn cover_log_options(spec: Option<&RecordedSpec>, message: &str) -> Option<String> {
    // All that one can choose in a spec is a text, in which these signs would be escaped.
    let has_secrets = spec.is_none_or(|spec| spec.mentions(&[r#""secretOptions":["#]));
    let (before, _) = message.split_once(LOG_DRIVER_FAILED).filter(|_| has_secrets)?;
    Some(format!(
        "{before}{LOG_DRIVER_FAILED}one of its options is not right; what the engine says of it is {SENSITIVE}, for some of them are secrets"
    ))
}

/// The way of secrets into containers.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    secrets: Option<Arc<Secrets>>,
    /// The place of files; `None` where the engine is elsewhere, for it mounts files of its own machine.
    files: Option<SecretFiles>,
}

/// What is given to one container.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    variables: Vec<(String, SecretValue)>,
    log_options: Vec<(String, SecretValue)>,
    files: Vec<(SecretFile, SecretValue)>,
    mounts: Vec<Mount>,
}

impl Delivery {
    /// No secret can be had.
    pub(super) fn none() -> Self {
        Self { secrets: None, files: None }
    }

    pub(super) fn new(secrets: Arc<Secrets>, endpoint: &Endpoint) -> Self {
        let engine = match &endpoint.address {
            // One socket under two names, such as /var/run and /run, is one engine.
            Address::Unix(path) => Some(path.canonicalize().unwrap_or_else(|_| path.clone())),
            Address::Tcp(_) | Address::Tls(..) => None,
        };
        let files = engine.map(|engine| SecretFiles::new(&secrets.directories.runtime, &engine.display().to_string()));
        Self { secrets: Some(secrets), files }
    }

    pub(super) fn check_files(&self) -> Result<(), String> {
        match &self.files {
            Some(files) => files.check().map_err(|error| error.to_string()),
            None => Err("a secret with a `path` needs an engine on this machine, at a unix socket: the file is mounted from its memory"
                .to_owned()),
        }
    }

    pub(super) fn has_files(&self, source: &Source) -> bool {
        self.files.as_ref().is_some_and(|files| files.has_any(source.as_str()))
    }

    pub(super) fn sweep<'a>(&self, source: &Source, existing: impl Iterator<Item = &'a ContainerIdentity>) {
        if let Some(files) = &self.files {
            files.sweep(source.as_str(), existing.map(ContainerIdentity::name));
        }
    }

    /// Removes the files of a container that is gone.
    pub(super) fn discard(&self, identity: &ContainerIdentity) {
        if let Some(files) = &self.files {
            files.remove(identity.source.as_str(), &identity.name());
        }
    }

    /// Looks up everything that a container is given.
    pub(super) async fn prepare(&self, new: &NewContainer) -> Result<Delivered, No> {
        self.look_up(&new.identity, &new.spec).await
    }

    /// Whether a message of the engine is about the files of this container: they are gone.
    pub(super) fn is_about_files(&self, identity: &ContainerIdentity, message: &str) -> bool {
        let directory = self.files.as_ref().map(|files| files.of_container(identity.source.as_str(), &identity.name()));
        directory.is_some_and(|directory| message.contains(&*directory.to_string_lossy()))
    }

    /// Writes the files of a container again, as its label says them.
    pub(super) async fn restore(&self, found: Option<Inspected>, identity: &ContainerIdentity) -> Result<(), No> {
        let Some(Inspected::Ours(container)) = found else {
            return Err(No::failed(FailureKind::Gone, "the container is gone"));
        };
        match container.read_spec() {
            Some(spec) => self.look_up(identity, spec).await.map(|_| ()),
            None => Err(No::failed(FailureKind::Refused, "another release wrote what its secrets are")),
        }
    }

    async fn look_up(&self, identity: &ContainerIdentity, spec: &Arc<ContainerSpec>) -> Result<Delivered, No> {
        if spec.all_secrets().next().is_none() {
            return Ok(Delivered::default());
        }
        let (delivery, identity, spec) = (self.clone(), identity.clone(), spec.clone());
        // Files are read, and commands may run.
        let found = tokio::task::spawn_blocking(move || delivery.look_up_now(&identity, &spec)).await;
        let found = found.unwrap_or_else(|_| Err("looking the secrets up broke off".to_owned()));
        found.map_err(|message| {
            No::failed(FailureKind::ResourceInitialization, format!("ResourceInitializationError: {message}"))
        })
    }

    fn look_up_now(&self, identity: &ContainerIdentity, spec: &ContainerSpec) -> Result<Delivered, String> {
        let secrets = self.secrets.as_ref().ok_or("there is no way to look secrets up")?;
        let mut delivered = Delivered::default();
        for (purpose, secret) in spec.all_secrets() {
            let SecretSpec { name, value_from, version: _, file } = secret;
            let explain = |error| format!("secret `{name}` ({value_from}): {error}");
            let (family, container) = (identity.family.clone(), identity.container.clone());
            let id = SecretId { family, container, purpose, name: name.clone() };
            let value = secrets.value_of(&id, secret).map_err(explain)?;
            if let Some(file) = file {
                delivered.files.push((file.clone(), value));
                continue;
            }
            value.text().map_err(explain)?;
            match purpose {
                SecretPurpose::Container => delivered.variables.push((name.clone(), value)),
                SecretPurpose::LogOption => delivered.log_options.push((name.clone(), value)),
            }
        }
        if !delivered.files.is_empty() {
            self.check_files()?;
            delivered.mounts = self.write_files(identity, &delivered.files)?;
        }
        Ok(delivered)
    }

    fn write_files(
        &self,
        identity: &ContainerIdentity,
        contents: &[(SecretFile, SecretValue)],
    ) -> Result<Vec<Mount>, String> {
        let Some(files) = &self.files else { return Ok(Vec::new()) };
        let content = contents.iter().map(|(file, value)| Content { mode: file.mode, owner: file.owner, value });
        let paths = files.write(identity.source.as_str(), &identity.name(), content);
        let paths = paths.map_err(|error| error.to_string())?;
        let mount = |((file, _), path): (&(SecretFile, SecretValue), std::path::PathBuf)| Mount {
            // In this form the engine refuses what is not there, and never makes a directory of it.
            typ: Some(MountType::BIND),
            source: Some(path.display().to_string()),
            target: Some(file.path.clone()),
            read_only: Some(true),
            ..Mount::default()
        };
        Ok(contents.iter().zip(paths).map(mount).collect())
    }

    /// Takes back what was prepared for a container that was not created, and covers values in what the engine said about it.
    pub(super) fn undo(&self, new: &NewContainer, delivered: &Delivered, no: No) -> No {
        match no {
            No::Failed(Failure { kind, message }) => {
                if !delivered.files.is_empty() {
                    self.discard(&new.identity);
                }
                No::failed(kind, delivered.cover(message))
            }
            // It may exist all the same.
            No::Unknown(message) => No::Unknown(delivered.cover(message)),
        }
    }
}

impl Delivered {
    pub(super) fn add_to(&self, body: &mut ContainerCreateBody) {
        // What is no text has been refused before.
        let variables =
            self.variables.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.text().ok()?)));
        body.env.get_or_insert_default().extend(variables);
        for (name, value) in &self.log_options {
            let Ok(text) = value.text() else { continue };
            let log = body.host_config.get_or_insert_default().log_config.get_or_insert_default();
            log.config.get_or_insert_default().insert(name.clone(), text.to_owned());
        }
        if !self.mounts.is_empty() {
            let mounts = &mut body.host_config.get_or_insert_default().mounts;
            mounts.get_or_insert_default().extend(self.mounts.iter().cloned());
        }
    }

    /// A message without the values.
    fn cover(&self, message: String) -> String {
        let named = self.variables.iter().chain(&self.log_options).map(|(_, value)| value);
        let values = named.chain(self.files.iter().map(|(_, value)| value));
        let texts =
            values.filter_map(|value| value.text().ok()).filter(|text| text.chars().count() >= COVERED_CHARS_MIN);
        texts.fold(message, |message, text| message.replace(text, SENSITIVE))
    }
}

#[cfg(test)]
mod tests;
