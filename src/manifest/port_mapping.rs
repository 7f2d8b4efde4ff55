//! A port of a container, as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern;

/// One published port, or a range of them (ECS `PortMapping`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortMapping {
    /// The port that the container listens on, 1 to 65535. It is required, unless `containerPortRange` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub container_port: Option<u16>,
    /// The ports that the container listens on, `first-last`, instead of `containerPort`. Each gets a free port of the host, not
    /// always neighbours of each other; with network mode `host` they are the host's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = pattern::PORT_RANGE), extend("examples" = ["8000-8009"]))]
    pub container_port_range: Option<String>,
    /// The port of the host, 1 to 65535. Without it, or with 0, a free port is chosen for every task; a given one can
    /// be held by one task at a time. With network mode `host` it is always the port of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub host_port: Option<u16>,
    /// `tcp` (the default) or `udp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// A name for the port, by which a health check over the network can refer to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl PortMapping {
    /// The first and the last port of the container; `None` when they are not given in the right way.
    pub fn container_ports(&self) -> Option<(u16, u16)> {
        match (self.container_port, &self.container_port_range) {
            (Some(port), None) => Some((port, port)),
            (None, Some(range)) => {
                let (first, last) = range.split_once('-')?;
                let (first, last) = (first.parse().ok()?, last.parse().ok()?);
                (1 <= first && first <= last).then_some((first, last))
            }
            (None, None) | (Some(_), Some(_)) => None,
        }
    }
}

/// The protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// As written in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}
