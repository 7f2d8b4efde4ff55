//! How a container shows that it is well, and that it is ready, as written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::pattern;

/// A check that tells whether the container is well (ECS `HealthCheck`): a command in the container, or one of the three that
/// `reconcile` asks over the network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    /// The command: `["CMD", "program", "argument", …]`, or `["CMD-SHELL", "line for the shell of the container"]`.
    /// Exit code 0 means healthy. Required, unless one of `httpGet`, `tcpSocket` and `grpc` stands in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2), extend("examples" = [["CMD-SHELL", "curl -f http://localhost/ || exit 1"]]))]
    pub command: Option<Vec<String>>,
    /// Not in ECS: instead of `command`, `reconcile` sends a GET request to the container while it runs; an answer from 200 to 399
    /// means healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_get: Option<HttpGet>,
    /// Not in ECS: instead of `command`, `reconcile` opens a TCP connection to the container while it runs; healthy is who accepts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_socket: Option<TcpSocket>,
    /// Not in ECS: instead of `command`, `reconcile` asks the health service of gRPC while it runs; `SERVING` means healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc: Option<Grpc>,
    /// The seconds between two checks, 5 to 300, and of a check over the network 1 to 300; 30 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 300))]
    pub interval: Option<u32>,
    /// The seconds after which a check has failed, 2 to 60, and of a check over the network 1 to 60; 5 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60))]
    pub timeout: Option<u32>,
    /// How many checks in a row fail before the container is unhealthy, 1 to 10; 3 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub retries: Option<u32>,
    /// The seconds after the start in which a failed check does not count, 0 to 300; 0 by default. A check that succeeds
    /// ends this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 300))]
    pub start_period: Option<u32>,
}

/// A check that tells whether the container can do its work now: exactly one of `httpGet`, `tcpSocket` and `grpc`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadinessCheck {
    /// A GET request to the container; an answer from 200 to 399 means ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_get: Option<HttpGet>,
    /// A TCP connection to the container; ready is who accepts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_socket: Option<TcpSocket>,
    /// A question to the health service of gRPC; `SERVING` means ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc: Option<Grpc>,
    /// The seconds between two checks, 1 to 300; 30 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 300))]
    pub interval: Option<u32>,
    /// The seconds after which a check has failed, 1 to 60; 5 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60))]
    pub timeout: Option<u32>,
    /// How many checks in a row fail before the container is not ready any more, 1 to 10; 3 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub retries: Option<u32>,
    /// The seconds after the start in which a failed check does not count, 0 to 300; 0 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 300))]
    pub start_period: Option<u32>,
}

/// A GET request (Kubernetes `HTTPGetAction`). Redirects are not followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpGet {
    /// What is asked for, with its query if it has one; `/` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = pattern::REQUEST_PATH), extend("examples" = ["/health"]))]
    pub path: Option<String>,
    /// The port in the container, or the `name` of one in `portMappings`.
    pub port: PortReference,
    /// `HTTP` (the default) or `HTTPS`. The certificate is not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// Another host to ask instead of the container. To send another `Host` to the container, use `httpHeaders`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::HOST))]
    pub host: Option<String>,
    /// Headers of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http_headers: Vec<HttpHeader>,
}

/// A header of a request (Kubernetes `HTTPHeader`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpHeader {
    /// Its name.
    #[schemars(regex(pattern = pattern::HEADER_NAME))]
    pub name: String,
    /// Its value.
    #[schemars(regex(pattern = pattern::HEADER_VALUE))]
    pub value: String,
}

/// A TCP connection (Kubernetes `TCPSocketAction`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TcpSocket {
    /// The port in the container, or the `name` of one in `portMappings`.
    pub port: PortReference,
}

/// A question to the health service of gRPC, `grpc.health.v1.Health` (Kubernetes `GRPCAction`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grpc {
    /// The port in the container, or the `name` of one in `portMappings`.
    pub port: PortReference,
    /// The service that is asked about; without it, the server as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub service: Option<String>,
}

/// How an HTTP request is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum Scheme {
    /// In clear text.
    #[default]
    Http,
    /// With TLS. The certificate is not verified.
    Https,
}

impl Scheme {
    /// As it stands in an address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Whether it is the one that nobody has to write.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A port of a container: its number, or the name of a port mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PortReference {
    /// The number.
    Number(u16),
    /// The name of the port mapping that has it.
    Name(String),
}

impl fmt::Display for PortReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(port) => write!(f, "{port}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl JsonSchema for PortReference {
    fn schema_name() -> Cow<'static, str> {
        "PortReference".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 1, "maximum": 65535, "minLength": 1 })
    }
}

/// What is asked over the network, as written: one of three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe<'a> {
    /// A GET request.
    HttpGet(&'a HttpGet),
    /// A TCP connection.
    TcpSocket(&'a TcpSocket),
    /// A question to the health service of gRPC.
    Grpc(&'a Grpc),
}

impl<'a> Probe<'a> {
    /// Those of the three that are given, each with the field that it stands in.
    fn given(
        http_get: Option<&'a HttpGet>,
        tcp_socket: Option<&'a TcpSocket>,
        grpc: Option<&'a Grpc>,
    ) -> impl Iterator<Item = (&'static str, Self)> {
        let http_get = http_get.map(|probe| ("httpGet", Self::HttpGet(probe)));
        let tcp_socket = tcp_socket.map(|probe| ("tcpSocket", Self::TcpSocket(probe)));
        let grpc = grpc.map(|probe| ("grpc", Self::Grpc(probe)));
        [http_get, tcp_socket, grpc].into_iter().flatten()
    }

    /// The port that is asked.
    pub fn port(self) -> &'a PortReference {
        match self {
            Self::HttpGet(HttpGet { port, .. })
            | Self::TcpSocket(TcpSocket { port })
            | Self::Grpc(Grpc { port, .. }) => port,
        }
    }
}

impl HealthCheck {
    /// What is asked over the network, each with the field that it stands in; a valid check has at most one.
    pub fn probes(&self) -> impl Iterator<Item = (&'static str, Probe<'_>)> {
        Probe::given(self.http_get.as_ref(), self.tcp_socket.as_ref(), self.grpc.as_ref())
    }
}

impl ReadinessCheck {
    /// What is asked over the network, each with the field that it stands in; a valid check has exactly one.
    pub fn probes(&self) -> impl Iterator<Item = (&'static str, Probe<'_>)> {
        Probe::given(self.http_get.as_ref(), self.tcp_socket.as_ref(), self.grpc.as_ref())
    }
}
