//! What the health check and the readiness check of a container can tell about themselves.

use super::Checks;
use crate::manifest::{
    ContainerDefinition, HealthCheck, HttpGet, NetworkMode, PortReference, Probe, Protocol, TaskDefinitionSpec,
};
use crate::problem::{Code, Problem};
use crate::sensitive::is_sensitive;
use crate::spelling::closest;

/// The shortest interval and timeout of a command, in seconds. Source: ECS `HealthCheck`.
const COMMAND_INTERVAL_MIN_SECS: u32 = 5;
const COMMAND_TIMEOUT_MIN_SECS: u32 = 2;

/// Headers whose value lets somebody in.
const CREDENTIAL_HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

impl Checks<'_> {
    pub(super) fn health_checks(&mut self, pointer: &str, container: &ContainerDefinition, spec: &TaskDefinitionSpec) {
        if let Some(check) = &container.health_check {
            let pointer = format!("{pointer}/healthCheck");
            self.health_check(&pointer, check);
            self.probes(&pointer, check.probes(), (container, spec));
        }
        if let Some(check) = &container.readiness_check {
            let pointer = format!("{pointer}/readinessCheck");
            self.one_of(&pointer, check.probes().map(|(field, _)| field), "httpGet, tcpSocket and grpc");
            self.probes(&pointer, check.probes(), (container, spec));
        }
        let names = container.port_mappings.iter().enumerate();
        let names = names.filter_map(|(item, mapping)| Some((item, mapping.name.as_deref()?))).collect::<Vec<_>>();
        for (place, (item, name)) in names.iter().enumerate() {
            if let Some((first, _)) = names[..place].iter().find(|(_, other)| other == name) {
                let list = format!("{pointer}/portMappings");
                let message = format!("two ports have the name `{name}`");
                self.twice(&format!("{list}/{item}/name"), &format!("{list}/{first}/name"), message);
            }
        }
    }

    fn health_check(&mut self, pointer: &str, check: &HealthCheck) {
        let command = check.command.iter().map(|_| "command");
        self.one_of(
            pointer,
            command.chain(check.probes().map(|(field, _)| field)),
            "command, httpGet, tcpSocket and grpc",
        );
        let Some(command) = &check.command else { return };
        let first = command.first().map_or("", String::as_str);
        if first != "CMD" && first != "CMD-SHELL" {
            let problem = Problem::error(Code::Malformed, "a health check begins with CMD or CMD-SHELL")
                .with_expected("\"CMD\" or \"CMD-SHELL\"", format!("{first:?}"))
                .with_help("\"CMD\" runs a program with arguments, \"CMD-SHELL\" gives one line to the shell");
            self.report(&format!("{pointer}/command/0"), problem);
        } else if first == "CMD-SHELL" && command.len() > 2 {
            let problem = Problem::error(Code::Conflict, "CMD-SHELL takes one line for the shell")
                .with_expected("one text after CMD-SHELL", format!("{} texts", command.len() - 1))
                .with_help("join them into one text, or use CMD");
            self.report(&format!("{pointer}/command/2"), problem);
        }
        self.at_least(&format!("{pointer}/interval"), check.interval, COMMAND_INTERVAL_MIN_SECS);
        self.at_least(&format!("{pointer}/timeout"), check.timeout, COMMAND_TIMEOUT_MIN_SECS);
    }

    /// Refuses a time that only a check over the network can have.
    fn at_least(&mut self, pointer: &str, seconds: Option<u32>, least: u32) {
        let Some(seconds) = seconds.filter(|seconds| *seconds < least) else { return };
        let message = format!("a health check by command takes at least {least} seconds here, as in ECS");
        let problem = Problem::error(Code::OutOfRange, message)
            .with_expected(format!("at least {least}"), seconds.to_string())
            .with_help(
                "each run of a command costs the host much: `httpGet`, `tcpSocket` and `grpc` may come every second",
            );
        self.report(pointer, problem);
    }

    /// Refuses a check that says in no way what is checked, or in several.
    fn one_of(&mut self, pointer: &str, mut given: impl Iterator<Item = &'static str>, fields: &str) {
        let what = pointer.rsplit('/').next().unwrap_or_default();
        let Some(first) = given.next() else {
            let problem = Problem::error(Code::MissingField, format!("the `{what}` does not say what is checked"))
                .with_expected(format!("one of {fields}"), "none of them");
            return self.report_key(pointer, problem);
        };
        for second in given {
            let message = format!("a `{what}` has either `{first}` or `{second}`");
            self.conflict(&format!("{pointer}/{second}"), message, "remove one of the two");
        }
    }

    fn probes<'p>(
        &mut self,
        pointer: &str,
        probes: impl Iterator<Item = (&'static str, Probe<'p>)>,
        (container, spec): (&ContainerDefinition, &TaskDefinitionSpec),
    ) {
        for (field, probe) in probes {
            let pointer = format!("{pointer}/{field}");
            let has_host = matches!(probe, Probe::HttpGet(HttpGet { host: Some(_), .. }));
            if !has_host && has_no_network(container, spec) {
                let message = "a container without a network cannot be checked over it";
                self.conflict(&pointer, message, "use `command` in a `healthCheck`, or give the container a network");
            }
            self.probed_port(&format!("{pointer}/port"), probe.port(), container);
            if let Probe::HttpGet(HttpGet { http_headers, .. }) = probe {
                for (item, header) in http_headers.iter().enumerate() {
                    let lower = header.name.to_ascii_lowercase();
                    if CREDENTIAL_HEADERS.contains(&&*lower) || is_sensitive(&header.name.replace('-', "_"), "") {
                        self.credential(&format!("{pointer}/httpHeaders/{item}/name"), &header.name);
                    }
                }
            }
        }
    }

    /// Refuses what would stand in a label for everybody to read.
    fn credential(&mut self, pointer: &str, name: &str) {
        let message = format!("the header `{name}` would show a secret to everybody who can look at the container");
        let problem = Problem::error(Code::Refused, message)
            .with_help("let the container answer to its check without credentials, or use `tcpSocket` or `command`");
        self.report(pointer, problem);
    }

    fn probed_port(&mut self, pointer: &str, port: &PortReference, container: &ContainerDefinition) {
        let PortReference::Name(name) = port else { return };
        let mut mappings = container.port_mappings.iter();
        let Some(mapping) = mappings.find(|mapping| mapping.name.as_ref() == Some(name)) else {
            let known = container.port_mappings.iter().filter_map(|mapping| mapping.name.as_deref());
            let mut problem = Problem::error(Code::UndefinedReference, format!("there is no port `{name}`"))
                .with_expected("the number of a port, or the `name` of one in portMappings", format!("`{name}`"));
            if let Some(meant) = closest(name, known) {
                problem = problem.with_help(format!("did you mean `{meant}`?")).with_suggestion(meant);
            } else {
                problem = problem.with_help("write its number, or give the mapping of the port this `name`");
            }
            return self.report(pointer, problem);
        };
        if mapping.container_port.is_none() || mapping.protocol == Some(Protocol::Udp) {
            let what = if mapping.container_port.is_none() { "a range of ports" } else { "a port of UDP" };
            let problem = Problem::error(Code::Conflict, format!("`{name}` is {what}: it cannot be checked"))
                .with_help("write the number of the TCP port that is to be checked");
            self.report(pointer, problem);
        }
    }
}

fn has_no_network(container: &ContainerDefinition, spec: &TaskDefinitionSpec) -> bool {
    container.disable_networking == Some(true) || spec.network_mode == Some(NetworkMode::None)
}
