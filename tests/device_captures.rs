//! The shipped signatures on captures of real devices: each device is claimed
//! as what it is, and as nothing else.
//!
//! The captures are set-up traffic of IoT Sentinel (2016), the answers those
//! that the same testbed got. Whatever a home sent counts, also what the phone
//! beside the device did, because a router sees that too.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hayrake::attribute::{BuildInput, Hitlist, VerdictSettings, build};
use hayrake::detect::{Engine, Settings};
use hayrake::dns::{Coverage, Knowledge, Reading, read_into};
use hayrake::model::endpoint::Endpoint;
use hayrake::model::line::{LineId, RegionId};
use hayrake::model::sampling::{Sampling, SamplingSource};
use hayrake::model::sighting::Sighting;
use hayrake::model::time::Timestamp;
use hayrake::signature::{SignatureSet, shipped};
use pcap_file::pcap::PcapReader;

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

/// A packet from a home to a service.
struct Sent {
    to: Endpoint,
    at: Timestamp,
}

/// The IPv4 packets of an Ethernet capture that leave a private network.
fn sent(capture: &Path) -> Vec<Sent> {
    let mut reader = PcapReader::new(File::open(capture).unwrap()).unwrap();
    let mut sent = Vec::new();
    while let Some(packet) = reader.next_packet() {
        let packet = packet.unwrap();
        let data = &packet.data;
        if data.len() < 38 || data[12..14] != [8, 0] {
            continue;
        }
        let ip = &data[14..];
        let header = usize::from(ip[0] & 15) * 4;
        let from = Ipv4Addr::new(ip[12], ip[13], ip[14], ip[15]);
        let to = Ipv4Addr::new(ip[16], ip[17], ip[18], ip[19]);
        if from.is_private() && !to.is_private() && ip.len() >= header + 4 {
            let port = u16::from_be_bytes([ip[header + 2], ip[header + 3]]);
            let to = Endpoint { address: IpAddr::V4(to), port, protocol: ip[9] };
            let at = Timestamp::from_millis(packet.timestamp.as_millis().try_into().unwrap());
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
        in_cloud: &|_| false,
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
        let reading = Reading { coverage: Coverage::Population, now };
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
