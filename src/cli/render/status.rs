//! How everything is: a table for people, JSON for programs.

use super::super::exit::{self, Outcome};
use super::{Cell, Style, Tone, json_document, one_line, table};
use crate::change::text::count_of;
use crate::plan::duration_text;
use crate::status::{
    Health, HostStatus, PinnedImage, PublishedAddress, ServiceStatus, Status, StoppedTask, Sync, Used,
};
use crate::value::Timestamp;

/// More stopped tasks than this are counted and not listed.
const STOPPED_MAX: usize = 6;

/// More host ports of one container port than this are counted and not listed.
const PORTS_MAX: usize = 3;

/// The status as text. `header` says what was looked at, for people: `Docker 28.1 at unix:///var/run/docker.sock`.
pub fn render_status(status: &Status, header: &str, style: Style) -> String {
    let host = status.host.as_ref().map(render_host).unwrap_or_default();
    let header = format!("{}, {}\n{host}", one_line(header), status.at);
    if status.services.is_empty() {
        return format!("{header}There is no service.\n");
    }
    let stopped = if status.stopped_tasks.is_empty() {
        String::new()
    } else {
        format!("\n{}\n{}", style.paint(Tone::Strong, "Stopped tasks"), render_stopped(status, style))
    };
    [&*header, "\n", &render_services(status, style), &stopped, "\n", &render_summary(status), &render_next(status)]
        .concat()
}

/// `Host: 512 of 24105 MiB of memory and 256 of 4096 CPU units are reserved by 3 tasks; 23593 MiB and 3840 units are free`
fn render_host(host: &HostStatus) -> String {
    let HostStatus { capacity, reserved, headroom, tasks, used } = host;
    let reserved = format!(
        "Host: {} of {} MiB of memory and {} of {} CPU units are reserved by {}; {} MiB and {} units are free\n",
        reserved.memory,
        capacity.memory,
        reserved.cpu,
        capacity.cpu,
        count_of(*tasks as u64, "task"),
        headroom.memory,
        headroom.cpu
    );
    let used = used.as_ref().map(|Used { resources, containers }| {
        let containers = count_of(*containers as u64, "container");
        format!("In use: {} MiB of memory and {} CPU units by {containers}\n", resources.memory, resources.cpu)
    });
    reserved + &used.unwrap_or_default()
}

/// The status as one JSON document.
pub fn render_status_json(status: &Status) -> String {
    let value = serde_json::to_value(status).expect("a status holds only texts, numbers and flags under text keys");
    json_document(value, Outcome::Done, exit::DONE)
}

fn render_services(status: &Status, style: Style) -> String {
    let whole = table(&service_rows(status, true), "", style);
    let plain = table(&service_rows(status, true), "", Style::PLAIN);
    if style.width.is_none_or(|width| plain.lines().all(|line| line.chars().count() <= width)) {
        return whole;
    }
    // On a narrow screen a message that is cut says nothing: each gets a line of its own.
    let messages = status.services.iter().filter_map(|service| {
        let message = service.message.as_deref()?;
        Some(format!("  {}: {}\n", service.name(), one_line(message)))
    });
    let messages: Vec<_> = messages.collect();
    let gap = if messages.is_empty() { "" } else { "\n" };
    format!("{}{gap}{}", table(&service_rows(status, false), "", style), messages.concat())
}

/// The cells of the table with its titles. Columns in which no service has anything to say are left out.
fn service_rows(status: &Status, with_messages: bool) -> Vec<Vec<Cell>> {
    let has_ports = status.services.iter().any(|service| !service.ports.is_empty());
    let has_images = status.services.iter().any(|service| !service.images.is_empty());
    let has_messages = with_messages && status.services.iter().any(|service| service.message.is_some());
    let titles = ["SERVICE", "TASKDEF", "IMAGE", "TASKS", "SYNC", "HEALTH", "RESTARTS", "UP", "PORTS", "MESSAGE"];
    let titles = titles.map(|title| Cell::toned(title, Tone::Faint));
    let rows = std::iter::once(titles).chain(status.services.iter().map(|service| service_cells(service, status.at)));
    let keep = |cells: [Cell; 10]| {
        let [service, definition, image, tasks, sync, health, restarts, up, ports, message] = cells;
        let mut row = vec![service, definition];
        row.extend(has_images.then_some(image));
        row.extend([tasks, sync, health, restarts, up]);
        row.extend(has_ports.then_some(ports));
        row.extend(has_messages.then_some(message));
        row
    };
    rows.map(keep).collect()
}

