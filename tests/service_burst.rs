//! Three times as much as can be carried, for two seconds: what is lost is
//! reported to the datagram. Timing decides how much is lost, never whether the
//! sums hold, and only these are asserted.

#![allow(clippy::unwrap_used, reason = "a test stops at what cannot be")]
#![allow(clippy::print_stdout, reason = "how much was lost is worth knowing")]
#![allow(clippy::disallowed_methods, reason = "a sender keeps to the clock")]

mod support;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use support::{Exporter, Hayrake, KETTLE, Site, eventually, line, set};

const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 99);
/// How long the burst lasts.
const BURST: Duration = Duration::from_secs(2);
/// How long it is found out what can be carried.
const TRIED: Duration = Duration::from_millis(500);
/// Datagrams of either at most, whatever the machine.
const MOST: u64 = 1_000_000;
/// Datagrams that no socket's buffer holds: 32 MB is the most that one is charged.
const MORE_THAN_FIT: u64 = 120_000;
/// Records of a datagram.
const RECORDS: u8 = 26;
/// A gap is loss when so many later datagrams have not filled it.
const REORDER_WINDOW: u64 = 40;

#[test]
fn a_burst_is_received_or_reported_to_the_datagram() {
    burst("workers: {front: 1, back: 1}\n", 1);
}

#[test]
fn a_burst_over_several_sockets_and_workers_is_too() {
    burst("workers: {receive: 2, front: 3, back: 2}\n", 1);
}

#[test]
fn a_burst_in_joined_runs_is_received_or_reported_to_the_datagram() {
    burst("udp_gro: true\nworkers: {front: 1, back: 1}\n", 40);
}

/// A burst of datagrams that the kernel has joined to runs of so many.
fn burst(settings: &str, run: u16) {
    let site = Site::new();
    site.configure(settings);
    let hayrake = site.run();
    let mut exporter = Exporter::new(hayrake.udp);
    exporter.send_template();
    let flows = flows();
    let sum = |name: &str| hayrake.metric_sum(name);
    let queue = || hayrake.metric("hayrake_queue_dropped_total{queue=\"datagrams\"}");
    let received = || sum("hayrake_datagrams_received_total");
    let settled = || {
        let before = received();
        std::thread::sleep(Duration::from_millis(300));
        received() == before && worked_off(&hayrake) + queue() == before
    };

    // What it can carry: how many it works off when there are too many.
    let tried = send(&mut exporter, run, &flows, Duration::ZERO, TRIED);
    let sustained = worked_off(&hayrake) as f64 / TRIED.as_secs_f64();
    eventually("what was tried is worked off", settled);
    let apart = Duration::from_secs_f64(1.0 / (3.0 * sustained.max(1_000.0)));
    let burst = send(&mut exporter, run, &flows, apart, BURST);
    eventually("the burst is worked off", settled);
    // While it stands still the socket's buffer fills up, whatever its size.
    hayrake.signal("-STOP");
    let mut halted = 0;
    while halted < MORE_THAN_FIT {
        halted += send_once(&mut exporter, run, &flows);
    }
    hayrake.signal("-CONT");
    let mut sent = 1 + tried + burst + halted;
    eventually("what the buffer held is worked off", settled);
    // The kernel tells its drops with what it delivers next.
    for _ in 0..REORDER_WINDOW {
        exporter.send_template();
        std::thread::sleep(Duration::from_millis(2));
    }
    sent += REORDER_WINDOW;
    eventually("the kernel tells that it dropped", || sum("hayrake_kernel_drops_total") > 0);
    // Of those it joined, the kernel drops runs and counts runs.
    let dropped = || sum("hayrake_kernel_drops_total") * u64::from(run);
    eventually("what was sent is received or was dropped", || received() + dropped() == sent);
    eventually("what was received is decoded or was dropped", settled);
    let lost = dropped() + queue();
    println!(
        "{}: carried {sustained:.0} datagrams/s, burst {:.0}/s; sent {sent}, of which {lost} are lost, {} in the kernel",
        settings.trim().replace('\n', ", "),
        burst as f64 / BURST.as_secs_f64(),
        lost - queue()
    );
    assert_eq!(hayrake.metric("hayrake_datagrams_total{outcome=\"decoded\"}"), sent - lost);
    let series = "hayrake_sequence_lost_total{exporter=\"127.0.0.1#7\",unit=\"packets\"}";
    eventually("the gaps in the sequence are what was lost", || hayrake.metric(series) == lost);
    let record =
        |name: &str| hayrake.metric(&format!("hayrake_records_total{{outcome=\"{name}\"}}"));
    assert_eq!(hayrake.metric("hayrake_records_received_total"), record("decoded"));
    let sightings = |outcome: &str| {
        hayrake.metric(&format!("hayrake_sightings_total{{outcome=\"{outcome}\"}}"))
    };
    eventually("every sighting becomes evidence", || sightings("in_hour") == sightings("made"));
    assert_eq!(sightings("made") * 2, record("decoded"), "one of two endpoints is on the hitlist");
    assert!(hayrake.terminate().success());
}

/// Sends one datagram every `apart`, or as fast as it goes, in runs, and says how
/// many.
fn send(exporter: &mut Exporter, run: u16, flows: &[u8], apart: Duration, time: Duration) -> u64 {
    let began = Instant::now();
    let mut sent = 0;
    while began.elapsed() < time && sent < MOST {
        if apart * u32::try_from(sent).unwrap() <= began.elapsed() {
            sent += send_once(exporter, run, flows);
        } else {
            std::thread::yield_now();
        }
    }
    sent
}

/// Sends one datagram or one run, and says how many datagrams that were.
fn send_once(exporter: &mut Exporter, run: u16, flows: &[u8]) -> u64 {
    match run {
        1 => exporter.send(flows),
        _ => exporter.send_joined(run, flows),
    }
    u64::from(run)
}

/// A set of flows, every other one to an endpoint on the hitlist.
fn flows() -> Vec<u8> {
    let mut body = Vec::new();
    for number in 0..RECORDS {
        body.extend(line(number + 1).octets());
        body.extend(if number % 2 == 0 { OTHER } else { KETTLE[0] }.octets());
        body.extend([0xc3, 0x50, 0x01, 0xbb, 6, 0x18]);
        for word in [5_u32, 500, 1] {
            body.extend(word.to_be_bytes());
        }
    }
    set(256, &body)
}

/// Datagrams that have an outcome.
fn worked_off(hayrake: &Hayrake) -> u64 {
    hayrake.metric_sum("hayrake_datagrams_total")
}
