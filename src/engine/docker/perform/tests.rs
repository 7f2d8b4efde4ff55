use super::*;

#[test]
fn refused_starts() {
    use FailureKind::{Conflict, Engine, Gone, PortTaken, Refused};
    for (status, message, expected) in [
        (
            500,
            "driver failed programming external connectivity on endpoint x: Bind for 0.0.0.0:80 failed: port is already allocated",
            PortTaken,
        ),
        (500, "... Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use", PortTaken),
        (500, "Ports are not available: exposing port TCP 0.0.0.0:80", PortTaken),
        (400, "OCI runtime create failed: exec: \"nope\": executable file not found in $PATH: unknown", Refused),
        (404, "No such container: abc", Gone),
        (404, "network abc not found", Refused),
        (409, "cannot start a paused container, try unpause instead", Conflict),
        (500, "unable to find user x: no matching entries in passwd file", Refused),
        // Podman 4.3.
        (500, "cannot listen on the TCP port: listen tcp4 :18080: bind: address already in use", PortTaken),
        (500, "unable to find network with name or ID reconcile.shop: network not found", Refused),
        (
            500,
            "runc: runc create failed: unable to start container process: exec: \"/no/such\": stat /no/such: no such file or \
             directory: OCI runtime attempted to invoke a command that was not found",
            Refused,
        ),
        (500, "runc: runc create failed: exec: \"/data\": permission denied: OCI permission denied", Refused),
        (500, "no space left on device", Engine),
    ] {
        assert_eq!(classify_start(status, message), expected, "{message}");
    }
}

#[test]
fn refused_creates() {
    use FailureKind::{Conflict, Engine, ImageMissing, Refused};
    for (status, message, expected) in [
        (404, "No such image: shop:1", ImageMissing),
        (404, "shop:1: image not known", ImageMissing),
        (
            404,
            "image with reference a was found but does not match the specified platform: wanted linux/arm64",
            Refused,
        ),
        (404, "plugin \"nfs\" not found", Refused),
        (400, "invalid reference format", Refused),
        (409, "something else", Conflict),
        (
            500,
            "container create: looking up container \"a\" for volumes-from: no container with name or ID \"a\" found",
            Refused,
        ),
        (500, "no space left on device", Engine),
    ] {
        assert_eq!(classify_create(status, message), expected, "{message}");
    }
    let docker =
        "Conflict. The container name \"/a\" is already in use by container \"b\". You have to remove (or rename) it.";
    let podman = "creating container storage: the container name \"a\" is already in use by b";
    assert!(is_name_conflict(409, docker) && is_name_conflict(500, podman));
    assert!(!is_name_conflict(409, "something else") && !is_name_conflict(500, "no space left on device"));
}

#[test]
fn networks_in_the_way() {
    let exists = "network name reconcile.shop already used: network already exists";
    assert!(is_network_conflict(409, "network with name reconcile.shop already exists"));
    assert!(is_network_conflict(500, exists), "Podman 4.3");
    assert!(!is_network_conflict(500, "no space left on device") && !is_network_conflict(400, exists));
    for (status, message, expected) in [
        (403, "error while removing network: network x id y has active endpoints", FailureKind::Conflict),
        // Podman 4.3.
        (
            500,
            "\"t1\" has associated containers with it. Use -f to forcibly delete containers and pods: network is being used",
            FailureKind::Conflict,
        ),
        (500, "no space left on device", FailureKind::Engine),
    ] {
        assert_eq!(classify_network_removal(status, message), expected, "{message}");
    }
}
