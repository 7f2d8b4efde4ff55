//! How the checks of a container count.

use super::Canonical;
use crate::desired::{
    CheckMethod, CheckSpec, GrpcSpec, HealthCheckSpec, HttpGetSpec, Probe, ReadinessCheckSpec, TcpSocketSpec,
};

pub(super) fn add_checks(
    canonical: &mut Canonical,
    health: Option<&HealthCheckSpec>,
    readiness: Option<&ReadinessCheckSpec>,
) {
    if let Some(check) = health {
        match &check.method {
            CheckMethod::Command(command) => canonical.texts("healthCheck", command),
            CheckMethod::Probe(probe) => add_probe(canonical, "healthProbe", probe),
        }
        add_times(canonical, check);
    }
    if let Some(check) = readiness {
        add_probe(canonical, "readinessProbe", &check.method);
        add_times(canonical, check);
    }
}

fn add_times<M>(canonical: &mut Canonical, check: &CheckSpec<M>) {
    let CheckSpec { method: _, interval, timeout, retries, start_period } = check;
    canonical.number("interval", *interval);
    canonical.number("timeout", *timeout);
    canonical.number("retries", *retries);
    canonical.number("startPeriod", *start_period);
}

fn add_probe(canonical: &mut Canonical, name: &str, probe: &Probe) {
    match probe {
        Probe::HttpGet(HttpGetSpec { path, port, scheme, host, http_headers }) => {
            canonical.text(name, "httpGet");
            canonical.text("path", path);
            canonical.number("port", *port);
            canonical.text("scheme", scheme.as_str());
            canonical.text_if_any("host", host.as_deref());
            for (name, value) in http_headers {
                canonical.text("httpHeader", name);
                canonical.text("value", value);
            }
        }
        Probe::TcpSocket(TcpSocketSpec { port }) => {
            canonical.text(name, "tcpSocket");
            canonical.number("port", *port);
        }
        Probe::Grpc(GrpcSpec { port, service }) => {
            canonical.text(name, "grpc");
            canonical.number("port", *port);
            canonical.text("service", service);
        }
    }
}
