//! Flow-export datagrams made by hand, and a decoder that keeps its sums.

#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::net::IpAddr;

use hayrake::decode::{Datagram, DecodeCounts, DecodeSettings, Decoded, Decoder, ExporterReport};
use hayrake::model::flow::FlowRecord;
use hayrake::model::time::Timestamp;

/// The time at which test datagrams come, 2026-11-21T10:00:00Z.
pub(crate) const NOW: u64 = 1_795_255_200;
/// The exporter of test datagrams.
pub(crate) const EXPORTER: &str = "192.0.2.1";
/// A usual IPv4 record: addresses, ports, protocol, flags, packets, bytes.
pub(crate) const FIVE_TUPLE: &[(u16, u16)] =
    &[(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (2, 4), (1, 4)];

/// The 20 fields of a usual router template with millisecond times.
pub(crate) const ROUTER: &[(u16, u16)] = &[
    (8, 4),
    (12, 4),
    (15, 4),
    (10, 4),
    (14, 4),
    (2, 8),
    (1, 8),
    (152, 8),
    (153, 8),
    (7, 2),
    (11, 2),
    (6, 1),
    (4, 1),
    (5, 1),
    (16, 4),
    (17, 4),
    (9, 1),
    (13, 1),
    (61, 1),
    (48, 1),
];

/// The bytes of one [`FIVE_TUPLE`] record to port 443 with `packets` packets.
pub(crate) fn five_tuple(packets: u32) -> Vec<u8> {
    let mut record = vec![198, 51, 100, 7, 203, 0, 113, 9, 0x9c, 0x40, 0x01, 0xbb, 6, 0x18];
    record.extend(packets.to_be_bytes());
    record.extend((packets * 100).to_be_bytes());
    record
}

/// All advice about an exporter.
pub(crate) fn advice(report: &ExporterReport) -> String {
    report.advice.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A v9 packet or an IPFIX message under construction.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    ipfix: bool,
    /// The header's Count (v9).
    pub(crate) count: u16,
    /// The exporter's uptime, milliseconds (v9).
    pub(crate) uptime: u32,
    /// The export time, seconds since 1970.
    pub(crate) seconds: u32,
    /// Sequence number.
    pub(crate) sequence: u32,
    /// Source id or observation domain.
    pub(crate) domain: u32,
    sets: Vec<u8>,
}

/// A v9 packet of domain 0 exported now, an hour after the exporter's start.
pub(crate) fn v9() -> Message {
    Message {
        ipfix: false,
        count: 1,
        uptime: 3_600_000,
        seconds: u32::try_from(NOW).unwrap(),
        sequence: 0,
        domain: 0,
        sets: Vec::new(),
    }
}

/// An IPFIX message of domain 0 exported now.
pub(crate) fn ipfix() -> Message {
    Message { ipfix: true, ..v9() }
}

impl Message {
    /// Sets the sequence number.
    pub(crate) fn numbered(mut self, sequence: u32) -> Self {
        self.sequence = sequence;
        self
    }

    /// Sets the domain.
    pub(crate) fn domain(mut self, domain: u32) -> Self {
        self.domain = domain;
        self
    }

    /// Sets the export time.
    pub(crate) fn seconds(mut self, seconds: u64) -> Self {
        self.seconds = u32::try_from(seconds).unwrap();
        self
    }

    /// Sets the uptime.
    pub(crate) fn uptime(mut self, uptime: u32) -> Self {
        self.uptime = uptime;
        self
    }

    /// Adds any set.
    pub(crate) fn set(mut self, id: u16, body: &[u8]) -> Self {
        self.sets.extend(id.to_be_bytes());
        self.sets.extend(u16::try_from(body.len() + 4).unwrap().to_be_bytes());
        self.sets.extend(body);
        self
    }

    /// Adds bytes that are no set.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.sets.extend(bytes);
        self
    }

    /// Adds a set with one template.
    pub(crate) fn template(self, id: u16, fields: &[(u16, u16)]) -> Self {
        let body = template(id, fields);
        let set = if self.ipfix { 2 } else { 0 };
        self.set(set, &body)
    }

    /// Adds a set with one options template; the first `scopes` fields are its
    /// scope.
    pub(crate) fn options(self, id: u16, scopes: usize, fields: &[(u16, u16)]) -> Self {
        let mut body = id.to_be_bytes().to_vec();
        let number = |count: usize| u16::try_from(count).unwrap().to_be_bytes();
        if self.ipfix {
            body.extend(number(fields.len()));
            body.extend(number(scopes));
        } else {
            body.extend(number(scopes * 4));
            body.extend(number((fields.len() - scopes) * 4));
        }
        for (field, length) in fields {
            body.extend(field.to_be_bytes());
            body.extend(length.to_be_bytes());
        }
        let set = if self.ipfix { 3 } else { 1 };
        self.set(set, &body)
    }

    /// Adds a data set.
    pub(crate) fn data(self, id: u16, records: &[Vec<u8>]) -> Self {
        self.set(id, &records.concat())
    }

    /// The datagram.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.ipfix {
            bytes.extend(10_u16.to_be_bytes());
            bytes.extend(u16::try_from(16 + self.sets.len()).unwrap().to_be_bytes());
            bytes.extend(self.seconds.to_be_bytes());
        } else {
            bytes.extend(9_u16.to_be_bytes());
            bytes.extend(self.count.to_be_bytes());
            bytes.extend(self.uptime.to_be_bytes());
            bytes.extend(self.seconds.to_be_bytes());
        }
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.domain.to_be_bytes());
        bytes.extend(&self.sets);
        bytes
    }
}

