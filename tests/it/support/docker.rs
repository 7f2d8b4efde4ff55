//! A tiny client of the Engine API. It shares no code with the program that it checks.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::time::Duration;

use serde_json::{Value, json};

/// The image of the tests, and one that differs from it in the version that it tells.
pub(crate) const IMAGE: &str = "reconcile-shop:1";
pub(crate) const IMAGE_NEXT: &str = "reconcile-shop:2";

/// How long an engine may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);

static SHOP_IS_MADE: Once = Once::new();
static BUSYBOX_IS_MADE: Once = Once::new();

/// An engine at a unix socket.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    pub(crate) socket: PathBuf,
}

/// What the engine answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// A container as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) image: String,
    /// `created`, `running`, `exited`, …
    pub(crate) state: String,
    /// `Up 3 seconds (healthy)`.
    pub(crate) status: String,
    pub(crate) labels: BTreeMap<String, String>,
}

impl Container {
    /// The value of one of our labels; empty when there is none.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(&format!("reconcile.{name}")).map_or("", String::as_str)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state == "running"
    }

    fn read(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let labels = value["Labels"].as_object().into_iter().flatten();
        let spec = value["Labels"]["reconcile.spec"].as_str().and_then(|spec| serde_json::from_str::<Value>(spec).ok());
        let spec = spec.unwrap_or_default();
        Self {
            id: text("Id"),
            name: value["Names"][0].as_str().unwrap_or_default().trim_start_matches('/').to_owned(),
            // What the manifest said: the engine was asked for an id.
            image: spec["image"].as_str().map_or_else(|| text("Image"), ToOwned::to_owned),
            state: text("State"),
            status: text("Status"),
            labels: labels.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect(),
        }
    }
}

impl Engine {
    /// The engine of this machine, with the image of the tests. Without an engine the test fails.
    #[track_caller]
    pub(crate) fn of_this_machine() -> Self {
        let engine = Self::answering();
        SHOP_IS_MADE.call_once(|| make_image("shop"));
        engine
    }

    /// The engine of this machine, with an image of small programs.
    #[track_caller]
    pub(crate) fn with_busybox() -> Self {
        let engine = Self::answering();
        BUSYBOX_IS_MADE.call_once(|| make_image("busybox"));
        engine
    }

    #[track_caller]
    fn answering() -> Self {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let socket = host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock");
        let engine = Self::at(Path::new(socket));
        let answer = engine.try_call("GET", "/_ping", None);
        assert!(
            answer.as_ref().is_ok_and(|answer| answer.status == 200),
            "this test needs a Docker Engine at {socket}, and {answer:?}; scripts/test installs and starts one"
        );
        engine
    }

    /// An engine at a socket that may not be there.
    pub(crate) fn at(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// The argument for `--host`.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// One request. HTTP 1.0, so that the answer is never chunked and ends with the connection.
    pub(crate) fn try_send(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> std::io::Result<Answer> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: {kind}\r\n")?;
        write!(stream, "Content-Length: {length}\r\n\r\n")?;
        stream.write_all(body)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let odd = || std::io::Error::other("no HTTP answer");
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(odd)?;
        let head = String::from_utf8_lossy(&bytes[..end]);
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(odd)?;
        Ok(Answer { status, body: bytes[end + 4..].to_vec() })
    }

    pub(crate) fn try_call(&self, method: &str, path: &str, body: Option<&Value>) -> std::io::Result<Answer> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        self.try_send(method, path, "application/json", body.as_bytes())
    }

