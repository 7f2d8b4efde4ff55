//! The shop: the workload of the demo and of the tests, one small static program with nothing around it.
//!
//! `front` asks `catalog`, `catalog` asks `store`, and each finds the next one by the name of its service. The other
//! commands are the ways in which a container can behave well or badly, so that a test can ask for exactly one of them.
//! Only the standard library, so that `rustc` alone builds it; `scripts/build-image` puts it into an image by itself.

#![deny(unsafe_op_in_unsafe_fn)]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const USAGE: &str = "\
shop: the workload of the reconcile demo and tests

  shop front                      HTTP on $PORT (8080); asks $CATALOG (catalog:8080)
  shop catalog                    HTTP on $PORT (8080); asks $STORE (store:7070)
  shop store                      key-value store on $PORT (7070); keeps $DATA (/data/store.txt)
  shop sick [until SECONDS] [after SECONDS] [file PATH] [linger SECONDS]
                                  HTTP on $PORT (8080); /health fails until SECONDS, after SECONDS, once PATH
                                  exists, or after GET /sicken (GET /heal undoes that one); told to stop, it
                                  goes on to answer for SECONDS (linger)
  shop check URL|tcp:HOST:PORT    exit 0 when it answers well within 2 s, else 1; for a healthCheck
  shop echo-udp                   sends every datagram on $PORT (9000) back
  shop sleep                      runs until it is told to stop
  shop ignore-term                runs, and ignores SIGTERM
  shop exit CODE [after SECONDS]  ends with CODE
  shop oom                        allocates memory until it is killed (gives up at 1 GiB)
  shop print TEXT...              prints TEXT and ends
  shop describe                   prints its user, directory, arguments and environment, and ends
  shop show FILE...               prints the files, such as /proc/self/limits, and ends
  shop write FILE TEXT            writes TEXT to FILE; exit 1 when it may not
";

