//! What changes of the settings by which services are looked after. No container shows them, so they can be compared only where both
//! manifests are known. No task is touched because of them.

use super::place::Site;
use super::{Change, FieldChange, Overview, Reason, Row, RowAction, Sides, TaskCounts, revision_name};
use crate::desired::{
    CircuitBreaker, DesiredCluster, DesiredHook, DesiredService, DesiredState, Origins, Resources, Scheduling,
    TaskSpec, Threshold,
};
use crate::problem::Place;
use crate::value::{ClusterName, ServiceName};

/// Adds to what changes from `before` to `after` what only the manifests show.
pub fn add_settings(overview: &mut Overview, before: &DesiredState, after: &DesiredState, origins: &Origins) {
    for (name, wanted) in &after.clusters {
        let Some(was) = before.clusters.get(name) else { continue };
        let fields = of_cluster(was, wanted);
        overview.add_fields(bare(name, None, None), fields);
        for (service, wanted) in &wanted.services {
            let Some(was) = was.services.get(service) else { continue };
            let site = Site::new(origins.get(&(name.clone(), service.clone())));
            let fields = of_service(was, wanted, &site);
            let mut row = bare(name, Some(service), site.of_service());
            let count = wanted.desired_count.unwrap_or(1);
            row.tasks = TaskCounts { now: count, wanted: count, ..TaskCounts::default() };
            overview.add_fields(row, fields);
        }
    }
}

impl Overview {
    /// Adds fields to the row that there is already, or to `row`, which then takes its place among the others.
    fn add_fields(&mut self, mut row: Row, fields: Vec<FieldChange>) {
        if fields.is_empty() {
            return;
        }
        let key = |row: &Row| (row.action == RowAction::Delete, row.cluster.clone(), row.service.clone());
        let own = key(&row);
        match self.rows.binary_search_by(|other| key(other).cmp(&own)) {
            Ok(found) => self.rows[found].fields.extend(fields),
            Err(place) => {
                row.fields = fields;
                self.rows.insert(place, row);
                self.unchanged = self.unchanged.saturating_sub(1);
            }
        }
    }
}

fn bare(cluster: &ClusterName, service: Option<&ServiceName>, place: Option<Place>) -> Row {
    Row {
        cluster: cluster.clone(),
        service: service.cloned(),
        action: RowAction::Update,
        reason: Reason::SpecChanged,
        detail: None,
        from_revisions: Vec::new(),
        to_revision: None,
        images: Vec::new(),
        sides: Sides::default(),
        fields: Vec::new(),
        tasks: TaskCounts::default(),
        downtime: false,
        impact: Vec::new(),
        warnings: Vec::new(),
        place,
    }
}

/// Each field as text, before and after; those that are equal are left out.
fn differing(
    fields: impl IntoIterator<Item = (&'static str, String, String)>,
    place: impl Fn(&str) -> Option<Place>,
) -> Vec<FieldChange> {
    let changed = fields.into_iter().filter(|(_, from, to)| from != to);
    let field = |(path, from, to): (&str, String, String)| FieldChange {
        path: path.to_owned(),
        change: Change::Changed,
        from: Some(from),
        to: Some(to),
        sensitive: false,
        place: place(&format!("/spec/{}", path.replace('.', "/"))),
        replaces_tasks: false,
    };
    changed.map(field).collect()
}

fn of_cluster(before: &DesiredCluster, after: &DesiredCluster) -> Vec<FieldChange> {
    let DesiredCluster { reserved: Resources { cpu: cpu_before, memory: memory_before }, services: _ } = before;
    let DesiredCluster { reserved: Resources { cpu, memory }, services: _ } = after;
    let fields = [
        ("reservedCpu", cpu_before.to_string(), cpu.to_string()),
        ("reservedMemory", memory_before.to_string(), memory.to_string()),
    ];
    differing(fields, |_| None)
}

fn of_service(before: &DesiredService, after: &DesiredService, site: &Site<'_>) -> Vec<FieldChange> {
    let settings = |service: &DesiredService| {
        let DesiredService {
            // What runs shows it.
            desired_count: _,
            minimum_healthy,
            maximum,
            circuit_breaker: CircuitBreaker { enabled, rollback, threshold, reset_on_healthy },
            health_check_grace,
            min_ready,
            image_pull,
            task,
            hooks,
            scheduling,
            // A service of a manifest is kept up.
            lifetime: _,
        } = service;
        // A revision shows all of a task.
        let _: &TaskSpec = task;
        let scheduling = match scheduling {
            Scheduling::Replica => "REPLICA",
            Scheduling::Daemon => "DAEMON",
        };
        [
            ("schedulingStrategy", scheduling.to_owned()),
            ("deploymentConfiguration.minimumHealthyPercent", minimum_healthy.0.to_string()),
            ("deploymentConfiguration.maximumPercent", maximum.0.to_string()),
            ("deploymentConfiguration.deploymentCircuitBreaker.enable", enabled.to_string()),
            ("deploymentConfiguration.deploymentCircuitBreaker.rollback", rollback.to_string()),
            (
                "deploymentConfiguration.deploymentCircuitBreaker.thresholdConfiguration",
                match threshold {
                    Threshold::BoundedPercent(percent) => format!("BOUNDED_PERCENT {percent}"),
                    Threshold::UnboundedPercent(percent) => format!("UNBOUNDED_PERCENT {percent}"),
                    Threshold::Count(count) => format!("COUNT {count}"),
                },
            ),
            ("deploymentConfiguration.deploymentCircuitBreaker.resetOnHealthyTask", reset_on_healthy.to_string()),
            ("deploymentConfiguration.minReadySeconds", min_ready.as_secs().to_string()),
            ("deploymentConfiguration.lifecycleHooks", hooks.iter().map(describe_hook).collect::<Vec<_>>().join(", ")),
            ("healthCheckGracePeriodSeconds", health_check_grace.as_secs().to_string()),
            ("imagePullBehavior", image_pull.as_str().to_owned()),
        ]
    };
    let pairs = settings(before).into_iter().zip(settings(after)).map(|((path, from), (_, to))| (path, from, to));
    differing(pairs, |pointer| site.in_service(pointer))
}

/// `PRE_SCALE_UP migrate@4f2c9e within 300 s`
fn describe_hook(hook: &DesiredHook) -> String {
    let DesiredHook { stage, timeout, service } = hook;
    let TaskSpec { family, revision, containers: _ } = &*service.task;
    format!("{stage} {} within {} s", revision_name(family.as_str(), *revision), timeout.as_secs())
}

#[cfg(test)]
mod tests;