/// The bytes of one template.
pub(crate) fn template(id: u16, fields: &[(u16, u16)]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.extend(u16::try_from(fields.len()).unwrap().to_be_bytes());
    for (field, length) in fields {
        body.extend(field.to_be_bytes());
        body.extend(length.to_be_bytes());
    }
    body
}

/// A v5 datagram with `count` records of `packets` packets each.
pub(crate) fn v5(count: u16, sampling: u16, sequence: u32) -> Vec<u8> {
    let mut bytes = v5_header(5, count, sequence);
    bytes.extend([1, 2]);
    bytes.extend(sampling.to_be_bytes());
    for number in 0..count {
        bytes.extend(v5_record(u32::from(number) + 1));
    }
    bytes
}

/// The first 20 bytes of v5 and v7.
pub(crate) fn v5_header(version: u16, count: u16, sequence: u32) -> Vec<u8> {
    let mut bytes = version.to_be_bytes().to_vec();
    bytes.extend(count.to_be_bytes());
    bytes.extend(3_600_000_u32.to_be_bytes());
    bytes.extend(u32::try_from(NOW).unwrap().to_be_bytes());
    bytes.extend(0_u32.to_be_bytes());
    bytes.extend(sequence.to_be_bytes());
    bytes
}

/// One v5 record: it began 2 s and ended 1 s before the export.
pub(crate) fn v5_record(packets: u32) -> Vec<u8> {
    let mut bytes = vec![198, 51, 100, 7, 203, 0, 113, 9, 0, 0, 0, 0, 0, 1, 0, 2];
    bytes.extend(packets.to_be_bytes());
    bytes.extend((packets * 100).to_be_bytes());
    bytes.extend(3_598_000_u32.to_be_bytes());
    bytes.extend(3_599_000_u32.to_be_bytes());
    bytes.extend([0x9c, 0x40, 0x01, 0xbb, 0, 0x18, 6, 0]);
    bytes.extend([0; 8]);
    bytes
}

/// A sFlow datagram of agent 192.0.2.1 with these samples, each with its
/// format.
pub(crate) fn sflow(sequence: u32, samples: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [5, 1, 0xc000_0201, 0, sequence, 1_000, u32::try_from(samples.len()).unwrap()] {
        bytes.extend(u32::to_be_bytes(word));
    }
    for (format, body) in samples {
        bytes.extend(format.to_be_bytes());
        bytes.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend(body);
    }
    bytes
}

