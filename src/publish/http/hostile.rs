//! Guests who want to hold, flood or guess, over real connections. What takes
//! time is cut short here, and waited for until it happens.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};

use super::tests::{Server, TOKEN, server_with};
use super::{Guest, Times, access};

const LINE: &str = "/api/v1/lines/00000000000000010000000000000003";

fn short() -> Times {
    let short = Duration::from_secs(1);
    Times { handshake: short, head: short, connection: short, last_answer: short }
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Reads until the server ends the connection; a reset ends it too.
fn ends(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "it was not ended");
    }
}

#[test]
fn a_head_that_drips_does_not_hold_a_connection() {
    let times = Times { connection: Duration::from_secs(600), ..short() };
    let server = server_with(times);
    let mut stream = connect(&server);
    stream.set_read_timeout(Some(Duration::from_millis(40))).unwrap();
    let head = b"GET /healthz HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'x'));
    // Every byte comes well within the time for a whole head.
    for byte in head.take(1_500) {
        let ended = match stream.write_all(&[*byte]).and_then(|()| stream.read(&mut [0; 64])) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        };
        if ended {
            assert_eq!(server.get("/healthz", None).0, 200);
            return;
        }
    }
    panic!("a minute of single bytes held a connection");
}

#[test]
fn who_says_nothing_and_who_never_stops_asking_are_sent_away() {
    let silent = server_with(Times { connection: Duration::from_secs(600), ..short() });
    ends(&mut connect(&silent));

    let server = server_with(Times { head: Duration::from_secs(600), ..short() });
    let mut stream = connect(&server);
    let mut answer = [0; 4_096];
    loop {
        if stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").is_err() {
            break;
        }
        match stream.read(&mut answer) {
            Ok(0) | Err(_) => break,
            Ok(read) => assert!(answer[..read].starts_with(b"HTTP/1.1")),
        }
    }
    // It may have asked too often by then, which is an answer, too.
    assert!([200, 429].contains(&server.get("/healthz", None).0));
}

#[test]
fn what_is_too_large_is_refused() {
    let server = Server::ready();
    let long = "x".repeat(20_000);
    let many: String = (0..100).map(|number| format!("X-{number}: 1\r\n")).collect();
    for request in [
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: {long}\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\n{many}\r\n"),
    ] {
        let mut stream = connect(&server);
        // The server may have ended the connection before it is all sent.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        assert!(!answer.contains("ok"), "{answer}");
    }
    let body =
        "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\nConnection: close\r\n\r\n";
    assert_eq!(server.send(body).0, 413);
}

#[test]
fn wrong_tokens_are_counted_and_slowed() {
    let server = Server::ready();
    for _ in 0..10 {
        assert_eq!(server.get(LINE, Some("correct-hors")).0, 401);
    }
    let (status, answer) = server.get(LINE, Some("correct-hors"));
    assert_eq!(status, 429, "{answer}");
    // Else the right one would show by its other answer.
    assert_eq!(server.get(LINE, Some(TOKEN)).0, 429);
    assert_eq!(server.get("/api/v1/counts", None).0, 200, "what is open stays so");
    assert_eq!(server.api.metrics.http_refused.with_label_values(&["token"]).get(), 10);
}

#[test]
fn requests_without_end_are_refused_and_counted() {
    let server = Server::ready();
    let mut stream = connect(&server);
    let one = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(200);
    let refused = || server.api.metrics.http_refused.with_label_values(&["requests"]).get();
    let mut answers = vec![0; 1 << 20];
    for _ in 0..1_000 {
        if refused() > 0 {
            return;
        }
        stream.write_all(one.as_bytes()).unwrap();
        let _ = stream.read(&mut answers).unwrap();
    }
    panic!("200,000 requests were taken");
}

#[test]
fn a_token_in_the_clear_opens_nothing_and_a_certificate_needs_none() {
    let server = Server::ready();
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer correct-horse"));
    let guest = |address: &str, tls, certified| {
        Guest::new(std::net::SocketAddr::new(address.parse().unwrap(), 1), tls, certified)
    };
    let status = |guest: &Guest, headers: &HeaderMap| {
        access::required(&server.api, guest, headers).err().map(|refusal| refusal.0)
    };
    let none = HeaderMap::new();
    for (guest, with_token, without) in [
        (
            guest("192.0.2.1", false, false),
            Some(StatusCode::FORBIDDEN),
            Some(StatusCode::UNAUTHORIZED),
        ),
        (guest("192.0.2.1", true, false), None, Some(StatusCode::UNAUTHORIZED)),
        (guest("192.0.2.1", true, true), None, None),
        (guest("127.0.0.1", false, false), None, Some(StatusCode::UNAUTHORIZED)),
        (guest("::ffff:127.0.0.1", false, false), None, Some(StatusCode::UNAUTHORIZED)),
    ] {
        assert_eq!(status(&guest, &headers), with_token, "{guest:?}");
        assert_eq!(status(&guest, &none), without, "{guest:?}");
    }
    // Client certificates alone open lines to those who have one.
    server.api.current.set_token(None);
    assert_eq!(status(&guest("192.0.2.1", true, false), &none), Some(StatusCode::FORBIDDEN));
    server.api.current.set_certificates(true);
    assert_eq!(status(&guest("192.0.2.1", true, false), &none), Some(StatusCode::UNAUTHORIZED));
    assert_eq!(status(&guest("192.0.2.1", true, true), &none), None);
}
