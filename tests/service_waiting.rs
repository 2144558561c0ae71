//! Flows that came before their template, over the end of a service: they are
//! kept sealed under the line key, and decoded when the template comes; whoever
//! has not the key finds nothing of them, and each of them is counted.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails, and these tests run in real time"
)]

mod support;

use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;

use support::{CLASS, Exporter, Hayrake, KETTLE, Site, eventually, line};

const MADE: &str = "hayrake_sightings_total{outcome=\"made\"}";
const LINES: u8 = 20;
/// Flows of one datagram of [`show`].
const FLOWS: u64 = LINES as u64 * 2;
/// Bytes of a checkpoint's envelope, and where its checksums stand.
const ENVELOPE: usize = 32;
const OF_CONTENT: std::ops::Range<usize> = 24..28;
const OF_ENVELOPE: std::ops::Range<usize> = 28..32;

/// Two datagrams whose template has not come, and waits until they wait.
fn show(hayrake: &Hayrake) {
    let lines: Vec<Ipv4Addr> = (1..=LINES).map(line).collect();
    let mut exporter = Exporter::new(hayrake.udp);
    exporter.send_flows(&lines, &KETTLE);
    exporter.send_flows(&lines, &KETTLE);
    eventually("they wait", || hayrake.metric("hayrake_records_queued") == 2);
}

fn records(hayrake: &Hayrake, outcome: &str) -> u64 {
    hayrake.metric(&format!("hayrake_records_total{{outcome=\"{outcome}\"}}"))
}

/// That both sums hold, and what was received since the start: datagrams and
/// records.
fn accounted(hayrake: &Hayrake) -> (u64, u64) {
    let sums = |what: &str| {
        let sum = |end: &str| hayrake.metric_sum(&format!("hayrake_{what}_{end}"));
        let ended = sum("total") + sum("queued");
        assert_eq!(sum("received_total") + sum("carried_over_total"), ended, "{what}");
        sum("received_total")
    };
    (sums("datagrams"), sums("records"))
}

/// That the two that were carried over wait, and are decoded and detected when
/// their template comes.
fn decode(site: &Site, mut hayrake: Hayrake) {
    let told = hayrake.said("read back what exporters told");
    assert!(told.contains("waiting=2"), "{told}");
    assert_eq!(hayrake.metric("hayrake_records_queued"), 2);
    assert_eq!(hayrake.metric("hayrake_datagrams_queued"), 2);
    assert_eq!(hayrake.metric("hayrake_records_carried_over_total"), 2);
    assert_eq!(accounted(&hayrake), (0, 0), "they were received before");
    let (_, status) = hayrake.get("/api/v1/status");
    let of = |what: &str, field: &str| status["input"][what][field].as_u64().unwrap();
    assert_eq!((of("datagrams", "received"), of("datagrams", "carried_over")), (0, 2));
    assert_eq!((of("records", "carried_over"), of("records", "queued")), (2, 2));

    let mut exporter = Exporter::new(hayrake.udp);
    exporter.send_template();
    eventually("they are decoded", || hayrake.metric(MADE) == 2 * FLOWS);
    eventually("nothing waits", || hayrake.metric("hayrake_datagrams_queued") == 0);
    assert_eq!(records(&hayrake, "decoded"), 2 * FLOWS);
    // Each was one record for the service before.
    assert_eq!(accounted(&hayrake), (1, 2 * FLOWS - 2));
    assert!(hayrake.terminate().success());
    let day: Vec<_> = site.detections().into_iter().filter(|d| d["window"] == "24h").collect();
    assert_eq!(day.len(), usize::from(LINES));
    for detection in day {
        assert_eq!(detection["class"], CLASS);
        // Two flows of five packets to each of two servers: once.
        assert_eq!((&detection["packets"], &detection["seen"]), (&20.into(), &2.into()));
    }
}

#[test]
fn flows_that_wait_for_their_template_are_detected_after_a_restart() {
    let site = Site::new();
    let mut hayrake = site.run();
    show(&hayrake);
    assert_eq!(accounted(&hayrake), (2, 2));
    hayrake.signal("-TERM");
    let said = hayrake.wait_for_log("data sets that wait for a template are kept");
    assert!(said.contains("waiting=2"), "{said}");
    assert!(hayrake.terminate().success());
    // Nobody sends anything, and they wait on, with other workers.
    site.configure("workers: {front: 3, back: 2}\n");
    assert!(site.run().terminate().success());
    decode(&site, site.run_and_close());
    // They are not decoded again.
    let hayrake = site.run_and_close();
    assert_eq!(hayrake.metric("hayrake_records_carried_over_total"), 0);
    assert!(hayrake.terminate().success());
}

