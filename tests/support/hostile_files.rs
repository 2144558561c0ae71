//! What must hold for any bytes whatever in a file that people, providers or
//! makers wrote, and in the captures that the lab reads: the bodies of the fuzz
//! targets, which `tests/hostile_files.rs` runs over mutated files too.
//!
//! The laws: nothing panics, everything that is wrong is said with its place, and
//! what is taken reads back as it is written.

#![allow(dead_code, reason = "the fuzz targets use one body each")]

use std::fmt::Display;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;
use std::sync::LazyLock;

use hayrake::config;
use hayrake::infrastructure::{Ranges, Scans};
use hayrake::lab::capture::{Identity, Recorder};
use hayrake::lab::domains::{Decisions, Grounds, Popular};
use hayrake::lab::manifest;
use hayrake::lab::mud::{self, Given};
use hayrake::lab::traffic::Mode;
use hayrake::model::domain::{DomainName, NamePattern};
use hayrake::model::endpoint::Port;
use hayrake::model::line::LineId;
use hayrake::model::rules::Threshold;
use hayrake::model::time::{Timestamp, Window};
use hayrake::signature::{Finding, SignatureSet, SourceFile, compile, examine, write};

/// A class whose names certificates and profiles may have.
pub(crate) const CLASS: &str = "class: kettle\nname: Kettle\nlevel: product\nvendor: Maker\nthreshold: 0.4\ngroups:\n  - names: [a.maker.example, \"*.edge.maker.example\"]\n    role: primary\n    ports: [443/tcp]\nsources: [\"by hand\"]\nchecked: 2026-11-21\n";

fn source(place: &str, bytes: &[u8]) -> SourceFile {
    SourceFile { place: place.to_owned(), path: place.to_owned(), bytes: bytes.to_vec() }
}

static SIGNATURES: LazyLock<SignatureSet> = LazyLock::new(|| {
    compile(&[source("product/kettle.yaml", CLASS.as_bytes())]).unwrap_or_default()
});

/// Whatever is wrong is said with file and line.
fn said(findings: &[Finding], bytes: &[u8]) {
    let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).count();
    for finding in findings {
        assert!(finding.line >= 1 && finding.line <= lines + 1, "{finding} of {lines} lines");
        assert!(!finding.found.is_empty() && !finding.allowed.is_empty(), "{finding}");
    }
}

/// Any bytes as a configuration.
pub(crate) fn configuration(data: &[u8]) {
    let _ = configured(data);
}

/// Reads a configuration and checks the laws.
pub(crate) fn configured(data: &[u8]) -> Option<config::Config> {
    match config::parse("hayrake.yaml", Path::new("/etc/hayrake"), data) {
        Ok(config) => Some(config),
        Err(findings) => {
            assert!(!findings.is_empty(), "it says why");
            said(&findings, data);
            None
        }
    }
}

/// Any bytes as a file of a signature folder, after one byte that says which,
/// and whether a good class stands beside it.
pub(crate) fn signature(data: &[u8]) {
    let _ = compiled(data);
}

/// Compiles a folder and checks the laws; how many classes it has.
pub(crate) fn compiled(data: &[u8]) -> Option<usize> {
    let (which, bytes) = data.split_first()?;
    let place = ["product/pot.yaml", "defaults.yaml", "owners.yaml", "platform/pot.yaml"]
        [usize::from(which % 4)];
    let mut files = vec![source(place, bytes)];
    if which & 4 != 0 {
        files.push(source("product/kettle.yaml", CLASS.as_bytes()));
    }
    let examined = examine(&files, None);
    let of_it: Vec<_> =
        examined.findings.iter().filter(|finding| *finding.file == *place).cloned().collect();
    said(&of_it, bytes);
    let set = examined.set?;
    for class in &set.classes {
        let text = write(class);
        let mut again = files.clone();
        let name = format!("{}/{}.yaml", class.level.as_str(), class.class);
        again.retain(|file| file.place != name);
        again.push(source(&name, text.as_bytes()));
        let back = compile(&again).unwrap_or_else(|wrong| panic!("{text}\n{wrong:?}"));
        let same = back.classes.iter().find(|other| other.class == class.class);
        assert_eq!(same, Some(class), "{text}");
    }
    Some(set.classes.len())
}

