use super::*;

fn identity() -> ContainerIdentity {
    ContainerIdentity {
        task: TaskKey {
            cluster: ClusterName::new("shop").expect("a name"),
            service: ServiceName::new("web").expect("a name"),
            slot: Slot(2),
            revision: Revision::parse("1:9c1d42e07a31b5f8").expect("a revision"),
            attempt: Attempt(3),
        },
        container: ContainerName::new("nginx").expect("a name"),
        source: Source::new("git@example.org:shop.git//deploy"),
        family: Family::new("web").expect("a name"),
        failures: 2,
        essential: true,
        containers: 1,
        position: 0,
        deployment: DeploymentMark::default(),
        image: None,
        scheduling: Scheduling::default(),
    }
}

fn spec(text: &str) -> ContainerSpec {
    serde_json::from_str(text).expect("a spec")
}

#[test]
fn labels_survive_the_way_to_the_engine_and_back() {
    let spec = spec(r#"{"name":"nginx","image":"shop:1","dockerLabels":{"team":"web"}}"#);
    let labels = identity().labels(&spec);
    assert_eq!(ContainerIdentity::read(|key| labels.get(key).map(String::as_str)), Some(identity()));
    assert_eq!(labels.get("team").map(String::as_str), Some("web"));
    let text = RecordedSpec::find(|key| labels.get(key).map(String::as_str)).expect("the spec is a label");
    assert_eq!(text.read().map(|read| &**read), Some(&spec), "the label holds a spec");
}

#[test]
fn a_label_is_read_once_and_one_of_another_release_not_at_all() {
    let label = RecordedSpec::of(&spec(r#"{"name":"nginx","image":"shop:1"}"#));
    let (first, again) = (label.read().expect("it is ours"), label.clone());
    assert!(std::sync::Arc::ptr_eq(first, again.read().expect("it is ours")));
    assert_eq!(label, RecordedSpec::from(label.text()), "the text is what counts");
    let foreign = RecordedSpec::from(r#"{"name":"nginx","image":["shop","1"]}"#);
    assert_eq!((foreign.read(), foreign.mentions(&["no such word", "image"])), (None, true));
}

#[test]
fn a_container_without_all_our_labels_is_not_ours() {
    let labels = identity().labels(&spec(r#"{"name":"nginx","image":"shop:1"}"#));
    // What earlier releases did not write is read as what held for them.
    let may_be_missing = [SPEC, POSITION, DEPLOYMENT, DEPLOYMENT_FAILURES];
    for missing in labels.keys().filter(|key| !may_be_missing.contains(&key.as_str())) {
        let read = ContainerIdentity::read(|key| labels.get(key).filter(|_| key != missing).map(String::as_str));
        assert_eq!(read, None, "without {missing}");
    }
}

#[test]
fn a_user_cannot_forge_our_labels() {
    let labels =
        identity().labels(&spec(r#"{"name":"nginx","image":"shop:1","dockerLabels":{"reconcile.cluster":"bank"}}"#));
    assert_eq!(labels.get(CLUSTER).map(String::as_str), Some("shop"));
}

#[test]
fn names_are_readable_and_distinct() {
    let names: Vec<_> = identity().names().collect();
    assert_eq!(names[0], "shop.web.2.nginx.9c1d42.3");
    assert_eq!(names[1], "shop.web.2.nginx.9c1d42.3.2");
    assert_eq!(names.len(), 5);
}

#[test]
fn sensitive_values_are_left_out_of_the_label() {
    let spec = spec(
        r#"{"name":"a","image":"b","environment":{"DB_PASSWORD":"hunter2","URL":"postgres://u:hunter2@db/x","PORT":"80"}}"#,
    );
    let labels = identity().labels(&spec);
    assert!(!labels.values().any(|value| value.contains("hunter2")), "{labels:?}");
    assert!(labels[SPEC].contains(r#""PORT":"80""#));
}

#[test]
fn what_is_sensitive() {
    for (name, value, sensitive) in [
        ("DB_PASSWORD", "x", true),
        ("github_token", "x", true),
        ("STRIPE_KEY", "x", true),
        ("KEYBOARD", "x", false),
        ("URL", "https://example.org/a@b:c", false),
        ("URL", "https://user@example.org/", false),
        ("URL", "https://user:pw@example.org/", true),
        ("PORT", "8080", false),
    ] {
        assert_eq!(is_sensitive(name, value), sensitive, "{name}={value}");
    }
}

#[test]
fn the_image_of_a_deployment_is_written_and_read() {
    let spec: ContainerSpec = serde_json::from_str(r#"{"name":"web","image":"shop:1"}"#).expect("a spec");
    let read = |identity: &ContainerIdentity| {
        let labels = identity.labels(&spec);
        ContainerIdentity::read(|key| labels.get(key).map(String::as_str)).expect("it is ours")
    };
    let digests = [None, Some("h:5/shop@sha256:2")];
    for digest in digests {
        let image = ImagePin { id: ImageId::new("sha256:1"), digest: digest.map(Arc::from) };
        let identity = ContainerIdentity { image: Some(image), ..identity() };
        assert_eq!(read(&identity), identity);
    }
    assert_eq!(read(&identity()).image, None, "an earlier release wrote none");
}

#[test]
fn a_daemon_is_known_by_its_containers_when_no_manifest_asks_for_it_any_more() {
    let spec: ContainerSpec = serde_json::from_str(r#"{"name":"web","image":"shop:1"}"#).expect("a spec");
    for (scheduling, label) in [(Scheduling::Daemon, Some("DAEMON")), (Scheduling::Replica, None)] {
        let identity = ContainerIdentity { scheduling, ..identity() };
        let labels = identity.labels(&spec);
        let read = |key: &str| labels.get(key).map(String::as_str);
        assert_eq!((read("reconcile.scheduling-strategy"), ContainerIdentity::read(read)), (label, Some(identity)));
    }
}

#[test]
fn a_task_on_its_own_is_named_and_read_like_any_other() {
    let task = crate::testing::task("job", &[r#"{"name":"main","image":"job:1"}"#]);
    let key = crate::testing::key("shop/run.job.00ab020304ff/0", &task);
    assert_eq!(key.id().to_string(), "00ab020304ff");
    let container = crate::testing::container(&key, &task, &task.containers[0]);
    let identity = ContainerIdentity { source: Source::standalone(), ..container.identity };
    assert!(identity.name().starts_with("shop.run.job.00ab020304ff.0.main."), "{}", identity.name());
    let labels = identity.labels(&task.containers[0]);
    assert_eq!(ContainerIdentity::read(|label| labels.get(label).map(String::as_str)), Some(identity));
    // The task of a service has an id that follows from its key, another one for each try.
    let of_service = crate::testing::key("shop/web/0", &task);
    assert_eq!(of_service.id(), of_service.clone().id());
    let again = TaskKey { attempt: Attempt(2), ..of_service.clone() };
    assert_ne!(of_service.id(), again.id());
}
