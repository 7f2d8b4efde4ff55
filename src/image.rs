//! Images: what a reference says, what an engine has under it, and which image the tasks of a deployment are made from. Pure.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spelling::{are_alike, likeness};

mod progress;
mod reference;

pub use progress::PullProgress;
pub use reference::{Reference, ReferenceError};

/// When an image is fetched (ECS: the agent's setting `ECS_IMAGE_PULL_BEHAVIOR`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum PullBehavior {
    /// Once for each deployment, before its first task; where that fails, the image that the host has is used.
    Default,
    /// Before each task that is new; where that fails, the task does not start.
    Always,
    /// When it was never fetched on this host before.
    Once,
    /// Only when the host does not have it.
    #[default]
    PreferCached,
}

impl PullBehavior {
    /// As written in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Always => "always",
            Self::Once => "once",
            Self::PreferCached => "prefer-cached",
        }
    }
}

/// Whether all tasks of a deployment are made from one image (ECS `versionConsistency`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum VersionConsistency {
    /// The first task of a deployment looks up what the tag means; all later ones are made from the same image.
    #[default]
    Enabled,
    /// Each task is made from what the tag means at that moment.
    Disabled,
}

impl VersionConsistency {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// As written in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }
}

/// The engine's id of an image, `sha256:…`: the hash of its content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageId(pub Arc<str>);

impl ImageId {
    /// Wraps the engine's text.
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The first twelve characters of the hash: what people read, and what `docker images` prints.
    pub fn short(&self) -> &str {
        let hash = self.0.rsplit(':').next().unwrap_or(&self.0);
        hash.get(..12).unwrap_or(hash)
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The image from which every task of a deployment is made. It stands in the labels of their containers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImagePin {
    /// The image on this host.
    pub id: ImageId,
    /// `repository@sha256:…`, by which a registry can be asked for the very same image. An image that was made on this host and
    /// never pushed has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Arc<str>>,
}

impl ImagePin {
    /// Why a task cannot be made any more, and how to go on, when the host has lost an image that no registry can give back.
    pub fn describe_loss(&self, reference: &str) -> String {
        format!(
            "the tasks of this deployment are made from image {} ({reference} when it began), which is not on this host any more and came \
             from no registry. To go on with what {reference} means now, begin a new deployment (change the task definition, such as its \
             tag), or set `versionConsistency: disabled`",
            self.id.short()
        )
    }
}

/// An operating system and a processor, as Docker names them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// `amd64`, `arm64`.
    pub architecture: String,
}

impl Platform {
    /// A platform by Docker's names. The kernel's names of processors are understood as well.
    pub fn new(os: &str, architecture: &str) -> Self {
        let architecture = match architecture {
            "x86_64" | "x86-64" => "amd64",
            "aarch64" => "arm64",
            "i386" | "i686" => "386",
            "armv7l" | "armv6l" | "armhf" => "arm",
            other => other,
        };
        Self { os: os.to_lowercase(), architecture: architecture.to_owned() }
    }

    /// Whether a host of this platform runs programs that are made for `other`. What is not known counts as fit: the engine will tell.
    pub fn can_run(&self, other: &Self) -> bool {
        let os = self.os == other.os || self.os.is_empty() || other.os.is_empty();
        let architecture = match (self.architecture.as_str(), other.architecture.as_str()) {
            // These processors run the programs of their smaller kin.
            ("amd64", "386") | ("arm64", "arm") | (_, "") | ("", _) => true,
            (host, image) => host == image,
        };
        os && architecture
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

/// What an engine has under a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedImage {
    /// Its id.
    pub id: ImageId,
    /// By which names the registries that it came from know it: `repository@sha256:…`.
    pub digests: Vec<String>,
    /// What it is made for.
    pub platform: Platform,
    /// What the host is, where the engine told.
    pub host: Option<Platform>,
}

impl ObservedImage {
    /// What pins the tasks of a deployment to this image, where the manifest says `reference`.
    pub fn pin(&self, reference: &str) -> ImagePin {
        let repository = Reference::split(reference).repository;
        let same = |digest: &&String| digest.split_once('@').is_some_and(|(name, _)| is_same(name, repository));
        ImagePin { id: self.id.clone(), digest: self.digests.iter().find(same).map(|digest| Arc::from(&**digest)) }
    }

    /// The host that cannot run it, if it is known that it cannot.
    pub fn unfit_host(&self) -> Option<&Platform> {
        self.host.as_ref().filter(|host| !host.can_run(&self.platform))
    }
}

/// Whether two repositories are the same: an engine leaves out the name of its default registry, a person may not.
fn is_same(engine: &str, written: &str) -> bool {
    engine == written || written.strip_suffix(engine).is_some_and(|before| before.ends_with('/'))
}

/// How many names come near at most: more would not be read.
const NEAR_MAX: usize = 3;

/// Those of `names` that come near to `missing`, the nearest first: other tags of the same repository before other spellings.
pub fn near_names(missing: &str, names: &[String]) -> Vec<String> {
    let wanted = Reference::split(missing);
    let mut near: Vec<_> = names
        .iter()
        .filter(|name| *name != missing)
        .filter_map(|name| {
            let other = Reference::split(name);
            let tag = likeness(wanted.tag_or_default(), other.tag_or_default());
            Some((repository_likeness(wanted.repository, other.repository)?, tag, name))
        })
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(b.2)));
    near.into_iter().map(|(_, _, name)| name.clone()).take(NEAR_MAX).collect()
}

/// How alike two repositories are, if one may have been meant by the other. One that only stands in another registry or group
/// comes before every other spelling.
fn repository_likeness(wanted: &str, other: &str) -> Option<f32> {
    let last = |repository: &str| repository.rsplit('/').next().map(str::to_owned);
    if wanted != other && last(wanted) == last(other) {
        return Some(0.99);
    }
    are_alike(wanted, other).then(|| likeness(wanted, other))
}

#[cfg(test)]
mod tests;
