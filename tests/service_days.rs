//! What a service does by itself over time: new verdicts at midnight, asking
//! resolvers, and ending when one of its threads fails.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails, and a test's name server needs a thread"
)]

mod support;

use std::net::UdpSocket;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hayrake::config::load;
use hayrake::model::detection::Detection;
use hayrake::model::line::Regions;
use hayrake::model::time::{Timestamp, Window};
use hayrake::orient::LineKey;
use hayrake::orient::reveal::line_named;
use hayrake::service::clock::Clock;
use hayrake::service::{OpenWindows, Options, Service, prefixes};
use support::{Exporter, KETTLE, Site, eventually, line, now};

fn start(site: &Site, clock: Clock, on: impl Fn(&[Detection]) + Send + Sync + 'static) -> Service {
    let windows = OpenWindows::Close;
    let options = Options { clock, config_path: None, observer: Some(Arc::new(on)), windows };
    Service::start(load(&site.path("hayrake.yaml")).unwrap(), options).unwrap()
}

#[test]
fn at_midnight_verdicts_are_made_anew_and_the_day_is_closed() {
    let site = Site::new();
    site.configure("lateness: 1m\n");
    let today = Timestamp::from_secs(now()).day();
    // An hour before midnight, and an hour is five seconds.
    let from = today.end().minus(Duration::from_secs(3_600));
    let clock = Clock::sped_up(from, NonZeroU32::new(720).unwrap());
    let seen: Arc<Mutex<Vec<Detection>>> = Arc::default();
    let service = start(&site, clock, {
        let seen = seen.clone();
        move |detections| seen.lock().unwrap().extend_from_slice(detections)
    });
    let day = || service.current().facts().unwrap().hitlist.day.clone();
    assert_eq!(day(), today.to_string());
    let mut exporter = Exporter::new(service.udp_addresses()[0]);
    exporter.send_template();
    exporter.send_flows(&[line(1)], &KETTLE);
    eventually("the day is closed with its detection", || {
        seen.lock().unwrap().iter().any(|d| d.window == Window::Day && d.start == today.start())
    });
    eventually("the hitlist is of the new day", || day() == today.next().to_string());
    let complete = service.current().complete(Window::Day).unwrap();
    assert_eq!((complete.start, complete.partial), (today.start(), true));
    service.shutdown().unwrap();
}

#[test]
fn a_new_line_key_changes_pseudonyms_at_midnight_and_splits_no_window() {
    let site = Site::new();
    site.configure("lateness: 1m\n");
    let today = Timestamp::from_secs(now()).day();
    let (old, new) = ([1; 16], [2; 16]);
    let written = |key: [u8; 16]| format!("{:032x}", u128::from_be_bytes(key));
    site.write("line.key", &format!("{}\n{} from {}\n", written(old), written(new), today.next()));
    // Two hours before midnight, an hour in five seconds.
    let from = today.end().minus(Duration::from_secs(7_200));
    let clock = Clock::sped_up(from, NonZeroU32::new(720).unwrap());
    let seen: Arc<Mutex<Vec<Detection>>> = Arc::default();
    let service = start(&site, clock, {
        let seen = seen.clone();
        move |detections| seen.lock().unwrap().extend_from_slice(detections)
    });
    let config = load(&site.path("hayrake.yaml")).unwrap();
    let prefixes = prefixes(&config.lines, &mut Regions::default());
    let named = |key| line_named(&line(1).to_string(), &LineKey::new(key), &prefixes).unwrap();
    let mut exporter = Exporter::new(service.udp_addresses()[0]);
    exporter.send_template();
    // Until the day is over and one of the next day's hours is closed.
    let mut sent = 0;
    eventually("both days have detections", || {
        exporter.send_flows(&[line(1)], &KETTLE);
        sent += 1;
        let seen = seen.lock().unwrap();
        let days: Vec<_> = seen.iter().map(|detection| detection.start.day()).collect();
        days.contains(&today) && days.contains(&today.next())
    });
    service.shutdown().unwrap();
    let seen = seen.lock().unwrap();
    for detection in seen.iter() {
        let key = if detection.start.day() == today { old } else { new };
        assert_eq!(detection.line, named(key), "{} {:?}", detection.start, detection.window);
    }
    let days = seen.iter().filter(|detection| detection.window == Window::Day);
    let of_today = days.filter(|detection| detection.start.day() == today).count();
    assert_eq!(of_today, 1, "one line, so one detection of the day, of {sent} flows");
}

