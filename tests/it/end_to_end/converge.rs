//! From nothing to what the manifests ask for.

use serde_json::json;

use crate::support::proxy::Proxy;
use crate::support::shop::{HEALTH_CHECK, Shop, service};
use crate::support::wait::until;

#[test]
fn a_directory_becomes_running_tasks() {
    let shop = Shop::new("up");
    shop.write(&[service("web").count(2).container("environment: [{ name: GREETING, value: hello }]"), service("api")]);
    let ended = shop.converge();
    ended.expect_said(&["Steady: 2 services, 3 tasks", "/web/0", "/web/1", "/api/0"]);
    shop.expect_tasks("web", 2);
    shop.expect_tasks("api", 1);

    let container = &shop.running("web")[1];
    assert!(container.name.starts_with(&format!("{}.web.1.main.", shop.cluster)), "{container:#?}");
    let expected = [
        ("cluster", shop.cluster.as_str()),
        ("service", "web"),
        ("slot", "1"),
        ("family", "web"),
        ("attempt", "1"),
        ("failures", "0"),
        ("container", "main"),
        ("essential", "true"),
        ("containers", "1"),
    ];
    for (label, value) in expected {
        assert_eq!(container.label(label), value, "reconcile.{label}");
    }
    assert_eq!(container.label("source"), shop.dir());
    let inspected = shop.engine.inspect(&container.id);
    assert!(inspected["Config"]["Env"].as_array().is_some_and(|env| env.contains(&json!("GREETING=hello"))));
    assert_eq!(inspected["HostConfig"]["Memory"], 64 << 20);
    // Docker's own restarts would fight with ours.
    let policy = inspected["HostConfig"]["RestartPolicy"]["Name"].as_str().unwrap_or_default();
    assert!(["", "no"].contains(&policy), "{policy}");

    let networks = shop.engine.networks(&shop.label());
    assert_eq!(networks.len(), 1, "{networks:#?}");
    assert!(inspected["NetworkSettings"]["Networks"][format!("reconcile.{}", shop.cluster)].is_object());
}

#[test]
fn the_second_run_writes_nothing() {
    let shop = Shop::new("idle");
    shop.write(&[service("web").count(3), service("api")]);
    shop.converge();
    // Whoever waits for a young task listens meanwhile.
    shop.let_settle();
    let before = shop.ids();
    let proxy = Proxy::before(&shop.engine.socket);
    shop.program_at(&proxy.host(), &shop.directory, &[]).run().expect_code(0);
    assert_eq!(proxy.writes(), Vec::<String>::new());
    assert!(proxy.requests().len() <= 4, "{:#?}", proxy.requests());
    assert_eq!(shop.ids(), before);
    shop.expect_quiet();
}

#[test]
fn a_service_is_found_by_its_name() {
    let shop = Shop::new("name");
    shop.write(&[service("api").count(2).command("[sick]").container(HEALTH_CHECK), service("web")]);
    shop.converge();
    let web = shop.only("web").id;
    let ask = || shop.engine.exec(&web, &["/shop", "check", "http://api:8080/"]);
    assert_eq!(ask().0, 0, "{}", ask().1);
    let nobody = shop.engine.exec(&web, &["/shop", "check", "http://nobody:8080/"]);
    assert_eq!(nobody.0, 1, "{}", nobody.1);

    // The name follows the tasks to the next revision.
    let next = service("api").count(2).command("[sick]").container(HEALTH_CHECK);
    shop.write(&[next.container("environment: [{ name: NEW, value: '1' }]"), service("web")]);
    shop.converge();
    assert_eq!(shop.only("web").id, web, "the other service was not touched");
    assert_eq!(ask().0, 0, "{}", ask().1);
}

#[test]
fn a_port_of_the_host_leads_to_the_task() {
    let shop = Shop::new("port");
    let web = service("web").command("[sick]").container("portMappings: [{ containerPort: 8080 }]");
    shop.write(&[web]);
    shop.converge();
    let inspected = shop.engine.inspect(&shop.only("web").id);
    let port = inspected["NetworkSettings"]["Ports"]["8080/tcp"][0]["HostPort"].as_str().unwrap_or("0").to_owned();
    until("the published port takes connections", || std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok());
    shop.expect_quiet();
}

