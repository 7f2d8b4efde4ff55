//! The parameters of ECS, seen from inside a container.

use crate::support::docker::IMAGE;
use crate::support::program::Program;
use crate::support::shop::{HEALTH_CHECK, Shop, manifests, service};
use crate::support::wait;

/// What a file of a running container holds.
#[track_caller]
fn show(shop: &Shop, id: &str, file: &str) -> String {
    let (code, text) = shop.engine.exec(id, &["/shop", "show", file]);
    assert_eq!(code, 0, "{file}: {text}");
    text
}

#[track_caller]
fn expect_line(text: &str, words: &[&str]) {
    let found = text.lines().any(|line| words.iter().all(|word| line.split_whitespace().any(|part| part == *word)));
    assert!(found, "{words:?} stands in no line of\n{text}");
}

#[test]
fn a_container_is_as_its_definition_says() {
    let shop = Shop::new("options");
    let main = service("web")
        .definition("memory: 0.5 GB")
        .definition("cpu: 0.25 vCPU")
        .definition("tags: [{ key: team, value: shop }]")
        .definition("runtimePlatform: { operatingSystemFamily: LINUX }")
        .container("hostname: counter")
        .container("user: \"1000:1001\"")
        .container("readonlyRootFilesystem: true")
        .container("extraHosts: [{ hostname: till, ipAddress: 10.9.8.7 }]")
        .container("dnsSearchDomains: [shop.example]")
        .container("dockerSecurityOptions: [no-new-privileges]")
        .container("ulimits: [{ name: nofile, softLimit: 123, hardLimit: 456 }]")
        .container("systemControls: [{ namespace: net.core.somaxconn, value: \"234\" }]")
        .container("logConfiguration: { logDriver: json-file, options: { max-size: 1m } }")
        .container(
            "linuxParameters: { initProcessEnabled: true, sharedMemorySize: 8, \
             capabilities: { drop: [ALL], add: [KILL] }, \
             tmpfs: [{ containerPath: /scratch, size: 3, mountOptions: [noexec, mode=1777] }], maxSwap: 0 }",
        );
    shop.write(&[main]);
    shop.converge();
    let id = shop.only("web").id;
    let look = |file: &str| show(&shop, &id, file);

    assert_eq!(look("/proc/sys/kernel/hostname").trim(), "counter");
    expect_line(&look("/etc/hosts"), &["10.9.8.7", "till"]);
    expect_line(&look("/etc/resolv.conf"), &["search", "shop.example"]);
    expect_line(&look("/proc/1/limits"), &["Max", "open", "files", "123", "456"]);
    assert_eq!(look("/proc/sys/net/core/somaxconn").trim(), "234");
    let status = look("/proc/1/status");
    expect_line(&status, &["Uid:", "1000"]);
    expect_line(&status, &["Gid:", "1001"]);
    expect_line(&status, &["NoNewPrivs:", "1"]);
    // Of all rights there is only the fifth bit: KILL.
    expect_line(&status, &["CapBnd:", "0000000000000020"]);
    assert_ne!(look("/proc/1/comm").trim(), "shop", "an init process runs the program");
    let mounts = look("/proc/mounts");
    let mount = |path: &str| {
        let line = mounts.lines().find(|line| line.split(' ').nth(1) == Some(path));
        line.unwrap_or_else(|| panic!("nothing is mounted at {path}:\n{mounts}")).to_owned()
    };
    assert!(mount("/scratch").contains("size=3072k") && mount("/scratch").contains("noexec"), "{mounts}");
    assert!(mount("/dev/shm").contains("size=8192k"), "{mounts}");
    assert!(mount("/").contains(" ro,"), "{mounts}");
    assert_ne!(shop.engine.exec(&id, &["/shop", "write", "/left", "a"]).0, 0);
    assert_eq!(shop.engine.exec(&id, &["/shop", "write", "/scratch/left", "a"]).0, 0);

    let inspected = shop.engine.inspect(&id);
    let host = &inspected["HostConfig"];
    // The container has 64 MiB of its own; the processor time is that of the task.
    assert_eq!((&host["Memory"], &host["NanoCpus"]), (&(64 << 20).into(), &250_000_000.into()), "{host:#}");
    assert_eq!(host["LogConfig"]["Config"]["max-size"], "1m");
    assert_eq!(inspected["Config"]["Labels"]["reconcile.tag.team"], "shop");
    shop.expect_quiet();
}

