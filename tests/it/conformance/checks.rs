//! What a container cannot see from the inside, and what has to reach it from the outside.

use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::run::{IMAGE, Stage};
use crate::support::wait::pause;

/// Between two tries to reach a container.
const PAUSE: Duration = Duration::from_millis(100);

/// The labels of the task definition are on the container.
pub(super) fn find_labels(stage: &mut Stage, _: &Value) {
    let labels = &stage.inspect("main")["Config"]["Labels"];
    for (name, value) in [("com.example.team", "store"), ("reconcile-ecs", "a label with = and spaces"), ("empty", "")]
    {
        assert_eq!(labels[name], value, "{labels:#}");
    }
}

/// The tags of the task definition are labels of the container.
pub(super) fn find_tags(stage: &mut Stage, _: &Value) {
    let labels = &stage.inspect("main")["Config"]["Labels"];
    assert_eq!(labels["reconcile.tag.team"], "store", "{labels:#}");
    assert_eq!(labels["reconcile.tag.cost center"], "42", "{labels:#}");
}

/// The engine keeps the log as the task definition wants it.
pub(super) fn daemon_keeps_log(stage: &mut Stage, _: &Value) {
    let log = &stage.inspect("main")["HostConfig"]["LogConfig"];
    assert_eq!(log["Type"], "json-file", "{log:#}");
    for (name, value) in [("max-size", "1m"), ("max-file", "2"), ("tag", "{{.Name}}")] {
        assert_eq!(log["Config"][name], value, "{log:#}");
    }
    let said = stage.engine.logs(&stage.container("main").id);
    assert!(said.contains("told"), "{said}");
}

/// The engine was given the options whose values were looked up, and no label has them.
pub(super) fn daemon_has_secret_options(stage: &mut Stage, _: &Value) {
    let main = stage.inspect("main");
    let options = json!({ "max-size": "1m", "max-file": "3", "tag": "swordfish" });
    assert_eq!(main["HostConfig"]["LogConfig"], json!({ "Type": "json-file", "Config": options }));
    assert!(!main["Config"]["Labels"].to_string().contains("swordfish"), "{main:#}");
}

/// The engine checks the health as the task definition wants it; a task that no service runs lives on all the same.
pub(super) fn find_health(stage: &mut Stage, _: &Value) {
    let main = stage.inspect("main");
    assert_eq!(main["State"]["Health"]["Status"], "unhealthy", "{main:#}");
    let check = &main["Config"]["Healthcheck"];
    let second = 1_000_000_000_u64;
    let wanted = json!({
        "Test": ["CMD", "false"], "Interval": 5 * second, "Timeout": 2 * second, "Retries": 1, "StartPeriod": second
    });
    for (key, value) in wanted.as_object().expect("it is one") {
        assert_eq!(check[key], *value, "{key}: {check:#}");
    }
}

/// The containers were started one after the other.
#[track_caller]
pub(super) fn started_in_order(stage: &Stage, names: &[&str]) {
    // The engine leaves out zeros at the end, so the texts themselves are not in order.
    let started = |name: &&str| stage.inspect(name)["State"]["StartedAt"].as_str().unwrap_or_default().to_owned();
    let times: Vec<_> = names.iter().map(started).collect();
    let second = |time: &String| time.split('.').next().unwrap_or_default().to_owned();
    let fraction = |time: &String| {
        let digits: String =
            time.split('.').nth(1).unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
        format!("{digits:0<9}")
    };
    let keys: Vec<_> = times.iter().map(|time| (second(time), fraction(time))).collect();
    assert!(keys.is_sorted_by(|a, b| a < b), "{names:?} were started at {times:?}");
}

/// The volume of the task is a volume of its own, with the labels of the task definition.
pub(super) fn find_volume_labels(stage: &mut Stage, _: &Value) {
    let name = stage.inspect("main")["Mounts"][0]["Name"].as_str().unwrap_or_default().to_owned();
    assert!(!["", "data"].contains(&name.as_str()), "{name}");
    let volume = stage.engine.get(&format!("/volumes/{name}"));
    assert_eq!(volume["Labels"]["com.example.team"], "store", "{volume:#}");
}

