//! The value of a secret, and why there is none.

use std::fmt;

use super::{CommandError, KeyError};
use crate::bounded::bytes_text;
use crate::manifest::ReferenceError;

/// The most bytes of a value. Source: AWS Secrets Manager, `SecretString`; it fits into an environment with room to spare.
pub const SECRET_BYTES_MAX: usize = 64 << 10;

/// The value of a secret. It is never printed, and never serialized.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Vec<u8>);

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue")
    }
}

/// Why the value of a secret cannot be had. No sentence holds a part of a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It is not said where it is.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// Its file cannot be read.
    #[error("the file {path} cannot be read: {reason}")]
    File {
        /// The path.
        path: String,
        /// What the operating system said.
        reason: String,
    },
    /// A relative path leads out of the directory of manifests.
    #[error(
        "the file {path} is outside of the directory of manifests, {root}; give its absolute path if it is meant to be there"
    )]
    Outside {
        /// The path.
        path: String,
        /// The directory.
        root: String,
    },
    /// The environment of this process has no such variable.
    #[error("the environment of reconcile has no variable `{name}`")]
    NoVariable {
        /// The name.
        name: String,
    },
    /// No such command is configured.
    #[error("no command `{name}` is configured: give --secret-command {name}=PROGRAM[,ARGUMENT...]")]
    NoCommand {
        /// The name.
        name: String,
    },
    /// AWS has it, and nothing is configured that could ask AWS.
    #[error(
        "it is in AWS, and nothing here asks AWS: give --secret-command aws=PROGRAM[,ARGUMENT...], or use file:, env: or exec: in `valueFrom`"
    )]
    NoAws,
    /// The command did not give a value.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The value is too large.
    #[error("the value has more than {}", bytes_text(SECRET_BYTES_MAX))]
    TooLarge,
    /// The value is no JSON object with texts, numbers and flags.
    #[error("`valueFrom` names the entry `{key}` of a JSON object, and the value is no JSON object")]
    NotJson {
        /// The entry that is wanted.
        key: String,
    },
    /// The JSON object has no such entry.
    #[error("the JSON object has no entry `{key}`, or it is no text")]
    NoEntry {
        /// The entry that is wanted.
        key: String,
    },
    /// An environment can hold only text without a NUL character.
    #[error(
        "the value is not a text, and an environment variable can be nothing else; with a `path` it would be a file"
    )]
    NotText,
    /// It is another value than when the manifests were read.
    #[error(
        "the value is not the one that it was when the manifests were read; it is read again soon, or run reconcile again"
    )]
    Changed,
    /// Nobody knows where the task definition stands.
    #[error("no manifest of this task definition is known any more")]
    NoBase,
    /// There is no key to digest it with.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl SecretValue {
    /// A value of at most [`SECRET_BYTES_MAX`] bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, SecretError> {
        if bytes.len() > SECRET_BYTES_MAX { Err(SecretError::TooLarge) } else { Ok(Self(bytes)) }
    }

    /// Every byte of it: what a file holds.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As an environment variable: without the one line break that editors and `echo` put at the end.
    pub fn text(&self) -> Result<&str, SecretError> {
        let text = std::str::from_utf8(&self.0).map_err(|_| SecretError::NotText)?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.contains('\0') { Err(SecretError::NotText) } else { Ok(text) }
    }

    /// The entry of the JSON object that it is; of a number or flag its text, as ECS does.
    pub(crate) fn entry(&self, key: &str) -> Result<Self, SecretError> {
        let key_text = || key.to_owned();
        let value: serde_json::Value =
            serde_json::from_slice(&self.0).map_err(|_| SecretError::NotJson { key: key_text() })?;
        let object = value.as_object().ok_or_else(|| SecretError::NotJson { key: key_text() })?;
        let entry = match object.get(key) {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(number @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_))) => number.to_string(),
            Some(serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_)) | None => {
                return Err(SecretError::NoEntry { key: key_text() });
            }
        };
        Self::new(entry.into_bytes())
    }
}

#[cfg(test)]
mod tests;
