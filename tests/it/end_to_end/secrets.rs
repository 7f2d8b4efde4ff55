//! Environment files and secrets: what reaches a container, what a change of one does, and that no value is anywhere else.

use std::net::UdpSocket;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::docker::{Container, IMAGE_NEXT};
use crate::support::program::{Ended, Program};
use crate::support::shop::{Service, Shop, service};
use crate::support::wait::until;

/// A cluster with a key and a place in memory of its own.
struct Vault {
    shop: Shop,
    memory: TempDir,
}

impl Vault {
    fn new(test: &str) -> Self {
        let memory = tempfile::Builder::new().prefix("reconcile-it-").tempdir_in("/dev/shm");
        Self { shop: Shop::new(test), memory: memory.expect("a directory in memory") }
    }

    fn state(&self) -> PathBuf {
        self.shop.scratch.path().join("state")
    }

    /// A run that may tell everything, with a key and a place in memory of its own.
    fn program(&self, arguments: &[&str]) -> Program {
        self.configure(self.shop.program(arguments))
    }

    fn configure(&self, program: Program) -> Program {
        program
            .env("RECONCILE_STATE_DIR", self.state())
            .env("RECONCILE_RUNTIME_DIR", self.memory.path())
            .env("RECONCILE_LOG", "trace")
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.program(arguments).run()
    }

    #[track_caller]
    fn converge(&self) -> Ended {
        self.run(&["--timeout", "100s"]).expect_code(0)
    }

    /// Whether a dry run would change anything, with what it says.
    fn plan(&self) -> (bool, Ended) {
        let ended = self.run(&["--dry-run", "-o", "json"]).expect_code(0);
        (ended.json()["hasChanges"] == true, ended)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.shop.directory.join(name), text).expect("a file in our own directory");
    }

    /// The environment that a container was created with, without what the image has.
    fn environment(&self, container: &Container) -> Vec<String> {
        let inspected = self.shop.engine.inspect(&container.id);
        let all = inspected["Config"]["Env"].as_array().cloned().unwrap_or_default();
        let mut all: Vec<_> = all.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect();
        all.retain(|text| !text.starts_with("PATH=") && !text.starts_with("VERSION="));
        all.sort();
        all
    }

    /// A file as the processes of a container see it.
    fn seen_in(&self, container: &Container, path: &str) -> PathBuf {
        let pid = self.shop.engine.inspect(&container.id)["State"]["Pid"].as_u64().expect("it runs");
        PathBuf::from(format!("/proc/{pid}/root{path}"))
    }

    /// Puts a container that was only created in the place of one that runs.
    fn replace_by_one_never_started(&self, container: &Container) {
        let engine = &self.shop.engine;
        let mut body = engine.inspect(&container.id);
        let (host, networks) = (body["HostConfig"].take(), body["NetworkSettings"]["Networks"].take());
        let mut body = body["Config"].take();
        body["HostConfig"] = host;
        let network = networks.as_object().and_then(|networks| networks.keys().next().cloned()).expect("a network");
        body["NetworkingConfig"] = serde_json::json!({ "EndpointsConfig": { network: {} } });
        engine.remove(&container.id);
        engine.create(&container.name, &body);
    }

    /// The directories of containers that have files of secrets.
    fn directories_in_memory(&self) -> usize {
        let below = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
        below(&self.memory.path().join("secrets")).flat_map(|source| below(&source).collect::<Vec<_>>()).count()
    }
}

fn with_secrets(secrets: &str) -> Service {
    service("web").percent(0, 100).container(&format!("secrets: [{secrets}]"))
}

