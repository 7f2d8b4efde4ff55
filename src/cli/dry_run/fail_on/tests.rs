use super::*;
use crate::change::service_changes;
use crate::testing::{self, Mixed};

fn found(asked: &[FailOn]) -> Vec<String> {
    let Mixed { desired, observed, origins } = testing::mixed();
    let overview = service_changes(&desired, &observed, &origins);
    find_forbidden(asked, &overview).into_iter().map(|one| format!("{} {}", one.kind, one.object)).collect()
}

#[test]
fn only_what_was_asked_for_is_found() {
    assert_eq!(found(&[]), Vec::<String>::new());
    assert_eq!(found(&[FailOn::Delete]), ["delete shop/legacy-cron"]);
    assert_eq!(found(&[FailOn::Replace]), ["replace shop/web"]);
    // The only task of the cache is restarted, and that of the cron ends for good.
    assert_eq!(found(&[FailOn::Downtime]), ["downtime shop/cache", "downtime shop/legacy-cron"]);
    let all = found(&[FailOn::Downtime, FailOn::Replace, FailOn::Delete, FailOn::Replace]);
    assert_eq!(all.len(), 4, "{all:?}");
}

#[test]
fn many_are_counted() {
    let found: Vec<_> = (0..12).map(|n| Forbidden { kind: "delete", object: format!("shop/s{n}") }).collect();
    let text = describe_forbidden(&found);
    assert!(text.starts_with("The plan has what --fail-on forbids (exit code 5): delete shop/s0; "), "{text}");
    assert!(text.ends_with("; delete shop/s9; and 2 more."), "{text}");
}
