//! What a restart loses, which is nothing, and what being killed loses, which
//! is at most what came since the last checkpoint: templates, and the evidence
//! of windows that are open.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails, and these tests run in real time"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use hayrake::config::load;
use hayrake::model::flow::FlowRecord;
use hayrake::model::line::RegionId;
use hayrake::model::time::{Timestamp, Window};
use hayrake::orient::{LinePrefix, Orientation, Prefixes, orient};
use hayrake::publish::history::sqlite::Sqlite;
use hayrake::publish::history::{CountsQuestion, History, LinesQuestion, Span};
use hayrake::service::clock::Clock;
use hayrake::service::{OpenWindows, Options, Service};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use support::{CLASS, Exporter, Hayrake, KETTLE, Site, eventually, line, metric, now};

const MADE: &str = "hayrake_sightings_total{outcome=\"made\"}";
const IN_DAY: &str = "hayrake_sightings_total{outcome=\"in_day\"}";

/// The detections of day windows: packets and groups seen by line.
fn days(site: &Site) -> BTreeMap<String, (u64, u64)> {
    let mut lines = BTreeMap::new();
    for detection in site.detections().iter().filter(|d| d["window"] == "24h") {
        let line = detection["line"].as_str().unwrap().to_owned();
        let found = (detection["packets"].as_u64().unwrap(), detection["seen"].as_u64().unwrap());
        assert_eq!(lines.insert(line, found), None, "once a line: {detection}");
    }
    lines
}

fn restored(hayrake: &Hayrake, kind: &str) -> u64 {
    hayrake.metric(&format!("hayrake_checkpoint_restored_records{{kind=\"{kind}\"}}"))
}

#[test]
fn the_first_datagram_is_decoded_and_both_halves_make_one_detection() {
    let site = Site::new();
    // Both groups have to be seen.
    site.write_signature("1");
    let hayrake = site.run();
    let mut exporter = Exporter::new(hayrake.udp);
    let lines: Vec<Ipv4Addr> = (1..=50).map(line).collect();
    exporter.send_template();
    for _ in 0..20 {
        exporter.send_flows(&lines[..25], &KETTLE[..1]);
        exporter.send_flows(&lines[25..], &KETTLE[..1]);
    }
    // At once: what the socket holds is still worked off.
    assert!(hayrake.terminate().success());
    assert_eq!(site.detections(), [] as [serde_json::Value; 0], "no window is over");

    // No template is sent, and the workers are others.
    site.configure("workers: {front: 3, back: 2}\n");
    let hayrake = site.run();
    assert_eq!((restored(&hayrake, "exporters"), restored(&hayrake, "evidence")), (1, 100));
    let mut exporter = Exporter::new(hayrake.udp);
    exporter.send_flows(&lines[..1], &KETTLE[1..]);
    eventually("it is decoded", || {
        hayrake.metric("hayrake_datagrams_total{outcome=\"decoded\"}") == 1
    });
    for line in &lines[1..] {
        exporter.send_flows(&[*line], &KETTLE[1..]);
    }
    eventually("all are seen", || hayrake.metric(IN_DAY) == 50);
    assert_eq!(hayrake.metric("hayrake_datagrams_queued"), 0);
    assert_eq!(hayrake.metric("hayrake_evidence_touches"), 200);
    assert!(hayrake.terminate().success());

    // Nothing that was taken in is lost: 20 flows of five packets, and one.
    assert!(site.run_and_close().terminate().success());
    let days = days(&site);
    assert_eq!(days.len(), 50);
    assert!(days.values().all(|found| *found == (105, 2)), "{days:?}");
    // They are closed now and do not come again.
    let written = site.detections().len();
    let hayrake = site.run_and_close();
    assert_eq!((restored(&hayrake, "exporters"), restored(&hayrake, "evidence")), (1, 0));
    assert!(hayrake.terminate().success());
    assert_eq!(site.detections().len(), written);
}

/// Shows the class on a line and waits until it is evidence.
fn see(hayrake: &Hayrake) {
    let mut exporter = Exporter::new(hayrake.udp);
    exporter.send_template();
    exporter.send_flows(&[line(1)], &KETTLE);
    eventually("it is seen", || hayrake.metric(IN_DAY) == 2);
}

#[test]
fn windows_that_cannot_be_kept_are_closed_early_and_it_is_said() {
    let site = Site::new();
    site.forget_state();
    let mut hayrake = site.run();
    see(&hayrake);
    hayrake.signal("-TERM");
    hayrake.wait_for_log("windows still open cannot be kept");
    hayrake.wait_for_log("windows still open were closed early");
    assert!(hayrake.terminate().success());
    assert_eq!(days(&site).len(), 1);
}

