//! `reconcile exec`: a command in a container, with its input, its terminal and its exit code.

use std::io::{Read, Write};
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{self, LocalModes, Winsize};

use crate::support::docker::Engine;
use crate::support::program::{Ended, Program, Running};
use crate::support::shop::{Service, Shop, service};
use crate::support::wait::until;

fn shop(test: &str) -> Shop {
    Shop::on(Engine::with_busybox(), test)
}

fn sleeper(name: &str) -> Service {
    service(name).image("reconcile-busybox:1").command("[sleep, '1000']").container("entryPoint: []")
}

fn program(shop: &Shop, arguments: &[&str]) -> Program {
    let host = shop.engine.host();
    Program::new(["exec", "--host", &host].into_iter().chain(arguments.iter().copied()))
}

/// `reconcile exec CLUSTER/SERVICE ...`.
fn exec(shop: &Shop, service: &str, arguments: &[&str]) -> Ended {
    let name = format!("{}/{service}", shop.cluster);
    program(shop, &[&[&*name], arguments].concat()).run()
}

#[test]
fn the_exit_code_is_that_of_the_command() {
    let shop = shop("exec-code");
    shop.write(&[
        sleeper("one"),
        sleeper("two")
            .count(2)
            .beside("{ name: side, image: reconcile-busybox:1, entryPoint: [], command: [sleep, '1000'], memory: 64 }"),
        sleeper("stopped").count(0),
    ]);
    shop.converge();
    let ended = exec(&shop, "one", &["--", "sh", "-c", "echo out; echo err >&2; exit 42"]).expect_code(42);
    assert_eq!((&*ended.stdout, &*ended.stderr), ("out\n", "err\n"));
    exec(&shop, "one", &["--", "true"]).expect_code(0);
    let arguments = ["-u", "app", "-w", "/tmp", "-e", "A=b c", "--", "sh", "-c", "id -un; pwd; echo \"$A\""];
    assert_eq!(exec(&shop, "one", &arguments).expect_code(0).stdout, "app\n/tmp\nb c\n");
    let missing = exec(&shop, "one", &["--", "no-such-command"]).expect_code(127);
    missing.clone().expect_said(&["`no-such-command` cannot be run in container main of task", "not found"]);
    assert!(!missing.all().contains("OCI"), "{missing}");
    exec(&shop, "one", &["--", "/etc"]).expect_code(126).expect_said(&["`/etc` cannot be run"]);
    exec(&shop, "one", &["-u", "nobody-knows", "--", "true"]).expect_code(126).expect_said(&["nobody-knows"]);
    // Output of a command that looks like the engine's own.
    let liar = exec(&shop, "one", &["--", "sh", "-c", "echo OCI runtime exec failed: no; exit 3"]).expect_code(3);
    assert_eq!(liar.stdout, "OCI runtime exec failed: no\n");

    exec(&shop, "two", &["--", "true"]).expect_code(64).expect_said(&["main, side", "-c"]);
    exec(&shop, "two", &["-c", "side", "--", "true"]).expect_code(0).expect_said(&["/two/0), one of 2 that run"]);
    exec(&shop, "two", &["-c", "sdie", "--", "true"]).expect_code(64).expect_said(&["did you mean `side`?"]);
    exec(&shop, "two/1", &["-c", "main", "--", "true"]).expect_code(0);
    exec(&shop, "oen", &["--", "true"]).expect_code(1).expect_said(&["did you mean"]);
    exec(&shop, "one", &[]).expect_code(64);

    let task = shop.only("one");
    shop.engine.kill(&task.id);
    exec(&shop, "one/0", &["--", "true"]).expect_code(1).expect_said(&[
        "nothing can be run",
        "was killed",
        "reconcile logs",
    ]);
    exec(&shop, "one", &["--", "true"]).expect_code(1).expect_said(&["no task of service", "runs"]);
}

