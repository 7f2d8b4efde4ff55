use super::*;
use crate::desired::SecretPurpose;
use crate::desired::inputs::SecretId;
use crate::desired::{FileMode, SecretVersion};
use crate::document::File;
use crate::load::{load_texts, validate_loaded};
use crate::value::ContainerName;

fn problems(text: &str) -> String {
    let loaded = load_texts(vec![("a.yaml".to_owned(), text.to_owned())]);
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let resolved = resolve(Source::new("test"), &validate_loaded(&loaded), &Inputs::default());
    let lines = resolved.problems.iter().map(|problem| {
        let place = problem.place.as_ref().map(ToString::to_string).unwrap_or_default();
        let help = problem.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{place} {} {}{help}\n", problem.severity.as_str(), problem.message)
    });
    lines.collect()
}

const CLUSTER: &str = "apiVersion: reconcile/v1\nkind: Cluster\nmetadata: { name: shop }\n";

fn definition(name: &str, rest: &str) -> String {
    format!(
        "---\napiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: {{ name: {name} }}\n\
         spec: {{ containerDefinitions: [{{ name: c, image: i{rest} }}] }}\n"
    )
}

fn service(name: &str, rest: &str) -> String {
    format!(
        "---\napiVersion: reconcile/v1\nkind: Service\nmetadata: {{ name: {name} }}\n\
         spec: {{ cluster: shop, {rest} }}\n"
    )
}

#[test]
fn what_is_right_has_no_problem() {
    let text = [CLUSTER, &definition("web", ""), &service("web", "taskDefinition: web, desiredCount: 2")].concat();
    assert_eq!(problems(&text), "");
}

#[test]
fn references_are_followed_and_the_nearest_name_is_offered() {
    let text = [CLUSTER, &definition("web", ""), &service("web", "taskDefinition: wbe")].concat();
    assert_eq!(
        problems(&text),
        "a.yaml:7:19 warning no service uses TaskDefinition `web`\n\
         a.yaml:13:40 error TaskDefinition `wbe` is not declared (did you mean `web`?)\n"
    );
    let alone = service("web", "taskDefinition: web");
    assert_eq!(
        problems(&alone),
        "a.yaml:5:18 error Cluster `shop` is not declared (add a manifest of kind Cluster with `metadata.name: shop`)\n\
         a.yaml:5:40 error TaskDefinition `web` is not declared (add a manifest of kind TaskDefinition with `metadata.name: web`)\n"
    );
}

#[test]
fn a_reference_to_what_is_not_valid_is_not_one_mistake_more() {
    let text = [CLUSTER, &definition("web", ", bogus: 1"), &service("web", "taskDefinition: web")].concat();
    assert_eq!(problems(&text), "");
}

#[test]
fn a_name_is_declared_once() {
    let text = [CLUSTER, &definition("web", ""), &service("web", "taskDefinition: web"), "---\n", CLUSTER].concat();
    assert_eq!(
        problems(&text),
        "a.yaml:17:19 error Cluster `shop` is declared twice (rename one of them, or remove it)\n"
    );
}

#[test]
fn a_deployment_that_can_never_move_is_named() {
    let stuck = |rest: &str| {
        problems(&[CLUSTER, &definition("web", ""), &service("web", &format!("taskDefinition: web, {rest}"))].concat())
    };
    let limits = |minimum: u32, maximum: u32| {
        format!("deploymentConfiguration: {{ minimumHealthyPercent: {minimum}, maximumPercent: {maximum} }}")
    };
    assert!(stuck(&format!("desiredCount: 2, {}", limits(100, 100))).contains("cannot be updated"));
    assert!(stuck(&format!("desiredCount: 2, {}", limits(75, 125))).contains("of 2 no task may stop"));
    assert_eq!(stuck(&format!("desiredCount: 2, {}", limits(50, 100))), "");
    assert_eq!(stuck(&format!("desiredCount: 0, {}", limits(100, 100))), "");
}

#[test]
fn a_static_host_port_has_one_holder() {
    let port = ", portMappings: [{ containerPort: 80, hostPort: 8080 }]";
    let alone = "deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100 }";
    let text = |count: u32, rest: &str| {
        [
            CLUSTER,
            &definition("web", port),
            &service("web", &format!("taskDefinition: web, desiredCount: {count}{rest}")),
        ]
        .concat()
    };
    assert_eq!(problems(&text(1, &format!(", {alone}"))), "");
    assert!(problems(&text(1, "")).contains("keeps host port 8080"));
    assert!(problems(&text(2, "")).contains("2 tasks cannot all have the host port 8080"));
    let two = [text(1, &format!(", {alone}")), service("other", &format!("taskDefinition: web, {alone}"))].concat();
    assert!(
        problems(&two).contains("host port 8080/tcp is wanted by `shop/other` and by `shop/web`"),
        "{}",
        problems(&two)
    );
}

