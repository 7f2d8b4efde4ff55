use std::process::Command;

use tempfile::TempDir;

use super::*;

/// A repository made by `git` itself.
struct Scratch(TempDir);

impl Scratch {
    fn new() -> Self {
        let scratch = Self(TempDir::new().expect("a directory"));
        scratch.git(&["init", "-q", "-b", "main"]);
        scratch
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", "/nonexistent").current_dir(self.path());
        let output = command.args(arguments).output().expect("git is there");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Where `git` itself would not read the repository any more.
    fn git_config(&self, key: &str, value: &str) {
        self.git(&["config", "--file", ".git/config", key, value]);
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it is below the root")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }

    fn commit(&self) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn checkout(&self) -> Checkout {
        Checkout::around(&self.path().join("deploy")).expect("a work tree")
    }
}

fn reference(text: &str) -> Reference {
    Reference::parse(text).expect("a name")
}

/// What a path of a commit holds, or why not.
fn text_at(checkout: &Checkout, commit: CommitId, path: &str) -> Result<Option<String>, TreeError> {
    match checkout.tree(commit).expect("a tree").find(Path::new(path))? {
        Some(Node::File(blob)) => blob.read(1 << 20).map(|bytes| Some(String::from_utf8(bytes).expect("text"))),
        Some(Node::Directory(_)) => Ok(Some("a directory".to_owned())),
        None => Ok(None),
    }
}

#[test]
fn only_names_are_taken_for_names() {
    for name in ["main", "origin/main", "HEAD~3", "v1.2", "4f2c9e1", "main@{1}", "feature/x-y_z", "@"] {
        assert!(Reference::parse(name).is_ok(), "{name}");
    }
    for name in ["", "-x", "--upload-pack=x", "^main", "a b", "a\nb", "main:deploy", "a..b", &"x".repeat(301)] {
        assert!(matches!(Reference::parse(name), Err(GitError::NoName(_))), "{name}");
    }
}

#[test]
fn the_merge_base_is_where_both_parted() {
    let scratch = Scratch::new();
    scratch.write("deploy/a.yaml", "one");
    let parted = scratch.commit();
    scratch.git(&["checkout", "-q", "-b", "feature"]);
    scratch.write("deploy/a.yaml", "two");
    let head = scratch.commit();
    scratch.git(&["checkout", "-q", "main"]);
    scratch.write("deploy/a.yaml", "three");
    scratch.commit();
    scratch.git(&["tag", "-a", "-m", "release", "v1"]);
    scratch.git(&["checkout", "-q", "feature"]);
    let checkout = scratch.checkout();
    assert_eq!(checkout.head().map(|head| head.to_string()), Ok(head));
    for name in ["main", "v1", "refs/heads/main", "main~0", &parted] {
        let base = checkout.merge_base(&reference(name)).expect(name);
        assert_eq!(base.to_string(), parted, "{name}");
        assert_eq!(text_at(&checkout, base, "deploy/a.yaml"), Ok(Some("one".to_owned())));
    }
}

#[test]
fn what_is_not_there_is_said_with_what_to_do() {
    let scratch = Scratch::new();
    scratch.write("deploy/a.yaml", "one");
    assert!(matches!(scratch.checkout().head(), Err(GitError::NoCommit(_))));
    let commit = scratch.commit();
    scratch.git(&["update-ref", "refs/remotes/origin/release", &commit]);
    scratch.git(&["branch", "develop"]);
    let error = |name: &str| scratch.checkout().merge_base(&reference(name)).expect_err(name).to_string();
    assert!(error("release").ends_with("did you mean `git:origin/release`?"), "{}", error("release"));
    assert!(error("devlop").ends_with("did you mean `git:develop`?"), "{}", error("devlop"));
    assert!(
        error("origin/xyzzy").ends_with("nothing is fetched here: git fetch origin xyzzy"),
        "{}",
        error("origin/xyzzy")
    );
    scratch.git(&["checkout", "-q", "--orphan", "alone"]);
    scratch.write("deploy/a.yaml", "another");
    scratch.commit();
    assert_eq!(error("main"), "`main` and HEAD have no common ancestor, so there is nothing to compare with");
    let nowhere = TempDir::new().expect("a directory");
    assert!(matches!(Checkout::around(nowhere.path()), Err(GitError::NoRepository(_))));
}

#[test]
fn a_shallow_clone_says_so() {
    let origin = Scratch::new();
    origin.write("deploy/a.yaml", "one");
    origin.commit();
    origin.git(&["checkout", "-q", "-b", "feature"]);
    for text in ["two", "three"] {
        origin.write("deploy/a.yaml", text);
        origin.commit();
    }
    let url = format!("file://{}", origin.path().display());
    let clone = Scratch(TempDir::new().expect("a directory"));
    clone.git(&["clone", "-q", "--depth", "1", "--no-single-branch", "--branch", "feature", &url, "."]);
    let checkout = clone.checkout();
    assert_eq!(checkout.merge_base(&reference("origin/main")), Err(GitError::Shallow("origin/main".to_owned())));
    let error = checkout.merge_base(&reference("origin/gone")).expect_err("it is not there").to_string();
    assert!(
        error.contains("this clone is shallow: fetch the whole history (git fetch --unshallow origin gone"),
        "{error}"
    );
    // Where the history reaches far enough nothing is wrong with a shallow clone.
    clone.git(&["fetch", "-q", "--depth", "3", "origin", "feature", "main"]);
    assert!(clone.checkout().merge_base(&reference("origin/main")).is_ok());
}

#[test]
fn links_are_followed_inside_of_the_commit() {
    let scratch = Scratch::new();
    scratch.write("shared/web.env", "A=1");
    std::fs::create_dir(scratch.path().join("deploy")).expect("a directory");
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, scratch.path().join("deploy").join(name)).expect("a link");
    };
    link("../shared/web.env", "file");
    link("../shared", "directory");
    link("directory/../shared/./web.env", "far");
    link("nothing", "dangling");
    link("loop", "loop");
    link("/etc/hostname", "absolute");
    link("../../outside", "outside");
    let commit = scratch.commit();
    // What is there now does not count.
    scratch.write("shared/web.env", "A=2");
    let checkout = scratch.checkout();
    let commit = checkout.merge_base(&reference(&commit)).expect("a commit");
    let at = |path: &str| text_at(&checkout, commit, path);
    for path in ["deploy/file", "deploy/directory/web.env", "deploy/far"] {
        assert_eq!(at(path), Ok(Some("A=1".to_owned())), "{path}");
    }
    assert_eq!(at("deploy/dangling"), Ok(None));
    assert_eq!(at("deploy/file/more"), Ok(None));
    assert_eq!(at("deploy/loop"), Err(TreeError::Loop));
    assert_eq!(at("deploy/absolute"), Err(TreeError::Outside("/etc/hostname".to_owned())));
    assert_eq!(at("deploy/outside"), Err(TreeError::Outside("../../outside".to_owned())));
}