/// How long `check`, and one service asking the next, wait for an answer.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);
/// How long requests under way may still take after SIGTERM.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);
/// How much `oom` takes at most, so that a container without a memory limit does not take the host down.
const OOM_BYTES_MAX: usize = 1 << 30;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["front"] => serve(8080, front),
        ["catalog"] => serve(8080, catalog),
        ["store"] => serve_store(),
        ["sick", options @ ..] => serve_sick(options),
        ["check", target] => check(target),
        ["echo-udp"] => echo_udp(),
        ["sleep"] => run_until_told(),
        ["ignore-term"] => ignore_term(),
        ["exit", code] => end(code, "0"),
        ["exit", code, "after", seconds] => end(code, seconds),
        ["oom"] => take_all_memory(),
        ["print", text @ ..] => say(&text.join(" ")),
        ["describe", ..] => describe(),
        ["show", files @ ..] => show(files),
        ["write", file, text] => write_file(file, text),
        _ => {
            eprint!("{USAGE}");
            exit(64);
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The three services
// ---------------------------------------------------------------------------------------------------------------------

/// What a request is answered with: a status and a text.
type Answer = (u16, String);

fn front(path: &str) -> Answer {
    match path {
        "/health" => (200, "ok\n".into()),
        "/" => {
            let me = format!("front    version {} task {}\n", version(), task());
            match ask_http(&env_or("CATALOG", "catalog:8080"), "/items") {
                Ok((200, answer)) => (200, format!("Welcome to the shop.\n\n{answer}\nanswered by\n  {me}")),
                Ok((status, answer)) => (502, format!("catalog answered {status}: {answer}\nsaid by\n  {me}")),
                Err(error) => (502, format!("catalog does not answer: {error}\nsaid by\n  {me}")),
            }
        }
        _ => (404, "there is / and /health\n".into()),
    }
}

fn catalog(path: &str) -> Answer {
    match path {
        // Its own health only: a check that looked through to the store would have every catalog replaced
        // whenever the store restarts.
        "/health" => (200, "ok\n".into()),
        "/items" => match read_items(&env_or("STORE", "store:7070")) {
            Ok(items) => (200, format!("{items}\nread by\n  catalog  version {} task {}\n", version(), task())),
            Err(error) => (503, format!("store does not answer: {error}\n")),
        },
        _ => (404, "there is /items and /health\n".into()),
    }
}

fn read_items(store: &str) -> io::Result<String> {
    let visits = ask_store(store, "INCR visits")?;
    let items = ask_store(store, "ALL item/")?;
    let lines: Vec<String> = items.lines().map(|line| format!("  {}\n", line.trim_start_matches("item/"))).collect();
    Ok(format!("For sale:\n{}\nYou are visitor {}.\n", lines.concat(), visits.trim()))
}

/// The store speaks lines: `SET key value`, `GET key`, `DEL key`, `INCR key`, `ALL prefix`, `PING`. An answer is lines, then `.`.
fn serve_store() -> ! {
    let path = PathBuf::from(env_or("DATA", "/data/store.txt"));
    let store = Store::open(&path).unwrap_or_else(|error| fail(&format!("{}: {error}", path.display())));
    say(&format!("store: {} entries in {}", store.entries.len(), path.display()));
    let store = Arc::new(Mutex::new(store));
    listen(7070, move |connection| {
        let mut out = connection.try_clone()?;
        for line in BufReader::new(connection).lines() {
            let line = line?;
            count_request(|| {
                let answer = match store.lock() {
                    Ok(mut store) => store.answer(&line).unwrap_or_else(|error| format!("ERROR {error}\n")),
                    Err(_) => "ERROR the store is broken\n".into(),
                };
                out.write_all(format!("{answer}.\n").as_bytes())
            })?;
        }
        Ok(())
    })
}

struct Store {
    path: PathBuf,
    entries: BTreeMap<String, String>,
}

impl Store {
    fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut store = Self { path: path.to_owned(), entries: BTreeMap::new() };
        match fs::read_to_string(path) {
            Ok(text) => {
                let pairs = text.lines().filter_map(|line| line.split_once(' '));
                store.entries = pairs.map(|(key, value)| (key.into(), value.into())).collect();
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                for (key, value) in [("item/apples", "1.20 a kilo"), ("item/bread", "2.80"), ("item/coffee", "6.40")] {
                    store.entries.insert(key.into(), value.into());
                }
                store.save()?;
            }
            Err(error) => return Err(error),
        }
        Ok(store)
    }

    /// The whole file, beside the old one and then in its place: a kill at any moment leaves one or the other.
    fn save(&self) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut file = fs::File::create(&beside)?;
        for (key, value) in &self.entries {
            writeln!(file, "{key} {value}")?;
        }
        file.sync_all()?;
        fs::rename(&beside, &self.path)
    }

    fn answer(&mut self, line: &str) -> io::Result<String> {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        match words.as_slice() {
            ["PING"] => Ok("PONG\n".into()),
            ["GET", key] => Ok(self.entries.get(*key).map(|value| format!("{value}\n")).unwrap_or_default()),
            ["ALL", prefix] => {
                let entries = self.entries.iter().filter(|(key, _)| key.starts_with(prefix));
                Ok(entries.map(|(key, value)| format!("{key} {value}\n")).collect())
            }
            ["SET", key, value] => {
                self.entries.insert((*key).into(), (*value).into());
                self.save().map(|()| "OK\n".into())
            }
            ["DEL", key] => {
                self.entries.remove(*key);
                self.save().map(|()| "OK\n".into())
            }
            ["INCR", key] => {
                let count = self.entries.get(*key).and_then(|value| value.parse::<u64>().ok()).unwrap_or(0) + 1;
                self.entries.insert((*key).into(), count.to_string());
                self.save().map(|()| format!("{count}\n"))
            }
            _ => Ok("ERROR there is PING, GET, SET, DEL, INCR and ALL\n".into()),
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The ways to behave badly
// ---------------------------------------------------------------------------------------------------------------------

fn serve_sick(options: &[&str]) -> ! {
    let (mut until, mut after, mut file) = (None, None, None);
    for pair in options.chunks(2) {
        match pair {
            ["until", seconds] => until = Some(parse_seconds(seconds)),
            ["after", seconds] => after = Some(parse_seconds(seconds)),
            ["file", path] => file = Some(PathBuf::from(path)),
            ["linger", seconds] => LINGER_MILLIS.store(parse_seconds(seconds).as_millis() as u64, Ordering::SeqCst),
            _ => fail("sick [until SECONDS] [after SECONDS] [file PATH] [linger SECONDS]"),
        }
    }
    let (start, sickened) = (Instant::now(), AtomicBool::new(false));
    serve(8080, move |path| match path {
        "/health" => {
            let early = until.is_some_and(|until| start.elapsed() < until);
            let late = after.is_some_and(|after| start.elapsed() >= after);
            let marked = file.as_ref().is_some_and(|file| file.exists());
            if early || late || marked || sickened.load(Ordering::Relaxed) {
                (500, "sick\n".into())
            } else {
                (200, "ok\n".into())
            }
        }
        "/sicken" | "/heal" => {
            sickened.store(path == "/sicken", Ordering::Relaxed);
            say(&format!("sick: {path}"));
            (200, "done\n".into())
        }
        _ => (200, format!("task {}\n", task())),
    })
}

fn echo_udp() -> ! {
    watch_for_stop();
    let port = port_or(9000);
    let socket = UdpSocket::bind(("0.0.0.0", port)).unwrap_or_else(|error| fail(&format!("udp port {port}: {error}")));
    say(&format!("listening on udp port {port}"));
    let mut buffer = [0; 2048];
    loop {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    }
}

fn run_until_told() -> ! {
    watch_for_stop();
    say(&format!("sleeping; version {} task {}", version(), task()));
    sleep_for_ever()
}

fn ignore_term() -> ! {
    set_signal(SIGTERM, SIG_IGN);
    say("ignoring SIGTERM");
    sleep_for_ever()
}

fn end(code: &str, seconds: &str) -> ! {
    let code: i32 = code.parse().unwrap_or_else(|_| fail(&format!("`{code}` is no exit code")));
    let delay = parse_seconds(seconds);
    watch_for_stop();
    say(&format!("ending with exit code {code} in {} s", delay.as_secs_f32()));
    thread::sleep(delay);
    exit(code)
}

fn take_all_memory() -> ! {
    watch_for_stop();
    let mut taken: Vec<Vec<u8>> = Vec::new();
    let chunk = 4 << 20;
    while taken.len() * chunk < OOM_BYTES_MAX {
        // Not zeros: those would be pages that exist only on paper.
        taken.push(vec![1; chunk]);
        if taken.len().is_power_of_two() {
            say(&format!("holding {} MiB", taken.len() * chunk >> 20));
        }
    }
    fail("took 1 GiB and was not killed: give this container a memory limit")
}

fn describe() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("Uid:") || line.starts_with("Gid:")) {
        let words: Vec<&str> = line.split_whitespace().take(2).collect();
        say(&words.join(" "));
    }
    say(&format!("Cwd: {}", env::current_dir().unwrap_or_default().display()));
    env::args().for_each(|argument| say(&format!("Arg: {argument}")));
    let environment: BTreeMap<String, String> = env::vars().collect();
    environment.iter().for_each(|(name, value)| say(&format!("Env: {name}={value}")));
}

