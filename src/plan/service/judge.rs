//! What the tasks of a service are: the state of each, and whether it is one that is wanted.

use crate::desired::{DesiredService, DesiredState, fingerprint};
use crate::observed::ObservedState;
use crate::plan::intervention::is_stale;
use crate::plan::view::{TaskState, TaskView, with_last_tries};
use crate::value::Timestamp;

/// Judges the tasks of a service that are ours to change: the state of each, and whether it is of the revision that is wanted, and
/// not older than somebody asked for.
pub(in crate::plan) fn judge<'a>(
    (desired, observed): (&'a DesiredState, &'a ObservedState),
    service: &'a DesiredService,
    restart_since: Option<Timestamp>,
    tasks: Vec<TaskView<'a>>,
) -> impl Iterator<Item = (TaskView<'a>, TaskState, bool)> {
    let ours = with_last_tries(tasks).filter(|(view, _)| desired.may_touch(view.source));
    ours.map(move |(view, is_last)| {
        let is_stale = is_stale(&view, restart_since);
        let current = *view.source == desired.source && is_current(&view, service) && !is_stale;
        let wanted = current && is_last && service.desired_count.is_none_or(|count| view.slot().0 < count);
        let view = view.within(current.then_some(&*service.task), wanted, observed);
        let state = view.state(service.patience(current), observed.at);
        (view, state, current)
    })
}

/// How many slots a service fills now, the ended tasks of a crash loop included; a new service fills one.
pub(in crate::plan) fn present_count<'s, 'a: 's>(tasks: impl Iterator<Item = &'s TaskView<'a>>) -> u32 {
    tasks.map(|task| task.slot().0.saturating_add(1)).max().unwrap_or(1)
}

/// Whether a task is of the revision that is wanted.
pub(crate) fn is_current(view: &TaskView<'_>, service: &DesiredService) -> bool {
    if view.key.revision == service.task.revision {
        return true;
    }
    // Another release named it by other rules: the specs themselves say whether they are the same.
    view.key.revision.scheme() != fingerprint::SCHEME
        && view.containers.len() == service.task.containers.len()
        && service.task.containers.iter().all(|wanted| {
            let spec = view.container(&wanted.name).and_then(|container| container.observed?.read_spec());
            spec.is_some_and(|spec| **spec == crate::ownership::redact(wanted))
        })
}
