//! Captures made here of a device that does one thing after the other, and
//! what is left of them when bytes are changed.

use std::net::IpAddr;

use etherparse::PacketBuilder;
use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::rdata::{A, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use proptest::prelude::*;

use super::hello::tests::{hello, records};
use super::quic::tests::datagrams;
use super::*;

const DEVICE: Mac = [2, 0, 0, 0, 0, 7];
const ROUTER: Mac = [2, 0, 0, 0, 0, 1];
const OWN: [u8; 4] = [192, 168, 1, 7];
const RESOLVER: [u8; 4] = [192, 168, 1, 1];

/// A capture in the making; a packet every second.
struct Home {
    packets: Vec<(u64, Vec<u8>)>,
    second: u64,
}

impl Home {
    fn new() -> Self {
        Self { packets: Vec::new(), second: 1_600_000_000 }
    }

    fn raw(&mut self, bytes: Vec<u8>) {
        self.packets.push((self.second, bytes));
        self.second += 1;
    }

    fn udp(&mut self, out: bool, remote: [u8; 4], ports: (u16, u16), payload: &[u8]) {
        let (own, other) = ports;
        let builder = if out {
            PacketBuilder::ethernet2(DEVICE, ROUTER).ipv4(OWN, remote, 64).udp(own, other)
        } else {
            PacketBuilder::ethernet2(ROUTER, DEVICE).ipv4(remote, OWN, 64).udp(other, own)
        };
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).unwrap();
        self.raw(bytes);
    }

    fn tcp(&mut self, out: bool, remote: [u8; 4], ports: (u16, u16), at: u32, payload: &[u8]) {
        let (own, other) = ports;
        let builder = if out {
            PacketBuilder::ethernet2(DEVICE, ROUTER).ipv4(OWN, remote, 64).tcp(own, other, at, 999)
        } else {
            PacketBuilder::ethernet2(ROUTER, DEVICE).ipv4(remote, OWN, 64).tcp(other, own, at, 999)
        };
        let builder = if payload.is_empty() { builder.syn() } else { builder.ack(1) };
        let builder = if payload.is_empty() && !out { builder.ack(1) } else { builder };
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).unwrap();
        self.raw(bytes);
    }

    /// An answer of the home's resolver over UDP.
    fn answer(&mut self, names: &[&str], addresses: &[[u8; 4]]) {
        let message = message(names, addresses);
        self.udp(false, RESOLVER, (40_000, 53), &message);
    }

    /// A connection that the device opens and in which it sends `said`, cut in
    /// pieces of `size`, the last one first.
    fn connection(&mut self, remote: [u8; 4], ports: (u16, u16), said: &[u8], size: usize) {
        // The numbers wrap on the way.
        let first = u32::MAX - 20;
        self.tcp(true, remote, ports, first, &[]);
        self.tcp(false, remote, ports, 1, &[]);
        let pieces: Vec<_> = said.chunks(size).enumerate().collect();
        for (place, piece) in pieces.into_iter().rev() {
            let at = first.wrapping_add(1).wrapping_add(u32::try_from(place * size).unwrap());
            self.tcp(true, remote, ports, at, piece);
        }
    }

    fn pcap(&self, snap: usize) -> Vec<u8> {
        let mut writer = PcapWriter::with_header(Vec::new(), PcapHeader::default()).unwrap();
        for (second, bytes) in &self.packets {
            let length = u32::try_from(bytes.len()).unwrap();
            let time = std::time::Duration::from_secs(*second);
            let data = &bytes[..bytes.len().min(snap)];
            writer.write_packet(&PcapPacket::new(time, length, data)).unwrap();
        }
        writer.into_writer()
    }
}

/// An answer in which each name is an alias of the next and the last has
/// `addresses`.
fn message(names: &[&str], addresses: &[[u8; 4]]) -> Vec<u8> {
    let names: Vec<Name> = names.iter().map(|name| Name::from_ascii(name).unwrap()).collect();
    let mut message = Message::new(1, MessageType::Response, OpCode::Query);
    message.add_query(Query::query(names[0].clone(), RecordType::A));
    for pair in names.windows(2) {
        let target = RData::CNAME(CNAME(pair[1].clone()));
        message.add_answer(Record::from_rdata(pair[0].clone(), 60, target));
    }
    for [a, b, c, d] in addresses {
        let data = RData::A(A::new(*a, *b, *c, *d));
        message.add_answer(Record::from_rdata(names[names.len() - 1].clone(), 60, data));
    }
    message.to_vec().unwrap()
}

