//! From UDP to evidence: `cargo bench --bench udp [SECONDS]`.
//!
//! The whole service runs in this process, with its real threads, queues and
//! socket on loopback. A sender on a core of its own replays a NetFlow v9 stream
//! of 26-record datagrams (1,428 bytes) from one or from a hundred exporters.
//! The rate is raised step by step and then bisected; a step stands when the
//! kernel dropped nothing, no queue dropped anything, the sequence numbers have
//! no gap, and every sighting has become evidence. What is printed is the rate
//! over the whole step, from the first datagram sent to the last sighting in
//! evidence, so that what waits in queues does not flatter it.
//!
//! The stream is seeded. Lines are 2^20 IPv4 addresses; one record in a hundred
//! goes to one of 20,000 endpoints on the hitlist, the others anywhere. The
//! sender hands the kernel 45 datagrams at a time (UDP_SEGMENT), which the kernel
//! takes apart before the service's socket: the sender is cheap, the receiver
//! pays in full. In the rows "joined" the service has `udp_gro` and is handed such
//! runs whole, as it is where a network card joins all that an exporter sends in one
//! go, and never more than 45 datagrams at once.
//!
//! In the rows "one core" all threads of the service share one core, the
//! sender has the other; in the rest they may also use what the sender leaves
//! of its own.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at what cannot be")]
#![allow(clippy::print_stdout, reason = "figures are printed")]
#![allow(clippy::disallowed_methods, reason = "a benchmark has threads and reads the clock")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers")]
#![allow(clippy::cast_sign_loss, reason = "rates and times are not negative")]

#[path = "support/stream.rs"]
mod stream;

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use hayrake::config;
use hayrake::metrics::Metrics;
use hayrake::service::{Options, Service};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use stream::{DATAGRAM, ENDPOINTS, Exporter, RECORDS, RUN, RUNS, Run, SEED, endpoint, now};

/// The lowest rate tried, in datagrams a second.
const LOWEST: f64 = 60_000.0;
/// How exact the highest rate is looked for.
const EXACT: f64 = 1.04;
/// Steps of one row at most.
const STEPS: usize = 11;

/// One row of the table.
struct Row {
    name: &'static str,
    exporters: usize,
    fronts: usize,
    one_core: bool,
}

fn main() {
    let step = std::env::args().nth(1).and_then(|seconds| seconds.parse().ok());
    let step = Duration::from_secs_f64(step.unwrap_or(1.5));
    let stream = stream::runs();
    let hits: u64 = stream.iter().map(|run| run.hits).sum();
    println!(
        "udp: {RECORDS}-record v9 datagrams of {DATAGRAM} bytes, seed {SEED}, {:.2} % of records hit, steps of {step:?}",
        hits as f64 / (RUNS * RUN * RECORDS) as f64 * 100.0
    );
    println!(
        "udp: highest rate with kernel drops 0, queue drops 0, gaps 0; share of a core in use"
    );
    let rows = [
        Row { name: "1 exporter, 1 front, one core", exporters: 1, fronts: 1, one_core: true },
        Row { name: "1 exporter, 1 front", exporters: 1, fronts: 1, one_core: false },
        Row { name: "1 exporter, 2 fronts", exporters: 1, fronts: 2, one_core: false },
        Row { name: "100 exporters, 1 front, one core", exporters: 100, fronts: 1, one_core: true },
        Row { name: "100 exporters, 1 front", exporters: 100, fronts: 1, one_core: false },
        Row { name: "100 exporters, 2 fronts", exporters: 100, fronts: 2, one_core: false },
    ];
    for joined in [false, true] {
        for row in &rows {
            row.measure(joined, &stream, step);
        }
    }
}

