//! What survives a restart: answers told live are known again, a checkpoint
//! that cannot be used is set aside, and one that cannot be written stops
//! nothing.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails, and these tests run in real time"
)]

#[path = "support/resolver.rs"]
mod resolver;
mod support;

use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use resolver::{shake_hands, take_leave, told};
use support::{CLASS, Exporter, Hayrake, KETTLE, Site, eventually, line};

const NAMES: [&str; 2] = ["api.kettle.example", "cloud.kettle.example"];

/// A site whose only source is a resolver that tells its answers live.
fn site(state: &str, more: &str) -> Site {
    let site = Site::new();
    site.configure(more);
    let config = fs::read_to_string(site.path("hayrake.yaml")).unwrap();
    let config = config
        .replace("{file: dns.jsonl, coverage: population}", "{dnstap: unix:tap.sock}")
        .replace("state: state", &format!("state: {state}"));
    site.write("hayrake.yaml", &config);
    site
}

/// Tells that the group of this number has its address, and a lot of others.
fn tell(site: &Site, hayrake: &Hayrake, groups: &[usize], others: usize) {
    let taken = "hayrake_dns_answers_total{outcome=\"taken\"}";
    let before = hayrake.metric(taken);
    let mut stream = UnixStream::connect(site.path("tap.sock")).unwrap();
    shake_hands(&mut stream);
    let mut frames: Vec<Vec<u8>> = groups.iter().map(|n| told(NAMES[*n], KETTLE[*n])).collect();
    frames
        .extend((0..others).map(|n| told(&format!("www.other{n}.example"), [192, 0, 2, 7].into())));
    stream.write_all(&frames.concat()).unwrap();
    take_leave(&mut stream);
    let all = (groups.len() + others) as u64;
    eventually("all are taken", || hayrake.metric(taken) == before + all);
}

fn monitored(hayrake: &Hayrake) -> u64 {
    hayrake.metric(&format!("hayrake_class_groups{{class=\"{CLASS}\",level=\"product\"}}"))
}

fn of_dns(hayrake: &Hayrake, metric: &str) -> u64 {
    of(hayrake, "dns", metric)
}

fn of(hayrake: &Hayrake, kind: &str, metric: &str) -> u64 {
    hayrake.metric(&format!("hayrake_checkpoint_{metric}{{kind=\"{kind}\"}}"))
}

/// Sends flows of a line to `server` until they are seen.
fn see(hayrake: &Hayrake, server: Ipv4Addr) {
    let mut exporter = Exporter::new(hayrake.udp);
    exporter.send_template();
    eventually("a flow to an address that was answered is a sighting", || {
        exporter.send_flows(&[line(1)], &[server]);
        std::thread::sleep(Duration::from_millis(100));
        hayrake.metric("hayrake_sightings_total{outcome=\"made\"}") > 0
    });
}

fn warnings(hayrake: &Hayrake) -> String {
    let (status, ready) = hayrake.get("/readyz");
    assert_eq!((status, ready["ready"].as_bool()), (200, Some(true)));
    ready["warnings"].to_string()
}

#[test]
fn a_service_that_is_started_again_knows_what_it_was_told() {
    let site = site("state/of/it", "");
    let hayrake = site.run();
    tell(&site, &hayrake, &[0], 0);
    see(&hayrake, KETTLE[0]);
    assert!(hayrake.terminate().success());
    let mode = |name: &str| fs::metadata(site.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("state/of/it"), 0o700);
    assert_eq!(mode("state/of/it/dns.checkpoint"), 0o600);
    assert!(!site.path("state/of/it/dns.checkpoint.new").exists());
    fs::remove_file(site.path("detections.jsonl")).unwrap();

    // No resolver tells anything now.
    let hayrake = site.run_and_close();
    assert_eq!(monitored(&hayrake), 1);
    assert_eq!(hayrake.metric("hayrake_dns_answers_total{outcome=\"taken\"}"), 0);
    see(&hayrake, KETTLE[0]);
    // The day began knowing nothing, and that is known again as well: what is
    // told later counts.
    tell(&site, &hayrake, &[1], 0);
    eventually("the rules follow", || monitored(&hayrake) == 2);
    assert!(hayrake.terminate().success());
    let detections = site.detections();
    assert!(detections.iter().any(|detection| detection["class"] == CLASS), "{detections:?}");

    // Nothing is told, so nothing is written.
    let before = fs::read(site.path("state/of/it/dns.checkpoint")).unwrap();
    let hayrake = site.run();
    assert_eq!(monitored(&hayrake), 2);
    assert!(hayrake.terminate().success());
    assert_eq!(fs::read(site.path("state/of/it/dns.checkpoint")).unwrap(), before);
}

#[test]
fn a_service_that_is_killed_knows_what_was_last_written() {
    let site = site("state", "checkpoint: {every: 1s}\n");
    let hayrake = site.run();
    tell(&site, &hayrake, &[0, 1], 0);
    eventually("it is written", || of_dns(&hayrake, "last_success_timestamp_seconds") > 0);
    let first = of_dns(&hayrake, "bytes");
    // What was told while the first was being written comes with the second.
    tell(&site, &hayrake, &[], 50);
    eventually("it is written again", || of_dns(&hayrake, "bytes") > first);
    hayrake.signal("-KILL");
    drop(hayrake);
    // What a service leaves that was killed while it wrote.
    site.write("state/dns.checkpoint.new", "half");
    let hayrake = site.run();
    assert_eq!(monitored(&hayrake), 2);
    see(&hayrake, KETTLE[1]);
    tell(&site, &hayrake, &[], 9);
    assert!(hayrake.terminate().success());
    assert!(!site.path("state/dns.checkpoint.new").exists());
}

