use std::sync::Arc;

use super::*;
use crate::change::{Before, changes};
use crate::observed::{ObservedState, Phase};
use crate::plan::{Failure, FailureKind, plan};
use crate::status::diagnosis::diagnose;
use crate::testing::{self, NOW, ago, desired, exited, observed, running, service, task};

const WEB: &str =
    r#"{"name":"web","image":"ghcr.io/acme/web:2.4.0","environment":{"DB_PASSWORD":"hunter2"},"memory":64}"#;

/// The diagnosis of `shop/web`, with three tasks wanted.
fn diagnosis(shown: &ObservedState) -> Option<Diagnosis> {
    let wanted = desired(&[("shop/web", service(3, &task("web", &[WEB])))]);
    let plan = plan(&wanted, shown);
    diagnose(&wanted, shown, &plan, (&testing::cluster("shop"), &testing::service_name("web")))
}

fn show(diagnosis: &Diagnosis, log: &[&str], near: &[&str], fields: &[FieldChange]) -> String {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let report = FailureReport {
        diagnosis,
        log: &owned(log),
        near_images: &owned(near),
        fields,
        command: "reconcile deploy/ --dry-run",
    };
    render_failure(&report, Style::PLAIN)
}

#[test]
fn a_crash_loop_says_all_that_the_next_question_needs() {
    let (old, new) = (task("web", &[r#"{"name":"web","image":"ghcr.io/acme/web:2.3.1"}"#]), task("web", &[WEB]));
    let mut dead = exited("shop/web/0", &new, 3, 1, 1);
    dead[0].identity.failures = 2;
    dead[0].identity.deployment.failures = 2;
    let shown = observed(&[dead, running("shop/web/1", &old, 1), running("shop/web/2", &old, 1)]);
    let before =
        Before { family: old.family.clone(), revision: old.revision, containers: vec![old.containers[0].clone()] };
    let fields = changes(&before, &new, None);
    let log = ["\u{1b}[31mError\u{1b}[0m: DB_URL: invalid port number", "\tat main"];
    let text = show(&diagnosis(&shown).expect("it is not well"), &log, &[], &fields);
    assert_eq!(
        text,
        testing::dedent(
            "
            error: shop/web: its task keeps ending (3 tries)
               = task shop/web/0 @5244e9, try 3: container web exited with code 1 after 2.0s, 1.0s ago
               = the deployment of revision 5244e9 was given up after 3 failures; rolled back to revision 91017f; it is tried again when the task definition changes, or with --retry
               = last log lines:
                   Error: DB_URL: invalid port number
                       at main
               = changed in this run: image ghcr.io/acme/web:2.3.1 -> :2.4.0
               = changed in this run: environment.DB_PASSWORD (sensitive, added)
               = changed in this run: memory (not set) -> 64 MiB
               = now running: 2 of 3 tasks are healthy: 2 on web@91017f (old)
               = next: reconcile logs 15d262fe65ed  |  reconcile deploy/ --dry-run
            "
        )
    );
}

#[test]
fn a_missing_image_names_those_that_are_near() {
    let mut shown = observed(&[]);
    testing::add_network(&mut shown, "shop");
    let image = "ghcr.io/acme/web:2.4.0".to_owned();
    let failure = Failure { kind: FailureKind::ImageMissing, message: format!("{image}: manifest unknown") };
    shown.images.insert(image.clone(), crate::observed::ImageFact { at: NOW, image: None });
    let failed = crate::observed::FailedAction { identity: None, failures: 3, at: NOW, failure };
    shown.failed_actions.insert(crate::plan::Target::Image(image), failed);
    let diagnosis = diagnosis(&shown).expect("it is not well");
    assert_eq!(diagnosis.missing_image.as_deref(), Some("ghcr.io/acme/web:2.4.0"));
    let text = show(&diagnosis, &[], &["ghcr.io/acme/web:2.4", "ghcr.io/acme/web:2.3.1"], &[]);
    assert_eq!(
        text,
        testing::dedent(
            "
            error: shop/web: its image cannot be had
               = task shop/web/0: ghcr.io/acme/web:2.4.0: manifest unknown (tried 3 times)
               = did you mean ghcr.io/acme/web:2.4 or ghcr.io/acme/web:2.3.1?
               = now running: none of its 3 tasks is healthy: the service is down
               = next: reconcile deploy/ --dry-run
               = reconcile --watch would go on by itself: next try in 4.0s
            "
        )
    );
}

#[test]
fn a_death_for_memory_names_the_limit() {
    let new = task("web", &[WEB]);
    let mut dead = exited("shop/web/0", &new, 1, 137, 1);
    if let Phase::Exited { exit: Some(exit) } = &mut dead[0].phase {
        exit.oom_killed = true;
    }
    let shown = observed(&[dead, running("shop/web/1", &new, 1), running("shop/web/2", &new, 1)]);
    let text = show(&diagnosis(&shown).expect("it is not well"), &[], &[], &[]);
    assert!(text.starts_with("error: shop/web: its task runs out of memory\n"), "{text}");
    assert!(text.contains("   = its limit is 64 MiB (memory)\n   = its log is empty\n"), "{text}");
    assert!(text.contains("   = now running: 2 of 3 tasks are healthy: 2 on web@"), "{text}");
}

#[test]
fn a_service_that_is_well_has_no_diagnosis() {
    let new = task("web", &[WEB]);
    let tasks = [0, 1, 2].map(|slot| running(&format!("shop/web/{slot}"), &new, 1));
    assert_eq!(diagnosis(&observed(&tasks)), None);
}

#[test]
fn no_sensitive_value_and_no_escape_code_is_printed() {
    let new = task("web", &[WEB]);
    let mut dead = exited("shop/web/0", &new, 1, 1, 1);
    dead[0].phase = Phase::StartFailed { message: "bad\n\u{1b}[2Jthing".to_owned(), at: ago(1), blameless: false };
    let before = Before {
        family: new.family.clone(),
        revision: task("web", &[WEB, WEB]).revision,
        containers: vec![Arc::new(testing::spec(r#"{"name":"web","image":"x"}"#))],
    };
    let text = show(
        &diagnosis(&observed(&[dead])).expect("it is not well"),
        &["\u{1b}]0;title\u{7}"],
        &[],
        &changes(&before, &new, None),
    );
    assert!(!text.contains("hunter2") && !text.contains('\u{1b}') && !text.contains('\u{7}'), "{text:?}");
    assert!(text.contains("environment.DB_PASSWORD (sensitive, added)"), "{text}");
}

#[test]
fn the_last_line_counts() {
    assert_eq!(render_outcome(4, 1, 1), "4 of 6 services steady, 1 failed, 1 not finished.\n");
    assert_eq!(render_outcome(1, 0, 0), "1 of 1 service steady.\n");
}
