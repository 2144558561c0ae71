//! The steps of the lab on files: what each prints and how it ends, and what
//! comes of captures of real devices, where they are there.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stderr, reason = "a test says what it skips")]
#![allow(clippy::print_stdout, reason = "a test shows its confusion table")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use etherparse::PacketBuilder;
use hayrake::dns::{Coverage, Knowledge, Reading, read_into};
use hayrake::lab::capture::{Identity, Recorder};
use hayrake::lab::derive::{Derived, derive};
use hayrake::lab::domains::{Decisions, Grounds, Popular};
use hayrake::lab::evaluate::captures::{Device, packets};
use hayrake::lab::evaluate::report::{ConfusionRow, Report};
use hayrake::lab::evaluate::run::{Looks, captured};
use hayrake::lab::evaluate::sample::Method;
use hayrake::lab::manifest::mac;
use hayrake::lab::traffic::{Captured, DeviceTraffic, Mode};
use hayrake::model::rules::Level;
use hayrake::model::time::Timestamp;
use hayrake::signature::{ClassDefinition, SignatureSet, SourceFile, compile, examine, shipped};
use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};

const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 1];

fn hayrake(arguments: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hayrake"))
        .args(["lab"])
        .args(arguments)
        .current_dir(dir)
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A capture of the device `02:…:<last>` that asks for each name and speaks to
/// its address on port 443 once a minute for two hours.
fn capture(last: u8, names: &[(&str, [u8; 4])]) -> Vec<u8> {
    let (device, own) = ([2, 0, 0, 0, 0, last], [192, 168, 1, last]);
    let mut writer = PcapWriter::with_header(Vec::new(), PcapHeader::default()).unwrap();
    let mut write = |second: u64, bytes: &[u8]| {
        let time = Duration::from_secs(1_700_000_000 + second);
        let length = u32::try_from(bytes.len()).unwrap();
        writer.write_packet(&PcapPacket::new(time, length, bytes)).unwrap();
    };
    for (name, address) in names {
        let name = Name::from_ascii(name).unwrap();
        let mut message = Message::new(1, MessageType::Response, OpCode::Query);
        message.add_query(Query::query(name.clone(), RecordType::A));
        let data = RData::A(A::from(std::net::Ipv4Addr::from(*address)));
        message.add_answer(Record::from_rdata(name, 60, data));
        let answer = PacketBuilder::ethernet2(ROUTER, device).ipv4([192, 168, 1, 1], own, 64);
        let mut bytes = Vec::new();
        answer.udp(53, 40_000).write(&mut bytes, &message.to_vec().unwrap()).unwrap();
        write(0, &bytes);
    }
    for minute in 0..=120 {
        for (_, address) in names {
            let sent = PacketBuilder::ethernet2(device, ROUTER).ipv4(own, *address, 64);
            let mut bytes = Vec::new();
            sent.tcp(50_000, 443, 1, 9).ack(1).write(&mut bytes, b"\x17\x03\x03").unwrap();
            write(minute * 60, &bytes);
        }
    }
    writer.into_writer()
}

const MANIFEST: &str = "devices:
  - device: camera
    maker: Acme
    product: Acme Camera
    mac: 02:00:00:00:00:07
    mode: idle
    captures: [camera.pcap]
  - device: plug
    maker: Acme
    product: Acme Plug
    mac: 02:00:00:00:00:08
    mode: idle
    captures: [{file: plug.pcap, mode: idle}]
";

#[test]
fn captures_become_signatures_step_by_step() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let api = ("api.acme.com", [203, 0, 113, 1]);
    let (video, web) =
        (("eu1.video.acme.com", [203, 0, 113, 2]), ("www.acme.com", [203, 0, 113, 3]));
    let google = ("clients3.google.com", [203, 0, 113, 4]);
    fs::write(at.join("camera.pcap"), capture(7, &[api, video, google])).unwrap();
    fs::write(at.join("plug.pcap"), capture(8, &[api, web])).unwrap();
    fs::write(at.join("devices.yaml"), MANIFEST).unwrap();

    let table = hayrake(&["capture", "--manifest", "devices.yaml"], at);
    assert_eq!(table.status.code(), Some(0), "{table:?}");
    assert!(text(&table.stdout).contains("eu1.video.acme.com"), "{table:?}");
    assert!(!text(&table.stdout).contains("192.168."), "own addresses are not printed");
    let traffic = hayrake(&["capture", "--manifest", "devices.yaml", "--json"], at);
    fs::write(at.join("traffic.json"), &traffic.stdout).unwrap();

    let domains = hayrake(&["domains", "traffic.json"], at);
    assert_eq!(domains.status.code(), Some(1), "the web site is to be decided");
    let said = text(&domains.stdout);
    assert!(said.contains("on the list of popular services (google.com)"), "{said}");
    let template = text(&hayrake(&["domains", "traffic.json", "--template"], at).stdout);
    assert_eq!(template.matches("domain:").count(), 1, "{template}");
    let filled =
        template.replace("role:\n", "role: generic\n").replace("reason:\n", "reason: a shop\n");
    fs::write(at.join("decisions.yaml"), filled).unwrap();
    let decided = ["traffic.json", "--decisions", "decisions.yaml"];
    let domains = hayrake(&[&["domains"], &decided[..]].concat(), at);
    assert_eq!(domains.status.code(), Some(0), "{domains:?}");

    let answers = "{\"rrname\":\"api.acme.com\",\"rrtype\":\"A\",\"rdata\":\"203.0.113.1\",\"time_first\":1700000000,\"time_last\":1700000000,\"count\":30}\n";
    fs::write(at.join("pdns.jsonl"), answers).unwrap();
    let served = hayrake(&["infrastructure", "traffic.json", "--dns", "pdns.jsonl", "--json"], at);
    let served: serde_json::Value = serde_json::from_slice(&served.stdout).unwrap();
    assert_eq!(served[0]["domain"], "api.acme.com");
    assert_eq!(served[0]["verdict"], "dedicated");

    let arguments =
        [&["derive"], &decided[..], &["--checked", "2026-11-21", "--out", "made"]].concat();
    let derived = hayrake(&arguments, at);
    assert_eq!(derived.status.code(), Some(0), "{derived:?}");
    let product = fs::read_to_string(at.join("made/product/acme-camera.yaml")).unwrap();
    for line in [
        "parent: acme",
        "  - names: [eu1.video.acme.com]",
        "    packets_per_hour: {idle: 60.5, active: 60.5}",
    ] {
        assert!(product.contains(line), "{line} in {product}");
    }
    let again = hayrake(&arguments, at);
    assert_eq!(text(&again.stderr), "classes: 1 manufacturer, 1 product\n", "nothing is written");
    let check = Command::new(env!("CARGO_BIN_EXE_hayrake"))
        .args(["signature", "check", "--dir", "made"])
        .current_dir(at)
        .output()
        .unwrap();
    assert!(text(&check.stdout).ends_with("2 classes can be used\n"), "{check:?}");
}