/// The body of a flow sample at 1:`rate` with these flow records.
pub(crate) fn flow_sample(rate: u32, records: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [1, 3, rate, 1_000, 0, 1, 2, u32::try_from(records.len()).unwrap()] {
        bytes.extend(u32::to_be_bytes(word));
    }
    for (format, body) in records {
        bytes.extend(format.to_be_bytes());
        bytes.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend(body);
    }
    bytes
}

/// A sampled-header record of header protocol `protocol`.
pub(crate) fn raw_header(protocol: u32, header: &[u8]) -> (u32, Vec<u8>) {
    let mut bytes = Vec::new();
    let length = u32::try_from(header.len()).unwrap();
    for word in [protocol, length + 4, 4, length] {
        bytes.extend(u32::to_be_bytes(word));
    }
    bytes.extend(header);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    (1, bytes)
}

/// An IPv4 TCP header pair, 198.51.100.7:40000 to 203.0.113.9:443.
pub(crate) fn ipv4_packet() -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0x01, 0x2c, 0, 0, 0x40, 0, 64, 6, 0, 0];
    bytes.extend([198, 51, 100, 7, 203, 0, 113, 9]);
    bytes.extend([0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 0, 0, 0, 0, 0, 0]);
    bytes
}

/// An IPv6 TCP header pair to port 443.
pub(crate) fn ipv6_packet() -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0, 1, 0, 6, 64];
    bytes.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    bytes.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    bytes.extend([0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 0, 0, 0, 0, 0, 0]);
    bytes
}

/// A decoder with the sums of everything it put out, and the identities
/// checked after each datagram.
#[derive(Default)]
pub(crate) struct Bench {
    /// The decoder.
    pub(crate) decoder: Decoder,
    /// What the last datagram came to.
    pub(crate) out: Decoded,
    /// Sum of all counts.
    pub(crate) total: DecodeCounts,
    /// When the next datagram comes, seconds.
    pub(crate) now: u64,
}

impl Bench {
    /// With default settings.
    pub(crate) fn new() -> Self {
        Self::with(DecodeSettings::default())
    }

    /// With these settings.
    pub(crate) fn with(settings: DecodeSettings) -> Self {
        Self { decoder: Decoder::new(settings), now: NOW, ..Self::default() }
    }

    /// Decodes a datagram of the usual exporter and port; returns its flows.
    pub(crate) fn feed(&mut self, payload: &[u8]) -> Vec<FlowRecord> {
        self.feed_from(EXPORTER, 1_000, payload)
    }

    /// Decodes a datagram of any exporter and port; returns its flows.
    pub(crate) fn feed_from(&mut self, source: &str, port: u16, payload: &[u8]) -> Vec<FlowRecord> {
        let datagram = Datagram {
            source: source.parse::<IpAddr>().unwrap(),
            source_port: port,
            received: Timestamp::from_secs(self.now),
            payload,
        };
        self.decoder.decode(datagram, &mut self.out);
        self.total += self.out.counts;
        self.check_identities();
        self.out.flows.clone()
    }

    /// The two loss identities of `DecodeCounts`.
    pub(crate) fn check_identities(&self) {
        let (total, queued) = (&self.total, self.decoder.queued());
        assert_eq!(
            total.datagrams_received,
            total.datagrams_decoded
                + total.datagrams_unknown_template
                + total.datagrams_rejected
                + queued.datagrams,
            "datagrams: {total:?} {queued:?}"
        );
        assert_eq!(
            total.records_received,
            total.records_decoded + total.records_unknown_template + total.records_rejected,
            "records: {total:?} {queued:?}"
        );
    }

    /// The problems of the last datagram as text.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.out.problems.iter().map(ToString::to_string).collect()
    }
}
