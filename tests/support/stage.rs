//! Where the commands of the pages run: a folder with what they speak of, and a
//! service.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::cell::RefCell;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::pages::{Page, ROOT};
use crate::support::Hayrake;

const HAYRAKE: &str = env!("CARGO_BIN_EXE_hayrake");

/// Stands for `hayrake` in a block. Commands that last are cut short: the service
/// that `run` would start runs already, so its configuration is checked. What is
/// found (exit code 1) is no failure of a page.
const SHIM: &str = r#"#!/bin/sh
case "$1" in
  demo) set -- demo --lines 300 --seconds 1 --http 127.0.0.1:0 ;;
  run) shift; set -- check "$@" ;;
  inspect) [ "$2" != --listen ] || set -- inspect --listen 127.0.0.1:0 --seconds 1 ;;
esac
"$HAYRAKE_ITSELF" "$@"
code=$?
[ $code -ne 1 ] || code=0
exit $code
"#;

/// Stands for `cargo`: the program is built, or this test would not run.
const CARGO: &str = r#"#!/bin/sh
case "$1 $2" in
  "run --release") shift 3; exec hayrake "$@" ;;
  "build --release") mkdir -p target/release && ln -sf "$HAYRAKE_ITSELF" target/release/hayrake ;;
  "test ") ;;
  *) echo "cargo $*: not known to this test" >&2; exit 1 ;;
esac
"#;

const SUDO: &str = "#!/bin/sh\nexec \"$@\"\n";

pub(crate) struct Stage {
    dir: tempfile::TempDir,
    http: String,
    /// Runs as long as the stage stands.
    _service: Hayrake,
    /// Where the page that was entered last has its files.
    page: RefCell<PathBuf>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("base");
        // Answers of today, or nothing could be detected today.
        let today = jiff::Timestamp::now().to_string();
        let start = format!("{}T00:00:00Z", &today[..10]);
        let simulated = Command::new(HAYRAKE)
            .args([
                "simulate",
                "--lines",
                "400",
                "--hours",
                "1",
                "--sampling",
                "100",
                "--seed",
                "7",
            ])
            .args(["--start", &start, "--out"])
            .arg(&base)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(simulated.success());
        let captures = ["export.pcap", "healthy.pcap"];
        for name in captures {
            fs::copy(base.join("exports.pcap"), base.join(name)).unwrap();
        }
        let whole = fs::read(base.join("exports.pcap")).unwrap();
        let sets = |ids: &'static [u16]| move |id: u16| !ids.contains(&id);
        fs::write(base.join("no-templates.pcap"), without(&whole, sets(&[0, 1, 2, 3]))).unwrap();
        fs::write(base.join("no-rate.pcap"), without(&whole, sets(&[1, 3, 512]))).unwrap();
        fs::write(base.join("kettle.json"), MUD).unwrap();
        fs::copy(base.join("dns.jsonl"), base.join("pdns.jsonl")).unwrap();
        for folder in ["signatures", "signatures.before"] {
            copy_folder(&Path::new(ROOT).join("signatures"), &base.join(folder));
        }
        fs::write(base.join("signatures/product/example-kettle.yaml"), KETTLE).unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for (name, script) in [("hayrake", SHIM), ("cargo", CARGO), ("sudo", SUDO)] {
            fs::write(bin.join(name), script).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }

