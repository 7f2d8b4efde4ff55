//! A registry of one test, on the loopback of this machine: Debian's `docker-registry`, with a storage of its own.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::docker::{Engine, IMAGE};

/// Who may use a registry that asks for it. In base64 the password has the characters in which its two alphabets differ.
pub(crate) const USER: &str = "tester";
pub(crate) const PASSWORD: &str = "a>b?c~d>>>???~~~e";

/// A registry. It ends, and its images leave the engine, with this value.
pub(crate) struct Registry {
    engine: Engine,
    child: Child,
    port: u16,
    /// Its storage, and a configuration of Docker that knows its password.
    scratch: TempDir,
    /// The ids of what it built.
    images: Vec<String>,
}

impl Registry {
    /// A registry that everybody may use.
    #[track_caller]
    pub(crate) fn open() -> Self {
        Self::start(false)
    }

    /// A registry that asks for a name and a password.
    #[track_caller]
    pub(crate) fn with_password() -> Self {
        Self::start(true)
    }

    #[track_caller]
    fn start(asks: bool) -> Self {
        let scratch = TempDir::with_prefix("reconcile-registry-").expect("a temporary directory");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let port = free.port();
        let auth = if asks { auth(scratch.path()) } else { String::new() };
        let storage = scratch.path().join("storage");
        let config = format!(
            "version: 0.1\nlog: {{ level: error }}\nstorage: {{ filesystem: {{ rootdirectory: {} }}, delete: {{ enabled: true }} }}\n\
             http: {{ addr: 127.0.0.1:{port} }}\n{auth}",
            storage.display()
        );
        let path = scratch.path().join("config.yml");
        std::fs::write(&path, config).expect("a file in our own directory");
        let started =
            Command::new("docker-registry").arg("serve").arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = started.unwrap_or_else(|error| {
            panic!("docker-registry: {error}. These tests need it: apt-get install docker-registry apache2-utils, or scripts/test")
        });
        let registry = Self { engine: Engine::of_this_machine(), child, port, scratch, images: Vec::new() };
        registry.write_docker_config();
        super::wait::until("the registry answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        registry
    }

    /// A directory for `DOCKER_CONFIG` that knows the password.
    pub(crate) fn docker_config(&self) -> &Path {
        self.scratch.path()
    }

    fn write_docker_config(&self) {
        use base64::Engine as _;
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
        let config = serde_json::json!({ "auths": { self.host(): { "auth": auth } } });
        std::fs::write(self.scratch.path().join("config.json"), config.to_string()).expect("a file");
    }

    /// Its name in a reference.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Builds an image that differs from every other one in a layer of some megabytes, pushes it, and removes it from the engine.
    /// Says its reference.
    #[track_caller]
    pub(crate) fn push(&mut self, tag: &str) -> String {
        let image = self.build(tag);
        self.docker(&["push", "--quiet", &image]);
        self.docker(&["rmi", &image]);
        image
    }

    /// Builds such an image under a reference of this registry, without pushing it.
    #[track_caller]
    pub(crate) fn build(&mut self, tag: &str) -> String {
        let image = format!("{}/reconcile-it:{tag}", self.host());
        let mut blob = Vec::with_capacity(3 << 20);
        // What cannot be compressed and never was before.
        let mut state = u64::from(self.port) ^ super::wait::now_secs() ^ (self.images.len() as u64) << 48;
        while blob.len() < 3 << 20 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            blob.extend_from_slice(&(state >> 24).to_be_bytes()[3..]);
        }
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in [("Dockerfile", format!("FROM {IMAGE}\nCOPY blob /blob\n").into_bytes()), ("blob", blob)]
        {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            tar.append_data(&mut header, name, &*content).expect("it is in memory");
        }
        let tar = tar.into_inner().expect("it is in memory");
        let name: String = form_urlencoded::byte_serialize(image.as_bytes()).collect();
        let answer = self.engine.try_send("POST", &format!("/build?t={name}&rm=1"), "application/x-tar", &tar);
        let answer = answer.expect("the engine builds");
        let text = String::from_utf8_lossy(&answer.body);
        assert!(answer.status == 200 && !text.contains("errorDetail"), "{text}");
        // By its id, for its name may come to mean another one.
        let built = self.engine.get(&format!("/images/{image}/json"));
        self.images.push(built["Id"].as_str().expect("an image has an id").to_owned());
        image
    }

    /// Runs the docker client with this registry's password.
    #[track_caller]
    pub(crate) fn docker(&self, arguments: &[&str]) {
        let mut command = Command::new("docker");
        command.arg("--config").arg(self.scratch.path()).args(["--host", &self.engine.host()]).args(arguments);
        let output =
            command.output().unwrap_or_else(|error| panic!("docker: {error}. These tests need the docker client"));
        assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The part of the configuration that asks for a password.
fn auth(directory: &Path) -> String {
    let mut htpasswd = Command::new("htpasswd")
        .args(["-niB", USER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("htpasswd: {error}. These tests need it: apt-get install apache2-utils, or scripts/test")
        });
    let mut input = htpasswd.stdin.take().expect("it is piped");
    input.write_all(PASSWORD.as_bytes()).expect("it reads the password");
    drop(input);
    let line = htpasswd.wait_with_output().expect("it ends").stdout;
    let path = directory.join("htpasswd");
    std::fs::write(&path, line).expect("a file in our own directory");
    format!("auth: {{ htpasswd: {{ realm: test, path: {} }} }}\n", path.display())
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The later ones may be made from the earlier ones.
        for image in self.images.iter().rev() {
            let _ = self.engine.try_call("DELETE", &format!("/images/{image}?force=1"), None);
        }
    }
}
