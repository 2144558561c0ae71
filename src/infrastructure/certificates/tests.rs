//! Scan data of both kinds, with certificates made here, and which addresses a
//! certificate gives for a name.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::model::time::Timestamp;

const NOON: &str = "2026-11-21T12:00:00Z";

/// A certificate for these names, as zgrab2 writes it.
fn certificate(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = rcgen::KeyPair::generate().unwrap();
    let made = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    STANDARD.encode(made.der())
}

/// A zgrab2 line: an address showed a certificate and a page.
fn line(address: &str, raw: &str, page: &str) -> String {
    let handshake = json!({"server_certificates": {"certificate": {"raw": raw}}});
    let request = json!({"tls_log": {"handshake_log": handshake}});
    json!({"ip": address, "data": {"http": {"timestamp": NOON,
        "result": {"response": {"body": page, "request": request}}}}})
    .to_string()
}

/// Scans that keep what has to do with `example.com`, after reading `lines`.
fn scans(lines: &[String]) -> (Scans, ScanReport) {
    let mut scans = Scans { wanted: ["example.com".to_owned()].into(), ..Scans::default() };
    let text = lines.join("\n");
    let report = scans.read(text.as_bytes(), Timestamp::EPOCH, Timestamp::MAX).unwrap();
    (scans, report)
}

fn found(scans: &Scans, name: &str, known: &[&str]) -> Vec<String> {
    let name: DomainName = name.parse().unwrap();
    let known: Vec<IpAddr> = known.iter().map(|address| address.parse().unwrap()).collect();
    let owners = Owners::default();
    let day = NOON.parse::<Timestamp>().unwrap().day();
    let owner = owner_of(&owners, &name);
    let certified = scans.addresses(&name, owner, &owners, &known, day);
    let shown = certified.map(|certified| certified.shown).unwrap_or_default();
    shown.keys().map(ToString::to_string).collect()
}

#[test]
fn all_addresses_with_one_certificate_and_one_banner_are_the_names() {
    let (own, other) = (certificate(&["c.example.com"]), certificate(&["c.example.com"]));
    let (scans, report) = scans(&[
        line("198.51.100.1", &own, "hello"),
        line("198.51.100.2", &own, "hello"),
        line("198.51.100.3", &own, "something else"),
        line("198.51.100.4", &other, "something else"),
    ]);
    assert_eq!((report.taken, report.damaged), (4, 0));
    let known = ["198.51.100.1"];
    assert_eq!(found(&scans, "c.example.com", &known), ["198.51.100.1", "198.51.100.2"]);
    assert!(found(&scans, "c.example.com", &[]).is_empty(), "which banner is the name's?");
    assert!(found(&scans, "d.example.com", &known).is_empty(), "the name is not in it");
}

#[test]
fn a_name_nobody_answered_for_needs_one_banner_only() {
    let own = certificate(&["*.example.com", "example.com"]);
    let (scans, _) =
        scans(&[line("198.51.100.1", &own, "hello"), line("2001:db8::1", &own, "hello")]);
    assert_eq!(found(&scans, "c.example.com", &[]), ["198.51.100.1", "2001:db8::1"]);
    assert!(found(&scans, "a.b.example.com", &[]).is_empty(), "a wildcard is one label");
}

#[test]
fn a_foreign_name_in_the_certificate_ends_it() {
    for names in [
        &["c.example.com", "www.example.net"][..],
        &["c.example.com", "*.com"],
        &["c.example.com", "odd*.example.com"],
    ] {
        let (scans, report) = scans(&[line("198.51.100.1", &certificate(names), "hello")]);
        assert_eq!(report.taken, 1, "{names:?}");
        assert!(found(&scans, "c.example.com", &["198.51.100.1"]).is_empty(), "{names:?}");
    }
}

#[test]
fn what_no_signature_has_to_do_with_is_not_kept() {
    let foreign = certificate(&["www.example.net"]);
    let (scans, report) = scans(&[line("198.51.100.1", &foreign, "hello")]);
    assert_eq!((report.taken, report.other), (0, 1));
    assert!(scans.is_empty());
}

#[test]
fn damaged_lines_are_counted_with_their_number_and_skipped() {
    let own = certificate(&["c.example.com"]);
    let cut = own[..200].to_owned();
    let (scans, report) = scans(&[
        line("198.51.100.1", &own, "hello"),
        "{\"ip\": \"198.51".to_owned(),
        json!({"data": {}}).to_string(),
        line("198.51.100.2", &cut, "hello"),
        line("198.51.100.3", "no base64!", "hello"),
        String::new(),
        json!({"ip": "198.51.100.4", "data": {"tls": {"status": "connection-timeout"}}})
            .to_string(),
        line("198.51.100.5", &own, "hello"),
    ]);
    assert_eq!((report.lines, report.taken, report.damaged, report.without), (7, 2, 4, 1));
    let numbers: Vec<u64> = report.problems.iter().map(|problem| problem.line).collect();
    assert_eq!(numbers, [2, 3, 4, 5]);
    assert_eq!(found(&scans, "c.example.com", &[]).len(), 2);
}

#[test]
fn a_scan_of_later_days_is_not_known_yet() {
    let text = line("198.51.100.1", &certificate(&["c.example.com"]), "hello");
    let tomorrow = text.replace("2026-11-21", "2026-11-22");
    assert!(found(&scans(&[tomorrow]).0, "c.example.com", &[]).is_empty());
    let mut late = Scans { wanted: ["example.com".to_owned()].into(), ..Scans::default() };
    let now = Timestamp::from_secs(1_000);
    assert_eq!(late.read(text.as_bytes(), now, now).unwrap().refused, 1, "it lies in the future");
}

#[test]
fn censys_lines_of_both_kinds_are_read() {
    let leaf = json!({"names": ["c.example.com"], "subject": {"common_name": ["c.example.com"]}});
    let host = json!({"ip": "198.51.100.1", "services": [
        {"port": 22, "service_name": "SSH"},
        {"port": 443, "service_name": "HTTP", "observed_at": NOON,
         "http": {"response": {"body_hashes": ["sha1:00", "sha256:aa"]}},
         "tls": {"certificates": {"leaf_fp_sha_256": "FE01", "leaf_data": leaf}}}]});
    let snapshot = json!({"ip": "198.51.100.2", "updated_at": NOON, "p443": {"https": {
        "get": {"body_sha256": "aa"}, "tls": {"certificate": {"parsed": {
            "names": ["c.example.com"], "fingerprint_sha256": "fe01"}}}}}});
    let (scans, report) = scans(&[host.to_string(), snapshot.to_string()]);
    assert_eq!((report.taken, report.damaged), (2, 0), "{report:?}");
    assert_eq!(found(&scans, "c.example.com", &[]), ["198.51.100.1", "198.51.100.2"]);
}

#[test]
fn real_zgrab2_records_are_read() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/pdns"));
    if !folder.exists() {
        return eprintln!("skipped: {} is absent", folder.display());
    }
    let mut scans = Scans { wanted: ["target".to_owned()].into(), ..Scans::default() };
    let mut read = |file: &str| {
        let file = std::fs::File::open(folder.join(file)).unwrap();
        scans.read(file, Timestamp::EPOCH, Timestamp::MAX).unwrap()
    };
    // An HTTPS server whose certificate has the common name `target` alone,
    // which is no name of a server; and one that speaks AMQP, not HTTPS.
    assert_eq!(read("zgrab2_http-https.json").other, 1);
    assert_eq!(read("zgrab2_output.json").without, 1);
}
