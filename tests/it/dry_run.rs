//! A dry run looks and never touches: every request that it makes is seen, and none of them writes.

use serde_json::Value;

use crate::support::docker::{IMAGE, IMAGE_NEXT};
use crate::support::program::Ended;
use crate::support::proxy::Proxy;
use crate::support::shop::{HEALTH_CHECK, Service, Shop, service};

/// Runs a dry run through a proxy. It may only have asked, and nothing of the cluster may be other than before.
#[track_caller]
fn dry_run(shop: &Shop, arguments: &[&str]) -> Ended {
    let before = shop.containers().into_iter().map(|container| (container.id, container.state)).collect::<Vec<_>>();
    let proxy = Proxy::before(&shop.engine.socket);
    let arguments: Vec<_> = ["--dry-run"].iter().chain(arguments).copied().collect();
    let ended = shop.program_at(&proxy.host(), &shop.directory, &arguments).run();
    let requests = proxy.requests();
    assert!(!requests.is_empty() && requests.iter().all(|request| request.starts_with("GET ")), "{requests:#?}");
    let after = shop.containers().into_iter().map(|container| (container.id, container.state)).collect::<Vec<_>>();
    assert_eq!(before, after);
    ended
}

/// Fails unless text and JSON of one plan agree, and the exit code with both; says the JSON.
#[track_caller]
fn expect_agreement(shop: &Shop, has_changes: bool) -> Value {
    let code = if has_changes { 2 } else { 0 };
    dry_run(shop, &[]).expect_code(0);
    let text = dry_run(shop, &["--detailed-exitcode"]).expect_code(code);
    let plan = dry_run(shop, &["--detailed-exitcode", "-o", "json"]).expect_code(code).json();
    assert_eq!((&plan["kind"], &plan["hasChanges"]), (&"Plan".into(), &has_changes.into()), "{plan:#}");
    if has_changes {
        let summary = &plan["summary"];
        let tasks = &summary["tasks"];
        let line = format!("Tasks: {} start, {} stop, {} replaced", tasks["start"], tasks["stop"], tasks["replaced"]);
        // What is nought is not said.
        let words = line.trim_start_matches("Tasks: ").split(", ").filter(|words| !words.starts_with("0 "));
        for words in words {
            assert!(text.stdout.contains(words), "`{words}` is in the JSON and not in the text\n{text}");
        }
        let plan_line = text.stdout.lines().find(|line| line.starts_with("Plan:")).unwrap_or_default();
        for (key, word) in [("create", "create"), ("update", "update"), ("delete", "delete"), ("restart", "restart")] {
            let count = summary[key].as_u64().unwrap_or(0);
            let said = format!("{count} {word}");
            assert_eq!(count > 0, plan_line.contains(&said), "{said}: {plan_line}\n{summary:#}");
        }
        assert!(text.stdout.contains("Nothing was changed."), "{text}");
    } else {
        assert!(text.stdout.starts_with("No changes."), "{text}");
        assert_eq!(plan["changes"], Value::Array(Vec::new()), "{plan:#}");
    }
    plan
}

fn started(test: &str, services: &[Service]) -> Shop {
    let shop = Shop::new(test);
    shop.write(services);
    shop.converge();
    shop
}

#[test]
fn of_what_is_new() {
    let shop = Shop::new("dry-new");
    shop.write(&[service("web").count(2), service("api")]);
    let plan = expect_agreement(&shop, true);
    assert_eq!(plan["summary"]["tasks"]["start"], 3, "{plan:#}");
    assert_eq!(shop.containers(), []);
    assert_eq!(shop.engine.networks(&shop.label()).len(), 0);
}

#[test]
fn of_what_is_as_it_should_be() {
    let shop = started("dry-same", &[service("web").count(2)]);
    expect_agreement(&shop, false);
}

#[test]
fn of_what_was_changed() {
    let shop = started("dry-change", &[service("web").count(2), service("api")]);
    shop.let_settle();
    shop.write(&[service("web").count(2).image(IMAGE_NEXT), service("api")]);
    let plan = expect_agreement(&shop, true);
    assert_eq!(plan["summary"]["tasks"]["replaced"], 2, "{plan:#}");
    assert_eq!(plan["summary"]["update"], 1, "{plan:#}");
    let text = plan.to_string();
    assert!(text.contains(IMAGE_NEXT) && text.contains("shop.yaml"), "{plan:#}");
}

#[test]
fn of_what_has_drifted() {
    let shop = started("dry-drift", &[service("web").count(2), service("api")]);
    shop.engine.kill(&shop.ids()["web/1/main"]);
    shop.engine.remove(&shop.ids()["api/0/main"]);
    let plan = expect_agreement(&shop, true);
    assert_eq!(plan["summary"]["tasks"]["start"], 2, "{plan:#}");
}

#[test]
fn of_what_is_only_to_go() {
    let shop = started("dry-go", &[service("web"), service("api"), service("old")]);
    shop.write(&[service("web"), service("api")]);
    let plan = expect_agreement(&shop, true);
    assert_eq!(plan["summary"]["delete"], 1, "{plan:#}");
    assert_eq!(plan["summary"]["tasks"]["stop"], 1, "{plan:#}");
}

