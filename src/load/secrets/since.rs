//! Whether a secret has another value than in another revision, where both are in the repository. Nothing else is told of a value, not
//! even a digest: without a key it would be one of the value itself.

use std::collections::BTreeMap;

use super::Wanted;
use crate::desired::SecretVersion;
use crate::desired::inputs::SecretId;
use crate::load::files::Files;
use crate::load::revision::Revision;
use crate::secret::{SECRET_BYTES_MAX, SecretValue};

/// The value that the revision has, and any other.
const SAME: SecretVersion = SecretVersion { key: 0, digest: 0 };
const CHANGED: SecretVersion = SecretVersion { key: 0, digest: 1 };

/// Which secrets have the value that they have in `revision`. Those that are in no file of it, or in no readable one now, are left out.
pub fn versions_since(revision: &Revision, files: &Files, wanted: &[Wanted]) -> BTreeMap<SecretId, SecretVersion> {
    let versions = wanted.iter().filter_map(|secret| {
        let before = committed(revision, secret)?;
        let now = part(secret, files.read(&secret.path()?, SECRET_BYTES_MAX).ok()?)?;
        Some((secret.id.clone(), if before == now { SAME } else { CHANGED }))
    });
    versions.collect()
}

fn committed(revision: &Revision, secret: &Wanted) -> Option<SecretValue> {
    part(secret, revision.read_committed(&secret.path()?, SECRET_BYTES_MAX)?)
}

/// What the manifest asks for of the content of its file.
fn part(secret: &Wanted, bytes: Vec<u8>) -> Option<SecretValue> {
    let value = SecretValue::new(bytes).ok()?;
    match &secret.reference.json_key {
        Some(key) => value.entry(key).ok(),
        None => Some(value),
    }
}
