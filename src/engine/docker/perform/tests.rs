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
