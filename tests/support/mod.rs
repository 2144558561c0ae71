//! What black-box tests of the service share: the real binary on loopback, an
//! exporter that sends NetFlow v9, and a signature with its DNS answers.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test binary uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails, and these tests run in real time"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

pub use exporter::{Exporter, set};

mod exporter;
mod joined;

/// Longest time anything here is waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Addresses of the kettle's two groups.
pub const KETTLE: [Ipv4Addr; 2] = [Ipv4Addr::new(203, 0, 113, 1), Ipv4Addr::new(203, 0, 113, 2)];

/// The class that the signature of [`Site`] defines.
pub const CLASS: &str = "test-kettle";

/// Unix seconds now.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Waits while an hour begins or ends: its windows, the day's verdicts and the names
/// of lines would change under a test that has other things to show.
fn away_from_the_hour() {
    const BEGINNING: u64 = 10;
    const END: u64 = 45;
    let into = now() % 3_600;
    let left = 3_600 - into;
    if into < BEGINNING {
        std::thread::sleep(Duration::from_secs(BEGINNING - into));
    } else if left < END {
        std::thread::sleep(Duration::from_secs(left + BEGINNING));
    }
}

/// A folder with everything a service needs; it goes with the value.
pub struct Site {
    pub dir: tempfile::TempDir,
}

