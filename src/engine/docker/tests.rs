//! The engine played by a socket: one that hangs, one that breaks, one that is not there, one that counts.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use super::*;
use crate::desired::{Revision, Scheduling};
use crate::observed::{Health, NetworkId};
use crate::ownership::{ContainerIdentity, DeploymentMark, Source, TaskKey};
use crate::plan::{Effect, FailureKind, NewContainer};
use crate::value::{Attempt, ClusterName, ContainerName, Family, ServiceName, Slot};

fn endpoint(path: &Path) -> Endpoint {
    Endpoint { address: Address::Unix(path.to_owned()), origin: Origin::Flag }
}

/// An engine that answers by the first line of a request, or always the same, and then closes the connection or hangs.
struct Played {
    directory: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Played {
    fn new(answer: &'static str, hangs: bool) -> Self {
        Self::answering(hangs, move |_| answer.to_owned())
    }

    /// An engine that gives the JSON of the first entry whose words are in the first line of the request; without one it says 404.
    fn table(answers: &[(&'static str, &'static str)]) -> Self {
        let answers = answers.to_vec();
        Self::answering(false, move |line| {
            let found = answers.iter().find(|(words, _)| line.contains(words));
            let (status, body) = found.map_or((404, r#"{"message":"there is none"}"#), |(_, body)| (200, *body));
            format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        })
    }

    fn answering(hangs: bool, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        let directory = tempfile::tempdir().expect("a directory");
        let listener = UnixListener::bind(directory.path().join("engine.sock")).expect("a socket");
        let played = Self { directory, asked: Arc::default(), connections: Arc::default() };
        let (asked, connections) = (Arc::clone(&played.asked), Arc::clone(&played.connections));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut request = vec![0; 64 * 1024];
                    let length = stream.read(&mut request).await.unwrap_or_default();
                    let text = String::from_utf8_lossy(&request[..length]).into_owned();
                    let line = text.lines().next().unwrap_or_default().to_owned();
                    let answer = answer(&line);
                    asked.lock().expect("no panic").push(line);
                    // The other side may be gone already.
                    let _ = stream.write_all(answer.as_bytes()).await;
                    if hangs {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        played
    }

    /// What was asked, without the version of the API.
    fn asked(&self) -> Vec<String> {
        let lines = std::mem::take(&mut *self.asked.lock().expect("no panic"));
        let plain = |line: &str| {
            let (method, path) = line.trim_end_matches(" HTTP/1.1").split_once(' ').expect("a request");
            let path = path.split_once('?').map_or(path, |(path, _)| path);
            let path = path.strip_prefix("/v1.").map_or(path, |rest| rest.trim_start_matches(|c: char| c != '/'));
            format!("{method} {path}")
        };
        lines.iter().map(|line| plain(line)).collect()
    }

    fn docker(&self) -> Docker {
        Docker::new(endpoint(&self.directory.path().join("engine.sock")))
    }
}

fn actions() -> Vec<Action> {
    let cluster = ClusterName::new("shop").expect("a name");
    vec![
        Action::CreateNetwork { cluster: cluster.clone(), source: Source::new("here") },
        Action::RemoveNetwork { cluster: cluster.clone(), id: NetworkId::new("net") },
        Action::PullImage { image: "shop:1".to_owned(), credentials: None, platform: None },
        Action::RemoveVolume { name: "volume".to_owned(), cluster },
    ]
}

#[tokio::test]
async fn an_engine_that_is_not_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let dead = directory.path().join("dead.sock");
    drop(UnixListener::bind(&dead).expect("a socket"));
    for path in [directory.path().join("none.sock"), dead, directory.path().to_owned()] {
        let docker = Docker::new(endpoint(&path));
        let error = docker.list().await.expect_err("there is nobody");
        assert!(matches!(error, EngineError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        for action in actions() {
            let Outcome::Failed(failure) = docker.perform(&action).await else { panic!("{action:?}") };
            assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
        }
        assert_eq!(docker.hints(now(), BTreeSet::new(), Subjects::Everything).collect::<Vec<_>>().await, [Hint::Lost]);
    }
}

#[tokio::test]
async fn an_engine_that_comes_later() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("engine.sock");
    let docker = Docker::new(endpoint(&path));
    assert!(docker.image_names().await.is_err());
    let listener = UnixListener::bind(&path).expect("a socket");
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await.expect("a request");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").await.expect("an answer");
    });
    assert_eq!(docker.image_names().await, Ok(Vec::new()));
    answering.await.expect("no panic");
}

/// The clock stands still but for what is waited for, so that half a minute passes at once.
#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs() {
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n["] {
        let played = Played::new(answer, true);
        let docker = played.docker();
        assert_eq!(docker.list().await, Err(EngineError::NoAnswer { call: "list", seconds: 30 }));
        assert_eq!(docker.inspect("abc").await, Err(EngineError::NoAnswer { call: "inspect", seconds: 30 }));
        assert_eq!(
            docker.log_tail(&ContainerId::new("abc"), 3).await,
            Err(EngineError::NoAnswer { call: "logs", seconds: 30 })
        );
    }
    let docker = Played::new("", true);
    for action in actions() {
        let outcome = docker.docker().perform(&action).await;
        let failed = |kind| matches!(&outcome, Outcome::Failed(failure) if failure.kind == kind);
        let is_right = match action {
            // It has only been asked what it is.
            Action::RemoveNetwork { .. } => failed(FailureKind::Engine),
            // A fetch that nobody waits for is broken off by the engine.
            Action::PullImage { .. } => failed(FailureKind::Registry),
            Action::CreateNetwork { .. }
            | Action::CreateContainer(_)
            | Action::StartContainer { .. }
            | Action::StopContainer { .. }
            | Action::RemoveContainer { .. }
            | Action::RemoveVolume { .. } => matches!(outcome, Outcome::Unknown(_)),
        };
        assert!(is_right, "{outcome:?}: everything else may yet happen");
    }
    assert_eq!(
        docker.docker().hints(now(), BTreeSet::new(), Subjects::Everything).collect::<Vec<_>>().await,
        [Hint::Lost]
    );
}

#[tokio::test]
async fn an_engine_that_breaks_off() {
    for answer in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{\"Id\":"] {
        let played = Played::new(answer, false);
        let error = played.docker().list().await.expect_err("half an answer is none");
        assert!(matches!(error, EngineError::Unreachable { .. }), "{error}");
        for action in &actions()[..1] {
            let outcome = played.docker().perform(action).await;
            assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn an_engine_that_talks_nonsense() {
    let played = Played::new("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n<html/>", false);
    let error = played.docker().list().await.expect_err("that is no list");
    assert!(matches!(error, EngineError::Refused { .. }), "{error}");
    let outcome = played.docker().perform(&actions()[0]).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}: the engine said yes to something");
    let refusing = Played::new("HTTP/1.1 500 Oops\r\nContent-Length: 19\r\n\r\n{\"message\":\"\x1b[1mno\"}", false);
    let error = refusing.docker().list().await.expect_err("it refuses");
    assert!(matches!(error, EngineError::Refused { .. }), "{error}");
    let Outcome::Failed(failure) = refusing.docker().perform(&actions()[0]).await else { panic!("it refuses") };
    assert_eq!(failure.kind, FailureKind::Engine);
}

#[tokio::test]
async fn an_image_is_asked_for_with_its_platform() {
    for (spec, platform) in [
        (r#"{"name":"a","image":"shop:1","task":{"cpuArchitecture":"ARM64"}}"#, "linux%2Farm64"),
        (r#"{"name":"a","image":"shop:1","task":{"cpuArchitecture":"X86_64"}}"#, "linux%2Famd64"),
        (r#"{"name":"a","image":"shop:1"}"#, ""),
    ] {
        let spec: crate::desired::ContainerSpec = serde_json::from_str(spec).expect("a spec");
        let played = Played::new("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
        let image = spec.image.clone();
        let pull = Action::PullImage { image, credentials: None, platform: spec.platform() };
        assert_eq!(played.docker().perform(&pull).await, Outcome::Done(Effect::Pulled));
        let asked = std::mem::take(&mut *played.asked.lock().expect("no panic"));
        let line = asked.iter().find(|line| line.contains("/images/create?")).expect("it was asked for");
        assert!(line.contains("fromImage=shop%3A1"), "{line}");
        let given = line.split(['?', '&', ' ']).find_map(|part| part.strip_prefix("platform=")).unwrap_or_default();
        assert_eq!(given, platform, "{line}");
    }
}

#[tokio::test]
async fn what_is_asked() {
    let played = Played::new("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", false);
    let docker = played.docker().read_only();
    docker.list().await.expect_err("a list of volumes is no array");
    let mut asked = std::mem::take(&mut *played.asked.lock().expect("no panic"));
    asked.sort();
    let filters = "filters=%7B%22label%22%3A%5B%22reconcile.cluster%22%5D%7D";
    assert_eq!(
        asked,
        [
            format!("GET /containers/json?all=1&{filters} HTTP/1.1"),
            format!("GET /networks?{filters} HTTP/1.1"),
            format!("GET /volumes?{filters} HTTP/1.1"),
        ]
    );
    assert_eq!(docker.inspect("../images/json").await, Ok(None), "no container is called that");
    assert_eq!(docker.inspect("").await, Ok(None));
    assert_eq!(played.connections.load(Ordering::Relaxed), 3, "nothing else was asked");
}

#[tokio::test]
async fn events_in_pieces() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        2c\r\n{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\r\n\
        16\r\n\"ID\":\"abc\"}}\n{\"Type\":\"\r\n\
        b\r\nnetwork\"}\n\n\r\n";
    let played = Played::new(answer, false);
    let hints: Vec<Hint> = played.docker().hints(now(), BTreeSet::new(), Subjects::Everything).collect().await;
    assert_eq!(
        hints,
        [Hint::Container(ContainerId::new("abc"), crate::engine::Change::Ended), Hint::Other, Hint::Lost]
    );
}

#[tokio::test]
async fn nobody_listens_to_hints_any_more() {
    let played = Played::new("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true);
    let docker = played.docker();
    let hints = docker.hints(now(), BTreeSet::new(), Subjects::Everything);
    while played.asked.lock().expect("no panic").is_empty() {
        tokio::task::yield_now().await;
    }
    drop(hints);
    for _ in 0..1000 {
        if Arc::strong_count(&docker.reading.connection) == 1 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    panic!("the reader of events lives on");
}

#[tokio::test]
async fn removing_what_is_gone_is_done() {
    let played = Played::new("HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\n\r\n{\"message\":\"gone\"}", false);
    for action in [&actions()[1], &actions()[3]] {
        assert_eq!(played.docker().perform(action).await, Outcome::Done(Effect::Removed));
    }
}

#[test]
fn the_end_of_a_log_is_kept() {
    let frame = |text: &str| LogOutput::StdOut { message: text.to_owned().into() };
    let mut log = LogEnd::default();
    for number in 0..200_000 {
        log.add(&frame(&format!("a line that is some fifty characters long, {number}\n")));
    }
    assert!(log.bytes.len() <= 2 * LOG_BYTES_MAX + 100);
    assert_eq!(
        log.lines(2),
        [
            "a line that is some fifty characters long, 199998".to_owned(),
            "a line that is some fifty characters long, 199999".to_owned()
        ]
    );
}

#[tokio::test]
async fn a_pull_that_fails_after_a_good_beginning() {
    // Podman 4.3 says 200 before it has tried.
    let played = Played::new(
        "HTTP/1.1 200 OK\r\nContent-Length: 89\r\n\r\n\
         {\"progressDetail\":{},\"errorDetail\":{\"message\":\"no such host\"},\"error\":\"no such host\"}    \n",
        false,
    );
    let outcome = played.docker().perform(&actions()[2]).await;
    let Outcome::Failed(failure) = outcome else { panic!("it is known that it failed: {outcome:?}") };
    assert_eq!(failure.kind, FailureKind::ImageMissing);
    assert!(failure.message.contains("no such host"), "{failure}");
}

const PODMAN: &str = include_str!("answers/podman-4.3/version.json");
const DOCKER: &str = r#"{"Components":[{"Name":"Engine","Version":"26.1.5+dfsg1"}]}"#;

#[tokio::test]
async fn podman_is_asked_for_the_health_that_its_list_does_not_tell() {
    let played = Played::table(&[
        ("GET /containers/json", include_str!("answers/podman-4.3/containers.json")),
        ("GET /networks", "[]"),
        ("GET /volumes", "{}"),
        ("/json", include_str!("answers/podman-4.3/running-checked.json")),
    ]);
    let listing = played.docker().list().await.expect("a list");
    let health: Vec<_> = listing.containers.iter().map(|container| container.health).collect();
    assert_eq!(health, [Health::None, Health::Healthy, Health::None, Health::None, Health::None]);
    assert_eq!(played.asked().len(), 4, "only what is checked and runs is asked for");
}

#[tokio::test]
async fn the_size_of_the_host_is_told_or_not() {
    let told = Played::table(&[("GET /info", r#"{"NCPU":4,"MemTotal":1073741824}"#)]);
    assert_eq!(told.docker().host().await, Ok(Some(Resources { cpu: 4096, memory: 1024 })));
    // What cannot be understood, or may not be asked, holds nothing up.
    for answer in
        ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"]
    {
        assert_eq!(Played::new(answer, false).docker().host().await, Ok(None), "{answer}");
    }
}

#[tokio::test]
async fn a_container_that_is_gone_before_it_is_asked_for_stays_as_listed() {
    let played = Played::table(&[
        ("GET /containers/json", include_str!("answers/podman-4.3/containers.json")),
        ("GET /networks", "[]"),
        ("GET /volumes", "{}"),
    ]);
    assert_eq!(played.docker().list().await.expect("a list").containers.len(), 5);
}

#[tokio::test]
async fn podman_removes_a_network_by_its_name() {
    let networks = include_str!("answers/podman-4.3/networks.json");
    let id =
        serde_json::from_str::<serde_json::Value>(networks).expect("JSON")[0]["Id"].as_str().expect("an id").to_owned();
    let cluster = ClusterName::new("shop").expect("a name");
    let remove = |id: &str| Action::RemoveNetwork { cluster: cluster.clone(), id: NetworkId::new(id) };
    let podman: &[_] = &[("/version", PODMAN), ("GET /networks", include_str!("answers/podman-4.3/networks.json"))];
    for (engine, id, last) in [
        (podman, id.as_str(), "DELETE /networks/reconcile.shop".to_owned()),
        // Another network has that name now.
        (podman, "gone", "GET /networks".to_owned()),
        (&[("/version", DOCKER)], id.as_str(), format!("DELETE /networks/{id}")),
    ] {
        let played = Played::table(engine);
        assert_eq!(played.docker().perform(&remove(id)).await, Outcome::Done(Effect::Removed));
        assert_eq!(played.asked().last(), Some(&last));
    }
}

/// A container with a volume of its own.
fn with_a_volume() -> Action {
    let spec = r#"{ "name": "app", "image": "shop:1", "mountPoints": [
        { "sourceVolume": "scratch", "containerPath": "/scratch", "volume": { "kind": "task" } }] }"#;
    let identity = ContainerIdentity {
        task: TaskKey {
            cluster: ClusterName::new("shop").expect("a name"),
            service: ServiceName::new("web").expect("a name"),
            slot: Slot(0),
            revision: Revision::parse("1:9c1d42e07a31b5f8").expect("a revision"),
            attempt: Attempt(1),
        },
        container: ContainerName::new("app").expect("a name"),
        source: Source::new("here"),
        family: Family::new("web").expect("a name"),
        failures: 0,
        image: None,
        scheduling: Scheduling::default(),
        essential: true,
        containers: 1,
        position: 0,
        deployment: DeploymentMark::default(),
    };
    let spec = Arc::new(serde_json::from_str(spec).expect("a spec"));
    let new = NewContainer {
        identity,
        spec,
        network: NetworkId::new("net"),
        aliases: Vec::new(),
        volumes_from: Vec::new(),
        namespaces: None,
        values_from: None,
    };
    Action::CreateContainer(Box::new(new))
}

#[tokio::test]
async fn podman_is_told_of_volumes_beforehand() {
    let created = ("POST", r#"{"Id":"abc","Warnings":[]}"#);
    let made = (
        "/volumes/create",
        r#"{"CreatedAt":"2026-11-21T05:36:03Z","Driver":"local","Labels":{},"Mountpoint":"/v","Name":"v","Options":null,"Scope":"local"}"#,
    );
    let image = ("GET /images/shop:1/json", "{}");
    let podman: &[_] = &[("/version", PODMAN), image, made, created];
    let docker: &[_] = &[("/version", DOCKER), created];
    let beforehand = ["GET /version", "GET /images/shop:1/json", "POST /volumes/create", "POST /containers/create"];
    for (engine, expected) in [(podman, &beforehand[..]), (docker, &["GET /version", "POST /containers/create"])] {
        let played = Played::table(engine);
        let docker = played.docker();
        let outcome = docker.perform(&with_a_volume()).await;
        assert!(matches!(outcome, Outcome::Done(Effect::Container(_))), "{outcome:?}");
        assert_eq!(played.asked(), expected);
        docker.perform(&with_a_volume()).await;
        assert_eq!(played.asked(), &expected[1..], "what it is, is asked once");
    }
    let played = Played::table(&[("/version", PODMAN), made, created]);
    let Outcome::Failed(failure) = played.docker().perform(&with_a_volume()).await else { panic!("no such image") };
    assert_eq!(failure.kind, FailureKind::ImageMissing);
    assert_eq!(played.asked(), &beforehand[..2], "no volume is left of a container that cannot be");
}
