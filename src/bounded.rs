//! Files that are read in whole and may not be large.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// Reads a regular file of at most `bytes_max` bytes.
///
/// # Errors
/// When it cannot be read, is not a regular file (opening a pipe would wait for a writer that may never come), or is larger.
pub fn read_bounded(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::other(format!("it has more than {}", bytes_text(bytes_max)));
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.len() > bytes_max as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    // It may have grown since its length was asked for.
    File::open(path)?.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max { Err(too_large()) } else { Ok(bytes) }
}

/// A size as people write it.
pub fn bytes_text(bytes: usize) -> String {
    match bytes {
        _ if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes >= 1 << 10 && bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

/// Whether a path stays within a directory, by its text and by what its links lead to.
pub fn is_inside(root: &Path, path: &Path) -> bool {
    if let (Ok(root), Ok(path)) = (root.canonicalize(), path.canonicalize()) {
        return path.starts_with(root);
    }
    // What does not exist is judged by its text.
    let plain: PathBuf = root.components().filter(|component| *component != Component::CurDir).collect();
    path.starts_with(plain)
}