        // A port that was free a moment ago.
        let http = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let text = fs::read_to_string(base.join("hayrake.yaml")).unwrap();
        let kept =
            text.lines().filter(|line| !line.starts_with("http:") && !line.starts_with("listen:"));
        let kept: String = kept.map(|line| format!("{line}\n")).collect();
        // The line that pages take for an example.
        let own = "  prefixes:\n    - {net: 198.51.100.0/24, region: north}\n";
        let kept = kept.replace("  prefixes:\n", own);
        let config = format!(
            "{kept}listen: ['127.0.0.1:0']\nsignatures: signatures\ndetections: detections.jsonl\nhttp: {{listen: '{http}', token_file: token}}\n"
        );
        fs::write(base.join("hayrake.yaml"), config).unwrap();
        fs::write(base.join("token"), "a-word-of-this-test\n").unwrap();
        let running = dir.path().join("running");
        copy_folder(&base, &running);
        let service = Hayrake::start(&running.join("hayrake.yaml"));
        fs::copy(running.join("line.key"), base.join("line.key")).unwrap();
        send(&whole, &service);
        let page = RefCell::new(base);
        Self { dir, http, _service: service, page }
    }

    /// Lays out a folder for a page, or says what of it is not here.
    pub(crate) fn enter(&self, page: &Page) -> Option<String> {
        let stem = page.path.file_stem().unwrap().to_string_lossy().into_owned();
        let folder = self.dir.path().join("pages").join(&stem);
        copy_folder(&self.dir.path().join("base"), &folder);
        copy_folder(&self.dir.path().join("base"), &folder.join("etc/hayrake"));
        fs::create_dir_all(folder.join("bin")).unwrap();
        // What the running service has made: its key, its checkpoints, its history.
        let running = self.dir.path().join("running");
        copy_folder(&running, &folder.join("var/lib/hayrake"));
        for place in ["state", "etc/hayrake/state"] {
            copy_folder(&running.join("state"), &folder.join(place));
        }
        self.page.replace(folder.clone());
        // Pages about captures of devices say in a block which these are.
        let manifest = page.blocks().into_iter().find(|block| block.text.starts_with("devices:"));
        if page.text.contains("--manifest") {
            let data = Path::new(ROOT).join("../shared/data/pcaps");
            let Ok(data) = data.canonicalize() else {
                return Some("it needs captures of devices, which are not here".to_owned());
            };
            for place in [data.clone(), data.join("sentinel")] {
                for file in fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()) {
                    let to = folder.join(file.file_name().unwrap());
                    if !to.exists() {
                        std::os::unix::fs::symlink(&file, to).unwrap();
                    }
                }
            }
            let text = manifest.map_or_else(|| DEVICES.to_owned(), |block| block.text);
            fs::write(folder.join("devices.yaml"), text).unwrap();
        }
        None
    }

    /// What a shell says to this text, or why it failed. The places of an
    /// installed service are those of the page's folder.
    pub(crate) fn shell(&self, text: &str) -> Result<String, String> {
        let folder = self.page.borrow().clone();
        let inside = |place: &str| folder.join(place).display().to_string();
        let text = text
            .replace("/etc/hayrake", &inside("etc/hayrake"))
            .replace("/var/lib/hayrake", &inside("var/lib/hayrake"))
            .replace("/usr/local/bin", &inside("bin"))
            .replace("127.0.0.1:8080", &self.http)
            .replace("NAME-OR-ADDRESS", "diagnostics.meethue.com");
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("sh")
            .args(["-e", "-c", &format!("exec 2>&1\n{text}")])
            .current_dir(&folder)
            .env("PATH", format!("{}:{path}", self.dir.path().join("bin").display()))
            .env("HAYRAKE_ITSELF", HAYRAKE)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = said.replace(&self.http, "127.0.0.1:8080");
        let said = ["etc/hayrake", "var/lib/hayrake"]
            .iter()
            .fold(said, |said, place| said.replace(&inside(place), &format!("/{place}")));
        if output.status.success() { Ok(said) } else { Err(format!("{}\n{said}", output.status)) }
    }
}

/// Copies what is there; a service may replace its files meanwhile.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let there = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &there);
        } else if path.is_file() {
            let copied = fs::copy(&path, &there);
            assert!(copied.is_ok() || !path.exists(), "{}: {copied:?}", path.display());
        }
    }
}

