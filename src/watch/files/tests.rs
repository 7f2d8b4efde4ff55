use super::*;

/// Long enough for a loaded machine, far below the time at which a directory is read without a hint.
const PATIENCE: Duration = Duration::from_secs(15);

async fn is_noticed(watch: &mut DirectoryWatch, change: impl FnOnce()) -> bool {
    change();
    tokio::time::timeout(PATIENCE, watch.changed()).await.is_ok()
}

fn watch(directory: &Path) -> DirectoryWatch {
    let (watch, trouble) = DirectoryWatch::new(directory, BTreeSet::new());
    assert_eq!(trouble, None);
    watch
}

#[tokio::test]
async fn every_way_to_save_a_file_is_noticed() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| root.path().join(name);
    std::fs::write(path("web.yaml"), "a").expect("a file");
    let mut watch = watch(root.path());
    assert!(
        is_noticed(&mut watch, || std::fs::write(path("web.yaml"), "b").expect("a file")).await,
        "written in place"
    );
    let replaced = || {
        std::fs::write(path("web.tmp"), "c").expect("a file");
        std::fs::rename(path("web.tmp"), path("web.yaml")).expect("a rename");
    };
    assert!(is_noticed(&mut watch, replaced).await, "replaced by a rename");
    let nested = || {
        std::fs::create_dir_all(path("a/b")).expect("directories");
        std::fs::write(path("a/b/c.yaml"), "d").expect("a file");
    };
    assert!(is_noticed(&mut watch, nested).await, "in new directories");
    assert!(is_noticed(&mut watch, || std::fs::write(path("a/b/c.yaml"), "e").expect("a file")).await, "below them");
    assert!(is_noticed(&mut watch, || std::fs::remove_file(path("web.yaml")).expect("a file")).await, "removed");
}

#[tokio::test]
async fn a_directory_that_is_replaced_is_followed() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| root.path().join(name);
    for release in ["1", "2"] {
        std::fs::create_dir(path(release)).expect("a directory");
    }
    std::os::unix::fs::symlink("1", path("current")).expect("a link");
    let mut watch = watch(&path("current"));
    let swap = || {
        std::os::unix::fs::symlink("2", path("next")).expect("a link");
        std::fs::rename(path("next"), path("current")).expect("a rename");
    };
    assert!(is_noticed(&mut watch, swap).await, "the link leads elsewhere");
    assert!(
        is_noticed(&mut watch, || std::fs::write(path("2/a.yaml"), "a").expect("a file")).await,
        "and there it goes on"
    );
}

#[tokio::test]
async fn reading_is_not_a_change() {
    let root = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(root.path().join("web.yaml"), "a").expect("a file");
    let mut watch = watch(root.path());
    std::fs::read(root.path().join("web.yaml")).expect("a file");
    std::fs::read_dir(root.path()).expect("a directory").for_each(drop);
    let noticed = tokio::time::timeout(Duration::from_millis(700), watch.hints.recv()).await;
    assert!(noticed.is_err(), "reading the directory must not lead to reading it again");
}

#[tokio::test]
async fn a_git_operation_is_waited_for() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let lock = root.path().join(".git/index.lock");
    std::fs::create_dir(root.path().join(".git")).expect("a directory");
    std::fs::write(&lock, "").expect("a file");
    let waiting = wait_for_git(root.path());
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(Duration::from_millis(500), &mut waiting).await.is_err(), "the lock is there");
    std::fs::remove_file(&lock).expect("a file");
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "the lock is gone");
}

#[tokio::test]
async fn a_file_beside_the_directory_is_watched() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| root.path().join(name);
    for directory in ["manifests", "outside"] {
        std::fs::create_dir(path(directory)).expect("a directory");
    }
    std::fs::write(path("outside/a.env"), "A=1").expect("a file");
    let mut watch = watch(&path("manifests"));
    watch.watch_beside(BTreeSet::from([path("outside/a.env")]));
    let written = || std::fs::write(path("outside/a.env"), "A=2").expect("a file");
    assert!(is_noticed(&mut watch, written).await, "written in place");
    let replaced = || {
        std::fs::write(path("outside/b"), "A=3").expect("a file");
        std::fs::rename(path("outside/b"), path("outside/a.env")).expect("a rename");
    };
    assert!(is_noticed(&mut watch, replaced).await, "replaced by a rename");
}
