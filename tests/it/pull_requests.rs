//! Three pull requests, as `scripts/pull-requests` makes them and as a reviewer reads their check: a safe, a dangerous, a broken one.
//! No engine is needed: the script names one that is not there.

use std::path::Path;
use std::process::{Command, Output};

/// What the value of the catalog's token becomes. It is in the difference that Git shows, and nowhere else.
const TOKENS: [&str; 2] = ["an-old-token", "a-new-token"];

fn script(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(root.join("scripts/pull-requests"));
    command.args(arguments).env("RECONCILE", env!("CARGO_BIN_EXE_reconcile"));
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "RECONCILE_LOG", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
    command.output().expect("there is a bash")
}

/// What the script shows of one pull request: each part under its title.
struct Shown(Vec<(String, String)>);

impl Shown {
    #[track_caller]
    fn of(name: &str) -> Self {
        let output = script(&[name]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        let parts = text.split("\n---- ").skip(1).map(|part| part.split_once('\n').expect("a title is a line"));
        Self(parts.map(|(title, text)| (title.to_owned(), text.to_owned())).collect())
    }

    fn part(&self, title: &str) -> &str {
        let found = self.0.iter().find(|(name, _)| name.starts_with(title));
        &found.unwrap_or_else(|| panic!("nothing is called `{title}`")).1
    }

    #[track_caller]
    fn expect(&self, title: &str, lines: &[&str]) {
        let text = self.part(title);
        for line in lines {
            assert!(text.contains(line), "`{line}` is not in `{title}`:\n{text}");
        }
    }

    /// What the program itself says, in every form.
    fn said(&self) -> String {
        self.0.iter().filter(|(title, _)| !title.starts_with("git diff")).map(|(_, text)| &**text).collect()
    }
}

const TERMINAL: &str = "in a terminal";
const RUNNER: &str = "on a runner of GitHub";
const SUMMARY: &str = "summary of the job";
const OUTPUTS: &str = "outputs of the step";

#[test]
fn a_safe_one_passes_and_says_what_it_does() {
    let shown = Shown::of("safe");
    shown.expect("git diff", &["+      image: reconcile-shop:2", "+  desiredCount: 3"]);
    let text = [
        "-/+ service shop/catalog ",
        "desiredCount          2 -> 3 ",
        "image                 reconcile-shop:1 -> :2  manifests/catalog.yaml:9:14   <- replaces tasks",
        "environment.GREETING  (not set) -> hello ",
        "new before old, at least 3 of 3 healthy",
        "Plan:  1 update (1 replaces tasks), 3 unchanged\nTasks: 3 start, 2 stop, 2 replaced\n",
        "exit code 0, expected 0",
    ];
    shown.expect(TERMINAL, &text);
    shown.expect(RUNNER, &text);
    shown.expect(RUNNER, &["::warning file=manifests/catalog.yaml,line=9,endLine=9,col=14,"]);
    assert!(!shown.said().contains("::error"), "{}", shown.said());
    shown.expect(SUMMARY, &["### reconcile: 1 update", "**replaces 2 tasks, starts 1 task**"]);
    shown.expect(OUTPUTS, &["outcome=changes\nexit-code=0\nerrors=0\nwarnings=0\n", "replaces=1\n", "deletes=0\n"]);
}

#[test]
fn a_dangerous_one_fails_and_says_why() {
    let shown = Shown::of("dangerous");
    let text = [
        "      environment.STORE_TOKEN  (sensitive, changed) ",
        "deploymentConfiguration.minimumHealthyPercent  100 -> 0 ",
        "-   service shop/store ",
        "its volume is kept: store-data",
        "shop/store deleted no task of it is left\n",
        "warning: shop/catalog is unavailable while its tasks are replaced  manifests/catalog.yaml:35:28\n",
        "warning: shop/front is unavailable while its task is replaced, since one task at a time can hold host port 8080",
        "Plan:  2 update (2 replace tasks), 1 delete, 1 unchanged\n",
        "forbids (exit code 5): delete shop/store; downtime shop/catalog; downtime shop/front; downtime shop/store.\n",
        "exit code 5, expected 5",
    ];
    shown.expect(TERMINAL, &text);
    shown.expect(RUNNER, &text);
    let annotations = [
        "::error title=forbidden::shop/store is deleted, which --fail-on delete forbids\n",
        "manifests/catalog.yaml:14:39: shop/catalog has no task for a time, which --fail-on downtime forbids\n",
        "manifests/front.yaml:14:14: shop/front has no task for a time, which --fail-on downtime forbids\n",
        "::warning title=shop/store goes%3A stops 1 task::",
    ];
    shown.expect(RUNNER, &annotations);
    let summary = [
        "### reconcile: not allowed: 2 update (2 replace tasks), 1 delete, 1 unchanged\n",
        ": manifests only, not what really runs. This is plan `",
        "> **Not allowed** by `--fail-on`: delete shop/store; downtime shop/catalog; downtime shop/front; downtime shop/store\n",
        "| `-` | `shop/store` | removed | **stops 1 task**<br>its volume is kept: store-data |\n",
        "shop/front is unavailable while its task is replaced",
        "!   environment.STORE_TOKEN: (sensitive, changed)\n",
        "- service shop/store\n",
    ];
    shown.expect(SUMMARY, &summary);
    shown.expect(OUTPUTS, &["outcome=forbidden\nexit-code=5\nerrors=0\nwarnings=2\n", "deletes=1\n"]);
    for token in TOKENS {
        assert!(shown.part("git diff").contains(token), "{token} is what changes");
        assert!(!shown.said().contains(token), "{token} is told:\n{}", shown.said());
    }
}

#[test]
fn a_broken_one_is_refused_with_what_to_write_instead() {
    let shown = Shown::of("broken");
    let text = [
        "error[RC101]: unknown field `desiredCuont` in Service.spec (Service `catalog`)\n  --> manifests/catalog.yaml:30:3\n",
        "30 +   desiredCount: 2\n",
        "error[RC122]: TaskDefinition `frnot` is not declared (Service `shop/front`)\n  --> manifests/front.yaml:38:19\n",
        "help: did you mean `front`?\n",
        "error[RC103]: spec.containerDefinitions[0].memory has the wrong type (TaskDefinition `store`)\n",
        "expected integer, found string \"64MB\"\n",
        "3 errors in 3 files\n",
        "exit code 3, expected 3",
    ];
    shown.expect(TERMINAL, &text);
    shown.expect(RUNNER, &text);
    let annotations = [
        "::error file=manifests/catalog.yaml,line=30,endLine=30,col=3,endColumn=15,title=RC101",
        "::error file=manifests/front.yaml,line=38,endLine=38,col=19,endColumn=24,title=RC122",
        "::error file=manifests/store.yaml,line=11,endLine=11,col=15,endColumn=19,title=RC103",
    ];
    shown.expect(RUNNER, &annotations);
    shown.expect(SUMMARY, &["### reconcile: 3 errors in the manifests\n", "help: did you mean `desiredCount`?"]);
    shown.expect(OUTPUTS, &["outcome=invalid\nexit-code=3\nerrors=3\nwarnings=0\n"]);
}

#[test]
fn the_script_names_its_pull_requests() {
    let help = script(&["--help"]);
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("safe dangerous broken"));
    let wrong = script(&["reckless"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("there is no pull request `reckless`"), "{wrong:?}");
}
