//! From where which container is reached, and how.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::desired::TcpSocketSpec;
use crate::engine::docker::Origin;
use crate::manifest::Scheme;
use crate::observed::{ContainerId, NetworkAddress};
use crate::probing::Purpose;
use crate::value::Timestamp;

fn question(probe: Probe, place: Place, published: Option<u16>) -> Question {
    Question {
        container: ContainerId::new("c"),
        purpose: Purpose::Health,
        probe: Arc::new(probe),
        timeout: Duration::from_secs(1),
        place,
        published,
        number: 1,
        at: Timestamp(0),
    }
}

#[test]
fn where_is_asked() {
    let address = Place::Network(NetworkAddress {
        ip: "172.18.0.5".parse().unwrap(),
        gateway: Some("172.18.0.1".parse().unwrap()),
    });
    let elsewhere = || Vantage::Elsewhere(Some("shop.example".to_owned()));
    let container = |of_host| Vantage::Container { of_host };
    // Where we are; whether the gateway is ours; where the container is; where its port is published; where it is asked.
    let cases = [
        (Vantage::SameHost, true, address, None, Some("172.18.0.5:8080")),
        (Vantage::SameHost, true, address, Some(80), Some("172.18.0.5:8080")),
        (Vantage::SameHost, true, Place::Host, Some(8080), Some("127.0.0.1:8080")),
        (Vantage::SameHost, true, Place::Unknown, Some(80), Some("127.0.0.1:80")),
        (Vantage::SameHost, true, Place::Unknown, None, None),
        // An engine without root has networks of its own.
        (Vantage::SameHost, false, address, Some(80), Some("127.0.0.1:80")),
        (Vantage::SameHost, false, address, None, None),
        (container(true), true, address, Some(80), Some("172.18.0.5:8080")),
        (container(true), true, Place::Host, Some(8080), Some("127.0.0.1:8080")),
        (container(true), false, address, Some(80), None),
        (container(false), true, address, Some(80), None),
        (container(false), false, Place::Host, Some(8080), None),
        (Vantage::Desktop, true, address, Some(80), Some("127.0.0.1:80")),
        (Vantage::Desktop, false, address, None, None),
        (elsewhere(), true, address, Some(80), Some("shop.example:80")),
        (elsewhere(), true, address, None, None),
        (elsewhere(), true, Place::Host, Some(8080), Some("shop.example:8080")),
        (Vantage::Elsewhere(None), true, address, Some(80), None),
    ];
    for (vantage, gateway_is_here, place, published, expected) in cases {
        let tcp = Probe::TcpSocket(TcpSocketSpec { port: 8080 });
        let found = destination(&question(tcp, place, published), &vantage, |_| gateway_is_here);
        let shown = found.as_ref().map(|found| format!("{}:{}", found.host, found.port)).ok();
        assert_eq!(shown.as_deref(), expected, "{vantage:?} {gateway_is_here} {place:?} {published:?}: {found:?}");
        if let Err(reason) = found {
            assert!(reason.starts_with("port 8080 cannot be checked from here: "), "{reason}");
            assert!(reason.contains("`command`"), "{reason}");
        }
    }
}

#[test]
fn a_host_that_the_manifest_names_is_asked_from_anywhere() {
    let get = HttpGetSpec {
        path: "/".to_owned(),
        port: 443,
        scheme: Scheme::Https,
        host: Some("status.example".to_owned()),
        http_headers: Vec::new(),
    };
    let asked = question(Probe::HttpGet(get), Place::Unknown, None);
    let found = destination(&asked, &Vantage::Elsewhere(None), |_| false);
    assert_eq!(found, Ok(Destination { host: "status.example".to_owned(), port: 443 }));
}

#[test]
fn who_has_our_name_is_our_host() {
    let unix = || Address::Unix("/var/run/docker.sock".into());
    let tcp = |host: &str| Address::Tcp(host.to_owned());
    let elsewhere = |host: &str| Vantage::Elsewhere(Some(host.to_owned()));
    let cases = [
        ("here", "Debian", unix(), Vantage::SameHost),
        ("in a container", "Debian", unix(), Vantage::Container { of_host: false }),
        ("docker-desktop", "Docker Desktop", unix(), Vantage::Desktop),
        ("other", "Debian", unix(), Vantage::Elsewhere(None)),
        ("other", "Debian", tcp("10.0.0.7:2375"), elsewhere("10.0.0.7")),
        ("other", "Debian", tcp("tcp://shop.example:2375"), elsewhere("shop.example")),
        ("other", "Debian", tcp("[2001:db8::1]:2375"), elsewhere("2001:db8::1")),
        ("other", "Debian", tcp("127.0.0.1:2375"), Vantage::Elsewhere(None)),
        ("other", "Debian", tcp("localhost:2375"), Vantage::Elsewhere(None)),
        ("here", "Debian", tcp("127.0.0.1:2375"), Vantage::SameHost),
    ];
    for (name, system, address, expected) in cases {
        let info = Info { name: Some(name.to_owned()), operating_system: Some(system.to_owned()) };
        let endpoint = Endpoint { address: address.clone(), origin: Origin::Flag };
        let in_container = name.contains("container");
        assert_eq!(vantage(&info, ("here", in_container), &endpoint), expected, "{name} {system} {address:?}");
    }
}

#[test]
fn an_address_of_this_machine_is_told_from_others() {
    assert!(is_here("127.0.0.1".parse().unwrap()));
    assert!(!is_here("192.0.2.1".parse().unwrap()), "an address that is for documents only");
}
