//! `reconcile init`: a directory to begin with. Nothing that is there is touched.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{self, Exit};
use super::output::Output;
use crate::schema::combined_schema_text;

const AFTER_HELP: &str = "\
It writes manifests/cluster.yaml, manifests/web.yaml, the schema that an editor checks them with (manifests/.schema/, which is not read as
manifests), and a workflow that checks pull requests (.github/workflows/reconcile.yaml). Where one of them is there already, nothing is written.";

/// Writes a directory to begin with.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct InitArguments {
    /// The directory of the project, which is made where it does not exist.
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
}

pub(super) fn run(arguments: &InitArguments, output: &Output) -> Result<u8, Exit> {
    let directory = &arguments.directory;
    let files = files();
    // A link that leads to nothing is there, too.
    let is_there = |path: &PathBuf| path.symlink_metadata().is_ok();
    let present: Vec<_> = files.iter().map(|(path, _)| directory.join(path)).filter(is_there).collect();
    if !present.is_empty() {
        let present = present.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(Exit::because(exit::REFUSED, format!("nothing is overwritten, and there is already: {present}")));
    }
    for (path, text) in &files {
        let path = directory.join(path);
        write_new(&path, text)?;
        output.say(&format!("wrote {}", path.display()));
    }
    let manifests = directory.join("manifests");
    let next =
        if directory == Path::new(".") { "reconcile".to_owned() } else { format!("reconcile {}", manifests.display()) };
    output.say(&format!("Change the image in {}, then: {next} --dry-run", manifests.join("web.yaml").display()));
    Ok(exit::DONE)
}

/// What is written, below the directory of the project.
fn files() -> [(&'static str, String); 4] {
    [
        ("manifests/cluster.yaml", include_str!("init/cluster.yaml").to_owned()),
        ("manifests/web.yaml", include_str!("init/web.yaml").to_owned()),
        ("manifests/.schema/reconcile.schema.json", combined_schema_text()),
        (".github/workflows/reconcile.yaml", include_str!("init/workflow.yaml").to_owned()),
    ]
}

/// Writes a file that must not be there, also when somebody makes it at this very moment.
fn write_new(path: &Path, text: &str) -> Result<(), Exit> {
    if let Some(around) = path.parent() {
        fs::create_dir_all(around)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|error| Exit::because(exit::RUNTIME, format!("{} cannot be written: {error}", path.display())))?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests;
