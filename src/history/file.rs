//! The files of the history: one for each service of an engine, a record on each line.
//!
//! A line is appended in one write. A file that has grown is written anew beside itself and then put in its place, so that a crash
//! leaves one or the other; a line that a crash has torn, or that a newer release wrote, is skipped by whoever reads.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Record, VERSION};
use crate::bounded::read_bounded;
use crate::value::{ClusterName, ServiceName};

/// So many records of deployments are kept of a service, and so many of tasks: what everybody remembers, and a night of a crash loop.
pub const RECORDS_MAX: usize = 100;

/// How many lines a file has at most before it is written anew.
const LINES_MAX: usize = 3 * RECORDS_MAX;

/// A larger file is written anew, and the oldest of its lines go. A record has at most some 20 KiB.
const BYTES_MAX: usize = 512 << 10;

/// A file that somebody else made this large is not read.
const BYTES_READ_MAX: usize = 4 << 20;

/// So many services are remembered of an engine; those go first to which nothing has happened for the longest time.
const FILES_MAX: usize = 500;

/// The names of files show so much of a name; the rest is in their hash.
const NAME_CHARS_MAX: usize = 60;

/// The files of one engine.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
}

impl Store {
    /// The files of the engine at `endpoint` in the state directory `state`. Nothing is made before something is written.
    pub fn new(state: &Path, endpoint: &str) -> Self {
        Self { directory: state.join("history").join(hash(endpoint)) }
    }

    /// Where the files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is known of a service, the oldest first.
    pub fn read(&self, cluster: &ClusterName, service: &ServiceName) -> Vec<Record> {
        let of_it = |record: &Record| record.cluster == *cluster && record.service == *service;
        sorted(read_lines(&self.path(cluster, service)).iter().filter_map(|line| parse(line)).filter(of_it).collect())
    }

    /// Everything that is known, the oldest first.
    ///
    /// # Errors
    /// When the directory is there and cannot be read: it may be another user's.
    pub fn read_all(&self) -> io::Result<Vec<Record>> {
        let files = match std::fs::read_dir(&self.directory) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let paths = files.flatten().map(|file| file.path()).filter(|path| is_ours(path));
        let lines = paths.flat_map(|path| read_lines(&path));
        Ok(sorted(lines.filter_map(|line| parse(&line)).collect()))
    }

    /// Adds a record.
    ///
    /// # Errors
    /// When it cannot be written. What was there before stays.
    pub fn append(&self, record: &Record) -> io::Result<()> {
        let path = self.path(&record.cluster, &record.service);
        let mut line = serde_json::to_string(record)?;
        let before = std::fs::metadata(&path).ok();
        if before.is_none() {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
            self.make_room();
        }
        let lines = if before.is_some() { read_lines(&path) } else { Vec::new() };
        let bytes = before.map_or(0, |file| file.len());
        if lines.len() >= LINES_MAX || bytes > BYTES_MAX as u64 {
            return write_anew(&path, lines, line);
        }
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        // What a crash has torn ends here, or it would spoil this line too.
        if bytes > 0 && !ends_well(&path)? {
            line.insert(0, '\n');
        }
        line.push('\n');
        file.write_all(line.as_bytes())
    }

    /// Lets the oldest files go, that there is room for one more.
    fn make_room(&self) {
        let Ok(files) = std::fs::read_dir(&self.directory) else { return };
        let mut files: Vec<_> =
            files.flatten().filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path()))).collect();
        files.sort();
        for (_, path) in files.iter().take((files.len() + 1).saturating_sub(FILES_MAX)) {
            let _ = std::fs::remove_file(path);
        }
    }

    fn path(&self, cluster: &ClusterName, service: &ServiceName) -> PathBuf {
        let shown = |name: &str| name.chars().take(NAME_CHARS_MAX).collect::<String>();
        let hash = hash(&format!("{cluster}/{service}"));
        self.directory.join(format!("{}.{}.{hash}.jsonl", shown(cluster.as_str()), shown(service.as_str())))
    }
}

/// Writes the lines that are kept beside the file, and then in its place.
fn write_anew(path: &Path, mut lines: Vec<String>, line: String) -> io::Result<()> {
    lines.push(line);
    let text: String = keep(lines).iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&beside, path)
}

/// The newest lines of each sort. What is not understood here counts as what is told of tasks.
fn keep(lines: Vec<String>) -> Vec<String> {
    let (mut deployments, mut others, mut bytes) = (0, 0, 0);
    let mut kept: Vec<_> = lines
        .into_iter()
        .rev()
        .filter(|line| {
            let is_deployment = parse(line).is_some_and(|record| record.what.is_deployment());
            let count = if is_deployment { &mut deployments } else { &mut others };
            *count += 1;
            bytes += line.len() + 1;
            // Half of what is allowed, or the next line would have it written anew again.
            *count <= RECORDS_MAX && bytes <= BYTES_MAX / 2
        })
        .collect();
    kept.reverse();
    kept
}

fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    // What a log was fetched for is written later than it happened.
    records.sort_by_key(|record| record.at);
    records
}

/// The lines of a file; none, when it cannot be read. A line that is no text is none.
fn read_lines(path: &Path) -> Vec<String> {
    let Ok(bytes) = read_bounded(path, BYTES_READ_MAX) else { return Vec::new() };
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.filter_map(|line| String::from_utf8(line.to_vec()).ok()).collect()
}

fn parse(line: &str) -> Option<Record> {
    serde_json::from_str::<Record>(line).ok().filter(|record| record.version <= VERSION)
}

fn ends_well(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::FileExt;
    let file = File::open(path)?;
    let mut last = [0];
    let end = file.metadata()?.len();
    Ok(end == 0 || file.read_at(&mut last, end - 1)? == 0 || last == [b'\n'])
}

fn is_ours(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl")
}

fn hash(text: &str) -> String {
    let digest = Sha256::digest(text);
    format!("{:016x}", u64::from_be_bytes(digest[..8].try_into().expect("eight of 32 bytes")))
}

#[cfg(test)]
mod tests;
