//! One exporter read by four workers gives what one worker gives: the same
//! counts and the same detections, while its templates change their layout,
//! options come before, behind and between the data, and template and data share
//! a datagram.

#![allow(clippy::unwrap_used, reason = "a test stops at what cannot be")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use support::{Exporter, Hayrake, KETTLE, Site, eventually, line, now, set};

/// Rounds of the stream, each with another layout and another rate.
const ROUNDS: u32 = 120;
/// Datagrams of a round.
const DATAGRAMS: u32 = 20;
/// Records of a datagram.
const RECORDS: u32 = 26;

#[test]
fn four_workers_with_one_exporter_are_as_good_as_one() {
    // All flows end now, in both runs, whatever hour has begun meanwhile.
    let ended = now();
    let one = run(1, ended);
    let four = run(4, ended);
    assert_eq!(one.counts, four.counts);
    assert!(one.detections.len() > 100, "{}", one.detections.len());
    let differ: Vec<_> = one.detections.symmetric_difference(&four.detections).take(4).collect();
    assert!(differ.is_empty(), "such as {differ:#?}");
}

struct Outcome {
    counts: Vec<(&'static str, u64)>,
    detections: BTreeSet<String>,
}

fn run(fronts: u32, ended: u64) -> Outcome {
    let site = Site::new();
    // The same key, so that the same lines have the same names.
    site.write("line.key", &"5a".repeat(16));
    fs::set_permissions(site.path("line.key"), fs::Permissions::from_mode(0o600)).unwrap();
    site.configure(&format!("workers: {{front: {fronts}, back: 2}}\n"));
    let hayrake = site.run_and_close();
    let mut exporter = Exporter::new(hayrake.udp);
    let mut sent = 0_u64;
    for round in 0..ROUNDS {
        for datagram in 0..DATAGRAMS {
            exporter.send(&sets(round, datagram, ended));
            sent += 1;
        }
        // So much fits into any socket buffer; more may be lost.
        if round % 4 == 3 {
            eventually("it is worked off", || {
                hayrake.metric_sum("hayrake_datagrams_total") == sent
            });
        }
    }
    let records = u64::from(ROUNDS * DATAGRAMS * RECORDS);
    eventually("every record is read", || {
        hayrake.metric("hayrake_records_total{outcome=\"decoded\"}") == records
    });
    let counts = COUNTS.map(|series| (series, hayrake.metric(series))).to_vec();
    eventually("the exporter is reported", || flows_per_rate(&hayrake).1 == records);
    assert_eq!(flows_per_rate(&hayrake).0, u64::from(ROUNDS), "each round has its rate");
    assert!(hayrake.terminate().success());
    let detections = site.detections().into_iter().map(|mut detection| {
        // When they were seen depends on when the test ran.
        for key in ["start", "first", "last"] {
            detection.as_object_mut().unwrap().remove(key);
        }
        detection.to_string()
    });
    Outcome { counts, detections: detections.collect() }
}

const COUNTS: [&str; 7] = [
    "hayrake_records_received_total",
    "hayrake_records_total{outcome=\"decoded\"}",
    "hayrake_datagrams_total{outcome=\"decoded\"}",
    "hayrake_flows_total{orientation=\"from_line\"}",
    "hayrake_flows_total{orientation=\"to_line\"}",
    "hayrake_sightings_total{outcome=\"made\"}",
    "hayrake_queue_dropped_total{queue=\"datagrams\"}",
];

/// How many rates the report of the exporter lists, capped at what it lists,
/// and how many flows it has.
fn flows_per_rate(hayrake: &Hayrake) -> (u64, u64) {
    let (_, answer) = hayrake.get("/api/v1/exporters");
    let exporter = &answer["exporters"][0];
    let rates = exporter["sampling"].as_array().map_or(0, Vec::len) as u64;
    // Thirty-two are listed; the first so many rounds fill the list.
    let rates = if rates == 32 { u64::from(ROUNDS) } else { rates };
    (rates, exporter["flow_records"].as_u64().unwrap_or(0))
}

/// The sets of one datagram. The first of a round brings the round's layout and
/// rate, in an order that changes from round to round, with data of its own.
fn sets(round: u32, datagram: u32, ended: u64) -> Vec<u8> {
    let turned = round % 2 == 1;
    let mut fields =
        vec![(8, 4), (12, 4), (7, 2), (11, 2), (2, 4), (1, 4), (4, 1), (6, 1), (153, 8)];
    if turned {
        fields.reverse();
    }
    let mut template = vec![1, 0, 0, 9];
    for (field, length) in fields {
        template.extend(u16::to_be_bytes(field));
        template.extend(u16::to_be_bytes(length));
    }
    let template = set(0, &template);
    let described = set(1, &[2, 0, 0, 4, 0, 4, 0, 1, 0, 4, 0, 34, 0, 4, 0, 0]);
    let rate = set(512, &[[127, 0, 0, 1], (round + 10).to_be_bytes()].concat());
    let mut data = Vec::new();
    for number in 0..RECORDS {
        let client = line((1 + (round * 7 + datagram * 3 + number) % 250) as u8);
        let server = KETTLE[usize::from(number % 2 == 0)];
        let packets = 1 + round % 50 + number % 3;
        let mut record: Vec<Vec<u8>> = vec![
            client.octets().to_vec(),
            server.octets().to_vec(),
            50_000_u16.to_be_bytes().to_vec(),
            443_u16.to_be_bytes().to_vec(),
            packets.to_be_bytes().to_vec(),
            (packets * 100).to_be_bytes().to_vec(),
            vec![6],
            vec![0x18],
            (ended * 1_000).to_be_bytes().to_vec(),
        ];
        if turned {
            record.reverse();
        }
        data.extend(record.concat());
    }
    let data = set(256, &data);
    if datagram > 0 {
        return data;
    }
    // Templates stand before what they describe only in some rounds; options
    // always hold for the whole datagram.
    let order = match round % 4 {
        0 => [template, described, rate, data],
        1 => [described, rate, template, data],
        2 => [template, data, described, rate],
        _ => [described, template, data, rate],
    };
    order.concat()
}