#[test]
fn flows_that_wait_outlive_a_service_that_is_killed() {
    let site = Site::new();
    site.configure("checkpoint: {every: 1s}\n");
    let hayrake = site.run();
    show(&hayrake);
    let written = || hayrake.metric("hayrake_checkpoint_written_total{kind=\"exporters\"}");
    // Of two that are begun from here on, the second has all of them.
    let before = written();
    let mut exporter = Exporter::new(hayrake.udp);
    eventually("it is written", || {
        exporter.send_template_as(700);
        written() > before + 1
    });
    hayrake.signal("-KILL");
    drop(hayrake);
    decode(&site, site.run_and_close());
}

fn rotate(site: &Site) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hayrake"));
    let command = command.args(["key", "rotate", "-c"]).arg(site.path("hayrake.yaml"));
    assert!(command.output().unwrap().status.success());
}

#[test]
fn a_rotated_key_opens_what_was_sealed_before_and_after() {
    let site = Site::new();
    let mut hayrake = site.run();
    show(&hayrake);
    rotate(&site);
    hayrake.signal("-HUP");
    hayrake.wait_for_log("pseudonyms of lines change");
    assert!(hayrake.terminate().success());
    decode(&site, site.run_and_close());

    // And one that was rotated while nobody ran.
    let site = Site::new();
    let hayrake = site.run();
    show(&hayrake);
    assert!(hayrake.terminate().success());
    rotate(&site);
    decode(&site, site.run_and_close());
}

/// Shows a line by a known template, and two datagrams that wait; ends the service.
fn leave(site: &Site) {
    let hayrake = site.run();
    let mut exporter = Exporter::new(hayrake.udp);
    exporter.send_template_as(700);
    exporter.send_flows_of(700, &[line(1)], &KETTLE);
    eventually("it is seen", || hayrake.metric(MADE) == 2);
    show(&hayrake);
    assert!(hayrake.terminate().success());
}

/// That what waited is lost and counted, and all else is used.
fn find_lost(site: &Site) {
    let mut hayrake = site.run();
    let said = hayrake.said("data sets that waited for a template are lost");
    assert!(said.contains("unopened=2") && said.contains("sealed under another key"), "{said}");
    assert_eq!(hayrake.metric("hayrake_decoded_total{what=\"sets_unopened\"}"), 2);
    assert_eq!(hayrake.metric("hayrake_records_carried_over_total"), 2);
    assert_eq!(records(&hayrake, "unknown_template"), 2);
    assert_eq!(hayrake.metric("hayrake_datagrams_total{outcome=\"unknown_template\"}"), 2);
    assert_eq!(accounted(&hayrake), (0, 0));
    let of_exporters = "hayrake_checkpoint_set_aside_total{kind=\"exporters\"}";
    assert_eq!(hayrake.metric(of_exporters), 0, "the rest of it is good");
    let mut exporter = Exporter::new(hayrake.udp);
    exporter.send_flows_of(700, &[line(1)], &KETTLE);
    eventually("its template is known", || hayrake.metric(MADE) == 2);
    // What waited does not come back, with any template.
    exporter.send_template();
    eventually("all is decoded", || {
        hayrake.metric("hayrake_datagrams_total{outcome=\"decoded\"}") == 2
    });
    assert_eq!((hayrake.metric(MADE), records(&hayrake, "decoded")), (2, 2));
    accounted(&hayrake);
    assert!(hayrake.terminate().success());
}

#[test]
fn under_another_key_what_waited_is_lost_and_it_is_said() {
    let site = Site::new();
    leave(&site);
    site.write("line.key", "00112233445566778899aabbccddeeff\n");
    find_lost(&site);
}

#[test]
fn a_seal_that_was_changed_is_not_opened_and_all_else_is_used() {
    let site = Site::new();
    leave(&site);
    // By somebody who knows how to make the checksums good again.
    let path = site.path("state/exporters.checkpoint");
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.len() - 40;
    bytes[place] ^= 1;
    let content = crc32fast::hash(&bytes[ENVELOPE..]);
    bytes[OF_CONTENT].copy_from_slice(&content.to_le_bytes());
    let envelope = crc32fast::hash(&bytes[..OF_ENVELOPE.start]);
    bytes[OF_ENVELOPE].copy_from_slice(&envelope.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    find_lost(&site);
}

#[test]
fn without_a_state_folder_what_waited_is_lost_and_it_is_said() {
    let site = Site::new();
    site.forget_state();
    let mut hayrake = site.run();
    show(&hayrake);
    hayrake.signal("-TERM");
    let said = hayrake.wait_for_log("data sets that still waited for a template are lost");
    assert!(said.contains("waiting=2"), "{said}");
    assert!(hayrake.terminate().success());
}
