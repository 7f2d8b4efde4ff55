use super::*;

#[test]
fn a_repository_is_the_same_however_it_was_cloned_and_no_password_becomes_a_label() {
    for (url, expected) in [
        ("https://user:secret@example.org/shop.git", "example.org/shop"),
        ("https://token@Example.org:443/acme/shop/", "example.org/acme/shop"),
        ("http://example.org/acme/shop.git", "example.org/acme/shop"),
        ("ssh://git@example.org:22/acme/shop.git", "example.org/acme/shop"),
        ("ssh://git@example.org:2222/acme/shop.git", "example.org:2222/acme/shop"),
        ("git@example.org:acme/shop.git", "example.org/acme/shop"),
        ("example.org:/acme/shop", "example.org/acme/shop"),
        ("https://example.org/a@b.git", "example.org/a@b"),
        ("https://example.org", "example.org/"),
        ("/srv/git/shop.git", "/srv/git/shop.git"),
        ("../git:old/shop.git", "../git:old/shop.git"),
        ("file:///srv/git/shop.git", "file:///srv/git/shop.git"),
    ] {
        assert_eq!(repository_of(url), expected);
    }
}

#[test]
fn the_remote_is_found_among_other_sections() {
    let config = "[core]\n\turl = no\n[remote \"upstream\"]\n\turl = no\n[remote \"origin\"]\n\tfetch = x\n\turl = git@example.org:shop.git\n";
    assert_eq!(remote_url(config).as_deref(), Some("git@example.org:shop.git"));
    assert_eq!(remote_url("[core]\nbare = false\n"), None);
}

#[test]
fn a_checkout_is_named_by_its_remote_and_any_other_directory_by_its_path() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let deploy = root.path().join("deploy");
    std::fs::create_dir_all(&deploy).expect("a directory");
    let path = deploy.canonicalize().expect("it exists");
    assert_eq!(source_of(&deploy).expect("it exists").as_str(), path.display().to_string());

    std::fs::create_dir(root.path().join(".git")).expect("a directory");
    let config = "[remote \"origin\"]\nurl = git@example.org:shop.git\n";
    std::fs::write(root.path().join(".git/config"), config).expect("a file");
    assert_eq!(source_of(&deploy).expect("it exists").as_str(), "example.org/shop//deploy");
    assert!(source_of(&root.path().join("missing")).is_err());
}

#[test]
fn a_linked_work_tree_is_the_same_source() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let main = root.path().join("main/.git");
    let linked = root.path().join("linked");
    std::fs::create_dir_all(main.join("worktrees/linked")).expect("a directory");
    std::fs::create_dir_all(&linked).expect("a directory");
    std::fs::write(main.join("config"), "[remote \"origin\"]\nurl = git@example.org:shop.git\n").expect("a file");
    std::fs::write(main.join("worktrees/linked/commondir"), "../..\n").expect("a file");
    std::fs::write(linked.join(".git"), "gitdir: ../main/.git/worktrees/linked\n").expect("a file");
    assert_eq!(source_of(&linked).expect("it exists").as_str(), "example.org/shop//");
}

#[test]
fn a_link_keeps_its_name_wherever_it_leads() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let root = root.path().canonicalize().expect("it exists");
    let (one, current) = (root.join("one"), root.join("current"));
    std::fs::create_dir(&one).expect("a directory");
    std::os::unix::fs::symlink("one", &current).expect("a link");
    let name = |path: &Path| source_of(path).expect("it exists").as_str().to_owned();
    assert_eq!(name(&current), current.display().to_string());
    assert_eq!(name(&root.join("./current/.")), current.display().to_string());
    assert_eq!(name(&root.join("one/../current")), one.display().to_string());
}

#[test]
fn the_commit_is_read_wherever_git_keeps_it() {
    let root = tempfile::tempdir().expect("a directory");
    let (git, inside) = (root.path().join("repo/.git"), root.path().join("repo/deploy"));
    let write = |path: &Path, text: &str| {
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    };
    std::fs::create_dir_all(&inside).expect("a directory");
    assert_eq!(commit_of(&inside), None, "no repository");
    let hash = |digit: char| digit.to_string().repeat(40);
    write(&git.join("HEAD"), "ref: refs/heads/feature/x\n");
    assert_eq!(commit_of(&inside), None, "nothing is committed");
    write(
        &git.join("packed-refs"),
        &format!("# pack-refs with: peeled\n{} refs/heads/feature/x\n^{}\n", hash('a'), hash('9')),
    );
    assert_eq!(commit_of(&inside).as_deref(), Some("aaaaaaaaaaaa (feature/x)"));
    write(&git.join("refs/heads/feature/x"), &format!("{}\n", hash('b')));
    assert_eq!(commit_of(&inside).as_deref(), Some("bbbbbbbbbbbb (feature/x)"), "it is newer than what was packed");
    write(&git.join("HEAD"), &format!("{}\n", hash('c')));
    assert_eq!(commit_of(&inside).as_deref(), Some("cccccccccccc"), "no branch");
    for head in ["ref: ../../secret\n", "ref: /etc/hostname\n", "nonsense\n", "", "ref: \n"] {
        write(&git.join("HEAD"), head);
        assert_eq!(commit_of(&inside), None, "{head}");
    }
    // A linked work tree has a head of its own and shares the branches.
    write(&root.path().join("tree/.git"), &format!("gitdir: {}\n", git.join("worktrees/tree").display()));
    write(&git.join("worktrees/tree/HEAD"), "ref: refs/heads/feature/x\n");
    write(&git.join("worktrees/tree/commondir"), "../..\n");
    assert_eq!(commit_of(&root.path().join("tree")).as_deref(), Some("bbbbbbbbbbbb (feature/x)"));
}
