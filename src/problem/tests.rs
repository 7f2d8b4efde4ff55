//! Every page about a code: its wrong example has that code and no other, its right one has nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::cli::project::{Project, Reading};
use crate::cli::render::problems::render_short;
use crate::load::secrets::Need;
use crate::secret::{Providers, Secrets};
use crate::state::Directories;

/// What only a running engine or another Git revision can tell: the manifests by themselves are right.
const TOLD_ELSEWHERE: [Code; 4] = [Code::DeploymentFailed, Code::HeldBack, Code::NotInClone, Code::InvalidBase];

/// The example under a heading: its language and its text.
fn example<'a>(page: &'a str, heading: &str) -> (&'a str, &'a str) {
    let (_, rest) = page.split_once(&format!("## {heading}\n\n```")).expect("the page has this example");
    let (language, rest) = rest.split_once('\n').expect("an example begins on a line of its own");
    let (text, _) = rest.split_once("```\n").expect("an example ends");
    (language, text)
}

/// What the example leaves out: the cluster, the task definition and the service that it stands among.
fn surroundings(text: &str) -> String {
    let mut rest = String::new();
    if text.contains("kind: Cluster") {
        return rest;
    }
    for (kind, name, spec) in [
        ("Cluster", "shop", "{}"),
        (
            "TaskDefinition",
            "web",
            "{ containerDefinitions: [{ name: web, image: 'shop/web:1.4', healthCheck: { command: [CMD, /check] } }] }",
        ),
        (
            "Service",
            "web",
            "{ cluster: shop, taskDefinition: web, deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100 } }",
        ),
    ] {
        // One that has no name, or that nobody is to use.
        let is_alone =
            text.contains("containerDefinitions") && !text.contains("name: web }\n") && !text.contains("family");
        if kind == "Service" && is_alone {
            continue;
        }
        let is_there = text.contains(&format!("kind: {kind}\n"));
        if !is_there && (kind != "TaskDefinition" || !text.contains("containerDefinitions")) {
            writeln!(rest, "---\napiVersion: reconcile/v1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec: {spec}")
                .expect("a String takes any text");
        }
    }
    rest
}

fn write(directory: &Path, language: &str, text: &str) {
    if language == "sh" {
        let status =
            Command::new("sh").args(["-e", "-c", text]).current_dir(directory).status().expect("there is a shell");
        assert!(status.success(), "{text}");
        return;
    }
    let manifests = directory.join("deploy");
    fs::create_dir(&manifests).expect("a directory in our own");
    // What somebody types is shown and not done: it is about more than manifests.
    if language == "console" {
        return fs::write(manifests.join("b.yaml"), surroundings("")).expect("a file in our own directory");
    }
    fs::write(manifests.join(format!("a.{language}")), text).expect("a file in our own directory");
    let rest = surroundings(text);
    if !rest.is_empty() {
        fs::write(manifests.join("b.yaml"), rest).expect("a file in our own directory");
    }
}

fn problems_of(code: Code, heading: &str) -> Vec<Problem> {
    let (language, text) = example(code.page(), heading);
    let directory = TempDir::with_prefix("reconcile-page-").expect("a temporary directory");
    write(directory.path(), language, text);
    let directories = Directories { state: directory.path().join("state"), runtime: directory.path().join("runtime") };
    let secrets = Arc::new(Secrets::new(Providers::default(), directories));
    let needs = [(Code::SecretUnavailable, Need::Values), (Code::SecretNotCompared, Need::Comparison)];
    let need = needs.into_iter().find(|(of, _)| *of == code).map_or(Need::Nothing, |(_, need)| need);
    Project::read(&directory.path().join("deploy"), &Reading { secrets, need, since: None }).with_advice().problems
}

#[test]
fn the_examples_of_every_page_are_wrong_and_right() {
    let mut offences = String::new();
    for code in Code::ALL {
        let wrong = problems_of(*code, "Wrong");
        let found: BTreeSet<Code> = wrong.iter().map(|problem| problem.code).collect();
        let expected: &[Code] = if TOLD_ELSEWHERE.contains(code) { &[] } else { &[*code] };
        if found != expected.iter().copied().collect() {
            writeln!(offences, "{code} Wrong:\n{}", render_short(&wrong)).expect("a String takes any text");
        }
        let right = problems_of(*code, "Right");
        if !right.is_empty() {
            writeln!(offences, "{code} Right:\n{}", render_short(&right)).expect("a String takes any text");
        }
    }
    assert!(offences.is_empty(), "{offences}");
}

#[test]
fn every_code_has_one_page_and_every_page_a_code() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/problem/pages");
    let names: BTreeSet<String> = fs::read_dir(directory)
        .expect("the directory is part of the repository")
        .map(|entry| entry.expect("the directory is readable").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, Code::ALL.iter().map(|code| format!("{code}.md")).collect());
}

#[test]
fn a_code_is_found_however_it_is_written() {
    for text in ["RC101", "rc101", "101"] {
        assert_eq!(text.parse(), Ok(Code::UnknownField), "{text}");
    }
    for text in ["", "RC", "RC999", "unknown"] {
        assert!(text.parse::<Code>().is_err(), "{text}");
    }
}
