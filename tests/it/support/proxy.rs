//! An engine behind a proxy: every request is written down, and answered well or badly as the test wants.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::wait::pause;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is passed on, and so is its answer.
    Pass,
    /// It is passed on after a while.
    Delay(Duration),
    /// The connection is closed, and the engine never hears of it.
    ResetBefore,
    /// The engine does it, and the connection is closed instead of an answer.
    ResetAfter,
    /// It is answered with an error of the engine's own.
    Error500,
    /// The engine does it, and only the first half of its answer arrives.
    Truncate,
    /// It is taken, and never answered.
    Hang,
}

/// Decides what becomes of a request: its number, its method and its address.
type Decide = Box<dyn Fn(usize, &str, &str) -> Fate + Send + Sync>;

struct Shared {
    upstream: PathBuf,
    decide: Decide,
    number: AtomicUsize,
    requests: Mutex<Vec<String>>,
    streams: Mutex<Vec<UnixStream>>,
}

/// A socket before an engine's socket.
pub(crate) struct Proxy {
    pub(crate) socket: PathBuf,
    shared: Arc<Shared>,
    _directory: TempDir,
}

impl Proxy {
    /// A proxy that passes everything on.
    pub(crate) fn before(upstream: &Path) -> Self {
        Self::with_faults(upstream, |_, _, _| Fate::Pass)
    }

    /// A proxy that asks what to do with each request.
    pub(crate) fn with_faults(
        upstream: &Path,
        decide: impl Fn(usize, &str, &str) -> Fate + Send + Sync + 'static,
    ) -> Self {
        let directory = TempDir::with_prefix("reconcile-proxy-").expect("a temporary directory");
        let socket = directory.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).expect("a socket in our own directory");
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            decide: Box::new(decide),
            number: AtomicUsize::new(0),
            requests: Mutex::new(Vec::new()),
            streams: Mutex::new(Vec::new()),
        });
        let accepting = Arc::clone(&shared);
        // It ends with the process of the tests.
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                // A connection that breaks is what this is for.
                std::thread::spawn(move || drop(shared.serve(connection)));
            }
        });
        Self { socket, shared, _directory: directory }
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// The requests so far: `GET /containers/json?…`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().expect("no thread panics").clone()
    }

    /// The requests so far that ask the engine to change something.
    pub(crate) fn writes(&self) -> Vec<String> {
        let requests = self.requests().into_iter();
        requests.filter(|request| !request.starts_with("GET ") && !request.starts_with("HEAD ")).collect()
    }

    /// Breaks every stream of events and every log that is open; says how many there were.
    pub(crate) fn break_streams(&self) -> usize {
        let streams = std::mem::take(&mut *self.shared.streams.lock().expect("no thread panics"));
        for stream in &streams {
            let _ = stream.shutdown(Shutdown::Both);
        }
        streams.len()
    }
}

impl Shared {
    /// Serves one request; the connection ends with it.
    fn serve(&self, mut client: UnixStream) -> std::io::Result<()> {
        let (head, rest) = read_head(&mut client)?;
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        self.requests.lock().expect("no thread panics").push(format!("{method} {path}"));
        let is_stream = path.contains("/events") || path.contains("follow=1");
        let fate = (self.decide)(number, method, path);
        match fate {
            Fate::ResetBefore => return client.shutdown(Shutdown::Both),
            Fate::Hang => {
                // Until whoever asked gives up.
                let _ = client.read_to_end(&mut Vec::new());
                return Ok(());
            }
            Fate::Error500 => {
                let body = r#"{"message":"the engine is not itself today"}"#;
                write!(client, "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n")?;
                return write!(client, "Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            }
            Fate::Delay(duration) => pause(duration),
            Fate::Pass | Fate::ResetAfter | Fate::Truncate => {}
        }
        let mut engine = UnixStream::connect(&self.upstream)?;
        engine.write_all(without_keep_alive(&head).as_bytes())?;
        engine.write_all(&rest)?;
        if is_stream {
            self.streams.lock().expect("no thread panics").push(client.try_clone()?);
        }
        // The rest of the request, and the news that the client has hung up.
        let (mut from, mut to) = (client.try_clone()?, engine.try_clone()?);
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        match fate {
            Fate::ResetAfter | Fate::Truncate => {
                let mut answer = Vec::new();
                engine.read_to_end(&mut answer)?;
                if fate == Fate::Truncate {
                    client.write_all(&answer[..answer.len() / 2])?;
                }
                client.shutdown(Shutdown::Both)
            }
            Fate::Pass | Fate::Delay(_) | Fate::ResetBefore | Fate::Error500 | Fate::Hang => {
                let copied = std::io::copy(&mut engine, &mut client);
                let _ = client.shutdown(Shutdown::Both);
                copied.map(drop)
            }
        }
    }
}

/// The head of a request, its empty line included, and what of its body came with it.
fn read_head(client: &mut UnixStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        match client.read(&mut buffer)? {
            0 => return Err(std::io::Error::other("hung up")),
            length => bytes.extend_from_slice(&buffer[..length]),
        }
    }
}

/// The engine is to close the connection after its answer, so that each request has a connection of its own.
fn without_keep_alive(head: &str) -> String {
    let mut lines: Vec<_> = head.trim_end().split("\r\n").collect();
    lines.retain(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    lines.push("Connection: close");
    format!("{}\r\n\r\n", lines.join("\r\n"))
}
