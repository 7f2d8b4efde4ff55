//! The key of this machine, with which values are digested: the digests may be stored, for without the key they tell nothing.
//!
//! It is made when it is first needed and never leaves the state directory. When it is lost, a new one is made, and what uses a secret
//! is rolled out once more, for digests of different keys cannot be compared.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::SecretValue;
use crate::desired::inputs::SecretId;
use crate::desired::{SecretPurpose, SecretVersion};

const FILE_NAME: &str = "secret-key";
const LENGTH: usize = 32;

/// 32 random bytes. They are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey([u8; LENGTH]);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The operating system said no.
    #[error(
        "the key {path}, with which changed secrets are noticed, cannot be had: {reason}; RECONCILE_STATE_DIR names another directory"
    )]
    System {
        /// The file.
        path: String,
        /// What the operating system said.
        reason: String,
    },
    /// The file is not what was written.
    #[error("the key {path} is damaged: remove it, and everything with secrets is rolled out once more with a new one")]
    Damaged {
        /// The file.
        path: String,
    },
    /// Others may read it.
    #[error("the key {path} may be read by others: chmod 600 {path}")]
    Open {
        /// The file.
        path: String,
    },
}

impl SecretKey {
    /// The key in the state directory; `None` when there is none.
    pub fn find(directory: &Path) -> Result<Option<Self>, KeyError> {
        let path = directory.join(FILE_NAME);
        let shown = || path.display().to_string();
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(KeyError::System { path: shown(), reason: error.to_string() }),
        };
        let read = |file: &mut File| -> io::Result<(u32, Vec<u8>)> {
            let mut bytes = Vec::new();
            file.take(LENGTH as u64 + 1).read_to_end(&mut bytes)?;
            Ok((file.metadata()?.mode(), bytes))
        };
        let (mode, bytes) =
            read(&mut file).map_err(|error| KeyError::System { path: shown(), reason: error.to_string() })?;
        if mode & 0o077 != 0 {
            return Err(KeyError::Open { path: shown() });
        }
        bytes.try_into().map(|bytes| Some(Self(bytes))).map_err(|_| KeyError::Damaged { path: shown() })
    }

    /// The key in the state directory, which is made when there is none.
    pub fn find_or_make(directory: &Path) -> Result<Self, KeyError> {
        if let Some(key) = Self::find(directory)? {
            return Ok(key);
        }
        let path = directory.join(FILE_NAME);
        let system =
            |error: io::Error| KeyError::System { path: path.display().to_string(), reason: error.to_string() };
        make(directory, &path).map_err(system)?;
        let damaged = || KeyError::Damaged { path: path.display().to_string() };
        // Of several that make one at the same time one wins: what counts is what lies there.
        Self::find(directory)?.ok_or_else(damaged)
    }

    /// Names the key, without telling anything else about it.
    fn name(&self) -> u32 {
        let digest = self.digest(&[b"name of the key"]);
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
    }

    /// Which value a secret of a container has. Equal values of two secrets have different versions: they show nothing to each other.
    pub fn version_of(&self, id: &SecretId, value: &SecretValue) -> SecretVersion {
        let SecretId { family, container, purpose, name } = id;
        let purpose = match purpose {
            SecretPurpose::Container => "value",
            SecretPurpose::LogOption => "log option",
        };
        let parts = [purpose, family.as_str(), container.as_str(), name].map(str::as_bytes);
        let digest = self.digest(&[&parts[..], &[value.bytes()]].concat());
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        SecretVersion { key: self.name(), digest: u128::from_be_bytes(first) }
    }

    /// HMAC-SHA256 over texts, each with its length, so that no two lists run together into the same bytes.
    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of HMAC may have any length");
        for part in parts {
            hmac.update(&(part.len() as u64).to_be_bytes());
            hmac.update(part);
        }
        hmac.finalize().into_bytes().into()
    }
}

/// Makes a key under a name of its own and links it into its place: nobody ever sees half a key, and nobody's key is replaced.
fn make(directory: &Path, path: &PathBuf) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let mut random = [0; LENGTH + 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    let (bytes, suffix) = random.split_at(LENGTH);
    let suffix = suffix.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let beside = directory.join(format!("{FILE_NAME}.{suffix:016x}"));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        match std::fs::hard_link(&beside, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    })();
    let _ = std::fs::remove_file(&beside);
    written?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
