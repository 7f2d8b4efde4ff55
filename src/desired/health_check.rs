//! How it is found out whether a container is well, and whether it is ready.

use serde::{Deserialize, Serialize};

use crate::manifest::Scheme;

/// A check, with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckSpec<M> {
    /// What is done.
    #[serde(flatten)]
    pub method: M,
    /// Seconds between two checks.
    pub interval: u32,
    /// Seconds after which a check counts as failed.
    pub timeout: u32,
    /// How many failures in a row make the container unhealthy.
    pub retries: u32,
    /// Seconds after the start in which failures do not count.
    pub start_period: u32,
}

/// How a container shows that it is well.
pub type HealthCheckSpec = CheckSpec<CheckMethod>;

/// How a container shows that it is ready.
pub type ReadinessCheckSpec = CheckSpec<Probe>;

/// What a health check does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CheckMethod {
    /// The engine runs a command in the container: `CMD` and arguments, or `CMD-SHELL` and one line for the image's shell.
    Command(Vec<String>),
    /// We ask over the network.
    #[serde(untagged)]
    Probe(Probe),
}

/// Something that is asked over the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Probe {
    /// A GET request; an answer from 200 to 399 is a success.
    HttpGet(HttpGetSpec),
    /// A TCP connection.
    TcpSocket(TcpSocketSpec),
    /// A question to the health service of gRPC.
    Grpc(GrpcSpec),
}

/// A GET request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpGetSpec {
    /// The path and the query.
    pub path: String,
    /// The port in the container.
    pub port: u16,
    /// With or without TLS.
    #[serde(default, skip_serializing_if = "Scheme::is_default")]
    pub scheme: Scheme,
    /// Who is asked instead of the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Headers: names and values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http_headers: Vec<(String, String)>,
}

/// A TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpSocketSpec {
    /// The port in the container.
    pub port: u16,
}

/// A question to the health service of gRPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcSpec {
    /// The port in the container.
    pub port: u16,
    /// The service that is asked about; empty for the server as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service: String,
}

impl Probe {
    /// The port in the container.
    pub fn port(&self) -> u16 {
        match self {
            Self::HttpGet(HttpGetSpec { port, .. })
            | Self::TcpSocket(TcpSocketSpec { port })
            | Self::Grpc(GrpcSpec { port, .. }) => *port,
        }
    }

    /// What it is in one line: `httpGet :8080/health`.
    pub fn describe(&self) -> String {
        match self {
            Self::HttpGet(HttpGetSpec { path, port, scheme, host, http_headers }) => {
                let host = host.as_deref().unwrap_or_default();
                let headers = http_headers.iter().map(|(name, value)| format!(" {name}: {value}"));
                let tls = if scheme.is_default() { "" } else { "https " };
                format!("httpGet {tls}{host}:{port}{path}{}", headers.collect::<String>())
            }
            Self::TcpSocket(TcpSocketSpec { port }) => format!("tcpSocket :{port}"),
            Self::Grpc(GrpcSpec { port, service }) if service.is_empty() => format!("grpc :{port}"),
            Self::Grpc(GrpcSpec { port, service }) => format!("grpc :{port} {service}"),
        }
    }
}

impl CheckMethod {
    /// What is asked over the network; `None` for a command, which is the engine's.
    pub fn probe(&self) -> Option<&Probe> {
        match self {
            Self::Command(_) => None,
            Self::Probe(probe) => Some(probe),
        }
    }
}