#[test]
fn submodules_are_read_where_they_are_checked_out() {
    let shared = Scratch::new();
    shared.write("api.yaml", "one");
    shared.commit();
    let scratch = Scratch::new();
    scratch.git(&["submodule", "--quiet", "add", &shared.path().display().to_string(), "deploy/shared"]);
    scratch.commit();
    scratch.write("deploy/shared/api.yaml", "two");
    let checkout = scratch.checkout();
    let head = checkout.head().expect("a commit");
    assert_eq!(text_at(&checkout, head, "deploy/shared/api.yaml"), Ok(Some("one".to_owned())));
    scratch.git(&["submodule", "--quiet", "deinit", "--force", "deploy/shared"]);
    let missing = text_at(&checkout, head, "deploy/shared/api.yaml");
    assert!(matches!(missing, Err(TreeError::Submodule { ref path, .. }) if path == "deploy/shared"), "{missing:?}");
}

#[test]
fn earlier_states_of_the_directory_are_found() {
    let scratch = Scratch::new();
    let mut commits = Vec::new();
    for (name, text) in [("deploy/a", "1"), ("other", "1"), ("deploy/a", "2"), ("deploy/a", "1"), ("deploy/a", "3")] {
        scratch.write(name, text);
        commits.push(scratch.commit());
    }
    let checkout = scratch.checkout();
    let head = checkout.head().expect("a commit");
    let earlier: Vec<_> = checkout.earlier(head, 9).into_iter().map(|id| id.to_string()).collect();
    assert_eq!(earlier, [commits[3].clone(), commits[2].clone()]);
    assert_eq!(checkout.earlier(head, 1).len(), 1);
}

