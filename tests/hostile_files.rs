//! Mutated files and device captures, and the saved corpus of every fuzz target:
//! what cargo-fuzz found worth keeping is run by the stable compiler, too.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/hostile.rs"]
mod hostile;
#[path = "support/hostile_files.rs"]
mod hostile_files;
#[path = "support/mutate.rs"]
mod mutate;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mutate::{mutate, save};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Mutated inputs for each body.
const INPUTS: usize = 3_000;
/// Bytes of all saved inputs together.
const CORPUS: u64 = 2 << 20;

type Body = fn(&[u8]);

/// The body of every fuzz target.
const BODIES: &[(&str, Body)] = &[
    ("certificate", hostile_files::certificate),
    ("configuration", hostile_files::configuration),
    ("decode_checkpoint", hostile::decode_checkpoint),
    ("device_capture", hostile_files::device_capture),
    ("dns_checkpoint", hostile::dns_checkpoint),
    ("dns_file", hostile::dns_file),
    ("dns_message", hostile::dns_message),
    ("dnstap", hostile::dnstap),
    ("evidence_checkpoint", hostile::evidence_checkpoint),
    ("handshakes", hostile_files::handshakes),
    ("ipfix", hostile::ipfix),
    ("lab_files", hostile_files::lab_files),
    ("mud_profile", hostile_files::mud_profile),
    ("netflow5", hostile::netflow5),
    ("netflow7", hostile::netflow7),
    ("netflow9", hostile::netflow9),
    ("opt_out", hostile_files::opt_out),
    ("pcap", hostile::capture),
    ("ranges", hostile_files::ranges),
    ("scans", hostile_files::scans),
    ("sflow", hostile::sflow),
    ("sflow_packet", hostile::sflow_packet),
    ("signature", hostile_files::signature),
    ("words", hostile_files::words),
];

fn fuzz() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

#[test]
fn every_saved_input_of_every_fuzz_target_breaks_no_law() {
    let targets = fs::read_dir(fuzz().join("fuzz_targets")).unwrap();
    let targets: BTreeSet<_> =
        targets.map(|file| file.unwrap().path().file_stem().unwrap().to_owned()).collect();
    let named: BTreeSet<_> = BODIES.iter().map(|(name, _)| (*name).into()).collect();
    assert_eq!(targets, named, "fuzz/fuzz_targets and the bodies run here");
    let mut bytes = 0;
    for (name, body) in BODIES {
        let folder = fuzz().join("corpus").join(name);
        let inputs = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        let mut files: Vec<_> = inputs.map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{folder:?} is empty");
        // What a fuzzer begins with.
        assert!(std::panic::catch_unwind(|| body(&[])).is_ok(), "{name}: no bytes break a law");
        for file in files {
            let input = fs::read(&file).unwrap();
            bytes += input.len() as u64;
            if std::panic::catch_unwind(|| body(&input)).is_err() {
                panic!("{} breaks a law", file.display());
            }
        }
    }
    assert!(bytes <= CORPUS, "{bytes} bytes in fuzz/corpus, allowed: {CORPUS}");
}

/// Runs `body` over mutations of `seeds`; how many of the outcomes said yes.
fn mutated(
    seed: u64,
    seeds: &[Vec<u8>],
    inputs: usize,
    mut body: impl FnMut(&[u8]) -> bool,
) -> usize {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for seed in seeds {
        assert!(body(seed), "what to start from is in order: {:?}", String::from_utf8_lossy(seed));
    }
    let mut taken = 0;
    for _ in 0..inputs {
        let mut bytes = seeds[rng.random_range(0..seeds.len())].clone();
        mutate(&mut rng, &mut bytes, seeds);
        taken += usize::from(body(&bytes));
    }
    taken
}

fn some_of(taken: usize, inputs: usize) {
    assert!(taken > inputs / 50 && taken < inputs, "{taken} of {inputs} were taken");
}

