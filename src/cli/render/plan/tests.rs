use super::*;
use crate::change::service_changes;
use crate::testing::{self, Mixed};

#[test]
fn show() {
    let Mixed { desired, observed, origins } = testing::mixed();
    let overview = service_changes(&desired, &observed, &origins);
    let desired =
        DesiredFrom { source: "deploy/".to_owned(), revision: Some("4f2c9e1b0d".to_owned()), files: 8, manifests: 15 };
    let observed = ObservedFrom {
        engine: "Docker 28.1 at unix:///var/run/docker.sock".to_owned(),
        containers: 14,
        at: testing::NOW,
    };
    let forecast = [
        ForecastLine { at: Duration::ZERO, text: "shop/search/0 starting".to_owned() },
        ForecastLine { at: Duration::from_millis(1200), text: "shop/search/0 healthy".to_owned() },
    ];
    let report = PlanReport {
        desired: &desired,
        observed: &observed,
        overview: &overview,
        forecast: &forecast,
        diagnostics: &[],
        blocked: &[],
        command: "reconcile deploy/",
    };
    println!("{}", render_plan(&report, Style::PLAIN));
    println!("{}", render_plan(&report, Style { color: true, width: Some(80) }));
    println!("{}", render_plan_json(&report));
}
