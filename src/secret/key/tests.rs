use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::value::{ContainerName, Family};

fn version(key: &SecretKey, container: &str, name: &str, value: &str) -> SecretVersion {
    let value = SecretValue::new(value.as_bytes().to_vec()).unwrap();
    let (family, container) = (Family::new("web").unwrap(), ContainerName::new(container).unwrap());
    key.version_of(&SecretId { family, container, purpose: SecretPurpose::Container, name: name.to_owned() }, &value)
}

#[test]
fn a_key_is_made_once_and_for_its_owner_alone() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("a/b");
    assert_eq!(SecretKey::find(&directory), Ok(None));
    assert!(!directory.exists(), "looking makes nothing");
    let made = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| SecretKey::find_or_make(&directory).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(made.iter().all(|key| *key == made[0]));
    assert_eq!(SecretKey::find(&directory), Ok(Some(made[0].clone())));
    let names: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [FILE_NAME]);
    let permissions = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((permissions(&directory), permissions(&directory.join(FILE_NAME))), (0o700, 0o600));
}

#[test]
fn a_key_that_is_not_right_is_not_replaced() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join(FILE_NAME);
    SecretKey::find_or_make(root.path()).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(matches!(SecretKey::find_or_make(root.path()), Err(KeyError::Open { .. })));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(&path, "short").unwrap();
    assert!(matches!(SecretKey::find_or_make(root.path()), Err(KeyError::Damaged { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"short");
}

#[test]
fn a_version_tells_only_that_a_value_is_the_same() {
    let root = tempfile::tempdir().unwrap();
    let key = SecretKey::find_or_make(root.path()).unwrap();
    let first = version(&key, "main", "A", "hunter2");
    assert_eq!(first, version(&key, "main", "A", "hunter2"));
    for (container, name, value) in
        [("main", "A", "hunter3"), ("main", "B", "hunter2"), ("other", "A", "hunter2"), ("main", "Ah", "unter2")]
    {
        let other = version(&key, container, name, value);
        assert!(other.digest != first.digest && other.key == first.key, "{container} {name}");
    }
    let other = version(&SecretKey([7; LENGTH]), "main", "A", "hunter2");
    assert!(other.key != first.key && other.digest != first.digest);
    assert_eq!(format!("{key:?}"), "SecretKey");
}
