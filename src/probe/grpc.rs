//! A question to the health service of gRPC, `grpc.health.v1.Health/Check`, in clear text. Its two messages have one field each, so
//! they are written and read by hand. Source: the gRPC health checking protocol.

use http_body_util::{BodyExt, Full, Limited};
use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper::header::{CONTENT_TYPE, TE, USER_AGENT};
use hyper::{Request, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::{ANSWER_BYTES_MAX, Destination, Failed, excerpt};

/// What goes before a message: that it is not compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// The number of the field `service` of the question, and of `status` of the answer, each with its type.
const SERVICE_FIELD: u8 = 0x0a;
const STATUS_FIELD: u8 = 0x08;

/// What a service is. Source: `HealthCheckResponse.ServingStatus`.
const STATUSES: [&str; 4] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const SERVING: usize = 1;

pub(super) async fn check(stream: TcpStream, service: &str, destination: &Destination) -> Result<(), Failed> {
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(Failed::because)?;
    let request = request(service, destination)?;
    let asking = async move {
        let response = sender.send_request(request).await.map_err(Failed::because)?;
        let (head, body) = response.into_parts();
        if !head.status.is_success() {
            return Err(Failed(format!("answered {}, which is not gRPC", head.status)));
        }
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| Failed(format!("failed: {error}")))?;
        // An error without a message has its trailers in the place of headers.
        let trailers = body.trailers().cloned().unwrap_or(head.headers);
        judge(&trailers, &body.to_bytes())
    };
    let mut asking = std::pin::pin!(asking);
    tokio::select! {
        biased;
        judged = &mut asking => judged,
        _ = connection => asking.await,
    }
}

fn request(service: &str, destination: &Destination) -> Result<Request<Full<Bytes>>, Failed> {
    let uri = Uri::builder().scheme("http").authority(destination.authority());
    let uri = uri.path_and_query("/grpc.health.v1.Health/Check").build().map_err(Failed::because)?;
    let request = Request::post(uri)
        .header(CONTENT_TYPE, "application/grpc")
        .header(TE, "trailers")
        .header(USER_AGENT, concat!("reconcile-probe/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(question(service))));
    request.map_err(Failed::because)
}

/// The question as it is sent.
fn question(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(SERVICE_FIELD);
        push_number(&mut message, service.len());
        message.extend_from_slice(service.as_bytes());
    }
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut framed = vec![0];
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend(message);
    framed
}

/// Seven bits at a time, the lowest first.
fn push_number(message: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        message.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    message.push(u8::try_from(number).unwrap_or_default());
}

fn judge(trailers: &HeaderMap, body: &[u8]) -> Result<(), Failed> {
    let text = |name: &str| trailers.get(name).map(|value| excerpt(value.as_bytes()));
    match text("grpc-status").as_deref() {
        Some("0") => {}
        Some("5") => return Err(Failed("answered that it knows no such service".to_owned())),
        Some("12") => return Err(Failed("answered that it has no health service (grpc.health.v1.Health)".to_owned())),
        Some(code) => {
            let message = text("grpc-message").map_or_else(String::new, |message| format!(": {message}"));
            return Err(Failed(format!("answered with gRPC status {code}{message}")));
        }
        None => return Err(Failed("answered without a gRPC status".to_owned())),
    }
    match read_status(body) {
        Some(SERVING) => Ok(()),
        Some(status) => {
            let name = STATUSES.get(status).map_or_else(|| status.to_string(), |name| (*name).to_owned());
            Err(Failed(format!("answered {name}")))
        }
        None => Err(Failed("answered something that is no health".to_owned())),
    }
}

/// The status in an answer. A field that is left out has its first value.
fn read_status(body: &[u8]) -> Option<usize> {
    let (prefix, message) = body.split_at_checked(PREFIX_BYTES)?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    if prefix[0] != 0 || usize::try_from(length).ok()? != message.len() {
        return None;
    }
    match message {
        [] => Some(0),
        [STATUS_FIELD, status, ..] if *status < 0x80 => Some(usize::from(*status)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
