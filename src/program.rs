//! This very program as the content of an image: itself, and what it is linked with.
//!
//! A task with a network of its own needs a container that holds that network. Its image is made from the program that runs here, through
//! the Engine API: no registry, no second artefact, no version skew. A static program is one file. A dynamic one, as a developer builds
//! it, brings the libraries that the kernel has mapped for it, each under its own path, and its interpreter under the path that it asks
//! for.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The path of the program in its image.
pub const PROGRAM_PATH: &str = "/reconcile";

/// What a program image consists of: file names from the root, without the leading slash, and the bytes of each.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Reads this program and what it is linked with.
///
/// # Errors
/// Where there is no `/proc`, or a library has been replaced since the program was started.
pub fn read_own_files() -> io::Result<Files> {
    let program = std::fs::read("/proc/self/exe")?;
    let mut files = Files::new();
    if let Some(interpreter) = interpreter_of(&program) {
        files.insert(relative(&interpreter), std::fs::read(&interpreter)?);
        let maps = std::fs::read_to_string("/proc/self/maps")?;
        let executable = std::env::current_exe()?;
        for library in mapped_libraries(&maps).filter(|library| *library != executable) {
            files.insert(relative(library), std::fs::read(library)?);
        }
    }
    files.insert(relative(Path::new(PROGRAM_PATH)), program);
    Ok(files)
}

fn relative(path: &Path) -> PathBuf {
    path.strip_prefix("/").unwrap_or(path).to_owned()
}

/// The shared objects in the text of `/proc/self/maps`.
fn mapped_libraries(maps: &str) -> impl Iterator<Item = &Path> {
    let paths = maps.lines().filter_map(|line| line.find('/').map(|start| Path::new(&line[start..])));
    paths.filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.contains(".so")
    })
}

/// The program that the kernel starts in place of a dynamic 64-bit ELF program: the dynamic linker. `None` for a static one.
///
/// Source of the layout: `elf(5)`, `Elf64_Ehdr` and `Elf64_Phdr`, little-endian.
fn interpreter_of(program: &[u8]) -> Option<PathBuf> {
    const PT_INTERP: u32 = 3;
    let (table, size, count) = (number(program, 0x20, 8)?, number(program, 0x36, 2)?, number(program, 0x38, 2)?);
    let headers = (0..count).map(|index| table + index * size);
    let header = headers.into_iter().find(|&at| number(program, at, 4) == Some(PT_INTERP as usize))?;
    let (offset, length) = (number(program, header + 0x08, 8)?, number(program, header + 0x20, 8)?);
    let text = program.get(offset..offset.checked_add(length)?)?;
    let text = std::str::from_utf8(text).ok()?.trim_end_matches('\0');
    Some(PathBuf::from(text))
}

/// The little-endian number of `length` bytes at `offset`.
fn number(bytes: &[u8], offset: usize, length: usize) -> Option<usize> {
    let bytes = bytes.get(offset..offset.checked_add(length)?)?;
    let value = bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    usize::try_from(value).ok()
}

#[cfg(test)]
mod tests;
