//! A router: what stays the same between its datagrams.
//!
//! Routers tell their sampling rate in different ways, each of which has cost
//! some collector dearly (nfdump#377, #447; akvorado#997); [`Format`] names
//! the ways that the simulated ones use.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use super::element::{Field, Template, VARIABLE, field, id};
use super::{RouterClock, ipfix, is_v4, netflow5, netflow9, sflow};
use crate::model::flow::FlowRecord;
use crate::model::time::Timestamp;

/// How often a router repeats its templates and options.
const TEMPLATES_EVERY: Duration = Duration::from_secs(300);

/// Wire format of a router and the way in which it tells its sampling rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// NetFlow v5, rate in the header.
    Netflow5,
    /// NetFlow v9, a sampler table in options (48, 49, 50) that records are
    /// joined to by sampler id.
    Netflow9Sampler,
    /// NetFlow v9, one interval (34, 35) in options for the whole router.
    Netflow9System,
    /// IPFIX, packets taken and left out (305, 306) in options for the domain.
    IpfixInterval,
    /// IPFIX, n out of N (304 = 3, 309, 310) in options by selector id (302).
    IpfixRandom,
    /// sFlow v5, rate in each sample.
    Sflow,
}

impl Format {
    /// Whether the format can carry IPv6 flows.
    pub fn carries_v6(self) -> bool {
        self != Self::Netflow5
    }

    /// Whether flows are cached and reported with their times, unlike sFlow's
    /// samples of single packets.
    pub fn has_flow_cache(self) -> bool {
        self != Self::Sflow
    }

    /// Most flows that fit a datagram of at most 1,400 bytes or so.
    pub fn flows_a_datagram(self) -> usize {
        match self {
            Self::Netflow5 => netflow5::MOST_RECORDS,
            Self::Netflow9Sampler | Self::Netflow9System => 18,
            Self::IpfixInterval | Self::IpfixRandom => 13,
            Self::Sflow => 8,
        }
    }
}

/// The common fields of a router's v9 template over IPv4; IPv6 differs in the
/// addresses only.
const V9_V4: [Field; 20] = [
    field(8, 4),
    field(12, 4),
    field(15, 4),
    field(10, 4),
    field(14, 4),
    field(2, 4),
    field(1, 4),
    field(22, 4),
    field(21, 4),
    field(7, 2),
    field(11, 2),
    field(6, 1),
    field(4, 1),
    field(5, 1),
    field(16, 4),
    field(17, 4),
    field(9, 1),
    field(13, 1),
    field(61, 1),
    field(48, 1),
];
const V9_V6: [Field; 14] = [
    field(27, 16),
    field(28, 16),
    field(10, 4),
    field(14, 4),
    field(2, 4),
    field(1, 4),
    field(22, 4),
    field(21, 4),
    field(7, 2),
    field(11, 2),
    field(6, 1),
    field(4, 1),
    field(61, 1),
    field(48, 1),
];
/// Absolute milliseconds, 64-bit counters, a variable-length interface name
/// and an enterprise's own field, which a collector has to step over.
const IPFIX_V4: [Field; 15] = [
    field(8, 4),
    field(12, 4),
    field(7, 2),
    field(11, 2),
    field(4, 1),
    field(5, 1),
    field(6, 2),
    field(10, 4),
    field(82, VARIABLE),
    field(2, 8),
    field(1, 8),
    field(152, 8),
    field(153, 8),
    Field { id: 137, length: 2, enterprise: Some(2636) },
    field(302, 4),
];
const IPFIX_V6: [Field; 13] = [
    field(27, 16),
    field(28, 16),
    field(7, 2),
    field(11, 2),
    field(4, 1),
    field(6, 2),
    field(10, 4),
    field(82, VARIABLE),
    field(2, 8),
    field(1, 8),
    field(152, 8),
    field(153, 8),
    field(302, 4),
];

const V4: u16 = 256;
const V6: u16 = 257;
const OPTIONS: u16 = 512;
/// The one sampler of a router.
const SAMPLER: u32 = 1;

/// A router that exports flows.
#[derive(Clone, Debug)]
pub struct Router {
    format: Format,
    agent: IpAddr,
    domain: u32,
    sampling: NonZeroU32,
    boot: Timestamp,
    sequence: u32,
    samples: u32,
    templates_due: Timestamp,
}

impl Router {
    /// A router that has been up since `boot` and has sent nothing yet.
    pub fn new(
        format: Format,
        agent: IpAddr,
        domain: u32,
        sampling: NonZeroU32,
        boot: Timestamp,
    ) -> Self {
        let templates_due = Timestamp::EPOCH;
        Self { format, agent, domain, sampling, boot, sequence: 0, samples: 0, templates_due }
    }

    /// Its wire format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Appends the datagram that leaves at `at` with `flows` in it, preceded
    /// in the same datagram by templates and options when they are due. At
    /// most [`Format::flows_a_datagram`] flows should be given.
    pub fn export(&mut self, at: Timestamp, flows: &[FlowRecord], out: &mut Vec<u8>) {
        let clock = RouterClock { at, boot: self.boot };
        match self.format {
            Format::Netflow5 => self.netflow5(clock, flows, out),
            Format::Sflow => self.sflow(clock, flows, out),
            Format::Netflow9Sampler | Format::Netflow9System => self.netflow9(clock, flows, out),
            Format::IpfixInterval | Format::IpfixRandom => self.ipfix(clock, flows, out),
        }
    }

