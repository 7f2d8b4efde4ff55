//! Questions to servers on this machine that answer well, badly, slowly or not at all.

use std::convert::Infallible;

use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::manifest::Scheme;

/// A server that hands each connection to `serve`; its port.
async fn server<F: Future<Output = ()> + Send + 'static>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

/// A server that reads a request and writes this answer.
async fn says(answer: &'static str) -> u16 {
    server(move |mut stream| async move {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await
}

fn get(path: &str) -> HttpGetSpec {
    HttpGetSpec { path: path.to_owned(), port: 0, scheme: Scheme::Http, host: None, http_headers: Vec::new() }
}

/// The answer, with the port left out of the sentence: `success`, or why not.
async fn answer(probe: &Probe, port: u16, timeout: Duration) -> String {
    let destination = Destination { host: "127.0.0.1".to_owned(), port };
    match ask(probe, &destination, timeout).await {
        Answer::Success => "success".to_owned(),
        Answer::Failure(reason) | Answer::Unreachable(reason) => reason.replace(&port.to_string(), "PORT"),
    }
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn answers_from_200_to_399_are_successes() {
    let cases = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "success"),
        ("HTTP/1.1 204 No Content\r\n\r\n", "success"),
        ("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", "success"),
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end of the connection", "success"),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "GET http://127.0.0.1:PORT/health answered 404 Not Found",
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 22\r\n\r\nthe\tdatabase\n\nis  down",
            "GET http://127.0.0.1:PORT/health answered 503 Service Unavailable: the database is down",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
            "GET http://127.0.0.1:PORT/health failed: end of file before message length reached",
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n", "GET http://127.0.0.1:PORT/health failed: invalid HTTP version parsed"),
        ("", "GET http://127.0.0.1:PORT/health failed: connection closed before message completed"),
    ];
    for (said, expected) in cases {
        let port = says(said).await;
        assert_eq!(answer(&Probe::HttpGet(get("/health")), port, LONG).await, expected, "{said:?}");
    }
}

#[tokio::test]
async fn a_request_carries_what_the_manifest_says() {
    let (sender, mut requests) = tokio::sync::mpsc::channel(1);
    let port = server(move |mut stream| {
        let sender = sender.clone();
        async move {
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            let _ = sender.send(String::from_utf8_lossy(&request[..length]).to_ascii_lowercase()).await;
        }
    })
    .await;
    let headers = [("Host", "shop.example"), ("X-Probe", "one"), ("X-Probe", "two")];
    let http_headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let probe = Probe::HttpGet(HttpGetSpec { http_headers, ..get("/health?deep=1") });
    assert_eq!(answer(&probe, port, LONG).await, "success");
    let request = requests.recv().await.unwrap();
    assert!(request.starts_with("get /health?deep=1 http/1.1\r\n"), "{request}");
    for line in ["host: shop.example", "x-probe: one", "x-probe: two", "connection: close", "accept: */*"] {
        assert_eq!(request.lines().filter(|found| *found == line).count(), 1, "{line}: {request}");
    }
    assert_eq!(request.matches("host:").count(), 1, "{request}");
}

#[tokio::test]
async fn nobody_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let short = Duration::from_millis(50);
    let tcp = Probe::TcpSocket(TcpSocketSpec { port });
    assert_eq!(answer(&tcp, port, LONG).await, "success", "the connection is taken");
    let hangs = answer(&Probe::HttpGet(get("/")), port, short).await;
    assert_eq!(hangs, "GET http://127.0.0.1:PORT/ gave no answer within 0 s");
    // A port that is taken and not listened on: one that was given back could be somebody else's by now.
    let deaf = tokio::net::TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = deaf.local_addr().unwrap().port();
    let tcp = Probe::TcpSocket(TcpSocketSpec { port });
    assert_eq!(answer(&tcp, port, LONG).await, "connecting to 127.0.0.1:PORT failed: connection refused");
    let refused = answer(&Probe::HttpGet(get("/")), port, LONG).await;
    assert_eq!(refused, "GET http://127.0.0.1:PORT/ failed: connection refused");
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_off() {
    let port = server(|mut stream| async move {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(b"HTTP/1.1 500 Internal Server Error\r\n\r\n").await;
        while stream.write_all(b"no end ").await.is_ok() {}
    })
    .await;
    let said = answer(&Probe::HttpGet(get("/")), port, LONG).await;
    assert!(said.starts_with("GET http://127.0.0.1:PORT/ answered 500 Internal Server Error: no end"), "{said}");
    assert!(said.len() < 300 && said.ends_with("..."), "{said}");
}

/// A server of gRPC that answers every question so.
async fn grpc_server(status: &'static str, message: &'static [u8]) -> u16 {
    server(move |stream| async move {
        let answer = service_fn(move |request: Request<hyper::body::Incoming>| async move {
            assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
            assert_eq!(request.headers()["content-type"], "application/grpc");
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", status.parse().unwrap());
            let frames = [Frame::data(Bytes::from_static(message)), Frame::trailers(trailers)];
            let body = StreamBody::new(futures_util::stream::iter(frames.map(Ok::<_, Infallible>)));
            Ok::<_, Infallible>(Response::new(BodyExt::boxed(body)))
        });
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), answer)
            .await;
    })
    .await
}

#[tokio::test]
async fn the_health_service_of_grpc_is_asked() {
    let probe = |service: &str| Probe::Grpc(GrpcSpec { port: 0, service: service.to_owned() });
    let serving = grpc_server("0", &[0, 0, 0, 0, 2, 8, 1]).await;
    assert_eq!(answer(&probe(""), serving, LONG).await, "success");
    assert_eq!(answer(&probe("shop"), serving, LONG).await, "success");
    let not_serving = grpc_server("0", &[0, 0, 0, 0, 2, 8, 2]).await;
    let said = answer(&probe(""), not_serving, LONG).await;
    assert_eq!(said, "the gRPC health check of 127.0.0.1:PORT answered NOT_SERVING");
    let unknown = grpc_server("5", &[]).await;
    let said = answer(&probe("shop"), unknown, LONG).await;
    assert_eq!(said, "the gRPC health check of `shop` at 127.0.0.1:PORT answered that it knows no such service");
    let http = says("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    let said = answer(&probe(""), http, LONG).await;
    assert!(said.starts_with("the gRPC health check of 127.0.0.1:PORT failed: "), "{said}");
}

#[tokio::test]
async fn tls_is_spoken_where_it_is_asked_for() {
    let port = says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let probe = Probe::HttpGet(HttpGetSpec { scheme: Scheme::Https, ..get("/") });
    let said = answer(&probe, port, LONG).await;
    assert!(said.starts_with("GET https://127.0.0.1:PORT/ failed: "), "{said}");
}

#[test]
fn what_is_shown_of_an_answer_fits_on_a_line() {
    assert_eq!(excerpt(b" a\n\tb \x1b[31mc\xff"), "a b [31mc\u{fffd}");
    assert_eq!(excerpt(&[b'x'; 500]).len(), 203);
    assert_eq!(excerpt(b""), "");
}