#[test]
fn ten_megabytes_go_in_and_come_out_as_they_were() {
    let shop = shop("exec-input");
    shop.write(&[sleeper("one")]);
    shop.converge();
    let bytes: Vec<u8> = (0..10_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    let input = shop.scratch.path().join("input");
    std::fs::write(&input, &bytes).expect("a file in our own directory");
    let output = shop.scratch.path().join("output");
    let file = |path| std::fs::File::open(path).expect("our own file");
    let name = format!("{}/one", shop.cluster);
    let run = program(&shop, &[&name, "-i", "--", "cat"])
        .stdin(file(&input))
        .stdout(std::fs::File::create(&output).expect("a file in our own directory"));
    run.run().expect_code(0);
    assert!(std::fs::read(&output).expect("our own file") == bytes, "they have changed");
    // Without -i there is no input.
    let none = program(&shop, &[&name, "--", "cat"]).stdin(file(&input)).run().expect_code(0);
    assert_eq!(none.stdout, "");
}

/// A terminal, and the program in it.
struct Terminal {
    ours: std::fs::File,
    theirs: std::fs::File,
    shown: std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
}

impl Terminal {
    fn new(columns: u16, rows: u16) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("our own terminal");
        let path = ptsname(&ours, Vec::new()).expect("it has a name").into_string().expect("a path of ASCII");
        let theirs = std::fs::File::options().read(true).write(true).open(path).expect("our own terminal");
        let ours = std::fs::File::from(ours);
        let terminal = Self { ours, theirs, shown: std::sync::Arc::default() };
        terminal.resize(columns, rows);
        let (mut reader, shown) = (terminal.ours.try_clone().expect("our own"), terminal.shown.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                shown.lock().expect("no reader panics").extend_from_slice(&buffer[..length]);
            }
        });
        terminal
    }

    fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        termios::tcsetwinsize(&self.ours, size).expect("our own terminal");
    }

    fn start(&self, program: Program) -> Running {
        let end = || Stdio::from(self.theirs.try_clone().expect("our own"));
        program.stdin(end()).stdout(end()).stderr(end()).start()
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("no reader panics")).into_owned()
    }

    fn type_in(&mut self, text: &str) {
        self.ours.write_all(text.as_bytes()).expect("our own terminal");
    }

    #[track_caller]
    fn wait_for(&self, text: &str) {
        until(&format!("`{text}` is shown; so far: {}", self.shown()), || self.shown().contains(text));
    }

    fn is_raw(&self) -> bool {
        !termios::tcgetattr(&self.theirs).expect("our own").local_modes.contains(LocalModes::ICANON)
    }
}

#[test]
fn a_terminal_is_passed_on_and_put_back() {
    let shop = shop("exec-tty");
    shop.write(&[sleeper("one")]);
    shop.converge();
    let name = format!("{}/one", shop.cluster);
    let mut terminal = Terminal::new(93, 31);
    let running = terminal.start(program(&shop, &[&name, "--", "sh"]));
    until("every key is passed on", || terminal.is_raw());
    terminal.type_in("tty\r");
    terminal.wait_for("/dev/pts/");
    // The engine takes the size a moment after the command has begun.
    until("the size is known", || {
        terminal.type_in("stty size\r");
        terminal.shown().contains("31 93")
    });
    terminal.resize(120, 50);
    running.signal("WINCH");
    until("the new size is known", || {
        terminal.type_in("stty size\r");
        terminal.shown().contains("50 120")
    });
    // Ctrl-C is for the command in the container.
    terminal.type_in("sleep 1000\r");
    terminal.wait_for("sleep 1000");
    terminal.type_in("\u{3}");
    terminal.type_in("printf '\\001\\002\\n'; echo still $((40+2))\r");
    terminal.wait_for("still 42");
    terminal.type_in("exit 9\r");
    running.wait().expect_code(9);
    assert!(!terminal.is_raw(), "it is as it was");

    // Whatever ends it, the terminal is put back.
    for (signal, code) in [("TERM", 143), ("HUP", 129)] {
        let running = terminal.start(program(&shop, &[&name, "--", "sleep", "1000"]));
        until("every key is passed on", || terminal.is_raw());
        running.signal(signal);
        running.wait().expect_code(code);
        assert!(!terminal.is_raw(), "{signal}");
    }
    let no_terminal = terminal.start(program(&shop, &[&name, "-T", "--", "sh", "-c", "test -t 0 || echo none of it"]));
    no_terminal.wait().expect_code(0);
    terminal.wait_for("none of it");
}
