//! How a container is reached from here for a check over the network.
//!
//! On the engine's own host a container is asked at its own address, like anybody on the host would. Elsewhere that address means
//! nothing, or somebody else: then the port that is published on the engine's host is asked, and where there is none the check says
//! that it cannot be done. A wrong guess would call healthy containers sick, so nothing is guessed.

use core::net::IpAddr;
use std::net::UdpSocket;
use std::path::Path;

use serde::Deserialize;

use super::connection::{Call, CallError, Connection};
use super::endpoint::{Address, Endpoint};
use crate::desired::{HttpGetSpec, Probe};
use crate::probe::Destination;
use crate::probing::{Place, Question};

const INFO: Call = Call::new("info", 30);

/// How Docker Desktop calls the system of its hidden machine. It publishes ports on the machine that everybody sees.
const DESKTOP: &str = "Docker Desktop";

/// The files by which Docker and Podman mark a container.
const CONTAINER_MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];

/// Where we are, seen from the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Vantage {
    /// On its host.
    SameHost,
    /// On its host, in a container: with the host's own network, or with another one.
    Container {
        /// Whether it may be the host's own: the container has the name of the host.
        of_host: bool,
    },
    /// On the machine that shows the ports of its hidden one.
    Desktop,
    /// Elsewhere; this is the name of its host, if it is known.
    Elsewhere(Option<String>),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    name: Option<String>,
    operating_system: Option<String>,
}

/// Finds out where we are. The engine's host has our name when it is ours.
pub(super) async fn find_vantage(connection: &Connection) -> Result<Vantage, CallError> {
    let answer = connection.get(INFO, "/info").await?;
    let info: Info = serde_json::from_slice(&answer).map_err(|error| CallError::Unreadable(error.to_string()))?;
    let own_name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let in_container = CONTAINER_MARKS.iter().any(|mark| Path::new(mark).exists());
    Ok(vantage(&info, (&own_name, in_container), connection.endpoint()))
}

fn vantage(info: &Info, (own_name, in_container): (&str, bool), endpoint: &Endpoint) -> Vantage {
    let elsewhere = match &endpoint.address {
        Address::Unix(_) => None,
        Address::Tcp(host) | Address::Tls(host, _) => host_of(host),
    };
    if info.operating_system.as_deref() == Some(DESKTOP) {
        Vantage::Desktop
    } else if in_container && matches!(endpoint.address, Address::Unix(_)) {
        Vantage::Container { of_host: info.name.as_deref() == Some(own_name) }
    } else if cfg!(target_os = "linux") && info.name.as_deref() == Some(own_name) {
        Vantage::SameHost
    } else {
        Vantage::Elsewhere(elsewhere)
    }
}

/// The host of `host:port`, with or without a scheme. Of one that is ourselves nobody knows where it leads: a tunnel has that form.
fn host_of(address: &str) -> Option<String> {
    let address = address.rsplit_once("://").map_or(address, |(_, rest)| rest);
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    (!is_here && !host.is_empty()).then(|| host.to_owned())
}

/// Whether an address is one of this machine, as seen by this process: a program in a container of its own does not have the
/// addresses of the host.
pub(super) fn is_here(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// Where to ask; the error says why nobody can be asked, and what to do.
pub(super) fn destination(
    question: &Question,
    vantage: &Vantage,
    is_here: impl Fn(IpAddr) -> bool,
) -> Result<Destination, String> {
    let port = question.probe.port();
    if let Probe::HttpGet(HttpGetSpec { host: Some(host), .. }) = &*question.probe {
        return Ok(Destination { host: host.clone(), port });
    }
    let loopback = |port| Destination { host: "127.0.0.1".to_owned(), port };
    let is_on_host = match vantage {
        Vantage::SameHost | Vantage::Container { of_host: true } => true,
        Vantage::Container { of_host: false } | Vantage::Desktop | Vantage::Elsewhere(_) => false,
    };
    match question.place {
        Place::Host if is_on_host => return Ok(loopback(port)),
        Place::Network(address) if is_on_host && address.gateway.is_none_or(is_here) => {
            return Ok(Destination { host: address.ip.to_string(), port });
        }
        Place::Host | Place::Network(_) | Place::Unknown => {}
    }
    match (vantage, question.published) {
        // The networks of an engine without root are not the host's; its ports are.
        (Vantage::SameHost | Vantage::Desktop, Some(published)) => Ok(loopback(published)),
        (Vantage::Elsewhere(Some(host)), Some(published)) => Ok(Destination { host: host.clone(), port: published }),
        (Vantage::Container { .. }, _) => Err(format!(
            "port {port} cannot be checked from here: reconcile runs in a container that does not have the host's network; \
             give it that (`--network host`), or use `command`"
        )),
        (Vantage::Elsewhere(None), Some(_)) => Err(format!(
            "port {port} cannot be checked from here: the engine runs on another machine, and nobody knows on which; \
             run reconcile there, or use `command`"
        )),
        (Vantage::SameHost, None) => Err(format!(
            "port {port} cannot be checked from here: the container has no address that this host reaches; \
             publish the port in `portMappings`, or use `command`"
        )),
        (Vantage::Desktop | Vantage::Elsewhere(_), None) => Err(format!(
            "port {port} cannot be checked from here: the engine runs on another machine; \
             publish the port in `portMappings`, run reconcile there, or use `command`"
        )),
    }
}

#[cfg(test)]
mod tests;
