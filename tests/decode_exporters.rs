//! Templates, framing, time and sequence numbers, rule by rule: each test is a
//! rule of what breaks collectors in the field; the number is that of the rule
//! in docs/exporters.md. Sampling, and what exporters may take, have their own
//! files.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/datagrams.rs"]
mod datagrams;

use datagrams::{
    Bench, FIVE_TUPLE, NOW, five_tuple, ipfix, template, v5, v5_header, v5_record, v9,
};
use hayrake::decode::AdviceKind;
use hayrake::model::flow::{Counters, FlowDirection};

const OPTIONS: &[(u16, u16)] = &[(1, 4), (34, 4)];

fn option(rate: u8) -> Vec<u8> {
    vec![0, 0, 0, 1, 0, 0, 0, rate]
}

// 2
#[test]
fn template_options_and_data_of_one_datagram_join_in_every_order() {
    let steps: [fn(datagrams::Message) -> datagrams::Message; 4] = [
        |message| message.template(256, FIVE_TUPLE),
        |message| message.options(300, 1, OPTIONS),
        |message| message.data(300, &[option(100)]),
        |message| message.data(256, &[five_tuple(5)]),
    ];
    let mut orders = 0;
    for first in 0..4 {
        for second in 0..4 {
            for third in 0..4 {
                let fourth = 6_usize.wrapping_sub(first + second + third);
                let order = [first, second, third, fourth];
                if (0..4).any(|step| order.iter().filter(|at| **at == step).count() != 1) {
                    continue;
                }
                orders += 1;
                for start in [v9(), ipfix()] {
                    let mut bench = Bench::new();
                    let message = order.iter().fold(start, |message, step| steps[*step](message));
                    let flows = bench.feed(&message.bytes());
                    assert_eq!(flows.len(), 1, "{order:?}");
                    assert_eq!(flows[0].sampling.rate().unwrap().get(), 100, "{order:?}");
                    assert_eq!(bench.total.option_records, 1, "{order:?}");
                    assert_eq!(bench.decoder.queued().datagrams, 0, "{order:?}");
                    assert_eq!(bench.total.datagrams_decoded, 1, "{order:?}");
                }
            }
        }
    }
    assert_eq!(orders, 24);
}

// 10
#[test]
fn a_template_from_one_port_reads_data_from_another() {
    let mut bench = Bench::new();
    bench.feed_from("192.0.2.1", 1_111, &v9().template(256, FIVE_TUPLE).bytes());
    let data = v9().data(256, &[five_tuple(1)]).bytes();
    assert_eq!(bench.feed_from("192.0.2.1", 2_222, &data).len(), 1);
    assert_eq!(bench.feed_from("192.0.2.2", 2_222, &data).len(), 0, "another address");
}

// 10
#[test]
fn two_exporters_behind_one_address_do_not_corrupt_each_other() {
    let other = [(12, 4), (8, 4), (11, 2), (7, 2), (4, 1), (6, 1), (1, 4), (2, 4)];
    let mut bench = Bench::new();
    bench.feed_from("192.0.2.1", 1_111, &v9().template(256, FIVE_TUPLE).bytes());
    bench.feed_from("192.0.2.1", 2_222, &v9().template(256, &other).bytes());
    let data = v9().data(256, &[five_tuple(5)]).bytes();
    for _ in 0..3 {
        let first = bench.feed_from("192.0.2.1", 1_111, &data)[0];
        let second = bench.feed_from("192.0.2.1", 2_222, &data)[0];
        assert_eq!((first.packets, first.bytes), (5, 500));
        assert_eq!((second.packets, second.bytes), (500, 5));
        assert_eq!(first.source, second.destination);
    }
    let report = bench.decoder.exporters().remove(0);
    assert_eq!(report.disputed_templates, 1);
    assert!(report.advice.iter().any(|advice| advice.kind == AdviceKind::SharedAddress));
    // A third port that says nothing of itself is not guessed at.
    assert_eq!(bench.feed_from("192.0.2.1", 3_333, &data).len(), 0);
    assert_eq!(bench.decoder.queued().records, 1);
}