const CONFIGURATION: &str = "listen: [\"0.0.0.0:2055\"]\nexporters:\n  allow: [\"192.0.2.0/24\"]\n  default_sampling: {\"192.0.2.0/24\": 1000}\nlines:\n  prefixes:\n    - {net: 198.51.100.0/22, region: north}\n    - {net: 2001:db8::/32, length: 56}\n  opt_out: {prefixes: [198.51.100.7]}\ndns: {feeds: [{file: pdns.jsonl}], resolve: {every: 1h}}\nstate: /var/lib/hayrake\nhttp: 127.0.0.1:8080\n";

#[test]
fn mutated_configurations_break_no_law() {
    let seeds = [CONFIGURATION.as_bytes().to_vec()];
    some_of(mutated(1, &seeds, INPUTS, |data| hostile_files::configured(data).is_some()), INPUTS);
}

/// A class alone, and one with a parent beside it; the first byte says which.
fn signatures() -> [Vec<u8>; 2] {
    let pot = hostile_files::CLASS.replace("kettle", "pot").replace("a.maker", "b.maker");
    let child = pot.replace("vendor:", "parent: kettle\nvendor:").replace("0.4", "1");
    [[b"\0", pot.as_bytes()].concat(), [b"\x04", child.as_bytes()].concat()]
}

#[test]
fn mutated_signatures_break_no_law() {
    let seeds = signatures();
    some_of(mutated(2, &seeds, INPUTS, |data| hostile_files::compiled(data).is_some()), INPUTS);
}

/// Lists as several providers have them.
fn lists() -> [Vec<u8>; 4] {
    [
        b"192.0.2.0/24\n2001:db8::/32 # x\n198.51.100.7\n".to_vec(),
        br#"{"syncToken":"1","createDate":"2026-11-21-10-00-00","prefixes":[{"ip_prefix":"192.0.2.0/24","region":"eu-1","service":"CLOUDFRONT"}],"ipv6_prefixes":[{"ipv6_prefix":"2001:db8::/32","region":"eu-1","service":"EC2"}]}"#.to_vec(),
        br#"{"addresses":["192.0.2.0/24"],"ipv6_addresses":["2001:db8::/32"]}"#.to_vec(),
        br#"["192.0.2.0/24","2001:db8::/32"]"#.to_vec(),
    ]
}

#[test]
fn mutated_lists_break_no_law() {
    let seeds = lists();
    some_of(mutated(3, &seeds, INPUTS, |data| hostile_files::listed(data).is_some()), INPUTS);
    mutated(4, &seeds, INPUTS, |data| {
        hostile_files::opt_out(data);
        true
    });
}

/// A certificate for `a.maker.example` and `*.maker.example`.
fn certificate() -> Vec<u8> {
    let names = ["a.maker.example".to_owned(), "*.maker.example".to_owned()];
    rcgen::generate_simple_self_signed(names).unwrap().cert.der().to_vec()
}

#[test]
fn mutated_certificates_and_scans_break_no_law() {
    let der = [certificate()];
    let taken = mutated(5, &der, INPUTS, |data| {
        hostile_files::scanned(&hostile_files::record_with(data)) == Some(1)
    });
    some_of(taken, INPUTS);
    let lines = [hostile_files::record_with(&der[0])];
    some_of(mutated(6, &lines, INPUTS, |data| hostile_files::scanned(data) == Some(1)), INPUTS);
}

const PROFILE: &str = r#"{"ietf-mud:mud":{"mud-version":1,"mud-url":"https://maker.example/kettle","last-update":"2026-11-01T00:00:00Z","cache-validity":48,"is-supported":true,"systeminfo":"Kettle","mfg-name":"Maker","from-device-policy":{"access-lists":{"access-list":[{"name":"from"}]}},"to-device-policy":{"access-lists":{"access-list":[{"name":"to"}]}}},"ietf-access-control-list:access-lists":{"acl":[{"name":"from","type":"ipv4-acl-type","aces":{"ace":[{"name":"one","matches":{"ipv4":{"protocol":6,"ietf-acldns:dst-dnsname":"a.maker.example"},"tcp":{"destination-port":{"operator":"eq","port":443},"ietf-mud:direction-initiated":"from-device"}},"actions":{"forwarding":"accept"}}]}},{"name":"to","type":"ipv4-acl-type","aces":{"ace":[]}}]}}"#;