/// Says hello at `port` until the run is over, which it is when somebody has listened there.
pub(super) fn host_reached(stage: &mut Stage, port: u16) {
    while stage.is_running() {
        say_hello(port);
        pause(PAUSE);
    }
}

fn say_hello(port: u16) {
    // Nobody may listen yet.
    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
        let _ = stream.write_all(b"hello\n");
    }
}

/// Says hello at the port of the host through which a task with an address of its own is reached, until the run is over.
pub(super) fn task_reached(stage: &mut Stage) {
    while stage.is_running() {
        if let Some(port) = published_by(stage, "reconcile-pause", "18045/tcp") {
            say_hello(port);
        }
        pause(PAUSE);
    }
}

/// The port of the host at which `main` has published `port`.
fn published(stage: &Stage, port: &str) -> Option<u16> {
    published_by(stage, "main", port)
}

fn published_by(stage: &Stage, container: &str, port: &str) -> Option<u16> {
    let id = stage.find_container(container)?.id;
    let answer = stage.engine.try_call("GET", &format!("/containers/{id}/json"), None).ok()?;
    let container: Value = serde_json::from_slice(&answer.body).ok()?;
    container["NetworkSettings"]["Ports"][port][0]["HostPort"].as_str()?.parse().ok()
}

/// Says hello at the port of the host that `main` was given for `port`.
pub(super) fn binding_reached(stage: &mut Stage, port: &str) {
    while stage.is_running() {
        if let Some(port) = published(stage, port) {
            say_hello(port);
        }
        pause(PAUSE);
    }
}

/// Sends datagrams to port 18044 until the run is over.
pub(super) fn send_datagrams(stage: &mut Stage) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    while stage.is_running() {
        // Nobody may listen yet.
        let _ = socket.send_to(b"hello", "127.0.0.1:18044");
        pause(PAUSE);
    }
}

/// What the container left in the memory that the host shares.
pub(super) fn leave_memory(stage: &mut Stage, _: &Value) {
    let path = PathBuf::from("/dev/shm/reconcile-ecs");
    stage.paths.push(path.clone());
    expect_answer(&path);
}

#[track_caller]
fn expect_answer(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(text, "42\n", "{}", path.display());
}

/// The directory that `volume_host.json` mounts does not exist: the engine makes it.
pub(super) fn own_host_directory(stage: &mut Stage) {
    let path = PathBuf::from("/tmp/reconcile-ecs/volume_host");
    let _ = std::fs::remove_dir_all(&path);
    stage.paths.push(path);
}

/// What the container wrote is on the host.
pub(super) fn keep_answer(stage: &mut Stage, _: &Value) {
    expect_answer(&stage.paths[0].join("answer"));
}

/// The volume that `volume_docker_shared.json` makes does not exist yet.
pub(super) fn own_volume(stage: &mut Stage) {
    const NAME: &str = "reconcile-ecs-shared";
    let _ = stage.engine.try_call("DELETE", &format!("/volumes/{NAME}"), None);
    stage.volumes.push(NAME);
}

/// With `is_new` the volume of `volume_docker_existing.json` is made, as somebody else would. Otherwise that of
/// `volume_docker_shared.json` has to be there still when the task is gone, under its own name.
pub(super) fn put_answer(stage: &mut Stage, is_new: bool) {
    if is_new {
        const NAME: &str = "reconcile-ecs-existing";
        stage.volumes.push(NAME);
        stage.engine.call("POST", "/volumes/create", Some(&json!({ "Name": NAME })));
        let command = ["sh", "-c", "echo 42 > /data/answer"];
        let host = json!({ "Binds": [format!("{NAME}:/data")], "NetworkMode": "none" });
        let body = json!({
            "Image": IMAGE, "Cmd": command, "HostConfig": host,
            "Labels": { "reconcile-ecs": stage.cluster }
        });
        let id = stage.engine.create(&format!("{}-writer", stage.cluster), &body);
        stage.engine.start(&id);
        stage.engine.call("POST", &format!("/containers/{id}/wait"), None);
        stage.engine.remove(&id);
    } else {
        stage.engine.remove(&stage.container("main").id);
        let volume = stage.engine.get("/volumes/reconcile-ecs-shared");
        assert_eq!(volume["Labels"]["com.example.team"], "store", "{volume:#}");
    }
}
