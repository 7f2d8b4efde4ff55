//! What was probably meant by a value of the wrong type.

use serde_json::Value;

use crate::document::{is_yaml11_boolean, resolves_to_text};
use crate::problem::Problem;
use crate::sensitive::is_sensitive;

/// Fields whose value is a number of seconds.
const SECONDS: [&str; 6] =
    ["interval", "timeout", "startPeriod", "startTimeout", "stopTimeout", "healthCheckGracePeriodSeconds"];

/// Adds what to write instead of a value. `source` is its text in the file.
pub(super) fn for_type(problem: Problem, expected: &str, value: &Value, source: &str, pointer: &str) -> Problem {
    let field = pointer.rsplit('/').next().unwrap_or("");
    match (expected, value) {
        ("string", Value::Number(_) | Value::Bool(_)) => {
            let text = format!("\"{source}\"");
            problem.with_help(format!("this is a text: put quotes around it, {text}")).with_fix(text)
        }
        ("boolean", Value::String(text)) => match (is_yaml11_boolean(text), text.to_ascii_lowercase().as_str()) {
            (Some(meant), _) => {
                problem.with_help(format!("`{text}` is a text in YAML 1.2: write {meant}")).with_fix(meant.to_string())
            }
            (None, lower @ ("true" | "false")) => problem.with_help("remove the quotes").with_fix(lower.to_owned()),
            (None, _) => problem,
        },
        ("integer", Value::String(text)) => number(problem, field, text),
        ("array", _) => list(problem, field, value),
        ("object", Value::String(text)) => item(problem, pointer, text),
        ("object", Value::Number(port)) if stands_in(pointer, "portMappings") => {
            let text = format!("{{ containerPort: {port} }}");
            problem.with_help("write it as a mapping").with_fix(text)
        }
        _ => problem,
    }
}

/// Whether a text is a variable and its value, and nobody else should read it.
pub(super) fn is_sensitive_entry(value: &Value) -> bool {
    let entry = value.as_str().and_then(|text| text.split_once('='));
    entry.is_some_and(|(name, value)| is_sensitive(name.trim(), value))
}

/// A text as YAML and JSON both write it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Whether a pointer leads to an item of this list.
fn stands_in(pointer: &str, list: &str) -> bool {
    pointer.rsplit('/').nth(1) == Some(list)
}

fn list(problem: Problem, field: &str, value: &Value) -> Problem {
    match (field, value) {
        ("command" | "entryPoint", Value::String(text)) => {
            let words: Vec<String> = text.split_whitespace().map(|word| format!("{word:?}")).collect();
            problem.with_help(format!("write a list, one item for each argument: [{}]", words.join(", ")))
        }
        ("environment", Value::Object(_)) => problem.with_help("write a list: `- { name: PORT, value: \"8080\" }`"),
        ("dependsOn", Value::Object(_)) => {
            problem.with_help("write a list: `- { containerName: db, condition: HEALTHY }`")
        }
        ("ulimits", Value::Object(_)) => {
            problem.with_help("write a list: `- { name: nofile, softLimit: 1024, hardLimit: 4096 }`")
        }
        ("environmentFiles", Value::String(text)) => {
            problem.with_help("write a list").with_suggestion(format!("[{{ type: file, value: {} }}]", quoted(text)))
        }
        (_, Value::Object(_)) => problem.with_help("write a list: begin each entry with `- `"),
        _ => problem,
    }
}

