//! Reading scan data, one JSON object a line: zgrab2 (the certificate's DER in
//! base64 at `handshake_log.server_certificates.certificate.raw`), Censys hosts
//! (`services`, names and fingerprint already taken apart) and Censys's older
//! snapshots (`p443.https`).

use std::fmt;
use std::io::{BufRead, Read};
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;

use super::{Fingerprint, Names, Scans, Shown};
use crate::dns::answer::CLOCK_TOLERANCE;
use crate::dns::read::{ReadError, unpacked};
use crate::model::domain::DomainName;
use crate::model::time::Timestamp;

/// Longest line in bytes. A record with a long page in it has some hundred
/// thousand.
pub const LONGEST_LINE: u64 = 4 << 20;
/// What scan data may be.
pub const ALLOWED: &str =
    "zgrab2 or Censys records as JSON, one a line; plain or packed with gzip, zstd or xz";
/// Most problems that are kept of a file.
const MOST_PROBLEMS: usize = 10;

/// What came of a file of scan data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// Lines that are not empty.
    pub lines: u64,
    /// HTTPS servers with a certificate that matters.
    pub taken: u64,
    /// HTTPS servers with a certificate that no signature has to do with.
    pub other: u64,
    /// Lines without an HTTPS server that showed a certificate and a banner.
    pub without: u64,
    /// Lines that could not be read.
    pub damaged: u64,
    /// Servers left out since there are too many, or seen in the future.
    pub refused: u64,
    /// The first problems.
    pub problems: Vec<ScanProblem>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanProblem {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for ScanReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, taken, other, without, damaged, refused, .. } = self;
        write!(
            f,
            "{taken} HTTPS servers with a certificate that matters from {lines} lines; {other} with another, {without} lines without, {damaged} damaged, {refused} refused"
        )
    }
}

/// An HTTPS server as some line tells it.
struct Server {
    fingerprint: Fingerprint,
    names: Names,
    banner: String,
    at: Option<Timestamp>,
}

impl Scans {
    /// Reads a file of scan data, packed with gzip, zstd or xz or plain. Records
    /// without a time were made at `made`; those later than `now` are refused.
    pub fn read(
        &mut self,
        input: impl Read,
        made: Timestamp,
        now: Timestamp,
    ) -> Result<ScanReport, ReadError> {
        let (_, mut input) = unpacked(input)?;
        let mut report = ScanReport::default();
        let (mut line, mut number) = (Vec::new(), 0);
        loop {
            line.clear();
            let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(report);
            }
            number += 1;
            let whole = read as u64 != LONGEST_LINE || line.ends_with(b"\n");
            if !whole {
                skip_line(&mut input)?;
            }
            let text = line.trim_ascii();
            if text.is_empty() {
                continue;
            }
            report.lines += 1;
            let taken = if whole {
                self.take_line(text, made, now, &mut report)
            } else {
                Err(format!("longer than {LONGEST_LINE} bytes"))
            };
            if let Err(what) = taken {
                report.damaged += 1;
                if report.problems.len() < MOST_PROBLEMS {
                    report.problems.push(ScanProblem { line: number, what });
                }
            }
        }
    }

    fn take_line(
        &mut self,
        text: &[u8],
        made: Timestamp,
        now: Timestamp,
        report: &mut ScanReport,
    ) -> Result<(), String> {
        let record: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let address = record["ip"].as_str().or(record["host"]["ip"].as_str());
        let address: IpAddr =
            address.ok_or("no `ip`")?.parse().map_err(|_| "`ip` is no address".to_owned())?;
        let asked: Option<DomainName> =
            record["domain"].as_str().and_then(|name| name.parse().ok());
        let servers = servers(&record)?;
        report.without += u64::from(servers.is_empty());
        for Server { fingerprint, names, banner, at } in servers {
            let at = at.unwrap_or(made);
            if !self.wants(&names.list) {
                report.other += 1;
                continue;
            }
            let (address, banner) = (address.to_canonical(), Arc::from(banner));
            let shown = Shown { address, at, banner, asked: asked.clone() };
            let kept = at <= now.plus(CLOCK_TOLERANCE) && self.insert(&fingerprint, names, shown);
            *(if kept { &mut report.taken } else { &mut report.refused }) += 1;
        }
        Ok(())
    }
}

fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let (used, found) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(place) => (place + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(used);
        if found {
            return Ok(());
        }
    }
}

