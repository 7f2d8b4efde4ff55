//! The two messages of the health service, and what its answers mean.

use super::*;

#[test]
fn a_question_is_written_as_the_protocol_says() {
    let long = "s".repeat(200);
    let cases: &[(&str, &[u8])] =
        &[("", &[0, 0, 0, 0, 0]), ("shop", &[0, 0, 0, 0, 6, 0x0a, 4, b's', b'h', b'o', b'p'])];
    for (service, expected) in cases {
        assert_eq!(question(service), *expected, "{service:?}");
    }
    assert_eq!(question(&long)[..8], [0, 0, 0, 0, 203, 0x0a, 0xc8, 0x01], "a length above 127 takes two bytes");
}

#[test]
fn an_answer_is_read_as_the_protocol_says() {
    let answer = |status: &str, body: &[u8]| {
        let mut trailers = HeaderMap::new();
        if !status.is_empty() {
            trailers.insert("grpc-status", status.parse().unwrap());
        }
        match judge(&trailers, body) {
            Ok(()) => "serving".to_owned(),
            Err(Failed(reason)) => reason,
        }
    };
    let cases: &[(&str, &[u8], &str)] = &[
        ("0", &[0, 0, 0, 0, 2, 8, 1], "serving"),
        ("0", &[0, 0, 0, 0, 2, 8, 2], "answered NOT_SERVING"),
        ("0", &[0, 0, 0, 0, 0], "answered UNKNOWN"),
        ("0", &[0, 0, 0, 0, 2, 8, 9], "answered 9"),
        ("0", &[0, 0, 0, 0, 9, 8, 1], "answered something that is no health"),
        ("0", &[1, 0, 0, 0, 2, 8, 1], "answered something that is no health"),
        ("0", b"", "answered something that is no health"),
        ("0", b"<html>", "answered something that is no health"),
        ("5", b"", "answered that it knows no such service"),
        ("12", b"", "answered that it has no health service (grpc.health.v1.Health)"),
        ("14", b"", "answered with gRPC status 14"),
        ("", &[0, 0, 0, 0, 2, 8, 1], "answered without a gRPC status"),
    ];
    for (status, body, expected) in cases {
        assert_eq!(answer(status, body), *expected, "{status} {body:?}");
    }
}
