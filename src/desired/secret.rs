//! A secret of a container as the desired state knows it: where the value is, and which value it is, but never the value.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value that is looked up when the container is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretSpec {
    /// The name of the environment variable, or only of the secret when it is a file. Unique in the container.
    pub name: String,
    /// Where the value is, as the manifest says it.
    pub value_from: String,
    /// Which value it is; `None` when it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<SecretVersion>,
    /// The file in the container that holds the value; `None` for an environment variable.
    #[serde(flatten)]
    pub file: Option<SecretFile>,
}

/// What a secret is for. Two of one name may have different values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretPurpose {
    /// A variable or a file of the container: one of `secrets`.
    Container,
    /// An option of the log driver: one of `secretOptions`.
    LogOption,
}

/// A file in a container that holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretFile {
    /// Its absolute path in the container.
    pub path: String,
    /// Its permissions.
    pub mode: FileMode,
    /// Who owns it.
    pub owner: FileOwner,
}

/// The permissions of a file, 0 to 0777; written as octal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileMode(u32);

/// Who owns a file, by numbers; written `UID:GID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileOwner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// Which value a secret has, without telling the value: a digest with a key that one machine keeps for itself.
///
/// Written as the name of the key and the digest, in hexadecimal digits. Equal digests of one key mean equal values; digests of
/// different keys say nothing about each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretVersion {
    /// Names the key; it says nothing else about it.
    pub key: u32,
    /// The digest of the value.
    pub digest: u128,
}

/// A text that is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct FormError(&'static str);

impl FileMode {
    /// Read by its owner, and by nobody else.
    pub const DEFAULT: Self = Self(0o400);

    /// Reads octal digits.
    pub fn parse(text: &str) -> Result<Self, FormError> {
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
        mode.map(Self).ok_or(FormError("the permissions of a file, such as 0400"))
    }

    /// As the operating system takes it.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl FileOwner {
    /// Root.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };

    /// Reads `UID:GID`.
    pub fn parse(text: &str) -> Result<Self, FormError> {
        let numbers = text.split_once(':').and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
        numbers.map(|(uid, gid)| Self { uid, gid }).ok_or(FormError("an owner such as 1000:1000"))
    }

    /// The user that a container runs as, where it is a number; the group is 0 unless it is one as well.
    pub fn of_user(user: &str) -> Option<Self> {
        let (uid, gid) = user.split_once(':').unwrap_or((user, "0"));
        Some(Self { uid: uid.parse().ok()?, gid: gid.parse().unwrap_or(0) })
    }
}

impl SecretVersion {
    /// Reads the text of a label.
    pub fn parse(text: &str) -> Result<Self, FormError> {
        let parsed = text.split_once(':').filter(|(key, digest)| key.len() == 8 && digest.len() == 32);
        let numbers = parsed.and_then(|(key, digest)| {
            Some((u32::from_str_radix(key, 16).ok()?, u128::from_str_radix(digest, 16).ok()?))
        });
        numbers.map(|(key, digest)| Self { key, digest }).ok_or(FormError("the version of a secret, KEY:DIGEST"))
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl fmt::Display for FileOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

impl fmt::Display for SecretVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}:{:032x}", self.key, self.digest)
    }
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = FormError;
            fn try_from(text: String) -> Result<Self, FormError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    )+};
}

as_text!(FileMode, FileOwner, SecretVersion);

#[cfg(test)]
mod tests;
