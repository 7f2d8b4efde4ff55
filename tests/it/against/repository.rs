//! A repository of a test, made by `git`, and dry runs in it on a machine that has no engine and no `git`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::program::{Ended, Program};
use crate::support::shop::{Service, manifests};

/// An engine that is not there: nothing here may ask one.
const NOWHERE: &str = "unix:///nonexistent/engine.sock";

/// A work tree with manifests in `deploy`.
pub(super) struct Repository {
    root: TempDir,
}

impl Repository {
    /// Nothing is committed yet.
    #[track_caller]
    pub(super) fn empty() -> Self {
        let repository = Self { root: TempDir::with_prefix("reconcile-git-").expect("a temporary directory") };
        repository.git(&["init", "-q", "-b", "main"]);
        repository
    }

    /// With these services on `main`, and a branch `feature` checked out.
    #[track_caller]
    pub(super) fn new(services: &[Service]) -> Self {
        let repository = Self::empty();
        repository.services(services);
        repository.commit();
        repository.git(&["checkout", "-q", "-b", "feature"]);
        repository
    }

    pub(super) fn path(&self) -> &Path {
        self.root.path()
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    #[track_caller]
    pub(super) fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", "/nonexistent").current_dir(self.path());
        let output = command.args(arguments).output().expect("git is there");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    #[track_caller]
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().expect("it is below the root")).expect("a directory in our own");
        std::fs::write(path, text).expect("a file in our own directory");
    }

    #[track_caller]
    pub(super) fn remove(&self, name: &str) {
        std::fs::remove_file(self.file(name)).expect("a file in our own directory");
    }

    /// Makes these services what `deploy` asks for.
    #[track_caller]
    pub(super) fn services(&self, services: &[Service]) {
        self.write("deploy/shop.yaml", &manifests("shop", services));
    }

    #[track_caller]
    pub(super) fn commit(&self) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// `reconcile --dry-run ARGUMENTS` in the work tree.
    #[track_caller]
    pub(super) fn dry_run(&self, arguments: &[&str]) -> Ended {
        let program = Program::new(["--dry-run"].iter().chain(arguments)).directory(self.path());
        // What it cannot find it cannot run.
        program.env("DOCKER_HOST", NOWHERE).env("PATH", "/nonexistent").run()
    }

    /// The same against `main`, for `deploy`.
    #[track_caller]
    pub(super) fn against_main(&self, arguments: &[&str]) -> Ended {
        self.dry_run(&[&["--against", "git:main", "deploy"], arguments].concat())
    }

    /// What would change against `main`: `update shop/web`.
    #[track_caller]
    pub(super) fn changes(&self) -> Vec<String> {
        changes(&self.against_main(&["-o", "json"]).expect_code(0).json())
    }
}

/// The rows of a plan: `update shop/web`.
pub(super) fn changes(plan: &Value) -> Vec<String> {
    let rows = plan["changes"].as_array().expect("a plan has changes").iter();
    let name = |row: &Value| {
        let id = row["id"].as_str().unwrap_or_default();
        id.split_once('/').map_or(id, |(_, name)| name).to_owned()
    };
    rows.map(|row| format!("{} {}", row["action"].as_str().unwrap_or_default(), name(row))).collect()
}
