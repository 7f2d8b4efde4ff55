//! `reconcile run`, `stop` and `tasks`: a task once, and nobody else touches it.

use serde_json::Value;

use crate::support::docker::Container;
use crate::support::program::{Ended, Program};
use crate::support::shop::{Service, Shop, service};
use crate::support::wait::until;

/// A task definition that no task of a service is made of.
fn job(name: &str, command: &str) -> Service {
    service(name).command(command).count(0)
}

/// A run of the program with a home of its own for what it notes.
fn program(shop: &Shop, arguments: &[&str]) -> Program {
    let host = shop.engine.host();
    let (subcommand, rest) = arguments.split_first().expect("a subcommand");
    let all = [*subcommand, "--host", &host].into_iter().chain(rest.iter().copied());
    Program::new(all).env("RECONCILE_STATE_DIR", shop.scratch.path().join("state"))
}

/// `reconcile run FAMILY ...` with JSON as its result.
fn run(shop: &Shop, arguments: &[&str]) -> Ended {
    let all = ["run", "--dir", shop.dir(), "-o", "json"].into_iter().chain(arguments.iter().copied());
    program(shop, &all.collect::<Vec<_>>()).run()
}

/// The only task of a result.
#[track_caller]
fn only(ended: &Ended) -> Value {
    let json = ended.json();
    assert_eq!(json["tasks"].as_array().map(Vec::len), Some(1), "{json:#}");
    json["tasks"][0].clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What `reconcile tasks` says of a task.
fn told(shop: &Shop, id: &str) -> Option<Value> {
    let json = program(shop, &["tasks", "--cluster", &shop.cluster, "-o", "json"]).run().expect_code(0).json();
    json["tasks"].as_array().into_iter().flatten().find(|task| task["taskId"] == id).cloned()
}

#[test]
fn it_ends_as_its_container_ended() {
    let shop = Shop::new("run-code");
    shop.write(&[job("well", "[exit, '0']"), job("ill", "[exit, '42']")]);
    let ended = run(&shop, &["well"]).expect_code(0);
    assert_eq!(ended.json()["exitCodeFrom"], "container");
    let task = only(&ended);
    assert_eq!((text(&task["cluster"]), text(&task["family"])), (shop.cluster.as_str(), "well"));
    assert_eq!((text(&task["lastStatus"]), text(&task["desiredStatus"])), ("STOPPED", "STOPPED"));
    assert_eq!(task["stopCode"], "EssentialContainerExited");
    assert_eq!(task["stoppedReason"], "Essential container in task exited");
    let main = &task["containers"][0];
    assert_eq!(
        (&main["name"], &main["exitCode"], &main["image"]),
        (&"main".into(), &0.into(), &"reconcile-shop:1".into())
    );
    for time in [&task["createdAt"], &task["startedAt"], &task["stoppedAt"], &main["startedAt"], &main["stoppedAt"]] {
        assert!(text(time).ends_with('Z'), "{task:#}");
    }
    // It stays to be looked at, and is shown.
    assert_eq!(shop.engine.inspect(text(&main["runtimeId"]))["State"]["ExitCode"], 0);
    let id = text(&task["taskId"]);
    assert_eq!(told(&shop, id).expect("it is shown")["stopCode"], "EssentialContainerExited");

    let ended = run(&shop, &["ill"]).expect_code(42);
    assert_eq!(only(&ended)["containers"][0]["exitCode"], 42);
    assert_eq!(shop.containers().len(), 2, "each ran once: {:#?}", shop.containers());
    let plain = program(&shop, &["run", "--dir", shop.dir(), "ill"]).run().expect_code(42);
    assert!(plain.stdout.contains("exit code 42"), "{plain}");
}

#[test]
fn the_essential_container_ends_the_task() {
    let shop = Shop::new("run-two");
    shop.write(&[job("two", "[exit, '5', after, '1']").beside(
        "{ name: side, image: reconcile-shop:1, command: [ignore-term], memory: 64, essential: false, stopTimeout: 1 }",
    )]);
    let task = only(&run(&shop, &["two"]).expect_code(5));
    assert_eq!(task["containers"][0]["exitCode"], 5);
    assert_eq!(task["containers"][1]["exitCode"], 137, "{task:#}");
    assert_eq!(shop.containers().iter().filter(|container| container.is_running()).count(), 0);
}

#[test]
fn a_run_may_change_what_the_definition_says() {
    let shop = Shop::new("run-over");
    shop.write(&[
        job("job", "[exit, '9']").container("environment: [{ name: A, value: '1' }, { name: B, value: '2' }]")
    ]);
    let overrides = r#"{"containerOverrides":[{"name":"main","environment":[{"name":"B","value":"3"}],"memory":32}]}"#;
    let arguments = ["--override", overrides, "-e", "C=4", "-e", "main:D=5", "job", "--", "exit", "0"];
    let task = only(&run(&shop, &arguments).expect_code(0));
    let made = shop.engine.inspect(text(&task["containers"][0]["runtimeId"]));
    let environment: Vec<_> = made["Config"]["Env"].as_array().into_iter().flatten().map(text).collect();
    for variable in ["A=1", "B=3", "C=4", "D=5"] {
        assert!(environment.contains(&variable), "{environment:?}");
    }
    assert_eq!(made["HostConfig"]["Memory"], 32 << 20);
    for (arguments, code, words) in [
        (&["--override", r#"{"containerOverrides":[{"name":"mian"}]}"#, "job"][..], 64, "did you mean `main`?"),
        (&["--override", r#"{"containerOverrides":[{"name":"main","image":"x"}]}"#, "job"], 64, "cannot be overridden"),
        (&["--override", "@/no/such/file", "job"], 64, "/no/such/file"),
        (&["--count", "11", "job"], 64, "11"),
        (&["jop"], 3, "did you mean `job`?"),
    ] {
        run(&shop, arguments).expect_code(code).expect_said(&[words]);
    }
    let file = format!("{}/shop.yaml", shop.dir());
    run(&shop, &[&file, "--", "exit", "3"]).expect_code(3);
    run(&shop, &[&format!("{file}#job"), "--", "exit", "6"]).expect_code(6);
    assert_eq!(shop.containers().len(), 3);
}

#[test]
fn it_is_ended_in_order() {
    let shop = Shop::new("run-end");
    shop.write(&[job("long", "[sleep]")]);
    let ended = run(&shop, &["--timeout", "1s", "long"]).expect_code(124);
    assert_eq!(ended.json()["exitCodeFrom"], "timeout");
    let task = only(&ended);
    assert_eq!((text(&task["stopCode"]), text(&task["stoppedReason"])), ("UserInitiated", "Task timed out after 1.0s"));
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let before = shop.containers().len();
        let running = program(&shop, &["run", "--dir", shop.dir(), "-o", "json", "long"]).start();
        until("the task runs", || shop.containers().iter().filter(|container| container.is_running()).count() == 1);
        running.signal(signal);
        let ended = running.wait().expect_code(code);
        let task = only(&ended);
        assert_eq!((text(&task["stopCode"]), text(&task["stoppedReason"])), ("UserInitiated", "Task stopped by user"));
        assert_eq!((shop.containers().len(), shop.running("long").len()), (before + 1, 0));
        assert_eq!(told(&shop, text(&task["taskId"])).expect("it is shown")["stopCode"], "UserInitiated");
    }
}

#[test]
fn several_are_run_at_once_and_may_leave_nothing() {
    let shop = Shop::new("run-count");
    shop.write(&[job("job", "[exit, '0']")]);
    let ended = run(&shop, &["--count", "3", "--rm", "job"]).expect_code(0);
    let json = ended.json();
    let tasks: Vec<_> = json["tasks"].as_array().into_iter().flatten().collect();
    let mut ids: Vec<_> = tasks.iter().map(|task| text(&task["taskId"])).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3, "{json:#}");
    assert!(tasks.iter().all(|task| task["containers"][0]["exitCode"] == 0), "{json:#}");
    assert_eq!(shop.containers(), []);
}

#[test]
fn what_cannot_start_says_why() {
    let shop = Shop::new("run-fail");
    shop.write(&[
        job("image", "[sleep]")
            .image("localhost:1/reconcile-shop:1")
            .beside("{ name: side, image: reconcile-shop:1, command: [sleep], memory: 64 }"),
        job("command", "[sleep]").container("entryPoint: [/no/such/program]"),
        job("memory", "[oom]").container("memoryReservation: 32"),
    ]);
    let ended = run(&shop, &["image"]).expect_code(4).expect_said(&["did you mean reconcile-shop:1"]);
    assert_eq!(ended.json()["exitCodeFrom"], "reconcile");
    let task = only(&ended);
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    assert!(text(&task["stoppedReason"]).starts_with("CannotPullContainerError: "), "{task:#}");
    assert_eq!(shop.containers(), [], "nothing is left of what could not be made whole");

    let task = only(&run(&shop, &["command"]).expect_code(4));
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    assert!(text(&task["containers"][0]["reason"]).starts_with("CannotStartContainerError: "), "{task:#}");
    assert!(text(&task["stoppedReason"]).contains("/no/such/program"), "{task:#}");

    let task = only(&run(&shop, &["memory"]).expect_code(137));
    // A busy engine may hear of the end before it hears of its cause, and then never knows the cause.
    let main = &task["containers"][0];
    if shop.engine.inspect(text(&main["runtimeId"]))["State"]["OOMKilled"] == true {
        assert_eq!(main["reason"], "OutOfMemoryError: Container killed due to memory usage");
    }
}

#[test]
fn a_directory_leaves_it_alone() {
    let shop = Shop::new("run-beside");
    // It makes the cluster's network, which the directory then uses.
    shop.write(&[service("web"), job("long", "[sleep]")]);
    let id = text(&only(&run(&shop, &["-d", "long"]).expect_code(0))["taskId"]).to_owned();
    let before = shop.containers();
    assert_eq!(before.len(), 1);
    shop.converge();
    shop.expect_quiet();
    shop.expect_tasks("web", 1);
    assert_eq!(shop.engine.networks(&shop.label()).len(), 1);
    // Nor is it a claim, or something to take over, for another directory.
    shop.run(&["delete"]).expect_code(0);
    assert_eq!(shop.containers().iter().map(|c| &c.id).collect::<Vec<_>>(), [&before[0].id]);
    let other = shop.scratch.path().join("other");
    std::fs::create_dir(&other).expect("a directory in our own");
    std::fs::write(other.join("shop.yaml"), crate::support::shop::manifests(&shop.cluster, &[service("api")]))
        .expect("our own file");
    shop.program_at(&shop.engine.host(), &other, &["--adopt", "(run)"]).run().expect_code(0);
    assert!(shop.containers().iter().any(|container| container.id == before[0].id && container.is_running()));
    program(&shop, &["stop", &id]).run().expect_code(0);
    shop.program_at(&shop.engine.host(), &other, &["--dry-run", "--detailed-exitcode"]).run().expect_code(0);
    assert!(shop.containers().iter().any(|container| container.id == before[0].id), "what ended stays too");
}

#[test]
fn a_task_in_the_background_is_seen_to_and_can_be_stopped() {
    let shop = Shop::new("run-stop");
    shop.write(&[
        service("web"),
        job("long", "[sleep]"),
        job("two", "[exit, '0', after, '2']")
            .beside("{ name: side, image: reconcile-shop:1, command: [sleep], memory: 64, essential: false }"),
    ]);
    shop.converge();
    let task = only(&run(&shop, &["--detach", "long"]).expect_code(0));
    assert_eq!((text(&task["lastStatus"]), text(&task["desiredStatus"])), ("RUNNING", "RUNNING"));
    let id = text(&task["taskId"]);
    assert_eq!(told(&shop, id).expect("it is shown")["lastStatus"], "RUNNING");
    program(&shop, &["stop", &id[..8], "--reason", "enough of it"]).run().expect_code(0);
    let task = told(&shop, id).expect("it is shown");
    assert_eq!((text(&task["stopCode"]), text(&task["stoppedReason"])), ("UserInitiated", "enough of it"));
    // Once more does nothing, and what is not there is said so.
    program(&shop, &["stop", id]).run().expect_code(0).expect_said(&["stopped already"]);
    program(&shop, &["stop", "nobody"]).run().expect_code(1).expect_said(&["nobody", "reconcile tasks"]);

    // Somebody stops the rest of it when its essential container ends.
    only(&run(&shop, &["--detach", "two"]).expect_code(0));
    until("nothing of it runs", || {
        let all = shop.containers();
        let of_it: Vec<_> = all.into_iter().filter(|container| container.label("family") == "two").collect();
        of_it.len() == 2 && !of_it.iter().any(Container::is_running)
    });

    // The task of a service comes back.
    let before = shop.only("web").id;
    let place = format!("{}/web/0", shop.cluster);
    program(&shop, &["stop", &place]).run().expect_code(0).expect_said(&["will replace it"]);
    assert_eq!(shop.running("web").len(), 0);
    shop.converge();
    assert_ne!(shop.only("web").id, before);
}

#[test]
fn what_somebody_removes_is_not_run_again() {
    let shop = Shop::new("run-gone");
    shop.write(&[job("long", "[sleep]")]);
    let running = program(&shop, &["run", "--dir", shop.dir(), "-o", "json", "long"]).start();
    until("the task runs", || shop.containers().iter().any(Container::is_running));
    shop.engine.remove(&shop.containers()[0].id);
    let ended = running.wait();
    assert!([1, 137].contains(&ended.code()), "{ended}");
    assert_eq!(only(&ended)["lastStatus"], "STOPPED");
    assert_eq!(shop.containers(), []);
}

#[test]
fn it_gets_the_secrets_of_its_own_definition_only() {
    let shop = Shop::new("run-secret");
    shop.write(&[
        job("job", "[exit, '0']").container("secrets: [{ name: TOKEN, valueFrom: 'file:token' }]"),
        job("other", "[exit, '0']").container("secrets: [{ name: TOKEN, valueFrom: 'file:not-there' }]"),
    ]);
    std::fs::write(shop.directory.join("token"), "hunter2").expect("a file in our own directory");
    let ended = run(&shop, &["job"]).expect_code(0);
    let made = shop.engine.inspect(text(&only(&ended)["containers"][0]["runtimeId"]));
    let environment: Vec<_> = made["Config"]["Env"].as_array().into_iter().flatten().map(text).collect();
    assert!(environment.contains(&"TOKEN=hunter2"), "{environment:?}");
    assert!(!ended.all().contains("hunter2") && !made["Config"]["Labels"].to_string().contains("hunter2"), "{ended}");
    run(&shop, &["other"]).expect_code(3).expect_said(&["not-there"]);
    assert_eq!(shop.containers().len(), 1);
}
