//! Asking a container over the network whether it is well: one connection, one question, one answer. What answers mean is decided in
//! [`crate::probing`].
//!
//! Every question has a connection of its own, so that it also tells whether the container still takes new ones. Source: the probes
//! of Kubernetes, whose rules for each kind of question are followed here.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::desired::{GrpcSpec, HttpGetSpec, Probe, TcpSocketSpec};
use crate::probing::Answer;

mod grpc;
mod http;
mod tls;

/// As much of an answer as is read: Kubernetes reads no more. Who sends more is told by the end of the connection.
const ANSWER_BYTES_MAX: usize = 10 * 1024;

/// As much of an answer as is worth keeping.
const OUTPUT_CHARS_MAX: usize = 200;

/// Where a question goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Destination {
    /// `host:port`, with an address of IPv6 in brackets.
    fn authority(&self) -> String {
        let Self { host, port } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

/// Asks; the answer is there after `timeout` at the latest.
pub async fn ask(probe: &Probe, destination: &Destination, timeout: Duration) -> Answer {
    let deadline = Instant::now() + timeout;
    let what = describe(probe, destination);
    let asked = async {
        let stream = connect(destination).await?;
        match probe {
            Probe::TcpSocket(TcpSocketSpec { port: _ }) => Ok(()),
            Probe::HttpGet(get) => http::get(stream, get, destination).await,
            Probe::Grpc(GrpcSpec { port: _, service }) => grpc::check(stream, service, destination).await,
        }
    };
    match timeout_at(deadline, asked).await {
        Ok(Ok(())) => Answer::Success,
        Ok(Err(Failed(reason))) => Answer::Failure(format!("{what} {reason}")),
        Err(_) => Answer::Failure(format!("{what} gave no answer within {} s", timeout.as_secs())),
    }
}

/// Why a question was not answered well: the end of a sentence.
#[derive(Debug)]
struct Failed(String);

impl Failed {
    fn because(error: impl std::error::Error) -> Self {
        // The innermost error says what happened; those around it only say that something did.
        let mut innermost: &dyn std::error::Error = &error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Self(format!("failed: {innermost}"))
    }
}

async fn connect(destination: &Destination) -> Result<TcpStream, Failed> {
    let stream = TcpStream::connect((&*destination.host, destination.port)).await;
    let stream = stream.map_err(|error| Failed(format!("failed: {}", explain(&error))))?;
    // A question is one small packet: it is not to wait for a second one.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// What the operating system said, without its number.
fn explain(error: &io::Error) -> String {
    let known = [
        (io::ErrorKind::ConnectionRefused, "connection refused"),
        (io::ErrorKind::ConnectionReset, "connection reset"),
        (io::ErrorKind::HostUnreachable, "no route to the container"),
    ];
    let known = known.into_iter().find(|(kind, _)| *kind == error.kind());
    known.map_or_else(|| error.to_string(), |(_, words)| words.to_owned())
}

/// What is asked, as the beginning of a sentence.
fn describe(probe: &Probe, destination: &Destination) -> String {
    let authority = destination.authority();
    match probe {
        Probe::HttpGet(HttpGetSpec { path, scheme, .. }) => format!("GET {}://{authority}{path}", scheme.as_str()),
        Probe::TcpSocket(_) => format!("connecting to {authority}"),
        Probe::Grpc(GrpcSpec { service, .. }) if service.is_empty() => format!("the gRPC health check of {authority}"),
        Probe::Grpc(GrpcSpec { service, .. }) => format!("the gRPC health check of `{service}` at {authority}"),
    }
}

/// The beginning of an answer, on one line and fit to be shown.
fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = words.chars().filter(|character| !character.is_control());
    let mut shown: String = plain.clone().take(OUTPUT_CHARS_MAX).collect();
    if plain.count() > OUTPUT_CHARS_MAX {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests;
