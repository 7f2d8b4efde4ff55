//! A directory of manifests as documents and problems.
//!
//! What cannot be read is a problem and never "wanted by nobody": a caller that sees an error here removes nothing.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::document::{
    Budget, Chunk, Document, FILE_BYTES_MAX, File, LOAD_NODES_MAX, read_chunk, read_file, split_documents,
};
use crate::problem::{Code, Place, Problem, sort_problems};
use crate::schema::{Validated, validate_documents};

mod directory;
pub mod environment_files;
pub mod files;
pub mod revision;
pub mod secrets;

/// The most bytes of all files together. Twenty thousand documents are some 10 MB.
pub const LOAD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Below this size the threads cost more than they save.
const PARALLEL_BYTES_MIN: usize = 256 * 1024;
/// How much text a thread takes at a time.
const BATCH_BYTES: usize = 64 * 1024;
/// How many documents a thread validates at a time.
const VALIDATED_BATCH: usize = 256;
/// The most problems that are kept of what one thread takes at a time, and of everything: a file that is no YAML at all
/// can have a million.
const BATCH_PROBLEMS_MAX: usize = 1000;
const LOAD_PROBLEMS_MAX: usize = 10_000;
/// More threads than this no longer make it faster.
const THREADS_MAX: usize = 8;

/// What was found in a directory.
#[derive(Debug)]
pub struct Loaded {
    /// The files, sorted by name.
    pub files: Vec<Arc<File>>,
    /// The documents, in the order of the files and of their text.
    pub documents: Vec<Arc<Document>>,
    /// What is wrong, sorted.
    pub problems: Vec<Problem>,
    /// The same for the same names and bytes: tells whether anything changed.
    pub digest: ContentDigest,
}

/// A hash over the names and the bytes of all files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentDigest([u8; 32]);

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The raw bytes of one file, or the reason why there are none.
struct RawFile {
    name: String,
    bytes: Result<Vec<u8>, Box<Problem>>,
}

/// Reads every manifest under a directory, or one file.
pub fn load_directory(path: &Path) -> Loaded {
    let mut problems = Vec::new();
    let names = directory::list(path, &mut problems);
    let mut total = 0;
    let raw = names
        .into_iter()
        .map(|entry| {
            let bytes = read_bytes(&entry.path, &entry.name, &mut total);
            RawFile { name: entry.name, bytes }
        })
        .collect();
    let shown = path.display().to_string();
    finish(raw, problems, &shown)
}

/// Reads manifests that are already texts: those that were repaired, or of a test.
pub fn load_texts(texts: Vec<(String, String)>) -> Loaded {
    load_bytes(texts.into_iter().map(|(name, text)| (name, text.into_bytes())).collect())
}

/// Reads manifests whose bytes are at hand, whatever they are.
pub fn load_bytes(files: Vec<(String, Vec<u8>)>) -> Loaded {
    let mut raw: Vec<RawFile> = files
        .into_iter()
        .map(|(name, bytes)| RawFile { bytes: check_length(bytes.len() as u64, &name).map(|()| bytes), name })
        .collect();
    raw.sort_by(|a, b| a.name.cmp(&b.name));
    finish(raw, Vec::new(), "the given texts")
}

fn check_length(length: u64, name: &str) -> Result<(), Box<Problem>> {
    if length <= FILE_BYTES_MAX as u64 {
        return Ok(());
    }
    let message = format!("the file has {length} bytes, more than the {} MiB of a manifest", FILE_BYTES_MAX >> 20);
    let problem = Problem::error(Code::Limit, message).with_place(Place::start_of(name.into()));
    Err(Box::new(problem.with_help("split the file")))
}

fn read_bytes(path: &Path, name: &str, total: &mut usize) -> Result<Vec<u8>, Box<Problem>> {
    let unreadable = |error: &io::Error| {
        let problem = Problem::error(Code::Unreadable, format!("the file cannot be read: {error}"));
        Box::new(problem.with_place(Place::start_of(name.into())))
    };
    let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        // Opening a pipe would wait for a writer that may never come.
        let problem = Problem::error(Code::Unreadable, "this is not a regular file, so it is not read");
        return Err(Box::new(problem.with_place(Place::start_of(name.into()))));
    }
    check_length(metadata.len(), name)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    let file = fs::File::open(path).map_err(|error| unreadable(&error))?;
    // The file may have grown since its length was asked for.
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    check_length(bytes.len() as u64, name)?;
    *total += bytes.len();
    if *total > LOAD_BYTES_MAX {
        let message = format!("the manifests together have more than {} MiB", LOAD_BYTES_MAX >> 20);
        return Err(Box::new(Problem::error(Code::Limit, message).with_place(Place::start_of(name.into()))));
    }
    Ok(bytes)
}

