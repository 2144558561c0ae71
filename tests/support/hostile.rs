//! What must hold for any bytes whatever: the bodies of the fuzz targets, which
//! `tests/hostile.rs` runs over mutated datagrams too.
//!
//! The laws: nothing panics, both loss identities of `DecodeCounts` hold after
//! every datagram, and queues, lists and output stay within their bounds.

#![allow(dead_code, reason = "the fuzz targets use one body each")]

use std::net::IpAddr;

use hayrake::decode::{Datagram, DecodeCounts, DecodeSettings, Decoded, Decoder, export_time};
use hayrake::detect::{Engine, Settings};
use hayrake::dns::dnstap::frames::{ControlKind, LONGEST_CONTROL, LONGEST_DATA, control_frame};
use hayrake::dns::dnstap::{FrameError, MessageType, Tap, message};
use hayrake::dns::{self, Answer, Coverage, Knowledge, ReadReport, Reading};
use hayrake::model::line::{LineId, RegionId};
use hayrake::model::rules::Rules;
use hayrake::model::time::Timestamp;
use hayrake::receive::pcap;

/// Bytes that may wait for templates (`decode/queue.rs`).
const MOST_WAITING_BYTES: u64 = 16 << 20;
/// Problems listed for one datagram (`decode/problem.rs`).
const MOST_PROBLEMS: usize = 32;
/// Templates held for one exporter (`decode/templates.rs`).
const MOST_TEMPLATES: usize = 1_024;
/// Exporters remembered (`decode/exporter.rs`).
const MOST_EXPORTERS: usize = 4_096;

/// A decoder under attack.
pub(crate) struct Target {
    decoder: Decoder,
    out: Decoded,
    /// Sum of all counts.
    pub(crate) total: DecodeCounts,
    clock: u64,
}

impl Target {
    pub(crate) fn new() -> Self {
        Self {
            decoder: Decoder::new(DecodeSettings::default()),
            out: Decoded::default(),
            total: DecodeCounts::default(),
            clock: 1_795_255_200_000,
        }
    }

    /// Feeds one datagram and checks the laws.
    pub(crate) fn feed(&mut self, source: IpAddr, source_port: u16, payload: &[u8]) {
        // A clock that moves lets templates and waiting sets expire.
        self.clock += 997;
        let received = Timestamp::from_millis(self.clock);
        let _ = export_time(payload);
        self.decoder.decode(Datagram { source, source_port, received, payload }, &mut self.out);
        let counts = &self.out.counts;
        assert_eq!(counts.datagrams_received, 1);
        assert_eq!(counts.records_decoded, self.out.flows.len() as u64);
        assert!(self.out.problems.len() <= MOST_PROBLEMS);
        for problem in &self.out.problems {
            assert!(!problem.to_string().is_empty());
        }
        for flow in &self.out.flows {
            assert!(flow.start <= flow.end);
            assert!(flow.end.signed_since(received) <= 600_000, "no flow of the future");
        }
        self.total += self.out.counts;
        let (total, queued) = (&self.total, self.decoder.queued());
        assert_eq!(
            total.datagrams_received,
            total.datagrams_decoded
                + total.datagrams_unknown_template
                + total.datagrams_rejected
                + queued.datagrams
        );
        assert_eq!(
            total.records_received,
            total.records_decoded + total.records_unknown_template + total.records_rejected
        );
        assert_eq!(
            total.sets_queued,
            total.sets_released + total.sets_evicted + total.sets_expired + queued.records
        );
        assert!(queued.bytes <= MOST_WAITING_BYTES);
        assert!((queued.records == 0) == (queued.datagrams == 0));
    }

    /// Checks the laws that take longer.
    pub(crate) fn check_memory(&self) {
        let exporters = self.decoder.exporters();
        assert!(exporters.len() <= MOST_EXPORTERS);
        for exporter in &exporters {
            assert!(exporter.templates.len() <= MOST_TEMPLATES);
            assert!(serde_json::to_string(exporter).is_ok());
        }
        let flows: u64 = exporters.iter().map(|exporter| exporter.flow_records).sum();
        assert!(flows <= self.total.records_decoded, "evicted exporters take theirs along");
    }
}

/// One fuzz input is several datagrams, each behind two bytes of length, so
/// that templates and the data for them can both be found; a version that is
/// not the format's own is set right, or nothing would be reached.
fn datagrams(version: &[u8], data: &[u8]) {
    let mut target = Target::new();
    let mut rest = data;
    let mut port = 0;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (body, after) = after.split_at(length);
        rest = after;
        port = (port + 1) % 3;
        target.feed(IpAddr::from([192, 0, 2, 1]), port, &[version, body].concat());
    }
    target.check_memory();
}

