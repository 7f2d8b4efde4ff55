use std::collections::BTreeMap;

use super::*;
use crate::change::{FieldChange, service_changes};
use crate::cli::exit::Outcome;
use crate::desired::Origins;
use crate::problem::{Code, Place};
use crate::testing::{self, Mixed, SECRETS};

fn desired_from() -> DesiredFrom {
    DesiredFrom {
        source: "deploy/".to_owned(),
        revision: Some("4f2c9e1b0d".to_owned()),
        dirty: None,
        files: 8,
        manifests: 15,
    }
}

fn observed_from() -> ObservedFrom {
    ObservedFrom { engine: "Docker 28.1".to_owned(), world: World::Engine, containers: 9, at: testing::NOW }
}

/// Calls `look` with the report about an overview.
fn with_report<T>(overview: &Overview, forecast: &[ForecastLine], look: impl FnOnce(&PlanReport<'_>) -> T) -> T {
    let (desired, observed) = (desired_from(), observed_from());
    look(&PlanReport {
        desired: &desired,
        observed: &observed,
        overview,
        forecast,
        simulations: &[],
        diagnostics: &[],
        blocked: &[],
        id: "3f9c2a71-b7d104e2".parse().expect("an id"),
        ending: &Ending { outcome: Outcome::Changes, code: 2, forbidden: None },
        command: "reconcile deploy/",
    })
}

fn mixed() -> Overview {
    let Mixed { desired, observed, origins } = testing::mixed();
    service_changes(&desired, &observed, &origins)
}

fn forecast(count: u64) -> Vec<ForecastLine> {
    (0..count).map(|n| ForecastLine { at: Duration::from_millis(n * 400), text: format!("step {n}") }).collect()
}

#[test]
fn a_mixed_plan_is_read_from_top_to_bottom() {
    let text = with_report(&mixed(), &forecast(3), |report| render_plan(report, Style::PLAIN));
    assert_eq!(text, testing::dedent(
        "
            Desired   deploy/ @ 4f2c9e1: 15 manifests in 8 files, all valid
            Observed  Docker 28.1: 9 containers of ours, 09:41:07Z

              + create   ~ update   -/+ update, replaces tasks   ! restart   - delete

            !   service shop/cache                                           unhealthy                   its task is unhealthy
                  restart       the old task stops before the new one starts

            !   service shop/proxy                                           drift                       its task is missing
                  tasks         0 -> 1                                       task 0: container proxy was killed because it ran out of memory (exit code 137), 6m ago

            +   service shop/search                                          new                         deploy/search.yaml:1:1
                  tasks         0 -> 2                                       ghcr.io/acme/search:1.0.3

            -/+ service shop/web                                             spec changed                3 tasks replaced
                  image                    ghcr.io/acme/web:2.3.1 -> :2.4.0  deploy/web-task.yaml:7:14   <- replaces tasks
                  environment.DB_PASSWORD  (sensitive, changed)              deploy/web-task.yaml:10:39  <- replaces tasks
                  rollout                  1 at a time, old before new, at least 2 of 3 healthy (minimumHealthyPercent 66)

            ~   service shop/worker                                          spec changed
                  desiredCount  2 -> 4                                       deploy/worker.yaml:5:17

            -   service shop/legacy-cron                                     removed
                  tasks         1 -> 0

            Forecast, if all goes well
              +0ms    step 0
              +400ms  step 1
              +800ms  step 2

            warning: shop/cache runs 1 task: it is unavailable while it restarts  deploy/cache.yaml:5:17
            warning: shop/proxy: container proxy ran out of memory (limit 64 MiB) and will again  deploy/proxy-task.yaml:8:15

            Plan:  1 create, 2 update (1 replaces tasks), 2 restart, 1 delete, 2 unchanged
            Tasks: 9 start, 5 stop, 4 replaced
            Nothing was changed. To do just this:
              reconcile deploy/ --plan-id 3f9c2a71-b7d104e2
            "
    ));
}

#[test]
fn without_changes_there_is_one_sentence() {
    let mut overview = Overview { unchanged: 8, ..Overview::default() };
    let show = |overview: &Overview| with_report(overview, &[], |report| render_plan(report, Style::PLAIN));
    assert_eq!(show(&overview), "No changes. 8 objects match deploy/ @ 4f2c9e1 (compared with Docker 28.1).\n");
    (overview.unchanged, overview.settling) = (1, 1);
    assert_eq!(
        show(&overview),
        "No changes. 1 object matches deploy/ @ 4f2c9e1 (compared with Docker 28.1). 1 service is not yet healthy.\n"
    );
}

#[test]
fn a_blocked_plan_says_what_to_do() {
    let (desired, observed, overview) = (desired_from(), observed_from(), mixed());
    let blocked = [Blocked {
        message: "refusing to delete 5 of 7 services".to_owned(),
        help: vec!["if this is meant: --allow-delete=5".to_owned()],
    }];
    let place = Place::start_of("deploy/web.yaml".into());
    let diagnostics = [Problem::warning(Code::DeploymentStuck, "no room").with_place(place)];
    let report = PlanReport {
        desired: &desired,
        observed: &observed,
        overview: &overview,
        forecast: &[],
        simulations: &[],
        diagnostics: &diagnostics,
        blocked: &blocked,
        id: "3f9c2a71-b7d104e2".parse().expect("an id"),
        ending: &Ending { outcome: Outcome::Refused, code: 5, forbidden: None },
        command: "reconcile deploy/",
    };
    let text = render_plan(&report, Style::PLAIN);
    assert!(text.contains("warning[RC131]: no room  deploy/web.yaml:1:1\n"), "{text}");
    assert!(
        text.contains("error: refusing to delete 5 of 7 services\n   = if this is meant: --allow-delete=5\n"),
        "{text}"
    );
    assert!(text.ends_with("Nothing was changed, and nothing would be: see above.\n"), "{text}");
}

#[test]
fn the_plan_line_counts_in_words() {
    let summary = Summary { update: 3, replace_tasks: 2, unchanged: 3, ..Summary::default() };
    assert_eq!(render_plan_line(&summary), "Plan:  3 update (2 replace tasks), 3 unchanged");
    let summary = Summary { create: 1, restart: 1, delete: 1, ..Summary::default() };
    assert_eq!(render_plan_line(&summary), "Plan:  1 create, 1 restart, 1 delete, 0 unchanged");
}

#[test]
fn a_long_forecast_is_folded() {
    let short = render_forecast(&forecast(20), Detail::Usual, Style::PLAIN);
    assert_eq!(short.lines().count(), 21);
    let long = render_forecast(&forecast(100), Detail::Usual, Style::PLAIN);
    assert_eq!(long.lines().count(), 20);
    assert!(long.contains("  ...     (82 more steps; -o json has all of them)\n"), "{long}");
    assert!(long.ends_with("  +39s    step 99\n"), "{long}");
}

/// **Acceptance.** The counts of the text, of the JSON summary and of the changes are one and the same.
#[test]
fn text_and_json_count_alike() {
    let overview = mixed();
    let json = with_report(&overview, &forecast(2), render_plan_json);
    let json: Value = serde_json::from_str(&json).expect("it is JSON");
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    let changes = json["changes"].as_array().expect("changes are a list");
    for change in changes {
        *counted.entry(change["action"].as_str().expect("an action is a text")).or_default() += 1;
    }
    for (action, count) in &counted {
        assert_eq!(json["summary"][action].as_u64(), Some(*count), "{action}");
    }
    assert_eq!(json["formatVersion"], "1.2");
    assert_eq!(json["kind"], "Plan");
    assert_eq!(json["hasChanges"], true);
    assert_eq!(json["forecast"][1], json!({ "afterMs": 400, "text": "step 1" }));
    let web = changes.iter().find(|change| change["id"] == "service/shop/web").expect("web changes");
    assert_eq!(web["action"], "update");
    assert_eq!(web["replacesTasks"], true);
    assert_eq!(web["reason"], "specChanged");
    assert_eq!(web["tasks"], json!({ "now": 3, "wanted": 3, "start": 3, "stop": 3, "replaced": 3 }));
    assert_eq!(web["fields"][0]["place"]["line"], 7);
    assert_eq!(web["fields"][1]["sensitive"], true);
    assert_eq!(web["fields"][1].get("to"), None);
}

/// **Invariant 10.** No secret's value is in a plan.
#[test]
fn no_sensitive_value_is_printed() {
    let overview = mixed();
    let style = Style { color: true, width: Some(80) };
    let text = with_report(&overview, &[], |report| render_plan(report, style) + &render_plan_json(report));
    for secret in SECRETS {
        assert!(!text.contains(secret), "{text}");
        assert!(!format!("{overview:?}").contains(secret), "{overview:?}");
    }
    assert!(text.contains("(sensitive, changed)"), "{text}");
}

#[test]
fn colour_adds_nothing_but_escape_codes() {
    let overview = mixed();
    let show = |color| with_report(&overview, &forecast(3), |report| render_plan(report, Style { color, width: None }));
    let plain = show(false);
    assert!(plain.is_ascii() && !plain.contains('\u{1b}'), "{plain}");
    assert_eq!(testing::strip_colours(&show(true)), plain);
}

/// **Invariant 6.** What was written in another order is printed in the same one.
#[test]
fn the_order_is_always_the_same() {
    let Mixed { desired, observed, .. } = testing::mixed();
    let mut other = observed.clone();
    other.containers = observed.containers.into_iter().rev().collect();
    let one = service_changes(&desired, &other, &Origins::new());
    assert_eq!(one, service_changes(&desired, &testing::mixed().observed, &Origins::new()));
    let names: Vec<_> = one.rows.iter().map(Row::name).collect();
    assert_eq!(names, ["shop/cache", "shop/proxy", "shop/search", "shop/web", "shop/worker", "shop/legacy-cron"]);
}

#[test]
fn a_long_name_of_a_field_pushes_no_other_aside() {
    let mut overview = mixed();
    let row = overview.rows.iter_mut().find(|row| row.name() == "shop/web").expect("it is one of them");
    let field = |path: &str| FieldChange { path: path.to_owned(), place: None, ..row.fields[0].clone() };
    row.fields = vec![field("image"), field("deploymentConfiguration.minimumHealthyPercent")];
    overview.rows.retain(|row| row.name() == "shop/web");
    let text = with_report(&overview, &[], |report| render_plan(report, Style::PLAIN));
    for line in [
        "\n      image         ghcr.io",
        "\n      deploymentConfiguration.minimumHealthyPercent  ghcr.io",
        "\n      rollout       1 at a",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
