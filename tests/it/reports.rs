//! Reports of the real program: for files, for stdout, and for the platform that it runs on.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::docker::IMAGE_NEXT;
use crate::support::program::{Ended, Program};
use crate::support::shop::{Shop, manifests, service};

/// An engine that is not there.
const NOWHERE: &str = "unix:///nonexistent/engine.sock";

/// Every form that a report may have.
const FORMATS: [&str; 10] =
    ["text", "short", "json", "ndjson", "markdown", "github", "gitlab", "sarif", "junit", "rdjson"];

/// A repository with manifests in `deploy`.
fn repository(text: &str) -> TempDir {
    let directory = TempDir::with_prefix("reconcile-reports-").expect("a temporary directory");
    std::fs::create_dir_all(directory.path().join("deploy")).expect("our own directory");
    std::fs::create_dir(directory.path().join(".git")).expect("our own directory");
    std::fs::write(directory.path().join("deploy/shop.yaml"), text).expect("a file in our own directory");
    directory
}

fn valid() -> TempDir {
    repository(&manifests("shop", &[service("web")]))
}

fn invalid() -> TempDir {
    repository(&manifests("shop", &[service("web").line("desiredCuont: 2")]))
}

fn run(repository: &TempDir, arguments: &[&str]) -> Ended {
    Program::new(arguments).directory(repository.path()).env("DOCKER_HOST", NOWHERE).run()
}

