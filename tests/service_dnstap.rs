//! Resolvers that tell their answers live: a sender of our own, made as the
//! real ones are, against the running service.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails, and these tests run in real time"
)]

#[path = "support/resolver.rs"]
mod resolver;
mod support;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hayrake::config::{DnstapSocket, load};
use hayrake::dns::dnstap::frames::{ControlKind, control_frame};
use hayrake::model::detection::Detection;
use hayrake::model::time::Timestamp;
use hayrake::service::clock::Clock;
use hayrake::service::{OpenWindows, Options, Service, StartError};
use resolver::{data, shake_hands, take_leave, told};
use support::{CLASS, Exporter, KETTLE, Site, eventually, line, now};

/// A site whose answers come by dnstap from `feeds`, and from nowhere else.
fn site(feeds: &str) -> Site {
    let site = Site::new();
    feed(&site, feeds);
    site
}

fn feed(site: &Site, feeds: &str) {
    let config = std::fs::read_to_string(site.path("hayrake.yaml")).unwrap();
    let (before, after) = config.split_once("dns: ").unwrap();
    let after = after.split_once("signatures:").unwrap().1;
    site.write("hayrake.yaml", &format!("{before}dns: {{feeds: {feeds}}}\nsignatures:{after}"));
}

fn start_at(site: &Site, clock: Clock) -> Service {
    let config_path = Some(site.path("hayrake.yaml"));
    let options = Options { clock, config_path, ..Options::default() };
    Service::start(load(&site.path("hayrake.yaml")).unwrap(), options).unwrap()
}

fn start(site: &Site) -> Service {
    start_at(site, Clock::Real)
}

fn unix(site: &Site) -> UnixStream {
    UnixStream::connect(site.path("tap.sock")).unwrap()
}

/// A series of a feed's metric, the feed being the site's unix socket.
fn of_feed(service: &Service, metric: &str, more: &str) -> u64 {
    let text = service.metrics().text().unwrap();
    let start = format!("hayrake_dns_feed_{metric}{{feed=\"unix:");
    let line = text.lines().find(|line| line.starts_with(&start) && line.contains(more));
    line.and_then(|line| line.rsplit_once(' ')).map_or(0, |(_, value)| value.parse().unwrap())
}

fn closed(service: &Service, why: &str) -> u64 {
    of_feed(service, "closed_total", &format!("why=\"{why}\""))
}

fn monitored(service: &Service) -> usize {
    service.current().facts().unwrap().rules.classes()[0].monitored()
}

fn sightings(service: &Service) -> u64 {
    service.metrics().sightings.with_label_values(&["made"]).get()
}

/// One flow of line `last` to each server, sent until it is seen or time is up.
fn seen(service: &Service, exporter: &mut Exporter, last: u8, server: Ipv4Addr) {
    let before = sightings(service);
    eventually("a flow to an address that was answered is a sighting", || {
        exporter.send_flows(&[line(last)], &[server]);
        std::thread::sleep(Duration::from_millis(100));
        sightings(service) > before
    });
}