fn read(home: &Home, mode: Mode) -> (DeviceTraffic, CaptureReport) {
    let mut recorder = Recorder::new(Identity::Mac(DEVICE));
    let report = recorder.read("home.pcap", mode, &home.pcap(usize::MAX));
    (recorder.finish("plug", "Example", "Plug"), report)
}

/// `domain: packets by evidence on ports`, a line a contact.
fn told(traffic: &DeviceTraffic) -> Vec<String> {
    let words = |list: Vec<String>| list.join(" ");
    let line = |contact: &Contact| {
        let by = words(contact.learnt_by.iter().map(ToString::to_string).collect());
        let ports = words(contact.ports.iter().map(ToString::to_string).collect());
        format!("{}: {} by {by} on {ports}", contact.domain, contact.packets)
    };
    traffic.contacts.iter().map(line).collect()
}

#[test]
fn names_are_learnt_from_all_that_tells_them() {
    let mut home = Home::new();
    home.answer(&["api.example.com", "edge.example.net"], &[[203, 0, 113, 1], [203, 0, 113, 2]]);
    home.answer(&["other.example.org"], &[[203, 0, 113, 1]]);
    // The server name wins over the name that was last answered.
    home.connection([203, 0, 113, 1], (50_000, 443), &records(&hello("api.example.com"), 60), 33);
    // Without one, the last answer is what there is.
    home.tcp(true, [203, 0, 113, 1], (50_001, 8_883), 5, &[]);
    home.tcp(true, [203, 0, 113, 1], (50_001, 8_883), 6, b"\x10\x2a\x00\x04MQTT");
    home.tcp(true, [203, 0, 113, 2], (50_002, 443), 5, &[]);
    for datagram in datagrams("quic.example.com", 2) {
        home.udp(true, [203, 0, 113, 3], (50_003, 443), &datagram);
    }
    let request = b"GET / HTTP/1.1\r\nUser-Agent: plug\r\nHost: update.example.com\r\n\r\n";
    home.connection([203, 0, 113, 4], (50_004, 80), request, 20);
    home.udp(true, [203, 0, 113, 9], (123, 123), &[0x23; 48]);
    home.udp(false, [203, 0, 113, 9], (123, 123), &[0x24; 48]);
    let (traffic, report) = read(&home, Mode::Idle);
    let hello_pieces = records(&hello("api.example.com"), 60).len().div_ceil(33);
    assert_eq!(
        told(&traffic),
        [
            "203.0.113.9: 2 by  on 123/udp".to_owned(),
            format!("api.example.com: {} by dns tls_sni on 443/tcp", 2 + hello_pieces + 1),
            "other.example.org: 2 by dns on 8883/tcp".to_owned(),
            "quic.example.com: 2 by quic_sni on 443/udp".to_owned(),
            format!(
                "update.example.com: {} by http_host on 80/tcp",
                2 + request.len().div_ceil(20)
            ),
        ]
    );
    let api = &traffic.contacts[1];
    assert_eq!(api.aliases, ["edge.example.net"]);
    let addresses: Vec<IpAddr> = [[203, 0, 113, 1], [203, 0, 113, 2]].map(IpAddr::from).to_vec();
    assert_eq!(api.addresses, addresses);
    let hours = traffic.captures[0].seconds / 3_600.0;
    assert_eq!(api.hours.active, None);
    let expected = f64::from(u32::try_from(api.packets).unwrap()) / hours;
    assert!((api.hours.idle.unwrap() - expected).abs() < 0.001);
    assert_eq!((report.own, report.packets), (home.packets.len() as u64, report.own));
    assert_eq!((report.damaged, traffic.captures[0].local), (0, 2), "the answers are local");
    let written = serde_json::to_string(&traffic).unwrap();
    assert!(!written.contains("192.168."), "the home's own addresses are not told");
}