#[test]
fn evidence_under_another_key_is_set_aside_and_it_is_said_why() {
    let site = Site::new();
    let hayrake = site.run();
    see(&hayrake);
    assert!(hayrake.terminate().success());
    let file = |name: &str| site.path(&format!("state/evidence.checkpoint{name}"));
    assert!(file("").exists());
    let key = fs::read_to_string(site.path("line.key")).unwrap();
    site.write("line.key", "00112233445566778899aabbccddeeff\n");
    let mut hayrake = site.run();
    let said = hayrake.said("is set aside");
    assert!(said.contains("by another key than that in `lines.key_file`"), "{said}");
    assert!(!said.contains(key.trim()) && !hayrake.log_so_far().contains("00112233"));
    assert_eq!(restored(&hayrake, "evidence"), 0);
    assert_eq!(restored(&hayrake, "exporters"), 1, "templates have nothing to do with it");
    assert!(hayrake.terminate().success());
    assert!(file(".damaged").exists() && !file("").exists());
    // With the former key it can be used, as the log says.
    fs::rename(file(".damaged"), file("")).unwrap();
    site.write("line.key", &key);
    assert!(site.run_and_close().terminate().success());
    assert_eq!(days(&site).len(), 1);
}

/// How much faster than the system's the clock runs of the services that are
/// killed: an hour in a second.
const FACTOR: u32 = 3_600;
/// Killed so often.
const KILLS: usize = 20;
/// Fields that start a service of the test below.
const AT: &str = "HAYRAKE_TEST_SITE";
const FROM: &str = "HAYRAKE_TEST_FROM";
const CLOSE: &str = "HAYRAKE_TEST_CLOSE";

/// No test by itself: the service that the next test kills, in a process of its
/// own, on a clock that closes windows while it is being killed. It ends in
/// order when its input does.
#[test]
fn a_service_in_a_process_of_its_own() {
    let Ok(config) = std::env::var(AT) else {
        println!("skipped: it is started by another test");
        return;
    };
    let from = Timestamp::from_millis(std::env::var(FROM).unwrap().parse().unwrap());
    let clock = Clock::sped_up(from, NonZeroU32::new(FACTOR).unwrap());
    let close = std::env::var(CLOSE).is_ok();
    let windows = if close { OpenWindows::Close } else { OpenWindows::Keep };
    let options = Options { clock, windows, ..Options::default() };
    let service = Service::start(load(config.as_ref()).unwrap(), options).unwrap();
    println!("\nready {} {}", service.udp_addresses()[0], service.http_address());
    std::io::stdin().read_line(&mut String::new()).unwrap();
    service.shutdown().unwrap();
}

struct Victim {
    child: Child,
    /// Kept, since it writes a last line when it ends in order.
    _output: BufReader<ChildStdout>,
    udp: SocketAddr,
    http: SocketAddr,
}