#[test]
fn an_answer_told_a_moment_ago_makes_a_flow_a_detection() {
    let site = site("[{dnstap: unix:tap.sock}]");
    let detections: Arc<Mutex<Vec<Detection>>> = Arc::default();
    let options = Options {
        clock: Clock::Real,
        config_path: None,
        observer: Some(Arc::new({
            let detections = detections.clone();
            move |new: &[Detection]| detections.lock().unwrap().extend_from_slice(new)
        })),
        windows: OpenWindows::Close,
    };
    let service = Service::start(load(&site.path("hayrake.yaml")).unwrap(), options).unwrap();
    let mode = std::fs::metadata(site.path("tap.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let mut exporter = Exporter::new(service.udp_addresses()[0]);
    exporter.send_template();
    assert_eq!(monitored(&service), 0, "nothing is known yet");
    assert!(!service.current().ready().warnings.is_empty());

    let mut resolver = unix(&site);
    shake_hands(&mut resolver);
    resolver.write_all(&told("api.kettle.example", KETTLE[0])).unwrap();
    seen(&service, &mut exporter, 1, KETTLE[0]);
    assert_eq!(monitored(&service), 1);
    // The day began knowing nothing: what is told later counts as well.
    resolver.write_all(&told("cloud.kettle.example", KETTLE[1])).unwrap();
    seen(&service, &mut exporter, 1, KETTLE[1]);
    assert_eq!(monitored(&service), 2);
    assert!(service.current().ready().warnings.is_empty());

    assert_eq!(of_feed(&service, "connections", ""), 1);
    take_leave(&mut resolver);
    eventually("the end is counted", || closed(&service, "finished") == 1);
    assert_eq!(of_feed(&service, "connections", ""), 0);
    assert_eq!(of_feed(&service, "messages_total", "wanted"), 2);
    assert_eq!(of_feed(&service, "answers_total", "taken"), 2);
    assert!(of_feed(&service, "last_answer_timestamp_seconds", "").abs_diff(now()) < 30);
    service.shutdown().unwrap();
    assert!(!site.path("tap.sock").exists(), "the socket goes with the service");
    let detections = detections.lock().unwrap();
    assert!(detections.iter().any(|detection| *detection.class == *CLASS));
}

#[test]
fn on_a_day_that_began_with_answers_endpoints_come_and_the_groups_stay() {
    let site = Site::new();
    let answers = std::fs::read_to_string(site.path("dns.jsonl")).unwrap();
    site.write("dns.jsonl", answers.lines().next().unwrap());
    feed(&site, "[{file: dns.jsonl}, {dnstap: unix:tap.sock}]");
    let service = start(&site);
    assert_eq!(monitored(&service), 1);
    let mut exporter = Exporter::new(service.udp_addresses()[0]);
    exporter.send_template();
    let mut resolver = unix(&site);
    shake_hands(&mut resolver);
    let more = Ipv4Addr::new(203, 0, 113, 77);
    let both = [told("cloud.kettle.example", KETTLE[1]), told("api.kettle.example", more)];
    resolver.write_all(&both.concat()).unwrap();
    seen(&service, &mut exporter, 1, more);
    assert_eq!(monitored(&service), 1, "N is frozen for the day");

    // What was told live is in no file and must outlive a reload.
    site.write_signature("1");
    eventually("the signature is read again", || {
        service.metrics().reloads.with_label_values(&["accepted"]).get() == 1
    });
    assert_eq!(monitored(&service), 2, "an operator's reload makes verdicts anew");
    seen(&service, &mut exporter, 2, more);
    seen(&service, &mut exporter, 3, KETTLE[1]);
    service.shutdown().unwrap();
}

#[test]
fn several_resolvers_talk_at_once_over_unix_and_tcp() {
    let site = site("[{dnstap: unix:tap.sock}, {dnstap: 'tcp:127.0.0.1:0', coverage: partial}]");
    let service = start(&site);
    let [_, DnstapSocket::Tcp(tcp)] = service.dnstap_sockets() else { panic!("two sockets") };
    let mut over_unix = [unix(&site), unix(&site)];
    let mut over_tcp = TcpStream::connect(tcp).unwrap();
    over_unix.iter_mut().for_each(shake_hands);
    shake_hands(&mut over_tcp);
    over_unix[0].write_all(&told("api.kettle.example", KETTLE[0])).unwrap();
    over_tcp.write_all(&told("api.kettle.example", KETTLE[1])).unwrap();
    over_unix[1].write_all(&told("cloud.kettle.example", [203, 0, 113, 9].into())).unwrap();
    // A population's answers make a group; a partial source adds an address.
    eventually("all are known", || {
        let facts = service.current().facts().unwrap();
        (monitored(&service), facts.hitlist.endpoints) == (2, 3)
    });
    over_unix.iter_mut().for_each(take_leave);
    take_leave(&mut over_tcp);
    service.shutdown().unwrap();
}

#[test]
fn a_sender_that_says_nonsense_loses_its_connection_and_nothing_else() {
    let site = site("[{dnstap: unix:tap.sock}]");
    let service = start(&site);
    let start = control_frame(ControlKind::Start);
    let stop = control_frame(ControlKind::Stop);
    let ready = control_frame(ControlKind::Ready);
    let whole = told("api.kettle.example", KETTLE[0]);
    let cases: [(&str, Vec<u8>, &str); 8] = [
        (
            "other content",
            [&start[..8], &[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 22], &[b'x'; 22]].concat(),
            "framing",
        ),
        ("oversized", [&*start, &[0, 0x20, 0, 0]].concat(), "framing"),
        ("no START", whole.clone(), "framing"),
        ("STOP first", stop.clone(), "framing"),
        ("READY twice", [&*ready, &ready].concat(), "framing"),
        ("half a frame", [&*start, &whole[..9]].concat(), "broken_off"),
        ("no STOP", [&*start, &whole].concat(), "broken_off"),
        ("one way", [&*start, &whole, &stop].concat(), "finished"),
    ];
    let mut good = unix(&site);
    shake_hands(&mut good);
    for (what, bytes, why) in cases {
        let before = closed(&service, why);
        let mut sender = unix(&site);
        sender.write_all(&bytes).unwrap();
        sender.shutdown(std::net::Shutdown::Write).unwrap();
        eventually(what, || closed(&service, why) == before + 1);
    }
    // A frame that cannot be understood is skipped; slow senders are waited for.
    let frames = [data(b"nonsense"), told("cloud.kettle.example", KETTLE[1])].concat();
    for byte in frames {
        good.write_all(&[byte]).unwrap();
    }
    eventually("the good one goes on", || monitored(&service) == 2);
    assert_eq!(of_feed(&service, "answers_total", "damaged"), 1);
    assert_eq!(of_feed(&service, "answers_total", "taken"), 3);
    service.shutdown().unwrap();
}

#[test]
fn those_who_only_hold_a_place_lose_it_and_until_then_others_are_refused() {
    let site = site("[{dnstap: unix:tap.sock}]");
    let service = start(&site);
    let held: Vec<_> = (0..64).map(|_| unix(&site)).collect();
    eventually("all are taken", || of_feed(&service, "connections", "") == 64);
    let mut one_more = unix(&site);
    assert_eq!(one_more.read(&mut [0]).unwrap(), 0, "it is hung up on");
    assert_eq!(closed(&service, "refused"), 1);
    // Half of them say a part of START and no more; none keeps its place.
    for mut stream in held.iter().take(32) {
        stream.write_all(&control_frame(ControlKind::Start)[..20]).unwrap();
    }
    eventually("there is room again", || closed(&service, "timeout") == 64);
    assert_eq!(of_feed(&service, "connections", ""), 0);
    shake_hands(&mut unix(&site));
    service.shutdown().unwrap();
}

#[test]
fn a_feed_that_falls_silent_is_said_until_it_talks_again() {
    let site = site("[{dnstap: unix:tap.sock}]");
    // Five minutes in a second.
    let clock = Clock::sped_up(Timestamp::from_secs(now()), NonZeroU32::new(300).unwrap());
    let service = start_at(&site, clock);
    let silent = || service.current().ready().warnings.iter().any(|w| w.contains("tap.sock"));
    eventually("silence is noticed", silent);
    assert!(service.current().ready().ready, "flows are still taken in");
    assert_eq!(of_feed(&service, "silent", ""), 1);
    let mut resolver = unix(&site);
    shake_hands(&mut resolver);
    eventually("it talks again", || {
        resolver.write_all(&told("api.other.example", [192, 0, 2, 7].into())).unwrap();
        !silent() && of_feed(&service, "silent", "") == 0
    });
    service.shutdown().unwrap();
}

#[test]
fn a_stale_socket_is_replaced_and_one_in_use_is_not() {
    let site = site("[{dnstap: unix:tap.sock}]");
    let path = site.path("tap.sock");
    let refused = || {
        let config = load(&site.path("hayrake.yaml")).unwrap();
        match Service::start(config, Options::default()) {
            Err(StartError::Dnstap { at, .. }) => assert!(at.ends_with("tap.sock"), "{at}"),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("it started"),
        }
    };
    // What a service leaves that was killed.
    drop(UnixListener::bind(&path).unwrap());
    start(&site).shutdown().unwrap();
    let in_use = UnixListener::bind(&path).unwrap();
    refused();
    drop(in_use);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "precious").unwrap();
    refused();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}
