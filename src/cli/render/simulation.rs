//! What would happen if a new task were not well: as a section of a printed plan, and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::plan::{ForecastLine, forecast_json, millis, render_timeline};
use super::{Style, Tone, one_line};
use crate::forecast::what_if::{End, GivenUp};

/// The answer to one `--simulate`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SimulationReport {
    /// What was asked: `never-healthy:web`.
    pub asked: String,
    /// The question in words; `None` when nothing was simulated.
    pub question: Option<String>,
    /// The steps, as the simulated engine took them.
    pub timeline: Vec<ForecastLine>,
    /// How it goes for each service that the fault concerns.
    pub ends: Vec<End>,
    /// How long it was looked at.
    pub took: Duration,
    /// Whether nothing more would happen then; otherwise the simulation was cut off.
    pub at_rest: bool,
    /// For what nothing was simulated, and why.
    pub notes: Vec<String>,
}

/// The sections of a plan that answer what was asked.
pub(super) fn render_simulations(simulations: &[SimulationReport], style: Style) -> String {
    let sections = simulations.iter().map(|simulation| render_simulation(simulation, style));
    sections.collect::<Vec<_>>().join("\n")
}

fn render_simulation(simulation: &SimulationReport, style: Style) -> String {
    let SimulationReport { asked, question, timeline, ends, took: _, at_rest: _, notes } = simulation;
    let title = match question {
        Some(question) => format!("{question}:"),
        None => format!("Simulation of {asked}:"),
    };
    let ends: Vec<_> = ends.iter().map(|end| format!("  {}\n", one_line(&end.to_string()))).collect();
    let notes: Vec<_> = notes.iter().map(|note| format!("  {}\n", one_line(note))).collect();
    let gap = if ends.is_empty() { "" } else { "\n" };
    let title = style.paint(Tone::Strong, &title);
    format!("{title}\n{}{gap}{}{}", render_timeline(timeline), ends.concat(), notes.concat())
}

/// One of them as JSON.
pub(super) fn simulation_json(simulation: &SimulationReport) -> Value {
    let SimulationReport { asked, question, timeline, ends, took, at_rest, notes } = simulation;
    let mut value = json!({
        "fault": asked,
        "timeline": forecast_json(timeline),
        "services": ends.iter().map(end_json).collect::<Vec<_>>(),
        "notes": notes,
    });
    if let Some(question) = question {
        value["question"] = json!(question);
        value["tookMs"] = json!(millis(*took));
        value["atRest"] = json!(at_rest);
    }
    value
}

fn end_json(end: &End) -> Value {
    let End {
        cluster,
        service,
        desired,
        healthy_at_first,
        healthy_at_least,
        healthy_at_last,
        failures,
        given_up,
        steady_after,
        cut_off_after,
    } = end;
    let mut value = json!({
        "cluster": cluster,
        "service": service,
        "desired": desired,
        "healthyAtFirst": healthy_at_first,
        "healthyAtLeast": healthy_at_least,
        "healthyAtLast": healthy_at_last,
        "failures": failures,
        "summary": end.to_string(),
    });
    if let Some(GivenUp { after, failures, rolled_back_to }) = given_up {
        value["givenUp"] = json!({ "afterMs": millis(*after), "failures": failures, "rolledBackTo": rolled_back_to });
    }
    if let Some(after) = steady_after {
        value["steadyAfterMs"] = json!(millis(*after));
    }
    if let Some(after) = cut_off_after {
        value["cutOffAfterMs"] = json!(millis(*after));
    }
    value
}