#[test]
fn a_task_of_two_containers_is_one_task() {
    let shop = Shop::new("two");
    let side = "{ name: side, image: 'reconcile-shop:1', command: [exit, '3'], memory: 32, essential: false }";
    let other = "{ name: other, image: 'reconcile-shop:1', command: [sleep], memory: 32 }";
    shop.write(&[service("web").beside(side).beside(other)]);
    shop.converge();
    until("main and other run, and side has ended", || shop.ids().len() == 2);
    let before = shop.ids();
    // What is not essential may end; nothing is to be done about it.
    shop.expect_quiet();

    // What is essential ends the task, and with it the other container.
    shop.engine.kill(&before["web/0/other"]);
    shop.converge();
    let after = shop.ids();
    assert_eq!(after.len(), 2, "{after:#?}");
    assert_ne!(before["web/0/main"], after["web/0/main"]);
    assert_ne!(before["web/0/other"], after["web/0/other"]);
    let attempts: Vec<_> = shop.running("web").iter().map(|container| container.label("attempt").to_owned()).collect();
    assert_eq!(attempts, ["2", "2"]);
    shop.expect_quiet();
}

#[test]
fn a_volume_of_a_task_is_shared_in_it_and_goes_with_it() {
    let shop = Shop::new("volume");
    let mount = "mountPoints: [{ sourceVolume: room, containerPath: /data }]";
    let side = format!(
        "{{ name: side, image: 'reconcile-shop:1', command: [sick, file, /data/store.txt], memory: 32, {mount} }}"
    );
    let web = service("web").command("[store]").container(mount).beside(&side).definition("volumes: [{ name: room }]");
    shop.write(std::slice::from_ref(&web));
    shop.converge();
    let side = shop.ids()["web/0/side"].clone();
    until("one container sees what the other one wrote", || {
        shop.engine.exec(&side, &["/shop", "check", "http://localhost:8080/health"]).0 == 1
    });
    let before = shop.engine.volumes(&shop.label());
    assert_eq!(before.len(), 1, "{before:#?}");

    shop.write(&[web.clone().container("environment: [{ name: NEW, value: '1' }]")]);
    shop.converge();
    let after = shop.engine.volumes(&shop.label());
    assert_eq!(after.len(), 2, "the new task has a new one; the old task is kept to go back to: {after:#?}");
    shop.expect_quiet();

    shop.write(&[web.container("environment: [{ name: NEW, value: '2' }]")]);
    shop.converge();
    let later = shop.engine.volumes(&shop.label());
    assert_eq!(later.len(), 2, "{later:#?}");
    assert!(!later.contains(&before[0]), "the old one went with its task: {later:#?}");
    shop.expect_quiet();
}

#[test]
fn a_shared_volume_outlives_its_tasks() {
    let shop = Shop::new("shared");
    let store = service("store")
        .command("[store]")
        .container("mountPoints: [{ sourceVolume: kept, containerPath: /data }]")
        .definition(&format!(
            "volumes: [{{ name: {}-kept, dockerVolumeConfiguration: {{ scope: shared, autoprovision: true }} }}]",
            shop.cluster
        ));
    let store_text = |more: &str| {
        let text = crate::support::shop::manifests(&shop.cluster, &[store.clone().container(more)]);
        text.replace("sourceVolume: kept", &format!("sourceVolume: {}-kept", shop.cluster))
    };
    shop.write_text(&store_text("essential: true"));
    shop.converge();
    let first = shop.only("store").id;
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    archive.append_data(&mut header, "note", &b"keep"[..]).expect("an archive in memory");
    let archive = archive.into_inner().expect("an archive in memory");
    let path = format!("/containers/{first}/archive?path=/data");
    let put = shop.engine.try_send("PUT", &path, "application/x-tar", &archive).expect("the engine takes a file");
    assert_eq!(put.status, 200, "{put:?}");

    shop.write_text(&store_text("environment: [{ name: NEW, value: '1' }]"));
    shop.converge();
    let second = shop.only("store").id;
    assert_ne!(first, second);
    let path = format!("/containers/{second}/archive?path=/data/note");
    let got = shop.engine.try_call("GET", &path, None).expect("the engine gives a file");
    assert_eq!(got.status, 200, "{got:?}");

    // It outlives even the cluster, unless it is named.
    shop.run(&["delete"]).expect_code(0);
    assert_eq!(shop.containers(), []);
    let name = format!("{}-kept", shop.cluster);
    let volume = |expected: u16| {
        let listed = shop.engine.volumes(&shop.label());
        assert_eq!(listed.len(), usize::from(expected == 200), "{name}: {listed:?}");
    };
    volume(200);
    shop.run(&["delete", "--volumes"]).expect_code(0).expect_said(&["removed volume"]);
    volume(404);
}