fn show(files: &[&str]) {
    for file in files {
        let text = fs::read_to_string(file).unwrap_or_else(|error| fail(&format!("{file}: {error}")));
        text.lines().for_each(say);
    }
}

fn write_file(file: &str, text: &str) {
    if let Err(error) = fs::write(file, format!("{text}\n")) {
        fail(&format!("{file}: {error}"));
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Asking
// ---------------------------------------------------------------------------------------------------------------------

fn check(target: &str) -> ! {
    let result = match target.strip_prefix("tcp:") {
        Some(address) => connect(address).map(|_| 200),
        None => {
            let rest =
                target.strip_prefix("http://").unwrap_or_else(|| fail("check http://HOST:PORT/PATH or tcp:HOST:PORT"));
            let (address, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let address = if address.contains(':') { address.to_owned() } else { format!("{address}:80") };
            ask_http(&address, if path.is_empty() { "/" } else { path }).map(|(status, _)| status)
        }
    };
    match result {
        Ok(status @ 200..=399) => {
            say(&format!("{target}: good ({status})"));
            exit(0)
        }
        Ok(status) => fail(&format!("{target}: answered {status}")),
        Err(error) => fail(&format!("{target}: {error}")),
    }
}

/// Tries every address that the name stands for: a service's name stands for all of its tasks.
fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("`{address}` stands for no address"));
    let addresses =
        address.to_socket_addrs().map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))?;
    for one in addresses {
        match TcpStream::connect_timeout(&one, ASK_TIMEOUT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(ASK_TIMEOUT))?;
                stream.set_write_timeout(Some(ASK_TIMEOUT))?;
                return Ok(stream);
            }
            Err(error) => last = io::Error::new(error.kind(), format!("{address} ({one}): {error}")),
        }
    }
    Err(last)
}

