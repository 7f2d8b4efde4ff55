//! What the engine has under an image reference, and what the host is.

use bollard::query_parameters::RemoveImageOptions;
use serde::Deserialize;

use super::connection::{Call, CallError, Connection};
use super::query;
use crate::image::{ImageId, ObservedImage, Platform};

/// An answer takes 1 ms; beside a storm of starts or on a disk that is full, seconds.
pub(super) const LOOK_UP: Call = Call::new("look up image", 30);
const REMOVE: Call = Call::new("remove image", 5 * 60);
const USERS: Call = Call::new("list the containers of an image", 30);
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

/// Removes images, never by force: the engine keeps what a container refers to, and only a name goes that has not come to mean another
/// image. Says of those that are not there any more whether they were removed now.
pub(super) async fn remove(connection: &Connection, images: &[(String, ImageId)]) -> Vec<(String, bool)> {
    let mut removed = Vec::new();
    for (reference, id) in images {
        let found = look_up(connection, reference).await;
        match found.map(|found| found.is_some_and(|image| image.id == *id)) {
            Ok(true) => match remove_one(connection, reference, id).await {
                Ok(true) => removed.push((reference.clone(), true)),
                Ok(false) => {}
                Err(error) => tracing::debug!(reference, %error, "an image stays"),
            },
            // It is gone already, or it is another one now, which we have not fetched.
            Ok(false) => removed.push((reference.clone(), false)),
            Err(error) => tracing::debug!(reference, %error, "an image could not be looked up"),
        }
    }
    removed
}

/// Removes an image that no container refers to, be it ours or not. Of an image with several names the engine itself would take one away
/// although a container refers to it.
async fn remove_one(connection: &Connection, reference: &str, id: &ImageId) -> Result<bool, CallError> {
    let filters = serde_json::json!({ "ancestor": [id.0] }).to_string();
    let users = connection.get(USERS, &query("/containers/json", &[("all", "1"), ("filters", &filters)])).await?;
    let users: Vec<serde::de::IgnoredAny> =
        serde_json::from_slice(&users).map_err(|error| CallError::Unreadable(error.to_string()))?;
    if !users.is_empty() {
        return Ok(false);
    }
    let options = RemoveImageOptions { force: false, noprune: false, platforms: None };
    let removed = async { Ok(connection.client()?.remove_image(reference, Some(options), None).await?) };
    REMOVE.within(removed).await.map(|_| true)
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
