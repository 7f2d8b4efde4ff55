//! What is told: the state of things, and never a secret.

use crate::support::shop::{HEALTH_CHECK, Shop, service};
use crate::support::wait::until;

#[test]
fn status_tells_what_runs_and_why_not() {
    let shop = Shop::new("status");
    shop.write(&[
        service("web").count(2),
        service("api").command("[sick]").container(HEALTH_CHECK),
        service("bad").command("[exit, '7']"),
    ]);
    shop.fail();
    let status = shop.run(&["status", "-o", "json"]).expect_code(0).json();
    assert_eq!(status["kind"], "Status");
    let of = |name: &str| {
        let services = status["services"].as_array().into_iter().flatten();
        let found = services.filter(|service| service["service"] == name).cloned().collect::<Vec<_>>();
        assert_eq!(found.len(), 1, "{name}: {status:#}");
        found[0].clone()
    };
    let web = of("web");
    for (field, value) in [("desired", 2), ("running", 2), ("healthy", 2), ("pending", 0), ("restarts", 0)] {
        assert_eq!(web[field], value, "{field}: {web:#}");
    }
    assert_eq!((&web["sync"], &web["cluster"]), (&"Synced".into(), &shop.cluster.clone().into()));
    let bad = of("bad");
    assert!(bad["healthy"] == 0 && bad["restarts"].as_u64() >= Some(2), "{bad:#}");
    assert_eq!(bad["health"], "Degraded", "{bad:#}");
    let stopped = status["stoppedTasks"].as_array().into_iter().flatten();
    assert!(stopped.into_iter().any(|task| task["service"] == "bad" && task["exitCode"] == 7), "{status:#}");

    let text = shop.run(&["status"]).expect_code(0);
    text.expect_said(&["/web", "2/2", "/bad", "0/1", "code 7", "Stopped tasks"]);

    // Without a directory everything of ours is shown as it is.
    let outside = shop.scratch.path().join("outside");
    std::fs::create_dir(&outside).expect("a directory in our own");
    let all = crate::support::program::Program::new(["status", "-o", "json", "-H", &shop.engine.host()]);
    let all = all.directory(&outside).run().expect_code(0).json();
    let services = all["services"].as_array().into_iter().flatten();
    assert_eq!(services.filter(|service| service["cluster"] == shop.cluster.as_str()).count(), 3);
}

#[test]
fn status_tells_what_has_drifted() {
    let shop = Shop::new("drift");
    shop.write(&[service("web").count(2)]);
    let health = |service: usize| {
        let status = shop.run(&["status", "-o", "json"]).expect_code(0).json();
        let ours = status["services"].as_array().into_iter().flatten();
        let ours: Vec<_> = ours.filter(|service| service["cluster"] == shop.cluster.as_str()).cloned().collect();
        (ours[service]["health"].clone(), ours[service]["sync"].clone(), ours[service]["running"].clone())
    };
    assert_eq!(health(0).0, "Missing");
    shop.converge();
    shop.engine.kill(&shop.ids()["web/0/main"]);
    let (_, _, running) = health(0);
    assert_eq!(running, 1);
    shop.write(&[service("web").count(2).image("reconcile-shop:2")]);
    assert_eq!(health(0).1, "OutOfSync");
}

#[test]
fn a_secret_is_told_nowhere() {
    let shop = Shop::new("secret");
    let web = |secret: &str, command: &str| {
        let value = format!(
            "environment: [{{ name: DB_PASSWORD, value: {secret} }}, {{ name: URL, value: 'pg://me:{secret}@db' }}]"
        );
        service("web").command(command).container(&value)
    };
    let secrets = ["hunter2-one", "hunter2-two"];
    let said_by = |arguments: &[&str]| {
        let ended = shop.program(arguments).env("RECONCILE_LOG", "trace").run();
        for secret in ["hunter2-one", "hunter2-two"] {
            assert!(!ended.all().contains(secret), "{arguments:?} tells it: {ended}");
        }
        ended
    };
    for secret in secrets {
        shop.write(&[web(secret, "[sleep]")]);
        said_by(&["--dry-run", "--detailed-exitcode"]).expect_code(2);
        said_by(&["--dry-run", "-o", "json"]).expect_code(0);
        said_by(&[]).expect_code(0);
        said_by(&["status"]).expect_code(0);
        said_by(&["status", "-o", "json"]).expect_code(0);
        let container = shop.only("web");
        assert!(!format!("{:?}", container.labels).contains("hunter2"), "{container:#?}");
        let env = shop.engine.inspect(&container.id)["Config"]["Env"].to_string();
        assert!(env.contains(secret), "the container itself has it");
    }
    shop.write(&[web("hunter2-one", "[exit, '9']")]);
    until("it is told to fail", || said_by(&[]).code() == 4);
    said_by(&["delete"]).expect_code(0);
}

#[test]
fn a_shell_completes_the_names_of_what_runs() {
    let shop = Shop::new("names");
    shop.write(&[service("web")]);
    shop.converge();
    let ask = |words: &[&str]| {
        let words = ["--", "reconcile"].iter().chain(words);
        let program = crate::support::program::Program::new(words).env("RECONCILE_COMPLETE", "fish");
        program.env("DOCKER_HOST", shop.engine.host()).run().expect_code(0).stdout
    };
    let named = format!("{}/web", shop.cluster);
    assert_eq!(ask(&["why", &shop.cluster]), format!("{named}\n"));
    assert_eq!(ask(&["logs", "--follow", &named]), format!("{named}\n{named}/0\n"));
    assert_eq!(ask(&["stop", &named]), format!("{named}/0\n"));
}
