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
use hayrake::dns::{
    Coverage, Ending, Format, Knowledge, ReadError, ReadReport, Reading, Refused, read_into,
};
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

/// What a source without times is dated in these tests: 2019-03-01.
const DATED: Timestamp = Timestamp::from_secs(1_551_398_400);

fn load(dns: &mut Knowledge, path: &Path) -> ReadReport {
    try_load(dns, path).unwrap()
}

fn try_load(dns: &mut Knowledge, path: &Path) -> Result<ReadReport, ReadError> {
    let reading = Reading { dated: DATED, ..Reading::new(Coverage::Population, Timestamp::MAX) };
    let name = path.file_name().unwrap().to_string_lossy();
    read_into(dns, &name, File::open(path).unwrap(), &reading)
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
    // Two objects, each with a list of one target.
    assert_eq!((report.format, report.units), (Format::Cof, 2));
    assert_eq!((report.answers, report.damaged), (2, 0));
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
    let reached = addresses_of(&dns, plug, Day(40_000), &|_| ALIAS_HOLD, &|_| false).addresses;
    assert!(!reached.is_empty());
    for reached in reached {
        assert_eq!(reached.presence.from.day().to_string(), "2022-11-22");
        assert_eq!(reached.valid.len(), 1);
        assert_eq!(reached.valid[0].until, reached.presence.until.plus(ALIAS_HOLD));
    }
}

#[test]
fn the_log_of_passivedns_is_read_without_the_words_of_the_program() {
    let Some(path) = shared("pdns/iot23_hue_bridge.passivedns") else { return };
    let mut dns = Knowledge::new();
    let report = load(&mut dns, &path);
    // 26 of its 49 lines hold the separator; the others are banner and totals.
    assert_eq!((report.format, report.units), (Format::PassiveDns, 26));
    assert_eq!((report.answers, report.damaged, report.refusals()), (26, 0, 0));
    // The bridge asked one server for five names, which lead to four others.
    let size = dns.size();
    assert_eq!((size.names, size.addresses, size.facts), (9, 9, 14));
    let hue = dns.find(&"www2.meethue.com".parse().unwrap()).unwrap();
    let day = "2018-10-26T00:00:00Z".parse::<Timestamp>().unwrap().day();
    let reached = addresses_of(&dns, hue, day, &|_| ALIAS_HOLD, &|_| false).addresses;
    // Two aliases lead to the two addresses of the first answer and to the two
    // of the second, half a day later.
    assert_eq!(reached.len(), 4);
    assert!(reached.iter().all(|reached| reached.chain.len() == 3), "{reached:?}");
}

#[test]
fn both_ways_in_which_zeek_writes_its_log_say_the_same() {
    let (Some(table), Some(json)) =
        (shared("pdns/zed_dns.log.gz"), shared("pdns/zed_dns.ndjson.gz"))
    else {
        return;
    };
    let (mut from_table, mut from_json) = (Knowledge::new(), Knowledge::new());
    let table = load(&mut from_table, &table);
    let json = load(&mut from_json, &json);
    assert_eq!((table.format, json.format), (Format::ZeekTable, Format::ZeekJson));
    for report in [&table, &json] {
        // 53,615 records; 39,389 are answers without error to questions for
        // addresses, and hold 79,136 addresses and aliases and 146 signatures.
        assert_eq!((report.units, report.irrelevant, report.damaged), (53_615, 14_226, 0));
        assert_eq!((report.answers + report.refusals(), report.unrelated), (79_136, 146));
        // Every other refusal is a laboratory's own or a blocked name's address.
        assert_eq!(report.refused[&Refused::UnusableAddress], 3_195);
        assert_eq!((report.refused[&Refused::NumericName], report.refused.len()), (4, 2));
        assert_eq!(report.ending, Ending::Complete);
    }
    assert_eq!(from_table.size(), from_json.size());
    let name = from_table.find(&"ise.wrccdc.org".parse().unwrap()).unwrap();
    let day = "2018-03-24T00:00:00Z".parse::<Timestamp>().unwrap().day();
    let reached = addresses_of(&from_table, name, day, &|_| ALIAS_HOLD, &|_| false).addresses;
    assert!(reached.iter().all(|reached| reached.chain.len() == 2), "by way of its alias");
}

/// A name of the host list that lacks its last letters.
const CUT: &str = "reach-redirect-service-alb-1723259814.us-east-1.elb.amazonaws.c";

#[test]
fn a_host_list_gives_addresses_but_no_name_that_may_be_cut() {
    let Some(path) = shared("pdns/intl-iot_tshark_all.hosts.tsv.gz") else { return };
    let mut dns = Knowledge::new();
    let report = load(&mut dns, &path);
    assert_eq!((report.format, report.units), (Format::Hosts, 38_195));
    // 386 names are exactly as long as a cut one.
    assert_eq!(report.refused[&Refused::CutName], 386);
    assert_eq!(dns.find(&CUT.parse().unwrap()), None);
    // 127 spell their own address; one is a hardware address under `local`.
    assert_eq!((report.irrelevant, report.damaged), (127, 1));
    // Private and multicast addresses of the laboratory's network.
    assert_eq!(report.refused[&Refused::UnusableAddress], 141);
    assert_eq!(report.answers, 38_195 - 386 - 127 - 1 - 141);
    let ring = dns.find(&"es.ring.com".parse().unwrap()).unwrap();
    let reached = addresses_of(&dns, ring, DATED.day(), &|_| ALIAS_HOLD, &|_| false).addresses;
    assert!(!reached.is_empty());
    // It was written on one day, and cannot show that nobody else was there.
    assert!(reached.iter().all(|reached| reached.presence.from == DATED && !reached.population));
}

#[test]
fn what_holds_no_dns_is_refused_whole() {
    for (file, why) in [
        ("pdns/pdns-cof.schema.json", "a schema over many lines, no object of it a record"),
        ("pdns/zed_x509.log.gz", "a Zeek table, but of certificates"),
        ("pdns/zgrab2_output.json", "objects, but of scans"),
    ] {
        let Some(path) = shared(file) else { continue };
        let read = try_load(&mut Knowledge::new(), &path);
        assert!(matches!(read, Err(ReadError::UnknownFormat)), "{file}: {why}: {read:?}");
    }
}
