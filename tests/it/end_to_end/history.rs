//! What is remembered: a crash is explained when its container is gone, and deployments are told with what caused them.

use crate::support::program::Ended;
use crate::support::shop::{Shop, service};

const LEAKS: &str = "environment: [{ name: DB_PASSWORD, value: hunter2 }]";

/// A run that remembers, in a directory of the test.
fn run(shop: &Shop, arguments: &[&str]) -> Ended {
    shop.program(arguments).env("RECONCILE_STATE_DIR", shop.scratch.path().join("state")).run()
}

/// A question about what is remembered.
fn ask(shop: &Shop, arguments: &[&str]) -> Ended {
    let host = shop.engine.host();
    let all = arguments.iter().copied().chain(["--host", host.as_str()]);
    let program = crate::support::program::Program::new(all);
    program.env("RECONCILE_STATE_DIR", shop.scratch.path().join("state")).run()
}

#[test]
fn a_rollout_and_a_rollback_are_told_and_a_crash_is_explained_when_its_container_is_gone() {
    let shop = Shop::new("history");
    let web = format!("{}/web", shop.cluster);
    ask(&shop, &["history"]).expect_code(0).expect_said(&["Nothing is recorded yet"]);
    ask(&shop, &["why", "web"]).expect_code(0).expect_said(&["Nothing is recorded yet"]);

    shop.write(&[service("web").container(LEAKS)]);
    run(&shop, &["--dry-run"]).expect_code(0);
    assert!(!shop.scratch.path().join("state/history").exists(), "a dry run writes nothing");
    run(&shop, &["--timeout", "100s"]).expect_code(0);
    let first = shop.only("web").label("revision").to_owned();
    shop.write(&[service("web").container(LEAKS).container("user: '1000'")]);
    run(&shop, &["--timeout", "100s"]).expect_code(0);
    let second = shop.only("web").label("revision").to_owned();

    // Bad, and it says the password: `http://localhost:1/hunter2: connection refused`.
    let bad = service("web").command("[check, 'http://localhost:1/hunter2']").container(LEAKS);
    shop.write(&[bad]);
    crate::support::wait::until("a run ends with 4", || {
        let ended = run(&shop, &[]);
        assert!([0, 4].contains(&ended.code()), "{ended}");
        ended.code() == 4
    });
    shop.engine.remove_labelled(&[&shop.label()]);
    assert_eq!(shop.containers().len(), 0);

    let rows = ask(&shop, &["history", &web, "-o", "json"]).expect_code(0).json();
    let rows = rows["rows"].as_array().expect("rows").clone();
    let deployments: Vec<_> = rows.iter().filter(|row| row["kind"] == "deployment").collect();
    let states: Vec<_> = deployments.iter().map(|row| row["rolloutState"].as_str().unwrap_or_default()).collect();
    assert_eq!(states, ["COMPLETED", "COMPLETED", "FAILED"], "{rows:#?}");
    assert_eq!(deployments[0]["from"], serde_json::Value::Null);
    assert_eq!((&deployments[1]["from"], &deployments[1]["to"]), (&first.as_str().into(), &second.as_str().into()));
    assert_eq!(deployments[1]["cause"]["fields"], serde_json::json!(["user"]));
    assert_eq!(deployments[2]["rolledBackTo"], second.as_str());
    ask(&shop, &["history"]).expect_code(0).expect_said(&[&web, "COMPLETED", "FAILED", "rolled back to", "code 1"]);

    let why = ask(&shop, &["why", "web"]).expect_code(0);
    assert!(!why.stdout.contains("hunter2"), "{why}");
    why.expect_said(&["replaced", "exited with code 1", "exit code 1", "http://localhost:1/(sensitive)"]);
    ask(&shop, &["why", "wbe"]).expect_code(1).expect_said(&["did you mean `web`?"]);
    let files =
        std::process::Command::new("grep").args(["-r", "hunter2"]).arg(shop.scratch.path().join("state")).output();
    assert!(files.expect("grep is there").stdout.is_empty(), "no value is on the disk");
}

#[test]
fn what_somebody_else_removed_is_told_while_watching() {
    let shop = Shop::new("history-drift");
    shop.write(&[service("web")]);
    let state = shop.scratch.path().join("state");
    let watch = shop.program(&["--watch"]).env("RECONCILE_STATE_DIR", &state).start();
    crate::support::wait::until("it is deployed", || ask(&shop, &["history"]).stdout.contains("COMPLETED"));
    let before = shop.only("web");
    shop.engine.remove(&before.id);
    // The engine kills it first: whoever looks in time sees how it ended.
    crate::support::wait::until("it is told", || {
        let why = ask(&shop, &["why", "web"]).stdout;
        why.contains("somebody else had removed it") || why.contains("was killed")
    });
    drop(watch);
}

#[test]
fn what_was_asked_by_hand_is_told_with_its_end() {
    let shop = Shop::new("history-by-hand");
    let web = format!("{}/web", shop.cluster);
    for user in ["user: '1000'", "user: '1001'"] {
        shop.write(&[service("web").container(user)]);
        run(&shop, &["--timeout", "100s"]).expect_code(0);
    }
    let by_hand = |arguments: &[&str]| {
        let all = arguments.iter().copied().chain(["web", "--dir", shop.dir()]);
        let program = crate::support::program::Program::new(all);
        program.env("RECONCILE_STATE_DIR", shop.scratch.path().join("state")).run().expect_code(0);
    };
    // A list tells times in whole seconds: within one, what an earlier deployment left may be told as a task that ended.
    let rows = || -> Vec<serde_json::Value> {
        let history = ask(&shop, &["history", &web, "-o", "json"]).expect_code(0).json();
        let rows = history["rows"].as_array().expect("rows").clone();
        rows.into_iter().filter(|row| row["kind"] != "replacements").collect()
    };
    by_hand(&["rollback"]);
    let held = rows();
    let [asked, deployment] = &held[2..] else { panic!("{held:#?}") };
    assert_eq!((&asked["kind"], &asked["endedAt"]), (&"intervention".into(), &serde_json::Value::Null));
    assert_eq!((&asked["request"]["to"], &deployment["rolloutState"]), (&held[0]["to"], &"COMPLETED".into()));
    assert_eq!((&deployment["from"], &deployment["to"]), (&held[1]["to"], &held[0]["to"]));

    by_hand(&["rollout", "resume"]);
    let resumed = rows();
    assert!(resumed[2]["endedAt"].is_string(), "{resumed:#?}");
    assert_eq!((&resumed[4]["to"], &resumed[4]["rolloutState"]), (&held[1]["to"], &"COMPLETED".into()));
    ask(&shop, &["history"]).expect_said(&[
        "ROLLED BACK",
        "by reconcile rollback web",
        "by reconcile rollout resume web",
    ]);
}