fn service_cells(service: &ServiceStatus, at: Timestamp) -> [Cell; 10] {
    let health_tone = match service.health {
        Health::Healthy | Health::Running => Tone::Good,
        Health::Progressing | Health::Unknown => Tone::Changing,
        Health::Degraded | Health::Missing => Tone::Bad,
    };
    let sync_tone = match service.sync {
        Sync::Synced | Sync::Unknown => Tone::Usual,
        Sync::OutOfSync => Tone::Changing,
    };
    let health = match service.health {
        // Honest, and a reminder: nobody knows whether it is well.
        Health::Running => "Running (no check)",
        Health::Healthy | Health::Progressing | Health::Degraded | Health::Missing | Health::Unknown => {
            service.health.as_str()
        }
    };
    let ago = |then: Timestamp| duration_text(at.since(then));
    let restarts = match service.last_stop_at.filter(|_| service.restarts > 0) {
        Some(then) => format!("{} (last {})", service.restarts, ago(then)),
        None => service.restarts.to_string(),
    };
    let message = service.message.as_deref().map(one_line).unwrap_or_default();
    [
        Cell::new(service.name()),
        Cell::new(service.revision.clone().unwrap_or_else(|| "-".to_owned())),
        Cell::new(render_images(&service.images)),
        Cell::new(format!("{}/{}", service.healthy, service.desired)),
        Cell::toned(service.sync.as_str(), sync_tone),
        Cell::toned(health, health_tone),
        Cell::new(restarts),
        Cell::new(service.running_since.map_or_else(|| "-".to_owned(), ago)),
        Cell::new(render_ports(&service.ports)),
        Cell::new(message),
    ]
}

/// The images in short; more than one is counted, for a table is not the place to compare them.
fn render_images(images: &[PinnedImage]) -> String {
    match images {
        [] => "-".to_owned(),
        [only] => only.image.id.short().to_owned(),
        [first, more @ ..] => format!("{} +{}", first.image.id.short(), more.len()),
    }
}

/// `8080->80/tcp`, and of several tasks `32768,32769->80/tcp`.
fn render_ports(ports: &[PublishedAddress]) -> String {
    let mut groups: Vec<(String, Vec<u16>)> = Vec::new();
    for port in ports {
        let inside = format!("{}/{}", port.container_port, port.protocol.as_str());
        match groups.iter_mut().find(|(other, _)| *other == inside) {
            Some((_, hosts)) => hosts.push(port.host_port),
            None => groups.push((inside, vec![port.host_port])),
        }
    }
    let group = |(inside, hosts): &(String, Vec<u16>)| {
        let shown: Vec<_> = hosts.iter().take(PORTS_MAX).map(ToString::to_string).collect();
        let more = if hosts.len() > PORTS_MAX { ",..." } else { "" };
        format!("{}{more}->{inside}", shown.join(","))
    };
    groups.iter().map(group).collect::<Vec<_>>().join(" ")
}

fn render_stopped(status: &Status, style: Style) -> String {
    let row = |task: &StoppedTask| {
        let ago = task
            .ended_at
            .map_or_else(|| "?".to_owned(), |then| format!("{} ago", duration_text(status.at.since(then))));
        vec![
            Cell::new(format!("{}/{}/{}", task.cluster, task.service, task.slot)),
            Cell::new(format!("{} try {}", task.revision, task.attempt)),
            Cell::new(ago),
            Cell::new(one_line(&task.reason)),
        ]
    };
    let rows: Vec<_> = status.stopped_tasks.iter().take(STOPPED_MAX).map(row).collect();
    let more = match status.stopped_tasks.len().saturating_sub(STOPPED_MAX) {
        0 => String::new(),
        more => format!("  ... and {more} more\n"),
    };
    table(&rows, "  ", style) + &more
}

/// `7 services: 5 healthy, 1 progressing, 1 degraded; 5 synced, 1 out of sync`
fn render_summary(status: &Status) -> String {
    let health =
        status.summary.health.iter().map(|(health, count)| format!("{count} {}", health.as_str().to_lowercase()));
    let sync = status.summary.sync.iter().filter_map(|(sync, count)| match sync {
        Sync::Synced => Some(format!("{count} synced")),
        Sync::OutOfSync => Some(format!("{count} out of sync")),
        Sync::Unknown => None,
    });
    let (health, sync): (Vec<_>, Vec<_>) = (health.collect(), sync.collect());
    let sync = if sync.is_empty() { String::new() } else { format!("; {}", sync.join(", ")) };
    let services = count_of(status.summary.services as u64, "service");
    format!("{services}: {}{sync}\n", health.join(", "))
}

/// The command that tells more about the first service that is not well.
fn render_next(status: &Status) -> String {
    let sick = status.services.iter().find(|service| service.health == Health::Degraded);
    let evidence = sick.and_then(|sick| {
        status.stopped_tasks.iter().find(|task| task.cluster == sick.cluster && task.service == sick.service)
    });
    match evidence {
        Some(task) => format!("Next: reconcile logs {}\n", task.task_id),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
