//! What a task definition can tell about its ports, and about how its containers are known in the network.

use core::net::IpAddr;
use std::collections::BTreeMap;

use super::Checks;
use super::task_definition::container_names;
use crate::manifest::{ContainerDefinition, NetworkMode, PortMapping, Protocol, TaskDefinitionSpec, read_link};
use crate::problem::{Code, Problem};
use crate::value::NAME_LENGTH_MAX;

/// The ports of the host that ECS keeps for itself. Source: ECS `PortMapping`.
const ECS_RESERVED_PORTS: [u16; 6] = [22, 2375, 2376, 51678, 51679, 51680];
/// The most ports that a task publishes: the engine keeps a process for each.
const TASK_PORTS_MAX: usize = 1000;

/// The host's side of the ports of a task: who has which one.
type Taken = BTreeMap<(u16, Protocol), String>;

impl Checks<'_> {
    pub(super) fn ports(&mut self, spec: &TaskDefinitionSpec) {
        let mode = spec.network_mode.unwrap_or_default();
        let mut on_host = Taken::new();
        let mut count = 0;
        for (index, container) in spec.container_definitions.iter().enumerate() {
            let mut in_ranges = Taken::new();
            for (item, mapping) in container.port_mappings.iter().enumerate() {
                let pointer = format!("/spec/containerDefinitions/{index}/portMappings/{item}");
                let Some((first, last)) = self.container_ports(&pointer, mapping) else { continue };
                count += usize::from(last - first) + 1;
                self.ranges(&pointer, mapping, (first, last), &mut in_ranges);
                self.host_ports(&pointer, mapping, (first, last), mode, &mut on_host);
            }
            self.network_mode(&format!("/spec/containerDefinitions/{index}"), container, mode);
        }
        if count > TASK_PORTS_MAX {
            let problem = Problem::error(Code::OutOfRange, format!("the task publishes {count} ports"))
                .with_expected(format!("at most {TASK_PORTS_MAX}"), count.to_string())
                .with_help("the engine keeps a process for each; with `networkMode: host` nothing has to be published");
            self.report_key("/spec/containerDefinitions", problem);
        }
    }

    fn container_ports(&mut self, pointer: &str, mapping: &PortMapping) -> Option<(u16, u16)> {
        match (mapping.container_port, &mapping.container_port_range) {
            (None, None) => {
                let problem =
                    Problem::error(Code::MissingField, "a port mapping says which port of the container it is")
                        .with_expected("the field `containerPort`", "nothing")
                        .with_help("add `containerPort`, or `containerPortRange` for several");
                self.report(pointer, problem);
            }
            (Some(_), Some(_)) => {
                let message = "a port mapping has either `containerPort` or `containerPortRange`";
                self.conflict(&format!("{pointer}/containerPortRange"), message, "remove one of the two");
            }
            (None, Some(range)) => {
                if mapping.host_port.is_some_and(|port| port != 0) {
                    let message = "a range of ports gets free ports of the host: `hostPort` is for a single one";
                    self.conflict(
                        &format!("{pointer}/hostPort"),
                        message,
                        "remove `hostPort`, or map each port by itself",
                    );
                }
                if mapping.container_ports().is_none() {
                    let problem = Problem::error(Code::OutOfRange, "the range of ports has no end").with_expected(
                        "first-last, each from 1 to 65535, the first not above the last",
                        format!("`{range}`"),
                    );
                    self.report(&format!("{pointer}/containerPortRange"), problem);
                }
            }
            (Some(_), None) => {}
        }
        mapping.container_ports()
    }

    /// Refuses a range that holds a port which another mapping of the container has already.
    fn ranges(&mut self, pointer: &str, mapping: &PortMapping, (first, last): (u16, u16), taken: &mut Taken) {
        let protocol = mapping.protocol.unwrap_or(Protocol::Tcp);
        let clash = (first..=last).find_map(|port| Some((port, taken.get(&(port, protocol))?.clone())));
        match clash {
            Some((port, other)) if mapping.container_port_range.is_some() => {
                let message = format!("the container port {port}/{} is in two mappings", protocol.as_str());
                self.twice(&format!("{pointer}/containerPortRange"), &other, message);
            }
            // One port of the container may be published on several of the host.
            Some(_) | None => taken.extend((first..=last).map(|port| ((port, protocol), pointer.to_owned()))),
        }
    }

    fn host_ports(
        &mut self,
        pointer: &str,
        mapping: &PortMapping,
        (first, last): (u16, u16),
        mode: NetworkMode,
        taken: &mut Taken,
    ) {
        let given = mapping.host_port.filter(|port| *port != 0);
        let own = format!("{pointer}/hostPort");
        match mode {
            NetworkMode::Host => {
                if given.is_some_and(|port| mapping.container_port.is_some_and(|own| own != port)) {
                    let problem =
                        Problem::error(Code::Conflict, "in the host's own network a port is the same on both sides")
                            .with_expected(
                                format!("{first}, as `containerPort`"),
                                given.unwrap_or_default().to_string(),
                            )
                            .with_help("remove `hostPort`, and have the program listen on the port that is wanted");
                    self.report(&own, problem);
                }
                self.take_ports(pointer, first..=last, mapping, taken);
            }
            NetworkMode::Awsvpc => {
                if let Some(port) = given.filter(|port| mapping.container_port.is_some_and(|own| own != *port)) {
                    let message =
                        format!("with awsvpc ECS wants hostPort {port} to be {first}, as containerPort, or nothing");
                    self.ecs_would_refuse(&own, message, "");
                }
            }
            NetworkMode::Bridge => {
                let Some(port) = given else { return };
                if ECS_RESERVED_PORTS.contains(&port) {
                    self.ecs_would_refuse(&own, format!("ECS keeps the host port {port} for itself"), "");
                }
                self.take_ports(&own, port..=port, mapping, taken);
            }
            NetworkMode::None => {}
        }
    }

    /// Refuses a port of the host that the task wants twice.
    fn take_ports(
        &mut self,
        pointer: &str,
        ports: std::ops::RangeInclusive<u16>,
        mapping: &PortMapping,
        taken: &mut Taken,
    ) {
        let protocol = mapping.protocol.unwrap_or(Protocol::Tcp);
        for port in ports {
            if let Some(first) = taken.get(&(port, protocol)).cloned() {
                let message = format!("the host port {port}/{} is given twice in one task", protocol.as_str());
                self.twice(pointer, &first, message);
                return;
            }
            taken.insert((port, protocol), pointer.to_owned());
        }
    }

    /// Refuses what makes no sense in the network that the container has.
    fn network_mode(&mut self, pointer: &str, container: &ContainerDefinition, mode: NetworkMode) {
        let has = |list: bool| !list;
        let fields = [
            ("portMappings", has(container.port_mappings.is_empty())),
            ("links", has(container.links.is_empty())),
            ("hostname", container.hostname.is_some()),
            ("dnsServers", has(container.dns_servers.is_empty())),
            ("dnsSearchDomains", has(container.dns_search_domains.is_empty())),
            ("extraHosts", has(container.extra_hosts.is_empty())),
        ];
        let is_disabled = container.disable_networking == Some(true);
        for (field, _) in fields.into_iter().filter(|(_, is_given)| *is_given) {
            let field_pointer = format!("{pointer}/{field}");
            let excluded = match mode {
                NetworkMode::Bridge => false,
                NetworkMode::Host => field == "links",
                NetworkMode::Awsvpc => field != "portMappings",
                NetworkMode::None => matches!(field, "portMappings" | "links"),
            };
            if excluded {
                let message = format!("`{field}` cannot be given with network mode `{}`", mode.as_str());
                let problem = Problem::error(Code::Conflict, message)
                    .with_related("the network mode is said here", self.document.nearest_place_of("/spec/networkMode"))
                    .with_help(format!("remove `{field}`, or choose network mode `bridge`"));
                self.report_key(&field_pointer, problem);
            } else if is_disabled && matches!(field, "portMappings" | "links") {
                let message = format!("`{field}` cannot be given with `disableNetworking: true`");
                let other = self.document.nearest_place_of(&format!("{pointer}/disableNetworking"));
                let problem = Problem::error(Code::Conflict, message)
                    .with_related("networking is switched off here", other)
                    .with_help("remove one of the two");
                self.report_key(&field_pointer, problem);
            }
        }
    }

    pub(super) fn names_in_network(
        &mut self,
        pointer: &str,
        container: &ContainerDefinition,
        spec: &TaskDefinitionSpec,
    ) {
        self.links(pointer, container, spec);
        for (item, server) in container.dns_servers.iter().enumerate() {
            if server.parse::<IpAddr>().is_err() {
                self.not_an_address(&format!("{pointer}/dnsServers/{item}"), server, "an IP address");
            }
        }
        for (item, entry) in container.extra_hosts.iter().enumerate() {
            let address = &entry.ip_address;
            if address.parse::<IpAddr>().is_err() && address != "host-gateway" {
                let pointer = format!("{pointer}/extraHosts/{item}/ipAddress");
                self.not_an_address(&pointer, address, "an IP address, or host-gateway");
            }
        }
    }

    fn not_an_address(&mut self, pointer: &str, found: &str, expected: &str) {
        let problem =
            Problem::error(Code::Malformed, "this is not an IP address").with_expected(expected, format!("{found:?}"));
        self.report(pointer, problem);
    }

    fn links(&mut self, pointer: &str, container: &ContainerDefinition, spec: &TaskDefinitionSpec) {
        let mut seen: BTreeMap<&str, String> = BTreeMap::new();
        for (item, link) in container.links.iter().enumerate() {
            let pointer = format!("{pointer}/links/{item}");
            let (name, alias) = read_link(link);
            if alias.len() > NAME_LENGTH_MAX {
                let problem = Problem::error(Code::OutOfRange, "the alias of a link is too long")
                    .with_expected(format!("at most {NAME_LENGTH_MAX} characters"), alias.len().to_string());
                self.report(&pointer, problem);
            } else if name == container.name.as_str() {
                self.excluded(&pointer, "a container cannot be linked to itself", "remove the link");
            } else if !container_names(spec).any(|known| known == name) {
                self.undefined_container(&pointer, name, spec);
            } else if let Some(first) = seen.get(alias).cloned() {
                self.twice(&pointer, &first, format!("two links have the name `{alias}`"));
            } else {
                seen.insert(alias, pointer);
            }
        }
    }
}
