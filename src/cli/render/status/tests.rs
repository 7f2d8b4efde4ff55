use super::*;
use crate::plan::plan;
use crate::status::status;
use crate::testing::{self, Mixed};
#[test]
fn show() {
    let Mixed { desired, observed, .. } = testing::mixed();
    let plan = plan(&desired, &observed);
    let status1 = status(Some(&desired), &observed, Some(&plan));
    println!("{}", render_status(&status1, "Docker 28.1", Style::PLAIN));
    println!("{}", render_status(&status1, "Docker 28.1", Style { color: false, width: Some(100) }));
    println!("{}", render_status(&status(None, &observed, None), "Docker 28.1", Style::PLAIN));
    println!("{}", render_status_json(&status1));
    for l in crate::cli::render::progress::render_live(&status1, testing::ago(18), Style::PLAIN) {
        println!("{l}");
    }
    for service in &status1.services {
        if let Some(d) =
            crate::status::diagnosis::diagnose(&desired, &observed, &plan, (&service.cluster, &service.service))
        {
            let log = ["Error: DB_URL: invalid port number".to_owned()];
            println!(
                "{}",
                crate::cli::render::failure::render_failure(
                    &crate::cli::render::failure::FailureReport {
                        diagnosis: &d,
                        log: &log,
                        near_images: &[],
                        fields: &[],
                        command: "reconcile deploy/ --dry-run"
                    },
                    Style::PLAIN
                )
            );
        }
    }
}
