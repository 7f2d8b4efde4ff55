//! The real program: started, watched, given signals, and never left behind.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::wait::{Deadline, pause, until};

/// How long one run may take before it counts as one that hangs.
const RUN_LIMIT: Duration = Duration::from_mins(2);

/// How a run ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The exit code; of a run that a signal ended, what a shell would say.
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }

    /// Fails with everything that was printed unless it ended with `code`.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "{self}");
        self
    }

    /// Both streams, for what may be said on either.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Fails unless every one of `parts` was printed.
    #[track_caller]
    pub(crate) fn expect_said(self, parts: &[&str]) -> Self {
        let all = self.all();
        for part in parts {
            assert!(all.contains(part), "`{part}` was not printed\n{self}");
        }
        self
    }

    /// Stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is no JSON: {error}\n{self}"))
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {}\n--- stdout\n{}--- stderr\n{}---", self.code(), self.stdout, self.stderr)
    }
}

/// A run that is to be started.
pub(crate) struct Program {
    command: Command,
}

impl Program {
    /// The program with these arguments, and none of the settings that the surroundings of the test may have.
    pub(crate) fn new<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reconcile"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in [
            "RECONCILE_DIR",
            "RECONCILE_LOG",
            "RECONCILE_STATE_DIR",
            "RECONCILE_RUNTIME_DIR",
            "NO_COLOR",
            "CLICOLOR_FORCE",
            "TERM",
            "GITHUB_ACTIONS",
            "GITHUB_STEP_SUMMARY",
            "GITHUB_OUTPUT",
            "GITHUB_WORKSPACE",
            "GITHUB_SERVER_URL",
            "CI_PROJECT_DIR",
            "CI_PROJECT_URL",
        ] {
            command.env_remove(name);
        }
        // Nothing of a test is remembered in the home of whoever runs it.
        command.env("RECONCILE_STATE_DIR", "/dev/null/none");
        // Backtraces of a panic belong into the output of a test that fails.
        command.env("RUST_BACKTRACE", "1");
        Self { command }
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    pub(crate) fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.command.stdin(stdin);
        self
    }

    pub(crate) fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.command.stderr(stderr);
        self
    }

    pub(crate) fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.command.stdout(stdout);
        self
    }

    /// Starts it and lets it run.
    #[track_caller]
    pub(crate) fn start(mut self) -> Running {
        let mut child = self.command.spawn().expect("the program can be started");
        let stdout = child.stdout.take().map(Stream::read).unwrap_or_default();
        let stderr = child.stderr.take().map(Stream::read).unwrap_or_default();
        Running { child, stdout, stderr }
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(self) -> Ended {
        self.start().wait()
    }
}

/// What has been written to a pipe so far.
#[derive(Debug, Default)]
struct Stream {
    text: Arc<Mutex<Vec<u8>>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Stream {
    fn read(mut pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                kept.lock().expect("no reader panics").extend_from_slice(&buffer[..length]);
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().expect("no reader panics")).into_owned()
    }

    fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no reader panics");
        }
        self.so_far()
    }
}

/// A run under way. It is killed when the test is over.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub(crate) fn data(&self) -> String {
        self.stdout.so_far()
    }

    /// What it has said so far.
    pub(crate) fn talk(&self) -> String {
        self.stderr.so_far()
    }

    /// Waits until it says `text`.
    #[track_caller]
    pub(crate) fn wait_for_talk(&self, text: &str) {
        self.wait_for_talks(text, 1);
    }

    /// Waits until it has said `text` so many times.
    #[track_caller]
    pub(crate) fn wait_for_talks(&self, text: &str, times: usize) {
        let mut last = String::new();
        let is_said = || {
            last = self.talk();
            last.matches(text).count() >= times
        };
        let what = format!("`{text}` is said {times} times");
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| until(&what, is_said)));
        assert!(outcome.is_ok(), "waited in vain until {what}; said so far:\n{last}");
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        send_signal(self.id(), name);
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Ended {
        let deadline = Deadline::after(RUN_LIMIT);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                break status;
            }
            if deadline.is_over() {
                let _ = self.child.kill();
                panic!("it did not end within {} s; it said:\n{}", RUN_LIMIT.as_secs(), self.talk());
            }
            pause(Duration::from_millis(5));
        };
        Ended { status, stdout: self.stdout.all(), stderr: self.stderr.all() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process. The kernel's call needs unsafe code; the shell has it built in.
pub(crate) fn send_signal(process: u32, name: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).stderr(Stdio::null()).status();
    assert!(status.is_ok(), "there is no `sh`");
}
