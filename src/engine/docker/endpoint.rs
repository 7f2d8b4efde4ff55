//! Where the engine is: the same places, in the same order, as Docker's own command line.
//!
//! The flag, then `DOCKER_HOST`, `DOCKER_CONTEXT`, the current context of `config.json`, the default socket, and, where that does not
//! exist, the socket of a rootless engine. Files and environment come in through [`Surroundings`], so that all of it is a table of tests.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The socket of an engine that root has started.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// The context that stands for the default socket; it has no file.
const DEFAULT_CONTEXT: &str = "default";

/// Docker's registered ports, without and with TLS.
const PLAIN_PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

/// Where an engine is, and who said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it is.
    pub address: Address,
    /// Who said so.
    pub origin: Origin,
}

/// Where an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// Host and port, in clear text.
    Tcp(String),
    /// Host and port, with TLS and a client certificate.
    Tls(String, Certificates),
}

/// The files of a TLS connection, all in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// Whom we trust.
    pub authority: PathBuf,
    /// Who we are.
    pub certificate: PathBuf,
    /// The proof of it.
    pub key: PathBuf,
}

impl Certificates {
    fn below(directory: &Path) -> Self {
        Self {
            authority: directory.join("ca.pem"),
            certificate: directory.join("cert.pem"),
            key: directory.join("key.pem"),
        }
    }
}

/// Who said where the engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The variable `DOCKER_HOST`.
    HostVariable,
    /// The variable `DOCKER_CONTEXT`, which names this context.
    ContextVariable(String),
    /// Docker's `config.json`, whose current context is this one.
    CurrentContext(String),
    /// Nobody: it is where an engine is by default.
    Default,
    /// Nobody: it is where a rootless engine is by default.
    Rootless,
}

/// Why no endpoint could be made out.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// A transport that Docker knows and we do not.
    #[error(
        "`{address}` ({origin}): {scheme}:// is not supported yet; forward the socket (`ssh -L /tmp/docker.sock:/var/run/docker.sock host`) and use unix:///tmp/docker.sock"
    )]
    Unsupported {
        /// The address as given.
        address: String,
        /// Its scheme.
        scheme: String,
        /// Who gave it.
        origin: Origin,
    },
    /// An address that makes no sense.
    #[error(
        "`{address}` ({origin}) is not the address of an engine: expected unix:///path, tcp://host:port or http://host:port"
    )]
    Malformed {
        /// The address as given.
        address: String,
        /// Who gave it.
        origin: Origin,
    },
    /// A context that does not exist or says nothing of an engine.
    #[error("the Docker context `{name}` ({origin}) cannot be used: {reason}")]
    Context {
        /// The context.
        name: String,
        /// Who named it.
        origin: Origin,
        /// What is wrong with it.
        reason: String,
    },
    /// Docker's own configuration cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Configuration {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What the world around us says: the environment and the files.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The value of a variable of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The content of a file.
    pub read: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
    /// Whether there is anything at a path.
    pub exists: &'a dyn Fn(&Path) -> bool,
}

impl Endpoint {
    /// Finds the engine; `host` is what the command line says.
    pub fn find(host: Option<&str>) -> Result<Self, EndpointError> {
        let surroundings = Surroundings {
            variable: &|name| std::env::var(name).ok(),
            read: &|path| std::fs::read(path),
            exists: &|path| path.exists(),
        };
        Self::find_in(host, surroundings)
    }

    /// Finds the engine in `surroundings`.
    pub fn find_in(host: Option<&str>, surroundings: Surroundings<'_>) -> Result<Self, EndpointError> {
        let set = |name: &str| (surroundings.variable)(name).filter(|value| !value.is_empty());
        if let Some(host) = host {
            return parse_address(host, Origin::Flag, certificates_of_environment(surroundings));
        }
        if let Some(host) = set("DOCKER_HOST") {
            return parse_address(&host, Origin::HostVariable, certificates_of_environment(surroundings));
        }
        let named = match set("DOCKER_CONTEXT") {
            Some(name) => Some((name.clone(), Origin::ContextVariable(name))),
            None => current_context(surroundings)?.map(|name| (name.clone(), Origin::CurrentContext(name))),
        };
        match named {
            Some((name, origin)) if name != DEFAULT_CONTEXT => read_context(&name, origin, surroundings),
            Some(_) | None => Ok(default_endpoint(surroundings)),
        }
    }
}

