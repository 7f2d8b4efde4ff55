//! What is said when services did not become healthy. It asks the engine for what only it knows: the last log lines, the images.

use super::output::Output;
use super::project::Project;
use super::render::failure::{FailureReport, LOG_LINES_MAX, render_failure, render_outcome};
use crate::engine::Observe;
use crate::observed::ObservedState;
use crate::plan::plan;
use crate::plan::verdict::FailedService;
use crate::status::diagnosis::diagnose;

/// More services than this are counted and not explained: whatever they have in common, these show it.
const EXPLAINED_MAX: usize = 5;

/// How many images with a similar name are named.
const IMAGES_MAX: usize = 3;

/// Explains each service that failed.
pub(super) async fn explain<E: Observe>(
    engine: &E,
    failed: &[FailedService],
    project: &Project,
    observed: &ObservedState,
    output: &Output,
) -> String {
    let mut text = String::new();
    let plan = plan(&project.desired, observed);
    for service in failed.iter().take(EXPLAINED_MAX) {
        let name = service.service.as_ref().map(|name| (&service.cluster, name));
        let diagnosis = name.and_then(|name| diagnose(&project.desired, observed, &plan, name));
        let Some(diagnosis) = diagnosis else {
            text.extend(service.waits.iter().map(|waiting| format!("error: {}: {}\n", waiting.about, waiting.wait)));
            continue;
        };
        let log = match &diagnosis.container {
            Some((id, _)) => engine.log_tail(id, LOG_LINES_MAX).await.unwrap_or_default(),
            None => Vec::new(),
        };
        let near_images = match &diagnosis.missing_image {
            Some(image) => near(image, engine.image_names().await.unwrap_or_default()),
            None => Vec::new(),
        };
        let report = FailureReport {
            diagnosis: &diagnosis,
            log: &log,
            near_images: &near_images,
            fields: &[],
            command: &format!("reconcile --dry-run {}", project.directory.display()),
        };
        text.push_str(&render_failure(&report, output.talk));
        text.push('\n');
    }
    let services: usize = project.desired.clusters.values().map(|cluster| cluster.services.len()).sum();
    text.push_str(&render_outcome(services.saturating_sub(failed.len()), failed.len(), 0));
    text
}

/// The images whose names come nearest to the one that is missing.
pub(super) fn near(image: &str, mut names: Vec<String>) -> Vec<String> {
    let distance = |name: &String| strsim::damerau_levenshtein(image, name);
    names.retain(|name| distance(name) <= image.len().max(name.len()) / 2);
    names.sort_by_key(|name| (distance(name), name.clone()));
    names.truncate(IMAGES_MAX);
    names
}