#[test]
fn a_work_tree_of_its_own_and_a_link_to_the_directory_are_found() {
    let scratch = Scratch::new();
    scratch.write("deploy/a.yaml", "one");
    scratch.commit();
    let beside = TempDir::new().expect("a directory");
    let tree = beside.path().join("tree");
    scratch.git(&["worktree", "add", "-q", "-b", "other", &tree.display().to_string()]);
    let checkout = Checkout::around(&tree.join("deploy")).expect("a work tree");
    assert_eq!(checkout.inside(), Path::new("deploy"));
    assert!(checkout.merge_base(&reference("main")).is_ok());
    std::os::unix::fs::symlink(&tree, beside.path().join("link")).expect("a link");
    let linked = Checkout::around(&beside.path().join("link/deploy")).expect("a work tree");
    assert_eq!(linked.inside(), Path::new("deploy"));
    assert_eq!(Checkout::around(&tree).expect("a work tree").inside(), Path::new(""));
}

#[test]
fn nothing_of_a_repository_is_run() {
    let scratch = Scratch::new();
    scratch.write("deploy/a.yaml", "one");
    scratch.write(".gitattributes", "*.yaml filter=evil diff=evil");
    scratch.commit();
    let trap = scratch.path().join("trapped");
    let command = format!("touch {}", trap.display());
    for key in
        ["core.fsmonitor", "core.sshCommand", "core.pager", "filter.evil.smudge", "diff.evil.textconv", "alias.log"]
    {
        scratch.git(&["config", key, &command]);
    }
    let hooks = scratch.path().join(".git/hooks");
    std::fs::create_dir_all(&hooks).expect("a directory");
    for hook in ["post-checkout", "reference-transaction"] {
        std::fs::write(hooks.join(hook), format!("#!/bin/sh\n{command}\n")).expect("a file");
    }
    let checkout = scratch.checkout();
    let base = checkout.merge_base(&reference("main")).expect("a commit");
    assert_eq!(text_at(&checkout, base, "deploy/a.yaml"), Ok(Some("one".to_owned())));
    assert!(!trap.exists());
}

#[test]
fn what_cannot_be_read_is_said_as_it_is() {
    let scratch = Scratch::new();
    scratch.write("deploy/a.yaml", "one");
    scratch.commit();
    let id = scratch.git(&["rev-parse", "HEAD:deploy/a.yaml"]);
    let object = scratch.path().join(format!(".git/objects/{}/{}", &id[..2], &id[2..]));
    std::fs::remove_file(&object).expect("a loose object");
    std::fs::write(&object, "garbage").expect("a file in our own");
    let checkout = scratch.checkout();
    let head = checkout.head().expect("a commit");
    assert!(matches!(text_at(&checkout, head, "deploy/a.yaml"), Err(TreeError::Missing(_))));
    std::fs::write(scratch.path().join(".git/HEAD"), "nonsense").expect("a file in our own");
    assert!(matches!(checkout.head(), Err(GitError::Unreadable { .. })));
    scratch.git_config("core.repositoryFormatVersion", "1");
    scratch.git_config("extensions.refStorage", "reftable");
    let error = Checkout::around(scratch.path()).expect_err("it is not understood").to_string();
    assert!(
        error.ends_with("its references are kept as reftable, and only those kept as files are understood"),
        "{error}"
    );
}

#[test]
fn both_kinds_of_hashes_are_understood() {
    let scratch = Scratch(TempDir::new().expect("a directory"));
    scratch.git(&["init", "-q", "-b", "main", "--object-format=sha256"]);
    scratch.write("deploy/a.yaml", "one");
    let commit = scratch.commit();
    let checkout = scratch.checkout();
    let base = checkout.merge_base(&reference("main")).expect("a commit");
    assert_eq!((base.to_string(), commit.len()), (commit, 64));
    assert_eq!(text_at(&checkout, base, "deploy/a.yaml"), Ok(Some("one".to_owned())));
}