/// Any bytes as a list of prefixes that are left alone.
pub(crate) fn opt_out(data: &[u8]) {
    match config::parse_opt_out("opt-out", data) {
        Ok(prefixes) => {
            for prefix in &prefixes {
                assert_eq!(prefix.network(), prefix.ip(), "no prefix has host bits");
            }
        }
        Err(findings) => said(&findings, data),
    }
}

/// Any bytes as a provider's list of address ranges.
pub(crate) fn ranges(data: &[u8]) {
    let _ = listed(data);
}

/// Reads a list and checks the laws; how many ranges it has.
pub(crate) fn listed(data: &[u8]) -> Option<usize> {
    let mut ranges = Ranges::default();
    let built_in = ranges.len();
    match ranges.read(data, None, "somebody") {
        Ok(report) => {
            assert!(report.ranges > 0 && report.shared <= report.ranges, "{report}");
            assert!(ranges.len() <= built_in + report.ranges);
            assert!(!report.provider.is_empty());
            Some(report.ranges)
        }
        Err(problem) => {
            assert!(problem.to_string().len() < 1_000, "what is wrong is said in short");
            assert_eq!(ranges.len(), built_in, "all of it or nothing");
            None
        }
    }
}

/// Any bytes as a file of scan data, packed or not.
pub(crate) fn scans(data: &[u8]) {
    let _ = scanned(data);
}

/// Reads scan data and checks the laws; how many servers were taken.
pub(crate) fn scanned(data: &[u8]) -> Option<u64> {
    let now = Timestamp::from_secs(1_795_255_200);
    let mut scans = Scans::of_interest_to(&SIGNATURES);
    let report = scans.read(data, now, now).ok()?;
    assert!(report.damaged + report.without <= report.lines, "{report}");
    assert!(report.problems.len() as u64 <= report.damaged);
    assert_eq!(scans.is_empty(), report.taken == 0);
    Some(report.taken)
}

/// Any bytes as the certificate in a record of scan data.
pub(crate) fn certificate(data: &[u8]) {
    let _ = scanned(&record_with(data));
}

/// A record as zgrab2 writes it, with this certificate.
pub(crate) fn record_with(der: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut raw = String::new();
    for chunk in der.chunks(3) {
        let three = [0, 1, 2].map(|at| chunk.get(at).copied().unwrap_or(0));
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for at in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * at)) as usize & 63];
            raw.push(if at <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    serde_json::json!({
        "ip": "203.0.113.9",
        "data": {"http": {
            "timestamp": "2026-11-21T09:00:00Z",
            "result": {"response": {
                "body": "a page",
                "request": {"tls_log": {"handshake_log": {"server_certificates":
                    {"certificate": {"raw": raw}}}}},
            }},
        }},
    })
    .to_string()
    .into_bytes()
}

/// Any bytes as a manufacturer usage description.
pub(crate) fn mud_profile(data: &[u8]) {
    let _ = described(data);
}

/// Reads a profile, makes a candidate of it and checks the laws; how many names
/// it has.
pub(crate) fn described(data: &[u8]) -> Option<usize> {
    let profile = mud::read(data).map_err(|error| assert!(!error.to_string().is_empty())).ok()?;
    let decisions = Decisions::default();
    let popular = Popular::default();
    let grounds = Grounds { signatures: &SIGNATURES, popular: &popular, decisions: &decisions };
    let today = "2026-11-21".parse().ok()?;
    let conversion = mud::convert(&profile, &Given::default(), grounds, today)
        .map_err(|error| assert!(!error.to_string().is_empty()))
        .ok()?;
    if let Some(candidate) = &conversion.candidate {
        let place = format!("product/{}.yaml", conversion.class);
        let findings = examine(&[source(&place, candidate.as_bytes())], None).findings;
        let classes = compile(&[source(&place, candidate.as_bytes())]);
        assert!(classes.is_ok(), "a candidate compiles: {findings:?}\n{candidate}");
    }
    Some(conversion.names.len())
}

