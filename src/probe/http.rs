//! A GET request. An answer from 200 to 399 is a success, redirects are not followed, and of the answer only the beginning is read.

use std::pin::pin;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{ANSWER_BYTES_MAX, Destination, Failed, excerpt, tls};
use crate::desired::HttpGetSpec;
use crate::manifest::Scheme;

pub(super) async fn get(stream: TcpStream, get: &HttpGetSpec, destination: &Destination) -> Result<(), Failed> {
    let request = request(get, destination)?;
    match get.scheme {
        Scheme::Http => exchange(stream, request).await,
        Scheme::Https => exchange(tls::wrap(stream, &destination.host).await?, request).await,
    }
}

fn request(get: &HttpGetSpec, destination: &Destination) -> Result<Request<Empty<Bytes>>, Failed> {
    let HttpGetSpec { path, port: _, scheme: _, host: _, http_headers } = get;
    let mut request = Request::get(path.as_str()).body(Empty::new()).map_err(Failed::because)?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::try_from(destination.authority()).map_err(Failed::because)?);
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("reconcile-probe/", env!("CARGO_PKG_VERSION"))));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    // The user's own take the place of ours; one that is given twice is sent twice.
    let own = http_headers.iter().map(|(name, value)| {
        let name = HeaderName::try_from(name.as_str()).map_err(Failed::because)?;
        Ok((name, HeaderValue::try_from(value.as_str()).map_err(Failed::because)?))
    });
    let own = own.collect::<Result<Vec<_>, Failed>>()?;
    for (name, _) in &own {
        headers.remove(name);
    }
    for (name, value) in own {
        headers.append(name, value);
    }
    Ok(request)
}

async fn exchange<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<(), Failed>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Failed::because)?;
    let mut asking = pin!(async move {
        let response = sender.send_request(request).await.map_err(Failed::because)?;
        judge(response).await
    });
    tokio::select! {
        biased;
        judged = &mut asking => judged,
        // The connection may end before its last words have been read.
        _ = connection => asking.await,
    }
}

async fn judge(response: Response<impl Body<Data = Bytes, Error = hyper::Error> + Unpin>) -> Result<(), Failed> {
    let status = response.status();
    let body = read(response.into_body()).await;
    if status.is_success() || status.is_redirection() {
        // Who answers well and breaks off has not answered.
        return body.map(|_| ());
    }
    let said = body.map(|body| excerpt(&body)).unwrap_or_default();
    let said = if said.is_empty() { said } else { format!(": {said}") };
    Err(Failed(format!("answered {status}{said}")))
}

/// The beginning of an answer.
async fn read(mut body: impl Body<Data = Bytes, Error = hyper::Error> + Unpin) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(Failed::because)?.into_data() {
            let room = ANSWER_BYTES_MAX - bytes.len();
            bytes.extend_from_slice(&data[..data.len().min(room)]);
        }
        if bytes.len() == ANSWER_BYTES_MAX {
            break;
        }
    }
    Ok(bytes)
}
