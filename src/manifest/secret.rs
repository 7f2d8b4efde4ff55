//! A secret, as a container definition names it, and the forms of its `valueFrom`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern;

/// A value that is looked up when the container is created (ECS `Secret`). It becomes an environment variable or, with `path`, a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secret {
    /// The name of the environment variable, without `=`; of a file it is only how the secret is called. Unique in the container.
    #[schemars(regex(pattern = pattern::VARIABLE))]
    pub name: String,
    /// Where the value is: `file:PATH` (relative to the directory of the manifest, or absolute), `env:NAME` (of the environment of
    /// reconcile), `exec:COMMAND:KEY` (a command that was given with `--secret-command`). An ARN or a plain name of AWS goes to the
    /// command `aws`. With `:KEY::` at the end it is that entry of a JSON object.
    #[schemars(length(min = 1), extend("examples" = ["file:secrets/db-password"]))]
    pub value_from: String,
    /// Not in ECS: the absolute path of a file in the container that holds the value, in place of an environment variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = pattern::ABSOLUTE_PATH))]
    pub path: Option<String>,
    /// Not in ECS: the permissions of the file as octal digits, in quotes: "0400" by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = pattern::MODE))]
    pub mode: Option<String>,
    /// Not in ECS: who owns the file, as numbers `UID:GID`. By default the `user` of the container where that is a number, else 0:0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = pattern::OWNER))]
    pub owner: Option<String>,
}

/// Where the value of a secret is: a `valueFrom` that was understood.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretReference {
    /// Who has the value.
    pub provider: SecretProvider,
    /// The entry of a JSON object, where the whole value is one.
    pub json_key: Option<String>,
}

/// Who has the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretProvider {
    /// A file of this host.
    File {
        /// Its path, relative to the directory of the manifest or absolute.
        path: String,
    },
    /// A variable of the environment of reconcile.
    Environment {
        /// The name of the variable.
        name: String,
    },
    /// A command that the user of this host configured; a manifest cannot name a program.
    Command {
        /// The name that it was given.
        name: String,
        /// What it is asked for: its last argument.
        key: String,
    },
    /// AWS Secrets Manager or the SSM Parameter Store.
    Aws {
        /// The ARN, or the name of a parameter, as AWS knows it.
        id: String,
    },
}

/// Why a `valueFrom` is not understood. What stands there is never repeated: it may be the secret itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It has none of the known forms.
    #[error("`valueFrom` has no form that is known here")]
    Unknown,
    /// Something is missing in it.
    #[error("`valueFrom` lacks a part: expected {0}")]
    Incomplete(&'static str),
    /// What a command is asked for looks like one of its options.
    #[error(
        "`valueFrom` asks a command for something that begins with `-`, which the command would take for an option"
    )]
    Option,
    /// It asks for another version than the current one.
    #[error(
        "`valueFrom` asks for a certain version of the secret, which is not supported: only the current one can be had"
    )]
    Version,
}

impl SecretReference {
    /// Understands a `valueFrom`.
    ///
    /// # Errors
    /// When it has none of the forms that [`Secret::value_from`] describes.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.starts_with("arn:") {
            return parse_arn(text);
        }
        let (text, json_key) = split_json_key(text);
        let incomplete = |form| Err(ReferenceError::Incomplete(form));
        let provider = match text.split_once(':') {
            Some(("file", "")) => return incomplete("file:PATH"),
            Some(("file", path)) => SecretProvider::File { path: path.to_owned() },
            Some(("env", name)) if name.is_empty() || name.contains('=') => return incomplete("env:NAME"),
            Some(("env", name)) => SecretProvider::Environment { name: name.to_owned() },
            Some(("exec", rest)) => match rest.split_once(':') {
                Some((name, key)) if !name.is_empty() && !key.is_empty() => {
                    SecretProvider::Command { name: name.to_owned(), key: key.to_owned() }
                }
                Some(_) | None => return incomplete("exec:COMMAND:KEY"),
            },
            None if is_parameter_name(text) => SecretProvider::Aws { id: text.to_owned() },
            Some(_) | None => return Err(ReferenceError::Unknown),
        };
        match &provider {
            SecretProvider::Command { key, .. } | SecretProvider::Aws { id: key } if key.starts_with('-') => {
                Err(ReferenceError::Option)
            }
            SecretProvider::Command { .. }
            | SecretProvider::Aws { .. }
            | SecretProvider::File { .. }
            | SecretProvider::Environment { .. } => Ok(Self { provider, json_key }),
        }
    }
}

/// Takes `:KEY::` off the end, the form of ECS: a key, and neither a version stage nor a version id.
fn split_json_key(text: &str) -> (&str, Option<String>) {
    match text.strip_suffix("::").and_then(|rest| rest.rsplit_once(':')) {
        Some((rest, key)) => (rest, (!key.is_empty()).then(|| key.to_owned())),
        None => (text, None),
    }
}

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, which Secrets Manager continues with `:NAME` and ECS with
/// `:JSON-KEY:VERSION-STAGE:VERSION-ID`.
fn parse_arn(text: &str) -> Result<SecretReference, ReferenceError> {
    let parts: Vec<_> = text.split(':').collect();
    let incomplete = Err(ReferenceError::Incomplete("an ARN of Secrets Manager or of the SSM Parameter Store"));
    let whole = match parts.get(2) {
        Some(&"secretsmanager") => 7,
        Some(&"ssm") => 6,
        Some(_) | None => return incomplete,
    };
    if parts.len() < whole || parts[whole - 1].is_empty() {
        return incomplete;
    }
    let rest = |index: usize| parts.get(whole + index).filter(|part| !part.is_empty()).map(|part| (*part).to_owned());
    if rest(1).is_some() || rest(2).is_some() {
        return Err(ReferenceError::Version);
    }
    if parts.len() > whole + 3 {
        return Err(ReferenceError::Unknown);
    }
    Ok(SecretReference { provider: SecretProvider::Aws { id: parts[..whole].join(":") }, json_key: rest(0) })
}

/// Whether a text can be the name of a parameter of SSM.
fn is_parameter_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c))
}

#[cfg(test)]
mod tests;