impl Row {
    fn measure(&self, joined: bool, stream: &[Run], step: Duration) {
        let site = Site::new(self.fronts, joined);
        // Threads inherit where they may run from who starts them.
        run_on(if self.one_core { &[1] } else { &[0, 1] });
        let service = Service::start(site.config(), Options::default()).unwrap();
        run_on(&[0]);
        let mut sender = Sender::new(service.udp_addresses()[0], self.exporters, stream.to_vec());
        let (mut good, mut bad): (Option<Trial>, Option<f64>) = (None, None);
        for _ in 0..STEPS {
            let low = good.as_ref().map_or(LOWEST / 1.3, |trial| trial.asked);
            let rate = match bad {
                Some(bad) if bad / low < EXACT => break,
                Some(bad) => (low * bad).sqrt(),
                None => low * 1.3,
            };
            let trial = sender.trial(rate, step, service.metrics());
            if std::env::args().any(|word| word == "steps") {
                println!("    {trial:?}");
            }
            if trial.is_whole() && trial.rate > 0.97 * rate {
                good = Some(trial);
            } else {
                bad = Some(rate);
            }
        }
        let name = format!("{:<32} {}", self.name, if joined { "joined" } else { "apart " });
        match good {
            Some(trial) => println!(
                "udp: {name} {:>6.2} M records/s  {:>4.0} k datagrams/s  {}",
                trial.rate * RECORDS as f64 / 1e6,
                trial.rate / 1e3,
                trial.cores
            ),
            None => println!("udp: {name} no rate without loss"),
        }
        service.shutdown().unwrap();
    }
}

/// What one step showed.
#[derive(Debug)]
struct Trial {
    asked: f64,
    /// Datagrams a second from the first sent to the last in evidence.
    rate: f64,
    kernel_drops: u64,
    queue_drops: u64,
    gaps: u64,
    undecoded: u64,
    cores: String,
}

impl Trial {
    fn is_whole(&self) -> bool {
        self.kernel_drops + self.queue_drops + self.gaps + self.undecoded == 0
    }
}

/// The counters a step looks at.
#[derive(Clone, Copy, Default)]
struct Seen {
    received: u64,
    kernel_drops: u64,
    queue_drops: u64,
    gaps: u64,
    decoded: u64,
    records: u64,
    made: u64,
    in_hour: u64,
}

impl Seen {
    fn now(metrics: &Metrics, listener: SocketAddr) -> Self {
        let of =
            |vec: &prometheus::IntCounterVec, label: &str| vec.with_label_values(&[label]).get();
        let listener = listener.to_string();
        Self {
            received: of(&metrics.datagrams_received, &listener),
            kernel_drops: of(&metrics.kernel_drops, &listener),
            queue_drops: of(&metrics.queue_dropped, "datagrams"),
            gaps: of(&metrics.decoded, "lost_packets"),
            decoded: of(&metrics.datagrams, "decoded"),
            records: of(&metrics.records, "decoded"),
            made: of(&metrics.sightings, "made"),
            in_hour: of(&metrics.sightings, "in_hour"),
        }
    }
}

/// Sends the stream.
struct Sender {
    to: SocketAddr,
    exporters: Vec<Exporter>,
    stream: Vec<Run>,
    seconds: u32,
    next: usize,
}

impl Sender {
    fn new(to: SocketAddr, exporters: usize, stream: Vec<Run>) -> Self {
        let SocketAddr::V4(v4) = to else { unreachable!() };
        let exporters = (0..exporters).map(|number| Exporter::new(number as u8, v4)).collect();
        std::thread::sleep(Duration::from_millis(300));
        Self { to, exporters, stream, seconds: now(), next: 0 }
    }

    /// One run of datagrams of the next exporter.
    fn run(&mut self) {
        let exporter = self.next % self.exporters.len();
        self.exporters[exporter].send(&mut self.stream[self.next % RUNS], self.seconds);
        self.next += 1;
    }