/// A task definition with environment files and secrets.
const CONFIGURED: &str = "\
apiVersion: reconcile/v1
kind: TaskDefinition
metadata: { name: web }
spec:
  containerDefinitions:
    - name: main
      image: web:1
      user: '1000:1001'
      environment: [{ name: C, value: given }]
      environmentFiles: [{ type: file, value: one.env }, { type: file, value: ../two.env }]
      secrets:
        - { name: KEY, valueFrom: 'file:key', path: /run/key, mode: '440' }
        - { name: D, valueFrom: 'env:D' }
---
apiVersion: reconcile/v1
kind: Service
metadata: { name: web }
spec: { cluster: shop, taskDefinition: web }
";

fn id(name: &str) -> SecretId {
    SecretId {
        family: Family::new("web").unwrap(),
        container: ContainerName::new("main").unwrap(),
        purpose: SecretPurpose::Container,
        name: name.to_owned(),
    }
}

fn file(name: &str, text: &str) -> (std::path::PathBuf, Arc<File>) {
    (name.into(), Arc::new(File::new(name.to_owned(), text.to_owned())))
}

const VERSION: SecretVersion = SecretVersion { key: 1, digest: 2 };

/// What it comes to, with `change` made to what it refers to.
fn configured(change: impl FnOnce(&mut Inputs)) -> (Arc<TaskSpec>, Origin) {
    let loaded = load_texts(vec![("deploy/web.yaml".to_owned(), format!("{CONFIGURED}---\n{CLUSTER}"))]);
    let mut inputs = Inputs {
        environment_files: BTreeMap::from([
            file("deploy/one.env", "A=first\nC=file\n"),
            file("two.env", "A=second\nB=2\nD=file\nKEY=kept\n"),
        ]),
        secret_versions: BTreeMap::from([(id("D"), VERSION)]),
    };
    change(&mut inputs);
    let resolved = resolve(Source::new("test"), &validate_loaded(&loaded), &inputs);
    assert!(resolved.problems.is_empty(), "{:?}", resolved.problems);
    let services = &resolved.desired.clusters.values().next().unwrap().services;
    (services.values().next().unwrap().task.clone(), resolved.origins.into_values().next().unwrap())
}

#[test]
fn environment_files_and_secrets_become_part_of_the_spec() {
    let (task, _) = configured(|_| {});
    let container = &task.containers[0];
    let environment: Vec<_> = container.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(environment, ["A=first", "B=2", "C=given", "KEY=kept"]);
    let [of_d, of_key] = &*container.secrets else { panic!("{:?}", container.secrets) };
    assert_eq!((&*of_d.name, of_d.version, of_d.file.is_some()), ("D", Some(VERSION), false));
    let delivered = of_key.file.as_ref().unwrap();
    let like = (of_key.version, delivered.mode, delivered.owner.to_string());
    assert_eq!(like, (None, FileMode::parse("440").unwrap(), "1000:1001".to_owned()));
}

#[test]
fn another_line_of_a_file_or_another_value_of_a_secret_is_another_revision() {
    let revision = |change: fn(&mut Inputs)| configured(change).0.revision;
    let first = revision(|_| {});
    assert_eq!(revision(|inputs| inputs.environment_files.extend([file("two.env", "B=2\nKEY=kept")])), first);
    assert_ne!(revision(|inputs| inputs.environment_files.extend([file("two.env", "B=3")])), first);
    assert_ne!(revision(|inputs| inputs.secret_versions.clear()), first);
    let other = |inputs: &mut Inputs| {
        inputs.secret_versions.insert(id("D"), SecretVersion { digest: 3, ..VERSION });
    };
    assert_ne!(revision(other), first);
}

#[test]
fn a_difference_is_shown_where_the_file_or_the_secret_is() {
    let (task, origin) = configured(|_| {});
    let mut old = (*task.containers[0]).clone();
    old.environment.insert("B".to_owned(), "1".to_owned());
    old.secrets[0].version = Some(SecretVersion { digest: 3, ..VERSION });
    let TaskSpec { family, revision, containers } = TaskSpec::new(Family::new("web").unwrap(), vec![Arc::new(old)]);
    let before = crate::change::Before { family, revision, containers };
    let shown: Vec<_> = crate::change::changes(&before, &task, Some(&origin))
        .into_iter()
        .map(|field| {
            let place = field.place.unwrap();
            format!("{} {:?} -> {:?} {:?} {place}", field.path, field.from, field.to, field.change)
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#"environment.B Some("1") -> Some("2") Changed two.env:2:1"#,
            "secrets.D None -> None Changed deploy/web.yaml:13:33",
        ]
    );
}