/// The HTTPS servers of a record, of whichever kind it is.
fn servers(record: &Value) -> Result<Vec<Server>, String> {
    let mut servers = Vec::new();
    if let Some(modules) = record["data"].as_object() {
        for module in modules.values() {
            servers.extend(zgrab2_server(module)?);
        }
        return Ok(servers);
    }
    let host = if record["services"].is_array() { record } else { &record["host"] };
    for service in host["services"].as_array().into_iter().flatten() {
        servers.extend(censys_server(service));
    }
    servers.extend(snapshot_server(record));
    Ok(servers)
}

/// What a zgrab2 module found, if it spoke HTTP over TLS.
fn zgrab2_server(module: &Value) -> Result<Option<Server>, String> {
    let response = &module["result"]["response"];
    let handshake = &response["request"]["tls_log"]["handshake_log"];
    let raw = &handshake["server_certificates"]["certificate"]["raw"];
    let (Some(raw), Some(banner)) = (raw.as_str(), banner(response)) else { return Ok(None) };
    let der = STANDARD.decode(raw).map_err(|error| format!("certificate: {error}"))?;
    let names = names_of(&der)?;
    let at = time(&module["timestamp"]);
    Ok(Some(Server { fingerprint: fingerprint(&der), names, banner, at }))
}

/// A service of a host as Censys tells it now.
fn censys_server(service: &Value) -> Option<Server> {
    let https = |key: &str| service[key].as_str().is_some_and(|name| name.starts_with("HTTP"));
    if !https("service_name") && !https("extended_service_name") {
        return None;
    }
    let response = &service["http"]["response"];
    let certificates = &service["tls"]["certificates"];
    let leaf = &certificates["leaf_data"];
    let fingerprint =
        certificates["leaf_fp_sha_256"].as_str().or(service["certificate"].as_str())?;
    let mut names = Names::default();
    texts(&leaf["names"]).for_each(|name| names.add(name));
    texts(&leaf["subject"]["common_name"]).for_each(|name| names.add_common(name));
    let at = time(&service["observed_at"]);
    let fingerprint = fingerprint.to_ascii_lowercase().into();
    Some(Server { fingerprint, names, banner: banner(response)?, at })
}

/// Port 443 in Censys's older snapshots.
fn snapshot_server(record: &Value) -> Option<Server> {
    let https = &record["p443"]["https"];
    let parsed = &https["tls"]["certificate"]["parsed"];
    let fingerprint = parsed["fingerprint_sha256"].as_str()?.to_ascii_lowercase().into();
    let mut names = Names::default();
    texts(&parsed["names"]).for_each(|name| names.add(name));
    let alternative = &parsed["extensions"]["subject_alt_name"]["dns_names"];
    texts(alternative).for_each(|name| names.add(name));
    texts(&parsed["subject"]["common_name"]).for_each(|name| names.add_common(name));
    let at = time(&record["updated_at"]);
    Some(Server { fingerprint, names, banner: banner(&https["get"])?, at })
}

/// A checksum of the page, as the scanner made it or made here.
fn banner(response: &Value) -> Option<String> {
    let sha256 = |value: &Value| value.as_str().map(|sum| format!("sha256:{sum}"));
    let listed = texts(&response["body_hashes"]).find(|sum| sum.starts_with("sha256:"));
    listed
        .map(str::to_owned)
        .or_else(|| sha256(&response["body_sha256"]))
        .or_else(|| response["body_hash"].as_str().map(str::to_owned))
        .or_else(|| {
            let body = response["body"].as_str()?;
            Some(format!("sha256:{}", fingerprint(body.as_bytes())))
        })
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn time(value: &Value) -> Option<Timestamp> {
    let time: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(Timestamp::from_millis(u64::try_from(time.as_millisecond()).ok()?))
}

fn fingerprint(bytes: &[u8]) -> Fingerprint {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// Every name of a certificate that stands for a server.
fn names_of(der: &[u8]) -> Result<Names, String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der)
        .map_err(|error| format!("certificate: {error}"))?;
    let mut names = Names::default();
    let alternative =
        certificate.subject_alternative_name().map_err(|error| format!("certificate: {error}"))?;
    for name in alternative.iter().flat_map(|extension| &extension.value.general_names) {
        if let GeneralName::DNSName(name) = name {
            names.add(name);
        }
    }
    for name in certificate.subject().iter_common_name() {
        names.add_common(name.as_str().unwrap_or_default());
    }
    Ok(names)
}