/// Any bytes as the captures of a device.
pub(crate) fn device_capture(data: &[u8]) {
    let mac = [2; 6];
    for identity in [Identity::Mac(mac), Identity::Address(IpAddr::from([198, 51, 100, 7]))] {
        let mut recorder = Recorder::new(identity);
        let report = recorder.read("a.pcap", Mode::Idle, data);
        assert!(report.packets <= data.len() as u64 && report.own <= report.packets, "{report:?}");
        let traffic = recorder.finish("kettle", "Maker", "Kettle");
        assert!(serde_json::to_string(&traffic).is_ok());
        for contact in &traffic.contacts {
            assert!(contact.packets <= report.packets, "{contact:?}");
        }
    }
}

/// Any bytes as what a device says to port 443 and 53, in several packets: each
/// behind a byte that says over what it goes and where, and two of length.
pub(crate) fn handshakes(data: &[u8]) {
    device_capture(&spoken(data));
}

/// A capture in which 198.51.100.7 says all this.
pub(crate) fn spoken(data: &[u8]) -> Vec<u8> {
    let mut capture = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        capture.extend(word.to_le_bytes());
    }
    let mut rest = data;
    let mut sequence = [1_u32; 4];
    while let Some(([how, high, low], after)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([*high, *low]) & 0x7ff).min(after.len());
        let (payload, after) = after.split_at(length);
        rest = after;
        let stream = usize::from(how >> 2 & 3);
        let port = 40_000 + u16::try_from(stream).unwrap_or(0);
        let packet = if how & 1 == 0 {
            let begin = sequence[stream];
            sequence[stream] = begin.wrapping_add(u32::try_from(length).unwrap_or(0));
            tcp(port, begin, payload)
        } else {
            udp(port, if how & 2 == 0 { 443 } else { 53 }, payload)
        };
        let length = u32::try_from(packet.len()).unwrap_or(0);
        for word in [1_795_255_200, 0, length, length] {
            capture.extend(u32::to_le_bytes(word));
        }
        capture.extend(packet);
    }
    capture
}

fn ipv4(protocol: u8, payload: usize) -> Vec<u8> {
    let mut bytes = vec![2; 12];
    bytes.extend([0x08, 0, 0x45, 0]);
    bytes.extend(u16::try_from(20 + payload).unwrap_or(20).to_be_bytes());
    bytes.extend([0, 0, 0x40, 0, 64, protocol, 0, 0, 198, 51, 100, 7, 203, 0, 113, 9]);
    bytes
}

fn tcp(port: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = ipv4(6, 20 + payload.len());
    bytes.extend(port.to_be_bytes());
    bytes.extend(443_u16.to_be_bytes());
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0, 0, 0, 2, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

fn udp(port: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = ipv4(17, 8 + payload.len());
    bytes.extend(port.to_be_bytes());
    bytes.extend(to.to_be_bytes());
    bytes.extend(u16::try_from(8 + payload.len()).unwrap_or(8).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

/// Any bytes as the files that the lab is steered with.
pub(crate) fn lab_files(data: &[u8]) {
    let manifest = manifest::read("manifest.yaml", data);
    if let Err(findings) = &manifest {
        said(findings, data);
    }
    if let Err(findings) = Decisions::read("decisions.yaml", data) {
        said(&findings, data);
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Err(wrong) = Popular::read(text)
    {
        assert!(wrong.line >= 1 && wrong.line <= text.lines().count(), "{wrong}");
    }
}

/// Any text as the words that come over HTTP and stand in files: what is taken
/// is shown as something that is taken again, and means the same.
pub(crate) fn words(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    reads_back::<DomainName>(text);
    reads_back::<NamePattern>(text);
    reads_back::<Port>(text);
    reads_back::<LineId>(text);
    reads_back::<Threshold>(text);
    reads_back::<Timestamp>(text);
    let _ = text.parse::<Window>();
    if let Ok(token) = hayrake::publish::token::Token::from_file_content(text) {
        assert!(token.matches(text.trim()) && !token.matches(""));
        assert!(!token.matches(&format!("{}x", text.trim())));
    }
}

fn reads_back<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let shown = value.to_string();
        assert!(shown.parse::<T>().is_ok_and(|again| again == value), "{text:?} as {shown:?}");
    }
}
