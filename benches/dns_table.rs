//! The table of DNS answers at an operator's scale:
//! `cargo bench --bench dns_table` (a part alone: `-- stream`, `-- memory`,
//! `-- checkpoint`; with another limit than a gigabyte: `-- stream 64000000`).
//!
//! `stream` reads ten million COF lines on one core, one in ten an alias, into
//! a table with the usual limit. `memory` fills a table with twenty million
//! addresses, one in ten IPv6, of which three in ten have a second owner, and
//! five thousand signature names behind aliases; it prints what the process
//! holds and how long asking takes. `checkpoint` writes that table to a file
//! beside the program, in slices as a service does, and reads it back. All print
//! their figures once, since one run is long enough.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at what cannot be")]
#![allow(clippy::print_stdout, reason = "figures are printed")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write as _};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use hayrake::dns::checkpoint::Progress;
use hayrake::dns::{Answer, AnswerData, Coverage, Knowledge, Reading, Sieve, read_into};
use hayrake::model::domain::NamePattern;
use hayrake::model::time::Timestamp;

/// The limit of the table, unless another is asked for.
const LIMIT: usize = 1_000_000_000;
const LINES: u64 = 10_000_000;
const ADDRESSES: u64 = 20_000_000;
const SIGNATURE_NAMES: u64 = 5_000;
/// 2026-11-18, and so the day of all answers but for some days.
const NOW: u64 = 1_795_000_000;
const DAY: u64 = 86_400;

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|text| !text.starts_with('-')).collect();
    let limit = wanted.iter().find_map(|text| text.parse().ok()).unwrap_or(LIMIT);
    let parts: Vec<&str> =
        wanted.iter().map(String::as_str).filter(|text| text.parse::<usize>().is_err()).collect();
    let runs = |part: &str| parts.is_empty() || parts.contains(&part);
    if runs("stream") {
        stream(limit);
    }
    if runs("memory") {
        memory(limit);
    }
    if runs("checkpoint") {
        checkpoint(limit);
    }
}

/// A number that looks like chance, the same every time.
fn mixed(n: u64) -> u64 {
    let n = (n ^ n >> 31).wrapping_mul(0x7fb5_d329_728e_a185);
    let n = (n ^ n >> 27).wrapping_mul(0x81da_def4_bc2d_d44d);
    n ^ n >> 33
}

/// A different public address for every number.
fn address(n: u64) -> IpAddr {
    if n % 10 == 9 {
        IpAddr::V6(Ipv6Addr::from_bits(0x2a00 << 112 | u128::from(mixed(n))))
    } else {
        // Below 240/4, above 128/2, and odd steps never meet.
        let low = u32::try_from(n).unwrap().wrapping_mul(0x9e37_79b1);
        let byte = 20 + (low >> 24) % 80;
        IpAddr::V4((byte << 24 | low & 0x00ff_ffff).into())
    }
}

fn signature_name(n: u64) -> String {
    format!("api{}.device{}.maker{}.com", n % 7, n % 100, n % 500)
}

fn sieve() -> Sieve {
    let names = (0..SIGNATURE_NAMES).map(signature_name);
    names.map(|name| name.parse::<NamePattern>().unwrap()).collect()
}

/// A line of `/proc/self/status` in bytes.
fn status(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kilobytes = found.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1_024
}

/// COF lines, made while they are read.
struct Lines {
    next: u64,
    text: String,
    given: usize,
}

impl Lines {
    fn new() -> Self {
        Self { next: 0, text: String::new(), given: 0 }
    }

    fn fill(&mut self) {
        (self.given, self.text) = (0, std::mem::take(&mut self.text));
        self.text.clear();
        while self.text.len() < 1 << 16 && self.next < LINES {
            let n = self.next;
            let pick = mixed(n);
            let name = match n % 100 {
                0 => signature_name(pick % SIGNATURE_NAMES),
                _ => format!("host{}.site{}.example", pick % 5, pick % 2_500_000),
            };
            let (kind, data) = match n % 10 {
                5 => ("CNAME", format!("edge{}.delivery{}.example", pick % 40_000, pick % 50)),
                _ => ("A", address(pick % 6_000_000).to_string()),
            };
            let last = NOW - pick % (3 * DAY);
            let _ = writeln!(
                self.text,
                "{{\"count\":{},\"time_first\":{},\"time_last\":{last},\"rrname\":\"{name}.\",\"rrtype\":\"{}\",\"bailiwick\":\"example.\",\"rdata\":\"{data}\"}}",
                1 + pick % 40,
                last - pick % DAY,
                if data.contains(':') { "AAAA" } else { kind },
            );
            self.next += 1;
        }
    }
}

impl Read for Lines {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.given == self.text.len() {
            self.fill();
        }
        let left = &self.text.as_bytes()[self.given..];
        let number = left.len().min(into.len());
        into[..number].copy_from_slice(&left[..number]);
        self.given += number;
        Ok(number)
    }
}

