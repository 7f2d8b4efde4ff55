//! How far the fetch of an image is.

use std::fmt;

/// How far the fetch of an image is. An engine learns the size of a layer only when it begins to fetch it, so totals grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PullProgress {
    /// How many layers are there: fetched and unpacked, or on the host before.
    pub layers_done: usize,
    /// How many layers the image has, as far as that is known.
    pub layers: usize,
    /// How many bytes have been fetched.
    pub bytes_done: u64,
    /// How many bytes there are to fetch, as far as that is known.
    pub bytes: u64,
}

impl fmt::Display for PullProgress {
    /// `3 of 5 layers, 12.1 of 40.3 MB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layers_done, layers, bytes_done, bytes } = *self;
        if layers == 0 {
            return f.write_str("nothing yet");
        }
        write!(f, "{layers_done} of {layers} layers")?;
        if bytes > 0 {
            write!(f, ", {} of {} MB", megabytes(bytes_done), megabytes(bytes))?;
        }
        Ok(())
    }
}

/// Millions of bytes with one decimal, as registries and disks count.
fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}
