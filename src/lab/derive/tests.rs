//! Candidate signatures of devices whose maker, product and names are chosen so
//! that one thing decides each.

use jiff::civil::date;

use super::*;
use crate::lab::domains::{Decisions, Popular};
use crate::lab::traffic::{CaptureFacts, Contact, Evidence, Hourly};
use crate::model::time::Timestamp;
use crate::signature::{Owners, SignatureSet, SourceFile, examine};

fn contact(domain: &str, address: &str, hours: Hourly) -> Contact {
    Contact {
        domain: domain.to_owned(),
        learnt_by: vec![Evidence::TlsSni],
        aliases: Vec::new(),
        addresses: vec![address.parse().unwrap()],
        ports: vec!["443/tcp".parse().unwrap()],
        packets: 30,
        hours,
    }
}

fn facts(mode: Mode, hours: f64) -> CaptureFacts {
    CaptureFacts {
        name: format!("{mode}.pcap"),
        mode,
        start: Timestamp::from_secs(1_600_000_000),
        seconds: hours * 3_600.0,
        packets: 100,
        local: 0,
        damaged: 0,
    }
}

/// A device that had `domains` at addresses of their own.
fn device(name: &str, maker: &str, product: &str, domains: &[&str]) -> DeviceTraffic {
    let own = |domain: &&str| {
        let mark = domain.bytes().fold(7_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        let other = domain.len();
        contact(domain, &format!("198.18.{other}.{mark}"), Hourly::default())
    };
    DeviceTraffic {
        device: name.to_owned(),
        maker: maker.to_owned(),
        product: product.to_owned(),
        captures: vec![facts(Mode::Unknown, 0.1)],
        contacts: domains.iter().map(own).collect(),
    }
}

fn derived(devices: Vec<DeviceTraffic>, decisions: &str) -> Derived {
    let captured = Captured::new(devices).unwrap();
    let signatures = SignatureSet { owners: Owners::default(), classes: Vec::new() };
    let decisions = Decisions::read("d", decisions.as_bytes()).unwrap();
    let popular = Popular::shipped().unwrap();
    let grounds = Grounds { signatures: &signatures, popular: &popular, decisions: &decisions };
    let derived = derive(&captured, grounds, date(2026, 11, 21));
    let files: Vec<SourceFile> = derived
        .files()
        .into_iter()
        .map(|file| SourceFile {
            place: file.path.clone(),
            path: file.path,
            bytes: file.text.into(),
        })
        .collect();
    let examined = examine(&files, None);
    let read = examined.into_result().unwrap();
    for class in &derived.classes {
        assert_eq!(read.class(&class.class), Some(class), "what is written reads back");
    }
    derived
}

/// `level class < parent: names | names`, a line a class.
fn told(derived: &Derived) -> Vec<String> {
    let group = |group: &GroupDefinition| {
        group.names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let line = |class: &ClassDefinition| {
        let parent = class.parent.as_ref().map_or(String::new(), |parent| format!(" < {parent}"));
        let groups: Vec<String> = class.groups.iter().map(group).collect();
        format!("{} {}{parent}: {}", class.level, class.class, groups.join(" | "))
    };
    derived.classes.iter().map(line).collect()
}

#[test]
fn the_level_is_what_the_devices_of_a_group_have_in_common() {
    let backend = "mqtt.backend.example";
    let devices = vec![
        device("cam", "Acme", "Camera", &["api.acme.com", "video.acme.com", backend]),
        device("plug", "Acme", "Plug", &["api.acme.com", backend]),
        device("bulb", "Bright", "Bulb", &["cloud.bright.com", backend]),
        device("button", "Bright", "Button", &[]),
        device("stray", "", "", &["api.nobody.com"]),
    ];
    let decisions =
        "decisions:\n  - {domain: \"*.backend.example\", role: primary, reason: a platform}\n";
    let derived = derived(devices, decisions);
    assert_eq!(
        told(&derived),
        [
            "platform backend: mqtt.backend.example",
            "manufacturer acme < backend: api.acme.com",
            // The other product of this maker contacted nobody.
            "manufacturer bright < backend: cloud.bright.com",
            "product acme-camera < acme: video.acme.com",
        ]
    );
    let left_out: Vec<String> = derived.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        left_out,
        [
            "stray: to be decided: api.nobody.com",
            "button: nothing of it is evidence",
            "stray: nothing of it is evidence",
        ]
    );
}

#[test]
fn alternatives_and_names_on_one_address_are_one_group() {
    let mut cam = device("cam", "Acme", "", &["eu1.relay.acme.com", "api.acme.com"]);
    let plug = device("plug", "Acme", "", &["us2.relay.acme.com", "time.acme.com"]);
    let hours = Hourly::default();
    cam.contacts.push(contact("log.acme.com", "192.0.2.9", hours));
    cam.contacts.push(contact("ota.acme.com", "192.0.2.9", hours));
    let derived = derived(vec![cam, plug], "decisions:\n");
    assert_eq!(
        told(&derived),
        [
            "manufacturer acme: api.acme.com | eu1.relay.acme.com us2.relay.acme.com | log.acme.com ota.acme.com | time.acme.com"
        ]
    );
}

#[test]
fn a_child_has_a_parent_only_if_every_device_of_it_would_have_both() {
    // The camera has one of the maker's five groups, of which two are required.
    let all = ["a.acme.com", "b.acme.com", "c.acme.com", "d.acme.com", "e.acme.com"];
    let devices = vec![
        device("hub", "Acme", "Hub", &all),
        device("lamp", "Acme", "Lamp", &all),
        device("cam", "Acme", "Camera", &["a.acme.com", "video.acme.com"]),
    ];
    let told = told(&derived(devices, "decisions:\n"));
    assert_eq!(told[1], "product acme-camera: video.acme.com");
}

#[test]
fn rates_come_from_devices_that_were_watched_long_enough() {
    let hours = |idle, active| Hourly { idle, active };
    let mut one = device("one", "Acme", "", &[]);
    one.captures = vec![facts(Mode::Idle, 2.0), facts(Mode::Active, 2.0)];
    one.contacts = vec![contact("api.acme.com", "192.0.2.1", hours(Some(100.0), Some(900.0)))];
    let mut two = device("two", "Acme", "", &[]);
    two.captures = vec![facts(Mode::Idle, 2.0), facts(Mode::Active, 0.1)];
    two.contacts = vec![
        contact("api.acme.com", "192.0.2.1", hours(Some(50.0), Some(90_000.0))),
        contact("log.acme.com", "192.0.2.2", hours(Some(7.0), None)),
    ];
    let derived = derived(vec![one, two], "decisions:\n");
    let rates: Vec<_> = derived.classes[0].groups.iter().map(|it| it.packets_per_hour).collect();
    let rate = |idle, active| Some(PacketRate { idle, active });
    assert_eq!(rates, [rate(75.0, 900.0), rate(7.0, 7.0)]);
}

#[test]
fn a_class_without_anything_of_its_own_is_told_and_left_out() {
    let decisions = "decisions:\n  - {domain: api.helper.net, role: support, reason: x}\n";
    let mut quiet = device("quiet", "Calm", "", &["api.calm.com"]);
    quiet.contacts[0].packets = 0;
    let derived = derived(vec![device("cam", "Acme", "", &["api.helper.net"]), quiet], decisions);
    assert!(derived.classes.is_empty());
    let left_out: Vec<String> = derived.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        left_out,
        [
            "looked up, never contacted: api.calm.com",
            "acme: no class, nothing in it is the maker's own: api.helper.net",
            "quiet: nothing of it is evidence",
        ]
    );
}

#[test]
fn hostile_words_make_files_that_can_be_read() {
    let long = "x".repeat(400);
    let devices = vec![
        device("a\nb: c", "Acme: \"#\n{", "äöü\u{2028}", &["api.acme.com", "v1.acme.com"]),
        device(&long, "Acme: \"#\n{", &long, &["api.acme.com", "video.acme.com"]),
        device("c", &long, "", &["cloud.other.com"]),
    ];
    let decisions = "decisions:\n  - {domain: cloud.other.com, role: primary, reason: x}\n";
    assert_eq!(derived(devices, decisions).classes.len(), 4);
}

#[test]
fn a_second_run_is_the_same_to_the_byte() {
    let devices = || {
        vec![
            device("cam", "Acme", "Camera", &["api.acme.com", "video.acme.com"]),
            device("plug", "Acme", "Plug", &["api.acme.com"]),
        ]
    };
    let mut other = devices();
    other.reverse();
    other.iter_mut().for_each(|device| device.contacts.reverse());
    assert_eq!(derived(devices(), "decisions:\n").files(), derived(other, "decisions:\n").files());
}
