use super::*;
use crate::desired::SecretPurpose;
use crate::value::ContainerName;

#[test]
fn a_container_gets_only_the_value_that_its_revision_was_named_for() {
    let root = tempfile::tempdir().unwrap();
    let directories = Directories { state: root.path().join("state"), runtime: root.path().join("run") };
    let secrets = Secrets::new(Providers::default(), directories);
    let (family, container) = (Family::new("web").unwrap(), ContainerName::new("main").unwrap());
    let id = SecretId { family: family.clone(), container, purpose: SecretPurpose::Container, name: "DB".to_owned() };
    std::fs::write(root.path().join("db"), "one").unwrap();
    let spec = |version| SecretSpec { name: "DB".to_owned(), value_from: "file:db".to_owned(), version, file: None };
    assert_eq!(secrets.value_of(&id, &spec(None)), Err(SecretError::NoBase));
    let base = Base { manifest: root.path().join("web.yaml").display().to_string(), root: root.path().to_owned() };
    secrets.remember_bases(BTreeMap::from([(family.clone(), base)]));
    let value = secrets.resolve_for(&family, "file:db").unwrap();
    let version = Some(secrets.key().unwrap().version_of(&id, &value));
    assert_eq!(secrets.value_of(&id, &spec(version)), Ok(value));
    // Not known when the manifests were read, changed since, and gone.
    assert_eq!(secrets.value_of(&id, &spec(None)), Err(SecretError::Changed));
    std::fs::write(root.path().join("db"), "two").unwrap();
    assert_eq!(secrets.value_of(&id, &spec(version)), Err(SecretError::Changed));
    std::fs::remove_file(root.path().join("db")).unwrap();
    assert!(matches!(secrets.value_of(&id, &spec(version)), Err(SecretError::File { .. })));
}