#[test]
fn environment_files_are_read_by_the_rules_of_ecs() {
    let vault = Vault::new("envfile");
    let shop = &vault.shop;
    vault.write("one.env", "# no variable\nA=first\nB=\"quoted\" $A\nnot a variable\nEMPTY=\n");
    vault.write("two.env", "A=second\nC=x=y\nGIVEN=file\n");
    let files = "environmentFiles: [{ type: file, value: one.env }, { type: file, value: ./two.env }]";
    let web = || service("web").container(files).container("environment: [{ name: GIVEN, value: manifest }]");
    shop.write(&[web()]);
    vault.converge();
    let before = shop.only("web");
    assert_eq!(vault.environment(&before), ["A=first", "B=\"quoted\" $A", "C=x=y", "EMPTY=", "GIVEN=manifest"]);

    vault.write("two.env", "A=other\nC=changed\n");
    let plan = vault.run(&["--dry-run"]).expect_code(0);
    plan.expect_said(&["environment.C", "x=y -> changed", "two.env:2:1"]);
    vault.converge();
    assert_ne!(shop.only("web").id, before.id);
    assert!(!vault.plan().0);

    std::fs::remove_file(shop.directory.join("two.env")).expect("it was written");
    let ended = vault.run(&[]).expect_code(3);
    ended.expect_said(&["two.env cannot be read: No such file", "shop.yaml:", "nothing was changed"]);
    assert_eq!(shop.running("web").len(), 1);
}

#[test]
fn a_watch_follows_environment_files_and_secrets() {
    let vault = Vault::new("watched");
    let shop = &vault.shop;
    // Outside of the directory, where nothing but this file is watched.
    let outside = shop.scratch.path().join("outside.txt");
    std::fs::write(&outside, "one").expect("a file of our own");
    vault.write("web.env", "A=1\n");
    let secret = format!("{{ name: S, valueFrom: 'file:{}' }}", outside.display());
    shop.write(&[with_secrets(&secret).container("environmentFiles: [{ type: file, value: web.env }]")]);
    let running = vault.program(&["--watch"]).start();
    let has = |expected: &[&str]| {
        until(&format!("a task runs with {expected:?}"), || {
            shop.running("web").iter().any(|container| vault.environment(container) == expected)
        });
    };
    has(&["A=1", "S=one"]);
    vault.write("web.env", "A=2\n");
    has(&["A=2", "S=one"]);
    std::fs::write(&outside, "two").expect("a file of our own");
    has(&["A=2", "S=two"]);

    // The value goes, and then the task: what is wanted stays wanted, and comes when the value is back.
    std::fs::remove_file(&outside).expect("it was written");
    until("the lack is told", || running.talk().contains("cannot be had"));
    shop.engine.kill(&shop.only("web").id);
    until("the creation fails", || running.talk().contains("ResourceInitializationError: secret `S`"));
    assert!(shop.running("web").is_empty());
    std::fs::write(&outside, "two").expect("a file of our own");
    has(&["A=2", "S=two"]);
    running.signal("TERM");
    running.wait();
}

