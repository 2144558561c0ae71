//! Sampling, rule by rule: each test is a rule of what breaks collectors in the
//! field; the number is that of the rule in docs/exporters.md.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/datagrams.rs"]
mod datagrams;

use std::num::NonZeroU32;

use datagrams::{
    Bench, FIVE_TUPLE, advice, five_tuple, flow_sample, ipfix, ipv4_packet, raw_header, sflow, v5,
    v9,
};
use hayrake::decode::{DecodeSettings, RateField};
use hayrake::model::flow::FlowRecord;
use hayrake::model::sampling::{Sampling, SamplingSource};

/// A flow template with a sampler id of one byte after the five-tuple.
fn with_sampler() -> Vec<(u16, u16)> {
    [FIVE_TUPLE, &[(48, 1)]].concat()
}

fn record(sampler: u8) -> Vec<u8> {
    [five_tuple(1), vec![sampler]].concat()
}

fn rates(flows: &[FlowRecord]) -> Vec<Option<u32>> {
    flows.iter().map(|flow| flow.sampling.rate().map(NonZeroU32::get)).collect()
}

/// An options template 300 of these fields behind a system scope, one record
/// of it, and one flow without sampler id.
fn ipfix_options(fields: &[(u16, u16)], values: &[u8]) -> Vec<u8> {
    let fields = [&[(144, 4)], fields].concat();
    ipfix()
        .options(300, 1, &fields)
        .template(256, FIVE_TUPLE)
        .data(300, &[[&[0, 0, 0, 1], values].concat()])
        .data(256, &[five_tuple(1)])
        .bytes()
}

fn rate_of(fields: &[(u16, u16)], values: &[u8]) -> Option<u32> {
    rates(&Bench::new().feed(&ipfix_options(fields, values)))[0]
}

fn configured(rate: u32) -> DecodeSettings {
    DecodeSettings {
        default_sampling: vec![
            ("192.0.2.0/24".parse().unwrap(), NonZeroU32::new(rate).unwrap()),
            ("192.0.0.0/16".parse().unwrap(), NonZeroU32::new(7).unwrap()),
        ],
        ..DecodeSettings::default()
    }
}

// 1
#[test]
fn an_unknown_rate_drops_no_flow_and_is_flagged_and_counted() {
    let mut bench = Bench::new();
    let message = v9().template(256, FIVE_TUPLE).data(256, &[five_tuple(1), five_tuple(2)]);
    let flows = bench.feed(&message.bytes());
    assert_eq!(flows.len(), 2);
    assert!(flows.iter().all(|flow| flow.sampling == Sampling::Unknown));
    assert_eq!(bench.total.unknown_sampling, 2);
    let report = &bench.decoder.exporters()[0];
    assert_eq!(report.unknown_sampling, 2);
    assert!(advice(report).contains("192.0.2.1/32"), "{:?}", report.advice);
}

// 1
#[test]
fn an_unknown_rate_is_the_configured_one_of_the_longest_prefix() {
    let mut bench = Bench::with(configured(1_000));
    let message = v9().template(256, FIVE_TUPLE).data(256, &[five_tuple(1)]);
    let flows = bench.feed(&message.bytes());
    assert_eq!(flows[0].sampling, Sampling::new(1_000, SamplingSource::Configured));
    bench.decoder.reconfigure(configured(50));
    let flows = bench.feed(&v9().data(256, &[five_tuple(1)]).bytes());
    assert_eq!(rates(&flows), [Some(50)], "templates stay, the rate is the new one");
}

