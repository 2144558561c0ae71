//! Real router exports decode to their expected counts.
//!
//! The captures and their counts lie beside the project, in `../shared`, and
//! are no part of it: without them these tests print why they are skipped.
//! `expected` in `cases.json` comes from the tests of the projects that the
//! captures were taken from, `reference_decoder` from an independent decoder.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hayrake::decode::{
    Datagram, DecodeCounts, DecodeSettings, Decoded, Decoder, ExporterReport, RateField,
    export_time,
};
use hayrake::model::time::Timestamp;
use hayrake::receive::pcap;
use serde_json::Value;

/// What differs from "everything was decoded", case by case: the number of
/// refused records, sets or datagrams, and why that is right.
const DIFFERENCES: &[(&str, u64, &str)] = &[
    (
        "telegraf: issue_14370",
        1,
        "the last set says 84 bytes and 82 are left: its whole record is decoded and the cut is \
         told; the other sets are padded by more than three bytes, which are no records",
    ),
    (
        "logstash: v5 (spec reads 2 records from a 1728-byte file)",
        1,
        "the header announces 2 records and 1608 bytes follow them, which are no records of this \
         datagram: 2 are decoded and the rest is refused aloud",
    ),
    (
        "tcpdump: sflow_print-segv.pcap",
        1,
        "the datagram ends inside its header: nothing can be decoded",
    ),
];

/// What one stream of captures came to.
struct Stream {
    total: DecodeCounts,
    problems: Vec<String>,
    exporters: Vec<ExporterReport>,
}

fn shared() -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared"));
    if path.is_dir() {
        return Some(path.to_path_buf());
    }
    println!("skipped: the captures of {} are not there", path.display());
    None
}

/// Decodes files in order with one decoder, as one stream.
fn decode(files: &[PathBuf]) -> Stream {
    let mut decoder = Decoder::new(DecodeSettings::default());
    let mut out = Decoded::default();
    let mut total = DecodeCounts::default();
    let mut problems = Vec::new();
    for file in files {
        let bytes = fs::read(file).unwrap();
        let mut one = |datagram: Datagram<'_>| {
            decoder.decode(datagram, &mut out);
            total += out.counts;
            problems.extend(out.problems.iter().map(ToString::to_string));
        };
        if pcap::is_capture(&bytes) {
            for captured in pcap::datagrams(&bytes) {
                let captured = captured.unwrap();
                one(Datagram {
                    source: captured.source,
                    source_port: captured.source_port,
                    received: captured.received,
                    payload: &captured.payload,
                });
            }
        } else {
            one(Datagram {
                source: "192.0.2.1".parse().unwrap(),
                source_port: 2_055,
                received: export_time(&bytes).unwrap_or(Timestamp::from_secs(1_700_000_000)),
                payload: &bytes,
            });
        }
    }
    assert_eq!(decoder.queued(), hayrake::decode::Queued::default(), "{files:?}");
    assert_eq!(
        total.datagrams_received,
        total.datagrams_decoded + total.datagrams_rejected + total.datagrams_unknown_template
    );
    Stream { total, problems, exporters: decoder.exporters() }
}

fn number(value: &Value, path: &[&str]) -> u64 {
    path.iter().fold(value, |value, key| &value[key]).as_u64().unwrap_or(0)
}

