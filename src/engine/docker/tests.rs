//! The engine played by a socket: one that hangs, one that breaks, one that is not there, one that counts.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use super::*;
use crate::observed::NetworkId;
use crate::ownership::Source;
use crate::plan::{Effect, FailureKind};
use crate::value::ClusterName;

fn endpoint(path: &Path) -> Endpoint {
    Endpoint { address: Address::Unix(path.to_owned()), origin: Origin::Flag }
}

/// An engine that gives the same bytes in answer to everything, and then closes the connection or hangs.
struct Played {
    directory: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Played {
    fn new(answer: &'static str, hangs: bool) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let listener = UnixListener::bind(directory.path().join("engine.sock")).expect("a socket");
        let played = Self { directory, asked: Arc::default(), connections: Arc::default() };
        let (asked, connections) = (Arc::clone(&played.asked), Arc::clone(&played.connections));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                let asked = Arc::clone(&asked);
                tokio::spawn(async move {
                    let mut request = vec![0; 64 * 1024];
                    let length = stream.read(&mut request).await.unwrap_or_default();
                    let text = String::from_utf8_lossy(&request[..length]).into_owned();
                    let line = text.lines().next().unwrap_or_default().to_owned();
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

    fn docker(&self) -> Docker {
        Docker::new(endpoint(&self.directory.path().join("engine.sock")))
    }
}

fn actions() -> Vec<Action> {
    let cluster = ClusterName::new("shop").expect("a name");
    vec![
        Action::CreateNetwork { cluster: cluster.clone(), source: Source::new("here") },
        Action::RemoveNetwork { cluster: cluster.clone(), id: NetworkId::new("net") },
        Action::PullImage { image: "shop:1".to_owned(), credentials: None },
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
        assert_eq!(docker.hints(now(), BTreeSet::new()).collect::<Vec<_>>().await, [Hint::Lost]);
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
        // A fetch that nobody waits for is broken off by the engine; everything else may yet happen.
        let is_fetch = matches!(action, Action::PullImage { .. });
        let is_failure = matches!(&outcome, Outcome::Failed(failure) if failure.kind == FailureKind::Registry);
        assert!(if is_fetch { is_failure } else { matches!(outcome, Outcome::Unknown(_)) }, "{outcome:?}");
    }
    assert_eq!(docker.docker().hints(now(), BTreeSet::new()).collect::<Vec<_>>().await, [Hint::Lost]);
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
    let hints: Vec<Hint> = played.docker().hints(now(), BTreeSet::new()).collect().await;
    assert_eq!(
        hints,
        [Hint::Container(ContainerId::new("abc"), crate::engine::Change::Ended), Hint::Other, Hint::Lost]
    );
}

#[tokio::test]
async fn nobody_listens_to_hints_any_more() {
    let played = Played::new("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true);
    let docker = played.docker();
    let hints = docker.hints(now(), BTreeSet::new());
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