#[test]
fn a_rotated_key_is_seen_by_a_running_service_and_waits() {
    let site = Site::new();
    let mut hayrake = site.run();
    let before = std::fs::read_to_string(site.path("line.key")).unwrap();
    let rotated = std::process::Command::new(env!("CARGO_BIN_EXE_hayrake"))
        .args(["key", "rotate", "-c"])
        .arg(site.path("hayrake.yaml"))
        .output()
        .unwrap();
    let told = String::from_utf8(rotated.stdout).unwrap();
    assert!(told.contains("pseudonyms of lines change at ") && told.contains("T00:00:00Z"));
    let after = std::fs::read_to_string(site.path("line.key")).unwrap();
    let (kept, next) = after.split_once('\n').unwrap();
    assert_eq!(kept, before.trim(), "in force until then");
    hayrake.signal("-HUP");
    let log = hayrake.wait_for_log("pseudonyms of lines change");
    hayrake.wait_for_log("reloaded");
    let day = next.trim().rsplit(' ').next().unwrap();
    assert!(log.contains(&format!("from={day}")), "{log}");
    // What is no key is refused, and not shown.
    site.write("line.key", "not-a-key-at-all\n");
    hayrake.signal("-HUP");
    let refused = hayrake.wait_for_log("reload refused");
    assert!(refused.contains("line.key") && !refused.contains("not-a-key"), "{refused}");
    assert!(hayrake.terminate().success());
}

#[test]
fn a_service_whose_thread_has_failed_says_so() {
    let site = Site::new();
    let hour = Window::Hour.start(Timestamp::from_secs(now()));
    // An hour in a second.
    let clock = Clock::sped_up(hour, NonZeroU32::new(3_600).unwrap());
    let mut service = start(&site, clock, |_| panic!("the observer fails"));
    let mut exporter = Exporter::new(service.udp_addresses()[0]);
    exporter.send_template();
    exporter.send_flows(&[line(1)], &KETTLE);
    let failed = service.wait_for_end().unwrap_err();
    assert!(failed.to_string().contains("back"), "{failed}");
}

/// A name server that answers every question for an A record with the first
/// address of the kettle, and every other with nothing.
fn name_server() -> std::net::SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut message = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut message) {
            socket.send_to(&answer(&message[..length]), from).unwrap();
        }
    });
    address
}

/// The answer to a DNS question (RFC 1035 §4.1).
fn answer(question: &[u8]) -> Vec<u8> {
    let name_end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
    let asks_for_a = question[name_end..name_end + 2] == [0, 1];
    let mut answer = question[..2].to_vec();
    // A response, recursion available, no error; one question.
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(asks_for_a), 0, 0, 0, 0]);
    answer.extend(&question[12..name_end + 4]);
    if asks_for_a {
        // The name is the question's; A, IN, 300 seconds, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4]);
        answer.extend(KETTLE[0].octets());
    }
    answer
}

#[test]
fn resolvers_are_asked_before_the_first_verdicts() {
    let site = Site::new();
    let server = name_server();
    let config = std::fs::read_to_string(site.path("hayrake.yaml")).unwrap();
    let asking = format!(
        "dns: {{resolve: {{every: 1h, servers: [\"{server}\"]}}, trust_partial: true}}\nsignatures:"
    );
    let (before, after) = config.split_once("dns: ").unwrap();
    let after = after.split_once("signatures:").unwrap().1;
    site.write("hayrake.yaml", &format!("{before}{asking}{after}"));
    let service = start(&site, Clock::Real, |_| {});
    let facts = service.current().facts().unwrap();
    // Both groups have the same address, so they are one.
    assert_eq!(facts.hitlist.endpoints, 1);
    assert_eq!(facts.rules.classes()[0].monitored(), 1);
    service.shutdown().unwrap();
}
