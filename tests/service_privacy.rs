//! What a run of the real binary knows of subscribers, and what it never says.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use support::{Exporter, KETTLE, Site, eventually, line};

#[test]
fn who_opts_out_is_never_a_line() {
    let site = Site::new();
    site.write("opt-out", "# by letter\n198.51.100.9\n");
    let config = std::fs::read_to_string(site.path("hayrake.yaml")).unwrap();
    let opt_out = "  key_file: line.key\n  opt_out: {prefixes: [198.51.100.8], file: opt-out}\n";
    site.write("hayrake.yaml", &config.replace("  key_file: line.key\n", opt_out));
    let mut hayrake = site.run();
    let mut exporter = Exporter::new(hayrake.udp);
    let made = || hayrake.metric("hayrake_sightings_total{outcome=\"made\"}");
    let left_alone = || hayrake.metric("hayrake_flows_total{orientation=\"opted_out\"}");
    exporter.send_template();
    exporter.send_flows(&[8, 9, 10].map(line), &KETTLE);
    eventually("all are decoded", || left_alone() == 4 && made() == 2);

    // A list with a mistake is refused whole, and its entries are not repeated.
    site.write("opt-out", "198.51.100.9\n198.51.100.10/24\n");
    hayrake.signal("-HUP");
    let told = hayrake.wait_for_log("opt-out:2: ");
    assert!(!told.contains("198.51.100.10"), "{told}");
    site.write("opt-out", "198.51.100.9\n198.51.100.10\n");
    hayrake.signal("-HUP");
    hayrake.wait_for_log("reloaded");
    exporter.send_flows(&[8, 9, 10].map(line), &KETTLE);
    eventually("all are left alone", || {
        hayrake.metric("hayrake_flows_total{orientation=\"opted_out\"}") == 10
    });
    assert_eq!(hayrake.metric("hayrake_sightings_total{outcome=\"made\"}"), 2);
    assert!(hayrake.terminate().success());
    assert!(site.detections().iter().all(|detection| detection["packets"] == 10));
}