fn read(directory: &Path, name: &str) -> String {
    std::fs::read_to_string(directory.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// One report of each form, in `out`.
fn all_reports(out: &Path) -> Vec<String> {
    FORMATS.map(|format| format!("--report={format}={}", out.join(format).display())).to_vec()
}

/// The names of the files in a directory.
fn names(directory: &Path) -> Vec<String> {
    let files = std::fs::read_dir(directory).expect("our own directory").flatten();
    let mut names: Vec<_> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn every_report_is_written_whatever_the_outcome() {
    for (repository, outcome, code) in [(valid(), "done", 0), (invalid(), "invalid", 3)] {
        let out = TempDir::with_prefix("reconcile-reports-").expect("a temporary directory");
        let reports = all_reports(out.path());
        let arguments: Vec<_> = ["validate", "deploy"].into_iter().chain(reports.iter().map(String::as_str)).collect();
        run(&repository, &arguments).expect_code(code);
        // Each is whole, and nothing half-written stands beside it.
        let mut expected = FORMATS.map(str::to_owned).to_vec();
        expected.sort();
        assert_eq!(names(out.path()), expected);
        let json: Value = serde_json::from_str(&read(out.path(), "json")).expect("it is JSON");
        assert_eq!(
            (&json["kind"], &json["outcome"], &json["exitCode"]),
            (&"Validation".into(), &outcome.into(), &code.into())
        );
        assert!(read(out.path(), "junit").starts_with("<?xml"));
        if code == 3 {
            for format in FORMATS {
                let text = read(out.path(), format);
                assert!(text.contains("desiredCuont") && text.contains("RC101"), "{format}:\n{text}");
            }
        }
    }
}

#[test]
fn a_dry_run_of_what_is_not_valid_reports_it_too() {
    let repository = invalid();
    let ended = run(&repository, &["--dry-run", "deploy", "--report", "sarif=plan.sarif", "-o", "json"]).expect_code(3);
    let json = ended.json();
    let told = (&json["kind"], &json["outcome"], &json["exitCode"]);
    assert_eq!(told, (&"Plan".into(), &"invalid".into(), &3.into()));
    assert!(json["diagnostics"][0]["code"] == "RC101" && json["hasChanges"].is_null(), "{json:#}");
    assert_eq!(ended.stderr.lines().last(), Some("error: the manifests are not valid; nothing was changed"), "{ended}");
    let sarif: Value = serde_json::from_str(&read(repository.path(), "plan.sarif")).expect("it is JSON");
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "RC101", "{sarif:#}");
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "deploy/shop.yaml");
}

#[test]
fn without_an_engine_the_reports_say_so() {
    let repository = valid();
    let ended = run(&repository, &["--dry-run", "deploy", "--report", "junit=junit.xml", "-o", "json"]).expect_code(6);
    let json = ended.json();
    assert_eq!((&json["outcome"], &json["exitCode"]), (&"unreachable".into(), &6.into()), "{json:#}");
    assert!(json["error"].as_str().is_some_and(|text| text.contains("/nonexistent/engine.sock")), "{json:#}");
    assert!(read(repository.path(), "junit.xml").contains("<failure type=\"plan.failed\""));
    let text = run(&repository, &["--dry-run", "deploy"]).expect_code(6);
    assert_eq!(text.stderr.matches("/nonexistent/engine.sock").count(), 1, "it is told once: {text}");
}

#[test]
fn a_report_on_stdout_moves_the_text_to_stderr() {
    let ended = run(&invalid(), &["validate", "deploy", "--report", "rdjson=-"]).expect_code(3);
    assert_eq!(ended.json()["source"]["name"], "reconcile");
    assert!(ended.stderr.contains("error[RC101]"), "{ended}");
}

#[test]
fn two_reports_have_two_places() {
    let repository = valid();
    let wrong: [&[&str]; 6] = [
        &["validate", "deploy", "--report", "sarif"],
        &["validate", "deploy", "--report", "pdf=a.pdf"],
        &["validate", "deploy", "--report", "sarif=a", "--report", "json=a"],
        &["validate", "deploy", "--report", "sarif=-", "--report", "json=-"],
        &["validate", "deploy", "-o", "json", "--report", "sarif=-"],
        &["deploy", "--report", "sarif=a"],
    ];
    for arguments in wrong {
        let ended = run(&repository, arguments).expect_code(64);
        assert!(ended.stdout.is_empty() && ended.stderr.starts_with("error: "), "{arguments:?}: {ended}");
    }
}

#[test]
fn a_report_behind_a_link_is_replaced_and_the_link_stays() {
    let repository = valid();
    let link = repository.path().join("link.json");
    std::fs::write(repository.path().join("old.json"), "old").expect("our own file");
    std::os::unix::fs::symlink("old.json", &link).expect("our own link");
    run(&repository, &["validate", "deploy", "--report", "json=link.json"]).expect_code(0);
    assert!(link.is_symlink());
    assert!(read(repository.path(), "old.json").contains("\"Validation\""));
    run(&repository, &["validate", "deploy", "--report", "json=/dev/null"]).expect_code(0);
}

#[test]
fn what_cannot_be_written_is_an_error_and_the_rest_is_written() {
    let repository = valid();
    let arguments = ["validate", "deploy", "--report", "json=nowhere/a.json", "--report", "junit=junit.xml"];
    let ended = run(&repository, &arguments).expect_code(1);
    ended.expect_said(&["the report json cannot be written to nowhere/a.json"]);
    assert!(repository.path().join("junit.xml").exists());
    assert_eq!(names(repository.path()), [".git", "deploy", "junit.xml"]);
}

/// The files by which a step of GitHub Actions speaks.
struct Step {
    directory: TempDir,
}

impl Step {
    fn new() -> Self {
        Self { directory: TempDir::with_prefix("reconcile-step-").expect("a temporary directory") }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn around(&self, program: Program) -> Program {
        program
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", self.file("summary"))
            .env("GITHUB_OUTPUT", self.file("output"))
            .env("GITHUB_SERVER_URL", "https://git.example")
            .env("GITHUB_REPOSITORY", "acme/shop")
            .env("GITHUB_SHA", "4f2c9e1")
    }
}

#[test]
fn github_is_told_without_being_asked() {
    let (repository, step) = (invalid(), Step::new());
    std::fs::write(step.file("summary"), "from an earlier command\n").expect("our own file");
    let program = Program::new(["validate", "shop.yaml"]).directory(&repository.path().join("deploy"));
    let ended = step.around(program).env("GITHUB_WORKSPACE", repository.path()).run().expect_code(3);
    let line = ended.stderr.lines().find(|line| line.starts_with("::error ")).unwrap_or_default().to_owned();
    // The platform knows files from the top of the repository.
    assert!(line.starts_with("::error file=deploy/shop.yaml,line=22,"), "{ended}");
    assert!(!ended.stdout.contains("::error"), "stdout is for data: {ended}");
    let summary = read(step.directory.path(), "summary");
    assert!(summary.starts_with("from an earlier command\n<!-- reconcile:shop.yaml -->\n"), "{summary}");
    assert!(summary.contains("](https://git.example/acme/shop/blob/4f2c9e1/deploy/shop.yaml#L22)"), "{summary}");
    let output = read(step.directory.path(), "output");
    assert!(output.contains("outcome=invalid\nexit-code=3\nerrors=1\n"), "{output}");

    let step = Step::new();
    let program = Program::new(["validate", "deploy", "--no-ci"]).directory(repository.path());
    let ended = step.around(program).run().expect_code(3);
    assert!(!ended.all().contains("::error") && names(step.directory.path()).is_empty(), "{ended}");

    let program = Program::new(["validate", "deploy", "--report", "github=marks.txt"]).directory(repository.path());
    let ended = step.around(program).run().expect_code(3);
    assert!(!ended.all().contains("::error"), "what is asked for by name is not told twice: {ended}");
    assert!(read(repository.path(), "marks.txt").starts_with("::error file=deploy/shop.yaml,"));
}

#[test]
fn a_plan_is_reported_in_every_form() {
    let shop = Shop::new("reports");
    shop.write(&[service("web").count(2), service("api")]);
    shop.converge();
    shop.let_settle();
    shop.write(&[service("web").count(2).image(IMAGE_NEXT), service("api").count(2)]);
    let (step, out) = (Step::new(), TempDir::with_prefix("reconcile-reports-").expect("a temporary directory"));
    let reports = all_reports(out.path());
    let arguments: Vec<_> = std::iter::once("--dry-run").chain(reports.iter().map(String::as_str)).collect();
    let text = step.around(shop.program(&arguments)).run().expect_code(0);
    assert_eq!(names(out.path()).len(), FORMATS.len());
    assert_eq!(read(out.path(), "text"), text.stdout, "the text is the same in a file");
    let plan: Value = serde_json::from_str(&read(out.path(), "json")).expect("it is JSON");
    assert_eq!((&plan["kind"], &plan["outcome"], &plan["exitCode"]), (&"Plan".into(), &"changes".into(), &0.into()));
    let output = read(step.directory.path(), "output");
    assert!(output.contains("outcome=changes\n") && output.contains("has-changes=true\n"), "{output}");
    assert!(output.contains("updates=2\nreplaces=1\n"), "{output}");
    assert!(read(out.path(), "github").contains("title=replaces 2 tasks::"), "{}", read(out.path(), "github"));
    assert!(read(out.path(), "markdown").contains("**replaces 2 tasks**"));

    let summary = shop.run(&["--dry-run", "--summary"]).expect_code(0);
    assert_eq!(summary.stdout.lines().count(), 3, "{summary}");
    let unified = shop.run(&["--dry-run", "--diff=unified"]).expect_code(0);
    assert!(unified.stdout.contains(&format!("+    image: {IMAGE_NEXT}\n")), "{unified}");
    shop.run(&["--dry-run", "--verbose"]).expect_code(0).expect_said(&["=   cluster "]);
    shop.run(&["--dry-run", "--summary", "--verbose"]).expect_code(64);
}
