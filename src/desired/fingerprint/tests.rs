use super::*;
use crate::value::ContainerName;

fn minimal() -> ContainerSpec {
    serde_json::from_str(r#"{"name":"web","image":"shop:1"}"#).expect("a minimal spec")
}

fn revision(spec: ContainerSpec) -> Revision {
    Revision::of(&Family::new("web").expect("a name"), &[Arc::new(spec)])
}

/// **Invariant 9.** A newer release computes the same revisions, or a converged host would be rolled over by an upgrade.
#[test]
fn revisions_of_earlier_releases_still_hold() {
    assert_eq!(revision(minimal()).to_string(), "1:bbf9d07ae623f1d2");
    let full: ContainerSpec = serde_json::from_str(FULL).expect("a full spec");
    assert_eq!(revision(full).to_string(), "1:bb9300bc7237f842");
}

const FULL: &str = r#"{
  "name": "web", "image": "shop:1", "essential": false, "entryPoint": ["/shop"], "command": ["front"],
  "environment": {"A": "1", "B": "2"}, "portMappings": [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 53, "protocol": "udp"}],
  "cpu": 256, "memory": 128, "memoryReservation": 64,
  "healthCheck": {"command": ["CMD", "/shop"], "interval": 5, "timeout": 2, "retries": 3, "startPeriod": 0},
  "stopTimeout": 5,
  "mountPoints": [
    {"sourceVolume": "a", "containerPath": "/a", "volume": {"kind": "host", "sourcePath": "/srv"}},
    {"sourceVolume": "b", "containerPath": "/b", "readOnly": true, "volume": {"kind": "task"}},
    {"sourceVolume": "c", "containerPath": "/c", "volume": {"kind": "shared", "autoprovision": true, "driver": {"name": "local"}}}],
  "user": "1000", "workingDirectory": "/tmp", "dockerLabels": {"team": "shop"}
}"#;

#[test]
fn every_field_counts() {
    let base: ContainerSpec = serde_json::from_str(FULL).expect("a full spec");
    let value: serde_json::Value = serde_json::from_str(FULL).expect("the same as a value");
    let object = value.as_object().expect("a spec is an object");
    for field in object.keys().filter(|key| !["name", "image"].contains(&key.as_str())) {
        let mut without = object.clone();
        without.shift_remove(field);
        let changed: ContainerSpec = serde_json::from_value(without.into()).expect("every other field has a default");
        assert_ne!(revision(base.clone()), revision(changed), "{field} does not count");
    }
    assert_ne!(revision(base.clone()), revision(ContainerSpec { image: "shop:2".to_owned(), ..base.clone() }));
    let name = ContainerName::new("other").expect("a name");
    assert_ne!(revision(base.clone()), revision(ContainerSpec { name, ..base }));
}

#[test]
fn neighbouring_texts_do_not_run_together() {
    let with = |command: &[&str], entry_point: &[&str]| ContainerSpec {
        command: Some(command.iter().map(|&word| word.to_owned()).collect()),
        entry_point: Some(entry_point.iter().map(|&word| word.to_owned()).collect()),
        ..minimal()
    };
    assert_ne!(revision(with(&["a", "b"], &[])), revision(with(&["ab"], &[])));
    assert_ne!(revision(with(&["a"], &["b"])), revision(with(&["b"], &["a"])));
    assert_ne!(revision(with(&[], &[])), revision(minimal()), "an empty command is not an absent one");
}

#[test]
fn a_revision_survives_its_text() {
    let revision = revision(minimal());
    assert_eq!(Revision::parse(&revision.to_string()), Ok(revision));
    for bad in ["", "1", "1:", "1:xyz", ":0", "1:123", "x:0123456789abcdef", "1:0123456789abcdef0"] {
        assert!(Revision::parse(bad).is_err(), "{bad:?} is not a revision");
    }
}

#[test]
fn where_an_image_comes_from_counts_only_when_it_is_said() {
    let with = |fields: &str| {
        let text = format!(r#"{{"name":"web","image":"shop:1"{fields}}}"#);
        let spec: ContainerSpec = serde_json::from_str(&text).expect("a spec");
        revision(spec)
    };
    assert_eq!(with(r#","versionConsistency":"enabled""#), revision(minimal()));
    assert_ne!(with(r#","versionConsistency":"disabled""#), revision(minimal()));
    let one = with(r#","repositoryCredentials":{"credentialsParameter":"file:a"}"#);
    assert_ne!(one, revision(minimal()));
    assert_ne!(one, with(r#","repositoryCredentials":{"credentialsParameter":"file:b"}"#));
}
