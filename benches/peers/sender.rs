//! Sends NetFlow v9 over loopback at a rate: `cargo run --release --example
//! sender -- ADDRESS DATAGRAMS_A_SECOND SECONDS [EXPORTERS]`. What `peers.sh`
//! feeds to all it compares.
//!
//! The stream is that of `benches/support/stream.rs`, which `cargo bench --bench udp`
//! sends too. Prints what it sent: datagrams, records, packets that the records tell of, and seconds.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at what cannot be")]
#![allow(clippy::print_stdout, reason = "what was sent is printed")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers")]
#![allow(clippy::cast_sign_loss, reason = "nothing is negative")]

#[path = "../support/stream.rs"]
mod stream;

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use stream::{Exporter, RECORDS, RUN, RUNS, now};

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

    let mut runs = stream::runs();
    let mut exporters: Vec<_> = (0..exporters).map(|number| Exporter::new(number, to)).collect();
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
        let run = &mut runs[number % RUNS];
        packets += run.packets;
        exporters[which].send(run, time);
    }
    let datagrams = (wanted * RUN) as u64;
    println!(
        "datagrams {datagrams} records {} packets {packets} seconds {:.3}",
        datagrams * RECORDS as u64,
        begun.elapsed().as_secs_f64()
    );
}