// 4
#[test]
fn two_samplers_of_one_domain_are_joined_by_their_id() {
    let mut bench = Bench::new();
    let message = v9()
        .options(300, 1, &[(1, 4), (48, 1), (49, 1), (50, 4)])
        .template(256, &with_sampler())
        .data(
            300,
            &[vec![0, 0, 0, 0, 1, 2, 0, 0, 0x07, 0xd0], vec![0, 0, 0, 0, 2, 2, 0, 0, 0x0f, 0xa0]],
        )
        .data(256, &[record(1), record(2), record(1)]);
    let flows = bench.feed(&message.bytes());
    assert_eq!(rates(&flows), [Some(2_000), Some(4_000), Some(2_000)]);
    assert_eq!(flows[0].sampling, Sampling::new(2_000, SamplingSource::Options));
    let report = &bench.decoder.exporters()[0];
    assert_eq!(report.sampling[0].field, Some(RateField::RandomInterval));
    assert_eq!(report.samplers.len(), 2);
}

// 5
#[test]
fn an_interval_and_its_space_are_added() {
    assert_eq!(rate_of(&[(305, 4), (306, 4)], &[0, 0, 0, 1, 0, 0, 0x03, 0xe7]), Some(1_000));
    assert_eq!(rate_of(&[(305, 4), (306, 4)], &[0, 0, 0, 2, 0, 0, 0, 6]), Some(4));
    assert_eq!(rate_of(&[(304, 2), (305, 4), (306, 4)], &[0, 1, 0, 0, 0, 1, 0, 0, 0, 9]), Some(10));
    assert_eq!(rate_of(&[(305, 4), (306, 4)], &[0, 0, 0, 1, 0, 0, 0, 0]), Some(1), "unsampled");
}

// 5
#[test]
fn n_out_of_n_goes_before_the_interval_when_the_algorithm_is_three() {
    // IOS-XR as pmacct test 104 has it: 305=1, 309=1, 310=256.
    let fields = [(302, 4), (304, 2), (305, 4), (309, 4), (310, 4)];
    let values = [0, 0, 0, 1, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0];
    let mut bench = Bench::new();
    bench.feed(&ipfix_options(&fields, &values));
    assert_eq!(bench.decoder.exporters()[0].samplers[0].rate, 256);
    // Newer software, test 112: both say 1024.
    let values = [0, 0, 0, 1, 0, 3, 0, 0, 4, 0, 0, 0, 0, 1, 0, 0, 4, 0];
    let mut bench = Bench::new();
    bench.feed(&ipfix_options(&fields, &values));
    let report = &bench.decoder.exporters()[0];
    assert_eq!((report.samplers[0].rate, report.samplers[0].field), (1_024, RateField::Population));
    // n of N with n above 1.
    assert_eq!(
        rate_of(&[(304, 2), (309, 4), (310, 4)], &[0, 3, 0, 0, 0, 5, 0, 0, 0, 50]),
        Some(10)
    );
}

// 5
#[test]
fn the_fields_are_believed_in_their_order() {
    let all = [(304, 2), (305, 2), (306, 2), (309, 2), (310, 2), (50, 2), (34, 2)];
    let bytes = |numbers: [u16; 7]| numbers.map(u16::to_be_bytes).concat();
    assert_eq!(rate_of(&all, &bytes([3, 1, 9, 1, 20, 30, 40])), Some(20), "309/310");
    assert_eq!(rate_of(&all, &bytes([1, 1, 9, 1, 20, 30, 40])), Some(10), "305+306");
    assert_eq!(rate_of(&all, &bytes([1, 0, 0, 0, 0, 30, 40])), Some(30), "50");
    assert_eq!(rate_of(&all, &bytes([1, 0, 0, 0, 0, 0, 40])), Some(40), "34");
    assert_eq!(rate_of(&[(304, 2), (305, 2)], &[0, 3, 1, 0]), Some(256), "305 as v9 uses it");
}

