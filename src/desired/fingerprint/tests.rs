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

/// Fields that are younger than the revisions above.
const YOUNGER: &str = r#"{
  "dependsOn": [{"containerName": "init", "condition": "SUCCESS"}], "startTimeout": 30,
  "restartPolicy": {"ignoredExitCodes": [0], "restartAttemptPeriod": 60}
}"#;

#[test]
fn every_field_counts() {
    let [mut object, younger] = [FULL, YOUNGER].map(|text| {
        let value: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).expect("an object");
        value
    });
    object.extend(younger);
    let base: ContainerSpec = serde_json::from_value(object.clone().into()).expect("a full spec");
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

const OPTIONS: &str = r#"{
  "name": "web", "image": "shop:1",
  "links": [{"container": "db", "alias": "database"}], "volumesFrom": [{"sourceContainer": "db", "readOnly": true}],
  "hostname": "web", "dnsServers": ["10.0.0.1"], "dnsSearchDomains": ["a.b"], "extraHosts": [{"hostname": "a", "ipAddress": "10.0.0.2"}],
  "interactive": true, "pseudoTerminal": true, "privileged": true, "readonlyRootFilesystem": true, "disableNetworking": true,
  "dockerSecurityOptions": ["no-new-privileges"], "ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 2}],
  "systemControls": {"net.core.somaxconn": "1"},
  "linuxParameters": {
    "capabilitiesAdded": ["KILL"], "capabilitiesDropped": ["ALL"],
    "devices": [{"hostPath": "/dev/a", "containerPath": "/dev/b", "permissions": ["read", "mknod"]}],
    "initProcessEnabled": true, "sharedMemorySize": 8, "tmpfs": [{"containerPath": "/t", "size": 1, "mountOptions": ["noexec"]}],
    "swap": {"maxSwap": 0, "swappiness": 10}},
  "logConfiguration": {"logDriver": "json-file", "options": {"max-size": "1m"}}, "gpus": {"count": 2},
  "task": {
    "networkMode": "host", "cpu": 512, "memory": 64, "pidMode": "host", "ipcMode": "none", "cpuArchitecture": "ARM64",
    "tags": {"team": "shop"}}
}"#;

/// An option that is younger than the revision below.
const SECRET_OPTIONS: &str = r#"{"name": "web", "image": "shop:1", "logConfiguration": {"logDriver": "splunk", "secretOptions": [
  {"name": "splunk-token", "valueFrom": "file:token", "version": "00000001:00000000000000000000000000000002"}]}}"#;

#[test]
fn a_secret_option_counts_with_its_value() {
    let base: ContainerSpec = serde_json::from_str(SECRET_OPTIONS).expect("a spec");
    let text = serde_json::to_string(&base).expect("JSON");
    assert_eq!(serde_json::from_str::<ContainerSpec>(&text).expect("it was written by us"), base);
    let mut seen = vec![revision(base)];
    for (from, to) in
        [("0002", "0003"), ("file:token", "file:t"), ("\"splunk-token", "\"t"), ("secretOptions", "other")]
    {
        let changed = serde_json::from_str(&SECRET_OPTIONS.replace(from, to)).expect("a spec");
        let revision = revision(changed);
        assert!(!seen.contains(&revision), "{from} does not count");
        seen.push(revision);
    }
}

#[test]
fn every_option_counts() {
    let base: ContainerSpec = serde_json::from_str(OPTIONS).expect("a spec");
    assert_eq!(revision(base.clone()).to_string(), "1:e50a0be0450671b0");
    let text = serde_json::to_string(&base).expect("JSON");
    assert_eq!(serde_json::from_str::<ContainerSpec>(&text).expect("it was written by us"), base);
    let value: serde_json::Value = serde_json::from_str(OPTIONS).expect("the same as a value");
    for inside in ["", "/linuxParameters", "/linuxParameters/swap", "/task"] {
        let fields = value.pointer(inside).and_then(serde_json::Value::as_object).expect("an object");
        for field in fields.keys().filter(|key| !["name", "image", "maxSwap"].contains(&key.as_str())) {
            let mut changed = value.clone();
            let object = changed.pointer_mut(inside).and_then(serde_json::Value::as_object_mut).expect("an object");
            object.shift_remove(field);
            let changed: ContainerSpec = serde_json::from_value(changed).expect("every field has a default");
            assert_ne!(revision(base.clone()), revision(changed), "{inside}/{field} does not count");
        }
    }
}