/// Any bytes as NetFlow v5.
pub(crate) fn netflow5(data: &[u8]) {
    datagrams(&[0, 5], data);
}

/// Any bytes as NetFlow v7.
pub(crate) fn netflow7(data: &[u8]) {
    datagrams(&[0, 7], data);
}

/// Any bytes as NetFlow v9.
pub(crate) fn netflow9(data: &[u8]) {
    datagrams(&[0, 9], data);
}

/// Any bytes as IPFIX.
pub(crate) fn ipfix(data: &[u8]) {
    datagrams(&[0, 10], data);
}

/// Any bytes as sFlow v5.
pub(crate) fn sflow(data: &[u8]) {
    datagrams(&[0, 0, 0, 5], data);
}

/// Any bytes as a packet header that sFlow samples, after one that says of which
/// link layer.
pub(crate) fn sflow_packet(data: &[u8]) {
    let Some((link, header)) = data.split_first() else { return };
    // Ethernet, IPv4 and IPv6 are read, 13 is none of them.
    let link = [1_u32, 11, 12, 13][usize::from(link % 4)];
    let length = u32::try_from(header.len()).unwrap_or(0);
    let padding = header.len().next_multiple_of(4) - header.len();
    let padded = u32::try_from(header.len() + padding).unwrap_or(0);
    let words = [1, 0xc000_0201, 0, 1, 1_000, 1, 1, padded + 56, 1, 3, 100, 1_000, 0, 1, 2, 1];
    let record = [1, padded + 16, link, length + 4, 4, length];
    let mut datagram = Vec::new();
    for word in words.into_iter().chain(record) {
        datagram.extend(u32::to_be_bytes(word));
    }
    datagram.extend(header);
    datagram.resize(datagram.len() + padding, 0);
    let mut target = Target::new();
    target.feed(IpAddr::from([192, 0, 2, 1]), 1, &[&[0, 0, 0, 5], &*datagram].concat());
    assert_eq!(target.total.sflow_flow_samples, 1, "the sample itself is in order");
    target.check_memory();
}

/// Any bytes as a capture; what is found in it is decoded.
pub(crate) fn capture(data: &[u8]) {
    let _ = pcap::is_capture(data);
    let mut target = Target::new();
    let mut problems = 0;
    let mut packets = 0;
    for captured in pcap::datagrams(data) {
        packets += 1;
        assert!(packets <= data.len() + 1, "each takes bytes, save a problem at the end");
        match captured {
            Ok(captured) => target.feed(captured.source, captured.source_port, &captured.payload),
            Err(problem) => {
                problems += 1;
                assert!(!problem.to_string().is_empty());
                assert!(problem.offset <= data.len());
            }
        }
    }
    assert!(problems <= 1, "a capture ends at its first problem");
}

/// Any bytes as a file of DNS answers, packed or not.
pub(crate) fn dns_file(data: &[u8]) {
    let _ = read_dns(data);
}

/// Reads a file of DNS answers and checks that every unit is accounted for and
/// no answer is absurd.
pub(crate) fn read_dns(data: &[u8]) -> Option<ReadReport> {
    let now = Timestamp::from_millis(1_795_255_200_000);
    let reading = Reading::new(Coverage::Population, now);
    let mut taken = 0;
    let report = dns::read(data, &reading, &mut |answer| {
        taken += 1;
        assert!(answer.first <= answer.last && answer.count > 0);
        assert!(answer.last.signed_since(now) <= 600_000, "no answer of the future");
    });
    let report = report.ok()?;
    let given = report.answers + report.refusals();
    assert_eq!(report.answers, taken);
    if !matches!(report.format, dns::Format::Capture | dns::Format::Dnstap) {
        assert!(report.irrelevant + report.damaged <= report.units);
        let telling = report.units - report.irrelevant - report.damaged;
        assert!(telling <= given && (telling == 0) == (given == 0), "{report:?}");
        assert!(report.problems.len() as u64 <= report.damaged + report.refusals());
    }
    Some(report)
}

/// Any bytes as a stream of dnstap: how they are cut changes nothing.
pub(crate) fn dnstap(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else { return };
    let whole = tapped(bytes, bytes.len().max(1));
    let in_parts = tapped(bytes, usize::from(*cut) + 1);
    assert_eq!(whole, in_parts);
}

