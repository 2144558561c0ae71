//! The console and what it asks the API, over real connections.

use serde_json::Value;

use super::console::{POLICY, addresses};
use super::tests::{Server, TOKEN};

const LINE: &str = "/api/v1/lines/00000000000000010000000000000003";

impl Server {
    /// The answer's status, head in lower case, and body.
    fn visit(&self, path: &str, headers: &str) -> (u16, String, Vec<u8>) {
        self.send_whole(&format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n"
        ))
    }

    fn post(&self, kind: &str, body: &str, token: Option<&str>) -> (u16, Value) {
        let authorization =
            token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let (status, answer) = self.send(&format!(
            "POST /api/v1/lines HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ));
        (status, serde_json::from_str(&answer).unwrap_or(Value::String(answer)))
    }
}

/// Below what the shell of the console says its files are.
fn place(server: &Server) -> String {
    let (_, _, shell) = server.visit("/", "");
    let shell = String::from_utf8(shell).unwrap();
    let (_, rest) = shell.split_once("src=\"").unwrap();
    let (file, _) = rest.split_once('"').unwrap();
    file.rsplit_once('/').unwrap().0.to_owned()
}

#[test]
fn every_address_of_the_console_has_the_shell_and_others_are_unknown() {
    let server = Server::ready();
    for path in [
        "/",
        "/?q=hue",
        "/classes/amazon-fire-tv",
        "/exporters",
        "/exporters/192.0.2.1%230",
        "/signatures",
        "/lines",
        "/lines/00000000000000010000000000000003",
    ] {
        let (status, head, body) = server.visit(path, "");
        assert_eq!(status, 200, "{path}");
        assert!(head.contains("content-type: text/html; charset=utf-8"), "{head}");
        assert!(head.contains(&format!("content-security-policy: {}", POLICY.to_lowercase())));
        assert!(head.contains("cache-control: no-store"), "{head}");
        assert!(String::from_utf8(body).unwrap().contains("<title>Hayrake</title>"), "{path}");
    }
    let place = place(&server);
    for path in [
        "/console",
        "/classes",
        "/classes/a/b",
        "/lines/a/b",
        "/assets/0000000000000000/app.js",
        &format!("{place}/index.html"),
        &format!("{place}/vendor/README.md"),
        &format!("{place}/../Cargo.toml"),
        &format!("{place}/%2e%2e/Cargo.toml"),
    ] {
        let (status, _, body) = server.visit(path, "");
        assert_eq!(status, 404, "{path}");
        assert!(serde_json::from_slice::<Value>(&body).unwrap()["error"].is_string(), "{path}");
    }
}

#[test]
fn files_have_their_type_and_may_be_kept() {
    let server = Server::ready();
    let place = place(&server);
    for (file, kind) in [
        ("app.js", "text/javascript; charset=utf-8"),
        ("pages/lines.js", "text/javascript; charset=utf-8"),
        ("vendor/uplot.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("favicon.svg", "image/svg+xml"),
    ] {
        let path = format!("{place}/{file}");
        let (status, head, plain) = server.visit(&path, "");
        assert_eq!(status, 200, "{file}");
        assert!(head.contains(&format!("content-type: {kind}")), "{head}");
        assert!(head.contains("cache-control: public, max-age=31536000, immutable"), "{head}");
        assert!(!head.contains("content-encoding"), "{head}");
        let (_, tag) = head.split_once("etag: ").unwrap();
        let tag = tag.lines().next().unwrap();
        let (status, _, none) = server.visit(&path, &format!("If-None-Match: {tag}\r\n"));
        assert_eq!((status, none.len()), (304, 0), "{file}");
        let (_, head, zipped) = server.visit(&path, "Accept-Encoding: gzip, br\r\n");
        assert!(head.contains("content-encoding: gzip"), "{head}");
        let mut unzipped = Vec::new();
        std::io::copy(&mut flate2::read::GzDecoder::new(&zipped[..]), &mut unzipped).unwrap();
        assert_eq!(unzipped, plain, "{file}");
    }
}

#[test]
fn ten_people_behind_one_address_open_it_at_once() {
    let server = Server::ready();
    let asked = ["/", "/api/v1/status", "/api/v1/classes", "/api/v1/exporters"].map(str::to_owned);
    for _ in 0..10 {
        for path in addresses().chain(asked.clone()) {
            assert_eq!(server.visit(&path, "").0, 200, "{path}");
        }
    }
}

#[test]
fn no_answer_is_guessed_the_type_of_or_stored_by_others() {
    let server = Server::ready();
    for path in ["/", "/api/v1/classes", "/nowhere", "/metrics", "/healthz", LINE] {
        let (_, head, _) = server.visit(path, &format!("Authorization: Bearer {TOKEN}\r\n"));
        for line in [
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cross-origin-resource-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(head.contains(line), "{path} without {line}: {head}");
        }
    }
}

#[test]
fn a_class_tells_its_signature_and_what_became_of_its_groups() {
    let server = Server::ready();
    let (status, answer) = server.get("/api/v1/classes/amazon-fire-tv", None);
    assert_eq!(status, 200);
    assert_eq!(answer["class"]["lines"]["1h"]["lines"], 17);
    assert_eq!(answer["class"]["vendor"], "Amazon");
    assert_eq!(answer["signature"]["checked"], "2026-11-20");
    assert_eq!(answer["groups"][0]["merged_into"], "g0.example.com");
    let (status, answer) = server.get("/api/v1/classes/toaster", None);
    assert_eq!(status, 404);
    assert!(answer["error"].as_str().unwrap().contains("toaster"), "{answer}");
}

#[test]
fn a_line_tells_what_its_open_windows_rest_on_and_what_is_missing() {
    let server = Server::ready();
    let (status, answer) = server.get(LINE, Some(TOKEN));
    assert_eq!(status, 200);
    let [hour, day] = &answer["evidence"].as_array().unwrap()[..] else { panic!("{answer}") };
    let class = &hour["classes"][0];
    assert_eq!((&class["claimed"], &class["why_not"]), (&true.into(), &Value::Null));
    assert_eq!(
        (&class["seen"], &class["required"], &class["of"]),
        (&2.into(), &3.into(), &8.into())
    );
    assert_eq!(class["groups"].as_array().unwrap().len(), 8, "those not seen are there, too");
    let first = &class["groups"][0];
    assert_eq!(first["seen"]["packets"], 3);
    assert_eq!(first["seen"]["last"], "2026-11-21T10:59:59.5Z");
    let names: Vec<_> = first["names"].as_array().unwrap().iter().collect();
    assert_eq!(names, ["g0.example.com", "*.g0.example.com", "h.example.com"], "merged ones count");
    assert_eq!(class["groups"][7]["seen"], Value::Null);
    let class = &day["classes"][0];
    assert_eq!(class["claimed"], false, "the claim is of the hour");
    assert_eq!(class["why_not"], "1 of 8 groups seen, 3 required");
}

#[test]
fn an_address_becomes_a_pseudonym_and_is_never_repeated() {
    let server = Server::ready();
    let json = "application/json";
    let (status, answer) = server.post(json, r#"{"address":" 198.51.100.7 "}"#, Some(TOKEN));
    assert_eq!((status, &answer["line"]), (200, &"00000000000000000000000000000007".into()));
    assert_eq!(answer["before"], Value::Null);
    for (kind, body, wanted) in [
        (json, r#"{"address":"198.51.100.99"}"#, 404),
        (json, r#"{"address":"198.51.100.99","more":1}"#, 400),
        (json, r#"{"address":"198.51.100.99"#, 400),
        (json, r#""198.51.100.99""#, 400),
        ("text/plain", r#"{"address":"198.51.100.99"}"#, 400),
        ("application/x-www-form-urlencoded", "address=198.51.100.99", 400),
    ] {
        let (status, answer) = server.post(kind, body, Some(TOKEN));
        assert_eq!(status, wanted, "{body}");
        let error = answer["error"].as_str().unwrap();
        assert!(!error.contains("198.51"), "{error}");
    }
    let body = r#"{"address":"198.51.100.7"}"#;
    assert_eq!(server.post(json, body, None).0, 401);
    assert_eq!(server.post(json, body, Some("wrong-token")).0, 401);
    let long = format!(r#"{{"address":"{}"}}"#, "1".repeat(5_000));
    assert_eq!(server.post(json, &long, Some(TOKEN)).0, 413);
    server.api.current.set_token(None);
    assert_eq!(server.post(json, body, Some(TOKEN)).0, 403);
}

#[test]
fn the_status_says_which_windows_are_complete_and_how_lines_are_seen() {
    let server = Server::ready();
    server.api.metrics.datagrams_received.with_label_values(&["127.0.0.1:2055"]).inc_by(7);
    server.api.metrics.datagrams_received.with_label_values(&["127.0.0.1:4739"]).inc_by(2);
    server.api.metrics.datagrams.with_label_values(&["decoded"]).inc_by(9);
    let (status, answer) = server.get("/api/v1/status", None);
    assert_eq!(status, 200);
    assert_eq!(answer["now"], "2026-11-21T11:10:00Z");
    assert_eq!((&answer["speed"], &answer["k"]), (&1.into(), &5.into()));
    let hour = &answer["windows"]["1h"];
    assert_eq!(hour["last"]["start"], "2026-11-21T10:00:00Z");
    assert_eq!(hour["closes"], "2026-11-21T12:05:00Z", "five minutes after its end");
    assert_eq!(answer["windows"]["24h"]["last"], Value::Null);
    assert_eq!(answer["windows"]["24h"]["closes"], "2026-11-22T00:05:00Z");
    assert_eq!(answer["input"]["datagrams"]["received"], 9);
    assert_eq!(answer["input"]["datagrams"]["decoded"], 9);
    assert_eq!(answer["lines"], "token");
    assert_eq!(server.get("/api/v1/status", Some(TOKEN)).1["lines"], "open");
    assert_eq!(server.get("/api/v1/status", Some("wrong-token")).0, 401);
    server.api.current.set_token(None);
    assert_eq!(server.get("/api/v1/status", None).1["lines"], "off");
}
