//! Why somebody asked for the end of a task, noted where the next command finds it.
//!
//! A container tells how it ended and not on whose wish, and its labels cannot be changed. So the wish is a small file in the state directory. It
//! is history and no truth: where it is missing, the end is told as it looks.

use std::path::PathBuf;
use std::time::Duration;

use crate::plan::expire::ENDED_KEPT;
use crate::state::Directories;
use crate::value::TaskId;

/// The reason where nobody gives one. Source: ECS.
pub(super) const REASON_DEFAULT: &str = "Task stopped by user";

/// The longest reason, in characters. Source: ECS `StopTask`.
pub(super) const REASON_LENGTH_MAX: usize = 255;

/// How long a note stays: the task that it is about is gone by then.
const KEPT: Duration = ENDED_KEPT.saturating_mul(2);

/// Where the notes are.
fn directory() -> PathBuf {
    Directories::of_this_process().state.join("stopped")
}

/// Notes why a task is asked to end. Where it cannot be noted, it is not: the task ends all the same.
pub(super) fn write(id: TaskId, reason: &str) {
    let directory = directory();
    let written = std::fs::create_dir_all(&directory).and_then(|()| {
        forget_old(&directory)?;
        std::fs::write(directory.join(id.to_string()), reason)
    });
    if let Err(error) = written {
        tracing::debug!(%error, "a reason could not be noted");
    }
}

/// Why a task was asked to end, if that was noted.
pub(super) fn read(id: TaskId) -> Option<String> {
    std::fs::read_to_string(directory().join(id.to_string())).ok()
}

fn forget_old(directory: &std::path::Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let age = entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > KEPT) {
            // Somebody else may have been faster.
            let _ = std::fs::remove_file(entry.path());
        }
    }
    Ok(())
}
