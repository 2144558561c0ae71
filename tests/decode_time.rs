//! Flow times in whole datagrams; the number is that of the rule in
//! docs/exporters.md.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/datagrams.rs"]
mod datagrams;

use datagrams::{Bench, Message, NOW, advice, ipfix, v5, v9};

/// Start and end in milliseconds before the export time, of the only record
/// of a template with these fields.
fn times(start: Message, fields: &[(u16, u16)], record: &[u8]) -> (i64, i64) {
    let mut bench = Bench::new();
    let flows = bench.feed(&start.template(256, fields).data(256, &[record.to_vec()]).bytes());
    before_now(&flows[0])
}

fn before_now(flow: &hayrake::model::flow::FlowRecord) -> (i64, i64) {
    let now = i64::try_from(NOW * 1_000).unwrap();
    let ago = |at: hayrake::model::time::Timestamp| now - i64::try_from(at.as_millis()).unwrap();
    (ago(flow.start), ago(flow.end))
}

fn millis(ago: u64) -> [u8; 8] {
    (NOW * 1_000 - ago).to_be_bytes()
}

// 12
#[test]
fn the_order_of_time_fields_does_not_matter() {
    // MikroTik: uptimes relative to systemInitTimeMilliseconds in the record.
    let init = millis(50_000);
    let first = 48_000_u32.to_be_bytes();
    let last = 49_000_u32.to_be_bytes();
    let orders = [
        ([(160, 8), (22, 4), (21, 4)], [&init[..], &first, &last].concat()),
        ([(21, 4), (160, 8), (22, 4)], [&last[..], &init, &first].concat()),
        ([(21, 4), (22, 4), (160, 8)], [&last[..], &first, &init].concat()),
    ];
    for (fields, record) in orders {
        assert_eq!(times(ipfix(), &fields, &record), (2_000, 1_000), "{fields:?}");
    }
}

// 12
#[test]
fn the_exporters_start_may_come_by_options() {
    // softflowd: 160 in the options, uptimes in the flows.
    let message = ipfix()
        .template(256, &[(22, 4), (21, 4)])
        .options(300, 1, &[(143, 4), (160, 8)])
        .data(256, &[[48_000_u32.to_be_bytes(), 49_000_u32.to_be_bytes()].concat()])
        .data(300, &[[&[0, 0, 0, 1][..], &millis(50_000)].concat()]);
    assert_eq!(before_now(&Bench::new().feed(&message.bytes())[0]), (2_000, 1_000));
}

// 15
#[test]
fn every_time_encoding_places_the_flow_alike() {
    let pair = |one: &[u8], other: &[u8]| [one, other].concat();
    let at = |ago: u64| NOW * 1_000 - ago;
    let ntp = |ago: u64| {
        let millis = at(ago);
        (((millis / 1_000 + 2_208_988_800) << 32) | (((millis % 1_000) << 32) / 1_000))
            .to_be_bytes()
    };
    let cases: [(u16, u16, u16, Vec<u8>); 8] = [
        (22, 21, 4, pair(&3_598_000_u32.to_be_bytes(), &3_599_000_u32.to_be_bytes())),
        // Nexus 7700: milliseconds since 1970 in the eight bytes of an uptime.
        (22, 21, 8, pair(&millis(2_000), &millis(1_000))),
        (22, 21, 8, pair(&3_598_000_u64.to_be_bytes(), &3_599_000_u64.to_be_bytes())),
        (152, 153, 8, pair(&millis(2_000), &millis(1_000))),
        (154, 155, 8, pair(&ntp(2_000), &ntp(1_000))),
        (154, 155, 8, pair(&(at(2_000) * 1_000).to_be_bytes(), &(at(1_000) * 1_000).to_be_bytes())),
        (156, 157, 8, pair(&ntp(2_000), &ntp(1_000))),
        (158, 159, 4, pair(&2_000_000_u32.to_be_bytes(), &1_000_000_u32.to_be_bytes())),
    ];
    for (first, last, length, record) in cases {
        let fields = [(first, length), (last, length)];
        assert_eq!(times(v9(), &fields, &record), (2_000, 1_000), "{fields:?}");
    }
    let seconds = |ago: u64| u32::try_from(NOW - ago).unwrap().to_be_bytes();
    let record = pair(&seconds(2), &seconds(1));
    assert_eq!(times(ipfix(), &[(150, 4), (151, 4)], &record), (2_000, 1_000));
}

