//! `reconcile logs`: what tasks have written, and go on to write when one replaces another.

use std::process::Stdio;

use crate::support::docker::Engine;
use crate::support::program::{Ended, Program};
use crate::support::proxy::Proxy;
use crate::support::shop::{Service, Shop, service};
use crate::support::wait::{until, until_some};

/// A service of shell scripts.
fn script(name: &str, script: &str) -> Service {
    service(name)
        .image("reconcile-busybox:1")
        .command(&format!("[{}]", serde_json::Value::from(script)))
        .container("entryPoint: [sh, -c]")
}

fn shop(test: &str) -> Shop {
    Shop::on(Engine::with_busybox(), test)
}

fn program_at(host: &str, shop: &Shop, arguments: &[&str]) -> Program {
    let (subcommand, rest) = arguments.split_first().expect("a subcommand");
    let all = [*subcommand, "--host", host].into_iter().chain(rest.iter().copied());
    Program::new(all).env("RECONCILE_STATE_DIR", shop.scratch.path().join("state"))
}

fn program(shop: &Shop, arguments: &[&str]) -> Program {
    program_at(&shop.engine.host(), shop, arguments)
}

/// `reconcile logs CLUSTER/SERVICE ...`.
fn logs(shop: &Shop, service: &str, arguments: &[&str]) -> Ended {
    let name = format!("{}/{service}", shop.cluster);
    program(shop, &[&["logs", &name], arguments].concat()).run()
}

const COUNTS: &str = "i=0; while true; do i=$((i+1)); echo \"$HOSTNAME $i\"; sleep 0.02; done";

/// Fails unless the lines of each container, `HOSTNAME NUMBER`, count from 1 without a gap; says how many containers there are.
#[track_caller]
fn expect_counted(text: &str) -> usize {
    let mut last = std::collections::BTreeMap::new();
    for line in text.lines() {
        let (host, number) = line.split_once(' ').unwrap_or_else(|| panic!("half a line: {line:?}"));
        let before = last.insert(host.to_owned(), number.to_owned()).map_or(0, |last| last.parse().expect("a number"));
        assert_eq!(number.parse::<u32>(), Ok(before + 1), "after {before} of {host} comes {line}");
    }
    last.len()
}

#[test]
fn a_service_has_the_lines_of_all_its_tasks() {
    let shop = shop("logs-all");
    shop.write(&[
        script("two", "echo out; echo err >&2; printf 'no end'; sleep 1000").count(2),
        script("one", "printf 'a\\033[1mb\\n'; head -c 100000 /dev/zero | tr '\\0' x; echo; sleep 1000"),
    ]);
    shop.converge();
    let ended = until_some("all is written", || {
        let ended = logs(&shop, "two", &[]).expect_code(0);
        (ended.stdout.lines().count() == 2 && ended.stderr.lines().count() == 2).then_some(ended)
    });
    for slot in ["two/0 ", "two/1 "] {
        let has = |text: &str, end: &str| text.lines().any(|line| line.starts_with(slot) && line.ends_with(end));
        assert!(has(&ended.stdout, "| out") && has(&ended.stderr, "| err"), "{ended}");
    }
    assert!(!ended.all().contains('\u{1b}'), "no colours outside of a terminal");
    // One container is passed on as it is.
    let one = until_some("all is written", || {
        let ended = logs(&shop, "one", &[]).expect_code(0);
        (ended.stdout.len() > 100_000).then_some(ended)
    });
    assert_eq!(one.stdout, format!("a\u{1b}[1mb\n{}\n", "x".repeat(100_000)));
    let json = logs(&shop, "two", &["-o", "json", "-c", "main", "--tail", "1"]).expect_code(0);
    for line in json.stdout.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        assert_eq!((&line["service"], &line["container"]), (&"two".into(), &"main".into()));
    }
    let timed = logs(&shop, "one", &["--timestamps", "--tail", "1"]).expect_code(0);
    assert_eq!(timed.stdout.matches('Z').count(), 1, "one time for one line");
    assert!(logs(&shop, "one", &["--since", "2100-01-01T00:00:00Z"]).expect_code(0).stdout.is_empty());
    assert!(!logs(&shop, "one", &["--since", "10m"]).expect_code(0).stdout.is_empty());
    logs(&shop, "oen", &[]).expect_code(1).expect_said(&["there is no service or task", "did you mean"]);
    logs(&shop, "one", &["-c", "mian"]).expect_code(64).expect_said(&["did you mean `main`?"]);
    logs(&shop, "one", &["--previous"]).expect_code(1).expect_said(&["no task that came before"]);
}