// 5
#[test]
fn an_ambiguous_selector_is_unknown_and_not_one() {
    // Captures 500 and srv6: 304=3, 305=1 and nothing else.
    let fields = [(302, 4), (304, 2), (305, 4)];
    let values = [0, 0, 0, 1, 0, 3, 0, 0, 0, 1];
    let mut bench = Bench::new();
    let flows = bench.feed(&ipfix_options(&fields, &values));
    assert_eq!(flows[0].sampling, Sampling::Unknown);
    assert_eq!(bench.total.ambiguous_sampling, 1);
    let advice = advice(&bench.decoder.exporters()[0]);
    assert!(advice.contains("samplingPopulation"), "{advice}");
    assert_eq!(rate_of(&[(304, 2), (305, 4), (306, 4)], &[0, 3, 0, 0, 0, 1, 0, 0, 0, 0]), None);
    assert_eq!(rate_of(&[(305, 4)], &[0, 0, 0, 1]), None, "305 alone");
    assert_eq!(rate_of(&[(305, 4), (306, 4)], &[0, 0, 3, 0xe8, 0, 0, 0, 0]), None, "no space");
}

// 6
#[test]
fn a_sampler_with_the_interval_zero_is_ignored() {
    let mut bench = Bench::new();
    let message = v9()
        .options(300, 1, &[(1, 4), (34, 4)])
        .template(256, FIVE_TUPLE)
        .data(300, &[vec![0, 0, 0, 1, 0, 0, 0, 100], vec![0, 0, 0, 2, 0, 0, 0, 0]])
        .data(256, &[five_tuple(1)]);
    assert_eq!(rates(&bench.feed(&message.bytes())), [Some(100)]);
    // A zero that follows for the same sampler takes nothing away.
    let message = v9().data(300, &[vec![0, 0, 0, 1, 0, 0, 0, 0]]).data(256, &[five_tuple(1)]);
    assert_eq!(rates(&bench.feed(&message.bytes())), [Some(100)]);
}

// 7
#[test]
fn sampling_fields_of_odd_length_are_read_by_their_length() {
    for length in 1..=8_u16 {
        let mut values = vec![0; usize::from(length)];
        *values.last_mut().unwrap() = 200;
        assert_eq!(rate_of(&[(34, length)], &values), Some(200), "{length} bytes");
    }
}

// 7
#[test]
fn a_rate_that_no_router_has_is_not_used() {
    let mut bench = Bench::new();
    let flows = bench.feed(&ipfix_options(&[(34, 4)], &[0xff, 0xff, 0xff, 0xff]));
    assert_eq!(rates(&flows), [None]);
    assert_eq!(bench.total.implausible_sampling, 1);
}

// 7 and 8
#[test]
fn a_changed_rate_is_told_and_changes_the_matching_sampler_only() {
    let mut bench = Bench::new();
    let option = |sampler: u8, rate: u8| vec![0, 0, 0, 0, sampler, 0, 0, 0, rate];
    let message = v9()
        .options(300, 1, &[(1, 4), (48, 1), (50, 4)])
        .template(256, &with_sampler())
        .data(300, &[option(1, 100), option(2, 200)])
        .data(256, &[record(1), record(2)]);
    assert_eq!(rates(&bench.feed(&message.bytes())), [Some(100), Some(200)]);
    let message = v9().data(300, &[option(1, 50)]).data(256, &[record(1), record(2)]);
    assert_eq!(rates(&bench.feed(&message.bytes())), [Some(50), Some(200)]);
    assert_eq!(bench.total.sampling_changes, 1);
    assert!(bench.problems()[0].contains("from 1:100 to 1:50"), "{:?}", bench.problems());
    assert_eq!(bench.total.records_rejected, 0, "a change costs nothing");
}

// 9
#[test]
fn a_sampler_holds_only_for_the_records_that_name_it() {
    let mut bench = Bench::new();
    let message = v9()
        .options(300, 1, &[(1, 4), (48, 1), (50, 4)])
        .template(256, &with_sampler())
        .template(257, FIVE_TUPLE)
        .data(300, &[vec![0, 0, 0, 0, 1, 0, 0, 0, 100]])
        .data(256, &[record(1), record(0)])
        .data(257, &[five_tuple(1)]);
    // Id 0 was not sampled by sampler 1; template 257 does not know samplers
    // although others of this exporter do.
    assert_eq!(rates(&bench.feed(&message.bytes())), [Some(100), None, None]);
}