#[test]
fn what_cannot_be_read_ends_with_two_and_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let fails = |arguments: &[&str], why: &str| {
        let output = hayrake(arguments, at);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output.stderr).contains(why), "{why} is missing in {output:?}");
    };
    fs::write(at.join("devices.yaml"), MANIFEST.replace("mac:", "imei:")).unwrap();
    fails(&["capture", "--manifest", "devices.yaml"], "devices.yaml:5: unknown key `imei`");
    fs::write(at.join("devices.yaml"), MANIFEST).unwrap();
    fails(&["capture", "--manifest", "devices.yaml"], "cannot read the capture camera.pcap");
    fails(&["capture", "--mac", "02:00", "x.pcap"], "`02:00` is no Ethernet address");
    fails(&["capture", "x.pcap"], "whose packets?");
    fs::write(at.join("traffic.json"), "{}").unwrap();
    fails(&["domains", "traffic.json"], "not the output of `lab capture --json`");
    fs::write(at.join("traffic.json"), r#"{"v":1,"devices":[]}"#).unwrap();
    fs::write(at.join("d.yaml"), "decisions:\n  - {domain: a.com, role: main, reason: x}\n")
        .unwrap();
    fails(&["domains", "traffic.json", "--decisions", "d.yaml"], "d.yaml:2: `role` `main`");
    fs::write(at.join("popular.txt"), "a.com\nb c\n").unwrap();
    fails(&["domains", "traffic.json", "--popular", "popular.txt"], "popular.txt: line 2");
    fails(&["derive", "traffic.json", "--checked", "today"], "`today` is no day");
    fails(&["domains", "traffic.json", "traffic.jsn"], "cannot read traffic.jsn");

    fs::write(at.join("cut.pcap"), &capture(7, &[("api.acme.com", [203, 0, 113, 1])])[..500])
        .unwrap();
    let cut = hayrake(&["capture", "--mac", "02:00:00:00:00:07", "cut.pcap"], at);
    assert_eq!(cut.status.code(), Some(1), "{cut:?}");
    assert!(text(&cut.stderr).contains("the file is cut off here"), "{cut:?}");
}