#[test]
fn mutated_profiles_break_no_law() {
    let seeds = [PROFILE.as_bytes().to_vec()];
    some_of(mutated(7, &seeds, INPUTS, |data| hostile_files::described(data) == Some(1)), INPUTS);
}

/// A TLS ClientHello for `a.maker.example`, in a record.
fn client_hello() -> Vec<u8> {
    let name = b"a.maker.example";
    let long = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let names = long(&[&[0][..], &long(name)].concat());
    let extensions = long(&[&[0, 0][..], &long(&names)].concat());
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 0x01, 1, 0], &extensions].concat();
    let message = [&[1, 0][..], &long(&body)].concat();
    [&[22, 3, 1][..], &long(&message)].concat()
}

/// A DNS query and its answer for the same name, in UDP.
fn told(how: u8, payload: &[u8]) -> Vec<u8> {
    [&[how][..], &u16::try_from(payload.len()).unwrap().to_be_bytes(), payload].concat()
}

/// A ClientHello in two parts, a query before one, and QUIC.
fn handshakes() -> [Vec<u8>; 3] {
    let hello = client_hello();
    let (first, second) = hello.split_at(30);
    let query =
        [&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1][..], b"a\x05maker\x07example", &[0, 0, 1, 0, 1]]
            .concat();
    let quic = [&[0xc3, 0, 0, 0, 1, 8][..], &[5; 8], &[0, 0, 0x40, 0x40], &[9; 64]].concat();
    [
        [told(0, first), told(0, second)].concat(),
        [told(3, &query), told(4, &hello)].concat(),
        [told(1, &quic), told(1, &quic)].concat(),
    ]
}

#[test]
fn mutated_handshakes_and_captures_of_devices_break_no_law() {
    let seeds = handshakes();
    let body = |data: &[u8]| {
        hostile_files::handshakes(data);
        true
    };
    mutated(8, &seeds, INPUTS / 2, body);
    let captures: Vec<_> = seeds.iter().map(|seed| hostile_files::spoken(seed)).collect();
    mutated(9, &captures, INPUTS / 2, |data| {
        hostile_files::device_capture(data);
        true
    });
}

const WORDS: [&str; 13] = [
    "a.maker.example",
    "*.maker.example",
    "443/tcp",
    "5000-6000/udp",
    "0.4",
    "1/3",
    "1h",
    "2026-11-21T10:00:00Z",
    "2026-11-21T10:00:00.5+01:00",
    "correct-horse",
    "01043429610ce0a8f798c34c48af62bf",
    "xn--bcher-kva.example",
    "b\u{fc}cher.example",
];

const LAB_FILES: [&str; 2] = [
    "devices:\n  - device: kettle\n    maker: Maker\n    mac: 00:17:88:68:5f:61\n    captures: [a.pcap, {file: b.pcap, mode: idle}]\n",
    "- {domain: a.maker.example, role: primary, reason: x}\n",
];

#[test]
fn mutated_words_and_packets_break_no_law() {
    let seeds = WORDS.map(|word| word.as_bytes().to_vec());
    let body = |data: &[u8]| {
        hostile_files::words(data);
        hostile_files::lab_files(data);
        hostile::sflow_packet(data);
        true
    };
    mutated(10, &seeds, INPUTS, body);
    mutated(11, &LAB_FILES.map(|text| text.as_bytes().to_vec()), INPUTS, body);
}

/// No test: writes what fuzzing begins with where it has nothing better yet.
#[test]
#[ignore = "writes fuzz/corpus"]
fn seeds_are_written() {
    let bytes = |text: &&str| text.as_bytes().to_vec();
    save("configuration", &[bytes(&CONFIGURATION)]);
    save("signature", &signatures());
    save("ranges", &lists());
    save("opt_out", &lists()[..1]);
    save("certificate", &[certificate()]);
    save("scans", &[hostile_files::record_with(&certificate())]);
    save("mud_profile", &[bytes(&PROFILE)]);
    save("handshakes", &handshakes());
    save("device_capture", &handshakes().map(|seed| hostile_files::spoken(&seed)));
    save("lab_files", &LAB_FILES.iter().map(bytes).collect::<Vec<_>>());
    save("words", &WORDS.iter().map(bytes).collect::<Vec<_>>());
}