fn spec_of(definition: &str) -> serde_json::Value {
    let loaded = load_texts(vec![("a.json".to_owned(), definition.to_owned())]);
    let validated = validate_loaded(&loaded);
    let problems: Vec<_> = validated.problems.iter().filter(|problem| problem.is_error()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    let task = task::resolve_task(&validated.task_definitions[0], &Inputs::default());
    serde_json::to_value(&*task.containers[0]).expect("JSON")
}

#[test]
fn every_parameter_is_resolved() {
    let definition = r#"{
        "family": "web", "networkMode": "bridge", "cpu": ".5 vCPU", "memory": "1 GB", "pidMode": "host", "ipcMode": "none",
        "runtimePlatform": { "cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX" },
        "tags": [{ "key": "team", "value": "shop" }], "requiresCompatibilities": ["EC2"],
        "containerDefinitions": [{
            "name": "web", "image": "web:1",
            "portMappings": [{ "containerPortRange": "80-81", "protocol": "udp", "name": "a" }],
            "links": ["db", "db:database"], "volumesFrom": [{ "sourceContainer": "db" }],
            "hostname": "web", "dnsServers": ["10.0.0.1"], "dnsSearchDomains": ["a.b"],
            "extraHosts": [{ "hostname": "a", "ipAddress": "10.0.0.2" }],
            "interactive": true, "pseudoTerminal": true, "privileged": false, "readonlyRootFilesystem": true,
            "dockerSecurityOptions": ["no-new-privileges"], "ulimits": [{ "name": "nofile", "softLimit": 1, "hardLimit": 2 }],
            "systemControls": [{ "namespace": "kernel.msgmax", "value": "1" }],
            "linuxParameters": {
                "capabilities": { "add": ["KILL"], "drop": ["ALL"] }, "devices": [{ "hostPath": "/dev/a" }], "initProcessEnabled": false,
                "sharedMemorySize": 8, "tmpfs": [{ "containerPath": "/t", "size": 1 }], "maxSwap": 0, "swappiness": 10 },
            "logConfiguration": { "logDriver": "syslog", "options": { "tag": "x", "a": "b" }, "secretOptions": [
                { "name": "labels", "valueFrom": "env:L" }, { "name": "a", "valueFrom": "env:A" }] },
            "resourceRequirements": [{ "type": "GPU", "value": "ALL" }]
        }, { "name": "db", "image": "db:1" }]
    }"#;
    let expected = serde_json::json!({
        "name": "web", "image": "web:1",
        "portMappings": [{ "containerPort": 80, "protocol": "udp" }, { "containerPort": 81, "protocol": "udp" }],
        "links": [{ "container": "db", "alias": "db" }, { "container": "db", "alias": "database" }],
        "volumesFrom": [{ "sourceContainer": "db" }],
        "hostname": "web", "dnsServers": ["10.0.0.1"], "dnsSearchDomains": ["a.b"],
        "extraHosts": [{ "hostname": "a", "ipAddress": "10.0.0.2" }],
        "interactive": true, "pseudoTerminal": true, "readonlyRootFilesystem": true,
        "dockerSecurityOptions": ["no-new-privileges"], "ulimits": [{ "name": "nofile", "softLimit": 1, "hardLimit": 2 }],
        "systemControls": { "kernel.msgmax": "1" },
        "linuxParameters": {
            "capabilitiesAdded": ["KILL"], "capabilitiesDropped": ["ALL"],
            "devices": [{ "hostPath": "/dev/a", "containerPath": "/dev/a", "permissions": ["read", "write", "mknod"] }],
            "sharedMemorySize": 8, "tmpfs": [{ "containerPath": "/t", "size": 1 }], "swap": { "maxSwap": 0, "swappiness": 10 } },
        "logConfiguration": { "logDriver": "syslog", "options": { "tag": "x" }, "secretOptions": [
            { "name": "a", "valueFrom": "env:A" }, { "name": "labels", "valueFrom": "env:L" }] },
        "gpus": "all",
        "task": {
            "cpu": 512, "memory": 1024, "pidMode": "host", "ipcMode": "none", "cpuArchitecture": "X86_64", "tags": { "team": "shop" } },
    });
    assert_eq!(spec_of(definition), expected);
}

/// What is given as its default, and what has no effect, changes nothing.
#[test]
fn defaults_and_what_has_no_effect_leave_no_trace() {
    let plain = r#"{ "family": "web", "containerDefinitions": [{ "name": "web", "image": "web:1" }] }"#;
    let given = r#"{
        "family": "web", "networkMode": "bridge", "volumes": [], "placementConstraints": [], "requiresCompatibilities": ["EC2"],
        "taskRoleArn": "arn:aws:iam::1:role/a", "revision": 3, "status": "ACTIVE", "ephemeralStorage": { "sizeInGiB": 30 },
        "containerDefinitions": [{
            "name": "web", "image": "web:1", "essential": true, "environment": [], "mountPoints": [], "volumesFrom": [], "links": [],
            "portMappings": [], "systemControls": [], "ulimits": null, "privileged": false, "interactive": false, "cpu": 0,
            "linuxParameters": { "capabilities": {}, "devices": [], "tmpfs": [], "swappiness": 60, "initProcessEnabled": false },
            "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-group": "a" },
                "secretOptions": [{ "name": "a", "valueFrom": "env:A" }] },
            "firelensConfiguration": { "type": "fluentbit" }
        }]
    }"#;
    assert_eq!(spec_of(given), spec_of(plain));
}