// 14
#[test]
fn totals_over_the_flows_life_are_flagged_and_options_are_no_flows() {
    let fields = [(8, 4), (12, 4), (85, 8), (86, 8)];
    let record = |packets: u64| {
        let mut record = vec![198, 51, 100, 7, 203, 0, 113, 9];
        record.extend((packets * 100).to_be_bytes());
        record.extend(packets.to_be_bytes());
        record
    };
    let mut bench = Bench::new();
    let message = ipfix()
        .template(256, &fields)
        .options(300, 1, &[(144, 4), (41, 8)])
        .data(256, &[record(10), record(20)])
        .data(300, &[vec![0; 12]]);
    let flows = bench.feed(&message.bytes());
    assert_eq!(flows.len(), 2);
    assert!(flows.iter().all(|flow| flow.counters == Counters::Total));
    assert_eq!(bench.total.option_records, 1);
}

// 17
#[test]
fn data_without_template_put_out_nothing_and_are_counted() {
    let mut bench = Bench::new();
    assert_eq!(bench.feed(&v9().data(256, &[five_tuple(1)]).bytes()), []);
    assert_eq!(bench.decoder.queued().datagrams, 1);
    assert_eq!(bench.decoder.exporters()[0].unknown_sets[0].template, 256);
    // Nobody waits for ever.
    bench.now += 3_600;
    bench.feed(&v9().bytes());
    assert_eq!(bench.decoder.queued(), hayrake::decode::Queued::default());
    assert_eq!(bench.total.datagrams_unknown_template, 1);
    assert_eq!((bench.total.records_unknown_template, bench.total.sets_expired), (1, 1));
}

// 18
#[test]
fn early_data_are_decoded_when_their_template_comes() {
    let mut bench = Bench::new();
    for number in 1..=3 {
        bench.feed(&v9().data(256, &[five_tuple(number), five_tuple(number)]).bytes());
        bench.now += 60;
    }
    assert_eq!(bench.decoder.queued().records, 3);
    let flows = bench.feed(&v9().template(256, FIVE_TUPLE).data(256, &[five_tuple(9)]).bytes());
    let packets: Vec<u64> = flows.iter().map(|flow| flow.packets).collect();
    assert_eq!(packets, [1, 1, 2, 2, 3, 3, 9], "oldest first");
    assert_eq!(flows[0].end.as_secs(), NOW, "each by the clock of its own datagram");
    assert_eq!(bench.total.datagrams_decoded, 4);
    assert_eq!(bench.total.records_decoded, 7);
}

// 18
#[test]
fn a_template_is_kept_for_a_day_and_not_longer() {
    let mut bench = Bench::new();
    bench.feed(&v9().template(256, FIVE_TUPLE).template(257, FIVE_TUPLE).bytes());
    for _ in 0..30 {
        bench.now += 3_600;
        let data = v9().seconds(bench.now).data(256, &[five_tuple(1)]);
        assert_eq!(bench.feed(&data.bytes()).len(), 1, "use keeps it");
    }
    assert_eq!(bench.total.templates_expired, 1, "257 was not used");
    assert_eq!(bench.decoder.exporters()[0].templates.len(), 1);
}

// 20
#[test]
fn templates_that_make_no_sense_are_refused_and_their_neighbours_kept() {
    let mut bench = Bench::new();
    let message = ipfix()
        .template(256, &[(8, 0), (12, 0)])
        .template(100, FIVE_TUPLE)
        .set(2, &[1, 1, 0xff, 0xff, 0, 8, 0, 4])
        .template(257, FIVE_TUPLE)
        .data(257, &[five_tuple(1)]);
    assert_eq!(bench.feed(&message.bytes()).len(), 1);
    assert_eq!(bench.total.records_rejected, 3);
    let problems = bench.problems();
    assert_eq!(
        problems[0],
        "IPFIX: in set at byte 16: template 256: at byte 20: its records have no bytes"
    );
    assert!(problems[1].contains("template id 100, allowed: 256 to 65535"), "{problems:?}");
    assert!(problems[2].contains("template 257"), "{problems:?}");
}

// 21
#[test]
fn the_v9_count_is_ignored() {
    for count in [0, 1, 4, 30, u16::MAX] {
        let mut message = v9()
            .template(256, FIVE_TUPLE)
            .options(300, 1, OPTIONS)
            .data(300, &[option(10)])
            .data(256, &[five_tuple(1), five_tuple(2), five_tuple(3)]);
        message.count = count;
        let mut bench = Bench::new();
        assert_eq!(bench.feed(&message.bytes()).len(), 3, "count {count}");
        assert_eq!(bench.total.option_records, 1);
    }
}