#[test]
fn answers_over_tcp_name_what_comes_after_them() {
    let mut home = Home::new();
    let one = message(&["a.example.com"], &[[203, 0, 113, 1]]);
    let two = message(&["b.example.com"], &[[203, 0, 113, 2]]);
    let framed = |message: &[u8]| {
        [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
    };
    let stream = [framed(&one), framed(&two)].concat();
    home.tcp(true, RESOLVER, (40_000, 53), 10, &[]);
    home.tcp(false, RESOLVER, (40_000, 53), 70, &[]);
    let middle = one.len() + 7;
    home.tcp(false, RESOLVER, (40_000, 53), 71, &stream[..middle]);
    let at = 71 + u32::try_from(middle).unwrap();
    home.tcp(false, RESOLVER, (40_000, 53), at, &stream[middle..]);
    home.tcp(true, [203, 0, 113, 2], (40_001, 443), 10, &[]);
    let (traffic, _) = read(&home, Mode::Active);
    assert_eq!(
        told(&traffic),
        ["a.example.com: 0 by dns on ", "b.example.com: 1 by dns on 443/tcp"]
    );
    assert!(traffic.contacts[1].hours.active.is_some() && traffic.contacts[1].hours.idle.is_none());
}

#[test]
fn a_device_that_follows_aliases_itself_asked_for_one_name() {
    let mut home = Home::new();
    home.answer(&["api.example.com", "edge.example.net"], &[]);
    home.answer(&["edge.example.net", "node.example.org"], &[[203, 0, 113, 1]]);
    home.answer(&["node.example.org"], &[[203, 0, 113, 2]]);
    home.answer(&["nowhere.example.com", "gone.example.com"], &[]);
    home.tcp(true, [203, 0, 113, 2], (50_000, 443), 5, &[]);
    let (traffic, _) = read(&home, Mode::Idle);
    assert_eq!(told(&traffic), ["api.example.com: 1 by dns on 443/tcp"]);
    let api = &traffic.contacts[0];
    assert_eq!(
        (&api.aliases[..], api.addresses.len()),
        (&["edge.example.net", "node.example.org"].map(str::to_owned)[..], 2)
    );
    // A loop of aliases ends.
    home.answer(&["node.example.org", "api.example.com"], &[[203, 0, 113, 2]]);
    home.answer(&["api.example.com"], &[[203, 0, 113, 2]]);
    assert!(!read(&home, Mode::Idle).0.contacts.is_empty());
}

#[test]
fn a_port_that_is_used_again_is_another_connection() {
    let mut home = Home::new();
    for name in ["one.example.com", "two.example.com"] {
        home.connection([203, 0, 113, 1], (50_000, 443), &records(&hello(name), 900), 900);
    }
    // After a long silence too, and then another name was answered.
    home.udp(true, [203, 0, 113, 5], (123, 123), &[0x23; 48]);
    home.answer(&["time.example.com"], &[[203, 0, 113, 5]]);
    home.second += 400;
    home.udp(true, [203, 0, 113, 5], (123, 123), &[0x23; 48]);
    let (traffic, _) = read(&home, Mode::Unknown);
    assert_eq!(
        told(&traffic),
        [
            "203.0.113.5: 1 by  on 123/udp",
            "one.example.com: 3 by tls_sni on 443/tcp",
            "time.example.com: 1 by dns on 123/udp",
            "two.example.com: 3 by tls_sni on 443/tcp",
        ]
    );
    assert_eq!(traffic.contacts[1].hours, Hourly::default(), "nobody said what mode it was");
}

#[test]
fn whom_the_device_did_not_call_is_no_service() {
    let mut home = Home::new();
    let mut bytes = Vec::new();
    let called = PacketBuilder::ethernet2(ROUTER, DEVICE).ipv4([203, 0, 113, 6], OWN, 64);
    called.tcp(51_000, 80, 5, 999).syn().write(&mut bytes, &[]).unwrap();
    home.raw(bytes);
    // Another device, which does not count.
    let mut bytes = Vec::new();
    let other =
        PacketBuilder::ethernet2([2; 6], ROUTER).ipv4([192, 168, 1, 9], [203, 0, 113, 7], 64);
    other.udp(9, 9).write(&mut bytes, &[]).unwrap();
    home.raw(bytes);
    let (traffic, report) = read(&home, Mode::Idle);
    assert_eq!(told(&traffic), ["203.0.113.6: 1 by  on "]);
    assert_eq!((report.packets, report.own), (2, 1));
}

#[test]
fn a_device_can_be_told_by_its_address() {
    let mut home = Home::new();
    home.udp(true, [203, 0, 113, 9], (123, 123), &[0x23; 48]);
    let mut recorder = Recorder::new(Identity::Address(OWN.into()));
    assert_eq!(recorder.read("home.pcap", Mode::Idle, &home.pcap(usize::MAX)).own, 1);
    assert_eq!(told(&recorder.finish("plug", "", "")), ["203.0.113.9: 1 by  on 123/udp"]);
}

#[test]
fn damage_is_counted_and_what_stands_before_it_is_kept() {
    let mut home = Home::new();
    home.answer(&["api.example.com"], &[[203, 0, 113, 1]]);
    home.udp(false, RESOLVER, (40_000, 53), b"\x00\x01\x81\x80\x00\x01\x00\x09");
    home.raw([&DEVICE[..], &ROUTER, &[8, 0, 0x45, 0, 0]].concat());
    home.answer(&["rewritten.example.com"], &[[192, 168, 1, 1]]);
    home.tcp(true, [203, 0, 113, 1], (50_000, 443), 5, &[]);
    let (traffic, report) = read(&home, Mode::Idle);
    assert_eq!(report.damaged, 2, "a message and a packet");
    assert_eq!(told(&traffic), ["api.example.com: 1 by dns on 443/tcp"]);

    let mut recorder = Recorder::new(Identity::Mac(DEVICE));
    let whole = home.pcap(usize::MAX);
    let report = recorder.read("home.pcap", Mode::Idle, &whole[..whole.len() - 3]);
    assert!(report.problem.unwrap().to_string().contains("packet 5"), "{report}");
    assert_eq!(told(&recorder.finish("", "", "")), ["api.example.com: 0 by dns on "]);

    // Cut to the snapshot length: the ports are there, the names are not.
    let mut recorder = Recorder::new(Identity::Mac(DEVICE));
    recorder.read("home.pcap", Mode::Idle, &home.pcap(54));
    assert_eq!(told(&recorder.finish("", "", "")), ["203.0.113.1: 1 by  on 443/tcp"]);

    let mut recorder = Recorder::new(Identity::Mac(DEVICE));
    assert!(recorder.read("text", Mode::Idle, b"no capture").problem.is_some());
}

#[test]
fn a_flood_is_counted_and_bounded() {
    let mut home = Home::new();
    for port in 1_024..9_000_u16 {
        home.second -= u64::from(port % 64 != 0);
        home.tcp(true, [203, 0, 113, 1], (port, 80), 5, &[]);
    }
    let (traffic, report) = read(&home, Mode::Idle);
    assert_eq!(told(&traffic), [format!("203.0.113.1: {} by  on 80/tcp", 9_000 - 1_024)]);
    assert!(report.cut > 0, "{report}");
}

/// A capture with something of everything that is read.
fn busy() -> Vec<u8> {
    let mut home = Home::new();
    home.answer(&["api.example.com", "edge.example.net"], &[[203, 0, 113, 1]]);
    home.connection([203, 0, 113, 1], (50_000, 443), &records(&hello("api.example.com"), 60), 33);
    for datagram in datagrams("quic.example.com", 2) {
        home.udp(true, [203, 0, 113, 3], (50_003, 443), &datagram);
    }
    let request = b"GET / HTTP/1.1\r\nHost: update.example.com\r\n\r\n";
    home.connection([203, 0, 113, 4], (50_004, 80), request, 20);
    let answer = message(&["a.example.com"], &[[203, 0, 113, 5]]);
    let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
    home.tcp(false, RESOLVER, (40_000, 53), 71, &[&length[..], &answer].concat());
    home.pcap(usize::MAX)
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_count_what_is_not_there(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = busy();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(24 + end.index(bytes.len()));
        let mut recorder = Recorder::new(Identity::Mac(DEVICE));
        let report = recorder.read("home.pcap", Mode::Idle, &bytes);
        prop_assert!(report.own <= report.packets);
        let traffic = recorder.finish("plug", "", "");
        let counted: u64 = traffic.contacts.iter().map(|contact| contact.packets).sum();
        prop_assert_eq!(counted + traffic.captures[0].local, report.own);
    }
}
