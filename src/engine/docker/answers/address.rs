//! Where a container is in the network of its cluster.

use core::net::IpAddr;

use serde::Deserialize;

use super::{InspectedNetworkSettings, Text};
use crate::observed::NetworkAddress;
use crate::ownership::LABEL_PREFIX;

#[derive(Deserialize)]
pub(super) struct Endpoint<'a> {
    #[serde(rename = "IPAddress", borrow)]
    ip: Option<Text<'a>>,
    #[serde(rename = "Gateway", borrow)]
    gateway: Option<Text<'a>>,
}

impl InspectedNetworkSettings<'_> {
    /// The address of the container. In several networks, the one that it has in the network of its cluster: somebody may have
    /// connected it to others by hand.
    pub(super) fn address(&self) -> Option<NetworkAddress> {
        let networks = self.networks.iter().flatten();
        let addresses = networks.filter_map(|(name, endpoint)| {
            let endpoint = endpoint.as_ref()?;
            let address = NetworkAddress { ip: read(endpoint.ip.as_ref())?, gateway: read(endpoint.gateway.as_ref()) };
            Some((!name.0.starts_with(LABEL_PREFIX), address))
        });
        addresses.min_by_key(|(is_foreign, _)| *is_foreign).map(|(_, address)| address)
    }
}

/// An address as the engine writes it; an empty text is how it writes that there is none.
fn read(text: Option<&Text<'_>>) -> Option<IpAddr> {
    text?.0.parse().ok()
}