#[test]
fn a_damaged_checkpoint_is_set_aside_and_the_one_before_is_used() {
    let site = site("state", "");
    for group in [0, 1] {
        let hayrake = site.run();
        tell(&site, &hayrake, &[group], 0);
        assert!(hayrake.terminate().success());
    }
    let newest = site.path("state/dns.checkpoint");
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let mut hayrake = Hayrake::start(&site.path("hayrake.yaml"));
    assert_eq!(monitored(&hayrake), 1, "what the one before knew");
    assert_eq!(of_dns(&hayrake, "set_aside_total"), 1);
    see(&hayrake, KETTLE[0]);
    let said = hayrake.said("is set aside");
    assert!(said.contains("state/dns.checkpoint") && said.contains("checksum"), "{said}");
    assert!(site.path("state/dns.checkpoint.damaged").exists() && !newest.exists());
    assert!(hayrake.terminate().success());

    // One that is cut off, one of another program: both go, and one is kept.
    site.write("state/dns.checkpoint", "hayrake\n and so on");
    site.write("state/dns.checkpoint.1", &"x".repeat(100));
    let hayrake = site.run();
    assert_eq!((monitored(&hayrake), of_dns(&hayrake, "set_aside_total")), (0, 2));
    tell(&site, &hayrake, &[0], 0);
    assert!(hayrake.terminate().success());
    let mut left: Vec<_> = fs::read_dir(site.path("state"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("dns"))
        .collect();
    left.sort();
    assert_eq!(left, ["dns.checkpoint", "dns.checkpoint.damaged"]);
}

#[test]
fn a_state_folder_that_cannot_be_used_stops_nothing_and_is_said() {
    // A folder in a file cannot be made by anybody.
    let site = site("dns.jsonl/state", "checkpoint: {every: 1s}\n");
    let mut hayrake = site.run();
    assert!(hayrake.said("will not survive a restart").contains("dns.jsonl/state"));
    tell(&site, &hayrake, &[0], 0);
    see(&hayrake, KETTLE[0]);
    eventually("it is counted", || of_dns(&hayrake, "failures_total") >= 2);
    eventually("nothing else can be written either", || {
        ["exporters", "evidence"].iter().all(|kind| of(&hayrake, kind, "failures_total") > 0)
    });
    assert!(warnings(&hayrake).contains("would not survive a restart"));
    assert_eq!(of_dns(&hayrake, "last_success_timestamp_seconds"), 0);
    // It is said once, and mended while the service runs.
    fs::remove_file(site.path("dns.jsonl")).unwrap();
    hayrake.wait_for_log("checkpoints are written again");
    eventually("nothing is to be said any more", || {
        !warnings(&hayrake).contains("would not survive a restart")
    });
    let log = hayrake.log_so_far();
    let said = |line: &&str| line.contains("no checkpoint could be written");
    for kind in ["dns", "exporters", "evidence"] {
        let of_kind = |line: &&str| line.contains(&format!("kind=\"{kind}\""));
        assert_eq!(log.lines().filter(said).filter(of_kind).count(), 1, "{kind}: {log}");
    }
    assert!(hayrake.terminate().success());
}

#[test]
fn a_full_disk_stops_nothing_and_keeps_the_checkpoint_before() {
    let site = site("state", "");
    let hayrake = site.run();
    tell(&site, &hayrake, &[0], 0);
    assert!(hayrake.terminate().success());
    let before = fs::read(site.path("state/dns.checkpoint")).unwrap();
    // Files may grow to a block here and no further.
    let binary = env!("CARGO_BIN_EXE_hayrake");
    let limited = format!("trap '' XFSZ; ulimit -f 1; exec {binary} \"$@\"");
    let mut shell = Command::new("bash");
    let mut hayrake =
        Hayrake::start_by(shell.args(["-c", &limited, "hayrake"]), &site.path("hayrake.yaml"));
    tell(&site, &hayrake, &[1], 300);
    see(&hayrake, KETTLE[1]);
    hayrake.signal("-TERM");
    hayrake.wait_for_log("no checkpoint could be written");
    assert!(hayrake.terminate().success());
    assert_eq!(fs::read(site.path("state/dns.checkpoint")).unwrap(), before);
    assert!(!site.path("state/dns.checkpoint.new").exists());
}

#[test]
fn two_services_do_not_share_a_state_folder() {
    let site = site("state", "");
    let hayrake = site.run();
    let mut second = Command::new(env!("CARGO_BIN_EXE_hayrake"));
    let second = second.args(["run", "-c"]).arg(site.path("hayrake.yaml")).output().unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("used by another service"), "{said}");
    tell(&site, &hayrake, &[0], 0);
    assert!(hayrake.terminate().success());
}
