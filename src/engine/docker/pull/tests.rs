use super::*;

#[test]
fn what_engines_say_of_registries() {
    use Refusal::{Busy, Denied, Malformed, NoPlatform, NoSuchRegistry, NotFound, Other, Unreachable};
    let table = [
        (Some(404), "manifest for h:5/shop:9 not found: manifest unknown: manifest unknown", NotFound),
        (Some(404), "manifest unknown", NotFound),
        (None, "name unknown: repository name not known to registry", NotFound),
        (
            Some(404),
            "pull access denied for shop/nothing, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
            Denied,
        ),
        (Some(500), "Head \"http://h:5/v2/shop/manifests/1\": no basic auth credentials", Denied),
        (Some(500), "Get \"http://h:5/v2/\": unauthorized: authentication required", Denied),
        (Some(403), "nothing to see", Denied),
        (Some(500), "Get \"https://h/v2/\": dial tcp: lookup h on 10.0.0.2:53: no such host", NoSuchRegistry),
        (Some(500), "Get \"http://h:5/v2/\": dial tcp 127.0.0.1:5: connect: connection refused", Unreachable),
        (Some(500), "Get \"https://h/v2/\": x509: certificate signed by unknown authority", Unreachable),
        (Some(500), "Get \"https://h/v2/\": net/http: request canceled (Client.Timeout exceeded)", Unreachable),
        (Some(500), "http: server gave HTTP response to HTTPS client", Unreachable),
        (None, "received unexpected HTTP status: 503 Service Unavailable", Unreachable),
        (Some(500), "toomanyrequests: You have reached your pull rate limit", Busy),
        (Some(404), "no matching manifest for linux/amd64 in the manifest list entries", NoPlatform),
        (Some(400), "invalid reference format: repository name must be lowercase", Malformed),
        (None, "failed to register layer: no space left on device", Other),
    ];
    for (status, message, expected) in table {
        assert_eq!(classify(status, message), expected, "{message}");
    }
}

#[test]
fn progress_follows_the_lines_of_an_engine() {
    let mut layers = Layers::default();
    layers.take(Some("1"), Some("Pulling from shop/web"), None);
    assert_eq!(layers.progress(), PullProgress::default(), "the tag is no layer");
    layers.take(Some("a"), Some("Already exists"), None);
    layers.take(Some("b"), Some("Pulling fs layer"), Some((0, 0)));
    layers.take(Some("c"), Some("Waiting"), None);
    assert_eq!(layers.progress().to_string(), "1 of 3 layers");
    layers.take(Some("b"), Some("Downloading"), Some((1_000_000, 4_000_000)));
    assert_eq!(layers.progress().to_string(), "1 of 3 layers, 1.0 of 4.0 MB");
    layers.take(Some("b"), Some("Extracting"), Some((32, 4_000_000)));
    layers.take(Some("c"), Some("Downloading"), Some((2_000_000, -1)));
    assert_eq!(layers.progress().to_string(), "1 of 3 layers, 6.0 of 6.0 MB");
    layers.take(Some("b"), Some("Pull complete"), None);
    layers.take(None, Some("Status: Downloaded newer image"), None);
    layers.take(Some("c"), Some("Something new"), None);
    assert_eq!(layers.progress().to_string(), "2 of 3 layers, 6.0 of 6.0 MB");
}

#[test]
fn a_refusal_says_who_asked_and_what_to_do() {
    let found = Found { credentials: None, source: None, trouble: Some("the credential helper `x` failed".to_owned()) };
    let NotPulled::Failed(failure) = explain("h:5/shop:1", &found, Some(500), "no basic auth credentials") else {
        panic!("it is known that it failed");
    };
    assert_eq!(failure.kind, FailureKind::ImageMissing);
    for part in ["h:5/shop:1", "without credentials", "helper `x` failed", "docker login"] {
        assert!(failure.message.contains(part), "{part}: {failure}");
    }
}

#[test]
fn silence_is_told_with_what_there_was() {
    assert_eq!(
        describe_silence(FIRST_PROGRESS, PullProgress::default()),
        "neither the engine nor the registry has said anything for 5 min"
    );
    let progress = PullProgress { layers_done: 1, layers: 2, bytes_done: 0, bytes: 0 };
    assert_eq!(
        describe_silence(NEXT_PROGRESS, progress),
        "nothing has been heard of it for 1 min, after 1 of 2 layers"
    );
}
