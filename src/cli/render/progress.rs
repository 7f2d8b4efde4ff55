//! What happens, line by line: one line for each transition, never a frame of an animation.

use super::{Style, Tone, cut, one_line};
use crate::event::{Event, EventKind};
use crate::plan::duration_text;
use crate::status::{Health, ServiceStatus, Status};
use crate::value::Timestamp;

/// Wide enough for most names, so that the words stand in one column.
const ABOUT_WIDTH: usize = 18;
const WORD_WIDTH: usize = 9;

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// With its date, in UTC: for a log.
    Full,
    /// Hours, minutes and seconds in UTC: for a person who is there.
    Short,
}

/// One event on one line: `2026-08-14T09:41:09Z shop/web/0          starting  the slot has no task`.
pub fn render_event(event: &Event, clock: Clock, style: Style) -> String {
    let about = event.about.as_ref().map_or_else(|| subject(&event.kind).to_owned(), ToString::to_string);
    let word = event.kind.word();
    let sentence = one_line(&event.sentence());
    let plain = format!("{} {about:<ABOUT_WIDTH$} {word:<WORD_WIDTH$} ", render_time(event.at, clock));
    let painted = format!(
        "{} {about:<ABOUT_WIDTH$} {}{} ",
        style.paint(Tone::Faint, &render_time(event.at, clock)),
        style.paint(tone(&event.kind), word),
        " ".repeat(WORD_WIDTH.saturating_sub(word.len())),
    );
    // A line that says why something failed is never cut: it is the one that is needed.
    let sentence = match style.width {
        Some(width) if tone(&event.kind) != Tone::Bad => {
            cut(&sentence, width.saturating_sub(plain.chars().count()).max(20))
        }
        Some(_) | None => sentence,
    };
    format!("{}\n", format!("{painted}{sentence}").trim_end())
}

/// What an event is about that concerns no service.
fn subject(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::EngineLost { .. } | EventKind::EngineBack { .. } | EventKind::ActionFailed { .. } => "engine",
        EventKind::ManifestsChanged { .. } | EventKind::ManifestsInvalid { .. } | EventKind::ManifestsUnchanged => {
            "manifests"
        }
        EventKind::ImagePulling { .. }
        | EventKind::ImageProgress { .. }
        | EventKind::ImageRemoved { .. }
        | EventKind::ImagePulled { .. } => "image",
        EventKind::Held { .. } => "plan",
        EventKind::TaskStarting { .. }
        | EventKind::TaskRunning
        | EventKind::TaskHealthy
        | EventKind::TaskUnhealthy { .. }
        | EventKind::TaskReady
        | EventKind::TaskNotReady { .. }
        | EventKind::TaskUnchecked { .. }
        | EventKind::TaskDied { .. }
        | EventKind::ContainerRestarting { .. }
        | EventKind::TaskStopping { .. }
        | EventKind::TaskStopped
        | EventKind::TaskDone { .. }
        | EventKind::BackingOff { .. }
        | EventKind::WaitingForRoom { .. }
        | EventKind::NetworkCreated
        | EventKind::ServiceSteady { .. }
        | EventKind::DeploymentFailed { .. }
        | EventKind::HeldBack { .. }
        | EventKind::ServiceDeleted
        | EventKind::Waiting { .. } => "-",
    }
}

fn tone(kind: &EventKind) -> Tone {
    match kind {
        EventKind::TaskHealthy
        | EventKind::TaskReady
        | EventKind::TaskDone { .. }
        | EventKind::ServiceSteady { .. }
        | EventKind::EngineBack { .. } => Tone::Good,
        EventKind::TaskUnhealthy { .. }
        | EventKind::TaskNotReady { .. }
        | EventKind::TaskUnchecked { .. }
        | EventKind::TaskDied { .. }
        | EventKind::ActionFailed { .. }
        | EventKind::EngineLost { .. }
        | EventKind::ManifestsInvalid { .. }
        | EventKind::DeploymentFailed { .. }
        | EventKind::Held { .. } => Tone::Bad,
        EventKind::BackingOff { .. }
        | EventKind::WaitingForRoom { .. }
        | EventKind::ContainerRestarting { .. }
        | EventKind::HeldBack { .. }
        | EventKind::Waiting { .. }
        | EventKind::ManifestsChanged { .. } => Tone::Changing,
        EventKind::TaskStarting { .. }
        | EventKind::TaskRunning
        | EventKind::TaskStopping { .. }
        | EventKind::TaskStopped
        | EventKind::ImagePulling { .. }
        | EventKind::ImageProgress { .. }
        | EventKind::ImageRemoved { .. }
        | EventKind::ImagePulled { .. }
        | EventKind::NetworkCreated
        | EventKind::ServiceDeleted
        | EventKind::ManifestsUnchanged => Tone::Usual,
    }
}

fn render_time(at: Timestamp, clock: Clock) -> String {
    let full = at.to_string();
    match clock {
        Clock::Full => full,
        // `2026-08-14T09:41:07Z`: an engine's nonsense has another form and is shown whole.
        Clock::Short => full.get(11..19).map_or_else(|| full.clone(), ToOwned::to_owned),
    }
}

/// What is still under way, for the lines that a terminal redraws: one for each service that is not steady, and one that counts.
pub fn render_live(status: &Status, started_at: Timestamp, style: Style) -> Vec<String> {
    const ROWS_MAX: usize = 8;
    let open: Vec<_> = status.services.iter().filter(|service| !service.is_steady()).collect();
    let width = open.iter().map(|service| service.name().len()).max().unwrap_or(0);
    let mut lines: Vec<_> = open.iter().take(ROWS_MAX).map(|service| live_line(service, width, style)).collect();
    if open.len() > ROWS_MAX {
        lines.push(format!("... and {} more", open.len() - ROWS_MAX));
    }
    let total = status.services.len();
    let took = duration_text(status.at.since(started_at));
    lines.push(format!("{}/{total} services steady, {took}", total - open.len()));
    lines
}

fn live_line(service: &ServiceStatus, width: usize, style: Style) -> String {
    let tone = match service.health {
        Health::Degraded | Health::Missing => Tone::Bad,
        Health::Healthy | Health::Running | Health::Progressing | Health::Unknown => Tone::Changing,
    };
    let word = service.health.as_str().to_lowercase();
    let head = format!("{:<11} {:<width$} {}/{} healthy", word, service.name(), service.healthy, service.desired);
    let message = service.message.as_deref().map(one_line).unwrap_or_default();
    let room = style.width.map_or(usize::MAX, |width| width.saturating_sub(head.chars().count() + 2));
    let line = format!("{head}  {}", if room > 3 { cut(&message, room) } else { String::new() });
    let painted = style.paint(tone, &line[..word.len()]);
    format!("{painted}{}", &line[word.len()..]).trim_end().to_owned()
}

#[cfg(test)]
mod tests;
