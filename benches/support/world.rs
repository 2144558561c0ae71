//! What a front meets at an ISP: a million endpoints on the hitlist, lines in
//! 100.64.0.0/10, and IPFIX datagrams of a router's 20-field template of which
//! one record in twenty hits. Seeded.

#![allow(dead_code, reason = "each benchmark uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a benchmark stops at what cannot be")]

use std::net::IpAddr;

use hayrake::attribute::{Hitlist, HitlistEntry};
use hayrake::decode::Datagram;
use hayrake::model::group::GroupId;
use hayrake::model::line::Regions;
use hayrake::model::rules::{ClassRule, GroupRule, Level, Role, Rules};
use hayrake::model::time::Timestamp;
use hayrake::orient::{LinePrefix, Prefixes};
use hayrake::pipeline::View;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::datagrams::{NOW, ROUTER, ipfix};

/// Endpoints in the list.
pub(crate) const ENDPOINTS: usize = 1_000_000;
/// Groups that they stand for.
const GROUPS: u64 = 500;
/// Records of a datagram.
pub(crate) const RECORDS: usize = 24;
/// Datagrams made; their endpoints are more than any cache holds.
pub(crate) const DATAGRAMS: usize = 8_192;

/// Servers on the hitlist, the view in which they are, and datagrams.
pub(crate) struct World {
    /// Addresses of servers.
    pub(crate) servers: Vec<u32>,
    /// What a front reads.
    pub(crate) view: View,
    /// The template and the rate of sampling.
    pub(crate) template: Vec<u8>,
    /// Datagrams of data.
    pub(crate) payloads: Vec<Vec<u8>>,
}

impl World {
    /// The world of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let servers: Vec<u32> = (0..ENDPOINTS).map(|_| server(&mut random)).collect();
        let (mut prefixes, mut regions) = (Prefixes::default(), Regions::default());
        // 100.64.0.0/10 as a provider has it: in 256 parts, of four regions.
        for (part, net) in (0..256_u32).zip((0x6440_0000_u32..).step_by(1 << 14)) {
            let region = regions.intern(["north", "east", "south", "west"][part as usize % 4]);
            let net = ipnetwork::Ipv4Network::new(net.into(), 18).unwrap();
            prefixes.insert(net.into(), LinePrefix { length: 32, region });
        }
        let view = View {
            prefixes: prefixes.into(),
            hitlist: Hitlist::new(entries(&servers)).into(),
            rules: rules().into(),
            regions: regions.into(),
        };
        let template = ipfix()
            .template(256, ROUTER)
            .options(300, 1, &[(1, 4), (48, 1), (50, 4)])
            .data(300, &[vec![0, 0, 0, 0, 1, 0, 0, 0x03, 0xe8]])
            .bytes();
        let payloads = (0..DATAGRAMS).map(|_| datagram(&mut random, &servers)).collect();
        Self { servers, view, template, payloads }
    }
}

/// A hitlist of these servers.
pub(crate) fn entries(servers: &[u32]) -> Vec<HitlistEntry> {
    let entry = |(place, server): (usize, &u32)| HitlistEntry {
        address: IpAddr::V4((*server).into()),
        group: GroupId::from_u64(place as u64 % GROUPS),
        ports: vec!["443/tcp".parse().unwrap()],
        from: Timestamp::EPOCH,
        until: Timestamp::MAX,
    };
    servers.iter().enumerate().map(entry).collect()
}

/// Two groups a class, one of which is enough to claim it.
fn rules() -> Rules {
    let group = |n: u64| GroupRule {
        id: GroupId::from_u64(n),
        name: format!("group{n}.example.com").into(),
        role: Role::Primary,
        packets_per_hour: None,
    };
    let class = |class: u64| ClassRule {
        class: format!("class-{class}").into(),
        name: format!("Class {class}").into(),
        level: Level::Product,
        parent: None,
        threshold: "0.4".parse().unwrap(),
        in_use_packets: Some(10),
        groups: vec![group(2 * class), group(2 * class + 1)],
    };
    Rules::new((0..GROUPS / 2).map(class).collect(), &[])
}

/// A datagram of one exporter, just received.
pub(crate) fn received(payload: &[u8]) -> Datagram<'_> {
    Datagram {
        source: [192, 0, 2, 1].into(),
        source_port: 2_055,
        received: Timestamp::from_secs(NOW),
        payload,
    }
}

/// A server, public and never one of the lines.
fn server(random: &mut ChaCha8Rng) -> u32 {
    random.random_range(0x0b00_0000..0xc000_0000)
}

fn datagram(random: &mut ChaCha8Rng, servers: &[u32]) -> Vec<u8> {
    let records: Vec<Vec<u8>> = (0..RECORDS as u64)
        .map(|number| {
            let known = servers[random.random_range(0..ENDPOINTS)];
            let server = if random.random_range(0..20) == 0 { known } else { server(random) };
            record(number, 0x6440_0000 | random.random::<u32>() & 0x003f_ffff, server)
        })
        .collect();
    ipfix().data(256, &records).bytes()
}

fn record(number: u64, line: u32, server: u32) -> Vec<u8> {
    let mut record = Vec::new();
    record.extend(line.to_be_bytes());
    record.extend(server.to_be_bytes());
    record.extend([10, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2]);
    record.extend((number + 1).to_be_bytes());
    record.extend(((number + 1) * 700).to_be_bytes());
    record.extend((NOW * 1_000 - 4_000 - number).to_be_bytes());
    record.extend((NOW * 1_000 - number).to_be_bytes());
    record.extend([0x9c, 0x40, 0x01, 0xbb, 0x18, 6, 0]);
    record.extend([0, 0, 0xfd, 0xe8, 0, 0, 0xfd, 0xe9, 24, 24, 0, 1]);
    record
}