/// What a stream of dnstap brings.
#[derive(Debug, PartialEq)]
pub(crate) struct Tapped {
    pub(crate) answers: Vec<Answer>,
    pub(crate) report: ReadReport,
    pub(crate) replies: Vec<u8>,
    pub(crate) ended: bool,
    pub(crate) error: Option<FrameError>,
}

/// Takes a stream that comes `size` bytes at once and checks the laws.
pub(crate) fn tapped(bytes: &[u8], size: usize) -> Tapped {
    let now = Timestamp::from_millis(1_795_255_200_000);
    let types = MessageType::ALL.into_iter().collect();
    let reading = Reading { types, ..Reading::new(Coverage::Population, now) };
    let mut tap = Tap::default();
    let mut all = Tapped {
        answers: Vec::new(),
        report: ReadReport::new(dns::Format::Dnstap),
        replies: Vec::new(),
        ended: false,
        error: None,
    };
    for chunk in bytes.chunks(size) {
        let Tapped { answers, report, .. } = &mut all;
        let taken =
            tap.take(chunk, Some(now), &reading, report, &mut |answer| answers.push(answer));
        match taken {
            Ok(due) => {
                all.replies.extend(due.reply);
                all.ended = due.ended;
            }
            Err(error) => {
                // Who is hung up on is due nothing.
                all.replies.clear();
                all.error = Some(error);
            }
        }
        if all.ended || all.error.is_some() {
            break;
        }
    }
    let Tapped { answers, report, replies, .. } = &all;
    assert_eq!(report.answers, answers.len() as u64);
    let counted = report.answers + report.refusals() + report.damaged + report.irrelevant;
    assert!(counted >= report.units, "every message comes to something: {report:?}");
    assert!(report.units + report.other_types <= bytes.len() as u64 / 5);
    assert!(replies.len() <= 2 * LONGEST_CONTROL, "one ACCEPT and one FINISH");
    for answer in answers {
        assert!(answer.first == answer.last && answer.count == 1);
        assert!(answer.last.signed_since(now) <= 600_000, "no answer of the future");
    }
    all
}

/// Any bytes as a DNS message that a resolver tells.
pub(crate) fn dns_message(data: &[u8]) {
    let told = message::frame(MessageType::ResolverResponse, None, data);
    let length = u32::try_from(told.len()).unwrap_or(u32::MAX);
    let start = control_frame(ControlKind::Start);
    let stream = [&*start, &length.to_be_bytes(), &told].concat();
    let tapped = tapped(&stream, stream.len());
    if told.len() <= LONGEST_DATA {
        assert_eq!((tapped.report.units, tapped.error), (1, None));
    }
}

/// Any bytes as a checkpoint of the table of DNS answers: what is taken reads
/// back the same, and memory stays within what the bytes pay for.
pub(crate) fn dns_checkpoint(data: &[u8]) {
    let _ = restored(data);
}

