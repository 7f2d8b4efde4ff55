use std::os::unix::fs::MetadataExt;

use super::*;

/// A directory in memory: what Linux has for shared memory is one everywhere.
fn memory() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("reconcile-it-").tempdir_in("/dev/shm").expect("a directory in memory")
}

fn value(text: &str) -> SecretValue {
    SecretValue::new(text.as_bytes().to_vec()).unwrap()
}

fn write(files: &SecretFiles, source: &str, container: &str, text: &str) -> PathBuf {
    let value = value(text);
    let own = std::fs::metadata("/proc/self").unwrap();
    let owner = FileOwner { uid: own.uid(), gid: own.gid() };
    let content = Content { mode: FileMode::DEFAULT, owner, value: &value };
    files.write(source, container, std::iter::once(content)).unwrap().remove(0)
}

#[test]
fn a_file_is_as_it_is_wanted_and_goes_with_its_container() {
    let root = memory();
    let files = SecretFiles::new(root.path(), "/run/docker.sock");
    let path = write(&files, "shop", "web.0", "hunter2\n");
    assert_eq!(std::fs::read(&path).unwrap(), b"hunter2\n");
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o400);
    for directory in path.ancestors().skip(1).take(3) {
        assert_eq!(std::fs::metadata(directory).unwrap().mode() & 0o777, 0o700, "{}", directory.display());
    }
    assert_eq!(write(&files, "shop", "web.0", "hunter3"), path, "a second try takes the place of the first");
    assert_eq!(std::fs::read(&path).unwrap(), b"hunter3");
    files.remove("shop", "web.0");
    assert!(!files.has_any("shop") && !path.parent().unwrap().exists());
}

#[test]
fn a_sweep_takes_what_has_no_container_of_that_source() {
    let root = memory();
    let files = SecretFiles::new(root.path(), "/run/docker.sock");
    let kept = write(&files, "shop", "web.0", "a");
    let gone = write(&files, "shop", "web.1", "b");
    let other = write(&files, "other", "web.1", "c");
    files.sweep("shop", std::iter::once("web.0".to_owned()));
    assert!(kept.exists() && !gone.exists() && other.exists());
}

#[test]
fn a_disk_is_refused() {
    // The directory of the sources is never in memory.
    let root = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let files = SecretFiles::new(root.path(), "/run/docker.sock");
    let error = files.check().unwrap_err();
    assert!(error.to_string().contains("is not on a tmpfs"), "{error}");
}
