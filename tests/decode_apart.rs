//! Flow sets that are read apart give exactly what reading them at once gives:
//! flows with their rates, counts, reports and sequence numbers, whoever reads
//! them, whenever and in whatever order.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/datagrams.rs"]
mod datagrams;

use datagrams::{EXPORTER, FIVE_TUPLE, Message, NOW, five_tuple, ipfix, v9};
use hayrake::decode::{
    Apart, Datagram, DecodeCounts, DecodeSettings, Decoded, Decoder, ExporterReport, Learnt, Queued,
};
use hayrake::model::flow::FlowRecord;
use hayrake::model::time::Timestamp;
use proptest::prelude::*;

/// Layouts that one id takes in turn. The second has the fields of the first in
/// another order, so that reading by the wrong one is seen; the third carries a
/// sampler id, the fourth a record shorter than padding may be, the fifth
/// varies in length.
const LAYOUTS: [&[(u16, u16)]; 5] = [
    FIVE_TUPLE,
    &[(12, 4), (8, 4), (11, 2), (7, 2), (6, 1), (4, 1), (1, 4), (2, 4)],
    &[(8, 4), (12, 4), (7, 2), (11, 2), (48, 2), (2, 4), (1, 4)],
    &[(2, 2), (1, 2)],
    &[(8, 4), (12, 4), (82, 65_535), (2, 4), (1, 4), (4, 1), (6, 1)],
];
const RATES: &[(u16, u16)] = &[(1, 4), (34, 4)];
const SAMPLERS: &[(u16, u16)] = &[(1, 4), (48, 2), (50, 4)];

#[derive(Clone, Debug)]
enum Part {
    Template(u16, usize),
    /// Records of any bytes.
    Data(u16, Vec<u8>),
    Rate(u8),
    Sampler(u8, u8),
    /// An options template takes the id of a flow template.
    Steal(u16),
}

#[derive(Clone, Debug)]
struct Sent {
    ipfix: bool,
    port: u16,
    domain: u32,
    /// How far the sequence number jumps.
    lost: u32,
    parts: Vec<Part>,
}

