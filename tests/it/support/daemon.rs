//! A Docker daemon of one's own, to be killed, frozen and restarted.
//!
//! It lives in namespaces of its own, for the network and for mounts. That is not a nicety: a second daemon in the network of the
//! first one removes the first one's bridge. A keeper process holds the namespaces, so that they outlive the daemon.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::docker::{Engine, IMAGE};
use super::program::send_signal;
use super::wait::{pause, until, until_some};

/// A private daemon.
pub(crate) struct Daemon {
    directory: TempDir,
    keeper: Child,
    child: Option<Child>,
    live_restore: bool,
}

impl Daemon {
    /// Starts a daemon that has the image of the tests.
    #[track_caller]
    pub(crate) fn start(live_restore: bool) -> Self {
        let image = export_image();
        let directory = TempDir::with_prefix("reconcile-daemon-").expect("a temporary directory");
        let root = directory.path().join("root");
        std::fs::create_dir(&root).expect("a directory in our own");
        let keeper = keep_namespaces(&root);
        let mut daemon = Self { directory, keeper, child: None, live_restore };
        daemon.up();
        let loaded = daemon.engine().try_send("POST", "/images/load?quiet=1", "application/x-tar", &image);
        let loaded = loaded.expect("the private daemon takes an image");
        assert_eq!(loaded.status, 200, "{}", String::from_utf8_lossy(&loaded.body));
        daemon
    }

    pub(crate) fn engine(&self) -> Engine {
        Engine::at(&self.directory.path().join("docker.sock"))
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("dockerd.log")
    }

    /// Starts the daemon and waits until it answers.
    #[track_caller]
    pub(crate) fn up(&mut self) {
        // Docker waits for a containerd that it killed itself; a start within that time fails once.
        for _ in 0..3 {
            self.spawn();
            let is_up = until_some("the private daemon answers or ends", || {
                if self.engine().try_call("GET", "/_ping", None).is_ok_and(|answer| answer.status == 200) {
                    return Some(true);
                }
                let child = self.child.as_mut().expect("it was started above");
                child.try_wait().expect("our own child").is_some().then_some(false)
            });
            if is_up {
                return;
            }
            pause(std::time::Duration::from_secs(1));
        }
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let end: Vec<_> = log.lines().rev().take(15).collect();
        panic!("a private dockerd cannot be started; its last words, latest first:\n{}", end.join("\n"));
    }

    fn spawn(&mut self) {
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        let log =
            std::fs::File::options().create(true).append(true).open(self.log()).expect("a file in our own directory");
        let also = log.try_clone().expect("a file that is open");
        // A daemon that was killed leaves its pid file, and a pid may have been given to somebody else.
        let _ = std::fs::remove_file(path("docker.pid"));
        let mut command = Command::new("nsenter");
        command.args(["-n", "-m", "-t", &self.keeper.id().to_string(), "dockerd"]);
        command.args(["--data-root", &path("root/data"), "--exec-root", &path("root/exec")]);
        command.args(["-H", &format!("unix://{}", path("docker.sock")), "-p", &path("docker.pid")]);
        // What the daemon of this machine is told in a file is not for this one.
        std::fs::write(path("daemon.json"), "{}").expect("a file in our own directory");
        command.args(["--config-file", &path("daemon.json")]);
        command.args(["--bridge=none", "--iptables=false", &format!("--live-restore={}", self.live_restore)]);
        command.stdin(Stdio::null()).stdout(log).stderr(also);
        self.child = Some(command.spawn().expect("`nsenter` can be started"));
    }

    /// Sends a signal to the daemon, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let child = self.child.as_ref().expect("it runs");
        send_signal(child.id(), name);
    }

    /// Ends the daemon by a signal and waits until it is gone.
    #[track_caller]
    pub(crate) fn down(&mut self, name: &str) {
        self.signal(name);
        let mut child = self.child.take().expect("it runs");
        until("the private daemon is gone", || child.try_wait().expect("our own child").is_some());
    }

    /// Everything that runs in our namespaces: containerd and its shims outlive the daemon.
    fn others(&self) -> Vec<u32> {
        let namespace = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/mnt")).ok();
        let Some(ours) = namespace(&self.keeper.id().to_string()) else { return Vec::new() };
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let names = processes.filter_map(|entry| entry.file_name().into_string().ok());
        let ours = names.filter(|name| name.parse::<u32>().is_ok() && namespace(name).as_ref() == Some(&ours));
        ours.filter_map(|name| name.parse().ok()).filter(|id| *id != self.keeper.id()).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Containers first, by the daemon itself: their processes live in other namespaces than ours.
        if let Some(child) = &mut self.child {
            send_signal(child.id(), "CONT");
        }
        self.engine().remove_labelled(&["reconcile.cluster"]);
        if let Some(child) = &mut self.child {
            send_signal(child.id(), "TERM");
            let deadline = super::wait::Deadline::after(std::time::Duration::from_secs(15));
            while !deadline.is_over() && matches!(child.try_wait(), Ok(None)) {
                pause(std::time::Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        for process in self.others() {
            send_signal(process, "KILL");
        }
        // The mount goes with the last process of its namespace.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// Makes the namespaces and a file system in memory at `root`, and stays.
#[track_caller]
fn keep_namespaces(root: &Path) -> Child {
    let script =
        "ip link set lo up && mount -t tmpfs -o size=512m tmpfs \"$1\" && touch \"$1/ready\" && exec sleep 3600";
    let mut command = Command::new("unshare");
    command.args(["-n", "-m", "--propagation", "private", "sh", "-c", script, "sh"]).arg(root);
    let errors = std::fs::File::create(root.with_extension("log")).expect("a file in our own directory");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
    let mut keeper = command.spawn().expect("this test needs `unshare` of util-linux");
    let ready = format!("/proc/{}/root{}/ready", keeper.id(), root.display());
    until("the namespaces of the private daemon are made, or cannot be", || {
        Path::new(&ready).exists() || keeper.try_wait().expect("our own child").is_some()
    });
    let failed = keeper.try_wait().expect("our own child");
    let why = std::fs::read_to_string(root.with_extension("log")).unwrap_or_default();
    assert!(
        failed.is_none(),
        "this test needs a private dockerd, and for that root with CAP_SYS_ADMIN (in a container: --privileged), \
         iproute2 and util-linux: {why}"
    );
    keeper
}

/// The image of the tests, out of the engine of this machine.
#[track_caller]
fn export_image() -> Vec<u8> {
    let engine = Engine::of_this_machine();
    let path = format!("/images/{IMAGE}/get");
    let answer = engine.try_send("GET", &path, "application/json", &[]).expect("the engine gives its image");
    assert_eq!(answer.status, 200, "{path}");
    answer.body
}