/// Reads a checkpoint and checks the laws.
pub(crate) fn restored(data: &[u8]) -> Option<dns::checkpoint::Restored> {
    let now = Timestamp::from_millis(1_795_255_200_000);
    let table =
        || Knowledge::bounded(["*.maker.example".parse().unwrap()].into_iter().collect(), 8 << 20);
    let mut dns = table();
    let restored = match dns.restore(data, now, |source| source != "unwanted") {
        Ok(restored) => restored,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    dns.settle();
    assert!(restored.facts + restored.traces + restored.refused <= data.len() as u64);
    // Pages of traces are some megabytes however few they are.
    assert!(dns.memory() <= (4 << 20) + 400 * data.len(), "{}", dns.memory());
    let mut bytes = Vec::new();
    dns.write_whole(|_| true, &mut bytes).unwrap();
    let mut again = table();
    let back = again.restore(&*bytes, now, |_| true).unwrap();
    again.settle();
    assert_eq!((back.refused, back.unwanted), (0, 0));
    let sizes = [&dns, &again].map(|dns| (dns.size().facts, dns.size().traces));
    assert_eq!(sizes[0], sizes[1]);
    Some(restored)
}

/// Any bytes as a checkpoint of decoders: what is taken is written and reads
/// back the same.
pub(crate) fn decode_checkpoint(data: &[u8]) {
    let _ = restored_decoders(data);
}

/// Reads what decoders remembered and checks the laws.
pub(crate) fn restored_decoders(data: &[u8]) -> Option<hayrake::decode::checkpoint::Restored> {
    use hayrake::decode::checkpoint::{Progress, put_end, restore};
    let now = Timestamp::from_millis(1_795_255_200_000);
    let restored_by = |bytes: &[u8], open: fn(&[u8], &[u8]) -> Option<Vec<u8>>| {
        let mut decoders = vec![Decoder::default(), Decoder::default()];
        let owner = |address: IpAddr| match address {
            IpAddr::V4(v4) => usize::from(v4.octets()[3] % 2),
            IpAddr::V6(v6) => usize::from(v6.octets()[15] % 2),
        };
        restore(bytes, now, &mut decoders, owner, open).map(|found| (decoders, found))
    };
    let restored = |bytes: &[u8]| restored_by(bytes, not_opened);
    let written = |decoders: &[Decoder]| {
        let (mut bytes, mut exporters) = (Vec::new(), 0);
        for decoder in decoders {
            let mut writing = decoder.begin_checkpoint();
            let progress =
                decoder.write_checkpoint(&mut writing, &mut bytes, usize::MAX, not_sealed);
            assert_eq!(progress, Progress::Done);
            exporters += writing.written();
        }
        put_end(&mut bytes, exporters);
        bytes
    };
    let (decoders, found) = match restored(data) {
        Ok(found) => found,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    let (mut waiting, mut datagrams) = (0, 0);
    for queued in decoders.iter().map(Decoder::queued) {
        assert!(queued.bytes <= MOST_WAITING_BYTES);
        waiting += queued.records;
        datagrams += queued.datagrams;
    }
    let all = found.exporters + found.templates + found.samplers + waiting;
    assert!(all <= data.len() as u64);
    let counts = &found.counts;
    assert_eq!(found.sets, waiting + counts.records_unknown_template);
    let ended = counts.datagrams_unknown_template + counts.datagrams_rejected;
    assert_eq!(found.datagrams, datagrams + ended);
    // Who has not the key loses what waits and nothing else.
    let (_, closed) = restored_by(data, |_, _| None).unwrap();
    assert_eq!((closed.exporters, closed.templates), (found.exporters, found.templates));
    assert_eq!((closed.sets, closed.datagrams), (found.sets, found.datagrams));
    assert_eq!(closed.counts.sets_unopened, found.sets);
    let bytes = written(&decoders);
    let (again, back) = restored(&bytes).unwrap();
    assert_eq!(back.refused, 0);
    assert_eq!((back.sets, back.datagrams), (waiting, datagrams));
    assert_eq!(back.counts, DecodeCounts::default());
    assert_eq!(written(&again), bytes);
    Some(found)
}

/// Stands for a seal, so that what is in it can be any bytes; what is sealed
/// under a key cannot (`orient/sealing.rs`).
pub(crate) fn not_sealed(_: &[u8], bytes: Vec<u8>) -> Option<Vec<u8>> {
    Some(bytes)
}

fn not_opened(_: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    Some(bytes.to_vec())
}

/// Any bytes as a checkpoint of evidence: what is taken is written and reads
/// back as much, and no engine holds more than it may.
pub(crate) fn evidence_checkpoint(data: &[u8]) {
    let _ = restored_evidence(data);
}

/// Reads evidence and checks the laws.
pub(crate) fn restored_evidence(data: &[u8]) -> Option<hayrake::detect::checkpoint::Restored> {
    use hayrake::detect::checkpoint::{Progress, put_end, restore};
    const MOST: usize = 12;
    let engines = || -> Vec<Engine> {
        let settings = Settings { most_touches: MOST, ..Settings::default() };
        let rules = std::sync::Arc::new(Rules::new(Vec::new(), &[]));
        (0..2).map(|_| Engine::new(settings, rules.clone())).collect()
    };
    let owner = |line: LineId| usize::from(line.0 % 2 == 1);
    let mut held = engines();
    let found = match restore(data, &mut held, owner, RegionId) {
        Ok(found) => found,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    assert!(found.touches + found.in_use + found.refused <= data.len() as u64);
    let (mut bytes, mut lines) = (Vec::new(), 0);
    for engine in &held {
        assert!(engine.touches() <= MOST * engine.open_windows().count());
        let mut writing = engine.begin_checkpoint();
        let progress = engine.write_checkpoint(&mut writing, &mut bytes, usize::MAX);
        assert_eq!(progress, Progress::Done);
        lines += writing.written();
    }
    put_end(&mut bytes, lines);
    let mut again = engines();
    let back = restore(&*bytes, &mut again, owner, RegionId).unwrap();
    assert_eq!(back.refused, 0);
    let touches = |engines: &[Engine]| engines.iter().map(Engine::touches).sum::<usize>();
    assert_eq!(touches(&again), touches(&held));
    assert_eq!(back.touches, touches(&held) as u64);
    Some(found)
}
