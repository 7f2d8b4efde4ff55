//! Plans that were read before they are done, and snapshots of a host.

use serde_json::json;

use super::repository::changes;
use crate::support::docker::IMAGE_NEXT;
use crate::support::program::{Ended, Program};
use crate::support::shop::{HEALTH_CHECK, Shop, service};
use crate::support::wait::until;

const NOWHERE: &str = "unix:///nonexistent/engine.sock";

#[track_caller]
fn plan_id(shop: &Shop) -> String {
    let plan = shop.run(&["--dry-run", "-o", "json"]).expect_code(0).json();
    plan["planId"].as_str().expect("a plan has an id").to_owned()
}

#[test]
fn only_the_plan_that_was_read_is_done() {
    let shop = Shop::new("plan-id");
    shop.write(&[service("web").count(2)]);
    let id = plan_id(&shop);
    shop.run(&["--dry-run"])
        .expect_code(0)
        .expect_said(&[&format!("To do just this:\n  reconcile {} --plan-id {id}\n", shop.dir())]);
    let refused = |id: &str, said: &[&str]| shop.run(&["--plan-id", id]).expect_code(5).expect_said(said);
    // The manifests have moved.
    shop.write(&[service("web").count(3)]);
    refused(&id, &["is out of date: the manifests, ", "ask for something else than then", "nothing was changed"]);
    assert_eq!(shop.containers(), []);
    shop.write(&[service("web").count(2)]);
    shop.run(&["--plan-id", &id]).expect_code(0);
    shop.expect_tasks("web", 2);
    // What runs has moved: the same plan is not done twice.
    refused(&id, &["is out of date: what runs is not what ran then; nothing would change now"]);
    let id = plan_id(&shop);
    shop.run(&["--plan-id", &id]).expect_code(0);
    shop.write(&[service("web").count(2).image(IMAGE_NEXT)]);
    let id = plan_id(&shop);
    let victim = shop.running("web").remove(0);
    shop.engine.kill(&victim.id);
    until("the engine lists its end", || shop.running("web").len() == 1);
    refused(&id, &["what runs is not what ran then", "now it would change ", "/web"]);
    let blocked = shop.run(&["--dry-run", "--plan-id", &id, "-o", "json"]).expect_code(5).json();
    assert_eq!((&blocked["outcome"], &blocked["exitCode"]), (&json!("refused"), &json!(5)));
    shop.run(&["--plan-id", "nonsense"]).expect_code(64).expect_said(&["is not the id of a plan, such as "]);
}

#[test]
fn the_plan_of_a_pull_request_can_be_done_on_a_host_that_is_as_its_base() {
    let shop = Shop::new("plan-git");
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).current_dir(&shop.directory);
        assert!(command.args(arguments).status().expect("git is there").success());
    };
    shop.write(&[service("web").count(2).command("[catalog]").container(HEALTH_CHECK), service("api")]);
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "one"]);
    shop.converge();
    shop.write(&[service("web").count(3).command("[catalog]").container(HEALTH_CHECK), service("api")]);
    let arguments = ["--dry-run", "--against", "git:main", "-o", "json", shop.dir()];
    let reviewed = Program::new(arguments).env("DOCKER_HOST", NOWHERE).run().expect_code(0).json();
    assert_eq!(changes(&reviewed), [format!("update {}/web", shop.cluster)]);
    assert_eq!(reviewed["planId"], plan_id(&shop), "{reviewed:#}");
    shop.run(&["--plan-id", reviewed["planId"].as_str().expect("an id")]).expect_code(0);
    shop.expect_tasks("web", 3);
}

fn dry_run_against(shop: &Shop, file: &std::path::Path, arguments: &[&str]) -> Ended {
    let world = format!("snapshot:{}", file.display());
    let arguments = [&["--dry-run", "--against", &world, shop.dir()], arguments].concat();
    Program::new(arguments).env("DOCKER_HOST", NOWHERE).run()
}

#[test]
fn a_snapshot_of_the_host_stands_in_for_it() {
    let shop = Shop::new("snapshot");
    let web = |password: &str| {
        service("web").count(2).container(&format!("environment: [{{ name: DB_PASSWORD, value: {password} }}]"))
    };
    shop.write(&[web("open-sesame-1"), service("api")]);
    shop.converge();
    let snapshot = Program::new(["snapshot", "--host", &shop.engine.host()]).run().expect_code(0);
    assert!(!snapshot.stdout.contains("open-sesame"), "{snapshot}");
    let file = shop.scratch.path().join("host.json");
    std::fs::write(&file, &snapshot.stdout).expect("a file in our own directory");
    dry_run_against(&shop, &file, &["--detailed-exitcode"]).expect_code(0).expect_said(&["No changes. "]);
    shop.write(&[web("open-sesame-2"), service("api").image(IMAGE_NEXT)]);
    let ended = dry_run_against(&shop, &file, &[]).expect_code(0).expect_said(&[
        &format!("Against   the snapshot {} of ", file.display()),
        "environment.DB_PASSWORD",
        "(sensitive, changed)",
    ]);
    assert!(!ended.all().contains("open-sesame"), "{ended}");
    let plan = dry_run_against(&shop, &file, &["-o", "json"]).expect_code(0).json();
    assert_eq!(plan["observed"]["source"], "snapshot");
    // It is the plan that the host itself would make.
    assert_eq!(plan["planId"], plan_id(&shop), "{plan:#}");
    assert_eq!(changes(&plan), [format!("update {}/api", shop.cluster), format!("update {}/web", shop.cluster)]);
}

#[test]
fn what_is_no_snapshot_is_refused() {
    let shop = Shop::new("no-snapshot");
    shop.write(&[service("web")]);
    let file = shop.scratch.path().join("host.json");
    dry_run_against(&shop, &file, &[]).expect_code(1).expect_said(&["host.json cannot be read: No such file"]);
    for (text, said) in [
        ("hello", "it is no snapshot: "),
        (r#"{"kind":"Status"}"#, "its `kind` is Status; `reconcile snapshot` makes one on the host"),
        (r#"{"kind":"Snapshot","formatVersion":"2.0","reconcileVersion":"9.0.0"}"#, "reconcile 9.0.0 wrote it"),
    ] {
        std::fs::write(&file, text).expect("a file in our own directory");
        dry_run_against(&shop, &file, &[]).expect_code(1).expect_said(&[said]);
    }
}

#[test]
fn a_check_on_an_empty_engine_is_told_of_the_other_worlds() {
    let shop = Shop::new("ci-hint");
    shop.write(&[service("web")]);
    let hint = "to check a pull request: --against git:origin/main";
    let run = |ci: &str| shop.program(&["--dry-run"]).env("CI", ci).env("GITHUB_BASE_REF", "main").run().expect_code(0);
    let ended = run("true").expect_said(&[hint]);
    // A runner may have no engine at all.
    let none = Program::new(["--dry-run", shop.dir()]).env("DOCKER_HOST", NOWHERE).env("CI", "1").run().expect_code(6);
    none.expect_said(&["cannot reach the engine", "to check a pull request: --against git:"]);
    assert!(!ended.stdout.contains(hint), "data is no place for talk\n{ended}");
    assert!(!run("false").all().contains(hint));
    shop.converge();
    assert!(!run("true").all().contains(hint));
}
