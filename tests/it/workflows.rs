//! What the README gives people to copy into their checks, and the action and the hook that come with it: all of it is run.

use std::path::Path;
use std::process::{Command, Output};

use serde_yaml::Value;
use tempfile::TempDir;

use crate::support::shop::{Shop, manifests, service};

/// The section of the README that has it.
const SECTION: &str = "## For a pull-request check";

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The blocks of YAML in that section.
fn blocks() -> Vec<Value> {
    let readme = file("README.md");
    let start = readme.find(SECTION).expect("the README has the section");
    let section = &readme[start..];
    let end = section[1..].find("\n## ").map_or(section.len(), |end| end + 1);
    let blocks = section[..end].split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(|block| serde_yaml::from_str(block).unwrap_or_else(|error| panic!("{error}:\n{block}"))).collect()
}

/// Every value of `key`, however deep.
fn values<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Mapping(fields) => {
            for (name, value) in fields {
                if name.as_str() == Some(key) {
                    found.push(value);
                }
                values(value, key, found);
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| values(item, key, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Tagged(_) => {}
    }
}

fn of<'a>(value: &'a Value, key: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    values(value, key, &mut found);
    found
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value:?}"))
}

/// A checkout of a pull request to `main`, on a runner that reaches the engine of this machine.
struct Runner {
    shop: Shop,
    repository: TempDir,
}

impl Runner {
    fn new() -> Self {
        let shop = Shop::new("workflow");
        let repository = TempDir::with_prefix("reconcile-workflow-").expect("a temporary directory");
        let deploy = repository.path().join("deploy");
        std::fs::create_dir(&deploy).expect("our own directory");
        std::fs::write(deploy.join("shop.yaml"), manifests(&shop.cluster, &[service("web")])).expect("our own file");
        let runner = Self { shop, repository };
        let ended = runner.bash(
            "git init -q -b main && git config user.email a@b.example && git config user.name a && git add . && git commit -qm a \
             && git update-ref refs/remotes/origin/main HEAD",
            &[],
        );
        assert!(ended.status.success(), "{ended:?}");
        runner
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.repository.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs a script as the runner of GitHub does.
    fn bash(&self, script: &str, variables: &[(&str, &str)]) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_reconcile"));
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", program.parent().expect("a file is in a directory").display());
        assert!(!script.contains("${{"), "an expression that this test does not know: {script}");
        Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(self.repository.path())
            .env("PATH", path)
            .env("DOCKER_HOST", self.shop.engine.host())
            .env("RECONCILE_STATE_DIR", "/dev/null/none")
            .env_remove("RECONCILE_DIR")
            .env_remove("GITHUB_ACTIONS")
            .envs(variables.iter().copied())
            .output()
            .expect("there is a bash")
    }

    #[track_caller]
    fn expect_done(&self, script: &str, variables: &[(&str, &str)]) {
        let ended = self.bash(script, variables);
        assert!(ended.status.success(), "{script}\n{ended:?}");
    }
}

#[test]
fn the_commands_of_the_readme_are_right() {
    let runner = Runner::new();
    let (mut steps, mut scripts, mut hooks) = (0, 0, 0);
    for block in blocks() {
        for step in of(&block, "run") {
            runner.expect_done(text(step), &[("GITHUB_ACTIONS", "true"), ("GITHUB_BASE_REF", "main")]);
            steps += 1;
        }
        for line in of(&block, "script").into_iter().flat_map(|script| script.as_sequence().into_iter().flatten()) {
            runner.expect_done(text(line), &[]);
            scripts += 1;
        }
        // What is to be uploaded has been written.
        for reports in of(&block, "reports").into_iter().filter_map(Value::as_mapping) {
            reports.values().for_each(|path| assert!(!runner.file(text(path)).is_empty()));
        }
        for hook in of(&block, "hooks").into_iter().flat_map(|hooks| hooks.as_sequence().into_iter().flatten()) {
            let known: Value = serde_yaml::from_str(&file(".pre-commit-hooks.yaml")).expect("it is YAML");
            let is_meant = |known: &&Value| known["id"] == hook["id"];
            let known = known.as_sequence().into_iter().flatten().find(is_meant).expect("a hook of ours").clone();
            let arguments: Vec<_> = hook["args"].as_sequence().into_iter().flatten().map(text).collect();
            assert_eq!((&known["pass_filenames"], text(&known["language"])), (&Value::Bool(false), "system"));
            runner.expect_done(&format!("{} {}", text(&known["entry"]), arguments.join(" ")), &[]);
            hooks += 1;
        }
    }
    assert!(steps > 0 && scripts > 0 && hooks > 0, "{steps} steps, {scripts} scripts, {hooks} hooks");
    assert!(runner.file("comment.md").starts_with("<!-- reconcile:deploy -->"));
    assert!(runner.file("reconcile.sarif").contains("\"2.1.0\""));
}

#[test]
fn the_action_does_what_it_says() {
    let action: Value = serde_yaml::from_str(&file("action.yml")).expect("it is YAML");
    assert_eq!(text(&action["runs"]["using"]), "composite");
    let steps = action["runs"]["steps"].as_sequence().expect("steps are a list");
    let [step] = &**steps else { panic!("one step is enough: {steps:?}") };
    assert!(step.get("uses").is_none(), "it needs nothing from elsewhere");
    let runner = Runner::new();
    let [output, summary] = ["output", "summary"].map(|name| runner.repository.path().join(name).display().to_string());
    let platform = [("GITHUB_ACTIONS", "true"), ("GITHUB_OUTPUT", &*output), ("GITHUB_STEP_SUMMARY", &*summary)];
    let run = |arguments, directory| {
        let inputs = [("INPUT_PROGRAM", "reconcile"), ("INPUT_ARGUMENTS", arguments), ("INPUT_DIRECTORY", directory)];
        runner.bash(text(&step["run"]), &[&platform[..], &inputs].concat())
    };
    // Each input reaches the script by a variable, and by nothing else.
    assert!(!text(&step["run"]).contains("${{"), "an input could be read as a command");
    for (name, value) in step["env"].as_mapping().expect("variables") {
        let input = text(name).strip_prefix("INPUT_").expect("a variable of an input").to_lowercase();
        assert_eq!(text(value), format!("${{{{ inputs.{input} }}}}"));
        assert!(action["inputs"].get(&*input).is_some(), "{input}");
    }
    let default = text(&action["inputs"]["arguments"]["default"]);
    let ended = run(default, "deploy");
    assert!(ended.status.success(), "{ended:?}");
    let written = runner.file("output");
    for (name, output) in action["outputs"].as_mapping().expect("outputs") {
        let name = text(name);
        assert!(written.lines().any(|line| line.starts_with(&format!("{name}="))), "{name} is not among\n{written}");
        assert_eq!(text(&output["value"]), format!("${{{{ steps.reconcile.outputs.{name} }}}}"));
    }
    assert!(runner.file("summary").starts_with("<!-- reconcile:deploy -->"));
    // What an input holds is never a command, and the exit code is that of the program.
    let ended = run("validate", "$(touch owned); touch owned");
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    assert!(!runner.repository.path().join("owned").exists());
}