    fn trial(&mut self, rate: f64, step: Duration, metrics: &Metrics) -> Trial {
        let before = Seen::now(metrics, self.to);
        self.seconds = now();
        let runs = (rate * step.as_secs_f64() / RUN as f64).ceil() as u64;
        let apart = Duration::from_secs_f64(RUN as f64 / rate);
        let cpu = Cpu::now();
        let began = Instant::now();
        for number in 0..runs {
            let due = apart * number as u32;
            while began.elapsed() < due {
                std::hint::spin_loop();
            }
            self.run();
        }
        let sent = runs * RUN as u64;
        let settled = |seen: &Seen| {
            seen.decoded - before.decoded >= sent
                && seen.records - before.records >= sent * RECORDS as u64
                && seen.made == seen.in_hour
        };
        let mut took = began.elapsed();
        let mut seen = Seen::now(metrics, self.to);
        while !settled(&seen) && took < 2 * step + Duration::from_secs(1) {
            std::thread::sleep(Duration::from_micros(500));
            took = began.elapsed();
            seen = Seen::now(metrics, self.to);
        }
        let cores = cpu.since(took);
        if !settled(&seen) {
            // The kernel tells its drops with later datagrams, a gap is one
            // when 32 later datagrams have not filled it.
            for _ in 0..self.exporters.len() {
                self.run();
                std::thread::sleep(Duration::from_millis(2));
            }
            std::thread::sleep(Duration::from_millis(300));
            seen = Seen::now(metrics, self.to);
        }
        let undecoded = (seen.received - before.received)
            .saturating_sub(seen.decoded - before.decoded + seen.queue_drops - before.queue_drops);
        Trial {
            asked: rate,
            rate: sent as f64 / took.as_secs_f64(),
            kernel_drops: seen.kernel_drops - before.kernel_drops,
            queue_drops: seen.queue_drops - before.queue_drops,
            gaps: seen.gaps - before.gaps,
            undecoded,
            cores,
        }
    }
}

fn run_on(cores: &[usize]) {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core).unwrap();
    }
    // With fewer cores the sender shares one; the figures say so themselves.
    let _ = sched_setaffinity(Pid::from_raw(0), &set);
}

/// What a service needs; it goes with the value.
struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new(fronts: usize, joined: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("signatures/product")).unwrap();
        fs::write(
            at("signatures/product/bench-kettle.yaml"),
            "class: bench-kettle\nname: Bench Kettle\nlevel: product\nvendor: Bench\nthreshold: 0.4\ngroups:\n  - names: [\"*.kettle.example\"]\n    role: primary\nsources: [\"made for a benchmark\"]\nchecked: 2026-11-21\n",
        )
        .unwrap();
        let mut answers = String::new();
        for number in 0..ENDPOINTS {
            writeln!(
                answers,
                "{{\"rrname\":\"n{number}.kettle.example.\",\"rrtype\":\"A\",\"rdata\":\"{}\",\"time_first\":{},\"time_last\":{},\"count\":50}}",
                Ipv4Addr::from(endpoint(number)),
                now() - 3 * 86_400,
                now()
            )
            .unwrap();
        }
        fs::write(at("dns.jsonl"), answers).unwrap();
        fs::write(
            at("hayrake.yaml"),
            format!("listen: [\"127.0.0.1:0\"]\nudp_gro: {joined}\nlines:\n  prefixes: [{{net: 100.64.0.0/12, region: north}}]\n  key_file: line.key\ndns: {{feeds: [{{file: dns.jsonl, coverage: population}}]}}\nsignatures: signatures\nstate: state\ndetections: detections.jsonl\nhttp: 127.0.0.1:0\nworkers: {{front: {fronts}, back: 1}}\n"),
        )
        .unwrap();
        Self { dir }
    }

    fn config(&self) -> config::Config {
        config::load(&self.dir.path().join("hayrake.yaml")).unwrap()
    }
}

/// Processor time of this process' threads by name, in seconds.
struct Cpu {
    by_name: Vec<(String, f64)>,
}

impl Cpu {
    fn now() -> Self {
        let mut by_name: Vec<(String, f64)> = Vec::new();
        for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
            let Ok(stat) = fs::read_to_string(task.path().join("stat")) else { continue };
            let Some((head, tail)) = stat.rsplit_once(") ") else { continue };
            let name = head.split_once('(').map_or("", |(_, name)| name).to_owned();
            let ticks: u64 = tail.split(' ').skip(11).take(2).flat_map(str::parse::<u64>).sum();
            // USER_HZ is 100 on every Linux.
            let seconds = ticks as f64 / 100.0;
            match by_name.iter_mut().find(|known| known.0 == name) {
                Some(known) => known.1 += seconds,
                None => by_name.push((name, seconds)),
            }
        }
        Self { by_name }
    }

    /// Who used how much of a core since then.
    fn since(&self, took: Duration) -> String {
        let mut text = String::new();
        for (name, seconds) in Self::now().by_name {
            let before = self.by_name.iter().find(|known| known.0 == name).map_or(0.0, |k| k.1);
            let share = (seconds - before) / took.as_secs_f64();
            if share >= 0.02 {
                write!(text, "{name} {share:.2} ").unwrap();
            }
        }
        text
    }
}
