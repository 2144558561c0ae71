//! Laws of decoding, on generated streams.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/datagrams.rs"]
mod datagrams;

use datagrams::{Bench, FIVE_TUPLE, Message, five_tuple, ipfix, template, v9};
use hayrake::model::flow::FlowRecord;
use proptest::prelude::*;
use proptest::sample::subsequence;

/// One set of a message.
#[derive(Clone, Debug)]
enum Part {
    Template(u16),
    Data(u16, Vec<u32>),
    Rate(u8),
}

const OPTIONS: &[(u16, u16)] = &[(1, 4), (34, 4)];

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let ids = 256..260_u16;
    let part = prop_oneof![
        ids.clone().prop_map(Part::Template),
        (ids, prop::collection::vec(1..1_000_u32, 0..5)).prop_map(|(id, p)| Part::Data(id, p)),
        (1..200_u8).prop_map(Part::Rate),
    ];
    prop::collection::vec(part, 0..8)
}

fn message(start: Message, parts: &[Part]) -> Message {
    parts.iter().fold(start, |message, part| match part {
        Part::Template(id) => message.template(*id, FIVE_TUPLE),
        Part::Data(id, packets) => {
            let records: Vec<_> = packets.iter().map(|packets| five_tuple(*packets)).collect();
            message.data(*id, &records)
        }
        Part::Rate(rate) => {
            message.options(300, 1, OPTIONS).data(300, &[vec![0, 0, 0, 0, 0, 0, 0, *rate]])
        }
    })
}

fn sorted(mut flows: Vec<FlowRecord>) -> Vec<FlowRecord> {
    flows.sort_by_key(|flow| (flow.packets, flow.sampling.rate(), flow.end));
    flows
}

proptest! {
    // Every cut of every stream keeps the two loss identities, which `Bench`
    // checks after each datagram, and nothing is both decoded and lost.
    #[test]
    fn the_loss_identities_hold_for_any_stream(
        stream in prop::collection::vec((parts(), any::<bool>(), 0..4_u16, any::<Option<u16>>()), 0..12),
    ) {
        let mut bench = Bench::new();
        for (parts, as_ipfix, port, cut) in stream {
            let start = if as_ipfix { ipfix() } else { v9() };
            let mut bytes = message(start, &parts).bytes();
            if let Some(cut) = cut {
                bytes.truncate(usize::from(cut) % (bytes.len() + 1));
            }
            bench.feed_from("192.0.2.1", port, &bytes);
            bench.now += 300;
        }
        // In the end what waits is given up, and the identity needs no queue.
        bench.now += 7_200;
        bench.feed(&v9().bytes());
        prop_assert_eq!(bench.decoder.queued().records, 0);
    }

    // The order of the sets in a datagram makes no difference, as long as no
    // id is defined twice.
    #[test]
    fn the_order_of_sets_makes_no_difference(
        packets in prop::collection::vec(prop::collection::vec(1..1_000_u32, 1..5), 1..4),
        order in Just((0..7_usize).collect::<Vec<_>>()).prop_shuffle(),
        rate in 1..200_u8,
    ) {
        let mut parts = vec![Part::Rate(rate)];
        for (id, packets) in (256..).zip(&packets) {
            parts.push(Part::Template(id));
            parts.push(Part::Data(id, packets.clone()));
        }
        let shuffled: Vec<Part> =
            order.into_iter().filter_map(|place| parts.get(place).cloned()).collect();
        let straight = Bench::new().feed(&message(ipfix(), &parts).bytes());
        let other = Bench::new().feed(&message(ipfix(), &shuffled).bytes());
        prop_assert_eq!(straight.len(), packets.iter().map(Vec::len).sum::<usize>());
        prop_assert_eq!(sorted(straight), sorted(other));
    }

    // Data that waited come out as if their template had come first.
    #[test]
    fn waiting_changes_nothing_but_the_moment(
        packets in prop::collection::vec(prop::collection::vec(1..1_000_u32, 0..6), 1..6),
    ) {
        let data = |packets: &Vec<u32>| {
            message(v9(), &[Part::Data(256, packets.clone())]).bytes()
        };
        let define = v9().template(256, FIVE_TUPLE).bytes();
        let mut early = Bench::new();
        early.feed(&define);
        let straight: Vec<_> = packets.iter().flat_map(|packets| early.feed(&data(packets))).collect();
        let mut late = Bench::new();
        for packets in &packets {
            prop_assert!(late.feed(&data(packets)).is_empty());
        }
        prop_assert_eq!(late.feed(&define), straight);
        prop_assert_eq!(late.total.records_decoded, early.total.records_decoded);
        prop_assert_eq!(late.total.datagrams_decoded, early.total.datagrams_decoded);
    }

    // Whatever a record claims, no flow ends in the future, and none ends
    // before it starts.
    #[test]
    fn no_flow_ends_before_it_starts_or_in_the_future(
        first in any::<u64>(),
        last in any::<u64>(),
        kind in 0..6_usize,
        uptime in any::<u32>(),
        seconds in any::<u32>(),
    ) {
        let (start, end) = [(22, 21), (150, 151), (152, 153), (154, 155), (156, 157), (158, 159)][kind];
        let record = [first.to_be_bytes(), last.to_be_bytes()].concat();
        let start = v9()
            .uptime(uptime)
            .seconds(u64::from(seconds))
            .template(256, &[(start, 8), (end, 8)])
            .data(256, &[record]);
        let mut bench = Bench::new();
        let flows = bench.feed(&start.bytes());
        prop_assert_eq!(flows.len(), 1);
        prop_assert!(flows[0].start <= flows[0].end);
        prop_assert!(flows[0].end.as_secs() <= bench.now + 600);
    }

    // However wide its fields are, a counter reads as the number it holds.
    #[test]
    fn a_number_of_any_width_is_read(width in 1..=12_usize, value in any::<u32>(), before in 0..20_u16) {
        let mut number = [0; 12];
        number[8..].copy_from_slice(&value.to_be_bytes());
        let number = &number[12 - width..];
        let expected = number.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let fields = [(82, before), (1, u16::try_from(width).unwrap()), (5, 1)];
        let record = [&vec![0xff; usize::from(before)], number, &[0xff]].concat();
        let flows = Bench::new().feed(&v9().template(256, &fields).data(256, &[record]).bytes());
        prop_assert_eq!(flows[0].bytes, expected);
    }

    // Losing datagrams is counted to the packet, whichever are lost; the first
    // and the last forty come, so that every gap has both ends and is closed.
    #[test]
    fn every_lost_packet_is_counted(
        kept in subsequence((1..200_u32).collect::<Vec<_>>(), 0..199),
        begin in any::<u32>(),
    ) {
        let mut bench = Bench::new();
        let numbers = std::iter::once(0).chain(kept.iter().copied()).chain(200..240);
        for number in numbers {
            bench.feed(&v9().numbered(begin.wrapping_add(number)).bytes());
        }
        prop_assert_eq!(bench.total.lost_packets, 199 - kept.len() as u64);
        prop_assert_eq!(bench.total.restarts, 0);
    }
}

// Templates that share one set are all read.
#[test]
fn many_templates_of_one_set_are_all_read() {
    let body: Vec<u8> = (256..300).flat_map(|id| template(id, FIVE_TUPLE)).collect();
    let mut bench = Bench::new();
    bench.feed(&ipfix().set(2, &body).bytes());
    assert_eq!(bench.total.templates, 44);
}