impl Victim {
    fn start(site: &Site, from: Timestamp, close: bool) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "a_service_in_a_process_of_its_own", "--nocapture"])
            .env(AT, site.path("hayrake.yaml"))
            .env(FROM, from.as_millis().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if close {
            command.env(CLOSE, "1");
        }
        let mut child = command.spawn().unwrap();
        let mut ready = None;
        let mut output = BufReader::new(child.stdout.take().unwrap());
        for line in output.by_ref().lines() {
            let line = line.unwrap();
            if let Some(addresses) = line.strip_prefix("ready ") {
                let (udp, http) = addresses.split_once(' ').unwrap();
                ready = Some((udp.parse().unwrap(), http.parse().unwrap()));
                break;
            }
        }
        let (udp, http) = ready.unwrap();
        Self { child, _output: output, udp, http }
    }

    fn written(&self) -> u64 {
        metric(self.http, "hayrake_checkpoint_written_total{kind=\"evidence\"}")
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn being_killed_loses_the_last_interval_and_repeats_nothing() {
    let site = Site::new();
    site.configure("lateness: 1h\ncheckpoint: {every: 1s}\n");
    let today = now();
    let answers: String = ["api.kettle.example", "cloud.kettle.example"]
        .iter()
        .zip(KETTLE)
        .map(|(name, address)| {
            let (first, last) = (today - 3 * 86_400, today + 60 * 86_400);
            format!("{{\"rrname\":\"{name}.\",\"rrtype\":\"A\",\"rdata\":\"{address}\",\"time_first\":{first},\"time_last\":{last},\"count\":50}}\n")
        })
        .collect();
    site.write("dns.jsonl", &answers);
    let began = Instant::now();
    let base = Timestamp::from_secs(today);
    let clock = || base.plus(began.elapsed() * FACTOR);
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    let (mut confirmed, mut sent) = (BTreeSet::new(), 0_u8);
    for kill in 0..KILLS {
        let victim = Victim::start(&site, clock(), false);
        let mut exporter = Exporter::new(victim.udp);
        exporter.send_template();
        let for_sure = kill % 3 == 0;
        let until = Instant::now() + Duration::from_millis(rng.random_range(0..700));
        let mut of_this = 0_u64;
        loop {
            sent += 1;
            of_this += 1;
            exporter.send_flows(&[line(sent)], &KETTLE);
            if Instant::now() >= until || of_this == 10 {
                break;
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        if for_sure {
            // Of two checkpoints from here on, the second was begun when all of
            // this was evidence.
            eventually("all is seen", || {
                metric(victim.http, MADE) == 2 * of_this
                    && metric(victim.http, IN_DAY) == 2 * of_this
            });
            let before = victim.written();
            let mut more = 0;
            eventually("it is written", || {
                // Only what is new is written.
                if victim.written() > before + 1 {
                    return true;
                }
                more += 1;
                exporter.send_flows(&[line(255)], &KETTLE);
                false
            });
            confirmed.extend((0..of_this).map(|n| sent - u8::try_from(n).unwrap()));
        }
        // Anywhere between two checkpoints, and while windows close.
        std::thread::sleep(Duration::from_millis(rng.random_range(0..300)));
        drop(victim);
    }
    let mut last = Victim::start(&site, clock(), true);
    drop(last.child.stdin.take());
    assert!(last.child.wait().unwrap().success());

    let (mut once, mut claimed) = (BTreeSet::new(), BTreeMap::<_, BTreeSet<String>>::new());
    let names = names(&site);
    for detection in site.detections() {
        assert_eq!(detection["class"], CLASS);
        let text = |field: &str| detection[field].as_str().unwrap().to_owned();
        let identity = (text("window"), text("start"), text("line"));
        assert!(once.insert(identity), "twice: {detection}");
        let line = names[&text("line")];
        if line == 255 {
            continue;
        }
        // Every line was shown once, by two flows of five packets.
        assert_eq!(detection["packets"], 10, "in part, or more than once: {detection}");
        assert!(claimed.entry(line).or_default().insert(text("window")), "in two: {detection}");
    }
    println!("{sent} lines shown, {} for sure, {} claimed", confirmed.len(), claimed.len());
    for line in &confirmed {
        let windows = claimed.get(line).map_or(0, BTreeSet::len);
        assert_eq!(windows, 2, "line {line} was in a checkpoint and is lost: {claimed:?}");
    }
    assert!(confirmed.len() >= 7 && claimed.len() <= usize::from(sent));
    history_has_each_line_once(&site, &names, &confirmed);
}

/// That the history has every line that was in a checkpoint, in one hour and one
/// day, and that its counts are those lines.
fn history_has_each_line_once(site: &Site, names: &BTreeMap<String, u8>, confirmed: &BTreeSet<u8>) {
    let history = Sqlite::reading(&site.path("state")).unwrap();
    let days = history.known(Window::Day).unwrap().days.unwrap();
    let (mut hours, mut of_days) = (BTreeMap::<Timestamp, u64>::new(), BTreeMap::new());
    let mut seen = BTreeMap::<u8, (usize, usize)>::new();
    let question = LinesQuestion { days, line: None, class: None };
    history
        .lines(&question, &mut |found| {
            for hour in found.claimed.hours() {
                let start = found.day.start().plus(Duration::from_secs(3_600) * hour);
                *hours.entry(start).or_default() += 1;
            }
            *of_days.entry(found.day.start()).or_default() += u64::from(found.claimed.has_day());
            let windows = seen.entry(names[&found.line.to_string()]).or_default();
            windows.0 += found.claimed.hours().count();
            windows.1 += usize::from(found.claimed.has_day());
            ControlFlow::Continue(())
        })
        .unwrap();
    for line in confirmed {
        assert_eq!(seen.get(line), Some(&(1, 1)), "line {line} in the history");
    }
    let mut closed = 0;
    for (window, lines) in [(Window::Hour, &hours), (Window::Day, &of_days)] {
        let span = Span { from: Timestamp::EPOCH, to: Timestamp::MAX };
        let question = CountsQuestion { window, span, class: Some(CLASS.into()) };
        history
            .counts(&question, &mut |point| {
                let counted: u64 = point.cells.iter().map(|cell| cell.lines).sum();
                let expected = lines.get(&point.start).copied().unwrap_or(0);
                assert_eq!(counted, expected, "{window} from {}", point.start);
                closed += counted;
                ControlFlow::Continue(())
            })
            .unwrap();
    }
    assert!(closed > 0, "windows were closed while it was being killed");
}

/// The lines of the site by their pseudonyms.
fn names(site: &Site) -> BTreeMap<String, u8> {
    let key = hayrake::service::key::line_key(&site.path("line.key")).unwrap();
    let mut prefixes = Prefixes::default();
    let whole = LinePrefix { length: 32, region: RegionId(0) };
    prefixes.insert("198.51.100.0/24".parse().unwrap(), whole);
    let name = |last: u8| {
        let (source, destination) = (line(last).into(), KETTLE[0].into());
        let flow = FlowRecord { source, destination, ..FlowRecord::EMPTY };
        let Orientation::Line(oriented) = orient(&prefixes, flow.source, flow.destination) else {
            panic!("no line")
        };
        (key.pseudonym(&oriented.line(&flow)).to_string(), last)
    };
    (0..=255).map(name).collect()
}
