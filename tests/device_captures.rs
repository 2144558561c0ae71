//! The shipped signatures on captures of real devices: each device is claimed
//! as what it is, and as nothing else.
//!
//! The captures are set-up traffic of IoT Sentinel (2016), the answers those
//! that the same testbed got. Whatever a home sent counts, also what the phone
//! beside the device did, because a router sees that too.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use hayrake::attribute::{BuildInput, Hitlist, Signals, VerdictSettings, build};
use hayrake::detect::{Engine, Settings};
use hayrake::dns::{Coverage, Knowledge, Reading, read_into};
use hayrake::model::endpoint::Endpoint;
use hayrake::model::line::{LineId, RegionId};
use hayrake::model::sampling::{Sampling, SamplingSource};
use hayrake::model::sighting::Sighting;
use hayrake::model::time::Timestamp;
use hayrake::signature::{SignatureSet, shipped};
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block, PcapNgReader};

/// What each capture, by the start of its name, is claimed as.
const CLAIMED: [(&str, &[&str]); 31] = [
    ("Aria.", &[]),
    ("D-LinkCam.", &["dlink-camera"]),
    ("D-LinkDayCam.", &[]),
    ("D-LinkDoorSensor.", &["dlink-home"]),
    ("D-LinkHomeHub.", &["dlink-home"]),
    ("D-LinkSensor.", &["dlink-home"]),
    ("D-LinkSiren.", &["dlink-home"]),
    ("D-LinkSwitch.", &["dlink-home"]),
    ("D-LinkWaterSensor.", &["dlink-home"]),
    ("EdimaxCam1.", &[]),
    ("EdimaxCam2.", &[]),
    ("EdimaxPlug1101W.", &["edimax"]),
    ("EdimaxPlug2101W.", &["edimax"]),
    ("EdnetCam1.", &[]),
    ("EdnetCam2.", &[]),
    ("EdnetGateway.", &["icomen"]),
    ("HomeMaticPlug.", &[]),
    ("HueBridge.", &["philips-hue"]),
    ("HueSwitch.", &[]),
    ("Lightify.", &["osram-lightify"]),
    ("MAXGateway.", &["eq3-homematic"]),
    ("SmarterCoffee.", &[]),
    ("TP-LinkPlugHS100.", &["tp-link"]),
    ("TP-LinkPlugHS110.", &["tp-link"]),
    ("WeMoInsightSwitch.", &["belkin-wemo"]),
    ("WeMoInsightSwitch2.", &["belkin-wemo", "belkin-wemo-insight"]),
    ("WeMoLink.", &["belkin-wemo"]),
    ("WeMoSwitch.", &["belkin-wemo"]),
    ("WeMoSwitch2.", &["belkin-wemo"]),
    ("Withings.", &["withings"]),
    ("iKettle2.", &[]),
];

fn shared(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")).join(path)
}

/// A packet and where it went.
struct Sent {
    to: Endpoint,
    at: Timestamp,
}

/// The frames of a capture in either format, and when they passed.
fn frames(capture: &Path) -> Vec<(Duration, Vec<u8>)> {
    let mut frames = Vec::new();
    let start = fs::read(capture).unwrap();
    if start.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        let mut reader = PcapNgReader::new(&start[..]).unwrap();
        while let Some(block) = reader.next_block() {
            if let Block::EnhancedPacket(packet) = block.unwrap() {
                // The file counts in nanoseconds, as the library takes all to.
                frames.push((packet.timestamp, packet.data.into_owned()));
            }
        }
    } else {
        let mut reader = PcapReader::new(&start[..]).unwrap();
        while let Some(packet) = reader.next_packet() {
            let packet = packet.unwrap();
            frames.push((packet.timestamp, packet.data.into_owned()));
        }
    }
    frames
}

/// The IPv4 packets of an Ethernet capture. Those that come back to the home
/// are among them and go to no endpoint.
fn sent(capture: &Path) -> Vec<Sent> {
    let mut sent = Vec::new();
    for (at, data) in frames(capture) {
        if data.len() < 38 || data[12..14] != [8, 0] {
            continue;
        }
        let ip = &data[14..];
        let header = usize::from(ip[0] & 15) * 4;
        let to = Ipv4Addr::new(ip[16], ip[17], ip[18], ip[19]);
        if ip.len() >= header + 4 {
            let port = u16::from_be_bytes([ip[header + 2], ip[header + 3]]);
            let to = Endpoint { address: IpAddr::V4(to), port, protocol: ip[9] };
            let at = Timestamp::from_millis(at.as_millis().try_into().unwrap());
            sent.push(Sent { to, at });
        }
    }
    sent
}