// 22
#[test]
fn every_kind_of_padding_is_no_record() {
    let pad = |bytes: usize| vec![0_u8; bytes];
    for padding in 0..=7 {
        for start in [v9(), ipfix()] {
            let mut bench = Bench::new();
            let message = start.template(256, FIVE_TUPLE).data(256, &[five_tuple(1), pad(padding)]);
            assert_eq!(bench.feed(&message.bytes()).len(), 1, "{padding} bytes");
            assert_eq!(bench.total.datagrams_decoded, 1);
        }
    }
    // A record as short as padding: zeros at the end are padding.
    let mut bench = Bench::new();
    let message = ipfix().template(256, &[(4, 1), (6, 1)]).data(256, &[vec![6, 2, 17, 0, 0, 0]]);
    assert_eq!(bench.feed(&message.bytes()).len(), 2);
    // Zeros after the template in its set, and to the end of the datagram.
    let mut bench = Bench::new();
    let padded = [template(256, FIVE_TUPLE), pad(6)].concat();
    let message = v9().set(0, &padded).data(256, &[five_tuple(1)]).raw(&pad(900));
    assert_eq!(bench.feed(&message.bytes()).len(), 1);
    assert_eq!(bench.total.datagrams_decoded, 1, "{:?}", bench.problems());
}

// 24
#[test]
fn sequence_numbers_count_in_the_unit_of_their_format() {
    let mut bench = Bench::new();
    let template = |start: datagrams::Message| start.template(256, FIVE_TUPLE);
    let three = || vec![five_tuple(1), five_tuple(2), five_tuple(3)];
    // v9: one packet lost.
    bench.feed(&template(v9()).data(256, &three()).numbered(7).bytes());
    bench.feed(&v9().data(256, &three()).numbered(9).bytes());
    // IPFIX: options records count too; five records lost.
    bench.feed(
        &template(ipfix())
            .options(300, 1, OPTIONS)
            .data(300, &[option(9)])
            .data(256, &three())
            .bytes(),
    );
    bench.feed(&ipfix().data(256, &three()).numbered(9).bytes());
    // v5: ten flows lost.
    bench.feed(&v5(3, 0, 100));
    bench.feed(&v5(3, 0, 113));
    let reports = bench.decoder.exporters();
    let lost: Vec<_> = reports
        .iter()
        .flat_map(|report| &report.sequence)
        .map(|sequence| (sequence.unit, sequence.lost))
        .collect();
    assert_eq!(lost, [("packets", 1), ("records", 5), ("flows", 10)]);
    // Only what nothing filled within the reorder window is counted for good.
    assert_eq!(bench.total.lost_packets, 0);
    for number in 10..60 {
        bench.feed(&v9().data(256, &three()).numbered(number).bytes());
    }
    assert_eq!(bench.total.lost_packets, 1);
}

// 24
#[test]
fn domains_number_apart_and_a_restart_is_no_loss() {
    let mut bench = Bench::new();
    for step in 0..40 {
        bench.feed(&v9().domain(1).numbered(1_000_000 + step).bytes());
        bench.feed(&v9().domain(2).numbered(step).bytes());
    }
    for step in 0..40 {
        bench.feed(&v9().domain(1).numbered(step).bytes());
    }
    assert_eq!((bench.total.lost_packets, bench.total.restarts), (0, 1));
}

// 25
#[test]
fn ipv6_is_read_as_ipv6_and_a_mapped_exporter_is_its_ipv4_self() {
    let mut record = Vec::new();
    record.extend("2001:db8:1::7".parse::<std::net::Ipv6Addr>().unwrap().octets());
    record.extend("2001:db8:2::9".parse::<std::net::Ipv6Addr>().unwrap().octets());
    let mut bench = Bench::new();
    bench.feed_from("::ffff:192.0.2.1", 1, &v9().template(256, &[(27, 16), (28, 16)]).bytes());
    let flows = bench.feed_from("192.0.2.1", 1, &v9().data(256, &[record.clone()]).bytes());
    assert_eq!(flows[0].source.to_string(), "2001:db8:1::7");
    assert_eq!(flows[0].destination.to_string(), "2001:db8:2::9");
    assert_eq!(bench.decoder.exporters().len(), 1);
    // A template with room for both kinds of address and one of them filled.
    let both = [(8, 4), (12, 4), (27, 16), (28, 16)];
    let six = [vec![0; 8], record].concat();
    let four = [vec![198, 51, 100, 7, 203, 0, 113, 9], vec![0; 32]].concat();
    let flows = bench.feed(&ipfix().template(256, &both).data(256, &[six, four]).bytes());
    assert_eq!(flows[0].source.to_string(), "2001:db8:1::7");
    assert_eq!(flows[1].source.to_string(), "198.51.100.7");
}

