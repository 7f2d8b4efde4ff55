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
use crate::desired::SecretVersion;
use crate::value::{ContainerName, Family};

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
    pub fn version_of(
        &self,
        family: &Family,
        container: &ContainerName,
        name: &str,
        value: &SecretValue,
    ) -> SecretVersion {
        let parts =
            [b"value", family.as_str().as_bytes(), container.as_str().as_bytes(), name.as_bytes(), value.bytes()];
        let digest = self.digest(&parts);
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
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn version(key: &SecretKey, container: &str, name: &str, value: &str) -> SecretVersion {
        let value = SecretValue::new(value.as_bytes().to_vec()).unwrap();
        key.version_of(&Family::new("web").unwrap(), &ContainerName::new(container).unwrap(), name, &value)
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("a/b");
        assert_eq!(SecretKey::find(&directory), Ok(None));
        assert!(!directory.exists(), "looking makes nothing");
        let made = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| SecretKey::find_or_make(&directory).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(made.iter().all(|key| *key == made[0]));
        assert_eq!(SecretKey::find(&directory), Ok(Some(made[0].clone())));
        let names: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [FILE_NAME]);
        let permissions = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((permissions(&directory), permissions(&directory.join(FILE_NAME))), (0o700, 0o600));
    }

    #[test]
    fn a_key_that_is_not_right_is_not_replaced() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(FILE_NAME);
        SecretKey::find_or_make(root.path()).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(matches!(SecretKey::find_or_make(root.path()), Err(KeyError::Open { .. })));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(SecretKey::find_or_make(root.path()), Err(KeyError::Damaged { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"short");
    }

    #[test]
    fn a_version_tells_only_that_a_value_is_the_same() {
        let root = tempfile::tempdir().unwrap();
        let key = SecretKey::find_or_make(root.path()).unwrap();
        let first = version(&key, "main", "A", "hunter2");
        assert_eq!(first, version(&key, "main", "A", "hunter2"));
        for (container, name, value) in
            [("main", "A", "hunter3"), ("main", "B", "hunter2"), ("other", "A", "hunter2"), ("main", "Ah", "unter2")]
        {
            let other = version(&key, container, name, value);
            assert!(other.digest != first.digest && other.key == first.key, "{container} {name}");
        }
        let other = version(&SecretKey([7; LENGTH]), "main", "A", "hunter2");
        assert!(other.key != first.key && other.digest != first.digest);
        assert_eq!(format!("{key:?}"), "SecretKey");
    }
}
