use super::*;
use crate::change::Overview;
use crate::cli::exit;
use crate::cli::render::Style;
use crate::cli::render::plan::{Blocked, DesiredFrom, render_plan, render_plan_json};
use crate::testing;

fn git(manifests: usize) -> World {
    World::Git(GitWorld {
        reference: "origin/main".to_owned(),
        merge_base: "a01b77c0".to_owned(),
        commit: "a01b77c0".to_owned(),
        manifests,
        files: 1,
    })
}

fn observed(engine: &str, world: World) -> ObservedFrom {
    ObservedFrom { engine: engine.to_owned(), world, containers: 9, at: testing::NOW }
}

/// Calls `look` with the report of an empty plan.
fn with_report<T>(world: World, blocked: &[Blocked], ending: &Ending, look: impl FnOnce(&PlanReport<'_>) -> T) -> T {
    let desired = DesiredFrom {
        source: "deploy".to_owned(),
        revision: Some("4f2c9e1b0d".to_owned()),
        dirty: Some(true),
        files: 8,
        manifests: 15,
    };
    look(&PlanReport {
        desired: &desired,
        observed: &observed("origin/main at a01b77c", world),
        overview: &Overview { unchanged: 2, ..Overview::default() },
        forecast: &[],
        simulations: &[],
        diagnostics: &[],
        blocked,
        id: "3f9c2a71-b7d104e2".parse().expect("an id"),
        ending,
        command: "reconcile deploy",
    })
}

const UNCHANGED: Ending = Ending { outcome: Outcome::Unchanged, code: exit::DONE, forbidden: None };

#[test]
fn the_header_says_what_was_compared_with() {
    for (engine, world, line) in [
        ("Docker 28.1", World::Engine, "Observed  Docker 28.1: 9 containers of ours, 09:41:07Z"),
        (
            "origin/main at a01b77c",
            git(12),
            "Against   origin/main at a01b77c: 12 manifests in 1 file, not what really runs",
        ),
        ("origin/main at a01b77c", git(0), "Against   origin/main at a01b77c: no manifests there, so all is new"),
        (
            "Docker 28.1",
            World::Snapshot("host.json".to_owned()),
            "Against   the snapshot host.json of Docker 28.1: 9 containers of ours, 2026-08-14T09:41:07Z",
        ),
    ] {
        assert_eq!(render_observed(&observed(engine, world)), line);
    }
}

#[test]
fn a_plan_can_be_asked_for_by_its_id() {
    let next = |world| with_report(world, &[], &UNCHANGED, render_next);
    assert_eq!(
        next(World::Engine),
        "Nothing was changed. To do just this:\n  reconcile deploy --plan-id 3f9c2a71-b7d104e2\n"
    );
    assert_eq!(
        next(git(12)),
        "Nothing was changed. This is plan 3f9c2a71-b7d104e2. To do it, on the host:\n  reconcile deploy\n"
    );
    let blocked = [Blocked { message: "no".to_owned(), help: Vec::new() }];
    let refused = with_report(git(12), &blocked, &UNCHANGED, render_next);
    assert_eq!(refused, "Nothing was changed, and nothing would be: see above.\n");
}

#[test]
fn files_that_are_not_committed_are_spoken_of() {
    let text = with_report(git(12), &[], &UNCHANGED, |report| render_plan(report, Style::PLAIN));
    assert_eq!(
        text,
        "No changes. 2 objects match deploy @ 4f2c9e1 with changes that are not committed (compared with origin/main at a01b77c).\n"
    );
}

#[test]
fn json_says_what_was_compared_and_how_it_ended() {
    let forbidden = vec![Forbidden { kind: "delete", object: "shop/cron".to_owned() }];
    let ending = Ending { outcome: Outcome::Forbidden, code: exit::REFUSED, forbidden: Some(forbidden) };
    let text = with_report(git(12), &[], &ending, render_plan_json);
    let plan: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(plan["planId"], "3f9c2a71-b7d104e2");
    assert_eq!((&plan["outcome"], &plan["exitCode"]), (&json!("forbidden"), &json!(5)));
    assert_eq!(plan["forbidden"], json!([{ "kind": "delete", "object": "shop/cron" }]));
    assert_eq!((&plan["desired"]["dirty"], &plan["observed"]["source"]), (&json!(true), &json!("git")));
    assert_eq!(plan["observed"]["git"]["reference"], "origin/main");
    let text = with_report(World::Engine, &[], &UNCHANGED, render_plan_json);
    let plan: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&plan["outcome"], &plan["exitCode"]), (&json!("unchanged"), &json!(0)));
    assert_eq!((&plan["observed"]["source"], plan.get("forbidden")), (&json!("engine"), None));
}