fn stream(limit: usize) {
    let began = Instant::now();
    let bytes = std::io::copy(&mut Lines::new(), &mut std::io::sink()).unwrap();
    let making = began.elapsed().as_secs_f64();
    let mut dns = Knowledge::bounded(sieve(), limit);
    let reading = Reading::new(Coverage::Population, Timestamp::MAX);
    let began = Instant::now();
    let report = read_into(&mut dns, "bench", Lines::new(), &reading).unwrap();
    let took = began.elapsed().as_secs_f64();
    let settling = Instant::now();
    dns.settle();
    println!(
        "stream: {LINES} COF lines ({} MB) in {:.1} s, of which {making:.1} s for making them; {report}",
        bytes / 1_000_000,
        took,
    );
    println!(
        "stream: settling {:.2} s; {:?}; {} MB counted, {} MB resident, at most {} MB",
        settling.elapsed().as_secs_f64(),
        dns.size(),
        dns.memory() / 1_000_000,
        status("VmRSS") / 1_000_000,
        status("VmHWM") / 1_000_000,
    );
}

fn insert(dns: &mut Knowledge, name: &str, data: AnswerData, pick: u64) {
    let last = Timestamp::from_secs(NOW - pick % (3 * DAY));
    let answer = Answer {
        name: name.parse().unwrap(),
        data,
        first: last.minus(std::time::Duration::from_secs(pick % DAY)),
        last,
        count: 1 + pick % 40,
        coverage: Coverage::Population,
    };
    dns.insert(answer, "bench").unwrap();
}

/// Twenty million addresses, and the signature names.
fn filled(limit: usize) -> Knowledge {
    let mut dns = Knowledge::bounded(sieve(), limit);
    for n in 0..ADDRESSES {
        let pick = mixed(n);
        let owners = if n % 10 < 3 { 2 } else { 1 };
        for owner in 0..owners {
            let site = (pick >> (8 * owner)) % 3_000_000;
            let name = format!("host{}.site{site}.com", pick % 3);
            insert(&mut dns, &name, AnswerData::Address(address(n)), pick);
        }
        // Signature names come in between, two addresses behind an alias.
        if n % (ADDRESSES / SIGNATURE_NAMES) == 0 {
            let number = n / (ADDRESSES / SIGNATURE_NAMES);
            let target = format!("vm{number}.cloud.net");
            insert(&mut dns, &target, AnswerData::Address(address(pick % ADDRESSES)), pick);
            let alias = AnswerData::Alias(target.parse().unwrap());
            insert(&mut dns, &signature_name(number), alias, pick);
            insert(&mut dns, &target, AnswerData::Address(address(number)), pick);
        }
    }
    dns
}

fn memory(limit: usize) {
    let before = status("VmRSS");
    let began = Instant::now();
    let mut dns = filled(limit);
    let took = began.elapsed().as_secs_f64();
    let settling = Instant::now();
    dns.settle();
    println!(
        "memory: {ADDRESSES} addresses and {SIGNATURE_NAMES} signature names in {took:.1} s; settling {:.2} s; {:?}",
        settling.elapsed().as_secs_f64(),
        dns.size(),
    );
    println!(
        "memory: {} MB counted, {} MB resident ({} MB before), at most {} MB",
        dns.memory() / 1_000_000,
        status("VmRSS") / 1_000_000,
        before / 1_000_000,
        status("VmHWM") / 1_000_000,
    );
}

fn checkpoint(limit: usize) {
    let mut dns = filled(limit);
    dns.settle();
    let (size, resident) = (dns.size(), status("VmRSS"));
    let path = std::env::current_exe().unwrap().with_extension("checkpoint");
    let mut file = File::create(&path).unwrap();
    let (began, mut longest, mut making) = (Instant::now(), 0.0_f64, 0.0);
    let mut slice = Vec::new();
    dns.begin_checkpoint(|_| true, &mut slice);
    loop {
        let work = Instant::now();
        let progress = dns.write_checkpoint(&mut slice, 1 << 17);
        let took = work.elapsed().as_secs_f64();
        (longest, making) = (longest.max(took), making + took);
        file.write_all(&slice).unwrap();
        slice.clear();
        if progress != Progress::More {
            break;
        }
    }
    let more = status("VmHWM").max(resident) - resident;
    file.sync_all().unwrap();
    println!(
        "checkpoint: {size:?}, {} MB resident; {} MB written in {:.1} s with the disk, {making:.1} s without, the longest slice {:.1} ms",
        resident / 1_000_000,
        file.metadata().unwrap().len() / 1_000_000,
        began.elapsed().as_secs_f64(),
        longest * 1e3,
    );
    println!("checkpoint: at most {} MB more than before were resident", more / 1_000_000);
    drop(dns);
    let began = Instant::now();
    let (mut file, mut sum) = (File::open(&path).unwrap(), crc32fast::Hasher::new());
    let mut buffer = vec![0; 1 << 18];
    while let Ok(number @ 1..) = file.read(&mut buffer) {
        sum.update(&buffer[..number]);
    }
    println!(
        "checkpoint: checksum {:08x} in {:.1} s",
        sum.finalize(),
        began.elapsed().as_secs_f64()
    );
    let began = Instant::now();
    let mut back = Knowledge::bounded(sieve(), limit);
    let restored = back.restore(File::open(&path).unwrap(), Timestamp::MAX, |_| true).unwrap();
    let took = began.elapsed().as_secs_f64();
    let settling = Instant::now();
    back.settle();
    println!(
        "checkpoint: read back in {took:.1} s, settling {:.2} s; {restored:?}; {:?}, {} MB counted, {} MB resident",
        settling.elapsed().as_secs_f64(),
        back.size(),
        back.memory() / 1_000_000,
        status("VmRSS") / 1_000_000,
    );
    std::fs::remove_file(path).unwrap();
}
