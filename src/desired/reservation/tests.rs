use super::{Resources, Sizes, reserve};

/// Containers as the specs that their labels hold.
fn reservation(containers: &[&str]) -> (u64, u64) {
    let Resources { cpu, memory } = reserve(containers.iter().map(|text| Sizes::read(text)));
    (cpu, memory)
}

#[test]
fn the_size_of_the_task_counts_or_that_of_its_containers_together() {
    for (containers, expected) in [
        (&["{}"][..], (0, 0)),
        (&[r#"{"cpu":256,"memory":512}"#], (256, 512)),
        // The soft limit is what is set aside.
        (&[r#"{"memory":512,"memoryReservation":128}"#], (0, 128)),
        (&[r#"{"memoryReservation":128}"#, r#"{"cpu":10,"memory":64}"#, "{}"], (10, 192)),
        // Each size of the task stands for itself.
        (&[r#"{"cpu":256,"memory":64,"task":{"memory":1024}}"#], (256, 1024)),
        (&[r#"{"cpu":256,"memory":64,"task":{"cpu":512}}"#, r#"{"task":{"cpu":512}}"#], (512, 64)),
        // The container that owns the namespaces knows nothing of the size of the task, wherever it stands.
        (&["{}", r#"{"memory":64,"task":{"cpu":512,"memory":1024}}"#], (512, 1024)),
        (&[r#"{"memory":64,"task":{"cpu":512,"memory":1024}}"#, "{}"], (512, 1024)),
        // A label that nobody can read.
        (&["no spec"], (0, 0)),
        (&[r#"{"memory":4294967295}"#, r#"{"memory":4294967295}"#], (0, 8_589_934_590)),
    ] {
        assert_eq!(reservation(containers), expected, "{containers:?}");
    }
}

#[test]
fn the_label_of_a_container_says_the_same_as_its_spec() {
    let mut spec = crate::desired::ContainerSpec::new(crate::value::ContainerName::new("web").unwrap(), "web:1");
    spec.cpu = 128;
    spec.memory = Some(256);
    spec.memory_reservation = Some(64);
    spec.task.memory = Some(512);
    let text = serde_json::to_string(&spec).unwrap();
    assert_eq!(Sizes::read(&text), Sizes::from(&spec));
}

#[test]
fn room_is_never_less_than_nothing() {
    let (small, large) = (Resources { cpu: 1, memory: 20 }, Resources { cpu: 10, memory: 2 });
    assert_eq!(small.without(large), Resources { cpu: 0, memory: 18 });
    assert_eq!(small.lacking(large), Resources { cpu: 0, memory: 20 });
    assert_eq!(large.lacking(small), Resources { cpu: 10, memory: 0 });
    assert!(small.lacking(small).is_nothing());
}