// 15
#[test]
fn a_time_of_zero_or_none_at_all_is_the_receive_time() {
    assert_eq!(times(ipfix(), &[(152, 8), (153, 8)], &[0; 16]), (0, 0));
    assert_eq!(times(ipfix(), &[(8, 4)], &[1; 4]), (0, 0));
    assert_eq!(times(ipfix(), &[(22, 4), (21, 4)], &[1; 8]), (0, 0), "no origin is known");
    let only_start = times(ipfix(), &[(152, 8)], &millis(500));
    assert_eq!(only_start, (500, 500), "a start alone stands for the end");
}

// 15
#[test]
fn an_uptime_wrap_moves_no_flow_by_fifty_days() {
    let record = [u32::MAX.to_be_bytes(), 500_u32.to_be_bytes()].concat();
    assert_eq!(times(v9().uptime(1_000), &[(22, 4), (21, 4)], &record), (1_001, 500));
    // softflowd reading a capture: flows from before the exporter's start.
    let before = 10_u32.wrapping_sub(5_000).to_be_bytes();
    let record = [before, before].concat();
    assert_eq!(times(v9().uptime(10), &[(22, 4), (21, 4)], &record), (5_000, 5_000));
}

// 16
#[test]
fn an_exporter_hours_off_is_measured_and_placed_by_receive_time() {
    for (hours, sign) in [(3, 1_i64), (-5, -1)] {
        let mut bench = Bench::new();
        let export = NOW.checked_add_signed(hours * 3_600).unwrap();
        let end = (export * 1_000 - 1_500).to_be_bytes().to_vec();
        let message = ipfix().seconds(export).template(256, &[(153, 8)]).data(256, &[end]);
        let flows = bench.feed(&message.bytes());
        assert_eq!(before_now(&flows[0]), (1_500, 1_500), "{hours} hours");
        assert_eq!(bench.total.skewed_records, 1);
        let report = &bench.decoder.exporters()[0];
        assert_eq!(report.skew_ms, Some(hours * 3_600_000));
        let word = if sign > 0 { "ahead of" } else { "behind" };
        assert!(advice(report).contains(word), "{:?}", report.advice);
    }
}

// 16
#[test]
fn a_small_skew_is_measured_and_moves_nothing() {
    let mut bench = Bench::new();
    let end = (NOW * 1_000 - 1_500).to_be_bytes().to_vec();
    let message = ipfix().seconds(NOW - 300).template(256, &[(153, 8)]).data(256, &[end]);
    assert_eq!(before_now(&bench.feed(&message.bytes())[0]), (1_500, 1_500));
    assert_eq!(bench.decoder.exporters()[0].skew_ms, Some(-300_000));
    assert_eq!(bench.total.skewed_records, 0);
}

// 16
#[test]
fn a_flow_of_the_future_is_placed_by_receive_time_and_counted() {
    let mut bench = Bench::new();
    let far = ((NOW + 86_400) * 1_000).to_be_bytes().to_vec();
    let near = ((NOW + 60) * 1_000).to_be_bytes().to_vec();
    let message = ipfix().template(256, &[(153, 8)]).data(256, &[far, near, vec![0xff; 8]]);
    let flows = bench.feed(&message.bytes());
    let ends: Vec<i64> = flows.iter().map(|flow| before_now(flow).1).collect();
    assert_eq!(ends, [0, -60_000, 0]);
    assert_eq!(bench.total.implausible_time, 2);
}

#[test]
fn v5_times_count_from_the_header() {
    assert_eq!(before_now(&Bench::new().feed(&v5(1, 0, 0))[0]), (2_000, 1_000));
}
