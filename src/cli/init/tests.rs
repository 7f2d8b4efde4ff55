use clap::Parser;

use super::super::Arguments;
use super::*;
use crate::cli::project::{Project, Reading};
use crate::cli::render::problems::render_short;
use crate::load::secrets::Need;
use crate::secret::{Providers, Secrets};
use crate::state::Directories;

fn init(directory: &Path) -> Result<u8, Exit> {
    run(&InitArguments { directory: directory.to_owned() }, &Output::new())
}

#[test]
fn what_is_written_is_valid_and_worth_no_advice() {
    let outside = tempfile::TempDir::new().expect("a temporary directory");
    let directory = outside.path().join("shop");
    assert_eq!(init(&directory).ok(), Some(exit::DONE));
    let secrets = Secrets::new(Providers::default(), Directories::of_this_process());
    let reading = Reading { secrets: std::sync::Arc::new(secrets), need: Need::Nothing, since: None };
    let project = Project::read(&directory.join("manifests"), &reading).with_advice();
    assert!(project.problems.is_empty(), "{}", render_short(&project.problems));
    assert_eq!(project.manifests, 3);
}

#[test]
fn every_modeline_leads_to_a_schema() {
    for (path, text) in files().iter().filter(|(path, _)| path.starts_with("manifests/") && !path.contains(".schema")) {
        let first = text.lines().next().unwrap_or_default();
        let target = first.strip_prefix("# yaml-language-server: $schema=").expect("it begins with a modeline");
        assert!(files().iter().any(|(other, _)| *other == format!("manifests/{target}")), "{path}: {target}");
    }
}

#[test]
fn the_workflow_uses_only_commands_that_exist() {
    let lines = include_str!("workflow.yaml").lines();
    let commands: Vec<&str> = lines.filter_map(|line| line.trim().strip_prefix("run: reconcile ")).collect();
    assert_eq!(commands.len(), 2);
    for command in commands {
        let command = command.replace('"', "").replace("$GITHUB_BASE_REF", "main");
        let words = std::iter::once("reconcile").chain(command.split_whitespace());
        assert!(Arguments::try_parse_from(words).is_ok(), "{command}");
    }
}

#[test]
fn nothing_is_overwritten() {
    for (path, _) in files() {
        let directory = tempfile::TempDir::new().expect("a temporary directory");
        let own = directory.path().join(path);
        fs::create_dir_all(own.parent().expect("it is below the directory")).expect("a directory in our own");
        fs::write(&own, "mine").expect("a file in our own directory");
        let refused = init(directory.path()).expect_err("it is there already");
        assert_eq!(refused.code, exit::REFUSED);
        assert!(refused.message().contains(path), "{}", refused.message());
        assert_eq!(fs::read_to_string(&own).expect("it is still there"), "mine");
        let written = files().iter().filter(|(other, _)| directory.path().join(other).exists()).count();
        assert_eq!(written, 1, "nothing else was written");
    }
}
