//! `reconcile validate` and `reconcile schema`: what needs no engine.

use super::exit::{self, Exit};
use super::output::Output;
use super::project::Project;
use super::render::problems::{render_problems, render_short};
use super::{ProblemFormat, SchemaArguments, ValidateArguments};
use crate::manifest::Kind;
use crate::schema::{parameter_table, schema_text};

pub(super) fn run(arguments: &ValidateArguments, output: &Output) -> Result<u8, Exit> {
    let project = Project::read(&arguments.directory.directory);
    match arguments.output {
        ProblemFormat::Text => output.print(&render_problems(&project.problems, &project.files, output.data.color)),
        ProblemFormat::Short => output.print(&render_short(&project.problems)),
        ProblemFormat::Json => output.print(&format!("{}\n", serde_json::to_string_pretty(&project.problems)?)),
    }
    if project.errors() > 0 {
        return Ok(exit::INVALID);
    }
    let (files, manifests) = (project.files.len(), project.manifests);
    output.say(&format!("{} in {} valid.", counted(manifests, "manifest"), counted(files, "file")));
    Ok(exit::DONE)
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

pub(super) fn print_schema(arguments: &SchemaArguments, output: &Output) -> Result<u8, Exit> {
    if arguments.parameters {
        output.print(&parameter_table());
        return Ok(exit::DONE);
    }
    if let Some(kind) = arguments.kind {
        output.print(&schema_text(kind));
        return Ok(exit::DONE);
    }
    std::fs::create_dir_all(&arguments.directory)?;
    for kind in Kind::ALL {
        let path = arguments.directory.join(format!("{kind}.json"));
        std::fs::write(&path, schema_text(kind))?;
        output.say(&format!("wrote {}", path.display()));
    }
    Ok(exit::DONE)
}