    fn netflow5(&mut self, clock: RouterClock, flows: &[FlowRecord], out: &mut Vec<u8>) {
        let [.., engine] = self.domain.to_be_bytes();
        let header = netflow5::Header {
            clock,
            sequence: self.sequence,
            engine: [0, engine],
            sampling: Some(self.sampling),
        };
        let written = netflow5::encode(out, &header, flows);
        self.sequence = self.sequence.wrapping_add(u32::try_from(written).unwrap_or(0));
    }

    fn sflow(&mut self, clock: RouterClock, flows: &[FlowRecord], out: &mut Vec<u8>) {
        let header = sflow::Header {
            clock,
            agent: self.agent,
            sub_agent: self.domain,
            sequence: self.sequence,
            samples: self.samples,
            sampling: self.sampling,
        };
        sflow::encode(out, &header, flows);
        self.sequence = self.sequence.wrapping_add(1);
        self.samples = self.samples.wrapping_add(u32::try_from(flows.len()).unwrap_or(0));
    }

    fn netflow9(&mut self, clock: RouterClock, flows: &[FlowRecord], out: &mut Vec<u8>) {
        let header = netflow9::Header { clock, sequence: self.sequence, source_id: self.domain };
        self.sequence = self.sequence.wrapping_add(1);
        let (v4, v6) = (Template { id: V4, fields: &V9_V4 }, Template { id: V6, fields: &V9_V6 });
        let mut message = netflow9::Message::begin(out, &header);
        if self.templates_are_due(clock.at) {
            message.templates(&[v4, v6]);
            let scope = field(netflow9::SCOPE_SYSTEM, 4);
            let rate = u128::from(self.sampling.get());
            let options = match self.format {
                Format::Netflow9Sampler => [
                    (field(id::SAMPLER_ID, 1), u128::from(SAMPLER)),
                    (field(id::SAMPLER_MODE, 1), 2),
                    (field(id::SAMPLER_RANDOM_INTERVAL, 4), rate),
                ]
                .to_vec(),
                _ => vec![
                    (field(id::SAMPLING_INTERVAL, 4), rate),
                    (field(id::SAMPLING_ALGORITHM, 1), 1),
                ],
            };
            let fields: Vec<Field> = options.iter().map(|(field, _)| *field).collect();
            message.options_template(OPTIONS, &[scope], &fields);
            let mut record = vec![(scope, u128::from(self.domain))];
            record.extend(options);
            message.options_record(OPTIONS, &record);
        }
        let sampler = if self.format == Format::Netflow9Sampler { SAMPLER } else { 0 };
        message.data(&v4, flows.iter().filter(|flow| is_v4(flow)), sampler);
        message.data(&v6, flows.iter().filter(|flow| !is_v4(flow)), sampler);
        message.finish();
    }

    fn ipfix(&mut self, clock: RouterClock, flows: &[FlowRecord], out: &mut Vec<u8>) {
        let header = ipfix::Header { clock, sequence: self.sequence, domain: self.domain };
        // Only the selector format joins records by selector id.
        let joined = self.format == Format::IpfixRandom;
        let cut = |fields: &'static [Field]| match fields.split_last() {
            Some((_, rest)) if !joined => rest,
            _ => fields,
        };
        let v4 = Template { id: V4, fields: cut(&IPFIX_V4) };
        let v6 = Template { id: V6, fields: cut(&IPFIX_V6) };
        let mut message = ipfix::Message::begin(out, &header);
        if self.templates_are_due(clock.at) {
            message.templates(&[v4, v6]);
            let rate = u128::from(self.sampling.get());
            let (scope, options) = if joined {
                (
                    (field(id::SELECTOR_ID, 4), u128::from(SAMPLER)),
                    vec![
                        (field(id::SELECTOR_ALGORITHM, 2), 3),
                        (field(id::SAMPLING_SIZE, 4), 1),
                        (field(id::SAMPLING_POPULATION, 4), rate),
                    ],
                )
            } else {
                (
                    (field(id::OBSERVATION_DOMAIN, 4), u128::from(self.domain)),
                    vec![
                        (field(id::PACKET_INTERVAL, 4), 1),
                        (field(id::PACKET_SPACE, 4), rate - 1),
                    ],
                )
            };
            let fields: Vec<Field> = options.iter().map(|(field, _)| *field).collect();
            message.options_template(OPTIONS, &[scope.0], &fields);
            let mut record = vec![scope];
            record.extend(options);
            message.options_record(OPTIONS, &record);
        }
        message.data(&v4, flows.iter().filter(|flow| is_v4(flow)), SAMPLER);
        message.data(&v6, flows.iter().filter(|flow| !is_v4(flow)), SAMPLER);
        self.sequence = self.sequence.wrapping_add(message.finish());
    }

    fn templates_are_due(&mut self, at: Timestamp) -> bool {
        let due = at >= self.templates_due;
        if due {
            self.templates_due = at.plus(TEMPLATES_EVERY);
        }
        due
    }
}
