//! The images of the simulated host, and a small registry.
//!
//! Every content has a number; the id of an image is made from its name and that number. A host and a registry may mean different
//! contents by one name, as when somebody builds or pushes a tag anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::Simulated;
use super::behaviour::Image;
use crate::image::{ImageId, ObservedImage, Platform, Reference};
use crate::observed::ObservedState;
use crate::plan::{Effect, Failure, FailureKind, NewContainer, Outcome};

/// What the host has and what the registry has.
#[derive(Debug, Clone, Default)]
pub(super) struct Images {
    said: BTreeMap<String, Image>,
    said_of_others: Image,
    /// What a name means on the host, where it is not the first content of all.
    local: BTreeMap<String, Content>,
    /// What a name means in the registry, likewise.
    remote: BTreeMap<String, u32>,
    contents_made: u32,
    /// Contents that the host does not have any more.
    gone: BTreeSet<ImageId>,
    platforms: BTreeMap<String, Platform>,
    seeded: BTreeMap<String, ObservedImage>,
}

/// A content.
#[derive(Debug, Clone, Copy, Default)]
struct Content {
    number: u32,
    /// Whether the registry knows it.
    is_remote: bool,
}

impl Images {
    fn said(&self, name: &str) -> Image {
        self.said.get(name).copied().unwrap_or(self.said_of_others)
    }

    /// What the host has under a name or id.
    fn find(&self, name: &str) -> Option<ObservedImage> {
        if name.starts_with("sha256:") {
            let id = ImageId::new(name);
            let (platform, host) = (host_platform(), Some(host_platform()));
            return (!self.gone.contains(&id)).then_some(ObservedImage { id, digests: Vec::new(), platform, host });
        }
        if self.said(name) != Image::Present {
            return None;
        }
        if let Some(seeded) = self.seeded.get(name) {
            return Some(seeded.clone());
        }
        let content = self.local.get(name).copied().unwrap_or_default();
        let id = id_of(name, content.number);
        if self.gone.contains(&id) {
            return None;
        }
        let repository = Reference::split(name).repository;
        let digests = content.is_remote.then(|| format!("{repository}@{id}"));
        let platform = self.platforms.get(name).cloned().unwrap_or_else(host_platform);
        Some(ObservedImage { id, digests: digests.into_iter().collect(), platform, host: Some(host_platform()) })
    }

    fn next_content(&mut self) -> u32 {
        self.contents_made += 1;
        self.contents_made
    }

    fn pull(&mut self, name: &str) -> Outcome {
        if let Some((_, digest)) = name.split_once('@') {
            // Here a digest is the id of its image.
            self.gone.remove(&ImageId::new(digest));
            return Outcome::Done(Effect::Pulled);
        }
        match self.said(name) {
            Image::Missing => {
                let message = format!("manifest for {name} not found");
                Outcome::Failed(Failure { kind: FailureKind::ImageMissing, message })
            }
            Image::Present | Image::Pullable => {
                let number = self.remote.get(name).copied().unwrap_or_default();
                self.gone.remove(&id_of(name, number));
                self.local.insert(name.to_owned(), Content { number, is_remote: true });
                self.said.insert(name.to_owned(), Image::Present);
                Outcome::Done(Effect::Pulled)
            }
        }
    }
}

fn host_platform() -> Platform {
    Platform::new("linux", "amd64")
}

fn id_of(name: &str, content: u32) -> ImageId {
    let hash = Sha256::digest(format!("{name}#{content}"));
    let mut id = "sha256:".to_owned();
    for byte in hash {
        write!(id, "{byte:02x}").expect("a text takes everything");
    }
    ImageId::new(&id)
}

impl Simulated {
    /// Says whether the engine has an image.
    pub fn set_image(&mut self, name: &str, image: Image) {
        self.images.said.insert(name.to_owned(), image);
    }

    /// Says whether the engine has the images of which nothing else is said.
    pub fn set_default_image(&mut self, image: Image) {
        self.images.said_of_others = image;
    }

    /// Says what an image is made for.
    pub fn set_image_platform(&mut self, name: &str, platform: Platform) {
        self.images.platforms.insert(name.to_owned(), platform);
    }

    /// Somebody builds an image on the host: the name means another content from now on, of which no registry knows.
    pub fn build_image(&mut self, name: &str) -> ImageId {
        let number = self.images.next_content();
        self.images.said.insert(name.to_owned(), Image::Present);
        self.images.local.insert(name.to_owned(), Content { number, is_remote: false });
        id_of(name, number)
    }

    /// Somebody pushes an image to the registry: the name means another content there from now on.
    pub fn push_image(&mut self, name: &str) -> ImageId {
        let number = self.images.next_content();
        self.images.remote.insert(name.to_owned(), number);
        id_of(name, number)
    }

    /// Somebody removes an image from the host, with every name that it has.
    pub fn remove_image(&mut self, id: &ImageId) {
        self.images.gone.insert(id.clone());
    }

    /// Removes images, each only while its name means this id and no container was made from it. Says of those that are not there any
    /// more whether they were removed now.
    pub fn remove_unused_images(&mut self, images: &[(String, ImageId)]) -> Vec<(String, bool)> {
        let is_used = |id: &ImageId| {
            let identities = self.containers.values().filter_map(|container| container.identity.as_ref());
            identities.filter_map(|identity| identity.image.as_ref()).any(|pin| pin.id == *id)
        };
        let unused: Vec<_> = images.iter().filter(|(_, id)| !is_used(id)).cloned().collect();
        let remove = |(name, id): (String, ImageId)| {
            let is_same = self.images.find(&name).is_some_and(|image| image.id == id);
            (name, is_same && self.images.gone.insert(id))
        };
        unused.into_iter().map(remove).collect()
    }

    /// What image there is under a reference, or of an id.
    pub fn look_up_image(&self, reference: &str) -> Option<ObservedImage> {
        self.images.find(reference)
    }

    /// The names of the images that the engine is known to have.
    pub fn image_names(&self) -> Vec<String> {
        let present = self.images.said.iter().filter(|(_, image)| **image == Image::Present);
        present.map(|(name, _)| name.clone()).collect()
    }

    /// The registry has every image for every platform.
    pub(super) fn pull_image(&mut self, name: &str, platform: Option<&Platform>) -> Outcome {
        let outcome = self.images.pull(name);
        if let (Outcome::Done(_), Some(platform)) = (&outcome, platform) {
            self.images.platforms.insert(name.to_owned(), platform.clone());
        }
        outcome
    }

    /// Why a container cannot be made: its image is not there.
    pub(super) fn find_missing_image(&self, new: &NewContainer) -> Option<Failure> {
        let message = format!("No such image: {}", new.image());
        self.images.find(new.image()).is_none().then_some(Failure { kind: FailureKind::ImageMissing, message })
    }

    /// Takes up what is known of images. What is not there can be had: a forecast tells how it goes when all goes well.
    pub(super) fn seed_images(&mut self, observed: &ObservedState) {
        for (name, fact) in &observed.images {
            let said = if fact.image.is_some() { Image::Present } else { Image::Pullable };
            self.images.said.insert(name.clone(), said);
            if let Some(image) = &fact.image {
                self.images.seeded.insert(name.clone(), image.clone());
            }
        }
    }
}