/// Devices of makers with several of them, in IoT Sentinel's set-up captures.
const MAKERS: [(&str, &str); 10] = [
    ("D-Link", "D-Link"),
    ("Edimax", "Edimax"),
    ("Ednet", "Ednet"),
    ("HomeMatic", "eQ-3"),
    ("MAX", "eQ-3"),
    ("Hue", "Philips Hue"),
    ("Smarter", "Smarter"),
    ("TP-Link", "TP-Link"),
    ("WeMo", "Belkin"),
    ("iKettle", "Smarter"),
];
/// What a person says of names that the evidence leaves open.
const DECISIONS: &str = "decisions:
  - {maker: eQ-3, domain: ntp.homematic.com, role: primary, reason: its gateways ask it for the time}
  - {maker: Belkin, domain: www.belkin.com, role: generic, reason: the web site}
";

fn sentinel() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/pcaps/sentinel");
    if !folder.exists() {
        eprintln!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

/// What the devices of [`MAKERS`] did, by maker and name.
fn devices(folder: &Path) -> Vec<DeviceTraffic> {
    let mut names: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut devices = Vec::new();
    for path in names.iter().filter(|path| path.extension().is_some_and(|it| it == "pcap")) {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let device = file.split('.').next().unwrap().to_owned();
        let Some((_, maker)) = MAKERS.iter().find(|(start, _)| device.starts_with(start)) else {
            continue;
        };
        let identity = fs::read_to_string(folder.join(format!("{device}.mac.txt"))).unwrap();
        let mut recorder = Recorder::new(Identity::Mac(mac(identity.trim()).unwrap()));
        let report = recorder.read(&file, Mode::Active, &fs::read(path).unwrap());
        assert!(report.own > 0 && report.problem.is_none(), "{file}: {report}");
        devices.push(recorder.finish(&device, maker, device.trim_end_matches(['1', '2'])));
    }
    devices.sort_by(|one, two| (&one.maker, &one.device).cmp(&(&two.maker, &two.device)));
    devices
}

fn derived(devices: Vec<DeviceTraffic>) -> Derived {
    let (signatures, popular) = (shipped().unwrap(), Popular::shipped().unwrap());
    let decisions = Decisions::read("decisions", DECISIONS.as_bytes()).unwrap();
    let grounds = Grounds { signatures: &signatures, popular: &popular, decisions: &decisions };
    derive(&Captured::new(devices).unwrap(), grounds, "2026-11-21".parse().unwrap())
}

/// Whether a device had enough groups of a class for it to be claimed.
fn has(device: &DeviceTraffic, class: &ClassDefinition) -> bool {
    let contacted = device.contacts.iter().filter(|contact| contact.packets > 0);
    let names: Vec<_> = contacted.filter_map(|contact| contact.domain.parse().ok()).collect();
    let seen = class.groups.iter().filter(|group| {
        group.names.iter().any(|pattern| names.iter().any(|name| pattern.matches(name)))
    });
    seen.count() >= class.threshold.required(class.groups.len())
}

#[test]
fn one_half_of_the_devices_tells_the_other_half() {
    let Some(folder) = sentinel() else { return };
    let all = devices(&folder);
    let (mut half, mut other) = (Vec::new(), Vec::new());
    let mut place: (String, usize) = (String::new(), 0);
    for device in all {
        place = if place.0 == device.maker {
            (place.0, place.1 + 1)
        } else {
            (device.maker.clone(), 0)
        };
        if place.1.is_multiple_of(2) { half.push(device) } else { other.push(device) }
    }
    let derived = derived(half.clone());
    let files: Vec<SourceFile> = derived
        .files()
        .into_iter()
        .map(|file| SourceFile {
            place: file.path.clone(),
            path: file.path,
            bytes: file.text.into(),
        })
        .collect();
    let errors: Vec<String> = examine(&files, None)
        .into_result()
        .err()
        .into_iter()
        .flatten()
        .map(|it| it.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(derived.files(), self::derived(half).files(), "a second run is an empty diff");

    // Every device that spoke to a name at all in which its maker can be seen.
    let mut found = BTreeSet::new();
    let mut wrong = Vec::new();
    for device in &other {
        let classes: Vec<&ClassDefinition> =
            derived.classes.iter().filter(|class| has(device, class)).collect();
        let own = |class: &&&ClassDefinition| *class.vendor == *device.maker;
        if classes.iter().any(|class| own(&class)) {
            found.insert(device.device.as_str());
        }
        let foreign = |class: &&&ClassDefinition| class.level != Level::Platform && !own(class);
        wrong.extend(classes.iter().filter(foreign).map(|class| (&device.device, &class.class)));
    }
    assert!(wrong.is_empty(), "claims of other makers: {wrong:?}");
    let expected = [
        "D-LinkHomeHub",
        "D-LinkSiren",
        "D-LinkWaterSensor",
        "EdimaxPlug2101W",
        "TP-LinkPlugHS110",
        "WeMoInsightSwitch2",
        "WeMoSwitch",
    ];
    // Of the other six, five contacted nobody by name, and one a name of its
    // maker that the first half does not have.
    assert_eq!(other.len(), 13);
    assert_eq!(found, BTreeSet::from(expected));

    // The same through exports of every packet and of one in ten.
    let set = compile(&files).unwrap();
    for (sampling, least) in [(1, 7.0), (10, 5.0)] {
        let report = replayed(&folder, &set, &other, sampling);
        println!("{report}");
        let rows = &report.thresholds[0].confusion;
        let claimed = |row: &ConfusionRow| {
            let right = row.claimed.iter().filter(|(class, _)| row.truth.contains(class));
            right.map(|(_, share)| *share).fold(0.0, f64::max)
        };
        let shares: f64 = rows.iter().map(claimed).sum();
        assert!(shares >= least, "1:{sampling}: {shares} devices of {}", rows.len());
        let wrong = report.thresholds[0]
            .classes
            .iter()
            .filter(|class| class.level != Level::Platform && class.false_claims.claims > 0);
        assert_eq!(wrong.count(), 0, "1:{sampling}");
    }
}

/// What the production chain makes of the devices' packets, one in `sampling`.
fn replayed(folder: &Path, set: &SignatureSet, devices: &[DeviceTraffic], sampling: u32) -> Report {
    let reading = Reading::new(Coverage::Population, Timestamp::MAX);
    let mut dns = Knowledge::new();
    let answers = folder.join("../../pdns/iot_sentinel_2016.cof.jsonl");
    read_into(&mut dns, "answers", fs::File::open(answers).unwrap(), &reading).unwrap();
    let devices: Vec<Device> = devices
        .iter()
        .map(|device| {
            let identity = folder.join(format!("{}.mac.txt", device.device));
            let identity = fs::read_to_string(identity).unwrap();
            let capture = fs::read(folder.join(&device.captures[0].name)).unwrap();
            read_into(&mut dns, &device.device, Cursor::new(&capture), &reading).unwrap();
            Device {
                name: device.device.as_str().into(),
                classes: set
                    .classes
                    .iter()
                    .filter(|class| *class.vendor == *device.maker)
                    .map(|class| class.class.clone())
                    .collect(),
                packets: packets(Identity::Mac(mac(identity.trim()).unwrap()), &capture),
            }
        })
        .collect();
    let looks = Looks {
        method: Method::Random,
        sampling: sampling.try_into().unwrap(),
        seeds: if sampling == 1 { 1 } else { 20 },
        seed: 1,
        thresholds: Vec::new(),
    };
    captured(set, &dns, &devices, &looks, |_| {})
}
