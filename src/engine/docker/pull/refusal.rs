//! What the answer of a registry means.
//!
//! The engine passes on the words of registries, of its own resolver and of its own network. Status codes differ from engine to
//! engine, so the words decide.

/// What kind of no it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The registry does not have it.
    NotFound,
    /// The registry does not let us have it, or does not say whether it has it.
    Denied,
    /// There is no host of the registry's name.
    NoSuchRegistry,
    /// The registry has it for other machines only.
    NoPlatform,
    /// The reference is none.
    Malformed,
    /// The registry does not answer.
    Unreachable,
    /// The registry asks to wait.
    Busy,
    /// Something else.
    Other,
}

/// Makes out what the engine said.
pub(super) fn classify(status: Option<u16>, message: &str) -> Refusal {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["invalid reference format", "invalid repository name", "must be lowercase"]) {
        Refusal::Malformed
    } else if says(&["toomanyrequests", "too many requests", "rate limit"]) {
        Refusal::Busy
    } else if says(&["no matching manifest", "does not match the specified platform", "image operating system"]) {
        Refusal::NoPlatform
    } else if says(&["no such host"]) {
        Refusal::NoSuchRegistry
    } else if says(&[
        "connection refused",
        "i/o timeout",
        "timeout",
        "deadline exceeded",
        "tls",
        "x509",
        "server misbehaving",
    ]) || says(&[
        "network is unreachable",
        "no route to host",
        "connection reset",
        "unexpected eof",
        "bad gateway",
    ]) || says(&["service unavailable", "received unexpected http status: 5", "server gave http response"])
    {
        Refusal::Unreachable
    } else if says(&["manifest unknown", "not found", "name unknown", "repository name not known"])
        && !says(&["denied"])
    {
        Refusal::NotFound
    } else if says(&["denied", "unauthorized", "authentication required", "no basic auth", "forbidden"])
        || matches!(status, Some(401 | 403))
    {
        Refusal::Denied
    } else if status == Some(404) {
        Refusal::NotFound
    } else {
        Refusal::Other
    }
}

impl Refusal {
    /// What it is, in a few words.
    pub(super) fn headline(self) -> &'static str {
        match self {
            Self::NotFound => "the registry does not have the image",
            Self::Denied => "the registry does not give out the image",
            Self::NoSuchRegistry => "there is no registry of that name",
            Self::NoPlatform => "the registry has the image, but not for this kind of machine",
            Self::Malformed => "the engine does not take this for the name of an image",
            Self::Unreachable => "the registry cannot be reached",
            Self::Busy => "the registry asks to wait",
            Self::Other => "the image cannot be fetched",
        }
    }

    /// What to do.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::NotFound => "Check its name and tag, or push it",
            Self::Denied => {
                "Check its name; where it is private, log in with `docker login` as the user who runs reconcile, or name a secret in \
                 repositoryCredentials"
            }
            Self::NoSuchRegistry => "Check the part before the first slash, and the resolver of the host",
            Self::NoPlatform => "Push it for this machine as well, or name an image that is made for it",
            Self::Malformed => "An image is written repository[:tag] or repository@sha256:digest",
            Self::Unreachable => {
                "Check the network and the certificate of the registry. An image that is on the host needs none: see imagePullBehavior"
            }
            Self::Busy => "It is tried again; with credentials most registries allow more",
            Self::Other => "It is tried again",
        }
    }
}
