//! Reads real passive DNS and device captures to stated counts.
//!
//! The files are shared with the developers' machines and no part of the
//! package; where they are absent the tests say so and pass.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a panic is how a test fails, and a skip is said"
)]

use std::fs::File;
use std::path::{Path, PathBuf};

use hayrake::dns::chain::{ALIAS_HOLD, addresses_of};
use hayrake::dns::dnstap::MessageType;
use hayrake::dns::{Coverage, Ending, Format, Knowledge, ReadReport, Reading, read_into};
use hayrake::model::time::{Day, Timestamp};

/// The path of a shared file, or a printed reason why there is none.
fn shared(file: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")).join(file);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {file} of the shared data is not here");
    None
}

fn load(dns: &mut Knowledge, path: &Path) -> ReadReport {
    let reading = Reading::new(Coverage::Population, Timestamp::MAX);
    let name = path.file_name().unwrap().to_string_lossy();
    read_into(dns, &name, File::open(path).unwrap(), &reading).unwrap()
}

#[test]
fn the_passive_dns_of_a_laboratory_is_read_to_the_last_line() {
    let Some(path) = shared("pdns/iot_sentinel_2016.cof.jsonl") else { return };
    let mut dns = Knowledge::new();
    let report = load(&mut dns, &path);
    assert_eq!((report.format, report.units, report.damaged), (Format::Cof, 1151, 0));
    assert_eq!((report.answers, report.refusals()), (1151, 0));
    assert_eq!(report.ending, Ending::Complete);
    let size = dns.size();
    assert_eq!((size.names, size.addresses, size.facts), (113, 905, 1151));
}

#[test]
fn the_sample_of_a_public_server_is_read() {
    let Some(path) = shared("pdns/pdns-qof_data.json") else { return };
    let mut dns = Knowledge::new();
    let report = load(&mut dns, &path);
    assert_eq!((report.units, report.answers, report.damaged), (2, 2, 0));
    let name = dns.find(&"www.circl.lu".parse().unwrap()).unwrap();
    assert_eq!(dns.aliases(name, Day(20_000)).count(), 2);
}

/// dnstap files: kinds taken, frames of other kinds, messages of those kinds,
/// those without an address, answers. `dnstap-read -p` shows the same.
///
/// * unbound asked upstream five times: A, AAAA, an alias with three addresses
///   (4), the three addresses again, and a name that does not exist: 9. Its
///   eleven responses to clients repeat these and add what it knew itself.
/// * bind was the authoritative server, so no resolver's response is in its
///   file; its ten responses hold that list twice, the second time without
///   what unbound asked by itself.
/// * Of knot-resolver there are responses to clients only.
/// * dnscollector's file is one question and its response by a dnsdist.
const TAPPED: [(&str, MessageType, u64, u64, u64, u64); 7] = [
    ("unbound-tcp.dnstap", MessageType::ResolverResponse, 27, 5, 1, 9),
    ("unbound-tcp.dnstap", MessageType::ClientResponse, 21, 11, 2, 18),
    ("bind.dnstap", MessageType::ResolverResponse, 20, 0, 0, 0),
    ("bind.dnstap", MessageType::AuthResponse, 10, 10, 2, 18),
    ("kresd.dnstap", MessageType::ClientResponse, 5, 5, 1, 7),
    ("dnscollector_dnstap.fstrm", MessageType::ResolverResponse, 2, 0, 0, 0),
    ("dnscollector_dnstap.fstrm", MessageType::ClientResponse, 1, 1, 0, 1),
];

#[test]
fn dnstap_files_of_servers_are_read_to_the_counts_of_another_reader() {
    for (file, kind, other_types, messages, empty, answers) in TAPPED {
        let Some(path) = shared(&format!("pdns/{file}")) else { continue };
        let reading = Reading {
            types: [kind].into_iter().collect(),
            ..Reading::new(Coverage::Population, Timestamp::MAX)
        };
        let mut dns = Knowledge::new();
        let report = read_into(&mut dns, file, File::open(path).unwrap(), &reading).unwrap();
        assert_eq!((report.format, &report.ending), (Format::Dnstap, &Ending::Complete), "{file}");
        assert_eq!((report.damaged, report.unrelated, report.refusals()), (0, 0, 0), "{file}");
        assert_eq!(
            (report.other_types, report.units, report.irrelevant, report.answers),
            (other_types, messages, empty, answers),
            "{file} {kind}"
        );
    }
}

/// Messages and answers of some captures, as tshark counts the records in the
/// answer sections of responses from UDP port 53.
const COUNTS: [(&str, u64, u64); 7] = [
    ("sentinel/HueBridge.Setup-A-1-STA.pcap", 62, 74),
    ("sentinel/D-LinkCam.Setup-A-2-STA.pcap", 4, 46),
    ("sentinel/D-LinkDayCam.Setup-C-1-STA.pcap", 0, 0),
    ("sentinel/WeMoInsightSwitch.Setup-A-10-STA.pcap", 28, 155),
    ("sentinel/WeMoLink.Setup-A-9-STA.pcap", 25, 173),
    ("fdekeers_tplink-plug.pcap", 3, 20),
    ("safeguards_flood_dns.pcap", 545, 178),
];

#[test]
fn captures_of_devices_are_read_to_the_counts_of_another_reader() {
    for (file, messages, answers) in COUNTS {
        let Some(path) = shared(&format!("pcaps/{file}")) else { continue };
        let report = load(&mut Knowledge::new(), &path);
        assert_eq!((report.format, report.damaged), (Format::Capture, 0), "{file}");
        assert_eq!(
            (report.units, report.answers + report.refusals()),
            (messages, answers),
            "{file}"
        );
        assert_eq!((report.unrelated, report.ending), (0, Ending::Complete), "{file}");
    }
}

#[test]
fn the_addresses_of_a_device_are_dated_by_its_packets() {
    let Some(path) = shared("pcaps/fdekeers_tplink-plug.pcap") else { return };
    let mut dns = Knowledge::new();
    load(&mut dns, &path);
    let plug = dns.find(&"use1-api.tplinkra.com".parse().unwrap()).unwrap();
    let reached = addresses_of(&dns, plug, Day(40_000), &|_| ALIAS_HOLD).addresses;
    assert!(!reached.is_empty());
    for reached in reached {
        assert_eq!(reached.presence.from.day().to_string(), "2022-11-22");
        assert_eq!(reached.valid.len(), 1);
        assert_eq!(reached.valid[0].until, reached.presence.until.plus(ALIAS_HOLD));
    }
}
