//! Which images were fetched on a host, and when: a small file of this machine's user.
//!
//! It is history and never truth: where it is lost or cannot be written, an image whose behaviour is `once` is fetched once more.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::image::ImageId;
use crate::value::Timestamp;

pub mod cleanup;

/// More images than this are not remembered; the oldest are forgotten first. A name has at most 255 characters: half a megabyte.
const IMAGES_MAX: usize = 2000;

/// What was fetched on one engine.
#[derive(Debug)]
pub struct PullHistory {
    path: Option<PathBuf>,
    pulled: BTreeMap<String, Record>,
}

/// What is remembered of an image that was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// When it was fetched last.
    pub at: Timestamp,
    /// When a container of ours was last seen that was made from it.
    pub used_at: Timestamp,
    /// Its id, once a container has been made from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ImageId>,
    /// Whether it may be removed one day.
    pub is_passing: bool,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    pulled: BTreeMap<String, Record>,
}

const VERSION: u32 = 1;

impl PullHistory {
    /// What is remembered of the engine at `endpoint`, in the state directory of the user.
    pub fn open(endpoint: &str) -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        Self::open_in(state_directory(&variable).as_deref(), endpoint)
    }

    /// What is remembered in `directory`; nothing, and for no longer than this process, where there is none.
    pub fn open_in(directory: Option<&Path>, endpoint: &str) -> Self {
        let hash = Sha256::digest(endpoint);
        let name = format!("pulls-{:016x}.json", u64::from_be_bytes(hash[..8].try_into().expect("eight of 32 bytes")));
        let path = directory.map(|directory| directory.join(name));
        let text = path.as_ref().and_then(|path| std::fs::read(path).ok());
        let file = text.and_then(|text| serde_json::from_slice::<File>(&text).ok());
        let pulled = file.filter(|file| file.version == VERSION).map(|file| file.pulled).unwrap_or_default();
        Self { path, pulled }
    }

    /// The images, and when each was fetched last.
    pub fn pulled(&self) -> BTreeMap<String, Timestamp> {
        self.pulled.iter().map(|(image, record)| (image.clone(), record.at)).collect()
    }

    /// All that is remembered.
    pub fn records(&self) -> impl Iterator<Item = (&String, &Record)> {
        self.pulled.iter()
    }

    /// Remembers that an image was fetched, and whether it may be removed one day.
    pub fn note(&mut self, image: &str, at: Timestamp, is_passing: bool) {
        self.pulled.insert(image.to_owned(), Record { at, used_at: at, id: None, is_passing });
        while self.pulled.len() > IMAGES_MAX {
            let oldest = self.pulled.iter().min_by_key(|(_, record)| record.at).map(|(image, _)| image.clone());
            oldest.and_then(|image| self.pulled.remove(&image));
        }
        self.save();
    }

    /// Remembers that a container exists that was made from an image of this name after it was fetched.
    pub fn use_image(&mut self, image: &str, id: &ImageId, made_at: Timestamp, at: Timestamp) {
        if let Some(record) = self.pulled.get_mut(image).filter(|record| made_at >= record.at) {
            record.id.get_or_insert_with(|| id.clone());
            record.used_at = at;
        }
    }

    /// Forgets an image that was removed: it was never fetched.
    pub fn forget(&mut self, image: &str) {
        self.pulled.remove(image);
        self.save();
    }

    fn save(&self) {
        if let Err(error) = self.write() {
            tracing::debug!(%error, "it is not remembered that an image was fetched");
        }
    }

    /// Writes the file beside the old one, and then in its place: a crash leaves one or the other.
    fn write(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let directory = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(directory)?;
        let file = File { version: VERSION, pulled: self.pulled.clone() };
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        std::fs::write(&beside, serde_json::to_vec(&file)?)?;
        std::fs::rename(&beside, path)
    }
}

/// Where this user's state is kept: what we were told, what systemd gives a service, or the usual place.
fn state_directory(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // Of several directories systemd names the first one first.
    let of_service = || {
        let all = variable("STATE_DIRECTORY")?;
        all.split(':').next().filter(|first| !first.is_empty()).map(PathBuf::from)
    };
    let usual = || {
        let home = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")))?;
        Some(home.join("reconcile"))
    };
    set("RECONCILE_STATE_DIR").or_else(of_service).or_else(usual)
}

#[cfg(test)]
mod tests;
