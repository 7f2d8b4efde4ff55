//! Checks over the network, by the real program on the real engine: none of them costs the engine anything.

use crate::support::docker::Container;
use crate::support::program::Running;
use crate::support::shop::{Service, Shop, service};
use crate::support::wait::until;

const PORT: &str = "portMappings: [{ containerPort: 8080, name: http }]";

/// A service that serves HTTP on 8080, as well as it is told to.
fn web(check: &str) -> Service {
    service("web").command("[sick]").container(PORT).container(check)
}

fn http_get(path: &str) -> String {
    format!("healthCheck: {{ httpGet: {{ path: {path}, port: http }}, interval: 1, timeout: 1, retries: 2 }}")
}

/// Tells the program in a container to be sick from now on, or well.
#[track_caller]
fn tell(shop: &Shop, container: &Container, path: &str) {
    let (code, said) = shop.engine.exec(&container.id, &["/shop", "check", &format!("http://localhost:8080{path}")]);
    assert_eq!(code, 0, "{said}");
}

#[track_caller]
fn wait_for_another(shop: &Shop, run: &Running, before: &str) {
    let is_so = || shop.running("web").iter().all(|container| container.id != before);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| until("it is replaced", is_so)));
    assert!(outcome.is_ok(), "it said:\n{}", run.talk());
}

#[test]
fn who_answers_badly_is_replaced() {
    let shop = Shop::new("http-check");
    shop.write(&[web(&http_get("/health"))]);
    let run = shop.watch();
    run.wait_for_talk("steady");
    let before = shop.only("web");
    let inspected = shop.engine.inspect(&before.id);
    assert_eq!(inspected["Config"]["Healthcheck"]["Test"][0], "NONE", "the engine has nothing to do with it");
    tell(&shop, &before, "/sicken");
    run.wait_for_talk("/health answered 500 Internal Server Error: sick");
    wait_for_another(&shop, &run, &before.id);
    run.wait_for_talks("steady", 2);
    run.signal("TERM");
    run.wait().expect_code(143);
    shop.expect_tasks("web", 1);
    shop.expect_quiet();
    shop.run(&["status"]).expect_code(0).expect_said(&["Healthy"]);
}

#[test]
fn who_never_answers_is_told_with_the_reason() {
    let shop = Shop::new("tcp-check");
    let check =
        |port: u16| format!("healthCheck: {{ tcpSocket: {{ port: {port} }}, interval: 1, timeout: 1, retries: 1 }}");
    shop.write(&[web(&check(8080))]);
    shop.converge();
    let before = shop.only("web").id;
    shop.write(&[web(&check(8081))]);
    shop.fail().expect_said(&[":8081 failed: connection refused"]);
    assert!(shop.running("web").iter().any(|container| container.id == before), "the one that is well goes on");
}

#[test]
fn who_is_not_ready_is_waited_for_and_kept() {
    let shop = Shop::new("ready-check");
    let readiness = "readinessCheck: { httpGet: { path: /health, port: 8080 }, interval: 1, timeout: 1, retries: 1 }";
    let health = "healthCheck: { tcpSocket: { port: 8080 }, interval: 1 }";
    shop.write(&[web(health).container(readiness)]);
    let run = shop.watch();
    run.wait_for_talk("ready");
    run.wait_for_talk("steady");
    let before = shop.only("web");
    tell(&shop, &before, "/sicken");
    run.wait_for_talk("/health answered 500 Internal Server Error: sick");
    shop.run(&["status"]).expect_code(0).expect_said(&["answered 500 Internal Server Error: sick"]);
    tell(&shop, &before, "/heal");
    run.wait_for_talks("steady", 2);
    assert_eq!(shop.only("web").id, before.id);
    run.signal("TERM");
    run.wait().expect_code(143);
    shop.expect_quiet();
}

#[test]
fn tasks_with_an_address_of_their_own_and_those_without_are_asked_where_they_are() {
    let shop = Shop::new("check-modes");
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        free.local_addr().expect("it has one").port()
    };
    let own = service("own").command("[sick]").container(&http_get("/health")).container(PORT);
    let own = own.definition("networkMode: awsvpc");
    let host = service("host").command("[sick]").definition("networkMode: host");
    let host = host.container(&format!("environment: [{{ name: PORT, value: '{port}' }}]"));
    let host = host.container(&format!("healthCheck: {{ httpGet: {{ port: {port}, path: /health }}, interval: 1 }}"));
    shop.write(&[own, host]);
    shop.converge();
    shop.run(&["status"]).expect_code(0).expect_said(&["Healthy"]);
    shop.expect_quiet();
}

#[test]
fn a_rollout_with_checks_over_the_network_is_as_quick_as_its_containers() {
    let shop = Shop::new("check-roll");
    let value = |value: &str| {
        let environment = format!("environment: [{{ name: NEW, value: '{value}' }}]");
        web("healthCheck: { httpGet: { path: /health, port: 8080 } }").count(3).container(&environment)
    };
    shop.write(&[value("1")]);
    shop.converge();
    let before = shop.ids();
    shop.write(&[value("2")]);
    // Docker's own check with this interval would have said nothing for half a minute, three times.
    shop.converge();
    let after = shop.ids();
    assert!(after.values().all(|id| !before.values().any(|other| other == id)), "{before:#?} {after:#?}");
    shop.expect_tasks("web", 3);
    shop.expect_quiet();
}