// 9
#[test]
fn the_only_sampler_holds_for_flows_of_an_exporter_that_names_none() {
    let mut bench = Bench::new();
    let message = v9()
        .options(300, 1, &[(1, 4), (48, 1), (50, 4)])
        .template(257, FIVE_TUPLE)
        .data(300, &[vec![0, 0, 0, 0, 1, 0, 0, 0, 100]])
        .data(257, &[five_tuple(1)]);
    assert_eq!(rates(&bench.feed(&message.bytes())), [Some(100)]);
    // With a second one of another rate nobody knows which.
    let message = v9().data(300, &[vec![0, 0, 0, 0, 2, 0, 0, 0, 200]]).data(257, &[five_tuple(1)]);
    assert_eq!(rates(&bench.feed(&message.bytes())), [None]);
}

// 10
#[test]
fn options_from_one_port_hold_for_data_from_another() {
    let mut bench = Bench::new();
    let options = v9()
        .options(300, 1, &[(1, 4), (48, 1), (50, 4)])
        .data(300, &[vec![0, 0, 0, 0, 1, 0, 0, 0, 100]]);
    bench.feed_from("192.0.2.1", 1_111, &options.bytes());
    let data = v9().template(256, &with_sampler()).data(256, &[record(1)]);
    let flows = bench.feed_from("192.0.2.1", 2_222, &data.bytes());
    assert_eq!(rates(&flows), [Some(100)]);
}

// 10
#[test]
fn two_exporters_behind_one_address_keep_their_own_rates() {
    let mut bench = Bench::new();
    let exporter = |rate: u8| {
        v9().options(300, 1, &[(1, 4), (34, 4)])
            .template(256, FIVE_TUPLE)
            .data(300, &[vec![0, 0, 0, 0, 0, 0, 0, rate]])
            .bytes()
    };
    bench.feed_from("192.0.2.1", 1_111, &exporter(10));
    bench.feed_from("192.0.2.1", 2_222, &exporter(20));
    let data = v9().data(256, &[five_tuple(1)]).bytes();
    assert_eq!(rates(&bench.feed_from("192.0.2.1", 1_111, &data)), [Some(10)]);
    assert_eq!(rates(&bench.feed_from("192.0.2.1", 2_222, &data)), [Some(20)]);
}

// 11
#[test]
fn a_little_endian_rate_is_recognised() {
    // RouterOS 6: 1000 as e8 03 00 00.
    let mut bench = Bench::new();
    let flows = bench.feed(&ipfix_options(&[(34, 4)], &[0xe8, 0x03, 0, 0]));
    assert_eq!(rates(&flows), [Some(1_000)]);
    assert_eq!(bench.total.reversed_sampling, 1);
    assert!(advice(&bench.decoder.exporters()[0]).contains("little-endian"));
    assert_eq!(rate_of(&[(305, 4), (306, 4)], &[1, 0, 0, 0, 0xe7, 3, 0, 0]), Some(1_000));
    assert_eq!(rate_of(&[(34, 4)], &[0, 1, 0, 0]), Some(65_536), "a usual rate is left alone");
}

// 11
#[test]
fn absurd_counters_are_cut_to_what_is_possible() {
    let mut bench = Bench::new();
    let fields = [(8, 4), (12, 4), (2, 8), (1, 8)];
    let mut record = vec![198, 51, 100, 7, 203, 0, 113, 9];
    record.extend(3_u64.to_be_bytes());
    record.extend(u64::MAX.to_be_bytes());
    let flows = bench.feed(&v9().template(256, &fields).data(256, &[record]).bytes());
    assert_eq!((flows[0].packets, flows[0].bytes), (3, 3 * 65_535));
    assert_eq!(bench.total.implausible_counters, 1);
}

