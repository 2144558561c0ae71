//! The NetFlow v9 stream that the measurements over UDP send: seeded, and handed
//! to the kernel 45 datagrams at a time (UDP_SEGMENT), which takes them apart
//! before the receiving socket. So sending is cheap and receiving is not.
//!
//! Datagrams are 1,428 bytes with 26 records of 19 fields; lines are 2^20
//! addresses in 100.64.0.0/12, one record in a hundred goes to one of 20,000
//! endpoints in 203.0.0.0/11, the others anywhere.

#[path = "../../tests/support/joined.rs"]
mod joined;

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{SystemTime, UNIX_EPOCH};

use joined::send_joined;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Seed of the stream.
pub(crate) const SEED: u64 = 5;
/// Records of a datagram.
pub(crate) const RECORDS: usize = 26;
/// Datagrams the kernel is handed at once.
pub(crate) const RUN: usize = 45;
/// Runs made; their endpoints are more than any cache holds.
pub(crate) const RUNS: usize = 200;
/// Endpoints on the hitlist.
pub(crate) const ENDPOINTS: u32 = 20_000;
/// A usual v9 template: 19 fields, 54 bytes.
const FIELDS: [(u16, u16); 19] = [
    (8, 4),
    (12, 4),
    (15, 4),
    (10, 4),
    (14, 4),
    (2, 4),
    (1, 4),
    (22, 4),
    (21, 4),
    (7, 2),
    (11, 2),
    (4, 1),
    (5, 1),
    (6, 1),
    (61, 1),
    (16, 4),
    (17, 4),
    (9, 1),
    (13, 1),
];
const RECORD: usize = 54;
/// Bytes of a datagram.
pub(crate) const DATAGRAM: usize = 20 + 4 + RECORDS * RECORD;

/// A run of datagrams of one exporter.
#[derive(Clone, Default)]
pub(crate) struct Run {
    bytes: Vec<u8>,
    /// Packets that its records tell of.
    pub(crate) packets: u64,
    /// Its records that go to an endpoint on the hitlist.
    pub(crate) hits: u64,
}

/// The stream.
pub(crate) fn runs() -> Vec<Run> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    (0..RUNS).map(|_| run(&mut random)).collect()
}

/// Endpoints lie fifty to a /24.
pub(crate) fn endpoint(number: u32) -> u32 {
    0xcb00_0000 + (number / 50) * 256 + number % 50
}

/// One exporter, on an address of its own.
pub(crate) struct Exporter {
    socket: UdpSocket,
    to: SocketAddrV4,
    sequence: u32,
}

impl Exporter {
    /// An exporter that has told its template.
    pub(crate) fn new(number: u8, to: SocketAddrV4) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 1, number + 1), 0)).unwrap();
        let _ = socket2::SockRef::from(&socket).set_send_buffer_size(4 << 20);
        socket.send_to(&template(), to).unwrap();
        Self { socket, to, sequence: 1 }
    }

    /// Hands a run over, as exported at `seconds`.
    pub(crate) fn send(&mut self, run: &mut Run, seconds: u32) {
        for datagram in run.bytes.chunks_exact_mut(DATAGRAM) {
            datagram[8..12].copy_from_slice(&seconds.to_be_bytes());
            datagram[12..16].copy_from_slice(&self.sequence.to_be_bytes());
            self.sequence += 1;
        }
        send_joined(&self.socket, &run.bytes, DATAGRAM as u16, self.to);
    }
}

fn run(random: &mut ChaCha8Rng) -> Run {
    let mut run = Run::default();
    for _ in 0..RUN {
        run.bytes.extend(header(RECORDS as u16));
        run.bytes.extend(256_u16.to_be_bytes());
        run.bytes.extend((4 + RECORDS as u16 * RECORD as u16).to_be_bytes());
        for _ in 0..RECORDS {
            record(random, &mut run);
        }
    }
    assert_eq!(run.bytes.len(), RUN * DATAGRAM);
    run
}

/// One more record.
fn record(random: &mut ChaCha8Rng, run: &mut Run) {
    let line = 0x6440_0000_u32 | random.random_range(0..1 << 20);
    let server = if random.random_ratio(1, 100) {
        run.hits += 1;
        endpoint(random.random_range(0..ENDPOINTS))
    } else {
        random.random_range(0x0b00_0000_u32..0x6400_0000)
    };
    let (mut ends, mut ports) = ([line, server], [random.random_range(1_024..65_535_u16), 443]);
    if random.random_ratio(1, 2) {
        ends.reverse();
        ports.reverse();
    }
    let packets = random.random_range(1..20_u32);
    let bytes = &mut run.bytes;
    for word in [ends[0], ends[1], 0x0a00_0001, 3, 4, packets, packets * 700, 90_000, 99_000] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(ports[0].to_be_bytes());
    bytes.extend(ports[1].to_be_bytes());
    bytes.extend([6, 0, 0x18, 0]);
    bytes.extend(64_500_u32.to_be_bytes());
    bytes.extend(64_501_u32.to_be_bytes());
    bytes.extend([24, 20]);
    run.packets += u64::from(packets);
}

fn header(count: u16) -> Vec<u8> {
    let mut bytes = 9_u16.to_be_bytes().to_vec();
    bytes.extend(count.to_be_bytes());
    for word in [100_000, now(), 0, 7] {
        bytes.extend(word.to_be_bytes());
    }
    bytes
}

/// A datagram with the template, and the rate of sampling by options.
fn template() -> Vec<u8> {
    let mut bytes = header(3);
    let mut set = |id: u16, body: &[u8]| {
        bytes.extend(id.to_be_bytes());
        bytes.extend((body.len() as u16 + 4).to_be_bytes());
        bytes.extend(body);
    };
    let mut body = vec![1, 0, 0, FIELDS.len() as u8];
    for (field, length) in FIELDS {
        body.extend(field.to_be_bytes());
        body.extend(length.to_be_bytes());
    }
    set(0, &body);
    // Scope system, then sampling interval (34) and algorithm (35).
    set(1, &[2, 0, 0, 4, 0, 8, 0, 1, 0, 4, 0, 34, 0, 4, 0, 35, 0, 1, 0, 0]);
    set(512, &[127, 0, 1, 1, 0, 0, 4, 0, 2, 0, 0, 0]);
    bytes
}

/// Seconds since 1970, as a header tells them.
pub(crate) fn now() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as u32
}
