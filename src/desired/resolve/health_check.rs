//! The checks of a container: from the fields as written to the spec with every default filled in.

use crate::desired::{
    CheckMethod, CheckSpec, GrpcSpec, HealthCheckSpec, HttpGetSpec, Probe, ReadinessCheckSpec, TcpSocketSpec,
};
use crate::manifest::{self, PortReference};

/// Seconds between two checks where the manifest does not say. Source: ECS `HealthCheck`, as the three below.
const INTERVAL_DEFAULT_SECS: u32 = 30;
const TIMEOUT_DEFAULT_SECS: u32 = 5;
const RETRIES_DEFAULT: u32 = 3;
const START_PERIOD_DEFAULT_SECS: u32 = 0;

type Ports<'a> = &'a [manifest::PortMapping];

/// A check that says in no way what is checked has been refused by the validation of the task definition.
pub(super) fn resolve_health_check(container: &manifest::ContainerDefinition) -> Option<HealthCheckSpec> {
    let (check, ports) = (container.health_check.as_ref()?, &container.port_mappings);
    let manifest::HealthCheck {
        command,
        http_get: _,
        tcp_socket: _,
        grpc: _,
        interval,
        timeout,
        retries,
        start_period,
    } = check;
    let probe = || resolve_probe(check.probes().next()?.1, ports).map(CheckMethod::Probe);
    let method = command.clone().map(CheckMethod::Command).or_else(probe)?;
    Some(with_defaults(method, [*interval, *timeout, *retries, *start_period]))
}

/// The same of a readiness check.
pub(super) fn resolve_readiness_check(container: &manifest::ContainerDefinition) -> Option<ReadinessCheckSpec> {
    let (check, ports) = (container.readiness_check.as_ref()?, &container.port_mappings);
    let manifest::ReadinessCheck { http_get: _, tcp_socket: _, grpc: _, interval, timeout, retries, start_period } =
        check;
    let probe = resolve_probe(check.probes().next()?.1, ports)?;
    Some(with_defaults(probe, [*interval, *timeout, *retries, *start_period]))
}

fn with_defaults<M>(method: M, [interval, timeout, retries, start_period]: [Option<u32>; 4]) -> CheckSpec<M> {
    CheckSpec {
        method,
        interval: interval.unwrap_or(INTERVAL_DEFAULT_SECS),
        timeout: timeout.unwrap_or(TIMEOUT_DEFAULT_SECS),
        retries: retries.unwrap_or(RETRIES_DEFAULT),
        start_period: start_period.unwrap_or(START_PERIOD_DEFAULT_SECS),
    }
}

fn resolve_probe(probe: manifest::Probe<'_>, ports: Ports<'_>) -> Option<Probe> {
    Some(match probe {
        manifest::Probe::HttpGet(manifest::HttpGet { path, port, scheme, host, http_headers }) => {
            Probe::HttpGet(HttpGetSpec {
                path: path.clone().unwrap_or_else(|| "/".to_owned()),
                port: resolve_port(port, ports)?,
                scheme: scheme.unwrap_or_default(),
                host: host.clone(),
                http_headers: http_headers
                    .iter()
                    .map(|manifest::HttpHeader { name, value }| (name.clone(), value.clone()))
                    .collect(),
            })
        }
        manifest::Probe::TcpSocket(manifest::TcpSocket { port }) => {
            Probe::TcpSocket(TcpSocketSpec { port: resolve_port(port, ports)? })
        }
        manifest::Probe::Grpc(manifest::Grpc { port, service }) => {
            Probe::Grpc(GrpcSpec { port: resolve_port(port, ports)?, service: service.clone().unwrap_or_default() })
        }
    })
}

/// A name that no port has has been refused by the validation of the task definition.
fn resolve_port(port: &PortReference, ports: Ports<'_>) -> Option<u16> {
    match port {
        PortReference::Number(port) => Some(*port),
        PortReference::Name(name) => {
            ports.iter().find(|mapping| mapping.name.as_ref() == Some(name)).and_then(|mapping| mapping.container_port)
        }
    }
}
