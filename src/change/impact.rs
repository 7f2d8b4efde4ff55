//! How a change will go: how many tasks at a time, how many stay healthy meanwhile, and what the user should know before.

use std::collections::BTreeMap;

use super::place::Site;
use super::text::count_of;
use super::{Reason, Row, RowAction, Warning};
use crate::desired::{ContainerSpec, DesiredService};
use crate::plan::{About, Plan, Wait, Waiting};
use crate::problem::Place;
use crate::value::{ClusterName, HookStage, ServiceName};

/// Adds the sentences about a rollout to the row of a service.
pub(super) fn describe(row: &mut Row, service: &DesiredService, site: &Site<'_>) {
    // Down to nought is meant so, and is the end of it for its users all the same.
    row.downtime = row.tasks.wanted == 0 && row.tasks.stop > 0;
    if row.tasks.replaced == 0 || row.tasks.wanted == 0 {
        return;
    }
    let limits = Limits::of(service, row.tasks.wanted);
    match row.action {
        RowAction::Replace => describe_rollout(row, &limits, site),
        RowAction::Restart => describe_restart(row, &limits, site),
        RowAction::Create | RowAction::Update | RowAction::Delete => {}
    }
}

/// Adds what runs around the tasks of a deployment that has yet to begin.
pub(super) fn describe_hooks(row: &mut Row, service: &DesiredService) {
    for hook in &service.hooks {
        let (family, stage) = (hook.family(), hook.stage);
        row.impact.push(match stage {
            HookStage::PreScaleUp => format!("the hook `{family}` runs before the first task ({stage})"),
            HookStage::PostScaleUp => format!("the hook `{family}` runs once all tasks are healthy ({stage})"),
        });
    }
}

/// What the limits of a deployment come to for a number of tasks.
struct Limits {
    wanted: u32,
    /// Our own actions leave so many healthy.
    floor: u32,
    /// So many may run beyond the desired count.
    room: u32,
    /// The host port that only one task can hold.
    port: Option<u16>,
    minimum: u32,
    maximum: u32,
}

impl Limits {
    fn of(service: &DesiredService, wanted: u32) -> Self {
        let port = service.task.static_host_ports().next().map(|(port, _)| port);
        let above = service.maximum.floor_of(wanted).saturating_sub(wanted);
        Self {
            wanted,
            floor: service.minimum_healthy.ceil_of(wanted).min(wanted),
            room: if port.is_some() { 0 } else { above },
            port,
            minimum: service.minimum_healthy.0,
            maximum: service.maximum.0,
        }
    }

    /// How many stay healthy throughout. An old task goes early only where a new one finds no room otherwise.
    fn kept(&self) -> u32 {
        self.floor.max(self.room.min(self.wanted))
    }

    /// How many are replaced at once.
    fn batch(&self) -> u32 {
        self.wanted.min(self.room.saturating_add(self.wanted - self.kept()))
    }
}

fn describe_rollout(row: &mut Row, limits: &Limits, site: &Site<'_>) {
    let percent = |field: &str| site.in_service(&format!("/spec/deploymentConfiguration/{field}"));
    let name = row.name();
    if limits.batch() == 0 {
        let message = match limits.port {
            Some(port) => format!(
                "{name} cannot be replaced: one task at a time can hold host port {port}, and minimumHealthyPercent {} keeps the one that does",
                limits.minimum
            ),
            None => format!(
                "{name} cannot be replaced: minimumHealthyPercent {} and maximumPercent {} leave no room",
                limits.minimum, limits.maximum
            ),
        };
        row.warnings.push(Warning { message, place: percent("minimumHealthyPercent") });
        return;
    }
    let order = if limits.room > 0 { "new before old" } else { "old before new" };
    let pace = if limits.batch() == limits.wanted && limits.wanted > 1 {
        format!("all {} at once", limits.wanted)
    } else {
        format!("{} at a time", limits.batch())
    };
    let cause = match (limits.port, limits.room) {
        (Some(port), _) => format!("host port {port}"),
        (None, 0) => format!("minimumHealthyPercent {}", limits.minimum),
        (None, _) => format!("minimumHealthyPercent {}, maximumPercent {}", limits.minimum, limits.maximum),
    };
    let kept = match limits.kept() {
        0 => "no task kept healthy meanwhile".to_owned(),
        kept => format!("at least {kept} of {} healthy", limits.wanted),
    };
    row.impact.push(format!("{pace}, {order}, {kept} ({cause})"));
    if limits.kept() == 0 {
        row.downtime = true;
        let tasks = if limits.wanted == 1 { "its task is" } else { "its tasks are" };
        let because = match limits.port {
            Some(port) => format!(", since one task at a time can hold host port {port}"),
            None => String::new(),
        };
        let message = format!("{name} is unavailable while {tasks} replaced{because}");
        row.warnings.push(Warning { message, place: percent("minimumHealthyPercent") });
    }
}

fn describe_restart(row: &mut Row, limits: &Limits, site: &Site<'_>) {
    if row.reason != Reason::Unhealthy {
        return;
    }
    if limits.room > 0 {
        row.impact.push("the new task is healthy before the old one stops".to_owned());
        return;
    }
    row.impact.push("the old task stops before the new one starts".to_owned());
    if limits.wanted == 1 {
        row.downtime = true;
        let message = format!("{} runs {}: it is unavailable while it restarts", row.name(), count_of(1_u32, "task"));
        row.warnings.push(Warning { message, place: site.in_service("/spec/desiredCount") });
    }
}

/// Says that a container which ran out of memory will do so again.
pub(super) fn warn_of_memory(row: &mut Row, container: &ContainerSpec, place: Option<Place>) {
    let limit = container.memory.map_or_else(String::new, |memory| format!(" (limit {memory} MiB)"));
    let message = format!("{}: container {} ran out of memory{limit} and will again", row.name(), container.name);
    row.warnings.push(Warning { message, place });
}

/// What lacks room on the host, by service: what is waited for is looked through once, however many services there are.
pub(super) type RoomWaits<'a> = BTreeMap<(&'a ClusterName, Option<&'a ServiceName>), Vec<&'a Waiting>>;

/// The waits of a plan that are for room on the host.
pub(super) fn room_waits(plan: &Plan) -> RoomWaits<'_> {
    let mut found = RoomWaits::new();
    for waiting in plan.waits.iter().filter(|waiting| waiting.wait.is_for_room()) {
        let About { cluster, service, slot: _ } = &waiting.about;
        found.entry((cluster, service.as_ref())).or_default().push(waiting);
    }
    found
}

/// Says that a task does not fit on the host, now or ever: the first of the service of which that is known.
pub(super) fn warn_of_room(row: &mut Row, waits: &RoomWaits<'_>) {
    let own = waits.get(&(&row.cluster, row.service.as_ref())).into_iter().flatten();
    let told = own.filter_map(|Waiting { about, wait }| {
        if matches!(wait, Wait::NeverFits(_)) {
            return Some(format!("{} can never begin: it {wait}", row.name()));
        }
        // Who only waits for its turn is told of by whoever stands before it.
        let lacks_room = matches!(wait, Wait::Resources(_));
        lacks_room.then(|| format!("{about} has to wait for room on the host: it {wait}"))
    });
    // What can never be says more than what has to wait: "can" comes before "has", and the slots are in order.
    if let Some(message) = told.min() {
        row.warnings.push(Warning { message, place: row.place.clone() });
    }
}