fn part() -> impl Strategy<Value = Part> {
    let id = || 256..258_u16;
    prop_oneof![
        2 => (id(), 0..LAYOUTS.len()).prop_map(|(id, layout)| Part::Template(id, layout)),
        5 => (id(), prop::collection::vec(0..4_u8, 0..120)).prop_map(|(id, b)| Part::Data(id, b)),
        1 => (1..12_u8).prop_map(Part::Rate),
        1 => (0..3_u8, 1..12_u8).prop_map(|(id, rate)| Part::Sampler(id, rate)),
        1 => id().prop_map(Part::Steal),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    let ports = prop_oneof![4 => Just(1_000_u16), 1 => Just(1_001)];
    let lost = prop_oneof![4 => Just(0_u32), 1 => 1..5_u32];
    (any::<bool>(), ports, 0..2_u32, lost, prop::collection::vec(part(), 0..6))
        .prop_map(|(ipfix, port, domain, lost, parts)| Sent { ipfix, port, domain, lost, parts })
}

fn payload(sent: &Sent, sequence: u32) -> Vec<u8> {
    let start = if sent.ipfix { ipfix() } else { v9() };
    let start = start.domain(sent.domain).numbered(sequence);
    let message = sent.parts.iter().fold(start, |message: Message, part| match part {
        Part::Template(id, layout) => message.template(*id, LAYOUTS[*layout]),
        Part::Data(id, bytes) => message.set(*id, bytes),
        Part::Rate(rate) => {
            message.options(300, 1, RATES).data(300, &[vec![0, 0, 0, 0, 0, 0, 0, *rate]])
        }
        Part::Sampler(id, rate) => {
            message.options(301, 1, SAMPLERS).data(301, &[vec![0, 0, 0, 0, 0, *id, 0, 0, 0, *rate]])
        }
        Part::Steal(id) => message.options(*id, 1, RATES),
    });
    message.bytes()
}

/// Everything a stream came to.
#[derive(Debug, PartialEq)]
struct Outcome {
    flows: Vec<String>,
    counts: DecodeCounts,
    queued: Queued,
    reports: Vec<ExporterReport>,
}

fn outcome(decoder: &Decoder, flows: Vec<FlowRecord>, counts: DecodeCounts) -> Outcome {
    let mut flows: Vec<_> = flows.iter().map(|flow| format!("{flow:?}")).collect();
    flows.sort();
    Outcome { flows, counts, queued: decoder.queued(), reports: decoder.exporters() }
}

fn datagram(sent: &Sent, at: usize, payload: &'static [u8]) -> Datagram<'static> {
    Datagram {
        source: EXPORTER.parse().unwrap(),
        source_port: sent.port,
        received: Timestamp::from_secs(NOW + at as u64 / 10),
        payload,
    }
}

fn at_once(stream: &[(Sent, &'static [u8])]) -> Outcome {
    let mut decoder = Decoder::new(DecodeSettings::default());
    let (mut out, mut flows, mut counts) =
        (Decoded::default(), Vec::new(), DecodeCounts::default());
    for (at, (sent, payload)) in stream.iter().enumerate() {
        decoder.decode(datagram(sent, at, payload), &mut out);
        flows.extend_from_slice(&out.flows);
        counts += out.counts;
    }
    outcome(&decoder, flows, counts)
}

/// Walks the stream in batches; what a batch leaves is read in pieces after the
/// whole stream was walked, the last piece first.
fn apart(stream: &[(Sent, &'static [u8])], batch: usize, piece: usize) -> Outcome {
    let mut decoder = Decoder::new(DecodeSettings::default());
    let (mut out, mut flows, mut counts) =
        (Decoded::default(), Vec::new(), DecodeCounts::default());
    let mut left = Vec::new();
    for (number, part) in stream.chunks(batch).enumerate() {
        let (mut bytes, mut apart) = (Vec::new(), Apart::default());
        for (at, (sent, payload)) in part.iter().enumerate() {
            let base = bytes.len();
            bytes.extend_from_slice(payload);
            let datagram = datagram(sent, number * batch + at, payload);
            decoder.decode_apart(datagram, base, &mut apart, &mut out);
            flows.extend_from_slice(&out.flows);
            counts += out.counts;
        }
        left.push((bytes, apart));
    }
    for (bytes, apart) in left.iter().rev() {
        let mut begins: Vec<_> = (0..apart.len()).step_by(piece).collect();
        begins.reverse();
        for begin in begins {
            let mut learnt = Learnt::default();
            let mut sides = Vec::new();
            for set in begin..apart.len().min(begin + piece) {
                apart.sides(set, bytes, &mut counts, &mut learnt, &mut sides);
            }
            let whole = sides.iter().map(|sides| {
                let flow = apart.flow(sides, bytes).unwrap();
                assert_eq!((flow.source, flow.destination), (sides.source, sides.destination));
                flow
            });
            flows.extend(whole);
            decoder.learn(&learnt);
        }
    }
    outcome(&decoder, flows, counts)
}

fn number(stream: Vec<Sent>) -> Vec<(Sent, &'static [u8])> {
    let mut sequence = 0;
    let numbered = stream.into_iter().map(|sent| {
        sequence += 1 + sent.lost;
        let payload: &'static [u8] = Vec::leak(payload(&sent, sequence));
        (sent, payload)
    });
    numbered.collect()
}

/// The lists of a report stand in the order in which things were first seen.
fn in_order(mut outcome: Outcome) -> Outcome {
    for report in &mut outcome.reports {
        report.sampling.sort_by_key(|rate| format!("{rate:?}"));
    }
    outcome
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn sets_read_apart_are_as_if_read_at_once(
        stream in prop::collection::vec(sent(), 0..40),
        batch in 1..12_usize,
        piece in 1..9_usize,
    ) {
        let stream = number(stream);
        prop_assert_eq!(in_order(apart(&stream, batch, piece)), in_order(at_once(&stream)));
    }
}

#[test]
fn a_set_keeps_the_template_and_the_rate_that_held_when_it_came() {
    let parts = |parts: &[Part]| Sent {
        ipfix: false,
        port: 1_000,
        domain: 0,
        lost: 0,
        parts: parts.to_vec(),
    };
    let record = five_tuple(5);
    let data = || Part::Data(256, record.clone());
    let stream = number(vec![
        // Options behind the data of their own datagram hold for them.
        parts(&[data(), Part::Template(256, 0), Part::Rate(10)]),
        parts(&[data()]),
        parts(&[Part::Template(256, 1), Part::Rate(20)]),
        parts(&[data()]),
    ]);
    let (once, apart) = (at_once(&stream), apart(&stream, 4, 1));
    assert_eq!(apart, once);
    let counts = once.counts;
    assert_eq!((counts.records_decoded, counts.templates_redefined), (3, 1));
    let of = |rate: u32| once.reports[0].sampling.iter().find(|r| r.rate == rate).unwrap().flows;
    assert_eq!((of(10), of(20)), (2, 1));
    let swapped = once.flows.iter().filter(|flow| flow.contains("packets: 5,")).count();
    assert_eq!(swapped, 2, "the third is read by the later layout: {:?}", once.flows);
}