/// The files that `DOCKER_TLS_VERIFY` asks for, when it asks.
fn certificates_of_environment(surroundings: Surroundings<'_>) -> Option<Certificates> {
    let set = |name: &str| (surroundings.variable)(name).filter(|value| !value.is_empty());
    set("DOCKER_TLS_VERIFY")?;
    let directory = set("DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| configuration_directory(surroundings))?;
    Some(Certificates::below(&directory))
}

/// The directory of Docker's configuration, by the environment.
pub(super) fn configuration_directory_of_environment() -> Option<PathBuf> {
    configuration_directory(Surroundings {
        variable: &|name| std::env::var(name).ok(),
        read: &|path| std::fs::read(path),
        exists: &|path| path.exists(),
    })
}

fn configuration_directory(surroundings: Surroundings<'_>) -> Option<PathBuf> {
    let set = |name: &str| (surroundings.variable)(name).filter(|value| !value.is_empty());
    set("DOCKER_CONFIG").map(PathBuf::from).or_else(|| set("HOME").map(|home| Path::new(&home).join(".docker")))
}

fn default_endpoint(surroundings: Surroundings<'_>) -> Endpoint {
    let default = PathBuf::from(DEFAULT_SOCKET);
    if !(surroundings.exists)(&default) {
        let rootless = (surroundings.variable)("XDG_RUNTIME_DIR").map(|home| Path::new(&home).join("docker.sock"));
        if let Some(rootless) = rootless.filter(|path| (surroundings.exists)(path)) {
            return Endpoint { address: Address::Unix(rootless), origin: Origin::Rootless };
        }
    }
    Endpoint { address: Address::Unix(default), origin: Origin::Default }
}

/// Reads an address as `DOCKER_HOST` holds it. `certificates` makes a TCP address a TLS one.
fn parse_address(text: &str, origin: Origin, certificates: Option<Certificates>) -> Result<Endpoint, EndpointError> {
    let malformed = || EndpointError::Malformed { address: text.to_owned(), origin: origin.clone() };
    let (scheme, rest) = match text.trim().split_once("://") {
        Some(parts) => parts,
        None if text.starts_with('/') => ("unix", text),
        None => ("tcp", text),
    };
    let address = match (scheme, certificates) {
        ("unix", _) if rest.starts_with('/') => Address::Unix(PathBuf::from(rest)),
        ("unix", _) if rest.is_empty() => Address::Unix(PathBuf::from(DEFAULT_SOCKET)),
        ("tcp" | "https", Some(certificates)) => {
            Address::Tls(host_and_port(rest, TLS_PORT).ok_or_else(malformed)?, certificates)
        }
        ("tcp", None) | ("http", _) => Address::Tcp(host_and_port(rest, PLAIN_PORT).ok_or_else(malformed)?),
        ("ssh" | "npipe" | "fd" | "https", _) => {
            let (address, scheme) = (text.to_owned(), scheme.to_owned());
            return Err(EndpointError::Unsupported { address, scheme, origin });
        }
        _ => return Err(malformed()),
    };
    Ok(Endpoint { address, origin })
}

/// `host:port` with the port filled in; `None` when it holds more than that or less.
fn host_and_port(text: &str, default_port: u16) -> Option<String> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let after_host = text.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match text[after_host..].rsplit_once(':') {
        Some((host, port)) => (&text[..after_host + host.len()], port.parse().ok()?),
        None => (text, default_port),
    };
    let plain = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
    let is_name = plain && (after_host == host.len() || (after_host == 0 && !host.contains(':')));
    is_name.then(|| format!("{host}:{port}"))
}

/// The part of Docker's `config.json` that concerns us.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    current_context: Option<String>,
}

/// The name of the current context, if Docker is configured to have one.
fn current_context(surroundings: Surroundings<'_>) -> Result<Option<String>, EndpointError> {
    let Some(path) = configuration_directory(surroundings).map(|directory| directory.join("config.json")) else {
        return Ok(None);
    };
    let text = match (surroundings.read)(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(EndpointError::Configuration { path, reason: error.to_string() }),
    };
    match serde_json::from_slice::<Configuration>(&text) {
        Ok(configuration) => Ok(configuration.current_context.filter(|name| !name.is_empty())),
        Err(error) => Err(EndpointError::Configuration { path, reason: error.to_string() }),
    }
}

/// The part of a context's `meta.json` that concerns us.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextFile {
    endpoints: ContextEndpoints,
}

#[derive(Deserialize)]
struct ContextEndpoints {
    docker: Option<ContextEndpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEndpoint {
    #[serde(default)]
    host: String,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

fn read_context(name: &str, origin: Origin, surroundings: Surroundings<'_>) -> Result<Endpoint, EndpointError> {
    let fail = |reason: String| EndpointError::Context { name: name.to_owned(), origin: origin.clone(), reason };
    let directory = configuration_directory(surroundings).ok_or_else(|| fail("HOME is not set".to_owned()))?;
    let contexts = directory.join("contexts");
    let hash = hexadecimal(&Sha256::digest(name));
    let path = contexts.join("meta").join(&hash).join("meta.json");
    let text = (surroundings.read)(&path).map_err(|error| {
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        let missing = || "there is no such context; `docker context ls` lists them".to_owned();
        fail(if is_missing { missing() } else { format!("{}: {error}", path.display()) })
    })?;
    let file: ContextFile = serde_json::from_slice(&text).map_err(|error| fail(error.to_string()))?;
    let Some(endpoint) = file.endpoints.docker else {
        return Err(fail("it names no Docker engine".to_owned()));
    };
    if endpoint.host.is_empty() {
        return Ok(Endpoint { origin, ..default_endpoint(surroundings) });
    }
    if endpoint.skip_tls_verify {
        return Err(fail("it asks for TLS without verification, which is refused".to_owned()));
    }
    let certificates = Certificates::below(&contexts.join("tls").join(hash).join("docker"));
    let has_certificates = (surroundings.exists)(&certificates.authority);
    parse_address(&endpoint.host, origin.clone(), has_certificates.then_some(certificates))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

impl Endpoint {
    /// What tells this engine from others, however it was found and whatever link leads to its socket: a lock is named after it.
    pub fn identity(&self) -> String {
        match &self.address {
            Address::Unix(path) => {
                let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
                Address::Unix(path).to_string()
            }
            Address::Tcp(_) | Address::Tls(..) => self.address.to_string(),
        }
    }
}

impl fmt::Display for Endpoint {
    /// `unix:///var/run/docker.sock (default)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.origin)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(host) => write!(f, "tcp://{host}"),
            Self::Tls(host, _) => write!(f, "tcp://{host} with TLS"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("--host"),
            Self::HostVariable => f.write_str("DOCKER_HOST"),
            Self::ContextVariable(name) => write!(f, "DOCKER_CONTEXT={name}"),
            Self::CurrentContext(name) => write!(f, "current Docker context {name}"),
            Self::Default => f.write_str("default"),
            Self::Rootless => f.write_str("default of a rootless engine"),
        }
    }
}

#[cfg(test)]
mod tests;