#[test]
fn every_case_decodes_to_its_expected_counts() {
    let Some(shared) = shared() else { return };
    let cases: Vec<Value> =
        serde_json::from_slice(&fs::read(shared.join("captures/cases.json")).unwrap()).unwrap();
    assert!(!cases.is_empty());
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let files: Vec<PathBuf> = case["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| shared.join("captures").join(file.as_str().unwrap()))
            .collect();
        let Stream { total, problems, .. } = decode(&files);
        let reference = &case["reference_decoder"];
        // The reference counts sFlow samples apart; for us a flow sample is a
        // flow record like any other.
        let netflow_records = total.records_decoded - total.sflow_flow_samples;
        assert_eq!(netflow_records, number(reference, &["flow_records"]), "{name}");
        assert_eq!(total.option_records, number(reference, &["option_records"]), "{name}");
        let detail = |key| number(reference, &["detail", key]);
        assert_eq!(total.sflow_flow_samples, detail("sf_flow") + detail("sf_xflow"), "{name}");
        assert_eq!(total.sflow_counter_samples, detail("sf_ctr") + detail("sf_xctr"), "{name}");
        // A notice of a discarded packet is a sample, but no flow that passed.
        assert_eq!(total.sflow_other_samples, detail("sf_drop"), "{name}");
        let expected = &case["expected"];
        if let Some(records) = expected["total_records"].as_u64() {
            let ours = total.records_decoded
                + total.option_records
                + total.sflow_counter_samples
                + total.sflow_other_samples;
            assert_eq!(ours, records, "{name}");
        }
        if let Some(records) = expected["flow_records"].as_u64() {
            assert_eq!(total.records_decoded, records, "{name}");
        }
        if let Some(datagrams) = expected["datagrams"].as_u64() {
            assert_eq!(total.datagrams_received, datagrams, "{name}");
        }
        let difference = DIFFERENCES.iter().find(|difference| difference.0 == name);
        let rejected = difference.map_or(0, |difference| difference.1);
        assert_eq!(total.records_rejected, rejected, "{name}: {problems:?}");
        assert_eq!(problems.len() as u64, rejected, "{name}: {problems:?}");
    }
}

#[test]
fn the_sampling_that_real_routers_tell_is_found() {
    let Some(shared) = shared() else { return };
    let pcap = |name: &str| vec![shared.join("captures").join(name)];
    // 304=3, 305=1 and no 309/310: the rate cannot be known, and is not 1.
    let srv6 = decode(&pcap("NetGauze__NetGauze/assets/pcaps/flow/srv6/srv6.pcap"));
    assert_eq!(srv6.total.unknown_sampling, 86);
    assert!(srv6.total.ambiguous_sampling > 0);
    let advice = said(&srv6.exporters[0]);
    assert!(advice.contains("do not tell a count rate"), "{advice}");
    let mx80 =
        "logstash-plugins__logstash-codec-netflow/spec/codecs/netflow5_test_juniper_mx80.dat";
    assert_eq!(rates(&decode(&pcap(mx80)))[&1_000], (29, Some(RateField::Header)));
    let expanded = decode(&pcap("the-tcpdump-group__tcpdump/tests/sflow_expanded.pcap"));
    assert_eq!(rates(&expanded)[&1_000], (1, Some(RateField::Header)));
}