#[test]
fn a_replacement_is_followed_and_no_line_is_lost_or_doubled() {
    let shop = shop("logs-follow");
    shop.write(&[script("web", COUNTS)]);
    shop.converge();
    let proxy = Proxy::before(&shop.engine.socket);
    let name = format!("{}/web", shop.cluster);
    let following = program_at(&proxy.host(), &shop, &["logs", "-f", &name]).start();
    let _watching = shop.watch();
    let first = shop.only("web").id;
    until("something is shown", || following.data().lines().count() > 20);
    // The connections break, and it goes on.
    assert!(proxy.break_streams() >= 1);
    until("something is shown again", || {
        let before = following.data().lines().count();
        until("more is shown", || following.data().lines().count() > before + 20);
        true
    });
    shop.engine.kill(&first);
    until("the next task writes", || following.data().lines().any(|line| !line.starts_with(&first[..12])));
    let before = following.data().lines().count();
    until("more is shown", || following.data().lines().count() > before + 20);
    following.signal("INT");
    let ended = following.wait().expect_code(130).expect_said(&["was killed", " began", " ended: "]);
    // The last line may be cut off in the middle by the end of it all.
    let whole = ended.stdout.rfind('\n').map_or("", |end| &ended.stdout[..end]);
    assert_eq!(expect_counted(whole), 2);
}

#[test]
fn a_task_is_followed_to_its_end_and_can_be_read_afterwards() {
    let shop = shop("logs-task");
    shop.write(&[
        script("job", "for i in 1 2 3 4 5; do echo \"job $i\"; sleep 0.1; done; echo done >&2; exit 3").count(0),
        script("crash", "echo before the crash; sleep 0.3; exit 7"),
    ]);
    let run = program(&shop, &["run", "--dir", shop.dir(), "--logs", "job"]).run().expect_code(3);
    assert_eq!(run.stdout, "job 1\njob 2\njob 3\njob 4\njob 5\n");
    assert!(run.stderr.contains("done\n") && run.stderr.contains("exit code 3"), "{run}");
    let json =
        program(&shop, &["run", "--dir", shop.dir(), "--logs", "--rm", "-o", "json", "job"]).run().expect_code(3);
    assert!(json.json()["exitCode"] == 3 && json.stderr.contains("job 1\njob 2\n"), "{json}");
    assert_eq!(shop.containers().len(), 1, "what --rm asks for is done when it has been read");
    let id = json.json()["tasks"][0]["taskId"].as_str().expect("an id").to_owned();
    program(&shop, &["logs", &id]).run().expect_code(1);
    let tasks = program(&shop, &["tasks", "--cluster", &shop.cluster, "-o", "json"]).run().json();
    let task = tasks["tasks"][0]["taskId"].as_str().expect("an id");
    let again = program(&shop, &["logs", "-f", task]).run().expect_code(0);
    assert_eq!(again.stdout.lines().count(), 5, "{again}");
    let said: Vec<_> = again.stderr.lines().collect();
    assert!(said.len() == 2 && said[0] == "done" && said[1].contains("exited with code 3"), "{again}");

    // A crash loop: the task that ended last.
    let failed = shop.fail();
    failed.expect_said(&["next: reconcile logs "]);
    let ended = logs(&shop, "crash", &["--previous"]).expect_code(0);
    assert_eq!(ended.stdout, "before the crash\n");
}

#[test]
fn what_cannot_be_read_is_said_and_a_closed_pipe_is_no_error() {
    let shop = shop("logs-none");
    shop.write(&[
        script("mute", "echo secret; sleep 1000").container("logConfiguration: { logDriver: none }"),
        script("loud", "while true; do echo loud; done"),
        script("tty", "printf '\\001\\002 raw\\n'; test -t 1 && echo terminal; sleep 1000")
            .container("pseudoTerminal: true"),
    ]);
    shop.converge();
    logs(&shop, "mute", &[])
        .expect_code(1)
        .expect_said(&["log driver `none` cannot be read back", "no log could be read"]);
    logs(&shop, "mute", &["-f"]).expect_code(1);
    until("it is written", || logs(&shop, "tty", &[]).expect_code(0).stdout.contains("terminal\r\n"));
    assert_eq!(logs(&shop, "tty", &[]).stdout, "\u{1}\u{2} raw\r\nterminal\r\n");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let name = format!("{}/loud", shop.cluster);
    let running = program(&shop, &["logs", "-f", &name]).stdout(Stdio::from(writer)).start();
    drop(reader);
    let ended = running.wait().expect_code(0);
    assert_eq!(ended.stderr, "");
}
