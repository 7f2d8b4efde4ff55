use super::*;
use crate::desired::{Condition, PortMapping, Protocol};
use crate::testing::spec;

fn settings(json: &str) -> TaskSettings {
    serde_json::from_str(json).unwrap()
}

fn containers(task: &TaskSettings) -> Vec<ContainerSpec> {
    let port = r#""portMappings":[{"containerPort":80}]"#;
    let controls = r#""systemControls":{"net.core.somaxconn":"7","kernel.msgmax":"9"}"#;
    let texts = [
        format!(r#"{{"name":"web","image":"web:1",{port},{controls}}}"#),
        format!(r#"{{"name":"log","image":"log:1",{port},"systemControls":{{"net.core.somaxconn":"8"}}}}"#),
    ];
    let mut containers: Vec<_> = texts.iter().map(|text| ContainerSpec { task: task.clone(), ..spec(text) }).collect();
    add_namespace_owner(&mut containers, task);
    containers
}

#[test]
fn only_a_task_that_shares_something_has_an_owner() {
    for (json, has_owner) in [
        ("{}", false),
        (r#"{"networkMode":"host"}"#, false),
        (r#"{"networkMode":"none","pidMode":"host","ipcMode":"none"}"#, false),
        (r#"{"networkMode":"awsvpc"}"#, true),
        (r#"{"pidMode":"task"}"#, true),
        (r#"{"ipcMode":"task"}"#, true),
    ] {
        let found = containers(&settings(json)).iter().any(ContainerSpec::is_namespace_owner);
        assert_eq!(found, has_owner, "{json}");
    }
}

#[test]
fn the_owner_has_what_belongs_to_the_namespaces() {
    let task = settings(r#"{"networkMode":"awsvpc","memory":64,"cpu":256}"#);
    let containers = containers(&task);
    let [web, log, owner] = &containers[..] else { panic!("{containers:?}") };
    assert!(owner.essential && owner.is_namespace_owner() && !owner.joins_namespaces());
    assert_eq!(owner.image, PAUSE_IMAGE);
    // Two containers with one address have a port once.
    let port = PortMapping { container_port: 80, host_port: 0, protocol: Protocol::Tcp };
    assert_eq!(owner.port_mappings, [port]);
    let control = BTreeMap::from([("net.core.somaxconn".to_owned(), "8".to_owned())]);
    assert_eq!(owner.options.system_controls, control, "the last one counts");
    assert_eq!(web.options.system_controls.keys().collect::<Vec<_>>(), ["kernel.msgmax"]);
    assert_eq!((owner.task.memory, owner.task.cpu), (None, None), "the limits are for the others");
    for container in [web, log] {
        let first = container.start_dependencies().next().expect("it waits for the owner");
        assert_eq!((first.container_name.is_namespace_owner(), first.condition), (true, Condition::Start));
    }
    assert_eq!(owner.start_dependencies().count(), 0);
}
