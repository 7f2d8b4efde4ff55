//! Who may fetch an image: what `docker login` has stored, or the secret that the manifest names.
//!
//! Credentials go from where they are to the header of one request. No type here prints them, and no error quotes what a file, a
//! helper or a provider has said.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bollard::auth::DockerCredentials;
use futures_util::future::BoxFuture;
use serde::Deserialize;

use self::config::{Config, Entry};
use super::connection::{Call, Connection};
use super::endpoint::configuration_directory_of_environment;
use crate::desired::RepositoryCredentials;
use crate::secret::Secrets;

mod config;
mod helper;

const INFO: Call = Call::new("info", 30);

/// The header with which an engine is given credentials for a registry.
const HEADER: &str = "X-Registry-Auth";

/// Where the secrets are read that `repositoryCredentials` names.
pub trait RepositorySecrets: fmt::Debug + Send + Sync {
    /// The text of a secret: `{"username": "…", "password": "…"}`. The error says why there is none and what to do, and never quotes
    /// anything of a secret.
    fn read<'a>(&'a self, parameter: &'a str) -> BoxFuture<'a, Result<String, String>>;
}

/// No place to read secrets from.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSecrets;

impl RepositorySecrets for NoSecrets {
    fn read<'a>(&'a self, parameter: &'a str) -> BoxFuture<'a, Result<String, String>> {
        let what = if parameter.starts_with("arn:") { "a secret of AWS" } else { "a secret" };
        let message = format!(
            "repositoryCredentials names {what}, `{parameter}`, and nothing is configured that could read it. Leave \
             repositoryCredentials out and run `docker login` as the user who runs reconcile"
        );
        Box::pin(async move { Err(message) })
    }
}

/// The secrets of the manifests.
#[derive(Debug)]
pub(super) struct ManifestSecrets(pub(super) Arc<Secrets>);

impl RepositorySecrets for ManifestSecrets {
    fn read<'a>(&'a self, parameter: &'a str) -> BoxFuture<'a, Result<String, String>> {
        let (secrets, name) = (self.0.clone(), parameter.to_owned());
        Box::pin(async move {
            // It reads files and runs commands.
            let looked_up = tokio::task::spawn_blocking(move || secrets.resolve_for_any(&name)).await;
            let value = looked_up.map_err(|error| error.to_string())?;
            let value = value.map_err(|error| format!("repositoryCredentials `{parameter}`: {error}"))?;
            let text = std::str::from_utf8(value.bytes()).map(str::to_owned);
            text.map_err(|_| format!("repositoryCredentials `{parameter}`: the value is no text"))
        })
    }
}

/// Who asks a registry.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    /// A name and a password.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: String,
    },
    /// A token that stands for both.
    IdentityToken(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(sensitive)",
            Self::IdentityToken(_) => "IdentityToken(sensitive)",
        })
    }
}

impl Credentials {
    /// In the words of the request.
    pub(super) fn into_bollard(self) -> DockerCredentials {
        match self {
            Self::Basic { username, password } => {
                DockerCredentials { username: Some(username), password: Some(password), ..Default::default() }
            }
            Self::IdentityToken(token) => DockerCredentials { identitytoken: Some(token), ..Default::default() },
        }
    }
}

/// What was found for a registry.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Who asks; `None` when nobody in particular.
    pub(super) credentials: Option<Credentials>,
    /// Where they come from, for people.
    pub(super) source: Option<String>,
    /// What went wrong in looking for them. The registry is asked all the same: most images are for everybody.
    pub(super) trouble: Option<String>,
}

impl Found {
    fn trouble(trouble: String) -> Self {
        Self { trouble: Some(trouble), ..Self::default() }
    }
}

/// A base64 that every engine reads.
///
/// Engines read the alphabet that is safe in addresses, bollard writes the other one: the two differ in two characters, and an engine
/// that meets one of them goes on without credentials and without a word.
pub(super) fn correct_header(mut request: bollard::BollardRequest) -> bollard::BollardRequest {
    if let Some(value) = request.headers_mut().get_mut(HEADER) {
        if let Some(Ok(corrected)) = value.to_str().ok().map(|text| text.replace('+', "-").replace('/', "_").parse()) {
            *value = corrected;
        }
        value.set_sensitive(true);
    }
    request
}

/// The secret that a manifest names.
pub(super) async fn read_named(
    secrets: &dyn RepositorySecrets,
    named: &RepositoryCredentials,
) -> Result<Found, String> {
    let RepositoryCredentials { credentials_parameter } = named;
    let text = secrets.read(credentials_parameter).await?;
    let credentials = read_secret(&text).ok_or_else(|| {
        format!(
            "the secret `{credentials_parameter}` is not of the form {{\"username\": \"...\", \"password\": \"...\"}}"
        )
    })?;
    let source = Some(format!("the secret `{credentials_parameter}`"));
    Ok(Found { credentials: Some(credentials), source, trouble: None })
}

/// Reads a secret in the form of ECS.
fn read_secret(text: &str) -> Option<Credentials> {
    #[derive(Deserialize)]
    struct Secret {
        username: String,
        password: String,
    }
    let Secret { username, password } = serde_json::from_str(text).ok()?;
    Some(Credentials::Basic { username, password })
}

/// What `docker login` has stored for a registry; `None` stands for the engine's default registry.
pub(super) async fn find(connection: &Connection, registry: Option<&str>) -> Found {
    let Some(directory) = configuration_directory_of_environment() else { return Found::default() };
    let path = directory.join("config.json");
    let config = match tokio::fs::read(&path).await {
        Ok(text) => match Config::read(&text) {
            Ok(config) => config,
            Err(reason) => return Found::trouble(format!("{} cannot be read: {reason}", path.display())),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Found::default(),
        Err(error) => return Found::trouble(format!("{} cannot be read: {error}", path.display())),
    };
    if config.is_empty() {
        return Found::default();
    }
    let Some(server) = server_of(connection, registry).await else { return Found::default() };
    ask(&config, &server, &path).await
}

/// Asks whoever is responsible for a server.
async fn ask(config: &Config, server: &str, path: &Path) -> Found {
    match config.find(server) {
        Entry::None => Found::default(),
        Entry::Stored(credentials) => {
            Found { credentials: Some(credentials), source: Some(path.display().to_string()), trouble: None }
        }
        Entry::Unreadable => Found::trouble(format!("the entry of {server} in {} cannot be read", path.display())),
        Entry::Helper(name) => match helper::ask(&name, server, None).await {
            Ok(credentials) => {
                let source = credentials.is_some().then(|| format!("the credential helper `{name}`"));
                Found { credentials, source, trouble: None }
            }
            Err(reason) => Found::trouble(reason),
        },
    }
}

/// The name under which `docker login` stores what it knows of a registry. That of the default registry only the engine knows.
async fn server_of(connection: &Connection, registry: Option<&str>) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Info {
        index_server_address: Option<String>,
    }
    let index = || async {
        let answer = connection.get(INFO, "/info").await.ok()?;
        serde_json::from_slice::<Info>(&answer).ok()?.index_server_address.filter(|address| !address.is_empty())
    };
    match registry {
        None => index().await,
        // The default registry may also be named, with or without the prefix of its index.
        Some(host) if host.contains(':') || host == "localhost" => Some(host.to_owned()),
        Some(host) => {
            let index = index().await;
            let same = |index: &String| {
                let known = config::host_of(index);
                known == host || known.strip_prefix("index.") == Some(host)
            };
            Some(index.filter(same).unwrap_or_else(|| host.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests;
