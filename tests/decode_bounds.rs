//! What exporters may take: bounded, each loss counted, and who takes too much
//! pushes out only itself (docs/exporters.md 19).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/datagrams.rs"]
mod datagrams;

use std::net::IpAddr;

use datagrams::{Bench, FIVE_TUPLE, five_tuple, v9};

/// One who takes no more than others.
const HONEST: &str = "198.51.100.1";

#[test]
fn exporters_that_churn_templates_cost_bounded_memory() {
    let mut bench = Bench::new();
    for number in 0..5_000_u32 {
        let id = u16::try_from(256 + number % 60_000).unwrap();
        bench.feed(&v9().template(id, FIVE_TUPLE).bytes());
    }
    assert_eq!(bench.decoder.exporters()[0].templates.len(), 1_024);
    assert_eq!(bench.total.templates_evicted, 5_000 - 1_024);
    for number in 0..5_000_u32 {
        let source = IpAddr::from((0x0a00_0000 + number).to_be_bytes()).to_string();
        bench.feed_from(&source, 1, &v9().template(256, FIVE_TUPLE).bytes());
    }
    let held = bench.decoder.exporters().len();
    assert!((4_000..=4_096).contains(&held), "{held}");
    assert_eq!(bench.total.exporters_evicted, 5_001 - held as u64);
    // The newest is still known.
    let newest = IpAddr::from((0x0a00_0000_u32 + 4_999).to_be_bytes()).to_string();
    let data = v9().data(256, &[five_tuple(1)]).bytes();
    assert_eq!(bench.feed_from(&newest, 1, &data).len(), 1);
}

#[test]
fn waiting_data_cost_bounded_memory_and_each_loss_is_counted() {
    let mut bench = Bench::new();
    let records: Vec<_> = (0..50).map(five_tuple).collect();
    let data = v9().data(256, &records).bytes();
    for _ in 0..3_000 {
        bench.feed(&data);
    }
    let queued = bench.decoder.queued();
    assert!(queued.bytes <= 2 << 20, "{queued:?}");
    assert_eq!(bench.total.sets_evicted, 3_000 - queued.records);
    assert_eq!(bench.total.datagrams_unknown_template, 3_000 - queued.datagrams);
    for number in 0..20_u8 {
        let source = format!("192.0.3.{number}");
        for _ in 0..2_000 {
            bench.feed_from(&source, 1, &data);
        }
    }
    assert!(bench.decoder.queued().bytes <= 16 << 20);
}

#[test]
fn one_address_with_endless_domains_pushes_out_only_itself() {
    let mut bench = Bench::new();
    for number in 0..100_u8 {
        let source = format!("198.51.100.{number}");
        bench.feed_from(&source, 9, &v9().template(256, FIVE_TUPLE).bytes());
    }
    bench.now += 60;
    for domain in 0..6_000 {
        bench.feed_from("192.0.2.66", 9, &v9().domain(domain).template(256, FIVE_TUPLE).bytes());
    }
    assert!(bench.total.exporters_evicted > 2_000 - 64, "{}", bench.total.exporters_evicted);
    let data = v9().data(256, &[five_tuple(1)]).bytes();
    for number in 0..100_u8 {
        assert_eq!(bench.feed_from(&format!("198.51.100.{number}"), 9, &data).len(), 1);
    }
}

#[test]
fn exporters_that_fill_the_waiting_buffer_push_out_only_themselves() {
    let mut bench = Bench::new();
    let honest = v9().data(300, &[five_tuple(3)]).bytes();
    bench.feed_from(HONEST, 9, &honest);
    for round in 0..100 {
        for number in 0..20_u8 {
            let flood = v9().data(60_000, &vec![vec![7; 1_000]; 30]).numbered(round).bytes();
            bench.feed_from(&format!("192.0.2.{number}"), 9, &flood);
        }
    }
    assert!(bench.total.sets_evicted > 0);
    let template = v9().template(300, FIVE_TUPLE).bytes();
    assert_eq!(bench.feed_from(HONEST, 9, &template).len(), 1);
}
