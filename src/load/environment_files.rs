//! The environment files that task definitions name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::desired::inputs::{path_beside, variables_of};
use crate::document::File;
use crate::load::files::{Files, is_of_clone};
use crate::manifest::{EnvironmentFileType, Located, TaskDefinition};
use crate::problem::{Code, Place, Problem};

/// The most bytes of one environment file. ECS has no limit of its own; an environment that is larger cannot be given to a program.
const FILE_BYTES_MAX: usize = 1 << 20;

/// The most bytes of all environment files together.
const FILES_BYTES_MAX: usize = 64 << 20;

/// The longest line. Source: the ECS agent, which reads no further; the kernel takes twice as much.
const LINE_BYTES_MAX: usize = 64 << 10;

/// An environment file that a manifest names.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where it is.
    pub path: PathBuf,
    /// Whether the manifest gave it as an absolute path.
    is_absolute: bool,
    /// Where the manifest names it.
    place: Place,
}

/// The environment files that `definitions` name, each as often as it is named.
pub fn wanted_files(definitions: &[Located<TaskDefinition>]) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for located in definitions {
        for (index, container) in located.manifest.spec.container_definitions.iter().enumerate() {
            for (item, file) in container.environment_files.iter().enumerate() {
                match file.kind {
                    EnvironmentFileType::S3 => {}
                    EnvironmentFileType::File => wanted.push(Wanted {
                        path: path_beside(located.document.file().name(), &file.value),
                        is_absolute: Path::new(&file.value).is_absolute(),
                        place: located
                            .place_of(&format!("/spec/containerDefinitions/{index}/environmentFiles/{item}/value")),
                    }),
                }
            }
        }
    }
    wanted
}

/// Reads the files, each once. What cannot be read is a problem at every place that names it.
pub fn read_files(
    files: &Files,
    root: &Path,
    wanted: &[Wanted],
    problems: &mut Vec<Problem>,
) -> BTreeMap<PathBuf, Arc<File>> {
    let mut read: BTreeMap<PathBuf, Result<Arc<File>, Box<Problem>>> = BTreeMap::new();
    let mut total = 0;
    for Wanted { path, is_absolute, place } in wanted {
        let inside = if *is_absolute { Ok(()) } else { check_inside(files, root, path) };
        let outcome = inside.and_then(|()| {
            let file = read.entry(path.clone()).or_insert_with(|| read_file(files, path, &mut total).map(Arc::new));
            file.as_ref().map(|_| ()).map_err(Clone::clone)
        });
        if let Err(problem) = outcome {
            // What is wrong inside the file has its own place.
            problems.push(if problem.place.is_some() {
                problem.with_related("the file is named here", place.clone())
            } else {
                problem.with_place(place.clone())
            });
        }
    }
    read.into_iter().filter_map(|(path, file)| Some((path, file.ok()?))).collect()
}

/// Refuses a relative path that leads out of the directory of manifests.
fn check_inside(files: &Files, root: &Path, path: &Path) -> Result<(), Box<Problem>> {
    if files.is_inside(root, path) {
        return Ok(());
    }
    let message = format!("`{}` is outside of the directory of manifests, {}", path.display(), root.display());
    let problem = Problem::error(Code::NotAllowed, message)
        .with_help("put the file into that directory, or give its absolute path if it is meant to be elsewhere");
    Err(Box::new(problem))
}

fn read_file(files: &Files, path: &Path, total: &mut usize) -> Result<File, Box<Problem>> {
    let shown = path.display().to_string();
    let refuse = |code, message: String| Box::new(Problem::error(code, message));
    let bytes = files.read(path, FILE_BYTES_MAX).map_err(|error| {
        let code = if is_of_clone(&error) { Code::NotInClone } else { Code::Unreadable };
        refuse(code, format!("the environment file {shown} cannot be read: {error}"))
    })?;
    *total += bytes.len();
    if *total > FILES_BYTES_MAX {
        let message = format!("the environment files together have more than {} MiB", FILES_BYTES_MAX >> 20);
        return Err(refuse(Code::Limit, message));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        refuse(Code::NotUtf8, format!("line {line} of the environment file {shown} is not UTF-8"))
    })?;
    let file = File::new(shown, text);
    check_lines(&file)?;
    Ok(file)
}

/// Refuses what no environment can hold.
fn check_lines(file: &File) -> Result<(), Box<Problem>> {
    for variable in variables_of(file.text()) {
        let start = variable.bytes.start;
        let refuse =
            |code, message: String| Err(Box::new(Problem::error(code, message).with_place(file.place(start..start))));
        if variable.bytes.len() >= LINE_BYTES_MAX {
            let message = format!("the line has more than the {} KiB that ECS reads", LINE_BYTES_MAX >> 10);
            return refuse(Code::Limit, message);
        }
        if file.text()[variable.bytes].contains('\0') {
            return refuse(Code::Malformed, "the line holds a NUL character, which no environment can".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
