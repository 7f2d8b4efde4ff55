//! How far a fetch is, from the lines in which the engine tells of its layers.

use std::collections::BTreeMap;

use crate::image::PullProgress;

/// The layers of an image that is being fetched.
#[derive(Debug, Default)]
pub(super) struct Layers(BTreeMap<String, Layer>);

#[derive(Debug, Default)]
struct Layer {
    is_done: bool,
    fetched: u64,
    size: u64,
}

impl Layers {
    /// Takes in one line: the layer, what is said of it, and how many bytes of how many.
    pub(super) fn take(&mut self, id: Option<&str>, status: Option<&str>, detail: Option<(i64, i64)>) {
        let (Some(id), Some(status)) = (id, status) else { return };
        // The first line names the tag and not a layer.
        if status.starts_with("Pulling from") {
            return;
        }
        let layer = self.0.entry(id.to_owned()).or_default();
        match status {
            "Downloading" => {
                let (current, total) = detail.unwrap_or_default();
                layer.fetched = layer.fetched.max(u64::try_from(current).unwrap_or_default());
                layer.size = layer.size.max(u64::try_from(total).unwrap_or_default()).max(layer.fetched);
            }
            "Verifying Checksum" | "Download complete" | "Extracting" => layer.fetched = layer.size,
            "Pull complete" | "Already exists" => {
                layer.fetched = layer.size;
                layer.is_done = true;
            }
            // Waiting, retrying, or something that a later engine says.
            _ => {}
        }
    }

    /// How far the fetch is.
    pub(super) fn progress(&self) -> PullProgress {
        PullProgress {
            layers_done: self.0.values().filter(|layer| layer.is_done).count(),
            layers: self.0.len(),
            bytes_done: self.0.values().map(|layer| layer.fetched).sum(),
            bytes: self.0.values().map(|layer| layer.size).sum(),
        }
    }
}
