//! `reconcile validate` and `reconcile schema`: what needs no engine.

use std::path::Path;
use std::sync::Arc;

use super::exit::{self, Exit, Outcome};
use super::fix;
use super::output::Output;
use super::project::{Project, Reading};
use super::publish::Publisher;
use super::render::plan::Look;
use super::render::report::schema::Printed;
use super::render::report::{Format, Report};
use super::{SchemaArguments, ValidateArguments};
use crate::load::secrets::Need;
use crate::manifest::Kind;
use crate::problem::Problem;
use crate::schema::{combined_schema_text, parameter_table, schema_text};
use crate::secret::{Providers, Secrets};
use crate::state::Directories;

pub(super) fn run(arguments: &ValidateArguments, output: &Output) -> Result<u8, Exit> {
    // Values are not needed to say whether the manifests are right.
    let secrets = Arc::new(Secrets::new(Providers::default(), Directories::of_this_process()));
    let reading = Reading { secrets, need: Need::Nothing, since: None };
    if arguments.fix {
        fix::run(&arguments.directory.directory, output)?;
    }
    let project = Project::read(&arguments.directory.directory, &reading).with_advice();
    let (outcome, exit_code) =
        if project.errors() > 0 { (Outcome::Invalid, exit::INVALID) } else { (Outcome::Done, exit::DONE) };
    let publisher = Publisher::new(&arguments.reports, arguments.output, Look::default(), output)?;
    publisher.publish(&Report {
        outcome,
        exit_code,
        directory: &arguments.directory.directory.display().to_string(),
        problems: &project.problems,
        files: &project.files,
        documents: &project.documents,
        plan: None,
        failure: None,
        paths: publisher.paths(),
    })?;
    if matches!(arguments.output, None | Some(Format::Text)) {
        say_how_to_go_on(&project.problems, &arguments.directory.directory, output);
    }
    if project.errors() > 0 {
        return Ok(exit_code);
    }
    let (files, manifests) = (project.files.len(), project.manifests);
    output.say(&format!("{} in {} valid.", counted(manifests, "manifest"), counted(files, "file")));
    Ok(exit::DONE)
}

/// Names the commands that help with problems.
fn say_how_to_go_on(problems: &[Problem], directory: &Path, output: &Output) {
    if let Some(problem) = problems.first() {
        output.say(&format!("For a longer explanation: reconcile explain {}", problem.code));
    }
    let fixable = fix::count(problems);
    if fixable > 0 {
        output.say(&format!("To repair {fixable} of them:       reconcile validate --fix {}", directory.display()));
    }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

pub(super) fn print_schema(arguments: &SchemaArguments, output: &Output) -> Result<u8, Exit> {
    if arguments.parameters {
        output.print(&parameter_table());
        return Ok(exit::DONE);
    }
    if let Some(described) = arguments.kind {
        output.print(&described.schema_text());
        return Ok(exit::DONE);
    }
    std::fs::create_dir_all(&arguments.directory)?;
    for described in Described::all() {
        let path = arguments.directory.join(format!("{}.json", described.as_str()));
        std::fs::write(&path, described.schema_text())?;
        output.say(&format!("wrote {}", path.display()));
    }
    let path = arguments.directory.join("reconcile.schema.json");
    std::fs::write(&path, combined_schema_text())?;
    output.say(&format!("wrote {}", path.display()));
    Ok(exit::DONE)
}

/// What there is a schema of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Described {
    /// A kind of manifest.
    Manifest(Kind),
    /// A document that is printed.
    Printed(Printed),
}

impl Described {
    fn all() -> impl Iterator<Item = Self> {
        Kind::ALL.into_iter().map(Self::Manifest).chain(Printed::ALL.into_iter().map(Self::Printed))
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Manifest(kind) => kind.as_str(),
            Self::Printed(printed) => printed.as_str(),
        }
    }

    fn schema_text(self) -> String {
        match self {
            Self::Manifest(kind) => schema_text(kind),
            Self::Printed(printed) => printed.schema_text(),
        }
    }
}

/// Upper and lower case are the same.
pub(super) fn parse_described(text: &str) -> Result<Described, String> {
    let known = || Described::all().map(Described::as_str).collect::<Vec<_>>().join(", ");
    Described::all()
        .find(|described| described.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| format!("`{text}` is not a kind; the kinds are {}", known()))
}