/// All advice about an exporter.
fn said(report: &ExporterReport) -> String {
    report.advice.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Flows and field of each rate, over all exporters.
fn rates(stream: &Stream) -> BTreeMap<u32, (u64, Option<RateField>)> {
    stream
        .exporters
        .iter()
        .flat_map(|exporter| &exporter.sampling)
        .map(|rate| (rate.rate, (rate.flows, rate.field)))
        .collect()
}

// softflowd tells nothing in v5 when it does not sample; in v9 and IPFIX it
// tells 1 in so many words.
#[test]
fn softflowd_exports_decode_with_their_rate() {
    let Some(shared) = shared() else { return };
    for (name, flows, rate) in [
        ("exp_v5_s1", 120, None),
        ("exp_v5_s10", 84, Some((10, RateField::Header))),
        ("exp_v9_s1", 120, Some((1, RateField::Interval))),
        ("exp_v9_s10", 84, Some((10, RateField::Interval))),
        ("exp_v10_s1", 120, Some((1, RateField::PacketInterval))),
        ("exp_v10_s10", 84, Some((10, RateField::PacketInterval))),
    ] {
        let stream = decode(&[shared.join(format!("data/exports/{name}.pcap"))]);
        assert_eq!(stream.total.records_decoded, flows, "{name}");
        assert_eq!(stream.total.records_rejected, 0, "{name}: {:?}", stream.problems);
        assert_eq!(stream.total.implausible_time, 0, "{name}");
        let lost: u64 = stream.exporters[0].sequence.iter().map(|sequence| sequence.lost).sum();
        assert_eq!(lost, 0, "{name}: softflowd numbers IPFIX after counting, which is no loss");
        let expected = rate.map(|(rate, field)| (rate, (flows, Some(field)))).into_iter();
        assert_eq!(rates(&stream), expected.collect(), "{name}");
        assert_eq!(stream.total.unknown_sampling, if rate.is_none() { flows } else { 0 });
    }
}

// nfprobe (v5, v9, IPFIX) and sfprobe at 1:5 and fprobe (v5, v7) without rate,
// all from one address and domain 0 at once.
#[test]
fn five_formats_of_one_address_do_not_mix() {
    let Some(shared) = shared() else { return };
    let stream = decode(&[shared.join("data/exports/exp_pm.pcap")]);
    assert_eq!(stream.exporters.len(), 1);
    let exporter = &stream.exporters[0];
    assert_eq!(exporter.formats.len(), 5);
    assert_eq!(stream.total.records_decoded, 452);
    assert_eq!(stream.total.sflow_flow_samples, 163);
    assert_eq!(stream.total.unknown_sampling, 30 + 39, "fprobe's v5 and v7");
    assert!(exporter.sampling.iter().all(|rate| rate.rate == 5));
    let lost: Vec<_> = exporter.sequence.iter().filter(|sequence| sequence.lost > 0).collect();
    // fprobe's second v7 datagram has number 54 after one of 27 flows: a
    // datagram is missing in the capture.
    assert_eq!(lost.len(), 1);
    assert_eq!((lost[0].unit, lost[0].lost), ("flows", 27));
}

/// Files of the manifest whose counts differ from the reference decoder's, and
/// why that is right.
const MANIFEST_DIFFERENCES: &[(&str, &str)] = &[(
    "logstash-plugins__logstash-codec-netflow/spec/codecs/ipfix.dat",
    "the file holds several messages: we read them all, the reference only the first",
)];

/// Every file of the manifest on its own decodes to what the reference decoder
/// counted: data without template in the file are not decoded by either.
#[test]
fn every_capture_on_its_own_decodes_to_the_manifests_counts() {
    let Some(shared) = shared() else { return };
    let manifest = fs::read_to_string(shared.join("captures/manifest.csv")).unwrap();
    let mut compared = 0;
    for row in manifest.lines().skip(1).map(columns) {
        let (name, counts) = (&row[0], &row[9]);
        let Ok(reference) = serde_json::from_str::<Value>(counts) else { continue };
        let stream = decode_loosely(&shared.join("captures").join(name));
        let count = |key: &str| number(&reference, &[key]);
        let ours = (
            stream.records_decoded - stream.sflow_flow_samples,
            stream.option_records,
            stream.sflow_flow_samples,
            stream.sflow_counter_samples,
        );
        let theirs = (
            count("rec") + count("v5rec"),
            count("optrec"),
            count("sf_flow") + count("sf_xflow"),
            count("sf_ctr") + count("sf_xctr"),
        );
        compared += 1;
        if MANIFEST_DIFFERENCES.iter().any(|(file, _)| file == name) {
            assert_ne!(ours, theirs, "{name} differs no more");
            continue;
        }
        assert_eq!(ours, theirs, "{name}");
    }
    assert!(compared > 100, "{compared}");
}

/// The columns of a line of comma-separated values with quotes.
fn columns(line: &str) -> Vec<String> {
    let mut columns = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => {
                // A doubled quote inside quotes stands for one.
                quoted = !quoted;
                let last = columns.last_mut().unwrap();
                if quoted && !last.is_empty() {
                    last.push('"');
                }
            }
            ',' if !quoted => columns.push(String::new()),
            other => columns.last_mut().unwrap().push(other),
        }
    }
    columns
}

/// Decodes a file whose templates may be elsewhere.
fn decode_loosely(file: &Path) -> DecodeCounts {
    let bytes = fs::read(file).unwrap();
    let mut decoder = Decoder::new(DecodeSettings::default());
    let mut out = Decoded::default();
    let mut total = DecodeCounts::default();
    let mut one = |source, source_port, received, payload: &[u8]| {
        decoder.decode(Datagram { source, source_port, received, payload }, &mut out);
        total += out.counts;
    };
    if pcap::is_capture(&bytes) {
        for captured in pcap::datagrams(&bytes).map_while(Result::ok) {
            one(captured.source, captured.source_port, captured.received, &captured.payload);
        }
    } else {
        let received = export_time(&bytes).unwrap_or(Timestamp::from_secs(1_700_000_000));
        one("192.0.2.1".parse().unwrap(), 2_055, received, &bytes);
    }
    let queued = decoder.queued();
    assert_eq!(
        total.datagrams_received,
        total.datagrams_decoded
            + total.datagrams_unknown_template
            + total.datagrams_rejected
            + queued.datagrams,
        "{}",
        file.display()
    );
    total
}
