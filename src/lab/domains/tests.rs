//! Verdicts on the domains of devices that differ in one thing each.

use super::*;
use crate::lab::traffic::{Evidence, Hourly};
use crate::signature::{Owners, shipped};

fn contact(domain: &str, ports: &[&str]) -> Contact {
    Contact {
        domain: domain.to_owned(),
        learnt_by: vec![Evidence::Dns],
        aliases: Vec::new(),
        addresses: Vec::new(),
        ports: ports.iter().map(|port| port.parse().unwrap()).collect(),
        packets: ports.len() as u64 * 5,
        hours: Hourly::default(),
    }
}

fn device(name: &str, maker: &str, contacts: Vec<Contact>) -> DeviceTraffic {
    DeviceTraffic {
        device: name.to_owned(),
        maker: maker.to_owned(),
        product: String::new(),
        captures: Vec::new(),
        contacts,
    }
}

fn roles(devices: Vec<DeviceTraffic>, decisions: &str) -> BTreeMap<(String, String), Role> {
    let owners = Owners::new([("xbcs.net".to_owned(), "belkin-wemo".into())]);
    let signatures = SignatureSet { owners, classes: shipped().unwrap().classes };
    let decisions = Decisions::read("d", decisions.as_bytes()).unwrap();
    let popular = Popular::shipped().unwrap();
    let grounds = Grounds { signatures: &signatures, popular: &popular, decisions: &decisions };
    let judged = judge(&Captured::new(devices).unwrap(), grounds);
    assert_eq!(template(&judged).lines().next().unwrap().chars().next(), Some('#'));
    let again = Decisions::read("template", template(&judged).as_bytes());
    assert_eq!(again, Ok(Decisions::default()), "a template that nobody filled in decides nothing");
    let domains = |it: JudgedDevice| {
        it.domains.into_iter().map(move |domain| ((it.device.clone(), domain.domain), domain.role))
    };
    judged.devices.into_iter().flat_map(domains).collect()
}

fn home() -> Vec<DeviceTraffic> {
    let mut api = contact("api.xbcs.net", &["443/tcp"]);
    api.aliases.push("lb-1.example.net".to_owned());
    let mut address = contact("192.0.2.1", &["443/tcp"]);
    address.learnt_by.clear();
    let phone = || contact("sync.telephone.example", &["443/tcp"]);
    vec![
        device(
            "wemo",
            "Belkin",
            vec![
                api,
                address,
                contact("lb-1.example.net", &["443/tcp"]),
                contact("clients3.google.com", &["443/tcp"]),
                contact("s3-us-west-2.amazonaws.com", &["443/tcp"]),
                contact("www.belkin.com", &[]),
                contact("a2.tuyaus.com", &["8883/tcp"]),
                phone(),
            ],
        ),
        device("cam-1", "Edimax", vec![contact("www.myedimax.com", &["8766/udp"]), phone()]),
        device("cam-2", "Edimax", vec![contact("relay.arrayent.com", &["1/tcp"])]),
        device("cam-3", "Edimax", vec![contact("relay.arrayent.com", &["1/tcp"])]),
    ]
}

#[test]
fn every_verdict_follows_from_its_evidence() {
    let roles = roles(home(), "decisions:\n");
    let role = |device: &str, domain: &str| roles[&(device.to_owned(), domain.to_owned())];
    assert_eq!(role("wemo", "api.xbcs.net"), Role::Primary);
    assert_eq!(role("wemo", "lb-1.example.net"), Role::Generic, "an alias's target");
    assert_eq!(role("wemo", "clients3.google.com"), Role::Generic);
    assert_eq!(role("wemo", "s3-us-west-2.amazonaws.com"), Role::Generic);
    assert_eq!(role("wemo", "www.belkin.com"), Role::Undecided, "a web site");
    assert_eq!(role("wemo", "a2.tuyaus.com"), Role::Primary, "of a known platform");
    assert_eq!(role("wemo", "sync.telephone.example"), Role::Undecided);
    assert_eq!(role("cam-1", "www.myedimax.com"), Role::Primary, "no web site is there");
    assert_eq!(role("cam-2", "relay.arrayent.com"), Role::Support, "on several, of one maker");
    assert_eq!(roles.len(), 11, "an address is no domain");
}

#[test]
fn what_a_person_decided_counts() {
    let decisions = "decisions:\n  - {maker: Belkin, domain: www.belkin.com, role: generic, reason: shop}\n  - {device: cam-2, domain: relay.arrayent.com, role: primary, reason: theirs}\n";
    let roles = roles(home(), decisions);
    let role = |device: &str, domain: &str| roles[&(device.to_owned(), domain.to_owned())];
    assert_eq!(role("wemo", "www.belkin.com"), Role::Generic);
    assert_eq!(role("cam-2", "relay.arrayent.com"), Role::Primary);
    assert_eq!(role("cam-3", "relay.arrayent.com"), Role::Support);
}