/// Bytes of a record's header, and of Ethernet, IPv4 and UDP before a payload.
const HEADER: usize = 16;
const AROUND: usize = 14 + 20 + 8;

/// The records of a capture that `simulate` wrote: little-endian, IPv4 over Ethernet.
fn records(capture: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = &capture[24..];
    std::iter::from_fn(move || {
        let length = u32::from_le_bytes(rest.get(8..12)?.try_into().unwrap()) as usize;
        let (record, after) = rest.split_at(HEADER + length);
        rest = after;
        Some(record)
    })
}

/// The capture as it would be of routers that leave out sets: those of v9 and IPFIX
/// of which `kept` is not true.
fn without(capture: &[u8], kept: impl Fn(u16) -> bool) -> Vec<u8> {
    let short = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let mut written = capture[..24].to_vec();
    for record in records(capture) {
        let (head, payload) = record.split_at(HEADER + AROUND);
        let header = match short(payload, 0) {
            9 => 20,
            10 => 16,
            _ => {
                written.extend_from_slice(record);
                continue;
            }
        };
        let mut now = payload[..header].to_vec();
        let mut at = header;
        while at + 4 <= payload.len() {
            let end = at + usize::from(short(payload, at + 2)).max(4);
            if kept(short(payload, at)) {
                now.extend_from_slice(&payload[at..end.min(payload.len())]);
            }
            at = end;
        }
        if now.len() == header {
            continue;
        }
        let less = payload.len() - now.len();
        let mut head = head.to_vec();
        for at in [8, 12] {
            let length = u32::from_le_bytes(head[at..at + 4].try_into().unwrap()) as usize - less;
            head[at..at + 4].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
        }
        // The lengths of IPv4 and UDP, and that of an IPFIX message.
        for at in [HEADER + 14 + 2, HEADER + 14 + 20 + 4] {
            let length = short(&head, at) - u16::try_from(less).unwrap();
            head[at..at + 2].copy_from_slice(&length.to_be_bytes());
        }
        if header == 16 {
            now[2..4].copy_from_slice(&u16::try_from(payload.len() - less).unwrap().to_be_bytes());
        }
        written.extend(head);
        written.extend(now);
    }
    written
}

/// Sends the exports of a capture to a service, slowly enough for it to follow.
fn send(capture: &[u8], service: &Hayrake) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sent = 0;
    for record in records(capture) {
        socket.send_to(&record[HEADER + AROUND..], service.udp).unwrap();
        sent += 1;
        if sent % 50 == 0 {
            let told = || service.metric_sum("hayrake_datagrams_received_total");
            crate::support::eventually("datagrams are received", || told() >= sent);
        }
    }
}

/// The kettle of docs/signatures-howto.md.
const KETTLE: &str = "\
class: example-kettle
name: Example Kettle
level: product
vendor: Example
groups:
  - {names: [api.kettle.example.com], role: primary}
sources: [\"the page\"]
checked: 2026-11-21
";

const MUD: &str = r#"{"ietf-mud:mud": {"mud-version": 1, "mud-url": "https://example.com/kettle",
 "last-update": "2026-09-16T13:53:04Z", "systeminfo": "Example Kettle",
 "from-device-policy": {"access-lists": {"access-list": [{"name": "out"}]}}},
 "ietf-access-control-list:access-lists": {"acl": [{"name": "out", "aces": {"ace": [
 {"name": "cloud", "matches": {"ipv4": {"ietf-acldns:dst-dnsname": "api.kettle.example.com"},
  "tcp": {"destination-port": {"operator": "eq", "port": 443}}}, "actions": {"forwarding": "accept"}}]}}]}}"#;

/// For a page that evaluates devices and does not say which.
const DEVICES: &str = "\
devices:
  - device: wemo-switch
    maker: Belkin
    product: WeMo Switch
    mac: 94:10:3e:35:01:c1
    captures: [WeMoSwitch.Setup-A-3-STA.pcap]
";