fn finish(raw: Vec<RawFile>, mut problems: Vec<Problem>, shown: &str) -> Loaded {
    let mut hash = Sha256::new();
    for problem in &problems {
        hash.update(problem.message.as_bytes());
    }
    let mut files = Vec::with_capacity(raw.len());
    let found_any = !raw.is_empty();
    for RawFile { name, bytes } in raw {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
        match bytes {
            Ok(bytes) => {
                hash.update((bytes.len() as u64).to_le_bytes());
                hash.update(&bytes);
                files.push(decode(name, bytes, &mut problems));
            }
            Err(problem) => {
                hash.update(problem.message.as_bytes());
                problems.push(*problem);
            }
        }
    }
    let budget = Budget::default();
    let chunk = read_files(&files, &budget);
    problems.extend(chunk.problems);
    let mut documents: Vec<Arc<Document>> = chunk.documents.into_iter().map(Arc::new).collect();
    if budget.is_exceeded() {
        // Which document came too late depends on the threads: none of them is shown.
        documents.clear();
        let message = format!("the manifests together hold more than {LOAD_NODES_MAX} values or 100000 documents");
        problems = vec![Problem::error(Code::Limit, message)];
    } else if documents.is_empty() && !problems.iter().any(Problem::is_error) {
        let message = if found_any {
            format!("{shown} holds files, but no manifest is in them")
        } else {
            format!("{shown} holds no manifest: no file that ends in .yaml, .yml or .json")
        };
        problems.push(Problem::error(Code::NoManifests, message).with_help(
            "to remove what runs, use `reconcile delete`: an empty directory is never taken for the wish to remove all",
        ));
    }
    sort_problems(&mut problems);
    limit(&mut problems);
    Loaded { files, documents, problems, digest: ContentDigest(hash.finalize().into()) }
}

/// The text of a file. One that is not UTF-8 is kept for the report, but no document is read from it.
fn decode(name: String, bytes: Vec<u8>, problems: &mut Vec<Problem>) -> Arc<File> {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            let file = File::new(name, String::from_utf8_lossy(&bytes).into_owned());
            let mut problem = Problem::error(Code::NotUtf8, format!("the byte 0x{:02X} is not UTF-8", bytes[at]))
                .with_place(file.place(at..at + char::REPLACEMENT_CHARACTER.len_utf8()));
            if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
                problem = problem.with_help("the file looks like UTF-16: save it as UTF-8");
            }
            problems.push(problem);
            return Arc::new(File::new(Arc::clone(file.name()), String::new()));
        }
    };
    let file = File::new(name, text);
    if file.text().trim_start_matches('\u{feff}').trim().is_empty() {
        let problem = Problem::error(Code::NoManifests, "the file is empty")
            .with_place(file.place(0..0))
            .with_help("an empty file may be one that is just being written; delete it if nothing is wanted");
        problems.push(problem);
    }
    Arc::new(file)
}

/// Reads all files, on several threads when that pays. The result does not depend on their number.
fn read_files(files: &[Arc<File>], budget: &Budget) -> Chunk {
    let mut all = Chunk::default();
    if files.iter().map(|file| file.text().len()).sum::<usize>() < PARALLEL_BYTES_MIN {
        for file in files {
            append(&mut all, read_file(file, budget));
        }
        return all;
    }
    let batches: Vec<(&Arc<File>, Vec<Range<usize>>)> = files.iter().flat_map(batches_of).collect();
    for chunk in in_parallel(&batches, |(file, ranges)| {
        let mut all = Chunk::default();
        for range in ranges {
            append(&mut all, read_chunk(file, range.clone(), budget));
            all.problems.truncate(BATCH_PROBLEMS_MAX);
        }
        all
    }) {
        append(&mut all, chunk);
    }
    all
}

fn append(all: &mut Chunk, chunk: Chunk) {
    all.documents.extend(chunk.documents);
    all.problems.extend(chunk.problems);
}

fn batches_of(file: &Arc<File>) -> Vec<(&Arc<File>, Vec<Range<usize>>)> {
    let mut batches = Vec::new();
    let mut batch: Vec<Range<usize>> = Vec::new();
    let mut size = 0;
    for range in split_documents(file.text()) {
        size += range.len();
        batch.push(range);
        if size >= BATCH_BYTES {
            batches.push((file, std::mem::take(&mut batch)));
            size = 0;
        }
    }
    if !batch.is_empty() {
        batches.push((file, batch));
    }
    batches
}

/// Validates all documents, on several threads when that pays.
pub fn validate_loaded(loaded: &Loaded) -> Validated {
    if loaded.documents.len() < VALIDATED_BATCH {
        return validate_documents(&loaded.documents);
    }
    let batches: Vec<&[Arc<Document>]> = loaded.documents.chunks(VALIDATED_BATCH).collect();
    let mut all = Validated::default();
    for validated in in_parallel(&batches, |batch| validate_documents(batch)) {
        all.append(validated);
    }
    sort_problems(&mut all.problems);
    limit(&mut all.problems);
    all
}

/// Keeps as many problems as anybody could use; the last one says that there are more.
fn limit(problems: &mut Vec<Problem>) {
    if problems.len() > LOAD_PROBLEMS_MAX {
        problems.truncate(LOAD_PROBLEMS_MAX);
        problems.push(Problem::error(Code::Limit, "there are more problems than are listed"));
    }
}

/// Applies a function to every item on as many threads as help, and gives the results in the order of the items.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], function: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX).min(items.len());
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return };
            let result = function(item);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests;