#[test]
fn containers_of_a_task_know_each_other_by_links_and_share_volumes() {
    let shop = Shop::new("links");
    let web = service("web")
        .container("links: ['keeper:database']")
        .container("volumesFrom: [{ sourceContainer: keeper, readOnly: true }]")
        .container("healthCheck: { command: [CMD, /shop, check, 'tcp:database:7070'], interval: 5, timeout: 2 }")
        .beside(&format!(
            "{{ name: keeper, image: '{IMAGE}', command: [store], memory: 32, \
             mountPoints: [{{ sourceVolume: data, containerPath: /data }}] }}"
        ))
        .definition("volumes: [{ name: data }]");
    shop.write(&[web, service("other")]);
    shop.converge();
    let running = shop.running("web");
    let main = running.iter().find(|container| container.label("container") == "main").expect("it runs");
    assert!(show(&shop, &main.id, "/data/store.txt").contains("item/bread"));
    assert_ne!(shop.engine.exec(&main.id, &["/shop", "write", "/data/left", "a"]).0, 0, "the volume is read only");
    // The name is a matter of this task alone.
    let other = shop.only("other").id;
    assert_ne!(shop.engine.exec(&other, &["/shop", "check", "tcp:database:7070"]).0, 0);
    shop.expect_quiet();
}

#[test]
fn tasks_in_the_network_of_the_host_and_in_none() {
    let shop = Shop::new("modes");
    // A port that hardly anybody uses, and another one for each run.
    let port = 20_000 + std::process::id() % 10_000;
    let host = |extra: &str| {
        service("host")
            .command("[sick]")
            .definition("networkMode: host")
            .definition("pidMode: host")
            .container(&format!("portMappings: [{{ containerPort: {port} }}]"))
            .container(&format!("environment: [{{ name: PORT, value: \"{port}\" }}]"))
            .container(&HEALTH_CHECK.replace("8080", &port.to_string()))
            .container(&format!("dockerLabels: {{ extra: '{extra}' }}"))
            .percent(0, 100)
    };
    let none = || service("none").definition("networkMode: none").definition("ipcMode: none");
    let disabled = || service("disabled").container("disableNetworking: true");
    shop.write(&[host("a"), none(), disabled()]);
    shop.converge();
    let connect = || std::net::TcpStream::connect(("127.0.0.1", u16::try_from(port).expect("a port")));
    assert!(connect().is_ok(), "it listens on the host itself");
    let devices = |service: &str| show(&shop, &shop.only(service).id, "/proc/net/dev");
    for service in ["none", "disabled"] {
        let devices = devices(service);
        assert!(!devices.contains("eth0"), "{service}: {devices}");
    }
    let status = shop.run(&["status", "-o", "json"]).stdout;
    assert!(status.contains(&port.to_string()), "{status}");
    shop.expect_quiet();

    // The port is held by the old task until it has ended.
    shop.write(&[host("b"), none(), disabled()]);
    shop.converge();
    assert!(connect().is_ok());
    shop.expect_quiet();
}

#[test]
fn a_task_definition_of_ecs_runs_as_it_is() {
    let shop = Shop::new("plain");
    let text = manifests(&shop.cluster, &[service("web")]);
    // All but the task definition, which is as ECS describes it.
    let documents = text.split("---\n").filter(|document| !document.contains("kind: TaskDefinition"));
    shop.write_text(&documents.collect::<Vec<_>>().join("---\n"));
    let described = format!(
        r#"{{ "taskDefinition": {{
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:1234:task-definition/web:7", "family": "web", "revision": 7, "status": "ACTIVE",
            "containerDefinitions": [{{
                "name": "main", "image": "{IMAGE}", "cpu": 0, "memory": 64, "links": [], "portMappings": [], "essential": true,
                "environment": [{{ "name": "GREETING", "value": "hello" }}], "mountPoints": [], "volumesFrom": [],
                "logConfiguration": {{ "logDriver": "awslogs", "options": {{ "awslogs-group": "web" }} }} }}],
            "requiresAttributes": [{{ "name": "com.amazonaws.ecs.capability.logging-driver.awslogs" }}], "volumes": [],
            "placementConstraints": [], "compatibilities": ["EXTERNAL", "EC2"], "requiresCompatibilities": ["EC2"],
            "registeredAt": "2026-01-01T00:00:00Z", "registeredBy": "arn:aws:iam::1234:user/me" }}, "tags": [] }}"#
    );
    std::fs::write(shop.directory.join("web.json"), described).expect("a file in our own directory");
    let ended = shop.converge();
    let said = ended.all();
    wait::until("the task runs", || shop.running("web").len() == 1);
    let environment = shop.engine.inspect(&shop.only("web").id)["Config"]["Env"].to_string();
    assert!(environment.contains("GREETING=hello"), "{environment}");
    shop.expect_quiet();
    let validated = Program::new(["validate", shop.dir()]).run().expect_code(0);
    assert!(validated.all().contains("no effect on a Docker host: the log driver `awslogs`"), "{validated}\n{said}");
}