// 13
#[test]
fn a_zero_in_the_v5_header_is_the_configured_rate() {
    let flows = Bench::with(configured(1_000)).feed(&v5(2, 0, 0));
    assert_eq!(flows[1].sampling, Sampling::new(1_000, SamplingSource::Configured));
    assert_eq!(Bench::new().feed(&v5(1, 0, 0))[0].sampling, Sampling::Unknown);
    // Two bits of mode, fourteen of rate.
    let flows = Bench::with(configured(1_000)).feed(&v5(1, 0x4064, 0));
    assert_eq!(flows[0].sampling, Sampling::new(100, SamplingSource::Header));
}

// 13
#[test]
fn a_sampler_by_time_has_no_count_rate() {
    let fields = [(304, 2), (307, 4), (308, 4), (305, 4), (50, 4)];
    let mut values = vec![0, 2];
    values.extend([0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 5, 0, 0, 0, 5]);
    assert_eq!(rate_of(&fields, &values), None);
}

// 13
#[test]
fn a_rate_scoped_by_interface_holds_when_all_interfaces_agree() {
    let mut bench = Bench::new();
    let option = |interface: u8, rate: u8| vec![0, 0, 0, interface, 0, 0, 0, rate];
    let message = v9()
        .options(300, 1, &[(2, 4), (34, 4)])
        .template(256, FIVE_TUPLE)
        .data(300, &[option(1, 100), option(2, 100)])
        .data(256, &[five_tuple(1)]);
    assert_eq!(rates(&bench.feed(&message.bytes())), [Some(100)]);
    let message = v9().data(300, &[option(2, 50)]).data(256, &[five_tuple(1)]);
    assert_eq!(rates(&bench.feed(&message.bytes())), [None], "nobody knows which interface");
}

// 30
#[test]
fn a_missing_sampler_table_is_named() {
    let mut bench = Bench::new();
    bench.feed(&v9().template(256, &with_sampler()).data(256, &[record(3)]).bytes());
    assert_eq!(bench.total.unknown_samplers, 1);
    let report = bench.decoder.exporters().remove(0);
    let said = advice(&report);
    assert!(said.contains("sampler 3") && said.contains("sampler-table"), "{said}");
    let router = report.advice[0].routers.iter().find(|router| router.system == "Cisco IOS-XR");
    assert_eq!(router.unwrap().lines, ["options sampler-table timeout 60"]);
}

#[test]
fn a_rate_in_the_record_goes_before_options() {
    let mut bench = Bench::new();
    let fields = [FIVE_TUPLE, &[(34, 4)]].concat();
    let message = v9()
        .options(300, 1, &[(1, 4), (34, 4)])
        .template(256, &fields)
        .data(300, &[vec![0, 0, 0, 0, 0, 0, 0, 100]])
        .data(
            256,
            &[[five_tuple(1), vec![0, 0, 0, 25]].concat(), [five_tuple(1), vec![0; 4]].concat()],
        );
    let flows = bench.feed(&message.bytes());
    assert_eq!(flows[0].sampling, Sampling::new(25, SamplingSource::Record));
    assert_eq!(flows[1].sampling, Sampling::new(100, SamplingSource::Options));
}

#[test]
fn a_probability_is_a_rate() {
    assert_eq!(
        rate_of(&[(304, 2), (311, 8)], &[&[0, 4][..], &0.001_f64.to_be_bytes()].concat()),
        Some(1_000)
    );
    assert_eq!(rate_of(&[(311, 4)], &0.5_f32.to_be_bytes()), Some(2));
    assert_eq!(rate_of(&[(311, 8)], &f64::NAN.to_be_bytes()), None);
    assert_eq!(rate_of(&[(311, 8)], &0_f64.to_be_bytes()), None);
}

#[test]
fn an_sflow_sample_tells_its_own_rate() {
    let sample = |rate| (1, flow_sample(rate, &[raw_header(11, &ipv4_packet())]));
    let flows = Bench::new().feed(&sflow(1, &[sample(400), sample(0)]));
    assert_eq!(flows[0].sampling, Sampling::new(400, SamplingSource::Header));
    assert_eq!(flows[1].sampling, Sampling::Unknown);
}
