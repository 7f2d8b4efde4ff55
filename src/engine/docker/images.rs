//! What the engine has under an image reference, and what the host is.

use serde::Deserialize;

use super::connection::{Call, CallError, Connection};
use crate::image::{ImageId, ObservedImage, Platform};

/// An answer takes 1 ms; beside a storm of starts or on a disk that is full, seconds.
pub(super) const LOOK_UP: Call = Call::new("look up image", 30);
const VERSION: Call = Call::new("version", 30);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedImage {
    id: String,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    #[serde(default)]
    os: String,
    #[serde(default)]
    arch: String,
}

/// What there is under `reference`, or of this id; `None` when there is nothing.
pub(super) async fn look_up(connection: &Connection, reference: &str) -> Result<Option<ObservedImage>, CallError> {
    // No image is called otherwise, and what else a text may hold would mean something in an address.
    let can_exist = |c: char| c.is_ascii_alphanumeric() || "_.-:/@".contains(c);
    if reference.is_empty() || !reference.chars().all(can_exist) {
        return Ok(None);
    }
    let answer = match connection.get(LOOK_UP, &format!("/images/{reference}/json")).await {
        Ok(answer) => answer,
        Err(CallError::Refused { status: 404, .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let host = host_platform(connection).await;
    read_image(&answer, host).map(Some).map_err(|error| CallError::Unreadable(error.to_string()))
}

/// What the host is. It is asked once: an engine that is restarted is still on its host. Without an answer nothing is compared.
async fn host_platform(connection: &Connection) -> Option<Platform> {
    if let Some(known) = connection.host_platform.get() {
        return Some(known.clone());
    }
    let answer = connection.get(VERSION, "/version").await.ok()?;
    let Version { os, arch } = serde_json::from_slice(&answer).ok()?;
    Some(connection.host_platform.get_or_init(|| Platform::new(&os, &arch)).clone())
}

/// Reads an image.
pub(super) fn read_image(answer: &[u8], host: Option<Platform>) -> Result<ObservedImage, serde_json::Error> {
    let InspectedImage { id, repo_digests, os, architecture } = serde_json::from_slice(answer)?;
    let platform = Platform::new(&os, &architecture);
    Ok(ObservedImage { id: ImageId::new(&id), digests: repo_digests.unwrap_or_default(), platform, host })
}

#[cfg(test)]
mod tests;