/// An item of a list that Compose writes as one text.
fn item(problem: Problem, pointer: &str, text: &str) -> Problem {
    if stands_in(pointer, "environment")
        && let Some((name, value)) = text.split_once('=')
    {
        let entry = format!("{{ name: {name}, value: {} }}", quoted(value));
        let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let problem = problem.with_help("write the name and the value on their own").with_suggestion(entry);
        return Problem { fixable: is_plain, ..problem };
    }
    if stands_in(pointer, "portMappings") {
        return match port_mapping(text) {
            Some(mapping) => problem.with_help("write each side of the port by its name").with_fix(mapping),
            None => problem.with_help("write `{ containerPort: 8080 }`, with `hostPort` to fix the port of the host"),
        };
    }
    if stands_in(pointer, "mountPoints") {
        let help = "a volume is declared in `volumes` of the task definition, and here it is said where it appears";
        return match mount_point(text) {
            Some(mount) => problem.with_help(help).with_suggestion(mount),
            None => problem.with_help(help),
        };
    }
    if stands_in(pointer, "volumes") {
        let help = "a volume is a mapping, such as `{ name: data, host: { sourcePath: /srv/data } }`; where it appears is said in `mountPoints` of a container";
        return problem.with_help(help);
    }
    if stands_in(pointer, "dependsOn") {
        let entry = format!("{{ containerName: {text}, condition: START }}");
        return problem
            .with_help("name a container of the same task, and what to wait for; services find each other by name")
            .with_suggestion(entry);
    }
    if stands_in(pointer, "environmentFiles") {
        return problem
            .with_help("say that it is a file")
            .with_fix(format!("{{ type: file, value: {} }}", quoted(text)));
    }
    problem
}

/// `8080:80/tcp` of Compose: the port of the host, the one of the container, and the protocol.
fn port_mapping(text: &str) -> Option<String> {
    let (ports, protocol) = match text.split_once('/') {
        Some((ports, protocol @ ("tcp" | "udp"))) => (ports, Some(protocol)),
        Some(_) => return None,
        None => (text, None),
    };
    let (host, container) = match ports.split_once(':') {
        Some((host, container)) => (Some(host.parse::<u16>().ok()?), container),
        None => (None, ports),
    };
    let container: u16 = container.parse().ok()?;
    let host = host.map(|port| format!(", hostPort: {port}")).unwrap_or_default();
    let protocol = protocol.map(|protocol| format!(", protocol: {protocol}")).unwrap_or_default();
    Some(format!("{{ containerPort: {container}{host}{protocol} }}"))
}

/// `data:/var/lib/data:ro` of Compose, where `data` is the name of a volume.
fn mount_point(text: &str) -> Option<String> {
    let (volume, path) = text.split_once(":/").filter(|(volume, _)| !volume.is_empty())?;
    if !volume.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
        return None;
    }
    let (path, read_only) = match path.split_once(':') {
        Some((path, "ro")) => (path, ", readOnly: true"),
        Some((path, "rw")) => (path, ""),
        Some(_) => return None,
        None => (path, ""),
    };
    Some(format!("{{ sourceVolume: {volume}, containerPath: /{path}{read_only} }}"))
}

/// A number that was written as a text: between quotes, or with a unit.
fn number(problem: Problem, field: &str, text: &str) -> Problem {
    if !text.is_empty() && !resolves_to_text(text) {
        return problem.with_help("remove the quotes").with_fix(text.to_owned());
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (amount, unit) = text.split_at(digits);
    let Ok(amount) = amount.parse::<u64>() else { return problem };
    if SECONDS.contains(&field) {
        let seconds = match unit {
            "s" => Some(amount),
            "m" => amount.checked_mul(60),
            "h" => amount.checked_mul(3600),
            _ => None,
        };
        return match seconds {
            Some(seconds) => problem.with_help("it is a number of seconds").with_fix(seconds.to_string()),
            None => problem.with_help("it is a number of seconds"),
        };
    }
    match (field, unit) {
        ("memory" | "memoryReservation", "Mi" | "MiB") => {
            problem.with_help("it is a number of MiB").with_fix(amount.to_string())
        }
        ("memory" | "memoryReservation", "Gi" | "GiB") => {
            problem.with_help("it is a number of MiB").with_fix(amount.saturating_mul(1024).to_string())
        }
        // A million bytes to some, 1024 times 1024 to others.
        ("memory" | "memoryReservation", "M" | "m" | "MB" | "mb") => {
            problem.with_help("it is a number of MiB").with_suggestion(amount.to_string())
        }
        ("memory" | "memoryReservation", "G" | "g" | "GB" | "gb") => {
            problem.with_help("it is a number of MiB").with_suggestion(amount.saturating_mul(1024).to_string())
        }
        ("memory" | "memoryReservation", _) => problem.with_help("it is a number of MiB"),
        ("cpu", "m") => problem
            .with_help("it is a number of CPU units, of which 1024 are one core, and a share rather than a limit")
            .with_suggestion((amount.saturating_mul(1024) / 1000).to_string()),
        _ => problem,
    }
}