/// In the host's own network the ports of the container are the host's, and are counted as such.
#[test]
fn ports_in_the_host_network_are_held() {
    let definition = |name: &str, rest: &str| {
        format!(
            "---\napiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: {{ name: {name} }}\n\
             spec: {{ networkMode: host, containerDefinitions: [{{ name: c, image: i{rest} }}] }}\n"
        )
    };
    let text = [
        CLUSTER,
        &definition("web", ", portMappings: [{ containerPort: 80 }]"),
        &service("web", "taskDefinition: web, desiredCount: 2"),
    ];
    assert!(
        problems(&text.concat()).contains("2 tasks cannot all have the host port 80"),
        "{}",
        problems(&text.concat())
    );
}

#[test]
fn a_daemon_has_one_task_and_goes_old_before_new() {
    let daemon = service("web", "taskDefinition: web, schedulingStrategy: DAEMON");
    let text = [CLUSTER, &definition("web", ""), &daemon].concat();
    assert_eq!(problems(&text), "");
    let loaded = load_texts(vec![("a.yaml".to_owned(), text)]);
    let resolved = resolve(Source::new("test"), &validate_loaded(&loaded), &Inputs::default());
    let mut services = resolved.desired.clusters.values().flat_map(|cluster| cluster.services.values());
    let daemon = services.next().expect("it is declared");
    assert_eq!((daemon.desired_count, daemon.minimum_healthy, daemon.maximum), (Some(1), Percent(0), Percent(100)));
}

#[test]
fn hooks_name_task_definitions() {
    let hooks = |hooks: &str| format!("taskDefinition: web, deploymentConfiguration: {{ lifecycleHooks: [{hooks}] }}");
    let with = |more: &str, of_service: &str| {
        problems(
            &[
                CLUSTER,
                &definition("web", ", portMappings: [{ containerPort: 80, hostPort: 80 }]"),
                more,
                &service("web", of_service),
            ]
            .concat(),
        )
    };
    let migrate = "{ taskDefinition: migrate, lifecycleStages: [POST_SCALE_UP, PRE_SCALE_UP] }";
    let wrong = with(&definition("migrte", ""), &hooks(migrate));
    assert!(wrong.contains("TaskDefinition `migrate` is not declared (did you mean `migrte`?)"), "{wrong}");
    let port = with(&definition("migrate", ", portMappings: [{ containerPort: 1, hostPort: 80 }]"), &hooks(migrate));
    assert!(port.contains("error host port 80/tcp is wanted by `shop/web` and by the hook `migrate`"), "{port}");
    // A task definition that only a hook uses is used.
    let right = with(&definition("migrate", ""), &hooks(migrate));
    assert!(!right.contains("error") && !right.contains("no service uses"), "{right}");
}

#[test]
fn hooks_stand_in_the_order_in_which_they_run() {
    let hooks = "taskDefinition: web, deploymentConfiguration: { lifecycleHooks: [\
                 { taskDefinition: smoke, lifecycleStages: [POST_SCALE_UP, PRE_SCALE_UP], timeoutSeconds: 5 }, \
                 { taskDefinition: migrate, lifecycleStages: [PRE_SCALE_UP] }] }";
    let text =
        [CLUSTER, &definition("web", ""), &definition("smoke", ""), &definition("migrate", ""), &service("web", hooks)];
    let loaded = load_texts(vec![("a.yaml".to_owned(), text.concat())]);
    let desired = resolve(Source::new("test"), &validate_loaded(&loaded), &Inputs::default()).desired;
    let web = desired.services_and_hooks().next().unwrap();
    let name = ServiceName::new("web").unwrap();
    let told = web.named_hooks(&name).map(|(name, hook)| {
        let name = name.as_str().rsplit_once('.').unwrap().0.to_owned();
        (name, hook.timeout.as_secs())
    });
    let expected = [("web.PRE_SCALE_UP.smoke", 5), ("web.PRE_SCALE_UP.migrate", 3600), ("web.POST_SCALE_UP.smoke", 5)];
    assert_eq!(told.collect::<Vec<_>>(), expected.map(|(name, secs)| (name.to_owned(), secs)));
    assert_eq!(desired.services_and_hooks().count(), 4);
}
