//! The ports that an engine names, and those that it does not.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use crate::desired::Protocol;
use crate::manifest::NetworkMode;
use crate::observed::{Phase, PublishedPort};
use crate::ownership::RecordedSpec;

/// The ports of a container in the host's own network, for which the engine lists none: those that its spec says it uses.
pub(super) fn host_network_ports(spec: Option<&RecordedSpec>, phase: &Phase) -> Option<Vec<PublishedPort>> {
    let runs = matches!(phase, Phase::Running { .. } | Phase::Paused);
    // Reading a spec is dear where hundreds are listed. The engine's own word for the mode is not in Podman's list.
    let spec = spec.filter(|spec| runs && spec.mentions(&[r#""networkMode":"host""#]))?.read()?;
    if spec.task.network_mode != NetworkMode::Host {
        return None;
    }
    let mut ports: Vec<_> = PublishedPort::all_static(spec).collect();
    ports.sort_unstable();
    Some(ports)
}

/// Whether the ports that the engine names are published. Podman 4.3 chooses them when it creates a container and names them for ever.
pub(super) fn holds_ports(phase: &Phase) -> bool {
    match phase {
        Phase::Running { .. } | Phase::Paused | Phase::Removing => true,
        Phase::Created | Phase::CreatedOrFailed | Phase::StartFailed { .. } | Phase::Exited { .. } => false,
    }
}

pub(super) fn published(container_port: i64, host_port: i64, protocol: &str) -> Option<PublishedPort> {
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return None,
    };
    let host_port = u16::try_from(host_port).ok().filter(|port| *port != 0)?;
    Some(PublishedPort { container_port: u16::try_from(container_port).ok()?, host_port, protocol })
}

/// The ports with their addresses, each once and in order.
///
/// The engine names a port for IPv4 and again for IPv6. Engine 20.10 may even choose two different ports for the two when it
/// chooses: then the one of IPv4 is meant, because that is the one at which everybody reaches it.
pub(super) fn without_repetition<'a>(ports: impl Iterator<Item = (&'a str, PublishedPort)>) -> Vec<PublishedPort> {
    let (v6, v4): (BTreeSet<_>, BTreeSet<_>) = ports.partition(|(ip, _)| ip.parse::<Ipv6Addr>().is_ok());
    let mut ports: BTreeSet<PublishedPort> = v4.into_iter().map(|(_, port)| port).collect();
    let with_v4: BTreeSet<_> = ports.iter().map(|port| (port.container_port, port.protocol)).collect();
    ports.extend(
        v6.into_iter().map(|(_, port)| port).filter(|port| !with_v4.contains(&(port.container_port, port.protocol))),
    );
    ports.into_iter().collect()
}

/// Whether an engine complains that something else holds a host port.
pub(in crate::engine::docker) fn tells_of_port(message: &str) -> bool {
    let message = message.to_lowercase();
    let words = ["port is already allocated", "address already in use", "ports are not available"];
    words.iter().any(|words| message.contains(words))
}
