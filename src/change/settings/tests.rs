use std::time::Duration;

use super::*;
use crate::change::service_changes;
use crate::observed::ObservedState;
use crate::testing::{desired, service, task};
use crate::value::Percent;

/// What is told of a change of the service `shop/web`, and of the cluster.
fn told(change: impl Fn(&mut DesiredState, &mut DesiredService)) -> (Vec<String>, Overview) {
    let web = task("web", &[r#"{"name":"web","image":"shop:1"}"#]);
    let before = desired(&[("shop/api", service(1, &web)), ("shop/web", service(1, &web))]);
    let mut after = before.clone();
    let mut changed = service(1, &web);
    change(&mut after, &mut changed);
    let shop = after.clusters.values_mut().next().expect("there is one");
    shop.services.insert(ServiceName::new("web").expect("a name"), changed);
    // Two clusters' worth of objects that are as they were.
    let mut overview = Overview { unchanged: 3, ..Overview::default() };
    add_settings(&mut overview, &before, &after, &Origins::new());
    let fields = overview.rows.iter().flat_map(|row| row.fields.iter().map(move |field| (row, field)));
    let line = |(row, field): (&Row, &FieldChange)| {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        format!("{} {} {} -> {}", row.name(), field.path, text(&field.from), text(&field.to))
    };
    (fields.map(line).collect(), overview)
}

#[test]
fn each_setting_is_told_and_replaces_nothing() {
    assert_eq!(told(|_, _| {}), (Vec::new(), Overview { unchanged: 3, ..Overview::default() }));
    let (lines, overview) = told(|desired, web| {
        desired.clusters.values_mut().for_each(|shop| shop.reserved = Resources { cpu: 512, memory: 0 });
        web.minimum_healthy = Percent(50);
        web.maximum = Percent(150);
        web.circuit_breaker.enabled = false;
        web.circuit_breaker.threshold = Threshold::Count(7);
        web.health_check_grace = Duration::from_secs(30);
        web.image_pull = crate::image::PullBehavior::Always;
    });
    assert_eq!(
        lines,
        [
            "shop reservedCpu 0 -> 512",
            "shop/web deploymentConfiguration.minimumHealthyPercent 100 -> 50",
            "shop/web deploymentConfiguration.maximumPercent 200 -> 150",
            "shop/web deploymentConfiguration.deploymentCircuitBreaker.enable true -> false",
            "shop/web deploymentConfiguration.deploymentCircuitBreaker.thresholdConfiguration BOUNDED_PERCENT 50 -> COUNT 7",
            "shop/web healthCheckGracePeriodSeconds 0 -> 30",
            "shop/web imagePullBehavior prefer-cached -> always",
        ]
    );
    assert_eq!((overview.unchanged, overview.summary().update, overview.summary().replace_tasks), (1, 2, 0));
}

#[test]
fn it_joins_the_row_that_there_is() {
    let web = task("web", &[r#"{"name":"web","image":"shop:1"}"#]);
    let before = desired(&[("shop/web", service(1, &web))]);
    let after = desired(&[("shop/web", DesiredService { maximum: Percent(100), ..service(1, &web) })]);
    let mut overview = service_changes(&after, &ObservedState::default(), &Origins::new());
    let rows = overview.rows.len();
    add_settings(&mut overview, &before, &after, &Origins::new());
    assert_eq!(overview.rows.len(), rows);
    assert_eq!(overview.rows[1].fields[0].path, "deploymentConfiguration.maximumPercent");
}