    /// One request that has to succeed.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let answer = self.try_call(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let text = String::from_utf8_lossy(&answer.body);
        assert!((200..400).contains(&answer.status), "{method} {path}: {} {text}", answer.status);
        answer.json()
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        self.call("GET", path, None)
    }

    /// Everything that is known of a container.
    #[track_caller]
    pub(crate) fn inspect(&self, id: &str) -> Value {
        self.get(&format!("/containers/{id}/json"))
    }

    #[track_caller]
    pub(crate) fn kill(&self, id: &str) {
        self.call("POST", &format!("/containers/{id}/kill"), None);
    }

    #[track_caller]
    pub(crate) fn remove(&self, id: &str) {
        self.call("DELETE", &format!("/containers/{id}?force=1&v=1"), None);
    }

    /// Creates a container that is not ours, and says its id.
    #[track_caller]
    pub(crate) fn create(&self, name: &str, body: &Value) -> String {
        let created = self.call("POST", &format!("/containers/create?name={name}"), Some(body));
        created["Id"].as_str().expect("a container that was created has an id").to_owned()
    }

    #[track_caller]
    pub(crate) fn start(&self, id: &str) {
        self.call("POST", &format!("/containers/{id}/start"), None);
    }

    /// Runs a command in a container; says its exit code and what it printed.
    #[track_caller]
    pub(crate) fn exec(&self, id: &str, command: &[&str]) -> (i64, String) {
        let body = json!({ "AttachStdout": true, "AttachStderr": true, "Tty": true, "Cmd": command });
        let exec = self.call("POST", &format!("/containers/{id}/exec"), Some(&body));
        let exec = exec["Id"].as_str().expect("an exec that was created has an id").to_owned();
        let started = self.try_call("POST", &format!("/exec/{exec}/start"), Some(&json!({ "Tty": true })));
        let text = started.map(|answer| String::from_utf8_lossy(&answer.body).into_owned()).unwrap_or_default();
        let code = super::wait::until_some("the command in the container has ended", || {
            let state = self.get(&format!("/exec/{exec}/json"));
            (state["Running"] == false).then(|| state["ExitCode"].as_i64()).flatten()
        });
        (code, text)
    }

    /// The containers with this label, in whatever state, oldest name first.
    #[track_caller]
    pub(crate) fn containers(&self, label: &str) -> Vec<Container> {
        let list = self.get(&format!("/containers/json?all=1&filters={}", filter(label)));
        let mut containers: Vec<_> = list.as_array().into_iter().flatten().map(Container::read).collect();
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        containers
    }

    /// What happened to containers with this label since `since`, in order: the id of the container and what happened.
    #[track_caller]
    pub(crate) fn events(&self, label: &str, since: u64) -> Vec<(String, String)> {
        let until = super::wait::now_secs() + 1;
        let path = format!("/events?since={since}&until={until}&filters={}", filter(label));
        let answer = self.try_call("GET", &path, None).expect("the engine tells what happened");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let events = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
        let events = events.map(|event| event.expect("an event is JSON")).filter(|event| event["Type"] == "container");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        events.map(|event| (text(&event["Actor"]["ID"]), text(&event["Action"]))).collect()
    }

    /// The networks with this label.
    #[track_caller]
    pub(crate) fn networks(&self, label: &str) -> Vec<Value> {
        let list = self.get(&format!("/networks?filters={}", filter(label)));
        list.as_array().cloned().unwrap_or_default()
    }

    /// The names of the volumes with this label.
    #[track_caller]
    pub(crate) fn volumes(&self, label: &str) -> Vec<String> {
        let list = self.get(&format!("/volumes?filters={}", filter(label)));
        let volumes = list["Volumes"].as_array().into_iter().flatten();
        volumes.filter_map(|volume| volume["Name"].as_str().map(str::to_owned)).collect()
    }

    /// What a container has written, both streams mixed.
    #[track_caller]
    pub(crate) fn logs(&self, id: &str) -> String {
        let path = format!("/containers/{id}/logs?stdout=1&stderr=1");
        let answer = self.try_call("GET", &path, None).map(|answer| answer.body).unwrap_or_default();
        // Each piece stands behind a header of eight bytes, of which only the last three can be text.
        String::from_utf8_lossy(&answer).chars().filter(|c| *c == '\n' || !c.is_control()).collect()
    }

    /// Removes whatever carries one of the labels. What still cannot go after some tries is left: the test has its own failure to tell.
    pub(crate) fn remove_labelled(&self, labels: &[&str]) {
        const TRIES: usize = 20;
        for _ in 0..TRIES {
            // Containers first: they hold the networks and volumes, whosever these are.
            let kinds = [Kind::Container, Kind::Network, Kind::Volume];
            let left: usize =
                kinds.iter().map(|kind| labels.iter().map(|label| self.remove_all(*kind, label)).sum::<usize>()).sum();
            labels.iter().filter_map(|label| label.strip_prefix("reconcile.cluster=")).for_each(remove_groups);
            if left == 0 {
                return;
            }
            super::wait::pause(Duration::from_millis(100));
        }
    }

    /// Asks for the removal of everything of a kind with a label; says of how many.
    fn remove_all(&self, kind: Kind, label: &str) -> usize {
        let (list, name, path, query) = match kind {
            Kind::Container => ("/containers/json?all=1&", "Id", "/containers/", "?force=1&v=1"),
            Kind::Network => ("/networks?", "Id", "/networks/", ""),
            Kind::Volume => ("/volumes?", "Name", "/volumes/", "?force=1"),
        };
        let answer = self.try_call("GET", &format!("{list}filters={}", filter(label)), None);
        let answer = answer.map(|answer| answer.json()).unwrap_or_default();
        let items = if kind == Kind::Volume { &answer["Volumes"] } else { &answer };
        let names: Vec<_> = items.as_array().into_iter().flatten().filter_map(|item| item[name].as_str()).collect();
        for name in &names {
            let _ = self.try_call("DELETE", &format!("{path}{name}{query}"), None);
        }
        names.len()
    }
}

/// Makes an image where it is missing or out of date.
fn make_image(which: &str) {
    let mut script = Command::new("scripts/build-image");
    let made = script.arg(which).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let made = made.expect("scripts/build-image can be run");
    assert!(made.status.success(), "scripts/build-image {which}: {}", String::from_utf8_lossy(&made.stderr));
}

/// What an engine keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Container,
    Network,
    Volume,
}

/// A filter by label, as it stands in an address.
fn filter(label: &str) -> String {
    let filter = json!({ "label": [label] }).to_string();
    form_urlencoded::byte_serialize(filter.as_bytes()).collect()
}

/// Removes the control groups of a cluster's tasks, once nothing is in them.
fn remove_groups(cluster: &str) {
    let below = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let root = Path::new("/sys/fs/cgroup");
    for tree in below(root).chain([root.to_owned()]) {
        let ours = tree.join("reconcile");
        for group in below(&ours.join(cluster)).filter(|path| path.is_dir()) {
            let _ = std::fs::remove_dir(group);
        }
        let _ = std::fs::remove_dir(ours.join(cluster));
        let _ = std::fs::remove_dir(ours);
    }
}