#[test]
fn a_secret_that_changed_replaces_the_task_and_another_run_does_not() {
    let vault = Vault::new("secret");
    let shop = &vault.shop;
    vault.write("db.txt", "from a file\n");
    vault.write("db-login", r#"{"user":"shop","port":5432}"#);
    shop.write(&[with_secrets(
        "{ name: FILE, valueFrom: 'file:db.txt' }, { name: VARIABLE, valueFrom: 'env:RECONCILE_IT' }, \
         { name: USER, valueFrom: 'file:db-login:user::' }, { name: RUN, valueFrom: 'exec:say:a b' }, \
         { name: ARN, valueFrom: 'arn:aws:ssm:eu-west-1:1:parameter/x' }",
    )]);
    let commands = ["--secret-command", "say=printf,<%s>", "--secret-command", "aws=printf,aws %s"];
    let program = |arguments: &[&str], value: &str| {
        let arguments: Vec<_> = arguments.iter().chain(&commands).copied().collect();
        vault.program(&arguments).env("RECONCILE_IT", value)
    };
    program(&["--timeout", "100s"], "one").run().expect_code(0);
    let first = shop.only("web");
    let expected = |value: &str| {
        let arn = "ARN=aws arn:aws:ssm:eu-west-1:1:parameter/x".to_owned();
        vec![
            arn,
            "FILE=from a file".to_owned(),
            "RUN=<a b>".to_owned(),
            "USER=shop".to_owned(),
            format!("VARIABLE={value}"),
        ]
    };
    assert_eq!(vault.environment(&first), expected("one"));

    program(&["--timeout", "100s"], "one").run().expect_code(0);
    assert_eq!(shop.only("web").id, first.id);
    let plan = program(&["--dry-run"], "two").run().expect_code(0);
    plan.expect_said(&["secrets.VARIABLE", "(sensitive, changed)", "shop.yaml:", "1 task replaced"]);
    program(&["--timeout", "100s"], "two").run().expect_code(0);
    let second = shop.only("web");
    assert_ne!(second.id, first.id);
    assert_eq!(vault.environment(&second), expected("two"));

    // Without the key, what runs cannot be compared: it is rolled out once more, and then it is steady again.
    std::fs::remove_dir_all(vault.state()).expect("it was made");
    let plan = program(&["--dry-run"], "two").run().expect_code(0);
    plan.expect_said(&["not compared: this machine has no key"]);
    assert!(!vault.state().exists(), "a dry run writes nothing");
    program(&["--timeout", "100s"], "two").run().expect_code(0);
    let third = shop.only("web");
    assert_ne!(third.id, second.id);
    program(&["--timeout", "100s"], "two").run().expect_code(0);
    assert_eq!(shop.only("web").id, third.id);
}

#[test]
fn an_option_of_a_log_driver_may_be_a_secret() {
    let vault = Vault::new("log");
    let shop = &vault.shop;
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_nonblocking(true).expect("a socket of our own");
    let address = socket.local_addr().expect("it is bound");
    vault.write("tag", "first-tag\n");
    let log = format!(
        "logConfiguration: {{ logDriver: syslog, options: {{ syslog-address: 'udp://{address}', tag: overridden }}, \
         secretOptions: [{{ name: tag, valueFrom: 'file:tag' }}] }}"
    );
    shop.write(&[service("web").percent(0, 100).container(&log)]);
    let logged = |tag: &str| {
        until(&format!("a line comes with {tag}"), || {
            let mut line = [0; 2000];
            socket.recv(&mut line).is_ok_and(|length| String::from_utf8_lossy(&line[..length]).contains(tag))
        });
    };
    vault.converge();
    logged("first-tag");
    let first = shop.only("web");
    assert!(!vault.plan().0);
    vault.converge();
    assert_eq!(shop.only("web").id, first.id);

    vault.write("tag", "second-tag\n");
    let plan = vault.run(&["--dry-run"]).expect_code(0);
    plan.expect_said(&["logConfiguration.secretOptions.tag", "(sensitive, changed)", "shop.yaml:", "1 task replaced"]);
    vault.converge();
    logged("second-tag");
    assert_ne!(shop.only("web").id, first.id);

    std::fs::remove_file(shop.directory.join("tag")).expect("it was written");
    let ended = vault.run(&[]).expect_code(3);
    ended.expect_said(&["the secret `tag` cannot be had", "shop.yaml:", "nothing was changed"]);
}

#[test]
fn what_cannot_be_had_is_told_before_anything_is_started() {
    let vault = Vault::new("missing");
    let shop = &vault.shop;
    for (reference, words) in [
        ("file:none.txt", "none.txt cannot be read: No such file"),
        ("file:../outside.txt", "outside of the directory of manifests"),
        ("env:RECONCILE_IT_NONE", "has no variable `RECONCILE_IT_NONE`"),
        ("exec:vault:db", "no command `vault` is configured: give --secret-command vault="),
        ("exec:no:db", "the command `no` failed for the key `db`: exit status: 1; run it by hand"),
        ("file:shop.yaml:key::", "no JSON object"),
        ("arn:aws:secretsmanager:eu-west-1:1:secret:db-AbCdEf", "it is in AWS, and nothing here asks AWS"),
        ("/shop/db", "it is in AWS, and nothing here asks AWS"),
    ] {
        shop.write(&[with_secrets(&format!("{{ name: DB, valueFrom: '{reference}' }}")), service("api")]);
        let ended = vault.run(&["--secret-command", "no=false"]).expect_code(3);
        ended.expect_said(&[words, "the secret `DB` cannot be had", "shop.yaml:", "nothing was changed"]);
        assert_eq!(shop.containers(), [], "{reference}");
        // On paper it is a warning, and the manifests themselves are right.
        vault.run(&["--dry-run"]).expect_code(0).expect_said(&["not compared"]);
        Program::new(["validate", shop.dir()]).run().expect_code(0);
    }
    std::fs::write(shop.scratch.path().join("outside.txt"), "x").expect("a file of our own");
    shop.write(&[with_secrets("{ name: DB, valueFrom: 'file:../outside.txt' }")]);
    vault.run(&[]).expect_code(3).expect_said(&["outside of the directory of manifests"]);
}

#[test]
fn a_dry_run_elsewhere_does_not_call_a_secret_changed() {
    let vault = Vault::new("elsewhere");
    let shop = &vault.shop;
    vault.write("db.txt", "canary");
    let web = || with_secrets("{ name: DB, valueFrom: 'file:db.txt' }");
    shop.write(&[web()]);
    vault.converge();
    assert!(!vault.plan().0);
    let elsewhere = |arguments: &[&str]| {
        vault.program(arguments).env("RECONCILE_STATE_DIR", shop.scratch.path().join("other")).run()
    };
    let quiet = |ended: Ended| assert_eq!(ended.expect_code(0).json()["hasChanges"], false);

    // Without a key; with another key; without the value; and when what else is wanted differs, only that is shown.
    quiet(elsewhere(&["--dry-run", "-o", "json"]).expect_said(&["RC141", "no key"]));
    let other = Shop::new("other");
    other.write(&[with_secrets("{ name: DB, valueFrom: 'file:db.txt' }")]);
    std::fs::write(other.directory.join("db.txt"), "x").expect("a file in our own directory");
    let with_other_key =
        other.program(&["--timeout", "100s"]).env("RECONCILE_STATE_DIR", shop.scratch.path().join("other"));
    with_other_key.run().expect_code(0);
    quiet(elsewhere(&["--dry-run", "-o", "json"]).expect_said(&["RC141", "another machine, or another key"]));
    std::fs::remove_file(shop.directory.join("db.txt")).expect("it was written");
    quiet(vault.run(&["--dry-run", "-o", "json"]).expect_said(&["RC141", "cannot be had here"]));
    shop.write(&[web().image(IMAGE_NEXT)]);
    let ended = vault.run(&["--dry-run", "-o", "json"]).expect_code(0);
    let plan = ended.json();
    let fields: Vec<_> = plan["changes"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|row| row["fields"].as_array().cloned().unwrap_or_default())
        .collect();
    assert_eq!(
        fields.iter().map(|field| field["path"].as_str().unwrap_or("?")).collect::<Vec<_>>(),
        ["image"],
        "{plan:#}"
    );
}

#[test]
fn a_secret_as_a_file_is_in_memory_and_goes_with_its_container() {
    let vault = Vault::new("files");
    let shop = &vault.shop;
    vault.write("key.pem", "canary-of-a-file\n");
    let secrets = "{ name: KEY, valueFrom: 'file:key.pem', path: /run/secrets/key.pem }, \
                   { name: SHARED, valueFrom: 'file:key.pem', path: /etc/shared, mode: '0440', owner: '7:8' }";
    let web = || with_secrets(secrets).container("user: '1000:1001'");
    shop.write(&[web()]);
    vault.converge();
    let first = shop.only("web");
    for (path, mode, uid, gid) in [("/run/secrets/key.pem", 0o400, 1000, 1001), ("/etc/shared", 0o440, 7, 8)] {
        let seen = vault.seen_in(&first, path);
        assert_eq!(std::fs::read_to_string(&seen).expect(path), "canary-of-a-file\n");
        let like = std::fs::metadata(&seen).expect(path);
        assert_eq!((like.mode() & 0o7777, like.uid(), like.gid()), (mode, uid, gid), "{path}");
        let written = std::fs::OpenOptions::new().append(true).open(&seen);
        assert!(written.is_err(), "{path} can be written");
    }
    assert!(!shop.engine.inspect(&first.id).to_string().contains("canary-of-a-file"), "the engine shows it");
    assert_eq!(vault.directories_in_memory(), 1);

    vault.write("key.pem", "another\n");
    vault.converge();
    let second = shop.only("web");
    assert_ne!(second.id, first.id);
    assert_eq!(std::fs::read_to_string(vault.seen_in(&second, "/etc/shared")).expect("a file"), "another\n");
    // The task before is kept to go back to.
    assert_eq!(vault.directories_in_memory(), 2);

    // Removed behind our back, as after a crash in the middle: the next run sweeps.
    shop.engine.remove(&second.id);
    vault.converge();
    assert_eq!(vault.directories_in_memory(), 2);

    // After a reboot the memory is empty: the task is tried anew.
    let third = shop.only("web");
    shop.engine.kill(&third.id);
    std::fs::remove_dir_all(vault.memory.path().join("secrets")).expect("it was made");
    vault.converge();
    let fourth = shop.only("web");
    assert_eq!(std::fs::read_to_string(vault.seen_in(&fourth, "/etc/shared")).expect("a file"), "another\n");

    // The same with a container that was created and never started, for the run was killed in between.
    vault.replace_by_one_never_started(&fourth);
    std::fs::remove_dir_all(vault.memory.path().join("secrets")).expect("it was made");
    vault.converge();
    let fifth = shop.only("web");
    assert_eq!(std::fs::read_to_string(vault.seen_in(&fifth, "/etc/shared")).expect("a file"), "another\n");

    let deleted = vault.configure(Program::new(["delete", shop.dir(), "--host", &shop.engine.host()])).run();
    deleted.expect_code(0);
    assert_eq!((shop.containers().len(), vault.directories_in_memory()), (0, 0));
}

#[test]
fn a_secret_as_a_file_is_refused_where_it_would_be_on_a_disk_or_elsewhere() {
    let vault = Vault::new("disk");
    let shop = &vault.shop;
    vault.write("key.pem", "canary");
    shop.write(&[with_secrets("{ name: KEY, valueFrom: 'file:key.pem', path: /run/key.pem }")]);
    let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory on a disk");
    let ended = vault.program(&[]).env("RECONCILE_RUNTIME_DIR", disk.path()).run().expect_code(1);
    ended.expect_said(&["`KEY` cannot be a file", "is not on a tmpfs", "RECONCILE_RUNTIME_DIR", "nothing was changed"]);
    let remote = vault.configure(shop.program_at("tcp://127.0.0.1:9", &shop.directory, &[])).run().expect_code(1);
    remote.expect_said(&["needs an engine on this machine, at a unix socket"]);
    assert_eq!(shop.containers(), []);
}

/// Every text below a directory.
fn texts_below(directory: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            texts_below(&entry.path(), found);
        } else {
            found.push((entry.path(), std::fs::read(entry.path()).unwrap_or_default()));
        }
    }
}