fn ask_http(address: &str, path: &str) -> io::Result<Answer> {
    let mut stream = connect(address)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let odd = || io::Error::new(io::ErrorKind::InvalidData, format!("{address} does not speak HTTP"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(odd)?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(odd)?;
    Ok((status, body.to_owned()))
}

fn ask_store(address: &str, line: &str) -> io::Result<String> {
    let mut stream = connect(address)?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    let mut answer = String::new();
    for line in BufReader::new(stream).lines() {
        match line? {
            line if line == "." => return Ok(answer),
            line if line.starts_with("ERROR") => return Err(io::Error::other(line)),
            line => answer = answer + &line + "\n",
        }
    }
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the store hung up"))
}

// ---------------------------------------------------------------------------------------------------------------------
// Serving
// ---------------------------------------------------------------------------------------------------------------------

/// Requests under way: what a stop waits for. A connection on which nobody asks anything is none.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

fn count_request<T>(request: impl FnOnce() -> T) -> T {
    UNDER_WAY.fetch_add(1, Ordering::SeqCst);
    let result = request();
    UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
    result
}

/// Answers HTTP/1 requests, one to a connection.
fn serve(port: u16, answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> ! {
    listen(port, move |connection| {
        let mut reader = BufReader::new(connection.try_clone()?).take(64 << 10);
        let mut request = String::new();
        reader.read_line(&mut request)?;
        let mut wants_html = false;
        for line in reader.lines() {
            let line = line?.to_ascii_lowercase();
            wants_html |= line.starts_with("accept:") && line.contains("text/html");
            if line.is_empty() {
                break;
            }
        }
        count_request(|| respond(connection, request.trim_end(), wants_html, &answer))
    })
}

fn respond(mut to: TcpStream, request: &str, wants_html: bool, answer: &dyn Fn(&str) -> Answer) -> io::Result<()> {
    let path = request.split(' ').nth(1).unwrap_or("/");
    let (status, mut body) = answer(path);
    if path != "/health" {
        say(&format!("{request} {status}"));
    }
    let mut kind = "text/plain";
    if wants_html {
        (kind, body) = ("text/html", format!("<!doctype html><title>shop</title><pre>{body}</pre>\n"));
    }
    let (length, word) = (body.len(), if status < 400 { "OK" } else { "Not OK" });
    write!(
        to,
        "HTTP/1.1 {status} {word}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

/// One thread to a connection.
fn listen(port: u16, handle: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> ! {
    watch_for_stop();
    let port = port_or(port);
    let listener = TcpListener::bind(("0.0.0.0", port)).unwrap_or_else(|error| fail(&format!("port {port}: {error}")));
    say(&format!("listening on port {port}; version {} task {}", version(), task()));
    let handle = Arc::new(handle);
    loop {
        let Ok((connection, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let handle = Arc::clone(&handle);
        thread::spawn(move || {
            let _ = connection.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = handle(connection);
        });
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Being process 1
// ---------------------------------------------------------------------------------------------------------------------

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
const SIG_IGN: usize = 1;

unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
    fn write(fd: i32, bytes: *const u8, length: usize) -> isize;
}

/// How long it goes on to answer after it was told to stop: those who send requests need a moment to hear of it.
static LINGER_MILLIS: AtomicU64 = AtomicU64::new(0);

/// The end of a pipe that the signal handler writes to: all that a handler may safely do.
static WAKE: AtomicI32 = AtomicI32::new(-1);

extern "C" fn on_signal(number: i32) {
    let byte = number as u8;
    // SAFETY: write(2) may be called in a signal handler, and `byte` lives through the call.
    unsafe { write(WAKE.load(Ordering::SeqCst), &raw const byte, 1) };
}

fn set_signal(number: i32, handler: usize) {
    // SAFETY: `handler` is SIG_IGN or a function that does nothing but write(2).
    unsafe { signal(number, handler) };
}

/// The kernel ignores a signal for which process 1 has no handler: without this, every stop would take until SIGKILL.
fn watch_for_stop() {
    let (mut reader, writer) = UnixStream::pair().unwrap_or_else(|error| fail(&format!("pipe: {error}")));
    WAKE.store(writer.as_raw_fd(), Ordering::SeqCst);
    std::mem::forget(writer);
    set_signal(SIGTERM, on_signal as *const () as usize);
    set_signal(SIGINT, on_signal as *const () as usize);
    thread::spawn(move || {
        let mut byte = [0];
        while reader.read_exact(&mut byte).is_err() {}
        say(&format!("stopping on {}", if i32::from(byte[0]) == SIGINT { "SIGINT" } else { "SIGTERM" }));
        thread::sleep(Duration::from_millis(LINGER_MILLIS.load(Ordering::SeqCst)));
        let start = Instant::now();
        while UNDER_WAY.load(Ordering::SeqCst) > 0 && start.elapsed() < DRAIN_TIMEOUT {
            thread::sleep(Duration::from_millis(5));
        }
        exit(0)
    });
}

fn sleep_for_ever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Small change
// ---------------------------------------------------------------------------------------------------------------------

fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

fn fail(text: &str) -> ! {
    say(text);
    exit(1)
}

fn env_or(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn port_or(default: u16) -> u16 {
    let text = env_or("PORT", &default.to_string());
    text.parse().unwrap_or_else(|_| fail(&format!("PORT is `{text}`, which is no port")))
}

fn parse_seconds(text: &str) -> Duration {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.unwrap_or_else(|| fail(&format!("`{text}` is no number of seconds")))
}

fn version() -> String {
    env_or("VERSION", "none")
}

/// The container that this is, as Docker names it.
fn task() -> String {
    env::var("HOSTNAME").or_else(|_| fs::read_to_string("/etc/hostname")).unwrap_or_default().trim().to_owned()
}
