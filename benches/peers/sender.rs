//! Sends NetFlow v9 over loopback at a rate: `cargo run --release --example
//! sender -- ADDRESS DATAGRAMS_A_SECOND SECONDS [EXPORTERS]`. What `peers.sh`
//! feeds to all it compares.
//!
//! Datagrams are 1,428 bytes with 26 records of 19 fields; lines are 2^20
//! addresses in 100.64.0.0/12, one record in a hundred goes to one of 20,000
//! endpoints in 203.0.0.0/11, the others anywhere; all of it seeded. The kernel
//! is handed 45 datagrams at a time (UDP_SEGMENT) and takes them apart before the
//! receiving socket, so that sending is cheap and receiving is not. Prints what
//! it sent: datagrams, records, packets that the records tell of, and seconds.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at what cannot be")]
#![allow(clippy::print_stdout, reason = "what was sent is printed")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers")]
#![allow(clippy::cast_sign_loss, reason = "nothing is negative")]

use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 5;
/// Records of a datagram.
const RECORDS: u64 = 26;
/// Datagrams the kernel is handed at once.
const RUN: u64 = 45;
/// Runs made; their endpoints are more than any cache holds.
const RUNS: usize = 200;
/// Endpoints on the hitlist of `peers.sh`.
const ENDPOINTS: u32 = 20_000;
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
const DATAGRAM: usize = 20 + 4 + RECORDS as usize * RECORD;

/// One exporter: its socket and its sequence number.
struct Exporter(UdpSocket, u32);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [to, rate, seconds, rest @ ..] = &*words else {
        println!("sender ADDRESS DATAGRAMS_A_SECOND SECONDS [EXPORTERS]");
        std::process::exit(2);
    };
    let to: SocketAddrV4 = to.parse().unwrap();
    assert!(to.ip().is_loopback(), "{to}: only loopback is sent to");
    let (rate, seconds): (f64, f64) = (rate.parse().unwrap(), seconds.parse().unwrap());
    let exporters: u8 = rest.first().map_or(1, |number| number.parse().unwrap());

    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut runs: Vec<_> = (0..RUNS).map(|_| run(&mut random)).collect();
    let mut exporters: Vec<_> = (0..exporters).map(|number| exporter(number, to)).collect();
    // Whoever learns the template on another thread has time to.
    std::thread::sleep(Duration::from_millis(300));

    let wanted = (rate * seconds / RUN as f64).ceil() as usize;
    let apart = Duration::from_secs_f64(RUN as f64 / rate);
    let mut packets = 0;
    let (time, begun) = (now(), Instant::now());
    for number in 0..wanted {
        while begun.elapsed() < apart * number as u32 {
            std::hint::spin_loop();
        }
        let which = number % exporters.len();
        let (bytes, told) = &mut runs[number % RUNS];
        packets += *told;
        send(bytes, &mut exporters[which], to, time);
    }
    let datagrams = wanted as u64 * RUN;
    println!(
        "datagrams {datagrams} records {} packets {packets} seconds {:.3}",
        datagrams * RECORDS,
        begun.elapsed().as_secs_f64()
    );
}

/// An exporter on an address of its own that has told its template.
fn exporter(number: u8, to: SocketAddrV4) -> Exporter {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 1, number + 1), 0)).unwrap();
    let _ = socket2::SockRef::from(&socket).set_send_buffer_size(4 << 20);
    socket.send_to(&template(), to).unwrap();
    Exporter(socket, 1)
}

/// Hands a run of datagrams over.
fn send(run: &mut [u8], Exporter(socket, sequence): &mut Exporter, to: SocketAddrV4, time: u32) {
    for datagram in run.chunks_exact_mut(DATAGRAM) {
        datagram[8..12].copy_from_slice(&time.to_be_bytes());
        datagram[12..16].copy_from_slice(&sequence.to_be_bytes());
        *sequence += 1;
    }
    let sent = sendmsg(
        socket.as_raw_fd(),
        &[IoSlice::new(run)],
        &[ControlMessage::UdpGsoSegments(&(DATAGRAM as u16))],
        MsgFlags::empty(),
        Some(&SockaddrIn::from(to)),
    );
    assert_eq!(sent.unwrap(), run.len(), "of {}", SocketAddr::from(to));
}

/// Datagrams, and the packets that their records tell of.
fn run(random: &mut ChaCha8Rng) -> (Vec<u8>, u64) {
    let (mut bytes, mut told) = (Vec::new(), 0);
    for _ in 0..RUN {
        bytes.extend(header(RECORDS as u16));
        bytes.extend(256_u16.to_be_bytes());
        bytes.extend((4 + RECORDS as u16 * RECORD as u16).to_be_bytes());
        for _ in 0..RECORDS {
            told += u64::from(record(random, &mut bytes));
        }
    }
    assert_eq!(bytes.len(), RUN as usize * DATAGRAM);
    (bytes, told)
}

fn record(random: &mut ChaCha8Rng, bytes: &mut Vec<u8>) -> u32 {
    let line = 0x6440_0000_u32 | random.random_range(0..1 << 20);
    let server = if random.random_ratio(1, 100) {
        let number = random.random_range(0..ENDPOINTS);
        0xcb00_0000 + (number / 50) * 256 + number % 50
    } else {
        random.random_range(0x0b00_0000_u32..0x6400_0000)
    };
    let (mut ends, mut ports) = ([line, server], [random.random_range(1_024..65_535_u16), 443]);
    if random.random_ratio(1, 2) {
        ends.reverse();
        ports.reverse();
    }
    let packets = random.random_range(1..20_u32);
    for word in [ends[0], ends[1], 0x0a00_0001, 3, 4, packets, packets * 700, 90_000, 99_000] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(ports[0].to_be_bytes());
    bytes.extend(ports[1].to_be_bytes());
    bytes.extend([6, 0, 0x18, 0]);
    bytes.extend(64_500_u32.to_be_bytes());
    bytes.extend(64_501_u32.to_be_bytes());
    bytes.extend([24, 20]);
    packets
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

fn now() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as u32
}