#[test]
fn a_value_is_nowhere_but_where_it_belongs() {
    const CANARY: &str = "canary-5d41402abc4b";
    let vault = Vault::new("canary");
    let shop = &vault.shop;
    let source = shop.scratch.path().join("source.txt");
    std::fs::write(&source, CANARY).expect("a file of our own");
    let hash: String = Sha256::digest(CANARY).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let secrets = format!(
        "{{ name: ONE, valueFrom: 'file:{0}' }}, {{ name: TWO, valueFrom: 'env:RECONCILE_IT' }}, \
         {{ name: THREE, valueFrom: 'exec:cat:{0}' }}, {{ name: FOUR, valueFrom: 'file:{0}', path: /run/four }}",
        source.display()
    );
    let with_log = |option: &str| {
        let log = format!("logDriver: json-file, secretOptions: [{{ name: {option}, valueFrom: 'env:RECONCILE_IT' }}]");
        with_secrets(&secrets).container(&format!("logConfiguration: {{ {log} }}"))
    };
    let web = || with_log("tag");
    let mut said = String::new();
    let mut look = |case: &str, services: &[Service], arguments: &[&str]| {
        shop.write(services);
        let arguments: Vec<_> = arguments.iter().chain(&["--secret-command", "cat=cat"]).copied().collect();
        let ended = vault.program(&arguments).env("RECONCILE_IT", CANARY).run();
        let labels: Vec<_> = shop.containers().into_iter().map(|container| container.labels).collect();
        for text in [CANARY, &hash, &hash[..16]] {
            assert!(
                !ended.all().contains(text),
                "{case} printed it: {}",
                ended.all().lines().filter(|line| line.contains(text)).collect::<Vec<_>>().join("\n")
            );
            assert!(!format!("{labels:?}").contains(text), "{case} put it into a label");
        }
        said.push_str(&ended.all());
        ended.code()
    };
    assert_eq!(look("a plan", &[web()], &["--dry-run"]), 0);
    assert_eq!(look("a run", &[web()], &["--timeout", "100s"]), 0);
    assert_eq!(look("a plan of a change", &[web().image(IMAGE_NEXT)], &["--dry-run"]), 0);
    assert_eq!(look("the same as JSON", &[web().image(IMAGE_NEXT)], &["--dry-run", "-o", "json"]), 0);
    let refused = web()
        .container("mountPoints: [{ sourceVolume: reconcile-it-none, containerPath: /data }]")
        .definition("volumes: [{ name: reconcile-it-none, dockerVolumeConfiguration: { scope: shared } }]");
    assert_eq!(look("a create that is refused", &[refused], &[]), 4);
    assert_eq!(look("a start that is refused", &[web().container("user: 'nobody:nogroup'")], &[]), 4);
    assert_eq!(look("a log driver that is refused", &[with_log("mode")], &[]), 4);
    assert_eq!(look("a log driver that fails to start", &[with_log("max-size")], &["--timeout", "20s"]), 4);
    assert_eq!(look("the same again", &[with_log("max-size")], &["--dry-run"]), 0);
    assert_eq!(look("an image that is not there", &[web().image("reconcile-none:1")], &["--timeout", "20s"]), 4);
    assert_eq!(look("a program that is not there", &[web().container("entryPoint: [/none]")], &[]), 4);
    // On a busy host the end may come after the moment that makes a task steady.
    until("the end of a task is told", || look("a task that ends", &[web().command("[exit, '3']")], &[]) == 4);
    assert_eq!(look("a run again", &[web()], &["--timeout", "100s"]), 0);
    assert!(said.contains("reconcile::"), "the tracing was on");
    for arguments in [&["status"][..], &["status", "-o", "json"], &["validate"]] {
        let mut all = arguments.to_vec();
        all.push(shop.dir());
        let host = shop.engine.host();
        if arguments[0] == "status" {
            all.extend(["--host", &host]);
        }
        let ended = vault.configure(Program::new(all)).env("RECONCILE_IT", CANARY).run();
        assert!(!ended.all().contains(CANARY), "{arguments:?}");
    }
    let mut files = Vec::new();
    texts_below(shop.scratch.path(), &mut files);
    assert!(files.iter().any(|(path, _)| path.ends_with("state/secret-key")), "{files:?}");
    for (path, bytes) in files.into_iter().filter(|(path, _)| *path != source) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(CANARY) && !text.contains(&hash), "{} holds it", path.display());
    }
    // In memory it is, for as long as its container is there.
    let mut kept = Vec::new();
    texts_below(vault.memory.path(), &mut kept);
    assert!(!kept.is_empty() && kept.iter().all(|(_, bytes)| bytes == CANARY.as_bytes()));
}