impl Site {
    /// Lines in 198.51.100.0/24, one class with two groups, and answers for
    /// both of them.
    pub fn new() -> Self {
        away_from_the_hour();
        let site = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(site.path("signatures/product")).unwrap();
        site.write_signature("0.4");
        let now = now();
        let answers: String = ["api.kettle.example", "cloud.kettle.example"]
            .iter()
            .zip(KETTLE)
            .map(|(name, address)| {
                format!(
                    "{{\"rrname\":\"{name}.\",\"rrtype\":\"A\",\"rdata\":\"{address}\",\"time_first\":{},\"time_last\":{now},\"count\":50}}\n",
                    now - 3 * 86_400
                )
            })
            .collect();
        site.write("dns.jsonl", &answers);
        site.configure("");
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    /// The signature of the class, with this threshold.
    pub fn write_signature(&self, threshold: &str) {
        self.write(
            "signatures/product/test-kettle.yaml",
            &format!(
                "class: {CLASS}\nname: Test Kettle\nlevel: product\nvendor: Test\nthreshold: {threshold}\ngroups:\n  - names: [api.kettle.example]\n    role: primary\n  - names: [cloud.kettle.example]\n    role: primary\nsources: [\"made for a test\"]\nchecked: 2026-11-21\n"
            ),
        );
    }

    /// A configuration on ports that the system chooses; `more` is added.
    pub fn configure(&self, more: &str) {
        self.write(
            "hayrake.yaml",
            &format!(
                "listen: [\"127.0.0.1:0\"]\nlines:\n  prefixes: [{{net: 198.51.100.0/24, region: north}}]\n  key_file: line.key\ndns: {{feeds: [{{file: dns.jsonl, coverage: population}}]}}\nsignatures: signatures\nstate: state\ndetections: detections.jsonl\n{}{more}",
                if more.contains("http:") { "" } else { "http: 127.0.0.1:0\n" }
            ),
        );
    }

    /// Names a state folder that nobody can make: one in a file.
    pub fn forget_state(&self) {
        let config = fs::read_to_string(self.path("hayrake.yaml")).unwrap();
        self.write("hayrake.yaml", &config.replace("state: state", "state: dns.jsonl/state"));
    }

    pub fn run(&self) -> Hayrake {
        Hayrake::start(&self.path("hayrake.yaml"))
    }

    /// Runs it so that it closes its windows when it ends.
    pub fn run_and_close(&self) -> Hayrake {
        self.run_and_close_by(Command::new("bash"))
    }

    /// The same by a command that runs bash.
    pub fn run_and_close_by(&self, mut shell: Command) -> Hayrake {
        let binary = env!("CARGO_BIN_EXE_hayrake");
        let script = format!("exec {binary} \"$@\" --close-windows");
        Hayrake::start_by(shell.args(["-c", &script, "hayrake"]), &self.path("hayrake.yaml"))
    }

    pub fn detections(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("detections.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The running binary; killed when the test ends early.
pub struct Hayrake {
    child: Child,
    log: Receiver<String>,
    seen: Vec<String>,
    /// How many of the lines seen were waited for, or came before such a line.
    heard: usize,
    pub udp: SocketAddr,
    pub http: SocketAddr,
}

impl Hayrake {
    pub fn start(config: &Path) -> Self {
        Self::start_by(&mut Command::new(env!("CARGO_BIN_EXE_hayrake")), config)
    }

    /// The same by a command that runs the binary with what is added.
    pub fn start_by(command: &mut Command, config: &Path) -> Self {
        Self::start_logging(command, "info", config)
    }

    /// The same with this log filter.
    pub fn start_logging(command: &mut Command, filter: &str, config: &Path) -> Self {
        let command = command.args(["run", "--log", filter, "-c"]).arg(config);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines() {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let unset = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut hayrake = Self { child, log, seen: Vec::new(), heard: 0, udp: unset, http: unset };
        let ready = hayrake.wait_for_log("ready udp=");
        let field = |name: &str| {
            let (_, rest) = ready.split_once(&format!("{name}=")).unwrap();
            let word = rest.split_whitespace().next().unwrap();
            word.trim_matches('"').parse().unwrap()
        };
        (hayrake.udp, hayrake.http) = (field("udp"), field("http"));
        // What other threads say may come before this line or after it.
        hayrake.heard = 0;
        hayrake
    }

    /// The first line that has `part`, of those not waited for before.
    pub fn wait_for_log(&mut self, part: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            while let Some(line) = self.seen.get(self.heard) {
                self.heard += 1;
                if line.contains(part) {
                    return line.clone();
                }
            }
            match self.log.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(_) => panic!("no `{part}` in the log:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// A line that was logged already and has `part`.
    pub fn said(&mut self, part: &str) -> String {
        let text = self.log_so_far();
        let line = text.lines().find(|line| line.contains(part));
        line.map_or_else(|| panic!("no `{part}` in the log:\n{text}"), str::to_owned)
    }

    /// What was logged already.
    pub fn log_so_far(&mut self) -> String {
        self.seen.extend(self.log.try_iter());
        self.seen.join("\n")
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(done.unwrap().success());
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(mut self) -> ExitStatus {
        self.end()
    }

    /// The same; gives the whole log, too.
    pub fn terminate_and_tell(mut self) -> (ExitStatus, String) {
        let status = self.end();
        self.seen.extend(self.log.iter());
        (status, self.seen.join("\n"))
    }

    fn end(&mut self) -> ExitStatus {
        self.signal("-TERM");
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("SIGTERM did not end it");
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        get(self.http, path, None)
    }

    pub fn get_with(&self, path: &str, token: &str) -> (u16, Value) {
        get(self.http, path, Some(token))
    }

    /// The value of a metric, its series written as on /metrics; 0 if absent.
    pub fn metric(&self, series: &str) -> u64 {
        metric(self.http, series)
    }

    /// The sum over all series of a metric.
    pub fn metric_sum(&self, name: &str) -> u64 {
        let (_, text) = self.get("/metrics");
        series(text.as_str().unwrap())
            .filter(|(series, _)| series.split('{').next() == Some(name))
            .map(|(_, value)| value)
            .sum()
    }
}

impl Drop for Hayrake {
    fn drop(&mut self) {
        // It has ended already when the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn series(text: &str) -> impl Iterator<Item = (&str, u64)> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        Some((series, value.parse().ok()?))
    })
}

pub fn metric(http: SocketAddr, wanted: &str) -> u64 {
    let (_, text) = get(http, "/metrics", None);
    let text = text.as_str().unwrap().to_owned();
    series(&text).find(|(series, _)| *series == wanted).map_or(0, |(_, value)| value)
}

/// GET over a connection of its own; the body as JSON, else as text.
pub fn get(http: SocketAddr, path: &str, token: Option<&str>) -> (u16, Value) {
    let mut stream = TcpStream::connect(http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let authorization =
        token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n{authorization}Connection: close\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned())))
}

/// Waits until `holds`, looking again and again.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "did not come about: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A line of the site.
pub fn line(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, last)
}