// 26
#[test]
fn in_and_out_counters_of_one_record_are_not_added() {
    let fields = [(61, 1), (1, 4), (2, 4), (23, 4), (24, 4)];
    let record = [1, 0, 0, 0, 200, 0, 0, 0, 2, 0, 0, 0, 150, 0, 0, 0, 1].to_vec();
    let flows = Bench::new().feed(&v9().template(256, &fields).data(256, &[record]).bytes());
    assert_eq!((flows[0].packets, flows[0].bytes), (2, 200));
    assert_eq!(flows[0].direction, FlowDirection::Egress);
}

// 28
#[test]
fn the_last_writer_of_an_id_wins_also_between_data_and_options() {
    let mut bench = Bench::new();
    bench.feed(&ipfix().options(256, 1, &[(144, 4), (41, 4)]).data(256, &[vec![0; 8]]).bytes());
    assert_eq!((bench.total.option_records, bench.total.records_decoded), (1, 0));
    bench.feed(&ipfix().template(256, FIVE_TUPLE).data(256, &[five_tuple(1)]).bytes());
    assert_eq!((bench.total.option_records, bench.total.records_decoded), (1, 1));
    bench.feed(&ipfix().template(256, &[(8, 4)]).data(256, &[vec![1; 8]]).bytes());
    assert_eq!(bench.total.records_decoded, 3);
    bench.feed(&ipfix().options(256, 1, &[(144, 4), (41, 4)]).data(256, &[vec![0; 8]]).bytes());
    assert_eq!((bench.total.option_records, bench.total.records_decoded), (2, 3));
    assert_eq!(bench.total.templates_redefined, 3);
}

// 28
#[test]
fn a_withdrawn_template_reads_nothing_any_more() {
    let mut bench = Bench::new();
    bench.feed(&ipfix().template(256, FIVE_TUPLE).template(257, FIVE_TUPLE).bytes());
    bench.feed(&ipfix().template(256, &[]).bytes());
    assert_eq!(bench.feed(&ipfix().data(256, &[five_tuple(1)]).bytes()).len(), 0);
    assert_eq!(bench.feed(&ipfix().data(257, &[five_tuple(1)]).bytes()).len(), 1);
    bench.feed(&ipfix().set(2, &[0, 2, 0, 0]).bytes());
    assert_eq!(bench.feed(&ipfix().data(257, &[five_tuple(1)]).bytes()).len(), 0);
    assert_eq!(bench.total.template_withdrawals, 2);
}

// 29
#[test]
fn a_problem_names_byte_set_and_template() {
    let mut bench = Bench::new();
    let mut bytes =
        v9().template(256, FIVE_TUPLE).data(256, &[five_tuple(1), five_tuple(2)]).bytes();
    bytes.truncate(bytes.len() - 10);
    assert_eq!(bench.feed(&bytes).len(), 1, "the whole record of a cut set is good");
    assert_eq!(
        bench.problems(),
        ["NetFlow v9: in set at byte 60: template 256: set length 48, but 38 bytes are there"]
    );
    assert_eq!(bench.out.exporter.unwrap().to_string(), "192.0.2.1#0");
    assert_eq!(bench.total.datagrams_rejected, 1);
}

#[test]
fn v7_is_read_like_v5_with_longer_records() {
    let mut bytes = v5_header(7, 2, 50);
    bytes.extend([0; 4]);
    for packets in [3, 4] {
        bytes.extend(v5_record(packets));
        bytes.extend([10, 0, 0, 1]);
    }
    let mut bench = Bench::new();
    let flows = bench.feed(&bytes);
    assert_eq!(flows.iter().map(|flow| flow.packets).collect::<Vec<_>>(), [3, 4]);
    assert_eq!((flows[1].destination_port, flows[1].tcp_flags, flows[1].protocol), (443, 0x18, 6));
    assert_eq!(flows[1].end.as_secs(), NOW - 1);
    assert_eq!(bench.total.datagrams_decoded, 1);
}