/// The classes claimed on a line that sent `sent`.
fn claimed(signatures: &SignatureSet, dns: &Knowledge, sent: &[Sent]) -> BTreeSet<String> {
    let Some(first) = sent.first() else { return BTreeSet::new() };
    let built = build(&BuildInput {
        signatures,
        dns,
        day: first.at.day(),
        excluded: &|address| matches!(address, IpAddr::V4(v4) if v4.is_private()),
        signals: Signals::default(),
        settings: VerdictSettings::default(),
    });
    let hitlist: &Hitlist = &built.hitlist;
    let settings = Settings { lateness: Duration::from_secs(300), most_touches: 10_000 };
    let mut engine = Engine::new(settings, Arc::new(built.rules));
    for packet in sent {
        for group in hitlist.look_up(&packet.to, packet.at) {
            engine.observe(&Sighting {
                line: LineId(1),
                region: RegionId(0),
                group,
                packets: 1,
                bytes: 100,
                sampling: Sampling::new(1, SamplingSource::Configured),
                established: true,
                at: packet.at,
            });
        }
    }
    engine.finish().iter().map(|detection| detection.class.to_string()).collect()
}

fn answers(files: &[&str]) -> Knowledge {
    let mut dns = Knowledge::new();
    let now: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
    for file in files {
        let reading = Reading::new(Coverage::Population, now);
        read_into(&mut dns, file, File::open(shared(file)).unwrap(), &reading).unwrap();
    }
    dns
}

#[test]
fn every_device_is_claimed_as_what_it_is_and_as_nothing_else() {
    let folder = shared("pcaps/sentinel");
    if !folder.exists() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    let signatures = shipped().unwrap();
    let dns = answers(&["pdns/iot_sentinel_2016.cof.jsonl"]);
    let mut wrong = Vec::new();
    for (start, wanted) in CLAIMED {
        let capture = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                let name = path.file_name().unwrap().to_string_lossy();
                name.starts_with(start) && name.ends_with(".pcap")
            })
            .unwrap_or_else(|| panic!("no capture of {start}"));
        let wanted: BTreeSet<_> = wanted.iter().map(|class| (*class).to_owned()).collect();
        let got = claimed(&signatures, &dns, &sent(&capture));
        if got != wanted {
            wrong.push(format!("{start} wanted {wanted:?}, got {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A capture that is packed with xz, unpacked by the program of that name.
fn unpacked(packed: &Path, into: &Path) -> Option<PathBuf> {
    let target = into.join("capture.pcap");
    let status =
        Command::new("xz").arg("-dc").arg(packed).stdout(File::create(&target).ok()?).status();
    status.ok()?.success().then_some(target)
}

#[test]
fn a_hue_bridge_is_claimed_by_what_it_asked_for_itself() {
    let packed = shared("pcaps/hue-bridge_2018-10-25.pcap.xz");
    let dir = tempfile::tempdir().unwrap();
    let Some(capture) = packed.exists().then(|| unpacked(&packed, dir.path())).flatten() else {
        println!("skipped: {} is not there, or xz is not", packed.display());
        return;
    };
    let signatures = shipped().unwrap();
    let dns = answers(&[capture.to_str().unwrap()]);
    let got = claimed(&signatures, &dns, &sent(&capture));
    assert_eq!(got, BTreeSet::from(["philips-hue".to_owned()]));
}

/// The phone that switches the plug is on the same line, and its own services
/// claim nothing.
#[test]
fn a_plug_and_the_phone_beside_it_are_claimed_as_the_plug() {
    let capture = shared("pcaps/fdekeers_tplink-plug.pcap");
    if !capture.exists() {
        println!("skipped: {} is not there", capture.display());
        return;
    }
    let dns = answers(&[capture.to_str().unwrap()]);
    let got = claimed(&shipped().unwrap(), &dns, &sent(&capture));
    assert_eq!(got, BTreeSet::from(["tp-link".to_owned()]));
}

/// The Yi camera was captured after it had asked for its servers, so nothing
/// says whose they are; a claim would be a guess.
#[test]
fn a_camera_whose_names_nobody_saw_is_not_claimed() {
    let capture = shared("pcaps/intl-iot_yi_camera_sample.pcap");
    if !capture.exists() {
        println!("skipped: {} is not there", capture.display());
        return;
    }
    let dns = answers(&["pdns/iot_sentinel_2016.cof.jsonl", capture.to_str().unwrap()]);
    let sent = sent(&capture);
    let servers: BTreeSet<_> =
        sent.iter().filter(|sent| sent.to.port == 32100).map(|sent| sent.to.address).collect();
    assert_eq!(servers.len(), 3, "it did talk to its servers");
    assert_eq!(claimed(&shipped().unwrap(), &dns, &sent), BTreeSet::new());
}

/// Floods are sent by malware and touch no service of a maker.
#[test]
fn floods_are_no_devices() {
    let dns = shared("pdns/iot_sentinel_2016.cof.jsonl");
    for flood in ["safeguards_flood_SYN.pcap", "safeguards_flood_dns.pcap"] {
        let capture = shared("pcaps").join(flood);
        if !capture.exists() || !dns.exists() {
            println!("skipped: {} is not there", capture.display());
            continue;
        }
        let dns = answers(&["pdns/iot_sentinel_2016.cof.jsonl"]);
        let sent = sent(&capture);
        assert!(!sent.is_empty(), "{flood}");
        assert_eq!(claimed(&shipped().unwrap(), &dns, &sent), BTreeSet::new());
    }
}