#[test]
fn of_what_crashes_again_and_again() {
    let shop = Shop::new("dry-crash");
    shop.write(&[service("web").command("[exit, '7']"), service("api")]);
    shop.fail();
    let plan = dry_run(&shop, &["-o", "json"]).expect_code(0).json();
    assert!(plan["hasChanges"].is_boolean(), "{plan:#}");
    dry_run(&shop, &[]).expect_code(0);
}

#[test]
fn of_what_would_be_refused() {
    let shop = started("dry-refuse", &[service("web"), service("api"), service("old")]);
    shop.write(&[service("web")]);
    let plan = dry_run(&shop, &["-o", "json"]).expect_code(5).json();
    assert_eq!(plan["blocked"].as_array().map(Vec::len), Some(1), "{plan:#}");
    dry_run(&shop, &["--detailed-exitcode"]).expect_code(5).expect_said(&["--allow-delete=2"]);
    dry_run(&shop, &["--allow-delete=2", "--detailed-exitcode"]).expect_code(2);
}

#[test]
fn the_other_questions_do_not_touch_anything_either() {
    let shop = started("dry-ask", &[service("web")]);
    let proxy = Proxy::before(&shop.engine.socket);
    shop.program_at(&proxy.host(), &shop.directory, &["status"]).run().expect_code(0);
    shop.program_at(&proxy.host(), &shop.directory, &["status", "-o", "json"]).run().expect_code(0);
    assert!(proxy.writes().is_empty(), "{:#?}", proxy.writes());
}

/// A shop whose `web` was changed since, and whose `api` was not.
fn changed(test: &str, container: &str) -> Shop {
    let services = |image| {
        let web = service("web").count(2).command("[sick]").container(container).image(image);
        [web, service("api")]
    };
    let shop = started(test, &services(IMAGE));
    shop.let_settle();
    shop.write(&services(IMAGE_NEXT));
    shop
}

#[test]
fn of_a_change_that_never_gets_healthy() {
    let shop = changed("dry-sick", HEALTH_CHECK);
    let web = format!("{}/web", shop.cluster);
    let text = dry_run(&shop, &["--simulate", "never-healthy"]).expect_code(0).stdout;
    assert!(text.contains("Forecast, if all goes well"), "{text}");
    assert!(text.contains(&format!("If {web} never becomes healthy:\n")), "{text}");
    assert!(text.contains(&format!("{web}: given up after ")), "{text}");
    assert!(text.contains("never fewer than 2 of 2 healthy; back on web@"), "{text}");
    let arguments =
        ["--simulate", "slow=1s:web", "--simulate", "never-healthy:api", "-o", "json", "--detailed-exitcode"];
    let plan = dry_run(&shop, &arguments).expect_code(2).json();
    let [slow, api] = &plan["simulations"].as_array().expect("a list")[..] else { panic!("{plan:#}") };
    let end = &slow["services"][0];
    assert_eq!((&slow["fault"], &slow["atRest"]), (&"slow=1s:web".into(), &true.into()), "{plan:#}");
    assert_eq!(
        (&end["desired"], &end["healthyAtLeast"], &end["givenUp"]),
        (&2.into(), &2.into(), &Value::Null),
        "{plan:#}"
    );
    assert!(end["steadyAfterMs"].is_u64() && slow["timeline"][0]["afterMs"].is_u64(), "{plan:#}");
    assert!(api["notes"][0].as_str().is_some_and(|note| note.contains("no task of")), "{plan:#}");
    assert_eq!((&api["timeline"], api.get("question")), (&Value::Array(Vec::new()), None), "{plan:#}");
}

#[test]
fn of_a_change_that_crashes() {
    let shop = changed("dry-whatif", "");
    let web = format!("{}/web", shop.cluster);
    let said = dry_run(&shop, &["--simulate", "never-healthy:web"]).expect_code(0).stdout;
    assert!(said.contains(&format!("{web} has no health check")) && said.contains(&format!("crash:{web}")), "{said}");
    let text = dry_run(&shop, &["--simulate", "crash=2s:web"]).expect_code(0).stdout;
    assert!(text.contains(&format!("If {web} crashes 2s after its start:\n")), "{text}");
    assert!(text.contains(&format!("{web}: given up after ")) && text.contains("; back on web@"), "{text}");
    let plan = dry_run(&shop, &["-o", "json"]).expect_code(0).json();
    assert_eq!(plan.get("simulations"), None, "{plan:#}");
    let unknown = shop.run(&["--dry-run", "--simulate", "crash:wep"]).expect_code(64);
    unknown.expect_said(&["no service `wep`", "did you mean `web`?"]);
    shop.run(&["--dry-run", "--simulate", "crsh"]).expect_code(64).expect_said(&["did you mean `crash`?"]);
    shop.run(&["--simulate", "crash"]).expect_code(64).expect_said(&["--dry-run"]);
}
